import SpatialIndex
import TestSupport

@testable import CIMEngine

/// A small city in a database: grids of three levels that share crooked edges, units in, on the edges of and outside of
/// them, people in units, a flood. Seeded; coordinates are quarters of a metre, so a point on an edge is exactly on it.
final class LinkCity {
  let folder = ThrowawayFolder()
  var path: String { folder.file("city.sqlite") }
  /// Cells a side; blocks of two by two cells make a level-2 grid, all of a row of blocks a level-1 grid.
  let side: Int
  private(set) var grids: [(code: String, parent: String, geometry: Geometry)] = []
  struct Unit {
    var id: String
    var place: (x: Double, y: Double)?
    var floor: Int
    var base: Double?
  }
  private(set) var units: [Unit] = []
  private(set) var people: [(unit: Int?, age: Int?)] = []
  private var vertices: [[(x: Double, y: Double)]] = []
  static let flood = Geometry.rectangle(Box2(460_100, 3_840_050, 460_350, 3_840_300))

  init(seed: UInt64, side: Int = 6, units count: Int = 300, hole: Bool = true) throws {
    self.side = side
    var random = SplitMix64(seed: seed)
    let cell = 80.0
    for j in 0...side {
      vertices.append(
        (0...side).map { i in
          (
            460_000 + Double(i) * cell + Double(Int.random(in: -60...60, using: &random)) / 4,
            3_840_000 + Double(j) * cell + Double(Int.random(in: -60...60, using: &random)) / 4
          )
        })
    }
    let missing = hole ? (side / 2, side / 2) : (-1, -1)
    for j in 0..<side {
      for i in 0..<side where (i, j) != missing {
        grids.append((code(i, j), parent(i, j), block(i...i, j...j)))
      }
    }
    for k in 0..<count {
      let kind = Int.random(in: 0..<10, using: &random)
      let (i, j) = (Int.random(in: 0..<side, using: &random), Int.random(in: 0..<side, using: &random))
      var place: (x: Double, y: Double)?
      switch kind {
      case 0: place = vertices[j][i]
      case 1:
        // Halves of quarters are exact: in the middle of an edge.
        let (a, b) = (vertices[j][i], vertices[j][i + 1])
        place = ((a.x + b.x) / 2, (a.y + b.y) / 2)
      case 2: place = nil
      default:
        place = (
          460_000 + Double(Int.random(in: -400...Int(cell) * side * 4 + 400, using: &random)) / 4,
          3_840_000 + Double(Int.random(in: -400...Int(cell) * side * 4 + 400, using: &random)) / 4
        )
      }
      let floor = Int.random(in: 1...4, using: &random)
      let base = kind == 3 ? nil : 90 + Double(floor) * 3 + Double(Int.random(in: 0...8, using: &random)) / 8
      units.append(Unit(id: "U-\(k)", place: place, floor: floor, base: base))
    }
    for _ in 0..<count * 2 {
      people.append(
        (
          Int.random(in: 0..<20, using: &random) == 0 ? nil : Int.random(in: 0..<count, using: &random),
          Int.random(in: 0..<15, using: &random) == 0 ? nil : Int.random(in: 0...99, using: &random)
        ))
    }
    try write()
  }

  func code(_ i: Int, _ j: Int) -> String { parent(i, j) + "\(j % 2)\(i % 2)" }
  func parent(_ i: Int, _ j: Int) -> String { "41\(j / 2)\(i / 2)" }

  /// The outline of a block of cells, every vertex of its cells on it.
  func block(_ columns: ClosedRange<Int>, _ rows: ClosedRange<Int>) -> Geometry {
    var ring: [Double] = []
    func add(_ i: Int, _ j: Int) { ring += [vertices[j][i].x, vertices[j][i].y] }
    for i in columns.lowerBound...columns.upperBound { add(i, rows.lowerBound) }
    for j in rows.lowerBound...rows.upperBound { add(columns.upperBound + 1, j) }
    for i in columns.reversed() { add(i + 1, rows.upperBound + 1) }
    for j in rows.reversed() { add(columns.lowerBound, j + 1) }
    ring += [ring[0], ring[1]]
    return .polygon([ring])
  }

