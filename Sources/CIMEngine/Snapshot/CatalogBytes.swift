internal import SpatialIndex

// The catalogue as bytes of a directory or manifest: read in microseconds, so that a one-shot query need not ask the
// store for it.

extension Catalog {
  func write(to bytes: inout SnapshotBytes) {
    bytes.put(databaseID)
    bytes.put(workingCRS.authority)
    bytes.put(workingCRS.code)
    bytes.put(isGeographic)
    bytes.put(optional: notice) { $0.put($1) }
    bytes.put(UInt32(layers.count))
    for layer in layers { layer.write(to: &bytes) }
    bytes.put(UInt32(links.count))
    for link in links {
      bytes.put([link.layer, link.column, link.targetLayer, link.targetColumn])
    }
  }

  static func read(from reader: inout SnapshotReader) throws(SnapshotDamage) -> Catalog {
    var catalog = Catalog(
      databaseID: try reader.getString(),
      workingCRS: CRS(authority: try reader.getString(), code: try reader.getString()),
      isGeographic: try reader.getBool())
    catalog.notice = try reader.getOptional { (reader) throws(SnapshotDamage) in try reader.getString() }
    for _ in 0..<(try reader.getCount(bytesEach: 4)) { catalog.layers.append(try Layer.read(from: &reader)) }
    for _ in 0..<(try reader.getCount(bytesEach: 4)) {
      let names = try reader.getStrings()
      guard names.count == 4 else { throw reader.damage("its catalogue has a link without two ends") }
      catalog.links.append(
        Link(layer: names[0], column: names[1], targetLayer: names[2], targetColumn: names[3]))
    }
    return catalog
  }

  /// The index of a layer by its stored name, without regard to case.
  func layerIndex(named name: String) -> Int? {
    layers.firstIndex { $0.name == name } ?? layers.firstIndex { $0.name.lowercased() == name.lowercased() }
  }
}

extension Catalog.Layer {
  /// Whether columns and geometry are those of `other`, so that its segment serves.
  func hasSameShape(as other: Catalog.Layer) -> Bool {
    name == other.name && columns.map(\.name) == other.columns.map(\.name)
      && columns.map(\.type) == other.columns.map(\.type) && geometry?.name == other.geometry?.name
  }

