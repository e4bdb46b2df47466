internal import GRDBSQLite
internal import SpatialIndex

/// Writes a checked edit.
enum EditWriter {
  /// More rows than this are logged as one change, and cannot be undone with `.undo`.
  static let logLimit = 10_000

  /// - Throws: ``StaleSnapshot`` when the database is not what `context` read any more.
  /// - Returns: what is to be said.
  static func write(_ plan: EditPlan, of context: StatementContext) throws -> [String] {
    if let transaction = context.transaction {
      return try transaction.store.connection.use { connection in
        try connection.execute("SAVEPOINT edit")
        do {
          let notices = try EditWriting(plan, context, connection).run()
          try connection.execute("RELEASE edit")
          return notices
        } catch {
          // A full disk has rolled everything back already.
          if sqlite3_get_autocommit(connection.handle) == 0 {
            try? connection.execute("ROLLBACK TO edit; RELEASE edit")
          } else {
            transaction.isLost = true
          }
          throw error
        }
      }
    }
    let store = try Store.openForWriting(context.store.path)
    defer { store.close() }
    var notices: [String] = []
    try store.connection.transaction("IMMEDIATE") { connection in
      let reader = StoreReader(connection: connection, path: store.path)
      guard try context.snapshot.isCurrent(in: reader) else { throw StaleSnapshot() }
      notices = try EditWriting(plan, context, connection).run()
    }
    try? store.checkpoint()
    return notices
  }
}

private final class EditWriting {
  private let plan: EditPlan
  private let context: StatementContext
  private let connection: SQLConnection
  private let stored: StoredLayer
  private let state: StoredCatalog
  private var blobs = SpatiaLiteBlob.Writer()
  private let transform: CRSTransform?
  private let undo: UndoLog?

  init(_ plan: EditPlan, _ context: StatementContext, _ connection: SQLConnection) throws {
    self.plan = plan
    self.context = context
    self.connection = connection
    state = try StoredCatalog.read(in: connection, path: context.store.path)
    let name = context.catalog.layers[plan.layer].name
    guard let index = state.index(of: name) else { throw StaleSnapshot() }
    stored = state.layers[index]
    transform =
      try stored.srid.flatMap { $0 == context.catalog.workingCRS.epsgCode ? nil : $0 }
      .map { try CRSTransform.between(context.catalog.workingCRS, .epsg($0)) }
    undo = try plan.count <= EditWriter.logLimit ? UndoLog(plan.kind, stored, in: connection) : nil
  }

  private var table: String { quoted(stored.layer.name) }
  private var rowColumn: String { quoted(stored.rowColumn) }

  private func name(_ target: EditPlan.Target) -> String {
    switch target {
    case .geometry: quoted(stored.layer.geometry?.name ?? "geom")
    case .column(let column): quoted(stored.sources[column] ?? stored.rowColumn)
    }
  }

  func run() throws -> [String] {
    let isBulk = plan.count > EditWriter.logLimit
    if isBulk { try TableTriggers.dropLog(of: stored, in: connection) }
    switch plan.kind {
    case .insert: try insert()
    case .update: try update()
    case .delete: try delete()
    }
    var notices: [String] = []
    if isBulk {
      try TableTriggers.makeLog(for: stored, in: connection)
      try ChangeLog.append(.bulk, layer: stored.layer.name, in: connection)
      try StoredCatalog.markSeen(in: connection)
      notices.append("this edit of \(plan.count) rows cannot be undone with .undo (more than \(EditWriter.logLimit))")
    }
    try undo?.finish()
    return notices
  }

  private func insert() throws {
    let names = plan.targets.map(name).joined(separator: ", ")
    let marks = plan.targets.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    let statement = try SQLStatement(
      connection.handle, "INSERT INTO \(table) (\(names)) VALUES (\(marks))", persistent: true)
    for (i, row) in plan.rows.enumerated() {
      if i & 1023 == 0 { try context.token.check() }
      try bind(row, to: statement)
      try statement.run()
      try undo?.inserted(sqlite3_last_insert_rowid(connection.handle))
    }
  }

