"""SpatiaLite's geometry blobs as plain WKB (ISO), without loading SpatiaLite.

Layout: https://www.gaia-gis.it/gaia-sins/BLOB-Geometry.html
"""
import struct


def wkb(blob):
    """The WKB of a blob; None for NULL."""
    if blob is None:
        return None
    order = "<" if blob[1] == 1 else ">"
    mark = b"\x01" if blob[1] == 1 else b"\x00"
    kind = struct.unpack_from(order + "i", blob, 39)[0]
    if kind % 1000 < 4:
        return mark + blob[39:-1]
    # The members of a collection begin with 0x69 where WKB has its mark of byte order.
    out = bytearray(mark + blob[39:-1])
    values = 2 + (kind // 1000 in (1, 2)) + 2 * (kind // 1000 == 3)
    count = struct.unpack_from(order + "i", out, 5)[0]
    at = 9
    for _ in range(count):
        out[at] = mark[0]
        at = end(out, at, order, values)
    return bytes(out)


def end(data, at, order, values):
    """Where the point, line or polygon that begins at `at` ends."""
    kind = struct.unpack_from(order + "i", data, at + 1)[0] % 1000
    at += 5
    if kind == 1:
        return at + 8 * values
    rings = 1
    if kind == 3:
        rings = struct.unpack_from(order + "i", data, at)[0]
        at += 4
    for _ in range(rings):
        at += 4 + 8 * values * struct.unpack_from(order + "i", data, at)[0]
    return at
