internal import CIMEngine
internal import Glibc

/// What this process lets out of names and phones of people, and where its files may lie.
struct PersonalOutput {
  /// `--personal`.
  var isFull = false
  /// `--sandbox`.
  var sandbox: Sandbox?

  static var goesToTerminal: Bool { isatty(STDOUT_FILENO) != 0 }
  static var notesGoToTerminal: Bool { isatty(STDERR_FILENO) != 0 }

  init(isFull: Bool = false, sandbox folder: String? = nil) throws {
    self.isFull = isFull
    sandbox = try folder.map { (folder) throws(StoreError) in try Sandbox(folder: folder) }
  }

  /// How personal columns go to `target`: a file, or stdout when nil.
  func disclosure(_ statement: String, to target: String?, of database: Database) -> Disclosure {
    if target == nil, Self.goesToTerminal { return .shown }
    if isFull { return database.noting(statement, target: target ?? "stdout") }
    return .masked { columns in Messages.warn(Self.note(columns)) }
  }

  private static func note(_ columns: [String]) -> String {
    let list = columns.joined(separator: ", ")
    return Messages.isChinese
      ? "文件、管道和网页中的个人信息已脱敏：\(list)；--personal 可输出全文，每次均记入审计表（cimq audit）"
      : "personal data is masked in files, pipes and pages: \(list); --personal writes it in full, and notes that "
        + "(cimq audit)"
  }

  /// The sink of an EXPORT TO.
  func exportSink(
    _ export: Export, of database: Database, statement text: String, token: CancellationToken, rowLimit: Int? = nil
  ) throws -> FileSink {
    try FileSink.forExport(
      export, catalog: database.catalog, text: text, disclosure: disclosure(text, to: export.path, of: database),
      sandbox: sandbox, token: token, rowLimit: rowLimit)
  }
}
