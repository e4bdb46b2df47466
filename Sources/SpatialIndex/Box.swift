/// A closed axis-parallel box in `D` dimensions: touching counts as meeting.
///
/// Units and axis order are the caller's; cimq keeps x (east) in dimension 0, y (north) in 1 and height in 2.
@frozen
public struct Box<let D: Int>: Sendable {
  public var min: InlineArray<D, Double>
  public var max: InlineArray<D, Double>

  @inlinable
  public init(min: InlineArray<D, Double>, max: InlineArray<D, Double>) {
    self.min = min
    self.max = max
  }

  /// The box that meets nothing and is the neutral element of ``union(_:)``.
  @inlinable
  public static var empty: Box {
    Box(min: InlineArray(repeating: .infinity), max: InlineArray(repeating: -.infinity))
  }

  @inlinable
  public var isEmpty: Bool {
    for d in 0..<D where !(min[d] <= max[d]) { return true }
    return false
  }

  /// Whether the two share a place; touching counts. An empty box meets nothing.
  @inlinable
  public func intersects(_ other: Box) -> Bool {
    for d in 0..<D where !(min[d] <= other.max[d] && max[d] >= other.min[d]) { return false }
    return true
  }

  /// Whether every place of `other` is one of this box; the border counts, and an empty box lies in any.
  @inlinable
  public func contains(_ other: Box) -> Bool {
    for d in 0..<D where !(min[d] <= other.min[d] && max[d] >= other.max[d]) { return false }
    return true
  }

  /// The smallest box that holds both.
  @inlinable
  public func union(_ other: Box) -> Box {
    var result = self
    for d in 0..<D {
      result.min[d] = Swift.min(min[d], other.min[d])
      result.max[d] = Swift.max(max[d], other.max[d])
    }
    return result
  }

  /// The box grown by `margin` on every side.
  @inlinable
  public func expanded(by margin: Double) -> Box {
    var result = self
    for d in 0..<D {
      result.min[d] -= margin
      result.max[d] += margin
    }
    return result
  }

  /// The square of the least distance between two boxes; 0 when they meet.
  @inlinable
  public func squaredDistance(to other: Box) -> Double {
    var sum = 0.0
    for d in 0..<D {
      let gap = Swift.max(0, Swift.max(min[d] - other.max[d], other.min[d] - max[d]))
      sum += gap * gap
    }
    return sum
  }
}

extension Box: Equatable {
  @inlinable
  public static func == (a: Box, b: Box) -> Bool {
    for d in 0..<D where a.min[d] != b.min[d] || a.max[d] != b.max[d] { return false }
    return true
  }
}

/// A box in the plane: x, y.
public typealias Box2 = Box<2>
/// A box in space: x, y, z.
public typealias Box3 = Box<3>

extension Box where D == 2 {
  @inlinable
  public init(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double) {
    self.init(min: [x0, y0], max: [x1, y1])
  }
}
