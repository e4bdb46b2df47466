import Glibc

/// Programs that other people's tools are tested with, where they are installed.
public enum OtherPrograms {
  /// Whether a program is found on the PATH.
  public static func has(_ name: String) -> Bool { run("command -v \(name)").status == 0 }

  /// Runs a shell command and gives its standard output. Quote with ``quoted(_:)`` what is not fixed text.
  public static func run(_ command: String) -> (status: Int32, output: String) {
    guard let pipe = popen(command + " 2>/dev/null", "r") else { return (127, "") }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = fread(&block, 1, block.count, pipe)
      if count == 0 { break }
      bytes.append(contentsOf: block[..<count])
    }
    let status = pclose(pipe)
    return (status & 0x7f == 0 ? status >> 8 & 0xff : 128, String(decoding: bytes, as: UTF8.self))
  }

  /// Whether Python and a package of its are there.
  public static func hasPython(_ package: String) -> Bool { run("python3 -c 'import \(package)'").status == 0 }

  /// Runs a script of `Tests/oracles` with a standard input.
  public static func oracle(_ script: String, input: String) -> (status: Int32, output: String) {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let folder = ThrowawayFolder()
    let path = folder.file("input.json")
    guard let stream = fopen(path, "w") else { return (127, "") }
    fputs(input, stream)
    fclose(stream)
    return run("python3 \(quoted("/\(tests)/oracles/\(script)")) < \(quoted(path))")
  }

  public static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
