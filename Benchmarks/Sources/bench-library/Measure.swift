import Glibc
import SpatialIndex

/// Processor time instead of elapsed time, for comparisons with one thread on a machine that others use.
let countsProcessorTime = getenv("BENCH_CLOCK").map { String(cString: $0) } == "cpu"

/// Seconds on a clock that never goes back.
func now() -> Double {
  var time = timespec()
  clock_gettime(countsProcessorTime ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Runs operations `$REPS` times and prints one line of JSON for each, as the peer harness reads them.
struct Harness {
  let repetitions: Int
  let only: [String]

  init() {
    repetitions = getenv("REPS").flatMap { Int(String(cString: $0)) } ?? 3
    only = CommandLine.arguments.dropFirst().filter { $0.first != "-" }
  }

  func wants(_ operation: String) -> Bool { only.isEmpty || only.contains(operation) }

  /// - Parameter work: one run; gives the check value, a count or a sum.
  func measure(_ operation: String, threads: Int = 1, note: String = "", _ work: () -> Double) {
    guard wants(operation) else { return }
    var times: [Double] = []
    var check = 0.0
    for _ in 0..<max(1, repetitions) {
      let start = now()
      check = work()
      times.append(now() - start)
    }
    times.sort()
    print(
      #"{"peer":"cimq","op":"\#(operation)","sec":\#(times[times.count / 2]),"min":\#(times[0]),"#
        + #""n":\#(times.count),"threads":\#(threads),"check":\#(check),"note":"\#(note)"}"#)
    fflush(nil)
  }
}

/// Runs parts on POSIX threads; the calling thread does part 0.
func threads(_ count: Int) -> Workers {
  Workers(count: count) { parts, body in
    withoutActuallyEscaping(body) { body in
      final class Job {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
      }
      var handles: [pthread_t] = []
      for part in 1..<max(1, parts) {
        var handle = pthread_t()
        let job = Unmanaged.passRetained(Job { body(part) })
        let status = pthread_create(
          &handle, nil,
          { argument in
            Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
          }, job.toOpaque())
        guard status == 0 else { fail("cannot start a thread: error \(status)") }
        handles.append(handle)
      }
      body(0)
      for handle in handles { pthread_join(handle, nil) }
    }
  }
}

/// Cuts `0..<count` into a range for each worker and adds up what `body` gives for each.
func sum(_ workers: Workers, _ count: Int, _ body: @Sendable (Range<Int>) -> Double) -> Double {
  if workers.count == 1 { return body(0..<count) }
  let results = UnsafeMutablePointer<Double>.allocate(capacity: workers.count)
  defer { results.deallocate() }
  nonisolated(unsafe) let out = results
  let parts = workers.count
  workers.perform { part in out[part] = body(count * part / parts..<count * (part + 1) / parts) }
  return (0..<parts).reduce(0) { $0 + results[$1] }
}
