import TestSupport

@testable import CIMEngine

/// A statement in both languages.
struct StatementPair {
  var text: Pair
  /// Whether the statement gives an order, so that rows are compared one by one.
  var isOrdered = false
}

extension QueryMaker {
  mutating func statement() -> StatementPair {
    placed = []
    takesClauses = false
    switch below(16) {
    case 0...4: return plain()
    case 5...7: return grouped()
    case 8...9: return equalityJoin()
    case 10...11: return spatialJoin()
    case 12: return threeLayers()
    case 13: return nearest()
    case 14: return nearestJoin()
    default: return path()
    }
  }

  private func place(_ layer: String, _ alias: String) -> Set<String> { layer == "entry" ? [] : [alias] }

  /// WHERE, or nothing.
  private mutating func condition(_ t: [String], _ depth: Int = 3) -> Pair {
    if chance(12) { return Pair("", "") }
    let x = bool(t, depth)
    return Pair(" WHERE \(x.cimq)", " WHERE \(x.sql)")
  }

  private mutating func items(_ t: [String]) -> Pair {
    Pair.joined(
      (0...below(3)).map { i in
        let x = pick([int(t, 2), real(t, 2), text(t, 2)])
        return Pair("\(x.cimq) AS c\(i)", "\(x.sql) AS c\(i)")
      }, ", ")
  }

  private mutating func plain() -> StatementPair {
    let layer = pick(Self.layers)
    placed = place(layer, "t")
    takesClauses = layer != "entry"
    let filter = condition(["t"])
    takesClauses = false
    if chance(20) {
      return StatementPair(
        text: Pair("COUNT \(layer) AS t\(filter.cimq)", "SELECT COUNT(*) FROM \(layer) AS t\(filter.sql)"))
    }
    if chance(15) {
      let x = items(["t"])
      return StatementPair(
        text: Pair(
          "FIND \(layer) AS t\(filter.cimq) RETURN DISTINCT \(x.cimq)",
          "SELECT DISTINCT \(x.sql) FROM \(layer) AS t\(filter.sql)"))
    }
    let x = items(["t"])
    var pair = Pair(
      "FIND \(layer) AS t\(filter.cimq) RETURN t.id, \(x.cimq)",
      "SELECT t.id, \(x.sql) FROM \(layer) AS t\(filter.sql)")
    guard chance(45) else { return StatementPair(text: pair) }
    var keys: [String] = []
    for _ in 0...below(2) {
      let key = "t.\(pick(["a", "b", "name", "kind", "flag", "day", "at"]))"
      keys.append("\(key) \(pick(["ASC", "DESC"])) NULLS \(pick(["FIRST", "LAST"]))")
    }
    keys.append("t.id\(pick(["", " DESC"]))")
    let tail =
      " ORDER BY \(keys.joined(separator: ", "))"
      + (chance(70) ? " LIMIT \(below(30))" + (chance(40) ? " OFFSET \(below(20))" : "") : "")
    pair = Pair(pair.cimq + tail, pair.sql + tail)
    return StatementPair(text: pair, isOrdered: true)
  }

  private mutating func aggregate(_ t: [String]) -> Pair {
    switch below(8) {
    case 0: return Pair("COUNT(*)")
    case 1:
      let x = pick([int(t, 1), text(t, 1)])
      return Pair("COUNT(\(x.cimq))", "COUNT(\(x.sql))")
    case 2:
      let x = pick([int(t, 1), text(t, 1)])
      return Pair("COUNT(DISTINCT \(x.cimq))", "COUNT(DISTINCT \(x.sql))")
    case 3:
      let x = pick([int(t, 1), real(t, 1)])
      return Pair("SUM(\(x.cimq))", "SUM(\(x.sql))")
    case 4:
      let x = pick([int(t, 1), real(t, 1)])
      return Pair("AVG(\(x.cimq))", "AVG(\(x.sql))")
    default:
      let x = pick([int(t, 1), real(t, 1), text(t, 1)])
      let function = pick(["MIN", "MAX"])
      return Pair("\(function)(\(x.cimq))", "\(function)(\(x.sql))")
    }
  }

  /// Not a bare number, which SQL would take for the number of a column.
  private mutating func expressionKey() -> Pair {
    let x = int(["t"], 1)
    return Pair("(\(x.cimq) + t.a)", "(\(x.sql) + t.a)")
  }

