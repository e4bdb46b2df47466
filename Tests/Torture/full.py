"""A disk that is full during import, edit and packing: exit 3 and a message that says so, and the database as it was."""
import os, resource, shutil, signal, subprocess, sys
from city import *

seed = argument(1, 1)
rng = random.Random(seed)
folder = work_folder()
base = make_city(folder, 20000)
mount = os.path.join(folder, "small")
os.mkdir(mount)
figures = {"tries": 0, "refused": 0, "done": 0}
is_mounted = False


def attempt(words, limit):
    """Runs the program with so many bytes to write; on a tmpfs of that size, else with a limit on the size of files."""
    def confine():
        if not is_mounted:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    answer = subprocess.run([CIMQ, *words], capture_output=True, text=True, preexec_fn=confine, restore_signals=False,
                            timeout=120, env={**os.environ, "XDG_CACHE_HOME": mount})
    figures["tries"] += 1
    if answer.returncode == 0:
        figures["done"] += 1
    elif answer.returncode == 3:
        figures["refused"] += 1
    else:
        raise Fault(f"{words} ended with {answer.returncode}: {answer.stderr}")
    return answer


try:
    size = sum(os.path.getsize(base + s) for s in [""]) + sum(
        os.path.getsize(os.path.join(base + ".cimx", f)) for f in os.listdir(base + ".cimx"))
    update = os.path.join(folder, "update.csv")
    points(update, 20000, "new")
    for step in range(24):
        room = int(size * (0.2 + step * 0.15))
        is_mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={max(room, size + 200000)}", "tmpfs", mount],
                                    capture_output=True).returncode == 0
        try:
            path = os.path.join(mount, "city.sqlite")
            copy_city(base, path)
            if is_mounted:
                # Fill up what is left but for a bit.
                free = os.statvfs(mount)
                spare = rng.randrange(0, max(1, min(size, 200000 * (step + 1))))
                with open(os.path.join(mount, "ballast"), "wb") as ballast:
                    left = free.f_bavail * free.f_bsize - spare
                    try:
                        ballast.write(bytes(max(0, left)))
                    except OSError:
                        pass
            kind = ["import", "edit", "pack"][step % 3]
            if kind == "import":
                words = ["import", path, update, "--layer", "shelter", "--crs", "EPSG:4326", "--on-conflict", "replace"]
            elif kind == "edit":
                words = ["query", path, "UPDATE shelter SET name = 'new', capacity = 1 ALL"]
            else:
                words = ["snapshot", path]
            answer = attempt(words, room)
            ballast = os.path.join(mount, "ballast")
            if os.path.exists(ballast):
                os.remove(ballast)
            names = rows_in(path)[1]
            if answer.returncode == 3 and kind == "edit" and "new" in names and "the snapshot" not in answer.stderr:
                raise Fault(f"an edit said to have failed is there: {answer.stderr}")
            kept = os.path.join(folder, "kept.sqlite")
            copy_city(path, kept)
            check(kept, [{"base": 20000}, {"new": 20000}], deep=step % 4 == 0)
        finally:
            if is_mounted:
                subprocess.run(["umount", "-l", mount], capture_output=True)
            else:
                shutil.rmtree(mount, ignore_errors=True)
                os.mkdir(mount)
    finish(f"full ({'tmpfs' if is_mounted else 'RLIMIT_FSIZE'}), seed {seed}", figures)
except Fault as fault:
    print(f"FAULT (seed {seed}): {fault}\nkept in {folder}", file=sys.stderr)
    sys.exit(1)
shutil.rmtree(folder, ignore_errors=True)
