internal import CIMEngine
internal import Glibc

/// Where results go and what limits them: `OutputArguments` as values.
struct OutputSettings {
  var format: OutputFormat?
  var path: String?
  var timeoutSeconds: Double?
  var maximumBytes: Int?
  var maximumRows: Int?
  var failIfEmpty = false
  var personal = false
  var sandbox: String?
}

/// Runs statements against one database and writes each result where it belongs.
///
/// Results go to stdout or to a file; everything else goes to stderr.
final class Runner {
  let database: Database
  private let output: OutputSettings
  private let personal: PersonalOutput
  var strictCQL2 = false
  /// A condition that the rows of the one FIND or COUNT meet as well (`--filter-json`).
  var filter: Expression?
  /// CRS and precision of files, when they are not the defaults.
  var options = OutputOptions()
  /// Adds lon and lat of each row in this CRS.
  var coordinateCRS: CRS?
  /// Says on stderr when rows are as of more than a day ago.
  var warnsOfAge = false
  private var session = Session()

  init(database path: String, output: OutputSettings) throws {
    self.output = output
    personal = try PersonalOutput(isFull: output.personal, sandbox: output.sandbox)
    database = try Database(path: path) { Messages.warn($0) }
  }

  func setParameters(_ definitions: [String]) throws {
    for definition in definitions {
      guard let equals = definition.firstIndex(of: "="), equals != definition.startIndex else {
        throw UsageError("--param wants name=value, found `\(definition)`")
      }
      session.parameters[String(definition[..<equals])] = String(definition[definition.index(after: equals)...])
    }
  }

  /// Looks at a `--where` on its own, so that a mistake in it is shown in what the user typed.
  func check(filter text: String) throws {
    do throws(QueryError) { _ = try parseFilter(text) } catch { throw Messages.InText(error: error, text: text) }
  }

  func run(_ text: String, bearingFrom origin: Coordinate? = nil, crs: CRS = .wgs84) throws {
    do {
      try runStatements(text, origin.map { (longitude: $0.longitude, latitude: $0.latitude, crs: crs) })
    } catch let error as QueryError {
      throw Messages.InText(error: error, text: text)
    }
  }

  private func runStatements(
    _ text: String, _ origin: (longitude: Double, latitude: Double, crs: CRS)?
  ) throws {
    var script = try database.parse(text, strictCQL2: strictCQL2)
    if let filter {
      guard script.statements.count == 1, case .find(var find) = script.statements[0].body else {
        throw UsageError("--filter-json goes with one FIND or COUNT, or with the name of a layer")
      }
      find.filters.append(filter)
      script.statements[0].body = .find(find)
    }
    let format = output.format ?? output.path.flatMap(OutputFormat.init(path:)) ?? defaultFormat
    let withResult = script.statements.filter { $0.hasResult && $0.export == nil }
    var results = withResult.count
    // `LINK …; COUNT …`: beside one question the reports of what was written go where notices go.
    let reportsAside =
      results > 1 && (!format.takesSeveralResults || output.path != nil) && withResult.count(where: \.isReading) == 1
    if reportsAside { results = 1 }
    if results > 1, !format.takesSeveralResults || output.path != nil {
      throw UsageError(
        "\(format.rawValue) holds one result, and this text has \(results); use jsonl or table, or run them one by one")
    }
    guard results > 0 || output.path == nil else {
      throw UsageError("-o was given, but no statement here has a result to write")
    }
    let token = CancellationToken(timeoutSeconds: output.timeoutSeconds, maximumBytes: output.maximumBytes)
    var found = 0
    try Interrupt.during(token) {
      for statement in script.statements {
        let text = Shell.text(of: statement, in: text)
        if reportsAside, !statement.isReading, statement.export == nil {
          try runAside(statement, text, token)
        } else {
          found += try run(statement, text, format, token, origin)
        }
      }
    }
    if output.failIfEmpty, results > 0, found == 0 { throw Status.nothingFound }
  }

  /// Runs a statement that writes, and says on stderr what it did.
  private func runAside(_ statement: Statement, _ text: String, _ token: CancellationToken) throws {
    let rows = CollectedRows()
    let run = QueryRun(token: token, isOrdered: true, sandbox: personal.sandbox) { [personal, database] in
      try personal.exportSink($0, of: database, statement: text, token: token)
    }
    let report = try database.run(statement, in: &session, run, into: rows)
    if case .edit = statement.body {
      for row in rows.rows { Messages.warn(zip(rows.columns, row).map { "\($0): \($1)" }.joined(separator: ", ")) }
    }
    for notice in report.notices { Messages.warn(notice) }
  }

