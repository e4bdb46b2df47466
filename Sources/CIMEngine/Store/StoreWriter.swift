internal import GRDBSQLite

/// One write transaction: makes layers and hands out writers for their rows.
final class StoreWriter {
  let connection: SQLConnection
  let path: String
  private(set) var state: StoredCatalog
  let srid: Int

  init(connection: SQLConnection, path: String) throws(StoreError) {
    self.connection = connection
    self.path = path
    state = try StoredCatalog.read(in: connection, path: path)
    srid = try SpatiaLite.ensureSRID(of: state.catalog.workingCRS, in: connection)
  }

  /// Where a layer stands in the catalogue, old or new.
  func position(of layer: String) -> Int { state.index(of: layer) ?? state.layers.count }

  /// Makes the table of a layer, empty, with its triggers, and enters it into the catalogue.
  ///
  /// - Parameters:
  ///   - columns: without `id` and geometry.
  ///   - geometry: nil for a layer without.
  ///   - links: columns that hold a target's fid, by name.
  func createLayer(
    _ name: String, columns: [Catalog.Column], geometry: Catalog.GeometryColumn?, fidColumns: Set<String> = []
  ) throws(StoreError) -> StoredLayer {
    let id = CitySchema.described(Catalog.Column(name: "id", type: .text), of: name)
    var fields = ["fid INTEGER PRIMARY KEY", "id TEXT NOT NULL UNIQUE"]
    for column in columns {
      fields.append("\(quoted(column.name)) \(fidColumns.contains(column.name) ? "INTEGER" : column.type.declared)")
    }
    try connection.execute("CREATE TABLE \(quoted(name)) (\(fields.joined(separator: ", ")))")
    if let geometry {
      try SpatiaLite.addGeometryColumn(
        to: name, srid: srid, kind: geometry.kind, hasZ: geometry.hasZ, in: connection)
    }
    var stored = StoredLayer(
      layer: Catalog.Layer(
        name: name, columns: [id] + columns, geometry: geometry, aliases: CitySchema.layer(name)?.aliases ?? []),
      rowColumn: "fid", idColumn: "id", sources: ["id"] + columns.map(\.name), srid: geometry == nil ? nil : srid,
      definition: "")
    stored.definition = try definition(of: name)
    try TableTriggers.makeLog(for: stored, in: connection)
    try enter(stored)
    return stored
  }

  /// Makes `<layer>_geometry`, which keeps the 3D geometry of a layer's rows.
  func createSolids(of layer: StoredLayer) throws(StoreError) -> StoredLayer {
    let name = layer.layer.name + "_geometry"
    let parent = layer.layer.name
    try connection.execute(
      """
      CREATE TABLE \(quoted(name)) (fid INTEGER PRIMARY KEY, \(quoted(parent)) INTEGER NOT NULL, object TEXT, lod TEXT,
      kind TEXT NOT NULL, semantics TEXT, shells TEXT, appearance TEXT)
      """)
    try SpatiaLite.addGeometryColumn(to: name, srid: srid, kind: .multiPolygon, hasZ: true, in: connection)
    try connection.execute(
      "CREATE INDEX \(quoted("cimq_\(name)_parent")) ON \(quoted(name)) (\(quoted(parent)))")
    let columns = [parent, "object", "lod", "kind", "semantics", "shells", "appearance"]
    var stored = StoredLayer(
      layer: Catalog.Layer(
        name: name,
        columns: columns.map { Catalog.Column(name: $0, type: $0 == parent ? .int : .text) },
        geometry: Catalog.GeometryColumn(kind: .multiPolygon, hasZ: true)),
      rowColumn: "fid", idColumn: nil, sources: columns, srid: srid, solidsOf: parent, definition: "")
    stored.definition = try definition(of: name)
    try TableTriggers.makeLog(for: stored, in: connection)
    try enter(stored)
    return stored
  }

  /// Adds columns, NULL in the rows that are there.
  func addColumns(_ columns: [Catalog.Column], to layer: StoredLayer) throws(StoreError) -> StoredLayer {
    var stored = layer
    for column in columns {
      try connection.execute(
        "ALTER TABLE \(quoted(layer.layer.name)) ADD COLUMN \(quoted(column.name)) \(column.type.declared)")
      stored.layer.columns.append(column)
      stored.sources.append(column.name)
    }
    stored.definition = try definition(of: layer.layer.name)
    try enter(stored)
    return stored
  }

