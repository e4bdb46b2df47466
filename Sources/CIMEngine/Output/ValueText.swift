// How values are spelt in machine formats: the same in CSV, JSON and GeoJSON.

extension ByteWriter {
  /// A double in its shortest form that reads back to the same bits; never NaN or an infinity (the caller asks
  /// `isFinite` first and writes NULL).
  func append(_ value: Double) {
    if value == value.rounded(.towardZero), abs(value) < 1e15 {
      append(Int64(value))
      append(".0")
    } else {
      append(value.description)
    }
  }

  func append(_ value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(value.magnitude, minimumDigits: 1)
  }

  func append(_ value: UInt64, minimumDigits: Int) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
      var rest = value
      var at = 32
      repeat {
        at -= 1
        digits[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0 || 32 - at < minimumDigits
      append(UnsafeBufferPointer(rebasing: digits[at..<32]))
    }
  }

  /// A coordinate rounded to `decimals` places, without trailing zeros.
  func appendCoordinate(_ value: Double, decimals: Int) {
    guard value.isFinite else { return append("null") }
    appendText { NumberText.append(value, decimals: decimals, to: &$0) }
  }

  /// `2021-07-20`
  func append(date days: Int32) {
    let (year, month, day) = RFC3339.civil(days: Int(days))
    if year < 0 { append(UInt8(ascii: "-")) }
    append(UInt64(abs(year)), minimumDigits: 4)
    append(UInt8(ascii: "-"))
    append(UInt64(month), minimumDigits: 2)
    append(UInt8(ascii: "-"))
    append(UInt64(day), minimumDigits: 2)
  }

  /// `2021-07-20T08:00:00Z`, with as many decimals of a second as are needed (RFC 3339).
  func append(timestamp microseconds: Int64) {
    let day = microseconds.dividedFloor(by: 86_400_000_000)
    let rest = UInt64(microseconds - day * 86_400_000_000)
    append(date: Int32(clamping: day))
    append(UInt8(ascii: "T"))
    append(rest / 3_600_000_000, minimumDigits: 2)
    append(UInt8(ascii: ":"))
    append(rest / 60_000_000 % 60, minimumDigits: 2)
    append(UInt8(ascii: ":"))
    append(rest / 1_000_000 % 60, minimumDigits: 2)
    var fraction = rest % 1_000_000
    if fraction > 0 {
      var digits = 6
      while fraction % 10 == 0 {
        fraction /= 10
        digits -= 1
      }
      append(UInt8(ascii: "."))
      append(fraction, minimumDigits: digits)
    }
    append(UInt8(ascii: "Z"))
  }

  /// A string in double quotes with JSON's escapes (RFC 8259); text beyond ASCII stays as it is.
  func appendJSON(_ text: String) {
    var text = text
    append(UInt8(ascii: "\""))
    text.withUTF8 { bytes in
      var start = 0
      for i in bytes.indices {
        let byte = bytes[i]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
        append(UnsafeBufferPointer(rebasing: bytes[start..<i]))
        start = i + 1
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        default:
          append("\\u00")
          append(hexDigits[Int(byte >> 4)])
          append(hexDigits[Int(byte & 15)])
        }
      }
      append(UnsafeBufferPointer(rebasing: bytes[start..<bytes.count]))
    }
    append(UInt8(ascii: "\""))
  }

  /// A value of a list, or a scalar outside a column, as JSON.
  func appendJSON(_ value: Value) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .int(let value): append(value)
    case .double(let value): if value.isFinite { append(value) } else { append("null") }
    case .text(let value): appendJSON(value)
    case .date(let value):
      append(UInt8(ascii: "\""))
      append(date: value)
      append(UInt8(ascii: "\""))
    case .timestamp(let value):
      append(UInt8(ascii: "\""))
      append(timestamp: value)
      append(UInt8(ascii: "\""))
    case .list(let values):
      append(UInt8(ascii: "["))
      for (i, value) in values.enumerated() {
        if i > 0 { append(UInt8(ascii: ",")) }
        appendJSON(value)
      }
      append(UInt8(ascii: "]"))
    case .geometry(let geometry): appendJSON(WKT.write(geometry, decimals: 7))
    }
  }
}

private let hexDigits = Array("0123456789abcdef".utf8)

extension Int64 {
  fileprivate func dividedFloor(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