  /// Runs one statement; returns how many rows it gave.
  private func run(
    _ statement: Statement, _ text: String, _ format: OutputFormat, _ token: CancellationToken,
    _ origin: (longitude: Double, latitude: Double, crs: CRS)?
  ) throws -> Int {
    var options = self.options
    options.chinese = Messages.isChinese && [.table, .map, .html].contains(format)
    options.queryText = text
    options.token = token
    options.disclosure = personal.disclosure(text, to: output.path, of: database)
    let isTerminal = output.path == nil && (format == .table || format == .map) && isatty(STDOUT_FILENO) != 0
    if isTerminal {
      let size = RawTerminal.size(of: STDOUT_FILENO)
      (options.terminalWidth, options.terminalHeight) = (size?.columns, size?.rows)
      options.colour = Shell.usesColour
    }
    let file = try output.path.map {
      try FileSink(path: $0, format: output.format?.rawValue, catalog: database.catalog, options: options)
    }
    let writer = ByteWriter(descriptor: STDOUT_FILENO)
    let sink = try file ?? format.makeSink(to: writer, catalog: database.catalog, options: options)
    let counted = ResultGate(sink, maximumRows: output.maximumRows)
    var target: any RowSink = counted
    let isFlat = [.table, .markdown, .csv, .tsv, .json, .jsonl].contains(format)
    if isFlat, let coordinateCRS {
      target = CoordinateSink(target, crs: coordinateCRS, catalog: database.catalog)
    }
    target =
      try origin.map {
        try BearingSink(
          target, longitude: $0.longitude, latitude: $0.latitude, crs: $0.crs,
          spelling: format == .table || format == .markdown ? .compass(chinese: Messages.isChinese) : .degrees)
      } ?? target
    let aged = warnsOfAge ? AgeSink(target) : nil
    if let aged { target = aged }
    let run = QueryRun(
      token: token, isOrdered: format == .table || format == .markdown, sandbox: personal.sandbox,
      makeExport: { [personal, database, output] in
        try personal.exportSink(
          $0, of: database, statement: text, token: token, rowLimit: output.maximumRows)
      })
    let report = try database.run(statement, in: &session, run, into: target)
    for notice in report.notices { Messages.warn(notice) }
    for notice in report.exports.flatMap(\.notices) + (file?.notices ?? []) { Messages.warn(notice) }
    for export in report.exports {
      Messages.say(Messages.wrote(export.path, features: export.rowCount))
    }
    if let file { Messages.say(Messages.wrote(file.path, features: file.rowCount)) }
    if let warning = aged?.warning(now: Int64(time(nil)) * 1_000_000) { Messages.warn(warning) }
    return report.exports.reduce(counted.rowCount) { $0 + $1.rowCount }
  }

  private var defaultFormat: OutputFormat { isatty(STDOUT_FILENO) != 0 ? .table : .csv }
}

/// Counts the rows that pass, and stops a result that is longer than `--max-rows`.
final class ResultGate: RowSink {
  private var sink: any RowSink
  private let maximumRows: Int?
  private(set) var rowCount = 0

  init(_ sink: any RowSink, maximumRows: Int?) {
    self.sink = sink
    self.maximumRows = maximumRows
  }

  var wantsShapes: Bool { sink.wantsShapes }
  func begin(_ header: ResultHeader) throws { try sink.begin(header) }
  func write(_ batch: RowBatch) throws {
    rowCount += batch.rowCount
    if let maximumRows, rowCount > maximumRows {
      throw QueryError(.limit("the result has more than \(maximumRows) rows (--max-rows)"))
    }
    try sink.write(batch)
  }
  func end(notices: [String]) throws { try sink.end(notices: notices) }
}

/// The command line is wrong in a way that the argument parser cannot see.
struct UsageError: UserFacingError {
  var message: String
  var failureClass: FailureClass { .usage }
  init(_ message: String) { self.message = message }
}

extension FileSink {
  /// The file of an EXPORT TO. A map page shows the statement and speaks the user's language.
  static func forExport(
    _ export: Export, catalog: Catalog, text: String, disclosure: Disclosure = .masked, sandbox: Sandbox? = nil,
    token: CancellationToken? = nil, rowLimit: Int? = nil
  ) throws -> FileSink {
    var options = OutputOptions()
    options.disclosure = disclosure
    options.precision = export.precision
    (options.token, options.rowLimit) = (token, rowLimit)
    options.queryText = text
    let format = export.format.flatMap { OutputFormat(rawValue: $0.lowercased()) } ?? OutputFormat(path: export.path)
    options.chinese = Messages.isChinese && format == .html
    if let name = export.crs {
      guard let crs = CRS(parsing: name.text) else { throw QueryError(.unknownCRS(name.text), at: name.range) }
      options.crs = crs
    }
    return try FileSink(path: export.path, format: export.format, catalog: catalog, options: options, sandbox: sandbox)
  }
}

extension Messages {
  static func wrote(_ path: String, features: Int) -> String {
    isChinese
      ? "已写入 \(path)（\(features) 个要素）" : "wrote \(path) (\(features) feature\(features == 1 ? "" : "s"))"
  }
}
