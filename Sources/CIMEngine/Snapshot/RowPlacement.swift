/// Which row of a layer with edits holds what: rows keep their numbers, the places of rows that are gone are taken by new
/// ones, else by the last rows, so that rows are always numbered from 0 without holes.
struct RowPlacement: Sendable {
  enum Content: Sendable {
    /// Index among `LayerEdits.rows`.
    case edited(Int)
    /// A row of the packed segment that moved here.
    case moved(Int)
  }
  /// Rows whose content is another than in the segment, ascending.
  private(set) var rows: [(row: Int, content: Content)] = []
  private(set) var rowCount: Int
  /// Rows of the segment that are elsewhere now, or nowhere (`LinkColumn.none`).
  private(set) var movedTo: [UInt32: UInt32] = [:]
  /// Rows of `rows` by fid, and fids that are gone.
  private(set) var rowOfFid: [Int64: Int] = [:]
  private(set) var gone: Set<Int64> = []
  /// Rows of the segment whose row was edited in place.
  private(set) var editedInPlace: [Int: Int] = [:]
  /// Indices of edited rows that are new.
  private(set) var inserted: [Int] = []

  init(_ edits: LayerEdits, base: Segment) throws(SnapshotDamage) {
    rowCount = base.rowCount
    var contents: [Int: Content] = [:]
    var coming: [Int] = []
    for (i, row) in edits.rows.enumerated() {
      if let known = try base.row(fid: row.fid) {
        contents[known] = .edited(i)
        editedInPlace[known] = i
      } else {
        coming.append(i)
      }
    }
    inserted = coming
    var holes: [Int] = []
    for fid in edits.gone {
      gone.insert(fid)
      if let row = try base.row(fid: fid) {
        holes.append(row)
        movedTo[UInt32(row)] = LinkColumn.none
      }
    }
    holes.sort()
    // New rows into the first holes, then behind all others.
    let filled = min(holes.count, coming.count)
    for i in 0..<filled { contents[holes[i]] = .edited(coming[i]) }
    for i in filled..<coming.count {
      contents[rowCount] = .edited(coming[i])
      rowCount += 1
    }
    // Last rows into the holes that are left.
    let left = Array(holes[filled...])
    let isHole = Set(left)
    let end = rowCount - left.count
    var free = left.filter { $0 < end }.makeIterator()
    for row in end..<rowCount where !isHole.contains(row) {
      guard let target = free.next() else { break }
      contents[target] = contents.removeValue(forKey: row) ?? .moved(row)
      movedTo[UInt32(row)] = UInt32(target)
    }
    for row in end..<rowCount { contents[row] = nil }
    rowCount = end
    rows = contents.map { ($0.key, $0.value) }.sorted { $0.row < $1.row }
    for (row, content) in rows {
      switch content {
      case .edited(let i): rowOfFid[edits.rows[i].fid] = row
      case .moved(let old): rowOfFid[try base.fid(old)] = row
      }
    }
  }
}
