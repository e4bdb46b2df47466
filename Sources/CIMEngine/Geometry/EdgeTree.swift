/// The edges of a geometry under a hierarchy of boxes, in the order of its vertices.
///
/// Edges that follow each other lie near each other, so no sorting is needed: a node is the box of eight consecutive
/// edges or nodes, and building is one pass. A search visits O(log n + hits) nodes on real outlines.
struct EdgeTree: ~Copyable {
  static var fanOut: Int { 8 }

  let edgeCount: Int
  /// x0, y0, x1, y1 of each edge.
  let edges: UnsafeMutablePointer<Double>
  /// min x, min y, max x, max y of each node, level after level from the leaves up.
  private let boxes: UnsafeMutablePointer<Double>
  private var levelStarts: InlineArray<12, Int>
  private let levelCount: Int

  init(_ view: GeometryView) {
    var count = 0
    var cursor = EdgeCursor(view)
    while cursor.next() != nil { count += 1 }
    edgeCount = count
    edges = .allocate(capacity: max(1, 4 * count))

    levelStarts = InlineArray(repeating: 0)
    var levels = 0
    var nodes = 0
    var width = count
    while width > 0 {
      width = (width + Self.fanOut - 1) / Self.fanOut
      levelStarts[levels] = nodes
      nodes += width
      levels += 1
      if width == 1 { break }
    }
    levelStarts[levels] = nodes
    levelCount = levels
    boxes = .allocate(capacity: max(1, 4 * nodes))

    cursor = EdgeCursor(view)
    var i = 0
    while let (v, w) = cursor.next() {
      edges[4 * i] = view.xy[2 * v]
      edges[4 * i + 1] = view.xy[2 * v + 1]
      edges[4 * i + 2] = view.xy[2 * w]
      edges[4 * i + 3] = view.xy[2 * w + 1]
      i += 1
    }
    for level in 0..<levels {
      let children = level == 0 ? count : levelStarts[level] - levelStarts[level - 1]
      let source = level == 0 ? edges : boxes + 4 * levelStarts[level - 1]
      let target = boxes + 4 * levelStarts[level]
      var node = 0
      var first = 0
      while first < children {
        let end = min(first + Self.fanOut, children)
        var (x0, y0, x1, y1) = (Double.infinity, Double.infinity, -Double.infinity, -Double.infinity)
        for child in first..<end {
          let c = source + 4 * child
          x0 = min(x0, min(c[0], c[2]))
          y0 = min(y0, min(c[1], c[3]))
          x1 = max(x1, max(c[0], c[2]))
          y1 = max(y1, max(c[1], c[3]))
        }
        target[4 * node] = x0
        target[4 * node + 1] = y0
        target[4 * node + 2] = x1
        target[4 * node + 3] = y1
        node += 1
        first = end
      }
    }
  }

  deinit {
    edges.deallocate()
    boxes.deallocate()
  }

  @inline(__always)
  private func nodes(at level: Int) -> Int { levelStarts[level + 1] - levelStarts[level] }

  /// A segment that is looked for, with its box.
  struct Probe {
    let ax, ay, bx, by: Double
    let x0, y0, x1, y1: Double

    @inline(__always)
    init(_ ax: Double, _ ay: Double, _ bx: Double, _ by: Double) {
      (self.ax, self.ay, self.bx, self.by) = (ax, ay, bx, by)
      (x0, y0, x1, y1) = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
    }

    /// A bound for the square of the distance between the probe and anything in a node.
    @inline(__always)
    func squaredDistance(toBox box: UnsafePointer<Double>) -> Double {
      let dx = max(0, max(box[0] - x1, x0 - box[2]))
      let dy = max(0, max(box[1] - y1, y0 - box[3]))
      return Segments.lowerBound(dx * dx + dy * dy)
    }

    /// As above for an edge, whose ends come in any order.
    @inline(__always)
    func squaredDistance(toEdge edge: UnsafePointer<Double>) -> Double {
      let dx = max(0, max(min(edge[0], edge[2]) - x1, x0 - max(edge[0], edge[2])))
      let dy = max(0, max(min(edge[1], edge[3]) - y1, y0 - max(edge[1], edge[3])))
      return Segments.lowerBound(dx * dx + dy * dy)
    }

    @inline(__always)
    func meets(box: UnsafePointer<Double>) -> Bool {
      box[0] <= x1 && box[2] >= x0 && box[1] <= y1 && box[3] >= y0
    }
  }

