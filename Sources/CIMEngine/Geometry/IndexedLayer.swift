public import SpatialIndex

/// The geometries of a layer under their index: exact selection of rows by another geometry.
///
/// The index gives runs of rows. Where a run's boxes lie wholly inside what is asked for, its rows are taken without a
/// look at their geometry; only rows on the border are decided by their edges.
///
/// ```swift
/// let layer = IndexedLayer(geometry, tree: tree)
/// var rows: [UInt32] = []
/// layer.append(within: 500, of: .point(x, y), to: &rows)
/// ```
///
/// The index must hold the boxes of the rows as they are: rows edited since it was packed are to be asked on their own.
public struct IndexedLayer: @unchecked Sendable {
  public let geometry: GeometryStorage
  public let tree: PackedRTreeView<2>

  /// - Parameter tree: An index over the rows' boxes whose items are the rows.
  public init(_ geometry: GeometryStorage, tree: PackedRTreeView<2>) {
    self.geometry = geometry
    self.tree = tree
  }

  /// Appends the rows whose geometry has a point in common with `other`; touching counts. In the order of the index:
  /// ascending where that is sorted.
  public func append(intersecting other: Geometry, to rows: inout [UInt32]) {
    append(intersecting: PreparedGeometry(other), to: &rows)
  }

  /// Appends the rows that lie at most `distance` from `other`, in the units of the coordinates, between the nearest
  /// points; the closed ball. In the order of the index.
  public func append(within distance: Double, of other: Geometry, to rows: inout [UInt32]) {
    append(within: distance, of: PreparedGeometry(other), to: &rows)
  }

  /// As for a plain geometry, which is then prepared only once for many layers.
  package func append(intersecting other: PreparedGeometry, to rows: inout [UInt32]) {
    forEachRun(intersecting: other) { append($0, to: &rows) }
  }

  /// As for a plain geometry, which is then prepared only once for many layers.
  package func append(within distance: Double, of other: PreparedGeometry, to rows: inout [UInt32]) {
    forEachRun(within: distance, of: other) { append($0, to: &rows) }
  }

  /// Calls `body` with runs of positions in the index whose geometries meet `other`, in ascending order; positions are rows
  /// where the index is sorted. Neighbouring runs are not joined.
  package func forEachRun(intersecting other: PreparedGeometry, _ body: (_ positions: Range<Int>) -> Void) {
    Self.forEachCandidate(tree, intersecting: other) { positions, isCertain in
      if isCertain { return body(positions) }
      for position in positions where any(tree.item(at: position), { other.intersects($0) }) {
        body(position..<position + 1)
      }
    }
  }

  /// As above for geometries that lie at most `distance` from `other`.
  package func forEachRun(
    within distance: Double, of other: PreparedGeometry, _ body: (_ positions: Range<Int>) -> Void
  ) {
    let limit = Segments.squaredLimit(distance)
    guard limit >= 0, let box = other.box else { return }
    let point = other.geometry.kind == .point ? SIMD2(box.min[0], box.min[1]) : nil
    Self.forEachCandidate(tree, within: distance, of: other) { positions, isCertain in
      if isCertain { return body(positions) }
      for position in positions {
        let near =
          if let point {
            any(tree.item(at: position)) { $0.isWithin(squaredLimit: limit, ofPoint: point[0], point[1]) }
          } else {
            any(tree.item(at: position)) { other.isWithin(squaredLimit: limit, of: $0) }
          }
        if near { body(position..<position + 1) }
      }
    }
  }

  /// Calls `body` with runs of positions whose boxes do not rule out that they meet `other`, in ascending order. Certain ones
  /// lie wholly inside of it, without its boundary.
  static func forEachCandidate(
    _ tree: PackedRTreeView<2>, intersecting other: PreparedGeometry,
    _ body: (_ positions: Range<Int>, _ isCertain: Bool) -> Void
  ) {
    guard let box = other.box else { return }
    if other.geometry.dimension < 2 {
      tree.forEachRun(meeting: box) { positions, _ in body(positions, false) }
    } else {
      tree.forEachRun(meeting: box, placedBy: { other.place(of: $0) }, body)
    }
  }

  /// As above for what lies at most `distance` from `other`; certain ones are that near with all of their box.
  static func forEachCandidate(
    _ tree: PackedRTreeView<2>, within distance: Double, of other: PreparedGeometry,
    _ body: (_ positions: Range<Int>, _ isCertain: Bool) -> Void
  ) {
    guard distance >= 0, let box = other.box else { return }
    // Seen from a point, the whole of a box can be near enough; from anything else only its nearest part is known.
    let isPoint = box.min[0] == box.max[0] && box.min[1] == box.max[1]
    // What is exactly at the distance may seem a little farther by its box.
    tree.forEachRun(within: distance * (1 + 0x1p-40), of: box) { positions, isInside in
      body(positions, isInside && isPoint)
    }
  }

  @inline(__always)
  private func append(_ positions: Range<Int>, to rows: inout [UInt32]) {
    if tree.isSorted {
      rows.append(contentsOf: UInt32(positions.lowerBound)..<UInt32(positions.upperBound))
    } else {
      for position in positions { rows.append(UInt32(truncatingIfNeeded: tree.item(at: position))) }
    }
  }

  /// Whether the test holds for a row, or for a member of it when it is a collection.
  @inline(__always)
  private func any(_ row: Int, _ test: (GeometryView) -> Bool) -> Bool {
    if let view = geometry.view(row) { return test(view) }
    guard let collection = geometry.geometry(row) else { return false }
    return anyMember(collection, test)
  }

  private func anyMember(_ geometry: Geometry, _ test: (GeometryView) -> Bool) -> Bool {
    if geometry.kind == .geometryCollection { return geometry.members.contains { anyMember($0, test) } }
    return geometry.withView(test)
  }
}

extension GeometryView {
  /// Whether some point of this geometry is as near to (x, y) as the square `limit` says: as
  /// ``squaredDistance(toPoint:_:)`` against it, but the first edge near enough ends the search.
  func isWithin(squaredLimit limit: Double, ofPoint x: Double, _ y: Double) -> Bool {
    for ring in rings {
      let vertices = vertices(ofRing: ring)
      guard !vertices.isEmpty else { continue }
      var p = xy + 2 &* vertices.lowerBound
      if vertices.count == 1 {
        if Segments.squaredDistance(x, y, toSegment: p[0], p[1], p[0], p[1]) <= limit { return true }
        continue
      }
      let end = xy + 2 &* (vertices.upperBound &- 1)
      while p != end {
        if Segments.squaredDistance(x, y, toSegment: p[0], p[1], p[2], p[3]) <= limit { return true }
        p += 2
      }
    }
    return dimension == 2 && locate(x, y) != .outside
  }
}
