internal import Glibc
internal import SpatialIndex

/// An array in plain memory, for inner loops.
struct Pile<T: BitwiseCopyable>: ~Copyable {
  private(set) var start: UnsafeMutablePointer<T>
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 64) {
    self.capacity = max(1, capacity)
    start = .allocate(capacity: self.capacity)
  }

  deinit { start.deallocate() }

  @inline(__always)
  mutating func append(_ value: T) {
    if count == capacity { grow(to: 2 * capacity) }
    start[count] = value
    count &+= 1
  }

  /// Makes the pile `count` long; what is new in it is zero.
  mutating func clear(count: Int) {
    if count > capacity { grow(to: count) }
    UnsafeMutableRawPointer(start).initializeMemory(as: UInt8.self, repeating: 0, count: count * MemoryLayout<T>.stride)
    self.count = count
  }

  mutating func removeAll() { count = 0 }

  private mutating func grow(to size: Int) {
    let larger = UnsafeMutablePointer<T>.allocate(capacity: size)
    larger.update(from: start, count: count)
    start.deallocate()
    start = larger
    capacity = size
  }

  @inline(__always)
  subscript(_ i: Int) -> T {
    get { start[i] }
    nonmutating set { start[i] = newValue }
  }
}

/// What lies in which tile, tile after tile.
private struct TileContents: ~Copyable {
  /// One for each tile and one more.
  var edgeStarts: Pile<UInt32>
  var partStarts: Pile<UInt32>
  /// Vertices where edges start; the top bit for a ring that is a single point. By part in each tile.
  var edges: Pile<UInt32>
  var parts: Pile<(part: UInt32, edges: UInt32, hasCorner: Bool)>
  /// Rows of polygons that have the whole tile, and the first of each tile; kept by the cells.
  var fullStarts: UnsafeMutablePointer<UInt32>
  var fulls: UnsafeMutablePointer<UInt32>
}

private let pointBit: UInt32 = 1 << 31

extension PolygonCells {
  func build(_ parts: PolygonParts, _ workers: Workers) {
    let contents = distribute(parts)
    memory += [UnsafeMutableRawPointer(contents.fulls), UnsafeMutableRawPointer(contents.fullStarts)]
    (fulls, fullStarts) = (UnsafePointer(contents.fulls), UnsafePointer(contents.fullStarts))
    let tileCount = columns * rows
    nonisolated(unsafe) let edgeStarts = UnsafePointer(contents.edgeStarts.start)
    // Each worker has its own memory; tiles with about the same number of edges.
    let arenas = UnsafeMutablePointer<[UnsafeMutableRawPointer]>.allocate(capacity: workers.count)
    arenas.initialize(repeating: [], count: workers.count)
    let share = Int(edgeStarts[tileCount]) / workers.count + 1
    nonisolated(unsafe) let (out, sources) = (
      arenas,
      TileSources(
        bases: parts.views.map(\.xy), rows: parts.rows, edgeStarts: edgeStarts,
        partStarts: contents.partStarts.start, fullStarts: contents.fullStarts, edges: contents.edges.start,
        parts: contents.parts.start, fulls: contents.fulls)
    )
    workers.perform { worker in
      var builder = TileBuilder(self, sources)
      for tile in 0..<tileCount where Int(edgeStarts[tile]) / share == worker { builder.build(tile) }
      out[worker] = builder.blocks
    }
    for worker in 0..<workers.count { memory += arenas[worker] }
    arenas.deinitialize(count: workers.count)
    arenas.deallocate()
  }

