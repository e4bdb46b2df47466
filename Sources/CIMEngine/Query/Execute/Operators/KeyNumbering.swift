internal import Glibc

/// Numbers keys in the order in which they first come: for groups, hash joins and DISTINCT.
///
/// Open addressing over 32-bit slots; keys lie end to end in one block of bytes.
struct KeyNumbering {
  private var slots: [UInt32] = Array(repeating: .max, count: 64)
  private var hashes: [UInt64] = []
  private(set) var bytes: [UInt8] = []
  private var ends: [Int] = [0]

  var count: Int { hashes.count }
  /// What the table takes in memory, about.
  var byteCount: Int { 4 * slots.count + 16 * hashes.count + bytes.count }

  /// Calls `body` with each key in the order of their numbers.
  func forEachKey<E: Error>(_ body: (Int, UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    let result: Result<Void, E> = bytes.withUnsafeBytes { bytes in
      do throws(E) {
        for index in hashes.indices {
          try body(index, UnsafeRawBufferPointer(rebasing: bytes[ends[index]..<ends[index + 1]]))
        }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// The number of a key, new or known.
  mutating func insert(_ key: UnsafeRawBufferPointer) -> Int {
    let hash = KeyNumbering.hash(key)
    let slot = self.slot(of: key, hash)
    guard slots[slot] == .max else { return Int(slots[slot]) }
    let index = hashes.count
    slots[slot] = UInt32(index)
    hashes.append(hash)
    bytes.append(contentsOf: key)
    ends.append(bytes.count)
    if 2 * hashes.count > slots.count { grow() }
    return index
  }

  /// The number of a key that is known.
  func find(_ key: UnsafeRawBufferPointer) -> Int? {
    let slot = self.slot(of: key, KeyNumbering.hash(key))
    return slots[slot] == .max ? nil : Int(slots[slot])
  }

  /// Where a key's number stands, or would: the free slot that ends its run.
  @inline(__always)
  private func slot(of key: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != .max {
      let index = Int(slots[slot])
      if hashes[index] == hash, isEqual(index, key) { break }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  @inline(__always)
  private func isEqual(_ index: Int, _ key: UnsafeRawBufferPointer) -> Bool {
    let (start, end) = (ends[index], ends[index + 1])
    guard end - start == key.count else { return false }
    return key.count == 0 || bytes.withUnsafeBytes { memcmp($0.baseAddress! + start, key.baseAddress!, key.count) == 0 }
  }

  private mutating func grow() {
    slots = Array(repeating: .max, count: 2 * slots.count)
    for (index, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(index)
    }
  }

  /// Eight bytes at a time, mixed by multiplication (in the manner of wyhash); only ever used inside one run.
  static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(key.count)
    var at = 0
    while at + 8 <= key.count {
      state = mix(state ^ key.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      at += 8
    }
    if at < key.count {
      var tail: UInt64 = 0
      for i in at..<key.count { tail = tail << 8 | UInt64(key[i]) }
      state = mix(state ^ tail)
    }
    return state
  }

  @inline(__always)
  private static func mix(_ x: UInt64) -> UInt64 {
    let product = x.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return product.high ^ product.low
  }
}

/// Keys that were seen: in several tables, as one of tens of millions takes longer to grow than a query may take to stop.
struct SeenKeys {
  private var parts = [KeyNumbering](repeating: KeyNumbering(), count: 64)

  /// What the tables take in memory, about.
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// Whether a key is new.
  mutating func insert(_ key: UnsafeRawBufferPointer) -> Bool {
    let part = Int(KeyNumbering.hash(key) >> 58)
    let before = parts[part].count
    return parts[part].insert(key) == before
  }
}

/// Values as bytes that are equal exactly when the values are, NULL being equal to NULL: for keys of groups and DISTINCT.
/// Whole numbers are written alike whether they are integers or doubles.
enum KeyBytes {
  static func append(_ value: Value, to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes.append(0)
    case .bool(let value): bytes.append(value ? 2 : 1)
    case .int(let value):
      bytes.append(3)
      append(UInt64(bitPattern: value), to: &bytes)
    case .double(let value):
      if let whole = Int64(exactly: value) {
        bytes.append(3)
        append(UInt64(bitPattern: whole), to: &bytes)
      } else {
        bytes.append(4)
        append(value.bitPattern, to: &bytes)
      }
    case .text(let value):
      bytes.append(5)
      append(UInt64(value.utf8.count), to: &bytes)
      bytes.append(contentsOf: value.utf8)
    case .date(let value):
      bytes.append(6)
      append(UInt64(bitPattern: Int64(value)), to: &bytes)
    case .timestamp(let value):
      bytes.append(7)
      append(UInt64(bitPattern: value), to: &bytes)
    case .list(let values):
      bytes.append(8)
      append(UInt64(values.count), to: &bytes)
      for value in values { append(value, to: &bytes) }
    case .geometry(let value):
      bytes.append(9)
      let wkb = WKB.write(value)
      append(UInt64(wkb.count), to: &bytes)
      bytes.append(contentsOf: wkb)
    }
  }

  @inline(__always)
  static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
  }
}
