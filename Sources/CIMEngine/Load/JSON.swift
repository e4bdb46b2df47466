internal import CSimdJSON
internal import Glibc

/// A JSON value on the tape of a ``JSONParser``: a position, nothing more. Copying it costs nothing.
///
/// Valid only until its parser parses again or goes away. The tape is simdjson's (doc/tape.md of that project):
/// one word for each value, the kind in the top byte; arrays and objects know where they end.
struct JSON {
  let words: UnsafePointer<UInt64>
  let strings: UnsafePointer<UInt8>
  let at: Int

  @inline(__always)
  init(words: UnsafePointer<UInt64>, strings: UnsafePointer<UInt8>, at: Int) {
    self.words = words
    self.strings = strings
    self.at = at
  }

  enum Kind { case object, array, string, number, bool, null }

  /// The letter of the tape: `{ [ " l u d t f n`.
  @inline(__always) var tag: UInt8 { UInt8(truncatingIfNeeded: words[at] >> 56) }

  var kind: Kind {
    switch tag {
    case Tag.object: .object
    case Tag.array: .array
    case Tag.string: .string
    case Tag.int, Tag.unsigned, Tag.double: .number
    case Tag.true, Tag.false: .bool
    default: .null
    }
  }

  /// What a message calls a value of this kind.
  var kindName: String {
    switch kind {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .bool: "true or false"
    case .null: "null"
    }
  }

  @inline(__always) var isObject: Bool { tag == Tag.object }
  @inline(__always) var isArray: Bool { tag == Tag.array }
  @inline(__always) var isNull: Bool { tag == Tag.null }

  /// The position behind this value and everything inside it.
  @inline(__always) var after: Int {
    switch tag {
    case Tag.object, Tag.array: Int(words[at] & 0xFFFF_FFFF)
    case Tag.int, Tag.unsigned, Tag.double: at + 2
    default: at + 1
    }
  }

  @inline(__always) func moved(to index: Int) -> JSON { JSON(words: words, strings: strings, at: index) }

  var text: JSONText? {
    guard tag == Tag.string else { return nil }
    return textUnchecked
  }

  @inline(__always) var textUnchecked: JSONText {
    let start = strings + Int(words[at] & 0x00FF_FFFF_FFFF_FFFF)
    let count = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
    return JSONText(start: start + 4, count: Int(count))
  }

  /// A number of any kind, as a double.
  @inline(__always) var double: Double? {
    switch tag {
    case Tag.double: Double(bitPattern: words[at + 1])
    case Tag.int: Double(Int64(bitPattern: words[at + 1]))
    case Tag.unsigned: Double(words[at + 1])
    default: nil
    }
  }

  /// An integer that fits 64 bits with sign.
  @inline(__always) var int: Int64? { tag == Tag.int ? Int64(bitPattern: words[at + 1]) : nil }

  var bool: Bool? {
    switch tag {
    case Tag.true: true
    case Tag.false: false
    default: nil
    }
  }

  /// The elements of an array; nothing for any other value.
  @inline(__always) var elements: Elements {
    isArray ? Elements(base: self, at: at + 1, end: after - 1) : Elements(base: self, at: at, end: at)
  }

  struct Elements: Sequence, IteratorProtocol {
    let base: JSON
    var at: Int
    let end: Int

    @inline(__always)
    mutating func next() -> JSON? {
      guard at < end else { return nil }
      let value = base.moved(to: at)
      at = value.after
      return value
    }
  }

  /// The members of an object in order, a repeated key each time it appears; nothing for any other value.
  @inline(__always) var members: Members {
    isObject ? Members(base: self, at: at + 1, end: after - 1) : Members(base: self, at: at, end: at)
  }

  struct Members: Sequence, IteratorProtocol {
    let base: JSON
    var at: Int
    let end: Int

    @inline(__always)
    mutating func next() -> (key: JSONText, value: JSON)? {
      guard at < end else { return nil }
      let key = base.moved(to: at).textUnchecked
      let value = base.moved(to: at + 1)
      at = value.after
      return (key, value)
    }
  }

  /// The last member with that key, by a scan of the object.
  subscript(key: StaticString) -> JSON? {
    var found: JSON? = nil
    for (name, value) in members where name == key { found = value }
    return found
  }

