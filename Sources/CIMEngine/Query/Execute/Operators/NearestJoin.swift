internal import SpatialIndex

/// Rows that can be the nearest ones, under an R-tree: those of a layer as they lie, or some rows with a tree of their own.
final class NearestCandidates: Sendable {
  let tree: PackedRTreeView<2>
  private let ownTree: PackedRTree<2>?
  /// By item of `ownTree`.
  private let rows: [UInt32]
  /// The geometry behind each item.
  private let shapeRows: [UInt32]
  private let column: ShapeColumn
  /// Whether metres are geodesic: in a database in degrees.
  let isGeodesic: Bool
  /// Whether each candidate is a single point.
  let arePoints: Bool

  /// All rows of a layer.
  init(table: Table, tree: PackedRTreeView<2>, isGeodesic: Bool = false) {
    self.isGeodesic = isGeodesic
    self.tree = tree
    ownTree = nil
    rows = []
    shapeRows = []
    column = ShapeColumn(table: table)
    // A layer of points keeps no boxes. Rows that were edited since may be anything.
    arePoints =
      table.geometry.map { geometry in
        if geometry.patches != nil { return false }
        if geometry.boxes == nil { return true }
        return table.rowCount <= 1 << 20 && (0..<table.rowCount).allSatisfy { geometry.isPointOrNone($0) }
      } ?? false
  }

  /// Some rows, with the rows of `table` that hold their geometry.
  init(rows: [UInt32], shapeRows: [UInt32], table: Table, isGeodesic: Bool = false) {
    self.isGeodesic = isGeodesic
    column = ShapeColumn(table: table)
    let column = column
    arePoints =
      table.geometry.map { geometry in
        if geometry.patches != nil { return false }
        return geometry.boxes == nil || shapeRows.allSatisfy { geometry.isPointOrNone(Int($0)) }
      } ?? false
    let made = PackedRTree(shapeRows.map { column.box($0) })
    ownTree = made
    tree = made.view
    self.rows = rows
    self.shapeRows = shapeRows
  }

  @inline(__always)
  func row(_ item: Int) -> UInt32 { ownTree == nil ? UInt32(truncatingIfNeeded: item) : rows[item] }

  /// Where a candidate lies that is a single point.
  @inline(__always)
  func place(_ item: Int) -> (x: Double, y: Double) {
    let box = column.box(UInt32(shapeRow(item)))
    return (box.min[0], box.min[1])
  }

  @inline(__always)
  private func shapeRow(_ item: Int) -> Int { ownTree == nil ? item : Int(shapeRows[item]) }

  /// The items as near as the `list.wanted` nearest, ties included, nearest first.
  func nearest(
    _ shape: Shape, _ box: Box2, within: Double, into list: inout NearestList
  ) {
    guard let geometry = column.table.geometry else { return }
    if case .view(let view) = shape, view.kind == .point {
      let (x, y) = (box.min[0], box.min[1])
      tree.nearest(to: box, within: within, into: &list) { item -> Double? in
        let row = shapeRow(item)
        guard let other = geometry.view(row) else {
          return PairTest.distance(shape, geometry.shape(row)).map { $0 * $0 }
        }
        if other.kind == .point, !other.isEmpty {
          let v = other.vertices.lowerBound
          let (dx, dy) = (other.xy[2 * v] - x, other.xy[2 * v + 1] - y)
          let metres = (dx * dx + dy * dy).squareRoot()
          return metres * metres
        }
        let metres = other.squaredDistance(toPoint: x, y).squareRoot()
        return metres * metres
      }
      return
    }
    tree.nearest(to: box, within: within, into: &list) { item -> Double? in
      // Squares of the rounded distance, so that what is shown as equal is a tie.
      PairTest.distance(shape, geometry.shape(shapeRow(item))).map { $0 * $0 }
    }
  }

  /// The items as near as the `count` nearest, ties included, in geodesic metres.
  ///
  /// - Throws: when fewer than `count` lie within ``Geodesic/reach``, others lie beyond, and `within` sets no limit.
  func geodesicNearest(
    _ shape: Shape, _ box: Box2, within: Double, count: Int
  ) throws(QueryError) -> [(metres: Double, row: UInt32)] {
    let limit = within.isFinite ? try GeodesicMeasure.checked(within) : Geodesic.reach
    let found = try GeodesicMeasure.nearest(tree, to: box, count: count, within: limit) { (item) throws(QueryError) in
      try GeodesicMeasure.metres(shape, column.shape(UInt32(shapeRow(item))))
    }
    if found.count < count, !within.isFinite {
      var all = 0
      tree.forEach(meeting: tree.bounds) { _ in all += 1 }
      if found.count < all {
        throw GeodesicMeasure.tooFar("only \(found.count) of the \(count) nearest lie that near")
      }
    }
    return found.map { ($0.metres, row($0.item)) }
  }
}

