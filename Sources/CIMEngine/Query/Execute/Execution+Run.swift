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
  func run(isOrdered: Bool, withColumns: Bool, _ consumer: Consumer) throws {
    if let grouping = find.grouping { return try runGroups(grouping, withColumns: withColumns, consumer) }
    let keys = sortKeys(isOrdered: isOrdered)
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

  // MARK: Order

  /// What rows are sorted by.
  enum SortKey {
    case expression(BoundExpression, SortBuffer.Direction)
    case id(source: Int)
  }

  /// ORDER BY, then `distance` if there is one, then ids, so that the order is always complete. Empty when rows may come as
  /// they do.
  private func sortKeys(isOrdered: Bool) -> [SortKey] {
    var keys = find.orderBy.map {
      SortKey.expression($0.expression, .init(descending: $0.descending, nullsFirst: $0.nullsFirst))
    }
    let isPaged = find.limit != nil || find.offset != nil
    if find.distinct {
      // Rows that are the same have no ids of their own.
      if !keys.isEmpty || isPaged || isOrdered { keys += find.items.map { .expression($0.expression, .init()) } }
      return keys
    }
    // NEAREST alone gives (distance, id) by itself.
    if keys.isEmpty, find.nearest != nil, find.joins.isEmpty { return [] }
    if keys.isEmpty, !find.distances.isEmpty {
      keys.append(
        .expression(BoundExpression(kind: .distance(0), type: .double, range: find.distanceRange), .init()))
    }
    if !keys.isEmpty || isPaged || isOrdered { keys += find.sources.indices.map { .id(source: $0) } }
    return keys
  }

  // MARK: As they come

  private struct Worker {
    var scratch = SourceScan.Scratch()
  }

  /// What becomes of the joined rows of one piece of the driver's rows.
  private struct PieceSink<State, Result>: Sendable {
    var begin: @Sendable () -> State
    var take: @Sendable (inout State, Tuples) throws(QueryError) -> Void
    var end: @Sendable (inout State) throws(QueryError) -> Result
  }

  /// Sends the joined rows of each piece of the driver's rows into a sink of its own, on several threads, and hands the
  /// results on in the order of the pieces.
  private func forEachPiece<State, Result>(
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
    var page = Page(find)
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

  // MARK: Sorted

  private func sorted(_ keys: [SortKey], _ items: [BoundExpression], _ consumer: Consumer) throws {
    var compiler = compiler
    // Distances that are sorted by are measured once and travel with the rows.
    var measures: [(slot: Int, node: Node)] = []
    for slot in find.distances.indices where !compiler.measuredSlots.contains(slot) {
      let isUsed = keys.contains {
        guard case .expression(let e, _) = $0 else { return false }
        return e.contains { if case .distance(slot) = $0.kind { true } else { false } }
      }
      if isUsed {
        let e = BoundExpression(kind: .distance(slot), type: .double, range: 0..<0)
        measures.append((slot, try compiler.compile(e)))
      }
    }
    for measure in measures { compiler.measuredSlots.insert(measure.slot) }
    var makers: [KeyMaker] = []
    var directions: [SortBuffer.Direction] = []
    for key in keys {
      switch key {
      case .expression(let e, let direction):
        makers.append(try keyMaker(e, compiler))
        directions.append(direction)
      case .id(let source):
        let table = scope.relations[source].table
        makers.append(.column(source: source, table: table, column: table.idColumn))
        directions.append(.init())
      }
    }
    let nodes = try compiler.compile(items)
    // With DISTINCT it is not known how many rows make a page.
    let wanted = find.distinct ? nil : find.limit.map { $0 + (find.offset ?? 0) }
    var buffer = ResultBuffer(keyCount: makers.count, directions: directions, wanted: wanted, token: executor.token)
    let (finalMakers, finalMeasures) = (makers, measures)
    let (token, final) = (executor.token, directions)
    try forEachPiece(
      PieceSink(
        begin: { ResultBuffer(keyCount: finalMakers.count, directions: final, wanted: wanted, token: token) },
        take: { (part, batch) throws(QueryError) in
          var tuples = batch
          for (slot, node) in finalMeasures {
            let metres = try node.evaluate(tuples).vector(count: tuples.count)
            let flags = metres.flags
            tuples.distances[slot] = (metres.doubles ?? []).enumerated().map { flags?[$0] == false ? .nan : $1 }
          }
          var made: [SortBuffer.Key] = []
          for maker in finalMakers { made.append(try maker.make(tuples)) }
          try part.append(tuples, made)
        },
        end: { (part) throws(QueryError) in
          try part.prune(always: true)
          return part
        }),
      handOn: { part in try buffer.append(part) })
    try emit(&buffer, nodes, scope, consumer)
  }

  /// Where a sort key comes from.
  enum KeyMaker: Sendable {
    case node(Node)
    /// Compared where it lies; rows by number where a table has no ids.
    case column(source: Int, table: Table, column: Int?)

    func make(_ tuples: Tuples) throws(QueryError) -> SortBuffer.Key {
      switch self {
      case .node(let node): return SortBuffer.key(try node.evaluate(tuples).vector(count: tuples.count))
      case .column(let source, let table, let column):
        let rows = tuples.rows[source]
        if let column {
          switch table.columns[column] {
          case .text, .dictionary:
            try table.verify(column, rows: rows, mayBeNone: tuples.mayBeNone(source))
            return .column(table, column, rows)
          default: break
          }
        }
        let nulls = tuples.mayBeNone(source) ? rows.map { $0 == Tuples.none } : nil
        return .numbers(rows.map { UInt64($0) }, nulls: nulls)
      }
    }
  }

  private func keyMaker(
    _ e: BoundExpression, _ compiler: Compiler, _ scope: Scope? = nil
  ) throws(QueryError) -> KeyMaker {
    if case .column(let source, let column) = e.kind {
      let relation = (scope ?? self.scope).relations[source]
      switch relation.table.columns[relation.column(column)] {
      case .text, .dictionary:
        return .column(source: source, table: relation.table, column: relation.column(column))
      default: break
      }
    }
    return .node(try compiler.compile(e))
  }

  /// Sorts what is left and passes the page on.
  private func emit(
    _ buffer: inout ResultBuffer, _ nodes: [Node], _ scope: Scope, _ consumer: Consumer
  ) throws {
    let order = buffer.order()
    var page = Page(find)
    let first = min(order.count, find.distinct ? 0 : page.skip)
    let last = find.distinct ? order.count : min(order.count, first + (page.left ?? order.count))
    if !find.distinct { (page.skip, page.left) = (0, nil) }
    try consumer.begin(scope, find.distinct ? nil : last - first)
    var start = first
    while start < last {
      try executor.token.check()
      let end = min(start + Tuples.capacity, last)
      let tuples = buffer.tuples.selecting(Array(order[start..<end]))
      try page.pass(tuples, try Execution.columns(nodes, tuples), consumer.take)
      start = end
    }
  }

  // MARK: Groups

  private func runGroups(_ grouping: BoundGrouping, withColumns: Bool, _ consumer: Consumer) throws {
    let collector = try collectGroups(grouping)
    let (table, shapes) = try collector.table(keyTypes: grouping.keys.map(\.type), aggregates: grouping.aggregates)
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
    inner.relations = [Relation(table: table, geometryPath: base == nil ? nil : path, base: base, name: "groups")]
    inner.distances = []
    let compiler = Compiler(scope: inner)
    let keyCount = grouping.keys.count
    var tuples = Tuples(rows: (0..<UInt32(table.rowCount)).map { $0 })
    if let having = find.having {
      let node = try compiler.compile(having.onGroups(keyCount))
      var kept: [Int32] = []
      var start = 0
      while start < tuples.count {
        let end = min(start + Tuples.capacity, tuples.count)
        kept += try node.select(tuples.slice(start..<end)).map { $0 + Int32(start) }
        start = end
      }
      tuples = tuples.selecting(kept)
    }
    // Groups always come in order: ORDER BY, then the keys.
    var keys: [SortBuffer.Key] = []
    var directions: [SortBuffer.Direction] = []
    for key in find.orderBy {
      let expression = key.expression.onGroups(keyCount)
      keys.append(try wholeKey(keyMaker(expression, compiler, inner), tuples))
      directions.append(.init(descending: key.descending, nullsFirst: key.nullsFirst))
    }
    for i in 0..<keyCount {
      let e = BoundExpression(kind: .column(source: 0, column: i), type: grouping.keys[i].type, range: 0..<0)
      keys.append(try wholeKey(keyMaker(e, compiler, inner), tuples))
      directions.append(.init())
    }
    var buffer = ResultBuffer(keyCount: keys.count, directions: directions, wanted: nil, token: executor.token)
    try buffer.append(tuples, keys)
    let items = withColumns || find.distinct ? find.items.map { $0.expression.onGroups(keyCount) } : []
    try emit(&buffer, try compiler.compile(items), inner, consumer)
  }

  private func wholeKey(_ maker: KeyMaker, _ tuples: Tuples) throws(QueryError) -> SortBuffer.Key {
    try maker.make(tuples)
  }

  private func collectGroups(_ grouping: BoundGrouping) throws -> GroupCollector {
    let keys = try compiler.compile(grouping.keys)
    let arguments = try grouping.aggregates.mapped { (aggregate) throws(QueryError) -> Node? in
      guard let argument = aggregate.argument else { return nil }
      return try compiler.compile(argument)
    }
    let memo = memoSource(grouping)
    let shapeSource = find.shapeSource
    let make: @Sendable () -> GroupCollector = {
      GroupCollector(
        keys: keys, aggregates: grouping.aggregates, arguments: arguments, shapeSource: shapeSource, memo: memo)
    }
    let result = make()
    let token = executor.token
    // Nothing but a count of rows that a scan can count by itself.
    let isCount = grouping.keys.isEmpty && arguments.allSatisfy { $0 == nil } && shapeSource == nil && stages.isEmpty
    if isCount, case .scan(let scan) = driver, scan.conditions.isEmpty, case .ranges = scan.rows {
      let start = executor.isMetered ? monotonicNanoseconds() : 0
      try MorselRun.run(
        count: scan.morsels.count, threads: executor.threads, token: token,
        makeWorker: { () throws(QueryError) in Worker() },
        work: { (worker: inout Worker, piece: Int) throws(QueryError) -> Int in
          try scan.count(piece, &worker.scratch) ?? 0
        },
        handOn: { _, count in
          sourceMeter.add(rowsOut: count)
          result.add(count: count)
        })
      if executor.isMetered { sourceMeter.add(nanoseconds: monotonicNanoseconds() - start) }
      return result
    }
    if case .none = driver { return result }
    let collectors = Collectors(make)
    if try aggregateColumns(grouping, arguments, collectors) || countMatches(grouping, collectors) {
      for collector in collectors.all { result.merge(collector) }
      return result
    }
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
    for collector in collectors.all { result.merge(collector) }
    return result
  }

  /// Aggregates without keys over columns of the one source are worked out where the columns lie. False when they are
  /// something else.
  private func aggregateColumns(
    _ grouping: BoundGrouping, _ arguments: [Node?], _ collectors: Collectors
  ) throws -> Bool {
    guard grouping.keys.isEmpty, find.shapeSource == nil, stages.isEmpty, !executor.isMetered,
      case .scan(let scan) = driver, scan.conditions.isEmpty, case .ranges = scan.rows
    else { return false }
    var columns: [ColumnAggregate] = []
    for (aggregate, argument) in zip(grouping.aggregates, arguments) {
      guard let column = ColumnAggregate(aggregate, argument, source: scan.source, table: scan.table) else {
        return false
      }
      columns.append(column)
    }
    let all = columns
    try MorselRun.run(
      count: scan.morsels.count, threads: executor.threads, token: executor.token,
      makeWorker: { () throws(QueryError) in Worker() },
      work: { (worker: inout Worker, piece: Int) throws(QueryError) in
        let collector = collectors.take()
        var scratch = worker.scratch
        worker.scratch = SourceScan.Scratch()
        defer { worker.scratch = scratch }
        try collector.withStates { (states) throws(QueryError) in
          try scan.aggregate(piece, all, &scratch, into: &states)
        }
        collectors.give(collector)
      }, handOn: { _, _ in })
    return true
  }

  /// How many rows of a layer meet each row of another, when nothing but that is asked: the pairs are counted without
  /// being made. False when more is asked.
  private func countMatches(_ grouping: BoundGrouping, _ collectors: Collectors) throws -> Bool {
    guard stages.count == 1, let join = stages[0] as? SearchJoin, join.conditions.isEmpty, !executor.isMetered,
      case .scan(let scan) = driver, find.shapeSource != join.source,
      grouping.aggregates.allSatisfy({ aggregate in
        guard aggregate.function == .count, !aggregate.distinct else { return false }
        guard let argument = aggregate.argument else { return true }
        // The id of a joined row is never NULL where there is a row.
        guard !join.isLeft, case .column(join.source, let column) = argument.kind else { return false }
        let relation = scope.relations[join.source]
        return relation.column(column) == relation.table.idColumn && relation.table.segment != nil
      }),
      !grouping.keys.contains(where: { key in
        key.sources(distances: find.distances, joins: find.joins).contains(join.source)
          || key.contains { if case .distance = $0.kind { true } else { false } }
      })
    else { return false }
    let token = executor.token
    try MorselRun.run(
      count: scan.morsels.count, threads: executor.threads, token: token,
      makeWorker: { () throws(QueryError) in Worker() },
      work: { (worker: inout Worker, piece: Int) throws(QueryError) in
        let collector = collectors.take()
        try scan.scan(piece, &worker.scratch) { (tuples) throws(QueryError) in
          let counts = try join.counts(tuples)
          let met = counts.indices.filter { counts[$0] > 0 }.map { Int32(truncatingIfNeeded: $0) }
          if !met.isEmpty { try collector.add(tuples.selecting(met), counts: met.map { counts[Int($0)] }) }
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

/// Group collectors that workers borrow: as many as there are workers.
private final class Collectors: @unchecked Sendable {
  private let monitor = Monitor()
  private let make: @Sendable () -> GroupCollector
  private var free: [GroupCollector] = []
  private(set) var all: [GroupCollector] = []

  init(_ make: @escaping @Sendable () -> GroupCollector) { self.make = make }

  func take() -> GroupCollector {
    monitor.lock()
    defer { monitor.unlock() }
    if let known = free.popLast() { return known }
    let made = make()
    all.append(made)
    return made
  }

  func give(_ collector: GroupCollector) {
    monitor.lock()
    free.append(collector)
    monitor.unlock()
  }
}

extension BoundExpression {
  /// Keys and aggregates read as columns of the table of groups.
  fileprivate func onGroups(_ keyCount: Int) -> BoundExpression {
    switch kind {
    case .groupKey(let index): return BoundExpression(kind: .column(source: 0, column: index), type: type, range: range)
    case .aggregate(let index):
      return BoundExpression(kind: .column(source: 0, column: keyCount + index), type: type, range: range)
    default: return (try? mapChildren { (child) throws(QueryError) in child.onGroups(keyCount) }) ?? self
    }
  }
}

extension BoundFind {
  fileprivate var distanceRange: Range<Int> { nearest?.within?.range ?? 0..<0 }
}

/// Rows and their sort keys on the way to a sorted result. With `wanted` only that many are kept.
struct ResultBuffer: Sendable {
  private(set) var tuples = Tuples(sourceCount: 0, distanceCount: 0)
  private var keys: [SortBuffer.Key?]
  private let directions: [SortBuffer.Direction]
  private let wanted: Int?
  private let token: CancellationToken

  init(keyCount: Int, directions: [SortBuffer.Direction], wanted: Int?, token: CancellationToken) {
    keys = Array(repeating: nil, count: keyCount)
    self.directions = directions
    self.wanted = wanted
    self.token = token
  }

  mutating func append(_ more: Tuples, _ moreKeys: [SortBuffer.Key]) throws(QueryError) {
    tuples.append(more)
    for i in keys.indices {
      let known = keys[i]
      keys[i] = nil
      keys[i] = known.map { SortBuffer.appended($0, moreKeys[i]) } ?? moreKeys[i]
    }
    try prune(always: false)
  }

  mutating func append(_ other: ResultBuffer) throws(QueryError) {
    if other.tuples.count == 0 { return }
    try token.use(bytes: other.tuples.count * (other.tuples.bytesPerRow + 12 * keys.count))
    try append(other.tuples, other.keys.map { $0! })
  }

  /// Drops what cannot come into the result.
  mutating func prune(always: Bool) throws(QueryError) {
    guard let wanted, tuples.count > wanted, always || tuples.count > max(16_384, 4 * wanted) else { return }
    let kept = Array(order().prefix(wanted))
    tuples = tuples.selecting(kept)
    for i in keys.indices { keys[i] = keys[i].map { SortBuffer.selecting($0, kept) } }
  }

  func order() -> [Int32] { SortBuffer.sorted(keys.compactMap { $0 }, directions, count: tuples.count) }
}

/// OFFSET, LIMIT and DISTINCT, in the order of the result.
struct Page {
  var skip: Int
  var left: Int?
  private var seen: KeyNumbering?

  init(_ find: BoundFind) {
    skip = find.offset ?? 0
    left = find.limit
    seen = find.distinct ? KeyNumbering() : nil
  }

  mutating func pass(
    _ tuples: Tuples, _ columns: [Vector], _ take: (Tuples, [Vector]) throws -> Void
  ) throws {
    var (tuples, columns) = (tuples, columns)
    if seen != nil {
      var kept: [Int32] = []
      var key: [UInt8] = []
      for i in 0..<tuples.count {
        key.removeAll(keepingCapacity: true)
        for column in columns { column.appendKey(i, to: &key) }
        let before = seen!.count
        if key.withUnsafeBytes({ seen!.insert($0) }) == before { kept.append(Int32(i)) }
      }
      if kept.count < tuples.count { (tuples, columns) = (tuples.selecting(kept), columns.map { $0.selecting(kept) }) }
    }
    let first = min(skip, tuples.count)
    skip -= first
    var last = tuples.count
    if let left {
      last = min(last, first + left)
      self.left = left - (last - first)
    }
    if first >= last { return }
    if first > 0 || last < tuples.count {
      let kept = (Int32(first)..<Int32(last)).map { $0 }
      (tuples, columns) = (tuples.selecting(kept), columns.map { $0.selecting(kept) })
    }
    try take(tuples, columns)
  }
}
