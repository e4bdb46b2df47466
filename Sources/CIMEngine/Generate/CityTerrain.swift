/// Ground heights (Yellow Sea 1985), rivers and flooded areas, all functions of the plan.
///
/// The shape follows the extent of the city made: hills rise along its western edge and rivers cross it whether it is
/// 4 km or 130 km wide.
struct CityTerrain: Sendable {
  struct River: Sendable {
    var width: Double
    /// Plan metres, from the source down.
    var course: [(Double, Double)]
  }

  struct Flood: Sendable {
    /// The number in its id: F-0720 is the first one.
    var number: Int
    var scenario: Int
    /// EPSG:4547, counter-clockwise, not closed.
    var ring: [CityPoint]
    /// Bounds of the ring.
    var low: CityPoint
    var high: CityPoint
    /// Height of the water surface in centimetres.
    var waterCentimetres: Int
    var validFromHour: Int
  }

  /// Middle and half extent of the filled part of the plan.
  private let middle: (x: Double, y: Double)
  let halfWidth: Double
  let halfHeight: Double
  private(set) var rivers: [River] = []
  private(set) var floods: [Flood] = []

  /// Return periods in years; the first stands for the storm of 20 July.
  static let scenarios = ["720", "10y", "20y", "50y", "100y", "200y"]

  init(counts: CityCounts, seed: UInt64, bounds: CityRect, density: CityDensity) {
    middle = (bounds.midX, bounds.midY)
    halfWidth = Double(bounds.width) / 2
    halfHeight = Double(bounds.height) / 2
    for i in 0..<counts.river { rivers.append(makeRiver(i, of: counts.river, seed: seed)) }
    for i in 0..<counts.flood { floods.append(makeFlood(i, seed: seed, density: density)) }
  }

  // MARK: Ground

  /// How far into the hills a plan point is: 0 in the plain, 1 on the western edge.
  func hilliness(_ x: Double) -> Double { max(0, min(1.2, ((middle.x - x) / halfWidth - 0.58) / 0.42)) }

  /// Metres above the datum without the beds of rivers.
  func plain(_ x: Double, _ y: Double) -> Double {
    var z = 96 + (x < 0 ? -x * 0.0006 : -x * 0.0003)
    z += 0.8 * citySine(x / 310 + 1.3) * citySine(y / 270 + 0.7)
    z += 0.3 * citySine(x / 97) * citySine(y / 83 + 0.2)
    let u = hilliness(x)
    if u > 0 {
      let rise = 45 + 420 * min(1, halfWidth / 60_000)
      z += rise * u * u * (0.75 + 0.25 * citySine(x / 420 + 0.5) * citySine(y / 390))
    }
    return z
  }

  /// `nearby` are the pieces of rivers that can matter here; only the nearest digs, pieces of one river are one bed.
  func ground(_ x: Double, _ y: Double, nearby: [Reach]) -> Double {
    var nearest = 1e9
    for reach in nearby { nearest = min(nearest, reach.distance(x, y)) }
    return plain(x, y) - 1.8 / (1 + nearest * nearest / 14_400)
  }

  // MARK: Rivers

  /// One straight piece of a river.
  struct Reach: Sendable {
    var ax: Double
    var ay: Double
    var bx: Double
    var by: Double
    var halfWidth: Double

    func distance(_ x: Double, _ y: Double) -> Double {
      let (dx, dy) = (bx - ax, by - ay)
      let squared = dx * dx + dy * dy
      let t = squared > 0 ? max(0, min(1, ((x - ax) * dx + (y - ay) * dy) / squared)) : 0
      let (ex, ey) = (x - ax - t * dx, y - ay - t * dy)
      return (ex * ex + ey * ey).squareRoot()
    }
  }

  /// The pieces of rivers whose box comes within `margin` of a rectangle of the plan.
  func reaches(near r: CityRect, margin: Double) -> [Reach] {
    var result: [Reach] = []
    let (x0, x1) = (Double(r.x0) - margin, Double(r.x1) + margin)
    let (y0, y1) = (Double(r.y0) - margin, Double(r.y1) + margin)
    for river in rivers {
      for i in 1..<river.course.count {
        let (a, b) = (river.course[i - 1], river.course[i])
        if max(a.0, b.0) < x0 || min(a.0, b.0) > x1 || max(a.1, b.1) < y0 || min(a.1, b.1) > y1 { continue }
        result.append(Reach(ax: a.0, ay: a.1, bx: b.0, by: b.1, halfWidth: river.width / 2))
      }
    }
    return result
  }

  private func makeRiver(_ index: Int, of count: Int, seed: UInt64) -> River {
    var random = CityRandom(seed: seed, .river, index)
    let eastward = index % 2 == 0
    let (long, wide) = eastward ? (halfWidth, halfHeight) : (halfHeight, halfWidth)
    let (alongMiddle, acrossMiddle) = eastward ? (middle.x, middle.y) : (middle.y, middle.x)
    // The first passes just north of the city's centre, plan (0, 0); the others spread over the rest.
    let lines = max(1, (count + 1) / 2)
    let lane = Double(index / 2)
    let offset =
      index == 0
      ? min(0.12 * wide, 700) : acrossMiddle + wide * (-0.9 + 1.8 * (lane + random.between(0.3, 0.7)) / Double(lines))
    let phase = random.between(0, 6.28)
    let swing = min(wide * 0.06, 1_500) * random.between(0.6, 1)
    let wave = max(long / random.between(1.6, 2.4), swing * 14)
    let step = max(40, min(120, long / 60))
    let steps = Int(2.1 * long / step)
    var course: [(Double, Double)] = []
    for i in 0...steps {
      let along = -1.05 * long + Double(i) * step
      let across =
        offset + swing * citySine(along / wave * 3.1 + phase) + 0.2 * swing * citySine(along / wave * 8 + phase)
      // West to east, and north or south towards the first river.
      course.append(
        eastward
          ? (alongMiddle + along, across) : (across, alongMiddle + (offset > acrossMiddle ? -along : along)))
    }
    let width = index == 0 ? 46.0 : (random.between(14, 38) * 2).rounded() / 2
    return River(width: width, course: course)
  }

