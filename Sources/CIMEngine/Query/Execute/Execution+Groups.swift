internal import SpatialIndex

/// GROUP BY: rows to groups, groups to a table, and its rows in order.
extension Execution {
  /// - Parameter inAnyOrder: whether the groups may come as they are found where the statement gives no order.
  func runGroups(
    _ grouping: BoundGrouping, withColumns: Bool, inAnyOrder: Bool = false, _ consumer: Consumer
  ) throws {
    let token = executor.token
    let isInAnyOrder = inAnyOrder && find.orderBy.isEmpty && find.limit == nil && find.offset == nil
    let collected = try collectGroups(grouping)
    // Keys that nothing reads are not written out.
    let groups = try collected.tables(
      grouping, isRead: { !isInAnyOrder || find.readsGroupKey($0) }, token: token)
    let shapes = collected.shapes
    var base: Relation.Base?
    if let source = find.shapeSource {
      let relation = scope.relations[source]
      let (baseTable, rows) = relation.based(shapes, mayBeNone: true)
      base = Relation.Base(table: baseTable, rows: rows, layer: relation.layer)
    }
    // The row that the key names may lie at the end of links (`GROUP BY grid3`).
    let path =
      find.shapePath.isEmpty ? find.shapeSource.flatMap { scope.relations[$0].geometryPath } : find.shapePath
    var inner = scope
    inner.relations = groups.tables.map { Relation(table: $0, name: "groups") }
    inner.relations[0] = Relation(
      table: groups.tables[0], geometryPath: base == nil ? nil : path, base: base, name: "groups")
    inner.distances = []
    let compiler = Compiler(scope: inner)
    var tuples = Tuples(count: collected.count, sourceCount: groups.tables.count, distanceCount: 0)
    tuples.rows = groups.rows
    for (t, rows) in groups.rows.enumerated().dropFirst() where rows.contains(Tuples.none) {
      tuples.nullable |= 1 << UInt64(t)
    }
    if let having = find.having {
      let node = try compiler.compile(having.onGroups(groups))
      var kept: [Int32] = []
      var start = 0
      while start < tuples.count {
        try token.check()
        let end = min(start + Tuples.capacity, tuples.count)
        kept += try node.select(tuples.slice(start..<end)).map { $0 + Int32(start) }
        start = end
      }
      tuples = tuples.selecting(kept)
    }
    let items = withColumns || find.distinct ? find.items.map { $0.expression.onGroups(groups) } : []
    let nodes = try compiler.compile(items)
    if isInAnyOrder {
      try consumer.begin(inner, find.distinct ? nil : tuples.count)
      var page = Page(find, executor.token)
      try tuples.forEachSlice(of: Tuples.capacity) { batch in
        try token.check()
        try page.pass(batch, try Execution.columns(nodes, batch), consumer.take)
      }
      return
    }
    // Groups always come in order: ORDER BY, then the keys.
    var makers: [KeyMaker] = []
    var directions: [SortBuffer.Direction] = []
    for key in find.orderBy {
      makers.append(try keyMaker(key.expression.onGroups(groups), compiler, inner))
      directions.append(.init(descending: key.descending, nullsFirst: key.nullsFirst))
    }
    for i in grouping.keys.indices {
      let key = BoundExpression(kind: .groupKey(i), type: grouping.keys[i].type, range: 0..<0)
      makers.append(try keyMaker(key.onGroups(groups), compiler, inner))
      directions.append(.init())
    }
    // With DISTINCT it is not known how many rows make a page.
    let wanted = find.distinct ? nil : find.limit.map { $0 + (find.offset ?? 0) }
    var buffer = ResultBuffer(keyCount: makers.count, directions: directions, wanted: wanted, token: token)
    try tuples.forEachSlice(of: wanted == nil ? 65_536 : Tuples.capacity) { batch in
      try token.check()
      try buffer.append(batch, makers)
    }
    try emit(&buffer, nodes, inner, consumer)
  }

