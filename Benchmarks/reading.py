"""Reading JSON sources: cimq beside orjson on the same bytes, and whole imports beside ogr2ogr and cjio. Processor time.

usage: reading.py CIMQ SOURCES [MEGABYTES [BENCH-LIBRARY]]      SOURCES: a folder made by `cimq generate`; 100

Makes four files from the city's tiles in a temporary folder: CityJSONSeq, the same as one CityJSON document, footprints
as GeoJSONSeq and as one GeoJSON document. `read` is `cimq import --dry-run`, which reads all of a file and finds its layers,
columns, types and faults, less the time of reading a file of one line; `parse` is orjson making Python objects of it.
`whole` is `cimq import` into a new database beside what the peer makes of the same file: ogr2ogr a SpatiaLite database,
cjio a loaded and saved CityJSON. What is not installed is left out (pip install orjson cjio; gdal-bin).

With BENCH-LIBRARY a second table has both passes of an import apart (`bench-library reading`), of these files and of the
real models in $CIMQ_REALDATA/cityjson beside orjson on the same bytes.
"""
import glob
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

cimq, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
wanted = (int(sys.argv[3]) if len(sys.argv) > 3 else 100) << 20
bench = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else None


def processor_time(*command):
    """User and system seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.decode()[-300:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_files(work):
    """The paths of the four files, by name; and beside each the path of one with a single feature."""
    header, lines, size = None, [], 0
    for tile in sorted(glob.glob(f"{folder}/tiles/*.city.jsonl")):
        with open(tile) as file:
            first = json.loads(file.readline())
            if header is None:
                header = first
            # Vertices are relative to the tile's own origin.
            mine, its = header["transform"], first["transform"]
            moves = [round((b - a) / s) for a, b, s in zip(mine["translate"], its["translate"], mine["scale"])]
            for line in file:
                feature = json.loads(line)
                feature["vertices"] = [[v + m for v, m in zip(vertex, moves)] for vertex in feature["vertices"]]
                lines.append(json.dumps(feature, separators=(",", ":"), ensure_ascii=False) + "\n")
                size += len(lines[-1])
        if size > wanted:
            break
    scale, shift = header["transform"]["scale"], header["transform"]["translate"]

    def document(features):
        result = {**header, "type": "CityJSON", "CityObjects": {}, "vertices": []}
        for feature in features:
            base = len(result["vertices"])
            result["vertices"] += feature["vertices"]

            def moved(indices):
                return indices + base if isinstance(indices, int) else [moved(i) for i in indices]

            for name, thing in feature["CityObjects"].items():
                for geometry in thing.get("geometry", []):
                    geometry["boundaries"] = moved(geometry["boundaries"])
                result["CityObjects"][name] = thing
        return result

    def footprint(feature):
        vertices = feature["vertices"]
        xs, ys = [v[0] * scale[0] + shift[0] for v in vertices], [v[1] * scale[1] + shift[1] for v in vertices]
        ring = [[xs[0], ys[0]], [max(xs), ys[0]], [max(xs), max(ys) + 1], [xs[0], max(ys) + 1], [xs[0], ys[0]]]
        properties = next(iter(feature["CityObjects"].values())).get("attributes", {})
        return {"type": "Feature", "id": feature["id"], "properties": properties,
                "geometry": {"type": "Polygon", "coordinates": [[[round(v, 3) for v in p] for p in ring]]}}

    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    files = {}
    for suffix, part in (("", lines), ("-one", lines[:1])):
        features = [json.loads(line) for line in part]
        shapes = [json.dumps(footprint(f), separators=(",", ":")) for f in features]
        texts = {
            f"seq{suffix}.city.jsonl": json.dumps(header) + "\n" + "".join(part),
            f"shapes{suffix}.geojsonl": "\n".join(shapes) + "\n",
            f"shapes{suffix}.geojson":
                json.dumps({"type": "FeatureCollection", "crs": crs})[:-1] + ', "features": [\n' + ",\n".join(shapes) + "\n]}",
            f"document{suffix}.city.json": json.dumps(document(features), separators=(",", ":")),
        }
        for name, text in texts.items():
            files[name] = os.path.join(work, name)
            with open(files[name], "w") as file:
                file.write(text)
    return files


def orjson_seconds(path):
    try:
        import orjson
    except ImportError:
        return None
    with open(path, "rb") as file:
        data = file.read()
    started = time.process_time()
    if path.endswith(("jsonl", "geojsonl")):
        for line in data.splitlines():
            orjson.loads(line)
    else:
        orjson.loads(data)
    return time.process_time() - started


def peer_command(path, target):
    if "city" in os.path.basename(path):
        cjio = shutil.which("cjio") or shutil.which("cjio", path=os.path.dirname(sys.executable))
        if cjio is None or path.endswith("jsonl"):
            return None
        return [cjio, path, "save", target + ".city.json"]
    if shutil.which("ogr2ogr") is None:
        return None
    name = ("GeoJSONSeq:" if path.endswith("geojsonl") else "") + path
    return ["ogr2ogr", "-f", "SQLite", "-dsco", "SPATIALITE=YES", "-a_srs", "EPSG:4547", target + ".sqlite", name]


def passes(files):
    """Both passes over each file in one process, the least of several runs."""
    real = sorted(glob.glob(os.environ.get("CIMQ_REALDATA", "") + "/cityjson/*.city.json*"))
    files = files + [path for path in real if os.path.getsize(path) > 200_000]
    print("\n| file | MB | first pass | second pass | both | orjson |")
    print("|---|---:|---:|---:|---:|---:|")
    for path in files:
        done = subprocess.run([bench, "reading", path], env=os.environ | {"REPS": "7"}, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{path}: {done.stderr.strip()}", file=sys.stderr)
            continue
        found = json.loads(done.stdout)
        parse = orjson_seconds(path)
        speeds = [f"{found[name] / 1e6:.0f} MB/s" for name in ("first", "second", "both")]
        speeds.append(f"{os.path.getsize(path) / 1e6 / max(parse, 1e-6):.0f} MB/s" if parse is not None else "not installed")
        print(f"| {os.path.basename(path)} | {found['bytes'] / 1e6:.1f} | " + " | ".join(speeds) + " |", flush=True)


def main():
    work = tempfile.mkdtemp(prefix="cimq-reading-")
    try:
        files = write_files(work)
        print("| file | MB | read by cimq | parsed by orjson | imported by cimq | the peer end to end |")
        print("|---|---:|---:|---:|---:|---:|")
        for name in ("seq.city.jsonl", "document.city.json", "shapes.geojsonl", "shapes.geojson"):
            path, one = files[name], files[name.replace(".", "-one.", 1)]
            crs = ["--crs", "EPSG:4547", "--working-crs", "EPSG:4547"]

            def read(file):
                return min(processor_time(cimq, "import", f"{work}/x.sqlite", file, "--dry-run", *crs) for _ in range(3))

            megabytes = os.path.getsize(path) / 1e6
            seconds = max(1e-3, read(path) - read(one))
            parse = orjson_seconds(path)
            whole = processor_time(cimq, "import", f"{work}/whole-{name}.sqlite", path, *crs)
            peer = peer_command(path, f"{work}/peer-{name}")
            theirs = processor_time(*peer) if peer else None
            cells = [
                f"{megabytes / seconds:.0f} MB/s",
                f"{megabytes / parse:.0f} MB/s ({parse / seconds:.2f} x)" if parse else "not installed",
                f"{whole:.1f} s",
                f"{os.path.basename(peer[0])} {theirs:.1f} s ({theirs / whole:.1f} x)" if peer else "none",
            ]
            print(f"| {name} | {megabytes:.0f} | " + " | ".join(cells) + " |", flush=True)
        if bench:
            passes([files[name] for name in ("seq.city.jsonl", "document.city.json", "shapes.geojsonl", "shapes.geojson")])
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
