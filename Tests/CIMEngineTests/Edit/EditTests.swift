import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// A small city of shelters, houses and rooms, and statements run on it.
final class EditedCity {
  let fixture: StoreFixture
  let database: Database
  private(set) var notices: [String] = []
  private var session = Session()

  init(shelters: Int = 30) throws {
    fixture = try StoreFixture(shelters: shelters)
    let store = try Store.openForWriting(fixture.path)
    try store.write { writer in
      let text = { (name: String) in Catalog.Column(name: name, type: .text) }
      let house = try writer.createLayer("house", columns: [text("code")], geometry: .init(kind: .multiPolygon))
      let houses = try TableWriter(house, isNew: true, conflict: .fail, in: writer.connection)
      try houses.begin(columns: [1])
      for i in 0..<8 {
        let x = 460_000 + Double(i) * 50
        _ = try houses.insert(
          Feature(
            id: "H-\(i)", values: [.text("C\(i)")], geometry: .rectangle(Box2(x, 3_840_000, x + 20, 3_840_020)),
            place: .feature(i)), path: "fixture")
      }
      try houses.finish(position: writer.position(of: "house"))
      let room = try writer.createLayer("room", columns: [text("house")], geometry: nil, fidColumns: ["house"])
      let rooms = try TableWriter(room, isNew: true, conflict: .fail, in: writer.connection)
      try rooms.begin(columns: [1], links: [1: house])
      for i in 0..<12 {
        _ = try rooms.insert(
          Feature(id: "R-\(i)", values: [.text("H-\(i % 4)")], geometry: nil, place: .feature(i)), path: "fixture")
      }
      try rooms.finish(position: writer.position(of: "room"))
      try StoredCatalog.recordLink(
        .init(layer: "room", column: "house", targetLayer: "house", targetColumn: "fid"), in: writer.connection)
    }
    store.close()
    database = try Database(path: fixture.path)
  }

  /// The rows of the last statement, values as text.
  @discardableResult
  func run(_ text: String) throws -> [[String]] {
    var rows: [[String]] = []
    for statement in try database.parse(text).statements {
      let sink = Collector()
      let run = QueryRun(isOrdered: true) { _ in throw QueryError(.notSupported("a file")) }
      notices += try database.run(statement, in: &session, run, into: sink).notices
      rows = sink.rows
    }
    return rows
  }

  /// What is said when a statement is refused.
  func refusal(_ text: String) -> String? {
    do {
      try run(text)
      return nil
    } catch { return (error as? any UserFacingError)?.message ?? "\(error)" }
  }

  private final class Collector: RowSink {
    var rows: [[String]] = []
    var wantsShapes: Bool { false }
    func begin(_ header: ResultHeader) {}
    func write(_ batch: RowBatch) {
      for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0[row].plainText }) }
    }
    func end(notices: [String]) {}
  }
}

