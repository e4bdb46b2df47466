internal import SpatialIndex

/// A condition in three dimensions between the rows of two sources of a join, answered pair by pair: pairs whose boxes
/// are farther apart than asked are ruled out, of the others the bodies are measured.
final class SpacePairs: Sendable {
  /// What ``measured(_:_:)`` says of a pair for which the condition does not hold, and of one with a row without heights.
  static let no = Double.infinity
  static let unknown = Double.nan

  private let clause: SpaceClause
  private let source: SpaceSource
  /// Of the clause's own source and of the partner.
  private let layers: (Int, Int)
  private let indexes: (SpaceIndex, SpaceIndex)
  private let positions: ([UInt32], [UInt32])
  private let token: CancellationToken

  /// As many bodies are held at once, about.
  private static let mostBodies = 512

  init(
    _ clause: SpaceClause, partner: SpaceClause.Partner, from source: SpaceSource, token: CancellationToken
  ) throws(QueryError) {
    (self.clause, self.source, self.token) = (clause, source, token)
    layers = (clause.layer, partner.layer)
    let own = try source.indexWithHeights(of: clause.layer, token: token)
    let other = partner.layer == clause.layer ? own : try source.indexWithHeights(of: partner.layer, token: token)
    indexes = (own, other)
    let ownPositions = own.positions
    positions = (ownPositions, partner.layer == clause.layer ? ownPositions : other.positions)
  }

  /// Adds the pairs of one row that may pass: `row` of the clause's own source and rows of the partner, or turned around.
  func candidates(of row: UInt32, isOwn: Bool, _ found: (UInt32) throws(QueryError) -> Void) throws(QueryError) {
    guard row != Tuples.none, clause.reach >= 0 else { return }
    let (from, to) = isOwn ? indexes : (indexes.1, indexes.0)
    let box = from.box(of: row, isOwn ? positions.0 : positions.1)
    guard !box.isEmpty else { return }
    let reach = clause.reach + SpaceClause.tolerance
    var near: [UInt32] = []
    to.tree.forEach(meeting: box.expanded(by: reach)) { near.append(UInt32($0)) }
    near.sort()
    for other in near { try found(other) }
  }

  /// For each pair of a row of the clause's own source and one of the partner: the metres between them where the
  /// condition holds, else ``no`` or ``unknown``.
  func measured(_ a: [UInt32], _ b: [UInt32]) throws(QueryError) -> [Double] {
    var result = Array(repeating: Self.unknown, count: a.count)
    let reach = clause.reach + SpaceClause.tolerance
    var wanted: (own: Set<UInt32>, other: Set<UInt32>) = ([], [])
    var pending: [Int] = []
    for i in a.indices where a[i] != Tuples.none && b[i] != Tuples.none {
      let (x, y) = (indexes.0.box(of: a[i], positions.0), indexes.1.box(of: b[i], positions.1))
      if x.isEmpty || y.isEmpty { continue }
      // A hair more, for squares are rounded.
      guard clause.reach >= 0, x.squaredDistance(to: y) <= reach * reach * (1 + 1e-9) else {
        result[i] = Self.no
        continue
      }
      wanted.own.insert(a[i])
      wanted.other.insert(b[i])
      pending.append(i)
      if wanted.own.count + wanted.other.count >= Self.mostBodies {
        try measure(pending, a, b, wanted, &result)
        (wanted, pending) = (([], []), [])
      }
    }
    try measure(pending, a, b, wanted, &result)
    return result
  }

  private func measure(
    _ pairs: [Int], _ a: [UInt32], _ b: [UInt32], _ wanted: (own: Set<UInt32>, other: Set<UInt32>),
    _ result: inout [Double]
  ) throws(QueryError) {
    guard let first = pairs.first else { return }
    let corner = indexes.0.box(of: a[first], positions.0)
    let origin = Point3(corner.min[0], corner.min[1], 0)
    let isOneLayer = layers.0 == layers.1
    let own = try bodies(layers.0, isOneLayer ? wanted.own.union(wanted.other) : wanted.own, origin)
    let other = isOneLayer ? own : try bodies(layers.1, wanted.other, origin)
    for i in pairs {
      try check()
      guard let x = own[a[i]], let y = other[b[i]] else { continue }
      if clause.test == .inside {
        result[i] = x.points.contains(where: y.encloses) ? 0 : Self.no
      } else {
        result[i] = x.distance(to: y, within: clause.reach) ?? Self.no
      }
    }
  }

  private func check() throws(QueryError) {
    do { try token.check() } catch { throw QueryError.from(error) }
  }

  private func bodies(_ layer: Int, _ rows: Set<UInt32>, _ origin: Point3) throws(QueryError) -> [UInt32: Body] {
    var made: [UInt32: Body] = [:]
    try source.bodies(of: layer, rows: rows.sorted().map { Int($0) }, origin: origin, token: token) { row, body in
      if let body { made[UInt32(row)] = body }
    }
    return made
  }
}

extension SpaceIndex {
  /// By row, where the tree has its box.
  fileprivate var positions: [UInt32] {
    if tree.isSorted { return [] }
    var result = Array(repeating: UInt32.max, count: tree.count)
    for position in 0..<tree.count { result[tree.item(at: position)] = UInt32(position) }
    return result
  }

  fileprivate func box(of row: UInt32, _ positions: [UInt32]) -> Box<3> {
    let position = positions.isEmpty ? row : positions[Int(row)]
    return position < UInt32(tree.count) ? tree.box(at: Int(position)) : .empty
  }
}
