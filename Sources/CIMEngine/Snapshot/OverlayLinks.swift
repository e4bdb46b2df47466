internal import SpatialIndex

/// What the links of a layer name once rows of the layer, or of those it names, are others than when it was packed.
struct OverlayLinks {
  /// A layer's side of a link: as packed, and its edits.
  struct Side {
    var base: Segment
    var overlay: SegmentOverlay?
    var rowCount: Int { overlay?.rowCount ?? base.rowCount }

    func row(fid: Int64) throws(SnapshotDamage) -> Int? {
      if let overlay { try overlay.row(fid: fid) } else { try base.row(fid: fid) }
    }
    func fid(_ row: Int) throws(SnapshotDamage) -> Int64 {
      if let fid = try overlay?.fid(row) { fid } else { try base.fid(row) }
    }
    func rows(column: Int, equals text: String) throws(SnapshotDamage) -> [UInt32] {
      if let overlay {
        try overlay.rows(column: column, equals: text)
      } else {
        try base.rows(column: column, equals: text)
      }
    }
  }
  let link: SnapshotPacking.Link
  let own: Side
  let target: Side
  /// Where new tables of rows are kept.
  let memory: PrivateMemory

  /// The link as it is now; nil when it is as packed.
  func view() throws(SnapshotDamage) -> LinkColumn? {
    guard let old = own.base.linkColumns[link.column], let entry = own.base.linkEntry(link.column) else { return nil }
    let effect = try effect()
    if own.overlay == nil, effect.isNone { return nil }
    let count = own.base.rowCount
    let rows = try memory.copy(
      own.base.links!.file, offset: entry.rows.offset, count: count, newCount: own.rowCount, of: UInt32.self)
    if !effect.isNone {
      _ = try own.base.link(link.column)
      try apply(effect, old, entry, to: rows)
    }
    for (row, content) in own.overlay?.placement.rows ?? [] {
      switch content {
      case .moved(let from):
        _ = try own.base.link(link.column, rows: from..<from + 1)
        rows[row] = rows[from]
      case .edited(let i): rows[row] = try resolve(own.overlay!.edits.rows[i].values[link.column])
      }
    }
    return LinkColumn(
      rows: UnsafePointer(rows), count: own.rowCount, targetLayer: old.targetLayer,
      isResolvedByFid: old.isResolvedByFid, isSorted: false)
  }

  /// The key column of the target; nil for a link by fid.
  private var key: Int? { link.isByFid ? nil : target.base.columnIndex(named: link.targetColumn) }

  /// Whether a link can be resolved here: by fid, or by a key that is text.
  static func isPossible(_ link: SnapshotPacking.Link, target: Segment) -> Bool {
    if link.isByFid { return true }
    guard let key = target.columnIndex(named: link.targetColumn) else { return true }
    switch target.columnView(key) {
    case .text, .dictionary: return true
    default: return false
    }
  }

  private func resolve(_ value: Value) throws(SnapshotDamage) -> UInt32 {
    if value.isNull { return LinkColumn.none }
    if link.isByFid {
      guard case .int(let fid) = value, let row = try target.row(fid: fid) else { return LinkColumn.none }
      return UInt32(row)
    }
    guard let key else { return LinkColumn.none }
    // Of several rows with one key the one with the lowest fid is meant.
    var best: (fid: Int64, row: UInt32)?
    for row in try target.rows(column: key, equals: value.plainText) {
      let fid = try target.fid(Int(row))
      if best == nil || fid < best!.fid { best = (fid, row) }
    }
    return best?.row ?? LinkColumn.none
  }

  // MARK: What the edits of the target do

  private struct Effect {
    /// Rows of the target as packed that are elsewhere or nowhere, or have another key, or share one with a row that came.
    var affected: Set<UInt32> = []
    /// Keys that rows have now and had not.
    var newKeys: Set<TextKey> = []
    var newFids = false
    var isNone: Bool { affected.isEmpty && newKeys.isEmpty && !newFids }
  }