/// The nearest rows of the joined source: k of them, ties decided by id, in the order (distance, id).
final class NearestJoin: JoinStage, @unchecked Sendable {
  let from: GeometryNode
  let count: Int
  let within: Node?
  let candidates: NearestCandidates
  let ids: IDOrder
  let slot: Int?
  let token: CancellationToken
  /// The rows of `from` when all of them are points.
  private let points: PointRun?

  init(
    source: Int, isLeft: Bool, from: GeometryNode, count: Int, within: Node?, candidates: NearestCandidates,
    ids: IDOrder, slot: Int?, token: CancellationToken
  ) {
    self.from = from
    self.count = count
    self.within = within
    self.candidates = candidates
    self.ids = ids
    self.slot = slot
    self.token = token
    points = PointRun(from.column.table).flatMap { $0.count > 0 ? $0 : nil }
    super.init(source: source, isLeft: isLeft, conditions: [])
  }

  override var measuredSlot: Int? { slot }

  override func match(_ tuples: Tuples, _ pairs: Pairs) throws(QueryError) {
    let rows = try from.rows(tuples)
    if candidates.arePoints, !candidates.isGeodesic, count > 0, count <= NearestGroup.capacity / 4 {
      if within == nil { return try matchGroups(rows, within: .infinity, pairs) }
      if let limit = within?.constant {
        guard let metres = limit.number, metres >= 0 else { return }
        return try matchGroups(rows, within: metres, pairs)
      }
    }
    try matchEach(rows, limits: try within?.values(tuples), first: 0, .infinity, pairs)
  }

  /// Neighbouring rows share a search. They come along the Hilbert curve where the source's order is kept; where it is
  /// not, groups shrink until each row searches for itself.
  private func matchGroups(_ rows: [UInt32], within limit: Double, _ pairs: Pairs) throws(QueryError) {
    var list = NearestList(count: min(count, candidates.tree.count))
    let group = NearestGroup()
    var found: [(metres: Double, row: UInt32)] = []
    guard let geometry = from.column.table.geometry else { return }
    var size = 32
    var start = 0
    while start < rows.count {
      try token.check()
      let end = min(rows.count, start + size)
      var box = Box2.empty
      if let points {
        for i in start..<end where Int(rows[i]) < points.count {
          let (x, y) = points.place(Int(rows[i]))
          if x < box.min[0] { box.min[0] = x }
          if y < box.min[1] { box.min[1] = y }
          if x > box.max[0] { box.max[0] = x }
          if y > box.max[1] { box.max[1] = y }
        }
      } else {
        for i in start..<end where rows[i] != Tuples.none { box = box.union(geometry.box(Int(rows[i]))) }
      }
      if box.isEmpty {
        start = end
        continue
      }
      if group.take(candidates, box, within: limit, &list) {
        for i in start..<end {
          if let points {
            if Int(rows[i]) < points.count { try match(i, points.place(Int(rows[i])), group, limit, &found, pairs) }
            continue
          }
          guard case .view(let view) = from.column.shape(rows[i]), !view.isEmpty else {
            if case .collection = from.column.shape(rows[i]) {
              try matchEach([rows[i]], limits: nil, first: i, limit, pairs)
            }
            continue
          }
          group.nearest(to: view, geometry.box(Int(rows[i])), wanted: count, within: limit, into: &found)
          try add(i, &found, pairs)
        }
        start = end
        if group.count < 12, size < 256 { size *= 2 }
      } else if end - start > 1 {
        size = max(1, size / 4)
      } else {
        try matchEach([rows[start]], limits: nil, first: start, limit, pairs)
        start = end
        if start & 31 == 0 { size = 4 }
      }
    }
  }

