import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Files as people have them, through the loaders into the store, and what other programs make of it.
@Suite("Import of files")
struct ImportedFilesTests {
  static let realData = getenv("CIMQ_REALDATA").map { String(cString: $0) }
  let folder = ThrowawayFolder()
  var path: String { folder.file("city.sqlite") }

  private func table(_ sql: String) throws -> [[String?]] {
    try Store.open(path).connection.use { connection in
      let statement = try connection.prepare(sql)
      var result: [[String?]] = []
      while try statement.step() { result.append((0..<statement.columnCount).map { statement.optionalText($0) }) }
      return result
    }
  }

  @Test("a folder with a manifest: layers, CRSs, links, notice and working CRS as it says")
  func manifest() throws {
    _ = folder.write(
      "cimq.json",
      """
      {"cimq": 1, "notice": "made up", "workingCRS": "EPSG:4547", "timezone": "Asia/Shanghai", "files": [
        {"path": "people.csv", "layer": "person", "count": 3},
        {"path": "rooms.csv", "layer": "unit", "crs": "EPSG:4547", "x": "e", "y": "n", "z": "h"},
        {"path": "grids.geojson", "layer": "grid3", "crs": "EPSG:4547"}],
       "links": [{"layer": "person", "column": "unit", "targetLayer": "unit", "targetColumn": "id"},
         {"layer": "unit", "column": "grid3", "targetLayer": "grid3", "targetColumn": "code"},
         {"layer": "person", "column": "doctor", "targetLayer": "org", "targetColumn": "id"}]}
      """)
    _ = folder.write("people.csv", "id,name,unit,doctor,phone\np1,张三,U1,D1,0371123\np2,李四,U2,,\n")
    _ = folder.write(
      "rooms.csv", "id,floor,e,n,h,grid3\nU1,3,460000.5,3840000.25,121.5,410105003012007\nU2,-1,460010,3840010,99,\n")
    _ = folder.write(
      "grids.geojson",
      """
      {"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}, "features": [
        {"type": "Feature", "id": "g", "properties": {"code": "410105003012007"}, "geometry":
          {"type": "Polygon", "coordinates": [[[460000, 3840000], [460100, 3840000], [460100, 3840100], [460000, 3840000]]]}}]}
      """)
    let report = try Importer.run(into: path, paths: [folder.path])
    let catalog = try Store.open(path).catalog()
    #expect(catalog.notice == "made up" && catalog.workingCRS == .epsg(4547))
    #expect(Set(catalog.layers.map(\.name)) == ["person", "unit", "grid3"])
    #expect(
      try table("SELECT p.name, u.floor, u.grid3 FROM person AS p JOIN unit AS u ON u.fid = p.unit ORDER BY p.id")
        == [["张三", "3", "410105003012007"], ["李四", "-1", nil]])
    #expect(try table("SELECT typeof(phone), phone FROM person WHERE id = 'p1'") == [["text", "0371123"]])
    #expect(catalog.links.count == 2 && catalog.links.contains { $0.layer == "unit" && $0.targetColumn == "code" })
    #expect(try table("SELECT count(*) FROM cimq_link") == [["3"]])
    #expect(report.warnings.contains { $0.contains("its manifest says 3") })
    #expect(report.warnings.contains { $0.contains("`person.doctor`") && $0.contains("`org`") })
    #expect(catalog.layers.first { $0.name == "unit" }?.geometry?.hasZ == true)
  }

  @Test("a city model: one row for each building, its solids whole, its shape derived", .enabled(if: realData != nil))
  func denHaag() throws {
    let report = try Importer.run(into: path, paths: [Self.realData! + "/cityjson/denhaag.city.json"])
    #expect(report.workingCRS == .epsg(28992))
    #expect(
      try table("SELECT count(*), count(geom), min(height) > 0, max(height) < 150 FROM building").first?[0] == "844")
    #expect(try table("SELECT count(*) FROM building_part") == [["1653"]])
    #expect(try table("SELECT count(*), count(DISTINCT building) FROM building_geometry").first?[0] == "1990")
    #expect(try table("SELECT count(*) FROM building WHERE geom IS NOT NULL AND height IS NULL") == [["0"]])
    let connection = try Connection(path: path, access: .write)
    try connection.use { connection in
      try SpatiaLite.load(into: connection)
      for table in ["building", "building_part", "building_geometry"] {
        #expect(try connection.int("SELECT CheckSpatialIndex('\(table)', 'geom')") == 1)
        #expect(try connection.text("SELECT rtreecheck('idx_\(table)_geom')") == "ok")
      }
      #expect(try connection.int("SELECT count(*) FROM building WHERE NOT IsValid(geom)") == 0)
      #expect(try connection.int("SELECT CheckSpatialMetaData()") == 3)
    }
  }

  @Test("every sound city model goes in, whatever its version and form", .enabled(if: realData != nil))
  func cityModels() throws {
    let files = [
      "zurich_lod2.city.json", "delft_3dbag.city.jsonl", "3dbag_tile901.city.jsonl", "3dbag_b2.city.json",
      "japanese.city.json", "euromast_v10.city.json", "delft_lod1_mixed.city.json",
    ]
    for file in files {
      let path = folder.file(file + ".sqlite")
      let report = try Importer.run(into: path, paths: [Self.realData! + "/cityjson/" + file])
      #expect(report.tally.inserted == report.layers.reduce(0) { $0 + $1.sourceRows }, "\(file)")
      let catalog = try Store.open(path).catalog()
      #expect(catalog.layers.contains { $0.name == "building" && $0.rowCount > 0 }, "\(file)")
    }
  }

  @Test("districts of Zhengzhou, in degrees, decide a zone of their own", .enabled(if: realData != nil))
  func districts() throws {
    let file = Self.realData! + "/zhengzhou/zhengzhou_districts_cgcs2000.geojson"
    let report = try Importer.run(into: path, paths: [file])
    #expect(report.workingCRS == .epsg(4547) && report.tally.inserted == 12)
    #expect(report.layers[0].name == "zhengzhou_districts_cgcs2000")
  }

  @Test(
    "ogrinfo lists layers, counts, CRS and extents; ogr2ogr converts them", .enabled(if: OtherPrograms.has("ogrinfo")))
  func gdal() throws {
    let fixture = try StoreFixture(shelters: 250)
    let database = OtherPrograms.quoted(fixture.path)
    let list = OtherPrograms.run("ogrinfo -ro \(database)")
    #expect(list.status == 0 && list.output.contains("shelter (Point)"))
    let info = OtherPrograms.run("ogrinfo -ro -so \(database) shelter").output
    #expect(info.contains("Feature Count: 250") && info.contains("ID[\"EPSG\",4547]"))
    #expect(info.contains("Extent: (460000.000000, 3840000.000000) - (469900.000000, 3840200.250000)"))
    for field in [
      "capacity: Integer64", "area: Real", "barrier_free: Integer(Boolean)", "opened: Date", "as_of: DateTime",
    ] {
      #expect(info.contains(field), "\(field)")
    }
    let target = fixture.folder.file("out.gpkg")
    #expect(OtherPrograms.run("ogr2ogr \(OtherPrograms.quoted(target)) \(database) shelter").status == 0)
    #expect(
      OtherPrograms.run("ogrinfo -ro -so \(OtherPrograms.quoted(target)) shelter").output.contains("Feature Count: 250")
    )
    // GDAL found it without writing to it, and left nothing beside it.
    #expect(try Store.open(fixture.path).revision().revision == 2)

    // What ogr2ogr appends is seen.
    let edited = OtherPrograms.run(
      "ogrinfo \(database) -sql \"UPDATE shelter SET capacity = 5 WHERE id = 'S-7'\" && ogr2ogr -append \(database) "
        + "\(OtherPrograms.quoted(target)) -nln pois shelter")
    #expect(edited.status == 0)
    let state = try Store.open(fixture.path).read { try $0.catalog() }
    #expect(state.layers.map(\.layer.name) == ["shelter", "pois"] && state.layers[1].layer.rowCount == 250)
  }
}
