/// The city objects that share one table of vertices: those of a document, or of one line of a sequence.
struct CityJSONUnit {
  struct Object {
    var id: String
    var type: String
    var json: JSON
    var geometry: JSON?
    var attributes: JSON?
    var address: JSON?
    /// Ids as stated.
    var parents: [String] = []
    /// Positions in ``objects``, by either side's statement.
    var children: [Int] = []
    /// Members that CityJSON does not define, such as those of extensions.
    var others: [(key: JSONText, value: JSON)] = []
  }

  private(set) var objects: [Object] = []
  private(set) var vertices: [Double]
  private(set) var indices: [String: Int] = [:]
  /// Children that are named and not there.
  private(set) var missingChildren: [(parent: String, child: String)] = []
  /// Objects that are wrong by themselves and therefore not in ``objects``.
  private(set) var faults: [Fault] = []

  struct Fault: Error {
    var object: String?
    var message: String
  }

  /// - Parameter root: the document or the CityJSONFeature.
  init(_ root: JSON, transform: CityJSONHeader.Transform) throws(Fault) {
    guard let list = root["CityObjects"] else { throw Fault(object: nil, message: "there is no `CityObjects`") }
    guard list.isObject else {
      throw Fault(object: nil, message: "`CityObjects` is \(list.kindName), not an object")
    }
    guard let table = root["vertices"] else { throw Fault(object: nil, message: "there is no `vertices`") }
    do throws(GeometryFault) { vertices = try CityJSONHeader.vertices(table, transform, "vertices") } catch {
      throw Fault(object: nil, message: error.message)
    }
    for (key, value) in list.members {
      let id = key.string
      do throws(Fault) {
        guard indices[id] == nil else { throw Fault(object: id, message: "`CityObjects` has this id twice") }
        guard value.isObject else { throw Fault(object: id, message: "is \(value.kindName), not an object") }
        objects.append(try Self.object(id, value))
        indices[id] = objects.count - 1
      } catch {
        faults.append(error)
      }
    }
    connect()
  }

  /// An object and all that it is part of or that is part of it: what is set aside with it, so that no building loses
  /// a part without a word. Membership in groups does not count.
  func relatives(of ids: some Sequence<String>, in root: JSON) -> Set<String> {
    var edges: [String: [String]] = [:]
    for (key, value) in root["CityObjects"]?.members ?? JSON.Members(base: root, at: 0, end: 0) {
      guard value.isObject, value["type"]?.text.map({ $0 == "CityObjectGroup" }) != true else { continue }
      let id = key.string
      var others = Self.children(of: value)
      for parent in value["parents"]?.elements ?? JSON.Elements(base: root, at: 0, end: 0) {
        guard let name = parent.text?.string else { continue }
        if let at = indices[name], objects[at].type == "CityObjectGroup" { continue }
        others.append(name)
      }
      for other in others {
        edges[id, default: []].append(other)
        edges[other, default: []].append(id)
      }
    }
    var result = Set(ids)
    var waiting = Array(result)
    while let id = waiting.popLast() {
      for other in edges[id] ?? [] where result.insert(other).inserted { waiting.append(other) }
    }
    return result
  }

  private static func object(_ id: String, _ json: JSON) throws(Fault) -> Object {
    var object = Object(id: id, type: "", json: json)
    var members: (JSONText, JSON)? = nil
    for (key, value) in json.members {
      if key == "type" {
        guard let text = value.text, text.count > 0 else { throw Fault(object: id, message: "`type` is no text") }
        object.type = text.string
      } else if key == "geometry" {
        guard value.isArray || value.isNull else {
          throw Fault(object: id, message: "`geometry` is \(value.kindName), not an array")
        }
        object.geometry = value
      } else if key == "attributes" {
        guard value.isObject || value.isNull else {
          throw Fault(object: id, message: "`attributes` is \(value.kindName), not an object")
        }
        object.attributes = value
      } else if key == "parents" || key == "parent" {
        for parent in value.elements { if let text = parent.text { object.parents.append(text.string) } }
        if let text = value.text { object.parents.append(text.string) }
      } else if key == "address" {
        if !value.isNull { object.address = value }
      } else if key == "children" || key == "members" {
        // Children become known once all objects are; those of a group are data too.
        members = (key, value)
      } else if key != "geographicalExtent" {
        object.others.append((key, value))
      }
    }
    guard !object.type.isEmpty else { throw Fault(object: id, message: "has no `type`") }
    if object.type == "CityObjectGroup", let members { object.others.append(members) }
    return object
  }

  private mutating func connect() {
    // Parent and child in one number.
    var edges: Set<Int> = []
    for index in objects.indices {
      for child in Self.children(of: objects[index].json) {
        guard let at = indices[child] else {
          missingChildren.append((objects[index].id, child))
          continue
        }
        if at != index, edges.insert(index * objects.count + at).inserted { objects[index].children.append(at) }
      }
    }
    // A part that its parent does not list is its child all the same.
    for index in objects.indices {
      for parent in objects[index].parents {
        guard let at = indices[parent], at != index else { continue }
        if edges.insert(at * objects.count + index).inserted { objects[at].children.append(index) }
      }
    }
  }

  /// The ids that an object lists as its children (`members` of a group in 1.0).
  static func children(of json: JSON) -> [String] {
    var result: [String] = []
    for (key, value) in json.members where key == "children" || key == "members" {
      for child in value.elements { if let text = child.text { result.append(text.string) } }
    }
    return result
  }

  /// An object and everything below it, itself first, each once.
  func family(of index: Int) -> [Int] {
    guard !objects[index].children.isEmpty else { return [index] }
    var result = [index]
    var seen: Set<Int> = [index]
    var next = 0
    while next < result.count {
      for child in objects[result[next]].children where seen.insert(child).inserted { result.append(child) }
      next += 1
    }
    return result
  }
}

extension CityJSONUnit {
  /// `BuildingPart` → `building_part`, `TINRelief` → `tin_relief`, `+NoiseBuilding` → `noise_building`.
  static func layerName(ofType type: String) -> String {
    let letters = Array(type.drop { $0 == "+" })
    var result = ""
    for (i, letter) in letters.enumerated() {
      if letter.isUppercase, i > 0 {
        let previous = letters[i - 1]
        let startsWord = i + 1 < letters.count && letters[i + 1].isLowercase
        if previous.isLowercase || previous.isNumber || (previous.isUppercase && startsWord) { result += "_" }
      }
      result += letter.isLetter || letter.isNumber ? letter.lowercased() : "_"
    }
    return result.isEmpty ? "object" : result
  }

  /// The types of CityJSON 1.0 to 2.0. Others are taken as layers of their own, with a warning unless they start
  /// with `+` as types of extensions do.
  static let knownTypes: Set<String> = [
    "Bridge", "BridgePart", "BridgeInstallation", "BridgeConstructiveElement", "BridgeConstructionElement",
    "BridgeRoom", "BridgeFurniture", "Building", "BuildingPart", "BuildingInstallation",
    "BuildingConstructiveElement", "BuildingFurniture", "BuildingStorey", "BuildingRoom", "BuildingUnit",
    "CityFurniture", "CityObjectGroup", "GenericCityObject", "LandUse", "OtherConstruction", "PlantCover",
    "SolitaryVegetationObject", "TINRelief", "Road", "Railway", "TransportSquare", "Waterway", "WaterBody", "Tunnel",
    "TunnelPart", "TunnelInstallation", "TunnelConstructiveElement", "TunnelHollowSpace", "TunnelFurniture",
  ]
}
