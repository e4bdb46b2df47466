/// Messages in Chinese, for a terminal whose locale is Chinese.
///
/// Messages are made in English, where what is wrong is found. Here each is recognised by its pattern, in which `{}`
/// stands for the names and numbers of the case, and said in Chinese with the same names and numbers. A message without
/// a pattern stays English: a sentence in another language is better than none.
package enum ChineseText {
  /// `message` in Chinese, line by line; what has no pattern as it is.
  package static func of(_ message: String) -> String {
    message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let indent = line.prefix { $0 == " " }
      return indent + translated(String(line.dropFirst(indent.count)), depth: 0)
    }.joined(separator: "\n")
  }

  /// Whether there is a pattern for it.
  package static func knows(_ message: String) -> Bool { match(message, depth: 0) != nil }

  // MARK: Patterns

  private struct Pattern {
    /// What stands between the `{}`.
    var pieces: [Substring]
    var chinese: Substring
    var weight: Int
  }

  /// The longest patterns first, so that a general one does not hide a special one.
  private static let patterns: [Pattern] = {
    var result: [Pattern] = []
    for table in [parsing, binding, editing, files, safety, city, commandLine] {
      let lines = table.split(separator: "\n")
      for i in stride(from: 0, to: lines.count - 1, by: 2) {
        let pieces = pieces(lines[i])
        let weight = pieces.reduce(0) { $0 + $1.utf8.count }
        result.append(Pattern(pieces: pieces, chinese: lines[i + 1], weight: weight))
      }
    }
    return result.sorted { $0.weight > $1.weight }
  }()

  private static func pieces(_ text: Substring) -> [Substring] {
    var result: [Substring] = []
    var rest = text
    while let at = rest.firstRange(ofText: "{}") {
      result.append(rest[..<at.lowerBound])
      rest = rest[at.upperBound...]
    }
    return result + [rest]
  }

  private static func translated(_ text: String, depth: Int) -> String { match(text, depth: depth) ?? text }

  private static func match(_ text: String, depth: Int) -> String? {
    guard depth < 4, !text.isEmpty else { return nil }
    for pattern in patterns {
      guard let values = values(of: pattern.pieces, in: text[...]) else { continue }
      return fill(pattern.chinese, values.map { translated(String($0), depth: depth + 1) })
    }
    return nil
  }

  /// What stands in the places of a pattern, when the text has its pieces in order: each as early as it can be, the
  /// last at the end.
  private static func values(of pieces: [Substring], in text: Substring) -> [Substring]? {
    guard text.hasPrefix(pieces[0]) else { return nil }
    if pieces.count == 1 { return text == pieces[0] ? [] : nil }
    var rest = text.dropFirst(pieces[0].count)
    var values: [Substring] = []
    for piece in pieces.dropFirst().dropLast() {
      guard let found = rest.firstRange(ofText: piece), !piece.isEmpty else { return nil }
      values.append(rest[..<found.lowerBound])
      rest = rest[found.upperBound...]
    }
    let last = pieces[pieces.count - 1]
    guard rest.hasSuffix(last), rest.count >= last.count else { return nil }
    values.append(rest.dropLast(last.count))
    return values.contains(where: \.isEmpty) ? nil : values
  }

  /// `{}` takes the values in turn, `{2}` the second.
  private static func fill(_ chinese: Substring, _ values: [String]) -> String {
    var result = ""
    var rest = chinese
    var next = 0
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let inside = rest[rest.index(after: open)..<close]
      if let number = Int(inside), values.indices.contains(number - 1) {
        result += values[number - 1]
      } else if inside.isEmpty, next < values.count {
        result += values[next]
        next += 1
      } else {
        result += rest[open...close]
      }
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}

extension Substring {
  fileprivate func firstRange(ofText text: some StringProtocol) -> Range<Index>? {
    guard let first = text.utf8.first else { return startIndex..<startIndex }
    var at = startIndex
    while let start = self[at...].utf8.firstIndex(of: first) {
      if self[start...].utf8.starts(with: text.utf8) {
        return start..<utf8.index(start, offsetBy: text.utf8.count)
      }
      at = utf8.index(after: start)
    }
    return nil
  }
}

extension QueryError {
  /// The reason in words, in Chinese when asked, without the caret.
  package func message(chinese: Bool) -> String {
    guard chinese else { return message }
    var reason = reason
    if case .unknownValue(let value, let column, let allowed) = reason, !chineseValues.isEmpty {
      let shown = allowed.map { stored in chineseValues[stored].map { "\($0)（\(stored)）" } ?? stored }
      reason = .unknownValue(value, column: column, allowed: shown)
    }
    let plain = QueryError(reason).message
    return ChineseText.of(plain) + (fix.map { "；" + ChineseText.of($0) } ?? "")
  }
}

extension UserFacingError {
  /// What is wrong, where, and what to do, in Chinese.
  package var chineseMessage: String {
    switch self {
    case let error as QueryError: return error.message(chinese: true)
    case let error as LoadError:
      let what =
        switch error.reason {
        case .unreadable(let text), .malformed(let text), .refused(let text), .limit(let text): text
        }
      let place = error.place.description
      let others = error.otherLines { ChineseText.of($0) }
      return error.path + (place.isEmpty ? "" : "，" + ChineseText.of(place)) + "：" + ChineseText.of(what) + others
        + (error.fix.map { "\n  " + ChineseText.of($0) } ?? "")
    default: return ChineseText.of(message)
    }
  }
}
