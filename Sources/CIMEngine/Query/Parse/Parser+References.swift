// spatial clauses and references
extension Parser {
  /// [NOT] spatial, ON FLOOR, BELOW or ABOVE ELEVATION in the place of a clause; nil when none stands here.
  mutating func spatialClause() throws(QueryError) -> Expression? {
    let start = token.range.lowerBound
    if at(.not), atAny([.inside, .intersects, .touches, .contains, .within, .beyond, .visibleFrom], 1) {
      _ = accept(.not)
      guard let clause = try spatialForm() else { throw unexpected("a spatial clause after NOT") }
      try grow(over: height)
      return Expression(kind: .not(clause), range: range(from: start))
    }
    return try spatialForm()
  }

  /// Whether a spatial keyword stands `ahead` as an operand, not a property or function of that name.
  func atSpatialPrimary(_ ahead: Int = 0) -> Bool {
    guard token(ahead).keywords != 0 else { return false }
    if atAny([.inside, .intersects, .touches, .contains], ahead) { return startsReference(ahead + 1) }
    if at(.within, ahead) || at(.beyond, ahead) {
      return isNaturalClause(ahead) || !token(ahead + 1).isSymbol("-") && startsOperand(ahead + 1)
    }
    if at(.visibleFrom, ahead) { return startsReference(ahead + match(.visibleFrom, ahead)) }
    if at(.onFloor, ahead) {
      let next = ahead + match(.onFloor, ahead)
      return token(next).kind == .number || token(next).isSymbol("-") && token(next + 1).kind == .number
    }
    let elevation = max(match(.belowElevation, ahead), match(.aboveElevation, ahead))
    return elevation > 0 ? startsOperand(ahead + elevation) : isNaturalClause(ahead)
  }

  /// The spatial form that stands here, by its keyword alone; nil when there is none.
  mutating func spatialForm() throws(QueryError) -> Expression? {
    let start = token.range.lowerBound
    let relations: [(Keyword, SpatialClause.Relation)] = [
      (.inside, .inside), (.intersects, .intersects), (.touches, .touches), (.contains, .contains),
    ]
    for (keyword, relation) in relations where accept(keyword) {
      return try finishSpatial(relation, try reference(), from: start)
    }
    if atNaturalClause {
      guard case .filter(let filter) = try naturalClause() else {
        throw QueryError(.invalid("最近 is no condition; it stands as a clause"), at: range(from: start))
      }
      return filter
    }
    if accept(.within) { return try finishWithin(try distance(), from: start) }
    if accept(.beyond) {
      let distance = try distance()
      guard accept(.of) || accept(.naturalBeyond) else { throw unexpected("OF after the distance", near: [.of]) }
      return try finishSpatial(.beyond(distance), try reference(), from: start)
    }
    if accept(.visibleFrom) { return try visible(from: start) }
    if accept(.onFloor) { return try floors(from: start) }
    let isBelow = at(.belowElevation)
    guard accept(.belowElevation) || accept(.aboveElevation) else { return nil }
    let elevation = try distance()
    try grow(over: height)
    return Expression(kind: .elevation(below: isBelow, elevation), range: range(from: start))
  }

  /// `OF reference` after `WITHIN dist`; 以外 makes it BEYOND.
  mutating func finishWithin(_ distance: Expression, from start: Int) throws(QueryError) -> Expression {
    if accept(.naturalBeyond) { return try finishSpatial(.beyond(distance), try reference(), from: start) }
    guard accept(.of) else { throw unexpected("OF and what the distance is from", near: [.of]) }
    return try finishSpatial(.within(distance), try reference(), from: start)
  }

  /// [IN 3D] [BY ROAD [AVOIDING reference]]
  mutating func finishSpatial(_ relation: SpatialClause.Relation, _ reference: Reference, from start: Int)
    throws(QueryError) -> Expression
  {
    var clause = SpatialClause(relation: relation, reference: reference)
    clause.in3D = acceptIn3D()
    if case .within = relation { clause.road = try road() }
    try grow(over: height)
    return Expression(kind: .spatial(clause), range: range(from: start))
  }

