"""Files made to bring an importer down: each is refused (exit 1, the file named, no database left) or imported whole, within
a limit on memory and time. With a COUNT over 1 also a polygon of ten million vertices, and questions on it."""
import json, math, os, resource, shutil, subprocess, sys, time
from city import *

count, seed = argument(1, 1), argument(2, 1)
folder = work_folder()
database = os.path.join(folder, "city.sqlite")
figures = {"refused": 0, "imported": 0}
GIGABYTE = 1 << 30


def collection(geometry, properties="{}"):
    return f'{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{properties},"geometry":{geometry}}}]}}'


def city(boundary="[[[0,1,2]]]", scale="[1,1,1]", objects=None):
    objects = objects or (f'"a":{{"type":"Building","geometry":[{{"type":"MultiSurface","lod":"1",'
                          f'"boundaries":{boundary}}}]}}')
    return (f'{{"type":"CityJSON","version":"2.0","transform":{{"scale":{scale},"translate":[0,0,0]}},'
            f'"CityObjects":{{{objects}}},"vertices":[[0,0,0],[100,0,0],[0,100,0]]}}')


point = '{"type":"Point","coordinates":[113.6,34.7]}'
chain = ",".join(f'"o{i}":{{"type":"BuildingPart","parents":["o{i - 1}"],"children":["o{i + 1}"]}}' for i in range(1, 30000))
# name, content, what the refusal must say; None where the file is imported.
cases = [
    ("deep_arrays.geojson", collection('{"type":"Polygon","coordinates":' + "[" * 100000 + "]" * 100000 + "}"), "nested"),
    ("deep_objects.geojson", collection("null", '{"a":' * 100000 + "1" + "}" * 100000), "nested"),
    ("collections.geojson", collection('{"type":"GeometryCollection","geometries":[' * 5000 + "]}" * 5000), "nested"),
    ("open.geojson", "[" * 2000000, "nested"),
    ("1e999.geojson", collection('{"type":"Point","coordinates":[1e999,2]}'), "beyond the range of a double"),
    ("integer.geojson", collection(point, '{"n":123456789012345678901234567890}'), "does not fit 64 bits"),
    ("digits.geojson", collection(point, '{"n":1' + "0" * 400 + "}"), "does not fit 64 bits"),
    ("1e300.geojson", collection('{"type":"Point","coordinates":[1e300,2]}'), "1e+300"),
    ("nan.geojson", collection('{"type":"Point","coordinates":[NaN,2]}'), "NaN"),
    ("infinity.geojson", collection('{"type":"Point","coordinates":[Infinity,2]}'), "Infinity"),
    ("null.geojson", collection('{"type":"Point","coordinates":[null,2]}'), "not a number"),
    ("bytes.geojson", collection(point, '{"n":"X"}').encode().replace(b"X", b"\xff\xfe"), "not UTF-8"),
    ("surrogate.geojson", collection(point, '{"n":"\\ud800"}'), "surrogate"),
    ("control.geojson", collection(point, '{"n":"a\0b"}'), "control character"),
    ("nul.geojson", collection(point, '{"n":"a\\u0000b"}'), None),
    ("twice.geojson", collection(point, '{"n":1,"n":2}'), None),
    ("bowtie.geojson", collection('{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}'), None),
    ("no_rings.geojson", collection('{"type":"Polygon","coordinates":[]}'), "no rings"),
    ("no_positions.geojson", collection('{"type":"Polygon","coordinates":[[]]}'), "0 positions"),
    ("three.geojson", collection('{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0]]]}'), "3 positions"),
    ("empty.geojson", "", "empty"),
    ("cut.geojson", collection(point)[:-20], "cut off"),
    ("nul.csv", b"\0" * 100000, "NUL"),
    ("nul_field.csv", b"id,name,lon,lat\na,x\0y,113,34\n", None),
    ("quote.csv", 'id,name,lon,lat\na,"' + "x" * 5000000, "never closed"),
    ("line.csv", "id,name,lon,lat\na," + "x" * 20000000 + ",113,34\n", None),
    ("wide.csv", ",".join(f"c{i}" for i in range(100000)) + "\n", "columns"),
    ("ragged.csv", "id,lon,lat\na,113,34\nb,113\n", "line 3"),
    ("inf.csv", "id,lon,lat\na,inf,34\n", "line 2"),
    ("1e300.csv", "id,lon,lat\na,1e300,34\n", "line 2"),
    ("same_id.csv", "id,lon,lat\na,113,34\na,113,35\n", "line 3"),
    ("bytes.csv", b"id,name,lon,lat\na,\xff\xff\xff,113,34\n", "line 2"),
    ("deep_wkt.csv", 'id,geom\na,"' + "GEOMETRYCOLLECTION(" * 20000 + '"\n', "nested"),
    ("cut_wkt.csv", "id,geom\na,POINT(1 2)\nb,POINT(1\n", "line 3"),
    ("announced.csv", "id,geom\na,0103000000FFFFFFFF\n", "4294967295"),
    ("vertex.city.json", city("[[[0,1,4000000000]]]"), "out of range"),
    ("negative.city.json", city("[[[0,1,-1]]]"), "out of range"),
    ("scale.city.json", city(scale="[1e308,1e308,1]"), "not finite"),
    ("circle.city.json", city(objects='"a":{"type":"Building","children":["b"],"parents":["b"]},'
                                      '"b":{"type":"BuildingPart","children":["a"],"parents":["a"]}'), ""),
    ("chain.city.json", city(objects='"o0":{"type":"Building","children":["o1"]},' + chain +
                             ',"o30000":{"type":"BuildingPart","parents":["o29999"]}'), ""),
    ("up.json", '{"tiles":["../../etc/passwd"]}', "tile 1"),
    ("elsewhere.json", '{"tiles":["/etc/passwd"]}', "tile 1"),
    ("itself.json", '{"tiles":["itself.json"]}', "list of files"),
]


