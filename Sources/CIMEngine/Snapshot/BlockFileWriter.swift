internal import CChecksum
internal import Glibc

/// Numbers of the container that segments and link tables are kept in; docs/snapshot-format.md describes it.
enum BlockFormat {
  /// "CIMQBLK" and a byte that text-mode transfers would change.
  static let magic: UInt64 = 0x1A4B_4C42_514D_4943
  static let version: UInt32 = 1
  /// The header fills a page; data starts behind it.
  static let headerBytes = 4096
  static let blockShift = 16
  static let blockBytes = 1 << blockShift
  /// Sections start on multiples of this, so that no value straddles two blocks.
  static let alignment = 64

  static func align(_ offset: Int, to alignment: Int) -> Int { (offset + alignment - 1) & ~(alignment - 1) }

  static func checksum(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
    cchecksum_crc32c(crc, bytes.baseAddress, bytes.count)
  }
}

/// Where a section lies in its file.
struct SectionPlace: Equatable {
  var offset: UInt64
  var length: UInt64

  func write(to bytes: inout SnapshotBytes) {
    bytes.put(offset)
    bytes.put(length)
  }
  static func read(from reader: inout SnapshotReader) throws(SnapshotDamage) -> SectionPlace {
    SectionPlace(offset: try reader.get(UInt64.self), length: try reader.get(UInt64.self))
  }
}

/// What tells one version of a file from another: its length and the checksum of its directory, which holds the checksums
/// of all blocks.
struct FileDigest: Hashable, Sendable {
  var length: UInt64
  var checksum: UInt32
}

/// Writes a container from front to back: sections, then the directory, then the header. Until the header is written the
/// file is refused by every reader.
final class BlockFileWriter {
  let path: String
  private let descriptor: Int32
  private var isFinished = false
  /// A whole number of blocks; element loops write straight into it.
  private let buffer: UnsafeMutableRawBufferPointer
  /// Bytes in `buffer`.
  private var filled = 0
  /// Offset in the file of the start of `buffer`.
  private var flushed = BlockFormat.headerBytes
  private var blockChecksums: [UInt32] = []

  /// Offset in the file of the next byte.
  var position: Int { flushed + filled }

