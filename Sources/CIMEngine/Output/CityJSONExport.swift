internal import SpatialIndex

/// Writes layers of a database as CityJSON 2.0 (https://www.cityjson.org/specs/2.0.1/): every object with its parents
/// and children, every surface, LoD and semantic type that the store keeps, in the working CRS.
///
/// With `building` go its parts and whatever else names a building as its parent. Layers without surfaces become
/// MultiPoint, MultiLineString or MultiSurface of LoD 0. What is not written is said in the notices: materials and
/// textures, whose lists the store does not keep, and which shells of a MultiSolid made one solid.
public enum CityJSONExport {
  /// How many objects were written, and what CityJSON did not take as it was.
  public struct Report: Sendable {
    public var objectCount = 0
    public var notices: [String] = []
  }

  /// Whether a path asks for CityJSON: `.city.json`, or `.city.jsonl` for a sequence.
  public static func isSequence(_ path: String) -> Bool? {
    let name = path.lowercased()
    return name.hasSuffix(".city.json") ? false : name.hasSuffix(".city.jsonl") ? true : nil
  }

  /// Writes `layers` of the database at `database` to `path`, a sequence when its name ends in `.city.jsonl`.
  ///
  /// - Throws: ``StoreError`` for an unknown layer, one without geometry, two objects of one id, coordinates that
  ///   CityJSON cannot hold, or a file that cannot be written; ``QueryError`` when `token` stops it.
  public static func write(
    _ layers: [String], of database: String, to path: String, token: CancellationToken = CancellationToken()
  ) throws -> Report {
    let store = try Store.open(database)
    defer { store.close() }
    let writer = try ByteWriter(path: path)
    let report = try store.read { reader in
      var job = try Job(reader, writer, isSequence: isSequence(path) ?? false, path: path, token: token)
      return try job.run(layers)
    }
    try writer.finish()
    return report
  }
}

private struct Job {
  private let reader: StoreReader
  private let writer: ByteWriter
  private let isSequence: Bool
  private let path: String
  private let token: CancellationToken
  private let catalog: StoredCatalog
  private var report = CityJSONExport.Report()
  private var shapes: CityJSONShapes
  private var isFirst = true
  /// Columns whose texts went out masked.
  private var masked: [String] = []
  /// What was written, by id, when several layers are: an id names one object.
  private var written: [String: String] = [:]
  private var watchesIDs = false
  private var twice: [String] = []
  private var twiceCount = 0

  /// A row on its way out.
  private struct Object {
    var id: String
    var layer: String
    var type: String
    var attributes: [(name: String, json: String)]
    var parent: String?
    var children: [String] = []
    var geometry: [SolidGeometry] = []
    var shape: Geometry?
  }

  init(
    _ reader: StoreReader, _ writer: ByteWriter, isSequence: Bool, path: String, token: CancellationToken
  ) throws {
    (self.reader, self.writer, self.isSequence) = (reader, writer, isSequence)
    (self.path, self.token) = (path, token)
    catalog = try reader.catalog()
    let isGeographic = try CRSInfo.lookup(catalog.catalog.workingCRS).isGeographic
    shapes = CityJSONShapes(path: path, scale: isGeographic ? 1e-7 : 0.001)
  }

