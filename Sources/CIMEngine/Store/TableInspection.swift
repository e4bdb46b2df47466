internal import GRDBSQLite
internal import SpatialIndex

/// Tells from SQLite's own schema what a table holds, for tables that others made or changed.
enum TableInspection {
  /// Compares the recorded catalogue with the tables. Tables that are as recorded come back as they are; changed,
  /// added and dropped ones are described anew, with a notice each.
  static func compare(
    _ recorded: [StoredLayer], with connection: SQLConnection, workingCRS: CRS
  ) throws(StoreError) -> ([StoredLayer], notices: [String]) {
    var definitions: [(name: String, sql: String)] = []
    var virtualNames: [String] = []
    let tables = try connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL")
    while try tables.step() {
      let (name, sql) = (tables.text(0), tables.text(1))
      if sql.prefix(30).uppercased().hasPrefix("CREATE VIRTUAL") {
        virtualNames.append(name.lowercased())
      } else {
        definitions.append((name, sql))
      }
    }
    var triggerCounts: [String: Int] = [:]
    let triggers = try connection.prepare(
      "SELECT lower(tbl_name) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'cimq\\_%' ESCAPE '\\'")
    while try triggers.step() { triggerCounts[triggers.text(0), default: 0] += 1 }

    // Databases of version 1 have three triggers a layer.
    let isFirstVersion = try connection.int("SELECT schema_version FROM cimq_meta") == 1

    var result: [StoredLayer] = []
    var notices: [String] = []
    var known: Set<String> = []
    for stored in recorded {
      let name = stored.layer.name
      known.insert(name.lowercased())
      guard let now = definitions.first(where: { $0.name.lowercased() == name.lowercased() }) else {
        notices.append("the layer `\(name)` was dropped by another program")
        continue
      }
      if now.sql == stored.definition {
        let wanted = isFirstVersion ? 3 : try TableTriggers.log(of: stored, in: connection).count
        if triggerCounts[name.lowercased()] == wanted {
          result.append(stored)
          continue
        }
      }
      guard stored.solidsOf == nil else {
        notices.append("the 3D geometry in `\(name)` was changed by another program and is not used any more")
        continue
      }
      let (layer, remarks) = try describe(
        now.name, sql: now.sql, in: connection, like: stored, workingCRS: workingCRS)
      guard let layer else {
        notices += remarks
        continue
      }
      notices.append("the layer `\(name)` was made anew or changed by another program; it is taken as it is now")
      notices += remarks
      result.append(layer)
    }
    for (name, sql) in definitions where !known.contains(name.lowercased()) {
      if isSystemTable(name, virtualNames: virtualNames) { continue }
      let (layer, remarks) = try describe(name, sql: sql, in: connection, like: nil, workingCRS: workingCRS)
      guard let layer else {
        notices += remarks
        continue
      }
      notices.append("the table `\(name)`, made by another program, is a layer now")
      notices += remarks
      result.append(layer)
    }
    return (result, notices)
  }

  /// What SpatiaLite, QGIS, GDAL and cimq keep for themselves.
  static func isSystemTable(_ name: String, virtualNames: [String] = []) -> Bool {
    let name = name.lowercased()
    let prefixes = [
      "sqlite_", "cimq_", "idx_", "cache_", "geometry_columns", "views_geometry_columns", "virts_geometry_columns",
      "spatial_ref_sys", "spatialite_history", "sql_statements_log", "vector_layers", "vector_coverages",
      "raster_coverages", "se_", "wms_", "iso_metadata", "rl2map_", "stored_", "layer_styles", "qgis_projects",
    ]
    let names = [
      "data_licenses", "networks", "topologies", "knn", "knn2", "elementarygeometries", "spatialindex", "layer_params",
      "layer_statistics", "layer_sub_classes", "layer_table_layout", "geom_cols_ref_sys", "project_defs",
    ]
    return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
      || virtualNames.contains { name.hasPrefix($0 + "_") }
  }

