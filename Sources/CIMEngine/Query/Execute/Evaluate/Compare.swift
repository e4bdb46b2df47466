typealias Comparison = Expression.Comparison

extension Comparison {
  @inline(__always)
  func holds(_ order: Int) -> Bool {
    switch self {
    case .equal: order == 0
    case .notEqual: order != 0
    case .less: order < 0
    case .lessOrEqual: order <= 0
    case .greater: order > 0
    case .greaterOrEqual: order >= 0
    }
  }

  /// The comparison with its sides swapped.
  var mirrored: Comparison {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    }
  }
}

/// `a < b` and the like. NULL on either side is unknown; text compares by code point.
final class CompareNode: Node, @unchecked Sendable {
  let comparison: Comparison
  let left: Node
  let right: Node

  init(_ comparison: Comparison, _ left: Node, _ right: Node) {
    self.comparison = comparison
    self.left = left
    self.right = right
    super.init(type: .bool)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let a = try left.evaluate(tuples)
    let b = try right.evaluate(tuples)
    return compare(comparison, a, b, count: tuples.count)
  }
}

/// Compares two operands row by row. Types that do not compare give unknown.
func compare(_ comparison: Comparison, _ a: Operand, _ b: Operand, count: Int) -> Operand {
  switch (a, b) {
  case (.constant(let a), .constant(let b)):
    return .constant(compareValues(a, b).map { .bool(comparison.holds($0)) } ?? .null)
  case (.vector(let a), .constant(let b)):
    return compare(comparison, a, b).map { .vector($0) } ?? .constant(.null)
  case (.constant(let a), .vector(let b)):
    return compare(comparison.mirrored, b, a).map { .vector($0) } ?? .constant(.null)
  case (.vector(let a), .vector(let b)):
    return compare(comparison, a, b).map { .vector($0) } ?? .constant(.null)
  }
}

private func compare(_ comparison: Comparison, _ a: Vector, _ b: Value) -> Vector? {
  let flags: [Bool]
  switch (a.storage, b) {
  case (.int(let a), .int(let b)): flags = compared(comparison, a, b)
  case (.int(let a), .double(let b)): flags = compared(comparison, a.map { Double($0) }, b)
  case (.double(let a), .double(let b)): flags = compared(comparison, a, b)
  case (.double(let a), .int(let b)): flags = compared(comparison, a, Double(b))
  case (.date(let a), .date(let b)): flags = compared(comparison, a, b)
  case (.timestamp(let a), .timestamp(let b)): flags = compared(comparison, a, b)
  case (.date(let a), .timestamp(let b)): flags = compared(comparison, a.map(Calendar.midnight), b)
  case (.timestamp(let a), .date(let b)): flags = compared(comparison, a, Calendar.midnight(b))
  case (.bool(let a), .bool(let b)):
    flags = a.map { comparison.holds(($0 ? 1 : 0) - (b ? 1 : 0)) }
  case (.text(let a), .text(let b)): flags = a.map { comparison.holds(compareText($0, b)) }
  case (.dictionary(let codes, let dictionary), .text(let b)):
    if dictionary.strings.count <= 2 * codes.count {
      let table = dictionary.strings.map { comparison.holds(compareText($0, b)) }
      flags = table.isEmpty ? codes.map { _ in false } : codes.map { table[Int($0)] }
    } else {
      flags = codes.map { comparison.holds(compareText(dictionary.strings[Int($0)], b)) }
    }
  case (.list, .list), (.geometry, .geometry):
    return comparedOneByOne(comparison, a.count, { a[$0] }, { _ in b })
  default: return nil
  }
  return Vector(.bool(flags), validity: a.validity)
}

private func compare(_ comparison: Comparison, _ a: Vector, _ b: Vector) -> Vector? {
  let flags: [Bool]
  switch (a.storage, b.storage) {
  case (.int(let a), .int(let b)): flags = compared(comparison, a, b)
  case (.date(let a), .date(let b)): flags = compared(comparison, a, b)
  case (.timestamp(let a), .timestamp(let b)): flags = compared(comparison, a, b)
  case (.date(let a), .timestamp(let b)): flags = compared(comparison, a.map(Calendar.midnight), b)
  case (.timestamp(let a), .date(let b)): flags = compared(comparison, a, b.map(Calendar.midnight))
  case (.bool(let a), .bool(let b)):
    flags = compared(comparison, a.map { $0 ? 1 : 0 }, b.map { $0 ? 1 : 0 })
  case (.null, _), (_, .null): return nil
  case (.list, .list), (.geometry, .geometry): return comparedOneByOne(comparison, a.count, { a[$0] }, { b[$0] })
  default:
    if let x = a.doubles, let y = b.doubles {
      flags = compared(comparison, x, y)
    } else if let x = a.strings, let y = b.strings {
      flags = x.indices.map { comparison.holds(compareText(x[$0], y[$0])) }
    } else {
      return nil
    }
  }
  return Vector(.bool(flags), validity: bothValid(a.validity, b.validity))
}

