/// What happens and what watches: warnings, events, plans, sensors, cameras.
extension CityLayers {
  mutating func writeEvents() throws(StoreError) {
    var warnings = CityFeatures(.cgcs2000)
    let kinds = ["暴雨", "雷电", "大风", "地质灾害", "山洪", "城市内涝"]
    for i in 0..<model.counts.warning {
      var random = CityRandom(seed: model.seed, .warning, i)
      let grid = model.grid(for: i, of: model.counts.warning, random: &random)
      let r = model.partition.level3[grid].rect
      let level = random.below(4)
      // Drawn so that times and areas stay those of the seed.
      _ = random.below(4)
      warnings.begin(CityIDs.text("WR-", i + 1, 4))
      warnings.text("name", "\(kinds[i % 6])\(["蓝", "黄", "橙", "红"][level])色预警第\(i + 1)号")
      warnings.text("kind", kinds[i % 6])
      warnings.text("level", ["blue", "yellow", "orange", "red"][level])
      warnings.text("status", i % 3 == 2 ? "lifted" : "active")
      warnings.text("time", CityTime.text(minute: random.below(1_440)))
      let radius = random.between(0.15, 0.5) * model.terrain.halfHeight * 1_000
      warnings.polygon([CityLayers.blob(CityWarp.millimetres(r.midX, r.midY), radius: radius, random: &random)])
    }
    try add(warnings, "warning.geojson", layer: "warning", system: .cgcs2000)

    var events = CityFeatures(.wgs84)
    let happenings = ["积水", "内涝", "道路中断", "停电", "树木倒伏", "路面塌陷", "人员被困"]
    let count = model.counts.event
    let outside = model.odd.indices.filter { model.odd[$0].kind == .near || model.odd[$0].kind == .far }.prefix(
      count / 5)
    for i in 0..<count {
      var random = CityRandom(seed: model.seed, .event, i)
      let grid = model.grid(for: i, of: count, random: &random)
      let spot = model.place(inGrid: grid, random: &random, spread: 0.85)
      var place = CityWarp.millimetres(spot.x, spot.y)
      let id = CityIDs.text("E-", i + 1, 5)
      if i >= count - outside.count {
        let odd = outside[outside.startIndex + (i - (count - outside.count))]
        place = model.odd[odd].place
        oddPoints.append(("event", id, odd))
      }
      events.begin(id)
      events.text("name", "\(happenings[i % 7])事件\(i + 1)")
      events.text("kind", happenings[i % 7])
      events.number("level", random.between(1, 4))
      events.text("status", ["reported", "handling", "closed"][random.below(3)])
      events.text("time", CityTime.text(minute: random.below(1_440)))
      events.null("grid3")
      events.point(place)
    }
    try add(events, "event.geojson", layer: "event", system: .wgs84)

    var plans = CityBytes()
    plans.put("id,name,kind,level,status,time\n")
    let names = [
      "防汛", "地质灾害", "地震", "危险化学品", "城市内涝", "供水突发事件", "大面积停电", "燃气突发事件", "森林火灾", "公共卫生", "通信保障",
    ]
    for i in 0..<model.counts.plan {
      let name = names[i % names.count]
      plans.put(
        text: "PL-\(i < 9 ? "0" : "")\(i + 1),\(name)应急预案,\(name),\(i % 4 + 1),\(i % 5 == 4 ? "draft" : "in_force"),")
      CityTime.put(minute: i * 97 % 1_440, into: &plans)
      plans.put(byte: 0x0A)
    }
    try addCSV(
      plans, "plan.csv", layer: "plan", count: model.counts.plan, types: [("level", "int"), ("time", "timestamp")])
  }

  // MARK: Devices

  mutating func writeDevices() throws(StoreError) {
    var sensors = CityFeatures(.plane)
    let count = model.counts.sensor
    let odd = model.odd.indices.prefix(count / 3)
    for i in 0..<count {
      var random = CityRandom(seed: model.seed, .sensor, i)
      let id = CityIDs.text("SE-", i + 1, 5)
      var kind = ["water_level", "rain", "ponding", "tilt"][i % 4]
      let spot: (x: Double, y: Double)
      var place: CityPoint
      if i % 4 == 0 {
        // In a river, away from its ends.
        let river = model.terrain.rivers[i / 4 % model.terrain.rivers.count]
        spot = river.course[random.between(river.course.count / 8, river.course.count * 7 / 8)]
        place = CityWarp.millimetres(spot.x, spot.y)
      } else {
        let grid = model.grid(for: i, of: count, random: &random)
        spot = model.place(inGrid: grid, random: &random, spread: 0.8)
        place = CityWarp.millimetres(spot.x, spot.y)
      }
      var ground = model.groundCentimetres(spot.x, spot.y)
      if i >= count - odd.count {
        let which = odd[odd.startIndex + (i - (count - odd.count))]
        place = model.odd[which].place
        ground = model.groundCentimetres(model.odd[which].x, model.odd[which].y)
        kind = "ponding"
        oddPoints.append(("sensor", id, which))
      }
      sensors.begin(id)
      let label = kind == "water_level" ? "水位" : (kind == "rain" ? "雨量" : (kind == "ponding" ? "积水" : "倾斜"))
      sensors.text("name", "\(label)监测站\(i + 1)")
      sensors.text("kind", kind)
      switch kind {
      case "water_level": sensors.hundredths("value", ground + random.between(20, 260))
      case "rain": sensors.hundredths("value", random.between(0, 12_000))
      case "ponding": sensors.hundredths("value", random.chance(0.6) ? 0 : random.between(1, 80))
      default: sensors.hundredths("value", random.between(0, 150))
      }
      sensors.text("updated", CityTime.text(minute: 8 * 60 + random.below(30)))
      sensors.null("grid3")
      sensors.point(place, heightCentimetres: ground + 150)
    }
    try add(sensors, "sensor.geojson", layer: "sensor", system: .plane)

    // From a map vendor: in GCJ-02, and nothing in the file says so.
    var cameras = CityBytes()
    let projection = CityProjection()
    cameras.put("id,name,kind,updated,lon,lat,z\n")
    for i in 0..<model.counts.camera {
      var random = CityRandom(seed: model.seed, .camera, i)
      let grid = model.grid(for: i, of: model.counts.camera, random: &random)
      let spot = model.place(inGrid: grid, random: &random, spread: 0.95)
      cameras.put(text: CityIDs.text("C-", i + 1, 5))
      cameras.put(text: ",\(model.names.roads.text(random.below(model.names.roads.count)))监控\(i + 1),")
      cameras.put(text: ["road", "river", "public"][random.below(3)])
      cameras.put(byte: 0x2C)
      CityTime.put(minute: 8 * 60 + random.below(30), into: &cameras)
      cameras.put(byte: 0x2C)
      let (longitude, latitude) = projection.gcj02(CityWarp.millimetres(spot.x, spot.y))
      cameras.put(longitude, decimals: 7)
      cameras.put(byte: 0x2C)
      cameras.put(latitude, decimals: 7)
      cameras.put(byte: 0x2C)
      cameras.put(model.groundCentimetres(spot.x, spot.y) + 600, decimals: 2)
      cameras.put(byte: 0x0A)
    }
    try addCSV(
      cameras, "camera.csv", layer: "camera", count: model.counts.camera, system: .gcj02,
      coordinates: ["lon", "lat", "z"])
  }
}
