/// The best distribution of whole people over targets: as many as possible, then the least person-metres; proved over
/// all pairs of a source and a target, though only few of them are ever held.
///
/// The nearest few targets of each source make a first problem. Its optimum gives every source and target a price, and
/// one pass over all pairs finds those that would improve it; they are added, and so on until a pass finds none: then
/// the prices prove that no pair left out would improve the result (reduced costs of the dual). A large problem starts
/// from the prices of a coarser one (``CoarseStart``).
struct Distribution {
  struct Statistics: Sendable {
    /// Pairs held at first for each source.
    var nearest = 0
    /// Passes over all pairs, the last of which found nothing to improve.
    var passes = 0
    /// Pairs held in the end, and all there are.
    var pairs = 0
    var allPairs = 0
    var pivots = 0
  }

  let simplex: TransportSimplex
  let statistics: Statistics

  /// - Parameter largest: more sources than these start from a coarser problem.
  static func solve(
    _ sources: DemandSources, capacity: [Int64], _ columns: any CostColumns, nearest: Int = 8, largest: Int = 4_096,
    threads: Int, token: CancellationToken
  ) throws(QueryError) -> Distribution {
    let start =
      sources.count > max(1, largest) && !capacity.isEmpty
      ? try CoarseStart(sources, capacity: capacity, columns, largest: largest, threads: threads, token: token) : nil
    let pass = ColumnPass(sources: sources, columns: columns, threads: max(1, threads), token: token)
    var statistics = Statistics()
    let width = min(nearest, max(1, capacity.count))
    statistics.nearest = width
    statistics.allPairs = sources.count * capacity.count
    try token.use(
      bytes: BestPairs.byteCount(sources: sources.count, width: width)
        + TransportSimplex.byteCount(sources: sources.count, targets: capacity.count, arcs: sources.count * width))

    let first = BestPairs(sources: sources.count, width: width)
    let greatest = try pass.run(into: first) { source, metres, target, best, greatest in
      guard metres.isFinite else { return }
      let cost = Micrometres.of(metres)
      if cost > greatest { greatest = cost }
      best.offer(source, key: cost + (start?.prices[target] ?? 0), cost: cost, target: target)
    }
    let simplex = TransportSimplex(demand: sources.demand, capacity: capacity, greatestCost: greatest)
    simplex.add { first.pairs(of: $0) }
    if let start { simplex.startGreedily(start) } else { simplex.startGreedily() }
    while true {
      try simplex.optimise { () throws(QueryError) in try token.check() }
      statistics.passes += 1
      let prices = Prices(simplex)
      let better = BestPairs(sources: sources.count, width: 4)
      // Each place asks for as many people as it can take, too: sources alone would all go for the same places first.
      let wishes = WishLists(targets: capacity.count)
      let wish: ColumnPass.Wish = { target, sources, column in
        wishes.lists[target] = Self.wishes(of: target, sources, capacity[target], prices, column)
      }
      _ = try pass.run(into: better, wish: wish) { source, metres, target, best, _ in
        // Most pairs are ruled out without turning metres into a cost.
        let allowed = prices.targets[target] - prices.sources[source]
        guard allowed > 0, metres * 1e6 < Double(allowed) + 1 else { return }
        let cost = Micrometres.of(metres)
        if cost < allowed { best.offer(source, key: cost - allowed, cost: cost, target: target) }
      }
      if better.total == 0 { break }
      let wished = wishes.bySource(sources.count)
      try token.use(bytes: (better.total + wished.total) * 24)
      simplex.add { source in
        let own = better.pairs(of: source)
        return own + wished.pairs(of: source).filter { pair in !own.contains { $0.target == pair.target } }
      }
    }
    statistics.pairs = simplex.arcCount
    statistics.pivots = simplex.pivots
    return Distribution(simplex: simplex, statistics: statistics)
  }

  /// The sources that would gain most by a place, enough to fill it: those whose pair the prices do not rule out.
  private static func wishes(
    of target: Int, _ sources: DemandSources, _ capacity: Int64, _ prices: Prices, _ column: UnsafePointer<Double>
  ) -> [(source: UInt32, cost: Int64)] {
    let most = 128
    // A heap of the best so far, the worst first.
    var heap: [(key: Int64, source: UInt32, cost: Int64)] = []
    func isWorse(_ a: (key: Int64, source: UInt32, cost: Int64), _ b: (key: Int64, source: UInt32, cost: Int64)) -> Bool
    {
      a.key != b.key ? a.key > b.key : a.source > b.source
    }
    func sink() {
      var i = 0
      while true {
        var child = 2 * i + 1
        if child >= heap.count { return }
        if child + 1 < heap.count, isWorse(heap[child + 1], heap[child]) { child += 1 }
        if !isWorse(heap[child], heap[i]) { return }
        heap.swapAt(i, child)
        i = child
      }
    }
    let own = prices.targets[target]
    for source in 0..<sources.count {
      let allowed = own - prices.sources[source]
      let metres = sources.metres(source, column)
      guard allowed > 0, metres * 1e6 < Double(allowed) + 1 else { continue }
      let cost = Micrometres.of(metres)
      guard cost < allowed else { continue }
      let entry = (key: cost - allowed, source: UInt32(source), cost: cost)
      if heap.count < most {
        heap.append(entry)
        var i = heap.count - 1
        while i > 0, isWorse(heap[i], heap[(i - 1) / 2]) {
          heap.swapAt(i, (i - 1) / 2)
          i = (i - 1) / 2
        }
      } else if isWorse(heap[0], entry) {
        heap[0] = entry
        sink()
      }
    }
    var taken: Int64 = 0
    var result: [(source: UInt32, cost: Int64)] = []
    for entry in heap.sorted(by: { isWorse($1, $0) }) where taken < 2 * capacity {
      taken += sources.demand[Int(entry.source)]
      result.append((entry.source, entry.cost))
    }
    return result
  }

