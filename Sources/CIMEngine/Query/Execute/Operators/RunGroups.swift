internal import Glibc

/// GROUP BY a column of many texts: neighbouring rows with the same text are one partial group, and partial groups are put
/// together by the hashes of their texts, part by part, so that each table of hashes stays in the cache and threads share
/// nothing. The order of the groups follows from the data alone.
struct RunGroups: Sendable {
  private let table: Table
  private let column: Int
  private let texts: TextColumn
  private let aggregates: [BoundAggregate]
  private let columns: [ColumnAggregate]
  /// The first row of each partial group, and the hash of its text.
  private var rows: [UInt32] = []
  private var hashes: [UInt32] = []
  private var rowCounts: [Int64] = []
  private var tallies: [Tally]

  /// nil when the key is no column of texts.
  init?(
    _ node: Node, source: Int, table: Table, _ aggregates: [BoundAggregate], _ columns: [ColumnAggregate]
  ) {
    guard let node = node as? ColumnNode, node.source == source, node.table === table,
      table.computedGeometry[node.column] == nil, case .text(let texts) = table.columns[node.column]
    else { return nil }
    (self.table, column, self.texts) = (table, node.column, texts)
    (self.aggregates, self.columns) = (aggregates, columns)
    tallies = CodeGroups.tallies(aggregates, columns, places: 0)
  }

  var count: Int { rows.count }
  var byteCount: Int { count * (16 + aggregates.reduce(0) { $0 + Tally.bytesPerPlace($1) }) }

  // MARK: Partial groups

  /// What a worker keeps from one piece to the next.
  struct Scratch {
    var scan = SourceScan.Scratch()
    var places = [Int32](repeating: 0, count: 2 * ColumnTest.blockRows)
  }

  /// The partial groups of one piece of the rows.
  func partial(_ scan: SourceScan, _ piece: Int, _ scratch: inout Scratch) throws(QueryError) -> RunGroups {
    var result = self
    let most = scan.morsels[piece].rowCount
    result.rowCounts = Array(repeating: 0, count: most + 1)
    result.tallies = CodeGroups.tallies(aggregates, columns, places: most + 1)
    let nowhere = Int32(truncatingIfNeeded: most)
    var places = scratch.places
    scratch.places = []
    defer { scratch.places = places }
    try scan.forEachBlock(piece, &scratch.scan) { (block, mask) throws(QueryError) in
      try table.verify(column, rows: block)
      for tally in result.tallies where tally.columnIndex >= 0 { try table.verify(tally.columnIndex, rows: block) }
      places.withUnsafeMutableBufferPointer { result.add(block, mask, $0.baseAddress!, nowhere) }
    }
    return result
  }

  private mutating func add(
    _ block: Range<Int>, _ mask: UnsafePointer<UInt8>?, _ places: UnsafeMutablePointer<Int32>, _ nowhere: Int32
  ) {
    var last = rows.last.map { Int($0) } ?? -1
    var place = Int32(truncatingIfNeeded: rows.count - 1)
    for i in 0..<block.count {
      if let mask, mask[i] == 0 {
        places[i] = nowhere
        continue
      }
      let row = block.lowerBound &+ i
      if last < 0 || !isSame(row, last) {
        place &+= 1
        rows.append(UInt32(truncatingIfNeeded: row))
        hashes.append(hash(row))
      }
      last = row
      places[i] = place
    }
    rowCounts.withUnsafeMutableBufferPointer { counts in
      for i in 0..<block.count { counts[Int(places[i])] &+= 1 }
    }
    for t in tallies.indices { tallies[t].add(block, places, places + ColumnTest.blockRows) }
  }

  @inline(__always)
  private func isSame(_ a: Int, _ b: Int) -> Bool {
    let (x, y) = (texts.utf8(a), texts.utf8(b))
    guard x.count == y.count else { return false }
    if x.count == 0 { return texts.validity[a] == texts.validity[b] }
    return memcmp(x.baseAddress!, y.baseAddress!, x.count) == 0
  }

  /// NULL rows hold the empty string, and are told from it.
  @inline(__always)
  private func hash(_ row: Int) -> UInt32 {
    let bytes = texts.utf8(row)
    if bytes.count == 0, !texts.validity[row] { return 0 }
    return UInt32(truncatingIfNeeded: KeyNumbering.hash(UnsafeRawBufferPointer(bytes)) >> 7)
  }

  /// Appends the partial groups of the next piece.
  mutating func append(_ piece: RunGroups) {
    let count = piece.count
    rows += piece.rows
    hashes += piece.hashes
    rowCounts += piece.rowCounts[..<count]
    for t in tallies.indices { tallies[t].append(piece.tallies[t], count: count) }
  }

