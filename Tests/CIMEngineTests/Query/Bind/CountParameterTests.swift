import Testing

@testable import CIMEngine

@Suite("Parameters and units") struct CountParameterTests {
  private static func find(_ text: String, _ parameters: [String: String]) throws -> BoundFind {
    var session = Session()
    session.parameters = parameters
    guard case .find(let find) = try SmallCity.bind(text, session).body else { throw QueryError(.invalid("no FIND")) }
    return find
  }

  @Test("a number may be a parameter wherever one stands")
  func numbers() throws {
    let text = "FIND shelter NEAREST $k TO AT(113.65, 34.76) WITHIN $d WHERE capacity > $c LIMIT $n OFFSET $o"
    let find = try Self.find(text, ["k": "7", "n": "3", "o": "0", "d": "2 km", "c": "50"])
    #expect(find.nearest?.count == 7 && find.limit == 3 && find.offset == 0)
    #expect(find.nearest?.within?.constantNumber == 2000)
    let join = try Self.find(
      "FIND hazard AS h JOIN NEAREST $k shelter AS s RETURN h.id LIMIT $n", ["k": "２", "n": "1"])
    guard case .nearest(let count, _, _) = join.joins[0].condition else { return #expect(Bool(false)) }
    #expect(count == 2)
  }

  @Test(
    "anything but a whole number is refused at its place",
    arguments: ["x", "-1", "1.5", "", "1e3 m", "99999999999999999999", "3; DELETE FROM shelter ALL"])
  func refused(value: String) throws {
    let text = "FIND shelter LIMIT $n"
    let error = #expect(throws: QueryError.self) { try Self.find(text, ["n": value]) }
    #expect(error?.range == 19..<21)
    #expect(error?.message.contains("whole number") == true)
    #expect(throws: QueryError.self) { try Self.find("FIND shelter NEAREST $n TO AT(113.65, 34.76)", ["n": "0"]) }
    #expect(throws: QueryError.self) { try Self.find(text, [:]) }
  }

  @Test(
    "IN and a unit divide by it",
    arguments: [
      ("FIND grid3 RETURN AREA(geom) IN ha AS a", "FIND grid3 RETURN AREA(geom) / 1 ha AS a"),
      ("查找 三级网格 返回 面积(几何) 换算成 亩 作为 a", "FIND 三级网格 RETURN AREA(几何) / 1 mu AS a"),
      ("FIND grid3 WHERE AREA(geom) IN km2 > 5", "FIND grid3 WHERE AREA(geom) / 1 km2 > 5"),
      ("FIND grid3 RETURN ROUND(AREA(geom) IN ha, 1) AS a", "FIND grid3 RETURN ROUND(AREA(geom) / 1 ha, 1) AS a"),
    ])
  func conversion(text: String, plain: String) throws {
    let tree = try parse(text)
    #expect(try tree == parse(plain))
    #expect(try parse(Printer.print(tree)) == tree)
  }

  @Test(
    "an area is not compared with a length",
    arguments: [
      "FIND grid3 WHERE AREA(geom) > 5 m", "FIND unit WHERE area < 1 km", "FIND building WHERE height > 1 ha",
      "FIND grid3 WHERE SUM(AREA(geom)) > 5 m", "FIND building WHERE height * height > 5 m",
      "FIND grid3 WHERE PERIMETER(geom) > 2 亩",
    ])
  func dimensions(text: String) {
    #expect(throws: QueryError.self) { try SmallCity.bind(text) }
  }

  @Test(
    "what agrees in its dimension is",
    arguments: [
      "FIND grid3 WHERE AREA(geom) > 5 ha", "FIND unit WHERE area < 1 km2", "FIND building WHERE height > 30 m",
      "FIND building WHERE height * height > 5 m2", "FIND grid3 WHERE PERIMETER(geom) / 2 > 2 km",
      "FIND grid3 WHERE AREA(geom) / PERIMETER(geom) > 5 m", "FIND building WHERE height > floors",
    ])
  func dimensionsAgree(text: String) throws { _ = try SmallCity.bind(text) }

  @Test("a unit from elsewhere shows its metres")
  func foreignUnits() {
    for (text, fix) in [
      ("FIND building WITHIN 5 mi OF hazard", "8046.72 m"), ("FIND building WITHIN 100 ft OF hazard", "30.48 m"),
      ("查找 建筑 距离 2 里 以内 隐患点", "1000 m"),
    ] {
      let error = #expect(throws: QueryError.self) { try parse(text) }
      #expect(error?.fix?.contains(fix) == true, "\(text): \(error?.fix ?? "")")
    }
  }
}
