internal import SpatialIndex

/// The rows of one source that pass its own conditions, in pieces that workers take one after the other.
final class SourceScan: @unchecked Sendable {
  /// Which rows are looked at.
  enum Rows {
    case ranges([Range<Int>])
    /// As `ranges`, but only those flagged certain are known to pass `test`.
    case candidates([(rows: Range<Int>, isCertain: Bool)], PairTest, Target)
    case list([UInt32])
  }
  let source: Int
  let sourceCount: Int
  let distanceCount: Int
  let table: Table
  let rows: Rows
  /// Tested on runs of rows, straight on the columns.
  let filter: ScanFilter
  /// Conditions that only nodes can answer.
  let conditions: [Node]
  let meter = StageMeter()

  init(
    source: Int, sourceCount: Int, distanceCount: Int, table: Table, rows: Rows, tests: [ScanTest],
    conditions: [Node], expansion: Double = 1
  ) {
    self.source = source
    self.sourceCount = sourceCount
    self.distanceCount = distanceCount
    self.table = table
    self.rows = rows
    filter = ScanFilter(table: table, tests: tests)
    self.conditions = conditions
    morsels = SourceScan.cut(rows, expansion)
  }

  /// What is kept between pieces by one worker.
  struct Scratch {
    var rows: [UInt32] = []
    var mask: [UInt8] = []
    var flags: [UInt8] = []
  }

  /// A run of entries of `rows`, the first and last perhaps in part.
  struct Morsel {
    var first: Int
    /// Rows of the first entry to leave out.
    var skip: Int
    var rowCount: Int
  }
  let morsels: [Morsel]

  /// Whether ``forEachBlock(_:_:_:)`` gives the rows.
  var isByBlocks: Bool {
    guard conditions.isEmpty, case .ranges = rows else { return false }
    return true
  }

  /// Rows to look at, before any condition.
  var candidateCount: Int {
    switch rows {
    case .ranges(let list): list.reduce(0) { $0 + $1.count }
    case .candidates(let list, _, _): list.reduce(0) { $0 + $1.rows.count }
    case .list(let list): list.count
    }
  }

  /// How many of `most` threads pay for counting the rows that pass: one is made in the time of some hundred exact tests.
  func threadsToCount(_ most: Int) -> Int {
    var tested = 0
    switch rows {
    case .list: break
    case .ranges(let list): if !filter.tests.isEmpty { tested = list.reduce(0) { $0 + $1.count } / 64 }
    case .candidates(let list, _, _):
      for entry in list {
        tested += entry.isCertain ? (filter.tests.isEmpty ? 0 : entry.rows.count / 64) : entry.rows.count
      }
    }
    return tested < 512 ? 1 : most
  }

  /// Pieces of equal numbers of rows, the same whatever the number of threads.
  private static func cut(_ rows: Rows, _ expansion: Double) -> [Morsel] {
    let lengths: [Int]
    switch rows {
    case .ranges(let list): lengths = list.map(\.count)
    case .candidates(let list, _, _): lengths = list.map(\.rows.count)
    case .list(let list): lengths = list.isEmpty ? [] : [list.count]
    }
    let total = lengths.reduce(0, +)
    if total == 0 { return [] }
    // Whole blocks where there are many, so that blocks are skipped as such.
    var size = (total + 63) / 64
    size = size <= Tuples.capacity ? Tuples.capacity / 4 : min(65_536, (size + 4095) / 4096 * 4096)
    // Where each row becomes many, a piece has fewer of them.
    if expansion > 4 { size = max(1, min(size, Int(65_536 / expansion))) }
    var result: [Morsel] = []
    var (entry, skip) = (0, 0)
    var left = total
    while left > 0 {
      let take = min(size, left)
      result.append(Morsel(first: entry, skip: skip, rowCount: take))
      left -= take
      var rest = take
      while rest > 0 {
        let available = lengths[entry] - skip
        if rest < available {
          skip += rest
          rest = 0
        } else {
          rest -= available
          entry += 1
          skip = 0
        }
      }
    }
    return result
  }

