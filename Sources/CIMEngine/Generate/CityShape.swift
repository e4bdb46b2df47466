/// The vertices and solids of one building, made anew for each; the arrays are kept.
struct CityShape {
  /// EPSG:4547 millimetres.
  private(set) var vertices: [(x: Int, y: Int, z: Int)] = []
  /// LoD 1.2 and LoD 2.2 of each part, in this order.
  private(set) var solids = [CitySolid(), CitySolid(), CitySolid(), CitySolid()]
  private(set) var partCount = 1
  /// The footprint as rings of vertex numbers: the outer ring, then a yard.
  private(set) var footprint: [[Int]] = []

  private var plot = CityPlot(east: 0, north: 0, cosine: 1, sine: 0, halfWidth: 0, halfHeight: 0, x: 0, y: 0)

  private mutating func add(_ u: Double, _ v: Double, _ z: Int) -> Int {
    let p = plot.millimetres(u, v)
    vertices.append((p.x, p.y, z * 10))
    return vertices.count - 1
  }

  /// Repeats `count` vertices from `base` at another height.
  private mutating func lift(_ base: Int, _ count: Int, to z: Int) -> Int {
    let first = vertices.count
    for i in base..<base + count { vertices.append((vertices[i].x, vertices[i].y, z * 10)) }
    return first
  }

  private mutating func rectangle(_ u0: Double, _ v0: Double, _ u1: Double, _ v1: Double, _ z: Int) -> Int {
    let first = add(u0, v0, z)
    _ = add(u1, v0, z)
    _ = add(u1, v1, z)
    _ = add(u0, v1, z)
    return first
  }

  mutating func make(_ b: CityBuilding) {
    vertices.removeAll(keepingCapacity: true)
    footprint.removeAll(keepingCapacity: true)
    for i in solids.indices { solids[i].removeAll() }
    partCount = 1
    plot = b.plot
    let (w, h) = (b.halfWidth, b.halfHeight)
    switch b.form {
    case .box(let hut):
      let base = rectangle(-w, -h, w, h, b.ground)
      let top = prism(base, 4, to: b.eaves, solid: 0)
      if hut { withHut(base, top, b) } else { again(base, 4, top: top, solid: 1) }
    case .gable, .hip:
      let base = rectangle(-w, -h, w, h, b.ground)
      _ = prism(base, 4, to: b.eaves + b.rise * 7 / 10, solid: 0)
      pitched(base, b)
    case .ell:
      let (a, c) = (2 * w * b.measure, 2 * h * b.measure)
      let base = add(-w, -h, b.ground)
      _ = add(w, -h, b.ground)
      _ = add(w, -h + c, b.ground)
      _ = add(-w + a, -h + c, b.ground)
      _ = add(-w + a, h, b.ground)
      _ = add(-w, h, b.ground)
      let top = prism(base, 6, to: b.eaves, solid: 0)
      again(base, 6, top: top, solid: 1)
    case .court(let sloping): court(b, sloping)
    case .podium:
      partCount = 2
      let split = -w + 2 * w * b.measure
      let tower = rectangle(-w, -h, split, h, b.ground)
      let towerTop = prism(tower, 4, to: b.eaves, solid: 0)
      again(tower, 4, top: towerTop, solid: 1)
      // The lower part stands against the tower and shares two vertices on the ground with it.
      let east = add(w, -h, b.ground)
      _ = add(w, h, b.ground)
      let low = [tower + 1, east, east + 1, tower + 2]
      let first = vertices.count
      for i in low {
        vertices.append((vertices[i].x, vertices[i].y, (b.ground + b.plinth + b.podiumFloors * 450) * 10))
      }
      for solid in 2...3 {
        solids[solid].begin(.ground)
        solids[solid].ring(low.reversed())
        solids[solid].end()
        solids[solid].begin(.roof)
        solids[solid].ring(first..<first + 4)
        solids[solid].end()
        for i in 0..<4 {
          let j = (i + 1) % 4
          solids[solid].face(.wall, low[i], low[j], first + j, first + i)
        }
      }
      footprint = [[tower, tower + 1, east, east + 1, tower + 2, tower + 3]]
    }
  }

  /// A prism over the ring of `n` vertices at `base`; returns the first vertex of its top.
  private mutating func prism(_ base: Int, _ n: Int, to z: Int, solid: Int) -> Int {
    let top = lift(base, n, to: z)
    if footprint.isEmpty { footprint.append(Array(base..<base + n)) }
    again(base, n, top: top, solid: solid)
    return top
  }

  private mutating func again(_ base: Int, _ n: Int, top: Int, solid: Int) {
    solids[solid].begin(.ground)
    solids[solid].ring((base..<base + n).reversed())
    solids[solid].end()
    solids[solid].begin(.roof)
    solids[solid].ring(top..<top + n)
    solids[solid].end()
    solids[solid].walls(base: base, top: top, count: n)
  }

