/// Divides runs of Chinese characters into words, since people type no spaces: 查找避难场所最近3到AT(…).
///
/// A run that is a known name as a whole stays whole. Another is divided over keywords, names and units when one
/// division only is possible, the longest words first (a finer division of the same words does not count as
/// another); when several are possible that is an error that shows them; when none is, the run stays one name.
struct WordSplitter {
  private var names: KnownNames
  private let text: String

  /// `tokens` are those of `text`: a name that AS makes is known throughout it.
  init(names: KnownNames, text: String = "", tokens: [Token] = []) {
    self.names = names
    self.text = text
    for (i, token) in tokens.enumerated().dropFirst() where token.kind == .name {
      if Words.isSpelling(tokens[i - 1].key, of: .as) { self.names.insert(token.text) }
    }
  }

  func split(_ tokens: [Token]) throws(QueryError) -> [Token] {
    guard tokens.contains(where: { isCandidate($0) }) else { return tokens }
    var result: [Token] = []
    result.reserveCapacity(tokens.count + 8)
    for (i, token) in tokens.enumerated() {
      let isNewName = i > 0 && Words.isSpelling(tokens[i - 1].key, of: .as)
      if isCandidate(token), !isNewName, let pieces = try pieces(of: token) {
        result.append(contentsOf: pieces)
      } else if token.kind == .name, token.text.contains(".") {
        result.append(contentsOf: divideAtDots(token))
      } else {
        result.append(token)
      }
    }
    return result
  }

  private func isCandidate(_ token: Token) -> Bool {
    token.kind == .name && token.text.unicodeScalars.contains { $0.isCJK } && !isKnown(token.key)
  }

  private func isKnown(_ key: String) -> Bool { Words.isWord(key) || names.contains(key: key) }

  /// The words that `run` would be if it were divided as far as known words reach, for error messages; nil when no
  /// known word is in it or it is one word.
  func spaced(_ run: String) -> String? {
    let scalars = Array(run.unicodeScalars)
    guard scalars.count <= Self.longestRun, scalars.contains(where: { $0.isCJK }), !isKnown(run.uppercased()) else {
      return nil
    }
    var words: [String] = []
    var unknown = ""
    var i = 0
    while i < scalars.count {
      let longest = min(Self.longestWord, scalars.count - i)
      let length = (1...longest).last { isPiece(scalars, i, i + $0) } ?? 0
      // One character on its own is too likely to be a part of another word.
      if length > 1 || length == 1 && i + 1 == scalars.count && unknown.isEmpty {
        if !unknown.isEmpty { words.append(unknown) }
        unknown = ""
        words.append(string(scalars[i..<i + length]))
        i += length
      } else {
        unknown.unicodeScalars.append(scalars[i])
        i += 1
      }
    }
    if !unknown.isEmpty { words.append(unknown) }
    return words.count > 1 ? words.joined(separator: " ") : nil
  }

  // MARK: One run

  private static let longestRun = 256
  private static let longestWord = 32

  private func pieces(of token: Token) throws(QueryError) -> [Token]? {
    let scalars = Array(token.text.unicodeScalars)
    guard scalars.count <= Self.longestRun else { return nil }
    let ends = scalars.indices.map { i in
      // Longest first, so that of two divisions with as many words the one with the longer first word stays.
      stride(from: min(scalars.count, i + Self.longestWord), to: i, by: -1).filter { isPiece(scalars, i, $0) }
    }
    guard let bounds = best(ends) else { return nil }
    // Another division exists when the run can be divided without one of these borders.
    for border in bounds.dropFirst().dropLast() {
      guard let other = best(ends, avoiding: border) else { continue }
      let readings = [bounds, other].map { "`\(spell(scalars, $0))`" }
      throw QueryError(
        .invalid("`\(token.text)` can be read as \(readings.joined(separator: " or "))"), at: token.range,
        fix: "put spaces between the words")
    }
    let offsets = byteOffsets(token)
    return zip(bounds, bounds.dropFirst()).map { from, to in
      let word = string(scalars[from..<to])
      let isNumber = scalars[from].isQueryDigit
      return Token(
        kind: isNumber ? .number : .name, text: word, range: offsets[from]..<offsets[to],
        isAdjacent: from > 0 || token.isAdjacent)
    }
  }

