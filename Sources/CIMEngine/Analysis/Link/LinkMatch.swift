internal import SpatialIndex
internal import Synchronization

/// How a row came to its target, as the column `link_method` says it.
enum LinkMethod: UInt8, CaseIterable, Sendable {
  case inside, nearest, none

  var text: String {
    switch self {
    case .inside: "inside"
    case .nearest: "nearest"
    case .none: "none"
    }
  }
  init?(_ text: String) {
    guard let found = Self.allCases.first(where: { $0.text == text }) else { return nil }
    self = found
  }
}

/// What was not plain about a row's match; listed by `cimq link --report`.
public enum LinkReason: UInt8, CaseIterable, Sendable {
  case plain
  /// On an edge or corner that several targets share: the smallest code has it.
  case sharedEdge
  /// Several targets cover it: bad data; the smallest code has it.
  case overlap
  /// No target covers it, and targets lie all around it.
  case gap
  /// Outside of all targets.
  case outside
  /// It has no place: no geometry, an empty one, or coordinates that are no numbers.
  case noPlace

  public var text: String {
    switch self {
    case .plain: "plain"
    case .sharedEdge: "shared_edge"
    case .overlap: "overlap"
    case .gap: "gap"
    case .outside: "outside"
    case .noPlace: "no_place"
    }
  }
}

/// Matches the rows of one layer with the polygons of another, each row with one or none.
///
/// Exact and independent of the number of threads. The place of a row is ``GeometryView/placePoint()``.
struct LinkMatch {
  let source: Segment
  let target: Segment
  /// Metres; nil: rows outside all targets stay without.
  let within: Double?
  let threads: Int
  let token: CancellationToken

  /// By row asked for, in the order asked.
  struct Result {
    /// Rows of the target; `LinkColumn.none` where there is none.
    var targets: [UInt32]
    var methods: [UInt8]
    var reasons: [UInt8]
    /// Metres; 0 inside, NaN without a target.
    var distances: [Double]
  }

  /// - Parameter rows: which rows; nil for all.
  /// - Throws: `QueryError` (`.damaged`, `.interrupted`, limits).
  func run(rows: [UInt32]? = nil) throws -> Result {
    do {
      return try match(rows, source.geometry(), target.geometry(), target.tree())
    } catch let damage as SnapshotDamage {
      throw QueryError(.damaged(damage.message))
    }
  }

  private func match(
    _ rows: [UInt32]?, _ places: GeometryStorage?, _ shapes: GeometryStorage?, _ tree: PackedRTreeView<2>?
  ) throws -> Result {
    let count = rows?.count ?? source.rowCount
    var result = Result(
      targets: Array(repeating: LinkColumn.none, count: count),
      methods: Array(repeating: LinkMethod.none.rawValue, count: count),
      reasons: Array(repeating: LinkReason.noPlace.rawValue, count: count),
      distances: Array(repeating: .nan, count: count))
    guard let places, let shapes, count > 0 else { return result }
    let partition = TargetPartition(shapes, rank: try LinkMatch.ranks(target), threads: threads)
    try token.check()
    let piece = 1 << 14
    // Each piece writes rows of its own.
    try result.targets.withUnsafeMutableBufferPointer { targets in
      try result.methods.withUnsafeMutableBufferPointer { methods in
        try result.reasons.withUnsafeMutableBufferPointer { reasons in
          try result.distances.withUnsafeMutableBufferPointer { distances in
            let out = Output(
              targets: targets.baseAddress!, methods: methods.baseAddress!, reasons: reasons.baseAddress!,
              distances: distances.baseAddress!)
            let missed = Mutex<[Int]>([])
            try MorselRun.run(
              count: (count + piece - 1) / piece, threads: threads, token: token,
              makeWorker: { () throws(QueryError) in 0 },
              work: { (_: inout Int, number: Int) throws(QueryError) -> Int in
                let range = number * piece..<min(count, (number + 1) * piece)
                let left = LinkMatch.place(range, rows, places, partition, out)
                if !left.isEmpty { missed.withLock { $0 += left } }
                return left.count
              }, handOn: { _, _ in })
            try settle(missed.withLock { $0.sorted() }, rows, places, shapes, tree, partition, out)
          }
        }
      }
    }
    return result
  }

