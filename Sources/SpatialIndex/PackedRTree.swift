/// A static R-tree over boxes, built in one go and stored in one block of memory.
///
/// Items lie in Hilbert order, sixteen to a leaf; each node above has sixteen children. Nothing but boxes is stored:
/// which node is whose child follows from its number. The block of memory is the file format too: see ``withBytes(_:)``
/// and ``PackedRTreeView/init(bytes:)``.
///
/// ```swift
/// let tree = PackedRTree(boxes)                       // any order; items are the indices of `boxes`
/// tree.forEach(meeting: Box2(0, 0, 500, 500)) { item in … }
/// let nearest = tree.nearest(to: Box2(x, y, x, y), count: 5)
/// ```
///
/// A caller that keeps its rows in ``HilbertOrder`` builds with ``init(sortedBoxes:workers:)``: then an item's number is
/// its row, a node is a run of rows, and nothing is stored beside the boxes.
///
/// Boxes are closed: touching counts. A box that is empty or has a coordinate which is not finite keeps its item number
/// but is never found. All answers are exact on the doubles given. An index holds at most 2³² - 1 items.
public struct PackedRTree<let D: Int>: Sendable {
  /// The queries. Valid as long as this tree, or a copy of it, is alive.
  public let view: PackedRTreeView<D>
  @usableFromInline let storage: TreeStorage

  /// An index of boxes in any order: sorts them along the Hilbert curve and keeps the permutation, so that items are
  /// numbered as in `boxes`.
  ///
  /// - Complexity: O(n).
  @inlinable
  public init(_ boxes: UnsafeBufferPointer<Box<D>>, workers: Workers = .one) {
    self.init(TreeStorage(BoxSource(boxes), sorted: false, workers: workers))
  }

  @inlinable
  public init(_ boxes: [Box<D>], workers: Workers = .one) {
    self = boxes.withUnsafeBufferPointer { PackedRTree($0, workers: workers) }
  }

  /// An index of points in any order, in half the memory: x0, y0, x1, y1, … in 2D.
  @inlinable
  public init(points: UnsafeBufferPointer<Double>, workers: Workers = .one) {
    self.init(TreeStorage(BoxSource(points: points, dimensions: D), sorted: false, workers: workers))
  }

  /// An index of boxes whose order is kept: an item's number is its position.
  ///
  /// Any order gives right answers; ``HilbertOrder`` gives fast ones. Items without a place are best kept last: between
  /// others they cost ``PackedRTreeView/forEachRun(meeting:_:)`` its long runs.
  @inlinable
  public init(sortedBoxes boxes: UnsafeBufferPointer<Box<D>>, workers: Workers = .one) {
    self.init(TreeStorage(BoxSource(boxes), sorted: true, workers: workers))
  }

  @inlinable
  public init(sortedBoxes boxes: [Box<D>], workers: Workers = .one) {
    self = boxes.withUnsafeBufferPointer { PackedRTree(sortedBoxes: $0, workers: workers) }
  }

  /// An index of points whose order is kept: x0, y0, x1, y1, … in 2D.
  @inlinable
  public init(sortedPoints points: UnsafeBufferPointer<Double>, workers: Workers = .one) {
    self.init(TreeStorage(BoxSource(points: points, dimensions: D), sorted: true, workers: workers))
  }

  @usableFromInline
  init(_ storage: TreeStorage) {
    self.storage = storage
    view = PackedRTreeView(base: UnsafeRawPointer(storage.base), layout: storage.layout, bounds: storage.bounds)
  }

  /// How many items were given, those that are never found included.
  @inlinable public var count: Int { view.count }

  /// The box around all items; empty when there are none.
  @inlinable public var bounds: Box<D> { view.bounds }
}

/// Queries on a packed tree in memory that someone else keeps alive: a ``PackedRTree`` or a mapped file.
///
/// Copying a view copies a few pointers. A view may be used from any number of threads at once.
@frozen
public struct PackedRTreeView<let D: Int>: @unchecked Sendable {
  /// How many items were given, those that are never found included.
  public let count: Int
  /// The box around all items; empty when there are none.
  public let bounds: Box<D>
  /// Positions `0..<covered` lie in the tree; items without a place may lie behind.
  @usableFromInline let covered: Int
  /// Levels of blocks: 0 for an empty tree, 1 for up to sixteen items.
  @usableFromInline let height: Int
  /// Whether items without a place lie between others.
  @usableFromInline let hasHoles: Bool
  /// Doubles from the lower to the upper corners in a block of items: 0 when all items are points.
  @usableFromInline let itemUpper: Int
  /// Item numbers by position; nil when they are equal.
  @usableFromInline let numbers: UnsafePointer<UInt32>?
  /// The first block of each level; level 0 holds the items' own boxes.
  @usableFromInline let levels: InlineArray<8, UnsafePointer<Double>>

