/// Adds to a NEAREST result the direction in which each row lies: a column `bearing` before `distance`.
///
/// Bearings are geodesic, clockwise from north, from the asked coordinate to the nearest point of the row's shape.
public final class BearingSink: RowSink {
  /// How a bearing is written.
  public enum Spelling: Sendable {
    /// A number of degrees, one decimal.
    case degrees
    /// `NE 43°`, `东北 43°`: for people.
    case compass(chinese: Bool)
  }

  private var sink: any RowSink
  private let spelling: Spelling
  private let origin: (longitude: Double, latitude: Double)
  private var toDegrees: CRSTransform?
  private var originInWorkingCRS: Geometry
  private let originCRS: CRS
  private var insertAt = 0
  private var sinkWantsShapes: Bool

  /// - Throws: ``CRSError`` when the coordinate cannot be brought into WGS 84.
  public init(
    _ sink: any RowSink, longitude: Double, latitude: Double, crs: CRS, spelling: Spelling
  ) throws {
    self.sink = sink
    self.spelling = spelling
    sinkWantsShapes = sink.wantsShapes
    var point = Geometry.point(longitude, latitude)
    originInWorkingCRS = point
    originCRS = crs
    if crs != .wgs84 { try CRSTransform.between(crs, .wgs84).apply(&point) }
    origin = (point.xy[0], point.xy[1])
  }

  public var wantsShapes: Bool { true }

  public func begin(_ header: ResultHeader) throws {
    if originCRS != header.crs { try CRSTransform.between(originCRS, header.crs).apply(&originInWorkingCRS) }
    toDegrees = header.crs == .wgs84 ? nil : try CRSTransform.between(header.crs, .wgs84)
    insertAt = header.distanceColumn ?? header.columns.count
    var header = header
    let type: ColumnType = if case .degrees = spelling { .double } else { .text }
    header.columns.insert(ResultColumn(name: "bearing", type: type), at: insertAt)
    header.distanceColumn = header.distanceColumn.map { $0 + 1 }
    try sink.begin(header)
  }

  public func write(_ batch: RowBatch) throws {
    var batch = batch
    var bearings: [Double?] = []
    for row in 0..<batch.rowCount {
      guard row < batch.shapes.count, let shape = batch.shapes[row], !shape.isEmpty else {
        bearings.append(nil)
        continue
      }
      let (x, y) = shape.nearestPoint(toX: originInWorkingCRS.xy[0], y: originInWorkingCRS.xy[1])
      var target = Geometry.point(x, y)
      try toDegrees?.apply(&target)
      let isSame = x == originInWorkingCRS.xy[0] && y == originInWorkingCRS.xy[1]
      bearings.append(
        isSame
          ? nil
          : try Geodesic.way(
            fromLongitude: origin.longitude, latitude: origin.latitude, toLongitude: target.xy[0],
            latitude: target.xy[1]
          ).initialBearing)
    }
    let validity = bearings.map { $0 != nil }
    let vector: Vector =
      switch spelling {
      case .degrees: Vector(.double(bearings.map { (($0 ?? 0) * 10).rounded() / 10 }), validity: validity)
      case .compass(let chinese):
        Vector(.text(bearings.map { $0.map { Self.compass($0, chinese: chinese) } ?? "" }), validity: validity)
      }
    batch.columns.insert(vector, at: insertAt)
    if !sinkWantsShapes { (batch.shapes, batch.ids) = ([], []) }
    try sink.write(batch)
  }

  public func end(notices: [String]) throws { try sink.end(notices: notices) }

  static func compass(_ degrees: Double, chinese: Bool) -> String {
    let names =
      chinese
      ? ["北", "东北", "东", "东南", "南", "西南", "西", "西北"] : ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    let sector = Int((degrees / 45).rounded()) % 8
    let rounded = Int(degrees.rounded()) % 360
    return "\(names[(sector + 8) % 8]) \(rounded)°"
  }
}

extension Geometry {
  /// The point of the geometry that is nearest to (x, y), which is (x, y) itself inside a polygon. Planar.
  func nearestPoint(toX x: Double, y: Double) -> (Double, Double) {
    var best = (x: Double.nan, y: Double.nan)
    var bestSquared = Double.infinity
    func offer(_ px: Double, _ py: Double) {
      let squared = (px - x) * (px - x) + (py - y) * (py - y)
      if squared < bestSquared { (best, bestSquared) = ((px, py), squared) }
    }
    for member in members {
      let (px, py) = member.nearestPoint(toX: x, y: y)
      offer(px, py)
    }
    if kind == .polygon || kind == .multiPolygon, squaredDistance(to: .point(x, y)) == 0 { return (x, y) }
    for ring in 0..<max(ringOffsets.count - 1, 0) {
      let (start, end) = (Int(ringOffsets[ring]), Int(ringOffsets[ring + 1]))
      for v in start..<end {
        let (ax, ay) = (xy[2 * v], xy[2 * v + 1])
        guard v + 1 < end else {
          offer(ax, ay)
          continue
        }
        let (dx, dy) = (xy[2 * v + 2] - ax, xy[2 * v + 3] - ay)
        let length = dx * dx + dy * dy
        let t = length > 0 ? min(max(((x - ax) * dx + (y - ay) * dy) / length, 0), 1) : 0
        offer(ax + t * dx, ay + t * dy)
      }
    }
    return (best.x, best.y)
  }
}
