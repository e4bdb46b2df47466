import Foundation
import Glibc
import Testing

/// The program on a pseudo-terminal, with the screen that a user would see.
final class Terminal {
  /// How long a text may take to appear: long, because machines may be slow, and never waited for when it is there.
  private static let limit = Duration.seconds(120)

  private let master: Int32
  private let process: pid_t
  private(set) var screen: Screen
  /// Everything that the program wrote, escape sequences and all.
  private(set) var transcript = ""
  private var partial: [UInt8] = []
  private var hasEnded = false

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  init(_ arguments: [String], columns: Int, rows: Int, environment: [String: String]) throws {
    screen = Screen(columns: columns, rows: rows)
    // posix_openpt and its kin are not seen from Swift; these are the requests that they make.
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (unlocked, number): (Int32, UInt32) = (0, 0)
    let (lockRequest, numberRequest): (UInt, UInt) = (0x4004_5431, 0x8004_5430)  // TIOCSPTLCK, TIOCGPTN
    guard master >= 0, ioctl(master, lockRequest, &unlocked) == 0, ioctl(master, numberRequest, &number) == 0 else {
      throw Failure(description: "no pseudo-terminal: \(String(cString: strerror(errno)))")
    }
    let slave = "/dev/pts/\(number)"
    Self.setSize(master, columns, rows)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The first terminal that a session's leader opens is its own.
    posix_spawn_file_actions_addopen(&actions, 0, slave, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    posix_spawn_file_actions_addclose(&actions, master)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Threads of a test run may block signals; the program must get its Ctrl-C and its resizes.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)  // and POSIX_SPAWN_SETSID
    var variables = ProcessInfo.processInfo.environment
    for name in [
      "CIMQ_DB", "LANG", "LC_ALL", "LC_MESSAGES", "NO_COLOR", "PAGER", "CIMQ_PAGER", "LESS", "XDG_STATE_HOME",
      "XDG_CONFIG_HOME", "DISPLAY", "WAYLAND_DISPLAY",
    ] {
      variables[name] = nil
    }
    variables["TERM"] = "xterm-256color"
    for (name, value) in environment { variables[name] = value }
    var words: [UnsafeMutablePointer<CChar>?] = ([Program.path] + arguments).map { strdup($0) } + [nil]
    var names: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in words + names { free(word) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, Program.path, &actions, &attributes, &words, &names)
    guard code == 0 else {
      throw Failure(description: "cannot start \(Program.path): \(String(cString: strerror(code)))")
    }
    process = child
  }

  deinit {
    if !hasEnded {
      kill(process, SIGKILL)
      var status: Int32 = 0
      waitpid(process, &status, 0)
    }
    close(master)
  }

  // MARK: The user

  /// Types `text`, taking what the program writes meanwhile, so that neither side waits for the other for ever.
  func type(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let piece = bytes.prefix(256)
      let count = piece.withUnsafeBytes { Glibc.write(master, $0.baseAddress!, $0.count) }
      if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR && errno != EAGAIN { return }
      while read(milliseconds: 0) {}
    }
  }

  /// Types a key again and again until `text` is there: the program may not be listening yet.
  func press(_ key: String, until text: String) throws {
    let clock = ContinuousClock()
    let end = clock.now + Self.limit
    let before = transcript.utf8.count
    while clock.now < end {
      type(key)
      let next = min(clock.now + .seconds(2), end)
      while clock.now < next {
        _ = read(milliseconds: 50)
        if String(decoding: transcript.utf8.dropFirst(before), as: UTF8.self).contains(text) { return }
      }
    }
    throw Failure(description: "no `\(text)` after pressing a key; the screen:\n\(screen.text)")
  }

  func resize(columns: Int, rows: Int) {
    screen.resize(columns: columns, rows: rows)
    Self.setSize(master, columns, rows)
  }

  /// Drops what is typed and leaves with Ctrl-D; the program must end well.
  func leave() throws {
    type("\u{3}")
    // Between two statements the terminal is not raw for a moment, and takes a Ctrl-D for itself.
    let status = try waitForExit(pressing: "\u{4}")
    if status != 0 { throw Failure(description: "ended with \(status); the screen:\n\(screen.text)") }
  }

  // MARK: Waiting

  func wait(for text: String) throws { try wait("`\(text)`") { $0.contains(text) } }

  /// Waits until the text of the screen, what has scrolled off it included, is as wanted.
  func wait(_ what: String = "what was waited for", _ isThere: (String) -> Bool) throws {
    let clock = ContinuousClock()
    let end = clock.now + Self.limit
    while true {
      if isThere(screen.text) { return }
      guard clock.now < end else { break }
      if !read(milliseconds: 200), hasEnded { break }
    }
    throw Failure(description: "\(what) did not appear; the screen:\n\(screen.text)")
  }

  /// Waits until the cursor stands behind a prompt.
  func waitForPrompt() throws {
    try wait("a prompt") { _ in
      screen.lines[screen.cursor.row].hasPrefix("cimq> ") || screen.lines[screen.cursor.row] == "cimq>"
    }
  }

  /// Waits for the end of the program, pressing a key every second when one is given.
  func waitForExit(pressing key: String? = nil) throws -> Int32 {
    let clock = ContinuousClock()
    let end = clock.now + Self.limit
    var next = clock.now
    var status: Int32 = 0
    while clock.now < end {
      if let key, clock.now >= next {
        type(key)
        next = clock.now + .seconds(1)
      }
      _ = read(milliseconds: 20)
      if waitpid(process, &status, WNOHANG) == process {
        hasEnded = true
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
      }
    }
    throw Failure(description: "the program did not end; the screen:\n\(screen.text)")
  }

  /// Takes what the program has written; false when there was nothing.
  private func read(milliseconds: Int32) -> Bool {
    var descriptor = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, milliseconds) > 0, descriptor.revents & Int16(POLLIN) != 0 else { return false }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = Glibc.read(master, &bytes, bytes.count)
    guard count > 0 else { return false }
    partial += bytes[..<count]
    // A character may come in two pieces.
    var whole = partial.count
    for back in 1...min(4, partial.count) {
      let byte = partial[partial.count - back]
      if byte < 0x80 { break }
      if byte >= 0xC0 {
        let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
        if length > back { whole = partial.count - back }
        break
      }
    }
    let text = String(decoding: partial[..<whole], as: UTF8.self)
    partial.removeFirst(whole)
    transcript += text
    screen.take(text)
    return true
  }

  private static func setSize(_ descriptor: Int32, _ columns: Int, _ rows: Int) {
    var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
  }

  /// The display columns at which `mark` stands in a line.
  static func columns(of mark: Character, in line: String) -> [Int] {
    var column = 0
    var found: [Int] = []
    for character in line {
      if character == mark { found.append(column) }
      column += Screen.width(character)
    }
    return found
  }
}

