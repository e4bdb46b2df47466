public import SpatialIndex
internal import Synchronization

/// One layer of a snapshot: a mapped file with the rows in Hilbert order, and the table of its links.
///
/// Everything is checked before it is handed out: `column(3)` reads and checks the whole column (once in a process),
/// `column(3, rows: batch)` only the blocks of 64 KiB in which those rows lie, and the view is then good for those rows.
/// A one-shot query asks by rows, so that it touches only the pages it needs; a scan asks batch by batch, so that checking
/// warms the cache for the scan itself. Asking again costs a few nanoseconds.
///
/// Views point into the mapping: they are valid as long as the segment is. Replacing the file does not touch it.
public final class Segment: @unchecked Sendable {
  public let layer: Catalog.Layer
  public let rowCount: Int
  /// Rows `0..<placedCount` have a box and lie in Hilbert order; the tree holds exactly these.
  public let placedCount: Int
  /// The same for two segments only when they hold the same fids in the same order.
  public let orderID: UInt64
  /// Index of the column `id`, if there is one.
  public let idColumn: Int?

  let file: BlockFile
  let links: LinkTable?
  let directory: SegmentDirectory
  /// By column: its link, with the view and the entry it comes from.
  private let linkViews: [Int: (view: LinkColumn, entry: LinkTable.Entry)]
  /// By column, then geometry and tree: 1 when what is small has been checked, 2 when all has.
  private let checked: UnsafeMutablePointer<Atomic<UInt8>>
  /// What was packed, for a segment with edits laid over it: checks are made there.
  let base: Segment?
  let overlay: SegmentOverlay?
  /// Tables of links that edits changed live there.
  private let linkMemory: PrivateMemory?
  private var geometrySlot: Int { layer.columns.count }
  private var treeSlot: Int { layer.columns.count + 1 }

  /// - Parameters:
  ///   - links: the table of this layer's links, when it has any.
  ///   - known: the layer as the catalogue has it now; units, values and other names may have changed since.
  ///   - needsLinks: false while links are still to be resolved; then columns that are nothing but a link have no view.
  ///   - layerIndex: the index of a layer in the catalogue, by name.
  init(
    file: BlockFile, links linkFile: BlockFile? = nil, layer known: Catalog.Layer? = nil, needsLinks: Bool = true,
    layerIndex: (String) -> Int? = { _ in nil }
  ) throws(SnapshotDamage) {
    self.file = file
    let directory = try SegmentDirectory(file)
    self.directory = directory
    if var known {
      guard known.hasSameShape(as: directory.layer) else {
        throw file.damage("is not the layer that the manifest names")
      }
      known.rowCount = directory.rowCount
      layer = known
    } else {
      layer = directory.layer
    }
    rowCount = directory.rowCount
    placedCount = directory.placedCount
    orderID = directory.orderID
    idColumn = directory.layer.columns.firstIndex { $0.name.lowercased() == "id" }
    var linkViews: [Int: (view: LinkColumn, entry: LinkTable.Entry)] = [:]
    if let linkFile {
      let table = try LinkTable(linkFile, rowCount: directory.rowCount)
      guard table.orderID == directory.orderID else {
        throw linkFile.damage("holds the links of another order of rows")
      }
      for entry in table.entries {
        guard directory.columns.indices.contains(entry.column), let target = layerIndex(entry.targetLayer) else {
          throw linkFile.damage("links what the catalogue does not have")
        }
        let view = LinkColumn(
          rows: entry.rows.start, count: directory.rowCount, targetLayer: target, isResolvedByFid: entry.isByFid,
          isSorted: entry.isSorted)
        linkViews[entry.column] = (view, entry)
      }
      links = table
    } else {
      links = nil
    }
    for (index, column) in directory.columns.enumerated()
    where needsLinks && column.view == nil && linkViews[index] == nil {
      throw (linkFile ?? file).damage("does not hold the links of column \(directory.layer.columns[index].name)")
    }
    self.linkViews = linkViews
    (base, overlay, linkMemory) = (nil, nil, nil)
    checked = .allocate(capacity: directory.columns.count + 2)
    for slot in 0..<directory.columns.count + 2 { (checked + slot).initialize(to: Atomic(0)) }
  }

