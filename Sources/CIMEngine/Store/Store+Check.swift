internal import SpatialIndex

/// Something that is wrong with a database, or looks so.
public struct StoreFinding: Sendable, Equatable, CustomStringConvertible {
  /// An error costs rows or right answers, a warning does not.
  public enum Severity: String, Sendable {
    /// Answers may be wrong, or other programs may stumble.
    case error
    /// Worth a look; answers are right as far as the data is.
    case warning
  }
  public var severity: Severity
  /// A layer, a column (`building.grid3`), or the database.
  public var subject: String
  public var message: String

  public var description: String { "\(severity.rawValue): \(subject): \(message)" }
}

extension Store {
  /// Looks whether the database is sound: SQLite's own integrity, the R*Trees, every geometry and value, the catalogue,
  /// and whether references name something. Reads everything once or twice.
  ///
  /// - Parameter progress: told what is being looked at; throw to stop.
  public func check(progress: @escaping (String) throws -> Void = { _ in }) throws -> [StoreFinding] {
    try read { reader in
      var check = StoreCheck(reader, progress)
      return try check.run()
    }
  }
}

private struct StoreCheck {
  private let reader: StoreReader
  private let connection: SQLConnection
  private let progress: (String) throws -> Void
  private var findings: [StoreFinding] = []

  init(_ reader: StoreReader, _ progress: @escaping (String) throws -> Void) {
    self.reader = reader
    self.progress = progress
    connection = reader.connection
  }

  mutating func run() throws -> [StoreFinding] {
    try progress("pages")
    let integrity = try connection.prepare("PRAGMA integrity_check(20)")
    while try integrity.step() {
      if integrity.text(0) != "ok" { add(.error, "database", integrity.text(0)) }
    }
    let state = try reader.catalog()
    for notice in state.notices { add(.warning, "database", notice) }
    for layer in state.layers + state.solids {
      try progress(layer.layer.name)
      try checkRows(layer, workingCRS: state.catalog.workingCRS)
      try checkIndex(layer)
      try checkValues(layer)
    }
    for link in state.catalog.links {
      try progress("\(link.layer).\(link.column)")
      try check(link, state)
    }
    return findings
  }

  private mutating func add(_ severity: StoreFinding.Severity, _ subject: String, _ message: String) {
    findings.append(StoreFinding(severity: severity, subject: subject, message: message))
  }

  /// Every row's values and geometry, as queries would read them.
  private mutating func checkRows(_ stored: StoredLayer, workingCRS: CRS) throws {
    let layer = stored.layer
    let columns = Array(layer.columns.indices)
    var geometry = Geometry(kind: .point)
    var rowCount = 0
    var wrongKinds = (count: 0, fid: Int64(0), kind: GeometryKind.point)
    var wrongSRIDs = (count: 0, fid: Int64(0))
    var notFinite = (count: 0, fid: Int64(0))
    let isFidLink = columns.map { layer.columns[$0].type == .text }
    let report = try reader.scan(stored, columns: columns, geometry: layer.geometry != nil) { row in
      rowCount += 1
      for column in columns where !isFidLink[column] { _ = row.value(column) }
      guard layer.geometry != nil, let blob = row.geometryBlob else { return }
      if let srid = stored.srid, blob.count >= 6 {
        let found = blob.loadUnaligned(fromByteOffset: 2, as: Int32.self)
        if (blob[1] == 1 ? Int32(littleEndian: found) : Int32(bigEndian: found)) != Int32(srid) {
          if wrongSRIDs.count == 0 { wrongSRIDs.fid = row.fid }
          wrongSRIDs.count += 1
        }
      }
      guard row.readGeometry(into: &geometry) else { return }
      if let kind = layer.geometry?.kind, kind != geometry.kind {
        if wrongKinds.count == 0 { (wrongKinds.fid, wrongKinds.kind) = (row.fid, geometry.kind) }
        wrongKinds.count += 1
      }
      if !geometry.xy.allSatisfy(\.isFinite) {
        if notFinite.count == 0 { notFinite.fid = row.fid }
        notFinite.count += 1
      }
    }
    for message in report.messages { add(.error, layer.name, message) }
    if wrongKinds.count > 0 {
      add(
        .error, layer.name,
        "\(wrongKinds.count) geometries are not of the registered type \(layer.geometry?.kind?.spatialiteName ?? "GEOMETRY"), "
          + "such as a \(wrongKinds.kind.spatialiteName) in the row \(wrongKinds.fid)")
    }
    if wrongSRIDs.count > 0 {
      add(
        .error, layer.name,
        "\(wrongSRIDs.count) geometries state another CRS than their column, first in the row \(wrongSRIDs.fid)")
    }
    if notFinite.count > 0 {
      add(
        .error, layer.name,
        "\(notFinite.count) geometries have coordinates that are not finite, first in the row \(notFinite.fid)")
    }
    if rowCount != layer.rowCount {
      add(.warning, layer.name, "has \(rowCount) rows, the catalogue says \(layer.rowCount)")
    }
  }

