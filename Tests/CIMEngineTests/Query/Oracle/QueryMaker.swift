import SpatialIndex
import TestSupport

@testable import CIMEngine

/// One expression or statement in both languages.
struct Pair {
  var cimq: String
  var sql: String

  init(_ cimq: String, _ sql: String) {
    self.cimq = cimq
    self.sql = sql
  }
  /// Spelt alike.
  init(_ both: String) { self.init(both, both) }

  static func joined(_ parts: [Pair], _ separator: String) -> Pair {
    Pair(parts.map(\.cimq).joined(separator: separator), parts.map(\.sql).joined(separator: separator))
  }
}

/// Random statements of cimq with the SQL that asks the same of SpatiaLite.
struct QueryMaker {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  static let origin = (x: 450_000.0, y: 3_840_000.0)
  static let layers = ["spot", "block", "way", "entry"]

  mutating func below(_ n: Int) -> Int { Int.random(in: 0..<n, using: &random) }
  mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  // MARK: Data

  static let columns: [Catalog.Column] = [
    .init(name: "a", type: .int), .init(name: "b", type: .double), .init(name: "name", type: .text),
    .init(name: "kind", type: .text), .init(name: "flag", type: .bool), .init(name: "day", type: .date),
    .init(name: "at", type: .timestamp),
  ]
  private static let names = [
    "", "Oak", "oak tree", "it's", "100%", "a_b", "金水区", "金水河", "河", "Zeta", "zeta ", " x", "αβ", "Bar", "B%r", "\\",
    "x\\y",
  ]
  private static let kinds = ["red", "green", "blue", "Red"]

  static func database(seed: UInt64) throws -> OracleDatabase {
    var maker = QueryMaker(seed: seed)
    let counts = ["spot": 120, "block": 60, "way": 40, "entry": 200]
    let sources = layers.map { layer -> MemorySource in
      var columns = Self.columns
      if layer == "entry" { columns.append(.init(name: "spot", type: .text)) }
      let features = (0..<counts[layer]!).map { i -> Feature in
        var values = maker.values()
        if layer == "entry" { values.append(maker.chance(12) ? .null : .text("S\(maker.below(130))")) }
        let geometry: Geometry? = layer == "entry" || maker.chance(8) ? nil : maker.shape(layer)
        return Feature(
          id: "\(layer.prefix(1).uppercased())\(i)", values: values, geometry: geometry, place: .line(i + 1))
      }
      return MemorySource("\(layer).geojson", layer: layer, columns: columns, features)
    }
    let link = Catalog.Link(layer: "entry", column: "spot", targetLayer: "spot", targetColumn: "id")
    return try OracleDatabase(sources, links: [link])
  }

  private mutating func values() -> [Value] {
    func orNull(_ value: Value, _ percent: Int) -> Value { chance(percent) ? .null : value }
    return [
      orNull(.int(Int64(below(40)) - 8), 10), orNull(.double(Double(below(200) - 60) / 4), 10),
      orNull(.text(pick(Self.names)), 12), orNull(.text(pick(Self.kinds)), 5), orNull(.bool(chance(60)), 10),
      orNull(.date(Int32(19_000 + below(400))), 10),
      orNull(.timestamp(1_650_000_000_000_000 + Int64(below(30_000_000)) * 1_000_000), 10),
    ]
  }

  private mutating func grid() -> (Double, Double) {
    (Self.origin.x + Double(below(41)) * 25, Self.origin.y + Double(below(41)) * 25)
  }

  mutating func shape(_ layer: String) -> Geometry {
    let (x, y) = grid()
    switch layer {
    case "spot": return .point(x, y)
    case "way":
      var xy = [x, y]
      for _ in 0...below(3) {
        let (u, v) = grid()
        if u != xy[xy.count - 2] || v != xy[xy.count - 1] { xy += [u, v] }
      }
      return .line(xy.count < 4 ? [x, y, x + 50, y + 75] : xy)
    default:
      let (w, h) = (Double(2 + below(10)) * 25, Double(2 + below(10)) * 25)
      switch below(4) {
      case 0:
        return .polygon(
          [
            [x, y, x + w, y, x + w, y + h, x, y + h, x, y],
            [x + 25, y + 25, x + 25, y + h - 25, x + w - 25, y + h - 25, x + w - 25, y + 25, x + 25, y + 25]
              .map { $0 },
          ].prefix(w > 50 && h > 50 ? 2 : 1).map { $0 })
      case 1: return .polygon([[x, y, x + w, y, x + w / 2, y + h, x, y]])
      case 2:
        return .polygon([[x, y, x + w, y, x + w, y + h, x + w / 2, y + h, x + w / 2, y + h / 2, x, y + h / 2, x, y]])
      default: return .rectangle(Box2(x, y, x + w, y + h))
      }
    }
  }

