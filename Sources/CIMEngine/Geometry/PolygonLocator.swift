internal import SpatialIndex

/// Locates many points in one polygon or multipolygon.
///
/// Edges are filed under the horizontal slabs that they pass, and a raster says of each cell whether it is wholly
/// inside, wholly outside or meets the boundary. Most points need one look at the raster; the others test the edges of
/// their slab. Every answer is that of ``GeometryView/locate(_:_:)``.
struct PolygonLocator: ~Copyable {
  let box: Box2
  private let slabCount: Int
  private let slabScale: Double
  /// First entry of each slab.
  private let slabStarts: UnsafeMutablePointer<UInt32>
  /// x0, y0, x1, y1 of the edges of each slab, grouped by part.
  private let entries: UnsafeMutablePointer<Double>
  private let entryParts: UnsafeMutablePointer<UInt32>?
  /// Cells a side.
  private let side: Int
  private let xScale: Double
  private let yScale: Double
  private let cells: UnsafeMutablePointer<UInt8>

  static let outsideCell: UInt8 = 0
  static let insideCell: UInt8 = 1
  static let mixedCell: UInt8 = 2

  /// - Precondition: `view` is a polygon or multipolygon and not empty.
  init(_ view: GeometryView, box: Box2) {
    self.box = box
    let edgeCount = view.vertices.count
    let (width, height) = (box.max[0] - box.min[0], box.max[1] - box.min[1])
    let usable = width > 0 && height > 0 && width < 1e150 && height < 1e150
    // So many slabs and cells that all edges together pass about four slabs and sixteen cells for each vertex, however
    // the outline zigzags: memory and time stay linear.
    var (slabs, side) = (1, 1)
    if usable {
      let (across, up) = Self.travel(of: view)
      slabs = max(1, Int(min(Double(edgeCount / 2), 3 * Double(edgeCount) * height / max(up, height))))
      let cellTravel = max(2, across / width + up / height)
      side = 16
      while side < 1024 && side * side < 16 * edgeCount && 2 * Double(side) * cellTravel < 16 * Double(edgeCount) {
        side *= 2
      }
    }
    slabCount = slabs
    slabScale = usable ? Double(slabs) / height : 0
    self.side = side
    xScale = usable ? Double(side) / width : 0
    yScale = usable ? Double(side) / height : 0
    cells = .allocate(capacity: self.side * self.side)
    cells.initialize(repeating: usable ? 3 : Self.mixedCell, count: self.side * self.side)

    // Counting sort of the edges into slabs.
    slabStarts = .allocate(capacity: slabCount + 1)
    slabStarts.initialize(repeating: 0, count: slabCount + 1)
    let (slabCount, slabScale, floor) = (self.slabCount, self.slabScale, box.min[1])
    func slabRange(_ y0: Double, _ y1: Double) -> ClosedRange<Int> {
      let low = Self.index((min(y0, y1) - floor) * slabScale, of: slabCount)
      return low...max(low, Self.index((max(y0, y1) - floor) * slabScale, of: slabCount))
    }
    var edges = EdgeCursor(view)
    while let (v, w) = edges.next() {
      for slab in slabRange(view.xy[2 * v + 1], view.xy[2 * w + 1]) { slabStarts[slab + 1] += 1 }
    }
    for slab in 0..<slabCount { slabStarts[slab + 1] += slabStarts[slab] }
    let total = Int(slabStarts[slabCount])
    entries = .allocate(capacity: max(1, 4 * total))
    entryParts = view.partCount > 1 ? .allocate(capacity: max(1, total)) : nil
    for part in 0..<view.partCount {
      edges = EdgeCursor(view.part(part))
      while let (v, w) = edges.next() {
        let (x0, y0, x1, y1) = (view.xy[2 * v], view.xy[2 * v + 1], view.xy[2 * w], view.xy[2 * w + 1])
        for slab in slabRange(y0, y1) {
          let at = Int(slabStarts[slab])
          slabStarts[slab] += 1
          entries[4 * at] = x0
          entries[4 * at + 1] = y0
          entries[4 * at + 2] = x1
          entries[4 * at + 3] = y1
          entryParts?[at] = UInt32(part)
        }
        if usable { markCells(x0, y0, x1, y1) }
      }
    }
    for slab in stride(from: slabCount, to: 0, by: -1) { slabStarts[slab] = slabStarts[slab - 1] }
    slabStarts[0] = 0
    if usable { fillCells() }
  }

  deinit {
    slabStarts.deallocate()
    entries.deallocate()
    entryParts?.deallocate()
    cells.deallocate()
  }

  /// How far all edges go in x and in y together.
  private static func travel(of view: GeometryView) -> (across: Double, up: Double) {
    var (across, up) = (0.0, 0.0)
    var edges = EdgeCursor(view)
    while let (v, w) = edges.next() {
      across += abs(view.xy[2 * w] - view.xy[2 * v])
      up += abs(view.xy[2 * w + 1] - view.xy[2 * v + 1])
    }
    return (across, up)
  }

