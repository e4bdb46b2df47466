"""Readers beside writers: each answer shows one revision, no commit is lost, locks that last are named."""
import os, random, shutil, subprocess, sys, threading, time
from city import *

seconds, seed = argument(1, 60), argument(2, 1)
rng = random.Random(seed)
folder = work_folder()
path = make_city(folder, 5000)
stop = time.monotonic() + seconds
figures = {"reads": 0, "shell reads": 0, "edits by cimq": 0, "edits by sqlite3": 0, "refused for a lock": 0}
faults = []
guard = threading.Lock()


def say(fault):
    with guard:
        faults.append(fault)


def add(name):
    with guard:
        figures[name] += 1


# The writers keep the sum of all capacities what it is: every revision shows this sum.
run("query", path, "UPDATE shelter SET capacity = 100 ALL")
total = 100 * 5000


def reader():
    while time.monotonic() < stop and not faults:
        answer = run("query", path, "SELECT SUM(capacity) AS s, COUNT(*) AS n FROM shelter", "--format", "csv")
        if answer.returncode != 0:
            return say(f"a reader failed ({answer.returncode}): {answer.stderr}")
        if answer.stdout.splitlines()[1] != f"{total},5000":
            return say(f"a reader saw {answer.stdout.splitlines()[1]}, which no revision holds")
        add("reads")


def shell_reader():
    process = subprocess.Popen([CIMQ, "shell", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    while time.monotonic() < stop and not faults:
        process.stdin.write("SELECT SUM(capacity) AS s, COUNT(*) AS n FROM shelter;\n")
        process.stdin.flush()
        process.stdout.readline()
        line = process.stdout.readline().strip()
        if line != f"{total},5000":
            return say(f"a shell saw {line}, which no revision holds")
        add("shell reads")
    process.stdin.close()
    process.wait()


def cimq_writer(number):
    own = random.Random(seed * 100 + number)
    while time.monotonic() < stop and not faults:
        a, b = own.sample(range(5000), 2)
        text = (f"UPDATE shelter SET capacity = capacity + CASE WHEN id = 'P-{a}' THEN 1 ELSE -1 END "
                f"WHERE id IN ('P-{a}', 'P-{b}')")
        answer = run("query", path, text)
        if answer.returncode == 3:
            add("refused for a lock")
        elif answer.returncode != 0:
            return say(f"an edit failed ({answer.returncode}): {answer.stderr}")
        else:
            add("edits by cimq")


def sqlite_writer():
    own = random.Random(seed)
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    while time.monotonic() < stop and not faults:
        a, b = own.sample(range(1, 5001), 2)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE shelter SET capacity = capacity + 3 WHERE fid = ?", (a,))
        connection.execute("UPDATE shelter SET capacity = capacity - 3 WHERE fid = ?", (b,))
        connection.execute("COMMIT")
        add("edits by sqlite3")
        time.sleep(0.02)
    connection.close()


workers = [threading.Thread(target=reader) for _ in range(4)]
workers += [threading.Thread(target=shell_reader), threading.Thread(target=sqlite_writer)]
workers += [threading.Thread(target=cimq_writer, args=(i,)) for i in range(2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
try:
    if faults:
        raise Fault(faults[0])
    # A lock that lasts is named.
    holder = subprocess.Popen([CIMQ, "shell", path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, text=True)
    holder.stdin.write("BEGIN;\n")
    holder.stdin.flush()
    for _ in range(200):
        if os.path.exists(path + "-owner"):
            break
        time.sleep(0.05)
    answer = run("query", path, "UPDATE shelter SET name = 'x' WHERE id = 'P-1'")
    holder.stdin.close()
    holder.wait()
    if answer.returncode != 3 or f"process {holder.pid}" not in answer.stderr:
        raise Fault(f"who holds the lock was not said ({answer.returncode}): {answer.stderr}")
    # Two imports at once: into one new database, and into one that is there.
    files = [os.path.join(folder, f"{tag}.csv") for tag in "ab"]
    for i, file in enumerate(files):
        points(file, 3000, "ab"[i], first=10000 * (i + 1))
    for target in [os.path.join(folder, "new.sqlite"), path]:
        before = rows_in(target)[0] if target == path else 0
        both = [subprocess.Popen([CIMQ, "import", target, file, "--layer", "shelter", "--crs", "EPSG:4326"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for file in files]
        ends = [process.communicate()[1] for process in both]
        done = sum(process.returncode == 0 for process in both)
        if any(process.returncode not in (0, 3) for process in both) or done == 0:
            raise Fault(f"two imports at once ended with {[p.returncode for p in both]}: {ends}")
        if rows_in(target)[0] != before + 3000 * done:
            raise Fault(f"{done} imports at once left {rows_in(target)}")
        check(target)
        figures["imports at once"] = figures.get("imports at once", 0) + 2
    check(path)
    finish(f"many, {seconds} s, seed {seed}", figures)
except Fault as fault:
    print(f"FAULT (seed {seed}): {fault}\nthe database is kept in {folder}", file=sys.stderr)
    sys.exit(1)
shutil.rmtree(folder, ignore_errors=True)
