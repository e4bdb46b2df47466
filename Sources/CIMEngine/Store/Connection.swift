internal import GRDB
internal import GRDBSQLite
internal import Glibc
internal import Synchronization

/// One connection to a database file, kept by GRDB, one user at a time.
final class Connection: Sendable {
  enum Access: Sendable {
    /// Only reads, though the file may be opened for writing so that the last one out tidies the WAL away.
    case read
    case write
  }

  let path: String
  let access: Access
  /// The file cannot change while it is open: read-only media.
  let isImmutable: Bool
  /// nil until the file is opened, which a connection to read may put off until it is needed.
  private let queue = Mutex<DatabaseQueue?>(nil)
  /// The file that is open, as it was when last looked at.
  private let file = Mutex<OpenedFile?>(nil)
  private let mayBeMade: Bool
  /// Run once, with the file just opened.
  private let onOpen: (@Sendable (SQLConnection) throws -> Void)?

  /// How long a statement waits for another program's lock.
  static let lockWaitSeconds = 10.0

  /// Opens an existing file, or makes one with `create`.
  ///
  /// - Parameters:
  ///   - isOpenedLater: whether the file is only opened when it is first used.
  ///   - onOpen: looks at the file when it is opened; what it throws closes it again.
  init(
    path: String, access: Access, create: Bool = false, isOpenedLater: Bool = false,
    onOpen: (@Sendable (SQLConnection) throws -> Void)? = nil
  ) throws(StoreError) {
    self.path = path
    self.access = access
    self.onOpen = onOpen
    mayBeMade = create
    if !create { try Connection.checkIsFile(path) }
    isImmutable = access == .read && !create ? try Connection.mustBeImmutable(path) : false
    if isOpenedLater { return }
    do { _ = try opened() } catch { throw StoreError(error, path: path) }
  }

  /// The file, opened now if it was not yet.
  private func opened() throws -> DatabaseQueue {
    try queue.withLock { queue in
      if let queue { return queue }
      if !mayBeMade { try Connection.checkIsFile(path) }
      let found = OpenedFile(path)
      let made = try open()
      if let onOpen {
        try made.unsafeReentrantWrite { database in
          guard let handle = database.sqliteConnection else { throw StoreError(.file, "\(path) is closed") }
          try onOpen(SQLConnection(handle: handle))
        }
      }
      queue = made
      file.withLock { $0 = found ?? OpenedFile(path) }
      return made
    }
  }

  private func open() throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    configuration.foreignKeysEnabled = false
    configuration.acceptsDoubleQuotedStringLiterals = access == .write  // SpatiaLite's own SQL relies on it.
    configuration.busyMode = .timeout(Connection.lockWaitSeconds)
    configuration.readonly = access == .read && Glibc.access(path, W_OK) != 0
    if access == .read {
      configuration.prepareDatabase { database in
        sqlite3_exec(database.sqliteConnection, "PRAGMA query_only = 1", nil, nil, nil)
      }
    }
    // A relative path that starts with `file:` would be taken as a URI.
    let plain = path.hasPrefix("/") ? path : "./" + path
    return try DatabaseQueue(
      path: isImmutable ? Connection.immutableURI(plain) : plain, configuration: configuration)
  }

  /// Runs `body` with the connection to itself.
  func use<T>(_ body: (SQLConnection) throws -> T) throws(StoreError) -> T {
    do {
      return try opened().unsafeReentrantWrite { database in
        guard let handle = database.sqliteConnection else {
          throw StoreError(.file, "\(path) is closed")
        }
        return try body(SQLConnection(handle: handle))
      }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Runs `body` in a transaction, rolled back when it throws. `kind` is DEFERRED to read, IMMEDIATE to write.
  func transaction<T>(_ kind: String, _ body: (SQLConnection) throws -> T) throws(StoreError) -> T {
    try use { connection in
      try connection.execute("BEGIN \(kind)")
      let owner = kind == "IMMEDIATE" ? LockOwner(of: path) : nil
      defer { withExtendedLifetime(owner) {} }
      do {
        let result = try body(connection)
        try connection.execute("COMMIT")
        return result
      } catch {
        // A trigger's RAISE(ROLLBACK) or a full disk has rolled back already.
        if sqlite3_get_autocommit(connection.handle) == 0 { try? connection.execute("ROLLBACK") }
        throw error
      }
    }
  }

  // MARK: - When the file is another one

  /// Closes the file when another was put in its place or written over it since it was opened: the next access opens what
  /// is there then. So does a checkpoint by another process, which looks the same from here. Two calls of `stat`.
  func reopenIfTouched() {
    let now = OpenedFile(path)
    let before = file.withLock { $0 }
    guard let before else { return }
    if let now, before.isUntouched(in: now) {
      file.withLock { $0 = now }
      return
    }
    let isLogLost = now.map { before.hasLostLog(in: $0) } ?? false
    queue.withLock { queue in
      let lock = isLogLost ? OpenedFile.shareLock(path) : -1
      try? queue?.close()
      queue = nil
      if lock >= 0 { Glibc.close(lock) }
    }
    file.withLock { $0 = nil }
  }

  /// After writing by this process: what it wrote is no reason to open the file again.
  func acceptTouches() {
    let now = OpenedFile(path)
    file.withLock { file in if let before = file, let now, before.isSame(as: now) { file = now } }
  }

  /// Whether the file under the name is not the one that is open.
  var isExchanged: Bool {
    let now = OpenedFile(path)
    return file.withLock { file in
      guard let before = file else { return false }
      return now.map { !before.isSame(as: $0) } ?? true
    }
  }

  func close() { queue.withLock { try? $0?.close() } }

  // MARK: - Before opening

  /// SQLite would make a missing file. The file is not opened here: closing it again would drop the locks that other
  /// connections of this process hold on it.
  private static func checkIsFile(_ path: String) throws(StoreError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw StoreError(.file, "\(path): \(errno == ENOENT ? "no such file" : lastSystemError())")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.file, "\(path) is not a file") }
  }

  /// A database in WAL mode needs a folder that can be written, unless nothing can change it at all.
  static func mustBeImmutable(_ path: String) throws(StoreError) -> Bool {
    let folder = FilePath.folder(of: path)
    if Glibc.access(folder, W_OK) == 0 { return false }
    var status = stat()
    guard stat(path + "-wal", &status) == 0, status.st_size > 0 else { return true }
    // Somebody else may have it open just now: then its -shm is there and can be shared.
    if Glibc.access(path + "-shm", R_OK) == 0 { return false }
    throw StoreError(
      .file,
      "\(path)-wal holds changes that are not in \(path) yet, and this folder cannot be written\n"
        + "  copy both files to a folder that can be, and open the copy")
  }

  static func immutableURI(_ path: String) -> String {
    var uri = "file:"
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        uri.append(Character(UnicodeScalar(byte)))
      default:
        let digits = Array("0123456789ABCDEF")
        uri += "%" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
      }
    }
    return uri + "?immutable=1"
  }
}
