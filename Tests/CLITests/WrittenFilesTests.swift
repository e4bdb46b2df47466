import Foundation
import TestSupport
import Testing

/// Files that appear whole, under their own names, or not at all.
@Suite("Written files") struct WrittenFilesTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func database(_ files: [String: String]) throws -> String {
    let db = scratch.path("c.sqlite")
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let made = try Program.run("import", db, try scratch.write(text, to: name), "--working-crs", "EPSG:4547")
      #expect(made.status == 0, "\(made.error)")
    }
    return db
  }

  private func point(_ id: String, _ properties: String = "", at place: String = "113.65,34.76") -> String {
    #"{"type":"Feature","id":"\#(id)","properties":{\#(properties)},"#
      + #""geometry":{"type":"Point","coordinates":[\#(place)]}}"# + "\n"
  }

  private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: scratch.path(name)) }

  @Test(.enabled(if: OtherPrograms.has("ogr2ogr"))) func aDotInAFoldersNameEndsNoFile() throws {
    let db = try database(["p.geojsonl": point("a")])
    try FileManager.default.createDirectory(at: scratch.url("ex/a.b"), withIntermediateDirectories: true)
    let mine = try scratch.write("mine", to: "ex/a.prj")
    let made = try Program.run(
      "query", db, "FIND p EXPORT TO '\(scratch.path("ex/a.b/data"))' FORMAT shp")
    #expect(made.status == 0, "\(made.error)")
    #expect(try String(contentsOfFile: mine, encoding: .utf8) == "mine")
    #expect(exists("ex/a.b/data.dbf") && !exists("ex/a.dbf"))
  }

  @Test(.enabled(if: OtherPrograms.has("ogr2ogr"))) func ofAShapefileAllPartsAppearOrNone() throws {
    let db = try database(["p.geojsonl": point("a")])
    try FileManager.default.createDirectory(at: scratch.url("keep.dbf"), withIntermediateDirectories: true)
    let made = try Program.run("export", db, "p", "-o", scratch.path("keep.shp"))
    #expect(made.status == 3 && made.error.contains("keep.dbf"), "\(made.error)")
    #expect(!exists("keep.prj") && !exists("keep.cpg") && !exists("keep.shx") && !exists("keep.shp"))
  }

  private static let canMount =
    (try? Program.shell("unshare -rm mount -t tmpfs -o size=4k none /mnt").status) == 0

  @Test(.enabled(if: WrittenFilesTests.canMount)) func nothingIsImportedWhenTheSideFileDoesNotFit() throws {
    let rows = (1...2000).map { $0 % 5 == 0 ? "\($0),east,34.7" : "\($0),113.6,34.7" }.joined(separator: "\n")
    _ = try scratch.write("id,lon,lat\n" + rows + "\n", to: "bad.csv")
    try FileManager.default.createDirectory(at: scratch.url("tm"), withIntermediateDirectories: true)
    let made = try Program.shell(
      "unshare -rm bash -c 'mount -t tmpfs -o size=4k none tm && "
        + "\"$CIMQ\" import bad.sqlite bad.csv --skip-invalid --rejects tm/r.csv'", in: scratch.folder)
    #expect(made.status == 3 && made.error.contains("nothing was imported"), "\(made.error)")
    #expect(!exists("bad.sqlite"))
  }

  @Test(.enabled(if: OtherPrograms.has("spatialite"))) func aVertexThatCityJSONCannotHoldIsNamed() throws {
    let db = try database(["p.geojsonl": point("near") + point("far")])
    let moved = try Program.shell(
      "spatialite \(OtherPrograms.quoted(db)) \"UPDATE p SET geom = MakePoint(1e300, 1e300, 4547) WHERE id='far'\"")
    try #require(moved.status == 0, "\(moved.error)")
    let file = scratch.path("x.city.json")
    let made = try Program.run("export", db, "p", "-o", file)
    #expect(made.status == 1 && made.error.contains("'far' of `p`"), "\(made.status) \(made.error)")
    #expect(!exists("x.city.json"))
  }

  @Test func anIDOfTwoLayersIsNotWrittenTwice() throws {
    let db = try database(["p.geojsonl": point("a") + point("b"), "q.geojsonl": point("b") + point("c")])
    for ending in ["city.json", "city.jsonl"] {
      let made = try Program.run("export", db, "p", "q", "-o", scratch.path("x.\(ending)"))
      #expect(made.status == 1 && made.error.contains("'b' of `p` and `q`"), "\(made.error)")
      #expect(!exists("x.\(ending)"))
    }
    #expect(try Program.run("export", db, "p", "-o", scratch.path("x.city.json")).status == 0)
  }

  @Test func rowsAreNotWrittenUnderANameOfCityJSON() throws {
    let db = try database(["p.geojsonl": point("a")])
    for arguments in [
      ["export", db, "--query", "FIND p", "-o", scratch.path("q.city.json")],
      ["query", db, "FIND p", "-o", scratch.path("q.city.json")],
      ["query", db, "FIND p EXPORT TO '\(scratch.path("q.city.jsonl"))'"],
    ] {
      let made = try Program.run(arguments)
      #expect(made.status == 1 && made.error.contains("cimq export"), "\(made.error)")
      #expect(!exists("q.city.json") && !exists("q.city.jsonl"))
    }
  }

  @Test func textsOfCityJSONStayTexts() throws {
    let db = try database([
      "p.geojsonl": point("a", #""name":"[1,2]","tags":["x","y"],"more":{"k":1}"#)
        + point("b", #""name":"n","tags":["z"],"more":{"k":2}"#)
    ])
    #expect(try Program.run("export", db, "p", "-o", scratch.path("x.city.json")).status == 0)
    let text = try String(contentsOf: scratch.url("x.city.json"), encoding: .utf8)
    #expect(text.contains(#""name":"[1,2]""#) && text.contains(#""tags":["x","y"]"#), "\(text)")
    #expect(text.contains(#""more":{"k":1}"#), "\(text)")
  }

  @Test func cityJSONHeedsTheTimeAndSaysWhatIsMasked() throws {
    let db = try database(["person.geojsonl": point("a", #""name":"张三""#)])
    let late = try Program.run("export", db, "person", "-o", scratch.path("l.city.json"), "--timeout", "0s")
    #expect(late.status == 4, "\(late.status) \(late.error)")
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(!left.contains { $0.contains("l.city") })
    let made = try Program.run("export", db, "person", "-o", scratch.path("m.city.json"))
    #expect(made.status == 0 && made.error.contains("person.name"), "\(made.error)")
    let full = try Program.run("export", db, "person", "-o", scratch.path("f.city.json"), "--personal")
    #expect(full.status == 2 && full.error.contains("--personal") && !exists("f.city.json"), "\(full.error)")
  }

  @Test func aBackupGoesWhereALinkLeads() throws {
    let db = try database(["p.geojsonl": point("a")])
    _ = try scratch.write("old", to: "real.sqlite")
    let files = FileManager.default
    try files.createSymbolicLink(atPath: scratch.path("link.sqlite"), withDestinationPath: "real.sqlite")
    try files.createSymbolicLink(atPath: scratch.path("gone.sqlite"), withDestinationPath: "nothing.sqlite")
    #expect(try Program.run("backup", db, scratch.path("link.sqlite"), "--force").status == 0)
    #expect(try files.destinationOfSymbolicLink(atPath: scratch.path("link.sqlite")) == "real.sqlite")
    #expect(try Program.run("query", scratch.path("real.sqlite"), "COUNT p").out == "count\n1\n")
    for flags in [[], ["--force"]] {
      let refused = try Program.run(["backup", db, scratch.path("gone.sqlite")] + flags)
      #expect(refused.status == 3 && refused.error.contains("symbolic link"), "\(refused.error)")
    }
  }
}
