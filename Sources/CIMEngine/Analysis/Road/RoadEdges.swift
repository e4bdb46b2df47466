internal import SpatialIndex

/// Streets cut at their junctions: polylines between nodes.
///
/// Two lines join where they share a vertex, as in OpenStreetMap, at their ends or anywhere along them; and where a
/// line ends within ``snappingMetres`` of another line without sharing a vertex, which is how drawn maps miss each
/// other. Lines that only cross are bridges and tunnels: they do not join.
struct RoadEdges: Sendable {
  /// How far an end may lie from the line that it joins, in metres.
  static let snappingMetres = 0.5

  var nodeCount = 0
  /// By edge: its nodes.
  var from: [UInt32] = []
  var to: [UInt32] = []
  /// Edge `e` has the vertices `start[e]..<start[e + 1]`.
  var start: [UInt32] = [0]
  var xy: [Double] = []
  /// Whether an edge has no way to the greatest connected part of all lines: a path in a park drawn without its gate.
  var isApart: [Bool] = []

  var count: Int { from.count }

  mutating func append(from a: UInt32, to b: UInt32, isApart apart: Bool = false, _ vertices: [Double]) {
    from.append(a)
    to.append(b)
    isApart.append(apart)
    xy.append(contentsOf: vertices)
    start.append(UInt32(xy.count / 2))
  }

  /// - Parameter lines: x0, y0, x1, y1, … of each line, in metres.
  init(lines: [[Double]]) {
    var builder = RoadNoding(lines)
    builder.joinEnds()
    self = builder.edges()
    markApart()
  }

  private mutating func markApart() {
    var part = (0..<UInt32(nodeCount)).map { $0 }
    func root(_ node: UInt32) -> UInt32 {
      var node = node
      while part[Int(node)] != node {
        part[Int(node)] = part[Int(part[Int(node)])]
        node = part[Int(node)]
      }
      return node
    }
    for e in 0..<count {
      let (a, b) = (root(from[e]), root(to[e]))
      part[Int(max(a, b))] = min(a, b)
    }
    var metres = [Double](repeating: 0, count: nodeCount)
    for e in 0..<count {
      for v in Int(start[e])..<Int(start[e + 1]) - 1 {
        let (dx, dy) = (xy[2 * v + 2] - xy[2 * v], xy[2 * v + 3] - xy[2 * v + 1])
        metres[Int(root(from[e]))] += (dx * dx + dy * dy).squareRoot()
      }
    }
    guard let greatest = metres.max(), let main = metres.firstIndex(of: greatest) else { return }
    for e in 0..<count { isApart[e] = root(from[e]) != UInt32(main) }
  }

  private init() {}
  static var empty: RoadEdges { RoadEdges() }
}

/// Finds the junctions of lines.
private struct RoadNoding {
  private struct Place: Hashable {
    var x: Int64
    var y: Int64
  }
  /// An end of one line put into a segment of another.
  private struct Split {
    var segment: Int
    var t: Double
    var point: UInt32
  }

  /// Vertices of all lines, without repeated ones: point number by vertex, coordinates by point.
  private var pointOf: [UInt32] = []
  private var lineStart: [Int] = [0]
  private var x: [Double] = []
  private var y: [Double] = []
  /// How many vertices lie on a point.
  private var uses: [UInt32] = []
  /// Points that are one junction, as a forest.
  private var same: [UInt32] = []
  private var isNode: [Bool] = []
  private var splits: [Int: [Split]] = [:]

  init(_ lines: [[Double]]) {
    var known: [Place: UInt32] = [:]
    for line in lines {
      let from = pointOf.count
      var v = 0
      while v + 1 < line.count {
        let (px, py) = (line[v], line[v + 1])
        v += 2
        guard px.isFinite, py.isFinite, abs(px) < 1e12, abs(py) < 1e12 else { continue }
        // Equal to the millimetre is equal.
        let place = Place(x: Int64((px * 1000).rounded()), y: Int64((py * 1000).rounded()))
        let point: UInt32
        if let old = known[place] {
          point = old
        } else {
          point = UInt32(x.count)
          known[place] = point
          x.append(px)
          y.append(py)
          uses.append(0)
        }
        if pointOf.count > from, pointOf[pointOf.count - 1] == point { continue }
        pointOf.append(point)
        uses[Int(point)] += 1
      }
      if pointOf.count - from < 2 {
        for point in pointOf[from...] { uses[Int(point)] -= 1 }
        pointOf.removeLast(pointOf.count - from)
      } else {
        lineStart.append(pointOf.count)
      }
    }
    same = (0..<UInt32(x.count)).map { $0 }
    isNode = uses.map { $0 > 1 }
    for line in 0..<lineCount {
      isNode[Int(pointOf[lineStart[line]])] = true
      isNode[Int(pointOf[lineStart[line + 1] - 1])] = true
    }
  }

  private var lineCount: Int { lineStart.count - 1 }

  private func root(_ point: UInt32) -> UInt32 {
    var point = point
    while same[Int(point)] != point { point = same[Int(point)] }
    return point
  }

