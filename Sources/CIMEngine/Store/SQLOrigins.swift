/// What may be believed of where the columns of a raw statement come from, when it reads personal ones.
///
/// SQLite names the table and the column behind a result column that comes unchanged from one; table-valued functions
/// (`json_each`) name themselves, and of a compound SELECT only the first part counts. What is worked out may hold
/// anything, and so is masked, but for counts, lengths, and what names no personal column.
struct SQLOrigins {
  /// Ordinary tables of the store, in lower case: columns of these are what their names say.
  let tables: Set<String>
  private let personalColumns: Set<String>
  private let isCompound: Bool
  private let readsView: Bool
  private let readsFunction: Bool
  /// Whether expressions can name columns of tables only.
  private let isPlain: Bool
  /// The expressions of the outermost SELECT, in lower case.
  private let items: [Substring]

  /// - Parameters:
  ///   - personalColumns: those that the statement reads, in lower case.
  ///   - readsFunction: whether it reads from a table-valued function.
  init(_ sql: String, tables: Set<String>, personalColumns: Set<String>, readsView: Bool, readsFunction: Bool) {
    (self.tables, self.personalColumns) = (tables, personalColumns)
    (self.readsView, self.readsFunction) = (readsView, readsFunction)
    let text = sql.lowercased()
    isCompound = ["union", "intersect", "except"].contains { text.contains($0) }
    isPlain = !readsView && text.ranges(of: "select").count == 1
    items = text.contains("--") || text.contains("/*") ? [] : Self.items(of: text)
  }

  /// What a column tells of a person; nil for one that comes from a table and is not worked out.
  func made(column: Int, of count: Int, isFromTable: Bool) -> PersonalData? {
    if isCompound { return .other }
    if isFromTable { return readsView ? .number : nil }
    guard !readsFunction, items.count == count else { return .other }
    let rest = Self.withoutCounts(items[column])
    if rest.allSatisfy(\.isWhitespace) { return .number }
    return isPlain && !personalColumns.contains { rest.contains($0) } ? .number : .other
  }

  /// The text between SELECT and FROM, at its commas.
  private static func items(of text: String) -> [Substring] {
    let text = text.drop { $0.isWhitespace || $0 == "(" }
    guard text.hasPrefix("select"), text.dropFirst(6).first?.isWhitespace == true else { return [] }
    var result: [Substring] = []
    var (depth, quote) = (0, nil as Character?)
    var start = text.index(text.startIndex, offsetBy: 6)
    var i = start
    while i < text.endIndex {
      let character = text[i]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"" || character == "`" || character == "[" {
        quote = character == "[" ? "]" : character
      } else if character == "(" {
        depth += 1
      } else if character == ")" {
        depth -= 1
      } else if depth == 0, character == "," {
        result.append(text[start..<i])
        start = text.index(after: i)
      } else if depth == 0, character.isWhitespace || character == ";", text[text.index(after: i)...].hasPrefix("from"),
        text[text.index(after: i)...].dropFirst(4).first?.isWhitespace == true
      {
        break
      }
      i = text.index(after: i)
    }
    result.append(text[start..<i])
    return result
  }

  /// An expression without its `COUNT(…)`, its lengths of plain columns and its alias.
  private static func withoutCounts(_ item: Substring) -> String {
    var text = String(item)
    if let alias = text.ranges(of: " as ").last, text[alias.upperBound...].allSatisfy({ $0 != ")" }) {
      text = String(text[..<alias.lowerBound])
    }
    for name in ["count", "length"] {
      while let found = text.firstRange(of: name + "(") {
        let before = text[..<found.lowerBound].last
        guard before.map({ !$0.isLetter && !$0.isNumber && $0 != "_" }) ?? true,
          let end = closing(text[found.upperBound...])
        else { break }
        let inner = text[found.upperBound..<end]
        if name == "length", !inner.allSatisfy({ $0.isLetter || $0.isNumber || " _.\"".contains($0) }) { break }
        text.replaceSubrange(found.lowerBound...end, with: " ")
      }
    }
    return text
  }

  private static func closing(_ text: Substring) -> String.Index? {
    var depth = 1
    for i in text.indices {
      if text[i] == "'" || text[i] == "[" || text[i] == "`" { return nil }
      if text[i] == "(" { depth += 1 }
      if text[i] == ")" { depth -= 1 }
      if depth == 0 { return i }
    }
    return nil
  }
}
