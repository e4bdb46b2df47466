internal import GRDBSQLite
internal import Glibc

/// Copies a database that is in use: what others commit meanwhile is not in the copy, what they committed before is.
///
/// SQLite's online backup (https://www.sqlite.org/backup.html) inside one read transaction: in WAL mode neither stops the
/// other, and the copy is of one revision. It is written beside its place, checked with `PRAGMA quick_check`, flushed to the
/// disk, and only then gets its name.
public enum Backup {
  /// What was copied.
  public struct Report: Sendable {
    /// Of the copy.
    public var byteCount: Int
    public var revision: Int64
  }

  /// - Parameters:
  ///   - replacing: whether a file that is there already is replaced; otherwise it is an error.
  ///   - progress: told 0…1 from time to time.
  /// - Throws: ``StoreError``; ``QueryError`` of reason `.interrupted` when `token` stops it. Nothing is left behind then.
  public static func copy(
    _ path: String, to target: String, replacing: Bool = false, token: CancellationToken = CancellationToken(),
    progress: (Double) -> Void = { _ in }
  ) throws -> Report {
    let named = target
    try refuseTarget(named, of: path, replacing: replacing)
    // A link stays, and what it names is replaced.
    let target = replacing ? FilePath.real(named) ?? named : named
    if target != named { try refuseTarget(target, of: path, replacing: replacing) }
    let source = try Store.open(path)
    defer { source.close() }
    let partial = "\(target).backup-\(getpid())"
    let made = open(partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(0o666))
    guard made >= 0 else { throw StoreError(.file, "cannot write \(target): \(lastSystemError())") }
    // Nobody reads the copy who may not read the database.
    var original = stat()
    if stat(path, &original) == 0 { fchmod(made, original.st_mode & 0o777) }
    close(made)
    do {
      let revision = try write(source, to: partial, token: token, progress: progress)
      try FileSync.flush(partial)
      var status = stat()
      guard stat(partial, &status) == 0 else {
        throw StoreError(.file, "cannot write \(target): \(lastSystemError())")
      }
      if replacing {
        try refuseTarget(target, of: path, replacing: true)
        guard rename(partial, target) == 0 else {
          throw StoreError(.file, "cannot write \(target): \(lastSystemError())")
        }
        FileSync.flushFolder(of: target)
      } else {
        try FileSync.publish(partial, as: target)
      }
      return Report(byteCount: Int(status.st_size), revision: revision)
    } catch {
      for suffix in ["", "-wal", "-shm", "-journal"] { unlink(partial + suffix) }
      throw error
    }
  }

  private static func refuseTarget(_ target: String, of path: String, replacing: Bool) throws(StoreError) {
    var (old, source) = (stat(), stat())
    if stat(target, &old) == 0 {
      if stat(path, &source) == 0, old.st_dev == source.st_dev, old.st_ino == source.st_ino {
        throw StoreError(.file, "\(target) is the database itself")
      }
      guard old.st_mode & S_IFMT == S_IFREG else { throw StoreError(.file, "\(target) is not a file") }
      guard replacing else {
        throw StoreError(.file, "\(target) exists already; --force replaces it")
      }
    } else if lstat(target, &old) == 0, old.st_mode & S_IFMT == S_IFLNK {
      throw StoreError(
        .file, "\(target) is a symbolic link to a file that is not there; name that file, or remove the link")
    }
    // A write-ahead log of another database would be played into the copy.
    for suffix in ["-wal", "-journal"] {
      var beside = stat()
      if stat(target + suffix, &beside) == 0, beside.st_size > 0 {
        throw StoreError(
          .file,
          "\(target)\(suffix) is there: a database of that name is in use, or was not closed\n"
            + "  name another file, or open and close that database first")
      }
    }
  }

  /// Pages at a time: Ctrl-C is asked for in between.
  private static let pagesAStep: Int32 = 1_000

  private static func write(
    _ source: Store, to partial: String, token: CancellationToken, progress: (Double) -> Void
  ) throws -> Int64 {
    try source.connection.use { connection in
      try connection.execute("BEGIN")
      defer { try? connection.execute("ROLLBACK") }
      // The first read fixes the revision.
      let revision = try ChangeLog.current(in: connection).revision
      let copy = try Connection(path: partial, access: .write, create: true)
      defer { copy.close() }
      try copy.use { copy in
        try copy.execute("PRAGMA synchronous = OFF")
        guard let backup = sqlite3_backup_init(copy.handle, "main", connection.handle, "main") else {
          throw StoreError(copy.handle, sqlite3_errcode(copy.handle))
        }
        var isOpen = true
        defer { if isOpen { sqlite3_backup_finish(backup) } }
        while true {
          try token.check()
          let code = sqlite3_backup_step(backup, pagesAStep)
          if code == SQLITE_DONE { break }
          guard code == SQLITE_OK else { throw StoreError(copy.handle, code) }
          let total = sqlite3_backup_pagecount(backup)
          if total > 0 { progress(Double(total - sqlite3_backup_remaining(backup)) / Double(total)) }
        }
        isOpen = false
        let code = sqlite3_backup_finish(backup)
        guard code == SQLITE_OK else { throw StoreError(copy.handle, code) }
        try check(copy, partial, token)
      }
      return revision
    }
  }

  private static func check(_ copy: SQLConnection, _ path: String, _ token: CancellationToken) throws {
    sqlite3_progress_handler(
      copy.handle, 10_000,
      { pointer in
        do {
          try Unmanaged<CancellationToken>.fromOpaque(pointer!).takeUnretainedValue().check()
          return 0
        } catch { return 1 }
      }, Unmanaged.passUnretained(token).toOpaque())
    defer { sqlite3_progress_handler(copy.handle, 0, nil, nil) }
    let found: String?
    do { found = try copy.text("PRAGMA quick_check(1)") } catch {
      try token.check()
      throw error
    }
    guard found == "ok" else {
      throw StoreError(
        .content,
        "the copy is not sound (\(found ?? "no answer")), so it was not kept\n"
          + "  `cimq check` says what is wrong with the database")
    }
    try Schema.versionFound(in: copy, path: path)
    // Nobody has to find a log beside the copy.
    try copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
  }
}
