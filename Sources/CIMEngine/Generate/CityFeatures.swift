/// The CRS that a file of the synthetic city is in: a mix, as bureaus send it.
enum CitySystem: Sendable {
  /// EPSG:4547, millimetres kept.
  case plane
  case cgcs2000
  case wgs84
  case gcj02

  var name: String {
    switch self {
    case .plane: "EPSG:4547"
    case .cgcs2000: "EPSG:4490"
    case .wgs84: "EPSG:4326"
    case .gcj02: "GCJ02"
    }
  }

  /// The `crs` member of GeoJSON from before RFC 7946; nil where the format's own WGS 84 holds.
  fileprivate var member: String? {
    switch self {
    case .plane: "urn:ogc:def:crs:EPSG::4547"
    case .cgcs2000: "urn:ogc:def:crs:EPSG::4490"
    case .wgs84, .gcj02: nil
    }
  }
}

/// A GeoJSON file of one layer being written. Heights and figures are in hundredths, as everywhere in the generator.
struct CityFeatures: ~Copyable {
  private var out = CityBytes(capacity: 1 << 20)
  private let system: CitySystem
  private let isSequence: Bool
  private let projection = CityProjection()
  private(set) var count = 0
  private var properties = 0

  init(_ system: CitySystem, isSequence: Bool = false) {
    self.system = system
    self.isSequence = isSequence
    if isSequence { return }
    out.put("{\"type\":\"FeatureCollection\",")
    if let member = system.member {
      out.put("\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"")
      out.put(text: member)
      out.put("\"}},")
    }
    out.put("\"features\":[\n")
  }

  /// Writes the file and returns its size.
  consuming func finish(_ path: String) throws(StoreError) -> Int {
    if !isSequence { out.put(count > 0 ? "\n]}\n" : "]}\n") }
    var file = try CityFile(path)
    try file.write(out)
    try file.finish()
    return file.byteCount
  }

  mutating func begin(_ id: String) {
    if count > 0, !isSequence { out.put(",\n") }
    count += 1
    properties = 0
    out.put("{\"type\":\"Feature\",\"id\":\"")
    out.put(text: id)
    out.put("\",\"properties\":{")
  }

  private mutating func key(_ name: StaticString) {
    out.put(properties == 0 ? "\"" : ",\"")
    properties += 1
    out.put(name)
    out.put("\":")
  }

  mutating func text(_ name: StaticString, _ value: String) {
    key(name)
    out.put("\"")
    out.put(text: value)
    out.put("\"")
  }

  mutating func person(_ name: StaticString, _ names: borrowing CityNames, _ index: UInt64) {
    key(name)
    out.put("\"")
    names.putPerson(index, into: &out)
    out.put("\"")
  }

  mutating func phone(_ index: UInt64) {
    key("phone")
    out.put("\"")
    CityNames.putPhone(index, into: &out)
    out.put("\"")
  }

  mutating func number(_ name: StaticString, _ value: Int) {
    key(name)
    out.put(value)
  }

  mutating func hundredths(_ name: StaticString, _ value: Int) {
    key(name)
    out.put(value, decimals: 2)
  }

  mutating func null(_ name: StaticString) {
    key(name)
    out.put("null")
  }

  // MARK: Geometry, which ends the feature

  mutating func point(_ place: CityPoint, heightCentimetres: Int? = nil) {
    out.put("},\"geometry\":{\"type\":\"Point\",\"coordinates\":")
    position(place, heightCentimetres)
    close()
  }

  mutating func line(_ places: [CityPoint]) {
    out.put("},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[")
    for (i, place) in places.enumerated() {
      if i > 0 { out.put(byte: 0x2C) }
      position(place, nil)
    }
    out.put("]")
    close()
  }

  /// Rings that are not closed; they are closed here.
  mutating func polygon(_ rings: [[CityPoint]]) {
    out.put("},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[")
    for (r, ring) in rings.enumerated() {
      out.put(r == 0 ? "[" : ",[")
      for place in ring {
        position(place, nil)
        out.put(byte: 0x2C)
      }
      position(ring[0], nil)
      out.put("]")
    }
    out.put("]")
    close()
  }

  private mutating func close() { out.put(isSequence ? "}}\n" : "}}") }

  private mutating func position(_ place: CityPoint, _ height: Int?) {
    out.put(byte: 0x5B)
    if system == .plane {
      out.put(place.x, decimals: 3)
      out.put(byte: 0x2C)
      out.put(place.y, decimals: 3)
    } else {
      let (longitude, latitude) = system == .gcj02 ? projection.gcj02(place) : projection.degrees(place)
      out.put(longitude, decimals: 8)
      out.put(byte: 0x2C)
      out.put(latitude, decimals: 8)
    }
    if let height {
      out.put(byte: 0x2C)
      out.put(height, decimals: 2)
    }
    out.put(byte: 0x5D)
  }
}

/// Times of the synthetic city: around 10 August 2022, Beijing time.
enum CityTime {
  /// `minute` counts from 2022-08-10T00:00 and stays within that day and the next.
  static func put(minute: Int, into out: inout CityBytes) {
    let day = 10 + minute / 1_440
    out.put("2022-08-")
    out.put(day, width: 2)
    out.put(byte: 0x54)
    out.put(minute % 1_440 / 60, width: 2)
    out.put(byte: 0x3A)
    out.put(minute % 60, width: 2)
    out.put(":00")
  }

  /// With the zone, for GeoJSON.
  static func text(minute: Int) -> String {
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    return "2022-08-\(two(10 + minute / 1_440))T\(two(minute % 1_440 / 60)):\(two(minute % 60)):00+08:00"
  }
}
