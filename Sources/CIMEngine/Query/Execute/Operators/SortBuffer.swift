internal import Glibc

/// Sorts joined rows by keys. Rows stay where they are: a permutation is sorted.
///
/// Each key becomes a 64-bit number that orders as the values do; for text these are eight bytes behind what all have in
/// common, and the rest is compared only where those agree.
struct SortBuffer {
  /// What a key compares.
  enum Key {
    case numbers([UInt64], nulls: [Bool]?)
    case texts([String], nulls: [Bool]?)
    /// Ids (and other text columns) in their table, by row; `none` counts as NULL.
    case column(Table, Int, [UInt32])

    var count: Int {
      switch self {
      case .numbers(let values, _): values.count
      case .texts(let values, _): values.count
      case .column(_, _, let rows): rows.count
      }
    }
  }
  struct Direction {
    var descending = false
    var nullsFirst = false
  }

  /// The rows of `0..<count` in order.
  static func sorted(_ keys: [Key], _ directions: [Direction], count: Int) -> [Int32] {
    var order = (0..<Int32(count)).map { $0 }
    order.withUnsafeMutableBufferPointer { sort($0, keys, directions, from: 0) }
    return order
  }

  private static func sort(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ keys: [Key], _ directions: [Direction], from: Int
  ) {
    if rows.count < 2 || from == keys.count { return }
    if rows.count <= 32 {
      insertionSort(rows) { compare($0, $1, keys, directions, from: from) }
      return
    }
    let direction = directions[from]
    // NULLs to their end.
    let values = partition(rows, keys[from], nullsFirst: direction.nullsFirst)
    let nulls =
      values.startIndex == 0
      ? UnsafeMutableBufferPointer(rebasing: rows[values.count...])
      : UnsafeMutableBufferPointer(rebasing: rows[..<values.startIndex])
    sort(nulls, keys, directions, from: from + 1)
    let part = UnsafeMutableBufferPointer(rebasing: values)
    if part.count < 2 { return }
    var prefixes = prefixes(part, keys[from])
    if direction.descending { for i in prefixes.indices { prefixes[i] = ~prefixes[i] } }
    radixSort(part, &prefixes)
    // Runs of equal prefixes.
    var start = 0
    while start < part.count {
      var end = start + 1
      while end < part.count, prefixes[end] == prefixes[start] { end += 1 }
      if end - start > 1 {
        let run = UnsafeMutableBufferPointer(rebasing: part[start..<end])
        if isExact(keys[from]) {
          sort(run, keys, directions, from: from + 1)
        } else if end - start == part.count {
          // Nothing was told apart: longer texts that agree so far.
          mergeSort(run) { compare($0, $1, keys, directions, from: from) }
        } else {
          sort(run, keys, directions, from: from)
        }
      }
      start = end
    }
  }

  private static func isExact(_ key: Key) -> Bool { if case .numbers = key { true } else { false } }

  static func compare(
    _ a: Int32, _ b: Int32, _ keys: [Key], _ directions: [Direction], from: Int = 0
  ) -> Int {
    for k in from..<keys.count {
      let (x, y) = (isNull(keys[k], a), isNull(keys[k], b))
      if x || y {
        if x && y { continue }
        return x == directions[k].nullsFirst ? -1 : 1
      }
      let order: Int
      switch keys[k] {
      case .numbers(let values, _):
        order = values[Int(a)] < values[Int(b)] ? -1 : values[Int(a)] == values[Int(b)] ? 0 : 1
      case .texts(let values, _): order = compareText(values[Int(a)], values[Int(b)])
      case .column(let table, let column, let rows):
        order = table.compareText(column: column, rows[Int(a)], rows[Int(b)])
      }
      if order != 0 { return directions[k].descending ? -order : order }
    }
    return 0
  }

  private static func isNull(_ key: Key, _ row: Int32) -> Bool {
    switch key {
    case .numbers(_, let nulls), .texts(_, let nulls): nulls?[Int(row)] ?? false
    case .column(let table, let column, let rows):
      rows[Int(row)] == Tuples.none || table.isNull(column: column, rows[Int(row)])
    }
  }

