/// Lists are stored as JSON text: an array of strings, numbers, booleans, nulls and arrays.
enum JSONList {
  /// The list in `bytes`; an empty list when they are not a JSON array of such values (the store never writes that).
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> [Value] {
    var parser = Parser(bytes: bytes)
    guard case .list(let values)? = parser.value(depth: 0) else { return [] }
    return values
  }

  static func parse(_ text: String) -> [Value] {
    var text = text
    return text.withUTF8 { parse($0) }
  }

  /// The list as JSON text.
  static func text(_ values: [Value]) -> String {
    "[" + values.map(text(of:)).joined(separator: ",") + "]"
  }

  private static func text(of value: Value) -> String {
    switch value {
    case .null, .geometry: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return String(value)
    case .double(let value): return value.isFinite ? "\(value)" : "null"
    case .list(let values): return text(values)
    case .text, .date, .timestamp: return JSONString.quoted(CIMEngine.text(of: value))
    }
  }

  private struct Parser {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0

    mutating func skipSpace() {
      while at < bytes.count, bytes[at] == 0x20 || (bytes[at] >= 0x09 && bytes[at] <= 0x0D) { at += 1 }
    }

    mutating func take(_ word: StaticString) -> Bool {
      guard at + word.utf8CodeUnitCount <= bytes.count else { return false }
      for i in 0..<word.utf8CodeUnitCount where bytes[at + i] != word.utf8Start[i] { return false }
      at += word.utf8CodeUnitCount
      return true
    }

    mutating func value(depth: Int) -> Value? {
      skipSpace()
      guard at < bytes.count, depth < 64 else { return nil }
      switch bytes[at] {
      case UInt8(ascii: "["):
        at += 1
        var values: [Value] = []
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
          at += 1
          return .list(values)
        }
        while true {
          guard let next = value(depth: depth + 1) else { return nil }
          values.append(next)
          skipSpace()
          guard at < bytes.count else { return nil }
          let separator = bytes[at]
          at += 1
          if separator == UInt8(ascii: "]") { return .list(values) }
          if separator != UInt8(ascii: ",") { return nil }
        }
      case UInt8(ascii: "\""): return string().map { .text($0) }
      case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
      case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
      case UInt8(ascii: "n"): return take("null") ? .null : nil
      default: return number()
      }
    }

    private mutating func number() -> Value? {
      let start = at
      while at < bytes.count, "+-.eE0123456789".utf8.contains(bytes[at]) { at += 1 }
      let text = String(decoding: bytes[start..<at], as: UTF8.self)
      if let int = Int64(text) { return .int(int) }
      return Double(text).map { .double($0) }
    }

    private mutating func string() -> String? {
      at += 1
      var out: [UInt8] = []
      while at < bytes.count {
        let byte = bytes[at]
        at += 1
        if byte == UInt8(ascii: "\"") { return String(decoding: out, as: UTF8.self) }
        guard byte == UInt8(ascii: "\\") else {
          out.append(byte)
          continue
        }
        guard at < bytes.count else { return nil }
        let escape = bytes[at]
        at += 1
        switch escape {
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "u"):
          guard var unit = hex4() else { return nil }
          if (0xD800..<0xDC00).contains(unit), take("\\u"), let low = hex4(), (0xDC00..<0xE000).contains(low) {
            unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
          }
          out.append(contentsOf: String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
        default: out.append(escape)
        }
      }
      return nil
    }

    private mutating func hex4() -> UInt32? {
      guard at + 4 <= bytes.count else { return nil }
      let digits = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
      at += 4
      return digits
    }
  }
}
