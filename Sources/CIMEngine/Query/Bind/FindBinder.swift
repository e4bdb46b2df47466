/// Binds one FIND: its scope grows as sources are joined, and names are resolved in what it holds so far.
struct FindBinder {
  /// A source that names may mean, with what the binder knows of it beyond ``BoundSource``.
  struct ScopeSource {
    var bound: BoundSource
    /// As written after AS.
    var alias: String?
    /// The layer whose rows these are, or stand behind these (of a subquery): for links and geometry.
    var layer: Int?
  }

  /// Whether an aggregate may stand where an expression is bound.
  enum AggregateRule: Equatable {
    /// The place, for the message: WHERE, ON, GROUP BY.
    case forbidden(String)
    case allowed
    case insideAggregate
  }

  /// A key of GROUP BY as written and as bound.
  struct GroupKey {
    var syntax: Expression
    var bound: BoundExpression
    var label: ColumnLabel
  }

  let state: BindState
  var sources: [ScopeSource] = []
  var joins: [BoundJoin] = []
  var distances: [BoundDistance] = []
  /// The slot that bare `distance` means, and those of joins by source.
  var mainDistance: Int?
  var joinDistances: [(source: Int, slot: Int)] = []
  /// The clause behind `mainDistance`, bound already.
  var measuredClause: (clause: SpatialClause, reference: BoundReference)?
  var aggregateRule = AggregateRule.forbidden("WHERE")
  var aggregates: [BoundAggregate] = []
  /// nil: not grouped.
  var groupKeys: [GroupKey]?
  /// The items bound so far, which ORDER BY and HAVING may name.
  var namedItems: [(name: String, item: BoundItem)] = []
  /// What the expression being bound reads.
  var touched: Set<Int> = []
  var touchesRows = false

  init(_ state: BindState) { self.state = state }

  var names: CatalogNames { state.names }
  var catalog: Catalog { state.catalog }

  static func bind(_ find: Find, _ state: BindState) throws(QueryError) -> BoundFind {
    state.depth += 1
    defer { state.depth -= 1 }
    guard state.depth <= 50 else {
      throw QueryError(.invalid("subqueries and sets are nested too deeply (more than 50 levels)"), at: find.range)
    }
    var binder = FindBinder(state)
    return try binder.bind(find)
  }

  mutating func bind(_ find: Find) throws(QueryError) -> BoundFind {
    try add(find.source)
    try prepareDistance(find)
    for join in find.joins { try bind(join) }
    try prepareSpaceDistance(find)
    var result = BoundFind(
      sources: [], joins: [], sourceFilters: [], nearest: nil, joinedFilters: [], grouping: nil, items: [],
      distinct: find.distinct, having: nil, orderBy: [], limit: try count(find.limit, "LIMIT", from: 0),
      offset: try count(find.offset, "OFFSET", from: 0), distances: [],
      shapeSource: nil, shapeKey: nil, notices: [])
    for filter in find.filters { try split(filter, into: &result) }
    result.nearest = try bindNearest(find)
    try bindItems(find, into: &result)
    result.sources = sources.map(\.bound)
    result.joins = joins
    result.distances = distances
    result.markPersonal(in: catalog)
    return result
  }

  // MARK: Sources

  private mutating func add(_ source: Source) throws(QueryError) {
    let added = try scopeSource(source)
    if let other = sources.first(where: { equal($0.bound.name, added.bound.name) }) {
      throw QueryError(
        .invalid("two sources are named `\(other.bound.name)`"), at: source.range,
        fix: "give one another name with AS: `\(other.bound.name) AS \(other.bound.name)2`")
    }
    sources.append(added)
  }

