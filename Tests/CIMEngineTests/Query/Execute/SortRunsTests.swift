import TestSupport
import Testing

@testable import CIMEngine

@Suite("Sorting beyond memory") struct SortRunsTests {
  /// Rows whose keys follow from their number: made anew from what comes back from the file.
  private struct Input {
    var numbers: [UInt64]
    var texts: [String]
    var nulls: [Bool]

    init(_ count: Int, kind: Int, seed: UInt64) {
      var random = SplitMix64(seed: seed)
      numbers = (0..<count).map { i in
        switch kind {
        case 0: UInt64(i)
        case 1: UInt64(count - i)
        case 2: UInt64.random(in: 0..<8, using: &random)
        default: random.next()
        }
      }
      texts = (0..<count).map { _ in "text \(Int.random(in: 0..<max(1, count / 3), using: &random))" }
      nulls = (0..<count).map { _ in Int.random(in: 0..<10, using: &random) == 0 }
    }

    /// A number that may be NULL, a text, the row itself.
    func keys(_ tuples: Tuples) -> [SortBuffer.Key] {
      let rows = tuples.rows[0].map { Int($0) }
      return [
        .numbers(rows.map { nulls[$0] ? 0 : numbers[$0] }, nulls: rows.map { nulls[$0] }),
        .texts(rows.map { texts[$0] }, nulls: nil), .numbers(rows.map { UInt64($0) }, nulls: nil),
      ]
    }
  }

  @Test("gives what sorting in memory gives", arguments: [0, 1, 63, 64, 65, 5_000, 40_000], 0...3)
  func matchesMemory(count: Int, kind: Int) throws {
    let input = Input(count, kind: kind, seed: UInt64(count + kind))
    let directions: [SortBuffer.Direction] = [
      .init(descending: kind == 2, nullsFirst: kind == 3), .init(descending: true), .init(),
    ]
    let all = Tuples(rows: (0..<UInt32(count)).map { $0 }, distanceCount: 1)
    let expected = try SortBuffer.sorted(input.keys(all), directions, count: count, token: CancellationToken()).map {
      UInt32($0)
    }
    let token = CancellationToken(maximumBytes: 1 << 30)
    // Some forty bytes a row: forty thousand rows are about thirty runs.
    var runs = SortRuns(keyCount: 3, directions: directions, wanted: nil, token: token, budget: 50_000)
    var start = 0
    while start < count {
      let end = min(start + 700, count)
      var part = ResultBuffer(keyCount: 3, directions: directions, wanted: nil, token: token)
      var tuples = Tuples(rows: (UInt32(start)..<UInt32(end)).map { $0 }, distanceCount: 1)
      tuples.distances[0] = (start..<end).map { Double($0) + 0.5 }
      try part.append(tuples, input.keys(tuples))
      try runs.append(part)
      start = end
    }
    #expect(runs.hasSpilled == (count > 2_000) && runs.rowCount == count)
    var found: [UInt32] = []
    var distances: [Double] = []
    try runs.forEachSorted({ (tuples) throws(QueryError) in input.keys(tuples) }) { tuples in
      found += tuples.rows[0]
      distances += tuples.distances[0]
      return true
    }
    #expect(found == expected)
    #expect(distances == expected.map { Double($0) + 0.5 })
  }

  @Test func itEndsWhenNothingMoreIsWantedAndWhenItIsStopped() throws {
    let input = Input(20_000, kind: 3, seed: 9)
    let directions = [SortBuffer.Direction](repeating: .init(), count: 3)
    let token = CancellationToken()
    func filled() throws -> SortRuns {
      var runs = SortRuns(keyCount: 3, directions: directions, wanted: nil, token: token, budget: 100_000)
      for start in stride(from: 0, to: 20_000, by: 500) {
        var part = ResultBuffer(keyCount: 3, directions: directions, wanted: nil, token: token)
        let tuples = Tuples(rows: (UInt32(start)..<UInt32(start + 500)).map { $0 })
        try part.append(tuples, input.keys(tuples))
        try runs.append(part)
      }
      return runs
    }
    var runs = try filled()
    var batches = 0
    try runs.forEachSorted({ (tuples) throws(QueryError) in input.keys(tuples) }) { _ in
      batches += 1
      return batches < 3
    }
    #expect(batches == 3)
    runs = try filled()
    token.cancel()
    #expect(throws: QueryError.self) {
      try runs.forEachSorted({ (tuples) throws(QueryError) in input.keys(tuples) }) { _ in true }
    }
  }
}
