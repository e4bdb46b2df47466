extension BoundFind {
  /// Marks the items that show something of a person: personal columns, and whatever is worked out from them.
  ///
  /// What only counts, measures or compares (`COUNT(name)`, `LENGTH(name)`, `name = '…'`) does not show it.
  mutating func markPersonal(in catalog: Catalog) {
    for i in items.indices where items[i].column.personal == nil {
      items[i].column.personal = personalData(items[i].expression, catalog)
    }
  }

  private func personalData(_ e: BoundExpression, _ catalog: Catalog) -> PersonalData? {
    switch e.kind {
    case .column(let source, let column):
      switch sources[source].kind {
      case .layer(let layer):
        return column < catalog.layers[layer].columns.count ? catalog.personalData(column: column, of: layer) : nil
      case .find(let find): return column < find.items.count ? find.items[column].column.personal : nil
      }
    case .path(_, let steps, let column?):
      return steps.last.flatMap { catalog.personalData(column: column, of: $0.targetLayer) }
    case .groupKey(let key): return grouping.flatMap { personalData($0.keys[key], catalog) }
    case .aggregate(let index):
      guard let aggregate = grouping?.aggregates[index], aggregate.function != .count else { return nil }
      return aggregate.argument.flatMap { personalData($0, catalog) }.map { _ in .other }
    case .convert(let inner): return personalData(inner, catalog)
    case .call(.length, _), .call(.strpos, _): return nil
    case .choose(let cases, let otherwise):
      let results = cases.map(\.result) + (otherwise.map { [$0] } ?? [])
      return results.contains { personalData($0, catalog) != nil } ? .other : nil
    default:
      if e.type == .bool { return nil }
      return e.children.contains { personalData($0, catalog) != nil } ? .other : nil
    }
  }
}
