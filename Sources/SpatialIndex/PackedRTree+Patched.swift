/// A packed tree in which some items have other boxes, or that some items were added to or taken from, without copying it:
/// only its upper levels are, a sixteenth of it and less.
///
/// Changed items keep their places, so nodes grow where an item moves far: answers stay exact, searches near such nodes
/// look at a few items more. Meant for few changes; many are better packed anew.
package final class PatchedRTree<let D: Int>: @unchecked Sendable {
  package let view: PackedRTreeView<D>
  private let upper: UnsafeMutablePointer<Double>

  /// - Parameters:
  ///   - base: a sorted tree that is not empty. Its upper levels, and the blocks of items that hold a changed position,
  ///     are read here.
  ///   - items: a private copy of the blocks of items of `base` (``PackedRTreeView/itemBytes``) with room for
  ///     ``blockDoubles(_:)`` of the new count; written here, and kept alive by the caller.
  ///   - count: items from now on; positions from here are taken away.
  ///   - changes: position and new box, empty for none. Every position from `base.count` has an entry.
  /// - Returns: nil when `base` holds points and a changed box is none: then a new tree has to be built.
  package init?(
    _ base: PackedRTreeView<D>, items: UnsafeMutablePointer<Double>, count: Int, changes: [(position: Int, box: Box<D>)]
  ) {
    precondition(base.isSorted && base.height > 0)
    let capacity = TreeLayout.capacity
    let isPoints = base.itemUpper == 0
    var covered = Swift.min(base.covered, count)
    var bounds = base.bounds
    var hasHoles = base.hasHoles
    for (position, box) in changes {
      if Self.hasPlace(box) {
        for d in 0..<D where isPoints && box.min[d] != box.max[d] { return nil }
        covered = Swift.max(covered, position + 1)
        for d in 0..<D {
          bounds.min[d] = Swift.min(bounds.min[d], box.min[d])
          bounds.max[d] = Swift.max(bounds.max[d], box.max[d])
        }
      } else {
        hasHoles = true
      }
    }
    if covered > base.covered { hasHoles = true }
    covered = Swift.max(covered, 1)
    let layout = TreeLayout(
      dimensions: D, count: count, covered: covered, isPoints: isPoints, isSorted: true, hasHoles: hasHoles)
    let itemDoubles = layout.blockDoubles(0)
    let itemUpper = base.itemUpper

    // Items first: new blocks and lanes hold nothing until they are given a box.
    let firstFree = base.covered
    let lanes = layout.blocks(0) * capacity
    for position in Swift.min(firstFree, lanes)..<lanes { Self.set(items, itemDoubles, itemUpper, position, .empty) }
    for (position, box) in changes where position < covered {
      Self.set(items, itemDoubles, itemUpper, position, Self.hasPlace(box) ? box : .empty)
    }
    var dirty = Set(changes.lazy.filter { $0.position < covered }.map { $0.position >> TreeLayout.shift })
    if covered > firstFree {
      for block in firstFree >> TreeLayout.shift..<layout.blocks(0) { dirty.insert(block) }
    }
    // Positions taken from the end stand in the last block.
    if covered < base.covered {
      for position in covered..<layout.blocks(0) * capacity {
        Self.set(items, itemDoubles, itemUpper, position, .empty)
      }
      dirty.insert(layout.blocks(0) - 1)
    }

    // Then the levels above, copied and put right where something below changed.
    let width = 2 * D * capacity
    var total = 0
    for level in 1..<Swift.max(1, layout.height) { total += layout.blocks(level) * width }
    upper = .allocate(capacity: Swift.max(1, total))
    var levels = InlineArray<8, UnsafePointer<Double>>(repeating: UnsafePointer(items))
    var below = (memory: items, doubles: itemDoubles, upper: itemUpper)
    var start = upper
    for level in 1..<Swift.max(1, layout.height) {
      let blocks = layout.blocks(level)
      let known = level < base.height ? Swift.min(blocks, base.entryBlocks(level)) : 0
      if known > 0 { start.update(from: base.levels[level], count: known * width) }
      for lane in known * capacity..<blocks * capacity { Self.set(start, width, D * capacity, lane, .empty) }
      // A level that is new has to learn of every block below.
      let entries = layout.entries(level)
      let changed = level < base.height ? Array(dirty) : Array(0..<entries)
      for entry in entries..<blocks * capacity { Self.set(start, width, D * capacity, entry, .empty) }
      dirty = []
      for entry in changed where entry < entries {
        let box = Self.around(below.memory + entry * below.doubles, upper: below.upper)
        Self.set(start, width, D * capacity, entry, box)
        dirty.insert(entry >> TreeLayout.shift)
      }
      levels[level] = UnsafePointer(start)
      below = (start, width, D * capacity)
      start += blocks * width
    }
    view = PackedRTreeView(
      count: count, bounds: bounds, covered: covered, height: layout.height, hasHoles: hasHoles, itemUpper: itemUpper,
      levels: levels)
  }

  deinit { upper.deallocate() }

  private static func hasPlace(_ box: Box<D>) -> Bool {
    for d in 0..<D where !(box.min[d] <= box.max[d] && box.min[d].isFinite && box.max[d].isFinite) { return false }
    return true
  }

  /// Writes one lane; an empty box is one that meets nothing.
  private static func set(
    _ memory: UnsafeMutablePointer<Double>, _ doubles: Int, _ upper: Int, _ entry: Int, _ box: Box<D>
  ) {
    let p = memory + (entry >> TreeLayout.shift) * doubles + (entry & TreeLayout.mask)
    let isNone = !(box.min[0] <= box.max[0])
    for d in 0..<D {
      if upper > 0 { p[upper + d * TreeLayout.capacity] = isNone ? -.infinity : box.max[d] }
      p[d * TreeLayout.capacity] = isNone ? .infinity : box.min[d]
    }
  }

  private static func around(_ block: UnsafePointer<Double>, upper: Int) -> Box<D> {
    var result = Box<D>.empty
    for lane in 0..<TreeLayout.capacity where block[lane] < .infinity {
      for d in 0..<D {
        result.min[d] = Swift.min(result.min[d], block[d * TreeLayout.capacity + lane])
        result.max[d] = Swift.max(result.max[d], block[upper + d * TreeLayout.capacity + lane])
      }
    }
    return result
  }
}

