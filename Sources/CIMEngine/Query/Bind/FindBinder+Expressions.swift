extension FindBinder {
  // MARK: Entry

  /// A condition: TRUE, FALSE or NULL.
  mutating func bind(condition e: Expression) throws(QueryError) -> BoundExpression {
    let bound = try bind(e)
    guard bound.type == nil || bound.type == .bool else {
      throw QueryError(
        .typeMismatch("a condition is true or false; \(describe(e)) is \(TypeName.of(bound.type))"), at: e.range,
        fix: bound.type == .text || bound.type == .int || bound.type == .double
          ? "compare it, such as `\(Printer.print(e)) = …`" : nil)
    }
    return bound
  }

  mutating func bind(_ e: Expression) throws(QueryError) -> BoundExpression {
    if let key = try groupKey(e) { return key }
    switch e.kind {
    case .literal(let value): return BoundExpression(kind: .constant(value), type: value.type, range: e.range)
    case .parameter(let name): return try parameter(name, at: e.range)
    case .length(let size, let unit):
      let metres = size * (Words.size(ofUnit: unit)?.factor ?? 1)
      return BoundExpression(kind: .constant(.double(metres)), type: .double, range: e.range)
    case .property(let parts):
      return try property(parts, at: e.range)
    case .geometry(let literal, let crs):
      let geometry = try GeometryLiterals(state).geometry(literal, crs: crs, at: e.range) {
        (radius) throws(QueryError) in
        try self.constantMetres(radius)
      }
      return BoundExpression(kind: .constant(.geometry(geometry)), type: .geometry, range: e.range)
    case .interval:
      throw QueryError(.invalid("INTERVAL stands only in a temporal function (T_…)"), at: e.range)
    case .array(let elements):
      let bound = try bind(elements)
      return BoundExpression(kind: .array(bound), type: .list, range: e.range)
    case .not(let operand):
      return make(.not(try bind(condition: operand)), .bool, e)
    case .and(let parts): return make(.and(try conditions(parts)), .bool, e)
    case .or(let parts): return make(.or(try conditions(parts)), .bool, e)
    case .compare(let sign, let a, let b):
      let (left, right) = try comparable(a, b)
      return make(.compare(sign, left, right), .bool, e)
    case .arithmetic(let sign, let a, let b): return try arithmetic(sign, a, b, e)
    case .like(let a, let pattern):
      return make(.like(try text(a, "LIKE"), pattern: try text(pattern, "LIKE")), .bool, e)
    case .between(let a, let low, let high):
      let (above, from) = try comparable(a, low)
      let (below, to) = try comparable(a, high)
      return make(
        .and([
          make(.compare(.greaterOrEqual, above, from), .bool, e), make(.compare(.lessOrEqual, below, to), .bool, e),
        ]),
        .bool, e)
    case .inList(let a, let list):
      let left = try bind(a)
      var values: [BoundExpression] = []
      for value in list {
        let right = try coerced(try bind(value), value, like: left)
        try check(a, left, value, right)
        values.append(right)
      }
      return make(.inList(left, values), .bool, e)
    case .inFind(let a, let find): return try inFind(a, find, e)
    case .isNull(let operand): return make(.isNull(try bind(operand)), .bool, e)
    case .call(let name, let arguments, let distinct, let star):
      return try call(name, arguments, distinct: distinct, star: star, e)
    case .choose(let operand, let cases, let otherwise): return try choose(operand, cases, otherwise, e)
    case .spatial(let clause): return try spatial(clause, e)
    case .onFloor(let low, let high): return try onFloor(low, high, e)
    case .elevation(let below, let height): return try elevation(below: below, height, e)
    }
  }

  func make(_ kind: BoundExpression.Kind, _ type: ColumnType?, _ e: Expression) -> BoundExpression {
    BoundExpression(kind: kind, type: type, range: e.range)
  }

  mutating func bind(_ list: [Expression]) throws(QueryError) -> [BoundExpression] {
    var result: [BoundExpression] = []
    for e in list { result.append(try bind(e)) }
    return result
  }

  private mutating func conditions(_ list: [Expression]) throws(QueryError) -> [BoundExpression] {
    var result: [BoundExpression] = []
    for e in list { result.append(try bind(condition: e)) }
    return result
  }

  /// What an expression is called in a message.
  func describe(_ e: Expression) -> String {
    switch e.kind {
    case .property(let parts): return "`\(parts.map(\.text).joined(separator: "."))`"
    case .literal(.text): return Printer.print(e)
    default:
      let text = Printer.print(e)
      return "`\(DisplayWidth.of(text) > 40 ? DisplayWidth.prefix(of: text, columns: 39) + "…" : text)`"
    }
  }

  private mutating func property(_ parts: [Name], at range: Range<Int>) throws(QueryError) -> BoundExpression {
    let isGroup = groupKeys != nil && aggregateRule == .allowed
    do throws(QueryError) {
      let found = try resolve(parts, at: range)
      if !isGroup { return found.expression }
    } catch {
      guard let item = item(named: parts) else { throw error }
      return item.expression
    }
    if let item = item(named: parts) { return item.expression }
    throw notGrouped(parts, at: range)
  }

  // MARK: Groups

  /// With grouping, an expression that is a key is read from the group.
  private mutating func groupKey(_ e: Expression) throws(QueryError) -> BoundExpression? {
    guard let keys = groupKeys, aggregateRule == .allowed else { return nil }
    for (i, key) in keys.enumerated() where key.syntax == e {
      return BoundExpression(kind: .groupKey(i), type: key.bound.type, range: e.range)
    }
    guard case .property(let parts) = e.kind, let found = try? resolve(parts, at: e.range) else { return nil }
    for (i, key) in keys.enumerated() where key.bound.isSamePlace(as: found.expression) {
      return BoundExpression(kind: .groupKey(i), type: key.bound.type, range: e.range)
    }
    return nil
  }

  private func notGrouped(_ parts: [Name], at range: Range<Int>) -> QueryError {
    let written = parts.map(\.text).joined(separator: ".")
    let keys = (groupKeys ?? []).map { Printer.print($0.syntax) } + [written]
    return QueryError(
      .invalid("`\(written)` is neither a key of GROUP BY nor inside an aggregate"), at: range,
      fix: "write GROUP BY \(keys.joined(separator: ", ")), or MAX(\(written))")
  }

  /// The catalogue's column that an expression reads unchanged.
  func column(behind e: BoundExpression) -> Catalog.Column? {
    switch e.kind {
    case .column(let source, let column):
      return sources[source].bound.columns[column].origin.flatMap { catalogColumn($0) }
    case .path(_, let steps, let column?): return catalog.layers[steps.last!.targetLayer].columns[column]
    case .groupKey(let key): return groupKeys.flatMap { self.column(behind: $0[key].bound) }
    default: return nil
    }
  }

  private mutating func inFind(_ a: Expression, _ find: Find, _ e: Expression) throws(QueryError) -> BoundExpression {
    var find = find
    if find.items == nil {
      let id = Name(text: "id", quoted: false, range: find.range)
      find.items = [Item(kind: .expression(Expression(kind: .property([id]), range: find.range)))]
    }
    let bound = try FindBinder.bind(find, state)
    guard bound.items.count == 1 else {
      throw QueryError(
        .invalid("the subquery of IN returns \(bound.items.count) columns, not one"), at: find.range,
        fix: "add RETURN and the column to look in")
    }
    let left = try bind(a)
    if let x = left.type, let y = bound.items[0].expression.type, TypeName.kind(x) != TypeName.kind(y) {
      throw QueryError(
        .typeMismatch("\(describe(a)) is \(TypeName.of(x)) and the subquery returns \(TypeName.of(y))"), at: e.range)
    }
    return make(.inFind(left, bound), .bool, e)
  }

  // MARK: Arithmetic

  private mutating func arithmetic(
    _ sign: Expression.Arithmetic, _ a: Expression, _ b: Expression, _ e: Expression
  ) throws(QueryError) -> BoundExpression {
    if sign == .multiply, a.kind == .literal(.int(-1)) {
      let operand = try number(b, "-")
      return make(.negate(operand), operand.type, e)
    }
    let (left, right) = (try bind(a), try bind(b))
    if left.type == .date || right.type == .date, let type = dateResult(sign, left.type, right.type) {
      return make(.arithmetic(sign, left, right), type, e)
    }
    for (side, bound) in [(a, left), (b, right)] where !TypeName.isNumber(bound.type) {
      throw notANumber(side, bound, sign == .div ? "DIV" : sign.rawValue)
    }
    let isWhole = left.type != .double && right.type != .double && sign != .divide && sign != .power
    return make(.arithmetic(sign, left, right), isWhole ? .int : .double, e)
  }

  /// Days added to a day, or the days between two.
  private func dateResult(_ sign: Expression.Arithmetic, _ a: ColumnType?, _ b: ColumnType?) -> ColumnType? {
    switch (sign, a, b) {
    case (.add, .date, .int), (.add, .int, .date), (.subtract, .date, .int): .date
    case (.subtract, .date, .date): .int
    default: nil
    }
  }

  private func notANumber(_ e: Expression, _ bound: BoundExpression, _ sign: String) -> QueryError {
    var fix: String?
    if bound.type == .text, sign == "+" { fix = "to join texts write CONCAT(a, b)" }
    if case .constant(.text(let text)) = bound.kind, Double(text) != nil { fix = "write \(text) without quotes" }
    return QueryError(
      .typeMismatch("`\(sign)` takes numbers; \(describe(e)) is \(TypeName.of(bound.type))"), at: e.range, fix: fix)
  }

  mutating func number(_ e: Expression, _ sign: String) throws(QueryError) -> BoundExpression {
    let bound = try bind(e)
    guard TypeName.isNumber(bound.type) else { throw notANumber(e, bound, sign) }
    return bound
  }

  mutating func text(_ e: Expression, _ sign: String) throws(QueryError) -> BoundExpression {
    let bound = try bind(e)
    guard bound.type == nil || bound.type == .text else {
      throw QueryError(
        .typeMismatch("\(sign) takes text; \(describe(e)) is \(TypeName.of(bound.type))"), at: e.range)
    }
    return bound
  }

  // MARK: Parameters

  /// A parameter is a number, a length, a geometry, else text.
  private mutating func parameter(_ name: String, at range: Range<Int>) throws(QueryError) -> BoundExpression {
    guard let raw = state.context.session.parameters[name] else {
      if state.context.session.sets[name] != nil {
        throw QueryError(
          .invalid("`$\(name)` is a set of places, not a value"), at: range, fix: "use it as a place: INSIDE $\(name)")
      }
      throw state.unknownSet(name, at: range)
    }
    switch ParameterText.read(raw) {
    case .value(let value): return BoundExpression(kind: .constant(value), type: value.type, range: range)
    case .length(let size): return BoundExpression(kind: .constant(.double(size)), type: .double, range: range)
    case .geometry(let literal, let crs):
      do {
        let geometry = try GeometryLiterals(state).geometry(literal, crs: crs, at: range) {
          (radius) throws(QueryError) in
          try self.constantMetres(radius)
        }
        return BoundExpression(kind: .constant(.geometry(geometry)), type: .geometry, range: range)
      } catch { throw QueryError(error.reason, at: range, fix: error.fix) }
    }
  }

  // MARK: CASE

  private mutating func choose(
    _ operand: Expression?, _ cases: [Expression.When], _ otherwise: Expression?, _ e: Expression
  ) throws(QueryError) -> BoundExpression {
    var conditions: [BoundExpression] = []
    for one in cases {
      if let operand {
        let (left, right) = try comparable(operand, one.condition)
        conditions.append(BoundExpression(kind: .compare(.equal, left, right), type: .bool, range: one.condition.range))
      } else {
        conditions.append(try bind(condition: one.condition))
      }
    }
    let written = cases.map(\.result) + (otherwise.map { [$0] } ?? [])
    let (results, type) = try common(written, "the results of CASE")
    return make(
      .choose(
        cases: zip(conditions, results).map { (condition: $0, result: $1) },
        otherwise: otherwise == nil ? nil : results.last), type, e)
  }

  /// Values of one kind, and their type: an integer beside a decimal number becomes one.
  mutating func common(_ list: [Expression], _ what: String) throws(QueryError) -> ([BoundExpression], ColumnType?) {
    var bound = try bind(list)
    guard let first = bound.firstIndex(where: { $0.type != nil }) else { return (bound, nil) }
    // A text literal beside a time is a time.
    if let time = bound.first(where: { $0.type == .date || $0.type == .timestamp }) {
      for i in bound.indices { bound[i] = try coerced(bound[i], list[i], like: time) }
    }
    var type = bound[first].type!
    for i in bound.indices {
      guard let other = bound[i].type, other != type else { continue }
      guard TypeName.kind(other) == TypeName.kind(type) else {
        throw QueryError(
          .typeMismatch(
            "\(what) are of one type; \(describe(list[first])) is \(TypeName.of(type)) and \(describe(list[i])) is "
              + TypeName.of(other)), at: list[i].range)
      }
      type = TypeName.isNumber(type) ? .double : .timestamp
    }
    let widest = type
    return (bound.map { widened($0, to: widest) }, type)
  }

  private func widened(_ e: BoundExpression, to type: ColumnType) -> BoundExpression {
    guard let own = e.type, own != type else { return e }
    if case .constant(.int(let value)) = e.kind, type == .double {
      return BoundExpression(kind: .constant(.double(Double(value))), type: .double, range: e.range)
    }
    return BoundExpression(kind: .convert(e), type: type, range: e.range)
  }
}

