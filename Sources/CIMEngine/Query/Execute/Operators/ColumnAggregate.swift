internal import SpatialIndex

/// An aggregate over a column of the scanned table, worked out block by block where the values lie: nothing is copied,
/// and blocks that the conditions rule out are not read.
struct ColumnAggregate {
  /// nil: rows are counted.
  let column: SegmentColumn?
  let columnIndex: Int

  /// The aggregate as one over a column of `table` at `source`, or nil when it is none.
  init?(_ aggregate: BoundAggregate, _ argument: Node?, source: Int, table: Table) {
    guard !aggregate.distinct else { return nil }
    guard let argument else {
      (column, columnIndex) = (nil, -1)
      return
    }
    if aggregate.function == .count, let constant = argument.constant, !constant.isNull {
      (column, columnIndex) = (nil, -1)
      return
    }
    guard let node = argument as? ColumnNode, node.source == source, node.table === table,
      table.computedGeometry[node.column] == nil
    else { return nil }
    let column = table.columns[node.column]
    switch (aggregate.function, column) {
    case (.count, .link): return nil
    case (.count, _): break
    case (.sum, .int8), (.sum, .int16), (.sum, .int32), (.sum, .int64), (.sum, .double): break
    case (.avg, .int8), (.avg, .int16), (.avg, .int32), (.avg, .int64), (.avg, .double): break
    case (.min, .int8), (.min, .int16), (.min, .int32), (.min, .int64), (.min, .double): break
    case (.max, .int8), (.max, .int16), (.max, .int32), (.max, .int64), (.max, .double): break
    default: return nil
    }
    (self.column, columnIndex) = (column, node.column)
  }

  /// Whether the result is the number of rows.
  func countsRows(_ aggregate: BoundAggregate) -> Bool {
    aggregate.function == .count && (column == nil || column?.validity?.words == nil)
  }

  /// Whether rows of a block can change the aggregate: its least or greatest value is known, and may be no better than what
  /// was found before. The column's own block bounds are read.
  func mayChange(_ state: AggregateState, block: Int) -> Bool {
    switch column {
    case .int8(let c): state.mayImprove(c, block) { .int(Int64($0)) }
    case .int16(let c): state.mayImprove(c, block) { .int(Int64($0)) }
    case .int32(let c): state.mayImprove(c, block) { .int(Int64($0)) }
    case .int64(let c): state.mayImprove(c, block) { .int($0) }
    case .double(let c): state.mayImprove(c, block) { .double($0) }
    default: true
    }
  }

  /// Adds rows of one block.
  ///
  /// - Parameters:
  ///   - mask: 1 for each row that counts; nil for all.
  ///   - passed: how many count.
  ///   - scratch: room for as many flags.
  func add(
    _ range: Range<Int>, _ mask: UnsafePointer<UInt8>?, passed: Int, _ scratch: UnsafeMutablePointer<UInt8>,
    to state: inout AggregateState
  ) {
    guard let column else { return state.addCount(passed) }
    var (mask, passed) = (mask, passed)
    if let validity = column.validity, validity.words != nil {
      if let mask {
        scratch.update(from: mask, count: range.count)
      } else {
        scratch.update(repeating: 1, count: range.count)
      }
      ColumnTest.clearNulls(validity, range, scratch)
      mask = UnsafePointer(scratch)
      passed = ColumnAggregate.count(range.count, mask)
    }
    if state.aggregate.function == .count { return state.addCount(passed) }
    if passed == 0 { return }
    switch column {
    case .int8(let c): ColumnAggregate.addNarrow(c.values + range.lowerBound, range.count, mask, passed, &state)
    case .int16(let c): ColumnAggregate.addNarrow(c.values + range.lowerBound, range.count, mask, passed, &state)
    case .int32(let c): ColumnAggregate.addNarrow(c.values + range.lowerBound, range.count, mask, passed, &state)
    case .int64(let c):
      let block = range.lowerBound / ColumnTest.blockRows
      let isNarrow = max(c.blockMinimums[block].magnitude, c.blockMaximums[block].magnitude) < 1 << 50
      let values = c.values + range.lowerBound
      if isNarrow {
        ColumnAggregate.addNarrow(values, range.count, mask, passed, &state)
      } else {
        ColumnAggregate.addWide(values, range.count, mask, passed, &state)
      }
    case .double(let c): ColumnAggregate.addDoubles(c.values + range.lowerBound, range.count, mask, passed, &state)
    default: preconditionFailure("only columns of numbers are aggregated in place")
    }
  }

  static func count(_ count: Int, _ mask: UnsafePointer<UInt8>?) -> Int {
    guard let mask else { return count }
    // Sixteen sums of bytes, which hold 255 flags each.
    var total = 0
    var i = 0
    while i &+ 16 <= count {
      var sums = SIMD16<UInt8>()
      let end = min(count & ~15, i &+ 255 * 16)
      while i < end {
        sums &+= UnsafeRawPointer(mask + i).loadUnaligned(as: SIMD16<UInt8>.self)
        i &+= 16
      }
      for lane in 0..<16 { total &+= Int(sums[lane]) }
    }
    while i < count {
      total &+= Int(mask[i])
      i &+= 1
    }
    return total
  }

