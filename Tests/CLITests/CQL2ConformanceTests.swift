import Foundation
import Testing

/// The abstract test suite of OGC 21-065r2 (annex A): filters on three layers of Natural Earth and the number of features that
/// each must return. Every count in the table was worked out again without cimq, see `Tests/Fixtures/README.md`.
@Suite(
  "CQL2 conformance",
  .enabled(if: NaturalEarth.isPresent, "set CIMQ_REALDATA to run the abstract tests of the standard"))
struct CQL2ConformanceTests {
  struct Case {
    var layer: String
    var count: Int
    var filter: String
  }

  static func cases() throws -> [Case] {
    let url = Program.root.appendingPathComponent("Tests/Fixtures/cql2/conformance.tsv")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst().map { line in
      let fields = line.split(separator: "\t").map(String.init)
      return Case(layer: fields[1], count: Int(fields[2])!, filter: fields[4])
    }
  }

  @Test func everyFilterReturnsTheNumberOfFeaturesThatTheStandardAsksFor() throws {
    let db = try NaturalEarth.database.get()
    let cases = try Self.cases()
    #expect(cases.count == 351)
    let text = cases.map { "COUNT \($0.layer) WHERE \($0.filter)" }.joined(separator: ";\n")
    for strict in [[], ["--strict-cql2"]] {
      let result = try Program.run(["query", db, "-", "--format", "jsonl"] + strict, input: text)
      #expect(result.status == 0, "\(result.error)")
      let counts = result.out.split(separator: "\n")
      try #require(counts.count == cases.count)
      for (one, count) in zip(cases, counts) {
        #expect(count == "{\"count\":\(one.count)}", "\(one.layer): \(one.filter)")
      }
    }
  }

  @Test func findReturnsTheFeaturesThemselves() throws {
    let db = try NaturalEarth.database.get()
    for one in try Self.cases().enumerated().filter({ $0.offset % 29 == 0 }).map(\.element) {
      let result = try Program.run("query", db, "FIND \(one.layer) WHERE \(one.filter)", "--format", "jsonl")
      #expect(result.status == 0 && result.out.split(separator: "\n").count == one.count, "\(one.filter)")
    }
  }

  /// Tests "s_intersects" and others: a coordinate that cannot be is an error, not an empty answer.
  @Test func impossibleCoordinatesAreRefused() throws {
    let db = try NaturalEarth.database.get()
    for place in ["POINT(90 180)", "MULTIPOINT(7.02 49.92, 90 180)"] {
      for function in ["S_INTERSECTS", "S_DISJOINT"] {
        let result = try Program.run("query", db, "COUNT ne_110m_admin_0_countries WHERE \(function)(geom,\(place))")
        #expect(result.status == 1 && result.error.contains("180 is no latitude"), "\(result.error)")
      }
    }
  }

  /// Tests "comparison", "is-null", "like", "between", "in" and the first two of the temporal functions: each queryable with
  /// each operator; opposite operators have no feature in common.
  @Test func everyColumnTakesTheOperatorsOfItsType() throws {
    let db = try NaturalEarth.database.get()
    let places = "ne_110m_populated_places_simple"
    let values = [
      ("name", "'foo'"), ("pop_other", "1"), ("pop_max", "3.14"), ("boolean", "true"),
      ("\"date\"", "DATE('2022-04-14')"),
      ("start", "TIMESTAMP('2022-04-14T14:48:46Z')"), ("\"end\"", "TIMESTAMP('2022-04-14T14:48:46Z')"),
    ]
    var filters: [String] = []
    for (column, value) in values {
      for (a, b) in [("=", "<>"), (">", "<="), ("<", ">=")] {
        filters.append("\(column) \(a) \(value) AND \(column) \(b) \(value)")
        filters.append("\(value) \(a) \(column) AND \(value) \(b) \(column)")
      }
      filters.append("\(column) <> \(column)")
      filters.append("\(column) IS NULL AND \(column) is not null")
    }
    filters += [
      "name like '_%' AND name LIKE ''", "pop_other between 100.0 and 1.0",
      "start in ('2022-04-14T14:52:56Z', '2022-04-14T15:52:56Z')", "\"date\" in ('2022-04-14', '2022-04-15')", "false",
      "CASEI(name) = casei('foo') AND CASEI(name) <> casei('FOO')",
    ]
    let text = filters.map { "COUNT \(places) WHERE \($0)" }.joined(separator: ";")
    let result = try Program.run("query", db, "-", "--format", "jsonl", input: text)
    #expect(result.status == 0, "\(result.error)")
    let counts = result.out.split(separator: "\n")
    try #require(counts.count == filters.count)
    for (filter, count) in zip(filters, counts) { #expect(count == "{\"count\":0}", "\(filter)") }
  }

  @Test func filtersInJSON() throws {
    let db = try NaturalEarth.database.get()
    let filter = #"{"op":"like","args":[{"op":"casei","args":[{"property":"name"}]},{"op":"casei","args":["b_R%"]}]}"#
    let layer = "ne_110m_populated_places_simple"
    let scratch = try Scratch()
    try filter.write(toFile: scratch.path("filter.json"), atomically: true, encoding: .utf8)
    let runs = [
      ["query", db, layer, "--filter-json", filter], ["query", db, "--layer", layer, "--filter-json", filter],
      ["query", db, layer, "--filter-json", scratch.path("filter.json")], ["query", db, layer, "--filter-json", "-"],
      ["query", db, "FIND \(layer) WHERE name > 'A' RETURN name", "--filter-json", filter],
    ]
    for arguments in runs {
      let result = try Program.run(arguments + ["--format", "jsonl"], input: filter)
      #expect(result.status == 0 && result.out.split(separator: "\n").count == 3, "\(arguments) \(result.error)")
    }
    let wrong = try Program.run("query", db, layer, "--filter-json", #"{"op":"=","args":[1]}"#)
    #expect(wrong.status == 1 && wrong.error.contains("takes 2 arguments, not 1"), "\(wrong.error)")
    #expect(try Program.run("query", db, "LET $a = \(layer)", "--filter-json", filter).status == 2)
    #expect(try Program.run("query", db, layer, "--filter-json", scratch.path("none.json")).status == 3)
  }
}

/// The layers of the standard's tests, in a database in degrees.
enum NaturalEarth {
  static let folder = ProcessInfo.processInfo.environment["CIMQ_REALDATA"].map { "\($0)/cql2/geojson" }
  static var isPresent: Bool { folder.map { FileManager.default.fileExists(atPath: $0) } ?? false }

  private static let scratch = try? Scratch()

  static let database: Result<String, any Error> = Result {
    let path = scratch!.path("ne.sqlite")
    let result = try Program.run("import", path, folder!, "--working-crs", "EPSG:4326")
    guard result.status == 0 else { throw Failure(message: result.error) }
    return path
  }

  struct Failure: Error { var message: String }
}
