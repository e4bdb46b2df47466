internal import SpatialIndex

/// A column of a mapped segment: its view, and what to check before it is read.
struct StoredColumn {
  /// nil for a link by fid, whose rows lie in the link table.
  var view: SegmentColumn?
  var statistics: ColumnStatistics
  /// Of the values (of the offsets of text) in the file; `width` bytes each.
  var values = 0
  var width = 0
  /// `true`: one offset more than rows, and the text in `textBytes`.
  var text: TextColumn?
  var textBytes = 0
  var validity: Section<UInt64>?
  /// Minimum and maximum of blocks, dictionaries: small, checked whole before the first row is read.
  var small: [Range<Int>] = []
  /// Everything, for a check of the whole column.
  var whole: [Range<Int>] = []
}

struct StoredGeometry {
  var view: GeometryStorage
  var kinds: Section<UInt8>
  var starts: Section<UInt32>
  var parts: Section<UInt32>
  var rings: Section<UInt32>
  var xy: Section<Double>
  var z: Section<Double>?
  var boxes: Section<Box2>?
  var collections: [Range<Int>]
  var treeBytes: Section<UInt8>
}

enum FidIndex {
  case dense(first: Int64, rows: Section<UInt32>)
  case sparse(fids: Section<Int64>, rows: Section<UInt32>)
}

/// What the directory of a segment says, every place in it checked against the file.
struct SegmentDirectory {
  var rowCount = 0
  var placedCount = 0
  var orderID: UInt64 = 0
  var layer = Catalog.Layer(name: "", columns: [])
  var narrowFids: Section<Int32>?
  var wideFids: Section<Int64>?
  var fidIndex = FidIndex.sparse(
    fids: Section(start: UnsafePointer(bitPattern: 8)!, offset: 0, count: 0),
    rows: Section(start: UnsafePointer(bitPattern: 4)!, offset: 0, count: 0))
  var columns: [StoredColumn] = []
  var textIndexes: [Int: Section<UInt32>] = [:]
  var geometry: StoredGeometry?
  var tree: PackedRTreeView<2>?

  private let file: BlockFile
  private var reader: SnapshotReader

  init(_ file: BlockFile) throws(SnapshotDamage) {
    self.file = file
    reader = SnapshotReader(file.directory, path: file.path)
    guard try reader.get(UInt8.self) == DirectoryKind.segment.rawValue else { throw file.damage("is not a segment") }
    rowCount = try count(below: UInt32.max)
    placedCount = try count(below: UInt32.max)
    guard placedCount <= rowCount else { throw file.damage("has more places than rows") }
    orderID = try reader.get(UInt64.self)
    layer = try Catalog.Layer.read(from: &reader)
    try readFids()
    for column in layer.columns { columns.append(try readColumn(column)) }
    try readTextIndexes()
    try readGeometry()
    try file.sealSections()
    if let geometry { tree = try readTree(geometry.treeBytes) }
  }

  /// The tree checks its own header; its boxes are checked when a search is about to read them.
  private func readTree(_ section: Section<UInt8>) throws(SnapshotDamage) -> PackedRTreeView<2> {
    try file.check(section.bytes(0..<min(128, section.count)))
    let tree: PackedRTreeView<2>
    do {
      tree = try PackedRTreeView<2>(bytes: UnsafeRawBufferPointer(start: section.start, count: section.count))
    } catch {
      throw file.damage("\(error)")
    }
    guard tree.isSorted, tree.count == placedCount else { throw file.damage("has a tree of other rows") }
    return tree
  }

  private mutating func count(below limit: UInt32) throws(SnapshotDamage) -> Int {
    let count = try reader.get(UInt64.self)
    guard count < UInt64(limit) else { throw file.damage("has a count of \(count)") }
    return Int(count)
  }

  private mutating func section<T: BitwiseCopyable>(
    _ count: Int, of type: T.Type, rule: SectionRule = .any
  ) throws(SnapshotDamage) -> Section<T> {
    try file.section(try .read(from: &reader), count: count, of: type, rule: rule)
  }

  private mutating func readFids() throws(SnapshotDamage) {
    if try reader.getBool() {
      wideFids = try section(rowCount, of: Int64.self)
    } else {
      narrowFids = try section(rowCount, of: Int32.self)
    }
    if try reader.getBool() {
      let first = try reader.get(Int64.self)
      let span = try count(below: .max)
      fidIndex = .dense(first: first, rows: try section(span, of: UInt32.self, rule: .rowOrNone(UInt32(rowCount))))
    } else {
      let fids = try section(rowCount, of: Int64.self)
      fidIndex = .sparse(fids: fids, rows: try section(rowCount, of: UInt32.self, rule: .below32(UInt32(rowCount))))
    }
  }

  // MARK: Columns

