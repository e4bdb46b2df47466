/// Sorts row numbers by strings, for lookups by id, code and name.
enum TextOrder {
  /// The rows in `rows` by string (code point order), then by row.
  ///
  /// Eight bytes behind what all strings share are compared as one number; only rows that agree there are compared in
  /// full. O(n log n); 16 bytes of scratch memory a row.
  static func sorted(
    _ rows: some Sequence<Int>, count: Int, by text: (Int) -> UnsafeBufferPointer<UInt8>
  ) -> [UInt32] {
    var keys: [(key: UInt64, row: UInt32)] = []
    keys.reserveCapacity(count)
    for row in rows { keys.append((0, UInt32(row))) }
    guard let first = keys.first else { return [] }
    let model = text(Int(first.row))
    var shared = model.count
    for entry in keys {
      let other = text(Int(entry.row))
      shared = min(shared, other.count)
      var i = 0
      while i < shared, other[i] == model[i] { i += 1 }
      shared = i
      if shared == 0 { break }
    }
    for i in keys.indices {
      let bytes = text(Int(keys[i].row))
      var key: UInt64 = 0
      for k in 0..<8 { key = key << 8 | (shared + k < bytes.count ? UInt64(bytes[shared + k]) : 0) }
      keys[i].key = key
    }
    keys.sort { $0.key != $1.key ? $0.key < $1.key : $0.row < $1.row }
    var start = 0
    while start < keys.count {
      var end = start + 1
      while end < keys.count, keys[end].key == keys[start].key { end += 1 }
      if end - start > 1 {
        keys[start..<end].sort { a, b in
          let (x, y) = (text(Int(a.row)), text(Int(b.row)))
          if precedes(x, y) { return true }
          return precedes(y, x) ? false : a.row < b.row
        }
      }
      start = end
    }
    return keys.map(\.row)
  }
}
