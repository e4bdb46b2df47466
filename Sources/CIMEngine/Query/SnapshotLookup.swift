/// Answers the binder's questions about rows from the snapshot.
package struct SnapshotLookup: FeatureLookup {
  package let snapshot: Snapshot

  package init(_ snapshot: Snapshot) { self.snapshot = snapshot }

  package func features(
    layer: Int, column: Int, equalTo key: String, geometryPath: [LinkStep]?, limit: Int
  ) throws(QueryError) -> [FeatureMatch] {
    do throws(SnapshotDamage) {
      let segment = try snapshot.segment(layer)
      var matches: [(row: Int, id: String)] = []
      for row in try rows(of: segment, column: column, equalTo: key) {
        matches.append((Int(row), try segment.id(Int(row))))
      }
      matches.sort { CodePoints.precede($0.id, $1.id) }
      var result: [FeatureMatch] = []
      for match in matches.prefix(limit) {
        let geometry = try geometryPath.flatMap { path throws(SnapshotDamage) in
          try self.geometry(layer: layer, row: match.row, along: path)
        }
        result.append(FeatureMatch(id: match.id, geometry: geometry))
      }
      return result
    } catch { throw QueryError(.damaged(error.message)) }
  }

  private func rows(of segment: Segment, column: Int, equalTo key: String) throws(SnapshotDamage) -> [UInt32] {
    switch segment.columnView(column) {
    case .text, .dictionary, .list: return try segment.rows(column: column, equals: key)
    case .int8, .int16, .int32, .int64, .double:
      guard let number = Double(key) else { return [] }
      var rows: [UInt32] = []
      for row in 0..<segment.rowCount where try segment.value(column, row).number == number { rows.append(UInt32(row)) }
      return rows
    case .bool, .date, .timestamp, .link: return []
    }
  }

  private func geometry(layer: Int, row: Int, along path: [LinkStep]) throws(SnapshotDamage) -> Geometry? {
    var (layer, row) = (layer, row)
    for step in path {
      let link = try snapshot.segment(layer).link(step.column, rows: row..<row + 1)
      guard let target = link?.rows[row], target != LinkColumn.none else { return nil }
      (layer, row) = (step.targetLayer, Int(target))
    }
    return try snapshot.segment(layer).geometry(rows: row..<row + 1)?.geometry(row)
  }

  /// Looks through a limited number of values: it serves an error message, which should not take seconds.
  package func keysNear(
    _ key: String, layer: Int, columns: [Int], limit: Int
  ) throws(QueryError) -> [String] {
    do throws(SnapshotDamage) {
      let segment = try snapshot.segment(layer)
      let wanted = Array(key.uppercased().unicodeScalars)
      var found: [(distance: Int, key: String)] = []
      var seen = Set<String>()
      for column in columns {
        let count = min(segment.rowCount, 50_000)
        for row in 0..<count {
          guard case .text(let text) = try segment.value(column, row), seen.insert(text).inserted else { continue }
          let candidate = Array(text.uppercased().unicodeScalars)
          guard abs(candidate.count - wanted.count) <= max(2, wanted.count / 3) else { continue }
          let distance =
            text.contains(key) ? 1 : Spelling.distance(wanted, candidate)
          if distance <= max(1, wanted.count / 3) { found.append((distance, text)) }
        }
      }
      return found.sorted { ($0.distance, $0.key) < ($1.distance, $1.key) }.prefix(limit).map(\.key)
    } catch { throw QueryError(.damaged(error.message)) }
  }
}

/// Ids compare by code point, which is the order of their UTF-8 bytes.
enum CodePoints {
  static func precede(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
