"""Edits by other people's tools: sqlite3, SpatiaLite, ogr2ogr, copies put back. After each, cimq, a shell that has been open all
the time, and cimq on a copy without a snapshot give the same answers, and SQLite the same counts."""
import json, os, random, select, shutil, sqlite3, subprocess, sys
from city import *

count, seed = argument(1, 60), argument(2, 1)
rng = random.Random(seed)
folder = work_folder()
base = make_city(folder, 400)
path = os.path.join(folder, "victim.sqlite")
plain = os.path.join(folder, "plain.sqlite")
older = os.path.join(folder, "older.sqlite")
figures = {"edits": 0, "answers": 0}
has_ogr = shutil.which("ogr2ogr") is not None
number = 0


def tool(*words):
    answer = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if answer.returncode != 0:
        raise Fault(f"{words}: {answer.stdout}{answer.stderr}")
    return answer.stdout


def sql(text, spatial=False):
    """By the `sqlite3` program, with SpatiaLite where geometries or new rows are written."""
    tool("sqlite3", "-cmd", ".timeout 20000", *(["-cmd", ".load mod_spatialite"] if spatial else []), path, text)


def columns():
    connection = sqlite3.connect(path, timeout=20)
    try:
        return [row[1] for row in connection.execute("PRAGMA table_info(shelter)")]
    finally:
        connection.close()


def some_row():
    connection = sqlite3.connect(path, timeout=20)
    try:
        rows = connection.execute("SELECT rowid, id FROM shelter").fetchall()
    finally:
        connection.close()
    return rng.choice(rows)


def geojson(ids, extra):
    name = os.path.join(folder, "edit.geojson")
    features = [{"type": "Feature", "properties": {"id": i, "name": f"ogr{number}", **extra},
                 "geometry": {"type": "Point", "coordinates": [113.5 + rng.random() / 5, 34.6 + rng.random() / 5, 20]}}
                for i in ids]
    with open(name, "w") as out:
        json.dump({"type": "FeatureCollection", "features": features}, out)
    return name


def attributes():
    rowid, _ = some_row()
    name = [c for c in columns() if c.startswith("name")][0]
    sql(f"UPDATE shelter SET {name} = 'edit{number}' WHERE rowid % 7 = {rowid % 7}")


def deleted():
    rowid, _ = some_row()
    sql(f"DELETE FROM shelter WHERE rowid BETWEEN {rowid} AND {rowid + 3}")


def moved():
    rowid, _ = some_row()
    geometry = "geom" if "geom" in columns() else "GEOMETRY"
    sql(f"UPDATE shelter SET {geometry} = ST_Translate({geometry}, {rng.randrange(-900, 900)}, 7, 0) "
        f"WHERE rowid = {rowid}", spatial=True)


def inserted():
    rowid, _ = some_row()
    geometry = "geom" if "geom" in columns() else "GEOMETRY"
    sql(f"INSERT INTO shelter (id, {geometry}) SELECT 'new{number}', {geometry} FROM shelter WHERE rowid = {rowid}",
        spatial=True)


def displaced():
    (one, _), (_, other) = some_row(), some_row()
    geometry = "geom" if "geom" in columns() else "GEOMETRY"
    sql(f"INSERT OR REPLACE INTO shelter (rowid, id, {geometry}) SELECT {one}, '{other}', {geometry} FROM shelter "
        f"WHERE rowid = {one}", spatial=True)


def renamed():
    names = [c for c in columns() if c.startswith(("name", "capacity"))]
    old = rng.choice(names)
    sql(f"ALTER TABLE shelter RENAME COLUMN {old} TO {old.rstrip('0123456789')}{number}", spatial=True)


