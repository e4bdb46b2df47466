/// Polygons in space to triangles, by cutting off ears (Meisters 1975) after holes were joined to the outer ring by
/// bridges (Eberly, Triangulation by Ear Clipping). The polygon is seen along the axis that its normal is nearest to.
package enum Triangulation {
  /// Adds the triangles of part `part`, turned as the ring is turned. A surface with no area adds none.
  ///
  /// A ring that crosses itself gives triangles that cover it as well as may be; nothing is thrown.
  /// - Complexity: O(n²) in the vertices of the part at worst.
  package static func append(part: Int, of view: GeometryView, origin: Point3, to triangles: inout [Triangle]) {
    let rings = view.rings(ofPart: part)
    guard !rings.isEmpty else { return }
    var points: [Point3] = []
    var loops: [[Int]] = []
    for ring in rings {
      var loop: [Int] = []
      for v in view.vertices(ofRing: ring) {
        let p = Point3(view.xy[2 * v], view.xy[2 * v + 1], view.z?[v] ?? 0) - origin
        if let last = loop.last, points[last] == p { continue }
        loop.append(points.count)
        points.append(p)
      }
      while loop.count > 1, points[loop[0]] == points[loop[loop.count - 1]] { loop.removeLast() }
      if loop.count >= 3 { loops.append(loop) } else if ring == rings.lowerBound { return }
    }
    guard let outer = loops.first else { return }
    let normal = Self.normal(outer, points)
    let size = pointwiseMax(normal, -normal)
    guard size.max() > 0, size.max().isFinite else { return }
    // Seen along the largest part of the normal, from the side where the outer ring turns counter-clockwise.
    let flat: [SIMD2<Double>] =
      if size.z == size.max() {
        points.map { normal.z > 0 ? SIMD2($0.x, $0.y) : SIMD2($0.y, $0.x) }
      } else if size.y == size.max() {
        points.map { normal.y > 0 ? SIMD2($0.z, $0.x) : SIMD2($0.x, $0.z) }
      } else {
        points.map { normal.x > 0 ? SIMD2($0.y, $0.z) : SIMD2($0.z, $0.y) }
      }
    var ring = outer
    var holes = loops.dropFirst().map { hole in turn(hole, flat) > 0 ? hole.reversed() : hole }
    holes.sort { a, b in a.map { flat[$0].x }.max()! > b.map { flat[$0].x }.max()! }
    for hole in holes { join(hole, to: &ring, flat) }
    clip(ring, points, flat, &triangles)
  }

  /// Newell's normal.
  private static func normal(_ loop: [Int], _ points: [Point3]) -> Point3 {
    var n = Point3.zero
    let o = points[loop[0]]
    for i in loop.indices.dropFirst().dropLast() { n += cross(points[loop[i]] - o, points[loop[i + 1]] - o) }
    return n
  }

  /// Twice the signed area.
  private static func turn(_ loop: [Int], _ flat: [SIMD2<Double>]) -> Double {
    var sum = 0.0
    let o = flat[loop[0]]
    for i in loop.indices.dropFirst().dropLast() { sum += side(o, flat[loop[i]], flat[loop[i + 1]]) }
    return sum
  }

  @inline(__always)
  private static func side(_ a: SIMD2<Double>, _ b: SIMD2<Double>, _ c: SIMD2<Double>) -> Double {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
  }

  /// Opens a hole into the ring around it: from its rightmost vertex to a vertex of the ring that it can see.
  private static func join(_ hole: [Int], to ring: inout [Int], _ flat: [SIMD2<Double>]) {
    let start = hole.indices.max { flat[hole[$0]].x < flat[hole[$1]].x }!
    let h = flat[hole[start]]
    // The edge of the ring that a ray to the right hits first.
    var best: (x: Double, at: Int)?
    for i in ring.indices {
      let (p, q) = (flat[ring[i]], flat[ring[(i + 1) % ring.count]])
      // Seen from inside a ring that turns left, an edge to the right runs upward; of the two sides of a bridge that
      // was laid before, it is the right one.
      guard p.y <= h.y, q.y >= h.y, p.y != q.y else { continue }
      let x = p.x + (h.y - p.y) / (q.y - p.y) * (q.x - p.x)
      if x >= h.x, x < best?.x ?? .infinity { best = (x, p.x > q.x ? i : (i + 1) % ring.count) }
    }
    var bridge: Int
    if let best {
      bridge = best.at
      // A corner of the ring inside the triangle between hole, hit and edge hides its end: the one that the ray
      // passes at the least angle is seen.
      let (m, hit) = (flat[ring[bridge]], SIMD2(best.x, h.y))
      var least = Double.infinity
      for i in ring.indices {
        let p = flat[ring[i]]
        guard p.x >= h.x, i != best.at, p != m, isInside(p, h, hit, m), opens(ring, i, to: h, flat) else { continue }
        let tangent = abs(h.y - p.y) / max(p.x - h.x, .leastNormalMagnitude)
        if tangent < least || tangent == least && p.x < flat[ring[bridge]].x {
          least = tangent
          bridge = i
        }
      }
    } else {
      // A hole outside its ring: any bridge will do.
      bridge = ring.indices.min {
        let (a, b) = (flat[ring[$0]] - h, flat[ring[$1]] - h)
        return (a * a).sum() < (b * b).sum()
      }!
    }
    let around = Array(hole[start...] + hole[...start])
    ring.insert(contentsOf: around + [ring[bridge]], at: bridge + 1)
  }

  /// Whether the inside of the ring lies towards `b` at vertex `i`. A vertex where a bridge ends is in the ring twice,
  /// and only one of the two does.
  private static func opens(_ ring: [Int], _ i: Int, to b: SIMD2<Double>, _ flat: [SIMD2<Double>]) -> Bool {
    let (a, before, after) = (
      flat[ring[i]], flat[ring[(i + ring.count - 1) % ring.count]], flat[ring[(i + 1) % ring.count]]
    )
    let (left, right) = (side(before, a, b) >= 0, side(a, after, b) >= 0)
    return side(before, a, after) > 0 ? left && right : left || right
  }

  private static func isInside(
    _ p: SIMD2<Double>, _ a: SIMD2<Double>, _ b: SIMD2<Double>, _ c: SIMD2<Double>
  ) -> Bool {
    let (x, y, z) = (side(a, b, p), side(b, c, p), side(c, a, p))
    return x >= 0 && y >= 0 && z >= 0 || x <= 0 && y <= 0 && z <= 0
  }

  private static func clip(
    _ ring: [Int], _ points: [Point3], _ flat: [SIMD2<Double>], _ triangles: inout [Triangle]
  ) {
    var next = ring.indices.map { ($0 + 1) % ring.count }
    var previous = ring.indices.map { ($0 + ring.count - 1) % ring.count }
    var left = ring.count
    var at = 0
    var tries = 0
    // Ears first; when a whole round finds none (the ring crosses itself), corners that turn the right way; then any.
    var leniency = 0
    while left > 3 {
      let (i, j, k) = (ring[previous[at]], ring[at], ring[next[at]])
      let turn = side(flat[i], flat[j], flat[k])
      var isEar = leniency == 2 || turn > 0 && leniency == 1
      if turn == 0 {
        isEar = true
      } else if turn > 0, leniency == 0 {
        isEar = true
        var other = next[next[at]]
        while other != previous[at] {
          let p = flat[ring[other]]
          if p != flat[i], p != flat[j], p != flat[k], side(flat[i], flat[j], p) >= 0, side(flat[j], flat[k], p) >= 0,
            side(flat[k], flat[i], p) >= 0
          {
            isEar = false
            break
          }
          other = next[other]
        }
      }
      if isEar {
        add(points[i], points[j], points[k], &triangles)
        next[previous[at]] = next[at]
        previous[next[at]] = previous[at]
        left -= 1
        tries = 0
        leniency = 0
        at = next[at]
        // Leaving from every second vertex keeps triangles from fanning out of one.
        if turn != 0 { at = next[at] }
      } else {
        at = next[at]
        tries += 1
        if tries > left {
          tries = 0
          leniency += 1
        }
      }
    }
    add(points[ring[previous[at]]], points[ring[at]], points[ring[next[at]]], &triangles)
  }

  private static func add(_ a: Point3, _ b: Point3, _ c: Point3, _ triangles: inout [Triangle]) {
    let triangle = Triangle(a, b, c)
    if triangle.normal != .zero { triangles.append(triangle) }
  }
}
