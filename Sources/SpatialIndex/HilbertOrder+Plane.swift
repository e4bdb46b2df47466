extension HilbertOrder {
  /// 2D: place and item number in one word. The words are counted by their upper bits as they are made, put into parts
  /// by these, and then each part is sorted on its own, in a cache.
  static func sort2D(
    _ source: BoxSource, _ frame: CurveFrame, into order: UnsafeMutablePointer<UInt32>,
    scratch: UnsafeMutableRawPointer, workers: Workers
  ) {
    let (count, placed) = (source.count, frame.placed)
    let scale = frame.scale(cells: 65_536)
    let origin = SIMD2(frame.lower[0], frame.lower[1]) * 0.5
    let table = table2D
    let (placedBefore, workerCount) = (frame.placedBefore, workers.count)
    let bits = RadixSort.partBits(placed)
    let shift = UInt64(64 - bits)
    let parts = 1 << bits
    @inline(__always)
    @Sendable func place(_ lower: SIMD2<Double>, _ upper: SIMD2<Double>, _ table: UnsafePointer<UInt16>) -> UInt64 {
      // As in curveCell, for both axes.
      let cells = ((lower * 0.5 + upper * 0.5) * 0.5 - origin) * scale + 4_503_599_627_370_496
      let bits = unsafeBitCast(cells, to: SIMD2<UInt64>.self)
      return UInt64(
        place2D(UInt32(truncatingIfNeeded: bits[0]) & 0xffff, UInt32(truncatingIfNeeded: bits[1]) & 0xffff, table))
    }
    nonisolated(unsafe) let keys = scratch.assumingMemoryBound(to: UInt64.self)
    nonisolated(unsafe) let parted = keys + placed
    nonisolated(unsafe) let out = order
    nonisolated(unsafe) let counts = UnsafeMutablePointer<Int>.allocate(capacity: parts * workerCount)
    defer { counts.deallocate() }
    workers.split(count) { worker, range in
      let mine = counts + parts * worker
      mine.update(repeating: 0, count: parts)
      table.steps.withUnsafeBufferPointer { table in
        let table = table.baseAddress!
        var next = placedBefore[worker]
        if placed == count {
          for i in range {
            let (lower, upper) = source.corners2D(i)
            let key = place(lower, upper, table) &<< 32 | UInt64(truncatingIfNeeded: i)
            keys[i] = key
            mine[Int(truncatingIfNeeded: key &>> shift)] &+= 1
          }
          return
        }
        // Items without a place go to the end in the order of the input.
        var tail = placed &+ range.lowerBound &- next
        for i in range {
          let (lower, upper) = source.corners2D(i)
          if BoxSource.hasPlace(lower, upper) {
            let key = place(lower, upper, table) &<< 32 | UInt64(truncatingIfNeeded: i)
            keys[next] = key
            mine[Int(truncatingIfNeeded: key &>> shift)] &+= 1
            next &+= 1
          } else {
            out[tail] = UInt32(truncatingIfNeeded: i)
            tail &+= 1
          }
        }
      }
    }
    guard placed > 0 else { return }
    // Where each part starts, and where in it each worker writes.
    var starts = [Int](repeating: placed, count: parts + 1)
    var sum = 0
    for part in 0..<parts {
      starts[part] = sum
      for worker in 0..<workerCount {
        let n = counts[parts * worker + part]
        counts[parts * worker + part] = sum
        sum += n
      }
    }
    let partStarts = starts
    workers.perform { worker in
      let next = counts + parts * worker
      let end = worker + 1 == workerCount ? placed : placedBefore[worker + 1]
      for i in placedBefore[worker]..<end {
        let key = keys[i]
        let part = Int(truncatingIfNeeded: key &>> shift)
        let at = next[part]
        next[part] = at &+ 1
        parted[at] = key
      }
    }
    workers.perform { worker in
      let counters = UnsafeMutablePointer<UInt32>.allocate(capacity: RadixSort.counters)
      defer { counters.deallocate() }
      for part in 0..<parts where partStarts[part] * workerCount / placed == worker {
        let (start, end) = (partStarts[part], partStarts[part + 1])
        guard start < end else { continue }
        let sorted = RadixSort.sortLower(
          parted + start, spare: keys + start, count: end - start, bits: 32 - bits, counters: counters)
        let order = out + start
        // Whether any place is that of the item `crowd` further on.
        var least = UInt64.max
        let alone = Swift.max(0, end - start - crowd)
        for i in 0..<alone {
          let key = sorted[i]
          order[i] = UInt32(truncatingIfNeeded: key)
          least = Swift.min(least, key ^ sorted[i &+ crowd])
        }
        for i in alone..<end - start { order[i] = UInt32(truncatingIfNeeded: sorted[i]) }
        if least &>> 32 == 0 {
          reorderCrowds(source, count: end - start, order: order) { sorted[$0] &>> 32 }
        }
      }
    }
  }
}
