internal import Glibc

/// One page of a b-tree while it is filled: cells from the end, their offsets from the start (section 1.6 of the file
/// format).
struct TreePage: ~Copyable {
  private let memory = UnsafeMutableRawPointer.allocate(byteCount: PageFile.pageSize, alignment: 4096)
  private let headSize: Int
  private let kind: UInt8
  private(set) var cellCount = 0
  /// Where the last cell begins.
  private var end = PageFile.pageSize

  static let tableLeaf: UInt8 = 0x0D, tableInterior: UInt8 = 0x05
  static let indexLeaf: UInt8 = 0x0A, indexInterior: UInt8 = 0x02

  init(kind: UInt8) {
    self.kind = kind
    headSize = kind == Self.tableInterior || kind == Self.indexInterior ? 12 : 8
    memset(memory, 0, PageFile.pageSize)
  }

  deinit { memory.deallocate() }

  func hasRoom(_ size: Int) -> Bool { headSize + 2 * (cellCount + 1) + size <= end }

  /// Room for a cell of that size, which the page must have.
  mutating func add(_ size: Int) -> UnsafeMutableRawPointer {
    // SQLite frees cells in units of four bytes.
    end -= max(4, size)
    memory.storeBytes(of: UInt16(end).bigEndian, toByteOffset: headSize + 2 * cellCount, as: UInt16.self)
    cellCount += 1
    return memory + end
  }

  /// The last cell, to its length; it is no longer part of the page.
  mutating func takeLast(_ size: Int) -> UnsafeRawPointer {
    let cell = memory + end
    end += max(4, size)
    cellCount -= 1
    return UnsafeRawPointer(cell)
  }

  /// Completes the page; empty afterwards, its memory is used again.
  mutating func close(to target: UnsafeMutableRawPointer, last child: UInt32 = 0) {
    memory.storeBytes(of: kind, toByteOffset: 0, as: UInt8.self)
    memory.storeBytes(of: UInt16(0), toByteOffset: 1, as: UInt16.self)
    memory.storeBytes(of: UInt16(cellCount).bigEndian, toByteOffset: 3, as: UInt16.self)
    memory.storeBytes(of: UInt16(truncatingIfNeeded: end).bigEndian, toByteOffset: 5, as: UInt16.self)
    memory.storeBytes(of: UInt8(0), toByteOffset: 7, as: UInt8.self)
    if headSize == 12 { memory.storeBytes(of: child.bigEndian, toByteOffset: 8, as: UInt32.self) }
    // What a cell taken back has left behind.
    let used = headSize + 2 * cellCount
    memset(memory + used, 0, end - used)
    target.copyMemory(from: memory, byteCount: PageFile.pageSize)
    cellCount = 0
    end = PageFile.pageSize
  }
}

/// Fills an empty table of a database page by page, rows in ascending rowid.
final class PackedTable {
  private let file: PageFile
  private let root: UInt32
  private var leaf = TreePage(kind: TreePage.tableLeaf)
  private var lastRowid: Int64 = .min
  private var children: [(page: UInt32, rowid: Int64)] = []
  private(set) var count = 0

  private static let usable = PageFile.pageSize
  /// More than that of a record does not stay in the leaf.
  private static let localLimit = usable - 35
  private static let localLeast = (usable - 12) * 32 / 255 - 23

  /// - Parameter root: the root page of the table; what it holds is replaced.
  init(_ file: PageFile, root: UInt32) {
    self.file = file
    self.root = root
  }

  func append(_ rowid: Int64, _ record: borrowing RecordBytes) throws(StoreError) {
    precondition(rowid > lastRowid, "rows come in ascending rowid")
    let size = record.count
    let head = Varint.length(UInt64(size)) + Varint.length(UInt64(bitPattern: rowid))
    var local = size
    if size > Self.localLimit {
      let spread = Self.localLeast + (size - Self.localLeast) % (Self.usable - 4)
      local = spread <= Self.localLimit ? spread : Self.localLeast
    }
    let cellSize = head + local + (local < size ? 4 : 0)
    if !leaf.hasRoom(max(4, cellSize)) { try closeLeaf() }
    let cell = leaf.add(cellSize)
    var at = Varint.put(UInt64(size), to: cell)
    at += Varint.put(UInt64(bitPattern: rowid), to: cell + at)
    if local == size {
      record.copy(to: cell + at)
    } else {
      let whole = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
      defer { whole.deallocate() }
      record.copy(to: whole)
      (cell + at).copyMemory(from: whole, byteCount: local)
      let first = try spill(UnsafeRawBufferPointer(start: whole + local, count: size - local))
      (cell + at + local).storeBytes(of: first.bigEndian, as: UInt32.self)
    }
    lastRowid = rowid
    count += 1
  }

