import SpatialIndex
import TestSupport

@testable import CIMEngine

/// A layer as plain rows: what the oracle reads, and what the tables under test are made of.
struct NaiveLayer {
  var name: String
  var columns: [Catalog.Column]
  var rows: [[Value]]
  var geometries: [Geometry?]
  var hasGeometry: Bool
}

/// A small city in memory, seeded, with NULLs everywhere and hostile geometry: shapes that touch, holes, empty ones,
/// equal points.
///
/// Layers: 0 building (polygons), 1 unit (points, `building` names a building by id), 2 shelter (points), 3 grid (polygons
/// that share edges), 4 flood (polygons with holes, multipolygons), 5 person (no geometry, `unit` is a unit by fid),
/// 6 road (lines).
final class NaiveCity: TableProvider {
  let layers: [NaiveLayer]
  let tables: [Table]
  let catalog: Catalog

  static let building = 0
  static let unit = 1
  static let shelter = 2
  static let grid = 3
  static let flood = 4
  static let person = 5
  static let road = 6

  func table(layer: Int) throws -> Table { tables[layer] }

  /// - Parameter hasEmptyPoints: whether some units have an empty point for a geometry.
  init(seed: UInt64, scale: Int = 1, hasEmptyPoints: Bool = true) {
    var random = SplitMix64(seed: seed)
    func chance(_ p: Double) -> Bool { Double.random(in: 0..<1, using: &random) < p }
    /// Coordinates on a coarse lattice, so that shapes touch and share points often.
    func coordinate() -> Double { Double(Int.random(in: 0...40, using: &random)) * 25 }
    func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
    func maybe(_ value: @autoclosure () -> Value, _ p: Double = 0.15) -> Value { chance(p) ? .null : value() }
    let names = ["café", "Cafe", "银行", "", "a_b", "100%", "\\x", "School", "SCHOOL", "ﬁn", "郑州 大学", "Ångström", "z"]

    func rectangle(_ size: Double) -> Geometry {
      let (x, y) = (coordinate(), coordinate())
      let (w, h) = (
        Double(Int.random(in: 1...4, using: &random)) * size, Double(Int.random(in: 1...4, using: &random)) * size
      )
      return .rectangle(Box2(x, y, x + w, y + h))
    }
    func withHole() -> Geometry {
      let (x, y) = (coordinate(), coordinate())
      return .polygon([
        [x, y, x + 300, y, x + 300, y + 300, x, y + 300, x, y],
        [x + 100, y + 100, x + 100, y + 200, x + 200, y + 200, x + 200, y + 100, x + 100, y + 100],
      ])
    }
    func multi() -> Geometry {
      var result = Geometry(kind: .multiPolygon)
      let (x, y) = (coordinate(), coordinate())
      result.appendPart(rings: [[x, y, x + 50, y, x + 50, y + 50, x, y + 50, x, y]])
      result.appendPart(rings: [[x + 100, y, x + 175, y, x + 175, y + 75, x + 100, y]])
      return result
    }

    var made: [NaiveLayer] = []
    let buildingCount = 60 * scale
    made.append(
      NaiveLayer(
        name: "building",
        columns: [
          .init(name: "id", type: .text), .init(name: "height", type: .double), .init(name: "floors", type: .int),
          .init(name: "use", type: .text), .init(name: "built", type: .date), .init(name: "public", type: .bool),
          .init(name: "tags", type: .list), .init(name: "name", type: .text),
        ],
        rows: (0..<buildingCount).map { i in
          [
            .text("B-\(i)"), maybe(.double(Double(Int.random(in: 0...400, using: &random)) / 4)),
            maybe(.int(Int64.random(in: -2...33, using: &random))),
            maybe(.text(pick(["住宅", "school", "office", "shop"]))),
            maybe(.date(Int32.random(in: 10_000...19_000, using: &random))), maybe(.bool(chance(0.5))),
            maybe(.list((0..<Int.random(in: 0...3, using: &random)).map { _ in .text(pick(["a", "b", "c"])) })),
            maybe(.text(pick(names))),
          ]
        },
        geometries: (0..<buildingCount).map { _ in
          if chance(0.05) { return nil }
          if chance(0.05) { return Geometry(kind: .polygon) }
          return chance(0.1) ? multi() : chance(0.2) ? withHole() : rectangle(25)
        }, hasGeometry: true))
    let unitCount = 150 * scale
    made.append(
      NaiveLayer(
        name: "unit",
        columns: [
          .init(name: "id", type: .text), .init(name: "building", type: .text), .init(name: "floor", type: .int),
          .init(name: "area", type: .double), .init(name: "updated", type: .timestamp),
        ],
        rows: (0..<unitCount).map { i in
          [
            .text("U-\(i)"), maybe(.text("B-\(Int.random(in: 0..<buildingCount + 3, using: &random))")),
            maybe(.int(Int64.random(in: -1...30, using: &random))),
            maybe(.double(Double(Int.random(in: 100...2000, using: &random)) / 8)),
            maybe(.timestamp(Int64.random(in: 0...1_800_000_000, using: &random) * 1_000_000)),
          ]
        },
        geometries: (0..<unitCount).map { _ in
          chance(0.05)
            ? nil : chance(0.03) && hasEmptyPoints ? Geometry(kind: .point) : .point(coordinate(), coordinate())
        }, hasGeometry: true))
    made.append(
      NaiveLayer(
        name: "shelter",
        columns: [
          .init(name: "id", type: .text), .init(name: "capacity", type: .int), .init(name: "occupied", type: .int),
          .init(name: "status", type: .text),
        ],
        rows: (0..<25).map { i in
          [
            .text("S-\(i)"), maybe(.int(Int64.random(in: 0...500, using: &random))),
            maybe(.int(Int64.random(in: 0...500, using: &random))), maybe(.text(pick(["open", "full", "closed"]))),
          ]
        },
        geometries: (0..<25).map { _ in chance(0.06) ? nil : .point(coordinate(), coordinate()) }, hasGeometry: true))
    made.append(
      NaiveLayer(
        name: "grid", columns: [.init(name: "id", type: .text), .init(name: "code", type: .text)],
        rows: (0..<16).map { i in [.text("G-\(i)"), maybe(.text("C-\(i % 9)"))] },
        geometries: (0..<16).map { i in
          let (x, y) = (Double(i % 4) * 250, Double(i / 4) * 250)
          return .rectangle(Box2(x, y, x + 250, y + 250))
        }, hasGeometry: true))
    made.append(
      NaiveLayer(
        name: "flood", columns: [.init(name: "id", type: .text), .init(name: "water_z", type: .double)],
        rows: (0..<6).map { i in [.text("F-\(i)"), maybe(.double(Double(Int.random(in: 80...100, using: &random))))] },
        geometries: (0..<6).map { _ in
          chance(0.1)
            ? Geometry(kind: .geometryCollection, members: [rectangle(50), .point(coordinate(), coordinate())])
            : chance(0.5) ? withHole() : multi()
        }, hasGeometry: true))
    let personCount = 200 * scale
    made.append(
      NaiveLayer(
        name: "person",
        columns: [
          .init(name: "id", type: .text), .init(name: "unit", type: .text), .init(name: "age", type: .int),
        ],
        rows: (0..<personCount).map { i in
          [
            .text("P-\(i)"), maybe(.text("U-\(Int.random(in: 0..<unitCount, using: &random))")),
            maybe(.int(Int64.random(in: 0...99, using: &random))),
          ]
        }, geometries: Array(repeating: nil, count: personCount), hasGeometry: false))
    made.append(
      NaiveLayer(
        name: "road", columns: [.init(name: "id", type: .text), .init(name: "width", type: .double)],
        rows: (0..<12).map { i in [.text("R-\(i)"), maybe(.double(Double(i)))] },
        geometries: (0..<12).map { _ in
          .line((0..<Int.random(in: 2...5, using: &random)).flatMap { _ in [coordinate(), coordinate()] })
        }, hasGeometry: true))

    layers = made
    var tables = made.map { layer in
      var builder = TableBuilder(columns: layer.columns.map { ($0.name, $0.type) })
      for (row, geometry) in zip(layer.rows, layer.geometries) { builder.append(row: row, geometry: geometry) }
      return builder.finish(name: layer.name, withGeometry: layer.hasGeometry, packed: true)
    }
    tables[Self.person] = NaiveCity.withLink(tables[Self.person], column: 1, to: Self.unit, of: made)
    self.tables = tables
    catalog = Catalog(
      databaseID: "naive", workingCRS: .epsg(4547),
      layers: made.map {
        Catalog.Layer(
          name: $0.name, columns: $0.columns,
          geometry: $0.hasGeometry ? .init(kind: nil, extent: Box2(0, 0, 1500, 1500)) : nil, rowCount: $0.rows.count)
      },
      links: [
        .init(layer: "unit", column: "building", targetLayer: "building", targetColumn: "id"),
        .init(layer: "person", column: "unit", targetLayer: "unit", targetColumn: "fid"),
      ])
  }

