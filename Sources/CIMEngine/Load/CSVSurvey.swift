internal import Glibc
internal import SpatialIndex

/// Reads the geometry of a CSV record.
struct CSVGeometry {
  let path: String
  private let header: CSVHeader
  private let isGeographic: Bool
  private let (x, y, z, shape): (Int?, Int?, Int?, Int?)

  /// - Parameter isGeographic: whether x and y must be degrees.
  init(path: String, header: CSVHeader, isGeographic: Bool) {
    self.path = path
    self.header = header
    self.isGeographic = isGeographic
    (x, y, z, shape) = (header.x, header.y, header.z, header.shape)
  }

  /// The geometry, nil when its fields are empty. `srid` is what an EWKT text states.
  func read(_ record: DelimitedRecords.Record) throws(LoadError) -> (geometry: Geometry, srid: Int?)? {
    if let shape { return try wellKnown(record, shape) }
    guard let xColumn = x, let yColumn = y else { return nil }
    let (xText, yText) = (record.field(xColumn).trimmed, record.field(yColumn).trimmed)
    if xText.isEmpty, yText.isEmpty { return nil }
    let x = try coordinate(xText, xColumn, record)
    let y = try coordinate(yText, yColumn, record)
    if isGeographic {
      if abs(y) > 90, abs(x) <= 90 {
        throw bad(
          record, "latitude \(y) is beyond ±90; are `\(header.names[xColumn])` and `\(header.names[yColumn])` swapped?"
        )
      }
      if abs(y) > 90 {
        throw bad(record, "latitude \(y) is beyond ±90", fix: "if these are metres, name their CRS with --crs")
      }
      if abs(x) > 180.0001 {
        throw bad(record, "longitude \(x) is beyond ±180", fix: "if these are metres, name their CRS with --crs")
      }
    }
    guard let zColumn = z else { return (.point(x, y), nil) }
    let zText = record.field(zColumn).trimmed
    return (.point(x, y, z: zText.isEmpty ? .nan : try coordinate(zText, zColumn, record)), nil)
  }

  private func bad(_ record: DelimitedRecords.Record, _ what: String, fix: String? = nil) -> LoadError {
    LoadError(path: path, place: .line(record.line), reason: .malformed(what), fix: fix)
  }

  private func coordinate(
    _ text: UnsafeBufferPointer<UInt8>, _ column: Int, _ record: DelimitedRecords.Record
  ) throws(LoadError) -> Double {
    guard let number = TextValue.number(text) else {
      let name = header.names[column]
      if text.isEmpty { throw bad(record, "`\(name)` is empty, but the other coordinate is not") }
      throw bad(record, "`\(name)` is '\(String(decoding: text, as: UTF8.self))', not a number")
    }
    return number.value
  }

