@_spi(_Unicode) internal import Swift

/// Functions of text. Positions and lengths count characters as code points, from 1.
enum TextFunctions {
  static func apply(_ function: Function, _ a: [Value]) -> Value? {
    guard let first = a.first else { return nil }
    if function == .length, case .list(let values) = first { return .int(Int64(values.count)) }
    guard case .text(let text) = first else { return nil }
    func string(_ index: Int) -> String? {
      if index < a.count, case .text(let value) = a[index] { return value }
      return nil
    }
    func count(_ index: Int) -> Int? {
      guard index < a.count, let value = a[index].number else { return nil }
      return Int(max(-1e15, min(1e15, value)))
    }
    switch function {
    case .casei: return .text(foldCase(text))
    case .accenti: return .text(stripAccents(text))
    case .lower: return .text(text.lowercased())
    case .upper: return .text(text.uppercased())
    case .trim: return .text(trimmed(text))
    case .ltrim: return .text(String(text.unicodeScalars.drop { $0.properties.isWhitespace }))
    case .rtrim:
      let scalars = text.unicodeScalars
      let end = scalars.lastIndex { !$0.properties.isWhitespace }
      return .text(end.map { String(scalars[...$0]) } ?? "")
    case .pinyin: return .text(Pinyin.reading(text))
    case .length: return .int(Int64(text.unicodeScalars.count))
    case .substring:
      guard let start = count(1) else { return .null }
      return .text(substring(text, from: start, count: a.count > 2 ? count(2) : nil))
    case .left:
      guard let n = count(1) else { return .null }
      let scalars = text.unicodeScalars
      // A negative count leaves that many off the other end.
      return .text(String(n >= 0 ? scalars.prefix(n) : scalars.dropLast(-n)))
    case .right:
      guard let n = count(1) else { return .null }
      let scalars = text.unicodeScalars
      return .text(String(n >= 0 ? scalars.suffix(n) : scalars.dropFirst(-n)))
    case .replace:
      guard let from = string(1), let to = string(2) else { return .null }
      return .text(replaced(text, from, to))
    case .strpos:
      guard let part = string(1) else { return .null }
      return .int(Int64(position(of: part, in: text)))
    case .startsWith: return string(1).map { .bool(Array(text.utf8).starts(with: Array($0.utf8))) } ?? .null
    case .endsWith:
      return string(1).map { .bool(Array(text.utf8).reversed().starts(with: Array($0.utf8).reversed())) } ?? .null
    default: return nil
    }
  }

  /// Folds case for CASEI (21-065r2, 7.6): letters that differ only in case become equal, ß equals ss.
  static func foldCase(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 && !($0 >= 0x41 && $0 <= 0x5A) }) { return text }
    return text.uppercased().lowercased()
  }

  /// Takes accents off for ACCENTI (21-065r2, 7.7): canonical decomposition without combining marks, and the plain letter
  /// for one with a stroke (ø, ł, đ), which has no decomposition. The voicing marks of kana are no accents and stay.
  static func stripAccents(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    var result = String.UnicodeScalarView()
    var hasMarks = false
    for scalar in text._nfd {
      if scalar.properties.canonicalCombiningClass == .notReordered {
        result.append(unstroked[scalar] ?? scalar)
      } else if scalar.value == 0x3099 || scalar.value == 0x309A {
        result.append(scalar)
        hasMarks = true
      }
      // Syllables of Hangul come apart as well.
      if scalar.value >= 0x1100 && scalar.value < 0x1200 { hasMarks = true }
    }
    guard hasMarks else { return String(result) }
    var composed = String.UnicodeScalarView()
    for scalar in String(result)._nfc { composed.append(scalar) }
    return String(composed)
  }

  private static let unstroked: [Unicode.Scalar: Unicode.Scalar] = {
    let pairs: [(String, String)] = [
      ("ØøǾǿ", "OoOo"), ("ŁłȽƚ", "LlLl"), ("ĐđƉɖ", "DdDd"), ("Ħħ", "Hh"), ("Ŧŧ", "Tt"), ("Ǥǥ", "Gg"), ("Ƶƶ", "Zz"),
      ("Ɨɨı", "Iii"), ("Ʉʉ", "Uu"), ("Ɵɵ", "Oo"), ("Ƀƀ", "Bb"), ("Ȼȼ", "Cc"), ("Ɇɇ", "Ee"), ("Ɉɉ", "Jj"),
      ("Ɍɍ", "Rr"), ("Ɏɏ", "Yy"), ("Ⱥⱥ", "Aa"), ("Ⱦⱦ", "Tt"), ("Ᵽᵽ", "Pp"), ("Ꝁꝁ", "Kk"),
    ]
    var table: [Unicode.Scalar: Unicode.Scalar] = [:]
    for (from, to) in pairs { for (a, b) in zip(from.unicodeScalars, to.unicodeScalars) { table[a] = b } }
    return table
  }()

  private static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let start = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let end = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[start...end])
  }

  /// SQL's SUBSTRING: characters `from ..< from + count`, counted from 1; positions before the text are passed over.
  private static func substring(_ text: String, from: Int, count: Int?) -> String {
    let start = max(1, from)
    guard let count else { return String(text.unicodeScalars.dropFirst(start - 1)) }
    let end = from + count
    return end <= start ? "" : String(text.unicodeScalars.dropFirst(start - 1).prefix(end - start))
  }

  private static func replaced(_ text: String, _ from: String, _ to: String) -> String {
    let (text, from, to) = (Array(text.utf8), Array(from.utf8), Array(to.utf8))
    guard !from.isEmpty else { return String(decoding: text, as: UTF8.self) }
    var out: [UInt8] = []
    var at = 0
    while at < text.count {
      if text[at] == from[0], text[at...].starts(with: from) {
        out.append(contentsOf: to)
        at += from.count
      } else {
        out.append(text[at])
        at += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// 0 when `part` does not occur.
  private static func position(of part: String, in text: String) -> Int {
    let (text, part) = (Array(text.utf8), Array(part.utf8))
    if part.isEmpty { return 1 }
    guard part.count <= text.count else { return 0 }
    var character = 0
    for at in 0...(text.count - part.count) {
      if text[at] & 0xC0 != 0x80 { character += 1 }
      if text[at] == part[0], text[at...].starts(with: part) { return character }
    }
    return 0
  }
}
