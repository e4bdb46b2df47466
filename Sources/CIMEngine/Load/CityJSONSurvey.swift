internal import SpatialIndex

/// Gathers what a first pass over city objects finds.
struct CityJSONSurvey {
  let path: String
  let options: LoadOptions
  private var layers: [LayerState] = []
  private var byType: [String: Int] = [:]
  private var warnings = LoadWarnings()
  private var forcedZone = ZoneInfo.utc

  private struct LayerState {
    var type: String
    var table: ColumnTable
    var count = 0
    var hasParents = false
    var hasSurfaces = false
    var shapeKinds: Set<GeometryKind> = []
    var extent = Extent()

    init(type: String, options: LoadOptions) {
      self.type = type
      var columns: [String: String] = [:]
      for key in BuildingColumns.keys(ofType: type) ?? [] {
        for source in key.sources { columns[source] = key.column.name }
      }
      table = ColumnTable(layer: CityJSONBuilder.layerName(ofType: type, options: options), columnOfName: columns)
    }
  }

  init(path: String, options: LoadOptions) {
    self.path = path
    self.options = options
    // Buildings come first whatever the order of the file.
    for type in ["Building", "BuildingPart"] {
      byType[type] = layers.count
      layers.append(LayerState(type: type, options: options))
    }
  }

  /// Adds what the objects tell, but for those set aside.
  ///
  /// - Returns: the objects that are wrong, by id.
  mutating func add(
    _ unit: CityJSONUnit, _ place: SourcePlace, _ reader: inout CityJSONGeometryReader, without rejected: Rejections
  ) throws(LoadError) -> [(id: String, error: LoadError)] {
    var errors: [(id: String, error: LoadError)] = []
    for fault in unit.faults {
      guard let id = fault.object, !rejected.contains(.object(id)) else { continue }
      errors.append((id, .inUnit(path, place, id, fault.message)))
    }
    for missing in unit.missingChildren where !rejected.contains(.object(missing.parent)) {
      warnings.count("a child that is named is not in the file", at: .object(missing.parent))
    }
    var extents = [Extent](repeating: Extent(), count: unit.objects.count)
    for index in unit.objects.indices where !rejected.contains(.object(unit.objects[index].id)) {
      do throws(LoadError) {
        try add(unit, index, place, &reader, &extents)
      } catch {
        errors.append((unit.objects[index].id, error))
      }
    }
    // A building's geometry is its own and its descendants'.
    for index in unit.objects.indices where unit.objects[index].type == "Building" {
      for member in unit.family(of: index) { layers[0].extent.add(extents[member]) }
    }
    return errors
  }

  private mutating func add(
    _ unit: CityJSONUnit, _ index: Int, _ place: SourcePlace, _ reader: inout CityJSONGeometryReader,
    _ extents: inout [Extent]
  ) throws(LoadError) {
    let object = unit.objects[index]
    let at = layerIndex(object.type, object.id)
    layers[at].count += 1
    if !object.parents.isEmpty { layers[at].hasParents = true }
    let number = layers[at].count
    let spot = SourcePlace.object(object.id)
    try object.forEachAttribute { (key, value) throws(LoadError) in
      let column = layers[at].table.index(of: key)
      if layers[at].table.note(value, column: column, object: number, place: spot) {
        warnings.count("an attribute appears twice in an object; the last one counts", at: spot)
      }
      if let type = options.type(ofColumn: layers[at].table.profiles[column].name),
        ValueReader(zone: forcedZone).forced(value, as: type) == nil
      {
        throw LoadError.inUnit(
          path, place, object.id,
          "`\(key.string)` is to be \(type.rawValue), but the value is "
            + "\(value.text.map { "'\($0.string)'" } ?? value.scalarText)")
      }
    }
    guard layers[at].table.count <= ColumnTable.limit else {
      throw LoadError.inUnit(path, place, object.id, "more than \(ColumnTable.limit) different attributes")
    }
    try addGeometry(unit, index, at, place, &reader, &extents[index])
    layers[at].extent.add(extents[index])
  }

  private mutating func layerIndex(_ type: String, _ id: String) -> Int {
    if let known = byType[type] { return known }
    if !type.hasPrefix("+"), !CityJSONUnit.knownTypes.contains(type) {
      warnings.count("`\(type)` is no type of CityJSON; taken as a layer of its own", at: .object(id))
    }
    // Two types may share a layer's name: `+Road` and `Road`.
    let name = CityJSONUnit.layerName(ofType: type)
    let index = layers.firstIndex { CityJSONUnit.layerName(ofType: $0.type) == name } ?? layers.count
    if index == layers.count { layers.append(LayerState(type: type, options: options)) }
    byType[type] = index
    return index
  }

