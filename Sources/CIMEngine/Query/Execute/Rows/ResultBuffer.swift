internal import Synchronization

/// Rows and their sort keys on the way to a sorted result. With `wanted` only that many are kept.
struct ResultBuffer: Sendable {
  /// In the order in which they came; joined when they are looked at together.
  private var parts: [(tuples: Tuples, keys: [SortBuffer.Key])] = []
  private(set) var count = 0
  private let keyCount: Int
  private let directions: [SortBuffer.Direction]
  private let wanted: Int?
  private let token: CancellationToken
  /// A first key beyond this cannot come into the result any more (turned around when it falls).
  private var bound: UInt64?
  /// The least that any buffer of the statement has found.
  private let sharedBound: PageBound?

  init(
    keyCount: Int, directions: [SortBuffer.Direction], wanted: Int?, token: CancellationToken,
    sharedBound: PageBound? = nil
  ) {
    self.keyCount = keyCount
    self.directions = directions
    self.wanted = wanted
    self.token = token
    self.sharedBound = sharedBound
  }

  mutating func append(_ tuples: Tuples, _ keys: [SortBuffer.Key]) throws(QueryError) {
    if let kept = within(keys.first) {
      if kept.isEmpty { return }
      add(tuples.selecting(kept), keys.map { SortBuffer.selecting($0, kept) })
    } else {
      add(tuples, keys)
    }
    try prune(always: false)
  }

  private mutating func add(_ tuples: Tuples, _ keys: [SortBuffer.Key]) {
    if tuples.count == 0 { return }
    parts.append((tuples, keys))
    count += tuples.count
  }

  /// The rows that may still come into the result, by their first key; nil for all.
  func within(_ key: SortBuffer.Key?) -> [Int32]? {
    guard wanted != nil else { return nil }
    let bound = min(bound ?? .max, sharedBound?.value ?? .max)
    guard bound < .max, case .numbers(let values, let nulls)? = key else { return nil }
    let turn: UInt64 = directions[0].descending ? .max : 0
    var kept: [Int32] = []
    // The page is full of values: NULLs come into it only where they come first.
    let nullsFirst = directions[0].nullsFirst
    for i in values.indices where nulls?[i] ?? false ? nullsFirst : values[i] ^ turn <= bound {
      kept.append(Int32(truncatingIfNeeded: i))
    }
    return kept.count == values.count ? nil : kept
  }

  mutating func append(_ other: ResultBuffer) throws(QueryError) {
    if other.count == 0 { return }
    for (tuples, keys) in other.parts {
      try token.use(bytes: tuples.count * (tuples.bytesPerRow + 12 * keyCount))
      try append(tuples, keys)
    }
  }

  /// What rows and keys take in memory, about.
  var byteCount: Int { parts.reduce(0) { $0 + $1.tuples.count * ($1.tuples.bytesPerRow + 12 * keyCount) } }

  /// All rows and their keys.
  private mutating func join() throws(QueryError) {
    guard parts.count > 1 else { return }
    var all = parts[0].tuples
    for (i, part) in parts.enumerated().dropFirst() {
      if i & 0xFF == 0 { try token.check() }
      all.append(part.tuples)
    }
    var keys: [SortBuffer.Key] = []
    for k in 0..<keyCount {
      try token.check()
      keys.append(SortBuffer.joined(parts.map { $0.keys[k] }))
    }
    parts = [(all, keys)]
  }

  /// Drops what cannot come into the result.
  mutating func prune(always: Bool) throws(QueryError) {
    guard let wanted, count > wanted, always || count > max(16_384, 4 * wanted) else { return }
    let kept = Array(try order().prefix(wanted))
    let (tuples, keys) = parts[0]
    parts = []
    count = 0
    add(tuples.selecting(kept), keys.map { SortBuffer.selecting($0, kept) })
    if case .numbers(let values, let nulls)? = parts.first?.keys.first, let worst = values.last, !(nulls?.last ?? false)
    {
      bound = worst ^ (directions[0].descending ? .max : 0)
      if let bound { sharedBound?.lower(to: bound) }
    }
  }

  /// Row numbers of ``tuples`` in order.
  mutating func order() throws(QueryError) -> [Int32] {
    try join()
    return try SortBuffer.sorted(parts.first?.keys ?? [], directions, count: count, token: token)
  }

  /// The rows; all of them after ``order()``.
  var tuples: Tuples { parts.first?.tuples ?? Tuples(sourceCount: 0, distanceCount: 0) }
}

/// What the first key of a page's last row is at most, as the workers find it: rows beyond come into no result.
final class PageBound: Sendable {
  private let least = Atomic<UInt64>(.max)

  var value: UInt64 { least.load(ordering: .relaxed) }
  func lower(to bound: UInt64) { _ = least.min(bound, ordering: .relaxed) }
}

/// OFFSET, LIMIT and DISTINCT, in the order of the result.
struct Page {
  var skip: Int
  var left: Int?
  private var seen: SeenKeys?
  private let claim: MemoryClaim

  init(_ find: BoundFind, _ token: CancellationToken) {
    claim = MemoryClaim(token)
    skip = find.offset ?? 0
    left = find.limit
    seen = find.distinct ? SeenKeys() : nil
  }

  mutating func pass(
    _ tuples: Tuples, _ columns: [Vector], _ take: (Tuples, [Vector]) throws -> Void
  ) throws {
    var (tuples, columns) = (tuples, columns)
    if seen != nil {
      var kept: [Int32] = []
      var key: [UInt8] = []
      for i in 0..<tuples.count {
        key.removeAll(keepingCapacity: true)
        for column in columns { column.appendKey(i, to: &key) }
        if key.withUnsafeBytes({ seen!.insert($0) }) { kept.append(Int32(i)) }
      }
      try claim.grow(to: seen!.byteCount)
      if kept.count < tuples.count { (tuples, columns) = (tuples.selecting(kept), columns.map { $0.selecting(kept) }) }
    }
    let first = min(skip, tuples.count)
    skip -= first
    var last = tuples.count
    if let left {
      last = min(last, first + left)
      self.left = left - (last - first)
    }
    if first >= last { return }
    if first > 0 || last < tuples.count {
      let kept = (Int32(first)..<Int32(last)).map { $0 }
      (tuples, columns) = (tuples.selecting(kept), columns.map { $0.selecting(kept) })
    }
    try take(tuples, columns)
  }
}
