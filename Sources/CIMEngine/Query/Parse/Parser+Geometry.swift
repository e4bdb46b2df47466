// geometry = WKT, with or without Z | AT(lon, lat) | BBOX(…) | CIRCLE(geometry, dist)
extension Parser {
  static let geometryWords: [Keyword] = [
    .at, .bbox, .circle, .point, .lineString, .polygon, .multiPoint, .multiLineString, .multiPolygon,
    .geometryCollection,
  ]

  private static let kinds: [(Keyword, GeometryKind)] = [
    (.point, .point), (.lineString, .lineString), (.polygon, .polygon), (.multiPoint, .multiPoint),
    (.multiLineString, .multiLineString), (.multiPolygon, .multiPolygon), (.geometryCollection, .geometryCollection),
  ]

  /// The geometry literal that stands here, or nil: the word alone is a name.
  mutating func geometryLiteral() throws(QueryError) -> GeometryLiteral? {
    guard token.kind == .name else { return nil }
    if let (kind, wordCount, dimension) = wktHead() {
      let start = token.range.lowerBound
      try enter()
      defer { leave() }
      advance(wordCount)
      let geometry = try wktBody(kind, dimension: dimension, from: start)
      height = 1
      return .wkt(geometry)
    }
    guard token(1).isSymbol("(") else { return nil }
    let start = token.range.lowerBound
    if accept(.at) {
      advance()
      let x = try coordinate("a longitude")
      guard accept(symbol: ",") else {
        throw unexpected("`,` between longitude and latitude", fix: "write AT(113.65, 34.76)")
      }
      let y = try coordinate("a latitude")
      try expect(symbol: ")", "`)` after AT(lon, lat)")
      height = 1
      return .at(x, y)
    }
    if accept(.bbox) {
      advance()
      var values = [try coordinate("a number")]
      while accept(symbol: ",") { values.append(try coordinate("a number")) }
      try expect(symbol: ")", "`,` or `)` in BBOX(west, south, east, north)")
      guard values.count == 4 || values.count == 6 else {
        throw QueryError(
          .badGeometry("BBOX takes 4 numbers, or 6 with heights, not \(values.count)"), at: range(from: start),
          fix: "write BBOX(west, south, east, north)")
      }
      height = 1
      return .bbox(values)
    }
    if accept(.circle) {
      advance()
      try enter()
      defer { leave() }
      guard let centre = try geometryLiteral() else { throw unexpected("a geometry such as AT(113.65, 34.76)") }
      let tall = height
      try expect(symbol: ",", "`,` and a radius")
      let radius = try distance()
      try expect(symbol: ")", "`)` after CIRCLE(geometry, radius)")
      try grow(over: max(tall, height))
      return .circle(centre, radius: radius)
    }
    return nil
  }

  private enum Dimension { case stated3D, open }

  /// `POINT (`, `POINT Z (`, `POINTZ (`, `POINT EMPTY`: the kind and the words before the bracket.
  private func wktHead() -> (GeometryKind, words: Int, Dimension)? {
    for (keyword, kind) in Self.kinds {
      if token.key == Words.table[keyword.rawValue].english + "Z", token(1).isSymbol("(") || at(.empty, 1) {
        return (kind, 1, .stated3D)
      }
      guard at(keyword) else { continue }
      if token(1).isSymbol("(") || at(.empty, 1) { return (kind, 1, .open) }
      if ["Z", "M", "ZM"].contains(token(1).key), token(2).isSymbol("(") || at(.empty, 2) {
        return (kind, 2, token(1).key == "Z" ? .stated3D : .open)
      }
    }
    return nil
  }

  private mutating func coordinate(_ expected: String) throws(QueryError) -> Double {
    let start = token.range.lowerBound
    let negative = accept(symbol: "-")
    if !negative { _ = accept(symbol: "+") }
    let follows = position > 0 && tokens[position - 1].kind == .number
    guard token.kind == .number, !(follows && token.isAdjacent) else { throw unexpected(expected) }
    guard let value = Double(token.text), value.isFinite else {
      throw QueryError(.badNumber(token.text), at: range(from: start))
    }
    advance()
    return negative ? -value : value
  }

  // MARK: WKT

  /// Coordinates as they are read, x y [z], all of one dimension.
  private struct Vertices {
    var hasZ: Bool?
    var xy: [Double] = []
    var z: [Double] = []
  }

