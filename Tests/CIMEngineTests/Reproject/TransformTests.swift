import Foundation
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// What PROJ itself says, past the engine's own kernels.
private func proj(_ from: CRS, _ to: CRS, _ x: Double, _ y: Double) throws -> (x: Double, y: Double) {
  var xy = [x, y]
  let pipeline = try PROJPipeline(from: from, to: to)
  _ = try xy.withUnsafeMutableBufferPointer { try pipeline.apply($0.baseAddress!, count: 1) }
  return (xy[0], xy[1])
}

@Suite("Transformations")
struct TransformTests {
  @Test func goldenPointOfZhengzhou() throws {
    let point = try CRSTransform.between(.wgs84, .epsg(4547)).apply(113.6, 34.75)
    #expect(abs(point.x - 463_373.915) < 1e-3 && abs(point.y - 3_846_931.204) < 1e-3)
    let prefixed = try CRSTransform.between(.cgcs2000, .epsg(4526)).apply(113.6, 34.75)
    #expect(abs(prefixed.x - 38_463_373.915) < 1e-3 && abs(prefixed.y - 3_846_931.204) < 1e-3)
    let back = try CRSTransform.between(.epsg(4547), .wgs84).apply(point.x, point.y)
    #expect(abs(back.x - 113.6) < 1e-12 && abs(back.y - 34.75) < 1e-12)
  }

  static let zones = Array(4491...4554) + [32601, 32631, 32648, 32649, 32650, 32660, 32701, 32733, 32756, 32760]

  /// Over the whole area of use, and a degree beyond it.
  @Test(arguments: zones)
  func zonesAgreeWithPROJ(code: Int) throws {
    let crs = CRS.epsg(code)
    let geographic: CRS = code < 32000 ? .cgcs2000 : .wgs84
    let area = try #require(KnownCRS.info(crs)?.areaOfUse)
    let (forward, inverse) = (try PROJPipeline(from: geographic, to: crs), try PROJPipeline(from: crs, to: geographic))
    var degrees: [Double] = []
    for i in 0...12 {
      for j in 0...12 {
        degrees.append(area.west - 1 + (area.east - area.west + 2) * Double(i) / 12)
        degrees.append(max(-89, area.south - 1) + (min(89, area.north + 1) - max(-89, area.south - 1)) * Double(j) / 12)
      }
    }
    var (own, theirs) = (degrees, degrees)
    try CRSTransform.between(geographic, crs).apply(&own)
    _ = try theirs.withUnsafeMutableBufferPointer { try forward.apply($0.baseAddress!, count: degrees.count / 2) }
    #expect(zip(own, theirs).allSatisfy { abs($0 - $1) < 1e-6 })
    try CRSTransform.between(crs, geographic).apply(&own)
    _ = try theirs.withUnsafeMutableBufferPointer { try inverse.apply($0.baseAddress!, count: degrees.count / 2) }
    // 1e-11 degrees are a micrometre. PROJ's longitudes may differ by a turn at the antimeridian.
    let agree = zip(own, theirs).allSatisfy { abs(($0 - $1).remainder(dividingBy: 360)) < 1e-11 }
    #expect(agree)
    let returned = zip(own, degrees).allSatisfy { abs(($0 - $1).remainder(dividingBy: 360)) < 1e-11 }
    #expect(returned)
  }

  @Test func wgs84AndCGCS2000AreOne() throws {
    #expect(try CRSTransform.between(.wgs84, .cgcs2000).isIdentity)
    #expect(try CRSTransform.between(.epsg(4979), .wgs84).isIdentity)
    #expect(try CRSTransform.between(.epsg(4547), .epsg(4547)).isIdentity)
    #expect(try CRSTransform.between(.epsg(28992), .epsg(28992)).isIdentity)
    let viaWGS84 = try CRSTransform.between(.wgs84, .epsg(4547)).apply(114, 35)
    let viaCGCS = try CRSTransform.between(.cgcs2000, .epsg(4547)).apply(114, 35)
    #expect(viaWGS84 == viaCGCS)
    let theirs = try proj(.wgs84, .epsg(4547), 114, 35)
    #expect(abs(theirs.x - viaWGS84.x) < 1e-6 && abs(theirs.y - viaWGS84.y) < 1e-6)
  }

