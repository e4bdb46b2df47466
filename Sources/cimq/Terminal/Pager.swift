internal import CIMEngine
internal import Glibc

/// Takes a result on its way to the terminal: a short one is printed, one longer than the screen goes to `$PAGER`, else
/// `less`, from its first row on. Without a pager it is printed.
final class Pager {
  private let isOffered: Bool
  private var held: [UInt8] = []
  private var lines = 0
  private let screenRows: Int
  private var pipeEnd: Int32 = -1
  private var process: pid_t = 0
  private var isDecided = false

  /// - Parameter isOffered: false prints everything: no terminal, `.pager off`.
  init(isOffered: Bool) {
    screenRows = RawTerminal.size(of: STDOUT_FILENO)?.rows ?? .max
    self.isOffered = isOffered && isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 && screenRows > 2
    isDecided = !self.isOffered
  }

  deinit { finish() }

  /// The writer for the result. What it takes arrives here.
  func makeWriter() -> ByteWriter { ByteWriter { [self] in try take($0) } }

  private func take(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    guard !isDecided else { return try send(Array(bytes)) }
    held.append(contentsOf: bytes)
    for byte in bytes where byte == UInt8(ascii: "\n") { lines += 1 }
    // One row is the prompt's.
    guard lines >= screenRows else { return }
    start()
    isDecided = true
    let all = held
    held = []
    try send(all)
  }

  private func send(_ bytes: [UInt8]) throws {
    let descriptor = pipeEnd >= 0 ? pipeEnd : STDOUT_FILENO
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EPIPE {
        throw ByteWriter.ReaderClosed()
      } else if errno != EINTR && errno != EAGAIN {
        throw StoreError(.file, "cannot write the output: \(lastSystemError())")
      }
    }
  }

  private func start() {
    guard let command = Self.command() else { return }
    guard let ends = Pipe.make() else { return }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends.read, STDIN_FILENO)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The shell catches SIGINT and ignores SIGPIPE; the pager gets both as usual.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    sigaddset(&defaults, SIGINT)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    if getenv("LESS") == nil { setenv("LESS", "RSFX", 1) }
    if getenv("LESSCHARSET") == nil { setenv("LESSCHARSET", "utf-8", 1) }
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(command), nil]
    defer { for argument in arguments { free(argument) } }
    let failed = posix_spawn(&process, "/bin/sh", &actions, &attributes, &arguments, environ)
    close(ends.read)
    if failed == 0 {
      pipeEnd = ends.write
    } else {
      close(ends.write)
      process = 0
    }
  }

  /// `$CIMQ_PAGER`, `$PAGER`, else less when it is installed. Empty or `cat` means none.
  private static func command() -> String? {
    for name in ["CIMQ_PAGER", "PAGER"] {
      if let value = getenv(name).map({ String(cString: $0) }) { return value.isEmpty || value == "cat" ? nil : value }
    }
    return ExternalProgram.isInstalled("less") ? "less" : nil
  }

  /// Prints what was short enough to be held, or waits until the user leaves the pager.
  func finish() {
    if !isDecided {
      isDecided = true
      let all = held
      held = []
      try? send(all)
    }
    guard process > 0 else { return }
    close(pipeEnd)
    pipeEnd = -1
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    process = 0
  }
}
