import Testing

@testable import CIMEngine

@Suite struct BindErrorTests {
  /// A text, what its message must contain, and the part that is underlined.
  @Test(
    "messages and places",
    arguments: [
      ("FIND bilding", ["no layer `bilding`", "did you mean `building`?"], "bilding"),
      ("查找 避难所所", ["did you mean `避难"], "避难所所"),
      ("FIND xyzzy", ["there are: district"], "xyzzy"),
      ("FIND building WHERE heigth > 3", ["did you mean `height`?"], "heigth"),
      ("FIND building WHERE b.height > 3", ["no column `b.height`"], "b.height"),
      ("FIND building AS bld WHERE bdl.height > 3", ["did you mean `bld.height`?"], "bdl.height"),
      ("FIND building WHERE xyzzy > 3", ["it has: id, height"], "xyzzy"),
      ("FIND shelter WHERE status = \"open\"", ["single quotes: status = 'open'"], "\"open\""),
      ("FIND shelter WHERE status = 'opne'", ["it has: open, full, closed", "did you mean 'open'?"], "'opne'"),
      ("FIND shelter WHERE status IN ('open', 'shut')", ["it has: open, full, closed"], "'shut'"),
      (
        "FIND building WHERE floors > '6'", ["`floors` is a number and '6' is text", "write 6 without quotes"],
        "floors > '6'"
      ),
      ("FIND building WHERE grid3 = 410105", ["write '410105' in quotes"], "grid3 = 410105"),
      ("FIND building WHERE height", ["a condition is true or false"], "height"),
      ("FIND building WHERE name AND floors > 3", ["`name` is text"], "name"),
      ("FIND building WHERE name + 1 > 3", ["CONCAT"], "name"),
      ("FIND building WHERE floors LIKE '3%'", ["LIKE takes text"], "floors"),
      ("FIND shelter WHERE as_of > 'soon'", ["is not a date or a time", "2021-07-20"], "'soon'"),
      ("FIND building ORDER BY distance", ["after NEAREST"], "distance"),
      ("FIND shelter WHERE ok = 1", ["TRUE or FALSE"], "ok = 1"),
      ("FIND building WHERE geom = geom", ["S_EQUALS"], "geom = geom"),
      ("FIND unit WHERE area > 30 m", ["an area", "a length"], "30 m"),
      ("FIND building WHERE avg(height) < 4", ["cannot stand in WHERE"], "avg(height)"),
      ("FIND building WHERE COUNT(*) > 4", ["HAVING"], "COUNT(*)"),
      ("FIND building WHERE Foo(geom) = TRUE", ["no function `Foo`"], "Foo"),
      ("FIND building WHERE ST_INTERSECTS(geom, geom)", ["S_INTERSECTS"], "ST_INTERSECTS"),
      ("FIND building WHERE rond(height) = 3", ["did you mean ROUND?"], "rond"),
      ("FIND building WHERE ROUND() = 3", ["1 or 2 arguments, not 0"], "ROUND()"),
      ("FIND building WHERE S_INTERSECTS(geom, name)", ["takes a geometry"], "name"),
      ("FIND building AS b JOIN unit AS u ON S_INTERSECTS(b, u)", ["`b.geom`"], "b"),
      ("FIND building WHERE A_CONTAINS(name, ('a'))", ["takes a list"], "name"),
      ("FIND building WHERE T_AFTER(name, DATE('2020-01-01'))", ["a date or a time"], "name"),
      ("FIND building WHERE INTERVAL('..', '..') = 3", ["stands only in"], "INTERVAL('..', '..')"),
      ("FIND building WITHIN 2 * 500 OF hazard", ["needs a unit"], "2 * 500"),
      ("FIND building WITHIN name OF hazard", ["number of metres"], "name"),
      ("FIND building WITHIN 3 ha OF hazard", ["is an area"], "3 ha"),
      (
        "FIND building WITHIN 5 m OF hazard 'HZ-0299'",
        ["nothing with id, code or name 'HZ-0299'", "did you mean 'HZ-0231'"], "hazard 'HZ-0299'"
      ),
      ("FIND building WITHIN 5 m OF hazard '北坡'", ["HZ-0231, HZ-0232", "by its id"], "hazard '北坡'"),
      ("FIND unit WITHIN 5 m OF building 'none'", ["has no geometry"], "building 'none'"),
      ("FIND unit INSIDE floood", ["did you mean `flood`?"], "floood"),
      ("FIND unit INSIDE $flood", ["`$flood` is not defined", "LET"], "$flood"),
      ("FIND unit INSIDE note", ["no geometry"], "note"),
      ("FIND note INSIDE flood", ["`note` has no geometry"], "INSIDE flood"),
      ("FIND note NEAREST 1 TO flood", ["`note` has no geometry"], "NEAREST 1 TO flood"),
      ("FIND unit INSIDE FILE 'x.geojson'", ["no such file"], "FILE 'x.geojson'"),
      ("FIND unit INSIDE FILE 'empty.geojson'", ["holds no geometry"], "FILE 'empty.geojson'"),
      (
        "FIND unit NEAREST 1 TO AT(34.75, 113.62)", ["113.62 is no latitude", "swap lon and lat", "AT(113.62, 34.75)"],
        "AT(34.75, 113.62)"
      ),
      ("FIND unit INSIDE BBOX(34.7, 113.6, 34.8, 113.7)", ["swap lon and lat"], "BBOX(34.7, 113.6, 34.8, 113.7)"),
      (
        "FIND unit INSIDE BBOX(113.7, 34.7, 113.6, 34.8)", ["west, south, east, north"],
        "BBOX(113.7, 34.7, 113.6, 34.8)"
      ),
      (
        "FIND unit INSIDE BBOX(113.6, 34.8, 113.7, 34.7)", ["west, south, east, north"],
        "BBOX(113.6, 34.8, 113.7, 34.7)"
      ),
      ("FIND unit NEAREST 1 TO AT(463000, 3846000)", ["no latitude", "EPSG:4547"], "AT(463000, 3846000)"),
      ("FIND unit NEAREST 1 TO AT(113, 34) IN GCJ03", ["unknown CRS `GCJ03`", "did you mean GCJ02?"], "GCJ03"),
      ("FIND a EXPORT TO 'x' CRS WGS85", ["unknown CRS `WGS85`"], "WGS85"),
      ("FIND building JOIN building ON TRUE", ["two sources are named `building`", "AS"], "building"),
      ("FIND building AS b JOIN unit AS u ON b.id = u.building RETURN id", ["could be b.id or u.id"], "id"),
      ("FIND building JOIN unit ON x.id = unit.building", ["no column `x.id`"], "x.id"),
      ("FIND building JOIN NEAREST 1 unit FROM b", ["no source is named `b`"], "b"),
      ("FIND building AS b NEAREST 3 TO b", ["JOIN NEAREST"], "b"),
      (
        "FIND building GROUP BY use RETURN use, height", ["neither a key", "GROUP BY use, height", "MAX(height)"],
        "height"
      ),
      ("FIND building GROUP BY use RETURN *", ["`*` cannot stand"], "FIND building GROUP BY use RETURN *"),
      ("FIND building RETURN SUM(MAX(height))", ["inside an aggregate"], "MAX(height)"),
      ("FIND building RETURN MAX(height, floors)", ["GREATEST"], "MAX(height, floors)"),
      ("FIND building RETURN SUM(name)", ["takes numbers"], "name"),
      ("FIND building RETURN PERCENTILE(height, 90)", ["0 to 1"], "90"),
      ("FIND building HAVING height > 3", ["use WHERE"], "height > 3"),
      ("FIND building GROUP BY COUNT(*)", ["cannot stand in GROUP BY"], "COUNT(*)"),
      (
        "FIND building RETURN height AS x, floors AS x", ["two columns are named `x`"],
        "FIND building RETURN height AS x, floors AS x"
      ),
      ("FIND building ORDER BY geom", ["has no order"], "geom"),
      ("FIND building ORDER BY 'x'", ["not a constant"], "'x'"),
      ("FIND building RETURN DISTINCT use ORDER BY height", ["with DISTINCT"], "height"),
      ("FIND building WHERE id IN (FIND unit RETURN id, room)", ["returns 2 columns"], "FIND unit RETURN id, room"),
      ("FIND building ON FLOOR 3", ["no column `floor`"], "ON FLOOR 3"),
      ("FIND hazard BELOW ELEVATION 3 m", ["has no height"], "BELOW ELEVATION 3 m"),
      ("FIND building INSIDE flood IN 3D", ["IN 3D of `building` is not supported"], "INSIDE flood IN 3D"),
      (
        "FIND building NEAREST 3 TO hazard 'HZ-0231' BY ROAD", ["BY ROAD needs a layer `road`"],
        "NEAREST 3 TO hazard 'HZ-0231' BY ROAD"
      ),
      ("LET $p = AT(113, 34); FIND $p", ["has no rows"], "$p"),
      ("查找 建筑 条件 高度大于30", ["words need spaces"], "高度大于30"),
      ("FIND building WHERE geometry IS NULL", ["the geometry is `geom`"], "geometry"),
      ("FIND building WHERE name = $nope", ["`$nope` is not defined"], "$nope"),
      ("FIND building WHERE CASE WHEN floors > 3 THEN 1 ELSE 'x' END = 1", ["of one type"], "'x'"),
    ])
  func messages(text: String, parts: [String], marked: String) throws {
    do {
      _ = try SmallCity.bind(text)
      Issue.record("no error for \(text)")
    } catch let error as QueryError {
      for part in parts { #expect(error.message.contains(part), "\(error.message)") }
      let range = try #require(error.range)
      #expect(String(decoding: Array(text.utf8)[range], as: UTF8.self) == marked, "\(error.rendered(in: text))")
    }
  }

  @Test func swappedPlacesInEuropeAreRefused() {
    var catalog = SmallCity.catalog
    catalog.workingCRS = .epsg(32631)
    #expect {
      try SmallCity.bind("FIND unit NEAREST 1 TO AT(52.08, 4.3)", in: catalog)
    } throws: {
      let message = ($0 as? QueryError)?.message ?? ""
      return message.contains("far from the area of EPSG:32631") && message.contains("Write AT(4.3, 52.08)")
    }
    #expect(throws: Never.self) { try SmallCity.bind("FIND unit NEAREST 1 TO AT(4.3, 52.08)", in: catalog) }
  }

  @Test func filesThatCannotBeReadAreFileErrors() {
    #expect {
      try SmallCity.bind("FIND unit INSIDE FILE 'x.geojson'")
    } throws: {
      ($0 as? QueryError)?.failureClass == .file
    }
  }

  @Test func severalWaysAreShown() throws {
    var catalog = SmallCity.catalog
    let org = Catalog.Layer(
      name: "org", columns: ["id", "home", "work"].map { Catalog.Column(name: $0, type: .text) }, geometry: nil)
    catalog.layers.append(org)
    catalog.links += ["home", "work"].map {
      Catalog.Link(layer: "org", column: $0, targetLayer: "unit", targetColumn: "id")
    }
    #expect {
      try SmallCity.bind("FIND org WHERE unit = 'x'", in: catalog)
    } throws: {
      let message = ($0 as? QueryError)?.message ?? ""
      return message.contains("`org.home` or `org.work`") && message.contains("name the column")
    }
    #expect(
      try BoundText(find: SmallCity.find("FIND org WHERE home.room = '3'", in: catalog), catalog: catalog).filters
        == "org>home.room = '3'")
  }
}
