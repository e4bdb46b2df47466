/// What a CityJSON document, or the first line of a sequence, says of all its objects.
struct CityJSONHeader {
  var version: String
  /// Scale x, y, z and translation x, y, z of integer vertices.
  var transform: Transform
  var crs: CRSText = .absent
  /// Vertices of the geometry templates, x, y, z in turn, in their own local system.
  var templateVertices: [Double] = []
  var warnings: [String] = []

  struct Transform: Equatable {
    var scale = (x: 1.0, y: 1.0, z: 1.0)
    var translate = (x: 0.0, y: 0.0, z: 0.0)
    static func == (a: Transform, b: Transform) -> Bool { a.scale == b.scale && a.translate == b.translate }
  }

  enum CRSText: Equatable {
    case absent
    case named(CRS)
    case unreadable(String)
  }

  static let versions = ["1.0", "1.1", "2.0"]

  /// - Parameter root: the object with `type` `CityJSON`. Its templates stay in the parser's memory.
  init(_ root: JSON, hasVertices: Bool) throws(GeometryFault) {
    guard root.isObject else { throw GeometryFault("CityJSON is an object, this is \(root.kindName)") }
    guard let type = root["type"]?.text else { throw GeometryFault("the root has no `type`; expected CityJSON") }
    guard type == "CityJSON" else {
      if type == "CityJSONFeature" {
        throw GeometryFault(
          "a CityJSONFeature without the CityJSON object before it: the first line of a sequence holds version, "
            + "transform and CRS")
      }
      throw GeometryFault("the root's type is `\(type.string)`; expected CityJSON")
    }
    guard let found = root["version"] else { throw GeometryFault("the root has no `version`") }
    let text = found.text?.string ?? found.scalarText
    guard let version = Self.versions.first(where: { text == $0 || text.hasPrefix($0 + ".") }) else {
      throw GeometryFault(
        "CityJSON version \(text.isEmpty ? found.kindName : text) is not read; versions 1.0, 1.1 and 2.0 are")
    }
    self.version = version
    if let json = root["transform"] {
      transform = try Self.transform(json, hasVertices: hasVertices)
    } else {
      transform = Transform()
      if version != "1.0" {
        warnings.append("has no `transform`, which CityJSON \(version) demands; vertices are taken as they are")
      }
    }
    if let system = root["metadata"]?["referenceSystem"], !system.isNull {
      let text = system.text?.string ?? JSONWriter.text(of: system)
      crs = CRS(parsing: text).map(CRSText.named) ?? .unreadable(text)
    }
    if let templates = root["geometry-templates"] {
      guard let vertices = templates["vertices-templates"], vertices.isArray else {
        throw GeometryFault("`geometry-templates` has no array `vertices-templates`")
      }
      templateVertices = try Self.vertices(vertices, Transform(), "vertices-templates")
    }
  }

  /// The templates themselves.
  static func templates(of root: JSON) -> JSON? { root["geometry-templates"]?["templates"] }

  private static func transform(_ json: JSON, hasVertices: Bool) throws(GeometryFault) -> Transform {
    guard json.isObject else { throw GeometryFault("`transform` is \(json.kindName), not an object") }
    func triple(_ key: StaticString) throws(GeometryFault) -> (x: Double, y: Double, z: Double) {
      var numbers: [Double] = []
      if let list = json[key], list.isArray {
        for element in list.elements { if let number = element.double { numbers.append(number) } }
        if numbers.count == 3, list.count == 3 { return (numbers[0], numbers[1], numbers[2]) }
      }
      throw GeometryFault("bad transform: `\(key)` is not an array of three numbers")
    }
    let transform = Transform(scale: try triple("scale"), translate: try triple("translate"))
    if hasVertices, transform.scale.x == 0 || transform.scale.y == 0 || transform.scale.z == 0 {
      throw GeometryFault("bad transform: a scale of 0 puts every vertex on one plane")
    }
    return transform
  }

  /// Vertices as x, y, z in turn, in real coordinates.
  static func vertices(_ json: JSON, _ transform: Transform, _ what: String) throws(GeometryFault) -> [Double] {
    guard json.isArray else { throw GeometryFault("`\(what)` is \(json.kindName), not an array") }
    var result: [Double] = []
    // `[`, three numbers of two words, `]`.
    result.reserveCapacity((json.after - json.at) / 8 * 3)
    var number = 0
    for vertex in json.elements {
      var elements = vertex.elements
      guard let x = elements.next()?.double, let y = elements.next()?.double, let z = elements.next()?.double,
        elements.next() == nil
      else { throw GeometryFault("vertex \(number) in `\(what)` is not an array of three numbers") }
      let point = (
        x * transform.scale.x + transform.translate.x, y * transform.scale.y + transform.translate.y,
        z * transform.scale.z + transform.translate.z
      )
      guard point.0.isFinite, point.1.isFinite, point.2.isFinite else {
        throw GeometryFault("vertex \(number) in `\(what)` is not finite")
      }
      result.append(point.0)
      result.append(point.1)
      result.append(point.2)
      number += 1
    }
    return result
  }
}