  func write(to bytes: inout SnapshotBytes) {
    bytes.put(name)
    bytes.put(aliases)
    bytes.put(UInt64(rowCount))
    bytes.put(UInt32(columns.count))
    for column in columns {
      bytes.put(column.name)
      bytes.put(column.type.rawValue)
      bytes.put(optional: column.unit) { $0.put($1) }
      bytes.put(optional: column.enumeration) { $0.put($1) }
      bytes.put(column.aliases)
      bytes.put(column.valueAliases.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
      bytes.put(column.isDerived)
    }
    bytes.put(optional: geometry) { bytes, geometry in
      bytes.put(geometry.name)
      bytes.put(geometry.kind?.rawValue ?? 0)
      bytes.put(geometry.hasZ)
      bytes.put(optional: geometry.extent) { bytes, box in
        for number in [box.min[0], box.min[1], box.max[0], box.max[1]] { bytes.put(number) }
      }
    }
  }

  static func read(from reader: inout SnapshotReader) throws(SnapshotDamage) -> Catalog.Layer {
    let name = try reader.getString()
    let aliases = try reader.getStrings()
    let rowCount = try reader.get(UInt64.self)
    guard rowCount <= UInt64(UInt32.max) else { throw reader.damage("layer \(name) has too many rows") }
    var layer = Catalog.Layer(name: name, columns: [], rowCount: Int(rowCount), aliases: aliases)
    for _ in 0..<(try reader.getCount(bytesEach: 12)) {
      let name = try reader.getString()
      guard let type = ColumnType(rawValue: try reader.getString()) else {
        throw reader.damage("column \(layer.name).\(name) has an unknown type")
      }
      var column = Catalog.Column(name: name, type: type)
      column.unit = try reader.getOptional { (reader) throws(SnapshotDamage) in try reader.getString() }
      column.enumeration = try reader.getOptional { (reader) throws(SnapshotDamage) in try reader.getStrings() }
      column.aliases = try reader.getStrings()
      let pairs = try reader.getStrings()
      guard pairs.count % 2 == 0 else { throw reader.damage("a value of \(layer.name).\(name) has half a name") }
      for i in stride(from: 0, to: pairs.count, by: 2) { column.valueAliases[pairs[i]] = pairs[i + 1] }
      column.isDerived = try reader.getBool()
      layer.columns.append(column)
    }
    if try reader.getBool() {
      let name = try reader.getString()
      let kind = try reader.get(UInt8.self)
      guard kind == 0 || GeometryKind(rawValue: kind) != nil else {
        throw reader.damage("layer \(layer.name) has an unknown geometry type")
      }
      layer.geometry = Catalog.GeometryColumn(
        name: name, kind: GeometryKind(rawValue: kind), hasZ: try reader.getBool(),
        extent: try reader.getOptional { (reader) throws(SnapshotDamage) in
          Box2(try reader.getDouble(), try reader.getDouble(), try reader.getDouble(), try reader.getDouble())
        })
    }
    return layer
  }
}

/// What the planner knows of a column without reading it.
public struct ColumnStatistics: Sendable, Equatable {
  public var nullCount: Int
  /// How many different values there are: exact for dictionaries, else within a few per cent.
  public var distinctCount: Int
  /// Least and greatest value; `.null` when there is none, or a text of more than 256 bytes.
  public var minimum: Value
  public var maximum: Value

  public init(nullCount: Int = 0, distinctCount: Int = 0, minimum: Value = .null, maximum: Value = .null) {
    self.nullCount = nullCount
    self.distinctCount = distinctCount
    self.minimum = minimum
    self.maximum = maximum
  }

  func write(to bytes: inout SnapshotBytes) {
    bytes.put(UInt64(nullCount))
    bytes.put(UInt64(distinctCount))
    for value in [minimum, maximum] {
      switch value {
      case .bool(let flag): bytes.put(UInt8(1)); bytes.put(flag)
      case .int(let number): bytes.put(UInt8(2)); bytes.put(number)
      case .double(let number): bytes.put(UInt8(3)); bytes.put(number)
      case .text(let text): bytes.put(UInt8(4)); bytes.put(text)
      case .date(let days): bytes.put(UInt8(5)); bytes.put(days)
      case .timestamp(let instant): bytes.put(UInt8(6)); bytes.put(instant)
      case .null, .list, .geometry: bytes.put(UInt8(0))
      }
    }
  }

  static func read(from reader: inout SnapshotReader) throws(SnapshotDamage) -> ColumnStatistics {
    let nulls = try reader.get(UInt64.self)
    let distinct = try reader.get(UInt64.self)
    guard nulls <= UInt64(UInt32.max), distinct <= UInt64(UInt32.max) else {
      throw reader.damage("its statistics count more values than there can be")
    }
    return ColumnStatistics(
      nullCount: Int(nulls), distinctCount: Int(distinct), minimum: try readValue(&reader),
      maximum: try readValue(&reader))
  }

  private static func readValue(_ reader: inout SnapshotReader) throws(SnapshotDamage) -> Value {
    switch try reader.get(UInt8.self) {
    case 0: return .null
    case 1: return .bool(try reader.getBool())
    case 2: return .int(try reader.get(Int64.self))
    case 3: return .double(try reader.getDouble())
    case 4: return .text(try reader.getString())
    case 5: return .date(try reader.get(Int32.self))
    case 6: return .timestamp(try reader.get(Int64.self))
    default: throw reader.damage("its statistics hold a value of no known type")
    }
  }
}
