import TestSupport
import Testing

@testable import CIMEngine

/// Random typed expressions over the columns of a layer.
struct ExpressionMaker {
  var random: SplitMix64
  let city: NaiveCity
  let layer: Int
  /// Sources to draw columns from: index and layer.
  var sources: [(index: Int, layer: Int)]

  init(seed: UInt64, city: NaiveCity, layer: Int) {
    random = SplitMix64(seed: seed)
    self.city = city
    self.layer = layer
    sources = [(0, layer)]
  }

  func e(_ kind: BoundExpression.Kind, _ type: ColumnType?) -> BoundExpression {
    BoundExpression(kind: kind, type: type, range: 0..<0)
  }
  mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
  mutating func below(_ n: Int) -> Int { Int.random(in: 0..<n, using: &random) }

  mutating func column(_ type: ColumnType) -> BoundExpression? {
    var found: [BoundExpression] = []
    for (index, layer) in sources {
      for (c, column) in city.layers[layer].columns.enumerated() where column.type == type {
        found.append(e(.column(source: index, column: c), type))
      }
      if layer == NaiveCity.unit {
        for (c, column) in city.layers[NaiveCity.building].columns.enumerated() where column.type == type {
          found.append(e(.path(source: index, steps: [NaiveCity.unitToBuilding], column: c), type))
        }
      }
      if layer == NaiveCity.person {
        for (c, column) in city.layers[NaiveCity.building].columns.enumerated() where column.type == type {
          found.append(
            e(.path(source: index, steps: [NaiveCity.personToUnit, NaiveCity.unitToBuilding], column: c), type))
        }
      }
    }
    return found.isEmpty ? nil : pick(found)
  }

  mutating func constant(_ type: ColumnType) -> BoundExpression {
    if below(12) == 0 { return e(.constant(.null), type) }
    switch type {
    case .int: return e(.constant(.int(Int64(below(40)) - 5)), .int)
    case .double: return e(.constant(.double(Double(below(400)) / 4 - 5)), .double)
    case .text: return e(.constant(.text(pick(["住宅", "school", "open", "B-3", "café", "", "SCHOOL", "z"]))), .text)
    case .date: return e(.constant(.date(Int32(10_000 + below(9_000)))), .date)
    case .timestamp: return e(.constant(.timestamp(Int64(below(1_800_000_000)) * 1_000_000)), .timestamp)
    default: return e(.constant(.bool(below(2) == 0)), .bool)
    }
  }

  mutating func value(_ type: ColumnType, _ depth: Int) -> BoundExpression {
    if depth == 0 || below(3) == 0 { return (below(3) == 0 ? nil : column(type)) ?? constant(type) }
    switch (type, below(5)) {
    case (.int, 0...1):
      return e(
        .arithmetic(pick([.add, .subtract, .multiply, .div, .modulo]), value(.int, depth - 1), value(.int, depth - 1)),
        .int)
    case (.int, 2): return e(.negate(value(.int, depth - 1)), .int)
    case (.double, 0...1):
      return e(
        .arithmetic(
          pick([.add, .subtract, .multiply, .divide, .modulo, .div]), value(pick([.double, .int]), depth - 1),
          value(.double, depth - 1)), .double)
    case (.double, 2): return e(.convert(value(.int, depth - 1)), .double)
    case (.int, 3) where depth > 1: return e(.call(.length, [value(.text, depth - 1)]), .int)
    case (.text, 0): return e(.call(.casei, [value(.text, depth - 1)]), .text)
    case (_, 4):
      return e(
        .choose(
          cases: [(condition(depth - 1), value(type, depth - 1))],
          otherwise: below(2) == 0 ? nil : value(type, depth - 1)),
        type)
    case (_, 3): return e(.call(.coalesce, [value(type, depth - 1), value(type, depth - 1)]), type)
    default: return column(type) ?? constant(type)
    }
  }

