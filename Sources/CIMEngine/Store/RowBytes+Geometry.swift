internal import SpatialIndex

/// SpatiaLite's BLOB-Geometry (https://www.gaia-gis.it/gaia-sins/BLOB-Geometry.html), little-endian, written straight
/// into a row.
extension RowBytes {
  /// Appends `geometry`, which is not empty, as one of the registered type: a single geometry becomes a multi one of
  /// one part where `kind` asks for it, and z is added (NaN) or dropped.
  ///
  /// - Returns: where the blob lies.
  func append(_ geometry: Geometry, box: Box2, srid: Int, kind: GeometryKind?, hasZ: Bool) -> Range<Int> {
    let start = count
    reserve(blobSize(geometry, hasZ: hasZ) + 64)
    put(UInt8(0))
    put(UInt8(1))
    put(UInt32(bitPattern: Int32(srid)))
    put(box.min[0])
    put(box.min[1])
    put(box.max[0])
    put(box.max[1])
    put(UInt8(0x7c))
    put(geometry, as: kind ?? geometry.kind, hasZ: hasZ)
    put(UInt8(0xfe))
    return start..<count
  }

  private func blobSize(_ geometry: Geometry, hasZ: Bool) -> Int {
    let own = geometry.xy.count / 2 * (hasZ ? 24 : 16) + 4 * geometry.ringOffsets.count + 9 * geometry.partOffsets.count
    return own + geometry.members.reduce(16) { $0 + blobSize($1, hasZ: hasZ) + 5 }
  }

  private func put(_ geometry: Geometry, as kind: GeometryKind, hasZ: Bool) {
    put(UInt32(kind.rawValue) + (hasZ ? 1000 : 0))
    switch kind {
    case .point, .lineString, .polygon: putPart(geometry, 0, kind, hasZ)
    case .multiPoint, .multiLineString, .multiPolygon:
      let single = kind.single ?? kind
      put(UInt32(geometry.partOffsets.count - 1))
      for part in 0..<geometry.partOffsets.count - 1 {
        put(UInt8(0x69))
        put(UInt32(single.rawValue) + (hasZ ? 1000 : 0))
        putPart(geometry, part, single, hasZ)
      }
    case .geometryCollection:
      // SpatiaLite's collections hold points, lines and polygons, nothing nested.
      let members = Self.simpleMembers(of: geometry)
      put(UInt32(members.reduce(0) { $0 + max(0, $1.partOffsets.count - 1) }))
      for member in members {
        let single = member.kind.single ?? member.kind
        for part in 0..<member.partOffsets.count - 1 {
          put(UInt8(0x69))
          put(UInt32(single.rawValue) + (hasZ ? 1000 : 0))
          putPart(member, part, single, hasZ)
        }
      }
    }
  }

  private static func simpleMembers(of geometry: Geometry) -> [Geometry] {
    geometry.kind == .geometryCollection ? geometry.members.flatMap { simpleMembers(of: $0) } : [geometry]
  }

  private func putPart(_ geometry: Geometry, _ part: Int, _ kind: GeometryKind, _ hasZ: Bool) {
    let rings = Int(geometry.partOffsets[part])..<Int(geometry.partOffsets[part + 1])
    if kind == .polygon { put(UInt32(rings.count)) }
    for ring in rings {
      let vertices = Int(geometry.ringOffsets[ring])..<Int(geometry.ringOffsets[ring + 1])
      if kind != .point { put(UInt32(vertices.count)) }
      if !hasZ {
        geometry.xy.withUnsafeBytes { xy in
          (base + count).copyMemory(from: xy.baseAddress! + 16 * vertices.lowerBound, byteCount: 16 * vertices.count)
        }
        count += 16 * vertices.count
        continue
      }
      for v in vertices {
        put(geometry.xy[2 * v])
        put(geometry.xy[2 * v + 1])
        put(geometry.z.isEmpty ? .nan : geometry.z[v])
      }
    }
  }
}
