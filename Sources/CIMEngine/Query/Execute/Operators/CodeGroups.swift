/// A key of GROUP BY whose values are so few, and so near to each other, that each has a place of its own: small
/// integers, days, codes of a dictionary, rows that a link names. NULL has the last place.
struct CodeKey: Sendable {
  private enum Source {
    case int8(FixedColumn<Int8>), int16(FixedColumn<Int16>), int32(FixedColumn<Int32>), int64(FixedColumn<Int64>)
    case uint8(FixedColumn<UInt8>), uint16(FixedColumn<UInt16>)
    case link(LinkColumn)
  }
  private enum Meaning {
    case int, bool, date
    case text(TextColumn)
    /// The column of ids of the table that is linked to.
    case link(Table, column: Int)
  }
  let table: Table
  let column: Int
  private let source: Source
  private let meaning: Meaning
  private let validity: Validity
  private let least: Int64
  /// How many values there may be; as many places and one for NULL.
  let valueCount: Int
  var placeCount: Int { valueCount + 1 }
  /// How far apart two neighbouring values lie when there are several keys.
  var stride = 1

  /// The key as one over a column of `table` at `source`; nil when it is none, or has too many values.
  init?(_ node: Node, source: Int, table: Table, limit: Int) throws(QueryError) {
    guard let node = node as? ColumnNode, node.source == source, node.table === table,
      table.computedGeometry[node.column] == nil
    else { return nil }
    let column = table.columns[node.column]
    if case .link = column {} else { try table.verifyDictionary(node.column) }
    var range: ClosedRange<Int64>?
    switch column {
    case .bool(let c): (self.source, meaning, range) = (.uint8(c), .bool, 0...1)
    case .int8(let c): (self.source, meaning, range) = (.int8(c), .int, CodeKey.range(c))
    case .int16(let c): (self.source, meaning, range) = (.int16(c), .int, CodeKey.range(c))
    case .int32(let c): (self.source, meaning, range) = (.int32(c), .int, CodeKey.range(c))
    case .int64(let c): (self.source, meaning, range) = (.int64(c), .int, CodeKey.range(c))
    case .date(let c): (self.source, meaning, range) = (.int32(c), .date, CodeKey.range(c))
    case .dictionary(let c):
      meaning = .text(c.dictionary)
      range = 0...Int64(max(1, c.dictionary.count) - 1)
      switch c.codes {
      case .bytes(let codes): self.source = .uint8(codes)
      case .words(let codes): self.source = .uint16(codes)
      }
    case .link(let c):
      guard let target = node.linkTarget, let id = target.idColumn, case .text = target.columns[id] else {
        return nil
      }
      meaning = .link(target, column: id)
      range = 0...Int64(max(1, target.rowCount) - 1)
      self.source = .link(c)
    case .double, .text, .timestamp, .list: return nil
    }
    guard let range, !range.upperBound.subtractingReportingOverflow(range.lowerBound).overflow,
      range.upperBound - range.lowerBound < Int64(limit)
    else { return nil }
    (self.table, self.column) = (table, node.column)
    validity = column.validity ?? Validity(words: nil)
    least = range.lowerBound
    valueCount = Int(range.upperBound - range.lowerBound) + 1
  }

