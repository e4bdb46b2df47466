"""How long a statement goes on after Ctrl-C: milliseconds from the signal to the end of the process, at many moments.

usage: stopping.py CIMQ DATABASE [MOMENTS]       (12)

Statements that sort, group and join all rows of a city. Prints the median and the longest of each; only the longest on a
quiet machine says something about cimq.
"""
import os
import signal
import subprocess
import sys
import time

cimq, database = os.path.abspath(sys.argv[1]), sys.argv[2]
moments = int(sys.argv[3]) if len(sys.argv) > 3 else 12
STATEMENTS = [
    "FIND person ORDER BY name, age DESC RETURN id",
    "FIND person GROUP BY household RETURN household, COUNT(*) AS n",
    "FIND person GROUP BY name, age RETURN name, age, COUNT(*) AS n, MEDIAN(age) AS m",
    "FIND unit GROUP BY building RETURN building, SUM(area) AS a ORDER BY a DESC",
    "FIND person RETURN DISTINCT name, household",
]


def run(statement, wait):
    """Milliseconds from the signal to the end; None when the statement was done before."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [cimq, "query", database, statement, "-o", "/dev/null", "--format", "csv"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(wait)
        return None, time.perf_counter() - started
    except subprocess.TimeoutExpired:
        pass
    sent = time.perf_counter()
    process.send_signal(signal.SIGINT)
    status = process.wait()
    # Before the program has set itself up, and after its last row, the signal ends it as it ends any program.
    assert status in (130, -signal.SIGINT, 0), f"{statement}: exit status {status}"
    return 1e3 * (time.perf_counter() - sent), wait


print("| statement | whole | median after Ctrl-C | longest |")
print("|---|---:|---:|---:|")
for statement in STATEMENTS:
    whole = run(statement, 600)[1]
    times = [run(statement, whole * (i + 0.5) / moments)[0] for i in range(moments)]
    times = sorted(t for t in times if t is not None)
    if times:
        print(f"| `{statement}` | {whole:.1f} s | {times[len(times) // 2]:.0f} ms | {times[-1]:.0f} ms |", flush=True)
