internal import ArgumentParser
internal import CIMEngine
internal import Glibc

struct ShellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell",
    abstract: "Ask questions interactively; reads statements from stdin when it is not a terminal.",
    discussion: """
      Statements end with ; and may run over several lines. Tab completes, the arrows walk through the history, Ctrl-R
      searches it, Ctrl-C drops what is typed or stops the running query, Ctrl-D leaves. Dot commands: .help
      """)

  @Argument(help: ArgumentHelp("The database; $CIMQ_DB when left out.", valueName: "DB"))
  var path: String?

  func run() throws {
    guard let path = path ?? DatabasePath.fromEnvironment else {
      throw ValidationError("which database? cimq shell DB — or set CIMQ_DB")
    }
    let shell = try Shell(path: path)
    if let terminal = RawTerminal() {
      try shell.runInteractively(on: terminal)
    } else {
      try shell.runFromInput()
    }
  }
}

/// The interactive shell: a loop of read, run, print, and the dot commands.
final class Shell {
  private let path: String
  private let database: Database
  private var session = Session()
  private var settings = Settings()

  struct Settings {
    var format: OutputFormat?
    var timer = false
    var chinese = Messages.isChinese
    var maximumRows = 200
    /// Where results go instead of stdout; `once` takes back its place after one result.
    var outputPath: String?
    var isOnce = false
    var timeout: Double?
  }

  init(path: String) throws {
    self.path = path
    database = try Database(path: path) { Messages.warn($0) }
  }

  // MARK: Loops

  func runInteractively(on terminal: RawTerminal) throws {
    settings.timer = true
    let catalog = database.catalog
    Messages.say("cimq \(Cimq.version) — \(path): \(catalog.layers.count) layers, \(catalog.workingCRS). .help · .quit")
    if let notice = catalog.notice { Messages.say(notice) }
    let editor = LineEditor(
      terminal: terminal, prompt: "cimq> ", continuationPrompt: "  ...> ",
      history: History(path: History.path(forDatabase: path)))
    editor.isComplete = Self.isComplete
    let completer = Completer(catalog: catalog)
    editor.complete = { completer.complete($0, $1) }
    if getenv("NO_COLOR") == nil { editor.highlight = Highlighter.highlight }
    while true {
      switch editor.readStatement() {
      case .endOfInput: return
      case .interrupted: continue
      case .line(let line):
        do {
          if try !run(line) { return }
        } catch {
          _ = Messages.report(error)
        }
      }
    }
  }

  /// Statements and dot commands from a pipe. The first error ends it, with its exit status.
  func runFromInput() throws {
    var pending = ""
    while let line = readLine(strippingNewline: false) {
      if pending.allSatisfy(\.isWhitespace), line.hasPrefix(".") {
        if try !run(line) { return }
        pending = ""
        continue
      }
      pending += line
      if Self.isComplete(pending) {
        if try !run(pending) { return }
        pending = ""
      }
    }
    if !pending.allSatisfy(\.isWhitespace) { _ = try run(pending) }
  }

  /// A dot command is one line; statements are complete when they end with `;` outside strings and comments.
  static func isComplete(_ text: String) -> Bool {
    let trimmed = text.drop(while: \.isWhitespace)
    if trimmed.isEmpty || trimmed.hasPrefix(".") { return true }
    var quote: Character?
    var lastSignificant: Character?
    var rest = trimmed[...]
    while let character = rest.first {
      rest = rest.dropFirst()
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"" {
        quote = character
      } else if character == "‘" {
        quote = "’"
      } else if character == "-", rest.first == "-" {
        rest = rest.drop { $0 != "\n" }
        continue
      }
      if !character.isWhitespace { lastSignificant = character }
    }
    return quote == nil && (lastSignificant == ";" || lastSignificant == "；")
  }

  /// Runs one input; false when it was `.quit`.
  private func run(_ input: String) throws -> Bool {
    let text = input.drop(while: \.isWhitespace)
    if text.hasPrefix(".") { return try runDotCommand(String(text)) }
    guard !text.allSatisfy(\.isWhitespace) else { return true }
    do {
      let script = try database.parse(input, strictCQL2: false)
      for statement in script.statements { try run(statement) }
    } catch let error as QueryError {
      throw Messages.InText(error: error, text: input)
    }
    return true
  }

