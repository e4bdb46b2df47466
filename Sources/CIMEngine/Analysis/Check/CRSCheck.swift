internal import SpatialIndex

/// `cimq check DB --crs`: whether the places of a layer fit the rest of the city better when its coordinates are taken for
/// those of another system than it was tagged with. Web maps of China shift by 500 m and more, so a wrong tag puts people
/// into the wrong grid, and nothing else shows it.
///
/// Evidence is how many places of a sample lie on or beside a building, beside a road, or inside the polygon whose code
/// their own column names. A tag is doubted when another fits at least twice as many places, and at least 15 % of them
/// more, than the one they have and than the same shift in other directions, which hits something by chance in a dense
/// city. Where half of the places fit as they are the tag is trusted.
public struct CRSCheck {
  /// One way in which a layer may have been read wrongly.
  enum Mistake: CaseIterable {
    case gcj02AsWGS84, bd09AsWGS84, wgs84AsGCJ02, wgs84AsBD09, gcj02AsBD09, bd09AsGCJ02

    /// What the coordinates really are, and what they were read as.
    var names: (really: String, readAs: String) {
      switch self {
      case .gcj02AsWGS84: ("GCJ02", "WGS 84")
      case .bd09AsWGS84: ("BD09", "WGS 84")
      case .wgs84AsGCJ02: ("WGS84", "GCJ-02")
      case .wgs84AsBD09: ("WGS84", "BD-09")
      case .gcj02AsBD09: ("GCJ02", "BD-09")
      case .bd09AsGCJ02: ("BD09", "GCJ-02")
      }
    }

    /// Where a place really is, given where it was put; degrees of WGS 84.
    func corrected(_ longitude: Double, _ latitude: Double) -> (Double, Double) {
      func gcj(_ x: Double, _ y: Double) -> (Double, Double) {
        let point = OffsetSystems.gcj02(fromWGS84: x, y)
        return (point.longitude, point.latitude)
      }
      func fromGCJ(_ x: Double, _ y: Double) -> (Double, Double) {
        let point = OffsetSystems.wgs84(fromGCJ02: x, y)
        return (point.longitude, point.latitude)
      }
      func bd(_ x: Double, _ y: Double) -> (Double, Double) {
        let point = OffsetSystems.bd09(fromGCJ02: gcj(x, y).0, gcj(x, y).1)
        return (point.longitude, point.latitude)
      }
      func fromBD(_ x: Double, _ y: Double) -> (Double, Double) {
        let point = OffsetSystems.gcj02(fromBD09: x, y)
        return fromGCJ(point.longitude, point.latitude)
      }
      switch self {
      case .gcj02AsWGS84: return fromGCJ(longitude, latitude)
      case .bd09AsWGS84: return fromBD(longitude, latitude)
      case .wgs84AsGCJ02: return gcj(longitude, latitude)
      case .wgs84AsBD09: return bd(longitude, latitude)
      case .gcj02AsBD09:
        let file = bd(longitude, latitude)
        return fromGCJ(file.0, file.1)
      case .bd09AsGCJ02:
        let file = gcj(longitude, latitude)
        return fromBD(file.0, file.1)
      }
    }
  }

  static let sampleSize = 5_000
  /// Metres.
  static let besideBuilding = 3.0
  static let besideRoad = 12.0

  private let snapshot: Snapshot
  private let token: CancellationToken
  private let toDegrees: CRSTransform
  private let toMetres: CRSTransform

  static func run(_ snapshot: Snapshot, token: CancellationToken = CancellationToken()) throws -> [StoreFinding] {
    guard !snapshot.catalog.isGeographic else {
      return [
        StoreFinding(
          severity: .warning, subject: "crs", message: "a database in degrees is not checked for shifted layers")
      ]
    }
    let crs = snapshot.catalog.workingCRS
    let check = CRSCheck(
      snapshot: snapshot, token: token, toDegrees: try CRSTransform.between(crs, .wgs84),
      toMetres: try CRSTransform.between(.wgs84, crs))
    return try check.findings()
  }

  private func findings() throws -> [StoreFinding] {
    var result: [StoreFinding] = []
    for (index, layer) in snapshot.catalog.layers.enumerated() where layer.geometry != nil {
      let segment = try snapshot.segment(index)
      let sample = try sample(segment)
      if sample.count < 20 { continue }
      for evidence in try evidence(for: index, segment) {
        let verdict = try judge(layer.name, sample, evidence)
        if case .unclear = verdict { continue }
        if case .doubted(let finding) = verdict { result.append(finding) }
        break
      }
    }
    return result
  }

  private struct Place {
    var row: Int
    var x: Double
    var y: Double
  }

  private func sample(_ segment: Segment) throws -> [Place] {
    guard let shapes = try segment.geometry(), segment.rowCount > 0 else { return [] }
    let step = max(1, segment.rowCount / Self.sampleSize)
    return stride(from: 0, to: segment.rowCount, by: step).compactMap { row in
      shapes.view(row)?.placePoint().map { Place(row: row, x: $0.x, y: $0.y) }
    }
  }

