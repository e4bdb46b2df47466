internal import CIMEngine

/// Reads statements from a terminal: multi-line editing, history, completion, colours, display widths of CJK text.
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
    /// Put behind a candidate that is the only one: a space, the quote that closes a string.
    var suffix = " "
  }

  private let terminal: RawTerminal
  var prompt: String
  private let continuationPrompt: String
  /// Asked on Enter: a text that is not complete gets a new line instead.
  var isComplete: (String) -> Bool = { _ in true }
  var complete: (_ text: [Character], _ cursor: Int) -> Completion? = { _, _ in nil }
  /// The ANSI style (such as `1;34`) of each character, "" for none; nil draws without colours.
  var highlight: (([Character]) -> [String])?

  private(set) var history: History
  private var text: [Character] = []
  private var cursor = 0
  private var historyIndex = 0
  private var draft: [Character] = []
  private var killed: [Character] = []
  /// Screen row of the cursor, counted from the first row drawn.
  private var cursorRow = 0
  /// Columns that each drawn row takes, and the cursor's column: what a terminal wraps again when it is resized.
  private var drawn: (widths: [Int], column: Int) = ([], 0)
  /// First row of the text that is drawn, when it is taller than the screen.
  private var firstRow = 0

  init(terminal: RawTerminal, prompt: String, continuationPrompt: String, history: History) {
    self.terminal = terminal
    self.prompt = prompt
    self.continuationPrompt = continuationPrompt
    self.history = history
  }

  func readStatement() -> Result {
    terminal.enterRawMode()
    defer { terminal.leaveRawMode() }
    (text, cursor, cursorRow, firstRow) = ([], 0, 0, 0)
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
        let line = String(text)
        let result = finish(.line(line))
        history.add(line)
        return result
      case .control("c"):
        cursor = text.count
        refresh()
        terminal.write("^C")
        return finish(.interrupted, isDrawn: true)
      case .control("d"):
        if text.isEmpty { return finish(.endOfInput) }
        delete()
      case .control("r"): searchHistory()
      case .control("z"):
        terminal.write("\r\n")
        terminal.suspend()
        cursorRow = 0
        refresh()
      case .resize: resized()
      case .tab: completeWord()
      case let key: edit(key)
      }
    }
  }

  private func finish(_ result: Result, isDrawn: Bool = false) -> Result {
    cursor = text.count
    if !isDrawn { refresh() }
    terminal.write("\r\n")
    return result
  }

  // MARK: Editing

  private func edit(_ key: RawTerminal.Key) {
    switch key {
    case .text(let typed): return insert(Array(typed))
    case .paste(let pasted): return insert(Array(pasted.replacing("\t", with: " ")))
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
    case .control("u"): kill(from: lineStart(cursor))
    case .control("w"): kill(from: wordStart())
    case .control("y"): insert(killed)
    case .control("t"):
      guard cursor > 0, text.count > 1 else { return }
      let at = min(cursor, text.count - 1)
      text.swapAt(at - 1, at)
      cursor = at + 1
    case .control("l"):
      terminal.write("\u{1B}[2J\u{1B}[H")
      cursorRow = 0
    default: break
    }
    if !terminal.hasMoreKeys { refresh() }
  }

  private func insert(_ characters: [Character]) {
    // A typed combining mark joins the character before it, as it does on the screen.
    if let first = characters.first, cursor > 0, first != "\n" {
      let joined = String(text[cursor - 1]) + String(first)
      if joined.count == 1 {
        text[cursor - 1] = Character(joined)
        return insert(Array(characters.dropFirst()))
      }
    }
    text.insert(contentsOf: characters, at: cursor)
    cursor += characters.count
    // In the middle of a paste nothing need be drawn: each key would draw all of it again.
    if !terminal.hasMoreKeys { refresh() }
  }

  private func delete() {
    if cursor < text.count { text.remove(at: cursor) }
    refresh()
  }

  private func kill(from start: Int) {
    killed = Array(text[start..<cursor])
    text.removeSubrange(start..<cursor)
    cursor = start
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
      refresh(prompt: "(history) \(pattern): ")
      switch terminal.readKey() {
      case .text(let typed): pattern += typed
      case .paste(let typed): pattern += typed
      case .backspace: pattern = String(pattern.dropLast())
      case .control("r"): break
      case .resize:
        resized()
        continue
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

  // MARK: Completion

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
      var added = common
      if isSingle, !common.hasSuffix("/") {
        // What is there already is not put there again.
        let suffix = completion.suffix
        if !(suffix.first.map { cursor < text.count && text[cursor] == $0 } ?? false) { added += suffix }
      }
      insert(Array(added))
    }
    guard !isSingle else { return }
    let saved = cursor
    cursor = text.count
    refresh()
    terminal.write("\r\n" + columns(of: completion.candidates))
    cursor = saved
    (cursorRow, firstRow) = (0, 0)
    refresh()
  }

  private func columns(of candidates: [String]) -> String {
    let shown = candidates.prefix(100)
    let screen = RawTerminal.width() ?? 80
    let width = min((shown.map(DisplayWidth.of).max() ?? 0) + 2, screen)
    let perLine = max(1, screen / width)
    var lines = ""
    for (i, candidate) in shown.enumerated() {
      let fitted = DisplayWidth.prefix(of: candidate, columns: screen - 1)
      lines += fitted
      lines +=
        (i + 1) % perLine == 0 || i + 1 == shown.count
        ? "\r\n" : String(repeating: " ", count: max(0, width - DisplayWidth.of(fitted)))
    }
    if candidates.count > shown.count { lines += "… +\(candidates.count - shown.count)\r\n" }
    return lines
  }

  // MARK: Drawing

  /// The text as rows of the screen, each with its styles, and where the cursor is in them.
  private func layOut(_ first: String, width: Int) -> (
    rows: [String], widths: [Int], cursor: (row: Int, column: Int)
  ) {
    var rows: [String] = []
    var widths: [Int] = []
    var row = first
    var column = DisplayWidth.of(first)
    var style = ""
    var target = (row: 0, column: column)
    let styles = highlight?(text) ?? []
    func turn() {
      if !style.isEmpty { row += "\u{1B}[0m" }
      rows.append(row)
      widths.append(column)
      row = ""
    }
    for (i, character) in text.enumerated() {
      if i == cursor { target = (rows.count, column) }
      if character == "\n" {
        turn()
        style = ""
        row = continuationPrompt
        column = DisplayWidth.of(continuationPrompt)
        continue
      }
      let w = DisplayWidth.of(character)
      if column + w > width {
        turn()
        if !style.isEmpty { row = "\u{1B}[\(style)m" }
        column = 0
        if i == cursor { target = (rows.count, 0) }
      }
      let wanted = i < styles.count ? styles[i] : ""
      if wanted != style {
        row += (style.isEmpty ? "" : "\u{1B}[0m") + (wanted.isEmpty ? "" : "\u{1B}[\(wanted)m")
        style = wanted
      }
      // A control character must not reach the terminal.
      row.append(w == 0 && character.unicodeScalars.first!.value < 0x20 ? "?" : character)
      column += w == 0 && character.unicodeScalars.first!.value < 0x20 ? 1 : w
    }
    turn()
    if cursor == text.count {
      target = (rows.count - 1, column)
      if column >= width {
        rows.append("")
        widths.append(0)
        target = (rows.count - 1, 0)
      }
    }
    return (rows, widths, target)
  }

  private func refresh(prompt other: String? = nil) {
    let size = RawTerminal.size(of: 1) ?? (80, 24)
    let width = max(size.columns, 20)
    let (rows, widths, target) = layOut(other ?? prompt, width: width)
    // A text taller than the screen is drawn as a window around the cursor.
    let height = max(size.rows, 2)
    if rows.count <= height {
      firstRow = 0
    } else {
      firstRow = min(max(firstRow, target.row - height + 1), target.row)
      firstRow = min(firstRow, rows.count - height)
    }
    let shown = rows[firstRow..<min(rows.count, firstRow + height)]
    var out = "\u{1B}[?25l"
    if cursorRow > 0 { out += "\u{1B}[\(cursorRow)A" }
    out += "\r\u{1B}[J" + shown.joined(separator: "\r\n")
    let below = firstRow + shown.count - 1 - target.row
    if below > 0 { out += "\u{1B}[\(below)A" }
    out += "\r" + (target.column > 0 ? "\u{1B}[\(target.column)C" : "") + "\u{1B}[?25h"
    terminal.write(out)
    cursorRow = target.row - firstRow
    drawn = (Array(widths[firstRow..<firstRow + shown.count]), target.column)
  }

  /// After a resize terminals have wrapped the drawn rows again where they became too long.
  private func resized() {
    let width = max(RawTerminal.width() ?? 80, 20)
    let above = drawn.widths.prefix(cursorRow).reduce(0) { $0 + max(1, ($1 + width - 1) / width) }
    cursorRow = min(above + drawn.column / width, max((RawTerminal.size(of: 1)?.rows ?? 24) - 1, 0))
    refresh()
  }
}