  // MARK: Values

  mutating func number(_ value: Int) -> Pair { Pair(value < 0 ? "(\(value))" : "\(value)") }

  mutating func int(_ t: [String], _ depth: Int) -> Pair {
    let s = pick(t)
    if depth <= 0 { return chance(65) ? Pair("\(s).a") : number(below(45) - 10) }
    let d = depth - 1
    switch below(11) {
    case 0, 1:
      let (x, y) = (int(t, d), int(t, d))
      let sign = pick(["+", "-", "*"])
      return Pair("(\(x.cimq) \(sign) \(y.cimq))", "(\(x.sql) \(sign) \(y.sql))")
    case 2:
      let (x, y) = (int(t, d), int(t, d))
      return Pair("(\(x.cimq) div \(y.cimq))", "(\(x.sql) / \(y.sql))")
    case 3:
      let (x, y) = (int(t, d), int(t, d))
      return Pair("(\(x.cimq) % \(y.cimq))", "(\(x.sql) % \(y.sql))")
    case 4: return wrapped("ABS", int(t, d))
    case 5: return wrapped("LENGTH", text(t, d))
    case 6:
      let (name, code) = pick([("YEAR", "%Y"), ("MONTH", "%m"), ("DAY", "%d")])
      let column = pick(["day", "at"])
      return Pair("\(name)(\(s).\(column))", "CAST(strftime('\(code)', \(s).\(column)) AS INTEGER)")
    case 7: return choice(t, d) { maker, d in maker.int(t, d) }
    case 8:
      let (x, y) = (int(t, d), int(t, d))
      let function = pick(["COALESCE", "NULLIF"])
      return Pair("\(function)(\(x.cimq), \(y.cimq))", "\(function)(\(x.sql), \(y.sql))")
    default: return int(t, 0)
    }
  }

  private func wrapped(_ function: String, _ x: Pair) -> Pair {
    Pair("\(function)(\(x.cimq))", "\(function)(\(x.sql))")
  }

  mutating func real(_ t: [String], _ depth: Int) -> Pair {
    let s = pick(t)
    if depth <= 0 {
      return chance(65) ? Pair("\(s).b") : Pair(pick(["0.5", "2.25", "10.0", "0.0", "(-3.75)", "1e2"]))
    }
    let d = depth - 1
    switch below(10) {
    case 0, 1:
      let (x, y) = (real(t, d), chance(50) ? real(t, d) : int(t, d))
      let sign = pick(["+", "-", "*"])
      return Pair("(\(x.cimq) \(sign) \(y.cimq))", "(\(x.sql) \(sign) \(y.sql))")
    case 2:
      let (x, y) = (chance(50) ? real(t, d) : int(t, d), chance(50) ? real(t, d) : int(t, d))
      return Pair("(\(x.cimq) / \(y.cimq))", "(CAST(\(x.sql) AS REAL) / \(y.sql))")
    case 3:
      let x = real(t, d)
      return Pair("(\(x.cimq) ^ 2)", "pow(\(x.sql), 2)")
    case 4: return wrapped(pick(["ABS", "ROUND"]), real(t, d))
    case 5: return wrapped(pick(["FLOOR", "CEIL"]), Pair("\(s).b"))
    case 6: return wrapped("SQRT", Pair("\(s).b"))
    case 7: return choice(t, d) { maker, d in maker.real(t, d) }
    default: return real(t, 0)
    }
  }

  private mutating func choice(_ t: [String], _ d: Int, _ make: (inout Self, Int) -> Pair) -> Pair {
    let (condition, x, y) = (bool(t, d), make(&self, d), make(&self, d))
    if chance(30) {
      return Pair(
        "CASE WHEN \(condition.cimq) THEN \(x.cimq) END", "CASE WHEN \(condition.sql) THEN \(x.sql) END")
    }
    return Pair(
      "CASE WHEN \(condition.cimq) THEN \(x.cimq) ELSE \(y.cimq) END",
      "CASE WHEN \(condition.sql) THEN \(x.sql) ELSE \(y.sql) END")
  }

  func quoted(_ text: String) -> Pair {
    let sql = "'" + text.replacing("'", with: "''") + "'"
    return Pair(Printer.text(text), sql)
  }

