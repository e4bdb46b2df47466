/// Well-known text (06-103r4, section 7): with or without Z, M and ZM, EMPTY, any case.
package enum WKT {
  /// Reads one geometry that fills the text but for white space.
  ///
  /// M is dropped. `POINT (1 2 3)` without a tag is read as Z. Rings must close and have four vertices or more.
  /// - Throws: ``GeometryReadError`` whose offset counts UTF-8 bytes.
  package static func read(_ text: some StringProtocol) throws(GeometryReadError) -> Geometry {
    var text = String(text)
    let result = text.withUTF8 { bytes in
      Result { () throws(GeometryReadError) -> Geometry in
        var offset = 0
        let geometry = try read(bytes, from: &offset)
        var reader = WKTReader(bytes, offset)
        reader.skipSpace()
        if reader.offset < bytes.count {
          throw GeometryReadError("text follows the geometry", at: reader.offset)
        }
        return geometry
      }
    }
    return try result.get()
  }

  /// Reads the geometry that starts at `offset`, which moves to just behind it: for WKT inside a longer text.
  package static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, from offset: inout Int
  ) throws(GeometryReadError) -> Geometry {
    var reader = WKTReader(bytes, offset)
    let geometry = try reader.geometry(depth: 0)
    offset = reader.offset
    return geometry
  }

  /// The geometry as text, `POINT Z (1 2 3)`. Numbers in shortest round-trip form, or with `decimals` at most.
  package static func write(_ geometry: Geometry, decimals: Int? = nil) -> String {
    var bytes: [UInt8] = []
    append(geometry, decimals: decimals, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  package static func append(_ geometry: Geometry, decimals: Int? = nil, to bytes: inout [UInt8]) {
    if geometry.kind != .geometryCollection {
      geometry.withView { append($0, decimals: decimals, to: &bytes) }
      return
    }
    appendTag(.geometryCollection, geometry.hasZ, geometry.members.isEmpty, to: &bytes)
    if geometry.members.isEmpty { return }
    bytes.append(UInt8(ascii: "("))
    for (i, member) in geometry.members.enumerated() {
      if i > 0 { bytes.append(contentsOf: ", ".utf8) }
      append(member, decimals: decimals, to: &bytes)
    }
    bytes.append(UInt8(ascii: ")"))
  }

  package static func append(_ view: GeometryView, decimals: Int? = nil, to bytes: inout [UInt8]) {
    appendTag(view.kind, view.z != nil, view.isEmpty, to: &bytes)
    if view.isEmpty { return }
    let isMulti = view.kind.single != nil
    if isMulti { bytes.append(UInt8(ascii: "(")) }
    for part in 0..<view.partCount {
      if part > 0 { bytes.append(contentsOf: ", ".utf8) }
      let isPolygon = view.dimension == 2
      if isPolygon { bytes.append(UInt8(ascii: "(")) }
      for ring in view.rings(ofPart: part) {
        if ring > view.rings(ofPart: part).lowerBound { bytes.append(contentsOf: ", ".utf8) }
        appendVertices(view, view.vertices(ofRing: ring), decimals, to: &bytes)
      }
      if isPolygon { bytes.append(UInt8(ascii: ")")) }
    }
    if isMulti { bytes.append(UInt8(ascii: ")")) }
  }

  static func kind(named name: String) -> GeometryKind? {
    switch name {
    case "POINT": .point
    case "LINESTRING": .lineString
    case "POLYGON": .polygon
    case "MULTIPOINT": .multiPoint
    case "MULTILINESTRING": .multiLineString
    case "MULTIPOLYGON": .multiPolygon
    case "GEOMETRYCOLLECTION": .geometryCollection
    default: nil
    }
  }

  private static func name(of kind: GeometryKind) -> StaticString {
    switch kind {
    case .point: "POINT"
    case .lineString: "LINESTRING"
    case .polygon: "POLYGON"
    case .multiPoint: "MULTIPOINT"
    case .multiLineString: "MULTILINESTRING"
    case .multiPolygon: "MULTIPOLYGON"
    case .geometryCollection: "GEOMETRYCOLLECTION"
    }
  }

  private static func appendTag(_ kind: GeometryKind, _ hasZ: Bool, _ isEmpty: Bool, to bytes: inout [UInt8]) {
    let name = name(of: kind)
    bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    bytes.append(contentsOf: (hasZ ? " Z " : " ").utf8)
    if isEmpty { bytes.append(contentsOf: "EMPTY".utf8) }
  }

  private static func appendVertices(
    _ view: GeometryView, _ vertices: Range<Int>, _ decimals: Int?, to bytes: inout [UInt8]
  ) {
    bytes.append(UInt8(ascii: "("))
    for v in vertices {
      if v > vertices.lowerBound { bytes.append(contentsOf: ", ".utf8) }
      NumberText.append(view.xy[2 * v], decimals: decimals, to: &bytes)
      bytes.append(UInt8(ascii: " "))
      NumberText.append(view.xy[2 * v + 1], decimals: decimals, to: &bytes)
      if let z = view.z?[v] {
        bytes.append(UInt8(ascii: " "))
        if z.isFinite {
          NumberText.append(z, decimals: decimals, to: &bytes)
        } else {
          bytes.append(contentsOf: "NaN".utf8)
        }
      }
    }
    bytes.append(UInt8(ascii: ")"))
  }
}

/// A recursive-descent reader over UTF-8 bytes.
struct WKTReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private(set) var offset: Int

  init(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  mutating func skipSpace() {
    while offset < bytes.count, bytes[offset] == 0x20 || (bytes[offset] >= 9 && bytes[offset] <= 13) { offset += 1 }
  }

  private mutating func peek() -> UInt8? {
    skipSpace()
    return offset < bytes.count ? bytes[offset] : nil
  }

  private func error(_ what: String) -> GeometryReadError { GeometryReadError(what, at: offset) }

  private mutating func accept(_ character: Character) -> Bool {
    guard peek() == character.asciiValue else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ character: Character) throws(GeometryReadError) {
    if !accept(character) { throw error("expected '\(character)'" + found()) }
  }

  private mutating func found() -> String {
    guard let byte = peek() else { return ", but the text ends" }
    return byte > 0x20 && byte < 0x7F ? ", found '\(Character(UnicodeScalar(byte)))'" : ""
  }

  /// The letters at the offset in upper case, not consumed.
  private mutating func word() -> (text: String, end: Int) {
    skipSpace()
    var end = offset
    var text = ""
    while end < bytes.count, end - offset < 32 {
      let byte = bytes[end] & 0xDF
      guard byte >= 0x41 && byte <= 0x5A else { break }
      text.unicodeScalars.append(UnicodeScalar(byte))
      end += 1
    }
    return (text, end)
  }

  /// Which of z and m the coordinates have; nil until the first vertex shows it.
  private struct Dimensions {
    var hasZ = false
    var hasM = false
    var isStated = false
  }

  mutating func geometry(depth: Int) throws(GeometryReadError) -> Geometry {
    if depth > GeometryBytes.depthLimit { throw error("collections are nested too deeply") }
    var (name, end) = word()
    guard !name.isEmpty else { throw error("expected a geometry such as POINT (113.65 34.76)" + found()) }
    var dimensions = Dimensions()
    // A tag may be glued to the name: POINTZ, LINESTRINGZM.
    var kind = WKT.kind(named: name)
    for tag in ["ZM", "Z", "M"] where kind == nil && name.hasSuffix(tag) {
      kind = WKT.kind(named: String(name.dropLast(tag.count)))
      if kind != nil {
        dimensions = Dimensions(hasZ: tag != "M", hasM: tag != "Z", isStated: true)
        name = String(name.dropLast(tag.count))
      }
    }
    guard let kind else { throw error("\(name) is no geometry type that is supported") }
    offset = end
    let tag = word()
    if ["Z", "M", "ZM"].contains(tag.text) && !dimensions.isStated {
      dimensions = Dimensions(hasZ: tag.text != "M", hasM: tag.text != "Z", isStated: true)
      offset = tag.end
    }
    var geometry = Geometry(kind: kind)
    if try acceptEmpty() { return geometry }
    try expect("(")
    switch kind {
    case .geometryCollection:
      repeat { geometry.members.append(try self.geometry(depth: depth + 1)) } while accept(",")
      try expect(")")
    case .multiPoint, .multiLineString, .multiPolygon:
      repeat {
        if try acceptEmpty() { continue }
        if kind == .multiPoint && peek() != UInt8(ascii: "(") {
          try vertex(&dimensions, into: &geometry)
          geometry.closeRing()
          geometry.closePart()
        } else {
          try expect("(")
          try part(kind, &dimensions, into: &geometry)
        }
      } while accept(",")
      try expect(")")
    default:
      try part(kind.multi, &dimensions, into: &geometry)
    }
    return geometry
  }

  private mutating func acceptEmpty() throws(GeometryReadError) -> Bool {
    guard let first = peek(), first | 0x20 == UInt8(ascii: "e") else { return false }
    let next = word()
    guard next.text == "EMPTY" else { return false }
    offset = next.end
    return true
  }

  /// What follows the opening bracket of a point, line or polygon, the closing one included.
  private mutating func part(
    _ kind: GeometryKind, _ dimensions: inout Dimensions, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    switch kind {
    case .multiPoint:
      try vertex(&dimensions, into: &geometry)
      try expect(")")
      geometry.closeRing()
    case .multiLineString:
      let start = offset
      let count = try vertices(&dimensions, into: &geometry)
      if count < 2 { throw GeometryReadError("a line needs two points or more", at: start) }
      geometry.closeRing()
    default:
      repeat {
        if try acceptEmpty() { continue }
        try expect("(")
        let start = offset
        let count = try vertices(&dimensions, into: &geometry)
        if !geometry.ringIsClosed {
          throw GeometryReadError("a ring must end where it starts", at: start)
        }
        if count < 4 { throw GeometryReadError("a ring needs four points or more", at: start) }
        geometry.closeRing()
      } while accept(",")
      try expect(")")
    }
    geometry.closePart()
  }

  private mutating func vertices(
    _ dimensions: inout Dimensions, into geometry: inout Geometry
  ) throws(GeometryReadError) -> Int {
    var count = 0
    repeat {
      try vertex(&dimensions, into: &geometry)
      count += 1
    } while accept(",")
    try expect(")")
    return count
  }

  private mutating func vertex(
    _ dimensions: inout Dimensions, into geometry: inout Geometry
  ) throws(GeometryReadError) {
    geometry.xy.append(try number())
    geometry.xy.append(try number())
    if !dimensions.isStated {
      dimensions.isStated = true
      dimensions.hasZ = startsNumber()
      if dimensions.hasZ {
        geometry.z.append(try height())
        dimensions.hasM = startsNumber()
        if dimensions.hasM { _ = try number() }
      }
      return
    }
    if dimensions.hasZ { geometry.z.append(try height()) }
    if dimensions.hasM { _ = try height() }
  }

  /// A number, or `NaN` for a height that is not known.
  private mutating func height() throws(GeometryReadError) -> Double {
    guard let first = peek(), first | 0x20 == UInt8(ascii: "n") else { return try number() }
    let next = word()
    guard next.text == "NAN" else { return try number() }
    offset = next.end
    return .nan
  }

  private mutating func startsNumber() -> Bool {
    guard let byte = peek() else { return false }
    return byte != UInt8(ascii: ",") && byte != UInt8(ascii: ")")
  }

  private mutating func number() throws(GeometryReadError) -> Double {
    skipSpace()
    let start = offset
    var digits: UInt64 = 0
    var digitCount = 0
    var exponent = 0
    var isNegative = false
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") || bytes[offset] == UInt8(ascii: "+") {
      isNegative = bytes[offset] == UInt8(ascii: "-")
      offset += 1
    }
    var afterPoint = false
    var any = false
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte >= 0x30 && byte <= 0x39 {
        any = true
        if digitCount < 18 { digits = digits * 10 + UInt64(byte - 0x30) }
        if digits > 0 { digitCount += 1 }
        if afterPoint { exponent -= 1 }
      } else if byte == UInt8(ascii: ".") && !afterPoint {
        afterPoint = true
      } else {
        break
      }
      offset += 1
    }
    guard any else {
      offset = start
      throw error("expected a number" + found())
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      var end = offset + 1
      var isDown = false
      if end < bytes.count, bytes[end] == UInt8(ascii: "-") || bytes[end] == UInt8(ascii: "+") {
        isDown = bytes[end] == UInt8(ascii: "-")
        end += 1
      }
      var power = 0
      let first = end
      while end < bytes.count, bytes[end] >= 0x30 && bytes[end] <= 0x39 {
        if power < 100_000 { power = power * 10 + Int(bytes[end] - 0x30) }
        end += 1
      }
      guard end > first else { throw error("an exponent needs digits") }
      offset = end
      exponent += isDown ? -power : power
    }
    // A whole number below 2^53 times or over a power of ten up to 22 is rounded once, hence exactly (Clinger 1990).
    if digitCount <= 18 && digits < 1 << 53 && exponent >= -22 && exponent <= 22 {
      let value = Double(digits)
      let power = NumberText.powersOfTen[abs(exponent)]
      return (isNegative ? -1 : 1) * (exponent < 0 ? value / power : value * power)
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw GeometryReadError("\(text) is too large a number", at: start)
    }
    return value
  }
}
