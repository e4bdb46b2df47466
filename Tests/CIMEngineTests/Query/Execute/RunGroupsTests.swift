import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Groups of keys of many values, as rows lie in memory, beside a dictionary of values.
@Suite("Groups of many values")
struct RunGroupsTests {
  private static let names = ["text", "small", "wide", "number", "flag", "few"]
  private static let types: [ColumnType] = [.text, .int, .int, .double, .bool, .text]

  private enum Kind: CaseIterable { case runs, different, same, prefixes, lengths, nulls }

  private static func text(_ kind: Kind, _ row: Int, _ random: inout SplitMix64) -> Value {
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    switch kind {
    case .runs: return .text("house \(row / 3 + (below(40) == 0 ? -row / 6 : 0))")
    case .different: return .text("H-\(row * 7)")
    case .same: return .text("always the same, and longer than sixteen")
    // The same first and last words, or the same but for one byte in the middle.
    case .prefixes:
      return .text("12345678" + String(repeating: "ab", count: below(4)) + "\(below(3))" + "\(below(9))" + "87654321")
    case .lengths: return .text(String(repeating: ["x", "y", "\0"][below(3)], count: below(40)))
    case .nulls: return [.null, .text(""), .text("\0"), .text("a"), .text("é")][below(5)]
    }
  }

  private static func rows(_ kind: Kind, _ count: Int, seed: UInt64) -> [[Value]] {
    var random = SplitMix64(seed: seed)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    return (0..<count).map { row in
      let text = text(kind, row, &random)
      let number: Double =
        switch below(12) {
        case 0: [0.0, -0.0, 1e-300, -1e300, 0x1p30, -0x1p30, 0x1p31, 1e-5, 3][below(9)]
        case 1: Double.random(in: -1...1, using: &random) * 0x1p31
        default: Double(below(4_000)) / 8 - 40
        }
      return [
        text, .int(Int64(below(7)) - 3), below(9) == 0 ? .null : .int(Int64(below(5)) << 61),
        below(20) == 0 ? .null : .double(number), below(5) == 0 ? .null : .bool(below(2) == 0), .text("w\(below(5))"),
      ]
    }
  }

  private struct OneTable: TableProvider {
    let table: Table
    func table(layer: Int) -> Table { table }
  }

  private static func aggregate(_ function: BoundAggregate.Function, _ column: Int?) -> BoundAggregate {
    let argument = column.map {
      BoundExpression(kind: .column(source: 0, column: $0), type: types[$0], range: 0..<0)
    }
    let type: ColumnType = function == .count ? .int : function == .avg ? .double : column.map { types[$0] } ?? .int
    return BoundAggregate(function: function, distinct: false, argument: argument, fraction: nil, type: type)
  }

  /// What the groups are, from the values.
  private struct Expected {
    var rows = 0
    var smalls: Int64 = 0
    var numbers = ExactSum()
    var numberCount = 0
    var least: Int64?
  }

  private static func key(_ value: Value) -> Value { value == .double(-0.0) ? .double(0) : value }

  private static func check(_ kind: Kind, _ count: Int, keys: [Int], hashBits: Int, filter: ColumnTest?) throws {
    let rows = rows(kind, count, seed: UInt64(count) &+ UInt64(keys.count))
    var builder = TableBuilder(columns: zip(names, types).map { ($0, $1) })
    builder.append((0..<types.count).map { c in Vector(values: rows.map { $0[c] }, type: types[c]) }, count: count)
    let table = builder.finish(name: "t", packed: true)
    let scope = Scope(
      relations: [Relation(table: table)], layers: OneTable(table: table), subqueries: NoSubqueries(),
      token: CancellationToken(), now: 0, distances: [])
    func node(_ column: Int) throws -> Node {
      try ColumnNode(source: 0, column: column, type: types[column], scope: scope)
    }
    let aggregates = [
      aggregate(.count, nil), aggregate(.sum, 1), aggregate(.sum, 3), aggregate(.count, 3), aggregate(.min, 2),
    ]
    let columns = try aggregates.map { aggregate in
      var argument: Node?
      if case .column(_, let column)? = aggregate.argument?.kind { argument = try node(column) }
      return try #require(ColumnAggregate(aggregate, argument, source: 0, table: table))
    }
    // Rows of `small` above zero.
    var tests: [ScanTest] = []
    if filter != nil, case .int8(let c) = table.columns[1] {
      tests = [ScanTest(column: 1, test: .int8(c, 1, 127, isNegated: false))]
    }
    let scan = SourceScan(
      source: 0, sourceCount: 1, distanceCount: 0, table: table, rows: .ranges([0..<count]), tests: tests,
      conditions: [])
    let groups = try #require(
      RunGroups(
        try keys.map(node), source: 0, table: table, rows: count, aggregates, columns, hashBits: hashBits))
    let scratch = RunGroups.Scratch()
    let pieces = try scan.morsels.indices.map { try groups.partial(scan, $0, scratch) }
    var wanted: [[Value]: Expected] = [:]
    for row in rows {
      if filter != nil, case .int(let small) = row[1], small < 1 { continue }
      var group = wanted[keys.map { key(row[$0]) }] ?? Expected()
      group.rows += 1
      if case .int(let value) = row[1] { group.smalls += value }
      if case .double(let value) = row[3] {
        group.numbers.add(value)
        group.numberCount += 1
      }
      if case .int(let value) = row[2] { group.least = min(group.least ?? .max, value) }
      wanted[keys.map { key(row[$0]) }] = group
    }
    for threads in 1...2 {
      let found = try groups.groups(pieces, threads: threads, hasShapes: true, token: CancellationToken())
      try #require(found.count == wanted.count, "\(kind) \(keys) \(hashBits)")
      for g in 0..<found.count {
        let values = keys.map { key(rows[Int(found.shapes[g])][$0]) }
        let group = try #require(wanted[values], "\(kind) \(keys) \(hashBits): \(values)")
        let sum: Value = group.numberCount == 0 ? .null : .double(group.numbers.value)
        let isSame =
          found.aggregates[0][g] == .int(Int64(group.rows)) && found.aggregates[1][g] == .int(group.smalls)
          && found.aggregates[2][g] == sum && found.aggregates[3][g] == .int(Int64(group.numberCount))
          && found.aggregates[4][g] == (group.least.map { .int($0) } ?? .null)
        #expect(isSame, "\(kind) \(keys) \(hashBits) \(values)")
      }
    }
  }

  @Test("equal a dictionary's, whatever the keys and however hashes collide")
  func hostile() throws {
    for kind in Kind.allCases {
      for hashBits in [0, 4, 32] {
        // With one hash for all every key is compared with every other.
        let count = hashBits == 32 ? 5_000 : kind == .different ? 300 : 900
        try Self.check(kind, count, keys: [0], hashBits: hashBits, filter: nil)
        try Self.check(kind, count, keys: [0, 1], hashBits: hashBits, filter: .never)
      }
      try Self.check(kind, 4_500, keys: [3, 4, 2], hashBits: 32, filter: nil)
      try Self.check(kind, 4_500, keys: [5, 0, 1], hashBits: 32, filter: .never)
    }
    try Self.check(.runs, 0, keys: [0], hashBits: 32, filter: nil)
    try Self.check(.runs, 1, keys: [0], hashBits: 32, filter: nil)
  }

  @Test("more groups than 65,536, put together in parts")
  func many() throws {
    try Self.check(.different, 70_001, keys: [0], hashBits: 32, filter: nil)
  }
}
