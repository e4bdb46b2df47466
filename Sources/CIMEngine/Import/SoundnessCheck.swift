internal import Glibc

/// `cimq check`: is a source file or a database sound?
public struct SoundnessCheck: Sendable {
  /// Findings in words, errors first.
  public private(set) var errors: [String] = []
  public private(set) var warnings: [String] = []
  public private(set) var facts: [String] = []

  public var hasErrors: Bool { !errors.isEmpty }
  public var lines: [String] {
    errors.map { "error: " + $0 } + warnings.map { "warning: " + $0 } + facts
      + [hasErrors ? "not sound: \(errors.count) error\(errors.count == 1 ? "" : "s")" : "sound"]
  }

  /// Checks what lies at `path`: a database of cimq's by its first bytes and tables, anything else as a source.
  ///
  /// - Throws: ``LoadError`` or ``StoreError`` of class `.file` when it cannot be read at all.
  public static func run(_ path: String, options: LoadOptions = LoadOptions()) throws -> SoundnessCheck {
    var check = SoundnessCheck()
    if isSQLite(path), let store = try? Store.open(path) {
      defer { store.close() }
      try check.database(store)
    } else {
      try check.source(path, options)
    }
    return check
  }

  /// What else a database can be asked: whether its grids are a partition, and whether a layer's coordinates are those of
  /// another system than it was tagged with.
  public enum Question: Sendable { case grids, crs }

  /// Looks at a database for one question only.
  ///
  /// - Throws: ``StoreError`` when it is no database of cimq's; `QueryError` of reason `.interrupted`.
  public static func run(
    _ path: String, _ questions: [Question], token: CancellationToken = CancellationToken()
  ) throws -> SoundnessCheck {
    var check = SoundnessCheck()
    let store = try Store.open(path)
    defer { store.close() }
    let snapshot = try Snapshot.current(for: store)
    for question in questions {
      let findings =
        switch question {
        case .grids: try GridCheck.run(snapshot, token: token)
        case .crs: try CRSCheck.run(snapshot, token: token)
        }
      for finding in findings { check.add(finding) }
      if findings.isEmpty {
        check.facts.append(
          question == .grids ? "grids: no gaps, no overlaps, codes agree" : "crs: no layer looks shifted")
      }
    }
    return check
  }

  private mutating func add(_ finding: StoreFinding) {
    let text = "\(finding.subject): \(finding.message)"
    if finding.severity == .error { errors.append(text) } else { warnings.append(text) }
  }

  private static func isSQLite(_ path: String) -> Bool {
    guard let file = fopen(path, "r") else { return false }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 15)
    return fread(&bytes, 1, 15, file) == 15 && bytes.elementsEqual("SQLite format 3".utf8)
  }

  /// Reads a source as an import would, first pass and second.
  private mutating func source(_ path: String, _ options: LoadOptions) throws {
    do {
      let set = try Sources.open([path], options: options)
      warnings += set.warnings
      for item in set.sources {
        do {
          let survey = try item.source.survey { _ in }
          warnings += survey.warnings.map { "\(item.path): \($0)" }
          var solids = SolidFindings()
          try item.source.read(survey, progress: { _ in }) { batch in
            for feature in batch.features where survey.layers[batch.layer].hasSolids {
              for solid in feature.solids { solids.add(solid, of: feature.id) }
            }
          }
          warnings += solids.lines.map { "\(item.path): \($0)" }
          for layer in survey.layers {
            facts.append("\(item.path): \(layer.name), \(layer.featureCount) features")
            if !layer.geometryKinds.isEmpty, survey.crs == nil {
              errors.append("\(item.path): \(layer.name) has coordinates but states no CRS; an import needs --crs")
            }
            if let crs = survey.crs, let extent = layer.extent,
              let warning = try SourceCheck.warning(extent: extent, crs: crs, of: item.path)
            {
              warnings.append(warning)
            }
          }
        } catch let error as LoadError where error.failureClass == .content {
          errors.append(error.message)
        } catch let error as CRSError {
          errors.append("\(item.path): \(error.message)")
        }
      }
    } catch let error as LoadError where error.failureClass == .content {
      errors.append(error.message)
    }
  }

  /// SQLite's own check, the spatial indexes, the links between layers, the snapshot.
  private mutating func database(_ store: Store) throws {
    for finding in try store.check() { add(finding) }
    warnings += try SolidFindings(store).lines
    for layer in try store.catalog().layers { facts.append("\(layer.name): \(layer.rowCount) rows") }
    let snapshot = try Snapshot.current(for: store) { warnings.append($0) }
    for layer in snapshot.catalog.layers.indices {
      do {
        let segment = try snapshot.segment(layer)
        for column in segment.layer.columns.indices { _ = try segment.column(column) }
        _ = try segment.geometry()
        _ = try segment.tree()
      } catch let damage as SnapshotDamage {
        errors.append(damage.message)
      }
    }
  }
}
