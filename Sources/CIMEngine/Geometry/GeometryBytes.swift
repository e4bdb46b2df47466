/// Bytes or text that should hold a geometry and do not.
package struct GeometryReadError: Error, Equatable, Sendable {
  /// What is wrong, a clause without a full stop.
  package var what: String
  /// Offset in bytes (UTF-8 for text) of the place.
  package var offset: Int

  package init(_ what: String, at offset: Int) {
    self.what = what
    self.offset = offset
  }
}

/// Reads numbers from bytes of either order, never past their end.
struct GeometryBytes {
  let bytes: UnsafeRawBufferPointer
  var offset = 0
  var littleEndian = true
  /// The most collections inside collections that are read.
  static let depthLimit = 32

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var remaining: Int { bytes.count - offset }

  @inline(__always)
  func need(_ count: Int) throws(GeometryReadError) {
    if count > bytes.count - offset { throw truncated() }
  }

  private func truncated() -> GeometryReadError { GeometryReadError("the geometry ends too early", at: bytes.count) }

  @inline(__always)
  mutating func byte() throws(GeometryReadError) -> UInt8 {
    try need(1)
    defer { offset += 1 }
    return bytes[offset]
  }

  @inline(__always)
  mutating func uint32() throws(GeometryReadError) -> UInt32 {
    try need(4)
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    offset += 4
    return littleEndian ? UInt32(littleEndian: value) : UInt32(bigEndian: value)
  }

  @inline(__always)
  mutating func double() throws(GeometryReadError) -> Double {
    try need(8)
    return uncheckedDouble()
  }

  /// After ``need(_:)``.
  @inline(__always)
  mutating func uncheckedDouble() -> Double {
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    offset += 8
    return Double(bitPattern: littleEndian ? UInt64(littleEndian: value) : UInt64(bigEndian: value))
  }

  /// After ``need(_:)``.
  @inline(__always)
  mutating func uncheckedFloat() -> Double {
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    offset += 4
    return Double(Float(bitPattern: littleEndian ? UInt32(littleEndian: value) : UInt32(bigEndian: value)))
  }

  /// A count of things that take at least `size` bytes each, so that a made-up count cannot ask for memory.
  mutating func count(ofSize size: Int) throws(GeometryReadError) -> Int {
    let start = offset
    let count = Int(try uint32())
    if count > remaining / max(1, size) {
      throw GeometryReadError("a count of \(count) is more than the bytes that follow can hold", at: start)
    }
    return count
  }

  mutating func readByteOrder() throws(GeometryReadError) {
    let at = offset
    switch try byte() {
    case 0: littleEndian = false
    case 1: littleEndian = true
    case let other: throw GeometryReadError("byte order \(other) is neither 0 nor 1", at: at)
    }
  }

  /// `count` vertices of `2 + (z) + (m)` doubles, appended to `geometry`; m is dropped.
  mutating func vertices(
    _ count: Int, hasZ: Bool, hasM: Bool, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    let size = 16 + (hasZ ? 8 : 0) + (hasM ? 8 : 0)
    if count > remaining / size { throw truncated() }
    if littleEndian && !hasZ && !hasM {
      let first = geometry.xy.count
      let source = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 16 * count])
      geometry.xy.append(contentsOf: repeatElement(0, count: 2 * count))
      geometry.xy.withUnsafeMutableBytes { $0[(8 * first)...].copyBytes(from: source) }
      for i in first..<geometry.xy.count where !geometry.xy[i].isFinite {
        throw GeometryReadError("a coordinate is not finite", at: offset + 8 * (i - first))
      }
      offset += 16 * count
      return
    }
    for _ in 0..<count {
      let (x, y) = (uncheckedDouble(), uncheckedDouble())
      if !x.isFinite || !y.isFinite { throw GeometryReadError("a coordinate is not finite", at: offset - 16) }
      geometry.xy.append(x)
      geometry.xy.append(y)
      if hasZ { geometry.z.append(uncheckedDouble()) }
      if hasM { offset += 8 }
    }
  }
}

extension Geometry {
  /// Makes this an empty geometry of `kind`, keeping the memory.
  mutating func reset(_ kind: GeometryKind) {
    self.kind = kind
    xy.removeAll(keepingCapacity: true)
    z.removeAll(keepingCapacity: true)
    ringOffsets.removeAll(keepingCapacity: true)
    ringOffsets.append(0)
    partOffsets.removeAll(keepingCapacity: true)
    partOffsets.append(0)
    members.removeAll()
  }

  /// Ends a ring after the vertices appended last; a ring without any is left out.
  mutating func closeRing() {
    let end = UInt32(xy.count / 2)
    if ringOffsets.last != end { ringOffsets.append(end) }
  }

  /// Ends a part after the rings appended last; a part without any is left out.
  mutating func closePart() {
    let end = UInt32(ringOffsets.count - 1)
    if partOffsets.last != end { partOffsets.append(end) }
  }

  /// The index of the first vertex of the ring under way.
  var ringStart: Int { Int(ringOffsets[ringOffsets.count - 1]) }

  /// Whether the ring under way ends where it starts.
  var ringIsClosed: Bool {
    let (first, last) = (2 * ringStart, xy.count - 2)
    return last < first || (xy[first] == xy[last] && xy[first + 1] == xy[last + 1])
  }

  /// Gives every vertex a height, NaN where it has none, once any has.
  mutating func padZ() {
    if z.count < xy.count / 2 { z.append(contentsOf: repeatElement(.nan, count: xy.count / 2 - z.count)) }
  }
}

extension GeometryKind {
  /// The kind of the parts of a multi geometry, nil for other kinds.
  package var single: GeometryKind? {
    switch self {
    case .multiPoint: .point
    case .multiLineString: .lineString
    case .multiPolygon: .polygon
    default: nil
    }
  }

  /// The kind that holds several of this one; itself for a multi kind or collection.
  package var multi: GeometryKind {
    switch self {
    case .point: .multiPoint
    case .lineString: .multiLineString
    case .polygon: .multiPolygon
    default: self
    }
  }
}
