import Foundation
import Testing

/// Files with a few bad features: all of them are named and nothing changes, or with `--skip-invalid` the others are
/// imported and the bad ones lie in a side file.
@Suite("Import with bad features") struct SkipInvalidTests {
  private struct Case {
    var name: String
    var text: String
    /// What the refusal says.
    var words: [String]
    var side: String
    var kept: Int
    var layer: String
  }

  private static func feature(_ id: Int, _ geometry: String? = nil, name: String? = nil) -> String {
    let geometry = geometry ?? #"{"type":"Point","coordinates":[113.\#(id % 90 + 10),34.7]}"#
    return #"{"type":"Feature","id":"s\#(id)","properties":{"name":"\#(name ?? "站\(id)")"},"geometry":\#(geometry)}"#
  }

  private static var features: [String] {
    var lines = (1...1_000).map { feature($0) }
    lines[16] = feature(17, #"{"type":"Point","coordinates":["a",34]}"#)
    lines[499] = feature(500, #"{"type":"Polygon","coordinates":[[[113,34],[113.1,34],[113.1,34.1]]]}"#)
    lines[998] = feature(5, name: "twice")
    return lines
  }

  private static var sequence: [String] {
    var lines = features
    lines[100] = String(lines[100].dropLast(5))
    return lines
  }

  private static var table: String {
    var lines = ["id,name,capacity,lon,lat"]
    for i in 1...1_000 {
      lines.append("s\(i),站\(i),\(i == 17 ? "abc" : String(i)),113.6,34.7")
    }
    lines[500] = "s500,\"站\"x,5,113.6,34.7"
    lines[999] = "s999,站,5,113.6"
    return lines.joined(separator: "\n") + "\n"
  }

  private static var cityObjects: (header: String, vertices: String, good: String, bad: String) {
    let vertices = "[0,0,5],[10,0,5],[10,20,5],[0,20,5]"
    let head =
      #""type":"CityJSON","version":"2.0","transform":{"scale":[1,1,1],"translate":[463373,3846931,0]},"#
      + #""metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/4547"}"#
    func surface(_ last: Int) -> String {
      #""geometry":[{"type":"MultiSurface","lod":"2","boundaries":[[[0,1,2,\#(last)]]]}]"#
    }
    let good = #""g":{"type":"Building",\#(surface(3))}"#
    let bad = #""b":{"type":"Building","children":["p"]},"p":{"type":"BuildingPart","parents":["b"],\#(surface(9))}"#
    return (head, vertices, good, bad)
  }

  private static var cases: [Case] {
    let city = cityObjects
    return [
      Case(
        name: "a.geojson", text: #"{"type":"FeatureCollection","features":[\#(features.joined(separator: ","))]}"#,
        words: ["3 of 1000 features", "feature 17:", "feature 500:", "feature 999:", "'s5' appears twice"],
        side: "a.rejected.geojsonl", kept: 997, layer: "a"),
      Case(
        name: "b.geojsonl", text: sequence.joined(separator: "\n"),
        words: ["4 of 1000 features", "line 17:", "line 101:", "line 500:", "line 999:"],
        side: "b.rejected.geojsonl", kept: 996, layer: "b"),
      Case(
        name: "shelter.csv", text: table,
        words: ["3 of 1000 features", "line 18: `capacity` is 'abc'", "line 501:", "line 1000: has 4 fields"],
        side: "shelter.rejected.csv", kept: 997, layer: "shelter"),
      Case(
        name: "c.city.json",
        text: #"{\#(city.header),"CityObjects":{\#(city.good),\#(city.bad)},"vertices":[\#(city.vertices)]}"#,
        words: ["object 'p'", "vertex index 9 is out of range"], side: "c.rejected.city.json", kept: 1,
        layer: "building"),
      Case(
        name: "d.city.jsonl",
        text: """
          {\(city.header),"CityObjects":{},"vertices":[]}
          {"type":"CityJSONFeature","id":"g","CityObjects":{\(city.good)},"vertices":[\(city.vertices)]}
          {"type":"CityJSONFeature","id":"b","CityObjects":{\(city.bad)},"vertices":[\(city.vertices)]}
          {"type":"CityJSONFeature","id":"x"

          """,
        words: ["2 of", "line 3: object 'p'", "line 4:"], side: "d.rejected.city.jsonl", kept: 1, layer: "building"),
    ]
  }

  @Test(arguments: 0..<5) func badFeaturesAreNamedThenSetAside(number: Int) throws {
    let test = Self.cases[number]
    let scratch = try Scratch()
    let path = try scratch.write(test.text, to: test.name)
    let db = scratch.path("x.sqlite")
    let side = scratch.path(test.side)

    let refused = try Program.run("import", db, path)
    #expect(refused.status == 1, "\(refused.error)")
    for word in test.words + ["--skip-invalid"] { #expect(refused.error.contains(word), "\(word): \(refused.error)") }
    #expect(!FileManager.default.fileExists(atPath: db))
    #expect(!FileManager.default.fileExists(atPath: side))

    let dry = try Program.run("import", db, path, "--skip-invalid", "--dry-run")
    #expect(dry.status == 0, "\(dry.error)")
    #expect(dry.error.contains("would be left out") && dry.error.contains("row 1: id="), "\(dry.error)")
    #expect(dry.error.contains("\(test.layer): \(test.kept) row"), "\(dry.error)")
    #expect(!FileManager.default.fileExists(atPath: db) && !FileManager.default.fileExists(atPath: side))

    let done = try Program.run("import", db, path, "--skip-invalid")
    #expect(done.status == 0, "\(done.error)")
    #expect(done.error.contains(side))
    #expect(try Program.run("query", db, "COUNT \(test.layer)").out == "count\n\(test.kept)\n")
    let first = try String(contentsOfFile: side, encoding: .utf8)
    #expect(first.contains("reject"))

    // What was set aside is bad again, all of it, in the form of its source.
    if number != 2 {
      let again = try Program.run(
        "import", scratch.path("y.sqlite"), side, "--crs", "EPSG:4326", "--types", "name=text")
      #expect(number < 2 || again.status == 1, "\(again.error)")
    }

    // A second import leaves the side file of the first alone.
    let second = try Program.run("import", scratch.path("z1.sqlite"), path, "--skip-invalid")
    #expect(second.status == 0, "\(second.error)")
    #expect(try String(contentsOfFile: side, encoding: .utf8) == first)
    #expect(FileManager.default.fileExists(atPath: side.replacingOccurrences(of: "rejected", with: "rejected-2")))
    let third = try Program.run("import", scratch.path("z1.sqlite"), path, "--skip-invalid", "--rejects", side)
    #expect(third.status == 3 && third.error.contains("exists already"), "\(third.error)")
    let named = scratch.path("bad.txt")
    #expect(
      try Program.run("import", scratch.path("z2.sqlite"), path, "--skip-invalid", "--rejects", named).status == 0)
    #expect(try String(contentsOfFile: named, encoding: .utf8) == first)
  }

  @Test func rowsOfTheSideFileCanBeCorrectedAndImported() throws {
    let scratch = try Scratch()
    let db = scratch.path("x.sqlite")
    let path = try scratch.write("id,name,lon,lat\n1,甲,113.6,34.7\n2,\"乙,丙\",east,34.7\n3,丁,113.7,34.7\n", to: "s.csv")
    #expect(try Program.run("import", db, path, "--skip-invalid").status == 0)
    let side = try String(contentsOfFile: scratch.path("s.rejected.csv"), encoding: .utf8)
    #expect(
      side == "reject_line,reject_reason,id,name,lon,lat\n3,\"`lon` is 'east', not a number\",2,\"乙,丙\",east,34.7\n")
    let corrected = try scratch.write(side.replacingOccurrences(of: "east,", with: "113.65,"), to: "s2.csv")
    #expect(try Program.run("import", db, corrected, "--layer", "s").status == 0)
    #expect(
      try Program.run("query", db, "FIND s WHERE id = '2' RETURN name", "--format", "csv").out == "name\n\"乙,丙\"\n")
  }

