internal import GRDB
internal import GRDBSQLite

// The hot paths talk to SQLite through GRDB's connection pointer: prepared statements, bound without copies.

/// A prepared statement. Used on the thread that holds its connection only.
final class SQLStatement {
  let handle: OpaquePointer
  private let sql: String

  /// - Parameter sql: one statement, its names already quoted.
  init(_ connection: OpaquePointer, _ sql: String, persistent: Bool = false) throws(StoreError) {
    var handle: OpaquePointer?
    let flags = persistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
    let code = sqlite3_prepare_v3(connection, sql, -1, flags, &handle, nil)
    guard code == SQLITE_OK, let handle else { throw StoreError(connection, code, sql: sql) }
    self.handle = handle
    self.sql = sql
  }

  deinit { sqlite3_finalize(handle) }

  var connection: OpaquePointer { sqlite3_db_handle(handle) }
  var columnCount: Int { Int(sqlite3_column_count(handle)) }

  /// Parameters count from 1.
  @discardableResult
  func bind(_ parameter: Int, _ value: Int64) -> Self {
    sqlite3_bind_int64(handle, Int32(parameter), value)
    return self
  }
  @discardableResult
  func bind(_ parameter: Int, _ value: Double) -> Self {
    sqlite3_bind_double(handle, Int32(parameter), value)
    return self
  }
  @discardableResult
  func bind(_ parameter: Int, _ value: String?) -> Self {
    guard var text = value else { return bindNull(parameter) }
    text.withUTF8 { bytes in
      // An empty text has no address, and a null pointer would bind NULL.
      let start = UnsafeRawPointer(bytes.baseAddress ?? SQLStatement.emptyText).assumingMemoryBound(to: CChar.self)
      _ = sqlite3_bind_text64(
        handle, Int32(parameter), start, UInt64(bytes.count), SQLStatement.transient, UInt8(SQLITE_UTF8))
    }
    return self
  }
  @discardableResult
  func bind(_ parameter: Int, blob: [UInt8]) -> Self {
    blob.withUnsafeBytes { bytes in
      _ = sqlite3_bind_blob64(handle, Int32(parameter), bytes.baseAddress, UInt64(bytes.count), SQLStatement.transient)
    }
    return self
  }
  /// The bytes must stay where they are until the statement is stepped and reset.
  func bind(_ parameter: Int, staticText bytes: UnsafeBufferPointer<UInt8>) {
    let start = UnsafeRawPointer(bytes.baseAddress ?? SQLStatement.emptyText).assumingMemoryBound(to: CChar.self)
    sqlite3_bind_text64(handle, Int32(parameter), start, UInt64(bytes.count), nil, UInt8(SQLITE_UTF8))
  }
  /// The bytes must stay where they are until the statement is stepped and reset.
  func bind(_ parameter: Int, staticBlob bytes: UnsafeRawBufferPointer) {
    sqlite3_bind_blob64(handle, Int32(parameter), bytes.baseAddress, UInt64(bytes.count), nil)
  }
  @discardableResult
  func bindNull(_ parameter: Int) -> Self {
    sqlite3_bind_null(handle, Int32(parameter))
    return self
  }

