import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Floors of buildings under water, by the heights of the units on them.
@Suite("Wet floors")
struct FloorLevelsTests {
  typealias Own = FloorLevels.Building

  private func levels(_ floors: [(Int32, Double)]) -> FloorLevels {
    FloorLevels(buildings: 1, entries: floors.map { (building: 0, floor: $0.0, level: $0.1) })
  }

  @Test("a floor lies where its lowest unit does, whatever a storey would be")
  func ownHeights() throws {
    // A hall of 6 m, then low floors; the second floor has a unit on a gallery.
    let known = levels([(1, 100), (2, 106.5), (2, 106), (3, 108.5), (-1, 95)])
    let own = Own(ground: 99, floors: 3, floorsBelow: 1, storey: 3)
    for (water, count) in [(94.9, 0), (95, 0), (95.1, 1), (100, 1), (100.1, 2), (106, 2), (106.2, 3), (109, 4)] {
      #expect(try #require(known.wetFloors(of: 0, own, under: water, tolerance: 0)).count == count, "\(water)")
      #expect(try #require(known.wetFloors(of: 0, own, under: water, tolerance: 0)).usesStorey == false)
    }
    #expect(try #require(known.wetFloors(of: 0, own, under: 100.3, tolerance: 0.5)).count == 1)
  }

  @Test("floors without units lie between those that have some")
  func between() throws {
    let known = levels([(1, 100), (4, 109)])
    let own = Own(ground: 99.5, floors: 6, floorsBelow: 0, storey: 5)
    let counts = [100.5, 103.5, 106.5, 109.5, 112.5, 115.5].map {
      known.wetFloors(of: 0, own, under: $0, tolerance: 0)?.count
    }
    #expect(counts == [1, 2, 3, 4, 5, 6])
    #expect(known.wetFloors(of: 0, own, under: 99, tolerance: 0)?.usesStorey == false)
  }

  @Test("a building without units goes by its storeys, a broken one by what is known")
  func withoutUnits() throws {
    let none = levels([])
    let own = Own(ground: 100, floors: 3, floorsBelow: 2, storey: 3)
    for (water, count) in [(94, 0), (96, 1), (98, 2), (100.1, 3), (103.1, 4), (120, 5)] {
      let found = try #require(none.wetFloors(of: 0, own, under: Double(water), tolerance: 0))
      #expect(found.count == count && found.usesStorey, "\(water)")
    }
    #expect(
      none.wetFloors(of: 0, Own(ground: nil, floors: 3, floorsBelow: 0, storey: 3), under: 90, tolerance: 0) == nil)
    #expect(
      none.wetFloors(of: 0, Own(ground: 80, floors: nil, floorsBelow: 0, storey: 3), under: 90, tolerance: 0) == nil)
    // Nobody says how many floors there are, and a unit is under water.
    let one = levels([(7, 88)])
    #expect(
      one.wetFloors(of: 0, Own(ground: nil, floors: nil, floorsBelow: nil, storey: 3), under: 90, tolerance: 0)?.count
        == 1)
    // A unit above the roof, a billion floors, floor 0.
    #expect(
      one.wetFloors(of: 0, Own(ground: 80, floors: 2, floorsBelow: 0, storey: 3), under: 90, tolerance: 0)?.count == 3)
    _ = one.wetFloors(of: 0, Own(ground: 80, floors: 1e300, floorsBelow: 1e300, storey: 3), under: 1e9, tolerance: 0)
    let far = levels([(Int32.max, 1e6), (Int32.min, -1e6), (0, 89)])
    #expect(
      far.wetFloors(of: 0, Own(ground: 85, floors: 1, floorsBelow: 0, storey: 3), under: 90, tolerance: 0)?.count == 3)
  }

  @Test("EXPOSE counts the floors that a scan counts", arguments: 1...4 as ClosedRange<UInt64>)
  func scan(seed: UInt64) throws {
    let city = try FloorCity(seed: seed)
    let database = try Database(path: city.folder.file("floors.sqlite"))
    for water in [97.0, 101.25, 104.5, 111] {
      for tolerance in [0, 0.25] {
        let clause = tolerance > 0 ? " TOLERANCE \(tolerance) m" : ""
        let answer = try city.ask(
          "EXPOSE building TO BBOX(113, 34, 115, 35) LEVEL \(water) m\(clause) RETURN id, wet_floors ORDER BY id",
          on: database)
        #expect(answer.rows.count == city.buildings.count)
        for (row, building) in zip(answer.rows, city.buildings) {
          let wanted = building.wetFloors(under: water, tolerance: tolerance)
          #expect(row[1].number.map { Int($0) } == wanted, "\(row[0]) at \(water) ± \(tolerance): \(building)")
        }
        let near = try city.ask(
          "EXPOSE building TO CIRCLE(POINT(460090 3840110), 55 m) IN EPSG:4547 LEVEL \(water) m\(clause) "
            + "RETURN id, wet_floors", on: database)
        #expect(near.rows.count > 5 && near.rows.count < 40 && near.rows.allSatisfy(answer.rows.contains))
        let total = try city.ask("EXPOSE building TO BBOX(113, 34, 115, 35) LEVEL \(water) m\(clause)", on: database)
          .rows[0]
        let sum = city.buildings.reduce(0) { $0 + ($1.wetFloors(under: water, tolerance: tolerance) ?? 0) }
        #expect(total.last?.number.map { Int($0) } == sum)
        // A floor with units is wet exactly when one of its units is.
        let floors = try city.ask(
          "EXPOSE unit TO BBOX(113, 34, 115, 35) LEVEL \(water) m\(clause) WHERE state = 'wet' "
            + "GROUP BY building, floor RETURN building, floor", on: database)
        let known = city.buildings.reduce(0) { count, building in
          count + building.known.values.count { water - $0 > tolerance + (tolerance > 0 ? 1e-9 : 0) }
        }
        #expect(floors.rows.count == known)
      }
    }
  }

  @Test("an edit of a unit moves its floor, and the rule is named only where it was used")
  func edits() throws {
    let city = try FloorCity(seed: 9)
    let database = try Database(path: city.folder.file("floors.sqlite"))
    let ask = "EXPOSE building TO BBOX(113, 34, 115, 35) LEVEL 100 m WHERE id = 'B-A' RETURN wet_floors"
    #expect(try city.ask(ask, on: database).rows == [[.int(1)]])
    try city.ask("UPDATE unit SET z_min = 90 WHERE id = 'U-A2'", on: database)
    #expect(try city.ask(ask, on: database).rows == [[.int(2)]])
    #expect(try city.ask(ask, on: database).notices.allSatisfy { !$0.contains("floor_height") })
    try city.ask("DELETE FROM unit WHERE building = 'B-A'", on: database)
    let without = try city.ask(ask, on: database)
    #expect(without.rows == [[.int(2)]] && without.notices.contains { $0.contains("floor_height") })
  }
}