  private mutating func scopeSource(_ source: Source) throws(QueryError) -> ScopeSource {
    switch source.kind {
    case .layer(let name):
      guard let layer = names.layer(name.text) else { throw names.unknownLayer(name) }
      return scopeSource(layer: layer, alias: source.alias?.text)
    case .find(let find):
      return scopeSource(try FindBinder.bind(find, state), alias: source.alias?.text)
    case .expose(let expose):
      let rows = try state.context.exposed.rows(expose)
      for notice in rows.notices { state.note(notice) }
      return scopeSource(try FindBinder.bind(rows.find, state), alias: source.alias?.text)
    case .set(let name):
      guard let set = state.context.session.sets[name] else { throw state.unknownSet(name, at: source.range) }
      let alias = source.alias ?? Name(text: name, quoted: false, range: source.range)
      if let kind = Source.Kind(set) {
        do { return try scopeSource(Source(kind: kind, alias: alias, range: source.range)) } catch {
          // Places in the set's own text mean nothing here.
          throw QueryError(error.reason, at: source.range, fix: error.fix)
        }
      }
      guard case .named(let layer, let key?) = set.kind else {
        throw QueryError(
          .invalid("`$\(name)` is a geometry and has no rows"), at: source.range,
          fix: "use it as a place: FIND building INSIDE $\(name)")
      }
      let id = try feature(layer, key: key, wantsGeometry: false, at: source.range).match.id
      let column = Expression(
        kind: .property([Name(text: "id", quoted: false, range: source.range)]), range: source.range)
      let value = Expression(kind: .literal(.text(id)), range: source.range)
      var find = Find(source: Source(kind: .layer(layer), alias: nil, range: source.range), range: source.range)
      find.filters = [Expression(kind: .compare(.equal, column, value), range: source.range)]
      return scopeSource(try FindBinder.bind(find, state), alias: alias.text)
    }
  }

  private func scopeSource(layer: Int, alias: String?) -> ScopeSource {
    let known = catalog.layers[layer]
    let columns = known.columns.map {
      BoundColumn(
        name: $0.name, type: $0.type, unit: $0.unit, enumeration: $0.enumeration,
        origin: ResultColumn.Origin(layer: known.name, column: $0.name))
    }
    return ScopeSource(
      bound: BoundSource(
        kind: .layer(layer), name: alias ?? known.name, columns: columns, geometryPath: names.geometryPath(of: layer)),
      alias: alias, layer: layer)
  }

  private func scopeSource(_ find: BoundFind, alias: String?) -> ScopeSource {
    let base = baseLayer(of: find)
    let columns = find.items.map { item in
      let column = item.column.origin.flatMap { catalogColumn($0) }
      return BoundColumn(
        name: item.column.name, type: item.column.type, unit: column?.unit, enumeration: column?.enumeration,
        origin: item.column.origin)
    }
    let name = alias ?? base.map { catalog.layers[$0].name } ?? "subquery"
    return ScopeSource(
      bound: BoundSource(
        kind: .find(find), name: name, columns: columns, geometryPath: base.flatMap { names.geometryPath(of: $0) }),
      alias: alias, layer: base)
  }

  /// The layer whose rows stand behind those of a subquery, one for one.
  private func baseLayer(of find: BoundFind) -> Int? {
    guard find.grouping == nil, let source = find.shapeSource else { return nil }
    switch find.sources[source].kind {
    case .layer(let layer): return layer
    case .find(let inner): return baseLayer(of: inner)
    }
  }

  func catalogColumn(_ origin: ResultColumn.Origin) -> Catalog.Column? {
    guard let layer = names.layer(origin.layer), let column = names.column(origin.column, of: layer) else { return nil }
    return catalog.layers[layer].columns[column]
  }

  func equal(_ a: String, _ b: String) -> Bool { a == b || a.lowercased() == b.lowercased() }

  // MARK: Joins

