import CIMEngine
import SpatialIndex

/// Where callgrind starts and stops to count.
@inline(never)
func measured(_ work: () -> Double) -> Double { work() }

/// A fixed small input, the same on every machine: 20,000 buildings, 900 zones with shared borders, 20,000 points.
private struct SmallCity {
  let boxes = UnsafeBufferPointer(randomBoxes(20_000))
  let side = (20_000.0 / 900).squareRoot() * 1000
  let buildings: GeometryStorage
  let zones: GeometryStorage
  let floods: GeometryStorage
  let points: UnsafeBufferPointer<Double>

  init() {
    var random = Random(state: 3)
    let side = (20_000.0 / 900).squareRoot() * 1000
    let boxes = self.boxes
    buildings = makeLayer(
      boxes.map { box in
        let (x0, y0, x1, y1) = (box.min[0], box.min[1], box.max[0], box.max[1])
        // The shape of an L.
        let (x, y) = ((x0 + x1) / 2, (y0 + y1) / 2)
        return [x0, y0, x1, y0, x1, y, x, y, x, y1, x0, y1, x0, y0]
      })
    let cell = side / 30
    let corners = (0..<31 * 31).map { i in
      (
        400_000 + cell * (Double(i % 31) + 0.3 * random.next()),
        3_780_000 + cell * (Double(i / 31) + 0.3 * random.next())
      )
    }
    zones = makeLayer(
      (0..<900).map { i in
        let first = i / 30 * 31 + i % 30
        return [first, first + 1, first + 32, first + 31, first].flatMap { [corners[$0].0, corners[$0].1] }
      })
    floods = makeLayer(
      (0..<20).map { _ in
        let (x, y) = (400_000 + side * random.next(), 3_780_000 + side * random.next())
        // A comb of 24 teeth.
        var ring: [Double] = []
        for tooth in 0..<24 {
          ring += [x + 50 * Double(tooth), y, x + 50 * Double(tooth) + 20, y + 400 + 800 * random.next()]
        }
        return ring + [x + 1200, y - 100, x, y - 100, x, y]
      })
    let count = 40_000
    let points = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
    for i in 0..<count { points[i] = (i % 2 == 0 ? 400_000 : 3_780_000) + side * random.next() }
    self.points = UnsafeBufferPointer(points)
  }
}

/// Polygons of one ring each.
private func makeLayer(_ rings: [[Double]]) -> GeometryStorage {
  func copy<T>(_ values: [T]) -> UnsafePointer<T> {
    let memory = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
    memory.initialize(from: values, count: values.count)
    return UnsafePointer(memory)
  }
  let numbers = (0...rings.count).map { UInt32($0) }
  var ends: [UInt32] = [0]
  for ring in rings { ends.append(ends[ends.count - 1] + UInt32(ring.count / 2)) }
  let boxes = rings.map { ring in
    stride(from: 0, to: ring.count, by: 2).reduce(Box2.empty) {
      $0.union(Box2(ring[$1], ring[$1 + 1], ring[$1], ring[$1 + 1]))
    }
  }
  return GeometryStorage(
    kinds: copy(Array(repeating: GeometryKind.polygon.rawValue, count: rings.count)), geometryOffsets: copy(numbers),
    partOffsets: copy(numbers), ringOffsets: copy(ends), xy: copy(rings.flatMap { $0 }), z: nil, boxes: copy(boxes),
    count: rings.count, collections: { _ in nil })
}

/// Runs one operation once on the small city and prints its check value; see `Benchmarks/instructions.py`.
func runOnce(_ operation: String) {
  let city = SmallCity()
  let tree = PackedRTree(city.boxes)
  let (view, points) = (tree.view, city.points)
  let layer = IndexedLayer(city.buildings, tree: view)
  var rows: [UInt32] = []
  let check: Double
  switch operation {
  case "build": check = measured { Double(PackedRTree(city.boxes).count) }
  case "windows":
    check = measured {
      for i in 0..<1000 {
        let (x, y) = (points[2 * i], points[2 * i + 1])
        view.append(meeting: Box2(x - 250, y - 250, x + 250, y + 250), to: &rows)
      }
      return Double(rows.count)
    }
  case "nearest":
    check = measured {
      var list = NearestList(count: 10)
      var sum = 0.0
      for i in 0..<1000 {
        let (x, y) = (points[2 * i], points[2 * i + 1])
        view.nearest(to: Box2(x, y, x, y), into: &list)
        sum += list[9].distance
      }
      return sum.rounded()
    }
  case "nearest-points":
    let pointTree = PackedRTree<2>(points: points)
    check = measured {
      var list = NearestList(count: 10)
      var sum = 0.0
      for i in 0..<1000 {
        let (x, y) = (points[2 * i] + 5, points[2 * i + 1] + 5)
        pointTree.view.nearest(to: Box2(x, y, x, y), into: &list)
        sum += list[9].distance
      }
      return sum.rounded()
    }
  case "nearest-of-each":
    check = measured {
      let order = HilbertOrder.order(ofPoints: points)
      var sum = 0.0
      order.withUnsafeBufferPointer { order in
        view.forEachNearest(to: points, order: order, count: 1) { sum += $1[0].distance }
      }
      return sum.rounded()
    }
  case "within":
    check = measured {
      for i in 0..<100 { layer.append(within: 300, of: .point(points[2 * i], points[2 * i + 1]), to: &rows) }
      return Double(rows.count)
    }
  case "points-in-polygons":
    check = measured {
      var counts = [Int](repeating: 0, count: city.zones.count)
      let join = PointsInPolygons(city.zones)
      return Double(counts.withUnsafeMutableBufferPointer { join.count(points: points, into: $0) })
    }
  case "intersects":
    check = measured {
      for i in 0..<city.floods.count { layer.append(intersecting: city.floods.view(i)!.copy(), to: &rows) }
      return Double(rows.count)
    }
  default:
    fail(
      "no operation \(operation): build, windows, nearest, nearest-points, nearest-of-each, within, "
        + "points-in-polygons or intersects")
  }
  print(check)
  withExtendedLifetime(tree) {}
}
