internal import SpatialIndex

/// The second pass: one thread reads, reprojects and derives, this one writes.
final class ImportWriting {
  private let job: ImportJob
  private let surveys: [SourceSurvey]
  private let plan: ImportPlan
  private let workingCRS: CRS
  private let isGeographic: Bool
  private let writer: StoreWriter
  private let rejects: ImportRejects
  /// Whether tables may be filled page by page: the database is being made.
  private let mayPack: Bool
  private var packed: PackedStore?
  private var tables: [OpenTable] = []
  private var rows = 0
  private var bytesBefore = 0

  /// A table being written.
  private struct OpenTable {
    var table: TableWriter?
    var solids: SolidsWriter?
    var layer: StoredLayer
    var position: Int
    /// The last of the sources, in reading order, that feeds it.
    var lastSource: Int
  }

  init(
    _ job: ImportJob, _ surveys: [SourceSurvey], _ plan: ImportPlan, _ workingCRS: CRS, _ isGeographic: Bool,
    _ writer: StoreWriter, _ rejects: ImportRejects, mayPack: Bool = false
  ) {
    self.mayPack = mayPack
    self.job = job
    self.surveys = surveys
    self.plan = plan
    self.workingCRS = workingCRS
    self.isGeographic = isGeographic
    self.writer = writer
    self.rejects = rejects
  }

  func run() throws -> [ImportReport.Layer] {
    for link in plan.links { try StoredCatalog.recordLink(link, in: writer.connection) }
    for (index, table) in plan.tables.enumerated() { tables.append(try open(table, index)) }
    if mayPack, canPack { try beginPacking() }
    var results: [ImportReport.Layer?] = Array(repeating: nil, count: tables.count)
    for (step, source) in plan.order.enumerated() {
      try read(source)
      for index in tables.indices where tables[index].lastSource == step {
        if packed != nil { try finishPages(index) } else { results[index] = try finish(index) }
      }
    }
    if let packed { try writer.endPacking(packed) }
    packed = nil
    for index in tables.indices where results[index] == nil { results[index] = try finish(index) }
    try rejects.settle(writing: true)
    for note in rejects.invalidNotes { job.warn(note) }
    try ChangeLog.append(.catalog, layer: nil, in: writer.connection)
    return results.compactMap { $0 }
  }

  // MARK: - Tables

  private func open(_ table: ImportPlan.Table, _ index: Int) throws -> OpenTable {
    let isNew = table.existing == nil
    var layer: StoredLayer
    if let existing = table.existing {
      layer = existing
      let added = Array(table.columns[(existing.layer.columns.count - 1)...])
      if !added.isEmpty { layer = try writer.addColumns(added, to: layer) }
      if let geometry = table.geometry { layer = try writer.widenGeometry(of: layer, to: geometry.kind) }
    } else {
      layer = try writer.createLayer(
        table.name, columns: table.columns, geometry: table.geometry,
        fidColumns: Set(table.fidLinks.keys.map { table.columns[$0].name }))
    }
    var solids: SolidsWriter?
    if table.hasSolids {
      let known = writer.solids(of: layer.layer.name)
      let stored: StoredLayer
      if let known { stored = known } else { stored = try writer.createSolids(of: layer) }
      solids = try SolidsWriter(stored, isNew: known == nil, in: writer.connection)
    }
    let lastSource = plan.order.lastIndex { source in plan.feeds[source].contains { $0.table == index } } ?? 0
    return OpenTable(
      table: try TableWriter(
        layer, isNew: isNew, conflict: job.options.onConflict, takesNewValues: job.options.takesNewValues,
        in: writer.connection),
      solids: solids, layer: layer, position: writer.position(of: layer.layer.name), lastSource: lastSource)
  }

