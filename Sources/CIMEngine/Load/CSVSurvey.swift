internal import SpatialIndex

/// Reads the geometry of a CSV record.
struct CSVGeometry {
  let path: String
  let header: CSVHeader
  /// Whether x and y must be degrees.
  let isGeographic: Bool

  /// The geometry, nil when its fields are empty. `srid` is what an EWKT text states.
  func read(_ records: DelimitedRecords) throws(LoadError) -> (geometry: Geometry, srid: Int?)? {
    if let shape = header.shape { return try wellKnown(records, shape) }
    guard let xColumn = header.x, let yColumn = header.y else { return nil }
    let (xText, yText) = (records.field(xColumn).trimmed, records.field(yColumn).trimmed)
    if xText.isEmpty, yText.isEmpty { return nil }
    let x = try coordinate(xText, xColumn, records)
    let y = try coordinate(yText, yColumn, records)
    if isGeographic {
      if abs(y) > 90, abs(x) <= 90 {
        throw bad(
          records, "latitude \(y) is beyond ±90; are `\(header.names[xColumn])` and `\(header.names[yColumn])` swapped?"
        )
      }
      if abs(y) > 90 {
        throw bad(records, "latitude \(y) is beyond ±90", fix: "if these are metres, name their CRS with --crs")
      }
      if abs(x) > 180.0001 {
        throw bad(records, "longitude \(x) is beyond ±180", fix: "if these are metres, name their CRS with --crs")
      }
    }
    guard let zColumn = header.z else { return (.point(x, y), nil) }
    let zText = records.field(zColumn).trimmed
    return (.point(x, y, z: zText.isEmpty ? .nan : try coordinate(zText, zColumn, records)), nil)
  }

  private func bad(_ records: DelimitedRecords, _ what: String, fix: String? = nil) -> LoadError {
    LoadError(path: path, place: .line(records.line), reason: .malformed(what), fix: fix)
  }

  private func coordinate(
    _ text: UnsafeBufferPointer<UInt8>, _ column: Int, _ records: DelimitedRecords
  ) throws(LoadError) -> Double {
    guard let number = TextValue.number(text) else {
      let name = header.names[column]
      if text.isEmpty { throw bad(records, "`\(name)` is empty, but the other coordinate is not") }
      throw bad(records, "`\(name)` is '\(String(decoding: text, as: UTF8.self))', not a number")
    }
    return number.value
  }

  private func wellKnown(
    _ records: DelimitedRecords, _ column: Int
  ) throws(LoadError) -> (geometry: Geometry, srid: Int?)? {
    var text = records.field(column).trimmed
    if text.isEmpty { return nil }
    var srid: Int? = nil
    if let semicolon = text.firstIndex(of: UInt8(ascii: ";")), semicolon < 20 {
      let head = String(decoding: text[..<semicolon], as: UTF8.self).uppercased()
      if head.hasPrefix("SRID="), let code = Int(head.dropFirst(5)) {
        srid = code > 0 ? code : nil
        text = UnsafeBufferPointer(rebasing: text[(semicolon + 1)...]).trimmed
      }
    }
    do throws(GeometryReadError) {
      let geometry: Geometry
      if let bytes = Self.hex(text) {
        geometry = try WKB.read(bytes)
        if srid == nil { srid = Self.srid(ofEWKB: bytes) }
      } else {
        geometry = try WKT.read(String(decoding: text, as: UTF8.self))
      }
      return geometry.isEmpty ? nil : (geometry, srid)
    } catch {
      throw bad(records, "`\(header.names[column])`: \(error.what) (at character \(error.offset + 1) of the geometry)")
    }
  }

