import Foundation
import SpatialIndex
import Testing

@testable import CIMEngine

@Suite struct CityJSONTests {
  private func source(_ path: String, sequence: Bool? = nil, options: LoadOptions = LoadOptions()) -> CityJSON {
    CityJSON(path: path, options: options, isSequence: sequence ?? (path.hasSuffix("jsonl") || path.hasSuffix(".txt")))
  }

  private func load(_ text: String, sequence: Bool = false, options: LoadOptions = LoadOptions()) throws -> Loaded {
    try withFile(text, named: "t.json") { try Loaded(source($0, sequence: sequence, options: options)) }
  }

  private func error(_ text: String, sequence: Bool = false) throws -> LoadError? {
    try withFile(text, named: "t.json") { try loadError(source($0, sequence: sequence)) }
  }

  /// A box from (0, 0, 5) to (10, 20, 12) as vertices 0...7 and as boundaries of one shell.
  private let boxVertices = "[0,0,5],[10,0,5],[10,20,5],[0,20,5],[0,0,12],[10,0,12],[10,20,12],[0,20,12]"
  private let boxShell = "[[[0,3,2,1]],[[4,5,6,7]],[[0,1,5,4]],[[1,2,6,5]],[[2,3,7,6]],[[3,0,4,7]]]"

  private func document(
    _ objects: String, vertices: String? = nil, extra: String = "", version: String = "2.0",
    transform: String = #"{"scale":[1,1,1],"translate":[100,200,0]}"#
  ) -> String {
    #"{"type":"CityJSON","version":"\#(version)","transform":\#(transform),\#(extra)"CityObjects":{\#(objects)},"vertices":[\#(vertices ?? boxVertices)]}"#
  }

  private func solid(_ lod: String = "\"2.2\"", extra: String = "") -> String {
    #"{"type":"Solid","lod":\#(lod),\#(extra)"boundaries":[\#(boxShell)]}"#
  }

