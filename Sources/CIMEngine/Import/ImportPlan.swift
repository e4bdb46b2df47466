internal import SpatialIndex

/// What is to become of every layer of every source: which table, which columns, which types. Made from the surveys
/// before anything is written.
struct ImportPlan {
  /// One table that rows go to.
  struct Table {
    var name: String
    /// As it is in the database, nil for a table to be made.
    var existing: StoredLayer?
    /// Every column but `id`: those of the database first, then new ones.
    var columns: [Catalog.Column]
    var kinds: Set<GeometryKind>
    var hasZ: Bool
    var hasSolids: Bool
    /// Index of a column -> the layer whose fid it keeps.
    var fidLinks: [Int: String] = [:]
    var sourceRows = 0
    /// Columns without any value so far: their type is open.
    var openColumns: Set<Int> = []
    /// By column with a closed list in the shipped schema: what the sources hold.
    var listed: [Int: ListedValues] = [:]

    /// nil for a table without geometry.
    var geometry: Catalog.GeometryColumn? {
      if let known = existing?.layer.geometry {
        var column = known
        // The registered type must hold what is there and what comes; any geometry stays any geometry.
        if let kind = known.kind { column.kind = GeometryKind.registered(for: kinds.union([kind])) }
        return column
      }
      return kinds.isEmpty ? nil : Catalog.GeometryColumn(kind: GeometryKind.registered(for: kinds), hasZ: hasZ)
    }
  }

  /// Where the rows of one layer of one source go.
  struct Feed {
    var table: Int
    /// For each of the source's columns, the table's.
    var columns: [Int]
  }

  var tables: [Table] = []
  /// By source, then by layer of its survey.
  var feeds: [[Feed]] = []
  /// Sources in the order in which they are to be read: what others refer to by fid comes first.
  var order: [Int] = []
  var links: [Catalog.Link] = []
  var warnings: [String] = []

  init(_ surveys: [SourceSurvey], state: StoredCatalog?, links: [Catalog.Link]) throws(LoadError) {
    for survey in surveys {
      var row: [Feed] = []
      for layer in survey.layers { row.append(try add(layer, of: survey, state: state)) }
      feeds.append(row)
    }
    for i in tables.indices { settleColumns(of: i) }
    settleLinks(state: state, links: links)
    settleOrder(surveys.count)
  }

  // MARK: - Tables

  private mutating func add(
    _ layer: SourceSurvey.Layer, of survey: SourceSurvey, state: StoredCatalog?
  ) throws(LoadError) -> Feed {
    let index = try table(for: layer, of: survey, state: state)
    tables[index].kinds.formUnion(layer.geometryKinds)
    tables[index].hasSolids = tables[index].hasSolids || layer.hasSolids
    tables[index].sourceRows += layer.featureCount
    let name = tables[index].name
    if layer.hasZ, let existing = tables[index].existing, let geometry = existing.layer.geometry, !geometry.hasZ {
      warn("\(survey.path): the heights of its geometry are left out, `\(name)` keeps x and y")
    }
    if layer.hasZ { tables[index].hasZ = true }

    var columns: [Int] = []
    for (i, column) in layer.columns.enumerated() {
      let at = place(column, isEmpty: layer.emptyColumns.contains(i), in: index, survey: survey)
      if let listed = layer.listed[i] {
        if tables[index].listed[at] == nil {
          tables[index].listed[at] = listed
        } else {
          tables[index].listed[at]!.add(listed)
        }
      }
      columns.append(at)
    }
    return Feed(table: index, columns: columns)
  }

