internal import SpatialIndex

/// One statement on its way: its plan, with tables opened and expressions compiled.
final class Execution: @unchecked Sendable {
  let executor: Executor
  let plan: Plan
  let find: BoundFind
  private(set) var scope: Scope
  private(set) var compiler: Compiler
  private(set) var driver: Driver
  /// Empty until ``prepareStages()``.
  private(set) var stages: [Stage] = []
  private var arePrepared = false
  /// The rows of source 0 that are looked at, in order, where those are not all.
  let firstRows: [UInt32]?
  /// Steps for EXPLAIN ANALYZE: joins in the plan's order, filters by the number of joins before them.
  private(set) var joinStages: [Stage] = []
  private(set) var filterStages: [Int: Stage] = [:]
  var notices: [String] = []
  let sourceMeter = StageMeter()

  enum Driver {
    case none
    case scan(SourceScan)
    /// Rows of a NEAREST, in order, measured.
    case tuples(Tuples)
  }

  /// - Parameters:
  ///   - firstRows: the only rows of source 0, which is a layer that is scanned, to be looked at.
  ///   - roads: the street networks that the statement walks on already.
  init(
    _ plan: Plan, _ executor: Executor, firstRows: [UInt32]? = nil, roads: RoadAccess? = nil
  ) throws(QueryError) {
    self.executor = executor
    self.firstRows = firstRows
    self.plan = plan
    find = plan.find
    var relations: [Relation] = []
    for (s, source) in plan.find.sources.enumerated() {
      switch source.kind {
      case .layer(let layer):
        relations.append(
          Relation(
            table: try executor.table(layer), geometryPath: source.geometryPath, layer: layer, name: source.name))
      case .find:
        relations.append(
          try executor.relation(plan.sources[s].subplan[0], source: source, read: plan.columnsRead))
      }
    }
    scope = Scope(
      relations: relations, layers: executor.tables, subqueries: executor, token: executor.token, now: executor.now,
      distances: plan.find.distances, isGeographic: executor.catalog.isGeographic)
    scope.findings = executor.findings
    if let roads { scope.roads = roads }
    compiler = Compiler(scope: scope, joins: plan.find.joins)
    driver = .none
    notices = plan.find.notices
    for (slot, distance) in find.distances.enumerated() {
      switch distance.measure {
      case .nearest: compiler.measuredSlots.insert(slot)
      case .join(let join): if case .nearest = find.joins[join].condition { compiler.measuredSlots.insert(slot) }
      case .reference(.space(let clause)) where plan.spaceJoins(clause): compiler.measuredSlots.insert(slot)
      case .reference, .road: break
      }
    }
    try start()
  }

  // MARK: Sources

  private var template: Tuples { Tuples(sourceCount: find.sources.count, distanceCount: find.distances.count) }

  private func start() throws(QueryError) {
    let from = monotonicNanoseconds()
    defer { sourceMeter.add(nanoseconds: monotonicNanoseconds() - from) }
    for s in find.sources.indices where !(find.joins.first { $0.source == s }?.isLeft ?? false) {
      // An inner source without rows leaves nothing to join.
      if case .nothing = plan.sources[s].access { return }
    }
    guard let nearest = find.nearest else {
      let rows = max(1, plan.sources[plan.driver].estimatedRows)
      let joined = plan.joins.map(\.estimatedRows).max() ?? 0
      driver = .scan(try scan(plan.driver, expansion: joined / rows))
      return
    }
    driver = .tuples(try nearestRows(nearest))
  }