  /// Describes a table as a layer, or says why it cannot be one. What `like` knew of columns of the same name is kept.
  static func describe(
    _ table: String, sql: String, in connection: SQLConnection, like old: StoredLayer?, workingCRS: CRS
  ) throws(StoreError) -> (StoredLayer?, [String]) {
    var remarks: [String] = []
    let shape = try connection.prepare("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'").bind(1, table)
    if try shape.step(), shape.int64(0) != 0 {
      return (nil, ["the table `\(table)` has no rowid and is not used as a layer"])
    }

    var columns: [(name: String, declared: String, isRequired: Bool)] = []
    var keys: [String] = []
    let info = try connection.prepare("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?)")
      .bind(1, table)
    while try info.step() {
      if info.int64(4) == 1 { continue }
      columns.append((info.text(0), info.text(1).uppercased(), info.int64(2) != 0))
      if info.int64(3) != 0 { keys.append(info.text(0)) }
    }
    let alias = keys.count == 1 ? columns.first { $0.name == keys[0] && $0.declared == "INTEGER" }?.name : nil
    let taken = Set(columns.map { $0.name.lowercased() })
    guard let rowColumn = alias ?? ["rowid", "_rowid_", "oid"].first(where: { !taken.contains($0) }) else {
      return (nil, ["the table `\(table)` hides its rowid and is not used as a layer"])
    }

    var geometries: [(name: String, kind: GeometryKind?, hasZ: Bool, srid: Int)] = []
    let registered = try connection.prepare(
      """
      SELECT f_geometry_column, geometry_type, srid FROM geometry_columns WHERE lower(f_table_name) = lower(?)
      ORDER BY lower(f_geometry_column) <> 'geom', f_geometry_column
      """
    ).bind(1, table)
    while try registered.step() {
      let type = Int(registered.int64(1))
      let name = columns.first { $0.name.lowercased() == registered.text(0).lowercased() }?.name
      guard let name else { continue }
      geometries.append(
        (name, GeometryKind(rawValue: UInt8(clamping: type % 1000)), type / 1000 % 2 == 1, Int(registered.int64(2))))
    }
    if geometries.count > 1 {
      remarks.append("`\(table)` has several geometries; `\(geometries[0].name)` is the layer's")
    }
    let geometryNames = Set(geometries.map(\.name))

    let idColumn = try idColumn(
      of: table, columns: columns.map { ($0.name, $0.isRequired) }, rowColumn: alias, connection)
    var layer = Catalog.Layer(
      name: old?.layer.name ?? table, columns: [],
      aliases: old?.layer.aliases ?? CitySchema.layer(table)?.aliases ?? [])
    var sources: [String?] = []
    layer.columns.append(described(Catalog.Column(name: "id", type: .text), of: table, like: old))
    sources.append(idColumn ?? (alias != nil && alias!.lowercased() == "id" ? alias : nil))
    for column in columns {
      if geometryNames.contains(column.name) || column.name == idColumn || column.name == alias { continue }
      guard let type = type(declared: column.declared) else {
        remarks.append("`\(table).\(column.name)` holds bytes and is not used as a column")
        continue
      }
      var name = column.name
      if name.lowercased() == "id" {
        name = "id_2"
        remarks.append(
          "`\(table).\(column.name)` does not name rows uniquely: it is `id_2` here, and `id` is the row number")
      }
      layer.columns.append(described(Catalog.Column(name: name, type: type), of: table, like: old))
      sources.append(column.name)
    }

    var srid: Int?
    if let geometry = geometries.first {
      srid = geometry.srid > 0 ? geometry.srid : nil
      if let srid, srid != workingCRS.epsgCode {
        remarks.append("`\(table)` is in EPSG:\(srid) and is brought into \(workingCRS) whenever it is read")
      }
      if srid == nil { remarks.append("`\(table)` states no CRS; its coordinates are taken as \(workingCRS)") }
      layer.geometry = Catalog.GeometryColumn(
        name: geometry.name, kind: geometry.kind, hasZ: geometry.hasZ,
        extent: try extent(of: table, geometry.name, srid: srid, workingCRS: workingCRS, in: connection))
    }
    layer.rowCount = Int(try connection.int("SELECT count(*) FROM \(quoted(table))") ?? 0)
    return (
      StoredLayer(
        layer: layer, rowColumn: rowColumn, idColumn: idColumn, sources: sources, srid: srid, isTracked: false,
        definition: sql), remarks
    )
  }

