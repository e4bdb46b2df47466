/// Parses a whole text: statements divided by `;`, in English or Chinese, FIND or SELECT.
///
/// Grammar: docs/language.md; expressions are CQL2-Text (21-065r2). `names` are those of the catalogue, by which
/// runs of Chinese characters are divided. Nothing is resolved here. Cost: linear in the text; nesting is limited, so
/// no text overflows the stack.
public func parse(_ text: String, names: KnownNames = KnownNames(), strictCQL2: Bool = false) throws(QueryError)
  -> Script
{
  var parser = try Parser(text, names: names, strict: strictCQL2)
  return try parser.script()
}

/// Parses one expression, such as the value of `--where` or a CQL2-Text filter, and nothing after it.
public func parseFilter(_ text: String, names: KnownNames = KnownNames(), strictCQL2: Bool = false)
  throws(QueryError) -> Expression
{
  var parser = try Parser(text, names: names, strict: strictCQL2)
  let filter = try parser.expression()
  guard parser.token.kind == .end else {
    throw parser.unexpected("AND, OR or the end of the filter", near: [.and, .or, .like, .between, .in, .is])
  }
  return filter
}

/// Recursive descent over tokens, with precedence climbing for expressions. Extensions hold the parts of the grammar.
struct Parser {
  let text: String
  let tokens: [Token]
  let names: KnownNames
  let strict: Bool
  var position = 0
  /// How many productions are open, and how high the tree just made is: both are limited, the first for parsing, the
  /// second for everything that walks the tree later.
  private(set) var depth = 0
  var height = 0
  /// Where a source or an item ended without an alias, for the message about AS.
  var aliasPosition = -1

  static let maximumDepth = 120
  /// Chains such as a + b + c … grow to the left without nesting the parser. What walks a tree takes some 25 kB of stack a
  /// level in a debug build.
  static let maximumHeight = 150

  init(_ text: String, names: KnownNames, strict: Bool) throws(QueryError) {
    self.text = text
    self.names = names
    self.strict = strict
    tokens = try lex(text, names: names, strictCQL2: strict)
  }

  // MARK: Tokens

  var token: Token { tokens[position] }

  func token(_ ahead: Int) -> Token { tokens[min(max(0, position + ahead), tokens.count - 1)] }

  mutating func advance(_ count: Int = 1) { position = min(position + count, tokens.count - 1) }

  /// From `start` to the end of the last token read.
  func range(from start: Int) -> Range<Int> {
    start..<max(start, position > 0 ? tokens[position - 1].range.upperBound : start)
  }

  /// How many tokens from `ahead` on spell `keyword`; 0 when they do not.
  func match(_ keyword: Keyword, _ ahead: Int = 0) -> Int {
    guard token(ahead).keywords & (1 << UInt128(keyword.rawValue)) != 0 else { return 0 }
    spellings: for (i, words) in Words.spellings(of: keyword).enumerated() {
      if strict, i > 0 { break }
      for (j, word) in words.enumerated() where token(ahead + j).key != word { continue spellings }
      return words.count
    }
    return 0
  }

  func at(_ keyword: Keyword, _ ahead: Int = 0) -> Bool { match(keyword, ahead) > 0 }

  func atAny(_ keywords: [Keyword], _ ahead: Int = 0) -> Bool {
    token(ahead).keywords != 0 && keywords.contains { at($0, ahead) }
  }

  mutating func accept(_ keyword: Keyword) -> Bool {
    let count = match(keyword)
    advance(count)
    return count > 0
  }