  private mutating func bind(_ join: Join) throws(QueryError) {
    try add(join.source)
    let index = sources.count - 1
    aggregateRule = .forbidden("ON")
    let condition: BoundJoin.Condition
    switch join.condition {
    case .on(let expression):
      let bound = try bind(condition: expression)
      condition = .on(bound)
      if let space = bound.conjuncts.lazy.compactMap(\.spaceWithin).first(where: { $0.partner?.source == index }) {
        joinDistances.append((index, distances.count))
        distances.append(BoundDistance(measure: .reference(.space(space))))
      }
    case .within(let distance):
      try requireGeometry(0, at: join.range)
      try requireGeometry(index, at: join.source.range)
      condition = .within(try bind(distance: distance), from: 0)
      addJoinDistance(index)
    case .nearest(let count, let within, let from):
      var start = 0
      if let from {
        guard let named = sources.dropLast().firstIndex(where: { isNamed($0, from.text) }) else {
          throw unknownAlias(from)
        }
        start = named
      }
      try requireGeometry(start, at: join.range)
      try requireGeometry(index, at: join.source.range)
      let bound = try within.map { (e) throws(QueryError) in try bind(distance: e) }
      condition = .nearest(count: try self.count(count, "NEAREST", from: 1)!, within: bound, from: start)
      addJoinDistance(index)
    }
    joins.append(BoundJoin(isLeft: join.isLeft, source: index, condition: condition))
  }

  /// The distance of a join is known only after its own condition.
  private mutating func addJoinDistance(_ source: Int) {
    joinDistances.append((source, distances.count))
    distances.append(BoundDistance(measure: .join(joins.count)))
  }

  func unknownAlias(_ name: Name) -> QueryError {
    let known = sources.map(\.bound.name)
    return QueryError(
      .invalid("no source is named `\(name.text)`"), at: name.range,
      fix: Spelling.nearest(to: name.text, among: known).map { "did you mean `\($0)`?" }
        ?? "the sources are: \(known.joined(separator: ", "))")
  }

  /// Whether a source goes by `name`: its alias, else its layer's name or one of that layer's aliases.
  func isNamed(_ source: ScopeSource, _ name: String) -> Bool {
    if equal(source.bound.name, name) { return true }
    guard source.alias == nil, let layer = source.layer else { return false }
    return names.layer(name) == layer
  }

  // MARK: Filters

  /// Conditions on the FIND source alone run before NEAREST and joins, the others on the joined rows.
  private mutating func split(_ filter: Expression, into result: inout BoundFind) throws(QueryError) {
    if case .and(let parts) = filter.kind {
      for part in parts { try split(part, into: &result) }
      return
    }
    aggregateRule = .forbidden("WHERE")
    touched = []
    touchesRows = false
    let bound = try bind(condition: filter)
    if touchesRows || !touched.isSubset(of: [0]) {
      result.joinedFilters.append(bound)
    } else {
      result.sourceFilters.append(bound)
    }
  }

  /// `distance`: after NEAREST, else from the first WITHIN … OF that must hold or is one of several ways.
  private mutating func prepareDistance(_ find: Find) throws(QueryError) {
    if find.nearest != nil {
      mainDistance = 0
      distances.append(BoundDistance(measure: .nearest))
      return
    }
    guard let clause = find.filters.lazy.compactMap(Self.firstWithin).first else {
      return
    }
    var reference: BoundReference?
    // An alias may be that of a source that is joined later.
    if case .named(let name, nil) = clause.reference.kind {
      let joined = find.joins.firstIndex {
        ($0.source.alias ?? $0.source.layerName).map { equal($0.text, name.text) } ?? false
      }
      if let joined { reference = .source(joined + 1) }
    }
    // Between the rows of a join it is known after the joins.
    if clause.isSpace, case .source = reference { return }
    if clause.isSpace {
      let e = Expression(kind: .spatial(clause), range: clause.reference.range)
      guard case .spatial(_, _, let bound) = try space(clause, e).kind else { return }
      reference = bound
    }
    if reference == nil { reference = try bind(reference: clause.reference) }
    guard let reference else { return }
    if case .source(0) = reference { return }
    measuredClause = (clause, reference)
    mainDistance = 0
    if let road = clause.road {
      if case .source = reference { return }
      let walked = try bind(road: road, at: clause.reference.range)
      distances.append(BoundDistance(measure: .road(reference, walked)))
      return
    }
    distances.append(BoundDistance(measure: .reference(reference)))
  }

