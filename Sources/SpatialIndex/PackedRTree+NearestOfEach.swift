extension PackedRTreeView {
  /// Calls `body` for each of many points with the `count` items whose boxes are nearest to it, nearest first, within
  /// `distance` (which counts); of equally near ones lower item numbers come first.
  ///
  /// Points that lie together share one search: what is near a group of them is found once and compared with each. So the
  /// points should come along a Hilbert curve.
  ///
  /// ```swift
  /// let order = HilbertOrder.order(ofPoints: coordinates)
  /// order.withUnsafeBufferPointer { order in
  ///   shelters.view.forEachNearest(to: coordinates, order: order, count: 1) { point, neighbours in … }
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - points: The coordinates, `D` for each point. A point with a coordinate that is not finite has no neighbours.
  ///   - order: Which points, in which order: the calls come in it. A slice of it is one thread's share.
  ///   - body: Gets the number of a point and its neighbours, valid during the call only.
  /// - Complexity: for crowded points a few comparisons each; never much more than a search each.
  @inlinable
  public func forEachNearest<E: Error>(
    to points: UnsafeBufferPointer<Double>, order: UnsafeBufferPointer<UInt32>, count: Int,
    within distance: Double = .infinity,
    _ body: (_ point: Int, _ neighbours: UnsafeBufferPointer<Neighbour>) throws(E) -> Void
  ) throws(E) {
    var list = NearestList(count: Swift.min(count, self.count))
    var group = PointGroup<D>()
    var size = 64
    var start = 0
    while start < order.count {
      let end = Swift.min(order.count, start + size)
      if end - start > 1, group.take(self, points, order, start..<end, within: distance, &list) {
        for i in start..<end {
          let point = Int(order[i])
          group.compare(points.baseAddress! + point &* D, within: distance, &list)
          try body(point, UnsafeBufferPointer(start: list.elements, count: list.size))
        }
        if group.count < 12, size < 512 { size *= 2 }
        start = end
      } else if end - start > 1 {
        // Too much is near so wide a group.
        size = Swift.max(1, size / 4)
      } else {
        let point = Int(order[start])
        let corner = points.baseAddress! + point &* D
        var target = Box<D>.empty
        for d in 0..<D {
          target.min[d] = corner[d]
          target.max[d] = corner[d].isFinite ? corner[d] : .nan
        }
        nearest(to: target, within: distance, into: &list)
        try body(point, UnsafeBufferPointer(start: list.elements, count: list.size))
        start = end
        if start & 31 == 0 { size = 4 }
      }
    }
  }
}

/// What is near a group of points: enough to answer for each of them.
@usableFromInline
struct PointGroup<let D: Int>: ~Copyable {
  @usableFromInline static var capacity: Int { 64 }

  /// Positions of the candidates.
  @usableFromInline let positions: UnsafeMutablePointer<Int>
  /// Their boxes: for each dimension the lower corners, then for each the upper ones, `capacity` apart.
  @usableFromInline let corners: UnsafeMutablePointer<Double>
  @usableFromInline let distances: UnsafeMutablePointer<Double>
  @usableFromInline var count = 0
  @usableFromInline var numbers: UnsafePointer<UInt32>? = nil

  @inlinable
  init() {
    positions = .allocate(capacity: Self.capacity)
    corners = .allocate(capacity: 2 * D * Self.capacity)
    corners.initialize(repeating: .nan, count: 2 * D * Self.capacity)
    distances = .allocate(capacity: Self.capacity)
  }

  @inlinable
  deinit {
    positions.deallocate()
    corners.deallocate()
    distances.deallocate()
  }

  /// Finds the candidates of a group; false when there are too many, or a point is not finite.
  ///
  /// No point of the group is farther from the middle of the group's box than half its diagonal, so what the middle has
  /// within some distance each point has within that and half the diagonal.
  @inlinable
  mutating func take(
    _ tree: PackedRTreeView<D>, _ points: UnsafeBufferPointer<Double>, _ order: UnsafeBufferPointer<UInt32>,
    _ range: Range<Int>, within distance: Double, _ list: inout NearestList
  ) -> Bool {
    count = 0
    numbers = tree.numbers
    var box = Box<D>.empty
    for i in range {
      let point = points.baseAddress! + Int(order[i]) &* D
      for d in 0..<D {
        let x = point[d]
        guard x.isFinite else { return false }
        if x < box.min[d] { box.min[d] = x }
        if x > box.max[d] { box.max[d] = x }
      }
    }
    var middle = box
    var squaredHalf = 0.0
    for d in 0..<D {
      let centre = box.min[d] * 0.5 + box.max[d] * 0.5
      let half = Swift.max(box.max[d] - centre, centre - box.min[d])
      squaredHalf += half * half
      (middle.min[d], middle.max[d]) = (centre, centre)
    }
    tree.nearest(to: middle, into: &list)
    guard list.size > 0 else { return true }
    var reach = distance
    if list.size == list.wanted {
      // Rounded up, because the sums above were rounded; and the box is widened for the same reason.
      reach = Swift.min(reach, (list.limit.squareRoot() + squaredHalf.squareRoot()) * (1 + 0x1p-40))
    }
    guard reach >= 0 else { return true }
    var n = 0
    let most = Self.capacity
    let (positions, corners) = (self.positions, self.corners)
    do throws(PointGroupOverflow) {
      try tree.visit(DistanceRegion(tree.widened(box), reach)) {
        (lower, upper, _) throws(PointGroupOverflow) in
        guard upper - lower <= most - n else { throw PointGroupOverflow() }
        for position in lower..<upper {
          let block = tree.block(level: 0, position &>> TreeLayout.shift) + (position & TreeLayout.mask)
          for d in 0..<D {
            corners[d &* most &+ n] = block[d &* TreeLayout.capacity]
            corners[(D &+ d) &* most &+ n] = block[tree.itemUpper &+ d &* TreeLayout.capacity]
          }
          positions[n] = position
          n &+= 1
        }
      }
    } catch { return false }
    // A last odd lane must not be near.
    if n < most { for d in 0..<2 * D { corners[d &* most &+ n] = .nan } }
    count = n
    return true
  }

  /// The nearest candidates of one point of the group.
  @inlinable @inline(__always)
  mutating func compare(_ point: UnsafePointer<Double>, within distance: Double, _ list: inout NearestList) {
    list.reset(within: distance)
    guard list.limit >= 0 else { return }
    var low = SIMD2<Double>(repeating: .infinity)
    let most = Self.capacity
    var i = 0
    while i < count {
      var sum = SIMD2<Double>()
      for d in 0..<D {
        let near = largest(
          pair(corners, d &* most &+ i) - point[d], point[d] - pair(corners, (D &+ d) &* most &+ i))
        let gap = near.replacing(with: 0, where: near .< 0)
        sum += gap * gap
      }
      UnsafeMutableRawPointer(distances + i).storeBytes(of: sum, as: SIMD2<Double>.self)
      low.replace(with: sum, where: sum .< low)
      i &+= 2
    }
    if list.wanted == 1 { list.limit = Swift.min(list.limit, low.min()) }
    for i in 0..<count where distances[i] <= list.limit { list.insert(positions[i], distances[i], numbers) }
    if let numbers {
      for i in 0..<list.size { list.elements[i].item = Int(numbers[list.elements[i].item]) }
    }
  }
}

@frozen @usableFromInline
struct PointGroupOverflow: Error {
  @inlinable init() {}
}