  mutating func accept(symbol: String) -> Bool {
    guard token.isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func expect(_ keyword: Keyword, after what: String) throws(QueryError) {
    guard accept(keyword) else {
      throw unexpected("\(Words.table[keyword.rawValue].english) after \(what)", near: [keyword])
    }
  }

  mutating func expect(symbol: String, _ expected: String? = nil) throws(QueryError) {
    guard accept(symbol: symbol) else { throw unexpected(expected ?? "`\(symbol)`") }
  }

  // MARK: Depth

  mutating func enter() throws(QueryError) {
    depth += 1
    if depth > Self.maximumDepth { throw tooDeep }
  }

  mutating func leave() { depth -= 1 }

  /// The tree just made stands `levels` above the parts whose heights were met.
  mutating func grow(over parts: Int) throws(QueryError) {
    height = parts + 1
    if height > Self.maximumHeight {
      throw QueryError(
        .invalid("the expression is too long (more than \(Self.maximumHeight) steps, one inside the other)"),
        at: token.range, fix: "divide it into several columns or statements, or use IN (…) for a long list of values")
    }
  }

  private var tooDeep: QueryError {
    QueryError(
      .invalid("the statement is nested too deeply (more than \(Self.maximumDepth) levels)"), at: token.range,
      fix: "divide it with LET, or use IN (…) for a long list of values")
  }

  // MARK: Errors

  func describe(_ token: Token) -> String {
    if token.kind == .end { return "the end of the text" }
    let start = text.utf8.index(text.startIndex, offsetBy: token.range.lowerBound)
    let end = text.utf8.index(start, offsetBy: token.range.count)
    let found = String(text[start..<end])
    return token.kind == .string || token.kind == .quotedName
      ? DisplayWidth.of(found) > 40 ? "\(DisplayWidth.prefix(of: found, columns: 39))…" : found : "`\(found)`"
  }

  /// An error at the next token. `near` are keywords that a misspelt word there may have been meant for.
  func unexpected(_ expected: String, near: [Keyword] = [], fix: String? = nil) -> QueryError {
    var fix = fix
    if fix == nil, token.kind == .name { fix = nearest(near) ?? spacedForm }
    if token.kind == .quotedName, token.isCurly, fix == nil {
      fix = "a text stands in single quotes: '\(token.text)'"
    }
    return QueryError(.unexpected(found: describe(token), expected: expected), at: token.range, fix: fix)
  }

  private func nearest(_ keywords: [Keyword]) -> String? {
    var candidates: [(word: String, phrase: String)] = []
    for keyword in keywords {
      let entry = Words.table[keyword.rawValue]
      if let first = entry.english.split(separator: " ").first { candidates.append((String(first), entry.english)) }
      candidates += entry.chinese.filter { $0.count > 1 }.map { ($0, $0) }
    }
    guard let word = Spelling.nearest(to: token.text, among: candidates.map(\.word)), word != token.key else {
      return nil
    }
    return "did you mean \(candidates.first { $0.word == word }!.phrase)?"
  }

  private var spacedForm: String? {
    WordSplitter(names: names).spaced(token.text).map { "words need spaces here: `\($0)`" }
  }

  // MARK: Names and numbers

  /// A name of a layer, column, alias or function: any word that CQL2 does not reserve, or one in double quotes.
  mutating func name(_ expected: String) throws(QueryError) -> Name {
    guard token.isName else { throw unexpected(expected) }
    if token.kind == .name, Words.isReserved(token.key), !strict || at(.and) || isReservedEnglish {
      throw unexpected(expected, fix: "`\(token.text)` is a word of the language; as a name write \"\(token.text)\"")
    }
    defer { advance() }
    return Name(text: token.text, quoted: token.kind == .quotedName, range: token.range)
  }

  private var isReservedEnglish: Bool { token.key.unicodeScalars.allSatisfy(\.isASCII) }

  /// A whole number, at least `minimum`.
  mutating func integer(_ what: String, from minimum: Int) throws(QueryError) -> Int {
    guard token.kind == .number else { throw unexpected("\(what), a whole number") }
    guard let value = Int(token.text), value >= minimum else {
      throw QueryError(
        .invalid("\(what) must be a whole number from \(minimum) on, not \(token.text)"), at: token.range)
    }
    advance()
    return value
  }

  /// A whole number, at least `minimum`, or a parameter that holds one.
  mutating func count(_ what: String, from minimum: Int) throws(QueryError) -> Count {
    guard token.kind == .parameter else { return .number(try integer(what, from: minimum)) }
    defer { advance() }
    return .parameter(Name(text: token.text, quoted: false, range: token.range))
  }

  mutating func string(_ expected: String) throws(QueryError) -> String {
    guard token.kind == .string else { throw unexpected(expected) }
    defer { advance() }
    return token.text
  }

  /// `GCJ02`, `GCJ-02`, `EPSG:4547`, `4547`, or any of these in quotes.
  mutating func crsName() throws(QueryError) -> Name {
    let start = token.range.lowerBound
    guard token.isName || token.kind == .number || token.kind == .string else {
      throw unexpected("a CRS such as GCJ02 or EPSG:4547")
    }
    var text = token.text
    let quoted = token.kind == .quotedName || token.kind == .string
    advance()
    if ["GCJ", "BD", "CRS", "WGS"].contains(text.uppercased()), token.isSymbol("-"), token.isAdjacent,
      token(1).kind == .number, token(1).isAdjacent
    {
      text += "-" + token(1).text
      advance(2)
    }
    return Name(text: text, quoted: quoted, range: range(from: start))
  }
}