  private mutating func readColumn(_ column: Catalog.Column) throws(SnapshotDamage) -> StoredColumn {
    guard let encoding = ColumnEncoding(rawValue: try reader.get(UInt8.self)) else {
      throw file.damage("stores column \(column.name) in an unknown way")
    }
    var stored = StoredColumn(statistics: ColumnStatistics())
    switch encoding {
    case .bool: stored.view = .bool(try readFixed(&stored))
    case .int8: stored.view = .int8(try readFixed(&stored))
    case .int16: stored.view = .int16(try readFixed(&stored))
    case .int32: stored.view = .int32(try readFixed(&stored))
    case .int64: stored.view = .int64(try readFixed(&stored))
    case .double: stored.view = .double(try readFixed(&stored))
    case .date: stored.view = .date(try readFixed(&stored))
    case .timestamp: stored.view = .timestamp(try readFixed(&stored))
    case .text: stored.view = .text(try readText(&stored))
    case .list: stored.view = .list(try readText(&stored))
    case .dictionary8, .dictionary16: stored.view = .dictionary(try readDictionary(&stored, encoding))
    case .link: break
    }
    stored.statistics = try ColumnStatistics.read(from: &reader)
    return stored
  }

  private mutating func readValidity(_ stored: inout StoredColumn) throws(SnapshotDamage) -> UnsafePointer<UInt16>? {
    guard try reader.getBool() else { return nil }
    let words = try section((rowCount + 63) / 64, of: UInt64.self)
    let nulls = try section((rowCount + 4095) / 4096, of: UInt16.self)
    stored.validity = words
    stored.small.append(nulls.bytes)
    stored.whole += [words.bytes, nulls.bytes]
    return nulls.start
  }

  private mutating func readFixed<T: BitwiseCopyable & Sendable>(
    _ stored: inout StoredColumn, rule: SectionRule = .any
  ) throws(SnapshotDamage) -> FixedColumn<T> {
    let values = try section(rowCount, of: T.self, rule: rule)
    let blocks = (rowCount + FixedColumn<T>.blockRows - 1) / FixedColumn<T>.blockRows
    let minimums = try section(blocks, of: T.self)
    let maximums = try section(blocks, of: T.self)
    stored.values = values.offset
    stored.width = MemoryLayout<T>.stride
    stored.small += [minimums.bytes, maximums.bytes]
    stored.whole += [values.bytes, minimums.bytes, maximums.bytes]
    let nulls = try readValidity(&stored)
    return FixedColumn(
      values: values.start, count: rowCount, validity: Validity(words: stored.validity?.start),
      blockMinimums: minimums.start, blockMaximums: maximums.start, blockNulls: nulls)
  }

  /// Offsets and bytes of `count` strings; the places of both.
  private mutating func readStrings(
    _ count: Int
  ) throws(SnapshotDamage) -> (text: TextColumn, offsets: Range<Int>, bytes: Section<UInt8>) {
    let total = try reader.get(UInt64.self)
    guard total <= UInt64(Int.max) else { throw file.damage("has text of \(total) bytes") }
    if let limit = UInt32(exactly: total) {
      let offsets = try section(count + 1, of: UInt32.self, rule: .offsets32(limit))
      let bytes = try section(Int(total), of: UInt8.self)
      let text = TextColumn(
        narrow: offsets.start, bytes: bytes.start, count: count, validity: Validity(words: nil))
      return (text, offsets.bytes, bytes)
    }
    let offsets = try section(count + 1, of: UInt64.self, rule: .offsets64(total))
    let bytes = try section(Int(total), of: UInt8.self)
    let text = TextColumn(
      narrow: nil, wide: offsets.start, bytes: bytes.start, count: count, validity: Validity(words: nil))
    return (text, offsets.bytes, bytes)
  }

  private mutating func readText(_ stored: inout StoredColumn) throws(SnapshotDamage) -> TextColumn {
    let (text, offsets, bytes) = try readStrings(rowCount)
    _ = try readValidity(&stored)
    let column = TextColumn(
      narrow: text.narrow, wide: text.wide, bytes: text.bytes, count: rowCount,
      validity: Validity(words: stored.validity?.start))
    stored.values = offsets.lowerBound
    stored.width = text.narrow == nil ? 8 : 4
    stored.text = column
    stored.textBytes = bytes.offset
    stored.whole += [offsets, bytes.bytes]
    return column
  }

