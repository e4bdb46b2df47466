internal import Glibc

/// What all tiles together turned out to hold.
struct CityRunSummary: Sendable {
  var buildings = 0
  var units = 0
  var people = 0
  var buildingsNearHazard = 0
  var grids: [CityGridCount] = []
  var floods: [CityFloodCount] = []
  /// People in the one unit of each odd place.
  var oddPeople: [Int] = []
}

/// Makes the tiles on all processors and writes them in order: each tile its own file, the rows of units, people and
/// organisations behind each other. A thread that is ahead waits for its turn, so at most one tile for each thread is
/// in memory, and the bytes do not depend on how many threads there are.
final class CityTileRun: @unchecked Sendable {
  let model: CityModel
  let tiles: [CityTile]
  private let tileFolder: String
  private let layerFolder: String
  private let progress: @Sendable (Int, Int) -> Void

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let turn: UnsafeMutablePointer<pthread_cond_t>
  /// Guarded by the mutex.
  private var nextTile = 0
  private var nextTurn = 0
  private var failure: StoreError?

  /// Touched only by the thread whose turn it is.
  private var output: CityRowFiles?
  private(set) var summary = CityRunSummary()
  private(set) var index: [(file: String, summary: CityTileSummary, bytes: Int)] = []
  private(set) var files: [CityLayers.File] = []

  init(
    _ model: CityModel, tileFolder: String, layerFolder: String, progress: @escaping @Sendable (Int, Int) -> Void
  ) {
    self.model = model
    self.tileFolder = tileFolder
    self.layerFolder = layerFolder
    self.progress = progress
    tiles = CityTileRun.plan(model)
    mutex = .allocate(capacity: 1)
    turn = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(turn, nil)
    summary.floods = [CityFloodCount](repeating: CityFloodCount(), count: model.terrain.floods.count)
    summary.oddPeople = model.odd.indices.map { index in
      let left = model.counts.person - model.persons.total - index * CityModel.peoplePerOddUnit
      return max(0, min(CityModel.peoplePerOddUnit, left))
    }
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(turn)
    mutex.deallocate()
    turn.deallocate()
  }

  // MARK: Tiles

  /// Runs of grids with about as many buildings each. The odd places come first, so that their units stand in a csv in
  /// EPSG:4547, where they are exact; the units of the last tiles, a sixteenth or less, are GeoJSON in degrees.
  private static func plan(_ model: CityModel) -> [CityTile] {
    let target = max(1, min(1_000, max(200, model.buildings.total / 16)))
    let unitPart = max(20_000, model.counts.unit / 24)
    let personPart = max(30_000, model.counts.person / 24)
    let oddCorner = model.odd.map(\.place).reduce(CityPoint(x: Int.max, y: Int.max)) {
      CityPoint(x: min($0.x, $1.x), y: min($0.y, $1.y))
    }
    var tiles = [
      CityTile(
        grids: 0..<0, isOdd: true, unitsAreGeoJSON: false, unitPart: 0, personPart: 0,
        translate: model.odd.isEmpty ? CityPoint(x: 0, y: 0) : rounded(oddCorner, less: 10_000))
    ]
    var first = 0
    for grid in 0..<model.gridCount {
      let isLast = grid + 1 == model.gridCount
      if model.buildings.start(grid + 1) - model.buildings.start(first) < target, !isLast { continue }
      let units = model.units.start(first)
      var corner = CityPoint(x: Int.max, y: Int.max)
      for i in first...grid {
        let r = model.partition.level3[i].rect
        for (x, y) in [(r.x0, r.y0), (r.x1, r.y0), (r.x0, r.y1), (r.x1, r.y1)] {
          let node = CityWarp.node(x, y)
          corner = CityPoint(x: min(corner.x, node.x), y: min(corner.y, node.y))
        }
      }
      let isSequence = first > 0 && units * 16 >= model.units.total * 15
      tiles.append(
        CityTile(
          grids: first..<grid + 1, isOdd: false, unitsAreGeoJSON: isSequence, unitPart: units / unitPart,
          personPart: model.persons.start(first) / personPart, translate: rounded(corner, less: 0)))
      first = grid + 1
    }
    // The GeoJSON part is one file of its own, after the others.
    if let sequence = tiles.firstIndex(where: \.unitsAreGeoJSON) {
      let part = tiles[sequence - 1].unitPart + 1
      for i in sequence..<tiles.count { tiles[i].unitPart = part }
    }
    return tiles
  }

