import FoundationEssentials
import TestSupport
import Testing

@testable import CIMEngine

/// Random filters, joins, groups and nearest searches: cimq and SpatiaLite give the same rows.
///
/// 500 statements, or as many as CIMQ_RANDOM_QUERIES says (`scripts/torture queries`), from CIMQ_RANDOM_SEED.
@Suite("Random queries against SpatiaLite")
struct RandomQueryTests {
  private static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }
  private static let total = setting("CIMQ_RANDOM_QUERIES") ?? 500
  private static let seed = UInt64(setting("CIMQ_RANDOM_SEED") ?? 20_220_810)

  @Test("the same rows", arguments: 0..<10)
  func sameRows(part: Int) throws {
    let city = try QueryMaker.database(seed: Self.seed &+ UInt64(part))
    var maker = QueryMaker(seed: (Self.seed &+ UInt64(part)) &* 7_919)
    var (rows, failures) = (0, 0)
    for index in 0..<max(1, Self.total / 10) {
      let statement = maker.statement()
      let place = "part \(part), statement \(index)\n\(statement.text.cimq)\n\(statement.text.sql)"
      do {
        var found = try city.rows(statement.text.cimq, threads: 1 + index % 2)
        var wanted = try city.sql(statement.text.sql)
        rows += wanted.count
        if !statement.isOrdered {
          found.sort(by: Self.precedes)
          wanted.sort(by: Self.precedes)
        }
        guard let difference = Self.difference(found, wanted) else { continue }
        Issue.record("\(place)\n\(found.count) rows, SpatiaLite \(wanted.count): \(difference)")
      } catch {
        Issue.record("\(place)\n\((error as? QueryError)?.rendered(in: statement.text.cimq) ?? "\(error)")")
      }
      failures += 1
      if failures >= 5 { break }
    }
    // The statements are no good when they find nothing.
    #expect(rows > 2 * max(1, Self.total / 10))
  }

  /// Values as SQLite has them.
  private static func plain(_ value: Value) -> Value {
    switch value {
    case .bool(let flag): .int(flag ? 1 : 0)
    case .date(let day): .text(TemporalText.text(date: day))
    case .timestamp(let instant): .text(TemporalText.text(timestamp: instant))
    default: value
    }
  }

  private static func compare(_ a: Value, _ b: Value) -> Int {
    switch (plain(a), plain(b)) {
    case (.null, .null): return 0
    case (.null, _): return -1
    case (_, .null): return 1
    case (.text(let x), .text(let y)):
      let (x, y) = (Array(x.utf8), Array(y.utf8))
      return x == y ? 0 : x.lexicographicallyPrecedes(y) ? -1 : 1
    case (let x, let y):
      guard let p = x.number, let q = y.number else { return x.number != nil ? -1 : 1 }
      // Sums and quotients may differ in their last bits.
      if abs(p - q) <= 1e-9 * max(1, abs(p), abs(q)) { return 0 }
      return p < q ? -1 : 1
    }
  }

  private static func precedes(_ a: [Value], _ b: [Value]) -> Bool {
    for (x, y) in zip(a, b) {
      let order = compare(x, y)
      if order != 0 { return order < 0 }
    }
    return false
  }

  private static func difference(_ found: [[Value]], _ wanted: [[Value]]) -> String? {
    for i in 0..<max(found.count, wanted.count) {
      guard i < found.count else { return "missing \(wanted[i])" }
      guard i < wanted.count else { return "too many: \(found[i])" }
      let isSame = found[i].count == wanted[i].count && zip(found[i], wanted[i]).allSatisfy { compare($0, $1) == 0 }
      if !isSame { return "row \(i) is \(found[i]), wanted \(wanted[i])" }
    }
    return nil
  }
}
