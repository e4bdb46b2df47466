/// How sources are to be read, beyond what the files say themselves.
public struct LoadOptions: Sendable {
  /// The CRS of a source that states none (`--crs`).
  public var crs: CRS?
  /// The CRS whatever the source states (`--force-crs`).
  public var forceCRS: CRS?
  /// The layer's name in place of the one that the file name gives. For a city model it names the layer of
  /// buildings, `NAME_part` that of their parts.
  public var layer: String?
  /// The text encoding (`UTF-8`, `GB18030`, any name that iconv knows); nil finds it out.
  public var encoding: String?
  /// The zone of times without one: an IANA name (`Asia/Shanghai`) or an offset (`+08:00`); nil is UTC.
  public var timeZone: String?
  /// Types of columns by their name in the source (`--types col=text`), upper and lower case alike.
  public var types: [String: ColumnType]
  /// Columns that name rows of other layers, by their name in the source; kept as text.
  public var linkColumns: Set<String>

  /// A conversion by another program that takes longer is given up (`--timeout`).
  public var externalSeconds = 1_800.0
  /// Stops such a conversion (Ctrl-C).
  public var token: CancellationToken?

  /// The columns of a CSV that hold the coordinates; nil finds them by name.
  public var xColumn: String? = nil
  public var yColumn: String? = nil
  public var zColumn: String? = nil
  /// The column of a CSV that holds WKT; nil finds it by name.
  public var shapeColumn: String? = nil
  /// Whether a CSV's geometry may be found by the names of its columns.
  public var findsGeometry = true

  /// Whether one file is to be read and nothing else: neither files that it lists, nor what another program would read
  /// on its behalf.
  var isAlone = false

  public init(
    crs: CRS? = nil, forceCRS: CRS? = nil, layer: String? = nil, encoding: String? = nil, timeZone: String? = nil,
    types: [String: ColumnType] = [:], linkColumns: Set<String> = []
  ) {
    self.crs = crs
    self.forceCRS = forceCRS
    self.layer = layer
    self.encoding = encoding
    self.timeZone = timeZone
    self.types = types
    self.linkColumns = linkColumns
  }

  /// The type that the user or the manifest gives to a column.
  func type(ofColumn name: String) -> ColumnType? {
    if let type = types[name] { return type }
    let lower = name.lowercased()
    return types.first { $0.key.lowercased() == lower }?.value
  }

  func isLink(_ name: String) -> Bool {
    linkColumns.contains(name) || linkColumns.contains { $0.lowercased() == name.lowercased() }
  }

  /// The CRS to read a source in, and what is to be said about it.
  ///
  /// - Parameters:
  ///   - stated: the CRS that the source states.
  ///   - assumed: what its format means when it states none (WGS 84 for GeoJSON), or nil.
  func resolveCRS(stated: CRS?, assumed: CRS?) -> (crs: CRS?, warnings: [String]) {
    if let forceCRS {
      guard let stated, stated != forceCRS else { return (forceCRS, []) }
      return (forceCRS, ["states \(stated), read as \(forceCRS) because of --force-crs"])
    }
    if let stated {
      guard let crs, crs != stated else { return (stated, []) }
      return (stated, ["states \(stated), which wins over --crs \(crs); --force-crs would override it"])
    }
    return (crs ?? assumed, [])
  }
}
