internal import Glibc
internal import SpatialIndex

/// Gathers what a first pass over GeoJSON features finds.
struct GeoJSONSurvey {
  let path: String
  let options: LoadOptions
  private let layer: String
  private var table: ColumnTable
  private var warnings = LoadWarnings()
  private var reader = GeoJSONGeometryReader(remarking: true)
  private var kinds: Set<GeometryKind> = []
  private var hasZ = false
  private var extent = Extent()
  private var count = 0
  private var numberedCount = 0
  private var idDiffers = false
  private var firstBeyond: (place: SourcePlace, x: Double, y: Double)?
  private var beyondCount = 0
  private var zone = ZoneInfo.utc
  private var forced: [ColumnType?] = []

  init(path: String, layer: String, options: LoadOptions) {
    self.path = path
    self.layer = layer
    self.options = options
    table = ColumnTable(layer: layer)
  }

  mutating func add(_ item: GeoJSONFeatures.Item) throws(LoadError) {
    count += 1
    let place = item.place
    let members = try GeoJSONMembers(item, path: path)
    if members.isRepeated { warnings.count("a member appears twice in a feature; the last one counts", at: place) }
    if members.geometry == nil { warnings.count("a feature has no member `geometry`; it is taken as null", at: place) }
    var idProperty: JSON? = nil
    if let properties = members.properties {
      var hint = 0
      for (key, value) in properties.members {
        let column = table.index(of: key, hint: hint)
        hint = column + 1
        if column == forced.count { try addColumn(key.string) }
        if table.note(value, column: column, object: count, place: place) {
          warnings.count("the property `\(key.string)` appears twice in a feature; the last one counts", at: place)
        }
        if let type = forced[column] { try check(value, key.string, type, place) }
        if Self.isID(key), idProperty == nil || key == "id" { idProperty = value }
      }
    }
    try addID(members.id, idProperty, place)
    try addGeometry(members.geometry, place)
  }

  @inline(__always)
  static func isID(_ key: JSONText) -> Bool {
    key.count == 2 && key.start[0] | 0x20 == UInt8(ascii: "i") && key.start[1] | 0x20 == UInt8(ascii: "d")
  }

  private mutating func addColumn(_ name: String) throws(LoadError) {
    forced.append(options.type(ofColumn: name))
    guard table.count <= ColumnTable.limit else {
      throw LoadError(
        path: path, reason: .refused("has more than \(ColumnTable.limit) different properties"),
        fix: "a property named by data (such as a date) belongs into a value")
    }
  }

  private func check(_ value: JSON, _ name: String, _ type: ColumnType, _ place: SourcePlace) throws(LoadError) {
    guard ValueReader(zone: zone).forced(value, as: type) == nil else { return }
    throw LoadError(
      path: path, place: place,
      reason: .malformed(
        "`\(name)` is to be \(type.rawValue), but the value is \(value.text.map { "'\($0.string)'" } ?? value.kindName)"
      ))
  }

  private mutating func addID(_ member: JSON?, _ property: JSON?, _ place: SourcePlace) throws(LoadError) {
    func text(_ value: JSON?, _ what: String) throws(LoadError) -> String? {
      guard let value else { return nil }
      if let text = GeoJSONMembers.idText(value) { return text }
      throw LoadError(
        path: path, place: place, reason: .malformed("\(what) is \(value.kindName); it must be text or a number"))
    }
    let (own, other) = (try text(member, "the feature's `id`"), try text(property, "the property `id`"))
    if let own, let other, own != other { idDiffers = true }
    if own == nil, other == nil {
      numberedCount += 1
      warnings.count("a feature has no id; it gets its number in the file", at: place)
    }
  }

  private mutating func addGeometry(_ json: JSON?, _ place: SourcePlace) throws(LoadError) {
    guard let json else { return }
    let found: Bool
    do throws(GeometryFault) { found = try reader.read(json) } catch {
      throw LoadError(path: path, place: place, reason: .malformed(error.message))
    }
    if !reader.remarks.isEmpty {
      for (remark, message) in GeoJSONGeometryReader.Remarks.messages where reader.remarks.contains(remark) {
        warnings.count(message, at: place)
      }
    }
    guard found else { return }
    kinds.insert(reader.geometry.kind)
    if !hasZ { hasZ = reader.geometry.hasZ }
    var box = Extent()
    box.add(reader.geometry)
    if box.x0 < -180.0001 || box.x1 > 180.0001 || box.y0 < -90.0001 || box.y1 > 90.0001 {
      beyondCount += 1
      if firstBeyond == nil { firstBeyond = (place, box.x0 < -180 ? box.x0 : box.x1, box.y0 < -90 ? box.y0 : box.y1) }
    }
    extent.add(box)
  }

