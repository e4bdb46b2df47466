/// The plan of a statement in words: one line a step, in the order in which rows pass through, with the index that the step
/// uses (`index: NONE because …` where there is none) and rows estimated; after EXPLAIN ANALYZE also rows and time.
struct PlanText {
  let plan: Plan
  let catalog: Catalog
  /// What was measured, after EXPLAIN ANALYZE.
  var measured: Measured?

  struct Measured {
    /// Of the rows that the pipeline starts from.
    var start: StageMeter
    /// By join.
    var joins: [StageMeter]
    /// By the number of joins behind which conditions are asked.
    var filters: [Int: StageMeter]
    var rowCount: Int
    var milliseconds: Double
  }

  private var find: BoundFind { plan.find }
  private var describer: Describer { Describer(find: find, catalog: catalog) }

  func lines(indent: String = "") -> [String] {
    var lines: [String] = []
    func add(_ parts: [String?]) {
      let text = parts.compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "; ")
      lines.append(indent + text)
    }
    for s in find.sources.indices {
      for subplan in plan.sources[s].subplan {
        lines.append(indent + "subquery \(find.sources[s].name):")
        lines += PlanText(plan: subplan, catalog: catalog).lines(indent: indent + "  ")
      }
    }
    if let text = crsText() { add([text]) }
    lines += start().map { indent + $0 }
    addFilters(after: 0) { add($0) }
    for (i, join) in plan.joins.enumerated() {
      add([joinText(join), joinIndex(join), about(join.estimatedRows), measuredText(measured?.joins[safe: i])])
      let filters = plan.sources[join.source].filters
      if !filters.isEmpty {
        add(["  rows of \(find.sources[join.source].name): \(conditions(filters))", sourceIndex(join.source)])
      }
      addFilters(after: i + 1) { add($0) }
    }
    if let grouping = find.grouping {
      let keys = grouping.keys.map { describer.text($0) }.joined(separator: ", ")
      let aggregates = grouping.aggregates.map { describer.text($0) }.joined(separator: ", ")
      add([
        keys.isEmpty ? "aggregate \(aggregates)" : "group by \(keys)" + (aggregates.isEmpty ? "" : ": \(aggregates)")
      ])
      if let having = find.having { add(["having \(describer.text(having))"]) }
    }
    if let order = orderText() { add([order]) }
    if find.distinct { add(["distinct rows"]) }
    if let limit = find.limit {
      add(["limit \(limit)" + (find.offset.map { " offset \($0)" } ?? "") + ": \(cut)"])
    } else if let offset = find.offset {
      add(["offset \(offset): \(cut)"])
    } else if find.nearest == nil {
      add(["nothing is cut"])
    }
    let names = find.items.map(\.column.name)
    let columns = names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", … \(names.count) columns" : "")
    if let measured {
      add(["return \(columns)", rows(measured.rowCount), time(measured.milliseconds) + " in all"])
    } else {
      add(["return \(columns)"])
    }
    return lines
  }

  // MARK: Places and cuts

  /// What LIMIT, OFFSET leave out.
  private var cut: String {
    guard let measured else { return "what is beyond it is left out, as asked" }
    guard find.grouping == nil, !find.distinct else {
      return measured.rowCount == find.limit ? "what is beyond it is left out, as asked" : "nothing beyond it"
    }
    let last = plan.joins.count
    let meter = measured.filters[last] ?? measured.joins.last ?? measured.start
    // Rows stop coming when the page is full, so a count of what was left out would be a guess.
    let left = meter.rowsOut - measured.rowCount
    return left > 0 ? "\(rows(measured.rowCount)) of at least \(meter.rowsOut) kept, as asked" : "nothing was cut"
  }

  /// The CRSs of the places that the statement names, and what becomes of them.
  private func crsText() -> String? {
    var names: [String] = []
    func note(_ reference: BoundReference) {
      guard case .geometries(_, let label) = reference, let source = Self.crs(ofLabel: label) else { return }
      if !names.contains(source) { names.append(source) }
    }
    if let reference = find.nearest?.reference { note(reference) }
    _ = find.mapExpressions { e in
      _ = e.contains { e in
        switch e.kind {
        case .spatial(_, _, let reference): note(reference)
        case .constant(.geometry): if !names.contains("WGS 84") { names.append("WGS 84") }
        default: break
        }
        return false
      }
      return e
    }
    if names.isEmpty { return nil }
    return "crs: places in \(names.joined(separator: ", ")) → \(catalog.workingCRS) once, before any row is read"
  }

  /// The CRS of a place by what it is called; nil for rows of a layer, which are in the working CRS.
  private static func crs(ofLabel label: String) -> String? {
    let words = label.split(separator: " ")
    if words.count > 2, words[words.count - 2] == "IN", let crs = CRS(parsing: words[words.count - 1]) {
      return crs == .wgs84 ? "WGS 84" : crs.description
    }
    let kinds = ["AT(", "BBOX(", "CIRCLE(", "POINT", "LINESTRING", "POLYGON", "MULTI", "GEOMETRYCOLLECTION", "FILE "]
    return kinds.contains { label.hasPrefix($0) } ? "WGS 84" : nil
  }

  // MARK: Start

  private func start() -> [String] {
    let s = plan.driver
    let source = plan.sources[s]
    let name = label(s)
    var lines: [String] = []
    if let nearest = find.nearest {
      var text = "nearest \(nearest.count) of \(name) to \(describer.text(nearest.reference))"
      if nearest.withTies { text += " with ties" }
      if let within = nearest.within { text += " within \(describer.metres(within))" }
      if let road = nearest.road { text += " by road" + (road.avoiding == nil ? "" : " avoiding \(road.label)") }
      let geometry = implied(s)
      switch plan.nearest {
      case .incremental?:
        var parts = [text, geometry, "index: rtree(\(geometryLayer(s)).geom), nearest first"]
        var filters = source.filters
        if case .search(let search) = source.access { filters.append(search.condition) }
        if case .keys(_, _, let condition) = source.access { filters.append(condition) }
        if !filters.isEmpty { parts.append("each candidate: \(conditions(filters))") }
        lines.append(joined(parts + [about(min(Double(nearest.count), source.estimatedRows)), startMeasured]))
      case .exhaustive(let reason)?:
        lines.append(joined([access(s), geometry, sourceIndex(s), about(source.estimatedRows)]))
        if !source.filters.isEmpty { lines.append("filter \(conditions(source.filters))") }
        lines.append(joined([text, "index: NONE because \(reason)", about(Double(nearest.count)), startMeasured]))
      case nil: break
      }
      return lines
    }
    lines.append(
      joined([access(s), implied(s), sourceIndex(s), about(source.estimatedRows), startMeasured]))
    if !source.filters.isEmpty { lines.append("filter \(conditions(source.filters))") }
    return lines
  }

  private var startMeasured: String? { measured.flatMap { measuredText($0.start) } }

  private func access(_ s: Int) -> String {
    switch plan.sources[s].access {
    case .scan: "scan \(label(s))"
    case .keys(_, _, let condition): "look up \(label(s)) where \(describer.text(condition))"
    case .search(let search): "search \(label(s)) \(describer.text(search.condition))"
    case .nothing: "no rows of \(label(s)): a condition can never hold"
    }
  }

  /// `index: …` of a source's own rows.
  private func sourceIndex(_ s: Int) -> String {
    switch plan.sources[s].access {
    case .scan(let reason):
      let probed = plan.sources[s].filters.first { $0.isSpatial }.flatMap(probedLayer)
      if let space = plan.sources[s].filters.lazy.compactMap(\.spaceClause).first {
        return "index: rtree3d(\(catalog.layers[space.layer].name)), asked once\(space.lookedAt)"
      }
      if let probed { return "index: rtree(\(probed).geom), asked for each row" }
      return "index: NONE because \(reason)"
    case .keys(let column, _, _): return "index: \(geometryOwner(s))(\(find.sources[s].columns[column].name))"
    case .search: return "index: rtree(\(geometryLayer(s)).geom)"
    case .nothing: return "index: NONE because nothing is read"
    }
  }

  /// A layer whose tree is asked for each row, for a condition against its features.
  private func probedLayer(_ e: BoundExpression) -> String? {
    guard case .spatial(_, _, let reference) = e.kind else { return nil }
    switch reference {
    case .layer(let layer): return catalog.layers[layer].name
    case .find(let inner): return inner.sources[0].name
    case .geometries(let list, let label):
      return list.count > ReferenceFeatures.fewTargets ? (label.isEmpty ? "the reference" : label) : nil
    case .source, .space: return nil
    }
  }

  private func label(_ s: Int) -> String {
    let source = find.sources[s]
    guard case .layer(let layer) = source.kind else { return source.name }
    let name = catalog.layers[layer].name
    return source.name == name ? name : "\(name) AS \(source.name)"
  }

  private func geometryOwner(_ s: Int) -> String {
    if case .layer(let layer) = find.sources[s].kind { return catalog.layers[layer].name }
    return find.sources[s].name
  }

  /// The layer whose geometry stands for the rows of a source.
  private func geometryLayer(_ s: Int) -> String {
    if case .search(let search) = plan.sources[s].access, let last = search.path.last {
      return catalog.layers[last.targetLayer].name
    }
    if let last = find.sources[s].geometryPath?.last { return catalog.layers[last.targetLayer].name }
    return geometryOwner(s)
  }

  /// Said when a layer without geometry uses that of another one.
  private func implied(_ s: Int) -> String? {
    let isSpatial: Bool
    if case .search = plan.sources[s].access { isSpatial = true } else { isSpatial = find.nearest != nil && s == 0 }
    guard isSpatial, let path = find.sources[s].geometryPath, let last = path.last else { return nil }
    return "the place of a \(geometryOwner(s)) is that of its \(catalog.layers[last.targetLayer].name)"
  }

  // MARK: Joins

  private func joinText(_ join: JoinPlan) -> String {
    let kind = join.isLeft ? "left join" : "join"
    let name = label(join.source)
    var text: String
    switch join.method {
    case .hash(let probe, let build):
      let keys = zip(probe, build).map { "\(describer.text($0)) = \(describer.text($1))" }
      text = "\(kind) \(name) on \(keys.joined(separator: " AND "))"
    case .link(let source, let step):
      text =
        "\(kind) \(name) by \(find.sources[source].name).\(catalog.layers[step.fromLayer].columns[step.column].name)"
    case .search(let from, let test): text = "\(kind) \(name) where \(describer.text(from)) \(words(test)) it"
    case .space(let clause, _): text = "\(kind) \(name) where \(find.sources[0].name) \(clause.label)"
    case .nearest(let count, let within, let from, _):
      text = "\(kind) the nearest \(count) of \(name) to \(find.sources[from].name)"
      if let within { text += " within \(describer.metres(within))" }
    case .loop: text = "\(kind) \(name), every pair"
    }
    if !join.conditions.isEmpty { text += " where \(conditions(join.conditions))" }
    return text
  }

  private func words(_ test: PairTest) -> String {
    switch test {
    case .holds(.coveredBy): "is inside"
    case .holds(.covers): "covers"
    case .holds(let predicate): predicate.rawValue
    case .within(_, let distance), .geodesic(let distance):
      "is within \(describer.metres(BoundExpression(kind: .constant(.double(distance)), type: .double, range: 0..<0))) of"
    }
  }

  private func joinIndex(_ join: JoinPlan) -> String {
    switch join.method {
    case .hash: "index: hash table of \(find.sources[join.source].name)"
    case .link: "index: link to \(geometryOwner(join.source))"
    case .search, .nearest: "index: rtree(\(geometryLayer(join.source)).geom)"
    case .space: "index: rtree3d(\(geometryLayer(join.source)))"
    case .loop: "index: NONE because \(join.reason)"
    }
  }

  // MARK: End

  private func addFilters(after count: Int, _ add: ([String?]) -> Void) {
    let conditions = plan.residuals.filter { $0.after == count }.map(\.condition).sortedByCost()
    if conditions.isEmpty { return }
    add(["filter \(self.conditions(conditions))", measured.flatMap { $0.filters[count] }.flatMap { measuredText($0) }])
  }

  private func orderText() -> String? {
    func list(_ keys: [BoundSortKey]) -> String {
      keys.map { describer.text($0.expression) + ($0.descending ? " DESC" : "") }.joined(separator: ", ")
    }
    if find.grouping != nil {
      if !find.orderBy.isEmpty { return "sort groups by \(list(find.orderBy)), then by key" }
      return find.grouping!.keys.isEmpty ? nil : "sort groups by key"
    }
    if !find.orderBy.isEmpty {
      return (find.limit == nil || find.distinct ? "sort by " : "keep the first by ") + list(find.orderBy)
        + ", then by id"
    }
    if find.nearest != nil, find.joins.isEmpty { return nil }
    if !find.distances.isEmpty, !find.distinct { return "sort by distance, id" }
    if find.limit != nil || find.offset != nil {
      return find.distinct ? "sort by the columns returned" : "keep the first by id"
    }
    return nil
  }

  private func conditions(_ list: [BoundExpression]) -> String {
    list.map { describer.text($0) }.joined(separator: " AND ")
  }

  private func joined(_ parts: [String?]) -> String { parts.compactMap { $0 }.joined(separator: "; ") }

  private func about(_ rows: Double) -> String {
    guard rows.isFinite else { return "rows unknown" }
    let count = Int(min(1e15, max(0, rows.rounded())))
    return "about \(count) \(count == 1 ? "row" : "rows")"
  }

  private func rows(_ count: Int) -> String { "\(count) \(count == 1 ? "row" : "rows")" }

  private func measuredText(_ meter: StageMeter?) -> String? {
    guard let meter else { return nil }
    let input = meter.rowsIn > 0 ? "\(rows(meter.rowsIn)) in, " : ""
    return "in fact \(input)\(rows(meter.rowsOut))\(input.isEmpty ? "" : " out"), \(time(meter.milliseconds))"
  }

  private func time(_ milliseconds: Double) -> String { "\((milliseconds * 100).rounded() / 100) ms" }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

extension Executor {
  /// The plan of a statement, a line a step.
  ///
  /// - Parameter analyze: runs the statement, drops its rows, and adds to each step the rows and the time that it took
  ///   (summed over threads). Needs an executor made with `isMetered`.
  package func explain(_ find: BoundFind, analyze: Bool = false, isOrdered: Bool = false) throws -> [String] {
    let plan = try makePlan(find)
    guard analyze else { return PlanText(plan: plan, catalog: catalog).lines() }
    let start = monotonicNanoseconds()
    let execution = try Execution(plan, self)
    var count = 0
    try execution.run(
      isOrdered: isOrdered, withColumns: true,
      Execution.Consumer(begin: { _, _ in }, take: { tuples, _ in count += tuples.count }))
    let milliseconds = Double(monotonicNanoseconds() - start) / 1e6
    return PlanText(
      plan: plan, catalog: catalog,
      measured: PlanText.Measured(
        start: execution.sourceMeter, joins: execution.joinStages.map(\.meter),
        filters: execution.filterStages.mapValues(\.meter), rowCount: count, milliseconds: milliseconds)
    ).lines()
  }
}
