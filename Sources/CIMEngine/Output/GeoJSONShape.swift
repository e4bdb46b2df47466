/// A geometry as the text of a GeoJSON geometry object (RFC 7946): in 2D, outer rings counter-clockwise.
enum GeoJSONShape {
  static func text(_ shape: Geometry, decimals: Int) -> String {
    var bytes: [UInt8] = []
    append(shape, decimals: decimals, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  static func append(_ shape: Geometry, decimals: Int, to bytes: inout [UInt8]) {
    var writer = Writer(decimals: decimals, bytes: bytes)
    bytes = []
    writer.append(shape)
    bytes = writer.bytes
  }

  private struct Writer {
    let decimals: Int
    var bytes: [UInt8]

    mutating func append(_ text: StaticString) {
      bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ shape: Geometry) {
      append("{\"type\":\"")
      switch shape.kind {
      case .point: append("Point")
      case .lineString: append("LineString")
      case .polygon: append("Polygon")
      case .multiPoint: append("MultiPoint")
      case .multiLineString: append("MultiLineString")
      case .multiPolygon: append("MultiPolygon")
      case .geometryCollection:
        append("GeometryCollection\",\"geometries\":[")
        for (i, member) in shape.members.enumerated() {
          if i > 0 { append(",") }
          append(member)
        }
        return append("]}")
      }
      append("\",\"coordinates\":")
      coordinates(shape)
      append("}")
    }

    private mutating func coordinates(_ shape: Geometry) {
      let parts = shape.partOffsets.count - 1
      guard parts > 0 || shape.kind.single != nil else { return append("[]") }
      switch shape.kind {
      case .point: position(shape, 0)
      case .lineString: ring(shape, 0, reversed: false)
      case .polygon: polygon(shape, 0)
      case .multiPoint, .multiLineString, .multiPolygon:
        append("[")
        for part in 0..<parts {
          if part > 0 { append(",") }
          let first = Int(shape.partOffsets[part])
          switch shape.kind {
          case .multiPoint: position(shape, Int(shape.ringOffsets[first]))
          case .multiLineString: ring(shape, first, reversed: false)
          default: polygon(shape, part)
          }
        }
        append("]")
      case .geometryCollection: break
      }
    }

    private mutating func polygon(_ shape: Geometry, _ part: Int) {
      append("[")
      let first = Int(shape.partOffsets[part])
      for ring in first..<Int(shape.partOffsets[part + 1]) {
        if ring > first { append(",") }
        let isCounterClockwise = GeoJSONShape.signedArea(shape, ring) > 0
        self.ring(shape, ring, reversed: isCounterClockwise != (ring == first))
      }
      append("]")
    }

    private mutating func ring(_ shape: Geometry, _ ring: Int, reversed: Bool) {
      let (start, end) = (Int(shape.ringOffsets[ring]), Int(shape.ringOffsets[ring + 1]))
      append("[")
      for i in 0..<(end - start) {
        if i > 0 { append(",") }
        position(shape, reversed ? end - 1 - i : start + i)
      }
      append("]")
    }

    private mutating func position(_ shape: Geometry, _ vertex: Int) {
      append("[")
      number(shape.xy[2 * vertex])
      append(",")
      number(shape.xy[2 * vertex + 1])
      append("]")
    }

    private mutating func number(_ value: Double) {
      guard value.isFinite else { return append("null") }
      NumberText.append(value, decimals: decimals, to: &bytes)
    }
  }

  /// Twice the signed area, relative to the first vertex so that large coordinates lose nothing.
  private static func signedArea(_ shape: Geometry, _ ring: Int) -> Double {
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
}
