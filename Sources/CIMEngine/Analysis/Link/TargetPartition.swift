internal import SpatialIndex

/// Which polygon of a layer a point belongs to, each point to one: a partition of the points.
///
/// A raster over all polygons says of each cell whether one polygon alone covers all of it, none meets it, or which ones
/// do in part; only points of the last kind need exact tests. Answers are those of ``GeometryView/locate(_:_:)``.
///
/// **The rule.** Of all polygons that cover a point, edge included, the one with the smallest code has it (by code point;
/// equal codes by id). A point that only edges of several polygons pass is on a shared edge; a point that several polygons
/// cover, one of them with its inside, lies in an overlap of bad data. Both are told apart for the report.
///
/// Memory is 8 bytes a cell while it is built and 4 afterwards. Immutable then, so any number of threads may ask at once.
final class TargetPartition: @unchecked Sendable {
  enum Place: UInt8 {
    case outside, inside, sharedEdge, overlap
  }

  /// By row of the layer; nil where there is no polygon.
  private let shape: (Int) -> GeometryView?
  /// By row: the smaller wins.
  let rank: [UInt32]
  private let origin: (x: Double, y: Double)
  private let scale: (x: Double, y: Double)
  private let columns: Int
  private let lines: Int
  /// By cell: `none`, the row that covers all of it and is alone, or `listed` and the number of a list.
  private let cells: UnsafeMutablePointer<UInt32>
  /// Members of list l: `members[starts[l]..<starts[l + 1]]`, each a row, with `whole` when it covers the cell.
  private let starts: [UInt32]
  private let members: [UInt32]
  private let reach: Box2

  static let none: UInt32 = 0x7fff_ffff
  private static let listed: UInt32 = 0x8000_0000
  private static let whole: UInt32 = 0x8000_0000

  /// - Parameters:
  ///   - count: rows of the layer, fewer than 2³¹ - 1.
  ///   - box: encloses all polygons; empty when there are none.
  ///   - rank: by row, which of several polygons has a point: the one with the smallest rank.
  ///   - pointCount: about how many points will be asked for; more points pay for more cells.
  ///   - shape: the polygon of a row; must stay valid as long as this value.
  init(
    count: Int, box: Box2, rank: [UInt32], pointCount: Int, shape: @escaping (Int) -> GeometryView?
  ) {
    self.shape = shape
    self.rank = rank
    reach = box
    let (width, height) = (box.max[0] - box.min[0], box.max[1] - box.min[1])
    let isUsable = !box.isEmpty && width > 0 && height > 0 && width < 1e12 && height < 1e12
    // Square cells, one ring of empty ones around the polygons.
    let wanted = Double(min(max(2 * pointCount, 32 * count, 4_096), 1 << 23))
    let side = isUsable ? max((width * height / wanted).squareRoot(), max(width, height) / 8_000) : 1
    columns = isUsable ? Int(width / side) + 3 : 1
    lines = isUsable ? Int(height / side) + 3 : 1
    scale = (1 / side, 1 / side)
    origin = isUsable ? (box.min[0] - side, box.min[1] - side) : (0, 0)
    let total = columns * lines
    cells = .allocate(capacity: total)
    cells.initialize(repeating: Self.none, count: total)
    guard isUsable else {
      // Without extent there is nothing to rasterise: every polygon is tested.
      let all = (0..<count).filter { shape($0) != nil }.map { UInt32($0) }
      (starts, members) = ([0, UInt32(all.count)], all)
      if !all.isEmpty { cells[0] = Self.listed }
      return
    }
    var raster = Raster(columns: columns, lines: lines, origin: origin, scale: scale, cells: cells)
    for row in 0..<count { if let view = shape(row) { raster.add(view, UInt32(row)) } }
    (starts, members) = raster.lists()
  }

  deinit { cells.deallocate() }

  @inline(__always)
  private func cell(_ x: Double, _ y: Double) -> Int {
    let column = Int((x - origin.x) * scale.x)
    let line = Int((y - origin.y) * scale.y)
    return min(line, lines - 1) * columns + min(column, columns - 1)
  }

  /// The row that has the point, and how. `none` and `.outside` when no polygon does.
  @inline(__always)
  func locate(_ x: Double, _ y: Double) -> (row: UInt32, place: Place) {
    guard x >= reach.min[0] && x <= reach.max[0] && y >= reach.min[1] && y <= reach.max[1] else {
      return (Self.none, .outside)
    }
    let state = cells[cell(x, y)]
    if state < Self.none { return (state, .inside) }
    if state == Self.none { return (state, .outside) }
    return locate(x, y, list: Int(state & ~Self.listed))
  }

  private func locate(_ x: Double, _ y: Double, list: Int) -> (row: UInt32, place: Place) {
    var best = Self.none
    var (inner, edges) = (0, 0)
    var i = Int(starts[list])
    let end = Int(starts[list + 1])
    members.withUnsafeBufferPointer { members in
      while i < end {
        let member = members[i]
        i += 1
        let row = member & ~Self.whole
        if member & Self.whole != 0 {
          inner += 1
        } else {
          switch shape(Int(row))!.locate(x, y) {
          case .outside: continue
          case .inside: inner += 1
          case .boundary: edges += 1
          }
        }
        if best == Self.none || rank[Int(row)] < rank[Int(best)] { best = row }
      }
    }
    if inner + edges == 0 { return (Self.none, .outside) }
    if inner + edges == 1 { return (best, .inside) }
    return (best, inner == 0 ? .sharedEdge : .overlap)
  }

