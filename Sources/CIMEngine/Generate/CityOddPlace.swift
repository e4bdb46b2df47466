/// A place where a building with a unit stands on purpose although no grid, or no single grid, holds it.
struct CityOddPlace: Sendable {
  enum Kind: String, Sendable {
    /// Exactly on the edge that two level-3 grids share.
    case edge
    /// Exactly on a corner that three or more share.
    case corner
    /// Outside all grids, less than 30 m from one.
    case near
    /// Outside all grids, more than 30 m from each.
    case far
  }

  var kind: Kind
  var place: CityPoint
  /// Roughly where that is in the plan, for the ground.
  var x: Double
  var y: Double
  /// The level-3 grids that touch the place; the nearest one when it is outside.
  var grids: [Int]
  /// Metres to the nearest grid.
  var distance: Double
  /// Of the district, if the place lies in one.
  var district: Int?

  static func all(_ count: Int, partition: CityPartition, seed: UInt64) -> [CityOddPlace] {
    let order: [Kind] = [.edge, .near, .far, .corner, .edge, .near, .far, .corner, .edge, .near, .far, .edge]
    var random = CityRandom(seed: seed, .odd, 0)
    var result: [CityOddPlace] = []
    for i in 0..<count {
      let place: CityOddPlace?
      switch order[i % order.count] {
      case .edge: place = edge(level: UInt8(3 - (i / 4) % 3), partition, &random, taken: result)
      case .corner: place = corner(partition, &random, taken: result)
      case .near: place = outside(18.5, side: i / 4, .near, partition)
      case .far: place = outside(57, side: i / 4 + 1, .far, partition)
      }
      if let place { result.append(place) }
    }
    return result
  }

  private static func edge(
    level: UInt8, _ partition: CityPartition, _ random: inout CityRandom, taken: [CityOddPlace]
  ) -> CityOddPlace? {
    for attempt in 0..<400 {
      let street = partition.streets[random.below(partition.streets.count)]
      // A small city may have no street of that level long enough.
      if street.level == 0 || (street.level != level && attempt < 200) { continue }
      let nodes = partition.nodes.plan(vertical: street.vertical, at: street.at, from: street.from, to: street.to)
      guard nodes.count >= 2 else { continue }
      let i = random.below(nodes.count - 1)
      let (a, b) = (nodes[i], nodes[i + 1])
      if abs(Int(a.x - b.x)) + abs(Int(a.y - b.y)) < 64 { continue }
      let (x, y) = (Double(a.x + b.x) / 2, Double(a.y + b.y) / 2)
      let touching = partition.grids(touching: x, y)
      guard touching.count == 2 else { continue }
      let (p, q) = (CityWarp.node(a.x, a.y), CityWarp.node(b.x, b.y))
      let place = CityPoint(x: (p.x + q.x) / 2, y: (p.y + q.y) / 2)
      if taken.contains(where: { $0.place.distance(to: place) < 40 }) { continue }
      return CityOddPlace(
        kind: .edge, place: place, x: x, y: y, grids: touching, distance: 0,
        district: partition.districtOf(level3: touching[0]))
    }
    return nil
  }

  private static func corner(
    _ partition: CityPartition, _ random: inout CityRandom, taken: [CityOddPlace]
  ) -> CityOddPlace? {
    for _ in 0..<400 {
      let region = partition.level3[random.below(partition.level3.count)]
      let (x, y) = (region.rect.x1, region.rect.y1)
      let touching = partition.grids(touching: Double(x), Double(y))
      let districts = touching.map { partition.districtOf(level3: $0) }
      guard touching.count >= 3, districts.allSatisfy({ $0 == districts[0] }) else { continue }
      // A re-entrant corner of the whole city touches three grids and the outside.
      let inside = [(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)].allSatisfy {
        !partition.grids(touching: Double(x) + $0.0, Double(y) + $0.1).isEmpty
      }
      let place = CityWarp.node(x, y)
      if !inside || taken.contains(where: { $0.place.distance(to: place) < 40 }) { continue }
      return CityOddPlace(
        kind: .corner, place: place, x: Double(x), y: Double(y), grids: touching, distance: 0, district: districts[0])
    }
    return nil
  }

  /// `offset` metres outside the middle of an outermost edge: east, north, west, south by `side`.
  private static func outside(
    _ offset: Double, side: Int, _ kind: Kind, _ partition: CityPartition
  ) -> CityOddPlace? {
    let cells = partition.level3
    let way = side % 4
    func reach(_ r: CityRect) -> Int32 { [r.x1, r.y1, -r.x0, -r.y0][way] }
    var extreme = Int32.min
    for cell in cells { extreme = max(extreme, reach(cell.rect)) }
    let outermost = cells.indices.filter { reach(cells[$0].rect) == extreme }
    let index = outermost[(outermost.count - 1) * (1 + side / 4) / 2 % outermost.count]
    let r = cells[index].rect
    let (dx, dy) = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][way]
    let x = way == 0 ? Double(r.x1) : (way == 2 ? Double(r.x0) : r.midX)
    let y = way == 1 ? Double(r.y1) : (way == 3 ? Double(r.y0) : r.midY)
    // Along the normal of the chord between the two nodes around the middle.
    let ring = partition.outline(r)
    let middle = CityWarp.millimetres(x, y)
    var (best, nearest) = (0, Double.infinity)
    for i in ring.indices {
      let d = middle.distance(toSegment: ring[i], ring[(i + 1) % ring.count])
      if d < nearest { (best, nearest) = (i, d) }
    }
    let (a, b) = (ring[best], ring[(best + 1) % ring.count])
    let (ex, ey) = (Double(b.x - a.x), Double(b.y - a.y))
    let length = (ex * ex + ey * ey).squareRoot()
    // The ring runs counter-clockwise, so the outside is on its right.
    let place = CityPoint(
      x: (a.x + b.x) / 2 + Int((ey / length * offset * 1_000).rounded()),
      y: (a.y + b.y) / 2 - Int((ex / length * offset * 1_000).rounded()))
    let (px, py) = (x + dx * offset, y + dy * offset)
    var (grid, distance) = (index, Double.infinity)
    for i in cells.indices {
      let c = cells[i].rect
      if Double(c.x0) > px + 400 || Double(c.x1) < px - 400 || Double(c.y0) > py + 400 || Double(c.y1) < py - 400 {
        continue
      }
      let outline = partition.outline(c)
      for j in outline.indices {
        let d = place.distance(toSegment: outline[j], outline[(j + 1) % outline.count])
        if d < distance { (grid, distance) = (i, d) }
      }
    }
    return CityOddPlace(
      kind: kind, place: place, x: px, y: py, grids: [grid], distance: distance,
      district: partition.districts.index(x: px, y: py))
  }
}

extension CityPartition {
  /// The level-3 grids whose closed rectangle holds a plan point.
  func grids(touching x: Double, _ y: Double) -> [Int] {
    level3.indices.filter { level3[$0].rect.contains(x, y) }
  }
}