  /// From the least to the greatest value, as the blocks say.
  private static func range<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ column: FixedColumn<T>
  ) -> ClosedRange<Int64> {
    var (low, high) = (Int64.max, Int64.min)
    for block in 0..<column.blockCount where column.hasValues(inBlock: block) {
      low = min(low, Int64(column.blockMinimums[block]))
      high = max(high, Int64(column.blockMaximums[block]))
    }
    return low <= high ? low...high : 0...0
  }

  func verify(rows: Range<Int>) throws(QueryError) {
    if case .link = source { try table.verifyLink(column, rows: rows) } else { try table.verify(column, rows: rows) }
  }

  /// Writes, or adds, the place of each row of a block.
  func addPlaces(_ rows: Range<Int>, _ places: UnsafeMutablePointer<Int32>, isFirst: Bool) {
    switch source {
    case .int8(let c): add(c.values + rows.lowerBound, rows, places, isFirst)
    case .int16(let c): add(c.values + rows.lowerBound, rows, places, isFirst)
    case .int32(let c): add(c.values + rows.lowerBound, rows, places, isFirst)
    case .int64(let c): addWide(c.values + rows.lowerBound, rows, places, isFirst)
    case .uint8(let c): add(c.values + rows.lowerBound, rows, places, isFirst)
    case .uint16(let c): add(c.values + rows.lowerBound, rows, places, isFirst)
    case .link(let c):
      let (values, none) = (c.rows + rows.lowerBound, UInt32(truncatingIfNeeded: valueCount))
      let stride = Int32(truncatingIfNeeded: stride)
      for i in 0..<rows.count {
        let place = Int32(bitPattern: min(values[i], none)) &* stride
        places[i] = isFirst ? place : places[i] &+ place
      }
    }
  }

  /// What lies outside the range that the blocks state counts as NULL: nothing may be written elsewhere.
  @inline(__always)
  private func add<T: FixedWidthInteger>(
    _ values: UnsafePointer<T>, _ rows: Range<Int>, _ places: UnsafeMutablePointer<Int32>, _ isFirst: Bool
  ) {
    let none = UInt32(truncatingIfNeeded: valueCount)
    let least = Int32(truncatingIfNeeded: least)
    let stride = Int32(truncatingIfNeeded: stride)
    if isFirst {
      for i in 0..<rows.count {
        let code = UInt32(bitPattern: Int32(truncatingIfNeeded: values[i]) &- least)
        places[i] = Int32(bitPattern: min(code, none)) &* stride
      }
    } else {
      for i in 0..<rows.count {
        let code = UInt32(bitPattern: Int32(truncatingIfNeeded: values[i]) &- least)
        places[i] &+= Int32(bitPattern: min(code, none)) &* stride
      }
    }
    moveNulls(rows, places) { UInt32(bitPattern: Int32(truncatingIfNeeded: values[$0]) &- least) }
  }

  private func addWide(
    _ values: UnsafePointer<Int64>, _ rows: Range<Int>, _ places: UnsafeMutablePointer<Int32>, _ isFirst: Bool
  ) {
    let none = UInt64(valueCount)
    let stride = Int32(truncatingIfNeeded: stride)
    for i in 0..<rows.count {
      let code = min(UInt64(bitPattern: values[i] &- least), none)
      let place = Int32(truncatingIfNeeded: code) &* stride
      places[i] = isFirst ? place : places[i] &+ place
    }
    moveNulls(rows, places) { UInt32(truncatingIfNeeded: min(UInt64(bitPattern: values[$0] &- least), none)) }
  }

  /// NULL rows hold some value; their place is the last.
  @inline(__always)
  private func moveNulls(
    _ rows: Range<Int>, _ places: UnsafeMutablePointer<Int32>, _ code: (Int) -> UInt32
  ) {
    guard let words = validity.words else { return }
    let none = UInt32(truncatingIfNeeded: valueCount)
    var row = rows.lowerBound
    while row < rows.upperBound {
      let end = min(rows.upperBound, (row >> 6 + 1) << 6)
      let word = words[row >> 6]
      if word != .max {
        for r in row..<end where word >> UInt64(r & 63) & 1 == 0 {
          let i = r - rows.lowerBound
          places[i] &+= Int32(bitPattern: none &- min(code(i), none)) &* Int32(truncatingIfNeeded: stride)
        }
      }
      row = end
    }
  }

  /// The values at some places of all keys together.
  func column(_ places: [Int32]) throws(QueryError) -> TableBuilder.Filling {
    let codes = places.map { Int($0) / stride % placeCount }
    let valid = codes.contains(valueCount) ? codes.map { $0 < valueCount } : nil
    func value(_ code: Int) -> Int64 { code < valueCount ? least + Int64(code) : 0 }
    switch meaning {
    case .int: return .vector(Vector(.int(codes.map(value)), validity: valid))
    case .bool: return .vector(Vector(.bool(codes.map { $0 == 1 }), validity: valid))
    case .date:
      return .vector(Vector(.date(codes.map { Int32(truncatingIfNeeded: value($0)) }), validity: valid))
    case .text(let texts): return .text(texts, rows: codes.map { $0 < valueCount ? UInt32($0) : Tuples.none })
    case .link(let target, let id):
      let rows = codes.map { $0 < target.rowCount ? UInt32($0) : Tuples.none }
      return .rows(target, column: id, rows)
    }
  }
}

/// Groups of one worker by keys of few values: a place of a flat table for each combination.
final class CodeGroups: @unchecked Sendable {
  private let keys: [CodeKey]
  /// Few places are kept several times, and neighbouring rows added to different ones, as an addition does not have to wait
  /// for the one before then. Copy c begins at `c << copyShift`.
  private let copies: Int
  private let copyShift: Int
  /// Rows by place; the last place takes those that do not pass.
  private var rowCounts: [Int64]
  private var tallies: [Tally]
  /// The least row of each group, where it gives the group its shape.
  private var shapeRows: [UInt32]
  private let nowhere: Int32
  private var places = [Int32](repeating: 0, count: 2 * ColumnTest.blockRows)

