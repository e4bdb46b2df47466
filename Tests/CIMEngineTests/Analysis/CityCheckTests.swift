import Foundation
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Checks of a city")
struct CityCheckTests {
  private func findings(_ city: LinkCity, _ question: SoundnessCheck.Question) throws -> SoundnessCheck {
    try SoundnessCheck.run(city.path, [question])
  }

  @Test("grids that are a partition pass")
  func soundGrids() throws {
    let city = try LinkCity(seed: 1, units: 5, hole: false)
    let report = try findings(city, .grids)
    #expect(report.errors.isEmpty && report.warnings.isEmpty, "\(report.lines)")
  }

  @Test("a gap, an overlap, a sliver and codes that disagree are found, with codes and areas")
  func badGrids() throws {
    let city = try LinkCity(seed: 2, units: 5)
    let (first, second) = (city.grids[0], city.grids[20])
    let place = first.geometry.withView { $0.placePoint()! }
    let (x, y) = (place.x, place.y)
    try city.sql(
      """
      INSERT INTO grid3 (id, code, parent, geom) VALUES ('G-a', '4100x', '4100',
        GeomFromText('POLYGON((\(x) \(y), \(x + 5) \(y), \(x + 5) \(y + 2), \(x) \(y + 2), \(x) \(y)))', 4547));
      INSERT INTO grid3 (id, code, parent, geom) VALUES ('G-b', '4100y', '4100',
        GeomFromText('POLYGON((\(x) \(y - 9), \(x + 5) \(y - 9), \(x + 5) \(y - 8.99), \(x) \(y - 8.99), \(x) \(y - 9)))', 4547));
      UPDATE grid3 SET parent = '4122' WHERE code = '\(second.code)' AND parent <> '4122';
      """)
    let report = try findings(city, .grids)
    let all = report.errors + report.warnings
    #expect(all.contains { $0.contains("4100x") && $0.contains("overlap by 10.0 m²") && $0.contains(first.code) })
    #expect(report.warnings.contains { $0.contains("4100y") && $0.contains("sliver") })
    #expect(report.errors.contains { $0.contains("a gap of") && $0.hasPrefix("grid3") })
    if second.parent != "4122" {
      #expect(
        report.errors.contains {
          $0.contains("\(second.code): the code begins like \(second.parent), the parent column says 4122")
            && $0.contains("it lies in \(second.parent)")
        })
    }
    #expect(report.warnings.contains { $0.hasPrefix("grid2") && $0.contains("not covered by its `grid3`") })
  }

  /// Buildings in a row of rows, and points in each of them, the points read with another tag than they have.
  private func shifted(really: CRS?, readAs: CRS?) throws -> [String] {
    let folder = ThrowawayFolder()
    let path = folder.file("city.sqlite")
    let store = try Store.create(path, workingCRS: .epsg(4547))
    var random = SplitMix64(seed: 5)
    try store.write { writer in
      let building = try writer.createLayer(
        "building", columns: [Catalog.Column(name: "use", type: .text)], geometry: .init(kind: .polygon))
      let sensor = try writer.createLayer(
        "sensor", columns: [Catalog.Column(name: "kind", type: .text)], geometry: .init(kind: .point))
      let buildings = try TableWriter(building, isNew: true, conflict: .fail, in: writer.connection)
      let sensors = try TableWriter(sensor, isNew: true, conflict: .fail, in: writer.connection)
      try buildings.begin(columns: [1])
      try sensors.begin(columns: [1])
      for i in 0..<400 {
        let (x, y) = (
          463_000 + Double(i % 20) * 61 + Double.random(in: -15...15, using: &random),
          3_846_000 + Double(i / 20) * 67 + Double.random(in: -15...15, using: &random)
        )
        _ = try buildings.insert(
          Feature(
            id: "B-\(i)", values: [.text("x")], geometry: .rectangle(Box2(x, y, x + 12, y + 9)), place: .feature(i)),
          path: "t")
        if i % 4 != 0 { continue }
        var point = (x: x + 6, y: y + 4)
        if let really, let readAs {
          let file = try CRSTransform.between(.epsg(4547), really).apply(point.x, point.y)
          point = try CRSTransform.between(readAs, .epsg(4547)).apply(file.x, file.y)
        }
        _ = try sensors.insert(
          Feature(id: "S-\(i)", values: [.text("x")], geometry: .point(point.x, point.y), place: .feature(i)),
          path: "t")
      }
      try buildings.finish(position: 0)
      try sensors.finish(position: 1)
    }
    try store.finishCreation()
    return try SoundnessCheck.run(path, [.crs]).warnings.filter { $0.hasPrefix("sensor") }
  }

  @Test(
    "a layer that was tagged wrongly is named, with what it really is",
    arguments: [
      (CRS.gcj02, CRS.wgs84, "GCJ02", "WGS 84"), (.bd09, .wgs84, "BD09", "WGS 84"), (.wgs84, .gcj02, "WGS84", "GCJ-02"),
      (.wgs84, .bd09, "WGS84", "BD-09"), (.gcj02, .bd09, "GCJ02", "BD-09"), (.bd09, .gcj02, "BD09", "GCJ-02"),
    ])
  func wrongTag(really: CRS, readAs: CRS, name: String, tag: String) throws {
    let warnings = try shifted(really: really, readAs: readAs)
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("probably \(name), read as \(tag)") == true, "\(warnings)")
  }

  @Test func rightTagPasses() throws {
    #expect(try shifted(really: nil, readAs: nil).isEmpty)
  }
}
