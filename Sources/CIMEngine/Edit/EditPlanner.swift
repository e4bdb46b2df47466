/// Works out the rows that an edit touches and their new values.
struct EditPlanner {
  private let context: StatementContext
  private let state: BindState

  init(_ context: StatementContext) {
    self.context = context
    state = BindState(context.catalog, context.bindContext)
  }

  private var catalog: Catalog { context.catalog }

  func plan(_ edit: Edit) throws -> EditPlan {
    switch edit {
    case .insert(let name, let columns, let rows): try insert(try layer(name), columns, rows)
    case .update(let name, let assignments, let find): try update(try layer(name), name, assignments, find)
    case .delete(let name, let find): try delete(try layer(name), name, find)
    }
  }

  private func layer(_ name: Name) throws(QueryError) -> Int {
    guard let layer = state.names.layer(name.text) else { throw state.names.unknownLayer(name) }
    return layer
  }

  // MARK: Columns

  private func target(_ name: Name, _ layer: Int) throws(QueryError) -> EditPlan.Target {
    if let column = state.names.column(name.text, of: layer) { return .column(column) }
    let known = catalog.layers[layer]
    if known.geometry != nil, state.names.isGeometry(name.text, of: layer) || name.text.lowercased() == "geom" {
      return .geometry
    }
    let names = known.columns.map(\.name) + (known.geometry.map { [$0.name] } ?? [])
    throw QueryError(
      .unknownProperty(name.text, layer: known.name), at: name.range,
      fix: Spelling.nearest(to: name.text, among: names).map { "did you mean `\($0)`?" }
        ?? "its columns are: \(CatalogNames.list(names, limit: 20))")
  }

  private func targets(_ names: [Name], _ layer: Int) throws(QueryError) -> [EditPlan.Target] {
    var result: [EditPlan.Target] = []
    for name in names {
      let target = try target(name, layer)
      if result.contains(target) {
        throw QueryError(.invalid("`\(name.text)` is given twice"), at: name.range)
      }
      result.append(target)
    }
    return result
  }

  // MARK: INSERT

  private func insert(_ layer: Int, _ names: [Name], _ rows: Edit.Rows) throws -> EditPlan {
    let targets = try targets(names, layer)
    guard let id = targets.firstIndex(of: .column(0)) else {
      throw QueryError(
        .invalid("a row of `\(catalog.layers[layer].name)` needs an `id`"), at: names.last?.range,
        fix: "name `id` among the columns, and give each row one of its own")
    }
    var values: [[Value]] = []
    var places: [Range<Int>] = []
    var notices: [String] = []
    var personal: [PersonalData?] = []
    switch rows {
    case .values(let list):
      for row in list {
        values.append(try row.map { try constant($0) })
        places.append(row[0].range.lowerBound..<row[row.count - 1].range.upperBound)
      }
    case .find(let find):
      var bound = try context.bind(find)
      guard bound.items.count == targets.count else {
        throw QueryError(
          .invalid("the FIND gives \(bound.items.count) columns for \(targets.count)"), at: find.range,
          fix: "say which with RETURN")
      }
      notices += bound.notices
      bound.notices = []
      personal = bound.items.map(\.column.personal)
      let collected = try collect(bound)
      notices += collected.notices
      values = collected.rows
      places = Array(repeating: find.range, count: values.count)
    }
    let check = EditCheck(context, state, layer: layer, targets: targets, personal: personal)
    var result: [EditPlan.Row] = []
    result.reserveCapacity(values.count)
    for (i, row) in values.enumerated() {
      let cells = try check.cells(row, place: "row \(i + 1)", at: places[i])
      result.append(EditPlan.Row(fid: 0, id: check.text(cells[id]), cells: cells))
    }
    var plan = EditPlan(
      kind: .insert, layer: layer, targets: targets, rows: result, notices: notices + check.notices)
    try check.keys(&plan, places)
    return plan
  }

  /// A value that reads no row.
  private func constant(_ expression: Expression) throws -> Value {
    var binder = FindBinder(state)
    let bound = try binder.bind(expression)
    do throws(QueryError) {
      guard let value = try context.executor.constant(bound) else {
        throw QueryError(.invalid("a value of VALUES cannot read a row"), at: expression.range)
      }
      return value
    } catch {
      var error = error
      error.range = error.range ?? expression.range
      throw error
    }
  }

