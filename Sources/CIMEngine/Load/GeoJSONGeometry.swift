/// Why a geometry cannot be taken.
struct GeometryFault: Error, Equatable {
  var message: String

  init(_ message: String) { self.message = message }
}

/// Turns GeoJSON geometry objects (RFC 7946, section 3.1) into ``Geometry``, checking what the standard demands:
/// types, nesting, two numbers or more in a position, two positions or more in a line, four or more in a closed ring.
struct GeoJSONGeometryReader {
  /// What a survey says about a file that loads all the same.
  struct Remarks: OptionSet {
    var rawValue: UInt8
    static let winding = Remarks(rawValue: 1)
    static let manyDecimals = Remarks(rawValue: 2)
    static let measures = Remarks(rawValue: 4)
    static let loneMember = Remarks(rawValue: 8)
    static let foreignMembers = Remarks(rawValue: 16)
    static let badBox = Remarks(rawValue: 32)
    static let emptyMulti = Remarks(rawValue: 64)
    static let partialZ = Remarks(rawValue: 128)

    static let messages: [(Remarks, String)] = [
      (.winding, "rings do not turn as RFC 7946 asks (outer ones counter-clockwise); taken as they are"),
      (.manyDecimals, "coordinates have more than 9 decimals, less than a millimetre; kept as they are"),
      (.measures, "positions have more than three numbers; the fourth and later ones are left out"),
      (.loneMember, "a GeometryCollection has a single member"),
      (.foreignMembers, "a geometry has members of a feature; they are left out"),
      (.badBox, "`bbox` is not an array of numbers; it is not used"),
      (.emptyMulti, "an empty geometry is taken as none"),
      (.partialZ, "a geometry has a height at some positions only"),
    ]
  }

  /// Whether remarks are looked for (the first pass) or not (the second).
  let remarking: Bool
  private(set) var remarks: Remarks = []
  /// Once seen, decimals need no further look.
  private var sawManyDecimals = false
  /// The geometry last read, in memory that the next one uses again.
  private(set) var geometry = Geometry(kind: .point)

  static let nestingLimit = 32

  init(remarking: Bool) { self.remarking = remarking }

  /// Reads one geometry object into ``geometry``. False when it is null or empty: the feature has no geometry.
  mutating func read(_ json: JSON) throws(GeometryFault) -> Bool {
    remarks = []
    return try read(json, depth: 0)
  }

  /// A copy of ``geometry`` that holds exactly its coordinates.
  func copy() -> Geometry {
    func exact<T>(_ array: [T]) -> [T] { array.withUnsafeBufferPointer { Array($0) } }
    return Geometry(
      kind: geometry.kind, xy: exact(geometry.xy), z: exact(geometry.z), ringOffsets: exact(geometry.ringOffsets),
      partOffsets: exact(geometry.partOffsets), members: geometry.members)
  }

  private mutating func clear(_ kind: GeometryKind) {
    geometry.kind = kind
    geometry.xy.removeAll(keepingCapacity: true)
    geometry.z.removeAll(keepingCapacity: true)
    geometry.ringOffsets.removeAll(keepingCapacity: true)
    geometry.ringOffsets.append(0)
    geometry.partOffsets.removeAll(keepingCapacity: true)
    geometry.partOffsets.append(0)
    if !geometry.members.isEmpty { geometry.members = [] }
  }

