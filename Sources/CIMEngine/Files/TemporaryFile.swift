internal import Glibc

/// A file in the system's temporary folder, removed with its owner.
package final class TemporaryFile: Sendable {
  package let path: String
  private let directory: String

  /// Where temporary files go: `TMPDIR`, else `/tmp`.
  package static var folder: String { Environment["TMPDIR"] ?? "/tmp" }

  /// A path for a file that does not exist yet, in a folder of its own that nobody else may enter; nil when that cannot
  /// be made: `errno` says why.
  package init?(name: String) {
    guard let directory = Self.makeFolder() else { return nil }
    self.directory = directory
    path = directory + "/" + name
  }

  deinit {
    unlink(path)
    rmdir(directory)
  }

  /// Makes a folder that nobody else may enter, which the caller removes; nil when it cannot be made: `errno` says why.
  ///
  /// - Parameter prefix: its path but for six characters that make it new.
  static func makeFolder(prefix: String = folder + "/cimq-") -> String? {
    var template = Array((prefix + "XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { return nil }
    return text(template)
  }

  /// Makes an empty file that nobody else may read, which the caller removes; nil when it cannot be made: `errno` says
  /// why.
  ///
  /// - Parameters:
  ///   - prefix: its path but for six characters that make it new, and the ending.
  ///   - ending: with its dot.
  package static func make(prefix: String, ending: String) -> String? {
    var template = Array((prefix + "XXXXXX" + ending).utf8CString)
    let descriptor = mkstemps(&template, Int32(ending.utf8.count))
    guard descriptor >= 0 else { return nil }
    close(descriptor)
    return text(template)
  }

  /// Opens a new file without a name: it is gone when it is closed, and with the process. nil when it cannot be made:
  /// `errno` says why.
  ///
  /// - Parameter folders: the first in which it can be made has it.
  static func openUnnamed(in folders: [String] = [folder]) -> Int32? {
    for folder in folders {
      var template = Array((folder + "/cimq-XXXXXX").utf8CString)
      let descriptor = mkstemp(&template)
      guard descriptor >= 0 else { continue }
      unlink(template)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      return descriptor
    }
    return nil
  }

  private static func text(_ template: [CChar]) -> String {
    String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
