package import SpatialIndex

/// One geometry made ready for tests against very many others. Answers are those of the plain kernels.
///
/// Building is linear in the vertices. Immutable, so any number of threads may ask at once.
package final class PreparedGeometry: @unchecked Sendable {
  /// The geometry, which also owns the coordinates behind the view.
  package let geometry: Geometry
  package let box: Box2?
  /// Members of a collection, or parts of a multipolygon; empty for anything else.
  private let pieces: [PreparedGeometry]
  private let pieceBoxes: [Box2]
  private let storage: Storage?

  /// Coordinates at a fixed address, and what is built over them.
  fileprivate final class Storage {
    let xy: UnsafeMutablePointer<Double>
    let ringOffsets: UnsafeMutablePointer<UInt32>
    let partOffsets: UnsafeMutablePointer<UInt32>
    let view: GeometryView
    let tree: EdgeTree
    let locator: PolygonLocator?

    init(_ geometry: Geometry) {
      func copy<T>(_ array: [T]) -> UnsafeMutablePointer<T> {
        let memory = UnsafeMutablePointer<T>.allocate(capacity: max(1, array.count))
        array.withUnsafeBufferPointer {
          if let start = $0.baseAddress { memory.initialize(from: start, count: $0.count) }
        }
        return memory
      }
      xy = copy(geometry.xy)
      ringOffsets = copy(geometry.ringOffsets)
      partOffsets = copy(geometry.partOffsets)
      view = GeometryView(
        kind: geometry.kind, xy: xy, z: nil, ringOffsets: ringOffsets, partOffsets: partOffsets,
        partCount: geometry.partOffsets.count - 1)
      tree = EdgeTree(view)
      if view.dimension == 2, let box = view.box {
        locator = PolygonLocator(view, box: box)
      } else {
        locator = nil
      }
    }

    deinit {
      xy.deallocate()
      ringOffsets.deallocate()
      partOffsets.deallocate()
    }
  }

  package init(_ geometry: Geometry) {
    self.geometry = geometry
    box = geometry.box
    if geometry.kind == .geometryCollection {
      pieces = geometry.members.filter { !$0.isEmpty }.map { PreparedGeometry($0) }
    } else if geometry.kind == .multiPolygon && geometry.partOffsets.count > 2 {
      pieces = geometry.withView { view in
        (0..<view.partCount).compactMap { view.part($0).isEmpty ? nil : PreparedGeometry(view.part($0).copy()) }
      }
    } else {
      pieces = []
    }
    pieceBoxes = pieces.map { $0.box ?? .empty }
    storage = geometry.kind == .geometryCollection || geometry.isEmpty ? nil : Storage(geometry)
  }

  /// Where (x, y) lies in a polygon or multipolygon; for other kinds, `inside` when the point lies on it.
  package func locate(_ x: Double, _ y: Double) -> PointLocation {
    guard let storage else {
      var result = PointLocation.outside
      for piece in pieces {
        let location = piece.locate(x, y)
        if location == .inside { return .inside }
        if location == .boundary { result = .boundary }
      }
      return result
    }
    switch storage.view.dimension {
    case 2: return storage.locator!.locate(x, y)
    default: return storage.tree.meets(EdgeTree.Probe(x, y, x, y)) ? .inside : .outside
    }
  }

  /// Where a whole box lies, as far as the raster of a polygon tells: inside means without its boundary.
  package func place(of other: Box2) -> BoxPlace {
    guard let storage else {
      var result = BoxPlace.outside
      for piece in pieces {
        switch piece.place(of: other) {
        case .inside: return .inside
        case .unknown: result = .unknown
        case .outside: break
        }
      }
      return result
    }
    guard let location = storage.locatorAnswer(other) else { return .unknown }
    return location == .inside ? .inside : .outside
  }

  /// Whether the closed geometry has the point (x, y).
  package func meets(_ x: Double, _ y: Double) -> Bool { locate(x, y) != .outside }

  /// Whether the closed geometries have a point in common; touching counts. `other` is no collection.
  package func intersects(_ other: GeometryView) -> Bool {
    guard let storage else { return pieces.contains { $0.intersects(other) } }
    guard let box, let others = other.box, box.intersects(others) else { return false }
    if other.dimension == 0 {
      for v in other.vertices where meets(other.xy[2 * v], other.xy[2 * v + 1]) { return true }
      return false
    }
    if let locator = storage.locatorAnswer(others) { return locator == .inside }
    if storage.view.dimension == 2, let v = other.vertices.first, meets(other.xy[2 * v], other.xy[2 * v + 1]) {
      return true
    }
    if edgesMeet(other, storage, others: others) { return true }
    if storage.view.dimension == 2, anyPartOf(other, startsIn: storage) { return true }
    return other.dimension == 2 && anyOwnPart(storage, startsIn: other, others)
  }

  /// Whether every point of `other` lies in this closed geometry, as ``GeometryView/covers(_:)``.
  package func covers(_ other: GeometryView) -> Bool {
    guard let box, let others = other.box, box.contains(others) else { return false }
    guard let storage else { return pieces.contains { $0.covers(other) } }
    let own = storage.view.dimension
    if other.dimension == 0 {
      for v in other.vertices where !meets(other.xy[2 * v], other.xy[2 * v + 1]) { return false }
      return true
    }
    if own < other.dimension { return false }
    if other.dimension == 2 && !pieces.isEmpty {
      for part in 0..<other.partCount {
        let piece = other.part(part)
        guard let pieceBox = piece.box else { continue }
        var found = false
        for i in pieces.indices where pieceBoxes[i].contains(pieceBox) && pieces[i].covers(piece) {
          found = true
          break
        }
        if !found { return false }
      }
      return true
    }
    // An all-inside box has no hole in it either.
    if let location = storage.locatorAnswer(others) { return location == .inside }
    var contacts = Contacts(ofArea: own == 2)
    for ring in other.rings where !coversPath(other.vertices(ofRing: ring), of: other, storage, &contacts) {
      return false
    }
    return other.dimension < 2 || !containsHole(of: storage, in: other, others)
  }

  /// Whether this geometry lies wholly in `other`, as ``GeometryView/isCovered(by:)``.
  package func isCovered(by other: GeometryView) -> Bool {
    guard let box, let others = other.box, others.contains(box) else { return false }
    if let storage { return other.covers(storage.view) }
    return pieces.allSatisfy { $0.isCovered(by: other) }
  }

  /// The distance between the nearest points: 0 exactly when they meet, infinity when either is empty.
  package func distance(to other: GeometryView) -> Double { squaredDistance(to: other).squareRoot() }

  /// Whether some point of `other` lies at most `limit` away; the closed ball. Agrees with ``distance(to:)``.
  package func isWithin(_ limit: Double, of other: GeometryView) -> Bool {
    let squaredLimit = Segments.squaredLimit(limit)
    return squaredLimit >= 0 && isWithin(squaredLimit: squaredLimit, of: other)
  }

  /// As ``isWithin(_:of:)`` with the limit from ``squaredLimit(_:)``, worked out once for many rows.
  package func isWithin(squaredLimit: Double, of other: GeometryView) -> Bool {
    guard let box, let others = other.box,
      Segments.lowerBound(box.squaredDistance(to: others)) <= squaredLimit
    else { return false }
    return squaredDistance(to: other, atMost: squaredLimit, below: squaredLimit.nextUp) <= squaredLimit
  }

  /// The largest square of a distance that still counts as within `distance`.
  package static func squaredLimit(_ distance: Double) -> Double { Segments.squaredLimit(distance) }

  /// The square of ``distance(to:)``.
  ///
  /// - Parameters:
  ///   - atMost: a result at or below this may be any such distance, not the least.
  ///   - below: distances from here on are not of interest; the result is then this or more.
  package func squaredDistance(
    to other: GeometryView, atMost: Double = 0, below: Double = .infinity
  ) -> Double {
    guard let storage else {
      return pieces.reduce(.infinity) { min($0, $1.squaredDistance(to: other, atMost: atMost, below: below)) }
    }
    guard !other.isEmpty else { return .infinity }
    if other.dimension == 0 {
      var best = below
      for v in other.vertices {
        best = min(best, squaredDistance(toPoint: other.xy[2 * v], other.xy[2 * v + 1], below: best))
        if best <= atMost { break }
      }
      return best
    }
    if storage.view.dimension == 2, anyPartOf(other, startsIn: storage) { return 0 }
    if other.dimension == 2, let others = other.box, anyOwnPart(storage, startsIn: other, others) { return 0 }
    var best = below
    var edges = EdgeCursor(other)
    while let (v, w) = edges.next() {
      let probe = EdgeTree.Probe(
        other.xy[2 * v], other.xy[2 * v + 1], other.xy[2 * w], other.xy[2 * w + 1])
      storage.tree.nearest(probe, best: &best)
      if best <= atMost { break }
    }
    return best
  }

  /// The square of the distance from a point.
  package func squaredDistance(toPoint x: Double, _ y: Double, below: Double = .infinity) -> Double {
    guard let storage else {
      return pieces.reduce(below) { min($0, $1.squaredDistance(toPoint: x, y, below: $0)) }
    }
    if storage.view.dimension == 2, storage.locator!.locate(x, y) != .outside { return 0 }
    var best = below
    storage.tree.nearest(EdgeTree.Probe(x, y, x, y), best: &best)
    return best
  }
}

