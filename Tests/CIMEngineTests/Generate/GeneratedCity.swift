import Foundation
import TestSupport
import Testing

@testable import CIMEngine

/// A small city generated once for all tests, read back from its files.
final class GeneratedCity: @unchecked Sendable {
  static let shared = try! GeneratedCity(scale: 0.0005, seed: 20_220_810)

  private let scratch = ThrowawayFolder()
  var folder: String { scratch.path }
  let counts: CityCounts
  let answers: [String: Any]
  let buildings: [Building]
  let units: [Unit]
  /// People by unit.
  let people: [String: Int]
  let grids: [[Grid]]

  struct Grid {
    var code: String
    var parent: String
    /// Millimetres, not closed.
    var ring: [CityPoint]
  }

  struct Solid {
    var lod: String
    /// Faces, each with its rings of vertex numbers.
    var faces: [[[Int]]]
    var semantics: [Int]
  }

  struct Building {
    var id: String
    var attributes: [String: Any]
    var partCount: Int
    var vertices: [(x: Int, y: Int, z: Int)]
    var solids: [Solid]
    /// Rings of the ground faces at LoD 1.2, one list for each part.
    var footprints: [[[CityPoint]]]
  }

  struct Unit {
    var id: String
    var building: String
    var floor: Int
    var place: CityPoint
    var bottom: Double
    var top: Double
    var grid3: String
  }

  init(scale: Double, seed: UInt64) throws {
    let folder = scratch.path
    let generator = try CityGenerator(scale: scale, seed: seed)
    counts = generator.counts
    try generator.write(to: folder)
    answers = try GeneratedCity.object(folder + "/datasets/answers.json")
    buildings = try GeneratedCity.readBuildings(folder)
    units = try GeneratedCity.readUnits(folder)
    var people: [String: Int] = [:]
    for row in try GeneratedCity.rows(folder, layer: "person") { people[row["unit"]!, default: 0] += 1 }
    self.people = people
    grids = try ["grid1", "grid2", "grid3"].map { name in
      try GeneratedCity.features(folder + "/datasets/\(name).geojson").map { feature in
        let properties = feature["properties"] as! [String: Any]
        let geometry = feature["geometry"] as! [String: Any]
        let rings = geometry["coordinates"] as! [[[Double]]]
        return Grid(
          code: feature["id"] as! String, parent: properties["parent"] as! String,
          ring: rings[0].dropLast().map { GeneratedCity.millimetres($0[0], $0[1]) })
      }
    }
  }

  // MARK: Reading

  static func millimetres(_ x: Double, _ y: Double) -> CityPoint {
    CityPoint(x: Int((x * 1_000).rounded()), y: Int((y * 1_000).rounded()))
  }

  static func object(_ path: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as! [String: Any]
  }

  static func lines(_ path: String) throws -> [Substring] {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self).split(separator: "\n")
  }

  static func features(_ path: String) throws -> [[String: Any]] {
    if path.hasSuffix("l") {
      return try lines(path).map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any] }
    }
    return try object(path)["features"] as! [[String: Any]]
  }

  static func files(_ folder: String) throws -> [[String: Any]] {
    try object(folder + "/cimq.json")["files"] as! [[String: Any]]
  }

  /// Rows of all csv files of a layer, as the manifest lists them.
  static func rows(_ folder: String, layer: String) throws -> [[String: String]] {
    var result: [[String: String]] = []
    for file in try files(folder + "/datasets")
    where file["layer"] as? String == layer && file["format"] as? String == "csv" {
      let all = try lines(folder + "/datasets/" + (file["path"] as! String))
      let names = all[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      for line in all.dropFirst() {
        let values = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        #expect(values.count == names.count, "\(file["path"]!): \(line)")
        result.append(Dictionary(uniqueKeysWithValues: zip(names, values)))
      }
    }
    return result
  }

  private static func readBuildings(_ folder: String) throws -> [Building] {
    var result: [Building] = []
    for file in try files(folder + "/tiles") {
      let all = try lines(folder + "/tiles/" + (file["path"] as! String))
      let header = try JSONSerialization.jsonObject(with: Data(all[0].utf8)) as! [String: Any]
      let transform = header["transform"] as! [String: Any]
      let translate = (transform["translate"] as! [Double]).map { Int($0 * 1_000) }
      for line in all.dropFirst() {
        let feature = try JSONSerialization.jsonObject(with: Data(line.utf8)) as! [String: Any]
        result.append(readBuilding(feature, translate))
      }
    }
    return result
  }

  private static func readBuilding(_ feature: [String: Any], _ translate: [Int]) -> Building {
    let id = feature["id"] as! String
    let objects = feature["CityObjects"] as! [String: [String: Any]]
    let vertices = (feature["vertices"] as! [[Int]]).map {
      (x: $0[0] + translate[0], y: $0[1] + translate[1], z: $0[2] + translate[2])
    }
    var building = Building(
      id: id, attributes: objects[id]!["attributes"] as! [String: Any], partCount: objects.count - 1,
      vertices: vertices, solids: [], footprints: [])
    for key in objects.keys.sorted() {
      for geometry in objects[key]!["geometry"] as? [[String: Any]] ?? [] {
        let shells = geometry["boundaries"] as! [[[[Int]]]]
        let semantics = geometry["semantics"] as! [String: Any]
        let solid = Solid(
          lod: geometry["lod"] as! String, faces: shells[0], semantics: (semantics["values"] as! [[Int]])[0])
        building.solids.append(solid)
        if solid.lod == "1.2" {
          for (face, surface) in zip(solid.faces, solid.semantics) where surface == 0 {
            building.footprints.append(face.map { $0.map { CityPoint(x: vertices[$0].x, y: vertices[$0].y) } })
          }
        }
      }
    }
    return building
  }

  private static func readUnits(_ folder: String) throws -> [Unit] {
    var result: [Unit] = []
    for row in try rows(folder, layer: "unit") {
      result.append(
        Unit(
          id: row["id"]!, building: row["building"]!, floor: Int(row["floor"]!)!,
          place: millimetres(Double(row["x"]!)!, Double(row["y"]!)!), bottom: Double(row["z_min"]!)!,
          top: Double(row["z_max"]!)!, grid3: row["grid3"]!))
    }
    for file in try files(folder + "/datasets")
    where file["layer"] as? String == "unit" && file["format"] as? String == "geojsonseq" {
      for feature in try features(folder + "/datasets/" + (file["path"] as! String)) {
        let p = feature["properties"] as! [String: Any]
        let c = (feature["geometry"] as! [String: Any])["coordinates"] as! [Double]
        let (x, y) = CityProjection().metres(c[0], c[1])
        result.append(
          Unit(
            id: feature["id"] as! String, building: p["building"] as! String, floor: p["floor"] as! Int,
            place: millimetres(x, y), bottom: p["z_min"] as! Double, top: p["z_max"] as! Double,
            grid3: p["grid3"] is NSNull ? "" : "?"))
      }
    }
    return result
  }

  /// Ids that answers.json names as odd.
  var odd: Set<String> { Set((answers["odd"] as! [[String: Any]]).map { $0["id"] as! String }) }
}
