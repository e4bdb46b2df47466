internal import GRDBSQLite
internal import Glibc

/// Raw SQL on the store that can change nothing: a connection of its own, opened read-only, with SpatiaLite loaded.
///
/// Beside the read-only file an authorizer refuses ATTACH, every write, transactions, pragmas that set something and
/// functions that touch files or load code. A statement stops at the token's cancellation or deadline.
public final class ReadOnlySQL {
  private let handle: OpaquePointer
  private let path: String
  private let workingCRS: CRS
  private let watch = Watch()

  /// What the callbacks of SQLite reach: the token of the running statement, and why something was refused.
  private final class Watch {
    var token: CancellationToken?
    var refusal: String?
    /// Whether the statement reads a column that is personal.
    var readsPersonalData = false
    /// Whether it does so through a view.
    var readsView = false
    /// The tables that the statement reads, and the personal columns, in lower case.
    var tables: Set<String> = []
    var personalColumns: Set<String> = []
  }

  /// - Throws: ``StoreError`` when the file cannot be opened, or SpatiaLite is not installed.
  public init(path: String, workingCRS: CRS) throws(StoreError) {
    self.path = path
    self.workingCRS = workingCRS
    // A relative path that starts with `file:` would be taken as a URI.
    let plain = path.hasPrefix("/") ? path : "./" + path
    let isImmutable = try Connection.mustBeImmutable(path)
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(
      isImmutable ? Connection.immutableURI(plain) : plain, &handle,
      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | (isImmutable ? SQLITE_OPEN_URI : 0), nil)
    guard code == SQLITE_OK, let handle else {
      let error = StoreError(handle, code)
      sqlite3_close_v2(handle)
      throw error
    }
    self.handle = handle
    let connection = SQLConnection(handle: handle)
    sqlite3_busy_timeout(handle, Int32(Connection.lockWaitSeconds * 1000))
    try SpatiaLite.load(into: connection)
    try connection.execute("PRAGMA query_only = 1")
    for (limit, value) in Self.limits { sqlite3_limit(handle, limit, value) }
    let context = Unmanaged.passUnretained(watch).toOpaque()
    sqlite3_set_authorizer(
      handle,
      { context, action, first, second, _, view in
        let watch = Unmanaged<Watch>.fromOpaque(context!).takeUnretainedValue()
        if action == SQLITE_READ, let first, let second {
          let (table, column) = (String(cString: first), String(cString: second))
          watch.tables.insert(table.lowercased())
          if ReadOnlySQL.personalData(table: table, column: column) != nil {
            watch.readsPersonalData = true
            watch.personalColumns.insert(column.lowercased())
            if view != nil { watch.readsView = true }
          }
        }
        guard
          let refusal = ReadOnlySQL.refusal(
            of: action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
        else { return SQLITE_OK }
        watch.refusal = refusal
        return SQLITE_DENY
      }, context)
    sqlite3_progress_handler(
      handle, 2000,
      { context in
        let watch = Unmanaged<Watch>.fromOpaque(context!).takeUnretainedValue()
        guard let token = watch.token else { return 0 }
        do { try token.check() } catch { return 1 }
        return 0
      }, context)
  }

  deinit { sqlite3_close_v2(handle) }

  /// The largest value, in bytes: a polygon of four million vertices. One call makes it whole, and nothing stops a call.
  static let largestValue: Int32 = 1 << 26

  /// What a statement of strangers may grow to, so that no single step of it outlasts its deadline by much.
  private static let limits: [(Int32, Int32)] = [
    (SQLITE_LIMIT_LENGTH, largestValue), (SQLITE_LIMIT_SQL_LENGTH, 1_000_000), (SQLITE_LIMIT_COMPOUND_SELECT, 100),
    (SQLITE_LIMIT_EXPR_DEPTH, 500), (SQLITE_LIMIT_COLUMN, 2_000), (SQLITE_LIMIT_VDBE_OP, 1_000_000),
    // Each % may try the whole text again.
    (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200), (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (SQLITE_LIMIT_WORKER_THREADS, 0),
  ]

  // MARK: What is refused

  private static let readingPragmas: Set<String> = [
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
    "integrity_check", "quick_check", "foreign_key_check",
  ]
  private static let plainPragmas: Set<String> = [
    "database_list", "collation_list", "function_list", "module_list", "pragma_list", "compile_options", "page_count",
    "page_size", "freelist_count", "user_version", "application_id", "encoding", "schema_version", "data_version",
    "journal_mode", "query_only", "cache_size", "foreign_keys",
  ]
  /// Functions of SQLite's shell and of SpatiaLite that read or write files, reach the network or run other SQL.
  private static let refusedFunctions: Set<String> = [
    "load_extension", "edit", "readfile", "writefile", "fts3_tokenizer", "eval", "blobfromfile", "blobtofile",
  ]
  private static let refusedPrefixes = [
    "export", "import", "xb_", "sqlproc_", "storedproc_", "storedvar_", "proj_set", "zipfile_", "wms_", "create",
    "drop", "clone", "rl2_load", "rl2_write",
  ]

  /// Why an action of a statement is refused, or nil when it only reads.
  private static func refusal(of action: Int32, _ first: String?, _ second: String?) -> String? {
    switch action {
    case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return nil
    case SQLITE_FUNCTION:
      let name = (second ?? "").lowercased()
      let isRefused = refusedFunctions.contains(name) || refusedPrefixes.contains { name.hasPrefix($0) }
      return isRefused ? "the function \(second ?? "")" : nil
    case SQLITE_PRAGMA:
      let name = (first ?? "").lowercased()
      if readingPragmas.contains(name) || plainPragmas.contains(name) && second == nil { return nil }
      return "PRAGMA \(name)" + (second == nil ? "" : " with a value")
    case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE:
      // An R*Tree prepares the statements of its own tables when it is opened to be read; on this connection they
      // could not run.
      if let first, first.hasPrefix("idx_"), ["_node", "_rowid", "_parent"].contains(where: first.hasSuffix) {
        return nil
      }
      // Opening a virtual table declares its columns, which SQLite checks as an entry of the schema.
      if action == SQLITE_INSERT || action == SQLITE_UPDATE, first == "sqlite_master" { return nil }
      return "changing `\(first ?? "")`"
    case SQLITE_ATTACH: return "ATTACH"
    case SQLITE_DETACH: return "DETACH"
    case SQLITE_TRANSACTION, SQLITE_SAVEPOINT: return "a transaction"
    default: return "changing the database"
    }
  }

  // MARK: Personal data

  /// What a column of a table tells of a person; the values that an edit replaced may tell anything.
  fileprivate static func personalData(table: String, column: String) -> PersonalData? {
    if table.lowercased() == "cimq_undo", column.lowercased() == "value" { return .other }
    return CitySchema.personalData(column: [column], layer: [table])
  }

  // MARK: Running

  /// Runs one statement and pushes its rows into `sink`; returns how many.
  ///
  /// Geometry columns come out as geometries in the working CRS, so every format can show or draw them. A column has
  /// the type of its values, of the first thousand where the header needs it.
  /// - Throws: ``StoreError`` with what SQLite says, or what was refused; ``QueryError`` when the token stops it.
  @discardableResult
  public func run(_ sql: String, token: CancellationToken = CancellationToken(), into sink: any RowSink) throws -> Int {
    watch.token = token
    watch.refusal = nil
    (watch.readsPersonalData, watch.readsView) = (false, false)
    (watch.tables, watch.personalColumns) = ([], [])
    defer { watch.token = nil }
    let statement = try prepare(sql)
    defer { sqlite3_finalize(statement) }
    var sink = sink
    var batch = SQLRows(
      statement, workingCRS: workingCRS, origins: watch.readsPersonalData ? try origins(of: sql) : nil)
    var rowCount = 0
    var hasBegun = false
    func flush() throws {
      let rows = try batch.take()
      if !hasBegun {
        hasBegun = true
        try sink.begin(ResultHeader(columns: batch.header(rows), crs: workingCRS, hasShapes: batch.geometry != nil))
      }
      rowCount += rows.rowCount
      if rows.rowCount > 0 { try sink.write(rows) }
    }
    while true {
      let code = sqlite3_step(statement)
      guard code == SQLITE_ROW else {
        if code == SQLITE_DONE { break }
        try token.check()
        throw refused(code)
      }
      // A row may have taken long without a step at which SQLite looks up.
      try token.check()
      batch.append(statement)
      if batch.count == 1000 || batch.byteCount > SQLRows.mostBytes { try flush() }
    }
    if batch.count > 0 || !hasBegun { try flush() }
    try sink.end(notices: [])
    return rowCount
  }

  /// What may be believed of the columns of the statement that has just been prepared.
  private func origins(of sql: String) throws -> SQLOrigins {
    let (tables, columns, readsView) = (watch.tables, watch.personalColumns, watch.readsView)
    var ordinary: Set<String> = []
    var stored: Set<String> = ["sqlite_master", "sqlite_schema", "sqlite_sequence"]
    let list = try prepare("SELECT lower(name), sql LIKE 'CREATE VIRTUAL%' FROM sqlite_master WHERE type = 'table'")
    defer { sqlite3_finalize(list) }
    while sqlite3_step(list) == SQLITE_ROW {
      guard let name = sqlite3_column_text(list, 0).map({ String(cString: $0) }) else { continue }
      stored.insert(name)
      if sqlite3_column_int(list, 1) == 0 { ordinary.insert(name) }
    }
    return SQLOrigins(
      sql, tables: ordinary, personalColumns: columns, readsView: readsView,
      readsFunction: !tables.isSubset(of: stored))
  }

  private func prepare(_ sql: String) throws(StoreError) -> OpaquePointer {
    var statement: OpaquePointer?
    var rest: OpaquePointer?
    var isAlone = true
    var code = SQLITE_OK
    var text = sql
    text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress else { return }
        var tail: UnsafePointer<CChar>?
        code = sqlite3_prepare_v2(handle, start, Int32(clamping: characters.count), &statement, &tail)
        guard code == SQLITE_OK, let tail else { return }
        // Comments and blanks may follow; another statement may not.
        let left = characters.count - (tail - start)
        let next = sqlite3_prepare_v2(handle, tail, Int32(clamping: left), &rest, nil)
        isAlone = next == SQLITE_OK && rest == nil
        sqlite3_finalize(rest)
      }
    }
    guard code == SQLITE_OK else { throw refused(code) }
    guard let statement else { throw StoreError(.content, "no SQL statement was given; such as: SELECT 1") }
    guard isAlone else {
      sqlite3_finalize(statement)
      throw StoreError(.content, "one SQL statement at a time")
    }
    guard sqlite3_stmt_readonly(statement) != 0 else {
      sqlite3_finalize(statement)
      throw StoreError(
        .content, "only reading is allowed here; change data with INSERT, UPDATE, DELETE of cimq, or with QGIS")
    }
    return statement
  }