  /// The rows of a source that pass its own conditions.
  ///
  /// - Parameter expansion: how many joined rows each becomes, about.
  func scan(_ s: Int, expansion: Double = 1) throws(QueryError) -> SourceScan {
    let source = plan.sources[s]
    let relation = scope.relations[s]
    let table = relation.table
    var rows: SourceScan.Rows = relation.subset.map { .list($0.rows) } ?? .ranges([0..<table.rowCount])
    var extra: [Node] = []
    switch source.access {
    case .scan: if s == 0, let firstRows { rows = .list(firstRows) }
    case .nothing: rows = .list([])
    case .keys(let column, let keys, _):
      var found = Set<UInt32>()
      for key in keys { found.formUnion(try table.rows(column: column, equalTo: key)) }
      rows = .list(found.sorted())
    case .search(let condition): (rows, extra) = try search(condition, table)
    }
    var tests: [ScanTest] = []
    var others: [Node] = extra
    for filter in source.filters {
      var test: ScanTest?
      if case .list = rows {} else { test = try scanTest(filter, s, relation) }
      if let test {
        tests.append(test)
      } else {
        others.append(try compiler.compile(filter))
      }
    }
    return SourceScan(
      source: s, sourceCount: find.sources.count, distanceCount: find.distances.count, table: table, rows: rows,
      tests: tests, conditions: others, expansion: expansion)
  }

  private func scanTest(_ e: BoundExpression, _ s: Int, _ relation: Relation) throws(QueryError) -> ScanTest? {
    guard let column = e.scannedColumn(s) else { return nil }
    let index = relation.column(column)
    try relation.table.verifyDictionary(index)
    guard let test = try ColumnTest.make(e, source: s, relation: relation, compiler: compiler) else { return nil }
    return ScanTest(column: index, test: test)
  }

  private func search(
    _ condition: SpatialCondition, _ table: Table
  ) throws(QueryError) -> (SourceScan.Rows, [Node]) {
    let references = try compiler.features(of: condition.reference)
    let follower = try LinkFollower(source: condition.source, steps: condition.path, scope: scope)
    guard let tree = follower.target.tree else { return (.list([]), []) }
    if condition.path.isEmpty, references.isConstant, references.targets.count == 1 {
      let target = references.targets[0]
      try follower.target.verifyTree(
        within: widened(condition.test.reach), of: condition.test.searchBox(target.box))
      return (.candidates(TreeSearch.candidates(tree, condition.test, target), condition.test, target), [])
    }
    let set = try TreeSearch.rows(
      of: follower.target, tree, condition.test, references, threads: executor.threads, token: executor.token)
    if condition.path.isEmpty { return (.list(set.rows), []) }
    // The children of each row found are one run where rows lie in their parents' order.
    if condition.path.count == 1, let link = table.links[condition.path[0].column], link.isSorted,
      link.targetLayer == condition.path[0].targetLayer
    {
      try table.verifyLink(condition.path[0].column)
      var ranges: [Range<Int>] = []
      for row in set.rows {
        let children = link.children(of: row)
        if children.isEmpty { continue }
        if let last = ranges.last, last.upperBound == children.lowerBound {
          ranges[ranges.count - 1] = last.lowerBound..<children.upperBound
        } else {
          ranges.append(children)
        }
      }
      return (.ranges(ranges), [])
    }
    return (.ranges([0..<table.rowCount]), [LinkedRowsNode(follower, set)])
  }

  // MARK: NEAREST

  private func nearestRows(_ nearest: BoundNearest) throws(QueryError) -> Tuples {
    let references = try compiler.features(of: nearest.reference)
    var within: Double?
    if let bound = nearest.within {
      guard let metres = try compiler.constantValue(bound)?.number else { return template }
      within = metres
    }
    if let road = nearest.road { return try nearestByRoad(nearest, road, within: within ?? .infinity) }
    guard let path = scope.relations[0].geometryPath else {
      throw QueryError(.invalid("`\(scope.relations[0].name)` has no geometry to measure from"))
    }
    let source = NearestSource(
      count: nearest.count, withTies: nearest.withTies, references: references, within: within,
      threads: executor.threads, token: executor.token)
    let geometry = try GeometryNode(source: 0, steps: path, scope: scope)
    let ids = IDOrder(scope.relations[0].table)
    var found: NearestSource.Found?
    if case .incremental? = plan.nearest, path.isEmpty, scope.relations[0].base == nil, scope.relations[0].subset == nil
    {
      var conditions: [BoundExpression] = plan.sources[0].filters
      switch plan.sources[0].access {
      case .search(let search): conditions.append(search.condition)
      case .keys(_, _, let condition): conditions.append(condition)
      case .scan, .nothing: break
      }
      found = try source.incremental(
        geometry, ids: ids, conditions: try compiler.compile(conditions), template: template, source: 0)
    }
    let rows: NearestSource.Found
    if let found { rows = found } else { rows = try source.exhaustive(try scan(0), geometry, ids: ids) }
    var tuples = template
    tuples.count = rows.rows.count
    tuples.rows[0] = rows.rows
    for (slot, distance) in find.distances.enumerated() {
      if case .nearest = distance.measure { tuples.distances[slot] = rows.metres }
    }
    return tuples
  }

