import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Geodesics")
struct GeodesicTests {
  @Test func agreesWithPROJ() throws {
    var random = SplitMix64(seed: 6)
    for i in 0..<3_000 {
      let reach = [1e-6, 0.01, 5, 90][i % 4]
      let (x, y) = (Double.random(in: -180...180, using: &random), Double.random(in: -89...89, using: &random))
      let x2 = max(-180, min(180, x + Double.random(in: -reach...reach, using: &random)))
      let y2 = max(-90, min(90, y + Double.random(in: -reach...reach, using: &random)))
      let own = try Geodesic.way(fromLongitude: x, latitude: y, toLongitude: x2, latitude: y2)
      let theirs = try Geodesic.karney(x, y, x2, y2)
      #expect(abs(own.distance - theirs.distance) < 2e-4)
      if theirs.distance > 1 {
        #expect(abs((own.initialBearing - theirs.initialBearing).remainder(dividingBy: 360)) < 1e-4)
      }
    }
    #expect(try Geodesic.way(fromLongitude: 0, latitude: 0, toLongitude: 179.9, latitude: 0.1).distance > 19_900_000)
    #expect(
      try Geodesic.way(fromLongitude: 5, latitude: 5, toLongitude: 5, latitude: 5)
        == .init(distance: 0, initialBearing: 0))
    #expect(try Geodesic.way(fromLongitude: 179.9, latitude: 0, toLongitude: -179.9, latitude: 0).distance < 22_300)
    let east = try Geodesic.way(fromLongitude: 113, latitude: 0, toLongitude: 114, latitude: 0)
    #expect(abs(east.initialBearing - 90) < 1e-9 && abs(east.distance - 111_319.4908) < 1e-3)
  }
}

@Suite("Geodesic distance to geometries")
struct GeodesicGeometryTests {
  /// The least distance to many points along every edge.
  private func sampled(_ x: Double, _ y: Double, _ geometry: Geometry, _ steps: Int) throws -> Double {
    if geometry.intersects(.point(x, y)) { return 0 }
    return try geometry.withView { view in
      var best = Double.infinity
      var edges = EdgeCursor(view)
      while let (v, w) = edges.next() {
        for i in 0...steps {
          let t = Double(i) / Double(steps)
          let (px, py) = (
            view.xy[2 * v] + t * (view.xy[2 * w] - view.xy[2 * v]),
            view.xy[2 * v + 1] + t * (view.xy[2 * w + 1] - view.xy[2 * v + 1])
          )
          best = min(best, try Geodesic.way(fromLongitude: x, latitude: y, toLongitude: px, latitude: py).distance)
        }
      }
      return best
    }
  }

  @Test func agreesWithDenseSampling() throws {
    var shapes = Shapes(seed: 91)
    for (origin, step) in [(60.0, 0.5), (-30.0, 0.001), (20.0, 0.05)] {
      (shapes.origin, shapes.step) = (origin, step)
      for _ in 0..<12 {
        let geometry = try shapes.any()
        let (x, y) = (shapes.coordinate() + step * 0.4, shapes.coordinate() - step * 0.3)
        let own = try geometry.withView { view in
          try Geodesic.distance(fromLongitude: x, latitude: y, to: view)
        }
        let expected = try sampled(x, y, geometry, 200)
        // The samples lie up to 1/200 of an edge off the nearest point.
        #expect(own <= expected + 0.02 && own >= expected * 0.98 - step * 50, "\(own) \(expected)")
      }
    }
  }

  @Test func alongAParallelTheLineInDegreesCounts() throws {
    // The parallel of 45° runs some 350 m south of the geodesic between these ends.
    let line = Geometry.line([10, 45, 11.5, 45])
    let own = try line.withView { view in try Geodesic.distance(fromLongitude: 10.75, latitude: 44.9, to: view) }
    let expected = try Geodesic.way(fromLongitude: 10.75, latitude: 44.9, toLongitude: 10.75, latitude: 45).distance
    #expect(abs(own - expected) < 0.01)
  }

  @Test func emptyTouchingAndInside() throws {
    let square = Geometry.rectangle(Box2(113, 34, 114, 35))
    func distance(_ x: Double, _ y: Double, _ geometry: Geometry) throws -> Double {
      try geometry.withView { view in try Geodesic.distance(fromLongitude: x, latitude: y, to: view) }
    }
    #expect(try distance(113.5, 34.5, square) == 0)
    #expect(try distance(113, 34.5, square) == 0)
    #expect(try distance(0, 0, Geometry(kind: .polygon)) == .infinity)
  }

  @Test func boxHoldsTheCircle() throws {
    var random = SplitMix64(seed: 92)
    for _ in 0..<400 {
      let (x, y) = (Double.random(in: -180...180, using: &random), Double.random(in: -89.9...89.9, using: &random))
      let radius = Double.random(in: 1...500_000, using: &random)
      let box = Geodesic.box(aroundLongitude: x, latitude: y, distance: radius)
      for _ in 0..<20 {
        let px = max(-180, min(180, x + Double.random(in: -8...8, using: &random)))
        let py = max(-90, min(90, y + Double.random(in: -5...5, using: &random)))
        let way = try Geodesic.way(fromLongitude: x, latitude: y, toLongitude: px, latitude: py)
        if way.distance <= radius { #expect(box.contains(Box2(px, py, px, py))) }
      }
      let north = min(90, y + radius / 111_700)
      #expect(box.max[1] >= north && box.min[1] <= max(-90, y - radius / 111_700))
    }
  }
}