  private enum Verdict {
    case trusted, unclear
    case doubted(StoreFinding)
  }

  /// A way to tell whether a place fits.
  private struct Evidence {
    var text: String
    var fits: (Place) throws -> Bool
  }

  private func evidence(for layer: Int, _ segment: Segment) throws -> [Evidence] {
    var result: [Evidence] = []
    let catalog = snapshot.catalog
    // What the rows say of themselves comes first: a code that was not worked out from the place.
    for link in catalog.links where link.layer.lowercased() == catalog.layers[layer].name.lowercased() {
      guard let column = segment.columnIndex(named: link.column),
        let target = catalog.layerIndex(named: link.targetLayer), target != layer,
        [.polygon, .multiPolygon].contains(catalog.layers[target].geometry?.kind),
        let rows = try segment.link(column)
      else { continue }
      let goal = try snapshot.segment(target)
      guard let shapes = try goal.geometry(),
        (0..<segment.rowCount).contains(where: { rows.rows[$0] != LinkColumn.none })
      else { continue }
      result.append(
        Evidence(text: "in or beside the `\(link.targetLayer)` that their `\(link.column)` names") { place in
          let row = rows.rows[place.row]
          guard row != LinkColumn.none, let view = shapes.view(Int(row)) else { return false }
          return view.squaredDistance(toPoint: place.x, place.y) <= Self.besideBuilding * Self.besideBuilding
        })
    }
    // Points stand on or beside things; lines and areas keep clear of them.
    guard catalog.layers[layer].geometry?.kind == .point else { return result }
    let near: [(name: String, metres: Double, dimension: ClosedRange<Int>)] = [
      ("building", Self.besideBuilding, 2...2), ("road", Self.besideRoad, 1...2),
    ]
    for (name, metres, dimensions) in near {
      guard let target = catalog.layerIndex(named: name), target != layer else { continue }
      let goal = try snapshot.segment(target)
      guard let shapes = try goal.geometry(), let tree = try goal.tree() else { continue }
      result.append(
        Evidence(text: "within \(Int(metres)) m of a `\(name)`") { place in
          var found = false
          tree.forEach(within: metres, of: Box2(place.x, place.y, place.x, place.y)) { row in
            guard !found, let view = shapes.view(row), dimensions.contains(view.dimension) else { return }
            if view.squaredDistance(toPoint: place.x, place.y) <= metres * metres { found = true }
          }
          return found
        })
    }
    return result
  }

  private func judge(_ layer: String, _ sample: [Place], _ evidence: Evidence) throws -> Verdict {
    try token.check()
    let asStored = try sample.count { try evidence.fits($0) }
    if 2 * asStored > sample.count { return .trusted }
    var best: (mistake: Mistake, count: Int, shift: Double)?
    for mistake in Mistake.allCases {
      let tried = try fits(sample, evidence, mistake, turns: 0)
      if tried.count > best?.count ?? 0 { best = (mistake, tried.count, tried.shift) }
    }
    let margin = max(10, sample.count * 15 / 100)
    guard let best, best.count >= 2 * asStored, best.count - asStored >= margin else { return .unclear }
    for turns in 1...3 {
      let control = try fits(sample, evidence, best.mistake, turns: turns).count
      if best.count < 2 * control || best.count - control < margin { return .unclear }
    }
    func percent(_ count: Int) -> Int { (count * 100 + sample.count / 2) / sample.count }
    let names = best.mistake.names
    return .doubted(
      StoreFinding(
        severity: .warning, subject: layer,
        message: "its coordinates are probably \(names.really), read as \(names.readAs): \(percent(asStored)) % of "
          + "\(sample.count) places lie \(evidence.text), moved back by \(Int(best.shift.rounded())) m it would be "
          + "\(percent(best.count)) %; import it again with --force-crs \(names.really)"))
  }

  /// How many places fit when a mistake is undone, the shift turned by quarters of a circle; and the mean shift in metres.
  private func fits(
    _ sample: [Place], _ evidence: Evidence, _ mistake: Mistake, turns: Int
  ) throws -> (count: Int, shift: Double) {
    try token.check()
    var (count, shift) = (0, 0.0)
    for place in sample {
      let degrees = try toDegrees.apply(place.x, place.y)
      let real = mistake.corrected(degrees.x, degrees.y)
      let moved = try toMetres.apply(real.0, real.1)
      var (dx, dy) = (moved.x - place.x, moved.y - place.y)
      shift += (dx * dx + dy * dy).squareRoot()
      for _ in 0..<turns { (dx, dy) = (-dy, dx) }
      if try evidence.fits(Place(row: place.row, x: place.x + dx, y: place.y + dy)) { count += 1 }
    }
    return (count, shift / Double(sample.count))
  }
}
