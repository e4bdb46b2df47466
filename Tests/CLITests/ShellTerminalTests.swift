import Foundation
import Testing

/// The interactive shell under a real pseudo-terminal, as a user sees it. Every wait is for a text on the screen, with a
/// long limit; nothing depends on how fast the machine is.
@Suite("Shell on a terminal", .serialized) struct ShellTerminalTests {
  let db: String
  let scratch: Scratch

  init() throws {
    db = try BundledCity.database.get()
    scratch = try Scratch()
  }

  private func shell(
    columns: Int = 100, rows: Int = 30, environment: [String: String] = [:], arguments: [String] = []
  ) throws -> Terminal {
    var variables = ["HOME": scratch.folder.path, "NO_COLOR": "1", "PAGER": "cat"]
    for (name, value) in environment { variables[name] = value }
    let terminal = try Terminal(
      ["shell", db] + arguments, columns: columns, rows: rows, environment: variables)
    try terminal.wait(for: "cimq> ")
    return terminal
  }

  @Test func statementRunsAtItsSemicolonOverSeveralLines() throws {
    let terminal = try shell()
    terminal.type("COUNT shelter\r")
    try terminal.wait(for: "...> ")
    terminal.type("WHERE capacity > 0\r")
    terminal.type(";\r")
    try terminal.wait { $0.contains("count") && $0.contains("1 row, ") }
    try terminal.leave()
  }

  @Test func tabCompletesLayersColumnsValuesAndIDs() throws {
    let terminal = try shell()
    terminal.type("FIND she\t")
    try terminal.wait(for: "cimq> FIND shelter ")
    terminal.type("WHERE stat\t")
    try terminal.wait(for: "WHERE status ")
    terminal.type("= 'op\t")
    try terminal.wait(for: "= 'open'")
    terminal.type("\u{3}")
    terminal.type("COUNT building WITHIN 1 km OF hazard 'HZ-023\t")
    try terminal.wait(for: "hazard 'HZ-0231'")
    terminal.type("\u{3}")
    terminal.type("COUNT person INSIDE district '\t")
    try terminal.wait(for: "金水区")
    terminal.type("\u{3}.sch\t")
    try terminal.wait(for: ".schema ")
    terminal.type("\u{3}")
    // Two candidates: what they have in common, and a list.
    terminal.type("FIND grid3 WHERE man\t")
    try terminal.wait(for: "WHERE manager ")
    terminal.type("\u{3}")
    try terminal.leave()
  }

  @Test func tabKnowsTheStatementsOfACity() throws {
    let terminal = try shell()
    for (typed, shown) in [
      ("EXPOSE bui\t", "EXPOSE building "), ("EXPOSE building, uni\t", "EXPOSE building, unit "),
      ("EXPOSE unit TO flood 'F-0720' TOL\t", "'F-0720' TOLERANCE "),
      ("EXPOSE unit TO flood 'F-0720' WHERE stat\t", "WHERE state "),
      ("EXPOSE unit TO flood 'F-0720' WHERE state = 'we\t", "state = 'wet'"),
      ("EXPOSE person TO flood 'F-0720' WHERE age_band = 'chi\t", "age_band = 'child'"),
      ("EXPOSE unit TO flood 'F-0720' WHERE water_l\t", "WHERE water_level"),
      ("EXPOSE unit TO flood 'F-0720' BY F\t", "BY FLOOR "),
      ("FIND shelter NEAREST 3 TO AT(113.65, 34.76) BY R\t", "BY ROAD "),
      ("FIND shelter NEAREST 3 TO AT(113.65, 34.76) by r\t", "by road "),
      ("ALLOCATE person TO shelter CAP\t", "shelter CAPACITY "),
      ("ALLOCATE person TO shelter CAPACITY cap\t", "CAPACITY capacity "),
      ("ALLOCATE person TO shelter CAPACITY capacity KEEP household \t", "household TOGETHER "),
      ("ALLOCATE (EXPOSE person TO flood 'F-0720' WHERE dep\t", "WHERE depth "),
      ("ALLOCATE person TO shelter CAPACITY capacity GROUP BY shel\t", "GROUP BY shelter "),
      ("LINK unit TO grid3 \t", "grid3 BY INSIDE "), ("LINK unit TO grid3 BY INSIDE EL\t", "INSIDE ELSE"),
      ("BRIEF flood 'F-0720' RA\t", "'F-0720' RADIUS "), ("BRIEF flo\t", "BRIEF flood "),
    ] {
      terminal.type(typed)
      try terminal.wait(for: shown)
      terminal.type("\u{3}")
    }
    try terminal.leave()
  }