  /// `reference WITHIN dist` after VISIBLE FROM.
  private mutating func visible(from start: Int) throws(QueryError) -> Expression {
    let place = try reference()
    _ = acceptIn3D()
    guard accept(.within) else { throw unexpected("WITHIN and how far one looks", near: [.within]) }
    let distance = try distance()
    try grow(over: height)
    let clause = SpatialClause(relation: .visible(within: distance), reference: place)
    return Expression(kind: .spatial(clause), range: range(from: start))
  }

  var isIn3D: Bool {
    at(.in) && token(1).kind == .number && token(1).text == "3" && token(2).key == "D" && token(2).isAdjacent
  }

  private mutating func acceptIn3D() -> Bool {
    if accept(.in3D) { return true }
    guard isIn3D else { return false }
    advance(3)
    return true
  }

  /// floor [".." floor]: …, -2, -1, 1, 2, …
  private mutating func floors(from start: Int) throws(QueryError) -> Expression {
    let low = try floor()
    let high = accept(symbol: "..") ? try floor() : low
    guard low <= high else {
      throw QueryError(
        .invalid("the floors \(low)..\(high) run downwards"), at: range(from: start), fix: "write \(high)..\(low)")
    }
    height = 1
    return Expression(kind: .onFloor(low, high), range: range(from: start))
  }

  private mutating func floor() throws(QueryError) -> Int {
    let start = token.range.lowerBound
    let negative = accept(symbol: "-")
    guard token.kind == .number, let value = Int(token.text), value < 10_000 else {
      throw unexpected("a floor: …, -2, -1, 1, 2, …")
    }
    advance()
    guard value != 0 else {
      throw QueryError(
        .invalid("there is no floor 0: floors are …, -2, -1, 1, 2, …"), at: range(from: start),
        fix: "the ground floor is 1, the first below ground -1")
    }
    return negative ? -value : value
  }

  // MARK: Distances

  /// dist = number unit | expr in metres. A bare number is refused.
  mutating func distance() throws(QueryError) -> Expression {
    let result = try expression(.additive)
    guard case .literal(let value) = result.kind, value.number != nil else { return result }
    let number = slice(result.range)
    if token.kind == .name, !atAny(Self.followers), !Words.isWord(token.key) {
      throw unknownUnit(number: number)
    }
    throw QueryError(.needsUnit(number: number), at: result.range, fix: "write `\(number) m`")
  }

  func unknownUnit(number: String) -> QueryError {
    if let metres = Self.foreignUnits[token.key], let size = Double(number) {
      let fix = "write `\(Printer.number((size * metres * 1000).rounded() / 1000)) m`"
      return QueryError(.unknownUnit(token.text), at: token.range, fix: fix)
    }
    let near = Spelling.nearest(to: token.text, among: ["m", "km", "ha"])
    let meant = ["METER", "METERS", "METRE", "METRES"].contains(token.key) ? "m" : near
    return QueryError(.unknownUnit(token.text), at: token.range, fix: meant.map { "write `\(number) \($0)`" })
  }

  /// Units that people bring along, in metres.
  private static let foreignUnits: [String: Double] = [
    "MI": 1609.344, "MILE": 1609.344, "MILES": 1609.344, "FT": 0.3048, "FOOT": 0.3048, "FEET": 0.3048, "YD": 0.9144,
    "YARD": 0.9144, "YARDS": 0.9144, "NM": 1852, "NMI": 1852, "里": 500,
    "华里": 500, "英里": 1609.344, "英尺": 0.3048, "海里": 1852, "丈": 10.0 / 3, "尺": 1.0 / 3,
  ]

  func slice(_ range: Range<Int>) -> String {
    let start = text.utf8.index(text.startIndex, offsetBy: range.lowerBound)
    return String(text[start..<text.utf8.index(start, offsetBy: range.count)])
  }

  // MARK: References