  // MARK: Joins

  /// Makes the joins ready, which may read all rows of a joined source.
  func prepareStages() throws(QueryError) {
    if arePrepared { return }
    arePrepared = true
    if case .none = driver { return }
    // With few rows of source 0 few ask.
    var share = 1.0
    if let firstRows, plan.driver == 0 { share = min(1, Double(firstRows.count) / max(1, plan.sources[0].tableRows)) }
    func addResiduals(_ count: Int) throws(QueryError) {
      let conditions = plan.residuals.filter { $0.after == count }.map(\.condition).sortedByCost()
      if conditions.isEmpty { return }
      let stage = FilterStage(try compiler.compile(conditions))
      stages.append(stage)
      filterStages[count] = stage
    }
    try addResiduals(0)
    for (i, join) in plan.joins.enumerated() {
      let before = i > 0 ? plan.joins[i - 1].estimatedRows : plan.sources[plan.driver].estimatedRows
      let stage = try makeJoin(join, rows: share * before)
      stages.append(stage)
      joinStages.append(stage)
      try addResiduals(i + 1)
    }
  }

  /// - Parameter rows: how many are joined so far, about.
  private func makeJoin(_ join: JoinPlan, rows: Double) throws(QueryError) -> Stage {
    let s = join.source
    let relation = scope.relations[s]
    let conditions = try compiler.compile(join.conditions)
    let (threads, token) = (executor.threads, executor.token)
    switch join.method {
    case .link(let source, let step):
      return LinkJoin(
        source: s, isLeft: join.isLeft, conditions: conditions,
        follower: try LinkFollower(source: source, steps: [step], scope: scope), allowed: try allowed(s))
    case .hash(let probe, let build):
      return try HashJoin(
        source: s, isLeft: join.isLeft, conditions: conditions, probe: try compiler.compile(probe),
        build: try compiler.compile(build), rows: try scan(s).allRows(threads: threads, token: token),
        template: template, token: token)
    case .search(let from, let test):
      guard let tree = relation.table.tree else {
        throw QueryError(.invalid("`\(relation.name)` has no geometry"))
      }
      try relation.table.verifyTree()
      guard let search = RowSearch(relation.table, tree: tree, test: test.transposed) else {
        throw QueryError(.invalid("`\(relation.name)` has no geometry"))
      }
      let node = try compiler.compile(from)
      return SearchJoin(
        source: s, isLeft: join.isLeft, conditions: conditions, from: node, search: search,
        cells: try PolygonCellJoin(node, to: relation.table, test: test, rows: rows, threads: threads, token: token),
        allowed: try allowed(s), token: token)
    case .space(let clause, let isOwn):
      guard let partner = clause.partner else { throw QueryError(.invalid("a condition in 3D without a partner")) }
      let from = isOwn ? 0 : partner.source
      return SpaceJoin(
        source: s, isLeft: join.isLeft, conditions: conditions, pairs: try compiler.pairs(of: clause, partner),
        isOwn: isOwn, from: try compiler.bodyRows(of: from), allowed: try allowed(s),
        slot: find.distances.firstIndex {
          if case .reference(.space(let other)) = $0.measure { other === clause } else { false }
        },
        token: token)
    case .nearest(let count, let within, let from, let slot):
      guard let fromPath = scope.relations[from].geometryPath, let path = relation.geometryPath else {
        throw QueryError(.invalid("JOIN NEAREST needs a geometry on both sides"))
      }
      return NearestJoin(
        source: s, isLeft: join.isLeft, from: try GeometryNode(source: from, steps: fromPath, scope: scope),
        count: count, within: try within.map { (e) throws(QueryError) in try compiler.compile(e) },
        candidates: try candidates(s, path), ids: IDOrder(relation.table), slot: slot, token: token)
    case .loop:
      return LoopJoin(
        source: s, isLeft: join.isLeft, conditions: conditions,
        rows: try scan(s).allRows(threads: threads, token: token), token: token)
    }
  }

