import Foundation
import SpatialIndex
import Testing

@testable import CIMEngine

@Suite struct GeoJSONTests {
  private func source(
    _ path: String, sequence: Bool = false, options: LoadOptions = LoadOptions(), capacity: Int = 1 << 20
  ) -> GeoJSON {
    GeoJSON(path: path, layer: "test", options: options, isSequence: sequence, bufferCapacity: capacity)
  }

  private func load(
    _ text: String, sequence: Bool = false, options: LoadOptions = LoadOptions(), capacity: Int = 1 << 20
  ) throws -> Loaded {
    try withFile(text) { try Loaded(source($0, sequence: sequence, options: options, capacity: capacity)) }
  }

  private func error(_ text: String, sequence: Bool = false) throws -> LoadError? {
    try withFile(text) { try loadError(source($0, sequence: sequence)) }
  }

  private func collection(_ features: String...) -> String {
    #"{"type":"FeatureCollection","features":["# + features.joined(separator: ",") + "]}"
  }
  private func feature(_ properties: String, geometry: String = "null", id: String? = nil) -> String {
    #"{"type":"Feature",\#(id.map { "\"id\":\($0)," } ?? "")"properties":\#(properties),"geometry":\#(geometry)}"#
  }

  @Test func everyGeometryType() throws {
    let texts = [
      #"{"type":"Point","coordinates":[1,2,3]}"#,
      #"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#,
      #"{"type":"LineString","coordinates":[[1,2],[3,4.5]]}"#,
      #"{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[5,6],[7,8],[9,10]]]}"#,
      #"{"type":"Polygon","coordinates":[[[0,0],[9,0],[9,9],[0,0]],[[5,2],[6,3],[6,2],[5,2]]]}"#,
      #"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]],[[[5,5],[6,5],[6,6],[5,5]]]]}"#,
      #"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"LineString","coordinates":[[0,0],[1,1]]}]}"#,
    ]
    let all = texts.map { feature("{}", geometry: $0) }.joined(separator: ",")
    let loaded = try load(collection(all, feature("{}")))
    let shapes = loaded.features[0].map(\.geometry)
    #expect(shapes[0] == .point(1, 2, z: 3))
    #expect(shapes[1]?.partOffsets == [0, 1, 2])
    #expect(shapes[2] == .line([1, 2, 3, 4.5]))
    #expect(shapes[3]?.ringOffsets == [0, 2, 5])
    #expect(shapes[3]?.partOffsets == [0, 1, 2])
    #expect(shapes[4] == .polygon([[0, 0, 9, 0, 9, 9, 0, 0], [5, 2, 6, 3, 6, 2, 5, 2]]))
    #expect(shapes[5]?.partOffsets == [0, 1, 2])
    #expect(shapes[6]?.members == [.point(1, 2), .line([0, 0, 1, 1])])
    #expect(shapes[7] == nil)
    #expect(loaded.survey.layers[0].geometryKinds == Set(GeometryKind.allCases))
    #expect(loaded.survey.layers[0].hasZ)
    #expect(loaded.survey.layers[0].extent?.max[0] == 9)
    #expect(loaded.survey.crs == .wgs84)
    #expect(loaded.survey.statedCRS == nil)
  }

