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

  /// Nearest first from the R-tree, outwards from one feature after the other; conditions are asked of each candidate,
  /// until k have passed. nil when reading all rows would be faster.
  ///
  /// A row that is among the k nearest to any feature is among the k nearest to the feature that it is nearest to, and no
  /// farther from it than the k-th nearest found so far.
  ///
  /// - Parameter conditions: of the source's rows; what fails them does not count.
  func incremental(
    _ geometry: GeometryNode, ids: IDOrder, conditions: [Node], template: Tuples, source: Int
  ) throws(QueryError) -> Found? {
    let table = geometry.column.table
    let features = references.featureRows
    // Each feature costs a search, each row otherwise.
    guard let tree = table.tree, let storage = table.geometry, !references.isGeodesic,
      features.count <= max(1, table.rowCount / 8)
    else { return nil }
    let limit = within ?? .infinity
    guard limit >= 0, count > 0 else { return Found(rows: [], metres: []) }
    var candidates = Candidates(
      table: table, storage: storage, conditions: conditions, template: template, source: source, token: token)
    var best = NearestRows(wanted: count)
    var list = NearestList(count: count, withTies: true)
    for (i, feature) in features.enumerated() {
      if i & 15 == 0 { try token.check() }
      let shape: Shape
      let box: Box2
      var target: PreparedGeometry?
      if let column = references.column {
        try column.table.verifyGeometry(row: Int(feature))
        (shape, box) = (column.shape(feature), column.box(feature))
      } else {
        target = references.targets[Int(feature)].prepared
        (shape, box) = (.none, references.targets[Int(feature)].box)
      }
      if box.isEmpty { continue }
      let bound = min(limit, best.bound)
      guard try candidates.nearest(to: shape, target, box, tree, within: bound, into: &list) else { return nil }
      for k in 0..<list.count {
        let metres = list[k].distance
        if metres <= limit { best.add(metres, UInt32(list[k].item)) }
      }
      // The tree was searched before it was checked: the answer stands only if what was read of it is sound.
      let reached = min(bound, list.count >= count ? list[list.count - 1].distance : .infinity)
      if reached.isFinite { try table.verifyTree(within: reached, of: box) } else { try table.verifyTree() }
    }
    var found = best.rows
    return try finish(&found, ids)
  }

  /// Rows in the order in which the tree gives them, tested and measured.
  private struct Candidates {
    let table: Table
    let storage: GeometryStorage
    let conditions: [Node]
    var batch: Tuples
    let source: Int
    let token: CancellationToken
    /// When filters let too few pass, reading all rows is faster: give up there.
    let patience: Int
    var looked = 0

    init(
      table: Table, storage: GeometryStorage, conditions: [Node], template: Tuples, source: Int,
      token: CancellationToken
    ) {
      (self.table, self.storage, self.conditions, self.source, self.token) = (table, storage, conditions, source, token)
      batch = template
      batch.count = 1
      patience = max(4_096, table.rowCount / 16)
    }

    private enum Stop: Error { case failed(QueryError), tooMany }

    private mutating func passes(_ row: Int) throws(QueryError) -> Bool {
      if conditions.isEmpty { return true }
      batch.rows[source] = [UInt32(truncatingIfNeeded: row)]
      return try batch.filtered(by: conditions).count > 0
    }

    /// Fills the list with the rows nearest to a shape, or to `target` when there is one; false when too many rows were
    /// looked at.
    mutating func nearest(
      to shape: Shape, _ target: PreparedGeometry?, _ box: Box2, _ tree: PackedRTreeView<2>, within limit: Double,
      into list: inout NearestList
    ) throws(QueryError) -> Bool {
      do throws(Stop) {
        try tree.nearest(to: box, within: widened(limit), into: &list) { (item) throws(Stop) -> Double? in
          looked += 1
          if !conditions.isEmpty, looked > patience { throw .tooMany }
          do throws(QueryError) {
            if looked & 255 == 0 { try token.check() }
            guard try passes(item) else { return nil }
            try table.verifyGeometry(row: item)
          } catch {
            throw .failed(error)
          }
          let metres: Double
          if let target {
            metres = PairTest.squaredDistance(storage.shape(item), target).squareRoot()
          } else {
            metres = PairTest.distance(storage.shape(item), shape) ?? .infinity
          }
          // Squares of the rounded distance, so that what is shown as equal is a tie.
          return metres * metres
        }
      } catch {
        switch error {
        case .failed(let error): throw error
        case .tooMany: return false
        }
      }
      return true
    }
  }

  /// The least distance of each row found so far, as far as it can matter.
  private struct NearestRows {
    let wanted: Int
    private var metres: [UInt32: Double] = [:]
    /// The k-th least distance when it was last looked for.
    private(set) var bound = Double.infinity
    private var added = 0

    init(wanted: Int) { self.wanted = wanted }

    mutating func add(_ distance: Double, _ row: UInt32) {
      if distance > bound { return }
      if let known = metres[row], known <= distance { return }
      metres[row] = distance
      added += 1
      if metres.count >= wanted, bound == .infinity || added > max(16, wanted) { lower() }
    }

    /// Forgets what is farther than the k-th.
    private mutating func lower() {
      added = 0
      bound = metres.values.sorted()[wanted - 1]
      let bound = bound
      if metres.count > 2 * wanted { metres = metres.filter { $0.value <= bound } }
    }

    var rows: [(metres: Double, row: UInt32)] { metres.map { ($0.value, $0.key) } }
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
