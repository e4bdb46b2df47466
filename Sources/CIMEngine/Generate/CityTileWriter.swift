/// Makes the buildings, units, people and organisations of a run of level-3 grids, as text in memory.
///
/// One writer belongs to one thread and is used for many tiles; what it makes for a tile depends on the model and the
/// tile alone.
struct CityTileWriter: ~Copyable {
  let model: CityModel
  let projection = CityProjection()
  private let hazard: CityPoint

  /// CityJSONSeq features, without the header line.
  private(set) var building = CityBytes(capacity: 1 << 21)
  /// CSV rows, or GeoJSONSeq when the tile says so.
  private(set) var unit = CityBytes(capacity: 1 << 20)
  var person = CityBytes(capacity: 1 << 20)
  var org = CityBytes(capacity: 1 << 18)
  var summary = CityTileSummary()

  private var plots = CityPlots()
  private var shape = CityShape()
  private var buildings: [CityBuilding] = []
  /// Of the units of the grid at hand: whether people live there, how many, and where it is.
  var homes: [Bool] = []
  var people: [Int] = []
  var places: [CityPoint] = []
  /// Units of the grid that lie in a flood, and whether their floor lies below its water.
  private var flooded: [(unit: Int, flood: Int, below: Bool)] = []
  private var floods: [Int] = []
  private var translate = CityPoint(x: 0, y: 0)
  private var isSequence = false

  init(_ model: CityModel) {
    self.model = model
    hazard = model.hazardPlace
  }

  mutating func make(_ tile: CityTile) {
    building.removeAll()
    unit.removeAll()
    person.removeAll()
    org.removeAll()
    summary = CityTileSummary()
    summary.floods = [CityFloodCount](repeating: CityFloodCount(), count: model.terrain.floods.count)
    isSequence = tile.unitsAreGeoJSON
    translate = tile.translate
    if tile.isOdd {
      for i in model.odd.indices { makeOdd(i) }
    } else {
      for grid in tile.grids { makeGrid(grid) }
    }
  }

  // MARK: One grid

  private mutating func makeGrid(_ grid: Int) {
    let region = model.partition.level3[grid]
    let kind = model.kinds[grid]
    var random = CityRandom(seed: model.seed, .cell, model.gridCount + grid)
    let rivers = model.terrain.reaches(near: region.rect, margin: 700)
    plots.fill(region, kind: kind, wanted: model.buildings.count(grid), rivers: rivers, random: &random)
    let first = model.buildings.start(grid)
    buildings.removeAll(keepingCapacity: true)
    var capacity = 0
    for (i, plot) in plots.plots.enumerated() {
      var own = CityRandom(seed: model.seed, .building, first + i)
      var b = CityBuilding.choose(kind, on: plot, random: &own)
      b.ground = Int((model.terrain.ground(plot.x, plot.y, nearby: rivers) * 100).rounded())
      capacity += b.capacity
      buildings.append(b)
    }
    // The wanted units go to the buildings by what each would hold; the last one gets what rounding left.
    let wanted = model.units.count(grid)
    var (running, given) = (0, 0)
    for i in buildings.indices {
      running += buildings[i].capacity
      let upTo = wanted * running / max(1, capacity)
      buildings[i].units = upTo - given
      given = upTo
    }
    startGrid(region.rect)
    for i in buildings.indices {
      let number = first + i + 1
      emit(buildings[i], number: number, grid: grid)
      emitUnits(buildings[i], building: number, firstUnit: model.units.start(grid) + places.count + 1)
    }
    let before = summary.people
    emitPeople(
      first: model.persons.start(grid) + 1, count: model.persons.count(grid), firstUnit: model.units.start(grid) + 1)
    emitOrgs(first: model.orgs.start(grid) + 1, count: model.orgs.count(grid), firstUnit: model.units.start(grid) + 1)
    finishGrid()
    summary.grids.append(
      CityGridCount(
        grid: grid, buildings: buildings.count, units: places.count, people: summary.people - before,
        orgs: model.orgs.count(grid)))
  }

