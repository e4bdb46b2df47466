/// What a building of the synthetic city is used for.
enum CityUse: Int, Sendable {
  case residential, mixed, commercial, office, industrial, education, medical, `public`

  static let words = CityWords([
    "residential", "mixed", "commercial", "office", "industrial", "education", "medical", "public",
  ])
  var isHome: Bool { self == .residential || self == .mixed }
}

/// One building before its vertices: a form on a plot, its heights and what is in it. Heights in centimetres, so that
/// derived figures are exact.
struct CityBuilding {
  enum Form {
    /// A prism; `hut` puts a lift house on the roof.
    case box(hut: Bool)
    case gable
    case hip
    /// A prism with a corner left out.
    case ell
    /// A ring around a yard, with a flat roof or one sloping both ways.
    case court(pitched: Bool)
    /// Two parts side by side: a tower and a lower block.
    case podium
  }

  var plot: CityPlot
  var form: Form
  /// Half the extent along the plot's axes, metres.
  var halfWidth: Double
  var halfHeight: Double
  var floors: Int
  var floorsBelow = 0
  var floorHeight: Int
  /// Of the lowest floor above the ground.
  var plinth: Int
  /// Rise of a sloping roof.
  var rise = 0
  /// Floors of the lower part of a podium form.
  var podiumFloors = 0
  /// Thickness of the wings of a court, share of the width kept by an ell or the tower of a podium form.
  var measure = 0.0
  var use: CityUse
  var year: Int
  /// Homes or offices that a building of this kind would have.
  var capacity: Int
  var ground = 0
  var units = 0

  /// Top of the walls.
  var eaves: Int { ground + plinth + floors * floorHeight }
  static let hutHeight = 300
  static let basementHeight = 360

  var top: Int {
    switch form {
    case .box(let hut): eaves + (hut ? CityBuilding.hutHeight : 0)
    case .gable, .hip: eaves + rise
    case .court(let pitched): eaves + (pitched ? rise : 0)
    case .ell, .podium: eaves
    }
  }

  /// The rectangles in which units lie: middle and half extents along the plot's axes.
  func wings() -> [(u: Double, v: Double, halfWidth: Double, halfHeight: Double)] {
    let (w, h) = (halfWidth, halfHeight)
    switch form {
    case .box, .gable, .hip: return [(0, 0, w, h)]
    case .ell:
      let (a, b) = (2 * w * measure, 2 * h * measure)
      return [(0, -h + b / 2, w, b / 2), (-w + a / 2, b / 2, a / 2, h - b / 2)]
    case .court:
      let t = measure / 2
      return [(0, -h + t, w, t), (0, h - t, w, t), (-w + t, 0, t, h - 2 * t), (w - t, 0, t, h - 2 * t)]
    case .podium:
      let a = w * measure
      return [(-w + a, 0, a, h)]
    }
  }

  // MARK: Choice

  /// Picks a building that suits the plot and the kind of its grid.
  static func choose(_ kind: CityKind, on plot: CityPlot, random: inout CityRandom) -> CityBuilding {
    let (w, h) = (plot.halfWidth, plot.halfHeight)
    let pick = random.fraction()
    var b = CityBuilding(
      plot: plot, form: .box(hut: false), halfWidth: w, halfHeight: h, floors: 2, floorHeight: 300,
      plinth: 15 + 5 * random.below(9), use: .residential, year: 1960 + random.below(62), capacity: 1)
    switch kind {
    case .core: b.chooseCore(pick, &random)
    case .estate: b.chooseEstate(pick, &random)
    case .old: b.chooseOld(pick, &random)
    case .works: b.chooseWorks(pick, &random)
    case .village: b.chooseHouse(pick, &random, floors: 1 + random.below(4), flat: 0.45)
    case .hills: b.chooseHouse(pick, &random, floors: 1 + random.below(2), flat: 0.2)
    }
    // Lengths to the centimetre keep footprints tidy.
    b.halfWidth = (b.halfWidth * 50).rounded(.down) / 50
    b.halfHeight = (b.halfHeight * 50).rounded(.down) / 50
    return b
  }

  private mutating func chooseCore(_ pick: Double, _ random: inout CityRandom) {
    year = 1995 + random.below(27)
    if pick < 0.35, halfWidth > 15, halfHeight > 9 {
      form = .podium
      measure = 0.45
      floors = random.between(14, 40)
      podiumFloors = random.between(3, 5)
      floorHeight = 360
      floorsBelow = random.between(1, 4)
      use = random.chance(0.5) ? .office : .mixed
      capacity = floors * 6
    } else if pick < 0.75 {
      halfWidth = min(halfWidth, random.between(13, 20))
      halfHeight = min(halfHeight, random.between(10, 16))
      floors = random.between(6, 22)
      form = .box(hut: floors > 8)
      floorHeight = 360
      floorsBelow = random.between(0, 2)
      use = random.chance(0.1) ? .medical : .office
      capacity = floors * 5
    } else {
      floors = random.between(2, 6)
      floorHeight = 450
      floorsBelow = random.between(0, 2)
      use = .commercial
      capacity = floors * 6
    }
  }

