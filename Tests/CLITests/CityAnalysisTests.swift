import Foundation
import TestSupport
import Testing

/// LINK, roll-ups and EXPOSE on the bundled city against `answers.json`, and against shapely where that is installed.
@Suite("City analyses") struct CityAnalysisTests {
  private static func json(_ db: String, _ query: String) throws -> [[String: Any]] {
    let result = try Program.run("query", db, query, "--format", "json")
    try #require(result.status == 0, "\(query)\n\(result.error)")
    return try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [[String: Any]])
  }

  /// A copy of the bundled city, linked.
  private static let linked = Result { () throws -> (scratch: Scratch, db: String, said: String) in
    let scratch = try Scratch()
    let db = scratch.path("city.sqlite")
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: db)
    let result = try Program.run("link", db, "unit", "grid3", "--within", "30m", "--report", scratch.path("report.csv"))
    try #require(result.status == 0, "\(result.error)")
    return (scratch, db, result.out)
  }

  @Test func linksAreThoseOfTheGenerator() throws {
    let (scratch, db, said) = try Self.linked.get()
    let answers = try KnownAnswers.bundled()
    let odd = answers.odd.filter { $0.layer == "unit" }
    let near = odd.filter { $0.kind == "outside_within_30m" }
    let far = odd.filter { $0.kind == "outside_beyond_30m" }
    let total = answers.grid3.values.reduce(0) { $0 + $1.units } + odd.count
    #expect(said == "method,rows\ninside,\(total - near.count - far.count)\nnearest,\(near.count)\nnone,\(far.count)\n")
    for unit in odd {
      let row = try #require(
        try Self.json(db, "FIND unit WHERE id = '\(unit.id)' RETURN grid3, link_method, link_distance").first)
      switch unit.kind {
      case "outside_within_30m":
        #expect(row["grid3"] as? String == unit.nearest && row["link_method"] as? String == "nearest")
        #expect(abs((row["link_distance"] as? Double ?? .nan) - (unit.distance ?? 0)) < 0.002)
      case "outside_beyond_30m":
        #expect(row["grid3"] is NSNull && row["link_method"] as? String == "none" && row["link_distance"] is NSNull)
      default:
        #expect(row["grid3"] as? String == unit.grids?.min() && row["link_method"] as? String == "inside")
      }
    }
    let report = try String(contentsOfFile: scratch.path("report.csv"), encoding: .utf8)
    #expect(report.hasPrefix("id,reason,method,grid3,distance,candidates,"))
    #expect(report.split(separator: "\n").count == 1 + odd.count)
  }

  @Test func rollUpsAddUp() throws {
    let db = try Self.linked.get().db
    let answers = try KnownAnswers.bundled()
    for (layer, value) in [("unit", \KnownAnswers.Place.units), ("person", \KnownAnswers.Place.people)] {
      for (level, places, digits) in [
        ("grid1", answers.grid1, 9), ("grid2", answers.grid2, 12), ("grid3", answers.grid3, 15),
      ] {
        var want = places.mapValues { $0[keyPath: value] }.filter { $0.value > 0 }
        var unknown = 0
        for unit in answers.odd where unit.layer == "unit" {
          let weight = layer == "unit" ? 1 : unit.people ?? 0
          if let code = unit.kind == "outside_beyond_30m" ? nil : unit.nearest ?? unit.grids?.min() {
            want[String(code.prefix(digits)), default: 0] += weight
          } else {
            unknown += weight
          }
        }
        var found: [String: Int] = [:]
        var none = 0
        for row in try Self.json(db, "COUNT \(layer) GROUP BY \(level)") {
          let count = row["count"] as? Int ?? -1
          if let code = row[level] as? String { found[code] = count } else { none = count }
        }
        #expect(found == want && none == unknown, "\(layer) by \(level)")
      }
    }
  }

  @Test func exposureIsThatOfTheGenerator() throws {
    let db = try Self.linked.get().db
    let rows = try Self.json(db, "EXPOSE unit, person TO flood GROUP BY layer")
    for flood in try KnownAnswers.bundled().floods {
      for (layer, inside, below) in [
        ("unit", flood.unitsInside, flood.unitsBelow), ("person", flood.peopleInside, flood.peopleBelow),
      ] {
        let row = try #require(
          rows.first { $0["scenario"] as? String == flood.id && $0["layer"] as? String == layer })
        #expect(row["total"] as? Int == inside && row["wet"] as? Int == below, "\(layer) in \(flood.id)")
        #expect(row["dry"] as? Int == inside - below && row["unknown"] as? Int == 0)
      }
    }
    // Totals by grid and floor add up to those of the flood.
    let parts = try Self.json(
      db, "EXPOSE building, unit, person TO flood 'F-0720' BY FLOOR TOLERANCE 0.2 m GROUP BY grid3")
    for layer in ["unit", "person"] {
      let whole = rows.first { $0["scenario"] as? String == "F-0720" && $0["layer"] as? String == layer }
      let sum = parts.filter { $0["layer"] as? String == layer }.reduce(0) { $0 + ($1["total"] as? Int ?? 0) }
      #expect(sum == whole?["total"] as? Int)
    }
    #expect(parts.contains { $0["layer"] as? String == "building" && ($0["wet_floors"] as? Int ?? 0) > 0 })
  }

  private static let python: String? = {
    for name in [ProcessInfo.processInfo.environment["CIMQ_PYTHON"], "python3"].compactMap({ $0 }) {
      if (try? Program.shell("\(name) -c 'import shapely, numpy'"))?.status == 0 { return name }
    }
    return nil
  }()

  @Test(.enabled(if: python != nil, "no Python with shapely and numpy (CIMQ_PYTHON names one)"))
  func shapelyAgrees() throws {
    let db = try Self.linked.get().db
    let script = Program.root.appendingPathComponent("Tests/oracles/city.py").path
    let result = try Program.shell("\(Self.python!) '\(script)' '\(db)'")
    try #require(result.status == 0, "\(result.error)")
    let oracle = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
    #expect(oracle["differing"] as? Int == 0)
    let people = try #require(oracle["people"] as? [String: Int])
    for row in try Self.json(db, "COUNT person GROUP BY grid2") {
      #expect(people[row["grid2"] as? String ?? ""] == row["count"] as? Int)
    }
    let floods = try #require(oracle["floods"] as? [String: [String: Int]])
    for row in try Self.json(db, "EXPOSE unit, person TO flood GROUP BY layer") {
      let flood = try #require(floods[row["scenario"] as? String ?? ""])
      #expect(row["wet"] as? Int == (row["layer"] as? String == "unit" ? flood["wet"] : flood["people"]))
    }
  }

  /// The script that compares a generated city of any size with its answers (docs/reliability.md), on the small one.
  @Test(.enabled(if: OtherPrograms.has("python3"), "no python3"))
  func theScriptForAnySizeAgrees() throws {
    let db = try Self.linked.get().db
    let words = [
      Program.root.appendingPathComponent("Tests/oracles/scale.py").path, Program.path, db,
      Program.root.appendingPathComponent("datasets/answers.json").path,
    ]
    let result = try Program.shell("python3 " + words.map(OtherPrograms.quoted).joined(separator: " "))
    #expect(result.status == 0, "\(result.out)\(result.error)")
    #expect(result.out.split(separator: "\n").count > 15 && !result.out.contains("DIFFERS"), "\(result.out)")
  }

  @Test(
    "every example of the documents runs",
    arguments: ["docs/language.md", "docs/language.zh-CN.md", "docs/analysis.md"])
  func documents(document: String) throws {
    let db = try Self.linked.get().db
    let text = try String(contentsOf: Program.root.appendingPathComponent(document), encoding: .utf8)
    let statements = text.split(separator: "\n").map(String.init).filter { line in
      ["LINK ", "EXPOSE ", "匹配 ", "暴露 "].contains { line.hasPrefix($0) }
    }
    #expect(statements.count >= 3)
    for statement in statements {
      let result = try Program.run("query", db, statement, "--format", "json", "--fail-if-empty")
      #expect(result.status == 0, "\(statement)\n\(result.error)")
    }
  }

  @Test func checksOfTheCity() throws {
    let db = try Self.linked.get().db
    let grids = try Program.run("check", db, "--grids")
    #expect(grids.status == 0 && !grids.out.contains("error:"), "\(grids.out)")
    let crs = try Program.run("check", db, "--crs")
    #expect(crs.status == 0 && crs.out.contains("no layer looks shifted"), "\(crs.out)\(crs.error)")
    #expect(try Program.run("link", db, "unit").status == 2)
    #expect(try Program.run("link", db, "unit", "grid9").status == 1)
    #expect(try Program.run("link", db, "unit", "grid3", "--within", "30").status == 2)
  }
}
