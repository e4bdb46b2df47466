/// One self-contained HTML page with an interactive map: pan, zoom, click for attributes, building heights in 2.5D.
///
/// The page asks the network for nothing, and its content security policy forbids that it could. Rows stream into it in
/// blocks of JSON, so memory stays flat however long the result is. One page holds any number of titled layers:
///
/// ```swift
/// let page = try HTMLMapPage(writer, title: "Flood F-0720", catalog: catalog, options: options)
/// try city.run("FIND flood WHERE id = 'F-0720'", into: page.sink(titled: "flood"))
/// try city.run("FIND building INTERSECTS flood 'F-0720'", into: page.sink(titled: "wet buildings"))
/// try page.finish()
/// ```
///
/// Coordinates are longitude and latitude: WGS 84, or CGCS2000, GCJ-02, BD-09 when `options.crs` says so.
public final class HTMLMapPage {
  private let writer: ByteWriter
  /// JSON on its way into a script element: `<` leaves as `\u003c`, so no value can end the element.
  private let json: ByteWriter
  private let catalog: Catalog
  private let options: OutputOptions
  private var isFinished = false
  private var blockBytes = 0
  private var blockRows = 0
  private static let bytesOfBlock = 1 << 18

  /// Writes the head of the page.
  ///
  /// - Parameters:
  ///   - title: the heading; nil takes `options.title`, else "cimq".
  ///   - options: `queryText` is shown under the heading; `chinese` chooses the language of the page.
  /// - Throws: ``StoreError`` of class `.content` when `options.crs` is not geographic.
  public init(_ writer: ByteWriter, title: String? = nil, catalog: Catalog, options: OutputOptions) throws {
    guard options.crs == .wgs84 || options.crs == .cgcs2000 || options.crs.isOffsetSystem else {
      throw StoreError(
        .content, "a map page is in longitude and latitude: WGS84, CGCS2000, GCJ02 or BD09, not \(options.crs)")
    }
    self.writer = writer
    self.catalog = catalog
    self.options = options
    json = ByteWriter { bytes in
      var start = 0
      for i in bytes.indices where bytes[i] == UInt8(ascii: "<") {
        writer.append(UnsafeBufferPointer(rebasing: bytes[start..<i]))
        writer.append("\\u003c")
        start = i + 1
      }
      writer.append(UnsafeBufferPointer(rebasing: bytes[start..<bytes.count]))
      try writer.flushIfLarge()
    }
    let heading = title ?? options.title ?? "cimq"
    writer.append(HTMLMapTemplate.beforeTitle)
    writer.append(Self.escaped(heading))
    writer.append(HTMLMapTemplate.afterTitle)
    try element("page") {
      json.append("{\"title\":")
      json.appendJSON(heading)
      if let query = options.queryText {
        json.append(",\"query\":")
        json.appendJSON(query)
      }
      if let notice = catalog.notice {
        json.append(",\"notice\":")
        json.appendJSON(notice)
      }
      json.append(",\"crs\":")
      json.appendJSON(options.crs.description)
      json.append(options.chinese ? ",\"lang\":\"zh\"}" : ",\"lang\":\"en\"}")
    }
  }

  /// A sink for one layer of the page. Run one statement into it before the next sink is asked for.
  ///
  /// - Parameters:
  ///   - title: shown in the legend; nil names the layer that the rows come from.
  ///   - heightColumn: metres that a polygon stands out of the ground; nil takes the column `height`, if any.
  ///   - baseColumn: metres above the ground at which it begins; nil starts at the ground.
  public func sink(
    titled title: String? = nil, heightColumn: String? = nil, baseColumn: String? = nil
  ) -> any RowSink {
    options.disclosure.guarding(
      HTMLMapSink(self, title: title, heightColumn: heightColumn, baseColumn: baseColumn, finishesPage: false))
  }

  /// Writes the end of the page, its script included. The caller finishes the writer.
  public func finish(notices: [String] = []) throws {
    guard !isFinished else { return }
    isFinished = true
    try element("end") {
      json.append("{\"notices\":[")
      for (i, notice) in notices.enumerated() {
        if i > 0 { json.append(UInt8(ascii: ",")) }
        json.appendJSON(notice)
      }
      json.append("]}")
    }
    writer.append(HTMLMapTemplate.scriptElement)
    try writer.flush()
  }

  // MARK: Layers, for HTMLMapSink

