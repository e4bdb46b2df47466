internal import GRDBSQLite
internal import Glibc
internal import SpatialIndex

/// Files into a database: survey all, decide, then write all of it or nothing.
///
/// The first pass reads every source once to learn its columns, types, extent and CRS; the second reads them again on
/// one thread, brings them into the working CRS and derives what buildings lack, while another thread writes. A new
/// database is made under `NAME.importing` and renamed when it is complete and on the disk; into an existing one an
/// import is one transaction.
public enum Importer {
  /// Told now and then, on any thread.
  public typealias Progress = @Sendable (ImportProgress) -> Void

  /// Imports what `paths` stand for (files, folders, patterns; see ``Sources``) as their manifests say.
  ///
  /// - Parameter load: how sources are read; `options` wins over what manifests say of the whole.
  /// - Throws: as ``run(into:sources:options:progress:notice:isCancelled:)``.
  public static func run(
    into path: String, paths: [String], load: LoadOptions = LoadOptions(), options: ImportOptions = ImportOptions(),
    progress: @escaping Progress = { _ in }, notice: @escaping @Sendable (String) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> ImportReport {
    let set = try Sources.open(paths, options: load)
    var options = options
    // The working CRS of a database is chosen once; a manifest's wish counts at creation only.
    if access(path, F_OK) != 0 { options.workingCRS = options.workingCRS ?? set.workingCRS }
    options.notice = options.notice ?? set.notice
    options.links += set.links
    let job = ImportJob(
      path: path, sources: set.sources.map(\.source), options: options, progress: progress, notice: notice,
      isCancelled: isCancelled)
    job.promises = set.sources.map { source in source.promisedCount.map { (source.options.layer ?? "", $0) } }
    for warning in set.warnings { job.warn(warning) }
    return try job.run()
  }

  /// Imports `sources` into the database at `path`, which is made when it is not there.
  ///
  /// - Parameters:
  ///   - notice: told each warning, and which CRS was chosen, as soon as it is known.
  ///   - isCancelled: asked often; true leaves everything as it was.
  /// - Throws: ``LoadError``, ``CRSError`` or ``StoreError``; the database is then as it was before.
  public static func run(
    into path: String, sources: [any FeatureSource], options: ImportOptions = ImportOptions(),
    progress: @escaping Progress = { _ in }, notice: @escaping @Sendable (String) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> ImportReport {
    let job = ImportJob(
      path: path, sources: sources, options: options, progress: progress, notice: notice, isCancelled: isCancelled)
    return try job.run()
  }
}

/// One import, from start to end.
final class ImportJob {
  let path: String
  private(set) var sources: [any FeatureSource]
  let options: ImportOptions
  let progress: Importer.Progress
  let notice: @Sendable (String) -> Void
  let isCancelled: @Sendable () -> Bool
  /// By source, how many rows its manifest promises for which layer.
  var promises: [(layer: String, count: Int)?] = []
  private(set) var warnings: [String] = []
  private var told: Set<String> = []
  /// Whether a database that is made is filled page by page.
  private var packsPages: Bool
  private(set) var byteCount = 0

  init(
    path: String, sources: [any FeatureSource], options: ImportOptions, progress: @escaping Importer.Progress,
    notice: @escaping @Sendable (String) -> Void, isCancelled: @escaping @Sendable () -> Bool
  ) {
    self.path = path
    self.sources = sources
    self.options = options
    packsPages = options.packsPages
    self.progress = progress
    self.notice = notice
    self.isCancelled = isCancelled
  }

  func run() throws -> ImportReport {
    guard !sources.isEmpty else { throw StoreError(.usage, "nothing to import: name a file or a folder") }
    let exists = access(path, F_OK) == 0
    // What is wrong with the target is said before hours are spent on the sources.
    var store: Store?
    if exists {
      store = try options.isDryRun ? Store.open(path) : Store.openForWriting(path)
    } else {
      try checkFolder()
    }
    defer { store?.close() }
    let state = try store.map { store in try store.read { try $0.catalog() } }
    if let state, let wanted = options.workingCRS, wanted != state.catalog.workingCRS {
      throw StoreError(
        .content,
        "\(path) works in \(state.catalog.workingCRS); the working CRS is chosen once, when a database is made")
    }

    var surveys = try survey(sources.indices)
    while true {
      let rejects = ImportRejects(sources, surveys, options)
      let isPacking = packsPages
      do { return try run(surveys, rejects, exists, store, state) } catch {
        // Something that only SQLite can do came up: once more from the start, row by row.
        if isPacking, !packsPages { continue }
        // City objects that only the store could refuse: once more from the start, without all that belongs to them.
        let later = rejects.later
        guard options.skipsInvalid, !later.isEmpty else { throw error }
        for (index, features) in later {
          guard let source = sources[index].settingAside(features) else { throw error }
          sources[index] = source
        }
        let again = later.keys.sorted()
        for (index, survey) in zip(again, try survey(again)) { surveys[index] = survey }
      }
    }
  }

  private func run(
    _ surveys: [SourceSurvey], _ rejects: ImportRejects, _ exists: Bool, _ store: Store?, _ state: StoredCatalog?
  ) throws -> ImportReport {
    byteCount = surveys.reduce(0) { $0 + $1.byteCount }
    try rejects.checkSurveys()
    for survey in surveys { try check(survey) }
    let choice: WorkingCRS.Choice
    if let state {
      choice = WorkingCRS.Choice(crs: state.catalog.workingCRS, reason: "")
    } else {
      choice = try chooseWorkingCRS(surveys)
      let text = "working CRS: \(choice.crs) (\(choice.reason))"
      if told.insert(text).inserted { notice(text) }
    }
    let isGeographic = try CRSInfo.lookup(choice.crs).isGeographic
    if let key = options.key, key.lowercased() != "id",
      !surveys.contains(where: {
        $0.layers.contains { $0.columns.contains { $0.name.lowercased() == key.lowercased() } }
      })
    {
      throw StoreError(.content, "no source has a column `\(key)`, by which rows are to be known (--key)")
    }
    let plan = try ImportPlan(surveys, state: state, links: options.links)
    for warning in plan.warnings { warn(warning) }

    var report = ImportReport(
      isNewDatabase: !exists, workingCRS: choice.crs, workingCRSReason: exists ? nil : choice.reason, layers: [],
      warnings: [], sourceCount: sources.count, byteCount: byteCount)
    report.sources = surveys.map {
      ImportReport.Source(path: $0.path, format: $0.format, encoding: $0.encoding, crs: $0.crs)
    }
    if options.isDryRun {
      let trial = ImportTrial(self, surveys, plan, choice.crs, isGeographic, rejects)
      try trial.run()
      try rejects.settle(writing: false)
      for note in rejects.invalidNotes { warn(note) }
      report.layers = plan.tables.enumerated().map { index, table in
        var layer = ImportReport.Layer(
          name: table.name, isNew: table.existing == nil, columns: table.columns, geometry: table.geometry,
          tally: ImportTally(), sourceRows: table.sourceRows - trial.leftOut[index])
        layer.samples = trial.samples[index]
        return layer
      }
    } else if let store {
      report.layers = try store.importing(isCancelled: isCancelled) { writer in
        try ImportWriting(self, surveys, plan, choice.crs, isGeographic, writer, rejects).run()
      }
      try store.checkpoint()
    } else {
      report.layers = try NewDatabase.make(
        path, workingCRS: choice.crs, isGeographic: isGeographic, notice: options.notice
      ) {
        store in
        try store.importing(isCancelled: isCancelled) { writer in
          do {
            return try ImportWriting(
              self, surveys, plan, choice.crs, isGeographic, writer, rejects,
              mayPack: packsPages && options.key == nil
            ).run()
          } catch let error as PageFile.Unsuitable {
            packsPages = false
            throw error
          }
        }
      }
    }
    report.rejects = try rejects.finish()
    report.warnings = warnings
    return report
  }

  func warn(_ text: String) {
    guard told.insert(text).inserted else { return }
    warnings.append(text)
    notice(text)
  }

  func checkCancelled() throws(StoreError) {
    if isCancelled() { throw StoreError(.interrupted, "interrupted; nothing was written") }
  }

  private func checkFolder() throws(StoreError) {
    let folder = FilePath.folder(of: path)
    guard access(folder, F_OK) == 0 else { throw StoreError(.file, "\(path): the folder \(folder) does not exist") }
    guard options.isDryRun || access(folder, W_OK) == 0 else {
      throw StoreError(.file, "\(path): the folder \(folder) cannot be written: \(lastSystemError())")
    }
  }

  // MARK: - The first pass

  /// Surveys every source, two at a time. The first source, in order, that cannot be read decides the error.
  private func survey(_ indices: some Collection<Int>) throws -> [SourceSurvey] {
    let indices = Array(indices)
    let shared = SurveyTasks(
      indices.map { sources[$0] }, rejectLimit: options.skipsInvalid ? Rejections.skippingLimit : Rejections.usualLimit,
      isCancelled: isCancelled, progress: progress)
    let helper = indices.count > 1 ? WorkerThread { shared.work() } : nil
    shared.work()
    helper?.join()
    try checkCancelled()
    let surveys = try shared.results()
    for (i, survey) in zip(indices, surveys) {
      for warning in survey.warnings { warn("\(survey.path): \(warning)") }
      // Of a city model the buildings count; its parts and everything else are layers of their own.
      guard i < promises.count, let promise = promises[i] else { continue }
      let layers = survey.layers.count == 1 ? survey.layers : survey.layers.filter { $0.name == promise.layer }
      let count = layers.reduce(0) { $0 + $1.featureCount } + survey.rejected.count
      if count != promise.count { warn("\(survey.path): has \(count) rows, its manifest says \(promise.count)") }
    }
    return surveys
  }

  /// Does the source say where it is, and does it lie there?
  private func check(_ survey: SourceSurvey) throws {
    let shapes = survey.layers.filter { !$0.geometryKinds.isEmpty || $0.hasSolids }
    guard !shapes.isEmpty else { return }
    guard let crs = survey.crs else {
      throw LoadError(
        path: survey.path, reason: .refused("does not say which CRS its coordinates are in"),
        fix: "name it: --crs EPSG:4547, --crs EPSG:4326, --crs GCJ02, …")
    }
    var extent: Box2?
    for layer in shapes { if let box = layer.extent { extent = extent?.union(box) ?? box } }
    if let extent, let warning = try SourceCheck.warning(extent: extent, crs: crs, of: survey.path) { warn(warning) }
  }

  private func chooseWorkingCRS(_ surveys: [SourceSurvey]) throws -> WorkingCRS.Choice {
    if let wanted = options.workingCRS {
      let info = try CRSInfo.lookup(wanted)
      guard wanted.epsgCode != nil, info.isMetric || info.isGeographic else {
        throw CRSError("\(wanted) cannot be a working CRS: it must be projected in metres, or EPSG:4326")
      }
      return WorkingCRS.Choice(crs: info.horizontal, reason: "asked for")
    }
    let placed = surveys.filter { survey in survey.layers.contains { $0.extent != nil } && survey.crs != nil }
    guard let first = placed.first, let crs = first.crs else {
      let names = surveys.prefix(5).map(\.path).joined(separator: ", ") + (surveys.count > 5 ? ", …" : "")
      throw CRSError(
        "\(names): \(surveys.count == 1 ? "no row has" : "no row of these \(surveys.count) files has") coordinates, so "
          + "no working CRS can be chosen; name one with --working-crs, such as --working-crs EPSG:4547")
    }
    let own = try WorkingCRS.choose(for: crs, extent: first.layers.compactMap(\.extent).first)
    if own.crs == (try CRSInfo.lookup(crs).horizontal) { return own }
    // The centre of everything, in degrees.
    var extent: Box2?
    for survey in placed {
      let transform = try CRSTransform.between(survey.crs!, .wgs84)
      for layer in survey.layers {
        guard var corners = layer.extent.map({ Geometry.rectangle($0) }) else { continue }
        try transform.apply(&corners)
        if let box = corners.box { extent = extent?.union(box) ?? box }
      }
    }
    return try WorkingCRS.choose(for: .wgs84, extent: extent)
  }
}
