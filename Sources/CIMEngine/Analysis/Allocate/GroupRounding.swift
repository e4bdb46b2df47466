/// Gives groups that must stay together (households) to one target each, starting from the best distribution of their
/// people one by one, which is also the bound that the result is measured against.
///
/// Only the few sources that the relaxation splits need rounding: a basis splits no more sources than there are
/// targets. Groups fill the shares of their source, larger ones first; what does not fit goes to the cheapest target
/// with room, else into room made by moving or exchanging one other group; then groups move or change places as long as
/// that saves person-metres. Every choice is ordered by cost, size and number, so the result is the same every time.
struct GroupRounding {
  /// By group: people, and the source of the relaxation that it belongs to.
  let sizes: [Int64]
  let sourceOf: [UInt32]
  let capacity: [Int64]
  let simplex: TransportSimplex
  let token: CancellationToken

  /// By group: its target, or -1.
  private(set) var target: [Int32]
  /// What a head of the group costs there.
  private(set) var unitCost: [Int64]
  private var room: [Int64]
  private var members: [[UInt32]]

  init(
    sizes: [Int64], sourceOf: [UInt32], capacity: [Int64], simplex: TransportSimplex, token: CancellationToken
  ) throws(QueryError) {
    self.sizes = sizes
    self.sourceOf = sourceOf
    self.capacity = capacity
    self.simplex = simplex
    self.token = token
    try token.use(bytes: sizes.count * 24)
    target = Array(repeating: -1, count: sizes.count)
    unitCost = Array(repeating: 0, count: sizes.count)
    room = capacity
    members = Array(repeating: [], count: capacity.count)
    fillShares()
    try placeLeft()
    try makeRoom()
    try moveToCheaper()
    try exchange()
    try moveToCheaper()
  }

  // MARK: First places

  private mutating func fillShares() {
    var groups: [[UInt32]] = Array(repeating: [], count: simplex.sourceCount)
    for g in sizes.indices { groups[Int(sourceOf[g])].append(UInt32(g)) }
    for source in groups.indices {
      var shares = simplex.shares(of: source)
      if shares.count == 1 {
        if let only = shares[0].target { for g in groups[source] { place(Int(g), only, shares[0].cost) } }
        continue
      }
      for g in groups[source].sorted(by: { (sizes[Int($0)], $1) > (sizes[Int($1)], $0) }) {
        let size = sizes[Int(g)]
        var best: Int?
        for (k, share) in shares.enumerated() where share.units >= size {
          if best == nil || share.units > shares[best!].units { best = k }
        }
        guard let best else { continue }
        shares[best].units -= size
        if let chosen = shares[best].target { place(Int(g), chosen, shares[best].cost) }
      }
    }
  }

  /// Those without a place, the largest first.
  private var homeless: [Int] {
    sizes.indices.filter { target[$0] < 0 }.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
  }

  private mutating func placeLeft() throws(QueryError) {
    var steps = 0
    for g in homeless {
      try pause(&steps)
      if let (chosen, cost) = cheapest(g, { self.room[$0] >= self.sizes[g] }) { place(g, chosen, cost) }
    }
  }

  /// Serves groups that fit nowhere by moving one group of another target elsewhere, or more people by exchanging them
  /// for a smaller group.
  private mutating func makeRoom() throws(QueryError) {
    // Sizes that failed at a target since it last changed.
    var failed: [Set<Int64>] = Array(repeating: [], count: capacity.count)
    var steps = 0
    // A group that gave way may fit elsewhere later; each exchange serves more people, so this ends.
    for _ in 0..<4 {
      var changed = false
      for g in homeless {
        try pause(&steps)
        for index in simplex.arcs(of: Int(sourceOf[g])) {
          let (t, cost) = simplex.arc(index)
          if sizes[g] <= room[t] {
            place(g, t, cost)
            failed[t] = []
            changed = true
            break
          }
          if room[t] == 0 || capacity[t] < sizes[g] || failed[t].contains(sizes[g]) { continue }
          if let other = giveWay(at: t, for: g) {
            failed[t] = []
            if let to = other.to { failed[to.target] = [] }
            remove(other.group)
            if let to = other.to { place(other.group, to.target, to.cost) }
            place(g, t, cost)
            changed = true
            break
          }
          failed[t].insert(sizes[g])
        }
      }
      if !changed { break }
    }
  }

