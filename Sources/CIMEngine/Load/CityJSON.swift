internal import SpatialIndex

/// Reads CityJSON 1.0, 1.1 and 2.0 documents and CityJSONSeq (https://www.cityjson.org/specs/2.0.1/).
///
/// Each type of city object becomes a layer: `Building` the layer `building`, one row for each object with its own and
/// its descendants' surfaces as ``Feature/solids``; `BuildingPart` the layer `building_part` with the column `parent`;
/// other types are named in snake case. Objects with surfaces have no 2D geometry yet: ``BuildingShape`` derives it
/// once the solids are in the working CRS. Points and lines become geometry as they are.
struct CityJSON: FeatureSource {
  let path: String
  let options: LoadOptions
  let isSequence: Bool
  var bufferCapacity = ByteReader.usualCapacity
  /// Objects that the store could not take, by id: both passes set them aside with all that belongs to them.
  private var laterFaults: [String: LoadError] = [:]

  init(path: String, options: LoadOptions, isSequence: Bool, bufferCapacity: Int = ByteReader.usualCapacity) {
    (self.path, self.options, self.isSequence) = (path, options, isSequence)
    self.bufferCapacity = bufferCapacity
  }

  static let batchSize = 1_000

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try survey(settingAside: Rejections.usualLimit, progress: progress).whole()
  }

  func survey(settingAside limit: Int, progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try Rejections.survey(path: path, limit: limit) { rejected throws(LoadError) in try pass(&rejected, progress) }
  }

  /// A line of a sequence is set aside as a whole; of a document an object, with what it belongs to.
  private func pass(
    _ rejected: inout Rejections, _ progress: @Sendable (Int) -> Void
  ) throws(LoadError) -> SourceSurvey {
    var survey = CityJSONSurvey(path: path, options: options)
    let units = try CityJSONUnits(self)
    while true {
      var isRead = false
      do throws(LoadError) {
        guard let (unit, place) = try units.next() else { break }
        isRead = true
        if rejected.contains(units.key) { continue }
        var errors = try survey.add(unit, place, &units.reader, without: rejected)
        for object in unit.objects where !laterFaults.isEmpty && !rejected.contains(.object(object.id)) {
          guard let fault = laterFaults[object.id] else { continue }
          var error = LoadError.inUnit(path, place, object.id, fault.what)
          error.fix = fault.fix
          errors.append((object.id, error))
        }
        if case .line = place {
          if let first = errors.first { throw first.error }
        } else if !errors.isEmpty {
          for (id, error) in errors { try rejected.add(error, at: .object(id)) }
          for (id, error) in errors {
            for other in unit.relatives(of: [id], in: units.root).sorted() where unit.indices[other] != nil {
              let belongs = LoadError(
                path: path, place: .object(other),
                reason: .refused("belongs to '\(id)', which is wrong (\(error.what))"))
              try rejected.add(belongs, at: .object(other), isWrong: false)
            }
          }
        }
        units.report(progress)
      } catch {
        guard isRead ? error.isOfOneFeature && units.isSequence : units.canContinue else { throw error }
        try rejected.add(error, at: units.key)
      }
    }
    progress(units.bytesRead)
    var header = units.header
    if units.hasAppearance { header.warnings.append("materials and textures are not kept") }
    return try survey.finish(
      header, format: isSequence ? "CityJSONSeq" : "CityJSON", byteCount: units.bytesRead)
  }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    var builder = CityJSONBuilder(path: path, options: options, survey: survey, zone: try options.zone(path: path))
    let units = try CityJSONUnits(self)
    let rejected = survey.rejectedKeys
    while true {
      let next: (CityJSONUnit, SourcePlace)?
      do throws(LoadError) { next = try units.next() } catch {
        guard units.canContinue, rejected.contains(units.key) else { throw error }
        continue
      }
      guard let (unit, place) = next else { break }
      if !rejected.isEmpty, rejected.contains(units.key) { continue }
      try builder.add(unit, place, &units.reader, without: rejected, body)
      units.report(progress)
    }
    try builder.flush(body)
    progress(units.bytesRead)
  }

  func settingAside(_ features: [RejectedFeature]) -> (any FeatureSource)? {
    var source = self
    for feature in features {
      if case .object(let id) = feature.key, source.laterFaults[id] == nil { source.laterFaults[id] = feature.error }
    }
    return source
  }

  var rejectsExtension: String { isSequence ? "city.jsonl" : "city.json" }

  /// A sequence: its first line, then the lines set aside, each with a member `reject`. A document: itself with none
  /// but the objects set aside, and their reasons in a member `reject`.
  func writeRejected(_ rejected: [RejectedFeature], of survey: SourceSurvey, to writer: ByteWriter) throws {
    var wanted: [SourcePlace: RejectedFeature] = [:]
    for feature in rejected { wanted[feature.key] = feature }
    guard isSequence else {
      let document = try JSONDocumentReader(path: path, encoding: options.encoding, capacity: bufferCapacity)
      let reasons = rejected.map { feature in
        let id = if case .object(let id) = feature.key { id } else { feature.key.description }
        return "\(JSONString.quoted(id)):\(JSONString.quoted(feature.error.what))"
      }
      Self.append(try document.value(), reasons: reasons, to: writer) { wanted[.object($0)] != nil }
      return
    }
    let lines = try JSONLines(path: path, encoding: options.encoding, capacity: bufferCapacity)
    while true {
      var record: JSON?
      do throws(LoadError) {
        record = try lines.next()
        if record == nil { break }
      } catch {
        guard lines.canContinue else { throw error }
      }
      if let record, record["type"]?.text.map({ $0 == "CityJSON" }) == true {
        let feature = wanted[.line(lines.line)]
        let reasons = feature.map { ["\(JSONString.quoted("line \(lines.line)")):\(JSONString.quoted($0.error.what))"] }
        Self.append(record, reasons: reasons ?? [], to: writer) { _ in feature != nil }
      } else if let feature = wanted[.line(lines.line)] {
        RejectText.append(feature, text: lines.text, to: writer)
      }
      try writer.flushIfLarge()
    }
  }

  /// A root object with some of its city objects only.
  private static func append(
    _ root: JSON, reasons: [String], to writer: ByteWriter, where isWanted: (String) -> Bool
  ) {
    writer.append("{\"type\":\"CityJSON\"")
    if !reasons.isEmpty { writer.append(",\"reject\":{\(reasons.joined(separator: ","))}") }
    for (key, value) in root.members where key != "type" && key != "reject" {
      writer.append(",\(JSONString.quoted(key.string)):")
      if key == "CityObjects" {
        var separator = "{"
        for (id, object) in value.members where isWanted(id.string) {
          writer.append("\(separator)\(JSONString.quoted(id.string)):\(JSONWriter.text(of: object))")
          separator = ","
        }
        writer.append(separator == "{" ? "{}" : "}")
      } else {
        writer.append(JSONWriter.text(of: value))
      }
    }
    writer.append("}\n")
  }
}

