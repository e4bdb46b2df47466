import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// A layer in memory, under an index of its own.
struct MemoryLayer {
  let memory = OwnedMemory()
  let geometry: GeometryStorage
  let geometries: [Geometry?]

  init(_ geometries: [Geometry?]) {
    self.geometries = geometries
    geometry = GeometryStorage.make(geometries, in: memory)
  }
}

/// Two parts on one thread, the second first.
private let twoBackwards = Workers(count: 2) { count, body in
  for part in (0..<count).reversed() { body(part) }
}

@Suite("Points in polygons")
struct PointsInPolygonsTests {
  /// Compares with every polygon asked for every point.
  private func check(_ geometries: [Geometry?], _ points: [(Double, Double)], _ comment: Comment) {
    let layer = MemoryLayer(geometries)
    let join = PointsInPolygons(layer.geometry)
    let other = PointsInPolygons(layer.geometry, workers: twoBackwards)
    let xy = points.flatMap { [$0.0, $0.1] }
    var expectedPairs: [[Int]] = []
    var expectedCounts = [Int](repeating: 0, count: geometries.count)
    var placed = 0
    for (number, (x, y)) in points.enumerated() {
      let rows = geometries.indices.filter { row in
        guard let view = layer.geometry.view(row), !join.otherRows.contains(UInt32(row)), !view.isEmpty else {
          return false
        }
        return view.locate(x, y) != .outside
      }
      var found: [Int] = []
      join.forEachRow(x, y) { found.append(Int($0)) }
      #expect(found.sorted() == rows, "\(comment): (\(x), \(y))")
      join.forEachPlace(x, y) { row, isInside in
        let place = layer.geometry.view(Int(row))!.locate(x, y)
        #expect(place == (isInside ? .inside : .boundary), "\(comment): (\(x), \(y)) in \(row)")
      }
      var again: [Int] = []
      other.forEachRow(x, y) { again.append(Int($0)) }
      #expect(again == found, "\(comment): two workers, (\(x), \(y))")
      #expect(join.firstRow(x, y) == rows.first)
      for row in rows {
        expectedPairs.append([number, row])
        expectedCounts[row] += 1
      }
      if !rows.isEmpty { placed += 1 }
    }
    xy.withUnsafeBufferPointer { xy in
      var counts = [Int](repeating: 0, count: geometries.count)
      #expect(counts.withUnsafeMutableBufferPointer { join.count(points: xy, into: $0) } == placed)
      #expect(counts == expectedCounts)
      var (numbers, rows): ([UInt32], [UInt32]) = ([], [])
      join.appendPairs(points: xy, toPoints: &numbers, polygons: &rows)
      let pairs = zip(numbers, rows).map { [Int($0), Int($1)] }
      #expect(pairs.sorted { $0.lexicographicallyPrecedes($1) } == expectedPairs)
      // Every third point, backwards.
      let some = (0..<points.count).reversed().filter { $0 % 3 == 0 }.map { UInt32($0) }
      some.withUnsafeBufferPointer { some in
        var counts = [Int](repeating: 0, count: geometries.count)
        counts.withUnsafeMutableBufferPointer { _ = join.count(points: xy, numbers: some, into: $0) }
        (numbers, rows) = ([], [])
        join.appendPairs(points: xy, numbers: some, toPoints: &numbers, polygons: &rows)
        #expect(counts.reduce(0, +) == numbers.count)
        #expect(numbers == numbers.sorted(by: >))
        #expect(Set(zip(numbers, rows).map { [Int($0), Int($1)] }) == Set(expectedPairs.filter { $0[0] % 3 == 0 }))
      }
    }
  }

