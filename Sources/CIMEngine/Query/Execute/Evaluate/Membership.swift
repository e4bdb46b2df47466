/// A set of values for IN: constants, or the column of a subquery.
struct ValueSet: Sendable {
  private(set) var integers: Set<Int64> = []
  private(set) var doubles: Set<Double> = []
  private(set) var texts: Set<TextKey> = []
  private(set) var others: Set<Value> = []
  private(set) var hasNull = false
  private(set) var isEmpty = true

  mutating func insert(_ value: Value) {
    isEmpty = false
    switch value {
    case .null: hasNull = true
    case .int(let value): integers.insert(value)
    case .double(let value):
      if let whole = Int64(exactly: value) { integers.insert(whole) } else { doubles.insert(value) }
    case .text(let value): texts.insert(TextKey(value))
    // A day and its midnight are equal.
    case .date(let day): others.insert(.timestamp(Calendar.midnight(day)))
    default: others.insert(value)
    }
  }

  func contains(_ value: Value) -> Bool {
    switch value {
    case .null: false
    case .int(let value): integers.contains(value)
    case .double(let value): Int64(exactly: value).map { integers.contains($0) } ?? doubles.contains(value)
    case .text(let value): texts.contains(TextKey(value))
    case .date(let day): others.contains(.timestamp(Calendar.midnight(day)))
    default: others.contains(value)
    }
  }

  /// The answer for a value in three-valued logic: a NULL in the set leaves "not found" unknown, and IN over nothing
  /// is false even for NULL.
  func truth(_ value: Value) -> UInt8 {
    if isEmpty { return Truth.no }
    if value.isNull { return Truth.unknown }
    if contains(value) { return Truth.yes }
    return hasNull ? Truth.unknown : Truth.no
  }

  func truth(_ vector: Vector) -> [UInt8] {
    if isEmpty { return Array(repeating: Truth.no, count: vector.count) }
    let missing = hasNull ? Truth.unknown : Truth.no
    let validity = vector.flags
    func build(_ count: Int, _ contains: (Int) -> Bool) -> [UInt8] {
      (0..<count).map { validity?[$0] == false ? Truth.unknown : contains($0) ? Truth.yes : missing }
    }
    switch vector.storage {
    case .int(let values): return build(values.count) { integers.contains(values[$0]) }
    case .text(let values): return build(values.count) { texts.contains(TextKey(values[$0])) }
    case .dictionary(let codes, let dictionary):
      if dictionary.strings.count <= 2 * codes.count, !dictionary.strings.isEmpty {
        let table = dictionary.strings.map { texts.contains(TextKey($0)) }
        return build(codes.count) { table[Int(codes[$0])] }
      }
      return build(codes.count) { texts.contains(TextKey(dictionary.strings[Int(codes[$0])])) }
    default: return build(vector.count) { contains(vector[$0]) }
    }
  }
}

/// `x IN (a, b, …)` with constants, or `x IN (find)`.
final class InSetNode: TruthNode, @unchecked Sendable {
  let operand: Node
  let set: ValueSet

  init(_ operand: Node, _ set: ValueSet) {
    self.operand = operand
    self.set = set
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    switch try operand.evaluate(tuples) {
    case .constant(let value): Array(repeating: set.truth(value), count: tuples.count)
    case .vector(let vector): set.truth(vector)
    }
  }
}