  mutating func condition(_ depth: Int) -> BoundExpression {
    let type = pick([ColumnType.int, .double, .text, .date, .timestamp, .bool])
    if depth == 0 {
      return e(
        .compare(
          pick([.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]), column(type) ?? constant(type),
          constant(type)), .bool)
    }
    switch below(9) {
    case 0: return e(.and((0...below(2) + 1).map { _ in condition(depth - 1) }), .bool)
    case 1: return e(.or((0...below(2) + 1).map { _ in condition(depth - 1) }), .bool)
    case 2: return e(.not(condition(depth - 1)), .bool)
    case 3: return e(.isNull(value(type, depth - 1)), .bool)
    case 4: return e(.inList(value(type, depth - 1), (0...below(4)).map { _ in constant(type) }), .bool)
    case 5:
      let pattern = pick(["%", "s%", "%o%", "_a__", "", "\\%", "%\\_%", "B-%3", "%学", "%a%b%", "1__\\%", "\\\\x"])
      return e(.like(value(.text, depth - 1), pattern: e(.constant(.text(pattern)), .text)), .bool)
    default:
      return e(
        .compare(
          pick([.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]), value(type, depth - 1),
          value(type == .double ? pick([.double, .int]) : type, depth - 1)), .bool)
    }
  }
}

struct NoSubqueries: SubqueryRunner {
  func relation(_ find: BoundFind, scope: Scope) throws(QueryError) -> Relation {
    throw QueryError(.invalid("no subqueries here"))
  }
}

extension NaiveCity {
  func scope(_ layers: [Int], distances: [BoundDistance] = []) -> Scope {
    Scope(
      relations: layers.map {
        Relation(
          table: tables[$0], geometryPath: self.layers[$0].hasGeometry ? [] : [NaiveCity.personToUnit], layer: $0)
      }, layers: self, subqueries: NoSubqueries(), token: CancellationToken(), now: 0, distances: distances)
  }
}

/// Equal up to the last bits of doubles.
func sameValue(_ a: Value, _ b: Value) -> Bool {
  if case .double(let x) = a, case .double(let y) = b { return x == y || abs(x - y) <= 1e-9 * max(abs(x), abs(y)) }
  return a == b
}

@Suite("Expressions over batches")
struct ExpressionTests {
  @Test("agree with the oracle row by row", arguments: [0, 1, 2, 5] as [Int], 1...4 as ClosedRange<UInt64>)
  func random(layer: Int, seed: UInt64) throws {
    let city = NaiveCity(seed: seed)
    var maker = ExpressionMaker(seed: seed &* 77 &+ UInt64(layer), city: city, layer: layer)
    let oracle = NaiveEvaluation(city: city, sourceLayers: [layer])
    let rows = (0..<UInt32(city.tables[layer].rowCount)).map { $0 }
    let batch = Tuples(rows: rows)
    for _ in 0..<120 {
      let expression = maker.condition(3)
      let node = try Compiler(scope: city.scope([layer])).compile(expression)
      let got = try node.truth(batch)
      for row in rows.indices {
        let wanted = try oracle.value(expression, [row])
        let truth = wanted == .bool(true) ? Truth.yes : wanted == .bool(false) ? Truth.no : Truth.unknown
        guard got[row] == truth else {
          Issue.record("row \(row): \(got[row]), wanted \(wanted) for \(expression.kind)")
          return
        }
      }
      #expect(try node.select(batch).map { Int($0) } == rows.indices.filter { try oracle.holds(expression, [$0]) })
    }
  }

  @Test("rows that an outer join left out read as NULL")
  func missingRows() throws {
    let city = NaiveCity(seed: 9)
    var maker = ExpressionMaker(seed: 3, city: city, layer: NaiveCity.unit)
    let oracle = NaiveEvaluation(city: city, sourceLayers: [NaiveCity.unit])
    var batch = Tuples(rows: [3, Tuples.none, 0, Tuples.none])
    batch.nullable = 1
    for _ in 0..<200 {
      let expression = maker.value(maker.pick([.int, .double, .text, .date, .timestamp]), 3)
      let values = try Compiler(scope: city.scope([NaiveCity.unit])).compile(expression).values(batch)
      for (got, row) in zip(values, [3, nil, 0, nil]) {
        let wanted = try oracle.value(expression, [row])
        #expect(sameValue(got, wanted), "\(expression.kind)")
      }
    }
  }

