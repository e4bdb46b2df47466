internal import Glibc
internal import SpatialIndex

/// Carries out bound statements on the tables of one snapshot.
package final class Executor: SubqueryRunner, Sendable {
  let catalog: Catalog
  let tables: any TableProvider
  let token: CancellationToken
  let threads: Int
  /// What NOW() gives: microseconds since 1970-01-01T00:00:00Z.
  let now: Int64
  /// Whether steps count rows and time, for EXPLAIN ANALYZE.
  let isMetered: Bool
  /// Of this statement and its subqueries.
  let findings = Findings()

  package init(
    catalog: Catalog, tables: any TableProvider, token: CancellationToken = CancellationToken(), threads: Int = 2,
    now: Int64? = nil, isMetered: Bool = false
  ) {
    self.catalog = catalog
    self.tables = tables
    self.token = token
    self.threads = max(1, threads)
    self.isMetered = isMetered
    if let now {
      self.now = now
    } else {
      var time = timespec()
      clock_gettime(CLOCK_REALTIME, &time)
      self.now = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
  }

  func table(_ layer: Int) throws(QueryError) -> Table {
    do { return try tables.table(layer: layer) } catch { throw QueryError.from(error) }
  }

  /// A scope without sources: for expressions that read no rows.
  private var emptyScope: Scope {
    Scope(
      relations: [], layers: tables, subqueries: self, token: token, now: now, distances: [],
      isGeographic: catalog.isGeographic)
  }

  /// The value of an expression that reads no rows; nil for one that does.
  func constant(_ e: BoundExpression) throws(QueryError) -> Value? {
    let compiler = Compiler(scope: emptyScope)
    if let value = try compiler.constantValue(e) { return value }
    if e.contains({ $0.readsRows }) { return nil }
    return try compiler.compile(e).values(Tuples(count: 1, sourceCount: 0, distanceCount: 0))[0]
  }

  func makePlan(_ find: BoundFind) throws(QueryError) -> Plan {
    let compiler = Compiler(scope: emptyScope)
    if catalog.isGeographic { try checkMetres(find, compiler) }
    return try Planner(
      catalog: catalog, tables: tables,
      constantValue: { e in (try? compiler.constantValue(e)).flatMap { $0 } }
    ).plan(find)
  }

  /// Runs a statement and sends its rows into a sink.
  ///
  /// - Parameter isOrdered: rows by id where the statement gives no order; otherwise in an order that does not depend on
  ///   the number of threads.
  /// - Returns: how many rows were sent.
  @discardableResult
  package func run(_ find: BoundFind, isOrdered: Bool, into sink: inout any RowSink) throws -> Int {
    let execution = try Execution(try makePlan(find), self)
    return try run(execution, isOrdered: isOrdered, into: &sink)
  }

  func run(_ execution: Execution, isOrdered: Bool, into sink: inout any RowSink) throws -> Int {
    let find = execution.find
    var output = sink
    defer { sink = output }
    var count = 0
    var shapes: ShapeReader?
    let columns = find.items.map(\.column)
    let distance = find.items.firstIndex { if case .distance = $0.expression.kind { true } else { false } }
    try execution.run(
      isOrdered: isOrdered, withColumns: true,
      Execution.Consumer(
        begin: { scope, rowCount in
          if output.wantsShapes { shapes = try ShapeReader(execution, scope) }
          try output.begin(
            ResultHeader(
              columns: columns, crs: self.catalog.workingCRS, distanceColumn: distance,
              hasShapes: shapes?.hasGeometry ?? false, rowCount: rowCount))
        },
        take: { tuples, vectors in
          try self.token.check()
          var batch = RowBatch(rowCount: tuples.count, columns: vectors)
          if let shapes {
            batch.shapes = try shapes.geometries(tuples)
            batch.ids = try shapes.ids(tuples)
          }
          count += tuples.count
          try output.write(batch)
        }))
    var notices = execution.notices + findings.notices + execution.scope.roads.notes
    notices += try EmptyLinks(find: find, executor: self).notices()
    if let missing = shapes?.notice { notices.append(missing) }
    try output.end(notices: notices)
    return count
  }

  // MARK: Subqueries

  /// The rows of a subquery as a source of the statement around it.
  func relation(_ find: BoundFind, scope: Scope) throws(QueryError) -> Relation {
    try relation(
      try makePlan(find),
      source: BoundSource(kind: .find(find), name: find.sources[0].name, columns: [], geometryPath: geometryPath(find)))
  }

  /// How the rows of a subquery get a geometry: as its shape source does.
  private func geometryPath(_ find: BoundFind) -> [LinkStep]? {
    guard let source = find.shapeSource else { return nil }
    return find.sources[source].geometryPath
  }

  /// - Parameter read: the columns that the statement around it reads, when it reads nothing else of the rows, not even
  ///   their order; nil when it may read all.
  func relation(_ plan: Plan, source: BoundSource, read: Set<Int>? = nil) throws(QueryError) -> Relation {
    var plan = plan
    if let read, !plan.find.distinct, plan.find.grouping != nil {
      for i in plan.find.items.indices where !read.contains(i) {
        plan.find.items[i].expression.kind = .constant(.null)
      }
    }
    let execution = try Execution(plan, self)
    let find = plan.find
    do {
      // Rows of one layer, some columns of it: row numbers say it all.
      if find.sources.count == 1, find.grouping == nil, !find.distinct, let map = find.plainColumns,
        execution.scope.relations[0].base == nil
      {
        let inner = execution.scope.relations[0]
        var set = RowSet(rowCount: inner.table.rowCount)
        try execution.run(
          isOrdered: false, withColumns: false,
          Execution.Consumer(
            begin: { _, _ in },
            take: { tuples, _ in for row in tuples.rows[0] { set.insert(Int(row)) } }))
        return Relation(
          table: inner.table, columnMap: map.map { inner.column($0) }, subset: set, geometryPath: inner.geometryPath,
          layer: inner.layer, name: source.name)
      }
      if let read, let groups = try execution.groupRelation(read, name: source.name) { return groups }
      return try materialized(execution, source, inAnyOrder: read != nil)
    } catch {
      throw QueryError.from(error)
    }
  }

  private func materialized(
    _ execution: Execution, _ source: BoundSource, inAnyOrder: Bool
  ) throws -> Relation {
    let find = execution.find
    var builder = TableBuilder(columns: find.items.map { ($0.column.name, $0.column.type ?? $0.expression.type) })
    var baseRows: [UInt32] = []
    var baseTable: Table?
    var shape: (source: Int, relation: Relation)?
    try execution.run(
      isOrdered: false, withColumns: true, inAnyOrder: inAnyOrder,
      Execution.Consumer(
        begin: { scope, _ in
          if let index = find.grouping == nil ? find.shapeSource : find.shapeSource.map({ _ in 0 }) {
            shape = (index, scope.relations[index])
          }
        },
        take: { tuples, columns in
          try self.token.check()
          builder.append(columns, count: tuples.count)
          if let shape {
            let (table, rows) = shape.relation.based(
              tuples.rows[shape.source], mayBeNone: tuples.mayBeNone(shape.source))
            baseTable = table
            baseRows += rows
          }
        }))
    let table = try builder.finish(name: source.name, token: token)
    if let shape, baseTable == nil { baseTable = shape.relation.base?.table ?? shape.relation.table }
    let base = baseTable.map { Relation.Base(table: $0, rows: baseRows, layer: shape?.relation.layer) }
    return Relation(
      table: table, geometryPath: base == nil ? nil : shape?.relation.geometryPath, base: base, layer: nil,
      name: source.name)
  }

  // MARK: Geographic databases

  /// Distances are geodesic metres there, as far as ``Geodesic/reach``; what measures in the plane is refused.
  private func checkMetres(_ find: BoundFind, _ compiler: Compiler) throws(QueryError) {
    func check(_ distance: BoundExpression?) throws(QueryError) {
      guard let distance, let metres = (try? compiler.constantValue(distance)).flatMap({ $0 })?.number else { return }
      _ = try GeodesicMeasure.checked(metres, at: distance.range)
    }
    try check(find.nearest?.within)
    for join in find.joins {
      switch join.condition {
      case .within(let e, _): try check(e)
      case .nearest(_, let e, _): try check(e)
      case .on: break
      }
    }
    var found: QueryError?
    _ = find.mapExpressions { e in
      _ = e.contains { e in
        do throws(QueryError) {
          switch e.kind {
          case .within(_, _, let d), .spatial(.within(let d), _, _), .spatial(.beyond(let d), _, _): try check(d)
          case .call(let function, _) where [.area, .perimeter, .lineLength, .buffer, .simplify].contains(function):
            throw QueryError(
              .invalid("areas, lengths and buffers are not measured in a database in degrees (\(catalog.workingCRS))"),
              at: e.range,
              fix: "import into a database with a projected working CRS (--working-crs)")
          default: break
          }
        } catch { found = found ?? error }
        return false
      }
      return e
    }
    if let found { throw found }
  }
}

extension BoundFind {
  /// The columns of source 0 that RETURN names, when it names nothing else.
  fileprivate var plainColumns: [Int]? {
    var result: [Int] = []
    for item in items {
      guard case .column(0, let column) = item.expression.kind else { return nil }
      result.append(column)
    }
    return result
  }
}

/// Geometry and id of the row behind each result row, for sinks that draw.
struct ShapeReader {
  let geometry: GeometryNode?
  private let ids: LinkFollower?
  let notice: String?
  static let groupsWithoutGeometry = "the groups are no rows of a layer, so they have no geometry"

  init(_ execution: Execution, _ scope: Scope) throws(QueryError) {
    let find = execution.find
    guard let source = find.shapeSource else {
      (geometry, ids) = (nil, nil)
      notice = find.grouping == nil ? nil : Self.groupsWithoutGeometry
      return
    }
    let index = find.grouping == nil ? source : 0
    if let path = scope.relations[index].geometryPath {
      geometry = try GeometryNode(source: index, steps: path, scope: scope)
    } else {
      geometry = nil
    }
    ids = try LinkFollower(source: index, steps: find.grouping == nil ? [] : find.shapePath, scope: scope)
    notice = nil
  }

  var hasGeometry: Bool { geometry != nil }

  func geometries(_ tuples: Tuples) throws(QueryError) -> [Geometry?] {
    guard let geometry, case .geometry(let values) = try geometry.evaluate(tuples).vector(count: tuples.count).storage
    else { return Array(repeating: nil, count: tuples.count) }
    return values
  }

  func ids(_ tuples: Tuples) throws(QueryError) -> [String?] {
    guard let ids, let column = ids.target.idColumn else { return Array(repeating: nil, count: tuples.count) }
    let table = ids.target
    let vector = try table.gather(column: column, rows: try ids.rows(tuples), mayBeNone: true) { _ throws(QueryError) in
      table
    }
    return (0..<vector.count).map { if case .text(let id) = vector[$0] { id } else { nil } }
  }
}
