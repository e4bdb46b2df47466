import Foundation
import Testing

/// The tables of the language reference, and what a script sees of the language on the command line.
@Suite("Language reference") struct LanguageTests {
  /// Examples of the tables: `expression` → `value as JSON writes it`.
  static func examples(_ document: String) throws -> [(expression: String, value: String)] {
    let text = try String(contentsOf: Program.root.appendingPathComponent(document), encoding: .utf8)
    return text.split(separator: "\n").filter { $0.hasPrefix("|") }.compactMap { line in
      guard let arrow = line.range(of: "` → `"), let start = line[..<arrow.lowerBound].lastIndex(of: "`"),
        let end = line[arrow.upperBound...].lastIndex(of: "`")
      else { return nil }
      return (String(line[line.index(after: start)..<arrow.lowerBound]), String(line[arrow.upperBound..<end]))
    }
  }

  @Test("examples of functions and operators", arguments: ["docs/language.md", "docs/language.zh-CN.md"])
  func tables(document: String) throws {
    let examples = try Self.examples(document)
    #expect(examples.count > 100)
    let scratch = try Scratch()
    let text = examples.map { "SELECT \($0.expression) AS x FROM district LIMIT 1;\n" }.joined()
    let script = try scratch.write(text, to: "tables.cimq")
    let result = try Program.run("query", try BundledCity.database.get(), "-f", script, "--format", "jsonl")
    try #require(result.status == 0, "\(result.error)")
    let lines = result.out.split(separator: "\n")
    try #require(lines.count == examples.count)
    for (example, line) in zip(examples, lines) {
      #expect(line == "{\"x\":\(example.value)}", "\(example.expression)")
    }
  }

  @Test("parameters, comments, several statements and files")
  func scripts() throws {
    let db = try BundledCity.database.get()
    let scratch = try Scratch()
    let script = try scratch.write(
      "-- two questions; the first of them\nFIND shelter NEAREST $k TO $here WITHIN $d -- not here: ';'\n"
        + "  RETURN id LIMIT $n OFFSET $o;\n;COUNT building WHERE use = $use AND floors > $f;\n", to: "s.cimq")
    var arguments = ["query", db, "-f", script, "--format", "jsonl"]
    for parameter in ["k=4", "here=113.65,34.76", "d=20km", "n=2", "o=1", "use=住宅", "f=6"] {
      arguments += ["--param", parameter]
    }
    let result = try Program.run(arguments)
    try #require(result.status == 0, "\(result.error)")
    let plain = try Program.run(
      "query", db,
      "FIND shelter NEAREST 4 TO AT(113.65, 34.76) RETURN id LIMIT 2 OFFSET 1; COUNT building WHERE use = 'residential' AND floors > 6",
      "--format", "jsonl")
    #expect(result.out == plain.out && result.out.split(separator: "\n").count == 3)
    let wrong = try Program.run("query", db, "FIND shelter LIMIT $n", "--param", "n=many")
    #expect(wrong.status == 1 && wrong.out.isEmpty)
    #expect(wrong.error.contains("LIMIT takes a whole number from 0 on; `$n` is 'many'"))
    #expect(wrong.error.contains("\n                     ^^\n"))
  }

  @Test("a division by zero is NULL, and said on stderr alone")
  func divisionByZero() throws {
    let db = try BundledCity.database.get()
    for expression in ["capacity / 0", "capacity % 0", "capacity DIV (capacity - capacity)", "1.5 / (capacity * 0.0)"] {
      let result = try Program.run(
        "query", db, "FIND shelter RETURN id, \(expression) AS x LIMIT 1", "--format", "json")
      #expect(result.status == 0 && result.out == "[{\"id\":\"S-0001\",\"x\":null}]\n", "\(expression): \(result.out)")
      #expect(result.error.contains("a division by zero gave NULL"), "\(expression)")
    }
    let silent = try Program.run("query", db, "FIND shelter RETURN capacity / NULLIF(0, 0) AS x LIMIT 1")
    #expect(silent.error.isEmpty)
  }

  @Test("answers over links that LINK has not filled yet are said to be so")
  func emptyLinks() throws {
    let db = try BundledCity.database.get()
    let said = "note: no row of `unit` has a `grid3` yet: LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 30 m gives"
    for query in [
      "COUNT unit WHERE grid3 = 'x'", "FIND person GROUP BY grid2 RETURN grid2, COUNT(*) AS n",
      "COUNT person WHERE unit.grid3 LIKE 'x%'", "SELECT n FROM (FIND unit GROUP BY grid3 RETURN grid3, COUNT(*) AS n)",
      "EXPOSE unit TO flood 'F-0720' GROUP BY grid3",
    ] {
      let result = try Program.run("query", db, query)
      #expect(result.status == 0 && result.error.components(separatedBy: said).count == 2, "\(query): \(result.error)")
    }
    for query in [
      "FIND unit LIMIT 1 RETURN id", "COUNT warden WHERE grid3 LIKE '4%'", "COUNT building_part WHERE parent = 'x'",
    ] {
      #expect(try Program.run("query", db, query).error.isEmpty, "\(query)")
    }
  }

