internal import Glibc
internal import SpatialIndex

/// Conditions on single columns of the scanned table, tested straight on mapped memory, block by block.
///
/// A block whose least and greatest values rule the condition out is not read; one where they guarantee it is taken whole.
final class ScanFilter: @unchecked Sendable {
  let tests: [ScanTest]
  let table: Table

  init(table: Table, tests: [ScanTest]) {
    self.table = table
    self.tests = tests
  }

  /// Appends the rows of `range` that pass all tests to `rows`, in order.
  func select(_ range: Range<Int>, into rows: inout [UInt32], mask: inout [UInt8]) throws(QueryError) {
    var start = range.lowerBound
    while start < range.upperBound {
      let blockEnd = (start / ColumnTest.blockRows + 1) * ColumnTest.blockRows
      let end = min(range.upperBound, blockEnd)
      try selectBlock(start..<end, into: &rows, &mask)
      start = end
    }
  }

  /// Whether one row passes all tests.
  func passes(_ row: Int, _ mask: inout [UInt8]) throws(QueryError) -> Bool {
    for test in tests {
      try table.verify(test.column, rows: row..<row + 1)
      mask.withUnsafeMutableBufferPointer { test.test.apply(row..<row + 1, to: $0.baseAddress!, isFirst: true) }
      if mask[0] == 0 { return false }
    }
    return true
  }

  /// How many rows of `range` pass all tests.
  func count(_ range: Range<Int>, mask: inout [UInt8]) throws(QueryError) -> Int {
    var total = 0
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(range.upperBound, (start / ColumnTest.blockRows + 1) * ColumnTest.blockRows)
      switch try fill(start..<end, &mask) {
      case .none: break
      case .all: total += end - start
      case .some:
        var sum = 0
        mask.withUnsafeBufferPointer { mask in
          for i in 0..<end - start { sum &+= Int(mask[i]) }
        }
        total += sum
      }
      start = end
    }
    return total
  }

  /// Calls `body` with the rows of `range`, block by block: with a flag for each where only some pass, nil where all do.
  func forEachBlock(
    _ range: Range<Int>, mask: inout [UInt8],
    _ body: (Range<Int>, UnsafePointer<UInt8>?) throws(QueryError) -> Void
  ) throws(QueryError) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(range.upperBound, (start / ColumnTest.blockRows + 1) * ColumnTest.blockRows)
      switch try fill(start..<end, &mask) {
      case .none: break
      case .all: try body(start..<end, nil)
      case .some:
        let result: Result<Void, QueryError> = mask.withUnsafeBufferPointer { mask in
          do throws(QueryError) { return .success(try body(start..<end, mask.baseAddress!)) } catch {
            return .failure(error)
          }
        }
        try result.get()
      }
      start = end
    }
  }

  private func selectBlock(_ range: Range<Int>, into rows: inout [UInt32], _ mask: inout [UInt8]) throws(QueryError) {
    switch try fill(range, &mask) {
    case .none: return
    case .all: rows.append(contentsOf: UInt32(range.lowerBound)..<UInt32(range.upperBound))
    case .some:
      let room = rows.count + range.count
      if rows.capacity < room { rows.reserveCapacity(max(room, 2 * rows.capacity)) }
      let first = UInt32(range.lowerBound)
      let picked = [UInt32](unsafeUninitializedCapacity: range.count) { out, count in
        var n = 0
        mask.withUnsafeBufferPointer { mask in
          for i in 0..<range.count {
            out.initializeElement(at: n, to: first &+ UInt32(truncatingIfNeeded: i))
            n &+= Int(mask[i])
          }
        }
        count = n
      }
      rows.append(contentsOf: picked)
    }
  }

  /// Fills `mask` for rows within one block, unless all or none pass.
  private func fill(_ range: Range<Int>, _ mask: inout [UInt8]) throws(QueryError) -> BlockAnswer {
    var answer = BlockAnswer.all
    var open: [Int] = []
    for i in tests.indices {
      switch tests[i].test.answer(block: range.lowerBound / ColumnTest.blockRows) {
      case .none: return .none
      case .all: break
      case .some:
        answer = .some
        open.append(i)
      }
    }
    if answer == .all { return .all }
    for i in open { try table.verify(tests[i].column, rows: range) }
    if mask.count < ColumnTest.blockRows { mask = Array(repeating: 0, count: ColumnTest.blockRows) }
    mask.withUnsafeMutableBufferPointer { mask in
      for (position, i) in open.enumerated() {
        tests[i].test.apply(range, to: mask.baseAddress!, isFirst: position == 0)
      }
    }
    return .some
  }
}

