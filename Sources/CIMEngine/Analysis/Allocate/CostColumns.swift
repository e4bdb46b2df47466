/// How far every point lies from each target: asked a target at a time, for all points at once.
protocol CostColumns: Sendable {
  /// Where the points are, in the working CRS.
  var x: [Double] { get }
  var y: [Double] { get }
  var targetCount: Int { get }
  /// One for each thread: it may keep what a search needs.
  func makeWorker() -> any CostColumnWorker
  /// The same targets for some of the points, in the order given.
  func restricted(to points: [UInt32]) -> any CostColumns
}

extension CostColumns {
  var pointCount: Int { x.count }
}

protocol CostColumnWorker {
  /// Metres from each point to the target; infinity where it is out of reach.
  mutating func fill(_ target: Int, _ metres: UnsafeMutablePointer<Double>) throws(QueryError)
}

/// Straight distances from points to shapes.
struct StraightColumns: CostColumns {
  let x: [Double]
  let y: [Double]
  let targets: [Target]
  /// Metres, of each target; what lies farther is out of reach.
  let limits: [Double]

  var targetCount: Int { targets.count }
  func makeWorker() -> any CostColumnWorker { Worker(columns: self) }

  func restricted(to points: [UInt32]) -> any CostColumns {
    StraightColumns(x: points.map { x[Int($0)] }, y: points.map { y[Int($0)] }, targets: targets, limits: limits)
  }

  private struct Worker: CostColumnWorker {
    let columns: StraightColumns

    mutating func fill(_ target: Int, _ metres: UnsafeMutablePointer<Double>) throws(QueryError) {
      let limit = columns.limits[target]
      let shape = columns.targets[target]
      let count = columns.x.count
      columns.x.withUnsafeBufferPointer { x in
        columns.y.withUnsafeBufferPointer { y in
          let geometry = shape.prepared.geometry
          if geometry.kind == .point {
            let (px, py) = (geometry.xy[0], geometry.xy[1])
            for i in 0..<count {
              let (dx, dy) = (x[i] - px, y[i] - py)
              let d = (dx * dx + dy * dy).squareRoot()
              metres[i] = d <= limit ? d : .infinity
            }
          } else {
            for i in 0..<count {
              let d = shape.prepared.squaredDistance(toPoint: x[i], y[i]).squareRoot()
              metres[i] = d <= limit ? d : .infinity
            }
          }
        }
      }
    }
  }
}

/// What stands together in the transportation problem: a demand and the points that it comes from.
struct DemandSources: Sendable {
  var demand: [Int64] = []
  /// Source `s` has the points `start[s]..<start[s + 1]` of `points`, weighted; most have one.
  var start: [Int] = [0]
  var points: [UInt32] = []
  var weights: [Int64] = []

  var count: Int { demand.count }

  mutating func append(demand: Int64, points: [(point: UInt32, weight: Int64)]) {
    self.demand.append(demand)
    for one in points {
      self.points.append(one.point)
      weights.append(one.weight)
    }
    start.append(self.points.count)
  }

  /// Metres a head from source `s`, of a column over the points.
  @inline(__always)
  func metres(_ s: Int, _ column: UnsafePointer<Double>) -> Double {
    let from = start[s]
    if start[s + 1] == from + 1 { return column[Int(points[from])] }
    var sum = 0.0
    var weight = 0.0
    for k in from..<start[s + 1] {
      sum += column[Int(points[k])] * Double(weights[k])
      weight += Double(weights[k])
    }
    return sum / weight
  }
}

/// Costs in the solver are whole micrometres.
enum Micrometres {
  @inline(__always)
  static func of(_ metres: Double) -> Int64 { Int64((metres * 1e6).rounded()) }
}

/// For each source the few best of the pairs that are shown to it: least key first, among equals the lower target.
final class BestPairs: @unchecked Sendable {
  let width: Int
  private let count: UnsafeMutablePointer<Int32>
  private let keys: UnsafeMutablePointer<Int64>
  private let costs: UnsafeMutablePointer<Int64>
  private let targets: UnsafeMutablePointer<UInt32>
  private let sources: Int

  init(sources: Int, width: Int) {
    self.width = width
    self.sources = sources
    count = .allocate(capacity: max(1, sources))
    count.initialize(repeating: 0, count: max(1, sources))
    keys = .allocate(capacity: max(1, sources * width))
    costs = .allocate(capacity: max(1, sources * width))
    targets = .allocate(capacity: max(1, sources * width))
  }

  deinit {
    count.deallocate()
    keys.deallocate()
    costs.deallocate()
    targets.deallocate()
  }

  static func byteCount(sources: Int, width: Int) -> Int { sources * (4 + width * 20) }

  /// Targets must be offered in ascending order. Different sources may be offered to by different threads.
  @inline(__always)
  func offer(_ source: Int, key: Int64, cost: Int64, target: Int) {
    let base = source * width
    var place = Int(count[source])
    if place == width {
      if keys[base + width - 1] <= key { return }
      place -= 1
    } else {
      count[source] += 1
    }
    while place > 0, keys[base + place - 1] > key {
      keys[base + place] = keys[base + place - 1]
      costs[base + place] = costs[base + place - 1]
      targets[base + place] = targets[base + place - 1]
      place -= 1
    }
    keys[base + place] = key
    costs[base + place] = cost
    targets[base + place] = UInt32(target)
  }

  /// In ascending key.
  func pairs(of source: Int) -> [(target: UInt32, cost: Int64)] {
    (0..<Int(count[source])).map { (targets[source * width + $0], costs[source * width + $0]) }
  }

  var total: Int { (0..<sources).reduce(0) { $0 + Int(count[$1]) } }
}