  private mutating func readDictionary(
    _ stored: inout StoredColumn, _ encoding: ColumnEncoding
  ) throws(SnapshotDamage) -> DictionaryColumn {
    let isNarrow = encoding == .dictionary8
    let distinct = Int(try reader.get(UInt32.self))
    guard distinct >= 1, distinct <= (isNarrow ? 256 : 65_536) else {
      throw file.damage("has a dictionary of \(distinct) strings")
    }
    let codes: DictionaryColumn.Codes
    if isNarrow {
      codes = .bytes(try readFixed(&stored, rule: UInt8(exactly: distinct).map { .below8($0) } ?? .any))
    } else {
      codes = .words(try readFixed(&stored, rule: UInt16(exactly: distinct).map { .below16($0) } ?? .any))
    }
    let (dictionary, offsets, bytes) = try readStrings(distinct)
    stored.small += [offsets, bytes.bytes]
    stored.whole += [offsets, bytes.bytes]
    return DictionaryColumn(
      codes: codes, count: rowCount, validity: Validity(words: stored.validity?.start), dictionary: dictionary)
  }

  private mutating func readTextIndexes() throws(SnapshotDamage) {
    for _ in 0..<(try reader.getCount(bytesEach: 28)) {
      let column = Int(try reader.get(UInt32.self))
      let entries = try count(below: .max)
      guard columns.indices.contains(column), entries <= rowCount else {
        throw file.damage("has an index of no column")
      }
      switch columns[column].view {
      case .text, .dictionary: break
      default: throw file.damage("has an index of a column that is not text")
      }
      textIndexes[column] = try section(entries, of: UInt32.self, rule: .below32(UInt32(rowCount)))
    }
  }

  // MARK: Geometry

  private mutating func readGeometry() throws(SnapshotDamage) {
    guard try reader.getBool() else { return }
    let kinds = try section(rowCount, of: UInt8.self, rule: .below8(8))
    // Each table of offsets runs up to the number of entries of the next one.
    var tables: [(count: Int, place: SectionPlace)] = []
    for _ in 0..<3 {
      let entries = try count(below: .max)
      tables.append((entries, try .read(from: &reader)))
    }
    let xyPlace = try SectionPlace.read(from: &reader)
    let vertexCount = Int(xyPlace.length / 16)
    guard tables[0].count == rowCount + 1, tables[1].count >= 1, tables[2].count >= 1, vertexCount <= Int(UInt32.max)
    else { throw file.damage("has offsets of geometries that do not fit together") }
    let limits = [tables[1].count - 1, tables[2].count - 1, vertexCount]
    var offsets: [Section<UInt32>] = []
    for (table, limit) in zip(tables, limits) {
      offsets.append(
        try file.section(table.place, count: table.count, of: UInt32.self, rule: .offsets32(UInt32(limit))))
    }
    let xy = try file.section(xyPlace, count: 2 * vertexCount, of: Double.self, rule: .finite)
    let z = try reader.getBool() ? try section(vertexCount, of: Double.self) : nil
    let boxes = try reader.getBool() ? try section(rowCount, of: Box2.self) : nil
    let treePlace = try SectionPlace.read(from: &reader)
    guard treePlace.length <= UInt64(Int.max) else { throw file.damage("has a tree of no size") }
    let treeBytes = try file.section(treePlace, count: Int(treePlace.length), of: UInt8.self)

    let members = Int(try reader.get(UInt32.self))
    var ranges: [Range<Int>] = []
    var collections: @Sendable (Int) -> Geometry? = { _ in nil }
    if members > 0 {
      let rows = try section(members, of: UInt32.self)
      let ends = try SectionPlace.read(from: &reader)
      let bytesPlace = try SectionPlace.read(from: &reader)
      let offsets = try file.section(
        ends, count: members + 1, of: UInt64.self, rule: .offsets64(bytesPlace.length))
      guard bytesPlace.length <= UInt64(Int.max) else { throw file.damage("has collections of no size") }
      let bytes = try file.section(bytesPlace, count: Int(bytesPlace.length), of: UInt8.self)
      ranges = [rows.bytes, offsets.bytes, bytes.bytes]
      collections = { [file] row in
        withExtendedLifetime(file) {
          var (low, high) = (0, rows.count)
          while low < high {
            let middle = (low + high) / 2
            if Int(rows.start[middle]) < row { low = middle + 1 } else { high = middle }
          }
          guard low < rows.count, Int(rows.start[low]) == row else { return nil }
          let (start, end) = (Int(offsets.start[low]), Int(offsets.start[low + 1]))
          return try? WKB.read(UnsafeRawBufferPointer(start: bytes.start + start, count: end - start))
        }
      }
    }
    geometry = StoredGeometry(
      view: GeometryStorage(
        kinds: kinds.start, geometryOffsets: offsets[0].start, partOffsets: offsets[1].start,
        ringOffsets: offsets[2].start, xy: xy.start, z: z?.start, boxes: boxes?.start, count: rowCount,
        collections: collections),
      kinds: kinds, starts: offsets[0], parts: offsets[1], rings: offsets[2], xy: xy, z: z, boxes: boxes,
      collections: ranges, treeBytes: treeBytes)
  }
}
