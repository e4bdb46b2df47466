internal import SpatialIndex

extension StatementContext {
  /// ALLOCATE: people to places with a capacity; as many as possible, then the least person-metres.
  func runAllocate(_ allocate: Allocate, into sink: inout any RowSink) throws -> RunReport {
    let bound = try bind(allocate)
    var report = RunReport()
    if statement.explain == .plan {
      let lines = try explain(allocate, bound)
      report.rowCount = try write(lines: lines, into: &sink)
      return report
    }
    let start = monotonicNanoseconds()
    let input = try read(bound)
    let outcome = try Allocation(input, bound, self).solve()
    if statement.explain == .analyze {
      var lines = try explain(allocate, bound)
      lines += outcome.summary
      lines.append("in all \(Double((monotonicNanoseconds() - start) / 10_000) / 100) ms")
      report.rowCount = try write(lines: lines, into: &sink)
      return report
    }
    let notices = bound.notices + input.notices + outcome.summary
    if allocate.groupBy != nil {
      report.rowCount = try writeLoads(input, outcome, bound, into: &sink)
    } else {
      report.rowCount = try writeAssignments(input, outcome, bound, into: &sink)
    }
    try sink.end(notices: notices)
    report.notices = notices
    return report
  }

  // MARK: Binding

  private func bind(_ allocate: Allocate) throws -> BoundAllocation {
    if catalog.isGeographic {
      throw QueryError(
        .notSupported("ALLOCATE in a database in degrees (\(catalog.workingCRS))"), at: statement.range,
        fix: "import into a database with a projected working CRS")
    }
    let state = BindState(catalog, bindContext)
    let range = allocate.capacity.range
    func item(_ e: Expression?) -> Item {
      Item(kind: .expression(e ?? Expression(kind: .literal(.null), range: range)), name: nil)
    }
    let (people, demandItem, keyItem) = try bindPeople(allocate, item, state)
    if let demandItem { try requireNumber(people.items[demandItem], allocate.demand, "DEMAND") }

    var target = Find(source: allocate.to, range: range)
    target.items = [item(allocate.capacity)]
    var binder = FindBinder(state)
    var places = try binder.bind(target)
    try requirePlaces(places, allocate.to.range)
    try requireNumber(places.items[0], allocate.capacity, "CAPACITY")
    if let maximum = allocate.maximum {
      let metres = try binder.bind(distance: maximum)
      places.items.append(BoundItem(expression: metres, column: ResultColumn(name: "max", type: .double)))
    }
    let road = try allocate.road.map { (road) throws(QueryError) in try binder.bind(road: road, at: statement.range) }
    let targetName = places.sources[0].name
    if let name = allocate.groupBy, name.text.lowercased() != targetName.lowercased() {
      let named = state.names.layer(name.text).map { catalog.layers[$0].name }
      guard named?.lowercased() == targetName.lowercased() else {
        throw QueryError(
          .invalid("the rows of an ALLOCATE can be grouped by the places only"), at: name.range,
          fix: "write GROUP BY \(targetName)")
      }
    }
    let sourceName = people.sources[0].name
    return BoundAllocation(
      people: people, demandItem: demandItem, keyItem: keyItem, places: places, hasLimit: allocate.maximum != nil,
      keepTogether: keyItem.map { people.items[$0].column }, road: road,
      sourceName: sourceName, targetName: targetName == sourceName ? "to" : targetName, notices: state.notices)
  }

  /// The rows of people, with the items that hold their demand and their group.
  private func bindPeople(
    _ allocate: Allocate, _ item: (Expression?) -> Item, _ state: BindState
  ) throws(QueryError) -> (find: BoundFind, demand: Int?, key: Int?) {
    let key = allocate.keepTogether.map { Expression(kind: .property([$0]), range: $0.range) }
    // Groups are rows of a layer where their key names one: (FIND person GROUP BY grid3 RETURN grid3, COUNT(*) AS n).
    if case .find(let inner) = allocate.from.kind, !inner.groupBy.isEmpty {
      let bound = try FindBinder.bind(inner, state)
      guard bound.shapeSource != nil else {
        throw QueryError(
          .invalid("the groups are no rows of a layer, so they have no geometry"), at: allocate.from.range,
          fix: "GROUP BY a link such as grid3, or the id of a layer")
      }
      func column(_ e: Expression?, _ what: String) throws(QueryError) -> Int? {
        guard let e else { return nil }
        guard case .property(let parts) = e.kind, parts.count == 1,
          let index = bound.items.firstIndex(where: { $0.column.name.lowercased() == parts[0].text.lowercased() })
        else {
          throw QueryError(
            .invalid("\(what) of grouped rows is a column that their RETURN names"), at: e.range,
            fix: "RETURN …, COUNT(*) AS people, and \(what) people")
        }
        return index
      }
      return (bound, try column(allocate.demand, "DEMAND"), try column(key, "KEEP"))
    }
    var find = Find(source: allocate.from, range: allocate.from.range)
    find.items = [item(allocate.demand), item(key)]
    let bound = try FindBinder.bind(find, state)
    try requirePlaces(bound, find.source.range)
    return (bound, allocate.demand.map { _ in 0 }, key.map { _ in 1 })
  }

