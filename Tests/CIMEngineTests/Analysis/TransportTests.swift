import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Successive shortest paths by Bellman and Ford: slow, and nothing like the simplex.
struct FlowOracle {
  private var to: [Int] = []
  private var room: [Int64] = []
  private var cost: [Int64] = []
  private var adjacent: [[Int]]

  private init(nodes: Int) { adjacent = Array(repeating: [], count: nodes) }

  private mutating func add(_ a: Int, _ b: Int, _ capacity: Int64, _ price: Int64) {
    for (from, target, units, unit) in [(a, b, capacity, price), (b, a, 0, -price)] {
      adjacent[from].append(to.count)
      to.append(target)
      room.append(units)
      cost.append(unit)
    }
  }

  /// The most units that can be sent, and what they cost at least. `cost` is nil where there is no way.
  static func solve(_ demand: [Int64], _ capacity: [Int64], _ cost: [[Int64?]]) -> (units: Int64, cost: Int64) {
    let (n, m) = (demand.count, capacity.count)
    var flow = FlowOracle(nodes: n + m + 2)
    let (start, end) = (n + m, n + m + 1)
    for i in 0..<n {
      flow.add(start, i, demand[i], 0)
      for j in 0..<m { if let price = cost[i][j] { flow.add(i, n + j, demand[i], price) } }
    }
    for j in 0..<m { flow.add(n + j, end, capacity[j], 0) }
    return flow.run(start, end)
  }

  private mutating func run(_ start: Int, _ end: Int) -> (Int64, Int64) {
    var (units, total): (Int64, Int64) = (0, 0)
    while true {
      var distance = [Int64](repeating: .max, count: adjacent.count)
      var via = [Int](repeating: -1, count: adjacent.count)
      distance[start] = 0
      var changed = true
      while changed {
        changed = false
        for node in adjacent.indices where distance[node] < .max {
          for arc in adjacent[node] where room[arc] > 0 && distance[node] + cost[arc] < distance[to[arc]] {
            distance[to[arc]] = distance[node] + cost[arc]
            via[to[arc]] = arc
            changed = true
          }
        }
      }
      guard distance[end] < .max else { return (units, total) }
      var step = Int64.max
      var node = end
      while node != start {
        step = min(step, room[via[node]])
        node = to[via[node] ^ 1]
      }
      node = end
      while node != start {
        room[via[node]] -= step
        room[via[node] ^ 1] += step
        node = to[via[node] ^ 1]
      }
      units += step
      total += step * distance[end]
    }
  }
}

@Suite("Transportation problem")
struct TransportTests {
  @Test("the simplex finds what successive shortest paths find", arguments: 1...8 as ClosedRange<UInt64>)
  func matchesOracle(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for trial in 0..<60 {
      let (n, m) = (Int.random(in: 1...10, using: &random), Int.random(in: 1...6, using: &random))
      let demand = (0..<n).map { _ in Int64.random(in: 1...6, using: &random) }
      let capacity = (0..<m).map { _ in Int64.random(in: 1...(trial % 2 == 0 ? 5 : 15), using: &random) }
      // Few different costs make ties and degenerate pivots.
      let greatest: Int64 = trial % 3 == 0 ? 2 : 100
      let cost = (0..<n).map { _ in
        (0..<m).map { _ in
          Int.random(in: 0..<4, using: &random) == 0 ? nil : Int64.random(in: 0...greatest, using: &random)
        }
      }
      let simplex = TransportSimplex(demand: demand, capacity: capacity, greatestCost: greatest)
      simplex.add { i in
        (0..<m).compactMap { j in cost[i][j].map { (UInt32(j), $0) } }.sorted { $0.1 < $1.1 }
      }
      if trial % 5 != 0 { simplex.startGreedily() }
      simplex.optimise {}
      let wanted = FlowOracle.solve(demand, capacity, cost)
      let found = simplex.total()
      #expect(found.units == wanted.units && Int64(found.cost) == wanted.cost, "seed \(seed) trial \(trial)")
      var load = [Int64](repeating: 0, count: m)
      for i in 0..<n {
        let shares = simplex.shares(of: i)
        #expect(shares.reduce(0) { $0 + $1.units } == demand[i])
        for share in shares { if let target = share.target { load[target] += share.units } }
      }
      #expect(zip(load, capacity).allSatisfy { $0 <= $1 })
    }
  }

