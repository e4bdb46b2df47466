internal import SpatialIndex

/// Rows near or meeting the geometry of what is joined so far, through the joined source's R-tree, or through cells of its
/// polygons where very many points ask.
final class SearchJoin: JoinStage, @unchecked Sendable {
  let from: Node
  let allowed: RowSet?
  let token: CancellationToken
  private let search: RowSearch
  /// Answers instead of `search` where very many points ask.
  let cells: PolygonCellJoin?

  /// - Parameters:
  ///   - search: with the test from the joined row to what is there.
  ///   - cells: answers the same for the points of `from`.
  init(
    source: Int, isLeft: Bool, conditions: [Node], from: Node, search: RowSearch, cells: PolygonCellJoin?,
    allowed: RowSet?, token: CancellationToken
  ) {
    self.from = from
    self.search = search
    self.cells = cells
    self.allowed = allowed
    self.token = token
    super.init(source: source, isLeft: isLeft, conditions: conditions)
  }

  /// Pairs made of the rows found for one row.
  private struct PairMaker: FoundRows {
    let pairs: Pairs
    let allowed: RowSet?
    var origin = 0

    @inline(__always)
    func isSettled(_ row: Int) -> Bool { allowed.map { !$0.contains(row) } ?? false }
    @inline(__always)
    mutating func add(_ row: UInt32) throws(QueryError) { try pairs.add(origin, row) }
    mutating func add(_ rows: Range<Int>) throws(QueryError) {
      for row in rows where !isSettled(row) { try pairs.add(origin, UInt32(truncatingIfNeeded: row)) }
    }
  }

  /// The rows found for one row only counted.
  private struct Counter: FoundRows {
    let allowed: RowSet?
    var count = 0

    @inline(__always)
    func isSettled(_ row: Int) -> Bool { allowed.map { !$0.contains(row) } ?? false }
    @inline(__always)
    mutating func add(_ row: UInt32) { count &+= 1 }
    mutating func add(_ rows: Range<Int>) { count += allowed?.count(in: rows) ?? rows.count }
  }

  override func match(_ tuples: Tuples, _ pairs: Pairs) throws(QueryError) {
    var maker = PairMaker(pairs: pairs, allowed: allowed)
    try forEachRow(tuples, &maker) { (origin, maker) in
      maker.origin = origin
    } end: { _, _ in
    }
  }

  /// How many rows of the joined source match each row of a batch.
  func counts(_ tuples: Tuples) throws(QueryError) -> [Int] {
    var result = Array(repeating: 0, count: tuples.count)
    var counter = Counter(allowed: allowed)
    try forEachRow(tuples, &counter) { (_, counter) in
      counter.count = 0
    } end: { (origin, counter) in
      result[origin] = counter.count
    }
    return result
  }

  /// Finds the rows for each row of a batch that has a geometry.
  private func forEachRow<Found: FoundRows>(
    _ tuples: Tuples, _ found: inout Found, _ begin: (Int, inout Found) -> Void, end: (Int, inout Found) -> Void
  ) throws(QueryError) {
    if let node = from as? GeometryNode {
      let rows = try node.rows(tuples)
      if let cells {
        try token.check()
        for i in rows.indices where Int(rows[i]) < cells.points.count {
          begin(i, &found)
          try cells.find(Int(rows[i]), into: &found)
          end(i, &found)
        }
        return
      }
      for i in rows.indices {
        let shape = node.column.shape(rows[i])
        if shape.isNone { continue }
        try token.check()
        begin(i, &found)
        try search.find(shape, node.column.box(rows[i]), into: &found)
        end(i, &found)
      }
      return
    }
    let values = try from.values(tuples)
    for i in values.indices {
      guard case .geometry(let geometry) = values[i] else { continue }
      try token.check()
      begin(i, &found)
      try search.find(.collection(geometry), geometry.box ?? .empty, into: &found)
      end(i, &found)
    }
  }
}

/// The polygons of a joined source as cells, for a source of very many points (``PointsInPolygons``).
struct PolygonCellJoin: Sendable {
  /// Valid as long as the table of the points lives, which the join's `from` holds.
  let points: PointRun
  private let polygons: PointsInPolygons
  private let wanted: PointRun.Wanted

  /// Layers with more vertices than this are searched row by row, as building cells for them cannot be stopped.
  private static let mostVertices = 2_000_000

  /// nil when it would not pay or does not answer the condition.
  ///
  /// - Parameters:
  ///   - test: from a point to a polygon.
  ///   - rows: about how many points will ask.
  init?(
    _ from: Node, to table: Table, test: PairTest, rows: Double, threads: Int, token: CancellationToken
  ) throws(QueryError) {
    guard let node = from as? GeometryNode, let points = PointRun(node.column.table),
      let wanted = PointRun.Wanted(test), let geometry = table.geometry, geometry.boxes != nil, table.rowCount > 0
    else { return nil }
    guard rows >= Double(table.rowCount) else { return nil }
    try table.verifyGeometry()
    var vertices = 0
    for row in 0..<table.rowCount { if let view = geometry.view(row) { vertices += view.vertices.count } }
    guard vertices <= Self.mostVertices, 4 * rows >= Double(vertices) else { return nil }
    // Cells and records, as measured.
    let bytes = 160 * vertices
    do throws(QueryError) { try token.use(bytes: bytes) } catch {
      try token.use(bytes: -bytes)
      return nil
    }
    let made = PointsInPolygons(geometry, workers: .threads(threads))
    guard made.otherRows.isEmpty else {
      try token.use(bytes: -bytes)
      return nil
    }
    polygons = made
    self.points = points
    self.wanted = wanted
  }

  @inline(__always)
  func find<Found: FoundRows>(_ row: Int, into found: inout Found) throws(QueryError) {
    let (x, y) = points.place(row)
    var failure: QueryError?
    polygons.forEachPlace(x, y) { polygon, isInside in
      guard failure == nil, wanted.accepts(isInside ? .inside : .boundary), !found.isSettled(Int(polygon)) else {
        return
      }
      do throws(QueryError) { try found.add(polygon) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
