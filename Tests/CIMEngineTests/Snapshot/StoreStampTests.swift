import Glibc
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Stamps of unchanged databases")
struct StoreStampTests {
  private let state = SnapshotState(revision: Revision(uuid: "u", revision: 7, token: -3), schemaVersion: 11)

  @Test("differ after every way of changing the file")
  func changes() throws {
    let folder = ThrowawayFolder()
    let path = folder.file("city.sqlite")
    #expect(StoreStamp(database: path) == nil)
    _ = folder.write("city.sqlite", "one")
    let first = try #require(StoreStamp(database: path))
    #expect(StoreStamp(database: path) == first)
    _ = folder.write("city.sqlite", "two")
    // Same size: the time of change or, within one tick, at least the rule on settling tells.
    #expect(StoreStamp(database: path) != first || !first.isSettled)
    _ = folder.write("city.sqlite", "longer")
    #expect(StoreStamp(database: path) != first)
    symlink(path, folder.file("link"))
    #expect(StoreStamp(database: folder.file("link")) == StoreStamp(database: path))
  }

  @Test("there is none while a log or journal holds something")
  func logs() throws {
    for suffix in ["-wal", "-journal"] {
      let folder = ThrowawayFolder()
      _ = folder.write("city.sqlite", "one")
      let path = folder.file("city.sqlite")
      _ = folder.write("city.sqlite" + suffix, "")
      #expect(StoreStamp(database: path) != nil)
      symlink(path, folder.file("link"))
      _ = folder.write("city.sqlite" + suffix, "x")
      #expect(StoreStamp(database: path) == nil)
      // What lies beside the real file counts, not what lies beside a link to it.
      #expect(StoreStamp(database: folder.file("link")) == nil)
    }
  }

  @Test("are known only in the folder, for the state and as written")
  func keeping() throws {
    let folder = ThrowawayFolder()
    _ = folder.write("city.sqlite", "one")
    let stamp = try #require(StoreStamp(database: folder.file("city.sqlite")))
    #expect(!stamp.isSettled)
    #expect(!stamp.isKnown(in: folder.path, as: state))
    stamp.keep(in: folder.path, as: state)
    #expect(stamp.isKnown(in: folder.path, as: state))
    var other = state
    other.revision.token = 4
    #expect(!stamp.isKnown(in: folder.path, as: other))
    _ = folder.write("city.sqlite", "another")
    #expect(!(try #require(StoreStamp(database: folder.file("city.sqlite")))).isKnown(in: folder.path, as: state))
    let bytes = ThrowawayFolder.bytes(of: folder.file(StoreStamp.fileName))
    _ = folder.write(StoreStamp.fileName, bytes.dropLast() + [bytes.last! ^ 1])
    #expect(!stamp.isKnown(in: folder.path, as: state))
    stamp.keep(in: folder.file("no such folder"), as: state)
  }

  @Test("a snapshot with the stamp of the file is taken as it is, one without is compared")
  func unchanged() throws {
    let fixture = try StoreFixture(shelters: 20)
    #expect(Snapshot.unchanged(fixture.path) == nil)
    let packed = try Snapshot.current(for: Store.open(fixture.path))
    #expect(Snapshot.unchanged(fixture.path) == nil)
    let stamp = try #require(StoreStamp(database: fixture.path))
    stamp.keep(in: packed.path, as: packed.state)
    let found = try #require(Snapshot.unchanged(fixture.path))
    #expect(found.snapshot.state == packed.state)
    #expect(found.snapshot.manifest == packed.manifest)

    // An edit by anyone: the stamp is another one, and a database that is open already sees the edit.
    let city = try Database(path: fixture.path)
    func count() throws -> [[Value]] {
      var session = Session()
      let sink = Rows()
      let statement = try city.parse("COUNT shelter").statements[0]
      let run = QueryRun { _ in throw QueryError(.failed("no export here")) }
      _ = try city.run(statement, in: &session, run, into: sink)
      return sink.rows
    }
    #expect(try count() == [[.int(20)]])
    let store = try Store.openForWriting(fixture.path)
    try store.connection.use { try $0.execute("DELETE FROM shelter WHERE fid <= 5") }
    #expect(try count() == [[.int(15)]])
    store.close()
    #expect(try count() == [[.int(15)]])
    #expect(Snapshot.unchanged(fixture.path) == nil)
  }

  @Test("a store that is opened when needed says what is wrong then")
  func openedLater() throws {
    let folder = ThrowawayFolder()
    #expect(throws: StoreError.self) { try Store.openWhenNeeded(folder.file("missing.sqlite")) }
    _ = folder.write("text.sqlite", "no database at all, only text that is long enough to be looked at")
    let store = try Store.openWhenNeeded(folder.file("text.sqlite"))
    #expect(throws: StoreError.self) { try store.catalog() }
    let fixture = try StoreFixture(shelters: 3)
    let good = try Store.openWhenNeeded(fixture.path)
    #expect(try good.catalog().layers.count == 1)
    good.close()
    try Store.openWhenNeeded(fixture.path).close()
  }

  private final class Rows: RowSink {
    var rows: [[Value]] = []
    var wantsShapes: Bool { false }
    func begin(_ header: ResultHeader) { rows = [] }
    func write(_ batch: RowBatch) {
      for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0[row] }) }
    }
    func end(notices: [String]) {}
  }
}
