@testable import CIMEngine

/// A small city without rows: the shipped schema, so that names, aliases, units and links are the real ones.
enum SmallCity {
  static let catalog: Catalog = {
    func layer(_ name: String, _ columns: [String], _ geometry: GeometryKind?, hasZ: Bool = false) -> Catalog.Layer {
      let types: [String: ColumnType] = [
        "floor": .int, "floors": .int, "height": .double, "ground_z": .double, "z_min": .double, "z_max": .double,
        "area": .double, "capacity": .int, "occupied": .int, "age": .int, "threat_people": .int, "water_z": .double,
        "as_of": .timestamp, "valid_from": .timestamp, "built": .date, "tags": .list, "value": .double, "ok": .bool,
        "service_radius": .double, "distance": .double,
      ]
      return Catalog.Layer(
        name: name,
        columns: columns.map { CitySchema.described(Catalog.Column(name: $0, type: types[$0] ?? .text), of: name) },
        geometry: geometry.map { Catalog.GeometryColumn(kind: $0, hasZ: hasZ) }, rowCount: 10,
        aliases: CitySchema.layer(name)?.aliases ?? [])
    }
    let layers = [
      layer("district", ["id", "name", "code"], .multiPolygon),
      layer("grid1", ["id", "name", "code", "parent"], .polygon),
      layer("grid2", ["id", "name", "code", "parent"], .polygon),
      layer("grid3", ["id", "name", "code", "parent"], .polygon),
      layer("building", ["id", "height", "ground_z", "floors", "use", "grid3", "name", "built", "tags"], .polygon),
      layer("unit", ["id", "building", "floor", "room", "z_min", "z_max", "area", "grid3"], .point, hasZ: true),
      layer("person", ["id", "name", "unit", "household", "age"], nil),
      layer("grid_worker", ["id", "name", "grid3", "phone"], nil),
      layer(
        "shelter", ["id", "name", "capacity", "occupied", "status", "as_of", "service_radius", "ok", "grid3"], .point),
      layer("hazard", ["id", "name", "kind", "threat_people"], .point),
      layer("flood", ["id", "name", "scenario", "water_z", "valid_from"], .polygon),
      layer("sensor", ["id", "kind", "value"], .point, hasZ: true),
      layer("depot", ["id", "distance", "eo:cloud", "a.b", "end"], .point),
      layer("note", ["id", "text"], nil),
    ]
    let names = Set(layers.map(\.name))
    let links = CitySchema.links.filter { link in
      names.contains(link.targetLayer)
        && layers.contains { $0.name == link.layer && $0.columns.contains { $0.name == link.column } }
    }
    return Catalog(databaseID: "test", workingCRS: .epsg(4547), layers: layers, links: links)
  }()

  static let degrees = Catalog(
    databaseID: "test", workingCRS: .wgs84, isGeographic: true,
    layers: [
      Catalog.Layer(
        name: "places", columns: [Catalog.Column(name: "id", type: .text), Catalog.Column(name: "date", type: .date)],
        geometry: Catalog.GeometryColumn(kind: .point))
    ])

  static func bind(_ text: String, in catalog: Catalog = catalog, _ session: Session = Session()) throws
    -> BoundStatement
  {
    let script = try parse(text, names: KnownNames(catalog))
    var session = session
    var result: BoundStatement?
    for statement in script.statements {
      let context = BindContext(session: session, lookup: FewFeatures(catalog: catalog), readFile: FewFeatures.file)
      let bound = try CIMEngine.bind(statement, in: catalog, context)
      if case .let(let name, let reference) = bound.body { session.sets[name] = reference }
      result = bound
    }
    return result!
  }

  static func find(_ text: String, in catalog: Catalog = catalog, _ session: Session = Session()) throws -> BoundFind {
    guard case .find(let find) = try bind(text, in: catalog, session).body else {
      throw QueryError(.invalid("no FIND"))
    }
    return find
  }
}

/// A few rows that keys may name.
struct FewFeatures: FeatureLookup {
  let catalog: Catalog

  private static let rows: [(layer: String, id: String, code: String?, name: String)] = [
    ("hazard", "HZ-0231", nil, "北坡"), ("hazard", "HZ-0232", nil, "北坡"), ("hazard", "HZ-0233", nil, "南坡"),
    ("district", "d5", "410105", "金水区"), ("grid3", "g7", "410105003012007", "七号"), ("flood", "F-0720", nil, "七二〇"),
    ("flood", "410105", nil, "x"), ("person", "p1", nil, "王"), ("shelter", "S1", nil, "一中"),
    ("building", "none", nil, "无形"),
  ]

  func features(
    layer: Int, column: Int, equalTo key: String, geometryPath: [LinkStep]?, limit: Int
  ) throws(QueryError) -> [FeatureMatch] {
    let (name, column) = (catalog.layers[layer].name, catalog.layers[layer].columns[column].name)
    return Self.rows.filter { row in
      row.layer == name && key == (column == "id" ? row.id : column == "code" ? row.code : row.name)
    }.prefix(limit).map {
      FeatureMatch(id: $0.id, geometry: geometryPath == nil || $0.id == "none" ? nil : .point(463_000, 3_846_000))
    }
  }

