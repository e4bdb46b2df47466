// statement = [EXPLAIN [ANALYZE]] (find | count | let | expose | allocate | link | brief | edit) [export]
extension Parser {
  static let verbs: [Keyword] = [
    .find, .select, .count, .let, .expose, .allocate, .link, .brief, .insertInto, .update, .deleteFrom, .begin,
    .commit, .rollback, .explain,
  ]

  mutating func script() throws(QueryError) -> Script {
    var statements: [Statement] = []
    while true {
      while accept(symbol: ";") {}
      if token.kind == .end { return Script(statements: statements) }
      statements.append(try statement())
      guard token.isSymbol(";") || token.kind == .end else { throw afterStatement(statements.last!) }
    }
  }

  private func afterStatement(_ statement: Statement) -> QueryError {
    if statement.export != nil { return unexpected("`;` or the end after EXPORT TO, which comes last") }
    if token.kind == .string, position == aliasPosition, position > 0, tokens[position - 1].isName {
      return unexpected(
        "a clause such as WHERE or RETURN", fix: "to find one row write `WHERE id = \(Printer.text(token.text))`")
    }
    if case .brief = statement.body, atAny(Self.clauseStarts) {
      return unexpected(
        "RADIUS, EXPORT TO, `;` or the end",
        fix: "a brief is about one place and has no conditions: BRIEF hazard 'HZ-0231' RADIUS 2 km")
    }
    if ["NEAR", "NEARBY", "CLOSEST", "AROUND", "附近"].contains(token.key) {
      return unexpected(
        "a clause such as WHERE or RETURN", fix: "write NEAREST 3 TO AT(lon, lat), or WITHIN 500 m OF AT(lon, lat)")
    }
    if token.kind == .name, position > 0, tokens[position - 1].key == "NEAREST" {
      return unexpected(
        "a clause such as WHERE or RETURN", fix: "write FIND \(token.text) NEAREST 3 TO AT(lon, lat)")
    }
    let near = Self.clauseStarts + [.exportTo]
    if token.isSymbol(","), case .find(let find) = statement.body, find.filters.isEmpty,
      find.items == nil || isSelect(find)
    {
      return unexpected(
        "a clause such as WHERE or RETURN",
        fix: "join layers with JOIN … ON: FIND unit AS u JOIN building AS b ON u.building = b.id")
    }
    let plain = unexpected("a clause such as WHERE or RETURN, `;` or the end", near: near)
    guard plain.fix == nil, token.isName, position == aliasPosition else { return plain }
    return unexpected("a clause such as WHERE or RETURN", fix: "an alias needs AS: `AS \(token.text)`")
  }

  /// SELECT names its items before its source.
  private func isSelect(_ find: Find) -> Bool { find.items != nil && find.groupBy.isEmpty && find.orderBy.isEmpty }

  private mutating func statement() throws(QueryError) -> Statement {
    let start = token.range.lowerBound
    var explain: Statement.Explain?
    if accept(.explain) { explain = accept(.analyze) ? .analyze : .plan }
    let body = try statementBody()
    let export = accept(.exportTo) ? try exportTail() : nil
    return Statement(explain: explain, body: body, export: export, range: range(from: start))
  }

  private mutating func statementBody() throws(QueryError) -> Statement.Body {
    if let find = try findStatement() { return .find(find) }
    if accept(.let) { return try letTail() }
    if accept(.expose) { return .expose(try exposeTail()) }
    if accept(.allocate) { return .allocate(try allocateTail()) }
    if accept(.link) { return .link(try linkTail()) }
    if accept(.brief) {
      let reference = try reference()
      return .brief(Brief(reference: reference, radius: accept(.radius) ? try distance() : nil))
    }
    if accept(.insertInto) { return .edit(try insertTail(), dryRun: accept(.dryRun)) }
    if accept(.update) { return .edit(try updateTail(), dryRun: accept(.dryRun)) }
    if accept(.deleteFrom) { return .edit(try deleteTail(), dryRun: accept(.dryRun)) }
    if accept(.begin) { return .transaction(.begin) }
    if accept(.commit) { return .transaction(.commit) }
    if accept(.rollback) { return .transaction(.rollback) }
    let isShells = token.isSymbol(".") || ["HELP", "QUIT", "EXIT", "帮助", "退出"].contains(token.key)
    throw unexpected(
      "a statement: FIND, SELECT, COUNT, LET, EXPOSE, ALLOCATE, LINK, BRIEF, INSERT INTO, UPDATE or DELETE FROM",
      near: Self.verbs, fix: isShells ? "dot commands such as .help and .quit belong to cimq shell" : nil)
  }