  func finish(
    stated: CRS?, assumed: CRS?, format: String, byteCount: Int, notes: [String]
  ) -> SourceSurvey {
    var warnings = self.warnings
    for note in notes { warnings.add(note) }
    let (crs, crsWarnings) = options.resolveCRS(stated: stated, assumed: assumed)
    for warning in crsWarnings { warnings.add(warning) }
    if let crs, crs == .wgs84 || crs == .cgcs2000 || crs.isOffsetSystem, let firstBeyond {
      warnings.add(
        "\(beyondCount) of \(count) features lie outside longitude ±180 and latitude ±90 (first \(firstBeyond.place): "
          + "\(firstBeyond.x), \(firstBeyond.y))"
          + (stated == nil && options.crs == nil ? "; if these are metres, name their CRS with --crs" : ""))
    }
    var names = ColumnNames()
    var result = SourceSurvey.Layer(
      name: layer, geometryKinds: kinds, hasZ: hasZ, featureCount: count, extent: extent.box)
    result.numberedCount = numberedCount
    let idColumn = idColumnIndex
    if let idColumn { result.idColumn = table.profiles[idColumn].name }
    for (index, profile) in table.profiles.enumerated() {
      // A property `id` that says what the feature's id says needs no column.
      if index == idColumn, !idDiffers { continue }
      if profile.seen.contains(.nulCharacter) {
        warnings.add("`\(profile.name)` holds the character U+0000, which is left out")
      }
      if let listed = profile.listed { result.listed[result.columns.count] = listed }
      if profile.isEmpty, forced[index] == nil { result.emptyColumns.insert(result.columns.count) }
      result.columns.append(
        Catalog.Column(name: names.claim(profile.name), type: forced[index] ?? table.type(of: index)))
      result.sourceNames.append(profile.name)
      if profile.seen.contains(.bigInt), forced[index] == nil {
        warnings.add("`\(profile.name)` holds integers beyond 64 bits with sign; the column is text")
      }
    }
    for warning in names.warnings { warnings.add(warning) }
    var survey = SourceSurvey(
      path: path, format: format, statedCRS: stated, layers: [result], warnings: warnings.messages,
      byteCount: byteCount)
    survey.crs = crs
    return survey
  }

  /// Columns that the shipped schema knows as numbers and that hold texts: in a shipped layer any of its own columns, in
  /// others those that hold numbers but for a few texts. By name, the type that those texts fail.
  var typesOfOutliers: [String: ColumnType] {
    var types: [String: ColumnType] = [:]
    for (index, profile) in table.profiles.enumerated() where forced[index] == nil {
      guard profile.textCount > 0, table.type(of: index) == .text,
        let known = CitySchema.column(profile.name, of: layer)?.type, known == .int || known == .double,
        profile.numberCount >= profile.textCount * 9 || CitySchema.fixesType(of: profile.name, in: layer)
      else { continue }
      types[profile.name] = profile.seen.contains(.double) ? .double : known
    }
    return types
  }

  /// The property that gives ids: `id`, else the first that equals it up to case.
  private var idColumnIndex: Int? {
    table.profiles.firstIndex { $0.name == "id" } ?? table.profiles.firstIndex { $0.name.lowercased() == "id" }
  }
}

/// Makes features of GeoJSON on the second pass.
struct GeoJSONBuilder {
  let path: String
  let layer: SourceSurvey.Layer
  private let table: ColumnTable
  private let types: [ColumnType]
  private let values: ValueReader
  private var reader = GeoJSONGeometryReader(remarking: false)

  init(path: String, layer: SourceSurvey.Layer, zone: ZoneInfo) {
    self.path = path
    self.layer = layer
    table = ColumnTable(names: layer.sourceNames)
    types = layer.columns.map(\.type)
    values = ValueReader(zone: zone)
  }

  mutating func feature(_ item: GeoJSONFeatures.Item) throws(LoadError) -> Feature {
    let members = try GeoJSONMembers(item, path: path)
    var row = [Value](repeating: .null, count: types.count)
    var idProperty: JSON? = nil
    if let properties = members.properties {
      var hint = 0
      for (key, value) in properties.members {
        if GeoJSONSurvey.isID(key), key.string == layer.idColumn { idProperty = value }
        let column = table.find(key, hint: hint)
        guard column >= 0 else { continue }
        hint = column + 1
        if let read = values.value(value, as: types[column]) {
          row[column] = read
        } else if let read = values.forced(value, as: types[column]) {
          row[column] = read
        } else {
          throw LoadError.changed(path, item.place)
        }
      }
    }
    var id = members.id.flatMap { GeoJSONMembers.idText($0) ?? nil }
    if id == nil { id = idProperty.flatMap { GeoJSONMembers.idText($0) ?? nil } }
    var geometry: Geometry? = nil
    if let json = members.geometry {
      do throws(GeometryFault) { if try reader.read(json) { geometry = reader.copy() } } catch {
        throw LoadError(path: path, place: item.place, reason: .malformed(error.message))
      }
    }
    var feature = Feature(id: id ?? String(item.number), values: row, geometry: geometry, place: item.place)
    feature.isNumbered = id == nil
    return feature
  }
}

/// A growing bounding box of coordinates.
struct Extent {
  var x0 = Double.infinity
  var y0 = Double.infinity
  var x1 = -Double.infinity
  var y1 = -Double.infinity

  var box: Box2? { x0 <= x1 ? Box2(min: [x0, y0], max: [x1, y1]) : nil }

  mutating func add(_ geometry: Geometry) {
    for member in geometry.members { add(member) }
    geometry.xy.withUnsafeBufferPointer { xy in
      var i = 0
      while i + 1 < xy.count {
        add(xy[i], xy[i + 1])
        i += 2
      }
    }
  }

  @inline(__always)
  mutating func add(_ x: Double, _ y: Double) {
    x0 = min(x0, x); x1 = max(x1, x)
    y0 = min(y0, y); y1 = max(y1, y)
  }

  mutating func add(_ other: Extent) {
    x0 = min(x0, other.x0); x1 = max(x1, other.x1)
    y0 = min(y0, other.y0); y1 = max(y1, other.y1)
  }
}

extension LoadError {
  /// The second pass met what the first did not.
  static func changed(_ path: String, _ place: SourcePlace) -> LoadError {
    LoadError(path: path, place: place, reason: .refused("the file was changed while it was read"), fix: "run it again")
  }
}
