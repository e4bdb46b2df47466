/// How a column of the result is called: by its own name, or with its source where two are equal.
struct ColumnLabel: Equatable {
  var name: String
  /// `alias.column`, or nil where there is no alias to tell by.
  var qualified: String?
  var origin: ResultColumn.Origin?
}

/// What a name means.
struct Resolved {
  var expression: BoundExpression
  var label: ColumnLabel
}

extension FindBinder {
  /// A name with its parts: `distance`, a column, the geometry, alias.column, a link path, a layer for its code.
  mutating func resolve(_ parts: [Name], at range: Range<Int>) throws(QueryError) -> Resolved {
    let found =
      if parts.count == 1 { try resolveBare(parts[0], at: range) } else { try resolveDotted(parts, at: range) }
    if let found { return found }
    throw unknown(parts, at: range)
  }

  private mutating func touch(_ source: Int) { touched.insert(source) }

  // MARK: One word

  private mutating func resolveBare(_ name: Name, at range: Range<Int>) throws(QueryError) -> Resolved? {
    if let distance = try resolveDistance(name, at: range) { return distance }
    if let column = try uniqueColumn(name, at: range) { return column }
    let geometries = sources.indices.filter { isGeometryName(name.text, of: $0) }
    if let source = geometries.first {
      guard geometries.count == 1 else { throw ambiguous(name.text, geometries, at: range) }
      return try resolveGeometry(source, at: range)
    }
    return try resolveLayerCode(name, at: range)
  }

  /// `distance`, and its Chinese name, is the statement's measured distance before it is any column.
  private mutating func resolveDistance(_ name: Name, at range: Range<Int>) throws(QueryError) -> Resolved? {
    guard isDistance(name.text) else { return nil }
    if let mainDistance { return distance(slot: mainDistance, source: 0, at: range) }
    if joinDistances.count == 1 {
      return distance(slot: joinDistances[0].slot, source: joinDistances[0].source, at: range)
    }
    guard joinDistances.isEmpty else { throw ambiguous("distance", joinDistances.map(\.source), at: range) }
    return nil
  }

  private func isDistance(_ name: String) -> Bool { name.lowercased() == "distance" || name == "距离" }

  private mutating func distance(slot: Int, source: Int, at range: Range<Int>) -> Resolved {
    // A distance to a reference can be worked out for a row of the FIND source; the others only after the join.
    touch(source)
    switch distances[slot].measure {
    case .reference(.source), .nearest, .join: touchesRows = true
    case .reference, .road: break
    }
    return Resolved(
      expression: BoundExpression(kind: .distance(slot), type: .double, range: range),
      label: ColumnLabel(name: "distance", qualified: "\(sources[source].bound.name).distance"))
  }

  /// The column that one source alone has by that name; names come before aliases.
  private mutating func uniqueColumn(_ name: Name, at range: Range<Int>) throws(QueryError) -> Resolved? {
    for aliases in [false, true] {
      let found = sources.indices.compactMap { s in column(name.text, of: s, aliases: aliases).map { (s, $0) } }
      guard let (source, column) = found.first else { continue }
      guard found.count == 1 else { throw ambiguous(name.text, found.map(\.0), at: range) }
      return resolved(source, column, at: range)
    }
    return nil
  }

  private func column(_ name: String, of source: Int, aliases: Bool) -> Int? {
    let columns = sources[source].bound.columns
    if !aliases { return columns.firstIndex { equal($0.name, name) } }
    return columns.firstIndex { column in
      guard let origin = column.origin, origin.column == column.name, let known = catalogColumn(origin) else {
        return false
      }
      return known.aliases.contains { equal($0, name) }
    }
  }

  private func column(_ name: String, of source: Int) -> Int? {
    column(name, of: source, aliases: false) ?? column(name, of: source, aliases: true)
  }

  private mutating func resolved(_ source: Int, _ column: Int, at range: Range<Int>) -> Resolved {
    touch(source)
    let bound = sources[source].bound
    let known = bound.columns[column]
    return Resolved(
      expression: BoundExpression(kind: .column(source: source, column: column), type: known.type, range: range),
      label: ColumnLabel(name: known.name, qualified: "\(bound.name).\(known.name)", origin: known.origin))
  }

  private func isGeometryName(_ name: String, of source: Int) -> Bool {
    guard let layer = sources[source].layer else { return false }
    return names.isGeometry(name, of: layer)
  }

  mutating func resolveGeometry(_ source: Int, at range: Range<Int>) throws(QueryError) -> Resolved {
    try requireGeometry(source, at: range)
    touch(source)
    return Resolved(
      expression: BoundExpression(kind: .geometry(source: source), type: .geometry, range: range),
      label: ColumnLabel(
        name: "geom", qualified: "\(sources[source].bound.name).geom",
        origin: geometryOrigin(sources[source].bound.geometryPath?.last?.targetLayer ?? sources[source].layer)))
  }

  private func geometryOrigin(_ layer: Int?) -> ResultColumn.Origin? {
    guard let layer, let geometry = catalog.layers[layer].geometry else { return nil }
    return ResultColumn.Origin(layer: catalog.layers[layer].name, column: geometry.name)
  }

