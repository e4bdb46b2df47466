"""What the torture scripts share: a small city, the program, and what must hold of a database at any time."""
import os, random, shutil, sqlite3, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CIMQ = os.environ["CIMQ"]


class Fault(Exception):
    pass


def argument(index, default):
    return int(sys.argv[index]) if len(sys.argv) > index else default


def work_folder():
    folder = tempfile.mkdtemp(prefix="cimq-torture-")
    return folder


def run(*words, stdin=None, timeout=120, env=None):
    return subprocess.run([CIMQ, *words], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})})


def points(path, count, tag, first=0):
    """A CSV of `count` shelters whose `name` is `tag`."""
    with open(path, "w") as out:
        out.write("id,name,capacity,status,lon,lat,z\n")
        for i in range(first, first + count):
            out.write(f"P-{i},{tag},{i % 700},open,{113.5 + i % 173 / 900:.6f},{34.6 + i % 211 / 900:.6f},20\n")


def make_city(folder, rows=20000):
    path = os.path.join(folder, "city.sqlite")
    source = os.path.join(folder, "shelter.csv")
    points(source, rows, "base")
    answer = run("import", path, source, "--layer", "shelter", "--crs", "EPSG:4326")
    if answer.returncode != 0:
        raise Fault(f"the city could not be made: {answer.stderr}")
    return path


def copy_city(path, target):
    remove_city(target)
    for suffix in ["", "-wal", "-shm"]:
        if os.path.exists(path + suffix):
            shutil.copyfile(path + suffix, target + suffix)
    if os.path.isdir(path + ".cimx"):
        shutil.copytree(path + ".cimx", target + ".cimx")


def remove_city(path):
    for suffix in ["", "-wal", "-shm", "-journal", "-owner", ".importing", ".importing-journal", ".importing-wal"]:
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    shutil.rmtree(path + ".cimx", ignore_errors=True)


def rows_in(path):
    """(count, {name: count}) as SQLite itself sees it."""
    connection = sqlite3.connect(path, timeout=20)
    try:
        names = dict(connection.execute("SELECT name, count(*) FROM shelter GROUP BY name"))
        return sum(names.values()), names
    finally:
        connection.close()


def check(path, expected_names=None, deep=True):
    """Pages are sound, cimq finds nothing wrong, and what cimq answers is what SQLite says."""
    connection = sqlite3.connect(path, timeout=20)
    verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    if verdict != "ok":
        raise Fault(f"integrity_check: {verdict}")
    count, names = rows_in(path)
    if expected_names is not None and names not in expected_names:
        raise Fault(f"rows are {names}, expected one of {expected_names}")
    answer = run("query", path, "FIND shelter GROUP BY name RETURN name, COUNT(*) AS n", "--format", "csv")
    if answer.returncode != 0:
        raise Fault(f"query failed ({answer.returncode}): {answer.stderr}")
    found = {}
    for line in answer.stdout.splitlines()[1:]:
        name, _, n = line.rpartition(",")
        found[name] = int(n)
    if found != {k or "": v for k, v in names.items()}:
        raise Fault(f"cimq answers {found}, the database holds {names}")
    near = run("query", path, f"FIND shelter NEAREST {count + 5} TO AT(113.6, 34.7) RETURN id", "--format", "csv")
    placed = len(near.stdout.splitlines()) - 1
    if near.returncode != 0 or placed != count:
        raise Fault(f"NEAREST found {placed} of {count}: {near.stderr}")
    if deep:
        answer = run("check", path)
        if answer.returncode != 0:
            raise Fault(f"cimq check: {answer.stdout}{answer.stderr}")
    return names


def finish(kind, figures):
    print(f"{kind}: " + ", ".join(f"{value} {name}" for name, value in figures.items()))
