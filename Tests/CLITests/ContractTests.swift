import Foundation
import Testing

/// What scripts rely on: columns, formats, streams and exit status.
@Suite("Output contract") struct ContractTests {
  let db: String
  init() throws { db = try BundledCity.database.get() }

  @Test func countIsHeaderAndNumber() throws {
    let result = try Program.run("query", db, "COUNT building")
    #expect(result.status == 0)
    let lines = result.out.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 3 && lines[0] == "count" && Int(lines[1]) != nil && lines[2].isEmpty)
    let count = lines[1]
    #expect(try Program.run("query", db, "COUNT building", "--format", "json").out == "[{\"count\":\(count)}]\n")
    #expect(try Program.run("query", db, "SELECT COUNT(*) AS count FROM building").out == result.out)
    #expect(try Program.run("query", db, "统计 建筑").out == result.out)
  }

  @Test func geojsonParsesAndStdoutHoldsNothingElse() throws {
    let result = try Program.run(
      "query", db, "FIND shelter NEAREST 5 TO AT(113.62, 34.75)", "--format", "geojson")
    #expect(result.status == 0)
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
    let features = try #require(document["features"] as? [[String: Any]])
    #expect(features.count == 5)
    #expect(document["bbox"] != nil)
    let distances = features.compactMap { ($0["properties"] as? [String: Any])?["distance"] as? Double }
    #expect(distances.count == 5 && distances == distances.sorted())
  }

  @Test func outputFileLeavesStdoutEmpty() throws {
    let scratch = try Scratch()
    let result = try Program.run("query", db, "FIND shelter LIMIT 3", "-o", scratch.path("s.geojson"))
    #expect(result.status == 0 && result.out.isEmpty)
    #expect(result.error.contains("wrote \(scratch.path("s.geojson")) (3 features)"))
  }

  @Test func exportToLeavesStdoutEmpty() throws {
    let scratch = try Scratch()
    let result = try Program.run("query", db, "FIND shelter LIMIT 3 EXPORT TO '\(scratch.path("s.csv"))'")
    #expect(result.status == 0 && result.out.isEmpty)
    #expect(result.error.contains("(3 features)"))
    let text = try String(contentsOfFile: scratch.path("s.csv"), encoding: .utf8)
    #expect(text.split(separator: "\n").count == 4)
  }

  @Test func severalResultsNeedAFormatThatTakesThem() throws {
    let text = "COUNT shelter; COUNT hazard"
    #expect(try Program.run("query", db, text).status == 2)
    #expect(try Program.run("query", db, text, "--format", "json").status == 2)
    let lines = try Program.run("query", db, text, "--format", "jsonl")
    #expect(lines.status == 0 && lines.out.split(separator: "\n").count == 2)
    #expect(try Program.run("query", db, text, "--format", "table").status == 0)
    #expect(try Program.run("query", db, "LET $s = shelter; COUNT $s").status == 0)
  }

  @Test(arguments: [
    ("FIND shleter", "shelter"), ("FIND shelter WHERE capcity > 3", "capacity"),
    ("FIND shelter WITHIN 500 OF AT(113.65, 34.76)", "500 m"),
    ("FIND shelter WITHIN 500 ml OF AT(113.65, 34.76)", "km"),
    ("FIND shelter NEAREST 3 TO AT(113.65, 34.76) IN EPSG:99999", "99999"),
    ("FIND shelter WHERE status = 'opne'", "open, full, closed"), ("FIND building INSIDE grid3 'nowhere'", "nowhere"),
    ("FIND shelter WEHRE capacity > 3", "WHERE"), ("FIND shelter WHERE", "end"),
  ])
  func wrongQueriesSayWhatIsWrong(query: String, word: String) throws {
    let result = try Program.run("query", db, query)
    #expect(result.status == 1)
    #expect(result.out.isEmpty)
    #expect(result.error.contains(word), "\(result.error)")
    #expect(result.error.contains("^"), "\(result.error)")
  }

  @Test func exitStatuses() throws {
    #expect(try Program.run("query", db, "FIND shelter WHERE capacity < 0", "--fail-if-empty").status == 5)
    #expect(try Program.run("query", db, "FIND shelter WHERE capacity < 0").status == 0)
    #expect(try Program.run("query", db + ".nowhere", "COUNT shelter").status == 3)
    #expect(try Program.run("query", db, "COUNT shelter", "--format", "xml").status == 2)
    #expect(try Program.run("query").status == 2)
    #expect(try Program.run("nosuch").status == 2)
    #expect(try Program.run("--help").status == 0)
    #expect(try Program.run("--version").status == 0)
    #expect(try Program.run("query", db, "FIND person", "--max-rows", "10").status == 4)
    #expect(try Program.run("nearest", db, "shelter", "--at", "113.65").status == 2)
  }

  @Test func databaseFromTheEnvironment() throws {
    let plain = try Program.run("query", db, "COUNT shelter").out
    #expect(try Program.run("query", "COUNT shelter", environment: ["CIMQ_DB": db]).out == plain)
    #expect(try Program.run("query", db, "COUNT shelter", environment: ["CIMQ_DB": "/nowhere.sqlite"]).out == plain)
    #expect(
      try Program.run("nearest", "shelter", "--at", "113.65,34.76", environment: ["CIMQ_DB": db]).status == 0)
  }

  @Test func queryFromStdinAndFile() throws {
    let scratch = try Scratch()
    let plain = try Program.run("query", db, "COUNT shelter").out
    #expect(try Program.run("query", db, "-", input: "COUNT shelter;\n").out == plain)
    let file = try scratch.write("-- how many\nCOUNT shelter\n", to: "q.cimq")
    #expect(try Program.run("query", db, "-f", file).out == plain)
    #expect(try Program.run("query", db, "-f", scratch.path("no.cimq")).status == 3)
  }

  @Test func closedPipeIsQuiet() throws {
    let result = try Program.shell(
      "set -o pipefail; \"$CIMQ\" query '\(db)' 'FIND unit' | head -n 1; echo ${PIPESTATUS[0]} >&2")
    #expect(result.out.hasPrefix("id,"))
    #expect(result.error == "0\n", "\(result.error)")
  }

  @Test func nearestShowsBearingAndFreePlaces() throws {
    let result = try Program.run("nearest", db, "shelter", "--at", "113.65,34.76", "-k", "3", "--format", "json")
    #expect(result.status == 0, "\(result.error)")
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [[String: Any]])
    #expect(rows.count == 3)
    for row in rows {
      let bearing = try #require(row["bearing"] as? Double)
      #expect((0..<360).contains(bearing))
      #expect(row.keys.contains("free"))
      if let capacity = row["capacity"] as? Int, let occupied = row["occupied"] as? Int {
        #expect(row["free"] as? Int == capacity - occupied)
      }
    }
    let wide = try Program.run("nearest", db, "避难场所", "--at", "113.65，34.76", "-k", "3", "--format", "json")
    #expect(wide.out == result.out)
    // A negative coordinate is a value, not an option; it lies too far off for this city, which is said.
    let far = try Program.run("nearest", db, "shelter", "--at", "-73.9,40.7", "--within", "1km")
    #expect(far.status == 1 && far.error.contains("(-73.9, 40.7)"), "\(far.error)")
    let none = try Program.run("nearest", db, "shelter", "--at", "112.9,34.3", "--within", "1km", "--fail-if-empty")
    #expect(none.status == 5, "\(none.error)")
  }

  @Test func shellReadsStatementsFromAPipe() throws {
    let result = try Program.run(
      "shell", db, input: ".mode csv\nCOUNT shelter;\nFIND shelter\n  LIMIT 2\n  RETURN id;\n.layers\n.quit\n")
    #expect(result.status == 0, "\(result.error)")
    #expect(result.out.hasPrefix("count\n"))
    #expect(result.out.contains("\nid\n"))
    #expect(result.out.contains("避难场所"))
    #expect(try Program.run("shell", db, input: "FIND nothing;\n").status == 1)
    #expect(try Program.run("shell", db, input: ".nosuch\n").status == 2)
  }
}