  /// The table of a source's layer, made when there is none yet.
  private mutating func table(
    for layer: SourceSurvey.Layer, of survey: SourceSurvey, state: StoredCatalog?
  ) throws(LoadError) -> Int {
    let wanted = Self.tableName(layer.name)
    if wanted != layer.name.lowercased() { warn("\(survey.path): the layer `\(layer.name)` is named `\(wanted)`") }
    var name = wanted
    // Surfaces of a city model beside a layer of lines or points of that name.
    if survey.format.hasPrefix("CityJSON"), layer.name != "building", isOfOtherDimension(layer, than: name, state) {
      name += "_surface"
      warn("\(survey.path): `\(wanted)` has another type of geometry; these surfaces are the layer `\(name)`")
    }
    if let index = tables.firstIndex(where: { $0.name == name }) { return index }
    var table = Table(name: name, existing: nil, columns: [], kinds: [], hasZ: false, hasSolids: false)
    table.hasZ = CitySchema.layer(name)?.hasZ ?? false
    if let state, let found = state.index(of: name) {
      let existing = state.layers[found]
      try checkIsOurs(existing, state: state, path: survey.path)
      table.existing = existing
      table.name = existing.layer.name
      table.columns = Array(existing.layer.columns.dropFirst())
      if !layer.geometryKinds.isEmpty, existing.layer.geometry == nil {
        throw LoadError(
          path: survey.path, reason: .refused("has geometry, and the layer `\(name)` of the database has none"),
          fix: "import it into another layer: --layer NAME")
      }
    }
    tables.append(table)
    return tables.count - 1
  }

  private func isOfOtherDimension(_ layer: SourceSurvey.Layer, than name: String, _ state: StoredCatalog?) -> Bool {
    guard let own = layer.geometryKinds.map(\.dimension).max() else { return false }
    var others = tables.first { $0.name == name }?.kinds ?? []
    if others.isEmpty, let state, let found = state.index(of: name), let kind = state.layers[found].layer.geometry?.kind
    {
      others = [kind]
    }
    guard let other = others.map(\.dimension).max() else { return false }
    return other != own
  }

  /// Rows can be added to tables of cimq's own making only: with unique ids, in the database's CRS.
  private func checkIsOurs(_ layer: StoredLayer, state: StoredCatalog, path: String) throws(LoadError) {
    if layer.idColumn == nil {
      throw LoadError(
        path: path,
        reason: .refused("the layer `\(layer.layer.name)` was made by another program and has no unique `id`"),
        fix: "import into another layer: --layer NAME")
    }
    if let srid = layer.srid, srid != state.catalog.workingCRS.epsgCode {
      throw LoadError(
        path: path,
        reason: .refused(
          "the layer `\(layer.layer.name)` was made by another program in EPSG:\(srid), not in the database's CRS"),
        fix: "import into another layer: --layer NAME")
    }
  }

  /// A name that SpatiaLite takes and that is not one of the database's own tables.
  static func tableName(_ name: String) -> String {
    var result = ""
    for scalar in name.lowercased().unicodeScalars {
      let isBad = scalar.value < 0x20 || scalar == "\"" || scalar == "'" || scalar == "`"
      result.unicodeScalars.append(isBad ? "_" : scalar)
    }
    if result.isEmpty { result = "layer" }
    // No name that begins so is free to use in SQLite.
    if result.hasPrefix("sqlite_") { return "layer_" + result }
    return TableInspection.isSystemTable(result) || result.hasSuffix("_geometry") ? result + "_2" : result
  }

  // MARK: - Columns

  private mutating func place(
    _ column: Catalog.Column, isEmpty: Bool, in index: Int, survey: SourceSurvey
  ) -> Int {
    let name = column.name.lowercased()
    guard let found = tables[index].columns.firstIndex(where: { $0.name.lowercased() == name }) else {
      tables[index].columns.append(column)
      let added = tables[index].columns.count - 1
      if isEmpty { tables[index].openColumns.insert(added) }
      return added
    }
    let oldCount = (tables[index].existing?.layer.columns.count ?? 1) - 1
    if isEmpty || found < oldCount { return found }
    let known = tables[index].columns[found].type
    if tables[index].openColumns.remove(found) != nil {
      tables[index].columns[found].type = column.type
    } else if known != column.type {
      tables[index].columns[found].type = Self.common(known, column.type)
    }
    return found
  }

  /// The narrowest type that holds the values of both.
  static func common(_ a: ColumnType, _ b: ColumnType) -> ColumnType {
    if a == b { return a }
    switch Set([a, b]) {
    case [.int, .double]: return .double
    case [.date, .timestamp]: return .timestamp
    default: return .text
    }
  }

