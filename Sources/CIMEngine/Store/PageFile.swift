internal import Glibc

/// Appends pages to a database file that is being made and that nobody else knows yet.
///
/// SQLite must have no transaction open on the file from ``init(path:)`` to ``finish()``: then it sees another change
/// counter and reads everything anew. The format of the file is https://www.sqlite.org/fileformat2.html, section 1.
final class PageFile {
  static let pageSize = 4096
  /// The page that holds the lock bytes at 1 GiB is never used.
  static let lockPage = UInt32((1 << 30) / pageSize + 1)
  private static let bufferPages = 256

  private let path: String
  private var descriptor: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferPages * pageSize, alignment: 4096)
  /// Pages in the buffer; the first of them has the number `bufferStart`.
  private var buffered = 0
  private var bufferStart: UInt32
  private var changeCounter: UInt32

  /// - Throws: ``Unsuitable`` for a file whose pages are not as they are made here.
  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw StoreError(.file, "\(path): \(lastSystemError())") }
    var head = [UInt8](repeating: 0, count: 100)
    var status = stat()
    guard pread(descriptor, &head, 100, 0) == 100, fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw Unsuitable()
    }
    func word(_ at: Int) -> UInt32 {
      head.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    }
    let pages = word(28)
    changeCounter = word(24)
    bufferStart = pages + 1
    // Page size, no reserved bytes, no pointer map, format 4, UTF-8, and a page count that is right.
    guard head[16] == 0x10, head[17] == 0, head[20] == 0, word(52) == 0, word(44) == 4, word(56) == 1,
      word(92) == changeCounter, Int(pages) * Self.pageSize == Int(status.st_size)
    else { throw Unsuitable() }  // Everything has its value by now: `deinit` closes the file.
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    buffer.deallocate()
  }

  /// The file is not what it was expected to be; the rows go through SQLite instead.
  struct Unsuitable: Error {}

  /// Room for one more page, all zero, and its number. To be filled before the next call.
  func makePage() throws(StoreError) -> (number: UInt32, bytes: UnsafeMutableRawPointer) {
    if buffered == Self.bufferPages { try flush() }
    if bufferStart + UInt32(buffered) == Self.lockPage {
      try flush()
      bufferStart += 1
    }
    let bytes = buffer.baseAddress! + buffered * Self.pageSize
    memset(bytes, 0, Self.pageSize)
    buffered += 1
    return (bufferStart + UInt32(buffered) - 1, bytes)
  }

  /// The number of the page that is made after this one.
  func numberAfter(_ number: UInt32) -> UInt32 { number + 1 == Self.lockPage ? number + 2 : number + 1 }

  /// Puts another content into a page that was there before.
  func overwrite(_ number: UInt32, with page: UnsafeRawPointer) throws(StoreError) {
    try put(page, Self.pageSize, at: Int(number - 1) * Self.pageSize)
  }

  /// Whether a page that was there before is the whole of a small table or index.
  func isLeaf(_ number: UInt32, kind: UInt8) -> Bool {
    var byte: UInt8 = 0
    return pread(descriptor, &byte, 1, (Int(number) - 1) * Self.pageSize) == 1 && byte == kind
  }

  private func flush() throws(StoreError) {
    try put(buffer.baseAddress!, buffered * Self.pageSize, at: Int(bufferStart - 1) * Self.pageSize)
    bufferStart += UInt32(buffered)
    buffered = 0
  }

  private func put(_ bytes: UnsafeRawPointer, _ count: Int, at offset: Int) throws(StoreError) {
    var done = 0
    while done < count {
      let written = pwrite(descriptor, bytes + done, count - done, offset + done)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else {
        throw errno == ENOSPC || errno == EDQUOT
          ? StoreError(.file, "\(path): the disk is full; nothing of this change was kept")
          : StoreError(.file, "\(path): \(lastSystemError())")
      }
      done += written
    }
  }

  /// Makes the new pages part of the database. The file is closed here: later that would take away the locks that SQLite
  /// holds on it in this process.
  func finish() throws(StoreError) {
    try flush()
    changeCounter += 1
    for (offset, value) in [(24, changeCounter), (28, bufferStart - 1), (92, changeCounter)] {
      var word = value.bigEndian
      try put(&word, 4, at: offset)
    }
    close(descriptor)
    descriptor = -1
  }
}

