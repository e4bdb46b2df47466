public import SpatialIndex

// One layer of a snapshot as mapped memory: rows in Hilbert order (or in their parent's), columns, boxes, geometry.
// These are views: pointers into the mapping that `Segment` keeps alive.
//
// `Snapshot.segment(_:)` gives a `Segment` (SegmentReader.swift). What it hands out has been checked against checksums
// first, whole or as far as some rows need it; each of these throws `SnapshotDamage`:
//
//   segment.column(3)                  segment.column(3, rows: 0..<1024)                 segment.column(3, rows: ids)
//   segment.link(3)                    segment.link(3, rows: 0..<1024)                   segment.link(3, rows: ids)
//   segment.geometry()                 segment.geometry(rows: 0..<1024)                  segment.geometry(rows: ids)
//   segment.tree()                     segment.tree(meeting: box)                        segment.tree(within: d, of: box)
//
// with `rows` a `Range<Int>` or an `UnsafeBufferPointer<UInt32>`. The view of a call by rows is the view of the whole; it
// is only good for those rows. `columnView(3)` tells the encoding without reading anything, `statistics(3)` the rest.
// Rows by key: `row(fid:)`, `row(id:)`, `rows(code:)`, `rows(name:)`, `rows(column:equals:)`; `id(row)`, `fid(row)`.
//
// For tests: `Snapshot.inMemory(catalog, ["shelter": [SegmentRow(fid: 1, values: […], geometry: …)], …])`.

/// Validity bits of a column: bit `row & 63` of word `row >> 6` is 1 where the value is not NULL.
public struct Validity: @unchecked Sendable {
  /// nil: every row is valid.
  public let words: UnsafePointer<UInt64>?
  /// Whether the value of a row is not NULL.
  @inlinable public init(words: UnsafePointer<UInt64>?) { self.words = words }
  @inlinable public subscript(row: Int) -> Bool {
    guard let words else { return true }
    return words[row >> 6] >> UInt64(row & 63) & 1 != 0
  }
}

/// Fixed-width values. NULL rows hold 0.
public struct FixedColumn<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  public let values: UnsafePointer<Element>
  public let count: Int
  public let validity: Validity
  /// Least and greatest valid value of each block of `blockRows` rows; 0 and 0 where a block has none.
  public let blockMinimums: UnsafePointer<Element>
  public let blockMaximums: UnsafePointer<Element>
  /// NULLs in each block; nil: there are none in the column.
  public let blockNulls: UnsafePointer<UInt16>?

  public static var blockRows: Int { 4096 }

  @inlinable
  public init(
    values: UnsafePointer<Element>, count: Int, validity: Validity, blockMinimums: UnsafePointer<Element>,
    blockMaximums: UnsafePointer<Element>, blockNulls: UnsafePointer<UInt16>? = nil
  ) {
    self.values = values
    self.count = count
    self.validity = validity
    self.blockMinimums = blockMinimums
    self.blockMaximums = blockMaximums
    self.blockNulls = blockNulls
  }
  /// The value of a row; of a row that is NULL, anything.
  @inlinable public subscript(row: Int) -> Element { values[row] }
  @inlinable public var blockCount: Int { (count + Self.blockRows - 1) / Self.blockRows }
  /// The rows of a block.
  @inlinable public func rows(ofBlock block: Int) -> Range<Int> {
    block * Self.blockRows..<min(count, (block + 1) * Self.blockRows)
  }
  /// Whether a block holds a valid value; only then its minimum and maximum mean something.
  @inlinable public func hasValues(inBlock block: Int) -> Bool {
    guard let blockNulls else { return true }
    return Int(blockNulls[block]) < rows(ofBlock: block).count
  }
}

/// UTF-8 strings end to end: string `row` is `bytes[bounds(row)]`. NULL rows hold the empty string.
public struct TextColumn: @unchecked Sendable {
  /// `count + 1` offsets into `bytes`. They are 32 bits wide unless a column holds 4 GiB and more: then `narrow` is nil.
  public let narrow: UnsafePointer<UInt32>?
  public let wide: UnsafePointer<UInt64>?
  public let bytes: UnsafePointer<UInt8>
  public let count: Int
  public let validity: Validity
  /// Rows edited since the layer was packed, and their strings; nil without any.
  @usableFromInline let patches: TextPatches?

