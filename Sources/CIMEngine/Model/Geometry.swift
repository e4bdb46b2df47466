public import SpatialIndex

/// The seven geometry types of OGC Simple Features (06-103r4), numbered as in WKB.
public enum GeometryKind: UInt8, Sendable, CaseIterable {
  case point = 1, lineString, polygon, multiPoint, multiLineString, multiPolygon, geometryCollection
}

/// A geometry that owns its coordinates, stored flat as in GeoArrow.
///
/// x is east or longitude, y is north or latitude, always; the CRS is that of whoever holds the value.
/// Nesting is by offsets: part `p` of a multi geometry has the rings `partOffsets[p]..<partOffsets[p + 1]`,
/// ring (or line) `r` has the vertices `ringOffsets[r]..<ringOffsets[r + 1]`. Every kind fills both tables:
/// a point is one part with one ring of one vertex, a polygon one part whose first ring is the outer one,
/// a line one part with one ring. Rings are closed (first vertex repeated). An empty geometry has no parts.
/// A collection keeps its members in `members` and has no vertices of its own.
public struct Geometry: Hashable, Sendable {
  public var kind: GeometryKind
  /// x0, y0, x1, y1, …
  public var xy: [Double]
  /// One height for each vertex, or empty for a 2D geometry. NaN where a vertex has none.
  public var z: [Double]
  public var ringOffsets: [UInt32]
  public var partOffsets: [UInt32]
  public var members: [Geometry]

  public init(
    kind: GeometryKind, xy: [Double] = [], z: [Double] = [], ringOffsets: [UInt32] = [0],
    partOffsets: [UInt32] = [0], members: [Geometry] = []
  ) {
    self.kind = kind
    self.xy = xy
    self.z = z
    self.ringOffsets = ringOffsets
    self.partOffsets = partOffsets
    self.members = members
  }

  /// A point at `x` (east, or longitude) and `y` (north, or latitude).
  public static func point(_ x: Double, _ y: Double, z: Double? = nil) -> Geometry {
    Geometry(kind: .point, xy: [x, y], z: z.map { [$0] } ?? [], ringOffsets: [0, 1], partOffsets: [0, 1])
  }

  /// A line string through `xy` (x0, y0, x1, y1, …).
  public static func line(_ xy: [Double], z: [Double] = []) -> Geometry {
    Geometry(
      kind: .lineString, xy: xy, z: z, ringOffsets: [0, UInt32(xy.count / 2)], partOffsets: [0, 1])
  }

  /// A polygon from closed rings, the outer one first.
  public static func polygon(_ rings: [[Double]]) -> Geometry {
    var result = Geometry(kind: .polygon)
    result.appendPart(rings: rings)
    return result
  }

  /// The closed rectangle `box` as a polygon, counter-clockwise.
  public static func rectangle(_ box: Box2) -> Geometry {
    let (x0, y0, x1, y1) = (box.min[0], box.min[1], box.max[0], box.max[1])
    return polygon([[x0, y0, x1, y0, x1, y1, x0, y1, x0, y0]])
  }

  /// Adds one part (a polygon with its rings, a line, a point) to a multi geometry or to an empty single one.
  public mutating func appendPart(rings: [[Double]], z ringZ: [[Double]] = []) {
    for ring in rings {
      xy.append(contentsOf: ring)
      ringOffsets.append(UInt32(xy.count / 2))
    }
    for ring in ringZ { z.append(contentsOf: ring) }
    partOffsets.append(UInt32(ringOffsets.count - 1))
  }

  public var vertexCount: Int { xy.count / 2 }
  public var hasZ: Bool { !z.isEmpty || members.contains { $0.hasZ } }
  public var isEmpty: Bool { xy.isEmpty && members.allSatisfy(\.isEmpty) }

  /// The bounding box in x and y, or nil for an empty geometry.
  public var box: Box2? {
    var result: Box2? = nil
    for member in members {
      if let box = member.box { result = result?.union(box) ?? box }
    }
    guard xy.count >= 2 else { return result }
    var (x0, y0, x1, y1) = (xy[0], xy[1], xy[0], xy[1])
    var i = 2
    while i + 1 < xy.count {
      let (x, y) = (xy[i], xy[i + 1])
      x0 = min(x0, x); x1 = max(x1, x); y0 = min(y0, y); y1 = max(y1, y)
      i += 2
    }
    let own = Box2(min: [x0, y0], max: [x1, y1])
    return result?.union(own) ?? own
  }

