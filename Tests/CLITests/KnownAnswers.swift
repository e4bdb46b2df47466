import Foundation

/// What the generator wrote beside a city, worked out from how it placed things: `answers.json`.
struct KnownAnswers: Decodable {
  struct Place: Decodable {
    var buildings: Int
    var units: Int
    var people: Int
  }
  struct Odd: Decodable {
    var layer: String
    var id: String
    var kind: String
    var grids: [String]?
    var nearest: String?
    var distance: Double?
    var people: Int?
  }
  struct Nearest: Decodable {
    struct Shelter: Decodable {
      var id: String
      var distance: Double
    }
    var lon: Double
    var lat: Double
    var crs: String
    var shelters: [Shelter]
  }
  struct Flood: Decodable {
    var id: String
    var waterZ: Double
    var unitsInside: Int
    var unitsBelow: Int
    var peopleInside: Int
    var peopleBelow: Int
  }
  struct Within: Decodable {
    var layer: String
    var of: String
    var id: String
    var metres: Double
    var count: Int
  }
  var counts: [String: Int]
  var grid1: [String: Place]
  var grid2: [String: Place]
  var grid3: [String: Place]
  var district: [String: Place]
  var odd: [Odd]
  var nearestShelters: [Nearest]
  var floods: [Flood]
  var within: [Within]

  /// Of a generated city, by its folder.
  init(of city: URL) throws {
    let file = city.appendingPathComponent("datasets/answers.json")
    self = try Self.decoder.decode(Self.self, from: Data(contentsOf: file))
  }

  static func bundled() throws -> KnownAnswers { try KnownAnswers(of: Program.root) }

  /// `water_z` in JSON is `waterZ` here.
  static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}
