/// Sends whole units from sources with a demand to targets with a capacity at the least total cost, as many units as
/// can be sent: the transportation problem, by the primal network simplex.
///
/// The basis is a spanning tree over the targets, a root that takes what is not sent and gives what is left free, and
/// the sources that are split at the moment, of which there are never more than targets. A source that goes to one
/// target whole is a leaf which only knows that target, so a pivot costs what the tree of targets costs, however many
/// sources there are. The tree is kept strongly feasible (Cunningham 1976, doi:10.1007/BF01580379), so that it cannot
/// cycle; entering arcs are sought by blocks. Costs are integers, so optimal means optimal.
///
/// Not for several threads.
final class TransportSimplex {
  /// Where a part of a source's demand goes; `target` is nil for what is not sent.
  struct Share: Equatable {
    var target: Int?
    var units: Int64
    /// Of one unit; 0 for what is not sent.
    var cost: Int64
  }

  let sourceCount: Int
  let targetCount: Int
  /// What one unit that stays costs: more than any chain of exchanges can save.
  let big: Int64
  private(set) var pivots = 0

  private let demand: UnsafeMutablePointer<Int64>
  /// Of sources that are leaves: the node that takes them, 0 for the root, and the cost on the way there.
  private let key: UnsafeMutablePointer<Int32>
  private let keyCost: UnsafeMutablePointer<Int64>
  /// The node of a source that is split, 0 for a leaf.
  private let nodeOf: UnsafeMutablePointer<Int32>

  // Nodes: 0 the root, 1…m the targets, above them slots for split sources. The arc to the parent belongs to the child:
  // it leads up from a source and down to a target.
  private let parent: UnsafeMutablePointer<Int32>
  private let firstChild: UnsafeMutablePointer<Int32>
  private let next: UnsafeMutablePointer<Int32>
  private let previous: UnsafeMutablePointer<Int32>
  private let depth: UnsafeMutablePointer<Int32>
  private let flow: UnsafeMutablePointer<Int64>
  private let cost: UnsafeMutablePointer<Int64>
  private let potential: UnsafeMutablePointer<Int64>
  private let sourceOf: UnsafeMutablePointer<Int32>
  private let nodeCount: Int
  private var free: [Int32]

  private var arcStart: [Int]
  private var arcTarget: [UInt32] = []
  private var arcCost: [Int64] = []
  private var cursor = 0

  private static let none: Int32 = -1

