internal import SpatialIndex

/// What is done with the rows that a search finds.
protocol FoundRows {
  /// Whether a row need not be tested, as it would make no difference.
  func isSettled(_ row: Int) -> Bool
  mutating func add(_ row: UInt32) throws(QueryError)
  mutating func add(_ rows: Range<Int>) throws(QueryError)
}

/// The rows of a table that stand in a relation to one geometry after another, through the table's R-tree: whole runs of
/// rows where boxes settle it, single rows by their exact shapes.
///
/// A geometry that finds many rows is prepared for them. Points are then placed in its raster where they lie in the tree.
struct RowSearch: Sendable {
  private let column: ShapeColumn
  private let tree: PackedRTreeView<2>
  private let geometry: GeometryStorage
  /// From a row of the table to the geometry.
  let test: PairTest
  /// Where the table has nothing but points, and a place in a polygon decides.
  private let points: PointRun?
  private let wanted: PointRun.Wanted?

  /// From so many candidates on, preparing a geometry pays.
  static let manyCandidates = 24
  /// From so many on, a second walk through the tree pays, which asks the raster about whole nodes.
  static let crowd = 1_024

  /// - Parameters:
  ///   - test: from a row of the table to the geometry.
  ///   - tree: that of the table, checked.
  init?(_ table: Table, tree: PackedRTreeView<2>, test: PairTest) {
    guard let geometry = table.geometry else { return nil }
    column = ShapeColumn(table: table)
    self.tree = tree
    self.geometry = geometry
    self.test = test
    points = PointRun(table)
    wanted = PointRun.Wanted(test)
  }

  /// Finds the rows for a shape with its box; none for an empty one.
  func find<Found: FoundRows>(_ shape: Shape, _ box: Box2, into found: inout Found) throws(QueryError) {
    if box.isEmpty { return }
    var runs: [(rows: Range<Int>, isCertain: Bool)] = []
    var total = 0
    if case .within(_, let distance) = test {
      if !(distance >= 0) { return }
      // Seen from a point, the whole of a box can be near enough; from anything else only its nearest part is known.
      let isPoint = box.min[0] == box.max[0] && box.min[1] == box.max[1]
      tree.forEachRun(within: widened(distance), of: box) { rows, isInside in
        total += rows.count
        runs.append((rows, isInside && isPoint))
      }
    } else {
      tree.forEachRun(meeting: test.searchBox(box)) { rows, _ in
        total += rows.count
        runs.append((rows, false))
      }
    }
    if runs.isEmpty { return }
    if total >= RowSearch.manyCandidates {
      if case .view(let view) = shape {
        if let points, let wanted, view.dimension == 2 {
          return try find(points, wanted, PolygonLocator(view, box: box), runs, total, &found)
        }
        if view.kind != .point { return try find(Target(view.copy()), into: &found) }
      } else if let whole = shape.geometry {
        return try find(Target(whole), into: &found)
      }
    }
    for (rows, isCertain) in runs {
      if isCertain {
        try found.add(rows)
        continue
      }
      try column.table.verifyGeometry(rows: rows)
      for row in rows where !found.isSettled(row) && !test.isRuledOut(geometry.box(row), box) {
        if try test.holds(geometry.shape(row), shape) { try found.add(UInt32(truncatingIfNeeded: row)) }
      }
    }
  }

  /// Finds the rows for a prepared geometry.
  func find<Found: FoundRows>(_ target: Target, into found: inout Found) throws(QueryError) {
    for (rows, isCertain) in TreeSearch.candidates(tree, test, target) {
      if isCertain {
        try found.add(rows)
        continue
      }
      try column.table.verifyGeometry(rows: rows)
      for row in rows where !found.isSettled(row) {
        if try test.holds(geometry, row, target) { try found.add(UInt32(truncatingIfNeeded: row)) }
      }
    }
  }

  private func find<Found: FoundRows>(
    _ points: PointRun, _ wanted: PointRun.Wanted, _ locator: borrowing PolygonLocator,
    _ runs: [(rows: Range<Int>, isCertain: Bool)], _ total: Int, _ found: inout Found
  ) throws(QueryError) {
    if total < RowSearch.crowd {
      for (rows, _) in runs {
        try column.table.verifyGeometry(rows: rows)
        try points.forEach(rows, locator, wanted) { (row) throws(QueryError) in
          if !found.isSettled(row) { try found.add(UInt32(truncatingIfNeeded: row)) }
        }
      }
      return
    }
    // The boxes of points are the points: every one is decided on the way.
    try tree.forEachRun(
      meeting: locator.box,
      placedBy: { (box) throws(QueryError) -> BoxPlace in
        let (x, y) = (box.min[0], box.min[1])
        if x == box.max[0], y == box.max[1] { return wanted.accepts(locator.locate(x, y)) ? .inside : .outside }
        guard let place = locator.locate(box) else { return .unknown }
        return wanted.accepts(place) ? .inside : .outside
      }
    ) { (rows, isInside) throws(QueryError) in if isInside { try found.add(rows) } }
  }
}

/// The coordinates of a layer in which each row that has a geometry is one point: pointers and nothing else, so that copies
/// cost nothing. Valid as long as the table lives.
struct PointRun: @unchecked Sendable {
  private let geometryOffsets: UnsafePointer<UInt32>
  private let partOffsets: UnsafePointer<UInt32>
  private let ringOffsets: UnsafePointer<UInt32>
  private let xy: UnsafePointer<Double>
  /// Rows `0..<count` of a layer have a point each, the others none; 0 for what is no layer.
  let count: Int

  init?(_ table: Table) {
    // Only a layer of points keeps no boxes. Rows that were edited since lie elsewhere.
    guard let geometry = table.geometry, geometry.boxes == nil, geometry.patches == nil else { return nil }
    geometryOffsets = geometry.geometryOffsets
    partOffsets = geometry.partOffsets
    ringOffsets = geometry.ringOffsets
    xy = geometry.xy
    count = min(table.segment?.placedCount ?? 0, table.rowCount)
  }

  /// Where a point must lie in a polygon for a condition from the point to the polygon to hold.
  enum Wanted {
    case covered, inside, boundary

    init?(_ test: PairTest) {
      switch test {
      case .holds(.intersects), .holds(.coveredBy): self = .covered
      case .holds(.within): self = .inside
      case .holds(.touches): self = .boundary
      default: return nil
      }
    }

    @inline(__always)
    func accepts(_ place: PointLocation) -> Bool {
      switch self {
      case .covered: place != .outside
      case .inside: place == .inside
      case .boundary: place == .boundary
      }
    }
  }

  /// Where a row lies that has a point.
  @inline(__always)
  func place(_ row: Int) -> (x: Double, y: Double) {
    let vertex = Int(ringOffsets[Int(partOffsets[Int(geometryOffsets[row])])])
    return (xy[2 &* vertex], xy[2 &* vertex &+ 1])
  }

  /// Calls `body` with the rows of a run, all of which have a point, that lie in the polygon as wanted.
  @inline(__always)
  func forEach(
    _ rows: Range<Int>, _ locator: borrowing PolygonLocator, _ wanted: Wanted, _ body: (Int) throws(QueryError) -> Void
  ) throws(QueryError) {
    for row in rows {
      let (x, y) = place(row)
      if wanted.accepts(locator.locate(x, y)) { try body(row) }
    }
  }
}
