/// The faces of one closed solid, collected before they are written as CityJSON boundaries.
///
/// Vertices are numbers into the feature's vertex list. Faces are seen from outside counter-clockwise; a hole the other
/// way round. Every shape below uses each edge exactly twice, once in each direction: a closed, oriented 2-manifold.
struct CitySolid {
  enum Surface: UInt8 {
    case ground, roof, wall
  }

  private(set) var surfaces: [Surface] = []
  /// First ring of each face, and the end.
  private var faceRings: [Int] = [0]
  /// First vertex of each ring, and the end.
  private var ringStarts: [Int] = [0]
  private var vertices: [Int] = []

  mutating func removeAll() {
    surfaces.removeAll(keepingCapacity: true)
    faceRings.removeAll(keepingCapacity: true)
    ringStarts.removeAll(keepingCapacity: true)
    vertices.removeAll(keepingCapacity: true)
    faceRings.append(0)
    ringStarts.append(0)
  }

  mutating func begin(_ surface: Surface) { surfaces.append(surface) }

  mutating func ring(_ ring: some Sequence<Int>) {
    for vertex in ring { vertices.append(vertex) }
    ringStarts.append(vertices.count)
  }

  mutating func end() { faceRings.append(ringStarts.count - 1) }

  mutating func face(_ surface: Surface, _ a: Int, _ b: Int, _ c: Int, _ d: Int) {
    begin(surface)
    vertices.append(a)
    vertices.append(b)
    vertices.append(c)
    vertices.append(d)
    ringStarts.append(vertices.count)
    end()
  }

  mutating func face(_ surface: Surface, _ a: Int, _ b: Int, _ c: Int) {
    begin(surface)
    vertices.append(a)
    vertices.append(b)
    vertices.append(c)
    ringStarts.append(vertices.count)
    end()
  }

  /// Vertical walls over the ring `base..<base + n` with their upper edge at `top..<top + n`. With the ring
  /// counter-clockwise they look outwards, clockwise (a courtyard) inwards.
  mutating func walls(base: Int, top: Int, count n: Int) {
    for i in 0..<n {
      let j = i + 1 == n ? 0 : i + 1
      face(.wall, base + i, base + j, top + j, top + i)
    }
  }

  /// `"boundaries":[[…]],"semantics":{…}` of a Solid with one shell.
  func write(into out: inout CityBytes) {
    out.put("\"boundaries\":[[")
    for f in surfaces.indices {
      out.put(f == 0 ? "[" : ",[")
      for r in faceRings[f]..<faceRings[f + 1] {
        out.put(r == faceRings[f] ? "[" : ",[")
        for v in ringStarts[r]..<ringStarts[r + 1] {
          if v > ringStarts[r] { out.put(byte: 0x2C) }
          out.put(vertices[v])
        }
        out.put(byte: 0x5D)
      }
      out.put(byte: 0x5D)
    }
    out.put("]],\"semantics\":{\"surfaces\":[{\"type\":\"GroundSurface\"},{\"type\":\"RoofSurface\"},")
    out.put("{\"type\":\"WallSurface\"}],\"values\":[[")
    for (i, surface) in surfaces.enumerated() {
      if i > 0 { out.put(byte: 0x2C) }
      out.put(byte: 0x30 + surface.rawValue)
    }
    out.put("]]}")
  }
}
