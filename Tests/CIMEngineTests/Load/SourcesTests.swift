import Foundation
import Testing

@testable import CIMEngine

@Suite struct SourcesTests {
  private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures").path

  private func open(_ names: String..., options: LoadOptions = LoadOptions()) throws -> SourceSet {
    try Sources.open(names.map { fixtures + "/" + $0 }, options: options)
  }

  private func files(_ set: SourceSet) -> [String] { set.sources.map { String($0.path.dropFirst(fixtures.count + 1)) } }

  @Test func folderIsReadByItsManifest() throws {
    let set = try open("bureau")
    #expect(
      files(set) == [
        "bureau/shelter.csv", "bureau/event.csv", "bureau/codes.csv", "bureau/ward.geojson",
        "bureau/below/sensor.geojsonl",
      ])
    #expect(set.title == "Fixture" && set.notice == "Synthetic.")
    #expect(set.workingCRS == .epsg(4547) && set.verticalCRS == .epsg(5737))
    #expect(set.links == [Catalog.Link(layer: "event", column: "grid3", targetLayer: "grid3", targetColumn: "code")])
    #expect(set.sources.map(\.promisedCount) == [3, 2, 2, 2, 2])
    #expect(set.warnings == [])
    let loaded = try set.sources.map { try Loaded($0.source) }
    #expect(loaded.map { $0.survey.layers[0].name } == ["shelter", "event", "code_list", "district", "sensor"])
    #expect(loaded.map(\.survey.crs) == [.gcj02, .epsg(4547), nil, .cgcs2000, .wgs84])
    #expect(loaded[0].values("名称")?.first == .text("第一中学"))
    // 08:30 in Zhengzhou.
    #expect(loaded[1].values("time")?.first == .timestamp(1_658_277_000_000_000))
    #expect(loaded[1].columnTypes()["grid3"] == .text)
    #expect(loaded[2].survey.layers[0].geometryKinds.isEmpty)
    #expect(loaded[2].columnTypes() == ["code": .text, "lon": .int])
    #expect(loaded[3].columnTypes() == ["name": .text, "since": .date])
    #expect(loaded[4].survey.layers[0].hasZ)
  }

  @Test func fileBesideAManifestIsReadByIt() throws {
    let set = try open("bureau/shelter.csv")
    #expect(try set.sources[0].source.survey { _ in }.crs == .gcj02)
    #expect(try set.sources[0].source.survey { _ in }.layers[0].name == "shelter")
    let unlisted = try open("bureau/unlisted.csv")
    #expect(try unlisted.sources[0].source.survey { _ in }.layers[0].name == "unlisted")
    let renamed = try open("bureau/shelter.csv", options: LoadOptions(crs: .wgs84, layer: "refuge"))
    #expect(try renamed.sources[0].source.survey { _ in }.layers[0].name == "refuge")
    #expect(renamed.warnings.contains { $0.contains("wins over --crs") })
    #expect(throws: LoadError.self) { try open("bureau", options: LoadOptions(layer: "x")) }
  }

  @Test func foldersPatternsAndTileIndexes() throws {
    #expect(files(try open("tiles")) == ["tiles/t1.city.jsonl", "tiles/t2.city.jsonl"])
    #expect(files(try open("tiles/index.json")) == ["tiles/t2.city.jsonl", "tiles/t1.city.jsonl"])
    #expect(files(try open("tiles/t*.city.jsonl")) == ["tiles/t1.city.jsonl", "tiles/t2.city.jsonl"])
    #expect(throws: LoadError.self) { try open("tiles/*.nothing") }
    let missing = #expect(throws: LoadError.self) { try open("gone.geojson") }
    #expect(missing?.failureClass == .file)
  }

  @Test func documentSequenceAndTilesAgree() throws {
    func buildings(_ names: String...) throws -> [Feature] {
      var result: [Feature] = []
      for name in names {
        let loaded = try Loaded(try open(name).sources[0].source)
        let (layer, features) = try #require(loaded.layer("building"))
        let shape = BuildingShape(layer: layer)
        for var feature in features {
          try shape.derive(into: &feature)
          let names = layer.columns.map(\.name)
          feature.values = ["height", "ground_z", "volume", "floors", "area"].map {
            feature.values[names.firstIndex(of: $0)!]
          }
          result.append(feature)
        }
      }
      return result
    }
    let document = try buildings("two-buildings.city.json")
    #expect(document.map(\.id) == ["B1", "B2"])
    #expect(document[0].values == [.double(18), .double(100), .double(3_600), .int(6), .double(200)])
    #expect(document[1].values[0] == .double(60))
    #expect(abs(document[1].values[2].number! - 10_800) < 1e-3)
    #expect(document[1].values[3] == .int(20))
    #expect(document[1].geometry?.partOffsets == [0, 1])
    for other in [
      try buildings("two-buildings.city.jsonl"), try buildings("tiles/t1.city.jsonl", "tiles/t2.city.jsonl"),
    ] {
      #expect(other.map(\.id) == document.map(\.id))
      #expect(other.map(\.values) == document.map(\.values))
      #expect(other.map(\.geometry) == document.map(\.geometry))
    }
  }

  @Test(arguments: [
    ("a.geojson", #"{"type":"FeatureCollection","features":[]}"#, "geojson"),
    ("a.json", #"{"features":[],"type":"FeatureCollection"}"#, "geojson"),
    ("a.json", "{\"type\":\"Feature\"}\n{\"type\":\"Feature\"}", "geojsonseq"),
    ("a.json", "{\"type\":\"Feature\",\n\"geometry\":null}", "geojson"),
    ("a.geojsonl", #"{"type":"Feature"}"#, "geojsonseq"), ("a.txt", "\u{1E}{\"type\":\"Feature\"}", "geojsonseq"),
    ("a", #"{"type":"Point","coordinates":[1,2]}"#, "geojson"),
    ("a.json", #"{"CityObjects":{},"type":"CityJSON"}"#, "cityjson"),
    ("a.json", "{\"type\":\"CityJSON\"}\n{\"type\":\"CityJSONFeature\"}\n", "cityjsonseq"),
    ("a.city.jsonl", "{\n\"type\":\"CityJSON\"}", "cityjsonseq"), ("a.city.json", "{\"type\":", "cityjson"),
    ("a.geojson", "", "geojson"), ("a.geojson", "{\"x\":", "geojson"), ("a.csv", "id,a\n", "csv"),
    ("a.tsv", "id\ta\n", "tsv"),
    ("a.txt", "id,a\n", "csv"), ("a.csv", "{a},b\n", "csv"), ("a.topojson", #"{"type":"Topology","arcs":[]}"#, "other"),
    ("a.kml", "<kml/>", "other"), ("a.shp", "\u{0}\u{0}\u{27}\u{A}", "other"),
  ])
  func formatsAreFoundByContent(name: String, text: String, format: String) throws {
    try withFile(text, named: name) {
      let found = try SourceFormat.find($0)
      #expect(found == .file(SourceFormat(rawValue: format)!))
    }
  }

  @Test func layerIsTheNameUpToTheFirstDot() {
    for (path, name) in [
      ("/a/shelter.geojson", "shelter"), ("b/x.city.jsonl", "x"), ("c", "c"), (".hidden.csv", "hidden"),
    ] {
      #expect(Sources.layerName(of: path) == name)
    }
  }

  @Test(arguments: [
    ("{}", "no `cimq`"), (#"{"cimq":2}"#, "version 2"), (#"{"cimq":1,"files":{}}"#, "not an array"),
    (#"{"cimq":1,"files":[{"path":"a.csv"}]}"#, "no `layer`"), (#"{"cimq":1,"files":[{"layer":"a"}]}"#, "no `path`"),
    (#"{"cimq":1,"files":[{"layer":"a","path":"../a.csv"}]}"#, "within the folder"),
    (#"{"cimq":1,"files":[{"layer":"a","path":"/etc/passwd"}]}"#, "within the folder"),
    (#"{"cimq":1,"files":[{"layer":"a","path":"a.csv","crs":"moon"}]}"#, "`moon`"),
    (#"{"cimq":1,"files":[{"layer":"a","path":"a.csv","format":"shp"}]}"#, "`shp`"),
    (#"{"cimq":1,"files":[{"layer":"a","path":"a.csv","types":{"x":"float"}}]}"#, "`x`"),
    (#"{"cimq":1,"files":[{"layer":"a","path":"gone.csv"}]}"#, "no such file"),
    (#"{"cimq":1,"folders":["gone"]}"#, "no cimq.json"), (#"{"cimq":1,"links":[{"layer":"a"}]}"#, "no `column`"),
    (#"{"cimq":1"#, "not JSON"), (#"{"cimq":1,"workingCRS":7}"#, "not a string"),
  ])
  func badManifests(text: String, what: String) throws {
    try withFile(text, named: "cimq.json") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      let error = #expect(throws: LoadError.self) { try Sources.open([folder]) }
      #expect(error?.message.contains(what) == true, "\(error?.message ?? "")")
    }
  }

  @Test func manifestsThatDisagree() throws {
    let a = #"{"cimq":1,"workingCRS":"EPSG:4547","files":[]}"#
    try withFile(a, named: "cimq.json") { one in
      try withFile(a.replacing("4547", with: "4546"), named: "cimq.json") { other in
        let error = #expect(throws: LoadError.self) { try Sources.open([one, other]) }
        #expect(error?.message.contains("EPSG:4547") == true)
      }
      let endless = URL(filePath: one).deletingLastPathComponent().path
      try Data(#"{"cimq":1,"folders":["."]}"#.utf8).write(to: URL(filePath: one))
      #expect(throws: LoadError.self) { try Sources.open([endless]) }
    }
  }

  // MARK: Through ogr2ogr

  static let hasGDAL = ExternalProgram.run("ogr2ogr", ["--version"], seconds: 20)?.status == 0

  @Test(.enabled(if: hasGDAL, "ogr2ogr is not installed"))
  func otherFormatsGoThroughGDAL() throws {
    let set = try open("stations.kml")
    let loaded = try Loaded(set.sources[0].source)
    #expect(loaded.survey.layers[0].name == "stations")
    #expect(loaded.survey.crs == .wgs84)
    #expect(loaded.features[0].count == 2)
    #expect(loaded.features[0][0].geometry?.xy == [113.678, 34.762])
    try withFile([0, 1, 2, 3], named: "broken.shp") { path in
      let error = #expect(throws: LoadError.self) { try Sources.open([path]) }
      #expect(error?.path == path)
    }
  }

  @Test(.enabled(if: hasGDAL && realData != nil, "needs ogr2ogr and CIMQ_REALDATA"))
  func realFilesOfOtherFormats() throws {
    func load(_ name: String, _ options: LoadOptions = LoadOptions()) throws -> [Loaded] {
      try Sources.open([realData! + "/" + name], options: options).sources.map { try Loaded($0.source) }
    }
    let groups = try load("shapefile/blockgroups.shp")
    #expect(groups[0].features[0].count == 663)
    #expect(groups[0].survey.crs == nil, "a shapefile without .prj states no CRS, and none may be assumed")
    let sewers = try load("geopackage/simple_sewer_features.gpkg")
    #expect(sewers.map { $0.features[0].count }.sorted() == [21, 69, 82])
    #expect(sewers.allSatisfy { $0.survey.crs == .epsg(27700) })
    #expect(try load("geopackage/states10.gpkg")[0].features[0].count == 51)
    #expect(try load("osm/tiny/test.osm.pbf").isEmpty == false)
    let error = #expect(throws: LoadError.self) { try load("shapefile/latin1.shp") }
    #expect(error?.message.contains("shx") == true)
  }

  @Test func programsAreLimitedAndMissed() throws {
    #expect(ExternalProgram.run("no-such-program-of-any-name", [], seconds: 1) == nil)
    let slow = try #require(ExternalProgram.run("sleep", ["20"], seconds: 0.05))
    #expect(slow.timedOut && slow.status == 128 + SIGKILL)
    let said = try #require(
      ExternalProgram.run("sh", ["-c", "echo $X; echo no >&2; exit 3"], environment: ["X": "yes"], seconds: 20))
    #expect(said.status == 3 && said.output == "yes\n" && said.errors == "no\n" && !said.timedOut)
  }
}