  private func write() throws {
    let store = try Store.create(path, workingCRS: .epsg(4547))
    try store.write { writer in
      func text(_ name: String) -> Catalog.Column { Catalog.Column(name: name, type: .text) }
      func number(_ name: String, _ type: ColumnType = .double) -> Catalog.Column {
        Catalog.Column(name: name, type: type, unit: type == .double ? "m" : nil)
      }
      func layer(
        _ name: String, _ columns: [Catalog.Column], _ geometry: Catalog.GeometryColumn?, _ rows: [Feature],
        fid link: (column: String, layer: StoredLayer)? = nil
      ) throws -> StoredLayer {
        let stored = try writer.createLayer(
          name, columns: columns, geometry: geometry, fidColumns: link.map { [$0.column] } ?? [])
        let table = try TableWriter(stored, isNew: true, conflict: .fail, in: writer.connection)
        var links: [Int: StoredLayer] = [:]
        if let link { links[1 + columns.firstIndex { $0.name == link.column }!] = link.layer }
        try table.begin(columns: Array(1...columns.count), links: links)
        for row in rows { _ = try table.insert(row, path: "city") }
        try table.finish(position: writer.position(of: name))
        return stored
      }
      let half = side / 2
      var level2: [Feature] = []
      for b in 0..<half {
        for a in 0..<half {
          level2.append(
            Feature(
              id: "G2-\(b)\(a)", values: [.text("41\(b)\(a)"), .text("41\(b)")],
              geometry: block(2 * a...2 * a + 1, 2 * b...2 * b + 1), place: .feature(a)))
        }
      }
      _ = try layer(
        "grid1", [text("code"), text("parent")], .init(kind: .polygon),
        (0..<half).map { b in
          Feature(
            id: "G1-\(b)", values: [.text("41\(b)"), .text("41")],
            geometry: block(0...side - 1, 2 * b...2 * b + 1), place: .feature(b))
        })
      _ = try layer("grid2", [text("code"), text("parent")], .init(kind: .polygon), level2)
      _ = try layer(
        "grid3", [text("code"), text("parent")], .init(kind: .polygon),
        grids.enumerated().map { k, grid in
          Feature(
            id: "G3-\(k)", values: [.text(grid.code), .text(grid.parent)], geometry: grid.geometry, place: .feature(k))
        })
      let unit = try layer(
        "unit", [number("floor", .int), number("z_min")], .init(kind: .point),
        units.enumerated().map { k, unit in
          Feature(
            id: unit.id, values: [.int(Int64(unit.floor)), unit.base.map { .double($0) } ?? .null],
            geometry: unit.place.map { .point($0.x, $0.y) }, place: .feature(k))
        })
      _ = try layer(
        "person", [text("unit"), number("age", .int), text("mobility")], nil,
        people.enumerated().map { k, person in
          Feature(
            id: "P-\(k)",
            values: [
              person.unit.map { .text(units[$0].id) } ?? .null, person.age.map { .int(Int64($0)) } ?? .null,
              .text(k % 7 == 0 ? "slow" : "normal"),
            ], geometry: nil, place: .feature(k))
        }, fid: ("unit", unit))
      _ = try layer(
        "flood", [text("scenario"), number("water_z")], .init(kind: .polygon),
        [
          Feature(
            id: "F-1", values: [.text("10y"), .double(94.5)], geometry: Self.flood, place: .feature(1)),
          Feature(
            id: "F-2", values: [.text("unmeasured"), .null],
            geometry: .rectangle(Box2(460_000, 3_840_000, 460_100, 3_840_100)), place: .feature(2)),
        ])
      _ = try layer(
        "shelter", [number("capacity", .int)], .init(kind: .point),
        [Feature(id: "S-1", values: [.int(100)], geometry: .point(460_200, 3_840_200), place: .feature(1))])
      _ = try layer(
        "gauge", [number("stage")], .init(kind: .point),
        [
          Feature(id: "L-1", values: [.double(94)], geometry: .point(460_100, 3_840_100), place: .feature(1)),
          Feature(id: "L-2", values: [.double(97)], geometry: .point(460_300, 3_840_200), place: .feature(2)),
          Feature(id: "L-3", values: [.null], geometry: .point(460_200, 3_840_200), place: .feature(3)),
        ])
      for (layer, column, target, key) in [
        ("grid2", "parent", "grid1", "code"), ("grid3", "parent", "grid2", "code"), ("person", "unit", "unit", "fid"),
      ] {
        try StoredCatalog.recordLink(
          Catalog.Link(layer: layer, column: column, targetLayer: target, targetColumn: key), in: writer.connection)
      }
    }
    try store.finishCreation()
  }

  // MARK: Asking

  /// The rows of one statement, and what was said of it.
  @discardableResult
  func ask(_ text: String, on database: Database? = nil) throws -> (rows: [[Value]], notices: [String]) {
    let database = try database ?? Database(path: path)
    let script = try database.parse(text)
    var session = Session()
    let rows = RowBuffer()
    let run = QueryRun(isOrdered: true) { _ in throw StoreError(.usage, "no files here") }
    let report = try database.run(script.statements[0], in: &session, run, into: rows)
    return (rows.rows, report.notices)
  }

  /// Runs SQL as any other program would.
  func sql(_ text: String) throws {
    let connection = try Connection(path: path, access: .write)
    try connection.use { connection in
      try SpatiaLite.load(into: connection)
      try connection.execute(text)
    }
    connection.close()
  }

  func rows(sql text: String) throws -> [[String?]] {
    let connection = try Connection(path: path, access: .write)
    defer { connection.close() }
    return try connection.use { connection in
      try SpatiaLite.load(into: connection)
      let statement = try connection.prepare(text)
      var result: [[String?]] = []
      while try statement.step() { result.append((0..<statement.columnCount).map { statement.optionalText($0) }) }
      return result
    }
  }
}
