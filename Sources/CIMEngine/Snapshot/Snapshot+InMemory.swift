extension Snapshot {
  /// Packs rows in memory into a snapshot that lives in files already removed: for tests and small things.
  ///
  /// ```swift
  /// let city = try Snapshot.inMemory(catalog, ["shelter": [SegmentRow(fid: 1, values: [.text("S-1")], geometry: …)]])
  /// let shelters = try city.segment(named: "shelter")!
  /// ```
  /// Links are those of the catalogue. A layer without rows is empty.
  package static func inMemory(_ catalog: Catalog, _ rows: [String: [SegmentRow]]) throws -> Snapshot {
    let folder = try SnapshotFolder.makeTemporary()
    defer { SnapshotFolder.remove(folder) }
    let state = SnapshotState(
      revision: Revision(uuid: catalog.databaseID, revision: 0, token: 0), schemaVersion: 0)
    let packing = SnapshotPacking(folder: folder, state: state, catalog: catalog)
    try packing.packAll { layer, builder in
      for row in rows[catalog.layers[layer].name] ?? [] { builder.append(row) }
      return []
    }
    try packing.manifest().write(in: folder)
    return try open(folder)
  }
}
