/// The order of items along a Hilbert curve through the centres of their boxes: neighbours on the curve are neighbours
/// in space, so rows kept in this order make compact leaves, and consecutive queries touch the same memory.
///
/// All axes share one scale, that of the longest side, because distances are compared across axes. The curve has 65,536
/// cells to a side in 2D and 3D; where many items share a cell (one far outlier is enough), that cell is ordered again
/// by a curve of its own.
///
/// The order is deterministic: equal places keep the order of the input. Items without a place, that is, boxes which are
/// empty or have a coordinate that is not finite, come last in the order of the input.
///
/// - Complexity: O(n), by radix sort; 12 to 24 bytes of scratch memory for each item.
public enum HilbertOrder {
  /// The permutation that sorts `boxes` along the curve: the first element is the number of the box that comes first.
  @inlinable
  public static func order<let D: Int>(
    of boxes: UnsafeBufferPointer<Box<D>>, workers: Workers = .one
  ) -> [UInt32] {
    permutation(of: BoxSource(boxes), workers: workers)
  }

  /// The permutation that sorts `boxes` along the curve.
  @inlinable
  public static func order<let D: Int>(of boxes: [Box<D>], workers: Workers = .one) -> [UInt32] {
    boxes.withUnsafeBufferPointer { order(of: $0, workers: workers) }
  }

  /// The permutation that sorts points along the curve; `coordinates` is x0, y0, x1, y1, … (or x, y, z with
  /// `dimensions` 3).
  @inlinable
  public static func order(
    ofPoints coordinates: UnsafeBufferPointer<Double>, dimensions: Int = 2, workers: Workers = .one
  ) -> [UInt32] {
    permutation(of: BoxSource(points: coordinates, dimensions: dimensions), workers: workers)
  }

  @usableFromInline
  static func permutation(of source: BoxSource, workers: Workers) -> [UInt32] {
    let count = source.count
    precondition(count <= Int(UInt32.max), "an index holds at most 4,294,967,295 items")
    return [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = count
      guard count > 0 else { return }
      let frame = CurveFrame(of: source, workers: workers)
      let scratch = workers.allocate(byteCount: scratchBytes(frame.placed))
      defer { scratch.deallocate() }
      sort(source, frame, into: buffer.baseAddress!, scratch: scratch, workers: workers)
    }
  }

  /// Working memory that ``sort(_:_:into:scratch:workers:)`` needs.
  static func scratchBytes(_ placed: Int) -> Int { 20 * Swift.max(1, placed) }

  /// Writes the order of the items of `source`, whose frame is `frame`, into `order`.
  static func sort(
    _ source: BoxSource, _ frame: CurveFrame, into order: UnsafeMutablePointer<UInt32>,
    scratch: UnsafeMutableRawPointer, workers: Workers
  ) {
    if source.dimensions == 2 {
      sort2D(source, frame, into: order, scratch: scratch, workers: workers)
    } else {
      sortAny(source, frame, into: order, scratch: scratch)
    }
  }

  /// Cells of more items than this are ordered by a curve of their own.
  static let crowd = 32
}

/// Boxes or points laid out in memory in any stride: item `i` has its lower corner at `base[i * stride]` and its upper
/// one `upper` numbers later (0 for points).
@usableFromInline
struct BoxSource: @unchecked Sendable {
  @usableFromInline let base: UnsafePointer<Double>
  @usableFromInline let count: Int
  @usableFromInline let dimensions: Int
  @usableFromInline let stride: Int
  @usableFromInline let upper: Int

  @inlinable
  init<let D: Int>(_ boxes: UnsafeBufferPointer<Box<D>>) {
    base = UnsafeRawPointer(boxes.baseAddress ?? UnsafePointer(bitPattern: 8)!).assumingMemoryBound(to: Double.self)
    count = boxes.count
    dimensions = D
    stride = 2 * D
    upper = D
  }