  // MARK: UPDATE and DELETE

  private func update(_ layer: Int, _ name: Name, _ assignments: [Edit.Assignment], _ find: Find?) throws -> EditPlan {
    let targets = try targets(assignments.map(\.column), layer)
    let edited = try editedRows(layer, name, find, values: assignments.map(\.value))
    let (rows, places, notices) = (edited.rows, edited.places, edited.notices)
    let check = EditCheck(context, state, layer: layer, targets: targets, personal: edited.personal)
    var result: [EditPlan.Row] = []
    result.reserveCapacity(rows.count)
    var first: [Int64: Int] = [:]
    for row in rows {
      if let known = first[row.fid] {
        // A join may bring a row several times, with the same values or not.
        let cells = try check.cells(row.values, place: "'\(row.id)'", at: places)
        guard cells == result[known].cells else {
          throw QueryError(
            .invalid("'\(row.id)' is met several times, with different new values"), at: statementRange,
            fix: "make the join give one row for each, such as with JOIN NEAREST 1")
        }
        continue
      }
      first[row.fid] = result.count
      let cells = try check.cells(row.values, place: "'\(row.id)'", at: places)
      result.append(EditPlan.Row(fid: row.fid, id: row.id, cells: cells))
    }
    var plan = EditPlan(
      kind: .update, layer: layer, targets: targets, rows: result, notices: notices + check.notices)
    try check.keys(&plan, [])
    return plan
  }

  private func delete(_ layer: Int, _ name: Name, _ find: Find?) throws -> EditPlan {
    let edited = try editedRows(layer, name, find, values: [])
    var seen = Set<Int64>()
    var plan = EditPlan(kind: .delete, layer: layer, targets: [], rows: [], notices: edited.notices)
    for row in edited.rows where seen.insert(row.fid).inserted {
      plan.rows.append(EditPlan.Row(fid: row.fid, id: row.id, cells: []))
    }
    try EditCheck(context, state, layer: layer, targets: []).keys(&plan, [])
    return plan
  }

  private var statementRange: Range<Int> { context.statement.range }

  private struct FoundRow {
    var fid: Int64
    var id: String
    var values: [Value]
  }

  /// The rows that the clauses choose, with the new values.
  private func editedRows(
    _ layer: Int, _ name: Name, _ find: Find?, values: [Expression]
  ) throws -> (rows: [FoundRow], places: Range<Int>, notices: [String], personal: [PersonalData?]) {
    var find = find ?? Find(source: Source(kind: .layer(name), alias: nil, range: name.range), range: name.range)
    guard find.items == nil, find.groupBy.isEmpty, find.having == nil, !find.distinct else {
      throw QueryError(
        .invalid("an edit has no RETURN, GROUP BY or HAVING"), at: find.range, fix: "its answer is the number of rows")
    }
    let id = Expression(
      kind: .property([name, Name(text: "id", quoted: true, range: name.range)]), range: name.range)
    let all = [id] + values
    find.items = all.enumerated().map { i, expression in
      Item(kind: .expression(expression), name: Name(text: "v\(i)", quoted: true, range: expression.range))
    }
    var bound = try context.bind(find)
    let notices = bound.notices
    bound.notices = []
    let collected = try collect(bound)
    let segment = try context.snapshot.segment(layer)
    var rows: [FoundRow] = []
    rows.reserveCapacity(collected.rows.count)
    for row in collected.rows {
      guard case .text(let id) = row[0], let number = try segment.row(id: id) else {
        throw StoreError(.content, "`\(catalog.layers[layer].name)` has rows without an id; `cimq check` says which")
      }
      rows.append(FoundRow(fid: try segment.fid(number), id: id, values: Array(row[1...])))
    }
    let place = values.first.map { $0.range.lowerBound..<(values.last!.range.upperBound) } ?? statementRange
    return (rows, place, notices + collected.notices, bound.items.dropFirst().map(\.column.personal))
  }

  private func collect(_ find: BoundFind) throws -> (rows: [[Value]], notices: [String]) {
    let collector = RowBuffer(token: context.token)
    var sink: any RowSink = collector
    try context.execute(find, into: &sink)
    return (collector.rows, collector.notices)
  }
}
