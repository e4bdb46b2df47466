"""City analyses on one database: LINK against shapely on the same points and grids, EXPOSE per million units.

usage: city.py CIMQ DATABASE [RUNS]
The database is not changed: LINK runs as a dry run, so writing is not in it. shapely and numpy are used where installed;
its tree is built and queried in one thread, reading the data is not counted for either side.
"""
import platform
import re
import resource
import sqlite3
import statistics
import struct
import subprocess
import sys
import time

cimq, db = sys.argv[1:3]
runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3


def run(*words):
    start = time.perf_counter()
    done = subprocess.run([cimq, *words], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stdout, done.stderr


def processor():
    """Processor time of the programs run so far, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def matching():
    times, spent, placed = [], [], 0
    for _ in range(runs):
        before = processor()
        _, out, said = run("link", db, "unit", "grid3", "--dry-run")
        spent.append(processor() - before)
        times.append(float(re.search(r"matching ([0-9.]+) s", said).group(1)))
        placed = int(re.search(r"inside,(\d+)", out).group(1))
    return statistics.median(times), statistics.median(spent), placed


def peer():
    try:
        import numpy as np
        import shapely
    except ImportError:
        return None
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    # SpatiaLite's own blob: 43 bytes of head, then x and y of a point.
    xy = np.array([struct.unpack_from("<dd", blob, 43) for (blob,) in connection.execute("SELECT geom FROM unit WHERE geom IS NOT NULL")])
    rings = []
    for (blob,) in connection.execute("SELECT geom FROM grid3 ORDER BY code"):
        kind, = struct.unpack_from("<i", blob, 39)
        if kind != 3:
            return None
        count, = struct.unpack_from("<i", blob, 47)
        rings.append(np.frombuffer(blob, "<f8", 2 * count, 51).reshape(-1, 2))
    grids = [shapely.Polygon(ring) for ring in rings]
    points = shapely.points(xy)
    made, began = time.perf_counter(), time.process_time()
    tree = shapely.STRtree(grids)
    shapely.prepare(grids)
    which, grid = tree.query(points, predicate="intersects")
    seconds, spent = time.perf_counter() - made, time.process_time() - began
    first = np.full(len(points), len(grids))
    np.minimum.at(first, which, grid)
    return seconds, spent, int((first < len(grids)).sum())


units = int(run("query", db, "COUNT unit", "--format", "csv")[1].split()[1])
print(f"{platform.machine()}, {units} units, medians of {runs}")
ours, own, placed = matching()
print(f"LINK unit TO grid3, matching only: {ours:.3f} s, {placed} inside, {ours * 1e9 / units:.0f} ns a unit; "
      f"processor time of the whole dry run {own:.3f} s")
other = peer()
if other is None:
    print("shapely is not installed or grids are no plain polygons: no peer")
else:
    seconds, spent, found = other
    print(f"shapely STRtree, prepared, one thread: {seconds:.3f} s, {found} inside; ratio {seconds / ours:.1f}; "
          f"processor time of the join {spent:.3f} s, ratio {spent / own:.1f}"
          + ("" if found == placed else "  THE ANSWERS DIFFER"))
box = "BBOX(112, 34, 115, 35.5)"
for name, statement in [("totals", f"EXPOSE unit TO {box} LEVEL 100 m TOLERANCE 0.2 m"),
                        ("by grid and floor", f"EXPOSE unit TO {box} LEVEL 100 m TOLERANCE 0.2 m BY FLOOR GROUP BY grid3")]:
    before = processor()
    times = [run("query", db, statement, "--format", "csv")[0] for _ in range(runs)]
    own = (processor() - before) / runs
    idle = statistics.median(run("query", db, "COUNT flood", "--format", "csv")[0] for _ in range(runs))
    spent = statistics.median(times) - idle
    print(f"EXPOSE all units, {name}: {spent:.3f} s, {spent * 1e6 / units:.3f} s a million units; "
          f"processor time {own * 1e6 / units:.3f} s a million")