  /// Where each scalar of the token begins in the text, and the end. Folding keeps their number.
  private func byteOffsets(_ token: Token) -> [Int] {
    let start = text.utf8.index(text.startIndex, offsetBy: token.range.lowerBound)
    let end = text.utf8.index(start, offsetBy: token.range.count)
    var offsets = [token.range.lowerBound]
    for scalar in text.unicodeScalars[start..<end] { offsets.append(offsets.last! + UTF8.width(scalar)) }
    return offsets
  }

  /// The borders of the division into the fewest words, 0 and the end included; nil when there is none of two words
  /// or more. `ends[i]` are the ends of the words that begin at `i`; `avoiding` is a border that it must not have.
  private func best(_ ends: [[Int]], avoiding: Int? = nil) -> [Int]? {
    let count = ends.count
    var fewest = [Int](repeating: .max, count: count + 1)
    var next = [Int](repeating: -1, count: count + 1)
    fewest[count] = 0
    for i in stride(from: count - 1, through: 0, by: -1) where i != avoiding {
      for j in ends[i] where fewest[j] != .max && fewest[j] + 1 < fewest[i] {
        fewest[i] = fewest[j] + 1
        next[i] = j
      }
    }
    guard fewest[0] != .max, fewest[0] > 1 || avoiding != nil else { return nil }
    var bounds = [0]
    while bounds.last! < count { bounds.append(next[bounds.last!]) }
    return bounds
  }

  /// The script changes only at borders; digits after Latin letters belong to the letters.
  private func isBorder(_ scalars: [Unicode.Scalar], _ i: Int) -> Bool {
    guard i > 0, i < scalars.count else { return true }
    let (before, after) = (scalars[i - 1], scalars[i])
    if before.isCJK || after.isCJK { return true }
    let isNumber = { (s: Unicode.Scalar) in s.isQueryDigit || s == "." }
    guard isNumber(before), !isNumber(after) else { return false }
    // 距离500m: letters after digits that follow a Chinese character.
    var start = i - 1
    while start > 0, isNumber(scalars[start - 1]) { start -= 1 }
    return start == 0 || scalars[start - 1].isCJK
  }

  private func isPiece(_ scalars: [Unicode.Scalar], _ from: Int, _ to: Int) -> Bool {
    guard isBorder(scalars, from), isBorder(scalars, to) else { return false }
    let word = scalars[from..<to]
    if word.first!.isQueryDigit, word.allSatisfy({ $0.isQueryDigit || $0 == "." }) {
      return word.last!.isQueryDigit && word.filter { $0 == "." }.count < 2
    }
    return isKnown(string(word).uppercased())
  }

  private func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  private func spell(_ scalars: [Unicode.Scalar], _ bounds: [Int]) -> String {
    zip(bounds, bounds.dropFirst()).map { string(scalars[$0..<$1]) }.joined(separator: " ")
  }

  /// `层数2.5` that is no number and unit after all: name, dot, name.
  private func divideAtDots(_ token: Token) -> [Token] {
    let offsets = byteOffsets(token)
    let scalars = Array(token.text.unicodeScalars)
    var result: [Token] = []
    var start = 0
    for i in 0...scalars.count where i == scalars.count || scalars[i] == "." {
      let part = string(scalars[start..<i])
      result.append(
        Token(
          kind: .name, text: part, range: offsets[start]..<offsets[i],
          isAdjacent: start > 0 || token.isAdjacent))
      if i < scalars.count {
        result.append(
          Token(kind: .symbol, text: ".", range: offsets[i]..<offsets[i + 1], isAdjacent: true))
      }
      start = i + 1
    }
    return result
  }
}