  mutating func text(_ t: [String], _ depth: Int) -> Pair {
    let s = pick(t)
    if depth <= 0 { return chance(75) ? Pair("\(s).\(pick(["name", "kind", "id"]))") : quoted(pick(Self.names)) }
    let d = depth - 1
    switch below(8) {
    case 0: return wrapped(pick(["UPPER", "LOWER"]), Pair("\(s).\(pick(["kind", "id"]))"))
    case 1:
      let x = text(t, d)
      let (from, count) = (1 + below(4), below(4))
      return Pair("SUBSTRING(\(x.cimq), \(from), \(count))", "substr(\(x.sql), \(from), \(count))")
    case 2:
      let (x, y) = (text(t, d), text(t, d))
      return Pair("CONCAT(\(x.cimq), \(y.cimq))", "(coalesce(\(x.sql), '') || coalesce(\(y.sql), ''))")
    case 3:
      let x = text(t, d)
      return Pair("REPLACE(\(x.cimq), 'a', 'é')", "replace(\(x.sql), 'a', 'é')")
    case 4: return choice(t, d) { maker, d in maker.text(t, d) }
    case 5: return wrapped("TRIM", text(t, d))
    default: return text(t, 0)
    }
  }

  // MARK: Places

  mutating func literal() -> Pair {
    let wkt = WKT.write(shape(pick(["spot", "way", "block", "block"])))
    return Pair("\(wkt) IN EPSG:4547", "GeomFromText('\(wkt)', 4547)")
  }

  private static let relations = [
    "INTERSECTS", "DISJOINT", "EQUALS", "TOUCHES", "CROSSES", "WITHIN", "CONTAINS", "OVERLAPS",
  ]

  private func holds(_ a: String, _ b: String, _ test: String) -> String {
    "(CASE WHEN \(a) IS NULL OR \(b) IS NULL THEN NULL ELSE \(test) END)"
  }

  /// Metres that no distance on the grid is near to.
  mutating func metres() -> Double { pick([37.3, 61.7, 111.1, 203.9, 333.3]) }

  mutating func spatial(_ a: Pair, _ b: Pair) -> Pair {
    if chance(30) {
      let d = metres()
      return Pair(
        "S_DWITHIN(\(a.cimq), \(b.cimq), \(d) m)", holds(a.sql, b.sql, "ST_Distance(\(a.sql), \(b.sql)) <= \(d)"))
    }
    let relation = chance(40) ? "INTERSECTS" : pick(Self.relations)
    return Pair(
      "S_\(relation)(\(a.cimq), \(b.cimq))", holds(a.sql, b.sql, "ST_\(relation)(\(a.sql), \(b.sql)) = 1"))
  }

  /// A spatial clause about the source `s` of the statement.
  mutating func clause(_ s: String) -> Pair {
    let (place, g) = (literal(), "\(s).geom")
    let d = metres()
    switch below(6) {
    case 0: return Pair("INSIDE \(place.cimq)", holds(g, place.sql, "ST_CoveredBy(\(g), \(place.sql)) = 1"))
    case 1: return Pair("INTERSECTS \(place.cimq)", holds(g, place.sql, "ST_Intersects(\(g), \(place.sql)) = 1"))
    case 2: return Pair("TOUCHES \(place.cimq)", holds(g, place.sql, "ST_Touches(\(g), \(place.sql)) = 1"))
    case 3: return Pair("CONTAINS \(place.cimq)", holds(g, place.sql, "ST_Covers(\(g), \(place.sql)) = 1"))
    case 4:
      return Pair(
        "BEYOND \(d) m OF \(place.cimq)", holds(g, place.sql, "NOT (ST_Distance(\(g), \(place.sql)) <= \(d))"))
    default:
      return Pair("WITHIN \(d) m OF \(place.cimq)", holds(g, place.sql, "ST_Distance(\(g), \(place.sql)) <= \(d)"))
    }
  }

  // MARK: Conditions

  /// Sources that have a geometry, by alias.
  var placed: Set<String> = []
  /// Whether the first source may be meant by spatial clauses.
  var takesClauses = false