  mutating func run(_ names: [String]) throws -> CityJSONExport.Report {
    var wanted: [StoredLayer] = []
    for name in names {
      guard let index = catalog.index(of: name) else {
        let known = catalog.layers.map(\.layer.name).joined(separator: ", ")
        throw StoreError(.content, "there is no layer `\(name)`; there are: \(known)")
      }
      guard catalog.layers[index].layer.geometry != nil else {
        throw StoreError(
          .content, "the layer `\(name)` has no geometry, and CityJSON is of geometry; use .csv or .jsonl")
      }
      if !wanted.contains(where: { $0.layer.name == catalog.layers[index].layer.name }) {
        wanted.append(catalog.layers[index])
      }
    }
    for layer in wanted {
      if let extent = layer.layer.geometry?.extent { shapes.startAt(extent.min[0], extent.min[1]) }
    }
    // A layer of children is written with that of their parents when that is wanted.
    let families = wanted.filter { !isChild($0, of: wanted) }
    watchesIDs = wanted.count > 1 || families.contains { !children(of: $0).isEmpty }
    try head()
    for layer in families { try write(layer) }
    guard twice.isEmpty else {
      throw StoreError(
        .content,
        "cannot write \(path): in CityJSON an id names one object, and \(twiceCount == 1 ? "one is" : "\(twiceCount) are") "
          + "there twice: \(twice.joined(separator: "; "))\(twiceCount > twice.count ? "; …" : "")\n"
          + "  write each layer to a file of its own")
    }
    finish()
    try writer.flush()
    if !masked.isEmpty {
      report.notices.append("personal data is masked in CityJSON: \(masked.joined(separator: ", "))")
    }
    report.notices += shapes.notices
    return report
  }

  private func isChild(_ layer: StoredLayer, of others: [StoredLayer]) -> Bool {
    others.contains { other in
      other.layer.name != layer.layer.name && children(of: other).contains { $0.layer.name == layer.layer.name }
    }
  }

  /// Layers whose rows name rows of this one as their parents.
  private func children(of layer: StoredLayer) -> [StoredLayer] {
    let type = Self.type(of: layer.layer.name)
    guard let type, ["Building", "Bridge", "Tunnel"].contains(type) else { return [] }
    return catalog.layers.filter { other in
      guard let own = Self.type(of: other.layer.name), own != type, own.hasPrefix(type) else { return false }
      return other.layer.columns.contains { $0.name.lowercased() == "parent" }
    }
  }

  private static let types: [String: String] = {
    var result: [String: String] = [:]
    for type in CityJSONUnit.knownTypes.sorted() { result[CityJSONUnit.layerName(ofType: type)] = type }
    return result
  }()

  /// The CityJSON type that a layer holds, by its name.
  private static func type(of layer: String) -> String? {
    let name = layer.lowercased()
    return types[name] ?? (name.hasSuffix("_surface") ? types[String(name.dropLast("_surface".count))] : nil)
  }

  // MARK: Rows

  private mutating func write(_ layer: StoredLayer) throws {
    let type = Self.type(of: layer.layer.name) ?? "GenericCityObject"
    if Self.type(of: layer.layer.name) == nil {
      report.notices.append("`\(layer.layer.name)` is no type of CityJSON: its rows are GenericCityObjects")
    }
    var members: [String: [Object]] = [:]
    for child in children(of: layer) {
      let childType = Self.type(of: child.layer.name) ?? "GenericCityObject"
      var orphans = 0
      let solids = try ownSolids(of: child)
      try forEachRow(of: child) { job, object, fid in
        var object = object
        object.type = childType
        guard let parent = object.parent else {
          orphans += 1
          return
        }
        if let solids { object.geometry += try job.reader.solids(solids, parent: fid, id: object.id) }
        members[parent, default: []].append(object)
      }
      if orphans > 0 {
        report.notices.append("\(orphans) rows of `\(child.layer.name)` name no parent and are left out")
      }
    }
    let solids = try ownSolids(of: layer)
    var families: [[Object]] = []
    try forEachRow(of: layer) { job, object, fid in
      var root = object
      root.type = type
      root.parent = nil
      var found = try solids.map { try job.reader.solids($0, parent: fid, id: root.id) } ?? []
      // Parts of parts too.
      var family: [Object] = []
      var waiting = [root.id]
      while let id = waiting.popLast() {
        for var child in members.removeValue(forKey: id) ?? [] {
          // An installation keeps its own surfaces, a part's are with its building.
          if child.geometry.isEmpty { child.geometry = found.filter { $0.object == child.id } }
          family.append(child)
          waiting.append(child.id)
        }
      }
      let ids = Set(family.map(\.id))
      found.removeAll { ids.contains($0.object) }
      root.geometry = found
      if !found.isEmpty || !family.isEmpty { root.shape = nil }
      family.insert(root, at: 0)
      for i in family.indices { family[i].children = family.filter { $0.parent == family[i].id }.map(\.id) }
      families.append(family)
      if families.count == 1_000 {
        for family in families { try job.put(family) }
        families.removeAll(keepingCapacity: true)
      }
    }
    for family in families { try put(family) }
    let orphans = members.values.reduce(0) { $0 + $1.count }
    if orphans > 0 {
      report.notices.append("\(orphans) rows name parents that are not in `\(layer.layer.name)` and are left out")
    }
  }