  /// The number of elements or members, by a scan.
  var count: Int {
    var total = 0
    if isObject { for _ in members { total += 1 } } else { for _ in elements { total += 1 } }
    return total
  }

  enum Tag {
    static let object = UInt8(ascii: "{")
    static let array = UInt8(ascii: "[")
    static let endArray = UInt8(ascii: "]")
    static let string = UInt8(ascii: "\"")
    static let int = UInt8(ascii: "l")
    static let unsigned = UInt8(ascii: "u")
    static let double = UInt8(ascii: "d")
    static let `true` = UInt8(ascii: "t")
    static let `false` = UInt8(ascii: "f")
    static let null = UInt8(ascii: "n")
  }
}

/// The UTF-8 of a JSON string, unescaped, in the parser's memory.
struct JSONText: Equatable {
  let start: UnsafePointer<UInt8>
  let count: Int

  @inline(__always)
  static func == (a: JSONText, b: StaticString) -> Bool {
    a.count == b.utf8CodeUnitCount && memcmp(a.start, b.utf8Start, a.count) == 0
  }
  @inline(__always)
  static func != (a: JSONText, b: StaticString) -> Bool { !(a == b) }
  static func == (a: JSONText, b: JSONText) -> Bool {
    a.count == b.count && memcmp(a.start, b.start, a.count) == 0
  }

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }
  var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// Parses JSON (RFC 8259) by simdjson: strict, UTF-8 only, at most 1,024 levels deep, at most 4 GB a document.
/// Integers beyond 64 bits and numbers beyond a double are refused.
final class JSONParser {
  private let handle: OpaquePointer
  /// How many bytes behind a text must be readable when it is parsed in place.
  static let padding = csimdjson_padding()

  init() {
    guard let handle = csimdjson_create() else { preconditionFailure("out of memory") }
    self.handle = handle
  }

  deinit { csimdjson_destroy(handle) }

  /// The value of one document, or nil when it is not JSON (``JSONSyntax`` finds where).
  ///
  /// - Parameter padded: the caller vouches for ``padding`` readable bytes behind the text; else it is copied.
  func parse(_ text: UnsafeBufferPointer<UInt8>, padded: Bool) -> JSON? {
    guard let base = text.baseAddress, text.count > 0, text.count < Int(UInt32.max) else { return nil }
    guard csimdjson_parse(handle, base, text.count, padded ? 1 : 0) == 0 else { return nil }
    return JSON(words: csimdjson_tape(handle), strings: csimdjson_strings(handle), at: 1)
  }
}

/// Writes values back as JSON text, compact, doubles in shortest round-trip form.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  /// `value` as JSON text.
  static func text(of value: JSON) -> String {
    var writer = JSONWriter()
    writer.append(value)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  mutating func append(raw text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func append(_ value: JSON) {
    switch value.tag {
    case JSON.Tag.object:
      bytes.append(UInt8(ascii: "{"))
      var first = true
      for (key, member) in value.members {
        if !first { bytes.append(UInt8(ascii: ",")) }
        first = false
        append(key)
        bytes.append(UInt8(ascii: ":"))
        append(member)
      }
      bytes.append(UInt8(ascii: "}"))
    case JSON.Tag.array:
      bytes.append(UInt8(ascii: "["))
      var first = true
      for element in value.elements {
        if !first { bytes.append(UInt8(ascii: ",")) }
        first = false
        append(element)
      }
      bytes.append(UInt8(ascii: "]"))
    case JSON.Tag.string: append(value.textUnchecked)
    default: append(raw: value.scalarText)
    }
  }

  mutating func append(_ text: JSONText) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case UInt8(ascii: "\n"): append(raw: "\\n")
      case UInt8(ascii: "\t"): append(raw: "\\t")
      case UInt8(ascii: "\r"): append(raw: "\\r")
      case 0..<0x20:
        append(raw: "\\u00")
        bytes.append(byte >> 4 == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
        bytes.append(Array("0123456789abcdef".utf8)[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension JSON {
  /// A number, true, false or null as JSON writes it; "" for other values.
  var scalarText: String {
    switch tag {
    case Tag.int: String(Int64(bitPattern: words[at + 1]))
    case Tag.unsigned: String(words[at + 1])
    case Tag.double: Double(bitPattern: words[at + 1]).description
    case Tag.true: "true"
    case Tag.false: "false"
    case Tag.null: "null"
    default: ""
    }
  }
}
