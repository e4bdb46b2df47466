package import SpatialIndex

/// SpatiaLite's own geometry format, "BLOB-Geometry" (gaia-gis.it, "SpatiaLite BLOB-Geometry format"): a start byte, the
/// byte order, the SRID, the bounding box, a class type, the coordinates, an end byte.
package enum SpatiaLiteBlob {
  private static let start: UInt8 = 0x00
  private static let boxEnd: UInt8 = 0x7C
  private static let entityStart: UInt8 = 0x69
  private static let end: UInt8 = 0xFE
  /// Start, byte order, SRID, box, end of box, class type.
  private static let headerSize = 43

  /// What to do with heights when writing.
  package enum Heights: Sendable {
    /// As the geometry has them.
    case asIs
    case drop
    /// For an XYZ column; NaN where the geometry has none.
    case require
  }

  /// Writes blobs into memory that it keeps for the next.
  package struct Writer: ~Copyable {
    private var memory = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 8)
    private var capacity = 1024
    private var offset = 0

    package init() {}

    deinit { memory.deallocate() }

    /// The blob of a geometry, valid until the next call; nil for an empty geometry, which SpatiaLite stores as NULL.
    ///
    /// - Parameters:
    ///   - asMulti: writes a point, line or polygon as the multi geometry of one, for a MULTI column.
    package mutating func encode(
      _ view: GeometryView, srid: Int32, heights: Heights = .asIs, asMulti: Bool = false
    ) -> UnsafeRawBufferPointer? {
      guard let box = view.box else { return nil }
      offset = 0
      let hasZ = heights == .require || (heights == .asIs && view.z != nil)
      let size = SpatiaLiteBlob.headerSize + bodySize(view, hasZ) + 10
      reserve(size)
      putHeader(srid, box)
      putBody(view, asMulti ? view.kind.multi : view.kind, hasZ)
      put(SpatiaLiteBlob.end)
      return UnsafeRawBufferPointer(start: memory, count: offset)
    }

    /// As above, collections included.
    package mutating func encode(
      _ geometry: Geometry, srid: Int32, heights: Heights = .asIs, asMulti: Bool = false
    ) -> UnsafeRawBufferPointer? {
      if geometry.kind != .geometryCollection {
        return geometry.withView { encode($0, srid: srid, heights: heights, asMulti: asMulti) }
      }
      guard let box = geometry.box else { return nil }
      offset = 0
      let hasZ = heights == .require || (heights == .asIs && geometry.hasZ)
      reserve(SpatiaLiteBlob.headerSize + 8)
      putHeader(srid, box)
      putClass(.geometryCollection, hasZ)
      let countOffset = offset
      put(UInt32(0))
      // SpatiaLite collections are flat: points, lines and polygons.
      var count: UInt32 = 0
      putEntities(of: geometry, hasZ, &count)
      memory.storeBytes(of: count.littleEndian, toByteOffset: countOffset, as: UInt32.self)
      reserve(1)
      put(SpatiaLiteBlob.end)
      return UnsafeRawBufferPointer(start: memory, count: offset)
    }

    private mutating func putEntities(of geometry: Geometry, _ hasZ: Bool, _ count: inout UInt32) {
      for member in geometry.members { putEntities(of: member, hasZ, &count) }
      if geometry.kind == .geometryCollection { return }
      geometry.withView { view in
        for part in 0..<view.partCount {
          let piece = view.part(part)
          if piece.isEmpty { continue }
          reserve(bodySize(piece, hasZ) + 16)
          put(SpatiaLiteBlob.entityStart)
          putClass(piece.kind, hasZ)
          putPart(piece, hasZ)
          count += 1
        }
      }
    }

    private func bodySize(_ view: GeometryView, _ hasZ: Bool) -> Int {
      let rings = view.partCount == 0 ? 0 : view.rings.count
      return 12 + 9 * view.partCount + 4 * rings + (hasZ ? 24 : 16) * view.vertices.count
    }

    private mutating func reserve(_ size: Int) {
      if offset + size <= capacity { return }
      let larger = max(2 * capacity, offset + size)
      let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
      moved.copyMemory(from: memory, byteCount: offset)
      memory.deallocate()
      (memory, capacity) = (moved, larger)
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
      memory.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
      offset += 1
    }

    @inline(__always)
    private mutating func put(_ value: UInt32) {
      memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
      offset += 4
    }

    @inline(__always)
    private mutating func put(_ value: Double) {
      memory.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: offset, as: UInt64.self)
      offset += 8
    }

    private mutating func putHeader(_ srid: Int32, _ box: Box2) {
      put(SpatiaLiteBlob.start)
      put(UInt8(1))
      put(UInt32(bitPattern: srid))
      put(box.min[0])
      put(box.min[1])
      put(box.max[0])
      put(box.max[1])
      put(SpatiaLiteBlob.boxEnd)
    }

    @inline(__always)
    private mutating func putClass(_ kind: GeometryKind, _ hasZ: Bool) {
      put(UInt32(kind.rawValue) + (hasZ ? 1000 : 0))
    }

    private mutating func putBody(_ view: GeometryView, _ kind: GeometryKind, _ hasZ: Bool) {
      putClass(kind, hasZ)
      guard let single = kind.single else { return putPart(view, hasZ) }
      let countOffset = offset
      put(UInt32(0))
      var count: UInt32 = 0
      for part in 0..<view.partCount {
        let piece = view.part(part)
        if piece.isEmpty { continue }
        put(SpatiaLiteBlob.entityStart)
        putClass(single, hasZ)
        putPart(piece, hasZ)
        count += 1
      }
      memory.storeBytes(of: count.littleEndian, toByteOffset: countOffset, as: UInt32.self)
    }

    private mutating func putPart(_ view: GeometryView, _ hasZ: Bool) {
      switch view.dimension {
      case 0: putVertices(view, view.vertices, hasZ)
      case 1:
        put(UInt32(view.vertices.count))
        putVertices(view, view.vertices, hasZ)
      default:
        let rings = view.rings
        put(UInt32(rings.count))
        for ring in rings {
          let vertices = view.vertices(ofRing: ring)
          put(UInt32(vertices.count))
          putVertices(view, vertices, hasZ)
        }
      }
    }

    @inline(__always)
    private mutating func putVertices(_ view: GeometryView, _ vertices: Range<Int>, _ hasZ: Bool) {
      if !hasZ && UInt32(1).littleEndian == 1 {
        (memory + offset).copyMemory(from: view.xy + 2 * vertices.lowerBound, byteCount: 16 * vertices.count)
        offset += 16 * vertices.count
        return
      }
      for v in vertices {
        put(view.xy[2 * v])
        put(view.xy[2 * v + 1])
        if hasZ { put(view.z?[v] ?? .nan) }
      }
    }
  }

  /// A geometry as one blob of its own; nil when it is empty.
  package static func write(
    _ geometry: Geometry, srid: Int32, heights: Heights = .asIs, asMulti: Bool = false
  ) -> [UInt8]? {
    var writer = Writer()
    return writer.encode(geometry, srid: srid, heights: heights, asMulti: asMulti).map { Array($0) }
  }

  /// The bounding box that a blob states, without reading its coordinates; nil when the bytes are no such blob.
  package static func box(of bytes: UnsafeRawBufferPointer) -> Box2? {
    var reader = GeometryBytes(bytes)
    do throws(GeometryReadError) {
      guard try reader.byte() == start else { return nil }
      if try readByteOrder(&reader) {
        _ = try reader.uint32()
        _ = try reader.byte()
        let (x, y) = (try reader.double(), try reader.double())
        return Box2(x, y, x, y)
      }
      _ = try reader.uint32()
      let box = Box2(try reader.double(), try reader.double(), try reader.double(), try reader.double())
      return try reader.byte() == boxEnd ? box : nil
    } catch {
      return nil
    }
  }

  /// Reads a blob: plain, with compressed lines and rings, or TinyPoint. M is dropped.
  ///
  /// - Throws: ``GeometryReadError`` for anything else; every count and offset is checked.
  package static func read(
    _ bytes: UnsafeRawBufferPointer
  ) throws(GeometryReadError) -> (geometry: Geometry, srid: Int32) {
    var geometry = Geometry(kind: .point)
    let srid = try read(bytes, into: &geometry)
    return (geometry, srid)
  }

  package static func read(_ bytes: [UInt8]) throws(GeometryReadError) -> (geometry: Geometry, srid: Int32) {
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(GeometryReadError) -> (geometry: Geometry, srid: Int32) in try read(raw) }
    }
    return try result.get()
  }

  /// Reads a blob into `geometry`, whose memory is used again; returns the SRID. After an error the geometry is useless.
  @discardableResult
  package static func read(
    _ bytes: UnsafeRawBufferPointer, into geometry: inout Geometry
  ) throws(GeometryReadError) -> Int32 {
    var reader = GeometryBytes(bytes)
    let first = try reader.byte()
    guard first == start else { throw GeometryReadError("a SpatiaLite blob starts with 0, not \(first)", at: 0) }
    let isTinyPoint = try readByteOrder(&reader)
    let srid = Int32(bitPattern: try reader.uint32())
    if isTinyPoint {
      try readTinyPoint(&reader, into: &geometry)
      return srid
    }
    try reader.need(33)
    reader.offset += 32
    if try reader.byte() != boxEnd {
      throw GeometryReadError("the bounding box is not followed by 0x7C", at: reader.offset - 1)
    }
    let type = try entityType(&reader)
    geometry.reset(type.kind)
    if type.kind == .geometryCollection {
      for _ in 0..<(try reader.count(ofSize: 9)) {
        let part = try entity(&reader)
        var member = Geometry(kind: part.kind)
        guard part.kind.multi != part.kind else {
          throw GeometryReadError("collections inside collections are not supported", at: reader.offset)
        }
        try readPart(part, &reader, into: &member)
        geometry.members.append(member)
      }
    } else if let single = type.kind.single {
      for _ in 0..<(try reader.count(ofSize: 9)) {
        let part = try entity(&reader)
        guard part.kind == single else {
          throw GeometryReadError("a part is not of the kind that its geometry holds", at: reader.offset)
        }
        if part.hasZ { geometry.padZ() }
        try readPart(part, &reader, into: &geometry)
      }
      if type.hasZ { geometry.padZ() }
    } else {
      try readPart(type, &reader, into: &geometry)
    }
    if try reader.byte() != end {
      throw GeometryReadError("the geometry is not followed by 0xFE", at: reader.offset - 1)
    }
    if reader.remaining > 0 {
      throw GeometryReadError("\(reader.remaining) bytes follow the geometry", at: reader.offset)
    }
    return srid
  }

  private static func readTinyPoint(
    _ reader: inout GeometryBytes, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    let type = try reader.byte()
    guard (1...4).contains(type) else {
      throw GeometryReadError("point type \(type) is none of 1 to 4", at: reader.offset - 1)
    }
    geometry.reset(.point)
    try reader.vertices(1, hasZ: type == 2 || type == 4, hasM: type > 2, into: &geometry)
    geometry.closeRing()
    geometry.closePart()
    if try reader.byte() != end {
      throw GeometryReadError("the geometry is not followed by 0xFE", at: reader.offset - 1)
    }
  }

  /// 0 or 1, or 0x80 or 0x81 for a TinyPoint, a short form without a box; returns whether it is one.
  private static func readByteOrder(_ reader: inout GeometryBytes) throws(GeometryReadError) -> Bool {
    let order = try reader.byte()
    guard order & 0x7F <= 1 else {
      throw GeometryReadError("byte order \(order) is none of 0, 1, 0x80, 0x81", at: reader.offset - 1)
    }
    reader.littleEndian = order & 1 == 1
    return order & 0x80 != 0
  }

  private struct EntityType {
    let kind: GeometryKind
    let hasZ: Bool
    let hasM: Bool
    let isCompressed: Bool
  }

  private static func entityType(_ reader: inout GeometryBytes) throws(GeometryReadError) -> EntityType {
    let at = reader.offset
    let code = try reader.uint32()
    let isCompressed = code >= 1_000_000
    let base = isCompressed ? code - 1_000_000 : code
    guard base < 4000, base % 1000 <= 7, let kind = GeometryKind(rawValue: UInt8(base % 1000)),
      !isCompressed || kind == .lineString || kind == .polygon
    else { throw GeometryReadError("class type \(code) is not supported", at: at) }
    let dimensions = base / 1000
    return EntityType(
      kind: kind, hasZ: dimensions & 1 == 1, hasM: dimensions & 2 == 2, isCompressed: isCompressed)
  }

  private static func entity(_ reader: inout GeometryBytes) throws(GeometryReadError) -> EntityType {
    if try reader.byte() != entityStart {
      throw GeometryReadError("a part does not start with 0x69", at: reader.offset - 1)
    }
    return try entityType(&reader)
  }

  private static func readPart(
    _ type: EntityType, _ reader: inout GeometryBytes, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    switch type.kind {
    case .point:
      try reader.vertices(1, hasZ: type.hasZ, hasM: type.hasM, into: &geometry)
      geometry.closeRing()
    case .lineString:
      try readPath(type, &reader, into: &geometry)
      geometry.closeRing()
    default:
      for _ in 0..<(try reader.count(ofSize: 4)) {
        try readPath(type, &reader, into: &geometry)
        if !geometry.ringIsClosed { throw GeometryReadError("a ring is not closed", at: reader.offset) }
        geometry.closeRing()
      }
    }
    geometry.closePart()
  }

  private static func readPath(
    _ type: EntityType, _ reader: inout GeometryBytes, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    if !type.isCompressed {
      let count = try reader.count(ofSize: 16)
      return try reader.vertices(count, hasZ: type.hasZ, hasM: type.hasM, into: &geometry)
    }
    // The first and the last vertex are whole, those between are single-precision steps from the one before; M is
    // whole everywhere.
    let count = try reader.count(ofSize: 8)
    for i in 0..<count {
      if i == 0 || i == count - 1 {
        try reader.vertices(1, hasZ: type.hasZ, hasM: type.hasM, into: &geometry)
        continue
      }
      try reader.need(8 + (type.hasZ ? 4 : 0) + (type.hasM ? 8 : 0))
      let (x, y) = (geometry.xy[geometry.xy.count - 2], geometry.xy[geometry.xy.count - 1])
      let (dx, dy) = (reader.uncheckedFloat(), reader.uncheckedFloat())
      guard (x + dx).isFinite && (y + dy).isFinite else {
        throw GeometryReadError("a coordinate is not finite", at: reader.offset - 8)
      }
      geometry.xy.append(x + dx)
      geometry.xy.append(y + dy)
      if type.hasZ { geometry.z.append(geometry.z[geometry.z.count - 1] + reader.uncheckedFloat()) }
      if type.hasM { reader.offset += 8 }
    }
  }
}
