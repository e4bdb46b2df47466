import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Store")
struct StoreTests {
  @Test("a new database has a uuid, the working CRS, a notice and one log entry")
  func creation() throws {
    let fixture = try StoreFixture()
    let store = try Store.open(fixture.path)
    let catalog = try store.catalog()
    #expect(catalog.databaseID.count == 36 && catalog.workingCRS == .epsg(4547) && !catalog.isGeographic)
    #expect(catalog.notice == "synthetic" && catalog.layers.isEmpty)
    let revision = try store.revision()
    #expect(revision.uuid == catalog.databaseID && revision.revision == 1)
    let another = try StoreFixture()
    #expect(try Store.open(another.path).catalog().databaseID != catalog.databaseID)
  }

  @Test("SpatiaLite finds the working CRS described, and its own tables complete")
  func metadata() throws {
    let fixture = try StoreFixture(shelters: 3)
    try fixture.plain(spatialite: true).use { connection in
      #expect(try connection.int("SELECT CheckSpatialMetaData()") == 3)
      let text = try connection.text("SELECT srtext FROM spatial_ref_sys WHERE srid = 4547")
      #expect(text?.contains("CGCS2000 / 3-degree Gauss-Kruger CM 114E") == true)
      #expect(try connection.int("SELECT count(*) FROM spatial_ref_sys WHERE srid IN (4326, 4490, 4534, 4554)") == 4)
      #expect(try connection.text("PRAGMA journal_mode") == "wal")
      #expect(try connection.text("PRAGMA integrity_check") == "ok")
    }
  }

  @Test("the catalogue comes back as it was written, aliases and values included")
  func catalogue() throws {
    let fixture = try StoreFixture(shelters: 20)
    let layer = try #require(try Store.open(fixture.path).catalog().layers.first)
    #expect(layer.name == "shelter" && layer.rowCount == 20 && layer.aliases.contains("避难场所"))
    #expect(layer.columns.map(\.name) == ["id"] + StoreFixture.shelterColumns.map(\.name))
    #expect(Array(layer.columns.dropFirst()) == StoreFixture.shelterColumns)
    #expect(
      layer.columns[3].valueAliases["开放"] == "open" && layer.columns[3].enumeration == ["open", "full", "closed"])
    #expect(layer.geometry?.kind == .point && layer.geometry?.hasZ == false)
    #expect(layer.geometry?.extent == Box2(460_100, 3_840_000, 462_000, 3_840_000))
  }

  @Test("a scan gives every value back, in the order of the rows")
  func scan() throws {
    let fixture = try StoreFixture(shelters: 300)
    try Store.open(fixture.path).read { reader in
      let layer = try #require(try reader.catalog().layers.first)
      var count = 0
      var geometry = Geometry(kind: .point)
      try reader.scan(layer, columns: Array(0...8), geometry: true) { row in
        count += 1
        let expected = StoreFixture.shelter(count)
        #expect(row.fid == Int64(count) && row.text(0) == expected.id)
        for (i, value) in expected.values.dropLast().enumerated() { #expect(row.value(i + 1) == value) }
        #expect(row.value(8) == .text("[\(count),\"a\\\"b\"]"))
        #expect((row.geometryBlob != nil) == (expected.geometry != nil))
        let isThere = row.readGeometry(into: &geometry)
        #expect(isThere == (expected.geometry != nil))
        if let point = expected.geometry { #expect(geometry == point) }
      }
      #expect(count == 300)
      var some: [Int64] = []
      try reader.scan(layer, columns: [2], geometry: false, range: 10...12) { some.append($0.int(0)!) }
      #expect(some == [1000, 1100, 1200])
      var found: [Int64] = []
      try reader.rows(layer, rowids: [7, 9_999, 3], columns: [], geometry: false) { found.append($0.fid) }
      #expect(found == [7, 3])
      #expect(try reader.ids(of: layer, rowids: [2, 9_999]) == ["S-2", nil])
    }
  }

  @Test("values of another type than their column are read as NULL, counted and said")
  func mismatches() throws {
    let fixture = try StoreFixture(shelters: 5)
    try fixture.plain().use {
      try $0.execute(
        "UPDATE shelter SET capacity = 'many' WHERE fid IN (2, 3); UPDATE shelter SET as_of = 'soon' WHERE fid = 1")
    }
    try Store.open(fixture.path).read { reader in
      let layer = try #require(try reader.catalog().layers.first)
      var capacities: [Int64?] = []
      let report = try reader.scan(layer, columns: [2, 7], geometry: false) { row in
        capacities.append(row.int(0))
        _ = row.timestamp(1)
      }
      #expect(capacities == [100, nil, nil, 400, 500])
      #expect(report.messages.count == 2)
      #expect(report.messages.first?.contains("2 values") == true && report.messages.first?.contains("'many'") == true)
    }
  }

  @Test("what cannot be opened says why, with the class that scripts see")
  func refusals() throws {
    let folder = ThrowawayFolder()
    func failure(_ path: String) -> StoreError? {
      do throws(StoreError) { _ = try Store.open(path) } catch { return error }
      return nil
    }
    #expect(failure(folder.file("none.sqlite"))?.failureClass == .file)
    #expect(failure(folder.path)?.failureClass == .file)
    #expect(failure(folder.write("text.sqlite", "not a database, but long enough to be one"))?.failureClass == .content)
    #expect(failure(folder.write("empty.sqlite", ""))?.failureClass == .content)
    let other = folder.file("other.sqlite")
    let made = try Connection(path: other, access: .write, create: true)
    try made.use { connection in try connection.execute("CREATE TABLE t (a)") }
    #expect(failure(other)?.message.contains("cimq import") == true)
    try made.use { connection in
      try connection.execute("CREATE TABLE cimq_meta (schema_version); INSERT INTO cimq_meta VALUES (999)")
    }
    #expect(failure(other)?.message.contains("newer") == true)
  }

  @Test("a read sees one revision from start to end, whatever is written meanwhile")
  func isolation() throws {
    let fixture = try StoreFixture(shelters: 3)
    let store = try Store.open(fixture.path)
    let writer = try fixture.plain()
    try store.read { reader in
      let before = try reader.revision()
      try writer.use { try $0.execute("UPDATE shelter SET capacity = 0") }
      #expect(try reader.revision() == before)
      #expect(try reader.connection.int("SELECT sum(capacity) FROM shelter") == 600)
    }
    #expect(try store.read { try $0.connection.int("SELECT sum(capacity) FROM shelter") } == 0)
  }

  @Test("readers cannot write")
  func readOnly() throws {
    let fixture = try StoreFixture(shelters: 3)
    let store = try Store.open(fixture.path)
    #expect(throws: StoreError.self) { try store.connection.use { try $0.execute("DELETE FROM shelter") } }
    #expect(try store.catalog().layers[0].rowCount == 3)
  }
}
