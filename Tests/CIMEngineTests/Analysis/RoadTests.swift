import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// All pairs of nodes by Floyd and Warshall, and places by going through every edge.
struct RoadOracle {
  let graph: RoadGraph
  private var metres: [[Double]]

  init(_ graph: RoadGraph) {
    self.graph = graph
    let n = graph.nodeCount
    metres = Array(repeating: Array(repeating: .infinity, count: n), count: n)
    for i in 0..<n { metres[i][i] = 0 }
    for e in 0..<graph.edgeCount {
      let (a, b) = (Int(graph.edges.from[e]), Int(graph.edges.to[e]))
      var length = 0.0
      for v in Int(graph.edges.start[e])..<Int(graph.edges.start[e + 1]) - 1 {
        let (dx, dy) = (
          graph.edges.xy[2 * v + 2] - graph.edges.xy[2 * v], graph.edges.xy[2 * v + 3] - graph.edges.xy[2 * v + 1]
        )
        length += (dx * dx + dy * dy).squareRoot()
      }
      metres[a][b] = min(metres[a][b], length)
      metres[b][a] = metres[a][b]
    }
    for k in 0..<n {
      for i in 0..<n { for j in 0..<n { metres[i][j] = min(metres[i][j], metres[i][k] + metres[k][j]) } }
    }
  }

  /// The nearest point of the network by looking at every segment.
  func offset(_ x: Double, _ y: Double) -> Double {
    var best = Double.infinity
    for e in 0..<graph.edgeCount {
      for v in Int(graph.edges.start[e])..<Int(graph.edges.start[e + 1]) - 1 {
        let s = graph.edges.xy
        best = min(best, projection(x, y, s[2 * v], s[2 * v + 1], s[2 * v + 2], s[2 * v + 3]).squared)
      }
    }
    return best.squareRoot()
  }

  func walk(_ p: RoadPlace, _ q: RoadPlace) -> Double {
    func ends(_ place: RoadPlace) -> [(Int, Double)] {
      let e = Int(place.edge)
      return [
        (Int(graph.edges.from[e]), place.along), (Int(graph.edges.to[e]), graph.length[e] - place.along),
      ]
    }
    var best = p.edge == q.edge ? abs(p.along - q.along) : .infinity
    for (a, first) in ends(p) { for (b, last) in ends(q) { best = min(best, first + metres[a][b] + last) } }
    return p.offset + best + q.offset
  }
}

