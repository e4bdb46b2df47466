internal import Glibc

/// What a manifest, an index of tiles or a folder names is taken only where a stranger's list can do no harm: an ordinary
/// file or folder whose real place, symbolic links followed, is within the folder of the list.
enum ListedFile {
  /// - Parameters:
  ///   - path: of what is listed; it exists.
  ///   - folder: of the list.
  ///   - list: the list itself, or the folder that is walked.
  static func check(_ path: String, within folder: String, listedBy list: String) throws(LoadError) {
    guard let real = FilePath.real(path), let home = FilePath.real(folder) else { throw .system(path, errno) }
    guard real == home || real.hasPrefix(home == "/" ? home : home + "/") else {
      throw LoadError(
        path: path,
        reason: .refused("leads out of the folder by a symbolic link, to \(real), but \(list) lists it"),
        fix: "import \(real) itself if that is meant")
    }
    try checkKind(path)
  }

  /// A pipe or a device could keep a reader waiting for ever.
  static func checkKind(_ path: String) throws(LoadError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .system(path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFDIR else {
      throw LoadError(path: path, reason: .refused("is neither a file nor a folder but a pipe, socket or device"))
    }
  }
}
