/// Divides a query text into tokens.
///
/// Full-width punctuation and digits outside strings read as ASCII, `--` starts a comment, and a run of Chinese
/// characters that is no known name is divided into words (``WordSplitter``); with `strictCQL2` none of that happens
/// and the text reads as 21-065r2 says. The last token is `.end`. Cost: linear in the text.
package func lex(_ text: String, names: KnownNames = KnownNames(), strictCQL2: Bool = false) throws(QueryError)
  -> [Token]
{
  var lexer = Lexer(text, strict: strictCQL2)
  let tokens = try lexer.tokens()
  return strictCQL2 ? tokens : try WordSplitter(names: names, text: text, tokens: tokens).split(tokens)
}

private struct Lexer {
  let strict: Bool
  /// The text's scalars, full-width ones as ASCII, and where each begins; one more offset for the end.
  var scalars: [Unicode.Scalar] = []
  var originals: [Unicode.Scalar] = []
  var offsets: [Int] = []
  var position = 0
  var result: [Token] = []

  init(_ text: String, strict: Bool) {
    self.strict = strict
    var offset = 0
    scalars.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      originals.append(scalar)
      scalars.append(strict ? scalar : scalar.foldedToASCII)
      offsets.append(offset)
      offset += UTF8.width(scalar)
    }
    offsets.append(offset)
  }

  mutating func tokens() throws(QueryError) -> [Token] {
    while true {
      let before = position
      skipBlank()
      let adjacent = before == position && !result.isEmpty
      guard let scalar = peek() else { break }
      let start = position
      try scan(scalar)
      result[result.count - 1].isAdjacent = adjacent
      precondition(position > start)
    }
    result.append(Token(kind: .end, text: "", range: offsets[position]..<offsets[position]))
    return result
  }

  private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
    position + ahead < scalars.count ? scalars[position + ahead] : nil
  }

  private mutating func skipBlank() {
    while let scalar = peek() {
      if scalar.isQueryWhitespace {
        position += 1
      } else if !strict, scalar == "-", peek(1) == "-" {
        while let next = peek(), next != "\n", next != "\r" { position += 1 }
      } else {
        return
      }
    }
  }

  private mutating func append(_ kind: Token.Kind, _ text: String, from start: Int) {
    result.append(
      Token(kind: kind, text: text, range: offsets[start]..<offsets[position]))
  }

  private func string(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[range])
    return String(view)
  }

  private mutating func scan(_ scalar: Unicode.Scalar) throws(QueryError) {
    switch scalar {
    case "'": try scanString(closing: ["'"])
    case "\u{2018}" where !strict, "\u{2019}" where !strict: try scanString(closing: ["\u{2019}"])
    case "\"": try scanQuotedName(closing: ["\""], curly: false)
    case "\u{201C}" where !strict, "\u{201D}" where !strict: try scanQuotedName(closing: ["\u{201D}"], curly: true)
    case "$": try scanParameter()
    case "0"..."9": try scanNumber()
    case ".":
      if peek(1) == "." {
        position += 2
        append(.symbol, "..", from: position - 2)
      } else if continuesName {
        try scanDottedPart()
      } else if peek(1)?.isQueryDigit == true {
        try scanNumber()
      } else {
        symbol(".", 1)
      }
    default:
      if isNameStart(scalar) { scanName() } else { try scanSymbol(scalar) }
    }
  }

  // MARK: Names

  private func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isIdentifierStart && (strict || !scalar.isIdeographicPunctuation)
  }

  private func isNamePart(_ scalar: Unicode.Scalar?) -> Bool {
    guard let scalar else { return false }
    return scalar.isIdentifierPart && (strict || !scalar.isIdeographicPunctuation)
  }

  /// A dot directly after a name joins it with what follows.
  private var continuesName: Bool {
    guard let last = result.last, last.isName, last.range.upperBound == offsets[position] else { return false }
    return peek(1) == "\"" || peek(1) == "*" || peek(1) == "\u{201C}" || isNamePart(peek(1))
  }

  private mutating func scanDottedPart() throws(QueryError) {
    symbol(".", 1)
    // `foo.1bar` is one property of CQL2; a part of a name may begin with a digit.
    guard let digit = peek(), digit.isQueryDigit else { return }
    result[result.count - 1].isAdjacent = true
    scanName()
  }

  private mutating func scanName() {
    let start = position
    var digitsAfterCJK = false
    while let scalar = peek() {
      if isNamePart(scalar) {
        let isDigit = scalar.isQueryDigit
        digitsAfterCJK = isDigit && (digitsAfterCJK || position > start && scalars[position - 1].isCJK)
        position += 1
      } else if !strict, scalar == ".", digitsAfterCJK, peek(1)?.isQueryDigit == true {
        // 低于高程92.4米: the dot is the number's.
        position += 1
      } else {
        break
      }
    }
    append(.name, string(start..<position), from: start)
  }

  private mutating func scanQuotedName(closing: [Unicode.Scalar], curly: Bool) throws(QueryError) {
    let start = position
    let text = try scanQuoted(closing: closing, backslash: false, what: "a name in double quotes")
    guard !text.isEmpty else {
      throw QueryError(.unexpected(found: "an empty name", expected: "a name"), at: offsets[start]..<offsets[position])
    }
    append(.quotedName, text, from: start)
    result[result.count - 1].isCurly = curly
  }

  private mutating func scanParameter() throws(QueryError) {
    let start = position
    position += 1
    while isNamePart(peek()) { position += 1 }
    guard position > start + 1 else {
      throw QueryError(.unexpected(found: "`$`", expected: "a name after `$`"), at: offsets[start]..<offsets[position])
    }
    append(.parameter, string(start + 1..<position), from: start)
  }

  // MARK: Strings

  private mutating func scanString(closing: [Unicode.Scalar]) throws(QueryError) {
    let start = position
    let text = try scanQuoted(closing: closing, backslash: closing == ["'"], what: "a text in quotes")
    append(.string, text, from: start)
  }

  /// From the opening mark to past the closing one, which stands for itself when doubled (and after a backslash in
  /// '…', as the BNF's escapeQuote has it). Nothing inside is folded.
  private mutating func scanQuoted(closing: [Unicode.Scalar], backslash: Bool, what: String) throws(QueryError)
    -> String
  {
    let start = position
    var text = String.UnicodeScalarView()
    position += 1
    while position < scalars.count {
      // A full-width quotation mark closes what one opened.
      let scalar = position == start ? scalars[position] : originals[position]
      let closes = closing.contains(scalar) || originals[start] != scalars[start] && closing.contains(scalars[position])
      if closes {
        position += 1
        guard position < scalars.count, originals[position] == scalar else { return String(text) }
        text.append(scalar)
        position += 1
      } else if backslash, scalar == "\\", position + 1 < scalars.count, originals[position + 1] == "'" {
        text.append("'")
        position += 2
      } else {
        text.append(scalar)
        position += 1
      }
    }
    throw QueryError(.unterminated(what), at: offsets[start]..<offsets[position])
  }

  // MARK: Numbers

  private mutating func scanNumber() throws(QueryError) {
    let start = position
    skipDigits()
    // `1..5` is a range, never `1.` and `.5`.
    if peek() == ".", peek(1) != "." {
      position += 1
      skipDigits()
    }
    if peek() == "e" || peek() == "E" {
      let sign = peek(1) == "+" || peek(1) == "-" ? 1 : 0
      if peek(1 + sign)?.isQueryDigit == true {
        position += 1 + sign
        skipDigits()
      }
    }
    append(.number, string(start..<position), from: start)
  }

  private mutating func skipDigits() {
    while peek()?.isQueryDigit == true { position += 1 }
  }

  // MARK: Signs

  private mutating func symbol(_ text: String, _ length: Int) {
    position += length
    append(.symbol, text, from: position - length)
  }

  private mutating func scanSymbol(_ scalar: Unicode.Scalar) throws(QueryError) {
    switch (scalar, peek(1)) {
    case ("<", ">"): symbol("<>", 2)
    case ("<", "="): symbol("<=", 2)
    case (">", "="): symbol(">=", 2)
    case ("!", "=") where !strict: symbol("<>", 2)
    case ("\u{2264}", _) where !strict: symbol("<=", 1)
    case ("\u{2265}", _) where !strict: symbol(">=", 1)
    case ("\u{2260}", _) where !strict: symbol("<>", 1)
    case ("(", _), (")", _), (",", _), (";", _), ("*", _), ("+", _), ("-", _), ("/", _), ("^", _), ("%", _),
      ("=", _), ("<", _), (">", _):
      symbol(String(Character(scalar)), 1)
    default:
      position += 1
      throw QueryError(
        .unexpected(found: "`\(originals[position - 1])`", expected: "a word, a number or a sign of the language"),
        at: offsets[position - 1]..<offsets[position])
    }
  }
}