  /// Writes overflow pages, each naming the next, and gives the first.
  private func spill(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> UInt32 {
    let room = Self.usable - 4
    let pages = (bytes.count + room - 1) / room
    var first: UInt32 = 0
    for index in 0..<pages {
      let (number, target) = try file.makePage()
      if index == 0 { first = number }
      let next = index + 1 < pages ? file.numberAfter(number) : 0
      target.storeBytes(of: next.bigEndian, as: UInt32.self)
      let range = index * room..<min(bytes.count, (index + 1) * room)
      (target + 4).copyMemory(from: bytes.baseAddress! + range.lowerBound, byteCount: range.count)
    }
    return first
  }

  private func closeLeaf() throws(StoreError) {
    let (number, target) = try file.makePage()
    leaf.close(to: target)
    children.append((number, lastRowid))
  }

  /// Writes what is left, the levels above the leaves, and the root.
  func finish() throws(StoreError) {
    let page = UnsafeMutableRawPointer.allocate(byteCount: Self.usable, alignment: 8)
    defer { page.deallocate() }
    guard !children.isEmpty else {
      leaf.close(to: page)
      return try file.overwrite(root, with: page)
    }
    if leaf.cellCount > 0 { try closeLeaf() }
    var interior = TreePage(kind: TreePage.tableInterior)
    // Four bytes, nine of a rowid and two of an offset at most.
    let fanout = (Self.usable - 12) / 15 + 1
    while true {
      let groups = (children.count + fanout - 1) / fanout
      var above: [(page: UInt32, rowid: Int64)] = []
      for group in 0..<groups {
        let range = children.count * group / groups..<children.count * (group + 1) / groups
        for child in children[range].dropLast() {
          let rowid = UInt64(bitPattern: child.rowid)
          let cell = interior.add(4 + Varint.length(rowid))
          cell.storeBytes(of: child.page.bigEndian, as: UInt32.self)
          Varint.put(rowid, to: cell + 4)
        }
        let last = children[range.upperBound - 1]
        if groups == 1 {
          interior.close(to: page, last: last.page)
          return try file.overwrite(root, with: page)
        }
        let (number, target) = try file.makePage()
        interior.close(to: target, last: last.page)
        above.append((number, last.rowid))
      }
      children = above
    }
  }
}

/// Fills an empty index page by page, entries in ascending order. An entry is the indexed value and the rowid.
final class PackedIndex {
  private let file: PageFile
  private let root: UInt32
  private var leaf = TreePage(kind: TreePage.indexLeaf)
  private var lastSize = 0
  private var children: [UInt32] = []
  /// Between each two children: a record with its length before it.
  private var separators: [UInt8] = []
  private var separatorStarts: [Int] = [0]

  /// Longer records would not stay in one page.
  static let recordLimit = (PageFile.pageSize - 12) * 64 / 255 - 23

  init(_ file: PageFile, root: UInt32) {
    self.file = file
    self.root = root
  }

  /// - Parameter record: of at most ``recordLimit`` bytes.
  func append(_ record: borrowing RecordBytes) throws(StoreError) {
    let count = record.count
    precondition(count <= Self.recordLimit, "an entry of an index fits in its page")
    let size = Varint.length(UInt64(count)) + count
    if !leaf.hasRoom(max(4, size)) { try closeLeaf() }
    let cell = leaf.add(size)
    let width = Varint.put(UInt64(count), to: cell)
    record.copy(to: cell + width)
    lastSize = size
  }

  /// The last entry goes up between this leaf and the next.
  private func closeLeaf() throws(StoreError) {
    let last = leaf.takeLast(lastSize)
    separators.append(contentsOf: UnsafeRawBufferPointer(start: last, count: lastSize))
    separatorStarts.append(separators.count)
    let (number, target) = try file.makePage()
    leaf.close(to: target)
    children.append(number)
  }

  func finish() throws(StoreError) {
    let page = UnsafeMutableRawPointer.allocate(byteCount: PageFile.pageSize, alignment: 8)
    defer { page.deallocate() }
    guard !children.isEmpty else {
      leaf.close(to: page)
      return try file.overwrite(root, with: page)
    }
    let (number, target) = try file.makePage()
    leaf.close(to: target)
    children.append(number)
    var interior = TreePage(kind: TreePage.indexInterior)
    while true {
      let ends = grouped()
      var above: [UInt32] = []
      var aboveSeparators: [UInt8] = []
      var aboveStarts = [0]
      var start = 0
      for end in ends {
        for child in start..<end {
          let separator = separatorStarts[child]..<separatorStarts[child + 1]
          let cell = interior.add(4 + separator.count)
          cell.storeBytes(of: children[child].bigEndian, as: UInt32.self)
          separators.withUnsafeBytes {
            (cell + 4).copyMemory(from: $0.baseAddress! + separator.lowerBound, byteCount: separator.count)
          }
        }
        if ends.count == 1 {
          interior.close(to: page, last: children[end])
          return try file.overwrite(root, with: page)
        }
        let (number, target) = try file.makePage()
        interior.close(to: target, last: children[end])
        above.append(number)
        if end + 1 < children.count {
          aboveSeparators += separators[separatorStarts[end]..<separatorStarts[end + 1]]
          aboveStarts.append(aboveSeparators.count)
        }
        start = end + 1
      }
      (children, separators, separatorStarts) = (above, aboveSeparators, aboveStarts)
    }
  }

  /// The last child of each page of the level above: as many as fit, and at least two in the last.
  private func grouped() -> [Int] {
    var ends: [Int] = []
    var used = 12
    var start = 0
    for child in children.indices.dropLast() {
      let size = 4 + separatorStarts[child + 1] - separatorStarts[child] + 2
      if used + size > PageFile.pageSize {
        // This child closes the page, unless one would be left alone.
        let end = child + 1 == children.count - 1 && child > start + 1 ? child - 1 : child
        ends.append(end)
        start = end + 1
        used = 12
        for other in start..<max(start, child + 1) where other <= child {
          used += 4 + separatorStarts[other + 1] - separatorStarts[other] + 2
        }
      } else {
        used += size
      }
    }
    ends.append(children.count - 1)
    return ends
  }
}
