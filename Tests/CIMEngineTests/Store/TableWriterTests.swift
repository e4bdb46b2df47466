import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Bulk writing")
struct TableWriterTests {
  /// Makes a layer of geometries alone in a new database, checks it by SpatiaLite, and hands out the connection.
  private func withLayer(
    _ geometries: [Geometry?], kind: GeometryKind?, hasZ: Bool = false, _ body: (SQLConnection) throws -> Void
  ) throws {
    let folder = ThrowawayFolder()
    let store = try Store.create(folder.file("a.sqlite"), workingCRS: .epsg(4547))
    try store.write { writer in
      let layer = try writer.createLayer("shape", columns: [], geometry: .init(kind: kind, hasZ: hasZ))
      let table = try TableWriter(layer, isNew: true, conflict: .fail, in: writer.connection)
      try table.begin(columns: [])
      for (i, geometry) in geometries.enumerated() {
        _ = try table.insert(Feature(id: "g\(i)", values: [], geometry: geometry, place: .feature(i + 1)), path: "test")
      }
      try table.finish(position: 0)
    }
    try store.connection.use { connection in
      #expect(try connection.text("SELECT rtreecheck('idx_shape_geom')") == "ok")
      #expect(try connection.int("SELECT CheckSpatialIndex('shape', 'geom')") == 1)
      #expect(
        try connection.int("SELECT count(*) FROM idx_shape_geom") == Int64(geometries.compactMap { $0?.box }.count))
      try body(connection)
    }
  }

  @Test("every kind of geometry is what SpatiaLite reads as the same", arguments: [false, true])
  func kinds(hasZ: Bool) throws {
    func z(_ values: Double...) -> [Double] { hasZ ? values : [] }
    var multi = Geometry(kind: .multiPolygon)
    multi.appendPart(
      rings: [[0, 0, 9, 0, 9, 9, 0, 0], [1, 0.5, 2, 1, 2, 0.5, 1, 0.5]], z: hasZ ? [[1, 2, 3, 1], [4, 5, 6, 4]] : [])
    multi.appendPart(rings: [[20, 0, 29, 0, 29, 9, 20, 0]], z: hasZ ? [[1, 2, 3, 1]] : [])
    var points = Geometry(kind: .multiPoint)
    points.appendPart(rings: [[1.5, -2]], z: hasZ ? [[3]] : [])
    points.appendPart(rings: [[4, 5]], z: hasZ ? [[6]] : [])
    let line = Geometry.line([0, 0, 1, 1, 2, 0.25], z: z(1, 2, 3))
    let point = Geometry.point(460_123.456, 3_840_000.125, z: hasZ ? 88.5 : nil)
    let geometries = [point, line, multi, points, Geometry(kind: .geometryCollection, members: [point, line, points])]
    try withLayer(geometries, kind: nil, hasZ: hasZ) { connection in
      let texts = try connection.prepare(
        "SELECT AsWKT(geom, 6), IsValid(geom), SRID(geom), CoordDimension(geom) FROM shape ORDER BY fid")
      let flat = [
        "POINT(460123.456 3840000.125)", "LINESTRING(0 0,1 1,2 0.25)",
        "MULTIPOLYGON(((0 0,9 0,9 9,0 0),(1 0.5,2 1,2 0.5,1 0.5)),((20 0,29 0,29 9,20 0)))", "MULTIPOINT(1.5 -2,4 5)",
        "GEOMETRYCOLLECTION(POINT(460123.456 3840000.125),POINT(1.5 -2),POINT(4 5),LINESTRING(0 0,1 1,2 0.25))",
      ]
      for expected in flat {
        #expect(try texts.step())
        #expect(texts.text(0) == expected)
        #expect(texts.int64(1) == 1 && texts.int64(2) == 4547 && texts.text(3) == (hasZ ? "XYZ" : "XY"))
      }
      if hasZ {
        #expect(
          try connection.text("SELECT ST_AsText(geom) FROM shape WHERE fid = 2")
            == "LINESTRING Z(0 0 1, 1 1 2, 2 0.25 3)")
      }
      #expect(try connection.int("SELECT geometry_type FROM geometry_columns") == (hasZ ? 1000 : 0))
    }
  }

  @Test("single geometries become multi ones where the column is multi, and z is added or dropped as it asks")
  func promotion() throws {
    try withLayer([.polygon([[0, 0, 9, 0, 9, 9, 0, 0]])], kind: .multiPolygon) { connection in
      let value = try connection.text("SELECT ST_AsText(geom) FROM shape")
      #expect(value == "MULTIPOLYGON(((0 0, 9 0, 9 9, 0 0)))")
    }
    try withLayer([.point(1, 2, z: 3)], kind: .point) { connection in
      let value = try connection.text("SELECT ST_AsText(geom) FROM shape")
      #expect(value == "POINT(1 2)")
    }
    try withLayer([.point(1, 2)], kind: .point, hasZ: true) { connection in
      let value = try connection.text("SELECT ST_X(geom) || ' ' || CoordDimension(geom) FROM shape")
      #expect(value == "1.0 XYZ")
    }
  }

  @Test(
    "a packed R*Tree is sound at every size, and finds what a scan finds",
    arguments: [0, 1, 50, 51, 52, 2_601, 2_602, 6_000])
  func packedIndex(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let geometries = (0..<count).map { _ in
      Geometry.rectangle(
        Box2.make(
          .random(in: 400_000...500_000, using: &random), .random(in: 3_800_000...3_900_000, using: &random),
          .random(in: 0...300, using: &random), .random(in: 0...300, using: &random)))
    }
    try withLayer(geometries, kind: .polygon) { connection in
      for _ in 0..<5 {
        let window = Box2.make(
          .random(in: 400_000...500_000, using: &random), .random(in: 3_800_000...3_900_000, using: &random), 20_000,
          9_000)
        let found = try connection.prepare(
          "SELECT count(*) FROM idx_shape_geom WHERE xmin <= ? AND xmax >= ? AND ymin <= ? AND ymax >= ?"
        ).bind(1, window.max[0]).bind(2, window.min[0]).bind(3, window.max[1]).bind(4, window.min[1])
        _ = try found.step()
        let exact = geometries.filter { $0.box!.intersects(window) }.count
        // Boxes there are rounded outward, so none is missed.
        #expect(found.int64(0) >= Int64(exact) && found.int64(0) <= Int64(exact + 3))
      }
      // And it takes edits from then on.
      try connection.execute(
        "DELETE FROM shape WHERE fid % 3 = 0; INSERT INTO shape (id, geom) VALUES ('z', BuildMbr(1, 2, 3, 4, 4547))")
      #expect(try connection.text("SELECT rtreecheck('idx_shape_geom')") == "ok")
      #expect(try connection.int("SELECT CheckSpatialIndex('shape', 'geom')") == 1)
    }
  }

  @Test("rows without geometry, and empty ones, are NULL and in no index")
  func empties() throws {
    try withLayer([nil, Geometry(kind: .polygon), .polygon([[0, 0, 1, 0, 1, 1, 0, 0]])], kind: .polygon) { connection in
      let value = try connection.int("SELECT count(*) FROM shape WHERE geom IS NULL")
      #expect(value == 2)
    }
  }

  @Test("statistics tell GDAL and QGIS counts and extents, and are younger than the last change")
  func statistics() throws {
    try withLayer([.point(1.5, 2.5), nil, .point(-3, 9)], kind: .point) { connection in
      let row = try connection.prepare(
        """
        SELECT row_count, extent_min_x, extent_min_y, extent_max_x, extent_max_y,
          last_verified >= max(last_insert, last_update, last_delete)
        FROM geometry_columns_statistics JOIN geometry_columns_time USING (f_table_name, f_geometry_column)
        """)
      #expect(try row.step())
      #expect((0...4).map { row.double($0) } == [3, -3, 2.5, 1.5, 9] && row.int64(5) == 1)
    }
  }

  // MARK: - Into a layer that is there

  private func append(
    _ features: [Feature], to fixture: StoreFixture, conflict: ImportConflict, takesNewValues: Bool = false
  ) throws -> ImportTally {
    let store = try Store.openForWriting(fixture.path)
    defer { store.close() }
    return try store.write { writer in
      let table = try TableWriter(
        writer.state.layers[0], isNew: false, conflict: conflict, takesNewValues: takesNewValues, in: writer.connection)
      try table.begin(columns: Array(1...8))
      for feature in features { _ = try table.insert(feature, path: "more.csv") }
      try table.finish(position: 0)
      return table.tally
    }
  }

  @Test("identical rows are skipped; others fail, stay or are replaced as asked")
  func conflicts() throws {
    let fixture = try StoreFixture(shelters: 60)
    var changed = StoreFixture.shelter(4)
    changed.values[1] = .int(-1)
    changed.geometry = .point(500_000, 3_900_000)
    let rows = [StoreFixture.shelter(3), changed, StoreFixture.shelter(61)]

    let before = ThrowawayFolder.bytes(of: fixture.path)
    #expect(throws: StoreError.self) { _ = try append(rows, to: fixture, conflict: .fail) }
    #expect(ThrowawayFolder.bytes(of: fixture.path) == before)

    var tally = try append(rows, to: fixture, conflict: .skip)
    #expect(tally.inserted == 1 && tally.identical == 1 && tally.skipped == 1 && tally.replaced == 0)
    let store = try Store.open(fixture.path)
    let start = try store.revision()
    tally = try append(rows, to: fixture, conflict: .replace)
    #expect(tally.inserted == 0 && tally.identical == 2 && tally.replaced == 1)
    let changes = try #require(try store.read { try $0.changes(since: start) })
    #expect(changes.layers == [LayerChanges(layer: "shelter", isBulk: false, rowids: [4])])
    try fixture.plain(spatialite: true).use { connection in
      let capacity = try connection.int("SELECT capacity FROM shelter WHERE id = 'S-4'")
      #expect(capacity == -1)
      #expect(try connection.int("SELECT count(*) FROM shelter") == 61)
      #expect(try connection.int("SELECT CheckSpatialIndex('shelter', 'geom')") == 1)
      #expect(try connection.text("SELECT rtreecheck('idx_shelter_geom')") == "ok")
    }
    #expect(try store.catalog().layers[0].geometry?.extent?.max[0] == 500_000)
  }

  @Test("many rows are logged as one bulk entry, and the triggers are all back")
  func bulk() throws {
    let fixture = try StoreFixture(shelters: 10)
    let store = try Store.open(fixture.path)
    let start = try store.revision()
    let triggers =
      "SELECT group_concat(name || sql) FROM (SELECT * FROM sqlite_schema WHERE type = 'trigger' ORDER BY name)"
    let before = try store.read { try $0.connection.text(triggers) }
    _ = try append((11...2_000).map(StoreFixture.shelter), to: fixture, conflict: .fail)
    let changes = try #require(try store.read { try $0.changes(since: start) })
    #expect(changes.layers == [LayerChanges(layer: "shelter", isBulk: true, rowids: [])])
    #expect(try store.read { try $0.connection.text(triggers) } == before)
    #expect(try store.catalog().layers[0].rowCount == 2_000)
    try fixture.plain(spatialite: true).use { connection in
      let value = try connection.int("SELECT CheckSpatialIndex('shelter', 'geom')")
      #expect(value == 1)
    }
  }

  @Test("a value that its column cannot hold names file, place and column")
  func badValue() throws {
    let fixture = try StoreFixture(shelters: 1)
    var row = StoreFixture.shelter(2)
    row.values[1] = .text("many")
    row.place = .line(17)
    do {
      _ = try append([row], to: fixture, conflict: .fail)
      Issue.record("was taken")
    } catch let error as StoreError {
      #expect(error.failureClass == .content)
      for part in ["more.csv", "line 17", "capacity", "many"] { #expect(error.message.contains(part)) }
    }
  }

  @Test("a value outside the closed list is refused with what is near; taken when asked, it opens the list")
  func openedList() throws {
    let fixture = try StoreFixture(shelters: 1)
    var row = StoreFixture.shelter(2)
    row.values[2] = .text("半开放")
    row.place = .line(9)
    do {
      _ = try append([row], to: fixture, conflict: .fail)
      Issue.record("was taken")
    } catch let error as StoreError {
      for part in ["more.csv, line 9", "`status` is '半开放'", "open, full, closed", "did you mean '开放'?", "--new-values"]
      {
        #expect(error.message.contains(part), "\(part): \(error.message)")
      }
    }
    #expect(try Store.open(fixture.path).catalog().layers[0].columns[3].enumeration == ["open", "full", "closed"])
    _ = try append([row], to: fixture, conflict: .fail, takesNewValues: true)
    #expect(try Store.open(fixture.path).catalog().layers[0].columns[3].enumeration == nil)
  }

  @Test("a value of the closed list in other words is kept as what it means")
  func translatedValue() throws {
    let fixture = try StoreFixture(shelters: 1)
    var row = StoreFixture.shelter(2)
    row.values[2] = .text("已满")
    _ = try append([row], to: fixture, conflict: .fail)
    let store = try Store.open(fixture.path)
    #expect(try store.read { try $0.connection.text("SELECT status FROM shelter ORDER BY fid DESC LIMIT 1") } == "full")
    #expect(try store.catalog().layers[0].columns[3].enumeration == ["open", "full", "closed"])
  }

  @Test("solids are kept whole, by object and LoD, with their semantics")
  func solids() throws {
    let folder = ThrowawayFolder()
    let store = try Store.create(folder.file("a.sqlite"), workingCRS: .epsg(4547))
    var surfaces = Geometry(kind: .multiPolygon)
    surfaces.appendPart(rings: [[0, 0, 9, 0, 9, 9, 0, 0]], z: [[1, 1, 1, 1]])
    surfaces.appendPart(rings: [[0, 0, 9, 0, 9, 0, 0, 0]], z: [[1, 1, 5, 1]])
    try store.write { writer in
      let layer = try writer.createLayer("building", columns: [], geometry: .init(kind: .polygon))
      let table = try SolidsWriter(writer.createSolids(of: layer), isNew: true, in: writer.connection)
      let own = SolidGeometry(object: "B", lod: "1.2", kind: "Solid", surfaces: surfaces)
      let part = SolidGeometry(
        object: "B-1", lod: "2.2", kind: "MultiSurface", surfaces: surfaces, semantics: ["RoofSurface", nil],
        shellStarts: [0, 1], appearance: "{}")
      try table.write([own, part], of: 7, id: "B", isReplacing: false)
      try table.write([own], of: 8, id: "B", isReplacing: false)
      try table.write([part], of: 8, id: "B", isReplacing: true)
      try table.finish(position: 1)
    }
    try store.connection.use { connection in
      let rows = try connection.prepare(
        "SELECT building, object, lod, kind, semantics, shells, appearance, ST_AsText(geom) FROM building_geometry ORDER BY fid"
      )
      var texts: [[String?]] = []
      while try rows.step() { texts.append((0...7).map { rows.optionalText($0) }) }
      let wkt = "MULTIPOLYGON Z(((0 0 1, 9 0 1, 9 9 1, 0 0 1)), ((0 0 1, 9 0 1, 9 0 5, 0 0 1)))"
      let semantics = "{\"types\":[\"RoofSurface\"],\"values\":[0,null]}"
      #expect(
        texts == [
          ["7", nil, "1.2", "Solid", nil, nil, nil, wkt],
          ["7", "B-1", "2.2", "MultiSurface", semantics, "[0,1]", "{}", wkt],
          ["8", "B-1", "2.2", "MultiSurface", semantics, "[0,1]", "{}", wkt],
        ])
      #expect(try connection.int("SELECT CheckSpatialIndex('building_geometry', 'geom')") == 1)
    }
    let state = try store.read { try $0.catalog() }
    #expect(state.layers.map(\.layer.name) == ["building"] && state.solids.map(\.solidsOf) == ["building"])
  }
}

extension Box2 {
  fileprivate static func make(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> Box2 {
    Box2(x, y, x + width, y + height)
  }
}
