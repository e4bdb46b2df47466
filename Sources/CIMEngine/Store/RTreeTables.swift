internal import GRDBSQLite
internal import SpatialIndex

/// SQLite's R*Tree as it lies in its shadow tables, read and written directly.
///
/// The format is that of the R*Tree module (https://www.sqlite.org/rtree.html, section 6): `_node` holds one blob for
/// each node, big-endian: depth (in the root only), count of cells, then cells of an item or child number and the box
/// as 32-bit floats; `_rowid` names the leaf of each item, `_parent` the parent of each node but the root, number 1.
enum RTreeTables {
  /// SpatiaLite's name for the index of a geometry column.
  static func name(of table: String, _ column: String) -> String { "idx_\(table)_\(column)" }

  /// The box of everything in the index of a geometry column, or nil when there is no index or it is empty.
  static func extent(of table: String, _ column: String, in connection: SQLConnection) -> Box2? {
    let nodes = name(of: table, column) + "_node"
    guard let root = try? connection.prepare("SELECT data FROM \(quoted(nodes)) WHERE nodeno = 1"),
      (try? root.step()) == true
    else { return nil }
    let bytes = root.blob(0)
    guard bytes.count >= 4 else { return nil }
    let count = min(Int(bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self).bigEndian), (bytes.count - 4) / 24)
    var result: Box2?
    for cell in 0..<count {
      func float(_ i: Int) -> Double {
        Double(
          Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 + 24 * cell + 8 + 4 * i, as: UInt32.self).bigEndian))
      }
      let box = Box2(float(0), float(2), float(1), float(3))
      result = result?.union(box) ?? box
    }
    return result
  }

  /// The bounding box that a SpatiaLite blob states in its first 38 bytes, or nil.
  static func box(ofBlobHead bytes: UnsafeRawBufferPointer) -> Box2? {
    guard bytes.count >= 38, bytes[0] == 0, bytes[1] <= 1 else { return nil }
    func double(_ i: Int) -> Double {
      let word = bytes.loadUnaligned(fromByteOffset: 6 + 8 * i, as: UInt64.self)
      return Double(bitPattern: bytes[1] == 1 ? UInt64(littleEndian: word) : UInt64(bigEndian: word))
    }
    let box = Box2(double(0), double(1), double(2), double(3))
    return box.isEmpty ? nil : box
  }

  // MARK: - Writing packed

  /// Cells in a node of the size that SQLite takes for pages of 4,096 bytes and more: 4 + 51 × 24 = 1,228 bytes.
  static let capacity = 51
  static let nodeSize = 4 + capacity * 24

  /// Replaces what an R*Tree of two dimensions holds by `items`, packed: full leaves along a Hilbert curve,
  /// boxes rounded outward to 32 bits.
  ///
  /// - Parameter fids: ascending; `boxes[i]` belongs to `fids[i]`. No box is empty.
  static func write(
    _ name: String, fids: [Int64], boxes: [Box2], in connection: SQLConnection
  ) throws(StoreError) {
    let size = try connection.int("SELECT length(data) FROM \(quoted(name + "_node")) WHERE nodeno = 1")
    guard size == Int64(nodeSize) else {
      // Another page size: let SQLite do it, row by row.
      return try insert(name, fids: fids, boxes: boxes, replacing: true, in: connection)
    }
    for suffix in ["_node", "_rowid", "_parent"] { try connection.execute("DELETE FROM \(quoted(name + suffix))") }
    let insertNode = try SQLStatement(connection.handle, "INSERT INTO \(quoted(name + "_node")) VALUES (?, ?)")
    let insertParent = try SQLStatement(connection.handle, "INSERT INTO \(quoted(name + "_parent")) VALUES (?, ?)")
    let insertRow = try SQLStatement(connection.handle, "INSERT INTO \(quoted(name + "_rowid")) VALUES (?, ?)")
    try pack(
      fids: fids, boxes: boxes,
      node: { number, bytes throws(StoreError) in
        insertNode.bind(1, number)
        insertNode.bind(2, staticBlob: bytes)
        try insertNode.run()
      },
      parent: { number, parent throws(StoreError) in try insertParent.bind(1, number).bind(2, parent).run() },
      row: { fid, node throws(StoreError) in try insertRow.bind(1, fid).bind(2, node).run() })
  }

  /// Makes the rows of the three tables, each in the order of its numbers: nodes with their bytes, the parent of each node
  /// but the root, the leaf of each item.
  static func pack(
    fids: [Int64], boxes: [Box2], node put: (Int64, UnsafeRawBufferPointer) throws(StoreError) -> Void,
    parent putParent: (Int64, Int64) throws(StoreError) -> Void, row putRow: (Int64, Int64) throws(StoreError) -> Void
  ) throws(StoreError) {
    // Levels from the leaves up: each node is a run of the level below.
    let order = HilbertOrder.order(of: boxes)
    var levels: [[FloatBox]] = [order.map { FloatBox(boxes[Int($0)]) }]
    while levels.last!.count > capacity {
      let below = levels.last!
      var level: [FloatBox] = []
      level.reserveCapacity(below.count / capacity + 1)
      for start in stride(from: 0, to: below.count, by: capacity) {
        var box = below[start]
        for i in start..<min(start + capacity, below.count) { box.formUnion(below[i]) }
        level.append(box)
      }
      levels.append(level)
    }
    // Nodes are numbered from the root, 1, down. Level `l` of `levels` holds the cells of the nodes of level `l`.
    let nodeCounts = levels.map { max(1, ($0.count + capacity - 1) / capacity) }
    var firstNode = [Int64](repeating: 0, count: levels.count)
    var next: Int64 = 1
    for level in levels.indices.reversed() {
      firstNode[level] = next
      next += Int64(nodeCounts[level])
    }

    let node = UnsafeMutableRawBufferPointer.allocate(byteCount: nodeSize, alignment: 8)
    defer { node.deallocate() }
    for level in levels.indices.reversed() {
      let cells = levels[level]
      for number in 0..<nodeCounts[level] {
        node.initializeMemory(as: UInt8.self, repeating: 0)
        let range = number * capacity..<min((number + 1) * capacity, cells.count)
        let isRoot = level == levels.count - 1
        node.storeBytes(of: UInt16(isRoot ? level : 0).bigEndian, toByteOffset: 0, as: UInt16.self)
        node.storeBytes(of: UInt16(range.count).bigEndian, toByteOffset: 2, as: UInt16.self)
        for (slot, cell) in range.enumerated() {
          let item = level == 0 ? fids[Int(order[cell])] : firstNode[level - 1] + Int64(cell)
          cells[cell].store(item, to: node, at: 4 + 24 * slot)
        }
        try put(firstNode[level] + Int64(number), UnsafeRawBufferPointer(node))
        if !isRoot {
          try putParent(firstNode[level] + Int64(number), firstNode[level + 1] + Int64(number / capacity))
        }
      }
    }

    // In the order of the rowids, so that the table is filled from its end.
    var leaves = [Int64](repeating: 0, count: fids.count)
    for (cell, item) in order.enumerated() { leaves[Int(item)] = firstNode[0] + Int64(cell / capacity) }
    for i in fids.indices { try putRow(fids[i], leaves[i]) }
  }

  /// Adds items, or replaces those of the same fid, through the R*Tree module.
  static func insert(
    _ name: String, fids: [Int64], boxes: [Box2], replacing: Bool = false, in connection: SQLConnection
  ) throws(StoreError) {
    if replacing { try connection.execute("DELETE FROM \(quoted(name))") }
    let insert = try SQLStatement(connection.handle, "INSERT OR REPLACE INTO \(quoted(name)) VALUES (?, ?, ?, ?, ?)")
    for (fid, box) in zip(fids, boxes) {
      insert.bind(1, fid).bind(2, box.min[0]).bind(3, box.max[0]).bind(4, box.min[1]).bind(5, box.max[1])
      try insert.run()
    }
  }

  /// Everything in an R*Tree, ascending by fid, boxes as rounded there.
  static func items(of name: String, in connection: SQLConnection) throws(StoreError) -> (fids: [Int64], boxes: [Box2])
  {
    var items: [(Int64, Box2)] = []
    let rows = try connection.prepare("SELECT pkid, xmin, ymin, xmax, ymax FROM \(quoted(name))")
    while try rows.step() {
      items.append((rows.int64(0), Box2(rows.double(1), rows.double(2), rows.double(3), rows.double(4))))
    }
    items.sort { $0.0 < $1.0 }
    return (items.map(\.0), items.map(\.1))
  }
}

/// x min, x max, y min, y max, rounded outward.
private struct FloatBox {
  var corners: SIMD4<Float>

  init(_ box: Box2) {
    corners = [Self.down(box.min[0]), Self.up(box.max[0]), Self.down(box.min[1]), Self.up(box.max[1])]
  }

  mutating func formUnion(_ other: FloatBox) {
    corners = [
      min(corners[0], other.corners[0]), max(corners[1], other.corners[1]), min(corners[2], other.corners[2]),
      max(corners[3], other.corners[3]),
    ]
  }

  private static func down(_ value: Double) -> Float {
    let float = Float(value)
    return Double(float) > value ? float.nextDown : float
  }
  private static func up(_ value: Double) -> Float {
    let float = Float(value)
    return Double(float) < value ? float.nextUp : float
  }

  func store(_ item: Int64, to node: UnsafeMutableRawBufferPointer, at offset: Int) {
    node.storeBytes(of: item.bigEndian, toByteOffset: offset, as: Int64.self)
    for i in 0..<4 {
      node.storeBytes(of: corners[i].bitPattern.bigEndian, toByteOffset: offset + 8 + 4 * i, as: UInt32.self)
    }
  }
}
