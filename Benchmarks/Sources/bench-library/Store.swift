import CIMEngine
import Glibc
import SpatialIndex

/// The buildings of the workload as a source that is read from memory: ids, two numbers, one ring each.
private struct BuildingsInMemory: FeatureSource {
  let path = "buildings"
  private let batches: [FeatureBatch]
  private let known: SourceSurvey

  init() {
    let (xy, offsets) = (workload.doubles("bld_xy"), workload.integers("bld_off"))
    let (heights, grounds) = (workload.doubles("bld_h"), workload.doubles("bld_z"))
    let count = offsets.count - 1
    var extent = Box2.empty
    batches = stride(from: 0, to: count, by: 1_024).map { start in
      let rows = start..<min(count, start + 1_024)
      let features = rows.map { row -> Feature in
        let ring = Array(xy[2 * offsets[row]..<2 * offsets[row + 1]])
        let geometry = Geometry.polygon([ring])
        if let box = geometry.box { extent = extent.union(box) }
        return Feature(
          id: "\(row)", values: [.double(heights[row]), .double(grounds[row])], geometry: geometry,
          place: .feature(row + 1))
      }
      return FeatureBatch(layer: 0, features: features)
    }
    let layer = SourceSurvey.Layer(
      name: "building", columns: [.init(name: "h", type: .double), .init(name: "z", type: .double)],
      geometryKinds: [.polygon], featureCount: count, extent: extent)
    known = SourceSurvey(path: path, format: "memory", statedCRS: .epsg(4547), layers: [layer])
  }

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey { known }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    for batch in batches { try body(batch) }
  }
}

/// H: the rows, already in memory, into a new store with its spatial index, synced to disk.
func benchmarkStore() {
  guard harness.only.contains("H") else { return }
  let source = BuildingsInMemory()
  let path = "\(workload.folder)/cimq-h.sqlite"
  harness.measure("H", threads: 2, note: "ids indexed, change log, packed R*Tree; check = bytes") {
    for end in ["", "-wal", "-shm"] { unlink(path + end) }
    do {
      _ = try Importer.run(into: path, sources: [source], options: ImportOptions(workingCRS: .epsg(4547)))
    } catch {
      fail("\(error)")
    }
    var status = stat()
    stat(path, &status)
    return Double(status.st_size)
  }
  for end in ["", "-wal", "-shm"] { unlink(path + end) }
}
