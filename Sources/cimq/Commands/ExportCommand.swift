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
      cimq export city.sqlite shelter -o shelters.csv --bom
      cimq export city.sqlite building -o buildings.gpkg --crs EPSG:4547
      cimq export city.sqlite building -o buildings.city.jsonl

      Written natively: csv, tsv, json, jsonl, geojson, geojsonl, wkt, html. Through ogr2ogr, when it is installed:
      gpkg, fgb, shp, kml, gml, dxf; what such a format cannot hold is said. A name that ends in .city.json or
      .city.jsonl is written as CityJSON 2.0, with every surface, LoD and semantic type; several layers may be named.
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

  @Flag(help: "Begin CSV and TSV with a byte order mark, for spreadsheet programs.")
  var bom = false
  @Option(help: "The encoding of texts in a shapefile, such as GBK; UTF-8 when left out.")
  var encoding: String?
  @Option(help: ArgumentHelp("Give up after this time, such as 10min.", valueName: "time"))
  var timeout: Duration?

  func run() throws {
    let (database, rest) = try DatabasePath.split(words, command: "export", wants: "LAYER -o FILE")
    if query == nil, !rest.isEmpty, CityJSONExport.isSequence(path) != nil {
      guard crs == nil, precision == nil, format == nil else {
        throw ValidationError(
          "CityJSON is written in the working CRS with millimetres; --crs, --precision and --format do not go with it")
      }
      guard personal.sandbox == nil else { throw ValidationError("CityJSON is not written in a sandbox") }
      guard !personal.personal else {
        throw ValidationError("CityJSON is written with personal data masked; --personal goes with .geojson or .csv")
      }
      let token = CancellationToken(timeoutSeconds: timeout?.seconds)
      let report = try Interrupt.during(token) {
        try CityJSONExport.write(rest, of: database, to: path, token: token)
      }
      for notice in report.notices { Messages.warn(notice) }
      return Messages.say(Messages.wrote(path, features: report.objectCount))
    }
    var text: String
    switch (query, rest.first, rest.count) {
    case (let query?, _, 0): text = query
    case (nil, let layer?, 1): text = "FIND \"\(layer.replacing("\"", with: "\"\""))\""
    default: throw ValidationError("what to export? cimq export DB LAYER -o FILE, or --query 'QUERY'")
    }
    let runner = try Runner(
      database: database,
      output: OutputSettings(
        format: format, path: path, timeoutSeconds: timeout?.seconds, personal: personal.personal,
        sandbox: personal.sandbox))
    runner.options.hasByteOrderMark = bom
    runner.options.encoding = encoding
    if let timeout { runner.options.externalSeconds = timeout.seconds }
    runner.options.crs = try CRS.named(crs) ?? .wgs84
    runner.options.precision = precision
    if let layer = rest.first, let place = place(of: layer, in: runner.database.catalog) {
      text += " RETURN *, \(place)"
    }
    try runner.run(text)
  }

  /// What a table says of the place of a layer's rows, so that it can be read back; nil for other formats, which have the
  /// geometry anyway, and for layers without one.
  private func place(of layer: String, in catalog: Catalog) -> String? {
    let format = format ?? OutputFormat(path: path)
    guard query == nil, format == .csv || format == .tsv,
      let known = catalog.layers.first(where: { $0.name.lowercased() == layer.lowercased() }),
      let geometry = known.geometry
    else { return nil }
    let name = "\"\(geometry.name.replacing("\"", with: "\"\""))\""
    let hasHeights = geometry.hasZ && geometry.kind == .point && !known.columns.contains { $0.name.lowercased() == "z" }
    return hasHeights ? "\(name), Z(\(name)) AS z" : name
  }
}
