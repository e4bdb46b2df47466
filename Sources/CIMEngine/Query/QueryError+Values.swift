extension QueryError {
  /// A value that an enumerated column has not. Proposed is what is spelt nearest, and of two that are equally near the
  /// one that the value is shown by: 开放 for 开发, not 开启.
  static func unknownValue(
    _ text: String, of column: Catalog.Column, named name: String, at range: Range<Int>?
  ) -> QueryError {
    let values = column.enumeration ?? []
    let shown = column.chineseValues
    let aliases = column.valueAliases.keys.sorted()
    let near = Spelling.nearest(to: text, among: values + values.compactMap { shown[$0] } + aliases)
    var error = QueryError(
      .unknownValue(text, column: name, allowed: values), at: range, fix: near.map { "did you mean '\($0)'?" })
    error.chineseValues = shown
    return error
  }
}

extension Catalog.Column {
  /// How the values of the column are shown in Chinese: as the shipped schema shows them, else by the shortest of their
  /// Chinese spellings.
  package var chineseValues: [String: String] {
    let shipped = (CitySchema.commonColumns + CitySchema.layers.flatMap(\.columns)).first {
      $0.name == name.lowercased() && !$0.valueNames.isEmpty && $0.enumeration == enumeration
    }
    var result: [String: String] = [:]
    for (alias, value) in valueAliases.sorted(by: { ($0.key.count, $0.key) < ($1.key.count, $1.key) }) {
      if let shown = shipped?.valueNames[value], valueAliases[shown] == value {
        result[value] = shown
      } else if result[value] == nil, alias.unicodeScalars.contains(where: \.isCJK) {
        result[value] = alias
      }
    }
    return result
  }
}