  /// At most 4,096 values below 2⁵¹: their sum fits 64 bits.
  @inline(__always)
  private static func addNarrow<T: FixedWidthInteger & SignedInteger>(
    _ values: UnsafePointer<T>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ passed: Int,
    _ state: inout AggregateState
  ) {
    switch state.aggregate.function {
    case .sum, .avg:
      var sum: Int64 = 0
      if let mask {
        for i in 0..<count { sum &+= Int64(truncatingIfNeeded: values[i]) & (0 &- Int64(mask[i])) }
      } else {
        for i in 0..<count { sum &+= Int64(truncatingIfNeeded: values[i]) }
      }
      state.addSum(Int128(sum), count: passed)
    default: addExtreme(values, count, mask, &state) { .int(Int64(truncatingIfNeeded: $0)) }
    }
  }

  @inline(__always)
  private static func addWide(
    _ values: UnsafePointer<Int64>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ passed: Int,
    _ state: inout AggregateState
  ) {
    switch state.aggregate.function {
    case .sum, .avg:
      var sum: Int128 = 0
      for i in 0..<count where mask?[i] ?? 1 != 0 { sum += Int128(values[i]) }
      state.addSum(sum, count: passed)
    default: addExtreme(values, count, mask, &state) { .int($0) }
    }
  }

  /// The sum of a block is rounded, but blocks are the same whatever the number of threads. Eight chains, so that an
  /// addition does not wait for the one before; what does not count is added as zero.
  private static func addDoubles(
    _ values: UnsafePointer<Double>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ passed: Int,
    _ state: inout AggregateState
  ) {
    switch state.aggregate.function {
    case .sum, .avg:
      var (a, b, c, d) = (SIMD2<Double>(), SIMD2<Double>(), SIMD2<Double>(), SIMD2<Double>())
      var i = 0
      @inline(__always)
      func pair(_ at: Int) -> SIMD2<Double> {
        let value = UnsafeRawPointer(values + at).loadUnaligned(as: SIMD2<Double>.self)
        guard let mask else { return value }
        let flags = SIMD2<UInt64>(0 &- UInt64(mask[at]), 0 &- UInt64(mask[at &+ 1]))
        return unsafeBitCast(unsafeBitCast(value, to: SIMD2<UInt64>.self) & flags, to: SIMD2<Double>.self)
      }
      while i &+ 8 <= count {
        a += pair(i)
        b += pair(i &+ 2)
        c += pair(i &+ 4)
        d += pair(i &+ 6)
        i &+= 8
      }
      while i < count {
        a[0] += mask.map { kept(values[i], $0[i]) } ?? values[i]
        i &+= 1
      }
      state.addSum(((a + b) + (c + d)).sum(), count: passed)
    default: addExtreme(values, count, mask, &state) { .double($0) }
    }
  }

  @inline(__always)
  private static func kept(_ value: Double, _ flag: UInt8) -> Double {
    Double(bitPattern: value.bitPattern & (0 &- UInt64(flag)))
  }

  @inline(__always)
  private static func addExtreme<T: Comparable>(
    _ values: UnsafePointer<T>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ state: inout AggregateState,
    _ value: (T) -> Value
  ) {
    var first = 0
    if let mask { while first < count, mask[first] == 0 { first &+= 1 } }
    if first >= count { return }
    var best = values[first]
    let wantsLess = state.aggregate.function == .min
    for i in first..<count where mask == nil || mask.unsafelyUnwrapped[i] != 0 {
      if wantsLess ? values[i] < best : values[i] > best { best = values[i] }
    }
    state.addExtreme(value(best))
  }
}

extension SourceScan {
  /// Adds the rows of a piece that pass to aggregates over columns, without making batches of them.
  ///
  /// - Precondition: the rows are ranges, and no condition needs a node.
  func aggregate(
    _ index: Int, _ columns: [ColumnAggregate], _ scratch: inout Scratch, into states: inout [AggregateState]
  ) throws(QueryError) {
    var flags = scratch.flags
    scratch.flags = []
    if flags.count < ColumnTest.blockRows { flags = Array(repeating: 0, count: ColumnTest.blockRows) }
    defer { scratch.flags = flags }
    for column in columns where column.columnIndex >= 0 { try table.verifyDictionary(column.columnIndex) }
    try forEachBlock(index, &scratch) { (block, mask) throws(QueryError) in
      let passed = ColumnAggregate.count(block.count, mask)
      if passed == 0 { return }
      for (i, column) in columns.enumerated()
      where column.mayChange(states[i], block: block.lowerBound / ColumnTest.blockRows) {
        if column.columnIndex >= 0 { try table.verify(column.columnIndex, rows: block) }
        flags.withUnsafeMutableBufferPointer {
          column.add(block, mask, passed: passed, $0.baseAddress!, to: &states[i])
        }
      }
    }
  }

  /// Calls `body` with the blocks of a piece that hold rows that pass: with a flag for each row where only some do.
  ///
  /// - Precondition: the rows are ranges, and no condition needs a node.
  func forEachBlock(
    _ index: Int, _ scratch: inout Scratch,
    _ body: (Range<Int>, UnsafePointer<UInt8>?) throws(QueryError) -> Void
  ) throws(QueryError) {
    guard case .ranges(let list) = rows else { preconditionFailure("a scan of ranges") }
    let morsel = morsels[index]
    var (entry, skip, left) = (morsel.first, morsel.skip, morsel.rowCount)
    while left > 0 {
      let range = list[entry]
      let part = range.lowerBound + skip..<min(range.upperBound, range.lowerBound + skip + left)
      try filter.forEachBlock(part, mask: &scratch.mask, body)
      left -= part.count
      entry += 1
      skip = 0
    }
  }
}