def untriggered():
    connection = sqlite3.connect(path)
    triggers = [n for n, in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'cimq_shelter%'")]
    connection.close()
    rowid, _ = some_row()
    sql("".join(f'DROP TRIGGER "{t}";' for t in triggers) + f"DELETE FROM shelter WHERE rowid = {rowid}")


def vacuumed():
    sql("VACUUM")


def put_back():
    """An older copy over the file, then another edit: revisions are counted again."""
    global shell
    if not os.path.exists(older) or rng.random() < 0.4:
        connection, copy = sqlite3.connect(path), sqlite3.connect(older)
        connection.backup(copy)
        copy.close()
        connection.close()
        attributes()
    if rng.random() < 0.5:
        # SQLite forbids to exchange a file under those who have it open: the shell is closed meanwhile.
        shell.close()
        for suffix in ["-wal", "-shm"]:
            if os.path.exists(path + suffix):
                os.remove(path + suffix)
        shutil.copyfile(older, path)
        shell = Shell()
    else:
        copy, connection = sqlite3.connect(older), sqlite3.connect(path)
        copy.backup(connection)
        connection.close()
        copy.close()
    if rng.random() < 0.6:
        attributes()


def appended():
    ids = [f"app{number}-{i}" for i in range(3)]
    tool("ogr2ogr", "-f", "SQLite", "-update", "-append", "-addfields", path, geojson(ids, {}), "-nln", "shelter",
         "-t_srs", "EPSG:4547")


def updated():
    """One row by ogrinfo's SQL."""
    name = [c for c in columns() if c.startswith("name")][0]
    rowid, _ = some_row()
    tool("ogrinfo", "-q", path, "-sql", f"UPDATE shelter SET {name} = 'ogr{number}' WHERE rowid = {rowid}")


def overwritten():
    ids = [f"over{number}-{i}" for i in range(rng.randrange(5, 60))]
    tool("ogr2ogr", "-f", "SQLite", "-update", "-overwrite", "-dsco", "SPATIALITE=YES", path,
         geojson(ids, {"capacity": 5, f"extra{number}": "x"}), "-nln", "shelter", "-t_srs", "EPSG:4547")


kinds = [attributes, deleted, moved, inserted, displaced, renamed, untriggered, vacuumed, put_back]
if has_ogr:
    kinds += [appended, updated, overwritten]
questions = ["COUNT shelter", "FIND shelter NEAREST 25 TO AT(113.6, 34.7) RETURN id, distance",
             "FIND shelter ORDER BY id", "FIND shelter WITHIN 3 km OF AT(113.57, 34.71) RETURN COUNT(*) AS n"]


class Shell:
    """One that stays open while the database changes under it."""

    def __init__(self):
        self.process = subprocess.Popen([CIMQ, "shell", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=open(os.path.join(folder, "shell.txt"), "w"), bufsize=0)

    def count(self):
        self.process.stdin.write(b"COUNT shelter;\n")
        text = b""
        while text.count(b"\n") < 2:
            if not select.select([self.process.stdout], [], [], 60)[0]:
                raise Fault("the shell does not answer")
            more = os.read(self.process.stdout.fileno(), 4096)
            if not more:
                raise Fault(f"the shell has ended with {self.process.wait(timeout=20)}")
            text += more
        return int(text.split()[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def compare(kind, shell):
    held = rows_held()
    seen = shell.count()
    if seen != held:
        raise Fault(f"after {kind} the open shell counts {seen} rows, the database holds {held}")
    # Nobody writes now, so the files are a copy; SQLite's own backup would count the schema from 1 again.
    copy_city(path, plain)
    shutil.rmtree(plain + ".cimx", ignore_errors=True)
    for question in questions:
        answer, fresh = (run("query", p, question, "--format", "csv") for p in (path, plain))
        if answer.returncode != 0 or fresh.returncode != 0:
            raise Fault(f"after {kind}, {question}: {answer.stderr}{fresh.stderr}")
        if answer.stdout != fresh.stdout:
            raise Fault(f"after {kind}, {question}:\n{answer.stdout[:900]}\nwithout a snapshot\n{fresh.stdout[:900]}")
        if question == "COUNT shelter" and int(answer.stdout.split()[1]) != held:
            raise Fault(f"after {kind}: {answer.stdout} rows, SQLite has {held}")
        figures["answers"] += 1


def rows_held():
    connection = sqlite3.connect(path, timeout=20)
    try:
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise Fault("integrity_check")
        return connection.execute("SELECT count(*) FROM shelter").fetchone()[0]
    finally:
        connection.close()


shell = None
try:
    while number < count:
        if number % 15 == 0:
            if shell:
                shell.close()
            copy_city(base, path)
            if os.path.exists(older):
                os.remove(older)
            shell = Shell()
            shell.count()
        number += 1
        kind = rng.choice(kinds)
        if os.environ.get("CIMQ_SAY"):
            print(number, kind.__name__, file=sys.stderr)
        kind()
        figures["edits"] += 1
        figures[kind.__name__] = figures.get(kind.__name__, 0) + 1
        compare(kind.__name__, shell)
        if number % 5 == 0:
            answer = run("check", path)
            if "RecoverSpatialIndex" in answer.stdout:
                # A row that REPLACE displaces leaves its box behind in SpatiaLite's index. Check says how to mend that.
                sql("SELECT RecoverSpatialIndex('shelter', 'geom')", spatial=True)
                figures["indexes mended"] = figures.get("indexes mended", 0) + 1
                answer = run("check", path)
            if answer.returncode != 0:
                raise Fault(f"cimq check after {kind.__name__}: {answer.stdout}{answer.stderr}")
    shell.close()
    finish(f"tools, seed {seed}", figures)
except Fault as fault:
    print(f"FAULT at edit {number}, {kind.__name__} (seed {seed}): {fault}\nkept in {folder}", file=sys.stderr)
    sys.exit(1)
shutil.rmtree(folder, ignore_errors=True)
