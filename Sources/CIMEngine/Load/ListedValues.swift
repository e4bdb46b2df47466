/// How many values of a text column are on the closed list that the shipped schema has for the column.
///
/// A column that speaks of the same things has a few slips at most, and those are wrong; one with words of its own (the
/// uses of buildings in another country) is a column of another meaning, to which the list does not apply.
struct ListedValues: Sendable {
  private var words = NameIndex()
  private let candidates: [String]
  private(set) var known = 0
  private(set) var unknown = 0
  /// The first different ones that are not on the list.
  private(set) var strangers: [String] = []
  private static let keptStrangers = 20

  /// nil where the schema has no list for that column.
  init?(column: String, layer: String) {
    guard let known = CitySchema.column(column, of: layer), let values = known.enumeration else { return nil }
    candidates = values + known.valueAliases.keys.sorted()
    for candidate in candidates {
      var text = candidate
      text.withUTF8 { if words.find($0, hint: 0) < 0 { words.add($0) } }
    }
  }

  mutating func note(_ text: UnsafeBufferPointer<UInt8>) {
    if words.find(text, hint: 0) >= 0 {
      known += 1
    } else {
      unknown += 1
      guard strangers.count < Self.keptStrangers else { return }
      let stranger = String(decoding: text, as: UTF8.self)
      if !strangers.contains(stranger) { strangers.append(stranger) }
    }
  }

  /// Takes up what another file of the same layer holds.
  mutating func add(_ other: ListedValues) {
    known += other.known
    unknown += other.unknown
    for stranger in other.strangers where strangers.count < Self.keptStrangers && !strangers.contains(stranger) {
      strangers.append(stranger)
    }
  }

  /// Whether the column is of the list's kind: at least half of its values are on the list, or one that is not is a slip
  /// of the pen away from one that is.
  var isOfTheList: Bool {
    known >= unknown || strangers.contains { Spelling.nearest(to: $0, among: candidates) != nil }
  }
}

extension LoadError {
  /// A value that is not on the closed list of its column.
  static func unlisted(
    _ value: String, _ column: Catalog.Column, layer: String, path: String, place: SourcePlace
  ) -> LoadError {
    let values = column.enumeration ?? []
    let shown = column.chineseValues
    let near = Spelling.nearest(
      to: value, among: values + values.compactMap { shown[$0] } + column.valueAliases.keys.sorted())
    return LoadError(
      path: path, place: place,
      reason: .refused(
        "`\(column.name)` is '\(value.prefix(60))', and `\(layer).\(column.name)` holds \(values.joined(separator: ", "))"
      ),
      fix: (near.map { "did you mean '\($0)'? " } ?? "") + "--new-values takes values that the list does not know")
  }
}
