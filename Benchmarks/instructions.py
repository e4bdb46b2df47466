#!/usr/bin/env python3
"""Counts the instructions of the hot operations with callgrind, on a small fixed input, and compares with
instructions.tsv: a slower change shows without a quiet machine.
usage: instructions.py [--write] [BINARY]     the binary defaults to the release build of bench-library
More than TOLERANCE above the file fails; --write takes the counts over."""
import os, re, subprocess, sys, tempfile

TOLERANCE = 0.03  # another compiler, another standard library or another layout of memory moves counts by less
HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "instructions.tsv")
NAMES = ["build", "windows", "nearest", "nearest-points", "nearest-of-each", "within", "points-in-polygons", "intersects"]


def count(binary, name):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*8measuredyS2dyXEF*",
             f"--callgrind-out-file={folder}/out", binary, "once", name], capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not found:
        sys.exit(f"{name}: valgrind failed\n{run.stderr[-2000:]}")
    return int(found.group(1)), run.stdout.strip()


def main():
    words = [w for w in sys.argv[1:] if w != "--write"]
    binary = words[0] if words else os.path.join(HERE, ".build/release/bench-library")
    if not os.path.exists(binary):
        sys.exit(f"{binary} is not there: swift build -c release --package-path Benchmarks")
    # valgrind 3.19 cannot read the debug information of Swift 6; names of functions are all that is needed.
    stripped = tempfile.NamedTemporaryFile()
    if subprocess.run(["strip", "-g", "-o", stripped.name, binary]).returncode == 0:
        os.chmod(stripped.name, 0o755)
        binary = stripped.name
    before = {}
    if os.path.exists(FILE):
        for line in open(FILE):
            if not line.startswith("#"):
                name, number, check = line.split()
                before[name] = (int(number), check)
    rows, worse = [], []
    for name in NAMES:
        number, check = count(binary, name)
        rows.append((name, number, check))
        old = before.get(name)
        print(f"{name:20s} {number:14,d}" + (f"  {number / old[0] - 1:+.1%}" if old else ""))
        if old and (number > old[0] * (1 + TOLERANCE) or check != old[1]):
            worse.append(f"{name}: {old[0]:,} -> {number:,}, answer {old[1]} -> {check}")
    if "--write" in sys.argv:
        swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
        with open(FILE, "w") as file:
            file.write(f"# operation, instructions, answer. {swift}; -O, x86-64; see instructions.py\n")
            for row in rows:
                file.write("\t".join(map(str, row)) + "\n")
    elif worse:
        sys.exit("more instructions than before, or another answer:\n" + "\n".join(worse))


main()
