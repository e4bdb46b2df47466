internal import GRDBSQLite
internal import SpatialIndex

/// What a LINK found and did.
public struct LinkSummary: Sendable {
  public var layer: String
  public var target: String
  /// The columns of `layer` that say it: the link, how it came about, and how far away (metres).
  public var column: String
  public var methodColumn: String
  public var distanceColumn: String
  /// Rows of the layer by method: inside, nearest, none.
  public internal(set) var counts = [0, 0, 0]
  /// Rows matched this time by reason, `LinkReason.rawValue` being the index.
  public internal(set) var reasons = [Int](repeating: 0, count: LinkReason.allCases.count)
  public internal(set) var rowCount = 0
  /// Rows matched this time: all, or those touched since the last LINK of the pair.
  public internal(set) var matchedCount = 0
  /// Rows whose link, method or distance differs from what the store had.
  public internal(set) var changedCount = 0
  public internal(set) var isDryRun = false
  public internal(set) var matchSeconds = 0.0
  public internal(set) var writeSeconds = 0.0

  /// Rows for which this was the reason.
  public func count(_ reason: LinkReason) -> Int { reasons[Int(reason.rawValue)] }
}

/// LINK: matches a layer with the polygons of another and writes what it found into the layer's columns, in one
/// transaction.
///
/// Nothing is written before everything is known, and an interruption or an error leaves the database as it was. When
/// somebody else wrote meanwhile it throws ``StaleSnapshot``, to be run again on the snapshot of then.
struct LinkRun {
  let store: Store
  let snapshot: Snapshot
  /// Indices into the catalogue.
  let layer: Int
  let target: Int
  /// Metres.
  let within: Double?
  let isDryRun: Bool
  let threads: Int
  let token: CancellationToken
  /// Rows that were not plain are listed: then all rows are matched.
  var wantsReport = false

  private var catalog: Catalog { snapshot.catalog }

  /// One row that was not matched in the plain way.
  struct Finding: Sendable {
    var row: UInt32
    var reason: LinkReason
    var method: LinkMethod
    var target: UInt32
    var distance: Double
  }

  struct Outcome {
    var summary: LinkSummary
    /// In the order of ids.
    var findings: [Finding]
  }

  func run() throws -> Outcome {
    let columns = try plan()
    var summary = LinkSummary(
      layer: catalog.layers[layer].name, target: catalog.layers[target].name, column: columns.link,
      methodColumn: columns.method, distanceColumn: columns.distance)
    summary.isDryRun = isDryRun
    let (source, goal) = (try segment(layer), try segment(target))
    let started = monotonicNanoseconds()
    let rows = wantsReport ? nil : try touchedRows(columns, source)
    let match = LinkMatch(source: source, target: goal, within: within, threads: threads, token: token)
    let result = try match.run(rows: rows)
    summary.matchSeconds = Double(monotonicNanoseconds() - started) / 1e9
    summary.rowCount = source.rowCount
    summary.matchedCount = result.targets.count
    for reason in result.reasons { summary.reasons[Int(reason)] += 1 }
    let present = try LinkColumns(source, columns, target: target)
    let changed = try present.differences(from: result, rows: rows, counts: &summary.counts)
    summary.changedCount = changed.count
    if !isDryRun {
      let from = monotonicNanoseconds()
      try write(result, rows: rows, changed: changed, columns, summary.counts, source, goal)
      summary.writeSeconds = Double(monotonicNanoseconds() - from) / 1e9
    }
    return Outcome(summary: summary, findings: try findings(result, rows, source))
  }

  private func segment(_ layer: Int) throws(QueryError) -> Segment {
    do { return try snapshot.segment(layer) } catch { throw QueryError(.damaged(error.message)) }
  }

  // MARK: Columns

  struct Columns {
    var link: String
    var method: String
    var distance: String
    /// Which column of the target the link holds: `code`, `id` or `fid`.
    var key: String
    var isLinked: Bool
    var last: LinkRecord?
  }