  /// FIND, SELECT or COUNT, or nil when none of them stands here.
  mutating func findStatement() throws(QueryError) -> Find? {
    let start = token.range.lowerBound
    try enter()
    defer { leave() }
    if accept(.find) { return try findTail(from: start, verb: .find) }
    if accept(.count) { return try findTail(from: start, verb: .count) }
    guard accept(.select) else { return nil }
    let (items, distinct) = try items()
    try expect(.from, after: "the columns of SELECT")
    var find = try findTail(from: start, verb: .select)
    find.items = items
    find.distinct = distinct
    return find
  }

  private mutating func letTail() throws(QueryError) -> Statement.Body {
    guard token.kind == .parameter else { throw unexpected("a name with `$` after LET, such as `$flood`") }
    let name = token.text
    advance()
    try expect(symbol: "=", "`=` after the name of LET")
    return .let(name: name, try reference())
  }

  mutating func exposeTail() throws(QueryError) -> Expose {
    let start = token.range.lowerBound
    var layers = [try name("a layer")]
    while accept(symbol: ",") { layers.append(try name("a layer")) }
    try expect(.to, after: "the layers of EXPOSE")
    let reference = try reference()
    let source = Source(kind: .layer(layers[0]), alias: nil, range: layers[0].range)
    var result = Expose(
      layers: layers, reference: reference, level: nil, byFloor: false, tolerance: nil,
      find: Find(source: source, range: start..<start))
    while true {
      if result.level == nil, accept(.level) {
        result.level = try expression(.additive)
      } else if !result.byFloor, accept(.byFloor) {
        result.byFloor = true
      } else if result.tolerance == nil, accept(.tolerance) {
        result.tolerance = try distance()
      } else {
        break
      }
    }
    try clauses(&result.find, verb: .find)
    result.find.range = range(from: start)
    return result
  }

  /// A source with conditions stands in parentheses.
  private mutating func expect(_ keyword: Keyword, afterSource what: String) throws(QueryError) {
    let isStatement = position > 0 && ["EXPOSE", "FIND", "SELECT", "暴露", "查找"].contains(tokens[position - 1].key)
    if atAny(Self.clauseStarts) || isStatement {
      throw unexpected(
        "\(Words.table[keyword.rawValue].english) after \(what)",
        fix: "a source with conditions stands in parentheses: (FIND person INSIDE flood 'F-0720')")
    }
    try expect(keyword, after: what)
  }

  private mutating func allocateTail() throws(QueryError) -> Allocate {
    let from = try source()
    try expect(.to, afterSource: "the source of ALLOCATE")
    let to = try source()
    if !at(.capacity), !atAny(Self.clauseStarts) {
      throw unexpected(
        "CAPACITY after the places of ALLOCATE", near: [.capacity],
        fix: "say how many each has room for: CAPACITY capacity - occupied")
    }
    try expect(.capacity, afterSource: "the places of ALLOCATE")
    var result = Allocate(from: from, to: to, capacity: try expression(.additive))
    while true {
      if result.demand == nil, accept(.demand) {
        result.demand = try expression(.additive)
      } else if result.maximum == nil, accept(.max) {
        result.maximum = try distance()
      } else if result.keepTogether == nil, accept(.keep) {
        result.keepTogether = try name("a column after KEEP")
        try expect(.together, after: "the column of KEEP")
      } else if result.road == nil, let road = try road() {
        result.road = road
      } else if result.groupBy == nil, accept(.groupBy) {
        result.groupBy = try name("the layer of the places after GROUP BY")
      } else {
        return result
      }
    }
  }

