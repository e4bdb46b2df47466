/// Derives what a source with solids leaves unsaid: the 2D shape of every object, and of buildings and their parts
/// also area, ground, height, eaves, volume and floors. The names of what was derived go into the column `derived`.
///
/// Used by the import between reprojection and the store.
package struct BuildingShape: Sendable {
  private struct Columns: Sendable {
    var height, groundZ, roofHeight, volume, area, floors, derived: Int
  }

  private var columns: Columns?
  private let isGeographic: Bool

  /// - Parameters:
  ///   - layer: the layer of the survey whose features are to be completed.
  ///   - isGeographic: coordinates are degrees: area and volume stay NULL.
  package init(layer: SourceSurvey.Layer, isGeographic: Bool = false) {
    self.isGeographic = isGeographic
    func column(_ name: String) -> Int? { layer.columns.firstIndex { $0.name == name } }
    if let derived = column("derived"), let height = column("height"), let groundZ = column("ground_z"),
      let roofHeight = column("roof_height"), let volume = column("volume"), let area = column("area"),
      let floors = column("floors")
    {
      columns = Columns(
        height: height, groundZ: groundZ, roofHeight: roofHeight, volume: volume, area: area, floors: floors,
        derived: derived)
    }
  }

  /// Storey height that a floor count is estimated by, in metres.
  static let storeyHeight = 3.0
  /// No floors are made of a height beyond this: it is a mistake of the source.
  static let tallest = 2_000.0

  /// Fills in the geometry and the columns that are NULL. The solids must be in the working CRS, heights in metres.
  ///
  /// The shape is that of ``footprint(of:)``; for 3D figures those solids count that ``main(of:object:)`` chooses.
  /// - Throws: when GEOS cannot unite the surfaces.
  package func derive(into feature: inout Feature) throws(StoreError) {
    guard !feature.solids.isEmpty else { return }
    var derived: [String] = []
    if feature.geometry == nil, let footprint = try Self.footprint(of: feature.solids, object: feature.id) {
      feature.geometry = footprint
      derived.append("footprint")
    }
    guard let columns else { return }
    func fill(_ column: Int, _ name: String, _ value: Value?) {
      guard feature.values[column].isNull, let value else { return }
      feature.values[column] = value
      derived.append(name)
    }
    if !isGeographic, let area = feature.geometry.map({ $0.withView { abs($0.area) } }), area > 0 {
      fill(columns.area, "area", .double(area))
    }
    let main = Self.main(of: feature.solids, object: feature.id)
    let bodies = main.isEmpty || main.allSatisfy { $0.lod.hasPrefix("0") } ? [] : main
    if let measures = Measures(bodies) {
      fill(columns.groundZ, "ground_z", .double(measures.ground))
      let height = measures.top - measures.ground
      if height > 0 { fill(columns.height, "height", .double(height)) }
      if let eaves = measures.eaves, eaves > measures.ground {
        fill(columns.roofHeight, "roof_height", .double(eaves - measures.ground))
      }
      if !isGeographic, let volume = Self.volume(of: bodies) { fill(columns.volume, "volume", .double(volume)) }
    }
    if let height = feature.values[columns.height].number, height > 0, height < Self.tallest {
      fill(columns.floors, "floors", .int(max(1, Int64((height / Self.storeyHeight).rounded()))))
    }
    if !derived.isEmpty { feature.values[columns.derived] = .text(derived.joined(separator: ",")) }
  }

  /// What stands for an object in 3D: the solids of the highest level of detail, or where there are none its other
  /// surfaces of the highest level. Parts count each by their own highest level; the object's own geometry counts
  /// beside that of its parts only when it is as detailed.
  static func main(of solids: [SolidGeometry], object: String) -> [SolidGeometry] {
    let bodies = solids.filter { $0.isSolid }
    let candidates = bodies.isEmpty ? solids : bodies
    var best: [String: Double] = [:]
    for solid in candidates { best[solid.object] = max(best[solid.object] ?? -.infinity, solid.level) }
    let top = best.values.max() ?? 0
    let hasParts = best.count > (best[object] == nil ? 0 : 1)
    return candidates.filter { solid in
      guard solid.level == best[solid.object] else { return false }
      return solid.object != object || !hasParts || solid.level == top
    }
  }

  /// The outline on the ground as one valid MULTIPOLYGON, counter-clockwise, or nil when all surfaces stand upright.
  ///
  /// Of each solid its ground surfaces if it names any, else the surfaces that face down, else (for surfaces without
  /// an inside) all that are not upright, seen from above. An object that has surfaces of LoD 0 alone gives those.
  static func footprint(of solids: [SolidGeometry], object: String) throws(StoreError) -> Geometry? {
    var flat = Geometry(kind: .multiPolygon)
    let main = main(of: solids, object: object)
    let bodies = main.filter { $0.level > 0 || $0.lod.isEmpty }
    for solid in bodies.isEmpty ? main : bodies { appendGround(of: solid, to: &flat) }
    let parts = flat.partOffsets.count - 1
    guard parts > 0 else { return nil }
    if parts == 1 { return flat.oriented }
    // Surfaces overlap or share edges: united they make a valid geometry.
    let united: Geometry
    do throws(StoreError) { united = try GEOSGeometry(flat).unaryUnion().geometry() } catch {
      united = try repaired(flat).unaryUnion().geometry()
    }
    var result = Geometry(kind: .multiPolygon)
    result.appendPolygons(of: united)
    return result.isEmpty ? nil : result.oriented
  }

  /// Each polygon made valid by itself: repairing them together would cut holes where two overlap.
  private static func repaired(_ flat: Geometry) throws(StoreError) -> GEOSGeometry {
    var result = Geometry(kind: .multiPolygon)
    for part in 0..<flat.partOffsets.count - 1 {
      var polygon = Geometry(kind: .polygon)
      flat.withView { polygon.appendFlat(part: part, of: $0) }
      result.appendPolygons(of: try GEOSGeometry(polygon).madeValid().geometry())
    }
    return try GEOSGeometry(result)
  }

  private static func appendGround(of solid: SolidGeometry, to flat: inout Geometry) {
    solid.surfaces.withView { view in
      let isGround = { (part: Int) in part < solid.semantics.count && solid.semantics[part] == "GroundSurface" }
      var chosen: [Int] = []
      if !solid.semantics.isEmpty {
        chosen = (0..<view.partCount).filter { isGround($0) && !view.isUpright(part: $0) }
      }
      if chosen.isEmpty, solid.isSolid {
        chosen = (0..<view.partCount).filter { view.normal(ofPart: $0).z < 0 && !view.isUpright(part: $0) }
      }
      if chosen.isEmpty { chosen = (0..<view.partCount).filter { !view.isUpright(part: $0) } }
      for part in chosen { flat.appendFlat(part: part, of: view) }
    }
  }

  /// Lowest, highest and eaves level of some solids.
  private struct Measures {
    var ground = Double.infinity
    var top = -Double.infinity
    /// The lowest point of any roof.
    var eaves: Double? = nil

    /// Nil without heights.
    init?(_ solids: [SolidGeometry]) {
      for solid in solids {
        let hasRoof = solid.semantics.contains { $0 == "RoofSurface" }
        solid.surfaces.withView { view in
          guard let z = view.z else { return }
          for part in 0..<view.partCount {
            let rings = view.rings(ofPart: part)
            guard !rings.isEmpty else { continue }
            var (low, high) = (Double.infinity, -Double.infinity)
            for vertex in view.vertices(ofRing: rings.lowerBound) where z[vertex].isFinite {
              low = min(low, z[vertex])
              high = max(high, z[vertex])
            }
            ground = min(ground, low)
            top = max(top, high)
            let isRoof =
              hasRoof
              ? solid.semantics[part] == "RoofSurface"
              : solid.isSolid && !view.isUpright(part: part) && view.normal(ofPart: part).z > 0
            if isRoof, low.isFinite { eaves = min(eaves ?? low, low) }
          }
        }
      }
      guard ground <= top else { return nil }
    }
  }

  /// The volume in cubic metres by the divergence theorem, or nil when there are no solids or one of them does not
  /// close. Faces of a closed surface cancel: their area vectors add up to zero.
  static func volume(of solids: [SolidGeometry]) -> Double? {
    let bodies = solids.filter { $0.isSolid }
    guard !bodies.isEmpty else { return nil }
    var total = 0.0
    for solid in bodies {
      guard let volume = solid.surfaces.withView({ $0.closedVolume }) else { return nil }
      total += volume
    }
    return total > 0 ? total : nil
  }
}