  /// Tables beyond this are not worth clearing and looking through.
  static let mostPlaces = 4_194_304

  /// Keys with places for all their combinations; nil when there are too many, or a key is no column.
  static func keys(_ nodes: [Node], source: Int, table: Table) throws(QueryError) -> [CodeKey]? {
    let limit = min(mostPlaces, max(65_536, table.rowCount))
    var keys: [CodeKey] = []
    var product = 1
    for node in nodes {
      guard let key = try CodeKey(node, source: source, table: table, limit: limit) else { return nil }
      product *= key.placeCount
      if product > limit { return nil }
      keys.append(key)
    }
    // The first key decides first, so that places lie in the order of the keys.
    var stride = 1
    for k in keys.indices.reversed() {
      keys[k].stride = stride
      stride *= keys[k].placeCount
    }
    return keys.isEmpty ? nil : keys
  }

  static func placeCount(_ keys: [CodeKey]) -> Int { keys.reduce(1) { $0 * $1.placeCount } }

  private static func copies(_ places: Int) -> Int { places <= 512 ? 4 : places <= 2_048 ? 2 : 1 }

  init(_ keys: [CodeKey], _ aggregates: [BoundAggregate], _ columns: [ColumnAggregate], hasShapes: Bool) {
    self.keys = keys
    let places = CodeGroups.placeCount(keys)
    copies = CodeGroups.copies(places)
    copyShift = copies == 1 ? 0 : Int.bitWidth - (places - 1).leadingZeroBitCount
    let count = copies == 1 ? places + 1 : copies << copyShift + 1
    rowCounts = Array(repeating: 0, count: count)
    tallies = CodeGroups.tallies(aggregates, columns, places: count, takesRows: true)
    shapeRows = hasShapes ? Array(repeating: Tuples.none, count: count) : []
    nowhere = Int32(truncatingIfNeeded: count - 1)
  }

  /// Only aggregates that the number of rows does not answer.
  static func tallies(
    _ aggregates: [BoundAggregate], _ columns: [ColumnAggregate], places: Int, takesRows: Bool
  ) -> [Tally] {
    var result: [Tally] = []
    for (aggregate, column) in zip(aggregates, columns) where !column.countsRows(aggregate) {
      result.append(Tally(aggregate, column, places: places, takesRows: takesRows))
    }
    return result
  }

  /// Adds the rows of a block that pass.
  func add(_ rows: Range<Int>, _ mask: UnsafePointer<UInt8>?) throws(QueryError) {
    for key in keys { try key.verify(rows: rows) }
    for tally in tallies where tally.columnIndex >= 0 { try keys[0].table.verify(tally.columnIndex, rows: rows) }
    places.withUnsafeMutableBufferPointer { buffer in
      let places = buffer.baseAddress!
      for (k, key) in keys.enumerated() { key.addPlaces(rows, places, isFirst: k == 0) }
      if copies > 1 {
        let (last, shift) = (Int32(truncatingIfNeeded: copies - 1), Int32(truncatingIfNeeded: copyShift))
        for i in 0..<rows.count { places[i] &+= (Int32(truncatingIfNeeded: i) & last) &<< shift }
      }
      if let mask {
        // All bits where a row passes, none where it does not.
        for i in 0..<rows.count {
          let keep = 0 &- Int32(mask[i])
          places[i] = places[i] & keep | nowhere & ~keep
        }
      }
      rowCounts.withUnsafeMutableBufferPointer { counts in
        let counts = counts.baseAddress!
        for i in 0..<rows.count { counts[Int(places[i])] &+= 1 }
      }
      for t in tallies.indices { tallies[t].add(rows, places, places + ColumnTest.blockRows) }
      if shapeRows.isEmpty { return }
      shapeRows.withUnsafeMutableBufferPointer { shapes in
        for i in 0..<rows.count {
          let (place, row) = (Int(places[i]), UInt32(truncatingIfNeeded: rows.lowerBound &+ i))
          if row < shapes[place] { shapes[place] = row }
        }
      }
    }
  }

