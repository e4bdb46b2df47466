internal import Glibc

/// What a piece of text may mean as a value of a column.
enum TextValue {
  /// The parts of a decimal number that decide how it is taken.
  struct Number {
    var value: Double
    /// Nil when it has a fraction or exponent, or does not fit.
    var int: Int64?
    var isInteger: Bool
    /// `007` or `-00.5`: the digits mean more than the number.
    var hasLeadingZero: Bool
    /// Digits before the point.
    var integerDigits: Int
  }

  /// A decimal number as people write it: an optional sign, digits with an optional point, an optional exponent.
  /// No `NaN`, `inf`, hexadecimal or thousands separators.
  static func number(_ text: UnsafeBufferPointer<UInt8>) -> Number? {
    guard let base = text.baseAddress, text.count > 0 else { return nil }
    let count = text.count
    var at = 0
    let isNegative = base[0] == UInt8(ascii: "-")
    if isNegative || base[0] == UInt8(ascii: "+") { at = 1 }
    var mantissa: UInt64 = 0
    var significant = 0
    let first = at
    while at < count, base[at] &- 48 < 10 {
      if significant < 19 {
        mantissa = mantissa &* 10 &+ UInt64(base[at] &- 48)
        if mantissa > 0 { significant += 1 }
      } else {
        significant += 1
      }
      at += 1
    }
    let integerDigits = at - first
    let hasLeadingZero = integerDigits > 1 && base[first] == UInt8(ascii: "0")
    var isInteger = true
    var scale = 0
    if at < count, base[at] == UInt8(ascii: ".") {
      isInteger = false
      at += 1
      let start = at
      while at < count, base[at] &- 48 < 10 {
        if significant < 19 {
          mantissa = mantissa &* 10 &+ UInt64(base[at] &- 48)
          if mantissa > 0 { significant += 1 }
          scale -= 1
        } else {
          significant += 1
        }
        at += 1
      }
      if at == start, integerDigits == 0 { return nil }
    }
    if integerDigits == 0, isInteger { return nil }
    if at < count, base[at] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      at += 1
      var sign = 1
      if at < count, base[at] == UInt8(ascii: "-") || base[at] == UInt8(ascii: "+") {
        sign = base[at] == UInt8(ascii: "-") ? -1 : 1
        at += 1
      }
      let start = at
      var exponent = 0
      while at < count, base[at] &- 48 < 10 {
        exponent = min(exponent * 10 + Int(base[at] &- 48), 100_000)
        at += 1
      }
      if at == start { return nil }
      scale += sign * exponent
    }
    guard at == count else { return nil }
    // Exact when mantissa and power of ten are both exact doubles (Clinger 1990); else the library decides.
    let value: Double
    if significant <= 15, scale >= -22, scale <= 22 {
      let magnitude = scale < 0 ? Double(mantissa) / powersOfTen[-scale] : Double(mantissa) * powersOfTen[scale]
      value = isNegative ? -magnitude : magnitude
    } else {
      guard let parsed = Double(String(decoding: text, as: UTF8.self)), parsed.isFinite else { return nil }
      value = parsed
    }
    var int: Int64? = nil
    if isInteger, significant <= 18 {
      int = isNegative ? -Int64(mantissa) : Int64(mantissa)
    } else if isInteger {
      int = Int64(String(decoding: text, as: UTF8.self))
    }
    return Number(
      value: value, int: int, isInteger: isInteger, hasLeadingZero: hasLeadingZero, integerDigits: integerDigits)
  }

  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  static func bool(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
    func equals(_ word: StaticString) -> Bool {
      guard text.count == word.utf8CodeUnitCount else { return false }
      for i in 0..<text.count where text[i] | 0x20 != word.utf8Start[i] { return false }
      return true
    }
    if equals("true") { return true }
    if equals("false") { return false }
    return nil
  }

  /// The text as a value of `type`, or nil when it is none. For `bool` also 0 and 1, for `list` a JSON array.
  static func value(_ text: UnsafeBufferPointer<UInt8>, as type: ColumnType, zone: ZoneInfo) -> Value? {
    switch type {
    case .text: return .text(String(decoding: text, as: UTF8.self))
    case .int:
      guard let number = number(text) else { return nil }
      if let int = number.int { return .int(int) }
      // 3.0 or 1e3 is a whole number too; anything else would lose something.
      guard !number.isInteger, number.value == number.value.rounded(), abs(number.value) < 9e15 else { return nil }
      return .int(Int64(number.value))
    case .double: return number(text).map { .double($0.value) }
    case .bool:
      if let bool = bool(text) { return .bool(bool) }
      if text.count == 1, text[0] == UInt8(ascii: "0") || text[0] == UInt8(ascii: "1") {
        return .bool(text[0] == UInt8(ascii: "1"))
      }
      return nil
    case .date: return RFC3339.date(text).map(Value.date)
    case .timestamp:
      if let days = RFC3339.date(text) { return .timestamp(zone.instant(ofLocal: Int64(days) * 86_400_000_000)) }
      return ValueReader(zone: zone).timestamp(text)
    case .list:
      let parser = JSONParser()
      return withExtendedLifetime(parser) {
        guard let json = parser.parse(text, padded: false), json.isArray else { return nil }
        return ValueReader(zone: zone).value(json, as: .list)
      }
    case .geometry: return nil
    }
  }
}

extension ValueReader {
  /// A JSON value as the type that the user gave its column, or nil when it is none.
  func forced(_ json: JSON, as type: ColumnType) -> Value? {
    if let value = value(json, as: type) { return value }
    if let text = json.text { return TextValue.value(text.bytes, as: type, zone: zone) }
    guard json.kind == .number || json.kind == .bool else { return nil }
    var text = json.scalarText
    return text.withUTF8 { TextValue.value($0, as: type, zone: zone) }
  }
}
