internal import Glibc

/// A key of GROUP BY in the memory of a table: rows are compared and hashed where their values lie, without the values
/// being made. NULL is a value like any other; -0 and 0 are the same.
struct RowKey: @unchecked Sendable {
  private enum Storage {
    case text(offsets: UnsafePointer<UInt32>, bytes: UnsafePointer<UInt8>)
    /// With rows edited since the layer was packed, or more than 4 GiB.
    case scatteredText(TextColumn)
    case one(UnsafePointer<UInt8>), two(UnsafePointer<UInt16>), four(UnsafePointer<UInt32>)
    case eight(UnsafePointer<UInt64>)
    case double(UnsafePointer<Double>)
  }
  let table: Table
  let column: Int
  private let storage: Storage
  /// nil: no row is NULL.
  private let valid: UnsafePointer<UInt64>?
  private let isLink: Bool
  /// Of a link: the table that it leads to.
  private let target: Table?

  /// The key as one over a column of `table` at `source`; nil when it is none.
  init?(_ node: Node, source: Int, table: Table) {
    guard let node = node as? ColumnNode, node.source == source, node.table === table,
      table.computedGeometry[node.column] == nil
    else { return nil }
    switch table.columns[node.column] {
    case .text(let c):
      if let offsets = c.narrow, c.patches == nil {
        storage = .text(offsets: offsets, bytes: c.bytes)
      } else {
        storage = .scatteredText(c)
      }
    case .bool(let c): storage = .one(c.values)
    case .int8(let c): storage = .one(RowKey.bits(c.values))
    case .int16(let c): storage = .two(RowKey.bits(c.values))
    case .int32(let c): storage = .four(RowKey.bits(c.values))
    case .int64(let c): storage = .eight(RowKey.bits(c.values))
    case .date(let c): storage = .four(RowKey.bits(c.values))
    case .timestamp(let c): storage = .eight(RowKey.bits(c.values))
    case .double(let c): storage = .double(c.values)
    case .dictionary(let c):
      switch c.codes {
      case .bytes(let codes): storage = .one(codes.values)
      case .words(let codes): storage = .two(codes.values)
      }
    case .link(let c):
      guard let id = node.linkTarget?.idColumn, case .text = node.linkTarget?.columns[id] else { return nil }
      storage = .four(c.rows)
    case .list: return nil
    }
    (self.table, column, target) = (table, node.column, node.linkTarget)
    if case .link = table.columns[node.column] { isLink = true } else { isLink = false }
    valid = table.columns[node.column].validity?.words
  }

  private static func bits<T, U>(_ values: UnsafePointer<T>) -> UnsafePointer<U> {
    UnsafeRawPointer(values).assumingMemoryBound(to: U.self)
  }

  func verify(rows: Range<Int>) throws(QueryError) {
    if isLink { try table.verifyLink(column, rows: rows) } else { try table.verify(column, rows: rows) }
  }

  // MARK: One row and another

  func isNull(_ row: Int) -> Bool {
    if case .link(let link) = table.columns[column] { return link.rows[row] == LinkColumn.none }
    return !isValid(row)
  }

  func isSame(_ a: Int, _ b: Int) -> Bool {
    switch storage {
    case .text(let offsets, let bytes):
      let (x, y) = (Int(offsets[a]), Int(offsets[b]))
      let (m, n) = (Int(offsets[a &+ 1]) &- x, Int(offsets[b &+ 1]) &- y)
      guard m == n else { return false }
      if m == 0 { return isValid(a) == isValid(b) }
      return memcmp(bytes + x, bytes + y, m) == 0
    case .scatteredText(let c):
      let (x, y) = (c.utf8(a), c.utf8(b))
      guard x.count == y.count else { return false }
      if x.count == 0 { return isValid(a) == isValid(b) }
      return memcmp(x.baseAddress!, y.baseAddress!, x.count) == 0
    case .one(let values): return isSame(values, a, b)
    case .two(let values): return isSame(values, a, b)
    case .four(let values): return isSame(values, a, b)
    case .eight(let values): return isSame(values, a, b)
    case .double(let values): return isSame(values, a, b)
    }
  }

