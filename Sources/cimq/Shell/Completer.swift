internal import CIMEngine
internal import Glibc

/// What Tab offers where the cursor is: dot commands and their arguments, keywords, layers, columns of the layers in
/// scope, values of columns, ids, codes and names after a layer, file names.
struct Completer {
  private let database: Database
  private let saved: SavedQueries
  private static let mostValues = 400
  private static let sourceWords: Set<String> = [
    "FIND", "COUNT", "FROM", "JOIN", "EXPOSE", "ALLOCATE", "LINK", "UPDATE", "INTO", "TO", "OF", "INSIDE", "INTERSECTS",
    "TOUCHES", "CONTAINS", "BRIEF", "AVOIDING", "查找", "统计", "来自", "连接", "到", "位于", "相交", "相接", "包含", "左连接", "距离", "的",
  ]
  private static let columnWords: Set<String> = [
    "WHERE", "AND", "OR", "NOT", "RETURN", "BY", "HAVING", "SET", "CAPACITY", "DEMAND", "KEEP", "条件", "且", "或",
    "返回", "分组", "排序", "满足", "设为",
  ]
  private static let fileWords: Set<String> = ["FILE", "EXPORT TO", "文件", "导出到"]

  init(database: Database, saved: SavedQueries) {
    self.database = database
    self.saved = saved
  }

  private var catalog: Catalog { database.catalog }
  private var layerNames: [String] { catalog.layers.map(\.name) }

  func complete(_ text: [Character], _ cursor: Int) -> LineEditor.Completion? {
    let before = Array(text[..<cursor])
    if let first = before.firstIndex(where: { !$0.isWhitespace }), before[first] == "." {
      return completeCommand(String(before[first...]))
    }
    return completeStatement(before, all: text)
  }

  // MARK: Dot commands

  private func completeCommand(_ text: String) -> LineEditor.Completion? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    let isNewWord = text.last == " "
    guard let command = parts.first, parts.count > 1 || isNewWord else {
      return offer(text, ShellHelp.commands.map(\.name))
    }
    let word = isNewWord ? "" : parts[parts.count - 1]
    let position = isNewWord ? parts.count : parts.count - 1
    switch command {
    case ".mode": return offer(word, OutputFormat.allCases.map(\.rawValue))
    case ".schema": return offer(word, layerNames + (word.isEmpty ? [] : catalog.layers.flatMap(\.aliases)))
    case ".help":
      return offer(word, ShellHelp.allTopics.map(\.name) + ShellHelp.commands.map { String($0.name.dropFirst()) })
    case ".lang": return offer(word, ["zh", "en"])
    case ".timer", ".explain", ".pager": return offer(word, ["on", "off"])
    case ".timeout", ".rows":
      return offer(word, [command == ".rows" ? "all" : "off", command == ".rows" ? "500" : "10s"])
    case ".crs": return offer(word, ["gcj02", "bd09", "wgs84", "EPSG:4490", "off", catalog.workingCRS.description])
    case ".examples": return offer(word, ShellExamples.topics.map(\.name))
    case ".run" where position == 1: return offer(word, saved.all().map(\.name))
    case ".save" where position == 1: return offer(word, saved.all().map(\.name))
    case ".read", ".import", ".once", ".output": return files(word)
    case ".watch", ".save", ".run":
      return completeStatement(Array(text.drop { !$0.isWhitespace }), all: Array(text))
    case ".sql":
      let words = ["SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "COUNT(*)", "JOIN", "ON", "AS"]
      let tail = String(word.reversed().prefix { isWord($0) }.reversed())
      let isLower = tail.first?.isLowercase ?? false
      let named = scope(of: text).layers
      let columns = named.flatMap { $0.columns.map(\.name) + ["fid", "geom"] }
      return offer(tail, columns + layerNames + words.map { isLower ? $0.lowercased() : $0 })
    default: return nil
    }
  }

  private func offer(_ word: String, _ candidates: [String], suffix: String = " ") -> LineEditor.Completion? {
    let key = word.lowercased()
    var seen = Set<String>()
    let fitting = candidates.filter { $0.lowercased().hasPrefix(key) && !$0.isEmpty && seen.insert($0).inserted }
    guard !fitting.isEmpty, fitting != [word] || suffix != " " else { return nil }
    return LineEditor.Completion(replaced: word.count, candidates: fitting, suffix: suffix)
  }

