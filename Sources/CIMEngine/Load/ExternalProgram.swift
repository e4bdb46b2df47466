internal import Glibc

/// Runs another program and waits for it: no shell, a time limit, its messages kept.
package enum ExternalProgram {
  package struct Outcome: Sendable {
    /// Its exit status, or 128 and the signal that ended it.
    package var status: Int32
    package var output: String
    package var errors: String
    package var timedOut = false
    /// What the token said when it was stopped for that.
    package var stopped: QueryError?
  }

  /// - Parameters:
  ///   - name: looked for in `PATH`.
  ///   - environment: added to this process's own.
  ///   - seconds: after which it is killed.
  ///   - token: kills it as well: Ctrl-C and the time that the whole statement has.
  ///   - memoryBytes: of address space, beyond which its allocations fail.
  /// - Returns: nil when there is no such program.
  package static func run(
    _ name: String, _ arguments: [String], environment: [String: String] = [:], seconds: Double,
    memoryBytes: Int = usualMemory, token: CancellationToken? = nil
  ) -> Outcome? {
    guard isInstalled(name) else { return nil }
    // Files rather than pipes: a program that says much cannot block for want of a reader.
    guard let output = TemporaryFile.openUnnamed(), let errors = TemporaryFile.openUnnamed() else {
      return Outcome(
        status: 126, output: "", errors: "no temporary file can be made: \(lastSystemError())")
    }
    defer {
      close(output)
      close(errors)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)

    var variables: [String] = []
    var entry = environ
    while let variable = entry.pointee {
      let text = String(cString: variable)
      if !environment.keys.contains(where: { text.hasPrefix($0 + "=") }) { variables.append(text) }
      entry += 1
    }
    variables += environment.map { "\($0)=\($1)" }
    // The shell sets the limits and becomes the program; its script is fixed, names and arguments are parameters.
    // It ends when this process does, however that ends (`setpriv` of util-linux; without it, it finishes its work).
    let script = """
      ulimit -v \(memoryBytes >> 10); ulimit -t \(Int(seconds) + 60); ulimit -c 0
      if setpriv --pdeathsig KILL true 2>/dev/null; then exec setpriv --pdeathsig KILL -- "$0" "$@"; fi
      exec "$0" "$@"
      """
    let argv = (["sh", "-c", script, name] + arguments).map { strdup($0) } + [nil]
    let envp = variables.map { strdup($0) } + [nil]
    defer {
      for pointer in argv { free(pointer) }
      for pointer in envp { free(pointer) }
    }
    // A group of its own, so that what it starts ends with it.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)
    var pid: pid_t = 0
    let code = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, envp)
    guard code == 0 else { return Outcome(status: 126, output: "", errors: systemError(code)) }
    var outcome = Outcome(status: 0, output: "", errors: "")
    outcome.status = wait(pid, seconds, token, &outcome)
    outcome.output = text(output, limit: 16 << 20)
    outcome.errors = text(errors, limit: 64 << 10)
    return outcome
  }

  /// Address space that a conversion may take. What it maps counts as well, so this is far above what it uses.
  package static let usualMemory = 8 << 30

  /// Whether a program lies on the `PATH`.
  package static func isInstalled(_ name: String) -> Bool {
    guard let variable = getenv("PATH") else { return false }
    return String(cString: variable).split(separator: ":", omittingEmptySubsequences: false).contains {
      access(($0.isEmpty ? "." : String($0)) + "/" + name, X_OK) == 0
    }
  }

  /// What went wrong, from its status and its messages.
  static func summary(_ outcome: Outcome) -> String {
    let lines = outcome.errors.split(whereSeparator: \.isNewline)
    let errors = lines.filter { $0.hasPrefix("ERROR") }
    let said = (errors.isEmpty ? lines : errors).prefix(2).joined(separator: "; ")
    let how = outcome.status > 128 ? "crashed (signal \(outcome.status - 128))" : "failed"
    return how + (said.isEmpty ? "" : ": \(said)")
  }

  private static func wait(_ pid: pid_t, _ seconds: Double, _ token: CancellationToken?, _ outcome: inout Outcome)
    -> Int32
  {
    var status: Int32 = 0
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let end = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 + seconds
    var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
    while true {
      let isKilled = outcome.timedOut || outcome.stopped != nil
      let result = waitpid(pid, &status, isKilled ? 0 : WNOHANG)
      if result == pid { break }
      if result < 0, errno != EINTR { return 127 }
      clock_gettime(CLOCK_MONOTONIC, &now)
      outcome.timedOut = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 > end
      do throws(QueryError) { try token?.check() } catch { outcome.stopped = error }
      if outcome.timedOut || outcome.stopped != nil {
        if kill(-pid, SIGKILL) != 0 { kill(pid, SIGKILL) }
        continue
      }
      nanosleep(&pause, nil)
      pause.tv_nsec = min(pause.tv_nsec * 2, 50_000_000)
    }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }

  private static func text(_ descriptor: Int32, limit: Int) -> String {
    let size = min(Int(lseek(descriptor, 0, SEEK_END)), limit)
    guard size > 0 else { return "" }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = max(0, pread(descriptor, buffer.baseAddress, size, 0))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
