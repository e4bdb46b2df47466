internal import SpatialIndex

/// How a column lies in its segment.
enum ColumnEncoding: UInt8 {
  case bool = 1, int8, int16, int32, int64, double, date, timestamp, text, dictionary8, dictionary16, list
  /// Nothing but the link, which lies in the link table beside the segment.
  case link
}

/// What distinguishes segments from link tables inside the container.
enum DirectoryKind: UInt8 {
  case segment = 1, links
}

/// Writes the sections and the directory of one segment.
struct SegmentWriter {
  let file: BlockFileWriter
  let builder: SegmentBuilder
  let order: RowOrder
  var directory = SnapshotBytes()

  private var rowCount: Int { builder.rowCount }

  /// A number that two segments share only when they hold the same rows in the same order: link tables are made against
  /// it.
  static func orderID(_ builder: SegmentBuilder, _ order: RowOrder) -> UInt64 {
    var state = SteadyHash.mix(UInt64(builder.rowCount))
    for row in 0..<builder.rowCount {
      state = SteadyHash.mix(state ^ UInt64(bitPattern: builder.fids[order.source(row)]))
    }
    return state
  }

  static func write(
    _ builder: SegmentBuilder, order: RowOrder, orderID: UInt64, indexed: Set<Int>, to path: String
  ) throws(StoreError) -> FileDigest {
    var writer = SegmentWriter(file: try BlockFileWriter(path: path), builder: builder, order: order)
    var layer = builder.layer
    layer.rowCount = builder.rowCount
    writer.directory.put(DirectoryKind.segment.rawValue)
    writer.directory.put(UInt64(builder.rowCount))
    writer.directory.put(UInt64(order.placedCount))
    writer.directory.put(orderID)
    layer.write(to: &writer.directory)
    try writer.writeFids()
    for column in builder.columns { try writer.writeColumn(column) }
    try writer.writeTextIndexes(indexed)
    try writer.writeGeometry()
    return try writer.file.finish(directory: writer.directory.bytes)
  }

  private mutating func put(_ place: SectionPlace) { place.write(to: &directory) }

  // MARK: Row numbers

  private mutating func writeFids() throws(StoreError) {
    let fids = builder.fids
    let wide = fids.width > 4
    directory.put(wide)
    let order = order
    if wide {
      put(
        try file.section(of: Int64.self, count: rowCount) { range, out in
          for (i, row) in range.enumerated() { out[i] = fids[order.source(row)] }
        })
    } else {
      put(
        try file.section(of: Int32.self, count: rowCount) { range, out in
          for (i, row) in range.enumerated() { out[i] = Int32(truncatingIfNeeded: fids[order.source(row)]) }
        })
    }
    // Dense fids: a table from fid to row. Otherwise the fids in order with their rows.
    let (span, overflow) = fids.maximum.subtractingReportingOverflow(fids.minimum)
    let isDense = rowCount > 0 && !overflow && span < Int64(4 * rowCount + 1024)
    directory.put(isDense)
    if isDense {
      let first = fids.minimum
      var rows = [UInt32](repeating: LinkColumn.none, count: Int(span) + 1)
      for row in 0..<rowCount { rows[Int(fids[order.source(row)] - first)] = UInt32(row) }
      directory.put(first)
      directory.put(UInt64(rows.count))
      put(try file.section(rows))
    } else {
      var entries = (0..<rowCount).map { (fid: fids[order.source($0)], row: UInt32($0)) }
      entries.sort { $0.fid < $1.fid }
      put(try file.section(entries.map(\.fid)))
      put(try file.section(entries.map(\.row)))
    }
  }

  // MARK: Columns

