/// One result as a layer of an ``HTMLMapPage``.
///
/// The drawn shape is that of the source row; a returned geometry that was computed (`BUFFER(geom, 10 m)`) is drawn
/// instead. Rows without a shape are counted and said on the page.
public final class HTMLMapSink: RowSink {
  private let page: HTMLMapPage
  private let title: String?
  private let heightColumn: String?
  private let baseColumn: String?
  private let finishesPage: Bool
  private var columns: [Int] = []
  private var computedShape: Int?
  private var transform: ShapeTransform?

  init(_ page: HTMLMapPage, title: String?, heightColumn: String?, baseColumn: String?, finishesPage: Bool) {
    self.page = page
    self.title = title
    self.heightColumn = heightColumn
    self.baseColumn = baseColumn
    self.finishesPage = finishesPage
  }

  public var wantsShapes: Bool { true }

  public func begin(_ header: ResultHeader) throws {
    let layer = try page.beginLayer(title: title, header, heightColumn: heightColumn, baseColumn: baseColumn)
    (columns, transform) = (layer.columns, layer.transform)
    computedShape = header.columns.firstIndex { $0.type == .geometry && $0.origin == nil }
  }

  public func write(_ batch: RowBatch) throws {
    guard let transform else { return }
    for row in 0..<batch.rowCount {
      var shape = row < batch.shapes.count ? batch.shapes[row] : nil
      if let computedShape, case .geometry(let shapes) = batch.columns[computedShape].storage { shape = shapes[row] }
      if shape != nil { try transform.apply(&shape!) }
      let id = row < batch.ids.count ? batch.ids[row] : nil
      try page.write(
        shape?.isEmpty == true ? nil : shape, id: id, batch, row, columns: columns, decimals: transform.decimals)
    }
  }

  public func end(notices: [String]) throws {
    try page.endBlock()
    if finishesPage { try page.finish(notices: notices) }
  }
}

/// The page of one result, begun with its first row: `EXPORT TO 'x.html'`, `--format html`.
final class HTMLMapFileSink: RowSink {
  private let writer: ByteWriter
  private let catalog: Catalog
  private let options: OutputOptions
  private var sink: HTMLMapSink?

  init(_ writer: ByteWriter, catalog: Catalog, options: OutputOptions) {
    (self.writer, self.catalog, self.options) = (writer, catalog, options)
  }

  var wantsShapes: Bool { true }

  func begin(_ header: ResultHeader) throws {
    let layer = header.columns.lazy.compactMap(\.origin?.layer).first
    let known = catalog.layers.first { $0.name == layer }
    let name = options.chinese ? known?.aliases.first ?? layer : layer
    let page = try HTMLMapPage(
      writer, title: options.title ?? name.map { "cimq · \($0)" }, catalog: catalog, options: options)
    let sink = HTMLMapSink(page, title: nil, heightColumn: nil, baseColumn: nil, finishesPage: true)
    self.sink = sink
    try sink.begin(header)
  }
  func write(_ batch: RowBatch) throws { try sink?.write(batch) }
  func end(notices: [String]) throws { try sink?.end(notices: notices) }
}
