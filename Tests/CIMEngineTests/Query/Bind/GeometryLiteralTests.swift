import SpatialIndex
import Testing

@testable import CIMEngine

@Suite struct GeometryLiteralTests {
  private func geometry(_ reference: String, in catalog: Catalog = SmallCity.catalog) throws -> Geometry {
    let layer = catalog.layers[0].name
    let find = try SmallCity.find("FIND \(layer) TOUCHES \(reference)", in: catalog)
    guard case .spatial(_, _, .geometries(let list, _)) = find.sourceFilters[0].kind else {
      throw QueryError(.invalid("no geometry"))
    }
    return list[0]
  }

  /// The golden point of EPSG:4547, by PROJ.
  @Test(arguments: [
    "AT(113.6, 34.75)", "POINT(113.6 34.75)", "POINT(463373.915 3846931.204) IN EPSG:4547",
    "AT(38463373.915, 3846931.204) IN 4526",
  ])
  func literalsComeIntoTheWorkingCRS(text: String) throws {
    let point = try geometry(text)
    #expect(abs(point.xy[0] - 463_373.915) < 0.001 && abs(point.xy[1] - 3_846_931.204) < 0.001)
  }

  @Test func offsetSystemsAreUndone() throws {
    let shifted = try geometry("AT(113.6, 34.75) IN GCJ-02")
    let plain = try geometry("AT(113.6, 34.75)")
    let apart =
      ((shifted.xy[0] - plain.xy[0]) * (shifted.xy[0] - plain.xy[0])
      + (shifted.xy[1] - plain.xy[1]) * (shifted.xy[1] - plain.xy[1])).squareRoot()
    #expect((500...650).contains(apart))
  }

  @Test func boxesFollowTheParallels() throws {
    let box = try geometry("BBOX(113, 34, 114, 35)")
    #expect(box.kind == .polygon && box.vertexCount > 400)
    // On the middle of the southern side, which a straight line would miss by some 90 m.
    let middle = try geometry("AT(113.5, 34)")
    let nearest = (0..<box.vertexCount).map {
      abs(box.xy[2 * $0] - middle.xy[0]) + abs(box.xy[2 * $0 + 1] - middle.xy[1])
    }.min()!
    #expect(nearest < 0.01)
    #expect(try geometry("BBOX(460000, 3840000, 470000, 3850000) IN EPSG:4547").vertexCount == 5)
    #expect(try geometry("BBOX(113, 34, 0, 114, 35, 100)").vertexCount == box.vertexCount)
  }

  @Test func boxesAcrossTheAntimeridianAreTwo() throws {
    let box = try geometry("BBOX(150, -90, -150, 90)", in: SmallCity.degrees)
    #expect(box.kind == .multiPolygon && box.partOffsets.count == 3)
    #expect(box.box!.min[0] == -180 && box.box!.max[0] == 180)
    #expect(try geometry("BBOX(-180, -90, 180, 90)", in: SmallCity.degrees).vertexCount == 5)
  }

  @Test func circlesHaveTheirRadius() throws {
    let circle = try geometry("CIRCLE(AT(113.6, 34.75), 0.5 km)")
    let centre = try geometry("AT(113.6, 34.75)")
    for i in 0..<circle.vertexCount {
      let (x, y) = (circle.xy[2 * i] - centre.xy[0], circle.xy[2 * i + 1] - centre.xy[1])
      #expect(abs((x * x + y * y).squareRoot() - 500) < 1e-6)
    }
    #expect(circle.xy.suffix(2) == circle.xy.prefix(2))
  }

  @Test func placesFarAwayAreSaid() throws {
    let find = try SmallCity.find("FIND unit NEAREST 1 TO AT(100, 20)")
    #expect(find.notices.contains { $0.contains("outside the area") })
    #expect(try SmallCity.find("FIND unit NEAREST 1 TO AT(113.6, 34.7)").notices.isEmpty)
  }

  @Test func degreesStayDegrees() throws {
    let text =
      "FIND places WHERE S_INTERSECTS(geom, BBOX(0, 40, 10, 50)) AND \"date\" = DATE('2022-04-16') AND date > '2022-01-01'"
    let find = try SmallCity.find(text, in: SmallCity.degrees)
    #expect(
      BoundText(find: find, catalog: SmallCity.degrees).filters
        == "intersects(places.geom, <polygon>); places.date = DATE('2022-04-16'); places.date > DATE('2022-01-01')")
  }
}
