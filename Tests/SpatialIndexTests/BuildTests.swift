import TestSupport
import Testing

@testable import SpatialIndex

/// Parts of the work one after the other, the last first: a result that depends on the order would differ.
private func backwards(_ count: Int) -> Workers {
  Workers(count: count) { count, body in
    for part in (0..<count).reversed() { body(part) }
  }
}

/// Enough boxes for every way of sorting a part of them: spread out, crowded in a part of the curve, in one cell of it, and
/// some without a place.
private func mixedBoxes(_ count: Int, seed: UInt64) -> [Box2] {
  var random = SplitMix64(seed: seed)
  func number(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
  return (0..<count).map { i in
    let centre: (Double, Double)
    switch i % 8 {
    case 0, 1: centre = (number(0...100_000), number(0...100_000))
    case 2, 3, 4: centre = (number(300...900), number(300...900))
    case 5: centre = (77_777, 12_345)
    case 6: centre = (number(50_000...50_000.3), number(50_000...50_000.3))
    default: return i % 32 == 7 ? (i % 64 == 7 ? .empty : Box2(.nan, 0, 1, 1)) : Box2(-0.0, 0.0, 0.0, 100_000)
    }
    let half = number(0...10)
    return Box2(centre.0 - half, centre.1 - half, centre.0 + half, centre.1 + half)
  }
}

@Suite("Build")
struct BuildTests {
  @Test("gives the same bytes for every number of workers", arguments: [0, 1, 2, 3, 17, 256, 4095, 20_000])
  func workersDoNotMatter(count: Int) {
    let boxes = mixedBoxes(count, seed: UInt64(count))
    let points = boxes.flatMap { [$0.min[0], $0.min[1]] }
    let expected = PackedRTree(boxes).withBytes { Array($0) }
    let expectedPoints = points.withUnsafeBufferPointer { PackedRTree<2>(points: $0) }.withBytes { Array($0) }
    for workers in [2, 3, 7].map(backwards) {
      let tree = PackedRTree(boxes, workers: workers)
      #expect(tree.withBytes { $0.elementsEqual(expected) })
      #expect(tree.view.violation() == nil)
      let pointTree = points.withUnsafeBufferPointer { PackedRTree<2>(points: $0, workers: workers) }
      #expect(pointTree.withBytes { $0.elementsEqual(expectedPoints) })
    }
  }

  @Test("holds every box where its number says, and finds what a scan finds", arguments: [2, 300, 5000, 30_000])
  func matchesScan(count: Int) {
    let boxes = mixedBoxes(count, seed: 11)
    let tree = PackedRTree(boxes)
    for position in 0..<count {
      let box = boxes[tree.view.item(at: position)]
      #expect(tree.view.box(at: position) == (hasPlace(box) ? box : .empty))
    }
    var random = SplitMix64(seed: 3)
    for _ in 0..<12 {
      let (x, y) = (
        [500, 77_777, 50_000, Double.random(in: 0...100_000, using: &random)].randomElement(using: &random)!,
        [500, 12_345, 50_000, Double.random(in: 0...100_000, using: &random)].randomElement(using: &random)!
      )
      let half = [0, 0.1, 100, 30_000].randomElement(using: &random)!
      let window = Box2(x - half, y - half, x + half, y + half)
      var found: [Int] = []
      tree.view.forEach(meeting: window) { found.append($0) }
      #expect(found.sorted() == boxes.indices.filter { hasPlace(boxes[$0]) && boxes[$0].intersects(window) })
    }
  }

  @Test("puts the upper bits first and keeps equal words in order", arguments: [0, 1, 2, 48, 49, 5999, 6000, 9000])
  func lowerBits(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let spare = UnsafeMutablePointer<UInt64>.allocate(capacity: max(1, count))
    let counters = UnsafeMutablePointer<UInt32>.allocate(capacity: RadixSort.counters)
    defer {
      spare.deallocate()
      counters.deallocate()
    }
    counters.initialize(repeating: 0xdead, count: RadixSort.counters)
    for bits in 21...24 {
      for different in [UInt64(1), 5, 1 << UInt64(bits)] {
        var words = (0..<UInt64(count)).map { i in
          UInt64(0xa5) << 56 | UInt64.random(in: 0..<different, using: &random) << 32 | i
        }
        // Without the bits above, which all words share, whatever their number.
        let expected = words.sorted()
        let sorted = words.withUnsafeMutableBufferPointer { words -> [UInt64] in
          guard let start = words.baseAddress else { return [] }
          let at = RadixSort.sortLower(start, spare: spare, count: count, bits: bits, counters: counters)
          return Array(UnsafeBufferPointer(start: at, count: count))
        }
        #expect(sorted == expected)
      }
    }
  }

  @Test("divides into parts that fit a cache, at most 2,048, and leaves no more than 24 bits")
  func partBits() {
    #expect([0, 1, 1 << 20].allSatisfy { RadixSort.partBits($0) == 8 })
    #expect(RadixSort.partBits(50_000_000) == 11)
    #expect(RadixSort.partBits(Int(UInt32.max)) == 11)
  }

  @Test("prepares large memory before it is written, and builds the same tree")
  func preparedMemory() {
    final class Log: @unchecked Sendable { var blocks: [UnsafeMutableRawBufferPointer] = [] }
    let log = Log()
    let workers = Workers(count: 1, preparing: { log.blocks.append($0) }) { count, body in
      for part in 0..<count { body(part) }
    }
    let small = PackedRTree(mixedBoxes(1000, seed: 1), workers: workers)
    #expect(log.blocks.isEmpty)
    let boxes = mixedBoxes(130_000, seed: 2)
    let tree = PackedRTree(boxes, workers: workers)
    #expect(log.blocks.count == 1)
    #expect(log.blocks.allSatisfy { Int(bitPattern: $0.baseAddress) % (2 << 20) == 0 && $0.count >= 4 << 20 })
    #expect(tree.withBytes { bytes in PackedRTree(boxes).withBytes { $0.elementsEqual(bytes) } })
    withExtendedLifetime(small) {}
  }
}
