internal import SpatialIndex

/// `cimq check DB --grids`: whether the grids of a city are a partition, level by level.
///
/// Looked at are the layers of polygons that have a `code` and take part in a chain of `parent` links (`grid3` → `grid2`
/// → `grid1` → `district`). Found are:
/// - **overlaps** of two rows of a layer, and **slivers**: overlaps and gaps narrower than ``sliverWidth``;
/// - **gaps**: holes between the rows of a layer, and what the children of a parent leave of it, or stick out;
/// - codes whose **prefix**, **parent column** and **geometry** do not say the same.
public struct GridCheck {
  private let snapshot: Snapshot
  private let token: CancellationToken
  private var findings: [StoreFinding] = []

  /// Metres: twice the area over the perimeter.
  public static let sliverWidth = 0.1
  /// Square metres that are taken for rounding.
  static let leastArea = 0.001

  static func run(_ snapshot: Snapshot, token: CancellationToken = CancellationToken()) throws -> [StoreFinding] {
    var check = GridCheck(snapshot: snapshot, token: token)
    try check.run()
    return check.findings
  }

  private struct Level {
    var name: String
    var segment: Segment
    var shapes: GeometryStorage
    var codes: [String]
    var parents: [String?]
  }

  private mutating func add(_ severity: StoreFinding.Severity, _ subject: String, _ message: String) {
    findings.append(StoreFinding(severity: severity, subject: subject, message: message))
  }

  private mutating func run() throws {
    let catalog = snapshot.catalog
    let links = catalog.links.filter { $0.column.lowercased() == "parent" && $0.targetColumn.lowercased() == "code" }
    var levels: [String: Level] = [:]
    for name in links.flatMap({ [$0.layer, $0.targetLayer] }) where levels[name.lowercased()] == nil {
      levels[name.lowercased()] = try level(name)
    }
    if levels.isEmpty {
      add(
        .warning, "grids",
        "there are no layers of polygons with codes that name parents, so nothing was compared")
    }
    let inOrder = levels.values.sorted { CodePoints.precede($0.name, $1.name) }
    for level in inOrder {
      try overlaps(level)
      gaps(level)
    }
    for link in links {
      guard let child = levels[link.layer.lowercased()], let parent = levels[link.targetLayer.lowercased()] else {
        continue
      }
      try compare(child, with: parent)
      try cover(parent, by: child)
    }
  }

  private func level(_ name: String) throws -> Level? {
    guard let index = snapshot.catalog.layerIndex(named: name) else { return nil }
    let segment = try snapshot.segment(index)
    guard let shapes = try segment.geometry(), let code = segment.columnIndex(named: "code"),
      snapshot.catalog.layers[index].geometry?.kind.map({ $0 == .polygon || $0 == .multiPolygon }) ?? true
    else { return nil }
    let parent = segment.columnIndex(named: "parent")
    var level = Level(
      name: snapshot.catalog.layers[index].name, segment: segment, shapes: shapes, codes: [], parents: [])
    for row in 0..<segment.rowCount {
      let own: String? = if case .text(let text) = try segment.value(code, row) { text } else { nil }
      level.codes.append(try own ?? segment.id(row))
      if let parent, case .text(let text) = try segment.value(parent, row) {
        level.parents.append(text)
      } else {
        level.parents.append(nil)
      }
    }
    return level
  }

  private static func text(_ area: Double) -> String {
    area >= 1e6 ? "\((area / 1e4).rounded() / 100) km²" : "\((area * 1_000).rounded() / 1_000) m²"
  }

  // MARK: Overlaps

  private mutating func overlaps(_ level: Level) throws {
    guard let tree = try level.segment.tree() else { return }
    var found: [(a: String, b: String, area: Double, isSliver: Bool)] = []
    var near: [UInt32] = []
    for row in 0..<level.segment.rowCount {
      if row & 63 == 0 { try token.check() }
      guard let view = level.shapes.view(row), !view.isEmpty else { continue }
      near.removeAll(keepingCapacity: true)
      tree.append(meeting: level.shapes.box(row), to: &near)
      for other in near where Int(other) > row {
        guard let second = level.shapes.view(Int(other)), Self.mayOverlap(view, second) else { continue }
        let common = try Self.areal(GEOSGeometry(view).intersection(GEOSGeometry(second)).geometry())
        guard common.area > Self.leastArea else { continue }
        let codes = [level.codes[row], level.codes[Int(other)]].sorted()
        found.append((codes[0], codes[1], common.area, Self.isSliver(common)))
      }
    }
    for entry in found.sorted(by: { ($0.a, $0.b) < ($1.a, $1.b) }) {
      add(
        entry.isSliver ? .warning : .error, level.name,
        "\(entry.a) and \(entry.b) overlap by \(Self.text(entry.area))\(entry.isSliver ? " (a sliver)" : "")")
    }
  }

