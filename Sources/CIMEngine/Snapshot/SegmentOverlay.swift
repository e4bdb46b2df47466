internal import SpatialIndex
internal import Synchronization

/// The edits of a layer brought into the form of its segment: views in which some rows are others.
///
/// Values of fixed width lie in private copies of the file's pages, of which only those written to are copied; strings and
/// geometries of changed rows lie apart, and the views know which rows those are. So an edit costs what it changed, not
/// what the layer holds.
final class SegmentOverlay: @unchecked Sendable {
  let base: Segment
  let placement: RowPlacement
  let edits: LayerEdits
  /// By column; nil for links by fid.
  let columns: [SegmentColumn?]
  let geometry: GeometryStorage?
  let tree: PackedRTreeView<2>?
  let memory: PrivateMemory
  private let patchedTree: PatchedRTree<2>?
  private let newTree: PackedRTree<2>?
  private let patched: PatchedRows
  /// By column of text: the changed rows that hold a string; made when first asked for.
  private let keys: Mutex<[Int: [TextKey: [UInt32]]]> = Mutex([:])

  var rowCount: Int { placement.rowCount }

  /// The edits ask for what cannot be laid over the segment; the layer has to be packed.
  struct NotPossible: Error {}

  init(_ base: Segment, _ edits: LayerEdits) throws {
    self.base = base
    self.edits = edits
    let placement = try RowPlacement(edits, base: base)
    self.placement = placement
    let memory = PrivateMemory()
    self.memory = memory
    let bits = try memory.zeros((placement.rowCount + 63) / 64 + 1, of: UInt64.self)
    for (row, _) in placement.rows { bits[row >> 6] |= 1 << UInt64(row & 63) }
    patched = PatchedRows(
      words: bits, rows: memory.owned.copy(placement.rows.map { UInt32($0.row) }), count: placement.rows.count)
    let maker = OverlayColumns(base, placement, edits, memory, patched)
    columns = try base.layer.columns.indices.map { try maker.column($0) }
    guard let packed = base.geometryView else {
      (geometry, tree, patchedTree, newTree) = (nil, nil, nil, nil)
      return
    }
    // Geometry of changed rows in storage of its own.
    let shapes = try placement.rows.map { _, content -> Geometry? in
      switch content {
      case .edited(let i): edits.rows[i].geometry
      case .moved(let old): try base.geometry(rows: old..<old + 1)?.geometry(old)
      }
    }
    let own = UnsafeMutablePointer<GeometryStorage>.allocate(capacity: 1)
    own.initialize(to: GeometryStorage.make(shapes, in: memory.owned))
    memory.owned.keep(StorageOwner(own))
    let storage = packed.patched(GeometryPatches(rows: patched, storage: UnsafePointer(own)), count: placement.rowCount)
    geometry = storage
    let changes = zip(placement.rows, shapes).map { ($0.row, $1?.box ?? Box2.empty) }
    let (view, patchedTree, newTree) = try Self.makeTree(base, storage, placement, changes, memory)
    (tree, self.patchedTree, self.newTree) = (view, patchedTree, newTree)
  }

  private static func makeTree(
    _ base: Segment, _ storage: GeometryStorage, _ placement: RowPlacement, _ changes: [(position: Int, box: Box2)],
    _ memory: PrivateMemory
  ) throws -> (PackedRTreeView<2>?, PatchedRTree<2>?, PackedRTree<2>?) {
    guard let old = base.uncheckedTree() else { return (nil, nil, nil) }
    if changes.isEmpty && placement.rowCount == base.rowCount { return (old, nil, nil) }
    if !old.isEmptyTree, let bytes = base.treeSection {
      try base.file.check(bytes.bytes(0..<old.itemBytes.lowerBound))
      for (position, _) in changes where position < old.coveredCount {
        try base.file.check(bytes.bytes(old.itemBytes(of: position)))
      }
      if placement.rowCount < old.coveredCount || placement.rowCount > base.rowCount {
        try base.file.check(bytes.bytes(old.itemBytes(of: old.coveredCount - 1)))
        if placement.rowCount > 0, placement.rowCount < old.coveredCount {
          try base.file.check(bytes.bytes(old.itemBytes(of: placement.rowCount - 1)))
        }
      }
      let doubles = { PackedRTreeView<2>.blockDoubles($0, isPoints: old.holdsPoints) }
      let items = try memory.copy(
        base.file, offset: bytes.offset + old.itemBytes.lowerBound, count: doubles(old.coveredCount),
        newCount: doubles(max(placement.rowCount, old.coveredCount)), of: Double.self)
      if let patched = PatchedRTree(old, items: items, count: placement.rowCount, changes: changes) {
        return (patched.view, patched, nil)
      }
    }
    // No places so far, or no single points any more: a new tree over all rows.
    _ = try base.geometry()
    let boxes = (0..<placement.rowCount).map { storage.box($0) }
    let made = PackedRTree<2>(sortedBoxes: boxes)
    return (made.view, nil, made)
  }

  /// Whether the whole tree is memory of its own, checked already.
  var hasOwnTree: Bool { newTree != nil }

  func isPatched(_ row: Int) -> Bool { patched.index(row) != nil }

  // MARK: Rows by key

  func fid(_ row: Int) throws(SnapshotDamage) -> Int64? {
    guard let i = patched.index(row) else { return nil }
    switch placement.rows[i].content {
    case .edited(let i): return edits.rows[i].fid
    case .moved(let old): return try base.fid(old)
    }
  }

  func row(fid: Int64) throws(SnapshotDamage) -> Int? {
    if let row = placement.rowOfFid[fid] { return row }
    if placement.gone.contains(fid) { return nil }
    return try base.row(fid: fid)
  }

  /// The rows of a column of text that hold `text`, ascending.
  func rows(column: Int, equals text: String) throws(SnapshotDamage) -> [UInt32] {
    var result = try base.rows(column: column, equals: text)
    result.removeAll { Int($0) >= rowCount || isPatched(Int($0)) }
    let own = keys.withLock { keys in
      if let known = keys[column] { return known[TextKey(text)] ?? [] }
      let made = self.keyTable(column)
      keys[column] = made
      return made[TextKey(text)] ?? []
    }
    if own.isEmpty { return result }
    result += own
    return result.sorted()
  }

  /// Strings as SQLite compares them: byte by byte.
  private func keyTable(_ column: Int) -> [TextKey: [UInt32]] {
    var result: [TextKey: [UInt32]] = [:]
    for (row, _) in placement.rows {
      let text: String?
      switch columns[column] {
      case .text(let strings): text = strings.validity[row] ? strings[row] : nil
      case .dictionary(let strings):
        text = strings.validity[row] ? strings.dictionary[Int(strings.code(row))] : nil
      default: text = nil
      }
      if let text { result[TextKey(text), default: []].append(UInt32(row)) }
    }
    return result
  }
}

/// Frees a storage that lies behind a pointer.
private final class StorageOwner: @unchecked Sendable {
  private let storage: UnsafeMutablePointer<GeometryStorage>
  init(_ storage: UnsafeMutablePointer<GeometryStorage>) { self.storage = storage }
  deinit {
    storage.deinitialize(count: 1)
    storage.deallocate()
  }
}