  /// The bytes of hexadecimal WKB as PostGIS exports it, or nil.
  static func hex(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard text.count >= 18, text.count % 2 == 0, text[0] == UInt8(ascii: "0") else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    func digit(_ byte: UInt8) -> UInt8? {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
      default: nil
      }
    }
    for i in stride(from: 0, to: text.count, by: 2) {
      guard let high = digit(text[i]), let low = digit(text[i + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func srid(ofEWKB bytes: [UInt8]) -> Int? {
    guard bytes.count >= 9 else { return nil }
    func word(_ at: Int) -> UInt32 {
      let four = bytes[at..<at + 4].map(UInt32.init)
      let ordered = bytes[0] == 1 ? four.reversed() : four
      return ordered.reduce(0) { $0 << 8 | $1 }
    }
    guard word(1) & 0x2000_0000 != 0 else { return nil }
    let code = Int(word(5))
    return code > 0 ? code : nil
  }
}

/// Gathers what a first pass over the records finds.
struct CSVSurvey {
  private struct Profile {
    var filled = 0
    var numbers = 0
    var doubles = 0
    /// Numbers with a leading zero or too many digits.
    var labels = 0
    var bools = 0
    var dates = 0
    var timestamps = 0
    var firstNonNumber: (line: Int, text: String)?
    var hasNUL = false
    let forced: ColumnType?
    let isLabel: Bool
  }

  let path: String
  private let header: CSVHeader
  private let layer: String
  private let options: LoadOptions
  private let zone: ZoneInfo
  private let geometry: CSVGeometry
  private var profiles: [Profile]
  private var warnings = LoadWarnings()
  private var kinds: Set<GeometryKind> = []
  private var hasZ = false
  private var extent = Extent()
  private var srid: Int?
  private(set) var count = 0

  static let largestDigitCount = 15

  init(path: String, header: CSVHeader, layer: String, options: LoadOptions, zone: ZoneInfo) {
    self.path = path
    self.header = header
    self.layer = layer
    self.options = options
    self.zone = zone
    geometry = CSVGeometry(path: path, header: header, isGeographic: header.hasDegrees(options))
    profiles = header.names.map { name in
      Profile(
        forced: options.type(ofColumn: name),
        isLabel: ColumnMeaning.isLabel(name) || options.isLink(name) || ColumnMeaning.isLink(name, layer: layer))
    }
  }

  mutating func add(_ records: DelimitedRecords) throws(LoadError) {
    count += 1
    let place = SourcePlace.line(records.line)
    guard records.count == header.names.count else {
      throw LoadError(
        path: path, place: place,
        reason: .malformed(
          "has \(records.count) field\(records.count == 1 ? "" : "s"), the header has \(header.names.count)"),
        fix: records.count > header.names.count ? "a field that holds the delimiter must be in double quotes" : nil)
    }
    for index in profiles.indices {
      switch header.roles[index] {
      case .attribute: try note(records, index, place)
      case .id:
        if records.field(index).trimmed.isEmpty {
          warnings.count("`\(header.names[index])` is empty; the row's number becomes its id", at: place)
        }
      default: break
      }
    }
    guard let (shape, srid) = try geometry.read(records) else { return }
    if let srid {
      if let known = self.srid, known != srid {
        throw LoadError(
          path: path, place: place, reason: .refused("SRID \(srid) differs from SRID \(known) of the rows before"))
      }
      self.srid = srid
    }
    kinds.insert(shape.kind)
    if shape.hasZ { hasZ = true }
    extent.add(shape)
  }

  private mutating func note(_ records: DelimitedRecords, _ index: Int, _ place: SourcePlace) throws(LoadError) {
    let raw = records.field(index)
    let text = raw.trimmed
    if text.isEmpty { return }
    if let forced = profiles[index].forced {
      guard TextValue.value(text, as: forced, zone: zone) != nil else {
        throw LoadError(
          path: path, place: place,
          reason: .malformed(
            "`\(header.names[index])` is to be \(forced.rawValue), but the value is '\(String(decoding: text, as: UTF8.self))'"
          ))
      }
      return
    }
    profiles[index].filled += 1
    if !profiles[index].hasNUL, raw.contains(0) { profiles[index].hasNUL = true }
    if profiles[index].isLabel { return }
    if let number = TextValue.number(text) {
      profiles[index].numbers += 1
      if !number.isInteger { profiles[index].doubles += 1 }
      if number.hasLeadingZero || (number.isInteger && number.integerDigits > Self.largestDigitCount) {
        profiles[index].labels += 1
      }
      return
    }
    if profiles[index].firstNonNumber == nil {
      profiles[index].firstNonNumber = (records.line, String(decoding: text, as: UTF8.self))
    }
    if RFC3339.date(text) != nil {
      profiles[index].dates += 1
    } else if RFC3339.dateTime(text) != nil {
      profiles[index].timestamps += 1
    } else if TextValue.bool(text) != nil {
      profiles[index].bools += 1
    }
  }

  func finish(format: String, byteCount: Int, blankLines: Int) throws(LoadError) -> SourceSurvey {
    var warnings = self.warnings
    if blankLines > 0 { warnings.add("\(blankLines) blank line\(blankLines == 1 ? " is" : "s are") left out") }
    let stated = srid.map { CRS.epsg($0) }
    let (crs, crsWarnings) = options.resolveCRS(stated: stated, assumed: header.isLonLat ? .wgs84 : nil)
    for warning in crsWarnings { warnings.add(warning) }
    var result = SourceSurvey.Layer(
      name: layer, geometryKinds: kinds, hasZ: hasZ, featureCount: count, extent: extent.box)
    var names = ColumnNames()
    for (index, name) in header.names.enumerated() {
      if header.roles[index] == .id { result.idColumn = name }
      guard header.roles[index] == .attribute else { continue }
      if profiles[index].hasNUL { warnings.add("`\(name)` holds the character U+0000, which is left out") }
      result.columns.append(Catalog.Column(name: names.claim(name), type: try type(of: index, &warnings)))
      result.sourceNames.append(name)
    }
    for warning in names.warnings { warnings.add(warning) }
    if result.idColumn == nil, count > 0 { warnings.add("there is no column `id`; each row gets its number as its id") }
    var survey = SourceSurvey(
      path: path, format: format, statedCRS: stated, layers: [result], warnings: warnings.messages, byteCount: byteCount
    )
    survey.crs = crs
    return survey
  }

  private func type(of index: Int, _ warnings: inout LoadWarnings) throws(LoadError) -> ColumnType {
    let profile = profiles[index]
    let name = header.names[index]
    if let forced = profile.forced { return forced }
    if profile.isLabel || profile.filled == 0 { return .text }
    if profile.numbers == profile.filled { return profile.labels > 0 ? .text : profile.doubles > 0 ? .double : .int }
    if profile.dates == profile.filled { return .date }
    if profile.timestamps == profile.filled { return .timestamp }
    if profile.bools == profile.filled { return .bool }
    if let bad = profile.firstNonNumber, profile.numbers * 10 >= profile.filled * 9 {
      let known = CitySchema.column(name, of: layer)?.type
      if known == .int || known == .double {
        throw LoadError(
          path: path, place: .line(bad.line),
          reason: .malformed("`\(name)` is '\(bad.text)', not a number as in \(profile.numbers) other rows"),
          fix: "correct it, or keep the column as text with --types \(name)=text")
      }
      if profile.numbers >= 10 {
        warnings.add(
          "`\(name)` is text because line \(bad.line) has '\(bad.text)'; \(profile.numbers) of \(profile.filled) "
            + "values are numbers")
      }
    }
    return .text
  }
}

extension CSVHeader {
  /// Whether x and y must be longitude and latitude: they are named so, or their CRS is known to be geographic.
  func hasDegrees(_ options: LoadOptions) -> Bool {
    guard let crs = options.forceCRS ?? options.crs else { return isLonLat }
    return crs == .wgs84 || crs == .cgcs2000 || crs.isOffsetSystem
  }
}

/// Makes features of records on the second pass.
struct CSVBuilder {
  let path: String
  private let geometry: CSVGeometry
  private let idColumn: Int?
  /// Column of the layer by column of the file, -1 where there is none.
  private let targets: [Int]
  private let types: [ColumnType]
  private let zone: ZoneInfo
  private var number = 0

  init(path: String, header: CSVHeader, layer: SourceSurvey.Layer, zone: ZoneInfo) throws(LoadError) {
    self.path = path
    self.zone = zone
    // The survey has checked what must be degrees.
    geometry = CSVGeometry(path: path, header: header, isGeographic: false)
    idColumn = header.roles.firstIndex(of: .id)
    types = layer.columns.map(\.type)
    var next = 0
    targets = header.roles.map { role in
      guard role == .attribute else { return -1 }
      defer { next += 1 }
      return next
    }
    guard next == types.count else { throw LoadError.changed(path, .file) }
  }

  mutating func feature(_ records: DelimitedRecords) throws(LoadError) -> Feature {
    number += 1
    let place = SourcePlace.line(records.line)
    guard records.count == targets.count else { throw LoadError.changed(path, place) }
    var row = [Value](repeating: .null, count: types.count)
    for (index, target) in targets.enumerated() where target >= 0 {
      let raw = records.field(index)
      if types[target] == .text {
        if raw.isEmpty, !records.isQuoted(index) { continue }
        row[target] = .text(Self.text(raw))
        continue
      }
      let text = raw.trimmed
      if text.isEmpty { continue }
      guard let value = TextValue.value(text, as: types[target], zone: zone) else {
        throw LoadError.changed(path, place)
      }
      row[target] = value
    }
    var id: String? = nil
    if let idColumn {
      let text = records.field(idColumn).trimmed
      if !text.isEmpty { id = Self.text(text) }
    }
    return Feature(
      id: id ?? String(number), values: row, geometry: try geometry.read(records)?.geometry, place: place)
  }

  private static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    bytes.contains(0)
      ? String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self) : String(decoding: bytes, as: UTF8.self)
  }
}
