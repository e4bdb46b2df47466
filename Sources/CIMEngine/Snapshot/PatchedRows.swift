// Rows of a packed layer that were edited since: what the views of text and geometry ask before they look at a row.

/// A set of rows, numbered in ascending order. Asking costs one bit for rows that are not in it.
@usableFromInline
struct PatchedRows: @unchecked Sendable {
  /// A bit for each row of the layer.
  @usableFromInline let words: UnsafePointer<UInt64>
  /// Ascending.
  @usableFromInline let rows: UnsafePointer<UInt32>
  @usableFromInline let count: Int

  init(words: UnsafePointer<UInt64>, rows: UnsafePointer<UInt32>, count: Int) {
    self.words = words
    self.rows = rows
    self.count = count
  }

  /// The number of a row in the set, or nil.
  @inlinable @inline(__always)
  func index(_ row: Int) -> Int? {
    words[row >> 6] >> UInt64(row & 63) & 1 != 0 ? find(row) : nil
  }

  @inlinable
  func find(_ row: Int) -> Int {
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high) >> 1
      if Int(rows[middle]) < row { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The strings of edited rows.
@usableFromInline
struct TextPatches: @unchecked Sendable {
  @usableFromInline let rows: PatchedRows
  /// One more than rows; into `bytes`.
  @usableFromInline let starts: UnsafePointer<UInt64>
  @usableFromInline let bytes: UnsafePointer<UInt8>

  init(rows: PatchedRows, starts: UnsafePointer<UInt64>, bytes: UnsafePointer<UInt8>) {
    self.rows = rows
    self.starts = starts
    self.bytes = bytes
  }

  /// Counted from the bytes of the packed column, so that one pointer serves all rows.
  @inlinable
  func bounds(_ index: Int, from base: UnsafePointer<UInt8>) -> Range<Int> {
    let shift = Int(bitPattern: bytes) - Int(bitPattern: base)
    return shift + Int(starts[index])..<shift + Int(starts[index + 1])
  }
}

/// The geometries of edited rows, by their number among these.
@usableFromInline
struct GeometryPatches: @unchecked Sendable {
  @usableFromInline let rows: PatchedRows
  @usableFromInline let storage: UnsafePointer<GeometryStorage>

  init(rows: PatchedRows, storage: UnsafePointer<GeometryStorage>) {
    self.rows = rows
    self.storage = storage
  }
}

extension TextColumn {
  func patched(_ patches: TextPatches, count: Int, validity: Validity) -> TextColumn {
    TextColumn(narrow: narrow, wide: wide, bytes: bytes, count: count, validity: validity, patches: patches)
  }
}

extension GeometryStorage {
  func patched(_ patches: GeometryPatches, count: Int) -> GeometryStorage {
    GeometryStorage(
      kinds: kinds, geometryOffsets: geometryOffsets, partOffsets: partOffsets, ringOffsets: ringOffsets, xy: xy, z: z,
      boxes: boxes, count: count, collections: collections, patches: patches)
  }
}
