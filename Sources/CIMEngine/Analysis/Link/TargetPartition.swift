internal import SpatialIndex

/// Which polygon of a layer a point belongs to, each point to one: a partition of the points.
///
/// **The rule.** Of all polygons that cover a point, edge included, the one with the smallest code has it (by code point;
/// equal codes by id). A point that only edges of several polygons pass is on a shared edge; a point that several polygons
/// cover, one of them with its inside, lies in an overlap of bad data. Both are told apart for the report.
///
/// Points are looked up in the cells of ``PointsInPolygons``; immutable, so any number of threads may ask at once.
struct TargetPartition: Sendable {
  enum Place: UInt8 {
    case outside, inside, sharedEdge, overlap
  }

  private let polygons: PointsInPolygons
  /// Polygons with coordinates beyond those of the cells: each is asked for each point. There are none in sound data.
  private let others: [UInt32]
  private let shapes: GeometryStorage
  /// By row: the smaller wins.
  let rank: [UInt32]

  static let none: UInt32 = 0x7fff_ffff

  /// - Parameters:
  ///   - shapes: a layer; rows that are no polygons have no points.
  ///   - rank: by row, which of several polygons has a point: the one with the smallest rank.
  init(_ shapes: GeometryStorage, rank: [UInt32], threads: Int = 1) {
    self.shapes = shapes
    self.rank = rank
    polygons = PointsInPolygons(shapes, workers: .threads(threads))
    others = polygons.otherRows.filter { shapes.view(Int($0))?.dimension == 2 }
  }

  /// The row that has the point, and how. `none` and `.outside` when no polygon does.
  @inline(__always)
  func locate(_ x: Double, _ y: Double) -> (row: UInt32, place: Place) {
    var best = Self.none
    var (inner, edges) = (0, 0)
    func add(_ row: UInt32, _ isInside: Bool) {
      if isInside { inner += 1 } else { edges += 1 }
      if best == Self.none || rank[Int(row)] < rank[Int(best)] { best = row }
    }
    polygons.forEachPlace(x, y) { row, isInside in add(row, isInside) }
    for row in others {
      let place = shapes.view(Int(row))!.locate(x, y)
      if place != .outside { add(row, place == .inside) }
    }
    if inner + edges == 0 { return (Self.none, .outside) }
    if inner + edges == 1 { return (best, .inside) }
    return (best, inner == 0 ? .sharedEdge : .overlap)
  }
}
