/// An expression over one dictionary column, worked out once for each distinct string; rows look it up by code.
final class DictionaryNode: Node, @unchecked Sendable {
  private let source: Int
  private let follower: LinkFollower?
  private let column: DictionaryColumn
  private let columnIndex: Int
  /// Keeps the memory behind `column`.
  private let table: Table
  /// By code; the last entry is the value for NULL.
  private let results: Vector
  private let truths: [UInt8]

  init(
    source: Int, follower: LinkFollower?, table: Table, columnIndex: Int, column: DictionaryColumn, results: Vector,
    type: ColumnType?
  ) {
    self.table = table
    self.columnIndex = columnIndex
    self.source = source
    self.follower = follower
    self.column = column
    self.results = results
    truths = type == .bool ? Truth.from(results) : []
    super.init(type: type)
  }

  private func codes(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    let rows: [UInt32]
    let mayBeNone: Bool
    if let follower {
      rows = try follower.rows(tuples)
      mayBeNone = follower.mayBeNone(tuples)
    } else {
      rows = tuples.rows[source]
      mayBeNone = tuples.mayBeNone(source)
    }
    try table.verify(columnIndex, rows: rows, mayBeNone: mayBeNone)
    let gathered = gatherCodes(column, rows, mayBeNone)
    guard let validity = gathered.validity else { return gathered.values.map { Int32(bitPattern: $0) } }
    let null = Int32(column.dictionary.count)
    return gathered.values.indices.map { validity[$0] ? Int32(bitPattern: gathered.values[$0]) : null }
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    let codes = try codes(tuples)
    if truths.isEmpty { return Array(repeating: Truth.unknown, count: tuples.count) }
    return picked(truths, codes)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    .vector(results.selecting(try codes(tuples)))
  }
}

extension Compiler {
  /// Larger dictionaries save less than they cost.
  private static let largestDictionary = 1 << 16

  /// `e` by dictionary code, when it reads one dictionary column and does something with it.
  func dictionaryNode(_ e: BoundExpression) throws(QueryError) -> Node? {
    switch e.kind {
    case .constant, .column, .path, .geometry, .distance, .groupKey, .aggregate, .interval, .array: return nil
    default: break
    }
    guard e.type != .geometry, e.type != .list, let only = e.onlyColumn else { return nil }
    var follower: LinkFollower?
    let table: Table
    let index: Int
    if only.isPath {
      let made = try LinkFollower(source: only.source, steps: only.steps, scope: scope)
      follower = made
      (table, index) = (made.target, only.column)
    } else {
      table = scope.relations[only.source].table
      index = scope.relations[only.source].column(only.column)
    }
    guard case .dictionary(let column) = table.columns[index], column.dictionary.count <= Self.largestDictionary,
      column.dictionary.count < max(64, table.rowCount)
    else { return nil }
    try table.verifyDictionary(index)
    guard let results = try dictionaryResults(e, column, name: table.columnNames[index]) else { return nil }
    return DictionaryNode(
      source: only.source, follower: follower, table: table, columnIndex: index, column: column, results: results,
      type: e.type)
  }

  /// The values of `e` for each string of the dictionary, then for NULL; nil when one of them fails, which then only
  /// concerns the rows that hold it.
  func dictionaryResults(
    _ e: BoundExpression, _ column: DictionaryColumn, name: String
  ) throws(QueryError) -> Vector? {
    let memory = OwnedMemory()
    let entries = memory.entries(of: column)
    var innerScope = scope
    innerScope.relations = [
      Relation(
        table: Table(
          name: name, rowCount: entries.count, columns: [.dictionary(entries)], columnNames: [name], owner: memory))
    ]
    innerScope.distances = []
    let inner = Compiler(scope: innerScope, usesDictionaries: false)
    let node = try inner.compile(e.rebased(toColumn: 0))
    let count = column.dictionary.count + 1
    let rows = (0..<UInt32(count)).map { $0 }
    guard let result = try? node.evaluate(Tuples(rows: rows)) else { return nil }
    return result.vector(count: count)
  }
}

extension OwnedMemory {
  /// The strings of a dictionary as rows of their own, and a last row that is NULL.
  fileprivate func entries(of source: DictionaryColumn) -> DictionaryColumn {
    let count = source.dictionary.count + 1
    let flags = (0..<count).map { $0 < count - 1 }
    let codes: DictionaryColumn.Codes
    if source.dictionary.count <= 256 {
      codes = .bytes(fixed((0..<count).map { UInt8(truncatingIfNeeded: $0 < count - 1 ? $0 : 0) }, flags, zero: 0))
    } else {
      codes = .words(fixed((0..<count).map { UInt16(truncatingIfNeeded: $0 < count - 1 ? $0 : 0) }, flags, zero: 0))
    }
    return DictionaryColumn(codes: codes, count: count, validity: validity(flags), dictionary: source.dictionary)
  }
}
