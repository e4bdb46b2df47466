internal import SpatialIndex

/// What an EXPOSE works out for the rows of one layer, as expressions over a row: the names that its clauses may use.
struct ExposedLayer {
  let name: String
  /// `scenario`, `layer`, `state`, `depth`, `water_level`, and where the layer has what it takes `floor`, `age_band`,
  /// `wet_floors`.
  private(set) var computed: [String: Expression] = [:]
  private(set) var isByHeight = true
  /// When a row counts in each state; empty without heights.
  private var conditions: [String: Expression] = [:]
  private(set) var notices: [String] = []

  /// When the height of a storey is taken from the rule, and what is said then; nil where no storeys are counted.
  private(set) var storeyRule: (isUsed: Expression, said: String)?

  /// The level less the base of the row: metres above the floor, negative where the floor lies above the water.
  private var rawDepth = Expression.null
  private static let depthDigits = 3.0

  static let states = ["wet", "unsure", "dry", "unknown"]

  /// - Parameters:
  ///   - tolerance: metres.
  ///   - near: the box of the scenario's place, in the working CRS; nil where it is not known.
  /// - Throws: `QueryError` for a layer without a place, and for one without heights unless `LEVEL NULL` asked for no
  ///   more than what is inside.
  init(
    _ layer: Int, named written: Name, _ catalog: Catalog, _ names: CatalogNames, _ scenario: ExposeScenario,
    tolerance: Double, rules: CityRules, near: Box2? = nil
  ) throws(QueryError) {
    name = catalog.layers[layer].name
    guard let path = names.geometryPath(of: layer) else {
      throw QueryError(
        .invalid("`\(name)` has no geometry, and no link to a layer that has one"), at: written.range)
    }
    /// A column of the layer itself, else of the layer that gives it its place.
    func column(_ wanted: [String]) -> Expression? {
      for (target, steps) in [(layer, []), (path.last?.targetLayer ?? layer, path)] {
        for want in wanted {
          guard let found = names.column(want, of: target),
            [.int, .double].contains(catalog.layers[target].columns[found].type)
          else { continue }
          let way = steps.map { catalog.layers[$0.fromLayer].columns[$0.column].name }
          return .column(way + [catalog.layers[target].columns[found].name])
        }
      }
      return nil
    }
    computed["scenario"] = scenario.id.map { .text($0) } ?? .null
    computed["layer"] = .text(name)
    if let floor = column(["floor"]) { computed["floor"] = floor }
    if let age = column(["age"]), !rules.ageBands.isEmpty {
      computed["age_band"] = rules.ageBand(of: age)
      notices.append(rules.saidAgeBands)
    }
    if case .insideOnly = scenario.level {
      isByHeight = false
      computed["state"] = .text("inside")
      computed["depth"] = .null
      computed["water_level"] = .null
      return
    }
    var base = column(["z_min", "ground_z"])
    if base == nil, let geometry = catalog.layers[path.last?.targetLayer ?? layer].geometry, geometry.hasZ,
      geometry.kind ?? .point == .point
    {
      base = .call("Z", [.column(["geom"])])
    }
    guard let base else {
      throw QueryError(
        .invalid("`\(name)` has no heights: neither `z_min`, nor `ground_z`, nor points with z"), at: written.range,
        fix: "write `LEVEL NULL` to count what is inside the flood at any height")
    }
    let level = scenario.expression
    let depth = level.isNullLiteral ? level : level.with(.subtract, base)
    rawDepth = depth
    if level.isNullLiteral {
      computed["state"] = .text("unknown")
      computed["depth"] = .null
    } else {
      computed["depth"] = .call("ROUND", [depth, .number(Self.depthDigits)])
      // Heights come in centimetres, which binary fractions miss by a little.
      let limit = tolerance > 0 ? tolerance + 1e-9 : 0
      let isWet = depth.compared(.greater, .number(limit))
      conditions = ["unknown": depth.isUnknown, "wet": isWet]
      var cases = [(depth.isUnknown, Expression.text("unknown")), (isWet, .text("wet"))]
      if tolerance > 0 {
        cases.append((depth.compared(.greaterOrEqual, .number(-limit)), .text("unsure")))
        conditions["unsure"] = Expression(
          kind: .between(depth, low: .number(-limit), high: .number(limit)), range: 0..<0)
        conditions["dry"] = depth.compared(.less, .number(-limit))
      } else {
        conditions["dry"] = depth.compared(.lessOrEqual, .number(0))
      }
      computed["state"] = .choose(cases, otherwise: .text("dry"))
    }
    computed["water_level"] = level
    if path.isEmpty, let floors = column(["floors"]) {
      addWetFloors(
        level: level, tolerance: tolerance, ground: base, floors: floors, below: column(["floors_below"]),
        storey: column(["storey_height", "floor_height"]),
        heights: ["roof_height", "height"].compactMap { column([$0]) },
        known: FloorLevels.Rows(of: layer, near: near, names), rules)
    }
  }

  /// What is taken for the height of a storey, in metres.
  static let storeys = 2.2...8.0

