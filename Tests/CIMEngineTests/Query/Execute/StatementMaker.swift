import SpatialIndex
import TestSupport

@testable import CIMEngine

/// Random statements over a small city.
struct StatementMaker {
  let city: NaiveCity
  var expressions: ExpressionMaker

  init(seed: UInt64, city: NaiveCity) {
    self.city = city
    expressions = ExpressionMaker(seed: seed, city: city, layer: 0)
  }

  mutating func below(_ n: Int) -> Int { expressions.below(n) }
  mutating func pick<T>(_ list: [T]) -> T { expressions.pick(list) }

  static let all = [
    NaiveCity.building, NaiveCity.unit, NaiveCity.shelter, NaiveCity.grid, NaiveCity.flood, NaiveCity.person,
    NaiveCity.road,
  ]
  static let small = [NaiveCity.shelter, NaiveCity.grid, NaiveCity.flood, NaiveCity.road]

  mutating func metres() -> BoundExpression {
    e(.constant(.double(pick([0, 25, 50, 125, 250, 400, -1]))), .double)
  }

  mutating func geometry() -> Geometry {
    switch below(6) {
    case 0: return .point(Double(below(41)) * 25, Double(below(41)) * 25)
    case 1:
      return .line([Double(below(40)) * 25, Double(below(40)) * 25, Double(below(40)) * 25, Double(below(40)) * 25])
    case 2:
      let (x, y) = (Double(below(30)) * 25, Double(below(30)) * 25)
      return .polygon([
        [x, y, x + 400, y, x + 400, y + 350, x, y + 350, x, y],
        [x + 50, y + 50, x + 50, y + 150, x + 150, y + 150, x + 150, y + 50, x + 50, y + 50],
      ])
    case 3: return .polygon([[200, 100, 700, 300, 400, 800, 150, 600, 200, 100]])
    default:
      let (x, y) = (Double(below(30)) * 25, Double(below(30)) * 25)
      return .rectangle(Box2(x, y, x + Double(1 + below(20)) * 25, y + Double(1 + below(20)) * 25))
    }
  }

  mutating func reference(depth: Int) -> BoundReference {
    switch below(depth > 0 ? 6 : 4) {
    case 0...1: return .geometries([geometry()], label: "here")
    case 2: return .geometries((0..<below(12)).map { _ in geometry() }, label: "there")
    case 3: return .layer(pick(Self.small))
    default:
      return .find(BoundFind(city.source(pick(Self.small)), filters: [condition(pick(Self.small), plain: true)]))
    }
  }

  mutating func condition(_ layer: Int, plain: Bool = false) -> BoundExpression {
    expressions.sources = [(0, layer)]
    if plain { return e(.constant(.bool(true)), .bool) }
    return expressions.condition(2)
  }

  /// A spatial condition on source 0 (or one like it).
  mutating func spatial(_ source: Int, depth: Int) -> BoundExpression {
    let test: BoundExpression.SpatialTest
    switch below(8) {
    case 0...1: test = .inside
    case 2...3: test = .intersects
    case 4: test = .touches
    case 5: test = .contains
    case 6: test = .beyond(metres())
    default: test = .within(metres())
    }
    switch below(5) {
    case 0:
      let relation = pick(BoundExpression.SpatialRelation.allCases)
      let (a, b) = (e(.geometry(source: source), .geometry), e(.constant(.geometry(geometry())), .geometry))
      return e(below(2) == 0 ? .relation(relation, a, b) : .relation(relation, b, a), .bool)
    case 1:
      return e(
        .within(
          e(.constant(.geometry(geometry())), .geometry), e(.geometry(source: source), .geometry), distance: metres()),
        .bool)
    default: return e(.spatial(test, source: source, reference(depth: depth)), .bool)
    }
  }

