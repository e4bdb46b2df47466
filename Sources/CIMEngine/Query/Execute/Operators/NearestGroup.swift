internal import SpatialIndex

/// Points that are near a whole group of neighbouring shapes: searched for once, then compared with each of them.
///
/// The k-th nearest point of any shape is no farther from it than the k-th nearest of the middle of the group's box is
/// from that middle, and half the diagonal of the box. So what lies within that of the box answers for every member.
final class NearestGroup {
  static let capacity = 64

  private(set) var count = 0
  private let xs: UnsafeMutablePointer<Double>
  private let ys: UnsafeMutablePointer<Double>
  private let rows: UnsafeMutablePointer<UInt32>
  /// Squares of distances from boxes.
  private let bounds: UnsafeMutablePointer<Double>
  /// What rounding may take from an exact distance.
  private var slack = 0.0

  init() {
    xs = .allocate(capacity: Self.capacity)
    ys = .allocate(capacity: Self.capacity)
    rows = .allocate(capacity: Self.capacity)
    bounds = .allocate(capacity: Self.capacity)
  }

  deinit {
    xs.deallocate()
    ys.deallocate()
    rows.deallocate()
    bounds.deallocate()
  }

  /// Takes in the points that can be among the `list.wanted` nearest, and no farther than `limit`, of any shape in `box`;
  /// false when there are too many.
  func take(
    _ candidates: NearestCandidates, _ box: Box2, within limit: Double, _ list: inout NearestList
  ) -> Bool {
    count = 0
    let tree = candidates.tree
    let (x, y) = (box.min[0] * 0.5 + box.max[0] * 0.5, box.min[1] * 0.5 + box.max[1] * 0.5)
    let (across, up) = (max(box.max[0] - x, x - box.min[0]), max(box.max[1] - y, y - box.min[1]))
    tree.nearest(to: Box2(x, y, x, y), into: &list)
    if list.count == 0 { return true }
    let largest = max(abs(box.min[0]), abs(box.max[0]), abs(box.min[1]), abs(box.max[1]))
    slack = largest * 0x1p-44
    var reach = limit
    if list.count == list.wanted {
      let farthest = list[list.count - 1].distance
      reach = min(reach, (farthest + (across * across + up * up).squareRoot()) * (1 + 0x1p-40))
    }
    guard reach.isFinite else { return takeAll(candidates) }
    struct Full: Error {}
    do throws(Full) {
      try tree.forEach(meeting: box.expanded(by: reach + slack)) { (item) throws(Full) in
        if count == NearestGroup.capacity { throw Full() }
        add(candidates, item)
      }
    } catch {
      return false
    }
    finish()
    return true
  }

  /// Every point: there are not as many as are wanted.
  private func takeAll(_ candidates: NearestCandidates) -> Bool {
    if candidates.tree.count > NearestGroup.capacity { return false }
    candidates.tree.forEach(meeting: candidates.tree.bounds) { item in add(candidates, item) }
    finish()
    return true
  }

  /// Puts a place that is never near after the last one: they are looked at in pairs.
  private func finish() {
    guard count < NearestGroup.capacity else { return }
    (xs[count], ys[count]) = (.infinity, .infinity)
  }

  private func add(_ candidates: NearestCandidates, _ item: Int) {
    let place = candidates.place(item)
    xs[count] = place.x
    ys[count] = place.y
    rows[count] = candidates.row(item)
    count += 1
  }

  /// What is nearest to a point of the group.
  enum Answer {
    case none
    case one(metres: Double, row: UInt32)
    /// Several are equally near.
    case tied
  }

  /// The nearest point of the group to (x, y), a point that lies in its box.
  @inline(__always)
  func nearest(toPoint x: Double, _ y: Double, within limit: Double) -> Answer {
    var low = SIMD2<Double>(repeating: .infinity)
    var i = 0
    // An odd last place is followed by one at infinity, see `finish`.
    while i < count {
      let dx = UnsafeRawPointer(xs + i).loadUnaligned(as: SIMD2<Double>.self) - x
      let dy = UnsafeRawPointer(ys + i).loadUnaligned(as: SIMD2<Double>.self) - y
      let squared = dx * dx + dy * dy
      UnsafeMutableRawPointer(bounds + i).storeBytes(of: squared, as: SIMD2<Double>.self)
      low.replace(with: squared, where: squared .< low)
      i &+= 2
    }
    let least = low.min()
    let metres = least.squareRoot()
    guard count > 0, metres <= limit else { return .none }
    // Squares that differ in their last bits can have the same root.
    let bar = least * (1 + 0x1p-50)
    var (first, near) = (0, 0)
    for i in 0..<count {
      let isNear = bounds[i] <= bar
      first = isNear ? i : first
      near &+= isNear ? 1 : 0
    }
    return near == 1 ? .one(metres: metres, row: rows[first]) : .tied
  }

  /// The points as near to a shape of the group as its `wanted` nearest, ties included, nearest first.
  ///
  /// - Parameter view: nil for the point that is all of `box`.
  /// - Precondition: the shape is not empty and lies in the group's box.
  func nearest(
    to view: GeometryView?, _ box: Box2, wanted: Int, within limit: Double,
    into found: inout [(metres: Double, row: UInt32)]
  ) {
    found.removeAll(keepingCapacity: true)
    var first = 0
    var least = Double.infinity
    for i in 0..<count {
      let dx = max(0, max(xs[i] - box.max[0], box.min[0] - xs[i]))
      let dy = max(0, max(ys[i] - box.max[1], box.min[1] - ys[i]))
      let squared = dx * dx + dy * dy
      bounds[i] = squared
      if squared < least { (least, first) = (squared, i) }
    }
    guard count > 0 else { return }
    // Nothing farther than this can come into the answer.
    var bound = limit
    measure(first, view, wanted, &bound, &found)
    var squared = (bound + slack) * (bound + slack)
    for i in 0..<count where i != first && bounds[i] <= squared {
      measure(i, view, wanted, &bound, &found)
      squared = (bound + slack) * (bound + slack)
    }
  }

  @inline(__always)
  private func measure(
    _ i: Int, _ view: GeometryView?, _ wanted: Int, _ bound: inout Double,
    _ found: inout [(metres: Double, row: UInt32)]
  ) {
    let metres: Double
    switch view?.kind {
    case nil, .point: metres = bounds[i].squareRoot()
    case .polygon, .lineString, .multiPolygon, .multiLineString:
      // Outside the box is outside.
      metres =
        (bounds[i] > 0
        ? view!.squaredDistance(toOutsidePoint: xs[i], ys[i]) : view!.squaredDistance(toPoint: xs[i], ys[i]))
        .squareRoot()
    default:
      metres = view!.vertices.reduce(.infinity) { nearest, v in
        let (dx, dy) = (view!.xy[2 * v] - xs[i], view!.xy[2 * v + 1] - ys[i])
        return min(nearest, (dx * dx + dy * dy).squareRoot())
      }
    }
    guard metres <= bound else { return }
    var at = found.count
    found.append((metres, rows[i]))
    while at > 0, found[at - 1].metres > metres {
      found[at] = found[at - 1]
      at -= 1
    }
    found[at] = (metres, rows[i])
    guard found.count >= wanted else { return }
    bound = found[wanted - 1].metres
    while found[found.count - 1].metres > bound { found.removeLast() }
  }
}