  /// Moves NULLs to the front or the back, keeping their order; returns the others.
  private static func partition(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ key: Key, nullsFirst: Bool
  ) -> Slice<UnsafeMutableBufferPointer<Int32>> {
    let nulls = rows.filter { isNull(key, $0) }
    if nulls.isEmpty { return rows[...] }
    let others = rows.filter { !isNull(key, $0) }
    for (i, row) in (nullsFirst ? nulls + others : others + nulls).enumerated() { rows[i] = row }
    return nullsFirst ? rows[nulls.count...] : rows[..<others.count]
  }

  private static func prefixes(_ rows: UnsafeMutableBufferPointer<Int32>, _ key: Key) -> [UInt64] {
    switch key {
    case .numbers(let values, _): return rows.map { values[Int($0)] }
    case .texts(let values, _):
      return textPrefixes(rows) { row, body in
        var text = values[Int(row)]
        text.withUTF8 { body($0) }
      }
    case .column(let table, let column, let tableRows):
      switch table.columns[column] {
      case .text(let c): return textPrefixes(rows) { row, body in body(c.utf8(Int(tableRows[Int(row)]))) }
      case .dictionary(let c): return rows.map { UInt64(c.code(Int(tableRows[Int($0)]))) }
      default: return rows.map { UInt64(tableRows[Int($0)]) }
      }
    }
  }

  private static func textPrefixes(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ text: (Int32, (UnsafeBufferPointer<UInt8>) -> Void) -> Void
  ) -> [UInt64] {
    var model: [UInt8] = []
    text(rows[0]) { model = Array($0) }
    var shared = model.count
    for row in rows where shared > 0 {
      text(row) { bytes in
        var i = 0
        let limit = min(shared, bytes.count)
        while i < limit, bytes[i] == model[i] { i += 1 }
        shared = i
      }
    }
    return rows.map { row in
      var prefix: UInt64 = 0
      text(row) { bytes in
        for i in 0..<8 { prefix = prefix << 8 | (shared + i < bytes.count ? UInt64(bytes[shared + i]) : 0) }
      }
      return prefix
    }
  }

  // MARK: Sorting numbers

  /// Least significant byte first; bytes that are the same everywhere are passed over. Stable.
  private static func radixSort(_ rows: UnsafeMutableBufferPointer<Int32>, _ keys: inout [UInt64]) {
    let count = rows.count
    if count < 256 {
      let order = (0..<count).sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
      let (oldRows, oldKeys) = (Array(rows), keys)
      for (i, from) in order.enumerated() { (rows[i], keys[i]) = (oldRows[from], oldKeys[from]) }
      return
    }
    var differing: UInt64 = 0
    for key in keys { differing |= key ^ keys[0] }
    var otherRows = [Int32](repeating: 0, count: count)
    var otherKeys = [UInt64](repeating: 0, count: count)
    var isInOther = false
    otherRows.withUnsafeMutableBufferPointer { otherRows in
      otherKeys.withUnsafeMutableBufferPointer { otherKeys in
        keys.withUnsafeMutableBufferPointer { keys in
          for shift in stride(from: UInt64(0), to: 64, by: 8) where differing >> shift & 0xFF != 0 {
            let (fromRows, fromKeys) = isInOther ? (otherRows, otherKeys) : (rows, keys)
            let (toRows, toKeys) = isInOther ? (rows, keys) : (otherRows, otherKeys)
            var starts = [Int](repeating: 0, count: 257)
            for i in 0..<count { starts[Int(fromKeys[i] >> shift & 0xFF) + 1] += 1 }
            for i in 0..<256 { starts[i + 1] += starts[i] }
            for i in 0..<count {
              let bucket = Int(fromKeys[i] >> shift & 0xFF)
              toRows[starts[bucket]] = fromRows[i]
              toKeys[starts[bucket]] = fromKeys[i]
              starts[bucket] += 1
            }
            isInOther.toggle()
          }
          if isInOther {
            for i in 0..<count { (rows[i], keys[i]) = (otherRows[i], otherKeys[i]) }
          }
        }
      }
    }
  }

