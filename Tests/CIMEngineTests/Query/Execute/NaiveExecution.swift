import SpatialIndex

@testable import CIMEngine

/// Carries out bound statements row by row with nested loops: the oracle for plans, indexes, joins and order.
///
/// A subquery as a source must return every column of one layer in order, so that its rows are rows of that layer.
struct NaiveExecution {
  let city: NaiveCity

  struct Row {
    var sources: [Int?]
    /// Metres by slot, nil where no operator measured them.
    var measured: [Double?]
  }

  func layer(_ source: BoundSource) -> Int {
    switch source.kind {
    case .layer(let layer): layer
    case .find(let find): layer(find.sources[0])
    }
  }

  func evaluation(_ find: BoundFind) -> NaiveEvaluation {
    NaiveEvaluation(
      city: city, sourceLayers: find.sources.map(layer), distances: find.distances,
      subquery: { try run($0) },
      subqueryShapes: { inner in
        let evaluation = self.evaluation(inner)
        return try rows(inner).map { evaluation.geometry(0, $0.sources) }
      })
  }

  private func candidates(_ source: BoundSource) throws -> [Int] {
    switch source.kind {
    case .layer(let layer): return Array(city.layers[layer].rows.indices)
    case .find(let find): return try rows(find).map { $0.sources[0]! }
    }
  }

  private func id(_ layer: Int, _ row: Int?) -> String? {
    guard let row, case .text(let id) = city.layers[layer].rows[row][0] else { return nil }
    return id
  }

  /// The joined rows before grouping, in order and paged when not grouped.
  func rows(_ find: BoundFind) throws -> [Row] {
    let evaluation = evaluation(find)
    let none = [Double?](repeating: nil, count: find.distances.count)
    var rows: [Row] = []
    for row in try candidates(find.sources[0]) {
      let sources = [row] + [Int?](repeating: nil, count: find.sources.count - 1)
      if try find.sourceFilters.allSatisfy({ try evaluation.holds($0, sources) }) {
        rows.append(Row(sources: sources, measured: none))
      }
    }
    if let nearest = find.nearest { rows = try self.nearest(nearest, rows, find, evaluation) }
    for (j, join) in find.joins.enumerated() { rows = try self.join(j, join, rows, find, evaluation) }
    rows = try rows.filter { row in
      try find.joinedFilters.allSatisfy { try evaluation.holds($0, row.sources, measured: row.measured) }
    }
    if find.grouping != nil { return rows }
    return try paged(find, try ordered(find, rows, evaluation), evaluation)
  }

  private func nearest(
    _ nearest: BoundNearest, _ rows: [Row], _ find: BoundFind, _ evaluation: NaiveEvaluation
  ) throws -> [Row] {
    let limit = try nearest.within.map { try evaluation.value($0, [nil]).number } ?? .infinity
    guard let limit else { return [] }
    let slot = find.distances.firstIndex { if case .nearest = $0.measure { true } else { false } }
    var found: [(metres: Double, row: Row)] = []
    for var row in rows {
      guard let geometry = evaluation.geometry(0, row.sources) else { continue }
      let metres = try evaluation.features(nearest.reference, row.sources).map { oracleDistance(geometry, $0) }.min()
      guard let metres, metres.isFinite, metres <= limit else { continue }
      if let slot { row.measured[slot] = metres }
      found.append((metres, row))
    }
    let layer = layer(find.sources[0])
    found.sort { a, b in
      if a.metres != b.metres { return a.metres < b.metres }
      return codePoints(id(layer, a.row.sources[0])!).lexicographicallyPrecedes(
        codePoints(id(layer, b.row.sources[0])!))
    }
    var kept = Array(found.prefix(nearest.count))
    if nearest.withTies, let last = kept.last { kept = found.filter { $0.metres <= last.metres } }
    return kept.map(\.row)
  }

