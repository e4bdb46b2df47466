import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Distances in a database in degrees, against PROJ's geodesics asked for each pair (the engine's own are Vincenty's).
@Suite("Geographic databases")
struct GeographicTests {
  static let points: [(String, Double, Double)] = {
    var random = SplitMix64(seed: 77)
    return (0..<300).map { i in
      switch i % 3 {
      case 0: ("P-\(i)", .random(in: 112...115, using: &random), .random(in: 33...36, using: &random))
      // On both sides of the antimeridian, and near a pole.
      case 1:
        (
          "P-\(i)",
          Bool.random(using: &random)
            ? .random(in: 177...180, using: &random) : .random(in: -180 ... -177, using: &random),
          .random(in: -19 ... -16, using: &random)
        )
      default: ("P-\(i)", .random(in: -180...180, using: &random), .random(in: 84...89, using: &random))
      }
    }
  }()
  /// Boxes and lines in Henan.
  static let shapes: [(String, Geometry)] = {
    var random = SplitMix64(seed: 78)
    return (0..<60).map { i in
      let (x, y) = (Double.random(in: 112...115, using: &random), Double.random(in: 33...36, using: &random))
      let (w, h) = (Double.random(in: 0.01...1.5, using: &random), Double.random(in: 0.01...0.8, using: &random))
      return ("A-\(i)", i % 2 == 0 ? .rectangle(Box2(x, y, x + w, y + h)) : .line([x, y, x + w, y + h, x + w, y]))
    }
  }()
  static let city = Result {
    try OracleDatabase(
      [
        MemorySource(
          "place.geojson", layer: "place", crs: .wgs84,
          points.map { Feature(id: $0.0, values: [], geometry: .point($0.1, $0.2), place: .line(1)) }),
        MemorySource(
          "area.geojson", layer: "area", crs: .wgs84,
          shapes.map { Feature(id: $0.0, values: [], geometry: $0.1, place: .line(1)) }),
      ], workingCRS: .wgs84)
  }

  private func metres(_ x: Double, _ y: Double, _ p: (String, Double, Double)) throws -> Double {
    try Geodesic.karney(x, y, p.1, p.2).distance
  }

  private static let centres = [(113.6, 34.7), (179.95, -17.5), (-179.9, -17), (40.0, 88.5), (113.0, 35.5)]

