/// Rows of a source that are known by another column than `id` (`--key code`): each gets the id of the row that has its
/// key already, so that a bureau's daily file, which knows nothing of our ids, can be applied.
final class ImportKey {
  private let name: String
  private let layer: String
  /// Index among the values of a feature.
  private let value: Int
  private let hasIDs: Bool
  private var idOfKey: [TextKey: String?] = [:]

  /// - Parameters:
  ///   - columns: for each value of a feature, the column of the layer.
  ///   - hasIDs: whether the source names rows itself; else a new row takes its key for an id.
  /// - Returns: nil when the source lacks the column, or it is `id` itself.
  init?(
    _ name: String, of stored: StoredLayer, columns: [Int], hasIDs: Bool, isFidLink: (Int) -> Bool,
    in connection: SQLConnection
  ) throws(StoreError) {
    guard let column = stored.layer.columns.firstIndex(where: { $0.name.lowercased() == name.lowercased() }),
      column > 0, let value = columns.firstIndex(of: column)
    else { return nil }
    guard !isFidLink(column), let source = stored.sources[column] else {
      throw StoreError(.content, "`\(stored.layer.name).\(name)` names another row and cannot be the --key")
    }
    self.name = stored.layer.columns[column].name
    layer = stored.layer.name
    self.value = value
    self.hasIDs = hasIDs
    let rows = try connection.prepare(
      "SELECT CAST(\(quoted(source)) AS TEXT), \(quoted(stored.idColumn ?? stored.rowColumn)) "
        + "FROM \(quoted(layer)) WHERE \(quoted(source)) IS NOT NULL")
    while try rows.step() {
      let key = TextKey(rows.text(0))
      // Several rows with one key: an error only if a row of the source has it.
      idOfKey[key] = idOfKey[key] == nil ? .some(rows.text(1)) : .some(nil)
    }
  }

  /// Gives a row of the source the id under which the layer knows it.
  func identify(_ feature: inout Feature, path: String) throws(LoadError) {
    guard value < feature.values.count, !feature.values[value].isNull else {
      throw LoadError(
        path: path, place: feature.place, reason: .refused("has no `\(name)`, by which rows are to be known (--key)"))
    }
    let key = feature.values[value].plainText
    switch idOfKey[TextKey(key)] {
    case .some(.some(let id)): feature.id = id
    case .some(.none):
      throw LoadError(
        path: path, place: feature.place,
        reason: .refused("`\(name)` is '\(key)', and several rows of the layer `\(layer)` have that"),
        fix: "use a --key that names each row once")
    case .none:
      if !hasIDs || feature.isNumbered {
        feature.id = key
        feature.isNumbered = false
      }
      idOfKey[TextKey(key)] = .some(feature.id)
    }
  }
}
