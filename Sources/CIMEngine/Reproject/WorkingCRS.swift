public import SpatialIndex

/// The projected system that a new database works in.
public enum WorkingCRS {
  /// The CRS chosen for a database, and why.
  public struct Choice: Sendable, Equatable {
    public var crs: CRS
    /// Why, for the line that import prints: "the centre of the data, 113.6° E 34.8° N, lies in China".
    public var reason: String
  }

  /// The stated system of the first source when that is projected in metres, else the zone of the data's centre.
  ///
  /// Web Mercator and its like are in metres by name only (distances in Zhengzhou come out 22 % too long), so they do
  /// not count as metric here.
  ///
  /// - Parameters:
  ///   - source: the system of the first source.
  ///   - extent: the box of its data in `source`; nil when it has no geometry.
  public static func choose(for source: CRS, extent: Box2?) throws(CRSError) -> Choice {
    let info = try CRSInfo.lookup(source)
    if info.isMetric && !distorts(info) {
      return Choice(crs: info.horizontal, reason: "the first source is in it")
    }
    guard let extent, !extent.isEmpty else {
      throw CRSError("no working CRS can be chosen from \(source) without geometry; name one with --working-crs")
    }
    let (x, y) = ((extent.min[0] + extent.max[0]) / 2, (extent.min[1] + extent.max[1]) / 2)
    let centre = try CRSTransform.between(source, .wgs84).apply(x, y)
    return try zone(longitude: centre.x, latitude: centre.y)
  }

  /// Inside China the CGCS2000 3-degree zone without prefix (EPSG:4534–4554), elsewhere the WGS 84 UTM zone.
  ///
  /// - Parameters: WGS 84 degrees.
  /// - Throws: in the polar regions, which have no zone.
  public static func zone(longitude: Double, latitude: Double) throws(CRSError) -> Choice {
    let place = "the centre of the data, \(degrees(longitude, "E", "W")) \(degrees(latitude, "N", "S")), lies in "
    if ChinaZones.contains(longitude, latitude) {
      let meridian = 3 * Int((longitude / 3).rounded())
      return Choice(crs: ChinaZones.threeDegree(meridian: meridian), reason: place + "China")
    }
    guard latitude >= -80 && latitude <= 84, abs(longitude) <= 180 else {
      throw CRSError(
        "no projected working CRS can be chosen at \(longitude), \(latitude): UTM ends at 84° N and 80° S; "
          + "name one with --working-crs")
    }
    let zone = min(60, Int((longitude + 180) / 6) + 1)
    return Choice(crs: .epsg((latitude < 0 ? 32700 : 32600) + zone), reason: place + "UTM zone \(zone)")
  }

  /// Whether lengths in this system are far from true over its own area: the Mercators of the whole world.
  private static func distorts(_ info: CRSInfo) -> Bool {
    guard !info.name.contains("Pseudo-Mercator"), !info.name.contains("World Mercator") else { return true }
    guard let area = info.areaOfUse, area.west <= area.east else { return false }
    return area.east - area.west > 180 && area.north - area.south > 120
  }

  static func degrees(_ value: Double, _ positive: String, _ negative: String) -> String {
    var bytes: [UInt8] = []
    NumberText.append(abs(value), decimals: 4, to: &bytes)
    return String(decoding: bytes, as: UTF8.self) + "° " + (value < 0 ? negative : positive)
  }
}

/// China and its Gauss-Krüger zones.
enum ChinaZones {
  /// EPSG:4534–4554 by central meridian, 75° to 135°; held in that range.
  static func threeDegree(meridian: Int) -> CRS { .epsg(4534 + (min(135, max(75, meridian)) - 75) / 3) }

  /// Whether a point lies in China, generously: within some 40 km of its outline in Natural Earth 1:110m (public
  /// domain), which is enough to choose between a national and a UTM zone.
  static func contains(_ longitude: Double, _ latitude: Double) -> Bool {
    outline.withView { $0.locate(longitude, latitude) != .outside }
  }

  private static let outline: Geometry = .polygon([
    [
      73.5, 39.7, 74.6, 40.7, 76.3, 40.8, 76.7, 41.4, 79.9, 42.4, 79.8, 43, 80.4, 43.4, 79.8, 45.2, 82.2, 45.8,
      83.1, 47.7, 85.1, 47.4, 85.5, 48.7, 87.7, 49.6, 89, 48.4, 90.5, 47.9, 91.3, 47, 91.1, 45.6, 95.5, 44.5,
      96.5, 43.1, 100.9, 43, 105, 42, 110.3, 43.2, 111.4, 43.9, 111, 44.6, 111.8, 45.4, 113.4, 45.2, 117.3, 47,
      119.1, 47.1, 118.1, 47.7, 115.7, 47.4, 115.1, 48.2, 116.5, 50.2, 117.9, 49.9, 118.9, 50.4, 120.4, 52.2,
      119.9, 53, 121, 53.6, 123.6, 53.8, 126.1, 53.1, 127.9, 50.1, 129.6, 49.7, 130.8, 49, 131.2, 48.1, 135, 48.8,
      135.4, 48.6, 133.3, 44.9, 131.5, 44.8, 131.5, 42.9, 130.8, 42.1, 130.1, 42.5, 128.5, 41.8, 128.3, 41.1,
      126.9, 41.4, 124.5, 39.7, 122.2, 38.8, 120.7, 38.8, 121.6, 40.5, 119.2, 38.9, 118, 38.7, 119.7, 37.5,
      120.8, 38.2, 122.7, 37.6, 122.7, 36.6, 121.3, 36.3, 119.7, 35, 120.5, 34.6, 122.2, 31.8, 122.2, 30.8,
      121.7, 30.5, 122.4, 29.9, 122, 28.1, 121.3, 27.8, 118.9, 24.3, 117.5, 23.3, 116.1, 22.5, 111.1, 21.1,
      110.8, 20.4, 111.3, 19.6, 110.6, 18.4, 109.5, 17.8, 108.3, 18.5, 108.3, 19.5, 109.5, 20.3, 109.3, 21.2,
      107, 21.5, 106.3, 22.5, 105.3, 22.9, 102, 22.1, 101.8, 20.8, 99, 21.9, 99.1, 22.7, 98.4, 23.7, 97.3, 23.8,
      97.4, 25.2, 98.3, 26.1, 98.3, 27.3, 97.7, 28, 96.1, 28.1, 96, 29, 94.6, 28.9, 92.6, 27.6, 90, 27.9, 88.8, 27,
      88.4, 27.6, 85.8, 27.9, 82.2, 29.8, 79.5, 30.6, 78.4, 31.4, 78.1, 32.7, 78.8, 32.9, 78.5, 34.2, 77.7, 35.2,
      76, 35.6, 74.5, 38.1, 73.7, 38.3, 73.5, 39.7,
    ]
  ])
}
