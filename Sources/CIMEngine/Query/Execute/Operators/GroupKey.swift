internal import Glibc

/// Numbers the values of one grouping key in the order in which they first come; NULL is a value like any other.
///
/// Text that lies in mapped memory is hashed where it lies and kept as the row it was first seen in; codes of a
/// dictionary and small integers are looked up in a table; everything else goes as bytes.
struct GroupKey {
  let node: Node
  private let texts: MappedText?
  private var textNumbering: TextNumbering?
  /// Numbers by row of the table that holds the texts, where many rows share one: a link, a joined source.
  private var byRow: [Int32] = []
  private var numbering = KeyNumbering()
  private var scratch: [UInt8] = []
  private var byCode: [Int32] = []
  private var codesOf: TextDictionary?
  private var small: [Int32] = []
  private static let smallRange: Range<Int64> = -256..<4096
  /// Tables up to this size get `byRow`.
  private static let fewRows = 2_000_000

  init(_ node: Node) {
    self.node = node
    texts = node.mappedText
    if let texts {
      textNumbering = TextNumbering(texts.values)
      if texts.isShared, texts.table.rowCount <= GroupKey.fewRows {
        byRow = Array(repeating: -1, count: texts.table.rowCount)
      }
    }
  }

  var count: Int { textNumbering?.count ?? numbering.count }
  var byteCount: Int {
    (textNumbering?.byteCount ?? numbering.byteCount) + 4 * (byRow.count + byCode.count + small.count)
  }

  /// The number of the value of each row.
  mutating func number(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    if let texts { return number(try texts.rows(tuples)) }
    let vector = try node.evaluate(tuples).vector(count: tuples.count)
    switch vector.storage {
    case .dictionary(let codes, let dictionary): return number(vector, codes, dictionary)
    case .int(let values): return number(vector, values)
    default:
      var result: [Int32] = []
      result.reserveCapacity(tuples.count)
      for row in 0..<tuples.count {
        scratch.removeAll(keepingCapacity: true)
        vector.appendKey(row, to: &scratch)
        result.append(insertScratch())
      }
      return result
    }
  }

  private mutating func insertScratch() -> Int32 {
    scratch.withUnsafeBytes { Int32(truncatingIfNeeded: numbering.insert($0)) }
  }