  @inline(__always)
  private func isSame<T: Equatable>(_ values: UnsafePointer<T>, _ a: Int, _ b: Int) -> Bool {
    if valid == nil { return values[a] == values[b] }
    let (x, y) = (isValid(a), isValid(b))
    return x && y ? values[a] == values[b] : x == y
  }

  @inline(__always)
  private func isValid(_ row: Int) -> Bool {
    guard let valid else { return true }
    return valid[row >> 6] >> UInt64(row & 63) & 1 != 0
  }

  // MARK: Many rows

  /// Sets the flags of rows that differ from the one before them in `rows`; the first is compared with `last`, and flagged
  /// without one.
  func markChanges(_ rows: UnsafePointer<UInt32>, _ count: Int, last: UInt32?, _ flags: UnsafeMutablePointer<UInt8>) {
    if count == 0 { return }
    if let last { if !isSame(Int(last), Int(rows[0])) { flags[0] = 1 } } else { flags[0] = 1 }
    switch storage {
    case .text(let offsets, let bytes): markTexts(offsets, bytes, rows, count, flags)
    case .scatteredText: for i in 1..<count where !isSame(Int(rows[i &- 1]), Int(rows[i])) { flags[i] = 1 }
    case .one(let values): mark(values, rows, count, flags)
    case .two(let values): mark(values, rows, count, flags)
    case .four(let values): mark(values, rows, count, flags)
    case .eight(let values): mark(values, rows, count, flags)
    case .double(let values): mark(values, rows, count, flags)
    }
  }

  @inline(__always)
  private func mark<T: Equatable>(
    _ values: UnsafePointer<T>, _ rows: UnsafePointer<UInt32>, _ count: Int, _ flags: UnsafeMutablePointer<UInt8>
  ) {
    guard valid != nil else {
      var last = values[Int(rows[0])]
      for i in 1..<count {
        let value = values[Int(rows[i])]
        flags[i] |= value == last ? 0 : 1
        last = value
      }
      return
    }
    for i in 1..<count where !isSame(values, Int(rows[i &- 1]), Int(rows[i])) { flags[i] = 1 }
  }

  /// Texts of up to 16 bytes are two words and a length.
  private func markTexts(
    _ offsets: UnsafePointer<UInt32>, _ bytes: UnsafePointer<UInt8>, _ rows: UnsafePointer<UInt32>, _ count: Int,
    _ flags: UnsafeMutablePointer<UInt8>
  ) {
    var lastStart = bytes
    var last = TextWords(empty: isValid(Int(rows[0])))
    func words(_ row: Int) -> (UnsafePointer<UInt8>, TextWords) {
      let start = Int(offsets[row])
      let length = Int(offsets[row &+ 1]) &- start
      if length == 0 { return (bytes + start, TextWords(empty: isValid(row))) }
      return (bytes + start, TextWords(bytes + start, length))
    }
    (lastStart, last) = words(Int(rows[0]))
    for i in 1..<count {
      let (start, text) = words(Int(rows[i]))
      var differs = text.differs(from: last)
      if text.length > 16, !differs { differs = memcmp(start, lastStart, text.length) != 0 }
      flags[i] |= differs ? 1 : 0
      (lastStart, last) = (start, text)
    }
  }

  /// Mixes the values of rows into their hashes.
  func mix(_ rows: UnsafePointer<UInt32>, _ count: Int, into hashes: UnsafeMutablePointer<UInt64>) {
    switch storage {
    case .text(let offsets, let bytes):
      for i in 0..<count {
        let row = Int(rows[i])
        let start = Int(offsets[row])
        let length = Int(offsets[row &+ 1]) &- start
        hashes[i] = mixed(hashes[i], bytes + start, length, row)
      }
    case .scatteredText(let c):
      for i in 0..<count {
        let text = c.utf8(Int(rows[i]))
        hashes[i] = text.baseAddress.map { mixed(hashes[i], $0, text.count, Int(rows[i])) } ?? hashes[i]
      }
    case .one(let values): mix(rows, count, hashes) { UInt64(values[$0]) }
    case .two(let values): mix(rows, count, hashes) { UInt64(values[$0]) }
    case .four(let values): mix(rows, count, hashes) { UInt64(values[$0]) }
    case .eight(let values): mix(rows, count, hashes) { values[$0] }
    // -0 and 0 are equal.
    case .double(let values): mix(rows, count, hashes) { (values[$0] + 0).bitPattern }
    }
  }

