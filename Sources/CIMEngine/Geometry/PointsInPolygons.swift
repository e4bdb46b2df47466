public import SpatialIndex

/// Finds, for very many points, the polygons that have them: a join of points with the polygons of a layer.
///
/// The plane is cut into square tiles and each tile with edges into cells, finer where there are more edges, so that about
/// eight cells come for each edge. A cell that no edge touches knows its polygons. Any other cell holds the few edges that
/// touch it and says which polygons have its lower left corner: the edges crossed on the way from there to the point, first
/// upwards, then to the right, decide. Each crossing is decided exactly, so every answer is that of
/// ``GeometryView/locate(_:_:)``; an edge that several polygons share is looked at once.
///
/// Building costs about as much as forty edges are read for each edge, so for fewer points than edges a search in the
/// tree of the polygons is cheaper.
///
/// ```swift
/// let join = PointsInPolygons(grids)
/// var counts = [Int](repeating: 0, count: grids.count)
/// let placed = counts.withUnsafeMutableBufferPointer { join.count(points: xy, into: $0) }
/// ```
///
/// Polygons are closed: a point on an edge or a vertex is in. They may overlap, have holes and parts; where rings overlap
/// against the rules, a point within an even number of a part's rings is outside. Immutable, so any number of threads may
/// ask at once. The answers are the same for every number of workers.
public struct PointsInPolygons: Sendable {
  let cells: PolygonCells
  /// Rows of the layer in which no point is ever found here, so that the caller can ask them in another way: those whose
  /// geometry is no polygon or multipolygon, or has a coordinate that is not finite or beyond 10¹⁴⁹. NULLs and empty
  /// geometries are not listed.
  public let otherRows: [UInt32]

  /// - Parameters:
  ///   - polygons: A layer; its coordinates are read while this is built and not kept.
  ///   - rows: Which rows to take; nil for all.
  ///   - workers: For building.
  public init(
    _ polygons: GeometryStorage, rows: UnsafeBufferPointer<UInt32>? = nil, workers: Workers = .one
  ) {
    var parts = PolygonParts()
    var others: [UInt32] = []
    for i in 0..<(rows?.count ?? polygons.count) {
      let row = rows.map { Int($0[i]) } ?? i
      if let view = polygons.view(row) {
        if view.isEmpty { continue }
        if view.dimension < 2 || !parts.append(view, row: row) { others.append(UInt32(row)) }
      } else if polygons.geometry(row)?.isEmpty == false {
        others.append(UInt32(row))
      }
    }
    otherRows = others
    cells = PolygonCells(parts, workers: workers)
  }

  /// Counts the points of each polygon.
  ///
  /// - Parameters:
  ///   - points: x0, y0, x1, y1, … A point with a coordinate that is not finite is in no polygon.
  ///   - numbers: Which points; nil for all. A slice of it is one thread's share.
  ///   - counts: One element for each row of the layer, added to.
  /// - Returns: How many of the points are in any polygon.
  @discardableResult
  public func count(
    points: UnsafeBufferPointer<Double>, numbers: UnsafeBufferPointer<UInt32>? = nil,
    into counts: UnsafeMutableBufferPointer<Int>
  ) -> Int {
    guard let counts = counts.baseAddress else { return 0 }
    let xy = points.baseAddress ?? GeometryView.noCoordinates
    if let numbers { return countPoints(numbers.count, { xy + 2 * Int(numbers[$0]) }, counts) }
    return countPoints(points.count / 2, { xy + 2 * $0 }, counts)
  }

  @inline(__always)
  private func countPoints(
    _ count: Int, _ point: (Int) -> UnsafePointer<Double>, _ counts: UnsafeMutablePointer<Int>
  ) -> Int {
    var (placed, last) = (0, -1)
    cells.forEachRow(count, point) { number, row in
      counts[Int(row)] &+= 1
      placed &+= number == last ? 0 : 1
      last = number
    }
    return placed
  }

