/// What a packing is doing; throw to stop it.
public struct SnapshotProgress: Sendable {
  public var layer: String
  /// Rows of the layer read so far, and how many it has.
  public var rowCount: Int
  public var total: Int
}

extension Snapshot {
  /// The snapshot of a database as it is now. Few edits since it was packed are laid over it; one that is missing, damaged,
  /// of another version or too old is packed anew first, layers that have not changed kept as they are; that is said
  /// through `notice`.
  ///
  /// The check is one small read transaction and the reading of the manifest. The folder lies beside the database
  /// (`city.sqlite.cimx`), or in the user's cache folder where nothing can be written there. Any number of processes may
  /// do this at once: one packs, the others wait for it.
  ///
  /// - Parameters:
  ///   - previous: the snapshot of the statement before, whose files need not be opened again when it will do.
  ///   - progress: called every few thousand rows while packing.
  /// - Throws: `StoreError` when the database cannot be read or no snapshot can be written anywhere; what `progress`
  ///   throws.
  public static func current(
    for store: Store, previous: Snapshot? = nil, notice: (String) -> Void = { _ in },
    progress: (SnapshotProgress) throws -> Void = { _ in }
  ) throws -> Snapshot {
    try current(for: store, previous: previous, in: folders(of: store), notice: notice, progress: progress)
  }

  static func current(
    for store: Store, previous: Snapshot? = nil, in folders: [String], notice: (String) -> Void,
    progress: (SnapshotProgress) throws -> Void
  ) throws -> Snapshot {
    let state = try store.snapshotState()
    if let previous {
      if previous.isGood(at: state, store) { return previous }
      // Beyond that somebody may have packed meanwhile.
      if let overlaid = try overlaying(previous.packed, store, limit: LayerEdits.limit / 10) { return overlaid }
    }
    for folder in folders {
      guard let snapshot = try? open(folder) else { continue }
      if snapshot.isGood(at: state, store) { return snapshot }
      // While another process packs, the others answer with what there is.
      let limit = SnapshotLock.isHeld(in: folder) ? 20 * LayerEdits.limit : LayerEdits.limit
      if let overlaid = try overlaying(snapshot, store, limit: limit) { return overlaid }
    }
    return try pack(store, folders, distrusting: nil, notice: notice, progress: progress)
  }

  /// A sound snapshot after a statement met damage: the damaged file is packed anew from the database. Run the statement
  /// again on the result.
  public static func repaired(
    after damage: SnapshotDamage, for store: Store, notice: (String) -> Void = { _ in },
    progress: (SnapshotProgress) throws -> Void = { _ in }
  ) throws -> Snapshot {
    notice(damage.message)
    return try pack(store, folders(of: store), distrusting: damage.path, notice: notice, progress: progress)
  }

  /// Packs what was edited, so that nothing has to be laid over the files.
  public static func packed(
    for store: Store, notice: (String) -> Void = { _ in }, progress: (SnapshotProgress) throws -> Void = { _ in }
  ) throws -> Snapshot {
    try pack(store, folders(of: store), distrusting: nil, notice: notice, progress: progress)
  }

  /// Packs every layer anew, whatever is there: `cimq snapshot DB`.
  public static func rebuilt(
    for store: Store, notice: (String) -> Void = { _ in }, progress: (SnapshotProgress) throws -> Void = { _ in }
  ) throws -> Snapshot {
    try pack(store, folders(of: store), distrusting: "", notice: notice, progress: progress)
  }

  private static func overlaying(_ base: Snapshot, _ store: Store, limit: Int) throws -> Snapshot? {
    guard base.manifest.layers.allSatisfy(\.isTracked) else { return nil }
    return try store.read { try overlaying(base, $0, limit: limit) }
  }

  /// The snapshot that a connection with an open transaction sees, its own changes included. Nothing of it goes to
  /// where others would find it.
  static func inside(_ store: Store, base: Snapshot) throws -> Snapshot {
    try store.connection.use { connection in
      let reader = StoreReader(connection: connection, path: store.path)
      if let overlaid = try overlaying(base.packed, reader, limit: 20 * LayerEdits.limit) { return overlaid }
      let folder = try SnapshotFolder.makeTemporary()
      defer { SnapshotFolder.remove(folder) }
      let state = SnapshotState(revision: try reader.revision(), schemaVersion: try reader.schemaVersion())
      let stored = try reader.catalog()
      let packing = SnapshotPacking(folder: folder, state: state, catalog: stored.catalog)
      try packing.packAll { layer, builder in try reader.fill(builder, from: stored.layers[layer], { _ in }) }
      try packing.manifest().write(in: folder)
      return try open(folder)
    }
  }

