/// Where a point lies with respect to an areal geometry.
package enum PointLocation: UInt8, Sendable { case outside, boundary, inside }

extension GeometryView {
  /// 0 for points, 1 for lines, 2 for polygons.
  @inline(__always)
  var dimension: Int {
    switch kind {
    case .point, .multiPoint: 0
    case .lineString, .multiLineString: 1
    default: 2
    }
  }

  /// One part as a geometry of its own, of the single kind.
  @inline(__always)
  func part(_ index: Int) -> GeometryView {
    let single: GeometryKind = dimension == 0 ? .point : dimension == 1 ? .lineString : .polygon
    return GeometryView(
      kind: single, xy: xy, z: z, ringOffsets: ringOffsets, partOffsets: partOffsets + index, partCount: 1)
  }

  /// Where (x, y) lies with respect to the closed ring `ring`, exactly; even-odd for rings that cross themselves.
  ///
  /// - Complexity: O(vertices), no allocation.
  @inline(__always)
  func locate(_ x: Double, _ y: Double, inRing ring: Int) -> PointLocation {
    let vertices = vertices(ofRing: ring)
    guard !vertices.isEmpty else { return .outside }
    var inside = false
    var p = xy + 2 * vertices.lowerBound
    let end = xy + 2 * (vertices.upperBound - 1)
    var x0 = p[0]
    var y0 = p[1]
    var above0 = y0 > y
    if p == end { return x0 == x && y0 == y ? .boundary : .outside }
    repeat {
      p += 2
      let x1 = p[0]
      let y1 = p[1]
      let above1 = y1 > y
      if above0 != above1 {
        // The edge passes the height of the point, its lower end included.
        if x0 > x && x1 > x {
          inside.toggle()
        } else if x0 >= x || x1 >= x {
          let side = Orientation.turn(x0, y0, x1, y1, x, y)
          if side == 0 { return .boundary }
          if (side > 0) == above1 { inside.toggle() }
        }
      } else if y1 == y {
        if x1 == x { return .boundary }
        if y0 == y && (x0 <= x) != (x1 < x) { return .boundary }
      }
      x0 = x1
      y0 = y1
      above0 = above1
    } while p != end
    return inside ? .inside : .outside
  }

  /// Where (x, y) lies with respect to a polygon or multipolygon, exactly. A point on any ring is on the boundary,
  /// unless another part has it inside.
  func locate(_ x: Double, _ y: Double) -> PointLocation {
    var result = PointLocation.outside
    for part in 0..<partCount {
      switch locate(x, y, inPart: part) {
      case .inside: return .inside
      case .boundary: result = .boundary
      case .outside: break
      }
    }
    return result
  }

  @inline(__always)
  func locate(_ x: Double, _ y: Double, inPart part: Int) -> PointLocation {
    let rings = rings(ofPart: part)
    guard !rings.isEmpty else { return .outside }
    let outer = locate(x, y, inRing: rings.lowerBound)
    if outer != .inside { return outer }
    var ring = rings.lowerBound + 1
    while ring < rings.upperBound {
      switch locate(x, y, inRing: ring) {
      case .inside: return .outside
      case .boundary: return .boundary
      case .outside: ring += 1
      }
    }
    return .inside
  }

  /// Whether the closed geometry has (x, y), exactly.
  func meets(_ x: Double, _ y: Double) -> Bool {
    switch dimension {
    case 0:
      for v in vertices where xy[2 * v] == x && xy[2 * v + 1] == y { return true }
      return false
    case 1:
      var edges = EdgeCursor(self)
      while let (a, b) = edges.next() {
        if Segments.contains(xy[2 * a], xy[2 * a + 1], xy[2 * b], xy[2 * b + 1], x, y) { return true }
      }
      return false
    default: return locate(x, y) != .outside
    }
  }

  /// Whether the point just after p on the way to q, moved a trifle to the left or right of that way, lies inside
  /// this polygon or multipolygon. Decided exactly by casting the ray p → q: what passes through p itself lies
  /// behind the point, and what lies along the ray lies on the other side of the trifle.
  func containsJustAfter(
    _ px: Double, _ py: Double, towards qx: Double, _ qy: Double, toTheLeft: Bool = true
  ) -> Bool {
    for part in 0..<partCount {
      var inside = false
      for ring in rings(ofPart: part) {
        let vertices = vertices(ofRing: ring)
        guard var v = vertices.first else { continue }
        var (ux, uy) = (xy[2 * v], xy[2 * v + 1])
        var side = Orientation.turn(px, py, qx, qy, ux, uy)
        var uLeft = side > 0 || (side == 0 && !toTheLeft)
        v += 1
        while v < vertices.upperBound {
          let (wx, wy) = (xy[2 * v], xy[2 * v + 1])
          side = Orientation.turn(px, py, qx, qy, wx, wy)
          let wLeft = side > 0 || (side == 0 && !toTheLeft)
          if uLeft != wLeft {
            let ahead = Orientation.turn(ux, uy, wx, wy, px, py)
            if wLeft ? ahead > 0 : ahead < 0 { inside.toggle() }
          }
          (ux, uy, uLeft) = (wx, wy, wLeft)
          v += 1
        }
      }
      if inside { return true }
    }
    return false
  }
}

/// Walks the edges of a geometry as pairs of vertex indices. A point is an edge from a vertex to itself.
struct EdgeCursor {
  private let ringOffsets: UnsafePointer<UInt32>
  private var ring: Int
  private let ringEnd: Int
  private var vertex = 0
  private var last = -1

  @inline(__always)
  init(_ view: GeometryView) {
    ringOffsets = view.ringOffsets
    if view.partCount == 0 {
      (ring, ringEnd) = (0, 0)
    } else {
      (ring, ringEnd) = (view.rings.lowerBound, view.rings.upperBound)
    }
  }

  @inline(__always)
  mutating func next() -> (Int, Int)? {
    while vertex >= last {
      if ring == ringEnd { return nil }
      vertex = Int(ringOffsets[ring])
      last = Int(ringOffsets[ring + 1]) - 1
      ring += 1
      if vertex == last {
        last = vertex - 1
        return (vertex, vertex)
      }
    }
    vertex += 1
    return (vertex - 1, vertex)
  }
}
