internal import SpatialIndex

/// A layer of the catalogue with what the store needs to read its table. The table has the layer's name.
package struct StoredLayer: Sendable, Equatable {
  package var layer: Catalog.Layer
  /// The column that is the rowid: `fid` in tables that cimq makes.
  package var rowColumn: String
  /// The column behind `id`; nil where a table made by others has none that is unique: the rowid is the id then.
  package var idColumn: String?
  /// The table's column behind each of `layer.columns`; nil for an `id` that is the rowid.
  package var sources: [String?]
  /// SRID of the geometry column as registered, when there is one.
  package var srid: Int?
  /// For a table of 3D geometry: the layer whose solids it keeps.
  package var solidsOf: String?
  /// False for a table that others made or changed and that has no triggers of ours yet: edits are not logged, so
  /// nothing derived from it may be trusted beyond one transaction.
  package var isTracked = true
  /// The CREATE TABLE text that this entry describes.
  var definition: String
}

/// The catalogue as one read transaction sees it.
package struct StoredCatalog: Sendable {
  package var catalog: Catalog
  /// Aligned with `catalog.layers`.
  package var layers: [StoredLayer]
  /// Tables of 3D geometry, which are no layers of the catalogue.
  package var solids: [StoredLayer]
  /// What others did to the tables, for stderr.
  package var notices: [String]
  /// PRAGMA schema_version that this was read at.
  var schemaVersion: Int64
  /// False when cimq's tables do not say yet what `layers` says.
  var isRecorded: Bool

  package func index(of layer: String) -> Int? {
    let name = layer.lowercased()
    return layers.firstIndex { $0.layer.name.lowercased() == name }
  }
}

extension StoredCatalog {
  /// Reads the catalogue and compares it with the tables when those were touched since it was written.
  static func read(in connection: SQLConnection, path: String) throws(StoreError) -> StoredCatalog {
    try Schema.versionFound(in: connection, path: path)
    let meta = try connection.prepare("SELECT uuid, working_crs, is_geographic, notice, seen_schema FROM cimq_meta")
    guard try meta.step(), let crs = CRS(parsing: meta.text(1)) else {
      throw StoreError(.content, "\(path): the table cimq_meta is damaged")
    }
    let schemaVersion = try connection.int("PRAGMA schema_version") ?? 0
    let isDescribed = try describesTables(in: connection)
    var result = StoredCatalog(
      catalog: Catalog(
        databaseID: meta.text(0), workingCRS: crs, isGeographic: meta.int64(2) != 0, notice: meta.optionalText(3)),
      layers: [], solids: [], notices: [], schemaVersion: schemaVersion,
      isRecorded: isDescribed && meta.int64(4) == schemaVersion)
    var recorded = try readLayers(in: connection, workingCRS: crs)
    if !result.isRecorded {
      (recorded, result.notices) = try TableInspection.compare(recorded, with: connection, workingCRS: crs)
    }
    for stored in recorded {
      if stored.solidsOf == nil { result.layers.append(stored) } else { result.solids.append(stored) }
    }
    result.catalog.layers = result.layers.map(\.layer)
    result.catalog.links = try readLinks(in: connection, layers: result.catalog.layers)
    return result
  }

  /// Whether every table that is recorded is there with the definition that is recorded, and with triggers of the change
  /// log. Some tenths of a millisecond.
  static func describesTables(in connection: SQLConnection) throws(StoreError) -> Bool {
    // Three triggers a layer in databases of version 1, more since.
    let changed = try connection.int(
      """
      SELECT 1 FROM cimq_layer AS l LEFT JOIN sqlite_schema AS s ON s.type = 'table' AND s.name = l.name COLLATE NOCASE
      WHERE s.sql IS NOT l.definition
      UNION ALL
      SELECT 1 FROM cimq_layer AS l LEFT JOIN (
        SELECT tbl_name AS name, count(*) AS count FROM sqlite_schema
        WHERE type = 'trigger' AND name LIKE 'cimq\\_%' ESCAPE '\\' GROUP BY tbl_name COLLATE NOCASE
      ) AS t ON t.name = l.name COLLATE NOCASE
      WHERE ifnull(t.count, 0) < 3
      LIMIT 1
      """)
    return changed == nil
  }

