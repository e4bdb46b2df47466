internal import ArgumentParser
internal import CIMEngine

struct NearestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nearest",
    abstract: "The nearest rows of a layer to a coordinate or a place: the duty officer's one-liner.",
    usage: "cimq nearest DB LAYER --at LON,LAT|PLACE [-k 5] [--crs gcj02] [--within 2km] [--by-road] [--where EXPR]",
    discussion: """
      cimq nearest city.sqlite shelter --at 113.65,34.76
      cimq nearest city.sqlite 避难场所 --at 113.6562,34.7588 --crs gcj02 --within 2km --where "status = 'open'"
      cimq nearest city.sqlite shelter --at '人民公园' --out-crs gcj02
      cimq nearest city.sqlite shelter --at 113.65,34.76 --by-road --avoiding "flood 'F-0720'"

      A place is looked for in the names and addresses of the layers, then in ids and codes: one match is used and said,
      several are listed, none shows similar names.

      Each row ends with its bearing from there (degrees, clockwise from north), the free places where the layer
      knows its capacity and occupation (empty when unknown), and the distance in metres. --out-crs adds lon and lat, in
      GCJ-02 for phone maps. Rows whose as_of is older than a day are pointed out on stderr.
      """)

  @Argument(help: ArgumentHelp("The database, then the layer.", valueName: "DB LAYER"))
  var words: [String] = []
  @Option(
    name: [.customLong("at"), .customLong("near")],
    help: ArgumentHelp("Longitude, latitude; or the name or address of a place.", valueName: "LON,LAT|PLACE"))
  var at: String
  @Option(name: .customShort("k"), help: "How many.")
  var count = 5
  @Option(help: "The CRS of the coordinate: gcj02 from a phone map, EPSG:4547, … WGS 84 when left out.")
  var crs: String?
  @Option(help: ArgumentHelp("Add lon and lat of each row in this CRS, such as gcj02.", valueName: "crs"))
  var outCrs: String?
  @Option(help: ArgumentHelp("No farther than this, such as 2km or 500m.", valueName: "distance"))
  var within: Distance?
  @Flag(name: .customLong("by-road"), help: "Walking distance along the layer road, not a straight line.")
  var byRoad = false
  @Option(
    help: ArgumentHelp(
      "With --by-road: an area whose streets are closed, such as \"flood 'F-0720'\".", valueName: "REFERENCE"))
  var avoiding: String?
  @Option(name: .customLong("where"), help: ArgumentHelp("Only rows for which this holds.", valueName: "EXPR"))
  var condition: String?
  @OptionGroup var output: OutputArguments

  func validate() throws {
    guard count > 0 else { throw ValidationError("-k wants a number of at least 1") }
    if Coordinate(argument: at) == nil, !Self.isPlaceName(at) {
      throw ValidationError("--at wants longitude,latitude such as 113.65,34.76, or the name of a place; found `\(at)`")
    }
    if crs != nil, Coordinate(argument: at) == nil {
      throw ValidationError("--crs belongs to a coordinate; a place is found in the database and needs none")
    }
    guard avoiding == nil || byRoad else { throw ValidationError("--avoiding goes with --by-road") }
  }

  /// Digits and punctuation alone are a coordinate gone wrong.
  private static func isPlaceName(_ text: String) -> Bool { text.contains { $0.isLetter } }

  func run() throws {
    let (path, rest) = try DatabasePath.split(words, command: "nearest", wants: "LAYER --at LON,LAT")
    guard rest.count == 1, let layerName = rest.first else {
      throw ValidationError("which layer? cimq nearest DB LAYER --at LON,LAT, such as: shelter")
    }
    let runner = try Runner(database: path, output: output.settings)
    if let condition { try runner.check(filter: condition) }
    if let crs, CRS(parsing: crs) == nil {
      throw QueryError(.unknownCRS(crs), fix: "such as gcj02, bd09, EPSG:4547, EPSG:4490")
    }
    let coordinateCRS = crs.flatMap { CRS(parsing: $0) } ?? .wgs84
    var origin: Coordinate
    if let coordinate = Coordinate(argument: at) {
      origin = coordinate
    } else {
      let place = try PlaceLookup.place(named: at, in: runner.database)
      Messages.warn(place.described)
      origin = place.coordinate
    }
    var text = "FIND \"\(layerName.replacing("\"", with: "\"\""))\" NEAREST \(count) TO "
    text += "AT(\(origin.longitude), \(origin.latitude))"
    if crs != nil { text += " IN \(coordinateCRS.description)" }
    if let within { text += " WITHIN \(within.metres) m" }
    // A reference and nothing behind it.
    if let avoiding, try runner.database.parse("FIND \"x\" INSIDE \(avoiding)").statements.count != 1 {
      throw ValidationError("--avoiding wants one area, such as \"flood 'F-0720'\"")
    }
    if byRoad { text += " BY ROAD" + (avoiding.map { " AVOIDING \($0)" } ?? "") }
    if let condition { text += " WHERE \(condition)" }
    if let layer = runner.database.catalog.layer(spelt: layerName),
      ["capacity", "occupied"].allSatisfy({ name in layer.columns.contains { $0.name == name } })
    {
      let names = layer.columns.map { "\"" + $0.name.replacing("\"", with: "\"\"") + "\"" }
      text += " RETURN \(names.joined(separator: ", ")), capacity - occupied AS free, distance"
    }
    if let outCrs {
      guard let crs = CRS(parsing: outCrs) else {
        throw QueryError(.unknownCRS(outCrs), fix: "such as gcj02, bd09, wgs84, EPSG:4490")
      }
      runner.coordinateCRS = crs
      runner.options.crs = crs
    }
    runner.warnsOfAge = true
    try runner.run(text, bearingFrom: origin, crs: coordinateCRS)
  }
}

/// Watches the column `as_of` of a result on its way out, and tells how old its oldest row is.
final class AgeSink: RowSink {
  private var sink: any RowSink
  private var column: Int?
  private var oldest: Int64?
  private static let dayInMicroseconds: Int64 = 86_400_000_000

  init(_ sink: any RowSink) { self.sink = sink }

  var wantsShapes: Bool { sink.wantsShapes }
  func begin(_ header: ResultHeader) throws {
    column = header.columns.firstIndex { $0.name == "as_of" && $0.type == .timestamp }
    try sink.begin(header)
  }
  func write(_ batch: RowBatch) throws {
    if let column {
      for row in 0..<batch.rowCount {
        if case .timestamp(let time) = batch.columns[column][row] { oldest = min(oldest ?? time, time) }
      }
    }
    try sink.write(batch)
  }
  func end(notices: [String]) throws { try sink.end(notices: notices) }

  /// What to say when the oldest row is older than a day, `now` in microseconds since 1970.
  func warning(now: Int64) -> String? {
    guard let oldest, now - oldest > Self.dayInMicroseconds else { return nil }
    let days = CellText.grouped(Int((now - oldest) / Self.dayInMicroseconds))
    let time = CellText.timestamp(oldest)
    return Messages.isChinese
      ? "最旧一行的数据截至 \(time)，已过 \(days) 天；状态与空余可能已变"
      : "the oldest row is as of \(time), \(days) day\(days == "1" ? "" : "s") ago; status and free places may have changed"
  }
}
