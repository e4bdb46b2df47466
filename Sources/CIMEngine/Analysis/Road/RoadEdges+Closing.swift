internal import SpatialIndex

extension RoadEdges {
  /// The streets without what lies inside the areas, boundaries included. A street that runs through an area is cut at
  /// its edge: its dry ends stay open as far as they go, and nothing passes.
  func closed(by areas: [Geometry]) -> RoadEdges {
    let closers = areas.flatMap(\.polygonal).filter { !$0.isEmpty }.map { AreaCutter($0) }
    if closers.isEmpty { return self }
    let areaTree = PackedRTree<2>(closers.map(\.box))
    var result = RoadEdges.empty
    result.nodeCount = nodeCount
    var near: [Int] = []
    for e in 0..<count {
      let vertices = Int(start[e])..<Int(start[e + 1])
      near.removeAll(keepingCapacity: true)
      areaTree.forEach(meeting: box(vertices)) { near.append($0) }
      if near.isEmpty {
        result.append(
          from: from[e], to: to[e], isApart: isApart[e], Array(xy[2 * vertices.lowerBound..<2 * vertices.upperBound]))
      } else {
        appendOpen(e, vertices, near.sorted().map { closers[$0] }, to: &result)
      }
    }
    return result
  }

  private func box(_ vertices: Range<Int>) -> Box2 {
    var box = Box2.empty
    for v in vertices { box = box.union(Box2(xy[2 * v], xy[2 * v + 1], xy[2 * v], xy[2 * v + 1])) }
    return box
  }

  private func appendOpen(_ e: Int, _ vertices: Range<Int>, _ areas: [AreaCutter], to result: inout RoadEdges) {
    var piece: [Double] = []
    var begin: UInt32?
    func newNode() -> UInt32 {
      result.nodeCount += 1
      return UInt32(result.nodeCount - 1)
    }
    func finish(_ end: UInt32?) {
      if piece.count >= 4 {
        let first = begin ?? newNode()
        result.append(from: first, to: end ?? newNode(), isApart: isApart[e], piece)
      }
      piece = []
      begin = nil
    }
    for v in vertices.dropLast() {
      let (ax, ay, bx, by) = (xy[2 * v], xy[2 * v + 1], xy[2 * v + 2], xy[2 * v + 3])
      var cuts = [0.0, 1.0]
      for area in areas { area.cut(ax, ay, bx, by, into: &cuts) }
      cuts.sort()
      for (low, high) in zip(cuts, cuts.dropFirst()) where high > low {
        let middle = (low + high) / 2
        let (mx, my) = (ax + (bx - ax) * middle, ay + (by - ay) * middle)
        if areas.contains(where: { $0.covers(mx, my) }) {
          finish(nil)
          continue
        }
        if piece.isEmpty {
          piece = [ax + (bx - ax) * low, ay + (by - ay) * low]
          if low == 0, v == vertices.lowerBound { begin = from[e] }
        }
        piece.append(high == 1 ? bx : ax + (bx - ax) * high)
        piece.append(high == 1 ? by : ay + (by - ay) * high)
        if high == 1, v == vertices.upperBound - 2 { finish(to[e]) }
      }
    }
    finish(nil)
  }
}

/// An area that closes streets: where segments cross its edge, and what lies in it.
private final class AreaCutter: Sendable {
  let box: Box2
  private let prepared: PreparedGeometry
  private let segments: [(Double, Double, Double, Double)]
  private let tree: PackedRTree<2>

  init(_ geometry: Geometry) {
    prepared = PreparedGeometry(geometry)
    box = geometry.box ?? .empty
    var segments: [(Double, Double, Double, Double)] = []
    for ring in 0..<max(geometry.ringOffsets.count - 1, 0) {
      let (start, end) = (Int(geometry.ringOffsets[ring]), Int(geometry.ringOffsets[ring + 1]))
      for v in start..<max(start, end - 1) {
        segments.append(
          (geometry.xy[2 * v], geometry.xy[2 * v + 1], geometry.xy[2 * v + 2], geometry.xy[2 * v + 3]))
      }
    }
    self.segments = segments
    tree = PackedRTree(segments.map { Box2(min($0.0, $0.2), min($0.1, $0.3), max($0.0, $0.2), max($0.1, $0.3)) })
  }

  func covers(_ x: Double, _ y: Double) -> Bool { prepared.locate(x, y) != .outside }

  /// Adds the places, as shares of the way from a to b, where the segment meets the edge of the area.
  func cut(_ ax: Double, _ ay: Double, _ bx: Double, _ by: Double, into cuts: inout [Double]) {
    let window = Box2(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
    let (dx, dy) = (bx - ax, by - ay)
    let length = dx * dx + dy * dy
    guard length > 0, window.intersects(box) else { return }
    var found: [Double] = []
    tree.forEach(meeting: window) { item in
      let (cx, cy, ex, ey) = segments[item]
      // Ends of the area's edge that lie on the segment, and the crossing itself.
      let (fx, fy) = (ex - cx, ey - cy)
      let cross = dx * fy - dy * fx
      if cross != 0 {
        let t = ((cx - ax) * fy - (cy - ay) * fx) / cross
        let s = ((cx - ax) * dy - (cy - ay) * dx) / cross
        if t > 0, t < 1, s >= -1e-9, s <= 1 + 1e-9 { found.append(t) }
      } else {
        for (px, py) in [(cx, cy), (ex, ey)] {
          let t = ((px - ax) * dx + (py - ay) * dy) / length
          if t > 0, t < 1 { found.append(t) }
        }
      }
    }
    cuts += found
  }
}

extension Geometry {
  /// The polygons of a geometry, those of a collection's members included.
  fileprivate var polygonal: [Geometry] {
    switch kind {
    case .polygon, .multiPolygon: [self]
    case .geometryCollection: members.flatMap(\.polygonal)
    default: []
    }
  }
}
