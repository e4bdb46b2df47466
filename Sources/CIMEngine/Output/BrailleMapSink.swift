internal import SpatialIndex

/// A result as a map of Braille dots for the terminal: north up, a scale bar, a legend, sized to the screen.
///
/// Shapes are collected until the result ends, because the frame must hold all of them: 8 bytes a vertex, and past four
/// million vertices only a shape's box, which no terminal could tell from it. Colours follow the values of the first
/// column with a closed list of values (`status`), else the layers whose geometry is returned. Up to twenty rows are
/// numbered, with their id, name and distance below the map.
struct BrailleMapSink: RowSink {
  private static let coloursOfClasses = ["34", "31", "32", "33", "35", "36", "94", "91", "92", "95"]
  private static let marks = Array("123456789abcdefghijk")
  private static let verticesKeptWhole = 4_000_000

  private let writer: ByteWriter
  private let catalog: Catalog
  private let options: OutputOptions

  private struct Shape {
    var ringEnd: UInt32
    var dimension: UInt8
    var colour: UInt8
  }
  private var origin: (x: Double, y: Double)?
  private var xy: [Float] = []
  private var ringEnds: [UInt32] = []
  private var shapes: [Shape] = []
  private var labels: [(text: String, x: Double, y: Double, colour: UInt8)] = []

  private var crs = CRS.wgs84
  private var isGeographic = false
  private var computedShape: Int?
  /// Returned geometry columns of other layers than the source: drawn too.
  private var others: [(column: Int, colour: UInt8)] = []
  private var classColumn: Int?
  private var labelColumns: [Int] = []
  private var distance: Int?
  private var classes: [(name: String, count: Int)] = []
  private var classNumbers: [String: UInt8] = [:]
  private var valueNames: [String: String] = [:]
  private var rowCount = 0
  private var placeless = 0

  init(_ writer: ByteWriter, catalog: Catalog, options: OutputOptions) {
    (self.writer, self.catalog, self.options) = (writer, catalog, options)
  }

  var wantsShapes: Bool { true }

  mutating func begin(_ header: ResultHeader) throws {
    crs = header.crs
    isGeographic = catalog.isGeographic
    computedShape = header.columns.firstIndex { $0.type == .geometry && $0.origin == nil }
    let source = header.columns.lazy.compactMap(\.origin?.layer).first
    classColumn = header.columns.firstIndex { catalog.column($0.origin)?.enumeration.map { $0.count <= 9 } ?? false }
    if let classColumn, let column = catalog.column(header.columns[classColumn].origin) {
      for value in column.enumeration ?? [] { _ = classNumber(value) }
      if options.chinese {
        // Several aliases lead to one value; the shortest reads best in a legend.
        for (alias, value) in column.valueAliases {
          let known = valueNames[value]
          if known == nil || (alias.count, alias) < (known!.count, known!) { valueNames[value] = alias }
        }
      }
    } else {
      _ = classNumber(name(ofLayer: source))
    }
    for (index, column) in header.columns.enumerated() {
      if column.type == .geometry, let layer = column.origin?.layer, layer != source {
        others.append((index, classNumber(name(ofLayer: layer))))
      }
    }
    labelColumns = ["id", "code", "name"].compactMap { name in header.columns.firstIndex { $0.name == name } }
    if labelColumns.isEmpty, let first = header.columns.firstIndex(where: { $0.type == .text }) {
      labelColumns = [first]
    }
    distance = header.distanceColumn
  }

  private func name(ofLayer name: String?) -> String {
    guard let name else { return options.chinese ? "结果" : "result" }
    let layer = catalog.layers.first { $0.name == name }
    return options.chinese ? layer?.aliases.first ?? name : name
  }

  private mutating func classNumber(_ name: String) -> UInt8 {
    if let known = classNumbers[name] { return known }
    let number = UInt8(min(classes.count, 250))
    classNumbers[name] = number
    classes.append((name, 0))
    return number
  }

  mutating func write(_ batch: RowBatch) throws {
    for row in 0..<batch.rowCount {
      rowCount += 1
      var shape = row < batch.shapes.count ? batch.shapes[row] : nil
      if let computedShape, case .geometry(let shapes) = batch.columns[computedShape].storage { shape = shapes[row] }
      var colour: UInt8 = 0
      if let classColumn {
        let vector = batch.columns[classColumn]
        colour = classNumber(vector.isValid(row) ? CellText.text(vector, row, decimals: 3) : "NULL")
      }
      for (column, otherColour) in others {
        if case .geometry(let shapes) = batch.columns[column].storage, let other = shapes[row], let box = other.box {
          if origin == nil { origin = (box.min[0], box.min[1]) }
          add(other, otherColour)
          classes[Int(otherColour)].count += 1
        }
      }
      guard let shape, let box = shape.box else {
        placeless += 1
        continue
      }
      if origin == nil { origin = (box.min[0], box.min[1]) }
      add(shape, colour)
      classes[Int(colour)].count += 1
      if labels.count <= Self.marks.count {
        labels.append((label(batch, row), (box.min[0] + box.max[0]) / 2, (box.min[1] + box.max[1]) / 2, colour))
      }
    }
  }

