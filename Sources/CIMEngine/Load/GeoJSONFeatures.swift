/// The features of a GeoJSON file one by one, whatever its form: a collection, a single feature or geometry
/// (RFC 7946), or a sequence of features (newline-delimited or RFC 8142).
final class GeoJSONFeatures {
  /// A feature, or a bare geometry that stands for one.
  struct Item {
    var json: JSON
    var isGeometry: Bool
    var place: SourcePlace
    /// From 1.
    var number: Int
  }

  private enum State { case start, members, elements, done }

  private let path: String
  private let encoding: String?
  private let lines: JSONLines?
  private let document: JSONDocumentReader?
  /// Holds a document that is one feature.
  private var whole: JSONDocumentReader?
  private var state = State.start
  /// Of the last feature, from 1.
  private(set) var number = 0
  private var isFirst = true
  /// After an error: whether only the last feature is to blame, and the next can be read.
  private(set) var canContinue = false

  /// What the root of a document says, complete when ``next()`` has given nil.
  private(set) var type: String?
  private(set) var crs = CRSMember.absent
  private(set) var warnings: [String] = []
  private var keys: Set<String> = []
  private var sawFeatures = false

  /// The `crs` member of GeoJSON before RFC 7946.
  enum CRSMember: Equatable {
    case absent
    /// `"crs": null`: no CRS may be assumed.
    case unknown
    case named(CRS)
    case unreadable(String)
  }

  init(path: String, isSequence: Bool, encoding: String?, capacity: Int) throws(LoadError) {
    self.path = path
    self.encoding = encoding
    lines = isSequence ? try JSONLines(path: path, encoding: encoding, capacity: capacity) : nil
    document = isSequence ? nil : try JSONDocumentReader(path: path, encoding: encoding, capacity: capacity)
  }

  var bytesRead: Int { lines?.bytesRead ?? document?.bytesRead ?? 0 }

  /// How the last feature is known.
  var place: SourcePlace { lines.map { .line($0.line) } ?? .feature(number) }

  /// The text of the last feature. Valid until the next call.
  var text: UnsafeBufferPointer<UInt8> {
    lines?.text ?? whole?.text ?? document?.text ?? UnsafeBufferPointer(start: nil, count: 0)
  }

  /// The next feature, valid until the next call, or nil at the end.
  func next() throws(LoadError) -> Item? {
    canContinue = false
    if let lines { return try next(in: lines) }
    while true {
      switch state {
      case .start:
        guard let first = try document!.peek() else {
          throw LoadError(path: path, reason: .malformed("the file is empty"))
        }
        guard first == UInt8(ascii: "{") else {
          // Say what is wrong with the JSON first, if anything is.
          let root = try document!.value()
          throw LoadError(
            path: path, place: .line(1), reason: .malformed("GeoJSON is an object, this file holds \(root.kindName)"))
        }
        document!.pass()
        state = .members
      case .members: try members()
      case .elements: if let item = try element() { return item }
      case .done:
        guard whole == nil, let type else { return nil }
        return try single(type)
      }
    }
  }

  private func next(in lines: JSONLines) throws(LoadError) -> Item? {
    let record: JSON?
    do throws(LoadError) { record = try lines.next() } catch {
      canContinue = lines.canContinue
      if canContinue { number += 1 }
      throw error
    }
    guard let json = record else { return nil }
    number += 1
    canContinue = true
    let place = SourcePlace.line(lines.line)
    guard json.isObject else {
      throw LoadError(path: path, place: place, reason: .malformed("expected a Feature, found \(json.kindName)"))
    }
    let type = json["type"]?.text
    if type.map({ $0 == "Feature" }) == true {
      return Item(json: json, isGeometry: false, place: place, number: number)
    }
    if let type, GeometryKind.geoJSONNames.contains(type.string) {
      return Item(json: json, isGeometry: true, place: place, number: number)
    }
    throw LoadError(
      path: path, place: place,
      reason: .malformed(
        type.map { "expected a Feature, found `\($0.string)`" } ?? "expected a Feature, the object has no `type`"))
  }

