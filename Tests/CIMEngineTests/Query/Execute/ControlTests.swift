import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Threads, limits and interruption")
struct ControlTests {
  @Test("results come in order from any number of threads", arguments: [1, 2, 3, 8])
  func order(threads: Int) throws {
    for count in [0, 1, 2, 5, 100] {
      var seen: [Int] = []
      try MorselRun.run(
        count: count, threads: threads, token: CancellationToken(),
        makeWorker: { () throws(QueryError) in 0 },
        work: { (made: inout Int, piece: Int) throws(QueryError) -> Int in
          made += 1
          return piece * piece
        },
        handOn: { piece, result in
          #expect(result == piece * piece)
          seen.append(piece)
        })
      #expect(seen == Array(0..<count))
    }
  }

  @Test("the first error of a worker ends the run", arguments: [1, 2, 4])
  func workerFails(threads: Int) {
    let error = #expect(throws: QueryError.self) {
      try MorselRun.run(
        count: 50, threads: threads, token: CancellationToken(),
        makeWorker: { () throws(QueryError) in 0 },
        work: { (_: inout Int, piece: Int) throws(QueryError) -> Int in
          if piece == 17 { throw QueryError(.failed("seventeen")) }
          return piece
        }, handOn: { piece, _ in #expect(piece < 17) })
    }
    #expect(error?.reason == .failed("seventeen"))
  }

  struct Full: Error {}

  @Test("an error of the sink comes back as it is", arguments: [1, 2])
  func sinkFails(threads: Int) {
    #expect(throws: Full.self) {
      try MorselRun.run(
        count: 50, threads: threads, token: CancellationToken(),
        makeWorker: { () throws(QueryError) in 0 },
        work: { (_: inout Int, piece: Int) throws(QueryError) -> Int in piece },
        handOn: { piece, _ in if piece == 3 { throw Full() } })
    }
  }

  private func crossJoin(_ city: NaiveCity) -> BoundFind {
    var find = BoundFind(city.source(NaiveCity.person, alias: "a"))
    for s in 1...3 {
      find.sources.append(city.source(NaiveCity.person, alias: "p\(s)"))
      find.joins.append(BoundJoin(isLeft: false, source: s, condition: .on(e(.constant(.bool(true)), .bool))))
    }
    find.items = [
      BoundItem(expression: e(.column(source: 0, column: 0), .text), column: .init(name: "id", type: .text))
    ]
    return find
  }

  @Test("a cancelled statement stops", arguments: [1, 2])
  func cancelled(threads: Int) {
    let city = NaiveCity(seed: 4)
    let token = CancellationToken()
    token.cancel()
    let executor = Executor(catalog: city.catalog, tables: city, token: token, threads: threads)
    var sink: any RowSink = CollectingSink()
    let error = #expect(throws: QueryError.self) {
      try executor.run(self.crossJoin(city), isOrdered: false, into: &sink)
    }
    #expect(error?.reason == .interrupted)
    #expect(error?.failureClass == .interrupted)
  }

  @Test("a deadline stops a statement of billions of rows", arguments: [1, 2])
  func deadline(threads: Int) {
    let city = NaiveCity(seed: 4)
    let executor = Executor(
      catalog: city.catalog, tables: city, token: CancellationToken(timeoutSeconds: 0.05), threads: threads)
    var find = crossJoin(city)
    find.items = []
    find.grouping = BoundGrouping(
      keys: [],
      aggregates: [BoundAggregate(function: .count, distinct: false, argument: nil, fraction: nil, type: .int)])
    var sink: any RowSink = CollectingSink()
    let error = #expect(throws: QueryError.self) { try executor.run(find, isOrdered: false, into: &sink) }
    #expect(error?.reason == .timedOut(seconds: 0.05))
    #expect(error?.failureClass == .limit)
  }

  @Test("a limit on memory stops a statement that would make too many groups")
  func memory() {
    let city = NaiveCity(seed: 4)
    let executor = Executor(
      catalog: city.catalog, tables: city, token: CancellationToken(maximumBytes: 4 << 20), threads: 2)
    var find = crossJoin(city)
    find.items = []
    find.grouping = BoundGrouping(
      keys: (0...3).map { e(.column(source: $0, column: 0), .text) },
      aggregates: [BoundAggregate(function: .count, distinct: false, argument: nil, fraction: nil, type: .int)])
    var sink: any RowSink = CollectingSink()
    let error = #expect(throws: QueryError.self) {
      try executor.run(find, isOrdered: true, into: &sink)
    }
    #expect(error?.failureClass == .limit)
  }
}