  /// Packs what was edited since, while others go on: for a process that lives long enough. Does nothing when another
  /// process packs just now.
  static func packInBackground(_ store: Store) throws {
    guard let folder = folders(of: store).first(where: { SnapshotFolder.make($0, for: store.path) }),
      !SnapshotLock.isHeld(in: folder)
    else { return }
    _ = try pack(store, in: folder, distrusting: nil, notice: { _ in }, progress: { _ in })
  }

  /// Whether the snapshot still shows what the read transaction sees: the uuid, the revision and its token, and the
  /// schema are the same.
  package func isCurrent(in reader: StoreReader) throws(StoreError) -> Bool {
    state == SnapshotState(revision: try reader.revision(), schemaVersion: try reader.schemaVersion())
  }

  private func isGood(at state: SnapshotState, _ store: Store) -> Bool {
    self.state == state && (manifest.layers.allSatisfy(\.isTracked) || store.connection.isImmutable)
  }

  /// Where a snapshot may lie, best first.
  private static func folders(of store: Store) -> [String] {
    [SnapshotFolder.beside(store.path)] + (SnapshotFolder.inCache(store.path).map { [$0] } ?? [])
  }

  /// - Parameter path: a file not to be kept; "" keeps none; nil keeps all that is still good.
  private static func pack(
    _ store: Store, _ folders: [String], distrusting path: String?, notice: (String) -> Void,
    progress: (SnapshotProgress) throws -> Void
  ) throws -> Snapshot {
    var failure: StoreError?
    for folder in folders {
      guard SnapshotFolder.make(folder, for: store.path) else { continue }
      do {
        return try pack(store, in: folder, distrusting: path, notice: notice, progress: progress)
      } catch let error as StoreError where error.failureClass == .file {
        // The disk may be full here and not there.
        failure = failure ?? error
      }
    }
    throw failure
      ?? StoreError(
        .file,
        "no snapshot of \(store.path) can be written: not in \(folders.joined(separator: ", not in "))"
          + "\n  set XDG_CACHE_HOME to a folder that can be written")
  }

  private static func pack(
    _ store: Store, in folder: String, distrusting path: String?, notice: (String) -> Void,
    progress: (SnapshotProgress) throws -> Void
  ) throws -> Snapshot {
    let lock = try SnapshotLock(folder: folder) { polls in
      if polls == 0 { notice("another process is packing the snapshot; waiting for it") }
      try progress(SnapshotProgress(layer: "", rowCount: 0, total: 0))
    }
    defer { withExtendedLifetime(lock) {} }
    if path == nil, let snapshot = try? open(folder), snapshot.isGood(at: try store.snapshotState(), store) {
      return snapshot
    }
    // What other programs did to the tables is taken up first, if that can be written; else those layers are not kept.
    for remark in (try? store.adopt()) ?? [] { notice(remark) }
    let old = path == "" ? nil : try? Manifest.read(in: folder)
    var result = packing(store, in: folder, old, distrusting: path, notice, progress)
    if case .failure(let error) = result, error is SnapshotDamage {
      // A kept segment turned out to be damaged.
      notice((error as? SnapshotDamage)?.message ?? "")
      result = packing(store, in: folder, nil, distrusting: path, notice, progress)
    }
    switch result {
    case .failure(let error):
      SnapshotFolder.clean(folder, keeping: (try? Manifest.read(in: folder))?.fileNames ?? [SnapshotLock.fileName])
      throw error
    case .success(let packing):
      let manifest = packing.manifest()
      try manifest.write(in: folder)
      SnapshotFolder.clean(folder, keeping: manifest.fileNames)
      for remark in packing.notices { notice(remark) }
      return try open(folder)
    }
  }

