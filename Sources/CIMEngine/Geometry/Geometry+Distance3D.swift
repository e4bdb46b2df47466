internal import SpatialIndex

extension Geometry {
  /// Every height in it, those of members included.
  var heights: [Double] { z.filter { !$0.isNaN } + members.flatMap(\.heights) }

  /// The least distance between two geometries in three dimensions, in units of their CRS: points, lines, and polygons as
  /// faces. nil when one is empty or has a vertex without a height.
  ///
  /// Cost: that of making two bodies; for single features, not for scans of a city.
  func distance3D(to other: Geometry) -> Double? {
    guard let place = spaceBox, hasEveryHeight, other.hasEveryHeight else { return nil }
    let origin = Point3(place.min[0], place.min[1], place.min[2])
    var (a, b) = (Body(origin: origin), Body(origin: origin))
    a.add(self)
    b.add(other)
    a.finish()
    b.finish()
    return a.distance(to: b)
  }

  private var hasEveryHeight: Bool {
    members.allSatisfy(\.hasEveryHeight) && z.count * 2 == xy.count && !z.contains(where: \.isNaN)
  }
}
