/// Level-3 grids in a square kilometre of plan: dense in the centre, denser in secondary towns, thin in the country.
/// Scaled so that the whole region holds 18,314.
struct CityDensity: Sendable {
  /// Towns in plan metres.
  private let towns: [(Double, Double)]
  private var rural = 0.0

  init(_ districts: CityDistricts) {
    let places: [(Double, Double)] = [
      (113.976, 34.719), (113.022, 34.748), (113.050, 34.453), (113.383, 34.787), (113.290, 34.800),
      (113.391, 34.539), (113.740, 34.395), (113.617, 34.880), (113.850, 34.530), (113.550, 34.810), (112.900, 34.640),
    ]
    towns = places.map {
      (
        ($0.0 - CityWarp.centreLongitude) * CityWarp.metresPerLongitude,
        ($0.1 - CityWarp.centreLatitude) * CityWarp.metresPerLatitude
      )
    }
    var (built, area) = (0.0, 0.0)
    for district in districts.all {
      for rect in district.rects {
        built += mass(rect)
        area += Double(rect.width) * Double(rect.height) / 1e6
      }
    }
    rural = max(0.3, (18_314 - built) / area)
  }

  /// Of the centre alone: what a core grid has.
  static let core = 5.0

  func at(_ x: Double, _ y: Double) -> Double {
    var result = rural
    let t = (x * x + y * y) / (12_000.0 * 12_000.0)
    result += CityDensity.core / ((1 + t) * (1 + t))
    for town in towns {
      let (dx, dy) = (x - town.0, y - town.1)
      let d = (dx * dx + dy * dy) / (3_500.0 * 3_500.0)
      if d < 30 { result += 3 / ((1 + d) * (1 + d)) }
    }
    return result
  }

  /// Grids in a rectangle, by the midpoints of a raster fine enough for the towns.
  func mass(_ r: CityRect) -> Double {
    let columns = max(1, Int(r.width) / 1_500)
    let rows = max(1, Int(r.height) / 1_500)
    let (dx, dy) = (Double(r.width) / Double(columns), Double(r.height) / Double(rows))
    var sum = 0.0
    for i in 0..<columns {
      for j in 0..<rows {
        sum += at(Double(r.x0) + (Double(i) + 0.5) * dx, Double(r.y0) + (Double(j) + 0.5) * dy)
      }
    }
    return sum * dx * dy / 1e6
  }

  /// Where a cut leaves `fraction` of the mass on its lower side, on the lattice of 8 m.
  func position(in r: CityRect, vertical: Bool, fraction: Double) -> Int32 {
    let (low, high) = vertical ? (r.x0, r.x1) : (r.y0, r.y1)
    let side = Double(high - low)
    let strips = max(1, min(64, Int(side) / 400))
    var masses: [Double] = []
    var total = 0.0
    for i in 0..<strips {
      let (a, b) = (side * Double(i) / Double(strips), side * Double(i + 1) / Double(strips))
      var strip = r
      if vertical {
        strip.x0 = low + Int32(a)
        strip.x1 = low + Int32(b)
      } else {
        strip.y0 = low + Int32(a)
        strip.y1 = low + Int32(b)
      }
      masses.append(mass(strip))
      total += masses[i]
    }
    var before = 0.0
    var position = 0.5 * side
    for i in 0..<strips {
      if before + masses[i] >= fraction * total {
        position = side * (Double(i) + (fraction * total - before) / masses[i]) / Double(strips)
        break
      }
      before += masses[i]
    }
    let snapped = low + Int32((position / 8).rounded()) * 8
    return max(low + 8, min(high - 8, snapped))
  }
}
