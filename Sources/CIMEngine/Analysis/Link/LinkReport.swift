internal import SpatialIndex

/// What is said of a LINK: in a line or two, and row by row for those that were not matched in the plain way.
struct LinkReport {
  let snapshot: Snapshot
  let layer: Int
  let target: Int

  /// For stderr.
  func notices(_ outcome: LinkRun.Outcome) throws -> [String] {
    let summary = outcome.summary
    var lines: [String] = []
    let what = summary.matchedCount == summary.rowCount ? "" : " touched since the last LINK"
    lines.append(
      "\(summary.layer): \(summary.matchedCount) rows\(what) matched with `\(summary.target)`, "
        + "\(summary.changedCount) \(summary.isDryRun ? "would change" : "changed") "
        + "(\(summary.column), \(summary.methodColumn), \(summary.distanceColumn)); matching "
        + "\(Self.seconds(summary.matchSeconds))"
        + (summary.isDryRun ? "; dry run, nothing written" : ", writing \(Self.seconds(summary.writeSeconds))"))
    let words: [(LinkReason, String)] = [
      (.sharedEdge, "on a shared edge or corner, given to the smallest code"),
      (.overlap, "where targets overlap, given to the smallest code"), (.gap, "in a gap between targets"),
      (.outside, "outside all targets"), (.noPlace, "without a place"),
    ]
    for (reason, text) in words where summary.count(reason) > 0 {
      let examples = try outcome.findings.lazy.filter { $0.reason == reason }.prefix(3).map { try id(Int($0.row)) }
      lines.append(
        "\(summary.count(reason)) \(text): \(examples.joined(separator: ", "))"
          + (summary.count(reason) > 3 ? ", …" : ""))
    }
    if outcome.findings.count > 3 {
      lines.append("`cimq link DB \(summary.layer) \(summary.target) --report FILE` lists them all")
    }
    return lines
  }

  private static func seconds(_ value: Double) -> String { "\((value * 1000).rounded() / 1000) s" }

  private func id(_ row: Int) throws(QueryError) -> String {
    do { return try snapshot.segment(layer).id(row) } catch { throw QueryError(.damaged(error.message)) }
  }

  /// One row for each finding.
  func write(_ outcome: LinkRun.Outcome, to sink: any RowSink) throws {
    var sink = sink
    let (source, goal) = (try snapshot.segment(layer), try snapshot.segment(target))
    let key = goal.columnIndex(named: "code") ?? goal.idColumn
    func name(_ row: UInt32) throws -> String {
      guard let key, case .text(let text) = try goal.value(key, Int(row)) else { return try goal.id(Int(row)) }
      return text
    }
    let columns = [
      ResultColumn(name: "id", type: .text), ResultColumn(name: "reason", type: .text),
      ResultColumn(name: "method", type: .text), ResultColumn(name: outcome.summary.column, type: .text),
      ResultColumn(name: "distance", type: .double), ResultColumn(name: "candidates", type: .text),
      ResultColumn(name: "geom", type: .geometry),
    ]
    try sink.begin(
      ResultHeader(
        columns: columns, crs: snapshot.catalog.workingCRS, hasShapes: sink.wantsShapes,
        rowCount: outcome.findings.count))
    let (places, shapes) = (try source.geometry(), try goal.geometry())
    let tree = try goal.tree()
    let ranks = try LinkMatch.ranks(goal)
    var start = 0
    while start < outcome.findings.count {
      let part = outcome.findings[start..<min(start + 1_000, outcome.findings.count)]
      start += part.count
      var ids: [String] = []
      var targets: [Value] = []
      var candidates: [Value] = []
      var points: [Geometry?] = []
      for finding in part {
        ids.append(try source.id(Int(finding.row)))
        targets.append(finding.target == LinkColumn.none ? .null : .text(try name(finding.target)))
        let place = places?.view(Int(finding.row))?.placePoint()
        points.append(place.map { .point($0.x, $0.y) })
        var codes: [String] = []
        if let place, let tree, let shapes, finding.reason == .sharedEdge || finding.reason == .overlap {
          var rows: [UInt32] = []
          tree.append(meeting: Box2(place.x, place.y, place.x, place.y), to: &rows)
          rows.sort { ranks[Int($0)] < ranks[Int($1)] }
          for row in rows where shapes.view(Int(row))?.meets(place.x, place.y) ?? false { codes.append(try name(row)) }
        }
        candidates.append(codes.isEmpty ? .null : .text(codes.joined(separator: " ")))
      }
      let distances = part.map { $0.distance.isNaN ? Value.null : .double($0.distance) }
      try sink.write(
        RowBatch(
          rowCount: part.count,
          columns: [
            Vector(.text(ids)), Vector(.text(part.map(\.reason.text))), Vector(.text(part.map(\.method.text))),
            Vector(values: targets, type: .text), Vector(values: distances, type: .double),
            Vector(values: candidates, type: .text), Vector(.geometry(points)),
          ], shapes: sink.wantsShapes ? points : [], ids: sink.wantsShapes ? ids : []))
    }
    try sink.end(notices: [])
  }
}
