internal import Glibc
internal import Synchronization

/// Stops a running query from outside: a flag set by Ctrl-C, a deadline, or a limit on memory.
///
/// The executor asks between batches, so a query stops within a few milliseconds. Safe to use from any thread and from
/// a signal handler (``cancel()`` is one atomic store).
public final class CancellationToken: Sendable {
  private let cancelled = Atomic<Bool>(false)
  private let bytes = Atomic<Int>(0)
  /// Nanoseconds of the monotonic clock, or `Int64.max`.
  private let deadline: Int64
  private let timeoutSeconds: Double
  let maximumBytes: Int
  /// For tests: how often the token was asked, and when it says stop.
  private let checks = Atomic<Int>(0)
  private let mostChecks: Int?

  /// - Parameters:
  ///   - timeoutSeconds: counted from now; nil for none.
  ///   - maximumBytes: how much the buffers of sorts, joins and groups may hold together; nil for no limit.
  public init(timeoutSeconds: Double? = nil, maximumBytes: Int? = nil) {
    self.timeoutSeconds = timeoutSeconds ?? 0
    self.maximumBytes = maximumBytes ?? .max
    mostChecks = nil
    if let timeoutSeconds {
      let nanoseconds = max(0, timeoutSeconds) * 1e9
      deadline = nanoseconds < 9e18 ? monotonicNanoseconds() &+ Int64(nanoseconds) : .max
    } else {
      deadline = .max
    }
  }

  /// A token that counts how often it is asked and says stop after so many times.
  init(stoppingAfterChecks count: Int) {
    (timeoutSeconds, maximumBytes, mostChecks) = (0, .max, count)
    // A deadline that never comes: only tokens with one take the way on which is counted.
    deadline = .max - 1
  }

  var checkCount: Int { checks.load(ordering: .relaxed) }

  /// Asks the work to stop; it does at its next check. May be called from a signal handler.
  public func cancel() { cancelled.store(true, ordering: .relaxed) }
  public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// Throws when the query must stop.
  func check() throws(QueryError) {
    if cancelled.load(ordering: .relaxed) { throw QueryError(.interrupted) }
    if deadline == .max { return }
    if let mostChecks {
      let before = checks.wrappingAdd(1, ordering: .relaxed).oldValue
      if before >= mostChecks { throw QueryError(.interrupted) }
    }
    if monotonicNanoseconds() > deadline { throw QueryError(.timedOut(seconds: timeoutSeconds)) }
  }

  /// Starts the account of memory anew: what a statement held is free when it has ended.
  func forgetMemory() { bytes.store(0, ordering: .relaxed) }

  /// Accounts for memory that a buffer took (or gave back, when negative).
  func use(bytes count: Int) throws(QueryError) {
    let before = bytes.wrappingAdd(count, ordering: .relaxed).oldValue
    if count > 0, before &+ count > maximumBytes {
      throw QueryError(
        .limit("the query needs more than \(maximumBytes >> 20) MB of memory (--max-memory)"),
        fix: "ask for fewer rows or columns, or raise the limit")
    }
  }
}

/// Memory that grows, accounted for until its owner is gone.
final class MemoryClaim {
  private let token: CancellationToken
  private var bytes = 0

  init(_ token: CancellationToken) { self.token = token }

  /// - Throws: when the query holds more than it may.
  func grow(to count: Int) throws(QueryError) {
    guard count > bytes else { return }
    let more = count - bytes
    bytes = count
    try token.use(bytes: more)
  }

  deinit { try? token.use(bytes: -bytes) }
}

/// Nanoseconds of a clock that never jumps.
func monotonicNanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
