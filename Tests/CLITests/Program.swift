import Foundation
import Testing

/// Runs the `cimq` program as users do: as a process, with its streams apart.
struct Program {
  struct Output {
    var status: Int32
    var out: String
    var error: String
  }

  /// The program under test: `CIMQ_BIN`, else the one built beside the tests.
  static let path: String = {
    if let path = ProcessInfo.processInfo.environment["CIMQ_BIN"], !path.isEmpty { return path }
    let built = Bundle.main.bundleURL.appendingPathComponent("cimq")
    if FileManager.default.isExecutableFile(atPath: built.path) { return built.path }
    return Bundle.main.bundleURL.deletingLastPathComponent().appendingPathComponent("cimq").path
  }()

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @discardableResult
  static func run(
    _ arguments: String..., input: String? = nil, environment: [String: String] = [:], in folder: URL? = nil
  ) throws -> Output {
    try run(arguments, input: input, environment: environment, in: folder)
  }

  static func run(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:], in folder: URL? = nil
  ) throws -> Output {
    try run(executable: path, arguments, input: input, environment: environment, in: folder)
  }

  static func shell(_ command: String, environment: [String: String] = [:], in folder: URL? = nil) throws -> Output {
    try run(executable: "/bin/bash", ["-c", command], environment: environment, in: folder)
  }

  private static func run(
    executable: String, _ arguments: [String], input: String? = nil, environment: [String: String], in folder: URL?
  ) throws -> Output {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var variables = ProcessInfo.processInfo.environment
    for name in ["CIMQ_DB", "LANG", "LC_ALL", "LC_MESSAGES"] { variables[name] = nil }
    variables["CIMQ"] = path
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    // Files instead of pipes: no reader has to run while the program writes.
    let scratch = try Scratch()
    let (out, error) = (scratch.url("out"), scratch.url("error"))
    FileManager.default.createFile(atPath: out.path, contents: nil)
    FileManager.default.createFile(atPath: error.path, contents: nil)
    let standardInput = scratch.url("in")
    try Data((input ?? "").utf8).write(to: standardInput)
    process.standardInput = try FileHandle(forReadingFrom: standardInput)
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: error)
    try process.run()
    process.waitUntilExit()
    return Output(
      status: process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus,
      out: try String(contentsOf: out, encoding: .utf8), error: try String(contentsOf: error, encoding: .utf8))
  }
}

/// A folder that is removed with its owner.
final class Scratch: Sendable {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("cimq-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func url(_ name: String) -> URL { folder.appendingPathComponent(name) }
  func path(_ name: String) -> String { url(name).path }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: url(name))
    return path(name)
  }
}
