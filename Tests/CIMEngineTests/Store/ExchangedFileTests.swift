import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// A database file that is exchanged for another while it is open.
@Suite("Database files exchanged under an open database")
struct ExchangedFileTests {
  enum Way: CaseIterable { case moved, written, writtenKeepingTimes }

  /// Another database of the same uuid, in which one row is gone and one is changed.
  private func copy(of path: String, in folder: ThrowawayFolder) throws -> String {
    let other = folder.file("other.sqlite")
    let source = try Store.open(path)
    try source.connection.use { try $0.execute("PRAGMA query_only = 0; VACUUM INTO \(literal(other))") }
    source.close()
    let connection = try Connection(path: other, access: .write)
    try connection.use {
      try $0.execute("DELETE FROM shelter WHERE fid = 8; UPDATE shelter SET capacity = 77 WHERE fid = 7")
      try $0.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    }
    connection.close()
    return other
  }

  private func exchange(_ path: String, for other: String, _ way: Way) {
    switch way {
    case .moved: #expect(rename(other, path) == 0)
    case .written: #expect(OtherPrograms.run("cp \(other) \(path)").status == 0)
    case .writtenKeepingTimes: #expect(OtherPrograms.run("cp -p \(other) \(path)").status == 0)
    }
    unlink(path + "-wal")
    unlink(path + "-shm")
  }

  private static var run: QueryRun { QueryRun { _ in throw QueryError(.notSupported("a file")) } }

  private func answer(_ database: Database) throws -> String {
    var session = Session()
    let rows = CountingSink()
    for statement in try database.parse("FIND shelter WHERE capacity <> 77 RETURN id").statements {
      _ = try database.run(statement, in: &session, Self.run, into: rows)
    }
    return "\(rows.count)"
  }

  private final class CountingSink: RowSink {
    var count = 0
    var wantsShapes: Bool { false }
    func begin(_ header: ResultHeader) throws {}
    func write(_ batch: RowBatch) throws { count += batch.rowCount }
    func end(notices: [String]) throws {}
  }

  @Test("the next statement answers from the file that is there, and SQL reads it", arguments: Way.allCases)
  func exchanged(way: Way) throws {
    let fixture = try StoreFixture(shelters: 30)
    let other = try copy(of: fixture.path, in: fixture.folder)
    let database = try Database(path: fixture.path)
    #expect(try answer(database) == "30")
    // A log that is not empty stays behind in the open connection.
    try fixture.plain(spatialite: true).use {
      try $0.execute("INSERT INTO shelter (id, name, capacity) VALUES ('new', 'n', 5)")
    }
    #expect(try answer(database) == "31")
    exchange(fixture.path, for: other, way)
    #expect(try answer(database) == "28")
    #expect(try database.store.connection.use { try $0.int("SELECT count(*) FROM shelter") } == 29)
    // And from then on edits are seen as ever.
    try fixture.plain().use { try $0.execute("DELETE FROM shelter WHERE fid = 9") }
    #expect(try answer(database) == "27")
    #expect(try fixture.plain().use { try $0.int("SELECT integrity_check = 'ok' FROM pragma_integrity_check") } == 1)
  }

  @Test("a transaction on a file that has lost its name is refused, and nothing is kept")
  func inTransaction() throws {
    let fixture = try StoreFixture(shelters: 30)
    let other = try copy(of: fixture.path, in: fixture.folder)
    let database = try Database(path: fixture.path)
    var session = Session()
    func run(_ text: String) throws {
      for statement in try database.parse(text).statements {
        _ = try database.run(statement, in: &session, Self.run, into: CountingSink())
      }
    }
    try run("BEGIN; UPDATE shelter SET capacity = 1 WHERE id = 'S-3'")
    exchange(fixture.path, for: other, .moved)
    #expect { try run("COMMIT") } throws: { "\($0)".contains("exchanged") }
    #expect(!database.isInTransaction)
    #expect(try answer(database) == "28")
  }

  @Test("a file that is gone is said, and one put there later is read")
  func gone() throws {
    let fixture = try StoreFixture(shelters: 30)
    let other = try copy(of: fixture.path, in: fixture.folder)
    let database = try Database(path: fixture.path)
    #expect(try answer(database) == "30")
    unlink(fixture.path)
    #expect { try answer(database) } throws: { "\($0)".contains("no such file") }
    #expect(access(fixture.path, F_OK) != 0)
    exchange(fixture.path, for: other, .moved)
    #expect(try answer(database) == "28")
  }
}
