internal import Glibc
package import SpatialIndex

extension Geodesic {
  /// Distances from a point to geometries are asked for up to here, in metres.
  package static let reach = 500_000.0

  /// Metres on the ellipsoid from a point to the nearest point of a geometry in degrees of longitude and latitude;
  /// 0 when it meets the point, infinity when it is empty.
  ///
  /// Edges are straight in longitude and latitude, as Simple Features has them. They are measured in the azimuthal
  /// equidistant projection about the point, where distances from it are true, and halved while the bend between their
  /// ends may matter: good to a centimetre within ``reach``.
  package static func distance(
    fromLongitude longitude: Double, latitude: Double, to view: GeometryView
  ) throws(CRSError) -> Double {
    if view.isEmpty { return .infinity }
    if view.meets(longitude, latitude) { return 0 }
    let plane = Plane(longitude: longitude, latitude: latitude)
    var best = Double.infinity
    var edges = EdgeCursor(view)
    var last: (vertex: Int, spot: Plane.Spot)? = nil
    while let (v, w) = edges.next() {
      var start = last?.spot
      if last?.vertex != v { start = try plane.spot(view.xy[2 * v], view.xy[2 * v + 1]) }
      let end = v == w ? start! : try plane.spot(view.xy[2 * w], view.xy[2 * w + 1])
      try plane.lower(&best, from: start!, to: end)
      last = (w, end)
    }
    return best
  }

  /// A box in degrees that holds every place within `distance` metres of a point: all longitudes where it reaches a pole
  /// or the antimeridian.
  package static func box(aroundLongitude longitude: Double, latitude: Double, distance: Double) -> Box2 {
    box(around: Box2(longitude, latitude, longitude, latitude), distance: distance)
  }

  /// As above, around all that a box bounds.
  package static func box(around box: Box2, distance: Double) -> Box2 {
    // The smallest radius of curvature makes the largest angle; a thousandth covers the flattening.
    let angle = distance / 6_335_439 * 1.001
    let up = angle * 180 / .pi
    let (south, north) = (box.min[1] - up, box.max[1] + up)
    guard south > -90 && north < 90 else {
      return Box2(-180, max(-90, south), 180, min(90, north))
    }
    // Meridians lie closest where the box is nearest to a pole.
    let latitude = max(abs(box.min[1]), abs(box.max[1])) * .pi / 180
    let across = asin(min(1, sin(min(angle, .pi / 2)) / cos(latitude))) * 180 / .pi * 1.005
    let (west, east) = (box.min[0] - across, box.max[0] + across)
    if west < -180 || east > 180 { return Box2(-180, south, 180, north) }
    return Box2(west, south, east, north)
  }

  /// The azimuthal equidistant plane about a point.
  private struct Plane {
    let longitude: Double
    let latitude: Double

    /// A place in degrees and in metres east and north of the centre.
    struct Spot {
      let longitude: Double
      let latitude: Double
      let x: Double
      let y: Double
    }

    func spot(_ lon: Double, _ lat: Double) throws(CRSError) -> Spot {
      let way = try Geodesic.way(
        fromLongitude: longitude, latitude: latitude, toLongitude: lon, latitude: lat)
      let angle = way.initialBearing * .pi / 180
      return Spot(longitude: lon, latitude: lat, x: way.distance * sin(angle), y: way.distance * cos(angle))
    }

    func lower(_ best: inout Double, from a: Spot, to b: Spot) throws(CRSError) {
      let distance = Segments.squaredDistance(0, 0, toSegment: a.x, a.y, b.x, b.y).squareRoot()
      let length = Segments.squaredDistance(a.x, a.y, b.x, b.y).squareRoot()
      // A line in degrees leaves the chord by about L² tan φ / 8R; near the poles it may go anywhere.
      let steepest = max(abs(a.latitude), abs(b.latitude))
      let bend = steepest > 89 ? length : length * length / 6_335_439 * (1 + tan(steepest * .pi / 180)) / 4
      if distance - bend >= best { return }
      if bend < 0.01 {
        best = min(best, distance)
        return
      }
      let middle = try spot((a.longitude + b.longitude) / 2, (a.latitude + b.latitude) / 2)
      try lower(&best, from: a, to: middle)
      try lower(&best, from: middle, to: b)
    }
  }
}
