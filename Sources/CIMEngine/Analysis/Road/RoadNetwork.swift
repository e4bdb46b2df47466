internal import Synchronization

/// The street network of a road layer, made when it is first asked for and kept as long as the layer stays as it is:
/// for a session, that is until an edit of the roads is packed.
enum RoadNetwork {
  /// Streets where nobody walks, by the value of `class`, `highway` or `fclass`.
  static let closedClasses: Set<String> = ["motorway", "motorway_link", "construction", "proposed", "高速公路"]

  private struct Entry: Sendable {
    weak var owner: (any AnyObject & Sendable)?
    var graph: RoadGraph
  }
  private static let kept: Mutex<[Entry]> = Mutex([])

  static func graph(of table: Table, token: CancellationToken) throws(QueryError) -> RoadGraph {
    let owner: any AnyObject & Sendable
    if let segment = table.segment { owner = segment } else { owner = table }
    let known = kept.withLock { entries in
      entries.removeAll { $0.owner == nil }
      return entries.first { $0.owner === owner }?.graph
    }
    if let known { return known }
    let edges = RoadEdges(lines: try lines(of: table, token))
    try token.check()
    let graph = RoadGraph(edges)
    try token.use(bytes: graph.byteCount)
    kept.withLock { $0.append(Entry(owner: owner, graph: graph)) }
    return graph
  }

  private static func lines(of table: Table, _ token: CancellationToken) throws(QueryError) -> [[Double]] {
    guard let storage = table.geometry else { return [] }
    try table.verifyGeometry()
    let isClosed = try closedRows(table)
    var result: [[Double]] = []
    for row in 0..<table.rowCount where !isClosed(row) {
      if row & 4095 == 0 { try token.check() }
      guard let view = storage.view(row), view.kind == .lineString || view.kind == .multiLineString else { continue }
      for ring in view.rings {
        let vertices = view.vertices(ofRing: ring)
        result.append(Array(UnsafeBufferPointer(start: view.xy + 2 * vertices.lowerBound, count: 2 * vertices.count)))
      }
    }
    return result
  }

  private static func closedRows(_ table: Table) throws(QueryError) -> (Int) -> Bool {
    for name in ["class", "highway", "fclass"] {
      guard let column = table.columnNames.firstIndex(where: { $0.lowercased() == name }) else { continue }
      switch table.columns[column] {
      case .dictionary(let source):
        try table.verify(column)
        let closed = (0..<source.dictionary.count).map { closedClasses.contains(source.dictionary[$0]) }
        return { source.validity[$0] && closed[Int(source.code($0))] }
      case .text(let source):
        try table.verify(column)
        return { source.validity[$0] && closedClasses.contains(source[$0]) }
      default: continue
      }
    }
    return { _ in false }
  }
}

/// What the parts of one statement that go by road share: networks with closed streets, and what is to be said.
final class RoadAccess: Sendable {
  private let state = Mutex(State())

  private struct State {
    var notes: [String] = []
    var closed: [String: RoadGraph] = [:]
  }

  var notes: [String] { state.withLock { $0.notes } }

  func note(_ text: String) { state.withLock { if !$0.notes.contains(text) { $0.notes.append(text) } } }

  /// The network that a clause walks on.
  func graph(_ road: BoundRoad, _ compiler: Compiler) throws(QueryError) -> RoadGraph {
    let scope = compiler.scope
    let whole = try RoadNetwork.graph(of: try scope.table(layer: road.layer), token: scope.token)
    guard let avoiding = road.avoiding else { return whole }
    if let known = state.withLock({ $0.closed[road.label] }) { return known }
    let areas = try compiler.features(of: avoiding).geometries()
    try scope.token.check()
    let graph = RoadGraph(whole.edges.closed(by: areas))
    try scope.token.use(bytes: graph.byteCount)
    state.withLock { $0.closed[road.label] = graph }
    return graph
  }
}

extension BoundRoad {
  /// How distances by road are measured, for notices.
  var explanation: String {
    "distances are by road: straight to the nearest street, along streets, and straight off them"
      + (avoiding == nil ? "" : "; streets inside \(label) are closed")
  }
}

extension ReferenceFeatures {
  /// All the features, copied.
  func geometries() throws(QueryError) -> [Geometry] {
    guard let column else { return targets.map(\.prepared.geometry) }
    try column.table.verifyGeometry()
    var result: [Geometry] = []
    for row in 0..<column.table.rowCount where subset?.contains(row) ?? true {
      if let geometry = column.shape(UInt32(row)).geometry { result.append(geometry) }
    }
    return result
  }
}

/// Metres on foot from the features of a reference to any place.
final class RoadField: Sendable {
  private let graph: RoadGraph
  private let search: RoadSearch

