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

  /// How many steps are made between two looks at the token: some milliseconds at most.
  private static let patience = 65_536

  /// The rows of `0..<count` in order.
  ///
  /// - Parameter token: asked every ``patience`` steps, so that a sort of millions of rows can be stopped.
  static func sorted(
    _ keys: [Key], _ directions: [Direction], count: Int, token: CancellationToken
  ) throws(QueryError) -> [Int32] {
    var order = (0..<Int32(count)).map { $0 }
    let result: Result<Void, QueryError> = order.withUnsafeMutableBufferPointer { rows in
      do throws(QueryError) {
        return .success(try sort(rows, keys, directions, from: 0, token))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
    return order
  }

  private static func sort(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ keys: [Key], _ directions: [Direction], from: Int,
    _ token: CancellationToken
  ) throws(QueryError) {
    if rows.count < 2 || from == keys.count { return }
    if rows.count <= 32 {
      insertionSort(rows) { compare($0, $1, keys, directions, from: from) }
      return
    }
    let direction = directions[from]
    // NULLs to their end.
    let values = try partition(rows, keys[from], nullsFirst: direction.nullsFirst, token)
    let nulls =
      values.startIndex == 0
      ? UnsafeMutableBufferPointer(rebasing: rows[values.count...])
      : UnsafeMutableBufferPointer(rebasing: rows[..<values.startIndex])
    try sort(nulls, keys, directions, from: from + 1, token)
    let part = UnsafeMutableBufferPointer(rebasing: values)
    if part.count < 2 { return }
    var (prefixes, areSame) = try prefixes(part, keys[from], token)
    if direction.descending { for i in prefixes.indices { prefixes[i] = ~prefixes[i] } }
    try radixSort(part, &prefixes, token)
    // Runs of equal prefixes.
    var (start, asked) = (0, 0)
    while start < part.count {
      if start - asked >= patience {
        try token.check()
        asked = start
      }
      var end = start + 1
      while end < part.count, prefixes[end] == prefixes[start] { end += 1 }
      if end - start > 1 {
        let run = UnsafeMutableBufferPointer(rebasing: part[start..<end])
        if isExact(keys[from]) || (end - start == part.count && areSame) {
          try sort(run, keys, directions, from: from + 1, token)
        } else if end - start == part.count {
          // Nothing was told apart: longer texts that agree so far.
          try mergeSort(run, token) { compare($0, $1, keys, directions, from: from) }
        } else {
          try sort(run, keys, directions, from: from, token)
        }
      }
      start = end
    }
  }

  /// Whether rows whose prefixes agree have the same value.
  private static func isExact(_ key: Key) -> Bool {
    switch key {
    case .numbers: true
    case .texts: false
    case .column(let table, let column, _): if case .text = table.columns[column] { false } else { true }
    }
  }

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

  /// Calls `body` with pieces of `0..<count`, and asks the token before each.
  @inline(__always)
  private static func byPieces(
    _ count: Int, _ token: CancellationToken, _ body: (Range<Int>) -> Void
  ) throws(QueryError) {
    for start in stride(from: 0, to: count, by: patience) {
      try token.check()
      body(start..<min(count, start + patience))
    }
  }

  /// Moves NULLs to the front or the back, keeping their order; returns the others.
  private static func partition(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ key: Key, nullsFirst: Bool, _ token: CancellationToken
  ) throws(QueryError) -> Slice<UnsafeMutableBufferPointer<Int32>> {
    if case .numbers(_, nil) = key { return rows[...] }
    var nulls: [Int32] = []
    var count = 0
    // The others close ranks as NULLs are taken out.
    try byPieces(rows.count, token) { piece in
      for i in piece {
        if isNull(key, rows[i]) {
          nulls.append(rows[i])
        } else {
          rows[count] = rows[i]
          count += 1
        }
      }
    }
    if nulls.isEmpty { return rows[...] }
    if nullsFirst {
      try token.check()
      for i in stride(from: count - 1, through: 0, by: -1) { rows[i + nulls.count] = rows[i] }
      for i in nulls.indices { rows[i] = nulls[i] }
      return rows[nulls.count...]
    }
    for i in nulls.indices { rows[count + i] = nulls[i] }
    return rows[..<count]
  }

  /// - Returns: a number for each row, and whether it is known that all values are the same.
  private static func prefixes(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ key: Key, _ token: CancellationToken
  ) throws(QueryError) -> (prefixes: [UInt64], areSame: Bool) {
    var result: [UInt64] = []
    result.reserveCapacity(rows.count)
    switch key {
    case .numbers(let values, _):
      try byPieces(rows.count, token) { for i in $0 { result.append(values[Int(rows[i])]) } }
    case .texts(let values, _):
      return try textPrefixes(rows, token) { row, body in
        var text = values[Int(row)]
        text.withUTF8 { body($0) }
      }
    case .column(let table, let column, let tableRows):
      switch table.columns[column] {
      case .text(let c):
        return try textPrefixes(rows, token) { row, body in body(c.utf8(Int(tableRows[Int(row)]))) }
      case .dictionary(let c):
        try byPieces(rows.count, token) {
          for i in $0 { result.append(UInt64(c.code(Int(tableRows[Int(rows[i])])))) }
        }
      default: try byPieces(rows.count, token) { for i in $0 { result.append(UInt64(tableRows[Int(rows[i])])) } }
      }
    }
    return (result, false)
  }

  @inline(__always)
  private static func textPrefixes(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ token: CancellationToken,
    _ text: (Int32, (UnsafeBufferPointer<UInt8>) -> Void) -> Void
  ) throws(QueryError) -> (prefixes: [UInt64], areSame: Bool) {
    var model: [UInt8] = []
    text(rows[0]) { model = Array($0) }
    var shared = model.count
    var areSame = true
    try byPieces(rows.count, token) { piece in
      for r in piece where shared > 0 || areSame {
        text(rows[r]) { bytes in
          areSame = areSame && bytes.count == model.count
          var i = 0
          let limit = min(shared, bytes.count)
          while i < limit, bytes[i] == model[i] { i += 1 }
          shared = i
        }
      }
    }
    areSame = areSame && shared == model.count
    var result: [UInt64] = []
    result.reserveCapacity(rows.count)
    try byPieces(rows.count, token) { piece in
      for r in piece {
        var prefix: UInt64 = 0
        text(rows[r]) { bytes in
          for i in 0..<8 { prefix = prefix << 8 | (shared + i < bytes.count ? UInt64(bytes[shared + i]) : 0) }
        }
        result.append(prefix)
      }
    }
    return (result, areSame)
  }

  // MARK: Sorting numbers

  /// Least significant byte first; bytes that are the same everywhere are passed over. Stable.
  private static func radixSort(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ keys: inout [UInt64], _ token: CancellationToken
  ) throws(QueryError) {
    let count = rows.count
    if count < 256 {
      let order = (0..<count).sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
      let (oldRows, oldKeys) = (Array(rows), keys)
      for (i, from) in order.enumerated() { (rows[i], keys[i]) = (oldRows[from], oldKeys[from]) }
      return
    }
    var differing: UInt64 = 0
    for key in keys { differing |= key ^ keys[0] }
    let otherRows = UnsafeMutableBufferPointer<Int32>.allocate(capacity: count)
    let otherKeys = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: count)
    defer {
      otherRows.deallocate()
      otherKeys.deallocate()
    }
    let result: Result<Void, QueryError> = keys.withUnsafeMutableBufferPointer { keys in
      do throws(QueryError) {
        var (from, to) = ((rows: rows, keys: keys), (rows: otherRows, keys: otherKeys))
        var isInOther = false
        for shift in stride(from: UInt64(0), to: 64, by: 8) where differing >> shift & 0xFF != 0 {
          try radixPass(from.rows, from.keys, to.rows, to.keys, shift, token)
          swap(&from, &to)
          isInOther.toggle()
        }
        if isInOther { for i in 0..<count { (rows[i], keys[i]) = (otherRows[i], otherKeys[i]) } }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private static func radixPass(
    _ fromRows: UnsafeMutableBufferPointer<Int32>, _ fromKeys: UnsafeMutableBufferPointer<UInt64>,
    _ toRows: UnsafeMutableBufferPointer<Int32>, _ toKeys: UnsafeMutableBufferPointer<UInt64>, _ shift: UInt64,
    _ token: CancellationToken
  ) throws(QueryError) {
    var starts = [Int](repeating: 0, count: 257)
    try byPieces(fromKeys.count, token) { piece in
      for i in piece { starts[Int(fromKeys[i] >> shift & 0xFF) + 1] += 1 }
    }
    for i in 0..<256 { starts[i + 1] += starts[i] }
    try byPieces(fromKeys.count, token) { piece in
      for i in piece {
        let bucket = Int(fromKeys[i] >> shift & 0xFF)
        toRows[starts[bucket]] = fromRows[i]
        toKeys[starts[bucket]] = fromKeys[i]
        starts[bucket] += 1
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

  /// Stable: rows that compare equal keep their order.
  private static func mergeSort(
    _ rows: UnsafeMutableBufferPointer<Int32>, _ token: CancellationToken, _ compare: (Int32, Int32) -> Int
  ) throws(QueryError) {
    let count = rows.count
    var width = 32
    for start in stride(from: 0, to: count, by: width) {
      if start & 0xFFF == 0 { try token.check() }
      insertionSort(UnsafeMutableBufferPointer(rebasing: rows[start..<min(count, start + width)]), compare)
    }
    let other = UnsafeMutableBufferPointer<Int32>.allocate(capacity: count)
    defer { other.deallocate() }
    var (from, to) = (rows, other)
    // Comparisons of long texts are slow, so the token is asked more often.
    var left = 4_096
    while width < count {
      for start in stride(from: 0, to: count, by: 2 * width) {
        let (middle, end) = (min(count, start + width), min(count, start + 2 * width))
        var (a, b) = (start, middle)
        for at in start..<end {
          left -= 1
          if left == 0 {
            try token.check()
            left = 4_096
          }
          if a < middle, b == end || compare(from[b], from[a]) >= 0 {
            to[at] = from[a]
            a += 1
          } else {
            to[at] = from[b]
            b += 1
          }
        }
      }
      swap(&from, &to)
      width *= 2
    }
    if from.baseAddress != rows.baseAddress { for i in 0..<count { rows[i] = from[i] } }
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

  /// The keys of several batches as one.
  static func joined(_ keys: [Key]) -> Key {
    guard let first = keys.first, keys.count > 1 else { return keys.first ?? .numbers([], nulls: nil) }
    let count = keys.reduce(0) { $0 + $1.count }
    switch first {
    case .numbers:
      var (all, flags): ([UInt64], [Bool]?) = ([], nil)
      all.reserveCapacity(count)
      for key in keys {
        guard case .numbers(let values, let nulls) = key else { break }
        if nulls != nil, flags == nil { flags = Array(repeating: false, count: all.count) }
        if flags != nil { flags! += nulls ?? Array(repeating: false, count: values.count) }
        all += values
      }
      if all.count == count { return .numbers(all, nulls: flags) }
    case .column(let table, let column, _):
      var all: [UInt32] = []
      all.reserveCapacity(count)
      for key in keys { if case .column(_, _, let rows) = key { all += rows } }
      if all.count == count { return .column(table, column, all) }
    case .texts: break
    }
    // Two and two, so that nothing is copied more than some times.
    let middle = keys.count / 2
    return appended(joined(Array(keys[..<middle])), joined(Array(keys[middle...])))
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
