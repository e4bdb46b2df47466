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

@Suite("Published test points")
struct PublishedPointTests {
  /// From PROJ's test/gie/epsg_no_grid.gie, axes in x, y order.
  @Test func epsg() throws {
    let utm = try CRSTransform.between(.epsg(4258), .epsg(25832)).apply(12, 55)
    #expect(abs(utm.x - 691_875.6321) < 1e-4 && abs(utm.y - 6_098_907.8250) < 1e-4)
    let finland = try CRSTransform.between(.epsg(4123), .epsg(2393)).apply(24.9384, 60.1699)
    #expect(abs(finland.x - 3_385_559.8151) < 1e-4 && abs(finland.y - 6_674_944.7742) < 1e-4)
  }

  static let realdata = ProcessInfo.processInfo.environment["CIMQ_REALDATA"]

  private func points(_ name: String) throws -> [(accept: [Double], expect: [Double], tolerance: Double)] {
    let path = try #require(Self.realdata) + "/crs/gigs/" + name
    var result: [(accept: [Double], expect: [Double], tolerance: Double)] = []
    var (tolerance, accept, isInverse) = (0.0, [Double](), false)
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let words = line.split(separator: " ")
      switch words.first {
      case "direction": isInverse = words[1] == "inverse"
      case "tolerance": tolerance = Double(words[1])!
      case "accept": accept = words.dropFirst().compactMap { Double($0) }
      case "expect" where !isInverse && words.count == 3 && abs(accept[0]) <= 180:
        result.append((accept, words.dropFirst().compactMap { Double($0) }, tolerance))
      default: break
      }
    }
    return result
  }

  /// GIGS 5101 part 4: our series with a false origin at the south pole, GRS80.
  @Test(.enabled(if: realdata != nil, "CIMQ_REALDATA names no folder"))
  func transverseMercator() throws {
    func projection(_ falseNorthing: Double) -> TransverseMercator {
      TransverseMercator(
        centralMeridian: -60, scale: 1, falseEasting: 5_500_000, falseNorthing: falseNorthing, ellipsoid: .cgcs2000)
    }
    let own = projection(projection(0).project(-60, 90).y)
    let points = try points("5101.4-jhs-etmerc.gie")
    #expect(points.count >= 8)
    for point in points {
      let (x, y) = own.project(point.accept[0], point.accept[1])
      #expect(abs(x - point.expect[0]) < point.tolerance && abs(y - point.expect[1]) < point.tolerance)
    }
  }

  /// GIGS 5102: a Lambert conic through PROJ.
  @Test(.enabled(if: realdata != nil, "CIMQ_REALDATA names no folder"))
  func lambertConic() throws {
    let transform = try CRSTransform.between(.epsg(4230), .epsg(2192))
    let points = try points("5102.1.gie")
    #expect(points.count >= 8)
    for point in points {
      let (x, y) = try transform.apply(point.accept[0], point.accept[1])
      #expect(abs(x - point.expect[0]) < point.tolerance && abs(y - point.expect[1]) < point.tolerance)
    }
  }
}