  /// The table with a text column turned into row numbers of the target, as a snapshot keeps links by fid.
  private static func withLink(_ table: Table, column: Int, to target: Int, of layers: [NaiveLayer]) -> Table {
    let memory = OwnedMemory()
    let layer = layers.first { $0.name == table.name }!
    let rows = layer.rows.map { row -> UInt32 in
      layers[target].rows.firstIndex { $0[0] == row[column] }.map { UInt32($0) } ?? LinkColumn.none
    }
    var columns = table.columns
    columns[column] = .link(
      LinkColumn(rows: memory.copy(rows), count: rows.count, targetLayer: target, isResolvedByFid: true))
    return Table(
      name: table.name, rowCount: table.rowCount, columns: columns, columnNames: table.columnNames,
      geometry: table.geometry, tree: table.tree, owner: [table, memory] as [any Sendable])
  }

  /// The source that a statement over the layer starts from.
  func source(_ layer: Int, alias: String? = nil) -> BoundSource {
    BoundSource(
      kind: .layer(layer), name: alias ?? layers[layer].name,
      columns: layers[layer].columns.map { BoundColumn(name: $0.name, type: $0.type) },
      geometryPath: layers[layer].hasGeometry ? [] : [NaiveCity.personToUnit])
  }

  static let personToUnit = LinkStep(fromLayer: person, column: 1, targetLayer: unit, targetColumn: "fid")
  static let unitToBuilding = LinkStep(fromLayer: unit, column: 1, targetLayer: building, targetColumn: "id")
}
