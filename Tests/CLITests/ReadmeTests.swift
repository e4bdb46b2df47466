import Foundation
import Testing

/// Every command and statement in the READMEs and the language reference runs on the bundled city.
@Suite("Documents") struct ReadmeTests {
  static let documents = [
    "README.md", "README.zh-CN.md", "docs/language.md", "docs/language.zh-CN.md", "docs/cookbook.md",
    "docs/cookbook.zh-CN.md", "docs/shell.md", "docs/shell.zh-CN.md",
  ]

  /// Lines of fenced code blocks of a document, with the answer lines that follow a `$ ` command left out.
  static func codeLines(_ document: String) throws -> [String] {
    let text = try String(contentsOf: Program.root.appendingPathComponent(document), encoding: .utf8)
    var lines: [String] = []
    var isCode = false
    var isBlock = false
    var isSession = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        // A block marked `text` shows output.
        isCode = isBlock ? false : line == "```"
        isBlock.toggle()
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

  private static let verbs = ["FIND", "SELECT", "COUNT", "查找", "选择", "统计"]

  /// The statements of a document, in its order: LET holds for those after it.
  static func statements(_ document: String) -> [String] {
    let starts =
      verbs + [
        "EXPLAIN", "LET", "ALLOCATE", "EXPOSE", "LINK", "BRIEF", "INSERT", "UPDATE", "DELETE", "解释", "令", "分配", "暴露",
        "匹配", "简报", "插入到", "更新", "删除",
      ]
    return ((try? codeLines(document)) ?? []).filter { line in
      starts.contains { word in
        line.hasPrefix(word) && (!line.dropFirst(word.count).first!.isLetter || !word.utf8.allSatisfy { $0 < 0x80 })
      }
    }
  }

  static let commands: [(document: String, text: String)] = documents.flatMap { document in
    ((try? codeLines(document)) ?? []).filter { $0.hasPrefix("cimq ") }.map { (document, $0) }
  }

  @Test func documentsHaveThem() {
    #expect(Self.documents.reduce(0) { $0 + Self.statements($1).count } >= 100)
    #expect(Self.commands.count >= 6)
  }

  @Test(arguments: documents) func statementsRun(document: String) throws {
    let scratch = try Scratch()
    let statements = Self.statements(document)
    let script = try scratch.write(statements.map { Self.ended($0) }.joined(separator: "\n"), to: "all.cimq")
    // Some of them write.
    let copy = scratch.path("city.sqlite")
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: copy)
    let result = try Program.run("query", copy, "-f", script, "--format", "jsonl", in: scratch.folder)
    #expect(result.status == 0, "\(document): \(result.error)")
  }

  private static func ended(_ statement: String) -> String { statement.hasSuffix(";") ? statement : statement + ";" }

  /// What each step of a plan says of its index, by statement: recorded in `Tests/Queries/index-lines.txt`, a statement
  /// and below it, indented, its index entries.
  private static func recordedIndexes() throws -> [String: [String]] {
    let file = Program.root.appendingPathComponent("Tests/Queries/index-lines.txt")
    var result: [String: [String]] = [:]
    var statement = ""
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("  ") {
        result[statement]!.append(String(line.dropFirst(2)))
      } else {
        statement = String(line)
        result[statement] = []
      }
    }
    return result
  }

  /// Every example says which index it uses, or why none.
  @Test(arguments: documents) func plansNameTheirIndexes(document: String) throws {
    let scratch = try Scratch()
    let recorded = try Self.recordedIndexes()
    var text = ""
    var asked: [String] = []
    for statement in Self.statements(document) {
      if Self.verbs.contains(where: { statement.hasPrefix($0) }) {
        asked.append(statement)
        text += "EXPLAIN " + Self.ended(statement) + "\n"
      } else if statement.hasPrefix("LET") || statement.hasPrefix("令") {
        // LET and what follows it may stand in one line.
        let parts = statement.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
        text += parts[0] + ";\n"
        for part in parts.dropFirst() where !part.isEmpty {
          asked.append(part)
          text += "EXPLAIN \(part);\n"
        }
      }
    }
    let script = try scratch.write(text, to: "all.cimq")
    let result = try Program.run(
      "query", try BundledCity.database.get(), "-f", script, "--format", "jsonl", in: scratch.folder)
    try #require(result.status == 0, "\(document): \(result.error)")
    struct Line: Decodable { var plan: String }
    var plans: [[String]] = [[]]
    for line in result.out.split(separator: "\n") {
      let plan = try JSONDecoder().decode(Line.self, from: Data(line.utf8)).plan
      plans[plans.count - 1].append(plan)
      if plan.hasPrefix("return ") { plans.append([]) }
    }
    try #require(plans.count == asked.count + 1, "\(document)")
    let known = try Regex("index: (rtree\\(|hash table of |link to |NONE because .|[a-z_0-9]+\\()")
    for (statement, plan) in zip(asked, plans) {
      let indexes = plan.flatMap { line in
        line.components(separatedBy: "; ").compactMap { part in
          part.range(of: "index: ").map { String(part[$0.lowerBound...]) }
        }
      }
      #expect(!indexes.isEmpty, "\(statement)\n\(plan.joined(separator: "\n"))")
      for index in indexes { #expect(index.contains(known), "\(statement)\n\(index)") }
      if let expected = recorded[statement] { #expect(indexes == expected, "\(statement)") }
    }
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