  @inline(__always)
  private func mix(
    _ rows: UnsafePointer<UInt32>, _ count: Int, _ hashes: UnsafeMutablePointer<UInt64>, _ value: (Int) -> UInt64
  ) {
    for i in 0..<count {
      let row = Int(rows[i])
      hashes[i] = RowKey.mixed(hashes[i], isValid(row) ? value(row) : 0x1B87_3593_CC9E_2D51)
    }
  }

  @inline(__always)
  private func mixed(_ hash: UInt64, _ start: UnsafePointer<UInt8>, _ length: Int, _ row: Int) -> UInt64 {
    if length == 0 { return RowKey.mixed(hash, isValid(row) ? 0 : 0x1B87_3593_CC9E_2D51) }
    var state = hash
    if length > 16 {
      let bytes = UnsafeRawPointer(start)
      var at = 8
      while at &+ 8 < length {
        state = RowKey.mixed(state, bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        at &+= 8
      }
    }
    let words = TextWords(start, length)
    return RowKey.mixed(RowKey.mixed(state, words.first), words.last ^ UInt64(truncatingIfNeeded: length))
  }

  /// Multiplication in the manner of wyhash.
  @inline(__always)
  private static func mixed(_ hash: UInt64, _ value: UInt64) -> UInt64 {
    let product = (hash ^ value ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return product.high ^ product.low
  }

  // MARK: Values

  /// The values at some rows, as a column of a table of groups.
  func column(_ rows: [UInt32]) throws(QueryError) -> TableBuilder.Filling {
    switch table.columns[column] {
    case .text: return .rows(table, column: column, rows)
    case .link(let link):
      guard let target, let id = target.idColumn else { return .vector(Vector(.null(count: rows.count))) }
      let targets = rows.map { link.rows[Int($0)] < target.rowCount ? link.rows[Int($0)] : Tuples.none }
      return .rows(target, column: id, targets)
    case .double(let c):
      return .vector(gatherFixed(c, rows, false) { $0 + 0 }.vector(Vector.Storage.double))
    default:
      return .vector(try table.gather(column: column, rows: rows, mayBeNone: false) { _ throws(QueryError) in table })
    }
  }
}

/// A text's length, its first eight bytes and its last eight, which say all of one of at most 16 bytes. Nothing beyond the
/// text is read.
private struct TextWords {
  let length: Int
  let first: UInt64
  let last: UInt64

  /// - Precondition: `length` is above 0.
  @inline(__always)
  init(_ start: UnsafePointer<UInt8>, _ length: Int) {
    let bytes = UnsafeRawPointer(start)
    self.length = length
    if length >= 8 {
      first = bytes.loadUnaligned(as: UInt64.self)
      last = bytes.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
    } else if length >= 4 {
      first = UInt64(bytes.loadUnaligned(as: UInt32.self))
      last = UInt64(bytes.loadUnaligned(fromByteOffset: length &- 4, as: UInt32.self))
    } else {
      first = UInt64(start[0]) | UInt64(start[length >> 1]) << 8
      last = UInt64(start[length &- 1])
    }
  }

  /// The empty text, which is not NULL.
  @inline(__always)
  init(empty isValid: Bool) { (length, first, last) = (0, isValid ? 0 : 1, 0) }

  @inline(__always)
  func differs(from other: TextWords) -> Bool {
    (first ^ other.first) | (last ^ other.last) | UInt64(truncatingIfNeeded: length ^ other.length) != 0
  }
}
