/// A JSON value (RFC 8259) that knows its bytes in the text, for filters in CQL2-JSON: small texts whose errors must
/// point at their place. Files are read by the loaders' own parser.
struct JSONNode {
  enum Kind {
    case null
    case bool(Bool)
    /// Its spelling, so that `10` and `10.0` stay different.
    case number(String)
    case string(String)
    case array([JSONNode])
    case object([(key: String, value: JSONNode)])
  }
  var kind: Kind
  /// UTF-8 offsets into the text.
  var range: Range<Int>

  subscript(key: String) -> JSONNode? {
    guard case .object(let members) = kind else { return nil }
    return members.first { $0.key == key }?.value
  }

  var array: [JSONNode]? { if case .array(let elements) = kind { elements } else { nil } }
  var string: String? { if case .string(let text) = kind { text } else { nil } }

  /// One value that fills the text. Nesting is limited as in queries.
  static func parse(_ text: String) throws(QueryError) -> JSONNode {
    var reader = Reader(bytes: Array(text.utf8))
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.at == reader.bytes.count else { throw reader.unexpected("the end of the JSON") }
    return value
  }
}

private struct Reader {
  let bytes: [UInt8]
  var at = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  func unexpected(_ expected: String) -> QueryError {
    guard at < bytes.count else {
      return QueryError(.unexpected(found: "the end of the JSON", expected: expected), at: at..<at)
    }
    var end = at + 1
    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    let found = String(decoding: bytes[at..<end], as: UTF8.self)
    return QueryError(.unexpected(found: "`\(found)`", expected: expected), at: at..<end)
  }

  private func peek() -> UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard peek() == byte else { return false }
    at += 1
    return true
  }

  mutating func value(depth: Int) throws(QueryError) -> JSONNode {
    skipSpace()
    let start = at
    guard depth <= Parser.maximumDepth else {
      throw QueryError(
        .invalid("the JSON is nested too deeply (more than \(Parser.maximumDepth) levels)"), at: at..<at + 1)
    }
    let kind: JSONNode.Kind
    switch peek() {
    case UInt8(ascii: "{"): kind = try object(depth)
    case UInt8(ascii: "["): kind = try array(depth)
    case UInt8(ascii: "\""): kind = .string(try string())
    case UInt8(ascii: "-"): kind = .number(try number())
    case let digit? where digit >= 0x30 && digit <= 0x39: kind = .number(try number())
    default:
      if word("true") {
        kind = .bool(true)
      } else if word("false") {
        kind = .bool(false)
      } else if word("null") {
        kind = .null
      } else {
        throw unexpected("a JSON value")
      }
    }
    return JSONNode(kind: kind, range: start..<at)
  }

  private mutating func word(_ text: StaticString) -> Bool {
    let end = at + text.utf8CodeUnitCount
    guard end <= bytes.count, bytes[at..<end].elementsEqual(text.description.utf8) else { return false }
    at = end
    return true
  }

  private mutating func object(_ depth: Int) throws(QueryError) -> JSONNode.Kind {
    at += 1
    var members: [(key: String, value: JSONNode)] = []
    if accept(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard peek() == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
      let key = try string()
      guard accept(UInt8(ascii: ":")) else { throw unexpected("`:` after the key") }
      members.append((key, try value(depth: depth + 1)))
    } while accept(UInt8(ascii: ","))
    guard accept(UInt8(ascii: "}")) else { throw unexpected("`,` or `}`") }
    return .object(members)
  }

  private mutating func array(_ depth: Int) throws(QueryError) -> JSONNode.Kind {
    at += 1
    var elements: [JSONNode] = []
    if accept(UInt8(ascii: "]")) { return .array(elements) }
    repeat { elements.append(try value(depth: depth + 1)) } while accept(UInt8(ascii: ","))
    guard accept(UInt8(ascii: "]")) else { throw unexpected("`,` or `]`") }
    return .array(elements)
  }

  private mutating func number() throws(QueryError) -> String {
    let start = at
    if peek() == UInt8(ascii: "-") { at += 1 }
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
    guard isDigit(peek()) else { throw unexpected("a digit") }
    let first = at
    while isDigit(peek()) { at += 1 }
    if bytes[first] == 0x30, at > first + 1 {
      throw QueryError(.badNumber(String(decoding: bytes[start..<at], as: UTF8.self)), at: start..<at)
    }
    if peek() == UInt8(ascii: ".") {
      at += 1
      guard isDigit(peek()) else { throw unexpected("a digit") }
      while isDigit(peek()) { at += 1 }
    }
    if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
      at += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { at += 1 }
      guard isDigit(peek()) else { throw unexpected("a digit") }
      while isDigit(peek()) { at += 1 }
    }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func string() throws(QueryError) -> String {
    let start = at
    at += 1
    var result: [UInt8] = []
    while let byte = peek(), byte != UInt8(ascii: "\"") {
      at += 1
      if byte < 0x20 { throw QueryError(.invalid("a control character in a JSON string"), at: at - 1..<at) }
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      let escape = peek()
      at += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape!)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"): result.append(contentsOf: Array(String(try escapedScalar()).utf8))
      default:
        at = min(at, bytes.count)
        throw QueryError(.invalid("an unknown escape in a JSON string"), at: at - 1..<at)
      }
    }
    guard peek() != nil else { throw QueryError(.unterminated("a JSON string"), at: start..<bytes.count) }
    at += 1
    return String(decoding: result, as: UTF8.self)
  }

  /// After `\u`: four digits, or eight in two halves of a surrogate pair.
  private mutating func escapedScalar() throws(QueryError) -> Character {
    let start = at - 2
    var code = try hex()
    if (0xD800..<0xDC00).contains(code), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
      bytes[at + 1] == UInt8(ascii: "u")
    {
      at += 2
      let low = try hex()
      guard (0xDC00..<0xE000).contains(low) else {
        throw QueryError(.invalid("half a surrogate pair in a JSON string"), at: start..<at)
      }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw QueryError(.invalid("half a surrogate pair in a JSON string"), at: start..<at)
    }
    return Character(scalar)
  }

  private mutating func hex() throws(QueryError) -> UInt32 {
    guard at + 4 <= bytes.count,
      bytes[at..<at + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }),
      let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
    else { throw unexpected("four hexadecimal digits after \\u") }
    at += 4
    return code
  }
}