  /// False for neighbours that share nothing but edges whose vertices are the same: most pairs of a sound partition.
  private static func mayOverlap(_ a: GeometryView, _ b: GeometryView) -> Bool {
    var others = Set<Place>()
    for v in b.vertices { others.insert(Place(x: b.xy[2 * v], y: b.xy[2 * v + 1])) }
    var own = Set<Place>()
    for v in a.vertices {
      let place = Place(x: a.xy[2 * v], y: a.xy[2 * v + 1])
      own.insert(place)
      // A vertex that is not shared must lie outside.
      if !others.contains(place), b.locate(place.x, place.y) != .outside { return true }
    }
    for v in b.vertices {
      let place = Place(x: b.xy[2 * v], y: b.xy[2 * v + 1])
      if !own.contains(place), a.locate(place.x, place.y) != .outside { return true }
    }
    // Edges between shared vertices may still lie inside the other.
    for (view, other, shared) in [(a, b, others), (b, a, own)] {
      var edges = EdgeCursor(view)
      while let (v, w) = edges.next() {
        let (p, q) = (Place(x: view.xy[2 * v], y: view.xy[2 * v + 1]), Place(x: view.xy[2 * w], y: view.xy[2 * w + 1]))
        let isNear = shared.contains(p) || shared.contains(q)
        if isNear, other.locate((p.x + q.x) / 2, (p.y + q.y) / 2) == .inside { return true }
      }
    }
    return a.edgesCross(b)
  }

  private struct Place: Hashable {
    var x: Double
    var y: Double
  }

  /// The polygons of a geometry.
  private static func areal(_ geometry: Geometry) -> Geometry {
    if geometry.kind == .polygon || geometry.kind == .multiPolygon { return geometry }
    var result = Geometry(kind: .multiPolygon)
    for member in geometry.members where member.kind == .polygon || member.kind == .multiPolygon {
      for polygon in member.polygons { result.appendPart(rings: polygon) }
    }
    return result
  }

  private static func isSliver(_ geometry: Geometry) -> Bool {
    let around = geometry.length
    return around > 0 && 2 * geometry.area / around < sliverWidth
  }

  // MARK: Gaps

  private mutating func gaps(_ level: Level) {
    let gaps = CoverageGaps(count: level.segment.rowCount) { row in
      guard let view = level.shapes.view(row), view.dimension == 2, !view.isEmpty else { return nil }
      return view
    }
    var lines: [(beside: String, text: String, isSliver: Bool)] = []
    for ring in gaps.rings where ring.area > Self.leastArea {
      var beside = Set<String>()
      if let box = ring.box, let tree = try? level.segment.tree() {
        var near: [UInt32] = []
        tree.append(meeting: box, to: &near)
        for row in near {
          guard let view = level.shapes.view(Int(row)) else { continue }
          if ring.withView({ $0.squaredDistance(to: view) }) == 0 { beside.insert(level.codes[Int(row)]) }
        }
      }
      let codes = beside.sorted()
      let named = codes.prefix(6).joined(separator: ", ") + (codes.count > 6 ? ", …" : "")
      lines.append((named, Self.text(ring.area), Self.isSliver(ring)))
    }
    for line in lines.sorted(by: { $0.beside < $1.beside }) {
      add(
        line.isSliver ? .warning : .error, level.name,
        "a gap of \(line.text)\(line.isSliver ? " (a sliver)" : "") between \(line.beside)")
    }
  }

