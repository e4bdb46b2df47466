import Glibc

// What libFuzzer calls. FUZZ_TARGET names the target; with FUZZ_SEEDS its seeds are written into that folder instead.

private let target: FuzzTarget = {
  // A file of another form must not start other programs here.
  setenv("PATH", "/nowhere", 1)
  guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name)) else {
    perror("FUZZ_TARGET names none of \(FuzzTarget.allCases.map(\.rawValue))")
    exit(2)
  }
  if let folder = getenv("FUZZ_SEEDS") {
    for (number, seed) in FuzzSeeds.seeds(of: target).enumerated() {
      try? writeFile(seed, String(cString: folder) + "/seed-\(number)")
    }
    _exit(0)
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  do { try target.run(UnsafeRawBufferPointer(start: data, count: count)) } catch { fatalError("\(error)") }
  return 0
}
