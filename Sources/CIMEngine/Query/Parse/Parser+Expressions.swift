// CQL2-Text expressions (21-065r2, annex B), with the units, calls and spatial forms of cimq.
extension Parser {
  /// How tightly an operator binds; an expression of one level may hold those of the levels after it.
  enum Level: Int, Comparable {
    case or, and, not, predicate, additive, multiplicative, power, primary
    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  /// Parses what binds at least as tightly as `minimum`. `seed` is a first operand that was read already.
  mutating func expression(_ minimum: Level = .or, seed: Expression? = nil) throws(QueryError) -> Expression {
    try enter()
    defer { leave() }
    var left: Expression
    if let seed { left = seed } else { left = try prefix(minimum) }
    while let next = try continuation(of: left, minimum) { left = next }
    return left
  }

  private func expression(_ kind: Expression.Kind, from start: Int) -> Expression {
    Expression(kind: kind, range: range(from: start))
  }

  // MARK: Operators

  /// `left` with the operator that follows it and its right side, or nil when none of this level follows.
  private mutating func continuation(of left: Expression, _ minimum: Level) throws(QueryError) -> Expression? {
    let start = left.range.lowerBound
    let tall = height
    if token.kind == .symbol { return try symbolOperator(left, minimum, tall) }
    guard token.kind == .name, minimum <= .multiplicative else { return nil }
    if accept(.div) { return try arithmetic(.div, left, .power, tall) }
    guard minimum <= .predicate else { return nil }
    // NOT continues an expression before LIKE, BETWEEN and IN only: `WHERE a = 1 NOT INSIDE flood` ends before it.
    let negated = at(.not) && (atAny([.like, .between], 1) || at(.in, 1) && token(2).isSymbol("("))
    if negated { advance() }
    var result: Expression?
    if accept(.like) {
      let pattern = try operand(after: "LIKE")
      try grow(over: max(tall, height))
      result = expression(.like(left, pattern: pattern), from: start)
    } else if accept(.between) {
      let low = try operand(after: "BETWEEN")
      let tallest = max(tall, height)
      try expect(.and, after: "the lower bound of BETWEEN")
      let high = try operand(after: "AND")
      try grow(over: max(tallest, height))
      result = expression(.between(left, low: low, high: high), from: start)
    } else if at(.in), token(1).isSymbol("(") {
      advance(2)
      result = try inTail(left, tall)
    } else if !strict, at(.in), token(1).kind == .name, let unit = Words.unit(token(1).key) {
      // `AREA(geom) IN ha`: how many hectares, which is the area divided by one.
      let place = token(1).range
      advance(2)
      height = 1
      try grow(over: max(tall, height))
      return expression(
        .arithmetic(.divide, left, Expression(kind: .length(1, unit: unit), range: place)), from: start)
    } else if accept(.isNotNull) {
      try grow(over: tall + 1)
      return expression(.not(expression(.isNull(left), from: start)), from: start)
    } else if accept(.isNull) {
      try grow(over: tall)
      return expression(.isNull(left), from: start)
    } else if accept(.is) {
      throw unexpected("NULL or NOT NULL after IS", near: [.null, .not])
    }
    if let result {
      guard negated else { return result }
      try grow(over: height)
      return expression(.not(result), from: start)
    }
    if minimum <= .and, at(.and) { return try series(left, .and, tall) }
    if minimum <= .or, at(.or) { return try series(left, .or, tall) }
    return nil
  }

  /// `a AND b AND c` is one node.
  private mutating func series(_ left: Expression, _ keyword: Keyword, _ tall: Int) throws(QueryError) -> Expression {
    var (parts, tallest) = ([left], tall)
    while accept(keyword) {
      parts.append(try expression(keyword == .and ? .not : .and))
      tallest = max(tallest, height)
    }
    try grow(over: tallest)
    return expression(keyword == .and ? .and(parts) : .or(parts), from: left.range.lowerBound)
  }

  private mutating func symbolOperator(_ left: Expression, _ minimum: Level, _ tall: Int) throws(QueryError)
    -> Expression?
  {
    switch token.text {
    case "+", "-":
      guard minimum <= .additive else { return nil }
      let sign = token.text
      advance()
      return try arithmetic(sign == "+" ? .add : .subtract, left, .multiplicative, tall)
    case "*", "/", "%":
      guard minimum <= .multiplicative, let kind = Expression.Arithmetic(rawValue: token.text) else { return nil }
      advance()
      return try arithmetic(kind, left, .power, tall)
    case "^":
      guard minimum <= .power else { return nil }
      advance()
      return try arithmetic(.power, left, .power, tall)
    case "=", "<>", "<", "<=", ">", ">=":
      guard minimum <= .predicate else { return nil }
      return try comparison(left, tall)
    default:
      return nil
    }
  }

