internal import SpatialIndex

extension StatementContext {
  /// `EXPOSE layers TO reference [LEVEL expr] [BY FLOOR] [TOLERANCE dist] { clause }`: one FIND for each scenario and
  /// layer, with the names of ``ExposedLayer`` written out, so that filters, groups, links and order are those of FIND.
  ///
  /// Without RETURN the rows are totals: `scenario`, `layer`, the keys (`floor` with BY FLOOR; for people `age_band` and
  /// `mobility` where no GROUP BY says otherwise), `total`, `wet`, `unsure`, `dry`, `unknown`, `max_depth`,
  /// `wet_floors`. They come by scenario, then layer as written, then by key.
  func runExpose(_ written: Expose, into sink: inout any RowSink) throws -> RunReport {
    var report = RunReport()
    let names = CatalogNames.of(catalog)
    let rules = try store.rules()
    let expose = try plain(written, names, rules)
    let tolerance = try tolerance(of: expose)
    try refuse(expose)
    let scenarios = try scenarios(of: expose, notices: &report.notices)
    if scenarios.isEmpty { report.notices.append("no flood matches, so nothing is exposed") }
    var steps: [(title: String, find: BoundFind)] = []
    // How many rows take the height of a storey from the rule.
    var storeys: [(count: BoundFind, said: String, layer: String)] = []
    for scenario in scenarios.isEmpty ? [nothing(expose)] : scenarios {
      let near = try box(of: scenario)
      for written in expose.layers {
        guard let layer = names.layer(written.text) else { throw names.unknownLayer(written) }
        let exposed = try ExposedLayer(
          layer, named: written, catalog, names, scenario, tolerance: tolerance, rules: rules, near: near)
        let find = self.find(expose, exposed, layer, written, scenario, isOnly: expose.layers.count == 1)
        var bound = try bind(find)
        if scenarios.isEmpty { bound.limit = 0 }
        steps.append(("\(exposed.name) in \(scenario.id ?? "the geometry")", bound))
        if let rule = exposed.storeyRule, !scenarios.isEmpty, uses("wet_floors", expose) {
          var probe = find
          probe.filters.append(rule.isUsed)
          (probe.groupBy, probe.having, probe.orderBy, probe.limit, probe.offset) = ([], nil, [], nil, nil)
          probe.items = [Item(.call("COUNT", [], star: true))]
          storeys.append((try bind(probe), rule.said, exposed.name))
        }
        for notice in exposed.notices where uses("age_band", expose) && !report.notices.contains(notice) {
          report.notices.append(notice)
        }
      }
    }
    if let explain = statement.explain {
      report.rowCount = try self.explain(steps, explain, into: &sink)
      return report
    }
    var page = (skip: 0, left: nil as Int?)
    if steps.count > 1 {
      page = (steps[0].find.offset ?? 0, steps[0].find.limit)
      for i in steps.indices where !scenarios.isEmpty { (steps[i].find.limit, steps[i].find.offset) = (nil, nil) }
    }
    let union = UnionSink(sink, skip: page.skip, limit: page.left, isOne: steps.count == 1)
    // What tables call layers and bands in Chinese.
    union.chineseValues = [
      "layer": Dictionary(
        catalog.layers.compactMap { layer in layer.aliases.first.map { (layer.name, $0) } },
        uniquingKeysWith: { a, _ in a }),
      "age_band": Dictionary(rules.ageBands.map { ($0.band, $0.nameZH) }, uniquingKeysWith: { a, _ in a }),
    ]
    // What is personal in one layer is in the column.
    for step in steps { union.mark(step.find.items.map(\.column)) }
    for step in steps {
      try token.check()
      var target: any RowSink = union
      try execute(step.find, isOrdered: run.isOrdered, into: &target)
      if union.isFull { break }
    }
    try addStoreyRule(storeys, &report.notices)
    // Totals have no geometry of their own, which is no news here.
    let known = expose.find.items == nil ? [ShapeReader.groupsWithoutGeometry] : []
    for notice in union.notices where !known.contains(notice) && !report.notices.contains(notice) {
      report.notices.append(notice)
    }
    try union.finish()
    report.rowCount = union.rowCount
    return report
  }

