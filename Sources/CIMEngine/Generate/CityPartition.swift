/// The three levels of grids: the plan is cut in two again and again until every level has exactly its count.
///
/// A cut runs straight through one region of the plan, so children tile their parent by construction. Every corner of a
/// level-3 grid is a node; the outline of any region, of any level, takes up every node that lies on its edges. So two
/// neighbours have the same vertices along their border, T-junctions included, and a parent's outline is exactly the
/// union of its children's.
struct CityPartition: Sendable {
  struct Region: Sendable {
    var rect: CityRect
    /// Index of the region one level up (of the district for level 1).
    var parent: Int
    /// The last three digits of the code.
    var ordinal = 0
    var code = 0
    /// Class of the street on each side: 0 and 1 arterial, 2 secondary, 3 local.
    var left: UInt8
    var right: UInt8
    var bottom: UInt8
    var top: UInt8
  }

  /// A street: a straight line of the plan from one crossing to another.
  struct Street: Sendable {
    var vertical: Bool
    var at: Int32
    var from: Int32
    var to: Int32
    var level: UInt8
  }

  let districts: CityDistricts
  /// The box of the part of the plan that is filled.
  private(set) var bounds = CityRect(x0: 0, y0: 0, x1: 0, y1: 0)
  private(set) var level1: [Region] = []
  private(set) var level2: [Region] = []
  private(set) var level3: [Region] = []
  private(set) var streets: [Street] = []
  private(set) var nodes = CityNodes([])
  /// The level-3 grid that every city has: 410105003012007.
  private(set) var landmark = 0

  init(counts: CityCounts, seed: UInt64) {
    districts = CityDistricts()
    let density = CityDensity(districts)
    var random = CityRandom(seed: seed, .partition, 0)
    let roots = placeRoots(counts, density)
    for root in roots {
      cut(root, density: density, random: &random)
      let (r, d) = (root.region.rect, UInt8(0))
      streets.append(Street(vertical: true, at: r.x1, from: r.y0, to: r.y1, level: d))
      streets.append(Street(vertical: false, at: r.y1, from: r.x0, to: r.x1, level: d))
    }
    var corners = districts.stations()
    for region in level3 {
      let r = region.rect
      corners.append(contentsOf: [(r.x0, r.y0), (r.x1, r.y0), (r.x0, r.y1), (r.x1, r.y1)])
    }
    nodes = CityNodes(corners)
    number()
  }

  // MARK: Cutting

  private struct Root {
    var region: Region
    var n1: Int
    var n2: Int
    var n3: Int
  }

  /// The parts of the districts inside a window around the centre that holds the wanted number of grids at the density
  /// of the full city: a smaller city is a smaller piece, not a thinner one.
  private mutating func placeRoots(_ counts: CityCounts, _ density: CityDensity) -> [Root] {
    let wanted = Double(counts.grid3)
    var (low, high) = (100.0, 90_000.0)
    for _ in 0..<50 {
      let half = (low + high) / 2
      var mass = 0.0
      for district in districts.all {
        for rect in district.rects {
          let clipped = rect.clipped(to: CityPartition.window(half))
          if !clipped.isEmpty { mass += density.mass(clipped) }
        }
      }
      if mass < wanted { low = half } else { high = half }
    }
    let window = CityPartition.window(high)

    var pieces: [(mass: Double, region: Region)] = []
    for (index, district) in districts.all.enumerated() {
      for rect in district.rects {
        let clipped = rect.clipped(to: window)
        if clipped.isEmpty || clipped.width < 200 || clipped.height < 200 { continue }
        pieces.append(
          (density.mass(clipped), Region(rect: clipped, parent: index, left: 0, right: 0, bottom: 0, top: 0)))
      }
    }
    // A sliver far below the mean mass of a level-1 grid would get absurdly small grids: leave it out.
    while pieces.count > 1 {
      let mean = wanted / Double(counts.grid1)
      var lightest = 0
      for i in pieces.indices where pieces[i].mass < pieces[lightest].mass { lightest = i }
      if pieces.count <= counts.grid1, pieces[lightest].mass > 0.3 * mean { break }
      pieces.remove(at: lightest)
    }
    bounds = pieces[0].region.rect
    for piece in pieces {
      let r = piece.region.rect
      bounds = CityRect(
        x0: min(bounds.x0, r.x0), y0: min(bounds.y0, r.y0), x1: max(bounds.x1, r.x1), y1: max(bounds.y1, r.y1))
    }
    let weights = pieces.map(\.mass)
    let first = CityPartition.apportion(counts.grid1, weights, floor: weights.map { _ in 1 })
    let second = CityPartition.apportion(counts.grid2, weights, floor: first)
    let third = CityPartition.apportion(counts.grid3, weights, floor: second)
    return pieces.indices.map { Root(region: pieces[$0].region, n1: first[$0], n2: second[$0], n3: third[$0]) }
  }

  private static func window(_ half: Double) -> CityRect {
    let w = Int32((half / 8).rounded(.up)) * 8
    let h = Int32((half * 0.8 / 8).rounded(.up)) * 8
    return CityRect(x0: -w, y0: -h, x1: w, y1: h)
  }

  /// Shares of `total` by weight (largest remainders), none below its floor.
  private static func apportion(_ total: Int, _ weights: [Double], floor: [Int]) -> [Int] {
    var sum = 0.0
    for weight in weights { sum += weight }
    let ideal = weights.map { Double(total) * $0 / sum }
    var result = ideal.indices.map { max(floor[$0], Int(ideal[$0].rounded(.down))) }
    while true {
      let difference = total - result.reduce(0, +)
      if difference == 0 { return result }
      var best = -1
      for i in result.indices {
        if difference < 0, result[i] <= floor[i] { continue }
        if best < 0 {
          best = i
        } else {
          let (a, b) = (ideal[i] - Double(result[i]), ideal[best] - Double(result[best]))
          if difference > 0 ? a > b : a < b { best = i }
        }
      }
      result[best] += difference > 0 ? 1 : -1
    }
  }

