internal import SpatialIndex
internal import Synchronization

/// A condition in three dimensions between the rows of a layer and fixed references: WITHIN, INTERSECTS, INSIDE … IN 3D,
/// and VISIBLE FROM. It is worked out once for a statement, for all rows, the first time that rows ask.
public final class SpaceClause: Sendable {
  /// How a body has to lie to the reference. Distances are in metres, between surfaces; 0 where one is inside the
  /// other.
  package enum Test: Sendable, Equatable {
    /// A closed ball around the reference, in metres. Surfaces, and the space within solids, are the reference.
    case within(Double)
    /// At most ``SpaceClause/tolerance`` apart.
    case intersects
    /// A point is in the space within a solid.
    case inside
    /// Some corner or middle of a face is seen from a point no farther away than this, past all rows of the layer.
    case visible(Double)
  }

  /// What bodies are compared with.
  package enum Reference: Sendable {
    /// With heights, in the working CRS.
    case geometry(Geometry)
    /// The body of one feature.
    case row(layer: Int, id: String)
    /// The bodies of all rows of a layer, one by one.
    case layer(Int)
    /// The bodies of a subquery's rows, one by one.
    case find(BoundFind)
  }

  /// What counts as meeting in space, where coordinates of faces are rounded: a millionth of a metre.
  static let tolerance = 1e-6
  /// Long lines are searched in pieces of this many metres, or of the distance asked for when that is more.
  private static let leastPiece = 50.0

  let test: Test
  /// The layer that has the bodies: the source's own, or that at the end of its link.
  let layer: Int
  let references: [Reference]
  /// The other source of a join, where the condition is one between pairs of rows; ``references`` is empty then.
  let partner: Partner?
  let label: String
  private let answer = Mutex<Answer?>(nil)

  struct Answer: Sendable {
    /// Rows for which the test holds.
    var holds: RowSet
    /// Rows with a place but no heights.
    var unknown: RowSet
    /// Of the rows that hold, in metres.
    var distances: [UInt32: Double] = [:]
    /// Rows whose boxes were near enough to be looked at.
    var candidates = 0
  }

  struct Partner: Sendable {
    var source: Int
    /// The layer that has the bodies.
    var layer: Int
  }

  /// How far from each other what is asked for may be, in metres.
  var reach: Double { if case .within(let metres) = test { metres } else { Self.tolerance } }

  init(_ test: Test, layer: Int, references: [Reference], partner: Partner? = nil, label: String) {
    self.test = test
    self.partner = partner
    self.layer = layer
    self.references = references
    self.label = label
  }

  /// - Parameter rows: gives layer and rows of a subquery.
  func answer(
    from source: SpaceSource, token: CancellationToken,
    rows: (BoundFind) throws(QueryError) -> (layer: Int, rows: [Int])
  ) throws(QueryError) -> Answer {
    if let known = answer.withLock({ $0 }) { return known }
    let made = try work(source, token, rows)
    answer.withLock { $0 = made }
    return made
  }

  /// For EXPLAIN ANALYZE: how many bodies were measured.
  var lookedAt: String {
    answer.withLock { $0 }.map { " (\($0.candidates) bodies measured, \($0.holds.count) hold)" } ?? ""
  }

  // MARK: Working it out

  private func work(
    _ source: SpaceSource, _ token: CancellationToken,
    _ rows: (BoundFind) throws(QueryError) -> (layer: Int, rows: [Int])
  ) throws(QueryError) -> Answer {
    let index = try source.indexWithHeights(of: layer, token: token)
    let rowCount = index.tree.count
    var answer = Answer(holds: RowSet(rowCount: rowCount), unknown: RowSet(rowCount: rowCount))
    for row in index.withoutHeights { answer.unknown.insert(Int(row)) }
    for reference in references {
      switch reference {
      case .geometry(let geometry):
        guard let box = geometry.spaceBox else { continue }
        var body = Body(origin: Point3(box.min[0], box.min[1], 0))
        body.add(geometry)
        body.finish()
        try ask(body, source, index, token, &answer)
      case .row(let layer, let id):
        let row: Int?
        do { row = try source.snapshot.segment(layer).row(id: id) } catch { throw QueryError.from(error) }
        guard let row, let body = try self.body(of: row, in: layer, source, token) else {
          throw QueryError(
            .badGeometry("\(source.snapshot.catalog.layers[layer].name) '\(id)' has no heights, and IN 3D needs them"))
        }
        try ask(body, source, index, token, &answer)
      case .layer(let layer):
        try ask(layer, Array(0..<source.snapshot.catalog.layers[layer].rowCount), source, index, token, &answer)
      case .find(let find):
        let found = try rows(find)
        try ask(found.layer, found.rows, source, index, token, &answer)
      }
    }
    return answer
  }

