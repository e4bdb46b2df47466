internal import GRDBSQLite
internal import SpatialIndex

/// Writes rows of one layer in bulk, inside the caller's transaction: triggers are off meanwhile, geometry goes in as
/// blobs made here, the R*Tree is packed at the end, and the change log gets one `bulk` entry (or one entry for each
/// row when there are few).
///
/// Use: `init`, `begin` for each source, `insert` for each of its rows, `finish`.
final class TableWriter {
  /// The catalogue entry; its count and extent are brought up to date by ``finish()``.
  var stored: StoredLayer
  var tally = ImportTally()
  /// The first value found outside a column's closed list, by column; only where new values are taken.
  private(set) var unknownValues: [Int: String] = [:]
  /// By column with a closed list, values in other words for what is on it: how many, and the first.
  private(set) var translated: [Int: (count: Int, from: String, to: String)] = [:]
  /// Rows of this import that have one id and differ: the one that counts and the one that does not.
  var repeated = RepeatedRows()
  private(set) var lookups: [Int: FidLookup] = [:]

  let connection: SQLConnection
  let conflict: ImportConflict
  let isNew: Bool
  private let takesNewValues: Bool
  private let triggers: [String]
  private let insertRow: SQLStatement
  /// Where rows go when the table is filled page by page.
  private var packed: PackedRows?
  private var isPacked = false
  private var nextFid: Int64
  /// Rows from this one on are of this import.
  let firstFid: Int64

  // The row at hand: one slot for each parameter (fid, columns, geometry), its texts in `bytes`.
  private enum Slot {
    case null
    case int(Int64)
    case double(Double)
    case text(Int, Int)
    case blob(UnsafeRawBufferPointer)
  }
  private var row: [Slot]
  private let bytes = RowBytes()
  private var blobs = SpatiaLiteBlob.Writer()
  private var scratch: [UInt8] = []
  /// What each value of a row to come is for.
  private(set) var targets: [Target] = []
  let geometrySlot: Int?

  struct Target {
    var column: Int
    var type: ColumnType
    var name: String
    var lookup: FidLookup?
    var allowed: [String]?
    var aliases: [String: String] = [:]
    /// Slot 0 is the fid.
    var slot: Int { column + 1 }
  }

  // What was written: boxes for the R*Tree, and fids to log while they are few.
  private var boxes = IndexedBoxes()
  private var touched: [(fid: Int64, isInsert: Bool)] = []
  private var isBulk: Bool
  var compareRow: SQLStatement?
  var updateRow: SQLStatement?

  /// More changes than this are logged as one.
  static let logLimit = 1_000

  /// - Parameters:
  ///   - isNew: the table was made in this transaction and is empty.
  ///   - takesNewValues: lifts a closed list that does not know a value, instead of refusing the row.
  init(
    _ stored: StoredLayer, isNew: Bool, conflict: ImportConflict, takesNewValues: Bool = false,
    in connection: SQLConnection
  ) throws(StoreError) {
    self.takesNewValues = takesNewValues
    self.stored = stored
    self.connection = connection
    self.conflict = conflict
    self.isNew = isNew
    isBulk = isNew
    let table = quoted(stored.layer.name)
    triggers = try TableTriggers.dropAll(of: stored.layer.name, in: connection)
    nextFid = 1 + (isNew ? 0 : try connection.int("SELECT max(\(quoted(stored.rowColumn))) FROM \(table)") ?? 0)
    firstFid = nextFid
    var names = [quoted(stored.rowColumn)] + stored.sources.map { quoted($0 ?? "id") }
    if let geometry = stored.layer.geometry { names.append(quoted(geometry.name)) }
    geometrySlot = stored.layer.geometry == nil ? nil : names.count - 1
    row = Array(repeating: .null, count: names.count)
    let marks = names.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    // DO NOTHING rather than an error: without a journal a statement must never fail half way.
    insertRow = try SQLStatement(
      connection.handle,
      "INSERT INTO \(table) (\(names.joined(separator: ", "))) VALUES (\(marks)) "
        + "ON CONFLICT (\(quoted(stored.idColumn ?? "id"))) DO NOTHING", persistent: true)
  }

  /// Says which columns the values of the rows to come are for; the table's other columns stay NULL.
  ///
  /// - Parameters:
  ///   - columns: for each value, the index of the layer's column.
  ///   - links: by column, the layer whose fid is kept in place of its id.
  ///   - ids: knows the fids of layers that are not in the database yet.
  func begin(columns: [Int], links: [Int: StoredLayer] = [:], ids: PackedStore? = nil) throws(StoreError) {
    for slot in row.indices { row[slot] = .null }
    targets = []
    compareRow = nil
    updateRow = nil
    for column in columns {
      let known = stored.layer.columns[column]
      var target = Target(column: column, type: known.type, name: known.name, allowed: known.enumeration)
      target.aliases = known.valueAliases
      if let layer = links[column] {
        let lookup: FidLookup
        if let known = lookups[column] {
          lookup = known
        } else {
          lookup = try FidLookup(to: layer, in: connection, ids: ids?.ids(of: layer.layer.name))
        }
        lookups[column] = lookup
        target.lookup = lookup
      }
      targets.append(target)
    }
  }