  /// A layer that one shortest chain of links leads to stands for its code.
  private mutating func resolveLayerCode(_ name: Name, at range: Range<Int>) throws(QueryError) -> Resolved? {
    guard let target = names.layer(name.text) else { return nil }
    var found: [(source: Int, steps: [LinkStep])] = []
    for (i, source) in sources.enumerated() {
      guard let layer = source.layer else { continue }
      let chains = names.chains(from: layer, to: target).filter { canFollow(i, $0[0]) }
      for chain in chains { found.append((i, chain)) }
    }
    guard let first = found.first else { return nil }
    guard found.count == 1 else {
      let ways = found.map { "`\($0.steps.map { names.spell($0) }.joined(separator: " → "))`" }
      throw QueryError(
        .invalid("`\(name.text)` can be reached in several ways: \(ways.joined(separator: " or "))"), at: range,
        fix: "name the column, such as `\(names.spell(first.steps[0]))`")
    }
    return try path(first.source, first.steps, label: catalog.layers[target].name, at: range)
  }

  // MARK: Several words

  /// alias.column, else layer-in-scope.column, else a link path, else a property of that literal name.
  private mutating func resolveDotted(_ parts: [Name], at range: Range<Int>) throws(QueryError) -> Resolved? {
    let rest = Array(parts.dropFirst())
    if let source = sources.firstIndex(where: { $0.alias.map { equal($0, parts[0].text) } ?? false })
      ?? sources.firstIndex(where: { isNamed($0, parts[0].text) })
    {
      if let found = try resolve(rest, in: source, at: range) { return found }
    }
    // The layer's name of a source that has an alias.
    if let layer = names.layer(parts[0].text) {
      let same = sources.indices.filter { sources[$0].layer == layer && sources[$0].alias != nil }
      if same.count == 1, let found = try resolve(rest, in: same[0], at: range) { return found }
    }
    var found: [Resolved] = []
    var owners: [Int] = []
    for i in sources.indices {
      if let path = try resolvePath(parts, in: i, at: range) {
        found.append(path)
        owners.append(i)
      }
    }
    if found.count > 1 { throw ambiguous(parts.map(\.text).joined(separator: "."), owners, at: range) }
    if let path = found.first { return path }
    let literal = Name(text: parts.map(\.text).joined(separator: "."), quoted: false, range: range)
    return try uniqueColumn(literal, at: range)
  }

  /// What `rest` means after the name of a source.
  private mutating func resolve(_ rest: [Name], in source: Int, at range: Range<Int>) throws(QueryError) -> Resolved? {
    if rest.count > 1 { return try resolvePath(rest, in: source, at: range) ?? literal(rest, in: source, at: range) }
    let name = rest[0].text
    if isDistance(name), let join = joinDistances.first(where: { $0.source == source }) {
      return distance(slot: join.slot, source: source, at: range)
    }
    if let column = column(name, of: source) { return resolved(source, column, at: range) }
    if isDistance(name), source == 0, let mainDistance { return distance(slot: mainDistance, source: 0, at: range) }
    if isGeometryName(name, of: source) { return try resolveGeometry(source, at: range) }
    // A layer behind a link stands for its code here, too: `u.grid1`.
    guard let target = names.layer(name), let layer = sources[source].layer else { return nil }
    let chains = names.chains(from: layer, to: target).filter { canFollow(source, $0[0]) }
    guard chains.count == 1 else { return nil }
    return try path(source, chains[0], label: catalog.layers[target].name, at: range)
  }

  private mutating func literal(_ rest: [Name], in source: Int, at range: Range<Int>) -> Resolved? {
    guard let column = column(rest.map(\.text).joined(separator: "."), of: source) else { return nil }
    return resolved(source, column, at: range)
  }

  // MARK: Link paths

  /// Whether a source still shows the link column that a chain begins with: a layer does, a subquery when it returns it.
  private func canFollow(_ source: Int, _ step: LinkStep) -> Bool {
    sources[source].layer == step.fromLayer
  }

  /// `unit.building.name`: link columns or the layers behind them, then a column, the geometry, or a layer for its code.
  private mutating func resolvePath(_ parts: [Name], in source: Int, at range: Range<Int>) throws(QueryError)
    -> Resolved?
  {
    guard var layer = sources[source].layer else { return nil }
    var steps: [LinkStep] = []
    var labels: [String] = []
    for part in parts.dropLast() {
      guard let (chain, label) = links(named: part.text, from: layer) else { return nil }
      steps += chain
      labels.append(label)
      layer = chain.last!.targetLayer
    }
    let last = parts.last!.text
    if let column = names.column(last, of: layer) {
      labels.append(catalog.layers[layer].columns[column].name)
      return path(source, steps, column: column, of: layer, label: labels.joined(separator: "."), at: range)
    }
    if names.isGeometry(last, of: layer) {
      guard let more = names.geometryPath(of: layer) else { return nil }
      touch(source)
      return Resolved(
        expression: BoundExpression(
          kind: .path(source: source, steps: steps + more, column: nil), type: .geometry, range: range),
        label: ColumnLabel(
          name: (labels + ["geom"]).joined(separator: "."), origin: geometryOrigin(more.last?.targetLayer ?? layer)))
    }
    guard let (chain, label) = links(named: last, from: layer) else { return nil }
    return try path(source, steps + chain, label: (labels + [label]).joined(separator: "."), at: range)
  }

