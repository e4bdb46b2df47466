import Testing

@testable import CIMEngine

@Suite struct BinderTests {
  @Test(
    "names in filters",
    arguments: [
      ("FIND building WHERE HEIGHT > 30", "building.height > 30"),
      ("查找 建筑 条件 高度 > 30 且 层数 介于 3 且 9", "building.height > 30; (building.floors >= 3 AND building.floors <= 9)"),
      ("FIND building AS b WHERE b.height > 30 AND building.floors = 2", "b.height > 30; b.floors = 2"),
      ("FIND building WHERE building.height > 30", "building.height > 30"),
      ("查找 建筑 条件 建筑.高度 > 30", "building.height > 30"),
      ("FIND unit WHERE building.height > 30", "unit>building.height > 30"),
      ("FIND unit WHERE 建筑.高度 > 30", "unit>building.height > 30"),
      ("FIND person WHERE person.unit.building.grid3 = 'x'", "person>unit>building.grid3 = 'x'"),
      ("FIND person WHERE unit.building.grid3.name = 'x'", "person>unit>building>grid3.name = 'x'"),
      ("FIND person WHERE building.name = 'x'", "person>unit>building.name = 'x'"),
      ("FIND unit WHERE grid1 = '410105'", "unit>grid3>parent>parent.code = '410105'"),
      ("FIND unit WHERE grid3 = '410105'", "unit.grid3 = '410105'"),
      ("FIND unit WHERE 一级网格 = '410105'", "unit>grid3>parent>parent.code = '410105'"),
      (
        "FIND depot WHERE eo:cloud = 'x' AND a.b = 'y' AND \"a.b\" = 'z'",
        "depot.eo:cloud = 'x'; depot.a.b = 'y'; depot.a.b = 'z'"
      ),
      ("FIND depot WHERE end = 'x'", "depot.end = 'x'"),
      ("FIND depot WHERE distance > 3", "depot.distance > 3"),
      ("FIND depot NEAREST 1 TO AT(113.6, 34.7) WHERE depot.distance > 3", "depot.distance > 3"),
      ("FIND depot NEAREST 1 TO AT(113.6, 34.7) WHERE distance > 3 m", "JOINED distance#0 > 3.0"),
      ("FIND (FIND building WHERE floors > 3 RETURN id, height AS h) AS q WHERE q.h > 3", "q.h > 3"),
      ("FIND (FIND unit) AS q WHERE q.building.height > 3", "q>building.height > 3"),
    ])
  func names(text: String, expected: String) throws {
    #expect(try BoundText(find: SmallCity.find(text)).filters == expected)
  }

