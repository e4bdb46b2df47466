/// The columns of flat formats: those of the result, a returned point layer's geometry as `lon` and `lat`,
/// any other geometry as WKT. Coordinates come out in the CRS of the output.
struct OutputColumns {
  enum Cell {
    case value
    case longitude, latitude
    case wkt
  }
  struct Column {
    var name: String
    var source: Int
    var cell: Cell
    var type: ColumnType?
    /// What values are shown as, in Chinese tables.
    var valueNames: [String: String] = [:]
  }
  private(set) var columns: [Column] = []
  private var transform: ShapeTransform

  init(_ header: ResultHeader, catalog: Catalog, options: OutputOptions) throws {
    transform = try ShapeTransform(from: header.crs, options: options)
    var names = Set(header.columns.map(\.name))
    for (index, column) in header.columns.enumerated() {
      guard column.type == .geometry else {
        let name = options.chinese ? catalog.chineseName(of: column) : column.name
        let values = options.chinese ? catalog.chineseValues(of: column) : [:]
        columns.append(Column(name: name, source: index, cell: .value, type: column.type, valueNames: values))
        continue
      }
      if catalog.isPoint(column), !names.contains("lon"), !names.contains("lat") {
        names.formUnion(["lon", "lat"])
        columns.append(
          Column(name: options.chinese ? "经度" : "lon", source: index, cell: .longitude, type: .double))
        columns.append(Column(name: options.chinese ? "纬度" : "lat", source: index, cell: .latitude, type: .double))
      } else {
        columns.append(Column(name: column.name, source: index, cell: .wkt, type: .text))
      }
    }
  }

  /// Without the columns of the result that a page leaves out.
  mutating func leaveOut(_ sources: Set<Int>) { columns.removeAll { sources.contains($0.source) } }

  /// The batch with its geometries in the CRS of the output.
  func prepared(_ batch: RowBatch) throws -> RowBatch {
    var batch = batch
    for column in columns where column.cell == .wkt || column.cell == .longitude {
      guard case .geometry(var shapes) = batch.columns[column.source].storage else { continue }
      for i in shapes.indices where shapes[i] != nil { try transform.apply(&shapes[i]!) }
      batch.columns[column.source].storage = .geometry(shapes)
    }
    return batch
  }

  /// The geometry that a non-value cell is made of, or nil for NULL and for empty points.
  func shape(_ column: Column, _ batch: RowBatch, _ row: Int) -> Geometry? {
    guard case .geometry(let shapes) = batch.columns[column.source].storage, let shape = shapes[row] else { return nil }
    return column.cell != .wkt && shape.isEmpty ? nil : shape
  }

  var decimals: Int { transform.decimals }
}

/// Brings shapes from the working CRS into that of the output.
struct ShapeTransform {
  private let transform: CRSTransform?
  let crs: CRS
  let decimals: Int

  init(from source: CRS, options: OutputOptions) throws(CRSError) {
    crs = options.crs
    transform = source == crs ? nil : try CRSTransform.between(source, crs)
    if let precision = options.precision {
      decimals = min(max(precision, 0), 9)
    } else if crs == .wgs84 || crs == .cgcs2000 || crs.isOffsetSystem {
      decimals = 7
    } else {
      decimals = try CRSInfo.lookup(crs).isGeographic ? 7 : 3
    }
  }

  func apply(_ shape: inout Geometry) throws {
    if let transform { try transform.apply(&shape) }
  }
}

extension Catalog {
  func column(_ origin: ResultColumn.Origin?) -> Column? {
    guard let origin, let layer = layers.first(where: { $0.name == origin.layer }) else { return nil }
    return layer.columns.first { $0.name == origin.column }
  }

  /// True when every geometry of the column is a point: the geometry column of a point layer, as it is.
  func isPoint(_ column: ResultColumn) -> Bool {
    guard let origin = column.origin, let layer = layers.first(where: { $0.name == origin.layer }) else { return false }
    return layer.geometry?.name == origin.column && layer.geometry?.kind == .point
  }

