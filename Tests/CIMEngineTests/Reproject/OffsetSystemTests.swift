import Foundation
import TestSupport
import Testing

@testable import CIMEngine

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
      // Forward, all have the same formula: 1e-6 m is 9e-12 degrees. The Shenzhen row is published to 1e-6 degrees only.
      let isExact = field[0] == "WGS84" && !field[7].hasPrefix("Shenzhen")
      let tolerance = field[0] == "BD09" ? 5e-4 : isExact ? 9e-12 : number[4]
      #expect(abs(point.x - number[3]) <= tolerance && abs(point.y - number[2]) <= tolerance, "\(line)")
      count += 1
    }
    #expect(count >= 11)
  }
}
