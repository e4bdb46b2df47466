extension QueryError {
  /// The message, the line of `text` that is to blame, and a line of carets under the part of it. Wide characters are
  /// two columns. A line too long for a terminal is shown as a window around the carets. Without a range: the message.
  public func rendered(in text: String, chinese: Bool = false) -> String {
    let message = message(chinese: chinese)
    guard let range else { return message }
    let bytes = Array(text.utf8)
    let start = min(max(0, range.lowerBound), bytes.count)
    let lineStart = (bytes[..<start].lastIndex { $0 == 0x0A || $0 == 0x0D }).map { $0 + 1 } ?? 0
    let lineEnd = bytes[start...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
    let end = min(max(range.upperBound, start), lineEnd)
    let lineNumber = bytes[..<lineStart].reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }

    func piece(_ from: Int, _ to: Int) -> String {
      // A tab's width is the terminal's own; a space in its place keeps the carets right.
      String(decoding: bytes[from..<to], as: UTF8.self).replacing("\t", with: " ")
    }
    var before = piece(lineStart, start)
    var marked = piece(start, end)
    var after = piece(end, lineEnd)
    let half = Self.window / 2
    if DisplayWidth.of(before) + DisplayWidth.of(marked) + DisplayWidth.of(after) > Self.window {
      if DisplayWidth.of(before) > half { before = "…" + Self.suffix(of: before, columns: half) }
      marked = Self.cut(marked, half)
      after = Self.cut(after, max(0, Self.window - DisplayWidth.of(before) - DisplayWidth.of(marked)))
    }
    let label = bytes.contains(0x0A) ? (chinese ? "第 \(lineNumber) 行：" : "line \(lineNumber): ") : "  "
    let indent = String(repeating: " ", count: DisplayWidth.of(label) + DisplayWidth.of(before))
    let carets = String(repeating: "^", count: max(1, DisplayWidth.of(marked)))
    return "\(message)\n\(label)\(before)\(marked)\(after)\n\(indent)\(carets)"
  }

  private static let window = 100

  private static func cut(_ text: String, _ columns: Int) -> String {
    DisplayWidth.of(text) <= columns ? text : DisplayWidth.prefix(of: text, columns: max(0, columns - 1)) + "…"
  }

  private static func suffix(of text: String, columns: Int) -> String {
    String(DisplayWidth.prefix(of: String(text.reversed()), columns: columns).reversed())
  }
}