  /// Points on a lattice (ties) or anywhere.
  static func problem(_ seed: UInt64, sources: Int, targets: Int, limit: Double) -> (
    DemandSources, [Int64], StraightColumns
  ) {
    var random = SplitMix64(seed: seed)
    let lattice = seed % 2 == 0
    func coordinate() -> Double {
      lattice ? Double(Int.random(in: 0...9, using: &random)) * 100 : Double.random(in: 0...1000, using: &random)
    }
    var demand = DemandSources()
    var (x, y): ([Double], [Double]) = ([], [])
    for i in 0..<sources {
      x.append(coordinate())
      y.append(coordinate())
      demand.append(demand: Int64.random(in: 1...9, using: &random), points: [(UInt32(i), 1)])
    }
    let places = (0..<targets).map { i in
      i % 5 == 4
        ? Target(.rectangle(.init(coordinate(), coordinate(), 1100, 1100))) : Target(.point(coordinate(), coordinate()))
    }
    let scarce = seed % 3 == 0
    let capacity = (0..<targets).map { _ in
      Int64.random(in: 1...Int64(scarce ? 6 : 10 * sources / targets + 3), using: &random)
    }
    return (
      demand, capacity,
      StraightColumns(x: x, y: y, targets: places, limits: Array(repeating: limit, count: targets))
    )
  }

  static func costs(_ columns: StraightColumns) throws -> [[Int64?]] {
    var worker = columns.makeWorker()
    var result = Array(repeating: [Int64?](), count: columns.pointCount)
    var column = [Double](repeating: 0, count: columns.pointCount)
    for j in 0..<columns.targetCount {
      try column.withUnsafeMutableBufferPointer { try worker.fill(j, $0.baseAddress!) }
      for i in column.indices { result[i].append(column[i].isFinite ? Micrometres.of(column[i]) : nil) }
    }
    return result
  }

