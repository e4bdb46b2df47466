internal import Glibc

/// What GDAL does not say of a shapefile: that it ends before its own header says so.
enum Shapefile {
  /// Compares the lengths in the headers with those of the files (ESRI Shapefile Technical Description, July 1998, page 4:
  /// 16-bit words, big endian, at byte 24; dBase III: records and their length, little endian, at bytes 4, 8 and 10).
  ///
  /// - Throws: ``LoadError`` for a file that is shorter; GDAL judges all else.
  static func refuseCut(_ path: String) throws(LoadError) {
    let stem = path.dropLast(4)
    if let (header, size) = header(of: path), header.count >= 28 {
      let promised = header[24..<28].reduce(0) { $0 << 8 | Int($1) } * 2
      if size < promised { throw cut(path, size, promised) }
    }
    for suffix in [".dbf", ".DBF"] {
      guard let (header, size) = header(of: String(stem) + suffix), header.count >= 12 else { continue }
      func number(_ bytes: Range<Int>) -> Int { header[bytes].reversed().reduce(0) { $0 << 8 | Int($1) } }
      let promised = number(8..<10) + number(4..<8) * number(10..<12)
      if size < promised { throw cut(String(stem) + suffix, size, promised) }
    }
  }

  private static func cut(_ path: String, _ size: Int, _ promised: Int) -> LoadError {
    LoadError(
      path: path, reason: .refused("is cut off: it has \(size) bytes, its header says \(promised)"),
      fix: "copy the file again from where it comes")
  }

  /// The first bytes of a file and its size; nil when it cannot be read.
  private static func header(of path: String) -> (bytes: [UInt8], size: Int)? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = pread(file, &bytes, 32, 0)
    guard fstat(file, &status) == 0, count > 0 else { return nil }
    return (Array(bytes[..<count]), Int(status.st_size))
  }
}