  /// Packs in one read transaction, so that all layers are of one revision. Errors come back as they are.
  private static func packing(
    _ store: Store, in folder: String, _ old: Manifest?, distrusting path: String?, _ notice: (String) -> Void,
    _ progress: (SnapshotProgress) throws -> Void
  ) -> Result<SnapshotPacking, any Error> {
    do throws(StoreError) {
      return try store.read { reader -> Result<SnapshotPacking, any Error> in
        do {
          let state = SnapshotState(revision: try reader.revision(), schemaVersion: try reader.schemaVersion())
          let stored = try reader.catalog()
          let kept = try keep(old, in: folder, distrusting: path, stored, reader)
          let count = stored.layers.count - kept.count
          if count > 0 {
            let names = stored.layers.indices.filter { kept[$0] == nil }.map { stored.layers[$0].layer.name }
            notice(
              kept.isEmpty
                ? "packing the snapshot (\(count) \(count == 1 ? "layer" : "layers"))"
                : "bringing the snapshot up to date: \(names.joined(separator: ", "))")
          }
          let packing = SnapshotPacking(
            folder: folder, state: state, catalog: stored.catalog, kept: kept,
            untracked: Set(stored.layers.indices.filter { !stored.layers[$0].isTracked }))
          try packing.packAll { layer, builder in
            try reader.fill(builder, from: stored.layers[layer], progress)
          }
          return .success(packing)
        } catch {
          return .failure(error)
        }
      }
    } catch {
      return .failure(error)
    }
  }

  /// The layers of an earlier snapshot that are still good, by their index in the catalogue of now.
  private static func keep(
    _ old: Manifest?, in folder: String, distrusting path: String?, _ stored: StoredCatalog, _ reader: StoreReader
  ) throws -> [Int: Manifest.Layer] {
    guard let old, old.catalog.workingCRS == stored.catalog.workingCRS,
      let changes = try reader.changes(since: old.state.revision)
    else { return [:] }
    let changed = Set(changes.layers.map { $0.layer.lowercased() })
    var kept: [Int: Manifest.Layer] = [:]
    for (index, layer) in stored.layers.enumerated() {
      guard layer.isTracked, !changed.contains(layer.layer.name.lowercased()),
        let before = old.catalog.layers.firstIndex(where: { $0.name == layer.layer.name }),
        layer.layer.hasSameShape(as: old.catalog.layers[before])
      else { continue }
      var entry = old.layers[before]
      if !entry.isTracked || path == folder + "/" + entry.segmentFile { continue }
      if let links = entry.linksFile, path == folder + "/" + links {
        entry.linksFile = nil
        entry.linksDigest = nil
      }
      kept[index] = entry
    }
    return kept
  }
}

extension Store {
  /// The state that a snapshot must show to be current, read in one transaction.
  func snapshotState() throws(StoreError) -> SnapshotState {
    try read { reader in
      SnapshotState(revision: try reader.revision(), schemaVersion: try reader.schemaVersion())
    }
  }
}

extension StoreReader {
  /// Scans a layer into a builder, the columns that it takes. Gives what is to be said about the values.
  func fill(
    _ builder: SegmentBuilder, from stored: StoredLayer, _ progress: (SnapshotProgress) throws -> Void
  ) throws -> [String] {
    let columns = builder.taken
    // Not retained row by row: the builder holds them.
    let targets = columns.map {
      (column: Unmanaged.passUnretained(builder.columns[$0]), source: builder.columns[$0].source)
    }
    var geometry = Geometry(kind: .point)
    let hasGeometry = builder.geometry != nil
    var done = 0
    let report = try scan(stored, columns: columns, geometry: hasGeometry) { row in
      if done & 4095 == 0 {
        try progress(SnapshotProgress(layer: stored.layer.name, rowCount: done, total: stored.layer.rowCount))
      }
      done += 1
      builder.beginRow(fid: row.fid)
      for i in targets.indices {
        let source = targets[i].source
        targets[i].column._withUnsafeGuaranteedRef { column in
          switch source {
          case .integer: if let value = row.int(i) { column.append(value) } else { column.appendNull() }
          case .flag: if let value = row.bool(i) { column.append(Int64(value ? 1 : 0)) } else { column.appendNull() }
          case .number: if let value = row.double(i) { column.append(value) } else { column.appendNull() }
          case .date: if let value = row.date(i) { column.append(Int64(value)) } else { column.appendNull() }
          case .instant: if let value = row.timestamp(i) { column.append(value) } else { column.appendNull() }
          case .text: if let value = row.utf8(i) { column.append(value) } else { column.appendNull() }
          }
        }
      }
      if hasGeometry, row.readGeometry(into: &geometry) {
        if geometry.kind == .point, geometry.xy.count == 2 {
          builder.appendPoint(geometry.xy[0], geometry.xy[1], z: geometry.z.first)
        } else {
          builder.append(geometry)
        }
      }
      builder.endRow()
    }
    withExtendedLifetime(builder) {}
    return report.messages
  }
}
