/// What a statement beside FIND and LET works with: the store it may write, the snapshot it reads, and the stages of a
/// query for the FINDs and references inside it. Each such statement has a folder of its own here and extends this
/// type with its `run…(into:)`.
struct StatementContext {
  /// The whole statement, for its range and its EXPLAIN.
  let statement: Statement
  let session: Session
  let run: QueryRun
  let store: Store
  let snapshot: Snapshot
  let bindContext: BindContext
  /// BEGIN … COMMIT: the connection that edits go to, and that `snapshot` was read from.
  var transaction: EditTransaction?

  var catalog: Catalog { snapshot.catalog }
  var token: CancellationToken { run.token }

  /// Carries out the statement and sends its rows into `sink`.
  func perform(into sink: inout any RowSink) throws -> RunReport {
    switch statement.body {
    case .find, .let, .transaction: preconditionFailure("bound and executed by the database itself")
    case .expose(let expose): try runExpose(expose, into: &sink)
    case .allocate(let allocate): try runAllocate(allocate, into: &sink)
    case .link(let link): try runLink(link, into: &sink)
    case .brief(let brief): try runBrief(brief, into: &sink)
    case .edit(let edit, let dryRun): try runEdit(edit, dryRun: dryRun, into: &sink)
    }
  }

  // MARK: Queries inside the statement

  func bind(_ find: Find) throws(QueryError) -> BoundFind {
    let inner = Statement(explain: nil, body: .find(find), export: nil, range: find.range)
    guard case .find(let bound) = try CIMEngine.bind(inner, in: catalog, bindContext).body else {
      preconditionFailure("a FIND binds to a FIND")
    }
    return bound
  }

  /// A reference with its sets written out and its literals in the working CRS.
  func bind(_ reference: Reference) throws(QueryError) -> BoundReference {
    let state = BindState(catalog, bindContext)
    var binder = FindBinder(state)
    return try binder.bind(reference: try state.expand(reference))
  }

  var executor: Executor {
    Executor(
      catalog: catalog, tables: SnapshotTables(snapshot, path: store.path), token: token, threads: run.threadCount)
  }

  /// Runs a FIND into a sink of the statement's own; returns how many rows it gave.
  @discardableResult
  func execute(_ find: BoundFind, isOrdered: Bool = false, into sink: inout any RowSink) throws -> Int {
    try executor.run(find, isOrdered: isOrdered, into: &sink)
  }
}