  private func label(_ batch: RowBatch, _ row: Int) -> String {
    var parts = labelColumns.map { CellText.text(batch.columns[$0], row, decimals: 3) }.filter { !$0.isEmpty }
    // Grids are often named by their code.
    parts = parts.enumerated().filter { !parts[..<$0.offset].contains($0.element) }.map(\.element)
    if let distance, batch.columns[distance].isValid(row) {
      parts.append(CellText.text(batch.columns[distance], row, decimals: 0) + " m")
    }
    return parts.joined(separator: " ")
  }

  private mutating func add(_ shape: Geometry, _ colour: UInt8) {
    for member in shape.members { add(member, colour) }
    guard let origin, shape.xy.count >= 2 else { return }
    let dimension: UInt8 =
      switch shape.kind {
      case .point, .multiPoint: 0
      case .lineString, .multiLineString: 1
      default: 2
      }
    if dimension > 0, xy.count / 2 > Self.verticesKeptWhole, let box = shape.box {
      for (x, y) in [(box.min[0], box.min[1]), (box.max[0], box.max[1])] {
        xy.append(Float(x - origin.x))
        xy.append(Float(y - origin.y))
      }
      ringEnds.append(UInt32(xy.count / 2))
    } else {
      for ring in 0..<max(shape.ringOffsets.count - 1, 0) {
        for v in Int(shape.ringOffsets[ring])..<Int(shape.ringOffsets[ring + 1]) {
          xy.append(Float(shape.xy[2 * v] - origin.x))
          xy.append(Float(shape.xy[2 * v + 1] - origin.y))
        }
        ringEnds.append(UInt32(xy.count / 2))
      }
    }
    shapes.append(Shape(ringEnd: UInt32(ringEnds.count), dimension: dimension, colour: colour))
  }

  // MARK: Drawing

  mutating func end(notices: [String]) throws {
    defer { (xy, ringEnds, shapes) = ([], [], []) }
    guard let origin, !xy.isEmpty else {
      writer.append(
        options.chinese
          ? "（\(CellText.grouped(rowCount)) 行，没有可画的位置）\n"
          : "(\(CellText.grouped(rowCount)) row\(rowCount == 1 ? "" : "s"), none with a place to draw)\n")
      return try writer.flush()
    }
    var (x0, y0, x1, y1) = (xy[0], xy[1], xy[0], xy[1])
    var i = 2
    while i < xy.count {
      x0 = min(x0, xy[i])
      x1 = max(x1, xy[i])
      y0 = min(y0, xy[i + 1])
      y1 = max(y1, xy[i + 1])
      i += 2
    }
    let middleY = origin.y + Double(y0 + y1) / 2
    // Metres in a unit of the CRS: a degree of latitude is about 111 km, one of longitude shrinks with it.
    let metresY = isGeographic ? 111_200.0 : 1
    let metresX = isGeographic ? max(metresY * cosine(degrees: middleY), 1) : 1
    let wide = max(Double(x1 - x0) * metresX, 1)
    let high = max(Double(y1 - y0) * metresY, 1)

    let screen = max(options.terminalWidth ?? 80, 24)
    let isLabelled = rowCount == labels.count && !labels.isEmpty && labels.count <= Self.marks.count
    let legend = legendLines(width: screen - 2) + (isLabelled ? labelLines(width: screen - 2) : [])
    let rows = max((options.terminalHeight ?? 36) - legend.count - 5, 8)
    let columns = screen - 2
    // Dots are square on a terminal whose cells are twice as high as wide. A margin keeps the marks inside.
    let room = (x: Double(columns * 2 - 8), y: Double(rows * 4 - 8))
    let dotsInMetre = min(room.x / max(wide, 50), room.y / max(high, 50))
    let used = min(columns, max(Int((wide * dotsInMetre + 8) / 2) + 1, min(columns, 40)))
    let usedRows = min(rows, max(Int((high * dotsInMetre + 8) / 4) + 1, 6))
    var canvas = BrailleCanvas(columns: used, rows: usedRows)
    let (middleX, middle) = (Double(x0 + x1) / 2, Double(y0 + y1) / 2)
    let (halfW, halfH) = (Double(canvas.width) / 2, Double(canvas.height) / 2)
    func place(_ x: Double, _ y: Double) -> (Double, Double) {
      (halfW + (x - middleX) * metresX * dotsInMetre, halfH - (y - middle) * metresY * dotsInMetre)
    }

    var ring = 0
    let bigPoints = shapes.count <= 400 && !isLabelled
    for shape in shapes {
      while ring < Int(shape.ringEnd) {
        let (from, to) = (ring == 0 ? 0 : Int(ringEnds[ring - 1]), Int(ringEnds[ring]))
        var last: (Double, Double)?
        for v in from..<to {
          let (px, py) = place(Double(xy[2 * v]), Double(xy[2 * v + 1]))
          if shape.dimension == 0 {
            canvas.set(Int(px), Int(py), shape.colour)
            if bigPoints {
              for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
                canvas.set(Int(px) + dx, Int(py) + dy, shape.colour)
              }
            }
          } else if let last {
            canvas.line(last.0, last.1, px, py, shape.colour)
          } else if to - from == 1 {
            canvas.set(Int(px), Int(py), shape.colour)
          }
          last = (px, py)
        }
        ring += 1
      }
    }
    if isLabelled {
      for (n, label) in labels.enumerated() {
        let (px, py) = place(label.x - origin.x, label.y - origin.y)
        canvas.mark(Int(px), Int(py), Self.marks[n], label.colour)
      }
    }

