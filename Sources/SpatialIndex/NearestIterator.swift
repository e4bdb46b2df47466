/// Items in order of distance, one at a time, for as long as the caller likes: best first by box, with the caller's exact
/// distances taken in.
///
/// ```swift
/// var nearest = NearestIterator(tree.view, to: Box2(x, y, x, y))
/// while let next = nearest.next(squaredDistance: { item in measure(item) }) { … }
/// ```
///
/// Of equally near items lower numbers come first. The tree must outlive the iterator.
///
/// - Complexity: O(log n) for each item while boxes barely overlap; memory for the nodes opened so far.
public struct NearestIterator<let D: Int> {
  @usableFromInline let tree: PackedRTreeView<D>
  @usableFromInline let target: Box<D>
  @usableFromInline let widened: Box<D>
  @usableFromInline let limit: Double
  /// A binary heap, least first.
  @usableFromInline var heap: [Entry] = []

  /// A node, an item known by its box, or an item with its exact distance; at equal distances in this order, so that
  /// nothing is reported before everything that might tie with it is known.
  @frozen @usableFromInline
  struct Entry {
    @usableFromInline let squaredDistance: Double
    /// Kind in the top bits; level and entry number, position or item number below.
    @usableFromInline let code: UInt64

    @inlinable
    init(_ squaredDistance: Double, _ code: UInt64) {
      self.squaredDistance = squaredDistance
      self.code = code
    }

    @inlinable
    func precedes(_ other: Entry) -> Bool {
      squaredDistance < other.squaredDistance || (squaredDistance == other.squaredDistance && code < other.code)
    }
  }

  @usableFromInline static var boxed: UInt64 { 1 << 62 }
  @usableFromInline static var measured: UInt64 { 2 << 62 }

  @inlinable
  public init(_ tree: PackedRTreeView<D>, to target: Box<D>, within distance: Double = .infinity) {
    self.tree = tree
    self.target = target
    widened = tree.widened(target)
    limit = distance >= 0 ? distance * distance : -1
    if tree.height > 0, limit >= 0, !target.isEmpty { heap.append(Entry(0, UInt64(tree.height) << 40)) }
  }

  /// The next item by the distance of its box.
  @inlinable
  public mutating func next() -> Neighbour? { advance(from: target) { _, squared in squared } }

  /// The next item by the caller's measure of the square of its distance; see
  /// ``PackedRTreeView/nearest(to:count:within:withTies:squaredDistance:)``. Each item is measured once at most; nil
  /// leaves it out.
  ///
  /// The measure must be the same in all calls on one iterator.
  @inlinable
  public mutating func next<E: Error>(
    squaredDistance: (_ item: Int) throws(E) -> Double?
  ) throws(E) -> Neighbour? {
    try advance(from: widened) { (item, _) throws(E) in try squaredDistance(item) ?? .nan }
  }

  @inlinable
  mutating func advance<E: Error>(
    from target: Box<D>, _ measure: (_ item: Int, _ squaredBoxDistance: Double) throws(E) -> Double
  ) throws(E) -> Neighbour? {
    while let first = heap.first {
      if first.code >= Self.measured {
        removeFirst()
        return Neighbour(item: Int(first.code & ~Self.measured), squaredDistance: first.squaredDistance)
      }
      if first.code >= Self.boxed {
        let item = tree.item(at: Int(first.code & ~Self.boxed))
        let squared = try measure(item, first.squaredDistance)
        removeFirst()
        if squared <= limit { insert(Entry(squared, Self.measured | UInt64(item))) }
        continue
      }
      removeFirst()
      open(level: Int(first.code >> 40) - 1, Int(first.code & (1 << 40 - 1)), target)
    }
    return nil
  }

  /// Puts the entries of a block into the heap.
  @inlinable
  mutating func open(level: Int, _ index: Int, _ target: Box<D>) {
    let block = tree.block(level: level, index)
    let upper = tree.upperOffset(level: level)
    var lanes = tree.lanes(level: level, index)
    if level == 0, tree.hasHoles { lanes = tree.withoutHoles(lanes, block) }
    for i in 0..<8 {
      let squared = squaredDistances(to: target, block, upper: upper, i)
      for half in 0..<2 where lanes >> UInt32(2 * i + half) & 1 == 1 && squared[half] <= limit {
        let entry = UInt64(index << TreeLayout.shift | 2 * i + half)
        insert(Entry(squared[half], level == 0 ? Self.boxed | entry : UInt64(level) << 40 | entry))
      }
    }
  }

  @inlinable
  mutating func insert(_ entry: Entry) {
    var at = heap.count
    heap.append(entry)
    while at > 0 {
      let parent = (at - 1) / 2
      guard entry.precedes(heap[parent]) else { break }
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = entry
  }

  @inlinable
  mutating func removeFirst() {
    let last = heap.removeLast()
    let count = heap.count
    guard count > 0 else { return }
    var at = 0
    while true {
      var child = 2 * at + 1
      guard child < count else { break }
      if child + 1 < count, heap[child + 1].precedes(heap[child]) { child += 1 }
      guard heap[child].precedes(last) else { break }
      heap[at] = heap[child]
      at = child
    }
    heap[at] = last
  }
}
