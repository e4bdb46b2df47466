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
  private(set) var placeCount: Int
  /// Values that are not NULL, by place; empty for a column without NULLs, where every row has one.
  private var counts: [Int64] = []
  private let hasNulls: Bool
  /// Sums or extremes of integers of at most 32 bits, extremes of 64.
  private var integers: [Int64] = []
  private var wideIntegers: [Int128] = []
  /// Sums of at most ``mostHalves`` values each, on their way into `fixed`.
  private var halves: [SIMD2<Int64>] = []
  private var inHalves = 0
  /// Sums in units of 2⁻⁶³, and what does not fit those. Empty while nothing but `halves` was needed.
  private var fixed: [Int128] = []
  private var others: [Int32: WideSum] = [:]
  private var doubles: [Double] = []

  private enum Shape { case count, narrowSum, wideSum, doubleSum, integerExtreme, doubleExtreme }
  private let shape: Shape

  /// - Parameter takesRows: whether rows will be added, and not only other tallies.
  init(_ aggregate: BoundAggregate, _ column: ColumnAggregate, places: Int, takesRows: Bool) {
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
    placeCount = places
    hasNulls = column.column?.validity?.words != nil
    if hasNulls || shape == .count { counts = Array(repeating: 0, count: places) }
    switch shape {
    case .count: break
    case .narrowSum: integers = Array(repeating: 0, count: places)
    case .wideSum: wideIntegers = Array(repeating: 0, count: places)
    case .doubleSum:
      if takesRows, places <= Tally.mostHalves + 1 {
        halves = Array(repeating: SIMD2(), count: places)
      } else {
        fixed = Array(repeating: 0, count: places)
      }
    case .integerExtreme: integers = Array(repeating: function == .min ? .max : .min, count: places)
    case .doubleExtreme: doubles = Array(repeating: function == .min ? .infinity : -.infinity, count: places)
    }
  }

  static func bytesPerPlace(_ aggregate: BoundAggregate) -> Int { aggregate.function == .count ? 8 : 24 }

  /// Bytes that the places take.
  var byteCount: Int {
    8 * (counts.count + integers.count + doubles.count) + 16 * (wideIntegers.count + fixed.count + halves.count)
  }

  /// Drops all places but the first `count`.
  mutating func trim(to count: Int) {
    func trim<T>(_ values: inout [T]) {
      // A copy, so that what is dropped is freed.
      if values.count > count { values = Array(values[..<count]) }
    }
    placeCount = count
    trim(&counts)
    trim(&integers)
    trim(&wideIntegers)
    trim(&halves)
    trim(&fixed)
    trim(&doubles)
  }

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
    if !counts.isEmpty {
      counts.withUnsafeMutableBufferPointer { counts in
        let counts = counts.baseAddress!
        for i in 0..<count { counts[Int(places[i])] &+= 1 }
      }
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

  /// As many values of less than 2³⁰ fit a half.
  private static let mostHalves = 65_536

  /// A value below 2³⁰ is a whole number of 2⁻¹⁶ and a rest in units of 2⁻⁶³; both are summed as integers of 64 bits, which
  /// is exact. Adding 1.5 · 2⁵² leaves the whole part in the last bits.
  private mutating func addHalves(_ values: UnsafePointer<Double>, _ count: Int, _ places: UnsafePointer<Int32>) {
    if inHalves + count > Tally.mostHalves { emptyHalves() }
    inHalves += count
    let shifter = SIMD2<Double>(repeating: 0x1.8p52)
    let shifterBits = unsafeBitCast(shifter, to: SIMD2<Int64>.self)
    var isRare = false
    halves.withUnsafeMutableBufferPointer { halves in
      let halves = halves.baseAddress!
      @inline(__always)
      func add(_ value: SIMD2<Double>, _ at: Int, _ isPair: Bool) {
        let scaled = value * 0x1p16
        let whole = scaled + shifter
        let rest = (scaled - (whole - shifter)) * 0x1p47
        let last = rest + shifter
        let size = unsafeBitCast(
          unsafeBitCast(value, to: SIMD2<UInt64>.self) & SIMD2(repeating: ~(1 << 63)), to: SIMD2<Double>.self)
        if all((last - shifter) .== rest .& size .< SIMD2(repeating: 0x1p30)) {
          let high = unsafeBitCast(whole, to: SIMD2<Int64>.self) &- shifterBits
          let low = unsafeBitCast(last, to: SIMD2<Int64>.self) &- shifterBits
          halves[Int(places[at])] &+= SIMD2(high[0], low[0])
          if isPair { halves[Int(places[at &+ 1])] &+= SIMD2(high[1], low[1]) }
        } else {
          isRare = true
        }
      }
      var i = 0
      while i &+ 2 <= count {
        add(UnsafeRawPointer(values + i).loadUnaligned(as: SIMD2<Double>.self), i, true)
        i &+= 2
      }
      if i < count { add(SIMD2(values[i], 0), i, false) }
    }
    if !isRare { return }
    // Pairs of which one does not fit.
    var i = 0
    while i < count {
      let end = min(count, i + 2)
      if !(i..<end).allSatisfy({ Tally.fitsHalves(values[$0]) }) {
        for j in i..<end { addRare(values[j], places[j]) }
      }
      i = end
    }
  }

  /// Whether ``addHalves(_:_:_:)`` takes a value.
  @inline(__always)
  private static func fitsHalves(_ value: Double) -> Bool {
    let scaled = value * 0x1p16
    let rest = (scaled - ((scaled + 0x1.8p52) - 0x1.8p52)) * 0x1p47
    return (rest + 0x1.8p52) - 0x1.8p52 == rest && abs(value) < 0x1p30
  }

  private mutating func addRare(_ value: Double, _ place: Int32) {
    if ExactSum.isFixed(value) {
      if fixed.isEmpty { fixed = Array(repeating: 0, count: placeCount) }
      fixed[Int(place)] &+= ExactSum.fixed(value)
    } else if value != 0 {
      others[place, default: WideSum()].add(value)
    }
  }

  private mutating func emptyHalves() {
    inHalves = 0
    if fixed.isEmpty { fixed = Array(repeating: 0, count: placeCount) }
    for place in halves.indices {
      fixed[place] &+= Tally.sum(halves[place])
      halves[place] = SIMD2()
    }
  }

  @inline(__always)
  private static func sum(_ half: SIMD2<Int64>) -> Int128 {
    Int128(truncatingIfNeeded: half[0]) &<< 47 &+ Int128(truncatingIfNeeded: half[1])
  }

  /// The sum at a place, in units of 2⁻⁶³.
  @inline(__always)
  private func fixedSum(_ place: Int) -> Int128 {
    (fixed.isEmpty ? 0 : fixed[place]) &+ (halves.isEmpty ? 0 : Tally.sum(halves[place]))
  }

  private mutating func addDoubles(_ values: UnsafePointer<Double>, _ count: Int, _ places: UnsafePointer<Int32>) {
    if !halves.isEmpty { return addHalves(values, count, places) }
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
    if !counts.isEmpty { Tally.combine(&counts, other.counts, from, places) { $0 &+ $1 } }
    switch shape {
    case .count: break
    case .narrowSum: Tally.combine(&integers, other.integers, from, places) { $0 &+ $1 }
    case .wideSum: Tally.combine(&wideIntegers, other.wideIntegers, from, places) { $0 &+ $1 }
    case .doubleSum:
      if !halves.isEmpty { emptyHalves() }
      fixed.withUnsafeMutableBufferPointer { fixed in
        for i in 0..<from.count { fixed[Int(places[i])] &+= other.fixedSum(Int(from[i])) }
      }
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

  /// Adds some places of another tally to the same places here.
  mutating func merge(_ other: Tally, _ used: [Int32]) { add(other, used.map { UInt32(bitPattern: $0) }, to: used) }

  /// Adds each of the places `from` of another tally to the place of `places` beside it.
  mutating func add(_ other: Tally, _ from: [UInt32], to places: [Int32]) {
    from.withUnsafeBufferPointer { from in
      places.withUnsafeBufferPointer { places in
        if let places = places.baseAddress { add(other, from, to: places) }
      }
    }
  }

  /// Appends the first `count` places of another tally to those here, neither of which takes rows.
  mutating func append(_ other: Tally, count: Int) {
    let start = Int32(truncatingIfNeeded: placeCount)
    placeCount += count
    if hasNulls || shape == .count { counts.append(contentsOf: other.counts[..<count]) }
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

  /// The results of some places; nil: of all.
  ///
  /// - Parameter rowCounts: how many rows were added at each of these.
  func results(_ places: [Int32]?, rowCounts: [Int64]) throws(QueryError) -> Vector {
    let counts = hasNulls || shape == .count ? picked(self.counts, places) : rowCounts
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
    var valid: [Bool]?
    var values = [Double](repeating: 0, count: counts.count)
    for i in counts.indices {
      var value = Double.nan
      if counts[i] > 0 {
        let place = places?[i] ?? Int32(truncatingIfNeeded: i)
        value = ExactSum(fixed: fixedSum(Int(place)), wide: others.isEmpty ? nil : others[place]).value
        if function == .avg { value /= Double(counts[i]) }
      }
      if value.isFinite {
        values[i] = value
      } else {
        if valid == nil { valid = Array(repeating: true, count: counts.count) }
        valid![i] = false
      }
    }
    return Vector(.double(values), validity: valid)
  }
}
