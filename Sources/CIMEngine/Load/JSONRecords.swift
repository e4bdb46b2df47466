internal import CSimdJSON
internal import Glibc

/// The JSON texts of a line-delimited file one after another: newline-delimited, or RFC 8142 with its record
/// separator (U+001E) before each text, which may then spread over several lines. Blank lines are passed over.
final class JSONLines {
  private let reader: ByteReader
  private let path: String
  private var parser = JSONParser()
  private let usesSeparators: Bool
  private var passed = 0
  private var nextLine = 1
  /// The line on which the last record starts, from 1.
  private(set) var line = 0
  /// After an error: whether only the last record is to blame, and the next can be read.
  private(set) var canContinue = false
  /// The last record's text. Valid until the next call.
  private(set) var text = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

  static let separator: UInt8 = 0x1E

  init(path: String, encoding: String? = nil, capacity: Int = ByteReader.usualCapacity) throws(LoadError) {
    reader = try ByteReader(path: path, encoding: encoding, capacity: capacity)
    self.path = path
    while true {
      let bytes = reader.bytes
      if let first = bytes.first(where: { !JSONLines.isSpace($0) }) {
        usesSeparators = first == Self.separator
        break
      }
      guard try reader.fill() else {
        usesSeparators = false
        break
      }
    }
  }

  var bytesRead: Int { reader.bytesRead }

  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

  /// Keeps the last record valid for as long as the parser that is handed out lives.
  func keepRecord() -> JSONParser {
    defer { parser = JSONParser() }
    return parser
  }

  /// The next record, or nil at the end. Valid until the next call.
  func next() throws(LoadError) -> JSON? {
    reader.advance(by: passed)
    passed = 0
    canContinue = false
    let delimiter = usesSeparators ? Self.separator : UInt8(ascii: "\n")
    while true {
      // Leading blanks and separators belong to no record.
      var bytes = reader.bytes
      var skipped = 0
      while skipped < bytes.count, Self.isSpace(bytes[skipped]) || bytes[skipped] == Self.separator {
        if bytes[skipped] == UInt8(ascii: "\n") { nextLine += 1 }
        skipped += 1
      }
      reader.advance(by: skipped)
      if skipped == bytes.count {
        guard try reader.fill() else { return nil }
        continue
      }
      var searched = 0
      var length: Int
      while true {
        bytes = reader.bytes
        if let hit = memchr(bytes.baseAddress! + searched, Int32(delimiter), bytes.count - searched) {
          length = UnsafeRawPointer(hit) - UnsafeRawPointer(bytes.baseAddress!)
          break
        }
        searched = bytes.count
        guard try reader.fill() else {
          length = reader.bytes.count
          break
        }
      }
      let record = UnsafeBufferPointer(rebasing: reader.bytes[..<length])
      passed = length
      line = nextLine
      if usesSeparators { for byte in record where byte == UInt8(ascii: "\n") { nextLine += 1 } }
      text = record
      canContinue = true
      guard let json = parser.parse(record, padded: true) else { throw fault(in: record) }
      return json
    }
  }

  private func fault(in record: UnsafeBufferPointer<UInt8>) -> LoadError {
    guard let fault = JSONSyntax.firstFault(in: record) else {
      return LoadError(path: path, place: .line(line), reason: .malformed("is not JSON"))
    }
    var (row, column) = (line, 1)
    for byte in record[..<fault.offset] {
      if byte == UInt8(ascii: "\n") { row += 1; column = 1 } else if byte & 0xC0 != 0x80 { column += 1 }
    }
    let brokenOff = fault.offset >= record.count || fault.message.hasSuffix("has no end")
    if fault.isEncoding {
      return LoadError(
        path: path, place: .line(row), reason: .malformed("column \(column): \(fault.message)"), fix: fault.encodingFix)
    }
    return LoadError(
      path: path, place: .line(row),
      reason: .malformed("column \(column): not JSON: \(fault.message)"),
      fix: brokenOff && !usesSeparators
        ? "each line must hold one whole JSON object; is the file cut off, or one document over several lines?" : nil)
  }
}

/// Walks the members of one JSON object in a file and the elements of its arrays without holding the whole:
/// each value is found by a scan that knows strings and brackets, then parsed by itself.
final class JSONDocumentReader {
  private let reader: ByteReader
  private let path: String
  private let encoding: String?
  private let parser = JSONParser()
  private var passed = 0
  /// After an error: whether only the last value is to blame, and what follows can be read.
  private(set) var canContinue = false
  /// The text of the last value. Valid until the next call.
  private(set) var text = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

