import Foundation
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Generator")
struct GeneratorTests {
  private let city = GeneratedCity.shared

  @Test("The full city has the counts of the real one")
  func fullCounts() throws {
    let counts = try CityGenerator(scale: 1).counts
    let expected: [String: Int] = [
      "district": 12, "grid1": 210, "grid2": 3_551, "grid3": 18_314, "grid_worker": 59_566, "building": 1_120_000,
      "unit": 5_220_000, "person": 11_640_000, "org": 450_000, "shelter": 1_323, "hazard": 481, "warehouse": 19,
      "team": 77, "warden": 38_899, "expert": 537, "plan": 11, "warning": 66,
    ]
    for layer in counts.layers { if let n = expected[layer.name] { #expect(layer.count == n, "\(layer.name)") } }
    #expect(expected.keys.allSatisfy { name in counts.layers.contains { $0.name == name } })
  }

  @Test("Smaller cities have max(5, round(scale * full))")
  func scaledCounts() throws {
    let counts = try CityGenerator(scale: 0.05).counts
    #expect(counts.grid1 == 11 && counts.grid2 == 178 && counts.grid3 == 916)
    #expect(counts.shelter == 66 && counts.warehouse == 5 && counts.plan == 5 && counts.district == 12)
    #expect(try CityGenerator(scale: 0.000_001).counts.building == 5)
  }

  @Test("Every file holds as many rows as the manifest says, every layer its count")
  func manifest() throws {
    var perLayer: [String: Int] = [:]
    for (name, folder) in [("datasets", city.folder + "/datasets"), ("tiles", city.folder + "/tiles")] {
      for file in try GeneratedCity.files(folder) {
        let path = folder + "/" + (file["path"] as! String)
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size == file["bytes"] as! Int, "\(path)")
        let count = file["count"] as! Int
        let rows: Int
        switch file["format"] as! String {
        case "geojson": rows = try GeneratedCity.features(path).count
        case "geojsonseq": rows = try GeneratedCity.lines(path).count
        default:
          // A csv has a header line, a tile as well.
          rows = try Data(contentsOf: URL(fileURLWithPath: path)).count { $0 == 0x0A } - 1
        }
        #expect(rows == count, "\(name): \(path)")
        perLayer[file["layer"] as! String, default: 0] += count
      }
    }
    for layer in city.counts.layers { #expect(perLayer[layer.name] == layer.count, "\(layer.name)") }
    #expect(perLayer["road"]! > 0)
    let root = try GeneratedCity.object(city.folder + "/cimq.json")
    #expect(root["folders"] as? [String] == ["tiles", "datasets"])
    #expect((root["notice"] as? String)?.contains("Synthetic") == true)
  }

  @Test("The mix of systems that bureaus send")
  func systems() throws {
    let files = try GeneratedCity.files(city.folder + "/datasets")
    #expect(Set(files.compactMap { $0["crs"] as? String }) == ["EPSG:4547", "EPSG:4490", "EPSG:4326", "GCJ02"])
    #expect(files.filter { $0["crs"] as? String == "GCJ02" }.count == 1)
    let chinese = files.filter { $0["encoding"] as? String == "GB18030" }
    #expect(chinese.count == 1)
    // 责任人 in GB18030, which is no UTF-8.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: city.folder + "/datasets/" + (chinese[0]["path"] as! String)))
    #expect(bytes.range(of: Data([0xD4, 0xF0, 0xC8, 0xCE, 0xC8, 0xCB])) != nil)
    #expect(String(data: bytes, encoding: .utf8) == nil)
  }

  @Test("Names that the documentation uses exist")
  func landmarks() throws {
    func ids(_ layer: String) throws -> [String] {
      try GeneratedCity.features(city.folder + "/datasets/\(layer).geojson").map { $0["id"] as! String }
    }
    #expect(try ids("grid3").contains("410105003012007"))
    #expect(try ids("hazard").contains("HZ-0231"))
    #expect(try ids("flood").contains("F-0720"))
    #expect(try ids("shelter").contains("S-0001"))
    #expect(try ids("district").count == 12)
    for layer in ["hazard", "flood", "shelter"] { #expect(try Set(ids(layer)).count == ids(layer).count) }
  }

  @Test("Rows name rows that exist")
  func links() throws {
    let units = Set(city.units.map(\.id))
    let people = try GeneratedCity.rows(city.folder, layer: "person")
    #expect(people.count == city.counts.person)
    #expect(people.allSatisfy { units.contains($0["unit"]!) && !$0["household"]!.isEmpty })
    #expect(people.allSatisfy { $0["phone"]!.isEmpty || $0["phone"]!.hasPrefix("000-") })
    #expect(Set(people.map { $0["id"]! }).count == people.count)
    let orgs = try GeneratedCity.rows(city.folder, layer: "org")
    #expect(orgs.count == city.counts.org && orgs.allSatisfy { units.contains($0["unit"]!) })
    let codes = Set(city.grids[2].map(\.code))
    for row in try GeneratedCity.rows(city.folder, layer: "grid_worker") { #expect(codes.contains(row["grid3"]!)) }
    for (upper, lower) in zip(city.grids, city.grids.dropFirst()) {
      let parents = Set(upper.map(\.code))
      #expect(lower.allSatisfy { parents.contains($0.parent) && $0.code.hasPrefix($0.parent) })
    }
  }

  @Test("The same scale and seed give the same bytes whatever the threads; another seed gives others")
  func deterministic() throws {
    func make(_ seed: UInt64, threads: Int) throws -> [String: Data] {
      let scratch = ThrowawayFolder()
      let folder = scratch.path
      _ = try CityGenerator(scale: 0.0002, seed: seed).write(to: folder, threads: threads)
      var result: [String: Data] = [:]
      for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
        result[path] = FileManager.default.contents(atPath: folder + "/" + path)
      }
      return result
    }
    let first = try make(7, threads: 1)
    #expect(try make(7, threads: 4) == first)
    #expect(try make(8, threads: 2) != first)
  }

  @Test("A second run in the same folder replaces the first and leaves other files alone")
  func again() throws {
    let scratch = ThrowawayFolder()
    let folder = scratch.path
    try CityGenerator(scale: 0.001, seed: 1).write(to: folder)
    _ = FileManager.default.createFile(atPath: folder + "/tiles/notes.txt", contents: Data("mine".utf8))
    try CityGenerator(scale: 0.0001, seed: 1).write(to: folder)
    let listed = Set(try GeneratedCity.files(folder + "/tiles").map { $0["path"] as! String })
    let found = Set(try FileManager.default.contentsOfDirectory(atPath: folder + "/tiles"))
    #expect(found == listed.union(["cimq.json", "index.json", "README.md", "notes.txt"]))
  }

  @Test("Refuses a scale, a disk and a folder that cannot be")
  func refusals() throws {
    for scale in [0, -1, 1.01, Double.nan, .infinity] {
      #expect { try CityGenerator(scale: scale) } throws: { ($0 as? StoreError)?.failureClass == .usage }
    }
    let plan = try CityGenerator(scale: 1).plan()
    #expect(plan.sourceBytes > 2_000_000_000 && plan.totalBytes > plan.sourceBytes)
    #expect { try CityGenerator.check(plan, free: plan.totalBytes - 1, directory: "big") } throws: { error in
      let error = error as? StoreError
      return error?.failureClass == .file && error?.message.contains("big") == true
    }
    #expect(throws: Never.self) { try CityGenerator.check(plan, free: plan.totalBytes, directory: "big") }
    #expect { try CityGenerator(scale: 0.0001).write(to: "/dev/null/city") } throws: {
      ($0 as? StoreError)?.failureClass == .file
    }
    #expect(try CityGenerator.freeBytes(at: city.folder + "/not/yet/there") > 0)
  }

  @Test("The estimate of the files is near the truth")
  func estimate() throws {
    let bytes = try ["tiles", "datasets"].reduce(0) { sum, folder in
      try GeneratedCity.files(city.folder + "/" + folder).reduce(sum) { $0 + ($1["bytes"] as! Int) }
    }
    let planned = try CityGenerator(scale: 0.0005, seed: 20_220_810).plan().sourceBytes
    #expect(Double(planned) > 0.8 * Double(bytes) && Double(planned) < 1.3 * Double(bytes))
  }
}