  mutating func filters(_ layer: Int) -> [BoundExpression] {
    var result: [BoundExpression] = []
    if below(2) == 0 { result.append(condition(layer)) }
    if below(3) == 0 { result.append(spatial(0, depth: 1)) }
    if below(6) == 0 {
      result.append(e(pick([.not(spatial(0, depth: 0)), .or([spatial(0, depth: 0), condition(layer)])]), .bool))
    }
    if below(8) == 0 {
      let key = e(.column(source: 0, column: 0), .text)
      let ids = (0..<3).map { _ in e(.constant(.text("\(pick(["B", "U", "S", "P", "G"]))-\(below(30))")), .text) }
      result.append(e(below(2) == 0 ? .compare(.equal, key, ids[0]) : .inList(key, ids), .bool))
    }
    return result
  }

  /// A source, sometimes a subquery.
  mutating func source(_ layer: Int, alias: String) -> BoundSource {
    if below(5) > 0 { return city.source(layer, alias: alias) }
    var find = BoundFind(city.source(layer), filters: filters(layer))
    if below(3) == 0 { find.limit = below(10) }
    return BoundSource(
      kind: .find(find), name: alias, columns: find.sources[0].columns, geometryPath: find.sources[0].geometryPath)
  }

  mutating func joinCondition(_ a: (Int, Int), _ b: (Int, Int)) -> BoundExpression {
    func geometry(_ source: Int) -> BoundExpression { e(.geometry(source: source), .geometry) }
    func equal(_ x: BoundExpression, _ y: BoundExpression) -> BoundExpression {
      e(below(2) == 0 ? .compare(.equal, x, y) : .compare(.equal, y, x), .bool)
    }
    func column(_ source: Int, _ column: Int, _ type: ColumnType) -> BoundExpression {
      e(.column(source: source, column: column), type)
    }
    var conditions: [BoundExpression] = []
    switch (below(5), a.1, b.1) {
    case (0...2, NaiveCity.unit, NaiveCity.building):
      conditions.append(equal(column(a.0, 1, .text), column(b.0, 0, .text)))
    case (0...2, NaiveCity.building, NaiveCity.unit):
      conditions.append(equal(column(a.0, 0, .text), column(b.0, 1, .text)))
    case (0...2, NaiveCity.person, NaiveCity.unit):
      conditions.append(equal(column(a.0, 1, .text), column(b.0, 0, .text)))
    case (0, _, _):
      expressions.sources = [a]
      let left = expressions.column(.text)!
      expressions.sources = [b]
      conditions.append(equal(left, expressions.column(.text)!))
    case (1, _, _):
      conditions.append(e(.within(geometry(a.0), geometry(b.0), distance: metres()), .bool))
    case (2, _, _):
      conditions.append(
        e(.relation(pick([.intersects, .contains, .within, .touches, .disjoint]), geometry(a.0), geometry(b.0)), .bool))
    default:
      let test = pick([BoundExpression.SpatialTest.inside, .intersects, .contains, .within(metres())])
      conditions.append(
        below(2) == 0
          ? e(.spatial(test, source: b.0, .source(a.0)), .bool) : e(.spatial(test, source: a.0, .source(b.0)), .bool))
    }
    if below(3) == 0 {
      expressions.sources = [a, b]
      conditions.append(expressions.condition(1))
    }
    return conditions.count == 1 ? conditions[0] : e(.and(conditions), .bool)
  }