  /// Reads root members up to the features or the end.
  private func members() throws(LoadError) {
    let document = document!
    while true {
      if isFirst, try document.peek() == UInt8(ascii: "}") { return try finish() }
      if !isFirst {
        switch try document.peek() {
        case UInt8(ascii: ","): document.pass()
        case UInt8(ascii: "}"): return try finish()
        default: throw try document.unexpected("expected `,` or `}`")
        }
      }
      isFirst = false
      guard try document.peek() == UInt8(ascii: "\"") else {
        throw try document.unexpected("expected a member's name in double quotes")
      }
      let key = try document.value().text?.string ?? ""
      try document.expect(UInt8(ascii: ":"), "`:`")
      if !keys.insert(key).inserted {
        if key == "features" {
          throw LoadError(path: path, reason: .malformed("the collection has two members `features`"))
        }
        warnings.append("the root has two members `\(key)`; the last one counts")
      }
      if key == "features", type == nil || type == "FeatureCollection" {
        sawFeatures = true
        guard try document.peek() == UInt8(ascii: "[") else {
          let value = try document.value()
          throw LoadError(
            path: path, reason: .malformed("`features` is \(value.kindName), not an array"))
        }
        document.pass()
        if try document.peek() == UInt8(ascii: "]") {
          document.pass()
          continue
        }
        state = .elements
        return
      }
      let value = try document.value()
      switch key {
      case "type": type = value.text?.string ?? "\(value.kindName)"
      case "crs": crs = Self.crs(value)
      default: break
      }
    }
  }

  private func element() throws(LoadError) -> Item? {
    let document = document!
    if number > 0 {
      switch try document.peek() {
      case UInt8(ascii: ","): document.pass()
      case UInt8(ascii: "]"):
        document.pass()
        state = .members
        return nil
      default: throw try document.unexpected("feature \(number): expected `,` or `]` after the feature")
      }
    }
    number += 1
    let json: JSON
    do throws(LoadError) { json = try document.value() } catch {
      canContinue = document.canContinue
      guard case .malformed(let what) = error.reason else { throw error }
      throw LoadError(
        path: error.path, place: error.place, reason: .malformed("feature \(number): \(what)"), fix: error.fix)
    }
    return Item(json: json, isGeometry: false, place: .feature(number), number: number)
  }

  private func finish() throws(LoadError) {
    let document = document!
    document.pass()
    state = .done
    if try document.peek() != nil { throw try document.unexpected("expected the end of the file after the object") }
    guard let type else {
      throw LoadError(
        path: path,
        reason: .malformed(
          "the object has no `type`: a GeoJSON file is a FeatureCollection, a Feature "
            + "or a geometry"))
    }
    if type == "FeatureCollection" {
      guard sawFeatures else {
        throw LoadError(path: path, reason: .malformed("the FeatureCollection has no `features`"))
      }
    } else if sawFeatures {
      throw LoadError(path: path, reason: .malformed("the object has `features`, but its type is `\(type)`"))
    } else if type != "Feature", !GeometryKind.geoJSONNames.contains(type) {
      throw LoadError(path: path, reason: .malformed("`\(type)` is no type of GeoJSON"))
    }
  }

  private func single(_ type: String) throws(LoadError) -> Item? {
    guard type != "FeatureCollection" else { return nil }
    let whole = try JSONDocumentReader(path: path, encoding: encoding)
    self.whole = whole
    number = 1
    return Item(json: try whole.value(), isGeometry: type != "Feature", place: .feature(1), number: 1)
  }

  private static func crs(_ json: JSON) -> CRSMember {
    if json.isNull { return .unknown }
    let properties = json["properties"]
    if let name = properties?["name"]?.text?.string {
      return CRS(parsing: name).map(CRSMember.named) ?? .unreadable(name)
    }
    if json["type"]?.text.map({ $0 == "EPSG" }) == true, let code = properties?["code"]?.int, code > 0 {
      return .named(.epsg(Int(code)))
    }
    return .unreadable(JSONWriter.text(of: json))
  }
}

extension GeometryKind {
  /// The names of geometry types in GeoJSON.
  static let geoJSONNames: Set<String> = [
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
  ]
}
