/// The people of a grid's homes and the organisations in its other units.
extension CityTileWriter {
  mutating func emitPeople(first: Int, count: Int, firstUnit: Int) {
    people.removeAll(keepingCapacity: true)
    var total = 0
    for i in places.indices {
      var random = CityRandom(seed: model.seed, .household, firstUnit + i)
      let size = homes[i] ? CityTileWriter.householdSizes[random.below(64)] : 0
      people.append(size)
      total += size
    }
    if total == 0 {
      // Nobody lives here by rights, but the count must hold: caretakers.
      for i in people.indices { people[i] = 1 }
      total = people.count
    }
    var (running, given, next) = (0, 0, first)
    for i in people.indices {
      running += people[i]
      let upTo = count * running / max(1, total)
      people[i] = upTo - given
      given = upTo
      emitHousehold(people[i], unit: firstUnit + i, first: next)
      next += people[i]
    }
    summary.people += given
  }

  /// How many live together, of 64 homes: 3 stand empty.
  private static let householdSizes: [Int] =
    [Int](repeating: 0, count: 3) + [Int](repeating: 1, count: 10) + [Int](repeating: 2, count: 18)
    + [Int](repeating: 3, count: 17) + [Int](repeating: 4, count: 9) + [Int](repeating: 5, count: 4)
    + [Int](repeating: 6, count: 3)

  private mutating func emitHousehold(_ size: Int, unit: Int, first: Int) {
    if size == 0 { return }
    var random = CityRandom(seed: model.seed, .household, -1 - unit)
    let surname = random.next() % 32
    // Six and more under one roof are two households.
    let split = size >= 6 ? (size + 1) / 2 : size
    var adult = random.between(22, 78)
    for i in 0..<size {
      if i == split { adult = random.between(22, 78) }
      let seat = i < split ? i : i - split
      let age: Int
      switch seat {
      case 0: age = adult
      case 1: age = max(19, min(96, adult + random.between(-6, 6)))
      case 2: age = adult < 50 ? random.below(22) : random.between(18, 45)
      default: age = random.chance(0.45) ? random.between(58, 97) : random.below(20)
      }
      let bits = random.next()
      CityIDs.person(first + i, into: &person)
      person.put(byte: 0x2C)
      CityIDs.unit(unit, into: &person)
      person.put(",H-")
      person.put(unit, width: 7)
      if i >= split { person.put("-2") }
      person.put(byte: 0x2C)
      // One surname in a household, bar the second adult.
      let name = (seat == 1 ? bits % 32 : surname) + (bits >> 40) % 64 * 32
      model.names.putPerson(name, into: &person)
      person.put(byte: 0x2C)
      person.put(age)
      person.put(byte: 0x2C)
      person.put(CityTileWriter.mobility, CityTileWriter.mobilityIndex(age, Int(bits >> 8) & 1_023))
      person.put(byte: 0x2C)
      if age >= 14, (bits >> 20) & 15 != 0 { CityNames.putPhone(bits, into: &person) }
      person.put(byte: 0x0A)
    }
  }

  private static let mobility = CityWords(["normal", "slow", "wheelchair", "bedridden", "infant"])

  /// `draw` is 0..<1024.
  private static func mobilityIndex(_ age: Int, _ draw: Int) -> Int {
    if age < 4 { return 4 }
    if age >= 80 { return draw < 60 ? 3 : (draw < 160 ? 2 : (draw < 560 ? 1 : 0)) }
    if age >= 65 { return draw < 10 ? 3 : (draw < 35 ? 2 : (draw < 190 ? 1 : 0)) }
    return draw < 5 ? 2 : (draw < 12 ? 1 : 0)
  }

  // MARK: Organisations

  mutating func emitOrgs(first: Int, count: Int, firstUnit: Int) {
    if places.isEmpty || count == 0 { return }
    // Offices and shops first, three to one at most; then homes.
    var offices = 0
    for home in homes where !home { offices += 1 }
    let inOffices = min(count, offices * 3)
    var (office, home) = (-1, -1)
    for k in 0..<count {
      let at: Int
      if k < inOffices {
        office = nextUnit(after: office, home: false)
        at = office
      } else {
        // Stride through the homes so that shops are spread.
        home = (home + 1 + places.count / max(1, count)) % places.count
        at = home
      }
      var random = CityRandom(seed: model.seed, .org, first + k)
      CityIDs.org(first + k, into: &org)
      org.put(byte: 0x2C)
      let kind = random.below(CityTileWriter.orgKinds.count)
      org.put(model.names.roads, random.below(model.names.roads.count))
      org.put((first + k) % 9_973 + 1)
      org.put("号")
      org.put(CityTileWriter.orgKinds, kind)
      org.put(byte: 0x2C)
      org.put(CityTileWriter.orgKinds, kind)
      org.put(byte: 0x2C)
      CityIDs.unit(firstUnit + at, into: &org)
      org.put(byte: 0x2C)
      CityNames.putPhone(random.next(), into: &org)
      org.put(byte: 0x2C)
      let (longitude, latitude) = projection.degrees(places[at])
      org.put(longitude, decimals: 7)
      org.put(byte: 0x2C)
      org.put(latitude, decimals: 7)
      org.put(",\n")
      summary.orgs += 1
    }
  }

  static let orgKinds = CityWords(["企业", "个体工商户", "机关", "事业单位", "学校", "医疗机构", "社会组织", "养老机构"])

  private func nextUnit(after index: Int, home: Bool) -> Int {
    var i = index
    for _ in 0..<homes.count {
      i = (i + 1) % homes.count
      if homes[i] == home { return i }
    }
    return 0
  }
}
