/// Makes features of city objects on the second pass.
struct CityJSONBuilder {
  let path: String
  private let survey: SourceSurvey
  private let values: ValueReader
  private var layers: [String: LayerBuilder] = [:]
  private var pending: [[Feature]]
  /// Vertices of the solids that wait in each layer.
  private var vertices: [Int]
  private let options: LoadOptions

  init(path: String, options: LoadOptions, survey: SourceSurvey, zone: ZoneInfo) {
    self.path = path
    self.options = options
    self.survey = survey
    values = ValueReader(zone: zone)
    pending = Array(repeating: [], count: survey.layers.count)
    vertices = Array(repeating: 0, count: survey.layers.count)
  }

  /// A batch ends early when its solids have so many vertices: detailed models would fill the memory otherwise.
  private static let vertexLimit = 100_000

  static func layerName(ofType type: String, options: LoadOptions) -> String {
    switch type {
    case "Building": options.layer ?? "building"
    case "BuildingPart": options.layer.map { $0 + "_part" } ?? "building_part"
    default: CityJSONUnit.layerName(ofType: type)
    }
  }

  mutating func add(
    _ unit: CityJSONUnit, _ place: SourcePlace, _ reader: inout CityJSONGeometryReader,
    without rejected: Set<SourcePlace>, _ body: (FeatureBatch) throws -> Void
  ) throws {
    // What a part has is wanted twice: by the building and by the part itself.
    var kept: [Int: [CityJSONGeometryReader.Result]] = [:]
    func geometry(_ index: Int, keep: Bool) throws(LoadError) -> [CityJSONGeometryReader.Result] {
      if let known = kept.removeValue(forKey: index) { return known }
      let object = unit.objects[index]
      var results: [CityJSONGeometryReader.Result] = []
      for json in object.geometry?.elements ?? JSON.Elements(base: object.json, at: 0, end: 0) {
        do throws(GeometryFault) {
          results.append(try reader.read(json, object: object.id, vertices: unit.vertices))
        } catch {
          throw LoadError.inUnit(path, place, object.id, error.message)
        }
      }
      if keep { kept[index] = results }
      return results
    }
    for index in unit.objects.indices {
      let object = unit.objects[index]
      if !rejected.isEmpty, rejected.contains(.object(object.id)) { continue }
      let isBuilding = object.type == "Building"
      var feature = try self.feature(object, unit, place)
      for member in isBuilding ? unit.family(of: index) : [index] {
        let results = try geometry(member, keep: isBuilding ? member != index : false)
        for case .surfaces(let solid) in results where !solid.surfaces.isEmpty { feature.solids.append(solid) }
        if member == index { feature.geometry = Self.bestShape(results) }
      }
      let layer = layers[object.type]!.layer
      if !feature.solids.isEmpty {
        feature.geometry = nil
      } else if !survey.layers[layer].hasZ {
        feature.geometry?.z = []
      }
      vertices[layer] += feature.solids.reduce(0) { $0 + $1.surfaces.vertexCount }
      pending[layer].append(feature)
      if pending[layer].count == CityJSON.batchSize || vertices[layer] >= Self.vertexLimit {
        try flush(layer, body)
      }
    }
  }

  mutating func flush(_ body: (FeatureBatch) throws -> Void) throws {
    for layer in pending.indices where !pending[layer].isEmpty { try flush(layer, body) }
  }

  private mutating func flush(_ layer: Int, _ body: (FeatureBatch) throws -> Void) throws {
    try body(FeatureBatch(layer: layer, features: pending[layer]))
    pending[layer].removeAll(keepingCapacity: true)
    vertices[layer] = 0
  }

  /// The points or lines of the highest LoD.
  private static func bestShape(_ results: [CityJSONGeometryReader.Result]) -> Geometry? {
    var best: (lod: Double, shape: Geometry)? = nil
    for case .shape(let shape, let lod) in results where !shape.isEmpty {
      let level = Double(lod) ?? -1
      if best == nil || level > best!.lod { best = (level, shape) }
    }
    return best?.shape
  }