  private func ask(
    _ layer: Int, _ rows: [Int], _ source: SpaceSource, _ index: SpaceIndex, _ token: CancellationToken,
    _ answer: inout Answer
  ) throws(QueryError) {
    for row in rows {
      if let body = try body(of: row, in: layer, source, token) { try ask(body, source, index, token, &answer) }
    }
  }

  /// Marks the rows for which the test holds with one reference.
  private func ask(
    _ body: Body, _ source: SpaceSource, _ index: SpaceIndex, _ token: CancellationToken, _ answer: inout Answer
  ) throws(QueryError) {
    if case .visible(let reach) = test { return try look(from: body, reach: reach, source, index, token, &answer) }
    let reach = reach
    guard reach >= 0 else { return }
    var near: [Int] = []
    for box in body.searchBoxes(piece: max(Self.leastPiece, reach)) {
      index.tree.forEach(meeting: box.expanded(by: reach + Self.tolerance)) { near.append($0) }
    }
    near.sort()
    // Pieces of one line find the same rows.
    near = near.indices.filter { $0 == 0 || near[$0] != near[$0 - 1] }.map { near[$0] }
    answer.candidates += near.count
    // Held apart from the closure, whose errors are of any type.
    var held = answer
    try source.bodies(of: layer, rows: near, origin: body.origin, token: token) { row, other in
      guard let other else { return }
      if test == .inside {
        if other.points.contains(where: body.encloses) { held.hold(row, 0) }
      } else if let distance = body.distance(to: other, within: reach) {
        held.hold(row, distance)
      }
    }
    answer = held
  }

  private func body(
    of row: Int, in layer: Int, _ source: SpaceSource, _ token: CancellationToken
  ) throws(QueryError) -> Body? {
    var found: Body?
    let flat: Box2
    do { flat = try source.snapshot.segment(layer).geometry(rows: row..<row + 1)?.box(row) ?? .empty } catch {
      throw QueryError.from(error)
    }
    guard !flat.isEmpty else { return nil }
    let origin = Point3(flat.min[0], flat.min[1], 0)
    try source.bodies(of: layer, rows: [row], origin: origin, token: token) { _, body in found = body }
    return found
  }

  // MARK: Sight

  /// Marks the rows that are seen from the points of `eye`. Every body within reach may stand in the way.
  private func look(
    from eye: Body, reach: Double, _ source: SpaceSource, _ index: SpaceIndex, _ token: CancellationToken,
    _ answer: inout Answer
  ) throws(QueryError) {
    for point in eye.points {
      let place = point + eye.origin
      let box = Box<3>(min: [place.x, place.y, place.z], max: [place.x, place.y, place.z])
      var near: [Int] = []
      index.tree.forEach(meeting: box.expanded(by: reach)) { near.append($0) }
      near.sort()
      answer.candidates += near.count
      var faces: [Triangle] = []
      var owners: [(row: Int, faces: Range<Int>, distance: Double)] = []
      var viewpoint = Body(origin: place)
      var at = Geometry(kind: .point)
      at.appendPart(rings: [[place.x, place.y]], z: [[place.z]])
      viewpoint.add(at)
      viewpoint.finish()
      try source.bodies(of: layer, rows: near, origin: place, token: token) { row, body in
        guard let body, let distance = viewpoint.distance(to: body, within: reach) else { return }
        let start = faces.count
        faces += body.surface.triangles
        owners.append((row, start..<faces.count, distance))
      }
      let obstacles = TriangleTree(faces)
      for owner in owners {
        do { try token.check() } catch { throw QueryError.from(error) }
        let isSeen = faces[owner.faces].contains { face in
          face.sights.contains { sight in
            // Up to a hair before the face, so that it does not hide itself.
            let square = dot(sight, sight)
            guard square <= reach * reach else { return false }
            let short = sight * (1 - min(1, 1e-3 / square.squareRoot()))
            return !obstacles.isHit(segment: .zero, short)
          }
        }
        if isSeen || owner.distance == 0 { answer.hold(owner.row, owner.distance) }
      }
    }
  }
}

extension SpaceClause.Answer {
  mutating func hold(_ row: Int, _ distance: Double) {
    holds.insert(row)
    distances[UInt32(row)] = min(distance, distances[UInt32(row)] ?? .infinity)
  }
}

extension Triangle {
  /// Where one looks at a face: its middle, and near its corners and the middles of its edges, a little inside so that
  /// neighbouring faces do not hide them.
  fileprivate var sights: [Point3] {
    let middle = centre
    return [middle] + [a, b, c, (a + b) / 2, (b + c) / 2, (c + a) / 2].map { $0 + (middle - $0) * 0.02 }
  }
}
