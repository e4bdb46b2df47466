internal import ArgumentParser
internal import CIMEngine
internal import Glibc

@main
enum Main {
  static func main() {
    // A closed pipe is seen as an error of write(2), where it can end the command quietly.
    signal(SIGPIPE, SIG_IGN)
    do {
      let words = Array(CommandLine.arguments.dropFirst())
      try CommandLineWords.checkCommand(words)
      var command = try Cimq.parseAsRoot(CommandLineWords.prepared(words))
      try command.run()
    } catch {
      let status = Messages.report(error)
      exit(Interrupt.endingStatus ?? status)
    }
    if let status = Interrupt.endingStatus { exit(status) }
  }
}

struct Cimq: ParsableCommand {
  static let version = "0.1.0"
  static let configuration = CommandConfiguration(
    commandName: "cimq",
    abstract: "Ask spatial questions of a city: grids, buildings, people, shelters, hazards.",
    discussion: """
      A database is one SpatiaLite file; cimq keeps a fast snapshot beside it. Start with:

        cimq import city.sqlite tiles datasets
        cimq query city.sqlite "FIND shelter NEAREST 3 TO AT(113.65, 34.76) WHERE status = 'open'"
        cimq nearest city.sqlite shelter --at 113.65,34.76
        cimq shell city.sqlite

      Results go to stdout and nothing else does. Exit status: 0 done, 1 the query or the data is wrong, 2 the command
      line is wrong, 3 a file could not be read or written, 4 a limit was hit, 5 nothing found (--fail-if-empty),
      130 interrupted. With CIMQ_DB set, DB may be left out. cimq completions bash|zsh|fish prints a completion script.
      """,
    version: "cimq \(version)",
    subcommands: [
      ShellCommand.self, QueryCommand.self, NearestCommand.self, ImportCommand.self, ExportCommand.self,
      GenerateCommand.self, LinkCommand.self, InfoCommand.self, CheckCommand.self, SnapshotCommand.self,
      BackupCommand.self, AuditCommand.self, CompletionsCommand.self,
    ])
}

/// What the argument parser would misread: negative coordinates and full-width punctuation.
enum CommandLineWords {
  private static let coordinateOptions: Set<String> = ["--at", "--near"]

  /// A first word that names no command is a slip, or a database where the command is missing.
  static func checkCommand(_ words: [String]) throws {
    let names = Cimq.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard let first = words.first, !first.hasPrefix("-"), first != "help", !names.contains(first) else { return }
    if DatabasePath.exists(first) {
      throw UsageError(
        "`\(first)` is a file and no command; did you mean cimq shell \(first), or cimq query \(first) 'FIND …'?")
    }
    let near = Spelling.nearest(to: first, among: names)
    throw UsageError(
      "there is no command `\(first)`; " + (near.map { "did you mean cimq \($0)?" } ?? "there are: ")
        + (near == nil ? names.joined(separator: ", ") : ""))
  }

  /// Whether a word is the value of `--crs`: neither the end, nor an option, nor a file.
  private static func namesCRS(_ words: [String], _ i: Int) -> Bool {
    i < words.count && !words[i].hasPrefix("--") && !DatabasePath.exists(words[i])
  }

  static func prepared(_ words: [String]) -> [String] {
    var result: [String] = []
    var i = 0
    while i < words.count {
      let word = words[i]
      if coordinateOptions.contains(word), i + 1 < words.count {
        // `--at -73.9,40.7`: the value starts like an option, so it is joined to its own.
        result.append(word + "=" + words[i + 1])
        i += 2
      } else if word == "--crs", words.first == "check", !namesCRS(words, i + 1) {
        // `check DB --crs` asks whether the layers' own CRS can be right.
        result.append("--match-crs")
        i += 1
      } else {
        result.append(word)
        i += 1
      }
    }
    return result
  }
}

/// The exit status that a failed command ends with, said in words on stderr.
enum Messages {
  /// `.lang` changes it; read and set on the main thread only.
  nonisolated(unsafe) static var isChinese: Bool = {
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
      if let value = Environment[name] { return value.hasPrefix("zh") }
    }
    return false
  }()

  static func say(_ text: String) {
    RawTerminal.write(text + "\n", to: STDERR_FILENO)
  }

  static func warn(_ text: String) { say(isChinese ? "提示：" + ChineseText.of(text) : "note: " + text) }

  /// An error that belongs to a query text, shown with the place in it.
  struct InText: Error, Sendable {
    var error: QueryError
    var text: String
  }

  static func report(_ error: any Error) -> Int32 {
    switch error {
    case is ByteWriter.ReaderClosed:
      return 0
    case let status as Status:
      return status.rawValue
    case let error as InText:
      say(error.error.rendered(in: error.text, chinese: isChinese))
      return error.error.failureClass.rawValue
    case let error as any UserFacingError:
      say("cimq: " + (isChinese ? error.chineseMessage : error.message))
      return error.failureClass.rawValue
    default:
      let code = Cimq.exitCode(for: error)
      let message = Cimq.fullMessage(for: error)
      if code.isSuccess {
        if !message.isEmpty { print(message) }
        return 0
      }
      if !message.isEmpty { say(isChinese ? ChineseText.of(message) : message) }
      // The parser's own 64 for a wrong command line is 2 here.
      return code.rawValue == 64 ? 2 : code.rawValue
    }
  }
}

/// Ends a command with a status, everything having been said.
enum Status: Int32, Error {
  case contentWrong = 1
  case nothingFound = 5
}
