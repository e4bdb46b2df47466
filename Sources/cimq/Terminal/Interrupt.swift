internal import CIMEngine
internal import Glibc
internal import Synchronization

/// Ctrl-C: the first one asks the running work to stop, a second one within it ends the process. In the interactive
/// shell no Ctrl-C ever ends the process.
enum Interrupt {
  private static let count = Atomic<Int>(0)
  private static let endsProcess = Atomic<Bool>(true)
  /// The address of the token of the work that Ctrl-C stops, 0 when there is none. The handler may run on any thread.
  private static let current = Atomic<UInt>(0)
  /// Keeps tokens alive for a handler that has just read the address: the present one and the one before.
  nonisolated(unsafe) private static var kept: (CancellationToken?, CancellationToken?) = (nil, nil)

  static var wasRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Runs `work` with Ctrl-C bound to `token`.
  static func during<R>(_ token: CancellationToken, _ work: () throws -> R) rethrows -> R {
    count.store(0, ordering: .relaxed)
    kept = (token, kept.0)
    let before = current.exchange(
      UInt(bitPattern: Unmanaged.passUnretained(token).toOpaque()), ordering: .sequentiallyConsistent)
    let previous = install()
    defer {
      current.store(before, ordering: .sequentiallyConsistent)
      var previous = previous
      sigaction(SIGINT, &previous, nil)
    }
    return try work()
  }

  /// From now on Ctrl-C stops work and nothing else; between two statements it is ignored.
  static func protectShell() {
    endsProcess.store(false, ordering: .relaxed)
    _ = install()
  }

  private static func install() -> sigaction {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in Interrupt.handle() }
    var previous = sigaction()
    sigaction(SIGINT, &action, &previous)
    // A program that starts this one may have blocked the signal.
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    return previous
  }

  private static func handle() {
    if count.add(1, ordering: .relaxed).newValue > 1, endsProcess.load(ordering: .relaxed) { _exit(130) }
    guard let address = UnsafeRawPointer(bitPattern: current.load(ordering: .sequentiallyConsistent)) else { return }
    Unmanaged<CancellationToken>.fromOpaque(address).takeUnretainedValue().cancel()
  }
}