enum BlockAnswer { case none, some, all }

/// A test and the column of the table that it reads.
struct ScanTest: Sendable {
  let column: Int
  let test: ColumnTest
}

/// One condition on one column: what a row's mask byte is multiplied with.
enum ColumnTest: @unchecked Sendable {
  static let blockRows = 4096

  /// low <= value <= high; `isNegated` turns it around (NULLs pass neither way).
  case int8(FixedColumn<Int8>, Int8, Int8, isNegated: Bool)
  case int16(FixedColumn<Int16>, Int16, Int16, isNegated: Bool)
  case int32(FixedColumn<Int32>, Int32, Int32, isNegated: Bool)
  case int64(FixedColumn<Int64>, Int64, Int64, isNegated: Bool)
  case bool(FixedColumn<UInt8>, UInt8, UInt8, isNegated: Bool)
  case double(FixedColumn<Double>, Double, Double, isNegated: Bool)
  /// Accepted codes, one flag each; the last flag is for NULL.
  case bytes(FixedColumn<UInt8>, Validity, [UInt8])
  case words(FixedColumn<UInt16>, Validity, [UInt8])
  case validity(Validity, wantsNull: Bool)
  /// Compared by bytes with a text.
  case text(TextColumn, Comparison, [UInt8])
  /// Nothing passes.
  case never

  func answer(block: Int) -> BlockAnswer {
    switch self {
    case .int8(let c, let low, let high, let negated): ColumnTest.answer(c, block, low, high, negated)
    case .int16(let c, let low, let high, let negated): ColumnTest.answer(c, block, low, high, negated)
    case .int32(let c, let low, let high, let negated): ColumnTest.answer(c, block, low, high, negated)
    case .int64(let c, let low, let high, let negated): ColumnTest.answer(c, block, low, high, negated)
    case .bool(let c, let low, let high, let negated): ColumnTest.answer(c, block, low, high, negated)
    case .double(let c, let low, let high, let negated): ColumnTest.answer(c, block, low, high, negated)
    case .bytes, .words, .text: .some
    case .validity(let validity, let wantsNull): validity.words == nil ? (wantsNull ? .none : .all) : .some
    case .never: .none
    }
  }

  private static func answer<T: Comparable>(
    _ column: FixedColumn<T>, _ block: Int, _ low: T, _ high: T, _ negated: Bool
  ) -> BlockAnswer {
    if !column.hasValues(inBlock: block) { return .none }
    let (least, greatest) = (column.blockMinimums[block], column.blockMaximums[block])
    let isOut = greatest < low || least > high
    let isIn = least >= low && greatest <= high
    let noNulls = column.validity.words == nil || (column.blockNulls.map { $0[block] == 0 } ?? false)
    if negated ? isIn : isOut { return .none }
    if negated ? isOut : isIn { return noNulls ? .all : .some }
    return .some
  }