  @usableFromInline
  init(base: UnsafeRawPointer, layout: TreeLayout, bounds numbers: UnsafePointer<Double>) {
    precondition(layout.dimensions == D)
    var bounds = Box<D>.empty
    for d in 0..<D {
      bounds.min[d] = numbers[d]
      bounds.max[d] = numbers[D + d]
    }
    count = layout.count
    covered = layout.covered
    height = layout.height
    hasHoles = layout.hasHoles
    itemUpper = layout.isPoints ? 0 : D * TreeLayout.capacity
    self.numbers =
      layout.isSorted ? nil : (base + layout.numbersOffset).assumingMemoryBound(to: UInt32.self)
    var levels = InlineArray<8, UnsafePointer<Double>>(repeating: base.assumingMemoryBound(to: Double.self))
    for level in 0..<layout.height {
      levels[level] = (base + layout.levelOffset(level)).assumingMemoryBound(to: Double.self)
    }
    self.levels = levels
    self.bounds = bounds
  }

  /// Whether an item's number is its position in the tree.
  @inlinable public var isSorted: Bool { numbers == nil }

  /// The number of the item at `position`, in `0..<count`.
  @inlinable
  public func item(at position: Int) -> Int {
    if let numbers { return Int(numbers[position]) }
    return position
  }

  /// The box of the item at `position`; an empty box for an item without a place.
  @inlinable
  public func box(at position: Int) -> Box<D> {
    precondition(position >= 0 && position < count)
    guard position < covered else { return .empty }
    return entryBox(level: 0, position)
  }

  /// The box of entry `entry` of `level`; an empty box for an item without a place.
  @inlinable
  func entryBox(level: Int, _ entry: Int) -> Box<D> {
    let p = block(level: level, entry >> TreeLayout.shift) + (entry & TreeLayout.mask)
    let upper = upperOffset(level: level)
    var result = Box<D>.empty
    guard p[0] < .infinity else { return result }
    for d in 0..<D {
      result.min[d] = p[d * TreeLayout.capacity]
      result.max[d] = p[upper + d * TreeLayout.capacity]
    }
    return result
  }

  /// Block `index` of `level`: for each dimension sixteen lower, then for each dimension sixteen upper corners.
  @inlinable @inline(__always)
  func block(level: Int, _ index: Int) -> UnsafePointer<Double> {
    let width = level == 0 ? (itemUpper == 0 ? D : 2 * D) : 2 * D
    return levels[unchecked: level] + index * (width * TreeLayout.capacity)
  }

  @inlinable @inline(__always)
  func upperOffset(level: Int) -> Int { level == 0 ? itemUpper : D * TreeLayout.capacity }

  /// The lanes of a block that hold entries: all but in the last block of a level.
  @inlinable @inline(__always)
  func lanes(level: Int, _ index: Int) -> UInt32 {
    let entries = ((covered &- 1) &>> (TreeLayout.shift &* level)) &+ 1
    let left = entries &- index &* TreeLayout.capacity
    return left >= TreeLayout.capacity ? 0xffff : (1 &<< UInt32(truncatingIfNeeded: left)) &- 1
  }

  /// Takes items without a place out of a mask of lanes of a block of items.
  @inlinable
  func withoutHoles(_ mask: UInt32, _ block: UnsafePointer<Double>) -> UInt32 {
    var (result, rest) = (mask, mask)
    while rest != 0 {
      let lane = rest.trailingZeroBitCount
      rest &= rest &- 1
      if !(block[lane] < .infinity) { result &= ~(1 << UInt32(lane)) }
    }
    return result
  }
}