  @Test("whole numbers beyond 64 bits are an error that shows the place")
  func overflow() throws {
    func int(_ v: Int64) -> BoundExpression { BoundExpression(kind: .constant(.int(v)), type: .int, range: 0..<1) }
    let city = NaiveCity(seed: 1)
    for (a, op, b): (Int64, Expression.Arithmetic, Int64) in [
      (.max, .add, 1), (.min, .subtract, 1), (.max, .multiply, 2), (.min, .div, -1),
    ] {
      let sum = BoundExpression(kind: .arithmetic(op, int(a), int(b)), type: .int, range: 4..<9)
      let node = try Compiler(scope: city.scope([0])).compile(sum)
      let error = #expect(throws: QueryError.self) { try node.values(Tuples(rows: [0])) }
      #expect(error?.range == 4..<9)
    }
    let rest = BoundExpression(kind: .arithmetic(.modulo, int(.min), int(-1)), type: .int, range: 0..<0)
    #expect(try Compiler(scope: city.scope([0])).compile(rest).values(Tuples(rows: [0])) == [.int(0)])
  }
}

@Suite("LIKE")
struct LikePatternTests {
  @Test(
    arguments: [
      ("", "", true), ("", "%", true), ("", "_", false), ("a", "_", true), ("郑州", "__", true), ("郑州", "郑_", true),
      ("abc", "a%c", true), ("abc", "a%b", false), ("aXbXc", "a%b%c", true), ("abab", "%ab", true),
      ("aab", "%ab", true), ("100%", "100\\%", true), ("100x", "100\\%", false), ("a_b", "a\\_b", true),
      ("axb", "a\\_b", false), ("\\", "\\\\", true), ("a\\", "a\\", true), ("mississippi", "%iss%ip%", true),
      ("mississippi", "m%iss%issip_i", true), ("ab", "%%%", true), ("ab", "%_%_%", true), ("ab", "%_%_%_", false),
    ] as [(String, String, Bool)])
  func matches(text: String, pattern: String, wanted: Bool) {
    #expect(LikePattern(pattern).matches(text) == wanted)
  }
}

@Suite("Functions of values")
struct ValueFunctionTests {
  private func call(_ f: BoundExpression.Function, _ a: Value..., type: ColumnType? = nil) throws -> Value {
    let city = NaiveCity(seed: 1)
    let e = BoundExpression(
      kind: .call(f, a.map { BoundExpression(kind: .constant($0), type: $0.type, range: 0..<0) }), type: type,
      range: 0..<0)
    return try Compiler(scope: city.scope([0])).compile(e).values(Tuples(rows: [0]))[0]
  }

  @Test func numbers() throws {
    #expect(try call(.round, .double(2.5)) == .double(3))
    #expect(try call(.round, .double(-2.5)) == .double(-3))
    #expect(try call(.round, .double(2.345), .int(2)) == .double(2.35))
    #expect(try call(.round, .int(1250), .int(-2)) == .double(1300))
    #expect(try call(.floor, .double(-0.5), type: .int) == .int(-1))
    #expect(try call(.sqrt, .double(-1)) == .null)
    #expect(try call(.ln, .int(0)) == .null)
    #expect(try call(.sign, .double(-3)) == .int(-1))
    #expect(try call(.least, .int(3), .null, .int(2)) == .int(2))
    #expect(try call(.greatest, .int(3), .null, .double(3.5)) == .double(3.5))
    #expect(try call(.nullif, .int(3), .double(3)) == .null)
  }

