import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("LINK")
struct LinkTests {
  private static let statement = "LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 10 m"

  /// Method, code and distance of each unit from a scan of all grids.
  private func expected(_ city: LinkCity, within: Double = 10) -> [String: (
    method: String, code: String?, distance: Double?
  )] {
    var result: [String: (method: String, code: String?, distance: Double?)] = [:]
    for unit in city.units {
      guard let place = unit.place else {
        result[unit.id] = ("none", nil, nil)
        continue
      }
      let point = Geometry.point(place.x, place.y)
      let ranked = city.grids.map { (distance: $0.geometry.distance(to: point), code: $0.code) }
        .sorted { ($0.distance, $0.code) < ($1.distance, $1.code) }
      let best = ranked[0]
      if best.distance == 0 {
        result[unit.id] = ("inside", best.code, 0)
      } else if best.distance <= within {
        result[unit.id] = ("nearest", best.code, best.distance)
      } else {
        result[unit.id] = ("none", nil, nil)
      }
    }
    return result
  }

  @Test("every unit has one grid or none, as a scan finds it", arguments: 1...4 as ClosedRange<UInt64>)
  func matchesScan(seed: UInt64) throws {
    let city = try LinkCity(seed: seed)
    let expected = expected(city)
    let answer = try city.ask(Self.statement)
    for (row, method) in zip(answer.rows, ["inside", "nearest", "none"]) {
      #expect(row == [.text(method), .int(Int64(expected.values.count { $0.method == method }))])
    }
    let stored = try city.rows(sql: "SELECT id, link_method, grid3, link_distance FROM unit")
    #expect(stored.count == city.units.count)
    for row in stored {
      let want = try #require(expected[row[0]!])
      #expect(row[1] == want.method && row[2] == want.code, "\(row)")
      if let distance = want.distance {
        #expect(abs((row[3].flatMap { Double($0) } ?? .nan) - distance) < 1e-6)
      } else {
        #expect(row[3] == nil)
      }
    }
    #expect(answer.notices.contains { $0.contains("shared edge") })
  }

  @Test("SpatiaLite finds the same grids")
  func agreesWithSpatiaLite() throws {
    let city = try LinkCity(seed: 9)
    try city.ask("LINK unit TO grid3 BY INSIDE")
    let differences = try city.rows(
      sql: """
        SELECT u.id, u.grid3, min(g.code) FROM unit AS u LEFT JOIN grid3 AS g ON ST_Intersects(g.geom, u.geom) = 1
        GROUP BY u.fid HAVING u.grid3 IS NOT min(g.code)
        """)
    #expect(differences.isEmpty, "\(differences)")
    let linked = try city.rows(sql: "SELECT count(*) FROM unit WHERE grid3 IS NOT NULL")[0][0]
    #expect((linked.flatMap { Int($0) } ?? 0) > 100)
  }

