internal import SpatialIndex

/// Rows near or meeting the geometry of what is joined so far, through the joined source's R-tree.
final class SearchJoin: JoinStage, @unchecked Sendable {
  let from: Node
  let test: PairTest
  let column: ShapeColumn
  let tree: PackedRTreeView<2>
  let allowed: RowSet?
  let token: CancellationToken
  /// The coordinates of the joined rows, where each is one point and they lie one after the other.
  private let points: PointRun?
  /// From so many candidates on, preparing a shape pays.
  private static let manyCandidates = 24

  init(
    source: Int, isLeft: Bool, conditions: [Node], from: Node, test: PairTest, table: Table, tree: PackedRTreeView<2>,
    allowed: RowSet?, token: CancellationToken
  ) {
    self.from = from
    self.test = test
    column = ShapeColumn(table: table)
    self.tree = tree
    self.allowed = allowed
    self.token = token
    points = PointRun(table)
    super.init(source: source, isLeft: isLeft, conditions: conditions)
  }

  /// What is done with the rows found for one row: pairs made of them, or only counted.
  private protocol Found {
    mutating func add(_ row: UInt32) throws(QueryError)
    mutating func add(_ rows: Range<Int>) throws(QueryError)
  }

  private struct PairMaker: Found {
    var pairs: Pairs
    var origin = 0
    @inline(__always)
    mutating func add(_ row: UInt32) throws(QueryError) { try pairs.add(origin, row) }
    mutating func add(_ rows: Range<Int>) throws(QueryError) {
      for row in rows { try pairs.add(origin, UInt32(truncatingIfNeeded: row)) }
    }
  }

  private struct Counter: Found {
    var count = 0
    @inline(__always)
    mutating func add(_ row: UInt32) { count &+= 1 }
    mutating func add(_ rows: Range<Int>) { count += rows.count }
  }

  override func match(_ tuples: Tuples, _ pairs: inout Pairs) throws(QueryError) {
    var maker = PairMaker(pairs: pairs)
    try forEachShape(tuples) { (origin, shape, box, test) throws(QueryError) in
      maker.origin = origin
      try search(shape, box, test, &maker)
    }
    pairs = maker.pairs
  }

  /// How many rows are joined to each row of a batch; for an outer join at least one.
  func counts(_ tuples: Tuples) throws(QueryError) -> [Int] {
    var result = Array(repeating: isLeft ? 1 : 0, count: tuples.count)
    try forEachShape(tuples) { (origin, shape, box, test) throws(QueryError) in
      var counter = Counter()
      try search(shape, box, test, &counter)
      if counter.count > 0 { result[origin] = counter.count }
    }
    return result
  }

  private func forEachShape(
    _ tuples: Tuples, _ body: (Int, Shape, Box2, PairTest) throws(QueryError) -> Void
  ) throws(QueryError) {
    // The test from the joined row to what is there.
    let test = self.test.transposed
    if let node = from as? GeometryNode {
      let rows = try node.rows(tuples)
      for i in rows.indices {
        let shape = node.column.shape(rows[i])
        if !shape.isNone { try body(i, shape, node.column.box(rows[i]), test) }
      }
      return
    }
    let values = try from.values(tuples)
    for i in values.indices {
      guard case .geometry(let geometry) = values[i] else { continue }
      try body(i, .collection(geometry), geometry.box ?? .empty, test)
    }
  }

  private func search<Rows: Found>(
    _ shape: Shape, _ box: Box2, _ test: PairTest, _ found: inout Rows
  ) throws(QueryError) {
    if box.isEmpty { return }
    try token.check()
    var runs: [(rows: Range<Int>, isCertain: Bool)] = []
    var total = 0
    if case .within(_, let distance) = test {
      if !(distance >= 0) { return }
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
    if let points, total >= SearchJoin.manyCandidates, case .view(let view) = shape, view.dimension == 2,
      let wanted = PointRun.Wanted(test)
    {
      let locator = PolygonLocator(view, box: box)
      for (rows, _) in runs {
        try column.table.verifyGeometry(rows: rows)
        try points.forEach(rows, locator, wanted) { (row) throws(QueryError) in
          if let allowed, !allowed.contains(row) { return }
          try found.add(UInt32(truncatingIfNeeded: row))
        }
      }
      return
    }
    let geometry = column.table.geometry!
    var target: Target?
    if case .view(let view) = shape, view.kind == .point {
    } else if total >= SearchJoin.manyCandidates {
      target = Target(shape.geometry!)
    }
    for (rows, isCertain) in runs {
      if isCertain, allowed == nil {
        try found.add(rows)
        continue
      }
      if !isCertain { try column.table.verifyGeometry(rows: rows) }
      for row in rows {
        if let allowed, !allowed.contains(row) { continue }
        if !isCertain {
          if let target {
            if !(try test.holds(geometry.shape(row), target)) { continue }
          } else {
            if test.isRuledOut(geometry.box(row), box) { continue }
            if !(try test.holds(geometry.shape(row), shape)) { continue }
          }
        }
        try found.add(UInt32(truncatingIfNeeded: row))
      }
    }
  }
}

/// The coordinates of a layer in which each row that has a geometry is one point.
struct PointRun: @unchecked Sendable {
  private let geometry: GeometryStorage

  init?(_ table: Table) {
    // Only a layer of points keeps no boxes. Rows that were edited since lie elsewhere.
    guard let geometry = table.geometry, geometry.boxes == nil, geometry.patches == nil else { return nil }
    self.geometry = geometry
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
  }

  /// Calls `body` with the rows of a run, all of which have a point, that lie in the polygon as wanted.
  @inline(__always)
  func forEach(
    _ rows: Range<Int>, _ locator: borrowing PolygonLocator, _ wanted: Wanted, _ body: (Int) throws(QueryError) -> Void
  ) throws(QueryError) {
    for row in rows {
      let vertex = Int(geometry.ringOffsets[Int(geometry.partOffsets[Int(geometry.geometryOffsets[row])])])
      let place = locator.locate(geometry.xy[2 * vertex], geometry.xy[2 * vertex + 1])
      switch wanted {
      case .covered: if place == .outside { continue }
      case .inside: if place != .inside { continue }
      case .boundary: if place != .boundary { continue }
      }
      try body(row)
    }
  }
}
