#!/usr/bin/env python3
"""Growth of the whole engine: generate, import, pack and a set of questions on cities of several sizes.

usage: scales.py CIMQ FOLDER [SCALE…] [--svg FILE]        (0.01 0.1 1; FOLDER keeps cities and databases: 9 GB at scale 1)

Prints one table of loading (time, peak memory, sizes, microseconds a row) and one of questions (engine time of a warm
process, and the peak memory of a fresh one). `--svg` draws the time a row, or a hit, over the rows: flat is linear.
A database that is there already is asked only; its loading is not measured again. Runs one thing at a time.
"""
import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("cimq")
parser.add_argument("folder")
parser.add_argument("scales", nargs="*", type=float)
parser.add_argument("--svg")
parser.add_argument("--runs", type=int, default=5)
arguments = parser.parse_args()
cimq, scales = os.path.abspath(arguments.cimq), sorted(arguments.scales or [0.01, 0.1, 1])

# What the work of a question grows with: all rows of a layer, or the rows it finds.
QUESTIONS = [
    ("5 nearest shelters", "FIND shelter NEAREST 5 TO AT(113.62, 34.75) RETURN id", None),
    ("buildings within 500 m of a point", "COUNT building WITHIN 500 m OF AT(113.62, 34.75)", None),
    ("buildings within 500 m of any hazard", "COUNT building WITHIN 500 m OF hazard", "building"),
    ("nearest shelter of each building",
     "FIND building AS b JOIN NEAREST 1 shelter AS s RETURN COUNT(*) AS n, SUM(s.distance) AS d", "building"),
    ("buildings that meet a flood", "COUNT building INTERSECTS flood", "building"),
    ("units of each grid",
     "FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code RETURN g.code, COUNT(*) AS n LIMIT 1", "unit"),
    ("filter and mean of units", "FIND unit WHERE area > 80 AND floor >= 3 RETURN COUNT(*) AS n, AVG(area) AS a", "unit"),
    ("units by floor", "FIND unit GROUP BY floor RETURN floor, COUNT(*) AS n LIMIT 1", "unit"),
    ("ten largest units", "FIND unit ORDER BY area DESC LIMIT 10 RETURN id, area", "unit"),
    ("people by mobility", "FIND person GROUP BY mobility RETURN mobility, COUNT(*) AS n LIMIT 1", "person"),
    ("people of each household, three largest",
     "FIND person GROUP BY household RETURN household, COUNT(*) AS n ORDER BY n DESC LIMIT 3", "person"),
    ("LINK unit TO grid3, dry run", "LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 30 m DRY RUN", "unit"),
    ("EXPOSE unit to a flood", "EXPOSE unit TO flood 'F-0720'", "unit"),
]


def peak(command):
    """Seconds, processor seconds and peak memory in MB of one process, waited for alone, so that its usage is its own."""
    started = time.perf_counter()
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path) / 1e6
    return sum(os.path.getsize(os.path.join(a, f)) for a, _, files in os.walk(path) for f in files) / 1e6


def rows_of(database):
    out = subprocess.run([cimq, "info", database], capture_output=True, text=True, check=True).stdout
    lines = [[cell.strip() for cell in line.split("│")] for line in out.splitlines() if "│" in line]
    return {line[0]: int(line[3].replace(",", "")) for line in lines[1:] if line[3].replace(",", "").isdigit()}


def engine_times(database, question):
    text = ".timer on\n" + (question + ";\n") * (arguments.runs + 1)
    process = subprocess.run([cimq, "shell", database], input=text, capture_output=True, text=True, check=True)
    times = [float(t.replace(",", "")) for t in re.findall(r"([0-9.,]+) ms", process.stderr)]
    return statistics.median(times[1:])


