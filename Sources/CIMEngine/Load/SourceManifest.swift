/// A folder's `cimq.json`: which file is which layer, in which CRS, encoding and zone, and how the layers hang together
/// (`docs/manifest.md` describes every key).
public struct SourceManifest: Sendable, Equatable {
  /// A file as the manifest lists it.
  public struct File: Sendable, Equatable {
    public var path: String
    public var layer: String
    public var format: String?
    public var crs: CRS?
    public var encoding: String?
    public var timeZone: String?
    public var count: Int?
    public var byteCount: Int?
    public var x: String?
    public var y: String?
    public var z: String?
    public var wkt: String?
    public var types: [String: ColumnType] = [:]
  }

  /// The manifest's own path.
  public var path: String
  public var title: String?
  public var notice: String?
  public var workingCRS: CRS?
  public var verticalCRS: CRS?
  public var timeZone: String?
  public var folders: [String] = []
  public var files: [File] = []
  public var links: [Catalog.Link] = []

  public static let fileName = "cimq.json"
  static let version = 1

  /// Reads and checks a manifest.
  public init(path: String) throws(LoadError) {
    self.path = path
    let document = try JSONDocumentReader(path: path)
    let root = try document.value()
    if try document.peek() != nil { throw try document.unexpected("expected the end of the file after the object") }
    guard root.isObject, let version = root["cimq"] else {
      throw LoadError(path: path, reason: .malformed("is no cimq manifest: it has no `cimq`"))
    }
    guard version.int == Int64(Self.version) else {
      throw LoadError(
        path: path,
        reason: .refused("is of version \(version.scalarText); this program reads version \(Self.version)"),
        fix: "a newer cimq reads it")
    }
    title = try string("title", root, "")
    notice = try string("notice", root, "")
    workingCRS = try crs("workingCRS", root, "")
    verticalCRS = try crs("verticalCRS", root, "")
    timeZone = try string("timezone", root, "")
    for (index, json) in try list("folders", root).enumerated() {
      guard let text = json.text?.string else { throw bad("`folders[\(index)]` is \(json.kindName), not a string") }
      folders.append(try inside(text, "`folders[\(index)]`"))
    }
    for (index, json) in try list("files", root).enumerated() { files.append(try file(json, "`files[\(index)]`")) }
    for (index, json) in try list("links", root).enumerated() {
      let what = "`links[\(index)]`"
      links.append(
        Catalog.Link(
          layer: try needed("layer", json, what), column: try needed("column", json, what),
          targetLayer: try needed("targetLayer", json, what), targetColumn: try needed("targetColumn", json, what)))
    }
    withExtendedLifetime(document) {}
  }

  /// The entry of a file in the manifest's own folder.
  public func entry(named name: String) -> File? { files.first { $0.path == name } }

  /// The columns of a layer that name rows of other layers.
  func linkColumns(of layer: String) -> Set<String> {
    Set(links.filter { $0.layer.lowercased() == layer.lowercased() }.map(\.column))
  }

  private func bad(_ what: String) -> LoadError { LoadError(path: path, reason: .malformed(what)) }

  private func file(_ json: JSON, _ what: String) throws(LoadError) -> File {
    guard json.isObject else { throw bad("\(what) is \(json.kindName), not an object") }
    var file = File(
      path: try inside(try needed("path", json, what), what), layer: try needed("layer", json, what),
      format: try string("format", json, what), crs: try crs("crs", json, what),
      encoding: try string("encoding", json, what), timeZone: try string("timezone", json, what),
      count: try integer("count", json, what), byteCount: try integer("bytes", json, what),
      x: try string("x", json, what),
      y: try string("y", json, what), z: try string("z", json, what), wkt: try string("wkt", json, what))
    if let format = file.format, SourceFormat(rawValue: format) == nil {
      throw bad(
        "\(what): unknown format `\(format)`; formats are \(SourceFormat.native.map(\.rawValue).joined(separator: ", "))"
      )
    }
    guard let types = json["types"] else { return file }
    guard types.isObject else { throw bad("\(what): `types` is \(types.kindName), not an object") }
    for (key, value) in types.members {
      guard let name = value.text?.string, let type = ColumnType(rawValue: name), type != .geometry else {
        throw bad("\(what): the type of `\(key.string)` is none of bool, int, double, text, date, timestamp, list")
      }
      file.types[key.string] = type
    }
    return file
  }

  private func list(_ key: StaticString, _ json: JSON) throws(LoadError) -> [JSON] {
    guard let value = json[key], !value.isNull else { return [] }
    guard value.isArray else { throw bad("`\(key)` is \(value.kindName), not an array") }
    return Array(value.elements)
  }

  private func string(_ key: StaticString, _ json: JSON, _ what: String) throws(LoadError) -> String? {
    guard let value = json[key], !value.isNull else { return nil }
    guard let text = value.text?.string else {
      throw bad("\(what.isEmpty ? "" : what + ": ")`\(key)` is \(value.kindName), not a string")
    }
    return text
  }

  private func needed(_ key: StaticString, _ json: JSON, _ what: String) throws(LoadError) -> String {
    guard let text = try string(key, json, what), !text.isEmpty else { throw bad("\(what) has no `\(key)`") }
    return text
  }

  private func integer(_ key: StaticString, _ json: JSON, _ what: String) throws(LoadError) -> Int? {
    guard let value = json[key], !value.isNull else { return nil }
    guard let number = value.int, number >= 0 else { throw bad("\(what): `\(key)` is no whole number") }
    return Int(number)
  }

  private func crs(_ key: StaticString, _ json: JSON, _ what: String) throws(LoadError) -> CRS? {
    guard let text = try string(key, json, what) else { return nil }
    guard let crs = CRS(parsing: text) else {
      throw bad("\(what.isEmpty ? "" : what + ": ")`\(key)` names the unknown CRS `\(text)`")
    }
    return crs
  }

  /// A path that stays in the manifest's folder.
  private func inside(_ text: String, _ what: String) throws(LoadError) -> String {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard !text.isEmpty, !text.hasPrefix("/"), !parts.contains("..") else {
      throw bad("\(what): the path `\(text)` does not lie within the folder")
    }
    return text
  }
}
