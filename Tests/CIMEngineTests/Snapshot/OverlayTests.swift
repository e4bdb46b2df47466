import GRDBSQLite
import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// A city that is edited in every way there is, and the questions that must be answered alike with the edits laid over
/// the packed layers and with all layers packed anew.
private final class EditedOverlay {
  let fixture: StoreFixture
  let store: Store
  let folder: String
  let plain: Connection
  let spatial: Connection
  private let database: Database
  private var session = Session()
  private var packs = 0

  init(shelters: Int = 60) throws {
    fixture = try StoreFixture(shelters: shelters)
    try makeLinkedCity(fixture)
    store = try Store.open(fixture.path)
    folder = fixture.folder.file("base.cimx")
    mkdir(folder, 0o755)
    plain = try fixture.plain()
    spatial = try fixture.plain(spatialite: true)
    database = try Database(path: fixture.path)
    _ = try overlaid()
  }

  func overlaid(_ previous: Snapshot? = nil) throws -> Snapshot {
    try Snapshot.current(for: store, previous: previous, in: [folder], notice: { _ in }, progress: { _ in })
  }

  func packedAnew() throws -> Snapshot {
    packs += 1
    let apart = fixture.folder.file("anew-\(packs).cimx")
    mkdir(apart, 0o755)
    return try Snapshot.current(for: store, in: [apart], notice: { _ in }, progress: { _ in })
  }

  // MARK: Edits

