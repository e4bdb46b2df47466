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

  static let batchSize = 1_000

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    var survey = CityJSONSurvey(path: path, options: options)
    let units = try CityJSONUnits(self)
    while let (unit, place) = try units.next() {
      try survey.add(unit, place, &units.reader)
      units.report(progress)
    }
    progress(units.bytesRead)
    return try survey.finish(
      units.header, format: isSequence ? "CityJSONSeq" : "CityJSON", byteCount: units.bytesRead)
  }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    var builder = CityJSONBuilder(path: path, options: options, survey: survey, zone: try options.zone(path: path))
    let units = try CityJSONUnits(self)
    while let (unit, place) = try units.next() {
      try builder.add(unit, place, &units.reader, body)
      units.report(progress)
    }
    try builder.flush(body)
    progress(units.bytesRead)
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
  /// Knows the file's templates.
  var reader: CityJSONGeometryReader

  init(_ source: CityJSON) throws(LoadError) {
    path = source.path
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
      root = try document.value()
      place = .file
      if try document.peek() != nil {
        throw try document.unexpected("expected the end of the file after the document")
      }
      self.document = document
      lines = nil
      headerParser = nil
    }
    reader = CityJSONGeometryReader()
    do throws(GeometryFault) {
      header = try CityJSONHeader(root, hasVertices: source.isSequence || (root["vertices"]?.count ?? 0) > 0)
    } catch {
      throw LoadError(path: source.path, place: place, reason: .malformed(error.message))
    }
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
    guard let lines, let record = try lines.next() else { return nil }
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
    guard unit.indices[id.string] != nil else {
      throw LoadError(
        path: path, place: place,
        reason: .malformed("the CityJSONFeature's `id` '\(id.string)' names none of its city objects"))
    }
    return (unit, place)
  }

  private func unit(_ root: JSON, _ place: SourcePlace) throws(LoadError) -> CityJSONUnit {
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
