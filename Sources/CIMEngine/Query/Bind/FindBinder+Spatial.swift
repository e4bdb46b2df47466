extension FindBinder {
  // MARK: Clauses

  mutating func spatial(_ clause: SpatialClause, _ e: Expression) throws(QueryError) -> BoundExpression {
    if clause.isSpace { return try space(clause, e) }
    if let road = clause.road { return try byRoad(clause, road, e) }
    try requireGeometry(0, at: e.range)
    touched.insert(0)
    if let exact = try circle(clause, e) { return exact }
    let reference: BoundReference
    if let known = measuredClause, known.clause == clause {
      reference = known.reference
    } else {
      reference = try bind(reference: clause.reference)
    }
    if case .source(let other) = reference {
      guard other < sources.count else {
        throw QueryError(.invalid("`\(Printer.print(clause.reference))` is joined later"), at: clause.reference.range)
      }
      try requireGeometry(other, at: clause.reference.range)
      touched.insert(other)
    }
    let test: BoundExpression.SpatialTest
    switch clause.relation {
    case .inside: test = .inside
    case .intersects: test = .intersects
    case .touches: test = .touches
    case .contains: test = .contains
    case .within(let distance): test = .within(try bind(distance: distance))
    case .beyond(let distance): test = .beyond(try bind(distance: distance))
    case .visible: return try space(clause, e)
    }
    return make(.spatial(test, source: 0, reference), .bool, e)
  }

  /// What meets a circle is within its radius of the centre, exactly; so is a point inside it.
  private mutating func circle(_ clause: SpatialClause, _ e: Expression) throws(QueryError) -> BoundExpression? {
    guard case .geometry(.circle(let centre, let radius)) = clause.reference.kind else { return nil }
    switch clause.relation {
    case .intersects: break
    case .inside:
      guard let layer = sources[0].layer,
        let last = sources[0].bound.geometryPath.map({ $0.last?.targetLayer ?? layer }),
        let kind = catalog.layers[last].geometry?.kind, kind == .point || kind == .multiPoint
      else { return nil }
    default: return nil
    }
    let place = Reference(kind: .geometry(centre), crs: clause.reference.crs, range: clause.reference.range)
    let reference = try bind(reference: place)
    return make(.spatial(.within(try bind(distance: radius)), source: 0, reference), .bool, e)
  }

  /// A column at the end of the way to the geometry where the layer has none of its own: the floor of a person's unit.
  private mutating func placeColumn(_ wanted: [String], at range: Range<Int>) throws(QueryError) -> BoundExpression? {
    guard let layer = sources[0].layer else {
      for name in wanted {
        if let column = sources[0].bound.columns.firstIndex(where: { equal($0.name, name) }) {
          touched.insert(0)
          return BoundExpression(
            kind: .column(source: 0, column: column), type: sources[0].bound.columns[column].type, range: range)
        }
      }
      return nil
    }
    let path = sources[0].bound.geometryPath ?? []
    for (target, steps) in [(layer, []), (path.last?.targetLayer ?? layer, path)] {
      for name in wanted {
        guard let column = names.column(name, of: target) else { continue }
        let name = Name(text: catalog.layers[target].columns[column].name, quoted: true, range: range)
        if steps.isEmpty { return try resolve([name], inFirst: range) }
        try requireGeometry(0, at: range)
        touched.insert(0)
        return BoundExpression(
          kind: .path(source: 0, steps: steps, column: column), type: catalog.layers[target].columns[column].type,
          range: range)
      }
    }
    return nil
  }

  private mutating func resolve(_ name: [Name], inFirst range: Range<Int>) throws(QueryError) -> BoundExpression? {
    guard let column = sources[0].bound.columns.firstIndex(where: { equal($0.name, name[0].text) }) else { return nil }
    touched.insert(0)
    return BoundExpression(
      kind: .column(source: 0, column: column), type: sources[0].bound.columns[column].type, range: range)
  }

  mutating func onFloor(_ low: Int, _ high: Int, _ e: Expression) throws(QueryError) -> BoundExpression {
    guard let floor = try placeColumn(["floor"], at: e.range) else {
      throw QueryError(
        .unknownProperty("floor", layer: sources[0].bound.name), at: e.range,
        fix: "ON FLOOR asks for the rows of a layer with a column `floor`, such as `unit`")
    }
    guard floor.type == .int || floor.type == .double else {
      throw QueryError(.typeMismatch("`floor` is \(TypeName.of(floor.type)), not a number"), at: e.range)
    }
    func constant(_ value: Int) -> BoundExpression {
      BoundExpression(kind: .constant(.int(Int64(value))), type: .int, range: e.range)
    }
    if low == high { return make(.compare(.equal, floor, constant(low)), .bool, e) }
    return make(
      .and([
        make(.compare(.greaterOrEqual, floor, constant(low)), .bool, e),
        make(.compare(.lessOrEqual, floor, constant(high)), .bool, e),
      ]), .bool, e)
  }

  /// BELOW: base < z; ABOVE: base >= z. The base is `z_min`, else `ground_z`, else the z of a point.
  mutating func elevation(below: Bool, _ height: Expression, _ e: Expression) throws(QueryError) -> BoundExpression {
    let z = try bind(distance: height)
    let base: BoundExpression
    if let column = try placeColumn(["z_min", "ground_z"], at: e.range) {
      base = column
    } else {
      let layer = sources[0].layer.map { sources[0].bound.geometryPath?.last?.targetLayer ?? $0 }
      guard let geometry = layer.flatMap({ catalog.layers[$0].geometry }), geometry.hasZ,
        geometry.kind ?? .point == .point
      else {
        throw QueryError(
          .invalid("`\(sources[0].bound.name)` has no height: neither `z_min`, nor `ground_z`, nor points with z"),
          at: e.range)
      }
      base = make(.call(.z, [try resolveGeometry(0, at: e.range).expression]), .double, e)
    }
    guard base.type == .int || base.type == .double else {
      throw QueryError(.typeMismatch("the height of `\(sources[0].bound.name)` is not a number"), at: e.range)
    }
    return make(.compare(below ? .less : .greaterOrEqual, base, z), .bool, e)
  }

  // MARK: Distances

  /// A distance in metres: a length, or an expression over columns. A constant without a unit is refused.
  mutating func bind(distance e: Expression) throws(QueryError) -> BoundExpression {
    if case .length(_, let unit) = e.kind, Words.size(ofUnit: unit)?.isArea == true {
      throw QueryError(.typeMismatch("`\(Printer.print(e))` is an area, not a distance"), at: e.range)
    }
    var bound = try bind(e)
    guard TypeName.isNumber(bound.type) else {
      throw QueryError(
        .typeMismatch("a distance is a number of metres; \(describe(e)) is \(TypeName.of(bound.type))"), at: e.range)
    }
    guard bound.type != nil else { return bound }
    guard e.hasUnit(parameters: state.context.session.parameters) else {
      let text = Printer.print(e)
      throw QueryError(.needsUnit(number: text), at: e.range, fix: "write `\(text) m`")
    }
    if let column = column(behind: bound), let factor = Self.metres(in: column.unit), factor != 1 {
      let constant = BoundExpression(kind: .constant(.double(factor)), type: .double, range: e.range)
      bound = BoundExpression(kind: .arithmetic(.multiply, bound, constant), type: .double, range: e.range)
    }
    if case .constant(.int(let value)) = bound.kind {
      return BoundExpression(kind: .constant(.double(Double(value))), type: .double, range: e.range)
    }
    return bound.type == .int ? BoundExpression(kind: .convert(bound), type: .double, range: e.range) : bound
  }

  private static func metres(in unit: String?) -> Double? {
    switch unit {
    case "km": 1000
    case "cm": 0.01
    case "mm": 0.001
    case "ft": 0.3048
    default: nil
    }
  }

  /// The radius of a circle, which is known before the rows are.
  func constantMetres(_ e: Expression) throws(QueryError) -> Double {
    var binder = self
    let bound = try binder.bind(distance: e)
    switch bound.kind {
    case .constant(let value) where value.number != nil: return value.number!
    case .arithmetic, .negate:
      if let value = bound.constantNumber { return value }
    default: break
    }
    throw QueryError(
      .invalid("the radius of a circle is a fixed length"), at: e.range, fix: "use WITHIN \(Printer.print(e)) OF …")
  }

  // MARK: References

  mutating func bind(reference: Reference) throws(QueryError) -> BoundReference {
    switch reference.kind {
    case .geometry(let literal):
      let geometry = try GeometryLiterals(state).geometry(literal, crs: reference.crs, at: reference.range) {
        (radius) throws(QueryError) in try self.constantMetres(radius)
      }
      return .geometries([geometry], label: label(reference))
    case .named(let name, let key):
      if key == nil, let source = sourceMeant(by: name) { return .source(source) }
      guard let key else { return try wholeLayer(name) }
      let (layer, match) = try feature(name, key: key, wantsGeometry: true, at: reference.range)
      guard let geometry = match.geometry, !geometry.isEmpty else {
        throw QueryError(
          .badGeometry("`\(catalog.layers[layer].name)` '\(match.id)' has no geometry"), at: reference.range)
      }
      return .geometries([geometry], label: label(reference))
    case .set(let name): return try bind(set: name, reference)
    case .file(let path): return try bind(file: path, reference)
    case .find(let find):
      let bound = try FindBinder.bind(find, state)
      try requirePlaces(bound, at: reference.range)
      return .find(bound)
    }
  }

  /// A reference in words: as it is written, a name as people write it.
  static func said(_ reference: Reference) -> String {
    guard case .named(let name, let key) = reference.kind else { return Printer.print(reference) }
    return name.text + (key.map { " \(Printer.text($0))" } ?? "")
  }

  private func label(_ reference: Reference) -> String {
    let text = Self.said(reference)
    return DisplayWidth.of(text) > 60 ? DisplayWidth.prefix(of: text, columns: 59) + "…" : text
  }

  /// An alias in scope wins over a layer's name. The name of the FIND source itself means its layer.
  func sourceMeant(by name: Name) -> Int? {
    if let alias = sources.firstIndex(where: { $0.alias.map { equal($0, name.text) } ?? false }) { return alias }
    return sources.indices.dropFirst().first { isNamed(sources[$0], name.text) }
  }

  /// All features of a layer, one by one.
  private mutating func wholeLayer(_ name: Name) throws(QueryError) -> BoundReference {
    guard let layer = names.layer(name.text) else {
      throw names.unknownLayer(name, also: sources.compactMap(\.alias))
    }
    if catalog.layers[layer].geometry != nil { return .layer(layer) }
    let find = Find(source: Source(kind: .layer(name), alias: nil, range: name.range), range: name.range)
    let bound = try FindBinder.bind(find, state)
    try requirePlaces(bound, at: name.range)
    return .find(bound)
  }

  private func requirePlaces(_ find: BoundFind, at range: Range<Int>) throws(QueryError) {
    guard let source = find.shapeSource, find.grouping == nil, find.sources[source].geometryPath != nil else {
      throw QueryError(
        .invalid("the rows of this reference have no geometry"), at: range,
        fix: "leave out GROUP BY and DISTINCT, and name a layer with a place")
    }
  }

  /// The one row of a layer that a key names: looked for in `id`, then `code`, then `name`.
  func feature(_ name: Name, key: String, wantsGeometry: Bool, at range: Range<Int>) throws(QueryError)
    -> (layer: Int, match: FeatureMatch)
  {
    guard let layer = names.layer(name.text) else { throw names.unknownLayer(name) }
    let known = catalog.layers[layer]
    let path = names.geometryPath(of: layer)
    if wantsGeometry, path == nil {
      throw QueryError(
        .invalid("`\(known.name)` has no geometry, and no link to a layer that has one"), at: range)
    }
    let columns = ["id", "code", "name"].compactMap { wanted in known.columns.firstIndex { equal($0.name, wanted) } }
    // 'ＨＺ－０２３１' typed with a Chinese keyboard is looked for as it stands first.
    let folded = key.halfWidth
    for (column, key) in columns.map({ ($0, key) }) + (folded == key ? [] : columns.map { ($0, folded) }) {
      let found = try state.context.lookup.features(
        layer: layer, column: column, equalTo: key, geometryPath: wantsGeometry ? path : nil, limit: 11)
      if found.count == 1 { return (layer, found[0]) }
      if found.count > 1 {
        let ids = found.prefix(10).map(\.id) + (found.count > 10 ? ["…"] : [])
        throw QueryError(
          .ambiguousFeature(key, layer: known.name, ids: ids), at: range,
          fix: "name one by its id: \(known.name) '\(ids[0])'")
      }
    }
    // Errors are not masked, so they name nobody who was not named.
    let shown = columns.filter { known.columns[$0].personalData(in: known) == nil }
    let near = try state.context.lookup.keysNear(key, layer: layer, columns: shown, limit: 3)
    throw QueryError(
      .unknownFeature(key, layer: known.name), at: range,
      fix: near.isEmpty ? nil : "did you mean \(near.map { Printer.text($0) }.joined(separator: " or "))?")
  }

  private mutating func bind(set name: String, _ reference: Reference) throws(QueryError) -> BoundReference {
    if let set = state.context.session.sets[name] {
      if let crs = reference.crs {
        throw QueryError(.invalid("`$\(name)` has its CRS already"), at: crs.range)
      }
      state.depth += 1
      defer { state.depth -= 1 }
      guard state.depth <= 50 else {
        throw QueryError(.invalid("sets are nested too deeply (more than 50 levels)"), at: reference.range)
      }
      // Aliases of this statement mean nothing to a set, and places in its own text nothing to this one.
      var binder = FindBinder(state)
      do { return try binder.bind(reference: set) } catch {
        throw QueryError(error.reason, at: reference.range, fix: error.fix)
      }
    }
    guard let text = state.context.session.parameters[name] else { throw state.unknownSet(name, at: reference.range) }
    guard let (literal, crs) = ParameterText.place(text) else {
      throw QueryError(
        .badGeometry("the parameter `$\(name)` is no place: '\(text)'"), at: reference.range,
        fix: "give it as lon,lat or as WKT: --param \(name)=113.65,34.76")
    }
    let place = Reference(kind: .geometry(literal), crs: reference.crs ?? crs, range: reference.range)
    do { return try bind(reference: place) } catch {
      throw QueryError(error.reason, at: reference.range, fix: error.fix)
    }
  }

  private func bind(file path: String, _ reference: Reference) throws(QueryError) -> BoundReference {
    let crs = try reference.crs.map { (name) throws(QueryError) in try state.crs(name) }
    let geometries: [Geometry]
    do { geometries = try state.context.readFile(path, crs) } catch {
      if let error = error as? QueryError { throw QueryError(error.reason, at: reference.range, fix: error.fix) }
      guard let error = error as? any UserFacingError else {
        throw QueryError(.file("\(path): \(error)"), at: reference.range)
      }
      throw QueryError(
        error.failureClass == .file ? .file(error.message) : .invalid(error.message), at: reference.range)
    }
    guard !geometries.isEmpty else {
      throw QueryError(.badGeometry("\(path) holds no geometry"), at: reference.range)
    }
    return .geometries(geometries, label: label(reference))
  }
}