  /// One random edit; what SQLite or cimq refuses changes nothing, which is as good a case.
  func edit(_ random: inout SplitMix64) {
    func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
    let fid = 1 + pick(70)
    let (x, y) = (459_800 + Double(pick(4500)), 3_839_900 + Double(pick(1300)))
    let point = "MakePoint(\(x), \(y), 4547)"
    let square = "CastToPolygon(BuildMbr(\(x), \(y), \(x + 15), \(y + 10), 4547))"
    let texts = ["open", "full", "closed", "NEU", "", "塔 '", "zzz", "é"]
    let text = "'\(texts[pick(texts.count)].replacing("'", with: "''"))'"
    let numbers = ["NULL", "7", "-129", "40000", "3000000000", "-9000000000000000000"]
    let sql: [String] = [
      "UPDATE shelter SET status = \(text) WHERE fid = \(fid)",
      "UPDATE shelter SET name = \(text) || \(pick(99)), capacity = \(numbers[pick(6)]) WHERE fid = \(fid)",
      "UPDATE shelter SET area = \(pick(2) == 0 ? "NULL" : "\(pick(900)).5"), barrier_free = \(pick(2)) WHERE fid < \(pick(9))",
      "UPDATE shelter SET opened = '20\(10 + pick(80))-01-31', as_of = '2022-07-20T1\(pick(9)):00:00Z' WHERE fid = \(fid)",
      "UPDATE shelter SET tags = '[\(pick(9)),\"x\"]', status = NULL WHERE fid = \(fid)",
      "UPDATE shelter SET id = 'S-\(pick(90))' WHERE fid = \(fid)",
      "DELETE FROM shelter WHERE fid = \(fid)",
      "DELETE FROM shelter WHERE fid > \(55 + pick(20))",
      "UPDATE shelter SET fid = \(100 + pick(50)) WHERE fid = \(fid)",
      "INSERT INTO shelter (id, name, capacity) VALUES ('N-\(pick(40))', \(text), \(pick(300)))",
      "INSERT OR REPLACE INTO shelter (id, name) VALUES ('S-\(fid)', 'replaced')",
      "REPLACE INTO shelter (fid, id, status) VALUES (\(fid), 'S-\(pick(70))', 'open')",
      "INSERT INTO room (id, house, floor) VALUES ('Q-\(pick(50))', \(pick(60)), \(pick(200)))",
      "UPDATE room SET house = \(pick(3) == 0 ? "NULL" : "\(1 + pick(60))") WHERE fid = \(1 + pick(210))",
      "DELETE FROM room WHERE fid % 37 = \(pick(37))",
      "UPDATE house SET grid3 = '41010\(pick(9))', height = \(pick(90)) WHERE fid = \(1 + pick(44))",
      "UPDATE house SET fid = \(40 + pick(20)) WHERE fid = \(1 + pick(44))",
      "DELETE FROM house WHERE fid = \(1 + pick(50))",
      "UPDATE grid3 SET code = '41010\(pick(9))' WHERE fid = \(1 + pick(5))",
      "UPDATE grid3 SET parent = '41010\(pick(9))' WHERE fid = \(1 + pick(5))",
      "DELETE FROM grid3 WHERE fid = \(1 + pick(9))",
    ]
    let shapes: [String] = [
      "UPDATE shelter SET geom = \(pick(5) == 0 ? "NULL" : point) WHERE fid = \(fid)",
      "UPDATE shelter SET geom = \(point) WHERE fid % 9 = \(pick(9))",
      "INSERT INTO shelter (id, status, geom) VALUES ('M-\(pick(40))', \(text), \(point))",
      "INSERT OR REPLACE INTO shelter (id, geom) VALUES ('S-\(fid)', \(point))",
      "UPDATE house SET geom = \(square) WHERE fid = \(1 + pick(44))",
      "INSERT INTO house (id, grid3, geom) VALUES ('K-\(pick(20))', '41010\(pick(7))', \(square))",
      "INSERT INTO grid3 (id, code, geom) VALUES ('L-\(pick(9))', '41010\(pick(9))', \(square))",
      "UPDATE grid3 SET geom = \(pick(6) == 0 ? "NULL" : square) WHERE fid = \(1 + pick(6))",
      "BEGIN; DELETE FROM shelter; INSERT INTO house (id, geom) VALUES ('no', \(square)); ROLLBACK",
    ]
    let statements = [
      "UPDATE shelter SET capacity = capacity + 1 WITHIN \(pick(900)) m OF house 'H-\(pick(40))'",
      "UPDATE house SET height = height * 2 NEAREST 3 TO POINT(\(x) \(y)) IN EPSG:4547",
      "DELETE FROM shelter NEAREST 1 TO POINT(\(x) \(y)) IN EPSG:4547",
      "INSERT INTO shelter (id, status, geom) VALUES ('C-\(pick(30))', 'open', POINT(\(x) \(y)) IN EPSG:4547)",
      "INSERT INTO room (id, house) VALUES ('D-\(pick(30))', 'H-\(pick(40))')",
      "UPDATE house SET geom = BUFFER(geom, 3 m) WHERE id = 'H-\(pick(40))'",
      "DELETE FROM room WHERE floor = \(pick(6)) LIMIT 2",
      "UPDATE grid3 SET code = '41010\(pick(9))' WHERE id = 'G-\(pick(4))'",
    ]
    switch pick(10) {
    case 0..<5:
      try? plain.use { try $0.execute(sql[pick(sql.count)]) }
    case 5..<8:
      try? spatial.use { try $0.execute((sql + shapes + shapes)[pick(sql.count + 2 * shapes.count)]) }
    default:
      let text = statements[pick(statements.count)]
      guard let statement = try? database.parse(text).statements[0] else {
        Issue.record("cannot parse \(text)")
        return
      }
      let run = QueryRun { _ in throw QueryError(.notSupported("a file")) }
      do { _ = try database.run(statement, in: &session, run, into: Rows()) } catch is QueryError {} catch {
        Issue.record("\(text): \(error)")
      }
    }
    try? plain.use { if sqlite3_get_autocommit($0.handle) == 0 { try $0.execute("ROLLBACK") } }
    try? spatial.use { if sqlite3_get_autocommit($0.handle) == 0 { try $0.execute("ROLLBACK") } }
  }

  // MARK: Questions

