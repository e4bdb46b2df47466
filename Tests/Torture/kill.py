"""kill -9 at random moments: committed work is there, other work is not, nothing wrong is answered afterwards."""
import os, random, shutil, signal, subprocess, sys, time
from city import *

count, seed = argument(1, 300), argument(2, 1)
rng = random.Random(seed)
folder = work_folder()
rows = 1500 if count <= 30 else 20000
base = make_city(folder, rows)
path = os.path.join(folder, "victim.sqlite")
update = os.path.join(folder, "update.csv")
new = os.path.join(folder, "new.sqlite")
figures = {"runs": 0, "killed": 0, "ended before": 0, "imports": 0, "edits": 0, "transactions": 0, "packings": 0}
durations = {}


def victim(kind, words, stdin=None):
    """Starts the program and kills it somewhere within the time that it takes; True when it ended by itself."""
    start = time.monotonic()
    process = subprocess.Popen([CIMQ, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    if stdin:
        try:
            process.stdin.write(stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.stdin = None
    limit = durations.get(kind)
    if limit is not None:
        try:
            process.wait(timeout=rng.random() * limit * 1.1)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    durations[kind] = max(durations.get(kind, 0) * 0.9, time.monotonic() - start) if limit is None else limit
    figures["runs"] += 1
    if process.returncode == -9:
        figures["killed"] += 1
        return False, out
    figures["ended before"] += 1
    if process.returncode != 0:
        raise Fault(f"{words} failed ({process.returncode}): {err}")
    return True, out


try:
    copy_city(base, path)
    names = {"base": rows}
    for number in range(count):
        tag = f"run{number}"
        kind = rng.choice(["import new", "import into", "edit", "transaction", "pack", "delete"])
        if kind == "import new":
            figures["imports"] += 1
            points(update, rows, tag)
            done, _ = victim(kind, ["import", new, update, "--layer", "shelter", "--crs", "EPSG:4326"])
            if os.path.exists(new):
                check(new, [{tag: rows}])
            elif done:
                raise Fault("an import that ended left no database")
            # What was left behind does not stand in the way.
            if not os.path.exists(new):
                answer = run("import", new, update, "--layer", "shelter", "--crs", "EPSG:4326")
                if answer.returncode != 0:
                    raise Fault(f"import after a kill: {answer.stderr}")
                check(new, [{tag: rows}], deep=False)
            remove_city(new)
            continue
        before = dict(names)
        if kind == "import into":
            figures["imports"] += 1
            points(update, rows // 2, tag)
            after = {tag: rows // 2}
            rest = rows_in(path)[0]
            words = ["import", path, update, "--layer", "shelter", "--crs", "EPSG:4326", "--on-conflict", "replace"]
            done, _ = victim(kind, words)
            names = rows_in(path)[1]
            if names != before and names.get(tag) != rows // 2:
                raise Fault(f"half an import: {names} after {before}")
            if done and names.get(tag) != rows // 2:
                raise Fault(f"a finished import is not there: {names}")
        elif kind == "edit":
            figures["edits"] += 1
            share = rng.choice([10, 300, 10000])
            statement = f"UPDATE shelter SET name = '{tag}', capacity = capacity + 1 WHERE capacity < {share}"
            done, out = victim(kind, ["query", path, statement])
            names = rows_in(path)[1]
            if done and out.split()[-1] != str(names.get(tag, 0)):
                raise Fault(f"{out} rows were said to be changed, {names.get(tag)} are")
            if names != before and tag not in names:
                raise Fault(f"rows changed without the edit: {before} to {names}")
            total = sum(names.values())
            if total != sum(before.values()):
                raise Fault(f"an update changed the number of rows: {before} to {names}")
        elif kind == "delete":
            figures["edits"] += 1
            lost = rng.randrange(1, 40)
            done, _ = victim(kind, ["query", path, f"DELETE FROM shelter ORDER BY id LIMIT {lost}"])
            total = rows_in(path)[0]
            if total not in (sum(before.values()), sum(before.values()) - lost) or done and total == sum(before.values()):
                raise Fault(f"{total} rows after deleting {lost} of {sum(before.values())}")
            names = rows_in(path)[1]
        elif kind == "transaction":
            figures["transactions"] += 1
            text = (f"BEGIN;\nUPDATE shelter SET name = '{tag}' WHERE capacity < 350;\n"
                    f"UPDATE shelter SET name = '{tag}' WHERE capacity >= 350;\nCOMMIT;\n")
            done, _ = victim(kind, ["shell", path], stdin=text)
            names = rows_in(path)[1]
            total = sum(before.values())
            if names not in (before, {tag: total}) or done and names != {tag: total}:
                raise Fault(f"half a transaction: {names} after {before}")
        else:
            figures["packings"] += 1
            victim(kind, ["snapshot", path])
        check(path, [names], deep=number % 5 == 0)
        if sum(names.values()) < rows // 2:
            copy_city(base, path)
            names = {"base": rows}
    check(path, [names])
    finish(f"kill, seed {seed}", figures)
except Fault as fault:
    print(f"FAULT at run {figures['runs']} (seed {seed}): {fault}\nthe database is kept in {folder}", file=sys.stderr)
    sys.exit(1)
shutil.rmtree(folder, ignore_errors=True)
