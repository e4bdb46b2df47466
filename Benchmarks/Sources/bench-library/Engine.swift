import CIMEngine
import Glibc
import SpatialIndex

// What a statement costs beside the call of the library that does its work: the same rows of the same snapshot, in the same
// process, in turn.

/// The first number of each row, added up, and the number of rows.
private struct NumberSink: RowSink {
  var wantsShapes: Bool { false }
  var sum = 0.0
  var rows = 0

  mutating func begin(_ header: ResultHeader) {}
  mutating func write(_ batch: RowBatch) {
    rows += batch.rowCount
    guard let column = batch.columns.last else { return }
    for row in 0..<batch.rowCount {
      switch column[row] {
      case .int(let value): sum += Double(value)
      case .double(let value): sum += value
      default: break
      }
    }
  }
  mutating func end(notices: [String]) {}
}

/// Keeps the sink's numbers, as sinks are passed by value.
private final class NumberBox: RowSink {
  var numbers = NumberSink()
  var wantsShapes: Bool { false }
  func begin(_ header: ResultHeader) {}
  func write(_ batch: RowBatch) { numbers.write(batch) }
  func end(notices: [String]) {}
}

/// A layer as the library sees it.
private struct Layer {
  let geometry: GeometryStorage
  let tree: PackedRTreeView<2>
  var indexed: IndexedLayer { IndexedLayer(geometry, tree: tree) }
  var count: Int { geometry.count }

  init(_ snapshot: Snapshot, _ name: String) {
    do {
      guard let segment = try snapshot.segment(named: name), let geometry = try segment.geometry(),
        let tree = try segment.tree()
      else { fail("the database has no layer `\(name)` with geometry") }
      (self.geometry, self.tree) = (geometry, tree)
    } catch {
      fail("\(error)")
    }
  }

  /// The coordinates of the points of a layer, in the order of its rows: where they lie when the layer has nothing else.
  var points: UnsafeBufferPointer<Double> {
    let rows = (0..<count).filter { geometry.kinds[$0] == GeometryKind.point.rawValue }
    if geometry.boxes == nil, rows.count == count || rows.last == rows.count - 1 {
      return UnsafeBufferPointer(start: geometry.xy, count: 2 * rows.count)
    }
    let copy = UnsafeMutableBufferPointer<Double>.allocate(capacity: max(1, 2 * rows.count))
    for (i, row) in rows.enumerated() {
      let box = geometry.box(row)
      (copy[2 * i], copy[2 * i + 1]) = (box.min[0], box.min[1])
    }
    return UnsafeBufferPointer(rebasing: UnsafeBufferPointer(copy)[..<(2 * rows.count)])
  }
}

private final class EngineBenchmark {
  let city: Database
  let snapshot: Snapshot
  var session = Session()
  let only: [String]
  let repetitions = getenv("REPS").flatMap { Int(String(cString: $0)) } ?? 5
  let threadCounts: [Int]
  var worst = 0.0

  init(_ path: String, only: [String]) {
    self.only = only
    threadCounts = countsProcessorTime ? [1] : [1, 2]
    do {
      city = try Database(path: path)
      snapshot = try Snapshot.open(city.snapshotPath)
    } catch {
      fail("\(error)")
    }
  }

  func layer(_ name: String) -> Layer { Layer(snapshot, name) }

  private func time(_ work: () -> Double) -> (seconds: Double, answer: Double) {
    let start = now()
    let answer = work()
    return (now() - start, answer)
  }

  /// Binds, plans and runs a statement; gives the sum of its last column.
  private func ask(_ statement: Statement, threads: Int) -> Double {
    do {
      let sink = NumberBox()
      let run = QueryRun(threadCount: threads) { _ in fail("no files are written here") }
      _ = try city.run(statement, in: &session, run, into: sink)
      return sink.numbers.sum
    } catch {
      fail("\(error)")
    }
  }

  private func parse(_ text: String) -> Statement {
    do { return try city.parse(text).statements[0] } catch { fail("\(text): \(error)") }
  }

  /// - Parameter library: with so many threads; gives the number that the statement gives.
  func compare(_ name: String, _ statement: String, _ library: (_ threads: Int) -> Double) {
    if !only.isEmpty, !only.contains(where: { name.hasPrefix($0) }) { return }
    let parsed = parse(statement)
    for threads in threadCounts {
      var (mine, theirs) = (Double.infinity, Double.infinity)
      // In turn, so that both meet the same machine; the first pair warms both.
      for i in 0...repetitions {
        let a = time { library(threads) }
        let b = time { ask(parsed, threads: threads) }
        if abs(a.answer - b.answer) > 1e-9 * max(1, abs(a.answer)) {
          fail("\(name): the library says \(a.answer), the statement \(b.answer)")
        }
        if i > 0 { (theirs, mine) = (min(theirs, a.seconds), min(mine, b.seconds)) }
      }
      worst = max(worst, mine / theirs)
      print("| \(name) | \(threads) | \(ms(theirs)) | \(ms(mine)) | \(fixed(mine / theirs, 2)) |")
      fflush(nil)
    }
  }

