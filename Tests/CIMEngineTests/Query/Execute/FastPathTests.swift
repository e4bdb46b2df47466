import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// A naive city packed into a snapshot: rows in Hilbert order, points without boxes, indexes on ids, links by fid.
private struct PackedCity {
  let city: NaiveCity
  let snapshot: Snapshot
  let oracle: NaiveExecution

  init(_ city: NaiveCity) throws {
    self.city = city
    oracle = NaiveExecution(city: city)
    var rows: [String: [SegmentRow]] = [:]
    for (index, layer) in city.layers.enumerated() {
      rows[layer.name] = layer.rows.indices.map { row in
        var values = layer.rows[row]
        if index == NaiveCity.person {
          let unit = city.layers[NaiveCity.unit].rows.firstIndex { $0[0] == values[1] }
          values[1] = unit.map { .int(Int64($0 + 1)) } ?? .null
        }
        return SegmentRow(fid: Int64(row + 1), values: values, geometry: layer.geometries[row])
      }
    }
    snapshot = try Snapshot.inMemory(city.catalog, rows)
  }

  func bind(_ text: String) throws -> BoundFind {
    let script = try parse(text, names: KnownNames(city.catalog))
    let context = BindContext(lookup: SnapshotLookup(snapshot)) { _, _ in [] }
    guard case .find(let find) = try CIMEngine.bind(script.statements[0], in: city.catalog, context).body else {
      throw QueryError(.failed("not a FIND"))
    }
    return find
  }

  func run(_ find: BoundFind, threads: Int) throws -> [[Value]] {
    let executor = Executor(catalog: city.catalog, tables: SnapshotTables(snapshot), threads: threads, now: 0)
    var sink: any RowSink = CollectingSink()
    try executor.run(find, isOrdered: true, into: &sink)
    return (sink as! CollectingSink).rows
  }

  /// Runs a text and compares its rows with the oracle's, doubles up to their last bits.
  func check(_ text: String) throws {
    let find = try bind(text)
    let wanted = try oracle.run(find)
    for threads in 1...2 {
      let got = try run(find, threads: threads)
      let isSame =
        got.count == wanted.count
        && zip(got, wanted).allSatisfy { $0.count == $1.count && zip($0, $1).allSatisfy(sameValue) }
      let at = zip(got, wanted).enumerated().first { !zip($1.0, $1.1).allSatisfy(sameValue) }
      #expect(
        isSame,
        "\(text): \(got.count) rows, wanted \(wanted.count); \(at.map { "row \($0.offset): \($0.element)" } ?? "")")
    }
  }
}

