internal import Glibc

/// Where a result goes: standard output, or a file that appears under its name only when it is complete.
///
/// Bytes collect in a buffer and leave in large writes. A file is written beside its place under a temporary name
/// and renamed by ``finish()``; a writer that is dropped before that removes what it wrote.
public final class ByteWriter {
  /// The reader of standard output has gone (`| head`). Not an error for the user: the command ends quietly.
  public struct ReaderClosed: Error {
    public init() {}
  }

  private var buffer: [UInt8] = []
  private var descriptor: Int32
  /// As the user named it.
  private let path: String?
  /// Where a file is written until it is complete.
  private let place: Place?
  /// The temporary name is gone.
  private var isPublished = false
  private let drain: ((UnsafeBufferPointer<UInt8>) throws -> Void)?
  private static let flushSize = 1 << 16

  /// Writes to an open file descriptor, which stays open.
  public init(descriptor: Int32) {
    self.descriptor = descriptor
    (path, place, drain) = (nil, nil, nil)
    buffer.reserveCapacity(Self.flushSize + 4096)
  }

  /// Writes a file at `path`, replacing one that is there when the work is done. What is no plain file (`/dev/stdout`, a
  /// named pipe) is written to as it stands.
  ///
  /// - Parameter sandbox: a folder that the file must lie in.
  /// - Throws: ``StoreError`` of class `.file` that names the path and the reason.
  public init(path: String, in sandbox: Sandbox? = nil) throws(StoreError) {
    guard !path.utf8.contains(0) else { throw StoreError(.file, "the name of a file holds a NUL character") }
    var status = stat()
    if sandbox == nil, stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw StoreError(.file, "cannot write \(path): \(lastSystemError())")
      }
      (self.path, place, drain) = (path, nil, nil)
      return
    }
    try ReplacedFile.refuseDatabase(path)
    let (folder, name) = try sandbox?.folder(forWriting: path) ?? (AT_FDCWD, path)
    let place = Place(folder: folder, name: name)
    place.removeAbandoned()
    // Who made this name before, and what it points to, is not asked.
    unlinkat(folder, place.temporaryName, 0)
    descriptor = openat(
      folder, place.temporaryName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(0o666))
    guard descriptor >= 0 else {
      throw StoreError(.file, "cannot write \(path): \(lastSystemError())")
    }
    _ = flock(descriptor, LOCK_EX | LOCK_NB)
    (self.path, self.place, drain) = (path, place, nil)
    buffer.reserveCapacity(Self.flushSize + 4096)
  }

  /// A folder and names in it. The folder is closed with it.
  private final class Place {
    let folder: Int32
    let name: String
    let temporaryName: String

    init(folder: Int32, name: String) {
      (self.folder, self.name) = (folder, name)
      temporaryName = "\(name)\(AbandonedFiles.suffix)\(getpid())"
    }

    func removeAbandoned() {
      if folder == AT_FDCWD { AbandonedFiles.removeBeside(name) } else { AbandonedFiles.remove(in: folder) }
    }

    deinit { if folder != AT_FDCWD { close(folder) } }

    func removeTemporary() { unlinkat(folder, temporaryName, 0) }
    /// True when the file has its name.
    func publish() -> Bool { renameat(folder, temporaryName, folder, name) == 0 }
  }

  /// Hands the bytes to `drain` in large pieces: a pager, another writer.
  public init(_ drain: @escaping (UnsafeBufferPointer<UInt8>) throws -> Void) {
    self.drain = drain
    (descriptor, path, place) = (-1, nil, nil)
  }

  deinit {
    guard path != nil else { return }
    if descriptor >= 0 { close(descriptor) }
    if !isPublished { place?.removeTemporary() }
  }

  @inline(__always)
  public func append(_ byte: UInt8) { buffer.append(byte) }

  @inline(__always)
  public func append(_ text: StaticString) {
    buffer.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  public func append(_ text: String) {
    var text = text
    text.withUTF8 { buffer.append(contentsOf: $0) }
  }

  @inline(__always)
  public func append(_ bytes: UnsafeBufferPointer<UInt8>) { buffer.append(contentsOf: bytes) }

  /// Lets `body` append to the buffer itself.
  @inline(__always)
  func appendText(_ body: (inout [UInt8]) -> Void) { body(&buffer) }

  /// Hands the buffer to the system when it is large; call it once a row or a batch.
  public func flushIfLarge() throws {
    if buffer.count >= Self.flushSize { try flush() }
  }

  /// Hands on what is in the buffer.
  public func flush() throws {
    var start = 0
    defer { buffer.removeAll(keepingCapacity: true) }
    if let drain { return try buffer.withUnsafeBufferPointer { try drain($0) } }
    while start < buffer.count {
      let written = buffer.withUnsafeBytes { write(descriptor, $0.baseAddress! + start, $0.count - start) }
      if written >= 0 {
        start += written
      } else if errno == EPIPE {
        throw ReaderClosed()
      } else if errno != EINTR && errno != EAGAIN {
        throw StoreError(.file, "cannot write \(path ?? "the output"): \(lastSystemError())")
      }
    }
  }

  /// Brings all bytes to the disk. A file has its name only after ``finish()``, which then takes no more room.
  func complete() throws {
    try flush()
    guard let path, descriptor >= 0 else { return }
    // Without this a power cut may leave the new name with nothing in it.
    let failure = place == nil || FileSync.flush(descriptor) ? nil : errno
    let closed = close(descriptor)
    descriptor = -1
    if place != nil, failure != nil || closed != 0 {
      throw StoreError(.file, "cannot write \(path): \(systemError(failure ?? errno))")
    }
  }

  /// Flushes, and puts a file in its place.
  public func finish() throws {
    try complete()
    guard let path, let place, !isPublished else { return }
    guard place.publish() else {
      throw StoreError(.file, "cannot write \(path): \(lastSystemError())")
    }
    isPublished = true
  }
}
