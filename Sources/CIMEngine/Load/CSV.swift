internal import Glibc
internal import SpatialIndex

/// Reads CSV and TSV with a header line: points from longitude and latitude or x and y, any geometry from WKT (or hex
/// WKB), or no geometry at all; in UTF-8 or, found out or named, GB18030 and what else iconv knows.
///
/// A column is a number only if every value is one and none has a leading zero or, being whole, more than 15 digits,
/// and its name is not that of an id, code, telephone or link. Text that is all RFC 3339 becomes dates or times, all
/// `true` and `false` a bool. An empty field is NULL, `""` the empty text.
struct CSV: FeatureSource {
  let path: String
  let layer: String
  let options: LoadOptions
  /// Nil: by the header.
  let delimiter: UInt8?
  var bufferCapacity = ByteReader.usualCapacity

  static let batchSize = 1_000

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try survey(settingAside: Rejections.usualLimit, progress: progress).whole()
  }

  func survey(settingAside limit: Int, progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    var stated = options.encoding
    if stated == nil { stated = try Self.encodingByMark(path) }
    let line: Int
    do {
      switch try outcome(encoding: stated, limit, keepsUTF8: stated != nil, progress) {
      case .done(let survey): return survey
      case .notUTF8(let found): line = found
      }
    }
    guard stated == nil else {
      throw LoadError(
        path: path, place: .line(line), reason: .malformed("the text is not UTF-8"),
        fix: "name its encoding with --encoding")
    }
    // A few broken lines in a file of UTF-8 do not make it GB18030.
    if try isMostlyUTF8(), case .done(let survey) = try outcome(encoding: nil, limit, keepsUTF8: true, progress) {
      return survey
    }
    do throws(LoadError) {
      if case .done(var survey) = try outcome(encoding: "GB18030", limit, keepsUTF8: false, progress) {
        survey.warnings.insert("is not UTF-8 (line \(line)); read as GB18030", at: 0)
        return survey
      }
    } catch {
      guard case .malformed(let what) = error.reason, what.contains("are not GB18030") else { throw error }
    }
    throw LoadError(
      path: path, place: .line(line), reason: .malformed("the text is neither UTF-8 nor GB18030"),
      fix: "name its encoding with --encoding")
  }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    let records = try records(encoding: survey.encoding)
    guard let head = try records.next() else { throw LoadError.changed(path, .file) }
    var builder = try CSVBuilder(
      path: path, header: CSVHeader(head, path: path, layer: layer, options: options), layer: survey.layers[0],
      zone: try options.zone(path: path))
    var batch = FeatureBatch(layer: 0, features: [])
    batch.features.reserveCapacity(Self.batchSize)
    let rejected = survey.rejectedKeys
    while true {
      do throws(LoadError) {
        guard let record = try records.next() else { break }
        if !rejected.isEmpty, rejected.contains(.line(record.line)) {
          builder.pass()
          continue
        }
        batch.features.append(try builder.feature(record))
      } catch {
        guard records.canContinue, rejected.contains(.line(records.line)) else { throw error }
        builder.pass()
        continue
      }
      if batch.features.count == Self.batchSize {
        try body(batch)
        batch.features.removeAll(keepingCapacity: true)
        progress(records.bytesRead)
      }
    }
    if !batch.features.isEmpty { try body(batch) }
    progress(records.bytesRead)
  }

  var rejectsExtension: String { delimiter == UInt8(ascii: "\t") ? "tsv" : "csv" }

  /// The records as they stand, behind two columns more: `reject_line` and `reject_reason`.
  func writeRejected(_ rejected: [RejectedFeature], of survey: SourceSurvey, to writer: ByteWriter) throws {
    var wanted: [SourcePlace: RejectedFeature] = [:]
    for feature in rejected { wanted[feature.key] = feature }
    let records = try records(encoding: survey.encoding)
    func put(_ line: String, _ reason: String, _ text: UnsafeBufferPointer<UInt8>) throws {
      writer.append(line)
      writer.append(records.delimiter)
      writer.append(reason)
      writer.append(records.delimiter)
      let end = text.lastIndex { $0 != 0x0A && $0 != 0x0D } ?? -1
      writer.append(UnsafeBufferPointer(rebasing: text[..<(end + 1)]))
      writer.append(UInt8(ascii: "\n"))
      try writer.flushIfLarge()
    }
    guard let head = try records.next() else { return }
    try put("reject_line", "reject_reason", head.bytes)
    while true {
      do throws(LoadError) { guard try records.next() != nil else { break } } catch {
        guard records.canContinue else { throw error }
      }
      guard let feature = wanted[.line(records.line)] else { continue }
      let reason = feature.error.what.replacing("\"", with: "\"\"")
      try put(String(records.line), "\"\(reason)\"", records.text)
    }
  }

  /// Whether more of the lines beyond ASCII are sound UTF-8 than are not.
  private func isMostlyUTF8() throws(LoadError) -> Bool {
    let reader = try ByteReader(path: path, capacity: bufferCapacity)
    var (sound, broken) = (0, 0)
    var isAtEnd = false
    while !isAtEnd || !reader.bytes.isEmpty {
      let bytes = reader.bytes
      let hit = bytes.isEmpty ? nil : memchr(bytes.baseAddress!, 0x0A, bytes.count)
      guard hit != nil || isAtEnd else {
        isAtEnd = try !reader.fill()
        continue
      }
      let length = hit.map { UnsafeRawPointer($0) - UnsafeRawPointer(bytes.baseAddress!) + 1 } ?? bytes.count
      let line = UnsafeBufferPointer(rebasing: bytes[..<length])
      if line.contains(where: { $0 >= 0x80 }) {
        if UTF8Check.firstFault(line) == nil { sound += 1 } else { broken += 1 }
      }
      reader.advance(by: length)
    }
    return sound > broken
  }

  private enum Outcome {
    case done(SourceSurvey)
    case notUTF8(line: Int)
  }

  private func records(encoding: String?) throws(LoadError) -> DelimitedRecords {
    try DelimitedRecords(path: path, encoding: encoding, delimiter: delimiter, capacity: bufferCapacity)
  }

  /// - Parameters:
  ///   - encoding: nil reads UTF-8.
  ///   - keepsUTF8: sets lines aside that are not UTF-8 instead of stopping at them.
  private func outcome(
    encoding: String?, _ limit: Int, keepsUTF8: Bool, _ progress: @Sendable (Int) -> Void
  ) throws(LoadError) -> Outcome {
    var line: Int?
    let survey = try Rejections.survey(path: path, limit: limit) { (rejected) throws(LoadError) in
      switch try pass(encoding: encoding, keepsUTF8: keepsUTF8, &rejected, progress) {
      case .done(let survey): return survey
      case .notUTF8(let found):
        line = found
        return SourceSurvey(path: path, format: "CSV", statedCRS: nil, layers: [])
      }
    }
    return line.map { .notUTF8(line: $0) } ?? .done(survey)
  }

  private func pass(
    encoding: String?, keepsUTF8: Bool, _ rejected: inout Rejections, _ progress: @Sendable (Int) -> Void
  ) throws(LoadError) -> Outcome {
    let isUTF8 = encoding.map(TextConverter.isUTF8) ?? true
    let records = try records(encoding: encoding)
    guard let head = try records.next() else {
      throw LoadError(path: path, reason: .malformed("the file is empty; it needs a header line"))
    }
    if isUTF8, UTF8Check.firstFault(head.bytes) != nil { return .notUTF8(line: head.line) }
    var survey = CSVSurvey(
      path: path, header: try CSVHeader(head, path: path, layer: layer, options: options), layer: layer,
      options: options, outlierTypes: rejected.types, zone: try options.zone(path: path))
    while true {
      var isRead = false
      do throws(LoadError) {
        guard let record = try records.next() else { break }
        isRead = true
        if rejected.contains(.line(record.line)) { continue }
        if isUTF8, let fault = UTF8Check.firstFault(record.bytes) {
          guard keepsUTF8 else { return .notUTF8(line: record.line) }
          throw LoadError(
            path: path, place: .line(record.line), reason: .malformed("the text is not UTF-8 (at byte \(fault + 1))"),
            fix: "name its encoding with --encoding, if it is another")
        }
        try survey.add(record)
        if survey.count % Self.batchSize == 0 { progress(records.bytesRead) }
      } catch {
        guard isRead ? error.isOfOneFeature : records.canContinue else { throw error }
        if isUTF8, !keepsUTF8, UTF8Check.firstFault(records.text) != nil { return .notUTF8(line: records.line) }
        try rejected.add(error, at: .line(records.line))
      }
    }
    progress(records.bytesRead)
    let outliers = survey.typesOfOutliers
    if !outliers.isEmpty {
      rejected.types.merge(outliers) { known, _ in known }
      return .done(SourceSurvey(path: path, format: "CSV", statedCRS: nil, layers: []))
    }
    var result = try survey.finish(
      format: records.delimiter == UInt8(ascii: "\t") ? "TSV" : "CSV", byteCount: records.bytesRead,
      blankLines: records.blankLines)
    result.encoding = encoding
    return .done(result)
  }

  /// UTF-16 and UTF-32 by their byte order marks.
  private static func encodingByMark(_ path: String) throws(LoadError) -> String? {
    let reader = try ByteReader(path: path, capacity: 64)
    let bytes = withExtendedLifetime(reader) { Array(reader.bytes.prefix(4)) }
    if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) { return "UTF-32" }
    return bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) ? "UTF-16" : nil
  }
}

