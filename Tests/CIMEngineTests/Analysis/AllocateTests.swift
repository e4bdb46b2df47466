import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("ALLOCATE")
struct AllocateTests {
  /// 12 units along a line, households of one to four people, three shelters; the second lies in the flood.
  private func city(seed: UInt64 = 1, roads: [[Double]]? = nil) throws -> AnalysisCity {
    var random = SplitMix64(seed: seed)
    let units = (0..<12).map { (Double($0) * 100, Double.random(in: 0...40, using: &random)) }
    var people: [(Int?, String?)] = []
    for household in 0..<10 {
      let unit = Int.random(in: 1...12, using: &random)
      for _ in 0..<Int.random(in: 1...4, using: &random) { people.append((unit, "H-\(household)")) }
    }
    return try AnalysisCity(
      units: units, people: people,
      shelters: [
        (.point(0, 100), .int(12), .int(3), "open"), (.point(600, 0), .int(100), .int(0), "open"),
        (.rectangle(Box2(1000, 50, 1100, 90)), .int(8), .int(1), "open"), (.point(300, 0), .int(50), .int(0), "closed"),
      ], floods: [.rectangle(Box2(-10, -10, 1200, 41)), .rectangle(Box2(590, -10, 610, 10))], roads: roads)
  }

  private let example =
    "ALLOCATE (FIND person INSIDE flood 'F-1') TO (FIND shelter WHERE status = 'open' NOT INSIDE flood 'F-2') "
    + "CAPACITY capacity - occupied MAX 2 km KEEP household TOGETHER"

