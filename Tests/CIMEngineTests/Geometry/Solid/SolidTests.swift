import Foundation
import TestSupport
import Testing

@testable import CIMEngine

/// Kernels in space against analytic cases and brute force.
struct SolidTests {
  static func box(_ low: Point3, _ high: Point3) -> Geometry {
    var g = Geometry(kind: .multiPolygon)
    func face(_ corners: [Point3]) {
      let ring = corners + [corners[0]]
      g.appendPart(rings: [ring.flatMap { [$0.x, $0.y] }], z: [ring.map(\.z)])
    }
    func p(_ x: Int, _ y: Int, _ z: Int) -> Point3 {
      Point3(x == 0 ? low.x : high.x, y == 0 ? low.y : high.y, z == 0 ? low.z : high.z)
    }
    face([p(0, 0, 0), p(0, 1, 0), p(1, 1, 0), p(1, 0, 0)])
    face([p(0, 0, 1), p(1, 0, 1), p(1, 1, 1), p(0, 1, 1)])
    face([p(0, 0, 0), p(1, 0, 0), p(1, 0, 1), p(0, 0, 1)])
    face([p(1, 0, 0), p(1, 1, 0), p(1, 1, 1), p(1, 0, 1)])
    face([p(1, 1, 0), p(0, 1, 0), p(0, 1, 1), p(1, 1, 1)])
    face([p(0, 1, 0), p(0, 0, 0), p(0, 0, 1), p(0, 1, 1)])
    return g
  }

  static func body(_ geometry: Geometry, isSolid: Bool = true, origin: Point3 = .zero) -> Body {
    var body = Body(origin: origin)
    body.add(geometry, isSolid: isSolid)
    body.finish()
    return body
  }

  static func point(_ p: Point3) -> Geometry {
    var g = Geometry(kind: .point)
    g.appendPart(rings: [[p.x, p.y]], z: [[p.z]])
    return g
  }

  static func random(_ random: inout SplitMix64, _ range: Double = 10) -> Point3 {
    func one() -> Double { Double.random(in: -range...range, using: &random) }
    return Point3(one(), one(), one())
  }

  @Test func boxesAreAsFarApartAsTheirCoordinatesSay() {
    var random = SplitMix64(seed: 3)
    for round in 0..<300 {
      let (a, b) = (Self.random(&random), Self.random(&random))
      let a2 = a + Point3(1, 2, 3)
      let b2 = b + Point3(2, 1, round % 2 == 0 ? 4 : 0.5)
      // Where the city lies coordinates are in the millions.
      let shift = Point3(460_000, 3_840_000, 100)
      let left = Self.body(Self.box(a + shift, a2 + shift), origin: a + shift)
      let right = Self.body(Self.box(b + shift, b2 + shift), origin: a + shift)
      let gap = pointwiseMax(Point3.zero, pointwiseMax(a - b2, b - a2))
      let expected = (gap * gap).sum().squareRoot()
      #expect(abs(left.distance(to: right)! - expected) < 1e-6)
      #expect(abs(right.distance(to: left)! - expected) < 1e-6)
      if expected > 0.001 {
        #expect(left.distance(to: right, within: expected - 0.001) == nil)
        #expect(left.distance(to: right, within: expected + 0.001) != nil)
      }
    }
  }

  @Test func whatLiesInsideIsAtNoDistance() {
    let outer = Self.body(Self.box(.zero, Point3(10, 10, 10)))
    #expect(outer.distance(to: Self.body(Self.box(Point3(4, 4, 4), Point3(5, 5, 5)))) == 0)
    #expect(outer.distance(to: Self.body(Self.point(Point3(5, 5, 5)))) == 0)
    #expect(outer.distance(to: Self.body(Self.point(Point3(5, 5, 12)))) == 2)
    #expect(outer.distance(to: Self.body(Self.point(Point3(10, 10, 10)))) == 0)
    // A surface that is no solid has no inside.
    let shell = Self.body(Self.box(.zero, Point3(10, 10, 10)), isSolid: false)
    #expect(shell.distance(to: Self.body(Self.point(Point3(5, 5, 4)))) == 4)
    #expect(Body(origin: .zero).distance(to: outer) == nil)
  }