  @Test(
    "values and types",
    arguments: [
      ("FIND shelter WHERE status = '开放'", "shelter.status = 'open'"),
      ("FIND shelter WHERE status IN ('Full', '关闭')", "shelter.status IN ('full', 'closed')"),
      ("FIND shelter WHERE '已满' <> status", "'full' <> shelter.status"),
      ("FIND shelter WHERE as_of >= '2021-07-20'", "shelter.as_of >= DATE('2021-07-20')"),
      (
        "FIND shelter WHERE as_of BETWEEN '2021-07-20T16:00:00+08:00' AND NOW()",
        "(shelter.as_of >= TIMESTAMP('2021-07-20T08:00:00Z') AND shelter.as_of <= now())"
      ),
      ("FIND building WHERE height > 0.03 km", "building.height > 30.0"),
      ("FIND unit WHERE area > 2 亩", "unit.area > 1333.3333333333333"),
      ("FIND building WHERE -height < -floors * 2", "-building.height < (-building.floors * 2)"),
      ("FIND building WHERE built + 30 > DATE('2020-01-01')", "(building.built + 30) > DATE('2020-01-01')"),
      ("FIND shelter WHERE ok AND NOT ok = FALSE", "shelter.ok; NOT(shelter.ok = FALSE)"),
      (
        "FIND building WHERE name LIKE CASEI('a%') OR CASEI(name) NOT LIKE 'b'",
        "(building.name LIKE casei('a%') OR NOT(casei(building.name) LIKE 'b'))"
      ),
      (
        "FIND building WHERE CASE use WHEN 'office' THEN 1 ELSE 2.5 END > 2",
        "CASE building.use = 'office' ? 1.0 : 2.5 > 2"
      ),
      ("FIND building WHERE COALESCE(height, floors) > 2", "coalesce(building.height, double(building.floors)) > 2"),
      ("FIND building WHERE A_CONTAINS(tags, ('a', 'b'))", "aContains(building.tags, {'a', 'b'})"),
      ("FIND building WHERE T_BEFORE(built, DATE('2015-01-01'))", "tBefore(building.built, DATE('2015-01-01'))"),
      (
        "FIND flood WHERE T_DURING(valid_from, INTERVAL('2021-07-20', '..'))",
        "tDuring(flood.valid_from, [DATE('2021-07-20')....])"
      ),
      ("FIND building WHERE id IN (FIND unit RETURN building)", "building.id IN [building=unit.building]"),
      ("FIND building WHERE id IN (FIND building WHERE floors > 3)", "building.id IN [id=building.id]"),
      ("FIND building WHERE geom IS NOT NULL", "NOT(building.geom IS NULL)"),
      ("FIND person WHERE geom IS NULL", "person.geom IS NULL"),
      (
        "FIND building WHERE AREA(geom) > 1 ha AND LENGTH(name) > 3",
        "area(building.geom) > 10000.0; length(building.name) > 3"
      ),
      ("FIND building WHERE 7 / 2 = 3.5 AND 7 div 2 = 3", "(7 / 2) = 3.5; (7 div 2) = 3"),
      ("FIND building WHERE floors = TRUE", "building.floors = 1"),
      ("FIND building WHERE NULL = height", "NULL = building.height"),
      ("FIND building WHERE STARTS_WITH(name, 'a')", "startsWith(building.name, 'a')"),
    ])
  func values(text: String, expected: String) throws {
    #expect(try BoundText(find: SmallCity.find(text)).filters == expected)
  }

