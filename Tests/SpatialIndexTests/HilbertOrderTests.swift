import SpatialIndex
import TestSupport
import Testing

@Suite("Hilbert order")
struct HilbertOrderTests {
  @Test("visits every cell of a square once, each beside the one before", arguments: [2, 8, 64])
  func curveIsContinuous(side: Int) {
    // One item in each cell: the order must be a walk in steps of one.
    let boxes = (0..<side * side).map { i in
      Box2(Double(i % side), Double(i / side), Double(i % side), Double(i / side))
    }
    let order = HilbertOrder.order(of: boxes)
    #expect(order.map(Int.init).sorted() == Array(boxes.indices))
    #expect(zip(order, order.dropFirst()).allSatisfy { boxes[Int($0)].squaredDistance(to: boxes[Int($1)]) == 1 })
  }

  @Test("visits every cell of a cube once, each beside the one before")
  func curveIsContinuousInSpace() {
    let side = 16
    let boxes = (0..<side * side * side).map { i in
      let corner: InlineArray<3, Double> = [
        Double(i % side), Double(i / side % side), Double(i / side / side),
      ]
      return Box3(min: corner, max: corner)
    }
    let order = HilbertOrder.order(of: boxes)
    #expect(zip(order, order.dropFirst()).allSatisfy { boxes[Int($0)].squaredDistance(to: boxes[Int($1)]) == 1 })
  }

  @Test("is a permutation, with items that have no place at its end in their order", arguments: Layout.allCases, sizes)
  func isPermutation(layout: Layout, count: Int) {
    func check<let D: Int>(_ boxes: [Box<D>]) {
      let order = HilbertOrder.order(of: boxes).map(Int.init)
      #expect(order.sorted() == Array(boxes.indices))
      let placed = boxes.count { hasPlace($0) }
      #expect(order.prefix(placed).allSatisfy { hasPlace(boxes[$0]) })
      #expect(Array(order.dropFirst(placed)) == boxes.indices.filter { !hasPlace(boxes[$0]) })
      #expect(HilbertOrder.order(of: boxes, workers: twoBackwards).map(Int.init) == order)
    }
    check(layout.boxes(count, seed: 1) as [Box2])
    check(layout.boxes(count, seed: 1) as [Box3])
  }

  @Test("does not depend on the number of workers, also where the work is really cut")
  func workersDoNotMatter() {
    let boxes: [Box2] = Layout.scattered.boxes(70_000, seed: 5)
    #expect(HilbertOrder.order(of: boxes) == HilbertOrder.order(of: boxes, workers: twoBackwards))
  }

  @Test("keeps the order of the input at equal places")
  func equalPlacesKeepOrder() {
    let boxes = (0..<100).map { _ in Box2(3, 4, 5, 6) }
    #expect(HilbertOrder.order(of: boxes) == Array(0..<100))
  }

  @Test("looks closer where one far outlier squeezes everything into one cell")
  func outlierDoesNotSpoilTheOrder() {
    // The walk through the crowd must be about as short as without the outlier.
    func walk(_ boxes: [Box2]) -> Double {
      let order = HilbertOrder.order(of: boxes).map { boxes[Int($0)] }.filter { $0.min[0] < 10 }
      return zip(order, order.dropFirst()).reduce(0) { $0 + $1.0.squaredDistance(to: $1.1).squareRoot() }
    }
    let boxes: [Box2] = Layout.outlier.boxes(2000, seed: 3)
    #expect(walk(boxes) < 1.5 * walk(Array(boxes.dropFirst())))
  }

  @Test("orders points as it orders their boxes")
  func pointsAreBoxes() {
    let boxes: [Box2] = Layout.points.boxes(500, seed: 9)
    let points = boxes.flatMap { [$0.min[0], $0.min[1]] }
    #expect(points.withUnsafeBufferPointer { HilbertOrder.order(ofPoints: $0) } == HilbertOrder.order(of: boxes))
  }
}