  static let questions = [
    "FIND shelter", "FIND house RETURN id, grid3, height, AS_WKT(geom) AS shape", "FIND room", "FIND grid3",
    "COUNT shelter", "COUNT room", "COUNT shelter WHERE status = 'open'", "COUNT shelter WHERE capacity > 500",
    "COUNT shelter WHERE capacity < 0 OR capacity IS NULL", "COUNT shelter WHERE status IS NULL",
    "FIND shelter WHERE id IN ('S-1', 'S-20', 'N-3', 'M-4') RETURN id, name", "FIND shelter WHERE name LIKE '%塔%'",
    "FIND shelter NEAREST 6 TO POINT(460500 3840100) IN EPSG:4547 RETURN id, distance",
    "FIND shelter NEAREST 3 TO POINT(463000 3840800) IN EPSG:4547 WHERE status = 'open' RETURN id, distance",
    "FIND shelter WITHIN 400 m OF POINT(460900 3840050) IN EPSG:4547 RETURN id, distance",
    "FIND shelter WITHIN 100000 m OF POINT(460900 3840050) IN EPSG:4547 RETURN id",
    "FIND shelter WITHIN 150 m OF house RETURN id", "COUNT shelter BEYOND 300 m OF house",
    "FIND house INTERSECTS BBOX(113.55, 34.65, 113.58, 34.80) RETURN id", "FIND room INSIDE grid3 'G-1' RETURN id",
    "COUNT room INSIDE grid3", "FIND house INSIDE grid3 RETURN id",
    "FIND shelter WITHIN 200 m OF house 'H-7' RETURN id",
    "FIND room WHERE house.grid3 = '410101' RETURN id, house, house.height, house.grid3.parent",
    "FIND room GROUP BY house.grid3 RETURN house.grid3, COUNT(*) AS n, MAX(floor) AS top",
    "FIND shelter GROUP BY status RETURN status, COUNT(*) AS n, SUM(capacity) AS s, MIN(name) AS m",
    "FIND house AS h JOIN NEAREST 1 shelter AS s RETURN h.id, s.id AS s, s.distance AS d",
    "FIND grid3 AS g JOIN house AS h ON S_INTERSECTS(g.geom, h.geom) GROUP BY g.id RETURN g.id, COUNT(*) AS n",
    "FIND house AS h LEFT JOIN room AS r ON r.house = h.id GROUP BY h.id RETURN h.id, COUNT(r.id) AS n",
    "FIND shelter ORDER BY capacity DESC, id LIMIT 7 RETURN id, capacity", "FIND shelter LIMIT 5 OFFSET 3 RETURN id",
    "FIND shelter WHERE opened > DATE('2040-01-01') RETURN id, opened", "SELECT EXTENT(geom) AS e FROM house",
    "SELECT MIN(capacity) AS a, MAX(area) AS b, AVG(capacity) AS c FROM shelter", "COUNT shelter WHERE barrier_free",
    "FIND house WHERE grid3 IN (FIND grid3 WHERE parent IS NULL RETURN code) RETURN id",
  ]

  static func answers(_ snapshot: Snapshot) -> [[String]] {
    let context = BindContext(lookup: SnapshotLookup(snapshot)) { _, _ in [] }
    let executor = Executor(catalog: snapshot.catalog, tables: SnapshotTables(snapshot), threads: 1)
    return questions.map { question in
      do {
        let statement = try CIMEngine.parse(question, names: KnownNames(snapshot.catalog)).statements[0]
        guard case .find(let find) = try CIMEngine.bind(statement, in: snapshot.catalog, context).body else {
          return []
        }
        let rows = Rows()
        var sink: any RowSink = rows
        try executor.run(find, isOrdered: true, into: &sink)
        return question.contains("ORDER BY") || question.contains("NEAREST") ? rows.lines : rows.lines.sorted()
      } catch { return ["error: \((error as? any UserFacingError)?.message ?? "\(error)")"] }
    }
  }

  private final class Rows: RowSink {
    var lines: [String] = []
    var wantsShapes: Bool { false }
    func begin(_ header: ResultHeader) {}
    func write(_ batch: RowBatch) {
      for row in 0..<batch.rowCount { lines.append(batch.columns.map { $0[row].plainText }.joined(separator: "|")) }
    }
    func end(notices: [String]) {}
  }
}

@Suite struct OverlayTests {
  @Test(arguments: 0..<UInt64(OverlayTests.sequences))
  func answersAreThoseOfLayersPackedAnew(_ seed: UInt64) throws {
    let city = try EditedOverlay()
    var random = SplitMix64(seed: seed)
    var previous: Snapshot?
    for step in 0..<6 {
      for _ in 0..<Int.random(in: 1...8, using: &random) { city.edit(&random) }
      let overlaid = try city.overlaid(step % 2 == 0 ? nil : previous)
      previous = overlaid
      try expectEqual(overlaid, city.store)
      let (found, expected) = (EditedOverlay.answers(overlaid), EditedOverlay.answers(try city.packedAnew()))
      for (i, question) in EditedOverlay.questions.enumerated() {
        #expect(found[i] == expected[i], "seed \(seed), step \(step): \(question)")
      }
    }
  }

