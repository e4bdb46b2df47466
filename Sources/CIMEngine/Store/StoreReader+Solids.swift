internal import GRDBSQLite

extension StoreReader {
  /// The table of 3D geometry beside a layer, if it has one.
  package func solids(of layer: String) throws(StoreError) -> StoredLayer? {
    let name = layer.lowercased()
    return try catalog().solids.first { $0.solidsOf?.lowercased() == name }
  }

  /// Every 3D geometry of a table with the rowid of its parent, in the order of the table.
  func forEachSolid(in table: StoredLayer, _ body: (_ parent: Int64, borrowing Geometry) throws -> Void) throws {
    let statement = try SQLStatement(
      connection.handle, "SELECT \(quoted(table.solidsOf ?? "parent")), geom FROM \(quoted(table.layer.name))")
    var geometry = Geometry(kind: .multiPolygon)
    while try statement.step() {
      do { try SpatiaLiteBlob.read(statement.blob(1), into: &geometry) } catch {
        throw damaged(table, statement.int64(0), "\(error)")
      }
      try body(statement.int64(0), geometry)
    }
  }

  /// Every 3D geometry of a table, without semantics and appearance, with the id of its parent.
  func forEachSolidGeometry(in table: StoredLayer, _ body: (SolidGeometry, _ parent: String) throws -> Void) throws {
    guard let parent = try catalog().layers.first(where: { $0.layer.name.lowercased() == table.solidsOf?.lowercased() })
    else { return }
    let ids = try SQLStatement(
      connection.handle,
      "SELECT \(quoted(parent.idColumn ?? parent.rowColumn)) FROM \(quoted(parent.layer.name)) WHERE \(quoted(parent.rowColumn)) = ?1"
    )
    let statement = try SQLStatement(
      connection.handle,
      "SELECT \(quoted(table.solidsOf ?? "parent")), object, lod, kind, shells, geom FROM \(quoted(table.layer.name))")
    while try statement.step() {
      ids.bind(1, statement.int64(0))
      let id = try ids.step() ? ids.text(0) : "row \(statement.int64(0))"
      ids.reset()
      let surfaces: Geometry
      do { surfaces = try SpatiaLiteBlob.read(statement.blob(5)).geometry } catch {
        throw damaged(table, statement.int64(0), "\(error)")
      }
      try body(
        SolidGeometry(
          object: statement.optionalText(1) ?? id, lod: statement.optionalText(2) ?? "", kind: statement.text(3),
          surfaces: surfaces, shellStarts: Self.shells(statement.optionalText(4))), id)
    }
  }

  private static func shells(_ text: String?) -> [Int] {
    text.map { $0.dropFirst().dropLast().split(separator: ",").compactMap { Int($0) } } ?? [0]
  }

  /// The statement behind ``solids(_:parent:id:)``.
  func solidsOfParent(in table: StoredLayer) throws(StoreError) -> (statement: SQLStatement, table: StoredLayer) {
    (
      try SQLStatement(
        connection.handle,
        """
        SELECT object, lod, kind, shells, geom FROM \(quoted(table.layer.name))
        WHERE \(quoted(table.solidsOf ?? "parent")) = ?1 ORDER BY fid
        """), table
    )
  }

  /// The 3D geometries of one row, without semantics and appearance.
  func solids(
    _ query: (statement: SQLStatement, table: StoredLayer), parent: Int64, id: String
  ) throws -> [SolidGeometry] {
    let statement = query.statement
    statement.bind(1, parent)
    defer { statement.reset() }
    var result: [SolidGeometry] = []
    while try statement.step() {
      let surfaces: Geometry
      do { surfaces = try SpatiaLiteBlob.read(statement.blob(4)).geometry } catch {
        throw damaged(query.table, parent, "\(error)")
      }
      result.append(
        SolidGeometry(
          object: statement.optionalText(0) ?? id, lod: statement.optionalText(1) ?? "", kind: statement.text(2),
          surfaces: surfaces, shellStarts: Self.shells(statement.optionalText(3))))
    }
    return result
  }

  private func damaged(_ table: StoredLayer, _ parent: Int64, _ finding: String) -> StoreError {
    StoreError(
      .content,
      "\(path): \(table.layer.name): a geometry of row \(parent) of \(table.solidsOf ?? "") is damaged: \(finding)")
  }
}
