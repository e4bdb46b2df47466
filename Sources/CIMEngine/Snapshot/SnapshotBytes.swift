// Little-endian bytes of directories and manifests. Small, read once; the columns themselves are never parsed.

#if _endian(big)
  #error("snapshots are mapped as they lie in the file, which is little endian")
#endif

/// Appends values to a directory.
struct SnapshotBytes {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
  mutating func put(_ value: Double) { put(value.bitPattern) }
  mutating func put(_ value: Bool) { put(UInt8(value ? 1 : 0)) }
  mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      put(UInt32(utf8.count))
      bytes.append(contentsOf: utf8)
    }
  }
  mutating func put(_ texts: [String]) {
    put(UInt32(texts.count))
    for text in texts { put(text) }
  }
  /// A flag, then the value where there is one.
  mutating func put<T>(optional value: T?, _ body: (inout SnapshotBytes, T) -> Void) {
    put(value != nil)
    if let value { body(&self, value) }
  }
}

/// Reads what ``SnapshotBytes`` wrote. Every read is checked; counts are checked against the bytes that are left before
/// anything is allocated for them.
struct SnapshotReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private let path: String

  /// `bytes` must outlive the reader; `path` is for messages.
  init(_ bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }

  var isAtEnd: Bool { position == bytes.count }

  func damage(_ finding: String) -> SnapshotDamage { SnapshotDamage(path: path, finding: finding) }

  mutating func get<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(SnapshotDamage) -> T {
    let size = MemoryLayout<T>.size
    guard bytes.count - position >= size else { throw damage("its directory ends too early") }
    let value = bytes.loadUnaligned(fromByteOffset: position, as: T.self)
    position += size
    return T(littleEndian: value)
  }
  mutating func getDouble() throws(SnapshotDamage) -> Double { Double(bitPattern: try get(UInt64.self)) }
  mutating func getBool() throws(SnapshotDamage) -> Bool {
    switch try get(UInt8.self) {
    case 0: return false
    case 1: return true
    default: throw damage("its directory holds a flag that is neither 0 nor 1")
    }
  }
  /// A number of things of which each takes at least `bytesEach` bytes.
  mutating func getCount(bytesEach: Int = 1) throws(SnapshotDamage) -> Int {
    let count = Int(try get(UInt32.self))
    guard count <= (bytes.count - position) / bytesEach else {
      throw damage("its directory announces more than it holds")
    }
    return count
  }
  mutating func getString() throws(SnapshotDamage) -> String {
    let count = try getCount()
    let text = String(decoding: bytes[position..<position + count], as: UTF8.self)
    position += count
    return text
  }
  mutating func getStrings() throws(SnapshotDamage) -> [String] {
    let count = try getCount(bytesEach: 4)
    var texts: [String] = []
    texts.reserveCapacity(count)
    for _ in 0..<count { texts.append(try getString()) }
    return texts
  }
  mutating func getOptional<T>(
    _ body: (inout SnapshotReader) throws(SnapshotDamage) -> T
  ) throws(SnapshotDamage) -> T? {
    try getBool() ? try body(&self) : nil
  }
}
