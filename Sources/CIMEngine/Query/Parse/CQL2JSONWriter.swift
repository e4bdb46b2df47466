internal import SpatialIndex

/// Writes a filter as CQL2-JSON (21-065r2, annex C), so that `parseFilterJSON(filterJSON(tree)) == tree`.
///
/// - Throws: for what CQL2 has no word for: lengths with a unit, parameters, CASE, subqueries and the spatial clauses of
///   the language (INSIDE, WITHIN … OF; write S_WITHIN, S_DWITHIN), geometries with a CRS of their own.
public func filterJSON(_ filter: Expression) throws(QueryError) -> String {
  var writer = CQL2JSONWriter()
  try writer.write(filter)
  return String(decoding: writer.bytes, as: UTF8.self)
}

private struct CQL2JSONWriter {
  var bytes: [UInt8] = []

  private mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func string(_ text: String) {
    raw("\"")
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): raw("\\\"")
      case UInt8(ascii: "\\"): raw("\\\\")
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        raw("\\u00")
        bytes.append(digits[Int(byte >> 4)])
        bytes.append(digits[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
    raw("\"")
  }

  private mutating func list<T>(
    _ values: [T], _ body: (inout Self, T) throws(QueryError) -> Void
  ) throws(QueryError) {
    raw("[")
    for (i, value) in values.enumerated() {
      if i > 0 { raw(",") }
      try body(&self, value)
    }
    raw("]")
  }

  private mutating func operation(_ op: String, _ arguments: [Expression]) throws(QueryError) {
    raw("{\"op\":")
    string(op)
    raw(",\"args\":")
    try list(arguments) { (writer, argument) throws(QueryError) in try writer.write(argument) }
    raw("}")
  }

  mutating func write(_ e: Expression) throws(QueryError) {
    switch e.kind {
    case .literal(let value): try write(value, e)
    case .property(let parts):
      raw("{\"property\":")
      string(parts.map(\.text).joined(separator: "."))
      raw("}")
    case .not(let a): try operation("not", [a])
    case .and(let parts): try operation("and", parts)
    case .or(let parts): try operation("or", parts)
    case .compare(let sign, let a, let b): try operation(sign.rawValue, [a, b])
    case .arithmetic(let sign, let a, let b): try operation(sign.rawValue, [a, b])
    case .like(let a, let pattern): try operation("like", [a, pattern])
    case .between(let a, let low, let high): try operation("between", [a, low, high])
    case .isNull(let a): try operation("isNull", [a])
    case .inList(let a, let values):
      raw("{\"op\":\"in\",\"args\":[")
      try write(a)
      raw(",")
      try list(values) { (writer, value) throws(QueryError) in try writer.write(value) }
      raw("]}")
    case .array(let values):
      try list(values) { (writer, value) throws(QueryError) in try writer.write(value) }
    case .interval(let low, let high):
      raw("{\"interval\":")
      try list([low, high]) { (writer, bound) throws(QueryError) in try writer.bound(bound) }
      raw("}")
    case .geometry(let geometry, nil): try write(geometry, e)
    case .call(let function, let arguments, distinct: false, star: false):
      try operation(Self.spelling(of: function.text), arguments)
    default:
      throw QueryError(
        .notSupported("`\(Printer.print(e))` in CQL2-JSON"), at: e.range,
        fix: "write it with the functions of CQL2: S_INTERSECTS, S_WITHIN, T_AFTER, …")
    }
  }

  /// Functions that the language knows are spelt as in the standard's schema, `s_intersects`, `t_overlappedBy`, `casei`;
  /// any other as it was written.
  private static func spelling(of function: String) -> String {
    guard Words.function(function) != nil else { return function }
    return camelCased[function] ?? function.lowercased()
  }

  private static let camelCased = [
    "T_FINISHEDBY": "t_finishedBy", "T_METBY": "t_metBy", "T_OVERLAPPEDBY": "t_overlappedBy",
    "T_STARTEDBY": "t_startedBy", "A_CONTAINEDBY": "a_containedBy",
  ]

  private mutating func write(_ value: Value, _ e: Expression) throws(QueryError) {
    switch value {
    case .null: raw("null")
    case .bool(let flag): raw(flag ? "true" : "false")
    case .int(let number): raw(String(number))
    // With a point or an exponent, so that it reads back as a decimal number.
    case .double(let number): raw(number.description)
    case .text(let text): string(text)
    case .date(let day):
      raw("{\"date\":")
      string(TemporalText.text(date: day))
      raw("}")
    case .timestamp(let instant):
      raw("{\"timestamp\":")
      string(TemporalText.text(timestamp: instant))
      raw("}")
    case .list(let values):
      try list(values) { (writer, value) throws(QueryError) in try writer.write(value, e) }
    case .geometry(let geometry): try write(.wkt(geometry), e)
    }
  }

  private mutating func bound(_ bound: Expression?) throws(QueryError) {
    switch bound?.kind {
    case nil: string("..")
    case .literal(.date(let day)): string(TemporalText.text(date: day))
    case .literal(.timestamp(let instant)): string(TemporalText.text(timestamp: instant))
    default: try write(bound!)
    }
  }

  // MARK: Geometries

  private mutating func numbers(_ values: [Double]) {
    raw("[")
    for (i, value) in values.enumerated() {
      if i > 0 { raw(",") }
      if value == 0, value.sign == .minus { raw("-0.0") } else { NumberText.append(value, to: &bytes) }
    }
    raw("]")
  }

  private mutating func write(_ literal: GeometryLiteral, _ e: Expression) throws(QueryError) {
    switch literal {
    case .bbox(let values):
      raw("{\"bbox\":")
      numbers(values)
      raw("}")
    case .wkt(let geometry): write(geometry)
    case .at, .circle:
      throw QueryError(
        .notSupported("AT and CIRCLE in CQL2-JSON"), at: e.range, fix: "write POINT(lon lat), or S_DWITHIN")
    }
  }

  private static let names: [GeometryKind: String] = [
    .point: "Point", .lineString: "LineString", .polygon: "Polygon", .multiPoint: "MultiPoint",
    .multiLineString: "MultiLineString", .multiPolygon: "MultiPolygon", .geometryCollection: "GeometryCollection",
  ]

  private mutating func write(_ geometry: Geometry) {
    raw("{\"type\":")
    string(Self.names[geometry.kind]!)
    if geometry.kind == .geometryCollection {
      raw(",\"geometries\":[")
      for (i, member) in geometry.members.enumerated() {
        if i > 0 { raw(",") }
        write(member)
      }
      raw("]}")
      return
    }
    raw(",\"coordinates\":")
    geometry.withView { view in coordinates(of: view) }
    raw("}")
  }

  private mutating func coordinates(of view: GeometryView) {
    func position(_ v: Int, _ writer: inout Self) {
      let z = view.z.map { [$0[v]] } ?? []
      writer.numbers([view.xy[2 * v], view.xy[2 * v + 1]] + z)
    }
    func ring(_ r: Int, _ writer: inout Self) {
      writer.raw("[")
      for (i, v) in view.vertices(ofRing: r).enumerated() {
        if i > 0 { writer.raw(",") }
        position(v, &writer)
      }
      writer.raw("]")
    }
    func part(_ p: Int, _ writer: inout Self) {
      let rings = view.rings(ofPart: p)
      switch view.kind {
      case .point, .multiPoint: position(view.vertices(ofRing: rings.lowerBound).lowerBound, &writer)
      case .lineString, .multiLineString: ring(rings.lowerBound, &writer)
      default:
        writer.raw("[")
        for (i, r) in rings.enumerated() {
          if i > 0 { writer.raw(",") }
          ring(r, &writer)
        }
        writer.raw("]")
      }
    }
    if view.kind.rawValue <= GeometryKind.polygon.rawValue {
      if view.isEmpty { raw("[]") } else { part(0, &self) }
      return
    }
    raw("[")
    for p in 0..<view.partCount {
      if p > 0 { raw(",") }
      part(p, &self)
    }
    raw("]")
  }
}
