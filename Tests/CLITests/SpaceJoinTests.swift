import Foundation
import TestSupport
import Testing

/// IN 3D between the rows of a join, against the distances of the boxes that the rows are.
@Suite("Joins in three dimensions") struct SpaceJoinTests {
  private struct Block {
    var id: String
    var low: [Double]
    var high: [Double]

    func distance(to other: Block) -> Double {
      (0..<3).reduce(0) { sum, axis in
        let gap = max(0, max(low[axis] - other.high[axis], other.low[axis] - high[axis]))
        return sum + gap * gap
      }.squareRoot()
    }
  }

  private struct Town {
    var scratch: Scratch
    var db: String
    var blocks: [Block]
    var towers: [Block]
    /// Points: boxes without extent.
    var posts: [Block]
  }

  private static let town = Result { () throws -> Town in
    var random = SplitMix64(seed: 31)
    func blocks(_ letter: String, _ count: Int) -> [Block] {
      (0..<count).map { i in
        let low = [
          Double(Int.random(in: 0...240, using: &random)), Double(Int.random(in: 0...240, using: &random)),
          Double(Int.random(in: 90...120, using: &random)),
        ]
        let size = [2.0, 3, 5].map { $0 * Double(Int.random(in: 1...6, using: &random)) }
        return Block(id: "\(letter)\(100 + i)", low: low, high: zip(low, size).map { $0 + $1 })
      }
    }
    func csv(_ blocks: [Block]) -> String {
      blocks.reduce("id,ground_z,height,wkt\n") { text, b in
        let (x0, y0, x1, y1) = (460_000 + b.low[0], 3_840_000 + b.low[1], 460_000 + b.high[0], 3_840_000 + b.high[1])
        return text + "\(b.id),\(b.low[2]),\(b.high[2] - b.low[2]),"
          + "\"POLYGON((\(x0) \(y0),\(x1) \(y0),\(x1) \(y1),\(x0) \(y1),\(x0) \(y0)))\"\n"
      }
    }
    let (blocks, towers) = (blocks("B", 70), blocks("T", 40))
    let posts = (0..<60).map { i in
      let at = [
        Double.random(in: 0...250, using: &random).rounded(), Double.random(in: 0...250, using: &random).rounded(),
        Double.random(in: 90...130, using: &random).rounded(),
      ].map { $0 + 0.5 }
      return Block(id: "P\(100 + i)", low: at, high: at)
    }
    let scratch = try Scratch()
    let db = scratch.path("town.sqlite")
    let points = posts.reduce("id,wkt\n") { text, p in
      text + "\(p.id),POINT Z (\(460_000 + p.low[0]) \(3_840_000 + p.low[1]) \(p.low[2]))\n"
    }
    // Nobody knows how high Z1 is.
    let flat = "Z1,,,\"POLYGON((460000 3840000,460250 3840000,460250 3840250,460000 3840250,460000 3840000))\"\n"
    for (name, text) in [("block", csv(blocks) + flat), ("tower", csv(towers)), ("post", points)] {
      let file = try scratch.write(text, to: "\(name).csv")
      let result = try Program.run("import", db, file, "--crs", "EPSG:4547")
      try #require(result.status == 0, "\(result.error)")
    }
    return Town(scratch: scratch, db: db, blocks: blocks, towers: towers, posts: posts)
  }

  private static func rows(_ query: String) throws -> [String] {
    let result = try Program.run("query", try town.get().db, query, "--format", "csv")
    #expect(result.status == 0, "\(query): \(result.error)")
    return result.out.split(separator: "\n").dropFirst().map(String.init)
  }

  private static func pairs(_ a: [Block], _ b: [Block], _ holds: (Block, Block) -> Bool) -> [String] {
    a.flatMap { x in b.filter { holds(x, $0) }.map { "\(x.id),\($0.id)" } }.sorted()
  }

  @Test("pairs within a distance are those of a loop over all", arguments: [0.0, 5, 12.5])
  func within(metres: Double) throws {
    let town = try Self.town.get()
    let wanted = Self.pairs(town.blocks, town.towers) { $0.distance(to: $1) <= metres }
    #expect(metres == 0 || wanted.count > 10)
    for text in [
      "FIND block AS a JOIN tower AS b ON WITHIN \(metres) m IN 3D RETURN a.id AS a, b.id AS b",
      "FIND block AS a JOIN tower AS b ON WITHIN \(metres) m OF b IN 3D RETURN a.id AS a, b.id AS b",
      "FIND block AS a JOIN tower AS b ON a.id <> b.id WITHIN \(metres) m OF b IN 3D RETURN a.id AS a, b.id AS b",
      "FIND tower AS b JOIN block AS a ON WITHIN \(metres) m OF a IN 3D RETURN a.id AS a, b.id AS b",
      // No index: every pair is measured.
      "FIND block AS a JOIN tower AS b ON NOT BEYOND \(metres) m OF b IN 3D RETURN a.id AS a, b.id AS b",
    ] {
      #expect(try Self.rows(text).sorted() == wanted, "\(text)")
    }
  }