  @Test func heightsAtSomePositionsOnly() throws {
    let loaded = try load(
      collection(feature("{}", geometry: #"{"type":"LineString","coordinates":[[1,2],[3,4,5],[6,7]]}"#)))
    let line = try #require(loaded.features[0][0].geometry)
    #expect(line.z.count == 3)
    #expect(line.z[0].isNaN && line.z[1] == 5 && line.z[2].isNaN)
    #expect(loaded.survey.warnings.contains { $0.contains("height at some positions") })
  }

  @Test func typesFollowAllValues() throws {
    let loaded = try load(
      collection(
        feature(
          #"{"i":1,"d":1,"b":true,"t":"a","day":"2024-02-29","at":"2024-01-01T08:00:00+08:00","l":[1,"a"],"o":{"x":1},"m":1,"n":null,"h":[{"a":1}],"big":18446744073709551615,"mixedday":"2024-02-29"}"#
        ),
        feature(
          #"{"i":-2,"d":2.5,"b":null,"t":"","day":null,"at":"2024-01-01T00:00:00.5","l":[],"o":[1],"m":"x","mixedday":"soon"}"#
        )))
    #expect(
      loaded.columnTypes() == [
        "i": .int, "d": .double, "b": .bool, "t": .text, "day": .date, "at": .timestamp, "l": .list, "o": .text,
        "m": .text, "n": .text, "h": .text, "big": .text, "mixedday": .text,
      ])
    #expect(loaded.values("i") == [.int(1), .int(-2)])
    #expect(loaded.values("d") == [.double(1), .double(2.5)])
    #expect(loaded.values("b") == [.bool(true), .null])
    #expect(loaded.values("t") == [.text("a"), .text("")])
    #expect(loaded.values("day") == [.date(19_782), .null])
    #expect(loaded.values("at") == [.timestamp(1_704_067_200_000_000), .timestamp(1_704_067_200_500_000)])
    #expect(loaded.values("l") == [.list([.int(1), .text("a")]), .list([])])
    #expect(loaded.values("o") == [.text(#"{"x":1}"#), .text("[1]")])
    #expect(loaded.values("m") == [.text("1"), .text("x")])
    #expect(loaded.values("h") == [.text(#"[{"a":1}]"#), .null])
    #expect(loaded.values("big") == [.text("18446744073709551615"), .null])
    #expect(loaded.survey.layers[0].columns.map(\.name).prefix(3) == ["i", "d", "b"])
  }

  @Test func zonelessTimesFollowTheOption() throws {
    let text = collection(feature(#"{"at":"2022-07-20T08:00:00"}"#))
    #expect(try load(text).values("at") == [.timestamp(1_658_304_000_000_000)])
    let local = try load(text, options: LoadOptions(timeZone: "Asia/Shanghai"))
    #expect(local.values("at") == [.timestamp(1_658_275_200_000_000)])
    #expect(throws: LoadError.self) { try load(text, options: LoadOptions(timeZone: "Mars/Olympus")) }
  }

  @Test func declaredTypesOverride() throws {
    let text = collection(feature(#"{"code":410105,"h":"12.5"}"#), feature(#"{"code":7,"h":"x"}"#))
    let loaded = try load(text, options: LoadOptions(types: ["code": .text]))
    #expect(loaded.values("code") == [.text("410105"), .text("7")])
    let error = #expect(throws: LoadError.self) { try load(text, options: LoadOptions(types: ["H": .double])) }
    #expect(error?.place == .feature(2))
    #expect(error?.message.contains("'x'") == true)
  }

  @Test func idsComeFromFeaturePropertyOrNumber() throws {
    let own = try load(collection(feature(#"{"id":7,"a":1}"#, id: "\"x\""), feature(#"{"id":8}"#, id: "12")))
    #expect(own.features[0].map(\.id) == ["x", "12"])
    #expect(own.values("id_2") == [.int(7), .int(8)])
    let same = try load(collection(feature(#"{"id":"x","a":1}"#, id: "\"x\"")))
    #expect(same.survey.layers[0].columns.map(\.name) == ["a"])
    let property = try load(collection(feature(#"{"ID":7,"a":1}"#), feature(#"{"ID":"b"}"#)))
    #expect(property.features[0].map(\.id) == ["7", "b"])
    #expect(property.survey.layers[0].columns.map(\.name) == ["a"])
    #expect(property.survey.layers[0].idColumn == "ID")
    let none = try load(collection(feature("{}"), feature("{}")))
    #expect(none.features[0].map(\.id) == ["1", "2"])
    #expect(none.survey.warnings.contains { $0.contains("number") })
  }

  @Test func reservedAndRepeatedNamesGetASuffix() throws {
    let loaded = try load(collection(feature(#"{"fid":1,"geom":"g","ROWID":3,"Name":"a","name":"b","":0}"#)))
    #expect(loaded.survey.layers[0].columns.map(\.name) == ["fid_2", "geom_2", "ROWID_2", "Name", "name_2", "column"])
    #expect(loaded.survey.layers[0].sourceNames == ["fid", "geom", "ROWID", "Name", "name", ""])
    #expect(loaded.values("name_2") == [.text("b")])
    #expect(loaded.survey.warnings.contains { $0.contains("`fid_2`") })
  }

  @Test func crsMemberIsHonoured() throws {
    func survey(_ crs: String, _ options: LoadOptions = LoadOptions()) throws -> SourceSurvey {
      try load(#"{"type":"FeatureCollection","features":[],"crs":\#(crs)}"#, options: options).survey
    }
    let urn = #"{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4490"}}"#
    #expect(try survey(urn).statedCRS == .cgcs2000)
    #expect(try survey(#"{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}}"#).crs == .wgs84)
    #expect(try survey(#"{"type":"EPSG","properties":{"code":4547}}"#).crs == .epsg(4547))
    #expect(try survey("null").crs == nil)
    #expect(try survey("null", LoadOptions(crs: .gcj02)).crs == .gcj02)
    let wins = try survey(urn, LoadOptions(crs: .gcj02))
    #expect(wins.crs == .cgcs2000 && wins.warnings.contains { $0.contains("--force-crs") })
    #expect(try survey(urn, LoadOptions(forceCRS: .gcj02)).crs == .gcj02)
    #expect(throws: LoadError.self) { try survey(#"{"type":"name","properties":{"name":"my own"}}"#) }
    #expect(try load(collection(), options: LoadOptions(crs: .gcj02)).survey.crs == .gcj02)
  }

  @Test func formsOfADocument() throws {
    #expect(try load(#"{"type":"Point","coordinates":[1,2]}"#).features[0].map(\.geometry) == [.point(1, 2)])
    #expect(try load(feature(#"{"a":1}"#)).values("a") == [.int(1)])
    let late = try load(#"{"features":[\#(feature(#"{"a":1}"#))],"name":"x","type":"FeatureCollection"}"#)
    #expect(late.values("a") == [.int(1)])
    #expect(try load(collection()).features[0].isEmpty)
    let lines = try load(feature(#"{"a":1}"#) + "\n" + feature(#"{"a":2}"#) + "\n", sequence: true)
    #expect(lines.values("a") == [.int(1), .int(2)])
    #expect(lines.features[0].map(\.place) == [.line(1), .line(2)])
    let separated = try load("\u{1E}" + feature(#"{"a":1}"#) + "\n\u{1E}" + feature(#"{"a":2}"#) + "\n", sequence: true)
    #expect(separated.values("a") == [.int(1), .int(2)])
  }

  @Test func tinyBuffersChangeNothing() throws {
    let text = collection(
      feature(#"{"a":"x]}\"{[\\","b":1}"#, geometry: #"{"type":"Point","coordinates":[113.65,34.76]}"#),
      feature(#"{"a":"中文","b":2}"#))
    let whole = try load(text)
    for capacity in [16, 17, 31, 64, 100] {
      let pieces = try load(text, capacity: capacity)
      #expect(pieces.features[0].map(\.values) == whole.features[0].map(\.values))
      #expect(pieces.features[0].map(\.geometry) == whole.features[0].map(\.geometry))
    }
  }

  @Test(arguments: [
    (#"{"type":"Point","coordinates":[1]}"#, "only 1 number"),
    (#"{"type":"Point","coordinates":[]}"#, "no numbers"),
    (#"{"type":"Point","coordinates":["1",2]}"#, "a string"),
    (#"{"type":"Point","coordinates":[[1,2]]}"#, "one level too deep"),
    (#"{"type":"Point"}"#, "no `coordinates`"),
    (#"{"type":"Pint","coordinates":[1,2]}"#, "`Pint`"),
    (#"{"coordinates":[1,2]}"#, "no `type`"),
    (#"{"type":"LineString","coordinates":[[1,2]]}"#, "at least 2"),
    (#"{"type":"LineString","coordinates":[]}"#, "at least 2"),
    (#"{"type":"LineString","coordinates":[1,2]}"#, "one level too few"),
    (#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,0]]]}"#, "at least 4"),
    (#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#, "not closed"),
    (#"{"type":"Polygon","coordinates":[]}"#, "no rings"),
    (#"{"type":"Polygon","coordinates":[[]]}"#, "0 positions"),
    (#"{"type":"MultiPolygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#, "polygon 1: ring 1"),
    (#"{"type":"GeometryCollection"}"#, "no array `geometries`"),
    (#"{"type":"GeometryCollection","geometries":[false]}"#, "member 1"),
    (#"[1,2]"#, "an array, not an object"),
  ])
  func badGeometryNamesTheFeature(geometry: String, what: String) throws {
    let error = try #require(try error(collection(feature("{}"), feature("{}", geometry: geometry))))
    #expect(error.place == .feature(2))
    #expect(error.message.contains(what), "\(error.message)")
    let line = try #require(try self.error(feature("{}") + "\n" + feature("{}", geometry: geometry), sequence: true))
    #expect(line.place == .line(2))
  }

  @Test(arguments: [
    ("", "empty"), ("null", "null"), ("[]", "an array"), (#"{"type":"FeatureCollection"}"#, "no `features`"),
    (#"{"type":"FeatureCollection","features":{}}"#, "an object, not an array"), ("{}", "no `type`"),
    (#"{"type":"Topology","objects":{}}"#, "`Topology`"), (#"{"type":"Feature","features":[]}"#, "no"),
    (#"{"type":"FeatureCollection","features":[1]}"#, "a number"),
    (#"{"type":"FeatureCollection","features":[]} x"#, "end of the file"),
    (#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":[],"geometry":null}]}"#, "an array"),
    (
      #"{"type":"FeatureCollection","features":[{"type":"Feature","id":{},"properties":null,"geometry":null}]}"#, "`id`"
    ),
    (
      #"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":1e999},"geometry":null}]}"#,
      "range of a double"
    ),
    (#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":NaN},"geometry":null}]}"#, "no NaN"),
  ])
  func badDocuments(text: String, what: String) throws {
    if text.contains(#""Feature","features""#) {
      // A feature with a foreign member: geometry is missing, which is said.
      #expect(try load(text).survey.warnings.isEmpty == false)
      return
    }
    let error = try #require(try error(text))
    #expect(error.message.contains(what), "\(error.message)")
    #expect(error.failureClass == .content)
  }

  @Test func syntaxErrorsHaveLineAndColumn() throws {
    let error = try #require(
      try error("{\n\"type\":\"FeatureCollection\",\n\"features\":[\n{\"type\":\"Feature\",,}\n]}"))
    #expect(error.place == .line(4))
    #expect(error.message.contains("column 19"), "\(error.message)")
    #expect(error.message.contains("feature 1"))
    let between = try #require(
      try self.error("{\"type\":\"FeatureCollection\",\"features\":[\n" + feature("{}") + " " + feature("{}") + "]}"))
    #expect(between.place == .line(2))
  }

  /// A file cut off anywhere is an error: never a crash, never a shorter answer.
  @Test func truncationIsAlwaysAnError() throws {
    let text = Array(
      (collection(
        feature(
          #"{"a":"x\"\u00e9中","b":[1,{"c":null}]}"#, geometry: #"{"type":"Point","coordinates":[1.5,-2e1]}"#, id: "1"),
        feature("{}"))).utf8)
    for length in 0..<text.count {
      try withFile(text[..<length]) { path in
        let error = try loadError(source(path, capacity: 16))
        #expect(error != nil, "cut at \(length)")
      }
    }
  }

  @Test func hostileInput() throws {
    let deep = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
    #expect(try error(collection(feature(#"{"a":\#(deep)}"#)))?.message.contains("1024 levels") == true)
    #expect(try error(collection(feature(#"{"a":"\ud800"}"#)))?.message.contains("surrogate") == true)
    #expect(try error(collection(feature("{\"a\":\"x\u{0}\"}")))?.message.contains("control character") == true)
    var bytes = Array(collection(feature(#"{"a":"x"}"#)).utf8)
    bytes[bytes.firstIndex(of: UInt8(ascii: "x"))!] = 0xFF
    let bad = try withFile(bytes) { try loadError(source($0)) }
    #expect(bad?.message.contains("UTF-8") == true)
    #expect(bad?.fix?.contains("--encoding GB18030") == true)
    let repeated = try load(collection(feature(#"{"a":1,"a":2}"#)))
    #expect(repeated.values("a") == [.int(2)])
    #expect(repeated.survey.warnings.contains { $0.contains("twice") })
    let nul = try load(collection(feature(#"{"a":"x\u0000y"}"#)))
    #expect(nul.values("a") == [.text("xy")])
    #expect(nul.survey.warnings.contains { $0.contains("U+0000") })
    let nested =
      String(repeating: #"{"type":"GeometryCollection","geometries":["#, count: 60) + String(repeating: "]}", count: 60)
    #expect(try error(collection(feature("{}", geometry: nested)))?.message.contains("nest") == true)
    let wide = (0..<2_000).map { "\"c\($0)\":1" }.joined(separator: ",")
    #expect(try error(collection(feature("{\(wide)}")))?.message.contains("properties") == true)
  }

  @Test func remarksAreWarnings() throws {
    let loaded = try load(
      collection(
        feature("{}", geometry: #"{"type":"Polygon","coordinates":[[[0,0],[0,1],[1,1],[0,0]]]}"#),
        feature("{}", geometry: #"{"type":"Point","coordinates":[100.0000000001,1,2,3]}"#),
        feature("{}", geometry: #"{"type":"MultiPoint","coordinates":[]}"#),
        feature("{}", geometry: #"{"type":"Point","coordinates":[463373.9,3846931.2]}"#)))
    let said = loaded.survey.warnings.joined(separator: "\n")
    for what in ["counter-clockwise", "decimals", "fourth", "empty geometry", "--crs"] { #expect(said.contains(what)) }
    #expect(loaded.features[0][2].geometry == nil)
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func realFiles() throws {
    let root = realData!
    func files(_ folder: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: root + folder).filter { $0.hasSuffix(".geojson") }.sorted()
        .map { root + folder + "/" + $0 }
    }
    for path in try files("/geojson/good") { _ = try Loaded(source(path)) }
    // Refused, or taken with a warning where RFC 7946 lets it pass.
    for path in try files("/geojson/bad") {
      if let error = try loadError(source(path)) {
        #expect(error.message.hasPrefix(path))
      } else {
        #expect(
          try Loaded(source(path)).survey.warnings.filter { !$0.contains("has no id") }.isEmpty == false, "\(path)")
      }
    }
    for path in try files("/zhengzhou") + files("/china_osm") + files("/cql2/geojson") { _ = try Loaded(source(path)) }
    let districts = try Loaded(source(root + "/zhengzhou/zhengzhou_districts_cgcs2000.geojson"))
    #expect(districts.survey.crs == .cgcs2000)
    #expect(districts.features[0].count == 12)
  }
}
