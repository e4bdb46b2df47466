internal import ArgumentParser
internal import CIMEngine

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy a database, also while it is being read and written.",
    discussion: """
      The copy is of one revision, is checked, and appears under its name when it is complete. It is a database like any
      other: to put it back, close what uses the old one, and copy it over. The snapshot beside a database is not copied: it
      is made anew when the copy is first asked.

        cimq backup city.sqlite backups/city-0720.sqlite
      """)

  @Argument(help: ArgumentHelp("The database ($CIMQ_DB when left out), then the file to make.", valueName: "DB FILE"))
  var words: [String]
  @Flag(help: "Replace a file that is there already.")
  var force = false

  func run() throws {
    let (path, rest) =
      words.count == 1 && DatabasePath.fromEnvironment != nil
      ? (DatabasePath.fromEnvironment ?? "", words) : try DatabasePath.split(words, command: "backup", wants: "FILE")
    guard rest.count == 1, let target = rest.first else {
      throw ValidationError("where to? cimq backup DB FILE, such as: cimq backup city.sqlite city-backup.sqlite")
    }
    let bar = ProgressBar(Messages.isChinese ? "备份" : "backup")
    let token = CancellationToken()
    let report = try Interrupt.during(token) {
      defer { bar.finish() }
      return try Backup.copy(path, to: target, replacing: force, token: token) { bar.update($0) }
    }
    let size = CellText.number(Double(report.byteCount) / 1e6, decimals: 1)
    Messages.say(
      Messages.isChinese
        ? "已写入备份 \(target)（\(size) MB，修订 \(report.revision)，检查通过）"
        : "wrote \(target) (\(size) MB, revision \(report.revision), checked)")
  }
}

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Who let names and phones of people leave a database, and where to.",
    discussion: """
      Names and phones of people are masked in files, pipes and pages. With --personal they leave in full, and each such
      export is noted in the table cimq_audit before its first row: time, user, statement, columns, target, rows. Rows are
      empty where the export did not come to its end.
      """)

  @Argument(help: ArgumentHelp("The database; $CIMQ_DB when left out.", valueName: "DB"))
  var path: String?
  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat?

  func run() throws {
    guard let path = path ?? DatabasePath.fromEnvironment else {
      throw ValidationError("which database? cimq audit DB — or set CIMQ_DB")
    }
    if let format, ![.table, .csv, .tsv, .json, .jsonl, .markdown].contains(format) {
      throw ValidationError("audit is written as table, csv, tsv, json, jsonl or markdown, not \(format.rawValue)")
    }
    let entries = try Database.audit(path)
    let format = format ?? (PersonalOutput.goesToTerminal ? .table : .csv)
    var options = OutputOptions()
    options.chinese = Messages.isChinese && format == .table
    let writer = ByteWriter(descriptor: 1)
    let catalog = Catalog(databaseID: "", workingCRS: .wgs84)
    var sink = try format.makeSink(to: writer, catalog: catalog, options: options)
    let names =
      Messages.isChinese && format == .table
      ? ["编号", "时间", "用户", "语句", "列", "去向", "行数"]
      : ["number", "time", "user", "statement", "columns", "target", "rows"]
    let types: [ColumnType] = [.int, .timestamp, .text, .text, .text, .text, .int]
    try sink.begin(
      ResultHeader(
        columns: zip(names, types).map { ResultColumn(name: $0, type: $1) }, crs: .wgs84, rowCount: entries.count))
    try sink.write(
      RowBatch(
        rowCount: entries.count,
        columns: [
          Vector(.int(entries.map { Int64($0.number) })), Vector(.timestamp(entries.map(\.time))),
          Vector(.text(entries.map(\.user))), Vector(.text(entries.map(\.statement))),
          Vector(.text(entries.map(\.columns))), Vector(.text(entries.map(\.target))),
          Vector(.int(entries.map { Int64($0.rows ?? 0) }), validity: entries.map { $0.rows != nil }),
        ]))
    try sink.end(notices: [])
    try writer.finish()
  }
}
