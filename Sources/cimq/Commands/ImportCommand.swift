public import ArgumentParser
public import CIMEngine

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Load files, globs or directories into a database; makes it when it is not there.",
    discussion: """
      cimq import city.sqlite tiles datasets
      cimq import hague.sqlite denhaag.city.json
      cimq import city.sqlite shelters.csv --layer shelter --crs EPSG:4547 --types phone=text
      cimq import city.sqlite poi.geojson --crs gcj02 --dry-run

      Read natively: CityJSON 1.0-2.0, CityJSONSeq, GeoJSON, GeoJSONSeq, CSV and TSV (UTF-8 or GB18030). Anything else
      goes through ogr2ogr when it is installed. One import is one transaction: it is all there or not at all.
      A folder with a cimq.json is read as that file says.
      """)

  @Argument(help: ArgumentHelp("The database, then files, globs or directories.", valueName: "DB SOURCE…"))
  var words: [String] = []
  @Option(help: "The layer's name; else the file's name up to the first dot.")
  var layer: String?
  @Option(help: "The CRS of sources that state none, such as EPSG:4547 or gcj02.")
  var crs: String?
  @Option(help: ArgumentHelp("The CRS of the sources, whatever they state.", valueName: "crs"))
  var forceCrs: String?
  @Option(help: ArgumentHelp("The CRS of a new database: projected in metres, or EPSG:4326.", valueName: "crs"))
  var workingCrs: String?
  @Option(help: "Text encoding, such as GB18030; else it is detected.")
  var encoding: String?
  @Option(help: ArgumentHelp("The zone of times without one, such as Asia/Shanghai or +08:00.", valueName: "zone"))
  var timezone: String?
  @Option(help: ArgumentHelp("Types of columns: text, int, double, bool, date, timestamp.", valueName: "col=type"))
  var types: [String] = []
  @Option(help: ArgumentHelp("An id that is there with other content: fail, replace or skip.", valueName: "what"))
  var onConflict: ImportConflict = .fail
  @Option(help: ArgumentHelp("The column that rows are known by, when it is not id.", valueName: "column"))
  var key: String?
  @Flag(help: "Import what is sound; write features that are wrong, with the reasons, to NAME.rejected.EXT.")
  var skipInvalid = false
  @Flag(help: "Take values that the closed list of their column does not know; the list no longer holds then.")
  var newValues = false
  @Option(help: ArgumentHelp("The file for features that are wrong, with --skip-invalid.", valueName: "file"))
  var rejects: String?
  @Option(help: ArgumentHelp("Give up a conversion by ogr2ogr after this time, such as 10min.", valueName: "time"))
  var timeout: Duration?
  @Flag(help: "Say what would happen, and change nothing.")
  var dryRun = false

  func run() throws {
    let (path, sources) = try DatabasePath.split(words, command: "import", wants: "SOURCE…")
    guard !sources.isEmpty else { throw ValidationError("what to import? cimq import DB SOURCE…") }
    var load = LoadOptions(
      crs: try CRS.named(crs), forceCRS: try CRS.named(forceCrs), layer: layer, encoding: encoding,
      timeZone: timezone, types: try columnTypes())
    if let timeout { load.externalSeconds = timeout.seconds }
    let token = CancellationToken()
    load.token = token
    do { try Interrupt.during(token) { try run(path, sources, load, token) } } catch let error as LoadError {
      // What was read when it was stopped is not at fault.
      if token.isCancelled { throw StoreError(.interrupted, "interrupted; nothing was written") }
      throw error
    }
  }

  private func run(
    _ path: String, _ sources: [String], _ load: LoadOptions, _ token: CancellationToken
  ) throws {
    let set = try Sources.open(sources, options: load)
    for warning in set.warnings { Messages.warn(warning) }
    var options = ImportOptions(
      workingCRS: try CRS.named(workingCrs) ?? set.workingCRS, onConflict: onConflict, key: key,
      isDryRun: dryRun)
    if rejects != nil, !skipInvalid { throw ValidationError("--rejects goes with --skip-invalid") }
    options.skipsInvalid = skipInvalid
    options.takesNewValues = newValues
    options.rejectsPath = rejects
    options.notice = set.notice
    options.links = set.links
    let bar = ProgressBar(Messages.isChinese ? "导入" : "import")
    defer { bar.finish() }
    let report = try Importer.run(
      into: path, sources: set.sources.map(\.source), options: options,
      progress: { bar.update($0) },
      notice: {
        bar.finish()
        Messages.warn($0)
      },
      isCancelled: { token.isCancelled })
    if !dryRun {
      try Database.pack(path, token: token) { bar.update($0) }
    }
    bar.finish()
    for line in ImportText.lines(report, isDryRun: dryRun, path: path) { Messages.say(line) }
  }

  private func columnTypes() throws -> [String: ColumnType] {
    var result: [String: ColumnType] = [:]
    for definition in types.flatMap({ $0.split(separator: ",") }) {
      let parts = definition.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let type = ColumnType(rawValue: parts[1].lowercased()), type != .geometry else {
        throw ValidationError(
          "--types wants col=type with text, int, double, bool, date, timestamp or list; found `\(definition)`")
      }
      result[String(parts[0])] = type
    }
    return result
  }
}

extension ImportConflict: ExpressibleByArgument {}

extension CRS {
  /// The CRS that an option names. Throws what a wrong name in a query throws.
  static func named(_ name: String?) throws -> CRS? {
    guard let name else { return nil }
    guard let crs = CRS(parsing: name) else {
      throw CRSError("unknown CRS `\(name)`; such as EPSG:4547, EPSG:4490, WGS84, GCJ02, BD09")
    }
    return crs
  }
}

