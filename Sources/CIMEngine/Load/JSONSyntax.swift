/// Finds the first place where a text stops being JSON (RFC 8259). Run only when the fast parser has refused a
/// text, so that the message can say where and why; it refuses what that parser refuses.
struct JSONSyntax {
  struct Fault: Error, Equatable {
    /// Bytes from the start of the text.
    var offset: Int
    var message: String

    var isEncoding: Bool { message == Self.notUTF8 }
    var encodingFix: String { "JSON is UTF-8; if the file is in GB18030, say so with --encoding GB18030" }
    static let notUTF8 = "the bytes here are not UTF-8"
  }

  static let depthLimit = 1024

  private let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0

  private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The first fault of `text`, or nil when it is one whole JSON value.
  static func firstFault(in text: UnsafeBufferPointer<UInt8>) -> Fault? {
    var syntax = JSONSyntax(text)
    do throws(Fault) {
      try syntax.document()
      return nil
    } catch {
      return error
    }
  }

  private func fault(_ message: String, at offset: Int? = nil) -> Fault {
    Fault(offset: offset ?? at, message: message)
  }

  /// What stands at the place, for "found …".
  private var found: String {
    guard at < bytes.count else { return "the end of the text" }
    let byte = bytes[at]
    if byte < 0x20 || byte == 0x7F { return "the control character \(byte)" }
    var end = at + 1
    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    return "`\(String(decoding: UnsafeBufferPointer(rebasing: bytes[at..<end]), as: UTF8.self))`"
  }

  private mutating func skipSpace() {
    while at < bytes.count,
      bytes[at] == 0x20
        || (bytes[at] >= 0x09 && bytes[at] <= 0x0D && bytes[at] != 0x0B
          && bytes[at] != 0x0C)
    { at += 1 }
  }

  /// An explicit stack, so that deep nesting cannot exhaust the thread's.
  private mutating func document() throws(Fault) {
    var open: [UInt8] = []
    skipSpace()
    if at == bytes.count { throw fault("there is no JSON here") }
    while true {
      try value(&open)
      // A value has ended: close what it ends, or go on behind a comma.
      closing: while true {
        skipSpace()
        guard let container = open.last else {
          if at < bytes.count { throw fault("unexpected \(found) after the end of the JSON value") }
          return
        }
        guard at < bytes.count else {
          throw fault("the text ends inside \(container == UInt8(ascii: "{") ? "an object" : "an array")")
        }
        let byte = bytes[at]
        let close = container == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]")
        if byte == close {
          at += 1
          open.removeLast()
          continue closing
        }
        guard byte == UInt8(ascii: ",") else {
          throw fault("expected `,` or `\(Character(UnicodeScalar(close)))`, found \(found)")
        }
        at += 1
        skipSpace()
        if container == UInt8(ascii: "{") { try key() }
        break closing
      }
    }
  }

