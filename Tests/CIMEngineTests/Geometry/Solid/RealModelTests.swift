import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Distances, volumes and sight in space on real city models, against loops over all triangles.
@Suite("Real models in space")
struct RealModelTests {
  static let realData = getenv("CIMQ_REALDATA").map { String(cString: $0) }
  let folder = ThrowawayFolder()

  /// The bodies of all buildings of a model with a common origin, by id.
  private func bodies(_ file: String) throws -> [(id: String, body: Body)] {
    let path = folder.file("model.sqlite")
    _ = try Importer.run(into: path, paths: ["\(Self.realData!)/cityjson/\(file)"])
    var solids: [String: [SolidGeometry]] = [:]
    var order: [String] = []
    try Store.open(path).read { reader in
      guard let table = try reader.solids(of: "building") else { return }
      try reader.forEachSolidGeometry(in: table) { solid, parent in
        if solids[parent] == nil { order.append(parent) }
        solids[parent, default: []].append(solid)
      }
    }
    var origin: Point3?
    return order.map { id in
      let main = BuildingShape.main(of: solids[id]!, object: id)
      if origin == nil, let box = main.first?.surfaces.box { origin = Point3(box.min[0], box.min[1], 0) }
      var body = Body(origin: origin ?? .zero)
      for solid in main { body.add(solid.surfaces, isSolid: solid.isSolid) }
      body.finish()
      return (id, body)
    }.filter { !$0.body.isEmpty }
  }

  @Test(
    "distances are those of a loop over all pairs of triangles",
    .enabled(if: realData != nil, "CIMQ_REALDATA is not set"),
    arguments: ["3dbag_tile901.city.jsonl"])
  func distances(file: String) throws {
    let bodies = try self.bodies(file)
    try #require(bodies.count > 3)
    var random = SplitMix64(seed: 11)
    var compared = 0
    for _ in 0..<40 {
      let (a, b) = (bodies.randomElement(using: &random)!, bodies.randomElement(using: &random)!)
      guard a.id != b.id else { continue }
      var least = Double.infinity
      for s in a.body.surface.triangles {
        for t in b.body.surface.triangles { least = min(least, Distance3.squared(s, t)) }
      }
      let isInside = a.body.points.contains(where: b.body.encloses) || b.body.points.contains(where: a.body.encloses)
      let wanted = isInside ? 0 : least.squareRoot()
      let found = try #require(a.body.distance(to: b.body))
      #expect(abs(found - wanted) <= 1e-9 * max(1, wanted), "\(file): \(a.id) and \(b.id)")
      if wanted > 0.01 { #expect(a.body.distance(to: b.body, within: wanted - 0.005) == nil) }
      compared += 1
    }
    #expect(compared > 20)
  }

  @Test(
    "lines of sight are cut by what a loop over all triangles finds",
    .enabled(if: realData != nil, "CIMQ_REALDATA is not set"))
  func sight() throws {
    let bodies = try self.bodies("3dbag_tile901.city.jsonl")
    let triangles = bodies.flatMap(\.body.surface.triangles)
    let tree = TriangleTree(triangles)
    var random = SplitMix64(seed: 5)
    var cut = 0
    for _ in 0..<300 {
      let (p, q) = (triangles.randomElement(using: &random)!.centre, triangles.randomElement(using: &random)!.centre)
      let high = Point3(0, 0, Double.random(in: 0...20, using: &random))
      let wanted = triangles.contains { Distance3.meets(segment: p + high, q + high, $0) }
      #expect(tree.isHit(segment: p + high, q + high) == wanted)
      if wanted { cut += 1 }
    }
    #expect(cut > 0 && cut < 300)
  }

  @Test("pieces of a long line find what the line finds", arguments: 1...4 as ClosedRange<UInt64>)
  func pieces(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func point() -> Point3 {
      Point3(
        Double.random(in: 0...2_000, using: &random), Double.random(in: 0...2_000, using: &random),
        Double.random(in: 0...200, using: &random))
    }
    for _ in 0..<20 {
      let (a, b) = (point(), point())
      var line = Geometry(kind: .lineString)
      line.appendPart(rings: [[a.x, a.y, b.x, b.y]], z: [[a.z, b.z]])
      let body = SolidTests.body(line, isSolid: false)
      let boxes = body.searchBoxes(piece: 50)
      #expect(boxes.count >= Int(length(b - a) / 50))
      for _ in 0..<50 {
        let p = point()
        let distance = Distance3.squared(p, segment: a, b).squareRoot()
        let reach = Double.random(in: 0...300, using: &random)
        let box = Box<3>(min: [p.x, p.y, p.z], max: [p.x, p.y, p.z])
        // What is within reach of the line is within reach of the box of a piece.
        if distance <= reach { #expect(boxes.contains { $0.expanded(by: reach + 1e-9).intersects(box) }) }
      }
    }
  }
}