  private mutating func writeColumn(_ column: ColumnAccumulator) throws(StoreError) {
    var statistics = ColumnStatistics(nullCount: column.nullCount, distinctCount: column.distinctEstimate)
    switch column.store {
    case .integers where column.isFidLink:
      directory.put(ColumnEncoding.link.rawValue)
    case .integers(let integers):
      try writeIntegers(column, integers)
      if !integers.isEmptyOfValues {
        func value(_ number: Int64) -> Value {
          switch column.column.type {
          case .bool: .bool(number != 0)
          case .date: .date(Int32(truncatingIfNeeded: number))
          case .timestamp: .timestamp(number)
          default: .int(number)
          }
        }
        statistics.minimum = value(integers.minimum)
        statistics.maximum = value(integers.maximum)
      }
    case .doubles(let doubles):
      directory.put(ColumnEncoding.double.rawValue)
      try writeFixed(column, of: Double.self) { doubles[$0] }
      for i in 0..<column.count where column.isValid(i) {
        if let least = statistics.minimum.number, let greatest = statistics.maximum.number {
          if doubles[i] < least { statistics.minimum = .double(doubles[i]) }
          if doubles[i] > greatest { statistics.maximum = .double(doubles[i]) }
        } else {
          statistics.minimum = .double(doubles[i])
          statistics.maximum = .double(doubles[i])
        }
      }
    case .text(let text):
      try writeText(column, text, &statistics)
    }
    statistics.write(to: &directory)
  }

  private mutating func writeIntegers(_ column: ColumnAccumulator, _ integers: NarrowIntegers) throws(StoreError) {
    switch (column.column.type, integers.width) {
    case (.bool, _):
      directory.put(ColumnEncoding.bool.rawValue)
      try writeFixed(column, of: UInt8.self) { UInt8(truncatingIfNeeded: integers[$0]) }
    case (.date, _):
      directory.put(ColumnEncoding.date.rawValue)
      try writeFixed(column, of: Int32.self) { Int32(truncatingIfNeeded: integers[$0]) }
    case (.timestamp, _):
      directory.put(ColumnEncoding.timestamp.rawValue)
      try writeFixed(column, of: Int64.self) { integers[$0] }
    case (_, 1):
      directory.put(ColumnEncoding.int8.rawValue)
      try writeFixed(column, of: Int8.self) { Int8(truncatingIfNeeded: integers[$0]) }
    case (_, 2):
      directory.put(ColumnEncoding.int16.rawValue)
      try writeFixed(column, of: Int16.self) { Int16(truncatingIfNeeded: integers[$0]) }
    case (_, 4):
      directory.put(ColumnEncoding.int32.rawValue)
      try writeFixed(column, of: Int32.self) { Int32(truncatingIfNeeded: integers[$0]) }
    default:
      directory.put(ColumnEncoding.int64.rawValue)
      try writeFixed(column, of: Int64.self) { integers[$0] }
    }
  }

  /// Values, minimum and maximum of each block of rows; then validity with the number of NULLs of each block, if any.
  private mutating func writeFixed<T: BitwiseCopyable & Comparable & Sendable & ExpressibleByIntegerLiteral>(
    _ column: ColumnAccumulator, of type: T.Type, _ value: (Int) -> T
  ) throws(StoreError) {
    let order = order
    let blockRows = FixedColumn<T>.blockRows
    let blocks = (rowCount + blockRows - 1) / blockRows
    var minimums = [T](repeating: 0, count: blocks)
    var maximums = [T](repeating: 0, count: blocks)
    var hasValue = [Bool](repeating: false, count: blocks)
    put(
      try file.section(of: T.self, count: rowCount) { range, out in
        for (i, row) in range.enumerated() {
          let source = order.source(row)
          let own = value(source)
          out[i] = own
          guard column.isValid(source) else { continue }
          let block = row / blockRows
          if !hasValue[block] {
            hasValue[block] = true
            (minimums[block], maximums[block]) = (own, own)
          } else if own < minimums[block] {
            minimums[block] = own
          } else if own > maximums[block] {
            maximums[block] = own
          }
        }
      })
    put(try file.section(minimums))
    put(try file.section(maximums))
    try writeValidity(column, blockRows: blockRows)
  }

  private mutating func writeValidity(_ column: ColumnAccumulator, blockRows: Int) throws(StoreError) {
    directory.put(column.nullCount > 0)
    guard column.nullCount > 0 else { return }
    let (order, rowCount) = (order, rowCount)
    var nulls = [UInt16](repeating: 0, count: (rowCount + blockRows - 1) / blockRows)
    put(
      try file.section(of: UInt64.self, count: (rowCount + 63) / 64) { range, out in
        for (i, word) in range.enumerated() {
          var bits: UInt64 = 0
          for row in word * 64..<min(rowCount, word * 64 + 64) {
            if column.isValid(order.source(row)) {
              bits |= 1 << UInt64(row & 63)
            } else {
              nulls[row / blockRows] += 1
            }
          }
          out[i] = bits
        }
      })
    put(try file.section(nulls))
  }

