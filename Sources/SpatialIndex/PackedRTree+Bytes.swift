/// Why bytes are not a tree.
public enum PackedRTreeError: Error, Equatable, Sendable {
  /// Fewer bytes than the header, or than it says: cut off, or another file.
  case truncated(needed: Int, found: Int)
  /// The first eight bytes are not those of a packed tree.
  case notATree
  /// Written by a version of the format that this one does not read.
  case unsupportedVersion(UInt32)
  /// A tree in another number of dimensions.
  case wrongDimensions(found: Int, expected: Int)
  /// The bytes do not begin at a multiple of eight in memory.
  case misaligned
  /// Numbers that contradict each other; which ones.
  case damaged(String)
}

extension PackedRTreeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated(let needed, let found): "index cut off: \(needed) bytes needed, \(found) found"
    case .notATree: "not a cimq index: its first bytes are others"
    case .unsupportedVersion(let version): "index in version \(version) of the format, which this program does not read"
    case .wrongDimensions(let found, let expected): "index in \(found) dimensions where \(expected) are expected"
    case .misaligned: "index does not begin at a multiple of 8 bytes in memory"
    case .damaged(let what): "index damaged: \(what)"
    }
  }
}

/// The header, 128 bytes, little endian:
///
/// | bytes | what |
/// |---|---|
/// | 0–7 | `cimqRT`, CR, LF |
/// | 8–11 | version, 1 |
/// | 12–15 | flags: 1 points, 2 sorted, 4 holes |
/// | 16–19 | dimensions |
/// | 20–23 | entries in a node, 16 |
/// | 24–31 | items |
/// | 32–39 | positions in the tree |
/// | 40–47 | bytes in all |
/// | 48–… | the box around everything, lower corner first (at most five dimensions) |
///
/// Then the levels of blocks, root first, items last; then item numbers as 32-bit words unless sorted; zeros up to a
/// multiple of 64.
enum TreeHeader {
  static let magic: UInt64 = 0x0a0d_5452_716d_6963
  static let version: UInt32 = 1
  static let points: UInt32 = 1
  static let sorted: UInt32 = 2
  static let holes: UInt32 = 4
  static let boundsOffset = 48
}

extension TreeStorage {
  /// The box around all items, lower corner first, from the root block.
  private var boundsNumbers: [Double] {
    let dimensions = layout.dimensions
    var result = Array(repeating: Double.infinity, count: dimensions)
    result += Array(repeating: -Double.infinity, count: dimensions)
    guard layout.height > 0 else { return result }
    let level = layout.height - 1
    let root = (base + layout.levelOffset(level)).assumingMemoryBound(to: Double.self)
    let upper = level == 0 && layout.isPoints ? 0 : dimensions * TreeLayout.capacity
    for lane in 0..<Swift.min(TreeLayout.capacity, layout.entries(level)) where root[lane] < .infinity {
      for d in 0..<dimensions {
        let at = d * TreeLayout.capacity + lane
        result[d] = Swift.min(result[d], root[at])
        result[dimensions + d] = Swift.max(result[dimensions + d], root[upper + at])
      }
    }
    return result
  }

  func writeHeader() {
    precondition(layout.dimensions >= 1 && layout.dimensions <= 5, "an index has one to five dimensions")
    base.initializeMemory(as: UInt8.self, repeating: 0, count: TreeLayout.headerBytes)
    func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
      base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }
    put(TreeHeader.magic, at: 0)
    put(TreeHeader.version, at: 8)
    put(
      (layout.isPoints ? TreeHeader.points : 0) | (layout.isSorted ? TreeHeader.sorted : 0)
        | (layout.hasHoles ? TreeHeader.holes : 0), at: 12)
    put(UInt32(layout.dimensions), at: 16)
    put(UInt32(TreeLayout.capacity), at: 20)
    put(UInt64(layout.count), at: 24)
    put(UInt64(layout.covered), at: 32)
    put(UInt64(layout.byteCount), at: 40)
    for (i, number) in boundsNumbers.enumerated() {
      put(number.bitPattern, at: TreeHeader.boundsOffset + 8 * i)
    }
  }

  @usableFromInline
  var bounds: UnsafePointer<Double> {
    UnsafePointer((base + TreeHeader.boundsOffset).assumingMemoryBound(to: Double.self))
  }
}

