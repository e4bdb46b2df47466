extension Database {
  /// Values of a column of text that begin with `prefix`, in code point order, for completion; at most `limit`.
  ///
  /// Quick for columns with few values and for indexed ones (`id`, `code`, `name`); of any other the first 100,000 rows
  /// are looked through. Edits since the snapshot may be missing. Nothing is thrown: without an answer there is none.
  package func values(of column: String, in layer: String, beginningWith prefix: String, limit: Int) -> [String] {
    guard let index = catalog.layers.firstIndex(where: { $0.name == layer }) else { return [] }
    do throws(SnapshotDamage) {
      let segment = try snapshot.segment(index)
      guard let number = segment.columnIndex(named: column) else { return [] }
      if case .dictionary(let strings) = try segment.column(number) {
        var found: [String] = []
        for code in 0..<strings.dictionary.count {
          let text = strings.dictionary[code]
          if text.hasPrefix(prefix), !text.isEmpty { found.append(text) }
          if found.count >= limit { break }
        }
        return found
      }
      func text(_ row: Int) throws(SnapshotDamage) -> String? {
        if case .text(let text) = try segment.value(number, row) { text } else { nil }
      }
      guard let order = try segment.rowsInOrder(of: number) else {
        var seen = Set<String>()
        for row in 0..<min(segment.rowCount, 100_000) where seen.count < limit {
          if let text = try text(row), text.hasPrefix(prefix) { seen.insert(text) }
        }
        return seen.sorted { CodePoints.precede($0, $1) }
      }
      var (low, high) = (0, order.count)
      while low < high {
        let middle = (low + high) / 2
        if CodePoints.precede(try text(Int(order[middle])) ?? "", prefix) { low = middle + 1 } else { high = middle }
      }
      var found: [String] = []
      while low < order.count, found.count < limit, let text = try text(Int(order[low])), text.hasPrefix(prefix) {
        if found.last != text { found.append(text) }
        low += 1
      }
      return found
    } catch { return [] }
  }
}

extension Database {
  /// Names and addresses that `key` may have been meant for, in layers with geometry of their own; for messages.
  package func namesNear(_ key: String, limit: Int) -> [String] {
    let lookup = SnapshotLookup(snapshot)
    var found: [String] = []
    for (index, layer) in catalog.layers.enumerated() where layer.geometry != nil {
      let columns = layer.columns.indices.filter {
        ["name", "address"].contains(layer.columns[$0].name) && layer.columns[$0].type == .text
      }
      guard !columns.isEmpty else { continue }
      for text in (try? lookup.keysNear(key, layer: index, columns: columns, limit: limit)) ?? []
      where !found.contains(text) {
        found.append(text)
      }
    }
    // Of all layers the nearest spellings.
    return found.sorted {
      (Spelling.distance(Array($0.unicodeScalars), Array(key.unicodeScalars)), $0)
        < (Spelling.distance(Array($1.unicodeScalars), Array(key.unicodeScalars)), $1)
    }.prefix(limit).map { $0 }
  }
}
