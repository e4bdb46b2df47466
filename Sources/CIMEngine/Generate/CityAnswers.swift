/// answers.json: what is true of the city, from how it was placed. The engine under test has no part in it.
struct CityAnswers {
  let model: CityModel
  let summary: CityRunSummary
  let layers: [CityLayers.File]
  let shelters: [(id: String, place: CityPoint)]
  let oddPoints: [(layer: String, id: String, odd: Int)]

  func write(to path: String) throws(StoreError) {
    var out = CityBytes(capacity: 1 << 20)
    let counts = model.counts
    out.put("{\n\"about\":\"Known answers about this synthetic city, worked out by the generator from how it placed ")
    out.put("things. Units and people of a grid leave out the odd places, which are listed apart. Distances are ")
    out.put("metres in EPSG:4547.\",\n\"scale\":")
    out.put(text: "\(counts.scale)")
    out.put(",\"seed\":")
    out.put(text: "\(model.seed)")
    out.put(",\n")
    putCounts(&out)
    putGrids(&out)
    putDistricts(&out)
    putOdd(&out)
    putShelters(&out)
    putFloods(&out)
    out.put("\"within\":[\n{\"layer\":\"building\",\"of\":\"hazard\",\"id\":\"HZ-0231\",\"metres\":500,\"count\":")
    out.put(summary.buildingsNearHazard)
    out.put("}\n]\n}\n")
    var file = try CityFile(path)
    try file.write(out)
    try file.finish()
  }

  private func putCounts(_ out: inout CityBytes) {
    out.put("\"counts\":{")
    var merged: [(layer: String, count: Int)] = []
    for file in layers {
      if let i = merged.firstIndex(where: { $0.layer == file.layer }) {
        merged[i].count += file.count
      } else {
        merged.append((file.layer, file.count))
      }
    }
    merged.append(("building", summary.buildings))
    for (i, entry) in merged.enumerated() {
      out.put(i == 0 ? "\"" : ",\"")
      out.put(text: entry.layer)
      out.put("\":")
      out.put(entry.count)
    }
    out.put("},\n")
  }

  private func putGrids(_ out: inout CityBytes) {
    let partition = model.partition
    var second = [CityGridCount](repeating: CityGridCount.none, count: partition.level2.count)
    var first = [CityGridCount](repeating: CityGridCount.none, count: partition.level1.count)
    for entry in summary.grids {
      let parent = partition.level3[entry.grid].parent
      second[parent].add(entry)
      first[partition.level2[parent].parent].add(entry)
    }
    put("grid1", partition.level1.indices.map { (partition.level1[$0].code, first[$0]) }, &out)
    put("grid2", partition.level2.indices.map { (partition.level2[$0].code, second[$0]) }, &out)
    put("grid3", summary.grids.map { (partition.level3[$0.grid].code, $0) }, &out)
  }

  private func put(_ name: StaticString, _ entries: [(code: Int, count: CityGridCount)], _ out: inout CityBytes) {
    out.put("\"")
    out.put(name)
    out.put("\":{")
    for (i, entry) in entries.sorted(by: { $0.code < $1.code }).enumerated() {
      out.put(i == 0 ? "\n\"" : ",\n\"")
      out.put(entry.code)
      out.put("\":{\"buildings\":")
      out.put(entry.count.buildings)
      out.put(",\"units\":")
      out.put(entry.count.units)
      out.put(",\"people\":")
      out.put(entry.count.people)
      out.put("}")
    }
    out.put("\n},\n")
  }

  private func putDistricts(_ out: inout CityBytes) {
    let partition = model.partition
    var districts = [CityGridCount](repeating: CityGridCount.none, count: partition.districts.all.count)
    for entry in summary.grids { districts[partition.districtOf(level3: entry.grid)].add(entry) }
    // Odd places lie well inside a district or outside all of them.
    for (i, odd) in model.odd.enumerated() {
      guard let district = odd.district else { continue }
      districts[district].add(
        CityGridCount(
          grid: 0, buildings: 1, units: CityModel.unitsPerOddBuilding, people: summary.oddPeople[i], orgs: 0))
    }
    put("district", districts.indices.map { (partition.districts.all[$0].code, districts[$0]) }, &out)
  }

  private func putOdd(_ out: inout CityBytes) {
    out.put("\"odd\":[")
    var isFirst = true
    for (i, odd) in model.odd.enumerated() {
      let unit = model.firstOddUnit + i * CityModel.unitsPerOddBuilding
      var entries = [
        ("building", CityIDs.text("B-", model.firstOddBuilding + i, 7)), ("unit", CityIDs.text("U-", unit, 7)),
      ]
      if i < model.counts.org - model.orgs.total {
        entries.append(("org", CityIDs.text("O-", model.firstOddOrg + i, 6)))
      }
      for point in oddPoints where point.odd == i { entries.append((point.layer, point.id)) }
      for (layer, id) in entries {
        out.put(isFirst ? "\n" : ",\n")
        isFirst = false
        put(odd, index: i, layer: layer, id: id, &out)
      }
    }
    out.put("\n],\n")
  }