  /// Registers another geometry type, when rows to come need one: existing geometries are made multi where it asks so.
  func widenGeometry(of layer: StoredLayer, to kind: GeometryKind?) throws(StoreError) -> StoredLayer {
    guard let geometry = layer.layer.geometry, geometry.kind != kind else { return layer }
    var stored = layer
    stored.layer.geometry?.kind = kind
    let type = Int64(kind?.rawValue ?? 0) + (geometry.hasZ ? 1000 : 0)
    let triggers = try TableTriggers.dropAll(of: layer.layer.name, in: connection)
    try connection.prepare(
      "UPDATE geometry_columns SET geometry_type = ? WHERE f_table_name = lower(?) AND f_geometry_column = lower(?)"
    ).bind(1, type).bind(2, layer.layer.name).bind(3, geometry.name).run()
    if let kind, kind == kind.multi, kind != .geometryCollection {
      let column = quoted(geometry.name)
      try connection.execute("UPDATE \(quoted(layer.layer.name)) SET \(column) = CastToMulti(\(column))")
    }
    try TableTriggers.restore(triggers, in: connection)
    try enter(stored)
    return stored
  }

  /// Commits what was made so far and gives the file to a writer of pages, until ``endPacking(_:)``. Only in a database
  /// that is being made: what is committed cannot be taken back. nil when the file does not lend itself to it.
  func beginPacking() throws -> PackedStore? {
    try connection.execute("COMMIT; PRAGMA locking_mode = NORMAL")
    // Locks are given up by the next access.
    _ = try connection.int("SELECT count(*) FROM sqlite_schema")
    do { return try PackedStore(path: path, in: connection) } catch is PageFile.Unsuitable {
      try connection.execute("BEGIN IMMEDIATE")
      return nil
    }
  }

  func endPacking(_ store: PackedStore) throws(StoreError) {
    try store.finish()
    try connection.execute("BEGIN IMMEDIATE")
  }

  func solids(of layer: String) -> StoredLayer? {
    let name = layer.lowercased()
    return state.solids.first { $0.solidsOf?.lowercased() == name }
  }

  private func enter(_ stored: StoredLayer) throws(StoreError) {
    if stored.solidsOf != nil {
      state.solids.removeAll { $0.layer.name == stored.layer.name }
      state.solids.append(stored)
    } else if let index = state.index(of: stored.layer.name) {
      state.layers[index] = stored
    } else {
      state.layers.append(stored)
    }
    state.catalog.layers = state.layers.map(\.layer)
    try StoredCatalog.record(
      stored, position: position(of: stored.layer.name),
      countedAt: try ChangeLog.current(in: connection).revision, in: connection)
  }

  /// As SQLite keeps it.
  private func definition(of table: String) throws(StoreError) -> String {
    let find = try connection.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?").bind(1, table)
    return try find.step() ? find.text(0) : ""
  }
}

extension Store {
  /// Runs `body` in one write transaction: all of it happens, or nothing. In a database that is being created nothing
  /// can be undone: throw the file away when this throws.
  func write<T>(_ body: (StoreWriter) throws -> T) throws(StoreError) -> T {
    try connection.transaction("IMMEDIATE") { connection in
      let result = try body(StoreWriter(connection: connection, path: path))
      try StoredCatalog.markSeen(in: connection)
      return result
    }
  }

  /// Moves everything from the WAL into the database file, as far as readers allow.
  func checkpoint() throws(StoreError) {
    try connection.use { connection in try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)") }
  }
}

extension ColumnType {
  /// The declared type: what GDAL and QGIS map to their own, BIGINT being 64 bits there.
  var declared: String {
    switch self {
    case .bool: "BOOLEAN"
    case .int: "BIGINT"
    case .double: "DOUBLE"
    case .text, .list: "TEXT"
    case .date: "DATE"
    case .timestamp: "TIMESTAMP"
    case .geometry: "BLOB"
    }
  }
}
