/// Distances by road from points to targets, for ALLOCATE.
struct RoadColumns: CostColumns {
  let graph: RoadGraph
  let points: [RoadPlace?]
  let targets: [RoadPlace?]
  let limits: [Double]
  let token: CancellationToken

  var pointCount: Int { points.count }
  var targetCount: Int { targets.count }
  func makeWorker() -> any CostColumnWorker { Worker(columns: self, search: RoadSearch(graph)) }

  private struct Worker: CostColumnWorker {
    let columns: RoadColumns
    let search: RoadSearch

    mutating func fill(_ target: Int, _ metres: UnsafeMutablePointer<Double>) throws(QueryError) {
      guard let place = columns.targets[target] else {
        for i in 0..<columns.points.count { metres[i] = .infinity }
        return
      }
      try search.run(from: [place], bound: columns.limits[target], token: columns.token)
      for i in 0..<columns.points.count {
        metres[i] = columns.points[i].map { search.metres(to: $0) } ?? .infinity
      }
    }
  }
}

extension RoadGraph {
  /// Where places meet the network, and how far the farthest of them lies from it.
  func places(_ x: [Double], _ y: [Double], token: CancellationToken) throws(QueryError)
    -> (places: [RoadPlace?], unreached: Int, farthest: Double)
  {
    var result: [RoadPlace?] = []
    result.reserveCapacity(x.count)
    var unreached = 0
    var farthest = 0.0
    for i in x.indices {
      if i & 1023 == 0 { try token.check() }
      let place = place(x[i], y[i])
      if let place { farthest = max(farthest, place.offset) } else { unreached += 1 }
      result.append(place)
    }
    return (result, unreached, farthest)
  }
}
