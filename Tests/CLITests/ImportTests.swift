import Foundation
import Testing

/// What `cimq import` does with good and bad files, seen from outside.
@Suite("Import from the command line") struct ImportTests {
  private static let shelters = """
    id,name,lon,lat,capacity,phone
    A1,人民公园,113.65,34.76,500,0371000
    A2,绿城广场,113.64,34.75,800,0371001

    """

  private static func bytes(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }

  @Test func csvBecomesALayer() throws {
    let scratch = try Scratch()
    let csv = try scratch.write(Self.shelters, to: "shelters.csv")
    let db = scratch.path("a.sqlite")
    let result = try Program.run("import", db, csv)
    #expect(result.status == 0 && result.out.isEmpty, "\(result.error)")
    #expect(result.error.contains("EPSG:4547"), "the chosen working CRS is said: \(result.error)")
    #expect(try Program.run("query", db, "COUNT shelters").out == "count\n2\n")
    // A phone number keeps its leading zero, a capacity is a number.
    let row = try Program.run("query", db, "FIND shelters WHERE capacity > 600 RETURN id, phone", "--format", "jsonl")
    #expect(row.out == "{\"id\":\"A2\",\"phone\":\"0371001\"}\n", "\(row.error)")
    let near = try Program.run(
      "query", db, "FIND shelters NEAREST 1 TO AT(113.65, 34.76) RETURN id, distance", "--format", "jsonl")
    #expect(near.out.hasPrefix("{\"id\":\"A1\""), "\(near.error)")
  }

