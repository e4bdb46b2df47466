/// Ground for one building: a rectangle on the ground, turned as the streets around it run.
struct CityPlot {
  /// EPSG:4547 metres of its middle.
  var east: Double
  var north: Double
  /// The direction of its first axis.
  var cosine: Double
  var sine: Double
  /// Half of the room for a building, without the gap to the neighbours.
  var halfWidth: Double
  var halfHeight: Double
  /// Its middle in the plan, roughly; for the ground.
  var x: Double
  var y: Double

  /// EPSG:4547 millimetres of a place given in metres along the plot's axes.
  @inline(__always)
  func millimetres(_ u: Double, _ v: Double) -> CityPoint {
    CityPoint(
      x: Int(((east + u * cosine - v * sine) * 1_000).rounded()),
      y: Int(((north + u * sine + v * cosine) * 1_000).rounded()))
  }
}

/// Cuts the inside of a level-3 grid into blocks between streets and lanes, and blocks into plots.
///
/// Each block is one rigid rectangle that fits into its piece of the bent plan with room for the street, so plots of
/// one block cannot overlap each other, nor those of another block, nor a street.
struct CityPlots {
  /// Half the width of the streets of each class, with a pavement of 4 m.
  static func margin(_ level: UInt8) -> Double { level <= 1 ? 24 : (level == 2 ? 16 : 11) }
  /// Width of the road itself, for the road layer.
  static func roadWidth(_ level: UInt8) -> Int { level <= 1 ? 40 : (level == 2 ? 24 : 14) }

  private struct Block {
    var plot: CityPlot
    var distance: Double
  }

  private var blocks: [Block] = []
  private(set) var plots: [CityPlot] = []

  /// Fills `plots` with exactly `wanted` plots of a grid.
  mutating func fill(
    _ region: CityPartition.Region, kind: CityKind, wanted: Int, rivers: [CityTerrain.Reach], random: inout CityRandom
  ) {
    plots.removeAll(keepingCapacity: true)
    if wanted == 0 { return }
    let small = kind == .village || kind == .hills
    layBlocks(region, side: small ? 110 : 190, lane: small ? 3 : 6)
    var (width, height): (Double, Double) =
      switch kind {
      case .core: (46, 42)
      case .estate: (58, 31)
      case .old: (42, 36)
      case .works: (64, 50)
      case .village: (15, 19)
      case .hills: (17, 22)
      }
    let gap = small ? 3.0 : 7.0
    // A village gathers around its middle, a town fills its grid: enough blocks for the wanted plots and some more.
    let enough = max(wanted, Int(Double(wanted) * (small ? 1.3 : 1.6)))
    for round in 0..<60 {
      plots.removeAll(keepingCapacity: true)
      for block in blocks {
        if plots.count >= enough { break }
        cut(block.plot, width: width, height: height, gap: gap, rivers: round < 40 ? rivers : [])
      }
      if plots.count >= wanted { break }
      width *= 0.9
      height *= 0.9
    }
    precondition(plots.count >= wanted, "a grid of the synthetic city is too small for its buildings")
    // Choose exactly the wanted number, each equally likely, in order.
    var (kept, left) = (0, wanted)
    for i in plots.indices where left > 0 && random.below(plots.count - i) < left {
      plots[kept] = plots[i]
      kept += 1
      left -= 1
    }
    plots.removeLast(plots.count - kept)
  }

  private mutating func layBlocks(_ region: CityPartition.Region, side: Double, lane: Double) {
    blocks.removeAll(keepingCapacity: true)
    let r = region.rect
    let (w, h) = (Double(r.width), Double(r.height))
    // An edge of the grid is a chord of the bent street: it may cut this much into the plan.
    let slack = 1 + 8e-6 * max(w, h) * max(w, h)
    // Small grids of a tiny city keep some ground whatever their streets take.
    func inset(_ level: UInt8, _ length: Double) -> Double {
      min(CityPlots.margin(level) * 1.15 + slack, length * 0.35)
    }
    let (x0, x1) = (Double(r.x0) + inset(region.left, w), Double(r.x1) - inset(region.right, w))
    let (y0, y1) = (Double(r.y0) + inset(region.bottom, h), Double(r.y1) - inset(region.top, h))
    let columns = max(1, Int(((x1 - x0) / side).rounded()))
    let rows = max(1, Int(((y1 - y0) / side).rounded()))
    let (dx, dy) = ((x1 - x0) / Double(columns), (y1 - y0) / Double(rows))
    for row in 0..<rows {
      for column in 0..<columns {
        let left = x0 + Double(column) * dx + (column > 0 ? lane : 0)
        let right = x0 + Double(column + 1) * dx - (column + 1 < columns ? lane : 0)
        let bottom = y0 + Double(row) * dy + (row > 0 ? lane : 0)
        let top = y0 + Double(row + 1) * dy - (row + 1 < rows ? lane : 0)
        let (x, y) = ((left + right) / 2, (bottom + top) / 2)
        let (east, north) = CityWarp.ground(x, y)
        let (cosine, sine) = CityWarp.direction(x, y)
        var (halfWidth, halfHeight) = (Double.infinity, Double.infinity)
        for (cx, cy) in [(left, bottom), (right, bottom), (right, top), (left, top)] {
          let (e, n) = CityWarp.ground(cx, cy)
          let (de, dn) = (e - east, n - north)
          let (u, v) = (de * cosine + dn * sine, dn * cosine - de * sine)
          halfWidth = min(halfWidth, u < 0 ? -u : u)
          halfHeight = min(halfHeight, v < 0 ? -v : v)
        }
        let plot = CityPlot(
          east: east, north: north, cosine: cosine, sine: sine, halfWidth: halfWidth - 0.5,
          halfHeight: halfHeight - 0.5, x: x, y: y)
        let (ex, ey) = (x - r.midX, y - r.midY)
        blocks.append(Block(plot: plot, distance: ex * ex + ey * ey))
      }
    }
    blocks.sort {
      $0.distance < $1.distance || ($0.distance == $1.distance && ($0.plot.y, $0.plot.x) < ($1.plot.y, $1.plot.x))
    }
  }

  private mutating func cut(
    _ block: CityPlot, width: Double, height: Double, gap: Double, rivers: [CityTerrain.Reach]
  ) {
    let columns = max(1, Int(2 * block.halfWidth / width))
    let rows = max(1, Int(2 * block.halfHeight / height))
    let (w, h) = (2 * block.halfWidth / Double(columns), 2 * block.halfHeight / Double(rows))
    let space = min(gap, min(w, h) * 0.3)
    // Half the diagonal, and what the plan is bent by within a block.
    let reach = (w * w + h * h).squareRoot() / 2 + 10
    for row in 0..<rows {
      for column in 0..<columns {
        let u = -block.halfWidth + (Double(column) + 0.5) * w
        let v = -block.halfHeight + (Double(row) + 0.5) * h
        let (x, y) = (block.x + u, block.y + v)
        if rivers.contains(where: { $0.distance(x, y) < $0.halfWidth + reach }) { continue }
        plots.append(
          CityPlot(
            east: block.east + u * block.cosine - v * block.sine,
            north: block.north + u * block.sine + v * block.cosine, cosine: block.cosine, sine: block.sine,
            halfWidth: (w - space) / 2, halfHeight: (h - space) / 2, x: x, y: y))
      }
    }
  }
}