  /// Whether any edge meets the closed segment.
  func meets(_ probe: Probe) -> Bool {
    levelCount > 0 && meets(probe, level: levelCount - 1, node: 0)
  }

  private func meets(_ probe: Probe, level: Int, node: Int) -> Bool {
    let first = node * Self.fanOut
    if level == 0 {
      for i in first..<min(first + Self.fanOut, edgeCount) {
        let e = edges + 4 * i
        if Segments.meet(probe.ax, probe.ay, probe.bx, probe.by, e[0], e[1], e[2], e[3]) { return true }
      }
      return false
    }
    let start = levelStarts[level - 1]
    for child in first..<min(first + Self.fanOut, nodes(at: level - 1)) {
      if probe.meets(box: boxes + 4 * (start + child)), meets(probe, level: level - 1, node: child) { return true }
    }
    return false
  }

  /// Adds to `contacts` how the edges meet the closed segment, up to the first crossing.
  func collect(_ probe: Probe, into contacts: inout Contacts) {
    if levelCount > 0 { collect(probe, level: levelCount - 1, node: 0, into: &contacts) }
  }

  private func collect(_ probe: Probe, level: Int, node: Int, into contacts: inout Contacts) {
    let first = node * Self.fanOut
    if level == 0 {
      for i in first..<min(first + Self.fanOut, edgeCount) {
        let e = edges + 4 * i
        contacts.add(probe.ax, probe.ay, probe.bx, probe.by, e[0], e[1], e[2], e[3])
      }
      return
    }
    let start = levelStarts[level - 1]
    for child in first..<min(first + Self.fanOut, nodes(at: level - 1)) where !contacts.crossed {
      if probe.meets(box: boxes + 4 * (start + child)) {
        collect(probe, level: level - 1, node: child, into: &contacts)
      }
    }
  }

  /// Lowers `best` to the square of the distance from the segment to the nearest edge, if that is less.
  func nearest(_ probe: Probe, best: inout Double) {
    if levelCount > 0 { nearest(probe, level: levelCount - 1, node: 0, best: &best) }
  }

  private func nearest(_ probe: Probe, level: Int, node: Int, best: inout Double) {
    let first = node * Self.fanOut
    if level == 0 {
      for i in first..<min(first + Self.fanOut, edgeCount) {
        let e = edges + 4 * i
        if probe.squaredDistance(toEdge: e) >= best { continue }
        let distance =
          probe.ax == probe.bx && probe.ay == probe.by
          ? Segments.squaredDistance(probe.ax, probe.ay, toSegment: e[0], e[1], e[2], e[3])
          : Segments.squaredDistance(
            probe.ax, probe.ay, probe.bx, probe.by, toSegment: e[0], e[1], e[2], e[3])
        if distance < best { best = distance }
      }
      return
    }
    // The nearest child first, so that it can rule out the others.
    let start = levelStarts[level - 1]
    let end = min(first + Self.fanOut, nodes(at: level - 1))
    var nearestChild = first
    var least = Double.infinity
    for child in first..<end {
      let distance = probe.squaredDistance(toBox: boxes + 4 * (start + child))
      if distance < least { (least, nearestChild) = (distance, child) }
    }
    if !(least < best) { return }
    nearest(probe, level: level - 1, node: nearestChild, best: &best)
    for child in first..<end where child != nearestChild {
      if probe.squaredDistance(toBox: boxes + 4 * (start + child)) < best {
        nearest(probe, level: level - 1, node: child, best: &best)
      }
    }
  }
}

/// How one segment meets the edges of a geometry: it crosses one, or these edges touch it.
struct Contacts {
  /// Lines may cross each other and yet lie along one another elsewhere; the border of an area ends the search.
  let area: Bool
  /// Whether an edge of an area is crossed.
  var crossed = false
  /// x0, y0, x1, y1 of each touching edge.
  var edges: [Double] = []

  init(ofArea area: Bool) { self.area = area }

  @inline(__always)
  mutating func add(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double,
    _ cx: Double, _ cy: Double, _ dx: Double, _ dy: Double
  ) {
    switch Segments.contact(ax, ay, bx, by, cx, cy, dx, dy) {
    case .none: break
    case .crossing: crossed = area
    case .touching:
      edges.append(cx)
      edges.append(cy)
      edges.append(dx)
      edges.append(dy)
    }
  }

  mutating func reset() {
    crossed = false
    edges.removeAll(keepingCapacity: true)
  }
}
