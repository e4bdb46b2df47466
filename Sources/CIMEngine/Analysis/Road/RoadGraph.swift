internal import SpatialIndex

/// The street network: nodes, edges with their shapes, and an index of their segments.
final class RoadGraph: Sendable {
  /// A place farther than this from every street is not reached by road, in metres.
  static let reachMetres = 1_000.0

  /// How far a place beside a street without connection may go straight to one of the main network, in metres.
  static let bridgedMetres = 100.0

  let edges: RoadEdges
  let length: [Double]
  /// By node: its edges are `adjacent[adjacentStart[n]..<adjacentStart[n + 1]]`.
  let adjacentStart: [UInt32]
  let adjacent: [Way]
  private let segmentEdge: [UInt32]
  private let segmentVertex: [UInt32]
  /// Metres from the start of the edge to that of the segment.
  private let segmentOffset: [Double]
  private let tree: PackedRTree<2>

  struct Way: Sendable {
    var node: UInt32
    var metres: Double
  }

  init(_ edges: RoadEdges) {
    self.edges = edges
    var length: [Double] = []
    var boxes: [Box2] = []
    var segmentEdge: [UInt32] = []
    var segmentVertex: [UInt32] = []
    var segmentOffset: [Double] = []
    for e in 0..<edges.count {
      var sum = 0.0
      for v in Int(edges.start[e])..<Int(edges.start[e + 1]) - 1 {
        let (ax, ay, bx, by) = (edges.xy[2 * v], edges.xy[2 * v + 1], edges.xy[2 * v + 2], edges.xy[2 * v + 3])
        boxes.append(Box2(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)))
        segmentEdge.append(UInt32(e))
        segmentVertex.append(UInt32(v))
        segmentOffset.append(sum)
        sum += ((bx - ax) * (bx - ax) + (by - ay) * (by - ay)).squareRoot()
      }
      length.append(sum)
    }
    var start = [UInt32](repeating: 0, count: edges.nodeCount + 1)
    for e in 0..<edges.count {
      start[Int(edges.from[e]) + 1] += 1
      start[Int(edges.to[e]) + 1] += 1
    }
    for n in 0..<edges.nodeCount { start[n + 1] += start[n] }
    var fill = start
    var adjacent = [Way](repeating: Way(node: 0, metres: 0), count: 2 * edges.count)
    for e in 0..<edges.count {
      for (a, b) in [(edges.from[e], edges.to[e]), (edges.to[e], edges.from[e])] {
        adjacent[Int(fill[Int(a)])] = Way(node: b, metres: length[e])
        fill[Int(a)] += 1
      }
    }
    self.length = length
    (adjacentStart, self.adjacent) = (start, adjacent)
    (self.segmentEdge, self.segmentVertex, self.segmentOffset) = (segmentEdge, segmentVertex, segmentOffset)
    tree = PackedRTree(boxes)
  }

  var nodeCount: Int { edges.nodeCount }
  var edgeCount: Int { edges.count }
  var byteCount: Int { edges.xy.count * 8 + segmentEdge.count * 56 + adjacent.count * 16 + nodeCount * 4 }

  /// The point of the network nearest to (x, y), on an edge as well as at a node; nil when there is none within
  /// ``reachMetres``.
  func place(_ x: Double, _ y: Double) -> RoadPlace? { place(x, y, within: Self.reachMetres, mainOnly: false) }

  /// How a place is tied to the network: to the nearest street, and where that one has no way to the main part of all streets,
  /// to the nearest street of that part as well, when it is within ``bridgedMetres``.
  func tie(_ x: Double, _ y: Double) -> RoadTie {
    guard let nearest = place(x, y) else { return RoadTie() }
    guard edges.isApart[Int(nearest.edge)] else { return RoadTie(nearest: nearest) }
    return RoadTie(nearest: nearest, main: place(x, y, within: Self.bridgedMetres, mainOnly: true))
  }

  private func place(_ x: Double, _ y: Double, within reach: Double, mainOnly: Bool) -> RoadPlace? {
    let nearest = tree.view.nearest(to: Box2(x, y, x, y), count: 1, within: reach) { item -> Double? in
      mainOnly && edges.isApart[Int(segmentEdge[item])] ? nil : project(x, y, item).squared
    }
    guard let found = nearest.first else { return nil }
    let metres = found.squaredDistance.squareRoot()
    guard metres <= reach else { return nil }
    let v = Int(segmentVertex[found.item])
    let (dx, dy) = (edges.xy[2 * v + 2] - edges.xy[2 * v], edges.xy[2 * v + 3] - edges.xy[2 * v + 1])
    let along = segmentOffset[found.item] + project(x, y, found.item).t * (dx * dx + dy * dy).squareRoot()
    let edge = segmentEdge[found.item]
    return RoadPlace(edge: edge, along: min(along, length[Int(edge)]), offset: metres)
  }

  private func project(_ x: Double, _ y: Double, _ segment: Int) -> (t: Double, squared: Double) {
    let v = 2 * Int(segmentVertex[segment])
    return projection(x, y, edges.xy[v], edges.xy[v + 1], edges.xy[v + 2], edges.xy[v + 3])
  }
}

