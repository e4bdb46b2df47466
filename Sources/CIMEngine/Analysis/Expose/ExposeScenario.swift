/// The water that an EXPOSE asks about: where it stands and how high.
struct ExposeScenario {
  enum Level {
    /// `LEVEL NULL`: what is inside is exposed, whatever its height.
    case insideOnly
    /// Metres above the datum of the heights; nil: unknown.
    case constant(Double?)
    case surface(LevelSurface)
  }
  /// The id of the flood; nil for a geometry.
  var id: String?
  var reference: Reference
  var level: Level

  /// The level as an expression over a row.
  var expression: Expression {
    switch level {
    case .insideOnly, .constant(nil): .null
    case .constant(let metres?): .number(metres)
    case .surface(let surface): .call(LevelSurface.function, [.column(["geom"]), .text(surface.text)])
    }
  }
}

extension StatementContext {
  /// The scenarios of a reference, in the order of ids: each row of a layer or FIND is one, a geometry is one.
  func scenarios(of expose: Expose, notices: inout [String]) throws -> [ExposeScenario] {
    let names = CatalogNames.of(catalog)
    let state = BindState(catalog, bindContext)
    let reference = try state.expand(expose.reference)
    _ = try bind(reference)
    let surface = try levelSurface(expose, reference, names, &notices)
    if let level = expose.level, !level.isNullLiteral, surface == nil,
      !level.hasUnit(parameters: session.parameters)
    {
      let text = Printer.print(level)
      throw QueryError(.needsUnit(number: text), at: level.range, fix: "write `LEVEL \(text) m`")
    }
    var find: Find?
    var layer: Int?
    switch reference.kind {
    case .named(let name, let key):
      guard let index = names.layer(name.text) else { throw names.unknownLayer(name) }
      layer = index
      var all = Find(source: Source(kind: .layer(name), alias: nil, range: name.range), range: reference.range)
      if let key {
        let binder = FindBinder(state)
        let match = try binder.feature(name, key: key, wantsGeometry: true, at: reference.range).match
        all.filters = [Expression.column(["id"]).compared(.equal, .text(match.id))]
      }
      find = all
    case .find(let inner):
      layer = Self.baseLayer(inner, names)
      if layer != nil, inner.groupBy.isEmpty, !inner.distinct { find = inner } else { layer = nil }
    case .geometry, .file, .set: break
    }
    guard var find, let layer, let id = names.column("id", of: layer) else {
      return [ExposeScenario(id: nil, reference: reference, level: try fixedLevel(expose, surface))]
    }
    find.items = [
      Item(.column([catalog.layers[layer].columns[id].name])), Item(try levelExpression(expose, surface, layer, names)),
    ]
    let rows = RowBuffer()
    var sink: any RowSink = rows
    try execute(try bind(find), isOrdered: true, into: &sink)
    return try rows.rows.map { row in
      guard case .text(let id) = row[0] else {
        throw QueryError(.invalid("the rows of this reference have no ids"), at: reference.range)
      }
      let level: ExposeScenario.Level =
        surface.map { .surface($0) } ?? (expose.level?.isNullLiteral ?? false ? .insideOnly : .constant(row[1].number))
      let name = Name(text: catalog.layers[layer].name, quoted: true, range: reference.range)
      return ExposeScenario(
        id: id, reference: Reference(kind: .named(name, key: id), crs: nil, range: reference.range), level: level)
    }
  }

  /// The layer whose rows a FIND gives, when they are rows of one layer.
  private static func baseLayer(_ find: Find, _ names: CatalogNames) -> Int? {
    switch find.source.kind {
    case .layer(let name): find.joins.isEmpty ? names.layer(name.text) : nil
    case .find(let inner): baseLayer(inner, names)
    case .expose(let expose): expose.layers.count == 1 ? names.layer(expose.layers[0].text) : nil
    case .set: nil
    }
  }

