"""Allocation and roads on an imported city: what EXPLAIN ANALYZE says, and the same grids by SciPy's HiGHS where it is
installed. Usage: Benchmarks/allocate.py DB [CIMQ] [AREA], AREA such as "district '410105'" for the households."""
import csv
import io
import subprocess
import sys
import time

database = sys.argv[1]
program = sys.argv[2] if len(sys.argv) > 2 else ".build-release/release/cimq"
area = sys.argv[3] if len(sys.argv) > 3 else "flood 'F-0720'"
centre = "AT(113.65, 34.76)"
grids = "(FIND person GROUP BY grid3 RETURN grid3, COUNT(*) AS people)"
shelters = "(FIND shelter WHERE status = 'open')"


def run(statement):
    start = time.perf_counter()
    done = subprocess.run([program, "query", database, statement, "--format", "csv"], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{statement}\n{done.stderr}")
    return list(csv.reader(io.StringIO(done.stdout)))[1:], seconds, done.stderr


def report(title, statement):
    rows, seconds, notices = run(statement)
    print(f"\n## {title}\n{statement}\n{len(rows)} rows, {seconds:.2f} s from start to end")
    print("".join(f"  {line}\n" for line in notices.splitlines()), end="")
    return rows


rows = report("grids, split", f"ALLOCATE {grids} TO shelter CAPACITY capacity DEMAND people")
report("grids, split, scarce", f"ALLOCATE {grids} TO {shelters} CAPACITY capacity - occupied DEMAND people MAX 5 km")
report("households", f"ALLOCATE (FIND person INSIDE {area}) TO shelter CAPACITY capacity KEEP household TOGETHER")
report("people", f"ALLOCATE (FIND person INSIDE {area}) TO shelter CAPACITY capacity")
report("by road", f"ALLOCATE {grids} TO shelter CAPACITY capacity DEMAND people MAX 3 km BY ROAD")
report("nearest by road", f"FIND shelter NEAREST 3 TO {centre} BY ROAD RETURN id, distance")
report("within by road", f"FIND building WITHIN 1 km OF (FIND shelter NEAREST 1 TO {centre}) BY ROAD RETURN id, distance")

try:
    import numpy
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix
    from scipy.spatial import cKDTree
except ImportError:
    sys.exit("SciPy is not installed: no comparison")

# The same grids by HiGHS on the 30 nearest shelters of each, which is less than cimq proves.
demand = {}
for grid, _, people, _ in rows:
    demand[grid] = demand.get(grid, 0) + int(people)
place, _, _ = run("FIND grid3 RETURN code, X(CENTROID(geom)) AS x, Y(CENTROID(geom)) AS y")
where = {code: (float(x), float(y)) for code, x, y in place if x}
targets, _, _ = run("FIND shelter WHERE capacity > 0 RETURN X(CENTROID(geom)) AS x, Y(CENTROID(geom)) AS y, capacity")
codes = [code for code in demand if code in where]
if not codes or not targets:
    sys.exit("no grid with people or no place with room: link the units first (cimq link DB unit grid3 --within 30m)")
origin = numpy.array([where[code] for code in codes])
target = numpy.array([[float(x), float(y)] for x, y, _ in targets])
metres, index = cKDTree(target).query(origin, k=min(30, len(target)))
need = numpy.array([demand[code] for code in codes], dtype=float)
room = numpy.array([int(float(capacity)) for _, _, capacity in targets], dtype=float)
n, k = index.shape
i, j, price = numpy.repeat(numpy.arange(n), k), index.ravel(), metres.ravel()
limits = coo_matrix(
    (numpy.ones(2 * n * k), (numpy.concatenate([i, n + j]), numpy.tile(numpy.arange(n * k), 2))), shape=(n + len(room), n * k)
).tocsr()
penalty = 1e7
start = time.perf_counter()
found = linprog(price - penalty, A_ub=limits, b_ub=numpy.concatenate([need, room]), method="highs")
seconds = time.perf_counter() - start
served = found.x.sum()
print(f"\n## HiGHS, 30 nearest\n{served:.0f} people, {found.fun + penalty * served:.0f} person-metres, {seconds:.2f} s")
