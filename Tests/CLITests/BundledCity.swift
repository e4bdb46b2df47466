import Foundation

/// The bundled city, imported once for all tests of this process.
enum BundledCity {
  /// The path of a database with the bundled city. Tests must not change it: they copy it first.
  static let database: Result<String, any Error> = Result {
    let scratch = try Scratch.shared()
    let path = scratch.path("city.sqlite")
    let root = Program.root
    let imported = try Program.run(
      "import", path, root.appendingPathComponent("tiles").path, root.appendingPathComponent("datasets").path)
    guard imported.status == 0 else { throw Failure(output: imported) }
    return path
  }

  struct Failure: Error, CustomStringConvertible {
    var output: Program.Output
    var description: String { "import ended with \(output.status): \(output.error)" }
  }
}

extension Scratch {
  private static let sharedFolder = Result { try Scratch() }
  /// One folder for the whole process, removed at exit.
  static func shared() throws -> Scratch {
    let scratch = try sharedFolder.get()
    removeAtExit
    return scratch
  }
  private static let removeAtExit: Void = {
    atexit {
      if let scratch = try? Scratch.sharedFolder.get() { try? FileManager.default.removeItem(at: scratch.folder) }
    }
  }()
}
