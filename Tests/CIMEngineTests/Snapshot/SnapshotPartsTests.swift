import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// The small parts that snapshots are made of.
@Suite struct SnapshotPartsTests {
  @Test("checksums are CRC-32C", arguments: [0, 1, 7, 8, 9, 1000, 65_535, 65_536, 65_537, 200_001])
  func checksums(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    // Bit by bit, as RFC 3720 defines it.
    var expected: UInt32 = .max
    for byte in bytes {
      expected ^= UInt32(byte)
      for _ in 0..<8 { expected = expected & 1 == 1 ? expected >> 1 ^ 0x82F6_3B78 : expected >> 1 }
    }
    #expect(bytes.withUnsafeBytes { BlockFormat.checksum($0) } == ~expected)
    let cut = count / 3
    let inTwo = bytes.withUnsafeBytes { all in
      BlockFormat.checksum(
        UnsafeRawBufferPointer(rebasing: all[cut...]),
        after: BlockFormat.checksum(UnsafeRawBufferPointer(rebasing: all[..<cut])))
    }
    #expect(inTwo == ~expected)
  }

  @Test func theKnownChecksumOfNineDigits() {
    #expect(Array("123456789".utf8).withUnsafeBytes { BlockFormat.checksum($0) } == 0xE306_9283)
  }

  @Test func cataloguesComeBack() throws {
    var status = Catalog.Column(
      name: "status", type: .text, unit: nil, enumeration: ["open", "full"], aliases: ["状态"],
      valueAliases: ["开放": "open", "已满": "full"], isDerived: true)
    status.unit = "m"
    let catalog = Catalog(
      databaseID: "x-1", workingCRS: .epsg(4326), isGeographic: true,
      layers: [
        Catalog.Layer(
          name: "避难 \"场所\"",
          columns: ColumnType.allCases.map { Catalog.Column(name: $0.rawValue, type: $0) } + [status],
          geometry: Catalog.GeometryColumn(
            name: "g", kind: .multiPolygon, hasZ: true, extent: Box2(1, 2, 3, .infinity)),
          rowCount: 12, aliases: ["a", ""]),
        Catalog.Layer(name: "empty", columns: [], geometry: Catalog.GeometryColumn(kind: nil)),
      ],
      links: [Catalog.Link(layer: "a", column: "b", targetLayer: "c", targetColumn: "fid")], notice: "synthetic")
    var bytes = SnapshotBytes()
    catalog.write(to: &bytes)
    let back = try bytes.bytes.withUnsafeBytes { raw in
      var reader = SnapshotReader(raw, path: "")
      defer { #expect(reader.isAtEnd) }
      return try Catalog.read(from: &reader)
    }
    #expect(back == catalog)
    for cut in 0..<bytes.bytes.count {
      #expect(throws: SnapshotDamage.self) {
        try bytes.bytes[..<cut].withUnsafeBytes { raw in
          var reader = SnapshotReader(raw, path: "")
          _ = try Catalog.read(from: &reader)
        }
      }
    }
  }

  @Test func integersWidenAsTheyCome() {
    let integers = NarrowIntegers()
    var expected: [Int64] = []
    for value: Int64 in [0, 127, -128, 128, -32_768, 32_768, -1, .max, 5, .min, 1 << 31] {
      for _ in 0..<100 {
        integers.append(value)
        expected.append(value)
      }
      integers.appendPlaceholder()
      expected.append(0)
      #expect(expected.indices.allSatisfy { integers[$0] == expected[$0] })
    }
    #expect(integers.width == 8 && integers.minimum == .min && integers.maximum == .max)
  }

  @Test("texts come back, with a dictionary or without", arguments: [10, 5_000, 80_000], [true, false])
  func texts(distinct: Int, mayRepeat: Bool) {
    let texts = TextAccumulator(mayRepeat: mayRepeat)
    var expected: [String] = []
    for i in 0..<100_000 {
      if i % 1000 == 3 {
        texts.appendPlaceholder()
        expected.append("?")
        continue
      }
      var text = "t\(i &* 7919 % distinct)"
      expected.append(text)
      text.withUTF8 { texts.append($0) }
    }
    texts.settle()
    #expect((texts.dictionaryCount != nil) == (mayRepeat && distinct <= 5_000))
    let found = expected.indices.allSatisfy { i in
      expected[i] == "?" || expected[i].utf8.elementsEqual(texts[i])
    }
    #expect(found)
    #expect(texts.count == 100_000)
  }

  @Test("rows are sorted by text as a plain sort does it", arguments: 1...4 as ClosedRange<UInt64>)
  func textOrder(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let alphabet = ["a", "b", "\u{0}", "网", "\u{10FFFF}", ""]
    let texts = (0..<2000).map { _ in
      "P-" + (0..<Int.random(in: 0...14, using: &random)).map { _ in alphabet.randomElement(using: &random)! }.joined()
    }
    let bytes = GrowingBuffer<UInt8>()
    var places: [Range<Int>] = []
    for text in texts {
      let start = bytes.count
      for byte in text.utf8 { bytes.append(byte) }
      places.append(start..<bytes.count)
    }
    let rows = texts.indices.filter { $0 % 3 != 0 }
    let sorted = bytes.withElements { all in
      TextOrder.sorted(rows, count: rows.count) { UnsafeBufferPointer(rebasing: all[places[$0]]) }
    }
    let expected = rows.sorted { a, b in
      texts[a].utf8.elementsEqual(texts[b].utf8) ? a < b : texts[a].utf8.lexicographicallyPrecedes(texts[b].utf8)
    }
    #expect(sorted == expected.map { UInt32($0) })
  }

