/// A city database opened for questions: the store, its snapshot, and the five stages of a query.
///
/// ```swift
/// let city = try Database(path: "city.sqlite")
/// let writer = ByteWriter(descriptor: 1)
/// let sink = try OutputFormat.geojson.makeSink(to: writer, catalog: city.catalog)
/// try city.run("FIND shelter NEAREST 3 TO AT(113.65, 34.76)", into: sink)
/// ```
///
/// One instance belongs to one thread; open another for another thread. Rows are read from the snapshot, which is
/// checked against the store before each statement, so edits made meanwhile by anyone are seen by the next statement.
public final class Database {
  let store: Store
  private let notice: (String) -> Void
  private(set) var snapshot: Snapshot { didSet { tables = SnapshotTables(snapshot, path: path) } }
  public let path: String
  /// Between BEGIN and COMMIT or ROLLBACK.
  private(set) var transaction: EditTransaction?
  private let packing = BackgroundPacking()
  /// The tables of the snapshot, with what was checked and looked up in them: kept from one statement to the next.
  private var tables: SnapshotTables
  /// The database file when it was last compared with the snapshot; nil when it was changing.
  private var stamp: StoreStamp?

  /// Opens the database at `path`. A snapshot that is missing, stale or damaged is packed anew first.
  ///
  /// - Parameter notice: told what the user should know: a snapshot packed anew, a layer changed by another program.
  /// - Throws: ``StoreError`` when there is no database, or it is none of cimq's.
  public init(path: String, notice: @escaping (String) -> Void = { _ in }) throws {
    self.notice = notice
    self.path = path
    if let unchanged = Snapshot.unchanged(path) {
      store = try Store.openWhenNeeded(path)
      (snapshot, stamp) = (unchanged.snapshot, unchanged.stamp)
      tables = SnapshotTables(snapshot, path: path)
      return
    }
    store = try Store.open(path)
    let before = StoreStamp(database: path)
    snapshot = try Snapshot.current(for: store, notice: notice)
    tables = SnapshotTables(snapshot, path: path)
    keep(before)
  }

  /// Remembers the file as it was before the snapshot was compared with it, unless it may have changed since.
  private func keep(_ before: StoreStamp?) {
    stamp = nil
    guard let before, before.isSettled, before == StoreStamp(database: store.path) else { return }
    stamp = before
    // Edits that are laid over the files are in no folder.
    if snapshot.overlay == nil { before.keep(in: snapshot.path, as: snapshot.state) }
  }

  public var catalog: Catalog { snapshot.catalog }
  public var snapshotPath: String { snapshot.path }

  /// Packs what has changed since the snapshot was made, or everything; returns the snapshot's folder.
  ///
  /// - Throws: ``StoreError``; `QueryError` of reason `.interrupted` when `token` was cancelled.
  @discardableResult
  public static func pack(
    _ path: String, token: CancellationToken = CancellationToken(), everything: Bool = false,
    progress: (SnapshotProgress) -> Void = { _ in }
  ) throws -> String {
    let store = try Store.open(path)
    defer { store.close() }
    func step(_ state: SnapshotProgress) throws {
      try token.check()
      progress(state)
    }
    let snapshot =
      try everything ? Snapshot.rebuilt(for: store, progress: step) : Snapshot.packed(for: store, progress: step)
    return snapshot.path
  }

  /// Parses a text with the names of this database.
  public func parse(_ text: String, strictCQL2: Bool = false) throws(QueryError) -> Script {
    try CIMEngine.parse(text, names: KnownNames(catalog), strictCQL2: strictCQL2)
  }

  /// Runs one statement and pushes its rows into `sink`, or into the file of its EXPORT TO.
  ///
  /// - Throws: ``QueryError``, and what the sink throws.
  public func run(
    _ statement: Statement, in session: inout Session, _ run: QueryRun, into sink: any RowSink
  ) throws -> RunReport {
    if case .transaction(let step) = statement.body { return try perform(step, statement) }
    let gate = BeginGate(sink)
    defer { run.token.forgetMemory() }
    // An edit works out its rows first and takes the lock then: when somebody else wrote in between, it begins again.
    for _ in 0..<3 {
      try refresh()
      do {
        let report = try runOnce(statement, &session, run, gate)
        if case .find = statement.body {} else { store.connection.acceptTouches() }
        return report
      } catch  where StaleSnapshot.isBehind(error) && !gate.hasBegun && transaction == nil {
        try run.token.check()
      }
    }
    // Others write all the time: the lock comes first, then.
    transaction = try EditTransaction(path: path)
    do {
      try refresh()
      let report = try runOnce(statement, &session, run, gate)
      try endTransaction(.commit)
      return report
    } catch {
      try? endTransaction(.rollback)
      throw error
    }
  }

  private func endTransaction(_ step: TransactionStep) throws {
    let open = transaction
    transaction = nil
    try open?.end(step)
    store.connection.acceptTouches()
  }

  /// The snapshot of the database as it is now; inside a transaction, as that transaction sees it.
  /// Each statement begins with it; call it for a ``catalog`` that shows what others have changed.
  public func refresh() throws {
    if let transaction {
      stamp = nil
      try checkIsHere(transaction)
      snapshot = try Snapshot.inside(transaction.store, base: snapshot)
      return
    }
    store.connection.reopenIfTouched()
    let now = StoreStamp(database: store.path)
    if now == nil || now != stamp {
      let current = try Snapshot.current(for: store, previous: snapshot, notice: notice)
      if current !== snapshot { snapshot = current }
      keep(now)
    }
    packing.considerPacking(snapshot, path)
  }