  /// Every row that covers a point, in the order of ranks; for reports.
  func all(at x: Double, _ y: Double) -> [UInt32] {
    guard x >= reach.min[0] && x <= reach.max[0] && y >= reach.min[1] && y <= reach.max[1] else { return [] }
    let state = cells[cell(x, y)]
    if state < Self.none { return [state] }
    if state == Self.none { return [] }
    let list = Int(state & ~Self.listed)
    let found = members[Int(starts[list])..<Int(starts[list + 1])].filter { member in
      member & Self.whole != 0 || shape(Int(member))!.locate(x, y) != .outside
    }
    return found.map { $0 & ~Self.whole }.sorted { rank[Int($0)] < rank[Int($1)] }
  }
}

/// The cells of a ``TargetPartition`` while they are filled, polygon by polygon.
private struct Raster {
  let columns: Int
  let lines: Int
  let origin: (x: Double, y: Double)
  let scale: (x: Double, y: Double)
  let cells: UnsafeMutablePointer<UInt32>
  /// By cell: the last polygon whose edges came near, plus one.
  private var stamps: [UInt32]
  private var pairs: [(cell: UInt32, member: UInt32)] = []

  init(
    columns: Int, lines: Int, origin: (x: Double, y: Double), scale: (x: Double, y: Double),
    cells: UnsafeMutablePointer<UInt32>
  ) {
    self.columns = columns
    self.lines = lines
    self.origin = origin
    self.scale = scale
    self.cells = cells
    stamps = Array(repeating: 0, count: columns * lines)
  }

  @inline(__always)
  private static func index(_ position: Double, of count: Int) -> Int {
    position > 0 ? (position < Double(count) ? Int(position) : count - 1) : 0
  }

  mutating func add(_ view: GeometryView, _ row: UInt32) {
    guard let box = view.box else { return }
    let stamp = row + 1
    var edges = EdgeCursor(view)
    while let (v, w) = edges.next() {
      mark(view.xy[2 * v], view.xy[2 * v + 1], view.xy[2 * w], view.xy[2 * w + 1], row, stamp)
    }
    let first = Self.index((box.min[0] - origin.x) * scale.x, of: columns)
    let last = Self.index((box.max[0] - origin.x) * scale.x, of: columns)
    let low = Self.index((box.min[1] - origin.y) * scale.y, of: lines)
    let high = Self.index((box.max[1] - origin.y) * scale.y, of: lines)
    // Cells without edges are all inside or all outside, as their neighbour without edges is.
    for line in low...high {
      var isInside: Bool?
      for column in first...last {
        let cell = line * columns + column
        if stamps[cell] == stamp { isInside = nil; continue }
        if isInside == nil {
          let x = origin.x + (Double(column) + 0.5) / scale.x
          let y = origin.y + (Double(line) + 0.5) / scale.y
          isInside = view.locate(x, y) == .inside
        }
        if isInside! { cover(cell, row) }
      }
    }
  }

  /// Marks every cell within a millionth of its size of the edge.
  private mutating func mark(
    _ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ row: UInt32, _ stamp: UInt32
  ) {
    let slack = 1e-6
    let (fx0, fx1) = ((x0 - origin.x) * scale.x, (x1 - origin.x) * scale.x)
    let (fy0, fy1) = ((y0 - origin.y) * scale.y, (y1 - origin.y) * scale.y)
    let low = Self.index(min(fy0, fy1) - slack, of: lines)
    let high = Self.index(max(fy0, fy1) + slack, of: lines)
    let slope = (fx1 - fx0) / (fy1 - fy0)
    for line in low...high {
      var (left, right) = (min(fx0, fx1), max(fx0, fx1))
      if low != high && slope.isFinite {
        let a = fx0 + (Double(line) - slack - fy0) * slope
        let b = fx0 + (Double(line + 1) + slack - fy0) * slope
        (left, right) = (max(left, min(a, b)), min(right, max(a, b)))
      }
      let first = Self.index(left - slack, of: columns)
      let last = max(first, Self.index(right + slack, of: columns))
      for column in first...last {
        let cell = line * columns + column
        if stamps[cell] == stamp { continue }
        stamps[cell] = stamp
        list(cell, row)
      }
    }
  }

  /// A cell that a polygon covers wholly: alone for now.
  private mutating func cover(_ cell: Int, _ row: UInt32) {
    if cells[cell] == TargetPartition.none {
      cells[cell] = row
    } else {
      list(cell, row | 0x8000_0000)
    }
  }

  /// Makes a cell one with a list; a polygon that had it alone becomes its first member.
  private mutating func list(_ cell: Int, _ member: UInt32) {
    if cells[cell] < TargetPartition.none { pairs.append((UInt32(cell), cells[cell] | 0x8000_0000)) }
    cells[cell] = 0x8000_0000
    pairs.append((UInt32(cell), member))
  }

  /// Numbers the lists and files their members.
  mutating func lists() -> (starts: [UInt32], members: [UInt32]) {
    var counts: [UInt32] = []
    // A stamp is free by now: it takes the number of the cell's list, plus one.
    for pair in pairs where stamps[Int(pair.cell)] != 0 { stamps[Int(pair.cell)] = 0 }
    for pair in pairs {
      let cell = Int(pair.cell)
      if stamps[cell] == 0 {
        counts.append(0)
        stamps[cell] = UInt32(counts.count)
        cells[cell] = 0x8000_0000 | UInt32(counts.count - 1)
      }
      counts[Int(stamps[cell]) - 1] += 1
    }
    var starts: [UInt32] = [0]
    starts.reserveCapacity(counts.count + 1)
    for count in counts { starts.append(starts[starts.count - 1] + count) }
    var next = starts
    var members = [UInt32](repeating: 0, count: pairs.count)
    for pair in pairs {
      let list = Int(stamps[Int(pair.cell)]) - 1
      members[Int(next[list])] = pair.member
      next[list] += 1
    }
    return (starts, members)
  }
}
