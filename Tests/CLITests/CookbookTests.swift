import Foundation
import Testing

/// The questions of the cookbook: each answer is the one that is recorded, and, where the page holds SQL for it, the one
/// that SpatiaLite gives on the same database.
@Suite("Cookbook") struct CookbookTests {
  struct Recipe: CustomTestStringConvertible {
    var document: String
    var question: String
    var query = ""
    var answer = ""
    /// A block of `sh`: commands in a folder with a copy of the city as `city.sqlite`, instead of a query.
    var script = ""
    /// In a comment of the page: `<!-- oracle: SELECT … -->`.
    var sql: String?
    var testDescription: String { "\(document): \(question)" }
  }

  static func recipes(_ document: String) -> [Recipe] {
    guard
      let text = try? String(contentsOf: Program.root.appendingPathComponent(document), encoding: .utf8)
    else { return [] }
    var result: [Recipe] = []
    var block: String?
    var info = ""
    var comment: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if comment != nil {
        comment! += " " + line
      } else if line.hasPrefix("```") {
        if let block {
          switch info {
          case "text": result[result.count - 1].answer = block
          case "sh": result[result.count - 1].script = block
          default: result[result.count - 1].query = block
          }
        }
        info = String(line.dropFirst(3))
        block = block == nil ? "" : nil
      } else if block != nil {
        block! += line + "\n"
      } else if line.hasPrefix("### ") {
        result.append(Recipe(document: document, question: String(line.dropFirst(4))))
      } else if line.hasPrefix("<!-- oracle: ") {
        comment = String(line.dropFirst("<!-- oracle: ".count))
      }
      if let whole = comment, whole.hasSuffix("-->") {
        result[result.count - 1].sql = String(whole.dropLast(3))
        comment = nil
      }
    }
    return result
  }

  static let english = recipes("docs/cookbook.md")
  static let chinese = recipes("docs/cookbook.zh-CN.md")

  @Test func thirtyEach() {
    #expect(Self.english.count >= 30)
    #expect(Self.chinese.count == Self.english.count)
    #expect(Self.english.filter { $0.sql != nil }.count >= 20)
    for recipe in Self.english + Self.chinese {
      #expect(recipe.query.isEmpty != recipe.script.isEmpty && !recipe.answer.isEmpty)
    }
  }

  @Test(arguments: english) func answers(recipe: Recipe) throws { try check(recipe, locale: "C") }

  @Test(arguments: chinese) func chineseAnswers(recipe: Recipe) throws { try check(recipe, locale: "zh_CN.UTF-8") }

  /// A copy, in which it is noted that names and phones were written in full, as a terminal shows them.
  private static let database = Result {
    let path = try Scratch.shared().path("cookbook.sqlite")
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: path)
    return path
  }

  private func check(_ recipe: Recipe, locale: String) throws {
    let scratch = try Scratch()
    var db = try Self.database.get()
    // What writes, writes into a copy.
    let writes = recipe.query.hasPrefix("LINK") || recipe.query.hasPrefix("匹配")
    if writes || !recipe.script.isEmpty {
      try FileManager.default.copyItem(atPath: db, toPath: scratch.path("city.sqlite"))
      db = scratch.path("city.sqlite")
    }
    let result: Program.Output
    if recipe.script.isEmpty {
      result = try Program.run(
        "query", db, recipe.query, "--format", "table", "--personal", environment: ["LANG": locale],
        in: scratch.folder)
    } else {
      // `cimq` of the page is the program under test.
      let script = "cimq() { '\(Program.path)' \"$@\"; }\n" + recipe.script
      result = try Program.shell(script, environment: ["LANG": locale], in: scratch.folder)
    }
    #expect(result.status == 0, "\(result.error)")
    func trimmed(_ text: String) -> [String] {
      text.split(separator: "\n").map { line in
        String(line.reversed().drop { $0 == " " }.reversed())
      }
    }
    #expect(trimmed(result.out) == trimmed(recipe.answer), "\(recipe.query)\(recipe.script)\n\(result.out)")
  }

  private static let hasOracle = FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")

  @Test(.enabled(if: hasOracle), arguments: english.filter { $0.sql != nil })
  func oracleAgrees(recipe: Recipe) throws {
    let scratch = try Scratch()
    let db = try Self.database.get()
    let ours = try Program.run("query", db, recipe.query, "--format", "csv", "--personal")
    try #require(ours.status == 0, "\(ours.error)")
    let sql = try scratch.write("SELECT load_extension('mod_spatialite');\n\(recipe.sql!);\n", to: "oracle.sql")
    let theirs = try Program.shell("sqlite3 -readonly -csv '\(db)' < '\(sql)'")
    try #require(theirs.status == 0, "\(theirs.error)")
    // Ours has a header; load_extension answers with an empty line.
    let (a, b) = (Array(Self.cells(ours.out).dropFirst()), Self.cells(theirs.out))
    #expect(a.count == b.count, "\(ours.out)\n\(theirs.out)")
    for (x, y) in zip(a, b) {
      guard x.count == y.count else {
        Issue.record("\(x) and \(y)")
        continue
      }
      for (p, q) in zip(x, y) where p != q {
        guard let p = Double(p), let q = Double(q), abs(p - q) <= 1e-6 * max(1, abs(q)) else {
          Issue.record("\(recipe.question): \(p) and not \(q)\n\(ours.out)\n\(theirs.out)")
          continue
        }
      }
    }
  }

  private static func cells(_ csv: String) -> [[String]] {
    csv.split(separator: "\n").map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: "\"\r"))
      }
    }
  }
}