  @inlinable
  public init(
    narrow: UnsafePointer<UInt32>?, wide: UnsafePointer<UInt64>? = nil, bytes: UnsafePointer<UInt8>, count: Int,
    validity: Validity
  ) {
    self.init(narrow: narrow, wide: wide, bytes: bytes, count: count, validity: validity, patches: nil)
  }
  @usableFromInline
  init(
    narrow: UnsafePointer<UInt32>?, wide: UnsafePointer<UInt64>?, bytes: UnsafePointer<UInt8>, count: Int,
    validity: Validity, patches: TextPatches?
  ) {
    self.narrow = narrow
    self.wide = wide
    self.bytes = bytes
    self.count = count
    self.validity = validity
    self.patches = patches
  }
  /// Where a row's string lies, counted from `bytes`.
  @inlinable public func bounds(_ row: Int) -> Range<Int> {
    if let patches, let i = patches.rows.index(row) { return patches.bounds(i, from: bytes) }
    if let narrow { return Int(narrow[row])..<Int(narrow[row + 1]) }
    return Int(wide.unsafelyUnwrapped[row])..<Int(wide.unsafelyUnwrapped[row + 1])
  }
  /// The bytes of a row, good while the segment is.
  @inlinable public func utf8(_ row: Int) -> UnsafeBufferPointer<UInt8> {
    let bounds = bounds(row)
    return UnsafeBufferPointer(start: bytes + bounds.lowerBound, count: bounds.count)
  }
  @inlinable public subscript(row: Int) -> String { String(decoding: utf8(row), as: UTF8.self) }
}

/// A column with few distinct strings (at most 65,536): codes into a dictionary sorted by code point.
public struct DictionaryColumn: Sendable {
  /// One byte a row up to 256 strings, else two. Minimum and maximum of a block of rows are codes, too.
  public enum Codes: Sendable {
    case bytes(FixedColumn<UInt8>)
    case words(FixedColumn<UInt16>)
  }
  public let codes: Codes
  public let count: Int
  public let validity: Validity
  /// Sorted by code point, so codes compare as their strings do. Never empty: code 0 of a NULL row exists.
  public let dictionary: TextColumn

  @inlinable
  public init(codes: Codes, count: Int, validity: Validity, dictionary: TextColumn) {
    self.codes = codes
    self.count = count
    self.validity = validity
    self.dictionary = dictionary
  }

  /// The code of a row. In loops over many rows switch on `codes` once instead.
  @inlinable public func code(_ row: Int) -> UInt32 {
    switch codes {
    case .bytes(let column): UInt32(column.values[row])
    case .words(let column): UInt32(column.values[row])
    }
  }
}

/// A column that names rows of another layer, resolved: `rows[row]` is a row number in the target's segment.
public struct LinkColumn: @unchecked Sendable {
  /// `LinkColumn.none` where the value is NULL or names no row.
  public let rows: UnsafePointer<UInt32>
  public let count: Int
  /// Index of the target layer in the catalogue.
  public let targetLayer: Int
  /// True where the values are the target's `fid` (a large child table): then the column has no other values, and what
  /// is shown is the target's id. Otherwise the column's own values (ids, codes) are in its `SegmentColumn`.
  public let isResolvedByFid: Bool
  /// True when `rows` never falls (rows lie in their parent's order): the children of a target row are one run.
  public let isSorted: Bool
  public static var none: UInt32 { .max }

  @inlinable
  public init(
    rows: UnsafePointer<UInt32>, count: Int, targetLayer: Int, isResolvedByFid: Bool, isSorted: Bool = false
  ) {
    self.rows = rows
    self.count = count
    self.targetLayer = targetLayer
    self.isResolvedByFid = isResolvedByFid
    self.isSorted = isSorted
  }

  /// Where `isSorted`: the rows that name target row `target`. Two binary searches.
  @inlinable public func children(of target: UInt32) -> Range<Int> {
    let start = first(notBelow: UInt64(target))
    return start..<max(start, first(notBelow: UInt64(target) + 1))
  }

