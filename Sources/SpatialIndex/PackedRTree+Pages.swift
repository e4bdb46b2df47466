// What a search reads, told before it reads: for trees in files whose pages are checked when they are first touched.

extension PackedRTreeView {
  /// Calls `body` with the bytes, counted from the start of the tree, that a search for `window` reads: every node block
  /// on the way before its entries are looked at, so that a `body` which throws on damage keeps damage from leading
  /// astray. Neighbouring runs are not joined. For sorted trees; their header is taken as read.
  ///
  /// A search within a distance, or nearest-first as far as that distance, reads nothing outside the box grown by it.
  ///
  /// - Complexity: as of ``forEach(meeting:_:)``, a few times slower.
  package func forEachRun<E: Error>(
    ofBytesReadMeeting window: Box<D>, _ body: (Range<Int>) throws(E) -> Void
  ) throws(E) {
    precondition(isSorted)
    guard height > 0 else { return }
    var pending = [(level: height - 1, index: 0)]
    let base = UnsafeRawPointer(levels[height - 1]) - TreeLayout.headerBytes
    while let (level, index) = pending.popLast() {
      let start = block(level: level, index)
      let doubles = (level == 0 && itemUpper == 0 ? 1 : 2) * D * TreeLayout.capacity
      let offset = UnsafeRawPointer(start) - base
      try body(offset..<offset + 8 * doubles)
      guard level > 0 else { continue }
      var lanes = lanes(level: level, index)
      while lanes != 0 {
        let lane = lanes.trailingZeroBitCount
        lanes &= lanes &- 1
        if entryBox(level: level, index << TreeLayout.shift + lane).intersects(window) {
          pending.append((level - 1, index << TreeLayout.shift + lane))
        }
      }
    }
  }
}