  @Test(
    "the example of the documentation keeps households together, within capacity and reach",
    arguments: 1...6 as ClosedRange<UInt64>
  )
  func households(seed: UInt64) throws {
    let city = try city(seed: seed)
    let answer = try city.run(example)
    #expect(answer.columns == ["household", "shelter", "people", "distance"])
    // Each household once, whole.
    var sizes: [Value: Int64] = [:]
    for row in try city.run("FIND person RETURN household").rows { sizes[row[0], default: 0] += 1 }
    #expect(Set(answer.rows.map { $0[0] }).count == answer.rows.count && answer.rows.count == sizes.count)
    var load: [Value: Int64] = [:]
    for row in answer.rows {
      #expect(row[2] == .int(sizes[row[0]]!))
      load[row[1], default: 0] += sizes[row[0]]!
      if row[1].isNull { #expect(row[3].isNull) } else { #expect(row[3].number! <= 2000) }
    }
    #expect(load[.text("S-1"), default: 0] <= 9 && load[.text("S-3"), default: 0] <= 7)
    #expect(load[.text("S-2")] == nil && load[.text("S-4")] == nil)
    #expect(try city.run(example, threads: 2).rows == answer.rows)
    #expect(answer.notices.contains { $0.contains("gap is at most") })
    #expect(answer.notices.contains { $0.contains("no place takes more than its capacity") })
    // Lines run from the unit to the nearest point of the shelter and are as long as the distance says.
    for (row, shape) in zip(answer.rows, answer.shapes) {
      guard let metres = row[3].number else {
        #expect(shape?.kind == .point)
        continue
      }
      #expect(abs(shape!.length - metres) < 1e-9)
    }
    let loads = try city.run(example + " GROUP BY shelter")
    #expect(loads.columns == ["shelter", "people", "capacity", "free", "person_metres"])
    for row in loads.rows { #expect(row[1] == .int(load[row[0], default: 0])) }
    #expect(loads.rows.contains { $0[0] == .text("S-3") })
  }

  @Test("people without KEEP are units of their own, and the result is the optimum")
  func people() throws {
    let city = try city(seed: 3)
    let answer = try city.run("ALLOCATE person TO (FIND shelter WHERE status = 'open') CAPACITY capacity - occupied")
    #expect(answer.columns[0] == "id" && answer.rows.allSatisfy { $0[2] == .int(1) })
    #expect(Set(answer.rows.map { $0[0] }).count == answer.rows.count)
    let distances = try city.run(
      "FIND person AS p JOIN shelter AS s ON s.status = 'open' "
        + "RETURN p.id, s.id AS s, DISTANCE(p.geom, s.geom) AS d ORDER BY p.id, s.id")
    var cost: [Value: [Int64?]] = [:]
    for row in distances.rows { cost[row[0], default: []].append(Micrometres.of(row[2].number!)) }
    let wanted = FlowOracle.solve(
      Array(repeating: 1, count: cost.count), [9, 100, 7], cost.sorted { "\($0.key)" < "\($1.key)" }.map(\.value))
    let sum = answer.rows.reduce(0) { $0 + ($1[3].number ?? 0) }
    #expect(abs(sum - Double(wanted.cost) * 1e-6) < 1e-3)
    #expect(answer.notices.contains { $0.contains("this is the optimum") })
    let loads = try city.run(
      "ALLOCATE person TO (FIND shelter WHERE status = 'open') CAPACITY capacity - occupied GROUP BY shelter")
    #expect(loads.rows.map { $0[0] } == [.text("S-1"), .text("S-2"), .text("S-3")], "nobody stays, and no row says so")
  }

  @Test("grids are split, measured from their centroids; demand and room are read as they are")
  func grids() throws {
    let city = try AnalysisCity(
      shelters: [
        (.point(50, 50), .int(30), .int(0), "open"), (.point(150, 50), .int(25), .int(0), "open"),
        (.point(50, 51), .null, .int(0), "open"), (.point(50, 52), .int(-4), .int(0), "open"),
        (.point(50, 53), .int(0), .int(0), "open"), (nil, .int(40), .int(0), "open"),
      ],
      grids: [
        (.rectangle(Box2(0, 0, 100, 100)), .double(40)), (.rectangle(Box2(100, 0, 200, 100)), .double(20)),
        (nil, .double(3)), (.rectangle(Box2(0, 0, 1, 1)), .null), (.rectangle(Box2(0, 0, 1, 1)), .double(0)),
      ])
    let answer = try city.run("ALLOCATE grid3 TO shelter CAPACITY capacity + 0.9 DEMAND people")
    do {
      let wanted: [[Value]] = [
        [.text("G-1"), .text("S-1"), .int(30), .double(0)], [.text("G-1"), .text("S-2"), .int(5), .double(100)],
        [.text("G-1"), .null, .int(5), .null], [.text("G-2"), .text("S-2"), .int(20), .double(0)],
        [.text("G-3"), .null, .int(3), .null],
      ]
      #expect(answer.rows == wanted)
    }
    for wanted in [
      "1 place of unknown capacity", "1 place with less than no room", "1 place without a geometry",
      "1 rows of unknown demand", "55 of 63 people", "centroids", "8 people unserved, 3 of them",
    ] {
      #expect(answer.notices.contains { $0.contains(wanted) }, "\(wanted): \(answer.notices)")
    }
    let loads = try city.run("ALLOCATE grid3 TO shelter CAPACITY capacity + 0.9 DEMAND people GROUP BY shelter")
    let wantedLoads: [[Value]] = [
      [.text("S-1"), .int(30), .int(30), .int(0)], [.text("S-2"), .int(25), .int(25), .int(0)],
      [.text("S-3"), .int(0), .null, .null], [.text("S-4"), .int(0), .int(0), .int(0)],
      [.text("S-5"), .int(0), .int(0), .int(0)], [.text("S-6"), .int(0), .int(40), .int(40)],
      [.null, .int(8), .null, .null],
    ]
    #expect(loads.rows.map { Array($0.prefix(4)) } == wantedLoads)
    #expect(try city.run("ALLOCATE grid3 TO shelter CAPACITY capacity + 0.9 DEMAND people MAX 99 m").rows.count == 4)
  }

  @Test("groups that are rows of a layer: people by unit")
  func grouped() throws {
    let city = try city(seed: 4)
    let answer = try city.run(
      "ALLOCATE (FIND person GROUP BY unit RETURN unit, COUNT(*) AS n) TO shelter CAPACITY capacity DEMAND n")
    let wanted = try city.run("FIND person GROUP BY unit RETURN unit, COUNT(*) AS n")
    var sums: [Value: Int64] = [:]
    for row in answer.rows { if case .int(let n) = row[2] { sums[row[0], default: 0] += n } }
    #expect(sums == Dictionary(uniqueKeysWithValues: wanted.rows.map { ($0[0], Int64($0[1].number!)) }))
    #expect(answer.rows.allSatisfy { !$0[3].isNull })
    // People of no unit are a group of their own, which stays.
    let lost = try AnalysisCity(
      units: [(0, 0)], people: [(1, nil), (nil, nil)], shelters: [(.point(0, 3), .int(4), .int(0), "open")])
    let rows = try lost.run(
      "ALLOCATE (FIND person GROUP BY unit RETURN unit, COUNT(*) AS n) TO shelter CAPACITY capacity DEMAND n"
    ).rows
    let wantedRows: Set<[Value]> = [
      [.text("U-1"), .text("S-1"), .int(1), .double(3)], [.null, .null, .int(1), .null],
    ]
    #expect(Set(rows) == wantedRows)
  }

  @Test("nobody, nowhere, and nothing in reach")
  func nothing() throws {
    let city = try city()
    let closed = try city.run("ALLOCATE person TO (FIND shelter WHERE status = 'gone') CAPACITY capacity")
    #expect(closed.rows.allSatisfy { $0[1].isNull } && !closed.rows.isEmpty)
    #expect(try city.run("ALLOCATE (FIND person WHERE id = 'x') TO shelter CAPACITY capacity").rows.isEmpty)
    let near = try city.run("ALLOCATE person TO shelter CAPACITY capacity MAX 1 m KEEP household TOGETHER")
    #expect(near.rows.allSatisfy { $0[1].isNull || $0[3].number! <= 1 })
    #expect(try city.run("ALLOCATE person TO shelter CAPACITY capacity MAX 0 m - 1 m").rows.allSatisfy { $0[1].isNull })
  }

  @Test("people without a place or a household are not lost")
  func odd() throws {
    let city = try AnalysisCity(
      units: [(0, 0), (100, 0)],
      people: [(1, "A"), (2, "A"), (nil, "A"), (nil, "B"), (1, nil), (1, nil)],
      shelters: [(.point(0, 0), .int(4), .int(0), "open")])
    let answer = try city.run("ALLOCATE person TO shelter CAPACITY capacity KEEP household TOGETHER")
    // Four places: the household of three, and one of the two who stand alone.
    let served: [[Value]] = answer.rows.filter { !$0[1].isNull }
    let household: [Value] = [.text("A"), .text("S-1"), .int(3), .double(50)]
    #expect(served.contains(household) && served.count == 2)
    let stays: [Value] = [.text("B"), .null, .int(1), .null]
    #expect(answer.rows.contains(stays) && answer.rows.count == 4)
    #expect(served.contains { $0[0] == .text("P-5") || $0[0] == .text("P-6") })
    #expect(answer.notices.contains { $0.contains("2 rows without a group stand alone") })
  }

  @Test("by road: distances are walks, closed streets lead round, islands stay")
  func byRoad() throws {
    let city = try AnalysisCity(
      units: [(100, 10), (900, 10), (5000, 5000)], people: [(1, "A"), (2, "B"), (3, "C")],
      shelters: [(.point(400, 0), .int(1), .int(0), "open"), (.point(1000, 500), .int(9), .int(0), "open")],
      floods: [.rectangle(Box2(200, -5, 300, 5))],
      roads: [[0, 0, 1000, 0], [1000, 0, 1000, 1000], [1000, 1000, 0, 1000], [0, 1000, 0, 0]])
    let text = "ALLOCATE person TO shelter CAPACITY capacity KEEP household TOGETHER BY ROAD"
    let open = try city.run(text)
    do {
      let wanted: [[Value]] = [
        [.text("A"), .text("S-1"), .int(1), .double(310)], [.text("B"), .text("S-2"), .int(1), .double(610)],
        [.text("C"), .null, .int(1), .null],
      ]
      #expect(open.rows == wanted)
    }
    #expect(open.notices.contains { $0.contains("by road") && $0.contains("at most 10 m from a street") })
    #expect(open.notices.contains { $0.contains("no open street within 1000 m of 1 points") })
    let closed = try city.run(text + " AVOIDING flood 'F-1'", threads: 2)
    #expect(closed.rows[0] == [.text("A"), .text("S-2"), .int(1), .double(10 + 100 + 1000 + 1000 + 500)])
    #expect(closed.rows[1] == [.text("B"), .text("S-1"), .int(1), .double(510)])
    let lines = try city.run("EXPLAIN " + text).rows.map { "\($0[0])" }
    #expect(lines.contains { $0.contains("by road") } && lines.contains { $0.contains("keep each household together") })
    #expect(try city.run("EXPLAIN ANALYZE " + text).rows.contains { "\($0[0])".contains("pairs held") })
  }

  @Test(
    "what is wrong is said",
    arguments: [
      ("ALLOCATE person TO shelter CAPACITY status", "CAPACITY is a number of people"),
      ("ALLOCATE person TO shelter CAPACITY capacity MAX 2000", "needs a unit"),
      ("ALLOCATE person TO shelter CAPACITY capacity DEMAND 1.5", "is whole and not negative"),
      ("ALLOCATE person TO shelter CAPACITY capacity DEMAND -1", "is whole and not negative"),
      ("ALLOCATE person TO shelter CAPACITY capacity DEMAND 1e15 * 9", "more than can be counted"),
      ("ALLOCATE person TO shelter CAPACITY 1e17", "more than can be counted"),
      ("ALLOCATE person TO shelter CAPACITY capacity KEEP family TOGETHER", "no column `family`"),
      ("ALLOCATE person TO shelter CAPACITY capacity GROUP BY unit", "grouped by the places only"),
      ("ALLOCATE (FIND person GROUP BY household) TO shelter CAPACITY capacity", "no rows of a layer"),
    ])
  func errors(text: String, wanted: String) throws {
    let city = try city()
    let error = #expect(throws: QueryError.self) { try city.run(text) }
    #expect(error?.message.contains(wanted) == true, "\(error?.message ?? "")")
  }

  @Test("a cancelled token stops the statement, and a limit on memory holds")
  func limits() throws {
    let city = try city()
    let token = CancellationToken()
    token.cancel()
    #expect(throws: QueryError(.interrupted)) { try city.run(example, token: token) }
    let error = #expect(throws: QueryError.self) { try city.run(example, token: CancellationToken(maximumBytes: 500)) }
    #expect(error?.failureClass == .limit)
  }
}
