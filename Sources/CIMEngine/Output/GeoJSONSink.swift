internal import SpatialIndex

/// GeoJSON as RFC 7946 wants it: WGS 84, outer rings counter-clockwise, 7 decimals, streamed, `bbox` last.
///
/// The sequence form is one feature a line without record separators (GeoJSONSeq as most tools read it).
/// In another CRS than WGS 84, which the user must have asked for, a `crs` member says so.
struct GeoJSONSink: RowSink {
  private let writer: ByteWriter
  private let sequence: Bool
  private let options: OutputOptions
  private var transform: ShapeTransform?
  /// Result columns that become properties, with their quoted keys.
  private var properties: [(column: Int, key: String)] = []
  /// A returned geometry that was computed (`BUFFER(geom, 10 m)`): it is drawn instead of the row's own.
  private var computedShape: Int?
  private var featureCount = 0
  private var bounds: (west: Double, south: Double, east: Double, north: Double)?

  init(_ writer: ByteWriter, sequence: Bool, options: OutputOptions) {
    (self.writer, self.sequence, self.options) = (writer, sequence, options)
  }

  var wantsShapes: Bool { true }

  mutating func begin(_ header: ResultHeader) throws {
    transform = try ShapeTransform(from: header.crs, options: options)
    for (index, column) in header.columns.enumerated() {
      if column.type != .geometry {
        properties.append((index, JSONString.quoted(column.name) + ":"))
      } else if column.origin == nil, computedShape == nil {
        computedShape = index
      }
    }
    guard !sequence else { return }
    writer.append("{\"type\":\"FeatureCollection\"")
    if options.crs != .wgs84 {
      writer.append(",\"crs\":{\"type\":\"name\",\"properties\":{\"name\":")
      writer.appendJSON(options.crs.epsgCode.map { "urn:ogc:def:crs:EPSG::\($0)" } ?? options.crs.description)
      writer.append("}}")
    }
    writer.append(",\"features\":[")
  }

  mutating func write(_ batch: RowBatch) throws {
    for row in 0..<batch.rowCount {
      if !sequence { writer.append(featureCount == 0 ? "\n" : ",\n") }
      featureCount += 1
      writer.append("{\"type\":\"Feature\"")
      if let id = row < batch.ids.count ? batch.ids[row] : nil {
        writer.append(",\"id\":")
        writer.appendJSON(id)
      }
      writer.append(",\"properties\":{")
      for (i, property) in properties.enumerated() {
        if i > 0 { writer.append(UInt8(ascii: ",")) }
        writer.append(property.key)
        writer.appendJSON(batch.columns[property.column], row)
      }
      writer.append("},\"geometry\":")
      var shape = row < batch.shapes.count ? batch.shapes[row] : nil
      if let computedShape, case .geometry(let shapes) = batch.columns[computedShape].storage { shape = shapes[row] }
      if var shape {
        try transform?.apply(&shape)
        grow(shape)
        let decimals = transform?.decimals ?? 7
        writer.appendText { GeoJSONShape.append(shape, decimals: decimals, to: &$0) }
      } else {
        writer.append("null")
      }
      writer.append(sequence ? "}\n" : "}")
      try writer.flushIfLarge()
    }
  }

  mutating func end(notices: [String]) throws {
    if !sequence {
      writer.append("\n]")
      if let bounds {
        writer.append(",\"bbox\":[")
        for (i, value) in [bounds.west, bounds.south, bounds.east, bounds.north].enumerated() {
          if i > 0 { writer.append(UInt8(ascii: ",")) }
          writer.appendCoordinate(value, decimals: transform?.decimals ?? 7)
        }
        writer.append("]")
      }
      writer.append("}\n")
    }
    try writer.flush()
  }

  private mutating func grow(_ shape: Geometry) {
    for member in shape.members { grow(member) }
    guard let box = shape.box else { return }
    let (w, s, e, n) = (box.min[0], box.min[1], box.max[0], box.max[1])
    guard let b = bounds else { return bounds = (w, s, e, n) }
    bounds = (min(b.west, w), min(b.south, s), max(b.east, e), max(b.north, n))
  }
}

/// The shape of each row as WKT, one a line; an empty line where there is none.
struct WKTSink: RowSink {
  private let writer: ByteWriter
  private let options: OutputOptions
  private var transform: ShapeTransform?
  private var computedShape: Int?

  init(_ writer: ByteWriter, options: OutputOptions) { (self.writer, self.options) = (writer, options) }

  var wantsShapes: Bool { true }

  mutating func begin(_ header: ResultHeader) throws {
    transform = try ShapeTransform(from: header.crs, options: options)
    computedShape = header.columns.firstIndex { $0.type == .geometry && $0.origin == nil }
  }

  mutating func write(_ batch: RowBatch) throws {
    for row in 0..<batch.rowCount {
      var shape = row < batch.shapes.count ? batch.shapes[row] : nil
      if let computedShape, case .geometry(let shapes) = batch.columns[computedShape].storage { shape = shapes[row] }
      if var shape {
        try transform?.apply(&shape)
        writer.append(WKT.write(shape, decimals: transform?.decimals ?? 7))
      }
      writer.append(UInt8(ascii: "\n"))
      try writer.flushIfLarge()
    }
  }

  mutating func end(notices: [String]) throws { try writer.flush() }
}
