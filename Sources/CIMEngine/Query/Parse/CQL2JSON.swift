/// Reads a filter in CQL2-JSON (21-065r2, annex C) into the tree that its CQL2-Text gives.
///
/// Errors point into the JSON. `-x` and the negated forms have no spelling of their own there, and none in the tree.
public func parseFilterJSON(_ text: String) throws(QueryError) -> Expression {
  try CQL2JSON.expression(try JSONNode.parse(text))
}

private enum CQL2JSON {
  static func expression(_ node: JSONNode) throws(QueryError) -> Expression {
    Expression(kind: try kind(node), range: node.range)
  }

  private static func expressions(_ nodes: some Sequence<JSONNode>) throws(QueryError) -> [Expression] {
    var result: [Expression] = []
    for node in nodes { result.append(try expression(node)) }
    return result
  }

  private static func kind(_ node: JSONNode) throws(QueryError) -> Expression.Kind {
    switch node.kind {
    case .null: return .literal(.null)
    case .bool(let value): return .literal(.bool(value))
    case .number(let spelling): return .literal(try number(spelling, node))
    case .string(let text): return .literal(.text(text))
    case .array(let elements): return .array(try expressions(elements))
    case .object: break
    }
    if let op = node["op"] { return try operation(op, node) }
    if let property = node["property"] { return .property(try names(property)) }
    if let date = node["date"] { return .literal(try instant(date, isDate: true)) }
    if let timestamp = node["timestamp"] { return .literal(try instant(timestamp, isDate: false)) }
    if let interval = node["interval"] { return try self.interval(interval) }
    if let type = node["type"] { return .geometry(.wkt(try geometry(type, node)), crs: nil) }
    if let bbox = node["bbox"] { return .geometry(.bbox(try box(bbox)), crs: nil) }
    throw QueryError(
      .unexpected(
        found: "another object", expected: "`op`, `property`, `date`, `timestamp`, `interval`, a geometry or `bbox`"),
      at: node.range)
  }

  private static func number(_ spelling: String, _ node: JSONNode) throws(QueryError) -> Value {
    if let int = Int64(spelling) { return .int(int) }
    guard let double = Double(spelling), double.isFinite else { throw QueryError(.badNumber(spelling), at: node.range) }
    return .double(double)
  }

  /// Dots divide a name as they do in text.
  private static func names(_ node: JSONNode) throws(QueryError) -> [Name] {
    guard let text = node.string, !text.isEmpty else { throw wrong(node, "the name of a property") }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard !parts.contains("") else { return [Name(text: text, quoted: true, range: node.range)] }
    return parts.map { Name(text: $0, quoted: false, range: node.range) }
  }

  private static func wrong(_ node: JSONNode, _ expected: String) -> QueryError {
    let found =
      switch node.kind {
      case .null: "null"
      case .bool: "true or false"
      case .number: "a number"
      case .string: "a string"
      case .array: "an array"
      case .object: "an object"
      }
    return QueryError(.unexpected(found: found, expected: expected), at: node.range)
  }

  // MARK: Operations