extension PackedRTree {
  /// Calls `body` with the whole tree as bytes, to be saved; the same input gives the same bytes.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount))
  }

  /// A tree from bytes that ``withBytes(_:)`` gave, copied and checked as by ``PackedRTreeView/init(bytes:)``.
  public init(copying bytes: UnsafeRawBufferPointer) throws(PackedRTreeError) {
    let layout = try TreeLayout(header: bytes, dimensions: D)
    let storage = TreeStorage(layout: layout)
    storage.base.copyMemory(from: bytes.baseAddress!, byteCount: layout.byteCount)
    let view = try PackedRTreeView<D>(bytes: UnsafeRawBufferPointer(start: storage.base, count: layout.byteCount))
    self.storage = storage
    self.view = view
  }
}

extension PackedRTreeView {
  /// A tree straight from memory, say a mapped file, which must outlive the view; it must begin at a multiple of eight
  /// bytes, better of 64. Bytes beyond the tree are ignored.
  ///
  /// Everything that leads to memory is checked, so no bytes can make a query read outside or give an item number
  /// beyond ``count``; wrong boxes give wrong answers, which is what checksums are for. A sorted tree is opened by reading
  /// its header only; otherwise the item numbers are read as well.
  ///
  /// - Throws: ``PackedRTreeError``.
  public init(bytes: UnsafeRawBufferPointer) throws(PackedRTreeError) {
    let layout = try TreeLayout(header: bytes, dimensions: D)
    let base = bytes.baseAddress!
    guard UInt(bitPattern: base) % 8 == 0 else { throw .misaligned }
    if !layout.isSorted {
      let numbers = (base + layout.numbersOffset).assumingMemoryBound(to: UInt32.self)
      for position in 0..<layout.count where Int(numbers[position]) >= layout.count {
        throw .damaged("item number \(numbers[position]) of \(layout.count)")
      }
    }
    let numbers = (base + TreeHeader.boundsOffset).assumingMemoryBound(to: Double.self)
    self.init(base: base, layout: layout, bounds: numbers)
  }

  /// How many bytes the tree takes.
  public static func byteCount(ofHeaderIn bytes: UnsafeRawBufferPointer) throws(PackedRTreeError) -> Int {
    try TreeLayout(header: bytes, dimensions: D).byteCount
  }
}

extension TreeLayout {
  /// Reads and checks a header; throws unless all bytes that it speaks of are there.
  init(header bytes: UnsafeRawBufferPointer, dimensions: Int) throws(PackedRTreeError) {
    guard bytes.count >= Self.headerBytes else {
      throw .truncated(needed: Self.headerBytes, found: bytes.count)
    }
    func get<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    guard get(0, as: UInt64.self) == TreeHeader.magic else { throw .notATree }
    let version = get(8, as: UInt32.self)
    guard version == TreeHeader.version else { throw .unsupportedVersion(version) }
    let flags = get(12, as: UInt32.self)
    guard flags & ~(TreeHeader.points | TreeHeader.sorted | TreeHeader.holes) == 0 else {
      throw .damaged("unknown flags \(flags)")
    }
    let found = get(16, as: UInt32.self)
    guard found == dimensions else { throw .wrongDimensions(found: Int(found), expected: dimensions) }
    let capacity = get(20, as: UInt32.self)
    guard capacity == Self.capacity else { throw .damaged("\(capacity) entries in a node") }
    let count = get(24, as: UInt64.self)
    let covered = get(32, as: UInt64.self)
    guard count <= UInt64(UInt32.max), covered <= count else {
      throw .damaged("\(covered) positions for \(count) items")
    }
    self.dimensions = dimensions
    self.count = Int(count)
    self.covered = Int(covered)
    isPoints = flags & TreeHeader.points != 0
    isSorted = flags & TreeHeader.sorted != 0
    hasHoles = flags & TreeHeader.holes != 0
    let stated = get(40, as: UInt64.self)
    guard stated == UInt64(byteCount) else {
      throw .damaged("\(stated) bytes stated, \(byteCount) follow from the counts")
    }
    guard bytes.count >= byteCount else { throw .truncated(needed: byteCount, found: bytes.count) }
  }
}
