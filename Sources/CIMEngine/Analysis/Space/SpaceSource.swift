internal import Glibc
internal import SpatialIndex
internal import Synchronization

/// The third dimension of a database: for each layer a 3D R-tree over the boxes of its rows, and the rows' bodies.
///
/// The body of a row is, in this order: its solids of the highest level of detail, kept in the store; its own geometry
/// where that has heights, a point with `z_min` and `z_max` standing for the line between them; its footprint raised from
/// `z_min` to `z_max`, else from `ground_z` by `height`. A row with none of these has no body, and tests in 3D are unknown
/// for it.
package final class SpaceSource: Sendable {
  let snapshot: Snapshot
  private let path: String
  private let state = Mutex(State())

  private struct State: Sendable {
    var store: Store?
    var indexes: [Int: SpaceIndex] = [:]
    var notices: [String] = []
  }

  /// - Parameter path: of the database. It is opened when a statement needs the third dimension.
  package init(path: String, snapshot: Snapshot) {
    self.path = path
    self.snapshot = snapshot
  }

  private func store() throws -> Store {
    try state.withLock { state in
      if let store = state.store { return store }
      let store = try Store.open(path)
      state.store = store
      return store
    }
  }

  /// Reads from the store at the snapshot's revision.
  func read<T>(_ body: (StoreReader) throws -> T) throws(QueryError) -> T {
    do {
      return try store().read { reader in
        guard try reader.revision() == snapshot.state.revision else {
          throw QueryError(.failed("the database was changed while the statement ran; run it again"))
        }
        return try body(reader)
      }
    } catch { throw QueryError.from(error) }
  }

  // MARK: Index

  /// The index of a layer: from its file in the snapshot's folder, else made and kept there. Making it reads every
  /// body of the layer once.
  func index(of layer: Int, token: CancellationToken) throws(QueryError) -> SpaceIndex {
    if let known = state.withLock({ $0.indexes[layer] }) { return known }
    // Rows of edits that are laid over the files have numbers of this process alone.
    let file = snapshot.overlay == nil ? SpaceIndex.path(of: layer, in: snapshot) : nil
    let index: SpaceIndex
    if let file, let kept = SpaceIndex(path: file, rowCount: snapshot.catalog.layers[layer].rowCount) {
      index = kept
    } else {
      index = try make(layer, token)
      if let file { index.keep(at: file) }
    }
    state.withLock { $0.indexes[layer] = index }
    return index
  }

  /// The index of a layer, refused where no row has heights.
  func indexWithHeights(of layer: Int, token: CancellationToken) throws(QueryError) -> SpaceIndex {
    let index = try index(of: layer, token: token)
    if index.tree.count > 0, index.tree.bounds.isEmpty {
      throw QueryError(
        .invalid("`\(snapshot.catalog.layers[layer].name)` has no heights"),
        fix: "3D needs solids, geometry with z, or columns `z_min` and `z_max` or `ground_z` and `height` in metres")
    }
    return index
  }

  private func make(_ layer: Int, _ token: CancellationToken) throws(QueryError) -> SpaceIndex {
    do {
      let segment = try snapshot.segment(layer)
      var boxes = Array(repeating: Box<3>.empty, count: segment.rowCount)
      try read { reader in
        guard let table = try reader.solids(of: segment.layer.name) else { return }
        var seen = 0
        try reader.forEachSolid(in: table) { parent, geometry in
          seen += 1
          if seen % 4096 == 0 { try token.check() }
          guard let row = try segment.row(fid: parent), let box = geometry.spaceBox else { return }
          boxes[row] = boxes[row].union(box)
        }
      }
      let heights = HeightColumns(segment)
      for row in 0..<segment.rowCount where boxes[row].isEmpty {
        if row % 4096 == 0 { try token.check() }
        if let box = try heights.box(of: row) { boxes[row] = box }
      }
      let kinds = try segment.geometry()?.kinds
      // Rows without a place are no matter of heights: for them every condition on place is unknown already.
      let withoutHeights = (0..<segment.rowCount).filter { boxes[$0].isEmpty && (kinds?[$0] ?? 0) != 0 }
      return SpaceIndex(boxes, withoutHeights: withoutHeights.map { UInt32($0) })
    } catch { throw QueryError.from(error) }
  }

  // MARK: Bodies

  /// The bodies of some rows, read in one transaction; nil where a row has none.
  func bodies(
    of layer: Int, rows: [Int], origin: Point3, token: CancellationToken, _ body: (Int, Body?) throws -> Void
  ) throws(QueryError) {
    do {
      let segment = try snapshot.segment(layer)
      let heights = HeightColumns(segment)
      try read { reader in
        let table = try reader.solids(of: segment.layer.name)
        let statement = try table.map { try reader.solidsOfParent(in: $0) }
        for row in rows {
          try token.check()
          var made = Body(origin: origin)
          if let statement {
            let solids = try reader.solids(statement, parent: try segment.fid(row), id: try segment.id(row))
            for solid in BuildingShape.main(of: solids, object: try segment.id(row)) {
              made.add(solid.surfaces, isSolid: solid.isSolid)
            }
          }
          if made.isUnfinishedEmpty { try heights.add(row, to: &made) }
          made.finish()
          try body(row, made.isEmpty ? nil : made)
        }
      }
    } catch { throw QueryError.from(error) }
  }
}

