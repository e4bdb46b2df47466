internal import SpatialIndex

extension GeometryView {
  /// The distance between the nearest points of the two closed geometries, in the units of the coordinates: 0 exactly
  /// when they meet, infinity when either is empty.
  package func distance(to other: GeometryView) -> Double { squaredDistance(to: other).squareRoot() }

  /// Whether some point of `other` lies at most `limit` away; the closed ball. Agrees with ``distance(to:)``.
  package func isWithin(_ limit: Double, of other: GeometryView) -> Bool {
    let squaredLimit = Segments.squaredLimit(limit)
    guard squaredLimit >= 0, let own = box, let others = other.box,
      Segments.lowerBound(own.squaredDistance(to: others)) <= squaredLimit
    else { return false }
    return squaredDistance(to: other, atMost: squaredLimit) <= squaredLimit
  }

  /// The square of ``distance(to:)``.
  ///
  /// - Parameter atMost: anything at or below this is as good as the exact answer: the search stops at the first pair
  ///   of edges that is as near. The result is then at most `atMost`, not the least.
  /// - Complexity: O(n + m) with a point, else O(n m) at worst, through an ``EdgeTree`` when that is much.
  public func squaredDistance(to other: GeometryView, atMost: Double = 0) -> Double {
    if isEmpty || other.isEmpty { return .infinity }
    let (a, b) = dimension <= other.dimension ? (self, other) : (other, self)
    if a.dimension == 0 {
      var best = Double.infinity
      for v in a.vertices {
        best = min(best, b.squaredDistance(toPoint: a.xy[2 * v], a.xy[2 * v + 1]))
        if best <= atMost { break }
      }
      return best
    }
    if b.dimension == 2, a.anyPartStarts(insideOf: b) { return 0 }
    if a.dimension == 2, b.anyPartStarts(insideOf: a) { return 0 }
    return a.squaredEdgeDistance(to: b, atMost: atMost)
  }

  /// The square of the distance from a point to the closed geometry.
  public func squaredDistance(toPoint x: Double, _ y: Double) -> Double {
    if dimension == 2 && locate(x, y) != .outside { return 0 }
    return squaredDistance(toOutsidePoint: x, y)
  }

  /// The square of the distance from a point that is known not to lie inside: that to the nearest edge.
  func squaredDistance(toOutsidePoint x: Double, _ y: Double) -> Double {
    var best = Double.infinity
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      let distance = Segments.squaredDistance(
        x, y, toSegment: xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1])
      if distance < best { best = distance }
    }
    return best
  }

  private func squaredEdgeDistance(to other: GeometryView, atMost: Double) -> Double {
    if vertices.count < other.vertices.count { return other.squaredEdgeDistance(to: self, atMost: atMost) }
    var best = Double.infinity
    guard let others = other.box else { return best }
    var tree: EdgeTree? = nil
    var budget = 8_192
    let otherCount = other.vertices.count
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      let probe = EdgeTree.Probe(xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1])
      let gap = Box2(probe.x0, probe.y0, probe.x1, probe.y1).squaredDistance(to: others)
      if !(Segments.lowerBound(gap) < best) { continue }
      if budget < 0 {
        if tree == nil { tree = EdgeTree(other) }
        tree!.nearest(probe, best: &best)
      } else {
        budget -= otherCount
        var inner = EdgeCursor(other)
        while let (s, t) = inner.next() {
          let edge = EdgeTree.Probe(other.xy[2 * s], other.xy[2 * s + 1], other.xy[2 * t], other.xy[2 * t + 1])
          let dx = max(0, max(edge.x0 - probe.x1, probe.x0 - edge.x1))
          let dy = max(0, max(edge.y0 - probe.y1, probe.y0 - edge.y1))
          if Segments.lowerBound(dx * dx + dy * dy) >= best { continue }
          let distance = Segments.squaredDistance(
            probe.ax, probe.ay, probe.bx, probe.by, toSegment: edge.ax, edge.ay, edge.bx, edge.by)
          if distance < best { best = distance }
        }
      }
      if best <= atMost { break }
    }
    return best
  }
}