  private mutating func addGeometry(
    _ unit: CityJSONUnit, _ index: Int, _ layer: Int, _ place: SourcePlace, _ reader: inout CityJSONGeometryReader,
    _ extent: inout Extent
  ) throws(LoadError) {
    let object = unit.objects[index]
    var number = 0
    for json in object.geometry?.elements ?? JSON.Elements(base: object.json, at: 0, end: 0) {
      number += 1
      let result: CityJSONGeometryReader.Result
      do throws(GeometryFault) {
        result = try reader.read(json, object: object.id, vertices: unit.vertices)
      } catch {
        throw LoadError.inUnit(path, place, object.id, "geometry \(number): \(error.message)")
      }
      for (remark, message) in CityJSONGeometryReader.Remarks.messages where reader.remarks.contains(remark) {
        warnings.count(message, at: .object(object.id))
      }
      switch result {
      case .surfaces(let solid):
        if !solid.surfaces.isEmpty { layers[layer].hasSurfaces = true }
        extent.add(solid.surfaces)
      case .shape(let shape, _):
        if !shape.isEmpty { layers[layer].shapeKinds.insert(shape.kind) }
        extent.add(shape)
      }
    }
  }

  func finish(_ header: CityJSONHeader, format: String, byteCount: Int) throws(LoadError) -> SourceSurvey {
    var warnings = self.warnings
    for warning in header.warnings { warnings.add(warning) }
    var stated: CRS? = nil
    switch header.crs {
    case .absent: break
    case .named(let crs): stated = crs
    case .unreadable(let text):
      guard options.forceCRS != nil else {
        throw LoadError(
          path: path, reason: .refused("states a CRS that is not known here: \(text)"),
          fix: "name the right one with --force-crs, such as --force-crs EPSG:7415")
      }
    }
    let (crs, crsWarnings) = options.resolveCRS(stated: stated, assumed: nil)
    for warning in crsWarnings { warnings.add(warning) }
    var survey = SourceSurvey(
      path: path, format: "\(format) \(header.version)", statedCRS: stated, layers: [], byteCount: byteCount)
    survey.crs = crs
    let used = layers.filter { $0.count > 0 }
    let hasBuildings = layers[0].count + layers[1].count > 0
    for layer in used {
      var name = CityJSONBuilder.layerName(ofType: layer.type, options: options)
      if !hasBuildings, let given = options.layer {
        if used.count == 1 {
          name = given
        } else {
          warnings.add("holds objects of several types and no buildings; each keeps its own layer's name")
        }
      }
      survey.layers.append(finish(layer, name: name, hasBuildings: hasBuildings, &warnings))
    }
    survey.warnings = warnings.messages
    return survey
  }

  private func finish(
    _ state: LayerState, name: String, hasBuildings: Bool, _ warnings: inout LoadWarnings
  ) -> SourceSurvey.Layer {
    var layer = SourceSurvey.Layer(name: name, featureCount: state.count, extent: state.extent.box)
    var names = ColumnNames()
    let keys = BuildingColumns.keys(ofType: state.type) ?? []
    for key in keys {
      layer.columns.append(key.column)
      layer.sourceNames.append("")
      _ = names.claim(key.column.name)
    }
    if keys.isEmpty, state.hasParents {
      layer.columns.append(Catalog.Column(name: names.claim("parent"), type: .text))
      layer.sourceNames.append("")
    }
    for (index, profile) in state.table.profiles.enumerated() {
      let type = options.type(ofColumn: profile.name) ?? state.table.type(of: index)
      if let listed = profile.listed {
        let name = profile.name.lowercased()
        let key = keys.firstIndex { $0.column.name == name || $0.sources.contains(name) }
        if let key {
          if layer.listed[key] == nil { layer.listed[key] = listed } else { layer.listed[key]!.add(listed) }
        } else {
          layer.listed[layer.columns.count] = listed
        }
      }
      let own = keys.first { $0.column.name == profile.name.lowercased() }
      if let own, own.takes(type) || profile.isEmpty { continue }
      if profile.seen.contains(.nulCharacter) {
        warnings.add("`\(profile.name)` holds the character U+0000, which is left out")
      }
      if profile.isEmpty, options.type(ofColumn: profile.name) == nil {
        layer.emptyColumns.insert(layer.columns.count)
      }
      layer.columns.append(Catalog.Column(name: names.claim(profile.name), type: type))
      layer.sourceNames.append(profile.name)
    }
    for warning in names.warnings { warnings.add("layer `\(name)`: \(warning)") }
    layer.geometryKinds = state.shapeKinds
    layer.hasZ = !state.shapeKinds.isEmpty && !state.hasSurfaces
    // A building may have its surfaces from its parts alone.
    let hasSurfaces = state.type == "Building" ? layers.contains { $0.hasSurfaces } : state.hasSurfaces
    if hasSurfaces {
      layer.geometryKinds.insert(.multiPolygon)
      layer.hasSolids = state.type != "BuildingPart"
    }
    return layer
  }
}

extension CityJSONUnit.Object {
  /// Everything that becomes a column: the address, what extensions add, then the attributes, which come last so that
  /// they win.
  func forEachAttribute<E: Error>(_ body: (JSONText, JSON) throws(E) -> Void) throws(E) {
    if let address { try body(Self.addressKey, address) }
    for (key, value) in others { try body(key, value) }
    guard let attributes else { return }
    for (key, value) in attributes.members { try body(key, value) }
  }

  private static var addressKey: JSONText {
    let word: StaticString = "address"
    return JSONText(start: word.utf8Start, count: word.utf8CodeUnitCount)
  }
}
