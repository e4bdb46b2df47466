/// Where a box lies with respect to a region, as far as is known.
@frozen
public enum BoxPlace: Sendable { case outside, inside, unknown }

/// A region to search: which of the sixteen boxes of a block meet it, and which lie inside.
///
/// Both tests are monotone: what does not meet the region has no part that does, and what lies inside has only such parts.
@usableFromInline
protocol SearchRegion {
  func meets(_ block: UnsafePointer<Double>, upper: Int) -> UInt32
  func isInside(_ block: UnsafePointer<Double>, upper: Int) -> UInt32
}

@inlinable @inline(__always)
func pair(_ p: UnsafePointer<Double>, _ i: Int) -> SIMD2<Double> {
  UnsafeRawPointer(p + i).loadUnaligned(as: SIMD2<Double>.self)
}

/// The bits of lanes `2 * i` and `2 * i + 1` where `mask` holds.
@inlinable @inline(__always)
func laneBits(_ mask: SIMDMask<SIMD2<Int64>>, _ i: Int) -> SIMD2<Int64> {
  unsafeBitCast(mask, to: SIMD2<Int64>.self) & SIMD2<Int64>(1 &<< Int64(2 &* i), 2 &<< Int64(2 &* i))
}

@inlinable @inline(__always)
func largest(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> { a.replacing(with: b, where: b .> a) }

/// All points of a closed box.
@frozen @usableFromInline
struct BoxRegion<let D: Int>: SearchRegion {
  @usableFromInline let box: Box<D>

  @inlinable @inline(__always)
  init(_ box: Box<D>) { self.box = box }

  @inlinable @inline(__always)
  func meets(_ block: UnsafePointer<Double>, upper: Int) -> UInt32 {
    var bits = SIMD2<Int64>()
    for i in 0..<8 {
      var mask = SIMDMask<SIMD2<Int64>>(repeating: true)
      for d in 0..<D {
        mask = mask .& (pair(block, 16 * d + 2 * i) .<= box.max[d])
          .& (pair(block, upper + 16 * d + 2 * i) .>= box.min[d])
      }
      bits |= laneBits(mask, i)
    }
    return UInt32(truncatingIfNeeded: bits[0] | bits[1])
  }

  @inlinable @inline(__always)
  func isInside(_ block: UnsafePointer<Double>, upper: Int) -> UInt32 {
    var bits = SIMD2<Int64>()
    for i in 0..<8 {
      var mask = SIMDMask<SIMD2<Int64>>(repeating: true)
      for d in 0..<D {
        mask = mask .& (pair(block, 16 * d + 2 * i) .>= box.min[d])
          .& (pair(block, upper + 16 * d + 2 * i) .<= box.max[d])
      }
      bits |= laneBits(mask, i)
    }
    return UInt32(truncatingIfNeeded: bits[0] | bits[1])
  }
}

/// All points within a distance of a closed box.
@frozen @usableFromInline
struct DistanceRegion<let D: Int>: SearchRegion {
  @usableFromInline let box: Box<D>
  @usableFromInline let squared: Double

  @inlinable @inline(__always)
  init(_ box: Box<D>, _ distance: Double) {
    self.box = box
    // Nothing lies within a negative distance or one that is not a number.
    squared = distance >= 0 ? distance * distance : -1
  }

  @inlinable @inline(__always)
  func meets(_ block: UnsafePointer<Double>, upper: Int) -> UInt32 {
    var bits = SIMD2<Int64>()
    for i in 0..<8 { bits |= laneBits(squaredDistances(to: box, block, upper: upper, i) .<= squared, i) }
    return UInt32(truncatingIfNeeded: bits[0] | bits[1])
  }

  /// Boxes whose farthest point is nearer by a billionth, so that whoever measures what is in them again, with
  /// roundings of their own, agrees.
  @inlinable @inline(__always)
  func isInside(_ block: UnsafePointer<Double>, upper: Int) -> UInt32 {
    var bits = SIMD2<Int64>()
    let limit = squared * (1 - 0x1p-29)
    for i in 0..<8 {
      var sum = SIMD2<Double>()
      for d in 0..<D {
        let far = largest(
          pair(block, upper + 16 * d + 2 * i) - box.max[d], box.min[d] - pair(block, 16 * d + 2 * i))
        let gap = largest(far, SIMD2())
        sum += gap * gap
      }
      bits |= laneBits(sum .<= limit, i)
    }
    return UInt32(truncatingIfNeeded: bits[0] | bits[1])
  }
}

/// The squared distances of lanes `2 * i` and `2 * i + 1` of a block to `box`, computed as in
/// ``Box/squaredDistance(to:)``.
@inlinable @inline(__always)
func squaredDistances<let D: Int>(
  to box: Box<D>, _ block: UnsafePointer<Double>, upper: Int, _ i: Int
) -> SIMD2<Double> {
  var sum = SIMD2<Double>()
  for d in 0..<D {
    let near = largest(
      pair(block, 16 * d + 2 * i) - box.max[d], box.min[d] - pair(block, upper + 16 * d + 2 * i))
    let gap = largest(near, SIMD2())
    sum += gap * gap
  }
  return sum
}

extension PackedRTreeView {
  /// Calls `body` with every item whose box meets `window`; touching counts.
  ///
  /// Items come in the order of their positions: in ascending order when the tree is sorted. What `body` throws ends the
  /// search.
  ///
  /// - Complexity: O(log n + hits) when boxes barely overlap, O(n) at worst.
  @inlinable
  public func forEach<E: Error>(meeting window: Box<D>, _ body: (Int) throws(E) -> Void) throws(E) {
    guard !window.isEmpty else { return }
    try visitItems(BoxRegion(window), body)
  }

  /// Calls `body` with every item whose box lies within `distance` of `box`, which may be a single point; the distance
  /// itself counts. ``Box/squaredDistance(to:)`` against the square of `distance` decides.
  @inlinable
  public func forEach<E: Error>(
    within distance: Double, of box: Box<D>, _ body: (Int) throws(E) -> Void
  ) throws(E) {
    guard !box.isEmpty else { return }
    try visitItems(DistanceRegion(box, distance), body)
  }

  /// Calls `body` with runs of positions whose boxes meet `window`, in ascending order. With `isInside` the boxes of the
  /// whole run lie inside `window`, so that what they bound needs no test; without, they may reach out of it.
  ///
  /// Positions are item numbers when the tree is sorted; otherwise see ``item(at:)``.
  @inlinable
  public func forEachRun<E: Error>(
    meeting window: Box<D>, _ body: (_ positions: Range<Int>, _ isInside: Bool) throws(E) -> Void
  ) throws(E) {
    guard !window.isEmpty else { return }
    try visitRuns(BoxRegion(window), body)
  }

  /// Calls `body` with runs of positions whose boxes lie within `distance` of `box`, in ascending order. With `isInside`
  /// the whole of each box is within the distance (and nearer by a billionth of it at least); without, a part may not be.
  @inlinable
  public func forEachRun<E: Error>(
    within distance: Double, of box: Box<D>,
    _ body: (_ positions: Range<Int>, _ isInside: Bool) throws(E) -> Void
  ) throws(E) {
    guard !box.isEmpty else { return }
    try visitRuns(DistanceRegion(box, distance), body)
  }

  /// Calls `body` with runs of positions for a region that is not a box, say a polygon within `window`: `place` tells of
  /// a box whether it lies wholly outside of the region or wholly inside, as far as that is known cheaply.
  ///
  /// `place` is asked for boxes of nodes and of items that meet `window`. Where it says inside, a whole run is inside and
  /// not asked for further; items of which it does not know come with `isInside` false.
  @inlinable
  public func forEachRun<E: Error>(
    meeting window: Box<D>, placedBy place: (Box<D>) throws(E) -> BoxPlace,
    _ body: (_ positions: Range<Int>, _ isInside: Bool) throws(E) -> Void
  ) throws(E) {
    guard !window.isEmpty else { return }
    let region = BoxRegion(window)
    try walkRuns(
      { (level, index, block, upper) throws(E) in
        var meets = region.meets(block, upper: upper) & lanes(level: level, index)
        if level == 0, hasHoles { meets = withoutHoles(meets, block) }
        var (rest, inside): (UInt32, UInt32) = (meets, 0)
        while rest != 0 {
          let lane = rest.trailingZeroBitCount
          let bit: UInt32 = rest & (0 &- rest)
          rest &= rest &- 1
          var box = Box<D>.empty
          for d in 0..<D {
            box.min[d] = block[d &* TreeLayout.capacity &+ lane]
            box.max[d] = block[upper &+ d &* TreeLayout.capacity &+ lane]
          }
          switch try place(box) {
          case .outside: meets &= ~bit
          case .inside: inside |= bit
          case .unknown: break
          }
        }
        return (meets, hasHoles && level > 0 ? 0 : inside)
      }, body)
  }

  /// Appends every item whose box meets `window` to `items`.
  @inlinable
  public func append(meeting window: Box<D>, to items: inout [UInt32]) {
    guard !window.isEmpty else { return }
    append(BoxRegion(window), to: &items)
  }

  /// Appends every item whose box lies within `distance` of `box` to `items`.
  @inlinable
  public func append(within distance: Double, of box: Box<D>, to items: inout [UInt32]) {
    guard !box.isEmpty else { return }
    append(DistanceRegion(box, distance), to: &items)
  }

  /// Items go through a small buffer: an array that grows one by one asks each time whether it is full and whose it is.
  @inlinable @inline(__always)
  func append<Region: SearchRegion>(_ region: Region, to items: inout [UInt32]) {
    let size = 240
    let buffer = UnsafeMutablePointer<UInt32>.allocate(capacity: size)
    defer { buffer.deallocate() }
    var filled = 0
    visit(region) { lower, upper, _ in
      if upper &- lower > size &- filled {
        items.append(contentsOf: UnsafeBufferPointer(start: buffer, count: filled))
        filled = 0
        if upper &- lower > size {
          if let numbers {
            items.append(contentsOf: UnsafeBufferPointer(start: numbers + lower, count: upper &- lower))
          } else {
            items.append(contentsOf: UInt32(truncatingIfNeeded: lower)..<UInt32(truncatingIfNeeded: upper))
          }
          return
        }
      }
      var position = lower
      if let numbers {
        while position < upper {
          buffer[filled] = numbers[position]
          filled &+= 1
          position &+= 1
        }
      } else {
        while position < upper {
          buffer[filled] = UInt32(truncatingIfNeeded: position)
          filled &+= 1
          position &+= 1
        }
      }
    }
    items.append(contentsOf: UnsafeBufferPointer(start: buffer, count: filled))
  }

  @inlinable @inline(__always)
  func visitItems<Region: SearchRegion, E: Error>(
    _ region: Region, _ body: (Int) throws(E) -> Void
  ) throws(E) {
    if let numbers {
      try visit(region) { (lower, upper, _) throws(E) in
        for position in lower..<upper { try body(Int(numbers[position])) }
      }
    } else {
      try visit(region) { (lower, upper, _) throws(E) in
        for position in lower..<upper { try body(position) }
      }
    }
  }

  /// Walks through the entries that meet `region`; items are not tested for lying inside.
  @inlinable @inline(__always)
  func visit<Region: SearchRegion, E: Error>(
    _ region: Region, _ body: (_ lower: Int, _ upper: Int, _ isInside: Bool) throws(E) -> Void
  ) throws(E) {
    try walk(
      { (level, index, block, upper) throws(E) in
        let meets = region.meets(block, upper: upper) & lanes(level: level, index)
        if level == 0 { return (hasHoles ? withoutHoles(meets, block) : meets, 0) }
        return (meets, meets == 0 || hasHoles ? 0 : region.isInside(block, upper: upper) & meets)
      }, body)
  }

  @inlinable @inline(__always)
  func visitRuns<Region: SearchRegion, E: Error>(
    _ region: Region, _ body: (Range<Int>, Bool) throws(E) -> Void
  ) throws(E) {
    try walkRuns(
      { (level, index, block, upper) throws(E) in
        var meets = region.meets(block, upper: upper) & lanes(level: level, index)
        if level == 0, hasHoles { meets = withoutHoles(meets, block) }
        let inside = meets == 0 || (hasHoles && level > 0) ? 0 : region.isInside(block, upper: upper) & meets
        return (meets, inside)
      }, body)
  }

  /// ``walk(_:_:)`` with neighbouring runs of one kind joined.
  @inlinable @inline(__always)
  func walkRuns<E: Error>(
    _ classify: (_ level: Int, _ index: Int, _ block: UnsafePointer<Double>, _ upper: Int) throws(E)
      -> (meets: UInt32, inside: UInt32),
    _ body: (Range<Int>, Bool) throws(E) -> Void
  ) throws(E) {
    var (start, end, inside) = (0, 0, false)
    try walk(classify) { (lower, upper, isInside) throws(E) in
      if lower == end, isInside == inside {
        end = upper
      } else {
        if end > start { try body(Range(uncheckedBounds: (start, end)), inside) }
        (start, end, inside) = (lower, upper, isInside)
      }
    }
    if end > start { try body(Range(uncheckedBounds: (start, end)), inside) }
  }

  /// Walks down the tree in the order of positions. One word for each level says which entries are still to be visited,
  /// so there is no stack and nothing is allocated.
  ///
  /// The blocks of items below a node are classified all at once before any item is visited: then they are fetched from
  /// memory at the same time, not each after the branches of the one before.
  ///
  /// - Parameters:
  ///   - classify: Which entries of a block are to be visited, and which of those as a whole.
  ///   - body: Gets runs of positions: items to be visited, or all below entries to be visited as a whole.
  @inlinable @inline(__always)
  func walk<E: Error>(
    _ classify: (_ level: Int, _ index: Int, _ block: UnsafePointer<Double>, _ upper: Int) throws(E)
      -> (meets: UInt32, inside: UInt32),
    _ body: (_ lower: Int, _ upper: Int, _ isInside: Bool) throws(E) -> Void
  ) throws(E) {
    guard height > 0 else { return }
    var pending = InlineArray<8, (meets: UInt32, inside: UInt32)>(repeating: (0, 0))
    var leaves = InlineArray<16, (meets: UInt32, inside: UInt32)>(repeating: (0, 0))
    var (level, index) = (height - 1, 0)
    while true {
      // A tree of one block has no node above it.
      var (meets, inside): (UInt32, UInt32) = (1, 0)
      if level > 0 {
        (meets, inside) = try classify(level, index, block(level: level, index), upperOffset(level: level))
      }
      if level <= 1 {
        let first = index &<< TreeLayout.shift
        var rest = meets & ~inside
        while rest != 0 {
          let lane = rest.trailingZeroBitCount
          rest &= rest &- 1
          leaves[unchecked: lane] = try classify(
            0, first &+ lane, block(level: 0, first &+ lane), upperOffset(level: 0))
        }
        while meets != 0 {
          let lane = meets.trailingZeroBitCount
          let start = (first &+ lane) &<< TreeLayout.shift
          let whole = inside &>> UInt32(truncatingIfNeeded: lane)
          if whole & 1 == 1 {
            let length = (~whole).trailingZeroBitCount
            meets &= ~(((1 &<< UInt32(truncatingIfNeeded: length)) &- 1) &<< UInt32(truncatingIfNeeded: lane))
            try body(start, Swift.min(covered, start &+ length &<< TreeLayout.shift), true)
            continue
          }
          meets &= meets &- 1
          var (items, itemsInside) = leaves[unchecked: lane]
          while items != 0 {
            let lane = items.trailingZeroBitCount
            // The run of lanes that are alike.
            let isInside = itemsInside &>> UInt32(truncatingIfNeeded: lane) & 1 == 1
            let alike = isInside ? itemsInside : items & ~itemsInside
            let length = (~(alike &>> UInt32(truncatingIfNeeded: lane))).trailingZeroBitCount
            try body(start &+ lane, start &+ lane &+ length, isInside)
            items &= ~(((1 &<< UInt32(truncatingIfNeeded: length)) &- 1) &<< UInt32(truncatingIfNeeded: lane))
          }
        }
        level = 2
        index &>>= TreeLayout.shift
      } else {
        pending[unchecked: level] = (meets, inside)
      }
      // On to the next entry that is not visited as a whole, up as far as need be.
      while true {
        guard level < height else { return }
        (meets, inside) = pending[unchecked: level]
        if meets == 0 {
          level &+= 1
          index &>>= TreeLayout.shift
          continue
        }
        let lane = meets.trailingZeroBitCount
        let entry = index &<< TreeLayout.shift | lane
        inside &>>= UInt32(truncatingIfNeeded: lane)
        if inside & 1 == 0 {
          pending[unchecked: level].meets = meets & (meets &- 1)
          level &-= 1
          index = entry
          break
        }
        let length = (~inside).trailingZeroBitCount
        pending[unchecked: level].meets =
          meets & ~(((1 &<< UInt32(truncatingIfNeeded: length)) &- 1) &<< UInt32(truncatingIfNeeded: lane))
        try body(
          entry &<< (TreeLayout.shift &* level),
          Swift.min(covered, (entry &+ length) &<< (TreeLayout.shift &* level)), true)
      }
    }
  }
}
