/// What lives from one statement to the next: `LET` sets and `--param` values.
public struct Session: Sendable {
  /// `$name` -> the text given on the command line; typed when it is bound (a number, a WKT, else text).
  public var parameters: [String: String] = [:]
  /// `$name` -> the reference of its LET, bound anew where it is used.
  public internal(set) var sets: [String: Reference] = [:]

  public init() {}
}

/// How one statement is to be run. Used as
/// `Database.run(_ statement: Statement, in session: inout Session, _ run: QueryRun, into sink: any RowSink) -> RunReport`;
/// `Database.init(path:notice:)` opens, `Database.parse(_:strictCQL2:)` gives the `Script`.
public struct QueryRun {
  /// Stops the statement: Ctrl-C, `--timeout`, `--max-memory`.
  public var token: CancellationToken
  /// Rows by id where the statement gives no order (tables); false streams them in any order.
  public var isOrdered: Bool
  public var threadCount: Int
  /// Makes the sink of an `EXPORT TO`; throws what is wrong with its path, format or CRS.
  public var makeExport: (Export) throws -> FileSink
  /// The folder that FILE '…' may read from; nil where statements are trusted.
  public var sandbox: Sandbox?

  public init(
    token: CancellationToken = CancellationToken(), isOrdered: Bool = false, threadCount: Int = 2,
    sandbox: Sandbox? = nil, makeExport: @escaping (Export) throws -> FileSink
  ) {
    self.token = token
    self.isOrdered = isOrdered
    self.threadCount = threadCount
    self.sandbox = sandbox
    self.makeExport = makeExport
  }
}

/// What a statement did beside the rows it sent to the sink.
public struct RunReport {
  /// Warnings for stderr.
  public var notices: [String] = []
  /// Files written by EXPORT TO; the statement's rows went there instead of into the sink.
  public var exports: [FileSink] = []
  /// Rows sent to the sink or the file.
  public var rowCount = 0

  public init() {}
}

extension Statement {
  /// False for LET, which only names a reference, and for BEGIN, COMMIT and ROLLBACK.
  public var hasResult: Bool {
    switch body {
    case .let, .transaction: false
    default: true
    }
  }
}