  /// `CIMQ_SEQUENCES` asks for more, as `scripts/torture edits` does.
  static var sequences: Int { getenv("CIMQ_SEQUENCES").flatMap { Int(String(cString: $0)) } ?? 12 }

  @Test func fewEditsAreLaidOverAndManyArePacked() throws {
    let city = try EditedOverlay()
    let base = try city.overlaid()
    try city.plain.use {
      try $0.execute("UPDATE shelter SET name = 'x' WHERE fid = 3; DELETE FROM shelter WHERE fid = 4")
    }
    let overlaid = try city.overlaid()
    #expect(overlaid.overlayRowCount > 0 && overlaid.manifest == base.manifest)
    #expect(overlaid.catalog.layers.first { $0.name == "shelter" }?.rowCount == 59)
    try city.spatial.use { connection in
      try connection.execute(
        """
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11000)
        INSERT INTO shelter (id) SELECT 'many-' || i FROM n
        """)
    }
    let packed = try city.overlaid()
    #expect(packed.overlayRowCount == 0 && packed.manifest != base.manifest)
    try expectEqual(packed, city.store)
  }

  @Test func rowsComeIntoAnEmptyLayerAndGoAgain() throws {
    let city = try EditedOverlay()
    try city.spatial.use { try $0.execute("DELETE FROM shelter; DELETE FROM room") }
    try expectEqual(try city.overlaid(), city.store)
    try Snapshot.current(for: city.store, in: [city.folder], notice: { _ in }, progress: { _ in }).packed.expectRows(60)
    let empty = try city.packedAnew()
    try empty.expectRows(0)
    try city.spatial.use { connection in
      try connection.execute(
        """
        INSERT INTO shelter (id, status, geom) VALUES ('a', 'open', MakePoint(460000, 3840000, 4547)), ('b', NULL, NULL);
        INSERT INTO room (id, house) VALUES ('r', 3)
        """)
    }
    let filled = try #require(
      try city.store.read { try Snapshot.overlaying(empty, $0, limit: 10) })
    #expect(filled.overlayRowCount == 3)
    try expectEqual(filled, city.store)
    #expect(EditedOverlay.answers(filled) == EditedOverlay.answers(try city.packedAnew()))
  }

  @Test func otherProgramsAndRestoredBackupsAreSeen() throws {
    let city = try EditedOverlay()
    // A layer made anew without triggers, columns renamed, as ogr2ogr -overwrite leaves it.
    try city.plain.use { connection in
      try connection.execute(
        """
        DELETE FROM geometry_columns WHERE f_table_name = 'shelter'; DROP TABLE shelter;
        CREATE TABLE shelter (ogc_fid INTEGER PRIMARY KEY, id TEXT, title TEXT);
        INSERT INTO shelter (id, title) VALUES ('a', 'A'), ('b', 'B')
        """)
    }
    let made = try city.overlaid()
    #expect(try made.segment(named: "shelter")?.rowCount == 2)
    try city.plain.use { try $0.execute("UPDATE shelter SET title = 'C' WHERE id = 'b'") }
    let edited = try city.overlaid(made)
    #expect(edited.overlayRowCount == 1)
    try expectEqual(edited, city.store)
    // A backup: revisions are counted again from where it was made, tokens are others.
    let backup = city.fixture.folder.file("backup.sqlite")
    try city.plain.use { try $0.execute("VACUUM INTO '\(backup)'") }
    try city.plain.use { try $0.execute("UPDATE room SET floor = 77") }
    let before = try city.overlaid()
    #expect(EditedOverlay.answers(before).isEmpty == false)
    try city.plain.use { connection in
      let revision = try connection.int("SELECT max(revision) FROM cimq_change")!
      try connection.execute(
        """
        ATTACH '\(backup)' AS old; BEGIN; DELETE FROM room; INSERT INTO room SELECT * FROM old.room;
        DELETE FROM cimq_change; INSERT INTO cimq_change SELECT * FROM old.cimq_change;
        INSERT INTO cimq_change (revision, layer, op, rowid) VALUES (\(revision), 'shelter', 'U', 1); COMMIT; DETACH old
        """)
    }
    let restored = try city.overlaid(before)
    try expectEqual(restored, city.store)
  }
}

extension Snapshot {
  fileprivate func expectRows(_ count: Int) throws {
    #expect(try segment(named: "shelter")?.rowCount == count)
  }
}