  /// Vertices, points on edges and beside them, and points anywhere.
  private func points(for geometries: [Geometry?], _ count: Int, seed: UInt64) -> [(Double, Double)] {
    var random = SplitMix64(seed: seed)
    let boxes = geometries.compactMap { $0?.box }.filter { $0.min[0].isFinite && $0.max[0].isFinite }
    let all = boxes.reduce(Box2.empty) { $0.union($1) }
    let shapes = geometries.compactMap { $0 }.filter { $0.vertexCount > 1 }
    var result: [(Double, Double)] = [(.nan, 0), (0, .infinity), (-.infinity, .nan), (1e300, -1e300)]
    guard !shapes.isEmpty else { return result + [(0, 0)] }
    result += [(all.min[0], all.min[1]), (all.max[0], all.max[1]), (all.min[0].nextDown, all.min[1])]
    for _ in 0..<count {
      let shape = shapes.randomElement(using: &random)!
      let v = Int.random(in: 0..<shape.vertexCount - 1, using: &random)
      let (a, b) = ((shape.xy[2 * v], shape.xy[2 * v + 1]), (shape.xy[2 * v + 2], shape.xy[2 * v + 3]))
      let t = Double.random(in: 0...1, using: &random)
      let on = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
      switch Int.random(in: 0..<8, using: &random) {
      case 0: result.append(a)
      case 1: result.append((a.0 * 0.5 + b.0 * 0.5, a.1 * 0.5 + b.1 * 0.5))
      case 2: result.append(on)
      case 3: result.append((on.0.nextUp, on.1))
      case 4: result.append((on.0, a.1))
      case 5: result.append((a.0, on.1.nextDown))
      default:
        let (u, v) = (Double.random(in: -0.01...1.01, using: &random), Double.random(in: -0.01...1.01, using: &random))
        let (width, height) = (all.max[0] - all.min[0], all.max[1] - all.min[1])
        result.append((all.min[0] + u * width, all.min[1] + v * height))
      }
    }
    return result
  }

  @Test("agrees with every polygon asked alone", arguments: [(0.0, 1.0), (1e7, 1), (0.3, 0.1), (3_846_931.204, 12.7)])
  func matchesLocate(origin: Double, step: Double) throws {
    for (side, count) in [(6, 3), (8, 40), (40, 30)] {
      var shapes = Shapes(seed: UInt64(side * 7 + count))
      (shapes.origin, shapes.step, shapes.side) = (origin, step, side)
      var geometries: [Geometry?] = [nil]
      for i in 0..<count {
        switch i % 5 {
        case 0: geometries.append(try shapes.multiPolygon())
        case 1: geometries.append(try shapes.cells())
        case 2: geometries.append(shapes.rectangle())
        default: geometries.append(try shapes.polygon())
        }
      }
      geometries += [.point(origin, origin), Geometry(kind: .polygon), shapes.line()]
      check(geometries, points(for: geometries, 250, seed: UInt64(side)), "lattice of \(side) at \(origin)")
    }
  }

  /// A partition of the plane into cells with jittered, shared borders of several edges.
  private func partition(_ side: Int, _ origin: (Double, Double), _ size: Double, seed: UInt64) -> [Geometry?] {
    var random = SplitMix64(seed: seed)
    func jitter() -> Double { Double.random(in: -0.2...0.2, using: &random) }
    var corners: [[(Double, Double)]] = []
    for row in 0...side { corners.append((0...side).map { (Double($0) + jitter(), Double(row) + jitter()) }) }
    func border(_ a: (Double, Double), _ b: (Double, Double), _ count: Int) -> [(Double, Double)] {
      (0..<count).map { i in
        let t = Double(i) / Double(count)
        let off = i == 0 ? 0 : jitter() * 0.3
        return (a.0 + t * (b.0 - a.0) + off * (b.1 - a.1), a.1 + t * (b.1 - a.1) - off * (b.0 - a.0))
      }
    }
    let across = (0...side).map { r in (0..<side).map { c in border(corners[r][c], corners[r][c + 1], 5) } }
    let up = (0..<side).map { r in (0...side).map { c in border(corners[r][c], corners[r + 1][c], 4) } }
    func reversed(_ path: [(Double, Double)], _ end: (Double, Double)) -> [(Double, Double)] {
      [end] + path.dropFirst().reversed()
    }
    return (0..<side * side).map { i in
      let (r, c) = (i / side, i % side)
      var ring = across[r][c] + up[r][c + 1]
      ring += reversed(across[r + 1][c], corners[r + 1][c + 1]) + reversed(up[r][c], corners[r + 1][c])
      ring.append(ring[0])
      return .polygon([ring.flatMap { [origin.0 + size * $0.0, origin.1 + size * $0.1] }])
    }
  }