  mutating func bool(_ t: [String], _ depth: Int) -> Pair {
    let s = pick(t)
    let d = max(0, depth - 1)
    let sign = pick(["=", "<>", "<", "<=", ">", ">="])
    if depth > 0, chance(35) {
      switch below(3) {
      case 0:
        let x = bool(t, d)
        return Pair("NOT (\(x.cimq))", "NOT (\(x.sql))")
      case 1: return Pair.joined((0..<2 + below(2)).map { _ in brackets(bool(t, d)) }, " AND ")
      default: return brackets(Pair.joined((0..<2 + below(2)).map { _ in brackets(bool(t, d)) }, " OR "))
      }
    }
    func compare(_ x: Pair, _ y: Pair) -> Pair { Pair("\(x.cimq) \(sign) \(y.cimq)", "\(x.sql) \(sign) \(y.sql)") }
    switch below(17) {
    case 0, 1: return compare(int(t, d), int(t, d))
    case 2: return compare(real(t, d), chance(50) ? real(t, d) : int(t, d))
    case 3: return compare(text(t, d), text(t, d))
    case 4:
      let not = chance(40) ? "NOT " : ""
      let pattern = pick(["%", "_%", "B_r%", "%水%", "金_区", "", "%\\%%", "a\\_b", "%a%", "O%k", "_ed", "%%t%"])
      let x = text(t, d)
      return Pair("\(x.cimq) \(not)LIKE '\(pattern)'", "\(x.sql) \(not)LIKE '\(pattern)' ESCAPE '\\'")
    case 5:
      let (x, low, high) = (int(t, d), int(t, 0), int(t, 0))
      let not = chance(40) ? "NOT " : ""
      return Pair(
        "\(x.cimq) \(not)BETWEEN \(low.cimq) AND \(high.cimq)", "\(x.sql) \(not)BETWEEN \(low.sql) AND \(high.sql)")
    case 6:
      let x = int(t, d)
      let list = Pair.joined((0...below(5)).map { _ in int(t, chance(80) ? 0 : d) }, ", ")
      let not = chance(40) ? "NOT " : ""
      return Pair("\(x.cimq) \(not)IN (\(list.cimq))", "\(x.sql) \(not)IN (\(list.sql))")
    case 7:
      let list = Pair.joined((0...below(4)).map { _ in quoted(pick(Self.kinds + Self.names)) }, ", ")
      let not = chance(40) ? "NOT " : ""
      let x = Pair("\(s).\(pick(["kind", "name"]))")
      return Pair("\(x.cimq) \(not)IN (\(list.cimq))", "\(x.sql) \(not)IN (\(list.sql))")
    case 8:
      let not = chance(50) ? "NOT " : ""
      let x = pick([Pair("\(s).\(pick(["a", "b", "name", "kind", "flag", "day", "at"]))"), int(t, d), text(t, d)])
      return Pair("\(x.cimq) IS \(not)NULL", "\(x.sql) IS \(not)NULL")
    case 9: return Pair("\(s).flag = \(pick(["TRUE", "FALSE"]))")
    case 10: return Pair("\(s).flag")
    case 11:
      let day = TemporalText.text(date: Int32(19_000 + below(400)))
      return Pair("\(s).day \(sign) DATE('\(day)')", "\(s).day \(sign) '\(day)'")
    case 12:
      let from = TemporalText.text(timestamp: 1_650_000_000_000_000 + Int64(below(30_000_000)) * 1_000_000)
      let (low, high) = ("2022-05-01T00:00:00Z", "2022-11-01T12:30:00Z")
      return pick([
        Pair("\(s).at \(sign) TIMESTAMP('\(from)')", "\(s).at \(sign) '\(from)'"),
        Pair("T_AFTER(\(s).at, TIMESTAMP('\(from)'))", "\(s).at > '\(from)'"),
        Pair("T_DURING(\(s).at, INTERVAL('\(low)', '\(high)'))", "(\(s).at > '\(low)' AND \(s).at < '\(high)')"),
        Pair("T_INTERSECTS(\(s).at, INTERVAL('..', '\(high)'))", "\(s).at <= '\(high)'"),
      ])
    case 13:
      return Pair("CASEI(\(s).kind) = CASEI('RED')", "lower(\(s).kind) = lower('RED')")
    case 14 where depth > 1:
      // A subquery.
      let layer = pick(Self.layers)
      let (placedBefore, clausesBefore) = (placed, takesClauses)
      placed = layer == "entry" ? [] : ["x"]
      takesClauses = false
      let (condition, column) = (bool(["x"], 1), pick(["a", "name"]))
      (placed, takesClauses) = (placedBefore, clausesBefore)
      let not = chance(40) ? "NOT " : ""
      return Pair(
        "\(s).\(column) \(not)IN (FIND \(layer) AS x WHERE \(condition.cimq) RETURN x.\(column))",
        "\(s).\(column) \(not)IN (SELECT x.\(column) FROM \(layer) AS x WHERE \(condition.sql))")
    default:
      let candidates = t.filter { placed.contains($0) }
      guard !candidates.isEmpty else { return compare(int(t, d), int(t, 0)) }
      let g = Pair("\(pick(candidates)).geom")
      if takesClauses, chance(40) { return clause(t[0]) }
      return chance(80) ? spatial(g, literal()) : spatial(literal(), g)
    }
  }

  private func brackets(_ x: Pair) -> Pair { Pair("(\(x.cimq))", "(\(x.sql))") }
}
