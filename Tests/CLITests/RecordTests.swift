import Foundation
import Testing

/// Names and phones of people on their way out, and the notes of it.
@Suite("Personal data at the command line") struct PersonalOutputTests {
  let scratch: Scratch
  let db: String
  /// Some people's names and phones, as the store has them.
  let secrets: [String]

  init() throws {
    scratch = try Scratch()
    db = scratch.path("city.sqlite")
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: db)
    let rows = try Program.shell(
      "sqlite3 '\(db)' \"SELECT name, phone FROM person WHERE phone <> '' ORDER BY id LIMIT 20\"")
    secrets = rows.out.split(whereSeparator: { $0 == "\n" || $0 == "|" }).map(String.init)
    try #require(secrets.count == 40)
  }

  private static let question = "FIND person WHERE phone <> '' ORDER BY id LIMIT 20"

  private func isClean(_ text: String) -> Bool { !secrets.contains { text.contains($0) } }

  @Test(arguments: ["table", "csv", "tsv", "json", "jsonl", "geojson", "geojsonseq", "markdown", "wkt", "map", "html"])
  func everyFormatIsMasked(_ format: String) throws {
    let result = try Program.run("query", db, Self.question, "--format", format)
    #expect(result.status == 0 && !result.out.isEmpty)
    #expect(isClean(result.out))
    #expect(result.error.contains("--personal"))
    let full = try Program.run("query", db, Self.question, "--format", format, "--personal")
    if !["wkt", "map"].contains(format) {
      #expect(secrets.allSatisfy { full.out.contains($0) })
    }
  }

  @Test(arguments: ["csv", "geojson", "html"]) func everyFileIsMasked(_ suffix: String) throws {
    let file = scratch.path("out." + suffix)
    let ways: [() throws -> Program.Output] = [
      { try Program.run("query", db, Self.question, "-o", file) },
      { try Program.run("query", db, Self.question + " EXPORT TO '\(file)'") },
      { try Program.run("export", db, "--query", Self.question, "-o", file) },
      { try Program.run("export", db, "person", "-o", file) },
      { try Program.run("shell", db, input: ".once \(file)\n\(Self.question);\n") },
      { try Program.run("shell", db, input: "\(Self.question) EXPORT TO '\(file)';\n") },
    ]
    for (i, way) in ways.enumerated() {
      try? FileManager.default.removeItem(atPath: file)
      let result = try way()
      #expect(result.status == 0 && result.out.isEmpty, "way \(i): \(result.error)")
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(isClean(text) && text.contains("*"), "way \(i)")
      #expect(result.error.contains("--personal"), "way \(i)")
    }
  }

  @Test(arguments: [
    "UPPER(name) AS x", "CONCAT(name, '') AS x", "name AS x", "COALESCE(phone, name) AS x", "RIGHT(name, 2) AS x",
    "SUBSTRING(phone, 1, 12) AS x", "CASE WHEN age >= 0 THEN name ELSE 'none' END AS x", "REPLACE(phone, '/', '') AS x",
    "TRIM(name) AS id",
  ]) func whatIsMadeOfNamesIsMasked(_ item: String) throws {
    let text = "FIND person AS p WHERE phone <> '' RETURN \(item) ORDER BY p.id LIMIT 20"
    let result = try Program.run("query", db, text, "--format", "geojson")
    #expect(result.status == 0 && isClean(result.out), "\(result.error)")
    #expect(result.out.contains("*"))
  }

  @Test func subqueriesGroupsAndAggregatesAreMaskedAndCountsAreNot() throws {
    for text in [
      "FIND (FIND person RETURN name AS n, age) AS s RETURN n LIMIT 500",
      "FIND person GROUP BY name RETURN name, MIN(phone) AS p",
      "FIND person RETURN DISTINCT name", "FIND person RETURN MAX(name) AS m, MIN(phone) AS p",
      "FIND unit AS u JOIN person AS p ON p.unit = u.id RETURN u.id, p.name, p.phone LIMIT 500",
    ] {
      let result = try Program.run("query", db, text)
      #expect(result.status == 0 && isClean(result.out), "\(text): \(result.error)")
      #expect(result.out.contains("*"), "\(text)")
    }
    let counts = try Program.run(
      "query", db, "FIND person RETURN COUNT(name) AS n, COUNT(DISTINCT phone) AS d, MAX(LENGTH(name)) AS l")
    #expect(counts.status == 0 && !counts.out.contains("*") && !counts.error.contains("--personal"))
    // Names can be asked for as before.
    let name = try #require(secrets.first)
    let found = try Program.run("query", db, "COUNT person WHERE name = '\(name)'")
    #expect(found.status == 0 && found.out != "count\n0\n")
  }

  @Test func suggestionsNameNobody() throws {
    let surname = String(try #require(secrets.first?.first))
    let result = try Program.run("query", db, "FIND shelter NEAREST 1 TO person '\(surname)'")
    #expect(result.status == 1 && !result.error.contains("某"), "\(result.error)")
    let near = try Program.run("query", db, "FIND shelter NEAREST 1 TO person 'P-000136360'")
    #expect(near.error.contains("did you mean 'P-0001"), "\(near.error)")
  }

  @Test func thosePhonesThatAreThereToBeCalledAreShown() throws {
    for layer in ["shelter", "warden", "grid_worker", "expert", "team", "warehouse"] {
      let result = try Program.run("query", db, "FIND \(layer) RETURN name, phone LIMIT 5")
      #expect(result.status == 0 && !result.out.contains("*") && !result.error.contains("--personal"), "\(layer)")
    }
    let brief = try Program.run("query", db, "BRIEF AT(113.65, 34.75) RADIUS 2 km")
    #expect(brief.status == 0 && !brief.out.contains("*"))
  }

  @Test func rawSQLIsMasked() throws {
    for sql in [
      "SELECT name, phone FROM person WHERE phone <> '' ORDER BY id LIMIT 20", "SELECT upper(name) FROM person",
      "SELECT name AS id, 1 AS n FROM person", "SELECT group_concat(name || phone) FROM person",
      "SELECT id FROM shelter UNION SELECT name FROM person", "SELECT * FROM (SELECT phone AS p FROM person)",
      "WITH t(a) AS (SELECT phone FROM person UNION ALL SELECT name FROM person) SELECT a FROM t",
      "SELECT json_group_array(phone) FROM person",
    ] {
      let result = try Program.run("shell", db, input: ".sql \(sql)\n")
      #expect(result.status == 0 && isClean(result.out) && result.out.contains("*"), "\(sql): \(result.error)")
    }
    let count = try Program.run("shell", db, input: ".sql SELECT count(*) AS n FROM person WHERE name <> ''\n")
    #expect(count.status == 0 && !count.out.contains("*") && count.out.split(separator: "\n").count == 2)
    #expect(try Program.run("shell", db, input: ".sql SELECT phone FROM shelter LIMIT 3\n").out.contains("*") == false)
  }

  /// What SQL works out of names and phones on other ways than by functions of text.
  @Test(arguments: [
    "SELECT j.value AS v FROM person p, json_each(json_array(p.name, p.phone)) j WHERE p.phone <> '' ORDER BY p.id LIMIT 40",
    "SELECT j.fullkey AS v FROM person p, json_tree(json_object(p.name, 1)) j WHERE p.phone <> '' ORDER BY p.id LIMIT 40",
    "SELECT unicode(substr(name, 1, 1)) AS v FROM person ORDER BY id LIMIT 5",
    "SELECT phone % 1000 AS v FROM person ORDER BY id LIMIT 5",
    "SELECT v FROM (SELECT phone % 1000 AS v FROM person ORDER BY id LIMIT 5)",
    "SELECT length(zeroblob(unicode(name))) AS v FROM person ORDER BY id LIMIT 5",
    "SELECT age FROM person WHERE name = '' UNION ALL SELECT unicode(name) FROM person LIMIT 5",
  ]) func whatRawSQLWorksOutIsMasked(_ sql: String) throws {
    let result = try Program.run("shell", db, input: ".sql \(sql)\n")
    #expect(result.status == 0, "\(result.error)")
    let rows = result.out.split(separator: "\n").dropFirst()
    #expect(!rows.isEmpty && rows.allSatisfy { $0 == "*" }, "\(result.out)")
    #expect(result.error.contains("--personal"))
  }

  @Test(arguments: [
    "SELECT count(*) AS n FROM person WHERE name <> '' AND unit IN (SELECT id FROM unit)",
    "SELECT max(length(name)) AS n FROM person", "SELECT length(p.name) AS n FROM person p LIMIT 3",
    "SELECT avg(age), count(DISTINCT name) FROM person", "SELECT age + 1 FROM person WHERE phone <> '' LIMIT 3",
  ]) func countsAndLengthsOfRawSQLAreShown(_ sql: String) throws {
    let result = try Program.run("shell", db, input: ".sql \(sql)\n")
    #expect(result.status == 0 && !result.out.contains("*"), "\(result.out) \(result.error)")
    let cells = result.out.split(separator: "\n").dropFirst().flatMap {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(!cells.isEmpty && cells.allSatisfy { Double($0) != nil }, "\(result.out)")
  }

  @Test(arguments: [
    "EXPOSE building, person TO flood 'F-0720' WHERE layer = 'person' RETURN id, name",
    "EXPOSE building, person TO flood 'F-0720' WHERE layer = 'person' GROUP BY name RETURN name, COUNT(*) AS n",
  ]) func laterLayersOfAnExposeAreMasked(_ text: String) throws {
    let names = Set(
      try Program.shell("sqlite3 '\(db)' \"SELECT name FROM person WHERE length(name) > 1\"").out
        .split(separator: "\n").map(String.init))
    func shown(_ text: String) -> Int {
      text.split(whereSeparator: { $0 == "\n" || $0 == "," || $0 == "\"" }).filter { names.contains(String($0)) }.count
    }
    let result = try Program.run("query", db, text)
    #expect(result.status == 0 && result.out.contains("*") && shown(result.out) == 0, "\(result.error)")
    #expect(result.error.contains("--personal"))
    let page = scratch.path("x.html")
    #expect(try Program.run("query", db, text + " EXPORT TO '\(page)'").status == 0)
    #expect(shown(try String(contentsOfFile: page, encoding: .utf8)) == 0)
    let full = try Program.run("query", db, text, "--personal")
    #expect(full.status == 0 && shown(full.out) > 0)
    #expect(try Program.shell("sqlite3 '\(db)' 'SELECT columns FROM cimq_audit'").out == "name\n")
  }

  @Test func namesAreNoIDsOfFeatures() throws {
    let text =
      "ALLOCATE (FIND person INSIDE flood 'F-0720' LIMIT 20) TO (FIND shelter WHERE status = 'open') CAPACITY capacity "
      + "KEEP name TOGETHER"
    let result = try Program.run("query", db, text, "--format", "geojson")
    #expect(result.status == 0 && result.out.contains("*"), "\(result.error)")
    let full = try Program.run("query", db, text, "--personal", "--format", "csv")
    let names = full.out.split(separator: "\n").dropFirst().compactMap { $0.split(separator: ",").first }
    #expect(names.count > 5 && !names.contains { result.out.contains("\"\($0)\"") })
  }

  @Test(arguments: [("人口信息", "联系电话"), ("重点人员", "本人电话"), ("名单", "本人电话")])
  func layersOfPeopleOfAnyNameAreMasked(_ layer: String, _ phone: String) throws {
    let csv = try scratch.write("id,姓名,\(phone)\n1,欧阳修文,13812341234\n", to: "\(layer).csv")
    let other = scratch.path("other.sqlite")
    #expect(try Program.run("import", other, csv, "--working-crs", "EPSG:4547").status == 0)
    let result = try Program.run("query", other, "FIND \"\(layer)\"")
    #expect(result.out.contains("欧*") && result.out.contains("138****1234"), "\(result.out) \(result.error)")
  }

  @Test func eachExportInFullIsNoted() throws {
    let file = scratch.path("people.csv")
    #expect(try Program.run("audit", db).out == "number,time,user,statement,columns,target,rows\n")
    _ = try Program.run("query", db, Self.question)
    #expect(try Program.run("audit", db).out.split(separator: "\n").count == 1)
    _ = try Program.run("query", db, Self.question, "--personal")
    _ = try Program.run("query", db, Self.question + " EXPORT TO '\(file)'", "--personal")
    _ = try Program.run("query", db, "FIND shelter", "--personal")
    _ = try Program.run("shell", db, input: ".personal on\n.sql SELECT phone FROM person LIMIT 7\n")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(secrets.allSatisfy { text.contains($0) })
    let audit = try Program.run("audit", db, "--format", "jsonl").out.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(audit.count == 3)
    #expect(audit.map { $0["rows"] as? Int } == [20, 20, 7])
    #expect(audit.map { $0["target"] as? String } == ["stdout", file, "stdout"])
    #expect(audit.map { $0["columns"] as? String } == ["name, phone", "name, phone", "phone"])
    #expect((audit[0]["statement"] as? String) == Self.question)
    #expect(audit.allSatisfy { ($0["user"] as? String)?.isEmpty == false && ($0["time"] as? String) != nil })
    // The notes stay, and the database is sound.
    #expect(try Program.shell("sqlite3 '\(db)' 'DELETE FROM cimq_audit' 2>&1").out.contains("kept"))
    #expect(try Program.shell("sqlite3 '\(db)' \"UPDATE cimq_audit SET user = 'x'\" 2>&1").out.contains("kept"))
    #expect(try Program.run("check", db).status == 0)
  }

  @Test func aResultThatBreaksOffIsNotedWithTheRowsThatLeft() throws {
    let result = try Program.run("query", db, "FIND person", "--personal", "--max-rows", "3000")
    #expect(result.status == 4)
    let rows = try Program.shell("sqlite3 '\(db)' 'SELECT rows FROM cimq_audit'").out
    let count = try #require(Int(rows.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(count <= 3000)
  }

  @Test func withoutANoteNothingLeaves() throws {
    let file = scratch.path("people.csv")
    // A transaction of one's own, which a note would wait for in vain or be lost with.
    let open = try Program.run(
      "shell", db, "--personal", input: "BEGIN;\nFIND person RETURN name LIMIT 1 EXPORT TO '\(file)';\n")
    #expect(open.status == 1 && open.error.contains("transaction"))
    #expect(!FileManager.default.fileExists(atPath: file))
    guard geteuid() != 0 else { return }
    try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: db)
    let result = try Program.run("query", db, Self.question, "--personal")
    #expect(result.status == 3 && result.out.isEmpty && isClean(result.error))
  }

  @Test func theNoteIsInTheUsersLanguage() throws {
    let result = try Program.run("query", db, Self.question, environment: ["LANG": "zh_CN.UTF-8"])
    #expect(result.error.contains("脱敏") && result.error.contains("--personal"))
  }
}

