internal import SpatialIndex

extension Execution {
  /// NEAREST k TO … BY ROAD: rows that pass the source's conditions, looked at by straight distance, which is never
  /// more than that by road, until no row left can be among the nearest.
  func nearestByRoad(_ nearest: BoundNearest, _ road: BoundRoad, within limit: Double) throws(QueryError) -> Tuples {
    let relation = scope.relations[0]
    guard let path = relation.geometryPath else {
      throw QueryError(.invalid("`\(relation.name)` has no geometry to measure from"))
    }
    let token = executor.token
    var tuples = Tuples(sourceCount: find.sources.count, distanceCount: find.distances.count)
    guard limit >= 0, nearest.count > 0 else { return tuples }
    let features = try compiler.features(of: nearest.reference)
    let graph = try scope.roads.graph(road, compiler)
    let field = try RoadField(graph, features, bound: limit, road, scope.roads, token)
    let geometry = try GeometryNode(source: 0, steps: path, scope: scope)
    let rows = try scan(0).allRows(threads: executor.threads, token: token)
    let ids = IDOrder(relation.table)

    // A lower bound of each row's distance, from its box to the reference's.
    let box = features.bounds
    var order: [(bound: Double, row: UInt32, shape: UInt32)] = []
    order.reserveCapacity(rows.count)
    try token.use(bytes: rows.count * 16)
    for start in stride(from: 0, to: rows.count, by: 1024) {
      try token.check()
      let slice = Array(rows[start..<min(start + 1024, rows.count)])
      var piece = Tuples(sourceCount: find.sources.count, distanceCount: find.distances.count)
      piece.count = slice.count
      piece.rows[0] = slice
      let shapes = try geometry.rows(piece)
      for i in slice.indices {
        let own = geometry.column.box(shapes[i])
        if own.isEmpty { continue }
        order.append((own.squaredDistance(to: box).squareRoot(), slice[i], shapes[i]))
      }
    }
    try token.check()
    order.sort { ($0.bound, $0.row) < ($1.bound, $1.row) }

    var found: [(metres: Double, row: UInt32)] = []
    var unreachable = 0
    var worst = limit
    for (i, candidate) in order.enumerated() {
      if i & 255 == 0 { try token.check() }
      if candidate.bound * (1 - 0x1p-30) > worst { break }
      let metres = field.metres(to: geometry.column.shape(candidate.shape))
      if !metres.isFinite {
        unreachable += 1
        continue
      }
      guard metres <= worst else { continue }
      found.append((metres, candidate.row))
      if found.count >= max(64, 4 * nearest.count) || (found.count >= nearest.count && worst == limit) {
        found.sort { $0.metres < $1.metres }
        worst = min(limit, found[nearest.count - 1].metres)
        found.removeAll { $0.metres > worst }
      }
    }
    try ids.verify(found.map(\.row))
    found.sort { $0.metres != $1.metres ? $0.metres < $1.metres : ids.precedes($0.row, $1.row) }
    if found.count > nearest.count {
      let last = found[nearest.count - 1].metres
      if nearest.withTies {
        found.removeAll { $0.metres > last }
      } else {
        found.removeLast(found.count - nearest.count)
      }
    }
    if unreachable > 0, limit == .infinity {
      scope.roads.note(
        "\(unreachable) of `\(relation.name)` cannot be reached by road from there"
          + (found.count < nearest.count ? "" : ", though nearer in a straight line") + ", and are left out")
    }
    tuples.count = found.count
    tuples.rows[0] = found.map(\.row)
    for (slot, distance) in find.distances.enumerated() {
      if case .nearest = distance.measure { tuples.distances[slot] = found.map(\.metres) }
    }
    return tuples
  }
}
