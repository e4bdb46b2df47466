package import SpatialIndex

extension GeometryView {
  /// The bounding box, or nil for an empty geometry.
  package var box: Box2? {
    if isEmpty { return nil }
    let vertices = self.vertices
    var p = xy + 2 * vertices.lowerBound
    let end = xy + 2 * vertices.upperBound
    var (x0, y0, x1, y1) = (p[0], p[1], p[0], p[1])
    p += 2
    while p != end {
      let (x, y) = (p[0], p[1])
      x0 = min(x0, x)
      x1 = max(x1, x)
      y0 = min(y0, y)
      y1 = max(y1, y)
      p += 2
    }
    return Box2(x0, y0, x1, y1)
  }

  /// The area of the polygons in squared units of the coordinates, holes taken off; 0 for points and lines.
  package var area: Double {
    guard dimension == 2 else { return 0 }
    var sum = 0.0
    for part in 0..<partCount {
      let rings = rings(ofPart: part)
      for ring in rings {
        let area = abs(signedArea(vertices(ofRing: ring)))
        sum += ring == rings.lowerBound ? area : -area
      }
    }
    return sum
  }

  /// The length of lines, or the perimeter of polygons with their holes, in units of the coordinates.
  package var length: Double {
    guard dimension > 0 else { return 0 }
    var sum = 0.0
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      sum += Segments.squaredDistance(xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1]).squareRoot()
    }
    return sum
  }

  /// The centroid as Simple Features has it: of the areas, or of the lines, or the mean of the points; polygons without
  /// area count as lines and lines without length as points. Nil for an empty geometry.
  package var centroid: (x: Double, y: Double)? {
    guard !isEmpty else { return nil }
    var sums = CentroidSums(at: (xy[2 * vertices.lowerBound], xy[2 * vertices.lowerBound + 1]))
    sums.add(self)
    return sums.centroid
  }

  /// Whether a closed ring runs counter-clockwise; false for a ring without area. Exact for a simple ring.
  package func isCounterClockwise(ring: Int) -> Bool { isCounterClockwise(vertices(ofRing: ring)) }

  func isCounterClockwise(_ vertices: Range<Int>) -> Bool {
    let count = vertices.count - 1
    guard count >= 3 else { return false }
    let base = xy + 2 * vertices.lowerBound
    var lowest = 0
    for i in 1..<count {
      let (x, y) = (base[2 * i], base[2 * i + 1])
      if y < base[2 * lowest + 1] || (y == base[2 * lowest + 1] && x < base[2 * lowest]) { lowest = i }
    }
    let (x, y) = (base[2 * lowest], base[2 * lowest + 1])
    var (before, after) = (lowest, lowest)
    repeat {
      before = before == 0 ? count - 1 : before - 1
    } while base[2 * before] == x && base[2 * before + 1] == y
      && before != lowest
    repeat {
      after = after == count - 1 ? 0 : after + 1
    } while base[2 * after] == x && base[2 * after + 1] == y
      && after != lowest
    let turn = Orientation.turn(
      base[2 * before], base[2 * before + 1], x, y, base[2 * after], base[2 * after + 1])
    // A spike at the lowest vertex says nothing; the area does.
    return turn != 0 ? turn > 0 : signedArea(vertices) > 0
  }

  /// Positive for a counter-clockwise ring. Summed relative to the first vertex, so that far-off origins cost nothing.
  func signedArea(_ vertices: Range<Int>) -> Double {
    guard vertices.count > 2 else { return 0 }
    let base = xy + 2 * vertices.lowerBound
    let (x0, y0) = (base[0], base[1])
    var sum = 0.0
    var (ax, ay) = (base[2] - x0, base[3] - y0)
    for i in 2..<vertices.count {
      let (bx, by) = (base[2 * i] - x0, base[2 * i + 1] - y0)
      sum += ax * by - ay * bx
      (ax, ay) = (bx, by)
    }
    return sum / 2
  }
}

/// Weighted sums for a centroid, relative to an origin near the data.
struct CentroidSums {
  private let origin: (x: Double, y: Double)
  private var area = (weight: 0.0, x: 0.0, y: 0.0)
  private var line = (weight: 0.0, x: 0.0, y: 0.0)
  private var points = (weight: 0.0, x: 0.0, y: 0.0)

  init(at origin: (x: Double, y: Double)) { self.origin = origin }

  var centroid: (x: Double, y: Double)? {
    let sums = area.weight != 0 ? area : line.weight != 0 ? line : points
    if sums.weight == 0 { return nil }
    return (origin.x + sums.x / sums.weight, origin.y + sums.y / sums.weight)
  }

  mutating func add(_ view: GeometryView) {
    for part in 0..<view.partCount {
      let rings = view.rings(ofPart: part)
      for ring in rings {
        let vertices = view.vertices(ofRing: ring)
        addPath(view.xy, vertices)
        if view.dimension == 2 { addRing(view.xy, vertices, isHole: ring != rings.lowerBound) }
      }
    }
  }

  private mutating func addPath(_ xy: UnsafePointer<Double>, _ vertices: Range<Int>) {
    guard let first = vertices.first else { return }
    var length = 0.0
    for v in vertices.dropLast() {
      let (ax, ay) = (xy[2 * v] - origin.x, xy[2 * v + 1] - origin.y)
      let (bx, by) = (xy[2 * v + 2] - origin.x, xy[2 * v + 3] - origin.y)
      let piece = Segments.squaredDistance(ax, ay, bx, by).squareRoot()
      length += piece
      line.x += piece * (ax + bx) / 2
      line.y += piece * (ay + by) / 2
    }
    line.weight += length
    if length == 0 {
      points.weight += 1
      points.x += xy[2 * first] - origin.x
      points.y += xy[2 * first + 1] - origin.y
    }
  }

  private mutating func addRing(_ xy: UnsafePointer<Double>, _ vertices: Range<Int>, isHole: Bool) {
    guard vertices.count > 2 else { return }
    let (x0, y0) = (xy[2 * vertices.lowerBound], xy[2 * vertices.lowerBound + 1])
    var (weight, x, y) = (0.0, 0.0, 0.0)
    for v in vertices.dropLast() {
      let (ax, ay) = (xy[2 * v] - x0, xy[2 * v + 1] - y0)
      let (bx, by) = (xy[2 * v + 2] - x0, xy[2 * v + 3] - y0)
      let cross = ax * by - ay * bx
      weight += cross
      x += cross * (ax + bx)
      y += cross * (ay + by)
    }
    let sign: Double = (weight < 0) == isHole ? 1 : -1
    area.weight += sign * weight
    area.x += sign * (x / 3 + weight * (x0 - origin.x))
    area.y += sign * (y / 3 + weight * (y0 - origin.y))
  }
}