/// `--sandbox DIR`: no file of a statement lies outside.
@Suite("Sandbox") struct SandboxTests {
  let scratch: Scratch
  let db: String
  let box: URL
  let outside: URL

  init() throws {
    scratch = try Scratch()
    db = try BundledCity.database.get()
    (box, outside) = (scratch.url("box"), scratch.url("outside"))
    let files = FileManager.default
    for folder in [box.appendingPathComponent("in"), outside, scratch.url("box2")] {
      try files.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    for folder in [box, outside] {
      try Data("lon,lat\n113.65,34.76\n".utf8).write(to: folder.appendingPathComponent("a.csv"))
    }
    try files.createSymbolicLink(at: box.appendingPathComponent("way"), withDestinationURL: outside)
    try files.createSymbolicLink(
      at: box.appendingPathComponent("a-link.csv"), withDestinationURL: outside.appendingPathComponent("a.csv"))
    try files.createSymbolicLink(
      at: box.appendingPathComponent("new.csv"), withDestinationURL: outside.appendingPathComponent("made.csv"))
    try Data("{\"tiles\":[\"\(outside.path)/a.csv\"]}".utf8).write(to: box.appendingPathComponent("index.json"))
    try Data(
      "{\"cimq\":1,\"layers\":[{\"layer\":\"a\",\"path\":\"../outside/a.csv\",\"crs\":\"EPSG:4326\"}]}".utf8
    ).write(to: box.appendingPathComponent("in/cimq.json"))
    try Data("<OGRVRTDataSource/>".utf8).write(to: box.appendingPathComponent("x.vrt"))
  }

  private func inScratch() throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: scratch.folder.path)
    return names.filter { !$0.hasPrefix("box/") }.sorted()
  }

  @Test(arguments: ["box/x.csv", "box/in/x.csv", "box/./in/../x.csv", "$/box/x.csv"])
  func filesInsideAreWritten(_ path: String) throws {
    let name = path.replacingOccurrences(of: "$", with: scratch.folder.path)
    let result = try Program.run(
      "query", db, "FIND shelter LIMIT 2 EXPORT TO '\(name)'", "--sandbox", "box", in: scratch.folder)
    #expect(result.status == 0, "\(result.error)")
    let file = name.hasPrefix("/") ? name : scratch.folder.path + "/" + name
    #expect(FileManager.default.fileExists(atPath: file))
  }

  @Test(arguments: [
    "x.csv", "box/../x.csv", "box/in/../../x.csv", "box2/x.csv", "$/x.csv", "/cimq-sandbox-test.csv",
    "box/way/x.csv",
    "box/way/../x.csv", "box/a-link.csv", "box/new.csv", "/proc/self/cwd/x.csv", "/dev/fd/1", "box/nothing/x.csv",
    "box",
    "box/in", "box/", "~/x.csv", "box/../outside/a.csv",
  ]) func filesOutsideAreNot(_ path: String) throws {
    let before = try inScratch()
    let name = path.replacingOccurrences(of: "$", with: scratch.folder.path)
    let result = try Program.run(
      "query", db, "FIND shelter LIMIT 2 EXPORT TO '\(name)' FORMAT csv", "--sandbox", "box", in: scratch.folder)
    #expect(result.status == 3 && result.out.isEmpty, "\(result.error)")
    #expect(try inScratch() == before)
    #expect(!FileManager.default.fileExists(atPath: "/cimq-sandbox-test.csv"))
    #expect(
      try String(contentsOf: outside.appendingPathComponent("a.csv"), encoding: .utf8) == "lon,lat\n113.65,34.76\n")
  }

  @Test func filesAreReadInsideOnly() throws {
    func ask(_ path: String, sandboxed: Bool = true) throws -> Program.Output {
      try Program.run(
        ["query", db, "COUNT shelter WITHIN 5 km OF FILE '\(path)' IN WGS84"]
          + (sandboxed ? ["--sandbox", "box"] : []),
        in: scratch.folder)
    }
    let expected = try ask("outside/a.csv", sandboxed: false)
    #expect(expected.status == 0 && expected.out != "count\n0\n")
    #expect(try ask("box/a.csv").out == expected.out)
    for path in [
      "outside/a.csv", "box/a-link.csv", "box/way/a.csv", "box/../outside/a.csv", outside.path + "/a.csv",
      "/etc/passwd",
      "box/nothing.csv", "box", "box/in", "box/index.json", "box/in/cimq.json", "box/*.csv", "box/x.vrt",
      "outside/none",
    ] {
      let result = try ask(path)
      #expect(result.status == 3 || result.status == 1, "\(path)")
      #expect(result.out.isEmpty && !result.error.contains("root:"), "\(path)")
    }
    // What is not there and what is not allowed look the same outside.
    let (there, gone) = (try ask("outside/a.csv"), try ask("outside/b.csv"))
    #expect(there.error.replacingOccurrences(of: "a.csv", with: "b.csv") == gone.error)
    // A set made of a file is one, too.
    let set = "LET $x = FILE 'outside/a.csv' IN WGS84; COUNT shelter WITHIN 5 km OF $x"
    #expect(try Program.run("query", db, set, "--sandbox", "box", in: scratch.folder).status == 3)
  }

  @Test func commandsOfTheShellStayInsideToo() throws {
    func run(_ input: String) throws -> Program.Output {
      try Program.run("shell", db, "--sandbox", "box", input: input + "\n", in: scratch.folder)
    }
    for input in [
      ".import outside/a.csv", ".save a COUNT shelter", ".open", ".personal on", ".read outside/a.csv",
      ".once x.csv\nCOUNT shelter;", ".output outside/x.csv\nCOUNT shelter;", "COUNT shelter EXPORT TO 'x.csv';",
      ".sql ATTACH 'outside/x.db' AS x", ".sql SELECT load_extension('x')", ".sql SELECT readfile('/etc/passwd')",
    ] {
      let result = try run(input)
      #expect(result.status != 0 && result.out.isEmpty, "\(input)")
    }
    let fine = try run(".once box/y.csv\nCOUNT shelter;")
    #expect(fine.status == 0 && FileManager.default.fileExists(atPath: box.path + "/y.csv"), "\(fine.error)")
    #expect(try Program.run("query", db, "COUNT shelter", "--sandbox", "nothing", in: scratch.folder).status == 3)
  }
}