  /// By the row of the table that holds the text. A row often has the value of the one before.
  private mutating func number(_ rows: [UInt32]) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: rows.count) { out, count in
      var last = Tuples.none
      var lastNumber: Int32 = -1
      for i in rows.indices {
        let row = rows[i]
        if lastNumber < 0 || row != last {
          if row != Tuples.none, !byRow.isEmpty {
            if byRow[Int(row)] < 0 { byRow[Int(row)] = Int32(truncatingIfNeeded: textNumbering!.insert(row)) }
            lastNumber = byRow[Int(row)]
          } else if lastNumber < 0 || !textNumbering!.isSame(row, as: Int(lastNumber)) {
            lastNumber = Int32(truncatingIfNeeded: textNumbering!.insert(row))
          }
          last = row
        }
        out.initializeElement(at: i, to: lastNumber)
      }
      count = rows.count
    }
  }

  private mutating func number(_ vector: Vector, _ rows: [UInt32], _ dictionary: TextDictionary) -> [Int32] {
    if codesOf !== dictionary {
      codesOf = dictionary
      byCode = Array(repeating: -1, count: dictionary.strings.count + 1)
    }
    let null = dictionary.strings.count
    var result: [Int32] = []
    result.reserveCapacity(rows.count)
    for i in rows.indices {
      let code = vector.validity?[i] == false ? null : Int(rows[i])
      if byCode[code] < 0 {
        scratch.removeAll(keepingCapacity: true)
        KeyBytes.append(code == null ? .null : .text(dictionary.strings[code]), to: &scratch)
        byCode[code] = insertScratch()
      }
      result.append(byCode[code])
    }
    return result
  }

  private mutating func number(_ vector: Vector, _ values: [Int64]) -> [Int32] {
    let range = GroupKey.smallRange
    if small.isEmpty { small = Array(repeating: -1, count: range.count) }
    var result: [Int32] = []
    result.reserveCapacity(values.count)
    for i in values.indices {
      let isValid = vector.validity?[i] ?? true
      let value = values[i]
      let isSmall = isValid && value >= range.lowerBound && value < range.upperBound
      if isSmall, small[Int(value - range.lowerBound)] >= 0 {
        result.append(small[Int(value - range.lowerBound)])
        continue
      }
      scratch.removeAll(keepingCapacity: true)
      KeyBytes.append(isValid ? .int(value) : .null, to: &scratch)
      let number = insertScratch()
      if isSmall { small[Int(value - range.lowerBound)] = number }
      result.append(number)
    }
    return result
  }

  /// Takes in the values of another worker's key; gives the number here for each number there.
  mutating func merge(_ other: GroupKey, token: CancellationToken) throws(QueryError) -> [Int32] {
    var map: [Int32] = []
    map.reserveCapacity(other.count)
    if let theirs = other.textNumbering {
      for number in 0..<theirs.count {
        if number & 0xFFFF == 0 { try token.check() }
        map.append(Int32(truncatingIfNeeded: textNumbering!.insert(theirs.rows[number], hash: theirs.hashes[number])))
      }
    } else {
      try other.numbering.forEachKey { (number, key) throws(QueryError) in
        if number & 0xFFFF == 0 { try token.check() }
        map.append(Int32(truncatingIfNeeded: numbering.insert(key)))
      }
    }
    return map
  }

  /// The values of the numbers, as a column of a table.
  func column(
    _ numbers: [Int32]?, type: ColumnType?, token: CancellationToken
  ) throws(QueryError) -> TableBuilder.Filling {
    if let texts, let textNumbering {
      let rows = numbers.map { $0.map { textNumbering.rows[Int($0)] } } ?? textNumbering.rows
      return .rows(texts.table, column: texts.column, rows)
    }
    var values: [Value] = []
    try numbering.forEachKey { (number, bytes) throws(QueryError) in
      if number & 0xFFFF == 0 { try token.check() }
      var at = 0
      var value = KeyBytes.value(bytes, &at)
      // Keys write whole doubles as integers.
      if type == .double, case .int(let whole) = value { value = .double(Double(whole)) }
      values.append(value)
    }
    if let numbers { values = numbers.map { values[Int($0)] } }
    return .vector(Vector(values: values, type: type))
  }
}

/// Numbers texts of a mapped column by the bytes where they lie.
struct TextNumbering {
  let column: TextColumn
  private var slots: [UInt32] = Array(repeating: .max, count: 64)
  /// By number: the row that a text was first seen in, `Tuples.none` for NULL.
  private(set) var rows: [UInt32] = []
  private(set) var hashes: [UInt32] = []
  private var null: Int?

  init(_ column: TextColumn) { self.column = column }

  var count: Int { rows.count }
  var byteCount: Int { 4 * slots.count + 8 * rows.count }

  @inline(__always)
  private func isNull(_ row: UInt32) -> Bool { row == Tuples.none || !column.validity[Int(row)] }

  /// Whether a row holds the text with this number.
  @inline(__always)
  func isSame(_ row: UInt32, as number: Int) -> Bool {
    if isNull(row) { return number == null }
    return number != null && isEqual(row, rows[number])
  }

  @inline(__always)
  private func isEqual(_ a: UInt32, _ b: UInt32) -> Bool {
    let (x, y) = (column.utf8(Int(a)), column.utf8(Int(b)))
    return x.count == y.count && (x.count == 0 || memcmp(x.baseAddress!, y.baseAddress!, x.count) == 0)
  }

