internal import GRDBSQLite
internal import Glibc

/// Makes a database under another name and gives it its own when it is complete and on the disk.
enum NewDatabase {
  /// Runs `body` on a new, empty database. When it throws, nothing is left behind.
  ///
  /// - Throws: `.file` when `path` exists by then, or another import is making it just now.
  static func make<T>(
    _ path: String, workingCRS: CRS, isGeographic: Bool, notice: String?, _ body: (Store) throws -> T
  ) throws -> T {
    let partial = path + ".importing"
    let lock = open(partial, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard lock >= 0 else { throw StoreError(.file, "\(partial): \(lastSystemError())") }
    // Held until the file has its name: a second import of the same database stops here; what a killed one left
    // behind has no lock and is written over.
    defer { close(lock) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw StoreError(.file, "another import is making \(path) just now (\(partial) is locked)")
    }
    var status = stat()
    guard fstat(lock, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink > 0, ftruncate(lock, 0) == 0
    else {
      throw StoreError(.file, "\(partial) cannot be written: \(lastSystemError())")
    }
    for suffix in ["-wal", "-shm", "-journal"] { unlink(partial + suffix) }
    do {
      let store = try Store.create(partial, workingCRS: workingCRS, isGeographic: isGeographic, notice: notice)
      let result: T
      do {
        result = try body(store)
        try store.finishCreation()
      } catch {
        store.close()
        throw error
      }
      try FileSync.publish(partial, as: path)
      return result
    } catch {
      for suffix in ["", "-wal", "-shm", "-journal"] { unlink(partial + suffix) }
      throw error
    }
  }
}

extension Store {
  /// A write transaction with room in memory for what an import touches, that gives way when `isCancelled` says so
  /// even inside a long statement.
  func importing<T>(isCancelled: @escaping @Sendable () -> Bool, _ body: (StoreWriter) throws -> T) throws -> T {
    try connection.use { try $0.execute("PRAGMA cache_size = -262144; PRAGMA temp_store = FILE") }
    let watch = CancellationWatch(isCancelled)
    return try withExtendedLifetime(watch) {
      try connection.use { connection in
        sqlite3_progress_handler(
          connection.handle, 10_000,
          { pointer in Unmanaged<CancellationWatch>.fromOpaque(pointer!).takeUnretainedValue().isCancelled() ? 1 : 0 },
          Unmanaged.passUnretained(watch).toOpaque())
      }
      defer {
        try? connection.use { sqlite3_progress_handler($0.handle, 0, nil, nil) }
      }
      return try write(body)
    }
  }
}

private final class CancellationWatch: Sendable {
  let isCancelled: @Sendable () -> Bool
  init(_ isCancelled: @escaping @Sendable () -> Bool) { self.isCancelled = isCancelled }
}
