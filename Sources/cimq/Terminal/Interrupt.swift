internal import CIMEngine
internal import Glibc
internal import Synchronization

/// Ctrl-C: the first one asks the running work to stop, a second one within it ends the process. In the interactive
/// shell no Ctrl-C ever ends the process. SIGTERM and SIGHUP (`timeout`, a service that stops, a closed terminal) ask the
/// work to stop as well, so that nothing half-written stays, and then end the process, the shell included.
enum Interrupt {
  private static let count = Atomic<Int>(0)
  private static let endsProcess = Atomic<Bool>(true)
  /// The address of the token of the work that Ctrl-C stops, 0 when there is none. The handler may run on any thread.
  private static let current = Atomic<UInt>(0)
  /// Keeps tokens alive for a handler that has just read the address: the present one and the one before.
  nonisolated(unsafe) private static var kept: (CancellationToken?, CancellationToken?) = (nil, nil)

  private static let ending = Atomic<Int32>(0)
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  /// The status to end with when a signal other than Ctrl-C asked for it; nil when none did.
  static var endingStatus: Int32? {
    let signal = ending.load(ordering: .relaxed)
    return signal == 0 ? nil : 128 + signal
  }

  /// Runs `work` with Ctrl-C bound to `token`.
  static func during<R>(_ token: CancellationToken, _ work: () throws -> R) rethrows -> R {
    count.store(0, ordering: .relaxed)
    kept = (token, kept.0)
    let before = current.exchange(
      UInt(bitPattern: Unmanaged.passUnretained(token).toOpaque()), ordering: .sequentiallyConsistent)
    let previous = install()
    defer {
      current.store(before, ordering: .sequentiallyConsistent)
      for (signal, old) in zip(signals, previous) {
        var old = old
        sigaction(signal, &old, nil)
      }
    }
    return try work()
  }

  /// From now on Ctrl-C stops work and nothing else; between two statements it is ignored.
  static func protectShell() {
    endsProcess.store(false, ordering: .relaxed)
    _ = install()
  }

  /// - Returns: what the signals did before, in the order of `signals`.
  private static func install() -> [sigaction] {
    var set = sigset_t()
    sigemptyset(&set)
    let previous = signals.map { signal in
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { Interrupt.handle($0) }
      var previous = sigaction()
      sigaction(signal, nil, &previous)
      // What was to be ignored (`nohup`) stays ignored.
      let isIgnored = unsafeBitCast(previous.__sigaction_handler.sa_handler, to: Int.self) == 1
      if signal == SIGINT || !isIgnored { sigaction(signal, &action, nil) }
      sigaddset(&set, signal)
      return previous
    }
    // A program that starts this one may have blocked them.
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    return previous
  }

  private static func handle(_ signal: Int32) {
    if signal != SIGINT {
      let isSecond = ending.exchange(signal, ordering: .sequentiallyConsistent) != 0
      if isSecond || current.load(ordering: .sequentiallyConsistent) == 0 { _exit(128 + signal) }
    } else if count.add(1, ordering: .relaxed).newValue > 1, endsProcess.load(ordering: .relaxed) {
      _exit(130)
    }
    guard let address = UnsafeRawPointer(bitPattern: current.load(ordering: .sequentiallyConsistent)) else { return }
    Unmanaged<CancellationToken>.fromOpaque(address).takeUnretainedValue().cancel()
  }
}