  @Test func everythingElseGoesThroughPROJ() throws {
    // Amersfoort, from the definition of RD New; the compound system has it as its horizontal part.
    for crs in [CRS.epsg(28992), .epsg(7415)] {
      let centre = try CRSTransform.between(crs, .wgs84).apply(155_000, 463_000)
      #expect(abs(centre.x - 5.387638889) < 1e-3 && abs(centre.y - 52.156160556) < 1e-3)
    }
    let mercator = try CRSTransform.between(.epsg(4547), .epsg(3857)).apply(463_373.915, 3_846_931.204)
    #expect(abs(mercator.x - 12_645_894) < 10 && abs(mercator.y - 4_129_600) < 3_000)
    let offset = try CRSTransform.between(.gcj02, .epsg(3857)).apply(113.606, 34.749)
    let plain = try CRSTransform.between(.wgs84, .epsg(3857)).apply(113.606, 34.749)
    #expect(abs(offset.x - plain.x) > 300)
  }

  @Test func bulkEqualsSingle() throws {
    var random = SplitMix64(seed: 4)
    for (source, target) in [(CRS.gcj02, CRS.epsg(4547)), (.wgs84, .epsg(3857)), (.epsg(4547), .bd09)] {
      let transform = try CRSTransform.between(source, target)
      let points = (0..<1_500).map { _ in
        let degrees = (Double.random(in: 112.7...114.2, using: &random), Double.random(in: 34...35, using: &random))
        return source == .epsg(4547) ? (degrees.0 * 4_000, degrees.1 * 1e5) : degrees
      }
      var bulk = points.flatMap { [$0.0, $0.1] }
      try transform.apply(&bulk)
      for (i, point) in points.enumerated() where i % 7 == 0 {
        let single = try transform.apply(point.0, point.1)
        #expect(single == (bulk[2 * i], bulk[2 * i + 1]))
      }
    }
  }

  @Test func geometryKeepsItsHeights() throws {
    var geometry = Geometry(
      kind: .geometryCollection,
      members: [.point(113.6, 34.75, z: 88), .line([113.6, 34.75, 113.7, 34.75], z: [1, 2])])
    try CRSTransform.between(.wgs84, .epsg(4547)).apply(&geometry)
    #expect(geometry.members[0].z == [88] && geometry.members[1].z == [1, 2])
    #expect(abs(geometry.members[0].xy[0] - 463_373.915) < 1e-3)
  }

  @Test func refusesWhatLiesOutsideTheDomainAndNamesTheVertex() throws {
    for (source, target) in [(CRS.wgs84, CRS.epsg(4547)), (.wgs84, .epsg(28992)), (.gcj02, .epsg(4547))] {
      var xy = [Double](repeating: 52, count: 1_400)
      for i in stride(from: 0, to: xy.count, by: 2) { (xy[i], xy[i + 1]) = (113.6, 34.75) }
      (xy[1_202], xy[1_203]) = (34.75, 113.6)
      let error = #expect(throws: CRSError.self) { try CRSTransform.between(source, target).apply(&xy) }
      #expect(error?.vertex == 601)
      #expect(error?.message.contains("vertex 601 (34.75, 113.6)") == true)
      #expect(error?.message.contains("swapped") == true)
    }
    for bad in [Double.nan, .infinity, -.infinity] {
      for target in [CRS.wgs84, .epsg(4547), .epsg(28992), .bd09] {
        let error = #expect(throws: CRSError.self) { try CRSTransform.between(.wgs84, target).apply(bad, 34) }
        #expect(error?.message.contains("not finite") == true && error?.vertex == 0)
        var xy = [bad, 34]
        #expect(throws: CRSError.self) { try CRSTransform.between(.wgs84, target).apply(&xy) }
      }
    }
    #expect(throws: CRSError.self) { try CRSTransform.between(.epsg(4547), .wgs84).apply(38_463_373, 3_846_931) }
    #expect(throws: CRSError.self) { try CRSTransform.between(.wgs84, .epsg(4547)).apply(-73.9, 40.7) }
  }

  @Test func manyThreadsShareOneTransform() async throws {
    let transform = try CRSTransform.between(.epsg(28992), .wgs84)
    let expected = try transform.apply(155_000, 463_000)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<50 {
            var xy = [Double](repeating: 0, count: 200)
            for i in stride(from: 0, to: 200, by: 2) { (xy[i], xy[i + 1]) = (155_000, 463_000) }
            try transform.apply(&xy)
            if xy[0] != expected.x || xy[199] != expected.y { return false }
          }
          return true
        }
      }
      for try await result in group { #expect(result) }
    }
    #expect(try CRSTransform.between(.epsg(28992), .wgs84) === transform)
  }
}

