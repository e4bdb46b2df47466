/// The formats that a result can be written in (docs/files.md; scripts rely on each to the letter).
public enum OutputFormat: String, Sendable, CaseIterable {
  case table, csv, tsv, json, jsonl, geojson, geojsonseq, markdown, wkt
  /// A Braille map for the terminal.
  case map
  /// One self-contained page with an interactive map.
  case html

  /// By file extension; nil when the extension is not one that cimq writes itself.
  public init?(path: String) {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return nil }
    switch name[name.index(after: dot)...].lowercased() {
    case "csv": self = .csv
    case "tsv", "tab": self = .tsv
    case "json": self = .json
    case "jsonl", "ndjson": self = .jsonl
    case "geojson": self = .geojson
    case "geojsonl", "geojsons", "geojsonseq": self = .geojsonseq
    case "md", "markdown": self = .markdown
    case "wkt": self = .wkt
    case "txt": self = .table
    case "html", "htm": self = .html
    default: return nil
    }
  }

  /// False for formats that frame one result (`[…]`, one header): several results cannot follow each other in them.
  public var takesSeveralResults: Bool {
    switch self {
    case .json, .csv, .tsv, .geojson, .html: false
    case .table, .jsonl, .geojsonseq, .markdown, .wkt, .map: true
    }
  }
}

/// How a result is to be written.
public struct OutputOptions: Sendable {
  /// The CRS of written coordinates; RFC 7946 asks for WGS 84, which is the default.
  public var crs: CRS = .wgs84
  /// Decimals of written coordinates; nil: 7 for degrees, 3 for metres.
  public var precision: Int?
  /// Headers of tables in Chinese.
  public var chinese = false
  /// Draw with ANSI colours.
  public var colour = false
  /// Show no more rows than this in a table, and say how many there are. nil shows all.
  public var maximumRows: Int?
  /// Columns of the terminal; nil when not on one: cells are then never shortened.
  public var terminalWidth: Int?
  /// Rows of the terminal, for maps; nil when not on one.
  public var terminalHeight: Int?
  /// The heading of a map page; nil names the layer.
  public var title: String?
  /// A byte order mark before CSV and TSV, by which spreadsheet programs know UTF-8.
  public var hasByteOrderMark = false
  /// The encoding of texts in a shapefile; nil is UTF-8.
  public var encoding: String?
  /// A conversion by another program that takes longer, or more memory, is given up.
  public var externalSeconds = 1_800.0
  public var externalBytes = 8 << 30
  /// Stops such a conversion with the statement: Ctrl-C, `--timeout`.
  public var token: CancellationToken?
  /// A file of more rows is not written (`--max-rows`).
  public var rowLimit: Int?
  /// The statement, as a map page shows it.
  public var queryText: String?
  /// What becomes of names and phones of people; masked unless the caller says otherwise.
  public var disclosure = Disclosure.masked

  public init() {}
}

extension OutputFormat {
  /// A sink that writes a result to `writer` in this format. The caller finishes the writer. Names and phones of people
  /// go as ``OutputOptions/disclosure`` says: there is no other way to a sink.
  /// - Parameter catalog: Tells which returned columns are points (they become `lon` and `lat`), and Chinese headers.
  /// - Throws: ``CRSError`` when coordinates cannot be brought into `options.crs`.
  public func makeSink(
    to writer: ByteWriter, catalog: Catalog, options: OutputOptions = OutputOptions()
  ) throws(CRSError) -> any RowSink {
    options.disclosure.guarding(try makePlainSink(to: writer, catalog: catalog, options: options))
  }

  private func makePlainSink(
    to writer: ByteWriter, catalog: Catalog, options: OutputOptions
  ) throws(CRSError) -> any RowSink {
    switch self {
    case .table: TableSink(writer, catalog: catalog, options: options)
    case .markdown: MarkdownSink(writer, catalog: catalog, options: options)
    case .csv: DelimitedSink(writer, delimiter: UInt8(ascii: ","), catalog: catalog, options: options)
    case .tsv: DelimitedSink(writer, delimiter: UInt8(ascii: "\t"), catalog: catalog, options: options)
    case .json: JSONSink(writer, lines: false, catalog: catalog, options: options)
    case .jsonl: JSONSink(writer, lines: true, catalog: catalog, options: options)
    case .geojson: GeoJSONSink(writer, sequence: false, options: options)
    case .geojsonseq: GeoJSONSink(writer, sequence: true, options: options)
    case .wkt: WKTSink(writer, options: options)
    case .map: BrailleMapSink(writer, catalog: catalog, options: options)
    case .html: HTMLMapFileSink(writer, catalog: catalog, options: options)
    }
  }
}
