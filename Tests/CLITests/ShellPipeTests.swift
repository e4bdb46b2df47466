import Foundation
import Testing

/// The shell fed from a pipe: dot commands, raw SQL, examples, and what `cimq nearest` finds.
@Suite("Shell from a pipe") struct ShellPipeTests {
  let db: String
  init() throws { db = try BundledCity.database.get() }

  private func shell(_ input: String, environment: [String: String] = [:]) throws -> Program.Output {
    try Program.run("shell", db, input: input, environment: environment)
  }

  @Test func nothingButResultsIsPrinted() throws {
    let result = try shell("COUNT shelter;\nFIND shelter RETURN id LIMIT 2;\n")
    #expect(result.status == 0 && result.error.isEmpty)
    #expect(result.out == "count\n5\nid\nS-0001\nS-0002\n")
    #expect(!result.out.contains("\u{1B}"))
  }

  @Test(arguments: 1...15) func exampleRuns(number: Int) throws {
    let result = try shell(".examples \(number)\n")
    #expect(result.status == 0, "\(result.error)")
    #expect(!result.out.isEmpty)
  }

  @Test func everyCommandHasHelpWithAnExample() throws {
    let overview = try shell(".help\n").out
    let commands = overview.split(separator: "\n").filter { $0.hasPrefix("  .") }
      .map { String($0.dropFirst(2).prefix { $0 != " " }) }
    #expect(commands.count >= 20)
    for (language, word) in [("en", "example: "), ("zh", "例：")] {
      let input = commands.map { ".help \($0)\n" }.joined()
      let result = try shell(".lang \(language)\n" + input)
      #expect(result.status == 0)
      #expect(result.out.components(separatedBy: word).count == commands.count + 1, "\(result.out)")
    }
    for topic in ["language", "where", "nearest", "spatial", "references", "join", "group", "maps", "中文", "最近", "keys"]
    {
      let text = try shell(".help \(topic)\n").out
      #expect(text.count > 100 && !text.contains("no such topic"), "\(topic): \(text)")
    }
    #expect(try shell(".help neerest\n").out.contains("did you mean nearest?"))
  }

  @Test(arguments: [
    (".shcema", "did you mean .schema?"), (".mode geojsn", "did you mean geojson?"), (".rows x", ".rows 500"),
    (".timeout soon", "10s"), (".lang fr", ".lang zh"), (".crs EPSG:1", "EPSG:1"), (".crs nowhere", "unknown CRS"),
    (".once", ".once near.geojson"), (".read", "wants a file"), (".read no-such-file", "no-such-file"),
    (".watch", ".watch 10 s"), (".watch 0", "50 ms"), (".save a/b FIND shelter", "letters, digits"),
    (".save x FIND shleter WHER", "shleter"), (".run nothing-of-the-kind", "nothing is saved"), (".open", "no result"),
    (".sql", "wants a SELECT"), (".import", "wants files"), (".timer maybe", ".timer on"), (".undo", "edit"),
    (".examples 99", "no example 99"), (".examples nosuch", "topics:"),
  ])
  func wrongCommandsSayWhatIsRight(command: String, words: String) throws {
    let scratch = try Scratch()
    let result = try shell(command + "\n", environment: ["HOME": scratch.folder.path])
    #expect(result.status != 0, "\(command)")
    #expect(result.out.isEmpty && result.error.contains(words), "\(command): \(result.error)")
  }

  @Test func coordinatesInAnotherCRS() throws {
    let rows = try shell(".crs gcj02\nFIND shelter WHERE id = 'S-0001' RETURN id;\n").out
    let degrees = try Program.run("query", db, "FIND shelter WHERE id = 'S-0001' RETURN id, geom").out
    func coordinate(_ text: String) throws -> [Double] {
      let line = try #require(text.split(separator: "\n").last)
      return line.split(separator: ",").dropFirst().compactMap { Double($0) }
    }
    let (offset, plain) = (try coordinate(rows), try coordinate(degrees))
    #expect(rows.hasPrefix("id,lon,lat\n"))
    // GCJ-02 lies some hundred metres away here, east and south of WGS 84.
    #expect((0.005...0.007).contains(offset[0] - plain[0]) && (-0.002 ... -0.0005).contains(offset[1] - plain[1]))
  }

  // MARK: Raw SQL