  func keysNear(_ key: String, layer: Int, columns: [Int], limit: Int) throws(QueryError) -> [String] {
    let name = catalog.layers[layer].name
    let keys = Self.rows.filter { $0.layer == name }.flatMap { [$0.id, $0.name] }
    return Spelling.nearest(to: key, among: keys).map { [$0] } ?? []
  }

  static let file: @Sendable (String, CRS?) throws -> [Geometry] = { path, crs in
    switch path {
    case "metro.geojson": [.point(1, 2), .point(3, 4)]
    case "empty.geojson": []
    default: throw LoadError(path: path, reason: .unreadable("no such file"))
    }
  }
}

/// A bound tree as short text, for comparisons in tests: `source.column`, `source>link>link.column`, …
struct BoundText {
  let find: BoundFind
  var catalog = SmallCity.catalog

  var filters: String {
    let parts = find.sourceFilters.map { text($0) } + find.joinedFilters.map { "JOINED " + text($0) }
    return parts.joined(separator: "; ")
  }

  var items: String { find.items.map { "\($0.column.name)=\(text($0.expression))" }.joined(separator: ", ") }
  var columns: [String] { find.items.map(\.column.name) }

  func text(_ e: BoundExpression) -> String {
    switch e.kind {
    case .constant(.geometry(let geometry)): return "<\(geometry.kind)>"
    case .constant(let value): return Printer.print(Expression(kind: .literal(value), range: 0..<0))
    case .column(let source, let column):
      return "\(find.sources[source].name).\(find.sources[source].columns[column].name)"
    case .path(let source, let steps, let column):
      let target = catalog.layers[steps.last!.targetLayer]
      let names = steps.map { catalog.layers[$0.fromLayer].columns[$0.column].name }
      return ([find.sources[source].name] + names).joined(separator: ">") + "."
        + (column.map { target.columns[$0].name } ?? "geom")
    case .geometry(let source): return "\(find.sources[source].name).geom"
    case .distance(let slot): return "distance#\(slot)"
    case .groupKey(let key): return "key#\(key)"
    case .aggregate(let aggregate): return "aggregate#\(aggregate)"
    case .negate(let a): return "-\(text(a))"
    case .not(let a): return "NOT(\(text(a)))"
    case .and(let list): return "(" + list.map { text($0) }.joined(separator: " AND ") + ")"
    case .or(let list): return "(" + list.map { text($0) }.joined(separator: " OR ") + ")"
    case .compare(let sign, let a, let b): return "\(text(a)) \(sign.rawValue) \(text(b))"
    case .arithmetic(let sign, let a, let b): return "(\(text(a)) \(sign.rawValue) \(text(b)))"
    case .like(let a, let pattern): return "\(text(a)) LIKE \(text(pattern))"
    case .inList(let a, let list): return "\(text(a)) IN (\(list.map { text($0) }.joined(separator: ", ")))"
    case .inFind(let a, let inner): return "\(text(a)) IN [\(BoundText(find: inner, catalog: catalog).items)]"
    case .isNull(let a): return "\(text(a)) IS NULL"
    case .call(let function, let list): return "\(function)(\(list.map { text($0) }.joined(separator: ", ")))"
    case .choose(let cases, let otherwise):
      return "CASE "
        + cases.map { "\(text($0.condition)) ? \(text($0.result))" }.joined(separator: ", ")
        + (otherwise.map { " : \(text($0))" } ?? "")
    case .relation(let relation, let a, let b): return "\(relation)(\(text(a)), \(text(b)))"
    case .spatial(let test, let source, let reference):
      return "\(self.test(test)) \(find.sources[source].name) \(text(reference))"
    case .within(let a, let b, let distance): return "within(\(text(a)), \(text(b)), \(text(distance)))"
    case .convert(let a): return "\(e.type!)(\(text(a)))"
    case .interval(let a, let b): return "[\(a.map { text($0) } ?? "..")..\(b.map { text($0) } ?? "..")]"
    case .array(let list): return "{\(list.map { text($0) }.joined(separator: ", "))}"
    }
  }

  private func test(_ test: BoundExpression.SpatialTest) -> String {
    switch test {
    case .inside: "inside"
    case .intersects: "intersects"
    case .touches: "touches"
    case .contains: "contains"
    case .within(let e): "within \(text(e))"
    case .beyond(let e): "beyond \(text(e))"
    case .byRoad(let e, let road): "within \(text(e)) by road\(road.avoiding == nil ? "" : " avoiding \(road.label)")"
    }
  }

  func text(_ reference: BoundReference) -> String {
    switch reference {
    case .geometries(let list, let label): "<\(list.count): \(label)>"
    case .layer(let layer): "layer \(catalog.layers[layer].name)"
    case .find(let find): "find \(find.sources[0].name)"
    case .source(let source): "source \(source)"
    case .space(let clause): "space \(clause.label)"
    }
  }
}
