"""Links, roll-ups and exposure of a database worked out again with shapely, from the tables alone.

usage: city.py DATABASE
Needs shapely and numpy, and a database in which `unit` has been linked to `grid3` within 30 m. Prints one JSON object:
how many units differ, people by grid2 through person → unit → grid3 → parent, wet units and people of each flood.
"""
import json
import sqlite3
import struct
import sys

import numpy as np
import shapely

REACH = 30.0
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)


def polygon(blob):
    """A SpatiaLite blob of a polygon: 43 bytes of head, then rings."""
    kind, rings = struct.unpack_from("<ii", blob, 39)
    assert kind == 3, f"kind {kind}"
    at, parts = 47, []
    for _ in range(rings):
        count, = struct.unpack_from("<i", blob, at)
        parts.append(np.frombuffer(blob, "<f8", 2 * count, at + 4).reshape(-1, 2))
        at += 4 + 16 * count
    return shapely.Polygon(parts[0], parts[1:])


grids = connection.execute("SELECT code, parent, geom FROM grid3 ORDER BY code").fetchall()
shapes = [polygon(g[2]) for g in grids]
tree = shapely.STRtree(shapes)
units = connection.execute("SELECT fid, geom, grid3, link_method, link_distance, z_min FROM unit").fetchall()
placed = [u for u in units if u[1] is not None]
points = shapely.points(np.array([struct.unpack_from("<dd", u[1], 43) for u in placed]))
inside = np.full(len(placed), len(grids))
which, grid = tree.query(points, predicate="intersects")
np.minimum.at(inside, which, grid)
code = {}
differing = 0
for i, unit in enumerate(placed):
    if inside[i] < len(grids):
        want = (grids[inside[i]][0], "inside", 0.0)
    else:
        near = tree.query_nearest(points[i], max_distance=REACH + 1)
        distances = sorted((shapely.distance(points[i], shapes[k]), grids[k][0]) for k in near)
        if distances and distances[0][0] <= REACH:
            want = (distances[0][1], "nearest", distances[0][0])
        else:
            want = (None, "none", None)
    code[unit[0]] = want[0]
    same = unit[2] == want[0] and unit[3] == want[1]
    if same and want[2] is not None:
        same = abs(unit[4] - want[2]) < 1e-6
    differing += not same
parent = {g[0]: g[1] for g in grids}
people = {}
of_unit = {}
for (unit,) in connection.execute("SELECT unit FROM person"):
    key = parent.get(code.get(unit)) or ""
    people[key] = people.get(key, 0) + 1
    of_unit[unit] = of_unit.get(unit, 0) + 1
floods = {}
for name, water, blob in connection.execute("SELECT id, water_z, geom FROM flood ORDER BY id"):
    shape = polygon(blob)
    shapely.prepare(shape)
    hit = shapely.intersects(shape, points)
    wet = [u[0] for u, h in zip(placed, hit) if h and u[5] is not None and u[5] < water]
    floods[name] = {"units": int(hit.sum()), "wet": len(wet), "people": sum(of_unit.get(u, 0) for u in wet)}
print(json.dumps({"differing": differing, "units": len(units), "people": people, "floods": floods}))