  func apply(_ range: Range<Int>, to mask: UnsafeMutablePointer<UInt8>, isFirst: Bool) {
    switch self {
    case .int8(let c, let low, let high, let negated): ColumnTest.apply(c, low, high, negated, range, mask, isFirst)
    case .int16(let c, let low, let high, let negated): ColumnTest.apply(c, low, high, negated, range, mask, isFirst)
    case .int32(let c, let low, let high, let negated): ColumnTest.apply(c, low, high, negated, range, mask, isFirst)
    case .int64(let c, let low, let high, let negated): ColumnTest.apply(c, low, high, negated, range, mask, isFirst)
    case .bool(let c, let low, let high, let negated): ColumnTest.apply(c, low, high, negated, range, mask, isFirst)
    case .double(let c, let low, let high, let negated): ColumnTest.apply(c, low, high, negated, range, mask, isFirst)
    case .bytes(let c, let validity, let flags): ColumnTest.look(c.values, validity, flags, range, mask, isFirst)
    case .words(let c, let validity, let flags): ColumnTest.look(c.values, validity, flags, range, mask, isFirst)
    case .validity(let validity, let wantsNull):
      for i in 0..<range.count {
        let pass: UInt8 = validity[range.lowerBound + i] != wantsNull ? 1 : 0
        mask[i] = isFirst ? pass : mask[i] & pass
      }
    case .text(let c, let comparison, let text): ColumnTest.compare(c, comparison, text, range, mask, isFirst)
    case .never: for i in 0..<range.count { mask[i] = 0 }
    }
  }

  @inline(__always)
  private static func apply<T: Comparable>(
    _ column: FixedColumn<T>, _ low: T, _ high: T, _ negated: Bool, _ range: Range<Int>,
    _ mask: UnsafeMutablePointer<UInt8>, _ isFirst: Bool
  ) {
    let values = column.values + range.lowerBound
    let flip: UInt8 = negated ? 1 : 0
    // What all values of the block are known to be is not compared.
    let block = range.lowerBound / blockRows
    let isAbove = column.blockMinimums[block] >= low
    let isBelow = column.blockMaximums[block] <= high
    if isBelow {
      fill(range.count, mask, isFirst) { (values[$0] >= low ? 1 : 0) ^ flip }
    } else if isAbove {
      fill(range.count, mask, isFirst) { (values[$0] <= high ? 1 : 0) ^ flip }
    } else {
      fill(range.count, mask, isFirst) { ((values[$0] >= low ? 1 : 0) & (values[$0] <= high ? 1 : 0)) ^ flip }
    }
    clearNulls(column.validity, range, mask)
  }

  @inline(__always)
  private static func fill(
    _ count: Int, _ mask: UnsafeMutablePointer<UInt8>, _ isFirst: Bool, _ flag: (Int) -> UInt8
  ) {
    if isFirst {
      for i in 0..<count { mask[i] = flag(i) }
    } else {
      for i in 0..<count { mask[i] &= flag(i) }
    }
  }

  @inline(__always)
  private static func look<T: FixedWidthInteger>(
    _ codes: UnsafePointer<T>, _ validity: Validity, _ flags: [UInt8], _ range: Range<Int>,
    _ mask: UnsafeMutablePointer<UInt8>, _ isFirst: Bool
  ) {
    let codes = codes + range.lowerBound
    let null = flags[flags.count - 1]
    flags.withUnsafeBufferPointer { flags in
      guard let words = validity.words else {
        if isFirst {
          for i in 0..<range.count { mask[i] = flags[Int(codes[i])] }
        } else {
          for i in 0..<range.count { mask[i] &= flags[Int(codes[i])] }
        }
        return
      }
      for i in 0..<range.count {
        let row = range.lowerBound + i
        let pass = words[row >> 6] >> UInt64(row & 63) & 1 != 0 ? flags[Int(codes[i])] : null
        mask[i] = isFirst ? pass : mask[i] & pass
      }
    }
  }

  private static func compare(
    _ column: TextColumn, _ comparison: Comparison, _ text: [UInt8], _ range: Range<Int>,
    _ mask: UnsafeMutablePointer<UInt8>, _ isFirst: Bool
  ) {
    text.withUnsafeBufferPointer { text in
      if comparison == .equal || comparison == .notEqual {
        let flip: UInt8 = comparison == .notEqual ? 1 : 0
        fill(range.count, mask, isFirst) { i in
          let row = range.lowerBound &+ i
          if let offsets = column.narrow, column.patches == nil {
            let start = Int(offsets[row])
            guard Int(offsets[row &+ 1]) &- start == text.count else { return flip }
            return (text.isEmpty || memcmp(column.bytes + start, text.baseAddress!, text.count) == 0 ? 1 : 0) ^ flip
          }
          return (equalBytes(column.utf8(row), text) ? 1 : 0) ^ flip
        }
      } else {
        fill(range.count, mask, isFirst) { i in
          comparison.holds(compareBytes(column.utf8(range.lowerBound &+ i), text)) ? 1 : 0
        }
      }
    }
    clearNulls(column.validity, range, mask)
  }

