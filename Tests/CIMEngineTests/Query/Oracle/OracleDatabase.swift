import TestSupport

@testable import CIMEngine

/// A database made of rows in memory, asked by cimq and by SpatiaLite.
///
/// Used by one test at a time: its parts are not for several threads.
final class OracleDatabase: @unchecked Sendable {
  private let folder = ThrowawayFolder()
  private let database: Database
  private let sqlite: Connection
  private let lock = Monitor()

  init(_ sources: [any FeatureSource], workingCRS: CRS? = nil, links: [Catalog.Link] = []) throws {
    var options = ImportOptions(workingCRS: workingCRS)
    options.links = links
    let path = folder.file("oracle.sqlite")
    _ = try Importer.run(into: path, sources: sources, options: options)
    database = try Database(path: path)
    sqlite = try Connection(path: path, access: .write)
    try sqlite.use { connection in
      try SpatiaLite.load(into: connection)
      try connection.execute("PRAGMA case_sensitive_like = ON")
    }
  }

  var crs: CRS { database.catalog.workingCRS }

  /// The rows that cimq gives.
  func rows(_ text: String, threads: Int = 2) throws -> [[Value]] {
    lock.lock()
    defer { lock.unlock() }
    var session = Session()
    let sink = RowCollector()
    let run = QueryRun(threadCount: threads) { _ in throw QueryError(.invalid("no exports here")) }
    for statement in try database.parse(text).statements {
      _ = try database.run(statement, in: &session, run, into: sink)
    }
    return sink.rows
  }

  /// Changes rows behind cimq's back, as another program would; the change log notes them.
  func edit(_ text: String) throws {
    lock.lock()
    defer { lock.unlock() }
    try sqlite.use { try $0.execute(text) }
  }

  /// The rows that SQLite with SpatiaLite gives; numbers, texts and NULLs.
  func sql(_ text: String) throws -> [[Value]] {
    lock.lock()
    defer { lock.unlock() }
    return try sqlite.use { connection in
      let statement = try connection.prepare(text)
      var result: [[Value]] = []
      while try statement.step() {
        result.append(
          (0..<statement.columnCount).map { column in
            switch statement.kind(column) {
            case .null: .null
            case .integer: .int(statement.int64(column))
            case .real: .double(statement.double(column))
            case .text: .text(statement.text(column))
            }
          })
      }
      return result
    }
  }

  static func text(_ value: Value) -> String { if case .text(let text) = value { text } else { "\(value)" } }
}

/// Keeps the rows of a result.
private final class RowCollector: RowSink {
  var rows: [[Value]] = []
  var wantsShapes: Bool { false }
  func begin(_ header: ResultHeader) throws { rows.removeAll() }
  func write(_ batch: RowBatch) throws {
    for i in 0..<batch.rowCount { rows.append(batch.columns.map { $0[i] }) }
  }
  func end(notices: [String]) throws {}
}

/// What SQLite holds in a column of a row.
enum SQLiteKind { case null, integer, real, text }

extension SQLStatement {
  func kind(_ column: Int) -> SQLiteKind {
    if isNull(column) { return .null }
    // 1 is SQLITE_INTEGER, 2 SQLITE_FLOAT (sqlite3.h).
    switch columnType(column) {
    case 1: return .integer
    case 2: return .real
    default: return .text
    }
  }
}
