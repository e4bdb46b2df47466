internal import Glibc

/// Files of our own making that are under their name whole or not at all: another process never reads half of one.
enum WholeFile {
  /// Lets `body` make a file under another name beside `path`, then gives it that of `path`. When something fails, what
  /// was there stays.
  ///
  /// - Throws: what `body` throws, and `StoreError` of class `.file`.
  static func replace(_ path: String, _ body: (_ temporary: String) throws(StoreError) -> Void) throws(StoreError) {
    let temporary = "\(path).\(getpid()).new"
    unlink(temporary)
    do throws(StoreError) {
      try body(temporary)
      try move(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Writes `bytes` in place of what `path` holds.
  static func write(_ bytes: [UInt8], to path: String) throws(StoreError) {
    try replace(path) { (temporary) throws(StoreError) in
      let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard file >= 0 else { throw StoreError(.file, "\(temporary): cannot be created: \(lastSystemError())") }
      defer { close(file) }
      var done = 0
      while done < bytes.count {
        let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + done, bytes.count - done) }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { throw StoreError(.file, "\(path): cannot be written: \(lastSystemError())") }
        done += written
      }
    }
  }

  /// Gives a complete file its name.
  static func move(_ temporary: String, to path: String) throws(StoreError) {
    guard rename(temporary, path) == 0 else {
      throw StoreError(.file, "\(path): cannot be written: \(lastSystemError())")
    }
  }
}
