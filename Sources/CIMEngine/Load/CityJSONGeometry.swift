/// Turns CityJSON geometry objects (specification 2.0.1, section 3; 1.0 and 1.1 alike) into flat polygons.
struct CityJSONGeometryReader {
  /// What one geometry object gives.
  enum Result {
    case surfaces(SolidGeometry)
    /// Points or lines, with heights.
    case shape(Geometry, lod: String)
  }

  struct Remarks: OptionSet {
    var rawValue: UInt8
    static let degenerate = Remarks(rawValue: 1)
    static let noLod = Remarks(rawValue: 2)
    static let badLod = Remarks(rawValue: 4)

    static let messages: [(Remarks, String)] = [
      (.degenerate, "a ring has fewer than three different vertices; it is left out"),
      (.noLod, "a geometry states no `lod`"),
      (.badLod, "a geometry's `lod` is no number; it ranks below all others"),
    ]
  }

  private(set) var remarks: Remarks = []
  /// Templates of the file: their JSON and their vertices.
  var templates: [JSON] = []
  var templateVertices: [Double] = []

  // Memory for the geometry being read, used again by the next one.
  private var xy: [Double] = []
  private var z: [Double] = []
  private var ringOffsets: [UInt32] = []
  private var partOffsets: [UInt32] = []
  private var semantics: [String?] = []
  private var shellStarts: [Int] = []
  private var types: [String] = []
  private var hasSemantics = false

  /// Reads one geometry object of `object`.
  ///
  /// - Parameter vertices: x, y, z in turn, in real coordinates.
  mutating func read(_ json: JSON, object: String, vertices: [Double]) throws(GeometryFault) -> Result {
    remarks = []
    return try read(json, object: object, vertices: vertices, isTemplate: false)
  }

  private mutating func read(
    _ json: JSON, object: String, vertices: [Double], isTemplate: Bool
  ) throws(GeometryFault) -> Result {
    guard json.isObject else { throw GeometryFault("a geometry is \(json.kindName), not an object") }
    var (type, lod, boundaries, semantic, material, texture): (JSON?, JSON?, JSON?, JSON?, JSON?, JSON?)
    var (template, matrix): (JSON?, JSON?)
    for (key, value) in json.members {
      if key == "type" { type = value }
      if key == "lod" { lod = value }
      if key == "boundaries" { boundaries = value }
      if key == "semantics" { semantic = value }
      if key == "material" { material = value }
      if key == "texture" { texture = value }
      if key == "template" { template = value }
      if key == "transformationMatrix" { matrix = value }
    }
    guard let name = type?.text else { throw GeometryFault("a geometry has no `type`") }
    guard let boundaries, boundaries.isArray else {
      throw GeometryFault("the \(name.string) has no array `boundaries`")
    }
    if name == "GeometryInstance" {
      guard !isTemplate else { throw GeometryFault("a geometry template is itself a GeometryInstance") }
      return try instance(boundaries, template, matrix, object: object, vertices: vertices)
    }
    let level = try lodText(lod)
    clear()
    if name == "MultiPoint" {
      for index in boundaries.elements {
        try append(index, vertices)
        ringOffsets.append(UInt32(z.count))
        partOffsets.append(UInt32(ringOffsets.count - 1))
      }
      return .shape(shape(.multiPoint), lod: level)
    }
    if name == "MultiLineString" {
      for line in boundaries.elements {
        guard line.isArray else { throw Self.nesting(name, line) }
        let first = z.count
        for index in line.elements { try append(index, vertices) }
        guard z.count - first >= 2 else {
          throw GeometryFault("a line of the MultiLineString has fewer than two vertices")
        }
        ringOffsets.append(UInt32(z.count))
        partOffsets.append(UInt32(ringOffsets.count - 1))
      }
      return .shape(shape(.multiLineString), lod: level)
    }
    let values = try readSemantics(semantic)
    if name == "MultiSurface" || name == "CompositeSurface" {
      shellStarts.append(0)
      try surfaces(boundaries, values, name, vertices)
    } else if name == "Solid" {
      try shells(boundaries, values, name, vertices)
    } else if name == "MultiSolid" || name == "CompositeSolid" {
      var nested = try Nested(values, boundaries)
      for solid in boundaries.elements {
        guard solid.isArray else { throw Self.nesting(name, solid) }
        try shells(solid, try nested.next(), name, vertices)
      }
      try nested.end()
    } else {
      throw GeometryFault("unknown geometry type `\(name.string)`")
    }
    var appearance: String? = nil
    if material != nil || texture != nil {
      var writer = JSONWriter()
      writer.append(raw: "{")
      if let material {
        writer.append(raw: "\"material\":")
        writer.append(material)
      }
      if let texture {
        writer.append(raw: material == nil ? "\"texture\":" : ",\"texture\":")
        writer.append(texture)
      }
      writer.append(raw: "}")
      appearance = String(decoding: writer.bytes, as: UTF8.self)
    }
    return .surfaces(
      SolidGeometry(
        object: object, lod: level, kind: name.string, surfaces: shape(.multiPolygon),
        semantics: hasSemantics ? semantics : [], shellStarts: shellStarts.isEmpty ? [0] : shellStarts,
        appearance: appearance))
  }

