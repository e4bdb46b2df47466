/// Keys of GROUP BY that are each worked out from one column of few values (`GROUP BY FLOOR(age / 10)`): rows are grouped by
/// those columns, and the groups put together by the values of the real keys.
struct DerivedKeys {
  /// The columns that the keys are worked out from.
  let keys: [CodeKey]
  private let types: [ColumnType?]
  /// Over a table of those columns.
  private let expressions: [BoundExpression]
  private let scope: Scope
  private let token: CancellationToken

  /// As many combinations of values are looked at.
  private static let mostPlaces = 65_536

  /// nil when a key reads something else, or all keys are columns themselves.
  init?(
    _ grouping: BoundGrouping, _ nodes: [Node], _ scan: SourceScan, _ scope: Scope, _ token: CancellationToken
  ) throws(QueryError) {
    if nodes.allSatisfy({ $0 is ColumnNode }) { return nil }
    var read: [BoundExpression.OnlyColumn] = []
    var expressions: [BoundExpression] = []
    for key in grouping.keys {
      guard let only = key.onlyColumn, only.source == scan.source, !only.isPath else { return nil }
      let index = read.firstIndex(of: only) ?? read.count
      if index == read.count { read.append(only) }
      expressions.append(key.rebased(toColumn: index))
    }
    var columns: [Node] = []
    for column in read {
      columns.append(
        try ColumnNode(source: scan.source, column: column.column, type: column.type, scope: scope))
    }
    guard let keys = try CodeGroups.keys(columns, source: scan.source, table: scan.table),
      CodeGroups.placeCount(keys) <= Self.mostPlaces
    else { return nil }
    self.keys = keys
    types = read.map(\.type)
    (self.expressions, self.scope, self.token) = (expressions, scope, token)
  }

  /// The values of the real keys.
  ///
  /// - Parameter columns: values of ``keys``, `count` of each.
  func values(_ columns: [TableBuilder.Filling], count: Int) throws(QueryError) -> [Vector] {
    var builder = TableBuilder(columns: types.enumerated().map { ("key\($0)", $1) })
    try builder.append(columns, count: count, token: token)
    var inner = scope
    inner.relations = [Relation(table: try builder.finish(name: "keys", token: token), geometryPath: nil)]
    inner.distances = []
    let compiler = Compiler(scope: inner)
    let rows = Tuples(rows: (0..<UInt32(count)).map { $0 })
    return try Execution.columns(try compiler.compile(expressions), rows)
  }
}
