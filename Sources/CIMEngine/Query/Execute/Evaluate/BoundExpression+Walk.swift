// What the planner and the compiler ask of bound expressions.

extension BoundExpression {
  /// The expressions directly below.
  var children: [BoundExpression] {
    switch kind {
    case .constant, .column, .path, .geometry, .distance, .groupKey, .aggregate: []
    case .negate(let a), .not(let a), .isNull(let a), .convert(let a), .inFind(let a, _): [a]
    case .and(let list), .or(let list), .array(let list), .call(_, let list): list
    case .compare(_, let a, let b), .arithmetic(_, let a, let b), .like(let a, pattern: let b),
      .relation(_, let a, let b):
      [a, b]
    case .inList(let a, let list): [a] + list
    case .choose(let cases, let otherwise):
      cases.flatMap { [$0.condition, $0.result] } + (otherwise.map { [$0] } ?? [])
    case .spatial(let test, _, _):
      switch test {
      case .within(let distance), .beyond(let distance), .byRoad(let distance, _): [distance]
      default: []
      }
    case .within(let a, let b, let distance): [a, b, distance]
    case .interval(let a, let b): [a, b].compactMap { $0 }
    }
  }

  /// A copy with each expression directly below replaced.
  func mapChildren(_ body: (BoundExpression) throws(QueryError) -> BoundExpression) throws(QueryError)
    -> BoundExpression
  {
    var result = self
    switch kind {
    case .constant, .column, .path, .geometry, .distance, .groupKey, .aggregate: break
    case .negate(let a): result.kind = .negate(try body(a))
    case .not(let a): result.kind = .not(try body(a))
    case .isNull(let a): result.kind = .isNull(try body(a))
    case .convert(let a): result.kind = .convert(try body(a))
    case .inFind(let a, let find): result.kind = .inFind(try body(a), find)
    case .and(let list): result.kind = .and(try list.mapped(body))
    case .or(let list): result.kind = .or(try list.mapped(body))
    case .array(let list): result.kind = .array(try list.mapped(body))
    case .call(let function, let list): result.kind = .call(function, try list.mapped(body))
    case .compare(let op, let a, let b): result.kind = .compare(op, try body(a), try body(b))
    case .arithmetic(let op, let a, let b): result.kind = .arithmetic(op, try body(a), try body(b))
    case .like(let a, let b): result.kind = .like(try body(a), pattern: try body(b))
    case .relation(let relation, let a, let b): result.kind = .relation(relation, try body(a), try body(b))
    case .inList(let a, let list): result.kind = .inList(try body(a), try list.mapped(body))
    case .choose(let cases, let otherwise):
      var made: [(condition: BoundExpression, result: BoundExpression)] = []
      for one in cases { made.append((try body(one.condition), try body(one.result))) }
      var rest: BoundExpression?
      if let otherwise { rest = try body(otherwise) }
      result.kind = .choose(cases: made, otherwise: rest)
    case .spatial(let test, let source, let reference):
      switch test {
      case .within(let distance): result.kind = .spatial(.within(try body(distance)), source: source, reference)
      case .beyond(let distance): result.kind = .spatial(.beyond(try body(distance)), source: source, reference)
      case .byRoad(let distance, let road):
        result.kind = .spatial(.byRoad(try body(distance), road), source: source, reference)
      default: break
      }
    case .within(let a, let b, let distance):
      result.kind = .within(try body(a), try body(b), distance: try body(distance))
    case .interval(let a, let b):
      var start: BoundExpression?
      var end: BoundExpression?
      if let a { start = try body(a) }
      if let b { end = try body(b) }
      result.kind = .interval(start, end)
    }
    return result
  }

  /// The conjuncts of a condition: AND taken apart.
  var conjuncts: [BoundExpression] {
    if case .and(let list) = kind { return list.flatMap(\.conjuncts) }
    return [self]
  }

  /// The sources that the expression reads.
  func sources(distances: [BoundDistance], joins: [BoundJoin]) -> Set<Int> {
    var result: Set<Int> = []
    func visit(_ e: BoundExpression) {
      switch e.kind {
      case .column(let source, _), .path(let source, _, _), .geometry(let source): result.insert(source)
      case .spatial(_, let source, let reference):
        result.insert(source)
        if let other = reference.joinedSource { result.insert(other) }
      case .distance(let slot):
        guard slot < distances.count else { break }
        switch distances[slot].measure {
        case .nearest, .road: result.insert(0)
        case .reference(let reference):
          result.insert(0)
          if let other = reference.joinedSource { result.insert(other) }
        case .join(let join):
          guard join < joins.count else { break }
          result.insert(joins[join].source)
          switch joins[join].condition {
          case .within(_, let from), .nearest(_, _, let from): result.insert(from)
          case .on: break
          }
        }
      default: break
      }
      for child in e.children { visit(child) }
    }
    visit(self)
    return result
  }

  /// Whether any part of the expression answers true.
  func contains(_ test: (BoundExpression) -> Bool) -> Bool {
    test(self) || children.contains { $0.contains(test) }
  }

  /// The column that the expression reads, when it reads exactly one (as often as it likes) and nothing else but
  /// constants: then its value follows from that of the column.
  var onlyColumn: OnlyColumn? {
    var found: OnlyColumn?
    var other = false
    func visit(_ e: BoundExpression) {
      switch e.kind {
      case .column(let source, let column):
        let leaf = OnlyColumn(source: source, steps: [], column: column, isPath: false, type: e.type)
        if let known = found, known != leaf { other = true }
        found = leaf
      case .path(let source, let steps, let column?):
        let leaf = OnlyColumn(source: source, steps: steps, column: column, isPath: true, type: e.type)
        if let known = found, known != leaf { other = true }
        found = leaf
      case .path, .geometry, .distance, .groupKey, .aggregate, .spatial, .inFind: other = true
      default: break
      }
      for child in e.children { visit(child) }
    }
    visit(self)
    return other ? nil : found
  }

  struct OnlyColumn: Equatable {
    var source: Int
    var steps: [LinkStep]
    var column: Int
    var isPath: Bool
    var type: ColumnType?
  }

  /// The expression with every column leaf read from column `column` of source 0 instead.
  func rebased(toColumn column: Int) -> BoundExpression {
    switch kind {
    case .column, .path(_, _, .some):
      return BoundExpression(kind: .column(source: 0, column: column), type: type, range: range)
    default:
      // The closure does not throw.
      return (try? mapChildren { (child) throws(QueryError) in child.rebased(toColumn: column) }) ?? self
    }
  }
}

extension BoundReference {
  /// The other source that is read, beside the one that is asked about.
  var joinedSource: Int? {
    switch self {
    case .source(let other): other
    case .space(let clause): clause.partner?.source
    case .geometries, .layer, .find: nil
    }
  }
}

extension Array where Element == BoundExpression {
  func mapped(_ body: (BoundExpression) throws(QueryError) -> BoundExpression) throws(QueryError) -> [BoundExpression] {
    var result: [BoundExpression] = []
    result.reserveCapacity(count)
    for element in self { result.append(try body(element)) }
    return result
  }
}