  /// Marks every cell within a millionth of its size of the edge.
  private func markCells(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double) {
    let slack = 1e-6
    let (fx0, fx1) = ((x0 - box.min[0]) * xScale, (x1 - box.min[0]) * xScale)
    let (fy0, fy1) = ((y0 - box.min[1]) * yScale, (y1 - box.min[1]) * yScale)
    let low = clamp(min(fy0, fy1) - slack)
    let high = clamp(max(fy0, fy1) + slack)
    let slope = (fx1 - fx0) / (fy1 - fy0)
    for row in low...high {
      var (left, right) = (min(fx0, fx1), max(fx0, fx1))
      if low != high && slope.isFinite {
        let a = fx0 + (Double(row) - slack - fy0) * slope
        let b = fx0 + (Double(row + 1) + slack - fy0) * slope
        (left, right) = (max(left, min(a, b)), min(right, max(a, b)))
      }
      let first = clamp(left - slack)
      let last = max(first, clamp(right + slack))
      for column in first...last { cells[row * side + column] = Self.mixedCell }
    }
  }

  /// Settles the cells without edges: each has the state of an unmarked neighbour, else of its centre.
  private func fillCells() {
    for row in 0..<side {
      for column in 0..<side where cells[row * side + column] == 3 {
        if column > 0, cells[row * side + column - 1] != Self.mixedCell {
          cells[row * side + column] = cells[row * side + column - 1]
        } else if row > 0, cells[(row - 1) * side + column] != Self.mixedCell {
          cells[row * side + column] = cells[(row - 1) * side + column]
        } else {
          let x = box.min[0] + (Double(column) + 0.5) / xScale
          let y = box.min[1] + (Double(row) + 0.5) / yScale
          cells[row * side + column] = locateInSlab(x, y) == .inside ? Self.insideCell : Self.outsideCell
        }
      }
    }
  }

  @inline(__always)
  private func clamp(_ cell: Double) -> Int { Self.index(cell, of: side) }

  /// The whole part of `position`, held in 0..<count.
  @inline(__always)
  private static func index(_ position: Double, of count: Int) -> Int {
    position > 0 ? (position < Double(count) ? Int(position) : count - 1) : 0
  }

  @inline(__always)
  func locate(_ x: Double, _ y: Double) -> PointLocation {
    guard x >= box.min[0] && x <= box.max[0] && y >= box.min[1] && y <= box.max[1] else { return .outside }
    let cell = cells[clamp((y - box.min[1]) * yScale) * side + clamp((x - box.min[0]) * xScale)]
    if cell == Self.outsideCell { return .outside }
    if cell == Self.insideCell { return .inside }
    return locateInSlab(x, y)
  }

  /// Where all of a box lies, when the raster can tell: inside or outside, or nil when it may meet the boundary.
  func locate(_ other: Box2) -> PointLocation? {
    if !other.intersects(box) { return .outside }
    let (x0, x1) = (clamp((other.min[0] - box.min[0]) * xScale), clamp((other.max[0] - box.min[0]) * xScale))
    let (y0, y1) = (clamp((other.min[1] - box.min[1]) * yScale), clamp((other.max[1] - box.min[1]) * yScale))
    let state = cells[y0 * side + x0]
    if state == Self.mixedCell || (y1 - y0 + 1) * (x1 - x0 + 1) > 1024 { return nil }
    for row in y0...y1 {
      for column in x0...x1 where cells[row * side + column] != state { return nil }
    }
    if state == Self.outsideCell { return .outside }
    return box.contains(other) ? .inside : nil
  }

  private func locateInSlab(_ x: Double, _ y: Double) -> PointLocation {
    let slab = Self.index((y - box.min[1]) * slabScale, of: slabCount)
    var inside = false
    var onBoundary = false
    var part: UInt32 = 0
    var i = Int(slabStarts[slab])
    let end = Int(slabStarts[slab + 1])
    while i < end {
      if let entryParts, entryParts[i] != part {
        if inside && !onBoundary { return .inside }
        // The boundary of one part may lie inside another.
        if onBoundary { return locateAfterBoundary(x, y, from: i, to: end) }
        part = entryParts[i]
        inside = false
      }
      let e = entries + 4 * i
      i += 1
      let (x0, y0, x1, y1) = (e[0], e[1], e[2], e[3])
      let above1 = y1 > y
      if (y0 > y) != above1 {
        if x0 > x && x1 > x {
          inside.toggle()
        } else if x0 >= x || x1 >= x {
          let turn = Orientation.turn(x0, y0, x1, y1, x, y)
          if turn == 0 {
            onBoundary = true
          } else if (turn > 0) == above1 {
            inside.toggle()
          }
        }
      } else if y1 == y {
        if x1 == x || (y0 == y && (x0 <= x) != (x1 < x)) { onBoundary = true }
      }
    }
    return onBoundary ? .boundary : inside ? .inside : .outside
  }

  private func locateAfterBoundary(_ x: Double, _ y: Double, from start: Int, to end: Int) -> PointLocation {
    var inside = false
    var onBoundary = false
    var part = UInt32.max
    for i in start..<end {
      if entryParts![i] != part {
        if inside && !onBoundary { return .inside }
        part = entryParts![i]
        (inside, onBoundary) = (false, false)
      }
      let e = entries + 4 * i
      if Segments.contains(e[0], e[1], e[2], e[3], x, y) { onBoundary = true }
      if (e[1] > y) != (e[3] > y), (Orientation.turn(e[0], e[1], e[2], e[3], x, y) > 0) == (e[3] > y) {
        inside.toggle()
      }
    }
    return inside && !onBoundary ? .inside : .boundary
  }
}
