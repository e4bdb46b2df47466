/// Works on numbered pieces of a task with several threads and hands each piece's result on, in the order of the numbers,
/// on the calling thread. At most `window` results wait at any time.
enum MorselRun {
  /// What threads share; every field is guarded by the monitor.
  private final class State<Result>: @unchecked Sendable {
    let monitor = Monitor()
    var next = 0
    var handedOn = 0
    var waiting: [Int: Result] = [:]
    /// Threads that wait for the others.
    var sleepers = 0
    var error: QueryError?
  }

  /// - Parameters:
  ///   - count: how many pieces there are.
  ///   - makeWorker: called once on each thread that takes part; what it makes is never shared.
  ///   - work: one piece.
  ///   - handOn: called on the calling thread with the results in order; may throw to stop, its error is rethrown.
  static func run<Worker, Result>(
    count: Int, threads: Int, token: CancellationToken,
    makeWorker: @escaping @Sendable () throws(QueryError) -> Worker,
    work: @escaping @Sendable (inout Worker, Int) throws(QueryError) -> Result,
    handOn: (Int, Result) throws -> Void
  ) throws {
    let threads = min(threads, count)
    if threads <= 1 {
      guard count > 0 else { return }
      var worker = try makeWorker()
      for piece in 0..<count {
        try token.check()
        try handOn(piece, try work(&worker, piece))
      }
      return
    }
    let state = State<Result>()
    let window = 4 * threads
    var handOnError: (any Error)?
    // `handOn` only ever runs on this thread: the closure below leaves it alone on the others.
    try withoutActuallyEscaping(handOn) { handOn in
      nonisolated(unsafe) let handOn = handOn
      nonisolated(unsafe) var failure: (any Error)?
      withUnsafeMutablePointer(to: &failure) { failure in
        nonisolated(unsafe) let failure = failure
        Threads.run(threads) { index in
          loop(
            state, count: count, window: window, token: token, makeWorker: makeWorker, work: work,
            handOn: index == 0 ? handOn : nil, failure: failure)
        }
      }
      handOnError = failure
    }
    if let handOnError { throw handOnError }
    if let error = state.error { throw error }
  }

  private static func loop<Worker, Result>(
    _ state: State<Result>, count: Int, window: Int, token: CancellationToken,
    makeWorker: () throws(QueryError) -> Worker, work: (inout Worker, Int) throws(QueryError) -> Result,
    handOn: ((Int, Result) throws -> Void)?, failure: UnsafeMutablePointer<(any Error)?>
  ) {
    var worker: Worker?
    let monitor = state.monitor
    monitor.lock()
    defer { monitor.unlock() }
    while state.error == nil {
      if let handOn, let result = state.waiting.removeValue(forKey: state.handedOn) {
        let piece = state.handedOn
        monitor.unlock()
        do { try handOn(piece, result) } catch { failure.pointee = error }
        monitor.lock()
        state.handedOn += 1
        if failure.pointee != nil { state.error = QueryError(.interrupted) }
        if state.sleepers > 0 { monitor.wakeAll() }
        continue
      }
      if state.handedOn == count { break }
      if state.next < count, state.next < state.handedOn + window {
        let piece = state.next
        state.next += 1
        monitor.unlock()
        var result: Result?
        var thrown: QueryError?
        do throws(QueryError) {
          try token.check()
          if worker == nil { worker = try makeWorker() }
          result = try work(&worker!, piece)
        } catch {
          thrown = error
        }
        monitor.lock()
        if let thrown { state.error = state.error ?? thrown } else { state.waiting[piece] = result! }
        if state.sleepers > 0 { monitor.wakeAll() }
        continue
      }
      if handOn == nil, state.next >= count { break }
      state.sleepers += 1
      monitor.wait()
      state.sleepers -= 1
    }
    if state.sleepers > 0 { monitor.wakeAll() }
  }
}
