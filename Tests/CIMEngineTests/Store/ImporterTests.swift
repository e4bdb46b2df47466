import Glibc
import SpatialIndex
import Synchronization
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Import")
struct ImporterTests {
  let folder = ThrowawayFolder()
  var path: String { folder.file("city.sqlite") }

  private func points(_ range: Range<Int>, layer: String = "shelter", file: String = "a.csv") -> MemorySource {
    MemorySource(
      file, layer: layer, columns: [.init(name: "capacity", type: .int)],
      range.map {
        Feature(
          id: "S-\($0)", values: [.int(Int64($0))],
          geometry: .point(460_000 + Double($0 % 317) * 10, 3_840_000 + Double($0 / 317) * 10), place: .line($0 + 2))
      })
  }

  private func rows(_ sql: String) throws -> [[String?]] {
    try Store.open(path).connection.use { connection in
      let statement = try connection.prepare(sql)
      var result: [[String?]] = []
      while try statement.step() { result.append((0..<statement.columnCount).map { statement.optionalText($0) }) }
      return result
    }
  }

  private func expectSound(_ tables: [String]) throws {
    let connection = try Connection(path: path, access: .write)
    try connection.use { connection in
      try SpatiaLite.load(into: connection)
      for table in tables {
        let check = try connection.int("SELECT CheckSpatialIndex(\(literal(table)), 'geom')")
        #expect(check == 1, "\(table)")
        #expect(try connection.text("SELECT rtreecheck('idx_\(table)_geom')") == "ok")
      }
      #expect(try connection.text("PRAGMA integrity_check") == "ok")
    }
  }

  private func failure(_ body: () throws -> Void) -> (any UserFacingError)? {
    do { try body() } catch { return error as? any UserFacingError }
    return nil
  }

