internal import Glibc

/// A LIKE pattern: `%` is any run of characters, `_` one character (a code point), `\` takes the next one literally.
struct LikePattern: Sendable {
  private enum Part: Sendable {
    case bytes([UInt8])
    case one
    case run
  }
  private let parts: [Part]
  /// How many leading bytes are literal.
  let prefix: [UInt8]

  init(_ pattern: String) {
    var parts: [Part] = []
    var literal: [UInt8] = []
    func flush() {
      if !literal.isEmpty {
        parts.append(.bytes(literal))
        literal = []
      }
    }
    var escaped = false
    for scalar in pattern.unicodeScalars {
      switch scalar {
      case "\\" where !escaped:
        escaped = true
        continue
      case "%" where !escaped:
        flush()
        if case .run? = parts.last {} else { parts.append(.run) }
      case "_" where !escaped:
        flush()
        parts.append(.one)
      default: literal.append(contentsOf: UTF8.encode(scalar)!)
      }
      escaped = false
    }
    // A backslash at the end stands for itself.
    if escaped { literal.append(UInt8(ascii: "\\")) }
    flush()
    self.parts = parts
    if case .bytes(let bytes)? = parts.first { prefix = bytes } else { prefix = [] }
  }

  /// Whether the whole text fits; greedy with one point to come back to, so linear but for repeated prefixes.
  func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var at = 0
    var part = 0
    var retryPart = -1
    var retryAt = 0
    while true {
      if part == parts.count {
        if at == text.count { return true }
      } else {
        switch parts[part] {
        case .run:
          if part == parts.count - 1 { return true }
          retryPart = part
          retryAt = at
          part += 1
          continue
        case .one:
          if at < text.count {
            at = LikePattern.next(text, at)
            part += 1
            continue
          }
        case .bytes(let bytes):
          if at + bytes.count <= text.count, memcmp(text.baseAddress! + at, bytes, bytes.count) == 0 {
            at += bytes.count
            part += 1
            continue
          }
        }
      }
      // Failed here: let the last run take one more character.
      guard retryPart >= 0, retryAt < text.count else { return false }
      retryAt = LikePattern.next(text, retryAt)
      if retryPart + 1 < parts.count, case .bytes(let bytes) = parts[retryPart + 1] {
        // Jump to where the literal after the run comes next.
        guard let found = LikePattern.find(bytes, in: text, from: retryAt) else { return false }
        retryAt = found
      }
      at = retryAt
      part = retryPart + 1
    }
  }

  func matches(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { matches($0) }
  }

  private static func find(_ bytes: [UInt8], in text: UnsafeBufferPointer<UInt8>, from: Int) -> Int? {
    var at = from
    while at + bytes.count <= text.count {
      let base = text.baseAddress!
      guard let hit = memchr(base + at, Int32(bytes[0]), text.count - bytes.count + 1 - at) else { return nil }
      at = UnsafeRawPointer(base).distance(to: hit)
      if memcmp(hit, bytes, bytes.count) == 0 { return at }
      at += 1
    }
    return nil
  }

  @inline(__always)
  private static func next(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
    var at = at + 1
    while at < text.count, text[at] & 0xC0 == 0x80 { at += 1 }
    return at
  }
}

final class LikeNode: Node, @unchecked Sendable {
  let operand: Node
  let pattern: Node
  private let compiled: LikePattern?

  init(_ operand: Node, pattern: Node) {
    self.operand = operand
    self.pattern = pattern
    if case .text(let text)? = pattern.constant { compiled = LikePattern(text) } else { compiled = nil }
    super.init(type: .bool)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let value = try operand.evaluate(tuples)
    if let compiled {
      switch value {
      case .constant(.text(let text)): return .constant(.bool(compiled.matches(text)))
      case .constant: return .constant(.null)
      case .vector(let vector):
        switch vector.storage {
        case .dictionary(let codes, let dictionary) where dictionary.strings.count <= 2 * codes.count:
          let table = dictionary.strings.map { compiled.matches($0) }
          return .vector(
            Vector(.bool(codes.map { table.isEmpty ? false : table[Int($0)] }), validity: vector.validity))
        default:
          guard let strings = vector.strings, !value.isNull else { return .constant(.null) }
          return .vector(Vector(.bool(strings.map { compiled.matches($0) }), validity: vector.validity))
        }
      }
    }
    let a = value.vector(count: tuples.count)
    let b = try pattern.evaluate(tuples).vector(count: tuples.count)
    guard let texts = a.strings, let patterns = b.strings else { return .constant(.null) }
    return .vector(
      Vector(
        .bool(texts.indices.map { LikePattern(patterns[$0]).matches(texts[$0]) }),
        validity: bothValid(a.flags, b.flags)))
  }
}
