internal import CGEOS

extension GEOSGeometry {
  /// Whether `predicate` holds from this geometry to `other`, exactly as Simple Features defines it.
  package func holds(_ predicate: SpatialPredicate, _ other: borrowing GEOSGeometry) throws(StoreError) -> Bool {
    let thread = try GEOS.thread()
    let f = thread.functions.pointee
    let (c, a, b) = (thread.context, handle, other.handle)
    let answer =
      switch predicate {
      case .intersects: f.GEOSIntersects_r(c, a, b)
      case .equals: f.GEOSEquals_r(c, a, b)
      case .disjoint: f.GEOSDisjoint_r(c, a, b)
      case .touches: f.GEOSTouches_r(c, a, b)
      case .within: f.GEOSWithin_r(c, a, b)
      case .overlaps: f.GEOSOverlaps_r(c, a, b)
      case .crosses: f.GEOSCrosses_r(c, a, b)
      case .contains: f.GEOSContains_r(c, a, b)
      case .covers: f.GEOSCovers_r(c, a, b)
      case .coveredBy: f.GEOSCoveredBy_r(c, a, b)
      }
    return try thread.truth(answer, predicate.rawValue)
  }

  /// The DE-9IM matrix of this geometry and `other`, nine characters of `012F`.
  package func relate(_ other: borrowing GEOSGeometry) throws(StoreError) -> String {
    let thread = try GEOS.thread()
    guard let text = thread.functions.pointee.GEOSRelate_r(thread.context, handle, other.handle) else {
      throw thread.error("relate")
    }
    defer { thread.functions.pointee.GEOSFree_r(thread.context, text) }
    return String(cString: text)
  }

  /// Planar distance in units of the coordinates; 0 when either is empty, as GEOS has it.
  package func distance(to other: borrowing GEOSGeometry) throws(StoreError) -> Double {
    let thread = try GEOS.thread()
    var distance = 0.0
    guard thread.functions.pointee.GEOSDistance_r(thread.context, handle, other.handle, &distance) == 1 else {
      throw thread.error("distance")
    }
    return distance
  }

  /// In square units of the coordinates.
  package func area() throws(StoreError) -> Double {
    let thread = try GEOS.thread()
    var area = 0.0
    guard thread.functions.pointee.GEOSArea_r(thread.context, handle, &area) == 1 else { throw thread.error("area") }
    return area
  }

  /// Of lines, or of the rings of areas, in units of the coordinates.
  package func length() throws(StoreError) -> Double {
    let thread = try GEOS.thread()
    var length = 0.0
    guard thread.functions.pointee.GEOSLength_r(thread.context, handle, &length) == 1 else {
      throw thread.error("length")
    }
    return length
  }

  /// Whether it is valid in the sense of Simple Features.
  package func isValid() throws(StoreError) -> Bool {
    let thread = try GEOS.thread()
    return try thread.truth(thread.functions.pointee.GEOSisValid_r(thread.context, handle), "isValid")
  }

  /// Why the geometry is not valid and where, or nil when it is.
  package func invalidity() throws(StoreError) -> GeometryInvalidity? {
    let thread = try GEOS.thread()
    let f = thread.functions.pointee
    var reason: UnsafeMutablePointer<CChar>? = nil
    var location: OpaquePointer? = nil
    let answer = f.GEOSisValidDetail_r(thread.context, handle, 0, &reason, &location)
    defer {
      if let reason { f.GEOSFree_r(thread.context, reason) }
      if let location { f.GEOSGeom_destroy_r(thread.context, location) }
    }
    if try thread.truth(answer, "isValid") { return nil }
    var (x, y) = (Double.nan, Double.nan)
    if let location {
      _ = f.GEOSGeomGetX_r(thread.context, location, &x)
      _ = f.GEOSGeomGetY_r(thread.context, location, &y)
    }
    return GeometryInvalidity(reason: reason.map { String(cString: $0) } ?? "invalid", x: x, y: y)
  }

  /// A new geometry from one that takes this geometry alone.
  private func make(
    _ operation: String, _ call: (GEOS.Thread, cgeos) -> OpaquePointer?
  ) throws(StoreError) -> GEOSGeometry {
    let thread = try GEOS.thread()
    guard let result = call(thread, thread.functions.pointee) else { throw thread.error(operation) }
    return GEOSGeometry(owning: result)
  }

  /// All points within `distance` of this geometry. A round is approximated by `quadrantSegments` segments a quarter.
  package func buffer(_ distance: Double, quadrantSegments: Int32 = 8) throws(StoreError) -> GEOSGeometry {
    try make("buffer") { $1.GEOSBuffer_r($0.context, handle, distance, quadrantSegments) }
  }

  /// The places of either.
  package func union(_ other: borrowing GEOSGeometry) throws(StoreError) -> GEOSGeometry {
    let b = other.handle
    return try make("union") { $1.GEOSUnion_r($0.context, handle, b) }
  }

  /// The places of both.
  package func intersection(_ other: borrowing GEOSGeometry) throws(StoreError) -> GEOSGeometry {
    let b = other.handle
    return try make("intersection") { $1.GEOSIntersection_r($0.context, handle, b) }
  }

  /// The places of this one that are not of the other.
  package func difference(_ other: borrowing GEOSGeometry) throws(StoreError) -> GEOSGeometry {
    let b = other.handle
    return try make("difference") { $1.GEOSDifference_r($0.context, handle, b) }
  }

  /// The union of all members and parts.
  package func unaryUnion() throws(StoreError) -> GEOSGeometry {
    try make("union") { $1.GEOSUnaryUnion_r($0.context, handle) }
  }

  /// The smallest convex geometry around it.
  package func convexHull() throws(StoreError) -> GEOSGeometry {
    try make("convex hull") { $1.GEOSConvexHull_r($0.context, handle) }
  }

  /// Fewer vertices, none off by more than `tolerance`; the result stays valid when `preservingTopology`.
  package func simplified(_ tolerance: Double, preservingTopology: Bool = true) throws(StoreError) -> GEOSGeometry {
    try make("simplify") {
      preservingTopology
        ? $1.GEOSTopologyPreserveSimplify_r($0.context, handle, tolerance)
        : $1.GEOSSimplify_r($0.context, handle, tolerance)
    }
  }

  /// The centre of mass of what has the highest dimension.
  package func centroid() throws(StoreError) -> GEOSGeometry {
    try make("centroid") { $1.GEOSGetCentroid_r($0.context, handle) }
  }

  /// A point that certainly lies on the geometry, well inside for polygons.
  package func pointOnSurface() throws(StoreError) -> GEOSGeometry {
    try make("point on surface") { $1.GEOSPointOnSurface_r($0.context, handle) }
  }

  /// Its box as a geometry.
  package func envelope() throws(StoreError) -> GEOSGeometry {
    try make("envelope") { $1.GEOSEnvelope_r($0.context, handle) }
  }

  /// A valid geometry of the same points as far as possible.
  package func madeValid() throws(StoreError) -> GEOSGeometry {
    try make("make valid") { $1.GEOSMakeValid_r($0.context, handle) }
  }
}

/// Why a geometry breaks the rules of Simple Features, and where; coordinates in its own CRS.
package struct GeometryInvalidity: Sendable, Equatable, CustomStringConvertible {
  package var reason: String
  package var x: Double
  package var y: Double

  package var description: String { x.isNaN ? reason : "\(reason) at \(x) \(y)" }
}
