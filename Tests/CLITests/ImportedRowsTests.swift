import Foundation
import Testing

/// Rows that an import must not take without a word: values beside a closed list, texts among numbers, ids that are empty or
/// there twice, city objects that only the store can refuse.
@Suite("Import of doubtful rows") struct ImportedRowsTests {
  private static let table = """
    id,name,class,capacity,status,lon,lat
    S-1,甲,emergency,100,open,113.6,34.7
    S-2,乙,emergency,200,opne,113.61,34.7
    S-3,丙,emergency,300,开放,113.62,34.7

    """

  @Test func aMisspeltValueIsNamedWithWhatIsNear() throws {
    let scratch = try Scratch()
    let db = scratch.path("x.sqlite")
    let path = try scratch.write(Self.table, to: "shelter.csv")
    for words in [[], ["--dry-run"]] {
      let refused = try Program.run(["import", db, path] + words)
      #expect(refused.status == 1)
      for word in ["line 3: `status` is 'opne'", "open, full, closed", "did you mean 'open'?", "--new-values"] {
        #expect(refused.error.contains(word), "\(word): \(refused.error)")
      }
    }
    #expect(!FileManager.default.fileExists(atPath: db))

    let skipped = try Program.run("import", db, path, "--skip-invalid")
    #expect(skipped.status == 0 && skipped.error.contains("such as '开放' as 'open'"), "\(skipped.error)")
    #expect(try Program.run("query", db, "FIND shelter WHERE status = 'open' RETURN id").out == "id\nS-1\nS-3\n")
    #expect(try String(contentsOfFile: scratch.path("shelter.rejected.csv"), encoding: .utf8).contains("S-2"))

    // A layer that is there has its list.
    let more = try scratch.write("id,status\nS-9,semi\n", to: "more.csv")
    let other = try Program.run("import", db, more, "--layer", "shelter")
    #expect(other.status == 1 && other.error.contains("line 2: `status` is 'semi'"), "\(other.error)")
    let taken = try Program.run("import", db, more, "--layer", "shelter", "--new-values")
    #expect(taken.status == 0 && taken.error.contains("any value is taken"), "\(taken.error)")
    #expect(try Program.run("query", db, "COUNT shelter WHERE status = 'semi'").out == "count\n1\n")
  }

  @Test func wordsOfAnotherKindAreNoMistake() throws {
    let scratch = try Scratch()
    let rows = (1...20).map { "B-\($0),\($0 == 1 ? "residential" : "woonfunctie \($0)"),113.6,34.7" }
    let path = try scratch.write((["id,use,lon,lat"] + rows).joined(separator: "\n"), to: "building.csv")
    let result = try Program.run("import", scratch.path("x.sqlite"), path)
    #expect(result.status == 0 && result.error.contains("any value is taken"), "\(result.error)")
    #expect(try Program.run("query", scratch.path("x.sqlite"), "COUNT building").out == "count\n20\n")
  }

