internal import SpatialIndex

/// Makes nodes of bound expressions. Subqueries that an expression holds are run here, once.
struct Compiler {
  let scope: Scope
  /// Slots of `BoundFind.distances` that operators fill in the tuples.
  var measuredSlots: Set<Int> = []
  /// The joins of the statement, for distances that are worked out from two sources.
  var joins: [BoundJoin] = []
  /// Whether expressions over one dictionary column are looked up by code.
  var usesDictionaries = true

  func compile(_ e: BoundExpression) throws(QueryError) -> Node {
    if usesDictionaries, let node = try dictionaryNode(e) { return node }
    switch e.kind {
    case .constant(let value): return ConstantNode(value, type: e.type)
    case .column(let source, let column):
      return try ColumnNode(source: source, column: column, type: e.type, scope: scope)
    case .path(let source, let steps, let column):
      if column == nil { return try GeometryNode(source: source, steps: steps, scope: scope) }
      return try PathNode(source: source, steps: steps, column: column, type: e.type, scope: scope)
    case .geometry(let source): return try geometryNode(source)
    case .distance(let slot): return try distanceNode(slot)
    case .groupKey, .aggregate:
      throw QueryError(.invalid("an aggregate cannot stand here"), at: e.range)
    case .negate(let a): return folded(NegateNode(try compile(a), type: e.type, range: e.range))
    case .not(let a): return folded(NotNode(try compile(a)))
    case .and(let list): return AndNode(try compile(list))
    case .or(let list): return OrNode(try compile(list))
    case .compare(let comparison, let a, let b):
      return folded(CompareNode(comparison, try compile(a), try compile(b)))
    case .arithmetic(let operation, let a, let b):
      return folded(
        ArithmeticNode(
          operation, try compile(a), try compile(b), type: e.type, range: e.range, findings: scope.findings))
    case .like(let a, let pattern): return folded(LikeNode(try compile(a), pattern: try compile(pattern)))
    case .inList(let a, let list): return try inList(try compile(a), list)
    case .inFind(let a, let find): return InSetNode(try compile(a), try valueSet(find))
    case .isNull(let a): return folded(IsNullNode(try compile(a)))
    case .call(let function, let arguments): return try call(function, arguments, e)
    case .choose(let cases, let otherwise):
      var made: [(condition: Node, result: Node)] = []
      for one in cases { made.append((try compile(one.condition), try compile(one.result))) }
      return ChooseNode(
        cases: made, otherwise: try otherwise.map { (e) throws(QueryError) in try compile(e) }, type: e.type)
    case .relation(let relation, let a, let b):
      return try pairTest(.holds(SpatialPredicate(relation)), a, b, distance: nil)
    case .spatial(let test, let source, let reference): return try spatial(test, source, reference)
    case .within(let a, let b, let distance): return try within(a, b, distance)
    case .convert(let a): return folded(ConvertNode(try compile(a), to: e.type))
    case .interval: throw QueryError(.invalid("INTERVAL stands only in a temporal function (T_…)"), at: e.range)
    case .array(let list):
      let node = ArrayNode(try compile(list))
      return folded(node)
    }
  }

  func compile(_ list: [BoundExpression]) throws(QueryError) -> [Node] {
    var result: [Node] = []
    for e in list { result.append(try compile(e)) }
    return result
  }

  /// The value of an expression that reads no rows; nil when it does.
  func constantValue(_ e: BoundExpression) throws(QueryError) -> Value? {
    if e.contains({ $0.readsRows }) { return nil }
    return try compile(e).constant
  }

  /// A node whose operands are all constant gives one value: it is worked out here. Errors wait until rows ask.
  private func folded(_ node: Node) -> Node {
    let operands: [Node] =
      switch node {
      case let node as CompareNode: [node.left, node.right]
      case let node as ArithmeticNode: [node.left, node.right]
      case let node as LikeNode: [node.operand, node.pattern]
      case let node as NegateNode: [node.operand]
      case let node as NotNode: [node.operand]
      case let node as IsNullNode: [node.operand]
      case let node as ConvertNode: [node.operand]
      case let node as ValueFunctionNode: node.arguments
      case let node as GeometryFunctionNode: node.arguments
      case let node as ArrayNode: node.elements
      default: []
      }
    if operands.contains(where: { $0.constant == nil }) { return node }
    let one = Tuples(count: 1, sourceCount: scope.relations.count, distanceCount: scope.distances.count)
    guard let value = try? node.values(one)[0] else { return node }
    return ConstantNode(value, type: node.type)
  }