  private mutating func wktBody(_ kind: GeometryKind, dimension: Dimension, from start: Int) throws(QueryError)
    -> Geometry
  {
    if ["M", "ZM"].contains(tokens[position - 1].key) {
      throw QueryError(
        .badGeometry("measures (M) are not part of a place"), at: tokens[position - 1].range, fix: "leave M out")
    }
    if accept(.empty) { return Geometry(kind: kind) }
    if kind == .geometryCollection { return try collection() }
    var hasZ: Bool? = dimension == .stated3D ? true : nil
    var geometry = Geometry(kind: kind)
    try expect(symbol: "(")
    switch kind {
    case .point:
      let vertices = try points(&hasZ, separated: false)
      geometry.appendPart(rings: [vertices.xy], z: vertices.z.isEmpty ? [] : [vertices.z])
    case .lineString:
      try appendLine(&geometry, &hasZ)
    case .polygon:
      try appendPolygon(&geometry, &hasZ)
    case .multiPoint:
      repeat {
        let bracketed = accept(symbol: "(")
        let vertices = try points(&hasZ, separated: false)
        if bracketed { try expect(symbol: ")") }
        geometry.appendPart(rings: [vertices.xy], z: vertices.z.isEmpty ? [] : [vertices.z])
      } while accept(symbol: ",")
    case .multiLineString, .multiPolygon:
      repeat {
        try expect(symbol: "(")
        if kind == .multiPolygon { try appendPolygon(&geometry, &hasZ) } else { try appendLine(&geometry, &hasZ) }
        try expect(symbol: ")", "`,` or `)` between the points")
      } while accept(symbol: ",")
    case .geometryCollection: break
    }
    try expect(symbol: ")", "`)` at the end of the geometry")
    return geometry
  }

  private mutating func collection() throws(QueryError) -> Geometry {
    var result = Geometry(kind: .geometryCollection)
    try expect(symbol: "(")
    repeat {
      guard case .wkt(let member)? = try geometryLiteral() else {
        throw unexpected("a geometry such as POINT(113.6 34.7)", near: Self.geometryWords)
      }
      result.members.append(member)
    } while accept(symbol: ",")
    try expect(symbol: ")", "`,` or `)` between the geometries")
    return result
  }

  private mutating func appendLine(_ geometry: inout Geometry, _ hasZ: inout Bool?) throws(QueryError) {
    let start = token.range.lowerBound
    let vertices = try points(&hasZ, separated: true)
    guard vertices.xy.count >= 4 else {
      throw QueryError(.badGeometry("a line needs two points"), at: range(from: start))
    }
    geometry.appendPart(rings: [vertices.xy], z: vertices.z.isEmpty ? [] : [vertices.z])
  }

  private mutating func appendPolygon(_ geometry: inout Geometry, _ hasZ: inout Bool?) throws(QueryError) {
    var (rings, heights): ([[Double]], [[Double]]) = ([], [])
    repeat {
      let start = token.range.lowerBound
      try expect(symbol: "(", "`(` and a ring of points")
      let ring = try points(&hasZ, separated: true)
      try expect(symbol: ")", "`,` or `)` between the points")
      let count = ring.xy.count
      guard count >= 8 else {
        throw QueryError(
          .badGeometry("a ring needs four points, the last equal to the first"), at: range(from: start))
      }
      guard ring.xy[0] == ring.xy[count - 2], ring.xy[1] == ring.xy[count - 1] else {
        throw QueryError(
          .badGeometry("the ring is not closed"), at: range(from: start),
          fix: "repeat its first point at the end: \(Printer.number(ring.xy[0])) \(Printer.number(ring.xy[1]))")
      }
      rings.append(ring.xy)
      if !ring.z.isEmpty { heights.append(ring.z) }
    } while accept(symbol: ",")
    geometry.appendPart(rings: rings, z: heights)
  }

  /// `x y [z] { "," x y [z] }`, or one point when not `separated`.
  private mutating func points(_ hasZ: inout Bool?, separated: Bool) throws(QueryError) -> Vertices {
    var result = Vertices()
    repeat {
      let start = token.range.lowerBound
      result.xy.append(try coordinate("a number"))
      result.xy.append(try coordinate("a second number: a point is `x y`, without a comma"))
      let third = token.kind == .number || token.isSymbol("-") || token.isSymbol("+")
      if third { result.z.append(try coordinate("a height")) }
      if token.kind == .number {
        throw QueryError(
          .badGeometry("a point has two numbers, or three with a height"), at: start..<token.range.upperBound)
      }
      if let stated = hasZ, stated != third {
        throw QueryError(
          .badGeometry("either every point of a geometry has a height or none"), at: range(from: start))
      }
      hasZ = third
    } while separated && accept(symbol: ",")
    return result
  }
}
