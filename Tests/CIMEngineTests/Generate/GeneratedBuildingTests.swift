import Testing

@testable import CIMEngine

@Suite("Generator: buildings and units")
struct GeneratedBuildingTests {
  private struct Directed: Hashable {
    var from: Int
    var to: Int
  }

  private let city = GeneratedCity.shared

  @Test("Every solid is closed, oriented outwards and uses every vertex")
  func solids() {
    #expect(city.buildings.count == city.counts.building)
    for building in city.buildings {
      var used = Set<Int>()
      for solid in building.solids {
        var edges: [Directed: Int] = [:]
        var sixVolume = 0
        for face in solid.faces {
          for ring in face {
            used.formUnion(ring)
            for (i, v) in ring.enumerated() {
              edges[Directed(from: v, to: ring[(i + 1) % ring.count]), default: 0] += 1
            }
            // Divergence theorem over a fan from the first vertex, relative to the first vertex of the feature.
            for i in ring.indices.dropFirst().dropLast() {
              sixVolume += building.determinant(ring[0], ring[i], ring[i + 1])
            }
          }
        }
        #expect(edges.values.allSatisfy { $0 == 1 }, "\(building.id) LoD \(solid.lod): an edge is used twice")
        #expect(
          edges.keys.allSatisfy { edges[Directed(from: $0.to, to: $0.from)] == 1 },
          "\(building.id) LoD \(solid.lod) is open")
        #expect(sixVolume > 0, "\(building.id) LoD \(solid.lod) is inside out")
        #expect(solid.semantics.count == solid.faces.count)
        #expect(solid.semantics.contains(0) && solid.semantics.contains(1) && solid.semantics.contains(2))
      }
      #expect(used.count == building.vertices.count, "\(building.id) has vertices that nothing uses")
      #expect(Set(building.solids.map(\.lod)) == ["1.2", "2.2"])
      #expect(building.solids.count == (building.partCount == 0 ? 2 : 2 * building.partCount))
    }
  }

  @Test("Faces are flat to the millimetre, walls upright, ground level")
  func planes() {
    for building in city.buildings {
      for solid in building.solids {
        for (face, surface) in zip(solid.faces, solid.semantics) {
          let deviation = building.deviation(face)
          #expect(deviation < 1.0, "\(building.id): a face is \(deviation) mm off its plane")
          if surface == 0 { #expect(Set(face.joined().map { building.vertices[$0].z }).count == 1) }
        }
      }
    }
  }

  @Test("Height and ground are those of the solid")
  func heights() throws {
    for building in city.buildings {
      let low = building.vertices.map(\.z).min()!
      let high = building.vertices.map(\.z).max()!
      let ground = try #require(building.attributes["ground_z"] as? Double)
      let height = try #require(building.attributes["height"] as? Double)
      #expect(abs(Double(low) / 1_000 - ground) < 1e-9)
      #expect(abs(Double(high - low) / 1_000 - height) < 1e-9)
      #expect(building.attributes["floors"] as! Int >= 1)
    }
  }

  @Test("Roofs are flat and pitched, plans have yards, some buildings have parts")
  func variety() {
    #expect(city.buildings.contains { $0.footprints[0].count == 2 })
    #expect(city.buildings.contains { $0.partCount == 2 })
    #expect(city.buildings.contains { $0.solids.contains { $0.faces.contains { $0[0].count == 5 } } })
    #expect(city.buildings.contains { $0.solids.contains { $0.faces.contains { $0[0].count == 3 } } })
    #expect(city.buildings.contains { ($0.attributes["floors"] as! Int) > 20 })
  }

  @Test("Footprints keep clear of each other and of the streets")
  func footprints() {
    let odd = city.odd
    let regular = city.buildings.filter { !odd.contains($0.id) }
    for (i, a) in regular.enumerated() {
      for b in regular[(i + 1)...] where a.box.meets(b.box, within: 0) {
        #expect(!a.touches(b), "\(a.id) and \(b.id) overlap")
      }
      let outer = a.footprints.map { $0[0] }
      let homes = city.grids[2].filter { grid in outer.joined().allSatisfy { $0.isInside(grid.ring) } }
      #expect(homes.count == 1, "\(a.id) is not inside one grid")
      let clearance = outer.joined().map { corner in
        homes[0].ring.indices.map {
          corner.distance(toSegment: homes[0].ring[$0], homes[0].ring[($0 + 1) % homes[0].ring.count])
        }.min()!
      }.min()!
      #expect(clearance > 7, "\(a.id) stands in a street")
    }
  }

  @Test("Units stand on a floor inside their building")
  func units() throws {
    #expect(city.units.count == city.counts.unit)
    let byID = Dictionary(uniqueKeysWithValues: city.buildings.map { ($0.id, $0) })
    var basements = 0
    for unit in city.units {
      let building = try #require(byID[unit.building])
      #expect(
        building.footprints.contains { rings in
          unit.place.isInside(rings[0]) && !rings.dropFirst().contains { unit.place.isInside($0) }
        }, "\(unit.id) is outside \(building.id)")
      let ground = building.attributes["ground_z"] as! Double
      let height = building.attributes["height"] as! Double
      let (above, below) = (building.attributes["floors"] as! Int, building.attributes["floors_below"] as! Int)
      #expect(unit.floor != 0 && unit.floor <= above && unit.floor >= -below)
      #expect(unit.bottom < unit.top && unit.top <= ground + height + 1e-9)
      #expect(unit.bottom >= ground - Double(below) * 3.6 - 1e-9)
      #expect(unit.grid3.isEmpty)
      if unit.floor < 0 { basements += 1 }
    }
    #expect(basements > 0)
    #expect(Set(city.units.map(\.id)).count == city.units.count)
  }
}

