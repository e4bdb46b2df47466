import TestSupport
import Testing

@testable import CIMEngine

/// GROUP BY over columns of one layer, worked out where the columns lie: the groups are SQLite's, before and after edits
/// that lie over the packed layer.
@Suite("Groups where the columns lie, against SQLite")
struct ColumnGroupTests {
  /// A layer of more than one block: few and many values, wide and narrow, with NULLs and without.
  private static func city(seed: UInt64, rows: Int) throws -> OracleDatabase {
    var random = SplitMix64(seed: seed)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    func orNull(_ value: Value, _ percent: Int = 8) -> Value { below(100) < percent ? .null : value }
    let spots = (0..<40).map {
      Feature(id: "S\($0)", values: [.int(Int64($0 % 7))], geometry: .point(460_000, 3_840_000), place: .line($0 + 1))
    }
    var house = 0
    let features = (0..<rows).map { i -> Feature in
      if below(3) == 0 { house = below(rows / 2) }
      return Feature(
        id: "R\(i)",
        values: [
          // Neighbours often share a house, and a house comes back later.
          orNull(.text("house \(house)"), 4), .text(below(2) == 0 ? "" : "name \(below(rows))"),
          orNull(.text(["a", "b", "", "ß", "北"][below(5)])), orNull(.int(Int64(below(50)) - 9)),
          .int(Int64(below(3_000)) - 70_000), orNull(.int(Int64(below(9)) << 60)), orNull(.bool(below(2) == 0)),
          orNull(.date(Int32(19_000 + below(60)))),
          orNull(.double(below(50) == 0 ? 1e18 : Double(below(40_000) - 9_000) / 7)), .double(Double(below(900)) / 8),
          below(12) == 0 ? .null : .text("S\(below(43))"),
        ], geometry: nil, place: .line(i + 1))
    }
    let columns: [Catalog.Column] = [
      .init(name: "house", type: .text), .init(name: "label", type: .text), .init(name: "kind", type: .text),
      .init(name: "a", type: .int), .init(name: "year", type: .int), .init(name: "big", type: .int),
      .init(name: "flag", type: .bool), .init(name: "day", type: .date), .init(name: "x", type: .double),
      .init(name: "y", type: .double), .init(name: "spot", type: .text),
    ]
    return try OracleDatabase(
      [
        MemorySource("spot.geojson", layer: "spot", columns: [.init(name: "b", type: .int)], spots),
        MemorySource("thing.geojson", layer: "thing", columns: columns, features),
      ], links: [Catalog.Link(layer: "thing", column: "spot", targetLayer: "spot", targetColumn: "id")])
  }

  private static let keys = [
    "house", "label", "kind", "a", "year", "big", "flag", "day", "spot", "kind, a", "a, kind, flag", "flag, day", "id",
    "house, kind", "a, spot", "y", "year, big",
  ]
  private static let filters = ["", "x > 100", "a = 3 AND x < 2000", "kind IS NOT NULL AND flag", "a > 900", "y < 60"]
  private static let lists = [
    "COUNT(*) AS n", "COUNT(a) AS n, SUM(a) AS s, AVG(a) AS m, MIN(a) AS l, MAX(a) AS h",
    "SUM(x) AS s, AVG(x) AS m, MIN(x) AS l, MAX(x) AS h, COUNT(x) AS n", "AVG(y) AS m, SUM(year) AS s, MAX(year) AS h",
    "COUNT(house) AS n, MIN(big) AS l, MAX(big) AS h", "COUNT(DISTINCT a) AS n, SUM(y) AS s, MIN(kind) AS k",
  ]