  /// Takes NULL rows out; words without NULLs cost one comparison.
  @inline(__always)
  static func clearNulls(_ validity: Validity, _ range: Range<Int>, _ mask: UnsafeMutablePointer<UInt8>) {
    guard let words = validity.words else { return }
    var row = range.lowerBound
    while row < range.upperBound {
      let end = min(range.upperBound, (row >> 6 + 1) << 6)
      let word = words[row >> 6]
      if word != .max {
        for r in row..<end { mask[r - range.lowerBound] &= UInt8(truncatingIfNeeded: word >> UInt64(r & 63) & 1) }
      }
      row = end
    }
  }
}

// MARK: From expressions

extension ColumnTest {
  /// The test that a condition on the rows of `source` comes to, or nil when it is no such simple condition.
  static func make(
    _ e: BoundExpression, source: Int, relation: Relation, compiler: Compiler
  ) throws(QueryError) -> ColumnTest? {
    let table = relation.table
    if let only = e.onlyColumn, only.source == source, !only.isPath {
      let index = relation.column(only.column)
      if case .dictionary(let column) = table.columns[index], column.dictionary.count <= max(256, table.rowCount) {
        guard let results = try compiler.dictionaryResults(e, column, name: table.columnNames[index]) else {
          return nil
        }
        let flags = Truth.from(results).map { $0 == Truth.yes ? 1 as UInt8 : 0 }
        switch column.codes {
        case .bytes(let codes): return .bytes(codes, column.validity, flags)
        case .words(let codes): return .words(codes, column.validity, flags)
        }
      }
    }
    switch e.kind {
    case .compare(let comparison, let a, let b):
      if case .column(source, let column) = a.kind, let value = try compiler.constantValue(b) {
        return compare(comparison, table.columns[relation.column(column)], value)
      }
      if case .column(source, let column) = b.kind, let value = try compiler.constantValue(a) {
        return compare(comparison.mirrored, table.columns[relation.column(column)], value)
      }
      // An integer column that the binder widened to compare it with a decimal number.
      if case .convert(let inner) = a.kind, a.type == .double, inner.type == .int,
        case .column(source, let column) = inner.kind, let value = try compiler.constantValue(b)
      {
        return compare(comparison, table.columns[relation.column(column)], value)
      }
      return nil
    case .isNull(let a):
      guard case .column(source, let column) = a.kind else { return nil }
      return table.columns[relation.column(column)].validity.map { .validity($0, wantsNull: true) }
    case .not(let inner):
      if case .isNull(let a) = inner.kind, case .column(source, let column) = a.kind {
        return table.columns[relation.column(column)].validity.map { .validity($0, wantsNull: false) }
      }
      if case .column(source, let column) = inner.kind, case .bool(let c) = table.columns[relation.column(column)] {
        return .bool(c, 0, 0, isNegated: false)
      }
      return nil
    case .column(source, let column):
      if case .bool(let c) = table.columns[relation.column(column)] { return .bool(c, 1, 1, isNegated: false) }
      return nil
    default: return nil
    }
  }

