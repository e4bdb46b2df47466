import TestSupport
import Testing

@testable import CIMEngine

/// parse(print(tree)) == tree, for trees of every shape that the parser can make.
@Suite struct PrinterTests {
  @Test("generated expressions survive a round trip", arguments: 0..<8 as Range<UInt64>)
  func expressions(seed: UInt64) throws {
    var trees = TreeGenerator(seed: seed)
    for _ in 0..<250 {
      let tree = trees.expression(4)
      let text = Printer.print(tree)
      do {
        let again = try parseFilter(text)
        #expect(again == tree, "\(text)\n\(Printer.print(again))")
      } catch {
        Issue.record("\(error.rendered(in: text))")
      }
    }
  }

  @Test("generated statements survive a round trip", arguments: 0..<8 as Range<UInt64>)
  func statements(seed: UInt64) throws {
    var trees = TreeGenerator(seed: seed &+ 1000)
    for _ in 0..<150 {
      let tree = Script(statements: (0..<Int.random(in: 1...2, using: &trees.random)).map { _ in trees.statement() })
      let text = Printer.print(tree)
      do {
        let again = try parse(text)
        #expect(again == tree, "\(text)\n\(Printer.print(again))")
      } catch {
        Issue.record("\(error.rendered(in: text))")
      }
    }
  }

  /// Whatever parses prints to something that parses to the same tree; whatever does not is refused, not crashed on.
  @Test("mangled texts", arguments: 0..<4 as Range<UInt64>)
  func mangledTexts(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var trees = TreeGenerator(seed: seed &+ 5000)
    let pieces = [
      "(", ")", "'", "\"", ",", "WITHIN", "OF", "NOT", "距离", "最近", "的", "1..5", "5 m", "CASE", "$a", "--", "。", "IN",
      "3D",
    ]
    for _ in 0..<300 {
      var words = Printer.print(trees.statement()).split(separator: " ").map(String.init)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let at = Int.random(in: 0..<words.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: words[at] = pieces.randomElement(using: &random)!
        case 1: words.insert(pieces.randomElement(using: &random)!, at: at)
        default: if words.count > 1 { words.remove(at: at) }
        }
      }
      let text = words.joined(separator: " ")
      guard let tree = try? parse(text) else { continue }
      let printed = Printer.print(tree)
      #expect(try parse(printed) == tree, "\(text)\n\(printed)")
    }
  }
}

/// Random trees of the forms that the parser makes.
struct TreeGenerator {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func pick<T>(_ values: [T]) -> T { values.randomElement(using: &random)! }
  private mutating func chance(_ part: Double) -> Bool { Double.random(in: 0..<1, using: &random) < part }
  private mutating func many<T>(_ range: ClosedRange<Int>, _ make: (inout Self) -> T) -> [T] {
    (0..<Int.random(in: range, using: &random)).map { _ in make(&self) }
  }

  private mutating func name() -> Name {
    let text = pick([
      "a", "height", "id", "level", "where", "and", "case", "within", "m", "s2", "eo:cloud", "高度", "最近距离", "x y",
      "a\"b", "a.b",
      "Count", "IN", "点", "ａ", "null", "3d", "距离", "find", "point", "at", "date", "end", "’", "“",
    ])
    return Name(text: text, quoted: false, range: 0..<0)
  }

  private mutating func text() -> String {
    pick(["", "open", "it's", "开放", "a\\", "\\'", "’", "‘a’", "--", "a\nb", "%_", "\"", "，", "'", "\\''’\\"])
  }

  private mutating func number() -> Double {
    pick([0, 1, -1, 0.5, 113.65, 1e20, -1e-9, 5e-324, 1.7976931348623157e308, .random(in: -1e6...1e6, using: &random)])
  }