  private func names() -> [String] {
    var result: [String] = []
    guard let handle = opendir(folder.path) else { return [] }
    defer { closedir(handle) }
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != "." && name != ".." { result.append(name) }
    }
    return result.sorted()
  }

  @Test("a new database holds every row, in the working CRS of the first source, with nothing left beside it")
  func newDatabase() throws {
    let report = try Importer.run(into: path, sources: [points(0..<2_345)])
    #expect(report.isNewDatabase && report.workingCRS == .epsg(4547) && report.tally.inserted == 2_345)
    #expect(report.layers.map(\.name) == ["shelter"] && report.warnings.isEmpty)
    #expect(names() == ["city.sqlite"])
    #expect(try rows("SELECT count(*), sum(capacity), min(id) FROM shelter") == [["2345", "2748340", "S-0"]])
    let catalog = try Store.open(path).catalog()
    #expect(catalog.layers[0].rowCount == 2_345 && catalog.layers[0].columns.map(\.name) == ["id", "capacity"])
    #expect(catalog.layers[0].columns[1].aliases.contains("容量"))
    try expectSound(["shelter"])
  }

  @Test("files of one layer are merged: columns joined, types widened, single and multi geometry made multi")
  func merged() throws {
    let square = Geometry.polygon([[0, 0, 9, 0, 9, 9, 0, 9, 0, 0].map { 450_000 + $0 }])
    var multi = Geometry(kind: .multiPolygon)
    multi.appendPart(rings: [square.xy])
    multi.appendPart(rings: [square.xy.map { $0 + 100 }])
    func column(_ name: String, _ type: ColumnType) -> Catalog.Column { Catalog.Column(name: name, type: type) }
    let a = MemorySource(
      "tile1", layer: "zone",
      columns: [column("a", .int), column("b", .text), column("c", .date), column("height", .text)],
      [Feature(id: "1", values: [.int(1), .text("x"), .date(0), .null], geometry: square, place: .line(1))])
    let b = MemorySource(
      "tile2", layer: "Zone",
      columns: [column("B", .double), column("A", .double), column("c", .timestamp), column("d", .bool)],
      [
        Feature(
          id: "2", values: [.double(2.5), .double(0.5), .timestamp(5), .bool(true)], geometry: multi, place: .line(1))
      ])
    let report = try Importer.run(into: path, sources: [a, b])
    #expect(report.layers.count == 1 && report.tally.inserted == 2)
    #expect(report.layers[0].columns.map(\.name) == ["a", "b", "c", "height", "d"])
    #expect(report.layers[0].columns.map(\.type) == [.double, .text, .timestamp, .double, .bool])
    #expect(report.layers[0].geometry?.kind == .multiPolygon)
    #expect(
      try rows("SELECT a, b, c, height, d FROM zone ORDER BY id") == [
        ["1.0", "x", "1970-01-01T00:00:00Z", nil, nil], ["0.5", "2.5", "1970-01-01T00:00:00.000005Z", nil, "1"],
      ])
    try expectSound(["zone"])
  }

  @Test("sources in other CRSs are brought into the working CRS, chosen from the data's centre when need be")
  func reprojection() throws {
    func source(_ crs: CRS, _ x: Double, _ y: Double, _ layer: String) -> MemorySource {
      MemorySource(
        layer + ".geojson", layer: layer, crs: crs,
        [Feature(id: "p", values: [], geometry: .point(x, y), place: .line(1))])
    }
    let notices = Mutex<[String]>([])
    let shifted = try CRSTransform.between(.wgs84, .gcj02).apply(113.65, 34.76)
    let report = try Importer.run(
      into: path,
      sources: [
        source(.wgs84, 113.65, 34.76, "a"), source(.gcj02, shifted.x, shifted.y, "b"),
        source(.epsg(4547), 467_972.6, 3_847_819, "c"),
      ],
      notice: { text in notices.withLock { $0.append(text) } })
    #expect(report.workingCRS == .epsg(4547))
    #expect(notices.withLock { $0.first?.contains("EPSG:4547") == true && $0.first?.contains("China") == true })
    let expected = try CRSTransform.between(.wgs84, .epsg(4547)).apply(113.65, 34.76)
    try Store.open(path).read { reader in
      var geometry = Geometry(kind: .point)
      for layer in try reader.catalog().layers.prefix(2) {
        try reader.scan(layer, columns: [], geometry: true) { row in
          let isThere = row.readGeometry(into: &geometry)
          #expect(isThere)
          #expect(abs(geometry.xy[0] - expected.x) < 1e-5 && abs(geometry.xy[1] - expected.y) < 1e-5)
        }
      }
    }
  }

  @Test("a child keeps its parent's fid, whatever the order of the files; what names nothing is said")
  func fidLinks() throws {
    let people = MemorySource(
      "person.csv", layer: "person", columns: [.init(name: "unit", type: .text)],
      [
        Feature(id: "p1", values: [.text("U-2")], geometry: nil, place: .line(2)),
        Feature(id: "p2", values: [.null], geometry: nil, place: .line(3)),
        Feature(id: "p3", values: [.text("U-9")], geometry: nil, place: .line(4)),
      ])
    let units = points(0..<3, layer: "unit")
    var named = units
    named.features[0] = units.features[0].enumerated().map { i, feature in
      var feature = feature
      feature.id = "U-\(i)"
      return feature
    }
    let report = try Importer.run(into: path, sources: [people, named])
    #expect(
      try rows("SELECT p.id, u.id, typeof(p.unit) FROM person AS p LEFT JOIN unit AS u ON u.fid = p.unit ORDER BY p.id")
        == [["p1", "U-2", "integer"], ["p2", nil, "null"], ["p3", nil, "null"]])
    #expect(report.warnings.count == 1 && report.warnings[0].contains("U-9") && report.warnings[0].contains("line 4"))
    let catalog = try Store.open(path).catalog()
    #expect(catalog.links == [.init(layer: "person", column: "unit", targetLayer: "unit", targetColumn: "fid")])
    #expect(catalog.layers.first { $0.name == "person" }?.columns[1].type == .text)

    // More people later: the units are in the database.
    var more = people
    more.features = [[Feature(id: "p4", values: [.text("U-0")], geometry: nil, place: .line(2))]]
    _ = try Importer.run(into: path, sources: [more])
    #expect(try rows("SELECT unit FROM person WHERE id = 'p4'") == [["1"]])
  }

  @Test("without the units, people keep the ids as text")
  func textLink() throws {
    var people = MemorySource(
      "person.csv", layer: "person", columns: [.init(name: "unit", type: .text)],
      [Feature(id: "p1", values: [.text("U-2")], geometry: nil, place: .line(2))])
    people.crs = nil
    _ = try Importer.run(into: path, sources: [people], options: ImportOptions(workingCRS: .epsg(4547)))
    #expect(try rows("SELECT unit FROM person") == [["U-2"]])
    #expect(try Store.open(path).catalog().links.isEmpty)
    _ = try Importer.run(into: path, sources: [points(0..<3, layer: "unit")])
    #expect(try Store.open(path).catalog().links.map(\.targetColumn) == ["id"])
  }

  @Test("appending: new columns, a multi geometry and rows that are there")
  func append() throws {
    _ = try Importer.run(into: path, sources: [points(0..<50)])
    var multi = Geometry(kind: .multiPoint)
    multi.appendPart(rings: [[460_000, 3_840_000]])
    let more = MemorySource(
      "b.csv", layer: "SHELTER", columns: [.init(name: "capacity", type: .double), .init(name: "note", type: .text)],
      [
        Feature(
          id: "S-3", values: [.double(3), .null], geometry: points(3..<4).features[0][0].geometry, place: .line(2)),
        Feature(id: "new", values: [.double(7), .text("x")], geometry: multi, place: .line(3)),
      ])
    let report = try Importer.run(into: path, sources: [more], options: ImportOptions(onConflict: .fail))
    #expect(report.tally.inserted == 1 && report.tally.identical == 1 && !report.isNewDatabase)
    let layer = try Store.open(path).catalog().layers[0]
    #expect(layer.columns.map(\.name) == ["id", "capacity", "note"] && layer.rowCount == 51)
    #expect(layer.columns[1].type == .int && layer.geometry?.kind == .multiPoint)
    try expectSound(["shelter"])
    let connection = try Connection(path: path, access: .write)
    try connection.use { connection in
      try SpatiaLite.load(into: connection)
      #expect(try connection.int("SELECT count(*) FROM shelter WHERE GeometryType(geom) = 'MULTIPOINT'") == 51)
    }
  }

  @Test("a failing import leaves the database byte for byte, and no file where there was none")
  func failures() throws {
    var broken = points(0..<1_000)
    broken.failsAfter = 5
    #expect(failure { _ = try Importer.run(into: path, sources: [broken]) }?.message.contains("cut short") == true)
    #expect(names().isEmpty)

    _ = try Importer.run(into: path, sources: [points(0..<50)])
    let before = ThrowawayFolder.bytes(of: path)
    var conflicting = points(40..<900)
    conflicting.features[0][0].values[0] = .int(-1)
    for sources in [[points(50..<700), broken], [points(60..<99), conflicting]] {
      let error = failure { _ = try Importer.run(into: path, sources: sources) }
      #expect(error?.failureClass == .content)
      #expect(ThrowawayFolder.bytes(of: path) == before)
      #expect(names() == ["city.sqlite"])
    }
    let error = failure { _ = try Importer.run(into: path, sources: [conflicting]) }
    for part in ["a.csv", "line 42", "'S-40'", "capacity", "--on-conflict"] {
      #expect(error?.message.contains(part) == true)
    }
  }

  @Test("what the sources leave open is asked for by name")
  func openQuestions() throws {
    var silent = points(0..<3)
    silent.crs = nil
    let missing = failure { _ = try Importer.run(into: path, sources: [silent]) }
    #expect(missing?.message.contains("--crs") == true && missing?.message.contains("a.csv") == true)
    #expect(missing?.failureClass == .content)

    let table = MemorySource("t.csv", layer: "t", [Feature(id: "1", values: [], geometry: nil, place: .line(2))])
    #expect(failure { _ = try Importer.run(into: path, sources: [table]) }?.message.contains("--working-crs") == true)
    #expect(failure { _ = try Importer.run(into: path, sources: []) }?.failureClass == .usage)
    #expect(
      failure { _ = try Importer.run(into: folder.file("no/such/city.sqlite"), sources: [table]) }?.failureClass
        == .file)
    for bad in [CRS.gcj02, .epsg(99_999), .epsg(2_227)] {
      #expect(
        failure { _ = try Importer.run(into: path, sources: [silent], options: ImportOptions(workingCRS: bad)) } != nil)
    }
    #expect(names().isEmpty)
    _ = try Importer.run(into: path, sources: [points(0..<3)])
    let other = failure {
      _ = try Importer.run(into: path, sources: [points(0..<3)], options: ImportOptions(workingCRS: .epsg(4548)))
    }
    #expect(other?.message.contains("EPSG:4547") == true)
  }

  @Test("a coordinate that is not finite, or cannot be brought over, names its place")
  func badCoordinates() throws {
    for (x, y) in [(Double.nan, 1.0), (1.0, .infinity), (113.0, 95.0)] {
      var source = points(0..<5)
      source.crs = .wgs84
      for i in 0..<5 { source.features[0][i].geometry = .point(113.6, 34.7) }
      source.layers[0].extent = Box2(113, 34, 114, 35)
      source.features[0][3].geometry = .point(x, y)
      let error = failure { _ = try Importer.run(into: path, sources: [source]) }
      #expect(error?.message.contains("line 5") == true && error?.failureClass == .content)
      #expect(names().isEmpty)
    }
  }

  @Test("a dry run tells layers, columns and counts, and writes nothing")
  func dryRun() throws {
    var options = ImportOptions()
    options.isDryRun = true
    let report = try Importer.run(into: path, sources: [points(0..<50)], options: options)
    #expect(report.layers.map(\.sourceRows) == [50] && report.layers[0].columns.map(\.name) == ["capacity"])
    #expect(names().isEmpty)
  }

  @Test("interrupted, an import leaves nothing behind")
  func interrupted() throws {
    let calls = Atomic<Int>(0)
    let error = failure {
      _ = try Importer.run(
        into: path, sources: [points(0..<5_000)],
        isCancelled: { calls.add(1, ordering: .relaxed).newValue > 20 })
    }
    #expect(error?.failureClass == .interrupted)
    #expect(names().isEmpty)
  }

  @Test("two imports of one new database: the second is turned away, what a killed one left is written over")
  func partialFile() throws {
    let partial = path + ".importing"
    _ = folder.write("city.sqlite.importing", "left behind by a crash")
    _ = try Importer.run(into: path, sources: [points(0..<5)])
    #expect(names() == ["city.sqlite"])
    unlink(path)
    let held = open(partial, O_CREAT | O_RDWR, 0o644)
    defer { close(held) }
    #expect(flock(held, LOCK_EX) == 0)
    let error = failure { _ = try Importer.run(into: path, sources: [points(0..<5)]) }
    #expect(error?.failureClass == .file && error?.message.contains("another import") == true)
  }

  @Test("names that would break SQL, or collide, are only names")
  func hostileNames() throws {
    let name = "x\"; DROP TABLE cimq_meta; --"
    let columns = [
      Catalog.Column(name: "a\"b'c", type: .text), Catalog.Column(name: "select", type: .int),
      Catalog.Column(name: "列 名", type: .int),
    ]
    let source = MemorySource(
      "a", layer: name, columns: columns,
      [
        Feature(
          id: "'; DROP TABLE x; --", values: [.text("\u{1}'\""), .int(1), .int(2)],
          geometry: .point(460_000, 3_840_000), place: .line(1))
      ])
    let report = try Importer.run(
      into: path, sources: [source, points(0..<3, layer: "cimq_meta"), points(0..<3, layer: "geometry_columns")])
    #expect(report.layers.map(\.name) == ["x_; drop table cimq_meta; --", "cimq_meta_2", "geometry_columns_2"])
    #expect(
      try rows("SELECT id, \"a\"\"b'c\", \"select\", \"列 名\" FROM \"x_; drop table cimq_meta; --\"")
        == [["'; DROP TABLE x; --", "\u{1}'\"", "1", "2"]])
    #expect(try Store.open(path).catalog().layers.count == 3)
  }

  @Test("a city model's surfaces beside lines of that name get a layer of their own")
  func surfaceLayer() throws {
    let lines = MemorySource(
      "road.geojson", layer: "road",
      [Feature(id: "1", values: [], geometry: .line([460_000, 3_840_000, 460_010, 3_840_000]), place: .line(1))])
    var model = MemorySource(
      "m.city.json", layer: "road",
      [
        Feature(
          id: "r", values: [],
          geometry: .polygon([[460_000, 3_840_000, 460_010, 3_840_000, 460_010, 3_840_010, 460_000, 3_840_000]]),
          place: .line(1))
      ])
    model.format = "CityJSON"
    let report = try Importer.run(into: path, sources: [lines, model])
    #expect(report.layers.map(\.name) == ["road", "road_surface"])
    #expect(report.warnings.count == 1 && report.warnings[0].contains("road_surface"))
  }
}
