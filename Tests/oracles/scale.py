"""A linked database of a generated city of any size against `answers.json`: counts, links, roll-ups and exposure.

usage: scale.py CIMQ DATABASE ANSWERS.json [--link]
`--link` links the database first (it is written to: give a copy). Prints one line a check and ends with 1 when any
answer differs. Needs nothing but Python. To repeat at any size:
  cimq generate CITY --scale 1 && cimq import city.sqlite CITY/tiles CITY/datasets
  python3 Tests/oracles/scale.py cimq city.sqlite CITY/datasets/answers.json --link
"""
import collections
import csv
import io
import json
import subprocess
import sys
import time

cimq, database, path = sys.argv[1:4]
answers = json.load(open(path))
failures = 0


def run(*words):
    start = time.perf_counter()
    done = subprocess.run([cimq, *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words}\n{done.stderr}")
    return done.stdout, done.stderr, time.perf_counter() - start


def ask(statement):
    out, _, seconds = run("query", database, statement, "--format", "csv")
    return list(csv.DictReader(io.StringIO(out))), seconds


def check(title, found, wanted, seconds):
    global failures
    same = found == wanted
    failures += not same
    print(f"{'agrees' if same else 'DIFFERS'}  {seconds:7.2f} s  {title}")
    if not same and isinstance(found, dict):
        odd = [k for k in set(found) | set(wanted) if found.get(k) != wanted.get(k)]
        print("         ", [(k, found.get(k), wanted.get(k)) for k in sorted(odd, key=str)[:5]])
    elif not same:
        print("         ", found, wanted)


if "--link" in sys.argv:
    out, said, seconds = run("link", database, "unit", "grid3", "--within", "30m")
    print(said.strip())
counts, spent = {}, 0.0
for layer in answers["counts"]:
    rows, seconds = ask(f"COUNT {layer}")
    counts[layer] = int(rows[0]["count"])
    spent += seconds
check("rows of every layer", counts, answers["counts"], spent)

odd = [o for o in answers["odd"] if o["layer"] == "unit"]
near = sum(o["kind"] == "outside_within_30m" for o in odd)
far = sum(o["kind"] == "outside_beyond_30m" for o in odd)
rows, seconds = ask("FIND unit GROUP BY link_method RETURN link_method, COUNT(*) AS n")
wanted = {"inside": answers["counts"]["unit"] - near - far, "nearest": near, "none": far}
check("units by method", {r["link_method"]: int(r["n"]) for r in rows}, {k: v for k, v in wanted.items() if v}, seconds)
for o in odd:
    rows, seconds = ask(f"FIND unit WHERE id = '{o['id']}' RETURN id, grid3")
    code = None if o["kind"] == "outside_beyond_30m" else o.get("nearest") or min(o["grids"])
    check(f"{o['id']} ({o['kind']})", rows[0]["grid3"] or None, code, seconds)

for layer, value in (("unit", "units"), ("person", "people")):
    totals = set()
    for level, digits in (("grid1", 9), ("grid2", 12), ("grid3", 15), ("district", 6)):
        wanted = collections.Counter({k: v[value] for k, v in answers[level].items() if v[value]})
        for o in odd:
            code = None if o["kind"] == "outside_beyond_30m" else o.get("nearest") or min(o["grids"])
            if level == "district":
                continue
            wanted[code[:digits] if code else ""] += 1 if layer == "unit" else o.get("people", 0)
        rows, seconds = ask(f"COUNT {layer} GROUP BY {level}")
        found = {r[level]: int(r["count"]) for r in rows}
        totals.add(sum(found.values()))
        if level == "district":
            # Districts hold the odd units that lie inside them; the file counts a part of these.
            slack = sum(1 if layer == "unit" else o.get("people", 0) for o in odd)
            apart = sum(abs(found.get(k, 0) - v) for k, v in wanted.items())
            check(f"{layer} by district, but for odd places", apart <= slack, True, seconds)
        else:
            check(f"{layer} by {level}", found, {k: v for k, v in wanted.items() if v}, seconds)
    check(f"{layer}: every level adds up to the same", totals, {answers["counts"][layer]}, 0)

rows, seconds = ask("EXPOSE unit, person TO flood GROUP BY layer")
found = {(r["scenario"], r["layer"]): (int(r["total"]), int(r["wet"]), int(r["dry"])) for r in rows}
wanted = {}
for f in answers["floods"]:
    for layer, name in (("unit", "units"), ("person", "people")):
        total, wet = f[name + "_inside"], f[name + "_below"]
        if total:
            wanted[f["id"], layer] = (total, wet, total - wet)
check(f"exposure of units and people to {len(answers['floods'])} floods", {k: v for k, v in found.items() if v[0]}, wanted, seconds)
sys.exit(1 if failures else 0)