  private mutating func checkIndex(_ stored: StoredLayer) throws {
    guard let geometry = stored.layer.geometry else { return }
    let (table, index) = (stored.layer.name, RTreeTables.name(of: stored.layer.name, geometry.name))
    let exists = try connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").bind(1, index)
    guard try exists.step() else {
      add(.warning, table, "has no spatial index; other programs read all of it")
      return
    }
    let check = try connection.prepare("SELECT rtreecheck(?)").bind(1, index)
    if try check.step(), check.text(0) != "ok" { add(.error, table, "its spatial index is damaged: \(check.text(0))") }
    let column = quoted(geometry.name)
    let missing =
      try connection.int(
        "SELECT count(*) FROM \(quoted(table)) WHERE \(column) IS NOT NULL AND "
          + "\(quoted(stored.rowColumn)) NOT IN (SELECT rowid FROM \(quoted(index + "_rowid")))") ?? 0
    let extra =
      try connection.int(
        "SELECT count(*) FROM \(quoted(index + "_rowid")) WHERE rowid NOT IN "
          + "(SELECT \(quoted(stored.rowColumn)) FROM \(quoted(table)) WHERE \(column) IS NOT NULL)") ?? 0
    if missing + extra > 0 {
      add(
        .error, table,
        "its spatial index lacks \(missing) rows and has \(extra) that are gone; in SpatiaLite: "
          + "SELECT RecoverSpatialIndex('\(table)', '\(geometry.name)')")
    }
  }

  private mutating func checkValues(_ stored: StoredLayer) throws {
    for (i, column) in stored.layer.columns.enumerated() {
      guard let allowed = column.enumeration, let source = stored.sources[i] else { continue }
      let marks = allowed.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
      let others = try connection.prepare(
        "SELECT count(*), min(\(quoted(source))) FROM \(quoted(stored.layer.name)) WHERE \(quoted(source)) NOT IN (\(marks))"
      )
      for (k, value) in allowed.enumerated() { others.bind(k + 1, value) }
      if try others.step(), others.int64(0) > 0 {
        add(
          .warning, "\(stored.layer.name).\(column.name)",
          "\(others.int64(0)) values are none of \(allowed.joined(separator: ", ")), such as '\(others.text(1))'")
      }
    }
  }

  private mutating func check(_ link: Catalog.Link, _ state: StoredCatalog) throws {
    guard let from = state.index(of: link.layer), let to = state.index(of: link.targetLayer) else { return }
    let (source, target) = (state.layers[from], state.layers[to])
    func physical(_ layer: StoredLayer, _ name: String) -> String? {
      if name.lowercased() == "fid" { return layer.rowColumn }
      guard let i = layer.layer.columns.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
        return nil
      }
      return layer.sources[i] ?? layer.rowColumn
    }
    guard let column = physical(source, link.column), let key = physical(target, link.targetColumn) else { return }
    let dangling = try connection.prepare(
      """
      SELECT count(*), min(\(quoted(column))) FROM \(quoted(source.layer.name)) WHERE \(quoted(column)) IS NOT NULL
        AND \(quoted(column)) NOT IN (SELECT \(quoted(key)) FROM \(quoted(target.layer.name)) WHERE \(quoted(key)) IS NOT NULL)
      """)
    if try dangling.step(), dangling.int64(0) > 0 {
      add(
        .warning, "\(link.layer).\(link.column)",
        "\(dangling.int64(0)) values name no row of `\(link.targetLayer)`, such as '\(dangling.text(1))'")
    }
  }
}
