import Foundation
import TestSupport
import Testing

/// Formats that go through `ogr2ogr`, out and in again, with GDAL's own `ogrinfo` as the judge.
@Suite("Formats through ogr2ogr", .enabled(if: OtherPrograms.has("ogr2ogr"))) struct OtherFormatsTests {
  private static let rows = """
    {"type":"Feature","id":"a","properties":{"name":"郑州，𠮷","big":9007199254740993,"share":0.1,"day":"2026-07-20","flag":true,"note":null,"a_name_beyond_ten":"x"},"geometry":{"type":"Point","coordinates":[113.6254321,34.7465432]}}
    {"type":"Feature","id":"b","properties":{"name":"引号\\"与\\n换行","big":-1,"share":null,"day":null,"flag":false,"note":"备注","a_name_beyond_ten":null},"geometry":{"type":"Point","coordinates":[113.7,34.8]}}
    """

  private func database(_ scratch: Scratch) throws -> String {
    let path = scratch.path("c.sqlite")
    let result = try Program.run("import", path, try scratch.write(Self.rows, to: "p.geojsonl"))
    #expect(result.status == 0, "\(result.error)")
    return path
  }

  @Test(arguments: ["gpkg", "fgb", "gml", "shp", "kml"], ["EPSG:4490", "EPSG:4547"])
  func thereAndBack(format: String, crs: String) throws {
    let scratch = try Scratch()
    let db = try database(scratch)
    let file = scratch.path("点.\(format)")
    let written = try Program.run("export", db, "p", "-o", file, "--crs", crs)
    #expect(written.status == 0 && written.out.isEmpty, "\(written.error)")
    #expect(written.error.contains("(2 features)"))
    let info = OtherPrograms.run("ogrinfo -ro -so -al \(OtherPrograms.quoted(file))").output
    #expect(info.contains("Feature Count: 2") || format == "kml", "\(info)")
    #expect(info.contains("Point") || format == "kml")
    let back = scratch.path("back.sqlite")
    let read = try Program.run(
      "import", back, file, "--layer", "p", "--working-crs", "EPSG:4547", "--types", "day=date")
    #expect(read.status == 0, "\(read.error)")
    // x is east whatever the authority says: every row lies where it lay.
    for (id, place) in [("a", "AT(113.6254321, 34.7465432)"), ("b", "AT(113.7, 34.8)")] {
      let near = try Program.run(
        "query", back, "FIND p WITHIN 0.05 m OF \(place) RETURN name AS name, share", "--format", "jsonl")
      let name = id == "a" ? "郑州，𠮷" : #"引号\"与\n换行"#
      #expect(
        near.out == "{\"name\":\"\(name)\",\"share\":\(id == "a" ? "0.1" : "null")}\n", "\(near.out) \(near.error)")
    }
    if format != "kml" {
      let big = try Program.run("query", back, "FIND p WHERE big > 0 RETURN big, day", "--format", "csv")
      #expect(big.out == "big,day\n9007199254740993,2026-07-20\n", "\(big.out) \(big.error)")
    }
  }

  @Test func shapefilesThatAreCutOffAreRefused() throws {
    let scratch = try Scratch()
    let db = try database(scratch)
    for ending in ["shp", "dbf"] {
      #expect(try Program.run("export", db, "p", "-o", scratch.path("\(ending)/p.shp")).status == 3)
      try FileManager.default.createDirectory(at: scratch.url(ending), withIntermediateDirectories: true)
      #expect(try Program.run("export", db, "p", "-o", scratch.path("\(ending)/p.shp")).status == 0)
      let file = scratch.path("\(ending)/p.\(ending)")
      let whole = try Data(contentsOf: URL(fileURLWithPath: file))
      try whole.dropLast(20).write(to: URL(fileURLWithPath: file))
      let result = try Program.run("import", scratch.path("new.sqlite"), scratch.path("\(ending)/p.shp"))
      #expect(result.status == 3 || result.status == 1, "\(result.error)")
      #expect(result.error.contains("p.\(ending)") && result.error.contains("is cut off"), "\(result.error)")
      #expect(!FileManager.default.fileExists(atPath: scratch.path("new.sqlite")))
    }
  }

  @Test(.enabled(if: realFile("osm/helsinki.osm.pbf") != nil), arguments: [0.3, 0.6, 0.99])
  func streetsThatAreCutOffAreRefused(share: Double) throws {
    let scratch = try Scratch()
    let whole = try Data(contentsOf: URL(fileURLWithPath: try #require(Self.realFile("osm/helsinki.osm.pbf"))))
    let file = scratch.path("cut.osm.pbf")
    try whole.prefix(Int(Double(whole.count) * share)).write(to: URL(fileURLWithPath: file))
    let result = try Program.run("import", scratch.path("new.sqlite"), file)
    #expect(result.status != 0 && result.error.contains("cut.osm.pbf"), "\(result.error)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("new.sqlite")))
  }

  private static func realFile(_ name: String) -> String? {
    guard let folder = ProcessInfo.processInfo.environment["CIMQ_REALDATA"] else { return nil }
    return FileManager.default.isReadableFile(atPath: folder + "/" + name) ? folder + "/" + name : nil
  }

  /// A folder with an `ogr2ogr` and an `ogrinfo` that say that they run and then take very long.
  private func endless(_ scratch: Scratch) throws -> [String: String] {
    for name in ["ogr2ogr", "ogrinfo"] {
      let path = try scratch.write("#!/bin/sh\ntouch '\(scratch.path("runs"))'\nsleep 60\n", to: name)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
    return ["PATH": scratch.folder.path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")]
  }

  @Test func theTimeOfAStatementIsThatOfItsConversionToo() throws {
    let scratch = try Scratch()
    let db = try database(scratch)
    let environment = try endless(scratch)
    let file = scratch.path("x.gpkg")
    for way in [["FIND p EXPORT TO '\(file)'"], ["FIND p", "-o", file]] {
      let result = try Program.run(["query", db, "--timeout", "1s"] + way, environment: environment)
      #expect(result.status == 4, "\(way): \(result.error)")
      #expect(FileManager.default.fileExists(atPath: scratch.path("runs")))
      #expect(!FileManager.default.fileExists(atPath: file))
      try FileManager.default.removeItem(atPath: scratch.path("runs"))
    }
  }

  @Test(arguments: [
    "query $DB \"FIND p EXPORT TO 'x.gpkg'\"", "query $DB 'FIND p' -o x.gpkg", "export $DB p -o x.gpkg",
    "import new.sqlite y.kml",
  ]) func interruptsEndAConversion(_ words: String) throws {
    let scratch = try Scratch()
    var environment = try endless(scratch)
    environment["DB"] = try database(scratch)
    _ = try scratch.write("<kml/>", to: "y.kml")
    let result = try Program.shell(
      "\"$CIMQ\" \(words) & p=$!; while [ ! -e runs ] && kill -0 $p; do sleep 0.02; done; kill -INT $p; wait $p",
      environment: environment, in: scratch.folder)
    #expect(result.status == 130, "\(result.error)")
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(!left.contains { $0.hasPrefix("x.") || $0.hasPrefix(".cimq") || $0.hasPrefix("new.") }, "\(left)")
  }

  @Test func filesOfTooManyRowsAreNotWritten() throws {
    let scratch = try Scratch()
    let db = try database(scratch)
    for suffix in ["csv", "geojson", "gpkg"] {
      let file = scratch.path("x.\(suffix)")
      let result = try Program.run("query", db, "--max-rows", "1", "FIND p EXPORT TO '\(file)'")
      #expect(result.status == 4 && result.error.contains("--max-rows"), "\(suffix): \(result.error)")
      #expect(!FileManager.default.fileExists(atPath: file))
      #expect(try Program.run("query", db, "--max-rows", "2", "FIND p EXPORT TO '\(file)'").status == 0)
    }
  }

  @Test func shapefilesOfOtherEncodings() throws {
    let scratch = try Scratch()
    let db = try database(scratch)
    let file = scratch.path("gbk.shp")
    let written = try Program.run(
      "export", db, "--query", "FIND p WHERE id = 'b' RETURN id, note AS \"备注列\", a_name_beyond_ten", "-o", file,
      "--encoding", "GBK")
    #expect(written.status == 0 && written.error.contains("`a_name_beyond_ten` is `a_name_bey`"), "\(written.error)")
    for hasCPG in [true, false] {
      if !hasCPG { try FileManager.default.removeItem(atPath: scratch.path("gbk.cpg")) }
      let back = scratch.path("back\(hasCPG).sqlite")
      let read = try Program.run(
        ["import", back, file, "--layer", "p"])
      #expect(read.status == 0 && (hasCPG || read.error.contains("GB18030")), "\(read.error)")
      let found = try Program.run("query", back, "FIND p RETURN \"备注列\"", "--format", "csv")
      #expect(found.out == "备注列\n备注\n", "\(found.out) \(found.error)")
    }
  }

  @Test func whatAFormatCannotHoldIsSaid() throws {
    let scratch = try Scratch()
    let db = scratch.path("m.sqlite")
    let mixed = """
      {"type":"Feature","id":"a","properties":{"t":"\(String(repeating: "长", count: 100))"},"geometry":{"type":"Point","coordinates":[113.6,34.7]}}
      {"type":"Feature","id":"b","properties":{"t":null},"geometry":{"type":"LineString","coordinates":[[113.6,34.7],[113.7,34.7]]}}
      """
    #expect(try Program.run("import", db, try scratch.write(mixed, to: "m.geojsonl")).status == 0)
    let refused = try Program.run("export", db, "m", "-o", scratch.path("m.shp"))
    #expect(refused.status == 1 && refused.error.contains("one kind of geometry"), "\(refused.error)")
    let cut = try Program.run("export", db, "--query", "FIND m WHERE id = 'a'", "-o", scratch.path("m.shp"))
    #expect(cut.status == 0 && cut.error.contains("more than 254 bytes"), "\(cut.error)")
    let drawn = try Program.run("export", db, "m", "-o", scratch.path("m.dxf"))
    #expect(drawn.status == 0 && drawn.error.contains("columns are left out"), "\(drawn.error)")
    let late = try Program.run("export", db, "m", "-o", scratch.path("late.gpkg"), "--timeout", "0.001s")
    #expect(late.status == 4 && !FileManager.default.fileExists(atPath: scratch.path("late.gpkg")), "\(late.error)")
    let without = try Program.run(
      "export", db, "m", "-o", scratch.path("w.gpkg"), environment: ["PATH": scratch.path("nowhere")])
    #expect(without.status == 3 && without.error.contains("ogr2ogr"), "\(without.error)")
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(!left.contains { $0.contains("cimq-export") || $0.contains("writing") }, "\(left)")
  }

  /// An export that is killed takes its `ogr2ogr` along, and the next one into that folder removes what it left.
  @Test(.enabled(if: OtherPrograms.has("setpriv"))) func aKilledExportLeavesNothingRunning() throws {
    let scratch = try Scratch()
    let db = try database(scratch)
    // In place of ogr2ogr: says who it is, and would go on for a minute.
    let bin = scratch.url("bin")
    try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
    let stub = try scratch.write("#!/bin/sh\necho $$ > \(scratch.path("pid"))\nexec sleep 60\n", to: "bin/ogr2ogr")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: stub)
    let out = scratch.url("out")
    try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
    try Data("mine".utf8).write(to: out.appendingPathComponent("notes.writing-up"))
    let killed = try Program.shell(
      """
      PATH="$BIN:$PATH" "$CIMQ" export "$DB" p -o "$OUT/a.gpkg" & export=$!
      until [ -s "$DIR/pid" ]; do :; done
      kill -9 $export; wait $export
      : > "$OUT/b.csv.writing-$export"
      ls -A "$OUT"
      # The end of the child comes a moment after its parent's.
      for i in $(seq 500); do [ -d /proc/$(cat "$DIR/pid") ] || break; sleep 0.02; done
      [ -d /proc/$(cat "$DIR/pid") ] && grep -v '^State:.*Z' /proc/$(cat "$DIR/pid")/status | grep -c State
      true
      """,
      environment: ["BIN": bin.path, "DB": db, "OUT": out.path, "DIR": scratch.folder.path])
    let lines = killed.out.split(separator: "\n").map(String.init)
    #expect(lines.count == 3 && lines[0].hasPrefix(".cimq-export-"), "\(killed.out)")
    for name in ["a.gpkg", "a.csv"] {
      try FileManager.default.createDirectory(
        at: out.appendingPathComponent(lines[0]), withIntermediateDirectories: true)
      #expect(try Program.run("export", db, "p", "-o", out.appendingPathComponent(name).path).status == 0)
      let left = try FileManager.default.contentsOfDirectory(atPath: out.path).sorted()
      #expect(left.contains("notes.writing-up") && !left.contains { $0.hasPrefix(".cimq") }, "\(left)")
      #expect(!left.contains { $0.hasPrefix("b.csv") }, "\(left)")
    }
  }

  @Test func csvForSpreadsheetsComesBack() throws {
    let scratch = try Scratch()
    let text = "id,a,b\n1,\"x,\"\"y\"\"\n郑州\",\n2,\"\",z\n"
    let db = scratch.path("c.sqlite")
    #expect(
      try Program.run("import", db, try scratch.write(text, to: "t.csv"), "--working-crs", "EPSG:4547").status == 0)
    let file = scratch.path("o.csv")
    #expect(try Program.run("export", db, "--query", "FIND t RETURN id, a, b", "-o", file, "--bom").status == 0)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(Array(bytes) == [0xEF, 0xBB, 0xBF] + Array(text.utf8))
    let back = scratch.path("b.sqlite")
    #expect(try Program.run("import", back, file, "--layer", "t", "--working-crs", "EPSG:4547").status == 0)
    let nulls = try Program.run("query", back, "FIND t WHERE b IS NULL AND a LIKE '%郑州' RETURN id")
    #expect(nulls.out == "id\n1\n", "\(nulls.error)")
    #expect(try Program.run("query", back, "FIND t WHERE a = '' RETURN id").out == "id\n2\n")
  }
}