  @Test func badFilesAreNamedAndChangeNothing() throws {
    let scratch = try Scratch()
    let db = scratch.path("a.sqlite")
    #expect(try Program.run("import", db, try scratch.write(Self.shelters, to: "shelters.csv")).status == 0)
    let before = Self.bytes(db)

    var lines = ["id,lon,lat,v"]
    for i in 2...20 { lines.append("\(i),113.6,34.7,\(i == 17 ? "abc" : String(i))") }
    let cases: [(name: String, text: String, arguments: [String], words: [String])] = [
      ("bad.csv", lines.joined(separator: "\n") + "\n", ["--types", "v=int"], ["bad.csv", "line 17", "abc"]),
      ("nan.csv", "id,lon,lat\na,113.6,34.7\nb,NaN,34.7\n", [], ["nan.csv", "line 3"]),
      (
        "cut.geojson",
        #"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"Po"#,
        [], ["cut.geojson"]
      ),
      (
        "huge.geojson",
        #"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[1e999,2]}}]}"#,
        [], ["huge.geojson"]
      ),
      ("xy.csv", "id,x,y\na,1,2\n", [], ["--crs"]),
      ("crs.csv", "id,x,y\na,1,2\n", ["--crs", "EPSG:99999"], ["99999"]),
    ]
    for test in cases {
      let path = try scratch.write(test.text, to: test.name)
      let result = try Program.run(["import", db, path] + test.arguments)
      #expect(result.status == 1, "\(test.name): \(result.status) \(result.error)")
      #expect(result.out.isEmpty)
      for word in test.words { #expect(result.error.contains(word), "\(test.name): \(result.error)") }
      #expect(Self.bytes(db) == before, "\(test.name) changed the database")
      let fresh = scratch.path("fresh.sqlite")
      #expect(try Program.run(["import", fresh, path] + test.arguments).status == 1)
      #expect(!FileManager.default.fileExists(atPath: fresh), "\(test.name) left a database")
    }
    #expect(try Program.run("import", db, scratch.path("missing.geojson")).status == 3)
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(!left.contains { $0.contains("importing") || $0.hasSuffix("-wal") || $0.hasSuffix("-journal") })
  }

  @Test func conflictingIDs() throws {
    let scratch = try Scratch()
    let db = scratch.path("a.sqlite")
    let csv = try scratch.write(Self.shelters, to: "shelters.csv")
    #expect(try Program.run("import", db, csv).status == 0)
    #expect(try Program.run("import", db, csv).status == 0, "identical rows are skipped")
    _ = try scratch.write(Self.shelters.replacingOccurrences(of: "800", with: "900"), to: "shelters.csv")
    let conflict = try Program.run("import", db, csv)
    #expect(conflict.status == 1 && conflict.error.contains("A2"), "\(conflict.error)")
    #expect(try Program.run("import", db, csv, "--on-conflict", "skip").status == 0)
    #expect(try Program.run("query", db, "COUNT shelters WHERE capacity = 900").out == "count\n0\n")
    #expect(try Program.run("import", db, csv, "--on-conflict", "replace").status == 0)
    #expect(try Program.run("query", db, "COUNT shelters WHERE capacity = 900").out == "count\n1\n")
    #expect(try Program.run("query", db, "COUNT shelters").out == "count\n2\n")
  }

  @Test func dryRunWritesNothing() throws {
    let scratch = try Scratch()
    let csv = try scratch.write(Self.shelters, to: "shelters.csv")
    let result = try Program.run("import", scratch.path("a.sqlite"), csv, "--dry-run")
    #expect(result.status == 0, "\(result.error)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("a.sqlite")))
  }

  /// The rows that a dry run shows are as in every other text that does not go to a terminal.
  @Test func dryRunMasksPeople() throws {
    let scratch = try Scratch()
    let csv = try scratch.write(
      "id,name,phone,age,unit\nR-1,欧阳娜娜,13812341234,30,U-1\nR-2,Jane Roe,13912345678,40,U-1\n", to: "person.csv")
    let result = try Program.run("import", scratch.path("a.sqlite"), csv, "--dry-run", "--working-crs", "EPSG:4547")
    #expect(result.status == 0, "\(result.error)")
    let said = result.out + result.error
    for secret in ["欧阳娜娜", "Jane", "13812341234", "12345678"] { #expect(!said.contains(secret), "\(said)") }
    #expect(said.contains("name=欧*") && said.contains("phone=138****1234") && said.contains("age=30"), "\(said)")
    // Those of other layers are there to be called.
    let shelter = try scratch.write("id,name,phone,lon,lat\nS-1,Park,13812341234,113.6,34.7\n", to: "shelter.csv")
    let other = try Program.run("import", scratch.path("b.sqlite"), shelter, "--dry-run")
    #expect((other.out + other.error).contains("phone=13812341234"), "\(other.error)")
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["CIMQ_REALDATA"] != nil)) func theHague() throws {
    let scratch = try Scratch()
    let db = scratch.path("hague.sqlite")
    let real = ProcessInfo.processInfo.environment["CIMQ_REALDATA"]!
    let result = try Program.run("import", db, real + "/cityjson/denhaag.city.json")
    #expect(result.status == 0, "\(result.error)")
    #expect(try Program.run("query", db, "COUNT building").out == "count\n844\n")
    let tall = try Program.run(
      "query", db, "FIND building WHERE height > 30 ORDER BY height DESC LIMIT 5", "--format", "jsonl")
    #expect(tall.status == 0, "\(tall.error)")
    let heights = try tall.out.split(separator: "\n").map { line in
      let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      return try #require(row["height"] as? Double)
    }
    #expect(heights == heights.sorted(by: >) && heights.allSatisfy { $0 > 30 && $0 < 300 })
  }

  /// Every building of the real model within 100 m of its middle, against GEOS through SpatiaLite.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["CIMQ_REALDATA"] != nil
        && FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")))
  func distancesOfTheHagueAgreeWithGEOS() throws {
    let scratch = try Scratch()
    let db = scratch.path("hague.sqlite")
    let real = ProcessInfo.processInfo.environment["CIMQ_REALDATA"]!
    try #require(try Program.run("import", db, real + "/cityjson/denhaag.city.json").status == 0)
    func sql(_ query: String) throws -> [String] {
      let result = try Program.shell("sqlite3 '\(db)' \"SELECT load_extension('mod_spatialite')\" \"\(query)\"")
      try #require(result.status == 0, "\(result.error)")
      return result.out.split(separator: "\n").map(String.init)
    }
    let middle = try #require(
      try sql("SELECT printf('%.3f %.3f', ST_X(c), ST_Y(c)) FROM (SELECT ST_Centroid(Extent(geom)) AS c FROM building)")
        .last)
    let point = middle.replacingOccurrences(of: " ", with: ", ")
    for metres in [100, 250] {
      let ours = try Program.run(
        "query", db, "FIND building WITHIN \(metres) m OF POINT(\(middle)) IN EPSG:28992 RETURN id ORDER BY id")
      try #require(ours.status == 0, "\(ours.error)")
      let theirs = try sql(
        "SELECT id FROM building WHERE ST_Distance(geom, MakePoint(\(point), 28992)) <= \(metres) ORDER BY id")
      #expect(ours.out.split(separator: "\n").dropFirst().map(String.init) == theirs)
      #expect(theirs.count > 5)
    }
  }

  /// Another tool's view of the file: ogrinfo lists layers with counts and SRIDs, ogr2ogr converts them.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/ogr2ogr"))) func gdalReadsTheStore() throws
  {
    let scratch = try Scratch()
    let db = try BundledCity.database.get()
    let info = try Program.shell("ogrinfo -ro -so '\(db)' shelter")
    #expect(info.status == 0)
    #expect(info.out.contains("Geometry: Point") && info.out.contains("4547"), "\(info.out)")
    let count = try Program.run("query", db, "COUNT building").out.split(separator: "\n")[1]
    let converted = try Program.shell(
      "ogr2ogr -f GPKG '\(scratch.path("b.gpkg"))' '\(db)' building && ogrinfo -ro -so '\(scratch.path("b.gpkg"))' building"
    )
    #expect(converted.out.contains("Feature Count: \(count)"), "\(converted.out)\(converted.error)")
  }
}
