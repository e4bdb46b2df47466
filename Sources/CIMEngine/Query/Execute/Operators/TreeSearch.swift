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
      IndexedLayer.forEachCandidate(tree, within: distance, of: target.prepared) { rows, isCertain in
        append(&result, rows, isCertain)
      }
    // What lies inside, without the boundary, meets the target, is covered by it and within it.
    case .holds(.intersects), .holds(.coveredBy), .holds(.within):
      IndexedLayer.forEachCandidate(tree, intersecting: target.prepared) { rows, isCertain in
        append(&result, rows, isCertain)
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
    guard let search = RowSearch(table, tree: tree, test: test) else { return RowSet(rowCount: table.rowCount) }
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
            if let column = references.column {
              try column.table.verifyGeometry(row: Int(features[i]))
              try search.find(column.shape(features[i]), column.box(features[i]), into: &worker.found)
            } else {
              try search.find(references.targets[Int(features[i])], into: &worker.found)
            }
          }
        }, handOn: { _, _ in })
    } catch {
      throw QueryError.from(error)
    }
    return shared.union(table.rowCount)
  }
}

/// Rows that are found by any of several searches.
private struct RowUnion: FoundRows {
  var set: RowSet
  func isSettled(_ row: Int) -> Bool { set.contains(row) }
  mutating func add(_ row: UInt32) { set.insert(Int(row)) }
  mutating func add(_ rows: Range<Int>) { set.insert(rows) }
}

/// A set for each worker, joined at the end.
private final class SharedSets: @unchecked Sendable {
  final class Worker: @unchecked Sendable {
    var found: RowUnion
    init(_ rowCount: Int) { found = RowUnion(set: RowSet(rowCount: rowCount)) }
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
    guard var result = workers.first?.found.set else { return RowSet(rowCount: rowCount) }
    for worker in workers.dropFirst() { result.formUnion(worker.found.set) }
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