  private static func check(_ city: OracleDatabase, _ statement: Int, _ name: String) throws {
    let (keys, list) = (Self.keys[statement % Self.keys.count], Self.lists[statement % Self.lists.count])
    let filter = Self.filters[statement % Self.filters.count]
    let having = statement % 4 == 1 ? "COUNT(*) > 1" : ""
    let sqlOrder = keys.split(separator: ",").map { "\($0) NULLS LAST" }.joined(separator: ", ")
    // Ties are broken by the keys, so that the page is the same.
    let page = statement % 3 == 0 ? (" ORDER BY COUNT(*) DESC", " LIMIT \(statement % 9) OFFSET \(statement % 5)") : nil
    let text =
      "FIND thing\(filter.isEmpty ? "" : " WHERE \(filter)") GROUP BY \(keys)\(having.isEmpty ? "" : " HAVING \(having)") "
      + "RETURN \(keys), \(list)" + (page.map { $0.0 + $0.1 } ?? "")
    let sql =
      "SELECT \(keys), \(list) FROM thing\(filter.isEmpty ? "" : " WHERE \(filter)") GROUP BY \(keys)"
      + (having.isEmpty ? "" : " HAVING \(having)")
      + (page.map { "\($0.0), \(sqlOrder)\($0.1)" } ?? " ORDER BY \(sqlOrder)")
    let wanted = try city.sql(sql)
    for threads in 1...2 {
      let found = try city.rows(text, threads: threads)
      #expect(found.count == wanted.count, "\(name): \(text)")
      let at = zip(found, wanted).enumerated().first { !zip($1.0, $1.1).allSatisfy(isSame) }
      #expect(at == nil, "\(name): \(text): row \(at.map { "\($0.offset) is \($0.element)" } ?? "")")
    }
  }

