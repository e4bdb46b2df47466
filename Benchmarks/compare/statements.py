"""The statements that are compared: what cimq is asked, and what each peer is asked for the same answer.

Every statement gives one row of numbers, so that answers can be compared: results of many rows are summed up by an outer
query, in cimq and in the peers alike. A peer without an entry has no way to say it but a product of all pairs; then
`product` says so, and it is only tried on small cities.
"""

# {contains}: the plain SQL that all peers share.
UNITS_OF_GRIDS = "SELECT count(*), sum(n) FROM (SELECT g.code, count(*) AS n FROM grid3 g JOIN unit u ON ST_Contains(g.geom, u.geom) GROUP BY g.code) AS t"
NEAR_HAZARDS = "SELECT count(DISTINCT b.fid) FROM hazard h JOIN building b ON ST_DWithin(h.geom, b.geom, 500.0)"
IN_FLOODS = "SELECT count(DISTINCT b.fid) FROM flood f JOIN building b ON ST_Intersects(f.geom, b.geom)"
FILTERED = "SELECT count(*), avg(area), max(z_max) FROM unit WHERE area > 80 AND floor >= 3"
BY_FLOOR = "SELECT count(*), sum(n), sum(a) FROM (SELECT floor, count(*) AS n, avg(area) AS a FROM unit GROUP BY floor) AS t"
BY_MOBILITY = "SELECT count(*), sum(n), sum(a) FROM (SELECT mobility, count(*) AS n, avg(age) AS a FROM person GROUP BY mobility) AS t"
BY_HOUSEHOLD = "SELECT count(*), sum(n), max(n) FROM (SELECT household, count(*) AS n FROM person GROUP BY household) AS t"

STATEMENTS = [
    dict(
        name="units of each grid",
        cimq="SELECT COUNT(*), SUM(n) FROM (FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code RETURN g.code, COUNT(*) AS n)",
        spatialite="SELECT count(*), sum(n) FROM (SELECT g.code, count(*) AS n FROM grid3 g, unit u WHERE u.ROWID IN (SELECT ROWID FROM SpatialIndex WHERE f_table_name = 'unit' AND search_frame = g.geom) AND ST_Contains(g.geom, u.geom) = 1 GROUP BY g.code)",
        duckdb=UNITS_OF_GRIDS, sedonadb=UNITS_OF_GRIDS, postgis=UNITS_OF_GRIDS,
    ),
    dict(
        name="nearest shelter of each building",
        cimq="FIND building AS b JOIN NEAREST 1 shelter AS s RETURN COUNT(*) AS n, SUM(s.distance) AS d",
        spatialite="SELECT count(*), sum(d) FROM (SELECT (SELECT min(ST_Distance(b.geom, s.geom)) FROM shelter s) AS d FROM building b)",
        duckdb="SELECT count(*), sum(d) FROM (SELECT b.fid, min(ST_Distance(b.geom, s.geom)) AS d FROM building b, shelter s GROUP BY b.fid) AS t",
        sedonadb="SELECT count(*), sum(ST_Distance(b.geom, s.geom)) FROM building b JOIN shelter s ON ST_KNN(b.geom, s.geom, 1, false)",
        postgis="SELECT count(*), sum(d) FROM building b, LATERAL (SELECT b.geom <-> s.geom AS d FROM shelter s ORDER BY b.geom <-> s.geom LIMIT 1) AS t",
        product=("spatialite", "duckdb"),
    ),
    dict(
        name="buildings within 500 m of a hazard",
        cimq="COUNT building WITHIN 500 m OF hazard",
        spatialite="SELECT count(DISTINCT b.fid) FROM hazard h, building b WHERE b.ROWID IN (SELECT ROWID FROM SpatialIndex WHERE f_table_name = 'building' AND search_frame = ST_Expand(h.geom, 500)) AND ST_Distance(h.geom, b.geom) <= 500",
        duckdb=NEAR_HAZARDS, sedonadb=NEAR_HAZARDS, postgis=NEAR_HAZARDS,
    ),
    dict(
        name="buildings that meet a flood",
        cimq="COUNT building INTERSECTS flood",
        spatialite="SELECT count(DISTINCT b.fid) FROM flood f, building b WHERE b.ROWID IN (SELECT ROWID FROM SpatialIndex WHERE f_table_name = 'building' AND search_frame = f.geom) AND ST_Intersects(f.geom, b.geom) = 1",
        duckdb=IN_FLOODS, sedonadb=IN_FLOODS, postgis=IN_FLOODS,
    ),
    dict(
        name="filter and aggregate of units",
        cimq="FIND unit WHERE area > 80 AND floor >= 3 RETURN COUNT(*) AS n, AVG(area) AS a, MAX(z_max) AS z",
        spatialite=FILTERED, duckdb=FILTERED, sedonadb=FILTERED, postgis=FILTERED,
    ),
    dict(
        name="units by floor",
        cimq="SELECT COUNT(*), SUM(n), SUM(a) FROM (FIND unit GROUP BY floor RETURN floor, COUNT(*) AS n, AVG(area) AS a)",
        spatialite=BY_FLOOR, duckdb=BY_FLOOR, sedonadb=BY_FLOOR, postgis=BY_FLOOR,
    ),
    dict(
        name="people by mobility",
        cimq="SELECT COUNT(*), SUM(n), SUM(a) FROM (FIND person GROUP BY mobility RETURN mobility, COUNT(*) AS n, AVG(age) AS a)",
        spatialite=BY_MOBILITY, duckdb=BY_MOBILITY, sedonadb=BY_MOBILITY, postgis=BY_MOBILITY,
    ),
    dict(
        name="people of each household",
        cimq="SELECT COUNT(*), SUM(n), MAX(n) FROM (FIND person GROUP BY household RETURN household, COUNT(*) AS n)",
        spatialite=BY_HOUSEHOLD, duckdb=BY_HOUSEHOLD, sedonadb=BY_HOUSEHOLD, postgis=BY_HOUSEHOLD,
    ),
]

# What is copied from the store to the peers: layer, columns, whether it has a geometry.
TABLES = [
    ("grid3", ["fid", "code"], True),
    ("building", ["fid", "floors", "height"], True),
    ("unit", ["fid", "floor", "area", "z_max"], True),
    ("person", ["fid", "household", "age", "mobility"], False),
    ("shelter", ["fid", "id"], True),
    ("hazard", ["fid", "id"], True),
    ("flood", ["fid", "id"], True),
]