/// What the header line makes of the columns.
struct CSVHeader {
  enum Role: Equatable { case attribute, id, x, y, z, shape }

  var names: [String] = []
  var roles: [Role] = []
  /// x and y were named as longitude and latitude.
  var isLonLat = false
  var x: Int? { roles.firstIndex(of: .x) }
  var y: Int? { roles.firstIndex(of: .y) }
  var z: Int? { roles.firstIndex(of: .z) }
  var shape: Int? { roles.firstIndex(of: .shape) }

  init(_ record: DelimitedRecords.Record, path: String, layer: String, options: LoadOptions) throws(LoadError) {
    var numbers = 0
    for index in 0..<record.count {
      let field = record.field(index)
      if TextValue.number(field.trimmed) != nil { numbers += 1 }
      if field.contains(0) {
        throw LoadError(
          path: path, place: .line(record.line), reason: .malformed("the header holds NUL bytes; is it text?"),
          fix: "name its encoding with --encoding, such as UTF-16LE")
      }
      names.append(String(decoding: field.trimmed, as: UTF8.self))
    }
    guard numbers < names.count else {
      throw LoadError(
        path: path, place: .line(record.line), reason: .malformed("the first line holds numbers, not column names"),
        fix: "add a header line such as id,name,lon,lat")
    }
    guard names.count <= ColumnTable.limit else {
      throw LoadError(
        path: path, place: .line(record.line), reason: .refused("more than \(ColumnTable.limit) columns"))
    }
    roles = Array(repeating: .attribute, count: names.count)
    let lower = names.map { $0.lowercased() }
    if let id = lower.firstIndex(of: "id") { roles[id] = .id }
    func named(_ name: String) throws(LoadError) -> Int {
      if let index = names.firstIndex(of: name) ?? lower.firstIndex(of: name.lowercased()) { return index }
      throw LoadError(
        path: path, place: .line(record.line), reason: .malformed("there is no column `\(name)` as the manifest says"))
    }
    func found(_ set: Set<String>) -> Int? { lower.firstIndex { set.contains($0) } }
    if let column = options.shapeColumn {
      roles[try named(column)] = .shape
    } else if let x = options.xColumn, let y = options.yColumn {
      roles[try named(x)] = .x
      roles[try named(y)] = .y
      if let z = options.zColumn { roles[try named(z)] = .z }
      isLonLat = ColumnMeaning.longitudes.contains(x.lowercased())
    } else if options.findsGeometry {
      if let shape = found(ColumnMeaning.geometries) {
        roles[shape] = .shape
      } else if let x = found(ColumnMeaning.longitudes), let y = found(ColumnMeaning.latitudes) {
        (roles[x], roles[y]) = (.x, .y)
        isLonLat = true
      } else if let x = found(ColumnMeaning.eastings), let y = found(ColumnMeaning.northings) {
        (roles[x], roles[y]) = (.x, .y)
      }
      if x != nil, let z = found(ColumnMeaning.heights) { roles[z] = .z }
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Without blanks at either end.
  var trimmed: UnsafeBufferPointer<UInt8> {
    var (start, end) = (0, count)
    while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
    while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
    return UnsafeBufferPointer(rebasing: self[start..<end])
  }
}
