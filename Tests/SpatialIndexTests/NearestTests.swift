import SpatialIndex
import TestSupport
import Testing

@Suite("Nearest")
struct NearestTests {
  /// What a scan answers: by (distance, item), cut at `count` unless ties are wanted.
  func scan(
    _ distances: [Double?], count: Int, within distance: Double, withTies: Bool = false
  ) -> [Neighbour] {
    let all = distances.enumerated().compactMap { item, squared -> Neighbour? in
      guard let squared, distance >= 0, squared <= distance * distance else { return nil }
      return Neighbour(item: item, squaredDistance: squared)
    }.sorted { ($0.squaredDistance, $0.item) < ($1.squaredDistance, $1.item) }
    guard withTies, count > 0, count < all.count else { return Array(all.prefix(count)) }
    return all.filter { $0.squaredDistance <= all[count - 1].squaredDistance }
  }

  @Test("finds what a scan finds", arguments: Layout.allCases, sizes)
  func matchesScan(layout: Layout, count: Int) {
    func check<let D: Int>(_ boxes: [Box<D>]) {
      let tree = PackedRTree(boxes)
      for target in layout.windows(around: boxes, seed: 8).prefix(8) where !target.isEmpty {
        let distances = boxes.map { hasPlace($0) ? $0.squaredDistance(to: target) : nil }
        for wanted in [0, 1, 10, 300] {
          for withTies in [false, true] {
            let expected = scan(distances, count: wanted, within: .infinity, withTies: withTies)
            #expect(tree.nearest(to: target, count: wanted, withTies: withTies) == expected)
          }
          let far = expected(distances, wanted)
          #expect(
            tree.nearest(to: target, count: wanted, within: far)
              == scan(distances, count: wanted, within: far))
        }
        var iterator = NearestIterator(tree.view, to: target)
        var one: [Neighbour] = []
        while one.count < 40, let next = iterator.next() { one.append(next) }
        #expect(one == scan(distances, count: 40, within: .infinity))
      }
    }
    func expected(_ distances: [Double?], _ wanted: Int) -> Double {
      let sorted = distances.compactMap { $0 }.sorted()
      return sorted.isEmpty ? 1 : sorted[min(sorted.count - 1, wanted / 2)].squareRoot()
    }
    check(layout.boxes(count, seed: 1) as [Box2])
    check(layout.boxes(count, seed: 2) as [Box3])
  }

  @Test(
    "goes by the caller's distances and filter", arguments: [Layout.scattered, .slivers, .duplicates, .gaps, .large])
  func exactDistances(layout: Layout) {
    let boxes: [Box2] = layout.boxes(600, seed: 3)
    let tree = PackedRTree(boxes)
    // What lies in a box is its upper left corner; every fifth item is filtered out.
    func measure(_ item: Int, _ x: Double, _ y: Double) -> Double? {
      if item % 5 == 2 { return nil }
      if item % 5 == 4 { return .nan }
      let (u, v) = (boxes[item].min[0] - x, boxes[item].max[1] - y)
      return u * u + v * v
    }
    for target in layout.windows(around: boxes, seed: 8) where target.min[0].isFinite && !target.isEmpty {
      let (x, y) = (target.min[0], target.max[1])
      let point = Box2(x, y, x, y)
      let distances = boxes.indices.map { i -> Double? in
        guard hasPlace(boxes[i]), let squared = measure(i, x, y), !squared.isNaN else { return nil }
        return squared
      }
      for (wanted, within) in [(1, Double.infinity), (7, .infinity), (7, 0.3), (50, 200), (1000, .infinity)] {
        for withTies in [false, true] {
          var asked: Set<Int> = []
          let found = tree.nearest(to: point, count: wanted, within: within, withTies: withTies) { item in
            #expect(asked.insert(item).inserted)
            return measure(item, x, y)
          }
          #expect(found == scan(distances, count: wanted, within: within, withTies: withTies))
          if layout == .scattered, wanted == 1 { #expect(asked.count < 60) }
        }
        var iterator = NearestIterator(tree.view, to: point, within: within)
        var one: [Neighbour] = []
        while one.count < wanted, let next = iterator.next(squaredDistance: { measure($0, x, y) }) { one.append(next) }
        #expect(one == scan(distances, count: wanted, within: within))
      }
    }
  }

  @Test("keeps an item whose exact distance rounds below that of its box")
  func roundingDoesNotLoseItems() {
    // Four thousand kilometres from the origin a distance computed along an edge may come out a little short.
    let boxes = (0..<200).map { i in Box2(3.8e6 + Double(i), 3.8e6, 3.8e6 + Double(i) + 0.5, 3.8e6 + 1) }
    let tree = PackedRTree(boxes)
    let target = Box2(3.8e6 - 1, 3.8e6 - 1, 3.8e6 - 1, 3.8e6 - 1)
    let short = boxes.map { $0.squaredDistance(to: target) - 1e-8 }
    let found = tree.nearest(to: target, count: 200) { short[$0] }
    #expect(found == scan(short, count: 200, within: .infinity))
    #expect(tree.nearest(to: target, count: 3, within: (2 - 0.5e-8).squareRoot()) { short[$0] }.map(\.item) == [0])
  }

  @Test("a list is used again without a trace of the search before")
  func listIsReused() {
    let boxes: [Box2] = Layout.scattered.boxes(400, seed: 2)
    let tree = PackedRTree(boxes)
    var list = NearestList(count: 5)
    for target in boxes.prefix(20) {
      tree.view.nearest(to: target, into: &list)
      #expect(list.array == tree.nearest(to: target, count: 5))
      tree.view.nearest(to: target, within: -1, into: &list)
      #expect(list.count == 0)
    }
  }

  @Test("what the measure throws ends the search")
  func throwsThrough() {
    struct Enough: Error {}
    let tree = PackedRTree(Layout.scattered.boxes(1000, seed: 1) as [Box2])
    #expect(throws: Enough.self) {
      _ = try tree.nearest(to: Box2(0, 0, 0, 0), count: 3) { _ throws(Enough) -> Double? in throw Enough() }
    }
  }
}

