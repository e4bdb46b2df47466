"""Whole-process times of one-shot questions: cimq against the sqlite3 shell with mod_spatialite through its spatial index.

usage: oneshot.py CIMQ DATABASE [RUNS]
"""
import platform
import statistics
import subprocess
import sys
import time

cimq, db = sys.argv[1:3]
runs = int(sys.argv[3]) if len(sys.argv) > 3 else 15
X, Y = 465204.909, 3846924.756  # near the centre, EPSG:4547


def spatialite(sql):
    return ["sqlite3", "-batch", db, "SELECT load_extension('mod_spatialite');", sql]


def frame(d):
    return f"MakePoint({X}, {Y}, 4547)", f"BuildCircleMbr({X}, {Y}, {d}, 4547)"


here, window = frame(500)
index = "(SELECT ROWID FROM SpatialIndex WHERE f_table_name = '{}' AND search_frame = {})"
QUESTIONS = [
    ("nearest 5 shelters", f"FIND shelter NEAREST 5 TO POINT({X} {Y}) IN EPSG:4547 RETURN id",
     f"SELECT id FROM shelter ORDER BY ST_Distance(geom, {here}), id LIMIT 5;", None),
    ("buildings within 500 m", f"COUNT building WITHIN 500 m OF POINT({X} {Y}) IN EPSG:4547",
     f"SELECT COUNT(*) FROM building WHERE ROWID IN {index.format('building', window)} AND ST_Distance(geom, {here}) <= 500;", None),
    ("units in a flood", "COUNT unit INSIDE flood 'F-0720'",
     "SELECT COUNT(*) FROM unit AS u, flood AS f WHERE f.id = 'F-0720' AND u.ROWID IN "
     "(SELECT ROWID FROM SpatialIndex WHERE f_table_name = 'unit' AND search_frame = f.geom) AND ST_CoveredBy(u.geom, f.geom) = 1;", None),
    ("mean height of high buildings", "FIND building WHERE floors > 6 RETURN COUNT(*) AS n, ROUND(AVG(height), 6) AS h",
     "SELECT COUNT(*), ROUND(AVG(height), 6) FROM building WHERE floors > 6;", None),
    ("units of each grid", "FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) RETURN COUNT(*) AS n",
     "SELECT COUNT(*) FROM grid3 AS g, unit AS u WHERE u.ROWID IN "
     "(SELECT ROWID FROM SpatialIndex WHERE f_table_name = 'unit' AND search_frame = g.geom) AND ST_Contains(g.geom, u.geom) = 1;", 3),
]


def once(command):
    start = time.perf_counter()
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return time.perf_counter() - start, out


def values(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [[round(float(v), 3) if v.replace(".", "", 1).isdigit() else v for v in line.replace("|", ",").split(",")] for line in lines]


print(f"{platform.machine()}, {db.rsplit('/', 2)[-2]}, medians of {runs} pairs, whole processes")
print("| question | cimq | sqlite3 + SpatiaLite | ratio |")
print("|---|---:|---:|---:|")
for name, query, sql, limit in QUESTIONS:
    mine, theirs = [], []
    for i in range((limit or runs) + 1):
        a, answer = once([cimq, "query", db, query, "--format", "csv"])
        b, other = once(spatialite(sql))
        if i:  # the first pair warms the page cache
            mine.append(a)
            theirs.append(b)
    ours = values(answer)[1:]
    yours = [row for row in values(other) if row != [""]]
    if ours != yours:
        sys.exit(f"answers differ: {name}: {ours} {yours}")
    m, t = statistics.median(mine), statistics.median(theirs)
    print(f"| {name} | {m * 1e3:.1f} ms | {t * 1e3:.1f} ms | {t / m:.1f} x |")
