/// The names and values that EXPOSE itself brings, in the words that it prints: `状态 = '被淹'` is `state = 'wet'`. A value
/// that no row can have is an error, as with a column of the catalogue: a slip must not read as "nobody".
struct ExposeWords {
  private static let columns = [
    "情景": "scenario", "状态": "state", "水深": "depth", "水位": "water_level", "被淹楼层": "wet_floors", "年龄段": "age_band",
  ]
  private static let states = ["被淹": "wet", "存疑": "unsure", "未淹": "dry", "不明": "unknown", "在范围内": "inside"]

  /// The values that a name of EXPOSE's own may have, in English and Chinese; nil for another name.
  static func values(of name: String, _ rules: CityRules) -> [String]? {
    switch columns[name] ?? name.lowercased() {
    case "state": ExposedLayer.states + ["inside"] + states.keys.sorted()
    case "age_band": rules.ageBands.map(\.band) + rules.ageBands.map(\.nameZH)
    default: nil
    }
  }

  /// By column: values and their other names.
  private let values: [String: (values: [String], aliases: [String: String])]
  /// Whether an exposed layer has a column of that name, which goes first.
  private let isColumn: (String) -> Bool

  init(_ rules: CityRules, isColumn: @escaping (String) -> Bool) {
    var bands: [String: String] = [:]
    for band in rules.ageBands { bands[band.nameZH] = band.band }
    values = [
      "state": (ExposedLayer.states + ["inside"], Self.states), "age_band": (rules.ageBands.map(\.band), bands),
    ]
    self.isColumn = isColumn
  }

  /// - Throws: `QueryError` for a text that is compared with `state` or `age_band` and is none of its values.
  func plain(_ find: Find) throws(QueryError) -> Find {
    var error: QueryError?
    func plain(_ e: Expression) -> Expression { e.mapped { node($0, &error) } }
    var result = find
    // `wet` is a column of totals, for HAVING and ORDER BY; rows have none.
    result.filters = find.filters.map { filter in
      filter.mapped { part in
        if case .property(let parts) = part.kind, isState(parts) {
          error = error ?? valueNotColumn(parts[0], part.range)
        }
        return node(part, &error)
      }
    }
    result.groupBy = find.groupBy.map(plain)
    result.having = find.having.map(plain)
    for i in result.orderBy.indices { result.orderBy[i].expression = plain(result.orderBy[i].expression) }
    result.items = find.items.map { items in
      items.map { item in
        guard case .expression(let e) = item.kind else { return item }
        var item = item
        item.kind = .expression(plain(e))
        return item
      }
    }
    if let error { throw error }
    return result
  }

  private func node(_ e: Expression, _ error: inout QueryError?) -> Expression {
    var result = e
    switch e.kind {
    case .property(var parts):
      guard let name = Self.columns[parts[parts.count - 1].text], !isColumn(parts[parts.count - 1].text) else {
        return e
      }
      parts[parts.count - 1].text = name
      result.kind = .property(parts)
    case .compare(let sign, let a, let b):
      if let known = known(a) {
        result.kind = .compare(sign, a, value(b, known, &error))
      } else if let known = known(b) {
        result.kind = .compare(sign, value(a, known, &error), b)
      }
    case .inList(let a, let list):
      if let known = known(a) { result.kind = .inList(a, list.map { value($0, known, &error) }) }
    default: break
    }
    return result
  }

  /// `WHERE wet`, `state = wet`.
  private func valueNotColumn(_ name: Name, _ range: Range<Int>) -> QueryError {
    let word = name.text.lowercased()
    return QueryError(
      .invalid("`\(name.text)` is a value of `state` and no column"), at: range,
      fix: "write state = '\(Self.states[word] ?? word)'")
  }

  private func isState(_ parts: [Name]) -> Bool {
    guard parts.count == 1, !parts[0].quoted, !isColumn(parts[0].text) else { return false }
    let word = parts[0].text.lowercased()
    return ExposedLayer.states.contains(word) || Self.states[word] != nil
  }

  /// The name of a column with a closed list of values.
  private func known(_ e: Expression) -> String? {
    guard case .property(let parts) = e.kind, let name = parts.last?.text.lowercased(), values[name] != nil,
      !isColumn(name)
    else { return nil }
    return name
  }

  private func value(_ e: Expression, _ column: String, _ error: inout QueryError?) -> Expression {
    guard case .literal(.text(let text)) = e.kind, let (known, aliases) = values[column], !known.contains(text) else {
      return e
    }
    var result = e
    if let meant = aliases[text] ?? known.first(where: { $0 == text.lowercased() }) {
      result.kind = .literal(.text(meant))
    } else {
      let near = Spelling.nearest(to: text, among: known + aliases.keys.sorted())
      error = QueryError(
        .unknownValue(text, column: column, allowed: known), at: e.range, fix: near.map { "did you mean '\($0)'?" })
    }
    return result
  }
}

extension Database {
  /// What `state` or `age_band` of an EXPOSE may be compared with; nil for another name.
  package func exposedValues(ofColumn name: String) -> [String]? {
    ExposeWords.values(of: name, (try? store.rules()) ?? .shipped)
  }
}