  private mutating func clear() {
    xy.removeAll(keepingCapacity: true)
    z.removeAll(keepingCapacity: true)
    ringOffsets.removeAll(keepingCapacity: true)
    ringOffsets.append(0)
    partOffsets.removeAll(keepingCapacity: true)
    partOffsets.append(0)
    semantics.removeAll(keepingCapacity: true)
    shellStarts.removeAll(keepingCapacity: true)
    hasSemantics = false
  }

  /// What was read, in memory of exactly its size.
  private func shape(_ kind: GeometryKind) -> Geometry {
    func exact<T>(_ array: [T]) -> [T] { array.withUnsafeBufferPointer { Array($0) } }
    return Geometry(
      kind: kind, xy: exact(xy), z: exact(z), ringOffsets: exact(ringOffsets), partOffsets: exact(partOffsets))
  }

  private static func nesting(_ name: JSONText, _ found: JSON) -> GeometryFault {
    GeometryFault("the `boundaries` of the \(name.string) hold \(found.kindName) where an array belongs")
  }

  /// `lod` as text: a string in 1.1 and 2.0, a number in 1.0.
  private mutating func lodText(_ json: JSON?) throws(GeometryFault) -> String {
    guard let json, !json.isNull else {
      remarks.insert(.noLod)
      return ""
    }
    if let text = json.text?.string {
      if Double(text) == nil { remarks.insert(.badLod) }
      return text
    }
    guard let number = json.double else { throw GeometryFault("`lod` is \(json.kindName)") }
    return number == number.rounded() && abs(number) < 1_000 ? String(Int(number)) : String(number)
  }

  private mutating func append(_ index: JSON, _ vertices: [Double]) throws(GeometryFault) {
    guard let number = index.int else {
      throw GeometryFault("`boundaries` hold \(index.kindName) where a vertex index belongs")
    }
    try append(number, vertices)
  }

  @inline(__always)
  private mutating func append(_ number: Int64, _ vertices: [Double]) throws(GeometryFault) {
    guard number >= 0, number < vertices.count / 3 else {
      throw GeometryFault("vertex index \(number) is out of range: there are \(vertices.count / 3) vertices")
    }
    let at = Int(number) * 3
    xy.append(vertices[at])
    xy.append(vertices[at + 1])
    z.append(vertices[at + 2])
  }

  private mutating func shells(
    _ json: JSON, _ values: JSON?, _ name: JSONText, _ vertices: [Double]
  ) throws(GeometryFault) {
    var nested = try Nested(values, json)
    for shell in json.elements {
      guard shell.isArray else { throw Self.nesting(name, shell) }
      shellStarts.append(partOffsets.count - 1)
      try surfaces(shell, try nested.next(), name, vertices)
    }
    try nested.end()
  }

  private mutating func surfaces(
    _ json: JSON, _ values: JSON?, _ name: JSONText, _ vertices: [Double]
  ) throws(GeometryFault) {
    var nested = try Nested(values, json)
    for surface in json.elements {
      guard surface.isArray else { throw Self.nesting(name, surface) }
      let value = try nested.next()
      let firstRing = ringOffsets.count
      var isOuter = true
      for ring in surface.elements {
        guard ring.isArray else { throw Self.nesting(name, ring) }
        let isKept = try self.ring(ring, vertices)
        if isOuter, !isKept { break }
        isOuter = false
      }
      guard ringOffsets.count > firstRing else {
        remarks.insert(.degenerate)
        continue
      }
      partOffsets.append(UInt32(ringOffsets.count - 1))
      semantics.append(try semantic(value))
    }
    try nested.end()
  }

  /// Adds a ring and closes it. False when it has fewer than three different vertices and is left out.
  private mutating func ring(_ json: JSON, _ vertices: [Double]) throws(GeometryFault) -> Bool {
    let words = json.words
    let end = json.after - 1
    var at = json.at + 1
    let first = z.count
    while at < end {
      guard UInt8(truncatingIfNeeded: words[at] >> 56) == JSON.Tag.int else {
        throw GeometryFault("a ring holds \(json.moved(to: at).kindName) where a vertex index belongs")
      }
      try append(Int64(bitPattern: words[at + 1]), vertices)
      at += 2
    }
    var count = z.count - first
    func equal(_ i: Int, _ j: Int) -> Bool { xy[2 * i] == xy[2 * j] && xy[2 * i + 1] == xy[2 * j + 1] && z[i] == z[j] }
    // A ring that repeats its first vertex is closed already.
    if count > 1, equal(first, z.count - 1) { count -= 1 }
    var different = min(count, 1)
    if count >= 2 {
      var other = 0
      for i in first + 1..<first + count where !equal(i, first) {
        if different == 1 {
          different = 2
          other = i
        } else if !equal(i, other) {
          different = 3
          break
        }
      }
    }
    guard different == 3 else {
      remarks.insert(.degenerate)
      xy.removeLast(2 * (z.count - first))
      z.removeLast(z.count - first)
      return false
    }
    if z.count - first == count {
      xy.append(xy[2 * first])
      xy.append(xy[2 * first + 1])
      z.append(z[first])
    }
    ringOffsets.append(UInt32(z.count))
    return true
  }