  private func requirePlaces(_ find: BoundFind, _ range: Range<Int>) throws(QueryError) {
    guard find.sources[0].geometryPath != nil, find.shapeSource != nil else {
      throw QueryError(
        .invalid("`\(find.sources[0].name)` has no geometry, and no link to a layer that has one"), at: range,
        fix: "name a layer with a place, without GROUP BY and DISTINCT")
    }
  }

  private func requireNumber(_ item: BoundItem, _ e: Expression?, _ what: String) throws(QueryError) {
    guard let e, let type = item.expression.type, type != .int, type != .double else { return }
    throw QueryError(.typeMismatch("\(what) is a number of people; this is \(TypeName.of(type))"), at: e.range)
  }

  // MARK: Reading

  private func read(_ bound: BoundAllocation) throws -> AllocationInput {
    var input = AllocationInput()
    var points: [UInt32?] = []
    var known: [SIMD2<Double>: UInt32] = [:]
    var (x, y): ([Double], [Double]) = ([], [])
    var areas = 0
    let people = AllocationRows(
      bound.sourceName, columns: bound.people.items.count, isGrouped: bound.people.grouping != nil, token: token
    ) { geometry in
      guard let geometry, let (px, py) = RoadPlace.point(of: geometry) else {
        points.append(nil)
        return
      }
      if geometry.kind != .point { areas += 1 }
      let place = SIMD2(px, py)
      if let old = known[place] {
        points.append(old)
        return
      }
      known[place] = UInt32(x.count)
      points.append(UInt32(x.count))
      x.append(px)
      y.append(py)
    }
    var sink: any RowSink = people
    try execute(bound.people, isOrdered: true, into: &sink)
    (input.pointX, input.pointY) = (x, y)
    input.notices += people.notices
    if areas > 0 {
      input.notices.append("rows of `\(bound.sourceName)` that are areas are measured from their centroids")
    }
    try input.add(
      people: people, points: points, demandItem: bound.demandItem, keyItem: bound.keyItem)

    var geometries: [Geometry?] = []
    let places = AllocationRows(bound.targetName, columns: bound.hasLimit ? 2 : 1, token: token) {
      geometries.append($0)
    }
    sink = places
    try execute(bound.places, isOrdered: true, into: &sink)
    input.notices += places.notices
    try input.add(places: places, geometries: geometries, hasLimit: bound.hasLimit)
    guard input.targetIDs.count <= 100_000 else {
      throw QueryError(
        .limit("ALLOCATE to \(input.targetIDs.count) places; at most 100000 are possible"), at: statement.range,
        fix: "choose the places with a FIND")
    }
    return input
  }

  // MARK: EXPLAIN

  private func explain(_ allocate: Allocate, _ bound: BoundAllocation) throws -> [String] {
    var lines = ["people: rows of \(bound.sourceName)"]
    lines += try executor.explain(bound.people).dropLast().map { "  " + $0 }
    lines.append("places: rows of \(bound.targetName), as many people as \(Printer.print(allocate.capacity))")
    lines += try executor.explain(bound.places).dropLast().map { "  " + $0 }
    if let maximum = allocate.maximum { lines.append("no farther than \(Printer.print(maximum))") }
    if let road = bound.road {
      lines.append(road.explanation)
    } else {
      lines.append("distances are straight lines in metres")
    }
    lines.append(
      "serve as many people as possible, then the least person-metres: network simplex over the nearest places of each "
        + "source, all other pairs ruled out by price")
    if let key = bound.keepTogether {
      lines.append("keep each \(key.name) together: rounded from that optimum, which is the bound for the gap")
    }
    return lines
  }

  private func write(lines: [String], into sink: inout any RowSink) throws -> Int {
    try sink.begin(ResultHeader(columns: [ResultColumn(name: "plan", type: .text)], crs: catalog.workingCRS))
    try sink.write(RowBatch(rowCount: lines.count, columns: [Vector(.text(lines))]))
    try sink.end(notices: [])
    return lines.count
  }

  // MARK: Rows

