internal import CIMEngine

/// Reads statements from a terminal: multi-line editing, history, completion, display widths of CJK text.
///
/// libedit was tried first: it counts wide characters, but has no colours as one types, no hints and no editing
/// across lines, which is what a planner does all day.
final class LineEditor {
  enum Result: Equatable {
    case line(String)
    /// Ctrl-C: what was typed is dropped.
    case interrupted
    /// Ctrl-D on an empty line, or the end of the input.
    case endOfInput
  }
  struct Completion {
    /// How many characters before the cursor the candidates replace.
    var replaced: Int
    var candidates: [String]
  }

  private let terminal: RawTerminal
  private let prompt: String
  private let continuationPrompt: String
  /// Asked on Enter: a text that is not complete gets a new line instead.
  var isComplete: (String) -> Bool = { _ in true }
  var complete: (_ text: [Character], _ cursor: Int) -> Completion? = { _, _ in nil }
  /// The text with ANSI colours; must print the same characters.
  var highlight: (String) -> String = { $0 }

  private(set) var history: History
  private var text: [Character] = []
  private var cursor = 0
  private var historyIndex = 0
  private var draft: [Character] = []
  private var killed: [Character] = []
  /// Screen row of the cursor, counted from the first row of the prompt.
  private var cursorRow = 0

  init(terminal: RawTerminal, prompt: String, continuationPrompt: String, history: History) {
    self.terminal = terminal
    self.prompt = prompt
    self.continuationPrompt = continuationPrompt
    self.history = history
  }

  func readStatement() -> Result {
    terminal.enterRawMode()
    defer { terminal.leaveRawMode() }
    (text, cursor, cursorRow) = ([], 0, 0)
    historyIndex = history.entries.count
    refresh()
    while true {
      switch terminal.readKey() {
      case .endOfInput: return finish(.endOfInput)
      case .enter:
        guard isComplete(String(text)) else {
          insert(["\n"])
          continue
        }
        cursor = text.count
        let line = String(text)
        let result = finish(.line(line))
        history.add(line)
        return result
      case .control("c"):
        cursor = text.count
        refresh()
        terminal.write("^C")
        return finish(.interrupted)
      case .control("d"):
        if text.isEmpty { return finish(.endOfInput) }
        delete()
      case .control("r"): searchHistory()
      case .tab: completeWord()
      case let key: edit(key)
      }
    }
  }

  private func finish(_ result: Result) -> Result {
    cursor = text.count
    refresh()
    terminal.write("\r\n")
    return result
  }

  // MARK: Editing

  private func edit(_ key: RawTerminal.Key) {
    switch key {
    case .text(let typed): insert(Array(typed))
    case .paste(let pasted): insert(Array(pasted.replacing("\t", with: " ")))
    case .backspace:
      guard cursor > 0 else { return }
      text.remove(at: cursor - 1)
      cursor -= 1
    case .delete: delete()
    case .left, .control("b"): cursor = max(0, cursor - 1)
    case .right, .control("f"): cursor = min(text.count, cursor + 1)
    case .home, .control("a"): cursor = lineStart(cursor)
    case .end, .control("e"): cursor = lineEnd(cursor)
    case .wordLeft: cursor = wordStart()
    case .wordRight: cursor = wordEnd()
    case .up, .control("p"): moveUp()
    case .down, .control("n"): moveDown()
    case .control("k"):
      let end = max(lineEnd(cursor), min(cursor + 1, text.count))
      killed = Array(text[cursor..<end])
      text.removeSubrange(cursor..<end)
    case .control("u"):
      let start = lineStart(cursor)
      killed = Array(text[start..<cursor])
      text.removeSubrange(start..<cursor)
      cursor = start
    case .control("w"):
      let start = wordStart()
      killed = Array(text[start..<cursor])
      text.removeSubrange(start..<cursor)
      cursor = start
    case .control("y"): insert(killed)
    case .control("t"):
      guard cursor > 0, text.count > 1 else { return }
      let at = min(cursor, text.count - 1)
      text.swapAt(at - 1, at)
      cursor = at + 1
    case .control("l"):
      terminal.write("\u{1B}[2J\u{1B}[H")
      cursorRow = 0
    default: return
    }
    refresh()
  }

  private func insert(_ characters: [Character]) {
    text.insert(contentsOf: characters, at: cursor)
    cursor += characters.count
    refresh()
  }

  private func delete() {
    if cursor < text.count { text.remove(at: cursor) }
    refresh()
  }

  private func lineStart(_ at: Int) -> Int { (text[..<at].lastIndex(of: "\n") ?? -1) + 1 }
  private func lineEnd(_ at: Int) -> Int { text[at...].firstIndex(of: "\n") ?? text.count }

  private func isWord(_ c: Character) -> Bool { c.isLetter || c.isNumber || c == "_" }

  private func wordStart() -> Int {
    var at = cursor
    while at > 0, !isWord(text[at - 1]) { at -= 1 }
    while at > 0, isWord(text[at - 1]) { at -= 1 }
    return at
  }

