import Foundation
import Testing

/// Functions and aggregates on the bundled city against SpatiaLite (GEOS) and SQLite on the same database.
@Suite("Functions against SpatiaLite") struct FunctionOracleTests {
  /// A statement and the SQL that says the same, each of one row.
  static let pairs: [(query: String, sql: String)] = [
    (
      "SELECT COUNT(*) AS n, COUNT(DISTINCT use) AS u, SUM(floors) AS s, AVG(height) AS a, MIN(height) AS lo, MAX(height) AS hi FROM building",
      "SELECT count(*), count(DISTINCT use), sum(floors), avg(height), min(height), max(height) FROM building"
    ),
    (
      "SELECT COUNT(DISTINCT FLOOR(height / 10)) AS bands FROM building",
      "SELECT count(DISTINCT CAST(height / 10 AS INTEGER)) FROM building"
    ),
    (
      "SELECT MEDIAN(capacity) AS m, PERCENTILE(capacity, 0.25) AS q FROM shelter",
      """
      WITH s AS (SELECT capacity, row_number() OVER (ORDER BY capacity) AS i FROM shelter) \
      SELECT (SELECT capacity FROM s WHERE i = 3) * 1.0, (SELECT capacity FROM s WHERE i = 2) * 1.0
      """
    ),
    (
      "SELECT SUM(AREA(geom)) AS a, SUM(PERIMETER(geom)) AS p FROM building",
      "SELECT sum(ST_Area(geom)), sum(ST_Perimeter(geom)) FROM building"
    ),
    ("SELECT SUM(LENGTH(geom)) AS l FROM road", "SELECT sum(ST_Length(geom)) FROM road"),
    (
      "SELECT SUM(AREA(geom) IN ha) AS ha, SUM(AREA(geom) IN 亩) AS mu, SUM(AREA(geom) IN km2) AS km2 FROM grid3",
      "SELECT sum(ST_Area(geom)) / 10000, sum(ST_Area(geom)) * 15 / 10000, sum(ST_Area(geom)) / 1000000 FROM grid3"
    ),
    (
      "SELECT COUNT(*) AS n FROM building WHERE AREA(geom) > 0.1 ha AND PERIMETER(geom) < 0.2 km",
      "SELECT count(*) FROM building WHERE ST_Area(geom) > 1000 AND ST_Perimeter(geom) < 200"
    ),
    ("SELECT COUNT(*) AS n FROM building WHERE area >= 1.5 亩", "SELECT count(*) FROM building WHERE area >= 1000"),
    (
      "SELECT AREA(UNION(geom)) AS u, AREA(EXTENT(geom)) AS e FROM grid3",
      "SELECT ST_Area(ST_Union(geom)), ST_Area(Extent(geom)) FROM grid3"
    ),
    (
      "SELECT SUM(AREA(BUFFER(geom, 5 m))) AS b FROM building WHERE floors > 20",
      "SELECT sum(ST_Area(ST_Buffer(geom, 5, 8))) FROM building WHERE floors > 20"
    ),
    (
      "SELECT SUM(AREA(CONVEX_HULL(geom))) AS h, SUM(AREA(ENVELOPE(geom))) AS e FROM building",
      "SELECT sum(ST_Area(ST_ConvexHull(geom))), sum(ST_Area(ST_Envelope(geom))) FROM building"
    ),
    (
      "SELECT AVG(X(CENTROID(geom))) AS x, AVG(Y(CENTROID(geom))) AS y FROM building",
      "SELECT avg(ST_X(ST_Centroid(geom))), avg(ST_Y(ST_Centroid(geom))) FROM building"
    ),
    (
      "SELECT COUNT(*) AS n FROM building WHERE S_INTERSECTS(geom, POINT_ON_SURFACE(geom)) AND IS_VALID(geom)",
      "SELECT count(*) FROM building WHERE ST_Intersects(geom, ST_PointOnSurface(geom)) AND ST_IsValid(geom)"
    ),
    (
      "SELECT SUM(LENGTH(SIMPLIFY(geom, 5 m))) AS l FROM river",
      "SELECT sum(ST_Length(ST_Simplify(geom, 5))) FROM river"
    ),
    (
      "SELECT SUM(AREA(INTERSECTION(f.geom, g.geom))) AS i, SUM(AREA(DIFFERENCE(g.geom, f.geom))) AS d, SUM(AREA(UNION(f.geom, g.geom))) AS u, SUM(DISTANCE(f.geom, g.geom)) AS m FROM flood AS f JOIN grid3 AS g ON f.id = 'F-0720'",
      """
      SELECT sum(coalesce(ST_Area(ST_Intersection(f.geom, g.geom)), 0)), \
      sum(coalesce(ST_Area(ST_Difference(g.geom, f.geom)), 0)), sum(ST_Area(ST_Union(f.geom, g.geom))), \
      sum(ST_Distance(f.geom, g.geom)) FROM flood f, grid3 g WHERE f.id = 'F-0720'
      """
    ),
    ("SELECT SUM(Z(geom)) AS z FROM sensor", "SELECT sum(ST_Z(geom)) FROM sensor"),
    (
      "SELECT SUM(HEIGHT(geom)) AS h, SUM(VOLUME(geom)) AS v FROM building",
      "SELECT sum(height), sum(volume) FROM building"
    ),
    (
      "SELECT SUM(HEIGHT(geom)) AS h, SUM(VOLUME(geom)) AS v FROM unit",
      "SELECT sum(z_max - z_min), sum(area * (z_max - z_min)) FROM unit"
    ),
    (
      "SELECT AVG(LON(geom)) AS lon, AVG(LAT(geom)) AS lat FROM shelter",
      "SELECT avg(ST_X(ST_Transform(geom, 4326))), avg(ST_Y(ST_Transform(geom, 4326))) FROM shelter"
    ),
    (
      "SELECT SUM(CASE WHEN floors > 18 THEN 3 WHEN floors > 7 THEN 2 ELSE 1 END) AS c, SUM(COALESCE(year_built, 0)) AS y FROM building",
      "SELECT sum(CASE WHEN floors > 18 THEN 3 WHEN floors > 7 THEN 2 ELSE 1 END), sum(coalesce(year_built, 0)) FROM building"
    ),
    (
      "SELECT SUM(ROUND(height, 1)) AS r, SUM(ABS(floors - 5)) AS a, SUM(MOD(floors, 4)) AS m, SUM(POWER(floors, 2)) AS p, SUM(SIGN(floors - 5)) AS s FROM building",
      "SELECT sum(round(height, 1)), sum(abs(floors - 5)), sum(floors % 4), sum(1.0 * floors * floors), sum(sign(floors - 5)) FROM building"
    ),
    (
      "SELECT COUNT(*) AS n, SUM(LENGTH(address)) AS l, SUM(STRPOS(address, '路')) AS p FROM building WHERE STARTS_WITH(address, '金水区') AND ENDS_WITH(address, '号') AND SUBSTRING(address, 1, 2) = LEFT(address, 2) AND REPLACE(address, '号', '') = TRIM(CONCAT(' ', LEFT(address, -1)))",
      "SELECT count(*), sum(length(address)), sum(instr(address, '路')) FROM building WHERE address LIKE '金水区%' AND address LIKE '%号'"
    ),
    (
      "SELECT SUM(HOUR(as_of)) AS h, SUM(DATE_DIFF('minute', as_of, TIMESTAMP('2022-08-10T01:00:00Z'))) AS m, SUM(WEEKDAY(as_of)) AS w FROM shelter",
      """
      SELECT sum(strftime('%H', as_of)), \
      sum((strftime('%s', '2022-08-10T01:00:00Z') - strftime('%s', as_of)) / 60.0), \
      sum((strftime('%w', as_of) + 6) % 7 + 1) FROM shelter
      """
    ),
    (
      "SELECT COUNT(*) AS n FROM (FIND building GROUP BY use HAVING COUNT(*) > 100 AND AVG(height) > 15 RETURN use) AS q",
      "SELECT count(*) FROM (SELECT use FROM building GROUP BY use HAVING count(*) > 100 AND avg(height) > 15)"
    ),
  ]

