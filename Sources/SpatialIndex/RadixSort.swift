/// Stable counting sorts, least significant digit first: no comparisons, the same result for every worker count.
enum RadixSort {
  /// How many of the upper bits of 32 divide `count` words into parts that fit a cache.
  static func partBits(_ count: Int) -> Int {
    var bits = 8
    while bits < 11, count &>> bits > 1 << 14 { bits += 1 }
    return bits
  }

  /// Counters that ``sortLower(_:spare:count:bits:counters:)`` needs: two digits of twelve bits, or three of eight.
  static let counters = 2 << 12

  /// Sorts words by the `bits` (at most 24) from bit 32 on; those above are equal, the lower 32 ascend among equals.
  /// Gives where the sorted words are: in `keys` or in `spare`.
  static func sortLower(
    _ keys: UnsafeMutablePointer<UInt64>, spare: UnsafeMutablePointer<UInt64>, count: Int, bits: Int,
    counters next: UnsafeMutablePointer<UInt32>
  ) -> UnsafeMutablePointer<UInt64> {
    if count <= 48 {
      for i in 1..<Swift.max(1, count) {
        let key = keys[i]
        var at = i
        while at > 0, keys[at - 1] > key {
          keys[at] = keys[at - 1]
          at -= 1
        }
        keys[at] = key
      }
      return keys
    }
    if count < 6000 {
      // Few words: three short digits, as clearing and adding up counters is what costs.
      let width = UInt64((bits + 2) / 3)
      let mask: UInt64 = (1 &<< width) &- 1
      let size = 1 &<< Int(width)
      next.update(repeating: 0, count: 3 * size)
      for i in 0..<count {
        let key = keys[i] &>> 32
        next[Int(key & mask)] &+= 1
        next[size &+ Int(key &>> width & mask)] &+= 1
        next[2 &* size &+ Int(key &>> (2 &* width) & mask)] &+= 1
      }
      scatter(keys, into: spare, count: count, shift: 32, mask: mask, next)
      scatter(spare, into: keys, count: count, shift: 32 &+ width, mask: mask, next + size)
      scatter(keys, into: spare, count: count, shift: 32 &+ 2 &* width, mask: mask, next + 2 * size)
      return spare
    }
    let width = UInt64((bits + 1) / 2)
    let mask: UInt64 = (1 &<< width) &- 1
    let size = 1 &<< Int(width)
    next.update(repeating: 0, count: 2 * size)
    for i in 0..<count {
      let key = keys[i] &>> 32
      next[Int(key & mask)] &+= 1
      next[size &+ Int(key &>> width & mask)] &+= 1
    }
    scatter(keys, into: spare, count: count, shift: 32, mask: mask, next)
    scatter(spare, into: keys, count: count, shift: 32 &+ width, mask: mask, next + size)
    return keys
  }

  /// One pass: `next` counts the words with each digit and is used up.
  @inline(__always)
  private static func scatter(
    _ from: UnsafeMutablePointer<UInt64>, into to: UnsafeMutablePointer<UInt64>, count: Int, shift: UInt64,
    mask: UInt64, _ next: UnsafeMutablePointer<UInt32>
  ) {
    var sum: UInt32 = 0
    for digit in 0...Int(mask) {
      let n = next[digit]
      next[digit] = sum
      sum &+= n
    }
    for i in 0..<count {
      let key = from[i]
      let digit = Int(key &>> shift & mask)
      let at = next[digit]
      next[digit] = at &+ 1
      to[Int(at)] = key
    }
  }

  /// Sorts `values` by `keys`; digits on which all keys agree are skipped.
  static func sort(
    _ keys: UnsafeMutablePointer<UInt64>, values: UnsafeMutablePointer<UInt32>,
    spareKeys: UnsafeMutablePointer<UInt64>, spareValues: UnsafeMutablePointer<UInt32>, count: Int
  ) {
    guard count > 1 else { return }
    var differing: UInt64 = 0
    for i in 1..<count { differing |= keys[i] ^ keys[0] }
    var (from, to) = (keys, spareKeys)
    var (fromValues, toValues) = (values, spareValues)
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { offsets in
      for shift in stride(from: UInt64(0), to: 64, by: 8) where differing &>> shift & 0xff != 0 {
        offsets.update(repeating: 0)
        for i in 0..<count { offsets[Int(from[i] &>> shift & 0xff)] += 1 }
        var sum = 0
        for digit in 0..<256 {
          let n = offsets[digit]
          offsets[digit] = sum
          sum += n
        }
        for i in 0..<count {
          let digit = Int(from[i] &>> shift & 0xff)
          let at = offsets[digit]
          offsets[digit] = at + 1
          to[at] = from[i]
          toValues[at] = fromValues[i]
        }
        swap(&from, &to)
        swap(&fromValues, &toValues)
      }
    }
    if from != keys {
      keys.update(from: from, count: count)
      values.update(from: fromValues, count: count)
    }
  }
}
