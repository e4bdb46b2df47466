// find = (FIND source | SELECT items FROM source) { clause }
extension Parser {
  enum Verb { case find, select, count, edit }

  /// Words that a clause begins with: where one may stand, a name ends before it.
  static let clauseStarts: [Keyword] = [
    .where, .inside, .intersects, .touches, .contains, .within, .beyond, .nearest, .join, .leftJoin, .innerJoin,
    .leftOuterJoin, .onFloor, .belowElevation, .aboveElevation, .return, .groupBy, .having, .orderBy, .limit, .offset,
    .naturalFrom, .naturalIn,
  ]

  /// Words that end an operand wherever they stand after one.
  static let followers: [Keyword] =
    clauseStarts + [
      .and, .or, .not, .like, .between, .in, .is, .isNull, .isNotNull, .div, .as, .from, .on, .to, .of, .ascending,
      .descending, .nullsFirst, .nullsLast, .exportTo, .when, .then, .else, .end, .byRoad, .byFloor, .byInside, .in3D,
      .naturalWithin, .naturalBeyond, .naturalInside, .particle,
    ]

  mutating func findTail(from start: Int, verb: Verb) throws(QueryError) -> Find {
    var naturalFilters: [Expression] = []
    var nearest: Nearest?
    while atNaturalClause {
      switch try naturalClause() {
      case .filter(let filter): naturalFilters.append(filter)
      case .nearest(let clause): try setNearest(&nearest, clause)
      }
    }
    if !naturalFilters.isEmpty || nearest != nil { _ = accept(.particle) }
    try refuseClauseAsSource()
    var find = Find(source: try source(), range: start..<start)
    find.filters = naturalFilters
    find.nearest = nearest
    try clauses(&find, verb: verb)
    if verb == .count { try countItems(&find) }
    find.range = range(from: start)
    return find
  }

  /// `FIND WHERE height > 3`: the layer was forgotten.
  private func refuseClauseAsSource() throws(QueryError) {
    guard atAny([.where, .return, .groupBy, .orderBy, .limit]), startsOperand(1) else { return }
    throw unexpected("a layer", fix: "name the layer first: `FIND building \(token.text) …`")
  }

  /// `COUNT x` is `FIND x RETURN COUNT(*) AS count`, with the keys of GROUP BY before it.
  private mutating func countItems(_ find: inout Find) throws(QueryError) {
    guard find.items == nil else {
      throw QueryError(
        .invalid("COUNT returns the count alone"), at: find.source.range, fix: "use FIND … RETURN …, COUNT(*)")
    }
    let place = find.source.range.lowerBound..<find.source.range.lowerBound
    let star = Expression(
      kind: .call(Name(text: "COUNT", quoted: false, range: place), [], distinct: false, star: true), range: place)
    find.items =
      find.groupBy.map { Item(kind: .expression($0)) }
      + [Item(kind: .expression(star), name: Name(text: "count", quoted: false, range: place))]
  }

  private mutating func setNearest(_ nearest: inout Nearest?, _ clause: Nearest) throws(QueryError) {
    guard nearest == nil else {
      throw QueryError(.invalid("a statement has one NEAREST"), at: clause.range, fix: "use JOIN NEAREST for another")
    }
    nearest = clause
  }

  // MARK: Sources

  mutating func source() throws(QueryError) -> Source {
    let start = token.range.lowerBound
    let kind: Source.Kind
    if token.kind == .parameter {
      kind = .set(token.text)
      advance()
    } else if token.isSymbol("("), atFind(1) {
      advance()
      kind = .find(try findStatement()!)
      try expect(symbol: ")", "`)` after the subquery")
    } else if token.isSymbol("("), atExpose(1) {
      kind = .expose(try exposeInParentheses())
    } else {
      kind = .layer(try name("a layer, `$name` or `(FIND …)`"))
    }
    if accept(.as) { return Source(kind: kind, alias: try name("an alias after AS"), range: range(from: start)) }
    aliasPosition = position
    return Source(kind: kind, alias: nil, range: range(from: start))
  }