  /// Which columns are to be filled.
  ///
  /// The link column is named after the target layer. `link_method` and `link_distance` belong to the pair that was
  /// linked first; another target of the same layer gets columns with its name in front, so that neither writes over the
  /// other's figures.
  private func plan() throws -> Columns {
    let (from, to) = (catalog.layers[layer], catalog.layers[target])
    guard from.name.lowercased() != to.name.lowercased() else {
      throw QueryError(.invalid("`\(from.name)` cannot be linked to itself"))
    }
    guard from.geometry != nil else {
      throw QueryError(
        .invalid("`\(from.name)` has no geometry to match with `\(to.name)`"),
        fix: "it is reached through its own links")
    }
    guard to.geometry != nil, to.geometry?.kind.map({ $0 == .polygon || $0 == .multiPolygon }) ?? true else {
      throw QueryError(.invalid("`\(to.name)` holds no polygons, so nothing can lie inside its rows"))
    }
    if catalog.isGeographic, within != nil {
      throw QueryError(
        .notSupported("ELSE NEAREST in a database in degrees (\(catalog.workingCRS))"),
        fix: "import into a database with a projected working CRS")
    }
    let name = to.name
    let link = catalog.links.first { same($0.layer, from.name) && same($0.column, name) }
    if let link, !same(link.targetLayer, name) {
      throw QueryError(.invalid("`\(from.name).\(name)` names rows of `\(link.targetLayer)`, not of `\(name)`"))
    }
    if let column = from.columns.first(where: { same($0.name, name) }), column.type != .text {
      throw QueryError(.invalid("`\(from.name).\(name)` holds \(column.type.rawValue), not names of `\(name)`"))
    }
    let key = link?.targetColumn ?? (to.columns.contains { same($0.name, "code") } ? "code" : "id")
    let records = try store.read { try LinkRecord.all(of: from.name, in: $0.connection) }
    let last = records.first { same($0.targetLayer, name) }
    let isFirst = records.allSatisfy { same($0.targetLayer, name) || $0.methodColumn != "link_method" }
    let prefix = isFirst ? "" : name + "_"
    return Columns(
      link: from.columns.first { same($0.name, name) }?.name ?? name,
      method: last?.methodColumn ?? prefix + "link_method",
      distance: last?.distanceColumn ?? prefix + "link_distance", key: key, isLinked: link != nil, last: last)
  }

  private func same(_ a: String, _ b: String) -> Bool { a.lowercased() == b.lowercased() }

  // MARK: What was touched

  /// The rows to match again, ascending; nil for all: when the pair was never linked, was linked otherwise, the target
  /// changed, or the log does not say which rows did.
  private func touchedRows(_ columns: Columns, _ source: Segment) throws -> [UInt32]? {
    guard let last = columns.last, last.within == within, columns.isLinked, same(last.column, columns.link),
      source.columnIndex(named: columns.link) != nil, source.columnIndex(named: columns.method) != nil,
      source.columnIndex(named: columns.distance) != nil
    else { return nil }
    guard let changes = try store.read({ try $0.changes(since: last.revision) }) else { return nil }
    var rows: [UInt32] = []
    for change in changes.layers {
      if same(change.layer, catalog.layers[target].name) { return nil }
      guard same(change.layer, catalog.layers[layer].name) else { continue }
      if change.isBulk { return nil }
      for rowid in change.rowids {
        do throws(SnapshotDamage) {
          if let row = try source.row(fid: rowid) { rows.append(UInt32(row)) }
        } catch { throw QueryError(.damaged(error.message)) }
      }
    }
    return rows.sorted()
  }

  // MARK: Findings

  private func findings(_ result: LinkMatch.Result, _ rows: [UInt32]?, _ source: Segment) throws -> [Finding] {
    var found: [(id: String, finding: Finding)] = []
    for index in result.reasons.indices where result.reasons[index] != LinkReason.plain.rawValue {
      let row = rows?[index] ?? UInt32(index)
      let id: String
      do { id = try source.id(Int(row)) } catch { throw QueryError(.damaged("\(error)")) }
      found.append(
        (
          id,
          Finding(
            row: row, reason: LinkReason(rawValue: result.reasons[index])!,
            method: LinkMethod(rawValue: result.methods[index])!, target: result.targets[index],
            distance: result.distances[index])
        ))
    }
    found.sort { a, b in a.id == b.id ? a.finding.row < b.finding.row : CodePoints.precede(a.id, b.id) }
    return found.map(\.finding)
  }

  // MARK: Writing

