internal import CIMEngine
internal import Glibc

/// The interactive shell: a loop of read, run, print. The dot commands are in extensions.
final class Shell {
  let path: String
  let database: Database
  var personal: PersonalOutput
  var session = Session()
  var settings = Settings()
  let saved: SavedQueries
  /// The last statement that gave a result, for `.watch`, `.save`, `.open`.
  var last: Last?
  var sql: ReadOnlySQL?
  private(set) var isInteractive = false
  /// Made anew when `.import` brings layers.
  private(set) var highlighter: Highlighter
  private(set) var completer: Completer

  struct Settings {
    var format: OutputFormat?
    var timer = false
    var explain = false
    var pager = true
    /// 0 shows all.
    var maximumRows = 200
    /// Where results go instead of stdout; `once` takes back its place after one result.
    var outputPath: String?
    var isOnce = false
    var timeout: Double?
    /// Of printed coordinates; with it tables, csv and json show where rows lie.
    var crs: CRS?
  }

  enum Last {
    case statement(String)
    case sql(String)

    var text: String {
      switch self {
      case .statement(let text): text
      case .sql(let text): ".sql " + text
      }
    }
  }

  init(path: String, personal: PersonalOutput) throws {
    self.path = path
    self.personal = personal
    database = try Database(path: path) { Messages.warn($0) }
    saved = SavedQueries(forDatabase: path)
    highlighter = Highlighter(catalog: database.catalog)
    completer = Completer(database: database, saved: saved)
  }

  var catalog: Catalog { database.catalog }

  func catalogHasChanged() throws {
    try database.refresh()
    highlighter = Highlighter(catalog: database.catalog)
    completer = Completer(database: database, saved: saved)
  }

  // MARK: Loops

  func runInteractively(on terminal: RawTerminal, readsConfiguration: Bool) throws {
    isInteractive = true
    settings.timer = true
    Interrupt.protectShell()
    let layers = Messages.isChinese ? "\(catalog.layers.count) 个图层" : "\(catalog.layers.count) layers"
    Messages.say("cimq \(Cimq.version) — \(path): \(layers), \(catalog.workingCRS). .help · .examples · .quit")
    if let notice = catalog.notice { Messages.say(notice) }
    if readsConfiguration, !runConfiguration() { return }
    let editor = LineEditor(
      terminal: terminal, prompt: "cimq> ", continuationPrompt: "  ...> ",
      history: History(path: History.path(forDatabase: path)))
    editor.isComplete = Self.isComplete
    editor.complete = { [self] in completer.complete($0, $1) }
    if Self.usesColour { editor.highlight = { [self] in highlighter.styles($0) } }
    while true {
      // Edits are open until COMMIT or ROLLBACK.
      editor.prompt = database.isInTransaction ? "cimq*> " : "cimq> "
      switch editor.readStatement() {
      case .endOfInput: return
      case .interrupted: continue
      case .line(let line):
        do {
          if try !run(line) { return }
        } catch {
          _ = Messages.report(error)
        }
        if Interrupt.endingStatus != nil { return }
      }
    }
  }

  static var usesColour: Bool {
    Environment["NO_COLOR"] == nil && Environment["TERM"] != "dumb"
  }

