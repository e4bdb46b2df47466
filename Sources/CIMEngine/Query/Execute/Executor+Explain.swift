extension Executor {
  /// The plan of a statement in words, a line a step: what is done, which index (or `index: NONE because …`), rows
  /// estimated; with `analyze` it is run, its rows thrown away, and rows in and out and time are added.
  ///
  /// Times of steps are summed over threads; the last line has the time that passed.
  package func explain(_ find: BoundFind, analyze: Bool) throws -> [String] {
    let started = monotonicNanoseconds()
    let execution = try Execution(try makePlan(find), self)
    let plan = execution.plan
    var resultRows = 0
    if analyze {
      try execution.run(
        isOrdered: false, withColumns: true,
        Execution.Consumer(
          begin: { _, _ in },
          take: { tuples, _ in
            try self.token.check()
            resultRows += tuples.count
          }))
    }
    let milliseconds = Double(monotonicNanoseconds() - started) / 1e6
    var lines: [String] = []
    func add(_ text: String, depth: Int = 0) {
      lines.append(String(repeating: "   ", count: depth) + "\(lines.count + 1). \(text)")
    }

    let words = PlanWords(plan: plan, catalog: catalog)
    var driver = words.source(plan.driver, nearest: plan.nearest)
    if analyze {
      driver += words.measured(rowsIn: nil, rowsOut: execution.sourceMeter.rowsOut, execution.sourceMeter.milliseconds)
    }
    add(driver)
    for condition in plan.residuals where condition.after == 0 { add(words.filter(condition.condition)) }
    for (i, join) in plan.joins.enumerated() {
      var text = words.join(join)
      if analyze, i < execution.joinStages.count {
        let meter = execution.joinStages[i].meter
        text += words.measured(rowsIn: meter.rowsIn, rowsOut: meter.rowsOut, meter.milliseconds)
      }
      add(text)
      for condition in plan.residuals where condition.after == i + 1 { add(words.filter(condition.condition)) }
    }
    for text in words.finish() { add(text) }
    if analyze {
      lines.append(
        "result: \(CellText.grouped(resultRows)) row\(resultRows == 1 ? "" : "s"), "
          + "\(CellText.number(milliseconds, decimals: 2)) ms, \(threads) thread\(threads == 1 ? "" : "s"), nothing cut")
    }
    return lines
  }
}

/// The steps of a plan in words.
private struct PlanWords {
  let plan: Plan
  let catalog: Catalog
  private var describer: Describer { Describer(find: plan.find, catalog: catalog) }

  init(plan: Plan, catalog: Catalog) {
    self.plan = plan
    self.catalog = catalog
  }

  func source(_ index: Int, nearest: NearestMethod?) -> String {
    let source = plan.sources[index]
    let name = plan.find.sources[index].name
    var action = "scan \(name)"
    var access = ""
    switch source.access {
    case .scan(let reason): access = "index: NONE because \(reason)"
    case .keys(let column, let keys, let condition):
      action = "look up \(name) where \(describer.text(condition))"
      let column = plan.find.sources[index].columns[column].name
      access = "index: \(name)(\(column)), \(keys.count) key\(keys.count == 1 ? "" : "s")"
    case .search(let search):
      action = "search \(name) for \(describer.text(search.condition))"
      access = "index: rtree(\(geometryLayer(index, search.path)).geom)"
    case .nothing:
      action = "nothing of \(name)"
      access = "a condition can never hold"
    }
    if let nearest, let wanted = plan.find.nearest {
      action = "nearest \(wanted.count) of \(name) to \(describer.text(wanted.reference))"
      if let within = wanted.within { action += " within \(describer.metres(within))" }
      switch nearest {
      case .incremental: access = "index: rtree(\(geometryLayer(index, [])).geom), nearest first"
      case .exhaustive(let reason):
        access = access.hasPrefix("index: rtree") ? access + ", then measured" : "index: NONE because \(reason)"
      }
    }
    var text = action
    if !source.filters.isEmpty {
      text += ", keep " + source.filters.map { describer.text($0) }.joined(separator: " AND ")
    }
    text += "; " + access
    return text + "; ~\(count(source.estimatedRows)) of \(count(source.tableRows)) rows"
  }