  @Test func invalidPolygonsAreSaidAndCanBeLeftOut() throws {
    let scratch = try Scratch()
    let bow = #"{"type":"Polygon","coordinates":[[[113,34],[113.1,34.1],[113.1,34],[113,34.1],[113,34]]]}"#
    let text = [Self.feature(1), Self.feature(2, bow), Self.feature(3)].joined(separator: "\n")
    let path = try scratch.write(text, to: "p.geojsonl")
    let taken = try Program.run("import", scratch.path("a.sqlite"), path)
    #expect(
      taken.status == 0 && taken.error.contains("line 2: not a valid geometry: Self-intersection"), "\(taken.error)")
    let left = try Program.run("import", scratch.path("b.sqlite"), path, "--skip-invalid")
    #expect(left.status == 0, "\(left.error)")
    #expect(try Program.run("query", scratch.path("b.sqlite"), "COUNT p").out == "count\n2\n")
    #expect(
      try String(contentsOfFile: scratch.path("p.rejected.geojsonl"), encoding: .utf8).contains("Self-intersection"))
  }

  @Test func whatIsMissingIsSaidOfWhichFile() throws {
    let scratch = try Scratch()
    let (a, b) = (try scratch.write("id,v\n1,a\n", to: "甲.csv"), try scratch.write("id,v\n2,b\n", to: "乙.csv"))
    let one = try Program.run("import", scratch.path("x.sqlite"), a)
    #expect(one.status == 1 && one.error.contains("\(a): no row has coordinates"), "\(one.error)")
    let two = try Program.run("import", scratch.path("x.sqlite"), a, b)
    #expect(two.status == 1 && two.error.contains(a) && two.error.contains(b), "\(two.error)")
    #expect(two.error.contains("no row of these 2 files has") && two.error.contains("--working-crs EPSG"))
    let city = Self.cityObjects
    let look = #""appearance":{"materials":[{"name":"roof"}]}"#
    let path = try scratch.write(
      #"{\#(city.header),\#(look),"CityObjects":{\#(city.good)},"vertices":[\#(city.vertices)]}"#, to: "m.city.json")
    let said = try Program.run("import", scratch.path("y.sqlite"), path)
    #expect(said.status == 0 && said.error.contains("materials and textures are not kept"), "\(said.error)")
    let plain = try scratch.write(
      #"{\#(city.header),"appearance":{},"CityObjects":{\#(city.good)},"vertices":[\#(city.vertices)]}"#,
      to: "n.city.json")
    #expect(!(try Program.run("import", scratch.path("z.sqlite"), plain).error.contains("materials")))
  }

  @Test func conflictsWithTheDatabaseAreNotSkipped() throws {
    let scratch = try Scratch()
    let db = scratch.path("x.sqlite")
    #expect(
      try Program.run(
        "import", db, try scratch.write("id,v\n1,a\n2,b\n", to: "t.csv"),
        "--working-crs", "EPSG:4547"
      ).status == 0)
    let changed = try scratch.write("id,v\n1,x\n2,y\n3,z\n", to: "u.csv")
    let result = try Program.run("import", db, changed, "--layer", "t", "--skip-invalid")
    #expect(result.status == 1, "\(result.error)")
    #expect(
      result.error.contains("line 2") && result.error.contains("line 3") && result.error.contains("--on-conflict"))
    #expect(try Program.run("query", db, "COUNT t").out == "count\n2\n")
    #expect(try Program.run("import", db, changed, "--layer", "t", "--on-conflict", "replace").status == 0)
  }

  @Test func brokenLinesOfUTF8AreNotTakenForAnotherEncoding() throws {
    let scratch = try Scratch()
    var bytes = Array("id,名称\n".utf8)
    for i in 1...50 { bytes += i == 20 ? Array("20,".utf8) + [0xFF, 0xFE, 0x0A] : Array("\(i),郑州\n".utf8) }
    let path = scratch.path("t.csv")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let db = scratch.path("x.sqlite")
    let refused = try Program.run("import", db, path, "--working-crs", "EPSG:4547")
    #expect(refused.status == 1 && refused.error.contains("line 21: the text is not UTF-8"), "\(refused.error)")
    #expect(try Program.run("import", db, path, "--skip-invalid", "--working-crs", "EPSG:4547").status == 0)
    #expect(try Program.run("query", db, "COUNT t WHERE \"名称\" = '郑州'").out == "count\n49\n")
  }
}
