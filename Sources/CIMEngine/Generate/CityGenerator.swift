internal import Glibc

/// Makes the synthetic Zhengzhou: a city of any size up to the real one, the same bytes for the same scale and seed.
///
/// ```swift
/// let generator = try CityGenerator(scale: 0.01, seed: 20220810)
/// try generator.checkSpace(at: "big")
/// let report = try generator.write(to: "big") { done, total in … }
/// ```
///
/// Sources are written as a stream: memory is bounded by one tile for each processor, whatever the scale. A city below
/// scale 1 is a smaller piece around the centre at the density of the full one, with hills along its western edge.
/// Everything is laid out in EPSG:4547 around 113.632° E, 34.757° N; files come in a mix of CRSs, as cimq.json says
/// (docs/manifest.md).
public struct CityGenerator: Sendable {
  public let counts: CityCounts
  public let seed: UInt64

  public static let defaultScale = 0.01
  public static let defaultSeed: UInt64 = 20_220_810

  /// - Parameter scale: above 0 and up to 1, the real size of the city.
  /// - Throws: `StoreError` of class `.usage` for a scale outside that.
  public init(scale: Double = CityGenerator.defaultScale, seed: UInt64 = CityGenerator.defaultSeed) throws(StoreError) {
    guard scale > 0, scale <= 1 else {
      throw StoreError(.usage, "--scale \(scale): must be above 0 and at most 1, the city's real size")
    }
    counts = CityCounts(scale: scale)
    self.seed = seed
  }

  // MARK: Plan

  /// What is going to be made, and what it takes.
  public struct Plan: Sendable, Equatable {
    /// Every layer but `road`, whose number follows from the grids.
    public var layers: [CityCounts.Layer]
    /// Estimated bytes of the files, of the database and of its snapshot.
    public var sourceBytes: Int
    public var storeBytes: Int
    public var snapshotBytes: Int

    public var totalBytes: Int { sourceBytes + storeBytes + snapshotBytes }
  }

  /// Instantaneous: from counts and the measured mean size of a row.
  public func plan() -> Plan {
    let rows = counts.layers
    func bytes(_ perRow: (String) -> Int) -> Int { rows.reduce(0) { $0 + $1.count * perRow($1.name) } }
    let source = bytes { name in
      switch name {
      case "building": 1_165
      case "unit": 82
      case "person": 63
      case "org": 95
      case "grid1": 1_900
      case "grid2": 600
      case "grid3": 395
      case "district": 4_000
      case "road": 260
      case "river", "flood": 4_000
      case "event", "sensor", "shelter", "hazard", "warning": 260
      default: 70
      }
    }
    let store = bytes { name in
      switch name {
      case "building": 3_250
      case "unit": 190
      case "person": 86
      case "org": 220
      default: 260
      }
    }
    let snapshot = bytes { name in
      switch name {
      case "building": 340
      case "unit": 148
      case "person": 72
      case "org": 150
      default: 200
      }
    }
    return Plan(
      layers: rows, sourceBytes: source + counts.grid3 * 330 + 20_000, storeBytes: store + 700_000,
      snapshotBytes: snapshot + 300_000)
  }

  /// Bytes that a user may still write where `directory` is or would be.
  ///
  /// - Throws: `StoreError` of class `.file` when no folder above it can be asked.
  public static func freeBytes(at directory: String) throws(StoreError) -> Int {
    var path = directory.isEmpty ? "." : directory
    while true {
      var state = statvfs()
      if statvfs(path, &state) == 0 { return Int(state.f_bavail) * Int(state.f_frsize) }
      guard errno == ENOENT else { throw CityFile.failure(path) }
      while path.count > 1, path.hasSuffix("/") { path.removeLast() }
      guard path != "/", path != "." else { throw CityFile.failure(directory) }
      path = FilePath.folder(of: path)
    }
  }

  /// Refuses when sources, database and snapshot together do not fit on the disk of `directory`.
  ///
  /// - Throws: `StoreError` of class `.file` that says how much is missing.
  public func checkSpace(at directory: String) throws(StoreError) {
    try Self.check(plan(), free: try Self.freeBytes(at: directory), directory: directory)
  }