  init(path: String, encoding: String? = nil, capacity: Int = ByteReader.usualCapacity) throws(LoadError) {
    reader = try ByteReader(path: path, encoding: encoding, capacity: capacity)
    self.path = path
    self.encoding = encoding
  }

  var bytesRead: Int { reader.bytesRead }
  /// The offset of the next unread byte.
  var offset: Int { reader.offset + passed }

  /// The first byte that is no white space, or nil at the end of the file. It stays unread.
  func peek() throws(LoadError) -> UInt8? {
    reader.advance(by: passed)
    passed = 0
    while true {
      let bytes = reader.bytes
      var skipped = 0
      while skipped < bytes.count, JSONLines.isSpace(bytes[skipped]) { skipped += 1 }
      let byte = skipped < bytes.count ? bytes[skipped] : nil
      reader.advance(by: skipped)
      if let byte { return byte }
      guard try reader.fill() else { return nil }
    }
  }

  /// Passes the byte that ``peek()`` gave.
  func pass() { reader.advance(by: 1) }

  func expect(_ byte: UInt8, _ what: String) throws(LoadError) {
    guard try peek() == byte else { throw try unexpected("expected \(what)") }
    pass()
  }

  /// The next value, parsed. Valid until the next call.
  func value() throws(LoadError) -> JSON {
    canContinue = false
    text = try valueText()
    canContinue = true
    guard let json = parser.parse(text, padded: true) else { throw fault(in: text, at: reader.offset) }
    return json
  }

  /// The one value of a file that holds no more, parsed without looking for its end first. Valid until the next call.
  func wholeValue() throws(LoadError) -> JSON {
    canContinue = false
    guard try peek() != nil else { throw try unexpected("expected a value") }
    try reader.fillAll()
    let bytes = reader.bytes
    var count = bytes.count
    while count > 0, JSONLines.isSpace(bytes[count - 1]) { count -= 1 }
    text = UnsafeBufferPointer(rebasing: bytes[..<count])
    if let json = parser.parse(text, padded: true) {
      passed = bytes.count
      canContinue = true
      return json
    }
    // Whatever is wrong, or stands behind the value, is found by the careful way.
    return try value()
  }

  /// Passes a value without parsing it: only its brackets and strings are looked at.
  func skipValue() throws(LoadError) { _ = try valueText(keeping: false) }

  /// Finds the end of the next value. The bytes are those of the value when it is kept.
  private func valueText(keeping: Bool = true) throws(LoadError) -> UnsafeBufferPointer<UInt8> {
    guard try peek() != nil else { throw try unexpected("expected a value") }
    var scan = ValueScan()
    while true {
      let bytes = reader.bytes
      if let end = scan.run(bytes) {
        if end == 0 { throw try unexpected("expected a value") }
        passed = end
        return UnsafeBufferPointer(rebasing: bytes[..<end])
      }
      if scan.brokenString {
        throw fault(in: bytes, at: reader.offset)
      }
      if !keeping {
        reader.advance(by: bytes.count)
        scan.position = 0
      }
      guard try reader.fill() else {
        let rest = reader.bytes
        // A number or word may end with the file.
        if scan.isScalar, keeping {
          passed = rest.count
          return rest
        }
        throw fault(in: rest, at: reader.offset)
      }
    }
  }

  /// An error at the next unread byte.
  func unexpected(_ what: String) throws(LoadError) -> LoadError {
    let found: String
    if let byte = try peek() {
      let length = max(1, UTF8Check.sequenceLength(reader.bytes, at: 0))
      found =
        byte < 0x20
        ? "the control character \(byte)"
        : "`\(String(decoding: reader.bytes[..<length], as: UTF8.self))`"
    } else {
      found = "the end of the file"
    }
    return place(reader.offset, "\(what), found \(found)")
  }

  private func fault(in text: UnsafeBufferPointer<UInt8>, at offset: Int) -> LoadError {
    let fault = JSONSyntax.firstFault(in: text) ?? JSONSyntax.Fault(offset: 0, message: "cannot be read")
    var error = place(offset + fault.offset, fault.message)
    if fault.isEncoding { error.fix = fault.encodingFix }
    return error
  }

