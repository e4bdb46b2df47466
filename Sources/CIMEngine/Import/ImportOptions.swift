/// How an import is to be done, beyond how its sources are read (``LoadOptions``).
public struct ImportOptions: Sendable {
  /// The CRS of a database that is made by this import (`--working-crs`); nil chooses one from the data.
  public var workingCRS: CRS?
  /// A row whose id the database has already, with other content.
  public var onConflict: ImportConflict = .fail
  /// The column by which rows are known when it is not `id` (`--key`).
  public var key: String?
  /// Imports what is sound and writes features that are wrong, with the reasons, to a file beside their source.
  public var skipsInvalid = false
  /// The file for features that are wrong (`--rejects`); nil is `NAME.rejected.EXT` beside the source.
  public var rejectsPath: String?
  /// Takes values that the closed list of their column does not know (`--new-values`); the list no longer holds then.
  public var takesNewValues = false
  /// Fills the tables of a new database page by page where that can be done.
  var packsPages = true
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
  /// What an import is doing.
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
  /// What was written to one layer.
  public struct Layer: Sendable, Equatable {
    public var name: String
    public var isNew: Bool
    /// Without `id`, as the catalogue has them afterwards.
    public var columns: [Catalog.Column]
    public var geometry: Catalog.GeometryColumn?
    public var tally: ImportTally
    /// Rows that the sources have, from the first pass.
    public var sourceRows: Int
    /// After a dry run: the first rows as they would be read.
    public var samples: [Feature] = []
    public static func == (a: Self, b: Self) -> Bool {
      a.name == b.name && a.isNew == b.isNew && a.columns == b.columns && a.geometry == b.geometry && a.tally == b.tally
        && a.sourceRows == b.sourceRows
    }
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

  /// What each source was taken for.
  public var sources: [Source] = []
  /// What one source gave.
  public struct Source: Sendable {
    public var path: String
    public var format: String
    public var encoding: String?
    public var crs: CRS?
  }
  /// By source, the features that were set aside.
  public var rejects: [Rejects] = []

  /// Features of a source that were set aside, and the file that has them, if one was written.
  public struct Rejects: Sendable {
    public var source: String
    /// Those that are wrong, and those that are left out since they belong to one that is.
    public var features: [RejectedFeature]
    /// Where they were written; nil after a dry run.
    public var path: String?
    public var wrongCount: Int { features.count { $0.isWrong } }
  }

  public var tally: ImportTally { layers.reduce(ImportTally()) { $0 + $1.tally } }
}
