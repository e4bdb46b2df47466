/// How values look to people: in tables and messages. Machine formats have their own spelling (ValueText.swift).
package enum CellText {
  /// The text of one cell. NULL is empty; a double shows at most `decimals` decimals.
  static func text(_ vector: Vector, _ row: Int, decimals: Int) -> String {
    guard vector.isValid(row) else { return "" }
    switch vector.storage {
    case .bool(let values): return values[row] ? "true" : "false"
    case .int(let values): return String(values[row])
    case .double(let values): return number(values[row], decimals: decimals)
    case .text(let values): return oneLine(values[row])
    case .dictionary(let codes, let dictionary): return oneLine(dictionary.strings[Int(codes[row])])
    case .date(let values): return date(values[row])
    case .timestamp(let values): return timestamp(values[row])
    case .list(let values): return Value.list(values[row]).json
    case .geometry, .null: return ""
    }
  }

  /// Rounded to `decimals`, without trailing zeros; tiny and huge numbers in scientific form.
  package static func number(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return "" }
    let magnitude = abs(value)
    if magnitude != 0, magnitude < 0.0005 || magnitude >= 1e15 { return value.description }
    let scale: Int64 = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000][min(decimals, 7)]
    let scaled = (magnitude * Double(scale)).rounded(.toNearestOrAwayFromZero)
    guard scaled < 9e18 else { return value.description }
    let whole = Int64(scaled)
    var fraction = String(whole % scale)
    fraction = String(repeating: "0", count: max(0, min(decimals, 7) - fraction.count)) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    let sign = value < 0 && whole != 0 ? "-" : ""
    return sign + String(whole / scale) + (fraction.isEmpty ? "" : "." + fraction)
  }

  package static func date(_ days: Int32) -> String {
    let (year, month, day) = RFC3339.civil(days: Int(days))
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  package static func timestamp(_ microseconds: Int64) -> String {
    let day = microseconds >= 0 ? microseconds / 86_400_000_000 : -((-microseconds + 86_399_999_999) / 86_400_000_000)
    let rest = microseconds - day * 86_400_000_000
    let seconds = rest / 1_000_000
    var text =
      date(Int32(clamping: day)) + "T"
      + [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded(Int($0), 2) }.joined(separator: ":")
    if rest % 1_000_000 != 0 {
      var fraction = padded(Int(rest % 1_000_000), 6)
      while fraction.last == "0" { fraction.removeLast() }
      text += "." + fraction
    }
    return text + "Z"
  }

  static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(abs(value))
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// A cell stays on its line: line ends and tabs become visible marks, other control characters `?`,
  /// so that a value cannot move the cursor or recolour the terminal.
  package static func oneLine(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 }) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result.append("⏎")
      case "\t": result.append(" ")
      case "\r": continue
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): result.append("?")
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// 18314 -> 18,314
  package static func grouped(_ count: Int) -> String {
    let digits = Array(String(abs(count)))
    var result = ""
    for (i, digit) in digits.enumerated() {
      if i > 0, (digits.count - i) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return (count < 0 ? "-" : "") + result
  }
}