  /// What is written into a file that has lost its name is lost.
  private func checkIsHere(_ open: EditTransaction) throws {
    guard open.store.connection.isExchanged else { return }
    try? endTransaction(.rollback)
    throw StoreError(
      .file, "\(path) was exchanged for another file while a transaction was open; nothing of the transaction was kept")
  }

  /// Whether edits are open that COMMIT keeps and ROLLBACK takes back.
  public var isInTransaction: Bool { transaction != nil }

  private func perform(_ step: TransactionStep, _ statement: Statement) throws -> RunReport {
    switch (step, transaction) {
    case (.begin, nil): transaction = try EditTransaction(path: path)
    case (.begin, _?):
      throw QueryError(
        .invalid("a transaction is open already"), at: statement.range, fix: "COMMIT keeps it, ROLLBACK takes it back")
    case (_, nil):
      throw QueryError(.invalid("no transaction is open"), at: statement.range, fix: "BEGIN opens one")
    case (_, let open?):
      if step == .commit { try checkIsHere(open) }
      try endTransaction(step)
    }
    return RunReport()
  }

  private func runOnce(
    _ statement: Statement, _ session: inout Session, _ run: QueryRun, _ gate: BeginGate
  ) throws -> RunReport {
    do {
      return try attempt(statement, &session, run, gate)
    } catch let error as QueryError {
      guard case .damaged(let finding) = error.reason else { throw error }
      // The store is the truth: pack anew and answer again, unless rows have left already.
      notice(finding)
      snapshot = try Snapshot.rebuilt(for: store, notice: { _ in })
      if let transaction { snapshot = try Snapshot.inside(transaction.store, base: snapshot) }
      guard !gate.hasBegun else {
        throw StoreError(.file, "the snapshot was damaged and has been packed anew; run the statement again")
      }
      return try attempt(statement, &session, run, gate)
    }
  }

  private func attempt(
    _ statement: Statement, _ session: inout Session, _ run: QueryRun, _ sink: BeginGate
  ) throws -> RunReport {
    let workingCRS = catalog.workingCRS
    var context = BindContext(session: session, lookup: SnapshotLookup(snapshot)) { [sandbox = run.sandbox] path, crs in
      try ReferenceFile.geometries(path, crs: crs, workingCRS: workingCRS, sandbox: sandbox)
    }
    let plain = StatementContext(
      statement: statement, session: session, run: run, store: store, snapshot: snapshot, bindContext: context,
      transaction: transaction)
    context.exposed = ExposedRows { expose throws(QueryError) in try plain.exposedRows(expose) }
    let bound = try bind(statement, in: catalog, context)
    var report = RunReport()
    switch bound.body {
    case .let(let name, let reference): session.sets[name] = reference
    case .find(let find):
      if let explain = bound.explain {
        report = try self.explain(find, explain, run, sink)
      } else if let export = bound.export {
        let file = try run.makeExport(export)
        report = try execute(find, run, into: BeginGate(file))
        report.exports.append(file)
      } else {
        report = try execute(find, run, into: sink)
      }
    case .other:
      let inner = StatementContext(
        statement: statement, session: session, run: run, store: store, snapshot: snapshot, bindContext: context,
        transaction: transaction)
      let file = try bound.export.map(run.makeExport)
      var target: any RowSink = file.map { BeginGate($0) } ?? sink
      report = try inner.perform(into: &target)
      if let file { report.exports.append(file) }
    }
    return report
  }

  private func execute(_ find: BoundFind, _ run: QueryRun, into gate: BeginGate) throws -> RunReport {
    var sink: any RowSink = gate
    var report = RunReport()
    report.rowCount = try executor(run).run(find, isOrdered: run.isOrdered, into: &sink)
    report.notices = gate.notices
    return report
  }

  private func executor(_ run: QueryRun, isMetered: Bool = false) -> Executor {
    Executor(
      catalog: catalog, tables: tables, token: run.token, threads: run.threadCount, isMetered: isMetered)
  }

  /// EXPLAIN answers with rows of one text column.
  private func explain(
    _ find: BoundFind, _ mode: Statement.Explain, _ run: QueryRun, _ sink: BeginGate
  ) throws -> RunReport {
    let lines = try executor(run, isMetered: mode == .analyze).explain(find, analyze: mode == .analyze)
    try sink.begin(ResultHeader(columns: [ResultColumn(name: "plan", type: .text)], crs: catalog.workingCRS))
    try sink.write(RowBatch(rowCount: lines.count, columns: [Vector(.text(lines))]))
    try sink.end(notices: [])
    var report = RunReport()
    report.rowCount = lines.count
    return report
  }
}

/// Knows whether anything has reached the sink: until then a statement can be run again.
private final class BeginGate: RowSink {
  private var sink: any RowSink
  private(set) var hasBegun = false
  private(set) var notices: [String] = []

  init(_ sink: any RowSink) { self.sink = sink }

  var wantsShapes: Bool { sink.wantsShapes }
  func begin(_ header: ResultHeader) throws {
    hasBegun = true
    try sink.begin(header)
  }
  func write(_ batch: RowBatch) throws { try sink.write(batch) }
  func end(notices: [String]) throws {
    self.notices = notices
    try sink.end(notices: notices)
  }
}
