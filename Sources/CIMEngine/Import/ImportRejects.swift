internal import Glibc
internal import Synchronization

/// The features of an import that are wrong: what the first pass set aside, and what the second finds that cannot be
/// projected or that the database does not take. Without `--skip-invalid` all of them are named and nothing is
/// written; with it they go to a side file, which appears when the import is done.
final class ImportRejects: Sendable {
  private let sources: [any FeatureSource]
  private let surveys: [SourceSurvey]
  private let options: ImportOptions
  private struct State {
    var found: [[RejectedFeature]]
    var count = 0
    /// City objects that only the second pass found to be wrong, by source: other rows of theirs are written by then.
    var later: [[RejectedFeature]]
    /// Geometries that are taken though they are not valid, by source: how many, and the first of them.
    var invalid: [(count: Int, first: [String])]
  }
  private let state: Mutex<State>
  /// Side files that are written but do not have their names yet.
  private let files = Mutex<[SideFile]>([])

  private struct SideFile: @unchecked Sendable {
    var source: Int
    var path: String
    var writer: ByteWriter
  }

  /// A file with wrong features and no more rows than these is written all the same before the import is given up, so
  /// that what only the database can tell (an id that is there twice) is said together with the rest.
  static let trialRows = 200_000

  init(_ sources: [any FeatureSource], _ surveys: [SourceSurvey], _ options: ImportOptions) {
    (self.sources, self.surveys, self.options) = (sources, surveys, options)
    state = Mutex(
      State(
        found: Array(repeating: [], count: surveys.count), later: Array(repeating: [], count: surveys.count),
        invalid: Array(repeating: (0, []), count: surveys.count)))
  }

  private var limit: Int { options.skipsInvalid ? Rejections.skippingLimit : Rejections.usualLimit }