/// As much of a terminal's screen as the shell uses: text with wide characters, cursor movement, erasing, scrolling.
struct Screen {
  private(set) var columns: Int
  private(set) var rows: Int
  /// "" is the second half of a wide character.
  private var cells: [[String]]
  private var scrolledOff: [String] = []
  private(set) var cursor = (row: 0, column: 0)
  private var wrapsNext = false
  private var escape: String?

  init(columns: Int, rows: Int) {
    (self.columns, self.rows) = (columns, rows)
    cells = Array(repeating: Array(repeating: " ", count: columns), count: rows)
  }

  /// The lines on the screen, without blanks at their ends.
  var lines: [String] {
    cells.map { row in
      var line = row.joined()
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// All of it, what has scrolled off included.
  var text: String { (scrolledOff + cells.map { $0.joined() }).joined(separator: "\n") }

  mutating func resize(columns: Int, rows: Int) {
    cells = cells.map { row in
      Array(row.prefix(columns)) + Array(repeating: " ", count: max(0, columns - row.count))
    }
    while cells.count > rows, cursor.row < cells.count - 1 { cells.removeLast() }
    while cells.count > rows {
      scrolledOff.append(cells.removeFirst().joined())
      cursor.row -= 1
    }
    while cells.count < rows { cells.append(Array(repeating: " ", count: columns)) }
    (self.columns, self.rows) = (columns, rows)
    cursor = (min(cursor.row, rows - 1), min(cursor.column, columns - 1))
  }

  mutating func take(_ text: String) {
    for scalar in text.unicodeScalars {
      if escape != nil {
        escape!.unicodeScalars.append(scalar)
        let isSequence = escape!.hasPrefix("[")
        if isSequence ? escape!.count > 1 && (0x40...0x7E).contains(scalar.value) : true {
          if escape != "[" {
            perform(escape!)
            escape = nil
          }
        }
        continue
      }
      switch scalar {
      case "\u{1B}": escape = ""
      case "\r": (cursor.column, wrapsNext) = (0, false)
      case "\n": lineFeed()
      case "\u{8}": cursor.column = max(0, cursor.column - 1)
      case _ where scalar.value < 0x20: break
      default: put(Character(scalar))
      }
    }
  }

  private mutating func lineFeed() {
    wrapsNext = false
    if cursor.row + 1 < rows {
      cursor.row += 1
    } else {
      scrolledOff.append(cells.removeFirst().joined())
      cells.append(Array(repeating: " ", count: columns))
    }
  }

  private mutating func put(_ character: Character) {
    let width = Self.width(character)
    if wrapsNext || cursor.column + width > columns {
      cursor.column = 0
      lineFeed()
    }
    cells[cursor.row][cursor.column] = String(character)
    if width == 2 { cells[cursor.row][cursor.column + 1] = "" }
    cursor.column += width
    if cursor.column >= columns { (cursor.column, wrapsNext) = (columns - 1, true) }
  }

  private mutating func perform(_ sequence: String) {
    guard sequence.hasPrefix("["), let final = sequence.last else { return }
    let parameters = sequence.dropFirst().dropLast().split(separator: ";", omittingEmptySubsequences: false)
      .map { Int($0) ?? 0 }
    let first = parameters.first ?? 0
    wrapsNext = false
    switch final {
    case "A": cursor.row = max(0, cursor.row - max(first, 1))
    case "B": cursor.row = min(rows - 1, cursor.row + max(first, 1))
    case "C": cursor.column = min(columns - 1, cursor.column + max(first, 1))
    case "D": cursor.column = max(0, cursor.column - max(first, 1))
    case "H":
      cursor = (min(rows, max(first, 1)) - 1, min(columns, max(parameters.count > 1 ? parameters[1] : 1, 1)) - 1)
    case "J":
      let blank = Array(repeating: " ", count: columns)
      if first == 2 {
        for row in cells.indices { cells[row] = blank }
      } else {
        for column in cursor.column..<columns { cells[cursor.row][column] = " " }
        for row in (cursor.row + 1)..<max(rows, cursor.row + 1) { cells[row] = blank }
      }
    case "K": for column in cursor.column..<columns { cells[cursor.row][column] = " " }
    default: break
    }
  }

  /// Columns of a character, by the blocks of Unicode that the tests use.
  static func width(_ character: Character) -> Int {
    guard let value = character.unicodeScalars.first?.value else { return 0 }
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