  private mutating func feature(
    _ object: CityJSONUnit.Object, _ unit: CityJSONUnit, _ place: SourcePlace
  ) throws(LoadError) -> Feature {
    if layers[object.type] == nil {
      let name = Self.layerName(ofType: object.type, options: options)
      guard
        let index = survey.layers.firstIndex(where: { $0.name == name })
          ?? survey.layers.firstIndex(where: { $0.name == options.layer })
      else { throw LoadError.changed(path, .object(object.id)) }
      layers[object.type] = LayerBuilder(layer: index, survey.layers[index], type: object.type)
    }
    let row = try layers[object.type]!.row(object, unit, values, path)
    return Feature(id: object.id, values: row, geometry: nil, place: .object(object.id))
  }
}

/// Puts the attributes of one layer's objects into its columns.
private struct LayerBuilder {
  let layer: Int
  private let columns: [Catalog.Column]
  private let keys: [BuildingColumns.Key]
  private let own: ColumnTable
  private let firstOwn: Int
  private let parentColumn: Int?
  /// Every attribute name met so far, and where its value goes.
  private var names = ColumnTable()
  private var targets: [Target] = []

  private struct Target {
    var column: Int
    var key: Int?
    /// Of several attributes that fill one key column the lowest rank wins.
    var rank: Int
  }

  init(layer: Int, _ survey: SourceSurvey.Layer, type: String) {
    self.layer = layer
    columns = survey.columns
    keys = BuildingColumns.keys(ofType: type) ?? []
    parentColumn = columns.first.map { $0.name == "parent" && survey.sourceNames[0].isEmpty } == true ? 0 : nil
    firstOwn = keys.isEmpty ? (parentColumn == nil ? 0 : 1) : keys.count
    own = ColumnTable(names: Array(survey.sourceNames[firstOwn...]))
  }

  private mutating func target(_ key: JSONText) -> Target {
    let index = names.index(of: key)
    if index == targets.count {
      let found = own.find(key)
      let lower = key.string.lowercased()
      var target = Target(column: found >= 0 ? firstOwn + found : -1, key: nil, rank: 0)
      for (i, candidate) in keys.enumerated() {
        if candidate.column.name == lower {
          target.key = i
        } else if let rank = candidate.sources.firstIndex(of: lower) {
          target.key = i
          target.rank = rank + 1
        }
      }
      targets.append(target)
    }
    return targets[index]
  }

  mutating func row(
    _ object: CityJSONUnit.Object, _ unit: CityJSONUnit, _ values: ValueReader, _ path: String
  ) throws(LoadError) -> [Value] {
    var row = [Value](repeating: .null, count: columns.count)
    var ranks = [Int](repeating: .max, count: keys.count)
    try object.forEachAttribute { (name, json) throws(LoadError) in
      let target = target(name)
      if target.column >= 0 {
        guard let value = values.forced(json, as: columns[target.column].type) else {
          throw LoadError.changed(path, .object(object.id))
        }
        row[target.column] = value
      }
      if let key = target.key, target.rank <= ranks[key], !json.isNull,
        let value = values.forced(json, as: columns[key].type)
      {
        if let range = keys[key].range, let number = value.number, !range.contains(number) { return }
        row[key] = value
        ranks[key] = target.rank
      }
    }
    if let parentColumn, row[parentColumn].isNull, let parent = Self.parent(of: object, in: unit) {
      row[parentColumn] = .text(parent)
    }
    return row
  }

  /// The parent that is no group, else the first.
  private static func parent(of object: CityJSONUnit.Object, in unit: CityJSONUnit) -> String? {
    object.parents.first { id in
      guard let at = unit.indices[id] else { return false }
      return unit.objects[at].type != "CityObjectGroup"
    } ?? object.parents.first
  }
}