/// `cimq backup`.
@Suite("Backup") struct BackupTests {
  let scratch: Scratch
  let db: String

  init() throws {
    scratch = try Scratch()
    db = scratch.path("city.sqlite")
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: db)
  }

  private func count(_ path: String, _ text: String) throws -> String { try Program.run("query", path, text).out }

  @Test func theCopyIsWholeAndReplacesNothingUnasked() throws {
    let copy = scratch.path("copy.sqlite")
    #expect(try Program.run("backup", db, copy).status == 0)
    #expect(try count(copy, "COUNT person") == count(db, "COUNT person"))
    #expect(try Program.run("check", copy).status == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).filter { $0.contains("backup") } == [])
    try Data("mine".utf8).write(to: scratch.url("other"))
    let refused = try Program.run("backup", db, scratch.path("other"))
    #expect(refused.status == 3 && refused.error.contains("--force"))
    #expect(try String(contentsOf: scratch.url("other"), encoding: .utf8) == "mine")
    #expect(try Program.run("backup", db, scratch.path("other"), "--force").status == 0)
    #expect(try count(scratch.path("other"), "COUNT shelter") == count(db, "COUNT shelter"))
    for target in [db, scratch.path("nothing/x.sqlite"), scratch.folder.path] {
      #expect(try Program.run("backup", db, target, "--force").status == 3, "\(target)")
    }
    #expect(try Program.run("backup", scratch.path("gone.sqlite"), scratch.path("y.sqlite")).status == 3)
    #expect(try Program.run("check", db).status == 0)
    try Data("log".utf8).write(to: scratch.url("new.sqlite-wal"))
    #expect(try Program.run("backup", db, scratch.path("new.sqlite")).status == 3)
  }

  @Test func writersGoOnAndTheCopyIsOfOneRevision() throws {
    // Each transaction moves one place from one shelter to another: the sum is always the same.
    let result = try Program.shell(
      """
      sqlite3 "$DB" "UPDATE shelter SET capacity = 1000"
      ( while [ ! -e "$DB.stop" ]; do
          sqlite3 -cmd '.timeout 10000' "$DB" "BEGIN IMMEDIATE; UPDATE shelter SET capacity = capacity + 1 WHERE fid = 1; \
          UPDATE shelter SET capacity = capacity - 1 WHERE fid = 2; COMMIT" || echo lost
        done ) & writer=$!
      for i in 1 2 3 4 5; do "$CIMQ" backup "$DB" "$DB.copy$i" || echo failed; done
      touch "$DB.stop"; wait $writer
      for i in 1 2 3 4 5; do
        sqlite3 "$DB.copy$i" "PRAGMA integrity_check; SELECT sum(capacity) - 1000 * count(*) FROM shelter"
      done
      sqlite3 "$DB" "SELECT capacity > 1000 FROM shelter WHERE fid = 1"
      """, environment: ["DB": db])
    #expect(result.out == String(repeating: "ok\n0\n", count: 5) + "1\n", "\(result.error)")
  }

  @Test func aCopyPutBackIsNotAnsweredFromTheSnapshotOfTheOther() throws {
    let copy = scratch.path("copy.sqlite")
    func edit(_ capacity: Int) throws {
      #expect(
        try Program.shell("sqlite3 '\(db)' 'UPDATE shelter SET capacity = \(capacity) WHERE fid = 1'").status == 0)
    }
    let question = "FIND shelter WHERE capacity > 70000 RETURN COUNT(*) AS n, SUM(capacity) AS s"
    try edit(70_001)
    #expect(try count(db, question) == "n,s\n1,70001\n")
    #expect(try Program.run("backup", db, copy).status == 0)
    try edit(70_002)
    #expect(try Program.run("snapshot", db).status == 0)
    #expect(try count(db, question) == "n,s\n1,70002\n")
    // The copy comes back and is edited as often: the revisions have the same numbers, and other tokens.
    try FileManager.default.removeItem(atPath: db)
    try FileManager.default.copyItem(atPath: copy, toPath: db)
    #expect(try count(db, question) == "n,s\n1,70001\n")
    try FileManager.default.removeItem(atPath: db)
    try FileManager.default.copyItem(atPath: copy, toPath: db)
    try edit(70_003)
    #expect(try count(db, question) == "n,s\n1,70003\n")
    #expect(try count(copy, question) == "n,s\n1,70001\n")
  }
}