  init(
    _ graph: RoadGraph, _ features: ReferenceFeatures, bound: Double, _ road: BoundRoad, _ access: RoadAccess,
    _ token: CancellationToken
  ) throws(QueryError) {
    self.graph = graph
    search = RoadSearch(graph)
    var places: [RoadPlace] = []
    var farthest: Double?
    var unreached = 0
    for (i, geometry) in try features.geometries().enumerated() {
      if i & 1023 == 0 { try token.check() }
      guard let (x, y) = RoadPlace.point(of: geometry) else { continue }
      let tie = graph.tie(x, y)
      places += tie.places
      if let nearest = tie.nearest { farthest = max(farthest ?? 0, nearest.offset) } else { unreached += 1 }
    }
    try search.run(from: places, bound: bound, token: token)
    let label = features.label.isEmpty ? "the place" : features.label
    if let greatest = farthest {
      access.note("\(road.explanation); \(label) is \(Self.metres(greatest)) from the nearest street")
    } else {
      access.note(road.explanation)
    }
    if unreached > 0 {
      access.note(
        "\(unreached == 1 && places.isEmpty ? label : "\(unreached) of \(label)") "
          + "cannot be reached by road: no open street within \(Self.metres(RoadGraph.reachMetres))")
    }
  }

  static func metres(_ value: Double) -> String {
    "\((value < 10 ? (value * 10).rounded() / 10 : value.rounded()).shortText) m"
  }

  /// Infinity where there is no way.
  func metres(to shape: Shape) -> Double {
    if case .view(let view) = shape, view.kind == .point {
      if view.isEmpty { return .infinity }
      let v = view.vertices.lowerBound
      return metres(view.xy[2 * v], view.xy[2 * v + 1])
    }
    guard let geometry = shape.geometry, let (x, y) = RoadPlace.point(of: geometry) else { return .infinity }
    return metres(x, y)
  }

  func metres(_ x: Double, _ y: Double) -> Double {
    search.metres(to: graph.tie(x, y))
  }
}

extension Double {
  /// `12`, `12.5`.
  var shortText: String { Int64(exactly: self).map { String($0) } ?? "\(self)" }
}

/// WITHIN d OF … BY ROAD, asked of a row.
final class RoadTestNode: Node, @unchecked Sendable {
  private let geometry: GeometryNode
  private let field: RoadField
  private let limit: Node

  init(_ geometry: GeometryNode, _ field: RoadField, limit: Node) {
    self.geometry = geometry
    self.field = field
    self.limit = limit
    super.init(type: .bool)
  }

  override func truth(_ tuples: Tuples) throws(QueryError) -> [UInt8] {
    let rows = try geometry.rows(tuples)
    let limits = try limit.values(tuples)
    var result = [UInt8](repeating: Truth.unknown, count: tuples.count)
    for i in rows.indices {
      let shape = geometry.column.shape(rows[i])
      guard !shape.isNone, let metres = limits[i].number else { continue }
      result[i] = field.metres(to: shape) <= metres ? Truth.yes : Truth.no
    }
    return result
  }
  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand { .vector(Truth.vector(try truth(tuples))) }
}

extension Compiler {
  func roadTest(_ source: Int, _ metres: BoundExpression, _ road: BoundRoad, _ reference: BoundReference)
    throws(QueryError) -> Node
  {
    let limit = try compile(metres)
    if let constant = limit.constant, constant.isNull { return ConstantNode(.null, type: .bool) }
    let field = try roadField(road, reference, bound: limit.constant?.number ?? .infinity)
    return RoadTestNode(
      try GeometryNode(source: source, steps: try roadPath(source), scope: scope), field, limit: limit)
  }

  /// `distance` after WITHIN … OF … BY ROAD; NULL where there is no way.
  func roadDistance(_ reference: BoundReference, _ road: BoundRoad) throws(QueryError) -> Node {
    let field = try roadField(road, reference, bound: .infinity)
    return ShapeNumberNode(try GeometryNode(source: 0, steps: try roadPath(0), scope: scope)) { field.metres(to: $0) }
  }

  func roadField(_ road: BoundRoad, _ reference: BoundReference, bound: Double) throws(QueryError) -> RoadField {
    try RoadField(
      try scope.roads.graph(road, self), try features(of: reference), bound: bound, road, scope.roads, scope.token)
  }

  private func roadPath(_ source: Int) throws(QueryError) -> [LinkStep] {
    guard let path = scope.relations[source].geometryPath else {
      throw QueryError(.invalid("`\(scope.relations[source].name)` has no geometry"))
    }
    return path
  }
}