  func join(_ join: JoinPlan) -> String {
    let name = plan.find.sources[join.source].name
    let kind = join.isLeft ? "left join" : "join"
    var text: String
    switch join.method {
    case .hash(let probe, let build):
      let pairs = zip(probe, build).map { "\(describer.text($0)) = \(describer.text($1))" }
      text = "\(kind) \(name) on \(pairs.joined(separator: " AND ")); index: hash table over \(name)"
    case .link(let source, let step):
      let column = catalog.layers[step.fromLayer].columns[step.column].name
      text = "\(kind) \(name) along \(plan.find.sources[source].name).\(column); index: resolved link"
    case .search(let from, _):
      text = "\(kind) \(name) by the place of \(describer.text(from)); index: rtree(\(geometryLayer(join.source, [])).geom)"
    case .nearest(let count, let within, let from, _):
      text = "\(kind) nearest \(count) of \(name) to \(plan.find.sources[from].name)"
      if let within { text += " within \(describer.metres(within))" }
      text += "; index: rtree(\(geometryLayer(join.source, [])).geom), nearest first"
    case .loop:
      text = "\(kind) \(name), every pair; index: NONE because "
        + (join.reason.isEmpty ? "the condition names no index" : join.reason)
    }
    if !join.conditions.isEmpty {
      text += "; keep " + join.conditions.map { describer.text($0) }.joined(separator: " AND ")
    }
    let source = plan.sources[join.source]
    if !source.filters.isEmpty {
      text += "; \(name) only where " + source.filters.map { describer.text($0) }.joined(separator: " AND ")
    }
    return text + "; ~\(count(join.estimatedRows)) rows"
  }

  func filter(_ condition: BoundExpression) -> String { "keep rows where \(describer.text(condition))" }

  func finish() -> [String] {
    let find = plan.find
    var lines: [String] = []
    if let grouping = find.grouping {
      let keys = grouping.keys.map { describer.text($0) }
      let aggregates = grouping.aggregates.map { describer.text($0) }
      var text = keys.isEmpty ? "aggregate" : "group by " + keys.joined(separator: ", ")
      if !aggregates.isEmpty { text += ": " + aggregates.joined(separator: ", ") }
      if let groups = plan.finish.groups { text += "; ~\(count(groups)) groups" }
      lines.append(text)
    }
    if let having = find.having { lines.append("keep groups where \(describer.text(having))") }
    if find.distinct { lines.append("drop equal rows") }
    if case .keys(let keys, let reason) = plan.finish.order {
      let text = keys.map { describer.text($0.expression) + ($0.descending ? " DESC" : "") }
      lines.append("sort by " + (text.isEmpty ? "id" : text.joined(separator: ", ")) + (reason.isEmpty ? "" : " (\(reason))"))
    }
    if let limit = find.limit {
      lines.append("at most \(limit) rows" + (find.offset.map { ", after the first \($0)" } ?? ""))
    } else if let offset = find.offset {
      lines.append("leave out the first \(offset) rows")
    }
    return lines
  }

  func measured(rowsIn: Int?, rowsOut: Int, _ milliseconds: Double) -> String {
    " [" + (rowsIn.map { "in \(CellText.grouped($0)), " } ?? "") + "out \(CellText.grouped(rowsOut)), "
      + "\(CellText.number(milliseconds, decimals: 2)) ms]"
  }

  /// The layer whose R-tree is searched: that at the end of the links of the source.
  private func geometryLayer(_ source: Int, _ path: [LinkStep]) -> String {
    let path = path.isEmpty ? plan.find.sources[source].geometryPath ?? [] : path
    if let last = path.last { return catalog.layers[last.targetLayer].name }
    if case .layer(let layer) = plan.find.sources[source].kind { return catalog.layers[layer].name }
    return plan.find.sources[source].name
  }

  private func count(_ rows: Double) -> String { CellText.grouped(Int(max(0, min(rows, 1e15)).rounded())) }
}