  private mutating func value() -> Value {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: .null
    case 1: .bool(chance(0.5))
    case 2: .int(pick([0, 1, -1, .max, .min, .random(in: -1000...1000, using: &random)]))
    case 3: .double(number())
    case 4: .date(.random(in: -700_000...2_000_000, using: &random))
    case 5: .timestamp(.random(in: -50_000_000_000_000_000...50_000_000_000_000_000, using: &random))
    default: .text(text())
    }
  }

  private mutating func length() -> Expression.Kind {
    .length(number(), unit: pick(["m", "km", "ha", "mu", "m2", "km2"]))
  }

  private mutating func distance(_ depth: Int) -> Expression {
    chance(0.7) ? wrap(length()) : wrap(.arithmetic(.multiply, expression(0), expression(depth - 1)))
  }

  private func wrap(_ kind: Expression.Kind) -> Expression { Expression(kind: kind, range: 0..<0) }

  mutating func expression(_ depth: Int) -> Expression {
    guard depth > 0 else {
      return wrap(
        chance(0.5)
          ? .literal(value()) : chance(0.8) ? .property(many(1...3) { $0.name() }) : pick([.parameter("p"), length()]))
    }
    let d = depth - 1
    switch Int.random(in: 0..<22, using: &random) {
    case 0: return wrap(.not(expression(d)))
    case 1: return wrap(.and(many(2...3) { $0.expression(d) }))
    case 2: return wrap(.or(many(2...3) { $0.expression(d) }))
    case 3, 4: return wrap(.compare(pick(Expression.Comparison.allCases), expression(d), expression(d)))
    case 5, 6: return wrap(.arithmetic(pick(Expression.Arithmetic.allCases), expression(d), expression(d)))
    case 7: return wrap(.like(expression(d), pattern: expression(d)))
    case 8: return wrap(.between(expression(d), low: expression(d), high: expression(d)))
    case 9: return wrap(.inList(expression(d), many(1...3) { $0.expression(d) }))
    case 10: return wrap(.inFind(expression(d), find(d)))
    case 11: return wrap(.isNull(expression(d)))
    case 12:
      let function = pick(["COUNT", "S_INTERSECTS", "CASEI", "Foo", "A_CONTAINS", "ROUND", "LEFT"])
      let distinct = chance(0.2)
      let arguments = many((distinct ? 1 : 0)...2) { $0.expression(d) }
      return wrap(.call(Name(text: function, quoted: false, range: 0..<0), arguments, distinct: distinct, star: false))
    case 13: return wrap(.call(Name(text: "COUNT", quoted: false, range: 0..<0), [], distinct: false, star: true))
    case 14:
      let cases = many(1...2) { Expression.When(condition: $0.expression(d), result: $0.expression(d)) }
      return wrap(
        .choose(operand: chance(0.5) ? expression(d) : nil, cases: cases, otherwise: chance(0.5) ? expression(d) : nil))
    case 15: return wrap(.geometry(geometry(d), crs: crs()))
    case 16: return wrap(.array(many(0...3) { $0.expression(d) }))
    case 17: return wrap(.spatial(spatial(d)))
    case 18:
      let low = Int.random(in: -3...3, using: &random)
      return wrap(.onFloor(low == 0 ? 1 : low, 4))
    case 19: return wrap(.elevation(below: chance(0.5), distance(d)))
    case 20: return wrap(.interval(bound(), bound()))
    default: return expression(0)
    }
  }

  private mutating func bound() -> Expression? {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: nil
    case 1: wrap(.literal(.date(18_828)))
    case 2: wrap(.literal(.timestamp(.random(in: 0...2_000_000_000_000_000, using: &random))))
    default: wrap(.property([name()]))
    }
  }

  private mutating func spatial(_ depth: Int) -> SpatialClause {
    let relation: SpatialClause.Relation =
      switch Int.random(in: 0..<6, using: &random) {
      case 0: .inside
      case 1: .intersects
      case 2: .touches
      case 3: .contains
      case 4: .within(distance(depth))
      default: .beyond(distance(depth))
      }
    var clause = SpatialClause(relation: relation, reference: reference(depth), in3D: chance(0.2))
    if case .within = relation, chance(0.2) { clause.road = road(depth) }
    return clause
  }

  private mutating func road(_ depth: Int) -> Road { Road(avoiding: chance(0.5) ? reference(depth - 1) : nil) }

  private mutating func crs() -> Name? {
    chance(0.3) ? Name(text: pick(["GCJ02", "EPSG:4547", "4547", "GCJ-02"]), quoted: false, range: 0..<0) : nil
  }

  private mutating func geometry(_ depth: Int) -> GeometryLiteral {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return .at(number(), number())
    case 1: return .bbox((0..<(chance(0.5) ? 4 : 6)).map { _ in number() })
    case 2 where depth > 0: return .circle(geometry(depth - 1), radius: distance(0))
    default: return .wkt(wkt(2))
    }
  }

  private mutating func wkt(_ depth: Int) -> Geometry {
    let hasZ = chance(0.3)
    func z(_ ring: [Double], _ self: inout Self) -> [Double] {
      hasZ ? (0..<ring.count / 2).map { _ in self.number() } : []
    }
    func line(_ self: inout Self) -> [Double] {
      (0..<2 * Int.random(in: 2...4, using: &self.random)).map { _ in self.number() }
    }
    func ring(_ self: inout Self) -> [Double] {
      let open = (0..<6).map { _ in self.number() }
      return open + open[0..<2]
    }
    let kind = pick(depth > 0 ? GeometryKind.allCases : [.point, .polygon])
    var result = Geometry(kind: kind)
    if chance(0.1) { return result }
    let parts = kind.rawValue > 3 ? Int.random(in: 1...3, using: &random) : 1
    for _ in 0..<parts {
      let rings: [[Double]]
      switch kind {
      case .point, .multiPoint: rings = [[number(), number()]]
      case .lineString, .multiLineString: rings = [line(&self)]
      case .polygon, .multiPolygon: rings = (0..<Int.random(in: 1...2, using: &random)).map { _ in ring(&self) }
      case .geometryCollection:
        result.members.append(wkt(depth - 1))
        continue
      }
      result.appendPart(rings: rings, z: hasZ ? rings.map { z($0, &self) } : [])
    }
    return result
  }

  private mutating func reference(_ depth: Int) -> Reference {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return Reference(kind: .geometry(geometry(depth)), crs: crs(), range: 0..<0)
    case 1: return Reference(kind: .set("flood"), crs: crs(), range: 0..<0)
    case 2: return Reference(kind: .file(text()), crs: crs(), range: 0..<0)
    case 3 where depth > 0: return Reference(kind: .find(find(depth - 1)), crs: nil, range: 0..<0)
    default: return Reference(kind: .named(name(), key: chance(0.6) ? text() : nil), crs: nil, range: 0..<0)
    }
  }

  private mutating func source(_ depth: Int) -> Source {
    let kind: Source.Kind =
      switch Int.random(in: 0..<4, using: &random) {
      case 0: .set("s")
      case 1 where depth > 0: .find(find(depth - 1))
      default: .layer(name())
      }
    return Source(kind: kind, alias: chance(0.4) ? name() : nil, range: 0..<0)
  }

  private mutating func filter(_ depth: Int) -> Expression {
    switch Int.random(in: 0..<3, using: &random) {
    case 0: wrap(.spatial(spatial(depth)))
    case 1: wrap(.not(wrap(.spatial(spatial(depth)))))
    default: expression(depth)
    }
  }

  mutating func count() -> Count {
    chance(0.2)
      ? .parameter(Name(text: "n", quoted: false, range: 0..<0)) : .number(.random(in: 1...100, using: &random))
  }

  mutating func find(_ depth: Int) -> Find {
    var find = Find(source: source(depth), range: 0..<0)
    let d = max(0, depth - 1)
    find.joins = many(0...2) { trees in
      let condition: Join.Condition =
        switch Int.random(in: 0..<3, using: &trees.random) {
        case 0: .on(trees.expression(d))
        case 1: .within(trees.distance(d))
        default:
          .nearest(
            count: trees.count(), within: trees.chance(0.5) ? trees.distance(d) : nil,
            from: trees.chance(0.3) ? trees.name() : nil)
        }
      return Join(isLeft: trees.chance(0.5), source: trees.source(d), condition: condition, range: 0..<0)
    }
    find.filters = many(0...2) { $0.filter(d) }
    if chance(0.3) {
      find.nearest = Nearest(
        count: count(), withTies: chance(0.3), reference: reference(d),
        within: chance(0.5) ? distance(d) : nil, road: chance(0.2) ? road(d) : nil, range: 0..<0)
    }
    if chance(0.6) {
      find.items = many(1...3) { trees in
        switch Int.random(in: 0..<4, using: &trees.random) {
        case 0: Item(kind: .all)
        case 1: Item(kind: .allOf(trees.name()))
        default: Item(kind: .expression(trees.expression(d)), name: trees.chance(0.4) ? trees.name() : nil)
        }
      }
      find.distinct = chance(0.2)
    }
    if chance(0.3) {
      find.groupBy = many(1...2) { $0.expression(d) }
      if chance(0.4) { find.having = expression(d) }
    }
    find.orderBy = many(0...2) { trees in
      SortKey(
        expression: trees.expression(d), descending: trees.chance(0.4),
        nullsFirst: trees.chance(0.3) ? trees.chance(0.5) : nil)
    }
    if chance(0.3) { find.limit = count() }
    if chance(0.2) { find.offset = count() }
    return find
  }

  mutating func statement() -> Statement {
    let body: Statement.Body
    switch Int.random(in: 0..<9, using: &random) {
    case 0: body = .let(name: "flood", reference(1))
    case 1:
      let layers = many(1...3) { $0.name() }
      var rows = find(1)
      rows.source = Source(kind: .layer(layers[0]), alias: nil, range: 0..<0)
      body = .expose(
        Expose(
          layers: layers, reference: reference(1), level: chance(0.5) ? expression(1) : nil, byFloor: chance(0.5),
          tolerance: chance(0.5) ? distance(1) : nil, find: rows))
    case 2:
      body = .allocate(
        Allocate(
          from: source(1), to: source(1), capacity: expression(1), demand: chance(0.5) ? expression(1) : nil,
          maximum: chance(0.5) ? distance(0) : nil, keepTogether: chance(0.5) ? name() : nil,
          road: chance(0.3) ? road(1) : nil))
    case 3:
      body = .link(
        LinkLayers(
          layer: name(), target: name(), elseNearestWithin: chance(0.5) ? distance(1) : nil, dryRun: chance(0.5)))
    case 4: body = .brief(Brief(reference: reference(1), radius: chance(0.5) ? distance(1) : nil))
    case 5: body = .edit(edit(), dryRun: chance(0.5))
    default: body = .find(find(2))
    }
    let explain: Statement.Explain? = chance(0.2) ? (chance(0.5) ? .plan : .analyze) : nil
    var export: Export?
    if chance(0.2) {
      export = Export(path: text(), format: chance(0.5) ? "geojson" : nil, crs: crs(), precision: chance(0.5) ? 6 : nil)
    }
    return Statement(explain: explain, body: body, export: export, range: 0..<0)
  }

  private mutating func edit() -> Edit {
    let layer = name()
    var rows: Find?
    if chance(0.7) {
      rows = find(1)
      rows!.source = Source(kind: .layer(layer), alias: nil, range: 0..<0)
      if rows!.filters.isEmpty { rows!.filters = [filter(1)] }
    }
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      let columns = many(1...3) { $0.name() }
      if chance(0.3) { return .insert(into: layer, columns: columns, .find(find(1))) }
      return .insert(into: layer, columns: columns, .values(many(1...2) { t in columns.map { _ in t.expression(1) } }))
    case 1:
      return .update(layer, many(1...2) { Edit.Assignment(column: $0.name(), value: $0.expression(1)) }, find: rows)
    default: return .delete(layer, find: rows)
    }
  }
}