  /// True when there is a row to read.
  @inline(__always)
  func step() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    if code == SQLITE_DONE { return false }
    throw StoreError(connection, code, sql: sql)
  }

  /// Steps to the end and makes ready for the next run.
  @inline(__always)
  func run() throws(StoreError) {
    let code = sqlite3_step(handle)
    if code != SQLITE_DONE && code != SQLITE_ROW {
      let error = StoreError(connection, code, sql: sql)
      sqlite3_reset(handle)
      throw error
    }
    sqlite3_reset(handle)
  }

  @inline(__always) func reset() { sqlite3_reset(handle) }

  /// Columns count from 0.
  func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }
  /// SQLITE_INTEGER 1, SQLITE_FLOAT 2, SQLITE_TEXT 3, SQLITE_BLOB 4, SQLITE_NULL 5: as the row holds it.
  func columnType(_ column: Int) -> Int32 { sqlite3_column_type(handle, Int32(column)) }
  func int64(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }
  func double(_ column: Int) -> Double { sqlite3_column_double(handle, Int32(column)) }
  func optionalDouble(_ column: Int) -> Double? { isNull(column) ? nil : double(column) }
  func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
  func text(_ column: Int) -> String { String(decoding: utf8(column), as: UTF8.self) }
  /// Valid until the next step; also converts numbers to text, as SQLite does.
  func utf8(_ column: Int) -> UnsafeBufferPointer<UInt8> {
    let start = sqlite3_column_text(handle, Int32(column))
    return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
  }
  /// Valid until the next step.
  func blob(_ column: Int) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(handle, Int32(column))
    return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
  }

  private nonisolated(unsafe) static let emptyText = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))
  private static let transient = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
}

/// A connection in use: what runs between taking it and giving it back.
struct SQLConnection {
  let handle: OpaquePointer

  func prepare(_ sql: String) throws(StoreError) -> SQLStatement { try SQLStatement(handle, sql) }

  /// Runs any number of statements that return nothing of interest.
  func execute(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw StoreError(handle, code, sql: sql) }
  }

  /// The first column of the first row, or nil without rows or when NULL.
  func int(_ sql: String) throws(StoreError) -> Int64? {
    let statement = try prepare(sql)
    guard try statement.step(), !statement.isNull(0) else { return nil }
    return statement.int64(0)
  }
  func text(_ sql: String) throws(StoreError) -> String? {
    let statement = try prepare(sql)
    guard try statement.step() else { return nil }
    return statement.optionalText(0)
  }

  var changes: Int { Int(sqlite3_changes(handle)) }
}

/// A name for use in SQL, whatever it holds.
func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
/// A string literal for use in SQL, for the rare places where a parameter cannot stand.
func literal(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }

extension StoreError {
  /// What SQLite said, in words for whoever reads it.
  init(_ connection: OpaquePointer?, _ code: Int32, sql: String? = nil) {
    let path = connection.flatMap { sqlite3_db_filename($0, nil) }.map { String(cString: $0) } ?? ""
    let said = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
    self.init(code: code, said: said, path: path)
  }

  init(code: Int32, said: String, path: String) {
    let file = path.isEmpty ? "database" : path
    switch code & 0xff {
    case SQLITE_FULL: self.init(.file, "\(file): the disk is full; nothing of this change was kept")
    case SQLITE_BUSY, SQLITE_LOCKED:
      self.init(
        .file,
        "\(file) is locked by \(LockOwner.describe(path) ?? "another program"); waited "
          + "\(Int(Connection.lockWaitSeconds)) s for it, try again when it is done")
    case SQLITE_READONLY, SQLITE_PERM:
      self.init(.file, "\(file) cannot be written: no permission, or the disk is read-only")
    case SQLITE_CANTOPEN: self.init(.file, "\(file) cannot be opened: \(said)")
    case SQLITE_IOERR: self.init(.file, "\(file): reading or writing failed: \(said)")
    case SQLITE_NOTADB: self.init(.content, "\(file) is not a SQLite database")
    case SQLITE_CORRUPT: self.init(.content, "\(file) is damaged (\(said)); `cimq check` says where")
    case SQLITE_INTERRUPT: self.init(.interrupted, "interrupted")
    case SQLITE_NOMEM, SQLITE_TOOBIG: self.init(.limit, "\(file): \(said)")
    default: self.init(.content, "\(file): \(said)")
    }
  }

  /// Any error that came out of a database access.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case is StaleSnapshot: self.init(.file, StaleSnapshot.marker)
    case let error as DatabaseError:
      self.init(code: error.extendedResultCode.rawValue, said: error.message ?? "", path: path)
    case let error as any UserFacingError: self.init(error.failureClass, error.message)
    default: self.init(.content, "\(path): \(error)")
    }
  }
}