/// The sets of city objects of a file one by one: a document is one, each line of a sequence another.
final class CityJSONUnits {
  private let path: String
  private let document: JSONDocumentReader?
  private let lines: JSONLines?
  /// Keeps the templates of a sequence's first line in memory.
  private let headerParser: JSONParser?
  /// The objects of a document or of the first line, until they have been given out.
  private var first: (CityJSONUnit, SourcePlace)?
  private var count = 0
  let header: CityJSONHeader
  let isSequence: Bool
  /// The object that holds the last set. Valid until the next call.
  private(set) var root: JSON
  /// How the last set is known.
  private(set) var key = SourcePlace.file
  /// After an error: whether only the last set is to blame, and the next can be read.
  private(set) var canContinue = false
  /// Whether a set so far came with materials or textures.
  private(set) var hasAppearance = false
  /// Knows the file's templates.
  var reader: CityJSONGeometryReader

  init(_ source: CityJSON) throws(LoadError) {
    path = source.path
    isSequence = source.isSequence
    let root: JSON
    let place: SourcePlace
    if source.isSequence {
      let lines = try JSONLines(path: path, encoding: source.options.encoding, capacity: source.bufferCapacity)
      guard let record = try lines.next() else {
        throw LoadError(path: source.path, reason: .malformed("the file is empty"))
      }
      root = record
      place = .line(lines.line)
      headerParser = lines.keepRecord()
      self.lines = lines
      document = nil
    } else {
      let document = try JSONDocumentReader(
        path: path, encoding: source.options.encoding, capacity: source.bufferCapacity)
      guard try document.peek() != nil else {
        throw LoadError(path: source.path, reason: .malformed("the file is empty"))
      }
      root = try document.wholeValue()
      place = .file
      if try document.peek() != nil {
        throw try document.unexpected("expected the end of the file after the document")
      }
      self.document = document
      lines = nil
      headerParser = nil
    }
    reader = CityJSONGeometryReader()
    self.root = root
    key = place
    do throws(GeometryFault) {
      header = try CityJSONHeader(root, hasVertices: source.isSequence || (root["vertices"]?.count ?? 0) > 0)
    } catch {
      throw LoadError(path: source.path, place: place, reason: .malformed(error.message))
    }
    hasAppearance = Self.hasAppearance(root)
    reader.templates = CityJSONHeader.templates(of: root)?.elements.map { $0 } ?? []
    reader.templateVertices = header.templateVertices
    if !source.isSequence || (root["CityObjects"]?.count ?? 0) > 0 { first = (try unit(root, place), place) }
  }