  private mutating func chooseEstate(_ pick: Double, _ random: inout CityRandom) {
    year = 1998 + random.below(25)
    floorHeight = 290 + 10 * random.below(2)
    if pick < 0.28 {
      halfWidth = min(halfWidth, random.between(11, 15))
      halfHeight = min(halfHeight, random.between(9, 12))
      floors = random.between(15, 33)
      form = .box(hut: true)
      floorsBelow = random.between(1, 2)
      capacity = floors * 4
    } else if pick < 0.93 {
      halfWidth = min(halfWidth, random.between(16, 30))
      halfHeight = min(halfHeight, random.between(6, 7.5))
      floors = random.between(5, 11)
      floorsBelow = random.chance(0.5) ? 1 : 0
      pitch(random.fraction(), flat: 0.45, &random)
      capacity = floors * max(2, Int(halfWidth / 6))
    } else {
      form = .ell
      measure = 0.5
      floors = random.between(2, 3)
      floorHeight = 350
      use = random.chance(0.6) ? .education : .public
      capacity = 3
    }
  }

  private mutating func chooseOld(_ pick: Double, _ random: inout CityRandom) {
    year = 1952 + random.below(45)
    if pick < 0.35, min(halfWidth, halfHeight) > 10 {
      halfWidth = min(halfWidth, random.between(12, 19))
      halfHeight = min(halfHeight, random.between(11, 16))
      measure = min(7, min(halfWidth, halfHeight) * 0.55)
      let pitched = random.chance(0.6)
      form = .court(pitched: pitched)
      rise = pitched ? 10 * Int(measure * random.between(1.6, 2.4)) : 0
      floors = random.between(1, 3)
      floorHeight = 330
      capacity = floors * 6
    } else if pick < 0.85 {
      halfWidth = min(halfWidth, random.between(12, 20))
      halfHeight = min(halfHeight, random.between(5, 7))
      floors = random.between(3, 7)
      pitch(random.fraction(), flat: 0.3, &random)
      use = random.chance(0.25) ? .mixed : .residential
      capacity = floors * max(2, Int(halfWidth / 5))
    } else {
      halfWidth = min(halfWidth, random.between(11, 17))
      halfHeight = min(halfHeight, random.between(9, 14))
      form = .ell
      measure = 0.45
      floors = random.between(2, 5)
      floorHeight = 350
      use = random.chance(0.5) ? .commercial : .public
      capacity = floors * 3
    }
  }

  private mutating func chooseWorks(_ pick: Double, _ random: inout CityRandom) {
    year = 1970 + random.below(52)
    if pick < 0.5 {
      form = .gable
      floors = random.between(1, 2)
      floorHeight = 500 + 50 * random.below(7)
      rise = 10 * Int(halfHeight * 2)
      use = .industrial
      capacity = floors
    } else if pick < 0.75 {
      halfWidth = min(halfWidth, random.between(14, 24))
      halfHeight = min(halfHeight, random.between(7, 10))
      floors = random.between(3, 6)
      floorHeight = 360
      use = random.chance(0.3) ? .medical : .office
      capacity = floors * 3
    } else {
      form = .ell
      measure = 0.4
      floors = random.between(3, 5)
      floorHeight = 380
      use = .education
      capacity = floors
    }
  }

  private mutating func chooseHouse(_ pick: Double, _ random: inout CityRandom, floors count: Int, flat: Double) {
    year = 1975 + random.below(45)
    halfWidth = min(halfWidth, random.between(4.5, 6.2))
    halfHeight = min(halfHeight, random.between(4, 6))
    floors = count
    floorHeight = 310
    plinth += 15
    pitch(pick, flat: flat, &random)
    use = random.chance(0.04) ? .mixed : .residential
    capacity = count >= 3 ? 2 : 1
  }

  /// A flat roof for `pick` below `flat`, else a gabled or a hipped one.
  private mutating func pitch(_ pick: Double, flat: Double, _ random: inout CityRandom) {
    if pick < flat {
      form = .box(hut: false)
      return
    }
    form = pick < flat + (1 - flat) * 0.65 || halfWidth - halfHeight < 1 ? .gable : .hip
    rise = 10 * max(8, Int(halfHeight * random.between(3, 5)))
  }
}
