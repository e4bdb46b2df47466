internal import Glibc
internal import SpatialIndex

/// What a test in three dimensions sees of a feature: points, edges, faces, and which of the faces enclose space.
/// Coordinates are relative to `origin`; bodies that are compared share one.
package struct Body: Sendable {
  package let origin: Point3
  package private(set) var points: [Point3] = []
  package private(set) var segments: [(Point3, Point3)] = []
  package private(set) var surface = TriangleTree([])
  /// The closed surfaces among the faces, each by itself: what is inside one of them is inside the body.
  package private(set) var shells: [[Triangle]] = []
  /// A point of each connected piece: whether a piece lies wholly inside another body is told by one of its points.
  package private(set) var witnesses: [Point3] = []
  private var loose: [Triangle] = []

  package init(origin: Point3) { self.origin = origin }

  package var isEmpty: Bool { points.isEmpty && segments.isEmpty && surface.isEmpty }

  /// Before ``finish()``: whether nothing was added.
  var isUnfinishedEmpty: Bool { points.isEmpty && segments.isEmpty && loose.isEmpty }

  /// Adds a geometry with heights; surfaces of `isSolid` enclose space together.
  package mutating func add(_ geometry: Geometry, isSolid: Bool = false) {
    for member in geometry.members { add(member) }
    guard !geometry.isEmpty, geometry.kind != .geometryCollection else { return }
    geometry.withView { view in
      func point(_ v: Int) -> Point3 { Point3(view.xy[2 * v], view.xy[2 * v + 1], view.z?[v] ?? 0) - origin }
      switch view.kind {
      case .point, .multiPoint:
        for v in view.vertices { points.append(point(v)) }
        witnesses += view.vertices.map(point)
      case .lineString, .multiLineString:
        for ring in view.rings {
          let vertices = view.vertices(ofRing: ring)
          guard let first = vertices.first else { continue }
          witnesses.append(point(first))
          for v in vertices.dropLast() { segments.append((point(v), point(v + 1))) }
        }
      default:
        var triangles: [Triangle] = []
        for part in 0..<view.partCount {
          Triangulation.append(part: part, of: view, origin: origin, to: &triangles)
          if !isSolid, let v = view.rings(ofPart: part).first.flatMap({ view.vertices(ofRing: $0).first }) {
            witnesses.append(point(v))
          }
        }
        if isSolid {
          shells.append(triangles)
          if let v = view.vertices.first { witnesses.append(point(v)) }
        }
        loose += triangles
      }
    }
  }

  /// Adds the space between two levels above a polygon: what stands for a building of which only footprint and height
  /// are known.
  package mutating func add(prismOver footprint: Geometry, from base: Double, to top: Double) {
    var walls = Geometry(kind: .multiPolygon)
    footprint.withView { view in
      guard view.kind == .polygon || view.kind == .multiPolygon else { return }
      for part in 0..<view.partCount {
        for (level, isTop) in [(base, false), (top, true)] {
          var rings: [[Double]] = []
          var heights: [[Double]] = []
          for ring in view.rings(ofPart: part) {
            let vertices = view.vertices(ofRing: ring)
            let order = isTop ? Array(vertices) : vertices.reversed()
            rings.append(order.flatMap { [view.xy[2 * $0], view.xy[2 * $0 + 1]] })
            heights.append(Array(repeating: level, count: order.count))
          }
          walls.appendPart(rings: rings, z: heights)
        }
        for ring in view.rings(ofPart: part) {
          for v in view.vertices(ofRing: ring).dropLast() {
            let (x0, y0, x1, y1) = (view.xy[2 * v], view.xy[2 * v + 1], view.xy[2 * v + 2], view.xy[2 * v + 3])
            walls.appendPart(
              rings: [[x0, y0, x1, y1, x1, y1, x0, y0, x0, y0]], z: [[base, base, top, top, base]])
          }
        }
      }
    }
    add(walls, isSolid: true)
  }

  /// Builds what the tests need; to be called once after the last `add`.
  package mutating func finish() {
    surface = TriangleTree(loose)
    loose = []
  }

  // MARK: Measures

  /// The box around everything, in the coordinates of the working CRS; nil when there is nothing.
  package var bounds: (low: Point3, high: Point3)? {
    guard !isEmpty else { return nil }
    var (low, high) = (surface.low, surface.high)
    for p in points + segments.flatMap({ [$0.0, $0.1] }) {
      low = pointwiseMin(low, p)
      high = pointwiseMax(high, p)
    }
    return (low + origin, high + origin)
  }

  /// Boxes that cover the body together, in the coordinates of the working CRS: of lines one for each piece of at most
  /// `piece` metres, so that a slanting line does not ask for all that lies in the box around it. At most some thousands.
  func searchBoxes(piece: Double) -> [Box<3>] {
    var boxes: [Box<3>] = []
    func add(_ a: Point3, _ b: Point3) {
      let (low, high) = (pointwiseMin(a, b) + origin, pointwiseMax(a, b) + origin)
      boxes.append(Box<3>(min: [low.x, low.y, low.z], max: [high.x, high.y, high.z]))
    }
    if !surface.isEmpty { add(surface.low, surface.high) }
    for p in points { add(p, p) }
    for (a, b) in segments {
      let length = dot(b - a, b - a).squareRoot()
      let count = max(1, min(4_096, Int(min(1e6, (length / piece).rounded(.up)))))
      for k in 0..<count {
        let (from, to) = (Double(k) / Double(count), Double(k + 1) / Double(count))
        add(a + (b - a) * from, k + 1 == count ? b : a + (b - a) * to)
      }
    }
    return boxes
  }

  /// The area of all faces, in square metres.
  package var surfaceArea: Double { surface.triangles.reduce(0) { $0 + $1.area } }

  /// The volume within the closed surfaces, in cubic metres; nil when there are none.
  package var volume: Double? {
    shells.isEmpty
      ? nil
      : shells.reduce(0) { sum, shell in
        sum + abs(shell.reduce(0) { $0 + dot($1.a, cross($1.b, $1.c)) }) / 6
      }
  }

  /// Whether a point (relative to `origin`) is inside one of the closed surfaces: its winding number by solid angles
  /// (Van Oosterom and Strackee 1983), which small gaps in the surface do not upset.
  package func encloses(_ p: Point3) -> Bool {
    guard !shells.isEmpty else { return false }
    let (low, high) = (surface.low, surface.high)
    for axis in 0..<3 where p[axis] < low[axis] || p[axis] > high[axis] { return false }
    return shells.contains { shell in
      var turns = 0.0
      for t in shell {
        let (a, b, c) = (t.a - p, t.b - p, t.c - p)
        let (x, y, z) = (length(a), length(b), length(c))
        turns += 2 * atan2(dot(a, cross(b, c)), x * y * z + dot(a, b) * z + dot(b, c) * x + dot(c, a) * y)
      }
      return abs(turns) > 2 * .pi
    }
  }

  /// The least distance in metres between two bodies, 0 where they meet or one holds the other; nil when it is greater
  /// than `limit` or one of them is empty.
  ///
  /// - Complexity: O(n log m) in the elements of both where they are apart.
  package func distance(to other: Body, within limit: Double = .infinity) -> Double? {
    guard !isEmpty, !other.isEmpty, limit >= 0 else { return nil }
    // A bound a little above the limit, so that a distance equal to the limit is found.
    let bound = limit.isFinite ? (limit * limit * (1 + 1e-9)).nextUp : .infinity
    var best = bound
    let (few, many) = elementCount <= other.elementCount ? (self, other) : (other, self)
    for p in few.points {
      best = many.least(
        p, p, best, { Distance3.squared(p, $0) }, { Distance3.squared(p, segment: $0, $1) },
        { Distance3.squared(p, $0) })
    }
    for (p, q) in few.segments where best > 0 {
      best = many.least(
        pointwiseMin(p, q), pointwiseMax(p, q), best, { Distance3.squared($0, segment: p, q) },
        { Distance3.squared(segment: p, q, segment: $0, $1) }, { Distance3.squared(segment: p, q, $0) })
    }
    for t in few.surface.triangles where best > 0 {
      best = many.least(
        t.low, t.high, best, { Distance3.squared($0, t) }, { Distance3.squared(segment: $0, $1, t) },
        { Distance3.squared($0, t) })
    }
    if best > 0, other.witnesses.contains(where: encloses) || witnesses.contains(where: other.encloses) { return 0 }
    guard best < bound || best.isFinite && limit.isInfinite else { return nil }
    let distance = best.squareRoot()
    return distance <= limit ? distance : nil
  }

  private var elementCount: Int { points.count + segments.count + surface.triangles.count }

  private func least(
    _ low: Point3, _ high: Point3, _ bound: Double, _ toPoint: (Point3) -> Double,
    _ toSegment: (Point3, Point3) -> Double, _ toTriangle: (Triangle) -> Double
  ) -> Double {
    var best = surface.least(low, high, bound: bound, toTriangle)
    for p in points { best = min(best, toPoint(p)) }
    for (p, q) in segments { best = min(best, toSegment(p, q)) }
    return best
  }
}
