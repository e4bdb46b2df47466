internal import SpatialIndex

/// Chooses indexes, join methods and their order from rules and statistics.
struct Planner {
  let catalog: Catalog
  let tables: any TableProvider
  /// The value of an expression that reads no rows.
  let constantValue: (BoundExpression) -> Value?

  func table(_ layer: Int) throws(QueryError) -> Table {
    do { return try tables.table(layer: layer) } catch {
      if let error = error as? QueryError { throw error }
      throw QueryError(.file((error as? any UserFacingError)?.message ?? "\(error)"))
    }
  }

  func plan(_ written: BoundFind) throws(QueryError) -> Plan {
    let (find, inherited) = written.flattened()
    var work = PlanWork(find: find, filters: inherited)
    for s in find.sources.indices { work.statistics.append(try statistics(find.sources[s])) }
    work.filters[0] += find.sourceFilters.flatMap(\.conjuncts)
    var sources: [SourcePlan] = []
    distribute(&work)
    for s in find.sources.indices { sources.append(try sourcePlan(s, work)) }

    var plan = Plan(
      find: find, sources: sources, driver: 0, joins: [], nearest: nil, residuals: [], estimatedRows: 0,
      finish: FinishPlan(order: .none))
    if let nearest = find.nearest { plan.nearest = nearestMethod(nearest, sources[0]) }
    try orderJoins(&plan, work)
    placeResiduals(&plan, work)
    plan.finish = finish(find, estimatedRows: plan.estimatedRows)
    return plan
  }

  /// What is known of a source; nil for a subquery that stays one.
  private func statistics(_ source: BoundSource) throws(QueryError) -> TableStatistics? {
    guard case .layer(let layer) = source.kind else { return nil }
    return TableStatistics(table: try table(layer))
  }

  // MARK: Conditions

  /// Moves conditions to the earliest place where they can be asked.
  private func distribute(_ work: inout PlanWork) {
    let find = work.find
    let outer = Set(find.joins.filter(\.isLeft).map(\.source))
    var nearestSources: Set<Int> = []
    for join in find.joins {
      if case .nearest = join.condition { nearestSources.insert(join.source) }
    }
    var promoted: [Int: [BoundExpression]] = [:]
    for condition in find.joinedFilters.flatMap(\.conjuncts) {
      let read = work.sources(of: condition)
      if let join = spaceJoin(condition, find) {
        promoted[join, default: []].append(condition)
      } else if read.count == 1, let s = read.first, !outer.contains(s), !nearestSources.contains(s),
        s != 0 || find.nearest == nil, !condition.readsDistance
      {
        work.filters[s].append(condition)
      } else {
        work.joined.append(condition)
      }
    }
    for (number, join) in find.joins.enumerated() {
      var conditions: [BoundExpression] = []
      switch join.condition {
      case .on(let e): conditions = e.conjuncts
      case .within(let distance, let from):
        conditions = [
          BoundExpression(
            kind: .within(
              BoundExpression(kind: .geometry(source: from), type: .geometry, range: distance.range),
              BoundExpression(kind: .geometry(source: join.source), type: .geometry, range: distance.range),
              distance: distance), type: .bool, range: distance.range)
        ]
      case .nearest: break
      }
      var kept: [BoundExpression] = []
      for condition in conditions {
        // What concerns the joined source alone restricts its rows, of an outer join, too.
        if work.sources(of: condition) == [join.source], !condition.readsDistance {
          work.filters[join.source].append(condition)
        } else {
          kept.append(condition)
        }
      }
      work.on.append(kept + (promoted[number] ?? []))
    }
  }

  /// The inner join of which a condition in 3D between pairs of rows may as well be a condition.
  private func spaceJoin(_ condition: BoundExpression, _ find: BoundFind) -> Int? {
    guard let partner = condition.spacePairs?.partner, find.nearest == nil else { return nil }
    return find.joins.firstIndex {
      if case .nearest = $0.condition { return false }
      return $0.source == partner.source && !$0.isLeft
    }
  }

