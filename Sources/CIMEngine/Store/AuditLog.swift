internal import GRDBSQLite
internal import Glibc

/// One export of personal data in full: who let what leave, when, and where to.
public struct AuditEntry: Sendable, Equatable {
  public var number: Int
  /// Microseconds since 1970-01-01T00:00:00Z.
  public var time: Int64
  /// The user's name, else the user's number.
  public var user: String
  public var statement: String
  /// The personal columns of the result.
  public var columns: String
  /// The file, or `stdout`.
  public var target: String
  /// How many rows left; nil when the process ended before it could say.
  public var rows: Int?
}

/// `cimq_audit`: one row for each export of personal data in full, written before the first row leaves.
///
/// Triggers keep entries as they are: none is deleted, and only the count of rows is added when the export has ended.
/// They are a hint to whoever edits by mistake; who may write the file can drop them.
enum AuditLog {
  static let tables = """
    CREATE TABLE cimq_audit (
      number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, user TEXT NOT NULL, statement TEXT NOT NULL,
      columns TEXT NOT NULL, target TEXT NOT NULL, rows INTEGER);
    CREATE TRIGGER cimq_audit_keep BEFORE DELETE ON cimq_audit
      BEGIN SELECT RAISE(ABORT, 'entries of cimq_audit are kept'); END;
    CREATE TRIGGER cimq_audit_fixed BEFORE UPDATE ON cimq_audit
      WHEN OLD.rows IS NOT NULL OR NEW.number <> OLD.number OR NEW.time <> OLD.time OR NEW.user <> OLD.user
        OR NEW.statement <> OLD.statement OR NEW.columns <> OLD.columns OR NEW.target <> OLD.target
      BEGIN SELECT RAISE(ABORT, 'entries of cimq_audit are kept'); END;
    """

  /// Writes an entry; gives its number.
  static func begin(
    _ path: String, statement: String, columns: [String], target: String
  ) throws(StoreError) -> Int64 {
    do {
      let store = try Store.openForWriting(path)
      defer { store.close() }
      return try store.connection.transaction("IMMEDIATE") { connection in
        try connection.prepare(
          "INSERT INTO cimq_audit (time, user, statement, columns, target) VALUES (?, ?, ?, ?, ?)"
        ).bind(1, now()).bind(2, userName()).bind(3, statement).bind(4, columns.joined(separator: ", "))
          .bind(5, target).run()
        return sqlite3_last_insert_rowid(connection.handle)
      }
    } catch {
      throw StoreError(
        error.failureClass,
        "names and phones do not leave without a note of it, and that could not be written\n  \(error.message)\n"
          + "  without --personal they are masked")
    }
  }

  /// Adds how many rows left.
  static func finish(_ path: String, number: Int64, rows: Int) throws(StoreError) {
    let store = try Store.openForWriting(path)
    defer { store.close() }
    try store.connection.transaction("IMMEDIATE") { connection in
      try connection.prepare("UPDATE cimq_audit SET rows = ?2 WHERE number = ?1 AND rows IS NULL")
        .bind(1, number).bind(2, Int64(rows)).run()
    }
    try? store.checkpoint()
  }

  /// Every entry, oldest first; none in a database that has no such table yet.
  static func entries(in connection: SQLConnection) throws(StoreError) -> [AuditEntry] {
    guard try connection.int("SELECT 1 FROM sqlite_schema WHERE name = 'cimq_audit'") != nil else { return [] }
    let rows = try connection.prepare(
      "SELECT number, time, user, statement, columns, target, rows FROM cimq_audit ORDER BY number")
    var result: [AuditEntry] = []
    while try rows.step() {
      result.append(
        AuditEntry(
          number: Int(rows.int64(0)), time: rows.int64(1), user: rows.text(2), statement: rows.text(3),
          columns: rows.text(4), target: rows.text(5), rows: rows.isNull(6) ? nil : Int(rows.int64(6))))
    }
    return result
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }

  /// The login name of the process's user; who became root by `sudo` is named, too.
  private static func userName() -> String {
    let user = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "user \(geteuid())"
    guard geteuid() == 0, let name = Environment["SUDO_USER"] else {
      return user
    }
    return "\(name) (as \(user))"
  }
}

extension Database {
  /// A ``Disclosure`` that lets names and phones out in full and notes it in `cimq_audit`.
  ///
  /// The entry is written before the first row leaves; a database that cannot be written lets none leave.
  /// - Parameter target: the file that the rows go to, or `stdout`.
  public func noting(_ statement: String, target: String) -> Disclosure {
    let path = store.path
    let isInTransaction = isInTransaction
    return .noted { columns in
      // A note inside the transaction would be gone after ROLLBACK, and beside it there is no right to write.
      guard !isInTransaction else {
        throw StoreError(
          .content, "names and phones do not leave while a transaction is open; COMMIT or ROLLBACK it first")
      }
      let number = try AuditLog.begin(path, statement: statement, columns: columns, target: target)
      return { rows in try AuditLog.finish(path, number: number, rows: rows) }
    }
  }

  /// The exports of personal data in full, oldest first.
  public static func audit(_ path: String) throws -> [AuditEntry] {
    let store = try Store.open(path)
    defer { store.close() }
    return try store.connection.use { try AuditLog.entries(in: $0) }
  }
}