  private func wellKnown(
    _ record: DelimitedRecords.Record, _ column: Int
  ) throws(LoadError) -> (geometry: Geometry, srid: Int?)? {
    var text = record.field(column).trimmed
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
      throw bad(record, "`\(header.names[column])`: \(error.what) (at character \(error.offset + 1) of the geometry)")
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
    /// Where the shipped schema has a closed list for it.
    var listed: ListedValues?
    let forced: ColumnType?
    /// Forced by the shipped schema or most of the values, not by the user.
    var isBySchema = false
    let isLabel: Bool

    mutating func note(_ raw: UnsafeBufferPointer<UInt8>, _ text: UnsafeBufferPointer<UInt8>, line: Int) {
      filled += 1
      if !hasNUL, memchr(raw.baseAddress!, 0, raw.count) != nil { hasNUL = true }
      listed?.note(text)
      if isLabel { return }
      if let number = TextValue.number(text) {
        numbers += 1
        if !number.isInteger { doubles += 1 }
        if number.hasLeadingZero || (number.isInteger && number.integerDigits > CSVSurvey.largestDigitCount) {
          labels += 1
        }
        return
      }
      if firstNonNumber == nil { firstNonNumber = (line, String(decoding: text, as: UTF8.self)) }
      if text.count >= 10, text[4] == UInt8(ascii: "-") {
        if RFC3339.date(text) != nil { dates += 1 } else if RFC3339.dateTime(text) != nil { timestamps += 1 }
      } else if text.count <= 5, TextValue.bool(text) != nil {
        bools += 1
      }
    }
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
  /// Rows whose id is empty.
  private var numberedCount = 0

  static let largestDigitCount = 15

  /// - Parameter outlierTypes: types of columns in which a few values are known to be wrong.
  init(
    path: String, header: CSVHeader, layer: String, options: LoadOptions, outlierTypes: [String: ColumnType] = [:],
    zone: ZoneInfo
  ) {
    self.path = path
    self.header = header
    self.layer = layer
    self.options = options
    self.zone = zone
    geometry = CSVGeometry(path: path, header: header, isGeographic: header.hasDegrees(options))
    profiles = header.names.map { name in
      Profile(
        listed: ListedValues(column: name, layer: layer),
        forced: options.type(ofColumn: name) ?? outlierTypes[name],
        isBySchema: options.type(ofColumn: name) == nil && outlierTypes[name] != nil,
        isLabel: ColumnMeaning.isLabel(name) || options.isLink(name) || ColumnMeaning.isLink(name, layer: layer))
    }
  }

  mutating func add(_ record: DelimitedRecords.Record) throws(LoadError) {
    count += 1
    let place = SourcePlace.line(record.line)
    guard record.count == header.names.count else {
      throw LoadError(
        path: path, place: place,
        reason: .malformed(
          "has \(record.count) field\(record.count == 1 ? "" : "s"), the header has \(header.names.count)"),
        fix: record.count > header.names.count ? "a field that holds the delimiter must be in double quotes" : nil)
    }
    for index in profiles.indices {
      switch header.roles[index] {
      case .attribute: try note(record, index, place)
      case .id:
        if record.field(index).trimmed.isEmpty {
          numberedCount += 1
          warnings.count("`\(header.names[index])` is empty; the row's number becomes its id", at: place)
        }
      default: break
      }
    }
    guard let (shape, srid) = try geometry.read(record) else { return }
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

  private mutating func note(_ record: DelimitedRecords.Record, _ index: Int, _ place: SourcePlace) throws(LoadError) {
    let raw = record.field(index)
    let text = raw.trimmed
    if text.isEmpty { return }
    if let forced = profiles[index].forced {
      guard TextValue.value(text, as: forced, zone: zone) != nil else {
        let found = String(decoding: text, as: UTF8.self)
        if profiles[index].isBySchema {
          throw LoadError(
            path: path, place: place, reason: .malformed("`\(header.names[index])` is '\(found)', not a number"),
            fix: "correct it, or keep the column as text with --types \(header.names[index])=text")
        }
        throw LoadError(
          path: path, place: place,
          reason: .malformed(
            "`\(header.names[index])` is to be \(forced.rawValue), but the value is '\(found)'"))
      }
      return
    }
    profiles[index].note(raw, text, line: record.line)
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
    result.numberedCount = header.roles.contains(.id) ? numberedCount : count
    for (index, name) in header.names.enumerated() {
      if header.roles[index] == .id { result.idColumn = name }
      guard header.roles[index] == .attribute else { continue }
      if profiles[index].hasNUL { warnings.add("`\(name)` holds the character U+0000, which is left out") }
      if let listed = profiles[index].listed { result.listed[result.columns.count] = listed }
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

  /// Columns that the shipped schema knows as numbers and that hold something else: in a shipped layer any of its own
  /// columns, in others those that hold numbers but for a few texts.
  var typesOfOutliers: [String: ColumnType] {
    var types: [String: ColumnType] = [:]
    for (index, profile) in profiles.enumerated() {
      let isMixed = profile.numbers < profile.filled && profile.labels == 0
      guard header.roles[index] == .attribute, profile.forced == nil, !profile.isLabel, profile.filled > 0,
        let known = CitySchema.column(header.names[index], of: layer)?.type, known == .int || known == .double,
        (isMixed && profile.numbers * 10 >= profile.filled * 9)
          || (CitySchema.fixesType(of: header.names[index], in: layer)
            && (profile.numbers < profile.filled || profile.labels > 0))
      else { continue }
      types[header.names[index]] = profile.doubles > 0 ? .double : known
    }
    return types
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

  /// Counts a record that is left out.
  mutating func pass() { number += 1 }

  mutating func feature(_ record: DelimitedRecords.Record) throws(LoadError) -> Feature {
    number += 1
    let place = SourcePlace.line(record.line)
    guard record.count == targets.count else { throw LoadError.changed(path, place) }
    var row = [Value](repeating: .null, count: types.count)
    for (index, target) in targets.enumerated() where target >= 0 {
      let raw = record.field(index)
      if types[target] == .text {
        if raw.isEmpty, !record.isQuoted(index) { continue }
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
      let text = record.field(idColumn).trimmed
      if !text.isEmpty { id = Self.text(text) }
    }
    var feature = Feature(
      id: id ?? String(number), values: row, geometry: try geometry.read(record)?.geometry, place: place)
    feature.isNumbered = id == nil
    return feature
  }

  private static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    memchr(bytes.baseAddress!, 0, bytes.count) != nil
      ? String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self) : String(decoding: bytes, as: UTF8.self)
  }
}