@Suite("GCJ-02 and BD-09")
struct OffsetSystemTests {
  /// As in the vectors of googollee/eviltransform: latitude, longitude, then the same in GCJ-02.
  @Test(arguments: [
    (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215),
    (22.543847, 113.912316, 22.540796131694766, 113.9171774808363),
    (39.911954, 116.377817, 39.91334545536069, 116.38404722455657),
  ])
  func knownPoints(_ lat: Double, _ lon: Double, _ gcjLat: Double, _ gcjLon: Double) throws {
    let there = try CRSTransform.between(.wgs84, .gcj02).apply(lon, lat)
    #expect(abs(there.x - gcjLon) < 1e-6 && abs(there.y - gcjLat) < 1e-6)
    let back = try CRSTransform.between(.gcj02, .wgs84).apply(gcjLon, gcjLat)
    #expect(abs(back.x - lon) < 5e-6 && abs(back.y - lat) < 5e-6)
  }

  @Test func inverseIsExactAllOverChina() throws {
    var random = SplitMix64(seed: 9)
    for target in [CRS.gcj02, .bd09] {
      let (there, back) = (try CRSTransform.between(.wgs84, target), try CRSTransform.between(target, .wgs84))
      for i in 0..<4_000 {
        // 105° E is where the formula has a root of zero; the border of the box is left out.
        let x = i % 50 == 0 ? 105 + Double(i % 3 - 1) * 1e-9 : Double.random(in: 72.1...137.7, using: &random)
        let y = Double.random(in: 0.9...55.7, using: &random)
        let shifted = try there.apply(x, y)
        let metres = Geodesic.vincenty(x, y, shifted.x, shifted.y)?.distance ?? 0
        #expect(metres > 1 && metres < 3_000)
        let point = try back.apply(shifted.x, shifted.y)
        // A micrometre is 9e-12 degrees.
        #expect(abs(point.x - x) < 9e-12 && abs(point.y - y) < 9e-12)
      }
    }
  }

  @Test func identityOutsideChina() throws {
    for (x, y) in [(-104.9903, 39.7392), (153.0251, -27.4698), (-43.1729, -22.9068), (71.9, 40), (100, 0.5)] {
      for (source, target) in [(CRS.wgs84, CRS.gcj02), (.gcj02, .wgs84), (.wgs84, .bd09), (.bd09, .gcj02)] {
        #expect(try CRSTransform.between(source, target).apply(x, y) == (x, y))
      }
    }
  }

  @Test func shiftInZhengzhouIsOfTheKnownSize() throws {
    // Field measurements: GCJ-02 542–608 m, BD-09 1,223–1,347 m.
    var random = SplitMix64(seed: 10)
    for _ in 0..<500 {
      let (x, y) = (Double.random(in: 112.7...114.2, using: &random), Double.random(in: 34.2...35, using: &random))
      for (crs, range) in [(CRS.gcj02, 530.0...620), (.bd09, 1_200...1_370)] {
        let shifted = try CRSTransform.between(.wgs84, crs).apply(x, y)
        #expect(
          range.contains(
            try Geodesic.way(fromLongitude: x, latitude: y, toLongitude: shifted.x, latitude: shifted.y).distance))
      }
    }
  }

  @Test func composesWithProjections() throws {
    let wgs84 = try CRSTransform.between(.gcj02, .wgs84).apply(113.6562, 34.7588)
    let inTwo = try CRSTransform.between(.wgs84, .epsg(4547)).apply(wgs84.x, wgs84.y)
    #expect(try CRSTransform.between(.gcj02, .epsg(4547)).apply(113.6562, 34.7588) == inTwo)
    let back = try CRSTransform.between(.epsg(4547), .gcj02).apply(inTwo.x, inTwo.y)
    #expect(abs(back.x - 113.6562) < 1e-11 && abs(back.y - 34.7588) < 1e-11)
  }

  static let realdata = ProcessInfo.processInfo.environment["CIMQ_REALDATA"]

  @Test(.enabled(if: realdata != nil, "CIMQ_REALDATA names no folder"))
  func publishedVectors() throws {
    let path = try #require(Self.realdata) + "/crs/gcj02_vectors.tsv"
    var count = 0
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst() {
      let field = line.split(separator: "\t", omittingEmptySubsequences: false)
      let number = field[2...6].map { Double($0)! }
      let transform = try CRSTransform.between(#require(CRS(parsing: field[0])), #require(CRS(parsing: field[1])))
      let point = try transform.apply(number[1], number[0])
      // The BD-09 rows come from an implementation that has π where 3000 π / 180 belongs: some 40 m off.
      let tolerance = field[0] == "BD09" ? 5e-4 : number[4]
      #expect(abs(point.x - number[3]) <= tolerance && abs(point.y - number[2]) <= tolerance, "\(line)")
      count += 1
    }
    #expect(count >= 11)
  }
}

