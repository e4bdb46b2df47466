"""Snapshots that are cut short, have flipped bits, belong to another database or version, or are gone: every answer is
that of the database, and the next one needs no repair any more."""
import os, random, shutil, sys
from city import *

count, seed = argument(1, 200), argument(2, 1)
rng = random.Random(seed)
folder = work_folder()
base = make_city(folder, 5000)
other = os.path.join(folder, "other")
os.mkdir(other)
stranger = make_city(other, 700)
path = os.path.join(folder, "victim.sqlite")
figures = {}
try:
    run("query", base, "COUNT shelter")
    for number in range(count):
        copy_city(base, path)
        cimx = path + ".cimx"
        files = sorted(os.listdir(cimx))
        name = os.path.join(cimx, rng.choice(files))
        kind = rng.choice(["cut short", "flipped bits", "zeros", "other database", "other version", "gone", "swapped"])
        size = os.path.getsize(name)
        if kind == "cut short":
            os.truncate(name, rng.randrange(size + 1))
        elif kind == "flipped bits" and size:
            with open(name, "r+b") as file:
                for _ in range(rng.randrange(1, 9)):
                    at = rng.randrange(size)
                    file.seek(at)
                    byte = file.read(1)[0]
                    file.seek(at)
                    file.write(bytes([byte ^ 1 << rng.randrange(8)]))
        elif kind == "zeros" and size:
            with open(name, "r+b") as file:
                file.seek(rng.randrange(size))
                file.write(bytes(rng.randrange(1, 5000)))
        elif kind == "other database":
            shutil.rmtree(cimx)
            shutil.copytree(stranger + ".cimx", cimx)
        elif kind == "other version":
            for file_name in ["manifest"] + [f for f in files if f.endswith(".seg")]:
                with open(os.path.join(cimx, file_name), "r+b") as file:
                    file.seek(8)
                    file.write((99).to_bytes(4, "little"))
        elif kind == "gone":
            os.remove(name) if rng.random() < 0.7 else shutil.rmtree(cimx)
        elif kind == "swapped":
            other_name = os.path.join(cimx, rng.choice(files))
            if other_name != name:
                shutil.copyfile(other_name, name)
        check(path, [{"base": 5000}], deep=number % 20 == 0)
        figures[kind] = figures.get(kind, 0) + 1
    finish(f"damage, seed {seed}", figures)
except Fault as fault:
    print(f"FAULT ({kind} of {name}, seed {seed}): {fault}\nkept in {folder}", file=sys.stderr)
    sys.exit(1)
shutil.rmtree(folder, ignore_errors=True)