  @Test(
    "places",
    arguments: [
      ("FIND building WITHIN 500 m OF hazard 'HZ-0231'", "within 500.0 building <1: hazard 'HZ-0231'>"),
      ("FIND building WITHIN 0.5 公里 OF 隐患点 '南坡'", "within 500.0 building <1: 隐患点 '南坡'>"),
      ("FIND building INSIDE district '410105'", "inside building <1: district '410105'>"),
      ("FIND building NOT INSIDE district '金水区'", "NOT(inside building <1: district '金水区'>)"),
      ("FIND building INSIDE flood", "inside building layer flood"),
      ("FIND building INTERSECTS (FIND flood WHERE water_z > 90)", "intersects building find flood"),
      ("FIND building WITHIN 5 m OF person", "within 5.0 building find person"),
      ("FIND building WITHIN 5 m OF person 'p1'", "within 5.0 building <1: person 'p1'>"),
      ("FIND building INTERSECTS FILE 'metro.geojson'", "intersects building <2: FILE 'metro.geojson'>"),
      ("FIND shelter AS s WITHIN s.service_radius OF s", "within s.service_radius s source 0"),
      ("FIND shelter WITHIN capacity OF hazard", "within double(shelter.capacity) shelter layer hazard"),
      ("FIND shelter WITHIN 2 * 50 m OF hazard", "within (2 * 50.0) shelter layer hazard"),
      ("FIND shelter BEYOND 1 km OF hazard", "beyond 1000.0 shelter layer hazard"),
      ("FIND shelter INSIDE CIRCLE(AT(113.6, 34.7), 2 km)", "within 2000.0 shelter <1: AT(113.6, 34.7)>"),
      ("FIND building INTERSECTS CIRCLE(AT(113.6, 34.7), 2 km)", "within 2000.0 building <1: AT(113.6, 34.7)>"),
      ("FIND building INSIDE CIRCLE(AT(113.6, 34.7), 2 km)", "inside building <1: CIRCLE(AT(113.6, 34.7), 2 km)>"),
      ("FIND unit ON FLOOR -1..1", "(unit.floor >= -1 AND unit.floor <= 1)"),
      ("FIND person ON FLOOR 3", "person>unit.floor = 3"),
      ("FIND unit BELOW ELEVATION 92.4 m", "unit.z_min < 92.4"),
      ("FIND building ABOVE ELEVATION 0.1 km", "building.ground_z >= 100.0"),
      ("FIND person BELOW ELEVATION 92.4 m", "person>unit.z_min < 92.4"),
      ("FIND sensor BELOW ELEVATION 92.4 m", "z(sensor.geom) < 92.4"),
      ("FIND building WHERE S_INTERSECTS(geom, POINT(113.6 34.7))", "intersects(building.geom, <point>)"),
      ("FIND building WHERE S_DWITHIN(geom, POINT(113.6 34.7), 500 m)", "within(building.geom, <point>, 500.0)"),
      ("FIND building WHERE S_DWITHIN(geom, POINT(113.6 34.7), 0.5, 'km')", "within(building.geom, <point>, 500.0)"),
      ("FIND building WHERE S_BEYOND(geom, POINT(113.6 34.7), 1 km)", "NOT(within(building.geom, <point>, 1000.0))"),
      ("FIND building WHERE INSIDE flood OR floors > 3", "(inside building layer flood OR building.floors > 3)"),
      ("LET $f = flood 'F-0720'; FIND building INSIDE $f", "inside building <1: flood 'F-0720'>"),
      ("LET $f = (FIND flood); FIND building INSIDE $f", "inside building find flood"),
      ("LET $a = flood 'F-0720'; LET $a = (FIND building INSIDE $a); FIND unit INSIDE $a", "inside unit find building"),
      ("FIND building INSIDE $here", "inside building <1: AT(113.65, 34.76)>"),
      (
        "FIND building INSIDE $area IN GCJ02",
        "inside building <1: POLYGON ((113 34, 114 34, 114 35, 113 34)) IN GCJ02>"
      ),
      ("FIND building WITHIN $r OF $here", "within 300.0 building <1: AT(113.65, 34.76)>"),
      ("FIND building WHERE height > $h AND name = $code", "building.height > 12.5; building.name = '410105'"),
    ])
  func places(text: String, expected: String) throws {
    var session = Session()
    session.parameters = [
      "here": "113.65, 34.76", "area": "POLYGON((113 34,114 34,114 35,113 34))", "r": "300 m", "h": "12.5",
      "code": "410105",
    ]
    #expect(try BoundText(find: SmallCity.find(text, session)).filters == expected)
  }

  @Test(
    "joined rows",
    arguments: [
      (
        "FIND building AS b JOIN unit AS u ON u.building = b.id WHERE b.height > 3 AND u.floor = 2",
        "b.height > 3; JOINED u.floor = 2"
      ),
      (
        "FIND hazard AS h LEFT JOIN NEAREST 1 (FIND shelter WHERE status = 'open') AS s WITHIN 1 km WHERE s.id IS NULL",
        "JOINED s.id IS NULL"
      ),
      (
        "FIND hazard AS h JOIN shelter AS s ON WITHIN 200 m WHERE distance < 100 AND s.distance > 5",
        "JOINED distance#0 < 100; JOINED distance#0 > 5"
      ),
      ("FIND hazard AS h JOIN shelter AS s ON TRUE WITHIN 5 m OF s", "JOINED within 5.0 h source 1"),
      ("FIND building JOIN shelter ON TRUE WHERE capacity > floors", "JOINED shelter.capacity > building.floors"),
    ])
  func joins(text: String, expected: String) throws {
    #expect(try BoundText(find: SmallCity.find(text)).filters == expected)
  }

  @Test func joinConditions() throws {
    let find = try SmallCity.find(
      """
      FIND hazard AS h JOIN shelter AS s ON WITHIN 200 m JOIN NEAREST 2 flood AS f WITHIN 1 km FROM s
      JOIN building AS b ON S_INTERSECTS(b.geom, f.geom) AND b.id = h.id
      """)
    #expect(find.joins.map(\.source) == [1, 2, 3])
    guard case .within(let metres, from: 0) = find.joins[0].condition, case .constant(.double(200)) = metres.kind,
      case .nearest(count: 2, within: _?, from: 1) = find.joins[1].condition, case .on = find.joins[2].condition
    else {
      Issue.record("\(find.joins)")
      return
    }
    #expect(find.distances.count == 2)
    guard case .join(0) = find.distances[0].measure, case .join(1) = find.distances[1].measure else {
      Issue.record("\(find.distances)")
      return
    }
  }