  private mutating func grouped() -> StatementPair {
    let layer = pick(Self.layers)
    placed = place(layer, "t")
    let filter = condition(["t"], 2)
    let from = Pair("FIND \(layer) AS t\(filter.cimq)", "FROM \(layer) AS t\(filter.sql)")
    let aggregates = (0...below(3)).map { _ in aggregate(["t"]) }
    if chance(20) {
      let list = Pair.joined(aggregates, ", ")
      return StatementPair(text: Pair("\(from.cimq) RETURN \(list.cimq)", "SELECT \(list.sql) \(from.sql)"))
    }
    let keys = Pair.joined(
      (0...below(2)).map { _ in chance(60) ? Pair("t.\(pick(["kind", "name", "a", "flag"]))") : expressionKey() }, ", ")
    let list = Pair.joined([keys] + aggregates, ", ")
    var having = Pair("", "")
    if chance(35) {
      let sum = pick([Pair("COUNT(*)"), Pair("SUM(t.a)"), Pair("MAX(t.b)")])
      let sign = pick([">", "<=", "<>"])
      let limit = below(20)
      having = Pair(" HAVING \(sum.cimq) \(sign) \(limit)", " HAVING \(sum.sql) \(sign) \(limit)")
    }
    return StatementPair(
      text: Pair(
        "\(from.cimq) GROUP BY \(keys.cimq)\(having.cimq) RETURN \(list.cimq)",
        "SELECT \(list.sql) \(from.sql) GROUP BY \(keys.sql)\(having.sql)"))
  }

  private mutating func equalityJoin() -> StatementPair {
    let (a, b) = chance(60) ? ("entry", "spot") : (pick(Self.layers), pick(Self.layers))
    placed = place(a, "t").union(place(b, "u"))
    var on: Pair
    if a == "entry", b == "spot" {
      on = Pair("t.spot = u.id")
    } else {
      on = pick([Pair("t.a = u.a"), Pair("t.name = u.name AND t.kind = u.kind")])
    }
    if chance(40) {
      let more = bool(["t", "u"], 1)
      on = Pair("\(on.cimq) AND (\(more.cimq))", "\(on.sql) AND (\(more.sql))")
    }
    let left = chance(40) ? "LEFT " : ""
    let filter = chance(60) ? condition(["t", "u"], 2) : Pair("", "")
    if chance(30) {
      let list = aggregate(["t", "u"])
      return StatementPair(
        text: Pair(
          "FIND \(a) AS t \(left)JOIN \(b) AS u ON \(on.cimq)\(filter.cimq) GROUP BY u.kind RETURN u.kind, \(list.cimq)",
          "SELECT u.kind, \(list.sql) FROM \(a) AS t \(left)JOIN \(b) AS u ON \(on.sql)\(filter.sql) GROUP BY u.kind"))
    }
    let x = items(["t", "u"])
    return StatementPair(
      text: Pair(
        "FIND \(a) AS t \(left)JOIN \(b) AS u ON \(on.cimq)\(filter.cimq) RETURN t.id, u.id, \(x.cimq)",
        "SELECT t.id, u.id, \(x.sql) FROM \(a) AS t \(left)JOIN \(b) AS u ON \(on.sql)\(filter.sql)"))
  }

  private mutating func spatialJoin() -> StatementPair {
    let (a, b) = (pick(["spot", "block", "way"]), pick(["spot", "block", "way"]))
    placed = ["t", "u"]
    let left = chance(35) ? "LEFT " : ""
    var on: Pair
    if chance(25) {
      let d = metres()
      on = Pair("WITHIN \(d) m", "ST_Distance(t.geom, u.geom) <= \(d)")
    } else {
      on = chance(50) ? spatial(Pair("t.geom"), Pair("u.geom")) : spatial(Pair("u.geom"), Pair("t.geom"))
      if chance(30) {
        let more = bool(["t", "u"], 1)
        on = Pair("\(on.cimq) AND (\(more.cimq))", "\(on.sql) AND (\(more.sql))")
      }
    }
    let filter = chance(50) ? condition(["t", "u"], 2) : Pair("", "")
    return StatementPair(
      text: Pair(
        "FIND \(a) AS t \(left)JOIN \(b) AS u ON \(on.cimq)\(filter.cimq) RETURN t.id, u.id",
        "SELECT t.id, u.id FROM \(a) AS t \(left)JOIN \(b) AS u ON \(on.sql)\(filter.sql)"))
  }