extension GeneratedCity.Building {
  func determinant(_ a: Int, _ b: Int, _ c: Int) -> Int {
    let o = vertices[0]
    func p(_ i: Int) -> (Int, Int, Int) { (vertices[i].x - o.x, vertices[i].y - o.y, vertices[i].z - o.z) }
    let ((ax, ay, az), (bx, by, bz), (cx, cy, cz)) = (p(a), p(b), p(c))
    return ax * (by * cz - bz * cy) - ay * (bx * cz - bz * cx) + az * (bx * cy - by * cx)
  }

  /// Millimetres by which a vertex of a face lies off the plane of its outer ring (Newell's normal).
  func deviation(_ face: [[Int]]) -> Double {
    let o = vertices[face[0][0]]
    func p(_ i: Int) -> (Double, Double, Double) {
      (Double(vertices[i].x - o.x), Double(vertices[i].y - o.y), Double(vertices[i].z - o.z))
    }
    var n = (0.0, 0.0, 0.0)
    var middle = (0.0, 0.0, 0.0)
    for (i, v) in face[0].enumerated() {
      let (a, b) = (p(v), p(face[0][(i + 1) % face[0].count]))
      n.0 += (a.1 - b.1) * (a.2 + b.2)
      n.1 += (a.2 - b.2) * (a.0 + b.0)
      n.2 += (a.0 - b.0) * (a.1 + b.1)
      middle = (middle.0 + a.0, middle.1 + a.1, middle.2 + a.2)
    }
    let length = (n.0 * n.0 + n.1 * n.1 + n.2 * n.2).squareRoot()
    let count = Double(face[0].count)
    return face.joined().map { v in
      let q = p(v)
      let d = n.0 * (q.0 - middle.0 / count) + n.1 * (q.1 - middle.1 / count) + n.2 * (q.2 - middle.2 / count)
      return abs(d / length)
    }.max()!
  }

  struct Extent {
    var low: CityPoint
    var high: CityPoint
    func meets(_ other: Extent, within margin: Int) -> Bool {
      low.x <= other.high.x + margin && other.low.x <= high.x + margin && low.y <= other.high.y + margin
        && other.low.y <= high.y + margin
    }
  }

  var box: Extent {
    Extent(
      low: CityPoint(x: vertices.map(\.x).min()!, y: vertices.map(\.y).min()!),
      high: CityPoint(x: vertices.map(\.x).max()!, y: vertices.map(\.y).max()!))
  }

  /// Whether outer rings of two buildings cross, touch or contain each other. Exact: integers.
  func touches(_ other: GeneratedCity.Building) -> Bool {
    for a in footprints.map({ $0[0] }) {
      for b in other.footprints.map({ $0[0] }) {
        if a[0].isInside(b) || b[0].isInside(a) { return true }
        for i in a.indices {
          for j in b.indices where Self.cross(a[i], a[(i + 1) % a.count], b[j], b[(j + 1) % b.count]) { return true }
        }
      }
    }
    return false
  }

  private static func cross(_ a: CityPoint, _ b: CityPoint, _ c: CityPoint, _ d: CityPoint) -> Bool {
    func side(_ p: CityPoint, _ q: CityPoint, _ r: CityPoint) -> Int {
      ((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x)).signum()
    }
    return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0
  }
}