  @Test func buildingHasItsPartsGeometry() throws {
    let text = document(
      #""part":{"type":"BuildingPart","parents":["b"],"attributes":{"roofType":"flat"},"geometry":[\#(solid())]},"#
        + #""b":{"type":"Building","children":["part"],"attributes":{"name":"Hall","measuredHeight":9}}"#)
    let loaded = try load(text)
    #expect(loaded.survey.layers.map(\.name) == ["building", "building_part"])
    let (layer, buildings) = try #require(loaded.layer("building"))
    #expect(layer.hasSolids)
    #expect(layer.geometryKinds == [.multiPolygon])
    #expect(layer.extent == Box2(min: [100, 200], max: [110, 220]))
    #expect(buildings.map(\.id) == ["b"])
    #expect(buildings[0].solids.map(\.object) == ["part"])
    let surfaces = buildings[0].solids[0].surfaces
    #expect(surfaces.kind == .multiPolygon)
    #expect(surfaces.partOffsets.count == 7)
    #expect(Array(surfaces.xy[0..<10]) == [100, 200, 100, 220, 110, 220, 110, 200, 100, 200])
    #expect(Array(surfaces.z[0..<5]) == [5, 5, 5, 5, 5])
    #expect(loaded.values("name", layer: "building") == [.text("Hall")])
    #expect(loaded.values("height", layer: "building") == [.double(9)])
    #expect(loaded.values("measuredHeight", layer: "building") == [.int(9)])
    let (part, parts) = try #require(loaded.layer("building_part"))
    #expect(part.hasSolids == false)
    #expect(parts[0].solids.count == 1)
    #expect(loaded.values("parent", layer: "building_part") == [.text("b")])
    #expect(loaded.values("roofType", layer: "building_part") == [.text("flat")])
  }

  @Test func keyColumnsTakeWhatTheSourceCallsOtherwise() throws {
    let text = document(
      #""a":{"type":"Building","attributes":{"storeysAboveGround":4,"storeysBelowGround":1,"yearOfConstruction":1999,"usage":"office","function":"x"}},"#
        + #""b":{"type":"Building","attributes":{"height":"12.5","floors":3,"storeysAboveGround":9999,"use":"shop","measuredHeight":-1}},"#
        + #""c":{"type":"Building","attributes":{"height":"unknown","Name":"C"},"address":[{"Country":"NL"}]}"#)
    let loaded = try load(text)
    func column(_ name: String) -> [Value]? { loaded.values(name, layer: "building") }
    #expect(column("floors") == [.int(4), .int(3), .null])
    #expect(column("floors_below") == [.int(1), .null, .null])
    #expect(column("year_built") == [.int(1999), .null, .null])
    #expect(column("use") == [.text("office"), .text("shop"), .null])
    #expect(column("height") == [.null, .double(12.5), .null])
    #expect(column("height_2") == [.null, .text("12.5"), .text("unknown")])
    #expect(column("name") == [.null, .null, .text("C")])
    #expect(column("address") == [.null, .null, .text(#"[{"Country":"NL"}]"#)])
    #expect(column("grid3") == [.null, .null, .null])
  }

  @Test func everyLevelOfDetailIsKept() throws {
    let loaded = try load(
      document(#""b":{"type":"Building","geometry":[\#(solid("1.2")),\#(solid("\"2.2\"")),\#(solid("2"))]}"#))
    #expect(loaded.features[0][0].solids.map(\.lod) == ["1.2", "2.2", "2"])
  }

  @Test func semanticsFollowTheirSurfaces() throws {
    let semantics =
      #""semantics":{"surfaces":[{"type":"GroundSurface"},{"type":"+Roof"},{"type":"WallSurface"}],"values":[[0,1,2,2,null,2]]},"#
    let loaded = try load(document(#""b":{"type":"Building","geometry":[\#(solid(extra: semantics))]}"#))
    #expect(
      loaded.features[0][0].solids[0].semantics
        == ["GroundSurface", "+Roof", "WallSurface", "WallSurface", nil, "WallSurface"])
    func fault(_ values: String) throws -> String {
      let broken = #""semantics":{"surfaces":[{"type":"WallSurface"}],"values":\#(values)},"#
      let error = try error(document(#""b":{"type":"Building","geometry":[\#(solid(extra: broken))]}"#))
      #expect(error?.place == .object("b"))
      return error?.message ?? ""
    }
    #expect(try fault("[[0,0,0,0,0,5]]").contains("semantic index 5"))
    #expect(try fault("[[0,0]]").contains("fewer values"))
    #expect(try fault("[[0,0,0,0,0,0,0]]").contains("more values"))
    #expect(try fault("[0]").contains("nest less deep"))
  }

  @Test func appearanceIsKeptAsText() throws {
    let extra = #""material":{"m":{"value":0}},"texture":{"t":{"values":[[[[0,1]]]]}},"#
    let loaded = try load(document(#""b":{"type":"Building","geometry":[\#(solid(extra: extra))]}"#))
    #expect(
      loaded.features[0][0].solids[0].appearance
        == #"{"material":{"m":{"value":0}},"texture":{"t":{"values":[[[[0,1]]]]}}}"#)
  }

  @Test func templatesArePutIntoPlace() throws {
    let templates =
      #""geometry-templates":{"templates":[{"type":"MultiSurface","lod":"3","boundaries":[[[0,1,2]]]}],"vertices-templates":[[0,0,0],[1,0,0],[0,1,2]]},"#
    let instance =
      #"{"type":"GeometryInstance","template":0,"boundaries":[1],"transformationMatrix":[2,0,0,0, 0,3,0,0, 0,0,1,0.5, 0,0,0,1]}"#
    let object = #""t":{"type":"SolitaryVegetationObject","geometry":[\#(instance)]}"#
    let loaded = try load(document(object, extra: templates))
    let (layer, trees) = try #require(loaded.layer("solitary_vegetation_object"))
    #expect(layer.hasSolids)
    #expect(trees[0].solids[0].lod == "3")
    #expect(trees[0].solids[0].surfaces.xy == [110, 200, 112, 200, 110, 203, 110, 200])
    #expect(trees[0].solids[0].surfaces.z == [5.5, 5.5, 7.5, 5.5])
    let missing = try error(document(object))
    #expect(missing?.message.contains("template 0") == true)
    let sequence =
      document("", vertices: "", extra: templates) + "\n"
      + #"{"type":"CityJSONFeature","id":"t","CityObjects":{\#(object)},"vertices":[\#(boxVertices)]}"# + "\n"
      + #"{"type":"CityJSONFeature","id":"t","CityObjects":{\#(object)},"vertices":[\#(boxVertices)]}"#
    let lines = try load(sequence, sequence: true)
    #expect(
      lines.features[0].map { $0.solids[0].surfaces } == [trees[0].solids[0].surfaces, trees[0].solids[0].surfaces])
  }

  @Test func pointsAndLinesBecomeGeometry() throws {
    let loaded = try load(
      document(
        #""p":{"type":"+Pole","geometry":[{"type":"MultiPoint","lod":"1","boundaries":[0,6]}]},"#
          + #""l":{"type":"Road","geometry":[{"type":"MultiLineString","lod":"0","boundaries":[[0,1],[2,3,4]]}]}"#))
    let (pole, poles) = try #require(loaded.layer("pole"))
    #expect(poles[0].geometry?.xy == [100, 200, 110, 220])
    #expect(poles[0].geometry?.z == [5, 12])
    #expect(pole.hasZ && pole.geometryKinds == [.multiPoint] && !pole.hasSolids)
    #expect(loaded.layer("road")?.1[0].geometry?.partOffsets == [0, 1, 2])
  }

  @Test(arguments: [
    ("Building", "building"), ("BuildingPart", "building_part"), ("TINRelief", "tin_relief"),
    ("SolitaryVegetationObject", "solitary_vegetation_object"), ("+NoiseBuilding", "noise_building"),
    ("WaterBody", "water_body"), ("+GML3Thing", "gml3_thing"), ("+a-b", "a_b"),
  ])
  func layersAreNamedInSnakeCase(type: String, name: String) { #expect(CityJSONUnit.layerName(ofType: type) == name) }

  @Test func layerOptionNamesTheBuildings() throws {
    let text = document(#""b":{"type":"Building"},"p":{"type":"BuildingPart","parents":["b"]},"r":{"type":"Road"}"#)
    let loaded = try load(text, options: LoadOptions(layer: "house"))
    #expect(loaded.survey.layers.map(\.name) == ["house", "house_part", "road"])
    let one = try load(document(#""r":{"type":"Road"}"#), options: LoadOptions(layer: "street"))
    #expect(one.survey.layers.map(\.name) == ["street"])
  }

  @Test func cyclesAndStrayPartsEnd() throws {
    let loaded = try load(
      document(
        #""a":{"type":"Building","children":["b","a"],"parents":["b"]},"b":{"type":"Building","children":["a","gone"]},"#
          + #""p":{"type":"BuildingPart","parents":["a"],"geometry":[\#(solid())]}"#))
    #expect(loaded.layer("building")?.1.map(\.solids.count) == [1, 1])
    #expect(loaded.survey.warnings.contains { $0.contains("child") })
  }

  @Test func crsOfEverySpelling() throws {
    func crs(_ text: String) throws -> CRS? {
      try load(document("", extra: #""metadata":{"referenceSystem":"\#(text)"},"#)).survey.crs
    }
    for text in [
      "https://www.opengis.net/def/crs/EPSG/0/7415", "http://www.opengis.net/def/crs/EPSG/0/7415",
      "urn:ogc:def:crs:EPSG::7415", "EPSG:7415",
    ] { #expect(try crs(text) == .epsg(7415)) }
    #expect(try load(document("")).survey.crs == nil)
    #expect(try load(document(""), options: LoadOptions(crs: .epsg(28992))).survey.crs == .epsg(28992))
    #expect(throws: LoadError.self) { try crs("nowhere") }
  }

  @Test(arguments: [
    (#"{"type":"CityJSON","version":"0.9","CityObjects":{},"vertices":[]}"#, "version 0.9"),
    (#"{"type":"CityJSON","version":"3.0","CityObjects":{},"vertices":[]}"#, "version 3.0"),
    (#"{"type":"CityJSON","CityObjects":{},"vertices":[]}"#, "no `version`"),
    (#"{"type":"CityJSON","version":"1.0","CityObjects":{}}"#, "no `vertices`"),
    (#"{"type":"CityJSON","version":"1.0","vertices":[]}"#, "no `CityObjects`"),
    (#"{"type":"CityJSON","version":"1.0","CityObjects":[],"vertices":[]}"#, "an array"),
    (#"{"type":"CityJSON","version":"1.0","CityObjects":{},"vertices":[[1,2]]}"#, "vertex 0"),
    (#"{"type":"CityJSON","version":"1.0","CityObjects":{},"vertices":[[1,2,"3"]]}"#, "vertex 0"),
    (
      #"{"type":"CityJSON","version":"2.0","transform":{"scale":[1,1]},"CityObjects":{},"vertices":[]}"#,
      "bad transform"
    ),
    (
      #"{"type":"CityJSON","version":"2.0","transform":{"scale":[0,1,1],"translate":[0,0,0]},"CityObjects":{},"vertices":[[1,2,3]]}"#,
      "bad transform"
    ),
    (#"{"type":"CityJSON","version":"2.0","transform":[],"CityObjects":{},"vertices":[]}"#, "`transform`"),
    (#"{"type":"CityJSONExtension"}"#, "`CityJSONExtension`"), (#"{"type":"CityJSONFeature"}"#, "first line"),
    ("[]", "an array"), ("", "empty"),
    (#"{"type":"CityJSON","version":"1.0","CityObjects":{},"vertices":[]}x"#, "end of the file"),
  ])
  func badDocuments(text: String, what: String) throws {
    let error = try #require(try error(text))
    #expect(error.message.contains(what), "\(error.message)")
  }

  @Test(arguments: [
    (#"{"type":"Solid","lod":"1","boundaries":[[[[0,1,99]]]]}"#, "index 99 is out of range"),
    (#"{"type":"Solid","lod":"1","boundaries":[[[[0,1,-1]]]]}"#, "index -1"),
    (#"{"type":"Solid","lod":"1","boundaries":[[[0,1,2]]]}"#, "where an array belongs"),
    (#"{"type":"MultiSurface","lod":"1","boundaries":[[[[0,1,2]]]]}"#, "an array where a vertex index"),
    (#"{"type":"MultiSurface","lod":"1","boundaries":[[["0",1,2]]]}"#, "a string where a vertex index"),
    (#"{"type":"MultiSurface","lod":"1","boundaries":[[[0,1.5,2]]]}"#, "where a vertex index"),
    (#"{"type":"MultiSurface","lod":{},"boundaries":[]}"#, "`lod`"),
    (#"{"type":"MultiSurface","lod":"1"}"#, "no array `boundaries`"),
    (#"{"type":"Sphere","lod":"1","boundaries":[]}"#, "`Sphere`"), (#"{"lod":"1","boundaries":[]}"#, "no `type`"),
    (#"{"type":"MultiLineString","lod":"1","boundaries":[[0]]}"#, "fewer than two"),
    (#"{"type":"MultiPoint","lod":"1","boundaries":[99]}"#, "index 99"), ("7", "a number"),
    (#"{"type":"GeometryInstance","template":0,"boundaries":[0],"transformationMatrix":[]}"#, "template 0"),
  ])
  func badGeometryNamesTheObject(geometry: String, what: String) throws {
    let object = #""it":{"type":"Building","geometry":[\#(geometry)]}"#
    let error = try #require(try error(document(object)))
    #expect(error.place == .object("it"))
    #expect(error.message.contains(what), "\(error.message)")
    let line = try #require(
      try self.error(
        document("", vertices: "") + "\n"
          + #"{"type":"CityJSONFeature","id":"it","CityObjects":{\#(object)},"vertices":[\#(boxVertices)]}"#,
        sequence: true))
    #expect(line.place == .line(2))
    #expect(line.message.contains("'it'"))
  }

  @Test func badSequences() throws {
    let head = document("", vertices: "")
    #expect(try error(head.replacing("{\"type\"", with: "{\n\"type\""), sequence: true)?.place == .line(1))
    #expect(
      try error(head + "\n" + #"{"type":"CityJSONFeature","CityObjects":{},"vertices":[]}"#, sequence: true)?.message
        .contains("no `id`") == true)
    let unresolved = try error(
      head + "\n\n" + #"{"type":"CityJSONFeature","id":"x","CityObjects":{},"vertices":[]}"#, sequence: true)
    #expect(unresolved?.place == .line(3))
    #expect(unresolved?.message.contains("'x'") == true)
    #expect(try error(head + "\n" + head, sequence: true)?.place == .line(2))
    #expect(try error(head + "\n{\"type\":\n", sequence: true)?.message.contains("cut off") == true)
    #expect(try error(document(#""a":{"type":"Building"},"a":{"type":"Building"}"#))?.message.contains("twice") == true)
  }

  @Test func degenerateRingsAreSaidAndLeftOut() throws {
    let loaded = try load(
      document(
        #""b":{"type":"Building","geometry":[{"type":"MultiSurface","lod":"2","boundaries":[[[0,1,0]],[[0,1,2],[3,3,3]],[[0,1,2,0]]]}]}"#
      ))
    #expect(loaded.features[0][0].solids[0].surfaces.ringOffsets == [0, 4, 8])
    #expect(loaded.survey.warnings.contains { $0.contains("fewer than three") })
  }

  @Test func truncationIsAlwaysAnError() throws {
    let text = Array(document(#""b":{"type":"Building","attributes":{"a":"é"},"geometry":[\#(solid())]}"#).utf8)
    for length in 0..<text.count {
      let error = try withFile(text[..<length], named: "t.json") { try loadError(source($0)) }
      #expect(error != nil, "cut at \(length)")
    }
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func everyRealFileLoadsOrSaysWhy() throws {
    let root = realData! + "/cityjson"
    let expected: [String: String] = [
      "invalid/invalid_cityjsonfeature_root_id_unresolved.city.jsonl": "line 1",
      "invalid/invalid_out_of_range_vertex_index.json": "object 'invalid_out_of_range_vertex_index'",
      "spec-cases/cityjsonfeature_minimal.city.jsonl": "line 1",
      "validator-cases/generic.ext.json": "CityJSONExtension",
      "validator-cases/cube_20.jsonl": "line 5", "validator-cases/extension.jsonl": "line 5",
      "validator-cases/o4.json": "version 0.9", "validator-cases/sem.json": "object 'id-1'",
    ]
    var refused: [String: String] = [:]
    let files = FileManager.default.enumerator(atPath: root)!.compactMap { $0 as? String }
      .filter { $0.hasSuffix(".json") || $0.hasSuffix(".jsonl") || $0.hasSuffix(".txt") }
    #expect(files.count > 40)
    for file in files.sorted() {
      do {
        let loaded = try Loaded(source(root + "/" + file))
        for (layer, features) in zip(loaded.survey.layers, loaded.features) {
          let shape = BuildingShape(layer: layer)
          for feature in features {
            var feature = feature
            try shape.derive(into: &feature)
            if let geometry = feature.geometry { #expect(layer.geometryKinds.contains(geometry.kind)) }
          }
        }
      } catch let error as LoadError {
        refused[file] = error.message
        #expect(error.message.hasPrefix(root + "/" + file))
      }
    }
    for (file, place) in expected {
      #expect(refused[file]?.contains(place) == true, "\(file): \(refused[file] ?? "loads")")
    }
    #expect(Set(refused.keys).subtracting(expected.keys) == [], "\(refused)")
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func documentAndSequenceLoadAlike() throws {
    let a = try Loaded(source(realData! + "/cityjson/3dbag_b2.city.json"))
    let b = try Loaded(source(realData! + "/cityjson/3dbag_b2.city.jsonl"))
    #expect(a.survey.layers.map(\.name) == b.survey.layers.map(\.name))
    for layer in a.survey.layers.indices {
      #expect(a.survey.layers[layer].columns == b.survey.layers[layer].columns)
      let (x, y) = (a.features[layer].sorted { $0.id < $1.id }, b.features[layer].sorted { $0.id < $1.id })
      #expect(x.map(\.id) == y.map(\.id))
      #expect(x.map(\.values) == y.map(\.values))
      #expect(x.map { $0.solids.map(\.surfaces.z) } == y.map { $0.solids.map(\.surfaces.z) })
      for (p, q) in zip(x, y) {
        for (s, t) in zip(p.solids, q.solids) {
          #expect(s.semantics == t.semantics && s.lod == t.lod && s.kind == t.kind && s.object == t.object)
          #expect(zip(s.surfaces.xy, t.surfaces.xy).allSatisfy { abs($0 - $1) < 1e-6 })
        }
      }
    }
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func realCounts() throws {
    let hague = try Loaded(source(realData! + "/cityjson/denhaag.city.json"))
    #expect(hague.survey.crs == .epsg(7415))
    #expect(hague.layer("building")?.1.count == 844)
    #expect(hague.layer("building_part")?.1.count == 1653)
    #expect(hague.layer("tin_relief")?.1.count == 1)
    #expect(hague.layer("building")?.1.reduce(0) { $0 + $1.solids.count } == 1990)
    #expect(hague.layer("building")?.1.allSatisfy { !$0.solids.isEmpty } == true)
    let vienna = try Loaded(source(realData! + "/cityjson/vienna.city.jsonl", options: LoadOptions(crs: .epsg(31256))))
    #expect(vienna.survey.crs == .epsg(31256))
    #expect(vienna.layer("building")?.1.reduce(0) { $0 + $1.solids.count } == 980)
  }
}
