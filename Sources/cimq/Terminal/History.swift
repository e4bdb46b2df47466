internal import CIMEngine
internal import Glibc

/// Statements typed before, oldest first, kept in a file of their own for each database.
struct History {
  private static let limit = 2000
  private(set) var entries: [String] = []
  private let path: String?

  /// `path` nil keeps the history for this session only.
  init(path: String?) {
    self.path = path
    guard let path, let text = TextFile.read(path) else { return }
    entries = text.split(separator: "\n").suffix(Self.limit).map { Self.decode(String($0)) }
  }

  mutating func add(_ entry: String) {
    guard !entry.allSatisfy(\.isWhitespace), entries.last != entry else { return }
    entries.append(entry)
    guard let path else { return }
    if entries.count > Self.limit + 200 {
      entries.removeFirst(entries.count - Self.limit)
      TextFile.write(entries.map { Self.encode($0) + "\n" }.joined(), to: path)
    } else {
      TextFile.append(Self.encode(entry) + "\n", to: path)
    }
  }

  /// `$XDG_STATE_HOME/cimq/history-NAME-HASH`, so that databases of one name in different folders keep apart.
  static func path(forDatabase database: String?) -> String? {
    guard let home = Environment["HOME"] else { return nil }
    let state = Environment["XDG_STATE_HOME"] ?? home + "/.local/state"
    let folder = state + "/cimq"
    guard Folder.make(folder, mode: 0o700) else { return nil }
    guard let database else { return folder + "/history" }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in (FilePath.real(database) ?? database).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let name = database.split(separator: "/").last ?? "database"
    return "\(folder)/history-\(name)-\(String(hash, radix: 16))"
  }

  static func encode(_ entry: String) -> String {
    entry.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  static func decode(_ line: String) -> String {
    var result = ""
    var isEscaped = false
    for character in line {
      if isEscaped {
        result.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return result
  }
}

/// Small text files of the user's own: history, query files.
enum TextFile {
  /// nil when the file cannot be read; `errno` says why.
  static func read(_ path: String) -> String? {
    readBytes(path).map { String(decoding: $0, as: UTF8.self) }
  }

  static func readBytes(_ path: String) -> [UInt8]? {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, Sandbox.openFlags(path))
    guard descriptor >= 0 else { return nil }
    defer { if descriptor != STDIN_FILENO { close(descriptor) } }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count > 0 {
        bytes.append(contentsOf: chunk[..<count])
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        return nil
      }
    }
  }

  @discardableResult
  static func write(_ text: String, to path: String) -> Bool { put(text, path, O_WRONLY | O_CREAT | O_TRUNC) }
  @discardableResult
  static func append(_ text: String, to path: String) -> Bool { put(text, path, O_WRONLY | O_CREAT | O_APPEND) }

  private static func put(_ text: String, _ path: String, _ flags: Int32) -> Bool {
    let descriptor = open(path, flags | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var text = text
    return text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
  }
}