  @Test(
    "columns of the result",
    arguments: [
      ("FIND hazard", "id, name, kind, threat_people"),
      ("FIND building", "id, name, height, ground_z, floors, use, grid3, built, tags"),
      ("FIND hazard NEAREST 2 TO AT(113.6, 34.7)", "id, name, kind, threat_people, distance"),
      ("FIND hazard WITHIN 2 km OF shelter", "id, name, kind, threat_people, distance"),
      ("FIND hazard NOT WITHIN 2 km OF shelter", "id, name, kind, threat_people"),
      ("FIND hazard RETURN *", "id, name, kind, threat_people"),
      ("查找 建筑 返回 高度, 层数", "height, floors"),
      ("FIND building RETURN building.height AS h, 高度 AS 楼高", "h, 楼高"),
      ("FIND unit RETURN building.name, unit.floor, grid1", "building.name, floor, grid1"),
      ("FIND unit AS u RETURN u.building.grid3.name", "building.grid3.name"),
      ("FIND building AS b JOIN unit AS u ON u.building = b.id RETURN b.id, u.id, floor", "b.id, u.id, floor"),
      (
        "FIND hazard AS h JOIN shelter AS s ON WITHIN 1 km RETURN h.*, s.distance",
        "id, name, kind, threat_people, distance"
      ),
      (
        "FIND hazard AS h JOIN NEAREST 1 shelter AS s JOIN NEAREST 1 flood AS f RETURN h.id, s.distance, f.distance",
        "id, s.distance, f.distance"
      ),
      ("FIND building RETURN id, id", "building.id, building.id_2"),
      ("FIND building RETURN height + 1, ROUND(height), round(height, 1) AS r", "height + 1, round_height, r"),
      ("COUNT building", "count"),
      ("COUNT building GROUP BY use", "use, count"),
      (
        "FIND building GROUP BY use RETURN use, COUNT(*), SUM(height), AVG(b.height), MAX(floors + 1)",
        "use, count, sum_height, avg_height, max"
      ),
      ("FIND unit GROUP BY grid1", "grid1"),
      ("COUNT unit GROUP BY grid1", "grid1, count"),
      ("FIND (FIND building RETURN id, height AS h) AS q", "id, h"),
      ("FIND building RETURN geom, CENTROID(geom) AS c", "geom, c"),
      ("SELECT DISTINCT use FROM building", "use"),
      ("FIND shelter NEAREST 5 TO AT(113.6562, 34.7588) IN GCJ02 WITHIN 2 km RETURN id, distance", "id, distance"),
      (
        "FIND hazard AS h LEFT JOIN NEAREST 1 (FIND shelter WHERE status = 'open') AS s WITHIN 1 km WHERE s.id IS NULL "
          + "RETURN h.id, h.threat_people", "id, threat_people"
      ),
      (
        "FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code RETURN g.code, COUNT(*) AS units "
          + "EXPORT TO 'units.geojson'", "code, units"
      ),
      ("FIND building INTERSECTS FILE 'metro.geojson' RETURN id, name, height", "id, name, height"),
      (
        "FIND unit ON FLOOR -1..1 INSIDE flood 'F-0720' RETURN building.name, floor, room", "building.name, floor, room"
      ),
    ])
  func columns(text: String, expected: String) throws {
    let text = text.replacing("AVG(b.height)", with: "AVG(height)")
    #expect(try BoundText(find: SmallCity.find(text)).columns.joined(separator: ", ") == expected)
  }