  /// A packed segment with edits laid over it.
  ///
  /// - Parameters:
  ///   - overlay: nil when only the rows that its links name have changed.
  ///   - links: the links that are other than packed, by column, in `memory`.
  init(
    _ base: Segment, overlay: SegmentOverlay?, links: [Int: LinkColumn], keeping memory: PrivateMemory,
    layer known: Catalog.Layer
  ) {
    precondition(base.base == nil)
    file = base.file
    directory = base.directory
    rowCount = overlay?.rowCount ?? base.rowCount
    var layer = known
    layer.rowCount = rowCount
    self.layer = layer
    placedCount = base.placedCount
    orderID = base.orderID
    idColumn = base.idColumn
    self.links = base.links
    var views = base.linkViews
    for (column, view) in links { views[column]?.view = view }
    linkViews = views
    self.base = base
    self.overlay = overlay
    linkMemory = memory
    checked = .allocate(capacity: layer.columns.count + 2)
    for slot in 0..<layer.columns.count + 2 { (checked + slot).initialize(to: Atomic(0)) }
  }

  /// As many of `rows` as were packed.
  private func packed(_ rows: Range<Int>, _ base: Segment) -> Range<Int> {
    min(rows.lowerBound, base.rowCount)..<min(rows.upperBound, base.rowCount)
  }

  /// How a column lies in the file.
  func storedColumn(_ index: Int) -> StoredColumn { directory.columns[index] }
  var treeSection: Section<UInt8>? { directory.geometry?.treeBytes }
  func linkEntry(_ column: Int) -> LinkTable.Entry? { linkViews[column]?.entry }

  deinit {
    checked.deinitialize(count: layer.columns.count + 2)
    checked.deallocate()
  }

  /// The index of a column, without regard to case.
  public func columnIndex(named name: String) -> Int? {
    layer.columns.firstIndex { $0.name == name }
      ?? layer.columns.firstIndex { $0.name.lowercased() == name.lowercased() }
  }

  // MARK: Columns

  /// The view of a column before anything of it has been checked: for its type and encoding, not for its values.
  public func columnView(_ index: Int) -> SegmentColumn {
    overlay?.columns[index] ?? directory.columns[index].view ?? .link(linkViews[index]!.view)
  }

  /// A column, all of it checked.
  public func column(_ index: Int) throws(SnapshotDamage) -> SegmentColumn {
    let stored = directory.columns[index]
    guard let view = stored.view else { return .link(try link(index)!) }
    if let base {
      _ = try base.column(index)
      return columnView(index)
    }
    if checked[index].load(ordering: .acquiring) < 2 {
      for range in stored.whole { try file.check(range) }
      checked[index].store(2, ordering: .releasing)
    }
    return view
  }

  /// A column, checked as far as `rows` need it.
  public func column(_ index: Int, rows: Range<Int>) throws(SnapshotDamage) -> SegmentColumn {
    guard let view = directory.columns[index].view else { return .link(try link(index, rows: rows)!) }
    if let base {
      _ = try base.column(index, rows: packed(rows, base))
      return columnView(index)
    }
    if checked[index].load(ordering: .acquiring) < 2 { try check(index, rows) }
    return view
  }

  /// A column, checked as far as `rows` need it.
  public func column(
    _ index: Int, rows: UnsafeBufferPointer<UInt32>
  ) throws(SnapshotDamage) -> SegmentColumn {
    guard let view = directory.columns[index].view else { return .link(try link(index, rows: rows)!) }
    if let base {
      for row in rows where row < base.rowCount { _ = try base.column(index, rows: Int(row)..<Int(row) + 1) }
      return columnView(index)
    }
    if checked[index].load(ordering: .acquiring) < 2 {
      for row in rows { try check(index, Int(row)..<Int(row) + 1) }
    }
    return view
  }

