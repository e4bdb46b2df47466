/// A feature of a source that was set aside since it is wrong by itself, while the others can be read.
public struct RejectedFeature: Sendable, Equatable {
  /// Where it stands in its source, as readers name it: they find it again by this.
  public var key: SourcePlace
  /// What is wrong, and where.
  public var error: LoadError
  /// False when it is set aside only since it belongs to one that is wrong.
  public var isWrong = true

  public init(key: SourcePlace, error: LoadError, isWrong: Bool = true) {
    (self.key, self.error, self.isWrong) = (key, error, isWrong)
  }
}

/// The features that a first pass sets aside.
///
/// What a bad feature has told about columns and types must not count. So the pass runs again without it, until a pass
/// finds nothing more that is wrong: one more pass over files that have bad features, none over files that have none.
struct Rejections {
  let path: String
  /// More than so many, and the file as a whole is refused.
  let limit: Int
  private(set) var features: [RejectedFeature] = []
  private var keys: Set<SourcePlace> = []
  /// Columns whose few values of another type are to blame, by name in the source.
  var types: [String: ColumnType] = [:]

  /// Without `--skip-invalid`: enough to say what is wrong with a file.
  static let usualLimit = 1_000
  /// With it: they are kept in memory until the side file is written.
  static let skippingLimit = 200_000

  /// Runs `pass` until it sets nothing more aside.
  static func survey(
    path: String, limit: Int, _ pass: (inout Rejections) throws(LoadError) -> SourceSurvey
  ) throws(LoadError) -> SourceSurvey {
    var rejected = Rejections(path: path, limit: limit)
    while true {
      let (count, types) = (rejected.features.count, rejected.types)
      var survey = try pass(&rejected)
      if rejected.features.count == count, rejected.types == types {
        survey.rejected = rejected.sorted
        return survey
      }
    }
  }

  private init(path: String, limit: Int) { (self.path, self.limit) = (path, limit) }

  @inline(__always)
  func contains(_ key: SourcePlace) -> Bool { !keys.isEmpty && keys.contains(key) }

  mutating func add(_ error: LoadError, at key: SourcePlace, isWrong: Bool = true) throws(LoadError) {
    guard keys.insert(key).inserted else { return }
    features.append(RejectedFeature(key: key, error: error, isWrong: isWrong))
    guard features.count <= limit else {
      throw .several(sorted.filter(\.isWrong).map(\.error), path: path, total: nil, isCut: true)
    }
  }

  /// In the order of the file.
  private var sorted: [RejectedFeature] {
    features.enumerated().sorted { a, b in
      switch (a.element.key, b.element.key) {
      case (.line(let x), .line(let y)), (.feature(let x), .feature(let y)): x < y
      default: a.offset < b.offset
      }
    }.map(\.element)
  }
}

extension LoadError {
  /// Several features of one file that are wrong, as one error.
  ///
  /// - Parameters:
  ///   - total: how many features the file has; nil when that is not known.
  ///   - isCut: reading stopped at the last of them.
  static func several(_ errors: [LoadError], path: String, total: Int?, isCut: Bool = false) -> LoadError {
    if errors.count == 1, total != nil { return errors[0] }
    let of = total.map { " of \($0)" } ?? ""
    let more = isCut ? "more than \(errors.count - 1)" : "\(errors.count)"
    var error = LoadError(path: path, reason: .malformed("\(more)\(of) features are wrong"))
    error.others = errors
    return error
  }

  /// Whether one feature is to blame, and not the file.
  var isOfOneFeature: Bool { place != .file }
}

extension FeatureSource {
  public func survey(settingAside limit: Int, progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try survey(progress: progress)
  }

  public func writeRejected(
    _ features: [RejectedFeature], of survey: SourceSurvey, to writer: ByteWriter
  ) throws {
    for feature in features { writer.append("\(feature.error.message)\n") }
  }

  public var rejectsExtension: String { "txt" }

  public func settingAside(_ features: [RejectedFeature]) -> (any FeatureSource)? { nil }
}

extension SourceSurvey {
  /// What is wrong with the features that were set aside, as one error; nil when none was.
  var rejectedError: LoadError? {
    if rejected.isEmpty { return nil }
    let total = rejected.count + layers.reduce(0) { $0 + $1.featureCount }
    return .several(rejected.filter(\.isWrong).map(\.error), path: path, total: total)
  }

  /// For looking up while reading.
  var rejectedKeys: Set<SourcePlace> { Set(rejected.map(\.key)) }

  /// This survey, when nothing had to be set aside.
  func whole() throws(LoadError) -> SourceSurvey {
    if let rejectedError { throw rejectedError }
    return self
  }
}

/// The text of rejected features, with the reasons.
enum RejectText {
  /// `{"reject":{"place":"feature 3","reason":"…"},` and the members of `object`, or for anything but an object its
  /// text as a member: one line of JSON that a reader of GeoJSON takes again once it is corrected.
  static func append(_ feature: RejectedFeature, text: UnsafeBufferPointer<UInt8>, to writer: ByteWriter) {
    writer.append("{\"reject\":{\"place\":\(JSONString.quoted(feature.key.description)),\"reason\":")
    writer.append(JSONString.quoted(feature.error.reasonText))
    let first = text.firstIndex { !JSONLines.isSpace($0) }
    let last = text.lastIndex { !JSONLines.isSpace($0) && $0 != JSONLines.separator }
    guard let first, let last, text[first] == UInt8(ascii: "{"), text[last] == UInt8(ascii: "}"), first < last,
      JSONSyntax.firstFault(in: UnsafeBufferPointer(rebasing: text[first...last])) == nil
    else {
      writer.append(",\"text\":\(JSONString.quoted(String(decoding: text, as: UTF8.self)))}}\n")
      return
    }
    writer.append("}")
    let members = UnsafeBufferPointer(rebasing: text[(first + 1)..<last])
    if members.contains(where: { !JSONLines.isSpace($0) }) { writer.append(",") }
    // Line breaks of JSON stand between its tokens only.
    for byte in members { writer.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte) }
    writer.append("}\n")
  }
}