/// The record of a row or of an index entry in SQLite's format (section 2.1): types, then values.
struct RecordBytes: ~Copyable {
  private var types = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 8)
  private var typesCount = 0
  private var typesCapacity = 256
  private var body = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 8)
  private var bodyCount = 0
  private var bodyCapacity = 4096

  deinit {
    types.deallocate()
    body.deallocate()
  }

  mutating func removeAll() {
    typesCount = 0
    bodyCount = 0
  }

  mutating func appendNull() { append(type: 0) }

  mutating func append(_ value: Int64) {
    switch value {
    case 0, 1: append(type: UInt64(8 + value))
    case -0x80...0x7f: put(value, 1, type: 1)
    case -0x8000...0x7fff: put(value, 2, type: 2)
    case -0x80_0000...0x7f_ffff: put(value, 3, type: 3)
    case -0x8000_0000...0x7fff_ffff: put(value, 4, type: 4)
    case -0x8000_0000_0000...0x7fff_ffff_ffff: put(value, 6, type: 5)
    default: put(value, 8, type: 6)
    }
  }

  mutating func append(_ value: Double) {
    reserveBody(8)
    body.storeBytes(of: value.bitPattern.bigEndian, toByteOffset: bodyCount, as: UInt64.self)
    bodyCount += 8
    append(type: 7)
  }

  mutating func append(text bytes: UnsafeRawBufferPointer) {
    put(bytes)
    append(type: UInt64(13 + 2 * bytes.count))
  }

  mutating func append(blob bytes: UnsafeRawBufferPointer) {
    put(bytes)
    append(type: UInt64(12 + 2 * bytes.count))
  }

  /// The length of the whole.
  var count: Int { headCount + bodyCount }

  /// The length of the types with the number that says it, which counts itself.
  private var headCount: Int { typesCount + (typesCount < 127 ? 1 : typesCount < 16_382 ? 2 : 3) }

  /// Writes the whole to `target`, which has room for ``count`` bytes.
  func copy(to target: UnsafeMutableRawPointer) {
    let width = Varint.put(UInt64(headCount), to: target)
    (target + width).copyMemory(from: types, byteCount: typesCount)
    (target + width + typesCount).copyMemory(from: body, byteCount: bodyCount)
  }

  private mutating func append(type: UInt64) {
    if typesCount + 9 > typesCapacity {
      let larger = UnsafeMutableRawPointer.allocate(byteCount: 2 * typesCapacity, alignment: 8)
      larger.copyMemory(from: types, byteCount: typesCount)
      types.deallocate()
      (types, typesCapacity) = (larger, 2 * typesCapacity)
    }
    typesCount += Varint.put(type, to: types + typesCount)
  }

  private mutating func put(_ value: Int64, _ width: Int, type: UInt64) {
    reserveBody(8)
    // The low bytes, the highest first.
    var word = (value << Int64(64 - 8 * width)).bigEndian
    withUnsafeBytes(of: &word) { (body + bodyCount).copyMemory(from: $0.baseAddress!, byteCount: width) }
    bodyCount += width
    append(type: type)
  }

  private mutating func put(_ bytes: UnsafeRawBufferPointer) {
    reserveBody(bytes.count)
    if let start = bytes.baseAddress { (body + bodyCount).copyMemory(from: start, byteCount: bytes.count) }
    bodyCount += bytes.count
  }

  private mutating func reserveBody(_ extra: Int) {
    guard bodyCount + extra > bodyCapacity else { return }
    let capacity = max(2 * bodyCapacity, bodyCount + extra)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
    larger.copyMemory(from: body, byteCount: bodyCount)
    body.deallocate()
    (body, bodyCapacity) = (larger, capacity)
  }
}

/// SQLite's numbers of one to nine bytes, seven bits each, the highest first; the ninth has eight.
enum Varint {
  static func length(_ value: UInt64) -> Int {
    value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : longLength(value)
  }

  private static func longLength(_ value: UInt64) -> Int {
    let bits = 64 - value.leadingZeroBitCount
    return bits > 56 ? 9 : (bits + 6) / 7
  }

  @discardableResult
  static func put(_ value: UInt64, to target: UnsafeMutableRawPointer) -> Int {
    let length = length(value)
    if length == 9 {
      target.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: 8, as: UInt8.self)
      var rest = value >> 8
      for i in stride(from: 7, through: 0, by: -1) {
        target.storeBytes(of: UInt8(truncatingIfNeeded: rest & 0x7f) | 0x80, toByteOffset: i, as: UInt8.self)
        rest >>= 7
      }
      return 9
    }
    var rest = value
    for i in stride(from: length - 1, through: 0, by: -1) {
      let high: UInt8 = i == length - 1 ? 0 : 0x80
      target.storeBytes(of: UInt8(truncatingIfNeeded: rest & 0x7f) | high, toByteOffset: i, as: UInt8.self)
      rest >>= 7
    }
    return length
  }
}
