internal import SpatialIndex

/// A spatial condition between the geometry of a row, a, and another one, b.
enum PairTest: Sendable {
  /// The eight of CQL2, exactly as Simple Features defines them; INTERSECTS, INSIDE (covered by) and CONTAINS (covers)
  /// of the language, for which a touch counts.
  case holds(SpatialPredicate)
  /// a lies at most this far from b; the square as ``PreparedGeometry/squaredLimit(_:)`` gives it.
  case within(squaredLimit: Double, distance: Double)
  /// In a database in degrees: a lies at most this many metres from b; one of them is a point.
  case geodesic(Double)

  static func within(_ distance: Double) -> PairTest {
    .within(squaredLimit: PreparedGeometry.squaredLimit(distance), distance: distance)
  }

  /// The condition from b to a.
  var transposed: PairTest {
    switch self {
    case .holds(let predicate): .holds(predicate.transposed)
    case .within, .geodesic: self
    }
  }

  /// Whether the condition can hold for an empty geometry.
  var holdsForEmpty: Bool {
    switch self {
    case .holds(.disjoint), .holds(.equals): true
    default: false
    }
  }

  /// Whether a pair whose boxes are farther apart than ``reach`` can hold.
  var needsNearBoxes: Bool {
    if case .holds(.disjoint) = self { false } else { true }
  }

  /// How far apart the boxes of a pair that holds may be, in metres.
  var reach: Double {
    if case .within(_, let distance) = self { distance } else { 0 }
  }

  /// Grown by ``reach``, it meets the box of everything that can hold with what `box` bounds.
  func searchBox(_ box: Box2) -> Box2 {
    guard case .geodesic(let metres) = self, !box.isEmpty else { return box }
    return metres >= 0 ? Geodesic.box(around: box, distance: metres) : .empty
  }

  /// Whether the boxes rule the pair out.
  @inline(__always)
  func isRuledOut(_ a: Box2, _ b: Box2) -> Bool {
    switch self {
    case .holds(.disjoint): false
    case .holds(.equals): !a.intersects(b) && !(a.isEmpty && b.isEmpty)
    case .holds(.coveredBy), .holds(.within): !b.contains(a)
    case .holds(.covers), .holds(.contains): !a.contains(b)
    case .holds: !a.intersects(b)
    case .geodesic: false
    case .within(_, let distance): !(a.squaredDistance(to: b) <= distance * distance * (1 + 0x1p-40))
    }
  }
}

/// A geometry that many rows are tested against, with what GEOS needs made on first use.
final class Target: Sendable {
  let prepared: PreparedGeometry
  let box: Box2

  init(_ geometry: Geometry) {
    prepared = PreparedGeometry(geometry)
    box = prepared.box ?? .empty
  }

  var isEmpty: Bool { prepared.box == nil }
}

extension PairTest {
  /// Whether the condition holds from a row's geometry to the target. False for a row without geometry.
  func holds(_ a: Shape, _ target: Target) throws(QueryError) -> Bool {
    switch a {
    case .none: return false
    case .view(let view): return try holds(view, target)
    case .collection(let geometry): return try holds(geometry, target.prepared.geometry)
    }
  }

  /// As above for a row of a layer.
  @inline(__always)
  func holds(_ geometry: GeometryStorage, _ row: Int, _ target: Target) throws(QueryError) -> Bool {
    if let view = geometry.view(row) { return try holds(view, target) }
    return try holds(geometry.shape(row), target)
  }

  private func holds(_ view: GeometryView, _ target: Target) throws(QueryError) -> Bool {
    let b = target.prepared
    switch self {
    case .geodesic(let metres):
      return try GeodesicMeasure.metres(.view(view), .collection(b.geometry)) <= metres
    case .within(let limit, _): return limit >= 0 && b.isWithin(squaredLimit: limit, of: view)
    case .holds(.intersects): return b.intersects(view)
    case .holds(.disjoint): return !b.intersects(view)
    case .holds(.coveredBy): return b.covers(view)
    case .holds(.covers): return b.isCovered(by: view)
    case .holds(let predicate):
      // A point lies inside, on the boundary or outside, and that decides them all.
      if view.kind == .point, b.geometry.dimension == 2, b.geometry.kind != .geometryCollection, !view.isEmpty {
        let v = view.vertices.lowerBound
        let place = b.locate(view.xy[2 * v], view.xy[2 * v + 1])
        switch predicate {
        case .within: return place == .inside
        case .touches: return place == .boundary
        case .equals, .overlaps, .crosses, .contains: return false
        default: break
        }
      }
      if predicate == .within, view.dimension == 2, b.geometry.dimension == 2, !target.isEmpty {
        return b.covers(view)
      }
      if predicate == .contains, view.dimension == 2, b.geometry.dimension == 2, !view.isEmpty {
        return b.isCovered(by: view)
      }
      if predicate != .equals, !b.intersects(view) { return false }
      return try PairTest.relate(predicate, view.copy(), b.geometry)
    }
  }

  /// Whether the condition holds between the geometries of two rows. False when either has none.
  func holds(_ a: Shape, _ b: Shape) throws(QueryError) -> Bool {
    switch (a, b) {
    case (.none, _), (_, .none): return false
    case (.view(let x), .view(let y)):
      switch self {
      case .geodesic(let metres): return try GeodesicMeasure.metres(a, b) <= metres
      case .within(let limit, _):
        return limit >= 0 && x.squaredDistance(to: y, atMost: limit) <= limit
      case .holds(.intersects): return x.intersects(y)
      case .holds(.disjoint): return !x.intersects(y)
      case .holds(.coveredBy): return y.covers(x)
      case .holds(.covers): return x.covers(y)
      case .holds(let predicate):
        do throws(StoreError) { return try predicate.holds(x, y) } catch { throw QueryError(.failed(error.message)) }
      }
    default: return try holds(a.geometry!, b.geometry!)
    }
  }

  /// As above for whole geometries, collections included.
  func holds(_ a: Geometry, _ b: Geometry) throws(QueryError) -> Bool {
    switch self {
    case .geodesic(let metres): return try GeodesicMeasure.metres(a, b) <= metres
    case .within(let limit, _): return limit >= 0 && a.squaredDistance(to: b, atMost: limit) <= limit
    case .holds(let predicate): return try PairTest.relate(predicate, a, b)
    }
  }

  private static func relate(_ predicate: SpatialPredicate, _ a: Geometry, _ b: Geometry) throws(QueryError) -> Bool {
    do throws(StoreError) { return try predicate.holds(a, b) } catch { throw QueryError(.failed(error.message)) }
  }
}

extension PairTest {
  /// Metres between two shapes; nil when either has no geometry or is empty.
  static func distance(_ a: Shape, _ b: Shape) -> Double? {
    let squared: Double
    switch (a, b) {
    case (.none, _), (_, .none): return nil
    case (.view(let x), .view(let y)): squared = x.squaredDistance(to: y)
    default: squared = a.geometry!.squaredDistance(to: b.geometry!)
    }
    return squared < .infinity ? squared.squareRoot() : nil
  }

  /// The square of the distance; infinity when either has no geometry, at least `below` when it is not nearer.
  static func squaredDistance(_ a: Shape, _ target: PreparedGeometry, below: Double = .infinity) -> Double {
    switch a {
    case .none: .infinity
    case .view(let view): target.squaredDistance(to: view, below: below)
    case .collection(let geometry): geometry.squaredDistance(to: target.geometry)
    }
  }
}