  private static func operation(_ op: JSONNode, _ node: JSONNode) throws(QueryError) -> Expression.Kind {
    guard let name = op.string, !name.isEmpty else { throw wrong(op, "the name of an operator or function") }
    guard let list = node["args"] else {
      throw QueryError(.unexpected(found: "no `args`", expected: "`args` beside `op`"), at: node.range)
    }
    guard let args = list.array else { throw wrong(list, "an array of arguments") }
    func count(_ wanted: ClosedRange<Int>) throws(QueryError) {
      guard wanted.contains(args.count) else {
        let words = wanted.count == 1 ? "\(wanted.lowerBound)" : "at least \(wanted.lowerBound)"
        throw QueryError(.invalid("`\(name)` takes \(words) arguments, not \(args.count)"), at: list.range)
      }
    }
    switch name.lowercased() {
    case "and", "or":
      try count(2...Int.max)
      let parts = try expressions(args)
      return name.lowercased() == "and" ? .and(parts) : .or(parts)
    case "not":
      try count(1...1)
      return .not(try expression(args[0]))
    case "like":
      try count(2...2)
      return .like(try expression(args[0]), pattern: try expression(args[1]))
    case "between":
      try count(3...3)
      return .between(try expression(args[0]), low: try expression(args[1]), high: try expression(args[2]))
    case "in":
      try count(2...2)
      guard let values = args[1].array, !values.isEmpty else { throw wrong(args[1], "an array of values") }
      return .inList(try expression(args[0]), try expressions(values))
    case "isnull":
      try count(1...1)
      return .isNull(try expression(args[0]))
    case "-" where args.count == 1:
      let minus = Expression(kind: .literal(.int(-1)), range: op.range)
      return .arithmetic(.multiply, minus, try expression(args[0]))
    case let lower:
      if let sign = Expression.Comparison(rawValue: lower) {
        try count(2...2)
        return .compare(sign, try expression(args[0]), try expression(args[1]))
      }
      if let sign = Expression.Arithmetic(rawValue: lower) {
        try count(2...2)
        return .arithmetic(sign, try expression(args[0]), try expression(args[1]))
      }
      // What has no spelling as a function in text is none here.
      let known = Words.function(name.uppercased())
      guard known != nil || isFunctionName(name) else { throw wrong(op, "the name of an operator or function") }
      let function = Name(text: known ?? name, quoted: false, range: op.range)
      return .call(function, try expressions(args), distinct: false, star: false)
    }
  }

  private static func isFunctionName(_ name: String) -> Bool {
    !Words.isKeyword(name.uppercased())
      && name.unicodeScalars.enumerated().allSatisfy {
        $0.offset == 0 ? $0.element.isIdentifierStart : $0.element.isIdentifierPart
      }
  }

  // MARK: Times

  private static func instant(_ node: JSONNode, isDate: Bool) throws(QueryError) -> Value {
    guard let text = node.string else { throw wrong(node, isDate ? "a date" : "a time") }
    if isDate, let day = TemporalText.date(text) { return .date(day) }
    if !isDate, let instant = TemporalText.timestamp(text) { return .timestamp(instant) }
    throw QueryError(
      .invalid("'\(text)' is not a \(isDate ? "date" : "time")"), at: node.range,
      fix: isDate ? "write \"2021-07-20\"" : "write \"2021-07-20T16:00:00Z\"")
  }

  private static func interval(_ node: JSONNode) throws(QueryError) -> Expression.Kind {
    guard let ends = node.array, ends.count == 2 else { throw wrong(node, "an array of two ends") }
    return .interval(try bound(ends[0]), try bound(ends[1]))
  }

  private static func bound(_ node: JSONNode) throws(QueryError) -> Expression? {
    guard let text = node.string else { return try expression(node) }
    if text == ".." || text.isEmpty { return nil }
    if let day = TemporalText.date(text) { return Expression(kind: .literal(.date(day)), range: node.range) }
    if let instant = TemporalText.timestamp(text) {
      return Expression(kind: .literal(.timestamp(instant)), range: node.range)
    }
    throw QueryError(.invalid("'\(text)' is neither a date, nor a time, nor '..'"), at: node.range)
  }

  // MARK: Geometries

  private static func box(_ node: JSONNode) throws(QueryError) -> [Double] {
    let values = try numbers(node)
    guard values.count == 4 || values.count == 6 else {
      throw QueryError(.badGeometry("bbox takes 4 numbers, or 6 with heights, not \(values.count)"), at: node.range)
    }
    return values
  }

  private static func numbers(_ node: JSONNode) throws(QueryError) -> [Double] {
    guard let elements = node.array else { throw wrong(node, "an array of numbers") }
    var result: [Double] = []
    for element in elements {
      guard case .number(let spelling) = element.kind, let value = try number(spelling, element).number else {
        throw wrong(element, "a number")
      }
      result.append(value)
    }
    return result
  }