  @Test(
    "pairs left out are found by price: from one neighbour each to the optimum over all pairs",
    arguments: 1...12 as ClosedRange<UInt64>)
  func prices(seed: UInt64) throws {
    let limit = seed % 4 == 1 ? 300.0 : .infinity
    let (sources, capacity, columns) = Self.problem(seed, sources: 40, targets: 15, limit: limit)
    let wanted = FlowOracle.solve(sources.demand, capacity, try Self.costs(columns))
    // From nothing, and from the prices of coarser problems.
    for largest in [4_096, 2] {
      var first: [[TransportSimplex.Share]]?
      for threads in [1, 2] {
        let found = try Distribution.solve(
          sources, capacity: capacity, columns, nearest: 1, largest: largest, threads: threads,
          token: CancellationToken())
        let total = found.simplex.total()
        #expect(total.units == wanted.units && Int64(total.cost) == wanted.cost, "seed \(seed)")
        let shares = (0..<sources.count).map { found.shares(of: $0) }
        if let first { #expect(first == shares) } else { first = shares }
      }
    }
  }

  @Test("hundreds of sources where room is short, and where it is not", arguments: 1...6 as ClosedRange<UInt64>)
  func coarseStart(seed: UInt64) throws {
    let limit = seed == 4 ? 250.0 : .infinity
    let (sources, capacity, columns) = Self.problem(seed, sources: 300, targets: 20, limit: limit)
    let plain = try Distribution.solve(
      sources, capacity: capacity, columns, nearest: 4, threads: 1, token: CancellationToken())
    let coarse = try Distribution.solve(
      sources, capacity: capacity, columns, nearest: 4, largest: 16, threads: 1, token: CancellationToken())
    #expect(plain.simplex.total().units == coarse.simplex.total().units)
    #expect(plain.simplex.total().cost == coarse.simplex.total().cost)
  }

  @Test(
    "groups are never split or turned away for nothing, and no brute force is beaten",
    arguments: 1...10 as ClosedRange<UInt64>)
  func groups(seed: UInt64) throws {
    var random = SplitMix64(seed: seed &+ 77)
    let (count, targets) = (Int.random(in: 1...7, using: &random), Int.random(in: 1...3, using: &random))
    let sizes = (0..<count).map { _ in Int64.random(in: 1...5, using: &random) }
    let place = (0..<count).map { _ in UInt32.random(in: 0..<3, using: &random) }
    var (_, capacity, columns) = Self.problem(seed, sources: 3, targets: targets, limit: .infinity)
    capacity = capacity.map { min($0, 9) }
    var sources = DemandSources()
    var numbers: [UInt32: UInt32] = [:]
    var sourceOf: [UInt32] = []
    for g in 0..<count {
      if let known = numbers[place[g]] {
        sources.demand[Int(known)] += sizes[g]
      } else {
        numbers[place[g]] = UInt32(sources.count)
        sources.append(demand: sizes[g], points: [(place[g], 1)])
      }
      sourceOf.append(numbers[place[g]]!)
    }
    let cost = try Self.costs(columns)
    let relaxed = try Distribution.solve(
      sources, capacity: capacity, columns, nearest: 8, threads: 1, token: CancellationToken())
    let rounding = try GroupRounding(
      sizes: sizes, sourceOf: sourceOf, capacity: capacity, simplex: relaxed.simplex, token: CancellationToken())
    var load = [Int64](repeating: 0, count: targets)
    var (served, paid): (Int64, Int64) = (0, 0)
    for g in 0..<count where rounding.target[g] >= 0 {
      let t = Int(rounding.target[g])
      load[t] += sizes[g]
      served += sizes[g]
      paid += sizes[g] * cost[Int(place[g])][t]!
      #expect(rounding.unitCost[g] == cost[Int(place[g])][t]!)
    }
    #expect(zip(load, capacity).allSatisfy { $0 <= $1 })
    // Every way of sending each group to one of the targets or nowhere.
    var best: (served: Int64, cost: Int64) = (0, 0)
    var bestForServed = Int64.max
    for code in 0..<Int((0..<count).reduce(1) { n, _ in n * (targets + 1) }) {
      var (rest, units, total): (Int, Int64, Int64) = (code, 0, 0)
      var room = capacity
      var fits = true
      for g in 0..<count where fits {
        let t = rest % (targets + 1) - 1
        rest /= targets + 1
        guard t >= 0 else { continue }
        room[t] -= sizes[g]
        fits = room[t] >= 0
        units += sizes[g]
        total += sizes[g] * cost[Int(place[g])][t]!
      }
      guard fits else { continue }
      if units > best.served || units == best.served && total < best.cost { best = (units, total) }
      if units == served { bestForServed = min(bestForServed, total) }
    }
    #expect(served <= best.served && best.served <= relaxed.simplex.total().units)
    #expect(paid >= bestForServed)
    #expect(Double(paid) >= (served == relaxed.simplex.total().units ? relaxed.simplex.total().cost : 0))
    // A group that stays fits nowhere.
    for g in 0..<count where rounding.target[g] < 0 {
      #expect(!(0..<targets).contains { load[$0] + sizes[g] <= capacity[$0] })
    }
  }

  @Test(
    "HiGHS finds the same optimum", .enabled(if: OtherPrograms.hasPython("scipy"), "SciPy is not installed"),
    arguments: 1...3 as ClosedRange<UInt64>)
  func highs(seed: UInt64) throws {
    let (sources, capacity, columns) = Self.problem(
      seed, sources: 120, targets: 30, limit: seed == 2 ? 250 : .infinity)
    let found = try Distribution.solve(
      sources, capacity: capacity, columns, nearest: 3, threads: 2, token: CancellationToken()
    ).simplex.total()
    let cost = try Self.costs(columns).map { row in
      "[" + row.map { $0.map { "\(Double($0) * 1e-6)" } ?? "null" }.joined(separator: ",") + "]"
    }
    let answer = OtherPrograms.oracle(
      "transport.py",
      input: "{\"demand\":\(sources.demand),\"capacity\":\(capacity),\"cost\":[\(cost.joined(separator: ","))]}")
    let numbers = answer.output.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
    try #require(answer.status == 0 && numbers.count == 2)
    #expect(Double(found.units) == numbers[0])
    #expect(abs(found.cost * 1e-6 - numbers[1]) <= 1e-6 * max(1, numbers[1]))
  }

  @Test("a cancelled token stops the solver; its memory counts")
  func stops() throws {
    let (sources, capacity, columns) = Self.problem(5, sources: 60, targets: 20, limit: .infinity)
    let token = CancellationToken()
    token.cancel()
    #expect(throws: QueryError(.interrupted)) {
      _ = try Distribution.solve(sources, capacity: capacity, columns, threads: 2, token: token)
    }
    #expect(throws: QueryError.self) {
      _ = try Distribution.solve(
        sources, capacity: capacity, columns, threads: 1, token: CancellationToken(maximumBytes: 1_000))
    }
  }
}