@Suite("Streets")
struct RoadTests {
  /// Lines between points of a lattice, so that they share vertices, ends and stretches.
  static func lines(_ seed: UInt64, count: Int) -> [[Double]] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      (0..<Int.random(in: 2...5, using: &random)).flatMap { _ in
        [
          Double(Int.random(in: 0...6, using: &random)) * 100, Double(Int.random(in: 0...6, using: &random)) * 100,
        ]
      }
    }
  }

  static func places(_ graph: RoadGraph, _ random: inout SplitMix64, count: Int) -> [RoadPlace] {
    (0..<count).compactMap { _ in
      graph.place(Double.random(in: -50...650, using: &random), Double.random(in: -50...650, using: &random))
    }
  }

  @Test("walks equal those of Floyd and Warshall, from edge to edge", arguments: 1...8 as ClosedRange<UInt64>)
  func walks(seed: UInt64) throws {
    let graph = RoadGraph(RoadEdges(lines: Self.lines(seed, count: 9)))
    let oracle = RoadOracle(graph)
    var random = SplitMix64(seed: seed &* 31)
    let places = Self.places(graph, &random, count: 24)
    let search = RoadSearch(graph)
    for origin in places {
      try search.run(from: [origin], token: nil)
      for place in places {
        let (found, wanted) = (search.metres(to: place), oracle.walk(origin, place))
        #expect(found == wanted || abs(found - wanted) < 1e-6)
      }
      try search.run(from: [origin], bound: 300, token: nil)
      for place in places {
        let (found, wanted) = (search.metres(to: place), oracle.walk(origin, place))
        if wanted < 300 - 1e-6 { #expect(abs(found - wanted) < 1e-6) }
        if wanted > 300 + 1e-6 { #expect(found == .infinity) }
      }
    }
    for _ in 0..<50 {
      let (x, y) = (Double.random(in: -300...900, using: &random), Double.random(in: -300...900, using: &random))
      #expect(abs(graph.place(x, y)!.offset - oracle.offset(x, y)) < 1e-9)
    }
    try search.run(from: Array(places.prefix(3)), token: nil)
    for place in places {
      let wanted = places.prefix(3).map { oracle.walk($0, place) }.min()!
      #expect(search.metres(to: place) == wanted || abs(search.metres(to: place) - wanted) < 1e-6)
    }
  }

  @Test(
    "SciPy walks as far", .enabled(if: OtherPrograms.hasPython("scipy"), "SciPy is not installed"))
  func scipy() throws {
    let graph = RoadGraph(RoadEdges(lines: Self.lines(99, count: 40)))
    let edges = (0..<graph.edgeCount).map { "[\(graph.edges.from[$0]),\(graph.edges.to[$0]),\(graph.length[$0])]" }
    let answer = OtherPrograms.oracle(
      "roads.py", input: "{\"nodes\":\(graph.nodeCount),\"edges\":[\(edges.joined(separator: ","))]}")
    let metres = answer.output.split(separator: "\n").compactMap { Double($0) }
    try #require(answer.status == 0 && metres.count == graph.nodeCount)
    let search = RoadSearch(graph)
    let start = (0..<graph.edgeCount).first { graph.edges.from[$0] == 0 || graph.edges.to[$0] == 0 }!
    let along = graph.edges.from[start] == 0 ? 0 : graph.length[start]
    try search.run(from: [RoadPlace(edge: UInt32(start), along: along, offset: 0)], token: nil)
    for e in 0..<graph.edgeCount {
      let place = RoadPlace(edge: UInt32(e), along: 0, offset: 0)
      let wanted = metres[Int(graph.edges.from[e])]
      #expect(search.metres(to: place) == wanted || abs(search.metres(to: place) - wanted) < 1e-6)
    }
  }

  @Test("lines join at shared vertices and near ends, and do not join where they only cross")
  func junctions() throws {
    // A cross without a shared vertex, a T whose end misses by 30 cm, a vertex shared in the middle of both.
    let graph = RoadGraph(
      RoadEdges(lines: [
        [0, 0, 1000, 0], [500, -200, 500, 200],  // bridge
        [800, 0.3, 800, 300], [200, -100, 300, 100, 400, 300], [100, 300, 300, 100, 300, 50],
      ]))
    func walk(_ a: (Double, Double), _ b: (Double, Double)) throws -> Double {
      let search = RoadSearch(graph)
      try search.run(from: [graph.place(a.0, a.1)!], token: nil)
      return search.metres(to: graph.place(b.0, b.1)!)
    }
    #expect(try walk((0, 0), (500, 200)) == .infinity)
    #expect(abs(try walk((0, 0), (800, 300)) - 1099.7) < 1e-6)
    #expect(
      abs(
        try walk((100, 300), (400, 300))
          - ((200.0 * 200 + 200 * 200).squareRoot() + (100.0 * 100 + 200 * 200).squareRoot())) < 1e-6)
    // On one edge the way is straight along it, not round by its ends.
    #expect(try walk((100, 5), (130, 5)) == 40)
  }

  @Test("beside a street without connection a place also goes to the main network, if it is near, and not over water")
  func apart() throws {
    let edges = RoadEdges(lines: [[0, 0, 1000, 0], [0, 0, 0, 500], [200, 60, 300, 60], [500, 200, 600, 200]])
    #expect(edges.isApart == [false, false, true, true])
    let graph = RoadGraph(edges)
    let search = RoadSearch(graph)
    try search.run(from: graph.tie(200, 50).places, token: nil)
    #expect(search.metres(to: graph.tie(300, 55)) == 10 + 100 + 5)
    #expect(search.metres(to: graph.tie(1000, 0)) == 50 + 800)
    #expect(search.metres(to: graph.tie(500, 210)) == .infinity)
    // A street of the main network that water cuts off stays cut off.
    let closed = RoadGraph(edges.closed(by: [.rectangle(Box2(-5, 20, 5, 40))]))
    try search.run(from: graph.tie(0, 300).places, token: nil)
    #expect(search.metres(to: graph.tie(500, 0)) == 800)
    let cut = RoadSearch(closed)
    try cut.run(from: closed.tie(0, 60).places, token: nil)
    #expect(cut.metres(to: closed.tie(500, 0)) == .infinity)
  }

  @Test("hostile lines: repeated vertices, lines of one point, NaN, a ring, nothing at all")
  func hostile() throws {
    let graph = RoadGraph(
      RoadEdges(lines: [
        [], [5, 5], [5, 5, 5, 5], [.nan, 0, .infinity, 1], [0, 0, 0, 0, 100, 0, 100, 0, 100, 100],
        [200, 0, 300, 0, 300, 100, 200, 100, 200, 0], [200, 0, 200, -50],
      ]))
    #expect(graph.edgeCount == 3 && graph.nodeCount == 4)
    let search = RoadSearch(graph)
    try search.run(from: [graph.place(300, 100)!], token: nil)
    #expect(search.metres(to: graph.place(200, -50)!) == 250)
    #expect(search.metres(to: graph.place(0, 0)!) == .infinity)
    let empty = RoadGraph(RoadEdges(lines: []))
    #expect(empty.place(0, 0) == nil)
    #expect(graph.place(0, 2000) == nil)
  }

  @Test("a closed area cuts streets at its edge", arguments: 1...6 as ClosedRange<UInt64>)
  func closing(seed: UInt64) throws {
    let area = Geometry.polygon([
      [150, 150, 450, 170, 430, 460, 160, 440, 150, 150], [250, 250, 250, 330, 340, 330, 340, 250, 250, 250],
    ])
    let whole = RoadGraph(RoadEdges(lines: Self.lines(seed, count: 12)))
    let closed = RoadGraph(whole.edges.closed(by: [area, Geometry(kind: .polygon)]))
    let prepared = PreparedGeometry(area)
    // Every piece lies outside, and together they are as long as what lies outside.
    for e in 0..<closed.edgeCount {
      for v in Int(closed.edges.start[e])..<Int(closed.edges.start[e + 1]) - 1 {
        for t in [0.01, 0.3, 0.5, 0.99] {
          let s = closed.edges.xy
          let (x, y) = (s[2 * v] + (s[2 * v + 2] - s[2 * v]) * t, s[2 * v + 1] + (s[2 * v + 3] - s[2 * v + 1]) * t)
          #expect(prepared.locate(x, y) != .inside)
        }
      }
    }
    var outside = 0.0
    // Segment by segment: GEOS counts a line that doubles back once.
    for e in 0..<whole.edgeCount {
      for v in Int(whole.edges.start[e])..<Int(whole.edges.start[e + 1]) - 1 {
        let segment = Geometry.line(Array(whole.edges.xy[2 * v..<2 * v + 4]))
        outside += try GEOSGeometry(segment).difference(GEOSGeometry(area)).geometry().length
      }
    }
    #expect(abs(closed.length.reduce(0, +) - outside) < 1e-6)
    // Closing never makes a way shorter.
    let (before, after) = (RoadOracle(whole), RoadOracle(closed))
    var random = SplitMix64(seed: seed)
    for _ in 0..<20 {
      let a = (Double.random(in: 0...600, using: &random), Double.random(in: 0...600, using: &random))
      guard let p = closed.place(a.0, a.1), let q = closed.place(0, 0), let p0 = whole.place(a.0, a.1),
        let q0 = whole.place(0, 0)
      else { continue }
      let slack = p.offset - p0.offset + q.offset - q0.offset
      if slack < 1e-9 { #expect(after.walk(p, q) >= before.walk(p0, q0) - 1e-6) }
    }
  }

  // MARK: Statements

  /// Streets around a block, one shelter behind it, one on an island.
  private func city(_ floods: [Geometry] = []) throws -> AnalysisCity {
    try AnalysisCity(
      shelters: [
        (.point(0, 1010), .int(10), .int(0), "open"), (.point(1000, 20), .int(10), .int(0), "open"),
        (.point(500, 430), .int(10), .int(0), "open"), (.point(5000, 5000), .int(10), .int(0), "open"),
        (nil, .int(10), .int(0), "open"), (.point(300, 0), .int(1), .int(0), "closed"),
      ], floods: floods,
      roads: [
        [0, 0, 1000, 0], [1000, 0, 1000, 1000], [1000, 1000, 0, 1000], [0, 1000, 0, 0], [400, 400, 600, 400],
        [0, 0, 1000, 1000],
      ], roadClasses: ["local", "local", "local", "local", "local", "motorway"])
  }

  @Test("NEAREST BY ROAD orders by walking distance and leaves out what cannot be reached, with a notice")
  func nearest() throws {
    let city = try city([.rectangle(Box2(-50, 400, 50, 600))])
    let here = "POINT(100 10) IN EPSG:4547"
    let straight = try city.run("FIND shelter NEAREST 5 TO \(here) RETURN id, distance")
    #expect(straight.rows.map { $0[0] } == ["S-6", "S-3", "S-2", "S-1", "S-4"].map { .text($0) })
    for threads in [1, 2] {
      let road = try city.run("FIND shelter NEAREST 5 TO \(here) BY ROAD RETURN id, distance", threads: threads)
      do {
        let wanted: [[Value]] = [
          [.text("S-6"), .double(210)], [.text("S-2"), .double(10 + 900 + 20)],
          [.text("S-1"), .double(10 + 1100 + 10)],
        ]
        #expect(road.rows == wanted)
      }
      #expect(road.notices.contains { $0.contains("by road") && $0.contains("10 m from the nearest street") })
      #expect(road.notices.contains { $0.contains("2 of `shelter` cannot be reached") })
    }
    let filtered = try city.run(
      "FIND shelter NEAREST 1 TO \(here) WITHIN 5 km BY ROAD AVOIDING flood 'F-1' WHERE status = 'open' AND id <> 'S-2' "
        + "RETURN id, distance")
    #expect(filtered.rows == [[.text("S-1"), .double(10 + 900 + 1000 + 1000 + 10)]])
    #expect(filtered.notices.contains { $0.contains("streets inside flood 'F-1' are closed") })
    #expect(try city.run("FIND shelter NEAREST 1 TO \(here) WITHIN 100 m BY ROAD").rows.isEmpty)
  }

  @Test("WITHIN … BY ROAD keeps what lies within that walk, its negation the rest")
  func within() throws {
    let city = try city([.rectangle(Box2(-50, 400, 50, 600))])
    let here = "POINT(100 10) IN EPSG:4547"
    let near = try city.run("FIND shelter WITHIN 1120 m OF \(here) BY ROAD RETURN id, distance")
    do {
      let wanted: [[Value]] = [
        [.text("S-6"), .double(210)], [.text("S-2"), .double(930)], [.text("S-1"), .double(1120)],
      ]
      #expect(near.rows == wanted)
    }
    let closed = try city.run(
      "FIND shelter WITHIN 1120 m OF \(here) BY ROAD AVOIDING flood RETURN id, distance")
    #expect(closed.rows.map { $0[0] } == [.text("S-6"), .text("S-2")])
    // A shelter without a place is neither within nor not.
    let others = try city.run("FIND shelter WHERE NOT (WITHIN 1120 m OF \(here) BY ROAD) RETURN id")
    #expect(others.rows.map { $0[0] } == [.text("S-3"), .text("S-4")])
    let many = try city.run("FIND shelter WITHIN 800 m OF (FIND shelter WHERE id IN ('S-1', 'S-2')) BY ROAD RETURN id")
    #expect(Set(many.rows.map { $0[0] }) == [.text("S-1"), .text("S-2"), .text("S-6")])
    let plan = try city.run("EXPLAIN FIND shelter WITHIN 1 km OF \(here) BY ROAD AVOIDING flood 'F-1'").rows
    let lines = plan.map { if case .text(let line) = $0[0] { line } else { "" } }
    #expect(lines.contains { $0.contains("BY ROAD AVOIDING flood 'F-1'") }, "\(lines)")
    #expect(lines.contains { $0.contains("index: rtree(shelter.geom)") }, "\(lines)")
  }

  @Test(
    "what BY ROAD needs is said",
    arguments: [
      ("FIND shelter NEAREST 1 TO AT(113, 34) BY ROAD", "needs a layer `road`", false),
      (
        "FIND shelter WITHIN 1 km OF shelter 'S-1' BY ROAD AVOIDING shelter 'S-2'", "closes the streets inside an area",
        true
      ),
      (
        "FIND shelter AS a JOIN shelter AS b ON a.id = b.id WHERE WITHIN 1 km OF b BY ROAD", "known before the rows",
        true
      ),
      ("ALLOCATE unit TO shelter CAPACITY capacity BY ROAD", "needs a layer `road`", false),
    ])
  func errors(text: String, wanted: String, hasRoads: Bool) throws {
    let city = try AnalysisCity(
      shelters: [(.point(0, 0), .int(1), .int(0), "open"), (.point(9, 0), .int(1), .int(0), "open")],
      roads: hasRoads ? [[0, 0, 1, 1]] : nil)
    let error = #expect(throws: QueryError.self) { try city.run(text) }
    #expect(error?.message.contains(wanted) == true, "\(error?.message ?? "")")
  }
}
