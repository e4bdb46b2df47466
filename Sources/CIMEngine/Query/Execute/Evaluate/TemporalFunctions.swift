/// The parts of a day or an instant (UTC).
enum TemporalFunctions {
  static func part(_ function: Function, _ a: [Value]) -> Value? {
    if case .text(let word)? = a.first, let unit = TimeUnit(rawValue: word) { return apply(function, unit, a) }
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
    // 1970-01-01 was a Thursday.
    case .weekday: return .int(Int64((Int(day) % 7 + 10) % 7) + 1)
    case .toDate: return .date(day)
    default: return nil
    }
  }
}

extension TemporalFunctions {
  /// DATE_TRUNC, DATE_ADD and DATE_DIFF. A date is its first instant; everything is UTC. Adding months keeps the day
  /// where the month has it, else takes the last. A difference in months or years counts whole ones.
  fileprivate static func apply(_ function: Function, _ unit: TimeUnit, _ a: [Value]) -> Value? {
    func instant(_ index: Int) -> Int64? {
      guard index < a.count else { return nil }
      switch a[index] {
      case .timestamp(let value): return value
      case .date(let day): return Calendar.midnight(day)
      default: return nil
      }
    }
    switch function {
    case .dateTrunc: return instant(1).map { .timestamp(truncated($0, unit)) } ?? .null
    case .dateAdd:
      guard let number = a[1].number, abs(number) < 1e12, let start = instant(2) else { return .null }
      return added(number, unit, to: start).map { .timestamp($0) } ?? .null
    case .dateDiff:
      guard let from = instant(1), let to = instant(2) else { return .null }
      return .double(difference(from, to, unit))
    default: return nil
    }
  }

  private static func microseconds(_ unit: TimeUnit) -> Int64? {
    switch unit {
    case .second: 1_000_000
    case .minute: 60_000_000
    case .hour: 3_600_000_000
    case .day: Calendar.microsecondsPerDay
    case .week: 7 * Calendar.microsecondsPerDay
    case .month, .year: nil
    }
  }

  private static func truncated(_ instant: Int64, _ unit: TimeUnit) -> Int64 {
    let day = Calendar.day(of: instant)
    let civil = Calendar.civil(Int(day))
    switch unit {
    case .month: return Calendar.midnight(Int32(clamping: RFC3339.days(year: civil.year, month: civil.month, day: 1)))
    case .year: return Calendar.midnight(Int32(clamping: RFC3339.days(year: civil.year, month: 1, day: 1)))
    // Weeks begin on Monday (ISO 8601).
    case .week: return Calendar.midnight(day - Int32((Int(day) % 7 + 10) % 7))
    default:
      let size = microseconds(unit)!
      return Calendar.floorDivide(instant, size) * size
    }
  }

  private static func added(_ number: Double, _ unit: TimeUnit, to instant: Int64) -> Int64? {
    if let size = microseconds(unit) {
      let sum = Double(instant) + number * Double(size)
      guard abs(sum) < 9e18 else { return nil }
      return number == number.rounded() ? instant &+ Int64(number) &* size : Int64(sum.rounded())
    }
    let months = Int(number.rounded(.towardZero)) * (unit == .year ? 12 : 1)
    let day = Calendar.day(of: instant)
    let civil = Calendar.civil(Int(day))
    let total = civil.year * 12 + civil.month - 1 + months
    let year = Int(Calendar.floorDivide(Int64(total), 12))
    guard (-200_000...200_000).contains(year) else { return nil }
    let month = total - year * 12 + 1
    let first = RFC3339.days(year: year, month: month, day: 1)
    let next =
      month == 12 ? RFC3339.days(year: year + 1, month: 1, day: 1) : RFC3339.days(year: year, month: month + 1, day: 1)
    let moved = first + min(civil.day, next - first) - 1
    return Calendar.midnight(Int32(clamping: moved)) + (instant - Calendar.midnight(day))
  }

  private static func difference(_ from: Int64, _ to: Int64, _ unit: TimeUnit) -> Double {
    if let size = microseconds(unit) { return Double(to &- from) / Double(size) }
    if from > to { return -difference(to, from, unit) }
    let a = Calendar.civil(Int(Calendar.day(of: from)))
    let b = Calendar.civil(Int(Calendar.day(of: to)))
    var months = (b.year - a.year) * 12 + b.month - a.month
    if let reached = added(Double(months), .month, to: from), reached > to { months -= 1 }
    return Double(unit == .year ? months / 12 : months)
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
