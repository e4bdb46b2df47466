/// The thematic layers that are small enough to be written in one go: everything but buildings, units, people and
/// organisations.
struct CityLayers: ~Copyable {
  /// One file as the manifest describes it.
  struct File: Sendable {
    var path: String
    var layer: String
    var format: String
    var crs: String?
    var encoding: String?
    var timezone: String?
    var count: Int
    var bytes: Int
    /// Columns with coordinates (x, y, z) of a csv.
    var coordinates: [String] = []
    /// Types that cannot be told from the values, in the order of the columns.
    var types: [(column: String, type: String)] = []
  }

  let model: CityModel
  private let folder: String
  private(set) var files: [File] = []
  /// Shelters and sensors that answers.json needs again.
  private(set) var shelters: [(id: String, place: CityPoint)] = []
  var oddPoints: [(layer: String, id: String, odd: Int)] = []

  init(_ model: CityModel, folder: String) {
    self.model = model
    self.folder = folder
  }

  mutating func add(
    _ features: consuming CityFeatures, _ name: String, layer: String, format: String = "geojson", system: CitySystem
  ) throws(StoreError) {
    let count = features.count
    let bytes = try features.finish(folder + "/" + name)
    files.append(File(path: name, layer: layer, format: format, crs: system.name, count: count, bytes: bytes))
  }

  mutating func addCSV(
    _ text: borrowing CityBytes, _ name: String, layer: String, count: Int, gb18030: Bool = false,
    system: CitySystem? = nil, coordinates: [String] = [], types: [(column: String, type: String)] = []
  ) throws(StoreError) {
    var file = try CityFile(folder + "/" + name)
    if gb18030 { try file.write(text.encodedGB18030()) } else { try file.write(text) }
    try file.finish()
    files.append(
      File(
        path: name, layer: layer, format: "csv", crs: system?.name, encoding: gb18030 ? "GB18030" : "UTF-8",
        count: count, bytes: file.byteCount, coordinates: coordinates, types: types))
  }

  // MARK: Areas

  mutating func writeAreas() throws(StoreError) {
    let partition = model.partition
    var districts = CityFeatures(.cgcs2000)
    for district in partition.districts.all {
      districts.begin(String(district.code))
      districts.text("name", district.name)
      districts.text("code", String(district.code))
      districts.polygon(district.rings.map { partition.outline($0) })
    }
    try add(districts, "district.geojson", layer: "district", system: .cgcs2000)

    try writeGrids("grid1", partition.level1, level: 1)
    try writeGrids("grid2", partition.level2, level: 2)
    try writeGrids("grid3", partition.level3, level: 3)
  }

  private mutating func writeGrids(
    _ name: String, _ regions: [CityPartition.Region], level: Int
  ) throws(StoreError) {
    let partition = model.partition
    var out = CityFeatures(.plane)
    for (i, region) in regions.enumerated() {
      let code = String(region.code)
      var random = CityRandom(seed: model.seed, .worker, -1 - (level * 100_000 + i))
      out.begin(code)
      let parent: Int
      var label: String
      switch level {
      case 1:
        parent = partition.districts.all[region.parent].code
        label = model.names.townships.text(i)
      case 2:
        parent = partition.level1[region.parent].code
        label = model.names.townships.text(region.parent) + "第\(region.ordinal)片区"
      default:
        let second = partition.level2[region.parent]
        parent = second.code
        label = model.names.townships.text(second.parent) + "第\(second.ordinal)片区第\(region.ordinal)网格"
      }
      if label.isEmpty { label = code }
      out.text("name", label)
      out.text("code", code)
      out.text("parent", String(parent))
      out.person("manager", model.names, random.next())
      out.phone(random.next())
      out.polygon([partition.outline(region.rect)])
    }
    try add(out, name + ".geojson", layer: name, system: .plane)
  }

  // MARK: Streets and water

  mutating func writeLines() throws(StoreError) {
    let partition = model.partition
    var roads = CityFeatures(.cgcs2000, isSequence: true)
    for (i, street) in partition.streets.enumerated() {
      roads.begin(CityIDs.text("R-", i + 1, 5))
      let word = model.names.roads.text(i % model.names.roads.count)
      let round = i / model.names.roads.count
      roads.text("name", round == 0 ? word : "\(word)\(round + 1)段")
      roads.text("class", street.level <= 1 ? "arterial" : (street.level == 2 ? "secondary" : "local"))
      roads.hundredths("width", CityPlots.roadWidth(street.level) * 100)
      roads.line(partition.nodes.along(vertical: street.vertical, at: street.at, from: street.from, to: street.to))
    }
    try add(roads, "road.geojsonl", layer: "road", format: "geojsonseq", system: .cgcs2000)

    let names = ["贾鲁河", "索须河", "金水河", "熊耳河", "七里河", "东风渠", "潮河", "魏河", "十八里河", "枯河"]
    var rivers = CityFeatures(.wgs84)
    for (i, river) in model.terrain.rivers.enumerated() {
      rivers.begin(CityIDs.text("RV-", i + 1, 2))
      rivers.text("name", i < names.count ? names[i] : "\(names[i % names.count])支\(i / names.count)")
      rivers.text("class", i == 0 ? "main" : "tributary")
      rivers.hundredths("width", Int((river.width * 100).rounded()))
      rivers.line(river.course.map { CityWarp.millimetres($0.0, $0.1) })
    }
    try add(rivers, "river.geojson", layer: "river", system: .wgs84)

    var floods = CityFeatures(.plane)
    for flood in model.terrain.floods {
      floods.begin(CityIDs.text("F-", flood.number, 4))
      let scenario = CityTerrain.scenarios[flood.scenario]
      floods.text("name", flood.number == 720 ? "7·20 特大暴雨淹没区" : "\(scenario.dropLast())年一遇淹没区 \(flood.number)")
      floods.text("scenario", scenario)
      floods.hundredths("water_z", flood.waterCentimetres)
      floods.text("valid_from", CityTime.text(minute: flood.validFromHour * 60))
      floods.polygon([flood.ring])
    }
    try add(floods, "flood.geojson", layer: "flood", system: .plane)
  }

