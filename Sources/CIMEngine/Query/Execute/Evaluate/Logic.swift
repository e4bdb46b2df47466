final class NotNode: TruthNode, @unchecked Sendable {
  let operand: Node
  init(_ operand: Node) {
    self.operand = operand
    super.init(type: .bool)
  }
  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    try operand.truth(tuples).map { 2 &- $0 }
  }
}

final class AndNode: TruthNode, @unchecked Sendable {
  let operands: [Node]
  init(_ operands: [Node]) {
    self.operands = operands
    super.init(type: .bool)
  }
  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    var result = [UInt8](repeating: Truth.yes, count: tuples.count)
    for operand in operands {
      let next = try operand.truth(tuples)
      for i in result.indices { result[i] = min(result[i], next[i]) }
    }
    return result
  }
}

final class OrNode: TruthNode, @unchecked Sendable {
  let operands: [Node]
  init(_ operands: [Node]) {
    self.operands = operands
    super.init(type: .bool)
  }
  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    var result = [UInt8](repeating: Truth.no, count: tuples.count)
    for operand in operands {
      let next = try operand.truth(tuples)
      for i in result.indices { result[i] = max(result[i], next[i]) }
    }
    return result
  }
}

final class IsNullNode: Node, @unchecked Sendable {
  let operand: Node
  init(_ operand: Node) {
    self.operand = operand
    super.init(type: .bool)
  }
  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    switch try operand.evaluate(tuples) {
    case .constant(let value): return .constant(.bool(value.isNull))
    case .vector(let vector):
      guard let flags = vector.flags else { return .constant(.bool(false)) }
      return .vector(Vector(.bool(flags.map { !$0 })))
    }
  }
}

/// CASE: the first condition that holds decides. A result is worked out only for the rows that take it.
final class ChooseNode: Node, @unchecked Sendable {
  let cases: [(condition: Node, result: Node)]
  let otherwise: Node?

  init(cases: [(condition: Node, result: Node)], otherwise: Node?, type: ColumnType?) {
    self.cases = cases
    self.otherwise = otherwise
    super.init(type: type)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    var result = [Value](repeating: .null, count: tuples.count)
    var open = (0..<Int32(tuples.count)).map { $0 }
    for (condition, value) in cases where !open.isEmpty {
      let rest = tuples.selecting(open)
      let truth = try condition.truth(rest)
      var taken: [Int32] = []
      var left: [Int32] = []
      for i in truth.indices {
        if truth[i] == Truth.yes { taken.append(Int32(i)) } else { left.append(open[i]) }
      }
      if !taken.isEmpty {
        let values = try value.values(rest.selecting(taken))
        for (i, index) in taken.enumerated() { result[Int(open[Int(index)])] = values[i] }
      }
      open = left
    }
    if let otherwise, !open.isEmpty {
      let values = try otherwise.values(tuples.selecting(open))
      for (i, index) in open.enumerated() { result[Int(index)] = values[i] }
    }
    return .vector(Vector(values: result, type: type).asNumbers(of: type))
  }
}

extension Vector {
  /// Integers as doubles where the expression's type says so (branches of CASE may differ).
  func asNumbers(of type: ColumnType?) -> Vector {
    if type == .double, case .int(let values) = storage {
      return Vector(.double(values.map { Double($0) }), validity: validity)
    }
    return self
  }
}
