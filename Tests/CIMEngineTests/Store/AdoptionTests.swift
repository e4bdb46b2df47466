import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Tables of other programs")
struct AdoptionTests {
  @Test("a table that was edited and then made anew with another geometry column is described anew")
  func editedThenReplaced() throws {
    let fixture = try StoreFixture(shelters: 30)
    let store = try Store.open(fixture.path)
    let open = try Snapshot.current(for: store)
    try fixture.plain().use {
      try $0.execute("UPDATE shelter SET capacity = 5 WHERE fid = 7; DELETE FROM shelter WHERE fid = 8")
    }
    try fixture.plain(spatialite: true).use { connection in
      try connection.execute(
        """
        SELECT DiscardGeometryColumn('shelter', 'geom'); DROP TABLE shelter;
        CREATE TABLE shelter (ogc_fid INTEGER PRIMARY KEY AUTOINCREMENT, id VARCHAR, capacity INTEGER);
        SELECT AddGeometryColumn('shelter', 'GEOMETRY', 4547, 'POINT', 'XY');
        INSERT INTO shelter (id, capacity, GEOMETRY) VALUES ('a', 3, MakePoint(5, 6, 4547)), ('b', 4, NULL);
        """)
    }
    let seen = try Snapshot.current(for: store, previous: open)
    #expect(seen.catalog.layers.first { $0.name == "shelter" }?.rowCount == 2)
    try expectEqual(seen, store)
  }

  @Test(
    "a change of a table is seen though the schema has the same number again, as in a copy by .backup",
    arguments: [
      "ALTER TABLE shelter RENAME COLUMN capacity TO places",
      "ALTER TABLE shelter ADD COLUMN extra TEXT DEFAULT 'x'",
      "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'cimq%'",
    ])
  func numberOfTheSchemaComesBack(change: String) throws {
    let fixture = try StoreFixture(shelters: 30)
    let open = try Snapshot.current(for: try Store.open(fixture.path))
    let version = try fixture.plain().use { try $0.int("PRAGMA schema_version") ?? 0 }
    try fixture.plain().use { connection in
      try connection.execute(change)
      try connection.execute("PRAGMA schema_version = \(version)")
    }
    // Without a trigger nothing tells of this.
    try fixture.plain().use { try $0.execute("UPDATE shelter SET name = 'other' WHERE fid = 3") }
    let store = try Store.open(fixture.path)
    let seen = try Snapshot.current(for: store, previous: open)
    #expect(seen.state != open.state)
    let catalog = try store.read { try $0.catalog() }
    #expect(catalog.isRecorded)
    try expectEqual(seen, store)
    #expect(try Snapshot.current(for: store, previous: seen) === seen)
  }

  @Test("a table made by others is a layer, with a notice, and its edits are logged once it was taken up")
  func added() throws {
    let fixture = try StoreFixture(shelters: 3)
    let other = try fixture.plain(spatialite: true)
    try other.use { connection in
      try connection.execute(
        """
        CREATE TABLE pois (ogc_fid INTEGER PRIMARY KEY AUTOINCREMENT, "Name" VARCHAR(80), height FLOAT, seen DATETIME,
          photo BLOB);
        SELECT AddGeometryColumn('pois', 'GEOMETRY', 4547, 'POINT', 'XYZ');
        INSERT INTO pois ("Name", height, seen, GEOMETRY)
          VALUES ('a', 3, '2022-07-20 10:00:00', MakePointZ(5, 6, 7, 4547)), ('b', NULL, NULL, NULL);
        CREATE TABLE "x""; DROP TABLE shelter; --" (id TEXT, v INT); INSERT INTO "x""; DROP TABLE shelter; --" VALUES ('q', 1), ('q', 2)
        """)
    }
    let store = try Store.open(fixture.path)
    try store.read { reader in
      let state = try reader.catalog()
      #expect(state.layers.map(\.layer.name) == ["shelter", "pois", "x\"; DROP TABLE shelter; --"])
      #expect(state.notices.count >= 2 && !state.isRecorded)
      let pois = state.layers[1]
      #expect(!pois.isTracked && pois.rowColumn == "ogc_fid" && pois.idColumn == nil && pois.layer.rowCount == 2)
      #expect(pois.layer.columns.map(\.name) == ["id", "Name", "height", "seen"])
      #expect(pois.layer.columns.map(\.type) == [.text, .text, .double, .timestamp])
      #expect(pois.layer.columns[2].unit == "m")
      #expect(pois.layer.geometry?.name == "GEOMETRY" && pois.layer.geometry?.hasZ == true)
      #expect(pois.layer.geometry?.extent == Box2(5, 6, 5, 6))
      var rows: [[Value]] = []
      try reader.scan(pois, columns: [0, 1, 2, 3], geometry: true) { row in rows.append((0...3).map { row.value($0) }) }
      #expect(
        rows == [
          [.text("1"), .text("a"), .double(3), .timestamp(1_658_311_200_000_000)],
          [.text("2"), .text("b"), .null, .null],
        ])
      let hostile = state.layers[2]
      #expect(hostile.layer.columns.map(\.name) == ["id", "id_2", "v"] && hostile.rowColumn == "rowid")
      var ids: [String?] = []
      try reader.scan(hostile, columns: [0, 1], geometry: false) { ids.append($0.text(0)) }
      #expect(ids == ["1", "2"])
    }