  @Test("a partition with shared borders: every point of the middle is found", arguments: [1.0, 800.0, 1e-3])
  func partitions(size: Double) {
    let geometries = partition(12, (463_000, 3_847_000), size, seed: UInt64(size))
    check(geometries, points(for: geometries, 700, seed: 5), "partition")
    let layer = MemoryLayer(geometries)
    let join = PointsInPolygons(layer.geometry)
    var random = SplitMix64(seed: 9)
    for _ in 0..<500 {
      let x = 463_000 + size * Double.random(in: 0.5...11.5, using: &random)
      let y = 3_847_000 + size * Double.random(in: 0.5...11.5, using: &random)
      #expect(join.firstRow(x, y) != nil)
    }
  }

  @Test("hostile layers")
  func hostile() {
    var random = SplitMix64(seed: 44)
    func number(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
    var layers: [(Comment, [Geometry?])] = []
    layers.append(("nothing", []))
    layers.append(("NULLs", [nil, nil]))
    layers.append(("empty", [Geometry(kind: .polygon), Geometry(kind: .multiPolygon)]))
    layers.append(("one point", [.polygon([[3, 4]]), .polygon([[3, 4, 3, 4, 3, 4]])]))
    layers.append(("flat", [.polygon([[0, 0, 5, 0, 10, 0, 0, 0]]), .polygon([[1, -3, 1, 8, 1, 2, 1, -3]])]))
    layers.append(("bow tie", [.polygon([[0, 0, 4, 4, 4, 0, 0, 4, 0, 0]])]))
    layers.append(
      ("there and back", [.polygon([[0, 0, 4, 0, 4, 4, 2, 4, 2, 9, 2, 4, 0, 4, 0, 0]]), .rectangle(Box2(2, 4, 6, 9))]))
    layers.append(
      ("not finite", [.polygon([[0, 0, .nan, 4, 4, 0, 0, 0]]), .polygon([[0, 0, .infinity, 4, 4, 0, 0, 0]])]))
    layers.append(("huge", [.rectangle(Box2(-1e140, -1e140, 1e139, 1e139)), .rectangle(Box2(-1, -1, 2, 3))]))
    layers.append(("an outlier", [.rectangle(Box2(1e12, 1e12, 1e12 + 1, 1e12 + 1))] + partition(4, (0, 0), 1, seed: 2)))
    var zigzag: [Double] = []
    for i in 0...200 { zigzag += [Double(i), i % 2 == 0 ? 0 : 900] }
    zigzag += [200, -1, 0, -1, 0, 0]
    layers.append(("zigzag", [.polygon([zigzag])]))
    var slivers: [Geometry?] = []
    for i in 0..<60 {
      let y = Double(i)
      slivers.append(.polygon([[0, y, 1e5, y + 1e-7, 1e5, y + 0.4, 0, y]]))
    }
    layers.append(("slivers", slivers))
    layers.append(("many alike", Array(repeating: .polygon([[0, 0, 7, 1, 6, 8, -1, 6, 0, 0]]), count: 70)))
    var nested: [Geometry?] = []
    for i in 1..<80 { nested.append(.rectangle(Box2(-Double(i), -Double(i), Double(i), Double(i)))) }
    layers.append(("nested", nested))
    var star: [Double] = []
    for i in 0..<400 {
      let (angle, radius) = (Double(i) / 400 * 2 * Double.pi, number(20...100))
      star += [radius * cosine(angle), radius * cosine(angle - Double.pi / 2)]
    }
    star += Array(star.prefix(2))
    let hole: [Double] = [-9, -9, 9, -9, 9, 9, -9, 9, -9, -9]
    layers.append(("a star with a hole", [.polygon([star, hole])] + partition(3, (-4, -4), 3, seed: 8)))
    var islands = Geometry(kind: .multiPolygon)
    for i in 0..<50 {
      let (x, y) = (Double(i % 8) * 2, Double(i / 8) * 2)
      islands.appendPart(rings: [[x, y, x + 2, y, x + 2, y + 1, x, y + 1, x, y]])
    }
    layers.append(("islands that touch", [islands, .rectangle(Box2(-5, -5, 30, 30))]))
    // Not valid: one part lies in another.
    var inOneAnother = Geometry(kind: .multiPolygon)
    inOneAnother.appendPart(rings: [[-90, -90, 90, -90, 90, 90, -90, 90, -90, -90]])
    inOneAnother.appendPart(rings: [[1, 1, 2, 1, 2, 2, 1, 2, 1, 1]])
    layers.append(("parts in one another", [inOneAnother] + partition(6, (0, 0), 1, seed: 3)))
    for (i, (name, geometries)) in layers.enumerated() {
      check(geometries, points(for: geometries, 160, seed: UInt64(i)), name)
    }
  }

  @Test("rows to take and rows of another kind")
  func rows() {
    var collection = Geometry(kind: .geometryCollection)
    collection.members = [.rectangle(Box2(0, 0, 9, 9))]
    let layer = MemoryLayer([.rectangle(Box2(0, 0, 4, 4)), .point(1, 1), nil, collection, .rectangle(Box2(0, 0, 8, 8))])
    let all = PointsInPolygons(layer.geometry)
    #expect(all.otherRows == [1, 3])
    let spoilt = MemoryLayer([
      .polygon([[0, 0, .nan, 4, 4, 0, 0, 0]]), .polygon([[0, 0, .infinity, 4, 4, 0, 0, 0]]),
      .rectangle(Box2(-1e149, 0, 1, 1)), .rectangle(Box2(0, 0, 1, 1)),
    ])
    #expect(PointsInPolygons(spoilt.geometry).otherRows == [0, 1, 2])
    let some = [UInt32(4), 3].withUnsafeBufferPointer { PointsInPolygons(layer.geometry, rows: $0) }
    #expect(some.otherRows == [3])
    var found: [UInt32] = []
    some.forEachRow(4, 4) { found.append($0) }
    #expect(found == [4])
    #expect(all.firstRow(4, 4) == 0)
  }
}

extension PointsInPolygonsTests {
  @Test("rows edited since the layer was packed are read as they are now")
  func editedRows() {
    let packed = MemoryLayer([.rectangle(Box2(0, 0, 4, 4)), .rectangle(Box2(10, 0, 14, 4)), nil])
    let edited = MemoryLayer([.rectangle(Box2(20, 0, 24, 4)), .rectangle(Box2(30, 0, 34, 4))])
    let storage = UnsafeMutablePointer<GeometryStorage>.allocate(capacity: 1)
    storage.initialize(to: edited.geometry)
    defer {
      storage.deinitialize(count: 1)
      storage.deallocate()
    }
    [UInt64(0b1010)].withUnsafeBufferPointer { words in
      [UInt32(1), 3].withUnsafeBufferPointer { rows in
        let set = PatchedRows(words: words.baseAddress!, rows: rows.baseAddress!, count: 2)
        let now = packed.geometry.patched(GeometryPatches(rows: set, storage: storage), count: 4)
        let join = PointsInPolygons(now)
        #expect([(1.0, 1.0), (11, 1), (21, 1), (31, 1)].map { join.firstRow($0.0, $0.1) } == [0, nil, 1, 3])
      }
    }
    withExtendedLifetime((packed, edited)) {}
  }
}

/// The cosine by its series: tests of kernels need no more.
private func cosine(_ angle: Double) -> Double {
  var x = angle.truncatingRemainder(dividingBy: 2 * .pi)
  if x < 0 { x += 2 * .pi }
  x -= .pi
  var (term, sum) = (1.0, 1.0)
  for n in 1..<14 {
    term *= -x * x / Double((2 * n - 1) * 2 * n)
    sum += term
  }
  return -sum
}