  private func update() throws {
    let sets = plan.targets.indices.map { "\(name(plan.targets[$0])) = ?\($0 + 1)" }.joined(separator: ", ")
    let statement = try SQLStatement(
      connection.handle, "UPDATE \(table) SET \(sets) WHERE \(rowColumn) = ?\(plan.targets.count + 1)",
      persistent: true)
    if try movesIds() { try parkIds() }
    let columns = plan.targets.map(name)
    for (i, row) in plan.rows.enumerated() {
      if i & 1023 == 0 { try context.token.check() }
      try undo?.keep(row.fid, columns: columns)
      try bind(row, to: statement)
      statement.bind(plan.targets.count + 1, row.fid)
      try statement.run()
      guard connection.changes == 1 else { throw StaleSnapshot() }
    }
  }

  /// Whether rows take each other's ids: then one after the other would collide.
  private func movesIds() throws -> Bool {
    guard let slot = plan.targets.firstIndex(of: .column(0)) else { return false }
    let old = Set(plan.rows.map(\.id))
    return plan.rows.contains { row in
      if case .text(let id) = row.cells[slot] { id != row.id && old.contains(id) } else { false }
    }
  }

  private func parkIds() throws {
    throw QueryError(
      .notSupported("rows that take each other's ids in one UPDATE"), at: context.statement.range,
      fix: "give them ids that are free first")
  }

  private func delete() throws {
    let statement = try SQLStatement(
      connection.handle, "DELETE FROM \(table) WHERE \(rowColumn) = ?1", persistent: true)
    let solids = try state.solids.first { $0.solidsOf?.lowercased() == stored.layer.name.lowercased() }
      .map { solids in
        try SQLStatement(
          connection.handle,
          "DELETE FROM \(quoted(solids.layer.name)) WHERE \(quoted(solids.solidsOf ?? "parent")) = ?1",
          persistent: true)
      }
    var columns = stored.sources.compactMap { $0.map(quoted) }
    if let geometry = stored.layer.geometry { columns.append(quoted(geometry.name)) }
    for (i, row) in plan.rows.enumerated() {
      if i & 1023 == 0 { try context.token.check() }
      try undo?.keep(row.fid, columns: columns)
      if let solids {
        try solids.bind(1, row.fid).run()
        if connection.changes > 0 { undo?.isComplete = false }
      }
      try statement.bind(1, row.fid).run()
      guard connection.changes == 1 else { throw StaleSnapshot() }
    }
  }

  private func bind(_ row: EditPlan.Row, to statement: SQLStatement) throws {
    for (i, cell) in row.cells.enumerated() {
      switch cell {
      case .null: statement.bindNull(i + 1)
      case .int(let value): statement.bind(i + 1, value)
      case .double(let value): statement.bind(i + 1, value)
      case .text(let text):
        if case .column(let column) = plan.targets[i], stored.sources[column] == nil {
          guard let number = Int64(text) else {
            throw QueryError(
              .invalid("the id of `\(stored.layer.name)` is its row number, a whole number, and no text"),
              at: context.statement.range)
          }
          statement.bind(i + 1, number)
        } else {
          statement.bind(i + 1, text)
        }
      case .geometry(var geometry):
        if let transform { try transform.apply(&geometry) }
        let column = stored.layer.geometry
        let isMulti = column?.kind.map { $0 == $0.multi && $0 != .geometryCollection } ?? false
        let blob = blobs.encode(
          geometry, srid: Int32(stored.srid ?? 0), heights: column?.hasZ == true ? .require : .drop, asMulti: isMulti)
        if let blob { statement.bind(i + 1, blob: Array(blob)) } else { statement.bindNull(i + 1) }
      }
    }
  }
}

extension TableTriggers {
  /// Drops the triggers of the change log, for an edit that is logged as one.
  static func dropLog(of stored: StoredLayer, in connection: SQLConnection) throws(StoreError) {
    for trigger in try log(of: stored, in: connection) {
      try connection.execute("DROP TRIGGER IF EXISTS \(quoted(trigger.name))")
    }
  }
}