  /// Types of columns that no file has a value for, and what the shipped schema knows of the new ones.
  private mutating func settleColumns(of index: Int) {
    let name = tables[index].name
    let oldCount = (tables[index].existing?.layer.columns.count ?? 1) - 1
    for i in tables[index].columns.indices where i >= oldCount {
      if tables[index].openColumns.contains(i), let known = CitySchema.column(tables[index].columns[i].name, of: name) {
        tables[index].columns[i].type = known.type
      }
      var column = CitySchema.described(tables[index].columns[i], of: name)
      if let listed = tables[index].listed[i], let values = column.enumeration, !listed.isOfTheList {
        // Words of its own: the shipped list is not about this column.
        warn(
          "`\(name).\(column.name)` has values beside \(values.joined(separator: ", ")), such as "
            + "'\(listed.strangers.first ?? "")': any value is taken")
        column.enumeration = nil
        column.valueAliases = [:]
      }
      tables[index].columns[i] = column
    }
  }

  // MARK: - Links and order

  private mutating func settleLinks(state: StoredCatalog?, links: [Catalog.Link]) {
    func isKnown(_ layer: String) -> Bool { tables.contains { $0.name == layer } || state?.index(of: layer) != nil }
    var wanted: [Catalog.Link] = []
    for link in links + CitySchema.links {
      let isRepeated = wanted.contains {
        $0.layer.lowercased() == link.layer.lowercased() && $0.column.lowercased() == link.column.lowercased()
      }
      if !isRepeated { wanted.append(link) }
    }
    let fidLinks = CitySchema.links.filter { $0.targetColumn == "fid" }
    for var link in wanted {
      let layer = Self.tableName(link.layer)
      guard let index = tables.firstIndex(where: { $0.name.lowercased() == layer }),
        let column = tables[index].columns.firstIndex(where: { $0.name.lowercased() == link.column.lowercased() })
      else { continue }
      link.layer = tables[index].name
      link.column = tables[index].columns[column].name
      link.targetLayer = Self.tableName(link.targetLayer)
      let isLarge = fidLinks.contains { $0.layer == link.layer && $0.column == link.column }
      if isLarge && link.targetColumn == "id" { link.targetColumn = "fid" }
      if let existing = tables[index].existing {
        let kept = state?.catalog.links.first { $0.layer == existing.layer.name && $0.column == link.column }
        if let kept {
          if kept.targetColumn == "fid" { tables[index].fidLinks[column] = kept.targetLayer }
          continue
        }
        // A column that is there as text stays so.
        if link.targetColumn == "fid", column < existing.layer.columns.count - 1 { link.targetColumn = "id" }
      }
      if !isKnown(link.targetLayer) {
        if links.contains(where: { $0.layer == link.layer && $0.column == link.column }) {
          warnings.append("`\(link.layer).\(link.column)` names rows of `\(link.targetLayer)`, which is not there yet")
        }
        if link.targetColumn == "fid" { link.targetColumn = "id" }
      }
      if link.targetColumn == "fid" {
        tables[index].fidLinks[column] = link.targetLayer
        tables[index].columns[column].type = .text
      }
      self.links.append(link)
    }
  }

  /// Keeps the order of the sources, but reads what is referred to by fid before what refers to it.
  private mutating func settleOrder(_ count: Int) {
    var depths = [Int](repeating: 0, count: tables.count)
    for _ in tables.indices {
      for (i, table) in tables.enumerated() {
        for target in table.fidLinks.values {
          if let other = tables.firstIndex(where: { $0.name == target }), other != i {
            depths[i] = min(tables.count, max(depths[i], depths[other] + 1))
          }
        }
      }
    }
    func depth(_ source: Int) -> Int { feeds[source].map { depths[$0.table] }.max() ?? 0 }
    order = (0..<count).sorted { (depth($0), $0) < (depth($1), $1) }
  }

  private mutating func warn(_ text: String) { if !warnings.contains(text) { warnings.append(text) } }
}

extension GeometryKind {
  /// 0 for points, 1 for lines, 2 for polygons, 3 for collections, which go with nothing else.
  fileprivate var dimension: Int {
    switch self {
    case .point, .multiPoint: 0
    case .lineString, .multiLineString: 1
    case .polygon, .multiPolygon: 2
    case .geometryCollection: 3
    }
  }
}
