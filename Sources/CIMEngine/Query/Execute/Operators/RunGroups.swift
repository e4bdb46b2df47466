/// GROUP BY columns of many values: neighbouring rows with the same keys are one partial group, and partial groups are put
/// together by the hashes of their keys, part by part, so that each table of hashes stays in the cache and threads share
/// nothing. The order of the groups follows from the data alone.
struct RunGroups: Sendable {
  private let keys: [RowKey]
  private let aggregates: [BoundAggregate]
  private let columns: [ColumnAggregate]
  /// As a power of two.
  private let partBits: Int
  /// Bits of the hashes that are used; fewer in tests, so that hashes collide.
  private let hashMask: UInt32

  /// nil when a key is no column, or of a kind that is not compared where it lies.
  ///
  /// - Parameters:
  ///   - rows: how many rows will be looked at, at most.
  ///   - hashBits: of 32.
  init?(
    _ nodes: [Node], source: Int, table: Table, rows: Int, _ aggregates: [BoundAggregate], _ columns: [ColumnAggregate],
    hashBits: Int = 32
  ) {
    var keys: [RowKey] = []
    for node in nodes {
      guard let key = RowKey(node, source: source, table: table) else { return nil }
      keys.append(key)
    }
    guard !keys.isEmpty else { return nil }
    (self.keys, self.aggregates, self.columns) = (keys, aggregates, columns)
    var bits = 0
    while bits < RunGroups.mostPartBits, rows >> bits > RunGroups.partSize { bits += 1 }
    partBits = bits
    hashMask = hashBits >= 32 ? .max : 1 << UInt32(hashBits) - 1
  }

  /// About so many rows are put together at a time: a table of 32 bits for each fits the second-level cache.
  private static let partSize = 65_536
  private static let mostPartBits = 10

  // MARK: Partial groups

  /// The partial groups of one piece of the rows, by part, in the order of their rows.
  struct Piece: Sendable {
    /// Of each part.
    fileprivate var starts: [Int32]
    /// The first row of each, the hash of its keys, and how many rows it has.
    fileprivate var rows: [UInt32]
    fileprivate var hashes: [UInt32]
    fileprivate var counts: [UInt32]
    /// The place of each in the tallies; empty without tallies.
    fileprivate var places: [UInt32]
    fileprivate var tallies: [Tally]

    var count: Int { rows.count }
    var byteCount: Int { 4 * starts.count + 16 * count + tallies.reduce(0) { $0 + $1.byteCount } }
    var passed: Int { counts.reduce(0) { $0 + Int($1) } }
  }

  /// What a worker keeps from one piece to the next.
  final class Scratch {
    fileprivate var scan = SourceScan.Scratch()
    /// Of a block: rows that pass, whether each differs from the one before, its partial group, and room for a tally.
    fileprivate let picked = Room<UInt32>(ColumnTest.blockRows)
    fileprivate let flags = Room<UInt8>(ColumnTest.blockRows)
    fileprivate let places = Room<Int32>(ColumnTest.blockRows)
    fileprivate let spare = Room<Int32>(ColumnTest.blockRows)
    fileprivate let wide = Room<UInt64>(ColumnTest.blockRows)
    /// Of a piece: first rows, hashes, and the number of rows before each.
    fileprivate var rows = Room<UInt32>(0)
    fileprivate var hashes = Room<UInt32>(0)
    fileprivate var before = Room<UInt32>(0)

    fileprivate func reserve(_ count: Int) {
      if rows.count >= count { return }
      (rows, hashes, before) = (Room(count), Room(count), Room(count))
    }
  }