  private static func described(_ column: Catalog.Column, of table: String, like old: StoredLayer?) -> Catalog.Column {
    if let known = old?.layer.columns.first(where: { $0.name.lowercased() == column.name.lowercased() }),
      known.type == column.type || (known.type == .list && column.type == .text)
    {
      return known
    }
    return CitySchema.described(column, of: table)
  }

  /// The column named `id`, when every row has one of its own.
  private static func idColumn(
    of table: String, columns: [(name: String, isRequired: Bool)], rowColumn: String?, _ connection: SQLConnection
  ) throws(StoreError) -> String? {
    guard let id = columns.first(where: { $0.name.lowercased() == "id" }), id.name != rowColumn else { return nil }
    if id.isRequired, try hasUniqueIndex(on: id.name, of: table, connection) { return id.name }
    let column = quoted(id.name)
    let isUnique = try connection.int(
      "SELECT count(*) = count(DISTINCT CAST(\(column) AS TEXT)) FROM \(quoted(table))")
    return isUnique == 1 ? id.name : nil
  }

  static func hasUniqueIndex(on column: String, of table: String, _ connection: SQLConnection) throws(StoreError)
    -> Bool
  {
    let count = try connection.prepare(
      """
      SELECT count(*) FROM pragma_index_list(?1) AS i WHERE i."unique" = 1 AND i.partial = 0
        AND (SELECT count(*) = 1 AND max(name) = ?2 FROM pragma_index_info(i.name))
      """
    ).bind(1, table).bind(2, column)
    return try count.step() && count.int64(0) > 0
  }

  /// Type affinity as SQLite has it, with the names that GIS programs use for dates and booleans; nil for bytes.
  static func type(declared: String) -> ColumnType? {
    let declared = declared.uppercased()
    if declared.contains("BOOL") { return .bool }
    if declared.contains("TIMESTAMP") || declared.contains("DATETIME") { return .timestamp }
    if declared.contains("DATE") { return .date }
    if declared.contains("INT") { return .int }
    if declared.contains("CHAR") || declared.contains("CLOB") || declared.contains("TEXT") { return .text }
    if declared.contains("BLOB") { return nil }
    for name in ["REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"] where declared.contains(name) { return .double }
    for kind in ["POINT", "LINESTRING", "POLYGON", "GEOMETRY"] where declared.contains(kind) { return nil }
    return .text
  }

  /// From the R*Tree (rounded outward to 32 bits), else from the boxes at the head of the blobs.
  /// The box of a geometry column in the working CRS, a little larger than exact.
  static func extent(
    of table: String, _ column: String, srid: Int?, workingCRS: CRS, in connection: SQLConnection
  ) throws(StoreError) -> Box2? {
    let own = try extent(of: table, column, in: connection)
    guard let own, let srid, srid != workingCRS.epsgCode else { return own }
    // The box of the box: its sides bend, so a hundredth is added on each.
    var corners = Geometry.rectangle(own)
    guard let transform = try? CRSTransform.between(.epsg(srid), workingCRS),
      (try? transform.apply(&corners)) != nil, let box = corners.box
    else { return nil }
    return box.expanded(by: 0.01 * max(box.max[0] - box.min[0], box.max[1] - box.min[1]))
  }

  private static func extent(
    of table: String, _ column: String, in connection: SQLConnection
  ) throws(StoreError) -> Box2? {
    if let box = RTreeTables.extent(of: table, column, in: connection) { return box }
    var result: Box2?
    let heads = try connection.prepare(
      "SELECT substr(\(quoted(column)), 1, 38) FROM \(quoted(table)) WHERE \(quoted(column)) IS NOT NULL")
    while try heads.step() {
      guard let box = RTreeTables.box(ofBlobHead: heads.blob(0)) else { continue }
      result = result?.union(box) ?? box
    }
    return result
  }
}