  /// The floors of a building whose level lies under the water by more than the tolerance. Floors that have rows of
  /// their own (`known`: housing units) lie where those do. Of a building without any, floor k above the ground lies
  /// (k - 1) storeys above `ground_z`, floor -k k storeys below; a storey is `storey_height`, else `roof_height` /
  /// `floors`, else `height` / `floors`, else the rule: the first that is between 2.2 m and 8 m.
  private mutating func addWetFloors(
    level: Expression, tolerance: Double, ground: Expression, floors: Expression, below: Expression?,
    storey stated: Expression?, heights: [Expression], known rows: FloorLevels.Rows?, _ rules: CityRules
  ) {
    if level.isNullLiteral {
      computed["wet_floors"] = .null
      return
    }
    let rule = rules.number(CityRules.floorHeight) ?? CityRules.shipped.numbers[0]
    var storey = Expression.number(rule.value)
    var isByRule: [Expression] = []
    // Roofs may be those of a lower wing: what is no height of a storey is not taken for one.
    func take(_ own: Expression, when condition: Expression?) {
      let usable = Expression(
        kind: .between(own, low: .number(Self.storeys.lowerBound), high: .number(Self.storeys.upperBound)), range: 0..<0
      )
      let known = condition.map { Expression.both($0, usable) } ?? usable
      storey = .choose([(known, own)], otherwise: storey)
      isByRule.append(.choose([(known, .number(0))], otherwise: .number(1)).compared(.equal, .number(1)))
    }
    for height in heights.reversed() {
      take(height.with(.divide, floors.with(.multiply, .number(1))), when: floors.compared(.greater, .number(0)))
    }
    if let stated { take(stated.with(.multiply, .number(1)), when: nil) }
    let known = Expression(kind: .not(floors.isUnknown), range: 0..<0)
    let isUsed = isByRule.reduce(known) { .both($0, $1) }
    storeyRule = (isUsed, rules.said(rule))
    if let rows {
      // The same limit as that of `state`, so that a floor is wet when one of its rows is.
      let arguments = [
        level, .number(tolerance > 0 ? tolerance + 1e-9 : 0), ground, floors, below ?? .number(0), storey,
      ]
      func ask(_ question: String) -> Expression {
        .call(WetFloorsNode.function, [.text(question), .text(rows.text), .column(["id"])] + arguments)
      }
      computed["wet_floors"] = ask("count")
      storeyRule = (.both(isUsed, ask("rule").compared(.equal, .number(1))), rules.said(rule))
      return
    }
    let water = level.with(.subtract, .number(tolerance)).with(.subtract, ground)
    let zero = Expression.number(0)
    let above = Expression.call(
      "LEAST",
      [
        floors.with(.multiply, .number(1)),
        .call("GREATEST", [zero, .call("CEIL", [water.with(.divide, storey)])]),
      ])
    var wet = above
    if let below {
      let count = Expression.call("COALESCE", [below.with(.multiply, .number(1)), zero])
      let dry = Expression.call("FLOOR", [zero.with(.subtract, water).with(.divide, storey)])
      wet = above.with(.add, .call("LEAST", [count, .call("GREATEST", [zero, count.with(.subtract, dry)])]))
    }
    computed["wet_floors"] = .choose(
      [(Expression.either(water.isUnknown, floors.isUnknown), .null)], otherwise: wet)
  }

  // MARK: Clauses

  /// `e` with the computed names replaced by what they stand for.
  func written(_ e: Expression) -> Expression {
    e.mapped { part in
      guard case .property(let parts) = part.kind, let found = meaning(of: parts) else { return part }
      var result = found
      result.range = part.range
      return result
    }
  }

  private func meaning(of parts: [Name]) -> Expression? {
    let last = parts[parts.count - 1].text.lowercased()
    guard parts.count == 1 || (parts.count == 2 && parts[0].text.lowercased() == name.lowercased()) else { return nil }
    // A floor is a column like any other where the layer has one.
    return computed[last]
  }

  /// The item of a name or expression, called as it was written.
  func item(_ item: Item) -> [Item] {
    switch item.kind {
    case .expression(let e):
      var name = item.name
      if name == nil, case .property(let parts) = e.kind, meaning(of: parts) != nil {
        name = Name(text: parts[parts.count - 1].text.lowercased(), quoted: true, range: e.range)
      }
      return [Item(kind: .expression(written(e)), name: name)]
    case .all, .allOf:
      return [item]
        + ["scenario", "state", "depth", "water_level", "wet_floors", "age_band"].compactMap { name in
          computed[name].map { Item($0, as: name) }
        }
    }
  }

  /// Totals: how many rows, and how many of them in each state.
  var totals: [Item] {
    var items = [Item(.call("COUNT", [], star: true), as: "total")]
    for name in Self.states {
      var count = Expression.null
      if let condition = conditions[name] {
        count = .call("COUNT", [.choose([(condition, .number(1))])])
      } else if isByHeight {
        // No tolerance: nothing is unsure. No level: everything is unknown.
        count = name == "unknown" ? .call("COUNT", [], star: true) : .call("COUNT", [.null])
      }
      items.append(Item(count, as: name))
    }
    items.append(Item(depthItem, as: "max_depth"))
    items.append(
      Item(computed["wet_floors"].map { $0.isNullLiteral ? .null : .call("SUM", [$0]) } ?? .null, as: "wet_floors"))
    return items
  }

  /// The greatest depth of what is wet or unsure; NULL where nothing is.
  private var depthItem: Expression {
    guard let isWet = conditions["wet"] else { return .null }
    let counts = conditions["unsure"].map { Expression.either(isWet, $0) } ?? isWet
    return .call("ROUND", [.call("MAX", [.choose([(counts, rawDepth)])]), .number(Self.depthDigits)])
  }
}