  /// `distance` of a condition in 3D on a source that is joined.
  private mutating func prepareSpaceDistance(_ find: Find) throws(QueryError) {
    guard find.nearest == nil, mainDistance == nil,
      let clause = find.filters.lazy.compactMap(Self.firstWithin).first, clause.isSpace
    else { return }
    let e = Expression(kind: .spatial(clause), range: clause.reference.range)
    guard case .spatial(_, _, let bound) = try space(clause, e).kind else { return }
    measuredClause = (clause, bound)
    mainDistance = distances.count
    distances.append(BoundDistance(measure: .reference(bound)))
  }

  private static func firstWithin(_ e: Expression) -> SpatialClause? {
    switch e.kind {
    case .spatial(let clause):
      switch clause.relation {
      case .within, .visible: return clause
      default: return nil
      }
    case .and(let parts), .or(let parts): return parts.lazy.compactMap(firstWithin).first
    default: return nil
    }
  }

  private mutating func bindNearest(_ find: Find) throws(QueryError) -> BoundNearest? {
    guard let nearest = find.nearest else { return nil }
    try requireGeometry(0, at: nearest.range)
    let reference = try bind(reference: nearest.reference)
    if case .source = reference {
      throw QueryError(
        .invalid("NEAREST measures from a place that is known before the rows are"), at: nearest.reference.range,
        fix: "use JOIN NEAREST \(nearest.count) … for the nearest of each row")
    }
    aggregateRule = .forbidden("NEAREST")
    let within = try nearest.within.map { (e) throws(QueryError) in try bind(distance: e) }
    let road = try nearest.road.map { (road) throws(QueryError) in try bind(road: road, at: nearest.range) }
    return BoundNearest(
      count: try count(nearest.count, "NEAREST", from: 1)!, withTies: nearest.withTies, reference: reference,
      within: within, road: road)
  }

  /// More rows than there can be; the sum of two such numbers is one yet.
  private static let mostRows = 1 << 40

  /// The number of LIMIT, OFFSET or NEAREST; a parameter has to hold a whole one.
  private func count(_ count: Count?, _ what: String, from minimum: Int) throws(QueryError) -> Int? {
    switch count {
    case nil: return nil
    case .number(let value): return min(value, Self.mostRows)
    case .parameter(let name):
      guard let text = state.context.session.parameters[name.text] else {
        throw state.unknownSet(name.text, at: name.range)
      }
      guard case .value(.int(let value)) = ParameterText.read(text), value >= minimum else {
        throw QueryError(
          .typeMismatch("\(what) takes a whole number from \(minimum) on; `$\(name.text)` is '\(text)'"),
          at: name.range,
          fix: "write --param \(name.text)=5")
      }
      return min(Int(value), Self.mostRows)
    }
  }

  /// Refuses a source whose rows have no place, and says when the place is that of another layer.
  func requireGeometry(_ source: Int, at range: Range<Int>) throws(QueryError) {
    let bound = sources[source].bound
    guard let path = bound.geometryPath else {
      throw QueryError(
        .invalid("`\(bound.name)` has no geometry, and no link to a layer that has one"), at: range)
    }
    if let last = path.last, let layer = sources[source].layer {
      state.note(
        "`\(catalog.layers[layer].name)` has no geometry of its own: the place is that of its "
          + "`\(catalog.layers[last.targetLayer].name)` (through \(path.map { names.spell($0) }.joined(separator: ", ")))"
      )
    }
  }
}

extension Source {
  var layerName: Name? { if case .layer(let name) = kind { name } else { nil } }
}
