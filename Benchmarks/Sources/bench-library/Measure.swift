import Glibc
import SpatialIndex
import Synchronization

/// Processor time instead of elapsed time, for comparisons on a machine that others use: of the calling thread, and of the
/// longest part beyond that where work is spread over threads, so that two threads count as if each had a processor.
let countsProcessorTime = getenv("BENCH_CLOCK").map { String(cString: $0) } == "cpu"

/// Processor time for which the calling thread would have waited for others; the main thread's own.
nonisolated(unsafe) private var waited = 0.0

private func read(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Seconds on a clock that never goes back.
func now() -> Double { countsProcessorTime ? read(CLOCK_THREAD_CPUTIME_ID) + waited : read(CLOCK_MONOTONIC) }

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

/// Has the system provide pages at once instead of one by one when they are first written (Linux 5.14, where the
/// constant is 23; older systems refuse, and nothing is lost).
@Sendable func populate(_ memory: UnsafeMutableRawBufferPointer) {
  madvise(memory.baseAddress, memory.count, 23)
}

/// Runs parts on POSIX threads; the calling thread does part 0. Pages of large memory are provided at once.
func threads(_ count: Int) -> Workers {
  Workers(count: count, preparing: populate) { parts, body in
    withoutActuallyEscaping(body) { body in
      final class Job {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
      }
      var handles: [pthread_t] = []
      let times = UnsafeMutablePointer<Double>.allocate(capacity: max(1, parts))
      defer { times.deallocate() }
      nonisolated(unsafe) let spent = times
      @Sendable func run(_ part: Int) {
        let start = read(CLOCK_THREAD_CPUTIME_ID)
        body(part)
        spent[part] = read(CLOCK_THREAD_CPUTIME_ID) - start
      }
      for part in 1..<max(1, parts) {
        var handle = pthread_t()
        let job = Unmanaged.passRetained(Job { run(part) })
        let status = pthread_create(
          &handle, nil,
          { argument in
            Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
          }, job.toOpaque())
        guard status == 0 else { fail("cannot start a thread: error \(status)") }
        handles.append(handle)
      }
      run(0)
      for handle in handles { pthread_join(handle, nil) }
      waited += max(0, (1..<max(1, parts)).map { times[$0] }.max().map { $0 - times[0] } ?? 0)
    }
  }
}

/// Cuts `0..<count` into ranges, more than there are workers, which workers take as they come, and adds up what `body`
/// gives for each: a core that is slower for a while does less.
func sum(_ workers: Workers, _ count: Int, _ body: @Sendable (Range<Int>) -> Double) -> Double {
  if workers.count == 1 { return body(0..<count) }
  let pieces = 16 * workers.count
  let results = UnsafeMutablePointer<Double>.allocate(capacity: pieces)
  defer { results.deallocate() }
  nonisolated(unsafe) let out = results
  let next = Atomic(0)
  workers.perform { _ in
    while true {
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      if piece >= pieces { return }
      out[piece] = body(count * piece / pieces..<count * (piece + 1) / pieces)
    }
  }
  return (0..<pieces).reduce(0) { $0 + results[$1] }
}
