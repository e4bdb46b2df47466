internal import SpatialIndex

/// The geometry of a source, its own or at the end of links.
final class GeometryNode: Node, @unchecked Sendable {
  let follower: LinkFollower
  let column: ShapeColumn

  init(source: Int, steps: [LinkStep], scope: Scope) throws(QueryError) {
    follower = try LinkFollower(source: source, steps: steps, scope: scope)
    column = ShapeColumn(table: follower.target)
    super.init(type: .geometry)
  }

  /// The rows of ``column`` for a batch, checked.
  func rows(_ tuples: Tuples) throws(QueryError) -> [UInt32] {
    let rows = try follower.rows(tuples)
    try column.verify(rows)
    return rows
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    .vector(try column.table.gatherGeometry(rows: try follower.rows(tuples), mayBeNone: true))
  }
}

/// Metres that a clause states: a constant, or worked out for each row. NULL and negative match nothing.
enum Distance {
  case constant(Double)
  case varying(Node)
  case unknown

  init(_ node: Node) {
    if let value = node.constant {
      if let number = value.number { self = .constant(number) } else { self = .unknown }
    } else {
      self = .varying(node)
    }
  }
}

/// INSIDE, INTERSECTS, TOUCHES, CONTAINS, WITHIN … OF and BEYOND … OF against features known beforehand.
final class ReferenceTestNode: TruthNode, @unchecked Sendable {
  let geometry: GeometryNode
  let references: ReferenceFeatures
  let test: PairTest?
  let distance: Node?
  let negated: Bool

  /// - Parameters:
  ///   - test: nil for a distance that differs from row to row, which `distance` then gives.
  ///   - negated: BEYOND: holds when no feature is within the distance.
  init(
    _ geometry: GeometryNode, _ references: ReferenceFeatures, test: PairTest?, distance: Node?, negated: Bool
  ) {
    self.geometry = geometry
    self.references = references
    self.test = test
    self.distance = distance
    self.negated = negated
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    let rows = try geometry.rows(tuples)
    let distances = try distance?.values(tuples)
    let (yes, no) = negated ? (Truth.no, Truth.yes) : (Truth.yes, Truth.no)
    var result = [UInt8](repeating: Truth.unknown, count: tuples.count)
    let column = geometry.column
    for i in rows.indices {
      let shape = column.shape(rows[i])
      if shape.isNone { continue }
      let test: PairTest
      if let constant = self.test {
        test = constant
      } else {
        guard let metres = distances?[i].number else { continue }
        test = references.isGeodesic ? .geodesic(try GeodesicMeasure.checked(metres)) : .within(metres)
      }
      result[i] = try references.anyHolds(test, shape, column.box(rows[i])) ? yes : no
    }
    return result
  }
}

/// A condition between two geometries of the same joined row: `S_INTERSECTS(a.geom, b.geom)`, `INSIDE g`,
/// `S_DWITHIN(a.geom, b.geom, 500 m)`.
final class PairTestNode: TruthNode, @unchecked Sendable {
  let left: GeometryNode
  let right: GeometryNode
  let test: PairTest?
  let distance: Node?
  let negated: Bool
  let isGeodesic: Bool

  init(
    _ left: GeometryNode, _ right: GeometryNode, test: PairTest?, distance: Node?, negated: Bool = false,
    isGeodesic: Bool
  ) {
    self.isGeodesic = isGeodesic
    self.left = left
    self.right = right
    self.test = test
    self.distance = distance
    self.negated = negated
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    let (a, b) = (try left.rows(tuples), try right.rows(tuples))
    let distances = try distance?.values(tuples)
    let (yes, no) = negated ? (Truth.no, Truth.yes) : (Truth.yes, Truth.no)
    var result = [UInt8](repeating: Truth.unknown, count: tuples.count)
    for i in a.indices {
      let test: PairTest
      if let constant = self.test {
        test = constant
      } else {
        guard let metres = distances?[i].number else { continue }
        test = isGeodesic ? .geodesic(try GeodesicMeasure.checked(metres)) : .within(metres)
      }
      let (x, y) = (left.column.shape(a[i]), right.column.shape(b[i]))
      if x.isNone || y.isNone { continue }
      if test.isRuledOut(left.column.box(a[i]), right.column.box(b[i])) {
        result[i] = no
      } else {
        result[i] = try test.holds(x, y) ? yes : no
      }
    }
    return result
  }
}