  private func write(
    _ result: LinkMatch.Result, rows: [UInt32]?, changed: [Int], _ columns: Columns, _ counts: [Int],
    _ source: Segment, _ goal: Segment
  ) throws {
    let writer = try Store.openForWriting(store.path)
    defer { writer.close() }
    let keys = try TargetKeys(goal, column: columns.key)
    let token = token
    try writer.importing(isCancelled: { token.isCancelled }) { writer in
      guard try ChangeLog.current(in: writer.connection) == snapshot.state.revision else {
        throw StaleSnapshot()
      }
      guard let index = writer.state.index(of: catalog.layers[layer].name) else { throw StaleSnapshot() }
      var stored = writer.state.layers[index]
      let wanted = [
        Catalog.Column(name: columns.link, type: .text), Catalog.Column(name: columns.method, type: .text),
        Catalog.Column(name: columns.distance, type: .double, unit: "m"),
      ]
      let missing = wanted.filter { column in !stored.layer.columns.contains { same($0.name, column.name) } }
      if !missing.isEmpty {
        stored = try writer.addColumns(
          missing.map { CitySchema.described($0, of: stored.layer.name) }, to: stored)
      }
      if !columns.isLinked {
        try StoredCatalog.recordLink(
          Catalog.Link(
            layer: stored.layer.name, column: columns.link, targetLayer: catalog.layers[target].name,
            targetColumn: columns.key), in: writer.connection)
        try ChangeLog.append(.catalog, layer: nil, in: writer.connection)
      }
      try update(stored, columns, keys, result, rows: rows, changed: changed, source, in: writer.connection)
      try LinkRecord(
        layer: stored.layer.name, targetLayer: catalog.layers[target].name, column: columns.link,
        methodColumn: columns.method, distanceColumn: columns.distance, within: within,
        revision: try ChangeLog.current(in: writer.connection)
      ).write(counts, in: writer.connection)
    }
    try writer.checkpoint()
  }

  /// Few rows go through the triggers, which log them one by one; of many the triggers are off and one entry says it.
  private func update(
    _ stored: StoredLayer, _ columns: Columns, _ keys: TargetKeys, _ result: LinkMatch.Result, rows: [UInt32]?,
    changed: [Int], _ source: Segment, in connection: SQLConnection
  ) throws {
    if changed.isEmpty { return }
    func physical(_ name: String) -> String {
      let index = stored.layer.columns.firstIndex { same($0.name, name) }
      return quoted(index.flatMap { stored.sources[$0] } ?? name)
    }
    var order: [(fid: Int64, index: Int)] = []
    order.reserveCapacity(changed.count)
    for index in changed {
      let row = rows.map { Int($0[index]) } ?? index
      do throws(SnapshotDamage) { order.append((try source.fid(row), index)) } catch {
        throw QueryError(.damaged(error.message))
      }
    }
    order.sort { $0.fid < $1.fid }
    let isBulk = changed.count > TableWriter.logLimit
    let triggers = isBulk ? try TableTriggers.dropAll(of: stored.layer.name, in: connection) : []
    // From a quarter of the rows on, one walk through the table costs less than finding each.
    if isBulk, order.count * 4 >= source.rowCount {
      try LinkUpdate(order, result, keys).run(
        table: quoted(stored.layer.name), rowColumn: quoted(stored.rowColumn), link: physical(columns.link),
        method: physical(columns.method), distance: physical(columns.distance), in: connection)
      try TableTriggers.restore(triggers, in: connection)
      return try ChangeLog.append(.bulk, layer: stored.layer.name, in: connection)
    }
    let update = try SQLStatement(
      connection.handle,
      "UPDATE \(quoted(stored.layer.name)) SET \(physical(columns.link)) = ?1, \(physical(columns.method)) = ?2, "
        + "\(physical(columns.distance)) = ?3 WHERE \(quoted(stored.rowColumn)) = ?4", persistent: true)
    let methods = LinkMethod.allCases.map { Array($0.text.utf8) }
    for (done, entry) in order.enumerated() {
      if done & 4_095 == 0 { try token.check() }
      let index = entry.index
      keys.bind(result.targets[index], to: update, 1)
      try methods[Int(result.methods[index])].withUnsafeBufferPointer { text in
        update.bind(2, staticText: text)
        let distance = result.distances[index]
        if distance.isNaN { update.bindNull(3) } else { update.bind(3, distance) }
        update.bind(4, entry.fid)
        try update.run()
      }
    }
    if isBulk {
      try TableTriggers.restore(triggers, in: connection)
      try ChangeLog.append(.bulk, layer: stored.layer.name, in: connection)
    }
  }
}

/// The keys of a target layer's rows, ready to be bound: its codes or ids end to end, or its fids.
final class TargetKeys {
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  private var fids: [Int64] = []
  private let isByFid: Bool
  private var memory: UnsafeMutablePointer<UInt8>