  @Test func rawSQLReadsTheStore() throws {
    let counted = try shell(".sql SELECT count(*) AS count FROM building\n").out
    #expect(counted == (try Program.run("query", db, "COUNT building").out))
    let typed = try shell(".mode jsonl\n.sql SELECT 1 AS a, 2.5 AS b, 'x' AS c, NULL AS d, 1 AS a\n").out
    #expect(typed == "{\"a\":1,\"b\":2.5,\"c\":\"x\",\"d\":null,\"a_2\":1}\n")
    // SpatiaLite's functions and index work, and geometries are drawn like others.
    let near = try shell(
      ".mode csv\n.sql SELECT count(*) AS count FROM shelter WHERE ST_Distance(geom, (SELECT geom FROM hazard WHERE id = 'HZ-0231')) < 5000\n"
    )
    #expect(near.status == 0, "\(near.error)")
    #expect(near.out == (try Program.run("query", db, "COUNT shelter WITHIN 5 km OF hazard 'HZ-0231'").out))
    let indexed = try shell(
      ".sql SELECT count(*) AS n FROM grid3 WHERE rowid IN (SELECT rowid FROM SpatialIndex WHERE f_table_name = 'grid3' AND search_frame = (SELECT geom FROM grid1 LIMIT 1))\n"
    )
    #expect(indexed.status == 0 && indexed.out.hasPrefix("n\n"), "\(indexed.error)")
    let drawn = try shell(".mode geojson\n.sql SELECT id, geom FROM shelter ORDER BY id LIMIT 1\n").out
    #expect(drawn.contains("\"type\":\"Point\",\"coordinates\":[113.6"))
  }

  @Test(arguments: [
    "ATTACH 'x.sqlite' AS x", "DELETE FROM shelter", "UPDATE shelter SET name = 'x'",
    "INSERT INTO shelter(id) VALUES ('x')",
    "DROP TABLE shelter", "CREATE TABLE x(a)", "CREATE TEMP TABLE x(a)", "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 3", "PRAGMA writable_schema = ON", "VACUUM", "VACUUM INTO 'x.sqlite'", "BEGIN",
    "SAVEPOINT a",
    "SELECT load_extension('x')", "SELECT eval('DELETE FROM shelter')", "SELECT 1; SELECT 2", "SELECT nothing",
    "CREATE VIRTUAL TABLE x USING VirtualShape('x', UTF8, 4326)", "REINDEX", "ANALYZE",
    "SELECT writefile('x', 'y')", "SELECT ExportSHP('shelter', 'geom', 'x', 'UTF8')",
  ])
  func rawSQLOnlyReads(statement: String) throws {
    let before = try Program.run("query", db, "COUNT shelter WHERE name <> 'x'").out
    let result = try shell(".sql \(statement)\n")
    #expect(result.status == 1, "\(statement): \(result.status) \(result.out)")
    #expect(result.out.isEmpty && !result.error.isEmpty)
    #expect(try Program.run("query", db, "COUNT shelter WHERE name <> 'x'").out == before)
  }

  @Test func rawSQLHonoursTheTimeout() throws {
    let result = try shell(
      ".timeout 200ms\n.sql WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c\n")
    #expect(result.status == 4 && result.error.contains("stopped after"), "\(result.error)")
  }

  // MARK: cimq nearest

  @Test func nearestFindsAPlaceByName() throws {
    let row = try Program.run("query", db, "FIND shelter WHERE id = 'S-0001' RETURN name, geom").out
    let cells = try #require(row.split(separator: "\n").last).split(separator: ",").map(String.init)
    let byName = try Program.run("nearest", db, "shelter", "--at", cells[0], "-k", "2")
    #expect(byName.status == 0, "\(byName.error)")
    #expect(byName.error.contains("S-0001"))
    #expect(byName.out.split(separator: "\n")[1].hasPrefix("S-0001,"))
    let byID = try Program.run("nearest", db, "shelter", "--near", "S-0001", "-k", "2")
    #expect(byID.out == byName.out)
    // Part of a name that several have is no answer.
    let several = try Program.run("nearest", db, "hazard", "--at", "避难场所")
    #expect(several.status == 1 && several.out.isEmpty)
    #expect(several.error.contains("S-0001") && several.error.contains("S-0002"), "\(several.error)")
    let none = try Program.run("nearest", db, "shelter", "--at", cells[0] + "x")
    #expect(none.status == 1 && none.error.contains(cells[0]), "\(none.error)")
    #expect(try Program.run("nearest", db, "shelter", "--at", "S-0001", "--crs", "gcj02").status == 2)
  }

  @Test func nearestPrintsPhoneCoordinatesAndAge() throws {
    let result = try Program.run(
      "nearest", db, "shelter", "--at", "113.65,34.76", "-k", "2", "--out-crs", "gcj02", "--format", "json")
    #expect(result.status == 0, "\(result.error)")
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [[String: Any]])
    for row in rows {
      let (lon, lat) = (try #require(row["lon"] as? Double), try #require(row["lat"] as? Double))
      #expect((113.6...113.7).contains(lon) && (34.7...34.8).contains(lat))
    }
    // The synthetic city is as of 2022.
    #expect(result.error.contains("as of 2022-"), "\(result.error)")
    let fresh = try Program.run("nearest", db, "hazard", "--at", "113.65,34.76", "-k", "1")
    #expect(!fresh.error.contains("as of"))
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func completionScripts(name: String) throws {
    let result = try Program.run("completions", name)
    #expect(result.status == 0 && result.out.contains("cimq") && result.out.contains("nearest"))
    #expect(try Program.run("completions", "tcsh").status == 2)
  }
}
