internal import Synchronization

/// What a source index of a statement reads: a table, which of its rows, and which of its columns.
struct Relation: Sendable {
  let table: Table
  /// Column of the table by column of the source; nil where they are the same.
  let columnMap: [Int]?
  /// The rows that a subquery kept; nil for all. Row numbers are those of `table` either way.
  var subset: RowSet?
  /// How a spatial clause gets a geometry (see `BoundSource.geometryPath`); nil when there is none.
  let geometryPath: [LinkStep]?
  /// For a subquery whose rows were written out: the layer row behind each row, for its geometry and links.
  let base: Base?
  /// Index of the layer in the catalogue, when the table is a layer.
  let layer: Int?
  let name: String

  struct Base: Sendable {
    let table: Table
    let rows: [UInt32]
    let layer: Int?
  }

  init(
    table: Table, columnMap: [Int]? = nil, subset: RowSet? = nil, geometryPath: [LinkStep]? = [], base: Base? = nil,
    layer: Int? = nil, name: String? = nil
  ) {
    self.table = table
    self.columnMap = columnMap
    self.subset = subset
    self.geometryPath = geometryPath
    self.base = base
    self.layer = layer
    self.name = name ?? table.name
  }

  func column(_ index: Int) -> Int { columnMap?[index] ?? index }

  /// The table with geometry and links behind the rows, and a row of it for each of `rows`.
  func based(_ rows: [UInt32], mayBeNone: Bool) -> (table: Table, rows: [UInt32]) {
    guard let base else { return (table, rows) }
    return (base.table, base.rows.withUnsafeBufferPointer { followed($0.baseAddress!, rows, mayBeNone) })
  }

  var rowCount: Int { subset?.count ?? table.rowCount }
}

/// What expressions met on their way that is no error, but that the user should know.
final class Findings: Sendable {
  private let divided = Atomic<Bool>(false)

  func noteDivisionByZero() { divided.store(true, ordering: .relaxed) }

  var notices: [String] {
    divided.load(ordering: .relaxed) ? ["a division by zero gave NULL: NULLIF or CASE make that case explicit"] : []
  }
}

/// What the expressions of one statement need at hand.
struct Scope: Sendable {
  var relations: [Relation]
  let layers: any TableProvider
  /// Runs the subqueries that expressions hold.
  let subqueries: any SubqueryRunner
  let token: CancellationToken
  /// The instant that NOW() gives, the same in the whole script. Microseconds since 1970.
  let now: Int64
  /// How each distance slot is measured.
  var distances: [BoundDistance]
  /// Whether coordinates are degrees, and distances geodesic.
  var isGeographic = false
  /// What the user is told when the statement is done.
  var findings = Findings()
  /// The street networks that the statement walks on.
  var roads: RoadAccess = RoadAccess()

  func table(layer: Int) throws(QueryError) -> Table {
    do { return try layers.table(layer: layer) } catch {
      if let error = error as? QueryError { throw error }
      throw QueryError(.file((error as? any UserFacingError)?.message ?? "\(error)"))
    }
  }
}

/// Runs a subquery to its end, before the rows of the statement around it are looked at.
protocol SubqueryRunner: Sendable {
  /// The rows of a subquery as a relation.
  func relation(_ find: BoundFind, scope: Scope) throws(QueryError) -> Relation
}
