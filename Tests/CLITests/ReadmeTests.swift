import Foundation
import Testing

/// Every command and statement in the READMEs and the language reference runs on the bundled city.
@Suite("Documents") struct ReadmeTests {
  static let documents = ["README.md", "README.zh-CN.md", "docs/language.md", "docs/language.zh-CN.md"]

  /// Lines of fenced code blocks of a document, with the answer lines that follow a `$ ` command left out.
  static func codeLines(_ document: String) throws -> [String] {
    let text = try String(contentsOf: Program.root.appendingPathComponent(document), encoding: .utf8)
    var lines: [String] = []
    var isCode = false
    var isSession = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        isCode.toggle()
        isSession = false
      } else if isCode {
        if line.hasPrefix("$ ") {
          isSession = true
          lines.append(String(line.dropFirst(2)))
        } else if !isSession {
          lines.append(line.trimmingCharacters(in: .whitespaces))
        }
      }
    }
    return lines
  }

  static let statements: [(document: String, text: String)] = documents.flatMap { document in
    let starts = [
      "FIND ", "SELECT ", "COUNT ", "EXPLAIN ", "LET ", "查找 ", "查找", "统计 ", "INSERT ", "UPDATE ",
      "DELETE ", "更新 ", "删除 ",
    ]
    return ((try? codeLines(document)) ?? [])
      .filter { line in starts.contains { line.hasPrefix($0) } }.map { (document, $0) }
  }

  static let commands: [(document: String, text: String)] = documents.flatMap { document in
    ((try? codeLines(document)) ?? []).filter { $0.hasPrefix("cimq ") }.map { (document, $0) }
  }

  @Test func documentsHaveThem() {
    #expect(Self.statements.count >= 20)
    #expect(Self.commands.count >= 6)
  }

  @Test(arguments: statements) func statementRuns(document: String, text: String) throws {
    let scratch = try Scratch()
    let result = try Program.run("query", try BundledCity.database.get(), text, in: scratch.folder)
    #expect(result.status == 0, "\(document): \(text)\n\(result.error)")
  }

  /// Commands run in a folder of their own where `city.sqlite` is the bundled city and its sources lie beside it.
  @Test func commandsRun() throws {
    let scratch = try Scratch()
    let bin = scratch.url("bin")
    try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: bin.appendingPathComponent("cimq"), withDestinationURL: URL(fileURLWithPath: Program.path))
    for name in ["tiles", "datasets"] {
      try FileManager.default.createSymbolicLink(
        at: scratch.url(name), withDestinationURL: Program.root.appendingPathComponent(name))
    }
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: scratch.path("city.sqlite"))
    for (document, text) in Self.commands where !text.contains("DB") {
      let result = try Program.shell(
        text, environment: ["PATH": bin.path + ":/usr/bin:/bin"], in: scratch.folder)
      #expect(result.status == 0, "\(document): \(text)\n\(result.error)")
    }
  }
}
