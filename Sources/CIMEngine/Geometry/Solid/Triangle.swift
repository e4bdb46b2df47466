/// A place in space: x east, y north, z up, in metres. Kernels work near an origin of the caller's choice, so that
/// coordinates of millions of metres do not eat the digits.
package typealias Point3 = SIMD3<Double>

/// A triangle in space.
package struct Triangle: Sendable, Equatable {
  package var a, b, c: Point3

  package init(_ a: Point3, _ b: Point3, _ c: Point3) {
    self.a = a
    self.b = b
    self.c = c
  }

  /// Its length is twice the area; it points to the side from which a, b, c turn counter-clockwise.
  package var normal: Point3 { cross(b - a, c - a) }
  package var area: Double { length(normal) / 2 }
  package var centre: Point3 { (a + b + c) / 3 }
  var low: Point3 { pointwiseMin(a, pointwiseMin(b, c)) }
  var high: Point3 { pointwiseMax(a, pointwiseMax(b, c)) }
}

@inline(__always) func dot(_ a: Point3, _ b: Point3) -> Double { (a * b).sum() }
@inline(__always) func length(_ a: Point3) -> Double { dot(a, a).squareRoot() }
@inline(__always) func cross(_ a: Point3, _ b: Point3) -> Point3 {
  Point3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

/// Squared distances between the simplest things in space, exact up to rounding, 0 where they meet. After Ericson,
/// Real-Time Collision Detection (2005), 5.1.5 and 5.1.9.
package enum Distance3 {
  /// The square of the distance of two points.
  package static func squared(_ p: Point3, _ q: Point3) -> Double { dot(p - q, p - q) }

  /// From a point to a segment; the ends may be one point.
  package static func squared(_ p: Point3, segment a: Point3, _ b: Point3) -> Double {
    let d = b - a
    let square = dot(d, d)
    guard square > 0 else { return squared(p, a) }
    let t = min(1, max(0, dot(p - a, d) / square))
    return squared(p, a + t * d)
  }

  /// From a point to a triangle, which may be degenerate.
  package static func squared(_ p: Point3, _ t: Triangle) -> Double {
    let (ab, ac, ap) = (t.b - t.a, t.c - t.a, p - t.a)
    let (d1, d2) = (dot(ab, ap), dot(ac, ap))
    if d1 <= 0, d2 <= 0 { return squared(p, t.a) }
    let bp = p - t.b
    let (d3, d4) = (dot(ab, bp), dot(ac, bp))
    if d3 >= 0, d4 <= d3 { return squared(p, t.b) }
    let cp = p - t.c
    let (d5, d6) = (dot(ab, cp), dot(ac, cp))
    if d6 >= 0, d5 <= d6 { return squared(p, t.c) }
    let vc = d1 * d4 - d3 * d2
    let vb = d5 * d2 - d1 * d6
    let va = d3 * d6 - d5 * d4
    if vc <= 0 || vb <= 0 || va <= 0 || !((va + vb + vc) > 0) {
      // On an edge, or no area.
      return min(
        squared(p, segment: t.a, t.b), min(squared(p, segment: t.b, t.c), squared(p, segment: t.c, t.a)))
    }
    let scale = 1 / (va + vb + vc)
    return squared(p, t.a + (vb * scale) * ab + (vc * scale) * ac)
  }

  /// Between two segments.
  package static func squared(segment p1: Point3, _ q1: Point3, segment p2: Point3, _ q2: Point3) -> Double {
    let (d1, d2, r) = (q1 - p1, q2 - p2, p1 - p2)
    let (a, e) = (dot(d1, d1), dot(d2, d2))
    guard a > 0 else { return squared(p1, segment: p2, q2) }
    guard e > 0 else { return squared(p2, segment: p1, q1) }
    let (f, c, b) = (dot(d2, r), dot(d1, r), dot(d1, d2))
    let denominator = a * e - b * b
    // Nearly parallel segments lose the digits of `s`: their least distance is at an end of one of them.
    if denominator <= 1e-12 * a * e {
      return min(
        min(squared(p1, segment: p2, q2), squared(q1, segment: p2, q2)),
        min(squared(p2, segment: p1, q1), squared(q2, segment: p1, q1)))
    }
    var s = min(1, max(0, (b * f - c * e) / denominator))
    var t = (b * s + f) / e
    if t < 0 {
      t = 0
      s = min(1, max(0, -c / a))
    } else if t > 1 {
      t = 1
      s = min(1, max(0, (b - c) / a))
    }
    return squared(p1 + s * d1, p2 + t * d2)
  }

  /// Whether a segment passes through the inside of a triangle or touches it. Segments in its plane are left to the
  /// distances of edges and ends.
  package static func meets(segment p: Point3, _ q: Point3, _ t: Triangle) -> Bool {
    let n = t.normal
    let (dp, dq) = (dot(n, p - t.a), dot(n, q - t.a))
    if dp > 0 && dq > 0 || dp < 0 && dq < 0 || dp == dq { return false }
    let x = p + (dp / (dp - dq)) * (q - p)
    return dot(cross(t.b - t.a, x - t.a), n) >= 0 && dot(cross(t.c - t.b, x - t.b), n) >= 0
      && dot(cross(t.a - t.c, x - t.c), n) >= 0
  }

  package static func squared(segment p: Point3, _ q: Point3, _ t: Triangle) -> Double {
    if meets(segment: p, q, t) { return 0 }
    let ends = min(squared(p, t), squared(q, t))
    return min(
      ends,
      min(
        squared(segment: p, q, segment: t.a, t.b),
        min(squared(segment: p, q, segment: t.b, t.c), squared(segment: p, q, segment: t.c, t.a))))
  }

  /// The square of the distance of two triangles.
  package static func squared(_ s: Triangle, _ t: Triangle) -> Double {
    var best = squared(segment: s.a, s.b, t)
    if best > 0 { best = min(best, squared(segment: s.b, s.c, t)) }
    if best > 0 { best = min(best, squared(segment: s.c, s.a, t)) }
    guard best > 0 else { return 0 }
    // A corner of `t` over the face of `s`, or an edge of `t` through it.
    if meets(segment: t.a, t.b, s) || meets(segment: t.b, t.c, s) || meets(segment: t.c, t.a, s) { return 0 }
    return min(best, min(squared(t.a, s), min(squared(t.b, s), squared(t.c, s))))
  }
}