  init(_ segment: Segment, column name: String) throws {
    isByFid = name.lowercased() == "fid"
    memory = .allocate(capacity: 1)
    do throws(SnapshotDamage) {
      if isByFid {
        for row in 0..<segment.rowCount { fids.append(try segment.fid(row)) }
      } else {
        guard let column = segment.columnIndex(named: name) else { return }
        for row in 0..<segment.rowCount {
          if case .text(let key) = try segment.value(column, row) { bytes += Array(key.utf8) }
          starts.append(bytes.count)
        }
      }
    } catch { throw QueryError(.damaged(error.message)) }
    memory.deallocate()
    memory = .allocate(capacity: max(1, bytes.count))
    memory.initialize(from: bytes, count: bytes.count)
  }

  deinit { memory.deallocate() }

  /// As ``bind(_:to:_:)``, as the result of a function.
  func give(_ row: UInt32, to context: OpaquePointer) {
    guard row != LinkColumn.none else { return sqlite3_result_null(context) }
    if isByFid { return sqlite3_result_int64(context, fids[Int(row)]) }
    let range = starts[Int(row)]..<starts[Int(row) + 1]
    if range.isEmpty { return sqlite3_result_null(context) }
    // The keys outlive the statement.
    sqlite3_result_text64(
      context, UnsafeRawPointer(memory + range.lowerBound).assumingMemoryBound(to: CChar.self), UInt64(range.count),
      nil,
      UInt8(SQLITE_UTF8))
  }

  /// A row without a key is as good as none.
  func bind(_ row: UInt32, to statement: SQLStatement, _ parameter: Int) {
    guard row != LinkColumn.none else { statement.bindNull(parameter); return }
    if isByFid { statement.bind(parameter, fids[Int(row)]); return }
    let range = starts[Int(row)]..<starts[Int(row) + 1]
    if range.isEmpty { statement.bindNull(parameter); return }
    statement.bind(
      parameter, staticText: UnsafeBufferPointer(start: memory + range.lowerBound, count: range.count))
  }
}

/// What the link columns of a layer hold now.
private struct LinkColumns {
  private let rowCount: Int
  private let targets: LinkColumn?
  private let values: Validity?
  /// By dictionary code.
  private let methods: (codes: DictionaryColumn, kinds: [LinkMethod?])?
  private let distances: FixedColumn<Double>?

  init(_ source: Segment, _ columns: LinkRun.Columns, target: Int) throws {
    rowCount = source.rowCount
    do throws(SnapshotDamage) {
      var found: (LinkColumn?, Validity?) = (nil, nil)
      if let column = source.columnIndex(named: columns.link), let link = try source.link(column),
        link.targetLayer == target
      {
        switch try source.column(column) {
        case .text(let text): found = (link, text.validity)
        case .dictionary(let text): found = (link, text.validity)
        default: found = (link, nil)
        }
      }
      (targets, values) = found
      if let column = source.columnIndex(named: columns.method),
        case .dictionary(let codes) = try source.column(column)
      {
        methods = (codes, (0..<codes.dictionary.count).map { LinkMethod(codes.dictionary[$0]) })
      } else {
        methods = nil
      }
      if let column = source.columnIndex(named: columns.distance),
        case .double(let values) = try source.column(column)
      {
        distances = values
      } else {
        distances = nil
      }
    } catch { throw QueryError(.damaged(error.message)) }
  }

  /// The indices of results that say something new. Fills in how many rows of the layer each method has then.
  func differences(
    from result: LinkMatch.Result, rows: [UInt32]?, counts: inout [Int]
  ) throws -> [Int] {
    if let rows {
      // Rows that are not matched again keep what they have.
      for row in 0..<rowCount { counts[Int((method(row) ?? .none).rawValue)] += 1 }
      for row in rows { counts[Int((method(Int(row)) ?? .none).rawValue)] -= 1 }
    }
    for method in result.methods { counts[Int(method)] += 1 }
    var changed: [Int] = []
    for index in result.targets.indices where differs(result, index, rows.map { Int($0[index]) } ?? index) {
      changed.append(index)
    }
    return changed
  }

  private func method(_ row: Int) -> LinkMethod? {
    guard let methods, methods.codes.validity[row] else { return nil }
    return methods.kinds[Int(methods.codes.code(row))]
  }

  @inline(__always)
  private func differs(_ result: LinkMatch.Result, _ index: Int, _ row: Int) -> Bool {
    guard let targets, let distances, methods != nil else { return true }
    let target = result.targets[index]
    if targets.rows[row] != target { return true }
    // A name of nothing is not the same as none.
    if target == LinkColumn.none, let values, values[row] { return true }
    if method(row)?.rawValue != result.methods[index] { return true }
    let distance = result.distances[index]
    return distances.validity[row] ? distances.values[row] != distance : !distance.isNaN
  }
}