  private mutating func writeText(
    _ column: ColumnAccumulator, _ text: TextAccumulator, _ statistics: inout ColumnStatistics
  ) throws(StoreError) {
    func shown(_ bytes: UnsafeBufferPointer<UInt8>) -> Value {
      bytes.count <= 256 ? .text(String(decoding: bytes, as: UTF8.self)) : .null
    }
    let isList = column.column.type == .list
    text.settle()
    let order = order
    guard let distinct = text.dictionaryCount, !isList else {
      directory.put((isList ? ColumnEncoding.list : .text).rawValue)
      try writeStrings(count: rowCount) { text[order.source($0)] }
      try writeValidity(column, blockRows: 4096)
      var (least, greatest): (Int?, Int?) = (nil, nil)
      for i in 0..<column.count where column.isValid(i) {
        if least == nil || precedes(text[i], text[least!]) { least = i }
        if greatest == nil || precedes(text[greatest!], text[i]) { greatest = i }
      }
      if let least, let greatest {
        statistics.minimum = shown(text[least])
        statistics.maximum = shown(text[greatest])
      }
      return
    }
    // Codes are given anew, in the order of the strings.
    let sorted = (0..<distinct).sorted { precedes(text.stored($0), text.stored($1)) }
    var codes = [Int](repeating: 0, count: max(1, distinct))
    for (code, old) in sorted.enumerated() { codes[old] = code }
    if let least = sorted.first, let greatest = sorted.last {
      statistics.minimum = shown(text.stored(least))
      statistics.maximum = shown(text.stored(greatest))
    }
    func code(_ source: Int) -> Int { column.isValid(source) ? codes[text.code(source)] : 0 }
    if distinct <= 256 {
      directory.put(ColumnEncoding.dictionary8.rawValue)
      directory.put(UInt32(max(1, distinct)))
      try writeFixed(column, of: UInt8.self) { UInt8(truncatingIfNeeded: code($0)) }
    } else {
      directory.put(ColumnEncoding.dictionary16.rawValue)
      directory.put(UInt32(distinct))
      try writeFixed(column, of: UInt16.self) { UInt16(truncatingIfNeeded: code($0)) }
    }
    try writeStrings(count: max(1, distinct)) {
      sorted.isEmpty ? UnsafeBufferPointer(start: nil, count: 0) : text.stored(sorted[$0])
    }
  }

  /// Offsets, then bytes.
  private mutating func writeStrings(
    count: Int, _ text: (Int) -> UnsafeBufferPointer<UInt8>
  ) throws(StoreError) {
    var total = 0
    for i in 0..<count { total += text(i).count }
    directory.put(UInt64(total))
    var (end, next) = (0, 0)
    if total <= Int(UInt32.max) {
      put(
        try file.section(of: UInt32.self, count: count + 1) { range, out in
          for (i, index) in range.enumerated() {
            if index > 0 { end += text(next).count; next += 1 }
            out[i] = UInt32(truncatingIfNeeded: end)
          }
        })
    } else {
      put(
        try file.section(of: UInt64.self, count: count + 1) { range, out in
          for (i, index) in range.enumerated() {
            if index > 0 { end += text(next).count; next += 1 }
            out[i] = UInt64(end)
          }
        })
    }
    put(try file.beginSection(byteCount: total))
    for i in 0..<count { try file.append(UnsafeRawBufferPointer(text(i))) }
  }

  // MARK: Indexes by text

  /// For each column in `indexed` the rows that are not NULL, sorted by string.
  private mutating func writeTextIndexes(_ indexed: Set<Int>) throws(StoreError) {
    let columns = indexed.sorted().filter { index in
      guard builder.columns.indices.contains(index), case .text = builder.columns[index].store else { return false }
      return builder.columns[index].column.type == .text
    }
    directory.put(UInt32(columns.count))
    let order = order
    for index in columns {
      let column = builder.columns[index]
      guard case .text(let text) = column.store else { continue }
      let rows = (0..<rowCount).lazy.filter { column.isValid(order.source($0)) }
      let sorted = TextOrder.sorted(rows, count: rowCount - column.nullCount) { text[order.source($0)] }
      directory.put(UInt32(index))
      directory.put(UInt64(sorted.count))
      put(try file.section(sorted))
    }
  }
}