  /// What the first pass alone settles.
  func checkSurveys() throws {
    for survey in surveys where !survey.rejected.isEmpty && survey.layers.allSatisfy({ $0.featureCount == 0 }) {
      throw survey.rejectedError!
    }
    let rows = surveys.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.featureCount } }
    if !options.skipsInvalid, rows > Self.trialRows { try refuse() }
    if let path = options.rejectsPath, access(path, F_OK) == 0 {
      throw StoreError(.file, "\(path) exists already; name another file with --rejects, or remove it")
    }
  }

  /// Takes a feature that the second pass cannot use.
  func add(_ error: LoadError, of source: Int, at place: SourcePlace) throws {
    let isLater =
      options.skipsInvalid && !error.isConflict && surveys[source].format.hasPrefix("CityJSON")
    let count = state.withLock { state in
      let feature = RejectedFeature(key: place, error: error)
      if isLater { state.later[source].append(feature) } else { state.found[source].append(feature) }
      state.count += 1
      return state.count
    }
    if count > limit { try refuse(cutAt: source) }
  }

  /// By source, the objects without which everything is to be read once more; empty when nothing is.
  var later: [Int: [RejectedFeature]] {
    let later = state.withLock { $0.later }
    return Dictionary(uniqueKeysWithValues: later.enumerated().filter { !$0.element.isEmpty }.map { ($0, $1) })
  }

  /// Takes a feature whose geometry is not valid. Real data have many, and most questions can be asked of them: without
  /// `--skip-invalid` they are imported, with a warning.
  ///
  /// - Returns: whether it is left out.
  func addInvalid(_ error: LoadError, of source: Int, at place: SourcePlace) throws -> Bool {
    if options.skipsInvalid {
      try add(error, of: source, at: place)
      return true
    }
    state.withLock { state in
      state.invalid[source].count += 1
      if state.invalid[source].first.count < 3 { state.invalid[source].first.append(error.reasonText) }
    }
    return false
  }

  var invalidNotes: [String] {
    let invalid = state.withLock { $0.invalid }
    return surveys.indices.compactMap { index in
      let (count, first) = invalid[index]
      guard count > 0 else { return nil }
      return "\(surveys[index].path): \(count) geometr\(count == 1 ? "y is" : "ies are") not valid and imported as "
        + "\(count == 1 ? "it is" : "they are") (--skip-invalid leaves them out): \(first.joined(separator: ", "))"
        + (count > first.count ? ", …" : "")
    }
  }

  private func rejected(of source: Int) -> [RejectedFeature] {
    surveys[source].rejected + state.withLock { $0.found[source] + $0.later[source] }
  }

  /// Throws what is wrong, all of it.
  ///
  /// - Parameter cut: the source at whose last error reading stopped: it may have more.
  private func refuse(cutAt cut: Int? = nil, _ isToBeSaid: (RejectedFeature) -> Bool = { $0.isWrong }) throws {
    var errors: [LoadError] = []
    var canSkip = true
    for index in surveys.indices {
      let wrong = rejected(of: index).filter(isToBeSaid).map(\.error)
      guard !wrong.isEmpty else { continue }
      if wrong.contains(where: \.isConflict) { canSkip = false }
      let survey = surveys[index]
      let total = survey.rejected.count + survey.layers.reduce(0) { $0 + $1.featureCount }
      errors.append(.several(wrong, path: survey.path, total: total, isCut: cut == index))
    }
    guard !errors.isEmpty else { return }
    let hint = "--skip-invalid imports the others and writes these, with the reasons, to a file"
    if errors.count == 1 {
      if canSkip, !options.skipsInvalid { errors[0].fix = (errors[0].fix.map { $0 + "\n  " } ?? "") + hint }
      throw errors[0]
    }
    let text = errors.map(\.message).joined(separator: "\n")
    throw StoreError(.content, canSkip && !options.skipsInvalid ? text + "\n" + hint : text)
  }

  /// At the end of the second pass, before anything counts: refuses, or writes the side files under other names.
  func settle(writing: Bool) throws {
    guard options.skipsInvalid else { return try refuse() }
    if !later.isEmpty { throw StoreError(.content, "city objects are to be set aside") }
    // Rows that differ from those of the database are not wrong: --on-conflict says what is to be done.
    if state.withLock({ $0.found.contains { $0.contains { $0.error.isConflict } } }) {
      try refuse { $0.error.isConflict }
    }
    guard writing else { return }
    var taken: Set<String> = []
    for index in surveys.indices {
      let rejected = rejected(of: index)
      guard !rejected.isEmpty else { continue }
      let path = sidePath(of: sources[index], taken)
      taken.insert(path)
      do throws(StoreError) {
        let writer = try ByteWriter(path: path)
        do { try sources[index].writeRejected(rejected, of: surveys[index], to: writer) } catch let error as StoreError
        {
          throw error
        } catch {
          throw StoreError(.file, "cannot write \(path): \(error)")
        }
        // A disk that is full is to be known before the rows count.
        do { try writer.complete() } catch {
          throw error as? StoreError ?? StoreError(.file, "cannot write \(path): \(error)")
        }
        let file = SideFile(source: index, path: path, writer: writer)
        files.withLock { $0.append(file) }
      } catch {
        throw StoreError(
          error.failureClass,
          "\(error.message)\n  nothing was imported; name another file for wrong features: --rejects FILE")
      }
    }
  }

  /// Gives the side files their names, once the import is done.
  func finish() throws -> [ImportReport.Rejects] {
    let files = files.withLock { $0 }
    for file in files { try file.writer.finish() }
    return surveys.indices.compactMap { index in
      let rejected = rejected(of: index)
      guard !rejected.isEmpty else { return nil }
      return ImportReport.Rejects(
        source: surveys[index].path, features: rejected, path: files.first { $0.source == index }?.path)
    }
  }

  /// `--rejects`, or `NAME.rejected.EXT` beside the source; with a number where that is taken.
  private func sidePath(of source: any FeatureSource, _ taken: Set<String>) -> String {
    var (stem, ending) = ("", "")
    if let path = options.rejectsPath {
      let slash = path.lastIndex(of: "/") ?? path.startIndex
      let dot = path[slash...].firstIndex(of: ".") ?? path.endIndex
      (stem, ending) = (String(path[..<dot]), String(path[dot...]))
    } else {
      let path = source.path
      let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
      let dot = path[start...].firstIndex(of: ".") ?? path.endIndex
      (stem, ending) = (path[..<dot] + ".rejected", "." + source.rejectsExtension)
    }
    var number = 1
    while true {
      let path = stem + (number == 1 ? "" : "-\(number)") + ending
      if !taken.contains(path), access(path, F_OK) != 0 { return path }
      number += 1
    }
  }
}