  private func run(_ statement: Statement) throws {
    let onTerminal = isatty(STDOUT_FILENO) != 0
    let format =
      settings.format ?? settings.outputPath.flatMap(OutputFormat.init(path:)) ?? (onTerminal ? .table : .csv)
    var options = OutputOptions()
    options.chinese = settings.chinese && (format == .table || format == .markdown)
    if onTerminal, settings.outputPath == nil {
      options.terminalWidth = RawTerminal.width()
      options.colour = getenv("NO_COLOR") == nil
      if format == .table { options.maximumRows = settings.maximumRows }
    }
    let file = try settings.outputPath.map {
      try FileSink(path: $0, format: format.rawValue, catalog: database.catalog, options: options)
    }
    let sink =
      try file
      ?? format.makeSink(to: ByteWriter(descriptor: STDOUT_FILENO), catalog: database.catalog, options: options)
    let counted = ResultGate(sink, maximumRows: nil)
    let token = CancellationToken(timeoutSeconds: settings.timeout)
    let started = ContinuousClock.now
    let run = QueryRun(
      token: token, isOrdered: format == .table || format == .markdown,
      makeExport: { [catalog = database.catalog] export in
        var options = OutputOptions()
        options.precision = export.precision
        if let name = export.crs {
          guard let crs = CRS(parsing: name.text) else { throw QueryError(.unknownCRS(name.text), at: name.range) }
          options.crs = crs
        }
        return try FileSink(path: export.path, format: export.format, catalog: catalog, options: options)
      })
    let report = try Interrupt.during(token) { try database.run(statement, in: &session, run, into: counted) }
    for notice in report.notices { Messages.warn(notice) }
    for export in report.exports { Messages.say(Messages.wrote(export.path, features: export.rowCount)) }
    if let file {
      Messages.say(Messages.wrote(file.path, features: file.rowCount))
      if settings.isOnce { (settings.outputPath, settings.isOnce) = (nil, false) }
    }
    if settings.timer {
      let milliseconds =
        Double((ContinuousClock.now - started).components.attoseconds) / 1e15
        + Double((ContinuousClock.now - started).components.seconds) * 1000
      let rows = CellText.grouped(counted.rowCount)
      let time = CellText.number(milliseconds, decimals: 1)
      Messages.say(
        settings.chinese ? "\(rows) 行，\(time) 毫秒" : "\(rows) row\(counted.rowCount == 1 ? "" : "s"), \(time) ms")
    }
  }

  // MARK: Dot commands

  private func runDotCommand(_ line: String) throws -> Bool {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    let command = words.first ?? "."
    let arguments = Array(words.dropFirst())
    switch command {
    case ".quit", ".exit", ".q": return false
    case ".help": show(ShellHelp.text(for: arguments.first, chinese: settings.chinese))
    case ".layers": show(CatalogText.layers(database.catalog, chinese: settings.chinese))
    case ".schema":
      show(try CatalogText.schema(database.catalog, layer: arguments.first, chinese: settings.chinese))
    case ".mode":
      guard let name = arguments.first else {
        show("mode: \(settings.format?.rawValue ?? "table")")
        break
      }
      guard let format = OutputFormat(rawValue: name.lowercased()) else {
        throw UsageError(
          "unknown mode `\(name)`; there are: \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      settings.format = format
    case ".timer": settings.timer = try onOff(command, arguments.first, settings.timer)
    case ".lang":
      guard let language = arguments.first, language == "zh" || language == "en" else {
        throw UsageError(".lang zh or .lang en")
      }
      settings.chinese = language == "zh"
    case ".rows":
      guard let text = arguments.first, let count = Int(text), count > 0 else {
        throw UsageError(".rows wants how many rows a table shows, such as .rows 500 (now \(settings.maximumRows))")
      }
      settings.maximumRows = count
    case ".timeout":
      guard let text = arguments.first else { throw UsageError(".timeout wants a time, such as 10s, or off") }
      guard text != "off" else {
        settings.timeout = nil
        break
      }
      guard let duration = Duration(argument: text) else {
        throw UsageError(".timeout wants a time, such as 10s, or off; found `\(text)`")
      }
      settings.timeout = duration.seconds
    case ".output", ".once":
      settings.outputPath = arguments.first
      settings.isOnce = command == ".once"
      if command == ".once", arguments.isEmpty { throw UsageError(".once wants a file, such as .once near.geojson") }
    case ".read":
      guard let file = arguments.first else { throw UsageError(".read wants a file with statements") }
      guard let text = TextFile.read(file) else {
        throw StoreError(.file, "cannot read \(file): \(Messages.systemError())")
      }
      return try run(text)
    default:
      let known = ShellHelp.commands.map(\.name)
      let near = Spelling.nearest(to: command, among: known)
      throw UsageError("unknown command \(command)" + (near.map { "; did you mean \($0)?" } ?? "; .help lists them"))
    }
    return true
  }

  private func show(_ text: String) {
    RawTerminal.write(text + "\n", to: STDOUT_FILENO)
  }

  private func onOff(_ command: String, _ word: String?, _ current: Bool) throws -> Bool {
    switch word?.lowercased() {
    case nil: return !current
    case "on": return true
    case "off": return false
    default: throw UsageError("\(command) on or \(command) off")
    }
  }
}