  static func check(_ plan: Plan, free: Int, directory: String) throws(StoreError) {
    guard plan.totalBytes > free else { return }
    func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }
    throw StoreError(
      .file,
      "\(directory): the disk has \(megabytes(free)) free, the city needs \(megabytes(plan.totalBytes)): "
        + "\(megabytes(plan.sourceBytes)) of files, \(megabytes(plan.storeBytes)) for a database made from them, "
        + "\(megabytes(plan.snapshotBytes)) for its snapshot; choose another disk or a smaller --scale")
  }

  // MARK: Writing

  /// What was written.
  public struct Report: Sendable {
    /// Rows of each layer, `road` included.
    public var layers: [CityCounts.Layer]
    public var fileCount: Int
    public var bytes: Int
  }

  /// Writes `directory`/tiles, `directory`/datasets, `directory`/cimq.json and README.md.
  ///
  /// The root manifest is written last, so a folder with one is whole. Files of an earlier run of the generator in the
  /// same folder are replaced; other files are left alone.
  ///
  /// - Parameter progress: told buildings done and buildings in all, from any thread but never from two at a time.
  /// - Throws: `StoreError` of class `.file` when the disk is short or a file cannot be written.
  @discardableResult
  public func write(
    to directory: String, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(StoreError) -> Report {
    try write(to: directory, threads: nil, progress: progress)
  }

  func write(
    to directory: String, threads: Int?, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws(StoreError) -> Report {
    try checkSpace(at: directory)
    let tileFolder = directory + "/tiles"
    let layerFolder = directory + "/datasets"
    for folder in [directory, tileFolder, layerFolder] {
      guard Folder.make(folder) else { throw CityFile.failure(folder) }
    }
    for folder in [directory, tileFolder, layerFolder] { Self.clear(folder) }

    let model = CityModel(counts: counts, seed: seed)
    let run = CityTileRun(model, tileFolder: tileFolder, layerFolder: layerFolder, progress: progress)
    try run.run(threads: threads)

    var layers = CityLayers(model, folder: layerFolder)
    try layers.writeAreas()
    try layers.writeLines()
    try layers.writeFacilities()
    try layers.writeDuty()
    try layers.writeEvents()
    try layers.writeDevices()
    let files = layers.files + run.files

    try CityAnswers(
      model: model, summary: run.summary, layers: files, shelters: layers.shelters, oddPoints: layers.oddPoints
    ).write(to: layerFolder + "/answers.json")
    let tiles = run.index.map {
      CityLayers.File(
        path: $0.file, layer: "building", format: "cityjsonseq", crs: CitySystem.plane.name,
        count: $0.summary.buildings, bytes: $0.bytes)
    }
    try CityManifest.writeIndex(tileFolder + "/index.json", run.index)
    try CityManifest.writeTilesReadme(tileFolder + "/README.md", counts, seed, run.index)
    try CityManifest.writeDatasetsReadme(layerFolder + "/README.md", counts, seed, files)
    try CityManifest.writeRootReadme(directory + "/README.md", counts, seed)
    try CityManifest.write(tileFolder + "/cimq.json", counts: counts, seed: seed, files: tiles)
    try CityManifest.write(layerFolder + "/cimq.json", counts: counts, seed: seed, files: files)
    try CityManifest.write(directory + "/cimq.json", counts: counts, seed: seed, folders: ["tiles", "datasets"])

    var report = Report(layers: counts.layers, fileCount: 0, bytes: 0)
    report.layers.append(CityCounts.Layer(name: "road", count: model.partition.streets.count))
    report.fileCount = files.count + tiles.count
    report.bytes = (files + tiles).reduce(0) { $0 + $1.bytes }
    return report
  }

  /// Removes what an earlier run left in a folder with the generator's manifest: a smaller city has fewer tiles.
  private static func clear(_ folder: String) {
    let manifest = folder + "/cimq.json"
    guard let text = try? readText(manifest), text.contains(CityManifest.marker) else { return }
    unlink(manifest)
    for name in Folder.names(in: folder) ?? [] {
      let isTile = name.hasPrefix("tile-") && name.hasSuffix(".city.jsonl")
      let isPart = name.hasPrefix("unit.") || name.hasPrefix("person.")
      if isTile || isPart { unlink(folder + "/" + name) }
    }
  }

  private static func readText(_ path: String) throws -> String {
    guard let file = fopen(path, "rb") else { throw CityFile.failure(path) }
    defer { fclose(file) }
    var head = [UInt8](repeating: 0, count: 4_096)
    let count = fread(&head, 1, head.count, file)
    return String(decoding: head[..<count], as: UTF8.self)
  }
}
