/// Whether a condition in 3D holds, looked up by row: it was worked out for the whole layer before.
final class SpaceTestNode: TruthNode, @unchecked Sendable {
  private let source: Int
  private let follower: LinkFollower?
  private let answer: SpaceClause.Answer

  init(_ source: Int, _ follower: LinkFollower?, _ answer: SpaceClause.Answer) {
    self.source = source
    self.follower = follower
    self.answer = answer
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    try tuples.placedRows(source, follower).map { row in
      if row == Tuples.none || answer.unknown.contains(Int(row)) { return Truth.unknown }
      return answer.holds.contains(Int(row)) ? Truth.yes : Truth.no
    }
  }
}

/// The distance in 3D of rows for which the condition holds; NULL for others.
final class SpaceDistanceNode: Node, @unchecked Sendable {
  private let source: Int
  private let follower: LinkFollower?
  private let answer: SpaceClause.Answer

  init(_ source: Int, _ follower: LinkFollower?, _ answer: SpaceClause.Answer) {
    self.source = source
    self.follower = follower
    self.answer = answer
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let found = try tuples.placedRows(source, follower).map { answer.distances[$0] }
    return .vector(Vector(.double(found.map { $0 ?? 0 }), validity: found.map { $0 != nil }))
  }
}

extension Tuples {
  /// The rows that have the geometry of the rows of a source.
  fileprivate func placedRows(_ source: Int, _ follower: LinkFollower?) throws(QueryError) -> [UInt32] {
    guard let follower else { return rows[source] }
    return try follower.rows(from: rows[source], mayBeNone: mayBeNone(source))
  }
}

extension Compiler {
  func follower(of source: Int) throws(QueryError) -> LinkFollower? {
    guard let path = scope.relations[source].geometryPath, !path.isEmpty else { return nil }
    return try LinkFollower(source: source, steps: path, scope: scope)
  }

  func answer(to clause: SpaceClause) throws(QueryError) -> SpaceClause.Answer {
    guard let space = scope.layers.space else {
      throw QueryError(.notSupported("3D without a store"))
    }
    return try clause.answer(from: space, token: scope.token) { (find) throws(QueryError) in
      let relation = try scope.subqueries.relation(find, scope: scope)
      guard let layer = relation.layer, relation.base == nil, relation.geometryPath?.isEmpty ?? false else {
        throw QueryError(
          .notSupported("a subquery of joined or linked rows as a reference in 3D"),
          fix: "use rows of one layer that has heights itself")
      }
      return (layer, relation.subset?.rows.map { Int($0) } ?? Array(0..<relation.table.rowCount))
    }
  }
}
