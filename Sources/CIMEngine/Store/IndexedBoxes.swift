internal import SpatialIndex

/// Boxes of rows written in bulk, on their way into the R*Tree.
struct IndexedBoxes {
  private var fids: [Int64] = []
  private var boxes: [Box2] = []
  /// Rows whose box, here or in the index, is no longer theirs; nil where they have none any more.
  private var replaced: [Int64: Box2?] = [:]

  /// `fid` is new and greater than those before.
  mutating func append(_ fid: Int64, _ box: Box2) {
    fids.append(fid)
    boxes.append(box)
  }

  mutating func replace(_ fid: Int64, _ box: Box2?) { replaced[fid] = .some(box) }

  func extent(with old: Box2?) -> Box2? {
    var extent = old
    for box in boxes { extent = extent?.union(box) ?? box }
    for case .some(let box) in replaced.values { extent = extent?.union(box) ?? box }
    return extent
  }

  /// Fills the R*Tree of a table that is new.
  func fill(_ index: String, in store: PackedStore) throws {
    try store.fillRTree(index, fids: fids, boxes: boxes)
  }

  /// Brings the R*Tree up to date; a table without one stays so. Few changes go in one by one, many pack it anew.
  func write(to index: String, in connection: SQLConnection) throws(StoreError) {
    let exists = try connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").bind(1, index)
    guard try exists.step() else { return }
    exists.reset()
    let count = Int(try connection.int("SELECT count(*) FROM \(quoted(index + "_rowid"))") ?? 0)
    if count == 0 && replaced.isEmpty {
      return try RTreeTables.write(index, fids: fids, boxes: boxes, in: connection)
    }
    // A row may come and be replaced in one import.
    var items = zip(fids, boxes).filter { replaced[$0.0] == nil }.map { ($0, $1) }
    for (fid, box) in replaced { if let box { items.append((fid, box)) } }
    if items.count + replaced.count <= count / 50 {
      let remove = try connection.prepare("DELETE FROM \(quoted(index)) WHERE pkid = ?")
      for fid in replaced.keys { try remove.bind(1, fid).run() }
      return try RTreeTables.insert(index, fids: items.map(\.0), boxes: items.map(\.1), in: connection)
    }
    let old = try RTreeTables.items(of: index, in: connection)
    for (fid, box) in zip(old.fids, old.boxes) where replaced[fid] == nil { items.append((fid, box)) }
    items.sort { $0.0 < $1.0 }
    try RTreeTables.write(index, fids: items.map(\.0), boxes: items.map(\.1), in: connection)
  }
}

/// Counts and extents where GDAL and QGIS look for them; they hold as long as no trigger notes a later change.
enum Statistics {
  static func write(for stored: StoredLayer, in connection: SQLConnection) throws(StoreError) {
    guard let geometry = stored.layer.geometry else { return }
    let now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    try connection.prepare(
      "UPDATE geometry_columns_time SET last_insert = \(now) WHERE f_table_name = lower(?) AND f_geometry_column = lower(?)"
    ).bind(1, stored.layer.name).bind(2, geometry.name).run()
    let insert = try connection.prepare(
      """
      INSERT OR REPLACE INTO geometry_columns_statistics (f_table_name, f_geometry_column, last_verified, row_count,
        extent_min_x, extent_min_y, extent_max_x, extent_max_y)
      VALUES (lower(?), lower(?), \(now), ?, ?, ?, ?, ?)
      """)
    insert.bind(1, stored.layer.name).bind(2, geometry.name).bind(3, Int64(stored.layer.rowCount))
    if let box = geometry.extent {
      insert.bind(4, box.min[0]).bind(5, box.min[1]).bind(6, box.max[0]).bind(7, box.max[1])
    }
    try insert.run()
  }
}
