/// Stable counting sorts, least significant digit first: no comparisons, the same result for every worker count.
enum RadixSort {
  /// Sorts words by their upper 32 bits; the sorted words are in `keys` afterwards.
  static func sortHighWords(
    _ keys: UnsafeMutablePointer<UInt64>, scratch: UnsafeMutablePointer<UInt64>, count: Int, workers: Workers
  ) {
    let parts = count < 1 << 16 ? 1 : workers.count
    let workers = parts == 1 ? Workers.one : workers
    let histograms = UnsafeMutablePointer<UInt32>.allocate(capacity: 256 * parts)
    defer { histograms.deallocate() }
    nonisolated(unsafe) var from = keys
    nonisolated(unsafe) var to = scratch
    nonisolated(unsafe) let counts = histograms
    for shift in stride(from: UInt64(32), to: 64, by: 8) {
      nonisolated(unsafe) let (source, target) = (from, to)
      workers.split(count) { part, range in
        let mine = counts + 256 * part
        mine.update(repeating: 0, count: 256)
        for i in range { mine[Int(source[i] &>> shift & 0xff)] &+= 1 }
      }
      var sum: UInt32 = 0
      for digit in 0..<256 {
        for part in 0..<parts {
          let n = histograms[256 * part + digit]
          histograms[256 * part + digit] = sum
          sum &+= n
        }
      }
      workers.split(count) { part, range in
        let mine = counts + 256 * part
        for i in range {
          let key = source[i]
          let digit = Int(key &>> shift & 0xff)
          let at = mine[digit]
          mine[digit] = at &+ 1
          target[Int(at)] = key
        }
      }
      swap(&from, &to)
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
