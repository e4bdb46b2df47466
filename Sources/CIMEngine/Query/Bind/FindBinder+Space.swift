// Conditions in three dimensions
extension SpatialClause {
  var isSpace: Bool {
    if case .visible = relation { return true }
    return in3D
  }
}

extension FindBinder {
  /// WITHIN, BEYOND, INTERSECTS and INSIDE … IN 3D, and VISIBLE FROM.
  mutating func space(_ clause: SpatialClause, _ e: Expression) throws(QueryError) -> BoundExpression {
    if clause.road != nil {
      throw QueryError(.invalid("a distance is measured IN 3D or BY ROAD, not both"), at: e.range)
    }
    try requireGeometry(0, at: e.range)
    touched.insert(0)
    guard let layer = sources[0].layer else {
      throw QueryError(
        .invalid("a condition in 3D is asked of the rows of a layer"), at: e.range,
        fix: "write it inside the parentheses of the FIND in FROM")
    }
    guard !catalog.isGeographic else {
      throw QueryError(
        .notSupported("3D in a database in degrees (\(catalog.workingCRS))"), at: e.range,
        fix: "import into a database with a projected working CRS")
    }
    let target = sources[0].bound.geometryPath?.last?.targetLayer ?? layer
    let test: SpaceClause.Test
    let bound: BoundExpression.SpatialTest
    switch clause.relation {
    case .within(let distance):
      test = .within(try constantMetres(distance))
      bound = .within(try bind(distance: distance))
    case .beyond(let distance):
      test = .within(try constantMetres(distance))
      bound = .beyond(try bind(distance: distance))
    case .visible(let distance):
      test = .visible(try constantMetres(distance))
      bound = .within(try bind(distance: distance))
    case .intersects: (test, bound) = (.intersects, .intersects)
    case .inside where catalog.layers[target].geometry?.kind == .point: (test, bound) = (.inside, .inside)
    case .inside, .touches, .contains:
      throw QueryError(
        .notSupported("this relation IN 3D of `\(catalog.layers[target].name)`"), at: e.range,
        fix: "IN 3D goes with WITHIN … OF, BEYOND … OF and INTERSECTS, and INSIDE for points")
    }
    let space: SpaceClause
    if let known = measuredClause, known.clause == clause, case .space(let measured) = known.reference {
      space = measured
    } else {
      let partner = try spacePartner(clause)
      space = SpaceClause(
        test, layer: target, references: partner == nil ? try spaceReferences(clause.reference) : [], partner: partner,
        label: Printer.print(e))
      if case .visible = test { try requirePoints(space, at: clause.reference.range) }
    }
    if let partner = space.partner { touched.insert(partner.source) }
    return make(.spatial(bound, source: 0, .space(space)), .bool, e)
  }

  /// The source of a join that the reference names.
  private func spacePartner(_ clause: SpatialClause) throws(QueryError) -> SpaceClause.Partner? {
    guard case .named(let name, nil) = clause.reference.kind, let other = sourceMeant(by: name) else { return nil }
    if case .visible = clause.relation {
      throw QueryError(
        .notSupported("VISIBLE FROM the rows of a join"), at: clause.reference.range, fix: "name a point with a height")
    }
    guard other > 0 else {
      throw QueryError(
        .invalid("`\(name.text)` is the row that is asked about"), at: clause.reference.range,
        fix: "name another source of the statement, a layer, a feature or a geometry with heights")
    }
    try requireGeometry(other, at: clause.reference.range)
    guard let layer = sources[other].layer else {
      throw QueryError(
        .invalid("a condition in 3D is asked of the rows of a layer"), at: clause.reference.range,
        fix: "name a layer, a feature or a geometry with heights")
    }
    return SpaceClause.Partner(
      source: other, layer: sources[other].bound.geometryPath?.last?.targetLayer ?? layer)
  }

  private func requirePoints(_ space: SpaceClause, at range: Range<Int>) throws(QueryError) {
    for reference in space.references {
      guard case .geometry(let geometry) = reference, geometry.kind != .point else { continue }
      throw QueryError(
        .badGeometry("one looks from a point"), at: range, fix: "VISIBLE FROM POINT Z (113.62 34.75 150) WITHIN 1 km")
    }
  }

  private mutating func spaceReferences(_ reference: Reference) throws(QueryError) -> [SpaceClause.Reference] {
    switch reference.kind {
    case .named(let name, let key?):
      let (layer, match) = try feature(name, key: key, wantsGeometry: true, at: reference.range)
      return [.row(layer: layer, id: match.id)]
    case .named(_, nil):
      return try asSpace(try bind(reference: reference), at: reference.range)
    case .set(let name):
      if let set = state.context.session.sets[name] { return try spaceReferences(set) }
      return try asSpace(try bind(reference: reference), at: reference.range)
    case .geometry, .file, .find: return try asSpace(try bind(reference: reference), at: reference.range)
    }
  }

  private func asSpace(_ reference: BoundReference, at range: Range<Int>) throws(QueryError) -> [SpaceClause.Reference]
  {
    switch reference {
    case .geometries(let list, _):
      guard list.allSatisfy(\.hasZ) else {
        throw QueryError(
          .badGeometry("the reference has no heights, and IN 3D needs them"), at: range,
          fix: "write them as POINT Z (113.62 34.75 120): longitude, latitude, metres above datum")
      }
      return list.map { .geometry($0) }
    case .layer(let layer): return [.layer(layer)]
    case .find(let find): return [.find(find)]
    case .source, .space:
      throw QueryError(.notSupported("3D between the rows of a join"), at: range)
    }
  }
}
