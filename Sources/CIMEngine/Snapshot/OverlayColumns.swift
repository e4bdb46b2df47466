/// Makes the columns of a layer with edits.
struct OverlayColumns {
  private let base: Segment
  private let placement: RowPlacement
  private let edits: LayerEdits
  private let memory: PrivateMemory
  private let patched: PatchedRows
  private var count: Int { placement.rowCount }

  init(
    _ base: Segment, _ placement: RowPlacement, _ edits: LayerEdits, _ memory: PrivateMemory, _ patched: PatchedRows
  ) {
    self.base = base
    self.placement = placement
    self.edits = edits
    self.memory = memory
    self.patched = patched
  }

  func column(_ index: Int) throws -> SegmentColumn? {
    let stored = base.storedColumn(index)
    guard let view = stored.view else { return nil }
    if placement.rows.isEmpty, count == base.rowCount { return view }
    let values = try placement.rows.map { _, content -> Value in
      switch content {
      case .edited(let i): edits.rows[i].values[index]
      case .moved(let old): try base.value(index, old)
      }
    }
    for range in stored.small { try base.file.check(range) }
    let validity = try makeValidity(stored, values)
    switch view {
    case .bool(let c):
      return .bool(
        try fixed(c, stored, values, validity) { if case .bool(let flag) = $0 { flag ? 1 : 0 } else { nil } })
    case .double(let c):
      return .double(try fixed(c, stored, values, validity) { $0.number })
    case .date(let c):
      return .date(try fixed(c, stored, values, validity) { if case .date(let day) = $0 { day } else { nil } })
    case .timestamp(let c):
      return .timestamp(
        try fixed(c, stored, values, validity) { if case .timestamp(let instant) = $0 { instant } else { nil } })
    case .int8, .int16, .int32, .int64: return try integers(view, index, stored, values, validity)
    case .text(let c): return .text(texts(c, values, validity))
    case .list(let c): return .list(texts(c, values, validity))
    case .dictionary(let c): return .dictionary(try codes(c, index, stored, values, validity))
    case .link: return nil
    }
  }

  // MARK: NULLs

  private struct Flags {
    var words: UnsafePointer<UInt64>?
    var validity: Validity { Validity(words: words) }
  }

  private func makeValidity(_ stored: StoredColumn, _ values: [Value]) throws(SnapshotDamage) -> Flags {
    let wordCount = (count + 63) / 64
    let words: UnsafeMutablePointer<UInt64>
    if let old = stored.validity {
      try base.file.check(old.bytes)
      words = try memory.copy(base.file, offset: old.offset, count: old.count, newCount: wordCount, of: UInt64.self)
    } else {
      if !values.contains(where: \.isNull) { return Flags(words: nil) }
      words = try memory.zeros(wordCount, of: UInt64.self)
      for i in 0..<wordCount { words[i] = .max }
    }
    for (i, value) in values.enumerated() {
      let row = placement.rows[i].row
      if value.isNull { words[row >> 6] &= ~(1 << UInt64(row & 63)) } else { words[row >> 6] |= 1 << UInt64(row & 63) }
    }
    return Flags(words: UnsafePointer(words))
  }

  /// NULLs in each block, counted anew where rows changed.
  private func nulls(
    _ old: UnsafePointer<UInt16>?, _ flags: Flags, blockRows: Int, changed: Set<Int>
  ) -> UnsafePointer<UInt16>? {
    guard flags.words != nil else { return nil }
    let blocks = (count + blockRows - 1) / blockRows
    let oldBlocks = (base.rowCount + blockRows - 1) / blockRows
    var result = [UInt16](repeating: 0, count: max(1, blocks))
    for block in 0..<blocks {
      if block < oldBlocks, !changed.contains(block) {
        result[block] = old?[block] ?? 0
        continue
      }
      var found = 0
      for row in block * blockRows..<min(count, (block + 1) * blockRows) where !flags.validity[row] { found += 1 }
      result[block] = UInt16(found)
    }
    return memory.owned.copy(result)
  }

  // MARK: Values of fixed width

  private func fixed<T: BitwiseCopyable & Comparable & Sendable & ExpressibleByIntegerLiteral>(
    _ old: FixedColumn<T>, _ stored: StoredColumn, _ values: [Value], _ flags: Flags, _ convert: (Value) -> T?
  ) throws(SnapshotDamage) -> FixedColumn<T> {
    let memory = try self.memory.copy(
      base.file, offset: stored.values, count: base.rowCount, newCount: count, of: T.self)
    return patch(old, memory, values, flags, convert)
  }