  /// Entries of the folder that the path names so far; folders end with a slash.
  private func files(_ path: String, suffix: String = " ") -> LineEditor.Completion? {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let opened = ShellWords.expanded(folder.isEmpty ? "." : folder)
    guard let names = Folder.names(in: opened) else { return nil }
    var found: [String] = []
    for file in names where file.hasPrefix(name) && (!file.hasPrefix(".") || name.hasPrefix(".")) {
      var status = stat()
      let isFolder = stat(opened + "/" + file, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      found.append(folder + file + (isFolder ? "/" : ""))
    }
    return offer(path, found.sorted(), suffix: suffix)
  }

  // MARK: Statements

  private func isWord(_ c: Character) -> Bool { c.isLetter || c.isNumber || c == "_" }

  private func completeStatement(_ before: [Character], all: [Character]) -> LineEditor.Completion? {
    if let open = openQuote(before) { return completeString(before, open) }
    var start = before.count
    while start > 0, isWord(before[start - 1]) { start -= 1 }
    let word = String(before[start...])
    let scope = scope(of: String(all))
    if start > 0, before[start - 1] == "." { return completePath(before, start, word, scope) }
    if start > 0, before[start - 1] == "$" { return nil }

    let previous = lastWord(in: before[..<start])
    let isChinese = word.unicodeScalars.contains { $0.value > 0x2E7F }
    let layers = isChinese ? catalog.layers.flatMap(\.aliases) : layerNames
    var columns = columns(scope, chinese: isChinese)
    let context = CompletionContext(before[..<start])
    if context.verb == "EXPOSE" {
      columns = (isChinese ? CompletionContext.exposedChinese : CompletionContext.exposed) + columns
      // `EXPOSE building, `
      if !context.has("TO"), context.words.isEmpty || context.words.last == ",", let found = offer(word, layers) {
        return found
      }
    }
    if previous == "BY", let words = context.afterBy, let found = offer(word, cased(words, as: word)) { return found }
    // The loads of places: `GROUP BY shelter`.
    if context.verb == "ALLOCATE", context.ends(with: "GROUP", "BY"), let found = offer(word, layers) { return found }
    let isLinked = context.verb == "LINK" && context.ends(with: "BY", "INSIDE")
    if isLinked || !Self.sourceWords.contains(previous), !Self.columnWords.contains(previous), let next = context.next,
      let found = offer(word, cased(next, as: word))
    {
      return found
    }
    if Self.sourceWords.contains(previous), let found = offer(word, layers + scope.aliases.keys.sorted()) {
      return found
    }
    if Self.columnWords.contains(previous), let found = offer(word, columns) { return found }
    if word.isEmpty, !scope.layers.isEmpty {
      // A whole list of the language says nothing: what usually follows is offered.
      return offer(
        word,
        [
          "WHERE", "NEAREST", "WITHIN", "INSIDE", "INTERSECTS", "JOIN", "RETURN", "GROUP BY", "ORDER BY", "LIMIT",
          "EXPORT TO",
        ])
    }
    if word.isEmpty {
      return offer(word, ["FIND", "COUNT", "SELECT", "LET", "EXPLAIN", "EXPOSE", "ALLOCATE", "BRIEF"])
    }
    let isLower = word.first?.isLowercase ?? false
    let keywords = KeywordTable.words(chinese: isChinese).map { isLower ? $0.lowercased() : $0 }
    return offer(word, columns + layers + scope.aliases.keys.sorted() + keywords)
  }

  /// Keywords as the user types them.
  private func cased(_ words: [String], as word: String) -> [String] {
    word.first?.isLowercase ?? false ? words.map { $0.lowercased() } : words
  }

  private struct Scope {
    var layers: [Catalog.Layer] = []
    var aliases: [String: Catalog.Layer] = [:]
  }

  /// The layers that a text names, and `layer AS a`.
  private func scope(of text: String) -> Scope {
    var scope = Scope()
    let words = text.split { !isWord($0) }.map(String.init)
    for (i, word) in words.enumerated() {
      guard let layer = catalog.layer(spelt: word) else { continue }
      if !scope.layers.contains(where: { $0.name == layer.name }) { scope.layers.append(layer) }
      if i + 2 < words.count, ["AS", "作为"].contains(words[i + 1].uppercased()) { scope.aliases[words[i + 2]] = layer }
    }
    return scope
  }

  private func columns(_ scope: Scope, chinese: Bool) -> [String] {
    scope.layers.flatMap { layer in
      layer.columns.flatMap { chinese ? $0.aliases : [$0.name] } + (chinese || layer.geometry == nil ? [] : ["geom"])
    } + (chinese ? ["距离"] : ["distance"])
  }

  /// `alias.`, `layer.`, `unit.building.`: columns of what the path leads to.
  private func completePath(
    _ before: [Character], _ start: Int, _ word: String, _ scope: Scope
  ) -> LineEditor.Completion? {
    var path: [String] = []
    var at = start
    while at > 0, before[at - 1] == "." {
      var from = at - 1
      while from > 0, isWord(before[from - 1]) { from -= 1 }
      path.insert(String(before[from..<at - 1]), at: 0)
      at = from
    }
    guard let first = path.first else { return nil }
    func target(_ layer: Catalog.Layer, _ column: String) -> Catalog.Layer? {
      let name = layer.columns.first { $0.name == column || $0.aliases.contains(column) }?.name ?? column
      return catalog.links.first { $0.layer == layer.name && $0.column == name }
        .flatMap { link in catalog.layers.first { $0.name == link.targetLayer } }
    }
    // A column of a layer in scope that is a link wins over a layer of that name: `FIND person WHERE unit.`
    var layer =
      scope.aliases[first] ?? scope.layers.lazy.compactMap { target($0, first) }.first ?? catalog.layer(spelt: first)
    for step in path.dropFirst() { layer = layer.flatMap { target($0, step) } }
    guard let layer else { return nil }
    let isChinese = word.unicodeScalars.contains { $0.value > 0x2E7F }
    return offer(
      word, layer.columns.flatMap { isChinese ? $0.aliases : [$0.name] } + (layer.geometry == nil ? [] : ["geom"]),
      suffix: "")
  }

  /// Where the string begins that the cursor is in.
  private func openQuote(_ text: [Character]) -> Int? {
    var open: Int?
    var close: Character = "'"
    for (i, character) in text.enumerated() {
      if open != nil {
        if character == close { open = nil }
      } else if character == "'" || character == "‘" {
        (open, close) = (i, character == "'" ? "'" : "’")
      }
    }
    return open
  }

  private func completeString(_ before: [Character], _ quote: Int) -> LineEditor.Completion? {
    let word = String(before[(quote + 1)...])
    let close = before[quote] == "'" ? "'" : "’"
    let head = before[..<quote]
    let previous = lastWord(in: head)
    let joined = head.split(whereSeparator: \.isWhitespace).suffix(2).map { String($0).uppercased() }.joined(
      separator: " ")
    if Self.fileWords.contains(previous) || Self.fileWords.contains(joined) { return files(word, suffix: close) }
    // `hazard 'HZ-`: what names a row of the layer.
    let lastSymbol = head.last { !$0.isWhitespace }
    if let lastSymbol, isWord(lastSymbol), let layer = catalog.layer(spelt: String(rawLastWord(in: head))) {
      return offer(word, names(of: layer, beginningWith: word), suffix: close)
    }
    // `status = '`, `name IN ('a', '`: values of the column before it.
    let scope = scope(of: String(head))
    let isExpose = CompletionContext(head).verb == "EXPOSE"
    for name in head.split(whereSeparator: { !isWord($0) }).reversed().prefix(8).map({ String($0) }) {
      if isExpose, let values = database.exposedValues(ofColumn: name) { return offer(word, values, suffix: close) }
      for layer in scope.layers.reversed() {
        guard let column = layer.columns.first(where: { $0.name == name || $0.aliases.contains(name) }) else {
          continue
        }
        if let values = column.enumeration {
          return offer(word, word.isEmpty ? values : values + column.valueAliases.keys.sorted(), suffix: close)
        }
        guard column.type == .text else { continue }
        return offer(word, values(of: column.name, layer, word), suffix: close)
      }
    }
    return nil
  }

  /// Ids, then codes, then names, as references look them up.
  private func names(of layer: Catalog.Layer, beginningWith word: String) -> [String] {
    ["id", "code", "name"].filter { name in layer.columns.contains { $0.name == name } }
      .flatMap { values(of: $0, layer, word) }
  }

  private func values(of column: String, _ layer: Catalog.Layer, _ word: String) -> [String] {
    let found = database.values(of: column, in: layer.name, beginningWith: word, limit: Self.mostValues)
    guard found.isEmpty, word != word.uppercased() else { return found }
    return database.values(of: column, in: layer.name, beginningWith: word.uppercased(), limit: Self.mostValues)
  }

  private func rawLastWord(in text: ArraySlice<Character>) -> String {
    let trimmed = text.reversed().drop(while: \.isWhitespace)
    return String(trimmed.prefix { isWord($0) }.reversed())
  }

  /// The word before the cursor, in capitals; "" after a symbol.
  private func lastWord(in text: ArraySlice<Character>) -> String { rawLastWord(in: text).uppercased() }
}