  private func placeResiduals(_ plan: inout Plan, _ work: PlanWork) {
    for condition in work.joined {
      let read = work.sources(of: condition)
      var place = plan.joins.count
      // A condition on an outer-joined row waits for all joins that it reads; earlier is cheaper.
      for count in 0...plan.joins.count {
        let present = Set([plan.driver] + plan.joins.prefix(count).map(\.source))
        if read.isSubset(of: present) {
          place = count
          break
        }
      }
      plan.residuals.append((after: place, condition: condition))
      plan.estimatedRows *= work.selectivity.of(condition)
    }
  }

  // MARK: One source

  private func sourcePlan(_ s: Int, _ work: PlanWork) throws(QueryError) -> SourcePlan {
    let source = work.find.sources[s]
    guard case .layer = source.kind, let statistics = work.statistics[s] else {
      guard case .find(let inner) = source.kind else { throw QueryError(.invalid("a source without rows")) }
      let subplan = try plan(inner)
      let rows = min(subplan.outputRows, Double(inner.limit ?? .max))
      let share = work.filters[s].reduce(1) { $0 * work.selectivity.of($1) }
      return SourcePlan(
        access: .scan(reason: "the rows of a subquery have none"), filters: work.filters[s].sortedByCost(),
        tableRows: rows, estimatedRows: rows * share, subplan: [subplan])
    }
    let rows = statistics.rowCount
    let filters = work.filters[s]
    let share = filters.reduce(1) { $0 * work.selectivity.of($1) }
    var plan = SourcePlan(
      access: .scan(reason: noIndexReason(filters, source)), filters: filters, tableRows: rows,
      estimatedRows: max(min(1, rows), rows * share))
    var best = Double.infinity
    var settled: Int?
    for (i, condition) in filters.enumerated() {
      if case .constant(let value) = condition.kind, value != .bool(true) {
        plan.access = .nothing
        plan.estimatedRows = 0
        return plan
      }
      if let (column, keys) = keyLookup(condition, s, statistics), Double(keys.count) <= best {
        best = Double(keys.count)
        settled = i
        plan.access = .keys(column: column, keys, condition: condition)
      } else if let spatial = try spatialCondition(condition, s, work), spatial.selectivity * rows < best {
        best = spatial.selectivity * rows
        settled = i
        plan.access = .search(spatial)
      }
    }
    if let settled { plan.filters.remove(at: settled) }
    plan.filters = plan.filters.sortedByCost()
    if case .keys(_, let keys, _) = plan.access { plan.estimatedRows = min(plan.estimatedRows, Double(keys.count)) }
    return plan
  }

  private func keyLookup(
    _ e: BoundExpression, _ s: Int, _ statistics: TableStatistics
  ) -> (column: Int, keys: [String])? {
    func texts(_ list: [BoundExpression]) -> [String]? {
      var result: [String] = []
      for e in list {
        guard case .text(let text)? = constantValue(e) else { return nil }
        result.append(text)
      }
      return result
    }
    switch e.kind {
    case .compare(.equal, let a, let b):
      for (a, b) in [(a, b), (b, a)] {
        if case .column(s, let column) = a.kind, statistics.table.indexedColumns.contains(column),
          let keys = texts([b])
        {
          return (column, keys)
        }
      }
      return nil
    case .inList(let a, let list):
      guard case .column(s, let column) = a.kind, statistics.table.indexedColumns.contains(column),
        list.count <= 10_000, let keys = texts(list)
      else { return nil }
      return (column, keys)
    default: return nil
    }
  }

