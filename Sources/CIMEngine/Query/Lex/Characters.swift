// Character classes of CQL2-Text (21-065r2, annex B: the BNF's identifierStart, identifierPart and whitespace).
extension Unicode.Scalar {
  var isQueryDigit: Bool { value >= 0x30 && value <= 0x39 }

  var isIdentifierStart: Bool {
    switch value {
    case 0x41...0x5A, 0x61...0x7A, 0x5F, 0x3A: true
    case 0..<0xC0: false
    case 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x2FF, 0x370...0x37D, 0x37F...0x1FFE, 0x200C...0x200D: !isQueryWhitespace
    case 0x2070...0x218F, 0x2C00...0x2FEF, 0x3001...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFFD: value != 0xFEFF
    case 0x10000...0xEFFFF: true
    default: false
    }
  }

  /// Without the dot, which the lexer treats on its own.
  var isIdentifierPart: Bool {
    isIdentifierStart || isQueryDigit || (0x300...0x36F).contains(value) || (0x203F...0x2040).contains(value)
  }

  var isQueryWhitespace: Bool {
    switch value {
    case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF: true
    default: false
    }
  }

  /// Chinese, Japanese and Korean script, as far as an identifier may hold it.
  var isCJK: Bool { value >= 0x2E80 && !(0xFF00...0xFFEF).contains(value) && isIdentifierStart }

  /// The ASCII sign or digit that this one stands for where it is typed with a Chinese keyboard; itself otherwise.
  /// Full-width letters stay what they are. Quotation marks are left to the lexer.
  var foldedToASCII: Unicode.Scalar {
    switch value {
    case 0..<0xA5: return self
    case 0xFF01...0xFF5E:
      let ascii = Unicode.Scalar(UInt8(value - 0xFEE0))
      return ascii.properties.isAlphabetic ? self : ascii
    case 0x3001: return ","
    case 0x3002, 0xFF61: return ";"
    case 0xFFE5, 0xA5: return "$"
    case 0x2212: return "-"
    case 0xD7: return "*"
    case 0xF7: return "/"
    default: return self
    }
  }

  /// Ideographic brackets, quotes and marks: identifier characters by the BNF, punctuation to everyone who types them.
  var isIdeographicPunctuation: Bool {
    switch value {
    case 0x3001...0x3003, 0x3008...0x3020, 0x3030, 0xFE10...0xFE1F, 0xFE30...0xFE6F, 0xFF5F...0xFF65: true
    default: false
    }
  }
}

extension String {
  /// Full-width letters, digits and signs as the ASCII ones that they stand for.
  var halfWidth: String {
    var result = UnicodeScalarView()
    for scalar in unicodeScalars {
      let isFullWidth = (0xFF01...0xFF5E).contains(scalar.value)
      result.append(isFullWidth ? Unicode.Scalar(UInt8(scalar.value - 0xFEE0)) : scalar)
    }
    return String(result)
  }
}
