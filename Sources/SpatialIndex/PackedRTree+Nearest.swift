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

}

/// The nearest items of a search, in order, and its working memory. Kept between searches, it saves an allocation for
/// each.
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
  @usableFromInline var frontier = Frontier()

  public init(count: Int, withTies: Bool = false) {
    wanted = Swift.max(0, count)
    self.withTies = withTies
    capacity = Swift.min(wanted, 1 << 16) + 1
    elements = .allocate(capacity: capacity)
  }

  @inlinable deinit { elements.deallocate() }

  /// How many there are: fewer than wanted when there were no more.
  @inlinable public var count: Int { size }

  /// The neighbour at a position, nearest first.
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

  /// Takes an item in at its place if it is near enough. `numbers` turns what is listed into item numbers, which decide
  /// between equally near ones.
  @inlinable @inline(__always)
  mutating func insert(_ position: Int, _ squaredDistance: Double, _ numbers: UnsafePointer<UInt32>?) {
    guard squaredDistance <= limit else { return }
    func precedes(_ other: Neighbour) -> Bool {
      if squaredDistance != other.squaredDistance { return squaredDistance < other.squaredDistance }
      if let numbers { return numbers[position] < numbers[other.item] }
      return position < other.item
    }
    if size >= wanted, !withTies, !precedes(elements[size &- 1]) { return }
    if size == capacity { grow() }
    var at = size
    while at > 0, precedes(elements[at &- 1]) {
      elements[at] = elements[at &- 1]
      at &-= 1
    }
    elements[at] = Neighbour(item: position, squaredDistance: squaredDistance)
    size &+= 1
    guard size >= wanted else { return }
    limit = elements[wanted &- 1].squaredDistance
    if withTies {
      while elements[size &- 1].squaredDistance > limit { size &-= 1 }
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

/// The opened blocks of a best-first search: the distances of their entries, those already visited being NaN, and the
/// least of each block. A queue of blocks is a sixteenth as long as one of entries, so it is simply scanned.
@usableFromInline
struct Frontier: ~Copyable {
  @usableFromInline var distances: UnsafeMutablePointer<Double>
  @usableFromInline var least: UnsafeMutablePointer<Double>
  @usableFromInline var blocks: UnsafeMutablePointer<(level: Int, index: Int)>
  @usableFromInline var count = 0
  @usableFromInline var capacity = 32

  @usableFromInline
  init() {
    // One row more than `capacity`, to fill before it is taken in.
    distances = .allocate(capacity: (capacity + 1) * TreeLayout.capacity)
    least = .allocate(capacity: capacity)
    blocks = .allocate(capacity: capacity)
  }

  @inlinable deinit {
    distances.deallocate()
    least.deallocate()
    blocks.deallocate()
  }

  @usableFromInline
  mutating func grow() {
    let old = (distances, least, blocks)
    distances = .allocate(capacity: (2 * capacity + 1) * TreeLayout.capacity)
    least = .allocate(capacity: 2 * capacity)
    blocks = .allocate(capacity: 2 * capacity)
    distances.update(from: old.0, count: (capacity + 1) * TreeLayout.capacity)
    least.update(from: old.1, count: capacity)
    blocks.update(from: old.2, count: capacity)
    old.0.deallocate()
    old.1.deallocate()
    old.2.deallocate()
    capacity *= 2
  }

  /// The row behind the last one.
  @inlinable @inline(__always)
  var spare: UnsafeMutablePointer<Double> { distances + count &* TreeLayout.capacity }

  /// Takes the spare row in.
  @inlinable @inline(__always)
  mutating func append(level: Int, index: Int, least value: Double) {
    least[count] = value
    blocks[count] = (level, index)
    count &+= 1
    if count == capacity { grow() }
  }

  /// The row with the least distance; nil when there are none.
  @inlinable @inline(__always)
  var nearest: Int? {
    guard count > 0 else { return nil }
    var row = 0
    var other = 1
    while other < count {
      if least[other] < least[row] { row = other }
      other &+= 1
    }
    return row
  }

  /// Takes the nearest entry out of `row`, and the row itself once it has none or none as near as `limit`; nil when it
  /// had none.
  @inlinable @inline(__always)
  mutating func removeNearest(of row: Int, limit: Double) -> (level: Int, entry: Int)? {
    let values = distances + row &* TreeLayout.capacity
    let value = least[row]
    var bits = SIMD2<Int64>()
    for i in 0..<8 { bits |= laneBits(pair(values, 2 &* i) .== value, i) }
    let lanes = UInt32(truncatingIfNeeded: bits[0] | bits[1])
    let (level, index) = blocks[row]
    if lanes == 0 {
      remove(row)
      return nil
    }
    let lane = lanes.trailingZeroBitCount
    values[lane] = .nan
    if lanes & (lanes &- 1) == 0 {
      var low = SIMD2<Double>(repeating: .infinity)
      for i in 0..<8 {
        let next = pair(values, 2 &* i)
        low.replace(with: next, where: next .< low)
      }
      let next = low[0] < low[1] ? low[0] : low[1]
      least[row] = next
      if !(next <= limit) { remove(row) }
    }
    return (level, index &<< TreeLayout.shift | lane)
  }

  @inlinable @inline(__always)
  mutating func remove(_ row: Int) {
    count &-= 1
    guard row != count else { return }
    (distances + row &* TreeLayout.capacity).update(from: spare, count: TreeLayout.capacity)
    least[row] = least[count]
    blocks[row] = blocks[count]
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
    collectNearest(to: target, oneByOne: false, &list) { _, squared in squared }
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
    try collectNearest(to: widened(target), oneByOne: true, &list) { (position, _) throws(E) in
      try squaredDistance(item(at: position)) ?? .nan
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

  /// Best first: always the nearest entry of all blocks opened so far, so no block is opened which the answer does not
  /// reach. Items are taken whole blocks at a time, or `oneByOne` in their order when measuring is dear.
  @inlinable @inline(__always)
  func collectNearest<E: Error>(
    to target: Box<D>, oneByOne: Bool, _ list: inout NearestList,
    _ measure: (_ position: Int, _ squaredBoxDistance: Double) throws(E) -> Double
  ) throws(E) {
    guard height > 0, list.limit >= 0, !target.isEmpty else { return }
    list.frontier.count = 0
    var (level, index) = (height &- 1, 0)
    while true {
      let row = list.frontier.spare
      let least = distances(to: target, level: level, index, into: row)
      if level > 0 || oneByOne {
        if least <= list.limit { list.frontier.append(level: level, index: index, least: least) }
      } else if least <= list.limit {
        let limit = list.limit
        var bits = SIMD2<Int64>()
        for i in 0..<8 { bits |= laneBits(pair(row, 2 &* i) .<= limit, i) }
        var near = UInt32(truncatingIfNeeded: bits[0] | bits[1])
        while near != 0 {
          let lane = near.trailingZeroBitCount
          near &= near &- 1
          let position = index &<< TreeLayout.shift | lane
          list.insert(position, try measure(position, row[lane]), numbers)
        }
      }
      // The nearest node of the frontier is opened next; items on the way are measured.
      while true {
        guard let row = list.frontier.nearest, list.frontier.least[row] <= list.limit else {
          if let numbers {
            for i in 0..<list.size { list.elements[i].item = Int(numbers[list.elements[i].item]) }
          }
          return
        }
        let least = list.frontier.least[row]
        guard let (parent, entry) = list.frontier.removeNearest(of: row, limit: list.limit) else { continue }
        if parent > 0 {
          (level, index) = (parent &- 1, entry)
          break
        }
        list.insert(entry, try measure(entry, least), numbers)
      }
    }
  }

  /// Writes the squared distances of the entries of a block into `row`, NaN where there is none, and gives the least.
  @inlinable @inline(__always)
  func distances(
    to target: Box<D>, level: Int, _ index: Int, into row: UnsafeMutablePointer<Double>
  ) -> Double {
    let block = block(level: level, index)
    let upper = upperOffset(level: level)
    var low = SIMD2<Double>(repeating: .infinity)
    for i in 0..<8 {
      let squared = squaredDistances(to: target, block, upper: upper, i)
      UnsafeMutableRawPointer(row + 2 &* i).storeBytes(of: squared, as: SIMD2<Double>.self)
      low.replace(with: squared, where: squared .< low)
    }
    var lanes = lanes(level: level, index)
    if level == 0, hasHoles { lanes = withoutHoles(lanes, block) }
    if lanes == 0xffff { return low[0] < low[1] ? low[0] : low[1] }
    var least = Double.infinity
    for lane in 0..<TreeLayout.capacity {
      if lanes &>> UInt32(truncatingIfNeeded: lane) & 1 == 0 {
        row[lane] = .nan
      } else if row[lane] < least {
        least = row[lane]
      }
    }
    return least
  }
}
