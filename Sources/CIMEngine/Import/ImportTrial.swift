/// What a dry run does in place of the second pass: reads, projects and derives as an import would, keeps the first
/// rows of each table to show, and finds what an import would set aside. Of large sources only the first rows are read.
final class ImportTrial {
  static let sampleCount = 3
  private let job: ImportJob
  private let surveys: [SourceSurvey]
  private let plan: ImportPlan
  private let workingCRS: CRS
  private let isGeographic: Bool
  private let rejects: ImportRejects
  /// By table, in its columns.
  private(set) var samples: [[Feature]]
  /// By table, the rows that would be set aside.
  private(set) var leftOut: [Int]
  /// By table, ids and what their rows hold.
  private var contents: [[TextKey: Int]]

  private struct Enough: Error {}

  init(
    _ job: ImportJob, _ surveys: [SourceSurvey], _ plan: ImportPlan, _ workingCRS: CRS, _ isGeographic: Bool,
    _ rejects: ImportRejects
  ) {
    (self.job, self.surveys, self.plan, self.workingCRS) = (job, surveys, plan, workingCRS)
    (self.isGeographic, self.rejects) = (isGeographic, rejects)
    samples = Array(repeating: [], count: plan.tables.count)
    leftOut = Array(repeating: 0, count: plan.tables.count)
    contents = Array(repeating: [:], count: plan.tables.count)
  }

  func run() throws {
    let rows = surveys.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.featureCount } }
    let isWhole = rows <= ImportRejects.trialRows
    for index in plan.order {
      do { try read(index, isWhole: isWhole) } catch is Enough {}
    }
    if !isWhole { job.warn("more than \(ImportRejects.trialRows) rows: only the first were tried") }
  }

  private func read(_ index: Int, isWhole: Bool) throws {
    let survey = surveys[index]
    let preparation = try FeaturePreparation(survey, workingCRS: workingCRS, isGeographic: isGeographic)
    let checksIDs = job.options.onConflict == .fail && job.options.key == nil
    try job.sources[index].read(survey, progress: { _ in }) { batch in
      try job.checkCancelled()
      let table = plan.feeds[index][batch.layer].table
      let columns = plan.feeds[index][batch.layer].columns
      var batch = batch
      let count = batch.features.count
      try preparation.prepare(&batch) { try rejects.add($0, of: index, at: $1) }
      try preparation.checkShapes(&batch) { try rejects.addInvalid($0, of: index, at: $1) }
      leftOut[table] += count - batch.features.count
      for feature in batch.features {
        if samples[table].count < Self.sampleCount { samples[table].append(placed(feature, columns, table)) }
        if let error = unlisted(feature, columns, table, survey.path) {
          try rejects.add(error, of: index, at: feature.place)
          leftOut[table] += 1
          continue
        }
        guard isWhole, checksIDs else { continue }
        var hasher = Hasher()
        hasher.combine(feature.values)
        hasher.combine(feature.geometry)
        let content = hasher.finalize()
        if let known = contents[table].updateValue(content, forKey: TextKey(feature.id)), known != content {
          let error = LoadError(
            path: survey.path, place: feature.place,
            reason: .refused("the id '\(feature.id)' appears twice in what is imported, with other content"),
            fix: "--on-conflict replace takes the last row, --on-conflict skip keeps the first")
          try rejects.add(error, of: index, at: feature.place)
          leftOut[table] += 1
        }
      }
      let fed = Set(plan.feeds[index].map(\.table))
      let hasAll = fed.allSatisfy { samples[$0].count >= min(Self.sampleCount, plan.tables[$0].sourceRows) }
      if !isWhole, hasAll { throw Enough() }
    }
  }

  /// The first value that is not on the closed list of its column.
  private func unlisted(_ feature: Feature, _ columns: [Int], _ table: Int, _ path: String) -> LoadError? {
    if job.options.takesNewValues { return nil }
    for (index, value) in zip(columns, feature.values) {
      let column = plan.tables[table].columns[index]
      guard let allowed = column.enumeration, case .text(let text) = value, !allowed.contains(text),
        column.valueAliases[text] == nil
      else { continue }
      return .unlisted(text, column, layer: plan.tables[table].name, path: path, place: feature.place)
    }
    return nil
  }

  /// The row in the order of the table's columns.
  private func placed(_ feature: Feature, _ columns: [Int], _ table: Int) -> Feature {
    var row = [Value](repeating: .null, count: plan.tables[table].columns.count)
    for (column, value) in zip(columns, feature.values) { row[column] = value }
    return Feature(id: feature.id, values: row, geometry: feature.geometry, place: feature.place)
  }
}
