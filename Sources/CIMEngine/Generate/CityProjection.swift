/// EPSG:4547 to the other systems that the files are in.
struct CityProjection {
  /// CGCS2000, 3-degree zone with the central meridian 114° E.
  private let plane = TransverseMercator(
    centralMeridian: 114, scale: 1, falseEasting: 500_000, falseNorthing: 0, ellipsoid: .cgcs2000)

  /// Longitude and latitude, CGCS2000 or WGS 84: the same at this scale.
  func degrees(_ place: CityPoint) -> (Double, Double) {
    let (longitude, latitude) = plane.unproject(Double(place.x) / 1_000, Double(place.y) / 1_000)
    return (longitude, latitude)
  }

  func gcj02(_ place: CityPoint) -> (Double, Double) {
    let (longitude, latitude) = degrees(place)
    let shifted = OffsetSystems.gcj02(fromWGS84: longitude, latitude)
    return (shifted.longitude, shifted.latitude)
  }

  func metres(_ longitude: Double, _ latitude: Double) -> (Double, Double) {
    let p = plane.project(longitude, latitude)
    return (p.x, p.y)
  }
}
