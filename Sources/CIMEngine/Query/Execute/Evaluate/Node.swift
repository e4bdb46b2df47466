/// An expression made ready to run: names are pointers, patterns compiled, dictionaries looked through.
///
/// Nodes do not change once made and are shared by all workers.
class Node: @unchecked Sendable {
  let type: ColumnType?

  init(type: ColumnType?) { self.type = type }

  /// The values for the rows of a batch.
  func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand { .constant(.null) }

  /// The values of a boolean expression in three-valued logic: ``Truth/no``, ``Truth/unknown``, ``Truth/yes``.
  func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    switch try evaluate(tuples) {
    case .constant(.bool(let value)): Array(repeating: value ? Truth.yes : Truth.no, count: tuples.count)
    case .constant: Array(repeating: Truth.unknown, count: tuples.count)
    case .vector(let vector): Truth.from(vector)
    }
  }

  /// What the same value for every row would be, when it is known.
  var constant: Value? { nil }

  /// Where the values lie, when they are texts in the memory of a table.
  var mappedText: MappedText? { nil }

  /// Which rows have a value, where that is known without reading the values.
  func columnValidity(_ tuples: Tuples) throws(QueryError) -> ColumnFlags? { nil }

  /// The indices of the rows for which a boolean expression holds.
  final func select(_ tuples: Tuples) throws(QueryError) -> [Int32] {
    let truth = try truth(tuples)
    return [Int32](unsafeUninitializedCapacity: truth.count) { out, count in
      var n = 0
      for i in truth.indices {
        out.initializeElement(at: n, to: Int32(truncatingIfNeeded: i))
        n &+= truth[i] == Truth.yes ? 1 : 0
      }
      count = n
    }
  }
}

/// Which rows of a batch have a value.
enum ColumnFlags {
  case all
  case some([Bool])
}

/// A node that works in three-valued logic: its values are those of its ``Node/truth(_:)``, which it overrides.
class TruthNode: Node, @unchecked Sendable {
  final override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    .vector(Truth.vector(try truth(tuples)))
  }
}

/// Three-valued logic (Kleene): AND is the least, OR the greatest, NOT turns around.
enum Truth {
  static let no: UInt8 = 0
  static let unknown: UInt8 = 1
  static let yes: UInt8 = 2

  static func from(_ vector: Vector) -> [UInt8] {
    guard case .bool(let values) = vector.storage else {
      return Array(repeating: unknown, count: vector.count)
    }
    return [UInt8](unsafeUninitializedCapacity: values.count) { out, count in
      if let validity = vector.validity {
        for i in values.indices {
          out.initializeElement(at: i, to: validity[i] ? (values[i] ? yes : no) : unknown)
        }
      } else {
        for i in values.indices { out.initializeElement(at: i, to: values[i] ? yes : no) }
      }
      count = values.count
    }
  }

  static func vector(_ truth: [UInt8]) -> Vector {
    Vector(
      .bool(truth.map { $0 == yes }), validity: truth.contains(unknown) ? truth.map { $0 != unknown } : nil)
  }
}

final class ConstantNode: Node, @unchecked Sendable {
  let value: Value
  init(_ value: Value, type: ColumnType? = nil) {
    self.value = value
    super.init(type: value.type ?? type)
  }
  override func evaluate(_ tuples: Tuples) -> Operand { .constant(value) }
  override var constant: Value? { value }
}

/// A column of a source.
final class ColumnNode: Node, @unchecked Sendable {
  let source: Int
  let table: Table
  let column: Int
  /// The table that a link by fid leads to.
  let linkTarget: Table?

  init(source: Int, column: Int, type: ColumnType?, scope: Scope) throws(QueryError) {
    self.source = source
    let relation = scope.relations[source]
    table = relation.table
    self.column = relation.column(column)
    if case .link(let link) = table.columns[self.column] {
      linkTarget = try scope.table(layer: link.targetLayer)
    } else {
      linkTarget = nil
    }
    super.init(type: type)
  }

  override var mappedText: MappedText? {
    let (table, column, source) = (table, column, source)
    if let linkTarget {
      guard case .link(let link) = table.columns[column] else { return nil }
      return MappedText(table: linkTarget, column: linkTarget.idColumn, isShared: true) { (tuples) throws(QueryError) in
        try table.targets(of: link, column: column, tuples.rows[source], mayBeNone: tuples.mayBeNone(source))
      }
    }
    return MappedText(table: table, column: column, isShared: false) { (tuples) throws(QueryError) in
      tuples.rows[source]
    }
  }

  override func columnValidity(_ tuples: Tuples) throws(QueryError) -> ColumnFlags? {
    guard table.computedGeometry[column] == nil, let validity = table.columns[column].validity else { return nil }
    let rows = tuples.rows[source]
    guard tuples.mayBeNone(source) || validity.words != nil else { return .all }
    if validity.words != nil { try table.verify(column, rows: rows, mayBeNone: tuples.mayBeNone(source)) }
    return .some(rows.map { $0 != Tuples.none && validity[Int($0)] })
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let target = linkTarget
    return .vector(
      try table.gather(
        column: column, rows: tuples.rows[source], mayBeNone: tuples.mayBeNone(source)
      ) { _ throws(QueryError) in target! })
  }
}