extension SolidGeometry {
  /// Whether it encloses space.
  var isSolid: Bool { kind.hasSuffix("Solid") }
  /// The level of detail as a number; -1 where none is stated.
  var level: Double { Double(lod) ?? -1 }
}

extension GeometryView {
  /// Newell's normal of a part's outer ring: its length is twice the ring's area, it points to the side from which
  /// the ring turns counter-clockwise.
  func normal(ofPart part: Int) -> (x: Double, y: Double, z: Double) {
    let rings = rings(ofPart: part)
    return rings.isEmpty ? (0, 0, 0) : normal(ofRing: rings.lowerBound)
  }

  private func normal(ofRing ring: Int) -> (x: Double, y: Double, z: Double) {
    var n = (x: 0.0, y: 0.0, z: 0.0)
    let vertices = vertices(ofRing: ring)
    guard let z, vertices.count >= 3 else { return n }
    let o = vertices.lowerBound
    let (x0, y0, z0) = (xy[2 * o], xy[2 * o + 1], z[o])
    for i in vertices.dropLast() {
      let (ax, ay, az) = (xy[2 * i] - x0, xy[2 * i + 1] - y0, z[i] - z0)
      let (bx, by, bz) = (xy[2 * i + 2] - x0, xy[2 * i + 3] - y0, z[i + 1] - z0)
      n.x += ay * bz - az * by
      n.y += az * bx - ax * bz
      n.z += ax * by - ay * bx
    }
    return n
  }

