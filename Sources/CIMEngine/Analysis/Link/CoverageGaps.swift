internal import Glibc
internal import SpatialIndex

/// The gaps between polygons that are meant to cover an area without any: rings of edges that only one polygon has, with
/// polygons all around them.
///
/// Edges are compared by their exact end points, as neighbours of a sound coverage share them. Where an edge meets two
/// shorter ones of its neighbour the ring between them has no area, and is left out. Gaps beside overlaps, whose edges
/// cross without a common point, are not found here.
struct CoverageGaps {
  /// Each gap as a polygon without holes, in no order.
  private(set) var rings: [Geometry] = []
  private var boxes: [Box2] = []

  /// Areas up to this are taken for rounding, in square metres.
  static let leastArea = 1e-6

  /// - Complexity: O(n log n) in the vertices.
  init(count: Int, shape: (Int) -> GeometryView?) {
    var vertices = VertexTable()
    // The smaller number first; the lowest bit says whether the edge runs the other way round.
    var edges: [(key: UInt64, isReversed: Bool)] = []
    for row in 0..<count {
      guard let view = shape(row) else { continue }
      for part in 0..<view.partCount {
        for (i, ring) in view.rings(ofPart: part).enumerated() {
          let range = view.vertices(ofRing: ring)
          if range.count < 4 { continue }
          // The covered side is on the left: outer rings counter-clockwise, holes clockwise.
          let turned = view.isCounterClockwise(range) != (i == 0)
          var last = vertices.number(view.xy[2 * range.lowerBound], view.xy[2 * range.lowerBound + 1])
          for v in range.dropFirst() {
            let next = vertices.number(view.xy[2 * v], view.xy[2 * v + 1])
            if next != last {
              let (a, b) = turned ? (next, last) : (last, next)
              edges.append((UInt64(min(a, b)) << 32 | UInt64(max(a, b)), a > b))
            }
            last = next
          }
        }
      }
    }
    edges.sort { $0.key < $1.key }
    // What runs both ways is shared.
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    var i = 0
    while i < edges.count {
      var balance = 0
      let key = edges[i].key
      while i < edges.count, edges[i].key == key {
        balance += edges[i].isReversed ? -1 : 1
        i += 1
      }
      let (low, high) = (UInt32(key >> 32), UInt32(truncatingIfNeeded: key))
      for _ in 0..<abs(balance) {
        starts.append(balance > 0 ? low : high)
        ends.append(balance > 0 ? high : low)
      }
    }
    trace(starts, ends, vertices)
  }

  /// Follows the edges so that what is not covered stays on the right; rings that turn clockwise close around a gap.
  private mutating func trace(_ starts: [UInt32], _ ends: [UInt32], _ vertices: VertexTable) {
    let order = starts.indices.sorted { starts[$0] < starts[$1] }
    func outgoing(_ vertex: UInt32) -> Range<Int> {
      var (low, high) = (0, order.count)
      while low < high {
        let middle = (low + high) / 2
        if starts[order[middle]] < vertex { low = middle + 1 } else { high = middle }
      }
      var end = low
      while end < order.count, starts[order[end]] == vertex { end += 1 }
      return low..<end
    }
    var used = [Bool](repeating: false, count: starts.count)
    for first in starts.indices where !used[first] {
      var xy: [Double] = []
      var edge = first
      var isClosed = false
      while !used[edge] {
        used[edge] = true
        xy += [vertices.x[Int(starts[edge])], vertices.y[Int(starts[edge])]]
        if ends[edge] == starts[first] {
          isClosed = true
          break
        }
        var best: (edge: Int, turn: Double)?
        for slot in outgoing(ends[edge]) where !used[order[slot]] {
          let turn = Self.turn(edge, order[slot], starts, ends, vertices)
          if best == nil || turn < best!.turn { best = (order[slot], turn) }
        }
        guard let best else { break }
        edge = best.edge
      }
      guard isClosed, xy.count >= 6 else { continue }
      xy += [xy[0], xy[1]]
      let ring = Geometry.polygon([xy])
      let isGap = ring.withView { !$0.isCounterClockwise($0.vertices) && $0.area > Self.leastArea }
      if isGap, let box = ring.box {
        rings.append(ring)
        boxes.append(box)
      }
    }
  }

  /// How far the way turns to the left from one edge into the next: -π is sharply right.
  private static func turn(
    _ a: Int, _ b: Int, _ starts: [UInt32], _ ends: [UInt32], _ v: VertexTable
  ) -> Double {
    let (ax, ay) = (v.x[Int(ends[a])] - v.x[Int(starts[a])], v.y[Int(ends[a])] - v.y[Int(starts[a])])
    let (bx, by) = (v.x[Int(ends[b])] - v.x[Int(starts[b])], v.y[Int(ends[b])] - v.y[Int(starts[b])])
    return atan2(ax * by - ay * bx, ax * bx + ay * by)
  }

  /// Whether a point lies in a gap, edge included.
  func contains(_ x: Double, _ y: Double) -> Bool {
    rings.indices.contains { i in
      let box = boxes[i]
      guard x >= box.min[0], x <= box.max[0], y >= box.min[1], y <= box.max[1] else { return false }
      return rings[i].withView { $0.locate(x, y) != .outside }
    }
  }
}

/// Points numbered in the order in which they come, equal ones once.
private struct VertexTable {
  private(set) var x: [Double] = []
  private(set) var y: [Double] = []
  private var slots = [UInt32](repeating: .max, count: 1 << 12)

  mutating func number(_ px: Double, _ py: Double) -> UInt32 {
    if x.count * 2 >= slots.count { grow() }
    var slot = Self.hash(px, py) & (slots.count - 1)
    while slots[slot] != .max {
      let known = Int(slots[slot])
      if x[known] == px && y[known] == py { return UInt32(known) }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = UInt32(x.count)
    x.append(px)
    y.append(py)
    return slots[slot]
  }

  private mutating func grow() {
    slots = Array(repeating: .max, count: slots.count * 2)
    for i in x.indices {
      var slot = Self.hash(x[i], y[i]) & (slots.count - 1)
      while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(i)
    }
  }

  /// Zero has two bit patterns, which are equal.
  private static func hash(_ x: Double, _ y: Double) -> Int {
    let mixed = ((x + 0).bitPattern &* 0x9E37_79B9_7F4A_7C15) ^ ((y + 0).bitPattern &* 0xC2B2_AE3D_27D4_EB4F)
    return Int(truncatingIfNeeded: (mixed ^ (mixed >> 29)) >> 20)
  }
}
