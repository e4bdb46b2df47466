internal import Glibc

/// Getting files and their names onto the disk.
enum FileSync {
  /// True when what was written is on the disk, or the file system knows no such thing; otherwise `errno` says why.
  static func flush(_ descriptor: Int32) -> Bool {
    fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP
  }

  static func flush(_ path: String) throws(StoreError) {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw StoreError(.file, "\(path): \(lastSystemError())") }
    defer { Glibc.close(file) }
    guard fsync(file) == 0 else { throw StoreError(.file, "\(path): \(lastSystemError())") }
  }

  /// Gives a finished file its name, which must be free, and makes the name last.
  static func publish(_ path: String, as final: String) throws(StoreError) {
    // A link does not take a name that exists; where there are none (FAT), look first.
    if link(path, final) == 0 {
      unlink(path)
    } else {
      guard errno != EEXIST, access(final, F_OK) != 0 else {
        throw StoreError(.file, "\(final) was made by another program meanwhile; nothing was written")
      }
      guard rename(path, final) == 0 else { throw StoreError(.file, "\(final): \(lastSystemError())") }
    }
    flushFolder(of: final)
  }

  /// Makes a name last, where the file system can.
  static func flushFolder(of path: String) {
    let folder = FilePath.folder(of: path)
    try? flush(folder)
  }
}