  /// Calls `body` with a borrowed view of a geometry that is not a collection.
  public func withView<R, E: Error>(_ body: (GeometryView) throws(E) -> R) throws(E) -> R {
    // Typed throws do not pass through withUnsafeBufferPointer; a Result carries the error.
    let result: Result<R, E> = xy.withUnsafeBufferPointer { xy in
      z.withUnsafeBufferPointer { z in
        ringOffsets.withUnsafeBufferPointer { rings in
          partOffsets.withUnsafeBufferPointer { parts in
            let view = GeometryView(
              kind: kind, xy: xy.baseAddress ?? GeometryView.noCoordinates,
              z: z.isEmpty ? nil : z.baseAddress, ringOffsets: rings.baseAddress!,
              partOffsets: parts.baseAddress!, partCount: parts.count - 1)
            do throws(E) { return .success(try body(view)) } catch { return .failure(error) }
          }
        }
      }
    }
    return try result.get()
  }
}

/// A borrowed geometry: pointers into a `Geometry` or into a mapped snapshot segment. Valid only as long as its owner.
///
/// Layout as in ``Geometry``, but the offsets are absolute: `partOffsets[0]` is the first ring of this geometry in
/// `ringOffsets`, and the ring offsets count vertices from `xy`.
public struct GeometryView: @unchecked Sendable {
  public let kind: GeometryKind
  public let xy: UnsafePointer<Double>
  public let z: UnsafePointer<Double>?
  public let ringOffsets: UnsafePointer<UInt32>
  public let partOffsets: UnsafePointer<UInt32>
  public let partCount: Int

  nonisolated(unsafe) static let noCoordinates = UnsafePointer(UnsafeMutablePointer<Double>.allocate(capacity: 1))

  @inlinable
  public init(
    kind: GeometryKind, xy: UnsafePointer<Double>, z: UnsafePointer<Double>?,
    ringOffsets: UnsafePointer<UInt32>, partOffsets: UnsafePointer<UInt32>, partCount: Int
  ) {
    self.kind = kind
    self.xy = xy
    self.z = z
    self.ringOffsets = ringOffsets
    self.partOffsets = partOffsets
    self.partCount = partCount
  }

  /// Rings of part `part`, as indices for ``vertices(ofRing:)``.
  @inlinable public func rings(ofPart part: Int) -> Range<Int> {
    Int(partOffsets[part])..<Int(partOffsets[part + 1])
  }
  /// All rings of all parts.
  @inlinable public var rings: Range<Int> { Int(partOffsets[0])..<Int(partOffsets[partCount]) }
  /// Vertices of a ring: vertex `v` is (`xy[2 * v]`, `xy[2 * v + 1]`).
  @inlinable public func vertices(ofRing ring: Int) -> Range<Int> {
    Int(ringOffsets[ring])..<Int(ringOffsets[ring + 1])
  }
  @inlinable public var vertices: Range<Int> {
    Int(ringOffsets[rings.lowerBound])..<Int(ringOffsets[rings.upperBound])
  }
  @inlinable public var isEmpty: Bool { partCount == 0 || vertices.isEmpty }

  /// A copy that owns its coordinates.
  public func copy() -> Geometry {
    let (rings, vertices) = (self.rings, self.vertices)
    return Geometry(
      kind: kind,
      xy: Array(UnsafeBufferPointer(start: xy + 2 * vertices.lowerBound, count: 2 * vertices.count)),
      z: z.map { Array(UnsafeBufferPointer(start: $0 + vertices.lowerBound, count: vertices.count)) } ?? [],
      ringOffsets: (rings.lowerBound...rings.upperBound).map { ringOffsets[$0] - UInt32(vertices.lowerBound) },
      partOffsets: (0...partCount).map { partOffsets[$0] - UInt32(rings.lowerBound) })
  }
}