  private func finish(_ index: Int) throws -> ImportReport.Layer {
    let open = tables[index]
    guard let table = open.table else { preconditionFailure("a table is finished once") }
    job.progress(
      ImportProgress(phase: .index, bytesDone: 0, bytesTotal: 0, rows: rows, subject: open.layer.layer.name))
    try table.finish(position: open.position)
    try open.solids?.finish(position: 1_000 + open.position)
    let name = open.layer.layer.name
    for (column, value) in table.unknownValues.sorted(by: { $0.key < $1.key }) {
      let known = open.layer.layer.columns[column]
      job.warn(
        "`\(name).\(known.name)` has values beside \((known.enumeration ?? []).joined(separator: ", ")), such as "
          + "'\(value)': any value is taken")
    }
    for (column, entry) in table.translated.sorted(by: { $0.key < $1.key }) {
      job.warn(
        "`\(name).\(open.layer.layer.columns[column].name)`: \(entry.count) value\(entry.count == 1 ? " is" : "s are") "
          + "written in other words and taken as meant, such as '\(entry.from)' as '\(entry.to)'")
    }
    if table.repeated.count > 0 {
      let (count, examples) = (table.repeated.count, table.repeated.examples)
      job.warn(
        "`\(name)`: \(count) row\(count == 1 ? " has" : "s have") the id of an earlier row of this import and other "
          + "content; the \(job.options.onConflict == .skip ? "first" : "last") counts: "
          + examples.joined(separator: ", ") + (count > examples.count ? ", …" : ""))
    }
    for (column, lookup) in table.lookups.sorted(by: { $0.key < $1.key }) where lookup.unresolvedCount > 0 {
      job.warn(
        "`\(name).\(open.layer.layer.columns[column].name)`: \(lookup.unresolvedCount) of its values name no row of "
          + "`\(lookup.target.layer.name)` and are left empty: \(lookup.examples.joined(separator: ", "))"
          + (lookup.unresolvedCount > lookup.examples.count ? ", …" : ""))
    }
    tables[index].layer = table.stored
    tables[index].table = nil
    tables[index].solids = nil
    return ImportReport.Layer(
      name: name, isNew: table.isNew, columns: Array(table.stored.layer.columns.dropFirst()),
      geometry: table.stored.layer.geometry, tally: table.tally, sourceRows: plan.tables[index].sourceRows)
  }

  // MARK: - Pages

  /// Whether ids that are kept as fids name tables that are complete by then.
  private var canPack: Bool {
    plan.tables.enumerated().allSatisfy { index, table in
      table.existing == nil
        && table.fidLinks.values.allSatisfy { target in
          guard let other = plan.tables.firstIndex(where: { $0.name == target }), other != index else { return false }
          let first = plan.order.firstIndex { source in plan.feeds[source].contains { $0.table == index } }
          return tables[other].lastSource < first ?? .max
        }
    }
  }

  private func beginPacking() throws {
    guard let store = try writer.beginPacking() else { return }
    packed = store
    for table in tables {
      try table.table?.pack(into: store)
      try table.solids?.pack(into: store)
    }
  }

  private func finishPages(_ index: Int) throws {
    job.progress(
      ImportProgress(
        phase: .index, bytesDone: 0, bytesTotal: 0, rows: rows, subject: tables[index].layer.layer.name))
    let name = plan.tables[index].name
    try tables[index].table?.finishPages(keepsIDs: plan.tables.contains { $0.fidLinks.values.contains(name) })
    try tables[index].solids?.finishPages()
  }

  // MARK: - Rows

  private func read(_ index: Int) throws {
    let (source, survey) = (job.sources[index], surveys[index])
    let queue = BatchQueue<FeatureBatch>(capacity: 4)
    let preparation = try FeaturePreparation(survey, workingCRS: workingCRS, isGeographic: isGeographic)
    let (before, total, report, rowsBefore) = (bytesBefore, job.byteCount, job.progress, rows)
    let isCancelled = job.isCancelled
    let rejects = rejects
    let reader = WorkerThread {
      queue.finish(
        Result {
          try source.read(
            survey,
            progress: { bytes in
              report(
                ImportProgress(
                  phase: .write, bytesDone: before + bytes, bytesTotal: total, rows: rowsBefore, subject: source.path))
            },
            body: { batch in
              if isCancelled() { throw StoreError(.interrupted, "interrupted; nothing was written") }
              var batch = batch
              try preparation.prepare(&batch) { try rejects.add($0, of: index, at: $1) }
              try preparation.checkShapes(&batch) { try rejects.addInvalid($0, of: index, at: $1) }
              try queue.put(batch)
            })
        })
    }
    defer {
      queue.cancel()
      reader.join()
    }
    var current = -1
    var key: ImportKey?
    var isKnownByID = false
    while let batch = try queue.take() {
      try job.checkCancelled()
      let feed = plan.feeds[index][batch.layer]
      guard let table = tables[feed.table].table else { continue }
      if batch.layer != current {
        current = batch.layer
        // Where others of the source have ids, the number of a row is none.
        let layer = survey.layers[batch.layer]
        isKnownByID = job.options.onConflict != .fail && layer.numberedCount < layer.featureCount
        let links = links(of: feed.table)
        try table.begin(columns: feed.columns.map { $0 + 1 }, links: links, ids: packed)
        key = try job.options.key.flatMap {
          try ImportKey(
            $0, of: table.stored, columns: feed.columns.map { $0 + 1 },
            hasIDs: survey.layers[batch.layer].idColumn != nil, isFidLink: { links[$0] != nil }, in: writer.connection)
        }
      }
      let solids = survey.layers[batch.layer].hasSolids ? tables[feed.table].solids : nil
      for feature in batch.features {
        var feature = feature
        let replaced = table.tally.replaced
        let found: Int64?
        do {
          try key?.identify(&feature, path: source.path)
          if key == nil, isKnownByID, feature.isNumbered {
            throw LoadError(
              path: source.path, place: feature.place,
              reason: .refused(
                "has no id, by which --on-conflict \(job.options.onConflict.rawValue) knows the row"))
          }
          found = try table.insert(feature, path: source.path)
        } catch let error as LoadError where error.isOfOneFeature {
          try rejects.add(error, of: index, at: feature.place)
          continue
        }
        guard let fid = found else { continue }
        if let solids {
          try solids.write(
            feature.solids, of: fid, id: feature.id, isReplacing: table.tally.replaced != replaced)
        }
      }
      rows += batch.features.count
    }
    bytesBefore += survey.byteCount
  }

