import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("EXPOSE")
struct ExposeTests {
  private func number(_ value: Value) -> Int { value.number.map { Int($0) } ?? -1 }

  private func inFlood(_ unit: LinkCity.Unit) -> Bool {
    unit.place.map { Geometry.point($0.x, $0.y).distance(to: LinkCity.flood) == 0 } ?? false
  }

  private func state(_ base: Double?, level: Double, tolerance: Double) -> String {
    guard let base else { return "unknown" }
    let depth = level - base
    if tolerance == 0 { return depth > 0 ? "wet" : "dry" }
    return depth > tolerance + 1e-9 ? "wet" : depth < -tolerance - 1e-9 ? "dry" : "unsure"
  }

  @Test("totals are those of a scan, with and without tolerance", arguments: [(1, 0.0), (2, 0.25), (3, 1.0)])
  func totals(seed: UInt64, tolerance: Double) throws {
    let city = try LinkCity(seed: seed)
    for level in [93.25, 94.5, 97.0] {
      let clause = tolerance > 0 ? " TOLERANCE \(tolerance) m" : ""
      let answer = try city.ask("EXPOSE unit, person TO flood 'F-1' LEVEL \(level) m\(clause) GROUP BY floor")
      for (layer, index) in [("unit", 0), ("person", 1)] {
        for floor in 1...4 {
          var wanted: [String: Int] = [:]
          for (k, unit) in city.units.enumerated() where unit.floor == floor && inFlood(unit) {
            let weight = index == 0 ? 1 : city.people.count { $0.unit == k }
            wanted[state(unit.base, level: level, tolerance: tolerance), default: 0] += weight
          }
          let row = answer.rows.first { $0[1] == .text(layer) && $0[2] == .int(Int64(floor)) }
          let found = row.map { row in
            Dictionary(uniqueKeysWithValues: zip(ExposedLayer.states, row[4...7].map(number)).filter { $0.1 != 0 })
          }
          #expect(found ?? [:] == wanted.filter { $0.value != 0 }, "\(layer) floor \(floor) level \(level)")
          if let row { #expect(number(row[3]) == wanted.values.reduce(0, +)) }
        }
      }
    }
  }

  @Test("more water, no fewer wet; unknown stays unknown", arguments: 1...3 as ClosedRange<UInt64>)
  func monotone(seed: UInt64) throws {
    let city = try LinkCity(seed: seed)
    var last = (wet: 0, dry: Int.max)
    var unknown: Int?
    for step in 0...16 {
      let row = try city.ask("EXPOSE unit TO flood 'F-1' LEVEL \(92 + Double(step)) m TOLERANCE 0.2 m").rows[0]
      // scenario, layer, total, wet, unsure, dry, unknown
      let (wet, dry) = (number(row[3]), number(row[5]))
      #expect(wet >= last.wet && dry <= last.dry)
      last = (wet, dry)
      if let unknown { #expect(number(row[6]) == unknown) }
      unknown = number(row[6])
      #expect(number(row[2]) == row[3...6].map(number).reduce(0, +))
    }
    #expect(last.dry == 0 && last.wet > 0)
  }

  @Test("one row a scenario; a flood without a level leaves all unknown")
  func scenarios() throws {
    let city = try LinkCity(seed: 4)
    let rows = try city.ask("EXPOSE unit TO flood").rows
    #expect(rows.map { $0[0] } == [.text("F-1"), .text("F-2")])
    #expect(rows[1][2] == rows[1][6] && number(rows[1][2]) > 0)
    #expect(rows[1][3] == .int(0))
    let some = try city.ask("EXPOSE unit TO (FIND flood WHERE water_z > 90)").rows
    #expect(some.count == 1 && some[0] == rows[0])
    let none = try city.ask("EXPOSE unit TO (FIND flood WHERE water_z > 900)")
    #expect(none.rows.isEmpty && none.notices.contains { $0.contains("no flood") })
    let more = try city.ask("EXPOSE unit TO flood 'F-1' LEVEL water_z + 2 m").rows
    #expect(number(more[0][3]) > number(rows[0][3]))
  }

  @Test("RETURN, WHERE and ORDER BY see state and depth")
  func details() throws {
    let city = try LinkCity(seed: 5)
    let rows = try city.ask(
      "EXPOSE unit TO flood 'F-1' WHERE state = 'wet' RETURN scenario, id, state, depth, z_min ORDER BY depth DESC"
    ).rows
    #expect(!rows.isEmpty)
    var last = Double.infinity
    for row in rows {
      let depth = try #require(row[3].number)
      #expect(row[0] == .text("F-1") && row[2] == .text("wet") && depth > 0 && depth <= last)
      #expect(abs(94.5 - row[4].number! - depth) < 1e-9)
      last = depth
    }
    let two = try city.ask("EXPOSE unit, person TO flood RETURN layer, id, state ORDER BY id LIMIT 3 OFFSET 1")
    #expect(two.rows.count == 3)
  }

  @Test("a surface through gauges: at a gauge its own level, between them between")
  func surface() throws {
    let surface = LevelSurface([.init(x: 0, y: 0, level: 10), .init(x: 10, y: 0, level: 20)])
    #expect(surface.level(0, 0) == 10 && surface.level(10, 0) == 20 && abs(surface.level(5, 0) - 15) < 1e-9)
    #expect(LevelSurface(text: surface.text)?.points == surface.points)
    #expect(LevelSurface([]).level(1, 1).isNaN)
    let city = try LinkCity(seed: 6)
    let answer = try city.ask(
      "EXPOSE unit TO flood 'F-1' LEVEL gauge.stage RETURN id, state, water_level, depth, z_min")
    #expect(answer.notices.contains { $0.contains("inverse distance") && $0.contains("2 points") })
    let known = LevelSurface([.init(x: 460_100, y: 3_840_100, level: 94), .init(x: 460_300, y: 3_840_200, level: 97)])
    #expect(!answer.rows.isEmpty)
    for row in answer.rows {
      let unit = try #require(city.units.first { $0.id == row[0].plainText })
      let level = known.level(unit.place!.x, unit.place!.y)
      #expect(abs((row[2].number ?? .nan) - level) < 1e-9)
      #expect(row[1] == .text(state(unit.base, level: level, tolerance: 0)))
    }
  }

  @Test("a layer without heights is refused, and counted when asked")
  func withoutHeights() throws {
    let city = try LinkCity(seed: 7)
    let error = #expect(throws: QueryError.self) { try city.ask("EXPOSE shelter TO flood 'F-1'") }
    #expect(error?.message.contains("LEVEL NULL") == true)
    let rows = try city.ask("EXPOSE shelter TO flood 'F-1' LEVEL NULL").rows
    #expect(rows == [[.text("F-1"), .text("shelter"), .int(1), .null, .null, .null, .null, .null, .null]])
  }

  @Test("rules are in the database, can be changed, and are named by answers that used them")
  func rules() throws {
    let city = try LinkCity(seed: 8)
    let answer = try city.ask("EXPOSE person TO flood 'F-1' GROUP BY age_band")
    #expect(answer.notices.contains { $0.contains("cimq_rule_age") && $0.contains("older 60") })
    let inside = city.people.filter { $0.unit.map { inFlood(city.units[$0]) } ?? false }
    func count(_ rows: [[Value]], _ band: Value) -> Int { rows.first { $0[2] == band }.map { number($0[3]) } ?? 0 }
    #expect(count(answer.rows, .text("child")) == inside.count { $0.age.map { $0 <= 14 } ?? false })
    #expect(count(answer.rows, .null) == inside.count { $0.age == nil })
    try city.sql(
      "UPDATE cimq_rule_age SET max_age = 17 WHERE band = 'child'; UPDATE cimq_rule_age SET min_age = 18 WHERE band = 'adult'"
    )
    let changed = try city.ask("EXPOSE person TO flood 'F-1' GROUP BY age_band").rows
    #expect(count(changed, .text("child")) == inside.count { $0.age.map { $0 <= 17 } ?? false })
    #expect(try city.ask("EXPOSE unit TO flood 'F-1'").notices.allSatisfy { !$0.contains("rule") })
    // An older database has none: the shipped ones hold, and writing adds the tables.
    try city.sql("DROP TABLE cimq_rule_age; DROP TABLE cimq_rule")
    let store = try Store.open(city.path)
    #expect(try store.rules() == CityRules.shipped)
    store.close()
    try Store.openForWriting(city.path).close()
    let again = try Store.open(city.path)
    #expect(try again.rules().isStored && again.rules().ageBands == CityRules.shipped.ageBands)
    #expect(CityRules.shipped.threatGrade(people: 500)?.grade == "large")
    #expect(CityRules.shipped.threatGrade(people: 0) == nil)
  }

  @Test(arguments: [
    ("EXPOSE unit TO flood 'F-1' LEVEL 94", "LEVEL 94 m"), ("EXPOSE unit TO BBOX(113, 34, 114, 35)", "LEVEL"),
    ("EXPOSE unti TO flood 'F-1'", "unit"), ("EXPOSE unit TO flood 'F-9'", "F-9"),
    ("EXPOSE unit TO shelter 'S-1'", "water_z"),
  ])
  func mistakes(statement: String, says: String) throws {
    let city = try LinkCity(seed: 2, units: 5)
    let error = #expect(throws: QueryError.self) { try city.ask(statement) }
    #expect(error?.message.contains(says) == true, "\(error?.message ?? "")")
  }
}
