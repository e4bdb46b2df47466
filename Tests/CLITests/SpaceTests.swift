import Foundation
import Testing

/// IN 3D, VISIBLE FROM and BRIEF from the command line.
@Suite("Three dimensions and briefs") struct SpaceTests {
  /// Prisms in a row to the east: distances in 3D follow from their coordinates.
  private static func towers(_ scratch: Scratch) throws -> String {
    var csv = "id,ground_z,height,wkt\n"
    func tower(_ id: String, _ x: Int, _ ground: String, _ height: String) {
      let (x0, x1, y0, y1) = (460_000 + x, 460_010 + x, 3_840_000, 3_840_010)
      csv += "\(id),\(ground),\(height),\"POLYGON((\(x0) \(y0),\(x1) \(y0),\(x1) \(y1),\(x0) \(y1),\(x0) \(y0)))\"\n"
    }
    tower("A", 0, "100", "30")
    tower("B", 50, "100", "20")
    tower("C", 100, "100", "60")
    tower("D", 150, "", "")  // nobody knows how high
    let db = scratch.path("towers.sqlite")
    let file = try scratch.write(csv, to: "tower.csv")
    let result = try Program.run("import", db, file, "--crs", "EPSG:4547")
    #expect(result.status == 0, "\(result.error)")
    return db
  }

  private static func rows(_ db: String, _ query: String) throws -> [String] {
    let result = try Program.run("query", db, query, "--format", "csv")
    #expect(result.status == 0, "\(query): \(result.error)")
    return result.out.split(separator: "\n").dropFirst().map(String.init)
  }

  @Test func distancesBetweenPrismsAndPlaces() throws {
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let db = try Self.towers(scratch)
    let above = "POINT Z (460005 3840005 135) IN EPSG:4547"
    #expect(try Self.rows(db, "FIND tower WITHIN 5 m OF \(above) IN 3D RETURN id, distance") == ["A,5.0"])
    #expect(try Self.rows(db, "FIND tower WITHIN 4.9 m OF \(above) IN 3D RETURN id") == [])
    // 45 m to the east and 15 m down.
    let far = try Self.rows(db, "FIND tower WITHIN 100 m OF \(above) IN 3D RETURN id, distance ORDER BY distance")
    #expect(far.count == 3 && far[1].hasPrefix("B,47.43416"), "\(far)")
    // A corridor that passes over A and B and through C; what has no height is unknown, both ways.
    let line = "LINESTRING Z (459900 3840005 135, 460300 3840005 135) IN EPSG:4547"
    #expect(try Self.rows(db, "FIND tower INTERSECTS \(line) IN 3D RETURN id") == ["C"])
    #expect(
      try Self.rows(db, "FIND tower WITHIN 15 m OF \(line) IN 3D RETURN id, distance ORDER BY id")
        == ["A,5.0", "B,15.0", "C,0.0"])
    #expect(try Self.rows(db, "FIND tower BEYOND 6 m OF \(line) IN 3D RETURN id") == ["B"])
    #expect(try Self.rows(db, "FIND tower NOT INTERSECTS \(line) IN 3D RETURN id ORDER BY id") == ["A", "B"])
    // From tower to tower.
    #expect(
      try Self.rows(db, "FIND tower WITHIN 40 m OF tower 'A' IN 3D RETURN id, distance ORDER BY id")
        == ["A,0.0", "B,40.0"])
  }

  @Test func whatStandsInFrontHides() throws {
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let db = try Self.towers(scratch)
    let eye = "POINT Z (459990 3840005 128) IN EPSG:4547"
    #expect(
      try Self.rows(db, "FIND tower VISIBLE FROM \(eye) WITHIN 1 km RETURN id, distance ORDER BY id").map {
        String($0.prefix(1))
      } == ["A", "C"])
    let high = "POINT Z (459990 3840005 300) IN EPSG:4547"
    #expect(try Self.rows(db, "FIND tower VISIBLE FROM \(high) WITHIN 1 km RETURN id ORDER BY id") == ["A", "B", "C"])
    #expect(try Self.rows(db, "FIND tower VISIBLE FROM \(high) WITHIN 60 m RETURN id") == [])
  }

  @Test func errorsSayWhatIsMissing() throws {
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let db = try Self.towers(scratch)
    let cases: [(query: String, words: [String])] = [
      ("FIND tower WITHIN 5 m OF AT(113.56, 34.68) IN 3D", ["no heights", "POINT Z"]),
      ("FIND tower INTERSECTS tower 'D' IN 3D", ["'D' has no heights"]),
      ("FIND tower TOUCHES tower 'A' IN 3D", ["not supported", "INTERSECTS"]),
      ("FIND tower VISIBLE FROM POINT Z (113.56 34.68 100)", ["expected WITHIN"]),
    ]
    for test in cases {
      let result = try Program.run("query", db, test.query)
      #expect(result.status == 1 && result.out.isEmpty, "\(test.query): \(result.status)")
      for word in test.words { #expect(result.error.contains(word), "\(test.query): \(result.error)") }
    }
  }

  /// The index of a layer is kept beside its segments, and a damaged one is made again.
  @Test func aDamagedIndexIsMadeAgain() throws {
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let db = try Self.towers(scratch)
    let query = "FIND tower WITHIN 5 m OF POINT Z (460005 3840005 135) IN EPSG:4547 IN 3D RETURN id"
    #expect(try Self.rows(db, query) == ["A"])
    let folder = URL(fileURLWithPath: db + ".cimx")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    let index = try #require(files.first { $0.pathExtension == "space" })
    var bytes = try Data(contentsOf: index)
    bytes[bytes.count - 9] ^= 0x40
    try bytes.write(to: index)
    #expect(try Self.rows(db, query) == ["A"])
    try Data().write(to: index)
    #expect(try Self.rows(db, query) == ["A"])
  }

  @Test func aBriefIsOnePage() throws {
    let db = try BundledCity.database.get()
    let hazard = try Program.run("query", db, "FIND hazard LIMIT 1 RETURN id", "--format", "csv")
    let id = hazard.out.split(separator: "\n")[1]
    let result = try Program.run("query", db, "BRIEF hazard '\(id)' RADIUS 1 km", "--format", "csv")
    #expect(result.status == 0, "\(result.error)")
    let lines = result.out.split(separator: "\n").map(String.init)
    #expect(lines[0] == "section,title,layer,id,name,phone,value,detail,distance,bearing")
    // Its figures are those of the statements that it stands for.
    for (section, layer) in [("people", "person"), ("buildings", "building"), ("units", "unit")] {
      let count = try Program.run("query", db, "COUNT \(layer) WITHIN 1 km OF hazard '\(id)'", "--format", "csv")
        .out.split(separator: "\n")[1]
      #expect(lines.contains { $0.hasPrefix("\(section),") && $0.contains(",\(count),") }, "\(section) \(count)")
    }
    let nearest = try Self.rows(
      db,
      "FIND shelter NEAREST 5 TO hazard '\(id)' WHERE status = 'open' AND capacity - occupied > 0 RETURN id")
    let named = lines.filter { $0.hasPrefix("shelters,") }.map { $0.split(separator: ",")[3] }
    #expect(named.map(String.init) == nearest)
    let map = try Program.run("query", db, "BRIEF AT(113.65, 34.76)", "--format", "geojson")
    #expect(map.status == 0 && map.out.contains("\"section\":\"place\""), "\(map.error)")
  }
}