  /// The groups as the rows of a source whose columns are keys and aggregates as they are; nil when more is asked of them.
  ///
  /// - Parameter read: the columns that the statement around reads; it reads nothing else, in any order.
  func groupRelation(_ read: Set<Int>, name: String) throws -> Relation? {
    guard let grouping = find.grouping, find.having == nil, !find.distinct, find.orderBy.isEmpty, find.limit == nil,
      find.offset == nil, find.shapeSource == nil
    else { return nil }
    for index in read {
      guard index < find.items.count else { return nil }
      let item = find.items[index]
      switch item.expression.kind {
      case .groupKey(let k):
        if let type = item.column.type, type != grouping.keys[k].type { return nil }
      case .aggregate(let a):
        if let type = item.column.type, type != grouping.aggregates[a].type { return nil }
      default: return nil
      }
    }
    try prepareStages()
    let groups = try collectGroups(grouping).tables(
      grouping, isRead: { find.readsGroupKey($0) }, isWritten: true, token: executor.token)
    let map = find.items.map { item -> Int in
      switch item.expression.kind {
      case .groupKey(let k): groups.keys[k]?.column ?? 0
      case .aggregate(let a): groups.firstAggregate + a
      default: 0
      }
    }
    return Relation(table: groups.tables[0], columnMap: map, geometryPath: nil, name: name)
  }

  private func collectGroups(_ grouping: BoundGrouping) throws -> GroupColumns {
    let keys = try compiler.compile(grouping.keys)
    let arguments = try grouping.aggregates.mapped { (aggregate) throws(QueryError) -> Node? in
      guard let argument = aggregate.argument else { return nil }
      return try compiler.compile(argument)
    }
    let token = executor.token
    if let groups = try groupsOfColumns(grouping, keys, arguments) { return groups }
    if let groups = try countDistinct(grouping, arguments) { return groups }
    let memo = memoSource(grouping)
    let shapeSource = find.shapeSource
    let make: @Sendable () -> GroupCollector = {
      GroupCollector(
        keys: keys, aggregates: grouping.aggregates, arguments: arguments, shapeSource: shapeSource, memo: memo)
    }
    let result = make()
    let keyTypes = grouping.keys.map(\.type)
    // Nothing but a count of rows that a scan can count by itself.
    let isCount = grouping.keys.isEmpty && arguments.allSatisfy { $0 == nil } && shapeSource == nil && stages.isEmpty
    if isCount, case .scan(let scan) = driver, scan.conditions.isEmpty {
      try metered {
        var total = 0
        try MorselRun.run(
          count: scan.morsels.count, threads: scan.threadsToCount(executor.threads), token: token,
          makeWorker: { () throws(QueryError) in Worker() },
          work: { (worker: inout Worker, piece: Int) throws(QueryError) -> Int in
            try scan.count(piece, &worker.scratch) ?? 0
          },
          handOn: { _, count in
            total += count
            result.add(count: count)
          })
        return total
      }
      return try result.columns(keyTypes: keyTypes, token: token)
    }
    if case .none = driver { return try result.columns(keyTypes: keyTypes, token: token) }
    let collectors = Pool(make)
    if try !aggregateColumns(grouping, arguments, collectors), try !countMatches(grouping, collectors) {
      try forEachPiece(
        PieceSink(
          begin: { collectors.take() },
          take: { (collector, tuples) throws(QueryError) in
            let before = collector.byteCount
            try collector.add(tuples)
            try token.use(bytes: collector.byteCount - before)
          },
          end: { (collector) throws(QueryError) in collectors.give(collector) }),
        handOn: { _ in })
    }
    for collector in collectors.all { try result.merge(collector, token: token) }
    return try result.columns(keyTypes: keyTypes, token: token)
  }

  /// Runs a scan that is not metered step by step, and notes its rows and its time.
  private func metered(_ body: () throws -> Int) throws {
    let start = executor.isMetered ? monotonicNanoseconds() : 0
    let rows = try body()
    if executor.isMetered { sourceMeter.add(rowsOut: rows, nanoseconds: monotonicNanoseconds() - start) }
  }

  /// Aggregates over columns of the one source, when they can be worked out where the columns lie.
  private func columnAggregates(
    _ grouping: BoundGrouping, _ arguments: [Node?], _ scan: SourceScan
  ) -> [ColumnAggregate]? {
    var columns: [ColumnAggregate] = []
    for (aggregate, argument) in zip(grouping.aggregates, arguments) {
      guard let column = ColumnAggregate(aggregate, argument, source: scan.source, table: scan.table) else {
        return nil
      }
      columns.append(column)
    }
    return columns
  }