  // MARK: Leaves

  private func geometryNode(_ source: Int) throws(QueryError) -> GeometryNode {
    guard let path = scope.relations[source].geometryPath else {
      throw QueryError(.invalid("`\(scope.relations[source].name)` has no geometry"))
    }
    return try GeometryNode(source: source, steps: path, scope: scope)
  }

  private func distanceNode(_ slot: Int) throws(QueryError) -> Node {
    if measuredSlots.contains(slot) { return MeasuredDistanceNode(slot: slot) }
    switch scope.distances[slot].measure {
    case .nearest: return MeasuredDistanceNode(slot: slot)
    case .reference(.space(let clause)):
      if let partner = clause.partner {
        return SpacePairDistanceNode(
          try pairs(of: clause, partner), try bodyRows(of: 0), try bodyRows(of: partner.source))
      }
      return SpaceDistanceNode(
        SpaceLookup(source: 0, follower: try follower(of: 0), answer: try answer(to: clause)))
    case .reference(.source(let other)):
      return PairDistanceNode(try geometryNode(0), try geometryNode(other), isGeodesic: scope.isGeographic)
    case .road(let reference, let road): return try roadDistance(reference, road)
    case .reference(let reference):
      return ReferenceDistanceNode(try geometryNode(0), try features(of: reference))
    case .join(let join):
      switch joins[join].condition {
      case .within(_, let from), .nearest(_, _, let from):
        return PairDistanceNode(
          try geometryNode(from), try geometryNode(joins[join].source), isGeodesic: scope.isGeographic)
      case .on:
        return PairDistanceNode(
          try geometryNode(0), try geometryNode(joins[join].source), isGeodesic: scope.isGeographic)
      }
    }
  }

  // MARK: Membership

  private func inList(_ operand: Node, _ list: [BoundExpression]) throws(QueryError) -> Node {
    let nodes = try compile(list)
    if nodes.allSatisfy({ $0.constant != nil }) {
      var set = ValueSet()
      for node in nodes { set.insert(node.constant!) }
      return InSetNode(operand, set)
    }
    return OrNode(nodes.map { CompareNode(.equal, operand, $0) })
  }

  private func valueSet(_ find: BoundFind) throws(QueryError) -> ValueSet {
    let relation = try scope.subqueries.relation(find, scope: scope)
    var set = ValueSet()
    var inner = scope
    inner.relations = [relation]
    inner.distances = []
    let node = try ColumnNode(source: 0, column: 0, type: find.items.first?.column.type, scope: inner)
    let rows = relation.subset?.rows ?? (0..<UInt32(relation.table.rowCount)).map { $0 }
    try Tuples(rows: rows).forEachPiece { (piece) throws(QueryError) in
      try scope.token.check()
      for value in try node.values(piece) { set.insert(value) }
    }
    return set
  }

  // MARK: Functions

