internal import Glibc

/// What an export must not replace: a slip such as `-o city.sqlite` would cost the city.
enum ReplacedFile {
  /// Refuses a file that is a SQLite database (a GeoPackage made by an export is none of ours and may go), what SQLite
  /// keeps beside one, and what lies in a snapshot.
  ///
  /// - Throws: ``StoreError`` of class `.file`.
  static func refuseDatabase(_ path: String) throws(StoreError) {
    for suffix in ["-wal", "-shm", "-journal", "-owner"] where path.hasSuffix(suffix) {
      let owner = String(path.dropLast(suffix.count))
      if isDatabase(owner) { throw refusal(path, "it belongs to the database \(owner)") }
    }
    if path.contains(".cimx/") { throw refusal(path, "a snapshot is kept there") }
    if isDatabase(path) { throw refusal(path, "it is a database") }
  }

  private static func refusal(_ path: String, _ why: String) -> StoreError {
    StoreError(.file, "\(path) is not replaced by an export: \(why)\n  write to another name, or remove it first")
  }

  /// By the header of the file format (https://www.sqlite.org/fileformat.html, section 1.3).
  private static func isDatabase(_ path: String) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return false }
    defer { close(file) }
    var header = [UInt8](repeating: 0, count: 72)
    guard pread(file, &header, 72, 0) == 72, header.starts(with: "SQLite format 3\0".utf8) else { return false }
    return !header[68...].elementsEqual("GPKG".utf8)
  }
}