  mutating func find() -> BoundFind {
    let layer = pick(Self.all)
    var find = BoundFind(source(layer, alias: "a"), filters: filters(layer))
    var layers = [(0, layer)]
    if below(4) == 0 {
      var nearest = BoundNearest(
        count: below(8), withTies: below(3) == 0, reference: reference(depth: 0), within: nil)
      if below(3) == 0 { nearest.within = metres() }
      find.nearest = nearest
      find.distances.append(BoundDistance(measure: .nearest))
    } else if below(5) == 0 {
      find.distances.append(BoundDistance(measure: .reference(reference(depth: 0))))
    }
    for _ in 0..<pick([0, 0, 0, 1, 1, 2]) where find.distances.isEmpty || find.nearest != nil {
      let s = find.sources.count
      let joined = pick(s == 1 ? Self.all : Self.small)
      find.sources.append(source(joined, alias: "s\(s)"))
      let isLeft = below(3) == 0
      var condition = BoundJoin.Condition.on(joinCondition(layers[below(layers.count)], (s, joined)))
      if below(5) == 0 {
        condition = .nearest(count: 1 + below(3), within: below(2) == 0 ? nil : metres(), from: below(s))
        find.distances.append(BoundDistance(measure: .join(find.joins.count)))
      } else if below(6) == 0 {
        condition = .within(metres(), from: 0)
        find.distances.append(BoundDistance(measure: .join(find.joins.count)))
      }
      find.joins.append(BoundJoin(isLeft: isLeft, source: s, condition: condition))
      layers.append((s, joined))
    }
    expressions.sources = layers.map { ($0.0, $0.1) }
    if below(3) == 0 { find.joinedFilters.append(expressions.condition(2)) }
    if below(6) == 0, layers.count > 1 {
      find.joinedFilters.append(e(.isNull(e(.column(source: layers.count - 1, column: 0), .text)), .bool))
    }
    find.items = layers.flatMap { find.allColumns($0.0) }
    for slot in find.distances.indices {
      find.items.append(
        BoundItem(expression: e(.distance(slot), .double), column: ResultColumn(name: "distance", type: .double)))
    }
    switch below(5) {
    case 0: group(&find)
    case 1:
      find.distinct = true
      find.items = (0...below(2)).map { _ in
        let type = pick([ColumnType.int, .text])
        return BoundItem(
          expression: expressions.column(type) ?? expressions.constant(type),
          column: ResultColumn(name: "x", type: type))
      }
      find.distances = find.nearest == nil ? [] : find.distances
    default: break
    }
    if below(3) == 0 {
      find.orderBy = (0...below(2)).map { _ in
        let expression: BoundExpression
        if find.grouping != nil || find.distinct {
          expression = find.items[below(find.items.count)].expression
        } else {
          expression = expressions.value(pick([.int, .double, .text, .date]), 1)
        }
        return BoundSortKey(expression: expression, descending: below(2) == 0, nullsFirst: below(2) == 0)
      }
    }
    if below(3) == 0 {
      find.limit = below(20)
      if below(2) == 0 { find.offset = below(10) }
    }
    return find
  }

  private mutating func group(_ find: inout BoundFind) {
    var grouping = BoundGrouping(keys: [], aggregates: [])
    for _ in 0..<below(3) {
      let type = pick([ColumnType.int, .text, .text, .bool])
      if let column = expressions.column(type) { grouping.keys.append(column) }
    }
    for _ in 0...below(3) {
      let function = pick([BoundAggregate.Function.count, .sum, .avg, .min, .max, .median])
      let type = pick(
        function == .count || function == .min || function == .max
          ? [ColumnType.int, .double, .text] : [.int, .double])
      var argument: BoundExpression? = expressions.value(type, 1)
      if function == .count, below(2) == 0 { argument = nil }
      let result: ColumnType =
        function == .count ? .int : function == .avg || function == .median ? .double : type
      grouping.aggregates.append(
        BoundAggregate(
          function: function, distinct: argument != nil && below(3) == 0, argument: argument, fraction: nil,
          type: result))
    }
    find.grouping = grouping
    find.items =
      grouping.keys.enumerated().map {
        BoundItem(expression: e(.groupKey($0.offset), $0.element.type), column: ResultColumn(name: "k", type: nil))
      }
      + grouping.aggregates.enumerated().map {
        BoundItem(expression: e(.aggregate($0.offset), $0.element.type), column: ResultColumn(name: "a", type: nil))
      }
    if below(3) == 0 {
      find.having = e(.not(e(.isNull(e(.aggregate(0), grouping.aggregates[0].type)), .bool)), .bool)
    }
  }
}
