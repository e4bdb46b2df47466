import Glibc
import SpatialIndex
import TestSupport

@testable import CIMEngine

/// Files of a snapshot and indexes. Their checksums are made right first, so that what lies behind them is reached.
enum FuzzSnapshot {
  private static func descriptor(_ bytes: [UInt8]) -> Int32? {
    bytes.withUnsafeBytes { FuzzFiles.descriptor(of: $0) }
  }

  private static let layerIndex: @Sendable (String) -> Int? = { ["part": 0, "thing": 1][$0] }

  /// Four bytes that say where the directory begins, in units of 64, and what follows the header: to a container with right
  /// checksums. All of it is read, by every door.
  static func sealed(_ target: FuzzTarget, _ bytes: UnsafeRawBufferPointer) throws {
    guard let file = container(bytes), let descriptor = descriptor(file) else { return }
    do throws(SnapshotDamage) {
      let hostile = try BlockFile(descriptor: descriptor, path: "fuzz")
      if target == .segment {
        try read(Segment(file: hostile, links: nil, layerIndex: layerIndex))
      } else {
        guard let segment = FuzzSeeds.partSegment, let sound = self.descriptor(segment) else { return }
        try read(
          Segment(file: try BlockFile(descriptor: sound, path: "part"), links: hostile, layerIndex: layerIndex))
      }
    } catch {
      guard !error.finding.isEmpty else { throw FuzzFault(what: "damage without a finding") }
    }
  }

  private static func read(_ segment: Segment) throws(SnapshotDamage) {
    // What a hostile directory may repeat without having the bytes for it is read once.
    guard segment.rowCount <= 4_096, segment.layer.columns.count <= 64 else { return }
    do { _ = try readEverything(of: segment) } catch {
      if let damage = error as? SnapshotDamage { throw damage }
      fatalError("\(error)")
    }
  }

  private static func container(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    guard bytes.count >= 4 else { return nil }
    let payload = bytes.count - 4
    let place = Int(bytes.loadUnaligned(as: UInt32.self)) * 64
    guard place <= payload else { return nil }
    let blocks = (place + BlockFormat.blockBytes - 1) / BlockFormat.blockBytes
    var file = [UInt8](repeating: 0, count: BlockFormat.headerBytes)
    file += UnsafeRawBufferPointer(rebasing: bytes[4...])
    file += [UInt8](repeating: 0, count: 64)
    let directory = BlockFormat.headerBytes + place
    let length = file.count - directory - 64 - 4 * blocks
    guard length >= 0 else { return nil }
    func put(_ value: some FixedWidthInteger, _ offset: Int) {
      withUnsafeBytes(of: value.littleEndian) { for (i, byte) in $0.enumerated() { file[offset + i] = byte } }
    }
    func checksum(_ range: Range<Int>) -> UInt32 {
      file.withUnsafeBytes { BlockFormat.checksum(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
    put(BlockFormat.magic, 0)
    put(BlockFormat.version, 8)
    put(UInt32(BlockFormat.blockShift), 12)
    put(UInt64(file.count), 16)
    put(UInt64(directory), 24)
    put(UInt64(length), 32)
    put(UInt32(blocks), 40)
    for block in 0..<blocks {
      let start = BlockFormat.headerBytes + block * BlockFormat.blockBytes
      put(checksum(start..<min(directory, start + BlockFormat.blockBytes)), directory + 4 * block)
    }
    put(checksum(directory..<file.count), 44)
    put(checksum(0..<BlockFormat.headerBytes - 4), BlockFormat.headerBytes - 4)
    return file
  }

  /// The input of ``sealed(_:_:)`` that gives a container back.
  static func unsealed(_ file: [UInt8]) -> [UInt8] {
    let directory = file.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 24, as: UInt64.self)) }
    let place = UInt32((directory - BlockFormat.headerBytes) / 64)
    return withUnsafeBytes(of: place.littleEndian) { Array($0) } + file[BlockFormat.headerBytes..<file.count - 64]
  }

