import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Check of a database")
struct StoreCheckTests {
  @Test("a sound database has nothing to say")
  func sound() throws {
    let fixture = try StoreFixture(shelters: 300)
    let findings = try Store.open(fixture.path).check()
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test(
    "what other programs broke is found and named",
    arguments: [
      ("UPDATE shelter SET capacity = 'many' WHERE fid = 3", "shelter", "capacity", StoreFinding.Severity.error),
      ("UPDATE shelter SET status = 'half' WHERE fid < 3", "shelter.status", "'half'", .warning),
      ("DELETE FROM idx_shelter_geom WHERE pkid = 3", "shelter", "lacks 1 rows", .error),
      ("INSERT INTO idx_shelter_geom VALUES (9999, 1, 2, 1, 2)", "shelter", "1 that are gone", .error),
      ("DELETE FROM idx_shelter_geom_rowid WHERE rowid = 3", "shelter", "index is damaged", .error),
      ("DROP TRIGGER cimq_shelter_update", "database", "shelter", .warning),
      ("INSERT INTO cimq_link VALUES ('shelter', 'name', 'shelter', 'id')", "shelter.name", "20 values", .warning),
      ("UPDATE cimq_layer SET row_count = 5", "shelter", "catalogue says 5", .warning),
    ])
  func broken(sql: String, subject: String, words: String, severity: StoreFinding.Severity) throws {
    let fixture = try StoreFixture(shelters: 20)
    try fixture.plain().use { connection in
      try connection.execute("PRAGMA writable_schema = 0")
      try connection.execute(sql)
    }
    let findings = try Store.open(fixture.path).check()
    #expect(
      findings.contains { $0.subject == subject && $0.message.contains(words) && $0.severity == severity },
      "\(findings)")
  }

  @Test("blobs that are no geometry, of another type or CRS")
  func geometries() throws {
    let fixture = try StoreFixture(shelters: 20)
    try fixture.plain(spatialite: true).use { connection in
      for name in ["ggu_shelter_geom", "giu_shelter_geom"] { try connection.execute("DROP TRIGGER \(name)") }
      try connection.execute(
        """
        UPDATE shelter SET geom = x'0001020304' WHERE fid = 1;
        UPDATE shelter SET geom = GeomFromText('LINESTRING(0 0, 1 1)', 4547) WHERE fid = 2;
        UPDATE shelter SET geom = MakePoint(1, 2, 4326) WHERE fid IN (3, 4)
        """)
    }
    let messages = try Store.open(fixture.path).check().map(\.message)
    #expect(messages.contains { $0.contains("cannot be read") && $0.contains("row 1") })
    #expect(messages.contains { $0.contains("LINESTRING") && $0.contains("row 2") })
    #expect(messages.contains { $0.contains("2 geometries state another CRS") })
  }
}