  /// Adds the groups of another worker.
  func merge(_ other: CodeGroups, token: CancellationToken) throws(QueryError) {
    var used: [Int32] = []
    for place in 0..<rowCounts.count - 1 where other.rowCounts[place] > 0 {
      if used.count & 0xFFFF == 0 { try token.check() }
      used.append(Int32(truncatingIfNeeded: place))
      rowCounts[place] += other.rowCounts[place]
      if !shapeRows.isEmpty { shapeRows[place] = min(shapeRows[place], other.shapeRows[place]) }
    }
    for t in tallies.indices {
      try token.check()
      tallies[t].merge(other.tallies[t], used)
    }
  }

  /// Adds all copies to the first.
  private func fold() {
    if copies == 1 { return }
    let places = 0..<CodeGroups.placeCount(keys)
    for copy in 1..<copies {
      let start = copy << copyShift
      for place in places {
        rowCounts[place] += rowCounts[start + place]
        rowCounts[start + place] = 0
        if !shapeRows.isEmpty { shapeRows[place] = min(shapeRows[place], shapeRows[start + place]) }
      }
      let from = places.map { UInt32(truncatingIfNeeded: start + $0) }
      for t in tallies.indices { tallies[t].add(tallies[t], from, to: places.map { Int32(truncatingIfNeeded: $0) }) }
    }
  }

  /// How many rows passed.
  var passed: Int { rowCounts.dropLast().reduce(0) { $0 + Int($1) } }

  /// The groups that have rows put together by keys that follow from theirs.
  func groups(
    _ aggregates: [BoundAggregate], _ columns: [ColumnAggregate], by derived: DerivedKeys
  ) throws(QueryError) -> GroupColumns {
    fold()
    var found: [Int32] = []
    for place in 0..<CodeGroups.placeCount(keys) where rowCounts[place] > 0 {
      found.append(Int32(truncatingIfNeeded: place))
    }
    var keyColumns: [TableBuilder.Filling] = []
    for key in keys { keyColumns.append(try key.column(found)) }
    let vectors = try derived.values(keyColumns, count: found.count)
    var numbering = KeyNumbering()
    var scratch: [UInt8] = []
    // By group: its first place, rows and shape; by place: its group.
    var (firsts, counts, shapes, groups): ([Int32], [Int64], [UInt32], [Int32]) = ([], [], [], [])
    for (i, place) in found.enumerated() {
      scratch.removeAll(keepingCapacity: true)
      for vector in vectors { vector.appendKey(i, to: &scratch) }
      let group = scratch.withUnsafeBytes { numbering.insert($0) }
      if group == firsts.count {
        firsts.append(Int32(truncatingIfNeeded: i))
        counts.append(0)
        shapes.append(Tuples.none)
      }
      counts[group] += rowCounts[Int(place)]
      if !shapeRows.isEmpty { shapes[group] = min(shapes[group], shapeRows[Int(place)]) }
      groups.append(Int32(truncatingIfNeeded: group))
    }
    var result = GroupColumns(count: firsts.count)
    for vector in vectors {
      var values = vector.selecting(firsts)
      // -0 is 0.
      if case .double(let numbers) = values.storage {
        values = Vector(.double(numbers.map { $0 + 0 }), validity: values.validity)
      }
      result.keys.append(.vector(values))
    }
    let from = found.map { UInt32(bitPattern: $0) }
    var next = 0
    for (aggregate, column) in zip(aggregates, columns) {
      if column.countsRows(aggregate) {
        result.aggregates.append(Vector(.int(counts)))
        continue
      }
      var tally = Tally(aggregate, column, places: firsts.count, takesRows: false)
      tally.add(tallies[next], from, to: groups)
      result.aggregates.append(try tally.results(nil, rowCounts: counts))
      next += 1
    }
    if !shapeRows.isEmpty { result.shapes = shapes }
    return result
  }

  /// The groups that have rows, in the order of their keys (links in that of the rows they name).
  func groups(_ aggregates: [BoundAggregate], _ columns: [ColumnAggregate]) throws(QueryError) -> GroupColumns {
    fold()
    var found: [Int32] = []
    for place in 0..<CodeGroups.placeCount(keys) where rowCounts[place] > 0 {
      found.append(Int32(truncatingIfNeeded: place))
    }
    var result = GroupColumns(count: found.count)
    for key in keys { result.keys.append(try key.column(found)) }
    let counts = picked(rowCounts, found)
    var next = 0
    for (aggregate, column) in zip(aggregates, columns) {
      if column.countsRows(aggregate) {
        result.aggregates.append(Vector(.int(counts)))
      } else {
        result.aggregates.append(try tallies[next].results(found, rowCounts: counts))
        next += 1
      }
    }
    if !shapeRows.isEmpty { result.shapes = picked(shapeRows, found) }
    return result
  }
}
