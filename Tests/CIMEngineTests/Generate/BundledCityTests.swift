import Foundation
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Bundled city")
struct BundledCityTests {
  /// The repository's top folder: this file is in Tests/CIMEngineTests/Generate.
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  @Test("tiles/ and datasets/ are what the generator makes")
  func upToDate() throws {
    let scratch = ThrowawayFolder()
    let folder = scratch.path
    try CityGenerator(scale: 0.0035, seed: CityGenerator.defaultSeed).write(to: folder)
    for name in ["tiles", "datasets"] {
      let made = try FileManager.default.contentsOfDirectory(atPath: folder + "/" + name).sorted()
      #expect(try FileManager.default.contentsOfDirectory(atPath: Self.root + "/" + name).sorted() == made)
      for file in made {
        let path = "/\(name)/\(file)"
        #expect(
          FileManager.default.contents(atPath: folder + path) == FileManager.default.contents(atPath: Self.root + path),
          "\(name)/\(file) differs: run `cimq generate DIR --scale 0.0035` and copy DIR/tiles and DIR/datasets")
      }
    }
  }

  @Test("a warning is named after its level")
  func warnings() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.root + "/datasets/warning.geojson"))
    let features = (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["features"] as? [[String: Any]]
    let colours = ["blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色"]
    #expect(features?.count == 5)
    for feature in features ?? [] {
      let properties = feature["properties"] as? [String: Any]
      let colour = (properties?["level"] as? String).flatMap { colours[$0] }
      #expect((properties?["name"] as? String)?.contains(colour ?? "?") == true, "\(properties ?? [:])")
    }
  }

  @Test("Together below 9 MB, no file over 2 MB")
  func size() throws {
    var total = 0
    for name in ["tiles", "datasets"] {
      for file in try FileManager.default.contentsOfDirectory(atPath: Self.root + "/" + name) {
        let path = Self.root + "/\(name)/\(file)"
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size < 2_000_000, "\(file)")
        total += size
      }
    }
    #expect(total < 9_000_000)
  }
}
