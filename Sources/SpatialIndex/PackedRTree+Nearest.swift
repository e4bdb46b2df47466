/// An item and the square of its distance.
@frozen
public struct Neighbour: Sendable, Equatable {
  public var item: Int
  public var squaredDistance: Double

  @inlinable
  public init(item: Int, squaredDistance: Double) {
    self.item = item
    self.squaredDistance = squaredDistance
  }

  @inlinable public var distance: Double { squaredDistance.squareRoot() }

  /// Nearer first; of equally near ones the lower item number.
  @inlinable @inline(__always)
  func precedes(_ other: Neighbour) -> Bool {
    squaredDistance < other.squaredDistance || (squaredDistance == other.squaredDistance && item < other.item)
  }
}

/// The nearest items so far, in order. Kept between searches, it saves an allocation for each.
///
/// ```swift
/// var list = NearestList(count: 10)
/// for q in points {
///   tree.nearest(to: q, into: &list)
///   for i in 0..<list.count { … list[i] … }
/// }
/// ```
public struct NearestList: ~Copyable {
  /// How many are wanted.
  public let wanted: Int
  /// Whether all items as far as the last one wanted are kept, so that the caller can break ties by its own rule.
  public let withTies: Bool
  @usableFromInline var elements: UnsafeMutablePointer<Neighbour>
  @usableFromInline var capacity: Int
  @usableFromInline var size = 0
  /// Nothing farther than this can enter the list.
  @usableFromInline var limit = Double.infinity

  public init(count: Int, withTies: Bool = false) {
    wanted = Swift.max(0, count)
    self.withTies = withTies
    capacity = Swift.min(wanted, 1 << 16) + 1
    elements = .allocate(capacity: capacity)
  }

  deinit { elements.deallocate() }

  /// How many there are: fewer than wanted when there were no more.
  @inlinable public var count: Int { size }

  @inlinable
  public subscript(position: Int) -> Neighbour {
    precondition(position >= 0 && position < size)
    return elements[position]
  }

  @inlinable public var array: [Neighbour] { Array(UnsafeBufferPointer(start: elements, count: size)) }

  @inlinable
  mutating func reset(within distance: Double) {
    size = 0
    limit = wanted > 0 && distance >= 0 ? distance * distance : -1
  }

  /// Takes an item in at its place if it is near enough.
  @inlinable
  mutating func insert(_ item: Int, _ squaredDistance: Double) {
    guard squaredDistance <= limit else { return }
    let new = Neighbour(item: item, squaredDistance: squaredDistance)
    if size >= wanted, !withTies, !new.precedes(elements[size - 1]) { return }
    if size == capacity { grow() }
    var at = size
    while at > 0, new.precedes(elements[at - 1]) {
      elements[at] = elements[at - 1]
      at -= 1
    }
    elements[at] = new
    size += 1
    guard size >= wanted else { return }
    limit = elements[wanted - 1].squaredDistance
    if withTies {
      while elements[size - 1].squaredDistance > limit { size -= 1 }
    } else {
      size = wanted
    }
  }

  @usableFromInline
  mutating func grow() {
    let larger = UnsafeMutablePointer<Neighbour>.allocate(capacity: 2 * capacity)
    larger.moveInitialize(from: elements, count: size)
    elements.deallocate()
    elements = larger
    capacity *= 2
  }
}

extension PackedRTreeView {
  /// The `count` items whose boxes are nearest to `target` (a box or a single point), nearest first, within `distance`
  /// (which counts); of equally near ones lower item numbers come first.
  ///
  /// With `withTies` all items as far as the last one are returned as well, so there may be more than `count`.
  ///
  /// - Complexity: O(log n + count) for boxes that barely overlap. For more than some hundred, ``NearestIterator`` is
  ///   faster.
  @inlinable
  public func nearest(
    to target: Box<D>, count: Int, within distance: Double = .infinity, withTies: Bool = false
  ) -> [Neighbour] {
    var list = NearestList(count: Swift.min(count, self.count), withTies: withTies)
    nearest(to: target, within: distance, into: &list)
    return list.array
  }

  /// The nearest items by box, into a list that is used again.
  @inlinable
  public func nearest(to target: Box<D>, within distance: Double = .infinity, into list: inout NearestList) {
    list.reset(within: distance)
    collectNearest(to: target, sortingItems: false, &list) { _, squared in squared }
  }

