internal import Glibc

/// The parts of a path, and what the system takes it for.
package enum FilePath {
  /// The folder that a path lies in: `.` for a bare name, `/` for what lies in the root.
  package static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// What follows the last slash.
  package static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// The whole path without links, `.` and `..`; nil when nothing has that name: `errno` says why.
  package static func real(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}

/// Folders: making one, and the names in one.
package enum Folder {
  /// Makes a folder and those above it; one that is there is left as it is.
  ///
  /// - Returns: false when it cannot be made: `errno` says why.
  package static func make(_ path: String, mode: UInt32 = 0o755) -> Bool {
    if mkdir(path, mode) == 0 || errno == EEXIST { return true }
    guard errno == ENOENT, !path.isEmpty, make(FilePath.folder(of: path), mode: mode) else { return false }
    return mkdir(path, mode) == 0 || errno == EEXIST
  }

  /// The names in a folder but `.` and `..`, in the order of the file system; nil when it cannot be read: `errno` says
  /// why.
  package static func names(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    return names(in: directory)
  }

  /// The same for an open folder, which stays open.
  static func names(in directory: OpaquePointer) -> [String] {
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
