import SpatialIndex

// The operations of the peer harness on its workload: see Benchmarks/README.md.
let workload = Workload()
let harness = Harness()

benchmarkIndex()
benchmarkGeometry()