  /// The statement with its own names and values as it prints them.
  private func plain(_ expose: Expose, _ names: CatalogNames, _ rules: CityRules) throws(QueryError) -> Expose {
    let layers = expose.layers.compactMap { names.layer($0.text) }
    let words = ExposeWords(rules) { name in layers.contains { names.column(name, of: $0) != nil } }
    var result = expose
    result.find = try words.plain(expose.find)
    return result
  }

  /// Metres.
  private func tolerance(of expose: Expose) throws(QueryError) -> Double {
    guard let written = expose.tolerance else { return 0 }
    var binder = FindBinder(BindState(catalog, bindContext))
    guard let metres = try binder.bind(distance: written).constantNumber, metres >= 0, metres.isFinite else {
      throw QueryError(.invalid("TOLERANCE is a fixed length, such as 0.2 m"), at: written.range)
    }
    return metres
  }

  /// Where the scenario's place lies, in the working CRS; nil where it is many places.
  private func box(of scenario: ExposeScenario) throws(QueryError) -> Box2? {
    guard !catalog.isGeographic, case .geometries(let places, _) = try bind(scenario.reference) else { return nil }
    return places.compactMap(\.box).reduce(nil) { all, box in all.map { $0.union(box) } ?? box }
  }

  // MARK: As a source

  /// `(EXPOSE layer TO reference … WHERE state = 'wet')` in the place of a FIND: the rows that are met, once each, with
  /// all their columns. Where one flood meets them they have the computed names as columns, too.
  func exposedRows(_ written: Expose) throws(QueryError) -> (find: Find, notices: [String]) {
    do { return try rows(of: written) } catch {
      if let error = error as? QueryError { throw error }
      throw QueryError(.file((error as? any UserFacingError)?.message ?? "\(error)"))
    }
  }

  private func rows(of written: Expose) throws -> (find: Find, notices: [String]) {
    let names = CatalogNames.of(catalog)
    let rules = try store.rules()
    var expose = try plain(written, names, rules)
    try refuse(expose)
    guard expose.layers.count == 1, let name = expose.layers.first else {
      throw QueryError(
        .invalid("the rows of an EXPOSE in parentheses are those of one layer"), at: expose.find.range,
        fix: "EXPOSE person TO …")
    }
    guard let layer = names.layer(name.text) else { throw names.unknownLayer(name) }
    guard !expose.byFloor else {
      throw QueryError(
        .invalid("BY FLOOR gives totals, and an EXPOSE in parentheses stands for rows"), at: expose.find.range,
        fix: "write GROUP BY floor around it")
    }
    var notices: [String] = []
    let tolerance = try tolerance(of: expose)
    let scenarios = try scenarios(of: expose, notices: &notices)
    if scenarios.isEmpty { notices.append("no flood matches, so nothing is exposed") }
    let isPlain = expose.find.items == nil && expose.find.groupBy.isEmpty
    let isFree = isPlain && expose.find.orderBy.isEmpty && expose.find.limit == nil && expose.find.offset == nil
    guard scenarios.count < 2 || isFree else {
      throw QueryError(
        .invalid(
          "an EXPOSE in parentheses with RETURN, GROUP BY, ORDER BY or LIMIT is about one flood, not "
            + "\(scenarios.count)"),
        at: expose.reference.range, fix: "name one, such as flood 'F-0720'")
    }
    let each = try (scenarios.isEmpty ? [nothing(expose)] : scenarios).map { scenario in
      let near = try box(of: scenario)
      let exposed = try ExposedLayer(
        layer, named: name, catalog, names, scenario, tolerance: tolerance, rules: rules, near: near)
      if isPlain { expose.find.items = scenarios.count < 2 ? [Item(kind: .all)] : nil }
      return find(expose, exposed, layer, name, scenario, isOnly: true)
    }
    var result = each[0]
    if each.count > 1 {
      // Met by any of them.
      let any = each.map { Expression(kind: .and($0.filters), range: expose.reference.range) }
      result = Find(source: result.source, range: expose.find.range)
      result.filters = [Expression(kind: .or(any), range: expose.reference.range)]
    }
    if scenarios.isEmpty { result.limit = .number(0) }
    return (result, notices)
  }

  /// A scenario for a reference without rows, so that the answer has its columns.
  private func nothing(_ expose: Expose) -> ExposeScenario {
    let crs = Name(text: catalog.workingCRS.description, quoted: false, range: expose.reference.range)
    return ExposeScenario(
      id: nil, reference: Reference(kind: .geometry(.wkt(.point(0, 0))), crs: crs, range: expose.reference.range),
      level: expose.level?.isNullLiteral ?? false ? .insideOnly : .constant(0))
  }

