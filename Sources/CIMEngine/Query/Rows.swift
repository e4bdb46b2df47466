// What a statement answers with: a header, then batches of columns, pushed into a sink.

/// A column of values with validity, one batch long. The executor works on these, the writers print them.
public struct Vector: Sendable {
  /// The values, in an array of their own type; those of rows that are NULL mean nothing.
  public enum Storage: Sendable {
    case bool([Bool])
    case int([Int64])
    case double([Double])
    case text([String])
    /// Codes into a dictionary that batches of one column may share.
    case dictionary([UInt32], TextDictionary)
    /// Days since 1970-01-01.
    case date([Int32])
    /// Microseconds since 1970-01-01T00:00:00Z.
    case timestamp([Int64])
    case geometry([Geometry?])
    case list([[Value]])
    /// NULL throughout, type unknown.
    case null(count: Int)
  }
  public var storage: Storage
  /// One flag a row, false where NULL; nil when every row is valid. (Ignored for `.null`.)
  public var validity: [Bool]?

  public init(_ storage: Storage, validity: [Bool]? = nil) {
    self.storage = storage
    self.validity = validity
  }

  public var count: Int {
    switch storage {
    case .bool(let values): values.count
    case .int(let values): values.count
    case .double(let values): values.count
    case .text(let values): values.count
    case .dictionary(let codes, _): codes.count
    case .date(let values): values.count
    case .timestamp(let values): values.count
    case .geometry(let values): values.count
    case .list(let values): values.count
    case .null(let count): count
    }
  }

  /// Whether the value of a row is not NULL.
  @inlinable public func isValid(_ row: Int) -> Bool {
    if case .null = storage { return false }
    return validity?[row] ?? true
  }

  /// One value; for tests and for writers' rare types. Columns are read by their storage where speed matters.
  public subscript(row: Int) -> Value {
    guard isValid(row) else { return .null }
    switch storage {
    case .bool(let values): return .bool(values[row])
    case .int(let values): return .int(values[row])
    case .double(let values): return .double(values[row])
    case .text(let values): return .text(values[row])
    case .dictionary(let codes, let dictionary): return .text(dictionary.strings[Int(codes[row])])
    case .date(let values): return .date(values[row])
    case .timestamp(let values): return .timestamp(values[row])
    case .geometry(let values): return values[row].map { .geometry($0) } ?? .null
    case .list(let values): return .list(values[row])
    case .null: return .null
    }
  }
}

/// Distinct strings that codes point into.
public final class TextDictionary: Sendable {
  public let strings: [String]
  public init(_ strings: [String]) { self.strings = strings }
}

/// One column of a result.
public struct ResultColumn: Sendable, Equatable {
  public var name: String
  /// nil when every value is NULL or the type is not known before the rows.
  public var type: ColumnType?
  /// The layer column it comes from unchanged, for headers in Chinese; nil when computed.
  public var origin: Origin?
  /// What the values tell of a person; nil for all that may leave as it is.
  public var personal: PersonalData?
  /// How values of a column that comes from nowhere are shown in Chinese tables.
  package var chineseValues: [String: String] = [:]

  /// The column of a layer that a result column is, unchanged.
  public struct Origin: Sendable, Equatable {
    public var layer: String
    public var column: String
    public init(layer: String, column: String) {
      self.layer = layer
      self.column = column
    }
  }

  public init(name: String, type: ColumnType?, origin: Origin? = nil, personal: PersonalData? = nil) {
    self.name = name
    self.type = type
    self.origin = origin
    self.personal = personal
  }
}

/// What is known of a result before its rows: columns, CRS of the shapes, and what columns mean.
public struct ResultHeader: Sendable {
  public var columns: [ResultColumn]
  /// The CRS of every geometry in the result: the working CRS.
  public var crs: CRS
  /// The index in `columns` of `distance`, when there is one (metres).
  public var distanceColumn: Int?
  /// True when batches carry `shapes` (the sink asked, and rows have a geometry).
  public var hasShapes: Bool
  /// Known before the rows only when the result is complete in memory (sorted, limited, grouped).
  public var rowCount: Int?
  /// Tables show the result as a page: parts under headings.
  package var page: Page?

  package struct Page: Sendable {
    /// The column whose values head the parts; rows with the same one follow each other.
    package var heading: Int
    /// Columns that a page leaves out, since their headings say as much.
    package var hidden: Set<Int>
  }

  public init(
    columns: [ResultColumn], crs: CRS, distanceColumn: Int? = nil, hasShapes: Bool = false, rowCount: Int? = nil
  ) {
    self.columns = columns
    self.crs = crs
    self.distanceColumn = distanceColumn
    self.hasShapes = hasShapes
    self.rowCount = rowCount
  }
}

/// Up to about a thousand rows.
public struct RowBatch: Sendable {
  public var rowCount: Int
  public var columns: [Vector]
  /// For sinks that draw: the geometry and id of the source row behind each result row (GeoJSON's `geometry` and
  /// `id`), also when RETURN leaves them out. Empty unless the sink asked.
  public var shapes: [Geometry?]
  public var ids: [String?]

  public init(rowCount: Int, columns: [Vector], shapes: [Geometry?] = [], ids: [String?] = []) {
    self.rowCount = rowCount
    self.columns = columns
    self.shapes = shapes
    self.ids = ids
  }
}

/// Takes a result in order: one header, batches, one end. Throwing stops the query.
public protocol RowSink {
  /// True when the sink prints shapes (geojson, map); the executor then fills `RowBatch.shapes` and `ids`.
  var wantsShapes: Bool { get }
  mutating func begin(_ header: ResultHeader) throws
  mutating func write(_ batch: RowBatch) throws
  /// `notices` are warnings about the result as a whole, for stderr.
  mutating func end(notices: [String]) throws
}