/// Which columns of a layer tell heights.
struct HeightColumns {
  private let segment: Segment
  private let zMin, zMax, ground, height: Int?

  init(_ segment: Segment) {
    self.segment = segment
    func number(_ name: String) -> Int? {
      segment.layer.columns.firstIndex {
        $0.name.lowercased() == name && ($0.type == .double || $0.type == .int) && ($0.unit ?? "m") == "m"
      }
    }
    (zMin, zMax, ground, height) = (number("z_min"), number("z_max"), number("ground_z"), number("height"))
  }

  private func value(_ column: Int?, _ row: Int) throws(SnapshotDamage) -> Double? {
    guard let column, let number = try segment.value(column, row).number, number.isFinite else { return nil }
    return number
  }

  /// Lowest and highest level of a row by its columns.
  private func range(_ row: Int) throws(SnapshotDamage) -> (low: Double, high: Double)? {
    if let low = try value(zMin, row), let high = try value(zMax, row) { return (min(low, high), max(low, high)) }
    if let low = try value(ground, row), let height = try value(height, row), height >= 0 { return (low, low + height) }
    return nil
  }

  func box(of row: Int) throws(SnapshotDamage) -> Box<3>? {
    guard let storage = try segment.geometry(rows: row..<row + 1) else { return nil }
    let flat = storage.box(row)
    guard !flat.isEmpty else { return nil }
    let range = try range(row)
    // Of a layer with heights some rows may have none; of a point the columns say more.
    let isPoint = storage.kinds[row] == GeometryKind.point.rawValue
    if storage.z != nil, !isPoint || range == nil, let own = storage.geometry(row)?.spaceBox { return own }
    return range.map { Box<3>(min: [flat.min[0], flat.min[1], $0.low], max: [flat.max[0], flat.max[1], $0.high]) }
  }

  func add(_ row: Int, to body: inout Body) throws(SnapshotDamage) {
    guard let geometry = try segment.geometry(rows: row..<row + 1)?.geometry(row), !geometry.isEmpty else { return }
    let range = try range(row)
    if geometry.kind == .point, let (low, high) = range {
      var line = Geometry(kind: .lineString)
      let (x, y) = (geometry.xy[0], geometry.xy[1])
      line.appendPart(rings: [[x, y, x, y]], z: [[low, high]])
      body.add(line)
    } else if geometry.spaceBox != nil {
      body.add(geometry)
    } else if let (low, high) = range, geometry.kind == .polygon || geometry.kind == .multiPolygon {
      body.add(prismOver: geometry, from: low, to: high)
    }
  }
}

extension Geometry {
  /// The box in x, y and z; nil without heights.
  var spaceBox: Box<3>? {
    guard let flat = box else { return nil }
    var (low, high) = (Double.infinity, -Double.infinity)
    func visit(_ geometry: Geometry) {
      for z in geometry.z where z.isFinite {
        low = min(low, z)
        high = max(high, z)
      }
      geometry.members.forEach(visit)
    }
    visit(self)
    guard low <= high else { return nil }
    return Box<3>(min: [flat.min[0], flat.min[1], low], max: [flat.max[0], flat.max[1], high])
  }
}