  /// Writes the changed rows; least and greatest values of blocks only grow, which is all that is asked of them.
  private func patch<T: BitwiseCopyable & Comparable & Sendable & ExpressibleByIntegerLiteral>(
    _ old: FixedColumn<T>, _ target: UnsafeMutablePointer<T>, _ values: [Value], _ flags: Flags,
    _ convert: (Value) -> T?
  ) -> FixedColumn<T> {
    let blockRows = FixedColumn<T>.blockRows
    let blocks = (count + blockRows - 1) / blockRows
    var minimums = (0..<max(1, blocks)).map { $0 < old.blockCount ? old.blockMinimums[$0] : 0 }
    var maximums = (0..<max(1, blocks)).map { $0 < old.blockCount ? old.blockMaximums[$0] : 0 }
    // A block without values so far has no least one.
    var hasValues = (0..<max(1, blocks)).map { $0 < old.blockCount && old.hasValues(inBlock: $0) }
    var changed: Set<Int> = []
    if base.rowCount > count, blocks > 0 { changed.insert(blocks - 1) }
    for (i, value) in values.enumerated() {
      let row = placement.rows[i].row
      let block = row / blockRows
      changed.insert(block)
      guard let new = convert(value) else {
        target[row] = 0
        continue
      }
      target[row] = new
      minimums[block] = hasValues[block] ? min(minimums[block], new) : new
      maximums[block] = hasValues[block] ? max(maximums[block], new) : new
      hasValues[block] = true
    }
    return FixedColumn(
      values: UnsafePointer(target), count: count, validity: flags.validity,
      blockMinimums: memory.owned.copy(minimums), blockMaximums: memory.owned.copy(maximums),
      blockNulls: nulls(old.blockNulls, flags, blockRows: blockRows, changed: changed))
  }

  private func integers(
    _ view: SegmentColumn, _ index: Int, _ stored: StoredColumn, _ values: [Value], _ flags: Flags
  ) throws(SnapshotDamage) -> SegmentColumn {
    var (low, high): (Int64, Int64) = (0, 0)
    for case .int(let number) in values { (low, high) = (min(low, number), max(high, number)) }
    func number<T: FixedWidthInteger>(_ value: Value) -> T? {
      if case .int(let number) = value { T(truncatingIfNeeded: number) } else { nil }
    }
    func fits<T: FixedWidthInteger>(_: T.Type) -> Bool { low >= Int64(T.min) && high <= Int64(T.max) }
    switch view {
    case .int8(let c) where fits(Int8.self): return .int8(try fixed(c, stored, values, flags, number))
    case .int16(let c) where fits(Int16.self): return .int16(try fixed(c, stored, values, flags, number))
    case .int32(let c) where fits(Int32.self): return .int32(try fixed(c, stored, values, flags, number))
    case .int64(let c): return .int64(try fixed(c, stored, values, flags, number))
    default: break
    }
    // A wider type for the whole column.
    switch try base.column(index) {
    case .int8(let c) where fits(Int16.self): return .int16(patch(try widened(c), values, flags, number))
    case .int8(let c) where fits(Int32.self): return .int32(patch(try widened(c), values, flags, number))
    case .int8(let c): return .int64(patch(try widened(c), values, flags, number))
    case .int16(let c) where fits(Int32.self): return .int32(patch(try widened(c), values, flags, number))
    case .int16(let c): return .int64(patch(try widened(c), values, flags, number))
    case .int32(let c): return .int64(patch(try widened(c), values, flags, number))
    case let other: return other
    }
  }

  private typealias Widened<T: BitwiseCopyable & Sendable> = (column: FixedColumn<T>, memory: UnsafeMutablePointer<T>)

  private func patch<T: BitwiseCopyable & Comparable & Sendable & ExpressibleByIntegerLiteral>(
    _ widened: Widened<T>, _ values: [Value], _ flags: Flags, _ convert: (Value) -> T?
  ) -> FixedColumn<T> {
    patch(widened.column, widened.memory, values, flags, convert)
  }

  private func widened<
    S: FixedWidthInteger & BitwiseCopyable & Sendable, T: FixedWidthInteger & BitwiseCopyable & Sendable
  >(
    _ old: FixedColumn<S>
  ) throws(SnapshotDamage) -> Widened<T> {
    let target = try memory.zeros(max(count, old.count), of: T.self)
    for row in 0..<min(count, old.count) { target[row] = T(old.values[row]) }
    let column = FixedColumn(
      values: UnsafePointer(target), count: old.count, validity: old.validity,
      blockMinimums: memory.owned.copy(
        (0..<max(1, old.blockCount)).map { $0 < old.blockCount ? T(old.blockMinimums[$0]) : 0 }),
      blockMaximums: memory.owned.copy(
        (0..<max(1, old.blockCount)).map { $0 < old.blockCount ? T(old.blockMaximums[$0]) : 0 }),
      blockNulls: old.blockNulls)
    return (column, target)
  }

  // MARK: Text

