/// Distances by road from points to targets, for ALLOCATE.
struct RoadColumns: CostColumns {
  let graph: RoadGraph
  let x: [Double]
  let y: [Double]
  let points: [RoadTie]
  let targets: [RoadTie]
  let limits: [Double]
  let token: CancellationToken

  var targetCount: Int { targets.count }
  func makeWorker() -> any CostColumnWorker { Worker(columns: self, search: RoadSearch(graph)) }

  func restricted(to chosen: [UInt32]) -> any CostColumns {
    RoadColumns(
      graph: graph, x: chosen.map { x[Int($0)] }, y: chosen.map { y[Int($0)] }, points: chosen.map { points[Int($0)] },
      targets: targets, limits: limits, token: token)
  }

  private struct Worker: CostColumnWorker {
    let columns: RoadColumns
    let search: RoadSearch

    mutating func fill(_ target: Int, _ metres: UnsafeMutablePointer<Double>) throws(QueryError) {
      try search.run(from: columns.targets[target].places, bound: columns.limits[target], token: columns.token)
      for i in 0..<columns.points.count {
        metres[i] = search.metres(to: columns.points[i])
      }
    }
  }
}

extension RoadGraph {
  /// Where places meet the network, and how far the farthest of them lies from it.
  func places(_ x: [Double], _ y: [Double], token: CancellationToken) throws(QueryError)
    -> (places: [RoadTie], unreached: Int, farthest: Double)
  {
    var result: [RoadTie] = []
    result.reserveCapacity(x.count)
    var unreached = 0
    var farthest = 0.0
    for i in x.indices {
      if i & 1023 == 0 { try token.check() }
      let tie = tie(x[i], y[i])
      if let nearest = tie.nearest { farthest = max(farthest, nearest.offset) } else { unreached += 1 }
      result.append(tie)
    }
    return (result, unreached, farthest)
  }
}
