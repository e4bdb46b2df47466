/// CSV after RFC 4180 (and TSV likewise): always a header, LF, NULL empty, the empty string `""`.
struct DelimitedSink: RowSink {
  private let writer: ByteWriter
  private let delimiter: UInt8
  private let catalog: Catalog
  private let options: OutputOptions
  private var columns: OutputColumns?

  init(_ writer: ByteWriter, delimiter: UInt8, catalog: Catalog, options: OutputOptions) {
    (self.writer, self.delimiter, self.catalog, self.options) = (writer, delimiter, catalog, options)
  }

  var wantsShapes: Bool { false }

  mutating func begin(_ header: ResultHeader) throws {
    let columns = try OutputColumns(header, catalog: catalog, options: options)
    self.columns = columns
    if options.hasByteOrderMark { writer.append("\u{FEFF}") }
    for (i, column) in columns.columns.enumerated() {
      if i > 0 { writer.append(delimiter) }
      append(column.name)
    }
    writer.append(UInt8(ascii: "\n"))
  }

  mutating func write(_ batch: RowBatch) throws {
    guard let columns else { return }
    let batch = try columns.prepared(batch)
    for row in 0..<batch.rowCount {
      for (i, column) in columns.columns.enumerated() {
        if i > 0 { writer.append(delimiter) }
        switch column.cell {
        case .value: append(batch.columns[column.source], row)
        case .longitude, .latitude:
          guard let shape = columns.shape(column, batch, row) else { continue }
          writer.appendCoordinate(shape.xy[column.cell == .longitude ? 0 : 1], decimals: columns.decimals)
        case .wkt:
          guard let shape = columns.shape(column, batch, row) else { continue }
          append(WKT.write(shape, decimals: columns.decimals))
        }
      }
      writer.append(UInt8(ascii: "\n"))
      try writer.flushIfLarge()
    }
  }

  mutating func end(notices: [String]) throws { try writer.flush() }

  private func append(_ vector: Vector, _ row: Int) {
    guard vector.isValid(row) else { return }
    switch vector.storage {
    case .bool(let values): writer.append(values[row] ? "true" : "false")
    case .int(let values): writer.append(values[row])
    case .double(let values): if values[row].isFinite { writer.append(values[row]) }
    case .text(let values): append(values[row])
    case .dictionary(let codes, let dictionary): append(dictionary.strings[Int(codes[row])])
    case .date(let values): writer.append(date: values[row])
    case .timestamp(let values): writer.append(timestamp: values[row])
    case .list(let values): append(Value.list(values[row]).json)
    case .geometry, .null: break
    }
  }

  private func append(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      let needsQuotes =
        bytes.isEmpty
        || bytes.contains {
          $0 == delimiter || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
        }
      guard needsQuotes else { return writer.append(bytes) }
      writer.append(UInt8(ascii: "\""))
      for byte in bytes {
        if byte == UInt8(ascii: "\"") { writer.append(byte) }
        writer.append(byte)
      }
      writer.append(UInt8(ascii: "\""))
    }
  }
}

extension Value {
  /// As JSON text.
  var json: String {
    switch self {
    case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
    case .text(let text): JSONString.quoted(text)
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .int(let value): String(value)
    case .double(let value): value.isFinite ? String(value) : "null"
    case .date(let value): JSONString.quoted(CellText.date(value))
    case .timestamp(let value): JSONString.quoted(CellText.timestamp(value))
    case .geometry(let geometry): JSONString.quoted(WKT.write(geometry, decimals: 7))
    }
  }
}
