import Foundation
import GRDB
import GRDBSQLite
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Geometries of every kind, flat and with heights, empty ones last.
private func samples(seed: UInt64, count: Int = 200) throws -> [Geometry] {
  var shapes = Shapes(seed: seed)
  (shapes.origin, shapes.step) = (463_000.3, 0.7)
  var result: [Geometry] = []
  for i in 0..<count {
    var geometry = try shapes.any()
    if i % 3 == 0 { geometry.z = (0..<geometry.vertexCount).map { Double($0) * 1.5 - 3 } }
    result.append(geometry)
    if i % 10 == 9 { result.append(Geometry(kind: .geometryCollection, members: Array(result.suffix(3)))) }
  }
  return result + GeometryKind.allCases.map { Geometry(kind: $0) }
}

/// Calls `check` with damaged copies: cut off anywhere, and with bytes changed at random.
private func damaged(_ bytes: [UInt8], seed: UInt64, _ check: ([UInt8]) -> Void) {
  var random = SplitMix64(seed: seed)
  for length in 0..<bytes.count { check(Array(bytes.prefix(length))) }
  for _ in 0..<60 {
    var copy = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
    }
    check(copy)
  }
}

/// Whether the offsets of a geometry hang together.
private func isSound(_ geometry: Geometry) -> Bool {
  guard geometry.ringOffsets.first == 0, geometry.partOffsets.first == 0 else { return false }
  guard Int(geometry.ringOffsets.last!) * 2 == geometry.xy.count else { return false }
  guard Int(geometry.partOffsets.last!) == geometry.ringOffsets.count - 1 else { return false }
  guard geometry.z.isEmpty || geometry.z.count == geometry.vertexCount else { return false }
  return geometry.xy.allSatisfy(\.isFinite) && geometry.members.allSatisfy(isSound)
}

@Suite("Well-known text")
struct WKTTests {
  @Test func roundTrip() throws {
    for geometry in try samples(seed: 61) {
      let text = WKT.write(geometry)
      #expect(try WKT.read(text) == geometry, "\(text)")
      #expect(try WKT.read("  " + text.lowercased().replacing("(", with: " ( ") + "\n") == geometry)
    }
  }

  @Test func agreesWithGEOS() throws {
    for geometry in try samples(seed: 62, count: 60) where !geometry.isEmpty {
      // The same coordinates by way of WKB and GEOS.
      let theirs = try GEOSGeometry(geometry).geometry()
      #expect(theirs == (try WKT.read(WKT.write(geometry))))
    }
  }

