extension Planner {
  /// Chooses the source to start from and a method for each join.
  func orderJoins(_ plan: inout Plan, _ work: PlanWork) throws(QueryError) {
    let find = plan.find
    plan.driver = 0
    var rows = plan.sources[0].estimatedRows
    if let nearest = find.nearest { rows = min(rows, Double(nearest.count)) }
    var order = find.joins.indices.map { (join: $0, source: find.joins[$0].source, isSwapped: false) }
    if let first = find.joins.first, !first.isLeft, find.nearest == nil, prefersSwap(plan, work) {
      plan.driver = first.source
      rows = plan.sources[first.source].estimatedRows
      order[0] = (0, 0, true)
    }
    var present: Set<Int> = [plan.driver]
    for step in order {
      let join = find.joins[step.join]
      let made = try joinPlan(step.join, joining: step.source, present: present, rows: rows, plan, work)
      rows = join.isLeft ? max(rows, made.estimatedRows) : made.estimatedRows
      plan.joins.append(made)
      present.insert(step.source)
    }
    plan.estimatedRows = rows
  }

  /// Whether the first join is better run from its own source than from source 0.
  private func prefersSwap(_ plan: Plan, _ work: PlanWork) -> Bool {
    let join = plan.find.joins[0]
    let other = join.source
    if case .nearest = join.condition { return false }
    let (here, there) = (plan.sources[0], plan.sources[other])
    for condition in work.on[0] {
      if let link = link(condition, from: 0, to: other, work) { return link.isFromTarget }
    }
    if work.on[0].contains(where: { equality($0, present: [0], joining: other, work) != nil }) {
      // The hash table is made of the smaller side.
      return here.estimatedRows < there.estimatedRows
    }
    for condition in work.on[0] {
      let forward = search(condition, present: [0], joining: other, work)
      let backward = search(condition, present: [other], joining: 0, work)
      if forward == nil, backward == nil,
        spaceSearch(condition, present: [0], joining: other, work) != nil,
        spaceSearch(condition, present: [other], joining: 0, work) != nil
      {
        return there.estimatedRows < here.estimatedRows
      }
      switch (forward, backward) {
      case (nil, .some): return true
      case (.some, nil): return false
      // The smaller side is taken row by row, the larger one searched.
      case (.some, .some): return there.estimatedRows < here.estimatedRows
      default: continue
      }
    }
    return false
  }

  private func joinPlan(
    _ index: Int, joining s: Int, present: Set<Int>, rows: Double, _ plan: Plan, _ work: PlanWork
  ) throws(QueryError) -> JoinPlan {
    let find = plan.find
    let join = find.joins[index]
    let inner = plan.sources[s]
    var conditions = work.on[index]
    func made(_ method: JoinPlan.Method, rows: Double, reason: String = "") -> JoinPlan {
      JoinPlan(
        source: s, isLeft: join.isLeft, method: method, conditions: conditions.sortedByCost(), estimatedRows: rows,
        reason: reason)
    }
    if case .nearest(let count, let within, let from) = join.condition {
      let slot = find.distances.firstIndex { if case .join(index) = $0.measure { true } else { false } }
      return made(.nearest(count: count, within: within, from: from, slot: slot), rows: rows * Double(count))
    }
    for (i, condition) in conditions.enumerated() {
      for from in present.sorted() {
        if let link = link(condition, from: from, to: s, work), !link.isFromTarget {
          conditions.remove(at: i)
          return made(.link(source: from, link.step), rows: rows * inner.estimatedRows / max(1, inner.tableRows))
        }
      }
    }
    var probe: [BoundExpression] = []
    var build: [BoundExpression] = []
    var rest: [BoundExpression] = []
    for condition in conditions {
      if let keys = equality(condition, present: present, joining: s, work) {
        probe.append(keys.probe)
        build.append(keys.build)
      } else {
        rest.append(condition)
      }
    }
    if !probe.isEmpty {
      conditions = rest
      return made(.hash(probe: probe, build: build), rows: max(rows, inner.estimatedRows))
    }
    for (i, condition) in conditions.enumerated() {
      if let found = search(condition, present: present, joining: s, work) {
        conditions.remove(at: i)
        return made(.search(from: found.from, test: found.test), rows: max(rows, inner.estimatedRows))
      }
    }
    for (i, condition) in conditions.enumerated() {
      if let (clause, isOwn) = spaceSearch(condition, present: present, joining: s, work) {
        conditions.remove(at: i)
        return made(.space(clause, isOwn: isOwn), rows: max(rows, inner.estimatedRows))
      }
    }
    return made(
      .loop, rows: rows * inner.estimatedRows * conditions.reduce(1) { $0 * work.selectivity.of($1) },
      reason: conditions.isEmpty ? "every pair is asked for" : "the condition is neither an equality nor a spatial one")
  }