/// Buildings whose units know some of their floors.
private final class FloorCity {
  struct Building {
    var ground: Double?
    var floors: Int?
    var below: Int
    /// The lowest level of each floor with units.
    var known: [Int: Double]

    /// Floor by floor, as the documentation has it; a storey is 3 m, the rule.
    func wetFloors(under water: Double, tolerance: Double) -> Int? {
      guard floors != nil || !known.isEmpty else { return nil }
      func position(_ floor: Int) -> Int { floor > 0 ? floor - 1 : floor }
      var fixed = known
      if fixed[1] == nil, let ground {
        let lower = known.filter { $0.key < 0 }.max { $0.key < $1.key }?.value ?? -.infinity
        let upper = known.filter { $0.key > 1 }.min { $0.key < $1.key }?.value ?? .infinity
        if lower < ground, ground < upper { fixed[1] = ground }
      }
      guard !fixed.isEmpty else { return nil }
      let all = Set(known.keys).union((1...max(1, floors ?? 1)).filter { $0 <= floors ?? 0 }).union(
        (1...max(1, below)).filter { $0 <= below }.map { -$0 })
      let limit = tolerance > 0 ? tolerance + 1e-9 : 0
      return all.count { floor in
        if let level = fixed[floor] { return water - level > limit }
        let order = fixed.sorted { position($0.key) < position($1.key) }.map { (position($0.key), $0.value) }
        func storey(_ a: (Int, Double), _ b: (Int, Double)) -> Double {
          let rise = (b.1 - a.1) / Double(b.0 - a.0)
          return rise >= 2.2 && rise <= 8 ? rise : 3
        }
        let here = position(floor)
        let level: Double
        if let above = order.first(where: { $0.0 > here }), let under = order.last(where: { $0.0 < here }) {
          level = under.1 + Double(here - under.0) * (above.1 - under.1) / Double(above.0 - under.0)
        } else if let under = order.last, under.0 < here {
          level = under.1 + Double(here - under.0) * (order.count > 1 ? storey(order[order.count - 2], under) : 3)
        } else {
          level = order[0].1 - Double(order[0].0 - here) * (order.count > 1 ? storey(order[0], order[1]) : 3)
        }
        return level < water - limit
      }
    }
  }

