/// Writes a result to a file, by extension or by a named format: EXPORT TO, `-o`, `cimq export`.
///
/// The file appears under its name only when the result is complete; until then, and after an error, there is none.
public final class FileSink: RowSink {
  public let path: String
  public private(set) var rowCount = 0
  private let writer: ByteWriter
  private var sink: any RowSink

  /// - Parameter format: a format's name (`geojson`, `csv`, …), or nil to go by the extension of `path`.
  /// - Parameter sandbox: a folder that `path` must lie in.
  /// - Throws: ``StoreError`` when the format is unknown (class `.content`) or the file cannot be written (`.file`),
  ///   ``CRSError`` for an unknown output CRS.
  public init(
    path: String, format name: String?, catalog: Catalog, options: OutputOptions, sandbox: Sandbox? = nil
  ) throws {
    self.path = path
    let format = name.map { OutputFormat(rawValue: $0.lowercased()) } ?? OutputFormat(path: path)
    guard let format else {
      let known = OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw StoreError(
        .content,
        name.map { "unknown format `\($0)`; there are: \(known)" }
          ?? "the extension of \(path) names no format; name one with FORMAT (\(known))")
    }
    writer = try ByteWriter(path: path, in: sandbox)
    sink = try format.makeSink(to: writer, catalog: catalog, options: options)
  }

  public var wantsShapes: Bool { sink.wantsShapes }
  public func begin(_ header: ResultHeader) throws { try sink.begin(header) }
  public func write(_ batch: RowBatch) throws {
    rowCount += batch.rowCount
    try sink.write(batch)
  }
  public func end(notices: [String]) throws {
    try sink.end(notices: notices)
    try writer.finish()
  }
}
