/// What a level-3 grid mostly is.
enum CityKind: Int, Sendable {
  /// Offices, shops and towers on podiums.
  case core
  /// Gated estates: rows of slabs, towers.
  case estate
  /// Old quarters: walk-up slabs and courtyards.
  case old
  /// Halls, schools, hospitals.
  case works
  /// A village, in the plain or swallowed by the city.
  case village
  /// A village in the hills.
  case hills
}

/// Everything about the city that is decided before the first row is written: where the grids lie, what each is and how
/// many buildings, units, people and organisations it holds. Rows are then made grid by grid, in any order.
final class CityModel: Sendable {
  let counts: CityCounts
  let seed: UInt64
  let partition: CityPartition
  let terrain: CityTerrain
  let names: CityNames
  let kinds: [CityKind]
  let buildings: CityShares
  let units: CityShares
  let persons: CityShares
  let orgs: CityShares
  let odd: [CityOddPlace]
  /// The level-3 grid at whose edge hazard HZ-0231 lies, and its place.
  let hazardGrid: Int
  let hazardPlace: CityPoint
  var gridCount: Int { partition.level3.count }

  static let unitsPerOddBuilding = 1
  static let peoplePerOddUnit = 2

  init(counts: CityCounts, seed: UInt64) {
    self.counts = counts
    self.seed = seed
    let partition = CityPartition(counts: counts, seed: seed)
    self.partition = partition
    let density = CityDensity(partition.districts)
    let terrain = CityTerrain(counts: counts, seed: seed, bounds: partition.bounds, density: density)
    self.terrain = terrain
    names = CityNames(partition)

    var kinds: [CityKind] = []
    kinds.reserveCapacity(partition.level3.count)
    // The grid of the hills nearest to the town gets an estate and hazard HZ-0231.
    var frontier = 0
    var best = -Double.infinity
    for (i, region) in partition.level3.enumerated() {
      let (x, y) = (region.rect.midX, region.rect.midY)
      var random = CityRandom(seed: seed, .cell, i)
      // Grids of one level-2 grid are mostly alike.
      var shared = CityRandom(seed: seed, .cell, -1 - region.parent)
      let pick = random.chance(0.6) ? shared.fraction() : random.fraction()
      let urban = min(1, density.at(x, y) / (CityDensity.core + 1))
      kinds.append(CityModel.kind(urban: urban, hilliness: terrain.hilliness(x), pick: pick))
      let towards = terrain.hilliness(x) > 0.02 ? x - 0.3 * (y < 0 ? -y : y) : -.infinity
      if towards > best {
        best = towards
        frontier = i
      }
    }
    if best == -.infinity {
      for i in partition.level3.indices where partition.level3[i].rect.midX < partition.level3[frontier].rect.midX {
        frontier = i
      }
    }
    kinds[frontier] = .estate
    self.kinds = kinds
    hazardGrid = frontier
    let home = partition.level3[frontier].rect
    hazardPlace = CityWarp.millimetres(Double(home.x0) + 0.25 * Double(home.width), home.midY)

    odd = CityOddPlace.all(counts.oddBuildings, partition: partition, seed: seed)
    let oddUnits = odd.count * CityModel.unitsPerOddBuilding
    let oddPeople = min(oddUnits * CityModel.peoplePerOddUnit, counts.person)
    let oddOrgs = min(odd.count / 2, counts.org)

    func weights(_ table: [Double], _ kind: CityRandom.Kind, spread: Double) -> [Double] {
      kinds.indices.map { i in
        var random = CityRandom(seed: seed, kind, -1 - i)
        return table[kinds[i].rawValue] * (1 + spread * (random.fraction() - 0.5))
      }
    }
    //                                core estate old works village hills
    buildings = CityShares(
      total: counts.building - odd.count,
      weights: weights([0.70, 0.75, 1.00, 0.60, 1.45, 1.10], .building, spread: 0.4))
    // Where nothing is built nobody lives: in the smallest cities a grid may go empty.
    func weights(
      _ table: [Double], _ kind: CityRandom.Kind, spread: Double, within outer: CityShares
    ) -> [Double] {
      var result = weights(table, kind, spread: spread)
      for i in result.indices where outer.count(i) == 0 { result[i] = 0 }
      return result
    }
    let units = CityShares(
      total: counts.unit - oddUnits,
      weights: weights([1.20, 1.60, 1.10, 0.30, 0.60, 0.40], .unit, spread: 0.4, within: buildings))
    self.units = units
    // People follow the homes: of the units of a core few are, of works hardly any.
    let settled = weights([0.22, 1.0, 0.85, 0.03, 1.0, 1.0], .household, spread: 0.3, within: units)
    let homes = settled.indices.map { settled[$0] * Double(units.count($0)) }
    persons = CityShares(total: counts.person - oddPeople, weights: homes)
    orgs = CityShares(
      total: counts.org - oddOrgs,
      weights: weights([3.60, 0.60, 1.00, 1.60, 0.35, 0.15], .org, spread: 0.5, within: units))
  }

  private static func kind(urban: Double, hilliness: Double, pick: Double) -> CityKind {
    if hilliness > 0.12 { return pick < 0.9 ? .hills : .works }
    // Shares of core, estate, old, works; the rest are villages.
    let shares: (Double, Double, Double, Double)
    if urban > 0.8 {
      shares = (0.20, 0.34, 0.22, 0.10)
    } else if urban > 0.5 {
      shares = (0.06, 0.34, 0.12, 0.14)
    } else {
      shares = (0.01, 0.12, 0.05, 0.12)
    }
    var limit = shares.0
    if pick < limit { return .core }
    limit += shares.1
    if pick < limit { return .estate }
    limit += shares.2
    if pick < limit { return .old }
    limit += shares.3
    return pick < limit ? .works : .village
  }

  /// First numbers (from 1) of the odd buildings, units and people, which come last.
  var firstOddBuilding: Int { buildings.total + 1 }
  var firstOddUnit: Int { units.total + 1 }
  var firstOddPerson: Int { persons.total + 1 }
  var firstOddOrg: Int { orgs.total + 1 }

  /// A place well inside a level-3 grid for something that stands in the open; `spread` 0 is its middle.
  func place(inGrid index: Int, random: inout CityRandom, spread: Double = 0.7) -> (x: Double, y: Double) {
    let r = partition.level3[index].rect
    return (
      r.midX + Double(r.width) * 0.5 * spread * random.between(-1, 1),
      r.midY + Double(r.height) * 0.5 * spread * random.between(-1, 1)
    )
  }

  /// Item `index` of `count`, spread evenly over the grids.
  func grid(for index: Int, of count: Int, random: inout CityRandom) -> Int {
    let position = (Double(index) + random.fraction()) / Double(count) * Double(gridCount)
    return max(0, min(gridCount - 1, Int(position)))
  }

  /// The height of the ground at a plan point in centimetres.
  func groundCentimetres(_ x: Double, _ y: Double) -> Int {
    let box = CityRect(x0: Int32(x) - 1, y0: Int32(y) - 1, x1: Int32(x) + 1, y1: Int32(y) + 1)
    return Int((terrain.ground(x, y, nearby: terrain.reaches(near: box, margin: 900)) * 100).rounded())
  }
}
