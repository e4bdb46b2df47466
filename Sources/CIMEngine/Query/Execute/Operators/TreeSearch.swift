internal import SpatialIndex

/// Rows of a table whose geometry stands in a relation to the features of a reference, through the table's R-tree.
enum TreeSearch {
  /// Runs of rows near a single geometry, in order. Certain ones need no test.
  static func candidates(
    _ tree: PackedRTreeView<2>, _ test: PairTest, _ target: Target
  ) -> [(rows: Range<Int>, isCertain: Bool)] {
    var result: [(rows: Range<Int>, isCertain: Bool)] = []
    if target.isEmpty { return [] }
    switch test {
    case .within(_, let distance):
      if !(distance >= 0) { return [] }
      // Seen from a point, the whole of a box can be near enough; from anything else only its nearest part is known.
      let isPoint = target.box.min[0] == target.box.max[0] && target.box.min[1] == target.box.max[1]
      tree.forEachRun(within: widened(distance), of: target.box) { rows, isInside in
        append(&result, rows, isInside && isPoint)
      }
    case .holds, .geodesic:
      tree.forEachRun(meeting: test.searchBox(target.box)) { rows, _ in append(&result, rows, false) }
    }
    return result
  }

  private static func append(
    _ result: inout [(rows: Range<Int>, isCertain: Bool)], _ rows: Range<Int>, _ isCertain: Bool
  ) {
    if let last = result.last, last.rows.upperBound == rows.lowerBound, last.isCertain == isCertain {
      result[result.count - 1].rows = last.rows.lowerBound..<rows.upperBound
    } else {
      result.append((rows, isCertain))
    }
  }

  /// The rows for which the condition holds with any feature: features are looked up in the tree one by one.
  static func rows(
    of table: Table, _ tree: PackedRTreeView<2>, _ test: PairTest, _ references: ReferenceFeatures, threads: Int,
    token: CancellationToken
  ) throws(QueryError) -> RowSet {
    let features = references.featureRows
    try table.verifyTree()
    // Small pieces: features differ much in how many rows they find.
    let size = max(1, min(64, features.count / 64))
    let shared = SharedSets()
    do {
      try MorselRun.run(
        count: (features.count + size - 1) / size, threads: threads, token: token,
        makeWorker: { () throws(QueryError) in shared.make(table.rowCount) },
        work: { (worker: inout SharedSets.Worker, piece: Int) throws(QueryError) in
          for i in piece * size..<min(features.count, (piece + 1) * size) {
            try token.check()
            try search(references, features[i], table, tree, test, &worker.set)
          }
        }, handOn: { _, _ in })
    } catch {
      throw QueryError.from(error)
    }
    return shared.union(table.rowCount)
  }

  private static func search(
    _ references: ReferenceFeatures, _ feature: UInt32, _ table: Table, _ tree: PackedRTreeView<2>, _ test: PairTest,
    _ set: inout RowSet
  ) throws(QueryError) {
    let geometry = table.geometry!
    if references.isConstant {
      let target = references.targets[Int(feature)]
      for (rows, isCertain) in candidates(tree, test, target) {
        if isCertain {
          set.insert(rows)
        } else {
          try table.verifyGeometry(rows: rows)
          for row in rows where !set.contains(row) {
            if try test.holds(geometry.shape(row), target) { set.insert(row) }
          }
        }
      }
      return
    }
    let column = references.column!
    try column.table.verifyGeometry(row: Int(feature))
    let shape = column.shape(feature)
    if shape.isNone { return }
    let box = column.box(feature)
    if box.isEmpty { return }
    // Points are quick as they are; other shapes are worth preparing when many rows ask.
    if let whole = shape.geometry, whole.kind != .point {
      let target = Target(whole)
      for (rows, _) in candidates(tree, test, target) {
        try table.verifyGeometry(rows: rows)
        for row in rows where !set.contains(row) {
          if try test.holds(geometry.shape(row), target) { set.insert(row) }
        }
      }
      return
    }
    let reach = widened(test.reach)
    var runs: [(Range<Int>, Bool)] = []
    if case .within(_, let distance) = test {
      if !(distance >= 0) { return }
      tree.forEachRun(within: reach, of: box) { rows, isInside in runs.append((rows, isInside)) }
    } else {
      tree.forEachRun(meeting: test.searchBox(box)) { rows, _ in runs.append((rows, false)) }
    }
    for (rows, isCertain) in runs {
      if isCertain {
        set.insert(rows)
      } else {
        try table.verifyGeometry(rows: rows)
        for row in rows where !set.contains(row) {
          if try test.holds(geometry.shape(row), shape) { set.insert(row) }
        }
      }
    }
  }
}

/// A set for each worker, joined at the end.
private final class SharedSets: @unchecked Sendable {
  final class Worker: @unchecked Sendable {
    var set: RowSet
    init(_ rowCount: Int) { set = RowSet(rowCount: rowCount) }
  }
  private let monitor = Monitor()
  private var workers: [Worker] = []

  func make(_ rowCount: Int) -> Worker {
    let worker = Worker(rowCount)
    monitor.lock()
    workers.append(worker)
    monitor.unlock()
    return worker
  }

  func union(_ rowCount: Int) -> RowSet {
    var result = RowSet(rowCount: rowCount)
    for worker in workers { result.formUnion(worker.set) }
    return result
  }
}

extension ReferenceFeatures {
  /// Numbers of the features: indices of `targets`, or rows of the table.
  var featureRows: [UInt32] {
    if let column { return subset?.rows ?? (0..<UInt32(column.table.rowCount)).map { $0 } }
    return (0..<UInt32(targets.count)).map { $0 }
  }
}

/// Whether the row at the end of links is in a set found by an R-tree: for layers that get their geometry from another.
final class LinkedRowsNode: TruthNode, @unchecked Sendable {
  let follower: LinkFollower
  let set: RowSet

  init(_ follower: LinkFollower, _ set: RowSet) {
    self.follower = follower
    self.set = set
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    try follower.rows(tuples).map {
      $0 == Tuples.none ? Truth.unknown : set.contains(Int($0)) ? Truth.yes : Truth.no
    }
  }
}