  /// By column of the layer (`id` is 0), the layer whose fid it keeps.
  private func links(of table: Int) -> [Int: StoredLayer] {
    var result: [Int: StoredLayer] = [:]
    for (column, target) in plan.tables[table].fidLinks {
      if let other = plan.tables.firstIndex(where: { $0.name == target }) {
        result[column + 1] = tables[other].layer
      } else if let found = writer.state.index(of: target) {
        result[column + 1] = writer.state.layers[found]
      }
    }
    return result
  }
}

/// Brings features of one source into the working CRS and completes buildings. Runs on the reading thread.
struct FeaturePreparation: Sendable {
  private let path: String
  private let transform: CRSTransform?
  private let shapes: [BuildingShape?]

  init(_ survey: SourceSurvey, workingCRS: CRS, isGeographic: Bool) throws(CRSError) {
    path = survey.path
    if let crs = survey.crs { transform = try CRSTransform.between(crs, workingCRS) } else { transform = nil }
    let hasBodies = survey.layers.contains { $0.hasSolids }
    shapes = survey.layers.map { layer in
      hasBodies && !layer.geometryKinds.isEmpty ? BuildingShape(layer: layer, isGeographic: isGeographic) : nil
    }
  }

  /// - Parameter reject: told of each feature that cannot be taken, which is then left out.
  func prepare(_ batch: inout FeatureBatch, reject: (LoadError, SourcePlace) throws -> Void) throws {
    var bad: Set<Int> = []
    for i in batch.features.indices {
      do { try prepare(&batch.features[i], shapes[batch.layer]) } catch let error as LoadError {
        try reject(error, batch.features[i].place)
        bad.insert(i)
      }
    }
    guard !bad.isEmpty else { return }
    batch.features = batch.features.enumerated().filter { !bad.contains($0.offset) }.map(\.element)
  }

  /// Looks whether polygons are what Simple Features calls valid; derived shapes of buildings are.
  ///
  /// - Parameter reject: told of each that is not; true leaves it out.
  func checkShapes(_ batch: inout FeatureBatch, reject: (LoadError, SourcePlace) throws -> Bool) throws {
    var bad: Set<Int> = []
    for i in batch.features.indices where batch.features[i].solids.isEmpty {
      guard let geometry = batch.features[i].geometry, !geometry.isSurelyValid,
        let finding = try? geometry.invalidity()
      else { continue }
      let place = batch.features[i].place
      let error = LoadError(path: path, place: place, reason: .refused("not a valid geometry: \(finding)"))
      if try reject(error, place) { bad.insert(i) }
    }
    guard !bad.isEmpty else { return }
    batch.features = batch.features.enumerated().filter { !bad.contains($0.offset) }.map(\.element)
  }

  private func prepare(_ feature: inout Feature, _ shape: BuildingShape?) throws {
    if let transform {
      do throws(CRSError) {
        try Self.apply(transform, to: &feature)
      } catch {
        throw LoadError(path: path, place: feature.place, reason: .malformed(error.message))
      }
    }
    if let shape, !feature.solids.isEmpty {
      do throws(StoreError) {
        try shape.derive(into: &feature)
      } catch {
        throw LoadError(path: path, place: feature.place, reason: .refused(error.message))
      }
    }
  }

  private static func apply(_ transform: CRSTransform, to feature: inout Feature) throws(CRSError) {
    if feature.geometry != nil { try transform.apply(&feature.geometry!) }
    for i in feature.solids.indices { try transform.apply(&feature.solids[i].surfaces) }
  }
}
