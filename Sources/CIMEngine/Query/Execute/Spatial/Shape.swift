internal import SpatialIndex

/// The geometry of one row, without a copy where that is possible.
enum Shape {
  case none
  /// Valid as long as the table lives.
  case view(GeometryView)
  case collection(Geometry)
}

extension GeometryStorage {
  @inline(__always)
  func shape(_ row: Int) -> Shape {
    if let view = view(row) { return .view(view) }
    if let collection = geometry(row) { return .collection(collection) }
    return .none
  }
}

/// A table's geometry, read row by row; everything is `none` for a table without geometry.
struct ShapeColumn: Sendable {
  let table: Table

  /// Makes sure that the shapes of some rows can be read.
  func verify(_ rows: [UInt32]) throws(QueryError) { try table.verifyGeometry(rows: rows, mayBeNone: true) }

  @inline(__always)
  func shape(_ row: UInt32) -> Shape {
    guard row != Tuples.none, let geometry = table.geometry else { return .none }
    return geometry.shape(Int(row))
  }

  @inline(__always)
  func box(_ row: UInt32) -> Box2 {
    guard row != Tuples.none, let geometry = table.geometry else { return .empty }
    return geometry.box(Int(row))
  }
}

extension Shape {
  var isNone: Bool { if case .none = self { true } else { false } }

  /// A copy of the geometry; nil for none.
  var geometry: Geometry? {
    switch self {
    case .none: nil
    case .view(let view): view.copy()
    case .collection(let geometry): geometry
    }
  }
}
