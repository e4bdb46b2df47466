// Rewriting a whole statement: every expression in it, and plain subqueries taken up into their sources.

extension BoundExpression {
  /// The expression with the sources it names renumbered.
  func renumbered(_ map: (Int) -> Int) -> BoundExpression {
    var result = (try? mapChildren { (child) throws(QueryError) in child.renumbered(map) }) ?? self
    switch result.kind {
    case .column(let source, let column): result.kind = .column(source: map(source), column: column)
    case .path(let source, let steps, let column):
      result.kind = .path(source: map(source), steps: steps, column: column)
    case .geometry(let source): result.kind = .geometry(source: map(source))
    case .spatial(let test, let source, .source(let other)):
      result.kind = .spatial(test, source: map(source), .source(map(other)))
    case .spatial(let test, let source, let reference):
      result.kind = .spatial(test, source: map(source), reference)
    default: break
    }
    return result
  }

  /// The expression with the columns of `source` replaced.
  func replacingColumns(of source: Int, by body: (Int) -> BoundExpression) -> BoundExpression {
    if case .column(source, let column) = kind { return body(column) }
    return (try? mapChildren { (child) throws(QueryError) in child.replacingColumns(of: source, by: body) }) ?? self
  }
}

extension BoundFind {
  /// The statement with every expression replaced; those of subqueries are left alone.
  func mapExpressions(_ body: (BoundExpression) -> BoundExpression) -> BoundFind {
    var result = self
    result.sourceFilters = sourceFilters.map(body)
    result.joinedFilters = joinedFilters.map(body)
    if let within = nearest?.within { result.nearest?.within = body(within) }
    result.joins = joins.map { join in
      var join = join
      switch join.condition {
      case .on(let e): join.condition = .on(body(e))
      case .within(let e, let from): join.condition = .within(body(e), from: from)
      case .nearest(let count, let within, let from):
        join.condition = .nearest(count: count, within: within.map(body), from: from)
      }
      return join
    }
    if let grouping {
      result.grouping = BoundGrouping(
        keys: grouping.keys.map(body),
        aggregates: grouping.aggregates.map {
          var aggregate = $0
          aggregate.argument = $0.argument.map(body)
          return aggregate
        })
    }
    result.items = items.map { BoundItem(expression: body($0.expression), column: $0.column) }
    result.having = having.map(body)
    result.orderBy = orderBy.map {
      BoundSortKey(expression: body($0.expression), descending: $0.descending, nullsFirst: $0.nullsFirst)
    }
    return result
  }

  /// Whether the rows of this subquery are simply rows of one layer that pass a filter.
  private var isPlain: Bool {
    guard sources.count == 1, joins.isEmpty, nearest == nil, grouping == nil, !distinct, having == nil, limit == nil,
      offset == nil, case .layer = sources[0].kind
    else { return false }
    let readsDistance: (BoundExpression) -> Bool = { if case .distance = $0.kind { true } else { false } }
    return !items.contains { $0.expression.contains(readsDistance) }
      && !(sourceFilters + joinedFilters).contains { $0.contains(readsDistance) }
  }

  /// The statement with plain subqueries replaced by their layers, and the filters that came with them, by source.
  func flattened() -> (find: BoundFind, filters: [[BoundExpression]]) {
    var result = self
    var filters: [[BoundExpression]] = Array(repeating: [], count: sources.count)
    for s in sources.indices {
      guard case .find(let written) = sources[s].kind else { continue }
      let (inner, innerFilters) = written.flattened()
      guard inner.isPlain else { continue }
      let outerColumns = result.sources[s].columns
      filters[s] = (innerFilters[0] + inner.sourceFilters + inner.joinedFilters).map { $0.renumbered { _ in s } }
      result = result.mapExpressions {
        $0.replacingColumns(of: s) { column in
          var item = inner.items[column].expression.renumbered { _ in s }
          item.type = item.type ?? outerColumns[column].type
          return item
        }
      }
      result.sources[s].kind = inner.sources[0].kind
      result.sources[s].columns = inner.sources[0].columns
      result.sources[s].geometryPath = inner.sources[0].geometryPath
      result.notices += inner.notices
    }
    return (result, filters)
  }
}