  private mutating func cut(_ root: Root, density: CityDensity, random: inout CityRandom) {
    descend(root.region, [root.n1, root.n2, root.n3], level: 1, density: density, random: &random)
  }

  /// `counts` are the grids of level 1, 2 and 3 that the region shall hold; `level` is the one being cut.
  private mutating func descend(
    _ region: Region, _ counts: [Int], level: Int, density: CityDensity, random: inout CityRandom
  ) {
    let n = counts[level - 1]
    if n == 1 {
      var next = region
      switch level {
      case 1:
        level1.append(region)
        next.parent = level1.count - 1
      case 2:
        level2.append(region)
        next.parent = level2.count - 1
      default:
        level3.append(region)
        return
      }
      descend(next, counts, level: level + 1, density: density, random: &random)
      return
    }
    let half = n / 2
    let ratio = Double(half) / Double(n)
    var (first, second) = (counts, counts)
    first[level - 1] = half
    second[level - 1] = n - half
    for deeper in level..<3 {
      let share = Int((Double(counts[deeper]) * ratio).rounded())
      first[deeper] = max(first[deeper - 1], min(counts[deeper] - second[deeper - 1], share))
      second[deeper] = counts[deeper] - first[deeper]
    }
    let r = region.rect
    let (w, h) = (Double(r.width), Double(r.height))
    let vertical = w > h * 1.15 || (h <= w * 1.15 && random.chance(0.5))
    let target = ratio + (random.fraction() - 0.5) * 0.1
    let at = density.position(in: r, vertical: vertical, fraction: target)
    var (a, b) = (region, region)
    if vertical {
      a.rect.x1 = at
      b.rect.x0 = at
      a.right = UInt8(level)
      b.left = UInt8(level)
      streets.append(Street(vertical: true, at: at, from: r.y0, to: r.y1, level: UInt8(level)))
    } else {
      a.rect.y1 = at
      b.rect.y0 = at
      a.top = UInt8(level)
      b.bottom = UInt8(level)
      streets.append(Street(vertical: false, at: at, from: r.x0, to: r.x1, level: UInt8(level)))
    }
    descend(a, first, level: level, density: density, random: &random)
    descend(b, second, level: level, density: density, random: &random)
  }

  // MARK: Codes

  /// Codes are six digits of the district and three for each level. They are not consecutive everywhere: one grid of
  /// Jinshui near the centre has the code 410105003012007 in a city of any scale.
  private mutating func number() {
    landmark = 0
    var best = Double.infinity
    for (i, region) in level3.enumerated() where districts.all[districtOf(level3: i)].code == 410_105 {
      let (dx, dy) = (region.rect.midX - 1_500, region.rect.midY - 350)
      if dx * dx + dy * dy < best {
        best = dx * dx + dy * dy
        landmark = i
      }
    }
    let second = level3[landmark].parent
    let first = level2[second].parent
    CityPartition.setOrdinals(&level1, special: first, ordinal: 3)
    CityPartition.setOrdinals(&level2, special: second, ordinal: 12)
    CityPartition.setOrdinals(&level3, special: landmark, ordinal: 7)
    for i in level1.indices { level1[i].code = districts.all[level1[i].parent].code * 1_000 + level1[i].ordinal }
    for i in level2.indices { level2[i].code = level1[level2[i].parent].code * 1_000 + level2[i].ordinal }
    for i in level3.indices { level3[i].code = level2[level3[i].parent].code * 1_000 + level3[i].ordinal }
  }

  private static func setOrdinals(_ regions: inout [Region], special: Int, ordinal: Int) {
    var next = 1
    for i in regions.indices {
      // Children of one parent follow each other.
      if i == 0 || regions[i].parent != regions[i - 1].parent { next = 1 }
      if i == special {
        regions[i].ordinal = ordinal
        continue
      }
      if regions[i].parent == regions[special].parent, next == ordinal { next += 1 }
      regions[i].ordinal = next
      next += 1
    }
  }

  func districtOf(level3 index: Int) -> Int { level1[level2[level3[index].parent].parent].parent }

  // MARK: Outlines

  /// The outline of a rectangle of the plan with every node on it, counter-clockwise, not closed.
  func outline(_ r: CityRect) -> [CityPoint] {
    var ring = nodes.along(vertical: false, at: r.y0, from: r.x0, to: r.x1)
    ring.removeLast()
    ring += nodes.along(vertical: true, at: r.x1, from: r.y0, to: r.y1)
    ring.removeLast()
    ring += nodes.along(vertical: false, at: r.y1, from: r.x1, to: r.x0)
    ring.removeLast()
    ring += nodes.along(vertical: true, at: r.x0, from: r.y1, to: r.y0)
    ring.removeLast()
    return ring
  }

  /// A ring of a district in the same way.
  func outline(_ ring: [(Int32, Int32)]) -> [CityPoint] {
    var result: [CityPoint] = []
    for (i, a) in ring.enumerated() {
      let b = ring[(i + 1) % ring.count]
      result +=
        a.1 == b.1
        ? nodes.along(vertical: false, at: a.1, from: a.0, to: b.0)
        : nodes.along(vertical: true, at: a.0, from: a.1, to: b.1)
      result.removeLast()
    }
    return result
  }
}