  /// The partial groups of one piece of a scan.
  func partial(_ scan: SourceScan, _ piece: Int, _ scratch: Scratch) throws(QueryError) -> Piece {
    let most = scan.morsels[piece].rowCount
    scratch.reserve(most + ColumnTest.blockRows)
    var tallies = CodeGroups.tallies(aggregates, columns, places: most + 1, takesRows: true)
    let nowhere = Int32(truncatingIfNeeded: most)
    var (count, passed) = (0, 0)
    var last: UInt32?
    let (picked, flags, places) = (scratch.picked.start, scratch.flags.start, scratch.places.start)
    try scan.forEachBlock(piece, &scratch.scan) { (block, mask) throws(QueryError) in
      for key in keys { try key.verify(rows: block) }
      for tally in tallies where tally.columnIndex >= 0 { try keys[0].table.verify(tally.columnIndex, rows: block) }
      let first = UInt32(truncatingIfNeeded: block.lowerBound)
      var n = 0
      if let mask {
        for i in 0..<block.count {
          picked[n] = first &+ UInt32(truncatingIfNeeded: i)
          n &+= Int(mask[i])
        }
        if n == 0 { return }
      } else {
        n = block.count
        for i in 0..<n { picked[i] = first &+ UInt32(truncatingIfNeeded: i) }
      }
      for i in 0..<n { flags[i] = 0 }
      for key in keys { key.markChanges(picked, n, last: last, flags) }
      last = picked[n - 1]
      let (rows, before) = (scratch.rows.start, scratch.before.start)
      let known = count
      for i in 0..<n {
        rows[count] = picked[i]
        before[count] = UInt32(truncatingIfNeeded: passed &+ i)
        count &+= Int(flags[i])
      }
      passed += n
      hash(rows + known, count - known, scratch)
      let (hashes, wide) = (scratch.hashes.start + known, scratch.wide.start)
      for i in 0..<count - known { hashes[i] = hashMask & UInt32(truncatingIfNeeded: wide[i] >> 7) }
      if tallies.isEmpty { return }
      var place = Int32(truncatingIfNeeded: known &- 1)
      if let mask {
        var at = 0
        for i in 0..<block.count {
          if mask[i] == 0 {
            places[i] = nowhere
          } else {
            place &+= Int32(flags[at])
            places[i] = place
            at &+= 1
          }
        }
      } else {
        for i in 0..<n {
          place &+= Int32(flags[i])
          places[i] = place
        }
      }
      for t in tallies.indices { tallies[t].add(block, places, scratch.spare.start) }
    }
    scratch.before.start[count] = UInt32(truncatingIfNeeded: passed)
    for t in tallies.indices { tallies[t].trim(to: count) }
    return sorted(scratch, count, tallies)
  }

  /// The hashes of the keys of some rows, in `scratch.wide`.
  private func hash(_ rows: UnsafePointer<UInt32>, _ count: Int, _ scratch: Scratch) {
    let hashes = scratch.wide.start
    for i in 0..<count { hashes[i] = 0 }
    for key in keys { key.mix(rows, count, into: hashes) }
  }

  /// Partial groups by the last bits of their hashes.
  private func sorted(_ scratch: Scratch, _ count: Int, _ tallies: [Tally]) -> Piece {
    let (rows, hashes, before) = (scratch.rows.start, scratch.hashes.start, scratch.before.start)
    let mask = UInt32(1) << UInt32(partBits) - 1
    var starts = [Int32](repeating: 0, count: 1 << partBits + 1)
    for i in 0..<count { starts[Int(hashes[i] & mask) + 1] &+= 1 }
    for part in 0..<1 << partBits { starts[part + 1] &+= starts[part] }
    var order = [UInt32](repeating: 0, count: count)
    var next = starts
    next.withUnsafeMutableBufferPointer { next in
      order.withUnsafeMutableBufferPointer { order in
        for i in 0..<count {
          let part = Int(hashes[i] & mask)
          order[Int(next[part])] = UInt32(truncatingIfNeeded: i)
          next[part] &+= 1
        }
      }
    }
    func gathered(_ value: (Int) -> UInt32) -> [UInt32] {
      [UInt32](unsafeUninitializedCapacity: count) { out, made in
        order.withUnsafeBufferPointer { order in
          for i in 0..<count { out.initializeElement(at: i, to: value(Int(order[i]))) }
        }
        made = count
      }
    }
    return Piece(
      starts: starts, rows: gathered { rows[$0] }, hashes: gathered { hashes[$0] },
      counts: gathered { before[$0 &+ 1] &- before[$0] }, places: tallies.isEmpty ? [] : order, tallies: tallies)
  }

  // MARK: Groups

  /// The groups of one part, or of several one after the other.
  private struct Part: Sendable {
    var rows: [UInt32] = []
    var rowCounts: [Int64] = []
    var tallies: [Tally]
  }

  /// The groups of all pieces, with their first rows as shapes when `hasShapes`.
  func groups(_ pieces: [Piece], threads: Int, hasShapes: Bool, token: CancellationToken) throws -> GroupColumns {
    var all = Part(tallies: CodeGroups.tallies(aggregates, columns, places: 0, takesRows: false))
    let most = pieces.reduce(0) { $0 + $1.count }
    all.rows.reserveCapacity(most)
    all.rowCounts.reserveCapacity(most)
    try MorselRun.run(
      count: 1 << partBits, threads: threads, token: token,
      makeWorker: { () throws(QueryError) in [UInt32]() },
      work: { (slots: inout [UInt32], part: Int) throws(QueryError) -> Part in
        try unite(pieces, part, &slots, token)
      },
      handOn: { _, part in
        let count = part.rows.count
        all.rows += part.rows
        all.rowCounts += part.rowCounts[..<count]
        for t in all.tallies.indices { all.tallies[t].append(part.tallies[t], count: count) }
      })
    return try columns(all, hasShapes: hasShapes)
  }

