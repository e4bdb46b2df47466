internal import CIMEngine

/// Colours a statement as it is typed: keywords, strings, numbers, comments. The characters stay the same.
enum Highlighter {
  static func highlight(_ text: String) -> String {
    guard !text.hasPrefix(".") else { return "\u{1B}[36m" + text + "\u{1B}[0m" }
    var result = ""
    var rest = text[...]
    func take(_ count: Int, _ colour: String?) {
      let piece = rest.prefix(count)
      result += colour.map { "\u{1B}[\($0)m" + piece + "\u{1B}[0m" } ?? String(piece)
      rest = rest.dropFirst(count)
    }
    while let first = rest.first {
      if first == "'" || first == "‘" {
        let close: Character = first == "'" ? "'" : "’"
        let end = rest.dropFirst().firstIndex(of: close).map { rest.distance(from: rest.startIndex, to: $0) + 1 }
        take(end ?? rest.count, "32")
      } else if rest.hasPrefix("--") {
        take(rest.prefix { $0 != "\n" }.count, "90")
      } else if first.isNumber {
        take(rest.prefix { $0.isNumber || $0 == "." }.count, "33")
      } else if first.isLetter || first == "_" {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        take(word.count, KeywordTable.isKeyword(String(word)) ? "1;34" : nil)
      } else {
        take(1, nil)
      }
    }
    return result
  }
}