  @Test func aLayerWithItself() throws {
    let town = try Self.town.get()
    let wanted = Self.pairs(town.blocks, town.blocks) { $0.id < $1.id && $0.distance(to: $1) <= 4 }
    let query = "FIND block AS a JOIN block AS b ON a.id < b.id WITHIN 4 m OF b IN 3D RETURN a.id AS a, b.id AS b"
    #expect(try Self.rows(query).sorted() == wanted)
    #expect(!wanted.isEmpty)
    let touching = Self.pairs(town.blocks, town.blocks) { $0.id < $1.id && $0.distance(to: $1) == 0 }
    #expect(
      try Self.rows(
        "FIND block AS a JOIN block AS b ON INTERSECTS b IN 3D AND a.id < b.id RETURN a.id AS a, b.id AS b"
      ).sorted() == touching)
  }

  @Test func distancesAreThoseInSpace() throws {
    let town = try Self.town.get()
    for text in [
      "FIND block AS a JOIN tower AS b ON WITHIN 9 m IN 3D RETURN a.id AS a, b.id AS b, distance",
      "FIND block AS a JOIN tower AS b ON a.id <> b.id WITHIN 9 m OF b IN 3D RETURN a.id AS a, b.id AS b, distance",
    ] {
      let rows = try Self.rows(text)
      #expect(rows.count == Self.pairs(town.blocks, town.towers) { $0.distance(to: $1) <= 9 }.count, "\(text)")
      for row in rows {
        let parts = row.split(separator: ",")
        let a = try #require(town.blocks.first { $0.id == parts[0] })
        let b = try #require(town.towers.first { $0.id == parts[1] })
        #expect(abs(try #require(Double(parts[2])) - a.distance(to: b)) < 1e-6, "\(row)")
      }
    }
  }

  @Test func pointsInSolids() throws {
    let town = try Self.town.get()
    let wanted = Self.pairs(town.posts, town.blocks) { $0.distance(to: $1) == 0 }
    #expect(
      try Self.rows("FIND post AS p JOIN block AS a ON INSIDE a IN 3D RETURN p.id AS p, a.id AS a").sorted() == wanted)
    #expect(!wanted.isEmpty)
  }

  @Test func outerJoinsAndWhatIsUnknown() throws {
    let town = try Self.town.get()
    let counts = try Self.rows(
      "FIND block AS a LEFT JOIN tower AS b ON WITHIN 5 m IN 3D GROUP BY a.id RETURN a.id AS a, COUNT(b.id) AS n")
    let wanted = town.blocks.map { a in "\(a.id),\(town.towers.filter { a.distance(to: $0) <= 5 }.count)" } + ["Z1,0"]
    #expect(counts.sorted() == wanted.sorted())
    // Neither the condition nor its opposite finds what has no height.
    let far = try Self.rows(
      "FIND block AS a JOIN tower AS b ON BEYOND 200 m OF b IN 3D RETURN a.id AS a, b.id AS b")
    #expect(far.sorted() == Self.pairs(town.blocks, town.towers) { $0.distance(to: $1) > 200 })
    #expect(
      try Self.rows("FIND block AS a JOIN tower AS b ON WITHIN 5 m IN 3D WHERE a.id = 'Z1' RETURN a.id AS a").isEmpty)
    // Filters of both sides.
    let some = try Self.rows(
      "FIND block AS a JOIN tower AS b ON WITHIN 8 m IN 3D WHERE b.height > 15 AND a.ground_z > 100 "
        + "RETURN a.id AS a, b.id AS b")
    #expect(
      some.sorted()
        == Self.pairs(town.blocks, town.towers) {
          $0.distance(to: $1) <= 8 && $1.high[2] - $1.low[2] > 15 && $0.low[2] > 100
        })
  }

  /// Rows of a subquery that stays one have numbers of their own.
  @Test func rowsOfASubquery() throws {
    let town = try Self.town.get()
    let high = town.blocks.sorted { ($1.low[2], $0.id) < ($0.low[2], $1.id) }.prefix(12)
    let source = "(FIND block WHERE ground_z > 0 ORDER BY ground_z DESC, id LIMIT 12)"
    let wanted = Self.pairs(Array(high), town.towers) { $0.distance(to: $1) <= 30 }
    #expect(
      try Self.rows("FIND \(source) AS a JOIN tower AS b ON WITHIN 30 m IN 3D RETURN a.id AS a, b.id AS b").sorted()
        == wanted)
    #expect(
      try Self.rows("FIND \(source) AS a WITHIN 30 m OF tower IN 3D RETURN a.id AS a").sorted()
        == Set(wanted.map { String($0.prefix(4)) }).sorted())
  }

  @Test func explainNamesTheIndex() throws {
    for (text, index) in [
      ("FIND block AS a JOIN tower AS b ON WITHIN 5 m IN 3D", "rtree3d("),
      ("FIND block AS a JOIN tower AS b ON a.id <> b.id WITHIN 5 m OF b IN 3D", "rtree3d("),
      ("FIND block AS a JOIN tower AS b ON BEYOND 5 m OF b IN 3D", "index: NONE because"),
    ] {
      let result = try Program.run("query", try Self.town.get().db, "EXPLAIN \(text)")
      #expect(result.status == 0 && result.out.contains(index), "\(text)\n\(result.out)\(result.error)")
      let analyzed = try Program.run("query", try Self.town.get().db, "EXPLAIN ANALYZE \(text)")
      #expect(analyzed.status == 0 && analyzed.out.contains(index), "\(text)\n\(analyzed.out)\(analyzed.error)")
    }
  }

  @Test func whatIsRefused() throws {
    for (text, words) in [
      ("FIND block AS a JOIN tower AS b ON VISIBLE FROM b WITHIN 1 km", "VISIBLE FROM the rows of a join"),
      ("FIND block AS a JOIN tower AS b ON TOUCHES b IN 3D", "not supported"),
      ("FIND block AS a JOIN tower AS b ON WITHIN 5 m OF a IN 3D", "is the row that is asked about"),
      ("FIND block AS a JOIN tower AS b ON INSIDE b IN 3D", "not supported"),
    ] {
      let result = try Program.run("query", try Self.town.get().db, text)
      #expect(result.status == 1 && result.out.isEmpty && result.error.contains(words), "\(text): \(result.error)")
    }
  }
}
