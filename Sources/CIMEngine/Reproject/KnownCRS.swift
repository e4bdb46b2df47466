/// The reference systems that cimq knows without asking PROJ: WGS 84, CGCS2000, their usual zones, GCJ-02 and BD-09.
///
/// CGCS2000 and WGS 84 are taken as one: EPSG knows no transformation between them, and the two differ by centimetres.
enum KnownCRS {
  case geographic
  case gcj02
  case bd09
  case transverseMercator(TransverseMercator)

  init?(_ crs: CRS) {
    switch crs {
    case .gcj02: self = .gcj02
    case .bd09: self = .bd09
    default:
      guard let code = crs.epsgCode else { return nil }
      switch code {
      // 4979 and 4480 are the same with ellipsoidal heights, which are left alone.
      case 4326, 4490, 4979, 4480: self = .geographic
      case 4491...4501: self = .chinese(meridian: 75 + 6 * (code - 4491), zone: 13 + code - 4491)
      case 4502...4512: self = .chinese(meridian: 75 + 6 * (code - 4502), zone: 0)
      case 4513...4533: self = .chinese(meridian: 75 + 3 * (code - 4513), zone: 25 + code - 4513)
      case 4534...4554: self = .chinese(meridian: 75 + 3 * (code - 4534), zone: 0)
      case 32601...32660: self = .utm(zone: code - 32600, isSouth: false)
      case 32701...32760: self = .utm(zone: code - 32700, isSouth: true)
      default: return nil
      }
    }
  }

  /// Gauss-Krüger on CGCS2000; a zone number other than 0 is written in front of the easting.
  private static func chinese(meridian: Int, zone: Int) -> KnownCRS {
    .transverseMercator(
      TransverseMercator(
        centralMeridian: Double(meridian), scale: 1, falseEasting: 500_000 + 1e6 * Double(zone), falseNorthing: 0,
        ellipsoid: .cgcs2000))
  }

  private static func utm(zone: Int, isSouth: Bool) -> KnownCRS {
    .transverseMercator(
      TransverseMercator(
        centralMeridian: Double(6 * zone - 183), scale: 0.9996, falseEasting: 500_000,
        falseNorthing: isSouth ? 10_000_000 : 0, ellipsoid: .wgs84))
  }

  /// What EPSG says of these systems (name, area of use), from the EPSG data set v10.076.
  static func info(_ crs: CRS) -> CRSInfo? {
    guard let known = KnownCRS(crs) else { return nil }
    let china = CRSInfo.Area(west: 73.62, south: 16.7, east: 134.77, north: 53.56)
    switch (known, crs.epsgCode ?? 0) {
    case (.gcj02, _), (.bd09, _):
      return CRSInfo(
        crs: crs, name: crs == .gcj02 ? "GCJ-02" : "BD-09", isGeographic: true, isMetric: false, areaOfUse: china)
    case (_, 4326), (_, 4979):
      return CRSInfo(
        crs: crs, name: "WGS 84", isGeographic: true, isMetric: false,
        areaOfUse: .init(west: -180, south: -90, east: 180, north: 90))
    case (_, 4490), (_, 4480):
      return CRSInfo(
        crs: crs, name: "China Geodetic Coordinate System 2000", isGeographic: true, isMetric: false, areaOfUse: china)
    case (.transverseMercator(let projection), let code):
      let meridian = Int(projection.centralMeridian)
      let name: String
      let area: CRSInfo.Area
      switch code {
      case 4491...4512:
        let zone = code < 4502 ? code - 4491 : code - 4502
        name = "CGCS2000 / Gauss-Kruger " + (code < 4502 ? "zone \(13 + zone)" : "CM \(meridian)E")
        area = sixDegreeAreas[zone]
      case 4513...4554:
        let zone = code < 4534 ? code - 4513 : code - 4534
        name = "CGCS2000 / 3-degree Gauss-Kruger " + (code < 4534 ? "zone \(25 + zone)" : "CM \(meridian)E")
        area = threeDegreeAreas[zone]
      default:
        let isSouth = code > 32700
        name = "WGS 84 / UTM zone \(code % 100)" + (isSouth ? "S" : "N")
        area = .init(
          west: Double(meridian - 3), south: isSouth ? -80 : 0, east: Double(meridian + 3), north: isSouth ? 0 : 84)
      }
      return CRSInfo(crs: crs, name: name, isGeographic: false, isMetric: true, areaOfUse: area)
    default: return nil
    }
  }

  private static func areas(_ numbers: [(Double, Double, Double, Double)]) -> [CRSInfo.Area] {
    numbers.map { CRSInfo.Area(west: $0.0, south: $0.1, east: $0.2, north: $0.3) }
  }

  private static let sixDegreeAreas = areas([
    (73.62, 35.42, 78.01, 41.07), (77.98, 29.16, 84.0, 47.23), (84.0, 27.32, 90.0, 49.18), (90.0, 27.71, 96.01, 47.9),
    (96.0, 21.13, 102.01, 43.18), (102.0, 17.75, 108.0, 42.47), (108.0, 16.7, 114.0, 45.11),
    (114.0, 19.02, 120.0, 51.52), (120.0, 24.64, 126.0, 53.56), (126.0, 29.7, 132.0, 52.79),
    (132.0, 45.02, 134.77, 48.4),
  ])

  private static let threeDegreeAreas = areas([
    (73.62, 35.81, 76.5, 40.65), (76.5, 31.03, 79.5, 41.83), (79.5, 29.95, 82.51, 45.88), (82.5, 28.26, 85.5, 47.23),
    (85.5, 27.8, 88.5, 49.18), (88.49, 27.32, 91.51, 48.42), (91.5, 27.71, 94.5, 45.13), (94.5, 28.23, 97.51, 44.5),
    (97.5, 21.43, 100.5, 42.76), (100.5, 21.13, 103.5, 42.69), (103.5, 22.5, 106.51, 42.21),
    (106.5, 18.19, 109.51, 42.47), (109.5, 18.11, 112.5, 45.11), (112.5, 21.52, 115.5, 45.45),
    (115.5, 22.6, 118.5, 49.88), (118.5, 24.43, 121.5, 53.33), (121.5, 28.22, 124.5, 53.56),
    (124.5, 40.19, 127.5, 53.2), (127.5, 41.37, 130.5, 50.25), (130.5, 42.42, 133.5, 48.88),
    (133.5, 45.85, 134.77, 48.4),
  ])
}