  @inlinable
  init(points: UnsafeBufferPointer<Double>, dimensions: Int) {
    precondition(points.count % dimensions == 0, "points come as whole tuples of \(dimensions) coordinates")
    base = points.baseAddress ?? UnsafePointer(bitPattern: 8)!
    count = points.count / dimensions
    self.dimensions = dimensions
    stride = dimensions
    upper = 0
  }

  /// Whether item `i` has a place: every coordinate finite and no side inside out.
  @inline(__always)
  func hasPlace(_ i: Int) -> Bool {
    let p = base + i * stride
    for d in 0..<dimensions {
      // Written so that NaN fails.
      guard p[d] > -.infinity, p[d + upper] < .infinity, p[d] <= p[d + upper] else { return false }
    }
    return true
  }

  /// The corners of item `i` in the plane.
  @inline(__always)
  func corners2D(_ i: Int) -> (lower: SIMD2<Double>, upper: SIMD2<Double>) {
    let p = UnsafeRawPointer(base + i &* stride)
    return (
      p.loadUnaligned(as: SIMD2<Double>.self), p.loadUnaligned(fromByteOffset: 8 &* upper, as: SIMD2<Double>.self)
    )
  }

  /// ``hasPlace(_:)`` in the plane.
  @inline(__always)
  static func hasPlace(_ lower: SIMD2<Double>, _ upper: SIMD2<Double>) -> Bool {
    all((lower .<= upper) .& (lower .> -.infinity) .& (upper .< .infinity))
  }

  /// Coordinate `d` of the centre of item `i`; halved first, so that it cannot overflow.
  @inline(__always)
  func centre(_ i: Int, _ d: Int) -> Double {
    let p = base + (i * stride + d)
    return p[0] * 0.5 + p[upper] * 0.5
  }
}

/// Where the curve lies: an origin and one scale for all axes, fitted to the centres of the items.
struct CurveFrame {
  /// Items with a place.
  var placed = 0
  /// How many of them lie before each worker's part of the items; empty in a frame that was made without workers.
  var placedBefore: [Int] = []
  var lower: [Double]
  var upper: [Double]

  init(of source: BoxSource, workers: Workers) {
    let dimensions = source.dimensions
    lower = Array(repeating: .infinity, count: dimensions)
    upper = Array(repeating: -.infinity, count: dimensions)
    let width = 2 * dimensions + 1
    let parts = UnsafeMutablePointer<Double>.allocate(capacity: width * workers.count)
    defer { parts.deallocate() }
    nonisolated(unsafe) let out = parts
    workers.split(source.count) { part, range in
      let mine = out + part * width
      for d in 0..<dimensions { mine[d] = .infinity; mine[dimensions + d] = -.infinity }
      if dimensions == 2 {
        var low = SIMD2<Double>(repeating: .infinity)
        var high = SIMD2<Double>(repeating: -.infinity)
        var n = 0
        for i in range {
          let (lower, upper) = source.corners2D(i)
          guard BoxSource.hasPlace(lower, upper) else { continue }
          let centre = lower * 0.5 + upper * 0.5
          low.replace(with: centre, where: centre .< low)
          high.replace(with: centre, where: centre .> high)
          n &+= 1
        }
        (mine[0], mine[1], mine[2], mine[3], mine[4]) = (low[0], low[1], high[0], high[1], Double(n))
        return
      }
      var n = 0
      for i in range where source.hasPlace(i) {
        for d in 0..<dimensions {
          let c = source.centre(i, d)
          mine[d] = Swift.min(mine[d], c)
          mine[dimensions + d] = Swift.max(mine[dimensions + d], c)
        }
        n += 1
      }
      mine[2 * dimensions] = Double(n)
    }
    for part in 0..<workers.count {
      let mine = parts + part * width
      for d in 0..<dimensions {
        lower[d] = Swift.min(lower[d], mine[d])
        upper[d] = Swift.max(upper[d], mine[dimensions + d])
      }
      placedBefore.append(placed)
      placed += Int(mine[2 * dimensions])
    }
  }

