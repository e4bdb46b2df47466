/// Days and microseconds of the proleptic Gregorian calendar, in UTC.
enum Calendar {
  static let microsecondsPerDay: Int64 = 86_400_000_000

  @inline(__always)
  static func midnight(_ day: Int32) -> Int64 { Int64(day) * microsecondsPerDay }

  /// The day of an instant.
  static func day(of instant: Int64) -> Int32 {
    Int32(clamping: floorDivide(instant, microsecondsPerDay))
  }

  static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a / b - (a % b < 0 ? 1 : 0) }

  static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) { RFC3339.civil(days: day) }

  /// Reads `2022-07-20` as a day; nil when the text is nothing of the kind or the date does not exist.
  static func parseDate(_ text: some StringProtocol) -> Int32? { RFC3339.date(text) }

  /// Reads an RFC 3339 date-time, or a date (midnight), in UTC when no zone is given.
  static func parseTimestamp(_ text: some StringProtocol) -> Int64? {
    RFC3339.dateTime(text)?.micros ?? RFC3339.date(text).map(midnight)
  }

  static func dateText(_ day: Int32) -> String {
    let (year, month, day) = civil(Int(day))
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  /// RFC 3339 with `Z`; fractions only when there are any.
  static func timestampText(_ instant: Int64) -> String {
    let day = day(of: instant)
    let rest = instant - midnight(day)
    let seconds = Int(rest / 1_000_000)
    var text =
      "\(dateText(day))T\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    var micros = Int(rest % 1_000_000)
    if micros != 0 {
      var width = 6
      while micros % 10 == 0 {
        micros /= 10
        width -= 1
      }
      text += ".\(padded(micros, width))"
    }
    return text + "Z"
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(abs(value))
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