  /// A flat roof with a lift house: the roof has a hole where the house stands.
  private mutating func withHut(_ base: Int, _ top: Int, _ b: CityBuilding) {
    let (w, h) = (min(3.2, b.halfWidth * 0.4), min(2.6, b.halfHeight * 0.4))
    let foot = rectangle(-w, -h, w, h, b.eaves)
    let head = lift(foot, 4, to: b.eaves + CityBuilding.hutHeight)
    solids[1].begin(.ground)
    solids[1].ring((base..<base + 4).reversed())
    solids[1].end()
    solids[1].begin(.roof)
    solids[1].ring(top..<top + 4)
    solids[1].ring((foot..<foot + 4).reversed())
    solids[1].end()
    solids[1].walls(base: base, top: top, count: 4)
    solids[1].walls(base: foot, top: head, count: 4)
    solids[1].begin(.roof)
    solids[1].ring(head..<head + 4)
    solids[1].end()
  }

  private mutating func pitched(_ base: Int, _ b: CityBuilding) {
    let e = lift(base, 4, to: b.eaves)
    let isHip = if case .hip = b.form { true } else { false }
    // The ridge runs along the first axis; a hip draws its ends in by half the depth, so all slopes are alike.
    let end = isHip ? b.halfWidth - b.halfHeight : b.halfWidth
    let r0 = add(-end, 0, b.eaves + b.rise)
    let r1 = add(end, 0, b.eaves + b.rise)
    solids[1].begin(.ground)
    solids[1].ring((base..<base + 4).reversed())
    solids[1].end()
    solids[1].face(.roof, e, e + 1, r1, r0)
    solids[1].face(.roof, e + 2, e + 3, r0, r1)
    solids[1].face(.wall, base, base + 1, e + 1, e)
    solids[1].face(.wall, base + 2, base + 3, e + 3, e + 2)
    if isHip {
      solids[1].face(.roof, e + 1, e + 2, r1)
      solids[1].face(.roof, e + 3, e, r0)
      solids[1].face(.wall, base + 1, base + 2, e + 2, e + 1)
      solids[1].face(.wall, base + 3, base, e, e + 3)
    } else {
      solids[1].begin(.wall)
      solids[1].ring([base + 1, base + 2, e + 2, r1, e + 1])
      solids[1].end()
      solids[1].begin(.wall)
      solids[1].ring([base + 3, base, e, r0, e + 3])
      solids[1].end()
    }
  }

  private mutating func court(_ b: CityBuilding, _ sloping: Bool) {
    let (w, h, t) = (b.halfWidth, b.halfHeight, b.measure)
    let outer = rectangle(-w, -h, w, h, b.ground)
    // Clockwise: a hole.
    let inner = rectangle(-w + t, h - t, w - t, -h + t, b.ground)
    footprint.append(Array(outer..<outer + 4))
    footprint.append(Array(inner..<inner + 4))
    let block = sloping ? b.eaves + b.rise * 7 / 10 : b.eaves
    let outerTop = lift(outer, 4, to: block)
    let innerTop = lift(inner, 4, to: block)
    for solid in 0..<(sloping ? 1 : 2) {
      solids[solid].begin(.ground)
      solids[solid].ring((outer..<outer + 4).reversed())
      solids[solid].ring((inner..<inner + 4).reversed())
      solids[solid].end()
      solids[solid].begin(.roof)
      solids[solid].ring(outerTop..<outerTop + 4)
      solids[solid].ring(innerTop..<innerTop + 4)
      solids[solid].end()
      solids[solid].walls(base: outer, top: outerTop, count: 4)
      solids[solid].walls(base: inner, top: innerTop, count: 4)
    }
    if !sloping { return }
    let outerEaves = lift(outer, 4, to: b.eaves)
    let innerEaves = lift(inner, 4, to: b.eaves)
    let ridge = rectangle(-w + t / 2, -h + t / 2, w - t / 2, h - t / 2, b.eaves + b.rise)
    solids[1].begin(.ground)
    solids[1].ring((outer..<outer + 4).reversed())
    solids[1].ring((inner..<inner + 4).reversed())
    solids[1].end()
    // The yard's ring starts in the upper left and runs clockwise: corner k of the ridge faces its corner 3 - k.
    for k in 0..<4 {
      let j = (k + 1) % 4
      solids[1].face(.roof, outerEaves + k, outerEaves + j, ridge + j, ridge + k)
      solids[1].face(.roof, ridge + k, ridge + j, innerEaves + 3 - j, innerEaves + 3 - k)
    }
    solids[1].walls(base: outer, top: outerEaves, count: 4)
    solids[1].walls(base: inner, top: innerEaves, count: 4)
  }
}
