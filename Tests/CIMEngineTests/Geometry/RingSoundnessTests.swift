import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Rings that are surely valid")
struct RingSoundnessTests {
  @Test(
    "what is taken as valid is valid to GEOS, and plain rings are taken", arguments: [(0.0, 1.0), (1e7, 1), (0.3, 0.1)])
  func agreesWithGEOS(origin: Double, step: Double) throws {
    var random = SplitMix64(seed: 31)
    var (sure, refused) = (0, 0)
    for _ in 0..<3_000 {
      // On a small lattice rings touch themselves, turn back and repeat vertices all the time.
      let count = Int.random(in: 3...7, using: &random)
      var xy = (0..<2 * count).map { _ in origin + step * Double(Int.random(in: 0..<4, using: &random)) }
      xy += xy.prefix(2)
      let ring = Geometry.polygon([xy])
      let isValid = try GEOSGeometry(ring).isValid()
      if ring.isSurelyValid {
        #expect(isValid, "\(WKT.write(ring))")
        sure += 1
      } else {
        // A triangle of three different places that is valid needs no second opinion.
        if count == 3 { #expect(!isValid, "\(WKT.write(ring))") }
        refused += 1
      }
    }
    #expect(sure > 300 && refused > 300)
  }

  @Test func turningBackIsNoRing() {
    let spike: [Double] = [0, 0, 4, 0, 2, 0, 2, 3, 0, 0]
    #expect(!Geometry.polygon([spike]).isSurelyValid)
    // Products of coordinates so small vanish.
    #expect(!Geometry.polygon([spike.map { $0 * 1e-170 }]).isSurelyValid)
    #expect(Geometry.polygon([[0, 0, 2, 0, 4, 0, 4, 3, 0, 0]]).isSurelyValid, "a vertex on a straight edge")
  }

  @Test func onlyShortClosedFiniteRingsAreJudged() {
    func circle(_ corners: Int) -> [Double] {
      let open = (0..<corners).flatMap { i -> [Double] in
        let t = Double(i) / Double(corners)
        // Convex without cosines: along a parabola and back along the chord.
        return [t, t * (1 - t)]
      }
      return open + open.prefix(2)
    }
    #expect(Geometry.polygon([circle(32)]).isSurelyValid)
    #expect(!Geometry.polygon([circle(33)]).isSurelyValid, "left to GEOS")
    #expect(!Geometry.polygon([[0, 0, 1, 0, 1, 1, 0, 1]]).isSurelyValid, "not closed")
    #expect(!Geometry.polygon([[0, 0, .infinity, 0, 1, 1, 0, 0]]).isSurelyValid)
    #expect(!Geometry.polygon([[0, 0, 9, 0, 9, 9, 0, 0], [5, 1, 6, 1, 6, 2, 5, 1]]).isSurelyValid, "with a hole")
    #expect(Geometry.point(1, 2).isSurelyValid)
  }
}