/// Rows reached along links from the rows of a source.
struct LinkFollower: Sendable {
  private enum Step: Sendable {
    case resolved(Table, column: Int, UnsafeLink)
    case text(Table, column: Int, Table.TextLink)
  }
  private struct UnsafeLink: @unchecked Sendable { let rows: UnsafePointer<UInt32> }

  let source: Int
  /// The table at the end.
  let target: Table
  private let relation: Relation
  private let steps: [Step]

  /// - Throws: when a layer cannot be opened, or a step is not a link in its table.
  init(source: Int, steps: [LinkStep], scope: Scope) throws(QueryError) {
    self.source = source
    relation = scope.relations[source]
    var made: [Step] = []
    var table = relation.base?.table ?? relation.table
    for step in steps {
      let target = try scope.table(layer: step.targetLayer)
      if let link = table.links[step.column], link.targetLayer == step.targetLayer {
        made.append(.resolved(table, column: step.column, UnsafeLink(rows: link.rows)))
      } else {
        guard let column = target.columnNames.firstIndex(where: { equalText($0, step.targetColumn) }) else {
          throw QueryError(.invalid("`\(target.name)` has no column `\(step.targetColumn)` to link to"))
        }
        let link = try table.textLink(column: step.column, target: target, targetColumn: column)
        made.append(.text(table, column: step.column, link))
      }
      table = target
    }
    self.steps = made
    target = table
  }

  /// The row at the end of the links for each row of the batch, ``Tuples/none`` where a link is NULL or broken.
  func rows(_ tuples: Tuples) throws(QueryError) -> [UInt32] {
    try rows(from: tuples.rows[source], mayBeNone: tuples.mayBeNone(source))
  }

  func rows(from start: [UInt32], mayBeNone: Bool) throws(QueryError) -> [UInt32] {
    var (_, rows) = relation.based(start, mayBeNone: mayBeNone)
    var mayBeNone = mayBeNone || relation.base != nil
    for step in steps {
      switch step {
      case .resolved(let table, let column, let link):
        try table.verifyLink(column, rows: rows, mayBeNone: mayBeNone)
        rows = followed(link.rows, rows, mayBeNone)
      case .text(let table, let column, let link): rows = link.follow(rows, table: table, column: column)
      }
      mayBeNone = true
    }
    return rows
  }

  /// Whether the rows at the end may be `none`.
  func mayBeNone(_ tuples: Tuples) -> Bool {
    !steps.isEmpty || relation.base != nil || tuples.mayBeNone(source)
  }
}

extension Table.TextLink {
  func follow(_ start: [UInt32], table: Table, column: Int) -> [UInt32] {
    if byCode {
      guard case .dictionary(let source) = table.columns[column] else {
        return Array(repeating: Tuples.none, count: start.count)
      }
      return start.map {
        $0 != Tuples.none && source.validity[Int($0)] ? rows[Int(source.code(Int($0)))] : Tuples.none
      }
    }
    return start.map { $0 == Tuples.none ? Tuples.none : rows[Int($0)] }
  }
}

/// A column at the end of links, or the geometry there.
final class PathNode: Node, @unchecked Sendable {
  let follower: LinkFollower
  let column: Int?
  private let linkTarget: Table?

  init(source: Int, steps: [LinkStep], column: Int?, type: ColumnType?, scope: Scope) throws(QueryError) {
    follower = try LinkFollower(source: source, steps: steps, scope: scope)
    self.column = column
    if let column, case .link(let link) = follower.target.columns[column] {
      linkTarget = try scope.table(layer: link.targetLayer)
    } else {
      linkTarget = nil
    }
    super.init(type: type)
  }

  override var mappedText: MappedText? {
    let follower = follower
    guard let column else { return nil }
    if let linkTarget {
      let table = follower.target
      guard case .link(let link) = table.columns[column] else { return nil }
      return MappedText(table: linkTarget, column: linkTarget.idColumn, isShared: true) { (tuples) throws(QueryError) in
        try table.targets(of: link, column: column, try follower.rows(tuples), mayBeNone: true)
      }
    }
    return MappedText(table: follower.target, column: column, isShared: true) { (tuples) throws(QueryError) in
      try follower.rows(tuples)
    }
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let rows = try follower.rows(tuples)
    let mayBeNone = follower.mayBeNone(tuples)
    guard let column else { return .vector(try follower.target.gatherGeometry(rows: rows, mayBeNone: mayBeNone)) }
    let target = linkTarget
    return .vector(
      try follower.target.gather(column: column, rows: rows, mayBeNone: mayBeNone) { _ throws(QueryError) in target! })
  }
}

extension Node {
  /// Values one by one, for operations that are not hot.
  final func values(_ tuples: Tuples) throws(QueryError) -> [Value] {
    switch try evaluate(tuples) {
    case .constant(let value): return Array(repeating: value, count: tuples.count)
    case .vector(let vector): return (0..<tuples.count).map { vector[$0] }
    }
  }
}