  /// A negative number by which the definitions of tables and triggers are known (FNV-1a).
  static func definitionNumber(in connection: SQLConnection) throws(StoreError) -> Int64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let definitions = try connection.prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'trigger') ORDER BY type, name")
    while try definitions.step() {
      for byte in definitions.text(0).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x100_0000_01B3
    }
    return -1 - Int64(hash >> 1)
  }

  private static func hasColumn(
    _ column: String, of table: String, in connection: SQLConnection
  ) throws(StoreError) -> Bool {
    let found = try connection.prepare("SELECT 1 FROM pragma_table_info(?) WHERE lower(name) = lower(?)")
    return try found.bind(1, table).bind(2, column).step()
  }

  private static func readLayers(
    in connection: SQLConnection, workingCRS: CRS
  ) throws(StoreError) -> [StoredLayer] {
    var result: [StoredLayer] = []
    let rows = try connection.prepare(
      """
      SELECT name, row_column, id_column, geometry_column, geometry_type, has_z, srid, row_count, min_x, min_y, max_x,
        max_y, definition, solids_of
      FROM cimq_layer ORDER BY position, name
      """)
    let edits = try EditCounts(connection)
    while try rows.step() {
      let name = rows.text(0)
      var layer = Catalog.Layer(name: name, columns: [])
      layer.rowCount = max(0, Int(rows.int64(7)) + edits.growth(of: name))
      if let geometry = rows.optionalText(3) {
        var extent: Box2? =
          rows.isNull(8) ? nil : Box2(rows.double(8), rows.double(9), rows.double(10), rows.double(11))
        // A table that others have made anew since may have another column.
        if edits.isEdited(name), try hasColumn(geometry, of: name, in: connection) {
          let srid = rows.isNull(6) ? nil : Int(rows.int64(6))
          let now = try TableInspection.extent(of: name, geometry, srid: srid, workingCRS: workingCRS, in: connection)
          if let now { extent = extent?.union(now) ?? now }
        }
        layer.geometry = Catalog.GeometryColumn(
          name: geometry, kind: GeometryKind(rawValue: UInt8(clamping: rows.int64(4))), hasZ: rows.int64(5) != 0,
          extent: extent)
      }
      result.append(
        StoredLayer(
          layer: layer, rowColumn: rows.text(1), idColumn: rows.optionalText(2), sources: [],
          srid: rows.isNull(6) ? nil : Int(rows.int64(6)), solidsOf: rows.optionalText(13), definition: rows.text(12)))
    }
    var indices: [String: Int] = [:]
    for (i, stored) in result.enumerated() { indices[stored.layer.name.lowercased()] = i }

    let columns = try connection.prepare(
      """
      SELECT layer, name, source, type, unit, is_derived, rowid, enumeration IS NOT NULL, value_aliases <> '{}',
        aliases <> '[]'
      FROM cimq_column ORDER BY layer, position
      """)
    let enumeration = try connection.prepare(
      "SELECT value FROM cimq_column, json_each(enumeration) WHERE cimq_column.rowid = ?")
    let aliases = try connection.prepare(
      "SELECT value FROM cimq_column, json_each(aliases) WHERE cimq_column.rowid = ?")
    let valueAliases = try connection.prepare(
      "SELECT key, value FROM cimq_column, json_each(value_aliases) WHERE cimq_column.rowid = ?")
    while try columns.step() {
      guard let index = indices[columns.text(0).lowercased()] else { continue }
      guard let type = ColumnType(rawValue: columns.text(3)) else {
        throw StoreError(.content, "cimq_column: `\(columns.text(3))` is not a type; the catalogue is damaged")
      }
      var column = Catalog.Column(
        name: columns.text(1), type: type, unit: columns.optionalText(4), isDerived: columns.int64(5) != 0)
      let row = columns.int64(6)
      if columns.int64(7) != 0 { column.enumeration = try texts(enumeration.bind(1, row)) }
      if columns.int64(9) != 0 { column.aliases = try texts(aliases.bind(1, row)) }
      if columns.int64(8) != 0 {
        valueAliases.bind(1, row)
        while try valueAliases.step() { column.valueAliases[valueAliases.text(0)] = valueAliases.text(1) }
        valueAliases.reset()
      }
      let source = columns.text(2)
      result[index].layer.columns.append(column)
      result[index].sources.append(source.isEmpty ? nil : source)
    }

    let names = try connection.prepare("SELECT name, value FROM cimq_layer, json_each(aliases)")
    while try names.step() {
      guard let index = indices[names.text(0).lowercased()] else { continue }
      result[index].layer.aliases.append(names.text(1))
    }
    return result
  }

  private static func texts(_ statement: SQLStatement) throws(StoreError) -> [String] {
    var result: [String] = []
    while try statement.step() { result.append(statement.text(0)) }
    statement.reset()
    return result
  }

  /// Links whose both ends exist.
  private static func readLinks(
    in connection: SQLConnection, layers: [Catalog.Layer]
  ) throws(StoreError) -> [Catalog.Link] {
    func has(_ layer: String, _ column: String) -> Bool {
      guard let layer = layers.first(where: { $0.name.lowercased() == layer.lowercased() }) else { return false }
      return column == "fid" || layer.columns.contains { $0.name.lowercased() == column.lowercased() }
    }
    var result: [Catalog.Link] = []
    let rows = try connection.prepare(
      "SELECT layer, \"column\", target_layer, target_column FROM cimq_link ORDER BY layer, \"column\"")
    while try rows.step() {
      let link = Catalog.Link(
        layer: rows.text(0), column: rows.text(1), targetLayer: rows.text(2), targetColumn: rows.text(3))
      if has(link.layer, link.column) && has(link.targetLayer, link.targetColumn) { result.append(link) }
    }
    return result
  }

  // MARK: - Writing

  /// Writes one entry, replacing the one of that name. Links are kept.
  static func record(
    _ stored: StoredLayer, position: Int, countedAt revision: Int64, in connection: SQLConnection
  ) throws(StoreError) {
    let layer = stored.layer
    try connection.prepare("DELETE FROM cimq_column WHERE layer = ?").bind(1, layer.name).run()
    let insert = try connection.prepare(
      """
      INSERT OR REPLACE INTO cimq_layer (name, position, row_column, id_column, geometry_column, geometry_type, has_z,
        srid, row_count, counted_revision, min_x, min_y, max_x, max_y, aliases, definition, solids_of)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    insert.bind(1, layer.name).bind(2, Int64(position)).bind(3, stored.rowColumn).bind(4, stored.idColumn)
    if let geometry = layer.geometry {
      insert.bind(5, geometry.name).bind(6, Int64(geometry.kind?.rawValue ?? 0)).bind(7, geometry.hasZ ? 1 : Int64(0))
      if let box = geometry.extent {
        insert.bind(11, box.min[0]).bind(12, box.min[1]).bind(13, box.max[0]).bind(14, box.max[1])
      }
    }
    if let srid = stored.srid { insert.bind(8, Int64(srid)) }
    insert.bind(9, Int64(layer.rowCount)).bind(10, revision).bind(15, jsonArray(layer.aliases))
      .bind(16, stored.definition).bind(17, stored.solidsOf)
    try insert.run()

    let column = try connection.prepare(
      """
      INSERT INTO cimq_column (layer, position, name, source, type, unit, enumeration, aliases, value_aliases, is_derived)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    for (i, entry) in layer.columns.enumerated() {
      let others = entry.valueAliases.sorted { $0.key < $1.key }.map {
        JSONString.quoted($0.key) + ":" + JSONString.quoted($0.value)
      }
      column.bind(1, layer.name).bind(2, Int64(i)).bind(3, entry.name).bind(4, stored.sources[i] ?? "")
        .bind(5, entry.type.rawValue).bind(6, entry.unit).bind(7, entry.enumeration.map(jsonArray))
        .bind(8, jsonArray(entry.aliases)).bind(9, "{" + others.joined(separator: ",") + "}")
        .bind(10, entry.isDerived ? 1 : Int64(0))
      try column.run()
    }
  }

  static func recordLink(_ link: Catalog.Link, in connection: SQLConnection) throws(StoreError) {
    try connection.prepare(
      "INSERT OR REPLACE INTO cimq_link (layer, \"column\", target_layer, target_column) VALUES (?, ?, ?, ?)"
    ).bind(1, link.layer).bind(2, link.column).bind(3, link.targetLayer).bind(4, link.targetColumn).run()
  }

  /// To be called at the end of every transaction that changed the schema or the catalogue.
  static func markSeen(in connection: SQLConnection) throws(StoreError) {
    let version = try connection.int("PRAGMA schema_version") ?? 0
    try connection.execute("UPDATE cimq_meta SET seen_schema = \(version)")
  }

  static func jsonArray(_ texts: [String]) -> String { "[" + texts.map(JSONString.quoted).joined(separator: ",") + "]" }
}

/// What the change log says of rows added and taken since each layer was counted.
private struct EditCounts {
  private var growth: [String: Int] = [:]

  init(_ connection: SQLConnection) throws(StoreError) {
    let rows = try connection.prepare(
      """
      SELECT l.name, sum(c.op = 'I') - sum(c.op = 'D') FROM cimq_change AS c JOIN cimq_layer AS l ON l.name = c.layer
      WHERE c.revision > (SELECT min(counted_revision) FROM cimq_layer) AND c.revision > l.counted_revision
        AND c.op IN ('I', 'U', 'D') GROUP BY l.name
      """)
    while try rows.step() { growth[rows.text(0)] = Int(rows.int64(1)) }
  }

  func growth(of layer: String) -> Int { growth[layer] ?? 0 }
  func isEdited(_ layer: String) -> Bool { growth[layer] != nil }
}
