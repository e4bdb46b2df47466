/// BEGIN … COMMIT: a connection that holds the right to write.
final class EditTransaction {
  let store: Store
  /// The disk was full or the like: SQLite has rolled everything back.
  var isLost = false
  private var owner: LockOwner?

  init(path: String) throws {
    store = try Store.openForWriting(path)
    do {
      try store.connection.use { try $0.execute("BEGIN IMMEDIATE") }
      owner = LockOwner(of: path)
    } catch {
      let error = StoreError(error, path: path)
      store.close()
      throw error
    }
  }

  func end(_ step: TransactionStep) throws {
    defer {
      owner = nil
      store.close()
    }
    if isLost {
      if step == .rollback { return }
      throw StoreError(.file, "the transaction was rolled back when the disk was full; nothing of it was kept")
    }
    try store.connection.use { try $0.execute(step == .commit ? "COMMIT" : "ROLLBACK") }
    if step == .commit { try? store.checkpoint() }
  }
}
