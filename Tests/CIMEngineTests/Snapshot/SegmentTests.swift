import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite struct SegmentTests {
  /// What a value reads as: lists come back as JSON text.
  private func stored(_ value: Value) -> Value {
    if case .list(let members) = value { return .text(listText(members)) }
    return value
  }

  @Test("every type and NULL come back, under the same fid", arguments: [0, 1, 63, 64, 65, 4095, 4096, 4097])
  func roundTrip(count: Int) throws {
    let rows = SnapshotSamples.rows(count, shape: SnapshotSamples.anything)
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": rows])
    let segment = try snapshot.segment(0)
    #expect(segment.rowCount == count)
    #expect(snapshot.catalog.layers[0].rowCount == count)
    var seen = Set<Int64>()
    for row in 0..<count {
      let fid = try segment.fid(row)
      #expect(seen.insert(fid).inserted)
      let source = rows[Int(fid) - 1]
      for column in segment.layer.columns.indices {
        let found = try segment.value(column, row)
        if found != stored(source.values[column]) {
          Issue.record("row \(row), column \(segment.layer.columns[column].name): \(found)")
        }
      }
      let shape = try segment.geometry(rows: row..<row + 1)?.geometry(row)
      if !sameGeometry(shape, source.geometry) { Issue.record("row \(row): \(String(describing: shape))") }
      #expect(try segment.geometry()!.box(row) == (source.geometry?.box ?? .empty))
      #expect(try segment.row(fid: fid) == row)
    }
    #expect(try segment.row(fid: 0) == nil)
    #expect(try segment.row(fid: .max) == nil)
    #expect(try segment.row(fid: .min) == nil)
    #expect(try segment.row(fid: Int64(count) + 1) == nil)
  }

  @Test func rowsWithAPlaceComeFirstAndInHilbertOrder() throws {
    let rows = SnapshotSamples.rows(3000, seed: 5, shape: SnapshotSamples.anything)
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": rows])
    let segment = try snapshot.segment(0)
    let boxes = rows.map { $0.geometry?.box ?? .empty }
    #expect(segment.placedCount == boxes.filter { !$0.isEmpty }.count)
    let order = try (0..<segment.rowCount).map { UInt32(try segment.fid($0) - 1) }
    #expect(order == HilbertOrder.order(of: boxes))
  }

  @Test("the tree finds what a scan finds", arguments: [SnapshotSamples.anything, SnapshotSamples.point])
  func tree(shape: @Sendable (Int, inout SplitMix64) -> Geometry?) throws {
    let rows = SnapshotSamples.rows(2000, seed: 9, shape: shape)
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": rows])
    let segment = try snapshot.segment(0)
    let tree = try #require(try segment.tree())
    let storage = try #require(try segment.geometry())
    var random = SplitMix64(seed: 3)
    for _ in 0..<50 {
      let (x, y) = (Double.random(in: 0...10_000, using: &random), Double.random(in: 0...10_000, using: &random))
      let window = Box2(x, y, x + 700, y + 400)
      var found: [Int] = []
      tree.forEach(meeting: window) { found.append($0) }
      #expect(found == (0..<segment.rowCount).filter { storage.box($0).intersects(window) })
    }
  }

  @Test func integersTakeTheNarrowestWidth() throws {
    let rows = SnapshotSamples.rows(1000)
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": rows])
    let segment = try snapshot.segment(0)
    func isWidth(_ name: String, _ matches: (SegmentColumn) -> Bool) throws -> Bool {
      matches(segment.columnView(try #require(segment.columnIndex(named: name))))
    }
    #expect(try isWidth("tiny") { if case .int8 = $0 { true } else { false } })
    #expect(try isWidth("SMALL") { if case .int16 = $0 { true } else { false } })
    #expect(try isWidth("medium") { if case .int32 = $0 { true } else { false } })
    #expect(try isWidth("large") { if case .int64 = $0 { true } else { false } })
    #expect(try isWidth("never") { if case .int8 = $0 { true } else { false } })
    #expect(try isWidth("id") { if case .text = $0 { true } else { false } })
    #expect(try isWidth("kind") { if case .dictionary = $0 { true } else { false } })
  }

  @Test func blocksOfRowsKnowTheirRange() throws {
    let count = 4096 * 2 + 100
    var rows = SnapshotSamples.rows(count)
    // The second block has no valid value at all.
    for row in 4096..<8192 { rows[row].values[4] = .null }
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": rows])
    let segment = try snapshot.segment(0)
    guard case .int8(let tiny) = try segment.column(4) else { Issue.record("not narrow"); return }
    #expect(tiny.blockCount == 3)
    for block in 0..<3 {
      let values = tiny.rows(ofBlock: block).compactMap { rows[$0].values[4].number.map { Int8($0) } }
      #expect(tiny.hasValues(inBlock: block) == !values.isEmpty)
      #expect(tiny.blockMinimums[block] == values.min() ?? 0)
      #expect(tiny.blockMaximums[block] == values.max() ?? 0)
      #expect(Int(tiny.blockNulls![block]) == tiny.rows(ofBlock: block).count - values.count)
    }
  }

  @Test func dictionariesAreSortedByCodePoint() throws {
    let snapshot = try Snapshot.inMemory(
      SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": SnapshotSamples.rows(500)])
    guard case .dictionary(let kinds) = try snapshot.segment(0).column(2) else {
      Issue.record("not a dictionary")
      return
    }
    let strings = (0..<kinds.dictionary.count).map { kinds.dictionary[$0] }
    #expect(strings == strings.sorted { precedes($0, $1) })
    #expect(strings.count == 6)
  }

  private func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

  @Test func rowsAreFoundByIdCodeAndName() throws {
    let layer = Catalog.Layer(
      name: "grid", columns: ["id", "code", "name", "manager"].map { Catalog.Column(name: $0, type: .text) })
    var random = SplitMix64(seed: 2)
    // Codes repeat and stay a dictionary; names repeat and do not; some strings are the start of others.
    let rows = (0..<3000).map { row in
      let prefix = String(repeating: "long common prefix ", count: 2)
      return SegmentRow(
        fid: Int64(row * 3 + 7),
        values: [
          .text(prefix + String(row)), .text("c\(Int.random(in: 0..<40, using: &random))"),
          row % 7 == 0 ? .null : .text("网格 \(Int.random(in: 0..<2000, using: &random))"), .text("m\(row % 3)"),
        ])
    }
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([layer]), ["grid": rows])
    let segment = try snapshot.segment(0)
    for (row, source) in rows.enumerated() where row % 17 == 0 {
      guard case .text(let id) = source.values[0] else { continue }
      #expect(try segment.row(id: id) == row)
      #expect(try segment.id(row) == id)
      for column in [1, 2, 3] {
        guard case .text(let text) = source.values[column] else { continue }
        let expected = rows.indices.filter { rows[$0].values[column] == .text(text) }.map { UInt32($0) }
        #expect(try segment.rows(column: column, equals: text) == expected)
      }
    }
    #expect(try segment.row(id: "long common prefix long common prefix ") == nil)
    #expect(try segment.row(id: "") == nil)
    #expect(try segment.rows(code: "c99").isEmpty)
    #expect(try segment.rows(code: "c3") == segment.rows(column: 1, equals: "c3"))
    let byID = try #require(try segment.rowsInOrder(of: 0)).map { try? segment.id(Int($0)) }
    #expect(
      byID
        == rows.map { $0.values[0] == .null ? nil : try? segment.id(Int($0.fid - 7) / 3) }
        .sorted { precedes($0 ?? "", $1 ?? "") })
    #expect(try segment.rowsInOrder(of: 3) == nil)
  }

  @Test func sparseFidsAreFound() throws {
    let layer = Catalog.Layer(name: "sparse", columns: [Catalog.Column(name: "id", type: .text)])
    let fids: [Int64] = [.min, -5, 0, 1, 1 << 40, .max]
    let rows = fids.map { SegmentRow(fid: $0, values: [.text("\($0)")]) }
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([layer]), ["sparse": rows])
    let segment = try snapshot.segment(0)
    for (row, fid) in fids.enumerated() {
      #expect(try segment.row(fid: fid) == row)
      #expect(try segment.fid(row) == fid)
    }
    #expect(try segment.row(fid: 2) == nil)
    #expect(try segment.row(fid: 1 << 41) == nil)
  }

  @Test func statisticsSayWhatIsThere() throws {
    let rows = SnapshotSamples.rows(5000)
    let snapshot = try Snapshot.inMemory(SnapshotSamples.catalog([SnapshotSamples.everything()]), ["thing": rows])
    let segment = try snapshot.segment(0)
    for (index, column) in segment.layer.columns.enumerated() {
      let values = rows.map { $0.values[index] }.filter { $0 != .null }
      let statistics = segment.statistics(index)
      #expect(statistics.nullCount == rows.count - values.count, "\(column.name)")
      let distinct = Set(values).count
      #expect(abs(statistics.distinctCount - distinct) <= distinct / 10, "\(column.name)")
      if column.type == .double {
        #expect(statistics.minimum == values.min { $0.number! < $1.number! })
        #expect(statistics.maximum == values.max { $0.number! < $1.number! })
      }
    }
    #expect(segment.statistics(2).minimum == .text(""))
    #expect(segment.statistics(2).maximum == .text("𠀀"))
    #expect(segment.statistics(2).distinctCount == 6)
    #expect(segment.statistics(12) == ColumnStatistics(nullCount: 5000))
  }

  @Test func valuesOfAnotherTypeAreSaidAndTakenAsUnknown() throws {
    let layer = Catalog.Layer(
      name: "odd",
      columns: [Catalog.Column(name: "id", type: .text), Catalog.Column(name: "n", type: .int)],
      geometry: Catalog.GeometryColumn(kind: .point))
    let builder = SegmentBuilder(layer: layer)
    builder.append(SegmentRow(fid: 4, values: [.text("a"), .text("x")], geometry: .point(.nan, 1)))
    builder.append(SegmentRow(fid: 5, values: [.text("b"), .double(2)], geometry: .point(1, 1)))
    builder.append(SegmentRow(fid: 6, values: [.text("c"), .double(2.5)]))
    builder.collectNotices()
    #expect(builder.notices.count == 2)
    #expect(builder.notices.contains { $0.hasPrefix("odd.n: 2 values are not of type int") && $0.contains("fid 4") })
    #expect(builder.notices.contains { $0.hasPrefix("odd: 1 row has a coordinate") && $0.contains("fid 4") })
  }
}
