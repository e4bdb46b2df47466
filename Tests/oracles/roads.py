"""Shortest ways by SciPy's Dijkstra: reads {"nodes", "edges": [[a, b, metres], ...]} from stdin, prints the distances
from node 0 to every node, one a line (inf where there is no way)."""
import json
import sys

from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

graph = json.load(sys.stdin)
shortest = {}
for a, b, metres in graph["edges"]:
    key = (min(a, b), max(a, b))
    shortest[key] = min(shortest.get(key, float("inf")), metres)
rows, columns = [a for a, _ in shortest], [b for _, b in shortest]
matrix = coo_matrix((list(shortest.values()), (rows, columns)), shape=(graph["nodes"], graph["nodes"])).tocsr()
for metres in dijkstra(matrix, directed=False, indices=0):
    print(repr(float(metres)))