  /// A container as it is, checksums and all.
  static func container(_ bytes: UnsafeRawBufferPointer) throws {
    guard let descriptor = descriptor(Array(bytes)) else { return }
    do throws(SnapshotDamage) {
      try read(
        Segment(file: try BlockFile(descriptor: descriptor, path: "fuzz"), links: nil, layerIndex: layerIndex))
    } catch {}
  }

  /// The payload of a manifest; what is read is written as the same bytes.
  static func manifest(_ bytes: UnsafeRawBufferPointer) throws {
    var head = SnapshotBytes()
    head.put(Manifest.magic)
    head.put(Manifest.version)
    head.put(UInt64(bytes.count))
    head.put(BlockFormat.checksum(bytes))
    let whole = head.bytes + bytes
    guard let manifest = try? whole.withUnsafeBytes({ try Manifest($0, path: "fuzz") }) else { return }
    let written = manifest.bytes
    guard let again = try? written.withUnsafeBytes({ try Manifest($0, path: "fuzz") }), again == manifest else {
      throw FuzzFault(what: "a manifest is not read as it was written")
    }
    for layer in manifest.layers where layer.segmentFile.contains("/") || layer.segmentFile.hasPrefix(".") {
      throw FuzzFault(what: "a manifest names \(layer.segmentFile)")
    }
  }

  /// The first byte chooses two or three dimensions; the others are a tree, which all searches walk.
  static func tree(_ bytes: UnsafeRawBufferPointer) throws {
    guard let first = bytes.first else { return }
    let body = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count - 1, alignment: 64)
    defer { body.deallocate() }
    body.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
    if first & 1 == 0 {
      try walk(PackedRTreeView<2>.self, UnsafeRawBufferPointer(body), Box2(10, 10, 60, 60))
    } else {
      try walk(PackedRTreeView<3>.self, UnsafeRawBufferPointer(body), Box(min: [10, 10, 10], max: [60, 60, 60]))
    }
  }

  /// A tree may hold as many pairs as it has items, squared.
  private struct Enough: Error {}

  private static func walk<let D: Int>(
    _: PackedRTreeView<D>.Type, _ bytes: UnsafeRawBufferPointer, _ window: Box<D>
  ) throws {
    guard let tree = try? PackedRTreeView<D>(bytes: bytes) else { return }
    try walk(tree, window)
  }

  private static func walk<let D: Int>(_ tree: PackedRTreeView<D>, _ window: Box<D>) throws {
    // What a search gives is an item, and a search ends.
    var (found, outside) = (0, 0)
    func visit(_ item: Int) throws(FuzzFault) {
      guard item >= 0, item < tree.count else { throw FuzzFault(what: "item \(item) of \(tree.count)") }
      found += 1
    }
    try tree.forEach(meeting: window, visit)
    var (low, high) = (window, window)
    for d in 0..<D {
      (low.min[d], low.max[d]) = (-.infinity, .infinity)
      (high.min[d], high.max[d]) = (.nan, .nan)
    }
    try tree.forEach(meeting: low, visit)
    try tree.forEach(meeting: high, visit)
    var items: [UInt32] = []
    tree.append(within: 5, of: window, to: &items)
    var list = NearestList(count: 7, withTies: true)
    tree.nearest(to: window, into: &list)
    tree.nearest(to: high, into: &list)
    do throws(Enough) {
      var steps = 0
      try tree.forEachPair(meeting: tree) { (a: Int, b: Int) throws(Enough) in
        steps += 1
        if a < 0 || a >= tree.count || b < 0 || b >= tree.count { outside += 1 }
        if steps > 20_000 { throw Enough() }
      }
    } catch {}
    guard outside == 0 else { throw FuzzFault(what: "a pair of items that are none") }
    for item in items { try visit(Int(item)) }
  }

  /// The file of a 3D index of twenty rows, its checksums made right as in ``sealed(_:_:)``.
  static func space(_ bytes: UnsafeRawBufferPointer) throws {
    guard let file = container(bytes), let descriptor = descriptor(file) else { return }
    defer { close(descriptor) }
    guard let index = SpaceIndex(path: "/proc/self/fd/\(descriptor)", rowCount: 20) else { return }
    try walk(index.tree, Box(min: [10, 10, 10], max: [60, 60, 60]))
    withExtendedLifetime(index) {}
  }
}
