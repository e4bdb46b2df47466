internal import Glibc

/// GCJ-02 and BD-09, the offset longitudes and latitudes of Chinese web maps, in degrees.
///
/// There is no published specification; the formulas are those of the open-source reverse engineering that map users
/// agree on (googollee/eviltransform among them), with 3000 π / 180 as the frequency of BD-09. Outside the box
/// 72.004–137.8347° E, 0.8293–55.8271° N both are the identity, which makes them discontinuous on its border (at sea and
/// abroad); everywhere else the inverses are exact to 1e-6 m.
enum OffsetSystems {
  @inline(__always)
  static func isOffset(_ longitude: Double, _ latitude: Double) -> Bool {
    longitude >= 72.004 && longitude <= 137.8347 && latitude >= 0.8293 && latitude <= 55.8271
  }

  @inline(__always)
  static func gcj02(fromWGS84 longitude: Double, _ latitude: Double) -> (longitude: Double, latitude: Double) {
    guard isOffset(longitude, latitude) else { return (longitude, latitude) }
    let (dx, dy) = shift(longitude, latitude)
    return (longitude + dx, latitude + dy)
  }

  /// The point that ``gcj02(fromWGS84:_:)`` sends here, by fixed-point iteration: the shift changes by less than a
  /// hundredth of the step, so each round gains two digits.
  @inline(__always)
  static func wgs84(fromGCJ02 longitude: Double, _ latitude: Double) -> (longitude: Double, latitude: Double) {
    guard isOffset(longitude, latitude) else { return (longitude, latitude) }
    var (x, y) = (longitude, latitude)
    for _ in 0..<16 {
      let (dx, dy) = shift(x, y)
      let (nextX, nextY) = (longitude - dx, latitude - dy)
      let step = max(abs(nextX - x), abs(nextY - y))
      (x, y) = (nextX, nextY)
      if step < 1e-13 { break }
    }
    return (x, y)
  }

  @inline(__always)
  static func bd09(fromGCJ02 longitude: Double, _ latitude: Double) -> (longitude: Double, latitude: Double) {
    guard isOffset(longitude, latitude) else { return (longitude, latitude) }
    return turned(longitude, latitude)
  }

  @inline(__always)
  static func gcj02(fromBD09 longitude: Double, _ latitude: Double) -> (longitude: Double, latitude: Double) {
    guard isOffset(longitude, latitude) else { return (longitude, latitude) }
    var (x, y) = (longitude - 0.0065, latitude - 0.006)
    for _ in 0..<16 {
      let (bx, by) = turned(x, y)
      let (dx, dy) = (longitude - bx, latitude - by)
      x += dx
      y += dy
      if max(abs(dx), abs(dy)) < 1e-13 { break }
    }
    return (x, y)
  }

  /// The shift of GCJ-02 against WGS 84 at a WGS 84 point, in degrees.
  private static func shift(_ longitude: Double, _ latitude: Double) -> (Double, Double) {
    let x = longitude - 105
    let y = latitude - 35
    let root = abs(x).squareRoot()
    let wave = (20 * sin(6 * x * .pi) + 20 * sin(2 * x * .pi)) * 2 / 3
    var north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north += (20 * sin(y * .pi) + 40 * sin(y / 3 * .pi)) * 2 / 3
    north += (160 * sin(y / 12 * .pi) + 320 * sin(y / 30 * .pi)) * 2 / 3
    var east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east += (20 * sin(x * .pi) + 40 * sin(x / 3 * .pi)) * 2 / 3
    east += (150 * sin(x / 12 * .pi) + 300 * sin(x / 30 * .pi)) * 2 / 3
    // Metres to degrees on the ellipsoid of Krasovsky.
    let (a, e2) = (6_378_245.0, 0.006_693_421_622_965_943_23)
    let phi = latitude / 180 * Double.pi
    let sinPhi = sin(phi)
    let w2 = 1 - e2 * sinPhi * sinPhi
    let w = w2.squareRoot()
    return (
      east * 180 / (a / w * cos(phi) * .pi), north * 180 / (a * (1 - e2) / (w2 * w) * .pi)
    )
  }

  private static func turned(_ x: Double, _ y: Double) -> (Double, Double) {
    let frequency = 3000 * Double.pi / 180
    let radius = (x * x + y * y).squareRoot() + 0.000_02 * sin(y * frequency)
    let angle = atan2(y, x) + 0.000_003 * cos(x * frequency)
    return (radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006)
  }
}