  private func refuse(_ expose: Expose) throws(QueryError) {
    let find = expose.find
    guard find.joins.isEmpty, find.nearest == nil else {
      throw QueryError(
        .notSupported("JOIN or NEAREST in an EXPOSE"), at: find.range, fix: "join the layers in a FIND instead")
    }
    if find.items == nil, find.groupBy.isEmpty, expose.layers.count > 1 { return }
    if find.distinct {
      throw QueryError(.notSupported("DISTINCT in an EXPOSE"), at: find.range, fix: "use GROUP BY")
    }
  }

  /// Whether the statement shows or asks for a computed name that goes by a rule: rules are named where they were used.
  private func uses(_ wanted: String, _ expose: Expose) -> Bool {
    let find = expose.find
    let written =
      find.filters + find.groupBy + find.orderBy.map(\.expression) + (find.having.map { [$0] } ?? [])
      + (find.items ?? []).compactMap { if case .expression(let e) = $0.kind { e } else { nil } }
    if written.contains(where: { $0.properties.contains { $0.last?.text.lowercased() == wanted } }) { return true }
    if let items = find.items { return items.contains { if case .expression = $0.kind { false } else { true } } }
    return wanted == "age_band" ? find.groupBy.isEmpty : true
  }

  /// Says for how many rows the rule stood in for an unknown height of storeys; nothing where it did for none.
  private func addStoreyRule(
    _ storeys: [(count: BoundFind, said: String, layer: String)], _ notices: inout [String]
  ) throws {
    var rows = 0
    for storey in storeys {
      let count = RowBuffer()
      var sink: any RowSink = count
      try execute(storey.count, into: &sink)
      rows += Int(count.rows.first?.first?.number ?? 0)
    }
    if rows > 0, let first = storeys.first {
      notices.append("\(first.said), for \(rows) of `\(first.layer)` whose storeys are not known")
    }
  }

  // MARK: The FIND behind it

  private func find(
    _ expose: Expose, _ exposed: ExposedLayer, _ layer: Int, _ written: Name, _ scenario: ExposeScenario, isOnly: Bool
  ) -> Find {
    var find = expose.find
    find.source = Source(
      kind: .layer(Name(text: exposed.name, quoted: true, range: written.range)), alias: nil, range: written.range)
    let place = Expression(
      kind: .spatial(SpatialClause(relation: .intersects, reference: scenario.reference)),
      range: scenario.reference.range)
    find.filters = [place] + expose.find.filters.map { exposed.written($0) }
    find.having = expose.find.having.map { exposed.written($0) }
    find.orderBy = expose.find.orderBy.map { key in
      var key = key
      key.expression = exposed.written(key.expression)
      return key
    }
    var keys = expose.find.groupBy.map { Item(kind: .expression($0)) }.flatMap { exposed.item($0) }
    if let items = expose.find.items {
      find.items = items.flatMap { exposed.item($0) }
    } else {
      func add(_ name: String, _ expression: Expression?) {
        let isThere = keys.contains { item in
          if let known = item.name { return known.text == name }
          if case .expression(let e) = item.kind, case .property(let parts) = e.kind { return parts.last?.text == name }
          return false
        }
        if !isThere { keys.append(Item(expression ?? .null, as: name)) }
      }
      // These two stand in every row anyway; naming them asks for no more than totals.
      keys.removeAll { ["scenario", "layer"].contains($0.name?.text) }
      if expose.byFloor { add("floor", exposed.computed["floor"]) }
      if expose.find.groupBy.isEmpty {
        let people = expose.layers.contains { name in
          CatalogNames.of(catalog).layer(name.text).map { catalog.layers[$0].columns.contains { $0.name == "age" } }
            ?? false
        }
        if people {
          add("age_band", exposed.computed["age_band"])
          let mobility = CatalogNames.of(catalog).column("mobility", of: layer)
          add("mobility", mobility.map { .column([catalog.layers[layer].columns[$0].name]) })
        }
      }
      find.items =
        [Item(exposed.computed["scenario"]!, as: "scenario"), Item(exposed.computed["layer"]!, as: "layer")] + keys
        + exposed.totals
    }
    // A key that is the same for all rows is none.
    find.groupBy = keys.compactMap { item in
      guard case .expression(let e) = item.kind else { return nil }
      if case .literal = e.kind { return nil }
      return e
    }
    if expose.find.items != nil, expose.find.groupBy.isEmpty { find.groupBy = [] }
    return find
  }