  /// Inserts one row. Its geometry is in the database's CRS, finite, and of a kind that the column takes.
  ///
  /// - Returns: its fid, or nil when the row was there already and stays as it is.
  /// - Throws: ``LoadError`` for a value that its column cannot hold, and for an id that is taken, as `conflict` says.
  func insert(_ feature: Feature, path: String) throws -> Int64? {
    bytes.removeAll()
    row[0] = .int(nextFid)
    row[1] = text(feature.id)
    for (i, target) in targets.enumerated() where i < feature.values.count {
      row[target.slot] = try slot(for: feature.values[i], target, feature, path)
    }
    var box: Box2?
    if let geometrySlot, let column = stored.layer.geometry {
      row[geometrySlot] = .null
      let isMulti = column.kind.map { $0 == $0.multi && $0 != .geometryCollection } ?? false
      if let geometry = feature.geometry,
        let blob = blobs.encode(
          geometry, srid: Int32(stored.srid ?? 0), heights: column.hasZ ? .require : .drop, asMulti: isMulti)
      {
        box = RTreeTables.box(ofBlobHead: blob)
        row[geometrySlot] = .blob(blob)
      }
    }
    if let packed {
      try pack(into: packed)
      return taken(feature, box, path)
    }
    bind(to: insertRow)
    try insertRow.run()
    if connection.changes == 0 { return try resolveConflict(feature, box, path) }
    return taken(feature, box, path)
  }

  /// The row at hand is in the table: gives its fid.
  private func taken(_ feature: Feature, _ box: Box2?, _ path: String) -> Int64 {
    let fid = nextFid
    nextFid += 1
    tally.inserted += 1
    repeated.append(fid, feature.place, path)
    if let box { boxes.append(fid, box) }
    note(fid, isInsert: true)
    return fid
  }

  // MARK: - Pages

  /// From now on rows go into pages; the table must be new and empty. Call ``finishPages(keepsIDs:)`` before ``finish(position:)``.
  func pack(into store: PackedStore) throws {
    precondition(isNew && nextFid == 1, "only a new table can be filled page by page")
    packed = try PackedRows(store, stored)
    isPacked = true
  }

  private func pack(into packed: PackedRows) throws {
    packed.record.removeAll()
    // The rowid stands for the first column.
    packed.record.appendNull()
    for slot in row.dropFirst() {
      switch slot {
      case .null: packed.record.appendNull()
      case .int(let value): packed.record.append(value)
      case .double(let value): packed.record.append(value)
      case .text(let start, let count): packed.record.append(text: bytes.bytes(start..<start + count))
      case .blob(let blob): packed.record.append(blob: blob)
      }
    }
    guard case .text(let start, let count) = row[1] else { throw PageFile.Unsuitable() }
    try packed.append(nextFid, id: bytes.bytes(start..<start + count).assumingMemoryBound(to: UInt8.self))
  }

  /// Writes the indexes of a table that was filled page by page.
  func finishPages(keepsIDs: Bool) throws {
    try packed?.finish(boxes, keepsIDs: keepsIDs)
    packed = nil
  }

  /// Binds the row at hand by parameter number, `?1` being the fid; parameters that a statement lacks are left out.
  func bind(to statement: SQLStatement) {
    for (i, slot) in row.enumerated() {
      switch slot {
      case .null: statement.bindNull(i + 1)
      case .int(let value): statement.bind(i + 1, value)
      case .double(let value): statement.bind(i + 1, value)
      case .text(let start, let count):
        statement.bind(
          i + 1, staticText: bytes.bytes(start..<start + count).assumingMemoryBound(to: UInt8.self))
      case .blob(let blob): statement.bind(i + 1, staticBlob: blob)
      }
    }
  }

  func columnName(ofSlot slot: Int) -> String {
    if slot == geometrySlot { return stored.layer.geometry?.name ?? "geom" }
    return slot == 0 ? stored.rowColumn : stored.sources[slot - 1] ?? "id"
  }

  func noteReplaced(_ fid: Int64, box: Box2?) {
    boxes.replace(fid, box)
    note(fid, isInsert: false)
  }

  private func note(_ fid: Int64, isInsert: Bool) {
    if isBulk { return }
    touched.append((fid, isInsert))
    if touched.count > Self.logLimit {
      isBulk = true
      touched = []
    }
  }