def limited(*words, gigabytes=4):
    start = time.monotonic()
    process = subprocess.Popen([CIMQ, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: resource.setrlimit(
                                   resource.RLIMIT_DATA, (gigabytes * GIGABYTE, gigabytes * GIGABYTE)))
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err, time.monotonic() - start


try:
    for name, content, reason in cases:
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        remove_city(database)
        status, _, err, _ = limited("import", database, path, "--crs", "EPSG:4326")
        left = [f for f in os.listdir(folder) if f.startswith("city.sqlite")]
        if reason is None:
            if status != 0:
                raise Fault(f"{name} is not imported ({status}): {err}")
            sound = run("check", database)
            if sound.returncode not in (0, 1):
                raise Fault(f"check after {name}: {sound.stdout}{sound.stderr}")
            figures["imported"] += 1
        else:
            if status != 1 or reason not in err or reason and name not in err:
                raise Fault(f"{name} ended with {status}: {err[:2000]}")
            if left:
                raise Fault(f"{name} left {left}")
            figures["refused"] += 1
        os.remove(path)
    if count > 1:
        big, n = os.path.join(folder, "big.geojson"), 10_000_000
        with open(big, "w") as out:
            out.write('{"type":"FeatureCollection","features":[{"type":"Feature","id":"big","properties":{},'
                      '"geometry":{"type":"Polygon","coordinates":[[')
            for i in range(n):
                r, turn = 0.2 + 1e-7 * (i % 2), 2 * math.pi * i / n
                out.write(f"[{113.6 + r * math.cos(turn):.9f},{34.7 + r * math.sin(turn):.9f}],")
            out.write("[113.8,34.7]]]}}]}")
        remove_city(database)
        shelters = os.path.join(folder, "shelter.csv")
        points(shelters, 3000, "base")
        status, _, err, seconds = limited("import", database, big, shelters, "--crs", "EPSG:4326")
        if status != 0:
            raise Fault(f"ten million vertices: {err}")
        figures[f"vertices imported in {seconds:.0f} s"] = n
        status, out, err, seconds = limited("query", database, "COUNT shelter INSIDE big 'big'", "--format", "csv")
        if status != 0 or out.split()[1] != "3000":
            raise Fault(f"points in ten million vertices: {out}{err}")
        figures[f"points found inside them in {seconds:.0f} s"] = 3000
    finish(f"hostile, seed {seed}", figures)
except Fault as fault:
    print(f"FAULT: {fault}\nkept in {folder}", file=sys.stderr)
    sys.exit(1)
shutil.rmtree(folder, ignore_errors=True)
