internal import SpatialIndex
internal import Synchronization

/// NEAREST k TO: the rows of a source in the order (distance, id), with their metres.
struct NearestSource {
  let count: Int
  let withTies: Bool
  let references: ReferenceFeatures
  /// Metres, or nil for no bound. Negative: nothing is that near.
  let within: Double?
  let threads: Int
  let token: CancellationToken

  struct Found {
    var rows: [UInt32]
    var metres: [Double]
  }

  /// Nearest first from the R-tree; conditions are asked of each candidate, until k have passed.
  ///
  /// - Parameter conditions: of the source's rows; what fails them does not count.
  func incremental(
    _ geometry: GeometryNode, ids: IDOrder, conditions: [Node], template: Tuples, source: Int
  ) throws(QueryError) -> Found? {
    let table = geometry.column.table
    guard let tree = table.tree, let storage = table.geometry, references.isConstant, references.targets.count == 1
    else { return nil }
    let target = references.targets[0]
    let limit = within ?? .infinity
    guard limit >= 0, count > 0 else { return Found(rows: [], metres: []) }
    var looked = 0
    // When filters let too few pass, reading all rows is faster: give up there.
    let patience = max(4_096, table.rowCount / 16)
    var failure: QueryError?
    var list = NearestList(count: count, withTies: true)
    var batch = template
    batch.count = 1
    enum Stop: Error { case failed, tooMany }
    do throws(Stop) {
      try tree.nearest(to: target.box, within: limit, into: &list) { (item) throws(Stop) -> Double? in
        looked += 1
        if !conditions.isEmpty {
          if looked > patience { throw .tooMany }
          batch.rows[source] = [UInt32(item)]
          do throws(QueryError) {
            if looked & 255 == 0 { try token.check() }
            if try batch.filtered(by: conditions).count == 0 { return nil }
          } catch {
            failure = error
            throw .failed
          }
        }
        do throws(QueryError) { try table.verifyGeometry(row: item) } catch {
          failure = error
          throw .failed
        }
        let metres = PairTest.squaredDistance(storage.shape(item), target.prepared).squareRoot()
        return metres * metres
      }
    } catch {
      if let failure { throw failure }
      return nil
    }
    var found: [(metres: Double, row: UInt32)] = []
    for i in 0..<list.count {
      let metres = list[i].squaredDistance.squareRoot()
      if metres <= limit { found.append((metres, UInt32(list[i].item))) }
    }
    // The tree was searched before it was checked: the answer stands only if what was read of it is sound.
    let reached = list.count >= count ? list[list.count - 1].squaredDistance.squareRoot() : limit
    if reached.isFinite { try table.verifyTree(within: reached, of: target.box) } else { try table.verifyTree() }
    return try finish(&found, ids)
  }

  /// Measures every row that a scan gives.
  func exhaustive(_ scan: SourceScan, _ geometry: GeometryNode, ids: IDOrder) throws(QueryError) -> Found {
    let limit = within ?? .infinity
    guard limit >= 0, count > 0 else { return Found(rows: [], metres: []) }
    let wanted = count
    var beyond = 0
    let references = references
    var all: [(metres: Double, row: UInt32)] = []
    let shared = SharedBound()
    do {
      try MorselRun.run(
        count: scan.morsels.count, threads: threads, token: token,
        makeWorker: { () throws(QueryError) in Worker() },
        work: {
          (worker: inout Worker, morsel: Int) throws(QueryError) -> (kept: [(metres: Double, row: UInt32)], beyond: Int)
          in
          var kept: [(metres: Double, row: UInt32)] = []
          var beyond = 0
          var scratch = worker.scratch
          worker.scratch = SourceScan.Scratch()
          defer { worker.scratch = scratch }
          try scan.scan(morsel, &scratch) { (tuples) throws(QueryError) in
            let rows = tuples.rows[scan.source]
            let shapes = try geometry.rows(tuples)
            for i in rows.indices {
              let box = geometry.column.box(shapes[i])
              if box.isEmpty { continue }
              let bound = min(limit, worker.bound, shared.value)
              let squared = try references.squaredDistance(
                geometry.column.shape(shapes[i]), box, below: bound.isFinite ? bound * bound * (1 + 0x1p-30) : .infinity
              )
              let metres = squared.squareRoot()
              if references.isGeodesic, !(metres <= Geodesic.reach) {
                beyond += 1
              } else if metres <= bound, metres.isFinite {
                kept.append((metres, rows[i]))
                worker.add(metres, wanted)
              }
            }
          }
          shared.lower(to: worker.bound)
          return (kept.filter { $0.metres <= worker.bound }, beyond)
        },
        handOn: { _, found in
          all.append(contentsOf: found.kept)
          beyond += found.beyond
          if all.count > 4 * wanted + 65_536 { NearestSource.prune(&all, wanted) }
        })
    } catch {
      throw QueryError.from(error)
    }
    if beyond > 0, within == nil, all.count < count, references.count > 0 {
      throw GeodesicMeasure.tooFar("only \(all.count) of the \(count) nearest lie that near")
    }
    return try finish(&all, ids)
  }

  /// What the workers need at most, each having seen k that are as near.
  private final class SharedBound: Sendable {
    /// The bits of a distance, which order as distances do.
    private let bits = Atomic<UInt64>(Double.infinity.bitPattern)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
    func lower(to bound: Double) { bits.min(bound.bitPattern, ordering: .relaxed) }
  }

  /// The k-th least distance that a worker has seen bounds what it still needs.
  private struct Worker {
    var scratch = SourceScan.Scratch()
    /// A heap of the k least, greatest first.
    private var heap: [Double] = []
    var bound = Double.infinity

    mutating func add(_ metres: Double, _ wanted: Int) {
      if heap.count < wanted {
        heap.append(metres)
        var i = heap.count - 1
        while i > 0, heap[(i - 1) / 2] < heap[i] {
          heap.swapAt(i, (i - 1) / 2)
          i = (i - 1) / 2
        }
      } else if metres < heap[0] {
        heap[0] = metres
        var i = 0
        while true {
          var largest = i
          for child in [2 * i + 1, 2 * i + 2] where child < heap.count && heap[child] > heap[largest] {
            largest = child
          }
          if largest == i { break }
          heap.swapAt(i, largest)
          i = largest
        }
      }
      if heap.count == wanted { bound = heap[0] }
    }
  }

  private static func prune(_ all: inout [(metres: Double, row: UInt32)], _ wanted: Int) {
    guard all.count > wanted else { return }
    let last = all.map(\.metres).sorted()[wanted - 1]
    all.removeAll { $0.metres > last }
  }

  /// Ties beyond k go by id, or stay with WITH TIES.
  private func finish(_ found: inout [(metres: Double, row: UInt32)], _ ids: IDOrder) throws(QueryError) -> Found {
    NearestSource.prune(&found, count)
    try ids.verify(found.map(\.row))
    found.sort { $0.metres != $1.metres ? $0.metres < $1.metres : ids.precedes($0.row, $1.row) }
    if !withTies, found.count > count { found.removeLast(found.count - count) }
    return Found(rows: found.map(\.row), metres: found.map(\.metres))
  }
}
