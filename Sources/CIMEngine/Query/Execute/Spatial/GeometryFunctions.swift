internal import SpatialIndex

/// AREA, BUFFER, CENTROID and the like: measures by the engine's own kernels, new geometries by GEOS. NULL in, NULL out.
///
/// Areas are in square metres and lengths in metres of the working CRS. AREA of what is no polygon is 0, X, Y and Z are
/// those of a point and NULL for anything else.
final class GeometryFunctionNode: Node, @unchecked Sendable {
  let function: Function
  let arguments: [Node]
  let range: Range<Int>

  init(_ function: Function, _ arguments: [Node], type: ColumnType?, range: Range<Int>) {
    self.function = function
    self.arguments = arguments
    self.range = range
    super.init(type: type)
  }

  static func handles(_ function: Function) -> Bool {
    switch function {
    case .area, .perimeter, .lineLength, .centroid, .pointOnSurface, .buffer, .convexHull, .simplify, .intersection,
      .union, .difference, .distance, .x, .y, .z, .envelope, .isValid, .makeValid, .asWKT, .asGeoJSON, .lon, .lat,
      .height, .volume, .surfaceArea, .distance3D:
      true
    default: false
    }
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    if arguments.count == 1, let geometry = arguments[0] as? GeometryNode, let fast = try measure(geometry, tuples) {
      return .vector(fast)
    }
    if arguments.allSatisfy({ $0.constant != nil }) {
      return .constant(try apply(arguments.map { $0.constant! }))
    }
    var columns: [[Value]] = []
    for argument in arguments { columns.append(try argument.values(tuples)) }
    var results: [Value] = []
    results.reserveCapacity(tuples.count)
    for i in 0..<tuples.count { results.append(try apply(columns.map { $0[i] })) }
    return .vector(Vector(values: results, type: type))
  }

  /// Measures straight on mapped geometry.
  private func measure(_ geometry: GeometryNode, _ tuples: Tuples) throws(QueryError) -> Vector? {
    let measure: (GeometryView) -> Double
    switch function {
    case .area: measure = { $0.area }
    case .perimeter: measure = { $0.dimension == 2 ? $0.length : 0 }
    case .lineLength: measure = { $0.dimension == 1 ? $0.length : 0 }
    case .x: measure = { $0.kind == .point && !$0.isEmpty ? $0.xy[2 * $0.vertices.lowerBound] : .nan }
    case .y: measure = { $0.kind == .point && !$0.isEmpty ? $0.xy[2 * $0.vertices.lowerBound + 1] : .nan }
    default: return nil
    }
    let metres = try geometry.rows(tuples).map { row -> Double in
      switch geometry.column.shape(row) {
      case .none: .nan
      case .view(let view): measure(view)
      case .collection(let value): GeometryFunctionNode.number(function, value) ?? .nan
      }
    }
    return Vector.finite(metres, validity: nil)
  }

  private static func number(_ function: Function, _ g: Geometry) -> Double? {
    switch function {
    case .area: return g.area
    case .perimeter:
      if g.kind == .geometryCollection { return g.members.reduce(0) { $0 + (number(function, $1) ?? 0) } }
      return g.dimension == 2 ? g.length : 0
    case .lineLength:
      if g.kind == .geometryCollection { return g.members.reduce(0) { $0 + (number(function, $1) ?? 0) } }
      return g.dimension == 1 ? g.length : 0
    case .x: return g.kind == .point ? g.xy.first : nil
    case .y: return g.kind == .point ? g.xy.last : nil
    case .z: return g.kind == .point ? g.z.first.flatMap { $0.isNaN ? nil : $0 } : nil
    default: return nil
    }
  }

  /// AS_WKT, AS_GEOJSON, LON and LAT: `a` ends with the working CRS and the one that is wanted.
  private func brought(_ g: Geometry, _ a: [Value]) throws(QueryError) -> Value {
    guard a.count > 2, case .text(let from) = a[1], case .text(let to) = a[2], let source = CRS(parsing: from),
      let target = CRS(parsing: to)
    else { return .null }
    var shape = g
    let isGeographic: Bool
    do throws(CRSError) {
      if source != target { try CRSTransform.between(source, target).apply(&shape) }
      isGeographic = target == .wgs84 || target.isOffsetSystem ? true : try CRSInfo.lookup(target).isGeographic
    } catch {
      throw QueryError(.failed(error.message), at: range)
    }
    let decimals = isGeographic ? 7 : 3
    switch function {
    case .asWKT: return .text(WKT.write(shape, decimals: decimals))
    case .asGeoJSON: return .text(GeoJSONShape.text(shape, decimals: decimals))
    default:
      guard shape.kind == .point, shape.xy.count == 2 else { return .null }
      return .double(shape.xy[function == .lon ? 0 : 1])
    }
  }

  private func apply(_ a: [Value]) throws(QueryError) -> Value {
    guard case .geometry(let g)? = a.first else { return .null }
    if a.contains(where: \.isNull) { return .null }
    switch function {
    case .area, .perimeter, .lineLength, .x, .y, .z:
      return GeometryFunctionNode.number(function, g).map { .double($0) } ?? .null
    case .centroid: return g.centroid.map { .geometry(.point($0.x, $0.y)) } ?? .null
    case .envelope: return g.box.map { .geometry(.rectangle($0)) } ?? .null
    case .asWKT, .asGeoJSON, .lon, .lat: return try brought(g, a)
    case .height:
      guard let low = g.heights.min(), let high = g.heights.max() else { return .null }
      return .double(high - low)
    // A surface encloses nothing; solids are measured by the columns of their layer.
    case .volume: return .null
    case .surfaceArea:
      guard let box = g.box, g.hasZ else { return .null }
      var body = Body(origin: Point3(box.min[0], box.min[1], 0))
      body.add(g)
      body.finish()
      return .double(body.surfaceArea)
    case .distance3D:
      guard a.count > 1, case .geometry(let other) = a[1], let metres = g.distance3D(to: other) else { return .null }
      return .double(metres)
    case .distance:
      guard a.count > 1, case .geometry(let other) = a[1] else { return .null }
      let metres = g.distance(to: other)
      return metres.isFinite ? .double(metres) : .null
    default: break
    }
    do throws(StoreError) {
      let left = try GEOSGeometry(g)
      switch function {
      case .isValid: return .bool(try left.isValid())
      case .pointOnSurface: return g.isEmpty ? .null : .geometry(try left.pointOnSurface().geometry())
      case .convexHull: return .geometry(try left.convexHull().geometry())
      case .makeValid: return .geometry(try left.madeValid().geometry())
      case .buffer:
        guard a.count > 1, let metres = a[1].number else { return .null }
        return .geometry(try left.buffer(metres).geometry())
      case .simplify:
        guard a.count > 1, let metres = a[1].number, metres >= 0 else { return .null }
        return .geometry(try left.simplified(metres).geometry())
      case .intersection, .union, .difference:
        guard a.count > 1, case .geometry(let other) = a[1] else { return .null }
        let right = try GEOSGeometry(other)
        switch function {
        case .intersection: return .geometry(try left.intersection(right).geometry())
        case .union: return .geometry(try left.union(right).geometry())
        default: return .geometry(try left.difference(right).geometry())
        }
      default: return .null
      }
    } catch {
      throw QueryError(.failed(error.message), at: range)
    }
  }
}
