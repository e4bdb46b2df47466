internal import CIMEngine

/// Colours a statement as it is typed: keywords, layers, functions, strings, numbers, sets, comments.
struct Highlighter {
  private let layers: Set<String>
  private let functions: Set<String>
  private static let units: Set<String> = Set(Words.units.flatMap(\.spellings))

  private enum Style {
    static let keyword = "1;34"
    static let layer = "36"
    static let function = "35"
    static let string = "32"
    static let openString = "4;32"
    static let number = "33"
    static let set = "1;35"
    static let comment = "90"
    static let command = "1;36"
    static let unknownCommand = "31"
  }

  init(catalog: Catalog) {
    layers = Set(catalog.layers.flatMap { [$0.name.lowercased()] + $0.aliases.map { $0.lowercased() } })
    functions = Set(Words.functions.flatMap { [$0.name] + $0.chinese })
  }

  /// The ANSI style of each character.
  func styles(_ text: [Character]) -> [String] {
    var styles = [String](repeating: "", count: text.count)
    func paint(_ range: Range<Int>, _ style: String) {
      for i in range { styles[i] = style }
    }
    var at = text.firstIndex { !$0.isWhitespace } ?? text.count
    if at < text.count, text[at] == "." {
      let end = text[at...].firstIndex(where: \.isWhitespace) ?? text.count
      let word = String(text[at..<end])
      let isBeginning = ShellHelp.commands.contains { $0.name.hasPrefix(word) }
      paint(at..<end, isBeginning ? Style.command : Style.unknownCommand)
      // `.watch 10 s FIND …` and `.save NAME FIND …` carry a statement.
      at = end
    }
    while at < text.count {
      let character = text[at]
      var end = at + 1
      if character == "'" || character == "‘" || character == "\"" {
        let close: Character = character == "‘" ? "’" : character
        while end < text.count, text[end] != close { end += 1 }
        let isOpen = end == text.count
        end = min(end + 1, text.count)
        if character != "\"" { paint(at..<end, isOpen ? Style.openString : Style.string) }
      } else if character == "-", end < text.count, text[end] == "-" {
        end = text[at...].firstIndex(of: "\n") ?? text.count
        paint(at..<end, Style.comment)
      } else if character == "$" {
        while end < text.count, isWord(text[end]) { end += 1 }
        paint(at..<end, Style.set)
      } else if character.isNumber, character.isASCII || character.isWholeNumber {
        while end < text.count,
          text[end].isNumber || text[end] == "." && !(end + 1 < text.count && text[end + 1] == ".")
        { end += 1 }
        paint(at..<end, Style.number)
      } else if isWord(character) {
        while end < text.count, isWord(text[end]) { end += 1 }
        let word = String(text[at..<end])
        let next = text[end...].first { !$0.isWhitespace }
        if layers.contains(word.lowercased()) {
          paint(at..<end, Style.layer)
        } else if next == "(" || next == "（", functions.contains(word.uppercased()) {
          paint(at..<end, Style.function)
        } else if KeywordTable.isKeyword(word) {
          paint(at..<end, Style.keyword)
        } else if Self.units.contains(word.uppercased()), at > 0,
          text[..<at].last(where: { !$0.isWhitespace })?.isNumber ?? false
        {
          paint(at..<end, Style.number)
        } else if word.unicodeScalars.contains(where: { $0.value > 0x2E7F }) {
          paintRun(text, at..<end, &styles)
        }
      }
      at = end
    }
    return styles
  }

  /// Chinese is typed without spaces: the longest known words in the run, from its beginning.
  private func paintRun(_ text: [Character], _ run: Range<Int>, _ styles: inout [String]) {
    var at = run.lowerBound
    while at < run.upperBound {
      var found = 0
      for length in stride(from: min(8, run.upperBound - at), through: 1, by: -1) {
        let word = String(text[at..<at + length])
        let style =
          layers.contains(word)
          ? Style.layer
          : length > 1 && KeywordTable.isKeyword(word)
            ? Style.keyword
            : word.allSatisfy(\.isNumber) ? Style.number : ""
        guard !style.isEmpty else { continue }
        for i in at..<at + length { styles[i] = style }
        found = length
        break
      }
      at += max(found, 1)
    }
  }

  private func isWord(_ c: Character) -> Bool { c.isLetter || c.isNumber || c == "_" }
}