  /// A condition that the R-tree of the source (or of the layer at the end of its geometry path) can answer.
  private func spatialCondition(
    _ e: BoundExpression, _ s: Int, _ work: PlanWork
  ) throws(QueryError) -> SpatialCondition? {
    func path(_ e: BoundExpression) -> [LinkStep]? {
      switch e.kind {
      case .geometry(s): work.find.sources[s].geometryPath
      case .path(s, let steps, nil): steps
      default: nil
      }
    }
    func constant(_ e: BoundExpression) -> Geometry? {
      if case .geometry(let geometry)? = constantValue(e) { return geometry }
      return nil
    }
    func metres(_ e: BoundExpression) -> Double? { constantValue(e)?.number }

    var found: (path: [LinkStep], test: PairTest, reference: BoundReference)?
    switch e.kind {
    case .spatial(let test, s, let reference):
      switch reference {
      case .source, .space: return nil
      default: break
      }
      guard let path = work.find.sources[s].geometryPath else { return nil }
      switch test {
      case .inside: found = (path, .holds(.coveredBy), reference)
      case .intersects: found = (path, .holds(.intersects), reference)
      case .touches: found = (path, .holds(.touches), reference)
      case .contains: found = (path, .holds(.covers), reference)
      case .within(let distance):
        if let metres = metres(distance) { found = (path, pairTest(within: metres), reference) }
      case .beyond, .byRoad: break
      }
    case .relation(let relation, let a, let b) where relation != .disjoint:
      let predicate = SpatialPredicate(relation)
      if let path = path(a), let geometry = constant(b) {
        found = (path, .holds(predicate), .geometries([geometry], label: ""))
      } else if let path = path(b), let geometry = constant(a) {
        found = (path, .holds(predicate.transposed), .geometries([geometry], label: ""))
      }
    case .within(let a, let b, let distance):
      guard let metres = metres(distance) else { return nil }
      if let path = path(a), let geometry = constant(b) {
        found = (path, pairTest(within: metres), .geometries([geometry], label: ""))
      } else if let path = path(b), let geometry = constant(a) {
        found = (path, pairTest(within: metres), .geometries([geometry], label: ""))
      }
    default: break
    }
    guard let found else { return nil }
    // An empty set of features is cheap either way, a large one is better asked from each row.
    let target =
      try found.path.last.map { (step) throws(QueryError) in try table(step.targetLayer) }
      ?? work.statistics[s]?.table
    guard let target, target.tree != nil else { return nil }
    guard try featureCount(found.reference) <= max(64, Double(target.rowCount) / 2) else { return nil }
    return SpatialCondition(
      source: s, path: found.path, test: found.test, reference: found.reference, condition: e,
      selectivity: work.selectivity.of(e))
  }

  private func featureCount(_ reference: BoundReference) throws(QueryError) -> Double {
    switch reference {
    case .geometries(let list, _): Double(list.count)
    case .layer(let layer): Double(try table(layer).rowCount)
    case .find(let find): try plan(find).outputRows
    case .source, .space: 1
    }
  }

  private func noIndexReason(_ filters: [BoundExpression], _ source: BoundSource) -> String {
    if filters.isEmpty { return "every row is asked for" }
    if filters.contains(where: { $0.contains(\.isSpatial) }) {
      return "the condition on place is turned around or one of several (NOT, OR, BEYOND), or its reference is larger"
    }
    return "no condition on place or on an indexed column"
  }

  private func nearestMethod(_ nearest: BoundNearest, _ source: SourcePlan) -> NearestMethod {
    if nearest.road != nil {
      return .exhaustive(reason: "streets are searched outwards from the place, and rows by straight distance")
    }
    if catalog.isGeographic { return .exhaustive(reason: "metres are geodesic in a database in degrees") }
    switch source.access {
    case .keys, .nothing: return .exhaustive(reason: "the filter leaves few rows")
    case .search(let condition):
      // When the window holds few rows, they are measured at once.
      let inWindow = condition.selectivity * source.tableRows
      if inWindow <= max(1_000, 20 * Double(nearest.count)) { return .exhaustive(reason: "the filter leaves few rows") }
    case .scan: break
    }
    if !source.subplan.isEmpty { return .exhaustive(reason: "the rows of a subquery have no index") }
    // Candidates that must be looked at until k have passed, against all rows.
    let share = source.estimatedRows / max(1, source.tableRows)
    let candidates = Double(nearest.count) / max(share, 1e-9)
    if candidates * 4 > source.tableRows { return .exhaustive(reason: "the filter leaves few rows") }
    return .incremental
  }

