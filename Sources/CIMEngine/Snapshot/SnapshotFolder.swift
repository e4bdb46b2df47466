internal import Glibc

/// Where the snapshot of a database lies, and who may write there.
enum SnapshotFolder {
  /// `city.sqlite` → `city.sqlite.cimx` beside it.
  static func beside(_ database: String) -> String { realPath(database) + ".cimx" }

  /// In the user's cache folder, for databases on media or in folders that cannot be written:
  /// `$XDG_CACHE_HOME/cimq/city.sqlite-<hash of the whole path>.cimx`. nil without a home.
  static func inCache(_ database: String) -> String? {
    let cache = Environment["XDG_CACHE_HOME"] ?? Environment["HOME"].map { $0 + "/.cache" }
    return cache.map { inCache(database, of: $0) }
  }

  static func inCache(_ database: String, of cache: String) -> String {
    var path = realPath(database)
    let hash = String(path.withUTF8 { SteadyHash.hash($0) }, radix: 16)
    return "\(cache)/cimq/\(FilePath.name(of: path))-\(hash).cimx"
  }

  private static func realPath(_ path: String) -> String { FilePath.real(path) ?? path }

  /// Makes the folder of a database's snapshot, which nobody may read who may not read the database. False when it cannot
  /// be made or written.
  static func make(_ path: String, for database: String) -> Bool {
    _ = Folder.make(path)
    guard access(path, W_OK | X_OK) == 0 else { return false }
    var (own, status) = (stat(), stat())
    if stat(database, &status) == 0, stat(path, &own) == 0 {
      // Whoever may read the file may look into the folder.
      let readable = status.st_mode & 0o444
      let wanted = 0o300 | readable | (readable >> 2)
      if own.st_mode & 0o777 & ~wanted != 0 { chmod(path, own.st_mode & 0o777 & wanted) }
    }
    return true
  }

  /// Removes every file of a folder but `names`; folders inside stay.
  static func clean(_ path: String, keeping names: Set<String>) {
    for name in Folder.names(in: path) ?? [] where !names.contains(name) { unlink(path + "/" + name) }
  }

  /// Removes a folder and the files in it; with folders inside it stays.
  static func remove(_ path: String) {
    clean(path, keeping: [])
    rmdir(path)
  }

  /// A new folder for files that are soon gone.
  static func makeTemporary() throws(StoreError) -> String {
    guard let folder = TemporaryFile.makeFolder() else {
      let why = lastSystemError()
      throw StoreError(.file, "\(TemporaryFile.folder): no folder can be made there: \(why)")
    }
    return folder
  }
}

/// The right to write in a snapshot's folder, held by one process at a time and given back when it ends, however it ends.
struct SnapshotLock: ~Copyable {
  static let fileName = "lock"
  private let descriptor: Int32

  /// Waits for the lock; while another process holds it, `onWait` is called again and again, with how often it was
  /// called before, and may throw to give up. On file systems without locks the right is taken as given: files are moved
  /// into place whole, so the last writer wins.
  init(folder: String, onWait: (Int) throws -> Void) throws {
    let path = folder + "/" + Self.fileName
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StoreError(.file, "\(path): cannot be created: \(lastSystemError())") }
    var polls = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
      do {
        try onWait(polls)
      } catch {
        close(descriptor)
        throw error
      }
      polls += 1
      usleep(20_000)
    }
    self.descriptor = descriptor
  }

  /// Whether another process, or another thread of this one, is packing just now.
  static func isHeld(in folder: String) -> Bool {
    let descriptor = open(folder + "/" + fileName, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return false }
    return errno == EWOULDBLOCK
  }

  deinit { close(descriptor) }
}
