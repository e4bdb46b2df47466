internal import SpatialIndex

/// A water surface through points with known levels: inverse distance weighting (Shepard 1968, power 2) over the twelve
/// nearest points; at a point its own level. Between the lowest and the highest level everywhere, and it rises where any
/// of the levels does.
final class LevelSurface: Sendable {
  struct Point: Sendable, Equatable {
    var x: Double
    var y: Double
    var level: Double
  }
  static let neighbours = 12

  let points: [Point]
  private let tree: PackedRTree<2>

  init(_ points: [Point]) {
    self.points = points
    tree = PackedRTree(points.map { Box2($0.x, $0.y, $0.x, $0.y) })
  }

  /// NaN when there are no points.
  func level(_ x: Double, _ y: Double) -> Double {
    var (sum, weights) = (0.0, 0.0)
    for near in tree.nearest(to: Box2(x, y, x, y), count: Self.neighbours) {
      if near.squaredDistance == 0 { return points[near.item].level }
      let weight = 1 / near.squaredDistance
      sum += weight * points[near.item].level
      weights += weight
    }
    return weights > 0 ? sum / weights : .nan
  }

  // MARK: As an argument

  /// The name of the function that statements are rewritten to: (geometry, text of the points).
  static let function = "LEVEL_SURFACE"

  var text: String { points.map { "\($0.x) \($0.y) \($0.level)" }.joined(separator: ";") }

  convenience init?(text: String) {
    var points: [Point] = []
    for entry in text.split(separator: ";") {
      let numbers = entry.split(separator: " ").compactMap { Double($0) }
      guard numbers.count == 3, numbers.allSatisfy(\.isFinite) else { return nil }
      points.append(Point(x: numbers[0], y: numbers[1], level: numbers[2]))
    }
    self.init(points)
  }
}

extension LevelSurface {
  /// The level at the place of a shape; NaN for one without a place.
  func level(at shape: Shape) -> Double {
    let place: (x: Double, y: Double)?
    switch shape {
    case .none: place = nil
    case .view(let view): place = view.placePoint()
    case .collection(let value):
      place = value.box.map { ($0.min[0] / 2 + $0.max[0] / 2, $0.min[1] / 2 + $0.max[1] / 2) }
    }
    return place.map { level($0.x, $0.y) } ?? .nan
  }
}