  /// The number of the text of a row, new or known.
  mutating func insert(_ row: UInt32) -> Int {
    if isNull(row) { return insertNull() }
    let hash = KeyNumbering.hash(UnsafeRawBufferPointer(column.utf8(Int(row))))
    return insert(row, hash: UInt32(truncatingIfNeeded: hash))
  }

  mutating func insert(_ row: UInt32, hash: UInt32) -> Int {
    if isNull(row) { return insertNull() }
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while slots[slot] != .max {
      let number = Int(slots[slot])
      if hashes[number] == hash, isEqual(row, rows[number]) { return number }
      slot = (slot + 1) & mask
    }
    let number = rows.count
    slots[slot] = UInt32(number)
    rows.append(row)
    hashes.append(hash)
    if 2 * rows.count > slots.count { grow() }
    return number
  }

  private mutating func insertNull() -> Int {
    if let null { return null }
    null = rows.count
    rows.append(Tuples.none)
    hashes.append(0)
    return rows.count - 1
  }

  private mutating func grow() {
    slots = Array(repeating: .max, count: 2 * slots.count)
    let mask = slots.count - 1
    for number in rows.indices where number != null {
      var slot = Int(hashes[number]) & mask
      while slots[slot] != .max { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number)
    }
  }
}

/// Numbers pairs of numbers, for keys of several columns.
struct PairNumbering {
  private var slots: [UInt32] = Array(repeating: .max, count: 64)
  private(set) var pairs: [UInt64] = []

  var count: Int { pairs.count }
  var byteCount: Int { 4 * slots.count + 8 * pairs.count }

  mutating func insert(_ a: Int32, _ b: Int32) -> Int32 {
    let pair = UInt64(UInt32(bitPattern: a)) << 32 | UInt64(UInt32(bitPattern: b))
    let mask = slots.count - 1
    var slot = PairNumbering.slot(pair, mask)
    while slots[slot] != .max {
      if pairs[Int(slots[slot])] == pair { return Int32(bitPattern: slots[slot]) }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(pairs.count)
    pairs.append(pair)
    if 2 * pairs.count > slots.count { grow() }
    return Int32(truncatingIfNeeded: pairs.count - 1)
  }

  /// The numbers that a pair was made of.
  func parts(_ number: Int) -> (Int32, Int32) {
    (Int32(truncatingIfNeeded: pairs[number] >> 32), Int32(truncatingIfNeeded: pairs[number]))
  }

  private mutating func grow() {
    slots = Array(repeating: .max, count: 2 * slots.count)
    let mask = slots.count - 1
    for (number, pair) in pairs.enumerated() {
      var slot = PairNumbering.slot(pair, mask)
      while slots[slot] != .max { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number)
    }
  }

  @inline(__always)
  private static func slot(_ pair: UInt64, _ mask: Int) -> Int {
    let product = pair.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return Int(truncatingIfNeeded: product.high ^ product.low) & mask
  }
}

/// Texts of a table as they lie in memory, and which row of it each row of a batch means.
struct MappedText {
  let table: Table
  let column: Int
  let values: TextColumn
  /// Whether several rows of a batch may mean the same row.
  let isShared: Bool
  private let follow: (Tuples) throws(QueryError) -> [UInt32]

  init?(
    table: Table, column: Int?, isShared: Bool, _ follow: @escaping (Tuples) throws(QueryError) -> [UInt32]
  ) {
    guard let column, table.computedGeometry[column] == nil, case .text(let values) = table.columns[column] else {
      return nil
    }
    self.table = table
    self.column = column
    self.values = values
    self.isShared = isShared
    self.follow = follow
  }

  /// The row of ``table`` for each row of a batch, `none` where there is none, their texts checked.
  func rows(_ tuples: Tuples) throws(QueryError) -> [UInt32] {
    let rows = try follow(tuples)
    try table.verify(column, rows: rows, mayBeNone: true)
    return rows
  }
}