  private func texts(_ old: TextColumn, _ values: [Value], _ flags: Flags) -> TextColumn {
    var starts: [UInt64] = [0]
    var bytes: [UInt8] = []
    for value in values {
      if !value.isNull { bytes.append(contentsOf: value.plainText.utf8) }
      starts.append(UInt64(bytes.count))
    }
    return old.patched(
      TextPatches(rows: patched, starts: memory.owned.copy(starts), bytes: memory.owned.copy(bytes)), count: count,
      validity: flags.validity)
  }

  private func codes(
    _ old: DictionaryColumn, _ index: Int, _ stored: StoredColumn, _ values: [Value], _ flags: Flags
  ) throws -> DictionaryColumn {
    let strings = values.map { value -> String? in value.isNull ? nil : value.plainText }
    var codes: [UInt32] = []
    var fresh = Set<TextKey>()
    for string in strings {
      if let string {
        if let code = old.code(of: string) {
          codes.append(code)
        } else {
          fresh.insert(TextKey(string))
          codes.append(0)
        }
      } else {
        codes.append(0)
      }
    }
    if fresh.isEmpty {
      var next = 0
      func code<T: FixedWidthInteger>(_ value: Value) -> T? {
        defer { next += 1 }
        return value.isNull ? nil : T(codes[next])
      }
      let packed: DictionaryColumn.Codes =
        switch old.codes {
        case .bytes(let c): .bytes(try fixed(c, stored, values, flags, code))
        case .words(let c): .words(try fixed(c, stored, values, flags, code))
        }
      return DictionaryColumn(codes: packed, count: count, validity: flags.validity, dictionary: old.dictionary)
    }
    return try recoded(old, index, strings, fresh, values, flags)
  }

  /// New strings: a new dictionary, sorted as it has to be, and codes that follow it.
  private func recoded(
    _ old: DictionaryColumn, _ index: Int, _ strings: [String?], _ fresh: Set<TextKey>, _ values: [Value],
    _ flags: Flags
  ) throws -> DictionaryColumn {
    guard case .dictionary(let old) = try base.column(index) else { throw SegmentOverlay.NotPossible() }
    var all = (0..<old.dictionary.count).map { old.dictionary[$0] } + fresh.map(\.text)
    // An empty column has one string that no row holds.
    if base.rowCount == 0 { all = fresh.map(\.text) }
    all.sort { compareText($0, $1) < 0 }
    guard all.count <= 65_536 else { throw SegmentOverlay.NotPossible() }
    var codeOf: [TextKey: UInt32] = [:]
    for (i, text) in all.enumerated() { codeOf[TextKey(text)] = UInt32(i) }
    let table = (0..<old.dictionary.count).map { codeOf[TextKey(old.dictionary[$0])] ?? 0 }
    var offsets: [UInt64] = [0]
    var bytes: [UInt8] = []
    for text in all {
      bytes.append(contentsOf: text.utf8)
      offsets.append(UInt64(bytes.count))
    }
    let dictionary = TextColumn(
      narrow: nil, wide: memory.owned.copy(offsets), bytes: memory.owned.copy(bytes), count: all.count,
      validity: Validity(words: nil))
    let target = try memory.zeros(max(count, base.rowCount), of: UInt16.self)
    for row in 0..<min(count, base.rowCount) { target[row] = UInt16(table[Int(old.code(row))]) }
    // Codes of blocks keep their order, since the old strings keep theirs.
    let (least, greatest, nulls): (UnsafePointer<UInt16>, UnsafePointer<UInt16>, UnsafePointer<UInt16>?) =
      switch old.codes {
      case .bytes(let c): (mapped(c, c.blockMinimums, table), mapped(c, c.blockMaximums, table), c.blockNulls)
      case .words(let c): (mapped(c, c.blockMinimums, table), mapped(c, c.blockMaximums, table), c.blockNulls)
      }
    let column = FixedColumn(
      values: UnsafePointer(target), count: base.rowCount, validity: old.validity, blockMinimums: least,
      blockMaximums: greatest, blockNulls: nulls)
    var next = 0
    let packed = patch(column, target, values, flags) { _ -> UInt16? in
      defer { next += 1 }
      return strings[next].map { UInt16(codeOf[TextKey($0)]!) }
    }
    return DictionaryColumn(codes: .words(packed), count: count, validity: flags.validity, dictionary: dictionary)
  }

  private func mapped<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ column: FixedColumn<T>, _ codes: UnsafePointer<T>, _ table: [UInt32]
  ) -> UnsafePointer<UInt16> {
    memory.owned.copy(
      (0..<max(1, column.blockCount)).map { block -> UInt16 in
        guard block < column.blockCount, Int(codes[block]) < table.count else { return 0 }
        return UInt16(table[Int(codes[block])])
      })
  }
}
