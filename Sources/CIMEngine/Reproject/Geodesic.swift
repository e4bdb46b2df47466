internal import CPROJ
internal import Glibc

/// Shortest ways on the WGS 84 ellipsoid. Longitudes and latitudes in degrees.
public enum Geodesic {
  /// The shortest way from one place to another.
  public struct Way: Sendable, Equatable {
    /// Metres.
    public var distance: Double
    /// The direction at the start, degrees clockwise from north, 0..<360; 0 for a way of no length.
    public var initialBearing: Double
  }

  /// The way from the first point to the second, by Vincenty's inverse formula (Survey Review 23, 1975), good to 0.1 mm;
  /// where that does not converge, between nearly opposite points of the earth, by PROJ (Karney 2013).
  public static func way(
    fromLongitude lon1: Double, latitude lat1: Double, toLongitude lon2: Double, latitude lat2: Double
  ) throws(CRSError) -> Way {
    if let way = vincenty(lon1, lat1, lon2, lat2) { return way }
    return try karney(lon1, lat1, lon2, lat2)
  }

  static func karney(_ lon1: Double, _ lat1: Double, _ lon2: Double, _ lat2: Double) throws(CRSError) -> Way {
    let functions = try PROJ.functions().pointee
    var (ellipsoid, distance, azimuth) = (geod_geodesic(), 0.0, 0.0)
    functions.geod_init(&ellipsoid, Ellipsoid.wgs84.semiMajorAxis, Ellipsoid.wgs84.flattening)
    functions.geod_inverse(&ellipsoid, lat1, lon1, lat2, lon2, &distance, &azimuth, nil)
    return Way(distance: distance, initialBearing: positive(azimuth))
  }

  static func vincenty(_ lon1: Double, _ lat1: Double, _ lon2: Double, _ lat2: Double) -> Way? {
    let (a, f) = (Ellipsoid.wgs84.semiMajorAxis, Ellipsoid.wgs84.flattening)
    let b = a * (1 - f)
    let radian = Double.pi / 180
    var difference = lon2 - lon1
    if difference > 180 { difference -= 360 } else if difference < -180 { difference += 360 }
    if difference == 0 && lat1 == lat2 { return Way(distance: 0, initialBearing: 0) }
    let length = difference * radian
    let (u1, u2) = (atan((1 - f) * tan(lat1 * radian)), atan((1 - f) * tan(lat2 * radian)))
    let (sinU1, cosU1, sinU2, cosU2) = (sin(u1), cos(u1), sin(u2), cos(u2))
    var lambda = length
    for _ in 0..<60 {
      let (sinLambda, cosLambda) = (sin(lambda), cos(lambda))
      let (p, q) = (cosU2 * sinLambda, cosU1 * sinU2 - sinU1 * cosU2 * cosLambda)
      let sinSigma = (p * p + q * q).squareRoot()
      if sinSigma == 0 { return nil }
      let cosSigma = sinU1 * sinU2 + cosU1 * cosU2 * cosLambda
      let sigma = atan2(sinSigma, cosSigma)
      let sinAlpha = cosU1 * cosU2 * sinLambda / sinSigma
      let cos2Alpha = 1 - sinAlpha * sinAlpha
      let cos2SigmaM = cos2Alpha > 1e-15 ? cosSigma - 2 * sinU1 * sinU2 / cos2Alpha : 0
      let c = f / 16 * cos2Alpha * (4 + f * (4 - 3 * cos2Alpha))
      let square = 2 * cos2SigmaM * cos2SigmaM - 1
      let next = length + (1 - c) * f * sinAlpha * (sigma + c * sinSigma * (cos2SigmaM + c * cosSigma * square))
      if abs(next) > .pi { return nil }
      let step = abs(next - lambda)
      lambda = next
      if step > 1e-13 { continue }
      let u2 = cos2Alpha * (a * a - b * b) / (b * b)
      let bigA = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
      let bigB = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
      let tail = bigB / 6 * cos2SigmaM * (4 * sinSigma * sinSigma - 3) * (4 * cos2SigmaM * cos2SigmaM - 3)
      let correction = bigB * sinSigma * (cos2SigmaM + bigB / 4 * (cosSigma * square - tail))
      return Way(distance: b * bigA * (sigma - correction), initialBearing: positive(atan2(p, q) / radian))
    }
    return nil
  }

  private static func positive(_ bearing: Double) -> Double {
    let turned = bearing < 0 ? bearing + 360 : bearing
    return turned >= 360 ? 0 : turned
  }
}
