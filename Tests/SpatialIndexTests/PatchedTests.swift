import SpatialIndex
import TestSupport
import Testing

@Suite("Patched trees")
struct PatchedTests {
  @Test(
    "finds what a scan of the changed boxes finds", arguments: Layout.allCases, [1, 15, 16, 17, 255, 257, 1000, 4097])
  func matchesScan(layout: Layout, count: Int) {
    var random = SplitMix64(seed: UInt64(count) * 31)
    for (change, growth) in [(0, 1), (1, 0), (3, 17), (40, 300), (5, -1), (7, -count / 2), (2, -count + 1)] {
      var boxes: [Box2] = layout.boxes(count, seed: 5)
      let base = PackedRTree(sortedBoxes: boxes)
      if base.view.isEmptyTree { continue }
      let fresh: [Box2] = layout.boxes(change + max(0, growth), seed: 6)
      let newCount = max(1, count + growth)
      var changes: [Int: Box2] = [:]
      for i in 0..<change { changes[Int.random(in: 0..<min(count, newCount), using: &random)] = fresh[i] }
      if newCount > count {
        for i in count..<newCount { changes[i] = fresh[change + i - count] }
      } else {
        boxes.removeLast(count - newCount)
      }
      for (position, box) in changes { if position < boxes.count { boxes[position] = box } }
      for position in boxes.count..<newCount { boxes.append(changes[position]!) }

      let doubles = PackedRTreeView<2>.blockDoubles(max(count, newCount), isPoints: base.view.holdsPoints)
      let items = UnsafeMutablePointer<Double>.allocate(capacity: doubles)
      defer { items.deallocate() }
      base.withBytes { bytes in
        let range = base.view.itemBytes
        UnsafeMutableRawPointer(items).copyMemory(from: bytes.baseAddress! + range.lowerBound, byteCount: range.count)
      }
      let list = changes.sorted { $0.key < $1.key }.map { (position: $0.key, box: $0.value) }
      guard let patched = PatchedRTree(base.view, items: items, count: newCount, changes: list) else {
        #expect(base.view.holdsPoints && list.contains { hasPlace($0.box) && $0.box.min != $0.box.max })
        continue
      }
      #expect(patched.view.count == newCount)
      for window in layout.windows(around: boxes, seed: 7) {
        let expected = boxes.indices.filter { hasPlace(boxes[$0]) && boxes[$0].intersects(window) }
        var found: [Int] = []
        patched.view.forEach(meeting: window) { found.append($0) }
        #expect(found == expected, "\(layout) \(count) \(change) \(growth)")
        var runs: [Int] = []
        patched.view.forEachRun(meeting: window) { positions, isInside in
          runs += positions
          for position in positions where isInside { #expect(window.contains(boxes[position])) }
        }
        #expect(runs == found)
      }
      withExtendedLifetime(base) {}
    }
  }
}

private func != (a: InlineArray<2, Double>, b: InlineArray<2, Double>) -> Bool { a[0] != b[0] || a[1] != b[1] }
