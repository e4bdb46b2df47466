internal import Glibc

extension Geometry {
  /// Every height in it, those of members included.
  var heights: [Double] { z.filter { !$0.isNaN } + members.flatMap(\.heights) }

  /// The least distance between two geometries in three dimensions, in units of their CRS: points, lines, and polygons as
  /// flat faces. nil when one is empty or has a vertex without a height.
  ///
  /// Cost: every part of one with every part of the other; for single features, not for scans of a city.
  func distance3D(to other: Geometry) -> Double? {
    guard let a = Parts3D(self), let b = Parts3D(other) else { return nil }
    return a.distance(to: b)
  }
}

private typealias Vertex3 = SIMD3<Double>

private func dot(_ a: Vertex3, _ b: Vertex3) -> Double { (a * b).sum() }
private func cross(_ a: Vertex3, _ b: Vertex3) -> Vertex3 {
  Vertex3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

/// A geometry taken apart: segments (a point is one without length) and flat faces.
private struct Parts3D {
  var segments: [(Vertex3, Vertex3)] = []
  var faces: [Face] = []

  struct Face {
    var normal: Vertex3
    var origin: Vertex3
    /// Rings along the two axes on which the face is widest.
    var rings: [[SIMD2<Double>]]
    var axes: (Int, Int)

    init?(_ rings: [[Vertex3]]) {
      guard let outer = rings.first, outer.count > 3 else { return nil }
      // Newell's method: the normal of a ring that is only nearly flat.
      var normal = Vertex3()
      for i in 0..<outer.count - 1 { normal += cross(outer[i] - outer[0], outer[i + 1] - outer[0]) }
      let size = dot(normal, normal).squareRoot()
      guard size > 0 else { return nil }
      self.normal = normal / size
      origin = outer[0]
      let wide = (0..<3).sorted { abs(normal[$0]) < abs(normal[$1]) }
      axes = (wide[0], wide[1])
      let axes = axes
      self.rings = rings.map { $0.map { SIMD2($0[axes.0], $0[axes.1]) } }
    }

    /// Whether a point of the face's plane lies in it, by the even-odd rule.
    func covers(_ p: Vertex3) -> Bool {
      let (x, y) = (p[axes.0], p[axes.1])
      var inside = false
      for ring in rings {
        for i in 0..<ring.count - 1 {
          let (a, b) = (ring[i], ring[i + 1])
          if (a.y > y) != (b.y > y), x < a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x) { inside.toggle() }
        }
      }
      return inside
    }

    func squaredDistance(_ a: Vertex3, _ b: Vertex3) -> Double? {
      let (da, db) = (dot(a - origin, normal), dot(b - origin, normal))
      if da * db <= 0, da != db, covers(a + (b - a) * (da / (da - db))) { return 0 }
      var best: Double?
      for (p, d) in [(a, da), (b, db)] where covers(p - normal * d) { best = min(best ?? .infinity, d * d) }
      return best
    }
  }

  init?(_ geometry: Geometry) {
    guard add(geometry), !segments.isEmpty else { return nil }
  }

  private mutating func add(_ g: Geometry) -> Bool {
    for member in g.members where !add(member) { return false }
    guard g.z.count * 2 == g.xy.count, !g.z.contains(where: \.isNaN) else { return false }
    func vertex(_ i: Int) -> Vertex3 { Vertex3(g.xy[2 * i], g.xy[2 * i + 1], g.z[i]) }
    for part in 0..<g.partOffsets.count - 1 {
      var rings: [[Vertex3]] = []
      for ring in Int(g.partOffsets[part])..<Int(g.partOffsets[part + 1]) {
        let vertices = (Int(g.ringOffsets[ring])..<Int(g.ringOffsets[ring + 1])).map(vertex)
        if vertices.count == 1 { segments.append((vertices[0], vertices[0])) }
        for i in vertices.indices.dropLast() { segments.append((vertices[i], vertices[i + 1])) }
        rings.append(vertices)
      }
      if g.kind == .polygon || g.kind == .multiPolygon, let face = Face(rings) { faces.append(face) }
    }
    return true
  }

  func distance(to other: Parts3D) -> Double {
    var best = Double.infinity
    for (a, b) in segments {
      for (c, d) in other.segments { best = min(best, Parts3D.squaredDistance(a, b, c, d)) }
      for face in other.faces { best = min(best, face.squaredDistance(a, b) ?? .infinity) }
    }
    for face in faces { for (c, d) in other.segments { best = min(best, face.squaredDistance(c, d) ?? .infinity) } }
    return best.squareRoot()
  }

  /// Between two segments (Ericson, Real-Time Collision Detection, 5.1.9).
  private static func squaredDistance(_ p1: Vertex3, _ q1: Vertex3, _ p2: Vertex3, _ q2: Vertex3) -> Double {
    let (d1, d2, r) = (q1 - p1, q2 - p2, p1 - p2)
    let (a, e, f) = (dot(d1, d1), dot(d2, d2), dot(d2, r))
    func clamp(_ x: Double) -> Double { max(0, min(1, x)) }
    var (s, t) = (0.0, 0.0)
    if a == 0 {
      t = e == 0 ? 0 : clamp(f / e)
    } else {
      let c = dot(d1, r)
      if e == 0 {
        s = clamp(-c / a)
      } else {
        let b = dot(d1, d2)
        let denominator = a * e - b * b
        s = denominator > 1e-12 * a * e ? clamp((b * f - c * e) / denominator) : 0
        t = (b * s + f) / e
        if t < 0 {
          (t, s) = (0, clamp(-c / a))
        } else if t > 1 {
          (t, s) = (1, clamp((b - c) / a))
        }
      }
    }
    let gap = r + d1 * s - d2 * t
    return dot(gap, gap)
  }
}