  /// What the children of each parent leave of it, and where they stick out of it.
  private mutating func cover(_ parent: Level, by child: Level) throws {
    var children: [String: [Int]] = [:]
    for (row, code) in child.parents.enumerated() { if let code { children[code, default: []].append(row) } }
    for row in parent.codes.indices.sorted(by: { parent.codes[$0] < parent.codes[$1] }) {
      try token.check()
      let code = parent.codes[row]
      guard let view = parent.shapes.view(row), let rows = children[code] else { continue }
      var all = Geometry(kind: .multiPolygon)
      for child in rows.compactMap({ child.shapes.view($0)?.copy() }) {
        for polygon in child.polygons { all.appendPart(rings: polygon) }
      }
      if all.isEmpty { continue }
      let union = try GEOSGeometry(all).unaryUnion()
      let whole = try GEOSGeometry(view)
      let left = Self.areal(try whole.difference(union).geometry())
      let out = Self.areal(try union.difference(whole).geometry())
      for (rest, what) in [(left, "not covered by its `\(child.name)`"), (out, "of its `\(child.name)` outside of it")]
      where rest.area > Self.leastArea {
        add(
          .warning, parent.name,
          "\(code): \(Self.text(rest.area)) \(what) (\((rest.area / max(view.area, 1e-9) * 1_000).rounded() / 10) %)"
            + (Self.isSliver(rest) ? ", slivers" : ""))
      }
    }
  }

  // MARK: Codes

  /// The parent of each row as its code, its column and its place say it.
  private mutating func compare(_ child: Level, with parent: Level) throws {
    let known = Set(parent.codes)
    let partition = TargetPartition(parent.shapes, rank: try LinkMatch.ranks(parent.segment))
    for row in child.codes.indices.sorted(by: { child.codes[$0] < child.codes[$1] }) {
      let code = child.codes[row]
      let column = child.parents[row]
      let prefix = known.first { code.hasPrefix($0) && $0.count < code.count }
      var place: String?
      if let point = child.shapes.view(row)?.placePoint() {
        let found = partition.locate(point.x, point.y)
        if found.place != .outside { place = parent.codes[Int(found.row)] }
      }
      if let column, !known.contains(column) {
        add(.error, child.name, "\(code): its parent \(column) is no `\(parent.name)`")
      }
      if column == prefix, column == place, column != nil { continue }
      if column == nil, prefix == nil, place == nil { continue }
      // Two that agree are right about the third.
      add(
        .error, child.name,
        "\(code): the code begins like \(prefix ?? "no `\(parent.name)`"), the parent column says "
          + "\(column ?? "nothing"), it lies in \(place ?? "none")")
    }
  }
}

extension GeometryView {
  /// Whether an edge of one properly crosses an edge of the other: both end points strictly on either side.
  fileprivate func edgesCross(_ other: GeometryView) -> Bool {
    guard let box = other.box else { return false }
    var edges = EdgeCursor(self)
    while let (v, w) = edges.next() {
      let (ax, ay, bx, by) = (xy[2 * v], xy[2 * v + 1], xy[2 * w], xy[2 * w + 1])
      if max(ax, bx) < box.min[0] || min(ax, bx) > box.max[0] || max(ay, by) < box.min[1] || min(ay, by) > box.max[1] {
        continue
      }
      var inner = EdgeCursor(other)
      while let (s, t) = inner.next() {
        let (cx, cy, dx, dy) = (other.xy[2 * s], other.xy[2 * s + 1], other.xy[2 * t], other.xy[2 * t + 1])
        if max(ax, bx) < min(cx, dx) || min(ax, bx) > max(cx, dx) || max(ay, by) < min(cy, dy)
          || min(ay, by) > max(cy, dy)
        {
          continue
        }
        let (p, q) = (Orientation.turn(ax, ay, bx, by, cx, cy), Orientation.turn(ax, ay, bx, by, dx, dy))
        let (r, u) = (Orientation.turn(cx, cy, dx, dy, ax, ay), Orientation.turn(cx, cy, dx, dy, bx, by))
        if (p > 0) != (q > 0), p != 0, q != 0, (r > 0) != (u > 0), r != 0, u != 0 { return true }
      }
    }
    return false
  }
}

extension Geometry {
  /// The rings of each polygon of a polygon or multipolygon.
  fileprivate var polygons: [[[Double]]] {
    withView { view in
      (0..<view.partCount).map { part in
        view.rings(ofPart: part).map { ring in
          let range = view.vertices(ofRing: ring)
          return Array(UnsafeBufferPointer(start: view.xy + 2 * range.lowerBound, count: 2 * range.count))
        }
      }
    }
  }
}
