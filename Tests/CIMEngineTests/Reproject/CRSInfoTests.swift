import SpatialIndex
import Testing

@testable import CIMEngine

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