  /// A row that is a point.
  @inline(__always)
  private func match(
    _ i: Int, _ place: (x: Double, y: Double), _ group: NearestGroup, _ limit: Double,
    _ found: inout [(metres: Double, row: UInt32)], _ pairs: Pairs
  ) throws(QueryError) {
    if count == 1 {
      switch group.nearest(toPoint: place.x, place.y, within: limit) {
      case .none: return
      case .one(let metres, let row): return try pairs.add(i, row, metres: metres)
      case .tied: break
      }
    }
    let box = Box2(place.x, place.y, place.x, place.y)
    group.nearest(to: nil, box, wanted: count, within: limit, into: &found)
    try add(i, &found, pairs)
  }

  private func add(
    _ i: Int, _ found: inout [(metres: Double, row: UInt32)], _ pairs: Pairs
  ) throws(QueryError) {
    if found.count > 1 { try ids.sortNearest(&found) }
    for one in found.prefix(count) { try pairs.add(i, one.row, metres: one.metres) }
  }

  /// Each row for itself: for candidates that are no points, and for distances that differ from row to row.
  ///
  /// - Parameters:
  ///   - first: the position of `rows[0]` in the batch.
  ///   - bound: metres, for all rows.
  private func matchEach(
    _ rows: [UInt32], limits: [Value]?, first: Int, _ bound: Double, _ pairs: Pairs
  ) throws(QueryError) {
    var list = NearestList(count: count, withTies: true)
    var found: [(metres: Double, row: UInt32)] = []
    for i in rows.indices {
      let shape = from.column.shape(rows[i])
      let box = from.column.box(rows[i])
      if shape.isNone || box.isEmpty { continue }
      if i & 63 == 0 { try token.check() }
      var limit = bound
      if let limits {
        guard let metres = limits[i].number, metres >= 0 else { continue }
        limit = metres
      }
      if candidates.isGeodesic {
        var near = try candidates.geodesicNearest(shape, box, within: limit, count: count)
        try ids.sortNearest(&near)
        for one in near.prefix(count) { try pairs.add(i, one.row, metres: one.metres) }
        continue
      }
      candidates.nearest(shape, box, within: limit, into: &list)
      found.removeAll(keepingCapacity: true)
      for position in 0..<list.count {
        let metres = list[position].squaredDistance.squareRoot()
        if metres > limit { continue }
        found.append((metres, candidates.row(list[position].item)))
      }
      try ids.sortNearest(&found)
      for one in found.prefix(count) { try pairs.add(first + i, one.row, metres: one.metres) }
    }
  }
}

extension GeometryStorage {
  /// Whether a row is a single point, or has no geometry.
  func isPointOrNone(_ row: Int) -> Bool {
    kinds[row] == GeometryKind.point.rawValue || kinds[row] == 0
  }
}

/// The order of a table's rows by id (code points); by row number where a table has no ids.
struct IDOrder: Sendable {
  let table: Table
  private let column: Int?

  init(_ table: Table) {
    self.table = table
    column = table.idColumn
  }

  /// Makes sure that the ids of some rows can be read.
  func verify(_ rows: [UInt32]) throws(QueryError) {
    if let column { try table.verify(column, rows: rows, mayBeNone: true) }
  }

  func precedes(_ a: UInt32, _ b: UInt32) -> Bool {
    guard let column else { return a < b }
    let order = table.compareText(column: column, a, b)
    return order != 0 ? order < 0 : a < b
  }

  /// Sorts by (distance, id). Distances come in order already; only ties need their ids.
  func sortNearest(_ found: inout [(metres: Double, row: UInt32)]) throws(QueryError) {
    var hasTies = false
    for i in 1..<max(1, found.count) where !(found[i - 1].metres < found[i].metres) {
      hasTies = true
      break
    }
    if hasTies {
      try verify(found.map(\.row))
      found.sort { $0.metres != $1.metres ? $0.metres < $1.metres : precedes($0.row, $1.row) }
    }
  }
}

extension Table {
  /// Compares a text column at two rows by code point; NULL sorts last, other types by row.
  func compareText(column: Int, _ a: UInt32, _ b: UInt32) -> Int {
    switch columns[column] {
    case .text(let c):
      let (x, y) = (c.validity[Int(a)], c.validity[Int(b)])
      if x && y { return compareBytes(c.utf8(Int(a)), c.utf8(Int(b))) }
      return (x ? 0 : 1) - (y ? 0 : 1)
    case .dictionary(let c):
      let (x, y) = (c.validity[Int(a)], c.validity[Int(b)])
      if x && y { return Int(c.code(Int(a))) - Int(c.code(Int(b))) }
      return (x ? 0 : 1) - (y ? 0 : 1)
    default: return a < b ? -1 : a == b ? 0 : 1
    }
  }
}
