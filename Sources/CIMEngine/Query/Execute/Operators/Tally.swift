/// The running values of one aggregate over a column of the scanned table, by place: groups are numbered beforehand, and
/// the rows of a block are added where they lie.
///
/// The last place is for rows that do not count, so that loops need no branches. Sums are exact as those of
/// ``AggregateState``.
struct Tally: Sendable {
  private let function: BoundAggregate.Function
  private let type: ColumnType
  private let argument: Range<Int>?
  let column: SegmentColumn?
  let columnIndex: Int
  /// Values that are not NULL, by place.
  private(set) var counts: [Int64] = []
  /// Sums or extremes of integers of at most 32 bits, extremes of 64.
  private var integers: [Int64] = []
  private var wideIntegers: [Int128] = []
  /// Sums in units of 2⁻⁶³, and what does not fit those.
  private var fixed: [Int128] = []
  private var others: [Int32: WideSum] = [:]
  private var doubles: [Double] = []

  private enum Shape { case count, narrowSum, wideSum, doubleSum, integerExtreme, doubleExtreme }
  private let shape: Shape

  init(_ aggregate: BoundAggregate, _ column: ColumnAggregate, places: Int) {
    function = aggregate.function
    type = aggregate.type
    argument = aggregate.argument?.range
    self.column = column.column
    columnIndex = column.columnIndex
    let isSum = aggregate.function == .sum || aggregate.function == .avg
    shape =
      switch (aggregate.function, column.column) {
      case (.count, _), (_, nil): .count
      case (_, .double): isSum ? .doubleSum : .doubleExtreme
      case (_, .int64): isSum ? .wideSum : .integerExtreme
      default: isSum ? .narrowSum : .integerExtreme
      }
    counts = Array(repeating: 0, count: places)
    switch shape {
    case .count: break
    case .narrowSum: integers = Array(repeating: 0, count: places)
    case .wideSum: wideIntegers = Array(repeating: 0, count: places)
    case .doubleSum: fixed = Array(repeating: 0, count: places)
    case .integerExtreme: integers = Array(repeating: function == .min ? .max : .min, count: places)
    case .doubleExtreme: doubles = Array(repeating: function == .min ? .infinity : -.infinity, count: places)
    }
  }

  var placeCount: Int { counts.count }

  static func bytesPerPlace(_ aggregate: BoundAggregate) -> Int { aggregate.function == .count ? 8 : 24 }

  // MARK: Adding rows

  /// Adds the rows of a block.
  ///
  /// - Parameters:
  ///   - places: of each row.
  ///   - scratch: room for as many places.
  mutating func add(
    _ range: Range<Int>, _ places: UnsafePointer<Int32>, _ scratch: UnsafeMutablePointer<Int32>
  ) {
    let count = range.count
    var places = places
    if let words = column?.validity?.words {
      // NULLs go where rows go that do not count.
      let nowhere = Int32(truncatingIfNeeded: placeCount - 1)
      for i in 0..<count {
        let row = range.lowerBound &+ i
        scratch[i] = words[row >> 6] >> UInt64(row & 63) & 1 != 0 ? places[i] : nowhere
      }
      places = UnsafePointer(scratch)
    }
    counts.withUnsafeMutableBufferPointer { counts in
      let counts = counts.baseAddress!
      for i in 0..<count { counts[Int(places[i])] &+= 1 }
    }
    guard shape != .count, let column else { return }
    switch column {
    case .int8(let c): addIntegers(c.values + range.lowerBound, count, places)
    case .int16(let c): addIntegers(c.values + range.lowerBound, count, places)
    case .int32(let c): addIntegers(c.values + range.lowerBound, count, places)
    case .int64(let c):
      if shape == .wideSum {
        let values = c.values + range.lowerBound
        wideIntegers.withUnsafeMutableBufferPointer { sums in
          let sums = sums.baseAddress!
          for i in 0..<count { sums[Int(places[i])] &+= Int128(truncatingIfNeeded: values[i]) }
        }
      } else {
        addIntegers(c.values + range.lowerBound, count, places)
      }
    case .double(let c):
      if shape == .doubleSum {
        addDoubles(c.values + range.lowerBound, count, places)
      } else {
        let (values, isLeast) = (c.values + range.lowerBound, function == .min)
        doubles.withUnsafeMutableBufferPointer { best in
          let best = best.baseAddress!
          for i in 0..<count {
            let (place, value) = (Int(places[i]), values[i])
            if isLeast ? value < best[place] : value > best[place] { best[place] = value }
          }
        }
      }
    default: preconditionFailure("only columns of numbers are aggregated in place")
    }
  }