  @Test("WITHIN and NEAREST of points are PROJ's", arguments: 0..<5)
  func points(index: Int) throws {
    let city = try Self.city.get()
    let (x, y) = Self.centres[index]
    let all = try Self.points.map { (try metres(x, y, $0), $0.0) }.sorted { $0 < $1 }
    for reach in [20.0, 111.5, 400] {
      let rows = try city.rows("FIND place WITHIN \(reach) km OF AT(\(x), \(y)) RETURN id, distance ORDER BY distance")
      let wanted = all.filter { $0.0 <= reach * 1000 }
      #expect(rows.map { $0[0] } == wanted.map { .text($0.1) })
      for (row, one) in zip(rows, wanted) { #expect(abs(row[1].number! - one.0) < 1e-3) }
      let filter = "COUNT place WHERE S_DWITHIN(geom, POINT(\(x) \(y)), \(reach) km)"
      #expect(try city.rows(filter) == [[.int(Int64(wanted.count))]])
      let beyond = try city.rows("COUNT place BEYOND \(reach) km OF AT(\(x), \(y))")
      #expect(beyond == [[.int(Int64(all.count - wanted.count))]])
    }
    for count in [1, 3, 7] where all[count - 1].0 <= 500_000 {
      let rows = try city.rows("FIND place NEAREST \(count) TO AT(\(x), \(y)) RETURN id, distance")
      #expect(rows.map { $0[0] } == all.prefix(count).map { .text($0.1) })
    }
  }

  @Test func joinsOfPoints() throws {
    let city = try Self.city.get()
    var wanted: Set<String> = []
    for (i, a) in Self.points.enumerated() {
      for b in Self.points[..<i] where try metres(a.1, a.2, b) <= 40_000 {
        wanted.insert([a.0, b.0].sorted().joined(separator: " "))
      }
    }
    let rows = try city.rows("FIND place AS a JOIN place AS b ON WITHIN 40 km WHERE a.id < b.id RETURN a.id, b.id")
    #expect(rows.count == wanted.count && wanted.count > 50)
    for row in rows { #expect(wanted.contains("\(OracleDatabase.text(row[0])) \(OracleDatabase.text(row[1]))")) }

    let nearest = try city.rows(
      "FIND place AS a JOIN NEAREST 2 place AS b WITHIN 450 km RETURN a.id, b.id, distance ORDER BY a.id, distance")
    var expected: [(String, String, Double)] = []
    for a in Self.points.sorted(by: { $0.0 < $1.0 }) {
      let near = try Self.points.map { (try metres(a.1, a.2, $0), $0.0) }.sorted { $0 < $1 }
      expected += near.prefix(2).filter { $0.0 <= 450_000 }.map { (a.0, $0.1, $0.0) }
    }
    try #require(nearest.count == expected.count)
    for (row, one) in zip(nearest, expected) {
      #expect(row[0] == .text(one.0) && row[1] == .text(one.1) && abs(row[2].number! - one.2) < 1e-3)
    }
  }

  @Test("lines and polygons: the nearest place of many along their edges", arguments: 0..<4)
  func shapes(index: Int) throws {
    let city = try Self.city.get()
    let (x, y) = [(113.6, 34.7), (111.0, 32.0), (116.5, 35), (113.2, 36.9)][index]
    var all: [(metres: Double, id: String)] = []
    for (id, geometry) in Self.shapes {
      var best = geometry.intersects(.point(x, y)) ? 0 : Double.infinity
      if best > 0 {
        try geometry.withView { view in
          var edges = EdgeCursor(view)
          while let (v, w) = edges.next() {
            for i in 0...1_000 {
              let t = Double(i) / 1_000
              let px = view.xy[2 * v] + t * (view.xy[2 * w] - view.xy[2 * v])
              let py = view.xy[2 * v + 1] + t * (view.xy[2 * w + 1] - view.xy[2 * v + 1])
              best = min(best, try Geodesic.way(fromLongitude: x, latitude: y, toLongitude: px, latitude: py).distance)
            }
          }
        }
      }
      all.append((best, id))
    }
    all.sort { $0 < $1 }
    let rows = try city.rows("FIND area NEAREST 5 TO AT(\(x), \(y)) RETURN id, distance")
    for (row, one) in zip(rows, all) {
      // Samples lie up to 75 m beside the nearest place of the longest edge, which is millimetres farther away.
      #expect(abs(row[1].number! - one.metres) < 1 + one.metres * 1e-5, "\(row) \(one)")
    }
    let reach = (all[9].metres + all[10].metres) / 2
    #expect(try city.rows("COUNT area WITHIN \(reach) m OF AT(\(x), \(y))") == [[.int(10)]])
    // Every area lies within 500 km of the first place.
    if index == 0 {
      #expect(try city.rows("COUNT area WHERE DISTANCE(geom, POINT(\(x) \(y))) <= \(reach)") == [[.int(10)]])
    }
  }

  @Test("predicates work on degrees") func predicates() throws {
    let city = try Self.city.get()
    let inside = Self.points.filter { $0.1 >= 113 && $0.1 <= 114 && $0.2 >= 34 && $0.2 <= 35 }.count
    #expect(try city.rows("COUNT place INSIDE BBOX(113, 34, 114, 35)") == [[.int(Int64(inside))]])
    let across = Self.points.filter { $0.1 >= 178 || $0.1 <= -178 }.filter { $0.2 < 0 }.count
    #expect(try city.rows("COUNT place WHERE S_WITHIN(geom, BBOX(178, -90, -178, 0))") == [[.int(Int64(across))]])
  }

  @Test(
    "what is not measured is refused",
    arguments: [
      ("FIND place WITHIN 501 km OF AT(113, 34)", "500 km"), ("FIND place BEYOND 600 km OF AT(113, 34)", "500 km"),
      ("FIND place NEAREST 3 TO AT(0, 0)", "500 km"), ("FIND place NEAREST 3 TO AT(0, 0) WITHIN 2000 km", "500 km"),
      ("FIND place AS a JOIN place AS b ON WITHIN 900 km", "500 km"),
      ("FIND place AS a JOIN NEAREST 300 place AS b", "500 km"),
      ("FIND area AS a JOIN area AS b ON WITHIN 9 km", "measured from points"),
      ("FIND area RETURN DISTANCE(geom, POINT(0 0))", "500 km"), ("FIND area RETURN AREA(geom)", "database in degrees"),
      ("FIND area RETURN BUFFER(geom, 5 m)", "database in degrees"),
    ])
  func refused(text: String, part: String) throws {
    let city = try Self.city.get()
    do {
      _ = try city.rows(text)
      Issue.record("no error: \(text)")
    } catch let error as QueryError {
      #expect(error.message.contains(part), "\(error.message)")
    }
  }
}
