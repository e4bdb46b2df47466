/// Carries an allocation from its input to its rows and what is to be said of them.
struct Allocation {
  /// Some people of one unit and where they go.
  struct Part {
    var unit: Int
    /// nil: they stay where they are.
    var target: Int?
    var people: Int64
    /// A head.
    var metres: Double?
  }

  struct Outcome {
    var parts: [Part] = []
    var summary: [String] = []
    var served: Int64 = 0
    var personMetres = 0.0
    /// The least that any allocation of as many people can cost, in person-metres.
    var bound = 0.0
    var statistics = Distribution.Statistics()
  }

  private let input: AllocationInput
  private let bound: BoundAllocation
  private let context: StatementContext

  init(_ input: AllocationInput, _ bound: BoundAllocation, _ context: StatementContext) {
    self.input = input
    self.bound = bound
    self.context = context
  }

  func solve() throws -> Outcome {
    var outcome = Outcome()
    var notes: [String] = []
    let columns = try makeColumns(&notes)
    let distribution = try Distribution.solve(
      input.sources, capacity: input.capacity, columns, threads: context.run.threadCount, token: context.token)
    outcome.statistics = distribution.statistics
    let relaxed = distribution.simplex.total()
    outcome.bound = relaxed.cost / 1e6
    if bound.keepTogether == nil {
      try splitRows(distribution, &outcome)
    } else {
      try placeGroups(distribution, columns, relaxed.units, &outcome)
    }
    // What is sent is added up from the rows, so that rows and summary agree to the last digit.
    for part in outcome.parts where part.target != nil {
      outcome.served += part.people
      outcome.personMetres += Double(part.people) * (part.metres ?? 0)
    }
    outcome.summary = notes + summary(outcome)
    return outcome
  }

  private func makeColumns(_ notes: inout [String]) throws -> any CostColumns {
    guard let road = bound.road else {
      return StraightColumns(x: input.pointX, y: input.pointY, targets: input.targets, limits: input.limits)
    }
    let scope = Scope(
      relations: [], layers: context.executor.tables, subqueries: context.executor, token: context.token,
      now: context.executor.now, distances: [])
    let graph = try scope.roads.graph(road, Compiler(scope: scope))
    let own = try graph.places(input.pointX, input.pointY, token: context.token)
    let ends = input.targets.map { RoadPlace.point(of: $0.prepared.geometry) ?? (.infinity, .infinity) }
    let theirs = try graph.places(ends.map(\.0), ends.map(\.1), token: context.token)
    notes.append(
      "\(road.explanation); people are at most \(RoadField.metres(own.farthest)) from a street, places "
        + RoadField.metres(theirs.farthest))
    if own.unreached + theirs.unreached > 0 {
      notes.append(
        "no open street within \(RoadField.metres(RoadGraph.reachMetres)) of \(own.unreached) points of people and "
          + "\(theirs.unreached) places: they cannot be reached by road")
    }
    return RoadColumns(
      graph: graph, x: input.pointX, y: input.pointY, points: own.places, targets: theirs.places, limits: input.limits,
      token: context.token)
  }

  // MARK: Rows that may be split

  /// The people of a source are alike: its rows, in their order, take up its shares one after the other.
  private func splitRows(_ distribution: Distribution, _ outcome: inout Outcome) throws {
    var left: [[TransportSimplex.Share]] = []
    left.reserveCapacity(input.sources.count)
    for s in 0..<input.sources.count { left.append(distribution.shares(of: s).reversed()) }
    for unit in input.keys.indices {
      if unit & 1023 == 0 { try context.token.check() }
      guard let source = input.sourceOf[unit].map({ Int($0) }) else {
        outcome.parts.append(Part(unit: unit, target: nil, people: input.people[unit], metres: nil))
        continue
      }
      var wanted = input.people[unit]
      while wanted > 0, let share = left[source].last {
        let people = min(wanted, share.units)
        outcome.parts.append(part(unit, share.target, people, cost: share.cost))
        wanted -= people
        left[source][left[source].count - 1].units -= people
        if share.units == people { left[source].removeLast() }
      }
    }
  }

  // MARK: Groups that stay together

