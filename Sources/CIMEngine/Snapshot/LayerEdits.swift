/// What has become of the rows of one layer since a snapshot was packed: read in the transaction that answers.
struct LayerEdits: Sendable {
  struct Row: Sendable {
    var fid: Int64
    /// By column; lists are JSON text, links by fid are numbers.
    var values: [Value]
    var geometry: Geometry?
  }
  /// Rows that are new or have changed, as they are now, by fid.
  var rows: [Row] = []
  /// Rows that are gone.
  var gone: Set<Int64> = []

  /// More edits than this in one layer are packed.
  static let limit = 10_000
}

extension StoreReader {
  /// The rows of a layer behind changed rowids; nil when the log alone does not tell what happened, so that the layer has
  /// to be packed anew.
  ///
  /// - Parameters:
  ///   - base: the layer as packed.
  ///   - fidLinks: columns that hold the fid of another layer's row.
  func edits(
    of stored: StoredLayer, rowids: [Int64], base: Segment, fidLinks: Set<Int>
  ) throws -> LayerEdits? {
    var result = LayerEdits()
    let columns = Array(stored.layer.columns.indices)
    let hasGeometry = stored.layer.geometry != nil
    try rows(stored, rowids: rowids, columns: columns, geometry: hasGeometry) { row in
      var geometry: Geometry?
      if hasGeometry {
        var read = Geometry(kind: .point)
        if row.readGeometry(into: &read), read.isFinite { geometry = read }
      }
      let values = columns.map { column in
        fidLinks.contains(column) ? row.int(column).map { Value.int($0) } ?? .null : row.value(column)
      }
      result.rows.append(LayerEdits.Row(fid: row.fid, values: values, geometry: geometry))
    }
    let here = Set(result.rows.map(\.fid))
    result.gone = Set(rowids).subtracting(here)
    try addDisplaced(&result, stored, base)
    return try isWhole(result, stored, base) ? result : nil
  }

  /// INSERT OR REPLACE takes away the row that had the same id; no trigger sees that.
  private func addDisplaced(_ edits: inout LayerEdits, _ stored: StoredLayer, _ base: Segment) throws {
    guard base.idColumn != nil, stored.idColumn != nil else { return }
    let known = Set(edits.rows.map(\.fid))
    let find = try SQLStatement(
      connection.handle,
      "SELECT 1 FROM \(quoted(stored.layer.name)) WHERE \(quoted(stored.rowColumn)) = ?1")
    for row in edits.rows {
      guard case .text(let id)? = row.values.first else { continue }
      for old in try base.rows(column: base.idColumn!, equals: id) {
        let fid = try base.fid(Int(old))
        if fid == row.fid || known.contains(fid) || edits.gone.contains(fid) { continue }
        find.bind(1, fid)
        defer { find.reset() }
        if try !find.step() { edits.gone.insert(fid) }
      }
    }
  }

  /// Where other columns are unique too, a REPLACE may have displaced rows of any id: then the rows are counted.
  private func isWhole(_ edits: LayerEdits, _ stored: StoredLayer, _ base: Segment) throws -> Bool {
    let others = try connection.prepare(
      """
      SELECT count(*) FROM pragma_index_list(?1) AS i WHERE i."unique" = 1
        AND NOT (SELECT count(*) = 1 AND max(name) IS ?2 FROM pragma_index_info(i.name))
      """
    ).bind(1, stored.layer.name).bind(2, stored.idColumn)
    guard try others.step(), others.int64(0) > 0 else { return true }
    var expected = base.rowCount
    for row in edits.rows where try base.row(fid: row.fid) == nil { expected += 1 }
    for fid in edits.gone where try base.row(fid: fid) != nil { expected -= 1 }
    return try connection.int("SELECT count(*) FROM \(quoted(stored.layer.name))") == Int64(expected)
  }
}

extension Geometry {
  var isFinite: Bool { xy.allSatisfy(\.isFinite) && members.allSatisfy(\.isFinite) }
}
