internal import SpatialIndex

/// A square of the plane, cut into `side` × `side` cells.
struct PolygonTile {
  /// One word a cell, row after row: 0 where there is no polygon, 1 + the row of the only polygon where there is no edge,
  /// else the top bit and the place of the cell's record, in units of eight bytes.
  var words: UnsafePointer<UInt32>
  var records: UnsafeRawPointer? = nil
  /// Cells for each unit of length.
  var scale = 0.0
  var side: UInt32 = 1
  /// Polygons that have all of the tile and are in no word; listed apart.
  var fullCount: UInt32 = 0
}

/// The cells behind ``PointsInPolygons``; built by `PolygonCells+Build.swift`.
///
/// Corners and points are compared as if moved by (δ, ε), 0 < δ ≪ ε ≪ any difference of coordinates. So none of them lies
/// on an edge, at the height of a vertex or above one, and the number of edges crossed says all. A point that lies on an
/// edge before it is moved is recognised by its turn of zero.
final class PolygonCells: @unchecked Sendable {
  let originX: Double
  let originY: Double
  /// The side of a tile, and tiles for each unit of length.
  let tileSize: Double
  let tileScale: Double
  let columns: Int
  let rows: Int
  /// Row after row, then one for all that is outside.
  let tiles: UnsafeMutablePointer<PolygonTile>
  /// Words of tiles that no edge touches.
  let tileWords: UnsafeMutablePointer<UInt32>
  /// Polygons that have all of a tile: the first of each tile.
  var fullStarts: UnsafePointer<UInt32>
  var fulls: UnsafePointer<UInt32>
  /// Memory of the tiles' contents.
  var memory: [UnsafeMutableRawPointer] = []

  static let recordBit: UInt32 = 1 << 31
  /// The corner of the cell lies on the other side of the edge's vertical, so the way up may cross it.
  static let besideBit: UInt32 = 1
  /// The side of the edge on which the corner lies.
  static let cornerSideBit: UInt32 = 2
  /// Polygons in one record.
  static let mostSlots = 32

  init(_ parts: PolygonParts, workers: Workers) {
    let (width, height) = (parts.box.max[0] - parts.box.min[0], parts.box.max[1] - parts.box.min[1])
    let edges = Double(parts.edgeCount)
    var size = 1.0
    if parts.boxes.isEmpty {
      (originX, originY) = (0, 0)
    } else {
      (originX, originY) = (parts.box.min[0], parts.box.min[1])
      // About sixteen edges for each tile; and few enough tiles that all edges together, and all boxes together, pass
      // a number of them in proportion to the edges.
      let wanted = max(1, edges / 16)
      size = max((width * height / wanted).squareRoot(), max(width, height) / wanted)
      size = max(size, parts.travel / (2 * edges))
      // Rounded coordinates must not move a point by more than a small part of a cell.
      var largest = 0.0
      for d in 0..<2 { largest = max(largest, max(abs(parts.box.min[d]), abs(parts.box.max[d]))) }
      size = max(size, largest * 0x1p-26)
      if size == 0 { size = 1 }
      let most = 8 * edges + 64
      while true {
        var passed = 0.0
        for box in parts.boxes {
          passed += ((box.max[0] - box.min[0]) / size + 1) * ((box.max[1] - box.min[1]) / size + 1)
        }
        if passed <= most { break }
        size *= 2
      }
    }
    tileSize = size
    tileScale = 1 / size
    columns = parts.boxes.isEmpty ? 0 : Int(width / size) + 1
    rows = parts.boxes.isEmpty ? 0 : Int(height / size) + 1
    let count = columns * rows + 1
    tiles = .allocate(capacity: count)
    tileWords = .allocate(capacity: count)
    tileWords.initialize(repeating: 0, count: count)
    for i in 0..<count { (tiles + i).initialize(to: PolygonTile(words: tileWords + i)) }
    (fullStarts, fulls) = (UnsafePointer(tileWords), UnsafePointer(tileWords))
    if !parts.boxes.isEmpty { build(parts, workers) }
  }

