internal import Dispatch
internal import Synchronization

/// Packs what was edited while statements go on, in a process that lives for more than one of them.
final class BackgroundPacking: Sendable {
  /// From so many edited rows on.
  static let threshold = 2_000
  private let state = Mutex((statements: 0, isRunning: false))

  func considerPacking(_ snapshot: Snapshot, _ path: String) {
    let isDue = state.withLock { state in
      state.statements += 1
      guard state.statements > 1, !state.isRunning, snapshot.overlayRowCount >= Self.threshold else { return false }
      state.isRunning = true
      return true
    }
    guard isDue else { return }
    DispatchQueue.global(qos: .utility).async { [self] in
      defer { state.withLock { $0.isRunning = false } }
      // What fails here is met again, and said, when a statement needs it.
      guard let store = try? Store.open(path) else { return }
      defer { store.close() }
      try? Snapshot.packInBackground(store)
    }
  }
}
