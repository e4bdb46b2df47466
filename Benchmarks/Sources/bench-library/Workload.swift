import Glibc

/// The columns of the workload: NumPy arrays of float64 or int64 in `$ZZ`, mapped.
struct Workload {
  let folder: String

  init() {
    folder = getenv("ZZ").map { String(cString: $0) } ?? "zz"
  }

  func doubles(_ name: String) -> UnsafeBufferPointer<Double> { column(name, "<f8") }
  func integers(_ name: String) -> UnsafeBufferPointer<Int> { column(name, "<i8") }

  /// Reads a whole `.npy` file (format 1.0, C order) into memory; the benchmark measures no page faults of files.
  private func column<T: BitwiseCopyable>(_ name: String, _ type: String) -> UnsafeBufferPointer<T> {
    let path = "\(folder)/\(name).npy"
    guard let file = fopen(path, "rb") else { fail("cannot open \(path): set ZZ to the folder of the workload") }
    defer { fclose(file) }
    var start = [UInt8](repeating: 0, count: 10)
    guard fread(&start, 1, 10, file) == 10, start[0] == 0x93, start[6] == 1 else { fail("\(path) is no NumPy array") }
    let length = Int(start[8]) | Int(start[9]) << 8
    var header = [UInt8](repeating: 0, count: length)
    guard fread(&header, 1, length, file) == length else { fail("\(path) is cut off") }
    guard String(decoding: header, as: UTF8.self).contains("'\(type)'") else { fail("\(path) is not of type \(type)") }
    fseek(file, 0, SEEK_END)
    let count = (ftell(file) - 10 - length) / MemoryLayout<T>.stride
    fseek(file, 10 + length, SEEK_SET)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * MemoryLayout<T>.stride), alignment: 64)
    let values = memory.bindMemory(to: T.self, capacity: count)
    guard fread(values, MemoryLayout<T>.stride, count, file) == count else { fail("\(path) is cut off") }
    return UnsafeBufferPointer(start: values, count: count)
  }
}

func fail(_ message: String) -> Never {
  var text = "bench-library: \(message)\n"
  text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
  exit(3)
}
