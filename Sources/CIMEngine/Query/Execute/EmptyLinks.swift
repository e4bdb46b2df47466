/// Link columns that a statement reads and that no row has filled yet: `grid3` of units before the first LINK. All answers
/// over them are empty, and empty answers look like true ones, so the user is told.
struct EmptyLinks {
  let find: BoundFind
  let executor: Executor

  /// A sentence for each, such as "no row of `unit` has a `grid3` yet: LINK unit TO grid3 …".
  func notices() throws(QueryError) -> [String] {
    var steps: [LinkStep] = []
    for expression in expressions { add(expression, to: &steps) }
    for path in find.sources.compactMap(\.geometryPath) + [find.shapePath] { steps += path }
    var result: [String] = []
    for case .find(let inner) in find.sources.map(\.kind) {
      result += try EmptyLinks(find: inner, executor: executor).notices()
    }
    for step in steps where try isEmpty(step) {
      let layer = executor.catalog.layers[step.fromLayer], target = executor.catalog.layers[step.targetLayer]
      guard let kind = target.geometry?.kind, kind == .polygon || kind == .multiPolygon else { continue }
      let notice = """
        no row of `\(layer.name)` has a `\(layer.columns[step.column].name)` yet: \
        LINK \(layer.name) TO \(target.name) BY INSIDE ELSE NEAREST WITHIN 30 m gives them one
        """
      if !result.contains(notice) { result.append(notice) }
    }
    return result
  }

  private var expressions: [BoundExpression] {
    var all = find.sourceFilters + find.joinedFilters + find.items.map(\.expression) + find.orderBy.map(\.expression)
    for join in find.joins { if case .on(let condition) = join.condition { all.append(condition) } }
    if let grouping = find.grouping { all += grouping.keys + grouping.aggregates.compactMap(\.argument) }
    return all
  }

  private func add(_ expression: BoundExpression, to steps: inout [LinkStep]) {
    switch expression.kind {
    case .path(_, let path, let column):
      steps += path
      if let layer = path.last?.targetLayer, let column, let step = link(layer, column) { steps.append(step) }
    case .column(let source, let column):
      if case .layer(let layer) = find.sources[source].kind, let step = link(layer, column) { steps.append(step) }
    default: for child in expression.children { add(child, to: &steps) }
    }
  }

  private func link(_ layer: Int, _ column: Int) -> LinkStep? {
    let catalog = executor.catalog
    let own = catalog.layers[layer]
    guard let link = catalog.links.first(where: { $0.layer == own.name && $0.column == own.columns[column].name }),
      let target = catalog.layers.firstIndex(where: { $0.name == link.targetLayer })
    else { return nil }
    return LinkStep(fromLayer: layer, column: column, targetLayer: target, targetColumn: link.targetColumn)
  }

  private func isEmpty(_ step: LinkStep) throws(QueryError) -> Bool {
    guard let segment = try executor.table(step.fromLayer).segment else { return false }
    return segment.rowCount > 0 && segment.hasNoValues(column: step.column)
  }
}