  deinit {
    for block in memory { block.deallocate() }
    tiles.deallocate()
    tileWords.deallocate()
  }

  /// The side of the directed edge on which a corner lies, moved as said above.
  @inline(__always)
  static func side(
    _ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ x: Double, _ y: Double
  ) -> Bool {
    let turn = Orientation.turn(x0, y0, x1, y1, x, y)
    if turn != 0 { return turn > 0 }
    return x1 != x0 ? x1 > x0 : y0 > y1
  }

  /// Calls `body` with the row of each polygon that has (x, y), and whether it has it inside or on its boundary.
  @inline(__always)
  func forEachPlace(_ x: Double, _ y: Double, _ body: (UInt32, _ isInside: Bool) -> Void) {
    let (tile, column, address) = look(x, y)
    let word = address.pointee
    if word & Self.recordBit == 0 {
      if word != 0 { body(word &- 1, true) }
    } else {
      read(tile, column, word, x, y, body)
    }
    if tiles[tile].fullCount != 0 { listFull(tile) { body($0, true) } }
  }

  /// Calls `body` with the number and the row of each polygon for `count` points. Words are looked up for many points
  /// before any is used, for most of the time is waiting for memory, and a wrongly guessed branch waits alone.
  @inline(__always)
  func forEachRow(_ count: Int, _ point: (Int) -> UnsafePointer<Double>, _ body: (_ number: Int, _ row: UInt32) -> Void)
  {
    let batch = 128
    let places = UnsafeMutablePointer<(tile: UInt32, column: UInt32)>.allocate(capacity: batch)
    let addresses = UnsafeMutablePointer<UnsafePointer<UInt32>>.allocate(capacity: batch)
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 2 * batch)
    let dear = words + batch
    defer {
      places.deallocate()
      addresses.deallocate()
      words.deallocate()
    }
    var start = 0
    while start < count {
      let n = min(batch, count &- start)
      var full: UInt32 = 0
      for i in 0..<n {
        let p = point(start &+ i)
        let (tile, column, address) = look(p[0], p[1])
        addresses[i] = address
        places[i] = (UInt32(truncatingIfNeeded: tile), UInt32(truncatingIfNeeded: column))
        full |= tiles[tile].fullCount
      }
      // Nothing but the loads that miss, so that as many as possible are under way at once.
      for i in 0..<n { words[i] = addresses[i].pointee }
      // Points that need a record.
      var dearCount = 0
      for i in 0..<n {
        dear[dearCount] = UInt32(truncatingIfNeeded: i)
        dearCount &+= Int(words[i] &>> 31)
      }
      // All records are asked for before the first is read.
      var touched: UInt64 = 0
      for i in 0..<dearCount {
        let at = Int(dear[i])
        let record = tiles[Int(places[at].tile)].records! + Int(words[at] & ~Self.recordBit) &* 8
        touched |= record.load(fromByteOffset: 8, as: UInt64.self)
      }
      // The bits of at most 32 slots, and above them 0 or 1.
      precondition(touched &>> 33 == 0)
      for i in 0..<n {
        let word = words[i]
        if word & Self.recordBit == 0 {
          if word != 0 { body(start &+ i, word &- 1) }
        } else {
          let p = point(start &+ i)
          read(Int(places[i].tile), Int(places[i].column), word, p[0], p[1]) { row, _ in body(start &+ i, row) }
        }
        if full != 0, tiles[Int(places[i].tile)].fullCount != 0 {
          listFull(Int(places[i].tile)) { body(start &+ i, $0) }
        }
      }
      start &+= n
    }
  }

  /// The tile of a point, the column of its cell and where the cell's word is.
  @inline(__always)
  private func look(_ x: Double, _ y: Double) -> (tile: Int, column: Int, word: UnsafePointer<UInt32>) {
    let (fx, fy) = ((x - originX) * tileScale, (y - originY) * tileScale)
    // Written so that NaN is outside, and without products, which may underflow.
    let isIn = x >= originX && y >= originY && fx < Double(columns) && fy < Double(rows)
    let (tx, ty) = isIn ? (Int(fx), Int(fy)) : (0, 0)
    let number = isIn ? ty &* columns &+ tx : rows &* columns
    let tile = tiles + number
    let (side, scale) = (Int(tile.pointee.side), tile.pointee.scale)
    let (left, low) = (originX + Double(tx) * tileSize, originY + Double(ty) * tileSize)
    let column = isIn ? Self.index((x - left) * scale, side) : 0
    let row = isIn ? Self.index((y - low) * scale, side) : 0
    return (number, column, tile.pointee.words + (row &* side &+ column))
  }

  @inline(__always)
  private func read(
    _ tile: Int, _ column: Int, _ word: UInt32, _ x: Double, _ y: Double, _ body: (UInt32, _ isInside: Bool) -> Void
  ) {
    let left = originX + Double(tile % columns) * tileSize
    let size = tileSize / Double(tiles[tile].side)
    let record = tiles[tile].records! + Int(word & ~Self.recordBit) &* 8
    Self.read(record, left + Double(column) * size, x, y, body)
  }

  private func listFull(_ tile: Int, _ body: (UInt32) -> Void) {
    for i in Int(fullStarts[tile])..<Int(fullStarts[tile + 1]) { body(fulls[i]) }
  }

  /// The whole part of `position`, held in 0..<count.
  @inline(__always)
  static func index(_ position: Double, _ count: Int) -> Int {
    let i = Int(position)
    return i < 0 ? 0 : i < count ? i : count &- 1
  }

  /// A record: slot count, edge count, which slots have the corner, whether another record follows; the rows of the slots,
  /// filled up to whole words; then x0, y0, x1, y1, slots and flags for each edge, its lower end first.
  @inline(__always)
  private static func read(
    _ start: UnsafeRawPointer, _ left: Double, _ x: Double, _ y: Double, _ body: (UInt32, _ isInside: Bool) -> Void
  ) {
    var record = start
    // The parts of one polygon follow each other: it is inside when any part has the point inside.
    var last = UInt32.max
    var lastInside = false
    while true {
      let head = record.assumingMemoryBound(to: UInt32.self)
      let (slots, edges) = (Int(head[0]), Int(head[1]))
      var inside = head[2]
      var touching: UInt32 = 0
      var edge = record + (16 + 8 * ((slots + 1) >> 1))
      for _ in 0..<edges {
        let e = edge.assumingMemoryBound(to: Double.self)
        let (x0, y0, x1, y1) = (e[0], e[1], e[2], e[3])
        let owners = edge.load(fromByteOffset: 32, as: UInt32.self)
        let flags = edge.load(fromByteOffset: 36, as: UInt32.self)
        edge += 40
        if y0 <= y && y1 > y {
          let turn = Orientation.turn(x0, y0, x1, y1, x, y)
          if turn == 0 { touching |= owners }
          // From the corner up to the height of the point, then to the point.
          let at = Self.side(x0, y0, x1, y1, left, y)
          if (turn > 0) != at { inside ^= owners }
          if flags & Self.besideBit != 0, at != (flags & Self.cornerSideBit != 0) { inside ^= owners }
        } else {
          if flags & Self.besideBit != 0,
            Self.side(x0, y0, x1, y1, left, y) != (flags & Self.cornerSideBit != 0)
          {
            inside ^= owners
          }
          if y1 == y {
            if x1 == x || (y0 == y && x0 <= x && x <= x1) { touching |= owners }
          }
        }
      }
      var found = inside | touching
      let rows = head + 4
      let within = inside & ~touching
      while found != 0 {
        let slot = found.trailingZeroBitCount
        let row = rows[slot]
        let isInside = within &>> UInt32(truncatingIfNeeded: slot) & 1 == 1
        found &= found &- 1
        if row == last {
          lastInside = lastInside || isInside
        } else {
          if last != .max { body(last, lastInside) }
          (last, lastInside) = (row, isInside)
        }
      }
      if head[3] == 0 {
        if last != .max { body(last, lastInside) }
        return
      }
      record = edge
    }
  }
}
