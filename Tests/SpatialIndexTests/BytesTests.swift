import SpatialIndex
import TestSupport
import Testing

@Suite("Bytes")
struct BytesTests {
  func bytes<let D: Int>(_ tree: PackedRTree<D>) -> [UInt8] { tree.withBytes { Array($0) } }

  /// Opens bytes at an aligned address and asks everything once.
  func exercise(_ bytes: [UInt8]) throws {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    let view = try PackedRTreeView<2>(bytes: UnsafeRawBufferPointer(rebasing: memory[..<bytes.count]))
    var inRange = true
    for window in [infinite(), view.bounds, Box2(10, 10, 400, 400)] {
      view.forEach(meeting: window) { inRange = inRange && $0 < view.count }
      view.forEach(within: 100, of: window) { inRange = inRange && $0 < view.count }
      view.forEachRun(meeting: window) { positions, _ in inRange = inRange && positions.upperBound <= view.count }
      for neighbour in view.nearest(to: window, count: 20) { inRange = inRange && neighbour.item < view.count }
      var iterator = NearestIterator(view, to: window)
      for _ in 0..<50 { if let next = iterator.next() { inRange = inRange && next.item < view.count } }
    }
    view.forEachPair(meeting: view) { a, b in inRange = inRange && a < view.count && b < view.count }
    for position in 0..<min(1000, view.count) { _ = view.box(at: position) }
    _ = view.violation()
    #expect(inRange)
  }

  @Test("come back as the same tree", arguments: Layout.allCases, [0, 1, 17, 300])
  func roundTrip(layout: Layout, count: Int) throws {
    func check<let D: Int>(_ boxes: [Box<D>]) throws {
      for tree in [PackedRTree(boxes), PackedRTree(sortedBoxes: boxes)] {
        let saved = bytes(tree)
        #expect(saved == bytes(tree.view.isSorted ? PackedRTree(sortedBoxes: boxes) : PackedRTree(boxes)))
        let copy = try saved.withUnsafeBytes { try PackedRTree<D>(copying: $0) }
        #expect(bytes(copy) == saved)
        #expect(copy.view.violation() == nil)
        #expect(copy.bounds == tree.bounds)
        for window in layout.windows(around: boxes, seed: 2) {
          var (a, b): ([Int], [Int]) = ([], [])
          tree.forEach(meeting: window) { a.append($0) }
          copy.forEach(meeting: window) { b.append($0) }
          #expect(a == b)
        }
        if D == 2 { try exercise(saved) }
      }
    }
    try check(layout.boxes(count, seed: 1) as [Box2])
    try check(layout.boxes(count, seed: 1) as [Box3])
  }

  @Test("a tree cut off anywhere is refused")
  func truncation() {
    for saved in [
      bytes(PackedRTree(Layout.scattered.boxes(20, seed: 1) as [Box2])),
      bytes(PackedRTree(sortedBoxes: Layout.points.boxes(20, seed: 1) as [Box2])),
    ] {
      for length in 0..<saved.count {
        #expect(throws: PackedRTreeError.self) { try exercise(Array(saved[..<length])) }
      }
    }
  }

  @Test("flipped bits give an error or a wrong answer, never a crash")
  func flippedBits() {
    var random = SplitMix64(seed: 77)
    for tree in [
      PackedRTree(Layout.scattered.boxes(40, seed: 1) as [Box2]),
      PackedRTree(sortedBoxes: Layout.gaps.boxes(40, seed: 1) as [Box2]),
    ] {
      let saved = bytes(tree)
      for i in 0..<900 {
        var broken = saved
        // The header every time, then anywhere.
        let at = i < 48 * 8 ? i : Int.random(in: 0..<saved.count * 8, using: &random)
        broken[at / 8] ^= 1 << UInt8(at % 8)
        try? exercise(broken)
      }
      for _ in 0..<60 {
        var broken = saved
        for at in 48..<broken.count where Bool.random(using: &random) {
          broken[at] = UInt8.random(in: 0...255, using: &random)
        }
        try? exercise(broken)
      }
    }
  }

  @Test("errors say what is wrong")
  func errors() throws {
    let saved = bytes(PackedRTree(Layout.scattered.boxes(20, seed: 1) as [Box2]))
    func error(_ change: (inout [UInt8]) -> Void) -> PackedRTreeError? {
      var broken = saved
      change(&broken)
      do {
        _ = try broken.withUnsafeBytes { try PackedRTree<2>(copying: $0) }
        return nil
      } catch { return error as? PackedRTreeError }
    }
    #expect(error { $0[0] = 0 } == .notATree)
    #expect(error { $0[8] = 9 } == .unsupportedVersion(9))
    #expect(error { $0[16] = 3 } == .wrongDimensions(found: 3, expected: 2))
    #expect(error { $0.removeLast(200) } == .truncated(needed: saved.count, found: saved.count - 200))
    #expect(error { $0[32] = 21 } == .damaged("21 positions for 20 items"))
    #expect(error { $0[$0.count - 128 + 2] = 255 }.map { "\($0)".contains("item number") } == true)
    #expect(throws: PackedRTreeError.wrongDimensions(found: 2, expected: 3)) {
      try saved.withUnsafeBytes { _ = try PackedRTree<3>(copying: $0) }
    }
    let shifted = UnsafeMutableRawBufferPointer.allocate(byteCount: saved.count + 64, alignment: 64)
    defer { shifted.deallocate() }
    let odd = UnsafeMutableRawBufferPointer(rebasing: shifted[4...])
    odd.copyBytes(from: saved)
    #expect(throws: PackedRTreeError.misaligned) {
      try PackedRTreeView<2>(bytes: UnsafeRawBufferPointer(odd))
    }
  }
}
