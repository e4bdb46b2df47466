/// The parts of a day or an instant (UTC).
enum TemporalFunctions {
  static func part(_ function: Function, _ a: [Value]) -> Value? {
    let day: Int32
    let micros: Int64
    switch a.first {
    case .date(let value): (day, micros) = (value, 0)
    case .timestamp(let value):
      day = Calendar.day(of: value)
      micros = value - Calendar.midnight(day)
    default: return nil
    }
    let civil = Calendar.civil(Int(day))
    switch function {
    case .year: return .int(Int64(civil.year))
    case .month: return .int(Int64(civil.month))
    case .day: return .int(Int64(civil.day))
    case .hour: return .int(micros / 3_600_000_000)
    case .minute: return .int(micros / 60_000_000 % 60)
    case .second: return .int(micros / 1_000_000 % 60)
    default: return nil
    }
  }
}

/// The fifteen temporal functions of CQL2 (21-065r2, 7.5; Allen's relations). An instant is an interval whose ends
/// meet; `..` leaves an end open. NULL where an argument is NULL.
final class TemporalRelationNode: Node, @unchecked Sendable {
  /// The ends of an argument; nil is `..`.
  struct Period {
    var start: Node?
    var end: Node?
  }
  let function: Function
  let left: Period
  let right: Period

  init(_ function: Function, _ left: Period, _ right: Period) {
    self.function = function
    self.left = left
    self.right = right
    super.init(type: .bool)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let starts1 = try instants(left.start, open: .min, tuples)
    let ends1 = try instants(left.end, open: .max, tuples)
    let starts2 = try instants(right.start, open: .min, tuples)
    let ends2 = try instants(right.end, open: .max, tuples)
    var values: [Value] = []
    values.reserveCapacity(tuples.count)
    for i in 0..<tuples.count {
      guard let a = starts1[i], let b = ends1[i], let c = starts2[i], let d = ends2[i] else {
        values.append(.null)
        continue
      }
      values.append(.bool(TemporalRelationNode.holds(function, a, b, c, d)))
    }
    return .vector(Vector(values: values, type: .bool))
  }

  private func instants(_ node: Node?, open: Int64, _ tuples: Tuples) throws(QueryError) -> [Int64?] {
    guard let node else { return Array(repeating: open, count: tuples.count) }
    return try node.values(tuples).map {
      switch $0 {
      case .timestamp(let value): value
      case .date(let day): Calendar.midnight(day)
      default: nil
      }
    }
  }

  /// Whether the relation holds from [a, b] to [c, d].
  static func holds(_ function: Function, _ a: Int64, _ b: Int64, _ c: Int64, _ d: Int64) -> Bool {
    switch function {
    case .tAfter: a > d
    case .tBefore: b < c
    case .tContains: a < c && b > d
    case .tDisjoint: b < c || a > d
    case .tDuring: a > c && b < d
    case .tEquals: a == c && b == d
    case .tFinishedBy: a < c && b == d
    case .tFinishes: a > c && b == d
    case .tIntersects: !(b < c || a > d)
    case .tMeets: b == c
    case .tMetBy: a == d
    case .tOverlappedBy: a > c && a < d && b > d
    case .tOverlaps: a < c && b > c && b < d
    case .tStartedBy: a == c && b > d
    case .tStarts: a == c && b < d
    default: false
    }
  }
}

/// The four array functions of CQL2 (21-065r2, 7.8): arrays are compared as sets.
final class ArrayRelationNode: Node, @unchecked Sendable {
  let function: Function
  let left: Node
  let right: Node

  init(_ function: Function, _ left: Node, _ right: Node) {
    self.function = function
    self.left = left
    self.right = right
    super.init(type: .bool)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let a = try left.values(tuples)
    let b = try right.values(tuples)
    return .vector(
      Vector(
        values: a.indices.map { i in
          guard case .list(let x) = a[i], case .list(let y) = b[i] else { return .null }
          return .bool(holds(x, y))
        }, type: .bool))
  }

  private func holds(_ x: [Value], _ y: [Value]) -> Bool {
    func isSubset(_ a: [Value], _ b: [Value]) -> Bool { a.allSatisfy { v in b.contains { compareValues(v, $0) == 0 } } }
    switch function {
    case .aContains: return isSubset(y, x)
    case .aContainedBy: return isSubset(x, y)
    case .aEquals: return isSubset(x, y) && isSubset(y, x)
    case .aOverlaps: return x.contains { v in y.contains { compareValues(v, $0) == 0 } }
    default: return false
    }
  }
}