extension PackedRTreeView {
  /// Where the boxes of the items lie in the bytes of a sorted tree: behind everything else.
  package var itemBytes: Range<Int> {
    guard height > 0 else { return TreeLayout.headerBytes..<TreeLayout.headerBytes }
    let base = UnsafeRawPointer(levels[height - 1]) - TreeLayout.headerBytes
    let start = UnsafeRawPointer(levels[0]) - base
    return start..<start + 8 * Self.blockDoubles(covered, isPoints: itemUpper == 0)
  }

  /// The bytes of the block that holds the box of `position`, which must be among the covered ones.
  package func itemBytes(of position: Int) -> Range<Int> {
    let doubles = (itemUpper == 0 ? 1 : 2) * D * TreeLayout.capacity
    let start = itemBytes.lowerBound + 8 * doubles * (position >> TreeLayout.shift)
    return start..<start + 8 * doubles
  }

  /// Positions that have a place in the tree lie below this.
  package var coveredCount: Int { covered }
  package var isEmptyTree: Bool { height == 0 }
  package var holdsPoints: Bool { itemUpper == 0 }

  /// Doubles that the blocks of `count` items take.
  package static func blockDoubles(_ count: Int, isPoints: Bool) -> Int {
    (count + TreeLayout.mask) >> TreeLayout.shift * ((isPoints ? 1 : 2) * D * TreeLayout.capacity)
  }

  /// Blocks on `level`.
  func entryBlocks(_ level: Int) -> Int {
    let entries = covered == 0 ? 0 : ((covered - 1) >> (TreeLayout.shift * level)) + 1
    return (entries + TreeLayout.mask) >> TreeLayout.shift
  }

  init(
    count: Int, bounds: Box<D>, covered: Int, height: Int, hasHoles: Bool, itemUpper: Int,
    levels: InlineArray<8, UnsafePointer<Double>>
  ) {
    self.count = count
    self.bounds = bounds
    self.covered = covered
    self.height = height
    self.hasHoles = hasHoles
    self.itemUpper = itemUpper
    numbers = nil
    self.levels = levels
  }
}