  private func call(
    _ function: Function, _ arguments: [BoundExpression], _ e: BoundExpression
  ) throws(QueryError) -> Node {
    switch function {
    case .tAfter, .tBefore, .tContains, .tDisjoint, .tDuring, .tEquals, .tFinishedBy, .tFinishes, .tIntersects, .tMeets,
      .tMetBy, .tOverlappedBy, .tOverlaps, .tStartedBy, .tStarts:
      return TemporalRelationNode(function, try period(arguments[0]), try period(arguments[1]))
    case .aContainedBy, .aContains, .aEquals, .aOverlaps:
      return ArrayRelationNode(function, try compile(arguments[0]), try compile(arguments[1]))
    case .levelSurface:
      guard let place = try compile(arguments[0]) as? GeometryNode,
        case .constant(.text(let text)) = arguments[1].kind, let surface = LevelSurface(text: text)
      else {
        throw QueryError(
          .invalid("\(LevelSurface.function) takes the geometry of a row and points as text"), at: e.range)
      }
      return ShapeNumberNode(place) { surface.level(at: $0) }
    case .wetFloors: return try wetFloors(arguments, e)
    case .coalesce where e.type == .geometry:
      return ChooseNode(
        cases: try arguments.mapped { (a) throws(QueryError) in
          (NotNode(IsNullNode(try compile(a))), try compile(a))
        }, otherwise: nil, type: .geometry)
    case .distance where arguments.count == 2:
      let (a, b) = (try compile(arguments[0]), try compile(arguments[1]))
      if scope.isGeographic { return GeodesicDistanceNode(a, b) }
      if let a = a as? GeometryNode, let b = b as? GeometryNode { return PairDistanceNode(a, b, isGeodesic: false) }
      if let a = a as? GeometryNode, case .geometry(let g)? = b.constant {
        return ReferenceDistanceNode(a, ReferenceFeatures([g], label: ""))
      }
      if let b = b as? GeometryNode, case .geometry(let g)? = a.constant {
        return ReferenceDistanceNode(b, ReferenceFeatures([g], label: ""))
      }
      return folded(GeometryFunctionNode(function, [a, b], type: e.type, range: e.range))
    default:
      let nodes = try compile(arguments)
      if function == .surfaceArea, let node = try surfaceArea(arguments[0]) { return node }
      if GeometryFunctionNode.handles(function) {
        return folded(GeometryFunctionNode(function, nodes, type: e.type, range: e.range))
      }
      return folded(ValueFunctionNode(function, nodes, type: e.type, now: scope.now))
    }
  }

  private func period(_ e: BoundExpression) throws(QueryError) -> TemporalRelationNode.Period {
    if case .interval(let start, let end) = e.kind {
      var period = TemporalRelationNode.Period()
      if let start { period.start = try compile(start) }
      if let end { period.end = try compile(end) }
      return period
    }
    let node = try compile(e)
    return .init(start: node, end: node)
  }

  // MARK: Spatial conditions

  private func spatial(
    _ test: BoundExpression.SpatialTest, _ source: Int, _ reference: BoundReference
  ) throws(QueryError) -> Node {
    if case .space(let clause) = reference, let partner = clause.partner {
      let node = SpacePairTestNode(
        try pairs(of: clause, partner), try bodyRows(of: source), try bodyRows(of: partner.source))
      if case .beyond = test { return NotNode(node) }
      return node
    }
    if case .space(let clause) = reference {
      let answer = try answer(to: clause)
      let node = SpaceTestNode(SpaceLookup(source: source, follower: try follower(of: source), answer: answer))
      if case .beyond = test { return NotNode(node) }
      return node
    }
    let geometry = try geometryNode(source)
    var pair: PairTest?
    var distance: Node?
    var negated = false
    switch test {
    case .inside: pair = .holds(.coveredBy)
    case .intersects: pair = .holds(.intersects)
    case .touches: pair = .holds(.touches)
    case .contains: pair = .holds(.covers)
    case .within(let metres): (pair, distance) = try pairTest(within: metres)
    case .beyond(let metres):
      (pair, distance) = try pairTest(within: metres)
      negated = true
    case .byRoad(let metres, let road): return try roadTest(source, metres, road, reference)
    }
    if pair == nil, distance == nil { return ConstantNode(.null, type: .bool) }
    if case .source(let other) = reference {
      return PairTestNode(
        geometry, try geometryNode(other), test: pair, distance: distance, negated: negated,
        isGeodesic: scope.isGeographic)
    }
    return ReferenceTestNode(
      geometry, try features(of: reference), test: pair, distance: distance, negated: negated)
  }

  /// A closed ball: a test when the distance is constant, else the node that gives it; neither when it is NULL.
  private func pairTest(within metres: BoundExpression) throws(QueryError) -> (PairTest?, Node?) {
    switch Distance(try compile(metres)) {
    case .constant(let metres):
      return (scope.isGeographic ? .geodesic(try GeodesicMeasure.checked(metres)) : .within(metres), nil)
    case .varying(let node): return (nil, node)
    case .unknown: return (nil, nil)
    }
  }

