/// LIMIT without an order of its own, over joins: rows come by ids, those of source 0 first, so what its first rows join is
/// the beginning of the result.
extension Execution {
  /// Pages up to so many rows are looked for among the first rows of source 0.
  private static let shortPage = 1_000
  /// Joins of fewer rows are made whole.
  private static let smallJoin = 16_384.0

  /// What the consumer of an attempt throws when the first rows of source 0 do not fill the page.
  private struct TooFew: Error {}

  /// Runs the statement on the first rows of source 0, then on more of them, until they fill the page.
  ///
  /// - Returns: false when they do not, or the statement is another one; nothing was handed on then.
  func runFirstRows(
    _ keys: [SortKey], isOrdered: Bool, withColumns: Bool, _ consumer: Consumer
  ) throws -> Bool {
    guard firstRows == nil, !plan.joins.isEmpty, find.nearest == nil, !find.distinct, !executor.isMetered,
      let limit = find.limit, limit > 0, case .scan = plan.sources[0].access,
      find.sources.allSatisfy({ if case .layer = $0.kind { true } else { false } }),
      keys.allSatisfy({ if case .id = $0 { true } else { false } }),
      plan.sources[plan.driver].estimatedRows > Self.smallJoin
        || plan.joins.contains(where: { $0.estimatedRows > Self.smallJoin }),
      let segment = scope.relations[0].table.segment, let column = segment.idColumn
    else { return false }
    let wanted = limit + max(0, find.offset ?? 0)
    guard wanted < Self.shortPage else { return false }
    let source = plan.sources[0]
    let share = source.tableRows > 0 ? max(1e-6, source.estimatedRows / source.tableRows) : 1
    var count = max(64, Int(4 * Double(wanted) / share))
    while count < segment.rowCount / 16 {
      let order: UnsafeBufferPointer<UInt32>?
      do throws(SnapshotDamage) {
        order = try segment.rowsInOrder(of: column, first: count)
      } catch {
        throw QueryError(.damaged(error.message))
      }
      guard let order, order.count == count else { return false }
      let attempt = try Execution(plan, executor, firstRows: order.sorted(), roads: scope.roads)
      do {
        try attempt.run(
          isOrdered: isOrdered, withColumns: withColumns,
          Consumer(
            begin: { scope, rowCount in
              guard rowCount == limit else { throw TooFew() }
              try consumer.begin(scope, rowCount)
            }, take: consumer.take))
        return true
      } catch is TooFew {
        count *= 16
      }
    }
    return false
  }
}