/// Where everything lies in a tree's block of memory; follows from a few numbers, so that a file cannot lie about it.
///
/// 128 bytes of header, the levels of blocks from the root down, then item numbers unless sorted. Little endian.
@usableFromInline
struct TreeLayout: Sendable {
  @inlinable static var capacity: Int { 16 }
  @inlinable static var shift: Int { 4 }
  @inlinable static var mask: Int { 15 }
  static var headerBytes: Int { 128 }

  @usableFromInline let dimensions: Int
  @usableFromInline let count: Int
  @usableFromInline let covered: Int
  @usableFromInline let isPoints: Bool
  @usableFromInline let isSorted: Bool
  @usableFromInline let hasHoles: Bool

  @usableFromInline
  var height: Int {
    guard covered > 0 else { return 0 }
    var (height, blocks) = (1, (covered + Self.mask) >> Self.shift)
    while blocks > 1 {
      blocks = (blocks + Self.mask) >> Self.shift
      height += 1
    }
    return height
  }

  /// Entries on `level`: items on level 0, nodes above.
  func entries(_ level: Int) -> Int { covered == 0 ? 0 : ((covered - 1) >> (Self.shift * level)) + 1 }
  func blocks(_ level: Int) -> Int { (entries(level) + Self.mask) >> Self.shift }
  func blockDoubles(_ level: Int) -> Int { (level == 0 && isPoints ? 1 : 2) * dimensions * Self.capacity }

  @usableFromInline
  func levelOffset(_ level: Int) -> Int {
    var offset = Self.headerBytes
    var above = height - 1
    while above > level {
      offset += blocks(above) * blockDoubles(above) * 8
      above -= 1
    }
    return offset
  }

  @usableFromInline
  var numbersOffset: Int {
    height == 0 ? Self.headerBytes : levelOffset(0) + blocks(0) * blockDoubles(0) * 8
  }
  var byteCount: Int { (numbersOffset + (isSorted ? 0 : 4 * count) + 63) & ~63 }
}

