internal import Glibc

// Text compares by code point. UTF-8 keeps that order, so bytes are compared; Swift's own `==` and `<` on strings take
// canonically equivalent spellings as equal, which the language does not.

@inline(__always)
func compareBytes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Int {
  let common = min(a.count, b.count)
  if common > 0 {
    let order = memcmp(a.baseAddress!, b.baseAddress!, common)
    if order != 0 { return Int(order) }
  }
  return a.count - b.count
}

@inline(__always)
func equalBytes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  a.count == b.count && (a.count == 0 || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0)
}

/// Negative, zero or positive as `a` sorts before, with or after `b` by code point.
func compareText(_ a: String, _ b: String) -> Int {
  let fast = a.utf8.withContiguousStorageIfAvailable { a in
    b.utf8.withContiguousStorageIfAvailable { b in compareBytes(a, b) }
  }
  if let fast, let result = fast { return result }
  var (a, b) = (a, b)
  return a.withUTF8 { a in b.withUTF8 { b in compareBytes(a, b) } }
}

@inline(__always)
func equalText(_ a: String, _ b: String) -> Bool { a.utf8.count == b.utf8.count && compareText(a, b) == 0 }

/// A string as a key: equal when its code points are.
struct TextKey: Hashable {
  let text: String
  init(_ text: String) { self.text = text }

  static func == (a: TextKey, b: TextKey) -> Bool { equalText(a.text, b.text) }
  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
