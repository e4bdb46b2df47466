"""Whether one geometry covers another, in exact arithmetic: coordinates are the rational numbers that doubles are.

Input: a JSON list of pairs [a, b]; a geometry is [dimension, parts], a part a list of rings, a ring [x, y, x, y, ...].
Output: a line 1 or 0 for each pair. Valid geometries only; neither is a collection.
"""
import json
import sys
from fractions import Fraction


def read(shape):
    dimension, parts = shape
    return dimension, [[[(Fraction(r[i]), Fraction(r[i + 1])) for i in range(0, len(r), 2)] for r in part] for part in parts]


def edges(shape):
    for part in shape[1]:
        for ring in part:
            for p, q in zip(ring, ring[1:]):
                if p != q:
                    yield p, q


def cross(o, p, q):
    return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0])


def on(p, q, v):
    return (cross(p, q, v) == 0 and min(p[0], q[0]) <= v[0] <= max(p[0], q[0])
            and min(p[1], q[1]) <= v[1] <= max(p[1], q[1]))


def locate(part, v):
    """1 inside, 0 on the boundary, -1 outside of a polygon."""
    inside = False
    for ring in part:
        for p, q in zip(ring, ring[1:]):
            if p != q and on(p, q, v):
                return 0
            if (p[1] > v[1]) != (q[1] > v[1]) and v[0] < p[0] + (v[1] - p[1]) * (q[0] - p[0]) / (q[1] - p[1]):
                inside = not inside
    return 1 if inside else -1


def meets(shape, v):
    dimension, parts = shape
    if dimension == 2:
        return any(locate(part, v) >= 0 for part in parts)
    if any(on(p, q, v) for p, q in edges(shape)):
        return True
    return any(v in ring for part in parts for ring in part)


def pieces(p, q, shape):
    """Middles of the stretches of p-q between the places where it meets edges of the shape."""
    at = {Fraction(0), Fraction(1)}
    d = (q[0] - p[0], q[1] - p[1])
    length = d[0] * d[0] + d[1] * d[1]
    for a, b in edges(shape):
        e = (b[0] - a[0], b[1] - a[1])
        turn = d[0] * e[1] - d[1] * e[0]
        if turn == 0:
            if cross(p, q, a) == 0:
                at.update(((v[0] - p[0]) * d[0] + (v[1] - p[1]) * d[1]) / length for v in (a, b))
            continue
        t = ((a[0] - p[0]) * e[1] - (a[1] - p[1]) * e[0]) / turn
        u = ((a[0] - p[0]) * d[1] - (a[1] - p[1]) * d[0]) / turn
        if 0 <= u <= 1:
            at.add(t)
    at = sorted(t for t in at if 0 <= t <= 1)
    for s, t in zip(at, at[1:]):
        m = (s + t) / 2
        yield p[0] + m * d[0], p[1] + m * d[1]


def interior_point(part):
    ys = sorted({v[1] for ring in part for v in ring})
    y = (ys[0] + ys[1]) / 2
    xs = sorted(p[0] + (y - p[1]) * (q[0] - p[0]) / (q[1] - p[1])
                for ring in part for p, q in zip(ring, ring[1:]) if (p[1] > y) != (q[1] > y))
    return (xs[0] + xs[1]) / 2, y


def covers(a, b):
    if not a[1] or not b[1]:
        return False
    if b[0] > a[0]:
        # A line that is a point in truth is met like one.
        if any(True for _ in edges(b)):
            return False
    if not all(meets(a, v) for part in b[1] for ring in part for v in ring):
        return False
    if not all(meets(a, m) for p, q in edges(b) for m in pieces(p, q, a)):
        return False
    if b[0] < 2:
        return True
    for part in b[1]:
        if not meets(a, interior_point(part)):
            return False
        whole = (2, [part])
        if any(locate(part, m) > 0 for p, q in edges(a) for m in pieces(p, q, whole)):
            return False
    return True


for a, b in json.load(sys.stdin):
    print(int(covers(read(a), read(b))))
