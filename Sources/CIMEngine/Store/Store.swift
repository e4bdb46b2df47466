internal import GRDBSQLite
internal import Glibc

/// A database file: the truth about a city.
///
/// One SpatiaLite file that QGIS, ogr2ogr and `spatialite` open as it stands. Reading needs SQLite only. A value may be
/// shared between threads; accesses come one after another (open the file again to read in parallel).
public final class Store: Sendable {
  public let path: String
  let connection: Connection

  private init(path: String, connection: Connection) {
    self.path = path
    self.connection = connection
  }

  /// Opens a database to read it. Nothing but the file's header and `cimq_meta` is read yet.
  ///
  /// On read-only media the file is taken as immutable.
  /// - Throws: `.file` when it cannot be read, `.content` when it is no database of cimq's, or of a newer one's.
  public static func open(_ path: String) throws(StoreError) -> Store {
    let connection = try Connection(path: path, access: .read) { _ = try Schema.versionFound(in: $0, path: path) }
    return Store(path: path, connection: connection)
  }

  /// A database to read that is opened when something is first read from it: for a snapshot that is known to be current.
  ///
  /// - Throws: `.file` when there is no such file; what ``open(_:)`` throws comes from the first access then.
  static func openWhenNeeded(_ path: String) throws(StoreError) -> Store {
    let connection = try Connection(path: path, access: .read, isOpenedLater: true) {
      _ = try Schema.versionFound(in: $0, path: path)
    }
    return Store(path: path, connection: connection)
  }

  /// Opens a database to change it: SpatiaLite is loaded, older tables are migrated, and what other programs did to
  /// the tables is taken up in the catalogue.
  package static func openForWriting(_ path: String) throws(StoreError) -> Store {
    guard access(path, W_OK) == 0 else {
      throw StoreError(.file, "\(path) cannot be written: \(lastSystemError())")
    }
    let store = Store(path: path, connection: try Connection(path: path, access: .write))
    try store.connection.use { connection in
      _ = try Schema.versionFound(in: connection, path: path)
      try connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
      try SpatiaLite.load(into: connection)
    }
    try store.connection.transaction("IMMEDIATE") { connection in
      try Schema.migrate(connection, path: path)
      let isSeen =
        try connection.int("SELECT seen_schema FROM cimq_meta") == connection.int("PRAGMA schema_version")
      // The tables of rules are cimq's own: making them is nothing that the catalogue has to take up.
      if try CityRules.ensure(in: connection), isSeen { try StoredCatalog.markSeen(in: connection) }
    }
    try store.adopt()
    return store
  }

  /// Makes an empty database at `path`, which must not exist or be empty.
  ///
  /// The file is not safe against a crash until ``Store/finishCreation()``: journal and sync are off, so that the
  /// first import is fast. Callers make it under another name and rename it.
  package static func create(
    _ path: String, workingCRS: CRS, isGeographic: Bool = false, notice: String? = nil
  ) throws(StoreError) -> Store {
    var status = stat()
    if stat(path, &status) == 0, status.st_size > 0 { throw StoreError(.file, "\(path) exists already") }
    do {
      let store = Store(path: path, connection: try Connection(path: path, access: .write, create: true))
      try store.connection.use { connection in
        try connection.execute(
          "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE"
        )
        try SpatiaLite.load(into: connection)
        try SpatiaLite.createMetadata(in: connection)
        try connection.execute("BEGIN")
        _ = try SpatiaLite.ensureSRID(of: workingCRS, in: connection)
        try Schema.create(in: connection, workingCRS: workingCRS, isGeographic: isGeographic, notice: notice)
        try StoredCatalog.markSeen(in: connection)
        try connection.execute("COMMIT")
      }
      return store
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Makes a database that was just created safe: WAL mode for those who come, everything on the disk.
  package func finishCreation() throws(StoreError) {
    try connection.use { connection in
      try connection.execute("PRAGMA locking_mode = NORMAL; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL")
    }
    close()
    try FileSync.flush(path)
  }

  /// Closes the connection; the store answers no more.
  public func close() { connection.close() }

  /// Runs `body` in one read transaction: everything it reads is of one revision.
  package func read<T>(_ body: (StoreReader) throws -> T) throws(StoreError) -> T {
    try connection.transaction("DEFERRED") { try body(StoreReader(connection: $0, path: path)) }
  }

  /// The catalogue, with what other programs did to the tables taken into account.
  public func catalog() throws(StoreError) -> Catalog { try read { try $0.catalog().catalog } }

  /// The last entry of the change log.
  public func revision() throws(StoreError) -> Revision { try read { try $0.revision() } }

  /// Takes what other programs did to the tables up into the catalogue: changed and new tables get their triggers and
  /// a `bulk` entry in the log. Gives the notices; none when there was nothing to do.
  @discardableResult
  package func adopt() throws(StoreError) -> [String] {
    if try read({ try $0.catalog().isRecorded }) { return [] }
    if connection.access == .read {
      // Readers try, and leave it when the file cannot be written or somebody else writes.
      guard !connection.isImmutable, access(path, W_OK) == 0 else { return [] }
      let writer = Store(path: path, connection: try Connection(path: path, access: .write))
      return try writer.adopt()
    }
    return try connection.transaction("IMMEDIATE") { connection in
      let state = try StoredCatalog.read(in: connection, path: path)
      try connection.execute("DELETE FROM cimq_layer; DELETE FROM cimq_column")
      for (position, var stored) in (state.layers + state.solids).enumerated() {
        if !stored.isTracked {
          try TableTriggers.makeLog(for: stored, in: connection)
          try ChangeLog.append(.bulk, layer: stored.layer.name, in: connection)
          stored.isTracked = true
        }
        try StoredCatalog.record(
          stored, position: position, countedAt: try ChangeLog.current(in: connection).revision, in: connection)
      }
      try ChangeLog.append(.catalog, layer: nil, in: connection)
      try StoredCatalog.markSeen(in: connection)
      return state.notices
    }
  }
}