/// Results that do not fit into `--max-memory`, and names that are no names.
@Suite("Limits and names") struct LimitTests {
  @Test(arguments: [
    "FIND person RETURN id, age ORDER BY age DESC, id", "FIND unit RETURN id, area ORDER BY area",
    "FIND person RETURN DISTINCT age ORDER BY age", "FIND unit RETURN id ORDER BY floor, id LIMIT 9000 OFFSET 100",
  ]) func aSortBeyondMemoryGoesThroughAFile(_ text: String) throws {
    let db = try BundledCity.database.get()
    let plain = try Program.run("query", db, text)
    let small = try Program.run("query", db, text, "--max-memory", "600K")
    #expect(plain.status == 0 && small.status == 0, "\(small.error)")
    #expect(small.out == plain.out && plain.out.utf8.count > 100)
  }

  @Test(arguments: [
    "FIND person RETURN DISTINCT id", "FIND person RETURN COUNT(DISTINCT id) AS n",
    "FIND person GROUP BY id RETURN id, COUNT(*) AS n", "FIND person RETURN DISTINCT id ORDER BY id",
    "FIND person AS a JOIN person AS b ON a.age = b.age RETURN COUNT(DISTINCT b.id) AS n",
  ]) func whatDoesNotFitIntoMemoryIsSaid(_ text: String) throws {
    let db = try BundledCity.database.get()
    let small = try Program.run("query", db, text, "--max-memory", "200K")
    #expect(small.status == 4 && small.error.contains("--max-memory"), "\(small.status) \(small.error)")
    #expect(try Program.run("query", db, text, "--max-memory", "200M").status == 0)
  }