  // MARK: - Values

  private func text(_ string: String) -> Slot {
    let range = bytes.append(string)
    return .text(range.lowerBound, range.count)
  }

  private func text(writtenBy body: (inout [UInt8]) -> Void) -> Slot {
    scratch.removeAll(keepingCapacity: true)
    body(&scratch)
    let range = bytes.append(scratch)
    return .text(range.lowerBound, range.count)
  }

  private func slot(for value: Value, _ target: Target, _ feature: Feature, _ path: String) throws -> Slot {
    if let lookup = target.lookup {
      if value.isNull { return .null }
      return try lookup.fid(of: value.plainText, path: path, place: feature.place).map { .int($0) } ?? .null
    }
    switch (target.type, value) {
    case (_, .null): return .null
    case (.text, .text(let string)):
      if let allowed = target.allowed, !allowed.contains(string) {
        if let meant = target.aliases[string] {
          let known = translated[target.column]
          translated[target.column] = (1 + (known?.count ?? 0), known?.from ?? string, known?.to ?? meant)
          return text(meant)
        }
        guard takesNewValues else {
          throw LoadError.unlisted(
            string, stored.layer.columns[target.column], layer: stored.layer.name, path: path, place: feature.place)
        }
        if unknownValues[target.column] == nil { unknownValues[target.column] = string }
      }
      return text(string)
    case (.double, .double(let number)):
      if number.isFinite { return .double(number) }
      throw LoadError(path: path, place: feature.place, reason: .malformed("`\(target.name)` is not a finite number"))
    case (.double, .int(let number)): return .double(Double(number))
    case (.int, .int(let number)): return .int(number)
    case (.int, .double(let number)): if let whole = Int64(exactly: number) { return .int(whole) }
    case (.bool, .bool(let flag)), (.int, .bool(let flag)): return .int(flag ? 1 : 0)
    case (.bool, .int(let number)): if number == 0 || number == 1 { return .int(number) }
    case (.date, .date(let days)): return text { StoredTime.append(date: days, to: &$0) }
    case (.timestamp, .timestamp(let instant)): return text { StoredTime.append(instant: instant, to: &$0) }
    case (.timestamp, .date(let days)):
      return text { StoredTime.append(instant: Int64(days) * 86_400_000_000, to: &$0) }
    case (.list, .list), (.list, .text), (.text, _): return text(value.plainText)
    default: break
    }
    throw LoadError(
      path: path, place: feature.place,
      reason: .refused(
        "`\(target.name)` is '\(value.plainText.prefix(60))', and `\(stored.layer.name).\(target.name)` holds "
          + "values of type \(target.type.rawValue)"),
      fix: "import into another layer (--layer), or into a new database with --types \(target.name)=text")
  }

  // MARK: - The end

  /// Packs the R*Tree, puts the triggers back, and brings catalogue, statistics and change log up to date.
  func finish(position: Int) throws(StoreError) {
    if let geometry = stored.layer.geometry {
      stored.layer.geometry?.extent = boxes.extent(with: geometry.extent)
      if !isPacked { try boxes.write(to: RTreeTables.name(of: stored.layer.name, geometry.name), in: connection) }
    }
    try TableTriggers.restore(triggers, in: connection)
    stored.layer.rowCount =
      isNew ? tally.inserted : Int(try connection.int("SELECT count(*) FROM \(quoted(stored.layer.name))") ?? 0)
    for (column, _) in unknownValues {
      stored.layer.columns[column].enumeration = nil
      stored.layer.columns[column].valueAliases = [:]
    }
    if isBulk || isNew {
      try ChangeLog.append(.bulk, layer: stored.layer.name, in: connection)
    } else {
      for entry in touched {
        try ChangeLog.append(
          entry.isInsert ? .insert : .update, layer: stored.layer.name, row: entry.fid, in: connection)
      }
    }
    try StoredCatalog.record(
      stored, position: position, countedAt: try ChangeLog.current(in: connection).revision, in: connection)
    try Statistics.write(for: stored, in: connection)
  }
}

/// What to do with a row whose id the table has already, with other content.
public enum ImportConflict: String, Sendable, CaseIterable { case fail, replace, skip }

/// What became of the rows of an import.
public struct ImportTally: Sendable, Equatable {
  public var inserted = 0
  public var replaced = 0
  /// Same id, same content.
  public var identical = 0
  /// Same id, other content, left as it was.
  public var skipped = 0
  public init() {}

  public static func + (a: Self, b: Self) -> Self {
    var sum = a
    sum.inserted += b.inserted
    sum.replaced += b.replaced
    sum.identical += b.identical
    sum.skipped += b.skipped
    return sum
  }
}
