internal import SpatialIndex

/// What the planner asks about a table; answers are estimates but for `rowCount`.
struct TableStatistics: Sendable {
  let table: Table
  var rowCount: Double { Double(table.rowCount) }

  /// How many different values a column has, about.
  func distinctCount(_ column: Int) -> Double {
    switch table.columns[column] {
    case .dictionary(let c): return Double(max(1, c.dictionary.count))
    case .bool: return 2
    case .text, .list, .link: return max(1, rowCount)
    default:
      guard let (low, high) = range(column), high >= low else { return 1 }
      return max(1, min(rowCount, high - low + 1))
    }
  }

  /// Least and greatest value of a numeric or temporal column, from its blocks.
  func range(_ column: Int) -> (Double, Double)? {
    switch table.columns[column] {
    case .bool(let c): bounds(c) { Double($0) }
    case .int8(let c): bounds(c) { Double($0) }
    case .int16(let c): bounds(c) { Double($0) }
    case .int32(let c): bounds(c) { Double($0) }
    case .int64(let c): bounds(c) { Double($0) }
    case .double(let c): bounds(c) { $0 }
    case .date(let c): bounds(c) { Double($0) }
    case .timestamp(let c): bounds(c) { Double($0) }
    default: nil
    }
  }

  private func bounds<T>(_ column: FixedColumn<T>, _ number: (T) -> Double) -> (Double, Double)? {
    var result: (Double, Double)?
    for block in 0..<column.blockCount where column.hasValues(inBlock: block) {
      let (low, high) = (number(column.blockMinimums[block]), number(column.blockMaximums[block]))
      result = result.map { (min($0.0, low), max($0.1, high)) } ?? (low, high)
    }
    return result
  }

  /// The share of rows whose geometry lies in a box, from the extent: rows are taken to be spread evenly, with a floor so
  /// that small windows still compare.
  func share(of window: Box2) -> Double {
    guard let tree = table.tree, tree.count > 0 else { return 1 }
    let extent = tree.bounds
    if window.isEmpty || !window.intersects(extent) { return 0 }
    var share = 1.0
    for d in 0..<2 {
      let whole = extent.max[d] - extent.min[d]
      let part = min(extent.max[d], window.max[d]) - max(extent.min[d], window.min[d])
      share *= whole > 0 ? max(0, min(1, part / whole)) : 1
    }
    return max(share, 1 / max(1, rowCount))
  }
}

/// Shares of rows that conditions keep.
struct Selectivity {
  let find: BoundFind
  let statistics: (Int) -> TableStatistics?

  func of(_ e: BoundExpression) -> Double {
    switch e.kind {
    case .constant(let value): return value == .bool(true) ? 1 : 0
    case .and(let list): return list.reduce(1) { $0 * of($1) }
    case .or(let list): return 1 - list.reduce(1) { $0 * (1 - of($1)) }
    case .not(let a): return 1 - of(a)
    case .isNull: return 0.1
    case .like: return 0.1
    case .compare(let op, let a, let b): return compare(op, a, b)
    case .inList(let a, let list):
      return min(1, Double(list.count) * equality(a))
    case .inFind: return 0.3
    case .spatial(let test, let source, let reference): return spatial(test, source, reference)
    default: return 0.3
    }
  }

  private func equality(_ a: BoundExpression) -> Double {
    if case .column(let source, let column) = a.kind, let statistics = statistics(source) {
      return 1 / statistics.distinctCount(column)
    }
    return 0.1
  }

  private func compare(_ op: Comparison, _ a: BoundExpression, _ b: BoundExpression) -> Double {
    if op == .equal { return b.isConstant ? equality(a) : a.isConstant ? equality(b) : 0.1 }
    if op == .notEqual { return b.isConstant ? 1 - equality(a) : 0.9 }
    guard case .column(let source, let column) = a.stripped.kind, case .constant(let value) = b.kind else {
      if b.isConstant == false, a.isConstant { return compare(op.mirrored, b, a) }
      return 0.3
    }
    guard let statistics = statistics(source), let (low, high) = statistics.range(column), high > low,
      let number = Selectivity.number(value)
    else { return 0.3 }
    let below = max(0, min(1, (number - low) / (high - low)))
    return op == .less || op == .lessOrEqual ? below : 1 - below
  }

  private static func number(_ value: Value) -> Double? {
    switch value {
    case .date(let day): Double(day)
    case .timestamp(let instant): Double(instant)
    default: value.number
    }
  }

  func spatial(
    _ test: BoundExpression.SpatialTest, _ source: Int, _ reference: BoundReference
  ) -> Double {
    guard let statistics = statistics(source) else { return 0.3 }
    switch test {
    case .beyond(let distance): return 1 - spatial(.within(distance), source, reference)
    case .byRoad: return 0.7
    case .within(let distance):
      guard case .constant(let value) = distance.kind, let metres = value.number else { return 0.3 }
      return boxes(reference, statistics, reach: metres) ?? 0.2
    default: return boxes(reference, statistics, reach: 0) ?? 0.2
    }
  }

  private func boxes(_ reference: BoundReference, _ statistics: TableStatistics, reach: Double) -> Double? {
    guard case .geometries(let list, _) = reference else { return nil }
    guard reach >= 0 else { return 0 }
    return min(1, list.reduce(0) { $0 + ($1.box.map { statistics.share(of: $0.expanded(by: reach)) } ?? 0) })
  }
}

extension BoundExpression {
  var isConstant: Bool { if case .constant = kind { true } else { false } }

  /// The expression below casts.
  var stripped: BoundExpression {
    if case .convert(let inner) = kind { return inner.stripped }
    return self
  }
}
