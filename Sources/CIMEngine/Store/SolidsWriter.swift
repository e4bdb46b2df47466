internal import GRDBSQLite
internal import SpatialIndex

/// Writes the 3D geometry of a layer's rows in bulk, beside a ``TableWriter``.
final class SolidsWriter {
  private(set) var stored: StoredLayer
  private let connection: SQLConnection
  private let isNew: Bool
  private let triggers: [String]
  private let insertRow: SQLStatement
  /// Where rows go when the table is filled page by page, and the row that each belongs to.
  private var packed: (store: PackedStore, table: PackedTable, index: PackedIndex)?
  private var isPacked = false
  private var parents: [Int64] = []
  private var record = RecordBytes()
  // Memory of `putSemantics`, used again.
  private var knownTypes: [String] = []
  private var headTypes: [String] = []
  private var head: [UInt8] = []
  private var scratch: [UInt8] = []
  private var semantics: [UInt8] = []
  private var blobs = SpatiaLiteBlob.Writer()
  private var boxes = IndexedBoxes()
  private var nextFid: Int64
  private var count = 0

  /// - Parameter isNew: the table was made in this transaction and is empty.
  init(_ stored: StoredLayer, isNew: Bool, in connection: SQLConnection) throws(StoreError) {
    self.stored = stored
    self.connection = connection
    self.isNew = isNew
    triggers = try TableTriggers.dropAll(of: stored.layer.name, in: connection)
    let table = quoted(stored.layer.name)
    nextFid = 1 + (isNew ? 0 : try connection.int("SELECT max(fid) FROM \(table)") ?? 0)
    insertRow = try SQLStatement(
      connection.handle,
      """
      INSERT INTO \(table) (fid, \(quoted(stored.solidsOf ?? "parent")), object, lod, kind, semantics, shells, appearance,
      geom) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, persistent: true)
  }

  /// Writes the geometries of one row, in place of those it had.
  ///
  /// - Parameter id: of the row; the object of its own geometries is NULL.
  func write(_ solids: [SolidGeometry], of parent: Int64, id: String, isReplacing: Bool) throws(StoreError) {
    if isReplacing {
      let table = quoted(stored.layer.name)
      let old = try connection.prepare("SELECT fid FROM \(table) WHERE \(quoted(stored.solidsOf ?? "parent")) = ?")
        .bind(1, parent)
      while try old.step() { boxes.replace(old.int64(0), nil) }
      try connection.prepare("DELETE FROM \(table) WHERE \(quoted(stored.solidsOf ?? "parent")) = ?")
        .bind(1, parent).run()
    }
    for solid in solids {
      guard let blob = blobs.encode(solid.surfaces, srid: Int32(stored.srid ?? 0), heights: .require, asMulti: true),
        let box = RTreeTables.box(ofBlobHead: blob)
      else { continue }
      if let packed {
        try pack(solid, blob, of: parent, id: id, into: packed.table)
        boxes.append(nextFid, box)
        nextFid += 1
        count += 1
        continue
      }
      insertRow.bind(1, nextFid).bind(2, parent).bind(3, solid.object == id ? nil : solid.object)
        .bind(4, solid.lod.isEmpty ? nil : solid.lod).bind(5, solid.kind).bind(6, Self.semantics(solid.semantics))
        .bind(7, Self.shells(solid))
        .bind(8, solid.appearance)
      insertRow.bind(9, staticBlob: blob)
      try insertRow.run()
      boxes.append(nextFid, box)
      nextFid += 1
      count += 1
    }
  }

  private static func shells(_ solid: SolidGeometry) -> String? {
    solid.shellStarts.count > 1 ? "[\(solid.shellStarts.map { String($0) }.joined(separator: ","))]" : nil
  }

  // MARK: - Pages

  /// From now on rows go into pages; the table must be new and empty.
  func pack(into store: PackedStore) throws {
    precondition(isNew && nextFid == 1, "only a new table can be filled page by page")
    let name = stored.layer.name
    packed = (store, try store.table(name), try store.index("cimq_\(name)_parent"))
    isPacked = true
  }

  private func pack(
    _ solid: SolidGeometry, _ blob: UnsafeRawBufferPointer, of parent: Int64, id: String, into table: PackedTable
  ) throws(StoreError) {
    record.removeAll()
    record.appendNull()
    record.append(parent)
    put(solid.object == id ? nil : solid.object)
    put(solid.lod.isEmpty ? nil : solid.lod)
    put(solid.kind)
    putSemantics(solid.semantics)
    put(Self.shells(solid))
    put(solid.appearance)
    record.append(blob: blob)
    try table.append(nextFid, record)
    parents.append(parent)
  }

  private func put(_ text: String?) {
    guard var text else { return record.appendNull() }
    text.withUTF8 { record.append(text: UnsafeRawBufferPointer($0)) }
  }

  /// What ``semantics(_:)`` gives, without strings on the way: most objects of a city have the same few types.
  private func putSemantics(_ types: [String?]) {
    knownTypes.removeAll(keepingCapacity: true)
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: "],\"values\":[".utf8)
    for (i, type) in types.enumerated() {
      if i > 0 { scratch.append(UInt8(ascii: ",")) }
      guard let type else {
        scratch.append(contentsOf: "null".utf8)
        continue
      }
      let index = knownTypes.firstIndex(of: type) ?? knownTypes.count
      if index == knownTypes.count { knownTypes.append(type) }
      scratch.append(contentsOf: String(index).utf8)
    }
    if knownTypes.isEmpty { return record.appendNull() }
    if knownTypes != headTypes {
      headTypes = knownTypes
      // All but the closing bracket, which `scratch` begins with.
      head = Array("{\"types\":\(StoredCatalog.jsonArray(knownTypes).dropLast())".utf8)
    }
    semantics.removeAll(keepingCapacity: true)
    semantics.append(contentsOf: head)
    semantics.append(contentsOf: scratch)
    semantics.append(contentsOf: "]}".utf8)
    semantics.withUnsafeBytes { record.append(text: $0) }
  }

  /// Writes the indexes of a table that was filled page by page.
  func finishPages() throws {
    guard let packed else { return }
    try packed.table.finish()
    // By the row that they belong to, then by their own number: as they came, but for rows that others stand between.
    var order = Array(parents.indices)
    if !zip(parents, parents.dropFirst()).allSatisfy({ $0 <= $1 }) {
      order.sort { (parents[$0], $0) < (parents[$1], $1) }
    }
    for row in order {
      record.removeAll()
      record.append(parents[row])
      record.append(Int64(row + 1))
      try packed.index.append(record)
    }
    try packed.index.finish()
    try boxes.fill(RTreeTables.name(of: stored.layer.name, "geom"), in: packed.store)
    self.packed = nil
    parents = []
  }

  /// Packs the R*Tree, puts the triggers back, and brings catalogue, statistics and change log up to date.
  func finish(position: Int) throws(StoreError) {
    let extent = boxes.extent(with: stored.layer.geometry?.extent)
    stored.layer.geometry?.extent = extent
    if !isPacked { try boxes.write(to: RTreeTables.name(of: stored.layer.name, "geom"), in: connection) }
    try TableTriggers.restore(triggers, in: connection)
    stored.layer.rowCount =
      isNew ? count : Int(try connection.int("SELECT count(*) FROM \(quoted(stored.layer.name))") ?? 0)
    try ChangeLog.append(.bulk, layer: stored.layer.name, in: connection)
    try StoredCatalog.record(
      stored, position: position, countedAt: try ChangeLog.current(in: connection).revision, in: connection)
    try Statistics.write(for: stored, in: connection)
  }

  /// `{"types":["RoofSurface","WallSurface"],"values":[0,1,1,null]}`: the type of each surface; nil without any.
  static func semantics(_ types: [String?]) -> String? {
    var known: [String] = []
    var values: [String] = []
    for type in types {
      guard let type else {
        values.append("null")
        continue
      }
      let index = known.firstIndex(of: type) ?? known.count
      if index == known.count { known.append(type) }
      values.append(String(index))
    }
    if known.isEmpty { return nil }
    return "{\"types\":\(StoredCatalog.jsonArray(known)),\"values\":[\(values.joined(separator: ","))]}"
  }
}
