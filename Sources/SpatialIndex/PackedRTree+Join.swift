/// What makes a pair: the region around a box in which the other one's must reach.
@usableFromInline
protocol PairRule {
  associatedtype Region: SearchRegion
  associatedtype Bounds
  func region(around bounds: Bounds) -> Region
}

@frozen @usableFromInline
struct MeetingPairs<let D: Int>: PairRule {
  @inlinable init() {}
  @inlinable @inline(__always)
  func region(around bounds: Box<D>) -> BoxRegion<D> { BoxRegion(bounds) }
}

@frozen @usableFromInline
struct PairsWithin<let D: Int>: PairRule {
  @usableFromInline let distance: Double
  @inlinable init(_ distance: Double) { self.distance = distance }
  @inlinable @inline(__always)
  func region(around bounds: Box<D>) -> DistanceRegion<D> { DistanceRegion(bounds, distance) }
}

extension PackedRTreeView {
  /// Calls `body` with every pair of an item here and an item of `other` whose boxes meet; touching counts. The order is
  /// unspecified, but the same in every run.
  ///
  /// - Complexity: both trees are walked at once, so about O(n + pairs) for layers of like extent.
  @inlinable
  public func forEachPair<E: Error>(
    meeting other: PackedRTreeView<D>, _ body: (_ item: Int, _ other: Int) throws(E) -> Void
  ) throws(E) {
    try join(other, MeetingPairs<D>(), body)
  }

  /// Calls `body` with every pair of an item here and an item of `other` whose boxes lie within `distance` of each other;
  /// the distance itself counts.
  @inlinable
  public func forEachPair<E: Error>(
    within distance: Double, of other: PackedRTreeView<D>,
    _ body: (_ item: Int, _ other: Int) throws(E) -> Void
  ) throws(E) {
    try join(other, PairsWithin<D>(distance), body)
  }

  @inlinable
  func join<Rule: PairRule, E: Error>(
    _ other: PackedRTreeView<D>, _ rule: Rule, _ body: (Int, Int) throws(E) -> Void
  ) throws(E) where Rule.Bounds == Box<D> {
    guard height > 0, other.height > 0 else { return }
    try descend(height, 0, bounds, other, other.height, 0, other.bounds, rule, body)
  }

  /// Pairs below entry `a` of `levelA` and entry `b` of `levelB`, whose boxes are a pair. The root is the only entry of
  /// the level above the highest block; level 0 are items.
  @inlinable
  func descend<Rule: PairRule, E: Error>(
    _ levelA: Int, _ a: Int, _ boxA: Box<D>, _ other: PackedRTreeView<D>, _ levelB: Int, _ b: Int,
    _ boxB: Box<D>, _ rule: Rule, _ body: (Int, Int) throws(E) -> Void
  ) throws(E) where Rule.Bounds == Box<D> {
    if levelA == 0 {
      // An item here: the items below `b` that pair with it.
      let itemA = item(at: a)
      if levelB == 0 { return try body(itemA, other.item(at: b)) }
      var mask = other.entries(below: levelB, b, rule.region(around: boxA))
      while mask != 0 {
        let entry = b << TreeLayout.shift | mask.trailingZeroBitCount
        mask &= mask &- 1
        if levelB == 1 {
          try body(itemA, other.item(at: entry))
        } else {
          try descend(
            0, a, boxA, other, levelB - 1, entry, other.entryBox(level: levelB - 1, entry), rule, body)
        }
      }
      return
    }
    if levelA < levelB {
      var mask = other.entries(below: levelB, b, rule.region(around: boxA))
      while mask != 0 {
        let entry = b << TreeLayout.shift | mask.trailingZeroBitCount
        mask &= mask &- 1
        try descend(
          levelA, a, boxA, other, levelB - 1, entry, other.entryBox(level: levelB - 1, entry), rule, body)
      }
      return
    }
    var mask = entries(below: levelA, a, rule.region(around: boxB))
    while mask != 0 {
      let entry = a << TreeLayout.shift | mask.trailingZeroBitCount
      mask &= mask &- 1
      try descend(
        levelA - 1, entry, entryBox(level: levelA - 1, entry), other, levelB, b, boxB, rule, body)
    }
  }

  /// The lanes of the block below entry `entry` of `level` that reach into `region`.
  @inlinable @inline(__always)
  func entries<Region: SearchRegion>(below level: Int, _ entry: Int, _ region: Region) -> UInt32 {
    let block = block(level: level - 1, entry)
    let mask = region.meets(block, upper: upperOffset(level: level - 1)) & lanes(level: level - 1, entry)
    return level == 1 && hasHoles ? withoutHoles(mask, block) : mask
  }
}