@Suite("Reference systems")
struct CRSInfoTests {
  @Test func builtInFactsAreThoseOfPROJ() throws {
    for code in [4326, 4490] + Array(4491...4554) + [32601, 32649, 32660, 32733] {
      let own = try #require(KnownCRS.info(.epsg(code)))
      let theirs = try CRSInfo.askPROJ(.epsg(code))
      #expect(own == theirs, "EPSG:\(code)")
    }
  }

  @Test func lookup() throws {
    let rd = try CRSInfo.lookup(.epsg(28992))
    #expect(rd.name == "Amersfoort / RD New" && rd.isProjected && rd.isMetric && rd.horizontal == .epsg(28992))
    let compound = try CRSInfo.lookup(.epsg(7415))
    #expect(compound.horizontal == .epsg(28992) && compound.vertical == .epsg(5709) && compound.epsgCode == 28992)
    #expect(try CRSInfo.lookup(.epsg(4979)).isGeographic && CRSInfo.lookup(.epsg(4258)).isGeographic)
    #expect(try CRSInfo.lookup(.gcj02).name == "GCJ-02")
    let feet = try CRSInfo.lookup(.epsg(2263))
    #expect(feet.isProjected && !feet.isMetric)
    let area = try #require(try CRSInfo.lookup(.epsg(3832)).areaOfUse)
    #expect(area.west > area.east && area.contains(179, 0) && area.contains(-179, 0) && !area.contains(0, 0))
  }

  @Test func unknownAndUnfitSystems() {
    func message(_ crs: CRS) -> String {
      do throws(CRSError) { return try CRSInfo.lookup(crs).name } catch { return error.message }
    }
    #expect(message(.epsg(45470)).contains("EPSG:4547"))
    #expect(message(.epsg(999_999)).contains("no coordinate reference system"))
    #expect(message(.epsg(5737)).contains("vertical"))
    #expect(message(.epsg(4978)).contains("geocentric"))
    #expect(message(CRS(authority: "EPSG", code: "")).contains("no coordinate reference system"))
    #expect(throws: CRSError.self) { try CRSTransform.between(.wgs84, .epsg(999_999)) }
    #expect(throws: CRSError.self) { try CRSTransform.between(.epsg(999_999), .epsg(999_999)) }
  }
}

@Suite("Choosing and checking a system")
struct WorkingCRSTests {
  @Test func zones() throws {
    let cases: [(Double, Double, Int)] = [
      (113.65, 34.76, 4547), (121.47, 31.23, 4549), (75.99, 39.47, 4534), (87.6, 43.8, 4538), (134.3, 48.36, 4554),
      (109.4, 18.25, 4545), (114.17, 22.3, 4547), (126.98, 37.57, 32652), (-73.9, 40.7, 32618), (4.3, 52.07, 32631),
      (151.2, -33.87, 32756), (179.9999, 10, 32660), (180, 10, 32660), (-180, 10, 32601), (105.85, 21.03, 32648),
    ]
    for (x, y, code) in cases {
      #expect(try WorkingCRS.zone(longitude: x, latitude: y).crs == .epsg(code), "\(x) \(y)")
    }
    #expect(throws: CRSError.self) { try WorkingCRS.zone(longitude: 0, latitude: 88) }
  }

