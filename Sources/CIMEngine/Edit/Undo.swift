internal import GRDBSQLite

/// What the last edit replaced, kept in the same transaction: `cimq_undo` holds the old values of each row that it
/// touched, `cimq_edit` the edit itself. Only the last edit is kept.
final class UndoLog {
  private let kind: EditPlan.Kind
  private let stored: StoredLayer
  private let connection: SQLConnection
  private let insert: SQLStatement
  private var reads: (columns: [String], statement: SQLStatement)?
  private var count = 0
  /// False when something was changed that is not kept here: then the edit cannot be undone.
  var isComplete = true

  init(_ kind: EditPlan.Kind, _ stored: StoredLayer, in connection: SQLConnection) throws(StoreError) {
    self.kind = kind
    self.stored = stored
    self.connection = connection
    try connection.execute("DELETE FROM cimq_undo; DELETE FROM cimq_edit")
    insert = try SQLStatement(
      connection.handle, "INSERT INTO cimq_undo (fid, \"column\", value) VALUES (?1, ?2, ?3)", persistent: true)
  }

  func inserted(_ fid: Int64) throws(StoreError) {
    count += 1
    insert.bind(1, fid).bindNull(2).bindNull(3)
    try insert.run()
  }

  /// Keeps the values that a row has now.
  ///
  /// - Parameter columns: quoted.
  func keep(_ fid: Int64, columns: [String]) throws(StoreError) {
    count += 1
    if reads?.columns != columns {
      reads = (
        columns,
        try SQLStatement(
          connection.handle,
          "SELECT \(columns.joined(separator: ", ")) FROM \(quoted(stored.layer.name)) "
            + "WHERE \(quoted(stored.rowColumn)) = ?1", persistent: true)
      )
    }
    guard let statement = reads?.statement else { return }
    statement.bind(1, fid)
    defer { statement.reset() }
    guard try statement.step() else { return }
    for (i, column) in columns.enumerated() {
      insert.bind(1, fid).bind(2, column)
      sqlite3_bind_value(insert.handle, 3, sqlite3_column_value(statement.handle, Int32(i)))
      try insert.run()
    }
  }

  func finish() throws(StoreError) {
    guard isComplete else { return try connection.execute("DELETE FROM cimq_undo") }
    try connection.prepare(
      "INSERT INTO cimq_edit (layer, row_column, op, count, revision) "
        + "VALUES (?, ?, ?, ?, (SELECT max(revision) FROM cimq_change))"
    ).bind(1, stored.layer.name).bind(2, stored.rowColumn).bind(3, kind.verb).bind(4, Int64(count)).run()
  }
}

extension Database {
  /// Takes the last INSERT, UPDATE or DELETE back, if nobody has changed the database since.
  ///
  /// - Returns: what was undone, for the user: `undid the last edit: 3 rows of shelter were updated`.
  /// - Throws: ``StoreError`` when there is nothing to undo, or something was changed since.
  public func undoLastEdit() throws -> String {
    guard transaction == nil else {
      throw StoreError(.content, "a transaction is open; ROLLBACK takes back all of it")
    }
    let store = try Store.openForWriting(path)
    defer { store.close() }
    let result = try store.connection.transaction("IMMEDIATE") { try Undo.run(in: $0) }
    try? store.checkpoint()
    return result
  }
}

private enum Undo {
  static func run(in connection: SQLConnection) throws -> String {
    let edit = try connection.prepare("SELECT layer, row_column, op, count, revision FROM cimq_edit")
    guard try edit.step() else {
      throw StoreError(.content, "there is no edit to undo (edits of many rows and of 3D geometry are not kept)")
    }
    let (layer, rowColumn, verb) = (edit.text(0), edit.text(1), edit.text(2))
    let (count, revision) = (edit.int64(3), edit.int64(4))
    edit.reset()
    guard try connection.int("SELECT max(revision) FROM cimq_change") == revision else {
      throw StoreError(.content, "the database was changed after that edit; it is not undone")
    }
    let (table, key) = (quoted(layer), quoted(rowColumn))
    if verb == EditPlan.Kind.insert.verb {
      try connection.execute("DELETE FROM \(table) WHERE \(key) IN (SELECT fid FROM cimq_undo)")
    } else {
      try restore(table, key, isDeleted: verb == EditPlan.Kind.delete.verb, connection)
    }
    try connection.execute("DELETE FROM cimq_undo; DELETE FROM cimq_edit")
    return "undid the last edit: \(count) \(count == 1 ? "row" : "rows") of \(layer) had been \(verb)"
  }

  private static func restore(
    _ table: String, _ key: String, isDeleted: Bool, _ connection: SQLConnection
  ) throws(StoreError) {
    var columns: [String] = []
    let names = try connection.prepare(
      "SELECT \"column\" FROM cimq_undo WHERE fid = (SELECT min(fid) FROM cimq_undo) ORDER BY rowid")
    while try names.step() { columns.append(names.text(0)) }
    names.reset()
    guard !columns.isEmpty else { return }
    let sql: String
    if isDeleted {
      // The row number may itself be one of the columns.
      let others = columns.indices.filter { columns[$0] != key }
      let list = ([key] + others.map { columns[$0] }).joined(separator: ", ")
      let marks = (["?1"] + others.map { "?\($0 + 2)" }).joined(separator: ", ")
      sql = "INSERT INTO \(table) (\(list)) VALUES (\(marks))"
    } else {
      let sets = columns.indices.map { "\(columns[$0]) = ?\($0 + 2)" }.joined(separator: ", ")
      sql = "UPDATE \(table) SET \(sets) WHERE \(key) = ?1"
    }
    let write = try SQLStatement(connection.handle, sql, persistent: true)
    let old = try connection.prepare("SELECT fid, value FROM cimq_undo ORDER BY fid, rowid")
    var slot = 0
    while try old.step() {
      write.bind(1, old.int64(0))
      if !isDeleted || columns[slot] != key {
        sqlite3_bind_value(write.handle, Int32(slot + 2), sqlite3_column_value(old.handle, 1))
      }
      slot += 1
      if slot == columns.count {
        try write.run()
        slot = 0
      }
    }
  }
}