/// Types in words, and which of them compare.
enum TypeName {
  enum Kind { case number, text, bool, time, geometry, list }

  static func kind(_ type: ColumnType) -> Kind {
    switch type {
    case .int, .double: .number
    case .text: .text
    case .bool: .bool
    case .date, .timestamp: .time
    case .geometry: .geometry
    case .list: .list
    }
  }

  static func isNumber(_ type: ColumnType?) -> Bool { type == nil || type == .int || type == .double }

  static func of(_ type: ColumnType?) -> String {
    switch type {
    case .int, .double: "a number"
    case .text: "text"
    case .bool: "true or false"
    case .date: "a date"
    case .timestamp: "a time"
    case .geometry: "a geometry"
    case .list: "a list"
    case nil: "NULL"
    }
  }
}

/// Dates and times in text literals.
enum TimeText {
  static func value(_ text: String) -> Value? {
    if let day = TemporalText.date(text) { return .date(day) }
    return TemporalText.timestamp(text).map { .timestamp($0) }
  }
}

extension BoundExpression {
  /// Whether both read the same column, path, geometry or distance.
  func isSamePlace(as other: BoundExpression) -> Bool {
    switch (kind, other.kind) {
    case (.column(let a, let x), .column(let b, let y)): a == b && x == y
    case (.path(let a, let s, let x), .path(let b, let t, let y)): a == b && s == t && x == y
    case (.geometry(let a), .geometry(let b)): a == b
    case (.distance(let a), .distance(let b)): a == b
    default: false
    }
  }
}