  /// The frame of some items, all of which have a place.
  init(of source: BoxSource, items: UnsafeBufferPointer<UInt32>) {
    placed = items.count
    lower = Array(repeating: .infinity, count: source.dimensions)
    upper = Array(repeating: -.infinity, count: source.dimensions)
    for i in items {
      for d in 0..<source.dimensions {
        let c = source.centre(Int(i), d)
        lower[d] = Swift.min(lower[d], c)
        upper[d] = Swift.max(upper[d], c)
      }
    }
  }

  /// Cells for each unit of length with `cells` to the longest side; 0 when all centres coincide (or are so near that
  /// the scale would overflow). Differences are taken of halves, so that they cannot overflow either.
  func scale(cells: Double) -> Double {
    var side = 0.0
    for d in lower.indices { side = Swift.max(side, upper[d] * 0.5 - lower[d] * 0.5) }
    return side > 1e-290 ? (cells - 1) / side : 0
  }
}

/// The cell of a coordinate without a trap: adding 2⁵² rounds to a whole number and leaves it in the low bits.
@inline(__always)
func curveCell(_ centre: Double, _ lower: Double, _ scale: Double) -> UInt32 {
  let v = (centre * 0.5 - lower * 0.5) * scale
  return UInt32(truncatingIfNeeded: (v + 4_503_599_627_370_496).bitPattern)
}

extension HilbertOrder {
  /// The place along the 2D curve of 65,536 × 65,536 cells, four bits of each axis at a time.
  ///
  /// The curve's orientation is one of four states: axes swapped or not, both flipped or not.
  struct Table2D: Sendable {
    /// For state, four bits of x, four of y: eight bits of the place, next state above them.
    let steps: [UInt16]

    init() {
      steps = (0..<1024).map { index in
        var (swapped, flipped) = (index >> 8 & 1, index >> 9 & 1)
        var place = 0
        for bit in [3, 2, 1, 0] {
          var (x, y) = (index >> (4 + bit) & 1, index >> bit & 1)
          if swapped == 1 { (x, y) = (y, x) }
          x ^= flipped
          y ^= flipped
          place = place << 2 | (3 * x) ^ y
          if y == 0 {
            flipped ^= x
            swapped ^= 1
          }
        }
        return UInt16(place | swapped << 8 | flipped << 9)
      }
    }
  }

  static let table2D = Table2D()

  /// The place of cell (x, y), both below 65,536, along the 2D curve.
  @inline(__always)
  static func place2D(_ x: UInt32, _ y: UInt32, _ table: UnsafePointer<UInt16>) -> UInt32 {
    let a = UInt32(table[Int((x >> 8 & 0xf0) | (y >> 12 & 0xf))])
    let b = UInt32(table[Int((a & 0x300) | (x >> 4 & 0xf0) | (y >> 8 & 0xf))])
    let c = UInt32(table[Int((b & 0x300) | (x & 0xf0) | (y >> 4 & 0xf))])
    let d = UInt32(table[Int((c & 0x300) | (x << 4 & 0xf0) | (y & 0xf))])
    return (a & 0xff) << 24 | (b & 0xff) << 16 | (c & 0xff) << 8 | (d & 0xff)
  }