  private mutating func read(_ json: JSON, depth: Int) throws(GeometryFault) -> Bool {
    if json.isNull { return false }
    guard json.isObject else { throw GeometryFault("the geometry is \(json.kindName), not an object") }
    guard depth < Self.nestingLimit else { throw GeometryFault("collections nest more than \(Self.nestingLimit) deep") }
    var (type, coordinates, geometries): (JSON?, JSON?, JSON?)
    for (key, value) in json.members {
      if key == "coordinates" {
        coordinates = value
      } else if key == "type" {
        type = value
      } else if key == "geometries" {
        geometries = value
      } else if remarking {
        if key == "bbox", !Self.isBox(value) { remarks.insert(.badBox) }
        if key == "geometry" || key == "properties" || key == "features" { remarks.insert(.foreignMembers) }
      }
    }
    guard let type else { throw GeometryFault("the geometry has no `type`") }
    guard let name = type.text else { throw GeometryFault("the geometry's `type` is \(type.kindName)") }
    let kind: GeometryKind
    if name == "Point" {
      kind = .point
    } else if name == "Polygon" {
      kind = .polygon
    } else if name == "MultiPolygon" {
      kind = .multiPolygon
    } else if name == "LineString" {
      kind = .lineString
    } else if name == "MultiLineString" {
      kind = .multiLineString
    } else if name == "MultiPoint" {
      kind = .multiPoint
    } else if name == "GeometryCollection" {
      kind = .geometryCollection
    } else {
      throw GeometryFault(
        "unknown geometry type `\(name.string)`; types are Point, LineString, Polygon, "
          + "their Multi forms and GeometryCollection")
    }
    if kind == .geometryCollection { return try collection(geometries, depth: depth) }
    guard let coordinates else { throw GeometryFault("the \(name.string) has no `coordinates`") }
    guard coordinates.isArray else {
      throw GeometryFault("the `coordinates` of the \(name.string) are \(coordinates.kindName), not an array")
    }
    clear(kind)
    let words = coordinates.words
    switch kind {
    case .point:
      _ = try position(words, coordinates.at, "the Point")
      endRing()
      endPart()
    case .multiPoint:
      try each(coordinates, "position") { (reader: inout Self, element: JSON) throws(GeometryFault) in
        _ = try reader.position(words, element.at, "the position")
        reader.endRing()
        reader.endPart()
      }
    case .lineString:
      try line(coordinates)
      endPart()
    case .multiLineString:
      try each(coordinates, "line") { (reader: inout Self, element: JSON) throws(GeometryFault) in
        try reader.line(element)
        reader.endPart()
      }
    case .polygon: try polygon(coordinates)
    case .multiPolygon:
      try each(coordinates, "polygon") { (reader: inout Self, element: JSON) throws(GeometryFault) in
        try reader.polygon(element)
      }
    case .geometryCollection: break
    }
    if geometry.partOffsets.count == 1 {
      remarks.insert(.emptyMulti)
      return false
    }
    if !geometry.z.isEmpty, geometry.z.count < geometry.vertexCount {
      remarks.insert(.partialZ)
      padHeights(to: geometry.vertexCount)
    }
    return true
  }

  private mutating func collection(_ geometries: JSON?, depth: Int) throws(GeometryFault) -> Bool {
    guard let geometries, geometries.isArray else {
      throw GeometryFault("the GeometryCollection has no array `geometries`")
    }
    var members: [Geometry] = []
    for element in geometries.elements {
      guard element.isObject else {
        throw GeometryFault("member \(members.count + 1) of the GeometryCollection is \(element.kindName)")
      }
      if try read(element, depth: depth + 1) { members.append(copy()) }
    }
    clear(.geometryCollection)
    geometry.members = members
    if members.count == 1 { remarks.insert(.loneMember) }
    if members.isEmpty { remarks.insert(.emptyMulti) }
    return !members.isEmpty
  }

  private mutating func each(
    _ array: JSON, _ what: String, _ body: (inout Self, JSON) throws(GeometryFault) -> Void
  ) throws(GeometryFault) {
    var number = 0
    for element in array.elements {
      number += 1
      do throws(GeometryFault) { try body(&self, element) } catch {
        throw GeometryFault("\(what) \(number): \(error.message)")
      }
    }
  }

  @inline(__always)
  private mutating func endRing() { geometry.ringOffsets.append(UInt32(geometry.xy.count / 2)) }
  @inline(__always)
  private mutating func endPart() { geometry.partOffsets.append(UInt32(geometry.ringOffsets.count - 1)) }

  private mutating func padHeights(to count: Int) {
    while geometry.z.count < count { geometry.z.append(.nan) }
  }

  private mutating func polygon(_ json: JSON) throws(GeometryFault) {
    guard json.isArray else { throw GeometryFault("expected an array of rings, found \(json.kindName)") }
    var number = 0
    for ring in json.elements {
      number += 1
      let first = geometry.xy.count
      do throws(GeometryFault) { try positions(ring) } catch {
        throw GeometryFault("ring \(number): \(error.message)")
      }
      let last = geometry.xy.count - 2
      let count = (geometry.xy.count - first) / 2
      guard count >= 4 else {
        throw GeometryFault("ring \(number) has \(count) positions; a closed ring has at least 4")
      }
      guard geometry.xy[first] == geometry.xy[last], geometry.xy[first + 1] == geometry.xy[last + 1] else {
        throw GeometryFault("ring \(number) is not closed: its last position differs from its first")
      }
      endRing()
      if remarking, !remarks.contains(.winding), turnsLeft(from: first) != (number == 1) {
        remarks.insert(.winding)
      }
    }
    guard number > 0 else { throw GeometryFault("a polygon has no rings") }
    endPart()
  }