  @Test("what is missing after the sources of ALLOCATE is said with an example")
  func allocateHints() throws {
    let db = try BundledCity.database.get()
    let source = try Program.run("query", db, "ALLOCATE person INSIDE flood 'F-0720' TO shelter CAPACITY capacity")
    #expect(
      source.error.contains("a source with conditions stands in parentheses: (FIND person INSIDE flood 'F-0720')"))
    let places = try Program.run("query", db, "ALLOCATE person TO shelter MAX 3 km")
    #expect(
      places.status == 1 && places.error.contains("found `MAX`; say how many each has room for: CAPACITY capacity"))
  }

  @Test("EXPLAIN ANALYZE counts what a COUNT counts, and says what is cut")
  func analyze() throws {
    let db = try BundledCity.database.get()
    for condition in ["", " WHERE floors > 6", " INSIDE flood 'F-0720'", " WHERE use = 'medical' AND height > 10"] {
      let count = try Program.run("query", db, "COUNT building\(condition)", "--format", "csv")
      let rows = try #require(Int(count.out.split(separator: "\n")[1]))
      let plan = try Program.run("query", db, "EXPLAIN ANALYZE COUNT building\(condition)", "--format", "csv").out
      #expect(plan.contains("in fact \(rows) row"), "\(plan)")
      #expect(plan.contains("nothing is cut"))
    }
    func plan(_ text: String) throws -> String {
      try Program.run("query", db, "EXPLAIN ANALYZE " + text, "--format", "csv").out
    }
    let cut = try plan("FIND building WITHIN 500 m OF AT(113.6562, 34.7588) IN GCJ02 ORDER BY height LIMIT 3")
    #expect(cut.contains("crs: places in GCJ02 → EPSG:4547"))
    #expect(cut.contains("3 rows of at least ") && cut.contains("index: rtree(building.geom)"))
    #expect(try plan("FIND shelter LIMIT 50").contains("nothing was cut"))
    #expect(try !plan("FIND shelter").contains("crs: "))
  }

  @Test(
    "Chinese where the locale is",
    arguments: [
      (["LANG": "zh_CN.UTF-8"], true), (["LC_ALL": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"], true),
      (["LC_MESSAGES": "zh_CN.UTF-8"], true), (["LANG": "en_US.UTF-8"], false),
      (["LC_ALL": "C", "LANG": "zh_CN.UTF-8"], false),
    ])
  func locale(environment: [String: String], isChinese: Bool) throws {
    let db = try BundledCity.database.get()
    let scratch = try Scratch()
    func said(_ arguments: String...) throws -> Program.Output {
      try Program.run(arguments, environment: environment, in: scratch.folder)
    }
    let query = try said("query", db, "FIND building WHERE hieght > 3")
    #expect(query.status == 1 && query.out.isEmpty)
    #expect(query.error.hasPrefix(isChinese ? "`building` 没有列 `hieght`；是不是" : "`building` has no column `hieght`; did"))
    #expect(query.error.hasSuffix("\n                      ^^^^^^\n"))
    let missing = try said("query", "none.sqlite", "FIND building")
    #expect(missing.status == 3 && missing.error.contains(isChinese ? "没有这个文件" : "no such file"))
    let script = try said("query", db, "-f", "none.cimq")
    #expect(script.status == 3 && script.error.contains(isChinese ? "无法读取 none.cimq：没有" : "cannot read none.cimq"))
    let notice = try said("query", db, "FIND shelter RETURN capacity / 0 AS x LIMIT 1")
    #expect(notice.error.hasPrefix(isChinese ? "提示：有除以零" : "note: a division by zero"))
    let table = try said("query", db, "FIND shelter WHERE id = 'S-0001' RETURN id, status", "--format", "table")
    #expect(table.out.contains(isChinese ? "编号" : "id") && table.out.contains(isChinese ? "开放" : "open"))
    // Machine formats do not change.
    let csv = try said(
      "query", db, "FIND shelter WHERE 状态 = '开放' AND id = 'S-0001' RETURN id, status", "--format", "csv")
    #expect(csv.out == "id,status\nS-0001,open\n")
  }
}
