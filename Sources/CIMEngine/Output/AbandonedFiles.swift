internal import Glibc

/// What processes that were killed have left half-written in a folder: `NAME.writing-PID` files and
/// `.cimq-export-PID-…` folders.
///
/// The processes that write them hold a lock on them as well, so that those of another container or machine, whose
/// numbers mean nothing here, are left alone.
enum AbandonedFiles {
  static let folderPrefix = ".cimq-export-"
  static let suffix = ".writing-"

  /// Removes those of this user whose process is gone. What cannot be removed stays.
  ///
  /// - Parameter descriptor: the open folder.
  static func remove(in descriptor: Int32) {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { return }
    guard let directory = fdopendir(copy) else {
      close(copy)
      return
    }
    defer { closedir(directory) }
    for name in Folder.names(in: directory) {
      if let process = process(named: name), !isRunning(process) { remove(name, in: descriptor) }
    }
  }

  /// The same, for the folder that `path` lies in.
  static func removeBeside(_ path: String) {
    let descriptor = open(FilePath.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    remove(in: descriptor)
    close(descriptor)
  }

  /// Empties and removes a folder that holds files only.
  static func removeFolder(_ name: String, in descriptor: Int32 = AT_FDCWD) {
    let folder = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { return }
    guard let directory = fdopendir(folder) else {
      close(folder)
      return
    }
    for file in Folder.names(in: directory) { unlinkat(folder, file, 0) }
    closedir(directory)
    unlinkat(descriptor, name, AT_REMOVEDIR)
  }

  private static func remove(_ name: String, in descriptor: Int32) {
    var status = stat()
    guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_uid == geteuid() else { return }
    let isFolder = status.st_mode & S_IFMT == S_IFDIR
    guard isFolder == name.hasPrefix(folderPrefix), isFolder || status.st_mode & S_IFMT == S_IFREG else { return }
    let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else { return }
    if isFolder { removeFolder(name, in: descriptor) } else { unlinkat(descriptor, name, 0) }
  }

  /// The process that a name names.
  private static func process(named name: String) -> pid_t? {
    if name.hasPrefix(folderPrefix) {
      return number(name.dropFirst(folderPrefix.count).prefix { $0 != "-" })
    }
    guard let range = name.ranges(of: suffix).last else { return nil }
    return number(name[range.upperBound...])
  }

  private static func number(_ text: Substring) -> pid_t? {
    text.allSatisfy { $0.isASCII && $0.isNumber } ? pid_t(text).flatMap { $0 > 0 ? $0 : nil } : nil
  }

  private static func isRunning(_ process: pid_t) -> Bool { kill(process, 0) == 0 || errno != ESRCH }
}