  // MARK: End

  private func finish(_ find: BoundFind, estimatedRows: Double) -> FinishPlan {
    if !find.orderBy.isEmpty {
      return FinishPlan(order: .keys(find.orderBy, reason: "ORDER BY"), groups: nil)
    }
    return FinishPlan(order: .none, groups: nil)
  }
}

extension Plan {
  /// Rows that the statement gives, estimated.
  var outputRows: Double {
    var rows = estimatedRows
    if let nearest = find.nearest { rows = min(rows, max(Double(nearest.count), rows * 0)) }
    if let grouping = find.grouping {
      rows = grouping.keys.isEmpty ? 1 : max(1, rows.squareRoot())
    }
    if let limit = find.limit { rows = min(rows, Double(limit)) }
    return rows
  }
}

/// What the planner carries while it works on a statement.
struct PlanWork {
  let find: BoundFind
  /// Conditions on one source alone, by source.
  var filters: [[BoundExpression]]
  /// Conditions of ON, by join, without those in `filters`.
  var on: [[BoundExpression]] = []
  /// Other conditions on joined rows.
  var joined: [BoundExpression] = []
  var statistics: [TableStatistics?] = []

  init(find: BoundFind, filters: [[BoundExpression]]) {
    self.find = find
    self.filters = filters.map { $0.flatMap(\.conjuncts) }
  }

  func sources(of e: BoundExpression) -> Set<Int> { e.sources(distances: find.distances, joins: find.joins) }

  var selectivity: Selectivity {
    let statistics = statistics
    return Selectivity(find: find) { $0 < statistics.count ? statistics[$0] : nil }
  }
}

extension BoundExpression {
  var readsDistance: Bool { contains { if case .distance = $0.kind { true } else { false } } }

  var isSpatial: Bool {
    switch kind {
    case .spatial, .relation, .within: true
    default: false
    }
  }

  /// A condition in 3D between the rows of a join that an index answers.
  var spacePairs: SpaceClause? {
    guard case .spatial(let test, _, .space(let clause)) = kind, clause.partner != nil else { return nil }
    if case .beyond = test { return nil }
    return clause
  }

  /// The same, when it measures.
  var spaceWithin: SpaceClause? {
    guard let clause = spacePairs, case .within = clause.test else { return nil }
    return clause
  }

  /// The first condition in 3D below.
  var spaceClause: SpaceClause? {
    if case .spatial(_, _, .space(let clause)) = kind { return clause }
    return children.lazy.compactMap(\.spaceClause).first
  }

  /// What asking a condition of one row costs, in about nanoseconds.
  var cost: Double {
    let below = children.reduce(0) { $0 + $1.cost }
    switch kind {
    case .constant: return 0
    case .column: return type == .text ? 20 : 2
    case .path(_, let steps, _): return Double(10 * steps.count) + (type == .text ? 20 : 2)
    case .compare, .and, .or, .not, .isNull, .arithmetic, .convert: return below + 1
    case .like, .inList, .inFind: return below + 30
    case .spatial(_, _, .space(let clause)): return below + (clause.partner == nil ? 1 : 100_000)
    case .spatial(_, _, let reference):
      if case .geometries(let list, _) = reference { return below + 200 * Double(max(1, list.count)) }
      return below + 1_000
    case .relation, .within: return below + 1_000
    case .call(let function, _): return below + (GeometryFunctionNode.handles(function) ? 2_000 : 50)
    default: return below + 10
    }
  }
}

extension [BoundExpression] {
  /// Cheap conditions first; equally cheap ones as written.
  func sortedByCost() -> [BoundExpression] {
    enumerated().sorted { ($0.element.cost, $0.offset) < ($1.element.cost, $1.offset) }.map(\.element)
  }
}
