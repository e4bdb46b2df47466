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

  @Test("the same rows with edits laid over the snapshot", arguments: 1...3 as ClosedRange<UInt64>)
  func sameRowsAfterEdits(seed: UInt64) throws {
    let city = try QueryMaker.database(seed: seed &+ 900)
    var maker = QueryMaker(seed: seed &* 104_729)
    func place() -> String {
      "POINT(\(QueryMaker.origin.x + Double(maker.below(41)) * 25) \(QueryMaker.origin.y + Double(maker.below(41)) * 25))"
        + " IN \(city.crs)"
    }
    for i in 0..<6 {
      _ = try city.rows("UPDATE spot SET geom = \(place()) WHERE id = 'S\(maker.below(120))'")
      let gone = "S\(maker.below(120))"
      _ = try city.rows("DELETE FROM entry WHERE spot = '\(gone)'")
      _ = try city.rows("DELETE FROM spot WHERE id = '\(gone)'")
      _ = try city.rows("INSERT INTO spot (id, a, geom) VALUES ('S-new-\(i)', \(i), \(place()))")
      _ = try city.rows("DELETE FROM block WHERE id = 'B\(maker.below(60))'")
    }
    for text in [
      (
        "FIND block AS b JOIN spot AS s ON S_INTERSECTS(b.geom, s.geom) RETURN b.id, s.id",
        "SELECT b.id, s.id FROM block b, spot s WHERE ST_Intersects(b.geom, s.geom) = 1"
      ),
      (
        "FIND spot AS s LEFT JOIN block AS b ON S_WITHIN(s.geom, b.geom) RETURN s.id, b.id",
        "SELECT s.id, b.id FROM spot s LEFT JOIN block b ON ST_Within(s.geom, b.geom) = 1"
      ),
      (
        "FIND spot WITHIN 60 m OF way RETURN id",
        "SELECT id FROM spot s WHERE EXISTS (SELECT 1 FROM way w WHERE ST_Distance(s.geom, w.geom) <= 60)"
      ),
      (
        "FIND spot INTERSECTS block RETURN id",
        "SELECT id FROM spot s WHERE EXISTS (SELECT 1 FROM block b WHERE ST_Intersects(s.geom, b.geom) = 1)"
      ),
      (
        "FIND spot AS s JOIN NEAREST 1 way AS w RETURN s.id, w.distance",
        "SELECT s.id, min(ST_Distance(s.geom, w.geom)) FROM spot s, way w WHERE s.geom IS NOT NULL GROUP BY s.id"
      ),
    ] {
      for threads in 1...2 {
        var (found, wanted) = (try city.rows(text.0, threads: threads), try city.sql(text.1))
        found.sort(by: Self.precedes)
        wanted.sort(by: Self.precedes)
        #expect(!wanted.isEmpty)
        #expect(Self.difference(found, wanted) == nil, "\(text.0), seed \(seed)")
      }
    }
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