  // MARK: Floods

  private func makeFlood(_ index: Int, seed: UInt64, density: CityDensity) -> Flood {
    var random = CityRandom(seed: seed, .flood, index)
    let river = rivers[index % rivers.count]
    let step = CityTerrain.length(river.course[0], river.course[1])
    let whole = step * Double(river.course.count - 1)
    let length = index == 0 ? min(3_000, whole * 0.55) : min(random.between(900, 3_600), whole * 0.4)
    let middle = placeFlood(index, on: river, density: density, random: &random)
    let reach = max(3, Int(length / 2 / step))
    let first = max(1, middle - reach)
    let last = min(river.course.count - 2, middle + reach)
    // Wider than the river bends, the outline would cross itself.
    var tightest = 2 * halfHeight
    for i in first...last { tightest = min(tightest, CityTerrain.radius(river.course, at: i)) }
    let half = min(index == 0 ? 380 : random.between(130, 360), 0.6 * tightest)
    var (left, right): ([CityPoint], [CityPoint]) = ([], [])
    var (sum, samples) = (0.0, 0.0)
    let nearby = (first..<last).map { i -> Reach in
      let (a, b) = (river.course[i], river.course[i + 1])
      return Reach(ax: a.0, ay: a.1, bx: b.0, by: b.1, halfWidth: river.width / 2)
    }
    let phase = random.between(0, 6.28)
    for i in first...last {
      let (a, p, b) = (river.course[i - 1], river.course[i], river.course[i + 1])
      let (dx, dy) = (b.0 - a.0, b.1 - a.1)
      let l = (dx * dx + dy * dy).squareRoot()
      let (nx, ny) = (-dy / l, dx / l)
      // Tapers towards both ends.
      let t = Double(i - first) / Double(last - first) * 2 - 1
      let taper = 1 - 0.75 * t * t
      let w = half * taper
      let wl = w * (0.85 + 0.15 * citySine(Double(i) * step / 210 + phase))
      let wr = w * (0.85 + 0.15 * citySine(Double(i) * step / 170 - phase))
      left.append(CityWarp.millimetres(p.0 + nx * wl, p.1 + ny * wl))
      right.append(CityWarp.millimetres(p.0 - nx * wr, p.1 - ny * wr))
      for side in [-0.6, 0.6] {
        sum += ground(p.0 + nx * w * side, p.1 + ny * w * side, nearby: nearby)
        samples += 1
      }
    }
    let ring = right + left.reversed()
    var (low, high) = (ring[0], ring[0])
    for vertex in ring {
      low = CityPoint(x: min(low.x, vertex.x), y: min(low.y, vertex.y))
      high = CityPoint(x: max(high.x, vertex.x), y: max(high.y, vertex.y))
    }
    let water = sum / samples + (index == 0 ? 1.1 : random.between(0.3, 2.2))
    return Flood(
      number: index == 0 ? 720 : index, scenario: index == 0 ? 0 : 1 + (index - 1) % 5,
      ring: ring, low: low, high: high, waterCentimetres: Int((water * 100).rounded()),
      validFromHour: random.below(24))
  }

  /// The vertex of a river's course in the middle of a flood: for the first near the city's centre, else the most
  /// densely built of a few places. Away from the hills: water stands in the plain.
  private func placeFlood(
    _ index: Int, on river: River, density: CityDensity, random: inout CityRandom
  ) -> Int {
    let count = river.course.count
    if index == 0 {
      return river.course.indices.min { square(river.course[$0].0) < square(river.course[$1].0) } ?? count / 2
    }
    var (best, most) = (count / 2, 0.0)
    for _ in 0..<6 {
      let i = Int(random.between(0.12, 0.88) * Double(count - 1))
      let (x, y) = river.course[i]
      let value = hilliness(x) > 0 ? 0 : density.at(x, y) * (1 + 0.2 * random.fraction())
      if value > most { (best, most) = (i, value) }
    }
    return best
  }

  private func square(_ x: Double) -> Double { x * x }

  /// Radius of the bend at a vertex, from the turn between its equally long neighbours.
  private static func radius(_ course: [(Double, Double)], at i: Int) -> Double {
    let (ax, ay) = (course[i].0 - course[i - 1].0, course[i].1 - course[i - 1].1)
    let (bx, by) = (course[i + 1].0 - course[i].0, course[i + 1].1 - course[i].1)
    let cross = ax * by - ay * bx
    let step = (ax * ax + ay * ay).squareRoot()
    return cross == 0 ? .infinity : step * step * step / (cross < 0 ? -cross : cross)
  }

  private static func length(_ a: (Double, Double), _ b: (Double, Double)) -> Double {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1)
    return (dx * dx + dy * dy).squareRoot()
  }
}