  private func join(
    _ j: Int, _ join: BoundJoin, _ rows: [Row], _ find: BoundFind, _ evaluation: NaiveEvaluation
  ) throws -> [Row] {
    let candidates = try candidates(find.sources[join.source])
    let layer = layer(find.sources[join.source])
    var result: [Row] = []
    for row in rows {
      var matches: [Row] = []
      switch join.condition {
      case .on(let e):
        for candidate in candidates {
          var joined = row
          joined.sources[join.source] = candidate
          if try evaluation.holds(e, joined.sources, measured: joined.measured) { matches.append(joined) }
        }
      case .within(let e, let from):
        for candidate in candidates {
          var joined = row
          joined.sources[join.source] = candidate
          guard let metres = try evaluation.value(e, joined.sources).number,
            let a = evaluation.geometry(from, joined.sources),
            let b = evaluation.geometry(join.source, joined.sources), oracleDistance(a, b) <= metres
          else { continue }
          if let slot = find.distances.firstIndex(where: { if case .join(j) = $0.measure { true } else { false } }) {
            joined.measured[slot] = oracleDistance(a, b)
          }
          matches.append(joined)
        }
      case .nearest(let count, let within, let from):
        guard let a = evaluation.geometry(from, row.sources) else { break }
        let limit = try within.map { try evaluation.value($0, row.sources).number } ?? .infinity
        guard let limit else { break }
        let slot = find.distances.firstIndex { if case .join(j) = $0.measure { true } else { false } }
        var found: [(metres: Double, row: Row)] = []
        for candidate in candidates {
          var joined = row
          joined.sources[join.source] = candidate
          guard let b = evaluation.geometry(join.source, joined.sources) else { continue }
          let metres = oracleDistance(a, b)
          guard metres.isFinite, metres <= limit else { continue }
          if let slot { joined.measured[slot] = metres }
          found.append((metres, joined))
        }
        found.sort { a, b in
          if a.metres != b.metres { return a.metres < b.metres }
          return codePoints(id(layer, a.row.sources[join.source])!)
            .lexicographicallyPrecedes(codePoints(id(layer, b.row.sources[join.source])!))
        }
        matches = found.prefix(count).map(\.row)
      }
      if matches.isEmpty, join.isLeft {
        var joined = row
        if let slot = find.distances.firstIndex(where: { if case .join(j) = $0.measure { true } else { false } }) {
          joined.measured[slot] = .nan
        }
        matches = [joined]
      }
      result += matches
    }
    return result
  }

  // MARK: Order

  /// -1, 0 or 1; NULLs at their end.
  func order(_ a: Value, _ b: Value, descending: Bool, nullsFirst: Bool) -> Int {
    if a.isNull || b.isNull {
      if a.isNull && b.isNull { return 0 }
      return a.isNull == nullsFirst ? -1 : 1
    }
    let order: Int
    switch (a, b) {
    case (.text(let x), .text(let y)):
      let (u, v) = (codePoints(x), codePoints(y))
      order = u.lexicographicallyPrecedes(v) ? -1 : u == v ? 0 : 1
    case (.bool(let x), .bool(let y)): order = (x ? 1 : 0) - (y ? 1 : 0)
    case (.int(let x), .int(let y)): order = x < y ? -1 : x == y ? 0 : 1
    case (.date(let x), .date(let y)): order = x < y ? -1 : x == y ? 0 : 1
    case (.timestamp(let x), .timestamp(let y)): order = x < y ? -1 : x == y ? 0 : 1
    default: order = a.number! < b.number! ? -1 : a.number! == b.number! ? 0 : 1
    }
    return descending ? -order : order
  }

  private func ordered(_ find: BoundFind, _ rows: [Row], _ evaluation: NaiveEvaluation) throws -> [Row] {
    var keys = find.orderBy
    if keys.isEmpty, !find.distances.isEmpty, !find.distinct {
      keys.append(BoundSortKey(expression: e(.distance(0), .double), descending: false, nullsFirst: false))
    }
    if find.distinct {
      keys += find.items.map { BoundSortKey(expression: $0.expression, descending: false, nullsFirst: false) }
    } else {
      for s in find.sources.indices {
        keys.append(
          BoundSortKey(expression: e(.column(source: s, column: 0), .text), descending: false, nullsFirst: false))
      }
    }
    let decorated = try rows.map { row in
      (try keys.map { try evaluation.value($0.expression, row.sources, measured: row.measured) }, row)
    }
    return decorated.sorted { a, b in
      for (i, key) in keys.enumerated() {
        let order = order(a.0[i], b.0[i], descending: key.descending, nullsFirst: key.nullsFirst)
        if order != 0 { return order < 0 }
      }
      return false
    }.map(\.1)
  }

  private func paged(_ find: BoundFind, _ rows: [Row], _ evaluation: NaiveEvaluation) throws -> [Row] {
    var rows = rows
    if find.distinct {
      var seen = Set<[Value]>()
      rows = try rows.filter { row in
        seen.insert(try find.items.map { try evaluation.value($0.expression, row.sources, measured: row.measured) })
          .inserted
      }
    }
    rows = Array(rows.dropFirst(find.offset ?? 0))
    if let limit = find.limit { rows = Array(rows.prefix(limit)) }
    return rows
  }

  // MARK: Results