/// A condition between geometries that are worked out: `S_INTERSECTS(BUFFER(geom, 20 m), …)`.
final class ComputedTestNode: Node, @unchecked Sendable {
  let left: Node
  let right: Node
  let test: PairTest?
  let distance: Node?
  let isGeodesic: Bool

  init(_ left: Node, _ right: Node, test: PairTest?, distance: Node?, isGeodesic: Bool) {
    self.isGeodesic = isGeodesic
    self.left = left
    self.right = right
    self.test = test
    self.distance = distance
    super.init(type: .bool)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let a = try left.values(tuples)
    let b = try right.values(tuples)
    let distances = try distance?.values(tuples)
    var result: [Value] = []
    for i in a.indices {
      guard case .geometry(let x) = a[i], case .geometry(let y) = b[i] else {
        result.append(.null)
        continue
      }
      let test: PairTest
      if let constant = self.test {
        test = constant
      } else {
        guard let metres = distances?[i].number else {
          result.append(.null)
          continue
        }
        test = isGeodesic ? .geodesic(try GeodesicMeasure.checked(metres)) : .within(metres)
      }
      result.append(.bool(try test.holds(x, y)))
    }
    return .vector(Vector(values: result, type: .bool))
  }
}

/// A slot of distances that an operator measured.
final class MeasuredDistanceNode: Node, @unchecked Sendable {
  let slot: Int
  init(slot: Int) {
    self.slot = slot
    super.init(type: .double)
  }
  override func evaluate(_ tuples: Tuples) -> Operand {
    let metres = tuples.distances[slot]
    if metres.isEmpty { return .constant(.null) }
    return .vector(Vector.finite(metres, validity: nil))
  }
}

/// `distance` after WITHIN … OF: to the nearest feature of the reference.
final class ReferenceDistanceNode: Node, @unchecked Sendable {
  let geometry: GeometryNode
  let references: ReferenceFeatures

  init(_ geometry: GeometryNode, _ references: ReferenceFeatures) {
    self.geometry = geometry
    self.references = references
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let rows = try geometry.rows(tuples)
    let column = geometry.column
    let metres = try rows.mapped { (row) throws(QueryError) -> Double in
      if references.isGeodesic { return try references.statedMetres(column.shape(row), column.box(row)) }
      return try references.squaredDistance(column.shape(row), column.box(row)).squareRoot()
    }
    return .vector(Vector.finite(metres, validity: nil))
  }
}

/// A number worked out from the shape of each row; NULL where it is not finite.
final class ShapeNumberNode: Node, @unchecked Sendable {
  private let geometry: GeometryNode
  private let number: @Sendable (Shape) -> Double

  init(_ geometry: GeometryNode, _ number: @escaping @Sendable (Shape) -> Double) {
    self.geometry = geometry
    self.number = number
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let numbers = try geometry.rows(tuples).map { number(geometry.column.shape($0)) }
    return .vector(Vector.finite(numbers, validity: nil))
  }
}

/// Metres between two sources of a joined row.
final class PairDistanceNode: Node, @unchecked Sendable {
  let left: GeometryNode
  let right: GeometryNode
  let isGeodesic: Bool

  init(_ left: GeometryNode, _ right: GeometryNode, isGeodesic: Bool) {
    self.isGeodesic = isGeodesic
    self.left = left
    self.right = right
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let (a, b) = (try left.rows(tuples), try right.rows(tuples))
    let metres = try Array(a.indices).mapped { (i) throws(QueryError) -> Double in
      let (x, y) = (left.column.shape(a[i]), right.column.shape(b[i]))
      if isGeodesic { return try GeodesicMeasure.metresWithinReach(x, y) }
      return PairTest.distance(x, y) ?? .infinity
    }
    return .vector(Vector.finite(metres, validity: nil))
  }
}