private func comparedOneByOne(
  _ comparison: Comparison, _ count: Int, _ a: (Int) -> Value, _ b: (Int) -> Value
) -> Vector {
  Vector(
    values: (0..<count).map { compareValues(a($0), b($0)).map { .bool(comparison.holds($0)) } ?? .null }, type: .bool)
}

@inline(__always)
private func compared<T: Comparable & BitwiseCopyable>(_ comparison: Comparison, _ a: [T], _ b: T) -> [Bool] {
  switch comparison {
  case .equal: flagged(a) { $0 == b }
  case .notEqual: flagged(a) { $0 != b }
  case .less: flagged(a) { $0 < b }
  case .lessOrEqual: flagged(a) { $0 <= b }
  case .greater: flagged(a) { $0 > b }
  case .greaterOrEqual: flagged(a) { $0 >= b }
  }
}

@inline(__always)
private func compared<T: Comparable & BitwiseCopyable>(_ comparison: Comparison, _ a: [T], _ b: [T]) -> [Bool] {
  switch comparison {
  case .equal: flagged(a, b) { $0 == $1 }
  case .notEqual: flagged(a, b) { $0 != $1 }
  case .less: flagged(a, b) { $0 < $1 }
  case .lessOrEqual: flagged(a, b) { $0 <= $1 }
  case .greater: flagged(a, b) { $0 > $1 }
  case .greaterOrEqual: flagged(a, b) { $0 >= $1 }
  }
}

@inline(__always)
private func flagged<T: BitwiseCopyable>(_ a: [T], _ holds: (T) -> Bool) -> [Bool] {
  [Bool](unsafeUninitializedCapacity: a.count) { out, count in
    for i in a.indices { out.initializeElement(at: i, to: holds(a[i])) }
    count = a.count
  }
}

@inline(__always)
private func flagged<T: BitwiseCopyable>(_ a: [T], _ b: [T], _ holds: (T, T) -> Bool) -> [Bool] {
  [Bool](unsafeUninitializedCapacity: a.count) { out, count in
    for i in a.indices { out.initializeElement(at: i, to: holds(a[i], b[i])) }
    count = a.count
  }
}

/// The order of two values of comparable types, nil when either is NULL or they do not compare.
/// Lists compare element by element; geometries are only equal (by coordinates) or not.
func compareValues(_ a: Value, _ b: Value) -> Int? {
  switch (a, b) {
  case (.int(let a), .int(let b)): return a < b ? -1 : a == b ? 0 : 1
  case (.bool(let a), .bool(let b)): return (a ? 1 : 0) - (b ? 1 : 0)
  case (.text(let a), .text(let b)): return compareText(a, b)
  case (.date(let a), .date(let b)): return a < b ? -1 : a == b ? 0 : 1
  case (.timestamp(let a), .timestamp(let b)): return a < b ? -1 : a == b ? 0 : 1
  case (.date(let a), .timestamp): return compareValues(.timestamp(Calendar.midnight(a)), b)
  case (.timestamp, .date(let b)): return compareValues(a, .timestamp(Calendar.midnight(b)))
  case (.list(let a), .list(let b)):
    for (x, y) in zip(a, b) {
      guard let order = compareValues(x, y) else { return nil }
      if order != 0 { return order }
    }
    return a.count - b.count
  case (.geometry(let a), .geometry(let b)): return a == b ? 0 : 1
  default:
    guard let x = a.number, let y = b.number else { return nil }
    // A value that is not a number sorts after all others; none is ever stored.
    return x < y ? -1 : x == y ? 0 : x > y ? 1 : (x.isNaN ? 1 : 0) - (y.isNaN ? 1 : 0)
  }
}