  let folder = ThrowawayFolder()
  private(set) var buildings: [Building] = []

  init(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var units: [(id: String, building: Int, floor: Int, base: Double?)] = []
    for k in 0..<60 {
      var building = Building(
        ground: k % 11 == 3 ? nil : 95 + Double(Int.random(in: 0...16, using: &random)) / 4,
        floors: k % 13 == 5 ? nil : Int.random(in: 1...6, using: &random), below: Int.random(in: 0...2, using: &random),
        known: [:])
      if k == 0 { building = Building(ground: 96, floors: 3, below: 0, known: [:]) }
      for floor in -building.below...(building.floors ?? 3) where floor != 0 && k % 5 != 1 && k > 0 {
        for _ in 0..<Int.random(in: 0...2, using: &random) {
          let base =
            95 + Double(floor > 0 ? floor - 1 : floor) * 3.5 + Double(Int.random(in: 0...8, using: &random)) / 4
          let isKnown = Int.random(in: 0..<6, using: &random) > 0
          units.append(("U-\(k)-\(units.count)", k, floor, isKnown ? base : nil))
          if isKnown { building.known[floor] = min(building.known[floor] ?? .infinity, base) }
        }
      }
      if k == 0 {
        for (floor, base) in [(1, 96.5), (2, 101.0), (3, 105)] {
          units.append(("U-A\(floor)", 0, floor, base))
          building.known[floor] = base
        }
      }
      buildings.append(building)
    }
    let store = try Store.create(folder.file("floors.sqlite"), workingCRS: .epsg(4547))
    try store.write { writer in
      func number(_ name: String, _ type: ColumnType) -> Catalog.Column { Catalog.Column(name: name, type: type) }
      func layer(_ name: String, _ columns: [Catalog.Column], _ kind: GeometryKind, _ rows: [Feature]) throws {
        let stored = try writer.createLayer(name, columns: columns, geometry: .init(kind: kind), fidColumns: [])
        let table = try TableWriter(stored, isNew: true, conflict: .fail, in: writer.connection)
        try table.begin(columns: Array(1...columns.count), links: [:])
        for row in rows { _ = try table.insert(row, path: "city") }
        try table.finish(position: writer.position(of: name))
      }
      func id(_ k: Int) -> String { k == 0 ? "B-A" : "B-B\(100 + k)" }
      func corner(_ k: Int) -> (x: Double, y: Double) { (460_000 + Double(k % 8) * 30, 3_840_000 + Double(k / 8) * 30) }
      try layer(
        "building", [number("ground_z", .double), number("floors", .int), number("floors_below", .int)], .polygon,
        buildings.enumerated().map { k, building in
          let (x, y) = corner(k)
          return Feature(
            id: id(k),
            values: [
              building.ground.map { .double($0) } ?? .null, building.floors.map { .int(Int64($0)) } ?? .null,
              .int(Int64(building.below)),
            ], geometry: .rectangle(Box2(x, y, x + 20, y + 20)), place: .feature(k))
        })
      try layer(
        "unit", [Catalog.Column(name: "building", type: .text), number("floor", .int), number("z_min", .double)],
        .point,
        units.enumerated().map { k, unit in
          let (x, y) = corner(unit.building)
          return Feature(
            id: unit.id,
            values: [.text(id(unit.building)), .int(Int64(unit.floor)), unit.base.map { .double($0) } ?? .null],
            geometry: .point(x + 10, y + 10), place: .feature(k))
        })
      try StoredCatalog.recordLink(
        Catalog.Link(layer: "unit", column: "building", targetLayer: "building", targetColumn: "id"),
        in: writer.connection)
    }
    try store.finishCreation()
  }

  @discardableResult
  func ask(_ text: String, on database: Database? = nil) throws -> (rows: [[Value]], notices: [String]) {
    let database = try database ?? Database(path: folder.file("floors.sqlite"))
    var session = Session()
    let rows = RowBuffer()
    let run = QueryRun(isOrdered: true) { _ in throw StoreError(.usage, "no files here") }
    let report = try database.run(try database.parse(text).statements[0], in: &session, run, into: rows)
    return (rows.rows, report.notices)
  }
}