  /// Whether an EXPOSE begins `ahead`: the word, a layer, then what must follow.
  func atExpose(_ ahead: Int = 0) -> Bool {
    at(.expose, ahead) && token(ahead + 1).isName && (at(.to, ahead + 2) || token(ahead + 2).isSymbol(","))
  }

  /// `(EXPOSE …)` in the place of a FIND in parentheses.
  mutating func exposeInParentheses() throws(QueryError) -> Expose {
    try enter()
    defer { leave() }
    advance()
    _ = accept(.expose)
    let expose = try exposeTail()
    try expect(symbol: ")", "`)` after the EXPOSE")
    return expose
  }

  /// Whether a FIND or SELECT begins `ahead`: the word, then what can only be its source or items.
  func atFind(_ ahead: Int = 0) -> Bool {
    let isSelect = at(.select, ahead)
    guard isSelect || at(.find, ahead) || at(.count, ahead) else { return false }
    let next = token(ahead + 1)
    switch next.kind {
    case .quotedName, .parameter: return true
    case .string, .number: return isSelect
    case .name: return !Words.isReserved(next.key) || isSelect
    case .symbol:
      if next.text == "(" { return isSelect || atFind(ahead + 2) || atExpose(ahead + 2) }
      return isSelect && next.text == "*" && (at(.from, ahead + 2) || token(ahead + 2).isSymbol(","))
    case .end: return false
    }
  }

  // MARK: Clauses

  mutating func clauses(_ find: inout Find, verb: Verb) throws(QueryError) {
    while true {
      let start = token.range.lowerBound
      if accept(.where) {
        find.filters.append(try expression())
      } else if let join = try join() {
        find.joins.append(join)
      } else if atNaturalClause {
        switch try naturalClause() {
        case .filter(let filter): find.filters.append(filter)
        case .nearest(let clause): try setNearest(&find.nearest, clause)
        }
      } else if let filter = try spatialClause() {
        find.filters.append(filter)
      } else if at(.nearest) {
        try setNearest(&find.nearest, try nearestClause(&find))
      } else if accept(.return) {
        try once(find.items == nil && verb != .select, "RETURN", from: start)
        (find.items, find.distinct) = try items()
      } else if accept(.groupBy) {
        try once(find.groupBy.isEmpty, "GROUP BY", from: start)
        find.groupBy = [try expression()]
        while accept(symbol: ",") { find.groupBy.append(try expression()) }
        if at(.as) { throw unexpected("a clause such as RETURN", fix: "name a key in RETURN: `RETURN … AS name`") }
      } else if accept(.having) {
        try once(find.having == nil, "HAVING", from: start)
        find.having = try expression()
      } else if accept(.orderBy) {
        try once(find.orderBy.isEmpty, "ORDER BY", from: start)
        find.orderBy = [try sortKey()]
        while accept(symbol: ",") { find.orderBy.append(try sortKey()) }
      } else if accept(.limit) {
        try once(find.limit == nil, "LIMIT", from: start)
        find.limit = try count("LIMIT", from: 0)
        _ = accept(.measure)
      } else if accept(.offset) {
        try once(find.offset == nil, "OFFSET", from: start)
        find.offset = try count("OFFSET", from: 0)
      } else if atCommaBetweenClauses {
        advance()
      } else {
        return
      }
    }
  }

  /// 查找……的建筑，条件层数>6: a Chinese comma before a clause is a pause and nothing more.
  private var atCommaBetweenClauses: Bool {
    guard !strict, token.isSymbol(","), slice(token.range) == "\u{FF0C}" else { return false }
    return atAny(Self.clauseStarts, 1) || at(.exportTo, 1) || at(.not, 1)
  }