  /// `$XDG_CONFIG_HOME/cimq/rc`, then `~/.cimqrc`: dot commands and statements. A mistake is said and does not end it.
  private func runConfiguration() -> Bool {
    guard let home = Environment["HOME"] else { return true }
    let configuration = Environment["XDG_CONFIG_HOME"] ?? home + "/.config"
    for file in [configuration + "/cimq/rc", home + "/.cimqrc"] {
      guard let text = TextFile.read(file) else { continue }
      var goesOn = true
      runLines(of: text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) + "\n" }) {
        line, input in
        do {
          goesOn = try run(input)
        } catch {
          Messages.say("\(file), \(Messages.isChinese ? "第 \(line) 行" : "line \(line)"):")
          _ = Messages.report(error)
        }
        return goesOn
      }
      if !goesOn { return false }
    }
    return true
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

  /// Divides lines into dot commands and whole statements; stops when `body` says false.
  func runLines(of lines: [String], _ body: (_ line: Int, _ input: String) throws -> Bool) rethrows {
    var pending = ""
    var start = 1
    for (number, line) in lines.enumerated() {
      if pending.allSatisfy(\.isWhitespace) { (pending, start) = ("", number + 1) }
      pending += line
      let isDotted = pending.drop(while: \.isWhitespace).hasPrefix(".")
      if isDotted || Self.isComplete(pending) {
        let input = pending
        pending = ""
        if !input.allSatisfy(\.isWhitespace), try !body(start, input) { return }
      }
    }
    if !pending.allSatisfy(\.isWhitespace) { _ = try body(start, pending) }
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
    return quote == nil && (lastSignificant == ";" || lastSignificant == "；" || lastSignificant == nil)
  }

  /// Runs one input; false when it was `.quit`.
  func run(_ input: String) throws -> Bool {
    let text = input.drop(while: \.isWhitespace)
    if text.hasPrefix(".") { return try runDotCommand(String(text)) }
    guard !text.allSatisfy(\.isWhitespace) else { return true }
    do {
      let script = try database.parse(input, strictCQL2: false)
      for statement in script.statements {
        let text = Self.text(of: statement, in: input)
        if statement.hasResult, statement.isReading { last = .statement(text) }
        try run(statement, text: text)
      }
    } catch let error as QueryError {
      throw Messages.InText(error: error, text: input)
    }
    return true
  }

  static func text(of statement: Statement, in input: String) -> String {
    let bytes = Array(input.utf8)
    let range = statement.range.clamped(to: 0..<bytes.count)
    return String(decoding: bytes[range], as: UTF8.self)
  }

  // MARK: Results

  private func run(_ statement: Statement, text: String) throws {
    if settings.explain, statement.explain == nil, case .find = statement.body {
      var plan = statement
      (plan.explain, plan.export) = (.plan, nil)
      let lines = CollectedRows()
      let token = CancellationToken(timeoutSeconds: settings.timeout)
      _ = try Interrupt.during(token) {
        try database.run(plan, in: &session, queryRun(token, text, isOrdered: false), into: lines)
      }
      for row in lines.rows { Messages.say((Messages.isChinese ? "计划 " : "plan  ") + row.joined(separator: " ")) }
    }
    try show(text) { [self] token, isOrdered, sink in
      let report = try database.run(statement, in: &session, queryRun(token, text, isOrdered: isOrdered), into: sink)
      for notice in report.notices { Messages.warn(notice) }
      for export in report.exports { Messages.say(Messages.wrote(export.path, features: export.rowCount)) }
    }
  }

  func queryRun(_ token: CancellationToken, _ text: String, isOrdered: Bool) -> QueryRun {
    QueryRun(token: token, isOrdered: isOrdered, sandbox: personal.sandbox) { [personal, database] in
      try personal.exportSink($0, of: database, statement: text, token: token)
    }
  }

  /// Prints what `work` sends into its sink as the settings say: format, file or pager, CRS, timer.
  func show(_ text: String, _ work: (CancellationToken, _ isOrdered: Bool, any RowSink) throws -> Void) throws {
    let onTerminal = isatty(STDOUT_FILENO) != 0
    let format =
      settings.outputPath.flatMap(OutputFormat.init(path:)) ?? settings.format ?? (onTerminal ? .table : .csv)
    let isForPeople = [.table, .markdown, .map].contains(format)
    var options = OutputOptions()
    options.chinese = Messages.isChinese && (isForPeople || format == .html)
    options.queryText = text
    options.disclosure = personal.disclosure(text, to: settings.outputPath, of: database)
    if let crs = settings.crs { options.crs = crs }
    let pager = Pager(isOffered: settings.pager && isInteractive && settings.outputPath == nil)
    if onTerminal, settings.outputPath == nil {
      if format == .html, isInteractive {
        throw UsageError("html goes into a file: .once map.html, or .open for a page of the last result")
      }
      let size = RawTerminal.size(of: STDOUT_FILENO)
      (options.terminalWidth, options.terminalHeight) = (size?.columns, size?.rows)
      options.colour = Self.usesColour
      if format == .table, settings.maximumRows > 0 { options.maximumRows = settings.maximumRows }
    }
    let token = CancellationToken(timeoutSeconds: settings.timeout)
    options.token = token
    let file = try settings.outputPath.map {
      try FileSink(path: $0, format: format.rawValue, catalog: catalog, options: options, sandbox: personal.sandbox)
    }
    var sink = try file ?? format.makeSink(to: pager.makeWriter(), catalog: catalog, options: options)
    let isFlat = [.table, .markdown, .csv, .tsv, .json, .jsonl].contains(format)
    if isFlat, let crs = settings.crs { sink = CoordinateSink(sink, crs: crs, catalog: catalog) }
    let counted = ResultGate(sink, maximumRows: nil)
    let started = ContinuousClock.now
    do {
      try Interrupt.during(token) { try work(token, isForPeople, counted) }
    } catch is ByteWriter.ReaderClosed {
      // The user has seen enough and left the pager.
      return pager.finish()
    } catch {
      pager.finish()
      throw error
    }
    let milliseconds = (ContinuousClock.now - started) / .milliseconds(1)
    pager.finish()
    if let file {
      Messages.say(Messages.wrote(file.path, features: file.rowCount))
      if settings.isOnce { (settings.outputPath, settings.isOnce) = (nil, false) }
    }
    if settings.timer {
      let rows = CellText.grouped(counted.rowCount)
      let time = CellText.number(milliseconds, decimals: 1)
      Messages.say(
        Messages.isChinese ? "\(rows) 行，\(time) 毫秒" : "\(rows) row\(counted.rowCount == 1 ? "" : "s"), \(time) ms")
    }
  }
}

/// A result kept in memory as people read it: for `.watch` and for plans.
final class CollectedRows: RowSink {
  private(set) var columns: [String] = []
  private(set) var rows: [[String]] = []
  let wantsShapes = false

  func begin(_ header: ResultHeader) throws { columns = header.columns.map(\.name) }
  func write(_ batch: RowBatch) throws {
    for row in 0..<batch.rowCount { rows.append(batch.columns.map { CellText.oneLine($0[row].shown) }) }
  }
  func end(notices: [String]) throws {}
}

extension Value {
  /// As a cell shows it; NULL is empty.
  var shown: String {
    switch self {
    case .null: ""
    case .text(let text): text
    case .double(let number): CellText.number(number, decimals: 3)
    case .int(let number): String(number)
    case .bool(let flag): flag ? "true" : "false"
    case .date(let days): CellText.date(days)
    case .timestamp(let time): CellText.timestamp(time)
    case .list(let values): "[" + values.map(\.shown).joined(separator: ", ") + "]"
    case .geometry(let shape): "\(shape.kind) of \(shape.vertexCount) vertices"
    }
  }
}

extension Statement {
  /// False for statements that change data.
  var isReading: Bool {
    switch body {
    case .link, .edit, .transaction: false
    default: true
    }
  }
}
