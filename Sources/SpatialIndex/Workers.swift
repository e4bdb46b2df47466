/// How work is spread over threads and large memory is obtained, without this module knowing any system library.
///
/// `run(n, body)` must call `body(0)` … `body(n - 1)`, each exactly once, on any threads and in any order, and return
/// when all have returned. Every result of this module is the same for every worker count.
///
/// ```swift
/// let workers = Workers(count: 2) { n, body in DispatchQueue.concurrentPerform(iterations: n, execute: body) }
/// let tree = PackedRTree(boxes, workers: workers)
/// ```
public struct Workers: Sendable {
  /// Calls `body` with each number below `count`, on any threads, and returns when all have returned.
  public typealias Run = @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void

  /// Gets a piece of fresh memory before anything is written there; it begins at a multiple of 2 MB. Memory of less than
  /// 4 MB is not prepared. Called by all workers at once, each with pieces of its own.
  public typealias Prepare = @Sendable (_ memory: UnsafeMutableRawBufferPointer) -> Void

  /// How many parts the work is cut into; at least 1.
  public let count: Int
  @usableFromInline let run: Run
  @usableFromInline let prepare: Prepare?

  /// - Parameter prepare: Tells the system that memory will be used. On Linux
  ///   `{ madvise($0.baseAddress, $0.count, MADV_POPULATE_WRITE) }` gets the pages of a tree of a million boxes at once
  ///   instead of by ten thousand page faults, a tenth of the time of the build. `MADV_HUGEPAGE` pays more where memory
  ///   is used again, but less than nothing in a virtual machine that gave its free memory back to the host.
  @inlinable
  public init(count: Int, preparing prepare: Prepare? = nil, run: @escaping Run) {
    self.count = Swift.max(1, count)
    self.run = run
    self.prepare = prepare
  }

  /// Everything on the calling thread.
  public static let one = Workers(count: 1) { count, body in
    for part in 0..<count { body(part) }
  }

  /// Runs `body(0)` … `body(count - 1)` and returns when all are done.
  @inlinable
  public func perform(_ body: @Sendable (_ part: Int) -> Void) {
    if count == 1 { return body(0) }
    run(count, body)
  }

  /// Fresh memory, for `deallocate()` to free; large memory is prepared.
  func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    guard let prepare, byteCount >= 4 << 20 else { return .allocate(byteCount: byteCount, alignment: 64) }
    let large = 2 << 20
    nonisolated(unsafe) let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: large)
    split(byteCount, grain: large) { _, part in
      prepare(UnsafeMutableRawBufferPointer(start: memory + part.lowerBound, count: part.count))
    }
    return memory
  }

  /// Cuts `0..<total` into one contiguous range for each worker and runs `body` on each; ranges but the last are
  /// multiples of `grain` long.
  @inlinable
  func split(_ total: Int, grain: Int = 1, _ body: @Sendable (_ part: Int, _ range: Range<Int>) -> Void) {
    let grains = (total + grain - 1) / grain
    let count = self.count
    if count == 1 { return body(0, 0..<total) }
    run(count) { part in
      body(
        part, Swift.min(total, grains * part / count * grain)..<Swift.min(total, grains * (part + 1) / count * grain))
    }
  }
}
