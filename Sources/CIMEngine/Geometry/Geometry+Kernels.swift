internal import SpatialIndex

/// The kernels of ``GeometryView`` for geometries that may be collections, member by member.
extension Geometry {
  /// Whether the closed geometries have a point in common; touching counts. False when either is empty.
  package func intersects(_ other: Geometry) -> Bool {
    if kind == .geometryCollection { return members.contains { $0.intersects(other) } }
    if other.kind == .geometryCollection { return other.members.contains { intersects($0) } }
    return withView { a in other.withView { b in a.intersects(b) } }
  }

  /// Whether every point of `other` lies in this closed geometry. A collection covers what each time one of its
  /// members covers; what only several members cover together needs their union first. False when either is empty.
  package func covers(_ other: Geometry) -> Bool {
    if other.kind == .geometryCollection {
      return !other.isEmpty && other.members.allSatisfy { $0.isEmpty || covers($0) }
    }
    if kind == .geometryCollection { return members.contains { $0.covers(other) } }
    return withView { a in other.withView { b in a.covers(b) } }
  }

  package func isCovered(by other: Geometry) -> Bool { other.covers(self) }

  /// The distance between the nearest points: 0 exactly when they meet, infinity when either is empty.
  package func distance(to other: Geometry) -> Double { squaredDistance(to: other).squareRoot() }

  /// The square of the distance to `other`, in units of the CRS; any value up to `atMost` may stand for a smaller one.
  package func squaredDistance(to other: Geometry, atMost: Double = 0) -> Double {
    if kind == .geometryCollection {
      return members.reduce(.infinity) { min($0, $1.squaredDistance(to: other, atMost: atMost)) }
    }
    if other.kind == .geometryCollection {
      return other.members.reduce(.infinity) { min($0, squaredDistance(to: $1, atMost: atMost)) }
    }
    return withView { a in other.withView { b in a.squaredDistance(to: b, atMost: atMost) } }
  }

  /// Whether some point of `other` lies at most `limit` away; the closed ball. Agrees with ``distance(to:)``.
  package func isWithin(_ limit: Double, of other: Geometry) -> Bool {
    let squaredLimit = Segments.squaredLimit(limit)
    return squaredLimit >= 0 && squaredDistance(to: other, atMost: squaredLimit) <= squaredLimit
  }

  /// 0 for points, 1 for lines, 2 for polygons, the highest of a collection's members; 0 for an empty collection.
  package var dimension: Int {
    switch kind {
    case .point, .multiPoint: 0
    case .lineString, .multiLineString: 1
    case .polygon, .multiPolygon: 2
    case .geometryCollection: members.map(\.dimension).max() ?? 0
    }
  }

  /// The area of the polygons in squared units of the coordinates, holes taken off.
  package var area: Double {
    kind == .geometryCollection ? members.reduce(0) { $0 + $1.area } : withView { $0.area }
  }

  /// The length of lines and the perimeter of polygons, in units of the coordinates.
  package var length: Double {
    kind == .geometryCollection ? members.reduce(0) { $0 + $1.length } : withView { $0.length }
  }

  /// The centroid of the members of the highest dimension that have any size; nil when empty.
  package var centroid: (x: Double, y: Double)? {
    guard let box else { return nil }
    var sums = CentroidSums(at: (box.min[0], box.min[1]))
    addMembers(to: &sums)
    return sums.centroid
  }

  private func addMembers(to sums: inout CentroidSums) {
    if kind == .geometryCollection {
      for member in members { member.addMembers(to: &sums) }
    } else {
      withView { sums.add($0) }
    }
  }
}
