/// Whether the surfaces of a solid close around space, all turned outward, as ISO 19107 asks of a shell.
package struct SurfaceCheck: Sendable {
  /// What is wrong with a surface or a shell.
  package enum Finding: Sendable, Equatable, CustomStringConvertible {
    /// An edge of this face has no face on its other side.
    case open(face: Int)
    /// More than two faces meet in an edge of this one.
    case notManifold(face: Int)
    /// This face is turned against its neighbour.
    case turned(face: Int, against: Int)
    /// All faces look inward.
    case insideOut
    /// A face with no area.
    case degenerate(face: Int)

    package var description: String {
      switch self {
      case .open(let face): "not closed: face \(face) has an edge with no face on its other side"
      case .notManifold(let face): "not manifold: more than two faces meet in an edge of face \(face)"
      case .turned(let face, let other): "not oriented: face \(face) is turned against face \(other)"
      case .insideOut: "inside out: its faces look inward"
      case .degenerate(let face): "face \(face) has no area"
      }
    }
  }

  /// One finding of a kind at most for a solid; faces are counted from 1.
  package let findings: [Finding]
  package var isSound: Bool { findings.isEmpty }

  private struct Edge: Hashable { var from, to: Int }

  /// - Parameters:
  ///   - surfaces: MULTIPOLYGON Z, vertices shared exactly where faces meet.
  ///   - chosen: the surfaces that are the shell; nil for all.
  package init(_ surfaces: Geometry, faces chosen: Range<Int>? = nil) {
    var found: [Finding] = []
    var vertices: [Point3: Int] = [:]
    var faces: [Edge: [Int]] = [:]
    var volume = 0.0
    surfaces.withView { view in
      guard view.kind == .multiPolygon || view.kind == .polygon, let first = view.vertices.first else { return }
      func point(_ v: Int) -> Point3 { Point3(view.xy[2 * v], view.xy[2 * v + 1], view.z?[v] ?? 0) }
      let origin = point(first)
      for part in chosen ?? 0..<view.partCount {
        var triangles: [Triangle] = []
        Triangulation.append(part: part, of: view, origin: origin, to: &triangles)
        if triangles.isEmpty { found.append(.degenerate(face: part + 1)) }
        for t in triangles { volume += dot(t.a, cross(t.b, t.c)) }
        for ring in view.rings(ofPart: part) {
          for v in view.vertices(ofRing: ring).dropLast() {
            let ends = [point(v), point(v + 1)].map { p in
              if let known = vertices[p] { return known }
              vertices[p] = vertices.count
              return vertices.count - 1
            }
            if ends[0] != ends[1] { faces[Edge(from: ends[0], to: ends[1]), default: []].append(part) }
          }
        }
      }
    }
    var open: Int?
    var crowded: Int?
    var turned: (Int, Int)?
    for (edge, here) in faces {
      let there = faces[Edge(from: edge.to, to: edge.from)] ?? []
      let least = here.min()!
      if here.count + there.count > 2 {
        crowded = min(crowded ?? .max, least)
      } else if here.count == 2 {
        if let known = turned, known.0 <= least { continue }
        turned = (least, here.max()!)
      } else if there.isEmpty {
        open = min(open ?? .max, least)
      }
    }
    if let open { found.append(.open(face: open + 1)) }
    if let crowded { found.append(.notManifold(face: crowded + 1)) }
    if let turned { found.append(.turned(face: turned.1 + 1, against: turned.0 + 1)) }
    if open == nil, crowded == nil, turned == nil, volume < 0 { found.append(.insideOut) }
    findings = found
  }
}
