import SpatialIndex
import TestSupport
import Testing

@Suite("Join")
struct JoinTests {
  struct Pair: Hashable {
    var a: Int
    var b: Int
  }

  @Test(
    "gives the pairs that two loops give", arguments: Layout.allCases,
    [(0, 5), (1, 1), (16, 257), (257, 17), (120, 90)])
  func matchesLoops(layout: Layout, counts: (Int, Int)) {
    func check<let D: Int>(_ a: [Box<D>], _ b: [Box<D>]) {
      let (treeA, treeB) = (PackedRTree(a), PackedRTree(sortedBoxes: b))
      var expected: Set<Pair> = []
      for i in a.indices where hasPlace(a[i]) {
        for j in b.indices where hasPlace(b[j]) && a[i].intersects(b[j]) { expected.insert(Pair(a: i, b: j)) }
      }
      var found: [Pair] = []
      treeA.view.forEachPair(meeting: treeB.view) { found.append(Pair(a: $0, b: $1)) }
      #expect(found.count == expected.count)
      #expect(Set(found) == expected)

      let distance = layout == .large ? 0.01 : layout == .huge ? 1e299 : 20
      expected = []
      for i in a.indices where hasPlace(a[i]) {
        for j in b.indices where hasPlace(b[j]) && a[i].squaredDistance(to: b[j]) <= distance * distance {
          expected.insert(Pair(a: i, b: j))
        }
      }
      found = []
      treeA.view.forEachPair(within: distance, of: treeB.view) { found.append(Pair(a: $0, b: $1)) }
      #expect(found.count == expected.count)
      #expect(Set(found) == expected)
    }
    check(layout.boxes(counts.0, seed: 1) as [Box2], layout.boxes(counts.1, seed: 2))
    check(layout.boxes(counts.0, seed: 3) as [Box3], layout.boxes(counts.1, seed: 4))
  }
}