  @inline(__always)
  private mutating func addIntegers<T: FixedWidthInteger & SignedInteger>(
    _ values: UnsafePointer<T>, _ count: Int, _ places: UnsafePointer<Int32>
  ) {
    integers.withUnsafeMutableBufferPointer { integers in
      let integers = integers.baseAddress!
      switch (shape, function) {
      case (.narrowSum, _):
        for i in 0..<count { integers[Int(places[i])] &+= Int64(truncatingIfNeeded: values[i]) }
      case (_, .min):
        for i in 0..<count {
          let (place, value) = (Int(places[i]), Int64(truncatingIfNeeded: values[i]))
          if value < integers[place] { integers[place] = value }
        }
      default:
        for i in 0..<count {
          let (place, value) = (Int(places[i]), Int64(truncatingIfNeeded: values[i]))
          if value > integers[place] { integers[place] = value }
        }
      }
    }
  }

  private mutating func addDoubles(_ values: UnsafePointer<Double>, _ count: Int, _ places: UnsafePointer<Int32>) {
    var isRare = false
    fixed.withUnsafeMutableBufferPointer { fixed in
      let fixed = fixed.baseAddress!
      for i in 0..<count {
        let value = values[i]
        if ExactSum.isFixed(value) {
          fixed[Int(places[i])] &+= ExactSum.fixed(value)
        } else if value != 0 {
          isRare = true
        }
      }
    }
    if !isRare { return }
    for i in 0..<count where !ExactSum.isFixed(values[i]) && values[i] != 0 {
      others[places[i], default: WideSum()].add(values[i])
    }
  }

  // MARK: Putting together

  /// Adds places of another tally: each of `from` to the place of `places` beside it.
  mutating func add(_ other: Tally, _ from: UnsafeBufferPointer<UInt32>, to places: UnsafePointer<Int32>) {
    Tally.combine(&counts, other.counts, from, places) { $0 &+ $1 }
    switch shape {
    case .count: break
    case .narrowSum: Tally.combine(&integers, other.integers, from, places) { $0 &+ $1 }
    case .wideSum: Tally.combine(&wideIntegers, other.wideIntegers, from, places) { $0 &+ $1 }
    case .doubleSum:
      Tally.combine(&fixed, other.fixed, from, places) { $0 &+ $1 }
      if other.others.isEmpty { return }
      for i in 0..<from.count {
        if let wide = other.others[Int32(bitPattern: from[i])] { others[places[i], default: WideSum()].add(wide) }
      }
    case .integerExtreme:
      if function == .min {
        Tally.combine(&integers, other.integers, from, places) { min($0, $1) }
      } else {
        Tally.combine(&integers, other.integers, from, places) { max($0, $1) }
      }
    case .doubleExtreme:
      if function == .min {
        Tally.combine(&doubles, other.doubles, from, places) { min($0, $1) }
      } else {
        Tally.combine(&doubles, other.doubles, from, places) { max($0, $1) }
      }
    }
  }

  @inline(__always)
  private static func combine<T>(
    _ mine: inout [T], _ theirs: [T], _ from: UnsafeBufferPointer<UInt32>, _ places: UnsafePointer<Int32>,
    _ sum: (T, T) -> T
  ) {
    mine.withUnsafeMutableBufferPointer { mine in
      theirs.withUnsafeBufferPointer { theirs in
        for i in 0..<from.count {
          let place = Int(places[i])
          mine[place] = sum(mine[place], theirs[Int(from[i])])
        }
      }
    }
  }