  private func refused(_ code: Int32) -> StoreError {
    if code & 0xff == SQLITE_AUTH || watch.refusal != nil {
      return StoreError(.content, "\(watch.refusal ?? "this") is not allowed in raw SQL, which only reads")
    }
    if code & 0xff == SQLITE_TOOBIG {
      return StoreError(.limit, "a value or the statement is too long: raw SQL reads and makes values of at most 64 MB")
    }
    return StoreError(handle, code)
  }
}

/// Rows of a raw statement on their way into batches.
private struct SQLRows {
  private let names: [String]
  /// Columns declared as a geometry type.
  private var isGeometry: [Bool]
  /// Of columns that come unchanged from a table.
  private var personal: [PersonalData?] = []
  /// Of columns that are worked out by a statement that reads personal ones.
  private var made: [PersonalData?] = []
  private let workingCRS: CRS
  private var cells: [[Value]]
  private(set) var count = 0
  /// Of texts and blobs. A batch ends early when a thousand rows of them would not fit.
  private(set) var byteCount = 0
  static let mostBytes = 16 << 20

  /// - Parameter origins: nil when nothing personal is read.
  init(_ statement: OpaquePointer, workingCRS: CRS, origins: SQLOrigins?) {
    self.workingCRS = workingCRS
    let columns = Int(sqlite3_column_count(statement))
    var names: [String] = []
    isGeometry = []
    for i in 0..<columns {
      let name = sqlite3_column_name(statement, Int32(i)).map { String(cString: $0) } ?? "column\(i + 1)"
      var unique = name
      var n = 2
      while names.contains(unique) {
        unique = "\(name)_\(n)"
        n += 1
      }
      names.append(unique)
      let table = sqlite3_column_table_name(statement, Int32(i)).map { String(cString: $0) }
      let column = sqlite3_column_origin_name(statement, Int32(i)).map { String(cString: $0) }
      let isTrusted = table.map { origins?.tables.contains($0.lowercased()) ?? true } ?? false
      if let table, let column, isTrusted {
        personal.append(ReadOnlySQL.personalData(table: table, column: column))
      } else {
        personal.append(nil)
      }
      made.append(origins?.made(column: i, of: columns, isFromTable: isTrusted))
      let type = sqlite3_column_decltype(statement, Int32(i)).map { String(cString: $0).uppercased() } ?? ""
      isGeometry.append(
        ["POINT", "LINESTRING", "POLYGON", "GEOMETRY"].contains { type.contains($0) })
    }
    self.names = names
    cells = Array(repeating: [], count: columns)
  }