  @Test func columnsKnowWhereTheyComeFrom() throws {
    let find = try SmallCity.find(
      "FIND unit AS u RETURN u.geom, geom AS place, building.geom, building.name, floor AS f, CENTROID(geom), floor + 1"
    )
    #expect(
      find.items.map { $0.column.origin.map { "\($0.layer).\($0.column)" } } == [
        "unit.geom", "unit.geom", "building.geom", "building.name", "unit.floor", nil, nil,
      ])
    let group = try SmallCity.find("FIND building GROUP BY use RETURN use, COUNT(*)")
    #expect(group.items[0].column.origin == ResultColumn.Origin(layer: "building", column: "use"))
  }

  @Test(
    "the same in Chinese, with blanks or without",
    arguments: [
      (
        "FIND shelter NEAREST 3 TO AT(113.65, 34.76) WHERE status = 'open'",
        "查找 避难场所 最近 3 到 AT(113.65, 34.76) 条件 状态 = '开放'"
      ),
      (
        "FIND building WITHIN 500 m OF hazard 'HZ-0231' WHERE floors > 6",
        "查找 距离 隐患点 'HZ-0231' 500 米 以内 的 建筑 条件 层数 > 6"
      ),
      ("FIND building WITHIN 500 m OF hazard 'HZ-0231' WHERE floors > 6", "查找距离隐患点'HZ-0231'500米以内的建筑条件层数>6"),
    ])
  func sameInChinese(english: String, chinese: String) throws {
    let (a, b) = (try SmallCity.find(english), try SmallCity.find(chinese))
    #expect(BoundText(find: a).columns == BoundText(find: b).columns)
    #expect(a.sourceFilters.count == b.sourceFilters.count && (a.nearest == nil) == (b.nearest == nil))
  }

  @Test func joinsReturnEverySourcesColumns() throws {
    let find = try SmallCity.find("FIND hazard AS h JOIN NEAREST 1 shelter AS s")
    #expect(
      BoundText(find: find).columns == [
        "h.id", "h.name", "kind", "threat_people", "s.id", "s.name", "capacity", "occupied", "status", "as_of",
        "service_radius", "ok", "grid3", "distance",
      ])
  }

  @Test(
    "groups",
    arguments: [
      (
        "FIND building GROUP BY use HAVING COUNT(*) > 3 RETURN use, COUNT(*) AS n ORDER BY n DESC",
        "use=key#0, n=aggregate#0"
      ),
      (
        "FIND building AS b GROUP BY b.use, floors / 10 RETURN use, floors / 10 + 1, AVG(height) * 2",
        "use=key#0, floors / 10 + 1=(key#1 + 1), AVG(height) * 2=(aggregate#0 * 2)"
      ),
      (
        "FIND building RETURN MAX(height), PERCENTILE(height, 0.9)",
        "max_height=aggregate#0, percentile_height=aggregate#1"
      ),
      (
        "FIND unit GROUP BY building.use RETURN building.use, COUNT(DISTINCT grid3)",
        "building.use=key#0, count_grid3=aggregate#0"
      ),
      ("FIND building GROUP BY kind RETURN use AS kind, COUNT(*)", "kind=key#0, count=aggregate#0"),
      (
        "FIND building GROUP BY use RETURN CASE WHEN use = 'office' THEN COUNT(*) ELSE 0 END AS n",
        "n=CASE key#0 = 'office' ? aggregate#0 : 0"
      ),
    ])
  func groups(text: String, expected: String) throws {
    #expect(try BoundText(find: SmallCity.find(text)).items == expected)
  }

  @Test func aggregatesHaveTypes() throws {
    let find = try SmallCity.find(
      "FIND building RETURN COUNT(*), SUM(floors), SUM(height), MIN(name), AVG(floors), EXTENT(geom), UNION(geom)")
    #expect(find.grouping!.aggregates.map(\.type) == [.int, .int, .double, .text, .double, .geometry, .geometry])
    #expect(find.items.map { $0.column.type } == [.int, .int, .double, .text, .double, .geometry, .geometry])
    #expect(find.grouping!.keys.isEmpty)
  }

  @Test func keysSayWhatIsDrawn() throws {
    let own = try SmallCity.find(
      "FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY u.floor, g.code")
    #expect(own.shapeSource == 0 && own.shapeKey == 1 && own.shapePath.isEmpty)
    let link = try SmallCity.find("COUNT unit GROUP BY grid3")
    #expect(link.shapeSource == 0 && link.shapeKey == 0 && link.shapePath.count == 1)
    let chain = try SmallCity.find("COUNT unit GROUP BY grid1")
    #expect(chain.shapeSource == 0 && chain.shapePath.count == 3)
    #expect(try SmallCity.find("COUNT building GROUP BY use").shapeSource == nil)
    #expect(try SmallCity.find("FIND building").shapeSource == 0)
    #expect(try SmallCity.find("FIND building RETURN DISTINCT use").shapeSource == nil)
  }

  @Test func orderAndNulls() throws {
    let find = try SmallCity.find(
      "FIND building RETURN name, height * 2 AS h ORDER BY h DESC, floors, 1, use NULLS FIRST, name DESC NULLS LAST")
    let text = BoundText(find: find)
    #expect(
      find.orderBy.map { text.text($0.expression) } == [
        "(building.height * 2)", "building.floors", "building.name", "building.use", "building.name",
      ])
    #expect(find.orderBy.map(\.descending) == [true, false, false, false, true])
    #expect(find.orderBy.map(\.nullsFirst) == [true, false, false, true, false])
    let counted = try SmallCity.find("COUNT building GROUP BY use HAVING count > 3 ORDER BY count DESC, use")
    #expect(counted.orderBy.map { BoundText(find: counted).text($0.expression) } == ["aggregate#0", "key#0"])
    #expect(BoundText(find: counted).text(counted.having!) == "aggregate#0 > 3")
  }

  @Test func impliedLinksAreSaid() throws {
    let find = try SmallCity.find("COUNT person INSIDE grid3 '410105003012007'")
    #expect(find.notices.count == 1 && find.notices[0].contains("`person`") && find.notices[0].contains("person.unit"))
    #expect(find.sources[0].geometryPath?.count == 1)
    let worker = try SmallCity.find("FIND grid_worker NEAREST 3 TO AT(113.6, 34.7)")
    #expect(worker.sources[0].geometryPath?.count == 1 && worker.notices[0].contains("grid3"))
    #expect(try SmallCity.find("FIND building INSIDE flood").notices.isEmpty)
  }

  @Test func explainAndExportGoThrough() throws {
    let bound = try SmallCity.bind("EXPLAIN ANALYZE FIND building EXPORT TO 'x.csv' CRS GCJ-02")
    #expect(bound.explain == .analyze && bound.export?.path == "x.csv")
  }

  @Test func setsAreWrittenOut() throws {
    guard
      case .let("b", let reference) = try SmallCity.bind(
        "LET $a = flood 'F-0720'; LET $b = (FIND building INSIDE $a WHERE id IN (FIND $c))", sets: ["c": "(FIND unit)"]
      ).body
    else {
      Issue.record("no LET")
      return
    }
    #expect(
      Printer.print(reference)
        == "(FIND building INSIDE flood 'F-0720' WHERE id IN (FIND (FIND unit) AS c))")
  }

  @Test func setsAsSources() throws {
    #expect(
      try BoundText(find: SmallCity.find("LET $s = (FIND shelter); FIND $s WHERE s.capacity > 3")).filters
        == "s.capacity > 3")
    let one = try SmallCity.find("LET $f = flood 'F-0720'; FIND $f")
    guard case .find(let inner) = one.sources[0].kind else {
      Issue.record("\(one.sources[0].kind)")
      return
    }
    #expect(BoundText(find: inner).filters == "flood.id = 'F-0720'")
  }

  @Test func growingSetsStop() {
    let text =
      "LET $a = (FIND unit); "
      + (0..<40).map { _ in "LET $a = (FIND unit WHERE id IN (FIND $a) OR id IN (FIND $a)); " }.joined() + "FIND $a"
    #expect(throws: QueryError.self) { try SmallCity.find(text) }
  }
}

extension SmallCity {
  static func bind(_ text: String, sets: [String: String]) throws -> BoundStatement {
    var session = Session()
    for (name, set) in sets {
      guard case .let(_, let reference) = try bind("LET $\(name) = \(set)").body else { continue }
      session.sets[name] = reference
    }
    return try bind(text, session)
  }

  static func bind(_ text: String, _ session: Session) throws -> BoundStatement { try bind(text, in: catalog, session) }
  static func find(_ text: String, _ session: Session) throws -> BoundFind { try find(text, in: catalog, session) }
}
