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
      if step < 1e-11 { break }
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
      if max(abs(dx), abs(dy)) < 1e-11 { break }
    }
    return (x, y)
  }

  /// The shift of GCJ-02 against WGS 84 at a WGS 84 point, in degrees.
  ///
  /// All the waves are multiples of x/60 and y/180 half turns, so two sines and cosines give them all.
  @inline(__always)
  private static func shift(_ longitude: Double, _ latitude: Double) -> (Double, Double) {
    let x = longitude - 105
    let y = latitude - 35
    let east = waves(x * (.pi / 60))
    let small = Angle(y * (.pi / 180))
    let north = waves(small.tripled)
    let root = abs(x).squareRoot()
    let sum6and2 = 20 * east.six + 20 * east.two
    var dy = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    dy += (sum6and2 + 20 * north.one + 40 * north.third + 160 * north.twelfth + 320 * north.thirtieth) * 2 / 3
    var dx = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    dx += (sum6and2 + 20 * east.one + 40 * east.third + 150 * east.twelfth + 300 * east.thirtieth) * 2 / 3
    // Metres to degrees on the ellipsoid of Krasovsky; the latitude is y + 35°.
    let (a, e2) = (6_378_245.0, 0.006_693_421_622_965_943_23)
    let phi = small.plus(thirtyFiveDegrees)
    let w2 = 1 - e2 * phi.sine * phi.sine
    let w = w2.squareRoot()
    return (dx * 180 * w / (a * phi.cosine * .pi), dy * 180 * w2 * w / (a * (1 - e2) * .pi))
  }

  private static let thirtyFiveDegrees = Angle(35 * (.pi / 180))

  /// The sines of an angle's multiples: with the angle at t/60 half turns, those of t/30, t/12, t/3, t, 2t and 6t.
  @inline(__always)
  private static func waves(
    _ angle: Angle
  ) -> (thirtieth: Double, twelfth: Double, third: Double, one: Double, two: Double, six: Double) {
    let double = angle.doubled
    let quadruple = double.doubled
    let quintuple = quadruple.plus(angle)
    let third = quintuple.doubled.doubled
    let one = third.tripled
    let two = one.doubled
    return (double.sine, quintuple.sine, third.sine, one.sine, two.sine, two.tripled.sine)
  }

  @inline(__always)
  private static func waves(
    _ radians: Double
  ) -> (thirtieth: Double, twelfth: Double, third: Double, one: Double, two: Double, six: Double) {
    waves(Angle(radians))
  }

  /// The sine and cosine of an angle.
  private struct Angle {
    let sine: Double
    let cosine: Double

    @inline(__always)
    init(sine: Double, cosine: Double) {
      self.sine = sine
      self.cosine = cosine
    }

    @inline(__always)
    init(_ radians: Double) { self.init(sine: sin(radians), cosine: cos(radians)) }

    @inline(__always)
    var doubled: Angle { Angle(sine: 2 * sine * cosine, cosine: (cosine - sine) * (cosine + sine)) }

    @inline(__always)
    var tripled: Angle {
      Angle(sine: sine * (3 - 4 * sine * sine), cosine: cosine * (4 * cosine * cosine - 3))
    }

    @inline(__always)
    func plus(_ other: Angle) -> Angle {
      Angle(
        sine: sine * other.cosine + cosine * other.sine, cosine: cosine * other.cosine - sine * other.sine)
    }
  }

  private static func turned(_ x: Double, _ y: Double) -> (Double, Double) {
    let frequency = 3000 * Double.pi / 180
    let radius = (x * x + y * y).squareRoot() + 0.000_02 * sin(y * frequency)
    let angle = atan2(y, x) + 0.000_003 * cos(x * frequency)
    return (radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006)
  }
}