  /// The first column of geometries.
  var geometry: Int? { isGeometry.firstIndex(of: true) }

  mutating func append(_ statement: OpaquePointer) {
    for i in cells.indices {
      let isLong = [SQLITE_TEXT, SQLITE_BLOB].contains(sqlite3_column_type(statement, Int32(i)))
      cells[i].append(value(statement, Int32(i)))
      if isLong { byteCount += Int(sqlite3_column_bytes(statement, Int32(i))) }
    }
    count += 1
  }

  private func value(_ statement: OpaquePointer, _ column: Int32) -> Value {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: return .int(sqlite3_column_int64(statement, column))
    case SQLITE_FLOAT: return .double(sqlite3_column_double(statement, column))
    case SQLITE_TEXT:
      let start = sqlite3_column_text(statement, column)
      let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
      return .text(String(decoding: bytes, as: UTF8.self))
    case SQLITE_BLOB:
      let start = sqlite3_column_blob(statement, column)
      let bytes = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
      guard let (geometry, srid) = try? SpatiaLiteBlob.read(Array(bytes)) else {
        return .text("(\(bytes.count) bytes)")
      }
      var shape = geometry
      if srid > 0, CRS.epsg(Int(srid)) != workingCRS {
        guard let transform = try? CRSTransform.between(.epsg(Int(srid)), workingCRS),
          (try? transform.apply(&shape)) != nil
        else { return .text("SRID=\(srid);" + WKT.write(geometry, decimals: 7)) }
      }
      return .geometry(shape)
    default: return .null
    }
  }

  /// What has been appended, as a batch; the next one begins empty.
  mutating func take() throws -> RowBatch {
    var vectors: [Vector] = []
    for i in cells.indices {
      // A computed geometry (`ST_Buffer(geom, 10)`) has no declared type.
      if cells[i].contains(where: { $0.type == .geometry }),
        cells[i].allSatisfy({ $0.isNull || $0.type == .geometry })
      {
        isGeometry[i] = true
      }
      vectors.append(vector(cells[i], isGeometry[i]))
      cells[i].removeAll(keepingCapacity: true)
    }
    defer { (count, byteCount) = (0, 0) }
    var batch = RowBatch(rowCount: count, columns: vectors)
    if let geometry, case .geometry(let shapes) = vectors[geometry].storage { batch.shapes = shapes }
    if let id = names.firstIndex(of: "id"), !batch.shapes.isEmpty {
      batch.ids = (0..<count).map { vectors[id].isValid($0) ? CellText.text(vectors[id], $0, decimals: 7) : nil }
    }
    return batch
  }

  func header(_ batch: RowBatch) -> [ResultColumn] {
    names.indices.map { i in
      let type: ColumnType? =
        switch batch.columns[i].storage {
        case .int: .int
        case .double: .double
        case .geometry: .geometry
        case .null: isGeometry[i] ? .geometry : nil
        default: .text
        }
      // A text is never a count.
      let made = made[i] == .number && type != .int && type != .double ? .other : made[i]
      return ResultColumn(name: names[i], type: type, personal: personal[i] ?? (type == .geometry ? nil : made))
    }
  }

  private func vector(_ values: [Value], _ isGeometry: Bool) -> Vector {
    let validity = values.map { !$0.isNull }
    if isGeometry {
      return Vector(
        .geometry(values.map { if case .geometry(let shape) = $0 { shape } else { nil } }),
        validity: values.map { $0.type == .geometry })
    }
    if !validity.contains(true) { return Vector(.null(count: values.count)) }
    if values.allSatisfy({ $0.isNull || $0.type == .int }) {
      return Vector(.int(values.map { if case .int(let v) = $0 { v } else { 0 } }), validity: validity)
    }
    if values.allSatisfy({ $0.isNull || $0.number != nil }) {
      return Vector(.double(values.map { $0.number ?? 0 }), validity: validity)
    }
    return Vector(
      .text(
        values.map { value in
          switch value {
          case .null: ""
          case .text(let text): text
          case .int(let number): String(number)
          case .double(let number): number.description
          case .geometry(let shape): WKT.write(shape, decimals: 7)
          default: value.json
          }
        }), validity: validity)
  }
}