  private mutating func startGrid(_ r: CityRect) {
    homes.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    flooded.removeAll(keepingCapacity: true)
    floods.removeAll(keepingCapacity: true)
    // The warp moves the corners of a grid by less than a tenth of its side against its middle.
    let middle = CityWarp.millimetres(r.midX, r.midY)
    let reach = Int(Double(r.width + r.height)) * 1_000
    for (i, flood) in model.terrain.floods.enumerated() {
      if flood.low.x - reach < middle.x, flood.high.x + reach > middle.x, flood.low.y - reach < middle.y,
        flood.high.y + reach > middle.y
      {
        floods.append(i)
      }
    }
  }

  private mutating func finishGrid() {
    for entry in flooded {
      summary.floods[entry.flood].unitsInside += 1
      summary.floods[entry.flood].peopleInside += people[entry.unit]
      if entry.below {
        summary.floods[entry.flood].unitsBelow += 1
        summary.floods[entry.flood].peopleBelow += people[entry.unit]
      }
    }
  }

  // MARK: Odd places

  /// A small house whose middle, and whose one unit, is exactly at an odd place.
  private mutating func makeOdd(_ index: Int) {
    let odd = model.odd[index]
    var random = CityRandom(seed: model.seed, .odd, index + 1)
    let (cosine, sine) = CityWarp.direction(odd.x, odd.y)
    let plot = CityPlot(
      east: Double(odd.place.x) / 1_000, north: Double(odd.place.y) / 1_000, cosine: cosine, sine: sine,
      halfWidth: 4, halfHeight: 4, x: odd.x, y: odd.y)
    let floors = odd.kind == .edge ? 2 : 1
    var b = CityBuilding(
      plot: plot, form: .box(hut: false), halfWidth: 4, halfHeight: 3, floors: floors, floorHeight: 300, plinth: 20,
      use: .mixed, year: 2001 + random.below(20), capacity: 1)
    b.ground = model.groundCentimetres(odd.x, odd.y)
    b.units = CityModel.unitsPerOddBuilding
    let side = Int32(50)
    startGrid(
      CityRect(x0: Int32(odd.x) - side, y0: Int32(odd.y) - side, x1: Int32(odd.x) + side, y1: Int32(odd.y) + side))
    let number = model.firstOddBuilding + index
    let firstUnit = model.firstOddUnit + index * CityModel.unitsPerOddBuilding
    emit(b, number: number, grid: odd.grids[0])
    emitUnit(b, building: number, number: firstUnit, at: odd.place, floor: 1, slot: 1, area: 38)
    let left = model.counts.person - model.persons.total - index * CityModel.peoplePerOddUnit
    emitPeople(
      first: model.firstOddPerson + index * CityModel.peoplePerOddUnit,
      count: max(0, min(CityModel.peoplePerOddUnit, left)), firstUnit: firstUnit)
    if index < model.counts.org - model.orgs.total {
      emitOrgs(first: model.firstOddOrg + index, count: 1, firstUnit: firstUnit)
    }
    finishGrid()
  }

  // MARK: Buildings

  private mutating func emit(_ b: CityBuilding, number: Int, grid: Int) {
    shape.make(b)
    summary.buildings += 1
    summary.take(shape)
    if b.plot.near(hazard, metres: 600), shape.distance(to: hazard) <= 500 { summary.buildingsNearHazard += 1 }

    building.put("{\"type\":\"CityJSONFeature\",\"id\":\"")
    CityIDs.building(number, into: &building)
    building.put("\",\"CityObjects\":{\"")
    CityIDs.building(number, into: &building)
    building.put("\":{\"type\":\"Building\",\"attributes\":{")
    emitAttributes(b, number: number, grid: grid)
    building.put(byte: 0x7D)
    if shape.partCount == 1 {
      building.put(",\"geometry\":[")
      emitGeometry(0)
      building.put("]}")
    } else {
      building.put(",\"children\":[\"")
      CityIDs.building(number, into: &building)
      building.put("-1\",\"")
      CityIDs.building(number, into: &building)
      building.put("-2\"]}")
      for part in 0..<2 {
        building.put(",\"")
        CityIDs.building(number, into: &building)
        building.put(part == 0 ? "-1" : "-2")
        building.put("\":{\"type\":\"BuildingPart\",\"attributes\":{\"floors\":")
        building.put(part == 0 ? b.floors : b.podiumFloors)
        building.put("},\"parents\":[\"")
        CityIDs.building(number, into: &building)
        building.put("\"],\"geometry\":[")
        emitGeometry(2 * part)
        building.put("]}")
      }
    }
    building.put("},\"vertices\":[")
    for (i, vertex) in shape.vertices.enumerated() {
      building.put(i == 0 ? "[" : ",[")
      building.put(vertex.x - translate.x)
      building.put(byte: 0x2C)
      building.put(vertex.y - translate.y)
      building.put(byte: 0x2C)
      building.put(vertex.z)
      building.put(byte: 0x5D)
    }
    building.put("]}\n")
  }

