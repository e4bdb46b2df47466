extension Geometry {
  /// Whether this is one polygon of few vertices whose ring is simple beyond doubt: no two edges meet but neighbours at
  /// their common vertex. Most footprints are; the rest is GEOS's to judge.
  ///
  /// - Complexity: O(n²) for n vertices, at most 32.
  var isSurelyValid: Bool {
    switch kind {
    case .point, .multiPoint, .lineString, .multiLineString: return true
    case .polygon, .multiPolygon: break
    case .geometryCollection: return false
    }
    guard ringOffsets.count == 2, xy.count >= 8, xy.count <= 66 else { return false }
    let edges = xy.count / 2 - 1
    guard xy[0] == xy[2 * edges], xy[1] == xy[2 * edges + 1] else { return false }
    return xy.withUnsafeBufferPointer { p in
      for i in 0..<edges {
        let (ax, ay, bx, by) = (p[2 * i], p[2 * i + 1], p[2 * i + 2], p[2 * i + 3])
        guard ax.isFinite, ay.isFinite, ax != bx || ay != by else { return false }
        // A neighbour that turns straight back lies upon its edge.
        let next = i + 1 == edges ? 0 : i + 1
        let (cx, cy) = (p[2 * next + 2], p[2 * next + 3])
        if Orientation.turn(ax, ay, bx, by, cx, cy) == 0, (bx - ax) * (cx - bx) + (by - ay) * (cy - by) <= 0 {
          return false
        }
        var j = i + 2
        while j < edges {
          if !(i == 0 && j == edges - 1),
            Segments.meet(ax, ay, bx, by, p[2 * j], p[2 * j + 1], p[2 * j + 2], p[2 * j + 3])
          {
            return false
          }
          j += 1
        }
      }
      return true
    }
  }

  /// Why this is no valid geometry as OGC Simple Features has it; nil when it is one.
  func invalidity() throws(StoreError) -> GeometryInvalidity? {
    isSurelyValid ? nil : try GEOSGeometry(self).invalidity()
  }
}
