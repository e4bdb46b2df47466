/// The plane that the city is laid out in, and its way to EPSG:4547.
///
/// Layout happens in plan metres: x east, y north of the city centre, with streets parallel to the axes. The warp bends
/// the plan gently: a conformal cubic for the sweep of the whole region and two long waves for the streets. It is one
/// to one (its shear stays below 0.2), so what does not overlap in the plan does not overlap on the ground.
struct CityWarp: Sendable {
  /// EPSG:4547 metres of plan (0, 0), near 113.632° E, 34.757° N.
  static let centreEast = 466_300.0
  static let centreNorth = 3_847_700.0
  static let centreLongitude = 113.632
  static let centreLatitude = 34.757
  /// Plan metres in a degree at the centre.
  static let metresPerLongitude = 91_560.0
  static let metresPerLatitude = 110_940.0

  private static let reach = 60_000.0

  private static func waves(_ x: Double, _ y: Double) -> (Double, Double) {
    let dx = 230 * citySine(y / 5_000 + 0.4) + 24 * citySine(y / 680 + 1.1)
    let dy = 230 * citySine(x / 5_200 + 2.0) + 22 * citySine(x / 730 + 0.3)
    return (dx, dy)
  }

  private static let atCentre = waves(0, 0)

  /// EPSG:4547 metres (east, north) of a plan point.
  static func ground(_ x: Double, _ y: Double) -> (Double, Double) {
    let (u, v) = (x / reach, y / reach)
    let (u2, v2) = (u * u - v * v, 2 * u * v)
    let (u3, v3) = (u2 * u - v2 * v, u2 * v + v2 * u)
    let (ar, ai, br, bi) = (0.010, 0.030, -0.006, 0.010)
    let conformalX = u + ar * u2 - ai * v2 + br * u3 - bi * v3
    let conformalY = v + ar * v2 + ai * u2 + br * v3 + bi * u3
    let (dx, dy) = waves(x, y)
    return (
      centreEast + conformalX * reach + dx - atCentre.0,
      centreNorth + conformalY * reach + dy - atCentre.1
    )
  }

  /// The same in whole millimetres.
  static func millimetres(_ x: Double, _ y: Double) -> CityPoint {
    let (east, north) = ground(x, y)
    return CityPoint(x: Int((east * 1_000).rounded()), y: Int((north * 1_000).rounded()))
  }

  /// The node of the grids at a plan point: on a lattice of half metres, so that coordinates and the midpoints between
  /// two nodes are exact binary numbers and a point on an edge is on it exactly.
  static func node(_ x: Int32, _ y: Int32) -> CityPoint {
    let (east, north) = ground(Double(x), Double(y))
    return CityPoint(x: Int((east * 2).rounded()) * 500, y: Int((north * 2).rounded()) * 500)
  }

  /// The direction in which plan x runs on the ground at a plan point, as a unit vector: the mean of both axes, so
  /// that a rectangle turned by it fits best.
  static func direction(_ x: Double, _ y: Double) -> (Double, Double) {
    let (e1, n1) = ground(x + 8, y)
    let (e0, n0) = ground(x - 8, y)
    let (e3, n3) = ground(x, y + 8)
    let (e2, n2) = ground(x, y - 8)
    let (dx, dy) = ((e1 - e0) + (n3 - n2), (n1 - n0) - (e3 - e2))
    let length = (dx * dx + dy * dy).squareRoot()
    return (dx / length, dy / length)
  }
}

/// A place in EPSG:4547, in whole millimetres.
struct CityPoint: Hashable, Sendable {
  var x: Int
  var y: Int

  /// Metres between two places.
  func distance(to other: CityPoint) -> Double {
    let (dx, dy) = (Double(other.x - x) / 1_000, Double(other.y - y) / 1_000)
    return (dx * dx + dy * dy).squareRoot()
  }

  /// Metres to the segment a-b.
  func distance(toSegment a: CityPoint, _ b: CityPoint) -> Double {
    let (abx, aby) = (Double(b.x - a.x), Double(b.y - a.y))
    let (apx, apy) = (Double(x - a.x), Double(y - a.y))
    let squared = abx * abx + aby * aby
    let t = squared > 0 ? max(0, min(1, (apx * abx + apy * aby) / squared)) : 0
    let (dx, dy) = (apx - t * abx, apy - t * aby)
    return (dx * dx + dy * dy).squareRoot() / 1_000
  }

  /// Whether the place lies in the ring (not closed: the last vertex is not the first again). Exact: integers only.
  /// A place on the ring may count either way.
  func isInside(_ ring: [CityPoint]) -> Bool {
    var inside = false
    var previous = ring[ring.count - 1]
    for vertex in ring {
      if (vertex.y > y) != (previous.y > y) {
        let side = (previous.x - vertex.x) * (y - vertex.y) - (x - vertex.x) * (previous.y - vertex.y)
        if (side > 0) == (previous.y > vertex.y) { inside.toggle() }
      }
      previous = vertex
    }
    return inside
  }
}
