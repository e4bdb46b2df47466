internal import SpatialIndex

/// Joins one more source: finds candidates for each row, asks the conditions of each pair, and for an outer join passes rows
/// without a match on with `none`.
class JoinStage: Stage, @unchecked Sendable {
  let source: Int
  let isLeft: Bool
  /// Asked of each pair.
  let conditions: [Node]

  init(source: Int, isLeft: Bool, conditions: [Node]) {
    self.source = source
    self.isLeft = isLeft
    self.conditions = conditions
  }

  /// Adds the candidates of all rows of a batch, in order.
  func match(_ tuples: Tuples, _ pairs: Pairs) throws(QueryError) {}

  final override func process(_ tuples: Tuples, _ emit: (Tuples) throws(QueryError) -> Void) throws(QueryError) {
    var matched = isLeft ? [Bool](repeating: false, count: tuples.count) : []
    try withoutActuallyEscapingTyped(emit) { (emit) throws(QueryError) in
      let pairs = Pairs { [self] (origins, rows, metres) throws(QueryError) in
        // Often each row has one partner.
        var joined = isIdentity(origins, tuples.count) ? tuples : tuples.selecting(origins)
        joined.rows[source] = rows
        if let slot = measuredSlot { joined.distances[slot] = metres }
        if isLeft || !conditions.isEmpty {
          var kept = (0..<Int32(joined.count)).map { $0 }
          for condition in conditions where !kept.isEmpty {
            let rest = kept.count == joined.count ? joined : joined.selecting(kept)
            let chosen = try condition.select(rest)
            if chosen.count < kept.count { kept = picked(kept, chosen) }
          }
          if isLeft { for i in kept { matched[Int(origins[Int(i)])] = true } }
          if kept.count < joined.count { joined = joined.selecting(kept) }
        }
        if joined.count > 0 { try emit(joined) }
      }
      try match(tuples, pairs)
      try pairs.flush()
    }
    if isLeft, matched.contains(false) {
      let left = matched.indices.filter { !matched[$0] }.map { Int32($0) }
      var rest = tuples.selecting(left)
      rest.rows[source] = Array(repeating: Tuples.none, count: left.count)
      rest.nullable |= 1 << UInt64(source)
      if let slot = measuredSlot { rest.distances[slot] = Array(repeating: .nan, count: left.count) }
      try emit(rest)
    }
  }

  /// The slot of distances that the join fills.
  var measuredSlot: Int? { nil }

  /// Candidate pairs on their way into batches.
  final class Pairs {
    private let origins: UnsafeMutablePointer<Int32>
    private let rows: UnsafeMutablePointer<UInt32>
    private let metres: UnsafeMutablePointer<Double>
    private var count = 0
    private var isMeasured = false
    private let take: ([Int32], [UInt32], [Double]) throws(QueryError) -> Void

    init(_ take: @escaping ([Int32], [UInt32], [Double]) throws(QueryError) -> Void) {
      self.take = take
      origins = .allocate(capacity: Tuples.capacity)
      rows = .allocate(capacity: Tuples.capacity)
      metres = .allocate(capacity: Tuples.capacity)
    }

    deinit {
      origins.deallocate()
      rows.deallocate()
      metres.deallocate()
    }

    @inline(__always)
    func add(_ origin: Int, _ row: UInt32) throws(QueryError) {
      origins[count] = Int32(truncatingIfNeeded: origin)
      rows[count] = row
      count &+= 1
      if count == Tuples.capacity { try flush() }
    }

    @inline(__always)
    func add(_ origin: Int, _ row: UInt32, metres distance: Double) throws(QueryError) {
      metres[count] = distance
      isMeasured = true
      try add(origin, row)
    }

    func flush() throws(QueryError) {
      if count == 0 { return }
      let n = count
      count = 0
      try take(
        Array(UnsafeBufferPointer(start: origins, count: n)), Array(UnsafeBufferPointer(start: rows, count: n)),
        isMeasured ? Array(UnsafeBufferPointer(start: metres, count: n)) : [])
    }
  }
}

/// Whether the indices are 0, 1, 2, … up to `count`.
private func isIdentity(_ indices: [Int32], _ count: Int) -> Bool {
  guard indices.count == count else { return false }
  for i in 0..<count where indices[i] != Int32(truncatingIfNeeded: i) { return false }
  return true
}

/// `withoutActuallyEscaping` for a closure with a typed error.
@inline(__always)
private func withoutActuallyEscapingTyped(
  _ closure: (Tuples) throws(QueryError) -> Void,
  _ body: (@escaping (Tuples) throws(QueryError) -> Void) throws(QueryError) -> Void
) throws(QueryError) {
  var thrown: QueryError?
  withoutActuallyEscaping(closure) { closure in
    do throws(QueryError) { try body(closure) } catch { thrown = error }
  }
  if let thrown { throw thrown }
}

