/// A tree of boxes over triangles, halved at the middle of the longest side, for distances and rays inside one body or
/// one neighbourhood. (Whole layers are indexed by `PackedRTree<3>`.)
package struct TriangleTree: Sendable {
  package let triangles: [Triangle]
  private var nodes: [Node] = []

  /// A leaf holds `triangles[first..<first + count]`; another node has its children at `first` and `first + 1`.
  private struct Node: Sendable {
    var low, high: Point3
    var first: Int32
    var count: Int32
  }
  private static let leafSize = 4

  package init(_ input: [Triangle]) {
    guard !input.isEmpty else {
      triangles = []
      return
    }
    var order = Array(input.indices)
    let centres = input.map { $0.low + $0.high }
    var nodes = [Node(low: .zero, high: .zero, first: 0, count: 0)]
    var open = [(node: 0, range: 0..<input.count)]
    while let (node, range) = open.popLast() {
      var (low, high) = (input[order[range.lowerBound]].low, input[order[range.lowerBound]].high)
      var (least, most) = (centres[order[range.lowerBound]], centres[order[range.lowerBound]])
      for i in order[range] {
        low = pointwiseMin(low, input[i].low)
        high = pointwiseMax(high, input[i].high)
        least = pointwiseMin(least, centres[i])
        most = pointwiseMax(most, centres[i])
      }
      guard range.count > Self.leafSize else {
        nodes[node] = Node(low: low, high: high, first: Int32(range.lowerBound), count: Int32(range.count))
        continue
      }
      let span = most - least
      let axis = span.x >= span.y && span.x >= span.z ? 0 : span.y >= span.z ? 1 : 2
      order[range].sort { (centres[$0][axis], $0) < (centres[$1][axis], $1) }
      let middle = range.lowerBound + range.count / 2
      nodes[node] = Node(low: low, high: high, first: Int32(nodes.count), count: 0)
      open.append((nodes.count, range.lowerBound..<middle))
      open.append((nodes.count + 1, middle..<range.upperBound))
      nodes += [Node(low: .zero, high: .zero, first: 0, count: 0), Node(low: .zero, high: .zero, first: 0, count: 0)]
    }
    triangles = order.map { input[$0] }
    self.nodes = nodes
  }

  package var isEmpty: Bool { triangles.isEmpty }
  var low: Point3 { nodes.first?.low ?? Point3(repeating: .infinity) }
  var high: Point3 { nodes.first?.high ?? Point3(repeating: -.infinity) }

  /// The least squared distance to something in the box `low`…`high`, no greater than `bound`, by `measure` of the
  /// triangles whose boxes are near enough.
  func least(
    _ low: Point3, _ high: Point3, bound: Double, _ measure: (Triangle) -> Double
  ) -> Double {
    guard !nodes.isEmpty else { return bound }
    var best = bound
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 128) { stack in
      var top = 1
      stack[0] = 0
      while top > 0 {
        top -= 1
        let node = nodes[Int(stack[top])]
        if gap(node, low, high) >= best { continue }
        if node.count > 0 {
          for i in Int(node.first)..<Int(node.first + node.count) { best = Swift.min(best, measure(triangles[i])) }
          if best == 0 { return }
        } else {
          // The nearer child is looked at first: it lowers the bound for the other.
          let (left, right) = (nodes[Int(node.first)], nodes[Int(node.first) + 1])
          let leftIsNearer = gap(left, low, high) <= gap(right, low, high)
          stack[top] = node.first + (leftIsNearer ? 1 : 0)
          stack[top + 1] = node.first + (leftIsNearer ? 0 : 1)
          top += 2
        }
      }
    }
    return best
  }

  @inline(__always)
  private func gap(_ node: Node, _ low: Point3, _ high: Point3) -> Double {
    let d = pointwiseMax(Point3.zero, pointwiseMax(node.low - high, low - node.high))
    return dot(d, d)
  }

  /// Whether a segment passes through a triangle or touches one from a side.
  package func isHit(segment p: Point3, _ q: Point3) -> Bool {
    guard !nodes.isEmpty else { return false }
    let d = q - p
    let inverse = 1 / d
    return withUnsafeTemporaryAllocation(of: Int32.self, capacity: 128) { stack in
      var top = 1
      stack[0] = 0
      while top > 0 {
        top -= 1
        let node = nodes[Int(stack[top])]
        // The part of the segment within the box, side by side of the box.
        var (enter, leave) = (0.0, 1.0)
        var misses = false
        for axis in 0..<3 {
          if d[axis] == 0 {
            if p[axis] < node.low[axis] || p[axis] > node.high[axis] { misses = true }
            continue
          }
          let (s, t) = ((node.low[axis] - p[axis]) * inverse[axis], (node.high[axis] - p[axis]) * inverse[axis])
          enter = Swift.max(enter, Swift.min(s, t))
          leave = Swift.min(leave, Swift.max(s, t))
        }
        // Rounding must not open a gap between neighbouring boxes.
        if misses || enter > leave + 1e-12 { continue }
        if node.count > 0 {
          for i in Int(node.first)..<Int(node.first + node.count)
          where Distance3.meets(segment: p, q, triangles[i]) { return true }
        } else {
          stack[top] = node.first
          stack[top + 1] = node.first + 1
          top += 2
        }
      }
      return false
    }
  }
}
