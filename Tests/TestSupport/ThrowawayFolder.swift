import Glibc

/// A folder of its own for one test, gone when the value is.
public final class ThrowawayFolder: Sendable {
  public let path: String

  public init() {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/cimq-test-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { preconditionFailure("cannot make a folder in \(base)") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { Self.remove(path) }

  /// Depth first; symbolic links are removed, not followed.
  private static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR, let folder = opendir(path) {
      while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { remove(path + "/" + name) }
      }
      closedir(folder)
    }
    _ = Glibc.remove(path)
  }

  public func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file and gives its path.
  public func write(_ name: String, _ bytes: some Sequence<UInt8>) -> String {
    let path = file(name)
    let handle = fopen(path, "w")!
    let bytes = Array(bytes)
    fwrite(bytes, 1, bytes.count, handle)
    fclose(handle)
    return path
  }

  public func write(_ name: String, _ text: String) -> String { write(name, text.utf8) }

  /// Everything in a file; empty when it is not there.
  public static func bytes(of path: String) -> [UInt8] {
    guard let handle = fopen(path, "r") else { return [] }
    defer { fclose(handle) }
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&block, 1, block.count, handle)
      if count == 0 { return result }
      result.append(contentsOf: block[..<count])
    }
  }
}