  private func once(_ isFirst: Bool, _ clause: String, from start: Int) throws(QueryError) {
    if !isFirst {
      let what = clause == "RETURN" ? "the columns to return are given twice" : "\(clause) is given twice"
      throw QueryError(.invalid(what), at: range(from: start))
    }
  }

  private mutating func sortKey() throws(QueryError) -> SortKey {
    var key = SortKey(expression: try expression())
    if accept(.descending) { key.descending = true } else { _ = accept(.ascending) }
    if accept(.nullsFirst) { key.nullsFirst = true } else if accept(.nullsLast) { key.nullsFirst = false }
    return key
  }

  /// items = [DISTINCT] ("*" | alias ".*" | expr [AS name]) { "," … }
  mutating func items() throws(QueryError) -> ([Item], distinct: Bool) {
    var distinct = false
    if atDistinct || at(.distinct) && token(1).isSymbol("*") { distinct = accept(.distinct) }
    var items: [Item] = []
    repeat {
      if accept(symbol: "*") {
        items.append(Item(kind: .all))
      } else if token.isName, token(1).isSymbol("."), token(2).isSymbol("*") {
        items.append(Item(kind: .allOf(try name("an alias"))))
        advance(2)
      } else {
        var item = Item(kind: .expression(try expression()))
        if accept(.as) { item.name = try name("a name after AS") } else { aliasPosition = position }
        items.append(item)
      }
    } while accept(symbol: ",")
    return (items, distinct)
  }

  // MARK: Joins

  private mutating func join() throws(QueryError) -> Join? {
    let start = token.range.lowerBound
    let isLeft = at(.leftJoin) || at(.leftOuterJoin)
    guard accept(.leftJoin) || accept(.leftOuterJoin) || accept(.innerJoin) || accept(.join) else { return nil }
    if at(.nearest), [.number, .parameter].contains(token(match(.nearest)).kind) {
      _ = accept(.nearest)
      let count = try count("the number after NEAREST", from: 1)
      _ = accept(.measure)
      let source = try source()
      var within: Expression?
      if at(.within), !isWithinOf {
        _ = accept(.within)
        within = try distance()
        aliasPosition = -1
      }
      let from = accept(.from) ? try name("an alias after FROM") : nil
      return Join(
        isLeft: isLeft, source: source, condition: .nearest(count: count, within: within, from: from),
        range: range(from: start))
    }
    let source = try source()
    guard accept(.on) else {
      let near: [Keyword] = [.on, .as]
      if token.isName, position == aliasPosition, unexpected("", near: near).fix == nil {
        throw unexpected("ON and a condition", fix: "an alias needs AS: `AS \(token.text)`")
      }
      throw unexpected("ON and a condition after the source of JOIN", near: near)
    }
    let condition: Join.Condition
    if at(.within), startsOperand(match(.within)) {
      let first = token.range.lowerBound
      _ = accept(.within)
      let distance = try distance()
      if at(.of) {
        let clause = try finishWithin(distance, from: first)
        condition = .on(try expression(.or, seed: clause))
      } else if isIn3D || at(.in3D) {
        // Means the source that is joined, as without IN 3D.
        guard let name = source.alias ?? source.layerName else {
          throw unexpected("OF and what the distance is from", near: [.of])
        }
        let joined = Reference(kind: .named(name, key: nil), crs: nil, range: name.range)
        condition = .on(try expression(.or, seed: try finishSpatial(.within(distance), joined, from: first)))
      } else {
        condition = .within(distance)
      }
    } else {
      condition = .on(try expression())
    }
    return Join(isLeft: isLeft, source: source, condition: condition, range: range(from: start))
  }