  /// Whether a reference may begin `ahead`.
  func startsReference(_ ahead: Int) -> Bool {
    let next = token(ahead)
    switch next.kind {
    case .parameter, .quotedName: return true
    case .name: return !atAny(Self.followers, ahead)
    case .symbol: return next.text == "(" && (atFind(ahead + 1) || atExpose(ahead + 1))
    default: return false
    }
  }

  /// reference = geometry [IN crs] | layer [string] | "$" name [IN crs] | alias | FILE string | "(" find ")"
  mutating func reference() throws(QueryError) -> Reference {
    let start = token.range.lowerBound
    try enter()
    defer { leave() }
    if token.kind == .parameter {
      let name = token.text
      advance()
      height = 1
      return Reference(kind: .set(name), crs: try crsAfterReference(), range: range(from: start))
    }
    if token.isSymbol("("), atFind(1) {
      advance()
      let find = try findStatement()!
      try expect(symbol: ")", "`)` after the subquery")
      height = 1
      return Reference(kind: .find(find), crs: nil, range: range(from: start))
    }
    if token.isSymbol("("), atExpose(1) {
      let source = Source(kind: .expose(try exposeInParentheses()), alias: nil, range: range(from: start))
      height = 1
      return Reference(
        kind: .find(Find(source: source, range: source.range)), crs: nil, range: range(from: start))
    }
    if let geometry = try geometryLiteral() {
      return Reference(kind: .geometry(geometry), crs: try crsAfterReference(), range: range(from: start))
    }
    if at(.file), token(1).kind == .string {
      advance()
      let path = try string("a path")
      height = 1
      return Reference(kind: .file(path), crs: try crsAfterReference(), range: range(from: start))
    }
    if token.kind == .string {
      throw unexpected(
        "a place", fix: "say of which layer: `hazard '\(token.text)'`, or `FILE '\(token.text)'` for a file")
    }
    let expected = "a place: a layer with an id or name, AT(lon, lat), a geometry, `$name`, FILE '…' or `(FIND …)`"
    if token.isName, token(1).isSymbol("(") { throw unexpected(expected, near: Self.geometryWords) }
    let layer = try name(expected)
    var key: String?
    if token.kind == .string {
      key = token.text
      advance()
    } else if token.kind == .quotedName, token.isCurly {
      throw unexpected("an id or a name in single quotes")
    }
    if key == nil { try refuseBareKey(of: layer) }
    height = 1
    return Reference(kind: .named(layer, key: key), crs: nil, range: range(from: start))
  }

  /// `flood F-0720`, `grid3 410105003012007`, `F-0720`: an id without its quotes.
  private func refuseBareKey(of layer: Name) throws(QueryError) {
    func key(_ ahead: Int) -> Substring {
      let first = token(ahead).range
      var last = first
      var next = ahead + 1
      while token(next).isAdjacent, token(next).isSymbol("-") || [.name, .number].contains(token(next).kind) {
        last = token(next).range
        next += 1
      }
      return Substring(slice(first.lowerBound..<last.upperBound))
    }
    if token.isSymbol("-"), token.isAdjacent, token(1).isAdjacent, token(1).kind == .number, position > 0 {
      throw QueryError(
        .unexpected(found: "`\(key(-1))`", expected: "a place"), at: layer.range,
        fix: "say of which layer, with the id in single quotes: flood '\(key(-1))'")
    }
    let isCode = token.kind == .name && token.keywords == 0 && token(1).isSymbol("-") && token(1).isAdjacent
    let isNumber = token.kind == .number && token.text.count >= 6 && Words.unit(token(1).key) == nil
    guard isCode || isNumber else { return }
    throw unexpected(
      "an id in single quotes, or a clause", fix: "write \(Printer.name(layer.text)) '\(key(0))'")
  }

  /// `IN GCJ02`, but neither `IN (…)` nor `IN 3D`.
  mutating func crsAfterReference() throws(QueryError) -> Name? {
    if at(.crs), token(1).kind != .symbol, token(1).kind != .end {
      _ = accept(.crs)
      return try crsName()
    }
    guard at(.in), !token(1).isSymbol("("), !isIn3D, !at(.in3D) else { return nil }
    advance()
    return try crsName()
  }
}
