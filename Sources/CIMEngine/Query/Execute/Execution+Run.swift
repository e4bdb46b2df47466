internal import SpatialIndex

/// What is done with the rows that leave the joins.
extension Execution {
  /// Takes the result: what it reads from is told first, then batches of rows in order.
  struct Consumer {
    /// `rowCount` is known when the result is complete in memory.
    var begin: (_ scope: Scope, _ rowCount: Int?) throws -> Void
    /// The columns are those of RETURN, empty when they were not asked for.
    var take: (_ tuples: Tuples, _ columns: [Vector]) throws -> Void
  }

  /// Runs the statement.
  ///
  /// - Parameters:
  ///   - isOrdered: whether the order matters where the statement gives none.
  ///   - withColumns: whether RETURN is worked out, or only the rows behind it.
  ///   - inAnyOrder: whether not even the order of groups matters.
  func run(isOrdered: Bool, withColumns: Bool, inAnyOrder: Bool = false, _ consumer: Consumer) throws {
    if let grouping = find.grouping {
      try prepareStages()
      return try runGroups(grouping, withColumns: withColumns, inAnyOrder: inAnyOrder, consumer)
    }
    let keys = sortKeys(isOrdered: isOrdered)
    if try runFirstRows(keys, isOrdered: isOrdered, withColumns: withColumns, consumer) { return }
    try prepareStages()
    let items = withColumns || find.distinct ? find.items.map(\.expression) : []
    if keys.isEmpty { return try stream(items, consumer) }
    if let first = try firstByID(keys) {
      let nodes = try compiler.compile(items)
      try consumer.begin(scope, first.count)
      if first.count > 0 { try consumer.take(first, try Execution.columns(nodes, first)) }
      return
    }
    try sorted(keys, items, consumer)
  }

  // MARK: First by id

  /// Pages up to so many rows are looked for along the index on ids.
  private static let shortPage = 1_000

  /// The rows of a page in the order of ids, found along the index on ids instead of by sorting all; nil when the
  /// statement is another one, or its conditions let too few rows pass.
  private func firstByID(_ keys: [SortKey]) throws(QueryError) -> Tuples? {
    guard keys.count == 1, case .id(let source) = keys[0], let limit = find.limit, !find.distinct, stages.isEmpty,
      !executor.isMetered, case .scan(let scan) = driver, case .ranges(let ranges) = scan.rows,
      ranges == [0..<scan.table.rowCount], let segment = scan.table.segment, let column = segment.idColumn
    else { return nil }
    let skip = find.offset ?? 0
    guard skip >= 0, limit >= 0, skip < Execution.shortPage, limit < Execution.shortPage else { return nil }
    let wanted = skip + limit
    let isFiltered = !scan.filter.tests.isEmpty || !scan.conditions.isEmpty
    let patience = min(segment.rowCount, isFiltered ? max(4_096, segment.rowCount / 64) : wanted)
    let order: UnsafeBufferPointer<UInt32>?
    do throws(SnapshotDamage) {
      order = try segment.rowsInOrder(of: column, first: patience)
    } catch {
      throw QueryError(.damaged(error.message))
    }
    guard let order else { return nil }
    return try firstByID(order, scan, source, skip, wanted, isWhole: order.count == segment.rowCount)
  }

  private func firstByID(
    _ order: UnsafeBufferPointer<UInt32>, _ scan: SourceScan, _ source: Int, _ skip: Int, _ wanted: Int, isWhole: Bool
  ) throws(QueryError) -> Tuples? {
    var found = template(source: source, rows: [])
    var mask: [UInt8] = [0]
    var start = 0
    while start < order.count, found.count < wanted {
      try executor.token.check()
      let end = min(order.count, start + 256)
      var rows: [UInt32] = []
      for row in order[start..<end] where try scan.filter.passes(Int(row), &mask) { rows.append(row) }
      start = end
      if rows.isEmpty { continue }
      let kept = try template(source: source, rows: rows).filtered(by: scan.conditions)
      if kept.count > 0 { found.append(kept) }
    }
    guard found.count >= wanted || (isWhole && start >= order.count) else { return nil }
    return found.slice(min(skip, found.count)..<min(wanted, found.count))
  }

