internal import SpatialIndex

/// The features of a reference, one by one: a condition holds when it holds for any of them.
final class ReferenceFeatures: Sendable {
  /// Geometries known before the rows are.
  let targets: [Target]
  /// Over the boxes of `targets`, when there are many.
  private let targetTree: PackedRTree<2>?
  /// Or the rows of a table.
  let column: ShapeColumn?
  let subset: RowSet?
  private let columnTree: PackedRTreeView<2>?
  let label: String
  /// Whether distances are geodesic metres: in a database in degrees.
  let isGeodesic: Bool

  /// Few enough to look through one after the other.
  static let fewTargets = 8

  init(_ geometries: [Geometry], label: String, isGeodesic: Bool = false) {
    self.isGeodesic = isGeodesic
    targets = geometries.map { Target($0) }
    targetTree = targets.count > Self.fewTargets ? PackedRTree(targets.map(\.box)) : nil
    column = nil
    subset = nil
    columnTree = nil
    self.label = label
  }

  /// The rows of a table that has a tree.
  init(
    table: Table, tree: PackedRTreeView<2>, subset: RowSet?, label: String, isGeodesic: Bool = false
  ) throws(QueryError) {
    self.isGeodesic = isGeodesic
    try table.verifyTree()
    targets = []
    targetTree = nil
    column = ShapeColumn(table: table)
    columnTree = tree
    self.subset = subset
    self.label = label
  }

  /// How many features there are.
  var count: Int { column.map { subset?.count ?? $0.table.rowCount } ?? targets.count }
  var isConstant: Bool { column == nil }

  /// The box around all features.
  var bounds: Box2 {
    if let columnTree { return columnTree.bounds }
    return targets.reduce(Box2.empty) { $0.union($1.box) }
  }

  /// Whether the condition holds from a row's geometry to any feature.
  func anyHolds(_ test: PairTest, _ shape: Shape, _ box: Box2) throws(QueryError) -> Bool {
    if box.isEmpty, !test.holdsForEmpty { return false }
    if let tree = columnTree, let column {
      if !test.needsNearBoxes {
        for row in 0..<column.table.rowCount where subset?.contains(row) ?? true {
          try column.table.verifyGeometry(row: row)
          let other = column.shape(UInt32(row))
          if !other.isNone, try test.holds(shape, other) { return true }
        }
        return false
      }
      return try search(tree, near: test.searchBox(box), test.reach) { (item) throws(QueryError) in
        if let subset = self.subset, !subset.contains(item) { return false }
        try column.table.verifyGeometry(row: item)
        if test.isRuledOut(box, column.box(UInt32(item))) { return false }
        return try test.holds(shape, column.shape(UInt32(item)))
      }
    }
    if let targetTree, test.needsNearBoxes {
      return try search(targetTree.view, near: test.searchBox(box), test.reach) { (item) throws(QueryError) in
        let target = self.targets[item]
        if test.isRuledOut(box, target.box) { return false }
        return try test.holds(shape, target)
      }
    }
    for target in targets where !test.isRuledOut(box, target.box) {
      if try test.holds(shape, target) { return true }
    }
    return false
  }

  /// Calls `holds` with items whose boxes are near enough until one does.
  private func search(
    _ tree: PackedRTreeView<2>, near box: Box2, _ reach: Double, _ holds: (Int) throws(QueryError) -> Bool
  ) throws(QueryError) -> Bool {
    enum Stop: Error { case found, failed(QueryError) }
    do throws(Stop) {
      try tree.forEach(meeting: box.expanded(by: widened(reach))) { (item) throws(Stop) in
        let found: Bool
        do throws(QueryError) { found = try holds(item) } catch { throw .failed(error) }
        if found { throw .found }
      }
    } catch {
      switch error {
      case .found: return true
      case .failed(let error): throw error
      }
    }
    return false
  }

  /// The square of the distance to the nearest feature, when it is at most `below`; infinity or more than `below` when
  /// there is none.
  func squaredDistance(_ shape: Shape, _ box: Box2, below: Double = .infinity) throws(QueryError) -> Double {
    if box.isEmpty { return .infinity }
    if isGeodesic {
      let metres = try geodesicMetres(shape, box)
      return metres * metres
    }
    if let tree = columnTree, let column {
      let nearest = try tree.nearest(to: box, count: 1) { (item) throws(QueryError) -> Double? in
        if let subset, !subset.contains(item) { return nil }
        try column.table.verifyGeometry(row: item)
        switch (shape, column.shape(UInt32(item))) {
        case (.none, _), (_, .none): return nil
        case (.view(let a), .view(let b)): return a.squaredDistance(to: b)
        case (let a, let b): return a.geometry!.squaredDistance(to: b.geometry!)
        }
      }
      return nearest.first?.squaredDistance ?? .infinity
    }
    if let targetTree {
      let nearest = targetTree.nearest(to: box, count: 1) { item -> Double? in
        PairTest.squaredDistance(shape, targets[item].prepared)
      }
      return nearest.first?.squaredDistance ?? .infinity
    }
    // What is not nearer comes back as the bound itself, so the bound must lie beyond what counts.
    var best = below.nextUp
    var found = Double.infinity
    for target in targets {
      let squared = PairTest.squaredDistance(shape, target.prepared, below: best)
      if squared < best { (best, found) = (squared, squared) }
    }
    return found
  }
}

extension ReferenceFeatures {
  /// Metres to the nearest feature; infinity when there is none within ``Geodesic/reach``.
  func geodesicMetres(_ shape: Shape, _ box: Box2) throws(QueryError) -> Double {
    func nearest(_ tree: PackedRTreeView<2>, _ metres: (Int) throws(QueryError) -> Double?) throws(QueryError) -> Double
    {
      try GeodesicMeasure.nearest(tree, to: box, count: 1, within: Geodesic.reach, metres: metres).first?.metres
        ?? .infinity
    }
    if let column, let tree = column.table.tree {
      return try nearest(tree) { (item) throws(QueryError) in
        if let subset = self.subset, !subset.contains(item) { return nil }
        try column.table.verifyGeometry(row: item)
        return try GeodesicMeasure.metres(shape, column.shape(UInt32(item)))
      }
    }
    var best = Double.infinity
    for target in targets { best = min(best, try GeodesicMeasure.metres(shape, .collection(target.prepared.geometry))) }
    return best
  }
}

/// A reach grown by what rounding could take off.
@inline(__always)
func widened(_ reach: Double) -> Double { reach > 0 ? reach * (1 + 0x1p-40) : 0 }
