internal import GRDBSQLite

/// One read transaction. Valid inside the closure that it is given to, on that thread.
package final class StoreReader {
  let connection: SQLConnection
  let path: String
  private var cached: StoredCatalog?

  init(connection: SQLConnection, path: String) {
    self.connection = connection
    self.path = path
  }

  /// The last entry of the change log.
  package func revision() throws(StoreError) -> Revision { try ChangeLog.current(in: connection) }

  /// Changes with every CREATE, ALTER and DROP by any program. While this and the revision are the same, so are the
  /// catalogue and the data.
  ///
  /// A copy made by SQLite's `.backup` counts from 1 again, so the number alone can come back: when the tables are not
  /// those that the catalogue describes, this is a negative number made from their definitions.
  package func schemaVersion() throws(StoreError) -> Int64 {
    let version = try connection.int("PRAGMA schema_version") ?? 0
    if try StoredCatalog.describesTables(in: connection) { return version }
    return try StoredCatalog.definitionNumber(in: connection)
  }

  /// The catalogue as this transaction sees it; about a millisecond the first time.
  package func catalog() throws(StoreError) -> StoredCatalog {
    if let cached { return cached }
    let result = try StoredCatalog.read(in: connection, path: path)
    cached = result
    return result
  }

  /// What changed since `revision`, or nil when the log does not hold that entry (any more): then nothing derived from
  /// that state may be used.
  package func changes(since revision: Revision) throws(StoreError) -> Changes? {
    try ChangeLog.changes(since: revision, in: connection)
  }

  /// Calls `body` with the rows of a layer in the order of their rowids, streaming.
  ///
  /// - Parameters:
  ///   - layer: an entry of this transaction's catalogue (`layers` or `solids`).
  ///   - columns: which of `layer.layer.columns`; the row's accessors count along this list.
  ///   - geometry: whether the row has the geometry too.
  ///   - range: only rowids in it.
  /// - Returns: values that were not of their column's type, and were given as NULL.
  @discardableResult
  package func scan(
    _ layer: StoredLayer, columns: [Int], geometry: Bool, range: ClosedRange<Int64> = Int64.min...Int64.max,
    _ body: (borrowing ScanRow) throws -> Void
  ) throws -> ScanReport {
    var sql = selection(layer, columns, geometry)
    if range != Int64.min...Int64.max { sql += " WHERE \(quoted(layer.rowColumn)) BETWEEN ?1 AND ?2" }
    let statement = try SQLStatement(connection.handle, sql + " ORDER BY \(quoted(layer.rowColumn))")
    if range != Int64.min...Int64.max { statement.bind(1, range.lowerBound).bind(2, range.upperBound) }
    let row = ScanRow(statement, layer, columns, geometry, try transform(of: layer))
    while try statement.step() { try body(row) }
    return row.report
  }

  /// The rows with these rowids that exist, in the order of `rowids`.
  @discardableResult
  package func rows(
    _ layer: StoredLayer, rowids: [Int64], columns: [Int], geometry: Bool, _ body: (borrowing ScanRow) throws -> Void
  ) throws -> ScanReport {
    let statement = try SQLStatement(
      connection.handle, selection(layer, columns, geometry) + " WHERE \(quoted(layer.rowColumn)) = ?1")
    let row = ScanRow(statement, layer, columns, geometry, try transform(of: layer))
    for rowid in rowids {
      statement.bind(1, rowid)
      while try statement.step() { try body(row) }
      statement.reset()
    }
    return row.report
  }

  /// The ids behind rowids: what a column linked by `fid` shows. nil where there is no such row.
  package func ids(of layer: StoredLayer, rowids: [Int64]) throws -> [String?] {
    let column = quoted(layer.idColumn ?? layer.rowColumn)
    let statement = try SQLStatement(
      connection.handle,
      "SELECT \(column) FROM \(quoted(layer.layer.name)) WHERE \(quoted(layer.rowColumn)) = ?1")
    return try rowids.map { rowid in
      statement.bind(1, rowid)
      defer { statement.reset() }
      return try statement.step() ? statement.optionalText(0) : nil
    }
  }

  /// nil when the geometry is in the working CRS already.
  private func transform(of layer: StoredLayer) throws -> CRSTransform? {
    let working = try catalog().catalog.workingCRS
    guard let srid = layer.srid, srid != working.epsgCode else { return nil }
    return try CRSTransform.between(.epsg(srid), working)
  }

  private func selection(_ layer: StoredLayer, _ columns: [Int], _ geometry: Bool) -> String {
    var fields = [quoted(layer.rowColumn)]
    for column in columns { fields.append(quoted(layer.sources[column] ?? layer.rowColumn)) }
    if geometry { fields.append(layer.layer.geometry.map { quoted($0.name) } ?? "NULL") }
    return "SELECT \(fields.joined(separator: ", ")) FROM \(quoted(layer.layer.name))"
  }
}

/// Values that a scan could not give, because a table holds something other than its column says.
package struct ScanReport: Sendable {
  /// One line for each column with such values, with count and an example.
  package var messages: [String] = []
}