  private mutating func arithmetic(
    _ kind: Expression.Arithmetic, _ left: Expression, _ side: Level, _ tall: Int
  ) throws(QueryError) -> Expression {
    let right = try expression(side)
    try grow(over: max(tall, height))
    return expression(.arithmetic(kind, left, right), from: left.range.lowerBound)
  }

  private mutating func comparison(_ left: Expression, _ tall: Int) throws(QueryError) -> Expression {
    var sign = token.text
    advance()
    // The grammar spells `<>` as two signs, which may stand apart.
    if sign == "<" || sign == ">", token.isSymbol("=") || sign == "<" && token.isSymbol(">") {
      sign += token.text
      advance()
    }
    if sign == "=", token.isSymbol("=") { throw unexpected("a value", fix: "write one `=`") }
    let right = try operand(after: "`\(sign)`")
    try grow(over: max(tall, height))
    let result = expression(
      .compare(Expression.Comparison(rawValue: sign)!, left, right), from: left.range.lowerBound)
    if token.kind == .symbol, Expression.Comparison(rawValue: token.text) != nil {
      throw unexpected("AND, OR or the end of the condition", fix: "write `a < b AND b < c`")
    }
    return result
  }

  /// A value after an operator, where “…” can only be a text in the wrong quotes.
  private mutating func operand(after sign: String) throws(QueryError) -> Expression {
    if token.kind == .quotedName, token.isCurly, !token(1).isSymbol(".") {
      throw unexpected("a value after \(sign)", fix: "use single quotes for a text: '\(token.text)'")
    }
    return try expression(.additive)
  }

  private mutating func inTail(_ left: Expression, _ tall: Int) throws(QueryError) -> Expression {
    let start = left.range.lowerBound
    if atFind() {
      let find = try findStatement()!
      try expect(symbol: ")", "`)` after the subquery")
      try grow(over: tall)
      return expression(.inFind(left, find), from: start)
    }
    var (values, tallest): ([Expression], Int) = ([], tall)
    repeat {
      if token.kind == .quotedName, token.isCurly {
        throw unexpected("a value", fix: "use single quotes for a text: '\(token.text)'")
      }
      values.append(try expression())
      tallest = max(tallest, height)
    } while accept(symbol: ",")
    try expect(symbol: ")", "`,` or `)` in the list of IN")
    try grow(over: tallest)
    return expression(.inList(left, values), from: start)
  }

  // MARK: Operands

  /// Whether an operand may begin `ahead`.
  func startsOperand(_ ahead: Int) -> Bool {
    let next = token(ahead)
    switch next.kind {
    case .string, .number, .parameter, .quotedName: return true
    case .symbol: return next.text == "(" || next.text == "-" || next.text == "+"
    case .name: return atAny([.not, .null, .true, .false], ahead) || !atAny(Self.followers, ahead)
    case .end: return false
    }
  }

  /// Whether DISTINCT stands here as a keyword: an operand follows.
  var atDistinct: Bool { at(.distinct) && (startsOperand(1) || atSpatialPrimary(1)) }

  private mutating func prefix(_ minimum: Level) throws(QueryError) -> Expression {
    let start = token.range.lowerBound
    if minimum <= .not, accept(.not) {
      let operand = try expression(.not)
      try grow(over: height)
      return expression(.not(operand), from: start)
    }
    if accept(symbol: "-") {
      if token.kind == .number { return try number(negative: true, from: start) }
      let operand = try expression(.primary)
      let minus = Expression(kind: .literal(.int(-1)), range: start..<start + 1)
      try grow(over: height)
      return expression(.arithmetic(.multiply, minus, operand), from: start)
    }
    if accept(symbol: "+") { return try expression(.primary) }
    return try primary()
  }

  private mutating func primary() throws(QueryError) -> Expression {
    let start = token.range.lowerBound
    height = 1
    switch token.kind {
    case .number: return try number(negative: false, from: start)
    case .string:
      advance()
      return expression(.literal(.text(tokens[position - 1].text)), from: start)
    case .parameter:
      advance()
      return expression(.parameter(tokens[position - 1].text), from: start)
    case .symbol where token.text == "(":
      advance()
      return try parenthesised(from: start)
    case .quotedName: return try property(from: start)
    case .name: return try word(from: start)
    default: throw unexpected("a value, a column or a condition")
    }
  }

