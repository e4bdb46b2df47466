import Foundation
import Testing

/// BRIEF, EXPOSE and streets as a user meets them.
@Suite("City statements") struct CityStatementTests {
  private static func query(_ text: String, _ format: String = "csv", locale: String = "C") throws -> Program.Output {
    let db = try BundledCity.database.get()
    return try Program.run("query", db, text, "--format", format, environment: ["LANG": locale])
  }

  @Test func aBriefOfAFloodSaysWhatIsWet() throws {
    let brief = try Self.query("BRIEF flood 'F-0720'", "json")
    try #require(brief.status == 0, "\(brief.error)")
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(brief.out.utf8)) as? [[String: Any]])
    let exposed = try Self.query("EXPOSE person, unit, building TO flood 'F-0720' GROUP BY layer", "json")
    let totals = try #require(try JSONSerialization.jsonObject(with: Data(exposed.out.utf8)) as? [[String: Any]])
    for total in totals {
      let layer = total["layer"] as? String
      let row = rows.first {
        $0["section"] as? String == "at_risk" && $0["layer"] as? String == layer && $0["name"] as? String == "wet"
      }
      #expect(row?["value"] as? Double == (total["wet"] as? Int).map { Double($0) }, "\(layer ?? "")")
    }
    // No shelter under water is recommended.
    let wet = try Self.query("FIND shelter INTERSECTS flood 'F-0720' RETURN id").out
    let named = rows.filter { $0["section"] as? String == "shelters" }.compactMap { $0["id"] as? String }
    #expect(!named.isEmpty && !named.contains { wet.contains($0) })
    #expect(brief.error.contains("rule age bands") && brief.error.contains("cimq_rule_age"))
  }

  @Test func aBriefComesInEveryFormAndLanguage() throws {
    let scratch = try Scratch()
    let db = try BundledCity.database.get()
    let event = try Self.query("FIND event LIMIT 1 RETURN id").out.split(separator: "\n")[1]
    for place in ["hazard 'HZ-0231' RADIUS 300 m", "event '\(event)'", "grid3 '410105003012007'", "AT(113.65, 34.76)"] {
      for format in ["table", "csv", "json", "geojson"] {
        let result = try Self.query("BRIEF \(place)", format)
        #expect(result.status == 0 && !result.out.isEmpty, "\(place) \(format): \(result.error)")
      }
      let explained = try Self.query("EXPLAIN BRIEF \(place)")
      #expect(explained.status == 0 && explained.out.contains("shelters:"), "\(explained.error)")
    }
    let page = try Program.run("query", db, "BRIEF hazard 'HZ-0231' EXPORT TO 'brief.html'", in: scratch.folder)
    #expect(page.status == 0 && FileManager.default.fileExists(atPath: scratch.path("brief.html")), "\(page.error)")
    let chinese = try Self.query("简报 隐患点 'HZ-0231' 半径 300 米", "table", locale: "zh_CN.UTF-8")
    #expect(chinese.out.contains("▸ 最近的救援队伍") && chinese.out.contains("队员") && !chinese.out.contains("members"))
    #expect(chinese.error.contains("规则“威胁等级”"), "\(chinese.error)")
    let english = try Self.query("BRIEF hazard 'HZ-0231' RADIUS 300 m", "table")
    #expect(english.out.contains("medium") && english.error.contains("cimq_rule_threat"))
  }

  @Test func nearestByRoadFromTheCommandLine() throws {
    let db = try BundledCity.database.get()
    let result = try Program.run(
      "nearest", db, "shelter", "--at", "113.65,34.76", "-k", "3", "--by-road", "--format", "csv")
    try #require(result.status == 0, "\(result.error)")
    let ids = result.out.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[0] }
    let asked = try Self.query("FIND shelter NEAREST 3 TO AT(113.65, 34.76) BY ROAD RETURN id, distance").out
    #expect(asked.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[0] } == ids && ids.count == 3)
    #expect(result.error.contains("by road"))
  }

  @Test func theSurfaceOfAPrism() throws {
    let scratch = try Scratch()
    let file = try scratch.write(
      "id,ground_z,height,wkt\nA,100,30,\"POLYGON((460000 3840000,460010 3840000,460010 3840010,460000 3840010,460000 3840000))\"\n"
        + "B,,,\"POLYGON((460020 3840000,460030 3840000,460030 3840010,460020 3840010,460020 3840000))\"\n",
      to: "tower.csv")
    let db = scratch.path("towers.sqlite")
    #expect(try Program.run("import", db, file, "--crs", "EPSG:4547").status == 0)
    let result = try Program.run(
      "query", db, "FIND tower RETURN id, SURFACE_AREA(geom) AS m2 ORDER BY id", "--format", "csv")
    #expect(result.out == "id,m2\nA,1400.0\nB,\n", "\(result.out)\(result.error)")
  }

  /// The rule stands in only where the height of a storey is not known, and says for how many.
  @Test func theStoreyRuleIsNamedWhereItWasUsed() throws {
    let scratch = try Scratch()
    let square = "POLYGON((460000 3840000,460010 3840000,460010 3840010,460000 3840010,460000 3840000))"
    let known = try scratch.write(
      "id,ground_z,height,floors,wkt\nA,100,30,10,\"\(square)\"\nB,100,40,10,\"\(square)\"\n", to: "block.csv")
    let unknown = try scratch.write("id,ground_z,height,floors,wkt\nC,100,,10,\"\(square)\"\n", to: "shed.csv")
    let db = scratch.path("city.sqlite")
    #expect(try Program.run("import", db, known, unknown, "--crs", "EPSG:4547").status == 0)
    let flood = "CIRCLE(POINT(460005 3840005), 100 m) IN EPSG:4547 LEVEL 107 m"
    let blocks = try Program.run(
      "query", db, "EXPOSE block TO \(flood) RETURN id, wet_floors ORDER BY id", "--format", "csv")
    #expect(blocks.out == "id,wet_floors\nA,3\nB,2\n" && !blocks.error.contains("floor_height"), "\(blocks.error)")
    let sheds = try Program.run("query", db, "EXPOSE shed TO \(flood) RETURN id, wet_floors", "--format", "csv")
    #expect(sheds.out == "id,wet_floors\nC,3\n" && sheds.error.contains("rule floor_height: 3.0 m"), "\(sheds.error)")
    #expect(sheds.error.contains("for 1 of `shed`"))
  }
}
