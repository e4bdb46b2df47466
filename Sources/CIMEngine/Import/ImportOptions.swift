/// How an import is to be done, beyond how its sources are read (``LoadOptions``).
public struct ImportOptions: Sendable {
  /// The CRS of a database that is made by this import (`--working-crs`); nil chooses one from the data.
  public var workingCRS: CRS?
  /// A row whose id the database has already, with other content.
  public var onConflict: ImportConflict = .fail
  /// The column by which rows are known when it is not `id` (`--key`).
  public var key: String?
  /// Reads and plans everything, writes nothing.
  public var isDryRun = false
  /// Kept in the catalogue of a new database and shown with its data ("synthetic data", a licence).
  public var notice: String?
  /// Links between layers beside those of the shipped schema (from a manifest).
  public var links: [Catalog.Link] = []

  public init(
    workingCRS: CRS? = nil, onConflict: ImportConflict = .fail, key: String? = nil, isDryRun: Bool = false
  ) {
    self.key = key
    self.workingCRS = workingCRS
    self.onConflict = onConflict
    self.isDryRun = isDryRun
  }
}

/// Where an import stands.
public struct ImportProgress: Sendable, Equatable {
  public enum Phase: String, Sendable { case survey, write, index }
  public var phase: Phase
  /// Bytes of all sources read in this phase, and their sum; 0 of 0 while indexing.
  public var bytesDone: Int
  public var bytesTotal: Int
  /// Rows written so far.
  public var rows: Int
  /// The file being read, or the layer being indexed.
  public var subject: String
}

/// What an import did, or would do.
public struct ImportReport: Sendable {
  public struct Layer: Sendable, Equatable {
    public var name: String
    public var isNew: Bool
    /// Without `id`, as the catalogue has them afterwards.
    public var columns: [Catalog.Column]
    public var geometry: Catalog.GeometryColumn?
    public var tally: ImportTally
    /// Rows that the sources have, from the first pass.
    public var sourceRows: Int
  }
  public var isNewDatabase: Bool
  public var workingCRS: CRS
  /// Why that CRS, when this import chose it.
  public var workingCRSReason: String?
  public var layers: [Layer]
  /// In the order in which they were given to `notice`.
  public var warnings: [String]
  public var sourceCount: Int
  public var byteCount: Int

  public var tally: ImportTally { layers.reduce(ImportTally()) { $0 + $1.tally } }
}