  private static func rounded(_ place: CityPoint, less margin: Int) -> CityPoint {
    CityPoint(x: (place.x - margin) / 1_000 * 1_000, y: (place.y - margin) / 1_000 * 1_000)
  }

  // MARK: Threads

  func run(threads wanted: Int? = nil) throws(StoreError) {
    let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let count = max(1, min(wanted ?? processors, min(8, tiles.count)))
    output = try CityRowFiles(folder: layerFolder, tiles: tiles)
    var workers: [pthread_t] = []
    for _ in 1..<max(2, count) where count > 1 {
      var thread = pthread_t()
      let box = Unmanaged.passRetained(self)
      let status = pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<CityTileRun>.fromOpaque(argument!).takeRetainedValue().work()
          return nil
        }, box.toOpaque())
      if status == 0 { workers.append(thread) } else { box.release() }
    }
    work()
    for worker in workers { pthread_join(worker, nil) }
    if let failure { throw failure }
    files = try output!.finish()
    output = nil
  }

  private func work() {
    var writer = CityTileWriter(model)
    while true {
      pthread_mutex_lock(mutex)
      let tile = nextTile
      nextTile += 1
      let stop = failure != nil || tile >= tiles.count
      pthread_mutex_unlock(mutex)
      if stop { return }
      writer.make(tiles[tile])
      var problem: StoreError?
      var written = 0
      do throws(StoreError) { written = try writeTile(tile, writer) } catch { problem = error }

      pthread_mutex_lock(mutex)
      while nextTurn != tile { pthread_cond_wait(turn, mutex) }
      if failure == nil { failure = problem }
      let skip = failure != nil
      pthread_mutex_unlock(mutex)
      if !skip {
        do throws(StoreError) { try take(tile, writer, bytes: written) } catch { problem = error }
      }
      pthread_mutex_lock(mutex)
      if failure == nil { failure = problem }
      nextTurn += 1
      pthread_cond_broadcast(turn)
      pthread_mutex_unlock(mutex)
      if !skip { progress(summary.buildings, model.counts.building) }
    }
  }

  static func fileName(_ tile: Int) -> String { "tile-" + CityIDs.text("", tile, 4) + ".city.jsonl" }

  private func writeTile(_ tile: Int, _ writer: borrowing CityTileWriter) throws(StoreError) -> Int {
    let summary = writer.summary
    var header = CityBytes(capacity: 1_024)
    header.put(
      "{\"type\":\"CityJSON\",\"version\":\"2.0\",\"transform\":{\"scale\":[0.001,0.001,0.001],\"translate\":[")
    header.put(tiles[tile].translate.x / 1_000)
    header.put(".0,")
    header.put(tiles[tile].translate.y / 1_000)
    header.put(".0,0.0]},\"metadata\":{")
    if summary.buildings > 0 {
      header.put("\"geographicalExtent\":[")
      CityTileRun.putExtent(summary, &header)
      header.put("],")
    }
    header.put(
      "\"referenceSystem\":\"https://www.opengis.net/def/crs/EPSG/0/4547\"},\"CityObjects\":{},\"vertices\":[]}\n")
    var file = try CityFile(tileFolder + "/" + CityTileRun.fileName(tile))
    try file.write(header)
    try file.write(writer.building)
    try file.finish()
    return file.byteCount
  }

  static func putExtent(_ summary: CityTileSummary, _ out: inout CityBytes) {
    for (i, value) in [summary.low.x, summary.low.y, summary.low.z, summary.high.x, summary.high.y, summary.high.z]
      .enumerated()
    {
      if i > 0 { out.put(byte: 0x2C) }
      out.put(value, decimals: 3)
    }
  }

  private func take(_ tile: Int, _ writer: borrowing CityTileWriter, bytes: Int) throws(StoreError) {
    try output!.append(tiles[tile], writer)
    let made = writer.summary
    summary.buildings += made.buildings
    summary.units += made.units
    summary.people += made.people
    summary.buildingsNearHazard += made.buildingsNearHazard
    summary.grids.append(contentsOf: made.grids)
    for i in made.floods.indices {
      summary.floods[i].unitsInside += made.floods[i].unitsInside
      summary.floods[i].unitsBelow += made.floods[i].unitsBelow
      summary.floods[i].peopleInside += made.floods[i].peopleInside
      summary.floods[i].peopleBelow += made.floods[i].peopleBelow
    }
    var kept = made
    kept.grids = []
    kept.floods = []
    index.append((CityTileRun.fileName(tile), kept, bytes))
  }
}