  private func ms(_ seconds: Double) -> String { "\(fixed(seconds * 1e3, 2)) ms" }
  private func fixed(_ value: Double, _ digits: Int) -> String {
    let scale = digits == 2 ? 100.0 : 1000
    return "\((value * scale).rounded() / scale)"
  }
}

/// Adds up over the rows of a layer what `body` gives for runs of them.
private func total(_ threadCount: Int, _ count: Int, _ body: @Sendable (Range<Int>) -> Double) -> Double {
  sum(threads(threadCount), count, body)
}

/// `bench-library engine DATABASE [NAME…]`
func benchmarkEngine(_ path: String, only: [String]) {
  let bench = EngineBenchmark(path, only: only)
  let (buildings, units, grids) = (bench.layer("building"), bench.layer("unit"), bench.layer("grid3"))
  let (floods, hazards) = (bench.layer("flood"), bench.layer("hazard"))
  let (shelters, cameras) = (bench.layer("shelter"), bench.layer("camera"))
  print(
    "\(buildings.count) buildings, \(units.count) units, \(grids.count) grids; least of \(bench.repetitions) runs of")
  print(countsProcessorTime ? "processor time" : "elapsed time")
  print("| statement | threads | library | engine | ratio |\n|---|---:|---:|---:|---:|")

  for (name, statement) in [
    (
      "F units of each grid",
      "FIND grid3 AS g JOIN unit AS u ON S_INTERSECTS(g.geom, u.geom) GROUP BY g.id RETURN g.id, COUNT(*) AS n"
    ),
    (
      "F pairs of grids and units",
      "FIND grid3 AS g JOIN unit AS u ON S_INTERSECTS(g.geom, u.geom) RETURN COUNT(*) AS n"
    ),
    (
      "F the grid of each unit",
      "FIND unit AS u LEFT JOIN grid3 AS g ON S_INTERSECTS(u.geom, g.geom) RETURN COUNT(g.id) AS n"
    ),
  ] {
    bench.compare(name, statement) { count in
      let workers = threads(count)
      let join = PointsInPolygons(grids.geometry, workers: workers)
      nonisolated(unsafe) let points = units.points
      return sum(workers, points.count / 2) { range in
        var counts = [Int](repeating: 0, count: grids.count)
        let some = UnsafeBufferPointer(rebasing: points[2 * range.lowerBound..<2 * range.upperBound])
        counts.withUnsafeMutableBufferPointer { _ = join.count(points: some, into: $0) }
        return Double(counts.reduce(0, +))
      }
    }
  }

  bench.compare(
    "D nearest shelter of each unit", "FIND unit AS u JOIN NEAREST 1 shelter AS s RETURN SUM(s.distance) AS d"
  ) { count in
    nonisolated(unsafe) let points = units.points
    return total(count, points.count / 2) { range in
      let order = Array(UInt32(range.lowerBound)..<UInt32(range.upperBound))
      var sum = 0.0
      order.withUnsafeBufferPointer { order in
        shelters.tree.forEachNearest(to: points, order: order, count: 1) { sum += $1[0].distance }
      }
      return sum
    }
  }
  bench.compare(
    "D nearest shelter of each building", "FIND building AS b JOIN NEAREST 1 shelter AS s RETURN SUM(s.distance) AS d"
  ) { count in
    total(count, buildings.count) { range in
      var list = NearestList(count: 1)
      var sum = 0.0
      for row in range {
        guard let view = buildings.geometry.view(row) else { continue }
        shelters.tree.nearest(to: buildings.geometry.box(row), into: &list) { item in
          let place = shelters.geometry.box(item)
          return view.squaredDistance(toPoint: place.min[0], place.min[1])
        }
        if list.count > 0 { sum += list[0].distance }
      }
      return sum
    }
  }
  bench.compare(
    "C 10 buildings nearest to each camera",
    "FIND camera AS c JOIN NEAREST 10 building AS b RETURN SUM(b.distance) AS d"
  ) { count in
    nonisolated(unsafe) let points = cameras.points
    return total(count, points.count / 2) { range in
      var list = NearestList(count: 10)
      var sum = 0.0
      for i in range {
        let (x, y) = (points[2 * i], points[2 * i + 1])
        buildings.tree.nearest(to: Box2(x, y, x, y), into: &list) { item in
          buildings.geometry.view(item)?.squaredDistance(toPoint: x, y)
        }
        for k in 0..<list.count { sum += list[k].distance }
      }
      return sum
    }
  }
  bench.compare("E buildings within 500 m of a hazard", "COUNT building WITHIN 500 m OF hazard") { count in
    Double(
      marked(count, buildings.count, hazards.count) { i, rows in
        if let hazard = hazards.geometry.geometry(i) { buildings.indexed.append(within: 500, of: hazard, to: &rows) }
      })
  }
  bench.compare(
    "E pairs of cameras and buildings within 250 m",
    "FIND camera AS c JOIN building AS b ON WITHIN 250 m RETURN COUNT(*) AS n"
  ) { count in
    nonisolated(unsafe) let points = cameras.points
    return total(count, points.count / 2) { range in
      var rows: [UInt32] = []
      var pairs = 0
      for i in range {
        rows.removeAll(keepingCapacity: true)
        buildings.indexed.append(within: 250, of: .point(points[2 * i], points[2 * i + 1]), to: &rows)
        pairs += rows.count
      }
      return Double(pairs)
    }
  }
  for (name, statement, layer) in [
    ("I buildings that meet a flood", "COUNT building INTERSECTS flood", buildings),
    ("I units in a flood", "COUNT unit INTERSECTS flood", units),
  ] {
    bench.compare(name, statement) { count in
      Double(
        marked(count, layer.count, floods.count) { i, rows in
          if let flood = floods.geometry.geometry(i) { layer.indexed.append(intersecting: flood, to: &rows) }
        })
    }
  }
  bench.compare(
    "I pairs of floods and buildings",
    "FIND flood AS f JOIN building AS b ON S_INTERSECTS(f.geom, b.geom) RETURN COUNT(*) AS n"
  ) { count in
    total(count, floods.count) { range in
      var rows: [UInt32] = []
      var pairs = 0
      for i in range {
        rows.removeAll(keepingCapacity: true)
        if let flood = floods.geometry.geometry(i) { buildings.indexed.append(intersecting: flood, to: &rows) }
        pairs += rows.count
      }
      return Double(pairs)
    }
  }
  let bounds = buildings.tree.bounds
  let (x, y) = ((bounds.min[0] + bounds.max[0]) / 2, (bounds.min[1] + bounds.max[1]) / 2)
  for metres in [1_000.0, 10_000] {
    let window = Box2(x - metres, y - metres, x + metres, y + metres)
    bench.compare(
      "B buildings in a window of \(Int(2 * metres / 1_000)) km",
      "COUNT building INTERSECTS BBOX(\(window.min[0]), \(window.min[1]), \(window.max[0]), \(window.max[1])) IN \(bench.city.catalog.workingCRS)"
    ) { _ in
      var rows: [UInt32] = []
      buildings.indexed.append(intersecting: .rectangle(window), to: &rows)
      return Double(rows.count)
    }
  }
  bench.compare(
    "C 10 buildings nearest to any hazard", "FIND building NEAREST 10 TO hazard RETURN distance"
  ) { _ in
    // Ten of each, of which the nearest rows are kept, each once.
    var best: [Int: Double] = [:]
    var list = NearestList(count: 10)
    for i in 0..<hazards.count {
      guard let hazard = hazards.geometry.view(i), !hazard.isEmpty else { continue }
      buildings.tree.nearest(to: hazards.geometry.box(i), into: &list) { item in
        buildings.geometry.view(item)?.squaredDistance(to: hazard)
      }
      for k in 0..<list.count { best[list[k].item] = min(best[list[k].item] ?? .infinity, list[k].distance) }
    }
    return best.values.sorted().prefix(10).reduce(0, +)
  }
  print("worst ratio: \((bench.worst * 100).rounded() / 100)")
}

/// How many rows of a layer are found by any of `count` searches.
private func marked(
  _ threadCount: Int, _ rowCount: Int, _ count: Int, _ search: @Sendable (Int, inout [UInt32]) -> Void
) -> Int {
  let workers = threads(threadCount)
  let words = (rowCount + 63) / 64
  let sets = UnsafeMutablePointer<UInt64>.allocate(capacity: words * workers.count)
  sets.initialize(repeating: 0, count: words * workers.count)
  defer { sets.deallocate() }
  nonisolated(unsafe) let all = sets
  let parts = workers.count
  workers.perform { part in
    let set = all + part * words
    var rows: [UInt32] = []
    for i in count * part / parts..<count * (part + 1) / parts {
      rows.removeAll(keepingCapacity: true)
      search(i, &rows)
      for row in rows { set[Int(row) >> 6] |= 1 << UInt64(row & 63) }
    }
  }
  var found = 0
  for i in 0..<words {
    var word: UInt64 = 0
    for part in 0..<parts { word |= sets[part * words + i] }
    found += word.nonzeroBitCount
  }
  return found
}
