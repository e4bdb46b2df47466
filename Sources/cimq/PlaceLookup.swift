internal import CIMEngine

/// Finds a place by its name or address in the layers that have geometry of their own.
enum PlaceLookup {
  struct Place {
    var layer: String
    var id: String
    var label: String
    /// WGS 84; of a shape its centroid.
    var coordinate: Coordinate

    var described: String {
      let spot = [coordinate.longitude, coordinate.latitude].map { CellText.number($0, decimals: 7) }
        .joined(separator: ",")
      let name = [layer, id, label].filter { !$0.isEmpty }.joined(separator: " ")
      return Messages.isChinese ? "地点：\(name)（\(spot)）" : "from \(name) (\(spot))"
    }
  }

  private static let mostListed = 10

  /// The one place that `text` names: by name, else by address, else by id or code, else by a part of a name, else by a
  /// part of an address; the first of these with a match decides.
  ///
  /// - Throws: ``QueryError`` that lists the places when several match, and similar names when none does.
  static func place(named text: String, in database: Database) throws -> Place {
    let part = "%" + text.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_") + "%"
    let stages: [(columns: [String], comparison: String, key: String)] = [
      (["name"], "=", text), (["address"], "=", text), (["id", "code"], "=", text), (["name"], "LIKE", part),
      (["address"], "LIKE", part),
    ]
    for stage in stages {
      var places: [Place] = []
      for layer in database.catalog.layers where layer.geometry != nil {
        // People are not looked up as places.
        let shown = layer.columns.filter { $0.personalData(in: layer) == nil }
        let columns = stage.columns.filter { name in shown.contains { $0.name == name && $0.type == .text } }
        guard !columns.isEmpty else { continue }
        let condition = columns.map { "\"\($0)\" \(stage.comparison) '\(stage.key.replacing("'", with: "''"))'" }
        let label = ["name", "address"].filter { name in shown.contains { $0.name == name } }
        let query =
          "FIND \"\(layer.name.replacing("\"", with: "\"\""))\" WHERE \(condition.joined(separator: " OR "))"
          + " RETURN \((["id"] + label).map { "\"\($0)\"" }.joined(separator: ", ")) LIMIT \(mostListed + 1)"
        let found = PlaceSink(layer: layer.name)
        var session = Session()
        let script = try database.parse(query)
        _ = try database.run(
          script.statements[0], in: &session,
          QueryRun(isOrdered: true) { try FileSink.forExport($0, catalog: database.catalog, text: query) }, into: found)
        places += found.places
      }
      if places.count == 1 { return places[0] }
      if places.count > 1 { throw several(text, places) }
    }
    let near = database.namesNear(text, limit: 5)
    throw QueryError(
      .invalid(
        Messages.isChinese ? "找不到地点 '\(text)'" : "there is no place '\(text)' in names, addresses, ids or codes"),
      fix: near.isEmpty
        ? (Messages.isChinese ? "请给出经纬度：--at 113.65,34.76" : "give a coordinate: --at 113.65,34.76")
        : (Messages.isChinese ? "相近的有：" : "similar: ") + near.joined(separator: ", "))
  }

  private static func several(_ text: String, _ places: [Place]) -> QueryError {
    var lines = places.prefix(mostListed).map { place in
      "\n  " + [place.layer, place.id, place.label].filter { !$0.isEmpty }.joined(separator: " ")
        + "  "
        + [place.coordinate.longitude, place.coordinate.latitude].map { CellText.number($0, decimals: 7) }
        .joined(separator: ",")
    }
    if places.count > mostListed { lines.append("\n  …") }
    return QueryError(
      .invalid(
        (Messages.isChinese ? "'\(text)' 对应多个地点：" : "'\(text)' names several places:") + lines.joined()
          + (Messages.isChinese ? "\n请用其编号或坐标指明一个" : "\ngive the id or the coordinate of one of them")))
  }
}

/// Takes the places of a result: its ids, names and where they lie.
private final class PlaceSink: RowSink {
  private let layer: String
  private var toDegrees: CRSTransform?
  private(set) var places: [PlaceLookup.Place] = []

  init(layer: String) { self.layer = layer }

  var wantsShapes: Bool { true }
  func begin(_ header: ResultHeader) throws {
    toDegrees = header.crs == .wgs84 ? nil : try CRSTransform.between(header.crs, .wgs84)
  }
  func write(_ batch: RowBatch) throws {
    for row in 0..<batch.rowCount {
      guard row < batch.shapes.count, let centre = batch.shapes[row]?.centroid else { continue }
      var point = Geometry.point(centre.x, centre.y)
      try toDegrees?.apply(&point)
      let cells = batch.columns.map { $0[row].shown }
      let coordinate = Coordinate(
        longitude: (point.xy[0] * 1e9).rounded() / 1e9, latitude: (point.xy[1] * 1e9).rounded() / 1e9)
      places.append(
        PlaceLookup.Place(
          layer: layer, id: cells[0], label: cells.dropFirst().filter { !$0.isEmpty }.joined(separator: ", "),
          coordinate: coordinate))
    }
  }
  func end(notices: [String]) throws {}
}