  private func ownSolids(of layer: StoredLayer) throws -> StoreReader.SolidsOfParent? {
    try reader.solids(of: layer.layer.name).map { try reader.solidsOfParent(in: $0, isWhole: true) }
  }

  /// Whether a column holds objects and lists, stored as the JSON that they were: a list says so itself, objects (and
  /// lists of objects) are texts, and then the column has no others.
  private func holdsJSON(_ column: Catalog.Column, stored name: String, of layer: StoredLayer) throws -> Bool {
    guard column.type == .text else { return column.type == .list }
    let name = quoted(name)
    let other = try SQLStatement(
      reader.connection.handle,
      "SELECT 1 FROM \(quoted(layer.layer.name)) WHERE \(name) IS NOT NULL AND substr(\(name), 1, 1) <> '{' "
        + "AND NOT (substr(\(name), 1, 1) = '[' AND instr(\(name), '{') > 0) LIMIT 1")
    return try !other.step()
  }

  private mutating func forEachRow(of layer: StoredLayer, _ body: (inout Job, Object, Int64) throws -> Void) throws {
    let columns = Array(layer.layer.columns.enumerated().dropFirst())
    let personal = columns.map { $0.element.personalData(in: layer.layer) }
    let isJSON = try columns.map {
      try holdsJSON($0.element, stored: layer.sources[$0.offset] ?? $0.element.name, of: layer)
    }
    let list = columns.map { ", \(quoted(layer.sources[$0.offset] ?? $0.element.name))" }.joined()
    let geometry = layer.layer.geometry.map { ", \(quoted($0.name))" } ?? ""
    let statement = try SQLStatement(
      reader.connection.handle,
      "SELECT \(quoted(layer.rowColumn)), \(quoted(layer.idColumn ?? layer.rowColumn))\(list)\(geometry) "
        + "FROM \(quoted(layer.layer.name)) ORDER BY \(quoted(layer.rowColumn))")
    var count = 0
    while try statement.step() {
      if count & 255 == 0 { try token.check() }
      count += 1
      var object = Object(id: statement.text(1), layer: layer.layer.name, type: "", attributes: [])
      // What an import derived it derives again.
      var derived: Set<String> = ["derived"]
      if let at = columns.firstIndex(where: { $0.element.name == "derived" }), !statement.isNull(at + 2) {
        for name in statement.text(at + 2).split(separator: ",") { derived.insert(String(name)) }
      }
      for (i, column) in columns.enumerated() where !statement.isNull(i + 2) {
        let name = column.element.name
        if derived.count > 1, derived.contains(name) { continue }
        if name.lowercased() == "parent" { object.parent = statement.text(i + 2) }
        if let personal = personal[i] {
          let name = "\(layer.layer.name).\(name)"
          if !masked.contains(name) { masked.append(name) }
          object.attributes.append((name, JSONString.quoted(personal.masked(statement.text(i + 2)))))
        } else if let json = Self.json(statement, i + 2, column.element.type, isJSON: isJSON[i]) {
          object.attributes.append((name, json))
        }
      }
      let last = columns.count + 2
      if layer.layer.geometry != nil, !statement.isNull(last) {
        object.shape = try? SpatiaLiteBlob.read(statement.blob(last)).geometry
      }
      try body(&self, object, statement.int64(0))
    }
  }