  /// Groups by columns of the one source, found where the columns lie: by tables where keys have few values, by runs of
  /// rows where they are one column of texts. nil when the statement asks for something else.
  private func groupsOfColumns(
    _ grouping: BoundGrouping, _ keys: [Node], _ arguments: [Node?]
  ) throws -> GroupColumns? {
    guard !keys.isEmpty, stages.isEmpty, case .scan(let scan) = driver, scan.isByBlocks,
      find.shapeSource == nil || find.shapeSource == scan.source,
      let columns = columnAggregates(grouping, arguments, scan)
    else { return nil }
    let (aggregates, token, threads) = (grouping.aggregates, executor.token, executor.threads)
    let hasShapes = find.shapeSource != nil
    let derived = try DerivedKeys(grouping, keys, scan, scope, token)
    if let keys = try derived?.keys ?? CodeGroups.keys(keys, source: scan.source, table: scan.table) {
      let bytes = CodeGroups.placeCount(keys) * (12 + aggregates.reduce(0) { $0 + Tally.bytesPerPlace($1) })
      let pool = Pool { CodeGroups(keys, aggregates, columns, hasShapes: hasShapes) }
      let result = pool.take()
      pool.give(result)
      try token.use(bytes: bytes * threads)
      try metered {
        try MorselRun.run(
          count: scan.morsels.count, threads: threads, token: token,
          makeWorker: { () throws(QueryError) in Worker() },
          work: { (worker: inout Worker, piece: Int) throws(QueryError) in
            let groups = pool.take()
            defer { pool.give(groups) }
            try scan.forEachBlock(piece, &worker.scratch) { (block, mask) throws(QueryError) in
              try groups.add(block, mask)
            }
          }, handOn: { _, _ in })
        for other in pool.all where other !== result {
          try token.check()
          try result.merge(other, token: token)
        }
        return executor.isMetered ? result.passed : 0
      }
      if let derived { return try result.groups(aggregates, columns, by: derived) }
      return try result.groups(aggregates, columns)
    }
    guard
      let runs = RunGroups(
        keys, source: scan.source, table: scan.table, rows: scan.candidateCount, aggregates, columns)
    else { return nil }
    var pieces: [RunGroups.Piece] = []
    try metered {
      pieces = try self.pieces(of: runs, scan)
      return executor.isMetered ? pieces.reduce(0) { $0 + $1.passed } : 0
    }
    return try runs.groups(pieces, threads: threads, hasShapes: hasShapes, token: token)
  }

  /// How many values some columns have, when nothing else is asked: the groups that GROUP BY would make of each. nil when
  /// more is asked.
  private func countDistinct(_ grouping: BoundGrouping, _ arguments: [Node?]) throws -> GroupColumns? {
    guard grouping.keys.isEmpty, !grouping.aggregates.isEmpty, stages.isEmpty, find.shapeSource == nil,
      case .scan(let scan) = driver, scan.isByBlocks, !executor.isMetered
    else { return nil }
    var all: [RunGroups] = []
    for (aggregate, argument) in zip(grouping.aggregates, arguments) {
      guard aggregate.function == .count, aggregate.distinct, let argument,
        let groups = RunGroups(
          [argument], source: scan.source, table: scan.table, rows: scan.candidateCount, [], [])
      else { return nil }
      all.append(groups)
    }
    var result = GroupColumns(count: 1)
    for groups in all {
      let pieces = try self.pieces(of: groups, scan)
      result.aggregates.append(
        Vector(.int([Int64(try groups.countValues(pieces, threads: executor.threads, token: executor.token))])))
      try executor.token.use(bytes: -2 * pieces.reduce(0) { $0 + $1.byteCount })
    }
    return result
  }

  private func pieces(of groups: RunGroups, _ scan: SourceScan) throws -> [RunGroups.Piece] {
    let token = executor.token
    var pieces: [RunGroups.Piece] = []
    try MorselRun.run(
      count: scan.morsels.count, threads: executor.threads, token: token,
      makeWorker: { () throws(QueryError) in RunGroups.Scratch() },
      work: { (scratch: inout RunGroups.Scratch, piece: Int) throws(QueryError) in
        try groups.partial(scan, piece, scratch)
      },
      handOn: { _, piece in
        try token.use(bytes: 2 * piece.byteCount)
        pieces.append(piece)
      })
    return pieces
  }