  var bytesRead: Int { document?.bytesRead ?? lines?.bytesRead ?? 0 }

  func report(_ progress: @Sendable (Int) -> Void) {
    count += 1
    if count % 1_000 == 0 { progress(bytesRead) }
  }

  /// The next set, valid until the next call.
  func next() throws(LoadError) -> (CityJSONUnit, SourcePlace)? {
    if let first {
      self.first = nil
      return first
    }
    guard let lines else { return nil }
    defer {
      canContinue = lines.canContinue
      key = .line(lines.line)
    }
    guard let record = try lines.next() else { return nil }
    root = record
    let place = SourcePlace.line(lines.line)
    guard let type = record["type"]?.text, type == "CityJSONFeature" else {
      let found = record["type"]?.text.map { "`\($0.string)`" } ?? "none"
      throw LoadError(
        path: path, place: place, reason: .malformed("expected an object of type CityJSONFeature, found \(found)"))
    }
    let unit = try unit(record, place)
    guard let id = record["id"]?.text else {
      throw LoadError(path: path, place: place, reason: .malformed("the CityJSONFeature has no `id`"))
    }
    guard unit.indices[id.string] != nil || !unit.faults.isEmpty else {
      throw LoadError(
        path: path, place: place,
        reason: .malformed("the CityJSONFeature's `id` '\(id.string)' names none of its city objects"))
    }
    return (unit, place)
  }

  private static func hasAppearance(_ root: JSON) -> Bool {
    guard let appearance = root["appearance"] else { return false }
    return (appearance["materials"]?.count ?? 0) + (appearance["textures"]?.count ?? 0) > 0
  }

  private func unit(_ root: JSON, _ place: SourcePlace) throws(LoadError) -> CityJSONUnit {
    hasAppearance = hasAppearance || Self.hasAppearance(root)
    do throws(CityJSONUnit.Fault) { return try CityJSONUnit(root, transform: header.transform) } catch {
      throw .inUnit(path, place, error.object, error.message)
    }
  }
}

extension LoadError {
  /// An error in a set of city objects: the object is named where one is to blame, the line of a sequence as well.
  static func inUnit(_ path: String, _ place: SourcePlace, _ object: String?, _ what: String) -> LoadError {
    guard let object else { return LoadError(path: path, place: place, reason: .malformed(what)) }
    if case .line = place {
      return LoadError(path: path, place: place, reason: .malformed("object '\(object)': \(what)"))
    }
    return LoadError(path: path, place: .object(object), reason: .malformed(what))
  }
}