  @Test func volumesAndAreas() {
    let box = Self.body(Self.box(Point3(1, 1, 1), Point3(3, 4, 6)))
    #expect(abs(box.volume! - 30) < 1e-9)
    #expect(abs(box.surfaceArea - 62) < 1e-9)
    var prism = Body(origin: .zero)
    prism.add(
      prismOver: .polygon([[0, 0, 10, 0, 10, 10, 0, 10, 0, 0], [4, 4, 4, 6, 6, 6, 6, 4, 4, 4]]), from: 2, to: 5)
    prism.finish()
    #expect(abs(prism.volume! - 288) < 1e-9)
    #expect(abs(prism.surfaceArea - (2 * 96 + 40 * 3 + 8 * 3)) < 1e-9)
    // In the courtyard one is outside.
    #expect(prism.distance(to: Self.body(Self.point(Point3(5, 5, 3)))) == 1)
    #expect(prism.distance(to: Self.body(Self.point(Point3(1, 1, 3)))) == 0)
  }

  @Test func trianglesAreAsFarApartAsTheirClosestSamples() {
    var random = SplitMix64(seed: 7)
    func sample(_ t: Triangle, _ steps: Int) -> [Point3] {
      (0...steps).flatMap { i in
        (0...(steps - i)).map { j in
          t.a + (t.b - t.a) * (Double(i) / Double(steps)) + (t.c - t.a) * (Double(j) / Double(steps))
        }
      }
    }
    for round in 0..<60 {
      let s = Triangle(Self.random(&random, 3), Self.random(&random, 3), Self.random(&random, 3))
      var t = Triangle(Self.random(&random, 3), Self.random(&random, 3), Self.random(&random, 3))
      if round % 5 == 0 { t.c = t.b }  // degenerate
      if round % 7 == 0 { t.a = s.b }  // touching
      let exact = Distance3.squared(s, t).squareRoot()
      let (p, q) = (sample(s, 14), sample(t, 14))
      var least = Double.infinity
      for a in p { for b in q { least = min(least, Distance3.squared(a, b)) } }
      let sampled = least.squareRoot()
      #expect(exact <= sampled + 1e-9)
      // No point of a triangle is farther from a sample than a step.
      #expect(sampled - exact <= 2 * 12.0 / 14)
      #expect(abs(Distance3.squared(t, s).squareRoot() - exact) < 1e-9)
      for a in p.prefix(20) {
        let d = Distance3.squared(a, t).squareRoot()
        #expect(d <= q.map { Distance3.squared(a, $0).squareRoot() }.min()! + 1e-9)
      }
    }
  }

  @Test func trianglesThatPassThroughEachOtherMeet() {
    let floor = Triangle(Point3(-5, -5, 0), Point3(5, -5, 0), Point3(0, 5, 0))
    let blade = Triangle(Point3(0, 0, -1), Point3(0, 1, 2), Point3(0.5, 0, 2))
    #expect(Distance3.squared(floor, blade) == 0)
    #expect(Distance3.squared(blade, floor) == 0)
    #expect(Distance3.squared(floor, Triangle(Point3(0, 0, 3), Point3(1, 0, 3), Point3(0, 1, 4))) == 9)
  }