  private func effect() throws(SnapshotDamage) -> Effect {
    var result = Effect()
    guard let overlay = target.overlay else { return result }
    result.affected = Set(overlay.placement.movedTo.keys)
    guard let key else {
      result.newFids = link.isByFid && !overlay.placement.inserted.isEmpty
      return result
    }
    for (row, i) in overlay.placement.editedInPlace {
      let (old, new) = (try target.base.value(key, row), overlay.edits.rows[i].values[key])
      if old == new { continue }
      result.affected.insert(UInt32(row))
      if !new.isNull { result.newKeys.insert(TextKey(new.plainText)) }
    }
    for i in overlay.placement.inserted {
      let new = overlay.edits.rows[i].values[key]
      if !new.isNull { result.newKeys.insert(TextKey(new.plainText)) }
    }
    for text in result.newKeys { result.affected.formUnion(try target.base.rows(column: key, equals: text.text)) }
    return result
  }

  private func apply(
    _ effect: Effect, _ old: LinkColumn, _ entry: LinkTable.Entry, to rows: UnsafeMutablePointer<UInt32>
  ) throws(SnapshotDamage) {
    var children: [Int] = []
    if old.isSorted {
      for row in effect.affected { children += old.children(of: row) }
    } else if !effect.affected.isEmpty {
      var set = RowSet(rowCount: target.base.rowCount)
      for row in effect.affected { set.insert(Int(row)) }
      for i in 0..<old.count where old.rows[i] != LinkColumn.none && set.contains(Int(old.rows[i])) {
        children.append(i)
      }
    }
    if link.isByFid {
      let movedTo = target.overlay!.placement.movedTo
      for i in children { rows[i] = movedTo[old.rows[i]] ?? old.rows[i] }
      if effect.newFids { try apply(danglingOf: entry, to: rows) }
      return
    }
    for i in children { rows[i] = try resolve(try own.base.value(link.column, i)) }
    if !effect.newKeys.isEmpty { try resolveDangling(effect.newKeys, old, rows) }
  }

  /// Rows that named a fid which nothing had.
  private func apply(
    danglingOf entry: LinkTable.Entry, to rows: UnsafeMutablePointer<UInt32>
  ) throws(SnapshotDamage) {
    let file = own.base.links!.file
    try file.check(entry.danglingRows.bytes)
    try file.check(entry.danglingFids.bytes)
    for i in 0..<entry.danglingRows.count {
      if let row = target.overlay!.placement.rowOfFid[entry.danglingFids.start[i]] {
        rows[Int(entry.danglingRows.start[i])] = UInt32(row)
      }
    }
  }

  /// Rows that named a key which nothing had.
  private func resolveDangling(
    _ keys: Set<TextKey>, _ old: LinkColumn, _ rows: UnsafeMutablePointer<UInt32>
  ) throws(SnapshotDamage) {
    switch try own.base.column(link.column) {
    case .dictionary(let strings):
      let wanted = (0..<strings.dictionary.count).map { keys.contains(TextKey(strings.dictionary[$0])) }
      if !wanted.contains(true) { return }
      for i in 0..<old.count
      where old.rows[i] == LinkColumn.none && strings.validity[i] && wanted[Int(strings.code(i))] {
        rows[i] = try resolve(.text(strings.dictionary[Int(strings.code(i))]))
      }
    case .text(let strings):
      for i in 0..<old.count where old.rows[i] == LinkColumn.none && strings.validity[i] {
        let text = strings[i]
        if keys.contains(TextKey(text)) { rows[i] = try resolve(.text(text)) }
      }
    default:
      for i in 0..<old.count where old.rows[i] == LinkColumn.none {
        let value = try own.base.value(link.column, i)
        if !value.isNull, keys.contains(TextKey(value.plainText)) { rows[i] = try resolve(value) }
      }
    }
  }
}
