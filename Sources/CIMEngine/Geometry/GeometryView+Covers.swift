internal import SpatialIndex

extension GeometryView {
  /// Whether every point of `other` lies in this closed geometry; touching the boundary is allowed. Exact for valid
  /// geometries: nothing is ever rounded. False when either is empty.
  ///
  /// Several parts count together for lines (a line may pass from one polygon to the next where they touch), while a
  /// polygon must lie in one part, which is the same thing when the parts of a valid multipolygon touch in points.
  ///
  /// - Complexity: O(n m) comparisons of boxes, O(n) for each segment that touches the boundary.
  package func covers(_ other: GeometryView) -> Bool {
    guard let own = box, let others = other.box, own.contains(others) else { return false }
    if dimension == 2 && other.dimension > 0 && !anyEdgeComesNear(others) {
      // No border passes the other's box, so all of it lies where one vertex does.
      let v = other.vertices.lowerBound
      return locate(other.xy[2 * v], other.xy[2 * v + 1]) == .inside
    }
    switch other.dimension {
    case 0:
      for v in other.vertices where !meets(other.xy[2 * v], other.xy[2 * v + 1]) { return false }
      return true
    case 1:
      if dimension == 0 { return false }
      var contacts = Contacts(ofArea: dimension == 2)
      for ring in other.rings where !coversPath(other.vertices(ofRing: ring), of: other, &contacts) { return false }
      return true
    default:
      if dimension < 2 { return false }
      var contacts = Contacts(ofArea: dimension == 2)
      for part in 0..<other.partCount {
        let piece = other.part(part)
        if piece.isEmpty { continue }
        if partCount == 1 {
          if !self.part(0).partCovers(piece, &contacts) { return false }
        } else if !(0..<partCount).contains(where: { self.part($0).partCovers(piece, &contacts) }) {
          return false
        }
      }
      return true
    }
  }

  private func anyEdgeComesNear(_ box: Box2) -> Bool {
    let (x0, y0, x1, y1) = (box.min[0], box.min[1], box.max[0], box.max[1])
    for ring in rings {
      let vertices = vertices(ofRing: ring)
      guard let first = vertices.first else { continue }
      var (ax, ay) = (xy[2 * first], xy[2 * first + 1])
      for v in vertices.dropFirst() {
        let (bx, by) = (xy[2 * v], xy[2 * v + 1])
        if !((ax < x0 && bx < x0) || (ax > x1 && bx > x1) || (ay < y0 && by < y0) || (ay > y1 && by > y1)) {
          return true
        }
        (ax, ay) = (bx, by)
      }
    }
    return false
  }

  package func isCovered(by other: GeometryView) -> Bool { other.covers(self) }

  /// One polygon in one polygon.
  private func partCovers(_ other: GeometryView, _ contacts: inout Contacts) -> Bool {
    for ring in other.rings where !coversPath(other.vertices(ofRing: ring), of: other, &contacts) { return false }
    // The other's rings lie here, so each hole lies wholly inside or wholly outside of it.
    return !other.containsHole(of: self)
  }

  /// Whether a hole of the polygon `other`, which no ring of this polygon enters, lies inside this polygon.
  func containsHole(of other: GeometryView) -> Bool {
    for hole in other.rings.dropFirst() where containsHole(other.vertices(ofRing: hole), of: other) { return true }
    return false
  }

  func containsHole(_ vertices: Range<Int>, of other: GeometryView) -> Bool {
    var i = vertices.lowerBound
    while i + 1 < vertices.upperBound {
      let (ax, ay) = (other.xy[2 * i], other.xy[2 * i + 1])
      let (bx, by) = (other.xy[2 * i + 2], other.xy[2 * i + 3])
      if ax != bx || ay != by {
        // Just beside the hole's first edge, on the hole's side.
        return containsJustAfter(ax, ay, towards: bx, by, toTheLeft: other.isCounterClockwise(vertices))
      }
      i += 1
    }
    return false
  }

  private func coversPath(_ vertices: Range<Int>, of other: GeometryView, _ contacts: inout Contacts) -> Bool {
    guard let first = vertices.first else { return true }
    if vertices.count == 1 { return meets(other.xy[2 * first], other.xy[2 * first + 1]) }
    // Without any contact the path stays on the side where it starts.
    var placed = false
    for v in vertices.dropLast() {
      let (px, py) = (other.xy[2 * v], other.xy[2 * v + 1])
      let (qx, qy) = (other.xy[2 * v + 2], other.xy[2 * v + 3])
      contacts.reset()
      collectContacts(px, py, qx, qy, into: &contacts)
      if contacts.crossed { return false }
      if contacts.edges.isEmpty {
        if !placed {
          if dimension != 2 || locate(px, py) != .inside { return false }
          placed = true
        }
      } else {
        if !contacts.coverSegment(px, py, qx, qy, of: self) { return false }
        // The next clear segment follows this covered one.
        placed = dimension == 2
      }
    }
    return true
  }

  private func collectContacts(
    _ px: Double, _ py: Double, _ qx: Double, _ qy: Double, into contacts: inout Contacts
  ) {
    let (x0, y0, x1, y1) = (min(px, qx), min(py, qy), max(px, qx), max(py, qy))
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      let (ax, ay, bx, by) = (xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1])
      if (ax < x0 && bx < x0) || (ax > x1 && bx > x1) || (ay < y0 && by < y0) || (ay > y1 && by > y1) { continue }
      contacts.add(px, py, qx, qy, ax, ay, bx, by)
      if contacts.crossed { return }
    }
  }
}

extension Contacts {
  /// Whether the closed segment p–q, which touches these edges of `area` and crosses none, lies in `area`.
  ///
  /// All places where it can pass from one side to the other are vertices of either, so it is cut there, exactly, and
  /// each piece lies along an edge, or wholly inside or outside.
  func coverSegment(
    _ px: Double, _ py: Double, _ qx: Double, _ qy: Double, of area: GeometryView
  ) -> Bool {
    if px == qx && py == qy { return true }  // The contact itself.
    let alongX = abs(qx - px) >= abs(qy - py)
    var cuts: [(x: Double, y: Double)] = [(px, py), (qx, qy)]
    for i in stride(from: 0, to: edges.count, by: 2) {
      let (x, y) = (edges[i], edges[i + 1])
      if Segments.contains(px, py, qx, qy, x, y) { cuts.append((x, y)) }
    }
    // Collinear points are in order by either coordinate that differs.
    let ascending = alongX ? px < qx : py < qy
    cuts.sort { alongX ? ($0.x < $1.x) == ascending && $0.x != $1.x : ($0.y < $1.y) == ascending && $0.y != $1.y }
    var (sx, sy) = cuts[0]
    for (tx, ty) in cuts.dropFirst() where tx != sx || ty != sy {
      if !liesAlongEdge(sx, sy, tx, ty) {
        if area.dimension != 2 || !area.containsJustAfter(sx, sy, towards: tx, ty) { return false }
      }
      (sx, sy) = (tx, ty)
    }
    return true
  }

  private func liesAlongEdge(_ sx: Double, _ sy: Double, _ tx: Double, _ ty: Double) -> Bool {
    for i in stride(from: 0, to: edges.count, by: 4) {
      let (ax, ay, bx, by) = (edges[i], edges[i + 1], edges[i + 2], edges[i + 3])
      if Segments.contains(ax, ay, bx, by, sx, sy) && Segments.contains(ax, ay, bx, by, tx, ty) { return true }
    }
    return false
  }
}
