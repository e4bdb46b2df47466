internal import Glibc

/// Strings in the order they come: codes into a dictionary as long as few are distinct, else end to end.
final class TextAccumulator {
  /// What a dictionary may hold: two bytes a code.
  static let dictionaryLimit = 65_536

  private(set) var count = 0
  /// Plain: the bytes of all strings; with a dictionary: of the distinct ones.
  private var bytes = GrowingBuffer<UInt8>()
  /// Where each string (each distinct one) starts, and where the last one ends.
  private var starts = GrowingBuffer<UInt32>()
  /// Takes the place of `starts` from 4 GiB on.
  private var wideStarts: GrowingBuffer<UInt64>?
  /// With a dictionary: a code for each string.
  private var codes: GrowingBuffer<UInt32>?
  /// Open addressing: code + 1, or 0.
  private var slots: [UInt32] = []
  private var hashes: [UInt64] = []
  private(set) var sketch = DistinctSketch()

  /// `mayRepeat` false: a column of ids, for which no dictionary is tried.
  init(mayRepeat: Bool = true) {
    starts.append(0)
    if mayRepeat {
      codes = GrowingBuffer()
      slots = Array(repeating: 0, count: 1024)
    }
  }

  /// Distinct strings, when there is a dictionary.
  var dictionaryCount: Int? { codes == nil ? nil : hashes.count }
  var totalBytes: Int { bytes.count }
  var storedCount: Int { (wideStarts?.count ?? starts.count) - 1 }

  func append(_ text: UnsafeBufferPointer<UInt8>) {
    let hash = SteadyHash.hash(text)
    sketch.insert(hash: hash)
    count += 1
    guard let codes else { return store(text) }
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let code = Int(slots[slot]) - 1
      if hashes[code] == hash, areEqual(stored(code), text) { return codes.append(UInt32(code)) }
      slot = (slot + 1) & (slots.count - 1)
    }
    let distinct = hashes.count
    if distinct == Self.dictionaryLimit {
      giveUpDictionary()
      return store(text)
    }
    slots[slot] = UInt32(distinct + 1)
    hashes.append(hash)
    store(text)
    codes.append(UInt32(distinct))
    if hashes.count * 2 > slots.count { rehash() }
  }

  /// Appends the place of a NULL: the empty string, or code 0, which exists at the end.
  func appendPlaceholder() {
    count += 1
    if let codes { codes.append(0) } else { store(UnsafeBufferPointer(start: nil, count: 0)) }
  }

  private func store(_ text: UnsafeBufferPointer<UInt8>) {
    bytes.append(text)
    if let wideStarts { return wideStarts.append(UInt64(bytes.count)) }
    if bytes.count > Int(UInt32.max) {
      let wide = GrowingBuffer<UInt64>(capacity: starts.count + starts.count / 2)
      for i in 0..<starts.count { wide.append(UInt64(starts[i])) }
      wide.append(UInt64(bytes.count))
      wideStarts = wide
      starts = GrowingBuffer()
    } else {
      starts.append(UInt32(bytes.count))
    }
  }

  private func rehash() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for (code, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(code + 1)
    }
  }

  private func giveUpDictionary() {
    let (oldBytes, oldStarts, oldCodes) = (bytes, starts, codes!)
    bytes = GrowingBuffer(capacity: oldBytes.count * 2)
    starts = GrowingBuffer(capacity: oldCodes.count * 2)
    starts.append(0)
    codes = nil
    oldBytes.withElements { text in
      for i in 0..<oldCodes.count {
        let code = Int(oldCodes[i])
        // A NULL before the first string has a code without a string.
        let (low, high) = code + 1 < oldStarts.count ? (Int(oldStarts[code]), Int(oldStarts[code + 1])) : (0, 0)
        store(UnsafeBufferPointer(rebasing: text[low..<high]))
      }
    }
    (slots, hashes) = ([], [])
  }

  /// Stored string `index`: a distinct one when there is a dictionary.
  @inline(__always)
  func stored(_ index: Int) -> UnsafeBufferPointer<UInt8> {
    let (low, high) =
      if let wideStarts { (Int(wideStarts[index]), Int(wideStarts[index + 1])) } else {
        (Int(starts[index]), Int(starts[index + 1]))
      }
    return UnsafeBufferPointer(start: bytes.start + low, count: high - low)
  }

  func code(_ index: Int) -> Int { Int(codes![index]) }

  /// String `index` in the order of appending. A NULL's place holds any string.
  @inline(__always)
  subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
    guard let codes else { return stored(index) }
    return hashes.isEmpty ? UnsafeBufferPointer(start: nil, count: 0) : stored(Int(codes[index]))
  }

  /// Decides at the end: a dictionary where values repeat, else plain strings.
  func settle() {
    if let distinct = dictionaryCount, distinct > 16, distinct * 2 > count { giveUpDictionary() }
  }
}

/// The order of strings by code point, which is the order of their UTF-8 bytes.
@inline(__always)
func precedes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  let shared = min(a.count, b.count)
  guard shared > 0, let p = a.baseAddress, let q = b.baseAddress else { return a.count < b.count }
  let difference = memcmp(p, q, shared)
  return difference != 0 ? difference < 0 : a.count < b.count
}

@inline(__always)
func areEqual(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  guard a.count == b.count else { return false }
  guard let p = a.baseAddress, let q = b.baseAddress, a.count > 0 else { return true }
  return memcmp(p, q, a.count) == 0
}
