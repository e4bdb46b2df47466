/// Chinese text by its sound, for `ORDER BY PINYIN(name)`.
enum Pinyin {
  /// The reading of each Chinese character without its tone, divided by spaces; other text in small letters as it is.
  /// Compared as text, readings order names syllable by syllable: 西安 (xi an) comes before 先 (xian).
  static func reading(_ text: String) -> String {
    var result = ""
    var afterSyllable = false
    for scalar in text.unicodeScalars {
      if let syllable = syllable(scalar) {
        if !result.isEmpty { result += " " }
        result += syllable
        afterSyllable = true
      } else {
        if afterSyllable { result += " " }
        result += scalar.properties.lowercaseMapping
        afterSyllable = false
      }
    }
    return result
  }

  static func syllable(_ scalar: Unicode.Scalar) -> Substring? {
    guard scalar.value >= PinyinTable.first, scalar.value <= PinyinTable.last else { return nil }
    let at = 2 * Int(scalar.value - PinyinTable.first)
    let digits = PinyinTable.numbers.utf8Start
    let number = digit(digits[at]) * 64 + digit(digits[at + 1])
    return number == 0 ? nil : PinyinTable.syllables[number - 1]
  }

  private static func digit(_ byte: UInt8) -> Int {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x5A: Int(byte) - 0x41 + 10
    case 0x61...0x7A: Int(byte) - 0x61 + 36
    case UInt8(ascii: "-"): 62
    default: 63
    }
  }
}
