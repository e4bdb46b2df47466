/// Groups and aggregates of one worker.
final class GroupCollector: @unchecked Sendable {
  private let keys: [Node]
  private let arguments: [Node?]
  private var numbering = KeyNumbering()
  private var states: [AggregateState]
  /// The least row of the source that gives a group its shape.
  private var shapeRows: [UInt32] = []
  private let shapeSource: Int?
  /// Groups by row of one source, when all keys follow from that row.
  private let memoSource: Int?
  private var memo: [Int32]
  /// Groups by dictionary code, for a single key of that kind.
  private var codes: [Int32] = []
  private var codesOf: TextDictionary?
  private var scratch: [UInt8] = []
  /// Groups by small integers, for a single key of that kind.
  private var small: [Int32] = []
  private static let smallRange: Range<Int64> = -256..<4096

  /// - Parameter memo: a source whose row settles all keys, and the rows of its table.
  init(
    keys: [Node], aggregates: [BoundAggregate], arguments: [Node?], shapeSource: Int?, memo: (source: Int, rows: Int)?
  ) {
    self.keys = keys
    self.arguments = arguments
    self.shapeSource = shapeSource
    states = aggregates.map { AggregateState($0) }
    memoSource = memo?.source
    self.memo = memo.map { Array(repeating: -1, count: $0.rows + 1) } ?? []
    if keys.isEmpty {
      _ = numbering.insert(UnsafeRawBufferPointer(start: nil, count: 0))
      grow()
    }
  }

  var count: Int { numbering.count }
  var byteCount: Int { numbering.byteCount + 24 * numbering.count * (1 + states.count) }

  private func grow() {
    for i in states.indices { states[i].grow(to: numbering.count) }
    if shapeSource != nil, shapeRows.count < numbering.count {
      shapeRows.append(contentsOf: repeatElement(Tuples.none, count: numbering.count - shapeRows.count))
    }
  }

  /// Rows that are only counted.
  func add(count: Int) {
    for i in states.indices { states[i].add(nil, groups: [], count: count) }
  }

  func add(_ tuples: Tuples) throws(QueryError) {
    let groups = try groups(tuples)
    grow()
    for i in states.indices {
      let argument = try arguments[i].map { (node) throws(QueryError) in try node.evaluate(tuples) }
      states[i].add(argument, groups: groups, count: tuples.count)
    }
    if let shapeSource {
      let rows = tuples.rows[shapeSource]
      for i in rows.indices {
        let group = groups.isEmpty ? 0 : Int(groups[i])
        shapeRows[group] = min(shapeRows[group], rows[i])
      }
    }
  }

  /// The group of each row; empty when there is only one.
  private func groups(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    if keys.isEmpty { return [] }
    if let memoSource {
      let rows = tuples.rows[memoSource]
      let none = memo.count - 1
      var result = rows.map { memo[$0 == Tuples.none ? none : Int($0)] }
      var unknown: [Int32] = []
      for i in result.indices where result[i] < 0 { unknown.append(Int32(i)) }
      if !unknown.isEmpty {
        let found = try number(tuples.selecting(unknown))
        for (i, index) in unknown.enumerated() {
          let row = rows[Int(index)]
          memo[row == Tuples.none ? none : Int(row)] = found[i]
          result[Int(index)] = found[i]
        }
      }
      return result
    }
    return try number(tuples)
  }

  private func number(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    var columns: [Vector] = []
    for key in keys { columns.append(try key.evaluate(tuples).vector(count: tuples.count)) }
    if columns.count == 1 {
      switch columns[0].storage {
      case .dictionary(let codes, let dictionary): return byCode(columns[0], codes, dictionary)
      case .int(let values): return byInteger(columns[0], values)
      default: break
      }
    }
    return (0..<tuples.count).map { row in
      scratch.removeAll(keepingCapacity: true)
      for column in columns { column.appendKey(row, to: &scratch) }
      return Int32(scratch.withUnsafeBytes { numbering.insert($0) })
    }
  }

  private func byCode(_ vector: Vector, _ rows: [UInt32], _ dictionary: TextDictionary) -> [Int32] {
    if codesOf !== dictionary {
      codesOf = dictionary
      codes = Array(repeating: -1, count: dictionary.strings.count + 1)
    }
    let null = dictionary.strings.count
    return rows.indices.map { i in
      let code = vector.validity?[i] == false ? null : Int(rows[i])
      if codes[code] >= 0 { return codes[code] }
      scratch.removeAll(keepingCapacity: true)
      KeyBytes.append(code == null ? .null : .text(dictionary.strings[code]), to: &scratch)
      let number = Int32(scratch.withUnsafeBytes { numbering.insert($0) })
      codes[code] = number
      return number
    }
  }

  private func byInteger(_ vector: Vector, _ values: [Int64]) -> [Int32] {
    let range = GroupCollector.smallRange
    if small.isEmpty { small = Array(repeating: -1, count: range.count) }
    return values.indices.map { i in
      let isValid = vector.validity?[i] ?? true
      let value = values[i]
      if isValid, range.contains(value), small[Int(value - range.lowerBound)] >= 0 {
        return small[Int(value - range.lowerBound)]
      }
      scratch.removeAll(keepingCapacity: true)
      KeyBytes.append(isValid ? .int(value) : .null, to: &scratch)
      let number = Int32(scratch.withUnsafeBytes { numbering.insert($0) })
      if isValid, range.contains(value) { small[Int(value - range.lowerBound)] = number }
      return number
    }
  }

  /// Adds the groups of another worker.
  func merge(_ other: GroupCollector) {
    var map: [Int32] = []
    map.reserveCapacity(other.count)
    other.numbering.forEachKey { _, key in map.append(Int32(numbering.insert(key))) }
    grow()
    for i in states.indices { states[i].merge(other.states[i], map) }
    if shapeSource != nil {
      for (i, row) in other.shapeRows.enumerated() { shapeRows[Int(map[i])] = min(shapeRows[Int(map[i])], row) }
    }
  }

  /// One row for each group: the keys, then the aggregates; and the rows that give the groups their shapes.
  func table(keyTypes: [ColumnType?], aggregates: [BoundAggregate]) throws(QueryError) -> (Table, shapes: [UInt32]) {
    var keyValues = keyTypes.map { _ in [Value]() }
    numbering.forEachKey { _, bytes in
      var at = 0
      for column in keyValues.indices {
        var value = KeyBytes.value(bytes, &at)
        // Keys write whole doubles as integers.
        if keyTypes[column] == .double, case .int(let whole) = value { value = .double(Double(whole)) }
        keyValues[column].append(value)
      }
    }
    var builder = TableBuilder(
      columns: keyTypes.enumerated().map { ("key\($0)", $1) }
        + aggregates.enumerated().map { ("aggregate\($0)", $1.type) })
    var vectors = keyValues.indices.map { Vector(values: keyValues[$0], type: keyTypes[$0]) }
    for (i, state) in states.enumerated() {
      let type = aggregates[i].type
      vectors.append(
        Vector(values: try state.results().map { convert($0, to: $0.type == .int ? type : nil) }, type: type))
    }
    builder.append(vectors, count: count)
    return (builder.finish(name: "groups"), shapeRows)
  }
}