  /// Aggregates without keys over columns of the one source are worked out where the columns lie. False when they are
  /// something else.
  private func aggregateColumns(
    _ grouping: BoundGrouping, _ arguments: [Node?], _ collectors: Pool<GroupCollector>
  ) throws -> Bool {
    guard grouping.keys.isEmpty, find.shapeSource == nil, stages.isEmpty, !executor.isMetered,
      case .scan(let scan) = driver, scan.isByBlocks, let columns = columnAggregates(grouping, arguments, scan)
    else { return false }
    try MorselRun.run(
      count: scan.morsels.count, threads: executor.threads, token: executor.token,
      makeWorker: { () throws(QueryError) in Worker() },
      work: { (worker: inout Worker, piece: Int) throws(QueryError) in
        let collector = collectors.take()
        var scratch = worker.scratch
        worker.scratch = SourceScan.Scratch()
        defer { worker.scratch = scratch }
        try collector.withStates { (states) throws(QueryError) in
          try scan.aggregate(piece, columns, &scratch, into: &states)
        }
        collectors.give(collector)
      }, handOn: { _, _ in })
    return true
  }

  /// How many rows of a layer meet each row of another, when nothing but that is asked: the pairs are counted without
  /// being made. False when more is asked.
  private func countMatches(_ grouping: BoundGrouping, _ collectors: Pool<GroupCollector>) throws -> Bool {
    guard stages.count == 1, let join = stages[0] as? SearchJoin, join.conditions.isEmpty, !executor.isMetered,
      case .scan(let scan) = driver, find.shapeSource != join.source,
      grouping.aggregates.allSatisfy({ aggregate in
        guard aggregate.function == .count, !aggregate.distinct else { return false }
        guard let argument = aggregate.argument else { return true }
        // The id of a joined row is never NULL where there is a row.
        guard case .column(join.source, let column) = argument.kind else { return false }
        let relation = scope.relations[join.source]
        return relation.column(column) == relation.table.idColumn && relation.table.segment != nil
      }),
      !grouping.keys.contains(where: { key in
        key.sources(distances: find.distances, joins: find.joins).contains(join.source)
          || key.contains { if case .distance = $0.kind { true } else { false } }
      })
    else { return false }
    let token = executor.token
    let isRows = grouping.aggregates.map { $0.argument == nil }
    try MorselRun.run(
      count: scan.morsels.count, threads: executor.threads, token: token,
      makeWorker: { () throws(QueryError) in Worker() },
      work: { (worker: inout Worker, piece: Int) throws(QueryError) in
        let collector = collectors.take()
        try scan.scan(piece, &worker.scratch) { (tuples) throws(QueryError) in
          let matches = try join.counts(tuples)
          if join.isLeft {
            // A row without a match is a row, too.
            let rows = matches.map { max(1, $0) }
            try collector.add(tuples, counts: isRows.map { $0 ? rows : matches })
            return
          }
          let met = matches.indices.filter { matches[$0] > 0 }.map { Int32(truncatingIfNeeded: $0) }
          if met.isEmpty { return }
          let counts = picked(matches, met)
          try collector.add(tuples.selecting(met), counts: isRows.map { _ in counts })
        }
        collectors.give(collector)
      }, handOn: { _, _ in })
    return true
  }

  /// A joined source whose row settles all keys and comes many times.
  private func memoSource(_ grouping: BoundGrouping) -> (source: Int, rows: Int)? {
    var read: Set<Int> = []
    for key in grouping.keys {
      if key.contains({ e in
        switch e.kind {
        case .distance, .inFind: true
        case .spatial(_, _, .source): true
        default: false
        }
      }) {
        return nil
      }
      read.formUnion(key.sources(distances: find.distances, joins: find.joins))
    }
    guard read.count == 1, let source = read.first, find.sources.count > 1 else { return nil }
    let rows = scope.relations[source].table.rowCount
    return Double(rows) <= max(100_000, plan.estimatedRows) ? (source, rows) : nil
  }
}

/// What workers borrow to gather results in: as many as work at a time.
private final class Pool<Element: Sendable>: @unchecked Sendable {
  private let monitor = Monitor()
  private let make: @Sendable () -> Element
  private var free: [Element] = []
  private(set) var all: [Element] = []

  init(_ make: @escaping @Sendable () -> Element) { self.make = make }

  func take() -> Element {
    monitor.lock()
    defer { monitor.unlock() }
    if let known = free.popLast() { return known }
    let made = make()
    all.append(made)
    return made
  }

  func give(_ element: Element) {
    monitor.lock()
    free.append(element)
    monitor.unlock()
  }
}

extension BoundFind {
  fileprivate func readsGroupKey(_ key: Int) -> Bool {
    (items.map(\.expression) + (having.map { [$0] } ?? [])).contains { e in
      e.contains { if case .groupKey(key) = $0.kind { true } else { false } }
    }
  }
}
