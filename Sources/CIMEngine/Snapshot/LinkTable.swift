internal import Glibc

/// The resolved links of one layer, in a file of their own beside its segment: when a target is packed anew in another
/// order, only this file is written again.
final class LinkTable: @unchecked Sendable {
  struct Entry {
    /// Index among the columns of the layer that links.
    var column: Int
    var targetLayer: String
    /// "fid", or a column of the target.
    var targetColumn: String
    /// Which order of the target's rows the numbers are for, see `Segment.orderID`.
    var targetOrder: UInt64
    var targetRowCount: Int
    var isByFid: Bool
    var isSorted: Bool
    var rows: Section<UInt32>
    /// Rows that name a fid which the target does not have, and those fids (only of links by fid, which are stored
    /// nowhere else).
    var danglingRows: Section<UInt32>
    var danglingFids: Section<Int64>
  }

  let file: BlockFile
  /// The order of the segment that links.
  let orderID: UInt64
  let entries: [Entry]

  init(_ file: BlockFile, rowCount: Int) throws(SnapshotDamage) {
    self.file = file
    var reader = SnapshotReader(file.directory, path: file.path)
    guard try reader.get(UInt8.self) == DirectoryKind.links.rawValue else {
      throw file.damage("is not a table of links")
    }
    orderID = try reader.get(UInt64.self)
    guard try reader.get(UInt64.self) == UInt64(rowCount) else {
      throw file.damage("holds links of another number of rows than the segment has")
    }
    var entries: [Entry] = []
    for _ in 0..<(try reader.getCount(bytesEach: 16)) {
      let column = Int(try reader.get(UInt32.self))
      let targetLayer = try reader.getString()
      let targetColumn = try reader.getString()
      let targetOrder = try reader.get(UInt64.self)
      let targetRowCount = try reader.get(UInt64.self)
      guard targetRowCount < UInt64(UInt32.max) else { throw file.damage("links to too many rows") }
      let isByFid = try reader.getBool()
      let isSorted = try reader.getBool()
      let rows = try file.section(
        try .read(from: &reader), count: rowCount, of: UInt32.self, rule: .rowOrNone(UInt32(targetRowCount)))
      let dangling = Int(try reader.get(UInt32.self))
      entries.append(
        Entry(
          column: column, targetLayer: targetLayer, targetColumn: targetColumn, targetOrder: targetOrder,
          targetRowCount: Int(targetRowCount), isByFid: isByFid, isSorted: isSorted, rows: rows,
          danglingRows: try file.section(
            try .read(from: &reader), count: dangling, of: UInt32.self, rule: .below32(UInt32(rowCount))),
          danglingFids: try file.section(try .read(from: &reader), count: dangling, of: Int64.self)))
    }
    self.entries = entries
    try file.sealSections()
  }

  /// One link as it is written.
  struct Draft {
    var column: Int
    var targetLayer: String
    var targetColumn: String
    var targetOrder: UInt64
    var targetRowCount: Int
    var isByFid: Bool
    /// By row of the segment that links.
    var rows: GrowingBuffer<UInt32>
    var dangling: [(row: UInt32, fid: Int64)] = []
  }

  static func write(_ drafts: [Draft], orderID: UInt64, rowCount: Int, to path: String) throws(StoreError) -> FileDigest
  {
    let file = try BlockFileWriter(path: path)
    var directory = SnapshotBytes()
    directory.put(DirectoryKind.links.rawValue)
    directory.put(orderID)
    directory.put(UInt64(rowCount))
    directory.put(UInt32(drafts.count))
    for draft in drafts {
      directory.put(UInt32(draft.column))
      directory.put(draft.targetLayer)
      directory.put(draft.targetColumn)
      directory.put(draft.targetOrder)
      directory.put(UInt64(draft.targetRowCount))
      directory.put(draft.isByFid)
      var isSorted = true
      var last: UInt32 = 0
      for i in 0..<draft.rows.count {
        if draft.rows[i] < last { isSorted = false; break }
        last = draft.rows[i]
      }
      directory.put(isSorted)
      SectionPlace.write(try file.section(draft.rows), to: &directory)
      directory.put(UInt32(draft.dangling.count))
      SectionPlace.write(try file.section(draft.dangling.map(\.row)), to: &directory)
      SectionPlace.write(try file.section(draft.dangling.map(\.fid)), to: &directory)
    }
    return try file.finish(directory: directory.bytes)
  }
}
