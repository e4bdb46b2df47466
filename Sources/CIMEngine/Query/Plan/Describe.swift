/// Writes bound expressions as a reader of EXPLAIN knows them.
struct Describer {
  let find: BoundFind
  let catalog: Catalog

  func text(_ e: BoundExpression) -> String { text(e, 0) }

  /// Binding strength: OR 1, AND 2, NOT 3, comparison 4, + 5, * 6, ^ 7.
  private func text(_ e: BoundExpression, _ outer: Int) -> String {
    func wrap(_ strength: Int, _ text: String) -> String { strength < outer ? "(\(text))" : text }
    switch e.kind {
    case .constant(let value): return literal(value)
    case .column(let source, let column):
      guard column < find.sources[source].columns.count else { return "column \(column)" }
      return prefix(source) + find.sources[source].columns[column].name
    case .path(let source, let steps, let column):
      var names: [String] = []
      for step in steps { names.append(catalog.layers[step.fromLayer].columns[step.column].name) }
      if let column, let last = steps.last { names.append(catalog.layers[last.targetLayer].columns[column].name) }
      if column == nil { names.append("geom") }
      return prefix(source) + names.joined(separator: ".")
    case .geometry(let source): return prefix(source) + "geom"
    case .distance: return "distance"
    case .groupKey(let index):
      guard let grouping = find.grouping, index < grouping.keys.count else { return "key" }
      return text(grouping.keys[index], outer)
    case .aggregate(let index):
      guard let grouping = find.grouping, index < grouping.aggregates.count else { return "aggregate" }
      return text(grouping.aggregates[index])
    case .negate(let a): return wrap(7, "-" + text(a, 7))
    case .not(let a): return wrap(3, "NOT " + text(a, 4))
    case .and(let list): return wrap(2, list.map { text($0, 3) }.joined(separator: " AND "))
    case .or(let list): return wrap(1, list.map { text($0, 2) }.joined(separator: " OR "))
    case .compare(let op, let a, let b): return wrap(4, "\(text(a, 5)) \(op.rawValue) \(text(b, 5))")
    case .arithmetic(let op, let a, let b):
      let strength: Int
      switch op {
      case .add, .subtract: strength = 5
      case .power: strength = 7
      default: strength = 6
      }
      return wrap(strength, "\(text(a, strength)) \(op.rawValue) \(text(b, strength + 1))")
    case .like(let a, let pattern): return wrap(4, "\(text(a, 5)) LIKE \(text(pattern, 5))")
    case .inList(let a, let list):
      return wrap(
        4,
        "\(text(a, 5)) IN (\(list.prefix(5).map { text($0, 0) }.joined(separator: ", "))"
          + (list.count > 5 ? ", … \(list.count) in all)" : ")"))
    case .inFind(let a, let inner): return wrap(4, "\(text(a, 5)) IN (FIND \(inner.sources[0].name) …)")
    case .isNull(let a): return wrap(4, "\(text(a, 5)) IS NULL")
    case .call(let function, let list):
      return "\(function.rawValue.uppercased())(\(list.map { text($0, 0) }.joined(separator: ", ")))"
    case .choose: return "CASE … END"
    case .relation(let relation, let a, let b):
      return "S_\(relation.rawValue.uppercased())(\(text(a, 0)), \(text(b, 0)))"
    case .spatial(let test, let source, let reference):
      let subject = find.sources.count > 1 ? find.sources[source].name + " " : ""
      if case .space(let clause) = reference { return subject + clause.label }
      return subject + "\(words(test)) \(text(reference))"
    case .within(let a, let b, let distance):
      return "S_DWITHIN(\(text(a, 0)), \(text(b, 0)), \(metres(distance)))"
    case .convert(let a): return text(a, outer)
    case .interval(let a, let b): return "INTERVAL(\(a.map { text($0, 0) } ?? ".."), \(b.map { text($0, 0) } ?? ".."))"
    case .array(let list): return "(\(list.map { text($0, 0) }.joined(separator: ", ")))"
    }
  }

  func text(_ aggregate: BoundAggregate) -> String {
    let argument = aggregate.argument.map { text($0, 0) } ?? "*"
    return "\(aggregate.function.rawValue.uppercased())(\(aggregate.distinct ? "DISTINCT " : "")\(argument))"
  }

  func text(_ reference: BoundReference) -> String {
    switch reference {
    case .geometries(let list, let label): label.isEmpty ? "\(list.count) geometries" : label
    case .layer(let layer): "any \(catalog.layers[layer].name)"
    case .find(let inner): "any of (FIND \(inner.sources[0].name) …)"
    case .source(let source): find.sources[source].name
    case .space(let clause): clause.label
    }
  }

  func metres(_ e: BoundExpression) -> String {
    guard case .constant(let value) = e.kind, let number = value.number else { return text(e) }
    if abs(number) >= 1000, (number / 100).rounded() == number / 100 { return "\(trimmed(number / 1000)) km" }
    return "\(trimmed(number)) m"
  }

  private func trimmed(_ number: Double) -> String {
    Int64(exactly: number).map { String($0) } ?? "\(number)"
  }

  private func words(_ test: BoundExpression.SpatialTest) -> String {
    switch test {
    case .inside: "INSIDE"
    case .intersects: "INTERSECTS"
    case .touches: "TOUCHES"
    case .contains: "CONTAINS"
    case .within(let distance): "WITHIN \(metres(distance)) OF"
    case .beyond(let distance): "BEYOND \(metres(distance)) OF"
    case .byRoad(let distance, let road):
      "WITHIN \(metres(distance)) BY ROAD" + (road.avoiding == nil ? "" : " AVOIDING \(road.label)") + " OF"
    }
  }

  private func prefix(_ source: Int) -> String { find.sources.count > 1 ? find.sources[source].name + "." : "" }

  private func literal(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .text(let text): "'" + text.replacing("'", with: "''") + "'"
    case .date(let day): "DATE('\(Calendar.dateText(day))')"
    case .timestamp(let instant): "TIMESTAMP('\(Calendar.timestampText(instant))')"
    case .geometry(let geometry): geometry.vertexCount <= 2 ? WKT.write(geometry) : "\(geometry.kind)"
    default: CIMEngine.text(of: value)
    }
  }
}