  /// A star with holes, tilted: the triangles cover its area and stay in its plane.
  @Test func triangulationCoversTheArea() {
    var random = SplitMix64(seed: 11)
    for round in 0..<120 {
      let corners = 3 + round % 40
      func ring(_ count: Int, _ radius: Double, _ x: Double, _ y: Double) -> [SIMD2<Double>] {
        (0..<count).map { i in
          let angle = 2 * Double.pi * Double(i) / Double(count)
          let r = radius * Double.random(in: 0.5...1, using: &random)
          return SIMD2(x + r * cos(angle), y + r * sin(angle))
        }
      }
      var rings = [ring(corners, 20, 0, 0)]
      if corners > 8 { rings.append(ring(4, 2, 3, 0).reversed()); rings.append(ring(5, 2, -3, 1)) }
      let (ux, vx) = (Self.random(&random, 1), Self.random(&random, 1))
      let place = Self.random(&random, 100)
      var g = Geometry(kind: .polygon)
      let closed = rings.map { $0 + [$0[0]] }
      let points = closed.map { $0.map { place + $0.x * ux + $0.y * vx } }
      g.appendPart(rings: points.map { $0.flatMap { [$0.x, $0.y] } }, z: points.map { $0.map(\.z) })
      var triangles: [Triangle] = []
      g.withView { Triangulation.append(part: 0, of: $0, origin: place, to: &triangles) }
      func area(_ ring: [SIMD2<Double>]) -> Double {
        var sum = 0.0
        for i in 0..<ring.count - 1 { sum += ring[i].x * ring[i + 1].y - ring[i + 1].x * ring[i].y }
        return abs(sum) / 2
      }
      let flat = area(closed[0]) - closed.dropFirst().reduce(0) { $0 + area($1) }
      let stretch = Triangle(.zero, ux, vx).area * 2
      let total = triangles.reduce(0) { $0 + $1.area }
      #expect(abs(total - flat * stretch) < 1e-6 * flat * stretch, "round \(round)")
    }
  }

  @Test func raysHitWhatALoopOverAllTrianglesHits() {
    var random = SplitMix64(seed: 5)
    let triangles = (0..<200).map { _ -> Triangle in
      let p = Self.random(&random)
      return Triangle(p, p + Self.random(&random, 1), p + Self.random(&random, 1))
    }
    let tree = TriangleTree(triangles)
    var hits = 0
    for _ in 0..<400 {
      let (p, q) = (Self.random(&random), Self.random(&random))
      let expected = triangles.contains { Distance3.meets(segment: p, q, $0) }
      #expect(tree.isHit(segment: p, q) == expected)
      hits += expected ? 1 : 0
    }
    #expect(hits > 20)
  }

  @Test func surfacesOfASolidAreChecked() {
    let whole = Self.box(.zero, Point3(1, 2, 3))
    #expect(SurfaceCheck(whole).isSound)
    func rebuilt(_ change: (Int, inout [Point3]) -> Bool) -> Geometry {
      var g = Geometry(kind: .multiPolygon)
      whole.withView { view in
        for part in 0..<view.partCount {
          var ring = view.vertices(ofRing: view.rings(ofPart: part).lowerBound).map {
            Point3(view.xy[2 * $0], view.xy[2 * $0 + 1], view.z![$0])
          }
          if change(part, &ring) {
            g.appendPart(rings: [ring.flatMap { [$0.x, $0.y] }], z: [ring.map(\.z)])
          }
        }
      }
      return g
    }
    #expect(SurfaceCheck(rebuilt { part, _ in part != 1 }).findings == [.open(face: 2)])
    #expect(
      SurfaceCheck(
        rebuilt { part, ring in
          if part == 2 { ring.reverse() }
          return true
        }
      ).findings == [.turned(face: 3, against: 1)])
    #expect(
      SurfaceCheck(
        rebuilt { _, ring in
          ring.reverse()
          return true
        }
      ).findings == [.insideOut])
    var doubled = whole
    doubled.appendPart(rings: [[0, 0, 1, 0, 1, 0, 0, 0]], z: [[0, 0, 3, 0]])
    #expect(SurfaceCheck(doubled).findings.contains { if case .notManifold = $0 { true } else { false } })
  }
}