  /// Consumes a scalar, an empty container, or opens containers down to the first scalar.
  private mutating func value(_ open: inout [UInt8]) throws(Fault) {
    while true {
      skipSpace()
      guard at < bytes.count else { throw fault("expected a value, found the end of the text") }
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        open.append(byte)
        if open.count > Self.depthLimit { throw fault("nested more than \(Self.depthLimit) levels deep") }
        at += 1
        skipSpace()
        if byte == UInt8(ascii: "{") {
          if at < bytes.count, bytes[at] == UInt8(ascii: "}") { at += 1; open.removeLast(); return }
          try key()
        } else if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
          at += 1
          open.removeLast()
          return
        }
      case UInt8(ascii: "\""): return try string()
      case UInt8(ascii: "t"): return try word("true")
      case UInt8(ascii: "f"): return try word("false")
      case UInt8(ascii: "n"): return try word("null")
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
      case UInt8(ascii: "N"), UInt8(ascii: "I"), UInt8(ascii: "+"):
        throw fault("expected a value, found \(found); JSON has no NaN, Infinity or leading `+`")
      default: throw fault("expected a value, found \(found)")
      }
    }
  }

  private mutating func key() throws(Fault) {
    guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
      throw fault("expected a member's name in double quotes, found \(found)")
    }
    try string()
    skipSpace()
    guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw fault("expected `:`, found \(found)") }
    at += 1
  }

  private mutating func word(_ word: String) throws(Fault) {
    let start = at
    for byte in word.utf8 {
      guard at < bytes.count, bytes[at] == byte else { throw fault("expected `\(word)`", at: start) }
      at += 1
    }
  }

  private mutating func digits() throws(Fault) -> Int {
    let start = at
    while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") { at += 1 }
    guard at > start else { throw fault("expected a digit, found \(found)") }
    return at - start
  }

  private mutating func number() throws(Fault) {
    let start = at
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let first = at
    let count = try digits()
    if count > 1, bytes[first] == UInt8(ascii: "0") { throw fault("a number starts with a zero", at: start) }
    var isInteger = true
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      isInteger = false
      _ = try digits()
    }
    if at < bytes.count, bytes[at] == UInt8(ascii: "e") || bytes[at] == UInt8(ascii: "E") {
      at += 1
      isInteger = false
      if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
      _ = try digits()
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
    let shown = text.count > 40 ? text.prefix(37) + "…" : Substring(text)
    if isInteger {
      guard Int64(text) != nil || UInt64(text) != nil else {
        throw fault("the integer \(shown) does not fit 64 bits; write it as a string", at: start)
      }
    } else if let value = Double(text), !value.isFinite {
      throw fault("the number \(shown) is beyond the range of a double", at: start)
    }
  }

  private mutating func hex4() throws(Fault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard at < bytes.count, let digit = Character(UnicodeScalar(bytes[at])).hexDigitValue else {
        throw fault("expected four hexadecimal digits after `\\u`, found \(found)")
      }
      value = value << 4 | UInt32(digit)
      at += 1
    }
    return value
  }

  private mutating func string() throws(Fault) {
    let start = at
    at += 1
    while true {
      guard at < bytes.count else { throw fault("a string has no end", at: start) }
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return
      case UInt8(ascii: "\\"): try escape()
      case 0..<0x20:
        throw fault("a string holds the raw control character \(byte); write it as \\u escape")
      case 0x20..<0x80: at += 1
      default: try scalar()
      }
    }
  }

  private mutating func escape() throws(Fault) {
    let start = at
    at += 1
    guard at < bytes.count else { throw fault("a string has no end") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "u"):
      let unit = try hex4()
      guard unit >= 0xD800, unit < 0xE000 else { return }
      guard unit < 0xDC00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u")
      else { throw fault("a lone surrogate (half of a character)", at: start) }
      at += 2
      let low = try hex4()
      guard low >= 0xDC00, low < 0xE000 else { throw fault("a lone surrogate (half of a character)", at: start) }
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return
    default: throw fault("`\\\(Character(UnicodeScalar(byte)))` is no escape in JSON", at: start)
    }
  }

  /// One multi-byte UTF-8 sequence (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
  private mutating func scalar() throws(Fault) {
    let length = UTF8Check.sequenceLength(bytes, at: at)
    guard length > 0 else { throw fault(Fault.notUTF8) }
    at += length
  }
}

/// Checks UTF-8 (RFC 3629).
enum UTF8Check {
  /// The length of the well-formed sequence at `at`, or 0 when it is not well-formed.
  static func sequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Int {
    let lead = bytes[at]
    let length: Int
    var (low, high): (UInt8, UInt8) = (0x80, 0xBF)
    switch lead {
    case 0..<0x80: return 1
    case 0xC2...0xDF: length = 2
    case 0xE0: length = 3; low = 0xA0
    case 0xED: length = 3; high = 0x9F
    case 0xE1...0xEF: length = 3
    case 0xF0: length = 4; low = 0x90
    case 0xF4: length = 4; high = 0x8F
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard at + length <= bytes.count, bytes[at + 1] >= low, bytes[at + 1] <= high else { return 0 }
    for i in 2..<max(2, length) where bytes[at + i] & 0xC0 != 0x80 { return 0 }
    return length
  }

  /// The offset of the first byte that is not part of well-formed UTF-8, or nil. Eight ASCII bytes at a time.
  static func firstFault(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var at = 0
    let raw = UnsafeRawPointer(bytes.baseAddress ?? UnsafePointer(bitPattern: 8)!)
    while at < bytes.count {
      if at + 8 <= bytes.count, raw.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
        at += 8
        continue
      }
      let length = sequenceLength(bytes, at: at)
      if length == 0 { return at }
      at += length
    }
    return nil
  }
}