/// The files of units, people and organisations, one part open at a time.
struct CityRowFiles: ~Copyable {
  private let folder: String
  private let unitParts: Int
  private let personParts: Int
  private var unit: CityFile?
  private var person: CityFile?
  private var org: CityFile?
  private var unitPart = -1
  private var personPart = -1
  private var unitRows = 0
  private var personRows = 0
  private var orgRows = 0
  private var unitIsSequence = false
  private var files: [CityLayers.File] = []

  init(folder: String, tiles: [CityTile]) throws(StoreError) {
    self.folder = folder
    unitParts = (tiles.map(\.unitPart).max() ?? 0) + 1
    personParts = (tiles.map(\.personPart).max() ?? 0) + 1
    var file = try CityFile(folder + "/org.csv")
    var header = CityBytes(capacity: 256)
    header.put("id,name,kind,unit,phone,lon,lat,grid3\n")
    try file.write(header)
    org = consume file
  }

  private static func name(_ layer: String, _ part: Int, of parts: Int, _ ending: String) -> String {
    parts == 1 ? "\(layer).\(ending)" : "\(layer).\(CityIDs.text("", part + 1, 2)).\(ending)"
  }

  mutating func append(_ tile: CityTile, _ writer: borrowing CityTileWriter) throws(StoreError) {
    if tile.unitPart != unitPart {
      try closeUnits()
      unitPart = tile.unitPart
      unitIsSequence = tile.unitsAreGeoJSON
      var file = try CityFile(folder + "/" + unitName)
      if !unitIsSequence {
        var header = CityBytes(capacity: 256)
        header.put("id,building,floor,room,x,y,z,z_min,z_max,area,grid3\n")
        try file.write(header)
      }
      unit = consume file
    }
    if tile.personPart != personPart {
      try closePeople()
      personPart = tile.personPart
      var file = try CityFile(folder + "/" + personName)
      var header = CityBytes(capacity: 256)
      header.put("id,unit,household,name,age,mobility,phone\n")
      try file.write(header)
      person = consume file
    }
    try unit!.write(writer.unit)
    try person!.write(writer.person)
    try org!.write(writer.org)
    unitRows += writer.summary.units
    personRows += writer.summary.people
    orgRows += writer.summary.orgs
  }

  private var unitName: String {
    CityRowFiles.name("unit", unitPart, of: unitParts, unitIsSequence ? "geojsonl" : "csv")
  }
  private var personName: String { CityRowFiles.name("person", personPart, of: personParts, "csv") }

  private mutating func closeUnits() throws(StoreError) {
    guard var file = unit.take() else { return }
    try file.finish()
    var entry = CityLayers.File(
      path: unitName, layer: "unit", format: unitIsSequence ? "geojsonseq" : "csv",
      crs: (unitIsSequence ? CitySystem.cgcs2000 : .plane).name, encoding: unitIsSequence ? nil : "UTF-8",
      count: unitRows, bytes: file.byteCount)
    if !unitIsSequence { entry.coordinates = ["x", "y", "z"] }
    entry.types = [("room", "text"), ("grid3", "text")]
    files.append(entry)
    unitRows = 0
  }

  private mutating func closePeople() throws(StoreError) {
    guard var file = person.take() else { return }
    try file.finish()
    files.append(
      CityLayers.File(
        path: personName, layer: "person", format: "csv", encoding: "UTF-8", count: personRows,
        bytes: file.byteCount))
    personRows = 0
  }

  mutating func finish() throws(StoreError) -> [CityLayers.File] {
    try closeUnits()
    try closePeople()
    guard var file = org.take() else { return files }
    try file.finish()
    var entry = CityLayers.File(
      path: "org.csv", layer: "org", format: "csv", crs: CitySystem.wgs84.name, encoding: "UTF-8", count: orgRows,
      bytes: file.byteCount)
    entry.coordinates = ["lon", "lat"]
    entry.types = [("grid3", "text")]
    files.append(entry)
    // Units, then people, then organisations.
    return files.filter { $0.layer == "unit" } + files.filter { $0.layer == "person" }
      + files.filter { $0.layer == "org" }
  }
}