  /// The `count` items nearest to `target` by the caller's own measure, nearest first.
  ///
  /// `squaredDistance` is asked for the square of the exact distance from `target` to what lies in an item's box, for as
  /// few items as possible; nil (or NaN) leaves an item out, so a filter applies before `count`. It must not be less than
  /// the distance of the box, but for rounding: boxes are taken to be nearer by 2⁻⁴⁶ of the largest coordinate.
  @inlinable
  public func nearest<E: Error>(
    to target: Box<D>, count: Int, within distance: Double = .infinity, withTies: Bool = false,
    squaredDistance: (_ item: Int) throws(E) -> Double?
  ) throws(E) -> [Neighbour] {
    var list = NearestList(count: Swift.min(count, self.count), withTies: withTies)
    try nearest(to: target, within: distance, into: &list, squaredDistance: squaredDistance)
    return list.array
  }

  /// The nearest items by the caller's own measure, into a list that is used again.
  @inlinable
  public func nearest<E: Error>(
    to target: Box<D>, within distance: Double = .infinity, into list: inout NearestList,
    squaredDistance: (_ item: Int) throws(E) -> Double?
  ) throws(E) {
    list.reset(within: distance)
    try collectNearest(to: widened(target), sortingItems: true, &list) { (item, _) throws(E) in
      try squaredDistance(item) ?? .nan
    }
  }

  /// `box` grown by more than what rounding takes from an exact distance.
  @inlinable
  func widened(_ box: Box<D>) -> Box<D> {
    var largest = 0.0
    for d in 0..<D {
      for coordinate in [box.min[d], box.max[d], bounds.min[d], bounds.max[d]] where coordinate.isFinite {
        largest = Swift.max(largest, coordinate.magnitude)
      }
    }
    return box.expanded(by: largest * 0x1p-46)
  }

  /// Depth first, nearest child first, with the list's limit cutting branches off.
  @inlinable @inline(__always)
  func collectNearest<E: Error>(
    to target: Box<D>, sortingItems: Bool, _ list: inout NearestList,
    _ measure: (_ item: Int, _ squaredBoxDistance: Double) throws(E) -> Double
  ) throws(E) {
    guard height > 0, list.limit >= 0, !target.isEmpty else { return }
    var distances = InlineArray<128, Double>(repeating: 0)
    var pending = InlineArray<8, UInt32>(repeating: 0)
    var (level, index) = (height - 1, 0)
    while true {
      let block = block(level: level, index)
      let upper = upperOffset(level: level)
      let row = level &* TreeLayout.capacity
      var bits = SIMD2<Int64>()
      let limit = list.limit
      for i in 0..<8 {
        let squared = squaredDistances(to: target, block, upper: upper, i)
        distances[unchecked: row &+ 2 &* i] = squared[0]
        distances[unchecked: row &+ 2 &* i &+ 1] = squared[1]
        bits |= laneBits(squared .<= limit, i)
      }
      var near = UInt32(truncatingIfNeeded: bits[0] | bits[1]) & lanes(level: level, index)
      if level == 0 {
        if hasHoles { near = withoutHoles(near, block) }
        let first = index << TreeLayout.shift
        while near != 0 {
          var lane = near.trailingZeroBitCount
          if sortingItems {
            var rest = near & (near &- 1)
            while rest != 0 {
              let other = rest.trailingZeroBitCount
              rest &= rest &- 1
              if distances[unchecked: row &+ other] < distances[unchecked: row &+ lane] { lane = other }
            }
          }
          near &= ~(1 &<< UInt32(truncatingIfNeeded: lane))
          let squared = distances[unchecked: row &+ lane]
          if squared <= list.limit {
            let item = item(at: first | lane)
            list.insert(item, try measure(item, squared))
          }
        }
        level = 1
        index >>= TreeLayout.shift
      } else {
        pending[unchecked: level] = near
      }
      // Up to the lowest level that still has a child near enough, and down to its nearest one.
      while true {
        guard level < height else { return }
        var rest = pending[unchecked: level]
        if rest != 0 {
          let row = level &* TreeLayout.capacity
          var lane = rest.trailingZeroBitCount
          let all = rest
          rest &= rest &- 1
          while rest != 0 {
            let other = rest.trailingZeroBitCount
            rest &= rest &- 1
            if distances[unchecked: row &+ other] < distances[unchecked: row &+ lane] { lane = other }
          }
          if distances[unchecked: row &+ lane] <= list.limit {
            pending[unchecked: level] = all & ~(1 &<< UInt32(truncatingIfNeeded: lane))
            level -= 1
            index = index << TreeLayout.shift | lane
            break
          }
        }
        level += 1
        index >>= TreeLayout.shift
      }
    }
  }
}
