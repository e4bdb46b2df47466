internal import Glibc
internal import SpatialIndex

/// The tables of a database that is being made, filled page by page: rows are encoded as SQLite would and written in their
/// order, indexes are sorted and written at the end, so that no row searches a tree.
///
/// Everything else (tables, triggers, catalogue) is made by SQLite before and after. What this cannot do (an id that is
/// there twice, to be compared with the row that has it) throws ``PageFile/Unsuitable``, and the import is run again row by
/// row.
final class PackedStore {
  let file: PageFile
  private let connection: SQLConnection
  private var ids: [String: PackedIDs] = [:]

  /// - Throws: ``PageFile/Unsuitable`` when the pages of the file are not as they are made here.
  init(path: String, in connection: SQLConnection) throws {
    file = try PageFile(path: path)
    self.connection = connection
  }

  /// Makes what was written part of the database; SQLite may go on then.
  func finish() throws(StoreError) { try file.finish() }

  /// The ids of a table that is complete, by name.
  func ids(of layer: String) -> PackedIDs? { ids[layer.lowercased()] }
  func keep(_ own: PackedIDs, of layer: String) { ids[layer.lowercased()] = own }

  func table(_ name: String) throws -> PackedTable {
    PackedTable(file, root: try root(of: name, kind: TreePage.tableLeaf))
  }

  func index(_ name: String) throws -> PackedIndex {
    PackedIndex(file, root: try root(of: name, kind: TreePage.indexLeaf))
  }

  /// The name of the index behind `id TEXT UNIQUE`.
  static func idIndex(of table: String) -> String { "sqlite_autoindex_\(table)_1" }

  private func root(of name: String, kind: UInt8) throws -> UInt32 {
    let find = try connection.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").bind(1, name)
    guard try find.step(), let page = UInt32(exactly: find.int64(0)), page > 1, file.isLeaf(page, kind: kind) else {
      throw PageFile.Unsuitable()
    }
    return page
  }

  /// Fills an R*Tree.
  ///
  /// - Parameter fids: ascending; `boxes[i]` belongs to `fids[i]`. No box is empty.
  func fillRTree(_ name: String, fids: [Int64], boxes: [Box2]) throws {
    let size = try connection.int("SELECT length(data) FROM \(quoted(name + "_node")) WHERE nodeno = 1")
    guard size == Int64(RTreeTables.nodeSize) else { throw PageFile.Unsuitable() }
    let (nodes, parents, rows) = (try table(name + "_node"), try table(name + "_parent"), try table(name + "_rowid"))
    var record = RecordBytes()
    try RTreeTables.pack(
      fids: fids, boxes: boxes,
      node: { number, bytes throws(StoreError) in
        record.removeAll()
        record.appendNull()
        record.append(blob: bytes)
        try nodes.append(number, record)
      },
      parent: { number, parent throws(StoreError) in
        record.removeAll()
        record.appendNull()
        record.append(parent)
        try parents.append(number, record)
      },
      row: { fid, node throws(StoreError) in
        record.removeAll()
        record.appendNull()
        record.append(node)
        try rows.append(fid, record)
      })
    try nodes.finish()
    try parents.finish()
    try rows.finish()
  }
}

/// The ids of the rows of a new table, whose fids count from 1.
final class PackedIDs {
  private let bytes = GrowingBuffer<UInt8>()
  private let ends = GrowingBuffer<UInt32>()
  private var isAscending = true
  /// Rows from 0 by id; nil while they ascend.
  private var order: [UInt32]?
  private var lastFound = -1

  var count: Int { ends.count }

  @inline(__always)
  subscript(row: Int) -> UnsafeBufferPointer<UInt8> {
    let start = row == 0 ? 0 : Int(ends[row - 1])
    return UnsafeBufferPointer(start: bytes.start + start, count: Int(ends[row]) - start)
  }

  /// - Throws: ``PageFile/Unsuitable`` for an id that is too long for an entry of the index, and for too many of them.
  func append(_ id: UnsafeBufferPointer<UInt8>) throws {
    guard id.count <= 900, bytes.count + id.count < Int(UInt32.max) else { throw PageFile.Unsuitable() }
    if isAscending, count > 0, !precedes(self[count - 1], id) { isAscending = false }
    bytes.append(id)
    ends.append(UInt32(bytes.count))
  }

  /// Writes the index on the ids.
  ///
  /// - Throws: ``PageFile/Unsuitable`` when two are equal.
  func fill(_ index: PackedIndex) throws {
    if !isAscending { order = TextOrder.sorted(0..<count, count: count) { self[$0] } }
    var record = RecordBytes()
    for place in 0..<count {
      let row = self.row(at: place)
      let id = self[row]
      if place > 0, !isAscending, areEqual(self[self.row(at: place - 1)], id) { throw PageFile.Unsuitable() }
      record.removeAll()
      record.append(text: UnsafeRawBufferPointer(id))
      record.append(Int64(row + 1))
      try index.append(record)
    }
    try index.finish()
  }

  @inline(__always)
  private func row(at place: Int) -> Int { order.map { Int($0[place]) } ?? place }

  /// The fid behind an id, or nil. Rows that refer to others come in their order most of the time: the next one is looked
  /// at first.
  func fid(of id: UnsafeBufferPointer<UInt8>) -> Int64? {
    if lastFound + 1 < count, areEqual(self[lastFound + 1], id) {
      lastFound += 1
      return Int64(lastFound + 1)
    }
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if precedes(self[row(at: middle)], id) { low = middle + 1 } else { high = middle }
    }
    guard low < count, areEqual(self[row(at: low)], id) else { return nil }
    lastFound = row(at: low)
    return Int64(lastFound + 1)
  }
}

/// The rows of one new layer on their way into its pages.
final class PackedRows {
  private let store: PackedStore
  private let stored: StoredLayer
  private let table: PackedTable
  private let index: PackedIndex
  private let ids = PackedIDs()
  var record = RecordBytes()

  init(_ store: PackedStore, _ stored: StoredLayer) throws {
    self.store = store
    self.stored = stored
    table = try store.table(stored.layer.name)
    index = try store.index(PackedStore.idIndex(of: stored.layer.name))
  }

  /// Writes the row that `record` holds. Fids count from 1.
  func append(_ fid: Int64, id: UnsafeBufferPointer<UInt8>) throws {
    try ids.append(id)
    try table.append(fid, record)
  }

  /// - Parameter keepsIDs: rows of other layers are going to name these.
  func finish(_ boxes: IndexedBoxes, keepsIDs: Bool) throws {
    try table.finish()
    try ids.fill(index)
    if keepsIDs { store.keep(ids, of: stored.layer.name) }
    if let geometry = stored.layer.geometry {
      try boxes.fill(RTreeTables.name(of: stored.layer.name, geometry.name), in: store)
    }
  }
}
