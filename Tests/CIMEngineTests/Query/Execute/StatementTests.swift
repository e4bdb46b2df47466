import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Statements against nested loops")
struct StatementTests {
  /// Whether two results agree, doubles up to their last bits.
  private func agree(_ a: [[Value]], _ b: [[Value]]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { zip($0, $1).allSatisfy(sameValue) }
  }

  @Test("random statements give the oracle's rows, on one thread and on two", arguments: 1...10 as ClosedRange<UInt64>)
  func random(seed: UInt64) throws {
    let city = NaiveCity(seed: seed)
    var maker = StatementMaker(seed: seed &* 1_000_003, city: city)
    let oracle = NaiveExecution(city: city)
    for index in 0..<25 {
      let find = maker.find()
      let wanted = try oracle.run(find)
      let one = try city.run(find, threads: 1)
      let two = try city.run(find, threads: 2)
      #expect(one.rows == two.rows, "seed \(seed) statement \(index): threads differ")
      guard agree(one.rows, wanted) else {
        let plan = try Executor(catalog: city.catalog, tables: city).makePlan(find)
        Issue.record(
          """
          seed \(seed) statement \(index): \(one.rows.count) rows, wanted \(wanted.count)
          first difference: \(firstDifference(one.rows, wanted))
          \(summary(find, city))
          access \(plan.sources.map { "\($0.access)".prefix(120) }) driver \(plan.driver)
          joins \(plan.joins.map { "\($0.source) \($0.isLeft) \("\($0.method)".prefix(100))" })
          nearest \(String(describing: plan.nearest))
          """)
        return
      }
    }
  }

  private func summary(_ find: BoundFind, _ city: NaiveCity) -> String {
    let d = Describer(find: find, catalog: city.catalog)
    var lines = find.sources.map { "source \($0.name) \("\($0.kind)".prefix(40))" }
    lines += find.sourceFilters.map { "filter " + d.text($0) }
    if let nearest = find.nearest {
      lines.append("nearest \(nearest.count) ties \(nearest.withTies) \(d.text(nearest.reference))")
    }
    for join in find.joins {
      switch join.condition {
      case .on(let e): lines.append("join \(join.isLeft) \(join.source) on \(d.text(e))")
      case .within(let e, let from): lines.append("join \(join.isLeft) \(join.source) within \(d.text(e)) of \(from)")
      case .nearest(let n, let w, let from):
        lines.append("join \(join.isLeft) \(join.source) nearest \(n) \(w.map { d.text($0) } ?? "") from \(from)")
      }
    }
    lines += find.joinedFilters.map { "where " + d.text($0) }
    if let g = find.grouping {
      lines.append("group " + g.keys.map { d.text($0) }.joined(separator: ", "))
      lines.append("aggregates " + g.aggregates.map { d.text($0) }.joined(separator: ", "))
    }
    lines.append("items " + find.items.map { d.text($0.expression) }.joined(separator: ", "))
    lines += find.orderBy.map { "order \(d.text($0.expression)) desc \($0.descending) nulls first \($0.nullsFirst)" }
    lines.append("distinct \(find.distinct) limit \(find.limit ?? -1) offset \(find.offset ?? -1)")
    return lines.joined(separator: "\n")
  }

  private func firstDifference(_ a: [[Value]], _ b: [[Value]]) -> String {
    for i in 0..<max(a.count, b.count) {
      let (x, y) = (i < a.count ? a[i] : nil, i < b.count ? b[i] : nil)
      guard let x, let y, zip(x, y).allSatisfy(sameValue) else {
        return "row \(i): \(x.map { "\($0)" } ?? "none") / \(y.map { "\($0)" } ?? "none")"
      }
    }
    return "none"
  }
}
