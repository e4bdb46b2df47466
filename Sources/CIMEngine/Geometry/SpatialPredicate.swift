/// The predicates of OGC Simple Features that CQL2 names, and the two of the language that count touching.
package enum SpatialPredicate: String, Sendable, CaseIterable {
  case intersects, equals, disjoint, touches, within, overlaps, crosses, contains, covers, coveredBy

  /// The predicate that holds from b to a when this one holds from a to b.
  package var transposed: SpatialPredicate {
    switch self {
    case .within: .contains
    case .contains: .within
    case .covers: .coveredBy
    case .coveredBy: .covers
    default: self
    }
  }

  /// Whether this holds from `a` to `b`, exactly as Simple Features defines it: by the engine's own kernels where they
  /// decide it, else by GEOS. Every predicate but `disjoint` is false for an empty geometry, but two empty ones are equal.
  ///
  /// - Throws: when GEOS is needed and cannot be opened, or refuses a geometry that is not valid.
  package func holds(_ a: Geometry, _ b: Geometry) throws(StoreError) -> Bool {
    if a.isEmpty || b.isEmpty { return self == .disjoint || (self == .equals && a.isEmpty && b.isEmpty) }
    switch self {
    case .intersects: return a.intersects(b)
    case .disjoint: return !a.intersects(b)
    default: break
    }
    if a.kind != .geometryCollection && b.kind != .geometryCollection {
      let answer = a.withView { a in b.withView { b in shortcut(a, b) } }
      if let answer { return answer }
      return try GEOSGeometry(a).holds(self, GEOSGeometry(b))
    }
    return try GEOSGeometry(flattened(a)).holds(self, GEOSGeometry(flattened(b)))
  }

  /// As ``holds(_:_:)`` for views, which are no collections.
  package func holds(_ a: GeometryView, _ b: GeometryView) throws(StoreError) -> Bool {
    if a.isEmpty || b.isEmpty { return self == .disjoint || (self == .equals && a.isEmpty && b.isEmpty) }
    switch self {
    case .intersects: return a.intersects(b)
    case .disjoint: return !a.intersects(b)
    default:
      if let answer = shortcut(a, b) { return answer }
      return try GEOSGeometry(a).holds(self, GEOSGeometry(b))
    }
  }

  /// The answer where dimensions or the kernels settle it; neither is empty.
  private func shortcut(_ a: GeometryView, _ b: GeometryView) -> Bool? {
    switch self {
    case .covers: return a.covers(b)
    case .coveredBy: return b.covers(a)
    case .within: return SpatialPredicate.contains.shortcut(b, a)
    case .contains:
      // Interiors meet as soon as an area covers an area, and when a point is strictly inside.
      if a.dimension == 2 && b.dimension == 2 { return a.covers(b) }
      if a.dimension == 2 && b.kind == .point {
        let v = b.vertices.lowerBound
        return a.locate(b.xy[2 * v], b.xy[2 * v + 1]) == .inside
      }
      if a.dimension < b.dimension { return false }
      return a.covers(b) ? nil : false
    case .touches:
      if a.dimension == 2 && b.kind == .point {
        let v = b.vertices.lowerBound
        return a.locate(b.xy[2 * v], b.xy[2 * v + 1]) == .boundary
      }
      if b.dimension == 2 && a.kind == .point { return shortcut(b, a) }
      if a.dimension == 0 && b.dimension == 0 { return false }
      return a.intersects(b) ? nil : false
    case .equals:
      if a.dimension != b.dimension { return false }
      return a.covers(b) && b.covers(a) ? nil : false
    case .overlaps:
      if a.dimension != b.dimension { return false }
      return a.intersects(b) && !a.covers(b) && !b.covers(a) ? nil : false
    case .crosses:
      if a.dimension == b.dimension && a.dimension != 1 { return false }
      if a.kind == .point || b.kind == .point { return false }
      return a.intersects(b) ? nil : false
    case .intersects: return a.intersects(b)
    case .disjoint: return !a.intersects(b)
    }
  }

  /// DE-9IM is defined for members that do not overlap: a collection counts as their union.
  private func flattened(_ geometry: Geometry) throws(StoreError) -> Geometry {
    geometry.kind == .geometryCollection ? try GEOSGeometry(geometry).unaryUnion().geometry() : geometry
  }
}
