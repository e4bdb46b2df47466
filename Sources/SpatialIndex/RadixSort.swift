/// Stable counting sorts, least significant digit first: no comparisons, the same result for every worker count.
enum RadixSort {
  /// Puts words into the order of the eight bits at `shift`; gives where each of the 256 parts starts, and the end.
  static func partition(
    _ keys: UnsafeMutablePointer<UInt64>, into target: UnsafeMutablePointer<UInt64>, count: Int, shift: UInt64,
    workers: Workers
  ) -> [Int] {
    let parts = workers.count
    let histograms = UnsafeMutablePointer<Int>.allocate(capacity: 256 * parts)
    defer { histograms.deallocate() }
    nonisolated(unsafe) let counts = histograms
    nonisolated(unsafe) let (source, target) = (keys, target)
    workers.split(count) { part, range in
      let mine = counts + 256 * part
      mine.update(repeating: 0, count: 256)
      for i in range { mine[Int(source[i] &>> shift & 0xff)] &+= 1 }
    }
    var starts = [Int](repeating: count, count: 257)
    var sum = 0
    for digit in 0..<256 {
      starts[digit] = sum
      for part in 0..<parts {
        let n = histograms[256 * part + digit]
        histograms[256 * part + digit] = sum
        sum += n
      }
    }
    workers.split(count) { part, range in
      let next = counts + 256 * part
      for i in range {
        let key = source[i]
        let digit = Int(key &>> shift & 0xff)
        let at = next[digit]
        next[digit] = at &+ 1
        target[at] = key
      }
    }
    return starts
  }

  /// Sorts words by bits 32 to 55; the upper eight are equal, the lower 32 ascend among equals. Gives where the sorted
  /// words are: in `keys` or in `spare`.
  static func sortMiddle(
    _ keys: UnsafeMutablePointer<UInt64>, spare: UnsafeMutablePointer<UInt64>, count: Int
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
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 768) { counts in
      let next = counts.baseAddress!
      next.update(repeating: 0, count: 768)
      for i in 0..<count {
        let key = keys[i]
        next[Int(key &>> 32 & 0xff)] &+= 1
        next[256 &+ Int(key &>> 40 & 0xff)] &+= 1
        next[512 &+ Int(key &>> 48 & 0xff)] &+= 1
      }
      var (from, to) = (keys, spare)
      for pass in 0..<3 {
        let next = next + 256 * pass
        let shift = UInt64(32 + 8 * pass)
        var sum: UInt32 = 0
        for digit in 0..<256 {
          let n = next[digit]
          next[digit] = sum
          sum &+= n
        }
        for i in 0..<count {
          let key = from[i]
          let digit = Int(key &>> shift & 0xff)
          let at = next[digit]
          next[digit] = at &+ 1
          to[Int(at)] = key
        }
        swap(&from, &to)
      }
      return from
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