  /// A word in an operand's place: a constant, a special form, a call, or a property.
  private mutating func word(from start: Int) throws(QueryError) -> Expression {
    if accept(.true) { return expression(.literal(.bool(true)), from: start) }
    if accept(.false) { return expression(.literal(.bool(false)), from: start) }
    if accept(.null) { return expression(.literal(.null), from: start) }
    if let geometry = try geometryLiteral() {
      return expression(.geometry(geometry, crs: try crsAfterReference()), from: start)
    }
    if at(.case), let choice = try choose(from: start) { return choice }
    if atSpatialPrimary(), let clause = try spatialForm() { return clause }
    if token(1).isSymbol("("), !Words.isReserved(token.key) {
      if at(.date) || at(.timestamp), token(2).kind == .string, token(3).isSymbol(")") {
        return try instant(from: start)
      }
      if at(.interval) { return try interval(from: start) }
      return try call(from: start)
    }
    return try property(from: start)
  }

  /// After "(": an expression, or a CQL2 array when there is no element or a comma.
  private mutating func parenthesised(from start: Int) throws(QueryError) -> Expression {
    if accept(symbol: ")") { return expression(.array([]), from: start) }
    if atFind() {
      throw unexpected("a value", fix: "a subquery stands after FROM, JOIN and IN, or where a place is named")
    }
    let first = try expression()
    if accept(symbol: ")") {
      // The brackets belong to it, so that an error underlines them too.
      return Expression(kind: first.kind, range: range(from: start))
    }
    guard token.isSymbol(",") else { throw unexpected("`)`", near: [.and, .or, .like, .between, .in, .is]) }
    return try arrayTail([first], from: start)
  }

  private mutating func arrayTail(_ first: [Expression], from start: Int) throws(QueryError) -> Expression {
    var (elements, tallest) = (first, height)
    while accept(symbol: ","), !token.isSymbol(")") {
      elements.append(try expression())
      tallest = max(tallest, height)
    }
    try expect(symbol: ")", "`,` or `)` in a list")
    try grow(over: tallest)
    return expression(.array(elements), from: start)
  }

  private mutating func property(from start: Int) throws(QueryError) -> Expression {
    var parts = [try name("a value, a column or a condition")]
    while token.isSymbol("."), token.isAdjacent, token(1).isName {
      advance()
      parts.append(Name(text: token.text, quoted: token.kind == .quotedName, range: token.range))
      advance()
    }
    if token.isSymbol("."), token.isAdjacent {
      advance()
      throw unexpected("the name of a column after the dot")
    }
    height = 1
    return expression(.property(parts), from: start)
  }

  /// A number, or a length or area when a unit follows it.
  private mutating func number(negative: Bool, from start: Int) throws(QueryError) -> Expression {
    let digits = (negative ? "-" : "") + token.text
    let spelling = token.text
    let numberRange = token.range
    advance()
    height = 1
    guard let double = Double(digits), double.isFinite else {
      throw QueryError(.badNumber(spelling), at: numberRange)
    }
    if token.kind == .name {
      if let unit = Words.unit(token.key), !strict {
        advance()
        return expression(.length(double, unit: unit), from: start)
      }
      if token.isAdjacent, !atAny(Self.followers), !at(.measure) { throw unknownUnit(number: spelling) }
    } else if token.kind == .number, token.isAdjacent {
      throw QueryError(.badNumber(spelling + token.text), at: numberRange.lowerBound..<token.range.upperBound)
    }
    let isWhole = spelling.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    if isWhole, let int = Int64(digits) { return expression(.literal(.int(int)), from: start) }
    return expression(.literal(.double(double)), from: start)
  }

  // MARK: Calls

  private mutating func call(from start: Int) throws(QueryError) -> Expression {
    let written = try name("a function")
    let known = Words.function(written.text.uppercased())
    let function = Name(text: known ?? written.text, quoted: false, range: written.range)
    advance()
    if token.isSymbol("*"), token(1).isSymbol(")") {
      advance(2)
      height = 1
      return expression(.call(function, [], distinct: false, star: true), from: start)
    }
    let distinct = atDistinct ? accept(.distinct) : false
    var (arguments, tallest): ([Expression], Int) = ([], 0)
    if !token.isSymbol(")") {
      repeat {
        arguments.append(try argument(of: function.text))
        tallest = max(tallest, height)
      } while accept(symbol: ",")
    }
    try expect(symbol: ")", "`,` or `)` in the arguments of \(function.text)")
    try grow(over: tallest)
    return expression(.call(function, arguments, distinct: distinct, star: false), from: start)
  }

