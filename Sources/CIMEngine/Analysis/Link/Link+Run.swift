internal import SpatialIndex

extension StatementContext {
  /// `LINK layer TO layer BY INSIDE [ELSE NEAREST WITHIN dist] [DRY RUN]`: rows `method`, `rows`, always three of them.
  func runLink(_ link: LinkLayers, into sink: inout any RowSink) throws -> RunReport {
    guard transaction == nil else {
      throw QueryError(
        .invalid("LINK is a transaction of its own"), at: statement.range, fix: "COMMIT or ROLLBACK the open one first")
    }
    let names = CatalogNames.of(catalog)
    guard let layer = names.layer(link.layer.text) else { throw names.unknownLayer(link.layer) }
    guard let target = names.layer(link.target.text) else { throw names.unknownLayer(link.target) }
    var within: Double?
    if let distance = link.elseNearestWithin {
      var binder = FindBinder(BindState(catalog, bindContext))
      guard let metres = try binder.bind(distance: distance).constantNumber, metres >= 0, metres.isFinite else {
        throw QueryError(.invalid("the reach of LINK is a fixed length, such as 30 m"), at: distance.range)
      }
      within = metres
    }
    let linking = LinkRun(
      store: store, snapshot: snapshot, layer: layer, target: target, within: within,
      isDryRun: link.dryRun || statement.explain != nil, threads: run.threadCount, token: token)
    let outcome: LinkRun.Outcome
    do { outcome = try linking.run() } catch let error as QueryError {
      throw QueryError(error.reason, at: error.range ?? statement.range, fix: error.fix)
    }
    if !outcome.summary.isDryRun, outcome.summary.changedCount > 0 { _ = try Snapshot.current(for: store) }
    let columns = [ResultColumn(name: "method", type: .text), ResultColumn(name: "rows", type: .int)]
    try sink.begin(ResultHeader(columns: columns, crs: catalog.workingCRS, rowCount: 3))
    try sink.write(
      RowBatch(
        rowCount: 3,
        columns: [
          Vector(.text(LinkMethod.allCases.map(\.text))), Vector(.int(outcome.summary.counts.map { Int64($0) })),
        ]))
    try sink.end(notices: [])
    var report = RunReport()
    report.rowCount = 3
    report.notices = try LinkReport(snapshot: snapshot, layer: layer, target: target).notices(outcome)
    return report
  }
}

extension Database {
  /// Matches a layer with the polygons of another, as the statement LINK does, and lists the rows that were not matched in
  /// the plain way.
  ///
  /// - Parameters:
  ///   - within: metres; nil leaves rows outside all targets without.
  ///   - report: gets a row for each of those: `id`, `reason`, `method`, the target's key, `distance`, `candidates`, and
  ///     the place.
  /// - Throws: ``QueryError``, ``StoreError``; nothing is written then.
  public func link(
    _ layerName: String, to targetName: String, within: Double?, isDryRun: Bool = false,
    token: CancellationToken = CancellationToken(), report: (any RowSink)? = nil
  ) throws -> (summary: LinkSummary, notices: [String]) {
    guard !isInTransaction else {
      throw QueryError(.invalid("LINK is a transaction of its own"), fix: "COMMIT or ROLLBACK the open one first")
    }
    var found: (layer: Int, target: Int, outcome: LinkRun.Outcome)?
    for attempt in 1...20 where found == nil {
      try refresh()
      let (layer, target) = (try index(layerName), try index(targetName))
      let run = LinkRun(
        store: store, snapshot: snapshot, layer: layer, target: target, within: within, isDryRun: isDryRun, threads: 2,
        token: token, wantsReport: report != nil)
      do { found = (layer, target, try run.run()) } catch  where StaleSnapshot.isBehind(error) && attempt < 20 {
        try token.check()
      }
    }
    guard let (layer, target, outcome) = found else {
      throw StoreError(.file, "\(path) is changed by others all the time; nothing was written, try again")
    }
    let writer = LinkReport(snapshot: snapshot, layer: layer, target: target)
    if let report { try writer.write(outcome, to: report) }
    let notices = try writer.notices(outcome)
    if !isDryRun { try refresh() }
    return (outcome.summary, notices)
  }

  private func index(_ name: String) throws(QueryError) -> Int {
    let names = CatalogNames.of(catalog)
    guard let index = names.layer(name) else {
      let error = names.unknownLayer(Name(text: name, quoted: false, range: 0..<0))
      throw QueryError(error.reason, fix: error.fix)
    }
    return index
  }
}
