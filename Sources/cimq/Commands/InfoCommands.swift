internal import ArgumentParser
internal import CIMEngine

struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "What is in a database: layers, counts, CRS, extent, snapshot.")

  @Argument(help: ArgumentHelp("The database; $CIMQ_DB when left out.", valueName: "DB"))
  var path: String?
  @Option(help: "Columns, types and values of one layer.")
  var layer: String?

  func run() throws {
    guard let path = path ?? DatabasePath.fromEnvironment else {
      throw ValidationError("which database? cimq info DB — or set CIMQ_DB")
    }
    let database = try Database(path: path) { Messages.warn($0) }
    let chinese = Messages.isChinese
    if let layer {
      print(try CatalogText.schema(database.catalog, layer: layer, chinese: chinese))
    } else {
      print(try CatalogText.summary(database, path: path, chinese: chinese))
    }
  }
}

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Is a file or a database sound? Ends with status 1 when it is not.",
    discussion: """
      For a source file: reads all of it and says what is wrong, as an import would, without importing.
      For a database: SQLite's own integrity check, spatial indexes, links between layers, the snapshot; with --grids
      instead: gaps, overlaps and slivers of the grids, codes whose prefix, parent column and geometry disagree; with
      --crs without a value: layers whose coordinates fit the city better as those of GCJ-02, BD-09 or WGS 84.
      """)

  @Argument(help: ArgumentHelp("A database or a source file.", valueName: "FILE|DB"))
  var path: String
  @Option(help: "The CRS of a source that states none.")
  var crs: String?
  @Flag(help: "Are the grids of a database a partition, and do their codes agree?")
  var grids = false
  @Flag(name: .customLong("match-crs"), help: "Same as --crs without a value: is a layer of a database shifted?")
  var matchCRS = false

  func run() throws {
    if grids || matchCRS {
      let token = CancellationToken()
      try Interrupt.during(token) {
        try show(SoundnessCheck.run(path, (grids ? [.grids] : []) + (matchCRS ? [.crs] : []), token: token))
      }
      return
    }
    try show(SoundnessCheck.run(path, options: LoadOptions(crs: try CRS.named(crs))))
  }

  private func show(_ report: SoundnessCheck) throws {
    for line in report.lines { print(line) }
    if report.hasErrors { throw Status.contentWrong }
  }
}

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Pack the snapshot of a database again, from what the store holds now.")

  @Argument(help: ArgumentHelp("The database; $CIMQ_DB when left out.", valueName: "DB"))
  var path: String?

  func run() throws {
    guard let path = path ?? DatabasePath.fromEnvironment else {
      throw ValidationError("which database? cimq snapshot DB — or set CIMQ_DB")
    }
    let bar = ProgressBar(Messages.isChinese ? "打包" : "pack")
    let token = CancellationToken()
    try Interrupt.during(token) {
      defer { bar.finish() }
      let folder = try Database.pack(path, token: token, everything: true) { bar.update($0) }
      bar.finish()
      Messages.say(Messages.isChinese ? "已写入快照 \(folder)" : "packed \(folder)")
    }
  }
}
