"""Questions a second with 1, 2, 4 and 8 reader processes, alone and with one writer beside them.

usage: throughput.py CIMQ DATABASE [SECONDS]        (writes to the database when asked to: give it a copy)

Each reader is one `cimq shell` that is asked the same small questions again and again; the writer updates the status of a
shelter as fast as it can through SQLite, which the change log records, so readers bring their snapshot up to date.
"""
import os
import sqlite3
import subprocess
import sys
import threading
import time

cimq, database = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 5
X, Y = 465204.909, 3846924.756
QUESTIONS = "".join(
    f"FIND shelter NEAREST 5 TO POINT({X + 37 * i} {Y - 53 * i}) IN EPSG:4547 RETURN id;\n"
    f"COUNT building WITHIN 500 m OF POINT({X - 91 * i} {Y + 17 * i}) IN EPSG:4547;\n" for i in range(50))


failures = []


def reader(stop, counts, index):
    process = subprocess.Popen(
        [cimq, "shell", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    answered = [0]

    def drain():
        # Each COUNT answers with this header and a number; a FIND before it with its own.
        for line in process.stdout:
            answered[0] += line == "count\n"

    drains = threading.Thread(target=drain)
    drains.start()
    asked = 0
    while not stop.is_set() and process.poll() is None:
        try:
            process.stdin.write(QUESTIONS)
            process.stdin.flush()
        except BrokenPipeError:
            break
        asked += 100
    # What was written but not answered when time was up is answered now, and the clock runs on until it is.
    error = finish(process, drains)
    if process.returncode != 0 or 2 * answered[0] != asked:
        failures.append(f"a reader answered {2 * answered[0]} of {asked}: {error.strip()[-200:]}")
    counts[index] = 2 * answered[0]


def finish(process, drains):
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    drains.join()
    error = process.stderr.read()
    process.wait()
    return error


def writer(stop, writes, pause):
    connection = sqlite3.connect(database, timeout=10)
    while not stop.wait(pause):
        connection.execute("UPDATE shelter SET occupied = occupied + 1 WHERE fid = 1")
        connection.commit()
        writes[0] += 1
    # The last one to close a database takes its write-ahead log away.
    connection.close()


print("| readers | questions a second | with a writer (10 edits a second) | edits made |")
print("|---:|---:|---:|---:|")
for readers in (1, 2, 4, 8):
    cells = []
    for with_writer in (False, True):
        # A file that was written a moment ago is compared with the snapshot at each statement: that belongs to the writer.
        time.sleep(4)
        stop, counts, writes = threading.Event(), [0] * readers, [0]
        threads = [threading.Thread(target=reader, args=(stop, counts, i)) for i in range(readers)]
        if with_writer:
            threads.append(threading.Thread(target=writer, args=(stop, writes, 0.1)))
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        cells.append(sum(counts) / (time.perf_counter() - started))
    print(f"| {readers} | {cells[0]:,.0f} | {cells[1]:,.0f} | {writes[0]} |")
for failure in failures:
    print(failure, file=sys.stderr)
sys.exit(1 if failures else 0)
