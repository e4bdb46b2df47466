internal import Glibc
internal import Synchronization

/// A mapped container. The header and the directory are checked when it is opened, a block of 64 KiB when a process first
/// asks for bytes in it; the content of sections that steer reads (offsets, codes, row numbers) is checked with the block.
///
/// Checking costs about 4 µs a block, once; asking again is one load and a bit test. The mapping stays valid when the file
/// is replaced or removed.
final class BlockFile: @unchecked Sendable {
  let path: String
  /// Open as long as the mapping lasts, for private copies of parts of it.
  let descriptor: Int32
  let digest: FileDigest
  let base: UnsafeRawPointer
  /// What ``BlockFileWriter/finish(directory:)`` was given.
  let directory: UnsafeRawBufferPointer
  private let length: Int
  /// Blocks cover `headerBytes..<dataEnd`.
  private let dataEnd: Int
  private let blockCount: Int
  private let checksums: UnsafeRawPointer
  /// A bit for each block that was found sound.
  private let sound: UnsafeMutablePointer<Atomic<UInt64>>
  /// By offset; filled while the directory is read, before the file is shared.
  private var checks: [SectionCheck] = []

  /// Maps the file behind `descriptor`, which is closed with the file, or at once when this throws.
  init(descriptor: Int32, path: String) throws(SnapshotDamage) {
    var isKept = false
    defer { if !isKept { close(descriptor) } }
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw SnapshotDamage(path: path, finding: "cannot be read: \(lastSystemError())")
    }
    let length = Int(status.st_size)
    guard length > BlockFormat.headerBytes else {
      throw SnapshotDamage(path: path, finding: "is cut short (\(length) bytes)")
    }
    guard let base = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      throw SnapshotDamage(path: path, finding: "cannot be mapped: \(lastSystemError())")
    }
    do throws(SnapshotDamage) {
      let header = try Self.readHeader(UnsafeRawBufferPointer(start: base, count: length), path: path)
      self.path = path
      self.base = UnsafeRawPointer(base)
      self.length = length
      dataEnd = header.directoryOffset
      blockCount = header.blockCount
      checksums = UnsafeRawPointer(base) + header.directoryOffset
      directory = UnsafeRawBufferPointer(
        start: base + header.directoryOffset + 4 * header.blockCount, count: header.directoryLength)
      digest = FileDigest(length: UInt64(length), checksum: header.checksum)
    } catch {
      munmap(base, length)
      throw error
    }
    let words = (blockCount + 63) / 64
    sound = .allocate(capacity: words)
    for word in 0..<words { (sound + word).initialize(to: Atomic(0)) }
    isKept = true
  }

  convenience init(path: String) throws(SnapshotDamage) {
    try self.init(descriptor: try Self.open(path), path: path)
  }

  static func open(_ path: String) throws(SnapshotDamage) -> Int32 {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SnapshotDamage(path: path, finding: "cannot be opened: \(lastSystemError())") }
    return descriptor
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: base), length)
    close(descriptor)
    sound.deinitialize(count: (blockCount + 63) / 64)
    sound.deallocate()
  }

  private struct Header {
    var directoryOffset = 0
    var directoryLength = 0
    var blockCount = 0
    var checksum: UInt32 = 0
  }

  private static func readHeader(
    _ file: UnsafeRawBufferPointer, path: String
  ) throws(SnapshotDamage) -> Header {
    func damage(_ finding: String) -> SnapshotDamage { SnapshotDamage(path: path, finding: finding) }
    let page = UnsafeRawBufferPointer(rebasing: file[..<BlockFormat.headerBytes])
    var reader = SnapshotReader(page, path: path)
    guard try reader.get(UInt64.self) == BlockFormat.magic else { throw damage("is not a snapshot file") }
    let version = try reader.get(UInt32.self)
    guard version == BlockFormat.version else {
      throw damage("has format version \(version), this program reads \(BlockFormat.version)")
    }
    let body = UnsafeRawBufferPointer(rebasing: page[..<(page.count - 4)])
    guard BlockFormat.checksum(body) == page.loadUnaligned(fromByteOffset: body.count, as: UInt32.self) else {
      throw damage("has a header that does not match its checksum")
    }
    let shift = try reader.get(UInt32.self)
    let length = try reader.get(UInt64.self)
    let offset = try reader.get(UInt64.self)
    let directoryLength = try reader.get(UInt64.self)
    let blocks = try reader.get(UInt32.self)
    let checksum = try reader.get(UInt32.self)
    guard length == UInt64(file.count) else {
      throw damage("has \(file.count) bytes, its header says \(length)")
    }
    guard shift == UInt32(BlockFormat.blockShift), offset >= UInt64(BlockFormat.headerBytes), offset <= length,
      offset % UInt64(BlockFormat.alignment) == 0, directoryLength <= length,
      4 * UInt64(blocks) + directoryLength + 64 <= length - offset,
      (offset - UInt64(BlockFormat.headerBytes) + UInt64(BlockFormat.blockBytes) - 1) >> UInt64(shift) == UInt64(blocks)
    else { throw damage("has a header that contradicts itself") }
    let tail = UnsafeRawBufferPointer(rebasing: file[Int(offset)...])
    guard BlockFormat.checksum(tail) == checksum else {
      throw damage("has a directory that does not match its checksum")
    }
    return Header(
      directoryOffset: Int(offset), directoryLength: Int(directoryLength), blockCount: Int(blocks), checksum: checksum)
  }

  func damage(_ finding: String) -> SnapshotDamage { SnapshotDamage(path: path, finding: finding) }

  // MARK: Sections

  /// The section at `place`, which must hold exactly `count` elements, and the rule that its content must keep.
  func section<T: BitwiseCopyable>(
    _ place: SectionPlace, count: Int, of type: T.Type, rule: SectionRule = .any
  ) throws(SnapshotDamage) -> Section<T> {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
    guard !overflow, count >= 0, place.length == UInt64(bytes), place.offset >= UInt64(BlockFormat.headerBytes),
      place.offset <= UInt64(dataEnd), place.length <= UInt64(dataEnd) - place.offset,
      place.offset % UInt64(BlockFormat.alignment) == 0
    else { throw damage("has a directory that points outside the data") }
    let section = Section(
      start: (base + Int(place.offset)).assumingMemoryBound(to: T.self), offset: Int(place.offset), count: count)
    if rule != .any, bytes > 0 {
      checks.append(SectionCheck(start: section.offset, end: section.offset + bytes, rule: rule))
    }
    return section
  }

  /// Ends the reading of the directory. Sections may be shared as a whole but must not overlap otherwise.
  func sealSections() throws(SnapshotDamage) {
    checks.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    for i in checks.indices.dropFirst() {
      let (last, next) = (checks[i - 1], checks[i])
      guard next.start >= last.end || (next.start == last.start && next.end == last.end) else {
        throw damage("has sections that overlap")
      }
    }
  }

  // MARK: Checking

  /// Makes sure that the bytes `range` of the file are what was written. `range` must lie inside a section.
  @inline(__always)
  func check(_ range: Range<Int>) throws(SnapshotDamage) {
    if range.isEmpty { return }
    let first = (range.lowerBound - BlockFormat.headerBytes) >> BlockFormat.blockShift
    let last = (range.upperBound - 1 - BlockFormat.headerBytes) >> BlockFormat.blockShift
    for block in first...last
    where sound[block >> 6].load(ordering: .acquiring) & (1 << UInt64(block & 63)) == 0 {
      try checkBlock(block)
    }
  }

  @inline(never)
  private func checkBlock(_ block: Int) throws(SnapshotDamage) {
    let start = BlockFormat.headerBytes + block << BlockFormat.blockShift
    let end = min(dataEnd, start + BlockFormat.blockBytes)
    let bytes = UnsafeRawBufferPointer(start: base + start, count: end - start)
    guard BlockFormat.checksum(bytes) == checksums.loadUnaligned(fromByteOffset: 4 * block, as: UInt32.self) else {
      throw damage("block \(block) does not match its checksum")
    }
    // Ends never fall along `checks`: the first one that reaches into the block is found by bisection.
    var (low, high) = (0, checks.count)
    while low < high {
      let middle = (low + high) / 2
      if checks[middle].end <= start { low = middle + 1 } else { high = middle }
    }
    while low < checks.count, checks[low].start < end {
      guard checks[low].holds(in: start..<end, of: base) else {
        throw damage("block \(block) has values out of range")
      }
      low += 1
    }
    sound[block >> 6].bitwiseOr(1 << UInt64(block & 63), ordering: .releasing)
  }
}

