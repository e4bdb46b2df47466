import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// The cells of all polygons against a scan of them.
@Suite("Matching points with polygons")
struct TargetPartitionTests {
  /// Shapes in memory whose views stay where they are.
  private final class Shapes: @unchecked Sendable {
    let prepared:
      [(
        geometry: Geometry, xy: UnsafeMutablePointer<Double>, rings: UnsafeMutablePointer<UInt32>,
        parts: UnsafeMutablePointer<UInt32>
      )]
    init(_ geometries: [Geometry]) {
      prepared = geometries.map { g in
        func copy<T>(_ list: [T]) -> UnsafeMutablePointer<T> {
          let memory = UnsafeMutablePointer<T>.allocate(capacity: max(1, list.count))
          memory.initialize(from: list, count: list.count)
          return memory
        }
        return (g, copy(g.xy), copy(g.ringOffsets), copy(g.partOffsets))
      }
    }
    deinit {
      for shape in prepared {
        shape.xy.deallocate()
        shape.rings.deallocate()
        shape.parts.deallocate()
      }
    }
    func view(_ row: Int) -> GeometryView? {
      let s = prepared[row]
      if s.geometry.isEmpty { return nil }
      return GeometryView(
        kind: s.geometry.kind, xy: s.xy, z: nil, ringOffsets: s.rings, partOffsets: s.parts,
        partCount: s.geometry.partOffsets.count - 1)
    }
  }

  private func check(_ geometries: [Geometry], points: [(Double, Double)], seed: UInt64) {
    let layer = MemoryLayer(geometries)
    var random = SplitMix64(seed: seed)
    let rank = geometries.indices.map { UInt32($0) }.shuffled(using: &random)
    for threads in 1...2 {
      let partition = TargetPartition(layer.geometry, rank: rank, threads: threads)
      for (x, y) in points {
        var (inner, edges) = (0, 0)
        var best: Int?
        for row in geometries.indices where !geometries[row].isEmpty {
          switch geometries[row].withView({ $0.locate(x, y) }) {
          case .outside: continue
          case .inside: inner += 1
          case .boundary: edges += 1
          }
          if best == nil || rank[row] < rank[best!] { best = row }
        }
        let found = partition.locate(x, y)
        #expect(found.row == best.map { UInt32($0) } ?? TargetPartition.none, "(\(x), \(y)) seed \(seed)")
        let place: TargetPartition.Place =
          inner + edges == 0 ? .outside : inner + edges == 1 ? .inside : inner == 0 ? .sharedEdge : .overlap
        #expect(found.place == place, "(\(x), \(y)) seed \(seed)")
      }
    }
  }

  @Test(
    "finds what a scan finds: shared edges, overlaps, holes, several parts", arguments: 1...6 as ClosedRange<UInt64>)
  func matchesScan(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    func coordinate() -> Double { Double(Int.random(in: 0...60, using: &random)) / 4 }
    var geometries: [Geometry] = []
    // A coverage with crooked edges, and loose shapes over it.
    let n = 5
    let vertices = (0...n).map { j in
      (0...n).map { i in
        (Double(i) * 3 + Double(Int.random(in: -3...3, using: &random)) / 4, Double(j) * 3 + coordinate() / 16)
      }
    }
    for j in 0..<n {
      for i in 0..<n where Int.random(in: 0..<8, using: &random) > 0 {
        let ring = [vertices[j][i], vertices[j][i + 1], vertices[j + 1][i + 1], vertices[j + 1][i], vertices[j][i]]
        geometries.append(.polygon([ring.flatMap { [$0.0, $0.1] }]))
      }
    }
    for _ in 0..<3 {
      let (x, y) = (coordinate(), coordinate())
      geometries.append(
        .polygon([
          [x, y, x + 4, y, x + 4, y + 4, x, y + 4, x, y],
          [x + 1, y + 1, x + 1, y + 2, x + 2, y + 2, x + 2, y + 1, x + 1, y + 1],
        ]))
    }
    var multi = Geometry(kind: .multiPolygon)
    multi.appendPart(rings: [[0, 0, 1, 0, 1, 1, 0, 0]])
    multi.appendPart(rings: [[10, 10, 14, 10, 10, 14, 10, 10]])
    geometries += [multi, Geometry(kind: .polygon)]
    var points = vertices.flatMap { $0 }
    for j in 0..<n {
      for i in 0..<n {
        points.append(((vertices[j][i].0 + vertices[j][i + 1].0) / 2, (vertices[j][i].1 + vertices[j][i + 1].1) / 2))
      }
    }
    for _ in 0..<300 { points.append((coordinate() * 1.2 - 1, coordinate() * 1.2 - 1)) }
    points += [(-1e9, 0), (1e300, 1e300), (.infinity, 0), (.nan, 1)]
    check(geometries, points: points, seed: seed)
  }