  private func explain(
    _ steps: [(title: String, find: BoundFind)], _ mode: Statement.Explain, into sink: inout any RowSink
  ) throws -> Int {
    var lines: [String] = []
    let executor = Executor(
      catalog: catalog, tables: SnapshotTables(snapshot), token: token, threads: run.threadCount,
      isMetered: mode == .analyze)
    for step in steps {
      lines.append("exposed: \(step.title)")
      lines += try executor.explain(step.find, analyze: mode == .analyze).map { "  " + $0 }
    }
    try sink.begin(ResultHeader(columns: [ResultColumn(name: "plan", type: .text)], crs: catalog.workingCRS))
    try sink.write(RowBatch(rowCount: lines.count, columns: [Vector(.text(lines))]))
    try sink.end(notices: [])
    return lines.count
  }
}

/// Several results with the same columns as one.
final class UnionSink: RowSink {
  private var sink: any RowSink
  private var skip: Int
  private var left: Int?
  private let isOne: Bool
  private var columnCount: Int?
  private var header: ResultHeader?
  /// Columns of doubles that are whole numbers.
  private var whole: Set<Int> = []
  /// By the name of a column that comes from nowhere.
  var chineseValues: [String: [String: String]] = [:]
  /// What any of the results tells of a person in its columns.
  private var personal: [PersonalData?] = []
  private(set) var rowCount = 0
  private(set) var notices: [String] = []

  init(_ sink: any RowSink, skip: Int, limit: Int?, isOne: Bool) {
    self.sink = sink
    self.skip = skip
    left = limit
    self.isOne = isOne
  }

  /// Nothing more is wanted.
  var isFull: Bool { left == 0 }
  var wantsShapes: Bool { sink.wantsShapes }

  /// Takes note of the columns of a result that will come; the sink is told of the first one's only.
  func mark(_ columns: [ResultColumn]) {
    for (i, column) in columns.enumerated() {
      if i == personal.count { personal.append(nil) }
      guard let kind = column.personal else { continue }
      personal[i] = personal[i] == nil || personal[i] == kind ? kind : .other
    }
  }

  func begin(_ header: ResultHeader) throws {
    if let columnCount {
      guard columnCount == header.columns.count else {
        throw QueryError(
          .invalid("RETURN gives \(header.columns.count) columns for one layer and \(columnCount) for another"))
      }
      return
    }
    columnCount = header.columns.count
    var header = header
    // Floors are whole; the arithmetic behind them is not.
    for i in header.columns.indices where header.columns[i].name == "wet_floors" && header.columns[i].origin == nil {
      header.columns[i].type = .int
      whole.insert(i)
    }
    for i in header.columns.indices where i < personal.count { header.columns[i].personal = personal[i] }
    if !isOne { header.rowCount = nil }
    for i in header.columns.indices where header.columns[i].origin == nil {
      header.columns[i].chineseValues = chineseValues[header.columns[i].name] ?? [:]
    }
    self.header = header
    try sink.begin(header)
  }

  func write(_ batch: RowBatch) throws {
    var batch = batch
    for i in whole {
      if case .double(let values) = batch.columns[i].storage {
        batch.columns[i].storage = .int(values.map { Int64($0) })
      }
    }
    let first = min(skip, batch.rowCount)
    skip -= first
    let count = min(batch.rowCount - first, left ?? .max)
    if count == 0 { return }
    if count < batch.rowCount {
      let rows = first..<first + count
      batch = RowBatch(
        rowCount: count,
        columns: batch.columns.enumerated().map { i, column in
          Vector(values: rows.map { column[$0] }, type: header?.columns[i].type)
        }, shapes: batch.shapes.isEmpty ? [] : Array(batch.shapes[rows]),
        ids: batch.ids.isEmpty ? [] : Array(batch.ids[rows]))
    }
    left = left.map { $0 - count }
    rowCount += count
    try sink.write(batch)
  }

  func end(notices: [String]) throws {
    for notice in notices where !self.notices.contains(notice) { self.notices.append(notice) }
  }

  func finish() throws { try sink.end(notices: []) }
}