/// Every row of the joined source.
final class LoopJoin: JoinStage, @unchecked Sendable {
  let rows: [UInt32]
  let token: CancellationToken

  init(source: Int, isLeft: Bool, conditions: [Node], rows: [UInt32], token: CancellationToken) {
    self.rows = rows
    self.token = token
    super.init(source: source, isLeft: isLeft, conditions: conditions)
  }

  override func match(_ tuples: Tuples, _ pairs: Pairs) throws(QueryError) {
    for i in 0..<tuples.count {
      try token.check()
      for row in rows { try pairs.add(i, row) }
    }
  }
}

/// The row that a link names.
final class LinkJoin: JoinStage, @unchecked Sendable {
  let follower: LinkFollower
  let allowed: RowSet?

  init(source: Int, isLeft: Bool, conditions: [Node], follower: LinkFollower, allowed: RowSet?) {
    self.follower = follower
    self.allowed = allowed
    super.init(source: source, isLeft: isLeft, conditions: conditions)
  }

  override func match(_ tuples: Tuples, _ pairs: Pairs) throws(QueryError) {
    let targets = try follower.rows(tuples)
    for i in targets.indices where targets[i] != Tuples.none {
      if let allowed, !allowed.contains(Int(targets[i])) { continue }
      try pairs.add(i, targets[i])
    }
  }
}

/// Rows with equal keys.
final class HashJoin: JoinStage, @unchecked Sendable {
  let probe: [Node]
  private let keys: KeyNumbering
  /// Rows of key k: `rows[starts[k]..<starts[k + 1]]`.
  private let starts: [Int]
  private let rows: [UInt32]

  /// - Parameter rows: those of the joined source that pass its own conditions.
  init(
    source: Int, isLeft: Bool, conditions: [Node], probe: [Node], build: [Node], rows: [UInt32], template: Tuples,
    token: CancellationToken
  ) throws(QueryError) {
    self.probe = probe
    var keys = KeyNumbering()
    var keyOfRow: [Int32] = []
    var kept: [UInt32] = []
    var counts: [Int] = []
    var start = 0
    var scratch: [UInt8] = []
    while start < rows.count {
      try token.check()
      let end = min(start + Tuples.capacity, rows.count)
      var batch = template
      batch.count = end - start
      batch.rows[source] = Array(rows[start..<end])
      let columns = try HashJoin.columns(build, batch)
      for i in 0..<batch.count {
        guard HashJoin.key(columns, i, &scratch) else { continue }
        let key = scratch.withUnsafeBytes { keys.insert($0) }
        if key == counts.count { counts.append(0) }
        counts[key] += 1
        keyOfRow.append(Int32(key))
        kept.append(rows[start + i])
      }
      start = end
    }
    try token.use(bytes: keys.byteCount + 8 * kept.count)
    var starts = [0]
    for count in counts { starts.append(starts.last! + count) }
    var at = starts
    var sorted = [UInt32](repeating: 0, count: kept.count)
    for i in kept.indices {
      let key = Int(keyOfRow[i])
      sorted[at[key]] = kept[i]
      at[key] += 1
    }
    self.keys = keys
    self.starts = starts
    self.rows = sorted
    super.init(source: source, isLeft: isLeft, conditions: conditions)
  }

  override func match(_ tuples: Tuples, _ pairs: Pairs) throws(QueryError) {
    let columns = try HashJoin.columns(probe, tuples)
    var scratch: [UInt8] = []
    for i in 0..<tuples.count {
      guard HashJoin.key(columns, i, &scratch), let key = scratch.withUnsafeBytes({ keys.find($0) }) else { continue }
      for position in starts[key]..<starts[key + 1] { try pairs.add(i, rows[position]) }
    }
  }

  private static func columns(_ nodes: [Node], _ tuples: Tuples) throws(QueryError) -> [Vector] {
    var result: [Vector] = []
    for node in nodes { result.append(try node.evaluate(tuples).vector(count: tuples.count)) }
    return result
  }

  /// The key of a row; false where a part is NULL, which equals nothing.
  private static func key(_ columns: [Vector], _ row: Int, _ key: inout [UInt8]) -> Bool {
    key.removeAll(keepingCapacity: true)
    for column in columns {
      guard column.isValid(row) else { return false }
      column.appendKey(row, to: &key)
    }
    return true
  }
}

extension Vector {
  /// The key bytes of one value, as ``KeyBytes`` writes them.
  @inline(__always)
  func appendKey(_ row: Int, to key: inout [UInt8]) {
    if let validity, !validity[row] {
      key.append(0)
      return
    }
    switch storage {
    case .int(let values):
      key.append(3)
      KeyBytes.append(UInt64(bitPattern: values[row]), to: &key)
    case .text(let values):
      key.append(5)
      KeyBytes.append(UInt64(values[row].utf8.count), to: &key)
      key.append(contentsOf: values[row].utf8)
    default: KeyBytes.append(self[row], to: &key)
    }
  }
}
