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
        append(shape)
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

  // MARK: Geometry

  private mutating func append(_ shape: Geometry) {
    writer.append("{\"type\":\"")
    switch shape.kind {
    case .point: writer.append("Point")
    case .lineString: writer.append("LineString")
    case .polygon: writer.append("Polygon")
    case .multiPoint: writer.append("MultiPoint")
    case .multiLineString: writer.append("MultiLineString")
    case .multiPolygon: writer.append("MultiPolygon")
    case .geometryCollection:
      writer.append("GeometryCollection\",\"geometries\":[")
      for (i, member) in shape.members.enumerated() {
        if i > 0 { writer.append(UInt8(ascii: ",")) }
        append(member)
      }
      return writer.append("]}")
    }
    writer.append("\",\"coordinates\":")
    grow(shape)
    let parts = shape.partOffsets.count - 1
    switch shape.kind {
    case .point:
      if parts == 0 { writer.append("[]") } else { appendPosition(shape, 0) }
    case .lineString:
      if parts == 0 { writer.append("[]") } else { appendRing(shape, 0, reversed: false) }
    case .polygon:
      if parts == 0 { writer.append("[]") } else { appendPolygon(shape, 0) }
    case .multiPoint, .multiLineString, .multiPolygon:
      writer.append(UInt8(ascii: "["))
      for part in 0..<parts {
        if part > 0 { writer.append(UInt8(ascii: ",")) }
        let ring = Int(shape.partOffsets[part])
        switch shape.kind {
        case .multiPoint: appendPosition(shape, Int(shape.ringOffsets[ring]))
        case .multiLineString: appendRing(shape, ring, reversed: false)
        default: appendPolygon(shape, part)
        }
      }
      writer.append(UInt8(ascii: "]"))
    case .geometryCollection: break
    }
    writer.append(UInt8(ascii: "}"))
  }

  private func appendPolygon(_ shape: Geometry, _ part: Int) {
    writer.append(UInt8(ascii: "["))
    let first = Int(shape.partOffsets[part])
    for ring in first..<Int(shape.partOffsets[part + 1]) {
      if ring > first { writer.append(UInt8(ascii: ",")) }
      let isCounterClockwise = signedArea(shape, ring) > 0
      appendRing(shape, ring, reversed: isCounterClockwise != (ring == first))
    }
    writer.append(UInt8(ascii: "]"))
  }

  private func appendRing(_ shape: Geometry, _ ring: Int, reversed: Bool) {
    let (start, end) = (Int(shape.ringOffsets[ring]), Int(shape.ringOffsets[ring + 1]))
    writer.append(UInt8(ascii: "["))
    for i in 0..<(end - start) {
      if i > 0 { writer.append(UInt8(ascii: ",")) }
      appendPosition(shape, reversed ? end - 1 - i : start + i)
    }
    writer.append(UInt8(ascii: "]"))
  }

  private func appendPosition(_ shape: Geometry, _ vertex: Int) {
    let decimals = transform?.decimals ?? 7
    writer.append(UInt8(ascii: "["))
    writer.appendCoordinate(shape.xy[2 * vertex], decimals: decimals)
    writer.append(UInt8(ascii: ","))
    writer.appendCoordinate(shape.xy[2 * vertex + 1], decimals: decimals)
    writer.append(UInt8(ascii: "]"))
  }

  /// Twice the signed area, relative to the first vertex so that large coordinates lose nothing.
  private func signedArea(_ shape: Geometry, _ ring: Int) -> Double {
    let (start, end) = (Int(shape.ringOffsets[ring]), Int(shape.ringOffsets[ring + 1]))
    guard end - start > 2 else { return 0 }
    let (x0, y0) = (shape.xy[2 * start], shape.xy[2 * start + 1])
    var sum = 0.0
    for v in start..<(end - 1) {
      let (ax, ay) = (shape.xy[2 * v] - x0, shape.xy[2 * v + 1] - y0)
      let (bx, by) = (shape.xy[2 * v + 2] - x0, shape.xy[2 * v + 3] - y0)
      sum += ax * by - bx * ay
    }
    return sum
  }

  private mutating func grow(_ shape: Geometry) {
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
