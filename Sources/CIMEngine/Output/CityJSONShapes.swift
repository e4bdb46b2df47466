/// Geometries as CityJSON writes them (https://www.cityjson.org/specs/2.0.1/#geometry-objects): lists of the numbers of
/// vertices, which are kept once, as whole numbers of `scale` from `origin`.
struct CityJSONShapes {
  /// For messages.
  private let path: String
  /// Units of the working CRS; heights are in millimetres.
  let scale: Double
  private(set) var origin = (x: 0.0, y: 0.0)
  private var vertices: [SIMD4<Int64>: Int] = [:]
  /// The vertices so far, with commas between them.
  private(set) var vertexText: [UInt8] = []
  private var lostAppearance = 0
  private var lostSolids = 0
  private var withoutLod = 0
  /// The object whose geometries come next, for messages.
  var object = (id: "", layer: "")

  init(path: String, scale: Double) { (self.path, self.scale) = (path, scale) }

  /// Takes the first place that is asked for, in whole units, as the origin.
  mutating func startAt(_ x: Double, _ y: Double) {
    // A row that lies nowhere must not take the others with it.
    guard abs(x) < 1e9, abs(y) < 1e9 else { return }
    if origin.x == 0, origin.y == 0 { origin = (x.rounded(.down), y.rounded(.down)) }
  }

  /// A feature of a sequence numbers its own vertices.
  mutating func forgetVertices() {
    vertices.removeAll(keepingCapacity: true)
    vertexText.removeAll(keepingCapacity: true)
  }

  /// What CityJSON did not take as it was.
  var notices: [String] {
    var notices: [String] = []
    if lostAppearance > 0 {
      notices.append("materials and textures of \(lostAppearance) geometries are left out: their lists are not stored")
    }
    if lostSolids > 0 { notices.append("\(lostSolids) MultiSolids: each shell is written as a solid of its own") }
    if withoutLod > 0 { notices.append("\(withoutLod) geometries state no LoD and are written as LoD 0") }
    return notices
  }

  /// The number of a vertex, which is new or known.
  private mutating func index(_ shape: Geometry, _ vertex: Int) throws(StoreError) -> Int {
    let z = shape.z.isEmpty || !shape.z[vertex].isFinite ? 0 : shape.z[vertex]
    let (x, y) = (shape.xy[2 * vertex], shape.xy[2 * vertex + 1])
    let place = SIMD4(((x - origin.x) / scale).rounded(), ((y - origin.y) / scale).rounded(), (z / 0.001).rounded(), 0)
    // Readers take the integers of CityJSON for doubles. NaN is less than nothing.
    guard abs(place.x) < 0x1p53, abs(place.y) < 0x1p53, abs(place.z) < 0x1p53 else {
      throw StoreError(
        .content,
        "cannot write \(path): the row '\(object.id)' of `\(object.layer)` has a vertex at x = \(x), y = \(y), z = \(z), "
          + "which CityJSON cannot hold\n  mend the row, or write the layer as GeoJSON or .gpkg")
    }
    let key = SIMD4<Int64>(Int64(place.x), Int64(place.y), Int64(place.z), 0)
    if let known = vertices[key] { return known }
    let index = vertices.count
    vertices[key] = index
    if index > 0 { vertexText.append(UInt8(ascii: ",")) }
    vertexText.append(contentsOf: "[\(key[0]),\(key[1]),\(key[2])]".utf8)
    return index
  }

  private mutating func ring(_ shape: Geometry, _ ring: Int, isClosed: Bool) throws -> String {
    let (start, end) = (Int(shape.ringOffsets[ring]), Int(shape.ringOffsets[ring + 1]))
    var list: [String] = []
    for vertex in start..<(isClosed ? end - 1 : end) { list.append(String(try index(shape, vertex))) }
    return "[\(list.joined(separator: ","))]"
  }

  private mutating func surface(_ shape: Geometry, _ part: Int) throws -> String {
    var rings: [String] = []
    for r in Int(shape.partOffsets[part])..<Int(shape.partOffsets[part + 1]) {
      rings.append(try ring(shape, r, isClosed: true))
    }
    return "[\(rings.joined(separator: ","))]"
  }

  /// A geometry of the store: every surface with its semantics, in the LoD that it states.
  mutating func text(of solid: SolidGeometry) throws -> String {
    let count = solid.surfaces.partOffsets.count - 1
    var surfaces: [String] = []
    for part in 0..<count { surfaces.append(try surface(solid.surfaces, part)) }
    if solid.appearance != nil { lostAppearance += 1 }
    if solid.lod.isEmpty { withoutLod += 1 }
    var types: [String] = []
    let values = (0..<count).map { part -> String in
      guard part < solid.semantics.count, let type = solid.semantics[part] else { return "null" }
      if let known = types.firstIndex(of: type) { return String(known) }
      types.append(type)
      return String(types.count - 1)
    }
    let starts = solid.shellStarts.filter { $0 < count } + [count]
    func nested(_ items: [String]) -> String {
      func joined(_ range: Range<Int>) -> String { "[\(items[range].joined(separator: ","))]" }
      let shells = zip(starts, starts.dropFirst()).map { joined($0..<$1) }
      switch solid.kind {
      case "Solid": return "[\(shells.joined(separator: ","))]"
      case "MultiSolid", "CompositeSolid": return "[\(shells.map { "[\($0)]" }.joined(separator: ","))]"
      default: return joined(0..<items.count)
      }
    }
    if solid.kind.hasSuffix("Solid"), solid.kind != "Solid", starts.count > 2 { lostSolids += 1 }
    let lod = solid.lod.isEmpty ? "0" : solid.lod
    var text = "{\"type\":\"\(solid.kind)\",\"lod\":\(JSONString.quoted(lod)),\"boundaries\":\(nested(surfaces))"
    if !types.isEmpty {
      let list = types.map { "{\"type\":\(JSONString.quoted($0))}" }.joined(separator: ",")
      text += ",\"semantics\":{\"surfaces\":[\(list)],\"values\":\(nested(values))}"
    }
    return text + "}"
  }

  /// A geometry without surfaces, as LoD 0; nil for one that is empty or a collection.
  mutating func text(of shape: Geometry) throws -> String? {
    let parts = shape.partOffsets.count - 1
    guard !shape.isEmpty else { return nil }
    var items: [String] = []
    let kind: String
    switch shape.kind {
    case .point, .multiPoint:
      kind = "MultiPoint"
      for vertex in 0..<(shape.xy.count / 2) { items.append(String(try index(shape, vertex))) }
    case .lineString, .multiLineString:
      kind = "MultiLineString"
      for r in 0..<(shape.ringOffsets.count - 1) { items.append(try ring(shape, r, isClosed: false)) }
    case .polygon, .multiPolygon:
      kind = "MultiSurface"
      for part in 0..<parts { items.append(try surface(shape, part)) }
    case .geometryCollection: return nil
    }
    return "{\"type\":\"\(kind)\",\"lod\":\"0\",\"boundaries\":[\(items.joined(separator: ","))]}"
  }
}
