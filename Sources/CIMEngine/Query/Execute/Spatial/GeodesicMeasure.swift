internal import SpatialIndex

/// Metres between geometries of a database in degrees: from points to anything, as far as ``Geodesic/reach``; between
/// points at any distance.
enum GeodesicMeasure {
  /// Metres between two shapes; infinity when either has no geometry or is empty.
  ///
  /// - Throws: when neither is a point.
  static func metres(_ a: Shape, _ b: Shape) throws(QueryError) -> Double {
    switch (a, b) {
    case (.none, _), (_, .none): return .infinity
    case (.view(let x), _) where x.isPoints: return try metres(from: x, to: b)
    case (_, .view(let y)) where y.isPoints: return try metres(from: y, to: a)
    default: return try metres(whole: a.geometry!, b.geometry!)
    }
  }

  static func metres(_ a: Geometry, _ b: Geometry) throws(QueryError) -> Double {
    try metres(.collection(a), .collection(b))
  }

  private static func metres(whole a: Geometry, _ b: Geometry) throws(QueryError) -> Double {
    if a.kind == .geometryCollection || b.kind == .geometryCollection {
      var best = Double.infinity
      for part in a.kind == .geometryCollection ? a.members : [a] {
        for other in b.kind == .geometryCollection ? b.members : [b] {
          best = min(best, try metres(whole: part, other))
        }
      }
      return best
    }
    if a.isEmpty || b.isEmpty { return .infinity }
    guard a.kind.isPoints || b.kind.isPoints else { throw neitherIsPoint }
    let (points, other) = a.kind.isPoints ? (a, b) : (b, a)
    return try points.withView { view throws(QueryError) in try metres(from: view, to: .collection(other)) }
  }

  private static func metres(from points: GeometryView, to other: Shape) throws(QueryError) -> Double {
    switch other {
    case .none: return .infinity
    case .view(let view): return try metres(from: points, to: view)
    case .collection(let geometry):
      if geometry.kind == .geometryCollection {
        var best = Double.infinity
        for member in geometry.members { best = min(best, try metres(from: points, to: .collection(member))) }
        return best
      }
      return try geometry.withView { view throws(QueryError) in try metres(from: points, to: view) }
    }
  }

  private static func metres(from points: GeometryView, to view: GeometryView) throws(QueryError) -> Double {
    var best = Double.infinity
    for v in points.vertices {
      let (x, y) = (points.xy[2 * v], points.xy[2 * v + 1])
      do throws(CRSError) {
        if view.isPoints {
          for w in view.vertices {
            let way = try Geodesic.way(
              fromLongitude: x, latitude: y, toLongitude: view.xy[2 * w], latitude: view.xy[2 * w + 1])
            best = min(best, way.distance)
          }
        } else {
          best = min(best, try Geodesic.distance(fromLongitude: x, latitude: y, to: view))
        }
      } catch {
        throw QueryError(.failed(error.message))
      }
    }
    return best
  }

  /// A stated distance: refused beyond ``Geodesic/reach``.
  static func checked(_ metres: Double, at range: Range<Int>? = nil) throws(QueryError) -> Double {
    guard metres <= Geodesic.reach else { throw tooFar("this one is longer", at: range) }
    return metres
  }

  static func tooFar(_ what: String, at range: Range<Int>? = nil) -> QueryError {
    QueryError(
      .invalid("in a database in degrees distances reach 500 km; \(what)"), at: range,
      fix: "ask for at most 500 km (WITHIN 500 km), or import into a database with a projected working CRS")
  }

  private static var neitherIsPoint: QueryError {
    QueryError(
      .invalid("in a database in degrees a distance is measured from points, and here neither side is one"),
      fix: "measure from CENTROID(geom), or import into a database with a projected working CRS")
  }
}

extension GeometryKind {
  var isPoints: Bool { self == .point || self == .multiPoint }
}

extension GeometryView {
  var isPoints: Bool { kind.isPoints }
}

extension Shape {
  /// Whether it is made of points alone, or is nothing.
  fileprivate var isPoints: Bool {
    switch self {
    case .none: true
    case .view(let view): view.isPoints
    case .collection(let geometry):
      geometry.kind.isPoints || geometry.kind == .geometryCollection && geometry.members.allSatisfy(\.kind.isPoints)
    }
  }
}

extension GeodesicMeasure {
  /// As ``metres(_:_:)``, but an error beyond the reach unless both are points.
  static func metresWithinReach(_ a: Shape, _ b: Shape) throws(QueryError) -> Double {
    let metres = try metres(a, b)
    if metres > Geodesic.reach, metres.isFinite, !(a.isPoints && b.isPoints) {
      throw tooFar("this one is about \(Int(metres / 1_000)) km")
    }
    return metres
  }

  /// The items of a tree nearest to a shape, ties with the last included, in the order of their metres.
  ///
  /// Circles of growing radius are searched until one holds `count` items.
  /// - Parameter metres: from the shape to an item; nil for none.
  static func nearest(
    _ tree: PackedRTreeView<2>, to box: Box2, count: Int, within limit: Double,
    metres: (Int) throws(QueryError) -> Double?
  ) throws(QueryError) -> [(metres: Double, item: Int)] {
    guard count > 0, limit >= 0 else { return [] }
    var radius = min(limit, 2_000)
    while true {
      var found: [(metres: Double, item: Int)] = []
      var failure: QueryError?
      tree.forEach(meeting: Geodesic.box(around: box, distance: radius)) { item in
        guard failure == nil else { return }
        do throws(QueryError) {
          if let m = try metres(item), m <= radius { found.append((m, item)) }
        } catch { failure = error }
      }
      if let failure { throw failure }
      if found.count >= count || radius >= limit {
        found.sort { $0.metres != $1.metres ? $0.metres < $1.metres : $0.item < $1.item }
        if found.count > count {
          let last = found[count - 1].metres
          found.removeLast(found.count - (found.firstIndex { $0.metres > last } ?? found.count))
        }
        return found
      }
      radius = min(limit, radius * 6)
    }
  }
}

extension ReferenceFeatures {
  /// As ``geodesicMetres(_:_:)``; beyond the reach exact between points and an error otherwise.
  func statedMetres(_ shape: Shape, _ box: Box2) throws(QueryError) -> Double {
    if box.isEmpty { return .infinity }
    let near = try geodesicMetres(shape, box)
    if near <= Geodesic.reach { return near }
    var best = Double.infinity
    for feature in featureRows {
      let other: Shape
      if let column {
        try column.table.verifyGeometry(row: Int(feature))
        other = column.shape(feature)
      } else {
        other = .collection(targets[Int(feature)].prepared.geometry)
      }
      best = min(best, try GeodesicMeasure.metresWithinReach(shape, other))
    }
    return best
  }
}

/// DISTANCE(a, b) in a database in degrees.
final class GeodesicDistanceNode: Node, @unchecked Sendable {
  let left: Node
  let right: Node

  init(_ left: Node, _ right: Node) {
    self.left = left
    self.right = right
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let (a, b) = (try left.values(tuples), try right.values(tuples))
    var metres = [Double](repeating: .infinity, count: tuples.count)
    for i in metres.indices {
      guard case .geometry(let x) = a[i], case .geometry(let y) = b[i] else { continue }
      metres[i] = try GeodesicMeasure.metresWithinReach(.collection(x), .collection(y))
    }
    return .vector(Vector.finite(metres, validity: nil))
  }
}