loading, asked = [], {}
os.makedirs(arguments.folder, exist_ok=True)
for scale in scales:
    source = os.path.join(arguments.folder, f"city-{scale:g}")
    database = os.path.join(arguments.folder, f"city-{scale:g}.sqlite")
    fresh = not os.path.exists(database)
    if fresh:
        generated = peak([cimq, "generate", source, "--scale", f"{scale:g}"])
        imported = peak([cimq, "import", database, source])
        packed = peak([cimq, "snapshot", database])
    rows = rows_of(database)
    total = sum(rows.values())
    if fresh:
        loading.append((scale, total, size(source), generated, imported, packed, size(database), size(database + ".cimx")))
    for name, question, layer in QUESTIONS:
        memory = peak([cimq, "query", database, question, "--format", "csv"])[2]
        asked.setdefault(name, []).append((scale, rows.get(layer), engine_times(database, question), memory))
    print(f"scale {scale:g}: {total:,} rows", file=sys.stderr)

if loading:
    print("| scale | rows | sources | generate | import | a row | peak memory | pack again | store | snapshot |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for scale, total, sources, generated, imported, packed, store, snapshot in loading:
        print(f"| {scale:g} | {total:,} | {sources:,.0f} MB | {generated[0]:.1f} s | {imported[0]:.1f} s | "
              f"{imported[0] / total * 1e6:.1f} µs | {imported[2]:,.0f} MB | {packed[0]:.1f} s | {store:,.0f} MB | {snapshot:,.0f} MB |")
    print()
print("| question | grows with | " + " | ".join(f"{s:g}" for s in scales) + " | against n log n | peak memory |")
print("|---|---|" + "---:|" * len(scales) + "---:|---:|")
lines = []
for name, *_ in QUESTIONS:
    results = asked[name]
    layer = next(layer for n, _, layer in QUESTIONS if n == name)
    cells = " | ".join(f"{ms:,.2f} ms" for _, _, ms, _ in results)
    growth = "–"
    if layer and len(results) > 1:
        (_, n, small, _), (_, m, large, _) = results[0], results[-1]
        growth = f"{large / small / (m * math.log2(m) / (n * math.log2(n))):.2f}"
        lines.append((name, [(count, ms * 1e6 / count) for _, count, ms, _ in results]))
    print(f"| {name} | {layer or 'what it finds'} | {cells} | {growth} | {results[-1][3]:,.0f} MB |")

if arguments.svg and lines:
    W, H, L, B = 720, 420, 60, 40
    xs = [n for _, points in lines for n, _ in points]
    ys = [v for _, points in lines for _, v in points]
    low, high = math.log10(min(xs)), math.log10(max(xs))
    bottom, top = math.floor(math.log10(max(min(ys), 0.01))), math.ceil(math.log10(max(ys)))
    x = lambda n: L + (math.log10(n) - low) / (high - low) * (W - L - 250)
    y = lambda v: H - B - (math.log10(max(v, 0.01)) - bottom) / (top - bottom) * (H - B - 20)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" font-family="sans-serif" font-size="11">',
           f'<rect width="{W}" height="{H}" fill="white"/>']
    for power in range(bottom, top + 1):
        out.append(f'<path d="M{L} {y(10 ** power):.1f}H{W - 250}" stroke="#ddd"/>'
                   f'<text x="{L - 6}" y="{y(10 ** power) + 4:.1f}" text-anchor="end">{10 ** power:g} ns</text>')
    for power in range(math.ceil(low), math.floor(high) + 1):
        out.append(f'<text x="{x(10 ** power):.1f}" y="{H - B + 16}" text-anchor="middle">{10 ** power:,}</text>')
    out.append(f'<text x="{(L + W - 250) / 2}" y="{H - 6}" text-anchor="middle">rows of the layer</text>')
    for i, (name, points) in enumerate(lines):
        colour = f"hsl({i * 360 // len(lines)},65%,42%)"
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="' +
                   " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in points) + '"/>')
        out.append(f'<text x="{W - 240}" y="{30 + 18 * i}" fill="{colour}">{name}</text>')
    with open(arguments.svg, "w") as file:
        file.write("\n".join(out) + "\n</svg>\n")