  @Test("children add up to their parents, unknown being a row of its own", arguments: 1...3 as ClosedRange<UInt64>)
  func additivity(seed: UInt64) throws {
    let city = try LinkCity(seed: seed)
    try city.ask(Self.statement)
    for layer in ["unit", "person"] {
      var counts: [Int: [String?: Int64]] = [:]
      for level in 1...3 {
        for row in try city.ask("COUNT \(layer) GROUP BY grid\(level)").rows {
          guard case .int(let count) = row[1] else { continue }
          if case .text(let code) = row[0] {
            counts[level, default: [:]][code] = count
          } else {
            counts[level, default: [:]][nil] = count
          }
        }
      }
      let total = Int64(layer == "unit" ? city.units.count : city.people.count)
      for level in 1...3 { #expect(counts[level]!.values.reduce(0, +) == total, "\(layer) grid\(level)") }
      #expect(counts[3]![nil] == counts[1]![nil] && counts[3]![nil] != nil)
      for level in 1...2 {
        for (code, count) in counts[level]! {
          guard let code else { continue }
          let children = counts[level + 1]!.filter { $0.key?.hasPrefix(code) ?? false }.values.reduce(0, +)
          #expect(children == count, "\(layer) of \(code)")
        }
      }
    }
  }

  @Test("DRY RUN says the same and writes nothing")
  func dryRun() throws {
    let city = try LinkCity(seed: 5)
    let before = try city.rows(
      sql: "SELECT max(revision), (SELECT sql FROM sqlite_schema WHERE name = 'unit') FROM cimq_change")
    let dry = try city.ask(Self.statement + " DRY RUN")
    #expect(dry.notices.contains { $0.contains("dry run") })
    let after = try city.rows(
      sql: "SELECT max(revision), (SELECT sql FROM sqlite_schema WHERE name = 'unit') FROM cimq_change")
    #expect(before == after)
    #expect(try city.ask(Self.statement).rows == dry.rows)
  }

  @Test("only rows touched since are matched again, and only changed ones written")
  func incremental() throws {
    let city = try LinkCity(seed: 6)
    let database = try Database(path: city.path)
    let first = try database.link("unit", to: "grid3", within: 10).summary
    #expect(first.matchedCount == city.units.count && first.changedCount == city.units.count)
    let again = try database.link("unit", to: "grid3", within: 10).summary
    #expect(again.matchedCount == 0 && again.changedCount == 0 && again.counts == first.counts)
    // One moves to another grid, one is renamed only, one is gone, one is new, one was linked by hand.
    let target = city.grids[7]
    let place = target.geometry.withView { $0.placePoint()! }
    let plain = city.units.indices.filter { city.units[$0].place != nil }
    try city.sql(
      """
      UPDATE unit SET geom = MakePoint(\(place.x), \(place.y), 4547) WHERE id = '\(city.units[plain[0]].id)';
      UPDATE unit SET floor = 9 WHERE id = '\(city.units[plain[1]].id)';
      DELETE FROM unit WHERE id = '\(city.units[plain[2]].id)';
      INSERT INTO unit (id, floor, geom) VALUES ('U-new', 1, MakePoint(\(place.x), \(place.y), 4547));
      UPDATE unit SET grid3 = 'nowhere' WHERE id = '\(city.units[plain[3]].id)';
      """)
    let third = try database.link("unit", to: "grid3", within: 10).summary
    #expect(third.matchedCount == 4)
    #expect(third.changedCount <= 3 && third.changedCount >= 2)
    #expect(third.counts.reduce(0, +) == city.units.count)
    let codes = try city.rows(
      sql: "SELECT grid3, link_method FROM unit WHERE id IN ('U-new', '\(city.units[plain[0]].id)')")
    #expect(codes == [[target.code, "inside"], [target.code, "inside"]])
    #expect(try city.rows(sql: "SELECT count(*) FROM unit WHERE grid3 = 'nowhere'")[0][0] == "0")
    // A changed grid is a reason to match all.
    try city.sql("UPDATE grid3 SET parent = parent WHERE id = 'G3-1'")
    #expect(try database.link("unit", to: "grid3", within: 10).summary.matchedCount == city.units.count)
    // So is another reach.
    #expect(try database.link("unit", to: "grid3", within: 20).summary.matchedCount == city.units.count)
  }

  @Test("an interrupted LINK leaves the database as it was")
  func interrupted() throws {
    let city = try LinkCity(seed: 7)
    let database = try Database(path: city.path)
    let before = try city.rows(sql: "SELECT max(revision) FROM cimq_change")
    let token = CancellationToken()
    token.cancel()
    #expect(throws: QueryError.self) { try database.link("unit", to: "grid3", within: 10, token: token) }
    #expect(try city.rows(sql: "SELECT max(revision) FROM cimq_change") == before)
    #expect(try city.rows(sql: "SELECT count(*) FROM pragma_table_info('unit') WHERE name = 'grid3'")[0][0] == "0")
  }

  @Test("triggers stand again after a LINK of many rows, and the log has one entry for it")
  func bulk() throws {
    let city = try LinkCity(seed: 8, units: TableWriter.logLimit + 200)
    let before = try city.rows(sql: "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name")
    try city.ask(Self.statement)
    #expect(try city.rows(sql: "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name") == before)
    let log = try city.rows(sql: "SELECT op, count(*) FROM cimq_change WHERE layer = 'unit' GROUP BY op")
    #expect(log == [["B", "2"]])
    try city.sql("UPDATE unit SET floor = 3 WHERE id = 'U-1'")
    #expect(try city.ask("FIND unit WHERE id = 'U-1' RETURN floor").rows == [[.int(3)]])
  }

  @Test("rows that are not plain are listed with their reasons")
  func report() throws {
    let city = try LinkCity(seed: 3)
    // Another grid over the first: an overlap.
    let over = try #require(city.grids.first)
    let place = over.geometry.withView { $0.placePoint()! }
    let ring = Box2(place.x - 1, place.y - 1, place.x + 1, place.y + 1)
    try city.sql(
      """
      INSERT INTO grid3 (id, code, parent, geom) VALUES ('G-over', '00', '00',
        GeomFromText('POLYGON((\(ring.min[0]) \(ring.min[1]), \(ring.max[0]) \(ring.min[1]), \(ring.max[0]) \(ring.max[1]),
        \(ring.min[0]) \(ring.max[1]), \(ring.min[0]) \(ring.min[1])))', 4547));
      INSERT INTO unit (id, geom) VALUES ('U-over', MakePoint(\(place.x), \(place.y), 4547));
      """)
    let rows = RowBuffer()
    let summary = try Database(path: city.path).link("unit", to: "grid3", within: nil, report: rows).summary
    #expect(rows.rows.count == city.units.count + 1 - summary.count(.plain))
    let over2 = try #require(rows.rows.first { $0[0] == .text("U-over") })
    #expect(over2[1] == .text("overlap") && over2[3] == .text("00") && over2[5] == .text("00 " + over.code))
    #expect(summary.count(.gap) > 0 && summary.count(.outside) > 0 && summary.count(.noPlace) > 0)
    #expect(summary.count(.sharedEdge) > 0)
    let ids = rows.rows.map { $0[0].plainText }
    #expect(ids == ids.sorted { CodePoints.precede($0, $1) })
  }

  @Test("a second target has columns of its own; buildings are matched by a place inside them")
  func secondTarget() throws {
    let city = try LinkCity(seed: 4)
    try city.ask(Self.statement)
    try city.ask("LINK unit TO grid1 BY INSIDE")
    let names = try city.rows(sql: "SELECT name FROM pragma_table_info('unit')").compactMap { $0[0] }
    #expect(
      names.suffix(6) == [
        "grid3", "link_method", "link_distance", "grid1", "grid1_link_method", "grid1_link_distance",
      ])
    try city.ask("LINK grid3 TO grid1 BY INSIDE")
    let wrong = try city.rows(sql: "SELECT code, grid1 FROM grid3 WHERE grid1 IS NOT substr(code, 1, 3)")
    #expect(wrong.isEmpty, "\(wrong)")
  }

  @Test(arguments: [
    ("LINK unti TO grid3 BY INSIDE", "unit"), ("LINK person TO grid3 BY INSIDE", "no geometry"),
    ("LINK grid3 TO unit BY INSIDE", "no polygons"), ("LINK unit TO unit BY INSIDE", "itself"),
    ("LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 30", "30 m"),
  ])
  func mistakes(statement: String, says: String) throws {
    let city = try LinkCity(seed: 2, units: 5)
    let error = #expect(throws: QueryError.self) { try city.ask(statement) }
    #expect(error?.message.contains(says) == true, "\(error?.message ?? "")")
  }
}
