internal import GRDBSQLite
internal import Glibc

/// cimq's own tables in a database, and how an older database is brought up to date.
///
/// - `cimq_meta`: one row: uuid, version of these tables, working CRS, notice.
/// - `cimq_layer`, `cimq_column`: the catalogue: which table and column each name means, units, values, other names.
/// - `cimq_link`: which column names rows of which layer.
/// - `cimq_rule`, `cimq_rule_age`, `cimq_rule_shelter`, `cimq_rule_threat`: what the analyses go by, see `CityRules`.
/// - `cimq_link_run`: the last LINK of each pair of layers, made by the first one, see `LinkRecord`.
/// - `cimq_change`: the change log, written by triggers on every layer (see `ChangeLog`).
/// - `cimq_edit`, `cimq_undo`: the last edit by a statement, and the values that it replaced (see `UndoLog`).
/// - `cimq_audit`: exports of names and phones of people in full (see `AuditLog`).
///
/// Lists in `aliases` and `enumeration` are JSON arrays, `value_aliases` is a JSON object, so that any SQLite client
/// reads them with `json_each`.
enum Schema {
  /// Kept in `cimq_meta` and as `PRAGMA user_version`.
  static let version = 3
  /// "cimq" in ASCII, for `file(1)` and for those who wonder what a file is.
  static let applicationID = 0x6369_6d71

  static let tables = """
    CREATE TABLE cimq_meta (
      uuid TEXT NOT NULL, schema_version INTEGER NOT NULL, working_crs TEXT NOT NULL, is_geographic BOOLEAN NOT NULL,
      notice TEXT,
      -- PRAGMA schema_version when the catalogue was last compared with the tables.
      seen_schema INTEGER NOT NULL DEFAULT -1);
    CREATE TABLE cimq_layer (
      name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, position INTEGER NOT NULL,
      -- NULL for a layer; else this table keeps the 3D geometry of the layer named here.
      solids_of TEXT COLLATE NOCASE,
      row_column TEXT NOT NULL, id_column TEXT, geometry_column TEXT, geometry_type INTEGER, has_z BOOLEAN,
      srid INTEGER, row_count INTEGER NOT NULL,
      -- row_count and the extent hold as of this revision of cimq_change.
      counted_revision INTEGER NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
      aliases TEXT NOT NULL DEFAULT '[]',
      -- The CREATE TABLE text that this entry describes.
      definition TEXT NOT NULL);
    CREATE TABLE cimq_column (
      layer TEXT NOT NULL COLLATE NOCASE, position INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE,
      source TEXT NOT NULL, type TEXT NOT NULL, unit TEXT, enumeration TEXT, aliases TEXT NOT NULL DEFAULT '[]',
      value_aliases TEXT NOT NULL DEFAULT '{}', is_derived BOOLEAN NOT NULL DEFAULT 0, PRIMARY KEY (layer, name));
    CREATE TABLE cimq_link (
      layer TEXT NOT NULL COLLATE NOCASE, "column" TEXT NOT NULL COLLATE NOCASE,
      target_layer TEXT NOT NULL COLLATE NOCASE, target_column TEXT NOT NULL COLLATE NOCASE,
      PRIMARY KEY (layer, "column"));
    CREATE TABLE cimq_change (
      revision INTEGER PRIMARY KEY AUTOINCREMENT, token INTEGER NOT NULL DEFAULT (random()), layer TEXT, op TEXT NOT NULL,
      rowid INTEGER, old_rowid INTEGER);
    \(undoTables)
    \(AuditLog.tables)
    """

  /// One row of `cimq_undo` for each old value; `"column"` is quoted, NULL for a row that was inserted.
  private static let undoTables = """
    CREATE TABLE cimq_edit (
      layer TEXT NOT NULL, row_column TEXT NOT NULL, op TEXT NOT NULL, count INTEGER NOT NULL,
      revision INTEGER NOT NULL);
    CREATE TABLE cimq_undo (fid INTEGER NOT NULL, "column" TEXT, value);
    """

  /// Makes the tables in a database that has SpatiaLite's already.
  static func create(
    in connection: SQLConnection, workingCRS: CRS, isGeographic: Bool, notice: String?
  ) throws(StoreError) {
    try connection.execute(tables)
    try connection.prepare(
      "INSERT INTO cimq_meta (uuid, schema_version, working_crs, is_geographic, notice) VALUES (?, ?, ?, ?, ?)"
    ).bind(1, newUUID()).bind(2, Int64(version)).bind(3, workingCRS.description).bind(4, isGeographic ? 1 : Int64(0))
      .bind(5, notice).run()
    _ = try CityRules.ensure(in: connection)
    try connection.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
    try ChangeLog.append(.create, layer: nil, in: connection)
  }

  /// Steps from one version of the tables to the next; entry `n` leads from `n + 1` to `n + 2`.
  static let migrations: [String] = [undoTables, AuditLog.tables]

  /// Brings an older database up to date, inside the caller's transaction.
  static func migrate(_ connection: SQLConnection, path: String) throws(StoreError) {
    let found = try versionFound(in: connection, path: path)
    guard found < version else { return }
    // New tables of cimq's own are nothing that the catalogue has to take up.
    let seen = try found > 1 ? connection.int("SELECT seen_schema FROM cimq_meta") : nil
    let isSeen = try seen == connection.int("PRAGMA schema_version")
    for step in migrations[(found - 1)...] { try connection.execute(step) }
    if found < 2 {
      // Triggers that note rows displaced by a REPLACE.
      for stored in try StoredCatalog.read(in: connection, path: path).layers where stored.isTracked {
        try TableTriggers.makeLog(for: stored, in: connection)
      }
    }
    try connection.execute(
      "UPDATE cimq_meta SET schema_version = \(version); PRAGMA user_version = \(version)")
    if isSeen { try StoredCatalog.markSeen(in: connection) }
  }

  /// The version of the tables; an error when there are none or they are newer than this program.
  @discardableResult
  static func versionFound(in connection: SQLConnection, path: String) throws(StoreError) -> Int {
    let found: Int64?
    do {
      found = try connection.int("SELECT schema_version FROM cimq_meta")
    } catch {
      if error.failureClass != .content || error.message.contains("damaged") { throw error }
      found = nil
    }
    guard let found else {
      throw StoreError(
        .content,
        "\(path) has no cimq catalogue: it was made by another program\n"
          + "  import it into a new database: cimq import city.sqlite \(path)")
    }
    guard found <= version else {
      throw StoreError(.content, "\(path) was made by a newer cimq (tables of version \(found)); update cimq")
    }
    return Int(found)
  }

  /// A random UUID (RFC 9562, version 4).
  static func newUUID() -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    sqlite3_randomness(16, &bytes)
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let digits = Array("0123456789abcdef")
    var text = ""
    for (i, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(i) { text.append("-") }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }
}