  @Test func aTextAmongTheNumbersOfAShippedLayerIsAnError() throws {
    let scratch = try Scratch()
    let db = scratch.path("x.sqlite")
    let text = "id,capacity,lon,lat\nS-1,100,113.6,34.7\nS-2,约二百,113.61,34.7\n"
    let path = try scratch.write(text, to: "shelter.csv")
    let refused = try Program.run("import", db, path)
    #expect(
      refused.status == 1 && refused.error.contains("line 3: `capacity` is '约二百', not a number"), "\(refused.error)")
    let features = try scratch.write(
      #"{"type":"Feature","id":"S-1","properties":{"capacity":"many"},"geometry":{"type":"Point","coordinates":[113.6,34.7]}}"#,
      to: "shelter.geojsonl")
    let feature = try Program.run("import", db, features)
    #expect(feature.status == 1 && feature.error.contains("`capacity`") && feature.error.contains("'many'"))
    #expect(try Program.run("import", db, path, "--skip-invalid").status == 0)
    let near = try Program.run("nearest", db, "shelter", "--at", "113.6,34.7")
    #expect(near.status == 0 && near.out.contains("S-1"), "\(near.error)")
    #expect(try Program.run("import", scratch.path("y.sqlite"), path, "--types", "capacity=text").status == 0)
    // A layer of one's own has columns of one's own.
    #expect(try Program.run("import", scratch.path("z.sqlite"), path, "--layer", "stall").status == 0)
  }

  @Test func manyWrongRowsAreNotCountedShort() throws {
    let scratch = try Scratch()
    let rows = (1...5_000).map { "S-\($0),\($0 % 2 == 0 ? "open" : "opne"),113.6,34.7" }
    let path = try scratch.write((["id,status,lon,lat"] + rows).joined(separator: "\n"), to: "shelter.csv")
    let result = try Program.run("import", scratch.path("x.sqlite"), path)
    #expect(result.status == 1 && result.error.contains("more than 1000 of 5000 features are wrong"), "\(result.error)")
  }

  @Test func twoRowsWithOneIDAreSaidWithBothLines() throws {
    let scratch = try Scratch()
    let db = scratch.path("x.sqlite")
    let crs = ["--working-crs", "EPSG:4547"]
    let path = try scratch.write("id,code,v\n1,A,a\n2,B,b\n1,C,c\n3,D,d\n3,D,d\n", to: "t.csv")
    let refused = try Program.run(["import", db, path] + crs)
    #expect(refused.status == 1 && refused.error.contains("line 4: the id '1' appears twice"), "\(refused.error)")
    #expect(refused.error.contains("first in line 2"), "\(refused.error)")
    for (mode, kept, word) in [("replace", "c", "last"), ("skip", "a", "first")] {
      let db = scratch.path("\(mode).sqlite")
      let result = try Program.run(["import", db, path, "--on-conflict", mode] + crs)
      #expect(result.status == 0, "\(result.error)")
      #expect(
        result.error.contains("1 row has the id of an earlier row of this import")
          && result.error.contains("the \(word) counts: '1' (line 2, then line 4)"), "\(result.error)")
      #expect(try Program.run("query", db, "FIND t WHERE id = '1' RETURN v").out == "v\n\(kept)\n")
    }
    // By another key, and over rows that are there: the same.
    let known = scratch.path("replace.sqlite")
    let keyed = try scratch.write("code,v\nB,x\nB,y\n", to: "keyed.csv")
    let result = try Program.run("import", known, keyed, "--layer", "t", "--key", "code", "--on-conflict", "replace")
    #expect(result.status == 0 && result.error.contains("'2' (line 2, then line 3)"), "\(result.error)")
    #expect(try Program.run("query", known, "FIND t WHERE code = 'B' RETURN v").out == "v\ny\n")
  }

  @Test func anEmptyIDIsNoIDToReplaceBy() throws {
    let scratch = try Scratch()
    let db = scratch.path("x.sqlite")
    let first = try scratch.write("id,v\n1,a\n2,b\n", to: "t.csv")
    #expect(try Program.run("import", db, first, "--working-crs", "EPSG:4547").status == 0)
    let path = try scratch.write("id,v\n1,x\n,y\n", to: "u.csv")
    for mode in ["replace", "skip"] {
      let refused = try Program.run("import", db, path, "--layer", "t", "--on-conflict", mode)
      #expect(refused.status == 1 && refused.error.contains("line 3: has no id"), "\(refused.error)")
    }
    #expect(try Program.run("query", db, "FIND t ORDER BY id RETURN id, v").out == "id,v\n1,a\n2,b\n")
    let skipped = try Program.run("import", db, path, "--layer", "t", "--on-conflict", "replace", "--skip-invalid")
    #expect(skipped.status == 0 && skipped.error.contains("u.rejected.csv"), "\(skipped.error)")
    #expect(try Program.run("query", db, "FIND t ORDER BY id RETURN id, v").out == "id,v\n1,x\n2,b\n")
  }

  /// What the first pass cannot see: a value beside a list, an id in two lines.
  @Test(arguments: [false, true]) func cityObjectsThatTheStoreRefusesAreSetAside(isSequence: Bool) throws {
    let scratch = try Scratch()
    let head =
      #""type":"CityJSON","version":"2.0","transform":{"scale":[1,1,1],"translate":[463373,3846931,0]},"#
      + #""metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/4547"}"#
    let vertices = "[0,0,5],[10,0,5],[10,20,5],[0,20,5]"
    let surface = #""geometry":[{"type":"MultiSurface","lod":"2","boundaries":[[[0,1,2,3]]]}]"#
    func building(_ id: String, _ use: String) -> String {
      #""\#(id)":{"type":"Building","attributes":{"use":"\#(use)"},"children":["\#(id)-p"]},"#
        + #""\#(id)-p":{"type":"BuildingPart","parents":["\#(id)"],\#(surface)}"#
    }
    func line(_ id: String, _ use: String) -> String {
      #"{"type":"CityJSONFeature","id":"\#(id)","CityObjects":{\#(building(id, use))},"vertices":[\#(vertices)]}"#
    }
    let path: String
    if isSequence {
      let lines = [line("a", "office"), line("b", "offise"), line("c", "mixed"), line("a", "public")]
      path = try scratch.write(
        #"{\#(head),"CityObjects":{},"vertices":[]}"# + "\n" + lines.joined(separator: "\n") + "\n", to: "m.city.jsonl")
    } else {
      let objects = [building("a", "office"), building("b", "offise"), building("c", "mixed")]
      path = try scratch.write(
        #"{\#(head),"CityObjects":{\#(objects.joined(separator: ","))},"vertices":[\#(vertices)]}"#, to: "m.city.json")
    }
    let db = scratch.path("x.sqlite")
    let refused = try Program.run("import", db, path)
    #expect(refused.status == 1 && refused.error.contains("`use` is 'offise'"), "\(refused.error)")
    if isSequence { #expect(refused.error.contains("the id 'a' appears twice"), "\(refused.error)") }
    #expect(!FileManager.default.fileExists(atPath: db))

    let dry = try Program.run("import", db, path, "--skip-invalid", "--dry-run")
    #expect(dry.status == 0 && dry.error.contains("would be left out"), "\(dry.error)")
    let named = scratch.path("bad" + (isSequence ? ".city.jsonl" : ".city.json"))
    let done = try Program.run("import", db, path, "--skip-invalid", "--rejects", named)
    #expect(done.status == 0 && done.error.contains(named) && done.error.contains("offise"), "\(done.error)")
    // Both lines that claim one id are set aside: neither is known to be right.
    let kept = isSequence ? "c\n" : "a\nc\n"
    #expect(try Program.run("query", db, "FIND building ORDER BY id RETURN id").out == "id\n" + kept)
    let parts = isSequence ? "c-p\n" : "a-p\nc-p\n"
    #expect(try Program.run("query", db, "FIND building_part ORDER BY id RETURN id").out == "id\n" + parts)
    let side = try String(contentsOfFile: named, encoding: .utf8)
    #expect(side.contains("\"b\"") && side.contains("\"b-p\"") && !side.contains("\"c\""))
    #expect(try Program.run("check", db).status == 0)
  }

  @Test func aLayerComesBackFromCSVWithItsPlace() throws {
    let scratch = try Scratch()
    let (db, again) = (scratch.path("x.sqlite"), scratch.path("y.sqlite"))
    let table = try scratch.write(
      "id,name,lon,lat\nS-1,甲,113.6,34.7\nS-2,乙,113.61,34.71\nS-3,丙,,\n", to: "stall.csv")
    let area = try scratch.write("id,geom\nA-1,\"POLYGON((113 34,113.1 34,113.1 34.1,113 34))\"\n", to: "area.csv")
    let sensors = try scratch.write("id,lon,lat,z\nN-1,113.6,34.7,88.5\n", to: "sensor.csv")
    #expect(try Program.run("import", db, table, area, sensors, "--crs", "EPSG:4326").status == 0)
    for layer in ["stall", "area", "sensor"] {
      let file = scratch.path("out-\(layer).csv")
      let written = try Program.run("export", db, layer, "-o", file)
      #expect(written.status == 0, "\(written.error)")
      let read = try Program.run("import", again, file, "--layer", layer, "--crs", "EPSG:4326")
      #expect(read.status == 0, "\(read.error)")
      let rows = try [db, again].map { try Program.run("query", $0, "FIND \(layer) ORDER BY id", "--format", "wkt") }
      #expect(rows[0].status == 0 && rows[0].out == rows[1].out, "\(rows[1].out)")
    }
    #expect(
      try String(contentsOfFile: scratch.path("out-stall.csv"), encoding: .utf8).hasPrefix("id,name,lon,lat\nS-1,"))
    #expect(try String(contentsOfFile: scratch.path("out-sensor.csv"), encoding: .utf8).contains("88.5"))
    // A query writes what it returns.
    let asked = scratch.path("asked.csv")
    #expect(try Program.run("export", db, "--query", "FIND stall", "-o", asked).status == 0)
    #expect(try String(contentsOfFile: asked, encoding: .utf8).hasPrefix("id,name\n"))
  }
}
