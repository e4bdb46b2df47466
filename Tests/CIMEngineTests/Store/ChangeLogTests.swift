import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Change log")
struct ChangeLogTests {
  private func changes(_ store: Store, since revision: Revision) throws -> Changes? {
    try store.read { try $0.changes(since: revision) }
  }

  @Test("edits from a plain SQLite connection are logged, row by row")
  func edits() throws {
    let fixture = try StoreFixture(shelters: 20)
    let store = try Store.open(fixture.path)
    let start = try store.revision()
    #expect(try changes(store, since: start)?.entryCount == 0)
    try fixture.plain().use { connection in
      try connection.execute(
        """
        UPDATE shelter SET capacity = 1 WHERE fid IN (3, 4); DELETE FROM shelter WHERE id = 'S-9';
        UPDATE shelter SET fid = 100 WHERE fid = 5
        """)
    }
    let seen = try #require(try changes(store, since: start))
    #expect(seen.entryCount == 4 && !seen.isCatalogChanged)
    #expect(seen.layers == [LayerChanges(layer: "shelter", isBulk: false, rowids: [3, 4, 5, 9, 100])])
    #expect(try store.catalog().layers[0].rowCount == 19)
    #expect(try store.revision().revision == start.revision + 4)
  }

  @Test("geometry edits with SpatiaLite loaded are logged, checked and indexed")
  func geometryEdits() throws {
    let fixture = try StoreFixture(shelters: 20)
    let store = try Store.open(fixture.path)
    let start = try store.revision()
    try fixture.plain(spatialite: true).use { connection in
      try connection.execute("UPDATE shelter SET geom = MakePoint(470000, 3850000, 4547) WHERE fid = 2")
      try connection.execute("INSERT INTO shelter (id, geom) VALUES ('new', MakePoint(1, 2, 4547))")
      #expect(throws: StoreError.self) {
        try connection.execute("UPDATE shelter SET geom = MakePoint(1, 2, 4326) WHERE fid = 3")
      }
      #expect(throws: StoreError.self) {
        try connection.execute("UPDATE shelter SET geom = GeomFromText('LINESTRING(0 0,1 1)', 4547) WHERE fid = 3")
      }
      #expect(try connection.int("SELECT CheckSpatialIndex('shelter', 'geom')") == 1)
    }
    #expect(
      try changes(store, since: start)?.layers == [LayerChanges(layer: "shelter", isBulk: false, rowids: [2, 21])])
    let extent = try #require(try store.catalog().layers[0].geometry?.extent)
    #expect(extent.min[0] <= 1 && extent.max[0] >= 470_000)
  }

  @Test("a revision is known by its token and database, not by its number")
  func tokens() throws {
    let fixture = try StoreFixture(shelters: 3)
    let store = try Store.open(fixture.path)
    let start = try store.revision()
    var other = start
    other.token &+= 1
    #expect(try changes(store, since: other) == nil)
    other = start
    other.uuid = "another"
    #expect(try changes(store, since: other) == nil)
    other = start
    other.revision += 1
    #expect(try changes(store, since: other) == nil)
    try fixture.plain().use { try $0.execute("DELETE FROM cimq_change WHERE revision = \(start.revision)") }
    #expect(try changes(store, since: start) == nil)
  }

  @Test("a row displaced by INSERT OR REPLACE is known by the id of the new row")
  func displaced() throws {
    let fixture = try StoreFixture(shelters: 3)
    let store = try Store.open(fixture.path)
    let start = try store.revision()
    try fixture.plain(spatialite: true).use {
      try $0.execute("INSERT OR REPLACE INTO shelter (fid, id) VALUES (50, 'S-2')")
    }
    let seen = try #require(try changes(store, since: start))
    #expect(seen.layers.first?.rowids.contains(50) == true)
    try store.read { reader in
      let layer = try #require(try reader.catalog().layers.first)
      #expect(try reader.ids(of: layer, rowids: [50, 2]) == ["S-2", nil])
    }
  }
}