  @Test("distinct values are estimated within a few per cent", arguments: [0, 1, 100, 5_000, 200_000])
  func distinct(count: Int) {
    var sketch = DistinctSketch()
    for i in 0..<count * 2 { sketch.insert(hash: SteadyHash.mix(UInt64(i % max(1, count)))) }
    #expect(abs(sketch.estimate - count) <= count / 12)
  }

  @Test func layersArePackedAfterWhatTheyName() {
    let names = ["person", "unit", "building", "grid3", "a", "b"]
    let catalog = SnapshotSamples.catalog(
      names.map { Catalog.Layer(name: $0, columns: [Catalog.Column(name: "x", type: .text)]) },
      links: [
        ("person", "unit"), ("unit", "building"), ("building", "grid3"), ("a", "b"), ("b", "a"), ("grid3", "grid3"),
      ]
      .map { Catalog.Link(layer: $0.0, column: "x", targetLayer: $0.1, targetColumn: "id") })
    let order = SnapshotPacking.order(of: catalog).map { names[$0] }
    #expect(order == ["grid3", "building", "unit", "person", "b", "a"])
  }

  @Test func circlesOfLinksAreResolved() throws {
    let text = { (name: String) in Catalog.Column(name: name, type: .text) }
    let catalog = SnapshotSamples.catalog(
      [
        Catalog.Layer(name: "man", columns: [text("id"), text("wife"), text("mother")]),
        Catalog.Layer(name: "woman", columns: [text("id"), text("husband")]),
      ],
      links: [
        Catalog.Link(layer: "man", column: "wife", targetLayer: "woman", targetColumn: "fid"),
        Catalog.Link(layer: "man", column: "mother", targetLayer: "woman", targetColumn: "id"),
        Catalog.Link(layer: "woman", column: "husband", targetLayer: "man", targetColumn: "fid"),
      ])
    var (men, women): ([SegmentRow], [SegmentRow]) = ([], [])
    for i in 0..<50 {
      let partner = Value.int(Int64(50 - i))
      men.append(SegmentRow(fid: Int64(i + 1), values: [.text("m\(i)"), partner, .text("w\(i / 2)")]))
      women.append(SegmentRow(fid: Int64(i + 1), values: [.text("w\(i)"), partner]))
    }
    let snapshot = try Snapshot.inMemory(catalog, ["man": men, "woman": women])
    for row in 0..<50 {
      let man = Int(try snapshot.segment(0).fid(row)) - 1
      #expect(try snapshot.value(layer: 0, column: 1, row: row) == .text("w\(49 - man)"))
      let mothers = try #require(try snapshot.segment(0).link(2))
      #expect(try snapshot.segment(1).id(Int(mothers.rows[row])) == "w\(man / 2)")
      let woman = Int(try snapshot.segment(1).fid(row)) - 1
      #expect(try snapshot.value(layer: 1, column: 1, row: row) == .text("m\(49 - woman)"))
    }
  }

  @Test func aSearchChecksOnlyWhatItReads() throws {
    // Far more places than a block of the file holds.
    var rows: [SegmentRow] = []
    for i in 0..<40_000 {
      let shape = Geometry.point(Double(i % 200), Double(i / 200))
      rows.append(SegmentRow(fid: Int64(i), values: [.text("\(i)")], geometry: shape))
    }
    let layer = Catalog.Layer(
      name: "place", columns: [Catalog.Column(name: "id", type: .text)], geometry: Catalog.GeometryColumn(kind: .point))
    let folder = try PackedFolder(SnapshotSamples.catalog([layer]), ["place": rows])
    let path = folder.path + "/" + folder.files[0]
    let sound = try Segment(file: try BlockFile(path: path))
    let geometry = try #require(try sound.geometry())
    // The tree lies behind the coordinates: the last place in the file that looks like this point is its leaf.
    let corner = (x: geometry.xy[0], y: geometry.xy[1])
    var bytes = try readFile(path)
    var pattern: [UInt8] = []
    for i in 0..<16 { withUnsafeBytes(of: geometry.xy[2 * i]) { pattern += Array($0) } }
    var place = bytes.count - pattern.count
    while !bytes[place..<place + pattern.count].elementsEqual(pattern) { place -= 8 }
    bytes[place] ^= 1
    try writeFile(bytes, path)
    let damaged = try Segment(file: try BlockFile(path: path))
    #expect(throws: SnapshotDamage.self) { try damaged.tree() }
    #expect(throws: SnapshotDamage.self) { try damaged.tree(meeting: Box2(corner.x, corner.y, corner.x, corner.y)) }
    #expect(throws: SnapshotDamage.self) {
      try damaged.tree(within: 1, of: Box2(corner.x + 1, corner.y, corner.x + 1, corner.y))
    }
    #expect(throws: SnapshotDamage.self) { try damaged.tree(within: .infinity, of: Box2(0, 0, 0, 0)) }
    let (farX, farY) = (abs(corner.x - 150), abs(corner.y - 150))
    let far = Box2(farX, farY, farX, farY)
    let tree = try #require(try damaged.tree(within: 20, of: far))
    var found = 0
    tree.forEach(within: 20, of: far) { _ in found += 1 }
    #expect(found > 1000)
    let nearest = try #require(damaged.uncheckedTree()).nearest(to: far, count: 5)
    #expect(nearest.count == 5)
  }
}
