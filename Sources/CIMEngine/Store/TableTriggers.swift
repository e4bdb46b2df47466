internal import GRDBSQLite

/// The triggers of a table: SpatiaLite's (geometry type, R*Tree, times), our change log's, and whatever else is there.
enum TableTriggers {
  /// Those of the change log, as a layer has to have them.
  static func log(
    of stored: StoredLayer, in connection: SQLConnection
  ) throws(StoreError) -> [(name: String, sql: String)] {
    var idColumn = stored.idColumn
    if let id = idColumn, try !TableInspection.hasUniqueIndex(on: id, of: stored.layer.name, connection) {
      idColumn = nil
    }
    return ChangeLog.triggers(of: stored.layer.name, rowColumn: stored.rowColumn, idColumn: idColumn)
  }

  /// Makes those of the change log, replacing any of these names.
  static func makeLog(for stored: StoredLayer, in connection: SQLConnection) throws(StoreError) {
    for trigger in try log(of: stored, in: connection) {
      try connection.execute("DROP TRIGGER IF EXISTS \(quoted(trigger.name))")
      try connection.execute(trigger.sql)
    }
  }

  /// Drops every trigger of a table, for bulk work inside a transaction; gives what ``restore(_:in:)`` needs.
  static func dropAll(of table: String, in connection: SQLConnection) throws(StoreError) -> [String] {
    var result: [String] = []
    var names: [String] = []
    let triggers = try connection.prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?) ORDER BY rowid"
    ).bind(1, table)
    while try triggers.step() {
      names.append(triggers.text(0))
      result.append(triggers.text(1))
    }
    triggers.reset()
    for name in names { try connection.execute("DROP TRIGGER \(quoted(name))") }
    return result
  }

  static func restore(_ triggers: [String], in connection: SQLConnection) throws(StoreError) {
    for sql in triggers { try connection.execute(sql) }
  }
}
