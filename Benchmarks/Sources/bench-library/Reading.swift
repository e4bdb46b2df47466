import CIMEngine
import Glibc

/// Reads each file twice, as an import does: the first pass, which finds layers, columns, types and faults, and the second,
/// which makes the features. Processor time, the least of `$REPS` runs; one line of JSON a file, in bytes a second.
///
/// - Parameter crs: of files that state none.
func benchmarkReading(_ paths: [String], crs: CRS = .epsg(4547)) {
  for path in paths {
    do {
      for item in try Sources.open([path], options: LoadOptions(crs: crs)).sources {
        var (first, second, features) = (Double.infinity, Double.infinity, 0)
        var bytes = 0
        for _ in 0..<max(1, harness.repetitions) {
          let start = processorSeconds()
          let survey = try item.source.survey(settingAside: 1_000) { _ in }
          let middle = processorSeconds()
          features = 0
          try item.source.read(survey, progress: { _ in }) { features += $0.features.count }
          let end = processorSeconds()
          bytes = survey.byteCount
          first = min(first, middle - start)
          second = min(second, end - middle)
        }
        print(
          #"{"peer":"cimq","op":"reading","file":"\#(item.path)","bytes":\#(bytes),"features":\#(features),"#
            + #""first":\#(Int(Double(bytes) / first)),"second":\#(Int(Double(bytes) / second)),"#
            + #""both":\#(Int(Double(bytes) / (first + second)))}"#)
        fflush(nil)
      }
    } catch {
      fail("\(path): \(error)")
    }
  }
}

private func processorSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