/// The memory of a tree, freed with its last owner.
@usableFromInline
final class TreeStorage: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let layout: TreeLayout
  var byteCount: Int { layout.byteCount }

  init(layout: TreeLayout) {
    self.layout = layout
    base = .allocate(byteCount: layout.byteCount, alignment: 64)
  }

  deinit { base.deallocate() }

  @usableFromInline
  init(_ source: BoxSource, sorted: Bool, workers: Workers) {
    precondition(source.count <= Int(UInt32.max), "an index holds at most 4,294,967,295 items")
    var covered = 0
    var hasHoles = false
    var frame: CurveFrame? = nil
    if sorted {
      var placed = 0
      for i in 0..<source.count where source.hasPlace(i) {
        placed += 1
        covered = i + 1
      }
      hasHoles = placed != covered
    } else {
      frame = CurveFrame(of: source, workers: workers)
      covered = frame!.placed
    }
    var isPoints = source.upper == 0
    if !isPoints {
      isPoints = true
      scan: for i in 0..<source.count where source.hasPlace(i) {
        let p = source.base + i * source.stride
        for d in 0..<source.dimensions where p[d] != p[d + source.upper] {
          isPoints = false
          break scan
        }
      }
    }
    layout = TreeLayout(
      dimensions: source.dimensions, count: source.count, covered: covered, isPoints: isPoints,
      isSorted: sorted, hasHoles: hasHoles)
    base = workers.allocate(byteCount: layout.byteCount)
    var order: UnsafeMutablePointer<UInt32>? = nil
    if let frame {
      order = (base + layout.numbersOffset).assumingMemoryBound(to: UInt32.self)
      // The memory of the items' boxes is free until they are written: fresh pages are what costs.
      let needed = HilbertOrder.scratchBytes(covered)
      let itemsOffset = layout.height > 0 ? layout.levelOffset(0) : 0
      if layout.height > 0, layout.numbersOffset - itemsOffset >= needed {
        HilbertOrder.sort(source, frame, into: order!, scratch: base + itemsOffset, workers: workers)
      } else {
        let scratch = workers.allocate(byteCount: needed)
        HilbertOrder.sort(source, frame, into: order!, scratch: scratch, workers: workers)
        scratch.deallocate()
      }
    }
    // A literal number of dimensions lets the compiler unroll the loops over them.
    switch layout.dimensions {
    case 2: fillLevels(source, order, workers, dimensions: 2)
    case 3: fillLevels(source, order, workers, dimensions: 3)
    case let dimensions: fillLevels(source, order, workers, dimensions: dimensions)
    }
    let end = layout.numbersOffset + (sorted ? 0 : 4 * layout.count)
    (base + end).initializeMemory(as: UInt8.self, repeating: 0, count: layout.byteCount - end)
    writeHeader()
  }

  @inline(__always)
  private func fillLevels(
    _ source: BoxSource, _ order: UnsafePointer<UInt32>?, _ workers: Workers, dimensions: Int
  ) {
    guard layout.height > 0 else { return }
    let capacity = TreeLayout.capacity
    nonisolated(unsafe) let order = order
    nonisolated(unsafe) let base = base
    let layout = layout
    let covered = layout.covered
    let itemUpper = layout.isPoints ? 0 : dimensions * capacity
    nonisolated(unsafe) let items = (base + layout.levelOffset(0)).assumingMemoryBound(to: Double.self)
    let itemDoubles = layout.blockDoubles(0)
    let hasHoles = layout.hasHoles
    let levelOneUpper = dimensions * capacity
    nonisolated(unsafe) let nodes =
      layout.height == 1
      ? nil : (base + layout.levelOffset(1)).assumingMemoryBound(to: Double.self)
    workers.split(layout.blocks(0), grain: capacity) { _, blocks in
      for block in blocks {
        let p = items + block &* itemDoubles
        let first = block &* capacity
        let n = Swift.min(capacity, covered &- first)
        if dimensions == 2, n == capacity, !hasHoles {
          let node = nodes.map { $0 + (block &>> TreeLayout.shift) &* (2 &* levelOneUpper) + (block & TreeLayout.mask) }
          if let order {
            Self.fillPlane(source, p, upper: itemUpper, node: node) { Int(order[first &+ $0]) }
          } else {
            Self.fillPlane(source, p, upper: itemUpper, node: node) { first &+ $0 }
          }
          continue
        }
        if let order {
          Self.gather(source, p, count: n, upper: itemUpper, dimensions: dimensions) { Int(order[first &+ $0]) }
        } else {
          Self.gather(source, p, count: n, upper: itemUpper, dimensions: dimensions) { first &+ $0 }
          if hasHoles {
            for lane in 0..<n where !source.hasPlace(first + lane) {
              Self.clear(p, lanes: lane..<lane + 1, upper: itemUpper, dimensions: dimensions)
            }
          }
        }
        if n < capacity { Self.clear(p, lanes: n..<capacity, upper: itemUpper, dimensions: dimensions) }
        // The block is in the cache: its own box now.
        if let nodes {
          let node = nodes + (block &>> TreeLayout.shift) &* (2 &* levelOneUpper) + (block & TreeLayout.mask)
          Self.enclose(p, upper: itemUpper, in: node, dimensions: dimensions)
        }
      }
    }
    for level in 1..<Swift.max(1, layout.height) {
      let upper = dimensions * capacity
      nonisolated(unsafe) let nodes = (base + layout.levelOffset(level)).assumingMemoryBound(to: Double.self)
      let entries = layout.entries(level)
      if level > 1 {
        nonisolated(unsafe) let below =
          UnsafePointer((base + layout.levelOffset(level - 1)).assumingMemoryBound(to: Double.self))
        (entries < 4096 ? Workers.one : workers).split(entries, grain: capacity) { _, entries in
          for entry in entries {
            let node = nodes + (entry &>> TreeLayout.shift) &* (2 &* upper) + (entry & TreeLayout.mask)
            Self.enclose(below + entry &* (2 &* upper), upper: upper, in: node, dimensions: dimensions)
          }
        }
      }
      let last = entries % capacity
      if last > 0 {
        let block = nodes + (entries / capacity) * (2 * upper)
        Self.clear(block, lanes: last..<capacity, upper: upper, dimensions: dimensions)
      }
    }
  }

  /// Copies the boxes of sixteen items, all with a place, into a block in the plane, and the box around them into a lane
  /// of the level above: kept in registers on the way, as reading back what was just written in halves would wait for it.
  @inline(__always)
  private static func fillPlane(
    _ source: BoxSource, _ p: UnsafeMutablePointer<Double>, upper: Int, node: UnsafeMutablePointer<Double>?,
    item: (Int) -> Int
  ) {
    let capacity = TreeLayout.capacity
    func store(_ a: Double, _ b: Double, _ at: Int) {
      UnsafeMutableRawPointer(p + at).storeBytes(of: SIMD2(a, b), as: SIMD2<Double>.self)
    }
    var low = SIMD2<Double>(repeating: .infinity)
    var high = SIMD2<Double>(repeating: -.infinity)
    var (otherLow, otherHigh) = (low, high)
    var lane = 0
    while lane < capacity {
      let a = source.corners2D(item(lane))
      let b = source.corners2D(item(lane &+ 1))
      store(a.lower[0], b.lower[0], lane)
      store(a.lower[1], b.lower[1], lane &+ capacity)
      if upper > 0 {
        store(a.upper[0], b.upper[0], lane &+ 2 &* capacity)
        store(a.upper[1], b.upper[1], lane &+ 3 &* capacity)
      }
      low = Self.smaller(low, a.lower)
      otherLow = Self.smaller(otherLow, b.lower)
      high = Self.larger(high, a.upper)
      otherHigh = Self.larger(otherHigh, b.upper)
      lane &+= 2
    }
    guard let node else { return }
    low = Self.smaller(low, otherLow)
    high = Self.larger(high, otherHigh)
    node[0] = low[0]
    node[capacity] = low[1]
    node[2 &* capacity] = high[0]
    node[3 &* capacity] = high[1]
  }

  /// Written by lanes, as masks become branches that cannot be foretold.
  @inline(__always)
  private static func smaller(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(b[0] < a[0] ? b[0] : a[0], b[1] < a[1] ? b[1] : a[1])
  }

  @inline(__always)
  private static func larger(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(b[0] > a[0] ? b[0] : a[0], b[1] > a[1] ? b[1] : a[1])
  }

  /// Copies the boxes of `count` items into the lanes of a block.
  @inline(__always)
  private static func gather(
    _ source: BoxSource, _ p: UnsafeMutablePointer<Double>, count: Int, upper: Int, dimensions: Int,
    item: (Int) -> Int
  ) {
    let capacity = TreeLayout.capacity
    if dimensions == 2 {
      var lane = 0
      while lane < count {
        let (low, high) = source.corners2D(item(lane))
        p[lane] = low[0]
        p[lane &+ capacity] = low[1]
        if upper > 0 {
          p[lane &+ 2 &* capacity] = high[0]
          p[lane &+ 3 &* capacity] = high[1]
        }
        lane &+= 1
      }
      return
    }
    for lane in 0..<count {
      let corner = source.base + item(lane) &* source.stride
      for d in 0..<dimensions { p[d &* capacity &+ lane] = corner[d] }
      if upper > 0 {
        for d in 0..<dimensions { p[upper &+ d &* capacity &+ lane] = corner[source.upper &+ d] }
      }
    }
  }

  /// Writes the box around a block into a lane of the level above; lanes without an entry are neutral.
  @inline(__always)
  private static func enclose(
    _ block: UnsafePointer<Double>, upper: Int, in node: UnsafeMutablePointer<Double>, dimensions: Int
  ) {
    let capacity = TreeLayout.capacity
    for d in 0..<dimensions {
      var low = SIMD2<Double>(repeating: .infinity)
      var high = SIMD2<Double>(repeating: -.infinity)
      for i in 0..<8 {
        let a = pair(block, d &* capacity &+ 2 &* i)
        var b = pair(block, upper &+ d &* capacity &+ 2 &* i)
        if upper == 0 { b.replace(with: -.infinity, where: b .== .infinity) }
        low.replace(with: a, where: a .< low)
        high.replace(with: b, where: b .> high)
      }
      node[d &* capacity] = low[0] < low[1] ? low[0] : low[1]
      node[(dimensions &+ d) &* capacity] = high[0] > high[1] ? high[0] : high[1]
    }
  }

  /// Fills the lanes of a block that hold no entry with boxes that meet nothing.
  private static func clear(_ p: UnsafeMutablePointer<Double>, lanes: Range<Int>, upper: Int, dimensions: Int) {
    for lane in lanes {
      for d in 0..<dimensions {
        if upper > 0 { p[upper + d * TreeLayout.capacity + lane] = -.infinity }
        p[d * TreeLayout.capacity + lane] = .infinity
      }
    }
  }
}
