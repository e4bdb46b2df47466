internal import CIMEngine
internal import Glibc
internal import Synchronization

/// Ctrl-C: the first one asks the running work to stop, a second one within it ends the process.
enum Interrupt {
  private static let count = Atomic<Int>(0)
  /// The token of the work that Ctrl-C stops. Set from one thread; read in the handler only through its flag.
  nonisolated(unsafe) private static var current: CancellationToken?

  static var wasRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Runs `work` with Ctrl-C bound to `token`.
  static func during<R>(_ token: CancellationToken, _ work: () throws -> R) rethrows -> R {
    count.store(0, ordering: .relaxed)
    current = token
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in Interrupt.handle() }
    var previous = sigaction()
    sigaction(SIGINT, &action, &previous)
    defer {
      sigaction(SIGINT, &previous, nil)
      current = nil
    }
    return try work()
  }

  private static func handle() {
    if count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
    current?.cancel()
  }
}