  /// Columns that cimq itself adds to results.
  private static let chineseNamesOfResults = [
    "distance": "距离", "count": "数量", "bearing": "方位", "free": "空余", "lon": "经度", "lat": "纬度",
    "section": "部分", "title": "标题", "layer": "图层", "phone": "电话", "value": "数值", "detail": "说明", "id": "编号",
    "name": "名称", "scenario": "情景", "total": "总数", "wet": "被淹", "unsure": "存疑", "dry": "未淹", "unknown": "不明",
    "max_depth": "最大水深", "wet_floors": "被淹楼层", "depth": "水深", "state": "状态", "water_level": "水位",
    "age_band": "年龄段", "people": "人数", "capacity": "容量", "person_metres": "人·米", "method": "方式", "rows": "行数",
  ]

  /// Values of columns that cimq itself adds to results.
  private static let chineseValuesOfResults = [
    "state": ["wet": "被淹", "unsure": "存疑", "dry": "未淹", "unknown": "不明", "inside": "在范围内"],
    "method": ["inside": "位于", "nearest": "最近", "none": "无"],
  ]

  /// Chinese names for the values of a column that has a closed list of them; empty for any other.
  func chineseValues(of column: ResultColumn) -> [String: String] {
    if column.origin == nil {
      return column.chineseValues.isEmpty ? Self.chineseValuesOfResults[column.name] ?? [:] : column.chineseValues
    }
    guard let origin = column.origin, let known = self.column(origin), known.enumeration != nil else { return [:] }
    let shipped = CitySchema.column(known.name, of: origin.layer)?.valueNames ?? [:]
    var result: [String: String] = [:]
    for (alias, value) in known.valueAliases.sorted(by: { ($0.key.count, $0.key) < ($1.key.count, $1.key) }) {
      if let name = shipped[value], known.valueAliases[name] == value {
        result[value] = name
      } else if result[value] == nil, alias.unicodeScalars.contains(where: \.isCJK) {
        result[value] = alias
      }
    }
    return result
  }

  /// Chinese names for the values of all columns of a layer.
  func chineseValues(ofLayer index: Int) -> [String: String] {
    let layer = layers[index]
    return layer.columns.reduce(into: [:]) { result, column in
      let origin = ResultColumn.Origin(layer: layer.name, column: column.name)
      let values = chineseValues(of: ResultColumn(name: column.name, type: column.type, origin: origin))
      result.merge(values) { old, _ in old }
    }
  }

  /// The first Chinese alias of the column a result column comes from, when it still has that column's name.
  func chineseName(of column: ResultColumn) -> String {
    if column.origin == nil, let name = Self.chineseNamesOfResults[column.name] { return name }
    guard let known = self.column(column.origin), known.name == column.name else {
      let name = pathName(column.name) ?? layers.first { $0.name == column.name }?.aliases.first
      return name ?? (column.origin == nil ? computedName(column.name) : nil) ?? column.name
    }
    return known.aliases.first ?? column.name
  }

  /// `unit.building.use` as 房屋.建筑.用途: a path along links, or a column told apart by its layer.
  private func pathName(_ name: String) -> String? {
    let parts = name.split(separator: ".").map(String.init)
    guard parts.count > 1 else { return nil }
    var layer: Layer?
    var result: [String] = []
    for (i, part) in parts.enumerated() {
      // A link is called after what it leads to.
      if let own = layer?.columns.first(where: { $0.name == part }), i == parts.count - 1 {
        result.append(own.aliases.first ?? part)
      } else if let next = layers.first(where: { $0.name == part }) {
        layer = next
        result.append(next.aliases.first ?? part)
      } else {
        return nil
      }
    }
    return result.joined(separator: ".")
  }

  /// `avg_height` as 平均高度, `area_geom_ha` as 面积几何（公顷）; nil for a name that the binder did not make of a function.
  private func computedName(_ name: String) -> String? {
    let called = Words.functions.filter { name.hasPrefix($0.name.lowercased() + "_") }
    guard let function = called.max(by: { $0.name.count < $1.name.count }), let chinese = function.chinese.first else {
      return nil
    }
    var rest = name.dropFirst(function.name.count + 1)
    var unit = ""
    for known in Words.units where rest.hasSuffix("_" + known.name) {
      rest = rest.dropLast(known.name.count + 1)
      unit = known.spellings.first { $0.unicodeScalars.contains(where: \.isCJK) }.map { "（\($0)）" } ?? ""
      break
    }
    let column = layers.lazy.flatMap(\.columns).first { $0.name == rest }
    guard let known = column?.aliases.first ?? (rest == "geom" ? "几何" : nil) else { return nil }
    return chinese + known + unit
  }
}