  /// The rows of a joined source that pass its own conditions; nil for all.
  private func allowed(_ s: Int) throws(QueryError) -> RowSet? {
    let scan = try scan(s)
    return try scan.rowSet(threads: executor.threads, token: executor.token)
  }

  private func candidates(_ s: Int, _ path: [LinkStep]) throws(QueryError) -> NearestCandidates {
    let relation = scope.relations[s]
    let scan = try scan(s)
    let set = try scan.rowSet(threads: executor.threads, token: executor.token)
    if set == nil, path.isEmpty, relation.base == nil, let tree = relation.table.tree {
      try relation.table.verifyTree()
      try relation.table.verifyGeometry()
      return NearestCandidates(table: relation.table, tree: tree, isGeodesic: scope.isGeographic)
    }
    let rows = set?.rows ?? (0..<UInt32(relation.table.rowCount)).map { $0 }
    let follower = try LinkFollower(source: s, steps: path, scope: scope)
    let shapes = try follower.rows(from: rows, mayBeNone: false)
    var kept: [UInt32] = []
    var keptShapes: [UInt32] = []
    for i in rows.indices where shapes[i] != Tuples.none {
      kept.append(rows[i])
      keptShapes.append(shapes[i])
    }
    try follower.target.verifyGeometry(rows: keptShapes, mayBeNone: false)
    return NearestCandidates(
      rows: kept, shapeRows: keptShapes, table: follower.target, isGeodesic: scope.isGeographic)
  }
}

extension BoundExpression {
  /// The one column of source `s` that a simple condition reads.
  fileprivate func scannedColumn(_ s: Int) -> Int? {
    guard let only = onlyColumn, only.source == s, !only.isPath else { return nil }
    return only.column
  }
}

extension Plan {
  /// Whether a join finds its rows by this condition, and so measures.
  fileprivate func spaceJoins(_ clause: SpaceClause) -> Bool {
    joins.contains { if case .space(let other, _) = $0.method { other === clause } else { false } }
  }

  /// The columns that a statement of nothing but groups over one source reads, so that it matters neither what else a
  /// subquery returns nor in which order; nil for other statements.
  fileprivate var columnsRead: Set<Int>? {
    guard find.grouping != nil, find.sources.count == 1, find.nearest == nil, find.shapeSource == nil,
      find.distances.isEmpty, case .scan = sources[0].access
    else { return nil }
    var expressions = sources[0].filters + residuals.map(\.condition)
    _ = find.mapExpressions { e in
      expressions.append(e)
      return e
    }
    var read: Set<Int> = []
    for e in expressions {
      if !e.isPlain { return nil }
      e.collectColumns(&read)
    }
    return read
  }
}

extension BoundExpression {
  /// Whether rows are read by their columns only, not by links or geometries.
  fileprivate var isPlain: Bool {
    !contains { e in
      switch e.kind {
      case .path, .geometry, .spatial, .within, .distance, .inFind: true
      default: false
      }
    }
  }

  fileprivate func collectColumns(_ read: inout Set<Int>) {
    var found: Set<Int> = []
    _ = contains { e in
      if case .column(0, let column) = e.kind { found.insert(column) }
      return false
    }
    read.formUnion(found)
  }
}
