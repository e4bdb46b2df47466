/// Groups as columns: the keys, the aggregates, and the row of the source that gives each its shape (empty without).
struct GroupColumns {
  var count: Int
  var keys: [TableBuilder.Filling] = []
  var aggregates: [Vector] = []
  var shapes: [UInt32] = []

  init(count: Int) { self.count = count }

  /// Groups as rows of tables, one beside the other.
  struct Tables {
    /// The first is a table with a row for each group: aggregates, and keys that lie nowhere else.
    var tables: [Table]
    /// By table: the row of each group; empty when all is in the first.
    var rows: [[UInt32]]
    /// By key: the table and the column of it that hold its values; nil for a key that nobody reads.
    var keys: [(table: Int, column: Int)?]
    /// The column of the first aggregate; the others follow.
    var firstAggregate: Int
  }

  /// Texts of keys stay in the tables where they lie, unless `isWritten` asks for them in the first table.
  ///
  /// - Parameters:
  ///   - isRead: whether anything reads a key.
  ///   - isWritten: whether all keys that are read must lie in the first table.
  func tables(
    _ grouping: BoundGrouping, isRead: (_ key: Int) -> Bool, isWritten: Bool = false, token: CancellationToken
  ) throws(QueryError) -> Tables {
    var result = Tables(tables: [], rows: [[]], keys: [], firstAggregate: 0)
    if !isWritten { result.rows[0] = (0..<UInt32(count)).map { $0 } }
    var others: [Table] = []
    var columns: [(name: String, type: ColumnType?)] = []
    var fillings: [TableBuilder.Filling] = []
    for k in grouping.keys.indices {
      guard isRead(k) else {
        result.keys.append(nil)
        continue
      }
      if case .rows(let table, let column, let rows) = keys[k], !isWritten {
        others.append(table)
        result.keys.append((others.count, column))
        result.rows.append(rows)
      } else {
        result.keys.append((0, columns.count))
        columns.append(("key\(k)", grouping.keys[k].type))
        fillings.append(keys[k])
      }
    }
    result.firstAggregate = columns.count
    for (a, aggregate) in grouping.aggregates.enumerated() {
      columns.append(("aggregate\(a)", aggregate.type))
      fillings.append(.vector(aggregates[a]))
    }
    var builder = TableBuilder(columns: columns)
    try builder.append(fillings, count: count, token: token)
    result.tables = [try builder.finish(name: "groups", token: token)] + others
    return result
  }
}

extension BoundExpression {
  /// Keys and aggregates read as columns of the tables of groups.
  func onGroups(_ groups: GroupColumns.Tables) -> BoundExpression {
    switch kind {
    case .groupKey(let index):
      guard let place = groups.keys[index] else {
        return BoundExpression(kind: .constant(.null), type: type, range: range)
      }
      return BoundExpression(kind: .column(source: place.table, column: place.column), type: type, range: range)
    case .aggregate(let index):
      return BoundExpression(
        kind: .column(source: 0, column: groups.firstAggregate + index), type: type, range: range)
    default: return (try? mapChildren { (child) throws(QueryError) in child.onGroups(groups) }) ?? self
    }
  }
}
