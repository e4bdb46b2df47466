/// A grid of dots drawn with Braille characters, two dots wide and four high in each cell, one colour a cell.
struct BrailleCanvas {
  let columns: Int
  let rows: Int
  private var cells: [UInt8]
  private(set) var classes: [UInt8]
  /// A character that stands in a cell instead of its dots.
  private var marks: [Int: Character] = [:]

  init(columns: Int, rows: Int) {
    (self.columns, self.rows) = (max(columns, 1), max(rows, 1))
    cells = [UInt8](repeating: 0, count: self.columns * self.rows)
    classes = cells
  }

  var width: Int { columns * 2 }
  var height: Int { rows * 4 }

  /// The dot in column `x` from the left and row `y` from the top; outside the grid nothing happens.
  @inline(__always)
  mutating func set(_ x: Int, _ y: Int, _ colour: UInt8) {
    guard x >= 0, y >= 0, x < width, y < height else { return }
    let cell = (y >> 2) * columns + (x >> 1)
    // Unicode numbers the dots down the left column, down the right one, then the bottom row (U+2800 block).
    cells[cell] |= Self.bit(x & 1, y & 3)
    classes[cell] = colour
  }

  @inline(__always)
  private static func bit(_ x: Int, _ y: Int) -> UInt8 {
    if y == 3 { return x == 0 ? 0x40 : 0x80 }
    return (x == 0 ? 1 : 8) << UInt8(y)
  }

  /// A line of dots from one point to another, both inside or near the grid.
  mutating func line(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ colour: UInt8) {
    let steps = min(max(abs(x1 - x0), abs(y1 - y0)).rounded(.up), 20_000)
    guard steps >= 1 else { return set(Int(x0), Int(y0), colour) }
    for i in 0...Int(steps) {
      let t = Double(i) / steps
      set(Int(x0 + (x1 - x0) * t), Int(y0 + (y1 - y0) * t), colour)
    }
  }

  mutating func mark(_ x: Int, _ y: Int, _ character: Character, _ colour: UInt8) {
    guard x >= 0, y >= 0, x < width, y < height else { return }
    var cell = (y >> 2) * columns + (x >> 1)
    // A mark that is there already is not painted over: the next free cell to the right takes this one.
    while marks[cell] != nil, (cell + 1) % columns != 0 { cell += 1 }
    marks[cell] = character
    classes[cell] = colour
  }

  /// One row of cells as text; `colours` holds an ANSI colour for each class, or is empty for none.
  func text(row: Int, colours: [String]) -> String {
    var result = ""
    var current = -1
    for column in 0..<columns {
      let cell = row * columns + column
      let mark = marks[cell]
      let isBlank = cells[cell] == 0 && mark == nil
      if !colours.isEmpty, !isBlank {
        let wanted = Int(classes[cell]) + (mark == nil ? 0 : 1000)
        if wanted != current {
          if current >= 0 { result += "\u{1B}[0m" }
          result += "\u{1B}[" + (mark == nil ? "" : "1;7;") + colours[Int(classes[cell]) % colours.count] + "m"
          current = wanted
        }
      } else if current >= 0, isBlank {
        result += "\u{1B}[0m"
        current = -1
      }
      if let mark {
        result.append(mark)
      } else {
        result.unicodeScalars.append(isBlank ? " " : Unicode.Scalar(0x2800 + UInt32(cells[cell]))!)
      }
    }
    if current >= 0 { result += "\u{1B}[0m" }
    return result
  }
}
