internal import ArgumentParser
internal import CIMEngine

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a layer or the result of a query to a file, in the format of its extension.",
    usage: "cimq export DB LAYER -o FILE    or    cimq export DB --query 'QUERY' -o FILE",
    discussion: """
      cimq export city.sqlite shelter -o shelters.geojson
      cimq export city.sqlite --query "FIND building WHERE height > 100" -o towers.csv
      cimq export city.sqlite shelter -o shelters.geojson --crs gcj02
      """)

  @Argument(help: ArgumentHelp("The database, then the layer.", valueName: "DB LAYER"))
  var words: [String] = []
  @Option(help: "The rows to write, instead of a layer.")
  var query: String?
  @Option(
    name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("The file to write.", valueName: "FILE"))
  var path: String
  @Option(help: "The format, when the extension does not say it.")
  var format: OutputFormat?
  @Option(help: "The CRS of the written coordinates; WGS 84 when left out.")
  var crs: String?
  @Option(help: "Decimals of the written coordinates.")
  var precision: Int?
  @OptionGroup var personal: PersonalArguments

  func run() throws {
    let (database, rest) = try DatabasePath.split(words, command: "export", wants: "LAYER -o FILE")
    let text: String
    switch (query, rest.first, rest.count) {
    case (let query?, _, 0): text = query
    case (nil, let layer?, 1): text = "FIND \"\(layer.replacing("\"", with: "\"\""))\""
    default: throw ValidationError("what to export? cimq export DB LAYER -o FILE, or --query 'QUERY'")
    }
    let runner = try Runner(
      database: database,
      output: OutputSettings(
        format: format, path: path, personal: personal.personal, sandbox: personal.sandbox))
    runner.options.crs = try CRS.named(crs) ?? .wgs84
    runner.options.precision = precision
    try runner.run(text)
  }
}
