/// One step of the pipeline that joined rows go through. Stages do not change while a query runs: all workers share them.
class Stage: @unchecked Sendable {
  /// Passes what becomes of a batch on to `emit`, in order, in batches of at most ``Tuples/capacity`` rows.
  func process(_ tuples: Tuples, _ emit: (Tuples) throws(QueryError) -> Void) throws(QueryError) {}
  /// What EXPLAIN ANALYZE counts.
  let meter = StageMeter()
}

/// Keeps the rows for which all conditions hold.
final class FilterStage: Stage, @unchecked Sendable {
  let conditions: [Node]

  init(_ conditions: [Node]) { self.conditions = conditions }

  override func process(_ tuples: Tuples, _ emit: (Tuples) throws(QueryError) -> Void) throws(QueryError) {
    let kept = try tuples.filtered(by: conditions)
    if kept.count > 0 { try emit(kept) }
  }
}

extension Tuples {
  func filtered(by conditions: [Node]) throws(QueryError) -> Tuples {
    var result = self
    for condition in conditions where result.count > 0 {
      let kept = try condition.select(result)
      if kept.count < result.count { result = result.selecting(kept) }
    }
    return result
  }
}

/// The stages of a statement, in order.
final class Pipeline: @unchecked Sendable {
  let stages: [Stage]
  let isMetered: Bool

  init(_ stages: [Stage], isMetered: Bool = false) {
    self.stages = stages
    self.isMetered = isMetered
  }

  func push(_ tuples: Tuples, _ end: (Tuples) throws(QueryError) -> Void) throws(QueryError) {
    try push(tuples, at: 0, end)
  }

  private func push(
    _ tuples: Tuples, at index: Int, _ end: (Tuples) throws(QueryError) -> Void
  ) throws(QueryError) {
    if index == stages.count { return try end(tuples) }
    let stage = stages[index]
    if isMetered {
      let start = monotonicNanoseconds()
      var below: Int64 = 0
      var rowsOut = 0
      try stage.process(tuples) { (next) throws(QueryError) in
        rowsOut += next.count
        let entered = monotonicNanoseconds()
        try push(next, at: index + 1, end)
        below += monotonicNanoseconds() - entered
      }
      stage.meter.add(rowsIn: tuples.count, rowsOut: rowsOut, nanoseconds: monotonicNanoseconds() - start - below)
    } else {
      try stage.process(tuples) { (next) throws(QueryError) in try push(next, at: index + 1, end) }
    }
  }
}
