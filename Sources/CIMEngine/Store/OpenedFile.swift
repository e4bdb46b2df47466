internal import Glibc

/// A database file as it was when a connection opened it.
///
/// SQLite does not notice that the file under its name is another one now (`mv`), or has been written over (`cp`): it goes
/// on with its cache and with a write-ahead log that has no name any more. So the file is looked at before each statement.
struct OpenedFile: Equatable, Sendable {
  private struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
  }

  private var file: Identity
  private var log: Identity?
  /// Size, and times of the last writing and change. A checkpoint changes them, too.
  private var content: [Int64]

  /// The file at `path` as it is now; nil when there is none.
  init?(_ path: String) {
    var status = stat()
    // SQLite keeps the log beside the real file, not beside a link to it.
    guard let real = FilePath.real(path), stat(real, &status) == 0 else { return nil }
    file = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    content = [
      Int64(status.st_size), Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
      Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
    ]
    if stat(real + "-wal", &status) == 0 {
      log = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
  }

  /// Keeps SQLite from writing a log that has no name any more into the file that was copied over its own: for that it
  /// would lock the file alone, which a shared lock forbids. Close the descriptor when the connection is closed.
  static func shareLock(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return -1 }
    var lock = flock()
    lock.l_type = Int16(F_RDLCK)
    lock.l_whence = Int16(SEEK_SET)
    // The shared bytes of SQLite's lock (os.h). A lock of the open file, not of the process, counts against our own.
    lock.l_start = 0x4000_0002
    lock.l_len = 510
    let setLockOfOpenFile: Int32 = 37
    _ = fcntl(descriptor, setLockOfOpenFile, &lock)
    return descriptor
  }

  /// Whether it is the same file with the same log, whatever was written to them.
  func isSame(as other: OpenedFile) -> Bool { file == other.file && (log == nil || log == other.log) }

  /// Whether the log that is open has lost its name.
  func hasLostLog(in other: OpenedFile) -> Bool { file == other.file && log != nil && log != other.log }

  /// Whether it is the same file with the same log, and nobody wrote to the file itself.
  func isUntouched(in other: OpenedFile) -> Bool { isSame(as: other) && content == other.content }
}