  private static func insertionSort(_ rows: UnsafeMutableBufferPointer<Int32>, _ compare: (Int32, Int32) -> Int) {
    for i in 1..<max(1, rows.count) {
      let row = rows[i]
      var j = i
      while j > 0, compare(row, rows[j - 1]) < 0 {
        rows[j] = rows[j - 1]
        j -= 1
      }
      rows[j] = row
    }
  }

  private static func mergeSort(_ rows: UnsafeMutableBufferPointer<Int32>, _ compare: (Int32, Int32) -> Int) {
    // The library's sort is stable in practice but not by contract; rows that compare equal go by number.
    let sorted = rows.sorted {
      let order = compare($0, $1)
      return order != 0 ? order < 0 : $0 < $1
    }
    for i in sorted.indices { rows[i] = sorted[i] }
  }

  // MARK: Keys from vectors

  /// Numbers that order as the values of a vector do.
  static func key(_ vector: Vector) -> Key {
    let nulls = vector.flags.map { $0.map { !$0 } }
    switch vector.storage {
    case .bool(let values): return .numbers(values.map { $0 ? 1 : 0 }, nulls: nulls)
    case .int(let values): return .numbers(values.map { UInt64(bitPattern: $0) ^ 1 << 63 }, nulls: nulls)
    case .double(let values): return .numbers(values.map(number), nulls: nulls)
    case .date(let values): return .numbers(values.map { UInt64(bitPattern: Int64($0)) ^ 1 << 63 }, nulls: nulls)
    case .timestamp(let values): return .numbers(values.map { UInt64(bitPattern: $0) ^ 1 << 63 }, nulls: nulls)
    case .text(let values): return .texts(values, nulls: nulls)
    case .dictionary: return .texts(vector.strings ?? [], nulls: nulls)
    case .null(let count): return .numbers(Array(repeating: 0, count: count), nulls: nulls)
    // Lists and geometries have no natural order; their text gives a steady one.
    case .list, .geometry: return .texts((0..<vector.count).map { text(of: vector[$0]) }, nulls: nulls)
    }
  }

  /// Doubles as integers in the same order; -0 and 0 are equal.
  static func number(_ value: Double) -> UInt64 {
    let bits = (value == 0 ? 0 : value).bitPattern
    return bits >> 63 == 1 ? ~bits : bits | 1 << 63
  }

  static func appended(_ a: Key, _ b: Key) -> Key {
    func joined(_ a: [Bool]?, _ n: Int, _ b: [Bool]?, _ m: Int) -> [Bool]? {
      if a == nil, b == nil { return nil }
      return (a ?? Array(repeating: false, count: n)) + (b ?? Array(repeating: false, count: m))
    }
    switch (a, b) {
    case (.numbers(let x, let p), .numbers(let y, let q)):
      return .numbers(x + y, nulls: joined(p, x.count, q, y.count))
    case (.texts(let x, let p), .texts(let y, let q)): return .texts(x + y, nulls: joined(p, x.count, q, y.count))
    case (.column(let table, let column, let x), .column(_, _, let y)): return .column(table, column, x + y)
    // A batch of NULLs has no type of its own.
    case (.numbers(let x, let p), .texts(let y, let q)) where p?.allSatisfy({ $0 }) ?? x.isEmpty:
      return .texts(Array(repeating: "", count: x.count) + y, nulls: joined(p, x.count, q, y.count))
    case (.texts(let x, let p), .numbers(let y, let q)):
      return .texts(
        x + Array(repeating: "", count: y.count),
        nulls: joined(p, x.count, q ?? Array(repeating: true, count: y.count), y.count))
    default: return a
    }
  }

  static func selecting(_ key: Key, _ rows: [Int32]) -> Key {
    switch key {
    case .numbers(let values, let nulls): .numbers(picked(values, rows), nulls: nulls.map { picked($0, rows) })
    case .texts(let values, let nulls): .texts(rows.map { values[Int($0)] }, nulls: nulls.map { picked($0, rows) })
    case .column(let table, let column, let all): .column(table, column, picked(all, rows))
    }
  }
}

extension Table {
  func isNull(column: Int, _ row: UInt32) -> Bool {
    if case .link(let link) = columns[column] { return link.rows[Int(row)] == LinkColumn.none }
    return !(columns[column].validity?[Int(row)] ?? true)
  }
}
