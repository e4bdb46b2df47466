/// Rows whose bodies meet a condition in three dimensions with those of what is joined so far: candidates through the
/// joined source's 3D R-tree, then measured.
final class SpaceJoin: JoinStage, @unchecked Sendable {
  private let pairs: SpacePairs
  private let isOwn: Bool
  private let from: LinkFollower
  private let allowed: RowSet?
  private let slot: Int?
  private let token: CancellationToken

  /// - Parameters:
  ///   - isOwn: whether `from` is of the clause's own source, and the joined one its partner.
  ///   - slot: takes the distances.
  init(
    source: Int, isLeft: Bool, conditions: [Node], pairs: SpacePairs, isOwn: Bool, from: LinkFollower,
    allowed: RowSet?, slot: Int?, token: CancellationToken
  ) {
    (self.pairs, self.isOwn, self.from) = (pairs, isOwn, from)
    (self.allowed, self.slot, self.token) = (allowed, slot, token)
    super.init(source: source, isLeft: isLeft, conditions: conditions)
  }

  override var measuredSlot: Int? { slot }

  override func match(_ tuples: Tuples, _ made: Pairs) throws(QueryError) {
    let rows = try from.rows(tuples)
    var origins: [Int] = []
    var (here, there): ([UInt32], [UInt32]) = ([], [])
    func flush() throws(QueryError) {
      let metres = isOwn ? try pairs.measured(here, there) : try pairs.measured(there, here)
      for i in metres.indices where metres[i].isFinite { try made.add(origins[i], there[i], metres: metres[i]) }
      origins.removeAll(keepingCapacity: true)
      here.removeAll(keepingCapacity: true)
      there.removeAll(keepingCapacity: true)
    }
    for i in rows.indices {
      try token.check()
      try pairs.candidates(of: rows[i], isOwn: isOwn) { (row) throws(QueryError) in
        if let allowed, !allowed.contains(Int(row)) { return }
        origins.append(i)
        here.append(rows[i])
        there.append(row)
        if here.count >= Tuples.capacity { try flush() }
      }
    }
    try flush()
  }
}