  private static func compare(_ comparison: Comparison, _ column: SegmentColumn, _ value: Value) -> ColumnTest? {
    switch column {
    case .int8(let c): return integer(comparison, value) { .int8(c, $0, $1, isNegated: $2) }
    case .int16(let c): return integer(comparison, value) { .int16(c, $0, $1, isNegated: $2) }
    case .int32(let c): return integer(comparison, value) { .int32(c, $0, $1, isNegated: $2) }
    case .int64(let c): return integer(comparison, value) { .int64(c, $0, $1, isNegated: $2) }
    case .date(let c):
      guard case .date(let day) = value else { return nil }
      return integer(comparison, .int(Int64(day))) { .int32(c, $0, $1, isNegated: $2) }
    case .timestamp(let c):
      switch value {
      case .timestamp(let instant): return integer(comparison, .int(instant)) { .int64(c, $0, $1, isNegated: $2) }
      case .date(let day):
        return integer(comparison, .int(Calendar.midnight(day))) { .int64(c, $0, $1, isNegated: $2) }
      default: return nil
      }
    case .bool(let c):
      guard case .bool(let flag) = value else { return nil }
      return integer(comparison, .int(flag ? 1 : 0)) { .bool(c, $0, $1, isNegated: $2) }
    case .double(let c):
      guard let number = value.number, !number.isNaN else { return value.isNull ? .never : nil }
      switch comparison {
      case .equal: return .double(c, number, number, isNegated: false)
      case .notEqual: return .double(c, number, number, isNegated: true)
      case .less: return .double(c, -.infinity, number.nextDown, isNegated: false)
      case .lessOrEqual: return .double(c, -.infinity, number, isNegated: false)
      case .greater: return .double(c, number.nextUp, .infinity, isNegated: false)
      case .greaterOrEqual: return .double(c, number, .infinity, isNegated: false)
      }
    case .text(let c):
      if value.isNull { return .never }
      guard case .text(let text) = value else { return nil }
      return .text(c, comparison, Array(text.utf8))
    default: return nil
    }
  }

  /// The range of integers of type `T` for which the comparison holds.
  private static func integer<T: FixedWidthInteger>(
    _ comparison: Comparison, _ value: Value, _ make: (T, T, Bool) -> ColumnTest
  ) -> ColumnTest? {
    let low: Int64
    let high: Int64
    switch value {
    case .null: return .never
    case .int(let number): (low, high) = (number, number)
    case .double(let number):
      if number.isNaN { return nil }
      // Integers on both sides of the number; equal when it is whole.
      if number >= 0x1p63 {
        return comparison == .less || comparison == .lessOrEqual || comparison == .notEqual
          ? make(.min, .max, false) : .never
      }
      if number < -0x1p63 {
        return comparison == .greater || comparison == .greaterOrEqual || comparison == .notEqual
          ? make(.min, .max, false) : .never
      }
      (low, high) = (Int64(number.rounded(.up).clampedToInt64), Int64(number.rounded(.down).clampedToInt64))
    default: return nil
    }
    let isWhole = low == high
    switch comparison {
    case .equal: return isWhole ? range(low, low, make) : .never
    case .notEqual:
      guard isWhole, T(exactly: low) != nil else { return make(.min, .max, false) }
      return make(T(truncatingIfNeeded: low), T(truncatingIfNeeded: low), true)
    // x < 3.5 is x <= 3, which is `high`; x < 3 is x <= 2.
    case .less: return isWhole ? (low == .min ? .never : range(.min, low - 1, make)) : range(.min, high, make)
    case .lessOrEqual: return range(.min, high, make)
    case .greater: return isWhole ? (low == .max ? .never : range(low + 1, .max, make)) : range(low, .max, make)
    case .greaterOrEqual: return range(low, .max, make)
    }
  }

  private static func range<T: FixedWidthInteger>(
    _ low: Int64, _ high: Int64, _ make: (T, T, Bool) -> ColumnTest
  ) -> ColumnTest {
    if high < low || low > Int64(clamping: T.max) || high < Int64(clamping: T.min) { return .never }
    return make(T(clamping: low), T(clamping: high), false)
  }
}

extension Double {
  fileprivate var clampedToInt64: Double { Swift.max(-0x1p63, Swift.min(self, 0x1.fffffffffffffp62)) }
}

extension SegmentColumn {
  /// The validity bits; nil for a link, whose rows say it themselves.
  var validity: Validity? {
    switch self {
    case .bool(let c): c.validity
    case .int8(let c): c.validity
    case .int16(let c): c.validity
    case .int32(let c): c.validity
    case .int64(let c): c.validity
    case .double(let c): c.validity
    case .date(let c): c.validity
    case .timestamp(let c): c.validity
    case .text(let c): c.validity
    case .dictionary(let c): c.validity
    case .list(let c): c.validity
    case .link: nil
    }
  }
}
