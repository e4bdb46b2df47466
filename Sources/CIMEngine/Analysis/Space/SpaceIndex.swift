internal import Glibc
internal import SpatialIndex

/// A 3D R-tree over the bodies of a layer's rows; item numbers are row numbers of the snapshot. Made in memory, or mapped
/// from the file beside the segments that ``keep(at:)`` wrote.
final class SpaceIndex: Sendable {
  let tree: PackedRTreeView<3>
  /// Rows with a place but no heights, ascending.
  let withoutHeights: [UInt32]
  /// What the memory of `tree` belongs to.
  private let made: PackedRTree<3>?
  private let file: BlockFile?

  init(_ boxes: [Box<3>], withoutHeights: [UInt32]) {
    let made = PackedRTree(boxes)
    tree = made.view
    (self.made, file) = (made, nil)
    self.withoutHeights = withoutHeights
  }

  /// The name tells the revision that the index shows, so another one is never taken for it.
  static func path(of layer: Int, in snapshot: Snapshot) -> String {
    let revision = snapshot.state.revision
    let marks = [
      UInt64(bitPattern: revision.token), UInt64(truncatingIfNeeded: snapshot.manifest.layers[layer].orderID),
    ]
    return "\(snapshot.path)/\(snapshot.catalog.layers[layer].name)-r\(revision.revision)-"
      + marks.map { String($0, radix: 16) }.joined(separator: "-") + ".space"
  }

  // A container as segments are kept in. Its directory: a mark, rows, the sections of the tree and of `withoutHeights`.
  private static let mark: UInt64 = 0x3245_4341_5053_5143  // "CQSPACE2"

  /// What lies at `path`; nil when there is nothing, or not the sound index of a layer with so many rows.
  convenience init?(path: String, rowCount: Int) {
    guard let file = try? BlockFile(path: path) else { return nil }
    try? self.init(file, rowCount: rowCount)
  }

  private init(_ file: BlockFile, rowCount: Int) throws(SnapshotDamage) {
    var reader = SnapshotReader(file.directory, path: file.path)
    guard try reader.get(UInt64.self) == Self.mark, try reader.get(UInt64.self) == UInt64(rowCount) else {
      throw file.damage("is not the index of this layer")
    }
    let places = (tree: try SectionPlace.read(from: &reader), rows: try SectionPlace.read(from: &reader))
    let bytes = try file.section(places.tree, count: Int(clamping: places.tree.length), of: UInt8.self)
    let rows = try file.section(places.rows, count: Int(clamping: places.rows.length / 4), of: UInt32.self)
    for (offset, length) in [(bytes.offset, bytes.count), (rows.offset, 4 * rows.count)] {
      try file.check(offset..<offset + length)
    }
    do {
      tree = try PackedRTreeView<3>(bytes: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
    } catch { throw file.damage("\(error)") }
    withoutHeights = Array(UnsafeBufferPointer(start: rows.start, count: rows.count))
    guard tree.count == rowCount, withoutHeights.allSatisfy({ Int($0) < rowCount }) else {
      throw file.damage("has rows that the layer has not")
    }
    (made, self.file) = (nil, file)
  }

  /// Writes the index to `path`, whole or not at all. Where that cannot be done the index is made again next time.
  func keep(at path: String) {
    guard let made else { return }
    try? WholeFile.replace(path) { (temporary) throws(StoreError) in
      let writer = try BlockFileWriter(path: temporary)
      var directory = SnapshotBytes()
      directory.put(Self.mark)
      directory.put(UInt64(tree.count))
      try made.withBytes { (bytes) throws(StoreError) in try writer.section(bytes) }.write(to: &directory)
      try writer.section(withoutHeights).write(to: &directory)
      _ = try writer.finish(directory: directory.bytes)
    }
  }
}
