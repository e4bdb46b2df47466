internal import GRDBSQLite

/// A state of a database: the last entry of its change log.
///
/// The token is random, so that a revision number used again after a restored backup is not taken for the same state.
public struct Revision: Hashable, Sendable {
  /// The uuid of the database.
  public var uuid: String
  public var revision: Int64
  public var token: Int64

  public init(uuid: String, revision: Int64, token: Int64) {
    self.uuid = uuid
    self.revision = revision
    self.token = token
  }
}

/// What happened to one layer since a revision.
package struct LayerChanges: Sendable, Equatable {
  /// As stored.
  package var layer: String
  /// Rows were changed in bulk: nothing is known of single rows.
  package var isBulk: Bool
  /// Every rowid that was inserted, changed or deleted (old and new where it changed), ascending, each once. A row
  /// that a REPLACE displaced is among them in databases of version 2 and later.
  package var rowids: [Int64]
}

package struct Changes: Sendable, Equatable {
  package var entryCount: Int
  package var layers: [LayerChanges]
  /// The catalogue itself changed (columns, links, names).
  package var isCatalogChanged: Bool
}

/// The log of changes, `cimq_change`: one entry for each row changed, by triggers in core SQLite only, so that edits by
/// any program are seen.
enum ChangeLog {
  enum Operation: String {
    case insert = "I"
    case update = "U"
    case delete = "D"
    /// A whole layer changed, or was made or dropped.
    case bulk = "B"
    case catalog = "C"
    /// The database was made.
    case create = "N"
  }

  static func append(
    _ operation: Operation, layer: String?, row: Int64? = nil, in connection: SQLConnection
  ) throws(StoreError) {
    let insert = try connection.prepare(
      "INSERT INTO cimq_change (layer, op, rowid, old_rowid) VALUES (?, ?, ?, NULL)")
    insert.bind(1, layer).bind(2, operation.rawValue)
    if let row { insert.bind(3, row) } else { insert.bindNull(3) }
    try insert.run()
  }

  /// Names of the triggers of a layer, and the statements that make them.
  ///
  /// - Parameter idColumn: a column with a unique index: a REPLACE takes away the row that has a new row's id, of which
  ///   the other triggers see nothing; two more note that row before it goes.
  static func triggers(of table: String, rowColumn: String, idColumn: String?) -> [(name: String, sql: String)] {
    let row = quoted(rowColumn)
    let entries = [
      ("insert", "INSERT", "'I', NEW.\(row), NULL"), ("update", "UPDATE", "'U', NEW.\(row), OLD.\(row)"),
      ("delete", "DELETE", "'D', OLD.\(row), NULL"),
    ]
    var result = entries.map { suffix, event, values in
      let name = "cimq_\(table)_\(suffix)"
      return (
        name,
        """
        CREATE TRIGGER \(quoted(name)) AFTER \(event) ON \(quoted(table)) BEGIN
        INSERT INTO cimq_change (layer, op, rowid, old_rowid) VALUES (\(literal(table)), \(values));
        END
        """
      )
    }
    guard let idColumn else { return result }
    let (own, id) = (quoted(table), quoted(idColumn))
    let taken = "SELECT \(literal(table)), 'U', \(row), NULL FROM \(own) WHERE \(id) = NEW.\(id)"
    for (suffix, event, condition) in [
      ("displace_insert", "INSERT", ""), ("displace_update", "UPDATE OF \(id)", "NEW.\(id) IS NOT OLD.\(id) AND "),
    ] {
      let name = "cimq_\(table)_\(suffix)"
      result.append(
        (
          name,
          """
          CREATE TRIGGER \(quoted(name)) BEFORE \(event) ON \(own)
          WHEN \(condition)EXISTS (SELECT 1 FROM \(own) WHERE \(id) = NEW.\(id)) BEGIN
          INSERT INTO cimq_change (layer, op, rowid, old_rowid) \(taken);
          END
          """
        ))
    }
    return result
  }

  static func current(in connection: SQLConnection) throws(StoreError) -> Revision {
    let statement = try connection.prepare(
      """
      SELECT m.uuid, c.revision, c.token FROM cimq_meta AS m
      LEFT JOIN (SELECT revision, token FROM cimq_change ORDER BY revision DESC LIMIT 1) AS c
      """)
    guard try statement.step() else {
      throw StoreError(.content, "the table cimq_meta is empty; the database is damaged")
    }
    return Revision(uuid: statement.text(0), revision: statement.int64(1), token: statement.int64(2))
  }

  /// What changed since `revision`, or nil when the log does not hold that entry any more (or never did).
  static func changes(since revision: Revision, in connection: SQLConnection) throws(StoreError) -> Changes? {
    guard try holds(revision, in: connection) else { return nil }
    let entries = try connection.prepare(
      "SELECT layer, op, rowid, old_rowid FROM cimq_change WHERE revision > ? ORDER BY layer"
    ).bind(1, revision.revision)
    var result = Changes(entryCount: 0, layers: [], isCatalogChanged: false)
    var current: LayerChanges?
    func finish(_ layer: LayerChanges?) {
      guard var layer else { return }
      layer.rowids.sort()
      var unique: [Int64] = []
      unique.reserveCapacity(layer.rowids.count)
      for rowid in layer.rowids where unique.last != rowid { unique.append(rowid) }
      layer.rowids = layer.isBulk ? [] : unique
      result.layers.append(layer)
    }
    while try entries.step() {
      result.entryCount += 1
      let operation = Operation(rawValue: entries.text(1))
      if operation == .catalog { result.isCatalogChanged = true }
      guard let name = entries.optionalText(0), operation != .catalog else { continue }
      if current?.layer != name {
        finish(current)
        current = LayerChanges(layer: name, isBulk: false, rowids: [])
      }
      if operation == .insert || operation == .update || operation == .delete {
        current?.rowids.append(entries.int64(2))
        if !entries.isNull(3) { current?.rowids.append(entries.int64(3)) }
      } else {
        current?.isBulk = true
      }
    }
    finish(current)
    return result
  }

  static func holds(_ revision: Revision, in connection: SQLConnection) throws(StoreError) -> Bool {
    let find = try connection.prepare(
      "SELECT 1 FROM cimq_change, cimq_meta WHERE revision = ? AND token = ? AND uuid = ?"
    ).bind(1, revision.revision).bind(2, revision.token).bind(3, revision.uuid)
    return try find.step()
  }
}