  /// Puts the partial groups of one part together.
  private func unite(
    _ pieces: [Piece], _ part: Int, _ slots: inout [UInt32], _ token: CancellationToken
  ) throws(QueryError) -> Part {
    let total = pieces.reduce(0) { $0 + Int($1.starts[part + 1] - $1.starts[part]) }
    var size = 64
    while size < 2 * total { size *= 2 }
    if slots.count < size { slots = Array(repeating: .max, count: size) }
    slots.withUnsafeMutableBufferPointer { slots in for slot in 0..<size { slots[slot] = .max } }
    var made = Part(tallies: CodeGroups.tallies(aggregates, columns, places: total, takesRows: false))
    made.rowCounts = Array(repeating: 0, count: total)
    let hashes = Room<UInt32>(total)
    let rows = Room<UInt32>(total)
    let places = Room<Int32>(tallies(of: pieces) ? total : 0)
    var count = 0
    for (number, piece) in pieces.enumerated() {
      if number & 0x3F == 0 { try token.check() }
      let range = Int(piece.starts[part])..<Int(piece.starts[part + 1])
      if range.isEmpty { continue }
      slots.withUnsafeMutableBufferPointer { slots in
        made.rowCounts.withUnsafeMutableBufferPointer { counts in
          insert(
            piece, range, slots.baseAddress!, size - 1, rows.start, hashes.start, counts.baseAddress!,
            made.tallies.isEmpty ? nil : places.start, &count)
        }
      }
      if made.tallies.isEmpty { continue }
      piece.places.withUnsafeBufferPointer { from in
        let from = UnsafeBufferPointer(rebasing: from[range])
        for t in made.tallies.indices { made.tallies[t].add(piece.tallies[t], from, to: places.start) }
      }
    }
    made.rows = Array(UnsafeBufferPointer(start: rows.start, count: count))
    return made
  }

  private func tallies(of pieces: [Piece]) -> Bool { pieces.first.map { !$0.tallies.isEmpty } ?? false }

  /// - Parameter places: receives the group of each partial group.
  @inline(__always)
  private func insert(
    _ piece: Piece, _ range: Range<Int>, _ slots: UnsafeMutablePointer<UInt32>, _ mask: Int,
    _ rows: UnsafeMutablePointer<UInt32>, _ hashes: UnsafeMutablePointer<UInt32>,
    _ counts: UnsafeMutablePointer<Int64>, _ places: UnsafeMutablePointer<Int32>?, _ count: inout Int
  ) {
    piece.rows.withUnsafeBufferPointer { theirRows in
      piece.hashes.withUnsafeBufferPointer { theirHashes in
        piece.counts.withUnsafeBufferPointer { theirCounts in
          for at in range {
            let (row, hash) = (theirRows[at], theirHashes[at])
            var slot = Int(hash >> UInt32(truncatingIfNeeded: partBits)) & mask
            var place = slots[slot]
            while place != .max {
              if hashes[Int(place)] == hash, isSame(Int(row), Int(rows[Int(place)])) { break }
              slot = (slot &+ 1) & mask
              place = slots[slot]
            }
            if place == .max {
              place = UInt32(truncatingIfNeeded: count)
              slots[slot] = place
              rows[count] = row
              hashes[count] = hash
              count &+= 1
            }
            counts[Int(place)] &+= Int64(theirCounts[at])
            if let places { places[at &- range.lowerBound] = Int32(bitPattern: place) }
          }
        }
      }
    }
  }

  @inline(__always)
  private func isSame(_ a: Int, _ b: Int) -> Bool {
    for key in keys where !key.isSame(a, b) { return false }
    return true
  }

  /// How many groups there are of which no key is NULL.
  func countValues(_ pieces: [Piece], threads: Int, token: CancellationToken) throws -> Int {
    var count = 0
    try MorselRun.run(
      count: 1 << partBits, threads: threads, token: token,
      makeWorker: { () throws(QueryError) in [UInt32]() },
      work: { (slots: inout [UInt32], part: Int) throws(QueryError) -> Int in
        let rows = try unite(pieces, part, &slots, token).rows
        var nulls = 0
        for row in rows where keys.contains(where: { $0.isNull(Int(row)) }) { nulls += 1 }
        return rows.count - nulls
      },
      handOn: { _, more in count += more })
    return count
  }

  private func columns(_ all: Part, hasShapes: Bool) throws(QueryError) -> GroupColumns {
    var result = GroupColumns(count: all.rows.count)
    for key in keys { result.keys.append(try key.column(all.rows)) }
    var next = 0
    for (aggregate, column) in zip(aggregates, columns) {
      if column.countsRows(aggregate) {
        result.aggregates.append(Vector(.int(all.rowCounts)))
      } else {
        result.aggregates.append(try all.tallies[next].results(nil, rowCounts: all.rowCounts))
        next += 1
      }
    }
    // The first row of a group is its least: rows come in order.
    if hasShapes { result.shapes = all.rows }
    return result
  }
}

/// Memory for values that are written before they are read.
final class Room<Element: BitwiseCopyable>: @unchecked Sendable {
  let start: UnsafeMutablePointer<Element>
  let count: Int

  init(_ count: Int) {
    start = .allocate(capacity: max(1, count))
    self.count = count
  }

  deinit { start.deallocate() }
}