  @Test("no polygons, polygons without extent")
  func degenerate() {
    check([], points: [(0, 0)], seed: 1)
    check([Geometry(kind: .polygon)], points: [(0, 0)], seed: 1)
    check([.polygon([[1, 1, 1, 1, 1, 1, 1, 1]])], points: [(1, 1), (0, 0)], seed: 1)
    check([.polygon([[0, 0, 5, 0, 2, 0, 0, 0]])], points: [(1, 0), (7, 0)], seed: 2)
    check(
      [.rectangle(Box2(0, 0, 1e-3, 1e6)), .rectangle(Box2(0, 0, 1e6, 1e-3))], points: [(0, 0), (5, 5e-4), (5, 5)],
      seed: 3)
    // Beyond what cells hold.
    check(
      [.rectangle(Box2(-1e200, -1e200, 0, 0)), .rectangle(Box2(-3, -3, 4, 4))],
      points: [(-1, -1), (0, 0), (3, 3), (-1e199, -5)], seed: 4)
  }

  @Test("a hole in a coverage is a gap; a bay is not")
  func gaps() {
    var cells: [Geometry] = []
    for j in 0..<5 {
      for i in 0..<5 where !(i == 2 && j == 2) && !(i == 4 && j == 1) {
        cells.append(.rectangle(Box2(Double(i), Double(j), Double(i) + 1, Double(j) + 1)))
      }
    }
    // Rings may run either way.
    for k in stride(from: 0, to: cells.count, by: 3) {
      var turned: [Double] = []
      for v in (0..<cells[k].vertexCount).reversed() { turned += [cells[k].xy[2 * v], cells[k].xy[2 * v + 1]] }
      cells[k].xy = turned
    }
    let shapes = Shapes(cells)
    let gaps = CoverageGaps(count: cells.count, shape: { shapes.view($0) })
    #expect(gaps.rings.count == 1)
    #expect(gaps.rings.first?.area == 1)
    #expect(gaps.contains(2.5, 2.5) && !gaps.contains(4.5, 1.5) && !gaps.contains(7, 7))
  }

  @Test("the place of a polygon lies inside it", arguments: 1...40 as ClosedRange<UInt64>)
  func placePoints(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    // A star around a centre is simple, and often bent away from its centroid.
    let count = Int.random(in: 3...12, using: &random)
    var ring: [Double] = []
    for k in 0..<count {
      let angle = 1.8 * Double.pi * Double(k) / Double(count)
      let radius = Double.random(in: 0.2...10, using: &random)
      ring += [460_000 + radius * cosine(angle), 3_840_000 + radius * cosine(angle - .pi / 2)]
    }
    ring += [ring[0], ring[1]]
    let polygon = Geometry.polygon([ring])
    let point = polygon.withView { $0.placePoint() }
    #expect(point.map { p in polygon.withView { $0.locate(p.x, p.y) } } == .inside)
  }

  @Test func placesOfOtherGeometries() {
    #expect(Geometry.point(3, 4).withView { $0.placePoint()! == (3, 4) })
    #expect(Geometry.line([0, 0, 4, 0, 4, 8]).withView { $0.placePoint()! == (4, 2) })
    #expect(Geometry(kind: .polygon).withView { $0.placePoint() } == nil)
    // A frame: its centroid is in the hole.
    let frame = Geometry.polygon([[0, 0, 9, 0, 9, 9, 0, 9, 0, 0], [1, 1, 1, 8, 8, 8, 8, 1, 1, 1]])
    let place = frame.withView { $0.placePoint()! }
    #expect(frame.withView { $0.locate(place.x, place.y) } == .inside)
  }
}

/// Taylor's series serves a test that needs no library.
private func cosine(_ angle: Double) -> Double {
  var x = angle.truncatingRemainder(dividingBy: 2 * .pi)
  if x > .pi { x -= 2 * .pi }
  if x < -.pi { x += 2 * .pi }
  var (term, sum) = (1.0, 1.0)
  for k in 1...14 {
    term *= -x * x / Double((2 * k - 1) * 2 * k)
    sum += term
  }
  return sum
}