  private func check(_ index: Int, _ rows: Range<Int>) throws(SnapshotDamage) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount)
    if rows.isEmpty { return }
    try directory.columns.withUnsafeBufferPointer { (columns) throws(SnapshotDamage) in
      let stored = columns[index]
      if checked[index].load(ordering: .acquiring) < 1 {
        for range in stored.small { try file.check(range) }
        // A whole check that ended meanwhile must not be forgotten; it only costs time if it is.
        checked[index].bitwiseOr(1, ordering: .releasing)
      }
      if let validity = stored.validity {
        try file.check(validity.bytes(rows.lowerBound >> 6..<(rows.upperBound + 63) >> 6))
      }
      let first = stored.values + rows.lowerBound * stored.width
      guard let text = stored.text else {
        return try file.check(first..<stored.values + rows.upperBound * stored.width)
      }
      try file.check(first..<stored.values + (rows.upperBound + 1) * stored.width)
      let start = text.bounds(rows.lowerBound).lowerBound
      let end = text.bounds(rows.upperBound - 1).upperBound
      try file.check(stored.textBytes + start..<stored.textBytes + end)
    }
  }

  /// Whether all of a column has been checked.
  @inline(__always)
  func isChecked(_ index: Int) -> Bool { checked[index].load(ordering: .acquiring) >= 2 }

  /// Whether all geometries have been checked.
  @inline(__always)
  var isGeometryChecked: Bool { checked[geometrySlot].load(ordering: .acquiring) >= 2 }

  /// What is known of a column without reading it.
  public func statistics(_ index: Int) -> ColumnStatistics { directory.columns[index].statistics }

  /// Whether every row of a column was NULL when the layer was packed, and none has been edited since.
  func hasNoValues(column index: Int) -> Bool { overlay == nil && statistics(index).nullCount == rowCount }

  /// The columns of text whose rows are found by bisection (`id`, `code`, `name` and what links name).
  public var indexedColumns: Set<Int> { Set(directory.textIndexes.keys) }

  // MARK: Links

  /// By column: the views of links before anything of them has been checked.
  public var linkColumns: [Int: LinkColumn] { linkViews.mapValues(\.view) }

  /// The rows that a linking column names, all of them checked; nil for a column that links nothing.
  public func link(_ index: Int) throws(SnapshotDamage) -> LinkColumn? {
    guard let (view, entry) = linkViews[index], let links else { return nil }
    try links.file.check(entry.rows.bytes)
    return view
  }

  /// The rows that a linking column names, checked as far as `rows` need it. `children(of:)` needs all.
  public func link(_ index: Int, rows: Range<Int>) throws(SnapshotDamage) -> LinkColumn? {
    guard let (view, entry) = linkViews[index], let links else { return nil }
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount)
    try links.file.check(entry.rows.bytes(base.map { packed(rows, $0) } ?? rows))
    return view
  }

  /// The rows that a linking column names, checked as far as `rows` need it.
  public func link(
    _ index: Int, rows: UnsafeBufferPointer<UInt32>
  ) throws(SnapshotDamage) -> LinkColumn? {
    guard let (view, entry) = linkViews[index], let links else { return nil }
    for row in rows {
      precondition(Int(row) < rowCount)
      if let base, row >= base.rowCount { continue }
      try links.file.check(entry.rows.bytes(Int(row)..<Int(row) + 1))
    }
    return view
  }

  // MARK: Geometry

  /// The geometries before anything of them has been checked.
  public var geometryView: GeometryStorage? { overlay?.geometry ?? directory.geometry?.view }

  /// The geometries, all of them checked; nil where the layer has no geometry column.
  public func geometry() throws(SnapshotDamage) -> GeometryStorage? {
    guard let geometry = directory.geometry else { return nil }
    if let base {
      _ = try base.geometry()
      return geometryView
    }
    if checked[geometrySlot].load(ordering: .acquiring) < 2 {
      for table in [geometry.starts, geometry.parts, geometry.rings] { try file.check(table.bytes) }
      try file.check(geometry.kinds.bytes)
      try file.check(geometry.xy.bytes)
      if let z = geometry.z { try file.check(z.bytes) }
      if let boxes = geometry.boxes { try file.check(boxes.bytes) }
      for range in geometry.collections { try file.check(range) }
      checked[geometrySlot].store(2, ordering: .releasing)
    }
    return geometry.view
  }

  /// The geometries, checked as far as `rows` need it.
  public func geometry(rows: Range<Int>) throws(SnapshotDamage) -> GeometryStorage? {
    guard directory.geometry != nil else { return nil }
    if let base {
      _ = try base.geometry(rows: packed(rows, base))
      return geometryView
    }
    if checked[geometrySlot].load(ordering: .acquiring) < 2 { try checkGeometry(rows) }
    return directory.geometry!.view
  }

  /// The geometries, checked as far as `rows` need it.
  public func geometry(rows: UnsafeBufferPointer<UInt32>) throws(SnapshotDamage) -> GeometryStorage? {
    guard directory.geometry != nil else { return nil }
    if let base {
      for row in rows where row < base.rowCount { _ = try base.geometry(rows: Int(row)..<Int(row) + 1) }
      return geometryView
    }
    if checked[geometrySlot].load(ordering: .acquiring) < 2 {
      for row in rows { try checkGeometry(Int(row)..<Int(row) + 1) }
    }
    return directory.geometry!.view
  }

  private func checkGeometry(_ rows: Range<Int>) throws(SnapshotDamage) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount)
    guard let geometry = directory.geometry, !rows.isEmpty else { return }
    try file.check(geometry.kinds.bytes(rows))
    try file.check(geometry.starts.bytes(rows.lowerBound..<rows.upperBound + 1))
    let parts = Int(geometry.starts.start[rows.lowerBound])..<Int(geometry.starts.start[rows.upperBound])
    try file.check(geometry.parts.bytes(parts.lowerBound..<parts.upperBound + 1))
    let rings = Int(geometry.parts.start[parts.lowerBound])..<Int(geometry.parts.start[parts.upperBound])
    try file.check(geometry.rings.bytes(rings.lowerBound..<rings.upperBound + 1))
    let vertices = Int(geometry.rings.start[rings.lowerBound])..<Int(geometry.rings.start[rings.upperBound])
    try file.check(geometry.xy.bytes(2 * vertices.lowerBound..<2 * vertices.upperBound))
    if let z = geometry.z { try file.check(z.bytes(vertices)) }
    if let boxes = geometry.boxes { try file.check(boxes.bytes(rows)) }
    // Few and small: all of them before the first is read.
    for range in geometry.collections { try file.check(range) }
  }

  /// The tree over rows `0..<placedCount`, item numbers being rows, all of it checked; nil where there is no geometry.
  public func tree() throws(SnapshotDamage) -> PackedRTreeView<2>? {
    guard let geometry = directory.geometry, let tree = directory.tree else { return nil }
    if let base {
      if overlay?.hasOwnTree != true { _ = try base.tree() }
      return uncheckedTree()
    }
    if checked[treeSlot].load(ordering: .acquiring) < 2 {
      try file.check(geometry.treeBytes.bytes)
      checked[treeSlot].store(2, ordering: .releasing)
    }
    return tree
  }

  /// The tree, checked as far as a search for `window` reads it: the view is good for windows inside `window` only.
  /// For one search or few; a join asks for the whole tree.
  public func tree(meeting window: Box2) throws(SnapshotDamage) -> PackedRTreeView<2>? {
    guard let geometry = directory.geometry, let tree = directory.tree else { return nil }
    if let base {
      // What a search reads of the changed tree beyond this was checked when that was made.
      if overlay?.hasOwnTree != true { _ = try base.tree(meeting: window) }
      return uncheckedTree()
    }
    if checked[treeSlot].load(ordering: .acquiring) < 2 {
      let start = geometry.treeBytes.offset
      try tree.forEachRun(ofBytesReadMeeting: window) { (bytes) throws(SnapshotDamage) in
        try file.check(start + bytes.lowerBound..<start + bytes.upperBound)
      }
    }
    return tree
  }

  /// The tree, checked as far as a search within `distance` of `box` reads it.
  public func tree(within distance: Double, of box: Box2) throws(SnapshotDamage) -> PackedRTreeView<2>? {
    // Searches round outward by a few units in the last place; this is far more.
    let size = max(abs(box.min[0]), abs(box.min[1]), abs(box.max[0]), abs(box.max[1]), distance)
    let reach = distance + size * 1e-9
    return reach.isFinite ? try tree(meeting: box.expanded(by: reach)) : try tree()
  }

  /// The tree before it has been checked, for a nearest-first search, of which nobody knows how far it will reach: search
  /// first, then call ``tree(within:of:)`` with the distance reached. Only if that does not throw was the answer right;
  /// until then it may be wrong, but it does not lead outside the tree, and rows must be asked for by `rows:` as always.
  public func uncheckedTree() -> PackedRTreeView<2>? { overlay?.tree ?? directory.tree }
}
