/// JSON: one array of flat objects, `[]` when empty. JSON Lines: the same objects, one a line.
struct JSONSink: RowSink {
  private let writer: ByteWriter
  private let lines: Bool
  private let catalog: Catalog
  private let options: OutputOptions
  private var columns: OutputColumns?
  /// `"name":` of each column, quoted once.
  private var keys: [String] = []
  private var isFirst = true

  init(_ writer: ByteWriter, lines: Bool, catalog: Catalog, options: OutputOptions) {
    (self.writer, self.lines, self.catalog, self.options) = (writer, lines, catalog, options)
  }

  var wantsShapes: Bool { false }

  mutating func begin(_ header: ResultHeader) throws {
    let columns = try OutputColumns(header, catalog: catalog, options: options)
    self.columns = columns
    keys = columns.columns.map { JSONString.quoted($0.name) + ":" }
    isFirst = true
    if !lines { writer.append(UInt8(ascii: "[")) }
  }

  mutating func write(_ batch: RowBatch) throws {
    guard let columns else { return }
    let batch = try columns.prepared(batch)
    for row in 0..<batch.rowCount {
      if !lines { writer.append(isFirst ? "" : ",\n") }
      isFirst = false
      writer.append(UInt8(ascii: "{"))
      for (i, column) in columns.columns.enumerated() {
        if i > 0 { writer.append(UInt8(ascii: ",")) }
        writer.append(keys[i])
        switch column.cell {
        case .value: writer.appendJSON(batch.columns[column.source], row)
        case .longitude, .latitude:
          if let shape = columns.shape(column, batch, row) {
            writer.appendCoordinate(shape.xy[column.cell == .longitude ? 0 : 1], decimals: columns.decimals)
          } else {
            writer.append("null")
          }
        case .wkt:
          if let shape = columns.shape(column, batch, row) {
            writer.appendJSON(WKT.write(shape, decimals: columns.decimals))
          } else {
            writer.append("null")
          }
        }
      }
      writer.append(lines ? "}\n" : "}")
      try writer.flushIfLarge()
    }
  }

  mutating func end(notices: [String]) throws {
    if !lines { writer.append("]\n") }
    try writer.flush()
  }
}

extension ByteWriter {
  /// One value of a column as JSON; NULL and numbers that JSON cannot hold become `null`.
  func appendJSON(_ vector: Vector, _ row: Int) {
    guard vector.isValid(row) else { return append("null") }
    switch vector.storage {
    case .bool(let values): append(values[row] ? "true" : "false")
    case .int(let values): append(values[row])
    case .double(let values): if values[row].isFinite { append(values[row]) } else { append("null") }
    case .text(let values): appendJSON(values[row])
    case .dictionary(let codes, let dictionary): appendJSON(dictionary.strings[Int(codes[row])])
    case .date, .timestamp, .list, .geometry, .null: appendJSON(vector[row])
    }
  }
}