  private mutating func threeLayers() -> StatementPair {
    placed = ["u", "v"]
    let (left, right) = (chance(30) ? "LEFT " : "", chance(30) ? "LEFT " : "")
    let layer = pick(["block", "way"])
    let on = spatial(Pair("u.geom"), Pair("v.geom"))
    let filter = chance(60) ? condition(["t", "u", "v"], 2) : Pair("", "")
    return StatementPair(
      text: Pair(
        "FIND entry AS t \(left)JOIN spot AS u ON t.spot = u.id \(right)JOIN \(layer) AS v ON \(on.cimq)\(filter.cimq) "
          + "RETURN t.id, u.id, v.id",
        "SELECT t.id, u.id, v.id FROM entry AS t \(left)JOIN spot AS u ON t.spot = u.id "
          + "\(right)JOIN \(layer) AS v ON \(on.sql)\(filter.sql)"))
  }

  private mutating func nearest() -> StatementPair {
    placed = ["t"]
    let filter = bool(["t"], 2)
    let wkt = WKT.write(shape("spot"))
    let count = 1 + below(12)
    let distance = "ST_Distance(t.geom, GeomFromText('\(wkt)', 4547))"
    let within = chance(40) ? metres() : nil
    return StatementPair(
      text: Pair(
        "FIND spot AS t NEAREST \(count) TO \(wkt) IN EPSG:4547\(within.map { " WITHIN \($0) m" } ?? "") "
          + "WHERE \(filter.cimq) RETURN t.id, distance",
        "SELECT t.id, \(distance) FROM spot AS t WHERE t.geom IS NOT NULL AND (\(filter.sql)) "
          + (within.map { "AND \(distance) <= \($0) " } ?? "") + "ORDER BY \(distance), t.id LIMIT \(count)"),
      isOrdered: true)
  }

  private mutating func nearestJoin() -> StatementPair {
    placed = ["x"]
    let filter = bool(["x"], 2)
    let count = 1 + below(3)
    let left = chance(40)
    let within = chance(40) ? metres() : nil
    let near = within.map { " AND ST_Distance(t.geom, n.geom) <= \($0)" } ?? ""
    let matches =
      "SELECT t.id AS tid, n.id AS nid, ST_Distance(t.geom, n.geom) AS d, ROW_NUMBER() OVER (PARTITION BY t.id ORDER BY "
      + "ST_Distance(t.geom, n.geom), n.id) AS r FROM spot AS t JOIN (SELECT * FROM spot AS x WHERE \(filter.sql)) AS n "
      + "ON t.geom IS NOT NULL AND n.geom IS NOT NULL\(near)"
    let sql =
      left
      ? "SELECT t.id, m.nid, m.d FROM spot AS t LEFT JOIN (SELECT * FROM (\(matches)) WHERE r <= \(count)) AS m ON m.tid = t.id"
      : "SELECT tid, nid, d FROM (\(matches)) WHERE r <= \(count)"
    return StatementPair(
      text: Pair(
        "FIND spot AS t \(left ? "LEFT " : "")JOIN NEAREST \(count) (FIND spot AS x WHERE \(filter.cimq)) AS n"
          + "\(within.map { " WITHIN \($0) m" } ?? "") RETURN t.id, n.id, n.distance", sql))
  }

  /// Along the link of an entry to its spot.
  private mutating func path() -> StatementPair {
    let column = pick(["a", "b", "name", "kind", "flag", "day"])
    let condition = bool(["t"], 2)
    return StatementPair(
      text: Pair(
        "FIND entry AS t WHERE t.spot.a > 5 OR t.spot.kind IS NULL AND (\(condition.cimq)) RETURN t.id, t.spot.\(column)",
        "SELECT t.id, p.\(column) FROM entry AS t LEFT JOIN spot AS p ON t.spot = p.id "
          + "WHERE p.a > 5 OR p.kind IS NULL AND (\(condition.sql))"))
  }
}