  /// `a.column = b.key` where the catalogue knows the column as a link to that key. `isFromTarget`: the link leads from
  /// `to` to `from`.
  private func link(
    _ e: BoundExpression, from: Int, to: Int, _ work: PlanWork
  ) -> (step: LinkStep, isFromTarget: Bool)? {
    guard case .compare(.equal, let a, let b) = e.kind, case .column(let s, let c) = a.kind,
      case .column(let t, let d) = b.kind, Set([s, t]) == [from, to], s != t,
      case .layer(let first) = work.find.sources[s].kind, case .layer(let second) = work.find.sources[t].kind
    else { return nil }
    for (layer, column, target, key, source) in [(first, c, second, d, s), (second, d, first, c, t)] {
      let (child, parent) = (catalog.layers[layer], catalog.layers[target])
      guard column < child.columns.count, key < parent.columns.count else { continue }
      let known = catalog.links.contains {
        $0.layer == child.name && $0.column == child.columns[column].name && $0.targetLayer == parent.name
          && ($0.targetColumn == parent.columns[key].name
            // What a link by fid shows is the target's id.
            || ($0.targetColumn == "fid" && parent.columns[key].name == "id"))
      }
      // Only ids are unique by themselves.
      if known, parent.columns[key].name == "id" {
        let targetColumn =
          catalog.links.first {
            $0.layer == child.name && $0.column == child.columns[column].name && $0.targetLayer == parent.name
          }?.targetColumn ?? "id"
        return (
          LinkStep(fromLayer: layer, column: column, targetLayer: target, targetColumn: targetColumn), source != from
        )
      }
    }
    return nil
  }

  /// An equality between what is there and the joined source.
  private func equality(
    _ e: BoundExpression, present: Set<Int>, joining s: Int, _ work: PlanWork
  ) -> (probe: BoundExpression, build: BoundExpression)? {
    guard case .compare(.equal, let a, let b) = e.kind, a.type != .geometry, !e.readsDistance else { return nil }
    let (left, right) = (work.sources(of: a), work.sources(of: b))
    if left.isSubset(of: present), !left.isEmpty, right == [s] { return (a, b) }
    if right.isSubset(of: present), !right.isEmpty, left == [s] { return (b, a) }
    return nil
  }

  /// A spatial condition that the R-tree of the joined source answers: the geometry to search with, and the test from it to
  /// the joined row.
  private func search(
    _ e: BoundExpression, present: Set<Int>, joining s: Int, _ work: PlanWork
  ) -> (from: BoundExpression, test: PairTest)? {
    // The source must have the geometry itself, in a layer with a tree.
    guard case .layer = work.find.sources[s].kind, work.find.sources[s].geometryPath == [],
      work.statistics[s]?.table.tree != nil
    else { return nil }
    func isJoined(_ e: BoundExpression) -> Bool { if case .geometry(s) = e.kind { true } else { false } }
    func isPresent(_ e: BoundExpression) -> Bool {
      let read = work.sources(of: e)
      return !read.isEmpty && read.isSubset(of: present)
    }
    func geometry(_ source: Int) -> BoundExpression {
      BoundExpression(kind: .geometry(source: source), type: .geometry, range: e.range)
    }
    switch e.kind {
    case .relation(let relation, let a, let b) where relation != .disjoint:
      let predicate = SpatialPredicate(relation)
      if isJoined(b), isPresent(a) { return (a, .holds(predicate)) }
      if isJoined(a), isPresent(b) { return (b, .holds(predicate.transposed)) }
    case .within(let a, let b, let distance):
      guard let metres = constantValue(distance)?.number else { return nil }
      if isJoined(b), isPresent(a) { return (a, pairTest(within: metres)) }
      if isJoined(a), isPresent(b) { return (b, pairTest(within: metres)) }
    case .spatial(let test, let source, .source(let other)):
      let pair: PairTest
      switch test {
      case .inside: pair = .holds(.coveredBy)
      case .intersects: pair = .holds(.intersects)
      case .touches: pair = .holds(.touches)
      case .contains: pair = .holds(.covers)
      case .within(let distance):
        guard let metres = constantValue(distance)?.number else { return nil }
        pair = pairTest(within: metres)
      case .beyond, .byRoad: return nil
      }
      if other == s, present.contains(source) { return (geometry(source), pair) }
      if source == s, present.contains(other) { return (geometry(other), pair.transposed) }
    default: break
    }
    return nil
  }

  /// A condition in 3D between pairs that the joined source's 3D index answers.
  private func spaceSearch(
    _ e: BoundExpression, present: Set<Int>, joining s: Int, _ work: PlanWork
  ) -> (clause: SpaceClause, isOwn: Bool)? {
    guard case .layer = work.find.sources[s].kind, work.find.sources[s].geometryPath == [],
      case .spatial(_, let source, _) = e.kind, let clause = e.spacePairs, let partner = clause.partner
    else { return nil }
    if partner.source == s, present.contains(source) { return (clause, true) }
    if source == s, present.contains(partner.source) { return (clause, false) }
    return nil
  }

  /// A closed ball: in metres of the working CRS, or geodesic in a database in degrees.
  func pairTest(within metres: Double) -> PairTest { catalog.isGeographic ? .geodesic(metres) : .within(metres) }
}