  private func wordEnd() -> Int {
    var at = cursor
    while at < text.count, !isWord(text[at]) { at += 1 }
    while at < text.count, isWord(text[at]) { at += 1 }
    return at
  }

  /// Up within the text, else back in history.
  private func moveUp() {
    let start = lineStart(cursor)
    if start > 0 {
      let above = lineStart(start - 1)
      cursor = min(above + (cursor - start), start - 1)
    } else if historyIndex > 0 {
      if historyIndex == history.entries.count { draft = text }
      historyIndex -= 1
      show(Array(history.entries[historyIndex]))
    }
  }

  private func moveDown() {
    let end = lineEnd(cursor)
    if end < text.count {
      cursor = min(end + 1 + (cursor - lineStart(cursor)), lineEnd(end + 1))
    } else if historyIndex < history.entries.count {
      historyIndex += 1
      show(historyIndex == history.entries.count ? draft : Array(history.entries[historyIndex]))
    }
  }

  private func show(_ entry: [Character]) {
    text = entry
    cursor = entry.count
  }

  /// Ctrl-R: the newest entry that contains what is typed; again for the one before; Enter or an arrow takes it.
  private func searchHistory() {
    let before = (text, cursor)
    var pattern = ""
    var index = history.entries.count
    while true {
      let label = "(history) \(pattern): "
      refresh(prompt: label)
      switch terminal.readKey() {
      case .text(let typed): pattern += typed
      case .backspace: pattern = String(pattern.dropLast())
      case .control("r"): index = max(0, index)
      case .control("g"), .control("c"), .escape, .endOfInput:
        (text, cursor) = before
        return refresh()
      default: return refresh()
      }
      let older = history.entries[..<index].lastIndex { $0.contains(pattern) }
      if let found = older ?? history.entries.lastIndex(where: { $0.contains(pattern) }) {
        index = found
        historyIndex = found
        show(Array(history.entries[found]))
      }
    }
  }

  private func completeWord() {
    guard let completion = complete(text, cursor), let first = completion.candidates.first else {
      return terminal.write("\u{7}")
    }
    var common = first
    for candidate in completion.candidates.dropFirst() {
      while !candidate.lowercased().hasPrefix(common.lowercased()) { common.removeLast() }
    }
    let isSingle = completion.candidates.count == 1
    if isSingle || common.count > completion.replaced {
      text.removeSubrange(cursor - completion.replaced..<cursor)
      cursor -= completion.replaced
      insert(Array(common + (isSingle && !common.hasSuffix("/") ? " " : "")))
    }
    guard !isSingle else { return }
    let saved = cursor
    cursor = text.count
    refresh()
    terminal.write("\r\n" + columns(of: completion.candidates))
    cursor = saved
    cursorRow = 0
    refresh()
  }

  private func columns(of candidates: [String]) -> String {
    let shown = candidates.prefix(100)
    let width = (shown.map(DisplayWidth.of).max() ?? 0) + 2
    let perLine = max(1, (RawTerminal.width() ?? 80) / width)
    var lines = ""
    for (i, candidate) in shown.enumerated() {
      lines += candidate
      lines +=
        (i + 1) % perLine == 0 || i + 1 == shown.count
        ? "\r\n" : String(repeating: " ", count: width - DisplayWidth.of(candidate))
    }
    if candidates.count > shown.count { lines += "… \(candidates.count - shown.count) more\r\n" }
    return lines
  }

  // MARK: Drawing

  private func refresh(prompt other: String? = nil) {
    let first = other ?? prompt
    let width = max(RawTerminal.width() ?? 80, 20)
    var out = "\u{1B}[?25l"
    if cursorRow > 0 { out += "\u{1B}[\(cursorRow)A" }
    out += "\r\u{1B}[J" + first

    // The same walk finds where the cursor is on the screen and where the text ends.
    var (row, column) = (0, DisplayWidth.of(first))
    var target = (row: 0, column: column)
    for (i, character) in text.enumerated() {
      if i == cursor { target = (row, column) }
      if character == "\n" {
        (row, column) = (row + 1, DisplayWidth.of(continuationPrompt))
        continue
      }
      let w = DisplayWidth.of(String(character))
      if column + w > width { (row, column) = (row + 1, 0) }
      column += w
      if column == width { (row, column) = (row + 1, 0) }
    }
    if cursor == text.count { target = (row, column) }

    let styled = highlight(String(text)).replacing("\n", with: "\r\n" + continuationPrompt)
    out += styled
    // A full last line leaves the cursor pending at its end; a space and a return make the wrap real.
    if column == 0, !text.isEmpty, text.last != "\n" { out += " \r" }
    if row > target.row { out += "\u{1B}[\(row - target.row)A" }
    out += "\r" + (target.column > 0 ? "\u{1B}[\(target.column)C" : "") + "\u{1B}[?25h"
    terminal.write(out)
    cursorRow = target.row
  }
}
