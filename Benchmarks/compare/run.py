"""The same statements by cimq and by its peers, on one city, on one machine, in turn; answers are compared.

usage: run.py CIMQ DATABASE [--peers spatialite,duckdb,sedonadb,postgis] [--runs 3] [--limit 120] [--work FOLDER]

Times are those of the statement inside a running process with the data taken in and caches warm: `.timer on` of `cimq
shell` and of the `sqlite3` shell, the clock around the call elsewhere. A peer that is not installed is reported as absent,
a statement that takes longer than the limit as such, an answer that differs as wrong.

PostGIS gets a server of its own for the time of the run (cluster.py), unless CIMQ_COMPARE_POSTGRES names one.
Python peers are looked for in the interpreters named by CIMQ_COMPARE_PYTHON (colon-separated), else in this one.
"""
import argparse
import contextlib
import json
import os
import platform
import re
import selectors
import shutil
import statistics
import subprocess
import sys
import time

from cluster import cluster, programs
from statements import STATEMENTS

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHONS = os.environ.get("CIMQ_COMPARE_PYTHON", sys.executable).split(":")
MODULES = {"duckdb": "duckdb", "sedonadb": "sedonadb", "postgis": "psycopg, pyarrow"}


def python_with(modules):
    for python in PYTHONS:
        if subprocess.run([python, "-c", f"import {modules}"], capture_output=True).returncode == 0:
            return python
    return None


def numbers(text):
    return [float(v) for v in re.split(r"[,|]", text.strip())]


def cimq(arguments, statement):
    """Engine time by the shell's own clock."""
    text = ".timer on\n" + (statement["cimq"] + ";\n") * (arguments.runs + 1)
    done = subprocess.run(
        [arguments.cimq, "shell", arguments.database], input=text, capture_output=True, text=True, check=True)
    times = [float(t.replace(",", "")) / 1e3 for t in re.findall(r"([0-9.,]+) ms", done.stderr)]
    lines = done.stdout.strip().splitlines()
    return times[1:], numbers(lines[1])


def spatialite(arguments, statement):
    """The second of two runs, or the only one where that takes longer than ten seconds."""
    first = spatialite_once(arguments, statement, 1)
    return first if first is None or first[0][0] > 10 else spatialite_once(arguments, statement, 2)


