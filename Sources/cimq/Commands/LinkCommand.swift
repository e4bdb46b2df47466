internal import ArgumentParser
internal import CIMEngine

struct LinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link", abstract: "Match a layer with the polygons of another: units to grids, sensors to buildings.",
    discussion: """
      Every row gets exactly one target or none: the polygon that covers it, of several the one with the smallest code;
      with --within else the nearest one. The link, how it came about (inside, nearest, none) and the distance are written
      to the layer in one transaction. Run again, only rows touched since are matched.

        cimq link city.sqlite unit grid3 --within 30m --report unmatched.csv

      Prints rows by method.
      """)

  @Argument(
    help: ArgumentHelp(
      "The database ($CIMQ_DB when left out), the layer, and its target.", valueName: "DB LAYER TARGET"))
  var words: [String]
  @Option(help: "Take the nearest target within this distance where none covers a row, such as 30m.")
  var within: Distance?
  @Option(help: "List the rows on shared edges, in overlaps, in gaps, outside, or without a place in this file.")
  var report: String?
  @Flag(name: .customLong("dry-run"), help: "Match and report, but write nothing to the database.")
  var dryRun = false

  func run() throws {
    let (path, layers) = try DatabasePath.split(words, command: "link", wants: "LAYER TARGET")
    guard layers.count == 2 else {
      throw ValidationError("which layers? cimq link DB LAYER TARGET, such as: cimq link city.sqlite unit grid3")
    }
    let token = CancellationToken()
    try Interrupt.during(token) {
      let database = try Database(path: path) { Messages.warn($0) }
      let file = try report.map {
        try FileSink(path: $0, format: nil, catalog: database.catalog, options: OutputOptions())
      }
      let (summary, notices) = try database.link(
        layers[0], to: layers[1], within: within?.metres, isDryRun: dryRun, token: token, report: file)
      print("method,rows")
      for (method, count) in zip(["inside", "nearest", "none"], summary.counts) { print("\(method),\(count)") }
      for notice in notices { Messages.warn(notice) }
      if let file { Messages.say(Messages.wrote(file.path, features: file.rowCount)) }
    }
  }
}
