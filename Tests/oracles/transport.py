"""The transportation problem by SciPy's HiGHS: reads {"demand", "capacity", "cost"} from stdin (cost null where there is no
way), prints the most units that can be sent and what they cost at least."""
import json
import sys

import numpy
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

problem = json.load(sys.stdin)
demand, capacity, cost = problem["demand"], problem["capacity"], problem["cost"]
pairs = [(i, j, c) for i, row in enumerate(cost) for j, c in enumerate(row) if c is not None]
if not pairs:
    print(0, 0)
    sys.exit()
n, m = len(demand), len(capacity)
rows = [i for i, _, _ in pairs] + [n + j for _, j, _ in pairs]
columns = list(range(len(pairs))) * 2
limits = coo_matrix((numpy.ones(2 * len(pairs)), (rows, columns)), shape=(n + m, len(pairs))).tocsr()
bounds = numpy.array(demand + capacity, dtype=float)
prices = numpy.array([c for _, _, c in pairs], dtype=float)
most = linprog(-numpy.ones(len(pairs)), A_ub=limits, b_ub=bounds, method="highs")
units = round(-most.fun)
least = linprog(
    prices, A_ub=limits, b_ub=bounds, A_eq=numpy.ones((1, len(pairs))), b_eq=[units], method="highs"
)
print(units, repr(float(least.fun)))