  @Test func tabCompletesFileNames() throws {
    let file = try scratch.write("COUNT shelter;\n", to: "statements-of-mine.cimq")
    let terminal = try shell()
    terminal.type(".read \(file.dropLast(8))\t")
    try terminal.wait(for: "statements-of-mine.cimq")
    terminal.type("\r")
    try terminal.wait(for: "count")
    try terminal.leave()
  }

  @Test func historyIsKeptForTheDatabase() throws {
    var terminal = try shell()
    terminal.type("COUNT hazard WHERE id <> 'remembered';\r")
    try terminal.wait(for: "1 row, ")
    try terminal.leave()
    terminal = try shell()
    terminal.type("\u{1B}[A")
    try terminal.wait(for: "'remembered';")
    terminal.type("\u{3}")
    terminal.type("\u{12}remem")
    try terminal.wait(for: "(history) remem: COUNT hazard")
    terminal.type("\r\u{3}")
    try terminal.leave()
    let other = try Terminal(
      ["shell", try copy()], columns: 100, rows: 30, environment: ["HOME": scratch.folder.path, "NO_COLOR": "1"])
    try other.wait(for: "cimq> ")
    other.type("\u{1B}[AX")
    try other.wait(for: "cimq> X")
    other.type("\u{3}")
    try other.leave()
  }

  /// Another database: a copy of the bundled one.
  private func copy() throws -> String {
    let path = scratch.path("other.sqlite")
    if !FileManager.default.fileExists(atPath: path) {
      try FileManager.default.copyItem(atPath: db, toPath: path)
    }
    return path
  }

  @Test func controlCStopsTheQueryAndKeepsTheShell() throws {
    let terminal = try shell()
    // Raw SQL that would never end.
    terminal.type(
      ".sql WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c\r")
    try terminal.wait { $0.contains("FROM c") && !$0.hasSuffix("cimq> ") }
    // The program may not have come to it yet: pressed until it is said that it stopped.
    try terminal.press("\u{3}", until: "interrupted")
    try terminal.waitForPrompt()
    terminal.type("COUNT shelter;\r")
    try terminal.wait(for: "1 row, ")
    terminal.type("FIND shel\u{3}")
    try terminal.wait(for: "^C")
    terminal.type("COUNT hazard;\r")
    try terminal.wait { $0.components(separatedBy: "1 row, ").count == 3 }
    try terminal.leave()
  }

  @Test func controlDLeaves() throws {
    let terminal = try shell()
    terminal.type("\u{4}")
    #expect(try terminal.waitForExit() == 0)
  }

  @Test func chineseInputAndAlignment() throws {
    let terminal = try shell(environment: ["LANG": "zh_CN.UTF-8"])
    terminal.type("查找 避难场所 返回 编号, 名称, 容量 排序 编号;\r")
    try terminal.wait(for: " 行，")
    let lines = terminal.screen.lines
    let rule = try #require(lines.firstIndex { $0.contains("┼") })
    let places = { (line: String) in Terminal.columns(of: "│", in: line) }
    #expect(places(lines[rule + 1]) == Terminal.columns(of: "┼", in: lines[rule]))
    #expect(places(lines[rule - 1]) == Terminal.columns(of: "┼", in: lines[rule]))
    // A wide character is one step of the cursor and two columns of the screen.
    terminal.type("查找 避难\u{1B}[D\u{1B}[D\u{7F}x")
    try terminal.wait(for: "cimq> 查找x避难")
    #expect(terminal.screen.cursor.column == 6 + 4 + 1)
    terminal.type("\u{3}")
    try terminal.leave()
  }

  @Test func longResultsGoToThePager() throws {
    // A pager of our own shows that it was used, and by what.
    let terminal = try shell(rows: 12, environment: ["PAGER": "sed 's/^/paged: /'"])
    terminal.type("FIND person RETURN id LIMIT 40;\r")
    try terminal.wait(for: "40 rows, ")
    #expect(terminal.transcript.contains("paged: "))
    terminal.type("FIND person RETURN id LIMIT 3;\r")
    try terminal.wait(for: "3 rows, ")
    let last = try #require(terminal.transcript.components(separatedBy: "LIMIT 3;").last)
    #expect(!last.contains("paged: "))
    terminal.type(".pager off\r")
    terminal.type("FIND person RETURN id LIMIT 41;\r")
    try terminal.wait(for: "41 rows, ")
    #expect(!(terminal.transcript.components(separatedBy: "LIMIT 41;").last ?? "").contains("paged: "))
    try terminal.leave()
  }

  @Test func resizeDrawsTheTextAgain() throws {
    let terminal = try shell(columns: 100)
    terminal.type("FIND shelter WHERE capacity > 100 AND capacity < 20000 ORDER BY capacity")
    try terminal.wait(for: "ORDER BY capacity")
    terminal.resize(columns: 40, rows: 20)
    // The text is wrapped again: its first row has the 40 columns that there are now.
    try terminal.wait { $0.contains("> 100 \nAND capacity < 20000 ORDER BY capacity") }
    terminal.type(" DESC LIMIT 2;\r")
    try terminal.wait(for: "2 rows, ")
    try terminal.leave()
  }

