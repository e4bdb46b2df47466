import Foundation
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite struct BuildingShapeTests {
  private let layer: SourceSurvey.Layer = {
    let columns = BuildingColumns.building.map(\.column)
    return SourceSurvey.Layer(name: "building", columns: columns, sourceNames: columns.map { _ in "" }, hasSolids: true)
  }()

  private func feature(_ solids: [SolidGeometry], id: String = "b", _ known: [String: Value] = [:]) -> Feature {
    Feature(
      id: id, values: layer.columns.map { known[$0.name] ?? .null }, geometry: nil, solids: solids, place: .object(id))
  }

  private func derive(_ solids: [SolidGeometry], _ known: [String: Value] = [:], geographic: Bool = false) throws
    -> Feature
  {
    var feature = feature(solids, known)
    try BuildingShape(layer: layer, isGeographic: geographic).derive(into: &feature)
    return feature
  }

  private func value(_ feature: Feature, _ column: String) -> Value {
    feature.values[layer.columns.firstIndex { $0.name == column }!]
  }

  /// A prism over a counter-clockwise outline (x0, y0, …, not closed), outward faces, floor first, roof second.
  private func prism(
    _ outline: [Double], _ z0: Double, _ z1: Double, object: String = "b", lod: String = "2.2", named: Bool = false
  ) -> SolidGeometry {
    var surfaces = Geometry(kind: .multiPolygon)
    let n = outline.count / 2
    func ring(_ points: [(Double, Double, Double)]) {
      let all = points + [points[0]]
      surfaces.appendPart(rings: [all.flatMap { [$0.0, $0.1] }], z: [all.map(\.2)])
    }
    let p = (0..<n).map { (outline[2 * $0], outline[2 * $0 + 1]) }
    ring(p.reversed().map { ($0.0, $0.1, z0) })
    ring(p.map { ($0.0, $0.1, z1) })
    for i in 0..<n {
      let (a, b) = (p[i], p[(i + 1) % n])
      ring([(a.0, a.1, z0), (b.0, b.1, z0), (b.0, b.1, z1), (a.0, a.1, z1)])
    }
    let names: [String?] = named ? ["GroundSurface", "RoofSurface"] + (0..<n).map { _ in "WallSurface" } : []
    return SolidGeometry(object: object, lod: lod, kind: "Solid", surfaces: surfaces, semantics: names)
  }

  private let square = [0.0, 0, 10, 0, 10, 20, 0, 20]

  @Test(arguments: [false, true])
  func boxGivesEverything(named: Bool) throws {
    let derived = try derive([prism(square, 110, 122, named: named)])
    #expect(derived.geometry?.kind == .multiPolygon)
    #expect(derived.geometry?.xy.count == 10)
    #expect(value(derived, "area") == .double(200))
    #expect(value(derived, "ground_z") == .double(110))
    #expect(value(derived, "height") == .double(12))
    #expect(value(derived, "roof_height") == .double(12))
    #expect(abs(value(derived, "volume").number! - 2_400) < 1e-9)
    #expect(value(derived, "floors") == .int(4))
    #expect(value(derived, "derived") == .text("footprint,area,ground_z,height,roof_height,volume,floors"))
    let ring = derived.geometry!
    #expect(ring.withView { $0.signedAreaOfFirstRing } > 0)
  }

  @Test func whatTheSourceSaysStays() throws {
    let derived = try derive([prism(square, 0, 30)], ["height": .double(29.5), "floors": .int(7)])
    #expect(value(derived, "height") == .double(29.5))
    #expect(value(derived, "floors") == .int(7))
    #expect(value(derived, "derived") == .text("footprint,area,ground_z,roof_height,volume"))
    #expect(value(try derive([prism(square, 0, 1)]), "floors") == .int(1))
    #expect(value(try derive([], ["height": .double(5)]), "derived") == .null)
  }

  @Test func degreesGiveNoMetres() throws {
    let derived = try derive([prism([113.6, 34.7, 113.7, 34.7, 113.7, 34.8], 0, 9)], geographic: true)
    #expect(value(derived, "area") == .null && value(derived, "volume") == .null)
    #expect(value(derived, "height") == .double(9))
  }

  @Test func highestSolidCountsAllPartsTogether() throws {
    let low = prism(square, 0, 5, lod: "1.2")
    let high = prism(square, 0, 9)
    #expect(value(try derive([low, high]), "height") == .double(9))
    // The building's own coarse block does not count beside its parts' finer ones.
    let parts = [
      prism([0, 0, 10, 0, 10, 10, 0, 10], 0, 6, object: "p1"),
      prism([10, 0, 20, 0, 20, 10, 10, 10], 1, 12, object: "p2"),
    ]
    let derived = try derive([prism([0, 0, 30, 0, 30, 30, 0, 30], 0, 50, lod: "1")] + parts)
    #expect(value(derived, "area") == .double(200))
    #expect(value(derived, "height") == .double(12))
    #expect(abs(value(derived, "volume").number! - 1_700) < 1e-9)
    #expect(derived.geometry?.partOffsets == [0, 1], "touching parts unite to one polygon")
  }

  @Test func overhangCountsOnlyWithoutNamedGround() throws {
    // A slab wider than its stem.
    let stem = prism([4, 4, 6, 4, 6, 6, 4, 6], 0, 10, object: "p1", named: true)
    let slab = prism([0, 0, 10, 0, 10, 10, 0, 10], 10, 12, object: "p2")
    #expect(value(try derive([stem, slab]), "area") == .double(100))
    #expect(value(try derive([stem]), "area") == .double(4))
  }

  @Test func surfacesWithoutSolid() throws {
    var box = prism(square, 3, 9)
    box.kind = "MultiSurface"
    let derived = try derive([box])
    #expect(value(derived, "area") == .double(200))
    #expect(value(derived, "volume") == .null)
    #expect(value(derived, "height") == .double(6))
    // LoD 0: a footprint and nothing else.
    var flat = Geometry(kind: .multiPolygon)
    flat.appendPart(rings: [[0, 0, 4, 0, 4, 4, 0, 0]], z: [[7, 7, 7, 7]])
    let outline = try derive([SolidGeometry(object: "b", lod: "0", kind: "MultiSurface", surfaces: flat)])
    #expect(value(outline, "area") == .double(8))
    #expect(value(outline, "ground_z") == .null)
    #expect(value(outline, "derived") == .text("footprint,area"))
  }

  @Test func openAndInvertedSolids() throws {
    let whole = prism(square, 0, 10)
    var inverted = whole
    // Turn every ring around.
    var turned = Geometry(kind: .multiPolygon)
    whole.surfaces.withView { view in
      for ring in view.rings {
        let v = view.vertices(ofRing: ring).reversed()
        turned.appendPart(rings: [v.flatMap { [view.xy[2 * $0], view.xy[2 * $0 + 1]] }], z: [v.map { view.z![$0] }])
      }
    }
    inverted.surfaces = turned
    #expect(abs(BuildingShape.volume(of: [inverted])! - 2_000) < 1e-9)
    #expect(value(try derive([inverted]), "area") == .double(200))
    var open = whole
    open.surfaces = Geometry(
      kind: .multiPolygon, xy: Array(whole.surfaces.xy[10...]), z: Array(whole.surfaces.z[5...]),
      ringOffsets: whole.surfaces.ringOffsets.dropFirst().map { $0 - 5 },
      partOffsets: whole.surfaces.partOffsets.dropFirst().map { $0 - 1 })
    #expect(BuildingShape.volume(of: [open]) == nil)
  }

  @Test func uprightSurfacesHaveNoFootprint() throws {
    var wall = Geometry(kind: .multiPolygon)
    wall.appendPart(rings: [[0, 0, 5, 0, 5, 0, 0, 0, 0, 0]], z: [[0, 0, 3, 3, 0]])
    let derived = try derive([SolidGeometry(object: "b", lod: "2", kind: "MultiSurface", surfaces: wall)])
    #expect(derived.geometry == nil)
    #expect(value(derived, "height") == .double(3))
  }

  /// Footprints of random blocks must be what GEOS makes of their outlines, valid and equal in area.
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func randomBlocksAgreeWithGEOS(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20 {
      var outlines = Geometry(kind: .multiPolygon)
      let solids = (0..<Int.random(in: 1...6, using: &random)).map { i in
        let (x, y) = (Double(Int.random(in: 0...30, using: &random)), Double(Int.random(in: 0...30, using: &random)))
        let (w, h) = (Double(Int.random(in: 1...20, using: &random)), Double(Int.random(in: 1...20, using: &random)))
        let outline = [x, y, x + w, y, x + w, y + h, x, y + h]
        outlines.appendPart(rings: [outline + [x, y]])
        return prism(
          outline, 0, Double.random(in: 1...50, using: &random), object: "p\(i)", named: Bool.random(using: &random))
      }
      let footprint = try #require(try BuildingShape.footprint(of: solids, object: "b"))
      let expected = try GEOSGeometry(outlines).unaryUnion().area()
      #expect(try GEOSGeometry(footprint).isValid())
      #expect(abs(try GEOSGeometry(footprint).area() - expected) < 1e-6)
      #expect(
        abs(
          BuildingShape.volume(of: solids)!
            - zip(solids, 0...).reduce(0) { total, entry in
              let z = entry.0.surfaces.z
              let base = entry.0.surfaces.withView { $0.vertices(ofRing: 1) }
              let xy = base.map { (entry.0.surfaces.xy[2 * $0], entry.0.surfaces.xy[2 * $0 + 1]) }
              return total + (xy[1].0 - xy[0].0) * (xy[2].1 - xy[1].1) * (z.max()! - z.min()!)
            }) < 1e-6)
    }
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func realHeightsAreSensible() throws {
    for (file, low, high) in [
      ("denhaag.city.json", 1.0, 120.0), ("delft_3dbag.city.jsonl", 1.0, 60.0), ("zurich_lod2.city.json", 2.0, 120.0),
    ] {
      let loaded = try Loaded(
        CityJSON(path: realData! + "/cityjson/" + file, options: LoadOptions(), isSequence: file.hasSuffix("l")))
      let (layer, buildings) = try #require(loaded.layer("building"))
      let shape = BuildingShape(layer: layer)
      let column = try #require(layer.columns.firstIndex { $0.name == "height" })
      var invalid = 0
      for building in buildings {
        var building = building
        try shape.derive(into: &building)
        let height = try #require(building.values[column].number, "\(building.id)")
        #expect(height > low / 2 && height < high, "\(file) \(building.id): \(height)")
        let footprint = try #require(building.geometry, "\(building.id)")
        if try !GEOSGeometry(footprint).isValid() { invalid += 1 }
      }
      #expect(invalid == 0, "\(file)")
    }
  }

  @Test(.enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func volumesAgreeWithTheSource() throws {
    let loaded = try Loaded(
      CityJSON(path: realData! + "/cityjson/delft_3dbag.city.jsonl", options: LoadOptions(), isSequence: true))
    let (layer, buildings) = try #require(loaded.layer("building"))
    let shape = BuildingShape(layer: layer)
    let own = try #require(layer.columns.firstIndex { $0.name == "volume" })
    let stated = try #require(layer.columns.firstIndex { $0.name == "b3_volume_lod22" })
    var compared = 0
    for building in buildings {
      var building = building
      try shape.derive(into: &building)
      guard let a = building.values[own].number, let b = building.values[stated].number, b > 10 else { continue }
      compared += 1
      #expect(abs(a - b) < 0.02 * b + 1, "\(building.id): \(a), stated \(b)")
    }
    #expect(compared > 100)
  }
}

extension GeometryView {
  var signedAreaOfFirstRing: Double {
    let v = vertices(ofRing: 0)
    return v.dropLast().reduce(0) { $0 + xy[2 * $1] * xy[2 * $1 + 3] - xy[2 * $1 + 2] * xy[2 * $1 + 1] } / 2
  }
}