  /// The place of a cell in any number of dimensions.
  ///
  /// J. Skilling, "Programming the Hilbert curve", AIP Conference Proceedings 707 (2004), doi:10.1063/1.1751381.
  static func place(of cell: inout [UInt32], bits: Int) -> UInt64 {
    let n = cell.count
    let top: UInt32 = 1 << UInt32(bits - 1)
    var q = top
    while q > 1 {
      let p = q - 1
      for i in 0..<n {
        if cell[i] & q != 0 {
          cell[0] ^= p
        } else {
          let t = (cell[0] ^ cell[i]) & p
          cell[0] ^= t
          cell[i] ^= t
        }
      }
      q >>= 1
    }
    for i in 1..<Swift.max(1, n) { cell[i] ^= cell[i - 1] }
    var t: UInt32 = 0
    q = top
    while q > 1 {
      if cell[n - 1] & q != 0 { t ^= q - 1 }
      q >>= 1
    }
    var result: UInt64 = 0
    q = top
    while q > 0 {
      for i in 0..<n { result = result << 1 | ((cell[i] ^ t) & q != 0 ? 1 : 0) }
      q >>= 1
    }
    return result
  }

  /// Any dimension: places of up to 63 bits beside the item numbers, only the passes that change anything.
  private static func sortAny(
    _ source: BoxSource, _ frame: CurveFrame, into order: UnsafeMutablePointer<UInt32>,
    scratch: UnsafeMutableRawPointer
  ) {
    let count = source.count
    let placed = frame.placed
    let dimensions = source.dimensions
    let bits = Swift.min(16, 63 / dimensions)
    let scale = frame.scale(cells: Double(1 << bits))
    let mask: UInt32 = (1 << UInt32(bits)) - 1
    let keys = scratch.assumingMemoryBound(to: UInt64.self)
    let spare = (scratch + 16 * placed).assumingMemoryBound(to: UInt32.self)
    var cell = [UInt32](repeating: 0, count: dimensions)
    var (write, tail) = (0, placed)
    for i in 0..<count {
      guard source.hasPlace(i) else {
        order[tail] = UInt32(i)
        tail += 1
        continue
      }
      for d in 0..<dimensions { cell[d] = curveCell(source.centre(i, d), frame.lower[d], scale) & mask }
      keys[write] = place(of: &cell, bits: bits)
      order[write] = UInt32(i)
      write += 1
    }
    RadixSort.sort(keys, values: order, spareKeys: keys + placed, spareValues: spare, count: placed)
    reorderCrowds(source, count: placed, order: order) { keys[$0] }
  }

  /// Orders the items of each crowded cell by a curve of their own.
  static func reorderCrowds(
    _ source: BoxSource, count: Int, order: UnsafeMutablePointer<UInt32>, key: (Int) -> UInt64
  ) {
    var start = 0
    while start + crowd < count {
      // Equal places follow each other, so looking `crowd` ahead is enough.
      let place = key(start)
      guard key(start + crowd) == place else {
        start += 1
        continue
      }
      while start > 0, key(start - 1) == place { start -= 1 }
      var end = start + crowd + 1
      while end < count, key(end) == place { end += 1 }
      reorder(source, UnsafeMutableBufferPointer(start: order + start, count: end - start))
      start = end
    }
  }

  /// Orders some items, all of which have a place, on their own; each level of recursion looks 65,536 times closer.
  private static func reorder(_ source: BoxSource, _ items: UnsafeMutableBufferPointer<UInt32>) {
    var items = items
    items.sort()  // the order of the input again, which equal places keep
    let frame = CurveFrame(of: source, items: UnsafeBufferPointer(items))
    let dimensions = source.dimensions
    let bits = Swift.min(16, 63 / dimensions)
    let scale = frame.scale(cells: Double(1 << bits))
    guard scale > 0 else { return }
    let mask: UInt32 = (1 << UInt32(bits)) - 1
    var cell = [UInt32](repeating: 0, count: dimensions)
    var keyed = items.map { item in
      for d in 0..<dimensions { cell[d] = curveCell(source.centre(Int(item), d), frame.lower[d], scale) & mask }
      return (key: place(of: &cell, bits: bits), item: item)
    }
    keyed.sort { ($0.key, $0.item) < ($1.key, $1.item) }
    for i in keyed.indices { items[i] = keyed[i].item }
    reorderCrowds(source, count: items.count, order: items.baseAddress!) { keyed[$0].key }
  }
}