  /// The links from a layer that `name` means: a link column, else the layer at the end of the one shortest chain.
  private func links(named name: String, from layer: Int) -> (chain: [LinkStep], label: String)? {
    if let column = names.column(name, of: layer), let step = names.steps[layer].first(where: { $0.column == column }) {
      return ([step], catalog.layers[layer].columns[column].name)
    }
    guard let target = names.layer(name) else { return nil }
    let chains = names.chains(from: layer, to: target)
    return chains.count == 1 ? (chains[0], catalog.layers[target].name) : nil
  }

  /// The code, else the id, of the row at the end of `steps`.
  private mutating func path(_ source: Int, _ steps: [LinkStep], label: String, at range: Range<Int>) throws(QueryError)
    -> Resolved
  {
    let layer = steps.last!.targetLayer
    guard let column = names.column("code", of: layer) ?? names.column("id", of: layer) else {
      throw QueryError(.invalid("`\(catalog.layers[layer].name)` has neither a code nor an id"), at: range)
    }
    return path(source, steps, column: column, of: layer, label: label, at: range)
  }

  private mutating func path(
    _ source: Int, _ steps: [LinkStep], column: Int, of layer: Int, label: String, at range: Range<Int>
  ) -> Resolved {
    touch(source)
    let known = catalog.layers[layer].columns[column]
    return Resolved(
      expression: BoundExpression(
        kind: .path(source: source, steps: steps, column: column), type: known.type, range: range),
      label: ColumnLabel(
        name: label, qualified: "\(sources[source].bound.name).\(label)",
        origin: ResultColumn.Origin(layer: catalog.layers[layer].name, column: known.name)))
  }

  // MARK: Errors

  private func ambiguous(_ name: String, _ among: [Int], at range: Range<Int>) -> QueryError {
    let known = among.map { sources[$0].bound.name }
    return QueryError(
      .ambiguousProperty(name, layers: known), at: range, fix: "write `\(known[0]).\(name)`")
  }

  private func unknown(_ parts: [Name], at range: Range<Int>) -> QueryError {
    let written = parts.map(\.text).joined(separator: ".")
    let source = sources.first { isNamed($0, parts[0].text) } ?? sources.first
    let owner = source?.bound.name ?? "the statement"
    var fix: String?
    let last = parts.last!
    if isDistance(last.text) { fix = "`distance` is there after NEAREST … TO or WITHIN … OF" }
    if fix == nil, parts.count > 1, !sources.contains(where: { isNamed($0, parts[0].text) }) {
      // The first word may be the one that is wrong.
      let near = Spelling.nearest(to: parts[0].text, among: sources.map(\.bound.name))
      if let near { fix = "did you mean `\(near).\(last.text)`?" }
    }
    if parts.count == 1, let column = enumerated(by: last.text) {
      fix = "a text stands in single quotes: \(column) = '\(last.text)'"
    }
    let candidates = (parts.count > 1 ? source.map { [$0] } ?? [] : sources).flatMap { columnNames(of: $0) }
    if fix == nil, let near = Spelling.nearest(to: last.text, among: candidates) { fix = "did you mean `\(near)`?" }
    if fix == nil, ["geometry", "shape", "the_geom", "wkb_geometry"].contains(last.text.lowercased()) {
      fix = "the geometry is `geom`"
    }
    if fix == nil, last.quoted { fix = "a text stands in single quotes: '\(last.text)'" }
    if fix == nil, let spaced = WordSplitter(names: KnownNames(catalog)).spaced(last.text) {
      fix = "words need spaces here: `\(spaced)`"
    }
    if fix == nil, sources.contains(where: { isNamed($0, written) }) { fix = "for its place write `\(written).geom`" }
    if fix == nil, sources.count == 1, let source {
      fix = "it has: \(CatalogNames.list(source.bound.columns.map(\.name), limit: 15))"
    }
    return QueryError(.unknownProperty(written, layer: owner), at: range, fix: fix)
  }

  /// The column with a closed list of values that has this one: `status` of `open`.
  private func enumerated(by value: String) -> String? {
    sources.lazy.flatMap(\.bound.columns).first { column in
      let known = column.origin.flatMap { self.catalogColumn($0) }
      return known?.enumeration?.contains(value) ?? false || known?.valueAliases[value] != nil
    }?.name
  }

  private func columnNames(of source: ScopeSource) -> [String] {
    var result = source.bound.columns.map(\.name)
    for column in source.bound.columns { result += column.origin.flatMap { catalogColumn($0)?.aliases } ?? [] }
    if mainDistance != nil || !joinDistances.isEmpty { result.append("distance") }
    return result + ["geom"]
  }
}