  private func template(source: Int, rows: [UInt32]) -> Tuples {
    Tuples(source: source, rows: rows, sourceCount: find.sources.count, distanceCount: find.distances.count)
  }

  // MARK: As they come

  struct Worker {
    var scratch = SourceScan.Scratch()
  }

  /// What becomes of the joined rows of one piece of the driver's rows.
  struct PieceSink<State, Result>: Sendable {
    var begin: @Sendable () -> State
    var take: @Sendable (inout State, Tuples) throws(QueryError) -> Void
    var end: @Sendable (inout State) throws(QueryError) -> Result
  }

  /// Sends the joined rows of each piece of the driver's rows into a sink of its own, on several threads, and hands the
  /// results on in the order of the pieces.
  func forEachPiece<State, Result>(
    _ sink: PieceSink<State, Result>, handOn: (Result) throws -> Void
  ) throws {
    let pipeline = Pipeline(stages, isMetered: executor.isMetered)
    let meter = sourceMeter
    let isMetered = executor.isMetered
    let threads = executor.threads
    switch driver {
    case .none: return
    case .tuples(let tuples):
      var pieces: [Tuples] = []
      var start = 0
      while start < tuples.count {
        pieces.append(tuples.slice(start..<min(start + 256, tuples.count)))
        start += 256
      }
      meter.add(rowsOut: tuples.count)
      let all = pieces
      try MorselRun.run(
        count: all.count, threads: threads, token: executor.token,
        makeWorker: { () throws(QueryError) in 0 },
        work: { (_: inout Int, piece: Int) throws(QueryError) -> Result in
          var state = sink.begin()
          try pipeline.push(all[piece]) { (tuples) throws(QueryError) in try sink.take(&state, tuples) }
          return try sink.end(&state)
        }, handOn: { _, result in try handOn(result) })
    case .scan(let scan):
      try MorselRun.run(
        count: scan.morsels.count, threads: threads, token: executor.token,
        makeWorker: { () throws(QueryError) in Worker() },
        work: { (worker: inout Worker, piece: Int) throws(QueryError) -> Result in
          var state = sink.begin()
          let start = isMetered ? monotonicNanoseconds() : 0
          var below: Int64 = 0
          var rows = 0
          try scan.scan(piece, &worker.scratch) { (tuples) throws(QueryError) in
            rows += tuples.count
            let entered = isMetered ? monotonicNanoseconds() : 0
            try pipeline.push(tuples) { (tuples) throws(QueryError) in try sink.take(&state, tuples) }
            if isMetered { below += monotonicNanoseconds() - entered }
          }
          if isMetered { meter.add(rowsOut: rows, nanoseconds: monotonicNanoseconds() - start - below) }
          return try sink.end(&state)
        }, handOn: { _, result in try handOn(result) })
    }
  }

  private func stream(_ items: [BoundExpression], _ consumer: Consumer) throws {
    let nodes = try compiler.compile(items)
    let token = executor.token
    try consumer.begin(scope, nil)
    var page = Page(find, executor.token)
    try forEachPiece(
      PieceSink(
        begin: { [(Tuples, [Vector])]() },
        take: { (batches, tuples) throws(QueryError) in
          let columns = try Execution.columns(nodes, tuples)
          try token.use(bytes: tuples.count * 8 * (1 + columns.count))
          batches.append((tuples, columns))
        },
        end: { (batches) throws(QueryError) in batches }),
      handOn: { batches in
        for (tuples, columns) in batches {
          try token.use(bytes: -tuples.count * 8 * (1 + columns.count))
          try page.pass(tuples, columns, consumer.take)
        }
      })
  }

  static func columns(_ nodes: [Node], _ tuples: Tuples) throws(QueryError) -> [Vector] {
    var result: [Vector] = []
    for node in nodes { result.append(try node.evaluate(tuples).vector(count: tuples.count)) }
    return result
  }
}