  private static func isSame(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.bool(let flag), .int(let number)): flag == (number != 0)
    case (.date(let day), .text(let text)): TemporalText.text(date: day) == text
    case (.int, .int), (.text, .text), (.null, .null): a == b
    default: a.number.flatMap { x in b.number.map { abs(x - $0) <= 1e-9 * max(1, abs(x), abs($0)) } } ?? false
    }
  }

  @Test("the groups of SQLite, packed and edited", arguments: 1...2 as ClosedRange<UInt64>)
  func groups(seed: UInt64) throws {
    let city = try Self.city(seed: seed, rows: 9_000)
    // Seventeen keys and six lists and filters: all pairs come up in time, a third of them here.
    for statement in 0..<34 { try Self.check(city, statement * 5 + Int(seed), "packed") }
    try city.edit(
      """
      UPDATE thing SET house = 'house new', kind = 'new', a = 120 WHERE fid % 97 = 3;
      UPDATE thing SET x = NULL, day = NULL, spot = 'S3', label = NULL WHERE fid % 89 = 5;
      UPDATE thing SET year = 4000000, big = -5 WHERE fid = 77;
      DELETE FROM thing WHERE fid % 101 = 7;
      INSERT INTO thing (id, house, label, a, y) VALUES ('N1', 'house 3', 'n', -9, 0.5), ('N2', '', '', NULL, 1);
      """)
    for statement in 0..<34 { try Self.check(city, statement * 7 + Int(seed), "edited") }
  }

  @Test("groups of a subquery that only feed other groups")
  func inner() throws {
    let city = try Self.city(seed: 9, rows: 5_000)
    for (text, sql) in [
      (
        "SELECT COUNT(*), SUM(n), MAX(n) FROM (FIND thing GROUP BY house RETURN house, COUNT(*) AS n)",
        "SELECT COUNT(*), SUM(n), MAX(n) FROM (SELECT house, COUNT(*) AS n FROM thing GROUP BY house)"
      ),
      (
        "SELECT n, COUNT(*), MIN(k) FROM (FIND thing GROUP BY kind, a RETURN kind AS k, COUNT(*) AS n) WHERE n > 3 "
          + "GROUP BY n",
        "SELECT n, COUNT(*), MIN(k) FROM (SELECT kind AS k, COUNT(*) AS n FROM thing GROUP BY kind, a) WHERE n > 3 "
          + "GROUP BY n ORDER BY n"
      ),
      (
        "SELECT SUM(n) FROM (FIND thing GROUP BY label RETURN label, COUNT(*) AS n ORDER BY n DESC LIMIT 3)",
        "SELECT SUM(n) FROM (SELECT label, COUNT(*) AS n FROM thing GROUP BY label ORDER BY n DESC LIMIT 3)"
      ),
      (
        "SELECT COUNT(*) FROM (FIND thing GROUP BY house HAVING house > 'house 2' RETURN COUNT(*) AS n)",
        "SELECT COUNT(*) FROM (SELECT COUNT(*) AS n FROM thing GROUP BY house HAVING house > 'house 2')"
      ),
    ] {
      let (found, wanted) = (try city.rows(text), try city.sql(sql))
      #expect(found == wanted, "\(text)")
    }
  }

  @Test("keys that follow from columns of few values, and numbers of distinct values")
  func derived() throws {
    let city = try Self.city(seed: 4, rows: 5_000)
    for (text, sql) in [
      (
        "FIND thing GROUP BY a + 1 RETURN a + 1 AS k, COUNT(*) AS n, SUM(x) AS s, MAX(year) AS h, AVG(y) AS m",
        "SELECT a + 1 AS k, COUNT(*), SUM(x), MAX(year), AVG(y) FROM thing GROUP BY k ORDER BY k NULLS LAST"
      ),
      (
        "FIND thing WHERE y < 60 GROUP BY CASE WHEN a > 20 THEN 'many' WHEN a > 3 THEN 'some' END, flag "
          + "RETURN CASE WHEN a > 20 THEN 'many' WHEN a > 3 THEN 'some' END AS k, flag, COUNT(x) AS n, MIN(x) AS l",
        "SELECT CASE WHEN a > 20 THEN 'many' WHEN a > 3 THEN 'some' END AS k, flag, COUNT(x), MIN(x) FROM thing "
          + "WHERE y < 60 GROUP BY k, flag ORDER BY k NULLS LAST, flag NULLS LAST"
      ),
      (
        "FIND thing GROUP BY ABS(a), kind RETURN ABS(a) AS k, kind, COUNT(*) AS n, MAX(big) AS b",
        "SELECT ABS(a) AS k, kind, COUNT(*), MAX(big) FROM thing GROUP BY k, kind "
          + "ORDER BY k NULLS LAST, kind NULLS LAST"
      ),
      (
        "FIND thing RETURN COUNT(DISTINCT house) AS h, COUNT(DISTINCT y) AS y, COUNT(DISTINCT flag) AS f, "
          + "COUNT(DISTINCT spot) AS s, COUNT(DISTINCT big) AS b, COUNT(DISTINCT label) AS l, COUNT(DISTINCT id) AS i",
        "SELECT COUNT(DISTINCT house), COUNT(DISTINCT y), COUNT(DISTINCT flag), COUNT(DISTINCT spot), "
          + "COUNT(DISTINCT big), COUNT(DISTINCT label), COUNT(DISTINCT id) FROM thing"
      ),
      (
        "FIND thing WHERE a > 5 AND house <> 'house 3' AND label >= 'name 2' RETURN COUNT(DISTINCT house) AS h",
        "SELECT COUNT(DISTINCT house) FROM thing WHERE a > 5 AND house <> 'house 3' AND label >= 'name 2'"
      ),
    ] {
      let wanted = try city.sql(sql)
      for threads in 1...2 {
        let found = try city.rows(text, threads: threads)
        #expect(found.count == wanted.count, "\(text)")
        let at = zip(found, wanted).enumerated().first { !zip($1.0, $1.1).allSatisfy(Self.isSame) }
        #expect(at == nil, "\(text): \(at.map { "\($0)" } ?? "")")
      }
    }
  }

  @Test("pages of a sort, of which NULLs are a part")
  func sortedPages() throws {
    let city = try Self.city(seed: 6, rows: 6_000)
    for key in ["x", "a", "y", "year", "day", "house", "kind"] {
      for order in ["ASC NULLS LAST", "DESC NULLS LAST", "ASC NULLS FIRST", "DESC NULLS FIRST"] {
        for page in ["LIMIT 4", "LIMIT 700 OFFSET 20"] {
          let text = "FIND thing ORDER BY \(key) \(order) \(page) RETURN id"
          let sql = "SELECT id FROM thing ORDER BY \(key) \(order), id \(page)"
          let wanted = try city.sql(sql)
          for threads in 1...2 { #expect(try city.rows(text, threads: threads) == wanted, "\(text)") }
        }
      }
    }
  }

  @Test("pages of joins, among the first rows by id, and by all of them where those join too little")
  func pages() throws {
    var random = SplitMix64(seed: 11)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    func place(_ x: Int) -> Geometry { .point(460_000 + Double(x), 3_840_000) }
    let spots = (0..<60).map { (i: Int) -> Feature in
      Feature(id: "S\(i)", values: [.int(Int64(i * 40))], geometry: place(i * 40), place: .line(i + 1))
    }
    let things = (0..<17_000).map { i -> Feature in
      let x = below(2_500)
      // Nothing among the first rows is rare.
      let kind = i > 15_000 && below(40) == 0 ? "rare" : "common"
      return Feature(
        id: "T\(i)", values: [.int(Int64(x)), .text(kind), below(9) == 0 ? .null : .text("S\(below(80))")],
        geometry: place(x), place: .line(i + 1))
    }
    let columns: [Catalog.Column] = [
      .init(name: "px", type: .int), .init(name: "kind", type: .text), .init(name: "spot", type: .text),
    ]
    let city = try OracleDatabase(
      [
        MemorySource("spot.geojson", layer: "spot", columns: [.init(name: "px", type: .int)], spots),
        MemorySource("thing.geojson", layer: "thing", columns: columns, things),
      ], links: [Catalog.Link(layer: "thing", column: "spot", targetLayer: "spot", targetColumn: "id")])
    let near = "abs(t.px - s.px) <= 15"
    for (from, on, sql) in [
      ("thing AS t JOIN spot AS s", "S_DWITHIN(t.geom, s.geom, 15 m)", "thing t JOIN spot s ON \(near)"),
      ("thing AS t LEFT JOIN spot AS s", "S_DWITHIN(t.geom, s.geom, 15 m)", "thing t LEFT JOIN spot s ON \(near)"),
      ("spot AS s JOIN thing AS t", "S_DWITHIN(t.geom, s.geom, 15 m)", "spot s JOIN thing t ON \(near)"),
      ("thing AS t JOIN spot AS s", "t.spot = s.id", "thing t JOIN spot s ON t.spot = s.id"),
      ("spot AS s LEFT JOIN thing AS t", "t.spot = s.id", "spot s LEFT JOIN thing t ON t.spot = s.id"),
    ] {
      let ids = from.hasPrefix("thing") ? "t.id, s.id" : "s.id, t.id"
      let order = ids.split(separator: ",").map { "\($0) NULLS LAST" }.joined(separator: ",")
      for (filter, page) in [
        ("", "LIMIT 5"), ("", "LIMIT 7 OFFSET 11"), ("t.kind = 'rare'", "LIMIT 3"), ("t.kind = 'rare'", "LIMIT 900"),
        ("t.px < 3", "LIMIT 999"), ("", "LIMIT 0"),
      ] {
        // A condition on the second source of an outer join belongs to WHERE in both.
        let condition = filter.isEmpty ? "" : " WHERE \(filter)"
        let wanted = try city.sql("SELECT \(ids) FROM \(sql)\(condition) ORDER BY \(order) \(page)")
        let text = "FIND \(from) ON \(on)\(condition) \(page) RETURN \(ids)"
        #expect(try city.rows(text) == wanted, "\(text)")
      }
    }
  }
}
