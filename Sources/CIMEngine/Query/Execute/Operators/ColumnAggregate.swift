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

  /// Adds rows of one block.
  ///
  /// - Parameters:
  ///   - mask: 1 for each row that counts; nil for all.
  ///   - scratch: room for as many flags.
  func add(
    _ range: Range<Int>, _ mask: UnsafePointer<UInt8>?, _ scratch: UnsafeMutablePointer<UInt8>,
    to state: inout AggregateState
  ) {
    guard let column else { return state.addCount(ColumnAggregate.count(range.count, mask)) }
    var mask = mask
    if let validity = column.validity, validity.words != nil {
      for i in 0..<range.count { scratch[i] = mask?[i] ?? 1 }
      ColumnTest.clearNulls(validity, range, scratch)
      mask = UnsafePointer(scratch)
    }
    if state.aggregate.function == .count { return state.addCount(ColumnAggregate.count(range.count, mask)) }
    switch column {
    case .int8(let c): ColumnAggregate.addNarrow(c.values + range.lowerBound, range.count, mask, &state)
    case .int16(let c): ColumnAggregate.addNarrow(c.values + range.lowerBound, range.count, mask, &state)
    case .int32(let c): ColumnAggregate.addNarrow(c.values + range.lowerBound, range.count, mask, &state)
    case .int64(let c): ColumnAggregate.addWide(c.values + range.lowerBound, range.count, mask, &state)
    case .double(let c): ColumnAggregate.addDoubles(c.values + range.lowerBound, range.count, mask, &state)
    default: preconditionFailure("only columns of numbers are aggregated in place")
    }
  }

  static func count(_ count: Int, _ mask: UnsafePointer<UInt8>?) -> Int {
    guard let mask else { return count }
    var total = 0
    for i in 0..<count { total &+= Int(mask[i]) }
    return total
  }

  /// At most 4,096 values of 32 bits: their sum fits 64.
  @inline(__always)
  private static func addNarrow<T: FixedWidthInteger & SignedInteger>(
    _ values: UnsafePointer<T>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ state: inout AggregateState
  ) {
    switch state.aggregate.function {
    case .sum, .avg:
      var sum: Int64 = 0
      if let mask {
        for i in 0..<count { sum &+= Int64(truncatingIfNeeded: values[i]) & (0 &- Int64(mask[i])) }
      } else {
        for i in 0..<count { sum &+= Int64(truncatingIfNeeded: values[i]) }
      }
      state.addSum(Int128(sum), count: ColumnAggregate.count(count, mask))
    default: addExtreme(values, count, mask, &state) { .int(Int64(truncatingIfNeeded: $0)) }
    }
  }

  @inline(__always)
  private static func addWide(
    _ values: UnsafePointer<Int64>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ state: inout AggregateState
  ) {
    switch state.aggregate.function {
    case .sum, .avg:
      var sum: Int128 = 0
      for i in 0..<count where mask?[i] ?? 1 != 0 { sum += Int128(values[i]) }
      state.addSum(sum, count: ColumnAggregate.count(count, mask))
    default: addExtreme(values, count, mask, &state) { .int($0) }
    }
  }

  /// The sum of a block is rounded, but blocks are the same whatever the number of threads. Four chains, so that an
  /// addition does not wait for the one before; what does not count is added as zero.
  private static func addDoubles(
    _ values: UnsafePointer<Double>, _ count: Int, _ mask: UnsafePointer<UInt8>?, _ state: inout AggregateState
  ) {
    switch state.aggregate.function {
    case .sum, .avg:
      var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
      var i = 0
      if let mask {
        while i &+ 4 <= count {
          a += kept(values[i], mask[i])
          b += kept(values[i &+ 1], mask[i &+ 1])
          c += kept(values[i &+ 2], mask[i &+ 2])
          d += kept(values[i &+ 3], mask[i &+ 3])
          i &+= 4
        }
        while i < count {
          a += kept(values[i], mask[i])
          i &+= 1
        }
      } else {
        while i &+ 4 <= count {
          a += values[i]
          b += values[i &+ 1]
          c += values[i &+ 2]
          d += values[i &+ 3]
          i &+= 4
        }
        while i < count {
          a += values[i]
          i &+= 1
        }
      }
      state.addSum((a + b) + (c + d), count: ColumnAggregate.count(count, mask))
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
    try forEachBlock(index, &scratch) { (block, mask) throws(QueryError) in
      for (i, column) in columns.enumerated() {
        if column.columnIndex >= 0 { try table.verify(column.columnIndex, rows: block) }
        flags.withUnsafeMutableBufferPointer { column.add(block, mask, $0.baseAddress!, to: &states[i]) }
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