def spatialite_once(arguments, statement, runs):
    text = "SELECT load_extension('mod_spatialite');\n.timer on\n" + (statement["spatialite"] + ";\n") * runs
    try:
        done = subprocess.run(
            ["sqlite3", "-batch", "-readonly", arguments.database], input=text, capture_output=True, text=True,
            timeout=arguments.limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    times = [float(t) for t in re.findall(r"Run Time: real ([0-9.]+)", done.stdout)]
    answers = [line for line in done.stdout.splitlines() if line and not line.startswith("Run Time")]
    return times[-1:], numbers(answers[-1])


def python_peer(arguments, peer, python, indices, results):
    """One process for all statements; when one of them is too slow, another process for the rest. Why the peer cannot be
    used at all, or None."""
    while indices:
        process = subprocess.Popen(
            [python, "peer.py", peer, arguments.database, arguments.work, str(arguments.runs), *map(str, indices)],
            cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        deadline = None
        while True:
            left = max(0, deadline - time.time()) if deadline else None
            if not selector.select(left):
                process.kill()
                results[indices.pop(0)][peer] = None
                break
            line = process.stdout.readline()
            if not line:
                error = process.stderr.read().strip().splitlines()
                if process.wait() != 0 and indices:
                    why = error[-1].strip()[:160] if error else "failed"
                    if deadline is None:
                        return why
                    results[indices.pop(0)][peer] = why
                break
            message = json.loads(line)
            deadline = time.time() + arguments.limit
            if "load" in message:
                print(f"  loaded in {message['load']:.1f} s", file=sys.stderr)
                continue
            indices.remove(message["index"])
            results[message["index"]][peer] = (message["seconds"], message["answer"])
        process.wait()
    return None


def agree(a, b):
    return len(a) == len(b) and all(abs(x - y) <= 1e-6 * max(1, abs(x), abs(y)) for x, y in zip(a, b))


def cell(result, mine):
    if isinstance(result, str):
        return "fails: " + result
    if result is None:
        return "too slow"
    if result == "absent":
        return result
    times, answer = result
    seconds = statistics.median(times)
    ratio = seconds / statistics.median(mine[0])
    text = f"{seconds * 1e3:,.1f} ms" if seconds < 10 else f"{seconds:,.1f} s"
    return f"{text} ({ratio:.1f} x)" + ("" if agree(answer, mine[1]) else " WRONG")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cimq")
    parser.add_argument("database")
    parser.add_argument("--peers", default="spatialite,duckdb,sedonadb,postgis")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("--work", default=None)
    parser.add_argument("--small", action="store_true", help="also ask for products of all pairs")
    arguments = parser.parse_args()
    arguments.cimq = os.path.abspath(arguments.cimq)
    arguments.database = os.path.abspath(arguments.database)
    arguments.work = os.path.abspath(arguments.work or arguments.database + ".peers")
    peers = arguments.peers.split(",")
    results = [dict() for _ in STATEMENTS]
    absent = {}
    for index, statement in enumerate(STATEMENTS):
        results[index]["cimq"] = cimq(arguments, statement)

    def skipped(index, peer):
        return not arguments.small and peer in STATEMENTS[index].get("product", ())

    for peer in peers:
        print(peer, file=sys.stderr)
        if peer == "spatialite":
            if not shutil.which("sqlite3"):
                absent[peer] = "no sqlite3 shell"
                continue
            for index, statement in enumerate(STATEMENTS):
                if skipped(index, peer):
                    continue
                try:
                    results[index][peer] = spatialite(arguments, statement)
                except RuntimeError as error:
                    results[index][peer] = str(error)
            continue
        python = python_with(MODULES[peer])
        loader = python_with("pyarrow")
        if python is None or loader is None:
            absent[peer] = f"no Python module {MODULES[peer] if python is None else 'pyarrow'}"
            continue
        subprocess.run([loader, "load.py", arguments.database, arguments.work], cwd=HERE, check=True)
        wanted = [i for i in range(len(STATEMENTS)) if not skipped(i, peer)]
        with contextlib.ExitStack() as stack:
            if peer == "postgis" and "CIMQ_COMPARE_POSTGRES" not in os.environ:
                if programs() is None:
                    absent[peer] = "no PostgreSQL server: apt-get install postgresql-15-postgis-3"
                    continue
                try:
                    os.environ["CIMQ_COMPARE_POSTGRES"] = stack.enter_context(cluster())
                except RuntimeError as error:
                    absent[peer] = f"PostgreSQL does not start: {error}"
                    continue
            if why := python_peer(arguments, peer, python, wanted, results):
                absent[peer] = why
    # cimq once more, after the peers: what changed on the machine meanwhile shows.
    for index, statement in enumerate(STATEMENTS):
        before = results[index]["cimq"]
        results[index]["cimq"] = (before[0] + cimq(arguments, statement)[0], before[1])

    print(f"{platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, {arguments.database.rsplit('/', 1)[-1]}, "
          f"median of {arguments.runs} (cimq: of {2 * arguments.runs}, half before and half after the peers)")
    print("| statement | cimq | " + " | ".join(peers) + " |")
    print("|---|---:|" + "---:|" * len(peers))
    for index, statement in enumerate(STATEMENTS):
        mine = results[index]["cimq"]
        cells = [
            "absent" if peer in absent else "a product" if skipped(index, peer) else cell(results[index].get(peer), mine)
            for peer in peers]
        print(f"| {statement['name']} | {statistics.median(mine[0]) * 1e3:,.1f} ms | " + " | ".join(cells) + " |")
    for peer, why in absent.items():
        print(f"\n{peer}: absent ({why})")


main()
