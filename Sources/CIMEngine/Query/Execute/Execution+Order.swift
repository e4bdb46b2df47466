/// Rows in an order: ORDER BY, distances, ids.
extension Execution {
  // MARK: Order

  /// What rows are sorted by.
  enum SortKey {
    case expression(BoundExpression, SortBuffer.Direction)
    case id(source: Int)
  }

  /// ORDER BY, then `distance` if there is one, then ids, so that the order is always complete. Empty when rows may come as
  /// they do.
  func sortKeys(isOrdered: Bool) -> [SortKey] {
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

  func sorted(_ keys: [SortKey], _ items: [BoundExpression], _ consumer: Consumer) throws {
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
    var runs = SortRuns(keyCount: makers.count, directions: directions, wanted: wanted, token: executor.token)
    let (finalMakers, finalMeasures) = (makers, measures)
    let (token, final) = (executor.token, directions)
    let bound = PageBound()
    try forEachPiece(
      PieceSink(
        begin: {
          ResultBuffer(
            keyCount: finalMakers.count, directions: final, wanted: wanted, token: token, sharedBound: bound)
        },
        take: { (part, batch) throws(QueryError) in
          var tuples = batch
          for (slot, node) in finalMeasures {
            let metres = try node.evaluate(tuples).vector(count: tuples.count)
            let flags = metres.flags
            tuples.distances[slot] = (metres.doubles ?? []).enumerated().map { flags?[$0] == false ? .nan : $1 }
          }
          try part.append(tuples, finalMakers)
        },
        end: { (part) throws(QueryError) in
          try part.prune(always: true)
          return part
        }),
      handOn: { part in try runs.append(part) })
    if runs.hasSpilled {
      return try emit(&runs, nodes, consumer) { (tuples) throws(QueryError) in
        try finalMakers.mapped { (maker) throws(QueryError) in try maker.make(tuples) }
      }
    }
    var buffer = runs.buffer
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

  /// Where the values of an expression are sorted from.
  func keyMaker(
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
  func emit(
    _ buffer: inout ResultBuffer, _ nodes: [Node], _ scope: Scope, _ consumer: Consumer
  ) throws {
    let order = try buffer.order()
    var page = Page(find, executor.token)
    let first = min(order.count, find.distinct ? 0 : page.skip)
    let last = find.distinct ? order.count : min(order.count, first + (page.left ?? order.count))
    if !find.distinct { (page.skip, page.left) = (0, nil) }
    try consumer.begin(scope, find.distinct ? nil : last - first)
    let all = buffer.tuples
    var start = first
    while start < last {
      try executor.token.check()
      let end = min(start + Tuples.capacity, last)
      let tuples = all.selecting(Array(order[start..<end]))
      try page.pass(tuples, try Execution.columns(nodes, tuples), consumer.take)
      start = end
    }
  }
}

extension ResultBuffer {
  /// Appends rows whose keys are made here: the others only of rows that their first lets in.
  mutating func append(_ tuples: Tuples, _ makers: [Execution.KeyMaker]) throws(QueryError) {
    var tuples = tuples
    var keys: [SortBuffer.Key] = []
    for (k, maker) in makers.enumerated() {
      keys.append(try maker.make(tuples))
      if k == 0, let kept = within(keys[0]) {
        if kept.isEmpty { return }
        keys[0] = SortBuffer.selecting(keys[0], kept)
        tuples = tuples.selecting(kept)
      }
    }
    try append(tuples, keys)
  }
}

extension BoundFind {
  fileprivate var distanceRange: Range<Int> { nearest?.within?.range ?? 0..<0 }
}