  private static let hasOracle = FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")

  @Test(.enabled(if: hasOracle)) func agree() throws {
    let db = try BundledCity.database.get()
    let scratch = try Scratch()
    let script = try scratch.write(Self.pairs.map(\.query).joined(separator: ";\n"), to: "all.cimq")
    let ours = try Program.run("query", db, "-f", script, "--format", "jsonl")
    try #require(ours.status == 0, "\(ours.error)")
    let lines = ours.out.split(separator: "\n")
    try #require(lines.count == Self.pairs.count)
    for (pair, line) in zip(Self.pairs, lines) {
      // Values in the order of the columns, which are numbers throughout.
      let values = line.dropFirst().dropLast().split(separator: ",").map { field in
        Double(field[field.index(after: field.lastIndex(of: ":")!)...])
      }
      let sql = try scratch.write("SELECT load_extension('mod_spatialite');\n\(pair.sql);\n", to: "oracle.sql")
      let theirs = try Program.shell("sqlite3 -readonly -list -separator , '\(db)' < '\(sql)'")
      try #require(theirs.status == 0, "\(pair.sql)\n\(theirs.error)")
      let expected = theirs.out.split(separator: "\n").last.map { $0.split(separator: ",").map { Double($0) } } ?? []
      try #require(expected.count == values.count, "\(pair.query): \(line) \(theirs.out)")
      for (a, b) in zip(values, expected) {
        let (a, b) = (try #require(a), try #require(b))
        #expect(abs(a - b) <= 1e-6 * max(1, abs(b)), "\(pair.query)\n\(pair.sql)\n\(a) and not \(b)")
      }
    }
  }
}
