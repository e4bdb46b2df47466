public import SpatialIndex

/// Does a source lie where its reference system says? What import asks before it believes a file.
public enum SourceCheck {
  /// Why the extent does not fit its reference system, or nil when it does: outside the area of use, x and y swapped,
  /// degrees taken for metres, metres for degrees, a zone number in front of the easting.
  ///
  /// - Parameters:
  ///   - extent: in `crs`, x before y.
  ///   - what: what the text names, a file or layer.
  public static func warning(extent: Box2, crs: CRS, of what: String) throws(CRSError) -> String? {
    guard !extent.isEmpty else { return nil }
    let info = try CRSInfo.lookup(crs)
    guard let area = info.areaOfUse else { return nil }
    let swapped = Box2(extent.min[1], extent.min[0], extent.max[1], extent.max[0])
    let fit = try place(extent, info, area)
    let numbers = "x \(range(extent, 0)), y \(range(extent, 1))"
    if fit == .inside {
      // The Arctic is empty, China is not: 34 N 80 E written the wrong way round is a valid place at 80 N.
      if info.isGeographic, !ChinaZones.contains(extent), ChinaZones.contains(swapped) {
        return "\(what): longitude and latitude look swapped (\(numbers)): the other way round they lie in China"
      }
      return nil
    }
    if try place(swapped, info, area) == .inside {
      let order = info.isGeographic ? "x is longitude, y is latitude" : "x is easting, y is northing"
      return "\(what): x and y look swapped (\(numbers)): \(order); the other way round they fit \(crs)"
    }
    let problem =
      fit == .partly ? "reaches beyond the area of use of \(crs)" : "lies outside the area of use of \(crs)"
    let bounds =
      "\(info.name), \(WorkingCRS.degrees(area.west, "E", "W")) to \(WorkingCRS.degrees(area.east, "E", "W")), "
      + "\(WorkingCRS.degrees(area.south, "N", "S")) to \(WorkingCRS.degrees(area.north, "N", "S"))"
    return "\(what): \(problem) (\(bounds)): \(numbers)" + (hint(extent, info).map { "\n  " + $0 } ?? "")
  }

  private enum Fit { case inside, partly, outside }

  private static func place(_ box: Box2, _ info: CRSInfo, _ area: CRSInfo.Area) throws(CRSError) -> Fit {
    // Corners, middles of the sides and the centre.
    var xy: [Double] = []
    for i in 0...2 {
      for j in 0...2 {
        xy.append(box.min[0] + (box.max[0] - box.min[0]) * Double(i) / 2)
        xy.append(box.min[1] + (box.max[1] - box.min[1]) * Double(j) / 2)
      }
    }
    var inside = 0
    let count = xy.count / 2
    let transform = info.isGeographic ? nil : try CRSTransform.between(info.crs, .wgs84)
    for i in 0..<count {
      var point = (x: xy[2 * i], y: xy[2 * i + 1])
      if let transform {
        do throws(CRSError) { point = try transform.apply(point.x, point.y) } catch { continue }
      }
      // A kilometre of grace: areas of use are rounded.
      if abs(point.y) <= 90 && area.contains(point.x, point.y, slack: area.east - area.west >= 360 ? 0 : 0.01) {
        inside += 1
      }
    }
    return inside == count ? .inside : inside == 0 ? .outside : .partly
  }

  private static func hint(_ box: Box2, _ info: CRSInfo) -> String? {
    let looksLikeDegrees =
      abs(box.min[0]) <= 180 && abs(box.max[0]) <= 180 && abs(box.min[1]) <= 90 && abs(box.max[1]) <= 90
    if info.isMetric && looksLikeDegrees { return "the coordinates look like degrees: try --crs EPSG:4326" }
    let easting = (box.min[0] + box.max[0]) / 2
    let northing = (box.min[1] + box.max[1]) / 2
    guard northing > 1_500_000 && northing < 6_200_000 else { return nil }
    let zone = Int(easting / 1_000_000)
    if (25...45).contains(zone), info.crs != .epsg(4488 + zone) {
      return "the eastings start with \(zone), as those of EPSG:\(4488 + zone) do (CGCS2000 3-degree zone \(zone))"
    }
    if (13...23).contains(zone), info.crs != .epsg(4478 + zone) {
      return "the eastings start with \(zone), as those of EPSG:\(4478 + zone) do (CGCS2000 6-degree zone \(zone))"
    }
    if info.isGeographic { return "the coordinates look like metres: name their system with --crs" }
    return nil
  }

  private static func range(_ box: Box2, _ d: Int) -> String {
    var bytes: [UInt8] = []
    NumberText.append(box.min[d], decimals: 6, to: &bytes)
    bytes.append(contentsOf: " to ".utf8)
    NumberText.append(box.max[d], decimals: 6, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension ChinaZones {
  /// Whether the centre of a box lies in China.
  static func contains(_ box: Box2) -> Bool {
    contains((box.min[0] + box.max[0]) / 2, (box.min[1] + box.max[1]) / 2)
  }
}