  /// Whether the WITHIN that stands here is `WITHIN dist OF`: a clause of its own after NEAREST, not its bound.
  /// Looks for OF before anything that a distance cannot hold, at the same depth of brackets.
  private var isWithinOf: Bool {
    var ahead = match(.within)
    var open = 0
    while true {
      let next = token(ahead)
      if next.kind == .end || next.isSymbol(";") { return false }
      if next.isSymbol("(") { open += 1 }
      if next.isSymbol(")") { open -= 1 }
      if open < 0 { return false }
      if open == 0, next.kind == .name {
        if at(.of, ahead) { return true }
        if atAny(Self.clauseStarts, ahead) || at(.exportTo, ahead) || at(.byRoad, ahead) || at(.from, ahead) {
          return false
        }
      }
      ahead += 1
    }
  }

  // MARK: Nearest

  /// NEAREST n [WITH TIES] TO reference [WITHIN dist] [BY ROAD [AVOIDING reference]]
  private mutating func nearestClause(_ find: inout Find) throws(QueryError) -> Nearest {
    let start = token.range.lowerBound
    _ = accept(.nearest)
    if at(.to) {
      throw unexpected("the number after NEAREST, a whole number", fix: "say how many: NEAREST 1 TO …")
    }
    let count = try count("the number after NEAREST", from: 1)
    _ = accept(.measure)
    let ties = accept(.withTies)
    try expect(.to, after: "NEAREST \(count)")
    return try nearestTail(count: count, ties: ties, reference: try reference(), from: start)
  }

  private mutating func nearestTail(count: Count, ties: Bool, reference: Reference, from start: Int) throws(QueryError)
    -> Nearest
  {
    if isIn3D || at(.in3D) {
      throw QueryError(
        .notSupported("NEAREST … IN 3D"), at: token.range,
        fix: "ask WITHIN 200 m OF … IN 3D ORDER BY distance LIMIT \(count)")
    }
    var within: Expression?
    if at(.within), !atNaturalClause, !isWithinOf {
      _ = accept(.within)
      within = try distance()
    }
    return Nearest(
      count: count, withTies: ties, reference: reference, within: within, road: try road(), range: range(from: start))
  }

  /// BY ROAD [AVOIDING reference]
  mutating func road() throws(QueryError) -> Road? {
    guard accept(.byRoad) else { return nil }
    return Road(avoiding: accept(.avoiding) ? try reference() : nil)
  }

  // MARK: Natural Chinese order

  enum NaturalClause {
    case filter(Expression)
    case nearest(Nearest)
  }

  /// 距离 reference …, 在 reference 内, 距 reference 最近 n: the word, then a reference and not a distance.
  var atNaturalClause: Bool { isNaturalClause(0) }

  func isNaturalClause(_ ahead: Int) -> Bool {
    guard !strict, atAny([.naturalDistance, .naturalFrom, .naturalIn], ahead) else { return false }
    return startsReference(ahead + 1) && !token(ahead + 2).isSymbol(".")
  }

  /// { 距离 reference dist (以内|以外) | 在 reference (内|相交) | (距|距离) reference 最近 n [个] }
  mutating func naturalClause() throws(QueryError) -> NaturalClause {
    let start = token.range.lowerBound
    if accept(.naturalIn) {
      let reference = try reference()
      guard at(.naturalInside) || at(.intersects) else { throw unexpected("内 or 相交 after 在 …") }
      let relation: SpatialClause.Relation = accept(.intersects) ? .intersects : .inside
      if relation == .inside { _ = accept(.naturalInside) }
      return .filter(try finishSpatial(relation, reference, from: start))
    }
    advance()
    let reference = try reference()
    if accept(.nearest) {
      _ = accept(.particle)
      let count = try count("最近 的个数", from: 1)
      _ = accept(.measure)
      return .nearest(try nearestTail(count: count, ties: accept(.withTies), reference: reference, from: start))
    }
    let distance = try distance()
    guard at(.naturalWithin) || at(.naturalBeyond) else { throw unexpected("以内 or 以外 after the distance") }
    let relation: SpatialClause.Relation = accept(.naturalWithin) ? .within(distance) : .beyond(distance)
    if case .beyond = relation { _ = accept(.naturalBeyond) }
    return .filter(try finishSpatial(relation, reference, from: start))
  }
}