  private struct Output: @unchecked Sendable {
    let targets: UnsafeMutablePointer<UInt32>
    let methods: UnsafeMutablePointer<UInt8>
    let reasons: UnsafeMutablePointer<UInt8>
    let distances: UnsafeMutablePointer<Double>
  }

  /// The polygons of a layer; nil for rows that are none.
  private static func areas(_ shapes: GeometryStorage) -> @Sendable (Int) -> GeometryView? {
    { row in
      guard let view = shapes.view(row), view.dimension == 2, !view.isEmpty else { return nil }
      return view
    }
  }

  @inline(__always)
  private static func point(_ places: GeometryStorage, _ row: Int) -> (x: Double, y: Double)? {
    let point: (x: Double, y: Double)?
    if let view = places.view(row) {
      point = view.placePoint()
    } else {
      // NULL, or a collection: few.
      point = places.geometry(row)?.members.first { !$0.isEmpty }?.withView { $0.placePoint() }
    }
    guard let point, point.x.isFinite, point.y.isFinite else { return nil }
    return point
  }

  /// Matches a run of rows with the polygons that cover them; gives the indices of those that none covers.
  private static func place(
    _ range: Range<Int>, _ rows: [UInt32]?, _ places: GeometryStorage, _ partition: TargetPartition, _ out: Output
  ) -> [Int] {
    var missed: [Int] = []
    for index in range {
      guard let (x, y) = point(places, rows.map { Int($0[index]) } ?? index) else { continue }
      let (row, place) = partition.locate(x, y)
      if place == .outside {
        missed.append(index)
        continue
      }
      out.targets[index] = row
      out.methods[index] = LinkMethod.inside.rawValue
      out.distances[index] = 0
      out.reasons[index] =
        switch place {
        case .sharedEdge: LinkReason.sharedEdge.rawValue
        case .overlap: LinkReason.overlap.rawValue
        default: LinkReason.plain.rawValue
        }
    }
    return missed
  }

  /// Rows that no polygon covers: gap or outside, and the nearest polygon within reach. There are few.
  private func settle(
    _ missed: [Int], _ rows: [UInt32]?, _ places: GeometryStorage, _ shapes: GeometryStorage,
    _ tree: PackedRTreeView<2>?, _ partition: TargetPartition, _ out: Output
  ) throws {
    if missed.isEmpty { return }
    let areas = LinkMatch.areas(shapes)
    let gaps = CoverageGaps(count: target.rowCount, shape: areas)
    for (done, index) in missed.enumerated() {
      if done & 255 == 0 { try token.check() }
      guard let (x, y) = LinkMatch.point(places, rows.map { Int($0[index]) } ?? index) else { continue }
      out.reasons[index] =
        (gaps.contains(x, y) ? LinkReason.gap : .outside).rawValue
      guard let within, let tree else { continue }
      let near = tree.nearest(to: Box2(x, y, x, y), count: 1, within: within, withTies: true) { row in
        areas(row)?.squaredDistance(toPoint: x, y)
      }
      guard let best = near.min(by: { partition.rank[$0.item] < partition.rank[$1.item] }) else { continue }
      out.targets[index] = UInt32(best.item)
      out.methods[index] = LinkMethod.nearest.rawValue
      out.distances[index] = best.distance
    }
  }

  /// By row: its place among the codes, then ids. Without codes the ids decide.
  static func ranks(_ segment: Segment) throws(SnapshotDamage) -> [UInt32] {
    let code = segment.columnIndex(named: "code")
    var keys: [(code: String, id: String, row: Int)] = []
    keys.reserveCapacity(segment.rowCount)
    for row in 0..<segment.rowCount {
      var text = ""
      if let code, case .text(let value) = try segment.value(code, row) { text = value }
      keys.append((text, try segment.id(row), row))
    }
    keys.sort { a, b in
      if a.code != b.code { return CodePoints.precede(a.code, b.code) }
      return a.id == b.id ? a.row < b.row : CodePoints.precede(a.id, b.id)
    }
    var ranks = [UInt32](repeating: 0, count: segment.rowCount)
    for (rank, key) in keys.enumerated() { ranks[key.row] = UInt32(rank) }
    return ranks
  }
}
