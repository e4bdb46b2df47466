internal import SpatialIndex

extension SegmentWriter {
  /// Kinds, offsets, coordinates, boxes and the tree; nothing where the layer has no geometry column.
  mutating func writeGeometry() throws(StoreError) {
    directory.put(builder.geometry != nil)
    guard let geometry = builder.geometry else { return }
    if geometry.isOverfull {
      throw StoreError(.limit, "layer \(builder.layer.name) has more than 4,294,967,295 vertices")
    }
    let order = order
    let rowCount = builder.rowCount
    SectionPlace.write(
      try file.section(of: UInt8.self, count: rowCount) { range, out in
        for (i, row) in range.enumerated() { out[i] = geometry.kinds[order.source(row)] }
      }, to: &directory)

    // Offsets in the order of rows. Where rows are points or simple polygons several tables are 0, 1, 2, …, n: they are
    // written once.
    let starts = GrowingBuffer<UInt32>(capacity: rowCount + 1)
    let parts = GrowingBuffer<UInt32>(capacity: geometry.partOffsets.count)
    let rings = GrowingBuffer<UInt32>(capacity: geometry.ringOffsets.count)
    for table in [starts, parts, rings] { table.append(0) }
    for row in 0..<rowCount {
      let source = order.source(row)
      for part in Int(geometry.geometryOffsets[source])..<Int(geometry.geometryOffsets[source + 1]) {
        let (first, last) = (Int(geometry.partOffsets[part]), Int(geometry.partOffsets[part + 1]))
        for ring in first..<last {
          let length = geometry.ringOffsets[ring + 1] - geometry.ringOffsets[ring]
          rings.append(rings.last! + length)
        }
        parts.append(parts.last! + UInt32(last - first))
      }
      starts.append(UInt32(parts.count - 1))
    }
    var identity: (place: SectionPlace, count: Int)?
    for table in [starts, parts, rings] {
      let isIdentity = table.isIdentity()
      let place: SectionPlace
      if isIdentity, let identity, identity.count == table.count {
        place = identity.place
      } else {
        place = try file.section(table)
        if isIdentity { identity = (place, table.count) }
      }
      directory.put(UInt64(table.count))
      SectionPlace.write(place, to: &directory)
    }

    try writeVertices(geometry, of: 16) { UnsafeRawPointer(geometry.xy.start + 2 * $0) }
    directory.put(geometry.z != nil)
    if let z = geometry.z { try writeVertices(geometry, of: 8) { UnsafeRawPointer(z.start + $0) } }
    try writeBoxesAndTree(geometry)
    try writeCollections(geometry)
  }

  /// `bytesEach` bytes for each vertex, row by row.
  private mutating func writeVertices(
    _ geometry: GeometryAccumulator, of bytesEach: Int, _ start: (Int) -> UnsafeRawPointer
  ) throws(StoreError) {
    SectionPlace.write(
      try file.beginSection(byteCount: bytesEach * geometry.vertexCount), to: &directory)
    if order.isIdentity {
      return try file.append(
        UnsafeRawBufferPointer(start: start(0), count: bytesEach * geometry.vertexCount))
    }
    for row in 0..<builder.rowCount {
      let vertices = geometry.vertices(of: order.source(row))
      try file.append(
        UnsafeRawBufferPointer(start: start(vertices.lowerBound), count: bytesEach * vertices.count))
    }
  }

  private mutating func writeBoxesAndTree(_ geometry: GeometryAccumulator) throws(StoreError) {
    let rowCount = builder.rowCount
    directory.put(!geometry.isOnlyPoints)
    let tree: PackedRTree<2>
    if geometry.isOnlyPoints {
      let points = GrowingBuffer<Double>(capacity: 2 * order.placedCount)
      for row in 0..<order.placedCount {
        let vertex = geometry.vertices(of: order.source(row)).lowerBound
        points.append(geometry.xy[2 * vertex])
        points.append(geometry.xy[2 * vertex + 1])
      }
      tree = points.withElements { PackedRTree(sortedPoints: $0) }
    } else {
      let boxes = geometry.boxes()
      let sorted = GrowingBuffer<Box2>(capacity: rowCount)
      for row in 0..<rowCount { sorted.append(boxes[order.source(row)]) }
      SectionPlace.write(try file.section(sorted), to: &directory)
      let placed = order.placedCount
      tree = sorted.withElements { PackedRTree(sortedBoxes: UnsafeBufferPointer(rebasing: $0[..<placed])) }
    }
    let file = file
    let place = try tree.withBytes { (bytes) throws(StoreError) in try file.section(bytes) }
    SectionPlace.write(place, to: &directory)
  }

  /// Collections as WKB: the rows, offsets and bytes. Sorted by row, so that a row is found by bisection.
  private mutating func writeCollections(_ geometry: GeometryAccumulator) throws(StoreError) {
    directory.put(UInt32(geometry.collections.count))
    if geometry.collections.isEmpty { return }
    var rowOfSource: [Int: UInt32] = [:]
    for row in 0..<builder.rowCount {
      let source = order.source(row)
      if geometry.kinds[source] == GeometryKind.geometryCollection.rawValue { rowOfSource[source] = UInt32(row) }
    }
    let members = geometry.collections.map { (row: rowOfSource[$0.index]!, bytes: $0.bytes) }
      .sorted { $0.row < $1.row }
    var offsets: [UInt64] = [0]
    for member in members { offsets.append(offsets.last! + UInt64(member.bytes.count)) }
    SectionPlace.write(try file.section(members.map(\.row)), to: &directory)
    SectionPlace.write(try file.section(offsets), to: &directory)
    SectionPlace.write(try file.section(members.flatMap(\.bytes)), to: &directory)
  }
}

extension SectionPlace {
  static func write(_ place: SectionPlace, to bytes: inout SnapshotBytes) { place.write(to: &bytes) }
}