  private static func elements(_ node: JSONNode, _ what: String) throws(QueryError) -> [JSONNode] {
    guard let elements = node.array else { throw wrong(node, "an array of \(what)") }
    return elements
  }

  private static let kinds: [String: GeometryKind] = [
    "Point": .point, "LineString": .lineString, "Polygon": .polygon, "MultiPoint": .multiPoint,
    "MultiLineString": .multiLineString, "MultiPolygon": .multiPolygon, "GeometryCollection": .geometryCollection,
  ]

  private static func geometry(_ type: JSONNode, _ node: JSONNode) throws(QueryError) -> Geometry {
    guard let name = type.string, let kind = kinds[name] else {
      let near = type.string.flatMap { Spelling.nearest(to: $0, among: kinds.keys.sorted()) }
      throw QueryError(
        .unexpected(found: "another type", expected: "a GeoJSON geometry type"), at: type.range,
        fix: near.map { "did you mean \($0)?" })
    }
    var geometry = Geometry(kind: kind)
    if kind == .geometryCollection {
      guard let members = node["geometries"] else { throw wrong(node, "`geometries`") }
      for member in try elements(members, "geometries") {
        guard let type = member["type"] else { throw wrong(member, "a geometry") }
        geometry.members.append(try self.geometry(type, member))
      }
      return geometry
    }
    guard let coordinates = node["coordinates"] else {
      throw QueryError(.unexpected(found: "no `coordinates`", expected: "`coordinates` beside `type`"), at: node.range)
    }
    var dimension: Int?
    func append(_ rings: [Positions]) {
      geometry.appendPart(rings: rings.map(\.xy), z: dimension == 3 ? rings.map(\.z) : [])
    }
    switch kind {
    case .point: append([try positions([coordinates], &dimension)])
    case .multiPoint:
      for point in try elements(coordinates, "points") { append([try positions([point], &dimension)]) }
    case .lineString: append([try line(coordinates, &dimension)])
    case .multiLineString:
      for part in try elements(coordinates, "lines") { append([try line(part, &dimension)]) }
    case .polygon: append(try rings(coordinates, &dimension))
    case .multiPolygon:
      for part in try elements(coordinates, "polygons") { append(try rings(part, &dimension)) }
    case .geometryCollection: break
    }
    return geometry
  }

  private struct Positions {
    var xy: [Double] = []
    var z: [Double] = []
  }

  private static func positions(_ nodes: [JSONNode], _ dimension: inout Int?) throws(QueryError) -> Positions {
    var result = Positions()
    for node in nodes {
      let values = try numbers(node)
      guard values.count == 2 || values.count == 3 else {
        throw QueryError(.badGeometry("a point has two numbers, or three with a height"), at: node.range)
      }
      guard dimension ?? values.count == values.count else {
        throw QueryError(.badGeometry("either every point of a geometry has a height or none"), at: node.range)
      }
      dimension = values.count
      result.xy += values[0..<2]
      result.z += values[2...]
    }
    return result
  }

  private static func line(_ node: JSONNode, _ dimension: inout Int?) throws(QueryError) -> Positions {
    let points = try elements(node, "points")
    guard points.count >= 2 else { throw QueryError(.badGeometry("a line needs two points"), at: node.range) }
    return try positions(points, &dimension)
  }

  private static func rings(_ node: JSONNode, _ dimension: inout Int?) throws(QueryError) -> [Positions] {
    var result: [Positions] = []
    for ring in try elements(node, "rings") {
      let points = try positions(try elements(ring, "points"), &dimension)
      guard points.xy.count >= 8 else {
        throw QueryError(
          .badGeometry("a ring needs four points, the last equal to the first"), at: ring.range)
      }
      guard points.xy.prefix(2) == points.xy.suffix(2) else {
        throw QueryError(
          .badGeometry("the ring is not closed"), at: ring.range, fix: "repeat its first point at the end")
      }
      result.append(points)
    }
    return result
  }
}
