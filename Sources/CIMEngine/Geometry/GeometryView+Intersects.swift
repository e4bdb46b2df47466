internal import SpatialIndex

extension GeometryView {
  /// Whether the closed geometries have a point in common; touching counts. False when either is empty.
  ///
  /// - Complexity: O(n + m) for a point or far-apart geometries; edges are compared only inside the common part of
  ///   the two boxes, through an ``EdgeTree`` when there are many.
  package func intersects(_ other: GeometryView) -> Bool {
    if isEmpty || other.isEmpty { return false }
    let (a, b) = dimension <= other.dimension ? (self, other) : (other, self)
    if a.dimension == 0 {
      for v in a.vertices where b.meets(a.xy[2 * v], a.xy[2 * v + 1]) { return true }
      return false
    }
    if b.dimension == 2, let v = a.vertices.first, b.locate(a.xy[2 * v], a.xy[2 * v + 1]) != .outside {
      return true
    }
    if a.edgesMeet(b) { return true }
    // No edges meet: one contains a whole part of the other, or they are apart.
    if b.dimension == 2, a.anyPartStarts(insideOf: b) { return true }
    return a.dimension == 2 && b.anyPartStarts(insideOf: a)
  }

  /// Whether the first vertex of any part lies in the closed areal geometry `area`.
  func anyPartStarts(insideOf area: GeometryView) -> Bool {
    for part in 0..<partCount {
      guard let ring = rings(ofPart: part).first, let v = vertices(ofRing: ring).first else { continue }
      if area.locate(xy[2 * v], xy[2 * v + 1]) != .outside { return true }
    }
    return false
  }

  /// Whether any edge meets any edge of `other`. The larger geometry is cut down to the box of the smaller.
  func edgesMeet(_ other: GeometryView) -> Bool {
    if vertices.count < other.vertices.count { return other.edgesMeet(self) }
    guard let own = box, let others = other.box, own.intersects(others) else { return false }
    var tree: EdgeTree? = nil
    var budget = 32_768
    let otherCount = other.vertices.count
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      let probe = EdgeTree.Probe(xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1])
      if probe.x0 > others.max[0] || probe.x1 < others.min[0] { continue }
      if probe.y0 > others.max[1] || probe.y1 < others.min[1] { continue }
      if budget < 0 {
        if tree == nil { tree = EdgeTree(other) }
        if tree!.meets(probe) { return true }
        continue
      }
      budget -= otherCount
      if other.anyEdgeMeets(probe) { return true }
    }
    return false
  }

  @inline(__always)
  func anyEdgeMeets(_ probe: EdgeTree.Probe) -> Bool {
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      if Segments.meet(
        probe.ax, probe.ay, probe.bx, probe.by, xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1])
      {
        return true
      }
    }
    return false
  }
}
