internal import Glibc

/// The terminal as the line editor needs it: raw keys in, bytes out, its size.
struct RawTerminal {
  enum Key: Equatable {
    case text(String)
    case enter, tab, backspace, delete
    case left, right, up, down, home, end, wordLeft, wordRight
    case control(Character)
    case paste(String)
    case escape
    case endOfInput
  }

  private let saved: termios

  /// nil when standard input is not a terminal.
  init?() {
    var settings = termios()
    guard isatty(STDIN_FILENO) != 0, tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
    saved = settings
  }

  func enterRawMode() {
    var raw = saved
    raw.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON)
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
    write("\u{1B}[?2004h")
  }

  func leaveRawMode() {
    write("\u{1B}[?2004l")
    var settings = saved
    tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
  }

  func write(_ text: String) { Self.write(text, to: STDOUT_FILENO) }

  /// Writes all of `text`, unbuffered; what the reader no longer takes is dropped.
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
      if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR && errno != EAGAIN { return }
    }
  }

  /// Columns of the terminal on `descriptor`, or nil when it is none.
  static func width(of descriptor: Int32 = STDOUT_FILENO) -> Int? { size(of: descriptor)?.columns }

  static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
    guard isatty(descriptor) != 0 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  // MARK: Keys

  func readKey() -> Key {
    guard let first = readByte() else { return .endOfInput }
    switch first {
    case 0x0D: return .enter
    case 0x0A: return .enter
    case 0x09: return .tab
    case 0x7F, 0x08: return .backspace
    case 0x1B: return readEscape()
    case 0x01...0x1A: return .control(Character(UnicodeScalar(first + 0x60)))
    case 0x00...0x1F: return readKey()
    default:
      var bytes = [first]
      let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
      while bytes.count < length, let next = readByte() { bytes.append(next) }
      return .text(String(decoding: bytes, as: UTF8.self))
    }
  }

  private func readEscape() -> Key {
    guard hasInput(), let next = readByte() else { return .escape }
    switch next {
    case UInt8(ascii: "b"): return .wordLeft
    case UInt8(ascii: "f"): return .wordRight
    case 0x7F: return .control("w")
    case UInt8(ascii: "O"), UInt8(ascii: "["):
      var parameters: [UInt8] = []
      while let byte = readByte() {
        if (0x40...0x7E).contains(byte) { return readSequence(String(decoding: parameters, as: UTF8.self), byte) }
        parameters.append(byte)
        if parameters.count > 16 { return .escape }
      }
      return .endOfInput
    default: return .escape
    }
  }

  private func readSequence(_ parameters: String, _ final: UInt8) -> Key {
    let modified = parameters.hasSuffix(";5") || parameters.hasSuffix(";3")
    switch final {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "C"): return modified ? .wordRight : .right
    case UInt8(ascii: "D"): return modified ? .wordLeft : .left
    case UInt8(ascii: "H"): return .home
    case UInt8(ascii: "F"): return .end
    case UInt8(ascii: "~"):
      switch parameters {
      case "1", "7": return .home
      case "4", "8": return .end
      case "3": return .delete
      case "200": return readPaste()
      default: return .escape
      }
    default: return .escape
    }
  }

  /// Text between the bracketed-paste marks, taken as text: an Enter in it submits nothing.
  private func readPaste() -> Key {
    let end = Array("\u{1B}[201~".utf8)
    var bytes: [UInt8] = []
    while let byte = readByte() {
      bytes.append(byte)
      if bytes.count >= end.count, bytes.suffix(end.count).elementsEqual(end) {
        bytes.removeLast(end.count)
        break
      }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return .paste(text.replacing("\r\n", with: "\n").replacing("\r", with: "\n"))
  }

  private func readByte() -> UInt8? {
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count == 1 { return byte }
      if count == 0 || errno != EINTR { return nil }
    }
  }

  /// Whether the rest of an escape sequence is there: a lone Escape has nothing behind it.
  private func hasInput() -> Bool {
    var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 50) > 0
  }
}
