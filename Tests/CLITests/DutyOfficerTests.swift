import Foundation
import Testing

/// What a duty officer relies on: figures that agree with each other, whole numbers, no names in logs, help at hand.
@Suite("Duty officer") struct DutyOfficerTests {
  let db: String
  init() throws { db = try BundledCity.database.get() }

  private func query(_ text: String, _ format: String = "csv", locale: String = "C") throws -> Program.Output {
    try Program.run("query", db, text, "--format", format, environment: ["LANG": locale])
  }

  private func objects(_ text: String) throws -> [[String: Any]] {
    let result = try query(text, "json")
    try #require(result.status == 0, "\(result.error)")
    return try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [[String: Any]])
  }

  private func copy(_ scratch: Scratch) throws -> String {
    try FileManager.default.copyItem(atPath: db, toPath: scratch.path("city.sqlite"))
    return scratch.path("city.sqlite")
  }

  // MARK: Very large numbers

  @Test(
    arguments: [
      ("FIND shelter RETURN id LIMIT 1 OFFSET 9223372036854775807", 0),
      ("FIND shelter RETURN id LIMIT 9223372036854775807 OFFSET 1", 4),
      ("FIND shelter ORDER BY id RETURN id LIMIT 9223372036854775807 OFFSET 2", 3),
      ("FIND unit GROUP BY floor RETURN floor LIMIT 1 OFFSET 9223372036854775807", 0),
      ("FIND shelter AS s JOIN grid3 AS g ON S_WITHIN(s.geom, g.geom) LIMIT 2 OFFSET 9223372036854775807", 0),
      ("FIND shelter NEAREST 9223372036854775807 TO AT(113.65, 34.76) RETURN id", 5),
      ("FIND shelter NEAREST 9223372036854775807 WITH TIES TO AT(113.65, 34.76) RETURN id", 5),
      ("FIND shelter NEAREST 9223372036854775807 TO AT(113.65, 34.76) BY ROAD RETURN id", 5),
      ("EXPOSE unit TO flood 'F-0720' RETURN id LIMIT 1 OFFSET 9223372036854775807", 0),
    ])
  func numbersBeyondAllRowsAreNoMistake(text: String, rows: Int) throws {
    let result = try query(text)
    #expect(result.status == 0, "\(result.error)")
    #expect(result.out.split(separator: "\n").count == 1 + rows, "\(result.out)")
  }

  @Test func aLevelIsNotRaisedByABareNumber() throws {
    let result = try query("EXPOSE unit TO flood 'F-0720' LEVEL water_z + 50")
    #expect(result.status != 0)
    #expect(result.error.contains("LEVEL water_z + 50 m"), "\(result.error)")
  }

  // MARK: Floods

  @Test func theFiguresOfABriefAboutAFloodAddUp() throws {
    let rows = try objects("BRIEF flood 'F-0720'")
    func sum(_ section: String, _ column: String, _ word: String, layer: String = "person") -> Int {
      rows.filter {
        $0["section"] as? String == section && $0["layer"] as? String == layer && $0[column] as? String == word
      }.reduce(0) { $0 + ($1["value"] as? Int ?? 0) }
    }
    for state in ["wet", "dry"] {
      let total = sum("at_risk", "name", state)
      #expect(total > 0)
      for section in ["people_by_age", "people_by_mobility"] {
        #expect(sum(section, "detail", state) == total, "\(section) \(state)")
      }
    }
    let inside = sum("people", "name", "all")
    #expect(inside == ["wet", "dry", "unknown"].reduce(0) { $0 + sum("at_risk", "name", $1) })
    #expect(rows.first { $0["section"] as? String == "people" }?["detail"] as? String == "at any height")
    let bands = try objects("EXPOSE person TO flood 'F-0720' GROUP BY age_band")
    for band in bands {
      let row = rows.first {
        $0["section"] as? String == "people_by_age" && $0["name"] as? String == band["age_band"] as? String
          && $0["detail"] as? String == "wet"
      }
      #expect(row?["value"] as? Int == band["wet"] as? Int)
    }
    let chinese = try query("简报 淹没区 'F-0720'", "table", locale: "zh_CN.UTF-8").out
    #expect(chinese.contains("不论高度") && chinese.contains("范围内") && !chinese.contains("inside"))
  }

  @Test func wholeNumbersOfABriefArePrintedWhole() throws {
    let csv = try query("BRIEF flood 'F-0720'")
    #expect(csv.status == 0)
    for line in csv.out.split(separator: "\n").dropFirst() where line.hasPrefix("people") || line.hasPrefix("at_risk") {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      #expect(Int(cells[6]) != nil, "\(line)")
    }
    for format in ["json", "jsonl", "geojson"] {
      #expect(
        try !query("BRIEF flood 'F-0720'", format).out.contains(
          #""section":"people","title":"People 人口","layer":"person","id":null,"name":"all","phone":null,"value":3211.0"#
        ))
    }
    #expect(try query("BRIEF flood 'F-0720'", "json").out.contains(#""value":3211,"#))
    // What sensors say keeps its digits.
    let sensors = try objects("BRIEF flood 'F-0720'").filter { $0["section"] as? String == "sensors" }
    #expect(sensors.contains { ($0["value"] as? Double).map { $0 != $0.rounded() } ?? false })
  }

  private static let hasOracle = FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")

  @Test(.enabled(if: hasOracle)) func wetFloorsAreThoseOfTheUnitsOnThem() throws {
    let scratch = try Scratch()
    let ours = try query("EXPOSE building TO flood 'F-0720' RETURN id, wet_floors")
    try #require(ours.status == 0, "\(ours.error)")
    var floors: [Substring: Int] = [:]
    for line in ours.out.split(separator: "\n").dropFirst() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      floors[cells[0]] = Int(cells[1])
    }
    // Buildings whose every floor has units.
    let sql = try scratch.write(
      """
      SELECT b.id, SUM(f.base < w.water_z) FROM (SELECT water_z FROM flood WHERE id = 'F-0720') w,
        (SELECT building, floor, MIN(z_min) base FROM unit WHERE z_min IS NOT NULL GROUP BY building, floor) f
      JOIN building b ON b.id = f.building
      GROUP BY b.id HAVING COUNT(*) = b.floors + COALESCE(b.floors_below, 0);
      """, to: "floors.sql")
    let theirs = try Program.shell("sqlite3 -readonly -csv '\(db)' < '\(sql)'")
    try #require(theirs.status == 0, "\(theirs.error)")
    var compared = 0
    for line in theirs.out.replacingOccurrences(of: "\r", with: "").split(separator: "\n") {
      let cells = line.split(separator: ",")
      guard let own = floors[cells[0]] else { continue }
      compared += 1
      #expect(own == Int(cells[1]), "\(cells[0])")
    }
    #expect(compared > 50)
  }

  @Test func onlyThePeopleInTheWaterAreAllocated() throws {
    let wet = try objects("EXPOSE person TO flood 'F-0720' GROUP BY layer")[0]["wet"] as? Int
    let counted = try objects("COUNT (EXPOSE person TO flood 'F-0720' WHERE state = 'wet')")[0]["count"] as? Int
    #expect(counted == wet && wet ?? 0 > 0)
    let shelters = "(FIND shelter WHERE status = 'open' NOT INSIDE flood 'F-0720')"
    func allocated(_ source: String) throws -> Int {
      try objects(
        "ALLOCATE \(source) TO \(shelters) CAPACITY capacity - occupied KEEP household TOGETHER GROUP BY shelter"
      )
      .reduce(0) { $0 + ($1["people"] as? Int ?? 0) }
    }
    #expect(try allocated("(EXPOSE person TO flood 'F-0720' WHERE state = 'wet')") == wet)
    #expect(try allocated("(暴露 人口 到 淹没区 'F-0720' 条件 状态 = '被淹')") == wet)
    let set = try query(
      "LET $wet = (EXPOSE person TO flood 'F-0720' WHERE state = 'wet' AND depth > 0.5); "
        + "ALLOCATE $wet TO \(shelters) CAPACITY capacity - occupied GROUP BY shelter", "json")
    #expect(set.status == 0, "\(set.error)")
    // Of several floods: who is in the water of any.
    let any = try objects("COUNT (EXPOSE person TO flood WHERE state = 'wet')")[0]["count"] as? Int ?? 0
    let each = try objects("EXPOSE person TO flood GROUP BY scenario").map { $0["wet"] as? Int ?? 0 }
    #expect(any >= each.max() ?? 0 && any <= each.reduce(0, +))
    let rows = try objects(
      "FIND (EXPOSE unit TO flood 'F-0720' WHERE state = 'wet') AS u WHERE u.depth > 1 RETURN u.id, u.depth")
    #expect(!rows.isEmpty && rows.allSatisfy { ($0["depth"] as? Double ?? 0) > 1 })
    for (text, said) in [
      ("FIND (EXPOSE unit, person TO flood 'F-0720')", "one layer"),
      ("FIND (EXPOSE unit TO flood 'F-0720' BY FLOOR)", "BY FLOOR gives totals"),
      ("FIND (EXPOSE unit TO flood RETURN id)", "about one flood"),
      ("FIND (EXPOSE unit TO flood 'F-0720' WHERE state = 'wte')", "did you mean 'wet'?"),
    ] {
      let result = try query(text)
      #expect(result.status == 1 && result.error.contains(said), "\(text): \(result.error)")
    }
  }

  // MARK: Scripts

  @Test func aQuestionAfterALinkIsOneResult() throws {
    let scratch = try Scratch()
    let db = try copy(scratch)
    let text = "LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 30 m; COUNT person GROUP BY grid2"
    for format in ["csv", "json", "geojson"] {
      let result = try Program.run("query", db, text, "--format", format)
      #expect(result.status == 0 && result.error.contains("matched with `grid3`"), "\(result.error)")
      #expect(!result.out.contains("method"))
    }
    let edit = try Program.run(
      "query", db, "UPDATE shelter SET occupied = 1 WHERE id = 'S-0001'; COUNT shelter WHERE occupied = 1")
    #expect(edit.out == "count\n1\n" && edit.error.contains("updated: 1"), "\(edit.out)\(edit.error)")
    #expect(try Program.run("query", db, "COUNT shelter; COUNT hazard").status == 2)
  }

  @Test func mistypedCommandsAreProposed() throws {
    for (words, said) in [
      (["qurey", db, "COUNT shelter"], "did you mean cimq query?"), (["imprt"], "did you mean cimq import?"),
      (["xyzzy"], "shell, query, nearest"), ([db], "cimq shell \(db)"),
    ] {
      let result = try Program.run(words)
      #expect(result.status == 2 && result.out.isEmpty && result.error.contains(said), "\(words): \(result.error)")
    }
    for words in [["--help"], ["help", "query"], ["--version"], ["query", "--help"]] {
      #expect(try Program.run(words).status == 0)
    }
    let chinese = try Program.run("query", db, "COUNT shelter", "--frmat", "csv", environment: ["LANG": "zh_CN.UTF-8"])
    #expect(chinese.status == 2 && chinese.error.contains("是否为 '--format'"), "\(chinese.error)")
    #expect(chinese.error.contains("用法") && !chinese.error.contains("Unknown"))
  }

  @Test func centimetresAndMillimetresAreLengths() throws {
    func ids(_ distance: String) throws -> String {
      let result = try query("FIND building WITHIN \(distance) OF hazard 'HZ-0231' RETURN id ORDER BY id")
      #expect(result.status == 0, "\(result.error)")
      return result.out
    }
    let metres = try ids("200 m")
    #expect(try ids("20000 cm") == metres && ids("200000 mm") == metres && ids("20000 厘米") == metres)
    let exposed = try query("EXPOSE unit TO flood 'F-0720' TOLERANCE 20 cm").out
    #expect(try exposed == query("EXPOSE unit TO flood 'F-0720' TOLERANCE 0.2 m").out)
    #expect(try Program.run("nearest", db, "shelter", "--at", "113.65,34.76", "--within", "200000cm").status == 0)
    let limit = try query("查找 避难场所 排序 编号 限制 2 返回 编号")
    #expect(limit.out == "id\nS-0001\nS-0002\n", "\(limit.error)")
  }

  @Test func nearestInThreeDimensionsSaysWhatToAsk() throws {
    for text in [
      "FIND building NEAREST 3 TO POINT Z (113.62 34.75 100) IN 3D", "查找 建筑 最近 3 到 POINT Z (113.62 34.75 100) 三维",
    ] {
      let result = try query(text)
      #expect(result.status == 1 && result.error.contains("IN 3D ORDER BY distance LIMIT 3"), "\(result.error)")
    }
  }

  @Test(arguments: [
    ("BRIEF flood F-0720", "write flood 'F-0720'"), ("EXPOSE person TO flood F-0720", "write flood 'F-0720'"),
    ("COUNT person INSIDE grid3 410105003012007", "write grid3 '410105003012007'"),
    ("BRIEF F-0720", "say of which layer, with the id in single quotes: flood 'F-0720'"),
    ("EXPOSE person TO flood 'F-0720' WHERE wet", "write state = 'wet'"),
    ("EXPOSE person TO flood 'F-0720' WHERE state = wet", "write state = 'wet'"),
    ("FIND shelter WHERE status = open", "single quotes: status = 'open'"),
    ("BRIEF hazard WHERE id = 'HZ-0231'", "about one place and has no conditions"),
    ("ALLOCATE EXPOSE person TO flood 'F-0720' TO shelter CAPACITY capacity", "in parentheses"),
    ("FIND shelter NEAREST TO AT(113.65, 34.76)", "NEAREST 1 TO"),
    ("FIND shelter NEAR AT(113.65, 34.76)", "NEAREST 3 TO AT(lon, lat)"),
    ("FIND nearest shelter", "write FIND shelter NEAREST 3 TO AT(lon, lat)"), ("help", "belong to cimq shell"),
    (".help", "belong to cimq shell"),
  ])
  func slipsAreToldHowToMend(query: String, said: String) throws {
    let english = try self.query(query)
    #expect(english.status == 1 && english.out.isEmpty && english.error.contains(said), "\(english.error)")
    #expect(!english.error.contains("did you mean WHERE"))
    let chinese = try self.query(query, locale: "zh_CN.UTF-8")
    #expect(chinese.status == 1 && !chinese.error.contains(said), "\(chinese.error)")
  }

  @Test func naturalOrderStillTakesADistanceAfterALayer() throws {
    let natural = try query("统计 建筑 距离 隐患点 500 米 以内")
    #expect(natural.out == (try query("COUNT building WITHIN 500 m OF hazard")).out, "\(natural.error)")
    #expect(try Program.run("query", db, " ").status == 2)
  }

  // MARK: Safety

  @Test func errorsOfEditsShowNoNamesAndPhones() throws {
    let scratch = try Scratch()
    let db = try copy(scratch)
    let people = try Program.run(
      "query", db, "FIND person RETURN name, phone LIMIT 400", "--personal", "--format", "json")
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(people.out.utf8)) as? [[String: Any]])
    let secrets = Set(rows.flatMap { [$0["name"] as? String, $0["phone"] as? String].compactMap { $0 } })
    try #require(secrets.count > 100)
    for (text, said) in [
      ("UPDATE person SET age = name WHERE id LIKE 'P-00000%'", "is no whole number"),
      ("UPDATE person SET unit = name WHERE id LIKE 'P-00000%'", "names no unit"),
      ("UPDATE person SET mobility = name WHERE id LIKE 'P-00000%'", "has no value"),
      ("UPDATE person SET mobility = UPPER(phone) WHERE id LIKE 'P-00000%'", "has no value"),
      ("UPDATE person SET id = name WHERE id LIKE 'P-00000%'", "given twice"),
      ("INSERT INTO shelter (id, capacity) FIND person WHERE phone IS NOT NULL RETURN id, phone", "is no whole number"),
      (
        "INSERT INTO person (id, name, unit) FIND person WHERE phone IS NOT NULL RETURN phone, name, name",
        "names no unit"
      ),
    ] {
      for words in [[], ["--personal"]] {
        let result = try Program.run(["query", db, text] + words)
        #expect(result.status == 1 && result.error.contains(said), "\(text): \(result.error)")
        #expect(!secrets.contains { $0.count > 1 && result.error.contains("'\($0)'") }, "\(text): \(result.error)")
      }
    }
  }

  @Test func rawSQLMakesNoValueThatOutlastsItsLimits() throws {
    for sql in [
      "SELECT length(zeroblob(900000000))", "SELECT length(replace(hex(zeroblob(100000)), '00', hex(zeroblob(5000))))",
      "SELECT 'a' LIKE '\(String(repeating: "%a", count: 150))'",
    ] {
      let result = try Program.run("shell", db, input: ".sql \(sql)\n")
      #expect(result.status == 4 || result.status == 1 && sql.contains("LIKE"), "\(sql.prefix(60)): \(result.error)")
      #expect(result.out.isEmpty)
    }
    // Long rows are read, too.
    let wide = try Program.run(
      "shell", db,
      input: ".mode jsonl\n.sql WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
        + "SELECT i, length(x) AS n FROM (SELECT i, hex(zeroblob(50000)) AS x FROM n)\n")
    #expect(wide.status == 0 && wide.out.split(separator: "\n").count == 40, "\(wide.error)")
  }

  // MARK: Help

  /// Topics and clauses as `.help` lists them.
  private func pages(_ chinese: Bool) throws -> [String] {
    let overview = try Program.run("shell", db, input: ".lang \(chinese ? "zh" : "en")\n.help\n").out
    let lists = overview.split(separator: "\n").filter {
      $0.hasPrefix(chinese ? "主题（" : "topics (") || $0.hasPrefix(chinese ? "语句与子句" : "statements and clauses (")
    }
    #expect(lists.count == 2)
    return lists.flatMap { line in
      line.drop { $0 != ":" && $0 != "：" }.dropFirst().components(separatedBy: ", ").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }
  }

  @Test(arguments: [false, true]) func everyPageOfHelpHasAnExampleThatRuns(chinese: Bool) throws {
    let scratch = try Scratch()
    let db = try copy(scratch)
    let pages = try pages(chinese)
    #expect(pages.count > 50)
    let mark = "COUNT shelter WHERE id = 'none';\n"
    let language = ".lang \(chinese ? "zh" : "en")\n"
    let result = try Program.run("shell", db, input: language + pages.map { ".help \($0)\n" + mark }.joined())
    #expect(result.status == 0, "\(result.error)")
    let texts = result.out.components(separatedBy: "count\n0\n")
    try #require(texts.count == pages.count + 1)
    var examples: [String] = []
    for (page, text) in zip(pages, texts) {
      #expect(!text.contains("no such topic") && !text.contains("没有主题") && text.count > 40, "\(page)")
      // The last line, after an empty one.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      guard let empty = lines.lastIndex(of: "", before: lines.count - 1) else {
        #expect(["keys", "按键", "chinese", "中文"].contains(page), "\(page) has no example")
        continue
      }
      let example = lines[(empty + 1)...].joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
      if example.hasSuffix(";"), !["chinese", "中文"].contains(page) { examples.append(example) }
    }
    #expect(examples.count >= pages.count - 6)
    for example in examples {
      let ran = try Program.run("shell", db, input: example + "\n", in: scratch.folder)
      #expect(ran.status == 0, "\(example)\n\(ran.error)")
    }
  }

  @Test func everyWordOfTheLanguageIsExplained() throws {
    let table = try Program.run("shell", db, input: ".help 中文\n").out
    var words: [String] = []
    for line in table.split(separator: "\n") {
      let cells = line.split(separator: "│").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 2, cells[0] != "关键字", cells[0] != "函数", cells[0] != "—" else { continue }
      if cells[0] == "单位" { break }
      words.append(cells[0])
    }
    #expect(words.count > 150)
    let mark = "COUNT shelter WHERE id = 'none';\n"
    let result = try Program.run("shell", db, input: words.map { ".help \($0)\n" + mark }.joined())
    let texts = result.out.components(separatedBy: "count\n0\n")
    try #require(texts.count == words.count + 1)
    for (word, text) in zip(words, texts) { #expect(!text.contains("no such topic"), "\(word)") }
  }

  // MARK: Chinese

  @Test func tablesAndNoticesInChineseAreChinese() throws {
    func table(_ text: String) throws -> (out: String, error: String) {
      let result = try query(text, "table", locale: "zh_CN.UTF-8")
      #expect(result.status == 0, "\(text): \(result.error)")
      return (result.out, result.error)
    }
    let road = try table("查找 避难场所 最近 3 到 AT(113.63, 34.765) 沿道路 避开 淹没区 'F-0720'")
    #expect(road.error.contains("淹没区 'F-0720' 内的街道封闭；AT(113.63, 34.765) 距最近的街道"), "\(road.error)")
    #expect(try table("统计 房屋 分组 二级网格 限 2").out.hasPrefix(" 二级网格"))
    #expect(try table("统计 人口 分组 房屋.楼层 限 3").out.hasPrefix(" 房屋.楼层"))
    #expect(try table("统计 人口 分组 房屋.所属建筑.用途").out.hasPrefix(" 房屋.建筑.用途"))
    let loads = try table("分配 (查找 人口 位于 淹没区 'F-0720') 到 避难场所 容量 capacity - occupied 分组 shelter")
    #expect(loads.out.hasPrefix(" 避难场所"))
    let ages = try table("暴露 人口 到 淹没区 'F-0720' 分组 年龄段")
    #expect(ages.error.contains("全国人口普查") && ages.error.contains("儿童 0–14"), "\(ages.error)")
  }
}

extension [String] {
  fileprivate func lastIndex(of line: String, before end: Int) -> Int? {
    var i = end - 1
    while i >= 0 {
      if self[i] == line { return i }
      i -= 1
    }
    return nil
  }
}