  private mutating func emitAttributes(_ b: CityBuilding, number: Int, grid: Int) {
    let level1 = model.partition.level2[model.partition.level3[grid].parent].parent
    let district = model.partition.level1[level1].parent
    if b.units > 15 || b.use == .medical || b.use == .education {
      building.put("\"name\":\"")
      building.put(model.names.roads, number / 64 % model.names.roads.count)
      building.put(byte: 0x20)
      building.put(number % 64 + 1)
      switch b.use {
      case .medical: building.put(" 号医院")
      case .education: building.put(" 号学校")
      case .office, .commercial: building.put(" 号大厦")
      default: building.put(" 号楼")
      }
      building.put("\",")
    }
    building.put("\"height\":")
    building.put(b.top - b.ground, decimals: 2)
    building.put(",\"ground_z\":")
    building.put(b.ground, decimals: 2)
    building.put(",\"floors\":")
    building.put(b.floors)
    building.put(",\"floors_below\":")
    building.put(b.floorsBelow)
    building.put(",\"use\":\"")
    building.put(CityUse.words, b.use.rawValue)
    building.put("\",\"year_built\":")
    building.put(b.year)
    building.put(",\"address\":\"")
    building.put(model.names.districts, district)
    building.put(model.names.townships, level1)
    building.put(model.names.roads, (grid &* 7 &+ number / 16) % model.names.roads.count)
    building.put(number % 400 + 1)
    building.put("号\",\"grid3\":null")
  }

  private mutating func emitGeometry(_ first: Int) {
    building.put("{\"type\":\"Solid\",\"lod\":\"1.2\",")
    shape.solids[first].write(into: &building)
    building.put("},{\"type\":\"Solid\",\"lod\":\"2.2\",")
    shape.solids[first + 1].write(into: &building)
    building.put("}")
  }

  // MARK: Units

  private mutating func emitUnits(_ b: CityBuilding, building number: Int, firstUnit: Int) {
    if b.units == 0 { return }
    let wings = b.wings()
    var area = 0.0
    for wing in wings { area += wing.halfWidth * wing.halfHeight }
    // One unit of a larger building with a basement lies down there.
    let basement = b.floorsBelow > 0 && b.units >= 4 && number % 3 != 0 ? 1 : 0
    let above = b.units - basement
    var next = firstUnit
    for floor in 1...b.floors {
      // Unit j of n is on floor j * floors / n + 1: spread evenly, several on a floor or a floor between.
      let low = ((floor - 1) * above + b.floors - 1) / b.floors
      let high = (floor * above + b.floors - 1) / b.floors
      emitFloor(b, wings, area, building: number, floor: floor, count: high - low, next: &next)
    }
    emitFloor(b, wings, area, building: number, floor: -1, count: basement, next: &next)
  }

