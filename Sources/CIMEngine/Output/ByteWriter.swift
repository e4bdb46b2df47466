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
  private let path: String?
  private let temporaryPath: String?
  private let drain: ((UnsafeBufferPointer<UInt8>) throws -> Void)?
  private static let flushSize = 1 << 16

  /// Writes to an open file descriptor, which stays open.
  public init(descriptor: Int32) {
    self.descriptor = descriptor
    (path, temporaryPath, drain) = (nil, nil, nil)
    buffer.reserveCapacity(Self.flushSize + 4096)
  }

  /// Writes a file at `path`, replacing one that is there when the work is done.
  /// - Throws: ``StoreError`` of class `.file` that names the path and the reason.
  public init(path: String) throws(StoreError) {
    let temporary = path + ".writing-\(getpid())"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw StoreError(.file, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    (self.path, temporaryPath, drain) = (path, temporary, nil)
    buffer.reserveCapacity(Self.flushSize + 4096)
  }

  /// Hands the bytes to `drain` in large pieces: a pager, another writer.
  public init(_ drain: @escaping (UnsafeBufferPointer<UInt8>) throws -> Void) {
    self.drain = drain
    (descriptor, path, temporaryPath) = (-1, nil, nil)
  }

  deinit {
    guard let temporaryPath, descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
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
        throw StoreError(.file, "cannot write \(path ?? "the output"): \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Flushes, and puts a file in its place.
  public func finish() throws {
    try flush()
    guard let path, let temporaryPath else { return }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0, rename(temporaryPath, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporaryPath)
      throw StoreError(.file, "cannot write \(path): \(reason)")
    }
  }
}
