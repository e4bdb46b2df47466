import SpatialIndex

// bench-library [OP…]         the operations of the peer harness on its workload in $ZZ: see Benchmarks/README.md
// bench-library H            only when it is named: writes a gigabyte into $ZZ
// bench-library growth N…     build, windows and nearest over N random boxes
// bench-library engine DB     statements beside the library calls that do their work, on an imported city
// bench-library reading F…   both passes over files, bytes a second each
// bench-library once NAME     one operation on a small fixed input, for counting instructions
let arguments = CommandLine.arguments.dropFirst()
let workload = Workload()
let harness = Harness()

switch arguments.first {
case "growth":
  benchmarkGrowth(arguments.dropFirst().compactMap { Int($0) })
case "engine":
  guard let path = arguments.dropFirst().first else { fail("usage: bench-library engine DATABASE [NAME…]") }
  benchmarkEngine(path, only: Array(arguments.dropFirst(2)))
case "reading":
  benchmarkReading(Array(arguments.dropFirst()))
case "once":
  runOnce(arguments.dropFirst().first ?? "")
default:
  benchmarkIndex()
  benchmarkGeometry()
  benchmarkStore()
}