  private func placeGroups(
    _ distribution: Distribution, _ columns: any CostColumns, _ most: Int64, _ outcome: inout Outcome
  ) throws {
    let placed = input.keys.indices.filter { input.sourceOf[$0] != nil }
    let rounding = try GroupRounding(
      sizes: placed.map { input.people[$0] }, sourceOf: placed.map { input.sourceOf[$0]! },
      capacity: input.capacity, simplex: distribution.simplex, token: context.token)
    var groupOf = [Int](repeating: -1, count: input.keys.count)
    for (g, unit) in placed.enumerated() { groupOf[unit] = g }
    var served: Int64 = 0
    for unit in input.keys.indices {
      let g = groupOf[unit]
      let target = g >= 0 && rounding.target[g] >= 0 ? Int(rounding.target[g]) : nil
      if target != nil { served += input.people[unit] }
      outcome.parts.append(part(unit, target, input.people[unit], cost: g >= 0 ? rounding.unitCost[g] : 0))
    }
    // Fewer people cost less: the bound for that many is an optimum of its own, with room elsewhere for the others.
    if served < most, served > 0 {
      let others = input.sources.demand.reduce(0, +) - served
      let relaxed = try Distribution.solve(
        input.sources, capacity: input.capacity + [others], ColumnsWithExit(inner: columns),
        threads: context.run.threadCount, token: context.token)
      outcome.bound = relaxed.simplex.total().cost / 1e6
    }
  }

  /// One more target, which costs nothing to reach: for people who are to stay.
  private struct ColumnsWithExit: CostColumns {
    let inner: any CostColumns
    var x: [Double] { inner.x }
    var y: [Double] { inner.y }
    var targetCount: Int { inner.targetCount + 1 }
    func makeWorker() -> any CostColumnWorker {
      Worker(inner: inner.makeWorker(), targetCount: inner.targetCount, pointCount: inner.pointCount)
    }
    func restricted(to points: [UInt32]) -> any CostColumns {
      ColumnsWithExit(inner: inner.restricted(to: points))
    }

    private struct Worker: CostColumnWorker {
      var inner: any CostColumnWorker
      let targetCount: Int
      let pointCount: Int
      mutating func fill(_ target: Int, _ metres: UnsafeMutablePointer<Double>) throws(QueryError) {
        if target < targetCount { return try inner.fill(target, metres) }
        for i in 0..<pointCount { metres[i] = 0 }
      }
    }
  }

  private func part(_ unit: Int, _ target: Int?, _ people: Int64, cost: Int64) -> Part {
    guard let target else { return Part(unit: unit, target: nil, people: people, metres: nil) }
    var metres = Double(cost) / 1e6
    // The solver counts micrometres; a straight distance is given in full.
    if bound.road == nil, !input.isSpread.contains(unit), let point = input.startOf[unit] {
      let shape = input.targets[target].prepared
      metres = shape.squaredDistance(toPoint: input.pointX[Int(point)], input.pointY[Int(point)]).squareRoot()
    }
    return Part(unit: unit, target: target, people: people, metres: metres)
  }

  // MARK: Words

  private func summary(_ outcome: Outcome) -> [String] {
    let used = Set(outcome.parts.compactMap(\.target)).count
    var lines = [
      "\(count(outcome.served)) of \(count(input.total)) people to \(count(Int64(used))) of "
        + "\(count(Int64(input.targetIDs.count + input.closedIDs.count))) places"
    ]
    let unserved = input.total - outcome.served
    if unserved > 0 {
      var why = "\(count(unserved)) people unserved"
      if input.peopleWithoutPlace > 0 {
        why += ", \(count(input.peopleWithoutPlace)) of them without a place of their own"
      }
      lines.append(why + ": their rows have no \(bound.targetName)")
    }
    lines.append("no place takes more than its capacity")
    let mean = outcome.served > 0 ? " (\(metres(outcome.personMetres / Double(outcome.served))) m a head)" : ""
    lines.append(
      "\(metres(outcome.personMetres)) person-metres\(mean), \(bound.road == nil ? "in straight lines" : "by road")")
    let figures = outcome.statistics
    let proof =
      "\(count(Int64(figures.pairs))) of \(count(Int64(figures.allPairs))) pairs held, the others ruled out by price "
      + "(\(figures.nearest) nearest first, \(figures.passes) passes, \(count(Int64(figures.pivots))) pivots)"
    if bound.keepTogether == nil {
      lines.append("this is the optimum: \(proof)")
    } else {
      let gap = outcome.bound > 0 ? max(0, outcome.personMetres / outcome.bound - 1) * 100 : 0
      lines.append(
        "at least \(metres(outcome.bound)) person-metres for that many people, so the gap is at most "
          + "\(((gap * 1000).rounded(.up) / 1000).shortText) %: \(proof)")
    }
    return lines
  }

  private func metres(_ value: Double) -> String {
    value < 1e15 ? count(Int64(value.rounded())) : "\(value)"
  }

  /// `12,345`
  private func count(_ value: Int64) -> String {
    var digits = String(value)
    var at = digits.count - 3
    while at > (value < 0 ? 1 : 0) {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: at))
      at -= 3
    }
    return digits
  }
}
