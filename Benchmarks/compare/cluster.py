"""A PostgreSQL server of one's own for the time of a comparison: data in a temporary folder, reached by a socket there.

Needs Debian's `postgresql-15-postgis-3` (any version under /usr/lib/postgresql). Run by root, the server runs as `postgres`.
"""
import contextlib
import glob
import os
import shutil
import subprocess
import tempfile


def programs():
    """The folder of initdb and pg_ctl, the newest; None where there is no server."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


@contextlib.contextmanager
def cluster():
    """Yields a libpq connection text."""
    folder = tempfile.mkdtemp(prefix="cimq-postgres-")
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data, bin = os.path.join(folder, "data"), programs()

    def run(*command):
        done = subprocess.run(
            [*user, *command], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode().strip().splitlines()[-1])

    try:
        run(f"{bin}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        # As much memory and as little waiting for the disk as the others have; it is read that is compared.
        options = (
            f"-k {folder} -c listen_addresses= -c shared_buffers=2GB -c fsync=off -c synchronous_commit=off "
            "-c full_page_writes=off -c max_wal_size=8GB -c maintenance_work_mem=1GB -c max_worker_processes=4")
        # The log to a file: with the pipe inherited, one would wait for the server.
        run(f"{bin}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"host={folder} user=postgres dbname=postgres"
        finally:
            run(f"{bin}/pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
