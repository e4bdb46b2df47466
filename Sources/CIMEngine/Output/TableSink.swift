/// A table for people: columns aligned by display width (a CJK character is two columns wide), numbers to the right.
///
/// Widths come from the first 1,000 rows; later rows stream and may be wider. On a terminal a table wider than
/// the screen has its longest cells shortened with `…`, and says so.
struct TableSink: RowSink {
  private static let widthRows = 1000
  private static let widestShortened = 24

  private let writer: ByteWriter
  private let catalog: Catalog
  private let options: OutputOptions
  private var columns: OutputColumns?
  private var header: [String] = []
  private var rightAligned: [Bool] = []
  private var decimals: [Int] = []
  private var pending: [[String]] = []
  private var widths: [Int]?
  private var rowCount = 0
  private var wasShortened = false
  private var heading: (source: Int, names: [String: String])?
  /// Of pending rows, and of the last one: what heads them.
  private var pendingHeadings: [String] = []
  private var lastHeading: String?

  init(_ writer: ByteWriter, catalog: Catalog, options: OutputOptions) {
    (self.writer, self.catalog, self.options) = (writer, catalog, options)
  }

  var wantsShapes: Bool { false }

  mutating func begin(_ result: ResultHeader) throws {
    var columns = try OutputColumns(result, catalog: catalog, options: options)
    if let page = result.page {
      heading = (page.heading, columns.columns.first { $0.source == page.heading }?.valueNames ?? [:])
      columns.leaveOut(page.hidden.union([page.heading]))
    }
    self.columns = columns
    header = columns.columns.map { CellText.oneLine($0.name) }
    rightAligned = columns.columns.map { $0.type == .int || $0.type == .double }
    decimals = columns.columns.map { column in
      if column.source == result.distanceColumn { return 1 }
      // A degree is a hundred kilometres: coordinates need more digits than amounts.
      return ["lon", "lat"].contains(result.columns[column.source].name) ? 7 : 3
    }
  }

  mutating func write(_ batch: RowBatch) throws {
    guard let columns else { return }
    let batch = try columns.prepared(batch)
    for row in 0..<batch.rowCount {
      rowCount += 1
      if let maximum = options.maximumRows, rowCount > maximum { continue }
      let cells = columns.columns.indices.map { i -> String in
        let column = columns.columns[i]
        switch column.cell {
        case .value:
          let text = CellText.text(batch.columns[column.source], row, decimals: decimals[i])
          return column.valueNames.isEmpty ? text : column.valueNames[text] ?? text
        case .longitude, .latitude:
          guard let shape = columns.shape(column, batch, row) else { return "" }
          return CellText.number(shape.xy[column.cell == .longitude ? 0 : 1], decimals: columns.decimals)
        case .wkt:
          return columns.shape(column, batch, row).map { WKT.write($0, decimals: columns.decimals) } ?? ""
        }
      }
      if let heading {
        let text = CellText.text(batch.columns[heading.source], row, decimals: 0)
        pendingHeadings.append(heading.names[text] ?? text)
      }
      if widths == nil {
        pending.append(cells)
        if pending.count >= Self.widthRows { try layOut() }
      } else {
        try print(cells)
      }
    }
  }

  mutating func end(notices: [String]) throws {
    if widths == nil { try layOut() }
    if let maximum = options.maximumRows, rowCount > maximum {
      writer.append(
        options.chinese
          ? "（显示 \(CellText.grouped(maximum)) 行，共 \(CellText.grouped(rowCount)) 行；用 限 n 或 .rows n 改变）\n"
          : "(\(CellText.grouped(maximum)) of \(CellText.grouped(rowCount)) rows shown; LIMIT n or .rows n changes that)\n"
      )
    }
    if wasShortened {
      writer.append(
        options.chinese
          ? "（以 … 结尾的单元格已为屏幕缩短；.mode csv 显示全文）\n"
          : "(cells that end in … are shortened to fit the screen; .mode csv shows them whole)\n")
    }
    try writer.flush()
  }

