/// A set of rows of one table, one bit each.
struct RowSet: Sendable {
  private(set) var words: [UInt64]
  let rowCount: Int

  init(rowCount: Int) {
    self.rowCount = rowCount
    words = Array(repeating: 0, count: (rowCount + 63) >> 6)
  }

  @inline(__always)
  func contains(_ row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 != 0 }

  @inline(__always)
  mutating func insert(_ row: Int) { words[row >> 6] |= 1 << UInt64(row & 63) }

  mutating func insert(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let (first, last) = (range.lowerBound >> 6, (range.upperBound - 1) >> 6)
    let head = UInt64.max << UInt64(range.lowerBound & 63)
    let tail = UInt64.max >> UInt64(63 - (range.upperBound - 1) & 63)
    if first == last {
      words[first] |= head & tail
      return
    }
    words[first] |= head
    for word in first + 1..<last { words[word] = .max }
    words[last] |= tail
  }

  mutating func formUnion(_ other: RowSet) {
    for i in words.indices { words[i] |= other.words[i] }
  }

  var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// How many rows of a range are in the set.
  func count(in range: Range<Int>) -> Int {
    guard !range.isEmpty else { return 0 }
    let (first, last) = (range.lowerBound >> 6, (range.upperBound - 1) >> 6)
    let head = UInt64.max << UInt64(range.lowerBound & 63)
    let tail = UInt64.max >> UInt64(63 - (range.upperBound - 1) & 63)
    if first == last { return (words[first] & head & tail).nonzeroBitCount }
    var result = (words[first] & head).nonzeroBitCount + (words[last] & tail).nonzeroBitCount
    for word in first + 1..<last { result += words[word].nonzeroBitCount }
    return result
  }

  /// The rows in ascending order.
  var rows: [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for (i, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        result.append(UInt32(i << 6 + rest.trailingZeroBitCount))
        rest &= rest - 1
      }
    }
    return result
  }
}