  @Test(arguments: [
    ("POINT(1 2)", "POINT (1 2)"), ("pointz(1 2 3)", "POINT Z (1 2 3)"), ("Point ZM (1 2 3 4)", "POINT Z (1 2 3)"),
    ("POINT M (1 2 9)", "POINT (1 2)"), ("POINT (1 2 3)", "POINT Z (1 2 3)"), ("POINT (1 2 3 4)", "POINT Z (1 2 3)"),
    ("POINT EMPTY", "POINT EMPTY"), ("LINESTRINGM EMPTY", "LINESTRING EMPTY"),
    ("MULTIPOINT (1 2, 3 4)", "MULTIPOINT ((1 2), (3 4))"), ("MULTIPOINT ((1 2), EMPTY)", "MULTIPOINT ((1 2))"),
    ("LINESTRING (-.5 +1., 1e3 2E-2)", "LINESTRING (-0.5 1, 1000 0.02)"),
    (
      "POLYGON ((0 0, 1 0, 1 1, 0 0), (0.1 0.1, 0.2 0.1, 0.2 0.2, 0.1 0.1))",
      "POLYGON ((0 0, 1 0, 1 1, 0 0), (0.1 0.1, 0.2 0.1, 0.2 0.2, 0.1 0.1))"
    ),
    (
      "GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1)))",
      "GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1)))"
    ),
    ("POINT Z (1 2 NaN)", "POINT Z (1 2 NaN)"), ("POINT (-0.0 0)", "POINT (0 0)"),
  ])
  func spellings(text: String, expected: String) throws { #expect(try WKT.write(WKT.read(text)) == expected) }

  @Test(arguments: [
    ("", 0), ("POINT", 5), ("POINT (1)", 8), ("POINT (1 2", 10), ("POINT (1 2) x", 12), ("POINT (1 b)", 9),
    ("CIRCLE (1 2)", 0), ("LINESTRING (1 2)", 12), ("POLYGON ((0 0, 1 0, 1 1))", 10), ("POLYGON ((0 0, 1 1, 0 0))", 10),
    ("POINT (1e 2)", 8), ("POINT (1e999 2)", 7), ("POINT (nan 2)", 7), ("点 (1 2)", 0), ("POINT (1, 2)", 8),
    ("LINESTRING Z (1 2 3, 4 5)", 24), ("SRID=4326;POINT (1 2)", 0),
  ])
  func errorsPointAtTheirPlace(text: String, offset: Int) {
    let error = #expect(throws: GeometryReadError.self) { try WKT.read(text) }
    #expect(error?.offset == offset, "\(text): \(String(describing: error))")
  }

  @Test func deepNestingIsRefused() {
    let text = String(repeating: "GEOMETRYCOLLECTION (", count: 5_000)
    let error = #expect(throws: GeometryReadError.self) { try WKT.read(text) }
    #expect(error?.what.contains("nested") == true)
  }

  @Test func insideALongerText() throws {
    let text = Array("FIND x INSIDE POINT (1 2) AND y".utf8)
    try text.withUnsafeBufferPointer { bytes in
      var offset = 14
      let point = try WKT.read(bytes, from: &offset)
      #expect(point == .point(1, 2))
      #expect(offset == 25)
    }
  }

  @Test func hostileText() throws {
    for (i, geometry) in try samples(seed: 63, count: 30).enumerated() {
      damaged(Array(WKT.write(geometry).utf8), seed: UInt64(i)) { bytes in
        if let read = try? WKT.read(String(decoding: bytes, as: UTF8.self)) { #expect(isSound(read)) }
      }
    }
  }

  @Test func numbersAreExact() throws {
    var random = SplitMix64(seed: 64)
    for _ in 0..<5_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      let (near, x) = (Double.random(in: -1e7...1e7, using: &random), value == 0 ? 0 : value)
      #expect(try WKT.read(WKT.write(.point(x, near))) == .point(x, near))
      #expect(try WKT.read("POINT (\(x) \(near))") == .point(x, near))
    }
  }
}

@Suite("Numbers as text")
struct NumberTextTests {
  private func text(_ value: Double, _ decimals: Int? = nil) -> String {
    var bytes: [UInt8] = []
    NumberText.append(value, decimals: decimals, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func fixedDecimals() {
    #expect(text(113.65, 7) == "113.65" && text(-0.00000001, 7) == "0" && text(0.1234567891, 7) == "0.1234568")
    #expect(text(1, 7) == "1" && text(-12.5, 0) == "-13" && text(0.05, 1) == "0.1" && text(0.5, 3) == "0.5")
    #expect(text(1e15, 3) == "1000000000000000" && text(-100, 2) == "-100" && text(10.01, 2) == "10.01")
  }

  @Test func shortest() {
    #expect(text(0) == "0" && text(-0.0) == "0" && text(34.76) == "34.76" && text(5) == "5" && text(-5) == "-5")
    #expect(text(1e22) == "1e+22" && text(1e-7) == "1e-07" && text(0.1 + 0.2) == "0.30000000000000004")
  }

  @Test func roundsLikePrintf() {
    var random = SplitMix64(seed: 65)
    for _ in 0..<3_000 {
      let value = Double.random(in: -200...200, using: &random)
      #expect(abs(Double(text(value, 7))! - value) <= 0.5000001e-7)
    }
  }
}

@Suite("Well-known binary")
struct WKBTests {
  @Test func roundTrip() throws {
    for geometry in try samples(seed: 71) { #expect(try WKB.read(WKB.write(geometry)) == geometry) }
  }

  @Test func viewsWriteWhatGeometriesWrite() throws {
    for geometry in try samples(seed: 72, count: 50) where geometry.kind != .geometryCollection {
      var bytes: [UInt8] = []
      geometry.withView { WKB.append($0, to: &bytes) }
      #expect(bytes == WKB.write(geometry))
    }
  }

  @Test func bigEndianAndExtended() throws {
    // POINT Z (1 2 3) big-endian ISO, and EWKB little-endian with SRID 4326, Z and M.
    let big: [UInt8] = [
      0, 0, 0, 3, 0xE9, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 8, 0, 0, 0, 0, 0, 0,
    ]
    #expect(try WKB.read(big) == .point(1, 2, z: 3))
    var extended: [UInt8] = [1, 1, 0, 0, 0xE0, 0xE6, 0x10, 0, 0]
    for value in [1.0, 2, 3, 4] { extended.appendLittleEndian(value.bitPattern) }
    #expect(try WKB.read(extended) == .point(1, 2, z: 3))
  }

  @Test("ISO types: Z in the thousands, M in the two thousands, both in the three thousands; no others")
  func thousandsOfTypes() throws {
    for (code, count, z) in [(1, 2, nil), (1001, 3, 3), (2001, 3, nil), (3001, 4, 3)] as [(UInt32, Int, Double?)] {
      var bytes: [UInt8] = [1]
      bytes.appendLittleEndian(code)
      for value in [1.0, 2, 3, 4].prefix(count) { bytes.appendLittleEndian(value.bitPattern) }
      #expect(try WKB.read(bytes) == .point(1, 2, z: z), "\(code)")
    }
    for code: UInt32 in [0, 8, 1000, 3008, 4001, 0x0FFF_FFFF] {
      var bytes: [UInt8] = [1]
      bytes.appendLittleEndian(code)
      for value in [1.0, 2, 3, 4] { bytes.appendLittleEndian(value.bitPattern) }
      #expect(throws: GeometryReadError.self, "\(code)") { try WKB.read(bytes) }
    }
  }

  @Test func hostileBytes() throws {
    for (i, geometry) in try samples(seed: 73, count: 40).enumerated() {
      damaged(WKB.write(geometry), seed: UInt64(i)) { bytes in
        if let read = try? WKB.read(bytes) { #expect(isSound(read)) }
      }
    }
    // A collection of four thousand million members, and one nested without end.
    #expect(throws: GeometryReadError.self) { try WKB.read([1, 7, 0, 0, 0, 255, 255, 255, 255]) }
    let nested = [[UInt8]](repeating: [1, 7, 0, 0, 0, 1, 0, 0, 0], count: 10_000).flatMap { $0 }
    #expect(throws: GeometryReadError.self) { try WKB.read(nested) }
    #expect(throws: GeometryReadError.self) { try WKB.read(WKB.write(.point(1, 2)) + [0]) }
    #expect(throws: GeometryReadError.self) { try WKB.read(WKB.write(.point(.infinity, 2))) }
  }
}

@Suite("SpatiaLite blobs")
struct SpatiaLiteBlobTests {
  private func database() throws -> DatabaseQueue {
    let queue = try DatabaseQueue()
    try queue.inDatabase { db in
      sqlite3_enable_load_extension(db.sqliteConnection, 1)
      var message: UnsafeMutablePointer<CChar>? = nil
      let status = sqlite3_load_extension(db.sqliteConnection, "mod_spatialite", nil, &message)
      try #require(status == SQLITE_OK, "mod_spatialite: \(message.map { String(cString: $0) } ?? "")")
    }
    return queue
  }

  /// SpatiaLite's collections are flat, so only such are compared.
  private func flatSamples(seed: UInt64) throws -> [Geometry] {
    try samples(seed: seed).filter { geometry in
      !geometry.isEmpty && geometry.members.allSatisfy { $0.kind.single == nil && $0.kind != .geometryCollection }
    }
  }

  @Test func readsWhatItWrites() throws {
    var writer = SpatiaLiteBlob.Writer()
    var reused = Geometry(kind: .point)
    for geometry in try flatSamples(seed: 81) {
      guard let bytes = writer.encode(geometry, srid: 4547) else { throw GeometryReadError("empty", at: 0) }
      #expect(SpatiaLiteBlob.box(of: bytes) == geometry.box)
      #expect(try SpatiaLiteBlob.read(bytes, into: &reused) == 4547)
      if geometry.kind != .geometryCollection { #expect(reused == geometry) }
      #expect(SpatiaLiteBlob.write(geometry, srid: 4547) == Array(bytes))
    }
    for kind in GeometryKind.allCases { #expect(SpatiaLiteBlob.write(Geometry(kind: kind), srid: 1) == nil) }
  }

  @Test func spatiaLiteReadsWhatWeWrite() throws {
    try database().inDatabase { db in
      for geometry in try flatSamples(seed: 82) {
        let blob = try #require(SpatiaLiteBlob.write(geometry, srid: 4547))
        let row = try #require(
          try Row.fetchOne(
            db,
            sql: "SELECT AsBinary(?1) AS wkb, ST_SRID(?1) AS srid, CoordDimension(?1) AS dimension, ST_MinX(?1) AS x",
            arguments: [Data(blob)]))
        #expect(row["srid"] == 4547 && row["dimension"] == (geometry.hasZ ? "XYZ" : "XY"))
        #expect(row["x"] == geometry.box!.min[0])
        let wkb: Data = try #require(row["wkb"])
        let read = try WKB.read(Array(wkb))
        #expect(read.kind == geometry.kind)
        if geometry.kind != .geometryCollection { #expect(read == geometry) }
        // SpatiaLite keeps points, lines and polygons of a collection apart.
        let sorted = [GeometryKind.point, .lineString, .polygon].flatMap { kind in
          geometry.members.filter { $0.kind == kind }
        }
        #expect(read.members.map(\.xy) == sorted.map(\.xy))
      }
    }
  }

  @Test func weReadWhatSpatiaLiteWrites() throws {
    try database().inDatabase { db in
      for geometry in try flatSamples(seed: 83) where geometry.kind != .geometryCollection || !geometry.hasZ {
        let blob = try #require(
          try Data.fetchOne(db, sql: "SELECT GeomFromWKB(?, 4326)", arguments: [Data(WKB.write(geometry))]))
        let read = try SpatiaLiteBlob.read(Array(blob))
        #expect(read.geometry == geometry && read.srid == 4326)
        // Byte for byte the same, so that an edit by another tool and ours are one.
        #expect(SpatiaLiteBlob.write(geometry, srid: 4326) == Array(blob))
      }
    }
  }

  @Test func compressedAndTinyAndMeasured() throws {
    try database().inDatabase { db in
      for geometry in try flatSamples(seed: 84) where geometry.kind != .geometryCollection {
        let blob = try #require(
          try Data.fetchOne(
            db, sql: "SELECT CompressGeometry(GeomFromWKB(?, 4326))", arguments: [Data(WKB.write(geometry))]))
        let read = try SpatiaLiteBlob.read(Array(blob)).geometry
        #expect(read.ringOffsets == geometry.ringOffsets && read.partOffsets == geometry.partOffsets)
        #expect(zip(read.xy, geometry.xy).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(zip(read.z, geometry.z).allSatisfy { abs($0 - $1) < 1e-5 } && read.z.count == geometry.z.count)
      }
      let measured = [
        "POINT M (1 2 9)", "POINT ZM (1 2 3 9)", "LINESTRING ZM (0 0 1 9, 1 1 2 9, 2 0 3 9)",
        "MULTIPOLYGON M (((0 0 9, 1 0 9, 1 1 9, 0 0 9)))",
      ]
      for text in measured {
        for function in ["ST_GeomFromText(?, 3857)", "CompressGeometry(ST_GeomFromText(?, 3857))"] {
          let sql = text.replacing(" ZM ", with: "ZM").replacing(" M ", with: "M")
          let blob = try #require(try Data.fetchOne(db, sql: "SELECT " + function, arguments: [sql]))
          #expect(try SpatiaLiteBlob.read(Array(blob)).geometry == WKT.read(text))
        }
      }
      try db.execute(sql: "SELECT EnableTinyPoint()")
      for text in ["POINT(1 2)", "POINTZ(1 2 3)", "POINTM(1 2 3)", "POINTZM(1 2 3 4)"] {
        let blob = try #require(try Data.fetchOne(db, sql: "SELECT ST_GeomFromText(?, 4326)", arguments: [text]))
        #expect(blob.count <= 40)
        let read = try SpatiaLiteBlob.read(Array(blob))
        #expect(try read.geometry == WKT.read(text) && read.srid == 4326)
        #expect(blob.withUnsafeBytes { SpatiaLiteBlob.box(of: $0) } == Box2(1, 2, 1, 2))
      }
    }
  }

  @Test func heightsAndMultiOnDemand() throws {
    let (flat, high) = (Geometry.rectangle(Box2(0, 0, 1, 1)), Geometry.point(1, 2, z: 3))
    let multi = try SpatiaLiteBlob.read(#require(SpatiaLiteBlob.write(flat, srid: 1, asMulti: true))).geometry
    #expect(multi.kind == .multiPolygon && multi.xy == flat.xy)
    #expect(
      try SpatiaLiteBlob.read(#require(SpatiaLiteBlob.write(high, srid: 1, heights: .drop))).geometry == .point(1, 2))
    let raised = try SpatiaLiteBlob.read(#require(SpatiaLiteBlob.write(flat, srid: 1, heights: .require))).geometry
    #expect(raised.z.count == 5 && raised.z.allSatisfy(\.isNaN))
    let nested = Geometry(
      kind: .geometryCollection, members: [Geometry(kind: .geometryCollection, members: [flat, high])])
    #expect(try SpatiaLiteBlob.read(#require(SpatiaLiteBlob.write(nested, srid: 1))).geometry.members.count == 2)
  }

  @Test func bigEndian() throws {
    var bytes: [UInt8] = [0, 0]
    func put(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.bigEndian) { bytes += $0 } }
    put(UInt32(4547))
    for value in [1.0, 2, 1, 2] { put(value.bitPattern) }
    bytes.append(0x7C)
    put(UInt32(1))
    for value in [1.0, 2] { put(value.bitPattern) }
    bytes.append(0xFE)
    let read = try SpatiaLiteBlob.read(bytes)
    #expect(read.geometry == .point(1, 2) && read.srid == 4547)
  }

  @Test func hostileBytes() throws {
    for (i, geometry) in try flatSamples(seed: 85).prefix(40).enumerated() {
      damaged(SpatiaLiteBlob.write(geometry, srid: 4547)!, seed: UInt64(i)) { bytes in
        if let read = try? SpatiaLiteBlob.read(bytes) { #expect(isSound(read.geometry)) }
        bytes.withUnsafeBytes { _ = SpatiaLiteBlob.box(of: $0) }
      }
    }
    let error = #expect(throws: GeometryReadError.self) { try SpatiaLiteBlob.read([UInt8]("GP".utf8)) }
    #expect(error?.offset == 0)
  }
}
