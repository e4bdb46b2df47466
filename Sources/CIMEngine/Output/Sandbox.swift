internal import Glibc

/// A folder that the files of a statement may not lie outside of (`--sandbox DIR`), for statements that somebody else
/// wrote: EXPORT TO writes into it, FILE reads from it, and neither `..` nor a symbolic link leads out.
///
/// Paths mean what they mean without it: a relative one begins at the working folder.
public struct Sandbox: Sendable, Equatable {
  /// Its real path: absolute, without links and `..`.
  public let folder: String

  /// - Throws: ``StoreError`` of class `.file` when there is no such folder.
  public init(folder: String) throws(StoreError) {
    guard let real = FilePath.real(folder) else {
      throw StoreError(.file, "the sandbox \(folder): \(lastSystemError())")
    }
    var status = stat()
    guard stat(real, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw StoreError(.file, "the sandbox \(folder) is not a folder")
    }
    self.folder = real
  }

  /// Gives `body` a path to read a file by. It leads through the open folder of the file, and its last part is not
  /// followed as a link (``ByteReader`` and others who open such a path see to that with ``openFlags(_:)``): what is
  /// read is what was looked at, even if somebody moved a link in between.
  ///
  /// - Throws: ``StoreError`` when the file lies outside, or is no plain file. Nothing is told of what lies outside.
  package func reading<R>(_ path: String, _ body: (String) throws -> R) throws -> R {
    let real = try realPath(forReading: path)
    let slash = real.utf8.lastIndex(of: UInt8(ascii: "/")) ?? real.startIndex
    let parent = slash == real.startIndex ? "/" : String(real[..<slash])
    let name = real[real.utf8.index(after: slash)...]
    let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw StoreError(.file, "cannot read \(path): \(lastSystemError())") }
    defer { close(descriptor) }
    guard FilePath.real("\(Self.openFolders)\(descriptor)") == parent else { throw outside(path) }
    return try body("\(Self.openFolders)\(descriptor)/\(name)")
  }

  private static let openFolders = "/proc/self/fd/"

  /// How a path is opened for reading: one of ``reading(_:_:)`` ends in no link and waits for no pipe.
  package static func openFlags(_ path: String) -> Int32 {
    O_RDONLY | O_CLOEXEC | (path.hasPrefix(openFolders) ? O_NOFOLLOW | O_NONBLOCK : 0)
  }

  private func realPath(forReading path: String) throws(StoreError) -> String {
    try Self.refuseNUL(path)
    guard let real = FilePath.real(path) else {
      let reason = errno
      _ = try place(of: path)
      throw StoreError(.file, "cannot read \(path): \(systemError(reason))")
    }
    guard contains(real) else { throw outside(path) }
    var status = stat()
    guard lstat(real, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError(.file, "cannot read \(path): in a sandbox only plain files are read")
    }
    return real
  }

  /// The open folder in which a file is to be written, and its name there. The caller closes the folder.
  ///
  /// - Throws: ``StoreError`` when it lies outside, or when something other than a plain file has that name.
  func folder(forWriting path: String) throws(StoreError) -> (descriptor: Int32, name: String) {
    try Self.refuseNUL(path)
    let (parent, name) = try place(of: path)
    let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw StoreError(.file, "cannot write \(path): \(lastSystemError())") }
    // What was opened is what was looked at, even if somebody moved a link in between.
    guard FilePath.real("/proc/self/fd/\(descriptor)") == parent else {
      close(descriptor)
      throw outside(path)
    }
    var status = stat()
    if fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT != S_IFREG {
      close(descriptor)
      throw StoreError(.file, "cannot write \(path): it is there already and is not a plain file")
    }
    return (descriptor, name)
  }

  /// The real folder of a path, inside, and the name in it.
  private func place(of path: String) throws(StoreError) -> (folder: String, name: String) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard let real = FilePath.real(folder), self.contains(real) else { throw outside(path) }
    guard !name.isEmpty, name != ".", name != ".." else {
      throw StoreError(.file, "\(path) names no file")
    }
    return (real, name)
  }

  private func contains(_ real: String) -> Bool {
    folder == "/" || real == folder || real.utf8.starts(with: (folder + "/").utf8)
  }

  private func outside(_ path: String) -> StoreError {
    StoreError(.file, "\(path) is outside of the sandbox \(folder)\n  name a file in it: '\(folder)/…'")
  }

  private static func refuseNUL(_ path: String) throws(StoreError) {
    guard !path.utf8.contains(0) else { throw StoreError(.file, "the name of a file holds a NUL character") }
  }
}
