internal import SpatialIndex

/// A condition in 3D that was worked out for the whole layer before, to be looked up by the rows that have the places of a
/// source's rows.
struct SpaceLookup {
  let source: Int
  let follower: LinkFollower?
  let answer: SpaceClause.Answer

  func rows(_ tuples: Tuples) throws(QueryError) -> [UInt32] {
    guard let follower else { return tuples.rows[source] }
    return try follower.rows(from: tuples.rows[source], mayBeNone: tuples.mayBeNone(source))
  }
}

/// Whether the condition holds.
final class SpaceTestNode: TruthNode, @unchecked Sendable {
  private let lookup: SpaceLookup

  init(_ lookup: SpaceLookup) {
    self.lookup = lookup
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    let answer = lookup.answer
    return try lookup.rows(tuples).map { row in
      if row == Tuples.none || answer.unknown.contains(Int(row)) { return Truth.unknown }
      return answer.holds.contains(Int(row)) ? Truth.yes : Truth.no
    }
  }
}

/// The distance in 3D of rows for which the condition holds; NULL for others.
final class SpaceDistanceNode: Node, @unchecked Sendable {
  private let lookup: SpaceLookup

  init(_ lookup: SpaceLookup) {
    self.lookup = lookup
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let found = try lookup.rows(tuples).map { lookup.answer.distances[$0] }
    return .vector(Vector(.double(found.map { $0 ?? 0 }), validity: found.map { $0 != nil }))
  }
}

/// Whether a condition in 3D holds between the rows of two sources.
final class SpacePairTestNode: TruthNode, @unchecked Sendable {
  private let pairs: SpacePairs
  private let own, other: LinkFollower

  init(_ pairs: SpacePairs, _ own: LinkFollower, _ other: LinkFollower) {
    (self.pairs, self.own, self.other) = (pairs, own, other)
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    try pairs.measured(try own.rows(tuples), try other.rows(tuples)).map {
      $0.isNaN ? Truth.unknown : $0 == SpacePairs.no ? Truth.no : Truth.yes
    }
  }
}

/// The distance in 3D of pairs for which the condition holds; NULL for others.
final class SpacePairDistanceNode: Node, @unchecked Sendable {
  private let pairs: SpacePairs
  private let own, other: LinkFollower

  init(_ pairs: SpacePairs, _ own: LinkFollower, _ other: LinkFollower) {
    (self.pairs, self.own, self.other) = (pairs, own, other)
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let metres = try pairs.measured(try own.rows(tuples), try other.rows(tuples))
    return .vector(Vector(.double(metres.map { $0.isFinite ? $0 : 0 }), validity: metres.map(\.isFinite)))
  }
}

/// SURFACE_AREA of rows: of all faces of their bodies, in square metres; NULL without heights.
final class SurfaceAreaNode: Node, @unchecked Sendable {
  private let geometry: GeometryNode
  private let layer: Int
  private let space: SpaceSource
  private let token: CancellationToken

  init(_ geometry: GeometryNode, layer: Int, _ space: SpaceSource, _ token: CancellationToken) {
    (self.geometry, self.layer, self.space, self.token) = (geometry, layer, space, token)
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let rows = try geometry.rows(tuples)
    var areas: [UInt32: Double] = [:]
    let wanted = Set(rows.filter { $0 != Tuples.none }).sorted()
    guard let first = wanted.first else { return .constant(.null) }
    let corner = geometry.column.box(first)
    let origin = corner.isEmpty ? Point3.zero : Point3(corner.min[0], corner.min[1], 0)
    try space.bodies(of: layer, rows: wanted.map { Int($0) }, origin: origin, token: token) { row, body in
      if let body { areas[UInt32(row)] = body.surfaceArea }
    }
    return .vector(
      Vector(.double(rows.map { areas[$0] ?? 0 }), validity: rows.map { areas[$0] != nil }))
  }
}

extension Compiler {
  /// SURFACE_AREA of the geometry of a source, whose body the store holds; nil for any other geometry.
  func surfaceArea(_ e: BoundExpression) throws(QueryError) -> Node? {
    guard case .geometry(let source) = e.kind, let space = scope.layers.space,
      let path = scope.relations[source].geometryPath,
      let layer = path.last?.targetLayer ?? scope.relations[source].layer
    else { return nil }
    return SurfaceAreaNode(
      try GeometryNode(source: source, steps: path, scope: scope), layer: layer, space, scope.token)
  }

  func follower(of source: Int) throws(QueryError) -> LinkFollower? {
    let relation = scope.relations[source]
    guard let path = relation.geometryPath, !path.isEmpty || relation.base != nil else { return nil }
    return try LinkFollower(source: source, steps: path, scope: scope)
  }

  /// The rows that have the bodies of a source's rows.
  func bodyRows(of source: Int) throws(QueryError) -> LinkFollower {
    guard let path = scope.relations[source].geometryPath else {
      throw QueryError(.invalid("`\(scope.relations[source].name)` has no geometry"))
    }
    return try LinkFollower(source: source, steps: path, scope: scope)
  }

  func pairs(of clause: SpaceClause, _ partner: SpaceClause.Partner) throws(QueryError) -> SpacePairs {
    guard let space = scope.layers.space else {
      throw QueryError(.notSupported("3D without a store"))
    }
    return try SpacePairs(clause, partner: partner, from: space, token: scope.token)
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
