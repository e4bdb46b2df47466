extension FindBinder {
  /// One column of the result before equal names are told apart.
  private struct NamedItem {
    var item: BoundItem
    /// From AS.
    var isGiven: Bool
    var qualified: String?
  }

  /// Items, grouping, HAVING, ORDER BY, and whose geometry is drawn.
  mutating func bindItems(_ find: Find, into result: inout BoundFind) throws(QueryError) {
    let expressions = (find.items ?? []).compactMap { item -> Expression? in
      if case .expression(let e) = item.kind { e } else { nil }
    }
    let isGrouped =
      !find.groupBy.isEmpty || expressions.contains(where: \.hasAggregate) || find.having?.hasAggregate ?? false
      || find.orderBy.contains { $0.expression.hasAggregate }
    if isGrouped {
      groupKeys = try bindKeys(find)
      aggregateRule = .allowed
    } else {
      aggregateRule = .forbidden("this place")
    }
    let items = try named(items: find.items, find)
    result.items = items
    namedItems = items.map { ($0.column.name, $0) }
    if let having = find.having {
      guard isGrouped else {
        throw QueryError(.invalid("HAVING asks about groups"), at: having.range, fix: "use WHERE, or add GROUP BY")
      }
      result.having = try bind(condition: having)
    }
    for key in find.orderBy { result.orderBy.append(try sortKey(key, find)) }
    if isGrouped {
      result.grouping = BoundGrouping(keys: groupKeys!.map(\.bound), aggregates: aggregates)
      drawKeys(into: &result)
    } else if !find.distinct {
      result.shapeSource = 0
    }
  }

  // MARK: Groups

  /// A key is an expression over the rows, or the AS name of an item where no column has that name.
  private mutating func bindKeys(_ find: Find) throws(QueryError) -> [GroupKey] {
    var keys: [GroupKey] = []
    aggregateRule = .forbidden("GROUP BY")
    for written in find.groupBy {
      var syntax = written
      if case .property(let parts) = written.kind, parts.count == 1 {
        do throws(QueryError) { _ = try resolve(parts, at: written.range) } catch {
          guard let item = find.items?.first(where: { $0.name.map { equal($0.text, parts[0].text) } ?? false }),
            case .expression(let e) = item.kind
          else { throw error }
          syntax = e
        }
      }
      var label = ColumnLabel(name: Printer.print(syntax))
      if case .property(let parts) = syntax.kind { label = try resolve(parts, at: syntax.range).label }
      let bound = try bind(syntax)
      keys.append(GroupKey(syntax: syntax, bound: bound, label: label))
    }
    return keys
  }

  /// The source whose row a key names: its own `id` or `code`, a link column, or a path to an `id` or `code`.
  private func drawKeys(into result: inout BoundFind) {
    for (i, key) in (groupKeys ?? []).enumerated() {
      switch key.bound.kind {
      case .column(let source, let column):
        guard case .layer(let layer) = sources[source].bound.kind else { continue }
        let name = sources[source].bound.columns[column].name
        if isKey(name) {
          (result.shapeSource, result.shapeKey) = (source, i)
        } else if let step = names.steps[layer].first(where: { $0.column == column }) {
          (result.shapeSource, result.shapeKey, result.shapePath) = (source, i, [step])
        } else {
          continue
        }
        return
      case .path(let source, let steps, let column?):
        let target = steps.last!.targetLayer
        if isKey(catalog.layers[target].columns[column].name) {
          (result.shapeSource, result.shapeKey, result.shapePath) = (source, i, steps)
        } else if let step = names.steps[target].first(where: { $0.column == column }) {
          (result.shapeSource, result.shapeKey, result.shapePath) = (source, i, steps + [step])
        } else {
          continue
        }
        return
      default: continue
      }
    }
  }

  private func isKey(_ name: String) -> Bool { name.lowercased() == "id" || name.lowercased() == "code" }

  // MARK: Items

  private mutating func named(items: [Item]?, _ find: Find) throws(QueryError) -> [BoundItem] {
    var result: [NamedItem] = []
    if let items {
      for item in items {
        switch item.kind {
        case .all: result += try all(at: find.range)
        case .allOf(let alias):
          guard let source = sources.firstIndex(where: { isNamed($0, alias.text) }) else { throw unknownAlias(alias) }
          if groupKeys != nil { throw starInGroup(at: alias.range) }
          result += columns(of: source, at: alias.range)
        case .expression(let e):
          let (label, bound) = try labelled(e)
          let column = ResultColumn(
            name: item.name?.text ?? label.name, type: bound.type, origin: label.origin)
          result.append(
            NamedItem(
              item: BoundItem(expression: bound, column: column), isGiven: item.name != nil,
              qualified: label.qualified))
        }
      }
    } else if let keys = groupKeys {
      for (i, key) in keys.enumerated() {
        let bound = BoundExpression(kind: .groupKey(i), type: key.bound.type, range: key.syntax.range)
        let column = ResultColumn(name: key.label.name, type: bound.type, origin: key.label.origin)
        result.append(
          NamedItem(
            item: BoundItem(expression: bound, column: column), isGiven: false, qualified: key.label.qualified))
      }
    } else {
      result = try all(at: find.range)
    }
    return try toldApart(result, at: find.range)
  }

  private func starInGroup(at range: Range<Int>) -> QueryError {
    QueryError(
      .invalid("`*` cannot stand beside GROUP BY or an aggregate"), at: range, fix: "name the keys and the aggregates")
  }

  /// Every column of every source, and the distances last.
  private mutating func all(at range: Range<Int>) throws(QueryError) -> [NamedItem] {
    if groupKeys != nil { throw starInGroup(at: range) }
    var result: [NamedItem] = []
    for source in sources.indices { result += columns(of: source, at: range, withDistance: false) }
    var slots = joinDistances
    if let mainDistance { slots.insert((0, mainDistance), at: 0) }
    for (source, slot) in slots { result.append(distanceItem(slot, source, at: range)) }
    return result
  }

  private func distanceItem(_ slot: Int, _ source: Int, at range: Range<Int>) -> NamedItem {
    let bound = BoundExpression(kind: .distance(slot), type: .double, range: range)
    return NamedItem(
      item: BoundItem(expression: bound, column: ResultColumn(name: "distance", type: .double)), isGiven: false,
      qualified: "\(sources[source].bound.name).distance")
  }

  /// `id`, `name`, then the others in catalogue order; no geometry.
  private func columns(of source: Int, at range: Range<Int>, withDistance: Bool = true) -> [NamedItem] {
    let bound = sources[source].bound
    let first = ["id", "name"].compactMap { name in bound.columns.firstIndex { equal($0.name, name) } }
    let order = first + bound.columns.indices.filter { !first.contains($0) }
    var result = order.compactMap { index -> NamedItem? in
      let column = bound.columns[index]
      if column.type == .geometry { return nil }
      let expression = BoundExpression(
        kind: .column(source: source, column: index), type: column.type, range: range)
      return NamedItem(
        item: BoundItem(
          expression: expression, column: ResultColumn(name: column.name, type: column.type, origin: column.origin)),
        isGiven: false, qualified: "\(bound.name).\(column.name)")
    }
    if withDistance, let join = joinDistances.first(where: { $0.source == source }) {
      result.append(distanceItem(join.slot, source, at: range))
    }
    return result
  }

  /// An item with its name: the last part of a column's, the whole path for links, `count`, `sum_x`, else its text.
  private mutating func labelled(_ e: Expression) throws(QueryError) -> (ColumnLabel, BoundExpression) {
    let bound = try bind(e)
    switch e.kind {
    case .property(let parts):
      return (try resolve(parts, at: e.range).label, bound)
    case .call(let function, let arguments, _, _):
      let name = function.text.lowercased()
      if case .property(let parts)? = arguments.first?.kind, let label = try? resolve(parts, at: e.range).label {
        return (ColumnLabel(name: "\(name)_\(label.name)"), bound)
      }
      return (ColumnLabel(name: name), bound)
    case .arithmetic(.divide, let inner, let size):
      // `AREA(geom) IN ha`
      if case .length(1, let unit) = size.kind {
        return (ColumnLabel(name: try labelled(inner).0.name + "_" + unit), bound)
      }
      return (ColumnLabel(name: plain(Printer.print(e))), bound)
    default:
      return (ColumnLabel(name: plain(Printer.print(e))), bound)
    }
  }

  private func plain(_ text: String) -> String { text.replacing("\"", with: "") }

  /// Two equal names become `alias.column`; what is equal still gets a number.
  private func toldApart(_ items: [NamedItem], at range: Range<Int>) throws(QueryError) -> [BoundItem] {
    var result = items
    var counts: [String: Int] = [:]
    for item in items { counts[item.item.column.name, default: 0] += 1 }
    for i in result.indices where !result[i].isGiven && counts[result[i].item.column.name]! > 1 {
      if let qualified = result[i].qualified { result[i].item.column.name = qualified }
    }
    var seen: Set<String> = Set(result.filter(\.isGiven).map(\.item.column.name))
    guard seen.count == result.filter(\.isGiven).count else {
      let names = result.filter(\.isGiven).map(\.item.column.name)
      let twice = names.first { name in names.filter { $0 == name }.count > 1 }!
      throw QueryError(.invalid("two columns are named `\(twice)`"), at: range, fix: "give one another name with AS")
    }
    for i in result.indices where !result[i].isGiven {
      let name = result[i].item.column.name
      var unique = name
      var number = 2
      while seen.contains(unique) {
        unique = "\(name)_\(number)"
        number += 1
      }
      seen.insert(unique)
      result[i].item.column.name = unique
    }
    return result.map(\.item)
  }

  // MARK: Order

  private mutating func sortKey(_ key: SortKey, _ find: Find) throws(QueryError) -> BoundSortKey {
    let bound = try sortExpression(key.expression)
    guard bound.type != .geometry, bound.type != .list else {
      throw QueryError(
        .typeMismatch("\(TypeName.of(bound.type)) has no order"), at: key.expression.range)
    }
    if find.distinct, !namedItems.contains(where: { $0.item.expression.isSamePlace(as: bound) }),
      !isItem(key.expression)
    {
      throw QueryError(
        .invalid("with DISTINCT, ORDER BY takes the columns that are returned"), at: key.expression.range,
        fix: "add \(Printer.print(key.expression)) to the columns")
    }
    return BoundSortKey(
      expression: bound, descending: key.descending, nullsFirst: key.nullsFirst ?? key.descending)
  }

  private func isItem(_ e: Expression) -> Bool {
    if case .literal(.int) = e.kind { return true }
    guard case .property(let parts) = e.kind, parts.count == 1 else { return false }
    return namedItems.contains { equal($0.name, parts[0].text) }
  }

  /// The name of an item, its number from 1, or an expression of its own.
  private mutating func sortExpression(_ e: Expression) throws(QueryError) -> BoundExpression {
    if case .property(let parts) = e.kind, let item = item(named: parts) { return item.expression }
    if case .literal(let value) = e.kind {
      guard case .int(let number) = value, number >= 1, number <= namedItems.count else {
        throw QueryError(
          .invalid("ORDER BY takes a column or an expression, not a constant"), at: e.range,
          fix: "name the column to order by")
      }
      return namedItems[Int(number) - 1].item.expression
    }
    return try bind(e)
  }

  /// HAVING and ORDER BY may name an item: `HAVING count > 3`.
  func item(named parts: [Name]) -> BoundItem? {
    let name = parts.map(\.text).joined(separator: ".")
    return namedItems.first { equal($0.name, name) }?.item
  }
}
