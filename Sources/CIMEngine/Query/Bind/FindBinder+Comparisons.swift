/// What may stand on both sides of a comparison: kinds of values, units, and texts that mean something else.
extension FindBinder {
  /// Two sides that can be compared: a text beside a column of times is read as one, a value beside a column of few
  /// values is checked against them.
  mutating func comparable(_ a: Expression, _ b: Expression) throws(QueryError) -> (BoundExpression, BoundExpression) {
    var (left, right) = (try bind(a), try bind(b))
    left = try coerced(left, a, like: right)
    right = try coerced(right, b, like: left)
    try check(a, left, b, right)
    return (left, right)
  }

  /// Refuses values of different kinds.
  func check(_ a: Expression, _ left: BoundExpression, _ b: Expression, _ right: BoundExpression) throws(QueryError) {
    guard let x = left.type, let y = right.type else { return }
    let range = a.range.lowerBound..<max(a.range.upperBound, b.range.upperBound)
    if x == .geometry, y == .geometry {
      throw QueryError(
        .typeMismatch("geometries are not compared with `=`"), at: range,
        fix: "write S_EQUALS(\(Printer.print(a)), \(Printer.print(b)))")
    }
    guard TypeName.kind(x) == TypeName.kind(y) else {
      let text = "\(describe(a)) is \(TypeName.of(x)) and \(describe(b)) is \(TypeName.of(y))"
      throw QueryError(.typeMismatch(text), at: range, fix: mismatchFix(left, right) ?? mismatchFix(right, left))
    }
    if statesUnit(a) || statesUnit(b), let own = dimension(of: a, left), let other = dimension(of: b, right),
      own != other
    {
      throw dimensionMismatch(a, own, b, other)
    }
  }

  private func mismatchFix(_ column: BoundExpression, _ literal: BoundExpression) -> String? {
    guard case .constant(let value) = literal.kind else { return nil }
    switch (value, column.type) {
    case (.text(let text), .int), (.text(let text), .double):
      return Double(text) != nil ? "write \(text) without quotes" : nil
    case (.int(let number), .text): return "write '\(number)' in quotes"
    case (.double(let number), .text): return "write '\(number)' in quotes"
    case (.int(0), .bool), (.int(1), .bool): return "write TRUE or FALSE"
    case (.text(let text), .bool):
      return ["TRUE", "FALSE"].contains(text.uppercased())
        ? "write \(text.uppercased()) without quotes" : "write TRUE or FALSE"
    default: return nil
    }
  }

  private enum Dimension: Int {
    case length = 1
    case area, volume

    var words: String { ["a length", "an area", "a volume"][rawValue - 1] }
  }

  /// Whether an expression is a length, an area or a volume, by its units; nil where that is not known.
  private func dimension(of e: Expression, _ bound: BoundExpression?) -> Dimension? {
    switch e.kind {
    case .length(_, let unit): return Words.size(ofUnit: unit)?.isArea == true ? .area : .length
    case .call(let name, let arguments, _, _):
      switch name.text {
      case "AREA": return .area
      case "PERIMETER", "DISTANCE", "DISTANCE3D", "HEIGHT": return .length
      case "SURFACE_AREA": return .area
      case "VOLUME": return .volume
      case "SUM", "AVG", "MIN", "MAX", "MEDIAN", "PERCENTILE", "ABS", "ROUND", "CEIL", "FLOOR", "TRUNC":
        return arguments.first.flatMap { dimension(of: $0, nil) }
      default: return nil
      }
    case .property(let parts):
      guard let found = bound ?? (try? resolved(parts, at: e.range)), let column = column(behind: found) else {
        return nil
      }
      switch column.unit {
      case "m", "km", "cm", "mm": return .length
      case "m2", "km2", "ha", "mu": return .area
      case "m3": return .volume
      default: return nil
      }
    case .arithmetic(let sign, let a, let b):
      let (x, y) = (dimension(of: a, nil), dimension(of: b, nil))
      switch sign {
      case .add, .subtract: return x ?? y
      case .multiply:
        guard let x, let y else { return isNumber(a) ? y : isNumber(b) ? x : nil }
        return Dimension(rawValue: x.rawValue + y.rawValue)
      case .divide:
        guard let x else { return nil }
        guard let y else { return isNumber(b) ? x : nil }
        return Dimension(rawValue: x.rawValue - y.rawValue)
      case .power, .div, .modulo: return nil
      }
    default: return nil
    }
  }

  /// Whether a unit is written in it: then the sides have to agree. Two columns are compared as they are.
  private func statesUnit(_ e: Expression) -> Bool {
    switch e.kind {
    case .length: true
    case .arithmetic(_, let a, let b): statesUnit(a) || statesUnit(b)
    default: false
    }
  }

  private func isNumber(_ e: Expression) -> Bool {
    if case .literal(let value) = e.kind { value.number != nil } else { false }
  }

  private func resolved(_ parts: [Name], at range: Range<Int>) throws(QueryError) -> BoundExpression {
    var copy = self
    return try copy.resolve(parts, at: range).expression
  }

  private func dimensionMismatch(_ a: Expression, _ own: Dimension, _ b: Expression, _ other: Dimension) -> QueryError {
    QueryError(
      .typeMismatch("\(describe(a)) is \(own.words) and \(describe(b)) is \(other.words)"), at: b.range)
  }

  /// A constant text as what it stands beside: a date, an instant, one of a column's values.
  func coerced(_ value: BoundExpression, _ e: Expression, like other: BoundExpression) throws(QueryError)
    -> BoundExpression
  {
    guard case .constant(let constant) = value.kind else { return value }
    if case .parameter(let name) = e.kind, other.type == .text, let raw = state.context.session.parameters[name] {
      return try enumerated(raw, at: e.range, like: other)
    }
    if case .bool(let flag) = constant, other.type == .int {
      // A flag kept as 0 and 1.
      return BoundExpression(kind: .constant(.int(flag ? 1 : 0)), type: .int, range: value.range)
    }
    guard case .text(let text) = constant else { return value }
    switch other.type {
    case .date, .timestamp:
      guard let time = TimeText.value(text) else {
        throw QueryError(
          .typeMismatch("\(Printer.text(text)) is not a date or a time"), at: e.range,
          fix: "write '2021-07-20' or '2021-07-20T16:00:00Z'")
      }
      return BoundExpression(kind: .constant(time), type: time.type, range: value.range)
    case .text: return try enumerated(text, at: e.range, like: other)
    default: return value
    }
  }

  private func enumerated(_ text: String, at range: Range<Int>, like other: BoundExpression) throws(QueryError)
    -> BoundExpression
  {
    let plain = BoundExpression(kind: .constant(.text(text)), type: .text, range: range)
    guard let column = column(behind: other), let values = column.enumeration, !values.contains(text) else {
      return plain
    }
    if let meant = column.valueAliases[text] ?? values.first(where: { equal($0, text) }), values.contains(meant) {
      return BoundExpression(kind: .constant(.text(meant)), type: .text, range: range)
    }
    throw QueryError.unknownValue(text, of: column, named: column.name, at: range)
  }
}