  /// The rows of the result, in order.
  func run(_ find: BoundFind) throws -> [[Value]] {
    let evaluation = evaluation(find)
    let rows = try rows(find)
    guard let grouping = find.grouping else {
      return try rows.map { row in
        try find.items.map { try evaluation.value($0.expression, row.sources, measured: row.measured) }
      }
    }
    var groups: [[Value]: [Row]] = grouping.keys.isEmpty ? [[]: []] : [:]
    for row in rows {
      let key = try grouping.keys.map { try evaluation.value($0, row.sources, measured: row.measured) }
      groups[key, default: []].append(row)
    }
    var made: [(key: [Value], aggregates: [Value])] = []
    for (key, members) in groups {
      made.append((key, try grouping.aggregates.map { try aggregate($0, members, evaluation) }))
    }
    func value(_ e: BoundExpression, _ group: (key: [Value], aggregates: [Value])) throws -> Value {
      switch e.kind {
      case .groupKey(let i): return group.key[i]
      case .aggregate(let i): return group.aggregates[i]
      default:
        let replaced = try e.mapChildren { (child) throws(QueryError) in
          BoundExpression(kind: .constant((try? value(child, group)) ?? .null), type: child.type, range: child.range)
        }
        return try evaluation.value(replaced, find.sources.map { _ in nil })
      }
    }
    if let having = find.having { made = try made.filter { try value(having, $0) == .bool(true) } }
    let decorated = try made.map { group in
      (try find.orderBy.map { try value($0.expression, group) } + group.key, group)
    }
    let sorted = decorated.sorted { a, b in
      for i in a.0.indices {
        let key = i < find.orderBy.count ? find.orderBy[i] : nil
        let order = order(
          a.0[i], b.0[i], descending: key?.descending ?? false, nullsFirst: key?.nullsFirst ?? false)
        if order != 0 { return order < 0 }
      }
      return false
    }
    var result = try sorted.map { pair in try find.items.map { try value($0.expression, pair.1) } }
    if find.distinct {
      var seen = Set<[Value]>()
      result = result.filter { seen.insert($0).inserted }
    }
    result = Array(result.dropFirst(find.offset ?? 0))
    if let limit = find.limit { result = Array(result.prefix(limit)) }
    return result
  }

  private func aggregate(_ aggregate: BoundAggregate, _ rows: [Row], _ evaluation: NaiveEvaluation) throws -> Value {
    guard let argument = aggregate.argument else { return .int(Int64(rows.count)) }
    var values = try rows.map { try evaluation.value(argument, $0.sources, measured: $0.measured) }
      .filter { !$0.isNull }
    if aggregate.distinct {
      var seen = Set<Value>()
      values = values.filter { seen.insert($0).inserted }
    }
    func extreme(_ wanted: Int) -> Value {
      values.dropFirst().reduce(values.first ?? .null) {
        order($1, $0, descending: false, nullsFirst: false) == wanted ? $1 : $0
      }
    }
    switch aggregate.function {
    case .count: return .int(Int64(values.count))
    case .sum:
      if values.isEmpty { return .null }
      if aggregate.type == .int { return .int(values.reduce(0) { if case .int(let v) = $1 { $0 + v } else { $0 } }) }
      return .double(values.reduce(0) { $0 + $1.number! })
    case .avg: return values.isEmpty ? .null : .double(values.reduce(0) { $0 + $1.number! } / Double(values.count))
    case .min: return extreme(-1)
    case .max: return extreme(1)
    case .median:
      let sorted = values.map { $0.number! }.sorted()
      if sorted.isEmpty { return .null }
      return .double((sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2)
    default: return .null
    }
  }
}

func codePoints(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }

func e(_ kind: BoundExpression.Kind, _ type: ColumnType?) -> BoundExpression {
  BoundExpression(kind: kind, type: type, range: 0..<0)
}

extension BoundFind {
  /// A statement over one source that returns its columns.
  init(_ source: BoundSource, filters: [BoundExpression] = []) {
    self.init(
      sources: [source], joins: [], sourceFilters: filters, nearest: nil, joinedFilters: [], grouping: nil, items: [],
      distinct: false, having: nil, orderBy: [], limit: nil, offset: nil, distances: [], shapeSource: 0, shapeKey: nil,
      notices: [])
    items = allColumns(0)
  }

  /// Every column of a source.
  func allColumns(_ source: Int) -> [BoundItem] {
    sources[source].columns.enumerated().map { index, column in
      BoundItem(
        expression: e(.column(source: source, column: index), column.type),
        column: ResultColumn(name: column.name, type: column.type))
    }
  }
}

/// Collects a result as values.
struct CollectingSink: RowSink {
  var wantsShapes = false
  var header: ResultHeader?
  var rows: [[Value]] = []
  var ids: [String?] = []
  var shapes: [Geometry?] = []
  var notices: [String] = []
  var isEnded = false

  mutating func begin(_ header: ResultHeader) { self.header = header }
  mutating func write(_ batch: RowBatch) {
    for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0[row] }) }
    ids += batch.ids
    shapes += batch.shapes
  }
  mutating func end(notices: [String]) {
    self.notices = notices
    isEnded = true
  }
}

extension NaiveCity {
  /// Runs a statement by the engine.
  func run(_ find: BoundFind, threads: Int = 1, isOrdered: Bool = true, wantsShapes: Bool = false) throws
    -> CollectingSink
  {
    let executor = Executor(catalog: catalog, tables: self, threads: threads, now: 0)
    var sink: any RowSink = CollectingSink(wantsShapes: wantsShapes)
    try executor.run(find, isOrdered: isOrdered, into: &sink)
    return sink as! CollectingSink
  }
}
