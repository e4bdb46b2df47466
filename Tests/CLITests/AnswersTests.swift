import Foundation
import Testing

/// Every figure in `answers.json`, which the generator works out from how it placed things, against the engine's answer.
@Suite("Known answers") struct AnswersTests {
  private struct Row: Decodable {
    var id: String?
    var code: String?
    var n: Int?
    var count: Int?
    var distance: Double?
  }

  private static func rows(_ db: String, _ query: String) throws -> [Row] {
    let result = try Program.run("query", db, query, "--format", "json")
    try #require(result.status == 0, "\(query)\n\(result.error)")
    return try KnownAnswers.decoder.decode([Row].self, from: Data(result.out.utf8))
  }

  private static func check(_ db: String, _ answers: KnownAnswers) throws {
    for (layer, count) in answers.counts {
      #expect(try rows(db, "COUNT \(layer)")[0].count == count, "\(layer)")
    }
    // Odd points lie on a shared edge, so no level-3 grid has them inside; a parent that has both sides does.
    let kinds: [(layer: String, join: String, value: KeyPath<KnownAnswers.Place, Int>)] = [
      ("building", "JOIN building AS b ON S_CONTAINS(g.geom, b.geom)", \.buildings),
      ("unit", "JOIN unit AS u ON S_CONTAINS(g.geom, u.geom)", \.units),
      ("person", "JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) JOIN person AS p ON p.unit = u.id", \.people),
    ]
    let levels: [(layer: String, digits: Int, places: [String: KnownAnswers.Place])] = [
      ("grid1", 9, answers.grid1), ("grid2", 12, answers.grid2), ("grid3", 15, answers.grid3),
    ]
    for level in levels {
      for kind in kinds {
        let found = try rows(db, "FIND \(level.layer) AS g \(kind.join) GROUP BY g.code RETURN g.code, COUNT(*) AS n")
        let counts = Dictionary(uniqueKeysWithValues: found.map { ($0.code ?? "", $0.n ?? 0) })
        for (code, place) in level.places {
          let inside = answers.odd.filter { odd in
            odd.layer == (kind.layer == "person" ? "unit" : kind.layer) && !(odd.grids ?? []).isEmpty
              && (odd.grids ?? []).allSatisfy { $0.prefix(level.digits) == code }
          }
          let odd = inside.reduce(0) { $0 + (kind.layer == "person" ? $1.people ?? 0 : 1) }
          #expect(
            counts[code, default: 0] == place[keyPath: kind.value] + odd, "\(kind.layer) in \(level.layer) \(code)")
        }
      }
    }
    for point in answers.nearestShelters {
      let crs = point.crs == "EPSG:4326" ? "" : " IN \(point.crs)"
      let found = try rows(
        db, "FIND shelter NEAREST \(point.shelters.count) TO AT(\(point.lon), \(point.lat))\(crs) RETURN id, distance")
      #expect(found.map(\.id) == point.shelters.map(\.id))
      for (row, shelter) in zip(found, point.shelters) {
        #expect(abs((row.distance ?? .nan) - shelter.distance) < 0.002)
      }
    }
    for flood in answers.floods {
      let inside = "INSIDE flood '\(flood.id)'"
      #expect(try rows(db, "COUNT unit \(inside)")[0].count == flood.unitsInside)
      #expect(
        try rows(db, "COUNT unit \(inside) BELOW ELEVATION \(flood.waterZ) m")[0].count == flood.unitsBelow)
      #expect(try rows(db, "COUNT person \(inside)")[0].count == flood.peopleInside)
      #expect(
        try rows(db, "COUNT person \(inside) WHERE unit.z_min < \(flood.waterZ)")[0].count == flood.peopleBelow)
    }
    for test in answers.within {
      #expect(
        try rows(db, "COUNT \(test.layer) WITHIN \(test.metres) m OF \(test.of) '\(test.id)'")[0].count == test.count)
    }
  }

  @Test func bundledCity() throws {
    try Self.check(try BundledCity.database.get(), try .bundled())
  }

  /// A city fifteen times as large, made and imported for the occasion. Only with the optimised program.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["CIMQ_BIN"] != nil)) func generatedCity() throws {
    let scratch = try Scratch()
    let made = try Program.run("generate", scratch.path("big"), "--scale", "0.05")
    try #require(made.status == 0, "\(made.error)")
    let imported = try Program.run("import", scratch.path("big.sqlite"), scratch.path("big"))
    try #require(imported.status == 0, "\(imported.error)")
    try Self.check(scratch.path("big.sqlite"), try KnownAnswers(of: scratch.url("big")))
  }
}
