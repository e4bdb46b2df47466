public import SpatialIndex

// One layer of a snapshot as mapped memory: rows in Hilbert order (or in their parent's), columns, boxes, geometry.
// These are views: pointers into the mapping that `Segment` keeps alive. Reader.swift makes and checks them.

/// Validity bits of a column: bit `row & 63` of word `row >> 6` is 1 where the value is not NULL.
public struct Validity: @unchecked Sendable {
  /// nil: every row is valid.
  public let words: UnsafePointer<UInt64>?
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
  /// Least and greatest valid value of each block of `blockRows` rows (0 and 0 where a block has none; `blockValid`).
  public let blockMinimums: UnsafePointer<Element>
  public let blockMaximums: UnsafePointer<Element>

  public static var blockRows: Int { 4096 }

  @inlinable
  public init(
    values: UnsafePointer<Element>, count: Int, validity: Validity, blockMinimums: UnsafePointer<Element>,
    blockMaximums: UnsafePointer<Element>
  ) {
    self.values = values
    self.count = count
    self.validity = validity
    self.blockMinimums = blockMinimums
    self.blockMaximums = blockMaximums
  }
  @inlinable public subscript(row: Int) -> Element { values[row] }
}

/// UTF-8 strings end to end: string `row` is `bytes[offsets[row]..<offsets[row + 1]]`.
public struct TextColumn: @unchecked Sendable {
  public let offsets: UnsafePointer<UInt64>
  public let bytes: UnsafePointer<UInt8>
  public let count: Int
  public let validity: Validity

  @inlinable
  public init(
    offsets: UnsafePointer<UInt64>, bytes: UnsafePointer<UInt8>, count: Int, validity: Validity
  ) {
    self.offsets = offsets
    self.bytes = bytes
    self.count = count
    self.validity = validity
  }
  @inlinable public func utf8(_ row: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: bytes + Int(offsets[row]), count: Int(offsets[row + 1] - offsets[row]))
  }
  @inlinable public subscript(row: Int) -> String { String(decoding: utf8(row), as: UTF8.self) }
}

/// A column with few distinct strings: codes into a dictionary sorted by code point.
public struct DictionaryColumn: @unchecked Sendable {
  public let codes: UnsafePointer<UInt32>
  public let count: Int
  public let validity: Validity
  /// Sorted by code point, so codes compare as their strings do.
  public let dictionary: TextColumn

  @inlinable
  public init(codes: UnsafePointer<UInt32>, count: Int, validity: Validity, dictionary: TextColumn) {
    self.codes = codes
    self.count = count
    self.validity = validity
    self.dictionary = dictionary
  }
}

/// A column that names rows of another layer, resolved: `rows[row]` is a row number in the target's segment.
public struct LinkColumn: @unchecked Sendable {
  /// `LinkColumn.none` where the value is NULL or names no row.
  public let rows: UnsafePointer<UInt32>
  public let count: Int
  /// Index of the target layer in the catalogue.
  public let targetLayer: Int
  /// The values as stored (ids, codes or fids), for showing unresolved ones: shown text is the target's id where
  /// `targetColumn` is `fid`, else this.
  public let isResolvedByFid: Bool
  public static var none: UInt32 { .max }

  @inlinable
  public init(rows: UnsafePointer<UInt32>, count: Int, targetLayer: Int, isResolvedByFid: Bool) {
    self.rows = rows
    self.count = count
    self.targetLayer = targetLayer
    self.isResolvedByFid = isResolvedByFid
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
  public let boxes: UnsafePointer<Box2>
  public let count: Int
  /// WKB of rows whose kind is geometryCollection, by row.
  public let collections: @Sendable (Int) -> Geometry?

  public init(
    kinds: UnsafePointer<UInt8>, geometryOffsets: UnsafePointer<UInt32>, partOffsets: UnsafePointer<UInt32>,
    ringOffsets: UnsafePointer<UInt32>, xy: UnsafePointer<Double>, z: UnsafePointer<Double>?,
    boxes: UnsafePointer<Box2>, count: Int, collections: @escaping @Sendable (Int) -> Geometry?
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
  }

  /// The geometry of a row, or nil where it is NULL or a collection (see `geometry(_:)`).
  @inlinable public func view(_ row: Int) -> GeometryView? {
    guard let kind = GeometryKind(rawValue: kinds[row]), kind != .geometryCollection else { return nil }
    let first = Int(geometryOffsets[row])
    return GeometryView(
      kind: kind, xy: xy, z: z, ringOffsets: ringOffsets, partOffsets: partOffsets + first,
      partCount: Int(geometryOffsets[row + 1]) - first)
  }

  /// A copy of the geometry of a row, collections included; nil where NULL.
  public func geometry(_ row: Int) -> Geometry? {
    if kinds[row] == GeometryKind.geometryCollection.rawValue { return collections(row) }
    return view(row)?.copy()
  }
}