  // MARK: Groups

  /// About so many partial groups are put together at a time: a table of 32 bits for each fits the second-level cache.
  private static let partSize = 32_768

  /// The groups, with their first rows as shapes when `hasShapes`.
  func groups(threads: Int, hasShapes: Bool, token: CancellationToken) throws -> GroupColumns {
    var bits = 0
    while bits < 12, count >> bits > RunGroups.partSize { bits += 1 }
    let width = bits
    let parts = try parts(width, token)
    var all = self
    all.clear()
    let order = parts.order
    try MorselRun.run(
      count: 1 << width, threads: threads, token: token,
      makeWorker: { () throws(QueryError) in [UInt32]() },
      work: { (slots: inout [UInt32], part: Int) throws(QueryError) -> RunGroups in
        unite(order, parts.starts[part]..<parts.starts[part + 1], width, &slots)
      },
      handOn: { _, part in all.append(part) })
    return try all.columns(hasShapes: hasShapes)
  }

  private mutating func clear() {
    (rows, hashes, rowCounts) = ([], [], [])
    tallies = CodeGroups.tallies(aggregates, columns, places: 0)
  }

  /// The partial groups by the last bits of their hashes, in the order of their rows.
  private func parts(_ bits: Int, _ token: CancellationToken) throws -> (order: [UInt32], starts: [Int]) {
    let mask = UInt32(1) << UInt32(bits) - 1
    var starts = [Int](repeating: 0, count: 1 << bits + 1)
    for hash in hashes { starts[Int(hash & mask) + 1] += 1 }
    for part in 0..<1 << bits { starts[part + 1] += starts[part] }
    try token.check()
    var next = starts
    let order = [UInt32](unsafeUninitializedCapacity: count) { order, made in
      next.withUnsafeMutableBufferPointer { next in
        hashes.withUnsafeBufferPointer { hashes in
          for i in 0..<hashes.count {
            let part = Int(hashes[i] & mask)
            order.initializeElement(at: next[part], to: UInt32(truncatingIfNeeded: i))
            next[part] &+= 1
          }
        }
      }
      made = hashes.count
    }
    try token.check()
    return (order, starts)
  }

  /// Puts partial groups with the same text together.
  private func unite(_ order: [UInt32], _ range: Range<Int>, _ bits: Int, _ slots: inout [UInt32]) -> RunGroups {
    var size = 64
    while size < 2 * range.count { size *= 2 }
    if slots.count < size { slots = Array(repeating: .max, count: size) }
    var result = self
    result.clear()
    result.rows.reserveCapacity(range.count)
    result.hashes.reserveCapacity(range.count)
    result.rowCounts = Array(repeating: 0, count: range.count)
    result.tallies = CodeGroups.tallies(aggregates, columns, places: range.count)
    let mask = size - 1
    var places = [Int32](repeating: 0, count: range.count)
    slots.withUnsafeMutableBufferPointer { slots in
      for slot in 0..<size { slots[slot] = .max }
      for at in range {
        let from = Int(order[at])
        let (row, hash) = (rows[from], hashes[from])
        var slot = Int(hash >> UInt32(bits)) & mask
        while slots[slot] != .max {
          let place = Int(slots[slot])
          if result.hashes[place] == hash, isSame(Int(row), Int(result.rows[place])) { break }
          slot = (slot + 1) & mask
        }
        if slots[slot] == .max {
          slots[slot] = UInt32(truncatingIfNeeded: result.rows.count)
          result.rows.append(row)
          result.hashes.append(hash)
        }
        let place = Int(slots[slot])
        result.rowCounts[place] &+= rowCounts[from]
        places[at - range.lowerBound] = Int32(truncatingIfNeeded: place)
      }
    }
    order.withUnsafeBufferPointer { order in
      places.withUnsafeBufferPointer { places in
        guard let places = places.baseAddress else { return }
        let from = UnsafeBufferPointer(rebasing: order[range])
        for t in tallies.indices { result.tallies[t].add(tallies[t], from, to: places) }
      }
    }
    return result
  }

  private func columns(hasShapes: Bool) throws(QueryError) -> GroupColumns {
    var result = GroupColumns(count: count)
    result.keys = [.text(texts, rows: rows)]
    var next = 0
    for (aggregate, column) in zip(aggregates, columns) {
      if column.countsRows(aggregate) {
        result.aggregates.append(Vector(.int(rowCounts)))
      } else {
        result.aggregates.append(try tallies[next].results(nil))
        next += 1
      }
    }
    // The first row of a group is its least: rows come in order.
    if hasShapes { result.shapes = rows }
    return result
  }

  /// How many rows passed.
  var passed: Int { rowCounts.reduce(0) { $0 + Int($1) } }
}