  private func put(_ odd: CityOddPlace, index: Int, layer: String, id: String, _ out: inout CityBytes) {
    out.put("{\"layer\":\"")
    out.put(text: layer)
    out.put("\",\"id\":\"")
    out.put(text: id)
    out.put("\",\"kind\":\"")
    switch odd.kind {
    case .edge: out.put("shared_edge")
    case .corner: out.put("shared_corner")
    case .near: out.put("outside_within_30m")
    case .far: out.put("outside_beyond_30m")
    }
    out.put("\",\"x\":")
    out.put(odd.place.x, decimals: 3)
    out.put(",\"y\":")
    out.put(odd.place.y, decimals: 3)
    let codes = odd.grids.map { model.partition.level3[$0].code }.sorted()
    if odd.kind == .edge || odd.kind == .corner {
      out.put(",\"grids\":[")
      for (i, code) in codes.enumerated() {
        out.put(i == 0 ? "\"" : ",\"")
        out.put(code)
        out.put("\"")
      }
      out.put("]")
    } else {
      out.put(",\"nearest\":\"")
      out.put(codes[0])
      out.put("\",\"distance\":")
      out.put(odd.distance, decimals: 3)
    }
    if layer == "unit" {
      out.put(",\"people\":")
      out.put(summary.oddPeople[index])
    }
    out.put("}")
  }

  // MARK: Shelters and floods

  private func putShelters(_ out: inout CityBytes) {
    let projection = CityProjection()
    var points: [(Double, Double, String)] = [
      (113.62, 34.75, "EPSG:4326"), (113.65, 34.76, "EPSG:4326"), (113.6562, 34.7588, "GCJ02"),
      (113.64, 34.745, "EPSG:4326"),
    ]
    for (x, y) in [(-0.6, -0.5), (-0.3, 0.7), (0.2, -0.8), (0.55, 0.35), (0.9, 0.9)] {
      let r = model.partition.bounds
      let spot = CityWarp.millimetres(r.midX + x * Double(r.width) / 2, r.midY + y * Double(r.height) / 2)
      let (longitude, latitude) = projection.degrees(spot)
      points.append(
        ((longitude * 1e4).rounded() / 1e4, (latitude * 1e4).rounded() / 1e4, "EPSG:4326"))
    }
    out.put("\"nearest_shelters\":[")
    for (i, point) in points.enumerated() {
      var (longitude, latitude) = (point.0, point.1)
      if point.2 == "GCJ02" {
        let straight = OffsetSystems.wgs84(fromGCJ02: longitude, latitude)
        (longitude, latitude) = (straight.longitude, straight.latitude)
      }
      let (x, y) = projection.metres(longitude, latitude)
      let place = CityPoint(x: Int((x * 1_000).rounded()), y: Int((y * 1_000).rounded()))
      var ranked: [(id: String, distance: Double)] = []
      for shelter in shelters { ranked.append((shelter.id, shelter.place.distance(to: place))) }
      ranked.sort { a, b in a.distance == b.distance ? a.id < b.id : a.distance < b.distance }
      out.put(i == 0 ? "\n{\"lon\":" : ",\n{\"lon\":")
      out.put(point.0, decimals: 7)
      out.put(",\"lat\":")
      out.put(point.1, decimals: 7)
      out.put(",\"crs\":\"")
      out.put(text: point.2)
      out.put("\",\"shelters\":[")
      for (j, shelter) in ranked.prefix(5).enumerated() {
        out.put(j == 0 ? "{\"id\":\"" : ",{\"id\":\"")
        out.put(text: shelter.id)
        out.put("\",\"distance\":")
        out.put(shelter.distance, decimals: 3)
        out.put("}")
      }
      out.put("]}")
    }
    out.put("\n],\n")
  }

  private func putFloods(_ out: inout CityBytes) {
    out.put("\"floods\":[")
    for (i, flood) in model.terrain.floods.enumerated() {
      let count = summary.floods[i]
      out.put(i == 0 ? "\n{\"id\":\"" : ",\n{\"id\":\"")
      out.put(text: CityIDs.text("F-", flood.number, 4))
      out.put("\",\"water_z\":")
      out.put(flood.waterCentimetres, decimals: 2)
      out.put(",\"units_inside\":")
      out.put(count.unitsInside)
      out.put(",\"units_below\":")
      out.put(count.unitsBelow)
      out.put(",\"people_inside\":")
      out.put(count.peopleInside)
      out.put(",\"people_below\":")
      out.put(count.peopleBelow)
      out.put("}")
    }
    out.put("\n],\n")
  }
}

extension CityGridCount {
  static var none: CityGridCount { CityGridCount(grid: 0, buildings: 0, units: 0, people: 0, orgs: 0) }

  mutating func add(_ other: CityGridCount) {
    buildings += other.buildings
    units += other.units
    people += other.people
    orgs += other.orgs
  }
}