  /// Adds the places of another tally to the same places here.
  mutating func merge(_ other: Tally) {
    let used = other.counts.indices.filter { other.counts[$0] > 0 }
    used.map { UInt32(truncatingIfNeeded: $0) }.withUnsafeBufferPointer { from in
      used.map { Int32(truncatingIfNeeded: $0) }.withUnsafeBufferPointer { places in
        if let places = places.baseAddress { add(other, from, to: places) }
      }
    }
  }

  /// Appends the first `count` places of another tally to those here.
  mutating func append(_ other: Tally, count: Int) {
    let start = Int32(truncatingIfNeeded: counts.count)
    counts.append(contentsOf: other.counts[..<count])
    switch shape {
    case .count: break
    case .narrowSum, .integerExtreme: integers.append(contentsOf: other.integers[..<count])
    case .wideSum: wideIntegers.append(contentsOf: other.wideIntegers[..<count])
    case .doubleSum:
      fixed.append(contentsOf: other.fixed[..<count])
      for (place, sum) in other.others where place < count { others[start + place] = sum }
    case .doubleExtreme: doubles.append(contentsOf: other.doubles[..<count])
    }
  }

  // MARK: Results

  /// The results of some places; of all but the last `nil`.
  func results(_ places: [Int32]?) throws(QueryError) -> Vector {
    let counts = picked(self.counts, places)
    if shape == .count { return Vector(.int(counts)) }
    let hasNulls = counts.contains(0)
    let validity = hasNulls ? counts.map { $0 > 0 } : nil
    switch shape {
    case .count: return Vector(.int(counts))
    case .narrowSum: return try sums(picked(integers, places), counts, validity)
    case .wideSum: return try sums(picked(wideIntegers, places), counts, validity)
    case .doubleSum: return doubleSums(places, counts)
    case .integerExtreme:
      let values = picked(integers, places)
      if type == .double { return Vector(.double(values.map { Double($0) }), validity: validity) }
      return Vector(.int(values), validity: validity)
    case .doubleExtreme: return Vector(.double(picked(doubles, places)), validity: validity)
    }
  }

  private func picked<T: BitwiseCopyable>(_ values: [T], _ places: [Int32]?) -> [T] {
    places.map { CIMEngine.picked(values, $0) } ?? values
  }

  private func sums<T: FixedWidthInteger>(
    _ sums: [T], _ counts: [Int64], _ validity: [Bool]?
  ) throws(QueryError) -> Vector {
    if function == .avg {
      return Vector(
        .double(sums.indices.map { counts[$0] > 0 ? Double(sums[$0]) / Double(counts[$0]) : 0 }), validity: validity)
    }
    if type == .double { return Vector(.double(sums.map { Double($0) }), validity: validity) }
    var result: [Int64] = []
    result.reserveCapacity(sums.count)
    for sum in sums {
      guard let small = Int64(exactly: sum) else { throw AggregateState.sumTooLarge(at: argument) }
      result.append(small)
    }
    return Vector(.int(result), validity: validity)
  }

  private func doubleSums(_ places: [Int32]?, _ counts: [Int64]) -> Vector {
    let fixed = picked(self.fixed, places)
    var valid: [Bool]?
    var values = [Double](repeating: 0, count: fixed.count)
    for i in fixed.indices {
      var value = Double.nan
      if counts[i] > 0 {
        let place = places?[i] ?? Int32(truncatingIfNeeded: i)
        value = ExactSum(fixed: fixed[i], wide: others.isEmpty ? nil : others[place]).value
        if function == .avg { value /= Double(counts[i]) }
      }
      if value.isFinite {
        values[i] = value
      } else {
        if valid == nil { valid = Array(repeating: true, count: fixed.count) }
        valid![i] = false
      }
    }
    return Vector(.double(values), validity: valid)
  }
}