  /// Appends every pair of a point and a polygon that has it: in the order of the points; the polygons of one point in an
  /// unspecified but fixed order.
  ///
  /// - Parameter numbers: Which points; nil for all.
  public func appendPairs(
    points: UnsafeBufferPointer<Double>, numbers: UnsafeBufferPointer<UInt32>? = nil,
    toPoints pointNumbers: inout [UInt32], polygons rows: inout [UInt32]
  ) {
    let xy = points.baseAddress ?? GeometryView.noCoordinates
    if let numbers {
      cells.forEachRow(numbers.count, { xy + 2 * Int(numbers[$0]) }) { i, row in
        pointNumbers.append(numbers[i])
        rows.append(row)
      }
    } else {
      cells.forEachRow(points.count / 2, { xy + 2 * $0 }) { i, row in
        pointNumbers.append(UInt32(truncatingIfNeeded: i))
        rows.append(row)
      }
    }
  }

  /// Calls `body` with the row of every polygon that has the point, in an unspecified but fixed order.
  @inline(__always)
  package func forEachRow(_ x: Double, _ y: Double, _ body: (_ row: UInt32) -> Void) {
    cells.forEachPlace(x, y) { row, _ in body(row) }
  }

  /// As ``forEachRow(_:_:_:)``, with whether the point lies inside or on the boundary, as ``GeometryView/locate(_:_:)``
  /// says it.
  @inline(__always)
  package func forEachPlace(_ x: Double, _ y: Double, _ body: (_ row: UInt32, _ isInside: Bool) -> Void) {
    cells.forEachPlace(x, y, body)
  }

  /// The lowest row whose polygon has the point; nil when there is none.
  public func firstRow(_ x: Double, _ y: Double) -> Int? {
    var first = UInt32.max
    cells.forEachPlace(x, y) { row, _ in first = min(first, row) }
    return first == .max ? nil : Int(first)
  }
}

/// Polygons taken apart: each part of a multipolygon on its own, for points are in or out of each by parity.
struct PolygonParts {
  var rows: [UInt32] = []
  /// Each part as a polygon of its own.
  var views: [GeometryView] = []
  var boxes: [Box2] = []
  var edgeCount = 0
  /// How far all edges go in x and in y together.
  var travel = 0.0
  var box = Box2.empty

  /// Takes the parts of a row in; gives false, and takes none, when a coordinate is not finite or too large.
  mutating func append(_ view: GeometryView, row: Int) -> Bool {
    let (count, edges, before, all) = (rows.count, edgeCount, travel, box)
    let xy = view.xy
    for part in 0..<view.partCount {
      let own = view.part(part)
      let vertices = own.vertices
      guard let start = vertices.first else { continue }
      precondition(vertices.upperBound < 1 << 31, "a layer of polygons holds at most 2,147,483,647 vertices")
      var low = SIMD2(xy[2 * start], xy[2 * start + 1])
      var (high, last) = (low, low)
      var way = SIMD2<Double>()
      var check = SIMD2<Double>()
      for v in vertices {
        let p = SIMD2(xy[2 * v], xy[2 * v + 1])
        low.replace(with: p, where: p .< low)
        high.replace(with: p, where: p .> high)
        // Zero times anything finite is zero.
        check += p * 0
        let step = p - last
        way += step.replacing(with: -step, where: step .< 0)
        last = p
      }
      guard check == SIMD2(), max(abs(low[0]), abs(low[1]), abs(high[0]), abs(high[1])) < 1e149 else {
        rows.removeLast(rows.count - count)
        views.removeLast(views.count - count)
        boxes.removeLast(boxes.count - count)
        (edgeCount, travel, box) = (edges, before, all)
        return false
      }
      rows.append(UInt32(row))
      views.append(own)
      boxes.append(Box2(low[0], low[1], high[0], high[1]))
      box = box.union(boxes[boxes.count - 1])
      edgeCount += vertices.count
      travel += way[0] + way[1]
    }
    return true
  }

  /// Calls `body` with the first vertex of every edge of part `i`, and how far off its end is: 1, or 0 for a ring that is a
  /// single point.
  @inline(__always)
  func forEachEdge(_ i: Int, _ body: (_ vertex: Int, _ step: Int) -> Void) {
    let view = views[i]
    for ring in view.rings {
      let vertices = view.vertices(ofRing: ring)
      if vertices.count == 1 { body(vertices.lowerBound, 0) }
      var v = vertices.lowerBound
      while v + 1 < vertices.upperBound {
        body(v, 1)
        v += 1
      }
    }
  }
}