  /// Whether a part is so steep that its projection has no area to speak of.
  func isUpright(part: Int) -> Bool {
    let n = normal(ofPart: part)
    return abs(n.z) <= 1e-3 * (n.x * n.x + n.y * n.y + n.z * n.z).squareRoot()
  }

  /// The volume within the surfaces, or nil when they do not close.
  fileprivate var closedVolume: Double? {
    guard let z, !isEmpty else { return nil }
    // Near the origin the products keep their digits.
    let first = vertices.lowerBound
    let (x0, y0, z0) = (xy[2 * first], xy[2 * first + 1], z[first])
    var sum = (x: 0.0, y: 0.0, z: 0.0)
    var (volume, area) = (0.0, 0.0)
    for ring in rings {
      let n = normal(ofRing: ring)
      sum.x += n.x
      sum.y += n.y
      sum.z += n.z
      area += (n.x * n.x + n.y * n.y + n.z * n.z).squareRoot()
      let o = vertices(ofRing: ring).lowerBound
      volume += (xy[2 * o] - x0) * n.x + (xy[2 * o + 1] - y0) * n.y + (z[o] - z0) * n.z
    }
    let gap = (sum.x * sum.x + sum.y * sum.y + sum.z * sum.z).squareRoot()
    guard area > 0, gap <= 1e-3 * area else { return nil }
    return abs(volume) / 6
  }
}

extension Geometry {
  /// Adds one part of a view without its heights.
  fileprivate mutating func appendFlat(part: Int, of view: GeometryView) {
    for ring in view.rings(ofPart: part) {
      let vertices = view.vertices(ofRing: ring)
      xy.append(contentsOf: UnsafeBufferPointer(start: view.xy + 2 * vertices.lowerBound, count: 2 * vertices.count))
      ringOffsets.append(UInt32(xy.count / 2))
    }
    partOffsets.append(UInt32(ringOffsets.count - 1))
  }

  /// Adds the polygons of any geometry, in collections too.
  fileprivate mutating func appendPolygons(of other: Geometry) {
    for member in other.members { appendPolygons(of: member) }
    guard other.kind == .polygon || other.kind == .multiPolygon, !other.isEmpty else { return }
    other.withView { view in
      for part in 0..<view.partCount { appendFlat(part: part, of: view) }
    }
  }

  /// Outer rings counter-clockwise, holes clockwise.
  fileprivate var oriented: Geometry {
    var result = self
    for part in 0..<partOffsets.count - 1 {
      for ring in Int(partOffsets[part])..<Int(partOffsets[part + 1]) {
        let (start, end) = (Int(ringOffsets[ring]), Int(ringOffsets[ring + 1]))
        guard end - start >= 3 else { continue }
        var twice = 0.0
        let (x0, y0) = (xy[2 * start], xy[2 * start + 1])
        for i in start..<end - 1 {
          twice += (xy[2 * i] - x0) * (xy[2 * i + 3] - y0) - (xy[2 * i + 2] - x0) * (xy[2 * i + 1] - y0)
        }
        let isOuter = ring == Int(partOffsets[part])
        guard (twice > 0) != isOuter, twice != 0 else { continue }
        for i in 0..<end - start {
          result.xy[2 * (start + i)] = xy[2 * (end - 1 - i)]
          result.xy[2 * (start + i) + 1] = xy[2 * (end - 1 - i) + 1]
        }
      }
    }
    return result
  }
}
