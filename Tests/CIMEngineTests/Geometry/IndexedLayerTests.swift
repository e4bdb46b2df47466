import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Rows of an indexed layer")
struct IndexedLayerTests {
  /// Compares both selections with a look at every row, on an index in the order of the rows and on one that is not.
  private func check(_ geometries: [Geometry?], _ others: [Geometry], distances: [Double]) {
    let order = HilbertOrder.order(of: geometries.map { $0?.box ?? .empty })
    for (geometries, isSorted) in [(order.map { geometries[Int($0)] }, true), (geometries, false)] {
      let layer = MemoryLayer(geometries)
      let boxes = geometries.map { $0?.box ?? .empty }
      let tree = isSorted ? PackedRTree(sortedBoxes: boxes) : PackedRTree(boxes)
      let indexed = IndexedLayer(layer.geometry, tree: tree.view)
      for other in others {
        var rows: [UInt32] = []
        indexed.append(intersecting: other, to: &rows)
        let expected = geometries.indices.filter { geometries[$0]?.intersects(other) == true }
        #expect(rows.map { Int($0) }.sorted() == expected, "\(WKT.write(other))")
        if isSorted { #expect(rows == rows.sorted()) }
        for distance in distances {
          rows.removeAll()
          indexed.append(within: distance, of: other, to: &rows)
          let near = geometries.indices.filter { geometries[$0]?.isWithin(distance, of: other) == true }
          #expect(rows.map { Int($0) }.sorted() == near, "\(distance) from \(WKT.write(other))")
        }
      }
      withExtendedLifetime((tree, layer)) {}
    }
  }

  @Test("agrees with a scan on lattices", arguments: [(0.0, 1.0), (1e7, 1), (3_846_931.204, 12.7)])
  func lattices(origin: Double, step: Double) throws {
    var shapes = Shapes(seed: 5)
    (shapes.origin, shapes.step, shapes.side) = (origin, step, 12)
    var geometries: [Geometry?] = [nil, Geometry(kind: .polygon)]
    for _ in 0..<60 { geometries.append(try shapes.any()) }
    var collection = Geometry(kind: .geometryCollection)
    collection.members = [shapes.point(), shapes.rectangle(), shapes.line()]
    geometries.append(collection)
    var others = [collection, Geometry(kind: .lineString)]
    for _ in 0..<12 { others.append(try shapes.any()) }
    others += [shapes.point(), shapes.point()]
    check(geometries, others, distances: [0, step, 2.5 * step, -1])
  }

  /// Small buildings, streets and points inside, on and outside of large zones with holes: most rows come in whole runs.
  @Test("agrees with a scan where large zones have many rows")
  func zones() throws {
    var random = SplitMix64(seed: 12)
    func number(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
    var geometries: [Geometry?] = []
    for i in 0..<700 {
      let (x, y) = (463_000 + number(0...3000).rounded(), 3_847_000 + number(0...3000).rounded())
      switch i % 9 {
      case 0: geometries.append(.point(x, y))
      case 1: geometries.append(.line([x, y, x + number(-90...90), y + number(-90...90)]))
      default: geometries.append(.rectangle(Box2(x, y, x + number(5...60).rounded(), y + number(5...60).rounded())))
      }
    }
    func square(_ x: Double, _ y: Double, _ side: Double) -> [Double] {
      let (x0, y0, x1, y1) = (463_000 + x, 3_847_000 + y, 463_000 + x + side, 3_847_000 + y + side)
      return [x0, y0, x1, y0, x1, y1, x0, y1, x0, y0]
    }
    var zigzag = [Double]()
    for i in 0...40 { zigzag += [463_000 + Double(i) * 75, 3_847_000 + (i % 2 == 0 ? 300.0 : 2600.0)] }
    zigzag += [466_000, 3_847_100, 463_000, 3_847_100, 463_000, 3_847_300]
    var two = Geometry(kind: .multiPolygon)
    two.appendPart(rings: [square(100, 100, 900), square(300, 300, 400)])
    two.appendPart(rings: [square(1000, 1000, 1500)])
    let others: [Geometry] = [
      .polygon([square(200, 200, 2500), square(700, 700, 900), square(1800, 1800, 500)]), .polygon([zigzag]), two,
      .rectangle(Box2(462_000, 3_846_000, 470_000, 3_850_000)), .line(square(500, 500, 2000)),
      .point(464_500, 3_848_500),
    ]
    check(geometries, others, distances: [0, 250, 1200])
  }

  @Test("runs that a region tells are taken whole and not asked for again")
  func regions() {
    var boxes: [Box2] = []
    for i in 0..<4000 {
      let (x, y) = (Double(i % 64), Double(i / 64))
      boxes.append(Box2(x, y, x + 0.5, y + 0.5))
    }
    let sorted = HilbertOrder.order(of: boxes).map { boxes[Int($0)] }
    let tree = PackedRTree(sortedBoxes: sorted)
    // A triangle: inside below the diagonal.
    func place(_ box: Box2) -> BoxPlace {
      if box.max[0] + box.max[1] <= 60 { return .inside }
      return box.min[0] + box.min[1] > 60 ? .outside : .unknown
    }
    var asked = 0
    var rows: [Int] = []
    tree.view.forEachRun(
      meeting: Box2(0, 0, 61, 61),
      placedBy: { box in
        asked += 1
        return place(box)
      }
    ) { positions, isInside in
      for position in positions where isInside || sorted[position].min[0] + sorted[position].min[1] <= 60 {
        if isInside { #expect(place(sorted[position]) == .inside) }
        rows.append(position)
      }
    }
    #expect(rows == sorted.indices.filter { sorted[$0].min[0] + sorted[$0].min[1] <= 60 })
    #expect(asked < rows.count / 2)
  }
}