  /// A group at `t` whose leaving makes room for `g`: the one that another target can take at the least cost, else the
  /// smallest that is smaller than `g`.
  private func giveWay(at t: Int, for g: Int) -> (group: Int, to: (target: Int, cost: Int64)?)? {
    let wanted = sizes[g] - room[t]
    var best: (group: Int, to: (target: Int, cost: Int64)?, price: Double)?
    var smallest: Int?
    for member in members[t] {
      let h = Int(member)
      guard sizes[h] >= wanted else { continue }
      if sizes[h] < sizes[g], smallest.map({ (sizes[h], h) < (sizes[$0], $0) }) ?? true { smallest = h }
      guard let (to, cost) = cheapest(h, { $0 != t && self.room[$0] >= self.sizes[h] }) else { continue }
      let price = Double(cost - unitCost[h]) * Double(sizes[h])
      if best == nil || (price, h) < (best!.price, best!.group) { best = (h, (to, cost), price) }
    }
    if let best { return (best.group, best.to) }
    return smallest.map { ($0, nil) }
  }

  // MARK: Better places

  private mutating func moveToCheaper() throws(QueryError) {
    var steps = 0
    for _ in 0..<8 {
      var changed = false
      for g in sizes.indices where target[g] >= 0 {
        try pause(&steps)
        let (own, size) = (unitCost[g], sizes[g])
        if let (chosen, cost) = cheapest(g, { self.room[$0] >= size }), cost < own {
          remove(g)
          place(g, chosen, cost)
          changed = true
        }
      }
      if !changed { break }
    }
  }

  /// Pairs of groups change places where one of them does not lie where the relaxation would have it.
  private mutating func exchange() throws(QueryError) {
    var steps = 0
    for _ in 0..<4 {
      var changed = false
      let displaced = sizes.indices.filter { target[$0] >= 0 && excess($0) > 0 }
        .sorted { (Double(sizes[$0]) * Double(excess($0)), $1) > (Double(sizes[$1]) * Double(excess($1)), $0) }
      for g in displaced {
        try pause(&steps)
        let from = Int(target[g])
        var best: (other: Int, to: Int, cost: Int64, otherCost: Int64, change: Double)?
        for index in simplex.arcs(of: Int(sourceOf[g])) {
          let (t, cost) = simplex.arc(index)
          let gain = Double(unitCost[g] - cost) * Double(sizes[g])
          if t == from || gain <= 0 { continue }
          for member in members[t] {
            let h = Int(member)
            let difference = sizes[g] - sizes[h]
            guard difference <= room[t], -difference <= room[from], let back = self.cost(h, from) else { continue }
            let change = Double(back - unitCost[h]) * Double(sizes[h]) - gain
            if change < 0, best == nil || (change, h) < (best!.change, best!.other) {
              best = (h, t, cost, back, change)
            }
          }
        }
        guard let best else { continue }
        remove(g)
        remove(best.other)
        place(g, best.to, best.cost)
        place(best.other, from, best.otherCost)
        changed = true
      }
      if !changed { break }
    }
  }

  /// What a head of the group costs more than the prices of the relaxation allow.
  private func excess(_ g: Int) -> Int64 {
    unitCost[g] + simplex.sourcePotential(Int(sourceOf[g])) - simplex.targetPotential(Int(target[g]))
  }

  // MARK: Steps

  private func cheapest(_ g: Int, _ allowed: (Int) -> Bool) -> (target: Int, cost: Int64)? {
    var best: (target: Int, cost: Int64)?
    for index in simplex.arcs(of: Int(sourceOf[g])) {
      let (t, cost) = simplex.arc(index)
      if best.map({ (cost, t) < ($0.cost, $0.target) }) ?? true, allowed(t) { best = (t, cost) }
    }
    return best
  }

  private func cost(_ g: Int, _ t: Int) -> Int64? {
    for index in simplex.arcs(of: Int(sourceOf[g])) {
      let (other, cost) = simplex.arc(index)
      if other == t { return cost }
    }
    return nil
  }

  private mutating func place(_ g: Int, _ t: Int, _ cost: Int64) {
    target[g] = Int32(t)
    unitCost[g] = cost
    room[t] -= sizes[g]
    members[t].append(UInt32(g))
  }

  private mutating func remove(_ g: Int) {
    let t = Int(target[g])
    target[g] = -1
    room[t] += sizes[g]
    if let index = members[t].firstIndex(of: UInt32(g)) { members[t].remove(at: index) }
  }

  private func pause(_ steps: inout Int) throws(QueryError) {
    steps += 1
    if steps & 63 == 0 { try token.check() }
  }
}
