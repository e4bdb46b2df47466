internal import ArgumentParser
internal import CIMEngine

struct QueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Run statements and write their results to stdout.",
    usage: "cimq query DB 'QUERY' | -f FILE | -   [--format F] [-o FILE] [--timeout 10s] [--fail-if-empty]",
    discussion: """
      cimq query city.sqlite "FIND shelter NEAREST 5 TO AT(113.62, 34.75)" --format geojson > near.geojson
      cimq query city.sqlite "COUNT building WHERE floors > 6"
      cimq query city.sqlite -f report.cimq
      cimq query city.sqlite building --filter-json '{"op":">","args":[{"property":"floors"},6]}'
      echo "COUNT person INSIDE grid3 '410105003012007'" | cimq query city.sqlite -

      A distance always has a unit (500 m, 2 km); literals are WGS 84 longitude, latitude unless a CRS is named
      (AT(113.6562, 34.7588) IN GCJ02). Without --format the result is a table on a terminal and csv otherwise.
      """)

  @Argument(
    help: ArgumentHelp("The database, then the text to run; - reads the text from stdin.", valueName: "DB QUERY"))
  var words: [String] = []
  @Option(name: .shortAndLong, help: ArgumentHelp("Read the text from a file.", valueName: "FILE"))
  var file: String?
  @OptionGroup var output: OutputArguments
  @Option(
    name: .customLong("param"),
    help: ArgumentHelp("Give $name a value in the text; may be repeated.", valueName: "name=value"))
  var parameters: [String] = []
  @Option(
    name: .customLong("filter-json"),
    help: ArgumentHelp(
      "Only rows that pass this CQL2-JSON filter: its text, a file, or - for stdin. The text to run is then one FIND or "
        + "COUNT, or only the name of a layer.", valueName: "JSON"))
  var filterJSON: String?
  @Option(help: ArgumentHelp("The layer to find, instead of a text to run.", valueName: "LAYER"))
  var layer: String?
  @Flag(name: .customLong("strict-cql2"), help: "Full-width punctuation is not read as ASCII.")
  var strictCQL2 = false

  func run() throws {
    let (path, rest) = try DatabasePath.split(words, command: "query", wants: "'QUERY'")
    let text = try statementText(rest)
    let runner = try Runner(database: path, output: output.settings)
    runner.strictCQL2 = strictCQL2
    try runner.setParameters(parameters)
    if let filterJSON { runner.filter = try Self.filter(filterJSON) }
    try runner.run(text)
  }

  /// The text to run: as given, or made of the name of a layer.
  private func statementText(_ rest: [String]) throws -> String {
    if let layer {
      guard rest.isEmpty, file == nil else {
        throw ValidationError("--layer LAYER and a text to run: give one of them")
      }
      return "FIND \(Printer.name(layer))"
    }
    let text = try queryText(rest)
    // One name and nothing else is a layer.
    let isName = text.unicodeScalars.allSatisfy {
      $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType != nil
    }
    return filterJSON != nil && isName && !text.isEmpty ? "FIND \(text)" : text
  }

  /// The filter of `--filter-json`: JSON itself, or where it lies.
  private static func filter(_ source: String) throws -> Expression {
    let start = source.utf8.first { $0 > 0x20 }
    let isJSON = start.map { [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\"")].contains($0) } ?? false
    let text = isJSON || source == "true" || source == "false" ? source : try read(source)
    do throws(QueryError) { return try parseFilterJSON(text) } catch {
      throw Messages.InText(error: error, text: text)
    }
  }

  private func queryText(_ rest: [String]) throws -> String {
    let source: String
    if let file {
      guard rest.isEmpty else { throw ValidationError("-f FILE and a query on the command line: give one of them") }
      source = file
    } else if rest == ["-"] {
      source = "-"
    } else if rest.count == 1 {
      guard !rest[0].allSatisfy(\.isWhitespace) else {
        throw ValidationError("what to ask? cimq query DB 'QUERY', or -f FILE, or - for stdin")
      }
      return rest[0]
    } else if rest.isEmpty {
      throw ValidationError("what to ask? cimq query DB 'QUERY', or -f FILE, or - for stdin")
    } else {
      throw ValidationError(
        "\(rest.count) texts were given where one is wanted; put the query in quotes: cimq query DB 'FIND …'")
    }
    return try Self.read(source)
  }

  /// A file, or stdin for `-`, as text.
  private static func read(_ source: String) throws -> String {
    guard let bytes = TextFile.readBytes(source) else {
      throw StoreError(.file, "cannot read \(source == "-" ? "standard input" : source): \(lastSystemError())")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw StoreError(.content, "\(source == "-" ? "standard input" : source) is not UTF-8 text")
    }
    return text
  }
}

/// How and where results are written; shared by the commands that have results.
struct OutputArguments: ParsableArguments {
  @Option(help: "table, csv, tsv, json, jsonl, geojson, geojsonseq, markdown, wkt, map or html.")
  var format: OutputFormat?
  @Option(name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("Write to a file.", valueName: "FILE"))
  var path: String?
  @Option(help: ArgumentHelp("Stop after this long with status 4, such as 10s.", valueName: "time"))
  var timeout: Duration?
  @Option(help: ArgumentHelp("Stop with status 4 when buffers would pass this, such as 2GB.", valueName: "size"))
  var maxMemory: ByteSize?
  @Option(help: ArgumentHelp("Stop with status 4 when a result has more rows.", valueName: "n"))
  var maxRows: Int?
  @Flag(help: "End with status 5 when nothing is found.")
  var failIfEmpty = false
  @OptionGroup var personal: PersonalArguments

  var settings: OutputSettings {
    OutputSettings(
      format: format, path: path, timeoutSeconds: timeout?.seconds, maximumBytes: maxMemory?.bytes,
      maximumRows: maxRows,
      failIfEmpty: failIfEmpty, personal: personal.personal, sandbox: personal.sandbox)
  }
}

/// What statements may let out, and where to.
struct PersonalArguments: ParsableArguments {
  @Flag(
    help: "Names and phones of people in full, also in files, pipes and pages; noted in the database (cimq audit).")
  var personal = false
  @Option(
    help: ArgumentHelp(
      "EXPORT TO and FILE stay in this folder: for statements that somebody else wrote.", valueName: "DIR"))
  var sandbox: String?
}