  private mutating func linkTail() throws(QueryError) -> LinkLayers {
    let layer = try name("a layer after LINK")
    try expect(.to, after: "the layer of LINK")
    let target = try name("a layer after TO")
    try expect(.byInside, after: "the layers of LINK")
    var within: Expression?
    if accept(.else) {
      try expect(.nearest, after: "ELSE")
      try expect(.within, after: "NEAREST")
      within = try distance()
    }
    return LinkLayers(layer: layer, target: target, elseNearestWithin: within, dryRun: accept(.dryRun))
  }

  // MARK: Edits

  private mutating func insertTail() throws(QueryError) -> Edit {
    let layer = try name("a layer after INSERT INTO")
    try expect(symbol: "(", "`(` and the columns to fill")
    var columns = [try name("a column")]
    while accept(symbol: ",") { columns.append(try name("a column")) }
    try expect(symbol: ")")
    if let find = try findStatement() { return .insert(into: layer, columns: columns, .find(find)) }
    try expect(.values, after: "the columns (or a FIND)")
    var rows: [[Expression]] = []
    repeat {
      let start = token.range.lowerBound
      try expect(symbol: "(", "`(` and the values of a row")
      var row = [try expression()]
      while accept(symbol: ",") { row.append(try expression()) }
      try expect(symbol: ")")
      guard row.count == columns.count else {
        throw QueryError(
          .invalid("a row has \(row.count) values for \(columns.count) columns"), at: range(from: start))
      }
      rows.append(row)
    } while accept(symbol: ",")
    return .insert(into: layer, columns: columns, .values(rows))
  }

  private mutating func updateTail() throws(QueryError) -> Edit {
    let layer = try name("a layer after UPDATE")
    try expect(.set, after: "the layer of UPDATE")
    var assignments: [Edit.Assignment] = []
    repeat {
      let column = try name("a column")
      try expect(symbol: "=", "`=` and the new value")
      assignments.append(Edit.Assignment(column: column, value: try expression()))
    } while accept(symbol: ",")
    return .update(layer, assignments, find: try editedRows(of: layer))
  }

  private mutating func deleteTail() throws(QueryError) -> Edit {
    let layer = try name("a layer after DELETE FROM")
    return .delete(layer, find: try editedRows(of: layer))
  }

  /// `{ clause } | ALL`: an edit of every row has to say so.
  private mutating func editedRows(of layer: Name) throws(QueryError) -> Find? {
    if accept(.all) { return nil }
    let start = layer.range.lowerBound
    let before = position
    var find = Find(source: Source(kind: .layer(layer), alias: nil, range: layer.range), range: start..<start)
    try clauses(&find, verb: .edit)
    guard position > before else {
      throw unexpected(
        "WHERE or another clause that says which rows", near: Self.clauseStarts,
        fix: token.kind == .name && !at(.exportTo)
          ? nil : "write ALL to change every row")
    }
    find.range = range(from: start)
    return find
  }

  // MARK: Export

  private mutating func exportTail() throws(QueryError) -> Export {
    var export = Export(path: try string("a path in single quotes after EXPORT TO, such as 'out.geojson'"))
    while true {
      if export.format == nil, accept(.format) {
        guard token.isName || token.kind == .string else { throw unexpected("a format such as geojson or csv") }
        export.format = token.text
        advance()
      } else if export.crs == nil, accept(.crs) {
        export.crs = try crsName()
      } else if export.precision == nil, accept(.precision) {
        export.precision = try integer("PRECISION", from: 0)
      } else {
        return export
      }
    }
  }
}
