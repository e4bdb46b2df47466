/// Writes a result to a file, by extension or by a named format: EXPORT TO, `-o`, `cimq export`.
///
/// The file appears under its name only when the result is complete; until then, and after an error, there is none.
public final class FileSink: RowSink {
  public let path: String
  public private(set) var rowCount = 0
  private let rowLimit: Int?
  private let writer: ByteWriter?
  private var sink: any RowSink
  private var converted: OGRFileSink?
  /// What the format could not hold of the result. Complete after `end`.
  public private(set) var notices: [String] = []

  /// - Parameter format: a format's name (`geojson`, `csv`, …), or nil to go by the extension of `path`.
  /// - Parameter sandbox: a folder that `path` must lie in.
  /// - Throws: ``StoreError`` when the format is unknown (class `.content`) or the file cannot be written (`.file`),
  ///   ``CRSError`` for an unknown output CRS.
  public init(
    path: String, format name: String?, catalog: Catalog, options: OutputOptions, sandbox: Sandbox? = nil
  ) throws {
    self.path = path
    rowLimit = options.rowLimit
    if name == nil, CityJSONExport.isSequence(path) != nil {
      throw StoreError(
        .content,
        "cannot write \(path): only whole layers are written as CityJSON: cimq export DB LAYER -o \(path)\n"
          + "  give the rows another name, such as .geojson or .json, or say FORMAT json")
    }
    if let other = name.map({ OGRFormat(name: $0) }) ?? OGRFormat(path: path) {
      guard sandbox == nil else {
        throw StoreError(
          .file, "cannot write \(path): in a sandbox no other program is started, and \(other.driver) needs `ogr2ogr`")
      }
      writer = nil
      let made = try OGRFileSink(path: path, format: other, options: options)
      converted = made
      sink = options.disclosure.guarding(made)
      return
    }
    let format = name.map { OutputFormat(rawValue: $0.lowercased()) } ?? OutputFormat(path: path)
    guard let format else {
      let known = (OutputFormat.allCases.map(\.rawValue) + OGRFormat.allCases.map(\.rawValue)).joined(separator: ", ")
      throw StoreError(
        .content,
        name.map { "unknown format `\($0)`; there are: \(known)" }
          ?? "the extension of \(path) names no format; name one with FORMAT (\(known))")
    }
    let writer = try ByteWriter(path: path, in: sandbox)
    self.writer = writer
    sink = try format.makeSink(to: writer, catalog: catalog, options: options)
  }

  public var wantsShapes: Bool { sink.wantsShapes }
  public func begin(_ header: ResultHeader) throws { try sink.begin(header) }
  public func write(_ batch: RowBatch) throws {
    rowCount += batch.rowCount
    if let rowLimit, rowCount > rowLimit {
      throw QueryError(.limit("the result has more than \(rowLimit) rows (--max-rows)"))
    }
    try sink.write(batch)
  }
  public func end(notices: [String]) throws {
    try sink.end(notices: notices)
    self.notices = converted?.notices ?? []
    try writer?.finish()
  }
}
