internal import Glibc

typealias Arithmetic = Expression.Arithmetic

/// `+ - * / ^ div %`.
///
/// Integers stay integers but under `/` and `^`; a result beyond 64 bits is an error that shows the place, never a wrong
/// number. Division by zero is NULL, and so is a result that is not finite. `div` cuts towards zero and `%` has the sign
/// of the dividend. A day plus or minus an integer is a day, the difference of two days is an integer.
final class ArithmeticNode: Node, @unchecked Sendable {
  let operation: Arithmetic
  let left: Node
  let right: Node
  let range: Range<Int>
  private let findings: Findings?

  init(
    _ operation: Arithmetic, _ left: Node, _ right: Node, type: ColumnType?, range: Range<Int>,
    findings: Findings? = nil
  ) {
    self.findings = findings
    self.operation = operation
    self.left = left
    self.right = right
    self.range = range
    super.init(type: type)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let a = try left.evaluate(tuples)
    let b = try right.evaluate(tuples)
    if a.isNull || b.isNull { return .constant(.null) }
    if case .constant(let a) = a, case .constant(let b) = b {
      let one = try combine(Vector(repeating: a, count: 1), Vector(repeating: b, count: 1))
      return .constant(one[0])
    }
    return .vector(try combine(a.vector(count: tuples.count), b.vector(count: tuples.count)))
  }

  private func combine(_ a: Vector, _ b: Vector) throws(QueryError) -> Vector {
    let validity = bothValid(a.validity, b.validity)
    switch (a.storage, b.storage) {
    case (.int(let x), .int(let y)) where operation != .divide && operation != .power:
      return try integers(x, y, validity).asNumbers(of: type)
    case (.date(let x), .int(let y)) where operation == .add || operation == .subtract:
      let sign: Int64 = operation == .add ? 1 : -1
      return Vector(.date(x.indices.map { Int32(clamping: Int64(x[$0]) &+ sign &* y[$0]) }), validity: validity)
    case (.int(let x), .date(let y)) where operation == .add:
      return Vector(.date(x.indices.map { Int32(clamping: Int64(y[$0]) &+ x[$0]) }), validity: validity)
    case (.date(let x), .date(let y)) where operation == .subtract:
      return Vector(.int(x.indices.map { Int64(x[$0]) - Int64(y[$0]) }), validity: validity)
    default:
      guard let x = a.doubles, let y = b.doubles else { return Vector(.null(count: a.count)) }
      return doubles(x, y, validity)
    }
  }

  private func integers(_ x: [Int64], _ y: [Int64], _ validity: [Bool]?) throws(QueryError) -> Vector {
    var validity = validity
    var overflow = false
    var values = [Int64](repeating: 0, count: x.count)
    switch operation {
    case .add:
      for i in x.indices {
        let (value, over) = x[i].addingReportingOverflow(y[i])
        values[i] = value
        overflow = overflow || over
      }
    case .subtract:
      for i in x.indices {
        let (value, over) = x[i].subtractingReportingOverflow(y[i])
        values[i] = value
        overflow = overflow || over
      }
    case .multiply:
      for i in x.indices {
        let (value, over) = x[i].multipliedReportingOverflow(by: y[i])
        values[i] = value
        overflow = overflow || over
      }
    case .div, .modulo, .divide, .power:
      for i in x.indices {
        if y[i] == 0 {
          if validity == nil { validity = Array(repeating: true, count: x.count) }
          if validity![i] { findings?.noteDivisionByZero() }
          validity![i] = false
        } else if y[i] == -1 {
          // The least integer has no negative.
          if operation == .div {
            let (value, over) = x[i].multipliedReportingOverflow(by: -1)
            values[i] = value
            overflow = overflow || over
          }
        } else {
          values[i] = operation == .div ? x[i] / y[i] : x[i] % y[i]
        }
      }
    }
    if overflow { throw overflowError }
    return Vector(.int(values), validity: validity)
  }

  private var overflowError: QueryError {
    QueryError(
      .failed("`\(operation.rawValue)` gives a whole number beyond 64 bits"), at: range,
      fix: "multiply one side by 1.0 to work with decimal numbers")
  }

  private func doubles(_ x: [Double], _ y: [Double], _ validity: [Bool]?) -> Vector {
    let values: [Double]
    switch operation {
    case .add: values = paired(x, y) { $0 + $1 }
    case .subtract: values = paired(x, y) { $0 - $1 }
    case .multiply: values = paired(x, y) { $0 * $1 }
    case .divide: values = paired(x, y) { $0 / $1 }
    case .power: values = paired(x, y) { pow($0, $1) }
    case .div: values = paired(x, y) { ($0 / $1).rounded(.towardZero) }
    case .modulo: values = paired(x, y) { $0.truncatingRemainder(dividingBy: $1) }
    }
    let result = Vector.finite(values, validity: validity)
    if operation == .divide || operation == .div || operation == .modulo, let found = result.validity,
      y.indices.contains(where: { y[$0] == 0 && !found[$0] && validity?[$0] ?? true })
    {
      findings?.noteDivisionByZero()
    }
    return result.asIntegers(of: type)
  }
}

@inline(__always)
private func paired(_ x: [Double], _ y: [Double], _ body: (Double, Double) -> Double) -> [Double] {
  [Double](unsafeUninitializedCapacity: x.count) { out, count in
    for i in x.indices { out.initializeElement(at: i, to: body(x[i], y[i])) }
    count = x.count
  }
}

extension Vector {
  /// Doubles where what is not finite becomes NULL.
  static func finite(_ values: [Double], validity: [Bool]?) -> Vector {
    var bad = false
    for value in values { bad = bad || !value.isFinite }
    if !bad { return Vector(.double(values), validity: validity) }
    return Vector(
      .double(values.map { $0.isFinite ? $0 : 0 }),
      validity: values.indices.map { (validity?[$0] ?? true) && values[$0].isFinite })
  }

  /// Doubles as integers where the expression's type says so; NULL beyond 64 bits.
  func asIntegers(of type: ColumnType?) -> Vector {
    guard type == .int, case .double(let values) = storage else { return self }
    let exact = values.map { Int64(exactly: $0.rounded(.towardZero)) }
    let valid = exact.indices.map { (validity?[$0] ?? true) && exact[$0] != nil }
    return Vector(.int(exact.map { $0 ?? 0 }), validity: valid.allSatisfy { $0 } ? nil : valid)
  }
}

final class NegateNode: Node, @unchecked Sendable {
  let operand: Node
  let range: Range<Int>
  init(_ operand: Node, type: ColumnType?, range: Range<Int>) {
    self.operand = operand
    self.range = range
    super.init(type: type)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    switch try operand.evaluate(tuples) {
    case .constant(.double(let value)): return .constant(.double(-value))
    case .constant(.int(let value)):
      if value == .min { throw QueryError(.failed("`-` gives a whole number beyond 64 bits"), at: range) }
      return .constant(.int(-value))
    case .constant: return .constant(.null)
    case .vector(let vector):
      switch vector.storage {
      case .double(let values): return .vector(Vector(.double(values.map { -$0 }), validity: vector.validity))
      case .int(let values):
        if values.contains(.min) {
          throw QueryError(.failed("`-` gives a whole number beyond 64 bits"), at: range)
        }
        return .vector(Vector(.int(values.map { -$0 }), validity: vector.validity))
      default: return .constant(.null)
      }
    }
  }
}
