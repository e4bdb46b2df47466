internal import GRDBSQLite
internal import SpatialIndex

/// Writes the 3D geometry of a layer's rows in bulk, beside a ``TableWriter``.
final class SolidsWriter {
  private(set) var stored: StoredLayer
  private let connection: SQLConnection
  private let isNew: Bool
  private let triggers: [String]
  private let insertRow: SQLStatement
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
      insertRow.bind(1, nextFid).bind(2, parent).bind(3, solid.object == id ? nil : solid.object)
        .bind(4, solid.lod.isEmpty ? nil : solid.lod).bind(5, solid.kind).bind(6, Self.semantics(solid.semantics))
        .bind(7, solid.shellStarts.count > 1 ? "[\(solid.shellStarts.map { String($0) }.joined(separator: ","))]" : nil)
        .bind(8, solid.appearance)
      insertRow.bind(9, staticBlob: blob)
      try insertRow.run()
      boxes.append(nextFid, box)
      nextFid += 1
      count += 1
    }
  }

  /// Packs the R*Tree, puts the triggers back, and brings catalogue, statistics and change log up to date.
  func finish(position: Int) throws(StoreError) {
    let extent = boxes.extent(with: stored.layer.geometry?.extent)
    stored.layer.geometry?.extent = extent
    try boxes.write(to: RTreeTables.name(of: stored.layer.name, "geom"), in: connection)
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