  private mutating func layOut() throws {
    var widths = header.map(DisplayWidth.of)
    for row in pending {
      for (i, cell) in row.enumerated() { widths[i] = max(widths[i], DisplayWidth.of(cell)) }
    }
    if let screen = options.terminalWidth {
      // Take from the widest column until the table fits, down to a width at which cells still say something.
      var total = widths.reduce(0, +) + 3 * widths.count - 1
      while total > screen, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
        widths[widest] > Self.widestShortened
      {
        widths[widest] -= 1
        total -= 1
      }
    }
    self.widths = widths
    print(line: zip(header, widths).map { padded($0, $1, right: false) }, bold: true)
    writer.append(widths.map { String(repeating: "─", count: $0 + 2) }.joined(separator: "┼"))
    writer.append("\n")
    let rows = pending
    pending = []
    for row in rows { try print(row) }
  }

  private mutating func print(_ cells: [String]) throws {
    guard let widths else { return }
    if !pendingHeadings.isEmpty {
      let heading = pendingHeadings.removeFirst()
      if heading != lastHeading { print(line: ["▸ \(heading)"], bold: true) }
      lastHeading = heading
    }
    var line: [String] = []
    for (i, cell) in cells.enumerated() {
      if options.terminalWidth != nil, DisplayWidth.of(cell) > widths[i], widths[i] >= Self.widestShortened {
        wasShortened = true
        line.append(DisplayWidth.prefix(of: cell, columns: widths[i] - 1) + "…")
      } else {
        line.append(padded(cell, widths[i], right: rightAligned[i]))
      }
    }
    print(line: line, bold: false)
    try writer.flushIfLarge()
  }

  private func print(line cells: [String], bold: Bool) {
    var text = " " + cells.joined(separator: " │ ")
    while text.last == " " { text.removeLast() }
    if bold, options.colour { text = "\u{1B}[1m" + text + "\u{1B}[0m" }
    writer.append(text)
    writer.append("\n")
  }

  private func padded(_ text: String, _ width: Int, right: Bool) -> String {
    let space = String(repeating: " ", count: max(0, width - DisplayWidth.of(text)))
    return right ? space + text : text + space
  }
}

/// A GitHub-flavoured Markdown table.
struct MarkdownSink: RowSink {
  private let writer: ByteWriter
  private let catalog: Catalog
  private let options: OutputOptions
  private var columns: OutputColumns?
  private var distance: Int?

  init(_ writer: ByteWriter, catalog: Catalog, options: OutputOptions) {
    (self.writer, self.catalog, self.options) = (writer, catalog, options)
  }

  var wantsShapes: Bool { false }

  mutating func begin(_ header: ResultHeader) throws {
    let columns = try OutputColumns(header, catalog: catalog, options: options)
    self.columns = columns
    distance = header.distanceColumn
    line(columns.columns.map(\.name))
    line(columns.columns.map { $0.type == .int || $0.type == .double ? "---:" : "---" })
  }

  mutating func write(_ batch: RowBatch) throws {
    guard let columns else { return }
    let batch = try columns.prepared(batch)
    for row in 0..<batch.rowCount {
      line(
        columns.columns.map { column in
          switch column.cell {
          case .value:
            CellText.text(batch.columns[column.source], row, decimals: column.source == distance ? 1 : 3)
          case .longitude, .latitude:
            columns.shape(column, batch, row).map {
              CellText.number($0.xy[column.cell == .longitude ? 0 : 1], decimals: columns.decimals)
            } ?? ""
          case .wkt: columns.shape(column, batch, row).map { WKT.write($0, decimals: columns.decimals) } ?? ""
          }
        })
      try writer.flushIfLarge()
    }
  }

  mutating func end(notices: [String]) throws { try writer.flush() }

  private func line(_ cells: [String]) {
    writer.append("| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n")
  }
}
