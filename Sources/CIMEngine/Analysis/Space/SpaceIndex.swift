internal import CChecksum
internal import Glibc
internal import SpatialIndex

/// A 3D R-tree over the bodies of a layer's rows; item numbers are row numbers of the snapshot.
final class SpaceIndex: Sendable {
  let tree: PackedRTree<3>

  init(_ boxes: [Box<3>]) {
    tree = PackedRTree(boxes)
  }

  // A file of one tree, beside the segments. It names the revision that it shows, so another one is never taken for it:
  //   0 magic   8 rows   16 bytes of the tree   24 their CRC-32C   32 the tree
  private static let magic: UInt64 = 0x3145_4341_5053_5143  // "CQSPACE1"
  private static let headerBytes = 64

  static func path(of layer: Int, in snapshot: Snapshot) -> String {
    let revision = snapshot.state.revision
    let marks = [
      UInt64(bitPattern: revision.token), UInt64(truncatingIfNeeded: snapshot.manifest.layers[layer].orderID),
    ]
    return "\(snapshot.path)/\(snapshot.catalog.layers[layer].name)-r\(revision.revision)-"
      + marks.map { String($0, radix: 16) }.joined(separator: "-") + ".space"
  }

  /// What lies at `file`; nil when there is nothing, or not the index of a layer with so many rows.
  init?(file: String, rowCount: Int) {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Int(status.st_size) > Self.headerBytes,
      let memory = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED
    else { return nil }
    defer { munmap(memory, Int(status.st_size)) }
    let bytes = UnsafeRawBufferPointer(start: memory, count: Int(status.st_size))
    func number(_ at: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
    let body = UnsafeRawBufferPointer(rebasing: bytes[Self.headerBytes...])
    guard number(0) == Self.magic, number(8) == UInt64(rowCount), number(16) == UInt64(body.count),
      number(24) == UInt64(cchecksum_crc32c(0, body.baseAddress, body.count)),
      let tree = try? PackedRTree<3>(copying: body), tree.count == rowCount
    else { return nil }
    self.tree = tree
  }

  /// Writes the index to `file`, whole or not at all. Where that cannot be done the index is made again next time.
  func keep(at file: String) {
    let temporary = "\(file).\(getpid())"
    guard let stream = fopen(temporary, "wb") else { return }
    let isWritten = tree.withBytes { bytes in
      var header = [UInt8](repeating: 0, count: Self.headerBytes)
      func put(_ value: UInt64, _ at: Int) {
        for i in 0..<8 { header[at + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
      }
      put(Self.magic, 0)
      put(UInt64(tree.count), 8)
      put(UInt64(bytes.count), 16)
      put(UInt64(cchecksum_crc32c(0, bytes.baseAddress, bytes.count)), 24)
      return fwrite(header, 1, header.count, stream) == header.count
        && fwrite(bytes.baseAddress, 1, bytes.count, stream) == bytes.count && fflush(stream) == 0
    }
    fclose(stream)
    if !isWritten || rename(temporary, file) != 0 { unlink(temporary) }
  }
}
