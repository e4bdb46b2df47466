internal import ArgumentParser
internal import CIMEngine

struct NearestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nearest",
    abstract: "The nearest rows of a layer to a coordinate: the duty officer's one-liner.",
    usage: "cimq nearest DB LAYER --at LON,LAT [-k 5] [--crs gcj02] [--within 2km] [--where EXPR]",
    discussion: """
      cimq nearest city.sqlite shelter --at 113.65,34.76
      cimq nearest city.sqlite 避难场所 --at 113.6562,34.7588 --crs gcj02 --within 2km --where "status = 'open'"

      Each row ends with its bearing from the coordinate (degrees, clockwise from north), the free places where the layer
      knows its capacity and occupation (empty when unknown), and the distance in metres.
      """)

  @Argument(help: ArgumentHelp("The database, then the layer.", valueName: "DB LAYER"))
  var words: [String] = []
  @Option(help: ArgumentHelp("Longitude, latitude.", valueName: "LON,LAT"))
  var at: Coordinate
  @Option(name: .customShort("k"), help: "How many.")
  var count = 5
  @Option(help: "The CRS of the coordinate: gcj02 from a phone map, EPSG:4547, … WGS 84 when left out.")
  var crs: String?
  @Option(help: ArgumentHelp("No farther than this, such as 2km or 500m.", valueName: "distance"))
  var within: Distance?
  @Option(name: .customLong("where"), help: ArgumentHelp("Only rows for which this holds.", valueName: "EXPR"))
  var condition: String?
  @OptionGroup var output: OutputArguments

  func validate() throws {
    guard count > 0 else { throw ValidationError("-k wants a number of at least 1") }
  }

  func run() throws {
    let (path, rest) = try DatabasePath.split(words, command: "nearest", wants: "LAYER --at LON,LAT")
    guard rest.count == 1, let layerName = rest.first else {
      throw ValidationError("which layer? cimq nearest DB LAYER --at LON,LAT, such as: shelter")
    }
    let runner = try Runner(database: path, output: output.settings)
    if let condition { try runner.check(filter: condition) }
    var text = "FIND \"\(layerName.replacing("\"", with: "\"\""))\" NEAREST \(count) TO "
    text += "AT(\(at.longitude), \(at.latitude))"
    if let crs {
      guard CRS(parsing: crs) != nil else {
        throw QueryError(.unknownCRS(crs), fix: "such as gcj02, bd09, EPSG:4547, EPSG:4490")
      }
      text += " IN \(CRS(parsing: crs)!.description)"
    }
    if let within { text += " WITHIN \(within.metres) m" }
    if let condition { text += " WHERE \(condition)" }
    if let layer = runner.database.catalog.layer(spelt: layerName),
      ["capacity", "occupied"].allSatisfy({ name in layer.columns.contains { $0.name == name } })
    {
      let names = layer.columns.map { "\"" + $0.name.replacing("\"", with: "\"\"") + "\"" }
      text += " RETURN \(names.joined(separator: ", ")), capacity - occupied AS free, distance"
    }
    try runner.run(text, bearingFrom: at, crs: crs.flatMap { CRS(parsing: $0) } ?? .wgs84)
  }
}
