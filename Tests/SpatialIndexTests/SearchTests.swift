import SpatialIndex
import TestSupport
import Testing

@Suite("Search")
struct SearchTests {
  @Test("finds what a scan finds", arguments: Layout.allCases, sizes)
  func matchesScan(layout: Layout, count: Int) {
    func check<let D: Int>(_ boxes: [Box<D>]) {
      let sorted = arranged(boxes)
      for (tree, boxes) in [
        (PackedRTree(boxes), boxes), (PackedRTree(sortedBoxes: sorted), sorted),
        (PackedRTree(sortedBoxes: boxes), boxes),
      ] {
        #expect(tree.view.violation() == nil)
        #expect(tree.count == boxes.count)
        for window in layout.windows(around: boxes, seed: 7) {
          let expected = boxes.indices.filter { hasPlace(boxes[$0]) && boxes[$0].intersects(window) }
          var found: [Int] = []
          tree.forEach(meeting: window) { found.append($0) }
          #expect(found.sorted() == expected)
          if tree.view.isSorted { #expect(found == expected) }
          var appended: [UInt32] = []
          tree.view.append(meeting: window, to: &appended)
          #expect(appended.map(Int.init) == found)

          var runs: [Int] = []
          var contained = true
          tree.view.forEachRun(meeting: window) { positions, isInside in
            for position in positions {
              let item = tree.view.item(at: position)
              runs.append(item)
              if isInside, !window.contains(boxes[item]) { contained = false }
            }
          }
          #expect(contained)
          #expect(runs == found)
        }
      }
    }
    check(layout.boxes(count, seed: 1) as [Box2])
    check(layout.boxes(count, seed: 2) as [Box3])
  }

  @Test("finds what lies within a distance as a scan does", arguments: Layout.allCases, [0, 1, 16, 17, 257, 1000])
  func distanceMatchesScan(layout: Layout, count: Int) {
    func check<let D: Int>(_ boxes: [Box<D>]) {
      let tree = PackedRTree(boxes)
      let side = (0..<D).map { tree.bounds.max[$0] - tree.bounds.min[$0] }.max() ?? 0
      for window in layout.windows(around: boxes, seed: 3) where !window.isEmpty {
        for distance in [0, side / 50, side / 4, .infinity, -1, .nan] {
          let expected = boxes.indices.filter {
            hasPlace(boxes[$0]) && distance >= 0 && boxes[$0].squaredDistance(to: window) <= distance * distance
          }
          var found: [Int] = []
          tree.forEach(within: distance, of: window) { found.append($0) }
          #expect(found.sorted() == expected)
          var runs: [Int] = []
          var contained = true
          tree.view.forEachRun(within: distance, of: window) { positions, isInside in
            for position in positions {
              let box = tree.view.box(at: position)
              runs.append(tree.view.item(at: position))
              guard isInside else { continue }
              var far = 0.0
              for d in 0..<D {
                let gap = max(0, box.max[d] - window.max[d], window.min[d] - box.min[d])
                far += gap * gap
              }
              if !(far <= distance * distance) { contained = false }
            }
          }
          #expect(contained)
          #expect(runs == found)
        }
      }
    }
    check(layout.boxes(count, seed: 4) as [Box2])
    check(layout.boxes(count, seed: 5) as [Box3])
  }

  @Test("gives long runs to a window that covers much")
  func runsAreLong() {
    let boxes = arranged(Layout.scattered.boxes(5000, seed: 11) as [Box2])
    let tree = PackedRTree(sortedBoxes: boxes)
    var runs = 0
    tree.view.forEachRun(meeting: tree.bounds) { positions, isInside in
      #expect(positions == 0..<5000 && isInside)
      runs += 1
    }
    #expect(runs == 1)
  }

  @Test("a window that is empty or not a number meets nothing")
  func emptyWindows() {
    let tree = PackedRTree(Layout.scattered.boxes(100, seed: 1) as [Box2])
    for window in [Box2.empty, Box2(.nan, 0, 1000, 1000), Box2(10, 10, 5, 20)] {
      tree.forEach(meeting: window) { _ in Issue.record("met \(window)") }
      tree.forEach(within: 1e9, of: window) { _ in Issue.record("near \(window)") }
    }
  }

  @Test("what the body throws ends the search")
  func throwsThrough() {
    struct Enough: Error {}
    let tree = PackedRTree(Layout.scattered.boxes(1000, seed: 1) as [Box2])
    var calls = 0
    #expect(throws: Enough.self) {
      try tree.forEach(meeting: tree.bounds) { _ throws(Enough) in
        calls += 1
        if calls == 10 { throw Enough() }
      }
    }
    #expect(calls == 10)
  }

  @Test("a tree of points takes half the memory and finds the same")
  func pointsAreCompact() {
    let boxes: [Box2] = Layout.points.boxes(2000, seed: 6)
    let coordinates = boxes.flatMap { [$0.min[0], $0.min[1]] }
    let points = coordinates.withUnsafeBufferPointer { PackedRTree<2>(points: $0) }
    let tree = PackedRTree(boxes)
    let size = tree.withBytes { $0.count }
    #expect(points.withBytes { Array($0) } == tree.withBytes { Array($0) })
    #expect(size < 2000 * (16 + 4) * 5 / 4)
    #expect(PackedRTree(Layout.scattered.boxes(2000, seed: 6) as [Box2]).withBytes { $0.count } > 2000 * 32)
  }

  @Test("boxes can be read back by position")
  func boxesComeBack() {
    let boxes: [Box3] = Layout.gaps.boxes(300, seed: 6)
    let view = PackedRTree(boxes).view
    let tree = PackedRTree(boxes)
    _ = view.count
    for position in 0..<tree.count {
      let box = boxes[tree.view.item(at: position)]
      #expect(tree.view.box(at: position) == (hasPlace(box) ? box : .empty))
    }
  }
}