@Suite struct EditTests {
  @Test func updateChangesChosenRowsAndSaysHowMany() throws {
    let city = try EditedCity()
    let before = try city.run("COUNT shelter WHERE status = 'open'")
    #expect(
      try city.run("UPDATE shelter SET status = 'closed', capacity = capacity + 1 WHERE status = 'open'") == before)
    #expect(try city.run("COUNT shelter WHERE status = 'open'") == [["0"]])
    #expect(try city.run("FIND shelter WHERE id = 'S-3' RETURN capacity, status") == [["301", "closed"]])
    #expect(try Store.open(city.fixture.path).check().filter { $0.severity == .error } == [])
  }

  @Test func spatialClausesChooseRows() throws {
    let city = try EditedCity()
    #expect(try city.run("DELETE FROM shelter NEAREST 2 TO POINT(460100 3840000.125) IN EPSG:4547") == [["2"]])
    #expect(try city.run("COUNT shelter") == [["28"]])
    #expect(
      try city.run("UPDATE shelter SET name = 'near' WITHIN 250 m OF house 'H-0'")
        == (try city.run("COUNT shelter WHERE name = 'near'")))
  }

  @Test func literalsAreBroughtIntoTheWorkingCRS() throws {
    let city = try EditedCity()
    try city.run(
      "INSERT INTO shelter (id, geom) VALUES ('A', AT(113.65, 34.75)), ('B', AT(113.6562, 34.7588) IN GCJ02)")
    let rows = try city.run("FIND shelter WHERE id IN ('A', 'B') RETURN X(geom) AS x, Y(geom) AS y")
    let wanted = try [(CRS.wgs84, 113.65, 34.75), (.gcj02, 113.6562, 34.7588)].map { crs, x, y in
      try CRSTransform.between(crs, .epsg(4547)).transformed(.point(x, y)).xy
    }
    for (row, point) in zip(rows, wanted) {
      #expect(abs(Double(row[0])! - point[0]) < 1e-6 && abs(Double(row[1])! - point[1]) < 1e-6)
    }
    #expect(try city.run("FIND shelter NEAREST 1 TO AT(113.65, 34.75) RETURN id") == [["A"]])
    #expect(try Store.open(city.fixture.path).check().filter { $0.severity == .error } == [])
  }

  @Test(arguments: [
    ("UPDATE shelter SET status = 'oepn' WHERE id = 'S-1'", "S-1", "oepn"),
    ("UPDATE shelter SET capacity = 'many' WHERE id = 'S-1'", "S-1", "capacity"),
    ("UPDATE shelter SET capacity = 1.5 WHERE id = 'S-1'", "S-1", "capacity"),
    ("UPDATE shelter SET id = NULL WHERE id = 'S-1'", "S-1", "id"),
    ("UPDATE shelter SET id = 'S-2' WHERE id = 'S-1'", "S-1", "already"),
    ("INSERT INTO shelter (name) VALUES ('x')", "needs an `id`", "shelter"),
    ("INSERT INTO shelter (id) VALUES ('n'), ('n')", "row 2", "given twice"),
    ("INSERT INTO shelter (id) VALUES ('n'), ('S-5')", "row 2", "S-5"),
    ("INSERT INTO room (id, house) VALUES ('n', 'H-99')", "row 1", "names no house"),
    ("UPDATE room SET house = 'H-99' WHERE id = 'R-1'", "R-1", "house"),
    ("DELETE FROM house WHERE id = 'H-2'", "3 rows of `room`", "R-2"),
    ("INSERT INTO shelter (id, geom) VALUES ('n', POLYGON((113 34, 114 34, 114 35, 113 34)))", "row 1", "POINT"),
    (
      "INSERT INTO house (id, geom) VALUES ('n', POLYGON((113 34, 114 35, 114 34, 113 35, 113 34)))", "row 1",
      "Self-intersection"
    ),
    ("UPDATE shelter SET opened = 'yesterday' WHERE id = 'S-1'", "S-1", "date"),
    ("UPDATE shelter SET nme = 'x' ALL", "nme", "name"),
    ("UPDATE nowhere SET x = 1 ALL", "nowhere", ""),
  ])
  func whatIsWrongIsRefusedByRowAndColumn(_ text: String, _ first: String, _ second: String) throws {
    let city = try EditedCity()
    let revision = try Store.open(city.fixture.path).revision()
    let message = try #require(city.refusal(text))
    #expect(message.contains(first) && (second.isEmpty || message.contains(second)), "\(message)")
    #expect(try Store.open(city.fixture.path).revision() == revision)
  }

  @Test func dryRunChangesNothing() throws {
    let city = try EditedCity()
    #expect(try city.run("DELETE FROM shelter ALL DRY RUN") == [["30"]])
    #expect(city.notices.contains("dry run: nothing was written"))
    #expect(try city.run("COUNT shelter") == [["30"]])
    let script = try city.database.parse("UPDATE shelter SET name = NULL ALL DRY RUN")
    #expect(try city.database.parse(Printer.print(script)) == script)
  }

  @Test func insertFromFindAndReferences() throws {
    let city = try EditedCity()
    #expect(try city.run("INSERT INTO house (id, code) FIND shelter WHERE capacity <= 200 RETURN id, name") == [["2"]])
    #expect(try city.run("INSERT INTO room (id, house) VALUES ('n', 'S-1')") == [["1"]])
    #expect(try city.run("FIND room WHERE id = 'n' RETURN house, house.code") == [["S-1", "避难场所 1"]])
    // A polygon goes into a column of multi polygons as one of one part.
    try city.run("INSERT INTO house (id, geom) VALUES ('p', POLYGON((113.5 34.6, 113.6 34.6, 113.6 34.7, 113.5 34.6)))")
    #expect(try city.run("COUNT house INTERSECTS AT(113.58, 34.65)") == [["1"]])
    #expect(try Store.open(city.fixture.path).check().filter { $0.severity == .error } == [])
  }

  @Test func undoTakesTheLastEditBack() throws {
    let city = try EditedCity()
    let all = "FIND shelter RETURN id, name, capacity, status, area, barrier_free, opened, as_of, tags, AS_WKT(geom)"
    let before = try city.run(all)
    for edit in [
      "UPDATE shelter SET name = NULL, geom = AT(113.6, 34.7) WHERE capacity > 1000", "DELETE FROM shelter ALL",
      "INSERT INTO shelter (id) VALUES ('n'), ('m')",
    ] {
      try city.run(edit)
      #expect(try city.run(all) != before)
      #expect(try city.database.undoLastEdit().contains("shelter"))
      #expect(try city.run(all) == before)
    }
    #expect(throws: StoreError.self) { try city.database.undoLastEdit() }
    try city.run("DELETE FROM shelter WHERE id = 'S-1'")
    let connection = try city.fixture.plain()
    try connection.use { try $0.execute("UPDATE shelter SET name = 'x' WHERE fid = 2") }
    #expect(throws: StoreError.self) { try city.database.undoLastEdit() }
    #expect(try Store.open(city.fixture.path).check().filter { $0.severity == .error } == [])
  }
}
