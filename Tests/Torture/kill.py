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
zones = os.path.join(folder, "zones.sqlite")
backup = os.path.join(folder, "backup.sqlite")
figures = {"runs": 0, "killed": 0, "ended before": 0, "imports": 0, "edits": 0, "transactions": 0, "packings": 0,
           "links": 0, "backups": 0, "upgrades": 0, "indexes in 3D": 0}
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


def make_zones():
    """A city with a layer of squares, and its rows not yet linked to them."""
    copy_city(base, zones)
    squares = os.path.join(folder, "zone.geojson")
    with open(squares, "w") as out:
        out.write('{"type":"FeatureCollection","features":[')
        for i in range(100):
            x, y = 113.5 + i // 10 * 0.02, 34.6 + i % 10 * 0.025
            ring = [[x, y], [x + .02, y], [x + .02, y + .025], [x, y + .025], [x, y]]
            out.write((',' if i else '') + f'{{"type":"Feature","id":"Z-{i}","properties":{{"code":"Z{i:02}"}},'
                      f'"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}')
        out.write("]}")
    answer = run("import", zones, squares)
    if answer.returncode != 0:
        raise Fault(f"zones could not be made: {answer.stderr}")


def ask(path, sql):
    connection = sqlite3.connect(path, timeout=20)
    try:
        return connection.execute(sql).fetchone()
    finally:
        connection.close()


def first_version(path):
    """Takes a database back to the tables of version 1."""
    connection = sqlite3.connect(path, timeout=20)
    names = {name for name, in connection.execute("SELECT name FROM sqlite_master")}
    for name in sorted(names):
        if name.startswith("cimq_shelter_displace_"):
            connection.execute(f'DROP TRIGGER "{name}"')
        elif name in ("cimq_audit", "cimq_edit", "cimq_undo"):
            connection.execute(f'DROP TABLE "{name}"')
    connection.execute("UPDATE cimq_meta SET schema_version = 1")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()


try:
    make_zones()
    version = ask(base, "PRAGMA user_version")[0]
    copy_city(base, path)
    names = {"base": rows}
    for number in range(count):
        tag = f"run{number}"
        kind = rng.choice(["import new", "import into", "edit", "transaction", "pack", "delete", "link",
                           "backup", "upgrade", "index in 3D"])
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
        if kind == "link":
            figures["links"] += 1
            copy_city(zones, new)
            done, _ = victim(kind, ["link", new, "shelter", "zone", "--within", "5km"])
            columns = ask(new, "SELECT count(*) FROM pragma_table_info('shelter') WHERE name IN ('zone', 'link_method')")[0]
            linked = ask(new, "SELECT count(zone) FROM shelter")[0] if columns == 2 else 0
            if columns not in (0, 2) or linked not in (0, rows) or done and linked != rows:
                raise Fault(f"half a LINK: {columns} columns, {linked} of {rows} rows")
            check(new, [{"base": rows}])
            again = run("link", new, "shelter", "zone", "--within", "5km")
            if again.returncode != 0 or ask(new, "SELECT count(zone) FROM shelter")[0] != rows:
                raise Fault(f"LINK after a kill: {again.stderr}")
            remove_city(new)
            continue
        if kind == "backup":
            figures["backups"] += 1
            done, _ = victim(kind, ["backup", path, backup])
            if done or os.path.exists(backup):
                check(backup, [names])
            remove_city(backup)
            check(path, [names], deep=False)
            continue
        if kind == "upgrade":
            figures["upgrades"] += 1
            copy_city(base, new)
            first_version(new)
            done, _ = victim(kind, ["query", new, f"UPDATE shelter SET name = '{tag}' WHERE capacity < 10"])
            found, changed = ask(new, "PRAGMA user_version")[0], ask(new, f"SELECT count(*) FROM shelter WHERE name = '{tag}'")[0]
            if found not in (1, version) or changed and found != version or done and not changed:
                raise Fault(f"half an upgrade: version {found}, {changed} rows changed")
            check(new)
            again = run("query", new, f"UPDATE shelter SET name = '{tag}' WHERE capacity < 10")
            if again.returncode != 0 or ask(new, "PRAGMA user_version")[0] != version:
                raise Fault(f"an upgrade after a kill: {again.stderr}")
            check(new)
            remove_city(new)
            continue
        if kind == "index in 3D":
            figures["indexes in 3D"] += 1
            for name in os.listdir(path + ".cimx"):
                if name.endswith(".space"):
                    os.remove(os.path.join(path + ".cimx", name))
            question = ["query", path, "COUNT shelter WITHIN 3 km OF POINT Z (113.6 34.7 20) IN 3D"]
            victim(kind, question)
            flat = run("query", path, "COUNT shelter WITHIN 3 km OF POINT (113.6 34.7)").stdout
            answers = [run(*question) for _ in range(2)]
            if any(a.returncode != 0 or a.stdout != flat for a in answers):
                raise Fault(f"in 3D {answers[0].stdout}{answers[1].stdout}, else {flat}: {answers[0].stderr}")
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
