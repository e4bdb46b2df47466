/// Bytes of one row's texts, end to end in memory that is used again for every row: SQLite reads them in place.
final class RowBytes {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 64 << 10) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  func removeAll() { count = 0 }

  /// Makes room for `extra` more bytes. Addresses given out before are no longer valid when this grows.
  @inline(__always)
  private func reserve(_ extra: Int) {
    if count + extra > capacity { grow(to: count + extra) }
  }

  private func grow(to needed: Int) {
    let larger = max(needed, capacity * 2)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    memory.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = memory
    capacity = larger
  }

  func append(_ text: String) -> Range<Int> {
    var text = text
    return text.withUTF8 { bytes in
      reserve(bytes.count)
      if let start = bytes.baseAddress { (base + count).copyMemory(from: start, byteCount: bytes.count) }
      defer { count += bytes.count }
      return count..<count + bytes.count
    }
  }

  func append(_ bytes: [UInt8]) -> Range<Int> {
    reserve(bytes.count)
    bytes.withUnsafeBytes {
      if let start = $0.baseAddress { (base + count).copyMemory(from: start, byteCount: $0.count) }
    }
    defer { count += bytes.count }
    return count..<count + bytes.count
  }

  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }
}