  private func within(
    _ a: BoundExpression, _ b: BoundExpression, _ distance: BoundExpression
  ) throws(QueryError) -> Node {
    let (test, node) = try pairTest(within: distance)
    if test == nil, node == nil { return ConstantNode(.null, type: .bool) }
    return try pairTest(test, a, b, distance: node)
  }

  private func pairTest(
    _ test: PairTest?, _ a: BoundExpression, _ b: BoundExpression, distance: Node?
  ) throws(QueryError) -> Node {
    let (left, right) = (try compile(a), try compile(b))
    if let a = left as? GeometryNode, let b = right as? GeometryNode {
      return PairTestNode(a, b, test: test, distance: distance, isGeodesic: scope.isGeographic)
    }
    if let a = left as? GeometryNode, case .geometry(let g)? = right.constant {
      return ReferenceTestNode(
        a, ReferenceFeatures([g], label: "the geometry", isGeodesic: scope.isGeographic), test: test,
        distance: distance, negated: false)
    }
    if let b = right as? GeometryNode, case .geometry(let g)? = left.constant {
      return ReferenceTestNode(
        b, ReferenceFeatures([g], label: "the geometry", isGeodesic: scope.isGeographic), test: test?.transposed,
        distance: distance, negated: false)
    }
    return ComputedTestNode(left, right, test: test, distance: distance, isGeodesic: scope.isGeographic)
  }

  /// The features of a reference that does not depend on the rows.
  func features(of reference: BoundReference) throws(QueryError) -> ReferenceFeatures {
    switch reference {
    case .geometries(let geometries, let label):
      return ReferenceFeatures(geometries, label: label, isGeodesic: scope.isGeographic)
    case .layer(let layer):
      let table = try scope.table(layer: layer)
      guard let tree = table.tree else { return ReferenceFeatures([], label: table.name) }
      return try ReferenceFeatures(
        table: table, tree: tree, subset: nil, label: table.name, isGeodesic: scope.isGeographic)
    case .find(let find):
      let relation = try scope.subqueries.relation(find, scope: scope)
      return try features(of: relation)
    case .source, .space:
      throw QueryError(.invalid("an alias stands for one row at a time here"))
    }
  }

  /// The geometries of a subquery's rows.
  private func features(of relation: Relation) throws(QueryError) -> ReferenceFeatures {
    guard let path = relation.geometryPath else {
      throw QueryError(.invalid("the rows of `\(relation.name)` have no geometry"))
    }
    if path.isEmpty, relation.base == nil, let tree = relation.table.tree {
      return try ReferenceFeatures(
        table: relation.table, tree: tree, subset: relation.subset, label: relation.name, isGeodesic: scope.isGeographic
      )
    }
    var inner = scope
    inner.relations = [relation]
    inner.distances = []
    let follower = try LinkFollower(source: 0, steps: path, scope: inner)
    guard let tree = follower.target.tree else { return ReferenceFeatures([], label: relation.name) }
    let rows = relation.subset?.rows ?? (0..<UInt32(relation.table.rowCount)).map { $0 }
    var subset = RowSet(rowCount: follower.target.rowCount)
    for row in try follower.rows(from: rows, mayBeNone: false) where row != Tuples.none { subset.insert(Int(row)) }
    return try ReferenceFeatures(
      table: follower.target, tree: tree, subset: subset, label: relation.name, isGeodesic: scope.isGeographic)
  }
}

extension BoundExpression {
  /// Whether the value depends on the row.
  var readsRows: Bool {
    switch kind {
    case .column, .path, .geometry, .distance, .groupKey, .aggregate, .spatial, .inFind: true
    default: false
    }
  }
}

extension SpatialPredicate {
  init(_ relation: BoundExpression.SpatialRelation) {
    switch relation {
    case .intersects: self = .intersects
    case .equals: self = .equals
    case .disjoint: self = .disjoint
    case .touches: self = .touches
    case .within: self = .within
    case .overlaps: self = .overlaps
    case .crosses: self = .crosses
    case .contains: self = .contains
    }
  }
}

extension Array {
  func mapped<T>(_ body: (Element) throws(QueryError) -> T) throws(QueryError) -> [T] {
    var result: [T] = []
    result.reserveCapacity(count)
    for element in self { result.append(try body(element)) }
    return result
  }
}