/// The streets that a place is tied to.
struct RoadTie: Sendable {
  var nearest: RoadPlace?
  /// Of the main network, where the nearest is not.
  var main: RoadPlace?

  var places: [RoadPlace] { [nearest, main].compactMap { $0 } }
}

/// Where a place meets the network.
struct RoadPlace: Sendable, Equatable {
  var edge: UInt32
  /// Metres along the edge from its first node.
  var along: Double
  /// Metres straight from the place to the street.
  var offset: Double

  /// Where a geometry stands for walking: a point itself; of anything larger its centroid, or the point of it that is
  /// nearest to its centroid where that lies outside. Nil when empty.
  static func point(of geometry: Geometry) -> (x: Double, y: Double)? {
    if geometry.kind == .point { return geometry.isEmpty ? nil : (geometry.xy[0], geometry.xy[1]) }
    guard let centroid = geometry.centroid else { return nil }
    let (x, y) = geometry.nearestPoint(toX: centroid.x, y: centroid.y)
    return x.isFinite && y.isFinite ? (x, y) : nil
  }
}

/// Walking distances from one or several places to everywhere, by Dijkstra's algorithm. Reused from search to search by
/// one thread, or kept as an answer that is only read.
final class RoadSearch: @unchecked Sendable {
  let graph: RoadGraph
  private var metres: [Double]
  private var touched: [UInt32] = []
  private var heap: [(metres: Double, node: UInt32)] = []
  /// The places searched from, by edge.
  private var origins: [UInt32: [RoadPlace]] = [:]
  /// What lies farther has not been looked at.
  private(set) var bound = 0.0

  init(_ graph: RoadGraph) {
    self.graph = graph
    metres = Array(repeating: .infinity, count: graph.nodeCount)
  }

  /// Searches outwards from all of `places` at once, as far as `bound` metres.
  func run(from places: [RoadPlace], bound: Double = .infinity, token: CancellationToken?) throws(QueryError) {
    for node in touched { metres[Int(node)] = .infinity }
    touched.removeAll(keepingCapacity: true)
    heap.removeAll(keepingCapacity: true)
    origins.removeAll(keepingCapacity: true)
    self.bound = bound
    for place in places {
      origins[place.edge, default: []].append(place)
      let e = Int(place.edge)
      reach(graph.edges.from[e], place.offset + place.along)
      reach(graph.edges.to[e], place.offset + graph.length[e] - place.along)
    }
    var settled = 0
    while let (distance, node) = pop() {
      if distance > metres[Int(node)] { continue }
      if distance > bound { break }
      settled += 1
      if settled & 4095 == 0, let token { try token.check() }
      for i in Int(graph.adjacentStart[Int(node)])..<Int(graph.adjacentStart[Int(node) + 1]) {
        let way = graph.adjacent[i]
        let through = distance + way.metres
        if through < metres[Int(way.node)] { reach(way.node, through) }
      }
    }
  }

  /// Metres on foot to a place; infinity when it is not connected, or farther than the bound of the search.
  func metres(to place: RoadPlace) -> Double {
    let e = Int(place.edge)
    var best = min(
      metres[Int(graph.edges.from[e])] + place.along, metres[Int(graph.edges.to[e])] + graph.length[e] - place.along)
    if let same = origins[place.edge] {
      for origin in same { best = min(best, origin.offset + abs(origin.along - place.along)) }
    }
    let total = best + place.offset
    return total <= bound ? total : .infinity
  }

  /// The least of the ways by the streets that a place is tied to.
  func metres(to tie: RoadTie) -> Double {
    min(tie.nearest.map { metres(to: $0) } ?? .infinity, tie.main.map { metres(to: $0) } ?? .infinity)
  }

  private func reach(_ node: UInt32, _ distance: Double) {
    if distance >= metres[Int(node)] { return }
    if metres[Int(node)] == .infinity { touched.append(node) }
    metres[Int(node)] = distance
    heap.append((distance, node))
    var i = heap.count - 1
    while i > 0 {
      let above = (i - 1) / 2
      if heap[above].metres <= distance { break }
      heap[i] = heap[above]
      i = above
    }
    heap[i] = (distance, node)
  }

  private func pop() -> (Double, UInt32)? {
    guard let top = heap.first else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return (top.metres, top.node) }
    var i = 0
    while true {
      var child = 2 * i + 1
      if child >= heap.count { break }
      if child + 1 < heap.count, heap[child + 1].metres < heap[child].metres { child += 1 }
      if last.metres <= heap[child].metres { break }
      heap[i] = heap[child]
      i = child
    }
    heap[i] = last
    return (top.metres, top.node)
  }
}