  @Test func choice() throws {
    let box = Box2(113, 34, 114, 35)
    #expect(try WorkingCRS.choose(for: .wgs84, extent: box).crs == .epsg(4547))
    #expect(try WorkingCRS.choose(for: .gcj02, extent: box).crs == .epsg(4547))
    #expect(try WorkingCRS.choose(for: .epsg(4547), extent: nil).crs == .epsg(4547))
    #expect(try WorkingCRS.choose(for: .epsg(7415), extent: Box2(8e4, 4.5e5, 8.1e4, 4.6e5)).crs == .epsg(28992))
    let mercator = Box2(12_640_000, 4_120_000, 12_650_000, 4_130_000)
    #expect(try WorkingCRS.choose(for: .epsg(3857), extent: mercator).crs == .epsg(4547))
    let feet = Box2(980_000, 190_000, 1_000_000, 210_000)
    #expect(try WorkingCRS.choose(for: .epsg(2263), extent: feet).crs == .epsg(32618))
    #expect(throws: CRSError.self) { try WorkingCRS.choose(for: .wgs84, extent: nil) }
  }

  @Test func soundSourcesPass() throws {
    #expect(try SourceCheck.warning(extent: Box2(112.7, 34.2, 114.2, 35), crs: .wgs84, of: "a") == nil)
    #expect(try SourceCheck.warning(extent: Box2(4.2, 52, 4.4, 52.1), crs: .wgs84, of: "a") == nil)
    #expect(try SourceCheck.warning(extent: Box2(46e4, 384e4, 47e4, 385e4), crs: .epsg(4547), of: "a") == nil)
    #expect(try SourceCheck.warning(extent: Box2(8e4, 45e4, 9e4, 46e4), crs: .epsg(28992), of: "a") == nil)
    #expect(try SourceCheck.warning(extent: .empty, crs: .wgs84, of: "a") == nil)
  }

  @Test(arguments: [
    (Box2(34.2, 112.7, 35, 114.2), CRS.wgs84, "swapped"),
    (Box2(39.4, 75.9, 39.5, 76), .wgs84, "swapped"),
    (Box2(384e4, 46e4, 385e4, 47e4), .epsg(4547), "swapped"),
    (Box2(34.2, 112.7, 35, 114.2), .gcj02, "swapped"),
    (Box2(113, 34, 114, 35), .epsg(4547), "look like degrees"),
    (Box2(38_460_000, 384e4, 38_470_000, 385e4), .epsg(4547), "EPSG:4526"),
    (Box2(46e4, 384e4, 47e4, 385e4), .wgs84, "look like metres"),
    (Box2(4.2, 52, 4.4, 52.1), .cgcs2000, "lies outside the area of use"),
    (Box2(46e4, 384e4, 80e4, 385e4), .epsg(4547), "reaches beyond"),
  ])
  func doubtfulSourcesAreNamed(extent: Box2, crs: CRS, expected: String) throws {
    let text = try #require(try SourceCheck.warning(extent: extent, crs: crs, of: "shelters.csv"))
    #expect(text.hasPrefix("shelters.csv: ") && text.contains(expected), "\(text)")
  }
}

@Suite("Geodesics")
struct GeodesicTests {
  @Test func agreesWithPROJ() throws {
    var random = SplitMix64(seed: 6)
    for i in 0..<3_000 {
      let reach = [1e-6, 0.01, 5, 90][i % 4]
      let (x, y) = (Double.random(in: -180...180, using: &random), Double.random(in: -89...89, using: &random))
      let x2 = max(-180, min(180, x + Double.random(in: -reach...reach, using: &random)))
      let y2 = max(-90, min(90, y + Double.random(in: -reach...reach, using: &random)))
      let own = try Geodesic.way(fromLongitude: x, latitude: y, toLongitude: x2, latitude: y2)
      let theirs = try Geodesic.karney(x, y, x2, y2)
      #expect(abs(own.distance - theirs.distance) < 2e-4)
      if theirs.distance > 1 {
        #expect(abs((own.initialBearing - theirs.initialBearing).remainder(dividingBy: 360)) < 1e-4)
      }
    }
    #expect(try Geodesic.way(fromLongitude: 0, latitude: 0, toLongitude: 179.9, latitude: 0.1).distance > 19_900_000)
    #expect(
      try Geodesic.way(fromLongitude: 5, latitude: 5, toLongitude: 5, latitude: 5)
        == .init(distance: 0, initialBearing: 0))
    #expect(try Geodesic.way(fromLongitude: 179.9, latitude: 0, toLongitude: -179.9, latitude: 0).distance < 22_300)
    let east = try Geodesic.way(fromLongitude: 113, latitude: 0, toLongitude: 114, latitude: 0)
    #expect(abs(east.initialBearing - 90) < 1e-9 && abs(east.distance - 111_319.4908) < 1e-3)
  }
}