@Suite("Fast paths against nested loops, on a packed city")
struct FastPathTests {
  @Test("random statements", arguments: 1...3 as ClosedRange<UInt64>)
  func random(seed: UInt64) throws {
    let packed = try PackedCity(NaiveCity(seed: seed &+ 40))
    var maker = StatementMaker(seed: seed &* 7_654_321, city: packed.city)
    for index in 0..<20 {
      let find = maker.find()
      let wanted = try packed.oracle.run(find)
      let (one, two) = (try packed.run(find, threads: 1), try packed.run(find, threads: 2))
      #expect(one == two, "seed \(seed) statement \(index): threads differ")
      #expect(
        one.count == wanted.count && zip(one, wanted).allSatisfy { zip($0, $1).allSatisfy(sameValue) },
        "seed \(seed) statement \(index)")
    }
  }

  @Test("nearest of each, with ties on a lattice, bounds and outer joins", arguments: 1...2 as ClosedRange<UInt64>)
  func nearestOfEach(seed: UInt64) throws {
    // Candidates with and without empty points among them.
    let packed = try PackedCity(NaiveCity(seed: seed, hasEmptyPoints: seed % 2 == 0))
    for from in ["building", "road", "flood", "person", "(FIND unit WHERE floor > 20)"] {
      for (left, count, within) in [
        ("", 1, ""), ("LEFT ", 2, " WITHIN 50 m"), ("LEFT ", 1, " WITHIN 0 m"), ("", 14, ""),
      ] {
        try packed.check(
          "FIND \(from) AS a \(left)JOIN NEAREST \(count) shelter AS s\(within) RETURN a.id, s.id, s.distance")
      }
    }
    for to in ["(FIND shelter WHERE status = 'open')", "unit", "building"] {
      try packed.check("FIND road AS a JOIN NEAREST 3 \(to) AS s RETURN a.id, s.id, s.distance")
      try packed.check("FIND shelter AS a JOIN NEAREST 1 \(to) AS s WITHIN 25 m RETURN a.id, s.id, s.distance")
    }
  }

  @Test("nearest to many features, by a bound that the workers share")
  func nearestToMany() throws {
    let packed = try PackedCity(NaiveCity(seed: 12, scale: 2))
    for count in [1, 5, 60, 1000] {
      try packed.check("FIND unit NEAREST \(count) TO flood RETURN id, distance")
      try packed.check("FIND building NEAREST \(count) WITH TIES TO road WHERE floors > 3 RETURN id, distance")
    }
    let larger = try PackedCity(NaiveCity(seed: 13, scale: 3))
    for count in [1, 40, 300] {
      for to in ["road", "flood", "grid", "shelter", "(FIND building WHERE floors > 31)"] {
        try larger.check("FIND unit NEAREST \(count) TO \(to) RETURN id, distance")
        try larger.check(
          "FIND unit NEAREST \(count) WITH TIES TO \(to) WITHIN 40 m WHERE floor < 20 RETURN id, distance")
      }
      try larger.check("FIND building NEAREST \(count) TO shelter WHERE floors = 99 RETURN id, distance")
    }
  }

  @Test("points in polygons, joined and only counted", arguments: [1, 3] as [UInt64])
  func pointsInPolygons(seed: UInt64) throws {
    let packed = try PackedCity(NaiveCity(seed: seed, scale: 4, hasEmptyPoints: seed == 3))
    for (polygons, left, relation) in [
      ("grid", "", "S_CONTAINS"), ("grid", "LEFT ", "S_INTERSECTS"), ("flood", "LEFT ", "S_CONTAINS"),
      ("flood", "", "S_INTERSECTS"), ("flood", "", "S_TOUCHES"),
      ("(FIND grid WHERE code > 'C-4')", "LEFT ", "S_TOUCHES"),
    ] {
      let join = "FIND \(polygons) AS g \(left)JOIN unit AS u ON \(relation)(g.geom, u.geom)"
      try packed.check("\(join) GROUP BY g.id RETURN g.id, COUNT(*) AS n")
      try packed.check("\(join) GROUP BY g.id RETURN g.id, COUNT(u.id) AS n, COUNT(DISTINCT u.building) AS b")
      try packed.check("\(join) AND u.floor > 9 RETURN COUNT(*) AS n, SUM(u.area) AS a")
    }
    try packed.check("FIND grid AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) RETURN COUNT(u.id) AS n")
    try packed.check("FIND shelter AS g LEFT JOIN unit AS u ON WITHIN 60 m GROUP BY g.id RETURN g.id, COUNT(*) AS n")
    try packed.check(
      "FIND grid AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code RETURN g.code, COUNT(*) AS n")
    try packed.check(
      "FIND unit AS u JOIN grid AS g ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code, u.floor "
        + "RETURN g.code, u.floor, COUNT(*) AS n")
  }

  @Test("polygons of each of very many points, by cells", arguments: [2, 7] as [UInt64])
  func polygonsOfPoints(seed: UInt64) throws {
    let packed = try PackedCity(NaiveCity(seed: seed, scale: 4, hasEmptyPoints: seed == 7))
    for (polygons, left, relation) in [
      ("grid", "LEFT ", "S_WITHIN"), ("grid", "LEFT ", "S_INTERSECTS"), ("grid", "LEFT ", "S_TOUCHES"),
      ("flood", "LEFT ", "S_WITHIN"), ("flood", "LEFT ", "S_INTERSECTS"), ("building", "LEFT ", "S_TOUCHES"),
      ("(FIND grid WHERE code > 'C-4')", "LEFT ", "S_INTERSECTS"),
    ] {
      let join = "FIND unit AS u \(left)JOIN \(polygons) AS g ON \(relation)(u.geom, g.geom)"
      try packed.check("\(join) RETURN u.id, g.id")
      try packed.check("\(join) GROUP BY u.floor RETURN u.floor, COUNT(*) AS n, COUNT(g.id) AS m")
    }
    try packed.check(
      "FIND building AS b JOIN unit AS u ON u.building = b.id JOIN grid AS g ON S_WITHIN(u.geom, g.geom) "
        + "RETURN b.id, u.id, g.id")
    // Whether cells are used at all.
    let find = try packed.bind("FIND unit AS u LEFT JOIN grid AS g ON S_WITHIN(u.geom, g.geom) RETURN u.id, g.id")
    let executor = Executor(catalog: packed.city.catalog, tables: SnapshotTables(packed.snapshot), threads: 2, now: 0)
    let execution = try Execution(try executor.makePlan(find), executor)
    try execution.prepareStages()
    #expect((execution.stages.first as? SearchJoin)?.cells != nil)
    // Too little memory for them.
    let token = CancellationToken(maximumBytes: 4_000)
    let small = Executor(
      catalog: packed.city.catalog, tables: SnapshotTables(packed.snapshot), token: token, threads: 1, now: 0)
    let searched = try Execution(try small.makePlan(find), small)
    try searched.prepareStages()
    #expect((searched.stages.first as? SearchJoin).map { $0.cells == nil } == true)
  }

  @Test("candidates counted without being made into rows")
  func countedCandidates() throws {
    let packed = try PackedCity(NaiveCity(seed: 8, scale: 6))
    for condition in [
      "INTERSECTS BBOX(100, 100, 700, 600) IN EPSG:4547", "INSIDE BBOX(100, 100, 700, 600) IN EPSG:4547",
      "TOUCHES BBOX(100, 100, 700, 600) IN EPSG:4547", "WITHIN 200 m OF POINT(500 500) IN EPSG:4547",
      "INTERSECTS flood", "WITHIN 30 m OF road", "INSIDE grid", "WITHIN 100 m OF shelter",
    ] {
      try packed.check("COUNT building \(condition)")
      try packed.check("COUNT unit \(condition)")
      try packed.check("FIND unit \(condition) WHERE floor > 9 RETURN COUNT(*) AS n")
      try packed.check("FIND unit \(condition) RETURN id, floor")
    }
  }

  @Test("pages in the order of ids")
  func pages() throws {
    let packed = try PackedCity(NaiveCity(seed: 5, scale: 5))
    for filter in ["", " WHERE use = 'school' AND height > 20", " WHERE floors > 99", " WHERE name LIKE '%a%'"] {
      for page in ["LIMIT 7 OFFSET 3", "LIMIT 0", "LIMIT 5 OFFSET 297"] {
        try packed.check("FIND building\(filter) RETURN id, floors \(page)")
      }
    }
    try packed.check("FIND person WHERE age > 30 RETURN id, unit LIMIT 9")
    try packed.check("FIND building INSIDE flood RETURN id LIMIT 9")
  }

  @Test("aggregates where the columns lie")
  func columnAggregates() throws {
    // More than one block of 4,096 units.
    let packed = try PackedCity(NaiveCity(seed: 6, scale: 28))
    let numbers =
      "COUNT(floor) AS f, SUM(floor) AS s, MIN(floor) AS l, COUNT(area) AS c, SUM(area) AS t, AVG(area) AS m, "
      + "MAX(area) AS y, COUNT(building) AS b"
    try packed.check("FIND unit RETURN \(numbers)")
    try packed.check("FIND unit WHERE floor = 3 AND area < 50 RETURN COUNT(*) AS n, \(numbers)")
    try packed.check("FIND unit WHERE floor > 99 RETURN COUNT(*) AS n, \(numbers)")
    try packed.check(
      "FIND building RETURN SUM(floors) AS f, COUNT(1) AS n, COUNT(DISTINCT floors) AS d, MIN(name) AS m")
  }

  @Test("groups by text where it lies, by links, and by several keys")
  func groups() throws {
    let packed = try PackedCity(NaiveCity(seed: 7, scale: 4))
    for keys in ["unit", "id", "unit.building", "unit, age", "unit.building, unit.floor, age", "unit.building.use"] {
      try packed.check("FIND person GROUP BY \(keys) RETURN \(keys), COUNT(*) AS n, AVG(age) AS a, MAX(age) AS h")
    }
    try packed.check("FIND building GROUP BY name, use RETURN name, use, COUNT(*) AS n, SUM(height) AS h, MIN(id) AS i")
    try packed.check("FIND building GROUP BY name RETURN name, COUNT(*) AS n ORDER BY n DESC LIMIT 4")
    try packed.check(
      "FIND person GROUP BY unit HAVING COUNT(*) > 2 RETURN unit, COUNT(*) AS n ORDER BY n DESC, unit LIMIT 5")
  }
}
