internal import SpatialIndex

/// The geometries of a layer in the order of the source, flat as in GeoArrow.
final class GeometryAccumulator {
  let kinds = GrowingBuffer<UInt8>()
  let geometryOffsets = GrowingBuffer<UInt32>()
  let partOffsets = GrowingBuffer<UInt32>()
  let ringOffsets = GrowingBuffer<UInt32>()
  let xy = GrowingBuffer<Double>()
  /// One height for each vertex, NaN where there is none; nil while there is no height at all.
  private(set) var z: GrowingBuffer<Double>?
  /// WKB of collections, by index.
  private(set) var collections: [(index: Int, box: Box2?, bytes: [UInt8])] = []
  /// True while every geometry is a single point.
  private(set) var isOnlyPoints = true
  /// Rows that have a box.
  private(set) var placedCount = 0
  /// Geometries left out because a coordinate is not a finite number, and the first of them.
  private(set) var notFinite = 0
  private(set) var firstNotFinite = 0
  /// Offsets are 32 bits wide.
  private(set) var isOverfull = false

  var count: Int { kinds.count }
  var vertexCount: Int { xy.count / 2 }

  init() {
    geometryOffsets.append(0)
    partOffsets.append(0)
    ringOffsets.append(0)
  }

  func appendNull() {
    kinds.append(0)
    geometryOffsets.append(UInt32(truncatingIfNeeded: partOffsets.count - 1))
  }

  private func appendNotFinite() {
    if notFinite == 0 { firstNotFinite = count }
    notFinite += 1
    appendNull()
  }

  func append(_ geometry: Geometry?) {
    guard let geometry else { return appendNull() }
    guard geometry.kind == .geometryCollection else { return geometry.withView { append($0) } }
    if !Self.isFinite(geometry) { return appendNotFinite() }
    let box = geometry.box
    collections.append((count, box, WKB.write(geometry)))
    if box != nil { placedCount += 1 }
    isOnlyPoints = false
    appendNull()
    kinds[count - 1] = GeometryKind.geometryCollection.rawValue
  }

  private static func isFinite(_ geometry: Geometry) -> Bool {
    geometry.xy.allSatisfy(\.isFinite) && geometry.members.allSatisfy { isFinite($0) }
  }

  func append(_ view: GeometryView) {
    let vertices = view.vertices
    for i in 2 * vertices.lowerBound..<2 * vertices.upperBound where !view.xy[i].isFinite {
      return appendNotFinite()
    }
    for part in 0..<view.partCount {
      for ring in view.rings(ofPart: part) {
        let own = view.vertices(ofRing: ring)
        xy.append(UnsafeBufferPointer(start: view.xy + 2 * own.lowerBound, count: 2 * own.count))
        if let heights = view.z {
          backfillHeights(upTo: vertexCount - own.count)
          z!.append(UnsafeBufferPointer(start: heights + own.lowerBound, count: own.count))
        } else if let z {
          z.append(repeating: .nan, count: own.count)
        }
        ringOffsets.append(UInt32(truncatingIfNeeded: vertexCount))
      }
      partOffsets.append(UInt32(truncatingIfNeeded: ringOffsets.count - 1))
    }
    if vertexCount > Int(UInt32.max) || ringOffsets.count > Int(UInt32.max) { isOverfull = true }
    if view.kind != .point || vertices.count > 1 { isOnlyPoints = false }
    if !vertices.isEmpty { placedCount += 1 }
    kinds.append(view.kind.rawValue)
    geometryOffsets.append(UInt32(truncatingIfNeeded: partOffsets.count - 1))
  }

  /// Appends a single point: the hot case of a city's units.
  func appendPoint(_ x: Double, _ y: Double, z height: Double?) {
    guard x.isFinite, y.isFinite else { return appendNotFinite() }
    xy.append(x)
    xy.append(y)
    if let height {
      backfillHeights(upTo: vertexCount - 1)
      z!.append(height)
    } else if let z {
      z.append(.nan)
    }
    if vertexCount > Int(UInt32.max) { isOverfull = true }
    placedCount += 1
    ringOffsets.append(UInt32(truncatingIfNeeded: vertexCount))
    partOffsets.append(UInt32(truncatingIfNeeded: ringOffsets.count - 1))
    kinds.append(GeometryKind.point.rawValue)
    geometryOffsets.append(UInt32(truncatingIfNeeded: partOffsets.count - 1))
  }

  private func backfillHeights(upTo vertices: Int) {
    if z == nil {
      z = GrowingBuffer(capacity: max(64, vertices + vertices / 2))
      z!.append(repeating: .nan, count: vertices)
    }
  }

  func vertices(of row: Int) -> Range<Int> {
    let (first, last) = (Int(geometryOffsets[row]), Int(geometryOffsets[row + 1]))
    return Int(ringOffsets[Int(partOffsets[first])])..<Int(ringOffsets[Int(partOffsets[last])])
  }

  /// The box of every row; empty where there is none.
  func boxes() -> GrowingBuffer<Box2> {
    let boxes = GrowingBuffer<Box2>(capacity: count)
    for row in 0..<count {
      let vertices = vertices(of: row)
      var (x0, y0, x1, y1) = (Double.infinity, Double.infinity, -Double.infinity, -Double.infinity)
      for v in vertices {
        let (x, y) = (xy[2 * v], xy[2 * v + 1])
        x0 = min(x0, x); x1 = max(x1, x); y0 = min(y0, y); y1 = max(y1, y)
      }
      boxes.append(Box2(x0, y0, x1, y1))
    }
    for member in collections { boxes[member.index] = member.box ?? .empty }
    return boxes
  }
}