  @Test func pasteOfManyLinesAndLongLines() throws {
    let terminal = try shell()
    let lines = (1...60).map { "  capacity <> \($0) AND" }.joined(separator: "\n")
    // A terminal that marks pastes sends this; nothing in it runs before Enter.
    terminal.type("\u{1B}[200~FIND shelter WHERE\n\(lines)\n  capacity > 0 RETURN COUNT(*) AS n;\u{1B}[201~")
    try terminal.wait(for: "AS n;")
    terminal.type("\r")
    try terminal.wait(for: "1 row, ")
    // One that does not mark them types it; statements run one after another.
    terminal.type("COUNT shelter;\rCOUNT\rhazard;\rCOUNT team;\r")
    try terminal.wait { $0.components(separatedBy: "1 row, ").count == 5 }
    let long = "COUNT shelter WHERE id IN (" + (1...150).map { "'S-\($0)'" }.joined(separator: ", ") + ");"
    terminal.type(long)
    try terminal.wait(for: "'S-150');")
    terminal.type("\r")
    try terminal.wait { $0.components(separatedBy: "1 row, ").count == 6 }
    try terminal.leave()
  }

  @Test func coloursOnlyWithoutNoColor() throws {
    let plain = try shell()
    plain.type("FIND shelter")
    try plain.wait(for: "FIND shelter")
    #expect(!plain.transcript.contains("\u{1B}[1;34m"))
    plain.type("\u{3}")
    try plain.leave()
    let coloured = try shell(environment: ["NO_COLOR": ""])
    coloured.type("FIND shelter")
    try coloured.wait { _ in coloured.transcript.contains("\u{1B}[1;34mFIND") }
    coloured.type("\u{3}")
    try coloured.leave()
  }

  @Test func mapFitsTheScreen() throws {
    let terminal = try shell(columns: 60, rows: 24)
    terminal.type(".mode map\r")
    terminal.type("FIND grid1;\r")
    try terminal.wait(for: " rows, ")
    let lines = terminal.screen.text.split(separator: "\n").map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
    let top = try #require(lines.firstIndex { $0.hasPrefix("┌") })
    let bottom = try #require(lines.firstIndex { $0.hasPrefix("└") })
    #expect(bottom - top < 24)
    #expect(Set(lines[top...bottom].map(\.count)).count == 1 && lines[top].count <= 60)
    #expect(lines[bottom + 1].contains("km") || lines[bottom + 1].contains(" m "))
    try terminal.leave()
  }

  @Test func configurationRunsFirst() throws {
    _ = try scratch.write(".timer off\n.nosuch\nCOUNT shelter;\n", to: ".cimqrc")
    let terminal = try shell()
    try terminal.wait { $0.contains("count") && $0.contains(".cimqrc, line 2") }
    #expect(!terminal.transcript.contains("1 row, "))
    try terminal.leave()
    let without = try shell(arguments: ["--no-rc"])
    #expect(!without.transcript.contains(".cimqrc"))
    try without.leave()
  }

  @Test func watchShowsWhatChanges() throws {
    let path = try copy()
    let terminal = try Terminal(
      ["shell", path], columns: 100, rows: 30, environment: ["HOME": scratch.folder.path, "NO_COLOR": "1"])
    try terminal.wait(for: "cimq> ")
    terminal.type(".watch 100ms FIND shelter WHERE id = 'S-0001' RETURN id, capacity\r")
    try terminal.wait(for: "Ctrl-C stops watching")
    let changed = try Program.run("query", path, "UPDATE shelter SET capacity = 4321 WHERE id = 'S-0001'")
    #expect(changed.status == 0, "\(changed.error)")
    try terminal.wait(for: "→ 4321")
    try terminal.press("\u{3}", until: "cimq> ")
    terminal.type("COUNT shelter;\r")
    try terminal.wait(for: "1 row, ")
    terminal.type(".undo\r")
    try terminal.wait(for: "undid the last edit")
    try terminal.leave()
  }

  @Test func namedQueriesAreKept() throws {
    var terminal = try shell()
    terminal.type("COUNT team;\r")
    try terminal.wait(for: "1 row, ")
    terminal.type(".save teams\r")
    try terminal.wait(for: ".run teams")
    try terminal.leave()
    terminal = try shell()
    terminal.type(".run te\t\r")
    try terminal.wait(for: "1 row, ")
    terminal.type(".run tams\r")
    try terminal.wait(for: "did you mean `teams`?")
    try terminal.leave()
  }
}
