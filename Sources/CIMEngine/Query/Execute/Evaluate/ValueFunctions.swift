internal import Glibc

typealias Function = BoundExpression.Function

/// A function of values, worked out row by row: NULL in, NULL out, but for COALESCE, NULLIF, LEAST, GREATEST and CONCAT,
/// which pass over NULLs.
final class ValueFunctionNode: Node, @unchecked Sendable {
  let function: Function
  let arguments: [Node]
  let now: Int64

  init(_ function: Function, _ arguments: [Node], type: ColumnType?, now: Int64) {
    self.function = function
    self.arguments = arguments
    self.now = now
    super.init(type: type)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    var operands: [Operand] = []
    var allConstant = true
    for argument in arguments {
      let operand = try argument.evaluate(tuples)
      if case .vector = operand { allConstant = false }
      operands.append(operand)
    }
    if allConstant {
      let values = operands.map { if case .constant(let value) = $0 { value } else { Value.null } }
      return .constant(convert(apply(values), to: numericType))
    }
    if operands.count == 1, case .vector(let vector) = operands[0], let fast = applyToNumbers(vector) {
      return .vector(fast.asIntegers(of: type).asNumbers(of: type))
    }
    let columns = operands.map { $0.vector(count: tuples.count) }
    var results: [Value] = []
    results.reserveCapacity(tuples.count)
    var row = [Value](repeating: .null, count: columns.count)
    for i in 0..<tuples.count {
      for c in columns.indices { row[c] = columns[c][i] }
      results.append(convert(apply(row), to: numericType))
    }
    return .vector(Vector(values: results, type: type))
  }

  /// Numbers are brought to the type that the expression states.
  private var numericType: ColumnType? { type == .int || type == .double ? type : nil }

  private func applyToNumbers(_ vector: Vector) -> Vector? {
    guard case .double(let values) = vector.storage else { return nil }
    switch function {
    case .abs: return Vector(.double(values.map { abs($0) }), validity: vector.validity)
    case .ceil: return Vector(.double(values.map { $0.rounded(.up) }), validity: vector.validity)
    case .floor: return Vector(.double(values.map { $0.rounded(.down) }), validity: vector.validity)
    case .round: return Vector(.double(values.map { $0.rounded() }), validity: vector.validity)
    case .sqrt: return .finite(values.map { $0.squareRoot() }, validity: vector.validity)
    case .ln: return .finite(values.map { log($0) }, validity: vector.validity)
    case .exp: return .finite(values.map { exp($0) }, validity: vector.validity)
    case .log10: return .finite(values.map { log10($0) }, validity: vector.validity)
    default: return nil
    }
  }

  private func apply(_ a: [Value]) -> Value {
    switch function {
    case .coalesce: return a.first { !$0.isNull } ?? .null
    case .nullif: return a.count == 2 && compareValues(a[0], a[1]) == 0 ? .null : a.first ?? .null
    case .least: return a.reduce(.null) { pick($0, $1) { $0 < 0 } }
    case .greatest: return a.reduce(.null) { pick($0, $1) { $0 > 0 } }
    case .concat: return .text(a.filter { !$0.isNull }.map { text(of: $0) }.joined())
    case .now: return .timestamp(now)
    case .pi: return .double(.pi)
    default: break
    }
    if a.contains(where: \.isNull) { return .null }
    switch function {
    case .toText: return .text(text(of: a[0]))
    case .toNumber: return toNumber(a[0])
    default: break
    }
    if let value = NumberFunctions.apply(function, a) { return value }
    if let value = TextFunctions.apply(function, a) { return value }
    return TemporalFunctions.part(function, a) ?? .null
  }

  /// A text as the number that it spells, whole or not; NULL when it spells none.
  private func toNumber(_ value: Value) -> Value {
    switch value {
    case .text(let text):
      let digits = text.filter { $0 != "," && $0 != " " }
      guard let number = Double(digits), number.isFinite, !digits.lowercased().contains("x") else { return .null }
      return .double(number)
    case .bool(let flag): return .double(flag ? 1 : 0)
    default: return value.number.map { .double($0) } ?? .null
    }
  }

  private func pick(_ a: Value, _ b: Value, _ wanted: (Int) -> Bool) -> Value {
    if a.isNull { return b }
    guard let order = compareValues(b, a) else { return a }
    return wanted(order) ? b : a
  }
}

enum NumberFunctions {
  static func apply(_ function: Function, _ a: [Value]) -> Value? {
    switch (function, a.first) {
    case (.abs, .int(let x)): return x == .min ? .null : .int(abs(x))
    case (.ceil, .int), (.floor, .int): return a[0]
    case (.round, .int(let x)):
      guard a.count > 1, case .int(let digits) = a[1], digits < 0 else { return a[0] }
      return finite(rounded(Double(x), digits))
    case (.sign, .int(let x)): return .int(x.signum())
    case (.trunc, .int): return a[0]
    case (.mod, .int(let x)):
      if a.count > 1, case .int(let y) = a[1] { return y == 0 || y == -1 ? (y == 0 ? .null : .int(0)) : .int(x % y) }
    default: break
    }
    guard let x = a.first?.number else { return nil }
    switch function {
    case .abs: return finite(abs(x))
    case .ceil: return finite(x.rounded(.up))
    case .floor: return finite(x.rounded(.down))
    case .round:
      guard a.count > 1, let digits = a[1].number else { return finite(x.rounded()) }
      return finite(rounded(x, Int64(max(-320, min(320, digits)))))
    case .sqrt: return finite(x.squareRoot())
    case .ln: return finite(log(x))
    case .exp: return finite(exp(x))
    case .log10: return finite(Glibc.log10(x))
    case .sign: return .int(x < 0 ? -1 : x > 0 ? 1 : 0)
    case .trunc: return finite(x.rounded(.towardZero))
    case .power: return a.count > 1 ? a[1].number.map { finite(pow(x, $0)) } ?? .null : .null
    case .mod: return a.count > 1 ? a[1].number.map { finite(x.truncatingRemainder(dividingBy: $0)) } ?? .null : .null
    default: return nil
    }
  }

  private static func finite(_ x: Double) -> Value { x.isFinite ? .double(x) : .null }

  /// Half away from zero at `digits` places behind the point (before it when negative).
  static func rounded(_ x: Double, _ digits: Int64) -> Double {
    if digits == 0 { return x.rounded() }
    // A double has no digits so far behind the point.
    if digits > 300 { return x }
    if digits < -300 { return 0 }
    let scale = pow(10, Double(abs(digits)))
    let result = digits > 0 ? (x * scale).rounded() / scale : (x / scale).rounded() * scale
    return result.isFinite ? result : x
  }
}