  /// An error at a byte offset, told as line and column. The file is read again for that: errors are rare.
  private func place(_ offset: Int, _ what: String) -> LoadError {
    let (line, column) = Self.lineAndColumn(path: path, encoding: encoding, offset: offset)
    return LoadError(
      path: path, place: .line(line), reason: .malformed("column \(column): not JSON: \(what)"),
      fix: what.contains("the end of the") || what.hasPrefix("the text ends") || what.hasSuffix("has no end")
        ? "is the file cut off?" : nil)
  }

  /// Line and column (in characters), from 1, of a byte offset.
  static func lineAndColumn(path: String, encoding: String?, offset: Int) -> (line: Int, column: Int) {
    var (line, column) = (1, 1)
    guard let reader = try? ByteReader(path: path, encoding: encoding) else { return (line, column) }
    var left = offset
    while left > 0 {
      let bytes = reader.bytes
      let count = min(left, bytes.count)
      for byte in bytes[..<count] {
        if byte == UInt8(ascii: "\n") { line += 1; column = 1 } else if byte & 0xC0 != 0x80 { column += 1 }
      }
      left -= count
      reader.advance(by: count)
      guard left > 0, (try? reader.fill()) == true else { break }
    }
    return (line, column)
  }
}

/// Finds where a JSON value ends, over as many pieces as it takes.
struct ValueScan {
  /// Bytes looked at so far, counted from the start of the buffer.
  var position = 0
  private var depth = 0
  private var inString = false
  private var escaped = false
  private var started = false
  private(set) var isScalar = false
  /// A raw line break within a string: the string has no end, and searching on would swallow the file.
  private(set) var brokenString = false

  /// 1 quote, 2 opening, 3 closing, 4 what ends a scalar, 0 all else.
  private static let classes: [UInt8] = {
    var table = [UInt8](repeating: 0, count: 256)
    table[Int(UInt8(ascii: "\""))] = 1
    for byte in "{[".utf8 { table[Int(byte)] = 2 }
    for byte in "}]".utf8 { table[Int(byte)] = 3 }
    return table
  }()

  /// Passes blocks of 64 bytes that hold no escapes, with as many brackets as they like. True when the value ends at `at`.
  private mutating func passBlocks(_ base: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int) -> Bool {
    // A text by itself ends with its quote, which the blocks do not look for.
    if depth == 0, inString { return false }
    var (level, quoted) = (Int64(depth), Int32(inString ? 1 : 0))
    let isEnd = csimdjson_pass(base, count, &at, &level, &quoted) != 0
    depth = Int(level)
    inString = quoted != 0
    return isEnd
  }

  /// The length of the value when it ends within `bytes`, else nil. Call again with more bytes behind.
  mutating func run(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let count = bytes.count
    guard let base = bytes.baseAddress else { return nil }
    var at = position
    defer { position = at }
    if !started, at < count {
      started = true
      switch base[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): break
      case UInt8(ascii: "\""): inString = true; at += 1
      default: isScalar = true
      }
    }
    if isScalar {
      while at < count {
        switch base[at] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), 0x09, 0x0A, 0x0D, 0x20:
          return at
        default: at += 1
        }
      }
      return nil
    }
    return Self.classes.withUnsafeBufferPointer { classes in
      // Up to where bytes are looked at one by one: all of a tail, else what the quick way cannot judge.
      var stop = at
      while at < count {
        if at >= stop, !escaped {
          if passBlocks(base, count, &at) { return at }
          guard at < count else { return nil }
          stop = min(count, at + 64)
        }
        if inString {
          if escaped {
            escaped = false
            at += 1
            continue
          }
          while at < stop, base[at] != UInt8(ascii: "\""), base[at] != UInt8(ascii: "\\"), base[at] != 0x0A { at += 1 }
          guard at < stop else { continue }
          switch base[at] {
          case UInt8(ascii: "\""):
            inString = false
            at += 1
            if depth == 0 { return at }
          case UInt8(ascii: "\\"):
            escaped = true
            at += 1
          default:
            brokenString = true
            return nil
          }
          continue
        }
        while at < stop, classes[Int(base[at])] == 0 { at += 1 }
        guard at < stop else { continue }
        switch classes[Int(base[at])] {
        case 1: inString = true
        case 2: depth += 1
        default:
          depth -= 1
          if depth == 0 {
            at += 1
            return at
          }
        }
        at += 1
      }
      return nil
    }
  }
}
