internal import SpatialIndex

/// Reads GeoJSON (RFC 7946, and the `crs` member of its 2008 forerunner) and sequences of GeoJSON features.
///
/// An id is the feature's own, else its property `id` (in any case), else its number in the file. Properties become
/// columns in order of first appearance, typed by all their values: whole numbers `int`, other numbers `double`,
/// text that is all RFC 3339 dates or date-times `date` or `timestamp`, arrays of plain values `list`, mixtures and
/// objects `text` (values that are not text as JSON).
struct GeoJSON: FeatureSource {
  let path: String
  let layer: String
  let options: LoadOptions
  let isSequence: Bool
  /// Of the read buffer. Tests make it tiny.
  var bufferCapacity = ByteReader.usualCapacity
  /// Stated elsewhere than in the file (ogr2ogr's source); an assumed WGS 84 does not hold then.
  var outsideCRS: OutsideCRS = .none

  enum OutsideCRS: Equatable {
    case none
    /// The source has none: none may be assumed either.
    case unknown
    case known(CRS)
  }

  static let batchSize = 1_000

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try survey(settingAside: Rejections.usualLimit, progress: progress).whole()
  }

  func survey(settingAside limit: Int, progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try Rejections.survey(path: path, limit: limit) { rejected throws(LoadError) in try pass(&rejected, progress) }
  }

  private func pass(
    _ rejected: inout Rejections, _ progress: @Sendable (Int) -> Void
  ) throws(LoadError) -> SourceSurvey {
    let features = try features()
    var options = options
    options.types.merge(rejected.types) { given, _ in given }
    var survey = GeoJSONSurvey(path: path, layer: layer, options: options)
    while true {
      var isRead = false
      do throws(LoadError) {
        guard let item = try features.next() else { break }
        isRead = true
        if rejected.contains(features.place) { continue }
        try survey.add(item)
        if item.number % Self.batchSize == 0 { progress(features.bytesRead) }
      } catch {
        guard isRead ? error.isOfOneFeature : features.canContinue else { throw error }
        try rejected.add(error, at: features.place)
      }
    }
    rejected.types.merge(survey.typesOfOutliers) { known, _ in known }
    progress(features.bytesRead)
    var stated: CRS? = nil
    var assumed: CRS? = .wgs84
    switch features.crs {
    case .absent: break
    case .unknown: assumed = nil
    case .named(let crs): stated = crs
    case .unreadable(let text):
      guard options.forceCRS != nil else {
        throw LoadError(
          path: path, reason: .refused("states a CRS that is not known here: \(text)"),
          fix: "name the right one with --force-crs, such as --force-crs EPSG:4547")
      }
    }
    switch outsideCRS {
    case .none: break
    case .unknown: (stated, assumed) = (nil, nil)
    case .known(let crs): stated = crs
    }
    return survey.finish(
      stated: stated, assumed: assumed, format: isSequence ? "GeoJSONSeq" : "GeoJSON",
      byteCount: features.bytesRead, notes: features.warnings)
  }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    let layer = survey.layers[0]
    let features = try features()
    var builder = GeoJSONBuilder(path: path, layer: layer, zone: try options.zone(path: path))
    var batch = FeatureBatch(layer: 0, features: [])
    batch.features.reserveCapacity(Self.batchSize)
    let rejected = survey.rejectedKeys
    while true {
      do throws(LoadError) {
        guard let item = try features.next() else { break }
        if !rejected.isEmpty, rejected.contains(features.place) { continue }
        batch.features.append(try builder.feature(item))
      } catch {
        guard features.canContinue, rejected.contains(features.place) else { throw error }
        continue
      }
      if batch.features.count == Self.batchSize {
        try body(batch)
        batch.features.removeAll(keepingCapacity: true)
        progress(features.bytesRead)
      }
    }
    if !batch.features.isEmpty { try body(batch) }
    progress(features.bytesRead)
  }

  var rejectsExtension: String { "geojsonl" }

  func writeRejected(_ rejected: [RejectedFeature], of survey: SourceSurvey, to writer: ByteWriter) throws {
    var wanted: [SourcePlace: RejectedFeature] = [:]
    for feature in rejected { wanted[feature.key] = feature }
    let features = try features()
    while true {
      do throws(LoadError) { guard try features.next() != nil else { break } } catch {
        guard features.canContinue else { throw error }
      }
      guard let feature = wanted[features.place] else { continue }
      RejectText.append(feature, text: features.text, to: writer)
      try writer.flushIfLarge()
    }
  }

  private func features() throws(LoadError) -> GeoJSONFeatures {
    try GeoJSONFeatures(
      path: path, isSequence: isSequence, encoding: options.encoding, capacity: bufferCapacity)
  }
}

/// The members of a feature that matter.
struct GeoJSONMembers {
  var geometry: JSON? = nil
  var properties: JSON? = nil
  var id: JSON? = nil
  var isRepeated = false

  init(_ item: GeoJSONFeatures.Item, path: String) throws(LoadError) {
    guard !item.isGeometry else {
      geometry = item.json
      return
    }
    guard item.json.isObject else {
      throw LoadError(
        path: path, place: item.place, reason: .malformed("expected a Feature, found \(item.json.kindName)"))
    }
    var type: JSON? = nil
    for (key, value) in item.json.members {
      if key == "geometry" {
        if geometry != nil { isRepeated = true }
        geometry = value
      } else if key == "properties" {
        if properties != nil { isRepeated = true }
        properties = value
      } else if key == "type" {
        type = value
      } else if key == "id" {
        if id != nil { isRepeated = true }
        id = value
      }
    }
    guard let type else {
      throw LoadError(path: path, place: item.place, reason: .malformed("the object has no `type`; expected a Feature"))
    }
    guard let name = type.text, name == "Feature" else {
      let found = type.text.map { "`\($0.string)`" } ?? type.kindName
      throw LoadError(path: path, place: item.place, reason: .malformed("expected a Feature, found \(found)"))
    }
    if let properties, !properties.isObject, !properties.isNull {
      throw LoadError(
        path: path, place: item.place, reason: .malformed("`properties` is \(properties.kindName), not an object"))
    }
    if let id, id.isNull { self.id = nil }
  }

  /// A string or number as the text of an id; nil for null and an empty string.
  static func idText(_ json: JSON) -> String?? {
    switch json.tag {
    case JSON.Tag.string:
      let text = json.textUnchecked
      return .some(text.count == 0 ? nil : text.string)
    case JSON.Tag.double:
      let value = json.double!
      if value == value.rounded(), abs(value) < 9e15 { return String(Int64(value)) }
      return value.description
    case JSON.Tag.int, JSON.Tag.unsigned: return json.scalarText
    case JSON.Tag.null: return .some(nil)
    default: return nil
    }
  }
}

extension LoadOptions {
  /// The zone of times without one.
  func zone(path: String) throws(LoadError) -> ZoneInfo {
    guard let timeZone else { return .utc }
    guard let zone = ZoneInfo(timeZone) else {
      throw LoadError(
        path: path, reason: .refused("unknown time zone `\(timeZone)`"),
        fix: "write it as Asia/Shanghai or +08:00")
    }
    return zone
  }
}
