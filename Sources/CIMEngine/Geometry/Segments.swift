/// Tests and distances of points and closed segments. Coordinates are planar; a segment may be a single point.
enum Segments {
  /// Whether p lies on the closed segment a–b, exactly.
  @inline(__always)
  static func contains(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double, _ px: Double, _ py: Double
  ) -> Bool {
    px >= min(ax, bx) && px <= max(ax, bx) && py >= min(ay, by) && py <= max(ay, by)
      && Orientation.turn(ax, ay, bx, by, px, py) == 0
  }

  /// Whether the closed segments a–b and c–d have a point in common, exactly.
  @inline(__always)
  static func meet(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double,
    _ cx: Double, _ cy: Double, _ dx: Double, _ dy: Double
  ) -> Bool {
    if max(ax, bx) < min(cx, dx) || max(cx, dx) < min(ax, bx) { return false }
    if max(ay, by) < min(cy, dy) || max(cy, dy) < min(ay, by) { return false }
    // With overlapping boxes, neither pair of ends strictly on one side is enough, collinear segments included.
    let c = Orientation.turn(ax, ay, bx, by, cx, cy)
    let d = Orientation.turn(ax, ay, bx, by, dx, dy)
    if (c > 0 && d > 0) || (c < 0 && d < 0) { return false }
    let a = Orientation.turn(cx, cy, dx, dy, ax, ay)
    let b = Orientation.turn(cx, cy, dx, dy, bx, by)
    return !((a > 0 && b > 0) || (a < 0 && b < 0))
  }

  enum Contact { case none, crossing, touching }

  /// How two closed segments meet: not at all, crossing at a point inside both, or at an end or along a stretch.
  @inline(__always)
  static func contact(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double,
    _ cx: Double, _ cy: Double, _ dx: Double, _ dy: Double
  ) -> Contact {
    if max(ax, bx) < min(cx, dx) || max(cx, dx) < min(ax, bx) { return .none }
    if max(ay, by) < min(cy, dy) || max(cy, dy) < min(ay, by) { return .none }
    let c = Orientation.turn(ax, ay, bx, by, cx, cy)
    let d = Orientation.turn(ax, ay, bx, by, dx, dy)
    if (c > 0 && d > 0) || (c < 0 && d < 0) { return .none }
    let a = Orientation.turn(cx, cy, dx, dy, ax, ay)
    let b = Orientation.turn(cx, cy, dx, dy, bx, by)
    if (a > 0 && b > 0) || (a < 0 && b < 0) { return .none }
    return c != 0 && d != 0 && a != 0 && b != 0 ? .crossing : .touching
  }

  @inline(__always)
  static func squaredDistance(_ ax: Double, _ ay: Double, _ bx: Double, _ by: Double) -> Double {
    let dx = bx - ax
    let dy = by - ay
    return dx * dx + dy * dy
  }

  /// The square of the distance from p to the closed segment a–b; 0 exactly when p lies on it.
  @inline(__always)
  static func squaredDistance(
    _ px: Double, _ py: Double, toSegment ax: Double, _ ay: Double, _ bx: Double, _ by: Double
  ) -> Double {
    let dx = bx - ax
    let dy = by - ay
    let rx = px - ax
    let ry = py - ay
    let along = rx * dx + ry * dy
    if !(along > 0) { return rx * rx + ry * ry }
    let squaredLength = dx * dx + dy * dy
    if along >= squaredLength { return squaredDistance(px, py, bx, by) }
    // The cross product stays accurate for long segments; near zero the exact one decides.
    let left = dx * ry
    let right = dy * rx
    var cross = left - right
    if abs(cross) <= 8.881784197001252e-16 * (abs(left) + abs(right)) {
      cross = Orientation.exactTurn(ax, ay, bx, by, px, py)
    }
    return cross / squaredLength * cross
  }

  /// The square of the distance between two closed segments; 0 exactly when they meet.
  @inline(__always)
  static func squaredDistance(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double,
    toSegment cx: Double, _ cy: Double, _ dx: Double, _ dy: Double
  ) -> Double {
    if meet(ax, ay, bx, by, cx, cy, dx, dy) { return 0 }
    return min(
      min(
        squaredDistance(ax, ay, toSegment: cx, cy, dx, dy), squaredDistance(bx, by, toSegment: cx, cy, dx, dy)),
      min(
        squaredDistance(cx, cy, toSegment: ax, ay, bx, by), squaredDistance(dx, dy, toSegment: ax, ay, bx, by)))
  }

  /// A bound for the squared distance of anything in a box from the squared distance of the box, which may be rounded
  /// up where the distance of the edges is rounded down.
  @inline(__always)
  static func lowerBound(_ squaredBoxDistance: Double) -> Double { squaredBoxDistance * (1 - 1e-14) }

  /// The largest square whose root is at most `distance`: comparing squares with it gives the same answer as
  /// comparing the printed distance, so that a row shown at 500 m is within 500 m.
  static func squaredLimit(_ distance: Double) -> Double {
    guard distance >= 0 else { return -1 }
    guard distance < 1e150 else { return .greatestFiniteMagnitude }
    var limit = distance * distance
    while limit.nextUp.squareRoot() <= distance { limit = limit.nextUp }
    return limit
  }
}