  /// Files edges and parts under the tiles that they touch.
  private func distribute(_ parts: PolygonParts) -> TileContents {
    let tileCount = columns * rows
    var edgeTiles = Pile<(tile: UInt32, vertex: UInt32)>(capacity: parts.edgeCount * 9 / 8 + 64)
    var partTiles = Pile<(tile: UInt32, part: UInt32, edges: UInt32, hasCorner: Bool)>(
      capacity: 2 * parts.boxes.count + 64)
    var fullTiles = Pile<(tile: UInt32, row: UInt32)>()
    var toggles = Pile<UInt8>()
    var touched = Pile<UInt32>()
    let slack = 1e-6
    for part in parts.boxes.indices {
      let box = parts.boxes[part]
      let firstColumn = Self.index((box.min[0] - originX) * tileScale - slack, columns)
      let firstRow = Self.index((box.min[1] - originY) * tileScale - slack, rows)
      let width = Self.index((box.max[0] - originX) * tileScale + slack, columns) - firstColumn + 1
      let height = Self.index((box.max[1] - originY) * tileScale + slack, rows) - firstRow + 1
      let xy = parts.views[part].xy
      toggles.clear(count: width * height)
      touched.clear(count: width * height)
      parts.forEachEdge(part) { v, step in
        let (x0, y0) = (xy[2 * v], xy[2 * v + 1])
        let (x1, y1) = (xy[2 * (v + step)], xy[2 * (v + step) + 1])
        let vertex = UInt32(truncatingIfNeeded: v) | (step == 0 ? pointBit : 0)
        CellPath.forEachRun(
          (x0 - originX) * tileScale, (y0 - originY) * tileScale, (x1 - originX) * tileScale,
          (y1 - originY) * tileScale, slack, columns, rows
        ) { row, first, last in
          for column in first...last {
            edgeTiles.append((UInt32(truncatingIfNeeded: row &* columns &+ column), vertex))
            touched[(row - firstRow) &* width &+ column - firstColumn] += 1
          }
        }
        // Corners to the right of the edge have it between them and the far left.
        let (low, high) = (min(y0, y1), max(y0, y1))
        var row = max(0, Self.index((low - originY) * tileScale, rows) - firstRow)
        while row < height {
          let y = originY + Double(firstRow + row) * tileSize
          if y >= high { break }
          if y >= low {
            let upward = y1 > y0
            let crossing = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
            func isRight(_ column: Int) -> Bool {
              Self.side(x0, y0, x1, y1, originX + Double(firstColumn + column) * tileSize, y) != upward
            }
            var column = min(width, max(0, Self.index((crossing - originX) * tileScale, columns) - firstColumn))
            while column > 0, isRight(column - 1) { column -= 1 }
            while column < width, !isRight(column) { column += 1 }
            if column < width { toggles[row &* width &+ column] ^= 1 }
          }
          row += 1
        }
      }
      for row in 0..<height {
        var hasCorner: UInt8 = 0
        for column in 0..<width {
          hasCorner ^= toggles[row &* width &+ column]
          let tile = UInt32((firstRow + row) * columns + firstColumn + column)
          let edges = touched[row &* width &+ column]
          if edges > 0 {
            partTiles.append((tile, UInt32(part), edges, hasCorner == 1))
          } else if hasCorner == 1 {
            fullTiles.append((tile, parts.rows[part]))
          }
        }
      }
    }
    func starts(_ count: Int, _ tile: (Int) -> UInt32) -> Pile<UInt32> {
      var result = Pile<UInt32>()
      result.clear(count: tileCount + 2)
      for i in 0..<count { result[Int(tile(i)) + 2] += 1 }
      for i in 0..<tileCount { result[i + 2] += result[i + 1] }
      return result
    }
    // Counting sorts: what stands for tile t at t + 1 is its start, which moves to its end, the start of the next.
    let edgeStarts = starts(edgeTiles.count) { edgeTiles[$0].tile }
    var edges = Pile<UInt32>(capacity: edgeTiles.count)
    edges.clear(count: edgeTiles.count)
    for i in 0..<edgeTiles.count {
      let entry = edgeTiles[i]
      let at = edgeStarts[Int(entry.tile) + 1]
      edgeStarts[Int(entry.tile) + 1] = at + 1
      edges[Int(at)] = entry.vertex
    }
    let partStarts = starts(partTiles.count) { partTiles[$0].tile }
    var tileParts = Pile<(part: UInt32, edges: UInt32, hasCorner: Bool)>()
    tileParts.clear(count: partTiles.count)
    for i in 0..<partTiles.count {
      let entry = partTiles[i]
      let at = partStarts[Int(entry.tile) + 1]
      partStarts[Int(entry.tile) + 1] = at + 1
      tileParts[Int(at)] = (entry.part, entry.edges, entry.hasCorner)
    }
    let fullStarts = starts(fullTiles.count) { fullTiles[$0].tile }
    let fulls = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, fullTiles.count))
    for i in 0..<fullTiles.count {
      let entry = fullTiles[i]
      let at = fullStarts[Int(entry.tile) + 1]
      fullStarts[Int(entry.tile) + 1] = at + 1
      fulls[Int(at)] = entry.row
    }
    let kept = UnsafeMutablePointer<UInt32>.allocate(capacity: tileCount + 1)
    kept.initialize(from: fullStarts.start, count: tileCount + 1)
    return TileContents(
      edgeStarts: edgeStarts, partStarts: partStarts, edges: edges, parts: tileParts, fullStarts: kept, fulls: fulls)
  }
}

