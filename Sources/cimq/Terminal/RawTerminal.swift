internal import Glibc

/// The terminal as the line editor needs it: raw keys in, bytes out, its size.
final class RawTerminal {
  enum Key: Equatable {
    case text(String)
    case enter, tab, backtab, backspace, delete
    case left, right, up, down, home, end, wordLeft, wordRight
    case control(Character)
    case paste(String)
    case escape
    /// The window has another size now.
    case resize
    case endOfInput
  }

  private let saved: termios
  /// Bytes read and not yet taken as keys. They outlive a statement: a paste may hold several.
  private var pending: [UInt8] = []
  private var taken = 0
  /// SIGWINCH writes a byte here, which wakes the poll that waits for keys.
  nonisolated(unsafe) private static var resizePipe: (read: Int32, write: Int32) = (-1, -1)

  /// nil when standard input is not a terminal.
  init?() {
    var settings = termios()
    guard isatty(STDIN_FILENO) != 0, tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
    saved = settings
    if let ends = Pipe.make() {
      for end in [ends.read, ends.write] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
      Self.resizePipe = ends
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in
        var byte: UInt8 = 0
        _ = Glibc.write(RawTerminal.resizePipe.write, &byte, 1)
      }
      action.sa_flags = SA_RESTART
      sigaction(SIGWINCH, &action, nil)
    }
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

  /// Ctrl-Z: stops the process as the shell's user expects, and takes the terminal back when it goes on.
  func suspend() {
    leaveRawMode()
    raise(SIGTSTP)
    enterRawMode()
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

  /// True when more keys are there already: a paste without marks. Then nothing need be drawn yet.
  var hasMoreKeys: Bool { taken < pending.count || isReadable(STDIN_FILENO, 0) }

  func readKey() -> Key {
    if taken == pending.count {
      switch waitForBytes() {
      case .bytes: break
      case .resized: return .resize
      case .ended: return .endOfInput
      }
    }
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
    case UInt8(ascii: "Z"): return .backtab
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

  private enum Arrival { case bytes, resized, ended }

  private func waitForBytes() -> Arrival {
    while true {
      var descriptors = [
        pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
        pollfd(fd: Self.resizePipe.read, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&descriptors, 2, -1) > 0 else {
        if errno == EINTR { continue }
        return .ended
      }
      if descriptors[1].revents & Int16(POLLIN) != 0 {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(Self.resizePipe.read, &bytes, bytes.count) > 0 {}
        return .resized
      }
      return fill() ? .bytes : .ended
    }
  }

  private func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(STDIN_FILENO, &chunk, chunk.count)
      if count > 0 {
        if taken == pending.count { (pending, taken) = ([], 0) }
        pending.append(contentsOf: chunk[..<count])
        return true
      }
      if count == 0 || errno != EINTR { return false }
    }
  }

  private func readByte() -> UInt8? {
    if taken == pending.count, !fill() { return nil }
    taken += 1
    return pending[taken - 1]
  }

  /// Whether the rest of an escape sequence is there: a lone Escape has nothing behind it.
  private func hasInput() -> Bool { taken < pending.count || isReadable(STDIN_FILENO, 50) }

  private func isReadable(_ descriptor: Int32, _ milliseconds: Int32) -> Bool {
    var descriptor = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, milliseconds) > 0 && descriptor.revents & Int16(POLLIN) != 0
  }
}

/// Two connected descriptors that programs started from here do not inherit.
enum Pipe {
  static func make() -> (read: Int32, write: Int32)? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
