/// Adds to a result where each row lies: columns `lon` and `lat` in a CRS of the user's choice, before `distance`.
///
/// Points give themselves, other shapes their centroid. The CRS should be geographic: GCJ-02 for phone maps. A result
/// that has a column `lon` or `lat`, a returned point layer's geometry among them, passes unchanged.
public final class CoordinateSink: RowSink {
  private var sink: any RowSink
  private let sinkWantsShapes: Bool
  private let catalog: Catalog
  private let options: OutputOptions
  private var transform: ShapeTransform?
  private var insertAt = 0
  private var isOn = false

  /// - Parameter crs: of the added columns.
  public init(_ sink: any RowSink, crs: CRS, catalog: Catalog) {
    self.sink = sink
    sinkWantsShapes = sink.wantsShapes
    self.catalog = catalog
    var options = OutputOptions()
    options.crs = crs
    self.options = options
  }

  public var wantsShapes: Bool { true }

  public func begin(_ header: ResultHeader) throws {
    let hasOwn = header.columns.contains { ["lon", "lat"].contains($0.name) || catalog.isPoint($0) }
    isOn = header.hasShapes && !hasOwn
    guard isOn else { return try sink.begin(header) }
    transform = try ShapeTransform(from: header.crs, options: options)
    insertAt = header.distanceColumn ?? header.columns.count
    // A bearing belongs to its distance.
    if insertAt > 0, insertAt < header.columns.count, header.columns[insertAt - 1].name == "bearing" { insertAt -= 1 }
    var header = header
    header.columns.insert(ResultColumn(name: "lat", type: .double), at: insertAt)
    header.columns.insert(ResultColumn(name: "lon", type: .double), at: insertAt)
    header.distanceColumn = header.distanceColumn.map { $0 + 2 }
    try sink.begin(header)
  }

  public func write(_ batch: RowBatch) throws {
    var batch = batch
    if isOn, let transform {
      var places: [(x: Double, y: Double)?] = []
      for row in 0..<batch.rowCount {
        guard row < batch.shapes.count, let shape = batch.shapes[row], let centre = shape.centroid else {
          places.append(nil)
          continue
        }
        var point = Geometry.point(centre.x, centre.y)
        try transform.apply(&point)
        places.append((point.xy[0], point.xy[1]))
      }
      let validity = places.map { $0 != nil }
      func rounded(_ value: Double) -> Double { (value * 1e7).rounded() / 1e7 }
      batch.columns.insert(
        Vector(.double(places.map { rounded($0?.y ?? 0) }), validity: validity), at: insertAt)
      batch.columns.insert(
        Vector(.double(places.map { rounded($0?.x ?? 0) }), validity: validity), at: insertAt)
    }
    if !sinkWantsShapes { (batch.shapes, batch.ids) = ([], []) }
    try sink.write(batch)
  }

  public func end(notices: [String]) throws { try sink.end(notices: notices) }
}