  /// - Parameters:
  ///   - demand: of each source, at least 1; with `capacity` less than 2⁵³ in all.
  ///   - capacity: of each target, at least 1.
  ///   - greatestCost: no arc, added later or now, costs more.
  init(demand: [Int64], capacity: [Int64], greatestCost: Int64) {
    let (n, m) = (demand.count, capacity.count)
    (sourceCount, targetCount) = (n, m)
    big = (greatestCost + 1) * Int64(2 * min(n, m) + 3)
    nodeCount = 2 * m + 4
    func room<T>(_ count: Int, _ value: T) -> UnsafeMutablePointer<T> {
      let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(1, count))
      pointer.initialize(repeating: value, count: max(1, count))
      return pointer
    }
    self.demand = room(n, 0)
    key = room(n, 0)
    keyCost = room(n, big)
    nodeOf = room(n, 0)
    parent = room(nodeCount, Self.none)
    firstChild = room(nodeCount, Self.none)
    next = room(nodeCount, Self.none)
    previous = room(nodeCount, Self.none)
    depth = room(nodeCount, 0)
    flow = room(nodeCount, 0)
    cost = room(nodeCount, 0)
    potential = room(nodeCount, 0)
    sourceOf = room(nodeCount, Self.none)
    free = (m + 1..<nodeCount).reversed().map { Int32($0) }
    arcStart = Array(repeating: 0, count: n + 1)
    for i in 0..<n { self.demand[i] = demand[i] }
    for j in 0..<m {
      flow[j + 1] = capacity[j]
      parent[j + 1] = 0
      depth[j + 1] = 1
      link(Int32(j + 1), under: 0)
    }
  }

  deinit {
    for pointer in [demand, keyCost, flow, cost, potential] { pointer.deallocate() }
    for pointer in [key, nodeOf, parent, firstChild, next, previous, depth, sourceOf] { pointer.deallocate() }
  }

  static func byteCount(sources: Int, targets: Int, arcs: Int) -> Int {
    sources * 40 + targets * 120 + arcs * 24
  }

  var arcCount: Int { arcTarget.count }

  /// Adds ways from sources to targets: `added` gives each source's list, in ascending cost.
  func add(_ added: (_ source: Int) -> [(target: UInt32, cost: Int64)]) {
    var start: [Int] = [0]
    var targets: [UInt32] = []
    var costs: [Int64] = []
    start.reserveCapacity(sourceCount + 1)
    targets.reserveCapacity(arcTarget.count)
    costs.reserveCapacity(arcCost.count)
    for i in 0..<sourceCount {
      for a in arcStart[i]..<arcStart[i + 1] {
        targets.append(arcTarget[a])
        costs.append(arcCost[a])
      }
      for one in added(i) {
        targets.append(one.target)
        costs.append(one.cost)
      }
      start.append(targets.count)
    }
    (arcStart, arcTarget, arcCost) = (start, targets, costs)
  }

  /// A first distribution: each source to the cheapest target that keeps a place free, before any pivot.
  func startGreedily() {
    for i in 0..<sourceCount where nodeOf[i] == 0 && key[i] == 0 {
      for a in arcStart[i]..<arcStart[i + 1] {
        let target = Int(arcTarget[a]) + 1
        // One place stays free: every arc of the tree then carries something, and the tree is strongly feasible.
        guard flow[target] > demand[i] else { continue }
        flow[target] -= demand[i]
        key[i] = Int32(target)
        keyCost[i] = arcCost[a]
        break
      }
    }
  }

  /// A first distribution by prices that are about right: those who gain most choose first, and who gains nothing stays.
  func startGreedily(_ start: CoarseStart) {
    func price(_ arc: Int) -> Int64 { arcCost[arc] + start.prices[Int(arcTarget[arc])] }
    let best = (0..<sourceCount).map { i in arcs(of: i).reduce(Int64.max) { min($0, price($1)) } }
    let order = (0..<sourceCount).filter { best[$0] < start.staying }.sorted { (best[$0], $0) < (best[$1], $1) }
    for i in order where nodeOf[i] == 0 && key[i] == 0 {
      for a in arcs(of: i).sorted(by: { (price($0), $0) < (price($1), $1) }) {
        let target = Int(arcTarget[a]) + 1
        guard flow[target] > demand[i] else { continue }
        flow[target] -= demand[i]
        key[i] = Int32(target)
        keyCost[i] = arcCost[a]
        break
      }
    }
  }

  /// Pivots until no arc would improve the distribution. `check` is asked now and then and may throw.
  func optimise<E: Error>(_ check: () throws(E) -> Void) throws(E) {
    let block = max(64, Int(Double(arcCount + sourceCount).squareRoot()))
    try arcStart.withUnsafeBufferPointerTyped { (starts) throws(E) in
      try arcTarget.withUnsafeBufferPointerTyped { (targets) throws(E) in
        try arcCost.withUnsafeBufferPointerTyped { (costs) throws(E) in
          var sinceCheck = 0
          while let entering = findEntering(starts, targets, costs, block) {
            pivot(entering)
            pivots += 1
            sinceCheck += 1
            if sinceCheck == 256 {
              sinceCheck = 0
              try check()
            }
          }
          try check()
        }
      }
    }
  }

  /// The ways of a source that are held.
  func arcs(of source: Int) -> Range<Int> { arcStart[source]..<arcStart[source + 1] }
  func arc(_ index: Int) -> (target: Int, cost: Int64) { (Int(arcTarget[index]), arcCost[index]) }

  /// What has been sent, and what that costs in all.
  func total() -> (units: Int64, cost: Double) {
    var units: Int64 = 0
    var cost = 0.0
    for i in 0..<sourceCount {
      for share in shares(of: i) where share.target != nil {
        units += share.units
        cost += Double(share.units) * Double(share.cost)
      }
    }
    return (units, cost)
  }

  // MARK: Duals

  /// The potential of a source: minus what its last unit costs, target's price included.
  @inline(__always)
  func sourcePotential(_ i: Int) -> Int64 {
    let node = nodeOf[i]
    return node != 0 ? potential[Int(node)] : potential[Int(key[i])] - keyCost[i]
  }

  /// The potential of a target: minus the price of a place there; 0 where places are free.
  func targetPotential(_ j: Int) -> Int64 { potential[j + 1] }

  /// Where a source's demand goes.
  func shares(of source: Int) -> [Share] {
    let node = nodeOf[source]
    guard node != 0 else {
      return key[source] == 0
        ? [Share(target: nil, units: demand[source], cost: 0)]
        : [Share(target: Int(key[source]) - 1, units: demand[source], cost: keyCost[source])]
    }
    var result: [Share] = []
    func add(_ node: Int32, arcOf child: Int32) {
      let units = flow[Int(child)]
      guard units > 0 else { return }
      result.append(
        node == 0
          ? Share(target: nil, units: units, cost: 0)
          : Share(target: Int(node) - 1, units: units, cost: cost[Int(child)]))
    }
    add(parent[Int(node)], arcOf: node)
    var child = firstChild[Int(node)]
    while child != Self.none {
      add(child, arcOf: child)
      child = next[Int(child)]
    }
    // By target, what stays last: the order must not depend on how the tree came about.
    return result.sorted { ($0.target ?? .max) < ($1.target ?? .max) }
  }

  // MARK: Pivots

  private struct Entering {
    /// nil for the arc from the root to a target, which gives places back.
    var source: Int?
    var node: Int32
    var cost: Int64
    var reduced: Int64
  }

  private func findEntering(
    _ starts: UnsafeBufferPointer<Int>, _ targets: UnsafeBufferPointer<UInt32>, _ costs: UnsafeBufferPointer<Int64>,
    _ block: Int
  ) -> Entering? {
    var best: Int64 = 0
    var entering: Entering?
    var examined = 0
    var i = cursor
    let end = sourceCount + targetCount
    for _ in 0..<end {
      if i < sourceCount {
        let own = sourcePotential(i)
        if big + own < best {
          best = big + own
          entering = Entering(source: i, node: 0, cost: big, reduced: best)
        }
        let (from, to) = (starts[i], starts[i + 1])
        var a = from
        while a < to {
          let reduced = costs[a] + own - potential[Int(targets[a]) + 1]
          if reduced < best {
            best = reduced
            entering = Entering(source: i, node: Int32(targets[a]) + 1, cost: costs[a], reduced: reduced)
          }
          a += 1
        }
        examined += to - from + 1
      } else {
        let node = i - sourceCount + 1
        if -potential[node] < best {
          best = -potential[node]
          entering = Entering(source: nil, node: Int32(node), cost: 0, reduced: best)
        }
        examined += 1
      }
      i += 1
      if i == end { i = 0 }
      if examined >= block {
        if best < 0 { break }
        examined = 0
      }
    }
    cursor = i
    return entering
  }

  private func pivot(_ entering: Entering) {
    let a: Int32
    if let source = entering.source {
      a = nodeOf[source] != 0 ? nodeOf[source] : makeNode(of: source)
    } else {
      a = 0
    }
    let b = entering.node
    let apex = commonAncestor(a, b)

    // The cycle runs from the apex down to a, over the entering arc, and from b up to the apex. Of the arcs that block
    // it the last in that order leaves.
    var delta = Int64.max
    var leaving = Self.none
    var leavesOnFirstSide = true
    var u = a
    while u != apex {
      if isSource(u), flow[Int(u)] < delta { (delta, leaving) = (flow[Int(u)], u) }
      u = parent[Int(u)]
    }
    var v = b
    while v != apex {
      if !isSource(v), flow[Int(v)] <= delta { (delta, leaving, leavesOnFirstSide) = (flow[Int(v)], v, false) }
      v = parent[Int(v)]
    }
    precondition(leaving != Self.none, "a cycle of costs that are not negative has an arc that blocks it")
    if delta > 0 {
      u = a
      while u != apex {
        flow[Int(u)] += isSource(u) ? -delta : delta
        u = parent[Int(u)]
      }
      v = b
      while v != apex {
        flow[Int(v)] += isSource(v) ? delta : -delta
        v = parent[Int(v)]
      }
    }

    let cutParent = parent[Int(leaving)]
    let (inner, outer) = leavesOnFirstSide ? (a, b) : (b, a)
    hang(inner, under: outer, flow: delta, cost: entering.cost, until: leaving)
    shift(inner, by: leavesOnFirstSide ? -entering.reduced : entering.reduced)

    // The source on the arc that left may go to one target whole now.
    let source = isSource(leaving) ? leaving : cutParent
    if isSource(source), firstChild[Int(source)] == Self.none { makeLeaf(source) }
  }

  @inline(__always)
  private func isSource(_ node: Int32) -> Bool { Int(node) > targetCount }

  private func commonAncestor(_ a: Int32, _ b: Int32) -> Int32 {
    var (u, v) = (a, b)
    while u != v {
      let (du, dv) = (depth[Int(u)], depth[Int(v)])
      if du >= dv { u = parent[Int(u)] }
      if dv >= du { v = parent[Int(v)] }
    }
    return u
  }

  /// Turns the path from `node` up to `last` around and hangs it under `outer`.
  private func hang(
    _ node: Int32, under outer: Int32, flow entering: Int64, cost enteringCost: Int64, until last: Int32
  ) {
    var (node, above, newFlow, newCost) = (node, outer, entering, enteringCost)
    while true {
      let (oldParent, oldFlow, oldCost) = (parent[Int(node)], flow[Int(node)], cost[Int(node)])
      unlink(node)
      flow[Int(node)] = newFlow
      cost[Int(node)] = newCost
      link(node, under: above)
      if node == last { return }
      (above, node, newFlow, newCost) = (node, oldParent, oldFlow, oldCost)
    }
  }

  /// Adds to the potentials of a subtree and sets its depths.
  private func shift(_ root: Int32, by amount: Int64) {
    var node = root
    while true {
      potential[Int(node)] += amount
      depth[Int(node)] = depth[Int(parent[Int(node)])] + 1
      if firstChild[Int(node)] != Self.none {
        node = firstChild[Int(node)]
        continue
      }
      while node != root, next[Int(node)] == Self.none { node = parent[Int(node)] }
      if node == root { return }
      node = next[Int(node)]
    }
  }

  private func makeNode(of source: Int) -> Int32 {
    let node = free.removeLast()
    sourceOf[Int(node)] = Int32(source)
    flow[Int(node)] = demand[source]
    cost[Int(node)] = keyCost[source]
    potential[Int(node)] = potential[Int(key[source])] - keyCost[source]
    depth[Int(node)] = depth[Int(key[source])] + 1
    link(node, under: key[source])
    nodeOf[source] = node
    return node
  }

  private func makeLeaf(_ node: Int32) {
    let source = Int(sourceOf[Int(node)])
    key[source] = parent[Int(node)]
    keyCost[source] = cost[Int(node)]
    nodeOf[source] = 0
    unlink(node)
    parent[Int(node)] = Self.none
    free.append(node)
  }

  private func link(_ node: Int32, under above: Int32) {
    parent[Int(node)] = above
    previous[Int(node)] = Self.none
    next[Int(node)] = firstChild[Int(above)]
    if next[Int(node)] != Self.none { previous[Int(next[Int(node)])] = node }
    firstChild[Int(above)] = node
  }

  private func unlink(_ node: Int32) {
    let (before, after) = (previous[Int(node)], next[Int(node)])
    if before != Self.none { next[Int(before)] = after } else { firstChild[Int(parent[Int(node)])] = after }
    if after != Self.none { previous[Int(after)] = before }
  }
}

extension Array {
  /// `withUnsafeBufferPointer` that keeps the type of the error.
  func withUnsafeBufferPointerTyped<R, E: Error>(_ body: (UnsafeBufferPointer<Element>) throws(E) -> R) throws(E) -> R {
    let result: Result<R, E> = withUnsafeBufferPointer { buffer in
      do throws(E) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
