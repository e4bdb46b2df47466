import Foundation
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite struct CSVTests {
  private func source(
    _ path: String, layer: String = "test", options: LoadOptions = LoadOptions(), delimiter: UInt8? = nil,
    capacity: Int = 1 << 20
  ) -> CSV {
    CSV(path: path, layer: layer, options: options, delimiter: delimiter, bufferCapacity: capacity)
  }

  private func load(
    _ text: String, layer: String = "test", options: LoadOptions = LoadOptions(), capacity: Int = 1 << 20
  ) throws -> Loaded {
    try withFile(text, named: "t.csv") { try Loaded(source($0, layer: layer, options: options, capacity: capacity)) }
  }

  private func error(
    _ text: String, layer: String = "test", options: LoadOptions = LoadOptions(), capacity: Int = 1 << 20
  ) throws -> LoadError? {
    try withFile(text, named: "t.csv") { try loadError(source($0, layer: layer, options: options, capacity: capacity)) }
  }

  /// Records as another reading of RFC 4180 gives them: character by character, the whole text at hand.
  private func slowRecords(_ text: String) -> [[String]] {
    var records: [[String]] = []
    var record: [String] = []
    var field = ""
    let characters = Array(text.unicodeScalars)
    var i = 0
    var atStart = true
    func endField() { record.append(field); field = ""; atStart = true }
    func endRecord() { endField(); if record != [""] { records.append(record) }; record = [] }
    while i < characters.count {
      if atStart, characters[i] == "\"" {
        i += 1
        while i < characters.count {
          if characters[i] == "\"" {
            if i + 1 < characters.count, characters[i + 1] == "\"" {
              field.unicodeScalars.append("\""); i += 2; continue
            }
            i += 1
            break
          }
          field.unicodeScalars.append(characters[i])
          i += 1
        }
        atStart = false
        continue
      }
      atStart = false
      switch characters[i] {
      case ",": endField()
      case "\r":
        if i + 1 < characters.count, characters[i + 1] == "\n" { i += 1 }
        endRecord()
      case "\n": endRecord()
      default: field.unicodeScalars.append(characters[i])
      }
      i += 1
    }
    if !atStart || !record.isEmpty { endRecord() }
    return records
  }

  private func records(_ text: String, capacity: Int) throws -> [[String]] {
    try withFile(text, named: "t.csv") { path in
      let records = try DelimitedRecords(path: path, encoding: nil, delimiter: UInt8(ascii: ","), capacity: capacity)
      var result: [[String]] = []
      while let record = try records.next() {
        result.append((0..<record.count).map { String(decoding: record.field($0), as: UTF8.self) })
      }
      return result
    }
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func recordsAgreeWithASlowReader(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var text = ""
    for _ in 0..<Int.random(in: 1...12, using: &random) {
      let fields = (0..<Int.random(in: 2...4, using: &random)).map { _ -> String in
        let content = (0..<Int.random(in: 0...6, using: &random)).map { _ in
          ["a", "中", ",", "\"", "\n", "\r\n", " ", "b"].randomElement(using: &random)!
        }
        .joined()
        if content.contains(where: { ",\"\n\r".contains($0) || $0.isNewline }) || Bool.random(using: &random) {
          return "\"" + content.replacing("\"", with: "\"\"") + "\""
        }
        return content
      }
      text += fields.joined(separator: ",") + ["\n", "\r\n", "\r"].randomElement(using: &random)!
    }
    if Bool.random(using: &random) { text.unicodeScalars.removeLast() }
    let expected = slowRecords(text)
    for capacity in [16, 19, 64, 1 << 16] {
      #expect(try records(text, capacity: capacity) == expected, "\(text.debugDescription)")
    }
  }

  @Test func linesAreCountedThroughQuotedBreaks() throws {
    try withFile("a,b\r\n\"x\ny\",1\r\n\r\n2,3\n", named: "t.csv") { path in
      let records = try DelimitedRecords(path: path, encoding: nil, delimiter: nil)
      var lines: [Int] = []
      while let record = try records.next() { lines.append(record.line) }
      #expect(lines == [1, 2, 5])
      #expect(records.blankLines == 1)
    }
  }

  @Test func typesFollowEveryValue() throws {
    let loaded = try load(
      """
      id,int,dbl,zero,long,name,day,at,flag,mixed,empty,grid3,buildingId,phone,电话,frac
      a,1,1.5,007,1234567890123456,x,2024-01-01,2024-01-01T00:00:00Z,true,1,,410105003012007,5,13800000000,1,0.12345678901234567
      b,-20,2,12,1,"",2024-02-29,2024-01-01 08:00:00,FALSE,y,"",410105003012008,6,13800000001,2,1
      """)
    #expect(
      loaded.columnTypes() == [
        "int": .int, "dbl": .double, "zero": .text, "long": .text, "name": .text, "day": .date, "at": .timestamp,
        "flag": .bool, "mixed": .text, "empty": .text, "grid3": .text, "buildingId": .text, "phone": .text,
        "电话": .text, "frac": .double,
      ])
    #expect(loaded.features[0].map(\.id) == ["a", "b"])
    #expect(loaded.values("int") == [.int(1), .int(-20)])
    #expect(loaded.values("name") == [.text("x"), .text("")])
    #expect(loaded.values("empty") == [.null, .text("")])
    #expect(loaded.values("zero") == [.text("007"), .text("12")])
    #expect(loaded.values("flag") == [.bool(true), .bool(false)])
    #expect(loaded.values("at")?[1] == .timestamp(1_704_096_000_000_000))
    #expect(loaded.survey.layers[0].geometryKinds.isEmpty)
    #expect(loaded.survey.crs == nil)
  }

  @Test func labelsByName() {
    for name in [
      "id", "unit_id", "code", "adcode", "postCode", "Phone", "联系电话", "网格编码", "tel", "objectID", "mobile phone",
    ] {
      #expect(ColumnMeaning.isLabel(name), "\(name)")
    }
    for name in ["grid", "paid", "valid", "width", "height", "capacity", "named", "VOID", "telling"] {
      #expect(!ColumnMeaning.isLabel(name), "\(name)")
    }
  }

  @Test func pointsFromEverySpelling() throws {
    for (header, crs) in [
      ("lon,lat", CRS.wgs84), ("LNG,Latitude", .wgs84), ("经度,纬度", .wgs84), ("x,y", nil), ("Easting,Northing", nil),
    ] as [(String, CRS?)] {
      let loaded = try load("id,\(header),n\n1,113.65,34.76,5\n2,,,6\n")
      #expect(loaded.features[0].map(\.geometry) == [.point(113.65, 34.76), nil])
      #expect(loaded.survey.crs == crs)
      #expect(loaded.survey.statedCRS == nil)
      #expect(loaded.survey.layers[0].columns.map(\.name) == ["n"])
    }
    let z = try load("id,x,y,z\n1,10,20,30\n2,1,2,\n", options: LoadOptions(crs: .epsg(4547)))
    #expect(z.features[0][0].geometry == .point(10, 20, z: 30))
    #expect(z.features[0][1].geometry?.z[0].isNaN == true)
    #expect(z.survey.layers[0].hasZ && z.survey.crs == .epsg(4547))
    #expect(try load("lon,lat\n1,2\n", options: LoadOptions(crs: .gcj02)).survey.crs == .gcj02)
    var options = LoadOptions()
    options.findsGeometry = false
    #expect(try load("lon,lat\n1,2\n", options: options).columnTypes() == ["lon": .int, "lat": .int])
    (options.xColumn, options.yColumn) = ("b", "a")
    #expect(try load("a,b,lon,lat\n1,2,3,4\n", options: options).features[0][0].geometry == .point(2, 1))
    options.xColumn = "gone"
    #expect(try error("a,b\n1,2\n", options: options)?.message.contains("`gone`") == true)
  }

  @Test func shapesFromText() throws {
    let loaded = try load(
      """
      id,geom,n
      1,"POLYGON ((0 0, 4 0, 4 4, 0 0))",1
      2,SRID=4490;POINT Z (1 2 3),2
      3,,3
      4,0101000020E6100000000000000000F03F0000000000000040,4
      5,LINESTRING EMPTY,5
      """.replacing("SRID=4490", with: "SRID=4326"))
    #expect(loaded.features[0].map(\.geometry?.kind) == [.polygon, .point, nil, .point, nil])
    #expect(loaded.features[0][3].geometry == .point(1, 2))
    #expect(loaded.survey.statedCRS == .wgs84)
    #expect(try error("id,geom\n1,POINT (1)\n")?.place == .line(2))
    #expect(try error("id,wkt\n1,POINT (1 2)\n2,\"POLYGON ((0 0, 1 0, 1 1, 0 1))\"\n")?.place == .line(3))
    #expect(try error("id,wkt\n1,SRID=4326;POINT (1 2)\n2,SRID=4490;POINT (1 2)\n")?.message.contains("4490") == true)
    #expect(try error("id,geom\n1,POINT (NaN 2)\n") != nil)
  }

  @Test func badFieldsNameTheirLine() throws {
    let rows = (2...30).map { "\($0),\($0 * 10),113.6,34.7" }
    func file(_ line: Int, _ text: String) -> String {
      var lines = ["id,capacity,lon,lat"] + rows
      lines[line - 1] = text
      return lines.joined(separator: "\n") + "\n"
    }
    for (text, what) in [
      ("17,170,x,34.7", "`lon` is 'x'"), ("17,170,NaN,34.7", "`lon` is 'NaN'"), ("17,170,113.6,", "`lat` is empty"),
      ("17,170,34.7,113.6", "swapped"), ("17,170,463373,3846931", "--crs"), ("17,170,113.6", "has 3 fields"),
      ("17,170,113.6,34.7,9", "has 5 fields"), ("17,12x,113.6,34.7", "`capacity` is '12x'"),
      ("17,\"a\"b,113.6,34.7", "closing quote"), ("17,\"a,113.6,34.7", "never closed"),
    ] {
      let error = try #require(try error(file(17, text)), "\(text)")
      #expect(error.place == .line(17), "\(text): \(error.message)")
      #expect(error.message.contains(what), "\(error.message)")
      #expect(error.failureClass == .content)
    }
    let forced = try error(
      file(17, "17,,113.6,34.7").replacing("capacity", with: "n"), options: LoadOptions(types: ["n": .int]))
    #expect(forced == nil)
    let bad = try error(
      file(17, "17,1.5,113.6,34.7").replacing("capacity", with: "n"), options: LoadOptions(types: ["n": .int]))
    #expect(bad?.place == .line(17) && bad?.message.contains("'1.5'") == true)
    // A column that nothing declares a number becomes text, and that is said.
    let text = try load(file(17, "17,12x,113.6,34.7").replacing("capacity", with: "door"))
    #expect(text.columnTypes()["door"] == .text)
    #expect(text.survey.warnings.contains { $0.contains("line 17") })
    let kept = try load(file(17, "17,12x,113.6,34.7"), options: LoadOptions(types: ["capacity": .text]))
    #expect(kept.columnTypes()["capacity"] == .text)
  }

  @Test func encodings() throws {
    // 编号,名称 / 1,郑州 / 2,嵩山(rare: U+20BB7 takes four bytes)
    let text = "id,名称\n1,郑州\n2,𠮷\n"
    let gb: [UInt8] =
      Array("id,".utf8) + [0xC3, 0xFB, 0xB3, 0xC6] + Array("\n1,".utf8) + [0xD6, 0xA3, 0xD6, 0xDD] + Array("\n2,".utf8)
      + [0x95, 0x34, 0xB4, 0x39] + Array("\n".utf8)
    let expected = try load(text)
    let found = try withFile(gb, named: "t.csv") { try Loaded(source($0)) }
    #expect(found.survey.encoding == "GB18030")
    #expect(found.survey.warnings.contains { $0.contains("GB18030") })
    #expect(found.values("名称")?[0] == .text("郑州"))
    #expect(expected.values("名称")?[1] == .text("𠮷"))
    let named = try withFile(gb, named: "t.csv") {
      try Loaded(source($0, options: LoadOptions(encoding: "gbk"), capacity: 16))
    }
    #expect(named.values("名称") == found.values("名称"))
    #expect(try load("\u{FEFF}" + text).survey.layers[0].idColumn == "id")
    let utf16 = try withFile(
      [0xFF, 0xFE] + Array(text.utf16).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }, named: "t.csv"
    ) {
      try Loaded(source($0))
    }
    #expect(utf16.values("名称") == expected.values("名称"))
    let neither = try withFile(Array("id,a\n1,x\n2,".utf8) + [0xFF, 0x20, 0x0A], named: "t.csv") {
      try loadError(source($0))
    }
    #expect(neither?.place == .line(3))
    #expect(neither?.message.contains("neither") == true)
    let wrong = try withFile(gb, named: "t.csv") { try loadError(source($0, options: LoadOptions(encoding: "UTF-8"))) }
    #expect(wrong?.message.contains("not UTF-8") == true)
    let nul = try withFile(Array("i\u{0}d,a\n1,2\n".utf8), named: "t.csv") { try loadError(source($0)) }
    #expect(nul?.message.contains("NUL") == true)
  }

  @Test func delimitersAreFound() throws {
    #expect(try load("id;a;b\n1;2,5;x\n").values("a") == [.text("2,5")])
    #expect(try load("id\ta\n1\tx,y\n").values("a") == [.text("x,y")])
    #expect(try load("\"id,;;\",a\n1,2\n").survey.layers[0].columns.map(\.name) == ["id,;;", "a"])
    #expect(try load("name\nx\ny\n").values("name") == [.text("x"), .text("y")])
    let tab = try withFile("id\ta,b\n1\t2\n", named: "t.tsv") { try Loaded(source($0, delimiter: UInt8(ascii: "\t"))) }
    #expect(tab.survey.layers[0].columns.map(\.name) == ["a,b"])
    #expect(tab.survey.format == "TSV")
  }

  @Test func headersAndIds() throws {
    let loaded = try load("fid, Name ,name,geom,\n1,a,b,,\n")
    #expect(loaded.survey.layers[0].columns.map(\.name) == ["fid_2", "Name", "name_2", "column"])
    #expect(loaded.features[0].map(\.id) == ["1"])
    #expect(loaded.survey.warnings.contains { $0.contains("no column `id`") })
    #expect(try load("ID,a\nx,1\n,2\n").features[0].map(\.id) == ["x", "2"])
    #expect(try error("")?.message.contains("empty") == true)
    #expect(try error("1,2,3\n")?.message.contains("column names") == true)
    #expect(try load("id,a\n").features[0].isEmpty)
  }

  /// Cut anywhere, a file gives an error or whole records, never a crash.
  @Test func truncationIsSafe() throws {
    let text = Array("id,name,lon,lat\n1,\"a \"\"b\"\"\n中\",113.6,34.7\n2,c,113.7,34.8\n".utf8)
    for length in 0..<text.count {
      try withFile(text[..<length], named: "t.csv") { path in
        do {
          let rows = try Loaded(source(path, capacity: 16)).features[0]
          #expect(rows.count <= 2)
        } catch let error as LoadError { #expect(!error.message.isEmpty) }
      }
    }
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func realFiles() throws {
    let areas = try Loaded(source(realData! + "/zhengzhou/zhengzhou_areas.csv"))
    #expect(areas.features[0].count == 15)
    #expect(areas.columnTypes() == ["code": .text, "name": .text, "cityCode": .text, "provinceCode": .text])
    #expect(try Loaded(source(realData! + "/zhengzhou/zhengzhou_townships.csv")).features[0].count == 208)
    let countries = try Loaded(source(realData! + "/cql2/csv/ne_110m_admin_0_countries.csv"))
    #expect(countries.features[0].count == 177)
    #expect(countries.features[0].allSatisfy { $0.geometry != nil })
    #expect(try Loaded(source(realData! + "/cql2/csv/ne_110m_populated_places_simple.csv")).features[0].count == 243)
  }
}