extension Expression {
  /// Whether a length stands in it, or a column, which has its unit from the catalogue.
  func hasUnit(parameters: [String: String]) -> Bool {
    switch kind {
    case .length, .property: true
    case .parameter(let name):
      if let text = parameters[name], case .length = ParameterText.read(text) { true } else { false }
    // `water_z + 50` adds a number of nobody knows what; `2 * radius` is a length.
    case .arithmetic(.add, let a, let b), .arithmetic(.subtract, let a, let b):
      a.hasUnit(parameters: parameters) && b.hasUnit(parameters: parameters)
    case .arithmetic(_, let a, let b): a.hasUnit(parameters: parameters) || b.hasUnit(parameters: parameters)
    case .call(_, let arguments, _, _): arguments.contains { $0.hasUnit(parameters: parameters) }
    case .choose(_, let cases, let otherwise):
      cases.contains { $0.result.hasUnit(parameters: parameters) }
        || otherwise?.hasUnit(parameters: parameters) ?? false
    default: false
    }
  }
}

extension BoundExpression {
  /// The value of arithmetic over constant numbers.
  var constantNumber: Double? {
    switch kind {
    case .constant(let value): return value.number
    case .negate(let a): return a.constantNumber.map { -$0 }
    case .convert(let a): return a.constantNumber
    case .arithmetic(let sign, let a, let b):
      guard let a = a.constantNumber, let b = b.constantNumber else { return nil }
      switch sign {
      case .add: return a + b
      case .subtract: return a - b
      case .multiply: return a * b
      case .divide: return a / b
      case .power, .div, .modulo: return nil
      }
    default: return nil
    }
  }
}
