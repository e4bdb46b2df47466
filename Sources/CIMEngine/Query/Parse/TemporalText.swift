/// Dates and times of the language as text: RFC 3339, a time without a zone is UTC.
enum TemporalText {
  /// `2021-07-20` as days since 1970-01-01.
  static func date(_ text: String) -> Int32? { RFC3339.date(text) }

  /// `2021-07-20T16:00:00Z` as microseconds since 1970-01-01T00:00:00Z.
  static func timestamp(_ text: String) -> Int64? { RFC3339.dateTime(text)?.micros }

  static func text(date: Int32) -> String {
    let (year, month, day) = RFC3339.civil(days: Int(date))
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  /// With as many decimals of a second as it takes, and `Z`.
  static func text(timestamp: Int64) -> String {
    let perDay: Int64 = 86_400_000_000
    let days = timestamp >= 0 ? timestamp / perDay : (timestamp + 1) / perDay - 1
    let micros = timestamp - days * perDay
    let seconds = Int(micros / 1_000_000)
    var result =
      text(date: Int32(days))
      + "T\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    var fraction = padded(Int(micros % 1_000_000), 6)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    if !fraction.isEmpty { result += "." + fraction }
    return result + "Z"
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