  /// Layers, columns and values whose names are SQL stay names, all the way in and out.
  @Test func namesAreNeverSQL() throws {
    let scratch = try Scratch()
    let db = scratch.path("city.sqlite")
    // Import says that it names the layer so.
    let (given, layer) = ("x\"; DROP TABLE victim; --", "x_; drop table victim; --")
    let names = ["a\"; DROP TABLE victim; --", "b'); DELETE FROM victim; --", "c]`[", "数量 \u{1F30A}", "select", "f%s"]
    func name(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" }
    let header = names.map { name($0) }.joined(separator: ",")
    let values = names.map { name("v " + $0) }.joined(separator: ",")
    let csv = try scratch.write("id,lon,lat,\(header)\n'; DROP TABLE victim; --,113.6,34.7,\(values)\n", to: "x.csv")
    let victim = try scratch.write("id,lon,lat\nV-1,113.6,34.7\n", to: "victim.csv")
    #expect(try Program.run("import", db, victim, "--crs", "EPSG:4326").status == 0)
    let imported = try Program.run("import", db, csv, "--crs", "EPSG:4326", "--layer", given)
    #expect(imported.status == 0, "\(imported.error)")
    for column in names {
      let text =
        "FIND \(name(layer)) WHERE \(name(column)) = '\(("v " + column).replacingOccurrences(of: "'", with: "''"))'"
      let found = try Program.run("query", db, text + " RETURN \(name(column)) AS v", "--format", "json")
      #expect(found.status == 0, "\(column): \(found.error)")
      let rows = try JSONSerialization.jsonObject(with: Data(found.out.utf8)) as? [[String: String]]
      #expect(rows == [["v": "v " + column]], "\(column)")
      let edit =
        "UPDATE \(name(layer)) SET \(name(column)) = 'it''s \"; DROP TABLE victim; --' WHERE id LIKE '%victim%'"
      #expect(try Program.run("query", db, edit).status == 0, "\(column)")
    }
    let out = scratch.path("o\"; x.geojson")
    let exported = try Program.run("export", db, layer, "-o", out)
    #expect(exported.status == 0 && FileManager.default.fileExists(atPath: out), "\(exported.error)")
    let key = "'; DROP TABLE victim; --"
    let quotedKey = "'" + key.replacingOccurrences(of: "'", with: "''") + "'"
    #expect(
      try Program.run("query", db, "COUNT \(name(layer)) WHERE id = $k", "--param", "k=\(key)").out == "count\n1\n")
    #expect(try Program.run("query", db, "DELETE FROM \(name(layer)) WHERE id = \(quotedKey)").status == 0)
    #expect(try Program.run("shell", db, input: ".undo\n").status == 0)
    #expect(try Program.run("query", db, "COUNT victim").out == "count\n1\n")
    #expect(try Program.run("check", db).status == 0)
  }

  @Test(arguments: [
    "ATTACH 'x.db' AS x", "PRAGMA journal_mode = DELETE", "PRAGMA user_version = 9", "PRAGMA writable_schema = 1",
    "SELECT load_extension('x')", "SELECT writefile('x', 'y')", "SELECT readfile('/etc/passwd')",
    "CREATE VIRTUAL TABLE v USING fts5(a)", "CREATE TEMP TABLE t (a)", "INSERT INTO shelter (id) VALUES ('x')",
    "DELETE FROM cimq_audit", "VACUUM INTO 'x.db'", "BEGIN", "DROP TABLE shelter", "REINDEX", "ANALYZE",
    "SELECT 1; DROP TABLE shelter", "SELECT ExportSHP('shelter', 'geom', 'x', 'UTF-8')",
    "SELECT * FROM pragma_journal_mode('delete')",
  ]) func rawSQLOnlyReads(_ sql: String) throws {
    let scratch = try Scratch()
    let db = try BundledCity.database.get()
    let result = try Program.run("shell", db, input: ".sql \(sql)\n", in: scratch.folder)
    #expect(result.status == 1 && result.out.isEmpty, "\(result.out) \(result.error)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path) == [])
  }
}