  /// One row for each part of a unit that goes somewhere, units in their order; those who stay have no place.
  private func writeAssignments(
    _ input: AllocationInput, _ outcome: Allocation.Outcome, _ bound: BoundAllocation, into sink: inout any RowSink
  ) throws -> Int {
    let key = bound.keepTogether ?? ResultColumn(name: "id", type: .text)
    let keyType = input.keys.lazy.compactMap(\.type).first ?? .text
    let uniform = input.keys.allSatisfy { $0.isNull || $0.type == keyType }
    try sink.begin(
      ResultHeader(
        columns: [
          ResultColumn(
            name: key.name, type: uniform ? keyType : .text, origin: key.origin, personal: key.personal),
          ResultColumn(name: bound.targetName, type: .text), ResultColumn(name: "people", type: .int),
          ResultColumn(name: "distance", type: .double),
        ], crs: catalog.workingCRS, distanceColumn: 3, hasShapes: true, rowCount: outcome.parts.count))
    let parts = outcome.parts
    for start in stride(from: 0, to: parts.count, by: 1024) {
      try token.check()
      let slice = parts[start..<min(start + 1024, parts.count)]
      let keys = slice.map { part in
        uniform || input.keys[part.unit].isNull
          ? input.keys[part.unit] : Value.text(CIMEngine.text(of: input.keys[part.unit]))
      }
      var batch = RowBatch(
        rowCount: slice.count,
        columns: [
          Vector(values: keys, type: uniform ? keyType : .text),
          Vector(values: slice.map { $0.target.map { .text(input.targetIDs[$0]) } ?? .null }, type: .text),
          Vector(.int(slice.map(\.people))),
          Vector(values: slice.map { $0.metres.map { .double($0) } ?? .null }, type: .double),
        ])
      if sink.wantsShapes {
        batch.shapes = slice.map { line($0, input) }
        // A name is no id: ids are not masked.
        if key.personal == nil { batch.ids = keys.map { $0.isNull ? nil : CIMEngine.text(of: $0) } }
      }
      try sink.write(batch)
    }
    return parts.count
  }

  /// From where the people are to where they go; a point for those who stay.
  private func line(_ part: Allocation.Part, _ input: AllocationInput) -> Geometry? {
    guard let point = input.startOf[part.unit] else { return nil }
    let (x, y) = (input.pointX[Int(point)], input.pointY[Int(point)])
    guard let target = part.target else { return .point(x, y) }
    let (tx, ty) = input.targets[target].prepared.geometry.nearestPoint(toX: x, y: y)
    return .line([x, y, tx, ty])
  }

  /// GROUP BY the places: one row each, those without anybody included, and last those who stay.
  private func writeLoads(
    _ input: AllocationInput, _ outcome: Allocation.Outcome, _ bound: BoundAllocation, into sink: inout any RowSink
  ) throws -> Int {
    var people = [Int64](repeating: 0, count: input.targetIDs.count)
    var metres = [Double](repeating: 0, count: input.targetIDs.count)
    var staying: Int64 = 0
    for part in outcome.parts {
      if let target = part.target {
        people[target] += part.people
        metres[target] += Double(part.people) * (part.metres ?? 0)
      } else {
        staying += part.people
      }
    }
    var rows: [(id: String?, people: Int64, capacity: Int64?, metres: Double?, shape: Geometry?)] = []
    for t in input.targetIDs.indices {
      rows.append(
        (input.targetIDs[t], people[t], input.capacity[t], metres[t], input.targets[t].prepared.geometry))
    }
    for closed in input.closedIDs { rows.append((closed.id, 0, closed.capacity, 0, nil)) }
    rows.sort { codePoints($0.id!, precede: $1.id!) }
    if staying > 0 { rows.append((nil, staying, nil, nil, nil)) }
    try sink.begin(
      ResultHeader(
        columns: [
          ResultColumn(name: bound.targetName, type: .text), ResultColumn(name: "people", type: .int),
          ResultColumn(name: "capacity", type: .int), ResultColumn(name: "free", type: .int),
          ResultColumn(name: "person_metres", type: .double),
        ], crs: catalog.workingCRS, hasShapes: true, rowCount: rows.count))
    var batch = RowBatch(
      rowCount: rows.count,
      columns: [
        Vector(values: rows.map { $0.id.map { .text($0) } ?? .null }, type: .text),
        Vector(.int(rows.map(\.people))),
        Vector(values: rows.map { $0.capacity.map { .int($0) } ?? .null }, type: .int),
        Vector(values: rows.map { row in row.capacity.map { .int($0 - row.people) } ?? .null }, type: .int),
        Vector(values: rows.map { $0.metres.map { .double($0) } ?? .null }, type: .double),
      ])
    if sink.wantsShapes {
      batch.shapes = rows.map(\.shape)
      batch.ids = rows.map(\.id)
    }
    try sink.write(batch)
    return rows.count
  }

  private func codePoints(_ a: String, precede b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}

/// An ALLOCATE with its sides bound.
struct BoundAllocation {
  var people: BoundFind
  /// Which of its items are the demand and the key of the group that stays together.
  var demandItem: Int?
  var keyItem: Int?
  /// Items: capacity, and the greatest distance where there is one.
  var places: BoundFind
  var hasLimit: Bool
  /// The column of KEEP … TOGETHER.
  var keepTogether: ResultColumn?
  var road: BoundRoad?
  var sourceName: String
  var targetName: String
  var notices: [String]
}