extension PreparedGeometry.Storage {
  /// What the raster knows of a whole box.
  @inline(__always)
  fileprivate func locatorAnswer(_ box: Box2) -> PointLocation? {
    view.dimension == 2 ? locator!.locate(box) : nil
  }
}

extension PreparedGeometry {
  private func edgesMeet(_ other: GeometryView, _ storage: Storage, others: Box2) -> Bool {
    guard let box else { return false }
    var edges = EdgeCursor(other)
    while let (v, w) = edges.next() {
      let probe = EdgeTree.Probe(
        other.xy[2 * v], other.xy[2 * v + 1], other.xy[2 * w], other.xy[2 * w + 1])
      if probe.x0 > box.max[0] || probe.x1 < box.min[0] || probe.y0 > box.max[1] || probe.y1 < box.min[1] {
        continue
      }
      if storage.tree.meets(probe) { return true }
    }
    return false
  }

  private func anyPartOf(_ other: GeometryView, startsIn storage: Storage) -> Bool {
    for part in 0..<other.partCount {
      guard let ring = other.rings(ofPart: part).first, let v = other.vertices(ofRing: ring).first else { continue }
      if storage.locator!.locate(other.xy[2 * v], other.xy[2 * v + 1]) != .outside { return true }
    }
    return false
  }

