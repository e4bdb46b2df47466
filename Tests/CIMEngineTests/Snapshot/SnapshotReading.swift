import SpatialIndex
import TestSupport

@testable import CIMEngine

/// A snapshot in a folder of its own, removed in the end.
final class PackedFolder {
  let path: String
  private(set) var files: [String] = []

  init(_ catalog: Catalog, _ rows: [String: [SegmentRow]]) throws {
    path = try SnapshotFolder.makeTemporary()
    let packing = SnapshotPacking(
      folder: path,
      state: SnapshotState(revision: Revision(uuid: catalog.databaseID, revision: 7, token: 8), schemaVersion: 9),
      catalog: catalog)
    try packing.packAll { layer, builder in
      for row in rows[catalog.layers[layer].name] ?? [] { builder.append(row) }
      return []
    }
    let manifest = packing.manifest()
    try manifest.write(in: path)
    files = manifest.layers.flatMap { [$0.segmentFile] + ($0.linksFile.map { [$0] } ?? []) } + [Manifest.fileName]
  }

  deinit { SnapshotFolder.remove(path) }

  /// Everything that can be read of the snapshot, folded into one number.
  func digest() throws -> UInt64 {
    let snapshot = try Snapshot.open(path)
    var state: UInt64 = 0
    for layer in snapshot.catalog.layers.indices {
      state = SteadyHash.mix(state ^ (try readEverything(of: try snapshot.segment(layer))))
    }
    return state
  }
}

/// Reads all of a segment through every door, and folds it into one number.
func readEverything(of segment: Segment) throws -> UInt64 {
  var state = SteadyHash.mix(UInt64(segment.rowCount))
  func fold(_ value: some Hashable) { state = SteadyHash.mix(state ^ UInt64(bitPattern: Int64(stableHash(value)))) }
  func foldText(_ text: String) {
    var text = text
    state = SteadyHash.mix(state ^ text.withUTF8 { SteadyHash.hash($0) })
  }
  let tree = try segment.tree()
  var found = 0
  tree?.forEach(meeting: Box2(2_000, 2_000, 6_000, 9_000)) { found += $0 }
  fold(found)
  for row in 0..<segment.rowCount {
    let fid = try segment.fid(row)
    fold(fid)
    if let same = try segment.row(fid: fid) { fold(same) }
    for column in segment.layer.columns.indices {
      switch try segment.value(column, row) {
      case .null: fold(1)
      case .bool(let flag): fold(flag ? 2 : 3)
      case .int(let number): fold(number)
      case .double(let number): fold(number.bitPattern)
      case .date(let days): fold(Int(days))
      case .timestamp(let instant): fold(instant)
      case .text(let text): foldText(text)
      case .list, .geometry: fold(4)
      }
      if let link = try segment.link(column, rows: row..<row + 1) { fold(Int(link.rows[row])) }
    }
    if let storage = try segment.geometry(rows: row..<row + 1) {
      fold(Int(storage.kinds[row]))
      let box = storage.box(row)
      for number in [box.min[0], box.min[1], box.max[0], box.max[1]] { fold(number.bitPattern) }
      let shape = storage.geometry(row)
      for number in (shape?.xy ?? []) + (shape?.z ?? []) { fold(number.bitPattern) }
      for offset in (shape?.ringOffsets ?? []) + (shape?.partOffsets ?? []) { fold(Int(offset)) }
      for member in shape?.members ?? [] { for number in member.xy { fold(number.bitPattern) } }
    }
    let id = try segment.id(row)
    if !id.isEmpty, row % 16 == 0 { fold(try segment.row(id: id) ?? -1) }
  }
  for column in segment.layer.columns.indices {
    let statistics = segment.statistics(column)
    fold(statistics.nullCount)
    fold(statistics.distinctCount)
    foldText("\(statistics.minimum) \(statistics.maximum)")
    if let link = try segment.link(column) {
      fold(link.isSorted ? 1 : 0)
      for target in 0..<UInt32(10) { fold(link.children(of: target).count) }
    }
    for row in try segment.rowsInOrder(of: column) ?? UnsafeBufferPointer(start: nil, count: 0) { fold(Int(row)) }
    for text in ["塔", "T-0", ""] {
      for row in try segment.rows(column: column, equals: text) { fold(Int(row)) }
    }
    // Blocks of rows.
    func foldBlocks<T>(_ values: FixedColumn<T>, _ bits: (T) -> Int) {
      for block in 0..<values.blockCount {
        fold(values.hasValues(inBlock: block) ? 1 : 0)
        fold(bits(values.blockMinimums[block]))
        fold(bits(values.blockMaximums[block]))
      }
    }
    switch try segment.column(column) {
    case .int8(let values): foldBlocks(values) { Int($0) }
    case .int64(let values): foldBlocks(values) { Int($0) }
    case .double(let values): foldBlocks(values) { Int(truncatingIfNeeded: $0.bitPattern) }
    case .dictionary(let strings):
      if case .bytes(let codes) = strings.codes { foldBlocks(codes) { Int($0) } }
    default: break
    }
  }
  return state
}

/// A hash that is the same in every run, for the few types that are folded.
private func stableHash(_ value: some Hashable) -> Int {
  switch value {
  case let value as Int: value
  case let value as Int64: Int(value)
  case let value as UInt64: Int(truncatingIfNeeded: value)
  default: 0
  }
}

/// Two layers of a few kilobytes with all there is: links, collections, heights, dictionaries, indexes.
func damageSamples(_ count: Int = 150) -> (Catalog, [String: [SegmentRow]]) {
  let child = Catalog.Layer(
    name: "part",
    columns: [
      Catalog.Column(name: "id", type: .text), Catalog.Column(name: "thing", type: .text),
      Catalog.Column(name: "owner", type: .text),
    ])
  let catalog = SnapshotSamples.catalog(
    [child, SnapshotSamples.everything(hasZ: true)],
    links: [
      Catalog.Link(layer: "part", column: "thing", targetLayer: "thing", targetColumn: "id"),
      Catalog.Link(layer: "part", column: "owner", targetLayer: "thing", targetColumn: "fid"),
    ])
  let things = SnapshotSamples.rows(count, seed: 4, shape: SnapshotSamples.anything)
  let parts = (0..<count * 4 / 3).map { (row: Int) -> SegmentRow in
    let owner = Value.int(Int64((row * 7) % (count + 10)))
    return SegmentRow(fid: Int64(row + 1), values: [.text("P-\(row)"), things[row % count].values[0], owner])
  }
  return (catalog, ["thing": things, "part": parts])
}