  func shares(of source: Int) -> [TransportSimplex.Share] { simplex.shares(of: source) }

  /// What each target asks for, written by whichever thread has its column.
  private final class WishLists: @unchecked Sendable {
    let lists: UnsafeMutableBufferPointer<[(source: UInt32, cost: Int64)]>

    init(targets: Int) {
      lists = .allocate(capacity: targets)
      lists.initialize(repeating: [])
    }
    deinit {
      lists.deinitialize()
      lists.deallocate()
    }

    /// The pairs by source: as a list each, in ascending target.
    func bySource(_ count: Int) -> SourceLists {
      var result = SourceLists(start: Array(repeating: 0, count: count + 1))
      for list in lists { for one in list { result.start[Int(one.source) + 1] += 1 } }
      for i in 0..<count { result.start[i + 1] += result.start[i] }
      result.entries = Array(repeating: (0, 0), count: result.start[count])
      var fill = result.start
      for (target, list) in lists.enumerated() {
        for one in list {
          result.entries[fill[Int(one.source)]] = (UInt32(target), one.cost)
          fill[Int(one.source)] += 1
        }
      }
      return result
    }
  }

  private struct SourceLists {
    var start: [Int]
    var entries: [(target: UInt32, cost: Int64)] = []
    var total: Int { entries.count }
    func pairs(of source: Int) -> ArraySlice<(target: UInt32, cost: Int64)> {
      entries[start[source]..<start[source + 1]]
    }
  }

  /// Potentials in flat memory, for a pass.
  private struct Prices: Sendable {
    var sources: [Int64]
    var targets: [Int64]

    init(_ simplex: TransportSimplex) {
      sources = (0..<simplex.sourceCount).map { simplex.sourcePotential($0) }
      targets = (0..<simplex.targetCount).map { simplex.targetPotential($0) }
    }
  }
}

/// Goes through the costs of all pairs, some targets at a time; the result does not depend on the number of threads.
private struct ColumnPass {
  let sources: DemandSources
  let columns: any CostColumns
  let threads: Int
  let token: CancellationToken

  typealias Visit =
    @Sendable (
      _ source: Int, _ metres: Double, _ target: Int, _ best: BestPairs, _ greatest: inout Int64
    ) -> Void

  /// What is worked out of a whole column, by one thread.
  typealias Wish = @Sendable (_ target: Int, _ sources: DemandSources, _ column: UnsafePointer<Double>) -> Void

  /// Returns the greatest of what `visit` kept in `greatest`.
  func run(into best: BestPairs, wish: Wish? = nil, _ visit: @escaping Visit) throws(QueryError) -> Int64 {
    let points = columns.pointCount
    let batch = max(threads, min(32, (16 << 20) / max(1, points * 8)))
    try token.use(bytes: batch * points * 8)
    defer { try? token.use(bytes: -batch * points * 8) }
    let buffer = Columns(batch * points)
    let workers = (0..<threads).map { _ in WorkerBox(columns.makeWorker()) }
    let state = PassState(threads)
    var from = 0
    while from < columns.targetCount {
      try token.check()
      let targets = from..<min(columns.targetCount, from + batch)
      Threads.run(threads) { thread in
        for target in targets where (target - targets.lowerBound) % threads == thread {
          if token.isCancelled { return }
          do throws(QueryError) {
            let column = buffer.pointer + (target - targets.lowerBound) * points
            try workers[thread].worker.fill(target, column)
            wish?(target, sources, column)
          } catch {
            state.failures[thread] = error
          }
        }
      }
      for failure in state.failures { if let failure { throw failure } }
      try token.check()
      Threads.run(threads) { thread in
        let (low, high) = (sources.count * thread / threads, sources.count * (thread + 1) / threads)
        var greatest: Int64 = 0
        for target in targets {
          if token.isCancelled { return }
          let column = UnsafePointer(buffer.pointer + (target - targets.lowerBound) * points)
          for source in low..<high { visit(source, sources.metres(source, column), target, best, &greatest) }
        }
        state.greatest[thread] = max(state.greatest[thread], greatest)
      }
      try token.check()
      from = targets.upperBound
    }
    return state.greatest.max() ?? 0
  }

  private final class Columns: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Double>
    init(_ count: Int) { pointer = .allocate(capacity: max(1, count)) }
    deinit { pointer.deallocate() }
  }

  /// Each thread uses its own.
  private final class WorkerBox: @unchecked Sendable {
    var worker: any CostColumnWorker
    init(_ worker: any CostColumnWorker) { self.worker = worker }
  }

  private final class PassState: @unchecked Sendable {
    let failures: UnsafeMutableBufferPointer<QueryError?>
    let greatest: UnsafeMutableBufferPointer<Int64>
    init(_ threads: Int) {
      failures = .allocate(capacity: threads)
      failures.initialize(repeating: nil)
      greatest = .allocate(capacity: threads)
      greatest.initialize(repeating: 0)
    }
    deinit {
      failures.deinitialize()
      failures.deallocate()
      greatest.deallocate()
    }
  }
}