/// A typed run of a mapped file.
struct Section<T: BitwiseCopyable>: @unchecked Sendable {
  let start: UnsafePointer<T>
  /// Of the first element, in bytes, in the file.
  let offset: Int
  let count: Int

  /// The place of some elements in the file.
  @inline(__always) func bytes(_ elements: Range<Int>) -> Range<Int> {
    offset + elements.lowerBound * MemoryLayout<T>.stride..<offset + elements.upperBound * MemoryLayout<T>.stride
  }
  var bytes: Range<Int> { bytes(0..<count) }
}

/// What the elements of a section must be, so that nothing read through them can go astray.
enum SectionRule: Equatable, Sendable {
  case any
  /// Never falling, at most the limit.
  case offsets32(UInt32)
  case offsets64(UInt64)
  case below8(UInt8)
  case below16(UInt16)
  case below32(UInt32)
  /// A row number, or `LinkColumn.none`.
  case rowOrNone(UInt32)
  /// Coordinates: no NaN, no infinity.
  case finite
}

private struct SectionCheck {
  var start: Int
  var end: Int
  var rule: SectionRule

  func holds(in range: Range<Int>, of base: UnsafeRawPointer) -> Bool {
    func elements<T>(_ type: T.Type) -> UnsafeBufferPointer<T> {
      let (low, high) = (max(start, range.lowerBound), min(end, range.upperBound))
      return UnsafeBufferPointer(
        start: (base + low).assumingMemoryBound(to: T.self), count: (high - low) / MemoryLayout<T>.stride)
    }
    switch rule {
    case .any: return true
    case .offsets32(let limit): return neverFalls(elements(UInt32.self), limit, range)
    case .offsets64(let limit): return neverFalls(elements(UInt64.self), limit, range)
    case .below8(let limit): return elements(UInt8.self).allSatisfy { $0 < limit }
    case .below16(let limit): return greatest(elements(UInt16.self)) < limit
    case .below32(let limit): return greatest(elements(UInt32.self)) < limit
    case .rowOrNone(let limit):
      var bad: UInt32 = 0
      for row in elements(UInt32.self) { bad |= row &+ 1 > limit ? 1 : 0 }
      return bad == 0
    case .finite:
      // The exponent is all ones in infinities and NaNs.
      var worst: UInt64 = 0
      for bits in elements(UInt64.self) { worst = max(worst, bits & 0x7fff_ffff_ffff_ffff) }
      return worst < 0x7ff0_0000_0000_0000
    }
  }

  private func greatest<T: FixedWidthInteger & UnsignedInteger>(_ values: UnsafeBufferPointer<T>) -> T {
    var result: T = 0
    for value in values { result = max(result, value) }
    return result
  }

  /// Neighbours in the blocks before and behind are compared, too: their bytes are mapped, and if they are wrong the
  /// file is damaged anyway.
  private func neverFalls<T: FixedWidthInteger & UnsignedInteger>(
    _ values: UnsafeBufferPointer<T>, _ limit: T, _ range: Range<Int>
  ) -> Bool {
    guard let first = values.baseAddress, values.count > 0, first[values.count - 1] <= limit else { return false }
    var falls = false
    var last = start < range.lowerBound ? (first - 1).pointee : 0
    for value in values {
      falls = falls || value < last
      last = value
    }
    if end > range.upperBound { falls = falls || first[values.count] < last }
    return !falls
  }
}
