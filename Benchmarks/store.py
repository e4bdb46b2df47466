"""Op H in one run: 1.12 million buildings, rows in memory, into a store with its spatial index, by cimq and by SpatiaLite.

usage: ZZ=FOLDER store.py BENCH-LIBRARY [RUNS]       (1)

ZZ holds the peers' workload. SpatiaLite is given blobs of WKB and fills its R*Tree as CreateSpatialIndex does, with journal
and sync off; cimq also keeps ids with their index and a change log. Both write to ZZ, in turn.
"""
import json
import os
import sqlite3
import struct
import subprocess
import sys
import time

if not hasattr(sqlite3.Connection, "enable_load_extension"):
    # A Python built without extensions of SQLite; the system's own usually has them.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    raise SystemExit(f"the sqlite3 of {sys.executable} loads no extensions; run this with another Python")

ZZ, bench = os.environ["ZZ"], sys.argv[1]
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 1


def array(name, kind):
    data = open(f"{ZZ}/{name}.npy", "rb").read()
    return memoryview(data)[10 + struct.unpack_from("<H", data, 8)[0]:].cast(kind)


def rows():
    xy, offsets = array("bld_xy", "d"), array("bld_off", "q")
    heights, grounds = array("bld_h", "d"), array("bld_z", "d")
    for i in range(len(offsets) - 1):
        ring = bytes(xy[2 * offsets[i]:2 * offsets[i + 1]])
        head = b"\x01\x03\0\0\0\x01\0\0\0" + struct.pack("<I", offsets[i + 1] - offsets[i])
        yield i, heights[i], grounds[i], head + ring


def spatialite(data):
    path = f"{ZZ}/spatialite-h.sqlite"
    if os.path.exists(path):
        os.remove(path)
    started = time.perf_counter()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.enable_load_extension(True)
    connection.load_extension("mod_spatialite")
    connection.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -2000000")
    connection.execute("SELECT InitSpatialMetaDataFull(1)")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE building (id INTEGER PRIMARY KEY, h DOUBLE, z DOUBLE)")
    connection.execute("SELECT AddGeometryColumn('building', 'geom', 4547, 'POLYGON', 2)")
    connection.executemany("INSERT INTO building VALUES (?, ?, ?, GeomFromWKB(?, 4547))", data)
    connection.execute("SELECT CreateSpatialIndex('building', 'geom')")
    connection.execute("COMMIT")
    connection.close()
    seconds = time.perf_counter() - started
    os.remove(path)
    return seconds


def cimq():
    done = subprocess.run([bench, "H"], env=os.environ | {"REPS": "1"}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["sec"]


data = list(rows())
ours, theirs = [], []
for _ in range(runs):
    ours.append(cimq())
    theirs.append(spatialite(data))
    ours.append(cimq())
ours.sort()
theirs.sort()
mine, peer = ours[len(ours) // 2], theirs[len(theirs) // 2]
print(f"| {len(data):,} buildings into a store | cimq {mine:.1f} s | SpatiaLite {peer:.1f} s | {peer / mine:.1f} x |")