  /// Whether the ring from coordinate `first` to the end runs counter-clockwise.
  private func turnsLeft(from first: Int) -> Bool {
    let xy = geometry.xy
    let (x0, y0) = (xy[first], xy[first + 1])
    var area = 0.0
    var i = first + 2
    while i + 3 < xy.count {
      area += (xy[i] - x0) * (xy[i + 3] - y0) - (xy[i + 2] - x0) * (xy[i + 1] - y0)
      i += 2
    }
    return area >= 0
  }

  private mutating func line(_ json: JSON) throws(GeometryFault) {
    let first = geometry.xy.count
    try positions(json)
    let count = (geometry.xy.count - first) / 2
    guard count >= 2 else {
      throw GeometryFault("a line has \(count) position\(count == 1 ? "" : "s"); it needs at least 2")
    }
    endRing()
  }

  private mutating func positions(_ json: JSON) throws(GeometryFault) {
    guard json.isArray else { throw GeometryFault("expected an array of positions, found \(json.kindName)") }
    let words = json.words
    let end = json.after - 1
    var at = json.at + 1
    while at < end { at = try position(words, at, "a position") }
  }

  /// Reads the position whose tape starts at `at` and gives the index behind it.
  @inline(__always)
  private mutating func position(
    _ words: UnsafePointer<UInt64>, _ at: Int, _ what: String
  ) throws(GeometryFault) -> Int {
    // `[ number number …`: each number is a tag and a word.
    guard UInt8(truncatingIfNeeded: words[at] >> 56) == JSON.Tag.array,
      let x = Self.number(words, at + 1), let y = Self.number(words, at + 3)
    else { throw Self.badPosition(words, at, what) }
    geometry.xy.append(x)
    geometry.xy.append(y)
    if remarking, !sawManyDecimals, Self.hasManyDecimals(x) || Self.hasManyDecimals(y) {
      sawManyDecimals = true
      remarks.insert(.manyDecimals)
    }
    let next = at + 5
    if UInt8(truncatingIfNeeded: words[next] >> 56) == JSON.Tag.endArray { return next + 1 }
    guard let z = Self.number(words, next) else { throw Self.badPosition(words, at, what) }
    let index = geometry.xy.count / 2 - 1
    if geometry.z.count < index { padHeights(to: index) }
    geometry.z.append(z)
    let after = Int(words[at] & 0xFFFF_FFFF)
    var rest = next + 2
    while rest < after - 1 {
      guard Self.number(words, rest) != nil else { throw Self.badPosition(words, at, what) }
      remarks.insert(.measures)
      rest += 2
    }
    return after
  }

  /// Degrees with a tenth decimal. Of metres a double holds too few digits to tell.
  private static func hasManyDecimals(_ value: Double) -> Bool {
    let scaled = value * 1e9
    return abs(value) < 1_000 && abs(scaled - scaled.rounded()) > 0.02
  }

  @inline(__always)
  private static func number(_ words: UnsafePointer<UInt64>, _ at: Int) -> Double? {
    switch UInt8(truncatingIfNeeded: words[at] >> 56) {
    case JSON.Tag.double: Double(bitPattern: words[at + 1])
    case JSON.Tag.int: Double(Int64(bitPattern: words[at + 1]))
    case JSON.Tag.unsigned: Double(words[at + 1])
    default: nil
    }
  }

  /// Says what is wrong with the position at `at`.
  private static func badPosition(_ words: UnsafePointer<UInt64>, _ at: Int, _ what: String) -> GeometryFault {
    let tag = UInt8(truncatingIfNeeded: words[at] >> 56)
    guard tag == JSON.Tag.array else {
      let isNumber = [JSON.Tag.double, JSON.Tag.int, JSON.Tag.unsigned].contains(tag)
      return GeometryFault(
        isNumber
          ? "found a number where an array of positions belongs: `coordinates` nests one level too few"
          : "\(what) is not an array of numbers")
    }
    // The cursor needs no strings to tell kinds apart.
    let elements = JSON(words: words, strings: UnsafeRawPointer(words).assumingMemoryBound(to: UInt8.self), at: at)
      .elements
    var count = 0
    for element in elements {
      if element.isArray {
        return GeometryFault("found an array where a number belongs: `coordinates` nests one level too deep")
      }
      guard element.double != nil else { return GeometryFault("\(what) holds \(element.kindName), not a number") }
      count += 1
    }
    return GeometryFault("\(what) has \(count == 0 ? "no numbers" : "only \(count) number"); it needs two, x and y")
  }

  private static func isBox(_ json: JSON) -> Bool {
    guard json.isArray else { return json.isNull }
    for element in json.elements where element.double == nil { return false }
    return true
  }
}
