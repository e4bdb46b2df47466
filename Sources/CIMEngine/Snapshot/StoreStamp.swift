internal import Glibc

/// What the file system says of a database: while it says the same, nothing has been written to the file.
///
/// Comparing a snapshot with the log of changes means opening the database, and SQLite then reads the whole schema: ten
/// milliseconds, more than a one-shot question itself. Whoever has compared them leaves the stamp of the file in the
/// snapshot's folder, and who finds the same stamp needs no comparison. Times of change (ctime) cannot be set back by
/// `touch` or `cp -p`, and one that is younger than two seconds is never trusted, because a write within the same tick of
/// the clock would not show.
struct StoreStamp: Equatable, Sendable {
  static let fileName = "stamp"
  /// "CIMQSTP" and a byte that text-mode transfers would change.
  private static let magic: UInt64 = 0x1A50_5453_514D_4943
  private static let settlingSeconds: Int64 = 2

  private var numbers: [Int64]
  private var changedAt: Int64 { numbers[5] }

  /// The stamp of a database as it is now; nil when there is no such file, or a journal or a write-ahead log beside it
  /// holds something that may belong to it.
  init?(database path: String) {
    var file = stat()
    // SQLite keeps what lies beside a file beside the real one, not beside a link to it.
    guard let path = FilePath.real(path), stat(path, &file) == 0 else { return nil }
    for suffix in ["-wal", "-journal"] {
      var beside = stat()
      if stat(path + suffix, &beside) == 0, beside.st_size > 0 { return nil }
    }
    numbers = [
      Int64(bitPattern: UInt64(file.st_dev)), Int64(bitPattern: UInt64(file.st_ino)), Int64(file.st_size),
      Int64(file.st_mtim.tv_sec), Int64(file.st_mtim.tv_nsec), Int64(file.st_ctim.tv_sec), Int64(file.st_ctim.tv_nsec),
    ]
  }

  /// Whether the last change is so long ago that another one would give another stamp.
  var isSettled: Bool {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) - changedAt > Self.settlingSeconds
  }

  // MARK: In the snapshot's folder

  private func bytes(_ state: SnapshotState) -> [UInt8] {
    var result = SnapshotBytes()
    result.put(Self.magic)
    for number in numbers { result.put(number) }
    result.put(state.revision.uuid)
    result.put(state.revision.revision)
    result.put(state.revision.token)
    result.put(state.schemaVersion)
    let checksum = result.bytes.withUnsafeBytes { BlockFormat.checksum($0) }
    result.put(checksum)
    return result.bytes
  }

  /// Whether the folder says that a database with this stamp is in `state`.
  func isKnown(in folder: String, as state: SnapshotState) -> Bool {
    let expected = bytes(state)
    let file = open(folder + "/" + Self.fileName, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    var found = [UInt8](repeating: 0, count: expected.count + 1)
    return found.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) } == expected.count
      && found.dropLast() == expected[...]
  }

  /// Says in the folder that a database with this stamp is in `state`. Where that cannot be written, the next one asks
  /// the database again.
  func keep(in folder: String, as state: SnapshotState) {
    try? WholeFile.write(bytes(state), to: folder + "/" + Self.fileName)
  }
}

extension Snapshot {
  /// The snapshot of a database file that nobody has written to since the two were last compared, with its stamp; nil
  /// when the database itself must be asked.
  static func unchanged(_ database: String) -> (snapshot: Snapshot, stamp: StoreStamp)? {
    guard let stamp = StoreStamp(database: database) else { return nil }
    for folder in [SnapshotFolder.beside(database), SnapshotFolder.inCache(database)] {
      guard let folder, access(folder + "/" + StoreStamp.fileName, R_OK) == 0, let snapshot = try? open(folder) else {
        continue
      }
      if stamp.isKnown(in: folder, as: snapshot.state) { return (snapshot, stamp) }
    }
    return nil
  }
}