  @inlinable func first(notBelow target: UInt64) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if UInt64(rows[middle]) < target { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The values of one catalogue column. Integers are stored in the narrowest width that holds them.
public enum SegmentColumn: Sendable {
  case bool(FixedColumn<UInt8>)
  case int8(FixedColumn<Int8>)
  case int16(FixedColumn<Int16>)
  case int32(FixedColumn<Int32>)
  case int64(FixedColumn<Int64>)
  case double(FixedColumn<Double>)
  case date(FixedColumn<Int32>)
  case timestamp(FixedColumn<Int64>)
  case text(TextColumn)
  case dictionary(DictionaryColumn)
  /// Lists, as JSON text.
  case list(TextColumn)
  /// Resolved by fid: has no other values than those of the link (`person.unit`).
  case link(LinkColumn)
}

/// Geometry of a layer in the GeoArrow layout, in the working CRS.
public struct GeometryStorage: @unchecked Sendable {
  /// One `GeometryKind` raw value a row; 0 where NULL. Collections are kept as WKB in `collections` (rare).
  public let kinds: UnsafePointer<UInt8>
  /// Row `r` has the parts `geometryOffsets[r]..<geometryOffsets[r + 1]`.
  public let geometryOffsets: UnsafePointer<UInt32>
  public let partOffsets: UnsafePointer<UInt32>
  public let ringOffsets: UnsafePointer<UInt32>
  public let xy: UnsafePointer<Double>
  public let z: UnsafePointer<Double>?
  /// x0, y0, x1, y1 of each row; an empty box (inf, inf, -inf, -inf) where there is no geometry.
  /// nil in a layer of single points: their boxes are their places. See `box(_:)`.
  public let boxes: UnsafePointer<Box2>?
  public let count: Int
  /// WKB of rows whose kind is geometryCollection, by row.
  public let collections: @Sendable (Int) -> Geometry?
  /// Rows edited since the layer was packed, and their geometries; nil without any.
  @usableFromInline let patches: GeometryPatches?

  public init(
    kinds: UnsafePointer<UInt8>, geometryOffsets: UnsafePointer<UInt32>, partOffsets: UnsafePointer<UInt32>,
    ringOffsets: UnsafePointer<UInt32>, xy: UnsafePointer<Double>, z: UnsafePointer<Double>?,
    boxes: UnsafePointer<Box2>?, count: Int, collections: @escaping @Sendable (Int) -> Geometry?
  ) {
    self.init(
      kinds: kinds, geometryOffsets: geometryOffsets, partOffsets: partOffsets, ringOffsets: ringOffsets, xy: xy, z: z,
      boxes: boxes, count: count, collections: collections, patches: nil)
  }
  init(
    kinds: UnsafePointer<UInt8>, geometryOffsets: UnsafePointer<UInt32>, partOffsets: UnsafePointer<UInt32>,
    ringOffsets: UnsafePointer<UInt32>, xy: UnsafePointer<Double>, z: UnsafePointer<Double>?,
    boxes: UnsafePointer<Box2>?, count: Int, collections: @escaping @Sendable (Int) -> Geometry?,
    patches: GeometryPatches?
  ) {
    self.kinds = kinds
    self.geometryOffsets = geometryOffsets
    self.partOffsets = partOffsets
    self.ringOffsets = ringOffsets
    self.xy = xy
    self.z = z
    self.boxes = boxes
    self.count = count
    self.collections = collections
    self.patches = patches
  }

  /// The bounding box of a row; empty where there is no geometry.
  @inlinable public func box(_ row: Int) -> Box2 {
    if let patches, let i = patches.rows.index(row) { return patches.storage.pointee.box(i) }
    if let boxes { return boxes[row] }
    let part = geometryOffsets[row]
    guard part < geometryOffsets[row + 1] else { return .empty }
    let vertex = Int(ringOffsets[Int(partOffsets[Int(part)])])
    return Box2(xy[2 * vertex], xy[2 * vertex + 1], xy[2 * vertex], xy[2 * vertex + 1])
  }

  /// The geometry of a row, or nil where it is NULL or a collection (see `geometry(_:)`).
  @inlinable public func view(_ row: Int) -> GeometryView? {
    if let patches, let i = patches.rows.index(row) { return patches.storage.pointee.view(i) }
    guard let kind = GeometryKind(rawValue: kinds[row]), kind != .geometryCollection else { return nil }
    let first = Int(geometryOffsets[row])
    return GeometryView(
      kind: kind, xy: xy, z: z, ringOffsets: ringOffsets, partOffsets: partOffsets + first,
      partCount: Int(geometryOffsets[row + 1]) - first)
  }

  /// A copy of the geometry of a row, collections included; nil where NULL.
  public func geometry(_ row: Int) -> Geometry? {
    if let patches, let i = patches.rows.index(row) { return patches.storage.pointee.geometry(i) }
    if kinds[row] == GeometryKind.geometryCollection.rawValue { return collections(row) }
    return view(row)?.copy()
  }
}