/// What an import did, in words.
enum ImportText {
  static func lines(_ report: ImportReport, isDryRun: Bool, path: String) -> [String] {
    var lines: [String] = []
    if isDryRun { lines += report.sources.map(Self.line) }
    for layer in report.layers {
      let rows = isDryRun ? layer.sourceRows : layer.tally.inserted + layer.tally.replaced
      var line = "  \(layer.name): \(CellText.grouped(rows)) row\(rows == 1 ? "" : "s")"
      if !isDryRun, !layer.isNew || layer.tally.replaced + layer.tally.identical + layer.tally.skipped > 0 {
        let tally = layer.tally
        line =
          "  \(layer.name): \(CellText.grouped(tally.inserted)) inserted, \(CellText.grouped(tally.replaced)) updated, "
        line += "\(CellText.grouped(tally.identical)) unchanged, \(CellText.grouped(tally.skipped)) skipped"
        if tally.skipped > 0 { line += " (there with other content)" }
      }
      if isDryRun {
        line += layer.isNew ? "  (new layer)" : "  (layer is there)"
        for column in layer.columns { line += "\n    \(column.name) \(column.type.rawValue)" }
        if let geometry = layer.geometry { line += "\n    \(geometry.name) \(CatalogText.geometry(geometry))" }
        for (i, feature) in layer.samples.enumerated() {
          line += "\n    \(Messages.isChinese ? "第 \(i + 1) 行" : "row \(i + 1)"): \(sample(feature, layer))"
        }
      }
      lines.append(line)
    }
    let chinese = Messages.isChinese
    for rejects in report.rejects { lines += Self.lines(rejects, isDryRun: isDryRun) }
    let sum = CellText.grouped(
      report.layers.reduce(0) { $0 + (isDryRun ? $1.sourceRows : $1.tally.inserted + $1.tally.replaced) })
    if isDryRun {
      lines.append(
        chinese
          ? "试运行：\(report.sourceCount) 个来源，\(sum) 行；未写入任何内容"
          : "dry run: \(report.sourceCount) source\(report.sourceCount == 1 ? "" : "s"), \(sum) rows; nothing was written"
      )
    } else {
      lines.append(chinese ? "已导入 \(sum) 行到 \(path)" : "imported \(sum) rows into \(path)")
    }
    return lines
  }
}

extension ImportText {
  /// What a source was taken for.
  private static func line(_ source: ImportReport.Source) -> String {
    let encoding = source.encoding ?? "UTF-8"
    return "  \(source.path): \(source.format), \(encoding)" + (source.crs.map { ", \($0)" } ?? "")
  }

  /// One row, long texts cut.
  private static func sample(_ feature: Feature, _ layer: ImportReport.Layer) -> String {
    func short(_ text: String) -> String { text.count > 40 ? text.prefix(40) + "…" : text }
    var parts = ["id=\(short(feature.id))"]
    for (column, value) in zip(layer.columns, feature.values) where !value.isNull {
      let text = value.plainText.replacing("\n", with: "⏎")
      // As in every other text that does not go to a terminal.
      let shown = PersonalOutput.notesGoToTerminal ? text : layer.personalData(of: column)?.masked(text) ?? text
      parts.append("\(column.name)=\(short(shown))")
    }
    if let geometry = feature.geometry {
      parts.append("\(layer.geometry?.name ?? "geom")=\(short(WKT.write(geometry, decimals: 3)))")
    }
    return parts.joined(separator: ", ")
  }

  /// What was set aside, and why.
  private static func lines(_ rejects: ImportReport.Rejects, isDryRun: Bool) -> [String] {
    let (wrong, count) = (rejects.wrongCount, rejects.features.count)
    let shown = 20
    var lines: [String]
    if Messages.isChinese {
      lines = ["  \(rejects.source)：\(wrong) 个要素有误，\(isDryRun ? "将跳过" : "已跳过")"]
      if count > wrong { lines[0] += "（连同所属的 \(count - wrong) 个）" }
      if let path = rejects.path { lines[0] += "，连同原因写入 \(path)" }
    } else {
      lines = ["  \(rejects.source): \(wrong) feature\(wrong == 1 ? " is" : "s are") wrong and "]
      lines[0] += isDryRun ? "would be left out" : "left out"
      if count > wrong { lines[0] += ", with \(count - wrong) that belong\(count - wrong == 1 ? "s" : "") to them" }
      if let path = rejects.path { lines[0] += "; written with the reasons to \(path)" }
    }
    for feature in rejects.features.lazy.filter(\.isWrong).prefix(shown) {
      let place = feature.error.place.description
      lines.append("    \(place.isEmpty ? feature.key.description : place): \(feature.error.what)")
    }
    if wrong > shown {
      lines.append(Messages.isChinese ? "    ……另有 \(wrong - shown) 个" : "    … and \(wrong - shown) more")
    }
    return lines
  }
}

extension ProgressBar {
  func update(_ progress: ImportProgress) {
    let part = progress.bytesTotal > 0 ? Double(progress.bytesDone) / Double(progress.bytesTotal) : 0
    // Reading twice, writing the second time: a quarter of the time goes into the first pass.
    switch progress.phase {
    case .survey: update(part * 0.25, "reading \(progress.subject)")
    case .write: update(0.25 + part * 0.6, "\(CellText.grouped(progress.rows)) rows, \(progress.subject)")
    case .index: update(0.86, "indexing \(progress.subject)")
    }
  }

  func update(_ progress: SnapshotProgress) {
    update(
      0.9, "packing \(progress.layer): \(CellText.grouped(progress.rowCount)) of \(CellText.grouped(progress.total))")
  }
}