  private static func json(
    _ statement: SQLStatement, _ column: Int, _ type: ColumnType, isJSON: Bool
  ) -> String? {
    switch type {
    case .int: return String(statement.int64(column))
    case .bool: return statement.int64(column) == 0 ? "false" : "true"
    case .double:
      let value = statement.double(column)
      return value.isFinite ? String(value) : nil
    case .geometry: return nil
    case .text, .list, .date, .timestamp:
      guard isJSON else { return JSONString.quoted(statement.text(column)) }
      let text = statement.utf8(column)
      if let first = text.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
        JSONSyntax.firstFault(in: text) == nil
      {
        return String(decoding: text, as: UTF8.self)
      }
      return JSONString.quoted(statement.text(column))
    }
  }

  // MARK: Text

  private func head() throws {
    writer.append(
      "{\"type\":\"CityJSON\",\"version\":\"2.0\",\"transform\":{\"scale\":[\(shapes.scale),\(shapes.scale),0.001],")
    writer.append("\"translate\":[\(shapes.origin.x),\(shapes.origin.y),0.0]},")
    if let code = catalog.catalog.workingCRS.epsgCode {
      writer.append("\"metadata\":{\"referenceSystem\":\"https://www.opengis.net/def/crs/EPSG/0/\(code)\"},")
    }
    writer.append("\"CityObjects\":{")
    if isSequence { writer.append("},\"vertices\":[]}\n") }
  }

  private mutating func finish() {
    guard !isSequence else { return }
    writer.append("},\"vertices\":[")
    shapes.vertexText.withUnsafeBufferPointer { writer.append($0) }
    writer.append("]}\n")
  }

  /// A family of objects: a line of a sequence.
  private mutating func put(_ family: [Object]) throws {
    if isSequence {
      shapes.forgetVertices()
      isFirst = true
      writer.append("{\"type\":\"CityJSONFeature\",\"id\":\(JSONString.quoted(family[0].id)),\"CityObjects\":{")
    }
    for object in family { try put(object) }
    if isSequence {
      writer.append("},\"vertices\":[")
      shapes.vertexText.withUnsafeBufferPointer { writer.append($0) }
      writer.append("]}\n")
    }
    report.objectCount += family.count
    try token.check()
    try writer.flushIfLarge()
  }

  private mutating func put(_ object: Object) throws {
    shapes.object = (object.id, object.layer)
    if watchesIDs, let other = written.updateValue(object.layer, forKey: object.id) {
      twiceCount += 1
      if twice.count < 5 { twice.append("'\(object.id)' of `\(other)` and `\(object.layer)`") }
    }
    // A line of a sequence has no line breaks.
    writer.append(isSequence ? (isFirst ? "" : ",") : isFirst ? "\n" : ",\n")
    isFirst = false
    writer.append("\(JSONString.quoted(object.id)):{\"type\":\"\(object.type)\"")
    let attributes = object.attributes.filter { object.parent == nil || $0.name.lowercased() != "parent" }
    if !attributes.isEmpty {
      let list = attributes.map { "\(JSONString.quoted($0.name)):\($0.json)" }
      writer.append(",\"attributes\":{\(list.joined(separator: ","))}")
    }
    if let parent = object.parent { writer.append(",\"parents\":[\(JSONString.quoted(parent))]") }
    if !object.children.isEmpty {
      writer.append(",\"children\":[\(object.children.map(JSONString.quoted).joined(separator: ","))]")
    }
    var texts: [String] = []
    for solid in object.geometry { texts.append(try shapes.text(of: solid)) }
    if texts.isEmpty, let shape = object.shape, let text = try shapes.text(of: shape) { texts.append(text) }
    if !texts.isEmpty { writer.append(",\"geometry\":[\(texts.joined(separator: ","))]") }
    writer.append("}")
  }
}
