/// How work is spread over threads, without this module knowing any thread library.
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

  /// How many parts the work is cut into; at least 1.
  public let count: Int
  @usableFromInline let run: Run

  @inlinable
  public init(count: Int, run: @escaping Run) {
    self.count = Swift.max(1, count)
    self.run = run
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