  // MARK: Emergency facilities

  mutating func writeFacilities() throws(StoreError) {
    try writeShelters()
    try writeHazards()
    try writeStores()
  }

  private mutating func writeShelters() throws(StoreError) {
    var out = CityFeatures(.wgs84)
    let classes = ["emergency", "emergency", "fixed_short", "emergency", "fixed_medium", "fixed_short", "central"]
    let areas = [600, 900, 2_400, 450, 5_200, 3_100, 14_000]
    let count = model.counts.shelter
    for i in 0..<count {
      var random = CityRandom(seed: model.seed, .shelter, i)
      let grid = model.grid(for: i, of: count, random: &random)
      let spot = model.place(inGrid: grid, random: &random, spread: 0.5)
      let place = CityWarp.millimetres(spot.x, spot.y)
      let capacity = areas[i % 7] + 10 * random.below(areas[i % 7] / 10)
      let status = i % 10 == 3 ? "full" : (i % 10 == 5 ? "closed" : "open")
      let id = CityIDs.text("S-", i + 1, 4)
      shelters.append((id, place))
      out.begin(id)
      let level1 = model.partition.level2[model.partition.level3[grid].parent].parent
      let kind = i % 7 == 6 ? "公园" : (i % 2 == 0 ? "中学" : "广场")
      out.text("name", "\(model.names.townships.text(level1))\(kind)避难场所\(i + 1)")
      out.text("class", classes[i % 7])
      out.number("capacity", capacity)
      let occupied = random.below(capacity * 2 / 3)
      switch status {
      case "full": out.number("occupied", capacity)
      case "closed": out.number("occupied", 0)
      // One in twenty has not been heard of: unknown, not empty.
      default: if i % 20 == 16 { out.null("occupied") } else { out.number("occupied", occupied) }
      }
      out.text("status", status)
      out.phone(random.next())
      out.text("as_of", CityTime.text(minute: 7 * 60 + random.below(120)))
      out.point(place)
    }
    try add(out, "shelter.geojson", layer: "shelter", system: .wgs84)
  }

  static let hazardKinds = ["滑坡", "崩塌", "泥石流", "地面塌陷", "地裂缝", "地面沉降"]

  private mutating func writeHazards() throws(StoreError) {
    var out = CityFeatures(.cgcs2000)
    let count = model.counts.hazard
    // Landslides belong in the hills; subsidence in the plain.
    let hills = model.kinds.indices.filter { model.terrain.hilliness(model.partition.level3[$0].rect.midX) > 0.02 }
    var named = false
    for i in 0..<count {
      var random = CityRandom(seed: model.seed, .hazard, i)
      // Numbers spread over 1...481; the one that passes 231 takes it.
      var number = 1 + i * 481 / count
      let following = 1 + (i + 1) * 481 / count
      let isLandmark = !named && following > 231
      if isLandmark {
        number = 231
        named = true
      }
      let kind = isLandmark ? 0 : i % 6
      var place = model.hazardPlace
      if !isLandmark {
        let pick = random.below(max(1, hills.count))
        let grid =
          kind < 3 && !hills.isEmpty ? hills[pick] : model.grid(for: i, of: count, random: &random)
        let spot = model.place(inGrid: grid, random: &random)
        place = CityWarp.millimetres(spot.x, spot.y)
      }
      out.begin(CityIDs.text("HZ-", number, 4))
      out.text("name", "\(CityLayers.hazardKinds[kind])隐患点\(number)号")
      out.text("kind", CityLayers.hazardKinds[kind])
      out.number("threat_people", isLandmark ? 268 : random.between(4, kind < 3 ? 320 : 1_200))
      out.text("status", random.chance(0.8) ? "monitored" : (random.chance(0.5) ? "treated" : "alert"))
      out.phone(random.next())
      // Larger ones are known by their outline.
      if !isLandmark, i % 5 == 4 {
        let radius = random.between(18_000.0, 60_000.0)
        out.polygon([CityLayers.blob(place, radius: radius, random: &random)])
      } else {
        out.point(place)
      }
    }
    try add(out, "hazard.geojson", layer: "hazard", system: .cgcs2000)
  }

