import TestSupport
import Testing

@testable import CIMEngine

@Suite struct MigrationTests {
  /// Takes a database back to the tables of version 1, as the first release made them.
  static func makeFirstVersion(_ fixture: StoreFixture) throws {
    try fixture.plain().use { connection in
      for trigger in ["insert", "update"] {
        try connection.execute("DROP TRIGGER \"cimq_shelter_displace_\(trigger)\"")
      }
      try connection.execute("DROP TABLE cimq_audit; DROP TABLE cimq_edit; DROP TABLE cimq_undo")
      try connection.execute("UPDATE cimq_meta SET schema_version = 1")
      try connection.execute("PRAGMA user_version = 1")
      try StoredCatalog.markSeen(in: connection)
    }
  }

  @Test func aStoreOfTheFirstVersionIsReadAsItIs() throws {
    let fixture = try StoreFixture(shelters: 40)
    try Self.makeFirstVersion(fixture)
    let store = try Store.open(fixture.path)
    #expect(try store.read { try $0.catalog().notices } == [])
    let snapshot = try Snapshot.current(for: store)
    try expectEqual(snapshot, store)
    try fixture.plain().use { try $0.execute("UPDATE shelter SET capacity = 5 WHERE fid = 7") }
    let edited = try Snapshot.current(for: store)
    #expect(edited.overlayRowCount == 1)
    try expectEqual(edited, store)
    #expect(try store.connection.use { try $0.int("SELECT schema_version FROM cimq_meta") } == 1)
    // A column added by others is found out in a database of that version, too.
    try fixture.plain().use { try $0.execute("ALTER TABLE shelter ADD COLUMN note TEXT") }
    #expect(try Snapshot.current(for: store).catalog.layers[0].columns.last?.name == "note")
  }

  @Test func itIsBroughtUpToDateWhenItIsWritten() throws {
    let fixture = try StoreFixture(shelters: 40)
    try Self.makeFirstVersion(fixture)
    let database = try Database(path: fixture.path)
    var session = Session()
    let run = QueryRun { _ in throw QueryError(.notSupported("a file")) }
    let edit = try database.parse("UPDATE shelter SET name = NULL WHERE id = 'S-1'").statements[0]
    let plan = EditedRowsSink()
    #expect(try database.run(edit, in: &session, run, into: plan).rowCount == 1)
    let store = try Store.open(fixture.path)
    #expect(
      try store.connection.use { try $0.int("SELECT schema_version FROM cimq_meta") } == Int64(Schema.version))
    #expect(try database.undoLastEdit().contains("1 row"))
    #expect(try store.check().filter { $0.severity == .error } == [])
    try fixture.plain(spatialite: true).use {
      try $0.execute("REPLACE INTO shelter (fid, id) VALUES (3, 'S-20'); DELETE FROM shelter WHERE fid = 3")
    }
    let snapshot = try Snapshot.current(for: store)
    try expectEqual(snapshot, store)
    #expect(snapshot.catalog.layers[0].rowCount == 38)
  }

  /// Takes a database back to the tables of version 2, before exports of personal data were noted.
  static func makeSecondVersion(_ fixture: StoreFixture) throws {
    try fixture.plain().use { connection in
      try connection.execute(
        "DROP TABLE cimq_audit; UPDATE cimq_meta SET schema_version = 2; PRAGMA user_version = 2")
      try StoredCatalog.markSeen(in: connection)
    }
  }

  @Test func aStoreOfTheSecondVersionGetsItsAuditTableWhenItIsWritten() throws {
    let fixture = try StoreFixture(shelters: 40)
    try Self.makeSecondVersion(fixture)
    let store = try Store.open(fixture.path)
    let before = try Snapshot.current(for: store)
    #expect(try Database.audit(fixture.path) == [])
    #expect(try store.connection.use { try $0.int("SELECT schema_version FROM cimq_meta") } == 2)
    let revision = try store.revision()
    let writer = try Store.openForWriting(fixture.path)
    writer.close()
    #expect(try store.connection.use { try $0.int("SELECT schema_version FROM cimq_meta") } == 3)
    // A table of cimq's own is no change of the catalogue.
    #expect(try store.revision() == revision)
    #expect(try store.check().filter { $0.severity == .error } == [])
    let after = try Snapshot.current(for: store, previous: before)
    try expectEqual(after, store)
    #expect(after.catalog == before.catalog)
  }

  @Test func aNewerStoreIsRefused() throws {
    let fixture = try StoreFixture()
    try fixture.plain().use { try $0.execute("UPDATE cimq_meta SET schema_version = 99") }
    #expect(throws: StoreError.self) { try Store.open(fixture.path) }
  }

  private final class EditedRowsSink: RowSink {
    var wantsShapes: Bool { false }
    func begin(_ header: ResultHeader) {}
    func write(_ batch: RowBatch) {}
    func end(notices: [String]) {}
  }
}
