import Foundation
import Testing

@testable import CIMEngine

/// answers.json against a recount from the files alone.
@Suite("Generator: answers")
struct AnswersTests {
  private let city = GeneratedCity.shared

  private func homes(of place: CityPoint) -> [String] {
    city.grids[2].filter { place.isInside($0.ring) }.map(\.code)
  }

  @Test("Units and people of every grid, of every level")
  func perGrid() throws {
    var (units, people): ([String: Int], [String: Int]) = ([:], [:])
    for unit in city.units where !city.odd.contains(unit.id) {
      let codes = homes(of: unit.place)
      #expect(codes.count == 1, "\(unit.id)")
      for length in [9, 12, 15] {
        units[String(codes[0].prefix(length)), default: 0] += 1
        people[String(codes[0].prefix(length)), default: 0] += city.people[unit.id] ?? 0
      }
    }
    for (level, grids) in zip(["grid1", "grid2", "grid3"], city.grids) {
      let entries = try #require(city.answers[level] as? [String: [String: Int]])
      #expect(Set(entries.keys) == Set(grids.map(\.code)))
      for (code, entry) in entries {
        #expect(entry["units"] == units[code] ?? 0, "\(code)")
        #expect(entry["people"] == people[code] ?? 0, "\(code)")
      }
    }
  }

  @Test("Odd places are exactly where they are said to be")
  func oddPlaces() throws {
    let odd = try #require(city.answers["odd"] as? [[String: Any]])
    let units = Dictionary(uniqueKeysWithValues: city.units.map { ($0.id, $0) })
    let rings = Dictionary(uniqueKeysWithValues: city.grids[2].map { ($0.code, $0.ring) })
    var kinds = Set<String>()
    for entry in odd where entry["layer"] as? String == "unit" {
      let unit = try #require(units[entry["id"] as! String])
      let place = GeneratedCity.millimetres(entry["x"] as! Double, entry["y"] as! Double)
      #expect(unit.place == place)
      #expect(city.people[unit.id] == entry["people"] as? Int)
      let kind = entry["kind"] as! String
      kinds.insert(kind)
      let touching = rings.filter { ring in
        ring.value.indices.contains { Self.lies(place, on: ring.value[$0], ring.value[($0 + 1) % ring.value.count]) }
      }
      switch kind {
      case "shared_edge", "shared_corner":
        #expect(touching.keys.sorted() == entry["grids"] as? [String])
        #expect(kind == "shared_edge" ? touching.count == 2 : touching.count >= 3)
        // Coordinates as a double holds them are the millimetres exactly.
        #expect(place.x % 250 == 0 && place.y % 250 == 0)
      default:
        #expect(touching.isEmpty && homes(of: place).isEmpty)
        let distances = rings.map { code, ring in
          (code, ring.indices.map { place.distance(toSegment: ring[$0], ring[($0 + 1) % ring.count]) }.min()!)
        }
        let nearest = distances.min { $0.1 < $1.1 }!
        #expect(nearest.0 == entry["nearest"] as? String)
        #expect(abs(nearest.1 - (entry["distance"] as! Double)) < 0.001)
        #expect(kind == "outside_within_30m" ? nearest.1 < 30 : nearest.1 > 30)
      }
    }
    #expect(kinds == ["shared_edge", "shared_corner", "outside_within_30m", "outside_beyond_30m"])
  }

  /// Exactly on the segment: integers.
  private static func lies(_ p: CityPoint, on a: CityPoint, _ b: CityPoint) -> Bool {
    (b.x - a.x) * (p.y - a.y) == (b.y - a.y) * (p.x - a.x) && min(a.x, b.x) <= p.x && p.x <= max(a.x, b.x)
      && min(a.y, b.y) <= p.y && p.y <= max(a.y, b.y)
  }

  @Test("Units below the water of every flood")
  func floods() throws {
    let entries = try #require(city.answers["floods"] as? [[String: Any]])
    var below = 0
    for feature in try GeneratedCity.features(city.folder + "/datasets/flood.geojson") {
      let entry = try #require(entries.first { $0["id"] as? String == feature["id"] as? String })
      let coordinates = (feature["geometry"] as! [String: Any])["coordinates"] as! [[[Double]]]
      let ring = coordinates[0].dropLast().map { GeneratedCity.millimetres($0[0], $0[1]) }
      let water = (feature["properties"] as! [String: Any])["water_z"] as! Double
      #expect(water == entry["water_z"] as? Double)
      let inside = city.units.filter { $0.place.isInside(ring) }
      let wet = inside.filter { $0.bottom < water }
      #expect(entry["units_inside"] as? Int == inside.count)
      #expect(entry["units_below"] as? Int == wet.count)
      #expect(entry["people_below"] as? Int == wet.reduce(0) { $0 + (city.people[$1.id] ?? 0) })
      below += wet.count
    }
    #expect(below > 0)
  }

  @Test("The nearest shelters of every point")
  func shelters() throws {
    let shelters = try GeneratedCity.features(city.folder + "/datasets/shelter.geojson").map { feature in
      let c = (feature["geometry"] as! [String: Any])["coordinates"] as! [Double]
      return (id: feature["id"] as! String, at: CityProjection().metres(c[0], c[1]))
    }
    let entries = try #require(city.answers["nearest_shelters"] as? [[String: Any]])
    #expect(entries.count >= 5)
    for entry in entries {
      var (longitude, latitude) = (entry["lon"] as! Double, entry["lat"] as! Double)
      if entry["crs"] as? String == "GCJ02" {
        (longitude, latitude) = OffsetSystems.wgs84(fromGCJ02: longitude, latitude)
      }
      let here = CityProjection().metres(longitude, latitude)
      let ranked = shelters.map { shelter -> (String, Double) in
        let (dx, dy) = (shelter.at.0 - here.0, shelter.at.1 - here.1)
        return (shelter.id, (dx * dx + dy * dy).squareRoot())
      }.sorted { $0.1 < $1.1 }.prefix(5)
      let listed = try #require(entry["shelters"] as? [[String: Any]])
      #expect(listed.map { $0["id"] as! String } == ranked.map(\.0))
      for (a, b) in zip(listed, ranked) { #expect(abs((a["distance"] as! Double) - b.1) < 0.005) }
    }
  }

  @Test("Buildings within 500 m of hazard HZ-0231")
  func aroundHazard() throws {
    let features = try GeneratedCity.features(city.folder + "/datasets/hazard.geojson")
    let feature = try #require(features.first { $0["id"] as? String == "HZ-0231" })
    let c = (feature["geometry"] as! [String: Any])["coordinates"] as! [Double]
    let (x, y) = CityProjection().metres(c[0], c[1])
    let place = GeneratedCity.millimetres(x, y)
    let near = city.buildings.filter { building in
      building.footprints.contains { rings in
        let outside = !place.isInside(rings[0]) || rings.dropFirst().contains { place.isInside($0) }
        if !outside { return true }
        return rings.contains { ring in
          ring.indices.contains { place.distance(toSegment: ring[$0], ring[($0 + 1) % ring.count]) <= 500 }
        }
      }
    }
    let entries = try #require(city.answers["within"] as? [[String: Any]])
    #expect(entries[0]["count"] as? Int == near.count && near.count > 0)
    #expect(near.contains { ($0.attributes["floors"] as! Int) > 6 })
  }
}