  /// Calls `emit` with the rows of a piece that pass, in order.
  func scan(
    _ index: Int, _ scratch: inout Scratch, _ emit: (Tuples) throws(QueryError) -> Void
  ) throws(QueryError) {
    let morsel = morsels[index]
    scratch.rows.removeAll(keepingCapacity: true)
    var (entry, skip, left) = (morsel.first, morsel.skip, morsel.rowCount)
    switch rows {
    case .list(let list):
      scratch.rows.append(contentsOf: list[skip..<skip + left])
    case .ranges(let list):
      while left > 0 {
        let range = list[entry]
        let part = range.lowerBound + skip..<min(range.upperBound, range.lowerBound + skip + left)
        try filter.select(part, into: &scratch.rows, mask: &scratch.mask)
        left -= part.count
        entry += 1
        skip = 0
      }
    case .candidates(let list, let test, let target):
      let geometry = table.geometry!
      while left > 0 {
        let (range, isCertain) = list[entry]
        let part = range.lowerBound + skip..<min(range.upperBound, range.lowerBound + skip + left)
        let before = scratch.rows.count
        try filter.select(part, into: &scratch.rows, mask: &scratch.mask)
        if !isCertain {
          try table.verifyGeometry(rows: part)
          var kept = before
          for i in before..<scratch.rows.count {
            let row = Int(scratch.rows[i])
            if try test.holds(geometry, row, target) {
              scratch.rows[kept] = scratch.rows[i]
              kept += 1
            }
          }
          scratch.rows.removeLast(scratch.rows.count - kept)
        }
        left -= part.count
        entry += 1
        skip = 0
      }
    }
    var start = 0
    while start < scratch.rows.count {
      let end = min(start + Tuples.capacity, scratch.rows.count)
      let batch = Tuples(
        source: source, rows: Array(scratch.rows[start..<end]), sourceCount: sourceCount, distanceCount: distanceCount)
      start = end
      let kept = try batch.filtered(by: conditions)
      if kept.count > 0 { try emit(kept) }
    }
  }

  /// How many rows of a piece pass, when no node needs to be asked; nil otherwise.
  func count(_ index: Int, _ scratch: inout Scratch) throws(QueryError) -> Int? {
    guard conditions.isEmpty else { return nil }
    let morsel = morsels[index]
    var (entry, skip, left) = (morsel.first, morsel.skip, morsel.rowCount)
    var total = 0
    while left > 0 {
      let range: Range<Int>
      var isCertain = true
      switch rows {
      case .list: return left
      case .ranges(let list): range = list[entry]
      case .candidates(let list, _, _): (range, isCertain) = list[entry]
      }
      let part = range.lowerBound + skip..<min(range.upperBound, range.lowerBound + skip + left)
      if isCertain {
        total += filter.tests.isEmpty ? part.count : try filter.count(part, mask: &scratch.mask)
      } else {
        total += try passing(part, &scratch)
      }
      left -= part.count
      entry += 1
      skip = 0
    }
    return total
  }

  /// How many candidates of a run pass.
  private func passing(_ run: Range<Int>, _ scratch: inout Scratch) throws(QueryError) -> Int {
    guard case .candidates(_, let test, let target) = rows, let geometry = table.geometry else { return 0 }
    scratch.rows.removeAll(keepingCapacity: true)
    try filter.select(run, into: &scratch.rows, mask: &scratch.mask)
    try table.verifyGeometry(rows: run)
    var count = 0
    for row in scratch.rows where try test.holds(geometry, Int(row), target) { count += 1 }
    return count
  }

  /// All rows that pass, in order.
  func allRows(threads: Int, token: CancellationToken) throws(QueryError) -> [UInt32] {
    if filter.tests.isEmpty, conditions.isEmpty, case .ranges(let list) = rows {
      return list.flatMap { UInt32($0.lowerBound)..<UInt32($0.upperBound) }
    }
    if conditions.isEmpty, case .list(let list) = rows { return list }
    var result: [UInt32] = []
    do {
      try MorselRun.run(
        count: morsels.count, threads: threads, token: token,
        makeWorker: { () throws(QueryError) in Scratch() },
        work: { (scratch: inout Scratch, morsel: Int) throws(QueryError) -> [UInt32] in
          var rows: [UInt32] = []
          try self.scan(morsel, &scratch) { (tuples) throws(QueryError) in
            rows.append(contentsOf: tuples.rows[self.source])
          }
          return rows
        },
        handOn: { _, rows in result.append(contentsOf: rows) })
    } catch {
      throw QueryError.from(error)
    }
    return result
  }

  /// The rows that pass as a set; nil when all of the table do.
  func rowSet(threads: Int, token: CancellationToken) throws(QueryError) -> RowSet? {
    if filter.tests.isEmpty, conditions.isEmpty, case .ranges(let list) = rows, list == [0..<table.rowCount] {
      return nil
    }
    var set = RowSet(rowCount: table.rowCount)
    for row in try allRows(threads: threads, token: token) { set.insert(Int(row)) }
    return set
  }
}

extension QueryError {
  /// Any error as one that can be shown.
  static func from(_ error: any Error) -> QueryError {
    if let error = error as? QueryError { return error }
    if let error = error as? any UserFacingError {
      return QueryError(error.failureClass == .file ? .file(error.message) : .failed(error.message))
    }
    return QueryError(.failed("\(error)"))
  }
}
