/// Groups and aggregates of one worker.
final class GroupCollector: @unchecked Sendable {
  private var keys: [GroupKey]
  /// Of the groups by the first keys with the next key, one after the other.
  private var pairs: [PairNumbering]
  private let arguments: [Node?]
  private var states: [AggregateState]
  /// The least row of the source that gives a group its shape.
  private var shapeRows: [UInt32] = []
  private let shapeSource: Int?
  /// Groups by row of one source, when all keys follow from that row.
  private let memoSource: Int?
  private var memo: [Int32]

  /// - Parameter memo: a source whose row settles all keys, and the rows of its table.
  init(
    keys: [Node], aggregates: [BoundAggregate], arguments: [Node?], shapeSource: Int?, memo: (source: Int, rows: Int)?
  ) {
    self.keys = keys.map { GroupKey($0) }
    pairs = Array(repeating: PairNumbering(), count: max(0, keys.count - 1))
    self.arguments = arguments
    self.shapeSource = shapeSource
    states = aggregates.map { AggregateState($0) }
    memoSource = memo?.source
    self.memo = memo.map { Array(repeating: -1, count: $0.rows + 1) } ?? []
    if keys.isEmpty { grow() }
  }

  var count: Int { keys.isEmpty ? 1 : pairs.last?.count ?? keys[0].count }
  var byteCount: Int {
    let numbers = keys.reduce(4 * memo.count) { $0 + $1.byteCount } + pairs.reduce(0) { $0 + $1.byteCount }
    return numbers + states.reduce(0) { $0 + $1.seenByteCount } + count * states.reduce(4) { $0 + $1.bytesPerGroup }
  }

  private func grow() {
    let count = count
    for i in states.indices { states[i].grow(to: count) }
    if shapeSource != nil, shapeRows.count < count {
      shapeRows.append(contentsOf: repeatElement(Tuples.none, count: count - shapeRows.count))
    }
  }

  /// Changes the aggregates of the one group there is.
  func withStates(_ body: (inout [AggregateState]) throws(QueryError) -> Void) throws(QueryError) {
    var states = states
    self.states = []
    defer { self.states = states }
    try body(&states)
  }

  /// Rows that are only counted.
  func add(count: Int) {
    for i in states.indices { states[i].addCount(count) }
  }

  /// Rows that are only counted: by aggregate, a number for the group of each row of the batch.
  func add(_ tuples: Tuples, counts: [[Int]]) throws(QueryError) {
    let groups = try groups(tuples)
    grow()
    for s in states.indices {
      if groups.isEmpty {
        states[s].addCount(counts[s].reduce(0, +))
      } else {
        for i in groups.indices { states[s].addCount(counts[s][i], group: Int(groups[i])) }
      }
    }
    addShapes(tuples, groups)
  }

  func add(_ tuples: Tuples) throws(QueryError) {
    let groups = try groups(tuples)
    grow()
    for i in states.indices {
      // What is only counted need not be read.
      if states[i].countsValues, let flags = try arguments[i]?.columnValidity(tuples) {
        states[i].add(flags: flags, groups: groups, count: tuples.count)
        continue
      }
      let argument = try arguments[i].map { (node) throws(QueryError) in try node.evaluate(tuples) }
      states[i].add(argument, groups: groups, count: tuples.count)
    }
    addShapes(tuples, groups)
  }

  private func addShapes(_ tuples: Tuples, _ groups: [Int32]) {
    guard let shapeSource else { return }
    let rows = tuples.rows[shapeSource]
    for i in rows.indices {
      let group = groups.isEmpty ? 0 : Int(groups[i])
      shapeRows[group] = min(shapeRows[group], rows[i])
    }
  }

  /// The group of each row; empty when there is only one.
  private func groups(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    if keys.isEmpty { return [] }
    guard let memoSource else { return try number(tuples) }
    let rows = tuples.rows[memoSource]
    let none = memo.count - 1
    // The first of each run of rows that are not known yet.
    var unknown: [Int32] = []
    var last: UInt32?
    for i in rows.indices where memo[rows[i] == Tuples.none ? none : Int(rows[i])] < 0 && rows[i] != last {
      unknown.append(Int32(truncatingIfNeeded: i))
      last = rows[i]
    }
    if !unknown.isEmpty {
      let found = try number(tuples.selecting(unknown))
      for (i, index) in unknown.enumerated() {
        let row = rows[Int(index)]
        memo[row == Tuples.none ? none : Int(row)] = found[i]
      }
    }
    return rows.map { memo[$0 == Tuples.none ? none : Int($0)] }
  }

  private func number(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    var groups = try keys[0].number(tuples)
    for k in keys.indices.dropFirst() {
      let next = try keys[k].number(tuples)
      for i in groups.indices { groups[i] = pairs[k - 1].insert(groups[i], next[i]) }
    }
    return groups
  }

  /// Adds the groups of another worker.
  func merge(_ other: GroupCollector, token: CancellationToken) throws(QueryError) {
    var map: [Int32] = [0]
    for k in keys.indices {
      let theirs = try keys[k].merge(other.keys[k], token: token)
      if k == 0 {
        map = theirs
      } else {
        let known = map
        map = []
        map.reserveCapacity(other.pairs[k - 1].count)
        for number in 0..<other.pairs[k - 1].count {
          if number & 0xFFFF == 0 { try token.check() }
          let (a, b) = other.pairs[k - 1].parts(number)
          map.append(pairs[k - 1].insert(known[Int(a)], theirs[Int(b)]))
        }
      }
    }
    grow()
    for i in states.indices {
      try token.check()
      try states[i].merge(other.states[i], map, token: token)
    }
    if shapeSource != nil {
      for (i, row) in other.shapeRows.enumerated() { shapeRows[Int(map[i])] = min(shapeRows[Int(map[i])], row) }
    }
  }

  /// The keys and aggregates of the groups, and the rows that give the groups their shapes.
  func columns(keyTypes: [ColumnType?], token: CancellationToken) throws(QueryError) -> GroupColumns {
    var result = GroupColumns(count: count)
    result.shapes = shapeRows
    if keys.count == 1 {
      result.keys.append(try keys[0].column(nil, type: keyTypes[0], token: token))
    } else if keys.count > 1 {
      // From the last key back: each pair is the group by the keys before, and the number of its own.
      var groups = (0..<count).map { Int32(truncatingIfNeeded: $0) }
      for k in keys.indices.dropFirst().reversed() {
        try token.check()
        var numbers: [Int32] = []
        numbers.reserveCapacity(count)
        for i in groups.indices {
          let (a, b) = pairs[k - 1].parts(Int(groups[i]))
          groups[i] = a
          numbers.append(b)
        }
        result.keys.insert(try keys[k].column(numbers, type: keyTypes[k], token: token), at: 0)
      }
      result.keys.insert(try keys[0].column(groups, type: keyTypes[0], token: token), at: 0)
    }
    for state in states {
      try token.check()
      result.aggregates.append(try state.results(token: token))
    }
    return result
  }
}