/// The cells of a grid that an edge passes.
enum CellPath {
  /// Calls `body` with runs of cells of columns × rows within `slack` of the edge; places are in cells.
  @inline(__always)
  static func forEachRun(
    _ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ slack: Double, _ columns: Int, _ rows: Int,
    _ body: (_ row: Int, _ first: Int, _ last: Int) -> Void
  ) {
    let (left, right) = (min(x0, x1) - slack, max(x0, x1) + slack)
    let (bottom, top) = (min(y0, y1) - slack, max(y0, y1) + slack)
    guard right >= 0, left < Double(columns), top >= 0, bottom < Double(rows) else { return }
    let low = bottom > 0 ? Int(bottom) : 0
    let high = top < Double(rows) ? Int(top) : rows &- 1
    if low == high { return body(low, column(left, columns), column(right, columns)) }
    let slope = (x1 - x0) / (y1 - y0)
    for row in low...high {
      var (a, b) = (left, right)
      if slope.isFinite {
        let (u, v) = (x0 + (Double(row) - slack - y0) * slope, x0 + (Double(row &+ 1) + slack - y0) * slope)
        // Steep slopes magnify what is rounded: the ends of the edge bound it as well.
        a = max(a, min(u, v) - slack)
        b = min(b, max(u, v) + slack)
      }
      guard b >= 0, a < Double(columns) else { continue }
      body(row, column(a, columns), column(b, columns))
    }
  }

  @inline(__always)
  private static func column(_ x: Double, _ columns: Int) -> Int {
    x > 0 ? (x < Double(columns) ? Int(x) : columns &- 1) : 0
  }
}

/// What the builders of tiles read.
private struct TileSources {
  /// The coordinates of each part; its edges count vertices from there.
  let bases: [UnsafePointer<Double>]
  let rows: [UInt32]
  let edgeStarts: UnsafePointer<UInt32>
  let partStarts: UnsafePointer<UInt32>
  let fullStarts: UnsafePointer<UInt32>
  let edges: UnsafePointer<UInt32>
  let parts: UnsafePointer<(part: UInt32, edges: UInt32, hasCorner: Bool)>
  let fulls: UnsafePointer<UInt32>
}

/// Cuts tiles into cells, one after the other, with working memory of its own.
private struct TileBuilder: ~Copyable {
  let cells: PolygonCells
  let sources: TileSources
  /// Memory that goes to the cells.
  var blocks: [UnsafeMutableRawPointer] = []
  private var free: UnsafeMutableRawPointer? = nil
  private var freeBytes = 0

  /// For each part of the tile and each row of cells: which cells have their corner in the part, which its edges touch.
  private var corners = Pile<UInt64>()
  private var touches = Pile<UInt64>()
  private var marks = Pile<(cell: UInt32, part: UInt32, edge: UInt32)>()
  private var sorted = Pile<(part: UInt32, edge: UInt32)>()
  private var cellStarts = Pile<UInt32>()
  private var slots = Pile<UInt32>()
  private var slotOf = Pile<UInt32>()
  /// Records as words of eight bytes.
  private var record = Pile<UInt64>()

  init(_ cells: PolygonCells, _ sources: TileSources) {
    self.cells = cells
    self.sources = sources
  }

