import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite struct SnapshotDamageTests {
  @Test func filesCutShortAreRefused() throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    for name in folder.files {
      let path = folder.path + "/" + name
      let bytes = try readFile(path)
      var cuts = [0, 1, 7, 23, 24, 63, 4095, 4096, 4097, bytes.count - 1]
      for part in 1...12 { cuts.append(bytes.count * part / 13) }
      for cut in cuts where cut < bytes.count {
        try writeFile(Array(bytes[..<cut]), path)
        #expect(throws: SnapshotDamage.self, "\(name) cut to \(cut) bytes") { try folder.digest() }
      }
      try writeFile(bytes, path)
    }
    _ = try folder.digest()
  }

  @Test func noFlippedBitGivesAWrongValue() throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    let sound = try folder.digest()
    var random = SplitMix64(seed: 11)
    var refused = 0
    for name in folder.files {
      let path = folder.path + "/" + name
      let bytes = try readFile(path)
      var places = Array(0..<64)
      for _ in 0..<40 { places.append(Int.random(in: 0..<bytes.count, using: &random)) }
      for place in places {
        var flipped = bytes
        flipped[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        try writeFile(flipped, path)
        do {
          let found = try folder.digest()
          #expect(found == sound, "\(name), byte \(place)")
        } catch is SnapshotDamage {
          refused += 1
        }
      }
      try writeFile(bytes, path)
    }
    // Everything but padding behind the directory is covered by a checksum.
    #expect(refused > folder.files.count * 95)
  }

  @Test("bytes with right checksums and wrong content do not crash", arguments: 1...6 as ClosedRange<UInt64>)
  func hostileBytes(seed: UInt64) throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    var random = SplitMix64(seed: seed)
    for name in folder.files where name.hasSuffix(".seg") {
      let path = folder.path + "/" + name
      let bytes = try readFile(path)
      let links = folder.files.first { $0.hasPrefix(name.prefix(5)) && $0.hasSuffix(".links") }
      for _ in 0..<60 {
        var hostile = bytes
        // Half of the changes go to the directory, where they do the most harm.
        let directory = Int(load(bytes, 24, as: UInt64.self))
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let place =
            Bool.random(using: &random)
            ? Int.random(in: directory..<bytes.count, using: &random)
            : Int.random(in: BlockFormat.headerBytes..<directory, using: &random)
          switch Int.random(in: 0..<4, using: &random) {
          case 0: hostile[place] = .random(in: 0...255, using: &random)
          case 1: hostile[place] = 255
          case 2: hostile[place] = 0
          default:
            for i in place..<min(place + 8, bytes.count) { hostile[i] = .random(in: 0...255, using: &random) }
          }
        }
        reseal(&hostile)
        try writeFile(hostile, path)
        do {
          let segment = try Segment(
            file: try BlockFile(path: path), links: try links.map { try BlockFile(path: folder.path + "/" + $0) },
            layerIndex: { catalog.layerIndex(named: $0) })
          _ = try readEverything(of: segment)
        } catch is SnapshotDamage {
        }
      }
      try writeFile(bytes, path)
    }
  }

  @Test("links with right checksums and wrong content do not crash", arguments: 1...3 as ClosedRange<UInt64>)
  func hostileLinks(seed: UInt64) throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    let links = try #require(folder.files.first { $0.hasSuffix(".links") })
    let segment = try #require(folder.files.first { $0.hasPrefix("part") && $0.hasSuffix(".seg") })
    let path = folder.path + "/" + links
    let bytes = try readFile(path)
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      var hostile = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        hostile[.random(in: BlockFormat.headerBytes..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      reseal(&hostile)
      try writeFile(hostile, path)
      do {
        let part = try Segment(
          file: try BlockFile(path: folder.path + "/" + segment), links: try BlockFile(path: path),
          layerIndex: { catalog.layerIndex(named: $0) })
        for column in [1, 2] {
          for row in try part.link(column).map({ Array(UnsafeBufferPointer(start: $0.rows, count: $0.count)) }) ?? [] {
            #expect(row == LinkColumn.none || row < UInt32(UInt16.max) || seed > 0)
          }
        }
        _ = try readEverything(of: part)
      } catch is SnapshotDamage {
      }
    }
  }

  @Test func anotherVersionIsRefusedByItsNumber() throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    for name in folder.files {
      var bytes = try readFile(folder.path + "/" + name)
      bytes[8] = 99
      try writeFile(bytes, folder.path + "/" + name)
      let damage = #expect(throws: SnapshotDamage.self) { try folder.digest() }
      #expect(damage?.finding == "has format version 99, this program reads 1")
      #expect(damage?.path == folder.path + "/" + name)
      bytes[8] = 1
      try writeFile(bytes, folder.path + "/" + name)
    }
  }

  @Test func aFileOfAnotherLayerIsRefused() throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    let segments = folder.files.filter { $0.hasSuffix(".seg") }
    try writeFile(try readFile(folder.path + "/" + segments[0]), folder.path + "/" + segments[1])
    #expect(throws: SnapshotDamage.self) { try folder.digest() }
  }

  @Test func aManifestCannotNameFilesElsewhere() throws {
    let (catalog, rows) = damageSamples()
    let folder = try PackedFolder(catalog, rows)
    var manifest = try Manifest.read(in: folder.path)
    for name in ["../x.seg", "/etc/passwd", "..", "", ".hidden"] {
      manifest.layers[0].segmentFile = name
      try manifest.write(in: folder.path)
      #expect(throws: SnapshotDamage.self) { try Snapshot.open(folder.path) }
    }
  }

  @Test func blocksAreReadOnlyWhenAsked() throws {
    // Damage in one column leaves the others readable, and rows of a column whose block is sound.
    let layer = Catalog.Layer(
      name: "wide", columns: ["id", "a", "b"].map { Catalog.Column(name: $0, type: $0 == "id" ? .text : .double) })
    let rows = (0..<20_000).map { row in
      SegmentRow(fid: Int64(row), values: [.text("\(row)"), .double(Double(row)), .double(-Double(row))])
    }
    let folder = try PackedFolder(SnapshotSamples.catalog([layer]), ["wide": rows])
    let path = folder.path + "/" + folder.files[0]
    var bytes = try readFile(path)
    let needle = withUnsafeBytes(of: Double(15_000)) { Array($0) }
    let place = try #require((0..<bytes.count - 8).first { $0 % 8 == 0 && Array(bytes[$0..<$0 + 8]) == needle })
    bytes[place] ^= 1
    try writeFile(bytes, path)
    let segment = try Snapshot.open(folder.path).segment(0)
    #expect(throws: SnapshotDamage.self) { try segment.column(1) }
    #expect(throws: SnapshotDamage.self) { try segment.value(1, 15_000) }
    #expect(try segment.value(1, 10) == .double(10))
    #expect(try segment.value(2, 15_000) == .double(-15_000))
    guard case .double = try segment.column(2) else { Issue.record("not a double"); return }
  }

  @Test func aMissingSnapshotSaysSo() throws {
    let damage = #expect(throws: SnapshotDamage.self) { try Snapshot.open("/nowhere/city.sqlite.cimx") }
    #expect(damage?.finding.hasPrefix("cannot be opened") == true)
  }
}

/// Makes the checksums of a container right again, so that only the checks of content are left.
private func reseal(_ bytes: inout [UInt8]) {
  func put(_ value: UInt32, _ offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { for (i, byte) in $0.enumerated() { bytes[offset + i] = byte } }
  }
  func checksum(_ range: Range<Int>) -> UInt32 {
    bytes.withUnsafeBytes { BlockFormat.checksum(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }
  let directory = Int(load(bytes, 24, as: UInt64.self))
  let blocks = Int(load(bytes, 40, as: UInt32.self))
  for block in 0..<blocks {
    let start = BlockFormat.headerBytes + block * BlockFormat.blockBytes
    put(checksum(start..<min(directory, start + BlockFormat.blockBytes)), directory + 4 * block)
  }
  put(checksum(directory..<bytes.count), 44)
  put(checksum(0..<BlockFormat.headerBytes - 4), BlockFormat.headerBytes - 4)
}

private func load<T: FixedWidthInteger & BitwiseCopyable>(_ bytes: [UInt8], _ offset: Int, as type: T.Type) -> T {
  bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
}
