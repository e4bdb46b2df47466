import TestSupport
import Testing

@testable import SpatialIndex

@Suite("Bytes that a search reads")
struct PagesTests {
  private enum Damage: Error { case found }

  /// A copy of a tree's bytes in which everything outside `ranges` is garbage.
  private func blot(_ bytes: UnsafeRawBufferPointer, keeping ranges: [Range<Int>]) -> UnsafeMutableRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    for i in 0..<bytes.count { copy[i] = UInt8(truncatingIfNeeded: i &* 37 &+ 11) }
    for range in [0..<128] + ranges { for i in range { copy[i] = bytes[i] } }
    return copy
  }

  @Test(
    "nothing else is read by a search, within a distance or nearest first",
    arguments: [0, 1, 16, 17, 256, 257, 5_000], [true, false])
  func readsNoMore(count: Int, isPoints: Bool) throws {
    var random = SplitMix64(seed: UInt64(count))
    let boxes = (0..<count).map { _ -> Box2 in
      let (x, y) = (Double.random(in: 0...1000, using: &random), Double.random(in: 0...1000, using: &random))
      return isPoints ? Box2(x, y, x, y) : Box2(x, y, x + 5, y + 9)
    }
    let sorted = HilbertOrder.order(of: boxes).map { boxes[Int($0)] }
    let tree = PackedRTree(sortedBoxes: sorted)
    for _ in 0..<20 {
      let (x, y) = (Double.random(in: 0...1000, using: &random), Double.random(in: 0...1000, using: &random))
      let window = Box2(x - 40, y - 40, x + 40, y + 40)
      var ranges: [Range<Int>] = []
      tree.view.forEachRun(ofBytesReadMeeting: window) { ranges.append($0) }
      try tree.withBytes { bytes in
        let copy = blot(bytes, keeping: ranges)
        defer { copy.deallocate() }
        let partial = try PackedRTreeView<2>(bytes: UnsafeRawBufferPointer(copy))
        var (expected, found): ([UInt32], [UInt32]) = ([], [])
        tree.view.append(meeting: window, to: &expected)
        partial.append(meeting: window, to: &found)
        #expect(found == expected)
        let place = Box2(x, y, x, y)
        (expected, found) = ([], [])
        tree.view.append(within: 39.9, of: place, to: &expected)
        partial.append(within: 39.9, of: place, to: &found)
        #expect(found == expected)
        #expect(
          partial.nearest(to: place, count: 10, within: 39.9).map(\.item)
            == tree.view.nearest(to: place, count: 10, within: 39.9).map(\.item))
      }
    }
  }

  @Test func damageStopsTheDescent() {
    let boxes = (0..<1000).map { Box2(Double($0), 0, Double($0), 0) }
    let tree = PackedRTree(sortedBoxes: boxes)
    var calls = 0
    #expect(throws: Damage.self) {
      try tree.view.forEachRun(ofBytesReadMeeting: Box2(0, 0, 9, 9)) { (_: Range<Int>) throws(Damage) in
        calls += 1
        if calls == 2 { throw .found }
      }
    }
    #expect(calls == 2)
  }
}