  @Test func texts() throws {
    #expect(try call(.casei, .text("Straße")) == .text("strasse"))
    #expect(try call(.accenti, .text("Café Ångström")) == .text("Cafe Angstrom"))
    #expect(try call(.length, .text("郑州e\u{301}")) == .int(4))
    #expect(try call(.substring, .text("郑州大学"), .int(2), .int(2)) == .text("州大"))
    #expect(try call(.substring, .text("abc"), .int(-1), .int(3)) == .text("a"))
    #expect(try call(.substring, .text("abc"), .int(2)) == .text("bc"))
    #expect(try call(.left, .text("郑州大学"), .int(2)) == .text("郑州"))
    #expect(try call(.left, .text("abcd"), .int(-1)) == .text("abc"))
    #expect(try call(.right, .text("abcd"), .int(3)) == .text("bcd"))
    #expect(try call(.trim, .text(" \t a b\u{3000}")) == .text("a b"))
    #expect(try call(.replace, .text("a-b-c"), .text("-"), .text("")) == .text("abc"))
    #expect(try call(.strpos, .text("郑州大学"), .text("大")) == .int(3))
    #expect(try call(.strpos, .text("abc"), .text("z")) == .int(0))
    #expect(try call(.concat, .text("a"), .null, .int(3)) == .text("a3"))
    #expect(try call(.startsWith, .text("郑州"), .text("郑")) == .bool(true))
    #expect(try call(.endsWith, .text("郑州"), .text("郑")) == .bool(false))
  }

  @Test func times() throws {
    let instant = Value.timestamp(try #require(Calendar.parseTimestamp("2022-07-20T13:05:09.25Z")))
    #expect(try call(.year, instant) == .int(2022))
    #expect(try call(.month, instant) == .int(7))
    #expect(try call(.day, .date(try #require(Calendar.parseDate("2000-02-29")))) == .int(29))
    #expect(try call(.hour, instant) == .int(13))
    #expect(try call(.second, instant) == .int(9))
    #expect(Calendar.timestampText(-1_500_000) == "1969-12-31T23:59:58.5Z")
    #expect(Calendar.parseTimestamp("2022-07-20T08:00:00+08:00") == Calendar.parseTimestamp("2022-07-20"))
    #expect(Calendar.parseDate("2023-02-29") == nil)
    for day in stride(from: -200_000, through: 200_000, by: 379) {
      #expect(Calendar.parseDate(Calendar.dateText(Int32(day))) == Int32(day))
    }
  }

  @Test func temporalRelations() {
    // Allen's relations on a few periods, worked out by hand.
    let cases: [(BoundExpression.Function, Int64, Int64, Int64, Int64, Bool)] = [
      (.tAfter, 5, 6, 1, 4, true), (.tAfter, 4, 6, 1, 4, false), (.tBefore, 1, 2, 3, 4, true),
      (.tMeets, 1, 3, 3, 4, true), (.tMetBy, 3, 4, 1, 3, true), (.tDuring, 2, 3, 1, 4, true),
      (.tDuring, 1, 3, 1, 4, false), (.tContains, 1, 4, 2, 3, true), (.tEquals, 1, 2, 1, 2, true),
      (.tStarts, 1, 2, 1, 4, true), (.tStartedBy, 1, 4, 1, 2, true), (.tFinishes, 3, 4, 1, 4, true),
      (.tFinishedBy, 1, 4, 3, 4, true), (.tOverlaps, 1, 3, 2, 4, true), (.tOverlappedBy, 2, 4, 1, 3, true),
      (.tDisjoint, 1, 2, 3, 4, true), (.tIntersects, 1, 3, 3, 4, true), (.tIntersects, 1, 2, 3, 4, false),
    ]
    for (f, a, b, c, d, wanted) in cases {
      #expect(TemporalRelationNode.holds(f, a, b, c, d) == wanted, "\(f) \(a)..\(b) \(c)..\(d)")
    }
  }

  @Test func lists() throws {
    let list = "[\"a\\n\\\"\",1,-2.5,true,null,[\"郑\\u5dde\",\"\\ud83d\\ude00\"]]"
    let wanted: [Value] = [
      .text("a\n\""), .int(1), .double(-2.5), .bool(true), .null, .list([.text("郑州"), .text("😀")]),
    ]
    #expect(JSONList.parse(list) == wanted)
    #expect(JSONList.parse(JSONList.text(wanted)) == wanted)
    #expect(JSONList.parse("[1,") == [])
  }
}
