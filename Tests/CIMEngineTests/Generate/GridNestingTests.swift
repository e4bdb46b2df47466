import Testing

@testable import CIMEngine

@Suite("Generator: grids")
struct GridNestingTests {
  private struct Edge: Hashable {
    var from: CityPoint
    var to: CityPoint
    var reversed: Edge { Edge(from: to, to: from) }
  }

  private static func edges(_ ring: [CityPoint]) -> [Edge] {
    ring.indices.map { Edge(from: ring[$0], to: ring[($0 + 1) % ring.count]) }
  }

  private static func doubledArea(_ ring: [CityPoint]) -> Int {
    ring.indices.reduce(0) { sum, i in
      let (a, b) = (ring[i], ring[(i + 1) % ring.count])
      return sum + (a.x - ring[0].x) * (b.y - ring[0].y) - (b.x - ring[0].x) * (a.y - ring[0].y)
    }
  }

  /// Every edge of a level is used once; what its neighbour does not use the other way round is the outline of the
  /// parent, vertex by vertex. Areas in whole square millimetres add up exactly.
  @Test("Children tile their parent and share its vertices", arguments: [0.000_001, 0.0001, 0.0008, 0.0035, 0.02])
  func nests(scale: Double) {
    let partition = CityPartition(counts: CityCounts(scale: scale), seed: 11)
    let levels = [partition.level1, partition.level2, partition.level3]
    for (upper, lower) in zip(levels, levels.dropFirst()) {
      var children: [Int: [[CityPoint]]] = [:]
      for region in lower { children[region.parent, default: []].append(partition.outline(region.rect)) }
      for (i, region) in upper.enumerated() {
        let rings = children[i] ?? []
        let all = rings.flatMap(Self.edges)
        let unique = Set(all)
        #expect(unique.count == all.count)
        let outer = unique.filter { !unique.contains($0.reversed) }
        let outline = partition.outline(region.rect)
        #expect(outer == Set(Self.edges(outline)))
        #expect(rings.reduce(0) { $0 + Self.doubledArea($1) } == Self.doubledArea(outline))
        #expect(rings.allSatisfy { Self.doubledArea($0) > 0 })
      }
    }
    // Level-1 grids share their edges across districts too.
    let all = levels[0].flatMap { Self.edges(partition.outline($0.rect)) }
    #expect(Set(all).count == all.count)
  }

  @Test("Counts are exact and codes nest by prefix", arguments: [0.000_001, 0.001, 0.0035, 0.01, 0.05, 0.1])
  func countsAndCodes(scale: Double) {
    let counts = CityCounts(scale: scale)
    let partition = CityPartition(counts: counts, seed: 20_220_810)
    #expect(partition.level1.count == counts.grid1)
    #expect(partition.level2.count == counts.grid2)
    #expect(partition.level3.count == counts.grid3)
    for region in partition.level1 {
      #expect(region.code / 1_000 == partition.districts.all[region.parent].code)
    }
    for region in partition.level2 { #expect(region.code / 1_000 == partition.level1[region.parent].code) }
    for region in partition.level3 { #expect(region.code / 1_000 == partition.level2[region.parent].code) }
    #expect(Set(partition.level3.map(\.code)).count == counts.grid3)
    #expect(Set(partition.level2.map(\.code)).count == counts.grid2)
    #expect(partition.level3[partition.landmark].code == 410_105_003_012_007)
    #expect(partition.level3.allSatisfy { $0.rect.width >= 32 && $0.rect.height >= 32 })
  }

  @Test("Districts share their borders with each other and with the grids")
  func districtBorders() {
    let partition = CityPartition(counts: CityCounts(scale: 0.03), seed: 5)
    var all: [Edge] = []
    for district in partition.districts.all {
      for ring in district.rings { all += Self.edges(partition.outline(ring)) }
    }
    let unique = Set(all)
    #expect(unique.count == all.count)
    // Where a level-1 grid meets the border of its district it uses the district's edges.
    let grids = Set(partition.level1.flatMap { Self.edges(partition.outline($0.rect)) })
    for (i, region) in partition.level1.enumerated() {
      for (j, other) in partition.level1.enumerated() where i < j && region.parent != other.parent {
        for edge in Self.edges(partition.outline(region.rect))
        where Set(Self.edges(partition.outline(other.rect))).contains(edge.reversed) {
          #expect(unique.contains(edge) && unique.contains(edge.reversed))
        }
      }
    }
    #expect(!grids.isDisjoint(with: unique))
  }

  @Test("Coordinates of nodes are exact binary numbers")
  func lattice() {
    let partition = CityPartition(counts: CityCounts(scale: 0.001), seed: 3)
    for region in partition.level3 {
      for vertex in partition.outline(region.rect) { #expect(vertex.x % 500 == 0 && vertex.y % 500 == 0) }
    }
  }
}
