extension StatementContext {
  /// INSERT INTO, UPDATE, DELETE FROM. The rows and their new values are worked out on the snapshot and checked against
  /// the catalogue; then all of it is written in one transaction, which first makes sure that the database is still
  /// what was read.
  ///
  /// Answers with one row: how many rows were inserted, updated or deleted (with DRY RUN: would be).
  /// - Throws: ``QueryError`` for what is wrong with the statement or its values; ``StaleSnapshot`` when somebody else
  ///   wrote meanwhile, and the statement is to be run again; ``StoreError``.
  func runEdit(_ edit: Edit, dryRun: Bool, into sink: inout any RowSink) throws -> RunReport {
    guard statement.explain == nil else {
      throw QueryError(
        .notSupported("EXPLAIN of an edit"), at: statement.range,
        fix: "DRY RUN at its end says how many rows it touches")
    }
    let plan = try EditPlanner(self).plan(edit)
    var report = RunReport()
    report.notices = plan.notices
    if dryRun {
      report.notices.append("dry run: nothing was written")
    } else if plan.count > 0 {
      try token.check()
      report.notices += try EditWriter.write(plan, of: self)
    }
    try sink.begin(
      ResultHeader(
        columns: [ResultColumn(name: plan.kind.verb, type: .int)], crs: catalog.workingCRS, rowCount: 1))
    try sink.write(RowBatch(rowCount: 1, columns: [Vector(.int([Int64(plan.count)]))]))
    try sink.end(notices: [])
    report.rowCount = 1
    return report
  }
}

/// The database changed between reading and writing; the statement is to be run again on what it is now.
struct StaleSnapshot: Error {
  /// Stands in the message where only a ``StoreError`` passes.
  static let marker = "the database was changed by somebody else meanwhile; run the statement again"
  static func isBehind(_ error: any Error) -> Bool {
    error is StaleSnapshot || (error as? StoreError)?.message == marker
  }
}

/// What an edit will write, checked: nothing of it can be wrong any more but the world itself.
struct EditPlan {
  enum Kind {
    case insert, update, delete
    /// The name of the result's column.
    var verb: String {
      switch self {
      case .insert: "inserted"
      case .update: "updated"
      case .delete: "deleted"
      }
    }
  }
  /// What a row gets in one column.
  enum Cell: Equatable {
    case null
    case int(Int64)
    case double(Double)
    case text(String)
    /// In the working CRS; of a kind that the column takes.
    case geometry(Geometry)
  }
  struct Row {
    /// 0 for a row to be inserted.
    var fid: Int64
    var id: String
    /// Aligned with `targets`.
    var cells: [Cell]
  }
  /// A column to be written.
  enum Target: Equatable {
    case column(Int)
    case geometry
  }

  var kind: Kind
  /// Index in the catalogue.
  var layer: Int
  var targets: [Target]
  var rows: [Row]
  var notices: [String]
  var count: Int { rows.count }
}