  private mutating func emitFloor(
    _ b: CityBuilding, _ wings: [(u: Double, v: Double, halfWidth: Double, halfHeight: Double)], _ area: Double,
    building number: Int, floor: Int, count: Int, next: inout Int
  ) {
    if count <= 0 { return }
    var (done, share) = (0, 0.0)
    for (w, wing) in wings.enumerated() {
      share += wing.halfWidth * wing.halfHeight
      let upTo = w + 1 == wings.count ? count : Int((Double(count) * share / area).rounded())
      let here = upTo - done
      if here <= 0 { continue }
      // Along the longer side of the wing; deep wings have a corridor and units on both sides.
      let lengthwise = wing.halfWidth >= wing.halfHeight
      let (long, deep) = lengthwise ? (wing.halfWidth, wing.halfHeight) : (wing.halfHeight, wing.halfWidth)
      let rows = deep > 7 && here > 1 ? 2 : 1
      let columns = (here + rows - 1) / rows
      let unitArea = min(160, 4 * long * deep * 0.82 / Double(here))
      for slot in 0..<here {
        let along = -long + (Double(slot / rows) + 0.5) * 2 * long / Double(columns)
        let across = rows == 1 ? 0 : (slot % 2 == 0 ? -deep / 2 : deep / 2)
        let (u, v) = lengthwise ? (along, across) : (across, along)
        let exact = b.plot.millimetres(wing.u + u, wing.v + v)
        // Surveyed to the centimetre.
        let place = CityPoint(x: (exact.x + 5) / 10 * 10, y: (exact.y + 5) / 10 * 10)
        emitUnit(b, building: number, number: next, at: place, floor: floor, slot: done + slot + 1, area: unitArea)
        next += 1
      }
      done = upTo
    }
  }

  private mutating func emitUnit(
    _ b: CityBuilding, building number: Int, number id: Int, at place: CityPoint, floor: Int, slot: Int, area: Double
  ) {
    let bottom =
      floor > 0
      ? b.ground + b.plinth + (floor - 1) * b.floorHeight : b.ground + b.plinth + floor * CityBuilding.basementHeight
    let top = bottom + (floor > 0 ? b.floorHeight : CityBuilding.basementHeight) - 20
    for i in floods {
      let flood = model.terrain.floods[i]
      if place.x < flood.low.x || place.x > flood.high.x || place.y < flood.low.y || place.y > flood.high.y { continue }
      if place.isInside(flood.ring) { flooded.append((places.count, i, bottom < flood.waterCentimetres)) }
    }
    homes.append(b.use.isHome && floor > 0)
    places.append(place)
    summary.units += 1
    let tenths = Int((area * 10).rounded())
    if isSequence {
      let (longitude, latitude) = projection.degrees(place)
      unit.put("{\"type\":\"Feature\",\"id\":\"")
      CityIDs.unit(id, into: &unit)
      unit.put("\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[")
      unit.put(longitude, decimals: 9)
      unit.put(byte: 0x2C)
      unit.put(latitude, decimals: 9)
      unit.put(byte: 0x2C)
      unit.put(bottom, decimals: 2)
      unit.put("]},\"properties\":{\"building\":\"")
      CityIDs.building(number, into: &unit)
      unit.put("\",\"floor\":")
      unit.put(floor)
      unit.put(",\"room\":\"")
      putRoom(floor, slot)
      unit.put("\",\"z_min\":")
      unit.put(bottom, decimals: 2)
      unit.put(",\"z_max\":")
      unit.put(top, decimals: 2)
      unit.put(",\"area\":")
      unit.put(tenths, decimals: 1)
      unit.put(",\"grid3\":null}}\n")
    } else {
      CityIDs.unit(id, into: &unit)
      unit.put(byte: 0x2C)
      CityIDs.building(number, into: &unit)
      unit.put(byte: 0x2C)
      unit.put(floor)
      unit.put(byte: 0x2C)
      putRoom(floor, slot)
      unit.put(byte: 0x2C)
      unit.put(place.x, decimals: 3)
      unit.put(byte: 0x2C)
      unit.put(place.y, decimals: 3)
      unit.put(byte: 0x2C)
      unit.put(bottom, decimals: 2)
      unit.put(byte: 0x2C)
      unit.put(bottom, decimals: 2)
      unit.put(byte: 0x2C)
      unit.put(top, decimals: 2)
      unit.put(byte: 0x2C)
      unit.put(tenths, decimals: 1)
      unit.put(",\n")
    }
  }

  /// 1203 on the twelfth floor, B101 in the first basement.
  private mutating func putRoom(_ floor: Int, _ slot: Int) {
    if floor < 0 { unit.put(byte: 0x42) }
    unit.put(floor.magnitude == 0 ? 0 : Int(floor.magnitude))
    unit.put(slot, width: 2)
  }
}
