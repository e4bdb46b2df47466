/// Dates and instants as the store writes them: `2022-07-20` and `2022-07-20T13:30:00.5Z`. Other programs write a
/// space for the `T`, leave out the zone (then it is UTC) or the time.
enum StoredTime {
  /// Days since 1970-01-01, or nil.
  static func date(_ text: UnsafeBufferPointer<UInt8>) -> Int32? {
    guard text.count == 10 else {
      // A date column may hold midnight written out.
      guard let instant = instant(text) else { return nil }
      let day: Int64 = 86_400_000_000
      return Int32(exactly: (instant - (instant % day + day) % day) / day)
    }
    return RFC3339.date(text)
  }

  /// Microseconds since 1970-01-01T00:00:00Z, or nil.
  static func instant(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    if text.count == 10, let days = RFC3339.date(text) { return Int64(days) * 86_400_000_000 }
    return RFC3339.dateTime(text)?.micros
  }

  static func bytes(date: Int32) -> [UInt8] {
    var result: [UInt8] = []
    append(date: date, to: &result)
    return result
  }
  static func bytes(instant: Int64) -> [UInt8] {
    var result: [UInt8] = []
    append(instant: instant, to: &result)
    return result
  }

  static func append(date: Int32, to bytes: inout [UInt8]) {
    let day = RFC3339.civil(days: Int(date))
    append(day.year, 4, &bytes)
    bytes.append(UInt8(ascii: "-"))
    append(day.month, 2, &bytes)
    bytes.append(UInt8(ascii: "-"))
    append(day.day, 2, &bytes)
  }

  static func append(instant: Int64, to bytes: inout [UInt8]) {
    let day: Int64 = 86_400_000_000
    let rest = Int((instant % day + day) % day)
    append(date: Int32(truncatingIfNeeded: (instant - Int64(rest)) / day), to: &bytes)
    bytes.append(UInt8(ascii: "T"))
    append(rest / 3_600_000_000, 2, &bytes)
    bytes.append(UInt8(ascii: ":"))
    append(rest / 60_000_000 % 60, 2, &bytes)
    bytes.append(UInt8(ascii: ":"))
    append(rest / 1_000_000 % 60, 2, &bytes)
    var fraction = rest % 1_000_000
    if fraction != 0 {
      var digits = 6
      while fraction % 10 == 0 {
        fraction /= 10
        digits -= 1
      }
      bytes.append(UInt8(ascii: "."))
      append(fraction, digits, &bytes)
    }
    bytes.append(UInt8(ascii: "Z"))
  }

  private static func append(_ number: Int, _ width: Int, _ bytes: inout [UInt8]) {
    if number < 0 {
      bytes.append(UInt8(ascii: "-"))
      append(-number, width, &bytes)
      return
    }
    let digits = String(number).utf8
    for _ in 0..<max(0, width - digits.count) { bytes.append(UInt8(ascii: "0")) }
    bytes.append(contentsOf: digits)
  }
}