  private mutating func unite(_ a: UInt32, _ b: UInt32) {
    let (p, q) = (root(a), root(b))
    same[Int(max(p, q))] = min(p, q)
    isNode[Int(a)] = true
    isNode[Int(b)] = true
  }

  /// Ends that touch nothing join the nearest other line within the tolerance.
  mutating func joinEnds() {
    var boxes: [Box2] = []
    var segmentLine: [UInt32] = []
    var segmentVertex: [UInt32] = []
    for line in 0..<lineCount {
      for v in lineStart[line]..<lineStart[line + 1] - 1 {
        let (a, b) = (Int(pointOf[v]), Int(pointOf[v + 1]))
        boxes.append(Box2(min(x[a], x[b]), min(y[a], y[b]), max(x[a], x[b]), max(y[a], y[b])))
        segmentLine.append(UInt32(line))
        segmentVertex.append(UInt32(v))
      }
    }
    let tree = PackedRTree<2>(boxes)
    let tolerance = RoadEdges.snappingMetres
    for line in 0..<lineCount {
      for (end, other) in [
        (lineStart[line], lineStart[line + 1] - 1), (lineStart[line + 1] - 1, lineStart[line]),
      ] {
        let point = pointOf[end]
        guard uses[Int(point)] == 1 else { continue }
        let (px, py) = (x[Int(point)], y[Int(point)])
        var best: (squared: Double, segment: Int, t: Double)?
        tree.forEach(meeting: Box2(px, py, px, py).expanded(by: tolerance)) { segment in
          if segmentLine[segment] == UInt32(line) { return }
          let (a, b) = (Int(pointOf[Int(segmentVertex[segment])]), Int(pointOf[Int(segmentVertex[segment]) + 1]))
          let (t, squared) = projection(px, py, x[a], y[a], x[b], y[b])
          if squared <= tolerance * tolerance, best.map({ (squared, segment) < ($0.squared, $0.segment) }) ?? true {
            best = (squared, segment, t)
          }
        }
        // A ring that is all but closed.
        let start = pointOf[other]
        let (dx, dy) = (x[Int(start)] - px, y[Int(start)] - py)
        if lineStart[line + 1] - lineStart[line] > 3,
          dx * dx + dy * dy <= min(best?.squared ?? .infinity, tolerance * tolerance)
        {
          unite(point, start)
          continue
        }
        guard let best else { continue }
        let v = Int(segmentVertex[best.segment])
        let (a, b) = (pointOf[v], pointOf[v + 1])
        let length = distance(a, b)
        if best.t * length <= tolerance {
          unite(point, a)
        } else if (1 - best.t) * length <= tolerance {
          unite(point, b)
        } else {
          splits[v, default: []].append(Split(segment: v, t: best.t, point: point))
        }
      }
    }
  }

  private func distance(_ a: UInt32, _ b: UInt32) -> Double {
    let (dx, dy) = (x[Int(a)] - x[Int(b)], y[Int(a)] - y[Int(b)])
    return (dx * dx + dy * dy).squareRoot()
  }

  func edges() -> RoadEdges {
    var result = RoadEdges.empty
    var numbers: [UInt32: UInt32] = [:]
    func number(_ point: UInt32) -> UInt32 {
      let root = root(point)
      if let known = numbers[root] { return known }
      let fresh = UInt32(numbers.count)
      numbers[root] = fresh
      return fresh
    }
    for line in 0..<lineCount {
      var begin = number(pointOf[lineStart[line]])
      var piece: [Double] = []
      func add(_ px: Double, _ py: Double) {
        piece.append(px)
        piece.append(py)
      }
      func cut(at node: UInt32, _ px: Double, _ py: Double) {
        result.append(from: begin, to: node, piece)
        piece = [px, py]
        begin = node
      }
      for v in lineStart[line]..<lineStart[line + 1] {
        let point = pointOf[v]
        add(x[Int(point)], y[Int(point)])
        if v > lineStart[line], isNode[Int(point)] { cut(at: number(point), x[Int(point)], y[Int(point)]) }
        guard v + 1 < lineStart[line + 1], let own = splits[v] else { continue }
        let next = Int(pointOf[v + 1])
        for split in own.sorted(by: { ($0.t, $0.point) < ($1.t, $1.point) }) {
          let (px, py) = (
            x[Int(point)] + (x[next] - x[Int(point)]) * split.t, y[Int(point)] + (y[next] - y[Int(point)]) * split.t
          )
          add(px, py)
          cut(at: number(split.point), px, py)
        }
      }
    }
    result.nodeCount = numbers.count
    return result
  }
}

/// Where a point falls on a segment, as a share of its length, and the square of its distance from there.
@inline(__always)
func projection(
  _ px: Double, _ py: Double, _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double
) -> (t: Double, squared: Double) {
  let (dx, dy) = (bx - ax, by - ay)
  let length = dx * dx + dy * dy
  let t = length > 0 ? min(max(((px - ax) * dx + (py - ay) * dy) / length, 0), 1) : 0
  let (ex, ey) = (px - (ax + dx * t), py - (ay + dy * t))
  return (t, ex * ex + ey * ey)
}