  func beginLayer(title: String?, _ header: ResultHeader, heightColumn: String?, baseColumn: String?) throws
    -> (columns: [Int], transform: ShapeTransform)
  {
    let transform = try ShapeTransform(from: header.crs, options: options)
    let columns = header.columns.indices.filter { header.columns[$0].type != .geometry }
    func index(_ name: String) -> Int {
      columns.firstIndex { header.columns[$0].name.lowercased() == name.lowercased() } ?? -1
    }
    let source = header.columns.lazy.compactMap(\.origin?.layer).first
    let layer = catalog.layers.first { $0.name == source }
    let chosen = title ?? layer.map { options.chinese ? $0.aliases.first ?? $0.name : $0.name } ?? source
    try element("layer") {
      json.append("{\"title\":")
      json.appendJSON(chosen ?? (options.chinese ? "结果" : "result"))
      json.append(",\"columns\":[")
      for (i, column) in columns.enumerated() {
        if i > 0 { json.append(UInt8(ascii: ",")) }
        json.appendJSON(options.chinese ? catalog.chineseName(of: header.columns[column]) : header.columns[column].name)
      }
      json.append("],\"height\":")
      json.append(Int64(index(heightColumn ?? "height")))
      json.append(",\"base\":")
      json.append(Int64(baseColumn.map(index) ?? -1))
      json.append(",\"decimals\":")
      json.append(Int64(transform.decimals))
      json.append("}")
    }
    return (columns, transform)
  }

  /// One row: `[geometry, id, value…]`.
  func write(_ shape: Geometry?, id: String?, _ batch: RowBatch, _ row: Int, columns: [Int], decimals: Int) throws {
    if blockRows == 0 {
      writer.append("<script type=\"application/json\" class=\"rows\">[")
    } else {
      json.append(UInt8(ascii: ","))
    }
    blockRows += 1
    json.append("\n[")
    if let shape { append(shape, decimals: decimals) } else { json.append("null") }
    json.append(UInt8(ascii: ","))
    if let id { json.appendJSON(id) } else { json.append("null") }
    for column in columns {
      json.append(UInt8(ascii: ","))
      json.appendJSON(batch.columns[column], row)
    }
    json.append(UInt8(ascii: "]"))
    blockBytes += 64 + 24 * (shape?.vertexCount ?? 0) + 16 * columns.count
    if blockBytes >= Self.bytesOfBlock { try endBlock() }
  }

  func endBlock() throws {
    guard blockRows > 0 else { return }
    try json.flush()
    writer.append("]</script>\n")
    (blockRows, blockBytes) = (0, 0)
    try writer.flushIfLarge()
  }

  private func element(_ name: StaticString, _ content: () -> Void) throws {
    writer.append("<script type=\"application/json\" class=\"")
    writer.append(name)
    writer.append("\">")
    content()
    try json.flush()
    writer.append("</script>\n")
  }

  // MARK: Geometry

  /// `[dimension, ring, …]`: whole numbers of 10^-decimals degrees, the first pair absolute, the others as differences.
  private func append(_ shape: Geometry, decimals: Int) {
    switch shape.kind {
    case .geometryCollection:
      json.append("[3")
      for member in shape.members {
        json.append(UInt8(ascii: ","))
        append(member, decimals: decimals)
      }
      return json.append(UInt8(ascii: "]"))
    case .point, .multiPoint: json.append("[0")
    case .lineString, .multiLineString: json.append("[1")
    case .polygon, .multiPolygon: json.append("[2")
    }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    for ring in 0..<max(shape.ringOffsets.count - 1, 0) {
      json.append(",[")
      var (lastX, lastY): (Int64, Int64) = (0, 0)
      var isFirst = true
      for v in Int(shape.ringOffsets[ring])..<Int(shape.ringOffsets[ring + 1]) {
        let (fx, fy) = (shape.xy[2 * v] * scale, shape.xy[2 * v + 1] * scale)
        guard fx.isFinite, fy.isFinite, abs(fx) < 1e15, abs(fy) < 1e15 else { continue }
        let (x, y) = (Int64(fx.rounded()), Int64(fy.rounded()))
        if !isFirst { json.append(UInt8(ascii: ",")) }
        isFirst = false
        json.append(x - lastX)
        json.append(UInt8(ascii: ","))
        json.append(y - lastY)
        (lastX, lastY) = (x, y)
      }
      json.append(UInt8(ascii: "]"))
    }
    json.append(UInt8(ascii: "]"))
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
