internal import GRDBSQLite

/// SpatiaLite, brought in by those connections only that need it: to make a database, to register and change
/// geometry columns, to run raw SQL. Everything else reads and writes its tables without it.
enum SpatiaLite {
  /// Loads mod_spatialite into a connection; a second call does nothing. About 15 ms.
  static func load(into connection: SQLConnection) throws(StoreError) {
    if isLoaded(in: connection) { return }
    sqlite3_enable_load_extension(connection.handle, 1)
    defer { sqlite3_enable_load_extension(connection.handle, 0) }
    var reasons: [String] = []
    for name in ["mod_spatialite", "mod_spatialite.so", "mod_spatialite.so.8", "mod_spatialite.so.7"] {
      var text: UnsafeMutablePointer<CChar>?
      if sqlite3_load_extension(connection.handle, name, nil, &text) == SQLITE_OK { return }
      if let text {
        reasons.append(String(cString: text))
        sqlite3_free(text)
      }
    }
    throw StoreError(
      .file,
      "SpatiaLite's mod_spatialite could not be loaded: \(reasons.first ?? "not found")\n"
        + "  install it (Debian: apt install libsqlite3-mod-spatialite)")
  }

  static func isLoaded(in connection: SQLConnection) -> Bool {
    (try? connection.text("SELECT spatialite_version()")) != nil
  }

  /// Makes SpatiaLite's own tables in an empty database, and describes the coordinate systems likely to be met:
  /// WGS 84, CGCS2000 with its 3-degree and 6-degree zones, web Mercator. About 40 ms; all of EPSG would be 150 ms
  /// and 7 MB.
  static func createMetadata(in connection: SQLConnection) throws(StoreError) {
    guard try connection.int("SELECT InitSpatialMetaData(1, 'NONE')") == 1 else {
      throw StoreError(.file, "SpatiaLite could not make its tables")
    }
    try connection.execute("BEGIN")
    let codes = [4326, 4490, 3857] + Array(4491...4554)
    for code in codes { _ = try connection.int("SELECT InsertEpsgSrid(\(code))") }
    try connection.execute("COMMIT")
  }

  /// Makes sure that `crs` is described in `spatial_ref_sys`, and gives its SRID.
  static func ensureSRID(of crs: CRS, in connection: SQLConnection) throws(StoreError) -> Int {
    guard let code = crs.epsgCode else {
      throw StoreError(.content, "\(crs) cannot be the CRS of a database; give an EPSG code with --working-crs")
    }
    let isKnown = "SELECT count(*) FROM spatial_ref_sys WHERE srid = \(code)"
    if try connection.int(isKnown) == 1 { return code }
    _ = try connection.int("SELECT InsertEpsgSrid(\(code))")
    guard try connection.int(isKnown) == 1 else {
      throw StoreError(.content, "SpatiaLite does not know \(crs); give another CRS with --working-crs")
    }
    return code
  }

  /// Adds and registers the column `geom`, with SpatiaLite's triggers and an empty R*Tree.
  static func addGeometryColumn(
    to table: String, srid: Int, kind: GeometryKind?, hasZ: Bool, in connection: SQLConnection
  ) throws(StoreError) {
    let type = kind?.spatialiteName ?? "GEOMETRY"
    let dimension = hasZ ? "XYZ" : "XY"
    let add = try connection.prepare("SELECT AddGeometryColumn(?, 'geom', ?, ?, ?)")
    add.bind(1, table).bind(2, Int64(srid)).bind(3, type).bind(4, dimension)
    guard try add.step(), add.int64(0) == 1 else {
      throw StoreError(.content, "SpatiaLite refused a \(type) column in EPSG:\(srid) for the table `\(table)`")
    }
    let index = try connection.prepare("SELECT CreateSpatialIndex(?, 'geom')").bind(1, table)
    guard try index.step(), index.int64(0) == 1 else {
      throw StoreError(.content, "SpatiaLite could not make the spatial index of `\(table)`")
    }
  }
}

extension GeometryKind {
  var spatialiteName: String {
    switch self {
    case .point: "POINT"
    case .lineString: "LINESTRING"
    case .polygon: "POLYGON"
    case .multiPoint: "MULTIPOINT"
    case .multiLineString: "MULTILINESTRING"
    case .multiPolygon: "MULTIPOLYGON"
    case .geometryCollection: "GEOMETRYCOLLECTION"
    }
  }

  /// The one registered type that holds all of `kinds`; nil for any geometry (GEOMETRY).
  static func registered(for kinds: Set<GeometryKind>) -> GeometryKind? {
    if kinds.count == 1 { return kinds.first }
    let multis = Set(kinds.map(\.multi))
    return multis.count == 1 ? multis.first : nil
  }
}