    let colours = options.colour ? Self.coloursOfClasses : []
    let edge = String(repeating: "─", count: used)
    writer.append("┌\(edge)┐\n")
    for row in 0..<usedRows { writer.append("│" + canvas.text(row: row, colours: colours) + "│\n") }
    writer.append("└\(edge)┘\n")
    writer.append(try footer(x0: x0, y0: y0, x1: x1, y1: y1, origin: origin, metresInColumn: 2 / dotsInMetre, used))
    for line in legend { writer.append(line + "\n") }
    try writer.flush()
  }

  /// The scale bar, and the corners in the CRS of the output.
  private func footer(
    x0: Float, y0: Float, x1: Float, y1: Float, origin: (x: Double, y: Double), metresInColumn: Double, _ columns: Int
  ) throws -> String {
    var metres = 1.0
    while metres * 10 <= metresInColumn * Double(columns) / 3 { metres *= 10 }
    for factor in [5.0, 2.0] where metres * factor <= metresInColumn * Double(columns) / 3 {
      metres *= factor
      break
    }
    let bar = max(Int((metres / metresInColumn).rounded()), 1)
    let length = metres >= 1000 ? "\(Int(metres / 1000)) km" : "\(Int(metres)) m"
    let transform = try ShapeTransform(from: crs, options: options)
    var corners = Geometry.line([
      origin.x + Double(x0), origin.y + Double(y0), origin.x + Double(x1), origin.y + Double(y1),
    ])
    try transform.apply(&corners)
    let decimals = transform.decimals == 7 ? 4 : 0
    let text = corners.xy.map { CellText.number($0, decimals: decimals) }
    let extent =
      "\(text[0]), \(text[1]) – \(text[2]), \(text[3])"
      + (options.crs == .wgs84 ? "" : " \(options.crs)")
    return "├" + String(repeating: "─", count: max(bar - 2, 0)) + "┤ \(length)   N ↑   \(extent)\n"
  }

  private func cosine(degrees: Double) -> Double {
    // Enough of the series for a picture, without a maths library.
    let x = min(abs(degrees), 89) * .pi / 180
    let x2 = x * x
    return 1 - x2 / 2 * (1 - x2 / 12 * (1 - x2 / 30 * (1 - x2 / 56 * (1 - x2 / 90))))
  }

  private func legendLines(width: Int) -> [String] {
    var entries = classes.enumerated().filter { $0.element.count > 0 }.map { index, entry in
      let name = valueNames[entry.name] ?? entry.name
      let mark = options.colour ? "\u{1B}[\(Self.coloursOfClasses[index % 10])m⣿\u{1B}[0m" : "⣿"
      return (mark: mark, text: " \(name): \(CellText.grouped(entry.count))")
    }
    if placeless > 0 {
      let text = options.chinese ? "无位置：" : "without a place: "
      entries.append((mark: " ", text: " " + text + CellText.grouped(placeless)))
    }
    return flow(entries, width: width)
  }

  private func labelLines(width: Int) -> [String] {
    flow(
      labels.enumerated().map { n, label in
        let mark = String(Self.marks[n])
        let colour = Self.coloursOfClasses[Int(label.colour) % 10]
        return (options.colour ? "\u{1B}[1;7;\(colour)m\(mark)\u{1B}[0m" : mark, " " + label.text)
      }, width: width)
  }

  /// Entries in columns of one width, as many beside each other as fit; wide characters count double.
  private func flow(_ entries: [(mark: String, text: String)], width: Int) -> [String] {
    let widest = min(entries.map { DisplayWidth.of($0.text) }.max() ?? 0, max(width - 4, 10))
    let perLine = max(1, (width + 2) / (widest + 3))
    var lines: [String] = []
    for start in stride(from: 0, to: entries.count, by: perLine) {
      let cells = entries[start..<min(start + perLine, entries.count)].map { entry in
        let text =
          DisplayWidth.of(entry.text) > widest ? DisplayWidth.prefix(of: entry.text, columns: widest) : entry.text
        return entry.mark + DisplayWidth.padded(text, to: widest)
      }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      lines.append(line)
    }
    return lines
  }
}
