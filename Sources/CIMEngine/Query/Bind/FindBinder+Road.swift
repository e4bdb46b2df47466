extension FindBinder {
  /// `BY ROAD [AVOIDING reference]`: the layer of streets, and the areas that close some.
  mutating func bind(road: Road, at range: Range<Int>) throws(QueryError) -> BoundRoad {
    guard !catalog.isGeographic else {
      throw QueryError(
        .notSupported("BY ROAD in a database in degrees (\(catalog.workingCRS))"), at: range,
        fix: "import into a database with a projected working CRS")
    }
    guard let layer = names.layer("road") else {
      throw QueryError(
        .invalid("BY ROAD needs a layer `road` of street lines, and there is none"), at: range,
        fix: "import one: cimq import DB streets.geojson --layer road")
    }
    switch catalog.layers[layer].geometry?.kind {
    case .lineString?, .multiLineString?, .geometryCollection?: break
    case nil where catalog.layers[layer].geometry != nil: break
    default:
      throw QueryError(.invalid("BY ROAD needs a layer `road` of lines; `road` here holds none"), at: range)
    }
    guard let avoiding = road.avoiding else { return BoundRoad(layer: layer, avoiding: nil, label: "") }
    let reference = try bind(reference: avoiding)
    let fix = "name an area: a flood, a polygon, CIRCLE(AT(…), 200 m)"
    switch reference {
    case .source:
      throw QueryError(
        .invalid("AVOIDING wants areas that are known before the rows are"), at: avoiding.range, fix: fix)
    case .geometries(let list, _):
      guard list.contains(where: { $0.dimension == 2 }) else {
        throw QueryError(
          .invalid("AVOIDING closes the streets inside an area; this is none"), at: avoiding.range, fix: fix)
      }
    case .layer(let index):
      switch catalog.layers[index].geometry?.kind {
      case .point?, .multiPoint?, .lineString?, .multiLineString?:
        throw QueryError(
          .invalid("AVOIDING closes the streets inside areas; `\(catalog.layers[index].name)` has none"),
          at: avoiding.range, fix: fix)
      default: break
      }
    case .find, .space: break
    }
    return BoundRoad(layer: layer, avoiding: reference, label: Self.said(avoiding))
  }

  /// WITHIN d OF … BY ROAD: within d by road, and so within d in a straight line, which an index answers.
  mutating func byRoad(_ clause: SpatialClause, _ road: Road, _ e: Expression) throws(QueryError) -> BoundExpression {
    guard case .within(let distance) = clause.relation else {
      throw QueryError(.invalid("BY ROAD stands after WITHIN … OF and NEAREST"), at: e.range)
    }
    try requireGeometry(0, at: e.range)
    touched.insert(0)
    let walked = try bind(road: road, at: e.range)
    let reference: BoundReference
    if let known = measuredClause, known.clause == clause {
      reference = known.reference
    } else {
      reference = try bind(reference: clause.reference)
    }
    if case .source = reference {
      throw QueryError(
        .invalid("BY ROAD measures from places that are known before the rows are"), at: clause.reference.range,
        fix: "name a row, such as shelter 'S-1', or a (FIND …)")
    }
    let metres = try bind(distance: distance)
    let straight = BoundExpression(
      kind: .spatial(.within(metres), source: 0, reference), type: .bool, range: e.range)
    let along = BoundExpression(
      kind: .spatial(.byRoad(metres, walked), source: 0, reference), type: .bool, range: e.range)
    return BoundExpression(kind: .and([straight, along]), type: .bool, range: e.range)
  }
}