    let before = try store.revision()
    #expect(try store.adopt().count >= 2)
    #expect(try store.adopt().isEmpty)
    let changes = try #require(try store.read { try $0.changes(since: before) })
    #expect(changes.isCatalogChanged && changes.layers.allSatisfy { $0.isBulk } && changes.layers.count == 2)
    #expect(try store.read { try $0.catalog().layers.allSatisfy { $0.isTracked } })
    let after = try store.revision()
    try other.use {
      try $0.execute("UPDATE pois SET height = 4; DELETE FROM \"x\"\"; DROP TABLE shelter; --\" WHERE v = 2")
    }
    let edits = try #require(try store.read { try $0.changes(since: after) })
    #expect(
      edits.layers == [
        LayerChanges(layer: "pois", isBulk: false, rowids: [1, 2]),
        LayerChanges(layer: "x\"; DROP TABLE shelter; --", isBulk: false, rowids: [2]),
      ])
  }

  @Test("geometry in another CRS than the database's is brought into it when read")
  func foreignCRS() throws {
    let fixture = try StoreFixture(shelters: 3)
    try fixture.plain(spatialite: true).use { connection in
      try connection.execute(
        """
        CREATE TABLE wells (fid INTEGER PRIMARY KEY);
        SELECT AddGeometryColumn('wells', 'geom', 4326, 'POINT', 'XY');
        INSERT INTO wells (geom) VALUES (MakePoint(114, 34.75, 4326)), (MakePoint(113.9, 34.7, 4326)), (NULL)
        """)
    }
    let store = try Store.open(fixture.path)
    try store.adopt()
    try store.read { reader in
      let wells = try reader.catalog().layers[1]
      var geometry = Geometry(kind: .point)
      var found: [[Double]?] = []
      let report = try reader.scan(wells, columns: [], geometry: true) { row in
        found.append(row.readGeometry(into: &geometry) ? geometry.xy : nil)
      }
      #expect(report.messages.isEmpty && found.count == 3 && found[2] == nil)
      #expect(abs((found[0]?[0] ?? 0) - 500_000) < 1e-6)
      let extent = try #require(wells.layer.geometry?.extent)
      for xy in [found[0]!, found[1]!] { #expect(extent.contains(Box2(xy[0], xy[1], xy[0], xy[1]))) }
    }
  }

  @Test("a layer dropped and made anew is taken whole, what was known of its columns kept")
  func replaced() throws {
    let fixture = try StoreFixture(shelters: 30)
    try fixture.plain(spatialite: true).use { connection in
      try connection.execute(
        """
        CREATE TABLE kept AS SELECT fid, id, capacity, status, geom FROM shelter WHERE fid < 5;
        SELECT DropTable(NULL, 'shelter');
        CREATE TABLE shelter (fid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, capacity INTEGER, status TEXT, extra DATE);
        SELECT AddGeometryColumn('shelter', 'geom', 4547, 'POINT', 'XY');
        INSERT INTO shelter (fid, id, capacity, status, geom) SELECT fid, id, capacity, status, geom FROM kept;
        DROP TABLE kept
        """)
    }
    let store = try Store.open(fixture.path)
    let state = try store.read { try $0.catalog() }
    #expect(state.layers.count == 1 && state.notices.count == 1)
    #expect(state.layers[0].layer.columns.map(\.name) == ["id", "capacity", "status", "extra"])
    #expect(state.layers[0].layer.rowCount == 4 && !state.layers[0].isTracked)
    #expect(state.layers[0].layer.columns[2].enumeration == ["open", "full", "closed"])
    try store.adopt()
    #expect(try store.read { try $0.catalog().layers[0].isTracked })
  }

  @Test("a column added by others is there; a dropped layer is gone; what SpatiaLite adds changes nothing")
  func columns() throws {
    let fixture = try StoreFixture(shelters: 3)
    let other = try fixture.plain(spatialite: true)
    try other.use { try $0.execute("SELECT UpdateLayerStatistics(); CREATE INDEX by_name ON shelter (name)") }
    let store = try Store.open(fixture.path)
    var state = try store.read { try $0.catalog() }
    #expect(state.notices.isEmpty && state.layers.count == 1 && state.layers[0].isTracked)
    try other.use { try $0.execute("ALTER TABLE shelter ADD COLUMN \"Remark\" TEXT") }
    state = try store.read { try $0.catalog() }
    #expect(state.layers[0].layer.columns.last?.name == "Remark" && state.notices.count == 1)
    try other.use { try $0.execute("DROP TABLE shelter") }
    state = try store.read { try $0.catalog() }
    #expect(state.layers.isEmpty && state.notices.count == 1)
  }
}
