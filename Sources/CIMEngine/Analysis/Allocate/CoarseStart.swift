internal import SpatialIndex

/// Prices of places to start a large problem from: those of a problem a sixteenth as large, in which neighbouring sources
/// stand together at one of their points. It is solved in the same way, so a problem of millions starts from one of
/// thousands.
///
/// Prices tell which pairs matter. The nearest places of a source do not where room is short: everybody near them wants
/// those, and the pairs that the optimum uses lead past them. The start changes nothing of the result, which is proved
/// over all pairs; it only saves the passes and pivots that find the prices from nothing.
struct CoarseStart {
  /// Of a place at each target, in micrometres; 0 where places stay free.
  let prices: [Int64]
  /// A source that no target is worth less to stays where it is.
  let staying: Int64

  /// How many sources stand together.
  static let factor = 16

  init(
    _ sources: DemandSources, capacity: [Int64], _ columns: any CostColumns, largest: Int, threads: Int,
    token: CancellationToken
  ) throws(QueryError) {
    var places: [Double] = []
    places.reserveCapacity(2 * sources.count)
    for s in 0..<sources.count {
      let point = Int(sources.points[sources.start[s]])
      places.append(columns.x[point])
      places.append(columns.y[point])
    }
    let order = places.withUnsafeBufferPointer { HilbertOrder.order(ofPoints: $0) }
    var coarse = DemandSources()
    var points: [UInt32] = []
    for from in stride(from: 0, to: order.count, by: Self.factor) {
      let members = order[from..<min(from + Self.factor, order.count)]
      let middle = Int(members[members.startIndex + members.count / 2])
      coarse.append(
        demand: members.reduce(0) { $0 + sources.demand[Int($1)] }, points: [(UInt32(points.count), 1)])
      points.append(sources.points[sources.start[middle]])
    }
    let solved = try Distribution.solve(
      coarse, capacity: capacity, columns.restricted(to: points), largest: largest, threads: threads, token: token)
    prices = capacity.indices.map { -solved.simplex.targetPotential($0) }
    staying = solved.simplex.big
  }
}