  /// LEVEL for the rows of the reference's layer; without it the column `water_z`.
  private func levelExpression(
    _ expose: Expose, _ surface: LevelSurface?, _ layer: Int, _ names: CatalogNames
  ) throws(QueryError) -> Expression {
    if surface != nil { return .null }
    if let level = expose.level { return level }
    guard let column = names.column("water_z", of: layer) else {
      throw QueryError(
        .invalid("`\(catalog.layers[layer].name)` has no column `water_z` to take the level of the water from"),
        at: expose.reference.range, fix: "say it: `LEVEL 92.5 m`, or `LEVEL NULL` for what is inside at any height")
    }
    return .column([catalog.layers[layer].columns[column].name])
  }

  private func fixedLevel(_ expose: Expose, _ surface: LevelSurface?) throws(QueryError) -> ExposeScenario.Level {
    if let surface { return .surface(surface) }
    guard let level = expose.level else {
      throw QueryError(
        .invalid("a geometry has no level of its own"), at: expose.reference.range,
        fix: "say it: `LEVEL 92.5 m`, or `LEVEL NULL` for what is inside at any height")
    }
    if level.isNullLiteral { return .insideOnly }
    var binder = FindBinder(BindState(catalog, bindContext))
    guard let metres = try binder.bind(distance: level).constantNumber else {
      throw QueryError(.invalid("the level over a geometry is a fixed height, such as 92.5 m"), at: level.range)
    }
    return .constant(metres)
  }

  // MARK: Surfaces

  /// A surface when LEVEL names columns of a layer of points that is not the reference's.
  private func levelSurface(
    _ expose: Expose, _ reference: Reference, _ names: CatalogNames, _ notices: inout [String]
  ) throws -> LevelSurface? {
    guard let level = expose.level else { return nil }
    var own: Int?
    switch reference.kind {
    case .named(let name, _): own = names.layer(name.text)
    case .find(let find): own = Self.baseLayer(find, names)
    default: break
    }
    let others = Set(level.properties.compactMap { $0.count > 1 ? names.layer($0[0].text) : nil }.filter { $0 != own })
    guard let layer = others.first else { return nil }
    let known = catalog.layers[layer]
    guard others.count == 1, known.geometry?.kind == .point else {
      throw QueryError(
        .invalid("a surface of water levels is made from one layer of points, such as `LEVEL sensor.value`"),
        at: level.range)
    }
    let name = Name(text: known.name, quoted: true, range: level.range)
    var find = Find(source: Source(kind: .layer(name), alias: nil, range: level.range), range: level.range)
    // Sensors measure many things: only those of water levels are levels.
    if case .property = level.kind, let kind = names.column("kind", of: layer) {
      let test = Expression.column([known.columns[kind].name]).compared(.equal, .text("water_level"))
      var probe = find
      probe.filters = [test]
      probe.items = [Item(.call("COUNT", [], star: true))]
      let count = RowBuffer()
      var sink: any RowSink = count
      try execute(try bind(probe), into: &sink)
      if (count.rows.first?.first?.number ?? 0) > 0 {
        find.filters = [test]
        notices.append("the surface is made from `\(known.name)` of kind 'water_level' only")
      }
    }
    find.items = [
      Item(.call("X", [.column(["geom"])])), Item(.call("Y", [.column(["geom"])])), Item(level),
      Item(.column(["id"])),
    ]
    let rows = RowBuffer()
    var sink: any RowSink = rows
    try execute(try bind(find), isOrdered: true, into: &sink)
    let points = rows.rows.compactMap { row -> LevelSurface.Point? in
      guard let x = row[0].number, let y = row[1].number, let z = row[2].number else { return nil }
      return LevelSurface.Point(x: x, y: y, level: z)
    }
    guard !points.isEmpty else {
      throw QueryError(.invalid("`\(known.name)` has no point with a level to make a surface from"), at: level.range)
    }
    notices.append(
      "water level by inverse distance (power 2, \(LevelSurface.neighbours) nearest) from \(points.count) points of "
        + "`\(known.name)`")
    return LevelSurface(points)
  }
}
