internal import Glibc

/// A note beside the database, `city.sqlite-owner`, that says which process holds the right to write, for the message of
/// whoever waits in vain. Nothing depends on it: SQLite's own lock is what counts, and a note left behind by a process
/// that died is not believed.
final class LockOwner {
  private let path: String

  /// To be called once the lock is held.
  init?(of database: String) {
    path = database + "-owner"
    let text = "\(getpid()) \(Self.startTime(of: getpid()) ?? 0) \(time(nil)) \(Self.command)\n"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = text
    let written = bytes.withUTF8 { write(file, $0.baseAddress, $0.count) }
    guard written == text.utf8.count else {
      unlink(path)
      return nil
    }
  }

  deinit { unlink(path) }

  /// `cimq import` (process 1234, since 17 s); nil when nobody is known to hold the lock.
  static func describe(_ database: String) -> String? {
    guard let note = read(database + "-owner") else { return nil }
    let parts = note.split(separator: " ", maxSplits: 3)
    guard parts.count == 4, let process = pid_t(parts[0]), let start = UInt64(parts[1]), let since = Int(parts[2]),
      process != getpid(), start == startTime(of: process) ?? 0, kill(process, 0) == 0 || errno == EPERM
    else { return nil }
    let command = parts[3].split(separator: "\n").first.map(String.init) ?? ""
    return "`\(command)` (process \(process), since \(max(0, time(nil) - since)) s)"
  }

  /// The program and its subcommand.
  private static var command: String {
    let words = CommandLine.arguments
    let program = words.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "cimq"
    let subcommand = words.dropFirst().first { !$0.hasPrefix("-") && !$0.contains("/") }
    return subcommand.map { "\(program) \($0)" } ?? program
  }

  /// When a process began, in clock ticks since the system did: tells it from a later one of the same number.
  private static func startTime(of process: pid_t) -> UInt64? {
    // The name in parentheses may hold anything; the numbers follow the last of them.
    guard let stat = read("/proc/\(process)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    return fields.count > 19 ? UInt64(fields[19]) : nil
  }

  private static func read(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = Glibc.read(file, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
