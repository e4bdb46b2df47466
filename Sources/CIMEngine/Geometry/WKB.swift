/// Well-known binary: ISO 19125 (06-103r4, section 8) with Z and M by 1000s, and the flags of extended WKB.
package enum WKB {
  /// Reads one geometry. M is dropped, an SRID is skipped, members of a multi geometry that are empty are left out.
  ///
  /// - Throws: ``GeometryReadError`` for anything that is no well-formed WKB: unknown types, counts beyond the bytes,
  ///   rings that do not close, coordinates that are not finite (a point of two NaN is the empty point), bytes left
  ///   over, collections nested deeper than 32.
  package static func read(_ bytes: UnsafeRawBufferPointer) throws(GeometryReadError) -> Geometry {
    var reader = GeometryBytes(bytes)
    let geometry = try read(&reader, depth: 0)
    if reader.remaining > 0 {
      throw GeometryReadError("\(reader.remaining) bytes follow the geometry", at: reader.offset)
    }
    return geometry
  }

  package static func read(_ bytes: [UInt8]) throws(GeometryReadError) -> Geometry {
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(GeometryReadError) -> Geometry in try read(raw) }
    }
    return try result.get()
  }

  private struct Header {
    let kind: GeometryKind
    let hasZ: Bool
    let hasM: Bool
  }

  private static func header(_ reader: inout GeometryBytes) throws(GeometryReadError) -> Header {
    try reader.readByteOrder()
    let at = reader.offset
    let code = try reader.uint32()
    if code & 0x2000_0000 != 0 { _ = try reader.uint32() }
    let base = code & 0x0FFF_FFFF
    let thousands = base / 1000
    guard thousands <= 3, base % 1000 <= 7, let kind = GeometryKind(rawValue: UInt8(base % 1000)) else {
      throw GeometryReadError("geometry type \(code) is not supported", at: at)
    }
    return Header(
      kind: kind, hasZ: code & 0x8000_0000 != 0 || thousands & 1 == 1,
      hasM: code & 0x4000_0000 != 0 || thousands & 2 == 2)
  }

  private static func read(_ reader: inout GeometryBytes, depth: Int) throws(GeometryReadError) -> Geometry {
    if depth > GeometryBytes.depthLimit {
      throw GeometryReadError("collections are nested too deeply", at: reader.offset)
    }
    let header = try header(&reader)
    var geometry = Geometry(kind: header.kind)
    switch header.kind {
    case .point, .lineString, .polygon:
      try readPart(header, &reader, into: &geometry)
    case .multiPoint, .multiLineString, .multiPolygon:
      var hasZ = header.hasZ
      for _ in 0..<(try reader.count(ofSize: 9)) {
        let at = reader.offset
        let part = try Self.header(&reader)
        if part.kind != header.kind.single {
          throw GeometryReadError("a part is not of the kind that its geometry holds", at: at)
        }
        if part.hasZ {
          hasZ = true
          geometry.padZ()
        }
        try readPart(part, &reader, into: &geometry)
      }
      if hasZ { geometry.padZ() }
    case .geometryCollection:
      for _ in 0..<(try reader.count(ofSize: 9)) { geometry.members.append(try read(&reader, depth: depth + 1)) }
    }
    return geometry
  }

  private static func readPart(
    _ header: Header, _ reader: inout GeometryBytes, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    let (hasZ, hasM) = (header.hasZ, header.hasM)
    switch header.kind {
    case .point:
      let size = 16 + (hasZ ? 8 : 0) + (hasM ? 8 : 0)
      try reader.need(size)
      var peek = reader
      if peek.uncheckedDouble().isNaN && peek.uncheckedDouble().isNaN {
        reader.offset += size
        return
      }
      try reader.vertices(1, hasZ: hasZ, hasM: hasM, into: &geometry)
      geometry.closeRing()
    case .lineString:
      let count = try reader.count(ofSize: 16)
      try reader.vertices(count, hasZ: hasZ, hasM: hasM, into: &geometry)
      geometry.closeRing()
    default:
      for _ in 0..<(try reader.count(ofSize: 4)) {
        let count = try reader.count(ofSize: 16)
        try reader.vertices(count, hasZ: hasZ, hasM: hasM, into: &geometry)
        if !geometry.ringIsClosed { throw GeometryReadError("a ring is not closed", at: reader.offset) }
        geometry.closeRing()
      }
    }
    geometry.closePart()
  }

  /// The geometry as little-endian ISO WKB, with Z when it has any.
  package static func write(_ geometry: Geometry) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64 + 8 * (geometry.xy.count + geometry.z.count))
    append(geometry, to: &bytes)
    return bytes
  }

  /// Appends little-endian ISO WKB. `hasZ` false leaves heights out; nil writes those there are, member by member.
  package static func append(_ geometry: Geometry, hasZ: Bool? = nil, to bytes: inout [UInt8]) {
    if geometry.kind != .geometryCollection {
      geometry.withView { append($0, hasZ: hasZ, to: &bytes) }
      return
    }
    appendHeader(.geometryCollection, hasZ ?? geometry.hasZ, to: &bytes)
    bytes.appendLittleEndian(UInt32(geometry.members.count))
    for member in geometry.members { append(member, hasZ: hasZ, to: &bytes) }
  }

  package static func append(_ view: GeometryView, hasZ: Bool? = nil, to bytes: inout [UInt8]) {
    let hasZ = hasZ ?? (view.z != nil)
    appendHeader(view.kind, hasZ, to: &bytes)
    if let single = view.kind.single {
      bytes.appendLittleEndian(UInt32(view.partCount))
      for part in 0..<view.partCount {
        appendHeader(single, hasZ, to: &bytes)
        appendPart(view.part(part), hasZ, to: &bytes)
      }
    } else {
      appendPart(view, hasZ, to: &bytes)
    }
  }

  private static func appendHeader(_ kind: GeometryKind, _ hasZ: Bool, to bytes: inout [UInt8]) {
    bytes.append(1)
    bytes.appendLittleEndian(UInt32(kind.rawValue) + (hasZ ? 1000 : 0))
  }

  private static func appendPart(_ view: GeometryView, _ hasZ: Bool, to bytes: inout [UInt8]) {
    switch view.dimension {
    case 0:
      if view.isEmpty {
        for _ in 0..<(hasZ ? 3 : 2) { bytes.appendLittleEndian(Double.nan.bitPattern) }
      } else {
        appendVertices(view, view.vertices, hasZ, to: &bytes)
      }
    case 1:
      let vertices = view.isEmpty ? 0..<0 : view.vertices
      bytes.appendLittleEndian(UInt32(vertices.count))
      appendVertices(view, vertices, hasZ, to: &bytes)
    default:
      let rings = view.partCount == 0 ? 0..<0 : view.rings
      bytes.appendLittleEndian(UInt32(rings.count))
      for ring in rings {
        let vertices = view.vertices(ofRing: ring)
        bytes.appendLittleEndian(UInt32(vertices.count))
        appendVertices(view, vertices, hasZ, to: &bytes)
      }
    }
  }

  private static func appendVertices(
    _ view: GeometryView, _ vertices: Range<Int>, _ hasZ: Bool, to bytes: inout [UInt8]
  ) {
    if !hasZ && UInt32(1).littleEndian == 1 {
      bytes.append(
        contentsOf: UnsafeRawBufferPointer(start: view.xy + 2 * vertices.lowerBound, count: 16 * vertices.count))
      return
    }
    for v in vertices {
      bytes.appendLittleEndian(view.xy[2 * v].bitPattern)
      bytes.appendLittleEndian(view.xy[2 * v + 1].bitPattern)
      if hasZ { bytes.appendLittleEndian((view.z?[v] ?? .nan).bitPattern) }
    }
  }
}

extension Array where Element == UInt8 {
  @inline(__always)
  mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
