internal import SpatialIndex

extension GeometryView {
  /// The point that stands for a geometry when it is matched: a point itself (the first of several), the middle of a line
  /// by length, for a polygon the centroid when that lies inside, else the middle of the widest run inside at half
  /// height; of several parts the largest. Nil for an empty geometry.
  ///
  /// The point of a polygon lies inside it, so a building is matched by a place that is its own.
  func placePoint() -> (x: Double, y: Double)? {
    if isEmpty { return nil }
    let first = vertices.lowerBound
    switch dimension {
    case 0: return (xy[2 * first], xy[2 * first + 1])
    case 1: return largestPart { $0.length }.middleOfLine()
    default: return largestPart { $0.area }.insidePoint()
    }
  }

  private func largestPart(_ size: (GeometryView) -> Double) -> GeometryView {
    if partCount == 1 { return part(0) }
    var best = (part: 0, size: -Double.infinity)
    for p in 0..<partCount where !part(p).isEmpty {
      let own = size(part(p))
      if own > best.size { best = (p, own) }
    }
    return part(best.part)
  }

  private func middleOfLine() -> (x: Double, y: Double) {
    var left = length / 2
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      let (dx, dy) = (xy[2 * w] - xy[2 * v], xy[2 * w + 1] - xy[2 * v + 1])
      let step = (dx * dx + dy * dy).squareRoot()
      if step >= left, step > 0 {
        return (xy[2 * v] + dx * (left / step), xy[2 * v + 1] + dy * (left / step))
      }
      left -= step
    }
    let last = vertices.upperBound - 1
    return (xy[2 * last], xy[2 * last + 1])
  }

  private func insidePoint() -> (x: Double, y: Double) {
    let first = vertices.lowerBound
    if let centre = centroid, locate(centre.x, centre.y) == .inside { return (centre.x, centre.y) }
    guard let box else { return (xy[2 * first], xy[2 * first + 1]) }
    // Half height first, then other heights, until a run with an inside is found.
    for share in [0.5, 0.375, 0.625, 0.25, 0.75, 0.4375, 0.5625, 0.1, 0.9] {
      let y = box.min[1] + (box.max[1] - box.min[1]) * share
      var crossings: [Double] = []
      var edges = EdgeCursor(self)
      while let (v, w) = edges.next() {
        let (y0, y1) = (xy[2 * v + 1], xy[2 * w + 1])
        guard (y0 > y) != (y1 > y) else { continue }
        crossings.append(xy[2 * v] + (xy[2 * w] - xy[2 * v]) * ((y - y0) / (y1 - y0)))
      }
      crossings.sort()
      var best = (x: 0.0, width: 0.0)
      for i in stride(from: 0, to: crossings.count - 1, by: 2) {
        let width = crossings[i + 1] - crossings[i]
        if width > best.width { best = ((crossings[i] + crossings[i + 1]) / 2, width) }
      }
      if best.width > 0, locate(best.x, y) == .inside { return (best.x, y) }
    }
    return (xy[2 * first], xy[2 * first + 1])
  }
}