@Suite("Nearest of each")
struct NearestOfEachTests {
  @Test("answers for many points as for each alone", arguments: Layout.allCases, [0, 1, 5, 17, 700])
  func matchesSingleSearches(layout: Layout, count: Int) {
    func check<let D: Int>(_ boxes: [Box<D>], _ targets: [Box<D>]) {
      // Points among the boxes, crowded and scattered, some twice, some without a place.
      var coordinates = targets.flatMap { box in (0..<D).map { box.min[$0] } }
      coordinates += coordinates.prefix(10 * D)
      let tree = PackedRTree(boxes)
      coordinates.withUnsafeBufferPointer { points in
        HilbertOrder.order(ofPoints: points, dimensions: D).withUnsafeBufferPointer { order in
          for (wanted, distance) in [(1, Double.infinity), (3, .infinity), (1, 15), (2, -1), (0, 5)] {
            var calls: [Int] = []
            var wrong: [Int] = []
            tree.view.forEachNearest(to: points, order: order, count: wanted, within: distance) { point, neighbours in
              calls.append(point)
              var target = Box<D>.empty
              for d in 0..<D { target.min[d] = points[point * D + d] }
              target.max = target.min
              let expected = hasPlace(target) ? tree.nearest(to: target, count: wanted, within: distance) : []
              if Array(neighbours) != expected { wrong.append(point) }
            }
            #expect(calls == order.map(Int.init))
            #expect(wrong.isEmpty)
          }
        }
      }
    }
    check(layout.boxes(count, seed: 1) as [Box2], layout.boxes(200, seed: 2))
    check(layout.boxes(count, seed: 3) as [Box3], Layout.duplicates.boxes(100, seed: 4))
  }
}