  private func anyOwnPart(_ storage: Storage, startsIn other: GeometryView, _ others: Box2) -> Bool {
    let view = storage.view
    for part in 0..<view.partCount {
      guard let ring = view.rings(ofPart: part).first, let v = view.vertices(ofRing: ring).first else { continue }
      let (x, y) = (view.xy[2 * v], view.xy[2 * v + 1])
      guard x >= others.min[0] && x <= others.max[0] && y >= others.min[1] && y <= others.max[1] else { continue }
      if other.locate(x, y) != .outside { return true }
    }
    return false
  }

  private func coversPath(
    _ vertices: Range<Int>, of other: GeometryView, _ storage: Storage, _ contacts: inout Contacts
  ) -> Bool {
    let areal = storage.view.dimension == 2
    guard let first = vertices.first else { return true }
    if vertices.count == 1 { return meets(other.xy[2 * first], other.xy[2 * first + 1]) }
    var placed = false
    for v in vertices.dropLast() {
      let (px, py) = (other.xy[2 * v], other.xy[2 * v + 1])
      let (qx, qy) = (other.xy[2 * v + 2], other.xy[2 * v + 3])
      contacts.reset()
      storage.tree.collect(EdgeTree.Probe(px, py, qx, qy), into: &contacts)
      if contacts.crossed { return false }
      if contacts.edges.isEmpty {
        if !placed {
          if !areal || storage.locator!.locate(px, py) != .inside { return false }
          placed = true
        }
      } else {
        if areal, storage.locator!.locate(px, py) == .outside || storage.locator!.locate(qx, qy) == .outside {
          return false
        }
        if !contacts.coverSegment(px, py, qx, qy, of: storage.view) { return false }
        placed = areal
      }
    }
    return true
  }

  private func containsHole(of storage: Storage, in other: GeometryView, _ others: Box2) -> Bool {
    for hole in storage.view.rings.dropFirst() {
      let vertices = storage.view.vertices(ofRing: hole)
      guard let v = vertices.first else { continue }
      let (x, y) = (storage.view.xy[2 * v], storage.view.xy[2 * v + 1])
      guard x >= others.min[0] && x <= others.max[0] && y >= others.min[1] && y <= others.max[1] else { continue }
      for part in 0..<other.partCount where other.part(part).containsHole(vertices, of: storage.view) { return true }
    }
    return false
  }
}