  /// Reads the semantic surface types and gives their indices by surface.
  private mutating func readSemantics(_ json: JSON?) throws(GeometryFault) -> JSON? {
    types.removeAll(keepingCapacity: true)
    guard let json, !json.isNull else { return nil }
    guard let list = json["surfaces"], list.isArray else { throw GeometryFault("`semantics` has no array `surfaces`") }
    for surface in list.elements {
      guard let type = surface["type"]?.text else { throw GeometryFault("a semantic surface has no `type`") }
      types.append(type.string)
    }
    guard let values = json["values"], !values.isNull else { return nil }
    guard values.isArray else { throw GeometryFault("the `values` of `semantics` are \(values.kindName)") }
    hasSemantics = true
    return values
  }

  private func semantic(_ value: JSON?) throws(GeometryFault) -> String? {
    guard let value, !value.isNull else { return nil }
    guard let index = value.int else {
      throw GeometryFault("the `values` of `semantics` hold \(value.kindName) where an index belongs")
    }
    guard index >= 0, index < types.count else {
      throw GeometryFault("semantic index \(index) is out of range: there are \(types.count) semantic surfaces")
    }
    return types[Int(index)]
  }

  /// Walks an array of `semantics.values` beside the array of boundaries that it belongs to.
  private struct Nested {
    private var elements: JSON.Elements?

    init(_ values: JSON?, _ boundaries: JSON) throws(GeometryFault) {
      guard let values, !values.isNull else { return }
      guard values.isArray else {
        throw GeometryFault("the `values` of `semantics` nest less deep than `boundaries`")
      }
      elements = values.elements
    }

    mutating func next() throws(GeometryFault) -> JSON? {
      guard elements != nil else { return nil }
      guard let value = elements!.next() else {
        throw GeometryFault("`semantics` has fewer values than there are surfaces")
      }
      return value
    }

    mutating func end() throws(GeometryFault) {
      guard elements != nil else { return }
      if elements!.next() != nil { throw GeometryFault("`semantics` has more values than there are surfaces") }
    }
  }

  /// A template put into place: its vertices times the matrix, plus the anchor.
  private mutating func instance(
    _ boundaries: JSON, _ template: JSON?, _ matrix: JSON?, object: String, vertices: [Double]
  ) throws(GeometryFault) -> Result {
    guard let index = template?.int, index >= 0, index < templates.count else {
      throw GeometryFault(
        "a GeometryInstance names template \(template?.scalarText ?? "none"); there are \(templates.count)")
    }
    var anchors = boundaries.elements
    guard let anchor = anchors.next()?.int, anchors.next() == nil else {
      throw GeometryFault("the `boundaries` of a GeometryInstance must be one vertex index")
    }
    guard anchor >= 0, anchor < vertices.count / 3 else {
      throw GeometryFault("vertex index \(anchor) is out of range: there are \(vertices.count / 3) vertices")
    }
    var m: [Double] = []
    for element in matrix?.elements ?? JSON.Elements(base: boundaries, at: 0, end: 0) {
      if let number = element.double { m.append(number) }
    }
    guard m.count == 16, matrix?.count == 16 else {
      throw GeometryFault("the `transformationMatrix` of a GeometryInstance is not an array of 16 numbers")
    }
    let result: Result
    do throws(GeometryFault) {
      result = try read(templates[Int(index)], object: object, vertices: templateVertices, isTemplate: true)
    } catch {
      throw GeometryFault("template \(index): \(error.message)")
    }
    let at = Int(anchor) * 3
    let origin = (vertices[at], vertices[at + 1], vertices[at + 2])
    func placed(_ geometry: Geometry) -> Geometry {
      var geometry = geometry
      for i in geometry.z.indices {
        let (x, y, z) = (geometry.xy[2 * i], geometry.xy[2 * i + 1], geometry.z[i])
        geometry.xy[2 * i] = m[0] * x + m[1] * y + m[2] * z + m[3] + origin.0
        geometry.xy[2 * i + 1] = m[4] * x + m[5] * y + m[6] * z + m[7] + origin.1
        geometry.z[i] = m[8] * x + m[9] * y + m[10] * z + m[11] + origin.2
      }
      return geometry
    }
    switch result {
    case .surfaces(var solid):
      solid.surfaces = placed(solid.surfaces)
      return .surfaces(solid)
    case .shape(let shape, let lod): return .shape(placed(shape), lod: lod)
    }
  }
}
