import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Rows found for a geometry through the tree, whole runs at once, against a scan of them; layers are packed, so that rows
/// come along the Hilbert curve.
@Suite("Rows that stand in a relation to a geometry")
struct RowSearchTests {
  private static func table(_ geometries: [Geometry?]) throws -> Table {
    let layer = Catalog.Layer(
      name: "layer", columns: [.init(name: "id", type: .text)],
      geometry: .init(kind: nil, extent: Box2(0, 0, 100, 100)), rowCount: geometries.count)
    let catalog = Catalog(databaseID: "test", workingCRS: .epsg(4547), layers: [layer], links: [])
    let rows = geometries.enumerated().map { i, geometry in
      SegmentRow(fid: Int64(i + 1), values: [.text("R-\(i)")], geometry: geometry)
    }
    return Table(try Snapshot.inMemory(catalog, ["layer": rows]).segment(0))
  }

  private struct Rows: FoundRows {
    var set: RowSet
    var seen = 0
    func isSettled(_ row: Int) -> Bool { set.contains(row) }
    mutating func add(_ row: UInt32) {
      set.insert(Int(row))
      seen += 1
    }
    mutating func add(_ rows: Range<Int>) {
      set.insert(rows)
      seen += rows.count
    }
  }

  private static let tests: [PairTest] = [
    .holds(.intersects), .holds(.coveredBy), .holds(.within), .holds(.touches), .holds(.covers), .holds(.contains),
    .holds(.equals), .within(0), .within(2), .within(6.5), .within(-1), .within(.nan),
  ]

  private func check(_ geometries: [Geometry?], _ targets: [Geometry], _ comment: Comment) throws {
    let table = try Self.table(geometries)
    let storage = try #require(table.geometry)
    let tree = try #require(table.tree)
    for test in Self.tests {
      let search = try #require(RowSearch(table, tree: tree, test: test))
      for (number, target) in targets.enumerated() {
        // A linear scan by the plain kernels.
        let wanted = try (0..<table.rowCount).filter { row in
          if storage.box(row).isEmpty || target.isEmpty { return false }
          return try test.holds(storage.shape(row), .collection(target))
        }
        var prepared = Rows(set: RowSet(rowCount: table.rowCount))
        try search.find(Target(target), into: &prepared)
        #expect(prepared.set.rows == wanted.map { UInt32($0) }, "\(comment), \(test), target \(number), prepared")
        #expect(prepared.seen == wanted.count, "a row twice: \(comment), \(test), target \(number)")
        var found = Rows(set: RowSet(rowCount: table.rowCount))
        if target.kind == .geometryCollection {
          try search.find(.collection(target), target.box ?? .empty, into: &found)
        } else {
          try target.withView { view throws(QueryError) in
            try search.find(.view(view), target.box ?? .empty, into: &found)
          }
        }
        #expect(found.set.rows == wanted.map { UInt32($0) }, "\(comment), \(test), target \(number)")
        #expect(found.seen == wanted.count, "a row twice: \(comment), \(test), target \(number)")
      }
    }
  }

  /// Small, large, with holes, in parts, of points and lines, empty, and a collection.
  private func targets(_ shapes: inout Shapes) throws -> [Geometry] {
    var result = [
      try shapes.polygon(), try shapes.multiPolygon(), try shapes.cells(), shapes.rectangle(), shapes.line(),
      shapes.point(), shapes.multiPoint(), Geometry(kind: .polygon), .rectangle(Box2(-5, -5, 200, 200)),
    ]
    result.append(
      .polygon([[2, 2, 38, 2, 38, 38, 2, 38, 2, 2], [10, 10, 10, 20, 20, 20, 20, 10, 10, 10]]))
    result.append(Geometry(kind: .geometryCollection, members: [shapes.rectangle(), shapes.line(), shapes.point()]))
    return result
  }

  @Test("points, few and many", arguments: [(60, 8), (2_600, 40)])
  func points(count: Int, side: Int) throws {
    var shapes = Shapes(seed: UInt64(count))
    shapes.side = side
    // Points on edges and vertices, equal ones, NULLs and empty ones.
    var geometries: [Geometry?] = (0..<count).map { _ in shapes.point() }
    for i in stride(from: 0, to: count, by: 41) { geometries[i] = i % 2 == 0 ? nil : Geometry(kind: .point) }
    try check(geometries, try targets(&shapes), "\(count) points")
  }

  @Test("shapes of all kinds", arguments: [(40, 8), (320, 40)])
  func allKinds(count: Int, side: Int) throws {
    var shapes = Shapes(seed: UInt64(count + 1))
    shapes.side = side
    var geometries: [Geometry?] = []
    for i in 0..<count {
      switch i % 8 {
      case 0: geometries.append(try shapes.multiPolygon())
      case 1: geometries.append(shapes.line())
      case 2: geometries.append(i % 3 == 0 ? nil : Geometry(kind: .polygon))
      case 3: geometries.append(Geometry(kind: .geometryCollection, members: [shapes.rectangle(), shapes.point()]))
      case 4: geometries.append(shapes.point())
      default:
        let (x, y) = (shapes.coordinate(), shapes.coordinate())
        geometries.append(.rectangle(Box2(x, y, x + 2, y + 1)))
      }
    }
    try check(geometries, try targets(&shapes), "\(count) shapes")
  }

  @Test("rows of a range in a set are counted", arguments: 1...3 as ClosedRange<UInt64>)
  func countedInRange(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var set = RowSet(rowCount: 300)
    for row in 0..<300 where Bool.random(using: &random) { set.insert(row) }
    for _ in 0..<200 {
      let low = Int.random(in: 0...300, using: &random)
      let range = low..<Int.random(in: low...300, using: &random)
      #expect(set.count(in: range) == range.filter { set.contains($0) }.count)
    }
  }
}