  private mutating func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
    let size = (bytes + 15) & ~15
    if size > freeBytes {
      // Large pages, where the system has them: what is looked up here and there in them misses in one table less.
      let block = max(size, 1 << min(23, 16 + 2 * blocks.count))
      free = .allocate(byteCount: block, alignment: block >= 1 << 22 ? 1 << 21 : 64)
      if block >= 1 << 22 { madvise(free!, block, MADV_HUGEPAGE) }
      freeBytes = block
      blocks.append(free!)
    }
    defer {
      free! += size
      freeBytes -= size
    }
    return free!
  }

  mutating func build(_ number: Int) {
    let tile = cells.tiles + number
    let full = sources.fulls + Int(sources.fullStarts[number])
    let fullCount = Int(sources.fullStarts[number + 1]) - Int(sources.fullStarts[number])
    let parts = sources.parts + Int(sources.partStarts[number])
    let partCount = Int(sources.partStarts[number + 1]) - Int(sources.partStarts[number])
    if partCount == 0, fullCount == 1 { cells.tileWords[number] = full[0] + 1 }
    if partCount > 0 || fullCount > 1 { tile.pointee.fullCount = UInt32(fullCount) }
    guard partCount > 0 else { return }
    let edges = sources.edges + Int(sources.edgeStarts[number])
    let edgeCount = Int(sources.edgeStarts[number + 1]) - Int(sources.edgeStarts[number])
    let left = cells.originX + Double(number % cells.columns) * cells.tileSize
    let low = cells.originY + Double(number / cells.columns) * cells.tileSize

    var side = self.side(parts, partCount, edges, edgeCount)
    while !place(parts, partCount, edges, left, low, side, limit: 64 * edgeCount + 1024) { side /= 2 }
    dropParts(parts, partCount, ofRowsIn: UnsafeBufferPointer(start: full, count: fullCount), side)
    let size = cells.tileSize / Double(side)
    let words = allocate(4 * side * side).bindMemory(to: UInt32.self, capacity: side * side)
    fill(words, parts, partCount, side)
    sortMarks(side)
    record.removeAll()
    for row in 0..<side {
      for column in 0..<side where words[row * side + column] == PolygonCells.recordBit {
        words[row * side + column] = PolygonCells.recordBit | UInt32(record.count)
        write(
          row, column, left + Double(column) * size, low + Double(row) * size, parts, partCount, edges, side)
      }
    }
    let records = allocate(8 * record.count)
    records.copyMemory(from: record.start, byteCount: 8 * record.count)
    tile.pointee.words = UnsafePointer(words)
    tile.pointee.records = UnsafeRawPointer(records)
    tile.pointee.side = UInt32(side)
    tile.pointee.scale = Double(side) / cells.tileSize
  }

  @inline(__always)
  private func ends(
    _ edge: UInt32, _ xy: UnsafePointer<Double>
  ) -> (x0: Double, y0: Double, x1: Double, y1: Double) {
    let p = xy + 2 * Int(edge & ~pointBit)
    return edge & pointBit == 0 ? (p[0], p[1], p[2], p[3]) : (p[0], p[1], p[0], p[1])
  }

  /// Cells a side: about eight for each edge, all edges passing sixteen for each of them at most.
  private func side(
    _ parts: UnsafePointer<(part: UInt32, edges: UInt32, hasCorner: Bool)>, _ partCount: Int,
    _ edges: UnsafePointer<UInt32>, _ count: Int
  ) -> Int {
    var travel = 0.0
    var next = 0
    for part in 0..<partCount {
      let xy = sources.bases[Int(parts[part].part)]
      for _ in 0..<parts[part].edges {
        let (x0, y0, x1, y1) = ends(edges[next], xy)
        next += 1
        travel += min(abs(x1 - x0), cells.tileSize) + min(abs(y1 - y0), cells.tileSize)
      }
    }
    var side = min(64, (8 * Double(count)).squareRoot())
    side = min(side, 16 * Double(count) * cells.tileSize / max(travel, cells.tileSize))
    let largest = max(
      abs(cells.originX), abs(cells.originX + Double(cells.columns) * cells.tileSize),
      abs(cells.originY), abs(cells.originY + Double(cells.rows) * cells.tileSize))
    side = min(side, cells.tileSize / (largest * 0x1p-26))
    return max(1, side.isFinite ? Int(side) : 1)
  }

  /// Finds which corners lie in which part and which cells each edge touches; false when that is too much.
  private mutating func place(
    _ parts: UnsafePointer<(part: UInt32, edges: UInt32, hasCorner: Bool)>, _ partCount: Int,
    _ edges: UnsafePointer<UInt32>, _ left: Double, _ low: Double, _ side: Int, limit: Int
  ) -> Bool {
    let size = cells.tileSize / Double(side)
    let scale = Double(side) / cells.tileSize
    let all: UInt64 = side == 64 ? .max : (1 << UInt64(side)) - 1
    marks.removeAll()
    touches.clear(count: partCount * side)
    corners.clear(count: partCount * side)
    var next = 0
    for part in 0..<partCount {
      let xy = sources.bases[Int(parts[part].part)]
      let (touch, corner) = (touches.start + part * side, corners.start + part * side)
      if parts[part].hasCorner { corner.update(repeating: all, count: side) }
      for _ in 0..<parts[part].edges {
        let edge = edges[next]
        next += 1
        let (x0, y0, x1, y1) = ends(edge, xy)
        CellPath.forEachRun(
          (x0 - left) * scale, (y0 - low) * scale, (x1 - left) * scale, (y1 - low) * scale, 1e-6, side, side
        ) { row, first, last in
          touch[row] |= (all &>> UInt64(truncatingIfNeeded: side &- 1 &- (last &- first))) &<< UInt64(first)
          for column in first...last {
            marks.append((UInt32(truncatingIfNeeded: row &* side &+ column), UInt32(truncatingIfNeeded: part), edge))
          }
        }
        // Up the left side of the tile: rows above the edge.
        if (x0 > left) != (x1 > left) {
          let start = PolygonCells.side(x0, y0, x1, y1, left, low)
          func isBeyond(_ row: Int) -> Bool {
            PolygonCells.side(x0, y0, x1, y1, left, low + Double(row) * size) != start
          }
          let crossing = y0 + (left - x0) / (x1 - x0) * (y1 - y0)
          var row = max(1, min(side, Self.whole((crossing - low) * scale)))
          while row > 1, isBeyond(row - 1) { row -= 1 }
          while row < side, !isBeyond(row) { row += 1 }
          while row < side {
            corner[row] ^= all
            row += 1
          }
        }
        // Along each row: cells to the right of the edge.
        let (bottom, top) = (min(y0, y1), max(y0, y1))
        var row = max(0, min(side, Self.whole((bottom - low) * scale)))
        while row < side {
          let y = low + Double(row) * size
          if y >= top { break }
          if y >= bottom {
            let start = PolygonCells.side(x0, y0, x1, y1, left, y)
            func isBeyond(_ column: Int) -> Bool {
              PolygonCells.side(x0, y0, x1, y1, left + Double(column) * size, y) != start
            }
            let crossing = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
            var column = max(1, min(side, Self.whole((crossing - left) * scale)))
            while column > 1, isBeyond(column - 1) { column -= 1 }
            while column < side, !isBeyond(column) { column += 1 }
            if column < side { corner[row] ^= all & (.max &<< UInt64(column)) }
          }
          row += 1
        }
      }
      if marks.count > limit && side > 1 { return false }
    }
    // Every part that has a cell with a record becomes a slot of it.
    guard side > 1 else { return true }
    var total = 0
    for row in 0..<side {
      var any: UInt64 = 0
      for part in 0..<partCount { any |= touches[part * side + row] }
      if any == 0 { continue }
      for part in 0..<partCount {
        total += ((touches[part * side + row] | corners[part * side + row]) & any).nonzeroBitCount
      }
    }
    return total <= limit
  }

  /// Forgets parts of polygons that have the whole tile by another part.
  private func dropParts(
    _ parts: UnsafePointer<(part: UInt32, edges: UInt32, hasCorner: Bool)>, _ partCount: Int,
    ofRowsIn full: UnsafeBufferPointer<UInt32>, _ side: Int
  ) {
    guard !full.isEmpty else { return }
    for part in 0..<partCount where full.contains(sources.rows[Int(parts[part].part)]) {
      (touches.start + part * side).update(repeating: 0, count: side)
      (corners.start + part * side).update(repeating: 0, count: side)
    }
  }

  /// The whole part of what may be far out.
  @inline(__always)
  private static func whole(_ x: Double) -> Int { x > 0 ? (x < 65 ? Int(x) : 65) : 0 }

  /// Fills the words of cells without edges; cells that need a record get the bit of one.
  private func fill(
    _ words: UnsafeMutablePointer<UInt32>,
    _ parts: UnsafePointer<(part: UInt32, edges: UInt32, hasCorner: Bool)>, _ partCount: Int, _ side: Int
  ) {
    words.initialize(repeating: 0, count: side * side)
    for row in 0..<side {
      var (touched, seen): (UInt64, UInt64) = (0, 0)
      for part in 0..<partCount {
        touched |= touches[part * side + row]
        let full = corners[part * side + row] & ~touches[part * side + row]
        touched |= seen & full
        seen |= full
      }
      let line = words + row * side
      for part in 0..<partCount {
        var full = corners[part * side + row] & ~touched
        let word = sources.rows[Int(parts[part].part)] + 1
        while full != 0 {
          line[full.trailingZeroBitCount] = word
          full &= full &- 1
        }
      }
      while touched != 0 {
        line[touched.trailingZeroBitCount] = PolygonCells.recordBit
        touched &= touched &- 1
      }
    }
  }

  /// Puts the marks into the order of the cells, by parts in each.
  private mutating func sortMarks(_ side: Int) {
    cellStarts.clear(count: side * side + 2)
    sorted.clear(count: marks.count)
    for i in 0..<marks.count { cellStarts[Int(marks[i].cell) + 2] += 1 }
    for i in 0..<side * side { cellStarts[i + 2] += cellStarts[i + 1] }
    for i in 0..<marks.count {
      let at = cellStarts[Int(marks[i].cell) + 1]
      cellStarts[Int(marks[i].cell) + 1] = at + 1
      sorted[Int(at)] = (marks[i].part, marks[i].edge)
    }
  }

  /// Appends the record of a cell whose corner is (x, y).
  private mutating func write(
    _ row: Int, _ column: Int, _ x: Double, _ y: Double,
    _ parts: UnsafePointer<(part: UInt32, edges: UInt32, hasCorner: Bool)>, _ partCount: Int,
    _ edges: UnsafePointer<UInt32>, _ side: Int
  ) {
    slots.removeAll()
    slotOf.clear(count: partCount)
    for part in 0..<partCount {
      let bits = touches[part * side + row] | corners[part * side + row]
      guard bits &>> UInt64(column) & 1 == 1 else { continue }
      slotOf[part] = UInt32(slots.count)
      slots.append(UInt32(part))
    }
    let cell = row * side + column
    let found = Int(cellStarts[cell])..<Int(cellStarts[cell + 1])
    var first = 0
    repeat {
      let count = min(PolygonCells.mostSlots, slots.count - first)
      let head = record.count
      record.append(0)
      record.append(0)
      var inside: UInt32 = 0
      for slot in stride(from: 0, to: count, by: 2) {
        var pair: UInt64 = 0
        for i in slot..<min(slot + 2, count) {
          let part = Int(slots[first + i])
          if corners[part * side + row] &>> UInt64(column) & 1 == 1 { inside |= 1 &<< UInt32(i) }
          pair |= UInt64(sources.rows[Int(parts[part].part)]) &<< UInt64(32 &* (i &- slot))
        }
        record.append(pair)
      }
      let firstEdge = record.count
      for i in found {
        let part = Int(sorted[i].part)
        guard touches[part * side + row] &>> UInt64(column) & 1 == 1 else { continue }
        let slot = Int(slotOf[part]) - first
        guard slot >= 0, slot < count else { continue }
        let own = ends(sorted[i].edge, sources.bases[Int(parts[part].part)])
        append(own, owner: UInt64(1) &<< UInt64(slot), after: firstEdge, x, y)
      }
      let edgeCount = (record.count - firstEdge) / 5
      first += count
      record[head] = UInt64(count) | UInt64(edgeCount) << 32
      record[head + 1] = UInt64(inside) | (first < slots.count ? 1 << 32 : 0)
    } while first < slots.count
  }

  /// Appends an edge, or adds an owner to one that is there already.
  @inline(__always)
  private mutating func append(
    _ edge: (x0: Double, y0: Double, x1: Double, y1: Double), owner: UInt64, after firstEdge: Int, _ x: Double,
    _ y: Double
  ) {
    var (x0, y0, x1, y1) = edge
    if y1 < y0 || (y1 == y0 && x1 < x0) { (x0, y0, x1, y1) = (x1, y1, x0, y0) }
    var at = max(firstEdge, record.count - 5 * 16)
    while at < record.count {
      let e = UnsafeRawPointer(record.start + at).assumingMemoryBound(to: Double.self)
      if e[0] == x0, e[1] == y0, e[2] == x1, e[3] == y1 {
        // A ring that runs along itself crosses twice, which is not at all; but its points lie on it.
        if record[at + 4] & owner == 0 {
          record[at + 4] |= owner
          return
        }
      }
      at += 5
    }
    var flags: UInt32 = 0
    if (x0 > x) != (x1 > x) { flags |= PolygonCells.besideBit }
    if PolygonCells.side(x0, y0, x1, y1, x, y) { flags |= PolygonCells.cornerSideBit }
    record.append(x0.bitPattern)
    record.append(y0.bitPattern)
    record.append(x1.bitPattern)
    record.append(y1.bitPattern)
    record.append(owner | UInt64(flags) << 32)
  }
}
