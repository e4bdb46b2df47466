/// One file of buildings: a run of level-3 grids, or the odd places.
struct CityTile: Sendable {
  var grids: Range<Int>
  var isOdd: Bool
  /// In GeoJSONSeq and degrees, in place of CSV and metres.
  var unitsAreGeoJSON: Bool
  /// Which part of the unit and person files its rows go to, from 0.
  var unitPart: Int
  var personPart: Int
  /// EPSG:4547 millimetres, whole metres: what vertices count from.
  var translate: CityPoint
}

/// What a tile turned out to hold.
struct CityTileSummary: Sendable {
  var buildings = 0
  var units = 0
  var people = 0
  var orgs = 0
  var buildingsNearHazard = 0
  var grids: [CityGridCount] = []
  var floods: [CityFloodCount] = []
  /// Extent in millimetres; meaningless without buildings.
  var low = (x: Int.max, y: Int.max, z: Int.max)
  var high = (x: Int.min, y: Int.min, z: Int.min)

  mutating func take(_ shape: CityShape) {
    for v in shape.vertices {
      low = (min(low.x, v.x), min(low.y, v.y), min(low.z, v.z))
      high = (max(high.x, v.x), max(high.y, v.y), max(high.z, v.z))
    }
  }
}

struct CityGridCount: Sendable {
  var grid: Int
  var buildings: Int
  var units: Int
  var people: Int
  var orgs: Int
}

struct CityFloodCount: Sendable {
  var unitsInside = 0
  var unitsBelow = 0
  var peopleInside = 0
  var peopleBelow = 0
}

extension CityPlot {
  func near(_ place: CityPoint, metres: Double) -> Bool {
    let (dx, dy) = (east - Double(place.x) / 1_000, north - Double(place.y) / 1_000)
    return dx * dx + dy * dy < metres * metres
  }
}

extension CityShape {
  /// Metres from a place to the footprint; 0 inside (a yard is outside).
  func distance(to place: CityPoint) -> Double {
    var nearest = Double.infinity
    var inside = false
    for ring in footprint {
      let points = ring.map { CityPoint(x: vertices[$0].x, y: vertices[$0].y) }
      if place.isInside(points) { inside.toggle() }
      for i in points.indices {
        nearest = min(nearest, place.distance(toSegment: points[i], points[(i + 1) % points.count]))
      }
    }
    return inside ? 0 : nearest
  }
}