  /// Creates `path`, which must not exist; removed again unless ``finish(directory:)`` returns.
  init(path: String) throws(StoreError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StoreError(.file, "\(path): cannot be created: \(lastSystemError())") }
    buffer = .allocate(byteCount: 16 * BlockFormat.blockBytes, alignment: 4096)
  }

  deinit {
    buffer.deallocate()
    close(descriptor)
    if !isFinished { unlink(path) }
  }

  private func writeOut(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let n = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { throw StoreError(.file, "\(path): cannot be written: \(lastSystemError())") }
      done += n
    }
  }

  private func flush() throws(StoreError) {
    var start = 0
    while start < filled {
      let end = min(filled, start + BlockFormat.blockBytes)
      blockChecksums.append(BlockFormat.checksum(UnsafeRawBufferPointer(rebasing: buffer[start..<end])))
      start = end
    }
    try writeOut(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), at: flushed)
    flushed += filled
    filled = 0
  }

  private func pad(to alignment: Int) throws(StoreError) {
    // Blocks are counted from the end of the header, which is aligned to less than a block.
    let origin = BlockFormat.headerBytes
    let target = origin + BlockFormat.align(position - origin, to: alignment)
    while position < target {
      let n = min(target - position, buffer.count - filled)
      memset(buffer.baseAddress! + filled, 0, n)
      filled += n
      if filled == buffer.count { try flush() }
    }
  }

  /// Starts a section. One that fills blocks of its own starts on a block, so that checking it reads nothing else.
  private func begin(bytes: Int) throws(StoreError) -> Int {
    try pad(to: bytes >= BlockFormat.blockBytes ? BlockFormat.blockBytes : BlockFormat.alignment)
    return position
  }

  /// Writes `count` elements. `fill` is called with consecutive runs and must set every element of each.
  func section<T: BitwiseCopyable>(
    of type: T.Type, count: Int, _ fill: (Range<Int>, UnsafeMutablePointer<T>) -> Void
  ) throws(StoreError) -> SectionPlace {
    let size = MemoryLayout<T>.stride
    let offset = try begin(bytes: count * size)
    var done = 0
    while done < count {
      let n = min(count - done, (buffer.count - filled) / size)
      fill(done..<done + n, (buffer.baseAddress! + filled).bindMemory(to: T.self, capacity: n))
      filled += n * size
      done += n
      if buffer.count - filled < size { try flush() }
    }
    return SectionPlace(offset: UInt64(offset), length: UInt64(count * size))
  }

  /// Writes `bytes` as a section.
  func section(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> SectionPlace {
    let offset = try begin(bytes: bytes.count)
    try append(bytes)
    return SectionPlace(offset: UInt64(offset), length: UInt64(bytes.count))
  }

  func section<T: BitwiseCopyable>(_ values: GrowingBuffer<T>) throws(StoreError) -> SectionPlace {
    try values.withElements { (elements) throws(StoreError) in try section(UnsafeRawBufferPointer(elements)) }
  }

  func section<T: BitwiseCopyable>(_ values: [T]) throws(StoreError) -> SectionPlace {
    let result: Result<SectionPlace, StoreError> = values.withUnsafeBytes { bytes in
      do throws(StoreError) { return .success(try section(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Starts a section of `byteCount` bytes that come in pieces through ``append(_:)``.
  func beginSection(byteCount: Int) throws(StoreError) -> SectionPlace {
    SectionPlace(offset: UInt64(try begin(bytes: byteCount)), length: UInt64(byteCount))
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    if bytes.count < buffer.count - filled {
      if let source = bytes.baseAddress { memcpy(buffer.baseAddress! + filled, source, bytes.count) }
      filled += bytes.count
      return
    }
    var done = 0
    while done < bytes.count {
      let n = min(bytes.count - done, buffer.count - filled)
      memcpy(buffer.baseAddress! + filled, bytes.baseAddress! + done, n)
      filled += n
      done += n
      if filled == buffer.count { try flush() }
    }
  }

  /// Writes the directory and the header; the file is then complete.
  func finish(directory: [UInt8]) throws(StoreError) -> FileDigest {
    try pad(to: BlockFormat.alignment)
    try flush()
    let directoryOffset = flushed
    var tail = SnapshotBytes()
    for checksum in blockChecksums { tail.put(checksum) }
    var bytes = tail.bytes + directory
    // Room behind the data: an offset one past its end still points into the file.
    bytes.append(contentsOf: repeatElement(0, count: BlockFormat.align(bytes.count + 64, to: 64) - bytes.count))
    let checksum = bytes.withUnsafeBytes { BlockFormat.checksum($0) }

    var header = SnapshotBytes()
    header.put(BlockFormat.magic)
    header.put(BlockFormat.version)
    header.put(UInt32(BlockFormat.blockShift))
    header.put(UInt64(directoryOffset + bytes.count))
    header.put(UInt64(directoryOffset))
    header.put(UInt64(directory.count))
    header.put(UInt32(blockChecksums.count))
    header.put(checksum)
    var page = header.bytes + [UInt8](repeating: 0, count: BlockFormat.headerBytes - 4 - header.bytes.count)
    let headerChecksum = page.withUnsafeBytes { BlockFormat.checksum($0) }
    withUnsafeBytes(of: headerChecksum.littleEndian) { page.append(contentsOf: $0) }

    for (part, offset) in [(bytes, directoryOffset), (page, 0)] {
      let result: Result<Void, StoreError> = part.withUnsafeBytes { raw in
        do throws(StoreError) { return .success(try writeOut(raw, at: offset)) } catch { return .failure(error) }
      }
      try result.get()
    }
    isFinished = true
    return FileDigest(length: UInt64(directoryOffset + bytes.count), checksum: checksum)
  }
}
