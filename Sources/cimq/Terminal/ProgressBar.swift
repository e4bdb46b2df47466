internal import CIMEngine
internal import Glibc
internal import Synchronization

/// A progress line on stderr, drawn only on a terminal, at most ten times a second.
final class ProgressBar: Sendable {
  private let label: String
  private let isShown: Bool
  private let lastDrawn = Atomic<Int64>(0)
  private let start = monotonicSeconds()

  init(_ label: String) {
    self.label = label
    isShown = isatty(STDERR_FILENO) != 0
  }

  /// - Parameter fraction: 0…1.
  func update(_ fraction: Double, _ detail: String = "") {
    guard isShown else { return }
    let now = Int64(monotonicSeconds() * 10)
    let last = lastDrawn.load(ordering: .relaxed)
    guard now != last, lastDrawn.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged else {
      return
    }
    let done = min(max(fraction, 0), 1)
    let width = 24
    let full = Int(done * Double(width))
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
    let elapsed = monotonicSeconds() - start
    var line = "\r\(label) \(bar) \(Int(done * 100))%"
    if done > 0.02, elapsed > 2 { line += "  \(Int(elapsed / done - elapsed)) s left" }
    if !detail.isEmpty { line += "  " + detail }
    let columns = RawTerminal.width(of: STDERR_FILENO) ?? 80
    RawTerminal.write(
      "\r" + DisplayWidth.prefix(of: line.dropFirst(), columns: columns - 1) + "\u{1B}[K", to: STDERR_FILENO)
  }

  func finish() {
    if isShown { RawTerminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
  }
}

private func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
