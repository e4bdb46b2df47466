internal import CIMEngine

/// What Tab offers: dot commands, keywords, layers, columns of the layers that the text names, and their values.
struct Completer {
  let catalog: Catalog

  init(catalog: Catalog) { self.catalog = catalog }

  func complete(_ text: [Character], _ cursor: Int) -> LineEditor.Completion? {
    var start = cursor
    while start > 0, isWord(text[start - 1]) { start -= 1 }
    if start == 1, text[0] == "." { start = 0 }
    let word = String(text[start..<cursor])
    let before = String(text[..<start])
    let candidates = candidates(for: word, before: before, in: String(text))
      .filter { $0.lowercased().hasPrefix(word.lowercased()) && $0 != word }
    guard !candidates.isEmpty else { return nil }
    return LineEditor.Completion(replaced: cursor - start, candidates: candidates)
  }

  private func candidates(for word: String, before: String, in text: String) -> [String] {
    if word.hasPrefix(".") || text.hasPrefix(".") && before.isEmpty { return ShellHelp.commands.map(\.name) }
    if text.hasPrefix(".mode") { return OutputFormat.allCases.map(\.rawValue) }
    if text.hasPrefix(".schema") { return layerNames }
    // Inside a string: the values of the enumerated column before it.
    if before.filter({ $0 == "'" }).count % 2 == 1 {
      let words = before.split { !isWord($0) }.map(String.init)
      for name in words.reversed() {
        for layer in catalog.layers {
          if let column = layer.columns.first(where: { $0.name == name || $0.aliases.contains(name) }),
            let values = column.enumeration
          {
            return values
          }
        }
      }
      return []
    }
    let named = Set(text.split { !isWord($0) }.map { $0.lowercased() })
    let inScope = catalog.layers.filter { layer in
      named.contains(layer.name.lowercased()) || layer.aliases.contains { named.contains($0.lowercased()) }
    }
    let isChinese = word.unicodeScalars.contains { $0.value > 0x2E7F }
    let columns = inScope.flatMap { layer in
      layer.columns.flatMap { isChinese ? $0.aliases : [$0.name] } + [isChinese ? "" : "geom"]
    }
    let layers = isChinese ? catalog.layers.flatMap(\.aliases) : layerNames
    let isLower = word.first?.isLowercase ?? false
    let keywords = KeywordTable.words(chinese: isChinese).map { isLower ? $0.lowercased() : $0 }
    var seen = Set<String>()
    return (columns + layers + keywords).filter { !$0.isEmpty && seen.insert($0).inserted }
  }

  private var layerNames: [String] { catalog.layers.map(\.name) }

  private func isWord(_ c: Character) -> Bool { c.isLetter || c.isNumber || c == "_" }
}
