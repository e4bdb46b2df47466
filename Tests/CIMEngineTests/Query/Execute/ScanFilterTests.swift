import TestSupport
import Testing

@testable import CIMEngine

@Suite("Filters on blocks of a column")
struct ScanFilterTests {
  /// Three blocks and a bit; values rise, so that blocks are ruled out, taken whole or tested.
  private static func table(seed: UInt64) -> Table {
    var random = SplitMix64(seed: seed)
    let count = 3 * 4096 + 577
    func maybe(_ value: Value, _ row: Int) -> Value {
      // The second block has no NULLs, the third nothing else.
      switch row / 4096 {
      case 1: value
      case 2: .null
      default: Int.random(in: 0..<10, using: &random) == 0 ? .null : value
      }
    }
    let rows = (0..<count)
    let types: [(String, ColumnType)] = [
      ("tiny", .int), ("small", .int), ("medium", .int), ("large", .int), ("number", .double), ("day", .date),
      ("instant", .timestamp), ("flag", .bool), ("word", .text), ("many", .text),
      ("free", .text),
    ]
    var builder = TableBuilder(columns: types.map { ($0.0, $0.1) })
    let columns: [[Value]] = [
      rows.map { maybe(.int(Int64($0 / 130) - 50), $0) }, rows.map { maybe(.int(Int64($0) - 3000), $0) },
      rows.map { maybe(.int(Int64($0) * 1000), $0) }, rows.map { maybe(.int(Int64($0) << 33), $0) },
      rows.map { maybe(.double(Double($0) / 8), $0) }, rows.map { maybe(.date(Int32($0)), $0) },
      rows.map { maybe(.timestamp(Int64($0) * 86_400_000_000), $0) },
      rows.map { maybe(.bool($0 < 5000 || $0 % 3 == 0), $0) }, rows.map { maybe(.text("w\($0 % 7)"), $0) },
      rows.map { maybe(.text("m\($0 % 700)"), $0) }, rows.map { maybe(.text($0 % 9 == 0 ? "" : "f\($0)"), $0) },
    ]
    builder.append(columns.indices.map { Vector(values: columns[$0], type: types[$0].1) }, count: count)
    return builder.finish(name: "blocks", packed: true)
  }

  private struct OneTable: TableProvider {
    let table: Table
    func table(layer: Int) -> Table { table }
  }

  @Test("take the rows that the expression takes", arguments: 1...3 as ClosedRange<UInt64>)
  func matchesNodes(seed: UInt64) throws {
    let table = Self.table(seed: seed)
    var random = SplitMix64(seed: seed)
    func below(_ n: Int) -> Int { Int.random(in: 0..<n, using: &random) }
    let relation = Relation(table: table)
    let scope = Scope(
      relations: [relation], layers: OneTable(table: table), subqueries: NoSubqueries(), token: CancellationToken(),
      now: 0, distances: [])
    let compiler = Compiler(scope: scope, usesDictionaries: false)
    let types: [ColumnType] = [.int, .int, .int, .int, .double, .date, .timestamp, .bool, .text, .text, .text]
    let comparisons: [Expression.Comparison] = [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]
    func constant(_ column: Int) -> Value {
      let row = below(14_000) - 700
      switch column {
      case 0: return below(3) == 0 ? .double(Double(row) / 260) : .int(Int64(row / 130) - 50)
      case 1:
        return below(3) == 0 ? .double(Double(row) - 3000.5) : below(9) == 0 ? .int(.max) : .int(Int64(row - 3000))
      case 2: return below(9) == 0 ? .double(1e30) : .int(Int64(row) * 1000)
      case 3: return below(9) == 0 ? .double(-1e30) : .int(Int64(row) << 33)
      case 4: return below(4) == 0 ? .int(Int64(row / 8)) : .double(Double(row) / 8)
      case 5: return .date(Int32(row))
      case 6: return below(3) == 0 ? .date(Int32(row)) : .timestamp(Int64(row) * 86_400_000_000 + Int64(below(2)))
      case 7: return .bool(below(2) == 0)
      case 8: return .text("w\(below(9))")
      case 9: return .text("m\(below(800))")
      default: return .text(below(5) == 0 ? "" : "f\(row)")
      }
    }
    func condition() -> BoundExpression {
      let column = below(11)
      let leaf = e(.column(source: 0, column: column), types[column])
      switch below(8) {
      case 0: return e(.isNull(leaf), .bool)
      case 1: return e(.not(e(.isNull(leaf), .bool)), .bool)
      case 2 where column == 7: return below(2) == 0 ? leaf : e(.not(leaf), .bool)
      case 3 where column >= 8:
        return e(.like(leaf, pattern: e(.constant(.text(["%1", "w_", "m6%", "x"][below(4)])), .text)), .bool)
      default:
        let value = below(15) == 0 ? Value.null : constant(column)
        let other = e(.constant(value), value.type)
        let comparison = comparisons[below(6)]
        return e(
          below(2) == 0 ? .compare(comparison, leaf, other) : .compare(comparison, other, leaf), .bool)
      }
    }
    var mask: [UInt8] = []
    var made = 0
    for _ in 0..<150 {
      let conditions = (0...below(2)).map { _ in condition() }
      var tests: [ScanTest] = []
      for condition in conditions {
        guard let test = try ColumnTest.make(condition, source: 0, relation: relation, compiler: compiler) else {
          continue
        }
        tests.append(ScanTest(column: condition.onlyColumn!.column, test: test))
      }
      if tests.count < conditions.count { continue }
      made += 1
      let filter = ScanFilter(table: table, tests: tests)
      // Ranges that begin and end anywhere.
      let start = below(table.rowCount)
      let range = below(3) == 0 ? 0..<table.rowCount : start..<start + below(table.rowCount - start)
      var rows: [UInt32] = []
      try filter.select(range, into: &rows, mask: &mask)
      let nodes = try compiler.compile(conditions)
      let batch = Tuples(rows: Array(UInt32(range.lowerBound)..<UInt32(range.upperBound)))
      let wanted = try batch.filtered(by: nodes).rows[0]
      #expect(rows == wanted, "\(conditions.map(\.kind))")
      #expect(try filter.count(range, mask: &mask) == wanted.count)
    }
    #expect(made > 100)
  }
}

@Suite("Sets of rows")
struct RowSetTests {
  @Test func rangesAndRows() {
    var random = SplitMix64(seed: 5)
    var set = RowSet(rowCount: 1000)
    var plain = Set<Int>()
    for _ in 0..<60 {
      let start = Int.random(in: 0...1000, using: &random)
      let range = start..<min(1000, start + Int.random(in: 0..<90, using: &random))
      set.insert(range)
      plain.formUnion(range)
      if start < 1000 {
        set.insert(start)
        plain.insert(start)
      }
    }
    #expect(set.count == plain.count)
    #expect(set.rows.map { Int($0) } == plain.sorted())
    #expect((0..<1000).allSatisfy { set.contains($0) == plain.contains($0) })
    var other = RowSet(rowCount: 1000)
    other.insert(0..<1000)
    other.formUnion(set)
    #expect(other.count == 1000)
  }
}