  /// An uneven ring of twelve corners, counter-clockwise.
  static func blob(_ middle: CityPoint, radius: Double, random: inout CityRandom) -> [CityPoint] {
    (0..<12).map { i in
      let angle = Double(i) * 0.523_598_775_598_298_9
      let r = radius * random.between(0.7, 1)
      return CityPoint(
        x: middle.x + Int((r * citySine(angle + 1.570_796_326_794_896_6)).rounded()),
        y: middle.y + Int((r * citySine(angle)).rounded()))
    }
  }

  private mutating func writeStores() throws(StoreError) {
    var warehouses = CityFeatures(.cgcs2000)
    for i in 0..<model.counts.warehouse {
      var random = CityRandom(seed: model.seed, .warehouse, i)
      let grid = model.grid(for: i, of: model.counts.warehouse, random: &random)
      let spot = model.place(inGrid: grid, random: &random)
      warehouses.begin(CityIDs.text("WH-", i + 1, 2))
      warehouses.text("name", "第\(i + 1)防汛物资仓库")
      warehouses.number("stock", 500 * random.between(2, 60))
      warehouses.phone(random.next())
      warehouses.point(CityWarp.millimetres(spot.x, spot.y))
    }
    try add(warehouses, "warehouse.geojson", layer: "warehouse", system: .cgcs2000)

    var teams = CityBytes()
    let projection = CityProjection()
    teams.put("id,name,kind,members,phone,lon,lat\n")
    let kinds = ["消防救援", "水上救援", "医疗救护", "工程抢险", "社会救援"]
    for i in 0..<model.counts.team {
      var random = CityRandom(seed: model.seed, .team, i)
      let grid = model.grid(for: i, of: model.counts.team, random: &random)
      let spot = model.place(inGrid: grid, random: &random)
      teams.put(text: CityIDs.text("RT-", i + 1, 2))
      teams.put(text: ",第\(i + 1)\(kinds[i % 5])队,\(kinds[i % 5]),\(random.between(8, 120)),")
      CityNames.putPhone(random.next(), into: &teams)
      let (longitude, latitude) = projection.degrees(CityWarp.millimetres(spot.x, spot.y))
      teams.put(byte: 0x2C)
      teams.put(longitude, decimals: 7)
      teams.put(byte: 0x2C)
      teams.put(latitude, decimals: 7)
      teams.put(byte: 0x0A)
    }
    try addCSV(
      teams, "team.csv", layer: "team", count: model.counts.team, system: .wgs84, coordinates: ["lon", "lat"])
  }

  // MARK: People on duty

  mutating func writeDuty() throws(StoreError) {
    try writeRoster(
      "grid_worker.csv", layer: "grid_worker", prefix: "GW-", count: model.counts.gridWorker, kind: .worker,
      duties: ["网格长", "专职网格员", "专职网格员", "兼职网格员"])
    // As an older bureau sends it.
    try writeRoster(
      "warden.csv", layer: "warden", prefix: "FW-", count: model.counts.warden, kind: .warden,
      duties: ["行政责任人", "技术责任人", "巡查责任人", "转移责任人"], gb18030: true)
    try writeRoster(
      "expert.csv", layer: "expert", prefix: "EX-", count: model.counts.expert, kind: .expert,
      duties: ["水利", "地质", "气象", "建筑结构", "危险化学品", "医疗救治", "通信"], field: true)
  }

  private mutating func writeRoster(
    _ name: String, layer: String, prefix: String, count: Int, kind: CityRandom.Kind, duties: [String],
    gb18030: Bool = false, field: Bool = false
  ) throws(StoreError) {
    var out = CityBytes(capacity: count * 64 + 256)
    out.put(field ? "id,name,field,grid3,phone,duty\n" : "id,name,grid3,phone,duty\n")
    let duty = CityWords(duties)
    for i in 0..<count {
      var random = CityRandom(seed: model.seed, kind, i)
      let grid = model.grid(for: i, of: count, random: &random)
      out.put(text: CityIDs.text(prefix, i + 1, 5))
      out.put(byte: 0x2C)
      model.names.putPerson(random.next(), into: &out)
      out.put(byte: 0x2C)
      let pick = random.below(duty.count)
      if field {
        out.put(duty, pick)
        out.put(byte: 0x2C)
      }
      out.put(model.partition.level3[grid].code)
      out.put(byte: 0x2C)
      CityNames.putPhone(random.next(), into: &out)
      out.put(byte: 0x2C)
      if field { out.put(i % 3 == 0 ? "值班专家" : "备勤专家") } else { out.put(duty, pick) }
      out.put(byte: 0x0A)
    }
    try addCSV(out, name, layer: layer, count: count, gb18030: gb18030)
  }
}