  /// Brackets around one argument of an A_ function make an array of one element: A_CONTAINS(tags, ('a')).
  private mutating func argument(of function: String) throws(QueryError) -> Expression {
    guard function.hasPrefix("A_"), Words.function(function) != nil, token.isSymbol("(") else {
      return try expression()
    }
    let start = token.range.lowerBound
    try enter()
    defer { leave() }
    advance()
    if accept(symbol: ")") {
      height = 1
      return expression(.array([]), from: start)
    }
    let first = try expression()
    let tall = height
    let isArray = token.isSymbol(",")
    let array = try arrayTail([first], from: start)
    if token.isSymbol(",") || token.isSymbol(")") { return array }
    if !isArray { height = tall }
    return try expression(.or, seed: isArray ? array : first)
  }

  // MARK: Times

  private mutating func instant(from start: Int) throws(QueryError) -> Expression {
    let isDate = at(.date)
    advance(2)
    let text = token
    advance(2)
    if isDate, let day = TemporalText.date(text.text) { return expression(.literal(.date(day)), from: start) }
    if !isDate, let instant = TemporalText.timestamp(text.text) {
      return expression(.literal(.timestamp(instant)), from: start)
    }
    throw QueryError(
      .invalid("'\(text.text)' is not a \(isDate ? "date" : "time")"), at: text.range,
      fix: isDate ? "write DATE('2021-07-20')" : "write TIMESTAMP('2021-07-20T16:00:00Z')")
  }

  /// INTERVAL(a, b): texts are dates, times or '..'.
  private mutating func interval(from start: Int) throws(QueryError) -> Expression {
    advance(2)
    let low = try bound()
    let tall = height
    try expect(symbol: ",", "`,` between the ends of INTERVAL")
    let high = try bound()
    try expect(symbol: ")", "`)` after INTERVAL")
    try grow(over: max(tall, height))
    return expression(.interval(low, high), from: start)
  }

  private mutating func bound() throws(QueryError) -> Expression? {
    guard token.kind == .string else { return try expression(.additive) }
    let text = token
    advance()
    height = 1
    if text.text == ".." || text.text.isEmpty { return nil }
    if let day = TemporalText.date(text.text) { return Expression(kind: .literal(.date(day)), range: text.range) }
    if let instant = TemporalText.timestamp(text.text) {
      return Expression(kind: .literal(.timestamp(instant)), range: text.range)
    }
    throw QueryError(
      .invalid("'\(text.text)' is neither a date, nor a time, nor '..'"), at: text.range,
      fix: "write INTERVAL('2021-07-20T00:00:00Z', '..')")
  }

  // MARK: CASE

  /// CASE [operand] WHEN … THEN … [ELSE …] END, or nil when `case` is a column here.
  private mutating func choose(from start: Int) throws(QueryError) -> Expression? {
    let before = position
    advance()
    var (operand, tallest): (Expression?, Int) = (nil, 0)
    if !at(.when) {
      guard startsOperand(0) else {
        position = before
        return nil
      }
      let mustBeCase = token.isSymbol("(")
      do throws(QueryError) {
        operand = try expression(.additive)
      } catch {
        if mustBeCase { throw error }
      }
      guard mustBeCase || operand != nil && at(.when) else {
        position = before
        height = 1
        return nil
      }
      tallest = height
    }
    var cases: [Expression.When] = []
    while accept(.when) {
      let condition = try expression()
      tallest = max(tallest, height)
      try expect(.then, after: "the condition of WHEN")
      cases.append(Expression.When(condition: condition, result: try expression()))
      tallest = max(tallest, height)
    }
    guard !cases.isEmpty else { throw unexpected("WHEN in CASE", near: [.when]) }
    var otherwise: Expression?
    if accept(.else) {
      otherwise = try expression()
      tallest = max(tallest, height)
    }
    guard accept(.end) else { throw unexpected("WHEN, ELSE or END in CASE", near: [.when, .else, .end]) }
    try grow(over: tallest)
    return expression(.choose(operand: operand, cases: cases, otherwise: otherwise), from: start)
  }
}
