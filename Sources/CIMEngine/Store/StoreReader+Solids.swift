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
      try body(try solid(statement, from: 1, table, parent: statement.int64(0), id: id), id)
    }
  }

  /// One row of `object, lod, kind, shells, geom` and, where asked for, `semantics, appearance`, from column `first` on.
  private func solid(
    _ row: SQLStatement, from first: Int, _ table: StoredLayer, parent: Int64, id: String, isWhole: Bool = false
  ) throws -> SolidGeometry {
    let surfaces: Geometry
    do { surfaces = try SpatiaLiteBlob.read(row.blob(first + 4)).geometry } catch {
      throw damaged(table, parent, "\(error)")
    }
    return SolidGeometry(
      object: row.optionalText(first) ?? id, lod: row.optionalText(first + 1) ?? "", kind: row.text(first + 2),
      surfaces: surfaces, semantics: isWhole ? row.optionalText(first + 5).map(Self.semantics) ?? [] : [],
      shellStarts: Self.shells(row.optionalText(first + 3)), appearance: isWhole ? row.optionalText(first + 6) : nil)
  }

  private static func shells(_ text: String?) -> [Int] {
    text.map { $0.dropFirst().dropLast().split(separator: ",").compactMap { Int($0) } } ?? [0]
  }

  /// The 3D geometries of a layer, parent by parent.
  struct SolidsOfParent {
    fileprivate let statement: SQLStatement
    fileprivate let table: StoredLayer
    fileprivate let isWhole: Bool
  }

  /// - Parameter isWhole: with the semantics and the appearance of the surfaces.
  func solidsOfParent(in table: StoredLayer, isWhole: Bool = false) throws(StoreError) -> SolidsOfParent {
    let statement = try SQLStatement(
      connection.handle,
      """
      SELECT object, lod, kind, shells, geom\(isWhole ? ", semantics, appearance" : "") FROM \(quoted(table.layer.name))
      WHERE \(quoted(table.solidsOf ?? "parent")) = ?1 ORDER BY fid
      """)
    return SolidsOfParent(statement: statement, table: table, isWhole: isWhole)
  }

  /// The 3D geometries of one row.
  func solids(_ query: SolidsOfParent, parent: Int64, id: String) throws -> [SolidGeometry] {
    let statement = query.statement
    statement.bind(1, parent)
    defer { statement.reset() }
    var result: [SolidGeometry] = []
    while try statement.step() {
      result.append(try solid(statement, from: 0, query.table, parent: parent, id: id, isWhole: query.isWhole))
    }
    return result
  }

  /// The types of surfaces out of ``SolidsWriter/semantics(_:)``.
  private static func semantics(_ text: String) -> [String?] {
    var text = text
    let parser = JSONParser()
    return text.withUTF8 { bytes in
      withExtendedLifetime(parser) {
        guard let root = parser.parse(bytes, padded: false), let types = root["types"], let values = root["values"]
        else { return [] }
        let names = types.elements.map { $0.text?.string }
        return values.elements.map { value in
          value.int.flatMap { $0 >= 0 && $0 < names.count ? names[Int($0)] : nil }
        }
      }
    }
  }

  private func damaged(_ table: StoredLayer, _ parent: Int64, _ finding: String) -> StoreError {
    StoreError(
      .content,
      "\(path): \(table.layer.name): a geometry of row \(parent) of \(table.solidsOf ?? "") is damaged: \(finding)")
  }
}
